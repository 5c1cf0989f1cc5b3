"""An entry as the catalog gives it."""

from __future__ import annotations

from dataclasses import dataclass, field

from kedro.io.core import Version

from steel_toes.datasets.paths import redirected
from steel_toes.datasets.registry import Config, Rule


@dataclass(frozen=True)
class EntrySpec:
    """An entry as the catalog gives it.

    Args:
        name: of the entry.
        config: its resolved configuration.
        classes: the dataset's class and, if that wraps another dataset as `CachedDataset` does, before it the other's.
        version: its pinned versions, if it is versioned.
    """

    name: str
    config: Config = field(repr=False)
    classes: tuple[type, ...]
    version: Version | None

    @property
    def is_wrapped(self) -> bool:
        """Whether the dataset with the location is inside another."""
        return len(self.classes) > 1

    @property
    def inner_config(self) -> Config:
        """The configuration that has the location: in a `CachedDataset`, that of the wrapped dataset."""
        if not self.is_wrapped:
            return self.config
        config: Config = self.config["dataset"]
        return config

    def moved(self, rule: Rule, location: str) -> Config:
        """The configuration with another location."""
        inner = redirected(rule, self.inner_config, location)
        # Only the part with the location changes: the wrapper's own settings stay.
        if not self.is_wrapped:
            return inner
        return {**self.config, "dataset": inner}
