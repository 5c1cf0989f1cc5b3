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


_DEPTH = 20  # of a configuration
CHECKPOINT = "CHECKPOINT"
"""Where Kedro keeps the checkpoint of increments, below their directory, if nothing says otherwise."""


CHECKPOINT_SETTINGS = ("force_checkpoint", "comparison_func")
"""Of a checkpoint, for the comparison: all others are arguments of its dataset."""


def location_of(rule: Rule, config: Config) -> str:
    """The (first) location in a configuration, as text; empty if it has none."""
    locations = locations_of(rule, config)
    return next(iter(locations.values()), "")


def locations_of(rule: Rule, config: Config) -> dict[Key, str]:
    """The locations in a configuration, as text, by where they stand; of a list or a dictionary, each in it."""
    locations: dict[Key, str] = {}
    for parameter in filter(None, [rule.parameter, *rule.more]):
        key = tuple(parameter.split("."))
        value = value_at(config, key)
        for inner_key, location in _locations_in(value):
            if location:
                locations[key + inner_key] = location
    return locations


def _locations_in(value: Any) -> Iterator[tuple[Key, str]]:
    if isinstance(value, Mapping) and "type" in value:
        # The configuration of a dataset inside has its own parameter for it.
        inner_config = dict(value)
        inner_rule = rule_for(names_in(value), inner_config, {})
        yield from locations_of(inner_rule, inner_config).items()
        return
    for key, text in texts_in(value):
        # Only what the parameter itself holds: deeper ones may be anything.
        if len(key) <= 1:
            yield key, text


def texts_in(value: Any, depth: int = _DEPTH) -> Iterator[tuple[Key, str]]:
    """All texts and paths in a value, by where they stand: at any depth that a configuration has."""
    if isinstance(value, str | os.PathLike):
        yield (), os.fspath(value)
    elif depth:
        # Attributes of a user's dataset may hold themselves.
        for name, inner in items_in(value):
            for key, text in texts_in(inner, depth - 1):
                yield (name, *key), text


def items_in(value: Any) -> Iterable[tuple[Any, Any]]:
    """What a dictionary or a list holds, by its keys or its numbers; of anything else nothing.

    Not of any mapping: to list what is in some (fsspec's mapper of a folder, a shelf) is to read a store.
    """
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, list | tuple):
        return enumerate(value)
    return ()


def value_at(config: Any, key: Key) -> Any:
    """What stands somewhere in a configuration; None if nothing does."""
    value = config
    for name in key:
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, Sequence) and isinstance(name, int) and name < len(value):
            value = value[name]
        else:
            # A text or a number, or a shorter list: nothing stands there.
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
    if rule.kind == "increments":
        _move_checkpoint(moved, rule.parameter, checkpoint_path(config))
    return moved


def _move_checkpoint(moved: Config, parameter: str, unit: str | None) -> None:
    """Let the checkpoint of moved increments lie in their new directory: Kedro demands that it lies inside.

    Args:
        moved: their configuration.
        parameter: of their directory.
        unit: where below the directory the checkpoint lies.
    """
    checkpoint = moved.get("checkpoint")
    # A text is only the checkpoint's value.
    if not isinstance(checkpoint, dict):
        return
    if unit is None:
        # It lies elsewhere, and stays there: its save is refused.
        return
    argument = filepath_argument(moved)
    if checkpoint.get(argument):
        directory = moved[parameter].rstrip("/")
        checkpoint[argument] = f"{directory}/{unit}"


def filepath_argument(config: Config) -> str:
    """The parameter of the dataset inside partitions, and of a checkpoint, that takes a path."""
    return str(config.get("filepath_arg") or "filepath")


def checkpoint_path(config: Config) -> str | None:
    """Where the checkpoint of increments lies: below their directory; None if it lies elsewhere."""
    path = value_at(config, ("checkpoint", filepath_argument(config)))
    if not path:
        return CHECKPOINT
    text: str = os.fspath(path)
    # A library may follow it out of the directory, or refuse it after it has read the partitions.
    if ".." in text.split("/"):
        return None
    inside = _below_partitions(config, text)
    if inside:
        return inside
    if "://" in text:
        return None
    if os.path.isabs(text):
        return None
    # Kedro checks a relative one as if it lay in the directory, and reads it from the working directory.
    return posixpath.normpath(text)


def _below_partitions(config: Config, text: str) -> str:
    """The path of a checkpoint below the directory of its partitions; "" if it does not lie there."""
    directory = posixpath.normpath(absolute(os.fspath(config["path"])))
    place = posixpath.normpath(absolute(text))
    return place[len(directory) + 1 :] if place.startswith(f"{directory}/") else ""


def keeps_checkpoint_elsewhere(config: Config) -> bool:
    """Whether main's checkpoint lies outside of the directory of its partitions, and a branch's in its copy of that."""
    path = value_at(config, ("checkpoint", filepath_argument(config)))
    return bool(path) and not _below_partitions(config, os.fspath(path))


def absolute(location: str, folder: str = "") -> str:
    """A relative local location from a folder or the working directory, as Kedro reads it; anything else as it is."""
    # As it stands in nearly every catalog: Kedro has made the paths of a project absolute.
    if location.startswith("/"):
        return location
    protocol, path = get_protocol_and_path(location)
    # `file://` is absolute already.
    if protocol != "file" or "://" in location:
        return location
    path = os.path.expanduser(path)
    start = folder or os.getcwd()
    return os.path.join(start, path)


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
    if protocol == "file":
        return protocol, path.rstrip("/")
    if is_overlay:
        path = _path_of_url(location)
    # The path of nothing is `.`.
    if path:
        path = str(PurePosixPath(path))
    return protocol, path.rstrip("/")


def _path_of_url(location: str) -> str:
    """All that follows the scheme of a URL, its host as well."""
    _, _, path = location.partition("://")
    user = parse(location).user
    # Which no store takes for a part of the path.
    if user:
        path = path.removeprefix(f"{user}@")
    return path
