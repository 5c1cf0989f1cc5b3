"""The system calls of one load and of one save, by strace where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measuring import Row, Size
from support.team import Team

_MARK = "/this-is-where"
GOALS = {"load": 18, "save": 40}
_TESTS = Path(__file__).resolve().parent.parent


def system_calls(_: Size, folder: Path) -> Iterator[Row]:
    """The system calls of a load and a save of a file of a few bytes; nothing where there is no strace."""
    for what, goal in GOALS.items():
        counts = [count_calls(what, side, folder) for side in ("branch", "plain")]
        if None not in counts:
            ours, plain = counts
            yield Row("local disk", f"a {what}", "system calls", ours, plain, f"at most {goal}")


def count_calls(what: str, side: str, folder: Path) -> int | None:
    """How many system calls a load or a save makes on a side; None where there is no strace."""
    strace = shutil.which("strace")
    if strace is None:
        return None
    trace = folder / "trace"
    script = [sys.executable, "-m", "benchmarks.calls", what, side, str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(_TESTS)}
    subprocess.run([strace, "-f", "-o", str(trace), *script], env=environment, check=True, capture_output=True)
    counts = []
    number = 0
    for line in trace.read_text(errors="replace").splitlines():
        number += 1
        if f"{_MARK}-it-begins" in line:
            number = 0
        if f"{_MARK}-it-ends" in line:
            counts.append(number - 1)
    # The first are those that find something missing.
    return counts[-1]


def main(what: str, side: str, folder: str) -> None:
    """Load or save a few times, each between two marks."""
    team = Team.on_disk(Path(folder))
    conf = {"a": {"type": "pickle.PickleDataset", "filepath": "data/calls.pkl"}}
    catalog: Any = team.branch(conf) if side == "branch" else team.plain(conf)
    for number in range(6):
        Path(f"{_MARK}-it-begins").exists()
        if what == "save" or number == 0:
            catalog.save("a", number)
        else:
            catalog.load("a")
        Path(f"{_MARK}-it-ends").exists()


if __name__ == "__main__":
    main(*sys.argv[1:])
