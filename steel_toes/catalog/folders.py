"""Where data lies: what a text must name to be a place of data, and not a word that looks like a path."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from steel_toes.datasets.paths import absolute
from steel_toes.naming.location import normalise, parse
from steel_toes.naming.schemes import scheme_of
from steel_toes.stores.opening import is_a_store

_IN_NO_PATH = frozenset("\n\0")
_PATH_WORDS = re.compile(r"path|file|dir|folder|location", re.IGNORECASE)


@dataclass(frozen=True)
class DataFolders:
    """Where data lies: the folders of entries' locations and of records.

    Args:
        project_path: the project's absolute path: what lies outside it is no part of the checkout.
        locations: main's, in one spelling.
        inside: folders, of which everything inside lies where data lies.
        around: folders around those.
        is_in_project: data lies directly in the project's folder too, as its code does.
    """

    project_path: str = ""
    locations: frozenset[str] = field(default=frozenset(), repr=False)
    inside: frozenset[str] = field(default=frozenset(), repr=False)
    around: frozenset[str] = field(default=frozenset(), repr=False)
    is_in_project: bool = False

    def of_entry(self, locations: Iterable[str]) -> DataFolders:
        """The same with an entry's own locations, of which a pattern says only the form."""
        places = {normalise(absolute(location)) for location in locations}
        folders = {posixpath.dirname(place) for place in places if "://" not in place}
        folders -= set(_and_above(self.project_path))
        # Nearly always, since the catalog was surveyed: what is cached of it serves all its entries.
        if places <= self.locations and folders <= self.inside:
            return self
        return replace(self, locations=self.locations | places, inside=self.inside | folders)

    def holds(self, text: str, parameter: str) -> bool:
        """Whether the text of a parameter, read as Kedro reads a location, lies where data lies."""
        if not _may_be_a_path(text):
            return False
        where = parse(text)
        scheme = scheme_of(where.scheme)
        if where.scheme and not scheme.is_local:
            if scheme.is_http:
                # It is only read.
                return False
            # What is no store's may be a database's file: `sqlite:///data/db`.
            return is_a_store(where.scheme) or self.holds(where.path, parameter)
        path = posixpath.normpath(normalise(absolute(text)))
        if f"{path}/".startswith(f"{self.project_path}/"):
            return self._holds_path(path, text, parameter)
        return _leads_out(where.before + where.path, path)

    def _holds_path(self, path: str, text: str, parameter: str) -> bool:
        """Whether a path of the checkout lies where data lies."""
        if path in self.locations:
            return True
        # Any word lies beside data in the project's folder, and may be the name of a folder of data.
        is_word = "/" not in text or self._lies_beside(path)
        if is_word and not _PATH_WORDS.search(parameter):
            return False
        if path in self.around or self._lies_beside(path):
            return True
        # A link may lead to data from anywhere.
        places = {*_and_above(path), *_and_above(os.path.realpath(path))}
        return not places.isdisjoint(self._all_inside)

    def _lies_beside(self, path: str) -> bool:
        """Whether a path lies beside data that lies directly in the project's folder."""
        return self.is_in_project and posixpath.dirname(path) == self.project_path

    @cached_property
    def _all_inside(self) -> set[str]:
        """The folders as the catalog calls them, and as the operating system does."""
        return {*self.inside, *map(os.path.realpath, self.inside)}


def _leads_out(spelled: str, path: str) -> bool:
    """Whether a path that is no part of the checkout is one, and no XPath or route of a service (`/v1/items`)."""
    is_absolute = Path(spelled).expanduser().is_absolute()
    if not is_absolute:
        return spelled.startswith("../")
    top = path.split("/")[1]
    return Path(f"/{top}").exists()


def _may_be_a_path(text: str) -> bool:
    """Whether a text can be a path at all."""
    # A text of spaces alone or of slashes alone is a separator.
    name = text.strip().strip("/.")
    if not name:
        return False
    # No path has a line break.
    return _IN_NO_PATH.isdisjoint(text)


def data_folders(project_path: str, locations: Iterable[str], folders: Iterable[str]) -> DataFolders:
    """Where data lies.

    Args:
        project_path: the project's absolute path. Neither it nor a folder around it counts: all that a checkout has
            lies in it.
        locations: main's, in one spelling.
        folders: of locations and of records.
    """
    excluded = set(_and_above(project_path))
    local = {posixpath.normpath(folder) for folder in folders if "://" not in folder}
    inside = local - excluded
    around: set[str] = set()
    for folder in inside:
        around.update(_and_above(folder))
    around -= excluded
    return DataFolders(project_path, frozenset(locations), frozenset(inside), frozenset(around), project_path in local)


def _and_above(path: str) -> Iterator[str]:
    """A path, and the folders around it from the inside out."""
    yield path
    above = posixpath.dirname(path)
    while above != path:
        yield above
        path = above
        above = posixpath.dirname(path)
