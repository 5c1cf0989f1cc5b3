"""What a location must be, by its entry's configuration, to have a branch copy."""

from __future__ import annotations

from collections.abc import Mapping

from steel_toes import errors, reasons
from steel_toes.catalog.arguments import is_of_a_table
from steel_toes.datasets.paths import Key, checkpoint_path, filesystem_path
from steel_toes.datasets.registry import Config, Rule
from steel_toes.naming.buckets import bucket_of
from steel_toes.naming.location import parse
from steel_toes.naming.nesting import has_glob


def check_taught_names(texts: Mapping[Key, str]) -> None:
    """Refuse the name of a table where a location is taught."""
    for key, text in texts.items():
        if is_of_a_table(str(key[-1])) and "/" not in text:
            raise errors.LocationError(reasons.NAMES_A_TABLE, location=text, parameter=key[-1])


def check_partitions(rule: Rule, config: Config, texts: Mapping[Key, str]) -> None:
    """Refuse partitions that lie in no one directory, and a checkpoint that lies outside of it."""
    location = next(iter(texts.values()))
    if has_glob(location):
        raise errors.LocationError(reasons.GLOB_OF_PARTITIONS, location=location)
    # After it, Kedro lists partitions by other names than it saves them.
    if bucket_of(location) and parse(location).before.endswith("//"):
        raise errors.LocationError(reasons.SLASHES_AFTER_BUCKET, location=location)
    if rule.kind == "increments" and checkpoint_path(config) is None:
        raise errors.LocationError(reasons.CHECKPOINT_OUTSIDE, location=location)


def is_one_place(location: str) -> bool:
    """Whether Kedro's file datasets and its partitioned ones see the same object at a location."""
    _, file_path = filesystem_path(location)
    _, overlay_path = filesystem_path(location, is_overlay=True)
    return file_path.strip("/") == overlay_path.strip("/")
