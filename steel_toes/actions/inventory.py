"""What branches hold, as their records say.

Records decide what is a branch's; where its data lies is computed by `naming.layout` from the record's location, never
taken from a path in a record.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product, starmap
from pathlib import Path
from typing import NamedTuple

from steel_toes import errors, sentences
from steel_toes.actions.plan import CONDITIONS, FiledRecord, HeldCopy, HeldObject, StoredRecord, recorded_units
from steel_toes.catalog.policy import Policy
from steel_toes.catalog.roots import RecordRoot
from steel_toes.checkout.git import GitWord, Heads, read_heads
from steel_toes.datasets.paths import filesystem_path
from steel_toes.datasets.registry import Config
from steel_toes.naming.branch import make_slug
from steel_toes.naming.buckets import bucket_of
from steel_toes.naming.location import normalise
from steel_toes.records.file import RecordFile
from steel_toes.records.record import ALL, NO_RECORD, Record, record_path
from steel_toes.records.state import judge
from steel_toes.records.units import MANY, units_of
from steel_toes.redaction import redacted_repr
from steel_toes.stores.base import Object, Store
from steel_toes.stores.identity import digest_of
from steel_toes.stores.opening import open_store
from steel_toes.stores.together import all_together

_RECORD_NAME = re.compile(r"([a-z0-9-]+)/[0-9a-f]{16}\.json")
_IDENTITY_WITH_SIZE = re.compile(r"(\d{1,18})-")  # of a single object


@redacted_repr
class Listing(NamedTuple):
    """The records that were listed, by their slugs, newest first; and what could not be listed, for which reason."""

    groups: dict[str, list[StoredRecord]]
    failures: list[str]


@dataclass(frozen=True)
class Unrecorded:
    """Where no records lie.

    Args:
        listed: the names of what lies in each folder of records that answered, by its store and its path.
    """

    listed: Mapping[tuple[str, str, str], frozenset[str]] = field(repr=False)

    def has(self, store: Store, path: str) -> bool:
        """Whether there is certainly no record at a path of a store."""
        folder, name = posixpath.split(path)
        names = self.listed.get((store.protocol, store.access, folder))
        return names is not None and name not in names


@redacted_repr
class Reading(NamedTuple):
    """What reading one record gave: `NO_RECORD` if it is gone; if it cannot be read, the reason as well."""

    stored: StoredRecord
    record: Record
    failure: str = ""
    stamp: str = ""


class Believed(NamedTuple):
    """The records that could be read, each once; and why others could not."""

    records: list[FiledRecord]
    failures: list[str]


@redacted_repr
class Measure(NamedTuple):
    """A copy with its objects; None, and the reason, where its store gave no answer."""

    copy: HeldCopy | None
    failure: str = ""


@dataclass(frozen=True)
class Inventory:
    """What commands know of what a project's branches hold.

    Args:
        policy: on the current branch, with what the catalog's configurations say.
        explicit: the configurations of the catalog's entries.
        patterns: those of its patterns.
        mains: the names of main.
    """

    policy: Policy
    explicit: Mapping[str, Config]
    patterns: Mapping[str, Config]
    mains: frozenset[str]

    @cached_property
    def roots(self) -> list[RecordRoot]:
        """Where records and data can lie."""
        roots = self.policy.record_roots({**self.patterns, **self.explicit})
        return [replace(root, store=root.store.wide(), data_store=root.data_store.wide()) for root in roots]

    def entries_at(self, root_path: str, location: str) -> set[str]:
        """The entries of today's catalog whose data lies at a location of a root, as records call it, or in it."""
        names: set[str] = set()
        for root in self.roots:
            # Another store may have a root of this path: it does no harm.
            if root.path == root_path:
                names |= root.entries_at(location)
        return names

    # Records ----------------------------------------------------------------------------------------------------------

    def list_records(self, slugs: Iterable[str] = ("",)) -> Listing:
        """The records of some branches, or of all, from one listing of each root and slug."""
        folders = list(starmap(_ListedFolder, product(self.roots_to_list, slugs)))
        stored: list[StoredRecord] = []
        failures = set()
        for listing in all_together(_list_folder, folders):
            stored += listing.records
            if listing.failure:
                failures.add(listing.failure)
        stored.sort(key=lambda record: record.modified, reverse=True)
        groups: dict[str, list[StoredRecord]] = {}
        for record in stored:
            groups.setdefault(record.slug, []).append(record)
        return Listing(groups, sorted(failures))

    def records_of(self, branch_name: str) -> Believed:
        """A branch's records that could be read, and why others could not be, or not be listed."""
        slug = make_slug(branch_name)
        listing = self.list_records([slug])
        records, unread = believed(read_all(listing.groups.get(slug, [])))
        # Two branches may have one slug.
        own_records = [filed for filed in records if filed.record.branch_name == branch_name]
        return Believed(own_records, [*listing.failures, *unread])

    @cached_property
    def roots_to_list(self) -> list[RecordRoot]:
        """The roots, each once for each set of credentials: another may be of another server."""
        return list({(root.store.protocol, root.path, root.store.access): root for root in self.roots}.values())

    def find_unrecorded(self, slug: str) -> Unrecorded:
        """Where no record of a branch lies, from one listing of each root."""
        listed: dict[tuple[str, str, str], frozenset[str]] = {}
        # The unknown branch has no records.
        folders = [_ListedFolder(root, slug) for root in self.roots_to_list if slug]
        for folder, listing in zip(folders, all_together(_list_folder, folders), strict=True):
            # Of one that did not answer nothing is known.
            if not listing.failure:
                key = (folder.root.store.protocol, folder.root.store.access, folder.path)
                listed[key] = listing.names
        return Unrecorded(listed)

    def samples(self, groups: Iterable[list[StoredRecord]]) -> list[Reading]:
        """The newest record of each slug that is this project's, else the newest that there is."""
        return all_together(self._sample, groups)

    def _sample(self, group: list[StoredRecord]) -> Reading:
        # Records are read until one is ours: in most folders that is the first.
        first = read_stored(group[0])
        if self._is_own(first):
            return first
        for stored in group[1:]:
            reading = read_stored(stored)
            if self._is_own(reading):
                return reading
        return first

    def _is_own(self, reading: Reading) -> bool:
        return reading.record.exists and self.is_own(reading.record)

    def is_own(self, record: Record) -> bool:
        """Whether a record is this project's."""
        return record.writer.project == self.policy.project

    def word_on(self, record: Record) -> GitWord:
        """Git's word on a record's branch, and why it is unknown."""
        writer = record.writer
        # This repository's Git knows nothing of another project's branches.
        if not self.is_own(record):
            owner = writer.project or sentences.AN_UNKNOWN_PROJECT
            return GitWord("unknown", sentences.ANOTHER_PROJECTS_BRANCH.format(project=owner))
        # What was never pushed would be on the project's own.
        heads = self._heads(writer.remote or writer.project)
        return heads.word_on(record.branch_name, writer.upstream, self.mains)

    def _heads(self, remote: str | None) -> Heads:
        """The branches that exist, asked once of each remote."""
        if remote not in self._heads_by_remote:
            self._heads_by_remote[remote] = read_heads(Path(self.policy.project_path), remote)
        return self._heads_by_remote[remote]

    @cached_property
    def _heads_by_remote(self) -> dict[str | None, Heads]:
        return {}

    # Copies -----------------------------------------------------------------------------------------------------------

    def why_misplaced(self, filed: FiledRecord) -> str:
        """Why a record cannot be believed; "" if it can."""
        stored, record = filed.stored, filed.record
        # A record lies where its own facts put it: one that was moved or edited does not.
        place = record_path(stored.root.path, stored.slug, record.location)
        if place != stored.path or make_slug(record.branch_name) != stored.slug:
            return sentences.MISPLACED.format(branch=record.branch_name, location=record.location)
        # A unit is joined to the copy's path, and must stay below it.
        if any(map(_leads_out, recorded_units(record) | record.removing.keys())):
            return sentences.UNIT_LEADS_OUT
        # A location that can have no copy, or a layout that does not exist, is no record of ours.
        try:
            self.copy_location(filed)
            root = self.policy.placement.subject_in(normalise(main_location(filed)), record.root).root
        except errors.SteelToesError as exc:
            return str(exc)
        if filesystem_path(root)[1] != stored.root.path or not self._may_climb(record):
            return sentences.LIES_ELSEWHERE.format(location=record.location)
        return ""

    def _may_climb(self, record: Record) -> bool:
        """Kedro allows `..` in a location: it is believed of an entry that the catalog has, and of no other."""
        if not _climbs(record.location):
            return True
        return any(root.has(record.location) for root in self.roots)

    def measure(self, filed: FiledRecord) -> Measure:
        """A copy with its objects as its record tells them; the store is asked where that does not say them."""
        return self._measure(filed, _objects_recorded)

    def look(self, filed: FiledRecord) -> Measure:
        """A copy with its objects as its store has them now, and what is wrong with it."""
        measure = self._measure(filed, _objects_there)
        if measure.copy is None:
            return measure
        return Measure(_with_conditions(measure.copy))

    def _measure(self, filed: FiledRecord, objects_of: _ObjectsOf) -> Measure:
        record = filed.record
        try:
            protocol, path = filesystem_path(self.copy_location(filed), is_overlay=record.kind == "overlay")
            store = self.data_store(filed, protocol)
            return Measure(HeldCopy(filed, store, path, objects_of(store, path, record)))
        except errors.SteelToesError as exc:
            # A store that gives no answer, or a record that is none of ours: nothing of it is looked at.
            return Measure(None, str(exc))

    def copy_location(self, filed: FiledRecord) -> str:
        """The branch copy's location, which its record does not say but follows from.

        Raises:
            ConfigurationError: its layout is none that there is.
            LocationError: there can be no copy, or its root is none of this project.
        """
        return self.policy.placement.copy_as(filed.record.full_layout, main_location(filed), filed.stored.slug)

    def data_store(self, filed: FiledRecord, protocol: str) -> Store:
        """The store of a copy, and of main's.

        Another server may have a bucket of the same name: the one with the record is meant.
        """
        stored, record = filed.stored, filed.record

        def distance(root: RecordRoot) -> tuple[bool, bool, bool]:
            is_elsewhere = (root.store, root.path) != (stored.root.store, stored.root.path)
            has_no_entry = not root.has(record.location)
            is_other_bucket = root.bucket != bucket_of(record.location)
            return is_elsewhere, has_no_entry, is_other_bucket

        roots = [root for root in self.roots if root.data_store.protocol == protocol]
        # No entry of today's catalog reaches this store: without credentials, as any dataset would.
        if not roots:
            return open_store(record.dataset, protocol, {})
        # With the credentials that found the record, then with those of an entry of this location or bucket.
        return min(roots, key=distance).data_store


