"""The commit protocol: a branch copy counts from the moment that its record says so.

A save writes the record as `writing`, then the data, then the record as `complete`. Whoever reads decides from the
record and the identity of the data alone; nobody asks whether the writer is still alive.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import partial
from typing import Any, NamedTuple

from steel_toes.errors import (
    ADOPT_IN_DOUBT,
    BEING_REMOVED,
    OTHER_BRANCH,
    OTHER_KIND,
    OTHER_LAYOUT,
    OTHER_LOCATION,
    OTHER_OWNER,
    RECORD_REMOVED_MEANWHILE,
    TWO_COPIES,
    ConcurrentSaveError,
    CopyError,
    Reason,
    RecordError,
    UnwrittenError,
)
from steel_toes.naming.layout import Layout
from steel_toes.records.author import Author
from steel_toes.records.beginning import KNOWN, Beginning, Begun, Surroundings
from steel_toes.records.checks import SaveChecks
from steel_toes.records.file import Change, RecordFile, RecordMemory
from steel_toes.records.guard import LinkGuard, check_links, check_unlinked, make_own
from steel_toes.records.record import ALL, NO_RECORD, PART, Identities, Record, Writer
from steel_toes.records.rooted import Rooted
from steel_toes.records.run import Ahead, RecordKey, Run
from steel_toes.records.save import Look as LookAgain
from steel_toes.records.save import Outcome, Save, Transaction, begin
from steel_toes.records.state import Look, Verdict, judge
from steel_toes.records.units import WHOLE, Units
from steel_toes.records.write import Write
from steel_toes.redaction import redacted_repr
from steel_toes.stores.abandoned import abandon_files
from steel_toes.stores.base import Store
from steel_toes.stores.buckets import BranchBucket
from steel_toes.stores.identity import is_of_several
from steel_toes.stores.locks import PATIENCE_SECONDS, LockHeldError

_READ_BACK_SECONDS = 120
_READS_BACK = 3
_PAUSE_SECONDS = 0.4

Identify = Callable[[Iterable[str]], Identities]


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
        layout: how the location becomes the branch copy's.
        units: how the entry's copies are divided.
        author: who we are.
        bucket: the branch's own bucket, if it has one.
        guard: keeps saves on files of the branch's own.
        former: the record, as an older version put it; None if it put it here.
        rooted: what is compared where the record lies below a root of all copies; None if it does not.
        memory: of what was read, for all entries that share the record.
        run: the run that may be going on in this process.
    """

    store: Store
    path: str
    branch_name: str
    dataset: str
    location: str
    branch_location: str
    layout: Layout
    units: Units
    author: Author = field(compare=False, repr=False)
    bucket: BranchBucket | None = None
    guard: LinkGuard | None = None
    former: Former | None = None
    rooted: Rooted | None = None
    memory: RecordMemory = field(default_factory=RecordMemory, compare=False, repr=False)
    run: Run = field(default_factory=Run, compare=False, repr=False)

    @property
    def writer(self) -> Writer:
        """Who writes: waited for, the first time."""
        return self.author.writer

    @property
    def key(self) -> RecordKey:
        """The record's place: the same for all entries that share it."""
        return RecordKey(self.store.label, self.path, self.store.access)

    @property
    def file(self) -> RecordFile:
        """The record's file."""
        former_path = self.former.path if self.former else ""
        return RecordFile(
            self.store, self.path, self.dataset, self._check, self.memory, former_path, self._check_default
        )

    @property
    def checks(self) -> SaveChecks:
        """What must hold for its saves."""
        return SaveChecks(self)

    # Reading ----------------------------------------------------------------------------------------------------------

    def read(self) -> Record:
        """The record as it is now; `NO_RECORD` if there is none.

        Raises:
            RecordError: it cannot be read, or is another branch's, another location's or another kind's.
            StoreError: the store gave no definite answer.
        """
        self.run.wait(self.key)
        return self.file.read()

    def known(self) -> Record | None:
        """The record, if the run that is going on froze it or put it, or is about to; None if it must be read.

        Whoever relies on it calls `settle` before the answer is given.

        Raises:
            CopyError: what the run was about to put could not be put.
        """
        return self.run.expected(self.key) or self.run.record(self.key)

    def settle(self) -> None:
        """Wait for what the run is about to put.

        Raises:
            CopyError: it could not be put.
        """
        self.run.wait(self.key)

    def freeze(self) -> None:
        """In the run that begins, the record is what it is now: of a copy that is one, and that nobody else adds to."""
        record = self.memory.latest
        if self.units.kind == "whole" and record is not None:
            self.run.note_record(self.key, record)

    @property
    def is_saved_in_run(self) -> bool:
        """Whether a save of the run that is going on has put the record."""
        return self.run.has_saved(self.key)

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
        if self.rooted and self.rooted.is_anothers(record.writer):
            raise self.error(OTHER_OWNER, other=record.dataset, theirs=record.writer.project, ours=self.rooted.owner)
        if not self.layout.is_alike(record.full_layout, self.location):
            self._refuse_layout(record, self.path)
        if record.kind != self.units.kind:
            raise self.error(OTHER_KIND, other=record.dataset, theirs=record.kind, ours=self.units.kind)

    def _refuse_layout(self, record: Record, path: str) -> None:
        """Refuse a copy that lies elsewhere than today's settings say; a record that says nothing is of none."""
        if record.settled.exists or record.doubt:
            facts = {
                "theirs": record.full_layout.named,
                "ours": self.layout.named,
                "setting": record.full_layout.setting,
            }
            raise self.error(OTHER_LAYOUT, other=record.dataset, record=path, **facts)

    def _check_default(self, is_here: bool) -> None:
        """Refuse what would pass over a copy that the branch saved when the project had no root yet.

        Args:
            is_here: whether the branch has a record below the root, too.

        Raises:
            RecordError: it has one, or what lies at its record's place is none.
            StoreError: the store gave no definite answer.
        """
        if self.rooted is None:
            return
        path = self.rooted.default_path
        record = RecordFile(self.store, path, self.dataset).read()
        if not (is_here or record.exists):
            self.rooted.check_bucket(self.store, self.path)
        # A slug's and a location's digest may be others', whose record is none of ours.
        if record.branch_name != self.branch_name:
            return
        # By another checkout, whose settings are older. Which of the two is the branch's nobody knows.
        if is_here and (record.settled.exists or record.doubt):
            raise self.error(TWO_COPIES, other=record.dataset, theirs=record.full_layout.named, ours=self.layout.named)
        self._refuse_layout(record, path)

    def error(self, reason: Reason, **facts: Any) -> RecordError:
        """The error of a record that stands in the way of a load or a save."""
        return RecordError(reason, **{"record": self.path, **facts}, dataset=self.dataset, branch=self.branch_name)

    # Saving -----------------------------------------------------------------------------------------------------------

    @contextmanager
    def transaction(
        self,
        write: Write,
        identify: Identify,
        surroundings: Surroundings | None = None,
    ) -> Iterator[Transaction]:
        """Put `writing`, let the block save the data, put `complete`.

        After an exception in the block, what was saved whole is recorded, what was not touched is as it was, and what
        is between is in doubt: torn. Saves of other units at the same time are merged.

        Args:
            write: what the block saves.
            identify: gives the identities of units in the store.
            surroundings: what is asked before the save begins, at once with what else is; None if it is known.

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
            PromoteUnfinishedError: the copy is being promoted.
        """
        self.settle()
        # Before anything is written, the lock too.
        hard = check_links(self, write)
        # Before the record: s3fs would make a missing bucket without a word, or fail with a misleading error.
        if self.bucket:
            self.bucket.ensure()
        with self._whole_held() as is_locked:
            begun = Beginning(self, write, identify, surroundings or KNOWN).begin(is_locked)
            self.run.note_begun(self.key)
            transaction = Transaction(begun.save)
            # KeyboardInterrupt too: the data is half written whatever stopped it.
            try:
                if not self._has_seen_all(begun):
                    self.checks.check_unclaimed()
                self.checks.check_beginning(begun.save, identify)
                # Only now: until the save has begun, what lies there may be a stranger's.
                make_own(self, hard)
                yield transaction
            except BaseException as exc:
                abandon_files(exc)
                self._take_back(begun.save, transaction.whole_units, identify, is_locked)
                raise
            # After the data: from here on these states of the units are the branch's.
            identities = transaction.identities(identify)
            try:
                self.checks.check_written(begun.save, identities)
            except UnwrittenError:
                # Of several units those that are there are the branch's all the same.
                if len(write.units) > 1:
                    self._take_back(begun.save, identities, identify, is_locked)
                raise
            self._end(begun, identities, identify, is_locked)
            transaction.recorded = identities

    def _has_seen_all(self, begun: Begun) -> bool:
        """Whether `writing` lies over the very record that was read.

        Then whoever promotes has marked that one, and the claim was looked for; or finds this one, and stops.
        """
        return begun.in_place.is_final

    def _end(self, begun: Begun, identities: Identities, identify: Identify, is_locked: bool) -> None:
        """Put `complete`: in a run while what comes next goes on, where that is certain to be the same."""
        is_certain = self.run.runs_nodes and self.store.honours_conditions(self.path)
        if not (is_certain and self.may_put_apart(begun.save.write)):
            # It must not count before what the run has saved before it.
            self.run.wait_for_all()
            self._complete(begun, identities, identify, is_locked)
            return
        expected = begun.save.complete(begun.in_place.record, identities, identify, self.store.is_one_saves)
        put = partial(self._complete, begun, identities, identify, is_locked)
        self.run.put_behind(self.key, expected.record, put)

    def may_put_apart(self, write: Write) -> bool:
        """Whether a run may put this save's `writing` ahead of it, and its `complete` behind it."""
        is_plain = write.units == (WHOLE,) and not (write.keeps or write.everything or write.is_part)
        return is_plain and self.may_look_ahead

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
                raise self.concurrent_error(self.read(), [WHOLE]) from None
            yield is_locked

    def withdraw(self, begun: Begun) -> None:
        """Take back a `writing` without data. What cannot be taken back is in doubt, as after a kill."""
        with suppress(CopyError):
            self.file.update(begun.save.withdraw)

    def put_ahead(self, write: Write, identify: Identify, surroundings: Surroundings) -> Ahead | None:
        """As `Beginning.ahead`."""
        return Beginning(self, write, identify, surroundings).ahead()

    @property
    def may_look_ahead(self) -> bool:
        """Whether a run may ask at its beginning what its first save there must know."""
        return self.store.is_remote and self.file.has_conditions and self.units.kind == "whole"

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
            self.checks.check_still_there(now, save.write)
            outcome = save.complete(now, identities, identify, self.store.is_one_saves)
            return outcome.record

        put = self.file.update(change, begun.in_place, is_locked)
        if not put.is_final:
            self._read_back(lambda: self._has_put(save, identities, outcome), change)
        if outcome.lost:
            raise self.concurrent_error(latest, outcome.lost)
        self.run.note_saved(self.key, put.record)

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

    def _take_back(self, save: Save, whole_units: Iterable[str], identify: Identify, is_locked: bool) -> None:
        """After an exception. Never hides the exception; the doubts about units of others stay."""
        try:
            whole: Identities = {}
            if whole_units:
                # They must not count before what the run has saved before them.
                self.run.wait_for_all()
                whole = identify(whole_units)
            self.file.update(
                lambda now: save.take_back(now, whole, identify, self.store.is_one_saves),
                is_locked=is_locked,
            )
        except (CopyError, LockHeldError):
            # The record stays `writing`: the next reader decides from the data, as after a kill.
            return

    # What a save needs ------------------------------------------------------------------------------------------------

    def concurrent_error(self, other: Record, units: Iterable[str]) -> ConcurrentSaveError:
        writer = str(other.writer) if other.exists else RECORD_REMOVED_MEANWHILE
        names = [unit for unit in units if unit not in (WHOLE, ALL)]
        what = f"{', '.join(names)} of this dataset" if names else "this dataset"
        return ConcurrentSaveError(**self.facts(), writer=writer, what=what)

    def without_removed(self, before: Record) -> Record:
        """The record, less what `clean` has removed: the branch begins anew."""
        return NO_RECORD if before.state == "removing" else before

    def facts_of_save(self, before: Record, write: Write) -> Record:
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
            layout=self.layout.name,
            root=self.layout.root,
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
            PromoteUnfinishedError: it is being promoted.
        """
        self.settle()
        check_unlinked(self, write)
        with self._whole_held() as is_locked:
            self.file.update(lambda before: self._adopted(before, write, identify), is_locked=is_locked)

    def _adopted(self, before: Record, write: Write, identify: Identify) -> Record:
        self.checks.check_project(before)
        # Whether it is marked or not: nobody adopts so often that one request more counts.
        self.checks.check_unclaimed()
        identities = identify(write.units)
        self.check_adoptable(before, identities)
        save = begin(before, write, self.facts_of_save(before, write))
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
