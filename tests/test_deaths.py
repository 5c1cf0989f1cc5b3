"""Runs that are killed in the middle of a save, for real, at moments that nobody chose.

`STEEL_TOES_KILLS=200 pytest tests/test_deaths.py` kills 200 writers of each kind instead of CI's few.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pd = pytest.importorskip("pandas", reason="most of what is killed here is pandas'")

from kedro.io import DataCatalog  # noqa: E402

from steel_toes import SteelToes, TornCopyError  # noqa: E402
from steel_toes.errors import TornAppendError  # noqa: E402

KILLS = int(os.environ.get("STEEL_TOES_KILLS", "8"))
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
