"""The commit protocol: a branch copy counts from the moment that its record says so.

A save writes the record as `writing`, then the data, then the record as `complete`. Whoever reads decides from the
record and the identity of the data alone; nobody asks whether the writer is still alive.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, NamedTuple

from steel_toes.errors import (
    COPY_NOT_AS_SAVED,
    DATA_WITHOUT_RECORD,
    OTHER_BRANCH,
    OTHER_KIND,
    OTHER_LOCATION,
    OTHERS_WERE_FASTER,
    RECORD_REMOVED_MEANWHILE,
    THE_FILE,
    UPDATE,
    ChangedCopyError,
    ConcurrentSaveError,
    CopyError,
    OtherProjectError,
    Reason,
    RecordError,
    StoreError,
    TornAppendError,
    UnwrittenError,
)
from steel_toes.records.record import Identities, Record, Writer, parse_record
from steel_toes.records.state import Look, Verdict, judge
from steel_toes.records.units import WHOLE, Units
from steel_toes.records.write import Write
from steel_toes.stores.abandoned import abandon_files
from steel_toes.stores.base import Store
from steel_toes.stores.buckets import BranchBucket

_UPDATE_SECONDS = 120  # that others may be faster than we are
_PAUSE_SECONDS = 0.2

Identify = Callable[[Iterable[str]], Identities]


class Change(NamedTuple):
    """A record before and after it was changed."""

    before: Record
    after: Record


class RecordMemory:
    """The record that a ledger has read last, with the version that it had in the store."""

    __slots__ = ("_state",)

    def __init__(self) -> None:
        self._state: tuple[Hashable, Record] | None = None

    def recall(self, version: Hashable | None) -> Record | None:
        """The record, if it is still this version; None if it must be read."""
        state = self._state
        if state is None or version is None or state[0] != version:
            return None
        return state[1]

    def keep(self, version: Hashable | None, record: Record) -> None:
        """Keep a record that has a version."""
        self._state = None if version is None else (version, record)

    def __reduce__(self) -> tuple[type[RecordMemory], tuple[()]]:
        # Another process asks the store itself.
        return RecordMemory, ()


@dataclass(frozen=True, slots=True)
class Ledger:
    """Reads and commits the record of one location on one branch: where it is, and what it must say to be ours.

    Args:
        store: where the record lies, with the entry's own credentials.
        path: of the record, in that store.
        branch_name: the branch's full name.
        dataset: the entry that reads or writes.
        location: main's location, normalised; a local one is relative to the record's root.
        branch_location: the branch copy's, for messages.
        layout: how the location became the branch copy's.
        units: how the entry's copies are divided.
        writer: who we are.
        bucket: the branch's own bucket, if it has one.
    """

    store: Store
    path: str
    branch_name: str
    dataset: str
    location: str
    branch_location: str
    layout: str
    units: Units
    writer: Writer
    bucket: BranchBucket | None = None
    memory: RecordMemory = field(default_factory=RecordMemory, compare=False, repr=False)

    # Reading ----------------------------------------------------------------------------------------------------------

    def read(self) -> Record:
        """The record as it is now; `NO_RECORD` if there is none. It is parsed again only if it has changed.

        Raises:
            RecordError: it cannot be read, or is another branch's, another location's or another kind's.
            StoreError: the store gave no definite answer.
        """
        # Asked before the record is read: what is read may be younger, and is never taken for this version again.
        version = self.store.version(self.path)
        record = self.memory.recall(version)
        if record is not None:
            return record
        record = self._parsed(self.store.read(self.path))
        self.memory.keep(version, record)
        return record

    def look(self, path: str, identify: Callable[[str], str | None]) -> Look:
        """The record and its verdict on the unit that a path is, or lies in.

        The store is asked for the unit only where the record needs it. A verdict against the copy is given only if the
        record did not change while it was reached: a save that finished between two of our requests is no damage.
        """
        record = self.read()
        while True:
            unit = self.units.owner(record, path)
            identity = identify(unit) if record.has_begun(unit) else None
            verdict = judge(record, unit, identity)
            if not verdict.is_against:
                return Look(record, verdict)
            # Only a record that did not change meanwhile may speak against the copy.
            record_now = self.read()
            if record_now == record:
                return Look(record, verdict)
            record = record_now

    def facts(self) -> dict[str, Any]:
        """The facts of the branch copy, for errors."""
        return {"dataset": self.dataset, "branch": self.branch_name, "location": self.branch_location}

    def torn_facts(self, record: Record) -> dict[str, Any]:
        """The facts of a torn copy, for its error."""
        return {**self.facts(), "writer": str(record.writer), "time": record.saved}

    def _parsed(self, data: bytes | None) -> Record:
        """The record of these bytes, which is ours; `NO_RECORD` if there are none."""
        record = parse_record(data, self.path, self.dataset)
        if record.exists:
            self._check(record)
        return record

    def _check(self, record: Record) -> None:
        # The slug's digest has 32 bits and the path's 64: no proof, so the full texts are compared.
        if record.branch_name != self.branch_name:
            raise self.error(OTHER_BRANCH, other=record.dataset, theirs=record.branch_name, ours=self.branch_name)
        if record.location != self.location:
            raise self.error(OTHER_LOCATION, other=record.dataset, theirs=record.location, ours=self.location)
        if record.kind != self.units.kind:
            raise self.error(OTHER_KIND, other=record.dataset, theirs=record.kind, ours=self.units.kind)

    def error(self, reason: Reason, **facts: Any) -> RecordError:
        """The error of a record that stands in the way of a load or a save."""
        return RecordError(reason, dataset=self.dataset, branch=self.branch_name, record=self.path, **facts)

    # Saving -----------------------------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self, write: Write, identify: Identify) -> Iterator[tuple[Record, Record]]:
        """Put `writing`, let the block save the data, put `complete`.

        After an exception in the block, the record goes back to what it was if the data did not change; else it stays
        `writing`, and what is in doubt is torn. Saves of other units at the same time are merged.

        Args:
            write: what the block saves.
            identify: gives the identities of units in the store.

        Yields:
            The record that was put before the data, and the one before it.

        Raises:
            BucketError: the branch's bucket is missing, or not ours.
            ConcurrentSaveError: another run saved the same unit meanwhile; the data in place is one of the two's.
            RecordError: there is data at the branch copy's place that no record knows.
            OtherProjectError: the record is another project's.
            TornAppendError: the save appends to a torn copy.
            ChangedCopyError: the save appends to a copy that is gone, or was changed by other hands.
            UnwrittenError: the block saved nothing at the place of a unit.
        """
        # Before the record: s3fs would make a missing bucket without a word, or fail with a misleading error.
        if self.bucket:
            self.bucket.ensure()
        before, writing = self._update(lambda before: self._begin(before, write, identify))
        # KeyboardInterrupt too: the data is half written whatever stopped it.
        try:
            yield writing, before
        except BaseException as exc:
            abandon_files(exc)
            self._take_back(writing, write, identify)
            raise
        # After the data: from here on these states of the units are the branch's.
        identities = identify(write.units)
        self._check_written(write, identities)
        self._update(lambda now: self._complete(writing, now, write, identities))

    def adopt(self, write: Write, identify: Identify) -> None:
        """Record units that are there already, as if they had been saved just now.

        Args:
            write: the units, and main's copies of them.
            identify: gives the identities of units in the store.

        Raises:
            OtherProjectError: the record is another project's.
        """
        self._update(lambda before: self._adopted(before, write, identify))

    def _adopted(self, before: Record, write: Write, identify: Identify) -> Record:
        self._check_project(before)
        writing = self._writing(before, write)
        return write.completed(writing, writing, identify(write.units))

    def _begin(self, before: Record, write: Write, identify: Identify) -> Record:
        self._check_writable(before, write, identify)
        return self._writing(before, write)

    def _complete(self, writing: Record, now: Record, write: Write, identities: Identities) -> Record:
        if not now.exists or not write.is_still_begun(writing, now):
            raise self._concurrent(now)
        return write.completed(writing, now, identities)

    def _update(self, change: Callable[[Record], Record]) -> Change:
        """Put what a change makes of the record as it is, whoever else changes it at the same time.

        The record is locked for this alone, never for the data: a save may take hours. Where the lock is not shared
        (object stores), the put is refused if another host has put since we read: then read, change and put again.
        """
        with self.store.lock(self.path):
            if not self.store.has_stamps:
                before = self.read()
                after = change(before)
                if after != before:
                    self.store.write(self.path, after.to_bytes())
                return Change(before, after)
            return self._update_stamped(change)

    def _update_stamped(self, change: Callable[[Record], Record]) -> Change:
        end = time.monotonic() + _UPDATE_SECONDS
        while True:
            data, stamp = self.store.read_stamped(self.path)
            before = self._parsed(data)
            after = change(before)
            if after == before or self.store.write_stamped(self.path, after.to_bytes(), stamp):
                return Change(before, after)
            if time.monotonic() > end:
                raise StoreError(dataset=self.dataset, store=self.store.label, action=UPDATE, why=OTHERS_WERE_FASTER)
            # Those that were refused together must not come again together.
            time.sleep(random.uniform(0, _PAUSE_SECONDS))  # noqa: S311 - it is no secret

    def _check_project(self, before: Record) -> None:
        if self.writer.is_of_another_project(before.writer):
            raise OtherProjectError(**self.facts(), theirs=before.writer.project, ours=self.writer.project)

    def _check_writable(self, before: Record, write: Write, identify: Identify) -> None:
        """Whether this save may go over what lies at the branch copy's place."""
        self._check_project(before)
        # A request more, but only at a unit's first save.
        unrecorded = [unit for unit in write.units if not before.has_begun(unit)]
        if unrecorded and identify(unrecorded):
            # Unless another save has begun since the record was read, the data is a stranger's.
            record_now = self.read()
            if record_now != before:
                raise self._concurrent(record_now)
            raise self.error(DATA_WITHOUT_RECORD, location=self.branch_location)
        if write.keeps and before.exists:
            self._check_what_is_state(before, write, identify)

    def _check_what_is_state(self, before: Record, write: Write, identify: Identify) -> None:
        """A save that keeps something needs a copy that is as it was saved: what it keeps counts from then on."""
        identities = identify(write.units)
        verdicts = {judge(before, unit, identities.get(unit)) for unit in write.units}
        if Verdict.TORN in verdicts:
            raise TornAppendError(**self.torn_facts(before))
        if Verdict.CHANGED in verdicts or Verdict.GONE in verdicts:
            raise ChangedCopyError(**self.facts(), what=COPY_NOT_AS_SAVED)

    def _check_written(self, write: Write, identities: Identities) -> None:
        """Commit what is there, and nothing else: a unit without an identity would read as main's for ever."""
        missing = [unit for unit in write.units if unit not in identities]
        if not missing or write.may_write_nothing:
            return
        what = ", ".join(missing)
        if what == WHOLE:
            what = THE_FILE
        raise UnwrittenError(**self.facts(), what=what)

    def _concurrent(self, other: Record) -> ConcurrentSaveError:
        writer = str(other.writer) if other.exists else RECORD_REMOVED_MEANWHILE
        return ConcurrentSaveError(**self.facts(), writer=writer)

    def _writing(self, before: Record, write: Write) -> Record:
        """The record that says what a save has begun."""
        save_id = uuid.uuid4().hex
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        settled = before.settled
        return Record(
            id=save_id,
            state="writing",
            kind=self.units.kind,
            branch_name=self.branch_name,
            dataset=self.dataset,
            location=self.location,
            layout=self.layout,
            # The branch copy is as old as its first save that finished.
            created=settled.created or now,
            saved=now,
            writer=self.writer,
            base=write.new_base(before),
            over=settled.over,
            doubt={**before.doubt, **dict.fromkeys(write.doubted, save_id)},
            was=settled if settled.exists else None,
        )

    def _take_back(self, writing: Record, write: Write, identify: Identify) -> None:
        """After an exception: undo what the record says of our units if their data is as it was.

        Never hides the exception. The doubts about units of others stay.
        """
        try:
            if self.store.has_stamps:
                self._update(lambda now: self._undone(writing, now, write, identify))
                return
            with self.store.lock(self.path):
                now = self.read()
                undone = self._undone(writing, now, write, identify)
                if undone == now:
                    return
                # Under the lock nobody has begun meanwhile: a record that says nothing can go.
                if undone.says_nothing:
                    self.store.remove(self.path)
                else:
                    self.store.write(self.path, undone.to_bytes())
        except CopyError:
            # The record stays `writing`: the next reader decides from the data, as after a kill.
            return

    def _undone(self, writing: Record, now: Record, write: Write, identify: Identify) -> Record:
        """The record without our doubts, if our units are as they were before the save that failed."""
        is_ours = now.exists and write.is_still_begun(writing, now)
        if is_ours and self._is_untouched(now, write, identify):
            return now.without_doubts_of(writing.id)
        return now

    def _is_untouched(self, now: Record, write: Write, identify: Identify) -> bool:
        """Whether the data of a save that failed is as it was before it."""
        recorded = now.settled.data
        units = set(write.units)
        if write.everything:
            units.update(recorded)
        identities = identify(units)
        return all(identities.get(unit) == recorded.get(unit) for unit in units)
