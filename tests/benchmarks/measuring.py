"""What is measured, and how: pairs with plain Kedro, one after the other, whose medians are compared."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]

CPU: Clock = time.process_time
WALL: Clock = time.perf_counter


@dataclass(frozen=True)
class Size:
    """How much is done: a little for a smoke test, or what the table says.

    Args:
        is_small: whether it is the smoke test.
    """

    is_small: bool = False

    def of(self, full: tuple[int, ...], small: tuple[int, ...]) -> tuple[int, ...]:
        """The sizes to measure."""
        return small if self.is_small else full

    def times(self, full: int) -> int:
        """How often each pair is measured."""
        return 2 if self.is_small else full


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Args:
        topic: what it is about.
        what: what was measured.
        unit: of both figures.
        ours: on a branch, with steel_toes.
        plain: the same with plain Kedro, or with another tool; None if there is nothing like it.
        goal: what it should be, in words.
    """

    topic: str
    what: str
    unit: str
    ours: float
    plain: float | None = None
    goal: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours over plain Kedro's; None without one."""
        return self.ours / self.plain if self.plain else None


def seconds(call: Callable[[], object], clock: Clock = WALL) -> float:
    """How long a call takes."""
    began = clock()
    call()
    return clock() - began


def medians(
    ours: Callable[[], object], plain: Callable[[], object], times: int, clock: Clock = WALL
) -> tuple[float, float]:
    """The median seconds of each, measured in turns, so that both meet the same machine."""
    both = [(seconds(plain, clock), seconds(ours, clock)) for _ in range(times)]
    return statistics.median(pair[1] for pair in both), statistics.median(pair[0] for pair in both)
