"""The locations in a dataset's configuration: reading and moving them, and the paths that a dataset makes of them."""

from __future__ import annotations

import copy
import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from kedro.io.core import get_protocol_and_path

from steel_toes.datasets.registry import Config, Rule, names_in, rule_for
from steel_toes.naming.location import parse
from steel_toes.naming.schemes import scheme_of

Key = tuple[str | int, ...]
"""Where in a configuration a value stands: the keys that lead to it, from the outside in."""


CHECKPOINT = "CHECKPOINT"
"""Where Kedro keeps the checkpoint of increments, below their directory, if nothing says otherwise."""


def location_of(rule: Rule, config: Config) -> str:
    """The (first) location in a configuration, as text; empty if it has none."""
    return next(iter(locations_of(rule, config).values()), "")


def locations_of(rule: Rule, config: Config) -> dict[Key, str]:
    """The locations in a configuration, as text, by where they stand; of a list or a dictionary, each in it."""
    locations: dict[Key, str] = {}
    for parameter in filter(None, [rule.parameter, *rule.more]):
        key = tuple(parameter.split("."))
        value = value_at(config, key)
        for inner_key, location in _locations_in(value):
            locations[key + inner_key] = location
    return {key: location for key, location in locations.items() if location}


def _locations_in(value: Any) -> Iterable[tuple[Key, str]]:
    if isinstance(value, Mapping) and "type" in value:
        # The configuration of a dataset inside has its own parameter for it.
        return locations_of(rule_for(names_in(value), dict(value), {}), dict(value)).items()
    # Only what the parameter itself holds: deeper ones may be anything.
    return [(key, text) for key, text in texts_in(value) if len(key) <= 1]


def texts_in(value: Any) -> Iterator[tuple[Key, str]]:
    """All texts and paths at any depth of a value, by where they stand."""
    if isinstance(value, str | os.PathLike):
        yield (), os.fspath(value)
        return
    pairs: Any = ()
    if isinstance(value, Mapping):
        pairs = value.items()
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        pairs = enumerate(value)
    for name, inner in pairs:
        for key, text in texts_in(inner):
            yield (name, *key), text


def value_at(config: Any, key: Key) -> Any:
    """What stands somewhere in a configuration; None if nothing does."""
    value = config
    for name in key:
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, Sequence) and isinstance(name, int):
            value = value[name]
        else:
            return None
    return value


def replaced(config: Any, key: Key, value: Any) -> Any:
    """A copy of a configuration with another value somewhere."""
    if not key:
        return value
    name, *inner_key = key
    if isinstance(config, Mapping):
        return {**config, name: replaced(config[name], tuple(inner_key), value)}
    items = list(config)
    items[int(name)] = replaced(items[int(name)], tuple(inner_key), value)
    return items


def redirected(rule: Rule, config: Config, moves: Mapping[Key, str]) -> Config:
    """A copy of the configuration with other locations, and with what must move with them.

    Args:
        rule: of the dataset.
        config: its configuration.
        moves: the new locations, by where they stand.
    """
    # Deep: Kedro's constructors write into the dictionaries that they are given.
    moved = copy.deepcopy(config)
    for key, location in moves.items():
        moved = replaced(moved, key, location)
    checkpoint = moved.get("checkpoint")
    if rule.kind == "increments" and isinstance(checkpoint, dict):
        argument = filepath_argument(config)
        unit = checkpoint_path(config)
        # Kedro demands that a checkpoint lies inside the directory of the partitions.
        if checkpoint.get(argument) and unit is not None:
            checkpoint[argument] = f"{moved[rule.parameter].rstrip('/')}/{unit}"
    return moved


def filepath_argument(config: Config) -> str:
    """The parameter of the dataset inside partitions, and of a checkpoint, that takes a path."""
    return str(config.get("filepath_arg") or "filepath")


def checkpoint_path(config: Config) -> str | None:
    """Where the checkpoint of increments lies: below their directory; None if it lies elsewhere."""
    checkpoint = config.get("checkpoint")
    path = checkpoint.get(filepath_argument(config)) if isinstance(checkpoint, Mapping) else None
    if not path:
        return CHECKPOINT
    text = os.fspath(path)
    # A library may follow it out of the directory, or refuse it after it has read the partitions.
    if ".." in text.split("/"):
        return None
    directory = posixpath.normpath(absolute(os.fspath(config["path"])))
    place = posixpath.normpath(absolute(text))
    if place.startswith(f"{directory}/"):
        return place[len(directory) + 1 :]
    # Kedro checks a relative one as if it lay in the directory, and reads it from the working directory.
    is_relative = "://" not in text and not os.path.isabs(text)
    return posixpath.normpath(text) if is_relative else None


def absolute(location: str, folder: str = "") -> str:
    """A relative local location from a folder or the working directory, as Kedro reads it; anything else as it is."""
    protocol, path = get_protocol_and_path(location)
    # `file://` is absolute already.
    if protocol != "file" or "://" in location:
        return location
    return os.path.join(folder or os.getcwd(), os.path.expanduser(path))


def is_local(location: str) -> bool:
    """Whether a location lies on a local disk."""
    where = parse(location)
    return not where.scheme or scheme_of(where.scheme).is_local


def real_path(location: str) -> str:
    """The real path of a local location's folder, then its name: what the operating system opens, for all its names.

    The disk is asked for the links.
    """
    where = parse(location)
    path = posixpath.join("/", where.path) if where.scheme else where.before + where.path
    folder, name = os.path.split(path.rstrip("/"))
    return os.path.join(os.path.realpath(folder), name)


def filesystem_path(location: str, is_overlay: bool = False) -> tuple[str, str]:
    """Fsspec's protocol and path of an absolute location, as the dataset itself understands it.

    Kedro's file datasets drop the host of `memory://`, `sftp://` and others; its partitioned ones hand the URL to
    fsspec. Both are followed to the letter, since the record must speak of the object that the dataset writes. Where
    an object lies, `a//b` and `a/./b` are `a/b`: a path goes through `PurePosixPath` on its way to fsspec.

    Args:
        location: of the entry.
        is_overlay: whether it is that of partitions.
    """
    protocol, path = get_protocol_and_path(location)
    if protocol != "file":
        if is_overlay:
            _, _, path = location.partition("://")
            # Which no store takes for a part of the path.
            user = parse(location).user
            path = path.removeprefix(f"{user}@") if user else path
        if path:
            path = str(PurePosixPath(path))
    return protocol, path.rstrip("/")
