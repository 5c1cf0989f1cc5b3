"""An entry as the catalog gives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from kedro.io.core import Version

from steel_toes.datasets.classes import Partition, partition_of
from steel_toes.datasets.paths import Key, redirected, replaced, value_at
from steel_toes.datasets.registry import Config, Rule


@dataclass(frozen=True)
class EntrySpec:
    """An entry as the catalog gives it.

    Args:
        name: of the entry.
        config: its resolved configuration.
        classes: the dataset's class and, if that wraps another dataset as `CachedDataset` does, before it the other's.
        version: its pinned versions, if it is versioned.
        partition_class: of partitions, the class of each of them, if the dataset is built.
    """

    name: str
    config: Config = field(repr=False)
    classes: tuple[type, ...]
    version: Version | None
    partition_class: type | None = None

    @property
    def is_wrapped(self) -> bool:
        """Whether the dataset with the location is inside another."""
        return len(self.classes) > 1

    @property
    def inner_key(self) -> Key:
        """Where in the configuration that of the dataset with the location stands."""
        return ("dataset",) * (len(self.classes) - 1)

    @property
    def inner_config(self) -> Config:
        """The configuration that has the location: in a `CachedDataset`, that of the wrapped dataset."""
        config: Config = value_at(self.config, self.inner_key)
        return config

    @cached_property
    def partition(self) -> Partition:
        """Of partitions, the dataset of each of them."""
        return partition_of(self.inner_config, self.partition_class)

    def moved(self, rule: Rule, moves: Mapping[Key, str]) -> Config:
        """The configuration with other locations; a wrapper's own settings stay."""
        config: Config = replaced(self.config, self.inner_key, redirected(rule, self.inner_config, moves))
        return config
