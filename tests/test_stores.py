"""Every store: the same law on the local disk, `memory://`, S3, Google Cloud Storage and Azure Blob.

The servers are real ones on the loopback, which the fixtures start and stop: moto and SeaweedFS (S3), fake-gcs-server
and azurite. What cannot be had is skipped, with the reason; where it must be had, as `CI` and `STORES_REQUIRED`
(`s3,gcs,azure,seaweedfs`) say, the tests fail. After each test main's objects are compared, bytes and etags, and
whatever was logged, raised or recorded is searched for the credentials' secret.
"""

import collections
import contextlib
import copy
import importlib.util
import itertools
import json
import logging
import os
import pickle
import subprocess
import sys
import traceback
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import pytest
from kedro.io import DataCatalog, DatasetError
from kedro.pipeline import node, pipeline

from steel_toes import SteelToes, TornCopyError
from steel_toes.datasets.proxy import branched_of
from steel_toes.errors import ChangedCopyError, CopyError, StoreError, TornAppendError

pd = pytest.importorskip("pandas", reason="most of the datasets here are pandas'")

BRANCH, SLUG = "feature/x", "feature-x-217d2bf5"
V = [f"2030-01-0{day}T00.00.00.000Z" for day in range(1, 10)]
OWN = {"credentials": "own"}
CSV = {"type": "pandas.CSVDataset", "save_args": {"index": False}, **OWN}
TEXT = {"type": "text.TextDataset", **OWN}
LINES = {**TEXT, "fs_args": {"open_args_save": {"mode": "a"}}}
# A partition's dataset takes the credentials of the whole.
PARTS = {"type": "partitions.PartitionedDataset", "dataset": "text.TextDataset", "filename_suffix": ".txt", **OWN}
INCREMENTS = {**PARTS, "type": "partitions.IncrementalDataset"}
CONF = {
    "a": {**CSV, "filepath": "@/02/a.csv"},
    "log": {**LINES, "filepath": "@/02/log.txt"},
    "v": {**CSV, "filepath": "@/02/v.csv", "versioned": True},
    "parts": {**PARTS, "path": "@/02/parts"},
    "inner": {**TEXT, "filepath": "@/02/parts/deep/z.txt"},
    "over": {**PARTS, "path": "@/02/over", "overwrite": True},
    "inc": {**INCREMENTS, "path": "@/02/inc"},
    "mortal": {**TEXT, "type": "mortal.MortalText", "filepath": "@/02/mortal.txt"},
    "diary": {**LINES, "type": "mortal.MortalText", "filepath": "@/02/diary.txt"},
}

MORTAL = """
import os
from kedro_datasets.text import TextDataset

def die():
    {death}

class MortalText(TextDataset):
    '''Writes half of what is to be saved, if that says so, and dies.'''

    def save(self, data: str) -> None:
        if "dies" in data:
            super().save(data[: len(data) // 2])
            die()
        super().save(data)
"""

# Other processes: forked, each, from one that has done all imports and asked no store yet.
FORGE = """
import contextlib, json, os, pickle, sys, traceback
from types import SimpleNamespace
import pandas as pd
from kedro.io import DataCatalog
from kedro_datasets.pandas import CSVDataset
from kedro_datasets.partitions import IncrementalDataset, PartitionedDataset
from kedro_datasets.text import TextDataset
from steel_toes import SteelToes
with contextlib.suppress(ImportError):
    import s3fs

def work(given):
    os.environ.clear()
    os.environ.update(given["environment"])
    sys.path[:0] = given["path"]
    from mortal import die
    if given["pickled"]:
        catalog = pickle.loads(bytes.fromhex(given["pickled"]))
    else:
        catalog = DataCatalog.from_config(given["conf"], {"own": given["credentials"]}, save_version=given["version"])
        hook = SteelToes(branch=given["branch"])
        hook.after_context_created(SimpleNamespace(project_path=given["project"]))
        hook.after_catalog_created(catalog)
    known = {"catalog": catalog, "pd": pd, "die": die, "result": None}
    exec(given["code"], known)
    print(json.dumps(known["result"]))

for line in sys.stdin:
    given = json.loads(line)
    child = os.fork()
    if not child:
        out = os.open(given["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        status = 1
        try:
            work(given)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def frame(*numbers: int) -> Any:
    return pd.DataFrame({"x": list(numbers)})


def shown(data: Any) -> Any:
    """What a load gave, as something that compares."""
    if isinstance(data, dict):
        return {name: shown(value() if callable(value) else value) for name, value in data.items()}
    return data["x"].tolist() if hasattr(data, "columns") else data


def answer(ask: Callable[[], Any]) -> Any:
    """What is answered, or that it is refused."""
    try:
        return shown(ask())
    except DatasetError:
        return "refused"


@contextlib.contextmanager
def refused(kind: type[CopyError], match: str | None = None) -> Iterator[list[CopyError]]:
    """The block raises that error of ours; a newer catalog of Kedro's wraps it in one of its own."""
    caught: list[CopyError] = []
    with pytest.raises(DatasetError, match=match) as raised:
        yield caught
    causes = [raised.value, raised.value.__cause__]
    caught += [cause for cause in causes if isinstance(cause, kind)]
    assert caught, f"{raised.value!r} is no {kind.__name__}"


