"""What an argument of a user's own class holds, whatever a user may have put it into."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from types import MappingProxyType
from typing import Any

from steel_toes.datasets.paths import Key, items_in
from steel_toes.datasets.registry import TABLE_PARAMETERS, Config

_DEPTH = 20  # of a configuration


def texts_of(value: Any, key: Key = ()) -> Iterator[tuple[Key, str]]:
    """All texts and paths in an argument, by where they stand: whatever a user may have put them into."""
    if isinstance(value, bytes):
        yield key, value.decode(errors="replace")
    elif isinstance(value, str | os.PathLike):
        yield key, os.fspath(value)
    elif len(key) < _DEPTH:
        for name, inner in _members(value):
            # `{"data/02/x.txt": "a"}`
            if isinstance(name, str) and "/" in name:
                yield (*key, name), name
            yield from texts_of(inner, (*key, name))


def _members(value: Any) -> Iterable[tuple[Any, Any]]:
    """What an argument holds, by its names or its numbers."""
    if isinstance(value, MappingProxyType):
        value = dict(value)
    if isinstance(value, set | frozenset):
        value = sorted(value, key=str)
    if is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    return items_in(value)


def tables_in(own_arguments: Config) -> Iterator[Key]:
    """Where a table of a database, or what stands for one elsewhere, is named."""
    for name in sorted(TABLE_PARAMETERS & own_arguments.keys()):
        value = own_arguments[name]
        # A switch may have such a name: `index: false`.
        if isinstance(value, str) and value:
            yield (name,)
    # `dataset` alone is a dataset inside, or anything.
    dataset = own_arguments.get("dataset")
    if isinstance(dataset, str) and own_arguments.get("project_id"):
        yield ("dataset",)


def is_of_a_table(parameter: str) -> bool:
    """Whether a parameter that names a place names no file or folder."""
    return parameter in TABLE_PARAMETERS or parameter == "dataset"
