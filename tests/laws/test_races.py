"""Many runs at once: what a load gives while other processes save, for real, on the local disk and on S3.

Each lasts a second, with `--everything` three; `STEEL_TOES_RACE_SECONDS=60 pytest --everything
tests/laws/test_races.py` makes it a minute.
"""

from __future__ import annotations

import ctypes
import hashlib
import itertools
import json
import multiprocessing
import os
import random
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pd = pytest.importorskip("pandas", reason="two of the datasets are pandas'")

from kedro.io import DataCatalog  # noqa: E402

from steel_toes.errors import SteelToesError  # noqa: E402
from support.effort import all_but, effort  # noqa: E402
from support.servers import Server  # noqa: E402
from support.team import Team  # noqa: E402

SECONDS = effort(1, 3, "STEEL_TOES_RACE_SECONDS")
AT_LEAST = 5  # saves and loads of a process
BYTES = 100_000
WIDTH = 100
FORK = multiprocessing.get_context("fork")
BRANCHES = ("feature/a", "feature/b")
FILES = {
    "csv": ("pandas.CSVDataset", "x.csv"),
    "parquet": ("pandas.ParquetDataset", "x.parquet"),
    "pickle": ("pickle.PickleDataset", "x.pkl"),
    "text": ("text.TextDataset", "x.txt"),
}
DATASETS = (*FILES, "parts")
# Partitions of both, of main alone (no branch saves it) and of the branches alone.
PARTS = ("both", "also", "mains", "mine")
KEYS = (*FILES, *(f"parts/{name}" for name in PARTS))

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is a fork, so that all begin at once"),
    pytest.mark.timeout(SECONDS + 240),
]


# Values that say whose they are ---------------------------------------------------------------------------------------


