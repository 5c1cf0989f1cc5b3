"""What is secret in a location is seen nowhere: not in a table, JSON, an error, a log line, a `repr` or a record."""

from __future__ import annotations

import json
import logging
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any

import fsspec
import pytest
import yaml
from fsspec.implementations.memory import MemoryFileSystem
from kedro.io import DataCatalog, DatasetError

from steel_toes import SteelToes, errors
from steel_toes.datasets.paths import filesystem_path
from steel_toes.datasets.proxy import branched_of
from steel_toes.errors import SteelToesError
from steel_toes.naming.digest import digest
from steel_toes.naming.location import former_spelling, normalise
from steel_toes.stores.base import Store
from support.servers import free_port
from support.studio import VERSION, Studio
from support.team import SLUG

pytest.importorskip("kedro_datasets.text", reason="the data is text")

PW, SIG = "pAsSwOrD", "sIgNaTuRe"
LOCATIONS = {
    "sftp": f"sftp://user:{PW}@host/x.csv?sig={SIG}",
    "https": f"https://user:{PW}@host/my data/x.csv?{SIG}",
    "s3": f"s3://KEY:{PW}/{PW}@bucket/x?X-Amz-Signature={SIG}",
    "azure": f"abfs://container@account.dfs.core.windows.net/x?sv=1&sig={SIG}",
    "chain": f"simplecache::s3://KEY:{PW}@bucket/x",
    "path": f"bucket/x.csv?X-Amz-Signature={SIG}",
    "sentence": f"PermissionError: GET 'https://user:{PW}@host/x?sig={SIG}' (403)",
}
VAULT = f"vault://user:{PW}@host"


class Vault(MemoryFileSystem):
    """A store behind URLs with a user, a password and a token, whose errors show them."""

    protocol = "vault"
    store: dict[str, Any] = {}  # noqa: RUF012 - as its base
    pseudo_dirs = [""]  # noqa: RUF012 - as its base
    refuses = ""

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        if "://" in path:
            path = path.split("://", 1)[1].partition("/")[2]
        return super()._strip_protocol(f"/{path.lstrip('/')}")

    def check(self, path: str, action: str) -> None:
        """Refuse what is to be refused, as clients do: with the URL that was asked for."""
        if self.refuses == action:
            msg = f"403: {VAULT}{path}?sig={SIG}"
            raise PermissionError(msg)

    def info(self, path: str, **more: Any) -> Any:
        self.check(path, "info")
        return super().info(path, **more)

    def cat_file(self, path: str, *arguments: Any, **more: Any) -> Any:
        self.check(path, "read")
        return super().cat_file(path, *arguments, **more)

    def rm_file(self, path: str) -> None:
        self.check(path, "remove")
        super().rm_file(path)

    def pipe_file(self, path: str, *arguments: Any, **more: Any) -> Any:
        self.check(path, "write")
        return super().pipe_file(path, *arguments, **more)


TEXT = {"type": "text.TextDataset"}
PARTS = {"type": "partitions.PartitionedDataset", "dataset": "text.TextDataset"}
CATALOG = {
    "kept": {**TEXT, "filepath": f"{VAULT}/d/kept.txt?sig={SIG}"},
    "lines": {**TEXT, "filepath": f"{VAULT}/d/lines.txt?sig={SIG}", "fs_args": {"open_args_save": {"mode": "a"}}},
    "stale": {**TEXT, "filepath": f"{VAULT}/d/stale.txt?sig={SIG}"},
    "loose": {**TEXT, "filepath": f"{VAULT}/d/loose.txt?sig={SIG}"},
    "dated": {**TEXT, "filepath": f"{VAULT}/d/dated.txt?sig={SIG}", "versioned": True},
    "pieces": {**PARTS, "path": f"{VAULT}/d/pieces?sig={SIG}"},
    "web": {**TEXT, "filepath": f"https://user:{PW}@127.0.0.1:1/x.txt?sig={SIG}"},
    "member": {**TEXT, "filepath": f"zip://a.txt::https://user:{PW}@127.0.0.1:1/x.zip?sig={SIG}"},
    "unknown": {"type": "studio.nowhere.NoDataset", "filepath": f"{VAULT}/d/unknown.txt?sig={SIG}"},
    "no_store": {**TEXT, "filepath": f"nostore://user:{PW}@host/x.txt?sig={SIG}"},
    "angry": {"type": "studio.datasets.AngryDataset", "url": f"{VAULT}/d/angry?sig={SIG}"},
    "azure": {**TEXT, "filepath": f"abfs://c@account.dfs.core.windows.net/x.txt?sig={SIG}"},
}
ANGRY = """

class AngryDataset(RemoteDataset):
    def __init__(self, url):
        raise ValueError(url)
"""
COMMANDS = [
    ["whoami"],
    ["status"],
    ["status", f"{VAULT}/d/x.txt?sig={SIG}"],
    ["status", "--pipeline", f"{VAULT}/d/x.txt?sig={SIG}"],
    ["branches"],
    ["clean", "--branch", "feature/x"],
    ["clean", "--older-than", "0h"],
    ["clean", "--stale", "--grace", "0h"],
    ["adopt", "loose"],
    ["adopt", "angry"],
    ["adopt", f"{VAULT}/d/loose--{SLUG}.txt?sig={SIG}"],
    ["adopt", f"{VAULT}/d/nothing.txt?sig={SIG}"],
    ["clean", "--branch", "feature/x", f"{VAULT}?sig={SIG}"],
]