class _ListedFolder(NamedTuple):
    """A folder of records: of one branch, or of all if the slug is ""."""

    root: RecordRoot
    slug: str

    @property
    def path(self) -> str:
        """Its path in the store of the root."""
        return f"{self.root.folder}/{self.slug}".rstrip("/")


class _FolderListing(NamedTuple):
    """What a folder of records holds: its records, why it could not be listed, and the names of whatever lies in it."""

    records: list[StoredRecord]
    failure: str = ""
    names: frozenset[str] = frozenset()


def _list_folder(folder: _ListedFolder) -> _FolderListing:
    root, slug = folder
    try:
        objects = root.store.objects_below(folder.path)
    except errors.CopyError as exc:
        return _FolderListing([], str(exc))
    records = []
    for relative_path, item in objects.items():
        name = f"{slug}/{relative_path}".lstrip("/")
        # Temporary files of writers that were killed, and what people put there, are no records.
        match = _RECORD_NAME.fullmatch(name)
        if match:
            path = f"{root.folder}/{name}"
            lock_path = root.store.lock_path(path) if f"{relative_path}.lock" in objects else None
            records.append(StoredRecord(root, match[1], path, item.modified, lock_path))
    return _FolderListing(records, names=frozenset(name.split("/")[0] for name in objects))


