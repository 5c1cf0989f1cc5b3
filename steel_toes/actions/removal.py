"""`clean`: the removal of what was planned.

What goes is announced first: the record says `removing`, and every reader reads main's. Then the objects go, each only
as it was planned, and then the record. A removal that was killed is ended by the next one, and no save of another host
is lost in between: it either keeps the announcement from being put, or is refused by it.
"""

from __future__ import annotations

import posixpath
import secrets
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

from steel_toes import errors, sentences
from steel_toes.actions.claims import why_claimed
from steel_toes.actions.plan import CleanPlan, HeldCopy, Removal, recorded_units
from steel_toes.records.file import RecordFile, RecordInPlace
from steel_toes.records.journal import ClaimFile, claim_path
from steel_toes.records.record import NO_RECORD, Record
from steel_toes.stores.buckets import BranchBucket
from steel_toes.stores.locks import PATIENCE_SECONDS, LockHeldError
from steel_toes.stores.together import all_together

_BATCH = 100  # records that are removed together


def apply(plan: CleanPlan, *, heeds_claims: bool = True) -> Iterator[Removal]:
    """Remove what a plan lists, and no more.

    A record that says something else by now is left alone. It is best effort: the rest goes on when something fails,
    and a plan made anew continues.

    Args:
        plan: what goes.
        heeds_claims: whether a copy that is being promoted stays; not if that promote removes it.

    Yields:
        What became of each copy; of a copy in a bucket that was not removed with it, twice.
    """
    # Each record of a batch is locked, which takes an open file: there are not many at a time.
    with ThreadPoolExecutor(2) as pool:
        yield from chain.from_iterable(pool.map(partial(_remove_batch, heeds_claims), _batches(plan)))
    yield from _discard_buckets(plan)


def _batches(plan: CleanPlan) -> list[list[HeldCopy]]:
    """The copies in groups of one store of records and one of data."""
    groups: dict[tuple[int, int], list[HeldCopy]] = {}
    # By path, so that two processes that clean at once take their locks in one order.
    for copy in sorted(plan.copies, key=lambda copy: copy.stored.path):
        key = (id(copy.stored.root.store), id(copy.store))
        groups.setdefault(key, []).append(copy)
    batches = []
    for group in groups.values():
        starts = range(0, len(group), _BATCH)
        batches += [group[start : start + _BATCH] for start in starts]
    return batches


@dataclass
class _Going:
    """A copy that goes.

    Args:
        copy: as it was planned.
        is_locked: whether we hold its record's lock.
        in_place: its record, once it says `removing`.
        problem: why it stays; "" as long as it goes.
        has_failed: as `Removal` has it.
    """

    copy: HeldCopy
    is_locked: bool = False
    in_place: RecordInPlace | None = None
    problem: str = ""
    has_failed: bool = False

    def fail(self, error: errors.CopyError) -> None:
        """It stays, because of an error."""
        self.problem = str(error)
        self.has_failed = isinstance(error, errors.StoreError)

    @property
    def file(self) -> RecordFile:
        """Its record's."""
        return self.copy.filed.file

    @property
    def as_planned(self) -> RecordInPlace | None:
        """Its record as the plan read it, where a put over another is refused; None where it must be read again."""
        stored = self.copy.stored
        stamp = self.copy.filed.stamp
        if not stamp or not stored.root.store.honours_conditions(stored.path):
            return None
        return RecordInPlace(self.copy.record, stamp)


def _remove_batch(heeds_claims: bool, batch: list[HeldCopy]) -> list[Removal]:
    all_going = [_Going(copy) for copy in batch]
    with ExitStack() as locks:
        # Somebody may have put a link there since the plan was made.
        _stop_at_links(all_going)
        for going in _still(all_going):
            _lock(going, locks)
        # The first one shows whether a put over another record is refused.
        for first in _still(all_going)[:1]:
            _announce(first)
        all_together(_announce, [going for going in _still(all_going) if going.in_place is None])
        if heeds_claims:
            _stop_at_claims(_still(all_going))
        # Again, right before: a hundred announcements take a while.
        _stop_at_links(_still(all_going))
        _remove_objects(_still(all_going))
        all_together(_remove_record, _still(all_going))
        _remove_locks(_still(all_going))
    return [Removal(going.copy, going.problem, going.has_failed) for going in all_going]


def _still(all_going: Iterable[_Going]) -> list[_Going]:
    """Those that still go."""
    return [going for going in all_going if not going.problem]


def _stop_at_links(all_going: Iterable[_Going]) -> None:
    """Stop at copies in which there is a symbolic link: to remove them would remove what it leads to."""
    for going in all_going:
        going.problem = going.copy.why_linked()


def _lock(going: _Going, locks: ExitStack) -> None:
    """Lock a record for the length of its removal, where everybody meets the lock."""
    stored = going.copy.stored
    if not stored.root.store.has_shared_locks:
        return
    try:
        going.is_locked = locks.enter_context(stored.root.store.lock(stored.path, PATIENCE_SECONDS))
    except LockHeldError:
        going.problem = sentences.IS_BEING_SAVED
    except errors.CopyError as exc:
        going.fail(exc)


def _announce(going: _Going) -> None:
    """Put the record as `removing`, only over the one that was planned."""
    copy = going.copy
    announcement = _announcement(copy)
    latest = NO_RECORD

    def change(now: Record) -> Record:
        nonlocal latest
        latest = now
        return announcement if _is_planned(now, copy) else now

    try:
        in_place = going.file.update(change, going.as_planned, going.is_locked)
    except errors.CopyError as exc:
        going.fail(exc)
        return
    if in_place.record == announcement:
        going.in_place = in_place
    else:
        going.problem = _why_refused(copy.record, latest)


