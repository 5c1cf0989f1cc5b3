"""The commit protocol: a branch copy counts from the moment that its record says so.

A save writes the record as `writing`, then the data, then the record as `complete`. Whoever reads decides from the
record and the identity of the data alone; nobody asks whether the writer is still alive.
"""

from __future__ import annotations

import posixpath
import random
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any, NamedTuple

from steel_toes.errors import (
    ADOPT_IN_DOUBT,
    BEING_REMOVED,
    COPY_NOT_AS_SAVED,
    DATA_WITHOUT_RECORD,
    HARD_LINK,
    HARD_LINK_OF_MAIN,
    OTHER_BRANCH,
    OTHER_KIND,
    OTHER_LOCATION,
    RECORD_REMOVED_MEANWHILE,
    SYMBOLIC_LINK,
    THE_FILE,
    ChangedCopyError,
    ConcurrentSaveError,
    CopyError,
    LinkError,
    OtherProjectError,
    Reason,
    RecordError,
    TornAppendError,
    UnwrittenError,
)
from steel_toes.records.file import Change, RecordFile, RecordInPlace, RecordMemory
from steel_toes.records.guard import LinkGuard
from steel_toes.records.record import ALL, NO_RECORD, PART, Identities, Record, Writer
from steel_toes.records.save import Look as LookAgain
from steel_toes.records.save import Outcome, Save, Transaction, begin
from steel_toes.records.state import Look, Verdict, judge
from steel_toes.records.units import WHOLE, Units
from steel_toes.records.write import Write
from steel_toes.redaction import redacted_repr
from steel_toes.stores.abandoned import abandon_files
from steel_toes.stores.base import Inode, Store
from steel_toes.stores.buckets import BranchBucket
from steel_toes.stores.identity import is_of_several
from steel_toes.stores.locks import PATIENCE_SECONDS, LockHeldError

_READ_BACK_SECONDS = 120
_READS_BACK = 3
_PAUSE_SECONDS = 0.4

Identify = Callable[[Iterable[str]], Identities]


class Begun(NamedTuple):
    """A save that has begun, and its record in place."""

    save: Save
    in_place: RecordInPlace


@redacted_repr
class Former(NamedTuple):
    """Where a record lay, and what it called its location, when user info was part of that."""

    path: str
    location: str


