"""The benchmarks run, and what they count is as promised; their seconds are for people to read."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import Any

import pytest

from benchmarks.topics import TOPICS
from support.environment import CALLERS, ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the smoke test of the benchmarks writes."""
    folder = tmp_path_factory.mktemp("benchmarks")
    command = [sys.executable, ROOT / "tests" / "benchmarks", "--small", "--output", folder]
    done = subprocess.run(command, capture_output=True, text=True, env=CALLERS, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((folder / "benchmarks.json").read_text())
    assert (folder / "benchmarks.md").read_text() in done.stdout
    report["topics"] = [line.rpartition(":")[0] for line in done.stderr.splitlines() if line.endswith(" s")]
    return report


def figures(report: dict[str, Any], topic: str, unit: str) -> dict[str, float]:
    """The figures of a topic in a unit, by what was measured."""
    return {row["what"]: row["ours"] for row in report["rows"] if (row["topic"], row["unit"]) == (topic, unit)}


def test_everything_is_measured(report: dict[str, Any]) -> None:
    """Each topic has its figures, and the table says of which machine and day they are."""
    assert report["topics"] == list(TOPICS)
    assert {"date", "python", "processors", "kedro"} <= report["machine"].keys()
    assert all(row["ours"] > 0 for row in report["rows"])
    assert all(row["plain"] is None or row["plain"] > 0 for row in report["rows"])
    topics = {row["topic"] for row in report["rows"]}
    assert topics >= {"hook", "first get", "imports", "run, local disk", "run, S3", "partitions, S3", "commands"}


def test_system_calls(report: dict[str, Any]) -> None:
    """A load of a branch copy on a disk is at most 18 system calls, a save 40."""
    if not shutil.which("strace", path=CALLERS.get("PATH")):
        pytest.skip("NO STRACE HERE: it counts system calls")
    calls = figures(report, "local disk", "system calls")
    assert calls["a load"] <= 18
    assert calls["a save"] <= 40


def test_requests(report: dict[str, Any]) -> None:
    """A chain on S3, all partitions of a load and `status` cost what they cost, however fast the machine is."""
    # Of a first run: in later ones a busy machine may ask for the records of two nodes at once.
    assert figures(report, "run, S3", "requests")["chain of 9, 0 ms a request, later run"] <= 60
    (loaded,) = [row for row in report["rows"] if row["topic"] == "partitions, S3"]
    assert loaded["ours"] - loaded["plain"] <= 3
    assert figures(report, "commands", "requests")["status of 20 branch copies on S3"] == 61
