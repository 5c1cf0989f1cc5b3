"""`clean`: the removal of branch copies.

A plan is made by reading only, and lists each object that would go.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import NamedTuple

from steel_toes import errors
from steel_toes.actions.inventory import (
    Inventory,
    Reading,
    believed,
    copy_location,
    in_threads,
    read_all,
)
from steel_toes.actions.plan import CleanPlan, FiledRecord, HeldCopy, Removal, StoredRecord
from steel_toes.naming.branch import Branch, make_slug
from steel_toes.naming.buckets import bucket_of
from steel_toes.naming.location import normalise
from steel_toes.naming.nesting import outermost_directory
from steel_toes.stores.buckets import BranchBucket

_BATCH = 100  # records that are removed together


# --- The plan ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wish:
    """What somebody asks `clean` to remove.

    Args:
        branch_names: of these branches; without one, of all branches but the current one that `stale` and `age` admit.
        datasets: only these, by their name in the record or in the catalog; without one, all.
        stale: only branches that Git says are gone.
        age: only branches of which all records are older.
    """

    branch_names: Collection[str] = ()
    datasets: Collection[str] = ()
    stale: bool = False
    age: timedelta = timedelta(0)


class _Admitted(NamedTuple):
    """The records that may go, by their slugs' groups; and the names of their branches, if only those may."""

    groups: list[list[StoredRecord]]
    branch_names: set[str]


class _Candidate(NamedTuple):
    """What a plan makes of one record: a copy that goes, one that is left alone, or one that could not be read."""

    copy: HeldCopy | None = None
    left: str = ""
    failure: str = ""


def make_plan(inventory: Inventory, wish: Wish) -> CleanPlan:
    """What `clean` would remove. Nothing is changed.

    Args:
        inventory: of the project.
        wish: what is asked for.

    Raises:
        ConfigurationError: the name of main, or a blank one.
    """
    for name in wish.branch_names:
        _check_name(name, inventory.mains)
    slugs = {make_slug(name) for name in wish.branch_names} or {""}
    groups, failures = inventory.list_records(sorted(slugs))
    if wish.branch_names:
        admitted = _Admitted(list(groups.values()), set(wish.branch_names))
    else:
        admitted = _admit(inventory, groups, wish)
    stored = [record for group in admitted.groups for record in group]
    records, unread = believed(read_all(stored))
    judge = _Judge(inventory, admitted.branch_names, is_named=bool(wish.branch_names))
    wanted = [filed for filed in records if _is_wanted(inventory, filed, wish.datasets)]
    candidates = in_threads(judge.candidate, wanted)
    failed = [*failures, *unread, *(candidate.failure for candidate in candidates if candidate.failure)]
    return CleanPlan(
        copies=tuple(candidate.copy for candidate in candidates if candidate.copy),
        left=tuple(candidate.left for candidate in candidates if candidate.left),
        failed=tuple(failed),
    )


def _check_name(name: str, mains: frozenset[str]) -> None:
    if not name.strip():
        raise errors.ConfigurationError(errors.BLANK_TO_CLEAN, setting="--branch", value=name)
    if name in mains:
        raise errors.ConfigurationError(errors.MAIN_TO_CLEAN, setting="--branch", value=name)


def _admit(inventory: Inventory, groups: Mapping[str, list[StoredRecord]], wish: Wish) -> _Admitted:
    """The slugs that are old enough and, if asked so, whose branch is gone; and the names of those branches."""
    limit = datetime.now(timezone.utc) - wish.age
    current = inventory.policy.branch.slug
    old_groups = [group for slug, group in groups.items() if slug != current and group[0].modified < limit]
    if not wish.stale:
        return _Admitted(old_groups, set())
    samples, _ = believed(inventory.samples(old_groups))
    gone = {}
    for filed in samples:
        if inventory.word_on(filed.record).word == "gone":
            gone[filed.stored.slug] = filed.record.branch_name
    return _Admitted([group for group in old_groups if group[0].slug in gone], set(gone.values()))


def _is_wanted(inventory: Inventory, filed: FiledRecord, datasets: Collection[str]) -> bool:
    """Whether a record is of one of these datasets, by their name in the record or in the catalog."""
    if not datasets or filed.record.dataset in datasets:
        return True
    for root in inventory.roots:
        if root.path == filed.stored.root.path:
            subjects = [root.subjects.get(name) for name in datasets]
            if filed.record.location in subjects:
                return True
    return False