@redacted_repr
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
        guard: keeps saves on files of the branch's own.
        former: the record, as an older version put it; None if it put it here.
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
    guard: LinkGuard | None = None
    former: Former | None = None
    memory: RecordMemory = field(default_factory=RecordMemory, compare=False, repr=False)

    @property
    def file(self) -> RecordFile:
        """The record's file."""
        former_path = self.former.path if self.former else ""
        return RecordFile(self.store, self.path, self.dataset, self._check, self.memory, former_path)

    # Reading ----------------------------------------------------------------------------------------------------------

    def read(self) -> Record:
        """The record as it is now; `NO_RECORD` if there is none.

        Raises:
            RecordError: it cannot be read, or is another branch's, another location's or another kind's.
            StoreError: the store gave no definite answer.
        """
        return self.file.read()

    def recall(self) -> Record:
        """The record as this catalog has read or put it last; as it is now, where it costs nothing to see a change."""
        if self.store.has_versions:
            return self.read()
        return self.memory.latest or self.read()

    def look(
        self,
        path: str,
        identify: Callable[[str], str | None],
        is_compared_later: bool = False,
        record: Record | None = None,
    ) -> Look:
        """The record and its verdict on the unit that a path is, or lies in.

        The store is asked for the unit only where the record needs it. A verdict against the copy is given only if the
        record did not change while it was reached: a save that finished between two of our requests is no damage.

        Args:
            path: the unit, or a path inside it.
            identify: gives the identity of a unit in the store.
            record: as it was; None to read it.
            is_compared_later: whether the caller compares the identity after it has read the data. Then it is not asked
                for here, but of a unit in doubt: nobody should read half of one.
        """
        record = record or self.read()
        while True:
            unit = self.units.owner(record, path)
            if is_compared_later and record.identity(unit) and not record.doubts(unit):
                return Look(record, Verdict.BRANCH)
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

    def _check(self, record: Record) -> None:
        # The slug's digest has 32 bits and the path's 64: no proof, so the full texts are compared.
        if record.branch_name != self.branch_name:
            raise self.error(OTHER_BRANCH, other=record.dataset, theirs=record.branch_name, ours=self.branch_name)
        locations = [self.location]
        if self.former:
            locations.append(self.former.location)
        if record.location not in locations:
            raise self.error(OTHER_LOCATION, other=record.dataset, theirs=record.location, ours=self.location)
        if record.kind != self.units.kind:
            raise self.error(OTHER_KIND, other=record.dataset, theirs=record.kind, ours=self.units.kind)

    def error(self, reason: Reason, **facts: Any) -> RecordError:
        """The error of a record that stands in the way of a load or a save."""
        return RecordError(reason, dataset=self.dataset, branch=self.branch_name, record=self.path, **facts)

    # Saving -----------------------------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self, write: Write, identify: Identify) -> Iterator[Transaction]:
        """Put `writing`, let the block save the data, put `complete`.

        After an exception in the block, what was saved whole is recorded, what was not touched is as it was, and what
        is between is in doubt: torn. Saves of other units at the same time are merged.

        Args:
            write: what the block saves.
            identify: gives the identities of units in the store.

        Yields:
            The save, to which the block says which of several units it has saved whole.

        Raises:
            LinkError: a link in the copy, or at its record's place, leads to other data.
            BucketError: the branch's bucket is missing, or not ours.
            ConcurrentSaveError: another run saved the same unit meanwhile; the data in place is one of the two's, or
                torn.
            RecordError: there is data at the branch copy's place that no record knows, or `clean` is removing it.
            OtherProjectError: the record is another project's.
            TornAppendError: the save appends to a torn copy.
            ChangedCopyError: the save appends to a copy that is gone, or was changed by other hands.
            UnwrittenError: the block saved nothing at the place of a unit.
        """
        # Before anything is written, the lock too.
        hard = self.check_links(write)
        # Before the record: s3fs would make a missing bucket without a word, or fail with a misleading error.
        if self.bucket:
            self.bucket.ensure()
        with self._whole_held() as is_locked:
            begun = self._begin(write, identify, is_locked)
            transaction = Transaction(begun.save)
            # KeyboardInterrupt too: the data is half written whatever stopped it.
            try:
                self._check_beginning(begun.save, identify)
                # Only now: until the save has begun, what lies there may be a stranger's.
                self._make_own(hard)
                yield transaction
            except BaseException as exc:
                abandon_files(exc)
                self._take_back(begun.save, transaction.whole_units, identify, is_locked)
                raise
            # After the data: from here on these states of the units are the branch's.
            identities = identify(write.units)
            try:
                self._check_written(begun.save, identities)
            except UnwrittenError:
                # Of several units those that are there are the branch's all the same.
                if len(write.units) > 1:
                    self._take_back(begun.save, identities, identify, is_locked)
                raise
            self._complete(begun, identities, identify, is_locked)

    @contextmanager
    def _whole_held(self) -> Iterator[bool]:
        """Hold the record for the length of a save, where one file is replaced as a whole on a disk.

        Two that write one file in place leave a mixture. The second is refused before it writes.
        """
        if self.units.kind != "whole" or not self.store.has_shared_locks:
            yield False
            return
        with ExitStack() as stack:
            try:
                is_locked = stack.enter_context(self.store.lock(self.path, PATIENCE_SECONDS))
            except LockHeldError:
                raise self._concurrent(self.read(), [WHOLE]) from None
            yield is_locked

    def _begin(self, write: Write, identify: Identify, is_locked: bool) -> Begun:
        save: Save | None = None

        def change(now: Record) -> Record:
            nonlocal save
            # Again, after another was faster; or after our own put whose answer was lost, which does not matter.
            self._check_writable(now, write, identify)
            before = self._without_removed(now)
            save = begin(before, write, self._facts_of_save(before, write))
            return save.writing

        in_place = self.file.update(change, is_locked=is_locked)
        assert save is not None  # a save always changes the record
        return Begun(save, in_place)

    def _complete(self, begun: Begun, identities: Mapping[str, str], identify: LookAgain, is_locked: bool) -> None:
        """Put `complete`; the units that are ours are recorded, also if others are not."""
        save = begun.save
        latest = begun.in_place.record
        outcome = Outcome(latest)

        def change(now: Record) -> Record:
            nonlocal outcome, latest
            latest = now
            if save.has_completed(now, identities):
                outcome = Outcome(now)
                return now
            self._check_still_there(now, save.write)
            outcome = save.complete(now, identities, identify, self.store.is_one_saves)
            return outcome.record

        put = self.file.update(change, begun.in_place, is_locked)
        if not put.is_final:
            self._read_back(lambda: self._has_put(save, identities, outcome), change)
        if outcome.lost:
            raise self._concurrent(latest, outcome.lost)

    def _read_back(self, has_put: Callable[[], bool], change: Change) -> None:
        """Where others may put over ours without having seen it: merge again, until it has stayed for a while.

        That narrows the race, and does not close it.
        """
        end = time.monotonic() + _READ_BACK_SECONDS
        reads = 0
        while reads < _READS_BACK and time.monotonic() < end:
            if has_put():
                reads += 1
                time.sleep(random.uniform(0, _PAUSE_SECONDS))  # noqa: S311 - it is no secret
            else:
                reads = 0
                self.file.update(change)

    def _has_put(self, save: Save, identities: Mapping[str, str], outcome: Outcome) -> bool:
        """Whether all that is not lost is in the record now."""
        if ALL in outcome.lost:
            return True
        now = self.read()
        units = identities.keys() - set(outcome.lost)
        put = [save.has_put(now, unit) for unit in units]
        return all(put)

    def _check_still_there(self, now: Record, write: Write) -> None:
        """What is kept, or what everything is, is not certain any more once `clean` was here."""
        if now.state == "removing" or (not now.exists and (write.keeps or write.everything)):
            raise self._concurrent(now, write.units)

    def _take_back(self, save: Save, whole_units: Iterable[str], identify: Identify, is_locked: bool) -> None:
        """After an exception. Never hides the exception; the doubts about units of others stay."""
        try:
            whole = identify(whole_units) if whole_units else {}
            self.file.update(
                lambda now: save.take_back(now, whole, identify, self.store.is_one_saves),
                is_locked=is_locked,
            )
        except (CopyError, LockHeldError):
            # The record stays `writing`: the next reader decides from the data, as after a kill.
            return

    # What a save needs ------------------------------------------------------------------------------------------------

    def check_links(self, write: Write) -> Mapping[str, Inode]:
        """Whether a save reaches nothing but the branch's own.

        Returns:
            The files that have other names too, none of which is main's.

        Raises:
            LinkError: a link in the copy, or at its record's place, leads to other data.
        """
        folder = posixpath.dirname(self.path)
        symbolic = self.store.links(folder, [self.path]).symbolic
        hard: Mapping[str, Inode] = {}
        if self.guard and not symbolic:
            symbolic, hard = self.guard.links(write)
        if symbolic:
            raise LinkError(SYMBOLIC_LINK, **self.facts(), link=symbolic)
        mains_file = self.guard.mains_file(hard, write) if self.guard else ""
        if mains_file:
            raise LinkError(HARD_LINK_OF_MAIN, **self.facts(), link=mains_file)
        return hard

    def _make_own(self, hard: Iterable[str]) -> None:
        if self.guard:
            self.guard.make_own(hard)

    def check_unlinked(self, write: Write) -> None:
        """Whether units that are there already may be recorded: files that no other name changes.

        Raises:
            LinkError: there is a link among them.
        """
        for link in self.check_links(write):
            raise LinkError(HARD_LINK, **self.facts(), link=link)

    def _check_project(self, before: Record) -> None:
        if self.writer.is_of_another_project(before.writer):
            raise OtherProjectError(**self.facts(), theirs=before.writer.project, ours=self.writer.project)

    def _check_writable(self, before: Record, write: Write, identify: Identify) -> None:
        """Whether this save may go over what lies at the branch copy's place."""
        self._check_project(before)
        if before.state == "removing":
            self._check_not_removing(before, write, identify)
            return
        self._check_strangers(before, write, identify)
        if write.keeps and before.exists:
            self._check_what_is_kept(before, write, identify)

    def _check_not_removing(self, before: Record, write: Write, identify: Identify) -> None:
        """Data that `clean` has not removed yet would vanish under the save, or outlive it without a record."""
        if identify({*write.units, *before.doubt}):
            raise self.error(BEING_REMOVED)

    def _check_strangers(self, before: Record, write: Write, identify: Identify) -> None:
        """Data that no record knows is never overwritten."""
        # A request more, but only at a unit's first save.
        unrecorded = [unit for unit in write.units if not before.has_begun(unit)]
        if not unrecorded:
            return
        identities = identify(unrecorded)
        strangers = [unit for unit in identities if not self._is_around_ours(before, unit, identities[unit])]
        if strangers:
            # Unless another save has begun since the record was read, the data is a stranger's.
            record_now = self.read()
            if record_now != before:
                raise self._concurrent(record_now, unrecorded)
            raise self.error(DATA_WITHOUT_RECORD, location=self.branch_location)

    def _is_around_ours(self, before: Record, unit: str, identity: str) -> bool:
        """Whether what is seen at a unit is only the folder around recorded ones, beside which a bucket has objects."""
        has_folders = self.guard is None or self.guard.store.has_folders
        if has_folders or not is_of_several(identity):
            return False
        return any(path.startswith(f"{unit}/") for path in before.settled.data)

    def _check_what_is_kept(self, before: Record, write: Write, identify: Identify) -> None:
        """A save that keeps something needs a copy that is as it was saved: what it keeps counts from then on."""
        identities = identify(write.units)
        verdicts = {judge(before, unit, identities.get(unit)) for unit in write.units}
        if Verdict.TORN in verdicts:
            raise TornAppendError(**self.torn_facts(before))
        if verdicts & {Verdict.CHANGED, Verdict.GONE}:
            raise ChangedCopyError(**self.facts(), what=COPY_NOT_AS_SAVED)

    def _check_beginning(self, save: Save, identify: Identify) -> None:
        """What a save keeps must still be what the record says: another may have saved since it was looked at."""
        units = [unit for unit in save.write.units if save.before.unit(unit) is not None]
        if not save.write.keeps or not units:
            return
        identities = identify(units)
        changed = [unit for unit in units if identities.get(unit) != save.before.identity(unit)]
        if changed:
            raise self._concurrent(self.read(), changed)

    def _check_written(self, save: Save, identities: Mapping[str, str]) -> None:
        """Commit what is there, and nothing else: a unit without an identity would read as main's for ever."""
        missing = [unit for unit in save.write.units if unit not in identities]
        if not missing or save.write.may_write_nothing:
            return
        now = self.read()
        if now != save.writing:
            # Another overwrote everything meanwhile, or `clean` removed it.
            raise self._concurrent(now, missing)
        what = ", ".join(missing)
        if what == WHOLE:
            what = THE_FILE
        raise UnwrittenError(**self.facts(), what=what)

    def _concurrent(self, other: Record, units: Iterable[str]) -> ConcurrentSaveError:
        writer = str(other.writer) if other.exists else RECORD_REMOVED_MEANWHILE
        names = [unit for unit in units if unit not in (WHOLE, ALL)]
        what = f"{', '.join(names)} of this dataset" if names else "this dataset"
        return ConcurrentSaveError(**self.facts(), writer=writer, what=what)

    def _without_removed(self, before: Record) -> Record:
        """The record, less what `clean` has removed: the branch begins anew."""
        return NO_RECORD if before.state == "removing" else before

    def _facts_of_save(self, before: Record, write: Write) -> Record:
        """A record with the facts of a save, and of nobody's data."""
        writer = self.writer
        # Without Git the project is unknown, and stays what it was.
        if writer.project is None:
            writer = replace(writer, project=before.writer.project)
        return Record(
            id=secrets.token_hex(8) + (PART if write.is_part else ""),
            state="writing",
            kind=self.units.kind,
            branch_name=self.branch_name,
            dataset=self.dataset,
            location=self.location,
            layout=self.layout,
            created="",
            saved=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            writer_key=writer.key,
            writers={writer.key: writer},
        )

    # Commands ---------------------------------------------------------------------------------------------------------

    def adopt(self, write: Write, identify: Identify) -> None:
        """Record units that are there already, as if they had been saved just now.

        Args:
            write: the units, and main's copies of them.
            identify: gives the identities of units in the store.

        Raises:
            OtherProjectError: the record is another project's.
            LinkError: there is a link among them.
            ConcurrentSaveError: the copy is being saved.
            RecordError: `clean` is removing it, or a save of several files did not finish: they may be two saves'.
        """
        self.check_unlinked(write)
        with self._whole_held() as is_locked:
            self.file.update(lambda before: self._adopted(before, write, identify), is_locked=is_locked)

    def _adopted(self, before: Record, write: Write, identify: Identify) -> Record:
        self._check_project(before)
        identities = identify(write.units)
        self.check_adoptable(before, identities)
        save = begin(before, write, self._facts_of_save(before, write))
        return save.complete(save.writing, identities, identify, self.store.is_one_saves).record

    def check_adoptable(self, record: Record, identities: Mapping[str, str]) -> None:
        """Whether units with these identities may be recorded.

        Raises:
            RecordError: `clean` is removing the copy, or a save of several files did not finish.
        """
        if not identities:
            return
        if record.state == "removing":
            raise self.error(BEING_REMOVED)
        for unit, identity in identities.items():
            if record.doubts(unit) and is_of_several(identity):
                raise self.error(ADOPT_IN_DOUBT)
