"""The arguments of a filesystem: fsspec's own, those of delta-rs and polars, and those that are no store's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from kedro.io import AbstractDataset

from steel_toes.datasets.proxy import branched_of
from steel_toes.errors import StoreError
from steel_toes.stores.options import filesystem_options
from support.servers import Server
from support.team import SLUG, Team, frame, shown


@pytest.fixture
def team(moto: Server, tmp_path: Path) -> Iterator[Team]:
    """A team's bucket; main's objects in it are compared when the test ends."""
    team = Team.in_bucket(moto, tmp_path).made()
    yield team
    team.check()


def rust(server: Server, spell: Any = str) -> dict[str, str]:
    """The credentials of a server, as delta-rs and polars name them."""
    fsspecs = server.credentials
    names = {
        "AWS_ACCESS_KEY_ID": fsspecs["key"],
        "AWS_SECRET_ACCESS_KEY": fsspecs["secret"],
        "AWS_ENDPOINT_URL": server.url,
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
        "AWS_S3_ALLOW_UNSAFE_RENAME": "true",
    }
    return {spell(name): value for name, value in names.items()}


def of_rust(options: dict[str, str]) -> dict[str, Any]:
    """What fsspec needs of those."""
    names = {name.lower().removeprefix("aws_"): value for name, value in options.items()}
    client = {"endpoint_url": names["endpoint_url"]}
    return {"key": names["access_key_id"], "secret": names["secret_access_key"], "client_kwargs": client}


class Blob(AbstractDataset):
    """A project's own class: a text in a store, which it opens with what each subclass makes of its options."""

    def __init__(self, filepath: str, storage_options: dict[str, Any] | None = None) -> None:
        self._filepath = filepath
        self._options = storage_options or {}

    def fsspecs(self) -> dict[str, Any]:
        """What fsspec takes."""
        return self._options

    def load(self) -> str:
        with fsspec.open(self._filepath, "r", use_listings_cache=False, **self.fsspecs()) as file:
            return file.read()

    def save(self, data: str) -> None:
        with fsspec.open(self._filepath, "w", use_listings_cache=False, **self.fsspecs()) as file:
            file.write(data)

    def _exists(self) -> bool:
        filesystem, path = fsspec.core.url_to_fs(self._filepath, use_listings_cache=False, **self.fsspecs())
        return filesystem.exists(path)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath}


class RustBlob(Blob):
    """The same for the names of delta-rs and polars."""

    def fsspecs(self) -> dict[str, Any]:
        return of_rust(self._options)


class Warehouse(Blob):
    """The same where the `credentials` are a database's, and `fs_args` those of its files' store, as ibis has it."""

    def __init__(
        self, filepath: str, credentials: dict[str, Any] | None = None, fs_args: dict[str, Any] | None = None
    ) -> None:
        super().__init__(filepath, fs_args)
        self._user = (credentials or {})["user"]


def branches_alone(team: Team, entry: dict[str, Any], old: Any, new: Any) -> None:
    """An entry is main's until it is saved, and the branch's in every catalog from then on, by a record there."""
    conf = {"x": entry}
    team.main_saves(conf, x=old)
    branch = team.branch(conf)
    assert shown(branch.load("x")) == shown(old)
    branch.save("x", new)
    for catalog in (branch, team.branch(conf)):
        assert shown(catalog.load("x")) == shown(new)
        # Kedro's Delta table does not say.
        assert catalog.exists("x") == team.plain(conf).exists("x")
    assert [path for path in team.objects() if path.startswith(f"_steel_toes/{SLUG}/") and path.endswith(".json")]


class TestOnS3:
    """Entries of a bucket, whose only credentials are those of the entry."""

    @pytest.mark.parametrize("parameter", ["credentials", "fs_args"])
    def test_delta_rs(self, team: Team, moto: Server, parameter: str) -> None:
        """The Rust library's names are the store's credentials, in either parameter that Kedro hands on to it."""
        pytest.importorskip("deltalake", reason="it is what reads these names")
        entry = {
            "type": "pandas.DeltaTableDataset",
            "filepath": "data/t",
            "save_args": {"mode": "overwrite"},
            parameter: rust(moto),
        }
        branches_alone(team, entry, frame(1), frame(2, 3))

    @pytest.mark.parametrize("spell", [str.upper, str.lower, lambda name: name.lower().removeprefix("aws_")])
    def test_a_class_with_the_rust_librarys(self, team: Team, moto: Server, spell: Any) -> None:
        """They are read in any case, with and without their prefix, in `storage_options` too."""
        entry = {"type": RustBlob, "filepath": "data/02/x.txt", "storage_options": rust(moto, spell)}
        branches_alone(team, entry, "main", "branch")

    def test_a_class_with_fsspecs(self, team: Team, moto: Server) -> None:
        """Of a class of one's own `storage_options` are fsspec's, as pandas has them."""
        entry = {"type": Blob, "filepath": "data/02/x.txt", "storage_options": moto.credentials}
        branches_alone(team, entry, "main", "branch")

    def test_credentials_of_a_database(self, team: Team, moto: Server) -> None:
        """The store is asked with `fs_args` alone where the `credentials` are a database's."""
        database = {"user": "analyst", "password": "hush-db"}
        entry = {
            "type": Warehouse,
            "filepath": "data/02/x.txt",
            "credentials": database,
            "fs_args": moto.credentials,
        }
        branches_alone(team, entry, "main", "branch")

    @pytest.mark.parametrize("parameter", ["credentials", "storage_options"])
    def test_credentials_that_are_no_stores(self, team: Team, nobody: str, parameter: str, monkeypatch: Any) -> None:
        """Where the store does not answer without them, the error names the parameter and says what to do."""
        monkeypatch.setenv("AWS_ENDPOINT_URL", nobody)
        cls = {"credentials": Warehouse, "storage_options": Blob}[parameter]
        entry = {"type": cls, "filepath": "data/02/x.txt", parameter: {"user": "analyst", "password": "hush-db"}}
        with pytest.raises(StoreError) as caught:
            branched_of(team.branch({"x": entry}).get("x")).save("branch")
        assert f"Its {parameter} are not fsspec's" in str(caught.value)
        assert "give what fsspec needs in `fs_args`" in str(caught.value)
        assert "hush" not in str(caught.value)


