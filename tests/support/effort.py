"""How much a test does: a little by default, more with `--everything`, and as much as a variable asks for."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from support.environment import CALLERS


class Effort:
    """What this run was asked for; conftest.py sets it before any test module is imported."""

    everything = False
    asked: ClassVar[set[Path]] = set()
    """The test modules that do more with `--everything`."""


def effort(little: int, much: int, variable: str = "") -> int:
    """The number of steps, kills or seconds of a test.

    Args:
        little: of a run by default, which touches every law.
        much: of a run with `--everything`, as CI does it.
        variable: of the environment, whose number counts if it is set.
    """
    caller = inspect.stack(0)[1].filename
    Effort.asked.add(Path(caller))
    return int(CALLERS.get(variable, "") or (much if Effort.everything else little))


def slow_but(quick: Collection[str], cases: Mapping[str, tuple[Any, ...]], long: Collection[str] = ()) -> list[Any]:
    """Cases for `parametrize` by their names, all of them slow but these; some take so long that CI leaves them out."""
    assert {*quick, *long} <= set(cases), f"no such case: {({*quick, *long}) - set(cases)}"
    marks = {name: () if name in quick else (pytest.mark.slow,) for name in cases}
    for name in long:
        marks[name] = (pytest.mark.slow, pytest.mark.long)
    return [pytest.param(*values, id=name, marks=marks[name]) for name, values in cases.items()]


def all_but(slow: Collection[str], cases: Mapping[str, tuple[Any, ...]], long: Collection[str] = ()) -> list[Any]:
    """Cases for `parametrize` by their names, of which only these are slow; as `slow_but`."""
    assert set(slow) <= set(cases), f"no such case: {set(slow) - set(cases)}"
    return slow_but(set(cases) - set(slow), cases, long)