def assert_clean(text: str) -> None:
    """Nothing in a text is secret."""
    for secret in (PW, SIG):
        assert secret not in text, text[max(0, text.index(secret) - 200) : text.index(secret) + 50]


@pytest.fixture
def vault(studio: Studio, caplog: pytest.LogCaptureFixture) -> Iterator[Studio]:
    """The project with entries in a vault, of which main and feature/x have data, and with a remote that is silent."""
    fsspec.register_implementation("vault", Vault, clobber=True)
    Vault.store.clear()
    Vault.pseudo_dirs[:] = [""]
    Vault.refuses = ""
    caplog.set_level(logging.DEBUG, logger="steel_toes")
    (studio.folder / "conf/base/catalog_vault.yml").write_text(yaml.safe_dump(CATALOG))
    with (studio.folder / "src/studio/datasets.py").open("a") as module:
        module.write(ANGRY)
    url = f"http://user:{PW}@127.0.0.1:{free_port()}/org/x.git?token={SIG}"
    studio.git("remote", "add", "origin", url)
    # A branch of which only the remote could say whether it is gone.
    studio.switch("away")
    studio.git("config", "branch.away.remote", "origin")
    studio.git("config", "branch.away.merge", "refs/heads/away")
    studio.catalog().save("kept", "away's")
    studio.switch("feature/x")
    studio.git("branch", "-q", "-D", "away")
    catalog = studio.catalog()
    for name in ("kept", "lines", "stale"):
        catalog.save(name, "the branch's")
    disk = fsspec.filesystem("vault")
    (stale,) = [path for path in Vault.store if "stale" in path]
    disk.pipe_file(stale, b"other hands'")
    disk.pipe_file(f"/d/loose--{SLUG}.txt?sig={SIG}", b"put")
    disk.pipe_file("/d/kept.txt?sig=" + SIG, b"main's")
    mains = {path: file.getvalue() for path, file in Vault.store.items() if SLUG not in path}
    yield studio
    Vault.refuses = ""
    assert {path: Vault.store[path].getvalue() for path in mains} == mains
    assert_clean(caplog.text)


