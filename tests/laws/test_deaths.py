"""Saves that end in the middle, for real: killed at moments that nobody chose, on a full disk, in a writer that fails.

`STEEL_TOES_KILLS=200 pytest tests/laws/test_deaths.py` kills 200 writers of each kind instead of two, or with
`--everything` eight, and fills the disk at more places.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

pd = pytest.importorskip("pandas", reason="most of what is killed here is pandas'")

from kedro.io import DataCatalog, DatasetError  # noqa: E402
from kedro.utils import load_obj  # noqa: E402

from steel_toes import SteelToes, TornCopyError  # noqa: E402
from steel_toes.errors import TornAppendError  # noqa: E402
from support.disk import Disk, small_disk  # noqa: E402
from support.effort import effort, slow_but  # noqa: E402

KILLS = effort(2, 8, "STEEL_TOES_KILLS")
ROWS = 60_000
FORK = multiprocessing.get_context("fork")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="a writer is a fork, so that it begins at once")


def table(number: int) -> Any:
    """Many rows, all with one number: half a copy has fewer, a mixture has two."""
    return pd.DataFrame({"x": [number] * ROWS})


def numbers(data: Any) -> tuple[int, ...]:
    """What a load gave: the number of each whole table in it; fails on anything but whole tables."""
    if isinstance(data, str):
        data = pd.DataFrame({"x": [int(line) for line in data.split()]})
    found = [tuple(data["x"][start : start + ROWS]) for start in range(0, len(data), ROWS)]
    assert all(len(part) == ROWS and len(set(part)) == 1 for part in found), "half a copy, or two in one"
    return tuple(part[0] for part in found)


def lines(number: int) -> str:
    """The same as text."""
    return f"{number}\n" * ROWS


@dataclass(frozen=True)
class Kind:
    """A dataset, and what its n-th save saves."""

    entry: dict[str, Any]
    make: Any = table
    appends: bool = False
    versioned: bool = False
    parts: bool = False


APPEND = {"fs_args": {"open_args_save": {"mode": "a"}}}
KINDS = {
    "csv": Kind({"type": "pandas.CSVDataset", "filepath": "data/x.csv"}),
    "parquet": Kind({"type": "pandas.ParquetDataset", "filepath": "data/x.parquet"}),
    "pickle": Kind({"type": "pickle.PickleDataset", "filepath": "data/x.pkl"}),
    "text": Kind({"type": "text.TextDataset", "filepath": "data/x.txt"}, lines),
    "append": Kind({"type": "text.TextDataset", "filepath": "data/x.txt", **APPEND}, lines, appends=True),
    "versioned": Kind({"type": "pickle.PickleDataset", "filepath": "data/x.pkl", "versioned": True}, versioned=True),
    "parts": Kind(
        {"type": "partitions.PartitionedDataset", "path": "data/x", "dataset": "pandas.CSVDataset"}, parts=True
    ),
    "parts that append": Kind(
        {"type": "partitions.PartitionedDataset", "path": "data/x", "dataset": {"type": "text.TextDataset", **APPEND}},
        lines,
        appends=True,
        parts=True,
    ),
}


def open_catalog(kind: Kind, root: Path, branch: str, number: int = 0) -> DataCatalog:
    entry = {k: str(root / v) if k in ("filepath", "path") else v for k, v in kind.entry.items()}
    catalog = DataCatalog.from_config({"x": entry}, save_version=f"2030-01-01T00.00.00.{number:06d}Z")
    SteelToes(branch=branch).after_catalog_created(catalog)
    return catalog


def save(kind: Kind, root: Path, branch: str, number: int) -> None:
    value = kind.make(number)
    open_catalog(kind, root, branch, number)["x"].save({"a": value, "b": value} if kind.parts else value)


def write_until_killed(kind: Kind, root: Path, report: int, saves: int) -> None:
    """A run: save after save, each reported when it begins and when it is done."""
    for number in range(1, saves + 1):
        os.write(report, b"b")
        save(kind, root, "feature/x", number)
        os.write(report, b"d")


def kill_a_writer(kind: Kind, root: Path, patience: float, saves: int) -> tuple[int, int]:
    """How many saves a writer began and ended before it was killed."""
    read, write = os.pipe()
    writer = FORK.Process(target=write_until_killed, args=(kind, root, write, saves))
    writer.start()
    os.close(write)
    # From the writer's own first save on, so that the kill falls into a save and not into the fork.
    said = os.read(read, 1)
    time.sleep(patience)
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    while more := os.read(read, 4096):
        said += more
    os.close(read)
    return said.count(b"b"), said.count(b"d")


def answer(kind: Kind, root: Path) -> list[Any]:
    """What a load in a new process gives: numbers of whole tables, or "torn"; one answer for each partition."""
    dataset = open_catalog(kind, root, "feature/x")["x"]
    loads = list(dataset.load().values()) if kind.parts else [dataset.load]
    return [whole_or_torn(load) for load in loads]


def whole_or_torn(load: Any) -> Any:
    try:
        data = load()
    except TornCopyError:
        return "torn"
    return numbers(data)


def check(kind: Kind, given: Any, began: int, ended: int) -> str:
    """Whether an answer is one of those that are promised."""
    if given == "torn":
        assert ended > 0, "what had never been whole is main's, not torn"
        assert began > ended
        return "torn"
    whole = [tuple(range(number + 1)) if kind.appends else (number,) for number in (ended, began)]
    assert given in whole, (given, began, ended)
    return "main's" if given == (0,) else "the branch's"


@pytest.mark.timeout(max(300, KILLS * 5))
@pytest.mark.parametrize("name", KINDS)
def test_a_killed_writer(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After a kill -9 in a save, a load gives the last whole copy, main's where the branch never had one, or is torn.

    Never half a file, and never main's where the branch had its own. Saving again repairs it, but for an append over
    a copy that had been whole, whose error names `clean`. Main's bytes are as they were.
    """
    kind, seen = KINDS[name], Counter()
    chance = random.Random(name)
    began = time.monotonic()
    save(kind, tmp_path / "trial", "main", 0)
    save(kind, tmp_path / "trial", "feature/x", 1)
    length = time.monotonic() - began
    for trial in range(KILLS):
        root = tmp_path / str(trial)
        save(kind, root, "main", 0)
        main = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
        begun, ended = kill_a_writer(kind, root, chance.uniform(0, 5 * length), saves=50)
        answers = {check(kind, given, begun, ended) for given in answer(kind, root)}
        seen.update(answers)
        if kind.appends and "torn" in answers:
            with pytest.raises(TornAppendError, match="steel-toes clean"):
                save(kind, root, "feature/x", 99)
        else:
            save(kind, root, "feature/x", 99)
            assert all(given[-1] == 99 for given in answer(kind, root))
        assert {path: path.read_bytes() for path in main} == main, "main's bytes changed"
    with capsys.disabled():
        print(f"\n{name}: {KILLS} kills: {dict(seen)}")  # noqa: T201  # the figures are the result