def s3(url: str, user: str) -> dict[str, Any]:
    return {"key": user, "secret": f"hush-{user}", "client_kwargs": {"endpoint_url": url}}


@pytest.fixture(scope="session")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """Where other processes come from."""
    forging = subprocess.Popen(
        [sys.executable, "-c", FORGE],
        cwd=tmp_path_factory.mktemp("forge"),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield forging
    forging.stdin.close()
    forging.wait(10)


# A store, and what a team does there -------------------------------------------------------------------------------


class Place:
    """A bucket, or a folder, that a team shares: its main, and its branches.

    Args:
        protocol: of the store.
        url: of the bucket.
        folder: on the local disk, of the project.
        credentials: the entries' own.
        secret: what of them may be seen nowhere.
        records: where the records lie.
    """

    def __init__(
        self, protocol: str, url: str, folder: Path, credentials: Any = None, secret: str = "", records: str = ""
    ) -> None:
        self.protocol, self.url, self.folder, self.secret = protocol, url, folder, secret
        self.credentials = credentials or {}
        self.forge: Any = None
        self.records = records or url
        self.main: dict[str, tuple[bytes, Any]] = {}
        (folder / "mortal.py").write_text(
            MORTAL.format(death="raise KeyboardInterrupt" if self.alone else "os._exit(9)")
        )

    @property
    def alone(self) -> bool:
        """Whether the store is the process itself."""
        return self.protocol == "memory"

    def filesystem(self) -> Any:
        """A look at the store that no cache of listings answers; fsspec keeps it apart from the datasets' own."""
        few = {"max_concurrency": 1} if self.protocol == "s3" else {}  # no HEAD before each GET
        return fsspec.filesystem(self.protocol, use_listings_cache=False, **few, **copy.deepcopy(self.credentials))

    def conf(self, *names: str, where: str = "") -> dict[str, Any]:
        """Entries of CONF at this place."""

        def placed(value: Any) -> Any:
            if isinstance(value, dict):
                return {key: placed(item) for key, item in value.items()}
            return f"{where or self.url}{value[1:]}" if isinstance(value, str) and value[:2] == "@/" else value

        return {name: placed(CONF[name]) for name in names}

    def plain(self, *names: str, version: str | None = None, where: str = "") -> DataCatalog:
        """Plain Kedro's catalog."""
        own = {"own": copy.deepcopy(self.credentials)}
        return DataCatalog.from_config(self.conf(*names, where=where), own, save_version=version)

    def branch(self, *names: str, version: str | None = None, branch: str = BRANCH, **settings: Any) -> DataCatalog:
        """A branch's catalog, with the credentials in the entries."""
        catalog = self.plain(*names, version=version)
        hook = SteelToes(branch=branch, **settings)
        hook.after_context_created(SimpleNamespace(project_path=self.folder))
        hook.after_catalog_created(catalog)
        return catalog

    def main_saves(self, version: str | None = None, **data: Any) -> None:
        """Main saves, with plain Kedro."""
        self.check()
        catalog = self.plain(*data, version=version)
        for name, value in data.items():
            catalog.save(name, value)
        self.main = self.mains()

    def elsewhere(
        self, code: str, *names: str, version: str | None = None, pickled: bytes = b"", dies: bool = False
    ) -> Any:
        """Do something with a `catalog` in another process, and give its `result`.

        `memory://` is the process itself: there another catalog does it, and to die is to be interrupted.
        """
        if self.alone:
            catalog = pickle.loads(pickled) if pickled else self.branch(*names, version=version)
            known = {"catalog": catalog, "result": None, "pd": pd, "die": importlib.import_module("mortal").die}
            with pytest.raises(KeyboardInterrupt) if dies else contextlib.nullcontext():
                exec(code, known)
            return known["result"]
        out = self.folder / "out.txt"
        given = {
            "environment": dict(os.environ),
            "path": [str(self.folder), *sys.path],
            "project": str(self.folder),
            "branch": BRANCH,
            "conf": self.conf(*names),
            "credentials": self.credentials,
            "version": version,
            "pickled": pickled.hex(),
            "code": code,
            "out": str(out),
        }
        self.forge.stdin.write(json.dumps(given) + "\n")
        self.forge.stdin.flush()
        status = int(self.forge.stdout.readline())
        told = out.read_text()
        assert status == (9 if dies else 0), told
        assert not self.secret or self.secret not in told
        return None if dies else json.loads(told.splitlines()[-1])

    def objects(self, filesystem: Any = None) -> dict[str, tuple[bytes, Any]]:
        """All objects: bytes and identities by their paths below the bucket."""
        filesystem = filesystem or self.filesystem()
        top = filesystem._strip_protocol(self.url)
        found = {}
        for path, info in filesystem.find(top, detail=True).items():
            tag = next((info[key] for key in ("ETag", "etag", "generation", "created") if info.get(key)), None)
            tag = Path(path).stat().st_mtime_ns if self.protocol == "file" else tag
            found[path[len(top) :].lstrip("/")] = filesystem.cat_file(path), tag
        return found

    def mains(self) -> dict[str, tuple[bytes, Any]]:
        """Main's objects: those that do not say that they are the branch's."""
        return {
            path: found for path, found in self.objects().items() if "_steel_toes/" not in path and SLUG not in path
        }

    def check(self) -> None:
        """Main's objects are as main left them."""
        assert self.mains() == self.main, "main's objects changed"

    def records_in_store(self) -> dict[str, dict[str, Any]]:
        """The records, by the entry that wrote them."""
        filesystem = self.filesystem()
        top = f"{filesystem._strip_protocol(self.records)}/_steel_toes/{SLUG}"
        records = [json.loads(filesystem.cat_file(path)) for path in filesystem.find(top)]
        return {record["dataset"]: record for record in records}


NUMBERS = itertools.count(1)


def local_place(request: pytest.FixtureRequest, folder: Path) -> Place:
    (folder / "data").mkdir()
    return Place("file", f"{folder}/data", folder)


def memory_place(request: pytest.FixtureRequest, folder: Path) -> Place:
    url = f"memory:///team-{next(NUMBERS)}"
    return Place("memory", url, folder, records=f"{url}/02")


def s3_place(request: pytest.FixtureRequest, folder: Path) -> Place:
    return made(served(request.getfixturevalue("moto"), folder))


def weed_place(request: pytest.FixtureRequest, folder: Path) -> Place:
    server = request.getfixturevalue("weed")
    place = served(server, folder)
    # Not as its user, who may not make a bucket.
    fsspec.filesystem("s3", skip_instance_cache=True, **s3(server.url, "admin")).mkdir(place.url)
    return place


def gcs_place(request: pytest.FixtureRequest, folder: Path) -> Place:
    return made(served(request.getfixturevalue("gcs"), folder))


def azure_place(request: pytest.FixtureRequest, folder: Path) -> Place:
    return made(served(request.getfixturevalue("azurite"), folder))


def served(server: Any, folder: Path) -> Place:
    """A bucket of a server."""
    url = f"{server.protocol}://team-{next(NUMBERS)}"
    return Place(server.protocol, url, folder, server.credentials, server.secret)


def made(place: Place) -> Place:
    """The place, with its bucket."""
    filesystem = place.filesystem()
    filesystem.mkdir(filesystem._strip_protocol(place.url))
    return place


PLACES = {
    "local": local_place,
    "memory": memory_place,
    "s3": s3_place,
    "gcs": gcs_place,
    "azure": azure_place,
    "seaweedfs": weed_place,
}


def watched(
    place: Place, forge: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """The place for one test, looked over at its end."""
    place.forge = forge
    monkeypatch.syspath_prepend(place.folder)
    monkeypatch.delitem(sys.modules, "mortal", raising=False)
    caplog.set_level(logging.DEBUG, logger="steel_toes")
    yield place
    place.check()
    if place.secret:
        assert place.secret not in caplog.text
        for path, (data, _) in place.objects().items():
            assert place.secret.encode() not in data, path


@pytest.fixture(params=PLACES)
def place(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    forge: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Place]:
    """An empty place in each store."""
    yield from watched(PLACES[request.param](request, tmp_path), forge, caplog, monkeypatch)


# The contract -------------------------------------------------------------------------------------------------------


class TestContract:
    """What a branch sees, and what main keeps, on every store."""

    def test_never_written(self, place: Place) -> None:
        """What the branch never wrote is main's, live, and no record is made by reading it."""
        branch = place.branch("a")
        assert not branch.exists("a")
        place.main_saves(a=frame(1))
        assert branch.exists("a")
        assert shown(branch.load("a")) == [1]
        place.main_saves(a=frame(2))
        branch.release("a")
        assert shown(branch.load("a")) == [2]
        assert place.objects().keys() == place.main.keys()

    def test_written_here(self, place: Place) -> None:
        """What the branch wrote is the branch's: here, for another process, and not for another branch."""
        place.main_saves(a=frame(1))
        branch = place.branch("a")
        branch.save("a", frame(2))
        assert shown(branch.load("a")) == [2]
        assert place.elsewhere("result = catalog.load('a')['x'].tolist(), catalog.exists('a')", "a") == (
            ([2], True) if place.alone else [[2], True]
        )
        branch.save("a", frame(3, 3))
        assert place.elsewhere("result = catalog.load('a')['x'].tolist()", "a") == [3, 3]
        assert shown(place.branch("a", branch="other").load("a")) == [1]
        assert shown(place.plain("a").load("a")) == [1]

    def test_written_elsewhere(self, place: Place) -> None:
        """What another process writes is seen at once, whatever a listing cache of this one remembers."""
        place.main_saves(a=frame(1), v=frame(1), parts={"a": "main"}, version=V[0])
        branch = place.branch("a", "v", "parts")
        cached = fsspec.filesystem(place.protocol, **place.credentials)

        def warm_up() -> None:
            for folder in ("02", f"02/parts--{SLUG}", f"02/v--{SLUG}.csv", f"_steel_toes/{SLUG}"):
                with contextlib.suppress(FileNotFoundError):
                    cached.find(f"{place.url}/{folder}")
                    cached.ls(f"{place.url}/{folder}")

        warm_up()
        assert (shown(branch.load("a")), shown(branch.load("v")), shown(branch.load("parts"))) == (
            [1],
            [1],
            {"a": "main"},
        )
        for number, version in ((2, V[1]), (3, V[2])):
            warm_up()
            code = (
                f"data = pd.DataFrame({{'x': [{number}] * {number}}}); catalog.save('a', data); "
                f"catalog.save('v', data); catalog.save('parts', {{'a': 'branch{number}', 'p{number}': 'new'}})"
            )
            place.elsewhere(code, "a", "v", "parts", version=version)
            assert shown(branch.load("a")) == [number] * number
            # Not `release`, which would drop the very listings.
            assert shown(place.branch("v").load("v")) == [number] * number
            assert shown(branch.load("parts"))["a"] == f"branch{number}"
            assert f"p{number}" in branch.load("parts")

    def test_append(self, place: Place) -> None:
        """An append starts from main's copy, and gives what plain Kedro gives on a copy of its own."""
        place.main_saves(log="one\n")
        branch, plain = place.branch("log"), place.plain("log", where=f"{place.url}/private-{SLUG}")
        plain.save("log", "one\n")
        for line in ("two\n", "three\n"):
            assert answer(lambda: branch.save("log", line)) == answer(lambda: plain.save("log", line))  # noqa: B023
            assert answer(lambda: branch.load("log")) == answer(lambda: plain.load("log"))
        assert shown(place.plain("log").load("log")) == "one\n"

    def test_versions(self, place: Place) -> None:
        """A versioned dataset is the union of both sides' versions; a version that either side has is refused."""
        place.main_saves(v=frame(1), version=V[0])
        place.main_saves(v=frame(2), version=V[1])
        branch = place.branch("v", version=V[3])
        assert shown(branch.load("v")) == [2]
        branch.release("v")
        branch.save("v", frame(4))
        place.main_saves(v=frame(5), version=V[4])
        later = place.branch("v", version=V[4])
        assert shown(later.load("v")) == [4]
        assert [path.split("/")[-2] for path in later["v"].list_versions()] == [V[4], V[3], V[1], V[0]]
        assert [shown(later.load("v", version=version)) for version in V[:5] if version != V[2]] == [[1], [2], [4], [5]]
        with pytest.raises(DatasetError, match="must not exist"):
            later.save("v", frame(9))
        with pytest.raises(DatasetError, match="must not exist"):
            place.branch("v", version=V[3]).save("v", frame(9))
        assert shown(place.plain("v").load("v")) == [5]

    def test_partitions(self, place: Place) -> None:
        """Partitions are main's with the branch's over them, each decided when it is called."""
        place.main_saves(parts={"a": "main a", "b": "main b", "deep/c": "main c"})
        branch = place.branch("parts")
        early = branch.load("parts")
        branch.save("parts", {"b": "branch b", "d": "branch d"})
        union = {"a": "main a", "b": "branch b", "d": "branch d", "deep/c": "main c"}
        assert shown(branch.load("parts")) == union
        assert early["b"]() == "branch b"
        assert place.elsewhere("result = {n: p() for n, p in catalog.load('parts').items()}", "parts") == union
        assert shown(place.plain("parts").load("parts")) == {"a": "main a", "b": "main b", "deep/c": "main c"}

    def test_partitions_overwritten(self, place: Place) -> None:
        """With `overwrite=True` what the branch saves is all that it has, and main has all that it had."""
        place.main_saves(over={"a": "main a", "b": "main b"})
        branch = place.branch("over")
        branch.save("over", {"b": "branch b", "c": "branch c"})
        assert shown(place.branch("over").load("over")) == {"b": "branch b", "c": "branch c"}
        branch.save("over", {"d": "branch d"})
        assert shown(place.branch("over").load("over")) == {"d": "branch d"}
        assert place.elsewhere("result = sorted(catalog.load('over'))", "over") == ["d"]
        assert sorted(place.plain("over").load("over")) == ["a", "b"]

    def test_increments(self, place: Place) -> None:
        """Increments come after main's checkpoint until the branch confirms one, and main's stays as it is."""
        place.main_saves(inc={"p1": "main 1", "p2": "main 2"})
        main = place.plain("inc")
        main.load("inc")
        main.confirm("inc")
        place.main = place.mains()
        place.main_saves(inc={"p3": "main 3"})
        branch = place.branch("inc")
        assert shown(branch.load("inc")) == {"p3": "main 3"}
        branch.save("inc", {"p4": "branch 4"})
        assert shown(branch.load("inc")) == {"p3": "main 3", "p4": "branch 4"}
        branch.confirm("inc")
        assert shown(place.branch("inc").load("inc")) == {}
        place.elsewhere("catalog.save('inc', {'p5': 'branch 5'})", "inc")
        assert shown(place.branch("inc").load("inc")) == {"p5": "branch 5"}
        assert shown(place.plain("inc").load("inc")) == {"p3": "main 3"}

    def test_nested(self, place: Place) -> None:
        """An entry inside a partition directory is one of its partitions, on main and on the branch."""
        place.main_saves(parts={"a": "main a"}, inner="main z")
        names = ("parts", "inner")
        assert shown(place.branch(*names).load("parts")) == {"a": "main a", "deep/z": "main z"}
        place.branch(*names).save("inner", "branch z")
        assert place.branch(*names).load("inner") == "branch z"
        assert shown(place.branch(*names).load("parts")) == {"a": "main a", "deep/z": "branch z"}
        place.branch(*names).save("parts", {"deep/z": "branch zz"})
        assert place.elsewhere("result = catalog.load('inner')", *names) == "branch zz"
        assert shown(place.plain("parts").load("parts")) == {"a": "main a", "deep/z": "main z"}

    def test_record(self, place: Place) -> None:
        """A record lies in the data's own store, and says what the store says of the data."""
        place.main_saves(a=frame(1), v=frame(1), parts={"a": "main"}, version=V[0])
        branch = place.branch("a", "v", "parts", version=V[1], project="team")
        branch.save("a", frame(2))
        branch.save("v", frame(2))
        branch.save("parts", {"a": "branch"})
        records = place.records_in_store()
        assert {name: (r["state"], r["kind"], r["branch"]) for name, r in records.items()} == {
            "a": ("complete", "whole", BRANCH),
            "v": ("complete", "versioned", BRANCH),
            "parts": ("complete", "overlay", BRANCH),
        }
        assert records["a"]["data"].keys() == {"."}
        assert records["v"]["data"].keys() == {V[1]}
        assert records["v"]["base"].keys() == {V[0]}
        assert records["parts"]["data"].keys() == {"a.txt"}
        own = {path for path in place.objects() if SLUG in path and not path.startswith("02/_steel_toes")}
        expected = {
            f"02/a--{SLUG}.csv",
            f"02/v--{SLUG}.csv/{V[1]}/v--{SLUG}.csv",
            f"02/parts--{SLUG}/a.txt",
        }
        assert {path for path in own if "_steel_toes" not in path} == expected

    def test_changed_by_hand(self, place: Place) -> None:
        """A branch copy that other hands changed or removed is an error, and never main's data."""
        place.main_saves(a=frame(1))
        place.branch("a").save("a", frame(2))
        filesystem = place.filesystem()
        path = filesystem._strip_protocol(f"{place.url}/02/a--{SLUG}.csv")
        filesystem.pipe_file(path, b"x\n77\n78\n")
        with refused(ChangedCopyError, match="changed by other hands"):
            place.branch("a").load("a")
        filesystem.rm_file(path)
        branch = place.branch("a")
        with refused(ChangedCopyError, match="is gone"):
            branch.load("a")
        assert not branch.exists("a")
        branch.save("a", frame(3))
        assert shown(place.branch("a").load("a")) == [3]

    def test_first_save_dies(self, place: Place) -> None:
        """A writer that dies in the first save leaves main's data in sight, and the next save repairs it."""
        place.main_saves(mortal="main")
        place.elsewhere("catalog.save('mortal', 'half; dies')", "mortal", dies=True)
        branch = place.branch("mortal")
        assert branch.load("mortal") == "main"
        branch.save("mortal", "branch")
        assert place.branch("mortal").load("mortal") == "branch"

    def test_later_save_dies(self, place: Place) -> None:
        """A writer that dies in a later save leaves a torn copy: an error that says so until a save repairs it."""
        place.main_saves(mortal="main")
        branch = place.branch("mortal")
        branch.save("mortal", "branch")
        place.elsewhere("catalog.save('mortal', 'half; dies')", "mortal", dies=True)
        for catalog in (branch, place.branch("mortal")):
            with refused(TornCopyError, match="Run the node that saves it again"):
                catalog.load("mortal")
            assert not catalog.exists("mortal")
        assert place.elsewhere("result = catalog.exists('mortal')", "mortal") is False
        place.elsewhere("catalog.save('mortal', 'repaired')", "mortal")
        assert branch.load("mortal") == "repaired"
        assert branch.exists("mortal")

    def test_append_dies(self, place: Place) -> None:
        """An append over a torn copy is refused: it would lose the branch's own rows."""
        place.main_saves(diary="main;")
        branch = place.branch("diary")
        branch.save("diary", "branch;")
        place.elsewhere("catalog.save('diary', 'half; dies')", "diary", dies=True)
        with refused(TornAppendError, match="clean"):
            branch.save("diary", "more;")
        with refused(TornCopyError):
            branch.load("diary")

    def test_partition_save_dies(self, place: Place) -> None:
        """A writer that dies between partitions leaves those in doubt torn, the others readable; a save repairs it."""
        place.main_saves(parts={"a": "main", "b": "main", "c": "main"})
        branch = place.branch("parts")
        branch.save("parts", {"a": "branch", "c": "branch"})
        place.elsewhere("catalog.save('parts', {'a': 'half', 'b': die})", "parts", dies=True)
        found = place.branch("parts").load("parts")
        assert found["b"]() == "main"
        assert found["c"]() == "branch"
        with refused(TornCopyError):
            found["a"]()
        branch.save("parts", {"a": "repaired", "b": "new"})
        assert shown(place.branch("parts").load("parts")) == {"a": "repaired", "b": "new", "c": "branch"}

    def test_pickled(self, place: Place) -> None:
        """A pickled catalog reads and writes the branch in another process, as the runners' workers do."""
        place.main_saves(a=frame(1), parts={"a": "main"})
        cloudpickle = pytest.importorskip("cloudpickle")
        branch = place.branch("a", "parts")
        code = (
            "result = catalog.load('a')['x'].tolist(); catalog.save('a', pd.DataFrame({'x': [2]})); "
            "catalog.save('parts', {'b': 'branch'})"
        )
        assert place.elsewhere(code, pickled=pickle.dumps(branch)) == [1]
        for name in ("a", "parts"):
            branch.get(name)
        code = "result = catalog.load('a')['x'].tolist(), {n: p() for n, p in catalog.load('parts').items()}"
        # Not pickle: Kedro's datasets with a filesystem of s3fs do not go through it, on main neither.
        a, parts = place.elsewhere(code, pickled=cloudpickle.dumps(branch))
        assert (a, parts) == ([2], {"a": "main", "b": "branch"})
        assert shown(branch.load("a")) == [2]
        assert shown(branch.load("parts")) == {"a": "main", "b": "branch"}

    def test_no_bucket(self, place: Place) -> None:
        """Where there is no such bucket, a save is an error that names the store, and no credentials."""
        if place.protocol in ("file", "memory"):
            pytest.skip("a local disk has no buckets: folders are made")
        place.url += "-missing"
        branch = place.branch("a")
        place.url = place.url.removesuffix("-missing")
        with refused(StoreError) as caught:
            branch.save("a", frame(1))
        assert f"{place.protocol}://" in str(caught[0])
        told = "".join(traceback.format_exception(caught[0])) + repr(caught[0]) + repr(caught[0].facts)
        assert place.secret not in told

    def test_secrets(self, place: Place, caplog: pytest.LogCaptureFixture) -> None:
        """What describes an entry to people, an error's facts and its pickle included, holds no secret."""
        if not place.secret:
            pytest.skip("this store has no credentials")
        place.main_saves(mortal="main", parts={"a": "main"})
        branch = place.branch("mortal", "parts")
        branch.save("mortal", "branch")
        branch.save("parts", {"a": "branch"})
        place.elsewhere("catalog.save('mortal', 'half; dies')", "mortal", dies=True)
        with refused(TornCopyError) as caught:
            branch.load("mortal")
        pair = branched_of(branch["mortal"])
        told = [caught[0], caught[0].facts, branch, branch["mortal"], branch["parts"], branch.load("parts")]
        told += [pair, pair.place.store, pair.place.ledger, pair.entry]
        texts = [repr(one) for one in told] + ["".join(traceback.format_exception(caught[0]))]
        assert [text for text in texts if place.secret in text] == []
        assert place.secret.encode() not in pickle.dumps(caught[0])


# Requests -----------------------------------------------------------------------------------------------------------

# What a branch asks of a store over what plain Kedro asks for the same: a promise, of two catalogs as two new processes
# have them. H: HEAD of an object (Google: of what it says of one), B: of the bucket, G: GET of an object, L: a listing,
# P: PUT, C: copy, D: delete.
STORES = {"s3": "moto", "gcs": "gcs", "azure": "azurite"}
COSTS = {  # on S3, GCS and Azure
    "a: make the catalog, run the hooks": ("", "", ""),
    "a: load, never written": ("1G", "1G", "1G"),
    "a: exists, never written": ("1G", "1G", "1G"),
    "a: save, first": ("3H 2G 1L 2P", "4H 2G 1L 2P", "3H 2G 1L 2P"),
    "a: load": ("2H 2G", "2H 2G", "2H 2G"),
    "a: exists": ("1H 1G", "1H 1G", "1H 1G"),
    "a: save": ("2H 2G 2P", "2H 2G 2P", "2H 2G 2P"),
    "a: before a run that reads it": ("1H 1G", "1H 1G", "1H 1G"),
    "v: load, never written": ("1G -1L", "1G 1L", "-3H 1G 3L"),
    "v: save, first": ("4H 3G 2L 2P", "6H 3G 4L 2P", "3H 3G 6L 2P"),
    "v: load": ("4H 4G -2L", "4H 4G 1L", "4G 3L"),
    "v: save": ("4H 3G 2L 2P", "6H 3G 4L 2P", "3H 3G 6L 2P"),
    "parts: load and call one of main's, never written": ("2G", "2G", "2G"),
    "parts: save one, first": ("3H 2G 1L 2P", "4H 2G 1L 2P", "3H 2G 1L 2P"),
    "parts: load and call one of the branch's": ("3H 3G 1L", "3H 3G 1L", "3H 3G 1L"),
    "parts: save one": ("2H 2G 2P", "2H 2G 2P", "2H 2G 2P"),
}
LETTERS = {"HEAD": "H", "BUCKET": "B", "GET": "G", "LIST": "L", "PUT": "P", "COPY": "C", "DELETE": "D"}


@dataclass(frozen=True)
class GooglesHaste:
    """gcsfs asks for an object and for a listing at once, and cancels what it needs no more.

    So such a listing is not answered here where the object is there, nor counted: else chance would decide.

    Args:
        server: its URL.
    """

    server: str

    def __call__(self, kind: str, url: str) -> bool:
        """Whether it is such a listing, of an object that is there."""
        asked = urllib.parse.urlsplit(url)
        query = urllib.parse.parse_qs(asked.query)
        if kind != "LIST" or query.get("maxResults") != ["1"]:
            return False
        name = urllib.parse.quote(query["prefix"][0].rstrip("/"), safe="")
        try:
            urllib.request.urlopen(f"{self.server}{asked.path}/{name}").close()
        except urllib.error.HTTPError:
            return False
        return True


class TestRequests:
    """What a branch costs, in requests over plain Kedro's own."""

    @pytest.fixture(params=STORES)
    def counting(
        self,
        request: pytest.FixtureRequest,
        proxied: Any,
        tmp_path: Path,
        forge: Any,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> Iterator[SimpleNamespace]:
        """A bucket, and a proxy that counts what is asked for in it."""
        server = request.getfixturevalue(STORES[request.param])
        with proxied(server.url, unanswered=GooglesHaste(server.url)) as proxy:
            place = made(served(replace(server, url=proxy.url), tmp_path))
            for watching in watched(place, forge, caplog, monkeypatch):
                yield SimpleNamespace(place=watching, log=proxy.log, column=list(STORES).index(request.param))

    def counted(self, counting: SimpleNamespace, ask: Callable[[], Any]) -> collections.Counter[str]:
        """What is asked of the store, beginning with empty listing caches."""
        fsspec.get_filesystem_class(counting.place.protocol).clear_instance_cache()
        counting.log.clear()
        ask()
        return collections.Counter(LETTERS[line.split(" ")[0]] for line in counting.log)

    def test_costs(self, counting: SimpleNamespace) -> None:
        """Loads, saves and `exists` cost this many requests more than plain Kedro's, and the hooks cost none."""
        place, data = counting.place, {"a": frame(1), "v": frame(1), "parts": {"a": "1", "b": "1"}}
        private = f"{place.url}/private-{SLUG}"
        place.main_saves(V[0], **data)
        for name, value in data.items():
            place.plain(name, version=V[0], where=private).save(name, value)

        def load_one(catalog: DataCatalog) -> None:
            catalog.load("parts")["a"]()

        steps: dict[str, Callable[[DataCatalog], Any]] = {
            "a: make the catalog, run the hooks": lambda catalog: run_hooks(catalog, "a"),
            "a: load, never written": lambda catalog: catalog.load("a"),
            "a: exists, never written": lambda catalog: catalog.exists("a"),
            "a: save, first": lambda catalog: catalog.save("a", frame(2)),
            "a: load": lambda catalog: catalog.load("a"),
            "a: exists": lambda catalog: catalog.exists("a"),
            "a: save": lambda catalog: catalog.save("a", frame(3)),
            "a: before a run that reads it": lambda catalog: SteelToes().before_pipeline_run(
                {}, pipeline([node(len, "a", "rows")]), catalog
            ),
            "v: load, never written": lambda catalog: catalog.load("v"),
            "v: save, first": lambda catalog: catalog.save("v", frame(2)),
            "v: load": lambda catalog: catalog.load("v"),
            "v: save": lambda catalog: catalog.save("v", frame(3)),
            "parts: load and call one of main's, never written": load_one,
            "parts: save one, first": lambda catalog: catalog.save("parts", {"a": "2"}),
            "parts: load and call one of the branch's": load_one,
            "parts: save one": lambda catalog: catalog.save("parts", {"a": "3"}),
        }
        costs = {}
        for number, (name, step) in enumerate(steps.items(), 1):
            # A save's version is new; a load is not asked for one.
            version = f"2030-02-{number:02}T00.00.00.000Z" if "save" in name else None
            entry = name.split(":")[0]
            cost = self.counted(counting, lambda: step(place.branch(entry, version=version)))  # noqa: B023
            own = self.counted(counting, lambda: step(place.plain(entry, version=version, where=private)))  # noqa: B023
            cost.subtract(own)
            costs[name] = " ".join(f"{cost[letter]}{letter}" for letter in LETTERS.values() if cost[letter])
        assert costs == {name: row[counting.column] for name, row in COSTS.items()}


def run_hooks(catalog: DataCatalog, name: str) -> None:
    """What a catalog goes through before anything of it is read."""
    catalog.get(name)
    repr(catalog)


# Rights -------------------------------------------------------------------------------------------------------------


class TestRights:
    """A store that refuses is an error that names it, and never main's data in the branch's place."""

    @pytest.fixture
    def guarded(
        self,
        weed: Any,
        tmp_path: Path,
        forge: Any,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> Iterator[Place]:
        """A bucket in which main and the branch have one dataset each, and of which not every user may see all."""
        place = Place("s3", "s3://guarded", tmp_path, weed.credentials, "hush-")
        filesystem = place.filesystem()
        for path in place.objects(filesystem):
            filesystem.rm_file(f"guarded/{path}")
        place.main_saves(a=frame(1))
        place.branch("a").save("a", frame(2))
        watching = watched(place, forge, caplog, monkeypatch)
        yield next(watching)
        place.credentials = weed.credentials
        next(watching, None)

    def as_user(self, place: Place, user: str) -> DataCatalog:
        place.credentials = {**place.credentials, "key": user, "secret": f"hush-{user}"}
        return place.branch("a")

    @pytest.mark.parametrize("user", ["blind-to-records", "blind-to-copies"])
    def test_may_not_read(self, guarded: Place, user: str) -> None:
        """Who may not read the record, or not the copy, is told so, and is not given main's data."""
        catalog = self.as_user(guarded, user)
        with refused(StoreError) as caught:
            catalog.load("a")
        assert "s3://" in str(caught[0])
        assert 'shared=["a"]' in str(caught[0])
        with refused(StoreError):
            catalog.exists("a")
        with refused(StoreError):
            catalog.save("a", frame(9))

    def test_may_not_write(self, guarded: Place) -> None:
        """Who may only read does: the branch's copy, and main's of what was never written; a save is refused."""
        catalog = self.as_user(guarded, "reader")
        assert shown(catalog.load("a")) == [2]
        with refused(StoreError, match="write to s3://"):
            catalog.save("a", frame(9))
        assert shown(catalog.load("a")) == [2]

    def test_may_not_write_the_copy(self, guarded: Place) -> None:
        """A save that the store refuses once its record is begun leaves the branch's copy as it was, and readable."""
        catalog = self.as_user(guarded, "recorder")
        with pytest.raises(DatasetError):
            catalog.save("a", frame(9))
        assert guarded.records_in_store()["a"]["state"] == "complete"
        assert shown(catalog.load("a")) == [2]

    def test_wrong_secret(self, guarded: Place) -> None:
        """A wrong secret is an error of the store's, and is not told in it."""
        guarded.credentials = {**guarded.credentials, "secret": "hush-wrong"}
        with refused(StoreError) as caught:
            guarded.branch("a").load("a")
        assert "hush" not in "".join(traceback.format_exception(caught[0]))

    def test_no_server(self, guarded: Place, nobody: str) -> None:
        """A store that does not answer is an error of the store's: nobody can know that there is no branch copy."""
        quick = {"retries": {"max_attempts": 1}, "connect_timeout": 1}
        guarded.credentials = {**guarded.credentials, "client_kwargs": {"endpoint_url": nobody}, "config_kwargs": quick}
        with refused(StoreError) as caught:
            guarded.branch("a").load("a")
        assert "hush" not in "".join(traceback.format_exception(caught[0]))
