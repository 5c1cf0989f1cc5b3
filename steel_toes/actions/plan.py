"""What a command would do: frozen values, made by reading only."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from typing import NamedTuple

from steel_toes import errors, sentences
from steel_toes.catalog.roots import RecordRoot
from steel_toes.records.file import RecordFile
from steel_toes.records.record import ALL, Record
from steel_toes.records.state import Verdict
from steel_toes.records.units import units_of
from steel_toes.redaction import redacted_repr
from steel_toes.stores.base import Store

NO_TIME = datetime.fromtimestamp(0, timezone.utc)
"""When a record was written that nobody has listed."""


@redacted_repr
@dataclass(frozen=True)
class StoredRecord:
    """A record as a listing shows it.

    Args:
        root: where it was listed.
        slug: the folder that it lies in.
        path: in the root's store.
        modified: when it was last written, by the store's clock: its copy's last save.
        lock_path: of the lock beside it, if there is one.
    """

    # Its options hold credentials.
    root: RecordRoot = field(repr=False)
    slug: str
    path: str
    modified: datetime
    lock_path: str | None = None


@dataclass(frozen=True)
class FiledRecord:
    """A record, and where it lies.

    Args:
        stored: where.
        record: what it says.
        stamp: of this state, as `RecordInPlace` has it.
    """

    stored: StoredRecord
    record: Record
    stamp: str = ""

    @cached_property
    def main_file(self) -> str:
        """The one name of main's copy: the disk is asked once."""
        return self.stored.root.main_file(self.record.location, self.record.root)

    @property
    def file(self) -> RecordFile:
        """The record's."""
        return RecordFile(self.stored.root.store, self.stored.path, self.record.dataset)


def second_copies(filed: FiledRecord, others: Iterable[FiledRecord]) -> list[Record]:
    """Of a branch's records those of the same main copy: from before a root was set, or of an older checkout."""
    # Only one that lies below a root and one that does not can be two records of one location.
    is_rooted = filed.record.root != ""
    candidates = [other for other in others if (other.record.root != "") != is_rooted]
    return [other.record for other in candidates if other.main_file == filed.main_file and other.record.settled.exists]


def recorded_units(record: Record) -> set[str]:
    """The units that a record names."""
    return {*record.settled.data, *record.doubt} - {ALL}


CONDITIONS = {
    Verdict.TORN: sentences.COPY_TORN,
    Verdict.UNFINISHED: sentences.COPY_TORN,
    Verdict.CHANGED: sentences.COPY_ALTERED,
    Verdict.GONE: sentences.COPY_MISSING,
}
"""What is wrong with a unit, in words, the worst first."""


class HeldObject(NamedTuple):
    """An object of a branch copy.

    Attributes:
        size: in bytes.
        identity: what tells this state of it from another.
        condition: what is wrong with the unit that it is part of, in words; "" if nothing is, or if nobody has looked.
        modified: when it was last written, by the store's clock; None if nobody has looked.
    """

    size: int
    identity: str
    condition: str = ""
    modified: datetime | None = None


@redacted_repr
@dataclass(frozen=True)
class HeldCopy:
    """A branch copy that a record speaks of.

    Args:
        filed: the record.
        store: of the data.
        path: of the branch copy in that store.
        objects: by their paths.
        condition: the worst of what is wrong with its units.
    """

    filed: FiledRecord
    store: Store
    path: str = field(repr=False)
    objects: Mapping[str, HeldObject] = field(repr=False)
    condition: str = ""

    @property
    def record(self) -> Record:
        """What the record says."""
        return self.filed.record

    @property
    def stored(self) -> StoredRecord:
        """Where the record lies."""
        return self.filed.stored

    @property
    def modified(self) -> datetime:
        """When its youngest object was last written; its record, where nobody has looked at the objects."""
        ages = [item.modified for item in self.objects.values() if item.modified is not None]
        return max(ages, default=self.stored.modified)

    @property
    def size(self) -> int:
        """Of its objects, in bytes."""
        return sum(item.size for item in self.objects.values())

    @property
    def has_vanished(self) -> bool:
        """Whether its record speaks of data, and none of it is there."""
        has_data = bool(self.record.settled.data)
        return has_data and not self.objects

    def why_linked(self) -> str:
        """Why nothing of it may be removed now: a symbolic link in it, or at its record's place; "" if there is none.

        A hard link is no reason: what is removed is one name of a file, and the others stay.
        """
        units = units_of(self.record.kind)
        paths = [units.path(self.path, unit) for unit in recorded_units(self.record)]
        # A save of everything that did not finish may have left any file, and folders go that are empty.
        if ALL in self.record.doubt or not paths:
            paths = [self.path]
        record_path = self.stored.path
        try:
            link = self.stored.root.store.links(posixpath.dirname(record_path), [record_path]).symbolic
            link = link or self.store.links(self.top_path, paths).symbolic
        except errors.CopyError as exc:
            return str(exc)
        return sentences.NOT_THROUGH_A_LINK.format(link=link) if link else ""

    @property
    def top_path(self) -> str:
        """The part of the path that ends with the component that carries the slug."""
        return self.record.full_layout.top(self.path, self.stored.slug)

    @property
    def bucket_url(self) -> str | None:
        """The URL of the branch's own bucket, if the copy lies in one."""
        if not self.record.full_layout.moves_bucket(self.record.location):
            return None
        bucket, _, _ = self.path.partition("/")
        return f"{self.store.protocol}://{bucket}"


@redacted_repr
@dataclass(frozen=True)
class CleanPlan:
    """What `clean` would remove.

    Args:
        copies: each with its record, which goes too; a record that says something else by then is left alone.
        left: why other copies are left alone.
        failed: what could not be read.
        young: the branches that are gone, and whose last save is not old enough, each with when it will be.
    """

    copies: tuple[HeldCopy, ...]
    left: tuple[str, ...]
    failed: tuple[str, ...]
    young: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def buckets(self) -> dict[str, HeldCopy]:
        """The branches' own buckets, which go too if they are empty then; one of the copies stands for each."""
        buckets = {}
        for copy in self.copies:
            if copy.bucket_url is not None:
                buckets[copy.bucket_url] = copy
        return buckets


@redacted_repr
@dataclass(frozen=True)
class Removal:
    """What became of a copy that was planned to go.

    Args:
        copy: which.
        problem: why it was not removed; "" if it was.
        has_failed: whether that is because a store gave no definite answer: another call may remove it.
    """

    copy: HeldCopy
    problem: str = ""
    has_failed: bool = False