class TestCommands:
    """Tables, JSON, and what is said beside them."""

    def test_every_command(self, vault: Studio, capfd: pytest.CaptureFixture[str]) -> None:
        """Each command, as a table and as JSON, whatever the store refuses; at last those that change something."""
        path, record = record_in_vault("kept")
        moved = {**record, "id": "moved", "location": f"{VAULT}/d/kept.txt?sig={SIG}"}
        fsspec.filesystem("vault").pipe_file(path.replace(Path(path).stem, "0" * 16), json.dumps(moved).encode())
        texts = []
        for refuses in ("info", "read", "remove", "write", ""):
            Vault.refuses = refuses
            calls = [[*command, "--json"] for command in COMMANDS]
            calls += [["adopt", "loose", "--yes"], ["clean", "--branch", "feature/x", "--yes"]]
            if not refuses:
                calls = [*COMMANDS, *calls[:-2], *([*call, "--output", "out.json"] for call in calls[-2:])]
            for call in calls:
                done = vault.call(*call, exit_code=None)
                texts.append(done.stdout + done.stderr)
        for text in [*texts, Path("out.json").read_text()]:
            assert_clean(text)
        shown = "".join(texts)
        for words in (
            f"vault://<redacted>@host/d/kept--{SLUG}.txt?<redacted>",
            f"/d/kept--{SLUG}.txt?<redacted>",
            "PermissionError: 403: vault://<redacted>@host/d/",
            "gave no answer",
            "it belongs to feature/x and vault://<redacted>@host/d/kept.txt?<redacted>",
            "vault://<redacted>@host/d/angry?<redacted>",
            "The catalog has no vault://<redacted>@host/d/x.txt?<redacted>",
            "Removed 4 of 4",
        ):
            assert words in shown, words
        assert_clean("".join(capfd.readouterr()))

    def test_local_paths(self, studio: Studio) -> None:
        """What is a mark in a URL is none in a local file's name: paths are exact, in JSON and in the table."""
        name = "we#ird=1&na@me"  # a `?` is a glob's
        entry = {"weird": {**TEXT, "filepath": f"data/02/{name}.txt"}}
        (studio.folder / "conf/base/catalog_weird.yml").write_text(yaml.safe_dump(entry))
        studio.catalog().save("weird", "x")
        copy = f"{studio.folder}/data/02/{name}--{SLUG}.txt"
        (row,) = studio.json("status", "weird")
        assert row["saves_to"] == copy
        assert f"data/02/{name}--{SLUG}.txt" in studio.call("status", "weird", "--paths").stdout
        plan = studio.json("clean", "--branch", "feature/x", "weird", "--yes")
        assert [item["path"] for item in plan["items"][0]["objects"]] == [copy]
        assert not Path(copy).exists()

    def test_project(self, studio: Studio) -> None:
        """A project that is given as a URL with CI's token is the same with the next token, and shows none."""
        for token in (f"ci:{PW}1", f"ci:{PW}2", "ci"):
            studio.settings(f'project="https://{token}@host/org/repo.git?token={SIG}"')
            studio.catalog().save("saved", token[-1])
            assert studio.json("whoami")["project"] == "host/org/repo"
        path = record_of(studio, "saved")
        assert_clean(path.read_text())
        old = f"https://ci:{PW}1@host/org/repo.git"
        path.write_text(path.read_text().replace('"host/org/repo"', json.dumps(old)))
        assert old in path.read_text()
        studio.catalog().save("saved", "over an older one")
        assert studio.catalog().load("saved") == "over an older one"


def record_of(studio: Studio, name: str) -> Path:
    """The record of an entry."""
    paths = (studio.folder / f"data/_steel_toes/{SLUG}").glob("*.json")
    return next(path for path in paths if json.loads(path.read_text())["dataset"] == name)


def vault_of(catalog: Any, name: str) -> Any:
    """What is behind an entry's proxy, if that can be built: a newer catalog of Kedro's wraps what it raises."""
    try:
        return branched_of(catalog.get(name))
    except DatasetError:
        return None


@pytest.mark.parametrize(
    ("location", "spelling", "former", "path"),
    [
        (f"sftp://u:{PW}@host/a//x", "sftp://host/a/x", f"sftp://u:{PW}@host/a/x", "host/a/x"),
        ("hdfs://u@host:8020/x", "hdfs://host:8020/x", "hdfs://u@host:8020/x", "host:8020/x"),
        (f"s3://K:{PW}@bucket/x", "s3://bucket/x", "", "bucket/x"),
        ("abfs://c@account/x", "abfs://c@account/x", "", "c@account/x"),
        ("oci://bucket@namespace/x", "oci://bucket@namespace/x", "", "bucket@namespace/x"),
        ("sftp://host/me@x", "sftp://host/me@x", "", "host/me@x"),
    ],
)
def test_spelling(location: str, spelling: str, former: str, path: str) -> None:
    """User info is no part of what a record, or a store, calls a location; a container before an `@` is."""
    assert (normalise(location), former_spelling(location)) == (spelling, former)
    assert normalise(spelling) == spelling
    assert filesystem_path(location, is_overlay=True)[1] == path


