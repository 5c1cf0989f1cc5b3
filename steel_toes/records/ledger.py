"""The commit protocol: a branch copy counts from the moment that its record says so.

A record is a small JSON file beside the data, one for each location and branch. A save writes the record as
`writing`, then the data, then the record as `complete`. Whoever reads decides from the record and the identity of the
data alone; nobody asks whether the writer is still alive.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shlex
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from enum import Enum
from typing import Any, Literal

from steel_toes.errors import (
    ChangedCopyError,
    ConcurrentSaveError,
    CopyError,
    RecordError,
    SaveRefusedError,
    TornAppendError,
)
from steel_toes.stores.abandoned import abandon_files
from steel_toes.stores.base import Store
from steel_toes.stores.buckets import BranchBucket

FOLDER = "_steel_toes"
WHOLE = "."
"""The one unit of a dataset that is replaced as a whole."""
ALL = "*"
"""In `doubt`: every unit, known or not."""
_FORMAT = 1

Identities = dict[str, str]
Identify = Callable[[Iterable[str]], Identities]
Kind = Literal["whole", "versioned", "overlay"]


class Verdict(Enum):
    """What a record and the data's identity say of one unit."""

    MAIN = "main"
    UNFINISHED = "main; a first save on the branch never finished"
    BRANCH = "branch"
    TORN = "torn"
    GONE = "gone"
    CHANGED = "changed"
    NOTHING = "removed with everything around it"


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes: the same for all records that one catalog writes."""

    project: str | None = None
    run: str | None = None
    commit: str | None = None
    dirty: bool | None = None
    upstream: str | None = None
    remote: str | None = None
    user: str | None = None
    host: str | None = None

    def __str__(self) -> str:
        return "@".join(filter(None, (self.user, self.host))) or "somebody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One branch copy, as its last writer left it.

    Args:
        id: random, new with each save.
        state: `writing` from before the data's first byte until after its last, else `complete`.
        kind: whole, versioned or overlay.
        data: the units that are the branch's, each with its identity.
        base: main's identities when the branch copy was begun; of a versioned dataset, main's newest version.
        over: of an overlay, what shows where the branch has no unit: main's, or nothing.
        doubt: the units that a save began and did not finish, each with the id of that save; `ALL` for all there are.
        was: while writing, the last complete record.
    """

    id: str
    state: Literal["writing", "complete"]
    kind: Kind
    branch: str
    dataset: str
    location: str
    layout: str
    created: str
    saved: str
    writer: Writer
    data: Identities = field(default_factory=dict)
    base: Identities = field(default_factory=dict)
    over: Literal["main", "nothing"] = "main"
    doubt: dict[str, str] = field(default_factory=dict)
    was: Record | None = None
    format: int = _FORMAT

    @property
    def settled(self) -> Record | None:
        """The last complete record: this one, or the one it was; None before the first save finished."""
        return self if self.state == "complete" else self.was

    def identity(self, unit: str) -> str | None:
        """What a unit of the branch's was when it was last whole; None if it is not the branch's."""
        return self.settled.data.get(unit) if self.settled else None

    def owner(self, path: str) -> str | None:
        """The unit of the branch that a path is, or lies in; None if it is not the branch's."""
        parts = path.split("/")
        above = ("/".join(parts[:number]) for number in range(len(parts), 0, -1))
        return next((unit for unit in above if self.identity(unit) is not None), None)

    def knows(self, unit: str) -> bool:
        """Whether the unit is the branch's, or a save of it began: nothing else may be written over."""
        return self.doubts(unit) or self.identity(unit) is not None

    def doubts(self, unit: str) -> bool:
        """Whether a save of the unit began and did not finish."""
        return ALL in self.doubt or unit in self.doubt

    def to_bytes(self) -> bytes:
        """The record as JSON, for people too."""
        return json.dumps(dataclasses.asdict(self), indent=1, sort_keys=True, ensure_ascii=False).encode()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Record:
        """The record of its JSON; raises TypeError, ValueError, KeyError or AttributeError for anything else."""
        maps = {name: dict(values[name].items()) for name in ("data", "base", "doubt")}
        was = cls.from_dict(values["was"]) if values["was"] else None
        record = cls(**{**values, **maps, "was": was, "writer": Writer(**values["writer"])})
        texts = [record.id, record.branch, record.dataset, record.location, record.layout, record.created, record.saved]
        texts += [text for pairs in maps.values() for pair in pairs.items() for text in pair]
        good = record.state in ("writing", "complete") and record.kind in ("whole", "versioned", "overlay")
        if not good or not all(isinstance(text, str) for text in texts):
            raise ValueError(record)
        return record


