"""Where entries have their data, and which directories they list: strings alone, nothing is built."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, NamedTuple

from steel_toes.datasets.paths import absolute, locations_of
from steel_toes.datasets.registry import Config, Rule, Taught, names_in, rule_for
from steel_toes.naming.location import normalise
from steel_toes.naming.nesting import glob_suffix, listed_directory
from steel_toes.redaction import redacted_repr


@redacted_repr
class Located(NamedTuple):
    """A configuration that has a location: its rule, the absolute location, the part that has it, whose it is."""

    rule: Rule
    location: str
    config: Config
    is_pattern: bool = False


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
        _, extension = posixpath.splitext(name)
        if not extension:
            # A folder of files with any names.
            return True
        return name.endswith(tuple(self.suffixes))


def located(configs: Iterable[Config], location_parameters: Taught, is_pattern: bool = False) -> Iterator[Located]:
    """Of each configuration that has locations, where they are; they may be those of a dataset inside."""
    for config in configs:
        candidate: Any = config
        # A wrapper (CachedDataset) has its location inside; that of partitions is their own.
        while isinstance(candidate, dict):
            rule = rule_for(names_in(candidate), candidate, location_parameters)
            locations = locations_of(rule, candidate).values()
            for location in locations:
                yield Located(rule, absolute(location), candidate, is_pattern)
            # The outer one wins: the dataset inside partitions has none.
            candidate = None if locations else candidate.get("dataset")


def listings_of(items: Iterable[Located]) -> dict[str, Listing]:
    """The directories that entries list or, with several places, write into."""
    listings: dict[str, Listing] = {}
    for _, group in groupby(items, key=lambda item: id(item.config)):
        members = list(group)
        for item in members:
            directory = listed_directory(item.location, item.rule.lists)
            if directory is not None:
                _note(listings, directory, _listing_of(item))
        # Nearly every entry has one place.
        if len(members) > 1:
            for directory in _around_others(members):
                _note(listings, directory, Listing(is_overlay=False))
    return listings


def _around_others(items: list[Located]) -> Iterator[str]:
    """The places of an entry in which another of its places lies."""
    places = {normalise(item.location) for item in items}
    for place in places:
        if any(other.startswith(f"{place}/") for other in places):
            yield place


def _note(listings: dict[str, Listing], directory: str, listing: Listing) -> None:
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
