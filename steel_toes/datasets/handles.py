"""Classes whose load gives no data but a handle, which can write past any proxy."""

from __future__ import annotations

import dis
import inspect
import re
from dataclasses import replace
from typing import Any

from steel_toes.datasets.registry import Rule
from steel_toes.errors import CALLED_A_STORE, IS_A_HANDLE

_WORD = re.compile(r"[A-Z][a-z0-9]*")
_HANDLES = {"Store", "Client", "Engine", "Connection"}


def unless_a_handle(rule: Rule, cls: type) -> Rule:
    """The rule for a class that nobody surveyed, or one that refuses its loads if what it loads can write.

    Args:
        rule: found by its parameters.
        cls: the dataset's class.
    """
    if _never_saves(cls):
        return replace(rule, action="refuse_load", why=IS_A_HANDLE)
    for base in cls.__mro__:
        words = _WORD.findall(base.__name__)
        if not _HANDLES.isdisjoint(words):
            why = CALLED_A_STORE.format(name=base.__name__)
            return replace(rule, action="refuse_load", why=why)
    return rule


def _never_saves(cls: Any) -> bool:
    """Whether the class says, or its code shows, that a save always fails."""
    function = inspect.unwrap(cls.save)
    annotations = getattr(function, "__annotations__", {})
    _, _, annotation = str(annotations.get("return")).rpartition(".")
    if annotation in ("NoReturn", "Never"):
        return True
    # Nothing to look into: it is not written in Python.
    if not hasattr(function, "__code__"):
        return False
    names = {instruction.opname for instruction in dis.get_instructions(function)}
    if "RAISE_VARARGS" not in names:
        return False
    # Some Pythons have several kinds of a return.
    return not any(name.startswith(("RETURN_", "YIELD_")) for name in names)