def read_stored(stored: StoredRecord) -> Reading:
    """Read a record that was listed."""
    try:
        in_place = RecordFile(stored.root.store, stored.path, stored.path).find()
    except errors.CopyError as exc:
        return Reading(stored, NO_RECORD, str(exc))
    return Reading(stored, in_place.record, stamp=in_place.stamp)


def read_all(stored: Collection[StoredRecord]) -> list[Reading]:
    """Read records that were listed."""
    return all_together(read_stored, stored)


def believed(readings: Iterable[Reading]) -> Believed:
    """Each record once, though two sets of credentials may have shown it; and why others could not be read."""
    records: dict[tuple[str, str], FiledRecord] = {}
    failures = []
    for stored, record, failure, stamp in readings:
        # By its id too: one root may be two servers with the same bucket name.
        if record.exists:
            records[stored.path, record.id] = FiledRecord(stored, record, stamp)
        if failure:
            failures.append(failure)
    return Believed(list(records.values()), failures)


def main_location(filed: FiledRecord) -> str:
    """Main's location: a local one is recorded as it is seen from the root, or from the project."""
    return filed.stored.root.in_full(filed.record.location, filed.record.root)


def _climbs(path: str) -> bool:
    return ".." in path.split("/")


def _leads_out(unit: str) -> bool:
    return unit.startswith("/") or _climbs(unit)


_ObjectsOf = Callable[[Store, str, Record], Mapping[str, HeldObject]]


def _objects_recorded(store: Store, copy_path: str, record: Record) -> Mapping[str, HeldObject]:
    """The objects of a branch copy; the store is asked where the record does not say them."""
    units = units_of(record.kind)
    objects: dict[str, HeldObject] = {}
    # A save of everything that did not finish may have left any file.
    unsized_paths = [copy_path] if ALL in record.doubt else []
    for unit in sorted(recorded_units(record)):
        path = units.path(copy_path, unit)
        identity = record.identity(unit) or ""
        size = _IDENTITY_WITH_SIZE.match(identity)
        # A digest of several files has no size, and what is in doubt may have another than recorded.
        if size and unit not in record.doubt:
            objects[path] = HeldObject(int(size[1]), identity)
        else:
            unsized_paths.append(path)
    for path in unsized_paths:
        objects.update(_objects_at(store, path))
    return dict(sorted(objects.items()))