@dataclass(frozen=True)
class _Judge:
    """Decides of each record whether its copy goes.

    Args:
        inventory: of the project.
        branch_names: of the branches whose copies may go; all, if there is none.
        is_named: whether somebody named them.
    """

    inventory: Inventory
    branch_names: set[str]
    is_named: bool
    _guards: dict[str, frozenset[str]] = field(default_factory=dict, repr=False)

    def candidate(self, filed: FiledRecord) -> _Candidate:
        """What the plan makes of a record."""
        why = self.inventory.why_misplaced(filed) or self._why_not_ours(filed) or self._why_guarded(filed)
        if why:
            return self._left(filed, why)
        copy, failure = self.inventory.measure(filed)
        if copy is None:
            return _Candidate(failure=failure)
        if any(copy.store.leads_out(path, copy.path) for path in copy.objects):
            return self._left(filed, errors.LINK_LEADS_OUT)
        return _Candidate(copy)

    def _left(self, filed: FiledRecord, why: str) -> _Candidate:
        return _Candidate(left=errors.LEFT_ALONE.format(record=filed.stored.path, why=why))

    def _why_not_ours(self, filed: FiledRecord) -> str:
        """Why a record is of a branch or project whose copies stay; "" if it is not."""
        record = filed.record
        if self.branch_names and record.branch_name not in self.branch_names:
            return errors.OF_OTHER_BRANCH.format(branch=record.branch_name)
        project = record.writer.project
        if project is None and not self.is_named:
            return errors.OF_UNKNOWN_PROJECT
        if project is not None and project != self.inventory.policy.writer.project:
            return errors.OF_OTHER_PROJECT.format(project=project)
        return ""

    def _why_guarded(self, filed: FiledRecord) -> str:
        """Why a copy may be a main copy: one of today may have the name of a branch copy of yesterday."""
        copy = normalise(copy_location(filed)).casefold()
        for main in self._guarded(filed.record.branch_name):
            if outermost_directory(copy, [main]) or outermost_directory(main, [copy]):
                return errors.MAIN_COPY_THERE.format(location=main)
        return ""

    def _guarded(self, branch_name: str) -> frozenset[str]:
        """The catalog's main copies that have the form of a copy of this branch, computed once for each branch."""
        if branch_name not in self._guards:
            inventory = self.inventory
            policy = replace(inventory.policy, branch=Branch(branch_name, "its record"))
            policy = policy.surveyed(inventory.explicit.values(), inventory.patterns.values())
            self._guards[branch_name] = policy.catalog.guarded
        return self._guards[branch_name]


# --- Its application --------------------------------------------------------------------------------------------------


def apply(plan: CleanPlan) -> Iterator[Removal]:
    """Remove what a plan lists, and no more; data first, its record last.

    Each record is read again before: one that says something else now is left alone. It is best effort: what fails is
    told, the rest goes on, and a plan made anew continues.

    Yields:
        What became of each copy; of a copy in a bucket that was not removed with it, twice.
    """
    # Each record of a batch is locked, which takes an open file: there are not many at a time.
    with ThreadPoolExecutor(2) as pool:
        for removals in pool.map(_remove_batch, _batches(plan)):
            yield from removals
    buckets = {}
    for copy in plan.copies:
        bucket = _bucket_of(copy)
        if bucket is not None:
            buckets[bucket.url] = (bucket, copy)
    for bucket, copy in buckets.values():
        problem = _discard(bucket)
        if problem:
            yield Removal(copy, problem)


def _batches(plan: CleanPlan) -> list[list[HeldCopy]]:
    """The copies in groups of one store of records and one of data."""
    groups: dict[tuple[int, int], list[HeldCopy]] = {}
    for copy in sorted(plan.copies, key=lambda copy: copy.stored.path):
        key = (id(copy.stored.root.store), id(copy.store))
        groups.setdefault(key, []).append(copy)
    batches = []
    for group in groups.values():
        for start in range(0, len(group), _BATCH):
            batches.append(group[start : start + _BATCH])
    return batches


class _State(Enum):
    """What a record is when it comes to it."""

    PLANNED = "as it was planned"
    GONE = "gone"
    CHANGED = "changed, or not to be read"


def _remove_batch(batch: list[HeldCopy]) -> list[Removal]:
    try:
        states = _remove_unchanged(batch)
    except errors.CopyError as exc:
        if len(batch) == 1:
            return [Removal(batch[0], str(exc))]
        return [_remove_alone(copy) for copy in batch]
    return [_removal(copy, state is _State.PLANNED) for copy, state in zip(batch, states, strict=True)]


def _remove_alone(copy: HeldCopy) -> Removal:
    """Remove a copy after its batch failed, which may have removed some of its records."""
    try:
        (state,) = _remove_unchanged([copy])
    except errors.CopyError as exc:
        return Removal(copy, str(exc))
    return _removal(copy, state is not _State.CHANGED)


def _removal(copy: HeldCopy, is_removed: bool) -> Removal:
    return Removal(copy, "" if is_removed else errors.RECORD_HAS_CHANGED)


def _remove_unchanged(batch: list[HeldCopy]) -> list[_State]:
    """Remove the copies whose record is as it was planned, then those records.

    Returns:
        What each record was.
    """
    root_store = batch[0].stored.root.store
    with ExitStack() as locks:
        for copy in batch:
            locks.enter_context(root_store.lock(copy.stored.path))
        readings = read_all([copy.stored for copy in batch])
        states = [_state(copy, reading) for copy, reading in zip(batch, readings, strict=True)]
        copies = [copy for copy, state in zip(batch, states, strict=True) if state is _State.PLANNED]
        objects = [path for copy in copies for path in copy.objects]
        batch[0].store.remove_all(objects, [copy.path for copy in copies])
        records = [copy.stored.path for copy in copies]
        root_store.remove_all(records, {posixpath.dirname(path) for path in records})
    return states


def _state(copy: HeldCopy, reading: Reading) -> _State:
    if reading.failure:
        return _State.CHANGED
    if not reading.record.exists:
        return _State.GONE
    return _State.PLANNED if reading.record == copy.record else _State.CHANGED


def _bucket_of(copy: HeldCopy) -> BranchBucket | None:
    """The branch's own bucket that a copy lies in."""
    if copy.record.layout != "bucket" or bucket_of(copy.record.location) is None:
        return None
    url = f"{copy.store.protocol}://{copy.path.split('/')[0]}"
    return BranchBucket(copy.store, url, copy.record.branch_name, create=False)


def _discard(bucket: BranchBucket) -> str:
    """Remove a branch's bucket if it is empty; the reason if that fails."""
    try:
        bucket.discard()
    except errors.CopyError as exc:
        return str(exc)
    return ""
