"""The oracle: random programs, run by steel_toes on the team's data and by plain Kedro on real private copies.

> What a branch sees is what plain Kedro would show on a private copy of main's data, and main never changes. The
> private copy follows main for everything that the branch has not written. The unit is the dataset; in a partitioned
> dataset it is the partition.

Each branch has such a copy here, a real folder or bucket, and on it plain Kedro, without steel_toes. Whatever main
saves is copied into each of them, except the units that the branch has written. After every step the two answers are
compared, and main's bytes, what main's own catalog lists, and the files of the other branches.

The catalogs are of kedro-datasets' classes and of users' own (support/own.py); in some programs hooks wrap datasets,
and change their settings and methods.

It runs 600 steps on the local disk, with `--everything` 3,000, and 72 in each store; `STEEL_TOES_ORACLE_STEPS=10000
pytest --everything tests/laws/test_oracle.py` looks for longer, and `-k s3` in one store alone.
"""

import itertools
import logging
import os
import pickle
import posixpath
import random
import re
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import hypothesis.strategies as st
import kedro.io.core
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from kedro.io import CachedDataset, DataCatalog, DatasetError

import steel_toes.catalog.make
import steel_toes.catalog.policy
import steel_toes.datasets.base
from steel_toes import SteelToes
from steel_toes.actions import goals, sources
from steel_toes.actions.keeping import UndoCopy
from steel_toes.actions.requirements import MainIsAsBegun
from steel_toes.catalog.install import _Datasets
from steel_toes.catalog.policy import Locations, Policy
from steel_toes.catalog.survey import Survey
from steel_toes.checkout.find import find_branch
from steel_toes.checkout.git import read_checkout
from steel_toes.datasets import classes, seeding
from steel_toes.datasets.base import BranchedDataset, Choice
from steel_toes.datasets.cached import BranchedCache
from steel_toes.datasets.increments import BranchedIncrements
from steel_toes.datasets.partitions import BranchedPartitions
from steel_toes.datasets.places import BranchedPlaces
from steel_toes.datasets.proxy import branched_of
from steel_toes.datasets.versions import BranchedVersions, VersionOfSide
from steel_toes.datasets.whole import BranchedWhole
from steel_toes.naming.branch import Branch
from steel_toes.records.ledger import Ledger
from steel_toes.records.place import Side
from steel_toes.records.record import NO_RECORD
from steel_toes.records.seeding import Seed
from steel_toes.records.state import Look, Verdict
from support.effort import effort, slow_but
from support.environment import CALLERS
from support.google import GoogleProxy
from support.own import TAUGHT, Appending, Figures, Growing, Merging, Model, Named, Replaced, Retry, Skipping
from support.promoting import NO_CODE, Promoting
from support.seeding import plan_seed
from support.servers import Server, of_user

pd = pytest.importorskip("pandas", reason="the oracle compares pandas' CSV files")
cloudpickle = pytest.importorskip("cloudpickle", reason="catalogs in a store go to other processes by cloudpickle")

MAIN = "main"
BRANCHES = ("feature/x", "feature-x", "fix")
ASKED = CALLERS.get("STEEL_TOES_ORACLE_STEPS")
STEPS = effort(600, 3_000, "STEEL_TOES_ORACLE_STEPS")
STEPS_OF_A_LAYOUT = effort(200, 1_000, "STEEL_TOES_ORACLE_STEPS")
STEPS_OF_A_PROGRAM = 30
# A request takes a hundred times as long as a local file: short programs, so that there are several.
# moto ignores the conditions of copies, and Google's server those of rewrites, which a proxy puts in front of it.
STORES = {"memory": "memory", "s3": "moto", "seaweedfs": "weed", "gcs": "gcs", "azure": "azurite"}
STEPS_IN_A_STORE = effort(24, 72, "STEEL_TOES_ORACLE_STEPS")
STEPS_OF_A_PROGRAM_IN_A_STORE = 12
ALL = "*"


# The random catalog -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """One name of the catalog, and what the model must know of it.

    Args:
        name: as the program says it.
        place: of main's copy, below `data/`: a file, a file that keeps versions, or a directory of partitions.
        kind: whole, versioned, parts or increments.
        holds: what is saved in it (or in a partition of it).
        inside: the directory around it that another entry lists, if there is one.
        suffix: of the files of partitions.
        overwrite: a save of partitions removes the others.
        cached: it is in a CachedDataset.
        more: its other places, if it has several.
        ids: what the program's names of partitions are in it.
        versions: each partition has versions.
        checkpoint: where the checkpoint of increments lies, from the root of main's data.
    """

    name: str
    place: str
    kind: str = "whole"
    holds: str = "frame"
    inside: str = ""
    suffix: str = ""
    overwrite: bool = False
    cached: bool = False
    more: tuple[str, ...] = ()
    ids: dict[str, str] = field(default_factory=dict, hash=False)
    versions: bool = False
    checkpoint: str = ""

    @property
    def has_partitions(self) -> bool:
        return self.kind in ("parts", "increments")

    @property
    def tops(self) -> tuple[str, ...]:
        """What the model knows its places by: the outermost directory that an entry lists, if there is one."""
        return self.inside or self.place, *self.more

    @property
    def checkpoint_path(self) -> str:
        return self.checkpoint or f"{self.place}/CHECKPOINT"

    def unit(self, partition: str) -> str:
        return posixpath.normpath(partition + self.suffix)


CSV = {"type": "pandas.CSVDataset", "save_args": {"index": False}}
ROWS = {
    "type": "pandas.CSVDataset",
    "save_args": {"index": False, "header": False, "mode": "a"},
    "load_args": {"names": ["x"]},
}
TEXT = {"type": "text.TextDataset"}
LINES = {"type": "text.TextDataset", "fs_args": {"open_args_save": {"mode": "a"}}}
ONCE = {"type": "text.TextDataset", "fs_args": {"open_args_save": {"mode": "x"}}}
PICKLE = {"type": "pickle.PickleDataset"}
PARTS = {"type": "partitions.PartitionedDataset"}
INCREMENTS = {"type": "partitions.IncrementalDataset"}


def cached(dataset: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The configuration of a CachedDataset around another."""
    return {"type": "CachedDataset", "dataset": dataset, **more}


