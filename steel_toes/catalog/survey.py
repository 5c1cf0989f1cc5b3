"""What can be learnt of a catalog from its configurations: strings alone, nothing is built."""

from __future__ import annotations

import os
import posixpath
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from steel_toes.catalog.listings import Listing, Located, listings_of, located
from steel_toes.datasets.paths import is_local, real_path
from steel_toes.datasets.registry import Config, Taught
from steel_toes.naming.layout import contains_slug
from steel_toes.naming.location import normalise
from steel_toes.naming.nesting import Directories
from steel_toes.redaction import redacted_repr

_MANY = 5  # entries


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

    def knows(self, location: str) -> bool:
        """Whether an entry had this location when the catalog was surveyed."""
        place = normalise(location)
        index = bisect_left(self.locations, place)
        return self.locations[index : index + 1] == (place,)

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

    @cached_property
    def _answers(self) -> dict[str, tuple[str | None, Listing]]:
        """What `_around` has answered: an entry asks for its location and its copy several times."""
        return {}

    def _around(self, location: str) -> tuple[str | None, Listing]:
        answer = self._answers.get(location)
        if answer is None:
            answer = self._answers[location] = self._look_around(location)
        return answer

    def _look_around(self, location: str) -> tuple[str | None, Listing]:
        place = normalise(location)
        # What an entry lists itself may hold files of any names.
        is_directory = place in self.listed.facts
        for directory, listing in self.listed.around(location):
            if is_directory or listing.can_find(place):
                return directory, listing
        return None, Listing(is_overlay=False)

    def inside(self, directory: str) -> tuple[str, ...]:
        """The main locations inside a directory."""
        place = normalise(directory)
        start = bisect_left(self.locations, f"{place}/")
        # "0" follows the slash.
        end = bisect_left(self.locations, f"{place}0")
        return self.locations[start:end]

    def wide_directories(self) -> dict[str, int]:
        """The directories that entries list in which most other entries lie; how many."""
        wide = {}
        for directory, listing in self.listed.facts.items():
            others = set(self.inside(directory)) - {directory}
            # Of a few entries most may lie in one on purpose.
            is_wide = len(others) >= _MANY and len(others) > len(self.locations) / 2
            if is_wide and not listing.is_pattern:
                wide[directory] = len(others)
        return wide

    @cached_property
    def _real_directories(self) -> Directories[str]:
        """The listed directories as the operating system opens them, each with its name in the catalog."""
        local = [directory for directory in self.listed.facts if "://" not in directory and "{" not in directory]
        return Directories({os.path.realpath(directory): directory for directory in local})

    def as_listed(self, location: str) -> str:
        """A local location in the spelling of the listed directory that it lies in, if only its real path shows that.

        Links and `..` after a link give one file several names.
        """
        if not is_local(location) or not self._real_directories.facts:
            return location
        if self.directory_around(location) is not None:
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
    items = [*explicit_items, *located(patterns, location_parameters, is_pattern=True)]
    return Survey(
        listed=Directories(listings_of(items)),
        guarded=_guarded(explicit_items, slug),
        locations=tuple(sorted({normalise(item.location) for item in items})),
        crowded=_crowded(items),
        versioned=frozenset(normalise(item.location) for item in items if item.config.get("versioned")),
    )


def _guarded(items: Iterable[Located], slug: str) -> frozenset[str]:
    """The main locations that have the form of a copy: few have, and only those can be in the way of one."""
    copies = (item.location for item in items if contains_slug(item.location, slug))
    return frozenset(normalise(location).casefold() for location in copies)


def _crowded(items: Iterable[Located]) -> frozenset[str]:
    """The taught locations of several entries."""
    numbers: Counter[str] = Counter()
    for item in items:
        if item.rule.is_taught:
            # Any number of entries may be made of a pattern.
            place = normalise(item.location)
            numbers[place] += 2 if item.is_pattern else 1
    several = [location for location, number in numbers.items() if number > 1]
    return frozenset(several)