class TestDatasets:
    """What a dataset raises, logs and shows of itself."""

    def test_what_it_raises(self, vault: Studio) -> None:
        """Each use of each entry, whatever the store refuses: message, `repr`, traceback, and after a pickle."""
        raised: list[SteelToesError] = []

        def keep_error(act: Any, *arguments: Any) -> None:
            try:
                act(*arguments)
            except SteelToesError as exc:
                raised.append(exc)
            except Exception:  # noqa: BLE001 - Kedro's or the client's own words
                return

        for refuses in ("", "info", "read", "remove", "write"):
            catalog = vault.catalog()
            Vault.refuses = refuses
            for name in CATALOG:
                value = {"a": "x"} if name == "pieces" else "x"
                keep_error(catalog.exists, name)
                keep_error(catalog.load, name)
                keep_error(catalog.save, name, value)
                branched = vault_of(catalog, name)
                if branched is not None:
                    keep_error(branched.load)
                    keep_error(branched.save, value)
            Vault.refuses = ""
        for exc in raised:
            twin = pickle.loads(pickle.dumps(exc))
            for text in (str(exc), repr(exc), str(twin), repr(twin), *traceback.format_exception(exc)):
                assert_clean(text)
        kinds = {type(exc).__name__ for exc in raised}
        assert kinds >= {"StoreError", "SaveRefusedError", "ChangedCopyError", "RecordError"}, kinds

    def test_a_version_that_main_has(self, vault: Studio) -> None:
        """Kedro's own words on a version that is there already, which are ours on a branch, show no query."""
        conf = {"dated": CATALOG["dated"]}
        DataCatalog.from_config(conf, save_version=VERSION).save("dated", "main's")
        branch = DataCatalog.from_config(conf, save_version=VERSION)
        SteelToes(branch="feature/x").after_catalog_created(branch)
        with pytest.raises(DatasetError, match="must not exist if versioning is enabled") as raised:
            branch.save("dated", "the branch's")
        assert "?<redacted>" in str(raised.value)
        assert_clean(str(raised.value))

    def test_what_it_shows(self, vault: Studio) -> None:
        """The proxy, and all that is behind it, to the last value of ours."""
        catalog = vault.catalog()
        seen = {}
        for name in ("kept", "lines", "dated", "pieces", "web"):
            dataset = catalog.get(name)
            assert_clean(f"{dataset!r} {dataset}")
            walk(branched_of(dataset), seen)
        walk(catalog._lazy_datasets.policy, seen)
        assert {"Policy", "Place", "Ledger", "Entry", "Settings", "LinkGuard"} <= {
            type(item).__name__ for item in seen.values()
        }
        for item in seen.values():
            assert_clean(repr(item))

    def test_what_it_logs(self, vault: Studio, caplog: pytest.LogCaptureFixture) -> None:
        """A line about a copy says where it is, and no secret."""
        path, record = record_in_vault("kept")
        record |= {"state": "writing", "data": {}, "doubt": {".": [record["id"]]}, "was": None}
        fsspec.filesystem("vault").pipe_file(path, json.dumps(record).encode())
        assert vault.catalog().load("kept") == "main's"
        assert f"never finished (vault://<redacted>@host/d/kept--{SLUG}.txt?<redacted>)" in caplog.text
        assert_clean(caplog.text)

    def test_records(self, vault: Studio) -> None:
        """A record says where data lies without user info. To Kedro a query is a part of an object's name: it stays."""
        records = [file.getvalue().decode() for path, file in Vault.store.items() if path.endswith(".json")]
        assert len(records) == 4
        for record in records:
            assert PW not in record
            assert json.loads(record)["location"].startswith("vault://host/d/")
        assert vault.catalog().load("kept") == "the branch's"

    def test_older_records(self, vault: Studio) -> None:
        """A record that an older version put, with user info, is read where it lies, and goes with the next save."""
        path, former = self.made_older("kept")
        for _ in range(2):
            assert vault.catalog().load("kept") == "the branch's"
        plan = json.loads(vault.call("clean", "--branch", "feature/x", "kept", "--json", exit_code=None).stdout)
        assert [row["dataset"] for row in plan["items"]] == ["kept"]
        vault.catalog().save("kept", "again")
        assert (path in Vault.store, former in Vault.store) == (True, False)
        assert vault.catalog().load("kept") == "again"

    def test_an_older_record_is_cleaned(self, vault: Studio) -> None:
        """It is the branch's like any other."""
        _, former = self.made_older("kept")
        vault.call("clean", "--branch", "feature/x", "kept", "--yes", exit_code=None)
        assert former not in Vault.store or json.loads(Vault.store[former].getvalue())["data"] == {}
        assert vault.catalog().load("kept") == "main's"

    def made_older(self, name: str) -> tuple[str, str]:
        """Put a record as an older version did; its path today, and its path then."""
        path, record = record_in_vault(name)
        record["location"] = record["location"].replace("://", f"://user:{PW}@")
        former = f"{path.rpartition('/')[0]}/{digest(record['location'], 16)}.json"
        disk = fsspec.filesystem("vault")
        disk.pipe_file(former, json.dumps(record).encode())
        disk.rm_file(path)
        return path, former