# What belongs together on one location stands together. `@` is where the root of the data goes.
GROUPS: dict[str, tuple[dict[str, Any], tuple[Entry, ...]]] = {
    "explicit": ({"csv": {**CSV, "filepath": "@/csv.csv"}}, (Entry("csv", "csv.csv"),)),
    "pattern": (
        {"{name}#pkl": {**PICKLE, "filepath": "@/{name}.pkl"}},
        (Entry("one#pkl", "one.pkl", holds="number"), Entry("two#pkl", "two.pkl", holds="number")),
    ),
    "versioned": (
        {"model": {**CSV, "filepath": "@/model.csv", "versioned": True}},
        (Entry("model", "model.csv", "versioned"),),
    ),
    "versioned twice": (
        {
            "{name}#v": {**PICKLE, "filepath": "@/deep/{name}.pkl", "versioned": True},
            "again": {**PICKLE, "filepath": "@/deep/m.pkl", "versioned": True},
        },
        (
            Entry("m#v", "deep/m.pkl", "versioned", holds="number"),
            Entry("again", "deep/m.pkl", "versioned", holds="number"),
        ),
    ),
    "cached": (
        {"cached": cached({**PICKLE, "filepath": "@/c.pkl"}), "uncached": {**PICKLE, "filepath": "@/c.pkl"}},
        (Entry("cached", "c.pkl", holds="number", cached=True), Entry("uncached", "c.pkl", holds="number")),
    ),
    "cached log": (
        {
            "cached log": cached({**LINES, "filepath": "@/clog.txt"}),
            "uncached log": {**LINES, "filepath": "@/clog.txt"},
        },
        (Entry("cached log", "clog.txt", holds="text", cached=True), Entry("uncached log", "clog.txt", holds="text")),
    ),
    "cached versioned": (
        {"cached model": cached({**CSV, "filepath": "@/cmodel.csv"}, versioned=True)},
        (Entry("cached model", "cmodel.csv", "versioned", cached=True),),
    ),
    "two names": (
        {"this": {**CSV, "filepath": "@/shared.csv"}, "that": {**ROWS, "filepath": "@/shared.csv"}},
        (Entry("this", "shared.csv", holds="row"), Entry("that", "shared.csv", holds="row")),
    ),
    "transcoded": (
        {"table@pandas": {**CSV, "filepath": "@/table.csv"}, "table@text": {**TEXT, "filepath": "@/table.csv"}},
        (Entry("table@pandas", "table.csv"), Entry("table@text", "table.csv", holds="csv text")),
    ),
    "log": ({"log": {**LINES, "filepath": "@/log.txt"}}, (Entry("log", "log.txt", holds="text"),)),
    "rows": ({"rows": {**ROWS, "filepath": "@/rows.csv"}}, (Entry("rows", "rows.csv"),)),
    "exclusive": ({"once": {**ONCE, "filepath": "@/once.txt"}}, (Entry("once", "once.txt", holds="text"),)),
    "a subclass of partitions that skips": (
        {"skipping": {**PARTS, "type": Skipping, "path": "@/skipping", "dataset": CSV, "filename_suffix": ".csv"}},
        (Entry("skipping", "skipping", "parts", suffix=".csv"),),
    ),
    "two files in a cache": (
        {
            "kept": cached({"type": Model, "model_path": "@/kept/model.bin", "vocab_path": "@/kept/vocab.txt"}),
            "kept vocab": {**TEXT, "filepath": "@/kept/vocab.txt"},
        },
        (
            Entry("kept", "kept/model.bin", holds="text", more=("kept/vocab.txt",), cached=True),
            Entry("kept vocab", "kept/vocab.txt", holds="text"),
        ),
    ),
    "versions of a subclass that appends": (
        {"va": {"type": Appending, "filepath": "@/va.txt", "versioned": True}},
        (Entry("va", "va.txt", "versioned", holds="text"),),
    ),
    "partitions": (
        {"parts": {**PARTS, "path": "@/parts", "dataset": CSV, "filename_suffix": ".csv"}},
        (Entry("parts", "parts", "parts", suffix=".csv"),),
    ),
    "partitions of a pattern": (
        {"{name}#parts": {**PARTS, "path": "@/{name}_parts", "dataset": CSV}},
        (Entry("some#parts", "some_parts", "parts"),),
    ),
    "partitions that grow": (
        {"lines": {**PARTS, "path": "@/lines", "dataset": LINES, "filename_suffix": ".txt"}},
        (Entry("lines", "lines", "parts", holds="text", suffix=".txt"),),
    ),
    "overwritten partitions": (
        {"over": {**PARTS, "path": "@/over", "dataset": CSV, "filename_suffix": ".csv", "overwrite": True}},
        (Entry("over", "over", "parts", suffix=".csv", overwrite=True),),
    ),
    "entries in a directory": (
        {
            "around": {**PARTS, "path": "@/around", "dataset": CSV, "filename_suffix": ".csv"},
            "inner": {**CSV, "filepath": "@/around/a.csv"},
            "note": {**LINES, "filepath": "@/around/n/note.txt"},
        },
        (
            Entry("around", "around", "parts", suffix=".csv"),
            Entry("inner", "around/a.csv", inside="around"),
            Entry("note", "around/n/note.txt", inside="around", holds="text"),
        ),
    ),
    "entries in an overwritten directory": (
        {
            "sweep": {**PARTS, "path": "@/sweep", "dataset": CSV, "filename_suffix": ".csv", "overwrite": True},
            "swept": {**CSV, "filepath": "@/sweep/a.csv"},
            "swept note": {**LINES, "filepath": "@/sweep/note.txt"},
        },
        (
            Entry("sweep", "sweep", "parts", suffix=".csv", overwrite=True),
            Entry("swept", "sweep/a.csv", inside="sweep"),
            Entry("swept note", "sweep/note.txt", inside="sweep", holds="text"),
        ),
    ),
    "increments": (
        {"inc": {**INCREMENTS, "path": "@/inc", "dataset": CSV, "filename_suffix": ".csv"}},
        (Entry("inc", "inc", "increments", suffix=".csv"),),
    ),
    "increments without a suffix": (
        {
            "bare": {
                **INCREMENTS,
                "path": "@/bare",
                "dataset": TEXT,
                "checkpoint": {"type": "text.TextDataset", "filepath": "@/bare/done"},
            }
        },
        (Entry("bare", "bare", "increments", holds="text", checkpoint="bare/done"),),
    ),
    # Subclasses of users, and classes of their own.
    "a subclass that appends": (
        {"appending": {"type": Appending, "filepath": "@/appending.txt"}},
        (Entry("appending", "appending.txt", holds="text"),),
    ),
    "a class that appends by its defaults": (
        {"growing": {"type": Growing, "filepath": "@/growing.txt"}},
        (Entry("growing", "growing.txt", holds="text"),),
    ),
    "a subclass that merges": (
        {
            "merging": {"type": Merging, "filepath": "@/merged.json"},
            "merged": {"type": "json.JSONDataset", "filepath": "@/merged.json"},
        },
        (Entry("merging", "merged.json", holds="keys"), Entry("merged", "merged.json", holds="keys")),
    ),
    "partitions of a subclass that appends": (
        {"verses": {**PARTS, "path": "@/verses", "dataset": {"type": Appending}, "filename_suffix": ".txt"}},
        (Entry("verses", "verses", "parts", holds="text", suffix=".txt"),),
    ),
    "a dictionary into a directory": (
        {"figures": {"type": Figures, "filepath": "@/figures"}},
        (Entry("figures", "figures", holds="figures"),),
    ),
    "partitions of directories": (
        {"albums": {**PARTS, "path": "@/albums", "dataset": {"type": Figures}}},
        (Entry("albums", "albums", "parts", holds="figures"),),
    ),
    "increments of versions": (
        {
            "inc of versions": {
                **INCREMENTS,
                "path": "@/vinc",
                "dataset": {**TEXT, "versioned": True},
                "filename_suffix": ".txt",
            }
        },
        (Entry("inc of versions", "vinc", "increments", holds="text", suffix=".txt", versions=True),),
    ),
    "an empty checkpoint": (
        {"all inc": {**INCREMENTS, "path": "@/ainc", "dataset": CSV, "filename_suffix": ".csv", "checkpoint": ""}},
        (Entry("all inc", "ainc", "increments", suffix=".csv"),),
    ),
    "a relative checkpoint": (
        {
            "rel": {**INCREMENTS, "path": "@/rel", "dataset": TEXT, "checkpoint": {"filepath": "data/rel/done"}},
            "beside": {
                **INCREMENTS,
                "path": "@/beside",
                "dataset": TEXT,
                "checkpoint": {"filepath": "data/beside_done"},
            },
        },
        (
            Entry("rel", "rel", "increments", holds="text", checkpoint="rel/done"),
            Entry("beside", "beside", "increments", holds="text", checkpoint="beside_done"),
        ),
    ),
    # Several places.
    "two files": (
        {
            "fitted": {"type": Model, "model_path": "@/fit/model.bin", "vocab_path": "@/fit/vocab.txt"},
            "vocab": {**TEXT, "filepath": "@/fit/vocab.txt"},
        },
        (
            Entry("fitted", "fit/model.bin", holds="text", more=("fit/vocab.txt",)),
            Entry("vocab", "fit/vocab.txt", holds="text"),
        ),
    ),
    "one of two files in a cache": (
        {
            "loose": {"type": Model, "model_path": "@/loose/model.bin", "vocab_path": "@/loose/vocab.txt"},
            "loose vocab": cached({**TEXT, "filepath": "@/loose/vocab.txt"}),
        },
        (
            Entry("loose", "loose/model.bin", holds="text", more=("loose/vocab.txt",)),
            Entry("loose vocab", "loose/vocab.txt", holds="text", cached=True),
        ),
    ),
    "two names in a taught directory": (
        {
            "named p": {"type": Named, "base_dir": "@/named", "name": "p"},
            "named q": {"type": Named, "base_dir": "@/named", "name": "q"},
        },
        (Entry("named p", "named", holds="text"), Entry("named q", "named", holds="text")),
    ),
    # Spelled paths.
    "spelled paths": (
        {
            "slashes": {**CSV, "filepath": "@/sp//a//b.csv"},
            "dots": {**ROWS, "filepath": "@/sp/./a/./b.csv"},
            "straight": {**CSV, "filepath": "@/sp/a/b.csv"},
        },
        (
            Entry("slashes", "sp/a/b.csv", holds="row"),
            Entry("dots", "sp/a/b.csv", holds="row"),
            Entry("straight", "sp/a/b.csv", holds="row"),
        ),
    ),
    "spelled ids": (
        {"ids": {**PARTS, "path": "@/ids", "dataset": CSV, "filename_suffix": ".csv"}},
        (Entry("ids", "ids", "parts", suffix=".csv", ids={"b": "./a", "c": "s//b", "n/a": "s/b"}),),
    ),
    # Two views of one folder, and caches around them.
    "two depths": (
        {
            "flat": {
                **PARTS,
                "path": "@/depths",
                "dataset": CSV,
                "filename_suffix": ".csv",
                "load_args": {"maxdepth": 1},
            },
            "deep": {**PARTS, "path": "@/depths", "dataset": CSV, "filename_suffix": ".csv"},
        },
        (Entry("flat", "depths", "parts", suffix=".csv"), Entry("deep", "depths", "parts", suffix=".csv")),
    ),
    "cached partitions": (
        {
            "cached parts": cached({**PARTS, "path": "@/cparts", "dataset": CSV, "filename_suffix": ".csv"}),
            "uncached parts": {**PARTS, "path": "@/cparts", "dataset": CSV, "filename_suffix": ".csv"},
        },
        (
            Entry("cached parts", "cparts", "parts", suffix=".csv", cached=True),
            Entry("uncached parts", "cparts", "parts", suffix=".csv"),
        ),
    ),
    "cached increments": (
        {
            "cached inc": cached({**INCREMENTS, "path": "@/cinc", "dataset": CSV, "filename_suffix": ".csv"}),
            "uncached inc": {**INCREMENTS, "path": "@/cinc", "dataset": CSV, "filename_suffix": ".csv"},
        },
        (
            Entry("cached inc", "cinc", "increments", suffix=".csv", cached=True),
            Entry("uncached inc", "cinc", "increments", suffix=".csv"),
        ),
    ),
}
# A relative checkpoint lies in the working directory, whatever the store.
ON_DISK = {"a relative checkpoint"}
IDS = ("a", "b", "c", "n/a")


def configuration(groups: list[str], url: str) -> dict[str, Any]:
    """Kedro's configuration of these groups, with its data at a place; in a store, with credentials."""

    def placed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: placed(inner) for key, inner in value.items()}
        return value.replace("@/", f"{url}/") if isinstance(value, str) else value

    def signed(config: dict[str, Any]) -> dict[str, Any]:
        if config["type"] == "CachedDataset":
            return {**config, "dataset": signed(config["dataset"])}
        return {**config, "credentials": "own"} if "://" in url else config

    return {name: signed(placed(config)) for group in groups for name, config in GROUPS[group][0].items()}


def made(holds: str, number: int) -> Any:
    """A value that was never saved before; all of them have the same size."""
    text = f"{number:06}\n"
    if holds == "number":
        return number
    if holds == "text":
        return text
    if holds == "keys":
        return {f"k{number % 3}": number}
    if holds == "figures":
        return {f"f{number % 3}": text}
    return f"x\n{text}" if holds == "csv text" else pd.DataFrame({"x": [number]})


def seen(value: Any) -> Any:
    """A value as something that compares."""
    if isinstance(value, pd.DataFrame):
        return [str(row) for row in value.to_numpy().tolist()]
    if isinstance(value, tuple):
        return [seen(inner) for inner in value]
    if isinstance(value, dict):
        return [(key, answer(inner) if callable(inner) else seen(inner)) for key, inner in value.items()]
    return value


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    """The working directory within the block. Python 3.10 has no `contextlib.chdir`."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def answer(ask: Callable[[], Any]) -> tuple[str, Any]:
    """What a call gives: its value, or that it fails, and whether Kedro's users would catch it as a DatasetError."""
    try:
        return "gives", seen(ask())
    except DatasetError:
        return "fails", "DatasetError"
    except Exception as exc:  # noqa: BLE001  # whatever plain Kedro raises, steel_toes must raise as well
        return "fails", type(exc).__name__


def called(value: Any) -> tuple[str, Any]:
    """What a partition that was loaded gives."""
    return answer(value) if callable(value) else ("gives", seen(value))


def copy_of(value: Any) -> Any:
    """What a partition that is saved lazily gives, when Kedro comes to it."""
    return value.copy() if hasattr(value, "copy") else value


# The files ----------------------------------------------------------------------------------------------------------


