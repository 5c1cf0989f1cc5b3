"""What can be learnt of a catalog from its configurations: strings alone, nothing is built."""

from __future__ import annotations

import os
import posixpath
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any, NamedTuple

from steel_toes.datasets.paths import absolute, is_local, locations_of, real_path
from steel_toes.datasets.registry import Config, Rule, Taught, names_in, rule_for
from steel_toes.naming.layout import contains_slug
from steel_toes.naming.location import normalise
from steel_toes.naming.nesting import Directories, glob_suffix, listed_directory
from steel_toes.redaction import redacted_repr


@redacted_repr
class Located(NamedTuple):
    """A configuration that has a location: its rule, the absolute location, and the part that has it."""

    rule: Rule
    location: str
    config: Config


class Listing(NamedTuple):
    """What the entries that list a directory find in it.

    Attributes:
        is_overlay: whether an overlay lists it: then its files are units, otherwise it is one.
        suffixes: of the files that they find; "" finds all.
        is_pattern: whether only entries of a pattern list it.
    """

    is_overlay: bool
    suffixes: frozenset[str] = frozenset({""})
    is_pattern: bool = False

    def and_also(self, other: Listing) -> Listing:
        """The same for two that list one directory: an overlay's units are the finer ones."""
        is_overlay = self.is_overlay or other.is_overlay
        is_pattern = self.is_pattern and other.is_pattern
        return Listing(is_overlay, self.suffixes | other.suffixes, is_pattern)

    def can_find(self, location: str) -> bool:
        """Whether a location inside is, or may hold, what these entries find."""
        name = posixpath.basename(location.rstrip("/"))
        if not posixpath.splitext(name)[1]:
            # A folder of files with any names.
            return True
        return any(name.endswith(suffix) for suffix in self.suffixes)


@redacted_repr
@dataclass(frozen=True)
class Survey:
    """The directories that the entries of a catalog list, and the main locations that look like copies.

    Args:
        listed: the directories that entries list.
        guarded: main locations that have the form of a copy of the branch, case-folded.
        locations: all main locations, sorted.
        crowded: taught locations of several entries, each of which may replace only what is its own.
        versioned: locations of entries that keep versions there.
    """

    listed: Directories[Listing] = field(default_factory=lambda: Directories({}), repr=False)
    guarded: frozenset[str] = frozenset()
    locations: tuple[str, ...] = field(default=(), repr=False)
    crowded: frozenset[str] = field(default=frozenset(), repr=False)
    versioned: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def folders(self) -> set[str]:
        """The folders around the main locations."""
        return {posixpath.dirname(location) for location in self.locations}

    def is_crowded(self, location: str) -> bool:
        """Whether several entries of a taught class have this location."""
        return normalise(location) in self.crowded

    def keeps_versions(self, location: str) -> bool:
        """Whether an entry keeps versions at this location."""
        return normalise(location) in self.versioned

    def is_listed(self, directory: str) -> bool:
        """Whether this very directory was listed when the catalog was surveyed."""
        place = normalise(directory)
        return any(normalise(around) == place for around, _ in self.listed.around(directory))

    def directory_around(self, location: str) -> str | None:
        """The outermost listed directory that contains (or is) a location, and whose entries could find it."""
        directory, _ = self._around(location)
        return directory

    def is_overlay(self, directory: str) -> bool:
        """Whether an overlay lists this directory."""
        _, listing = self._around(directory)
        return listing.is_overlay

    def is_pattern(self, directory: str) -> bool:
        """Whether this directory is listed by the entries of a pattern only."""
        _, listing = self._around(directory)
        return listing.is_pattern

    def _around(self, location: str) -> tuple[str | None, Listing]:
        place = normalise(location)
        # What an entry lists itself may hold files of any names.
        is_directory = place in self.listed.facts
        for directory, listing in self.listed.around(location):
            if is_directory or listing.can_find(place):
                return directory, listing
        return None, Listing(is_overlay=False)

    def inside(self, directory: str) -> Iterator[str]:
        """The main locations inside a directory."""
        start = f"{normalise(directory)}/"
        for location in self.locations[bisect_left(self.locations, start) :]:
            if not location.startswith(start):
                return
            yield location

    @cached_property
    def _real_directories(self) -> Directories[str]:
        """The listed directories as the operating system opens them, each with its name in the catalog."""
        local = [directory for directory in self.listed.facts if "://" not in directory and "{" not in directory]
        return Directories({os.path.realpath(directory): directory for directory in local})

    def as_listed(self, location: str) -> str:
        """A local location in the spelling of the listed directory that it lies in, if only its real path shows that.

        Links and `..` after a link give one file several names.
        """
        if self.directory_around(location) is not None or not is_local(location):
            return location
        real = real_path(location)
        for real_directory, directory in self._real_directories.around(real):
            below = real[len(real_directory) :].lstrip("/")
            return posixpath.join(directory, below) if below else location
        return location


def survey(explicit: Iterable[Config], patterns: Iterable[Config], slug: str, location_parameters: Taught) -> Survey:
    """Survey the configurations of a catalog.

    Args:
        explicit: of the entries.
        patterns: of the patterns; their locations are no main copies.
        slug: of the branch.
        location_parameters: those that the project teaches.
    """
    explicit_items = list(located(explicit, location_parameters))
    pattern_items = list(located(patterns, location_parameters))
    # Few locations have the form of a copy: only those can be in the way of one.
    guarded = {normalise(item.location).casefold() for item in explicit_items if contains_slug(item.location, slug)}
    taught: Counter[str] = Counter()
    for item in explicit_items:
        if item.rule.is_taught:
            taught[normalise(item.location)] += 1
    for item in pattern_items:
        # Any number of entries may be made of a pattern.
        if item.rule.is_taught:
            taught[normalise(item.location)] += 2
    items = [*explicit_items, *pattern_items]
    return Survey(
        listed=Directories(_listings(items)),
        guarded=frozenset(guarded),
        locations=tuple(sorted({normalise(item.location) for item in items})),
        crowded=frozenset(location for location, number in taught.items() if number > 1),
        versioned=frozenset(normalise(item.location) for item in items if item.config.get("versioned")),
    )


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


def _listings(items: Iterable[Located]) -> dict[str, Listing]:
    """The directories that entries list or, with several places, write into."""
    listings: dict[str, Listing] = {}
    for _, group in groupby(items, key=lambda item: id(item.config)):
        members = list(group)
        for item in members:
            _note(listings, listed_directory(item.location, item.rule.lists), _listing_of(item))
        for directory in _around_others(members):
            _note(listings, directory, Listing(is_overlay=False))
    return listings


def _around_others(items: list[Located]) -> Iterator[str]:
    """The places of an entry in which another of its places lies."""
    places = {normalise(item.location) for item in items}
    for place in places:
        if any(other.startswith(f"{place}/") for other in places):
            yield place


def _note(listings: dict[str, Listing], directory: str | None, listing: Listing) -> None:
    if directory is None:
        return
    path = normalise(directory)
    listings[path] = listing.and_also(listings.get(path, listing))


def _listing_of(item: Located) -> Listing:
    """What an entry finds in the directory that it lists."""
    is_pattern = "{" in item.location
    suffix = item.config.get("filename_suffix") if item.rule.is_overlay else glob_suffix(item.location)
    # An overwrite removes whatever lies there.
    if item.config.get("overwrite"):
        suffix = ""
    return Listing(item.rule.is_overlay, frozenset({suffix or ""}), is_pattern)