def judge(record: Record | None, unit: str, identity: str | None) -> Verdict:
    """What a reader may do with a unit, from its record and its identity in the store."""
    settled = record.settled if record else None
    known = record.identity(unit) if record else None
    doubtful = record is not None and record.doubts(unit)
    if known is None and settled and settled.over == "nothing":
        return Verdict.NOTHING
    if known is None:
        return Verdict.UNFINISHED if doubtful and identity is not None else Verdict.MAIN
    if identity == known:
        return Verdict.BRANCH
    if doubtful:
        return Verdict.TORN
    return Verdict.GONE if identity is None else Verdict.CHANGED


def record_path(root: str, slug: str, location: str) -> str:
    """Where the record of a location lies: `<root>/_steel_toes/<slug>/<16 hex of the location's SHA-256>.json`."""
    digest = hashlib.sha256(location.encode()).hexdigest()[:16]
    return f"{root.rstrip('/')}/{FOLDER}/{slug}/{digest}.json"


def read_record(store: Store, path: str, dataset: str) -> Record | None:
    """A record, from one small uncached read; None if there is none.

    Raises:
        RecordError: it is no record, or a newer steel_toes wrote it.
        StoreError: the store gave no definite answer.
    """
    data = store.read(path)
    if data is None:
        return None
    try:
        values = json.loads(data)
        if values["format"] <= _FORMAT:
            return Record.from_dict(values)
        why = f"A newer steel_toes wrote it (format {values['format']})."
        remedy = "Upgrade with `pip install -U steel-toes`."
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        why, remedy = f"It is no record: {exc!r}.", "Look at the file; move it away to read main's."
    raise RecordError(dataset=dataset, record=path, why=why, remedy=remedy)


