"""Leaving out, in a second run of the tests, what a first one has seen pass: `.ci/run` makes both."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from support.effort import Effort


class Passed:
    """Notes the tests of a run that have passed; xdist's controller hears of all of them.

    Args:
        file: which is written when the run ends, a test a line.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.passed: set[str] = set()
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test has passed if its call did, and nothing before or after that failed."""
        if report.failed:
            self.failed.add(report.nodeid)
        elif report.when == "call" and report.passed:
            self.passed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Write them."""
        names = sorted(self.passed - self.failed)
        self.file.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


def passed_before(items: Iterable[pytest.Item], file: Path) -> list[pytest.Item]:
    """Those tests that another run has seen pass, and that would do the same again.

    Whoever does more with `--everything` is run again, and what every supported version must give as well.
    """
    names = set(file.read_text(encoding="utf-8").splitlines())
    return [item for item in items if not names.isdisjoint(_names_of(item)) and not _does_more(item)]


def _names_of(item: pytest.Item) -> set[str]:
    """What a report may call a test: xdist puts its group behind it."""
    group = item.get_closest_marker("xdist_group")
    if group is None:
        return {item.nodeid}
    name = group.kwargs.get("name") or group.args[0]
    return {item.nodeid, f"{item.nodeid}@{name}"}


def _does_more(item: pytest.Item) -> bool:
    return item.path in Effort.asked or item.get_closest_marker("contract") is not None