# A full disk --------------------------------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk of 32 MiB and 500 files."""
    yield from small_disk(tmp_path / "disk")


def failure(kind: Kind, root: Path, number: int) -> Exception | None:
    """The error of a save, if it is one."""
    try:
        save(kind, root, "feature/x", number)
    except Exception as error:  # noqa: BLE001  # whatever the dataset's library makes of it
        return error
    return None


def growing(kind: Kind) -> Kind:
    """The same, but each save needs more room than the one before, so that a replacement runs out of it too."""
    if kind.make is lines:
        return replace(kind, make=lambda number: f"{number:0{8 * (number + 1)}d}\n" * ROWS)

    def table(number: int) -> Any:
        noise = random.Random(number)
        return pd.DataFrame({"x": [number] * ROWS, **{f"y{n}": [*noise.randbytes(ROWS)] for n in range(number + 1)}})

    return replace(kind, make=table)


def contents(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def assert_promises(kind: Kind, root: Path, ended: int, error: Exception | None) -> set[str]:
    """What a load gives after save number `ended + 1`, which failed or did not; it never gives what was not saved."""
    began = ended + (error is not None)
    ended += error is None
    given = answer(kind, root)
    answers = {check(kind, one, began, ended) for one in given}
    new = tuple(range(began + 1)) if kind.appends else (began,)
    assert error is None or new not in given, "a save that failed counts"
    return answers


def assert_repaired(kind: Kind, root: Path, number: int, answers: set[str]) -> None:
    """The same save again gives what it would have given, or the error of an append names `clean`."""
    if kind.appends and "torn" in answers:
        with pytest.raises(TornAppendError, match="steel-toes clean"):
            save(kind, root, "feature/x", number)
        return
    save(kind, root, "feature/x", number)
    whole = tuple(range(number + 1)) if kind.appends else (number,)
    assert {*answer(kind, root)} == {whole}


def rooms(pages: int, files: int, chance: random.Random) -> list[dict[str, int]]:
    """What may be left of a disk by a save that needs so much: nothing, less than enough, just enough."""
    few = chance.sample(range(4, max(5, pages)), min(max(2, KILLS // 4), max(1, pages - 4)))
    return [
        *({"pages": left} for left in sorted({0, 1, 2, 3, pages - 1, pages, pages + 1, *few})),
        *({"files": left} for left in range(files + 1)),
    ]


@pytest.mark.timeout(max(300, KILLS * 5))
@pytest.mark.parametrize(
    ("name", "ended"),
    slow_but(
        {"csv-later"},
        {f"{name}-{which}": (name, ended) for ended, which in enumerate(("first", "later")) for name in KINDS},
        long={f"{name}-first" for name in KINDS if name not in ("csv", "parts")},
    ),
)
def test_a_full_disk(
    name: str, ended: int, disk: Disk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a save that no room was left for, a load gives the last whole copy, main's before there was one, or torn.

    With room again, the same save gives what it would have given, whatever is still open of the one that failed; only
    an append over a copy that had been whole is refused. Main's bytes are as they were.
    """
    monkeypatch.setitem(globals(), "ROWS", 15_000)  # nobody has to be quick enough to strike in the middle
    kind, seen = growing(KINDS[name]), Counter()

    def saved() -> dict[Path, bytes]:
        disk.clear()
        save(kind, disk.root, "main", 0)
        main = contents(disk.root)
        for number in range(1, ended + 1):
            save(kind, disk.root, "feature/x", number)
        return main

    saved()
    before = disk.free
    save(kind, disk.root, "feature/x", ended + 1)
    # A file that is written over needs its own room at most; the record a second file while it is replaced.
    pages, files = (was - now for was, now in zip(before, disk.free, strict=True))
    for room in rooms(pages + 2, files + 2, random.Random(name)):
        main = saved()
        disk.leave(**room)
        error = failure(kind, disk.root, ended + 1)
        answers = assert_promises(kind, disk.root, ended, error)
        disk.empty()
        assert assert_promises(kind, disk.root, ended, error) == answers, "it depends on the room"
        seen.update(answers, failed=error is not None, saved=error is None)
        assert not [*disk.root.rglob("*.tmp")], "a part of a record was left"
        if error is not None:
            assert_repaired(kind, disk.root, ended + 1, answers)
            left = answer(kind, disk.root)
            del error  # and with it what was still open
            gc.collect()
            assert answer(kind, disk.root) == left, "what was still open was written"
        assert {path: path.read_bytes() for path in main} == main, "main's bytes changed"
    with capsys.disabled():
        print(f"\n{name}: {dict(seen)}")  # noqa: T201  # the figures are the result
    assert seen["failed"] > 3
    assert seen["saved"]


# A killed seed ------------------------------------------------------------------------------------------------------


def kill_in_the_seed(kind: Kind, root: Path, size: int, patience: float) -> int | None:
    """Kill a first append when its copy of main's has begun; how many bytes of it there were, None if all were."""
    writer = FORK.Process(target=save, args=(kind, root, "feature/x", 1))
    writer.start()
    found: list[Path] = []
    while not found and writer.is_alive():
        found = [path for path in root.glob("data/x--*") if path.stat().st_size]
    time.sleep(patience)
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    done = found[0].stat().st_size if found else size
    return done if done < size else None


def test_a_killed_seed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After a kill -9 while main's copy is copied for a first append, main's is read, live, and appending starts anew.

    Nothing of the half that was copied is ever given. Main's bytes are as they were.
    """
    kind, chance, struck = KINDS["append"], random.Random(0), []
    for trial in range(max(40, KILLS)):
        root, big = tmp_path / str(trial), "0123456\n" * 2**23
        catalog = open_catalog(kind, root, "main")
        catalog["x"].save(big)
        struck.append(kill_in_the_seed(kind, root, len(big), chance.uniform(0, 0.02) if trial else 0))
        if struck[-1] is not None:
            assert open_catalog(kind, root, "feature/x")["x"].load() == big
            assert contents(root)[root / "data" / "x.txt"] == big.encode(), "main's bytes changed"
            save(kind, root, "main", 0)
            main = contents(root)[root / "data" / "x.txt"]
            assert open_catalog(kind, root, "feature/x")["x"].load() == big + lines(0)
            save(kind, root, "feature/x", 1)
            assert open_catalog(kind, root, "feature/x")["x"].load() == big + lines(0) + lines(1)
            assert contents(root)[root / "data" / "x.txt"] == main, "main's bytes changed"
        shutil.rmtree(root)
        if sum(done is not None for done in struck) >= max(3, KILLS // 4):
            break
    with capsys.disabled():
        print(f"\nkilled after so many bytes of {len(big):,}: {struck}")  # noqa: T201  # the figures are the result
    assert any(done is not None for done in struck), "no kill fell into a seed"


# A writer that fails ------------------------------------------------------------------------------------------------


class Failing:
    """A dataset whose save raises, having written nothing, half of what it was given, or all of it."""

    writes: str
    error: BaseException

    def save(self, data: Any) -> None:
        if self.writes != "nothing":
            super().save(data[: len(data) // 2] if self.writes == "half" else data)
        raise self.error


def failing(kind: Kind, writes: str, error: BaseException) -> Kind:
    """The same entry, or the same partitions, of a class that fails."""
    entry = kind.entry["dataset"] if kind.parts else kind.entry
    entry = entry if isinstance(entry, dict) else {"type": entry}
    cls = load_obj(f"kedro_datasets.{entry['type']}")
    entry = {**entry, "type": type(f"Failing{cls.__name__}", (Failing, cls), {"writes": writes, "error": error})}
    return replace(kind, entry={**kind.entry, "dataset": entry} if kind.parts else entry)


@pytest.mark.parametrize("error", [OSError("As planned."), KeyboardInterrupt()], ids=["error", "interrupt"])
@pytest.mark.parametrize("writes", ["nothing", "half", "all"])
@pytest.mark.parametrize("ended", [0, 1], ids=["first", "later"])
@pytest.mark.parametrize("name", KINDS)
def test_a_writer_that_fails(
    name: str, ended: int, writes: str, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that raises before its first byte has changed nothing; later, the copy is torn until it is saved again.

    What it wrote never counts, though it may be a whole file; a first save that fails leaves main's. Main's bytes are
    as they were.
    """
    monkeypatch.setitem(globals(), "ROWS", 1_000)
    kind = KINDS[name]
    save(kind, tmp_path, "main", 0)
    main = contents(tmp_path)
    for number in range(1, ended + 1):
        save(kind, tmp_path, "feature/x", number)
    before = answer(kind, tmp_path)
    with pytest.raises((DatasetError, KeyboardInterrupt)):
        save(failing(kind, writes, error), tmp_path, "feature/x", ended + 1)
    # The first partition is where it failed; a version that failed is not the newest.
    torn = ["torn", *before[1:]] if writes != "nothing" and ended and not kind.versioned else before
    assert answer(kind, tmp_path) == torn
    assert_repaired(kind, tmp_path, ended + 1, {"torn"} if "torn" in torn else set())
    assert {path: path.read_bytes() for path in main} == main, "main's bytes changed"


@pytest.mark.parametrize("writes", ["nothing", "half", "all"])
@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.appends])
def test_a_first_append_that_fails_where_main_has_nothing(name: str, writes: str, tmp_path: Path) -> None:
    """What a failed first append left is in no later one, also where main has nothing to seed from, and still not."""
    kind = KINDS[name]
    with pytest.raises(DatasetError):
        save(failing(kind, writes, OSError("As planned.")), tmp_path, "feature/x", 1)
    assert not open_catalog(kind, tmp_path, "feature/x")["x"].exists()
    save(kind, tmp_path, "feature/x", 2)
    assert {*answer(kind, tmp_path)} == {(2,)}
    assert not open_catalog(kind, tmp_path, "main")["x"].exists()