def text_of(branch: str, key: str, number: int, size: int) -> str:
    """Some 100 kB of which each byte follows from the first line."""
    first = f"{branch} {key} {number} {size}"
    noise = hashlib.shake_256(first.encode()).hexdigest(size // 2)
    return "\n".join([first, *(noise[start : start + WIDTH] for start in range(0, size, WIDTH))])


def value_of(branch: str, key: str, number: int, size: int) -> Any:
    """The same as the key's dataset takes it."""
    text = text_of(branch, key, number, size)
    return text if key == "text" else pd.DataFrame({"line": text.split("\n")})


def told(value: Any, key: str) -> tuple[str, int]:
    """The branch and the number that a loaded value has; fails on anything but one whole value of this key."""
    text = value if isinstance(value, str) else "\n".join(map(str, value["line"]))
    branch, of, number, size = text.split("\n", 1)[0].split(" ")
    assert of == key, f"{of}'s value"
    assert text == text_of(branch, of, int(number), int(size)), "half a value, or two in one"
    return branch, int(number)


# Where they race ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Track:
    """A team, and how one races there.

    Args:
        name: of the store.
        team: whose data it is.
        size: of the n-th value. A local file's identity is its size and time, so there the size is always the same; a
            client that remembers an object's old size reads half of it, so on S3 no two in a row have the same.
        processes: how many race there.
    """

    name: str
    team: Team
    size: Callable[[int], int]
    processes: int

    def config(self) -> dict[str, Any]:
        """The catalog."""
        access = {"credentials": "own"} if self.team.credentials else {}
        files = {name: {"type": kind, "filepath": f"data/{file}"} for name, (kind, file) in FILES.items()}
        parts = {"type": "partitions.PartitionedDataset", "path": "data/parts", "dataset": "pandas.CSVDataset"}
        return {name: {**entry, **access} for name, entry in {**files, "parts": parts}.items()}

    def open(self, branch: str, config: dict[str, Any] | None = None) -> DataCatalog:
        """The catalog of a run on a branch."""
        return self.team.catalog(branch, config or self.config())

    def value(self, branch: str, key: str, number: int) -> Any:
        """The n-th value of a key on a branch."""
        return value_of(branch, key, number, self.size(number))


@pytest.fixture
def local(tmp_path: Path) -> Track:
    return Track("local", Team(str(tmp_path / "data"), tmp_path), lambda number: BYTES, processes=20)


@pytest.fixture
def s3(moto: Server, tmp_path: Path) -> Track:
    number = 20 if SECONDS >= 60 else 8  # 20 on two cores need a while to have taken their turns
    return Track("S3", Team.in_bucket(moto, tmp_path).made(), lambda one: BYTES - one % 7 * 1000, number)


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Track:
    return request.getfixturevalue(request.param)


# Processes ------------------------------------------------------------------------------------------------------------


@dataclass
class Racer:
    """What one process does, and what it saw: counts, and whatever must not be."""

    name: str
    work: Any
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def main(self, folder: Path, start: Any) -> None:
        """Run, and leave the results in a file; what is not there says that the process died."""
        try:
            self.work.prepare()
            start.wait(120)
            self.work.run(self)
        except Exception:  # noqa: BLE001  # the parent fails with it
            self.faults.append(traceback.format_exc())
        (folder / self.name).write_text(json.dumps([self.counts, self.faults]))


def race(folder: Path, racers: list[Racer]) -> Counter[str]:
    """Run all at once, until each has ended; give the sum of their counts. No fault is allowed."""
    folder.mkdir()
    start = FORK.Barrier(len(racers))
    processes = [FORK.Process(target=racer.main, args=(folder, start), daemon=True) for racer in racers]
    for process in processes:
        process.start()
    for process in processes:
        process.join(SECONDS + 120)
        process.kill()  # nothing, for one that has ended
    counts, faults = Counter(), []
    for racer in racers:
        assert (folder / racer.name).exists(), f"{racer.name} died or hung"
        theirs, wrong = json.loads((folder / racer.name).read_text())
        counts.update(theirs)
        faults += [f"{racer.name}: {fault}" for fault in wrong]
    assert not faults, f"{len(faults)} faults in {dict(counts)}; the first:\n" + "\n".join(faults[:5])
    return counts


class Board:
    """Memory of all processes: the last save of each key on each branch that began, and the last that ended."""

    def __init__(self) -> None:
        self.places = {(branch, key): at for at, (branch, key) in enumerate((b, k) for b in BRANCHES for k in KEYS)}
        self.begun = FORK.RawArray(ctypes.c_int64, len(self.places))
        self.ended = FORK.RawArray(ctypes.c_int64, len(self.places))


@dataclass
class Work:
    """What one process of a race does: saves of its own datasets, and loads of any.

    Args:
        place: where.
        branch: its branch.
        writes: the datasets that it alone saves on that branch.
        board: what all have done.
    """

    place: Track
    branch: str
    writes: tuple[str, ...]
    board: Board
    seen: dict[str, int] = field(default_factory=dict)

    def prepare(self) -> None:
        """Import and connect what the first load does."""
        for name in DATASETS:
            self.place.open(self.branch)[name].load()

    def run(self, racer: Racer) -> None:
        """Save and load until it is time, but a few times even where all is slow."""
        chance, catalog = random.Random(racer.name), self.place.open(self.branch)
        until, turns = time.monotonic() + SECONDS, itertools.count(1)
        while (next(turns) <= AT_LEAST or time.monotonic() < until) and not racer.faults:
            if chance.random() < 0.05:  # a run that begins just now
                catalog = self.place.open(self.branch)
            if self.writes:
                self.save(catalog, chance.choice(self.writes), chance)
                racer.counts["saves"] += 1
            name = chance.choice(DATASETS)
            if name == "parts":
                self.load_parts(racer, catalog)
            else:
                self.load(racer, name, catalog[name].load)

    def save(self, catalog: DataCatalog, name: str, chance: random.Random) -> None:
        """One save, which must not fail: nobody else saves this dataset on this branch."""
        mine = [part for part in ("both", "also", "mine") if chance.random() < 0.6] or ["both"]
        keys = [f"parts/{part}" for part in mine] if name == "parts" else [name]
        places = {key: self.board.places[self.branch, key] for key in keys}
        values = {key: self.place.value(self.branch, key, self.board.ended[at] + 1) for key, at in places.items()}
        for at in places.values():
            self.board.begun[at] += 1
        parts = {key.partition("/")[2]: value for key, value in values.items()}
        catalog[name].save(parts if name == "parts" else values[name])
        for at in places.values():
            self.board.ended[at] += 1

    def load_parts(self, racer: Racer, catalog: DataCatalog) -> None:
        """List the partitions and load each."""
        # In a bucket one look at the record serves all partitions of a load.
        ended = {part: self.board.ended[self.board.places[self.branch, f"parts/{part}"]] for part in PARTS}
        try:
            found = catalog["parts"].load()
        except SteelToesError as exc:
            racer.counts[type(exc).__name__] += 1
            return
        needed = {"both", "also", "mains"} | ({"mine"} if ended["mine"] else set())
        names = {name.removesuffix(".csv") for name in found}
        if not needed <= names <= set(PARTS):
            racer.faults.append(f"{self.branch} parts: listed {sorted(names)}, needs {sorted(needed)}")
        for name, load in found.items():
            self.load(racer, f"parts/{name}", load, ended.get(name))

    def load(self, racer: Racer, key: str, load: Callable[[], Any], ended: int | None = None) -> None:
        """One load: what must not be is a fault, with the numbers that could have been."""
        at = self.board.places[self.branch, key]
        if ended is None:
            ended = self.board.ended[at]
        low = max(ended, self.seen.get(key, 0))
        try:
            value = load()
        except SteelToesError as exc:
            racer.counts[type(exc).__name__] += 1
            return
        except Exception:  # noqa: BLE001  # no other is allowed
            racer.faults.append(f"{self.branch} {key}: {traceback.format_exc()}")
            return
        high = self.board.begun[at]
        try:
            branch, number = told(value, key)
            whose = "main" if number == 0 else self.branch
            assert branch == whose, f"{branch}'s"
            assert low <= number <= high, f"number {number}"
        except (AssertionError, ValueError) as exc:
            # After the first sentence, pytest's explanation would be all of the value.
            what = str(exc).split("\n", 1)[0]
            racer.faults.append(f"{self.branch} {key}: {what}, where {low} to {high} could be (0 is main's)")
            return
        self.seen[key] = number
        racer.counts["loads of main's" if number == 0 else "loads of the branch's"] += 1


@pytest.mark.parametrize("place", all_but({"s3"}, {name: (name,) for name in ("local", "s3")}), indirect=True)
def test_loads_while_others_save(place: Track, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With one writer for each dataset and branch, a load gives one whole value of its own branch, or an own error.

    The value is none older than the last save that had ended when the load began, or than this reader has seen; it is
    main's only before the branch's first save has ended; it is never another branch's. No save fails. In the end a
    load gives the last save, and main's bytes are as they were.
    """
    main, board = place.open("main"), Board()
    for name in FILES:
        main[name].save(place.value("main", name, 0))
    main["parts"].save({part: place.value("main", f"parts/{part}", 0) for part in ("both", "also", "mains")})
    place.team.main = place.team.mains()
    per_branch = place.processes // len(BRANCHES)
    racers = [
        Racer(f"{branch[-1]}{at}", Work(place, branch, DATASETS[at::per_branch], board))
        for branch in BRANCHES
        for at in range(per_branch)
    ]
    counts = race(tmp_path / "results", racers)
    with capsys.disabled():
        print(f"\n{place.name}: {len(racers)} processes, {SECONDS:g} s: {dict(counts)}")  # noqa: T201
    assert counts["saves"] > len(racers)
    assert counts["loads of the branch's"] > len(racers)
    assert list(board.begun) == list(board.ended), "a save ended neither well nor with an error"
    for branch in BRANCHES:
        catalog = place.open(branch)
        parts = catalog["parts"].load()
        for key in KEYS:
            last = board.ended[board.places[branch, key]]
            if key == "parts/mine" and not last:
                continue
            value = parts[key.partition("/")[2]]() if "/" in key else catalog[key].load()
            assert told(value, key) == (branch if last else "main", last)
    place.team.check()


# Writers of one directory ---------------------------------------------------------------------------------------------

TEN = range(10)
KINDS = ("partitions", "files", "both")


def directory(place: Track) -> dict[str, Any]:
    """A partitioned dataset, and entries for ten files in the directory that it lists."""
    config = place.config()
    parts = {**config["parts"], "filename_suffix": ".csv"}
    file = {key: value for key, value in config["csv"].items() if key != "filepath"}
    return {"parts": parts, **{f"file{at}": {**file, "filepath": f"data/parts/f{at}.csv"} for at in TEN}}


@dataclass
class Saver:
    """Saves one partition again and again: as a partition, as an entry of its own, or each in turn."""

    place: Track
    kind: str
    at: int
    saves: int

    def prepare(self) -> None:
        """Import and connect what the first load does."""
        self.place.open("main", directory(self.place))["parts"].load()

    def run(self, racer: Racer) -> None:
        """Save, and load what was saved at once: nobody else writes it."""
        catalog, key = self.place.open("feature/a", directory(self.place)), f"parts/f{self.at}"
        for number in range(1, self.saves + 1):
            value = self.place.value("feature/a", key, number)
            as_file = self.kind == "files" or (self.kind == "both" and (self.at + number) % 2)
            if as_file:
                catalog[f"file{self.at}"].save(value)
            else:
                catalog["parts"].save({f"f{self.at}": value})
            racer.counts["saves"] += 1
            given = told(catalog[f"file{self.at}"].load(), key)
            assert given == ("feature/a", number), given


@pytest.mark.parametrize(
    ("place", "kind"),
    all_but(
        {"s3-both"},
        {**{f"local-{kind}": ("local", kind) for kind in KINDS}, "s3-both": ("s3", "both")},
    ),
    indirect=["place"],
)
def test_writers_of_one_directory(place: Track, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On one host, saves of different partitions, or of different files in a listed directory, never meet.

    No save and no load of a process's own fails, all partitions are there in the end, and main's bytes are as they
    were.
    """
    saves = max(3, round(SECONDS * (4 if place.name == "local" else 0.5)))
    place.open("main", directory(place))["parts"].save({"f0": place.value("main", "parts/f0", 0), "m": pd.DataFrame()})
    place.team.main = place.team.mains()
    counts = race(tmp_path / "results", [Racer(f"w{at}", Saver(place, kind, at, saves)) for at in TEN])
    with capsys.disabled():
        print(f"\n{place.name}, {kind}: {len(TEN)} writers: {dict(counts)}")  # noqa: T201
    found = place.open("feature/a", directory(place))["parts"].load()
    assert set(found) == {"m", *(f"f{at}" for at in TEN)}
    assert {told(found[f"f{at}"](), f"parts/f{at}") for at in TEN} == {("feature/a", saves)}
    place.team.check()
