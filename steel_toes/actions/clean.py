"""`clean`: what would be removed. A plan is made by reading only, and lists each object that would go."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from steel_toes import reasons, sentences
from steel_toes.actions.claims import Claims, list_claims, why_claimed
from steel_toes.actions.guards import Guards, check_branch_name, is_wanted, left_line
from steel_toes.actions.guards import unknown_datasets as unknown_names
from steel_toes.actions.inventory import Inventory, Listing, believed, read_all
from steel_toes.actions.plan import CleanPlan, FiledRecord, HeldCopy, StoredRecord
from steel_toes.checkout.git import GONE, UNKNOWN, was_pushed
from steel_toes.naming.branch import make_slug
from steel_toes.stores.together import all_together


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
    """The records that may go.

    Attributes:
        groups: the records, by their slugs' groups.
        branch_names: the names of their branches, if only those may.
        failures: what failed.
        young: the branches that are gone, but too young, each with when it will be old enough.
    """

    groups: list[list[StoredRecord]]
    branch_names: set[str]
    failures: list[str]
    young: Mapping[str, datetime] = {}


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
    admitted = _admitted(inventory, wish)
    stored: list[StoredRecord] = []
    for group in admitted.groups:
        stored += group
    records, unread = believed(read_all(stored))
    # Datasets are chosen first: what nobody asked for needs no look into its store.
    wanted = [filed for filed in records if is_wanted(inventory, filed, wish.datasets)]
    guards = Guards(inventory, admitted.branch_names, is_named=bool(wish.branch_names))
    # Nobody looks for claims of nothing.
    judge = _Judge(inventory, guards, list_claims(inventory) if wanted else Claims())
    candidates = all_together(judge.candidate, wanted)
    plan = _collect(candidates, [*admitted.failures, *unread, *judge.claims.failures])
    return replace(plan, young=admitted.young)


def unknown_datasets(inventory: Inventory, wish: Wish, plan: CleanPlan) -> list[str]:
    """Names that neither the catalog has nor any record of the chosen branches: typing mistakes."""
    # What was not read may be of any dataset.
    if plan.left or plan.failed:
        return []
    return unknown_names(inventory, wish.datasets, [copy.record.dataset for copy in plan.copies])


def _collect(candidates: list[_Candidate], failures: list[str]) -> CleanPlan:
    copies = []
    left = []
    for copy, why_left, failure in candidates:
        # A candidate has exactly one of the three.
        if copy is not None:
            copies.append(copy)
        elif why_left:
            left.append(why_left)
        else:
            failures.append(failure)
    return CleanPlan(tuple(copies), tuple(left), tuple(failures))


def _admitted(inventory: Inventory, wish: Wish) -> _Admitted:
    """The records that may go, before any of them is read."""
    # Before anything is listed: a wrong name is a wrong call, whatever lies there.
    for name in wish.branch_names:
        check_branch_name(inventory, name, reasons.MAIN_TO_CLEAN)
    if wish.branch_names:
        slugs = set(map(make_slug, wish.branch_names))
        listing = inventory.list_records(sorted(slugs))
        groups = list(listing.groups.values())
        return _Admitted(groups, set(wish.branch_names), listing.failures)
    return _admitted_by_age(inventory, inventory.list_records(), wish)


def _admitted_by_age(inventory: Inventory, listing: Listing, wish: Wish) -> _Admitted:
    """The slugs that are old enough and, if asked so, whose branch is gone; and the names of those branches."""
    if listing.failures:
        # What did not answer may hold a branch's youngest copy: then no branch is known to be old.
        return _Admitted([], set(), [*listing.failures, sentences.PARTIAL_LISTING])
    limit = datetime.now(timezone.utc) - wish.age
    groups = dict(listing.groups)
    # The branch that somebody works on right now is never removed by its age.
    groups.pop(inventory.policy.branch.slug, None)
    # A group's first record is its newest: while one save is young, all of the branch stays.
    old_groups = []
    for group in groups.values():
        if group[0].modified < limit:
            old_groups.append(group)
    if not wish.stale:
        return _Admitted(old_groups, set(), [])
    # Of the young ones, too: somebody asks why they are not listed.
    gone, failures = _gone_branches(inventory, list(groups.values()))
    stale_groups = [group for group in old_groups if group[0].slug in gone]
    young: dict[str, datetime] = {}
    for slug, name in gone.items():
        newest = groups[slug][0]
        if newest.modified >= limit:
            young[name] = newest.modified + wish.age
    return _Admitted(stale_groups, set(gone.values()) - young.keys(), failures, young)


def _gone_branches(inventory: Inventory, groups: list[list[StoredRecord]]) -> tuple[dict[str, str], list[str]]:
    """The names of those branches that Git says are gone, by their slugs; and why nothing is known of others."""
    samples, _ = believed(inventory.samples(groups))
    gone = {}
    failures = []
    for filed in samples:
        name = filed.record.branch_name
        word, why = inventory.word_on(filed.record)
        # "unknown" and "no such branch" prove nothing.
        if word == GONE:
            gone[filed.stored.slug] = name
        elif word == UNKNOWN and inventory.is_own(filed.record) and was_pushed(name, filed.record.writer.upstream):
            failures.append(sentences.NOT_KNOWN_GONE.format(branch=name, why=why))
    return gone, failures


@dataclass(frozen=True)
class _Judge:
    """Decides of each record whether its copy goes.

    Args:
        inventory: of the project.
        guards: which copies are not asked for.
        claims: of promotes that have not ended.
    """

    inventory: Inventory
    guards: Guards
    claims: Claims

    def candidate(self, filed: FiledRecord) -> _Candidate:
        """What the plan makes of a record."""
        why = self.guards.why_left(filed) or self._why_claimed(filed)
        if why:
            return _Candidate(left=left_line(filed, why))
        copy, failure = self.inventory.look(filed)
        if copy is None:
            return _Candidate(failure=failure)
        why = copy.why_linked()
        if not why and self._is_out_of_sight(copy):
            why = sentences.NOTHING_TO_SEE
        if why:
            return _Candidate(left=left_line(filed, why))
        return _Candidate(copy)

    def _why_claimed(self, filed: FiledRecord) -> str:
        stored = self.claims.of(filed)
        return why_claimed(stored.claim if stored else None, filed.record.branch_name)

    def _is_out_of_sight(self, copy: HeldCopy) -> bool:
        """Whether a copy may lie where nobody sees it now, while its record lies elsewhere: on a disk not mounted."""
        if not self.inventory.policy.settings.records_folder:
            return False
        return copy.has_vanished
