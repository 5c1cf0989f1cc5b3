"""Where records lie, and with whose credentials they are reached."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from steel_toes.datasets.paths import filesystem_path, is_local, real_path
from steel_toes.datasets.registry import Config
from steel_toes.naming.buckets import bucket_of
from steel_toes.naming.folders import folder_of_data, lies_below
from steel_toes.naming.location import normalise
from steel_toes.naming.nesting import outermost_directory, relative
from steel_toes.naming.schemes import scheme_of
from steel_toes.records.record import FOLDER, record_path
from steel_toes.redaction import redacted_repr
from steel_toes.stores.base import Store
from steel_toes.stores.opening import open_store


@redacted_repr
@dataclass(frozen=True)
class RecordRoot:
    """A place where records lie, and what the entries whose records they are reach their data with.

    Args:
        store: of the records.
        path: of the records' root, in that store.
        data_store: the store of the data.
        bucket: of the data, if it lies in one.
        base: where the locations in the records are seen from; "" if they are in full.
        project_path: the project's, from which they are seen below a root of all copies.
        subjects: the entries, each with what its records call its locations.
    """

    store: Store
    path: str
    data_store: Store
    bucket: str | None
    base: str = ""
    project_path: str = ""
    subjects: dict[str, set[str]] = field(default_factory=dict)

    def in_full(self, location: str, root_of_copies: str) -> str:
        """A location in full that a record or a claim here has, whose copy lies below this root of all copies, or none.

        A local one is recorded as it is seen from the records' root, or from the project.
        """
        if "://" in location:
            return location
        # One spelling: below either root, it is by its real path.
        base = os.path.realpath(self.project_path) if root_of_copies else self.base
        return posixpath.join(base, location)

    def main_file(self, location: str, root_of_copies: str) -> str:
        """The one name of main's copy, wherever its records lie: by its real path, if it is local."""
        full_location = self.in_full(location, root_of_copies)
        return real_path(full_location) if is_local(full_location) else normalise(full_location)

    def has(self, location: str) -> bool:
        """Whether an entry has a location that records call so."""
        return bool(self.entries_at(location))

    def entries_at(self, location: str) -> set[str]:
        """The entries that have a location that records call so."""
        return {name for name, locations in self.subjects.items() if location in locations}

    @property
    def folder(self) -> str:
        """The path of the folder that holds a folder for each branch."""
        return f"{self.path.rstrip('/')}/{FOLDER}"

    @property
    def key(self) -> tuple[str | None, ...]:
        """Equal for two places that nobody can tell apart."""
        return (self.store.protocol, self.path, str(self.store.options), str(self.data_store.options), self.bucket)


@redacted_repr
class Subject(NamedTuple):
    """Where the record of a location lies.

    Attributes:
        root: the location of the records' root.
        location: what the record calls the location: from the base, if it is local and so is the base.
        base: where the location is seen from, so that a checkout can move; "" if the location is in full.
    """

    root: str
    location: str
    base: str = ""

    def record_path(self, slug: str) -> str:
        """Where a branch's record of it lies, in the store of the root."""
        _, root_path = filesystem_path(self.root)
        return record_path(root_path, slug, self.location)


def subject_of(location: str, project_path: str, records_root: str | None, linked: Collection[str] = ()) -> Subject:
    """Where the record of a location lies.

    Args:
        location: main's, or the directory around it that an entry lists.
        project_path: the project's.
        records_root: where all records lie, if the project says so.
        linked: where folders of the project lead that are links out of it: each is a folder below the project, so that
            a checkout that links its data and one that has it agree.
    """
    place = normalise(location)
    if records_root:
        # The folder holds those of all stores; outside the project, several checkouts may share it.
        base = project_path if lies_below(records_root, project_path) else ""
        if base and lies_below(place, project_path):
            return Subject(records_root, relative(place, project_path), base)
        return Subject(records_root, place, base)
    # A bucket's records lie at its top, so that one listing finds those of patterns and of old entries.
    bucket = bucket_of(location)
    if bucket:
        end = place.index(bucket) + len(bucket)
        return Subject(place[:end], place)
    root = outermost_directory(place, linked) if linked else None
    root = root or folder_of_data(place, project_path)
    if "://" in place:
        return Subject(root, place)
    return Subject(root, relative(place, root), root)


@redacted_repr
class OpenedRoot(NamedTuple):
    """The store of a records' root, and its path there."""

    store: Store
    path: str


def open_root(name: str, root: str, location: str, config: Config) -> OpenedRoot:
    """Open a records' root, with the credentials of the entry if its data lies in the same store.

    Args:
        name: of the entry.
        root: the root's location.
        location: the entry's.
        config: the entry's.
    """
    protocol, path = filesystem_path(root)
    data_protocol, _ = filesystem_path(location)
    # Another store's credentials would be refused there, or shown to it. `s3a` and `s3` are one.
    credentials = config if scheme_of(protocol) == scheme_of(data_protocol) else {}
    return OpenedRoot(open_store(name, protocol, credentials), path)
