"""Requests that do not depend on each other, under way together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")

THREADS = 20
"""Requests that are under way at once."""


def together(*calls: Callable[[], object]) -> None:
    """Make these calls at once.

    Raises:
        Exception: that of the first call that failed, when all have ended.
    """
    all_together(lambda call: call(), calls)


def all_together(function: Callable[[S], T], values: Iterable[S]) -> list[T]:
    """What a function gives for each of these values, a number of them at once."""
    values = list(values)
    if len(values) < 2:
        return [function(value) for value in values]
    return list(each_together(function, values))


def each_together(function: Callable[[S], T], values: Iterable[S]) -> Iterator[T]:
    """The same, each as it becomes clear, in the order of the values."""
    with ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(function, values)