def record_in_vault(name: str) -> tuple[str, dict[str, Any]]:
    """The path of an entry's record on feature/x, and what it says."""
    for path, file in Vault.store.items():
        if path.endswith(".json") and SLUG in path:
            record = json.loads(file.getvalue())
            if record["dataset"] == name:
                return path, record
    raise AssertionError(name)


def walk(item: Any, seen: dict[int, Any]) -> None:
    """All values of ours that are reached from one."""
    if id(item) in seen:
        return
    if isinstance(item, dict):
        inner = list(item.values())
    elif isinstance(item, (list, tuple, set, frozenset)):
        inner = list(item)
    else:
        inner = []
    if type(item).__module__.startswith("steel_toes"):
        seen[id(item)] = item
        names = {*getattr(item, "__dict__", {}), *getattr(type(item), "__slots__", ())}
        inner += [getattr(item, name) for name in names if name != "_steel_toes_branched" and hasattr(item, name)]
    for value in inner:
        walk(value, seen)


FACTS = {"dataset", "branch", "type", "setting"}  # names, which are no locations


class TestErrors:
    """Every error, with a secret in each of its facts."""

    @pytest.mark.parametrize("location", LOCATIONS)
    @pytest.mark.parametrize("cls", [cls for cls in vars(errors).values() if isinstance(cls, type)])
    def test_facts(self, cls: type, location: str) -> None:
        """The message, the `repr`, and those of the error that a worker sends; its facts are exact."""
        if not (issubclass(cls, SteelToesError) and cls.message):
            return
        names = [name for _, name, _, _ in Formatter().parse(cls.message) if name]
        facts = dict.fromkeys(names, "x") | dict.fromkeys(set(names) - FACTS, LOCATIONS[location])
        error = cls(**facts)
        assert {name: getattr(error, name) for name in names} == facts
        twin = pickle.loads(pickle.dumps(error))
        for text in (str(error), repr(error), str(twin), repr(twin), *traceback.format_exception(error)):
            assert_clean(text)

    @pytest.mark.parametrize("location", LOCATIONS)
    @pytest.mark.parametrize("name", [name for name, value in vars(errors).items() if isinstance(value, errors.Reason)])
    def test_reasons(self, name: str, location: str) -> None:
        """Each why and each remedy."""
        reason = vars(errors)[name]
        names = {field for text in reason for _, field, _, _ in Formatter().parse(text) if field}
        facts = dict.fromkeys(names | {"location", "setting", "value"}, LOCATIONS[location])
        for cls in (errors.LocationError, errors.ConfigurationError):
            error = cls(reason, **facts)
            for text in (str(error), error.why, error.remedy):
                assert_clean(text)

    @pytest.mark.parametrize("location", LOCATIONS)
    def test_a_stores_own_words(self, location: str) -> None:
        """What a client raises is quoted without its secrets, and is no cause whose text a traceback would print."""
        store = Store("flights", "vault://", "vault")
        with pytest.raises(errors.StoreError) as raised, store._errors_of("list", ""):
            raise OSError("no") from KeyError(LOCATIONS[location])
        assert_clean("".join(traceback.format_exception(raised.value)))
        with pytest.raises(errors.StoreError) as raised, store._errors_of("list", ""):
            raise OSError(LOCATIONS[location])
        assert_clean("".join(traceback.format_exception(raised.value)) + str(raised.value.why))

    def test_a_cause_without_secrets(self) -> None:
        """Any other cause stays, for whoever looks for a bug."""
        with pytest.raises(errors.StoreError) as raised, Store("flights", "s3://", "s3")._errors_of("list", ""):
            raise OSError("no")
        assert isinstance(raised.value.__cause__, OSError)
