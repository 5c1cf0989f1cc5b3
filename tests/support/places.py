"""Places where a team shares data: one in each store, and other processes that work there."""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from kedro.io import DataCatalog, DatasetError

from steel_toes.errors import CopyError
from support.servers import of_user
from support.team import BRANCH, NUMBERS, SLUG, Team, shown

V = [f"2030-01-0{day}T00.00.00.000Z" for day in range(1, 10)]
OWN = {"credentials": "own"}
CSV = {"type": "pandas.CSVDataset", "save_args": {"index": False}, **OWN}
TEXT = {"type": "text.TextDataset", **OWN}
LINES = {**TEXT, "fs_args": {"open_args_save": {"mode": "a"}}}
# A partition's dataset takes the credentials of the whole.
PARTS = {"type": "partitions.PartitionedDataset", "dataset": "text.TextDataset", "filename_suffix": ".txt", **OWN}
INCREMENTS = {**PARTS, "type": "partitions.IncrementalDataset"}
CONF = {
    "a": {**CSV, "filepath": "data/02/a.csv"},
    "log": {**LINES, "filepath": "data/02/log.txt"},
    "v": {**CSV, "filepath": "data/02/v.csv", "versioned": True},
    "parts": {**PARTS, "path": "data/02/parts"},
    "inner": {**TEXT, "filepath": "data/02/parts/deep/z.txt"},
    "over": {**PARTS, "path": "data/02/over", "overwrite": True},
    "inc": {**INCREMENTS, "path": "data/02/inc"},
    "mortal": {**TEXT, "type": "mortal.MortalText", "filepath": "data/02/mortal.txt"},
    "diary": {**LINES, "type": "mortal.MortalText", "filepath": "data/02/diary.txt"},
}

MORTAL = """
import os
from kedro_datasets.text import TextDataset

def die():
    {death}

class MortalText(TextDataset):
    '''Writes half of what is to be saved, if that says so, and dies.'''

    def __init__(self, **arguments) -> None:
        super().__init__(**arguments)
        # The save is the base's own: one of its own would be seeded.
        self._fs = MortalFileSystem(self._fs)

class MortalFileSystem:
    def __init__(self, filesystem):
        self.filesystem = filesystem

    def open(self, *arguments, **options):
        return Opened(self.filesystem.open(*arguments, **options))

    def __getattr__(self, name):
        return getattr(self.__dict__["filesystem"], name)

class Opened:
    def __init__(self, file):
        self.file = file

    def __enter__(self):
        self.opened = self.file.__enter__()
        return self

    def __exit__(self, *exception):
        return self.file.__exit__(*exception)

    def __getattr__(self, name):
        return getattr(self.__dict__["opened"], name)

    def write(self, data):
        if "dies" in data:
            self.opened.write(data[: len(data) // 2])
            self.file.__exit__(None, None, None)
            die()
        return self.opened.write(data)
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


class Place(Team):
    """A team on any store, whose colleagues work in other processes; entries are those of `CONF`, by their names."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.forge: Any = None
        death = "raise KeyboardInterrupt" if self.alone else "os._exit(9)"
        (self.folder / "mortal.py").write_text(MORTAL.format(death=death))

    @property
    def alone(self) -> bool:
        """Whether the store is the process itself."""
        return self.protocol == "memory"

    def plain(self, *names: str, version: str | None = None, where: str = "") -> DataCatalog:
        """Plain Kedro's catalog of these entries."""
        return super().plain({name: CONF[name] for name in names}, version, where)

    def branch(self, *names: str, version: str | None = None, branch: str = BRANCH, **settings: Any) -> DataCatalog:
        """A branch's catalog of these entries."""
        catalog = self.plain(*names, version=version)
        self.hook(branch, **settings).after_catalog_created(catalog)
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
            import pandas as pd

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
            "conf": self.placed({name: CONF[name] for name in names}),
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

    def records_in_store(self) -> dict[str, dict[str, Any]]:
        """The records, by the entry that wrote them."""
        filesystem = self.filesystem()
        top = f"{filesystem._strip_protocol(self.records)}/_steel_toes/{SLUG}"
        records = [json.loads(filesystem.cat_file(path)) for path in filesystem.find(top) if path.endswith(".json")]
        return {record["dataset"]: record for record in records}


def local_place(request: pytest.FixtureRequest, folder: Path) -> Place:
    (folder / "data").mkdir()
    return Place(f"{folder}/data", folder)


def memory_place(request: pytest.FixtureRequest, folder: Path) -> Place:
    url = f"memory:///team-{next(NUMBERS)}"
    return Place(url, folder, protocol="memory", records=f"{url}/02")


def s3_place(request: pytest.FixtureRequest, folder: Path) -> Place:
    return Place.in_bucket(request.getfixturevalue("moto"), folder).made()


def weed_place(request: pytest.FixtureRequest, folder: Path) -> Place:
    server = request.getfixturevalue("weed")
    place = Place.in_bucket(server, folder)
    # Not as its user, who may not make a bucket.
    fsspec.filesystem("s3", skip_instance_cache=True, **of_user("admin")(server.url)).mkdir(place.url)
    return place


def gcs_place(request: pytest.FixtureRequest, folder: Path) -> Place:
    return Place.in_bucket(request.getfixturevalue("gcs"), folder).made()


def azure_place(request: pytest.FixtureRequest, folder: Path) -> Place:
    return Place.in_bucket(request.getfixturevalue("azurite"), folder).made()


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