def _objects_there(store: Store, copy_path: str, record: Record) -> Mapping[str, HeldObject]:
    """The objects of a branch copy that lie in its store."""
    units = units_of(record.kind)
    paths = [units.path(copy_path, unit) for unit in sorted(recorded_units(record))]
    if ALL not in record.doubt and len(paths) <= MANY:
        objects = {}
        for path in paths:
            objects.update(_objects_at(store, path))
        return dict(sorted(objects.items()))
    everything = _objects_below(store, copy_path)
    # A save of everything that did not finish may have left any file.
    if ALL in record.doubt:
        return dict(sorted(everything.items()))
    return _those_of_units(everything, set(paths), copy_path)


def _those_of_units(
    everything: Mapping[str, HeldObject], unit_paths: Collection[str], copy_path: str
) -> dict[str, HeldObject]:
    """Those objects that are units, or lie in units that are directories."""
    objects = {}
    for path, item in sorted(everything.items()):
        unit_path = unit_path_of(path, unit_paths, copy_path)
        # What lies below a unit that is an object itself is no part of it.
        is_of_directory = unit_path != "" and unit_path not in everything
        if unit_path == path or is_of_directory:
            objects[path] = item
    return objects


def _objects_at(store: Store, path: str) -> dict[str, HeldObject]:
    """The object at a path, or those below it."""
    return _held(path, store.objects(path))


def _objects_below(store: Store, path: str) -> dict[str, HeldObject]:
    """The objects below a path, from one listing; the one at it, if it is no directory."""
    return _held(path, store.objects_below(path)) or _objects_at(store, path)


def _held(path: str, objects: Mapping[str, Object]) -> dict[str, HeldObject]:
    held = {}
    for name, item in objects.items():
        held[f"{path}/{name}".rstrip("/")] = HeldObject(item.size, item.identity, modified=item.modified)
    return held


def unit_path_of(path: str, unit_paths: Collection[str], copy_path: str) -> str:
    """The path of the unit that an object is, or lies in; "" if it is none."""
    while len(path) >= len(copy_path):
        if path in unit_paths:
            return path
        path = posixpath.dirname(path)
    return ""


def _with_conditions(copy: HeldCopy) -> HeldCopy:
    """A copy, and what is wrong with each of its objects, in words."""
    record = copy.record
    if record.state == "removing":
        return _all_in(copy, sentences.COPY_BEING_REMOVED)
    conditions = _conditions(copy)
    worst = _worst(conditions.values())
    if not worst and record.state == "writing":
        return _all_in(copy, sentences.COPY_BEING_SAVED)
    # What a save of everything left that did not finish is no unit of the record.
    other = sentences.COPY_TORN if ALL in record.doubt else ""
    objects = {}
    for path, item in copy.objects.items():
        unit_path = unit_path_of(path, conditions, copy.path)
        objects[path] = item._replace(condition=conditions.get(unit_path, other))
    return replace(copy, objects=objects, condition=worst or other)


def _conditions(copy: HeldCopy) -> dict[str, str]:
    """What is wrong with each unit, by its path; "" if nothing is."""
    units = units_of(copy.record.kind)
    unit_by_path = {units.path(copy.path, unit): unit for unit in recorded_units(copy.record)}
    parts = _parts_by_unit(copy, unit_by_path)
    conditions = {}
    for path, unit in unit_by_path.items():
        identity = None
        if path in copy.objects:
            identity = copy.objects[path].identity
        elif path in parts:
            identity = digest_of(parts[path])
        conditions[path] = CONDITIONS.get(judge(copy.record, unit, identity), "")
    return conditions


def _parts_by_unit(copy: HeldCopy, unit_paths: Collection[str]) -> dict[str, dict[str, str]]:
    """The identities of the objects below each unit, by the unit's path and their paths in it."""
    parts: dict[str, dict[str, str]] = {}
    for path, item in copy.objects.items():
        unit_path = unit_path_of(posixpath.dirname(path), unit_paths, copy.path)
        # A unit may lie in another.
        while unit_path:
            parts.setdefault(unit_path, {})[path[len(unit_path) + 1 :]] = item.identity
            unit_path = unit_path_of(posixpath.dirname(unit_path), unit_paths, copy.path)
    return parts


def _worst(conditions: Iterable[str]) -> str:
    """The worst of some conditions."""
    present = set(conditions)
    for words in CONDITIONS.values():
        if words in present:
            return words
    return ""


def _all_in(copy: HeldCopy, condition: str) -> HeldCopy:
    """A copy of which all is in one condition."""
    objects = {path: item._replace(condition=condition) for path, item in copy.objects.items()}
    return replace(copy, objects=objects, condition=condition)