@dataclass(frozen=True, slots=True)
class Book:
    """The record of one location on one branch: where it is, and what it must say to be ours.

    Args:
        store: where the record lies, with the entry's own credentials.
        path: of the record, in that store.
        branch: the branch's full name.
        dataset: the entry that reads or writes.
        location: main's location, normalised; a local one is relative to the record's root.
        shown: the branch copy's location, for messages.
        layout: how the location became the branch copy's.
        kind: of the entry.
        writer: who we are.
        bucket: the branch's own bucket, if it has one.
    """

    store: Store
    path: str
    branch: str
    dataset: str
    location: str
    shown: str
    layout: str
    kind: Kind
    writer: Writer
    bucket: BranchBucket | None = None

    def read(self) -> Record | None:
        """The record, from one small uncached read; None if there is none.

        Raises:
            RecordError: it cannot be read, or is another branch's, another location's or another kind's.
            StoreError: the store gave no definite answer.
        """
        record = read_record(self.store, self.path, self.dataset)
        if record:
            self._check(record)
        return record

    def look(self, path: str, identify: Callable[[str], str | None]) -> tuple[Record | None, Verdict]:
        """The record and its verdict on the unit that a path is, or lies in.

        The store is asked for the unit only where the record needs it.

        A verdict against the copy is given only if the record did not change while it was reached: a save that
        finished between two of our requests is no damage.
        """
        record = self.read()
        while True:
            unit = (record.owner(path) if record else None) or path
            verdict = judge(record, unit, identify(unit) if record and record.knows(unit) else None)
            if verdict not in (Verdict.TORN, Verdict.GONE, Verdict.CHANGED):
                return record, verdict
            again = self.read()
            if again == record:
                return record, verdict
            record = again

    def _check(self, record: Record) -> None:
        for ours, theirs, word in (
            (self.branch, record.branch, "branch"),
            (self.location, record.location, "location"),
            (self.kind, record.kind, "kind"),
        ):
            if ours != theirs:
                why = f"Dataset {record.dataset} wrote it for {word} {theirs}, and {self.dataset} has {word} {ours}."
                remedy = "Entries of two kinds cannot share a location; give one of them its own."
                raise self._unusable(why, remedy if word == "kind" else "Rename the branch: its slug is another's too.")

    def _unusable(self, why: str, remedy: str) -> RecordError:
        return RecordError(dataset=self.dataset, record=self.path, why=why, remedy=remedy)

    def _put(self, record: Record) -> None:
        self.store.write(self.path, record.to_bytes())

    @contextmanager
    def saving(self, plan: Save, identify: Identify) -> Iterator[tuple[Record, Record | None]]:
        """Write `writing`, let the block save the data, write `complete`.

        After an exception in the block, the record goes back to what it was if the data did not change; else it stays
        `writing`, and what is in doubt is torn. Saves of other units at the same time are merged.

        Args:
            plan: what the block saves.
            identify: gives the identities of units in the store.

        Yields:
            The record that was written before the data, and the one before it.

        Raises:
            BucketError: the branch's bucket is missing, or not ours.
            ConcurrentSaveError: another run saved the same unit meanwhile; the data in place is one of the two's.
            RecordError: there is data at the branch copy's place that no record knows.
            SaveRefusedError: the record is another project's.
            TornAppendError: the plan appends to a torn copy.
            ChangedCopyError: the plan appends to a copy that is gone, or was changed by other hands.
        """
        if self.bucket:
            self.bucket.ensure()
        with self.store.lock(self.path):
            before = self.read()
            self._check_writable(before, plan, identify)
            writing = self._writing(before, plan)
            self._put(writing)
        try:
            yield writing, before
        except BaseException as exc:
            abandon_files(exc)
            self._take_back(writing, plan, identify)
            raise
        identities = identify(plan.units)
        with self.store.lock(self.path):
            now = self.read()
            if now is None or not plan.is_still_begun(writing, now):
                raise self._concurrent(now)
            self._put(plan.finished(writing, now, identities))

    def adopt(self, plan: Save, identify: Identify) -> None:
        """Record units that are there already, as if they had been saved just now.

        Args:
            plan: the units, and main's copies of them.
            identify: gives the identities of units in the store.

        Raises:
            SaveRefusedError: the record is another project's.
        """
        with self.store.lock(self.path):
            before = self.read()
            self._check_project(before)
            writing = self._writing(before, plan)
            self._put(plan.finished(writing, writing, identify(plan.units)))

    def _check_project(self, before: Record | None) -> None:
        ours, theirs = self.writer.project, before.writer.project if before else None
        if ours and theirs and ours != theirs:
            why = f"Its branch copy is {theirs}'s, and this is {ours}; if they are one, say so: SteelToes(project=...)."
            raise SaveRefusedError(dataset=self.dataset, type=self.kind, branch=self.branch, why=why)

    def _check_writable(self, before: Record | None, plan: Save, identify: Identify) -> None:
        self._check_project(before)
        strange = [unit for unit in plan.units if not (before and before.knows(unit))]
        if strange and identify(strange):
            if self.read() != before:
                raise self._concurrent(self.read())
            why = f"There is data without a record at {self.shown}: it is nobody's, and is not overwritten."
            adopt = f"steel-toes adopt {shlex.quote(self.dataset)}"
            raise self._unusable(why, f"Record it with `{adopt}`, or move it away, and save again.")
        if plan.keeps and before:
            found = identify(plan.units)
            verdicts = {judge(before, unit, found.get(unit)) for unit in plan.units}
            if Verdict.TORN in verdicts:
                raise TornAppendError(**self.facts(before))
            if verdicts & {Verdict.CHANGED, Verdict.GONE}:
                # What it keeps would be taken for the branch's own from then on.
                what = "is not as it was saved, and this save would add to it"
                raise ChangedCopyError(dataset=self.dataset, branch=self.branch, location=self.shown, what=what)

    def _concurrent(self, other: Record | None) -> ConcurrentSaveError:
        writer = str(other.writer) if other else "it removed the record"
        return ConcurrentSaveError(dataset=self.dataset, branch=self.branch, location=self.shown, writer=writer)

    def facts(self, record: Record | None) -> dict[str, Any]:
        """The facts of a torn copy, for its error."""
        return {
            "dataset": self.dataset,
            "branch": self.branch,
            "location": self.shown,
            "writer": str(record.writer) if record else "somebody",
            "time": record.saved if record else "an unknown time",
        }

    def _writing(self, before: Record | None, plan: Save) -> Record:
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        settled, mine = before.settled if before else None, uuid.uuid4().hex
        return Record(
            id=mine,
            state="writing",
            kind=self.kind,
            branch=self.branch,
            dataset=self.dataset,
            location=self.location,
            layout=self.layout,
            created=settled.created if settled else now,
            saved=now,
            writer=self.writer,
            base=plan.based(before),
            over=settled.over if settled else "main",
            doubt={**(before.doubt if before else {}), **dict.fromkeys(plan.doubted, mine)},
            was=settled,
        )

    def _take_back(self, writing: Record, plan: Save, identify: Identify) -> None:
        """After an exception: undo what the record says of our units if their data is as it was.

        Never hides the exception. The doubts about units of others stay.
        """
        try:
            with self.store.lock(self.path):
                now = self.read()
                if now is None or not plan.is_still_begun(writing, now):
                    return
                settled = now.settled.data if now.settled else {}
                units = {*plan.units, *(settled if plan.everything else ())}
                found = identify(units)
                if any(found.get(unit) != settled.get(unit) for unit in units):
                    return
                doubt = {unit: by for unit, by in now.doubt.items() if by != writing.id}
                if now.was and now.id == writing.id and doubt == now.was.doubt:
                    self._put(now.was)
                elif now.settled or doubt:
                    self._put(replace(now, doubt=doubt))
                else:
                    self.store.remove(self.path)
        except CopyError:
            # The record stays `writing`: the next reader decides from the data, as after a kill.
            return