class Folder:
    """A folder of the local disk.

    Args:
        path: it is made, with the `data` in it.
    """

    def __init__(self, path: Path) -> None:
        self.url = str(path / "data")
        Path(self.url).mkdir(parents=True)

    def files(self) -> dict[str, bytes]:
        """Every file in it, with its bytes."""
        found = {}
        for folder, _, names in os.walk(self.url):
            for name in names:
                path = os.path.join(folder, name)  # noqa: PTH118  # ten times per step: pathlib takes half of the time
                with open(path, "rb") as file:  # noqa: PTH123
                    found[path[len(self.url) + 1 :]] = file.read()
        return found

    def take(self, path: str, other: "Folder") -> None:
        """Copy a file of another folder."""
        target = Path(self.url, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(other.url, path), target)

    def write(self, path: str, data: bytes) -> None:
        target = Path(self.url, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    def remove(self, path: str) -> None:
        Path(self.url, path).unlink()

    def entered(self) -> AbstractContextManager[Any]:
        """The working directory of a project with that folder: for relative paths."""
        return inside(Path(self.url).parent)


class Bucket:
    """A bucket of a store, as no cache shows it.

    Args:
        server: of the store.
        name: of the bucket; it is made.
    """

    def __init__(self, server: Any, name: str) -> None:
        self.url = f"memory:///{name}" if server.protocol == "memory" else f"{server.protocol}://{name}"
        few = {"max_concurrency": 1} if server.protocol == "s3" else {}  # no HEAD before each GET
        self.files_of = fsspec.filesystem(server.protocol, use_listings_cache=False, **few, **server.credentials)
        self.top = self.files_of._strip_protocol(self.url)
        self.files_of.mkdir(self.top)
        self.known: dict[str, tuple[Any, bytes]] = {}

    def files(self) -> dict[str, bytes]:
        """Every object in it, with its bytes; those of an etag that was seen before are not read again."""
        found = {}
        for path, info in self.files_of.find(self.top, detail=True).items():
            name, tag = path[len(self.top) + 1 :], info.get("ETag") or info.get("etag")
            if tag is None or self.known.get(name, (None,))[0] != tag:
                self.known[name] = tag, self.files_of.cat_file(path)
            found[name] = self.known[name][1]
        return found

    def take(self, path: str, other: "Bucket") -> None:
        """Copy an object of another bucket; the server does it, since a copy of Azure's keeps the type of its blob."""
        self.files_of.cp_file(f"{other.top}/{path}", f"{self.top}/{path}")

    def write(self, path: str, data: bytes) -> None:
        self.files_of.pipe_file(f"{self.top}/{path}", data)

    def remove(self, path: str) -> None:
        self.files_of.rm_file(f"{self.top}/{path}")

    def entered(self) -> AbstractContextManager[Any]:
        return nullcontext()


Tree = Folder | Bucket
UNDO = "what promotes keep"
NUMBERS = itertools.count(1)
SLUGS = {branch: find_branch(Path("/"), branch=branch, main=None).slug for branch in BRANCHES}


def owner(path: str) -> str:
    """Whose a file in the team's folder is; where a store has no buckets, records lie beside the data."""
    for branch, slug in SLUGS.items():
        folders = (f"/_steel_toes/{slug}/", f"/_branches/{slug}/")
        is_below = any(folder in f"/{path}" for folder in folders)
        if is_below or re.search(rf"--{slug}(?![a-z0-9-])", path):
            return branch
    if re.search(r"(^|/)(_steel_toes/_promoted?|(_steel_toes|_branches)/undo-[^/]*)/", path):
        return UNDO
    return MAIN


def is_apart(path: str, entries: tuple[Entry, ...]) -> bool:
    """Whether a path is an entry's own in a folder of partitions that it is none of, by its suffix."""
    for entry in entries:
        for outer in entries:
            if entry.place == path and entry.inside == outer.place:
                return not (outer.overwrite or path.endswith(outer.suffix))
    return False


@dataclass
class PrivateCopy:
    """What the law says that a branch has: a real copy of main's data, which follows main where it was not written.

    Args:
        tree: its folder or bucket.
        units: what the branch has written: by place, the partitions, the versions, or `ALL`.
        saves: how often the branch has saved to a place.
        mains: what main had of each unit whenever the branch saved it.
        seeds: the places that began as another branch's, or as main's, each with what the branch has written since.
        seed_mains: as `mains`, of what they began as.
        frozen: the places that began as main's.
        origins: the branch that each place began as, if one did, and how often that had saved there by then.
        promoted: how often the branch had saved to a place whenever that was promoted.
    """

    tree: Tree
    units: dict[str, set[str]] = field(default_factory=dict)
    mains: dict[tuple[str, str], list[dict[str, bytes]]] = field(default_factory=dict)
    saves: dict[str, int] = field(default_factory=dict)
    seeds: dict[str, set[str]] = field(default_factory=dict)
    seed_mains: dict[tuple[str, str], list[dict[str, bytes]]] = field(default_factory=dict)
    frozen: set[str] = field(default_factory=set)
    origins: dict[str, tuple[str, int]] = field(default_factory=dict)
    promoted: dict[str, set[int]] = field(default_factory=dict)

    def wrote(self, entry: Entry, *units: str) -> None:
        for place in entry.tops:
            self.units.setdefault(place, set()).update(units)
            if ALL in units:
                self.seeds.pop(place, None)
                self.frozen.discard(place)
            elif place in self.seeds:
                self.seeds[place].update(units)
            self.saves[place] = self.saves.get(place, 0) + 1

    def saves_of(self, entry: Entry) -> int:
        """How often the branch has saved to a place of an entry."""
        return sum(self.saves.get(place, 0) for place in entry.tops)

    def is_own(self, path: str, entries: tuple[Entry, ...]) -> bool:
        """Whether the branch has written what a path belongs to; then main's no longer flows into it."""
        for entry in entries:
            for place in entry.tops:
                units = self.units.get(place, set())
                if path == place or (entry.kind == "versioned" and path.startswith(f"{place}/")):
                    # Of a versioned dataset nothing flows any more: later versions of main are not the newest here.
                    return bool(units)
                if path == entry.checkpoint and not path.startswith(f"{place}/"):
                    return path in units
                if path.startswith(f"{place}/"):
                    # Of a partition that is a directory neither.
                    inside = path[len(place) :]
                    if place in self.frozen and is_apart(path, entries):
                        return inside[1:] in units
                    return ALL in units or any(f"{inside}/".startswith(f"/{unit}/") for unit in units)
        raise AssertionError(f"nobody knows {path}")

    def follow(self, mains: Tree, entries: tuple[Entry, ...]) -> None:
        """Take over main's files for everything that the branch has not written."""
        mine, main = self.tree.files(), mains.files()
        for path in {*mine, *main}:
            if mine.get(path) == main.get(path) or self.is_own(path, entries):
                continue
            if path in main:
                self.tree.take(path, mains)
            else:
                self.tree.remove(path)


# The two catalogs ---------------------------------------------------------------------------------------------------


@dataclass
class Process:
    """One process on one branch: steel_toes' catalog and plain Kedro's, which go through the same in lock step.

    Args:
        branch: its branch, or main.
        version: the save version of both.
        ours: steel_toes' catalog, on the team's data.
        plain: Kedro's, on the private copy.
        looked: at which save of the branch a dataset with a cache was last in step with the store.
        began: when it did; no two processes did at once.
        wrappers: how many wrappers hooks have put around a dataset.
    """

    branch: str
    version: str
    ours: Any
    plain: Any
    began: str = ""
    looked: dict[str, int] = field(default_factory=dict)
    wrappers: dict[str, int] = field(default_factory=dict)

    def inner_plain(self, entry: Entry) -> Any:
        """Plain Kedro's dataset inside those wrappers whose caches are ours too."""
        dataset = self.plain[entry.name]
        for _ in range(self.wrappers.get(entry.name, 0) + (entry.cached and entry.has_partitions)):
            dataset = dataset._dataset
        return dataset


def hook(branch: str, folder: Path, **settings: str) -> SteelToes:
    """SteelToes as a project on that branch has it."""
    made_hook = SteelToes(
        branch=branch, create_buckets=True, record_author=False, location_parameters=TAUGHT, **settings
    )
    made_hook.after_context_created(SimpleNamespace(project_path=folder))
    return made_hook


class Counted:
    """How much an oracle has run."""

    steps = 0
    programs = 0
    promotes = 0
    undos = 0
    seeds = 0

    @classmethod
    def clear(cls) -> None:
        """Begin anew."""
        cls.steps = cls.programs = cls.promotes = cls.undos = cls.seeds = 0


class Clock:
    """What Kedro takes for the time when it builds the dataset of versioned partitions: when the process began."""

    now = ""


# What hooks do ------------------------------------------------------------------------------------------------------


def holder(dataset: Any) -> Any:
    """The dataset that has the settings of a file's class: a wrapper has none."""
    return holder(dataset._dataset) if isinstance(dataset, CachedDataset | Retry) else dataset


def wrappers_of(dataset: Any) -> Iterator[Any]:
    """Kedro's own wrappers and users', from the outside in; what stands for one of a branch's is none."""
    while type(dataset) in (CachedDataset, Retry):
        yield dataset
        dataset = dataset._dataset


# How each class takes the settings of its loads, and a change of them that one can see.
CHANGES = {
    "frame": ("_load_args", {"header": None}),
    "row": ("_load_args", {"header": None}),
    "text": ("_fs_open_args_load", {"mode": "rb"}),
    "csv text": ("_fs_open_args_load", {"mode": "rb"}),
}


def in_a_cache(catalog: Any, entry: Entry) -> None:
    catalog[entry.name] = CachedDataset(catalog[entry.name])


def in_a_retry(catalog: Any, entry: Entry) -> None:
    catalog[entry.name] = Retry(catalog[entry.name])


def change_in_place(catalog: Any, entry: Entry) -> None:
    dataset = holder(catalog[entry.name])
    name, change = CHANGES[entry.holds]
    settings = dataset._dataset_config.setdefault("load_args", {}) if entry.has_partitions else getattr(dataset, name)
    settings.update(change)


def set_anew(catalog: Any, entry: Entry) -> None:
    dataset = holder(catalog[entry.name])
    name, change = CHANGES[entry.holds]
    if entry.has_partitions:
        dataset._dataset_config = {**dataset._dataset_config, "load_args": change}
    else:
        setattr(dataset, name, dict(change))


def loud(value: Any) -> Any:
    return "loud", value


def twice(value: Any) -> Any:
    """What is saved, changed: for hooks that change it."""
    if isinstance(value, pd.DataFrame):
        return pd.concat([value, value])
    return value + value if isinstance(value, str) else value


def replace_load(catalog: Any, entry: Entry) -> None:
    dataset = catalog[entry.name]
    dataset.load = Replaced(dataset.load, loud)


def replace_save(catalog: Any, entry: Entry) -> None:
    dataset = catalog[entry.name]
    dataset.save = Replaced(dataset.save, twice)


HOOKS = {
    hook.__name__: hook for hook in (in_a_cache, in_a_retry, change_in_place, set_anew, replace_load, replace_save)
}
WRAPPERS = {"in_a_cache", "in_a_retry"}


def reaches(entry: Entry, how: str) -> bool:
    """Whether a hook can do this to an entry."""
    if how not in ("change_in_place", "set_anew"):
        return True
    return entry.holds in (("frame",) if entry.has_partitions else CHANGES)


class Oracle(RuleBasedStateMachine):
    """A random program on main and three branches, of which one has two processes."""

    about = "explicit"
    """The group that is in the catalog for sure: so that each has its share of the programs; "" is any."""
    server: Any = None
    """The store in which the data lies; None is the local disk."""
    layout = "suffix"
    """Of the branches' copies: "root" is "prefix" with a root of all copies."""
    is_hooked = False
    """Whether hooks change datasets in every program; else they do in some."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="oracle-"))
        self.program = next(NUMBERS)
        self.team = self.tree("team")
        self.copies = {branch: PrivateCopy(self.tree(f"copy{n}")) for n, branch in enumerate((MAIN, *BRANCHES))}
        self.processes: dict[tuple[str, int], Process] = {}
        self.pending: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
        self.number = 100_000
        self.begun = 0
        self.versions = [self.timestamp(0)]
        self.found: dict[str, bytes] = {}
        self.undos: list[str] = []
        self.before: dict[str, dict[str, bytes | None]] = {}
        Counted.programs += 1

    def teardown(self) -> None:
        try:
            if hasattr(self, "entries"):
                self.compare_everything()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def tree(self, name: str) -> Tree:
        return Bucket(self.server, f"oracle-{self.program}-{name}") if self.server else Folder(self.folder / name)

    @initialize(
        first=st.sampled_from(sorted(GROUPS)),
        others=st.lists(st.sampled_from(sorted(GROUPS)), max_size=1),
        begun=st.booleans(),
        hooked=st.sampled_from([False, False, True]),
    )
    def begin(self, first: str, others: list[str], begun: bool, hooked: bool) -> None:
        chosen = [self.about or first, *others]
        groups = self.groups = [group for group in dict.fromkeys(chosen) if not (self.server and group in ON_DISK)]
        if not groups:
            groups.append("explicit")
        self.hooked = hooked or self.is_hooked
        self.entries = tuple(entry for group in groups for entry in GROUPS[group][1])
        if begun:
            for n in range(len(self.entries)):
                self.a_save((MAIN, 0), n, ids=["a", "c"], lazily=False, reopen=False)

    # Which process, which entry --------------------------------------------------------------------------------------

    WHO = st.sampled_from(
        [("feature/x", 0)] * 6 + [("feature/x", 1)] * 3 + [("feature-x", 0)] * 2 + [("fix", 0)] + [(MAIN, 0)] * 2
    )
    WHICH = st.integers(0, 11)
    SOME = st.lists(st.sampled_from(IDS), max_size=3, unique=True)

    @staticmethod
    def timestamp(number: int) -> str:
        return f"2030-01-01T00.{number // 60_000:02}.{number // 1000 % 60:02}.{number % 1000:03}Z"

    def process(self, who: tuple[str, int]) -> Process:
        if who not in self.processes:
            self.processes[who] = self.opened(who[0], self.versions[-1])
        return self.processes[who]

    def opened(self, branch: str, version: str) -> Process:
        # Two real processes have a cache of listings each, in which plain Kedro misses what the other saved (s3fs's
        # answers for ever): so it has none here, and ours share one. test_stores.py has two real processes.
        ours = self.catalog(self.team, version, use_listings_cache=True)
        self.hook(branch).after_catalog_created(ours)
        self.begun += 1
        plain = self.catalog(self.copies[branch].tree, version)
        return Process(branch, version, ours, plain, self.timestamp(self.begun))

    @property
    def project(self) -> Path:
        """A file directly in the project's folder has no place for a copy of layout "prefix"."""
        return self.folder / "team"

    def hook(self, branch: str) -> SteelToes:
        """SteelToes on a branch of this program."""
        if self.layout == "root":
            # In the team's tree, so that all is looked at.
            return hook(branch, self.project, layout="prefix", root=f"{self.team.url}/_root/of", project="acme/oracle")
        return hook(branch, self.project, layout=self.layout)

    def catalog(self, tree: Tree, version: str | None = None, use_listings_cache: bool = False) -> DataCatalog:
        """Plain Kedro's."""
        cache = {"use_listings_cache": use_listings_cache}
        own = {"own": {**self.server.credentials, **cache}} if self.server else None
        return DataCatalog.from_config(configuration(self.groups, tree.url), own, save_version=version)

    def pickled(self, value: Any) -> Any:
        """What another process gets of it."""
        # In a store not pickle: Kedro's datasets with a connection do not go through it, on main neither.
        pickler = cloudpickle if self.server else pickle
        return pickle.loads(pickler.dumps(value))

    def entry(self, which: int, *kinds: str) -> Entry:
        fitting = [entry for entry in self.entries if not kinds or entry.kind in kinds]
        return fitting[which % len(fitting)]

    def value(self, holds: str) -> Any:
        self.number += 1
        return made(holds, self.number)

    # The rules -------------------------------------------------------------------------------------------------------

    def has(*kinds: str) -> Callable[[Any], bool]:
        """Whether the program's catalog has such an entry; else the rule would be a waste of a step."""
        return lambda self: any(entry.kind in kinds for entry in self.entries)

    @rule(who=WHO, which=WHICH, ids=SOME, lazily=st.booleans(), reopen=st.booleans(), then=st.booleans())
    def save(self, who: tuple[str, int], which: int, ids: list[str], lazily: bool, reopen: bool, then: bool) -> None:
        self.a_save(who, which, ids, lazily, reopen)
        if then:
            self.a_load(who, which)

    @rule(which=WHICH, ids=SOME, reopen=st.booleans())
    def main_saves(self, which: int, ids: list[str], reopen: bool) -> None:
        self.a_save((MAIN, 0), which, ids, lazily=False, reopen=reopen)

    @rule(
        others=st.lists(WHO, min_size=1, max_size=2),
        which=WHICH,
        ids=SOME,
        how=st.sampled_from(["load", "exists", "list"]),
    )
    def something_happens_between_two_looks(
        self, others: list[tuple[str, int]], which: int, ids: list[str], how: str
    ) -> None:
        """What most bugs need: one process has looked, another (or it) saves, and the first looks again."""
        listing = self.a_list if self.entry(which).kind == "versioned" else self.a_load
        look = {"load": self.a_load, "exists": self.an_exists, "list": listing}[how]
        look(("feature/x", 0), which)
        for n, who in enumerate(others):
            self.a_save(who, which + n, ids, lazily=False, reopen=who[0] == MAIN)
        look(("feature/x", 0), which)

    def a_save(self, who: tuple[str, int], which: int, ids: list[str], lazily: bool, reopen: bool) -> None:
        entry = self.entry(which)
        if (entry.kind == "versioned" or entry.versions) and reopen:
            self.reopen(who, tie=False)
        process, copy = self.process(who), self.copies[who[0]]
        # A version of a partition that is older than main's newest hides it here, and not in the private copy.
        if entry.versions and process.began < self.newest_of_main(entry):
            self.reopen(who, tie=False)
            process = self.process(who)
        if entry.has_partitions:
            ids = [entry.ids.get(name, name) for name in ids]
            values = {name: self.value(entry.holds) for name in ids}
            data = {name: partial(copy_of, value) for name, value in values.items()} if lazily else values
            units = [ALL] if entry.overwrite else list(map(entry.unit, ids))
        else:
            data, units = self.value(entry.holds), [ALL]
            if entry.inside:
                units = [entry.place[len(entry.inside) + 1 :]]
            elif entry.kind == "versioned":
                units = [process.version]
        with self.step(process):
            before = copy.tree.files() if entry.versions else {}
            with copy.tree.entered():
                wanted = answer(lambda: self.save_plainly(process, entry, data))
            with self.team.entered():
                assert answer(lambda: process.ours.save(entry.name, data)) == wanted, f"save {entry.name}"
            if wanted[0] == "fails" and entry.versions:
                # A version of a partition was there, and was refused after those of others were saved.
                added = copy.tree.files().keys() - before.keys()
                units = [unit for unit in units if any(path.startswith(f"{entry.place}/{unit}/") for path in added)]
            if (wanted[0] == "gives" or (entry.versions and units)) and process.branch != MAIN:
                # A save of no partitions changes no record: for other processes nothing has happened.
                if units:
                    copy.wrote(entry, *units)
                    self.note_mains(copy, entry, units)
                process.looked[entry.name] = copy.saves_of(entry)

    def note_mains(self, copy: PrivateCopy, entry: Entry, units: list[str]) -> None:
        """Note what main has of units that a branch saves."""
        if entry.kind == "versioned":
            return
        for place in entry.tops:
            for unit in units:
                # An overwrite begins all of them anew.
                for key in [key for key in copy.mains if unit == ALL and key[0] == place and key[1] != ALL]:
                    del copy.mains[key]
                files = self.mains_unit(place, unit)
                began = copy.seed_mains.get((place, unit), copy.seed_mains.get((place, ALL), []))
                copy.mains.setdefault((place, unit), list(began)).append(files)
                # Of a partition that is begun anew main is what it is now, whatever the others are.
                if unit != ALL:
                    start = f"{place}/{unit}"
                    for state in list(copy.mains.get((place, ALL), [])):
                        others = {p: d for p, d in state.items() if p != start and not p.startswith(f"{start}/")}
                        copy.mains[place, ALL].append({**others, **files})

    def save_plainly(self, process: Process, entry: Entry, data: Any) -> None:
        if entry.kind != "versioned":
            process.plain.save(entry.name, data)
            return
        dataset = process.inner_plain(entry)
        inner = dataset._dataset if entry.cached else dataset
        known = True
        try:
            if process.version in self.mains_versions(entry):
                # "Saving a version that either side holds is refused": main's later ones are not in the copy.
                inner._clear_version_cache()
                raise DatasetError("main holds this version")  # noqa: TRY301  # as Kedro does at this place
            process.plain.save(entry.name, data)
            known = inner.resolve_load_version() == process.version
        except DatasetError:
            known = False
            raise
        finally:
            if entry.cached and not known:
                # "The side is asked of the wrapped dataset, never of the cache": the save was refused, or of an older
                # version than the newest, and Kedro now resolves the newest again. (Its cache would still answer.)
                dataset._cache.release()

    @precondition(has("whole"))
    @rule(
        who=WHO,
        others=st.lists(st.integers(0, 11), min_size=1, max_size=3),
        enters=st.booleans(),
        fails=st.booleans(),
    )
    def a_run(self, who: tuple[str, int], others: list[int], enters: bool, fails: bool) -> None:
        """A run that saves entries one after another and loads them, under each name that they have."""
        process = self.process(who)
        if process.branch == MAIN:
            return
        numbers = [n for n, entry in enumerate(self.entries) if entry.kind == "whole" and not entry.versions]
        if not numbers:
            return
        chosen = [numbers[n % len(numbers)] for n in others]
        names = [self.entries[n].name for n in chosen]
        nodes = [
            SimpleNamespace(name=f"node{n}", inputs=[], outputs=[name], confirms=[])
            for n, name in enumerate(dict.fromkeys(names))
        ]
        run = SimpleNamespace(nodes=nodes, all_outputs=lambda: set(names), inputs=set)
        hooks = SteelToes(branch=process.branch)
        told = {"run_params": {"runner": "None"}, "pipeline": run, "catalog": process.ours}
        with self.team.entered():
            hooks.before_pipeline_run(**told)
        for number, name in zip(chosen, names, strict=True):
            if enters:
                (entered,) = [each for each in nodes if name in each.outputs]
                with self.team.entered():
                    hooks.before_node_run(node=entered, catalog=process.ours)
            self.a_save(who, number, ids=["a"], lazily=False, reopen=False)
            self.a_load(who, number)
        with self.team.entered():
            if fails:
                hooks.on_pipeline_error(pipeline=run, catalog=process.ours)
            else:
                hooks.after_pipeline_run(**told)

    @precondition(has("whole", "versioned"))
    @rule(who=WHO, which=WHICH)
    def what_kedro_refuses(self, who: tuple[str, int], which: int) -> None:
        process, entry = self.process(who), self.entry(which, "whole", "versioned")
        with self.step(process):
            self.same(entry, lambda catalog: catalog.save(entry.name, None), process)
            if entry.cached and entry.kind == "versioned" and process.branch != MAIN:
                # Kedro's versioned datasets forget what they resolved before they refuse None. Its cache, which hands
                # None on to nobody, does not; ours goes with the version that the wrapped dataset resolves.
                process.inner_plain(entry).release()
            self.same(entry, lambda catalog: catalog.confirm(entry.name), process)

    @rule(who=WHO, which=WHICH)
    def load(self, who: tuple[str, int], which: int) -> None:
        self.a_load(who, which)

    def a_load(self, who: tuple[str, int], which: int) -> None:
        process, entry = self.process(who), self.entry(which)
        with self.step(process):
            self.in_step(process, entry)
            self.same(entry, lambda catalog: catalog.load(entry.name), process)

    @precondition(has("parts"))
    @rule(who=WHO, which=WHICH, pickled=st.booleans())
    def load_partitions_for_later(self, who: tuple[str, int], which: int, pickled: bool) -> None:
        process, entry = self.process(who), self.entry(which, "parts")
        with self.step(process):
            self.in_step(process, entry)
            try:
                plain = process.plain.load(entry.name)
            except DatasetError:
                assert answer(lambda: process.ours.load(entry.name))[0] == "fails"
                return
            ours = process.ours.load(entry.name)
            while isinstance(plain, tuple):
                # Hooks have replaced the method.
                (_, ours), (_, plain) = ours, plain
            assert list(ours) == list(plain)
            if pickled:
                ours = self.pickled(ours)
            self.pending.append((f"{process.branch} {entry.name}", ours, plain))

    @precondition(lambda self: self.pending)
    @rule(which=st.integers(0, 7), partition=st.integers(0, 3))
    def call_a_partition_loaded_before(self, which: int, partition: int) -> None:
        what, ours, plain = self.pending[-1 - which % len(self.pending)]
        if not plain:
            return
        name = list(plain)[partition % len(plain)]
        # Of a cache, it may be what was saved.
        assert called(ours[name]) == called(plain[name]), f"partition {name} of {what}, called later"

    @rule(who=WHO, which=WHICH)
    def exists(self, who: tuple[str, int], which: int) -> None:
        self.an_exists(who, which)

    def an_exists(self, who: tuple[str, int], which: int) -> None:
        process, entry = self.process(who), self.entry(which)
        with self.step(process):
            self.in_step(process, entry)
            self.same(entry, lambda catalog: catalog.exists(entry.name), process)

    @rule(who=WHO, which=WHICH)
    def release(self, who: tuple[str, int], which: int) -> None:
        process, entry = self.process(who), self.entry(which)
        with self.step(process):
            self.same(entry, lambda catalog: catalog.release(entry.name), process)

    @precondition(lambda self: self.hooked)
    @rule(who=WHO, which=WHICH, how=st.sampled_from(sorted(HOOKS)), ids=SOME, then=st.booleans())
    def a_hook_changes_a_dataset(self, who: tuple[str, int], which: int, how: str, ids: list[str], then: bool) -> None:
        """It wraps a dataset, or changes its settings or a method: what the process has of it until it ends."""
        process, entry = self.process(who), self.entry(which)
        if not reaches(entry, how):
            return
        with self.step(process):
            self.in_step(process, entry)
            self.same(entry, lambda catalog: HOOKS[how](catalog, entry), process)
            if how in WRAPPERS:
                process.wrappers[entry.name] = process.wrappers.get(entry.name, 0) + 1
        if then:
            self.a_load(who, which)
            self.a_save(who, which, ids, lazily=False, reopen=False)
            self.a_load(who, which)

    @precondition(has("increments"))
    @rule(who=WHO, which=WHICH)
    def confirm(self, who: tuple[str, int], which: int) -> None:
        self.a_confirm(who, which)

    @precondition(has("increments"))
    @rule(who=WHO, other=WHO, which=WHICH, ids=SOME)
    def confirm_what_was_loaded(self, who: tuple[str, int], other: tuple[str, int], which: int, ids: list[str]) -> None:
        """A run loads increments, somebody saves more, the run confirms; the next run loads again."""
        which = self.entries.index(self.entry(which, "increments"))
        self.a_load(who, which)
        self.a_save(other, which, ids, lazily=False, reopen=False)
        self.a_confirm(who, which)
        self.processes.pop(who)
        self.a_load(who, which)

    def a_confirm(self, who: tuple[str, int], which: int) -> None:
        process, entry = self.process(who), self.entry(which, "increments")
        copy = self.copies[process.branch]
        with self.step(process):
            dataset = process.plain[entry.name]
            with copy.tree.entered():
                # In a wrapper they cannot be confirmed.
                given = hasattr(dataset, "confirm") and dataset._list_partitions()
            self.same(entry, lambda catalog: catalog.confirm(entry.name), process)
            if given and process.branch != MAIN:
                copy.wrote(entry, entry.checkpoint_path.removeprefix(f"{entry.place}/"))

    def newest_of_main(self, entry: Entry) -> str:
        """The newest version of any of main's partitions."""
        top = f"{entry.place}/"
        paths = [path for path in self.copies[MAIN].tree.files() if path.startswith(top)]
        versions = [path.rsplit("/", 2)[1] for path in paths if path != entry.checkpoint_path]
        return max(versions, default="")

    @precondition(has("versioned"))
    @rule(who=WHO, which=WHICH)
    def list_versions(self, who: tuple[str, int], which: int) -> None:
        self.a_list(who, self.entries.index(self.entry(which, "versioned")))

    def a_list(self, who: tuple[str, int], which: int) -> None:
        process, entry = self.process(who), self.entry(which)
        with self.step(process):
            if process.wrappers.get(entry.name):
                return
            ours = answer(lambda: process.ours[entry.name].list_versions(full_path=False))
            assert ours == answer(lambda: self.union(process, entry)), f"list_versions {entry.name}"
            self.same(entry, lambda catalog: catalog[entry.name].resolve_load_version(), process)

    def union(self, process: Process, entry: Entry) -> list[str]:
        """The branch's versions and main's; a version that both have stands there twice, the branch's first."""
        own = self.copies[process.branch].units.get(entry.place)
        if not own:
            return process.plain[entry.name].list_versions(full_path=False)
        process.plain[entry.name].list_versions  # noqa: B018  # a CachedDataset has none
        return sorted([*own, *self.mains_versions(entry)], reverse=True)

    def mains_versions(self, entry: Entry) -> list[str]:
        return self.versions_in(self.copies[MAIN].tree, entry)

    def versions_in(self, tree: Tree, entry: Entry) -> list[str]:
        top = f"{entry.place}/"
        return sorted({path[len(top) :].split("/")[0] for path in tree.files() if path.startswith(top)})

    @precondition(has("versioned"))
    @rule(who=WHO, which=WHICH, back=st.integers(0, 5))
    def load_a_pinned_version(self, who: tuple[str, int], which: int, back: int) -> None:
        process, entry = self.process(who), self.entry(which, "versioned")
        version = self.versions[-1 - back % len(self.versions)]
        here = version in self.versions_in(self.copies[process.branch].tree, entry)
        with self.step(process):
            # A later version of main is not in the copy, but found: "a pinned version is found on either side".
            if process.wrappers.get(entry.name):
                here = True
            # What hooks have changed no other process has.
            if not here and self.hooked:
                return
            plain = process.plain if entry.cached or here else self.opened(MAIN, self.versions[0]).plain
            ours = answer(lambda: process.ours.load(entry.name, version=version))
            assert ours == answer(lambda: plain.load(entry.name, version=version)), f"load {entry.name} of {version}"

    @rule(who=WHO, tie=st.booleans())
    def reopen(self, who: tuple[str, int], tie: bool) -> None:
        if not tie:
            self.versions.append(self.timestamp(len(self.versions)))
        self.processes[who] = self.opened(who[0], self.versions[-1])

    @rule(who=WHO)
    def pickle(self, who: tuple[str, int]) -> None:
        process = self.process(who)
        with self.step(process):
            process.ours, process.plain = self.pickled(process.ours), self.pickled(process.plain)
            process.looked.clear()
            for entry in self.entries:
                # What was listed is as another process's.
                if entry.kind == "parts" and process.branch != MAIN:
                    process.inner_plain(entry).release()
            for catalog in (process.plain, process.ours):
                # Kedro's CachedDataset comes back with a meaningless object in its cache: a bug of Kedro, which no
                # branch needs to have as well.
                for dataset in catalog._datasets.values():
                    for wrapper in wrappers_of(dataset):
                        if isinstance(wrapper, CachedDataset):
                            wrapper._cache.release()

    # Promote ---------------------------------------------------------------------------------------------------------

    def promoting(self) -> Promoting:
        """A colleague on main who promotes."""
        names = tuple(entry.name for entry in self.entries)
        return Promoting(self.catalog(self.team, None), self.project, self.hook(MAIN), names)

    @rule(branch=st.sampled_from(BRANCHES), forced=st.booleans())
    def promote(self, branch: str, forced: bool) -> None:
        """Main shows what the branch showed; without force, where main is as it was when the branch's copies began."""
        forced_too = {MAIN} if forced else set()
        with self.promoted() as main, self.team.entered():
            promoting = self.promoting()
            if not any(owner(path) == branch and "/_steel_toes/" in f"/{path}" for path in self.team.files()):
                return
            # Of versions in partitions no undo branch could tell which main had.
            keeps_main = not any(entry.versions for entry in self.entries)
            plan = promoting.plan(branch, forced=NO_CODE | forced_too, keeps_main=keeps_main)
            assert not plan.failed
            seeds = self.copies[branch].seeds
            self.copies[branch].seeds = {place: seeds[place] for place in seeds if self.is_anothers(branch, place)}
            if plan.refusals or not plan.rows:
                copy = self.copies[branch]
                only_seeded = {place for place, units in copy.seeds.items() if not units}
                assert plan.refusals or not copy.units.keys() - only_seeded
                copy.seeds = seeds
                return
            assert forced or self.is_main_as_it_was(self.copies[branch]), "main has changed since"
            outcomes = promoting.protocol().promote(plan.promotions)
            assert not any(outcome.problem for outcome in outcomes)
            self.give(self.copies[branch], main)
            if keeps_main:
                self.undos.append(outcomes[0].promotion.claim.undo)
            Counted.promotes += 1
            self.forget(self.copies[branch])
        self.reopen_all_of(branch)

    def is_anothers(self, branch: str, place: str) -> bool:
        """Whether what a place began as is another branch's to promote, or main's already."""
        origin = self.copies[branch].origins.get(place)
        if origin is None:
            return True
        name, saves = origin
        other = self.copies[name]
        return bool(other.units.get(place)) or saves in other.promoted.get(place, set())

    def forget(self, copy: PrivateCopy) -> None:
        """Whoever goes on with a branch that was promoted has its data from main, but what was only seeded."""
        for place in list(copy.units):
            apart = {unit for unit in copy.units[place] if is_apart(f"{place}/{unit}", self.entries)}
            if copy.seeds.get(place, {ALL}) - apart:
                copy.promoted.setdefault(place, set()).add(copy.saves.get(place, 0))
                del copy.units[place]
                copy.seeds.pop(place, None)
                copy.frozen.discard(place)
            elif apart:
                copy.units[place] -= apart
                copy.seeds[place] -= apart
        copy.mains.clear()
        copy.seed_mains = {key: states for key, states in copy.seed_mains.items() if key[0] in copy.seeds}

    def reopen_all_of(self, branch: str) -> None:
        """Only new processes know what somebody else has done to a branch's copies."""
        self.processes = {who: process for who, process in self.processes.items() if who[0] != branch}
        self.pending.clear()

    # Seed ------------------------------------------------------------------------------------------------------------

    @rule(branch=st.sampled_from(BRANCHES), source=st.sampled_from([None, *BRANCHES]), which=WHICH)
    def seed(self, branch: str, source: str | None, which: int) -> None:
        """A branch begins as another one, or keeps what main has now."""
        entry, copy = self.entry(which), self.copies[branch]
        # Of several beginnings in one folder the model knows the last alone.
        if source == branch or (entry.inside and entry.inside in copy.seeds):
            return
        process = self.opened(branch, self.timestamp(999_998))
        with self.step(process), self.team.entered():
            if source and not any(owner(path) == source and "_steel_toes/" in path for path in self.team.files()):
                source = None
            plain = self.catalog(self.team, None)
            plan = plan_seed(process.ours, plain, source, entry.name, again=True)
            assert not plan.failed
            if plan.refusals:
                return
            for seeding in plan.seedings:
                assert answer(seeding.apply) == ("gives", None), f"seed {entry.name}"
        Counted.seeds += 1
        other = self.copies[source] if source else None
        for place in entry.tops:
            self.model_seed(copy, other, entry, place)
        copy.follow(self.copies[MAIN].tree, self.entries)
        self.reopen_all_of(branch)

    @rule(
        branch=st.sampled_from(BRANCHES),
        source=st.sampled_from([None, *BRANCHES]),
        which=WHICH,
        ids=SOME,
        others=st.lists(WHO, max_size=2),
        promoted=st.booleans(),
    )
    def a_branch_begins_as_another(
        self,
        branch: str,
        source: str | None,
        which: int,
        ids: list[str],
        others: list[tuple[str, int]],
        promoted: bool,
    ) -> None:
        """A branch saves, another begins as it, and everybody goes on."""
        if source:
            self.a_save((source, 0), which, ids, lazily=False, reopen=True)
        self.seed(branch, source, which)
        for n, who in enumerate(others):
            self.a_save(who, which + n, ids, lazily=False, reopen=who[0] == MAIN)
        self.a_load((branch, 0), which)
        self.a_save((branch, 0), which, ids[:1], lazily=False, reopen=True)
        self.a_load((branch, 0), which)
        if promoted:
            self.promote(branch, forced=True)
            self.a_load(("fix", 0), which)

    def model_seed(self, copy: PrivateCopy, other: PrivateCopy | None, entry: Entry, place: str) -> None:
        """Make the private copy at a place what another is there; main's, if the other branch never wrote it."""
        inner = f"/{entry.place[len(entry.inside) + 1 :]}" if entry.inside else ""
        units = set(other.units.get(place, set())) if other else set()
        apart = {entry.place for entry in self.entries if is_apart(entry.place, self.entries)}
        if inner:
            units &= {inner[1:]} if is_apart(entry.place, self.entries) else {inner[1:], ALL}
        else:
            units -= {path[len(place) + 1 :] for path in apart}
        tree = other.tree if other and units else self.copies[MAIN].tree
        mains = other.mains if other and units else {}
        hidden: set[str] = set()
        if entry.kind == "versioned":
            newest = max(units or self.versions_in(tree, entry))
            hidden, units = units - {newest}, {newest}
        elif inner:
            units = {inner[1:]}
        elif not units:
            mains = {(place, ALL): [self.mains_unit(place, ALL)]}
            units = {ALL}
            copy.frozen.add(place)
        began = {key: list(states) for key, states in mains.items() if key[0] == place}
        start = f"{place}{inner}"
        for path in {*copy.tree.files(), *tree.files()}:
            if not inner and is_apart(path, self.entries):
                continue
            if path == start or path.startswith(f"{start}/") or (path == entry.checkpoint and not inner):
                is_hidden = any(path.startswith(f"{place}/{version}/") for version in hidden)
                self.set(copy.tree, path, tree if path in tree.files() and not is_hidden else None)
        # What is apart has a record of its own.
        kept = copy.units.get(place, set()) - units
        if not inner:
            kept = {unit for unit in kept if is_apart(f"{place}/{unit}", self.entries)}
        if units != {ALL} and not inner:
            copy.frozen.discard(place)
        copy.units[place] = units | kept
        copy.saves[place] = copy.saves.get(place, 0) + 1
        copy.mains = {key: states for key, states in copy.mains.items() if key[0] != place or key[1] in kept}
        copy.seed_mains = {key: states for key, states in copy.seed_mains.items() if key[0] != place}
        copy.seed_mains.update(began)
        copy.seeds[place] = kept & copy.seeds.get(place, kept)
        self.note_origin(copy, other if other and mains is other.mains else None, place)

    def note_origin(self, copy: PrivateCopy, other: PrivateCopy | None, place: str) -> None:
        """Note which branch a place began as, and its state then; main's data, if it is none's."""
        copy.origins.pop(place, None)
        for name, candidate in self.copies.items():
            if candidate is other:
                copy.origins[place] = name, candidate.saves.get(place, 0)

    def is_main_as_it_was(self, copy: PrivateCopy) -> bool:
        """Whether main's units are what they were when the branch last saved its own."""
        # An append begins where the first one did: main may be another at the second, and what it was again now.
        return all(self.mains_unit(place, unit) in states for (place, unit), states in copy.mains.items())

    def mains_unit(self, place: str, unit: str) -> dict[str, bytes]:
        """Main's files of a unit."""
        start = place if unit == ALL else f"{place}/{unit}"
        files = self.copies[MAIN].tree.files()
        return {path: data for path, data in files.items() if path == start or path.startswith(f"{start}/")}

    def give(self, copy: PrivateCopy, main: Tree) -> None:
        """Give main what the branch has written."""
        wanted, there = copy.tree.files(), main.files()
        for entry in self.entries:
            for place in entry.tops:
                for path in {*wanted, *there}:
                    # Versions are added.
                    is_version = entry.versions and path not in wanted
                    if not is_version and self.is_given(copy, entry, place, path):
                        self.set(main, path, copy.tree if path in wanted else None)

    def is_given(self, copy: PrivateCopy, entry: Entry, place: str, path: str) -> bool:
        """Whether a path becomes what it is in a branch's private copy."""
        units = copy.units.get(place, set())
        if not units or not (path == place or path.startswith(f"{place}/") or path == entry.checkpoint):
            return False
        # What it only began as is another branch's to promote, or main's already.
        units = copy.seeds.get(place, units)
        if entry.kind == "versioned":
            return any(path.startswith(f"{place}/{version}/") for version in units)
        if place in copy.seeds:
            inside = f"{path[len(place) :]}/"
            if any(inside.startswith(f"/{unit}/") for unit in copy.units[place] - units):
                return False
            return ALL in units or path in units or any(inside.startswith(f"/{unit}/") for unit in units)
        return copy.is_own(path, self.entries)

    @staticmethod
    def set(tree: Tree, path: str, other: Tree | None) -> None:
        """Make a path what it is in another tree; nothing, if there is no tree."""
        if other is not None:
            tree.take(path, other)
        elif path in tree.files():
            tree.remove(path)

    @rule(
        branch=st.sampled_from(BRANCHES),
        which=WHICH,
        ids=SOME,
        others=st.lists(WHO, max_size=2),
        forced=st.booleans(),
        undone=st.booleans(),
    )
    def a_branch_comes_home(
        self, branch: str, which: int, ids: list[str], others: list[tuple[str, int]], forced: bool, undone: bool
    ) -> None:
        """A branch saves, somebody else may, the branch is promoted, and that may be taken back."""
        self.a_save((branch, 0), which, ids, lazily=False, reopen=True)
        for n, who in enumerate(others):
            self.a_save(who, which + n, ids, lazily=False, reopen=who[0] == MAIN)
        self.promote(branch, forced)
        self.a_load(("fix", 0), which)
        if undone and self.undos:
            self.undo(0)

    @precondition(lambda self: self.undos)
    @rule(back=st.integers(0, 3))
    def undo(self, back: int) -> None:
        """Main is what it was before a promote, where it is still what that made."""
        name = self.undos[-1 - back % len(self.undos)]
        with self.promoted() as main, self.team.entered():
            promoting = self.promoting()
            plan = promoting.plan(name)
            assert not plan.failed
            if plan.refusals or not plan.rows:
                return
            promoting.protocol().promote(plan.promotions)
            there = self.team.files()
            for path, data in self.before[name].items():
                if data is not None:
                    assert there.get(path) == data, f"{path} after the undo"
                    # Not its bytes alone: Azure appends to no blob that was written as a whole.
                    main.take(path, self.team)
                elif path in main.files():
                    main.remove(path)
            Counted.undos += 1

    @contextmanager
    def promoted(self) -> Iterator[Tree]:
        """A step of whoever promotes: main's bytes are those of its private copy afterwards; yields that."""
        Counted.steps += 1
        main = self.copies[MAIN].tree
        was, number = main.files(), len(self.undos)
        yield main
        if self.server:
            # What plain Kedro has listed here before another process promoted is no part of the law.
            for filesystem in fsspec.get_filesystem_class(self.server.protocol)._cache.values():
                filesystem.invalidate_cache()
        now = main.files()
        if len(self.undos) > number:
            changed = {path for path in {*was, *now} if was.get(path) != now.get(path)}
            self.before[self.undos[-1]] = {path: was.get(path) for path in changed}
        self.found = self.team.files()
        assert {p: data for p, data in self.found.items() if owner(p) == MAIN} == now, "main's bytes"
        for branch in BRANCHES:
            self.copies[branch].follow(main, self.entries)

    @rule()
    def compare_everything(self) -> None:
        """What a next run would see, on main and on each branch."""
        for branch in (MAIN, *BRANCHES):
            process = self.opened(branch, self.timestamp(999_999))
            with self.step(process):
                for entry in self.entries:
                    self.same(entry, lambda catalog, entry=entry: catalog.exists(entry.name), process)
                    self.same(entry, lambda catalog, entry=entry: catalog.load(entry.name), process)

    # Comparing -------------------------------------------------------------------------------------------------------

    def same(self, entry: Entry, ask: Callable[[Any], Any], process: Process) -> None:
        with self.copies[process.branch].tree.entered():
            wanted = answer(lambda: ask(process.plain))
        with self.team.entered():
            assert answer(lambda: ask(process.ours)) == wanted, f"{entry.name} on {process.branch}"

    def in_step(self, process: Process, entry: Entry) -> None:
        """Drop plain Kedro's cache where the design drops ours: "when the side or the record changes".

        Plain Kedro keeps what it once read until `release`, even if another process (or another name on the same
        location) has saved since. Of versions and of increments, Kedro's own caches stay: what was resolved or listed
        stays so until the next save or release.
        """
        now = self.copies[process.branch].saves_of(entry)
        if process.branch == MAIN or process.looked.get(entry.name, 0) == now:
            return
        process.looked[entry.name] = now
        # A cache around partitions, and what a hook puts around a dataset, is plain Kedro's here too.
        if entry.kind == "parts" or (entry.cached and entry.kind == "whole"):
            process.inner_plain(entry).release()

    @contextmanager
    def step(self, process: Process) -> Iterator[None]:
        """One step of one process: main's bytes and listings, and all that is other branches', stay what they were."""
        Counted.steps += 1
        Clock.now = process.began
        before = self.found
        yield
        self.found = self.team.files()
        main = self.copies[MAIN].tree.files()
        assert {p: data for p, data in self.found.items() if owner(p) == MAIN} == main, "main's bytes"
        theirs = [
            {p: data for p, data in tree.items() if owner(p) not in (MAIN, process.branch)}
            for tree in (before, self.found)
        ]
        assert theirs[0] == theirs[1], "another branch's files"
        if process.branch == MAIN:
            for branch in BRANCHES:
                self.copies[branch].follow(self.copies[MAIN].tree, self.entries)
        elif before.keys() != self.found.keys():
            assert self.listed(self.team) == self.listed(self.copies[MAIN].tree), "what main lists"

    def listed(self, tree: Tree) -> list[Any]:
        """What main's own catalog finds in a folder, if it is asked by plain Kedro."""
        catalog = self.catalog(tree)
        listing = [entry for entry in self.entries if entry.kind != "whole"]
        with tree.entered():
            return [
                answer(lambda entry=entry: catalog[entry.name].list_versions(full_path=False))
                if entry.kind == "versioned" and not entry.cached
                else answer(lambda entry=entry: catalog.load(entry.name))
                for entry in listing
            ]


# The tests ----------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No log, and Git is asked once: what is measured here is data."""
    checkout = read_checkout(Path(tempfile.gettempdir()))
    monkeypatch.setattr(steel_toes.catalog.writer, "read_checkout", lambda path: checkout)
    monkeypatch.setattr(steel_toes.catalog.writer, "list_code", lambda *_: None)
    monkeypatch.setattr(kedro.io.core, "generate_timestamp", lambda: Clock.now)
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        # Kedro warns when the saved version is not the newest.
        warnings.simplefilter("ignore", UserWarning)
        yield
    logging.disable(logging.NOTSET)


def profile(programs: int, steps: int = STEPS_OF_A_PROGRAM, **more: Any) -> settings:
    """Programs of one length; what they cost is measured in steps, so no deadline."""
    return settings(
        max_examples=programs,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
        **more,
    )


def search(
    about: str, programs: int, server: Any = None, is_hooked: bool = False, layout: str = "suffix", **more: Any
) -> None:
    """Run programs in whose catalog a group is, on the local disk or in a store.

    Raises:
        AssertionError: there is a difference.
    """
    machine = type("Oracle", (Oracle,), {"about": about, "server": server, "is_hooked": is_hooked, "layout": layout})
    run_state_machine_as_test(machine, settings=profile(programs, **more))


@pytest.mark.timeout(max(300, STEPS))
def test_oracle(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever main and its branches do, a branch sees what Kedro shows on a private copy; main stays as it was."""
    look("the local disk", STEPS, STEPS_OF_A_PROGRAM, list(GROUPS), capsys)


@pytest.mark.timeout(max(900, 3 * STEPS_IN_A_STORE))
@pytest.mark.parametrize("store", slow_but({"memory"}, {store: (store,) for store in STORES}))
def test_oracle_in_a_store(store: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> None:
    """The same in every store, where plain Kedro's private copies are buckets of the same store."""
    server = request.getfixturevalue(STORES[store])
    if store == "seaweedfs":
        # Its user may make no buckets.
        server = replace(server, sign=of_user("admin"))
    # Where there is no time for each group, chance chooses.
    abouts = list(GROUPS) if ASKED else [""]
    with GoogleProxy(server.url) if store == "gcs" else nullcontext(server) as proxy:
        server = replace(server, url=proxy.url)
        look(store, STEPS_IN_A_STORE, STEPS_OF_A_PROGRAM_IN_A_STORE, abouts, capsys, server)


@pytest.mark.slow
@pytest.mark.timeout(max(900, 3 * STEPS_IN_A_STORE))
def test_oracle_with_layout_bucket(moto: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """The same where each branch has a bucket of its own."""
    abouts = list(GROUPS) if ASKED else [""]
    look("layout bucket", STEPS_IN_A_STORE, STEPS_OF_A_PROGRAM_IN_A_STORE, abouts, capsys, moto, layout="bucket")


@pytest.mark.timeout(max(300, STEPS))
def test_oracle_with_layout_prefix(capsys: pytest.CaptureFixture[str]) -> None:
    """The same where all of a branch lies below one folder."""
    look("layout prefix", STEPS_OF_A_LAYOUT, STEPS_OF_A_PROGRAM, list(GROUPS), capsys, layout="prefix")


@pytest.mark.timeout(max(300, STEPS))
def test_oracle_with_a_root(capsys: pytest.CaptureFixture[str]) -> None:
    """The same where all branches lie below one root."""
    look("a root", STEPS_OF_A_LAYOUT, STEPS_OF_A_PROGRAM, list(GROUPS), capsys, layout="root")


@pytest.mark.slow
@pytest.mark.timeout(max(900, 3 * STEPS_IN_A_STORE))
def test_oracle_with_a_root_in_a_store(weed: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """The same in a bucket whose server honours conditions."""
    server = replace(weed, sign=of_user("admin"))
    abouts = list(GROUPS) if ASKED else [""]
    look("a root in SeaweedFS", STEPS_IN_A_STORE, STEPS_OF_A_PROGRAM_IN_A_STORE, abouts, capsys, server, layout="root")


def look(
    store: str,
    steps: int,
    length: int,
    abouts: list[str],
    capsys: pytest.CaptureFixture[str],
    server: Any = None,
    layout: str = "suffix",
) -> None:
    """Run programs until there were so many steps, and say so, whatever pytest captures."""
    Counted.clear()
    began = time.monotonic()
    while Counted.steps < steps:
        # Few steps are not enough for all groups: each run has others.
        for about in random.sample(abouts, len(abouts)):
            # The first program of a search does nothing.
            programs = 2 + (steps - Counted.steps) // (2 * length * len(abouts))
            search(about, programs, server, layout=layout, steps=length)
            if Counted.steps >= steps:
                break
    seconds = time.monotonic() - began
    with capsys.disabled():
        promotes = f"{Counted.seeds} seeds, {Counted.promotes} promotes and {Counted.undos} undos"
        print(f"\noracle, {store}: {Counted.steps} steps, {promotes}, {Counted.programs} programs, {seconds:.0f} s")  # noqa: T201


# Planted bugs: what the oracle is worth -----------------------------------------------------------------------------


def skip_the_seed(patch: pytest.MonkeyPatch) -> None:
    """An append begins with nothing."""
    patch.setattr(seeding, "seed", lambda *args: None)


def seed_before_every_save(patch: pytest.MonkeyPatch) -> None:
    """Each append begins with main's."""
    seeded = BranchedDataset.seeded
    patch.setattr(BranchedDataset, "seeded", lambda self, before, keeps, unit: seeded(self, NO_RECORD, keeps, unit))


def newest_by_path(patch: pytest.MonkeyPatch) -> None:
    """`model--feature-x.csv` sorts before `model.csv`, whatever the versions in them are."""

    def newest(self: Any) -> VersionOfSide:
        newest = original(self).version
        path = max(path for path in self.list_versions() if path.rsplit("/", 2)[1] <= newest)
        is_branchs = path.startswith(f"{self.place.branch_path}/")
        return VersionOfSide(path.rsplit("/", 2)[1], Side.BRANCH if is_branchs else Side.MAIN)

    original = BranchedVersions._newest
    patch.setattr(BranchedVersions, "_newest", newest)


def mains_later_versions_are_newest(patch: pytest.MonkeyPatch) -> None:
    """The branch forgets which versions main had when it began."""

    def newest(self: Any) -> VersionOfSide:
        newest = original(self)
        later = max([newest.version, *self.place.store.versions(self.place.main_path)])
        return newest if later == newest.version else VersionOfSide(later, Side.MAIN)

    original = BranchedVersions._newest
    patch.setattr(BranchedVersions, "_newest", newest)


def list_versions_of_one_side(patch: pytest.MonkeyPatch) -> None:
    """No union."""

    def one_side(self: Any, full_path: bool = True) -> list[str]:
        copy = self.place.copy_path(self.choose().side)
        paths = [path for path in union(self) if path.startswith(f"{copy}/")]
        return [path if full_path else path.rsplit("/", 2)[1] for path in paths]

    union = BranchedVersions.list_versions
    patch.setattr(BranchedVersions, "list_versions", one_side)


def memoised_absence(patch: pytest.MonkeyPatch) -> None:
    """A first answer of main is remembered for ever."""

    def look(self: Any, *args: Any) -> Any:
        first = self.__dict__.setdefault("planted", {}).get(args)
        if first is None:
            first = original(self, *args)
            if first.verdict is Verdict.MAIN:
                self.planted[args] = first
        return first

    original = BranchedDataset.look
    patch.setattr(BranchedDataset, "look", look)


def checkpoint_of_main(patch: pytest.MonkeyPatch) -> None:
    """The branch's own checkpoint is not looked at."""

    def load_checkpoint(self: Any) -> Any:
        checkpoint = self._checkpoint(Side.MAIN)
        return checkpoint.load() if checkpoint.exists() else None

    patch.setattr(BranchedIncrements, "_load_checkpoint", load_checkpoint)


def confirm_lists_afresh(patch: pytest.MonkeyPatch) -> None:
    """What came between load and confirm is confirmed unseen."""

    def confirm(self: Any) -> None:
        self._listed_ids = None
        original(self)

    original = BranchedIncrements.confirm
    patch.setattr(BranchedIncrements, "confirm", confirm)


def stale_cache_after_a_branch_save(patch: pytest.MonkeyPatch) -> None:
    """A cache is kept whoever saves."""

    def choose(self: Any, look: Look) -> Choice:
        return Choice(look.record, self.side_of(look))

    patch.setattr(BranchedWhole, "_choose", choose)


def branch_copy_in_a_partition_folder(patch: pytest.MonkeyPatch) -> None:
    """The branch copy lies where main lists."""

    def locations(self: Any, spec: Any, rule: Any) -> Locations:
        main, copy = original(self, spec, rule)
        return Locations(main, f"{main}/_own--{self.branch.slug}" if rule.lists else copy)

    original = Policy.locations
    patch.setattr(Policy, "locations", locations)


def overwrite_falls_back_to_main(patch: pytest.MonkeyPatch) -> None:
    """The record's `over` is not looked at."""

    def read(self: Any) -> Any:
        record = original(self)
        return replace(record, over="main", was=record.was and replace(record.was, over="main"))

    original = Ledger.read
    patch.setattr(Ledger, "read", read)


def side_of_a_partition_chosen_when_listed(patch: pytest.MonkeyPatch) -> None:
    """A partition that was main's when it was listed stays main's."""
    original = BranchedPartitions.load_partition

    def load_partition(self: Any, partition_id: str, main: Any, branch: Any) -> Any:
        return main() if main else original(self, partition_id, main, branch)

    patch.setattr(BranchedPartitions, "load_partition", load_partition)


def record_of_the_name(patch: pytest.MonkeyPatch) -> None:
    """Two names of one location have two records."""

    def ledger(self: Any, spec: Any, *args: Any) -> Ledger:
        ledger = original(self, spec, *args)
        return replace(ledger, path=ledger.path.replace(".json", f"{spec.name}.json"))

    original = Policy._ledger
    patch.setattr(Policy, "_ledger", ledger)


def one_slug_for_two_branches(patch: pytest.MonkeyPatch) -> None:
    """`feature/x` and `feature-x` are one branch on the disk."""
    patch.setattr(Branch, "slug", property(lambda self: self.name.replace("/", "-")))
    patch.setattr(Ledger, "_check", lambda self, record: None)


def overridden_save_is_not_seen(patch: pytest.MonkeyPatch) -> None:
    """A subclass of a class that replaces is taken for one that replaces."""
    patch.setattr(steel_toes.catalog.policy, "adapted", lambda rule, cls: rule)


def defaults_of_a_class_are_not_seen(patch: pytest.MonkeyPatch) -> None:
    """Only the entry's own settings say whether it appends."""
    patch.setattr(classes, "_class_defaults", lambda cls: {})
    # The dataset shows them, too.
    patch.setattr(BranchedDataset, "seeding", property(lambda self: self.entry.seeding))


def class_of_partitions_is_not_seen(patch: pytest.MonkeyPatch) -> None:
    """What the class of partitions keeps of what is there is not asked."""
    with_partitions = steel_toes.catalog.policy.with_partitions

    def forgetful(rule: Any, partition_rule: Any) -> Any:
        return replace(with_partitions(rule, partition_rule), seeding="never")

    patch.setattr(steel_toes.catalog.policy, "with_partitions", forgetful)


def only_the_first_place_moves(patch: pytest.MonkeyPatch) -> None:
    """A model goes to the branch, and its vocabulary to main."""
    moves = Policy.moves
    patch.setattr(Policy, "moves", lambda self, *args: dict([*moves(self, *args).items()][:1]))
    patch.setattr(Policy, "why_unmoved", lambda self, *args: "")


def a_shared_place_is_read_from_main(patch: pytest.MonkeyPatch) -> None:
    """Either all places are the branch's, or none is."""
    original = BranchedPlaces._dataset_of

    def dataset_of(self: Any, choices: list[Choice]) -> Any:
        is_whole = all(choice.side is Side.BRANCH for choice in choices)
        return original(self, choices) if is_whole else self.main_dataset

    patch.setattr(BranchedPlaces, "_dataset_of", dataset_of)


def a_taught_directory_is_ones_own(patch: pytest.MonkeyPatch) -> None:
    """That another entry writes into it is not seen."""
    patch.setattr(Survey, "is_crowded", lambda self, location: False)


def two_spellings_are_two_records(patch: pytest.MonkeyPatch) -> None:
    """`a//b.csv` is not `a/b.csv`."""

    def ledger(self: Any, spec: Any, location: str, *args: Any) -> Ledger:
        ledger = original(self, spec, location, *args)
        spelled = f"{location.count('//')}{location.count('/./')}"
        return replace(ledger, path=ledger.path.replace(".json", f"{spelled}.json"))

    original = Policy._ledger
    patch.setattr(Policy, "_ledger", ledger)


def two_ids_are_two_units(patch: pytest.MonkeyPatch) -> None:
    """`./a` is not `a`."""

    def unit(self: Any, partition_id: str) -> str:
        return self._parts.unit(partition_id.lstrip("/") + self._suffix)

    patch.setattr(BranchedPartitions, "_unit", unit)


def what_is_not_listed_is_shown(patch: pytest.MonkeyPatch) -> None:
    """Whatever the record names is a partition of every entry on that folder."""

    def missing_ids(self: Any, record: Any, listed_ids: set[str]) -> set[str]:
        named = {self._partition_id(unit) for unit in record.settled.data}
        return {name for name in named - listed_ids if name}

    patch.setattr(BranchedPartitions, "_missing_ids", missing_ids)


def mains_unlisted_partitions_are_shown(patch: pytest.MonkeyPatch) -> None:
    """Main's partitions are listed to every depth, whatever the entry says."""
    original = BranchedPartitions._main_loads

    def main_loads(self: Any, record: Any, lister: Any) -> Any:
        lister._load_args.pop("maxdepth", None)
        return original(self, record, lister)

    patch.setattr(BranchedPartitions, "_main_loads", main_loads)


def a_cache_around_partitions_asks_again(patch: pytest.MonkeyPatch) -> None:
    """It holds nothing."""
    patch.setattr(BranchedCache, "load", lambda self: self.inner.load())


def an_empty_checkpoint_is_none(patch: pytest.MonkeyPatch) -> None:
    """`checkpoint: ""` is taken for no checkpoint."""
    original = BranchedIncrements._checkpoint_settings

    def settings_of_it(self: Any) -> dict[str, Any]:
        settings = original(self)
        return {name: value for name, value in settings.items() if value != ""}

    patch.setattr(BranchedIncrements, "_checkpoint_settings", settings_of_it)


def increments_of_versions_go_by_their_ids(patch: pytest.MonkeyPatch) -> None:
    """Kedro compares the path of a version with the checkpoint."""
    patch.setattr(BranchedIncrements, "_compared", lambda self, partition_id: partition_id)


def a_relative_checkpoint_stays(patch: pytest.MonkeyPatch) -> None:
    """The branch confirms where the configuration says."""
    original = BranchedIncrements._checkpoint_path
    patch.setattr(BranchedIncrements, "_checkpoint_path", lambda self, side: original(self, Side.MAIN))


def a_changed_dictionary_is_mains(patch: pytest.MonkeyPatch) -> None:
    """What a hook changes in place reaches main's dataset only."""
    patch.setattr(steel_toes.datasets.base, "share_settings", lambda *_: None)


def an_attribute_is_mains(patch: pytest.MonkeyPatch) -> None:
    """What a hook sets reaches main's dataset only."""
    patch.setattr(BranchedDataset, "sides", lambda self: (self.main_dataset,))


def a_replaced_method_is_lost(patch: pytest.MonkeyPatch) -> None:
    """The law's own answer wins over a hook's."""
    original = BranchedDataset.set

    def set_it(self: Any, name: str, value: Any) -> None:
        if name not in self.answers:
            original(self, name, value)

    patch.setattr(BranchedDataset, "set", set_it)


def a_wrapper_is_a_dataset_of_its_own(patch: pytest.MonkeyPatch) -> None:
    """What a hook wraps around a dataset is built again, around main's."""

    def wrapped(self: Any, name: str, dataset: Any, config: Any, keys: Any) -> Any:
        inner = branched_of(dataset._dataset)
        return type(dataset)(inner.main_dataset) if inner else dataset

    patch.setattr(_Datasets, "_wrapper", wrapped)


def promote_over_what_main_saved(patch: pytest.MonkeyPatch) -> None:
    """Whatever main has saved since is replaced."""
    patch.setattr(MainIsAsBegun, "check", lambda self: None)


def promote_without_removals(patch: pytest.MonkeyPatch) -> None:
    """What the branch does not have stays in main."""
    patch.setattr(goals, "_goes", lambda *args: False)


def a_frozen_copy_follows_main(patch: pytest.MonkeyPatch) -> None:
    """What main has later shows through."""

    def seed_of_main(*arguments: Any, **facts: Any) -> Seed:
        return Seed(*arguments, **{**facts, "over": "main"})

    patch.setattr(sources, "Seed", seed_of_main)


def a_seed_is_the_branchs_own(patch: pytest.MonkeyPatch) -> None:
    """Promote takes it for what the branch has saved."""
    patch.setattr(Seed, "facts", lambda self, save_id: {})


def undo_without_what_main_did_not_have(patch: pytest.MonkeyPatch) -> None:
    """What a promote added stays in main when it is taken back."""
    completed = UndoCopy._completed
    patch.setattr(UndoCopy, "_completed", lambda self, writing: replace(completed(self, writing), absent=()))


PLANTED = {
    promote_over_what_main_saved: "explicit",
    promote_without_removals: "overwritten partitions",
    a_frozen_copy_follows_main: "partitions",
    a_seed_is_the_branchs_own: "partitions",
    undo_without_what_main_did_not_have: "partitions",
    skip_the_seed: "log",
    seed_before_every_save: "log",
    newest_by_path: "versioned",
    mains_later_versions_are_newest: "versioned",
    list_versions_of_one_side: "versioned",
    memoised_absence: "explicit",
    checkpoint_of_main: "increments",
    confirm_lists_afresh: "increments",
    stale_cache_after_a_branch_save: "cached",
    branch_copy_in_a_partition_folder: "partitions",
    overwrite_falls_back_to_main: "overwritten partitions",
    side_of_a_partition_chosen_when_listed: "partitions",
    record_of_the_name: "transcoded",
    one_slug_for_two_branches: "explicit",
    overridden_save_is_not_seen: "a subclass that appends",
    defaults_of_a_class_are_not_seen: "a class that appends by its defaults",
    class_of_partitions_is_not_seen: "partitions of a subclass that appends",
    only_the_first_place_moves: "two files",
    a_shared_place_is_read_from_main: "two files",
    a_taught_directory_is_ones_own: "two names in a taught directory",
    two_spellings_are_two_records: "spelled paths",
    two_ids_are_two_units: "spelled ids",
    what_is_not_listed_is_shown: "two depths",
    mains_unlisted_partitions_are_shown: "two depths",
    a_cache_around_partitions_asks_again: "cached partitions",
    an_empty_checkpoint_is_none: "an empty checkpoint",
    increments_of_versions_go_by_their_ids: "increments of versions",
    a_relative_checkpoint_stays: "a relative checkpoint",
    a_changed_dictionary_is_mains: "explicit",
    an_attribute_is_mains: "explicit",
    a_replaced_method_is_lost: "explicit",
    a_wrapper_is_a_dataset_of_its_own: "explicit",
}
OF_HOOKS = {
    a_changed_dictionary_is_mains,
    an_attribute_is_mains,
    a_replaced_method_is_lost,
    a_wrapper_is_a_dataset_of_its_own,
}
# Programs. Most bugs show within ten; which programs there are depends on the modules that Hypothesis finds loaded.
WITHIN = 1_500
SAME: dict[str, Any] = {
    "phases": [Phase.generate],
    "derandomize": True,
    "database": None,
    "report_multiple_bugs": False,
}


LONG = [  # of those that take longest to find
    "undo_without_what_main_did_not_have",
    "an_attribute_is_mains",
    "mains_later_versions_are_newest",
    "stale_cache_after_a_branch_save",
    "memoised_absence",
    "list_versions_of_one_side",
    "increments_of_versions_go_by_their_ids",
    "a_relative_checkpoint_stays",
    "a_changed_dictionary_is_mains",
    "newest_by_path",
    "what_is_not_listed_is_shown",
    "a_replaced_method_is_lost",
    "promote_without_removals",
    "a_cache_around_partitions_asks_again",
    "an_empty_checkpoint_is_none",
    "checkpoint_of_main",
    "two_spellings_are_two_records",
    "two_ids_are_two_units",
    "a_shared_place_is_read_from_main",
    "overwrite_falls_back_to_main",
    "promote_over_what_main_saved",
    "side_of_a_partition_chosen_when_listed",
    "seed_before_every_save",
    "a_taught_directory_is_ones_own",
]


@cache
def without_it(about: str, programs: int, is_hooked: bool) -> None:
    """Run the programs that caught a bug where there is none: what they found was the bug."""
    search(about, programs, is_hooked=is_hooked, **SAME)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("plant", slow_but((), {plant.__name__: (plant,) for plant in PLANTED}, long=LONG))
def test_a_planted_bug_is_caught(plant: Callable[[pytest.MonkeyPatch], None]) -> None:
    """With one bug in steel_toes the oracle finds a difference; without it the same programs find none."""
    Counted.clear()
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        with pytest.raises(AssertionError):
            search(PLANTED[plant], WITHIN, is_hooked=plant in OF_HOOKS, **SAME)
    print(f"{plant.__name__}: caught in program {Counted.programs}, step {Counted.steps}")  # noqa: T201
    without_it(PLANTED[plant], Counted.programs, plant in OF_HOOKS)