def _stop_at_claims(all_going: list[_Going]) -> None:
    """Stop at copies that are being promoted: the claims of each root are listed once."""
    by_folder: dict[str, list[_Going]] = {}
    for going in all_going:
        folder = posixpath.dirname(claim_path(going.copy.stored.path))
        by_folder.setdefault(folder, []).append(going)
    for folder, group in by_folder.items():
        try:
            names = group[0].copy.stored.root.store.names_below(folder)
        except errors.CopyError as exc:
            # Any of them may be promoted: none goes.
            for going in group:
                going.fail(exc)
            continue
        for going in group:
            if posixpath.basename(going.copy.stored.path) in names:
                _stop_at_claim(going)


def _stop_at_claim(going: _Going) -> None:
    """Stop at a copy that is being promoted. Whoever promotes reads the record again after the claim was put."""
    stored, record = going.copy.stored, going.copy.record
    try:
        claim = ClaimFile(stored.root.store, claim_path(stored.path)).find().claim
        why = why_claimed(claim, record.branch_name)
        if not why:
            return
        announcement = _announced(going)
        going.problem = why
        going.file.update(lambda now: record if now == announcement else now, is_locked=going.is_locked)
    except errors.CopyError as exc:
        going.fail(exc)


def _announced(going: _Going) -> Record:
    """The record that says what goes, as it lies there."""
    assert going.in_place is not None  # a copy that still goes is announced
    return going.in_place.record


def _is_planned(now: Record, copy: HeldCopy) -> bool:
    """Whether a record is the one that was planned to go."""
    return now == copy.record


def _announcement(copy: HeldCopy) -> Record:
    """The record that says what goes."""
    announcement_id = secrets.token_hex(8)
    inside = len(copy.path) + 1
    removing = {path[inside:]: item.identity for path, item in copy.objects.items()}
    units = recorded_units(copy.record)
    # What a save of everything left that did not finish is no unit of the record.
    if copy.record.kind == "overlay":
        units.update(removing)
    return replace(
        copy.record,
        id=announcement_id,
        state="removing",
        data={},
        doubt=dict.fromkeys(sorted(units), (announcement_id,)),
        removing=removing,
        was=None,
    )


def _why_refused(planned: Record, now: Record) -> str:
    """Why a copy whose record is not the planned one any more stays."""
    # A save that has begun since keeps what was complete; another `clean` does not.
    if now.settled == planned.settled:
        return sentences.RECORD_HAS_CHANGED
    return sentences.REMOVED_BY_ANOTHER


def _remove_objects(all_going: list[_Going]) -> None:
    """Remove the objects of copies in one store, each only as it was planned."""
    if not all_going:
        return
    try:
        changed = _remove_unchanged([going.copy for going in all_going])
    except errors.CopyError as exc:
        if len(all_going) == 1:
            all_going[0].fail(exc)
            return
        # One that fails must not keep the others.
        for going in all_going:
            _remove_objects([going])
        return
    for going in all_going:
        number = len(changed & going.copy.objects.keys())
        if number:
            going.problem = sentences.COPY_HAS_CHANGED.format(files=errors.count(number, "file"))


def _remove_unchanged(copies: list[HeldCopy]) -> set[str]:
    """Remove the objects of copies; the paths of those that stay, since they are others by now."""
    identities: dict[str, str] = {}
    for copy in copies:
        identities.update((path, item.identity) for path, item in copy.objects.items())
    # The folders that a copy lay in, too, down from the one that is the branch's.
    folders = sorted({copy.top_path for copy in copies})
    return set(copies[0].store.remove_unchanged(identities, folders))


def _remove_record(going: _Going) -> None:
    """Remove a record whose copy is gone, only as we put it."""
    stored = going.copy.stored
    assert going.in_place is not None  # a copy that still goes is announced
    try:
        if going.is_locked:
            stored.root.store.remove(stored.path)
        elif stored.root.store.has_conditions(stored.path):
            if not stored.root.store.delete_stamped(stored.path, going.in_place.stamp):
                going.problem = sentences.RECORD_HAS_CHANGED
        elif going.copy.record.says_nothing:
            # It said nothing before, and nobody has begun a save since: it is looked at right before.
            if going.file.read() == going.in_place.record:
                stored.root.store.remove(stored.path)
        else:
            _put_nothing(going, going.in_place.record)
    except errors.CopyError as exc:
        going.fail(exc)


def _put_nothing(going: _Going, announcement: Record) -> None:
    """Put a record that says nothing, where a deletion could meet another's."""
    nothing = replace(announcement, state="complete", doubt={}, removing={})
    going.file.update(lambda now: nothing if now == announcement else now)


def _remove_locks(all_going: list[_Going]) -> None:
    """Remove the locks of records that are gone, and the folders that are empty then. We hold them."""
    for going in all_going:
        store, path = going.copy.stored.root.store, going.copy.stored.path
        lock_path = store.lock_path(path)
        if going.is_locked and lock_path is not None:
            try:
                # Who waits for it sees that it is gone, and makes another.
                store.remove(lock_path)
                store.remove_unchanged({}, [posixpath.dirname(path)])
            except errors.CopyError as exc:
                going.fail(exc)


def _discard_buckets(plan: CleanPlan) -> Iterator[Removal]:
    """Remove the branches' own buckets that are empty now; yields those that could not be removed."""
    for url, copy in plan.buckets.items():
        problem = _discard(url, copy)
        if problem:
            yield Removal(copy, problem)


def _discard(url: str, copy: HeldCopy) -> str:
    """Remove a branch's bucket if it is empty; the reason if that fails."""
    try:
        BranchBucket(copy.store, url, copy.record.branch_name, create=False).discard()
    except errors.CopyError as exc:
        return str(exc)
    return ""
