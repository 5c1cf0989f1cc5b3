"""`clean`: the removal of what was planned."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from enum import Enum
from itertools import chain
from typing import NamedTuple

from steel_toes import errors
from steel_toes.actions.inventory import Reading, read_all
from steel_toes.actions.plan import CleanPlan, HeldCopy, Removal
from steel_toes.stores.buckets import BranchBucket

_BATCH = 100  # records that are removed together


def apply(plan: CleanPlan) -> Iterator[Removal]:
    """Remove what a plan lists, and no more; data first, its record last.

    Each record is read again before: one that says something else now is left alone. It is best effort: the rest goes
    on when something fails, and a plan made anew continues.

    Yields:
        What became of each copy; of a copy in a bucket that was not removed with it, twice.
    """
    # Each record of a batch is locked, which takes an open file: there are not many at a time.
    with ThreadPoolExecutor(2) as pool:
        yield from chain.from_iterable(pool.map(_remove_batch, _batches(plan)))
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


class _State(Enum):
    """What a record is when it comes to it."""

    PLANNED = "as it was planned"
    GONE = "gone"
    CHANGED = "changed, or not to be read"
    LINKED = "as it was planned, but its copy is reached through a link now"


# Why a copy was not removed; "" if it was.
_PROBLEMS = {
    _State.PLANNED: "",
    _State.GONE: errors.RECORD_HAS_CHANGED,
    _State.CHANGED: errors.RECORD_HAS_CHANGED,
    _State.LINKED: errors.LINK_LEADS_OUT,
}


class _Judged(NamedTuple):
    """A copy, and what its record is now."""

    copy: HeldCopy
    state: _State


def _remove_batch(batch: list[HeldCopy]) -> list[Removal]:
    try:
        judged = _remove_unchanged(batch)
    except errors.CopyError as exc:
        if len(batch) == 1:
            return [Removal(batch[0], str(exc))]
        # One that fails must not keep the others.
        return list(map(_remove_alone, batch))
    return [Removal(copy, _PROBLEMS[state]) for copy, state in judged]


def _remove_alone(copy: HeldCopy) -> Removal:
    """Remove a copy after its batch failed, which may have removed some of its records."""
    try:
        (judged,) = _remove_unchanged([copy])
    except errors.CopyError as exc:
        return Removal(copy, str(exc))
    if judged.state is _State.GONE:
        return Removal(copy)
    return Removal(copy, _PROBLEMS[judged.state])


def _remove_unchanged(batch: list[HeldCopy]) -> list[_Judged]:
    """Remove the copies whose record is as it was planned, then those records.

    Returns:
        What each record was.
    """
    root_store = batch[0].stored.root.store
    with ExitStack() as locks:
        for copy in batch:
            locks.enter_context(root_store.lock(copy.stored.path))
        # Read again under the lock: what a save has begun since the plan was made stays.
        readings = read_all([copy.stored for copy in batch])
        judged = list(map(_judge, batch, readings))
        _remove([copy for copy, state in judged if state is _State.PLANNED])
    return judged


def _judge(copy: HeldCopy, reading: Reading) -> _Judged:
    state = _State.CHANGED
    if reading.record == copy.record:
        state = _State.PLANNED
        # Somebody may have put a link there since the plan was made.
        if copy.leads_out():
            state = _State.LINKED
    # A record that cannot be read does not say that it is gone.
    elif not reading.record.exists and not reading.failure:
        state = _State.GONE
    return _Judged(copy, state)


def _remove(copies: list[HeldCopy]) -> None:
    """Remove copies of one store, whose records lie in one store, and then their records."""
    if not copies:
        return
    objects = chain.from_iterable(copy.objects for copy in copies)
    copies[0].store.remove_all(list(objects), [copy.path for copy in copies])
    # A record is removed last: until then it still says what its data was.
    store = copies[0].stored.root.store
    records = [copy.stored.path for copy in copies]
    # We hold them: who waits for one sees that it is gone, and makes another.
    locks = [path for path in map(store.lock_path, records) if path is not None]
    store.remove_all(records + locks, set(map(posixpath.dirname, records)))


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
