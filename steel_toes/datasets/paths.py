"""The location in a dataset's configuration: reading it, moving it, and the path that the dataset makes of it."""

from __future__ import annotations

import copy
import os

from kedro.io.core import get_protocol_and_path

from steel_toes.datasets.registry import Config, Rule
from steel_toes.naming.location import parse


def location_of(rule: Rule, config: Config) -> str:
    """The location in a configuration, as text; empty if it has none."""
    value = config.get(rule.parameter) if rule.parameter else None
    if isinstance(value, (str, os.PathLike)):
        return os.fspath(value)
    return ""


def redirected(rule: Rule, config: Config, location: str) -> Config:
    """A copy of the configuration with another location, and with what must move with it."""
    # Deep: Kedro's constructors write into the dictionaries that they are given.
    moved = copy.deepcopy(config)
    checkpoint = moved.get("checkpoint")
    if rule.kind == "increments" and isinstance(checkpoint, dict):
        # Kedro demands that a checkpoint lies inside the directory of the partitions.
        main = location_of(rule, config).rstrip("/")
        branch = location.rstrip("/")
        for key, value in checkpoint.items():
            if isinstance(value, str) and value.startswith(f"{main}/"):
                checkpoint[key] = branch + value[len(main) :]
    moved[rule.parameter] = location
    return moved


def absolute(location: str, folder: str = "") -> str:
    """A relative local location from a folder or the working directory, as Kedro reads it; anything else as it is."""
    protocol, path = get_protocol_and_path(location)
    # `file://` is absolute already.
    if protocol != "file" or "://" in location:
        return location
    return os.path.join(folder or os.getcwd(), os.path.expanduser(path))


def filesystem_path(location: str, is_overlay: bool = False) -> tuple[str, str]:
    """Fsspec's protocol and path of an absolute location, as the dataset itself understands it.

    Kedro's file datasets drop the host of `memory://`, `sftp://` and others; its partitioned ones hand the URL to
    fsspec. Both are followed to the letter, since the record must speak of the object that the dataset writes.

    Args:
        location: of the entry.
        is_overlay: whether it is that of partitions.
    """
    protocol, path = get_protocol_and_path(location)
    if protocol != "file" and is_overlay:
        _, _, path = location.partition("://")
        # Which no store takes for a part of the path.
        user = parse(location).user
        path = path.removeprefix(f"{user}@") if user else path
    return protocol, path.rstrip("/")
