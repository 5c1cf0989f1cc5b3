"""What can be learnt of a catalog from its configurations: strings alone, nothing is built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from steel_toes.datasets.paths import absolute, location_of
from steel_toes.datasets.registry import Config, Rule, class_names, rule_for
from steel_toes.naming.layout import contains_slug
from steel_toes.naming.location import normalise
from steel_toes.naming.nesting import listed_directory, outermost_directory
from steel_toes.redaction import redacted_repr


@redacted_repr
class Located(NamedTuple):
    """A configuration that has a location: its rule, the absolute location, and the part that has it."""

    rule: Rule
    location: str
    config: Config


@redacted_repr
@dataclass(frozen=True)
class Survey:
    """The directories that the entries of a catalog list, and the main locations that look like copies.

    Args:
        listed: the directories that entries list, each with whether an overlay lists it.
        guarded: main locations that have the form of a copy of the branch, case-folded.
    """

    listed: Mapping[str, bool] = field(default_factory=dict)
    guarded: frozenset[str] = frozenset()

    def directory_around(self, location: str) -> str | None:
        """The outermost listed directory that contains (or is) a location."""
        return outermost_directory(location, self.listed)

    def is_overlay(self, directory: str) -> bool:
        """Whether an overlay lists this directory."""
        return self.listed[self._entry_directory(directory)]

    def is_pattern(self, directory: str) -> bool:
        """Whether this directory is listed by the entries of a pattern only."""
        return "{" in self._entry_directory(directory)

    def _entry_directory(self, directory: str) -> str:
        """The directory, as an entry's configuration has it, that a directory was found by."""
        matches = (listed for listed in self.listed if outermost_directory(directory, [listed]) == directory)
        return next(matches)


def survey(
    explicit: Iterable[Config], patterns: Iterable[Config], slug: str, location_parameters: Mapping[str, str]
) -> Survey:
    """Survey the configurations of a catalog.

    Args:
        explicit: of the entries.
        patterns: of the patterns; their locations are no main copies.
        slug: of the branch.
        location_parameters: those that the project teaches.
    """
    listed: dict[str, bool] = {}
    guarded = set()
    for item in located(explicit, location_parameters):
        _note_listed(listed, item)
        # Few locations have the form of a copy: only those can be in the way of one.
        if contains_slug(item.location, slug):
            guarded.add(normalise(item.location).casefold())
    for item in located(patterns, location_parameters):
        _note_listed(listed, item)
    return Survey(listed, frozenset(guarded))


def located(configs: Iterable[Config], location_parameters: Mapping[str, str]) -> Iterator[Located]:
    """Of each configuration that has a location, where that is; it may be that of a dataset inside."""
    for config in configs:
        candidates = [config]
        # A wrapper (CachedDataset) has its location inside; that of partitions is their own.
        inner = config.get("dataset")
        if isinstance(inner, dict):
            candidates.append(inner)
        for candidate in candidates:
            rule = rule_for(_names_of(candidate), candidate, location_parameters)
            location = location_of(rule, candidate)
            # The outer one wins: the dataset inside partitions has none.
            if location:
                yield Located(rule, absolute(location), candidate)
                break


def _names_of(config: Config) -> list[str]:
    kind = config.get("type")
    if isinstance(kind, type):
        return class_names(kind)
    return [str(kind)]


def _note_listed(listed: dict[str, bool], item: Located) -> None:
    directory = listed_directory(item.location, item.rule.lists)
    if directory is not None:
        path = normalise(directory)
        # Two entries may list one directory: an overlay's units are the finer ones.
        listed[path] = listed.get(path, False) or item.rule.is_overlay
