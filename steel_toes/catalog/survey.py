"""What can be learnt of a catalog from its configurations: strings alone, nothing is built."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

from steel_toes.datasets.paths import absolute, locations_of
from steel_toes.datasets.registry import Config, Rule, Taught, names_in, rule_for
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
        folders: those around the main locations.
        crowded: taught locations of several entries, each of which may replace only what is its own.
    """

    listed: Mapping[str, bool] = field(default_factory=dict)
    guarded: frozenset[str] = frozenset()
    folders: frozenset[str] = field(default=frozenset(), repr=False)
    crowded: frozenset[str] = field(default=frozenset(), repr=False)

    def is_crowded(self, location: str) -> bool:
        """Whether several entries of a taught class have this location."""
        return normalise(location) in self.crowded

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


def survey(explicit: Iterable[Config], patterns: Iterable[Config], slug: str, location_parameters: Taught) -> Survey:
    """Survey the configurations of a catalog.

    Args:
        explicit: of the entries.
        patterns: of the patterns; their locations are no main copies.
        slug: of the branch.
        location_parameters: those that the project teaches.
    """
    listed: dict[str, bool] = {}
    guarded = set()
    taught: Counter[str] = Counter()
    items = list(located(explicit, location_parameters))
    for item in items:
        # Few locations have the form of a copy: only those can be in the way of one.
        if contains_slug(item.location, slug):
            guarded.add(normalise(item.location).casefold())
        if item.rule.is_taught:
            taught[normalise(item.location)] += 1
    for item in located(patterns, location_parameters):
        items.append(item)
        # Any number of entries may be made of a pattern.
        if item.rule.is_taught:
            taught[normalise(item.location)] += 2
    _note_around_others(listed, items)
    folders = set()
    for item in items:
        _note_listed(listed, item)
        folders.add(posixpath.dirname(normalise(item.location)))
    crowded = [location for location, number in taught.items() if number > 1]
    return Survey(listed, frozenset(guarded), frozenset(folders), frozenset(crowded))


def located(configs: Iterable[Config], location_parameters: Taught) -> Iterator[Located]:
    """Of each configuration that has locations, where they are; they may be those of a dataset inside."""
    for config in configs:
        candidate: Any = config
        # A wrapper (CachedDataset) has its location inside; that of partitions is their own.
        while isinstance(candidate, dict):
            rule = rule_for(names_in(candidate), candidate, location_parameters)
            locations = locations_of(rule, candidate).values()
            for location in locations:
                yield Located(rule, absolute(location), candidate)
            # The outer one wins: the dataset inside partitions has none.
            candidate = None if locations else candidate.get("dataset")


def _note_around_others(listed: dict[str, bool], items: Iterable[Located]) -> None:
    """A place of an entry in which another of its places lies is a directory that the entry writes into."""
    for _, group in groupby(items, key=lambda item: id(item.config)):
        places = {normalise(item.location) for item in group}
        for place in places:
            if any(other.startswith(f"{place}/") for other in places):
                listed.setdefault(place, False)


def _note_listed(listed: dict[str, bool], item: Located) -> None:
    directory = listed_directory(item.location, item.rule.lists)
    if directory is not None:
        path = normalise(directory)
        # Two entries may list one directory: an overlay's units are the finer ones.
        listed[path] = listed.get(path, False) or item.rule.is_overlay