@dataclass(frozen=True, slots=True)
class Save:
    """What one save is about to do to a branch copy.

    Args:
        units: the units that it writes.
        base: main's identities of these units now.
        keeps: it keeps something of what is there (append and its like), so a torn copy cannot be repaired by it.
        everything: what it does not write is gone, on the branch and from main's under it.
    """

    units: tuple[str, ...]
    base: Mapping[str, str] = field(default_factory=dict)
    keeps: bool = False
    everything: bool = False

    @property
    def doubted(self) -> tuple[str, ...]:
        """The units that nobody can be sure of while this save goes on."""
        return (ALL,) if self.everything else self.units

    def based(self, record: Record | None) -> Identities:
        """Main's copy when the branch copy was begun: kept, unless this save replaces what the branch had."""
        settled = record.settled if record else None
        if self.everything or record is None:
            return dict(self.base)
        if record.kind == "versioned":
            return record.base if settled else dict(self.base)
        kept = settled.data if settled and self.keeps else ()
        own = {unit: identity for unit, identity in self.base.items() if unit not in kept}
        others = {unit: i for unit, i in record.base.items() if unit in kept or unit not in self.units}
        return {**others, **own}

    def is_still_begun(self, writing: Record, now: Record) -> bool:
        """Whether nobody else began or finished a save of the same units since `writing` was written."""
        if self.everything:
            return now == writing
        every = writing.doubt.get(ALL) == now.doubt.get(ALL)
        return every and all(now.doubt.get(unit) == writing.id for unit in self.units)

    def finished(self, writing: Record, now: Record, identities: Identities) -> Record:
        """The record after the data: our units are settled, what others left in doubt stays so.

        Args:
            writing: the record that was written before the data.
            now: the record in place; another save of other units may have written it.
            identities: of our units.
        """
        settled = now.settled.data if now.settled and not self.everything else {}
        return replace(
            now,
            id=writing.id,
            state="complete",
            was=None,
            data={**settled, **identities},
            base=self.based(now),
            over="nothing" if self.everything and now.kind == "overlay" else now.over,
            doubt={} if self.everything else {unit: by for unit, by in now.doubt.items() if unit not in self.units},
        )
