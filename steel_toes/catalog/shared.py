"""Entries that are not branched: read and written in main's place."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from steel_toes.catalog.metadata import says_shared
from steel_toes.datasets.registry import Config, catalog_name, class_names


def is_shared(shared: Iterable[str | type], name: str, config: Config, classes: Iterable[type | str]) -> bool:
    """Whether an entry is shared: by its metadata, its name or its type.

    Args:
        shared: what `SteelToes(shared=...)` says.
        name: the entry's.
        config: the entry's.
        classes: its dataset's class, or that class's name where it must not be imported.

    Raises:
        ConfigurationError: its metadata says neither true nor false.
    """
    if says_shared(name, config):
        return True
    types = []
    names: set[str] = set()
    for cls in classes:
        if isinstance(cls, type):
            types.append(cls)
            names.update(class_names(cls))
        else:
            names.add(cls)
    names.update([catalog_name(type_name) for type_name in names])
    return any(_names(value, name, names, types) for value in shared)


def _names(value: str | type, name: str, type_names: set[str], types: list[type]) -> bool:
    """Whether one value of `SteelToes(shared=...)` is about an entry."""
    if isinstance(value, type):
        return any(issubclass(cls, value) for cls in types)
    # `fnmatch` would ignore case on Windows, where names in a catalog are as distinct as elsewhere.
    return value in type_names or fnmatchcase(name, value)


def idle_names(shared: Iterable[str | type], entries: Iterable[str], types: Iterable[str]) -> list[str]:
    """Those of `SteelToes(shared=...)` that name none of these entries, and no type: somebody has mistyped them.

    Args:
        shared: what it says.
        entries: the names of all entries.
        types: their types, as the catalog writes them.
    """
    names = list(entries)
    type_names = set(types)
    idle = []
    for value in shared:
        # The name of a class may be that of one that others build on.
        if isinstance(value, type) or value in type_names or value.endswith("Dataset"):
            continue
        if not any(fnmatchcase(name, value) for name in names):
            idle.append(value)
    return idle