KEY = {"type": "service_account", "private_key": "hush"}
RUSTS = {
    "S3": ("s3", {"aws_session_token": "T", "AWS_SKIP_SIGNATURE": "true"}, {"token": "T", "anon": True}),
    "S3 with its own region": (
        "s3",
        {"AWS_ACCESS_KEY_ID": "K", "AWS_DEFAULT_REGION": "eu-west-1"},
        {"key": "K", "client_kwargs": {"region_name": "eu-west-1"}},
    ),
    "S3 that is signed": ("s3", {"AWS_SKIP_SIGNATURE": "false"}, {"anon": False}),
    "GCS by the path of a key": ("gs", {"GOOGLE_SERVICE_ACCOUNT": "/k.json"}, {"token": "/k.json"}),
    "GCS by a key": ("gs", {"google_service_account_key": json.dumps(KEY)}, {"token": KEY}),
    "GCS by what an application has": ("gcs", {"GOOGLE_APPLICATION_CREDENTIALS": "/k.json"}, {"token": "/k.json"}),
    "Azure by a key": (
        "abfs",
        {"AZURE_STORAGE_ACCOUNT_NAME": "team", "AZURE_STORAGE_ACCOUNT_KEY": "K"},
        {"account_name": "team", "account_key": "K"},
    ),
    "Azure by a signature": (
        "az",
        {"azure_account_name": "team", "azure_storage_sas_token": "S"},
        {"account_name": "team", "sas_token": "S"},
    ),
    "Azure by an application": (
        "abfss",
        {"AZURE_CLIENT_ID": "C", "AZURE_CLIENT_SECRET": "S", "AZURE_TENANT_ID": "T"},
        {"client_id": "C", "client_secret": "S", "tenant_id": "T"},
    ),
}


class TestNames:
    """What becomes of the names, without a store."""

    @pytest.mark.parametrize("case", RUSTS)
    def test_the_rust_librarys(self, case: str) -> None:
        """Each name says what fsspec's does; what the Rust library alone has, is left out."""
        protocol, options, arguments = RUSTS[case]
        # What a filesystem takes is asked of it.
        pytest.importorskip({"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs"}.get(protocol, "adlfs"))
        config = {"storage_options": {**options, "allow_http": "true"}}
        assert filesystem_options(protocol, config) == (arguments, "")

    def test_fsspecs(self) -> None:
        """What a filesystem takes is handed on as it is: `fs_args` win over credentials, those over storage options."""
        config = {
            "storage_options": {"key": "1", "anon": True},
            "credentials": {"key": "2", "secret": "2"},
            "fs_args": {"secret": "3", "open_args_save": {"mode": "a"}},
        }
        assert filesystem_options("s3", config) == ({"key": "2", "anon": True, "secret": "3"}, "")

    def test_other_parameters_of_a_filesystem(self) -> None:
        """Those that every filesystem has, or one that it builds on, are fsspec's too."""
        arguments = {"key": "K", "use_listings_cache": False, "skip_instance_cache": True, "batch_size": 4}
        assert filesystem_options("s3", {"fs_args": arguments}) == (arguments, "")

    def test_a_store_that_is_not_installed(self) -> None:
        """Nobody here knows its parameters: they are handed on, and the dataset says what is missing."""
        assert filesystem_options("no-such-store", {"credentials": {"user": "me"}}) == ({"user": "me"}, "")

    @pytest.mark.parametrize("fs_args", [{}, {"key": "K"}, {"nonsense": 1}])
    def test_no_stores(self, fs_args: dict[str, Any]) -> None:
        """What no filesystem takes is left out, and a hint for the store's errors names the parameter."""
        config = {"credentials": {"user": "analyst"}, "fs_args": fs_args}
        arguments, hint = filesystem_options("s3", config)
        assert arguments == {name: value for name, value in fs_args.items() if name == "key"}
        assert "Its credentials are not fsspec's" in hint
