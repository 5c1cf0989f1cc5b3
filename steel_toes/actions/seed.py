"""`seed`: copies of this branch's that begin as another branch's, or as main's of now.

A plan is made by reading only. Each copy is then made by an ordinary save, which copies within the store: so torn,
concurrent and unrecorded copies are what they always are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from kedro.io import DatasetError

from steel_toes import errors, reasons, sentences
from steel_toes.actions.claims import Claims, list_claims, why_claimed
from steel_toes.actions.goals import Shape, shape_of
from steel_toes.actions.guards import check_branch_name, entries_of, left_line
from steel_toes.actions.inventory import Inventory, Measure, main_location
from steel_toes.actions.plan import NO_TIME, FiledRecord, HeldCopy, StoredRecord
from steel_toes.actions.seeding import Seeding, SeedPart, Source, has_all
from steel_toes.actions.sources import source_of_branch, source_of_main
from steel_toes.datasets.base import BranchedDataset
from steel_toes.datasets.paths import keeps_checkpoint_elsewhere
from steel_toes.datasets.proxy import branched_of
from steel_toes.naming.location import normalise
from steel_toes.records.origins import unseeded
from steel_toes.records.place import Place
from steel_toes.records.record import NO_RECORD, Record, record_path
from steel_toes.records.units import WHOLE
from steel_toes.stores.together import all_together


@dataclass(frozen=True)
class SeedWish:
    """What somebody asks `seed` to do.

    Args:
        branch_name: the branch to begin from; None for main's data.
        datasets: only these entries; without one, all that the other branch has.
        again: whether copies that this branch has already are replaced.
    """

    branch_name: str | None = None
    datasets: Sequence[str] = ()
    again: bool = False


class SeedPlan(NamedTuple):
    """What `seed` would do.

    Attributes:
        seedings: what is copied.
        refusals: why something cannot be, each with the way out: then nothing is.
        left: why other copies of the branch have no part in it.
        failed: what could not be read.
    """

    seedings: tuple[Seeding, ...] = ()
    refusals: tuple[errors.CopyError, ...] = ()
    left: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


def make_plan(catalog: Any, inventory: Inventory, wish: SeedWish) -> SeedPlan:
    """What `seed` would do. Nothing is changed.

    Args:
        catalog: on this branch; steel_toes is installed on it.
        inventory: of the project.
        wish: what is asked for.

    Raises:
        ConfigurationError: the branch to begin from is main, this one, blank, or has no records.
    """
    # Before any store is asked.
    _check_name(inventory, wish)
    claims = list_claims(inventory)
    sources = _Sources.of(catalog, inventory, wish.branch_name, claims)
    # A partial answer admits nothing: what was not read may be of this very dataset.
    if claims.failures or sources.failed:
        return SeedPlan(failed=(*claims.failures, *sources.failed))
    draft = _Draft(inventory, wish, claims, sources)
    # Without names, all that the other branch has.
    names = sorted(wish.datasets) or sorted(sources.names)
    return draft.plan(catalog, names)


def _check_name(inventory: Inventory, wish: SeedWish) -> None:
    name = wish.branch_name
    # Main's data is meant.
    if name is None:
        return
    check_branch_name(inventory, name, reasons.SEED_FROM_MAIN, "--from")
    if name == inventory.policy.branch.name:
        raise errors.ConfigurationError(reasons.SEED_FROM_ITSELF, setting="--from", value=name)


@dataclass(frozen=True)
class _Sources:
    """The copies of the branch to begin from.

    Args:
        copies: by where this branch's records of the same locations lie; each as its store has it now.
        names: the entries that they are of.
        left: why others have no part in it.
        failed: what could not be read.
        refusals: why a copy cannot be copied, by the same places.
    """

    copies: Mapping[str, HeldCopy] = field(default_factory=dict)
    names: Collection[str] = ()
    left: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    refusals: Mapping[str, errors.Reason] = field(default_factory=dict)

    @classmethod
    def of(cls, catalog: Any, inventory: Inventory, branch_name: str | None, claims: Claims) -> _Sources:
        """Those of a branch; of main none."""
        if branch_name is None:
            return cls()
        records, failed = inventory.records_of(branch_name)
        if not records and not failed:
            raise errors.ConfigurationError(reasons.NOBODY_TO_SEED_FROM, setting="--from", value=branch_name)
        return cls._looked_at(catalog, inventory, records, failed, claims)

    @classmethod
    def _looked_at(
        cls,
        catalog: Any,
        inventory: Inventory,
        records: Sequence[FiledRecord],
        failed: list[str],
        claims: Claims,
    ) -> _Sources:
        left = []
        names: set[str] = set()
        copies: dict[str, HeldCopy] = {}
        refusals: dict[str, errors.Reason] = {}
        settled = [filed for filed in records if not filed.record.says_nothing]
        # Of two copies of one location the branch itself sees the one below the root: it comes last.
        settled.sort(key=lambda filed: filed.record.root != "")
        for filed, measure in zip(settled, all_together(inventory.look, settled), strict=True):
            why = inventory.why_misplaced(filed)
            entries = _entries_of(catalog, inventory, filed)
            if why or not entries:
                left.append(left_line(filed, why or sentences.NO_ENTRY_OF_IT))
                continue
            # Its store gave no answer.
            if measure.copy is None:
                failed.append(measure.failure)
                continue
            place = _path_here(inventory, filed)
            copies[place] = measure.copy
            refusals.pop(place, None)
            names |= entries
            why_not = _why_not_copied(inventory, filed, measure, claims)
            if why_not is not None:
                refusals[place] = why_not
        return cls(copies, names, tuple(left), tuple(failed), refusals)


def _entries_of(catalog: Any, inventory: Inventory, filed: FiledRecord) -> set[str]:
    """The entries of a record's location; of a pattern's, the one of its name."""
    entries = entries_of(inventory, filed)
    name = filed.record.dataset
    if not entries and name in catalog:
        return {name}
    return entries


def _path_here(inventory: Inventory, filed: FiledRecord) -> str:
    """Where this branch's record of the same location lies."""
    policy = inventory.policy
    # Whatever the layout and the place of the other's record.
    subject = policy.placement.subject_of(normalise(main_location(filed)))
    return subject.record_path(policy.branch.slug)


def _why_not_copied(inventory: Inventory, filed: FiledRecord, measure: Measure, claims: Claims) -> errors.Reason | None:
    """Why a branch's copy cannot be copied; None if it can."""
    record, copy = filed.record, measure.copy
    assert copy is not None  # it was looked at
    if inventory.policy.author.writer.is_of_another_project(record.writer):
        return reasons.SOURCE_OF_OTHERS
    stored = claims.of(filed)
    if stored is not None and why_claimed(stored.claim, record.branch_name):
        return reasons.SOURCE_IS_CLAIMED
    if copy.condition or record.state != "complete" or record.doubt:
        return reasons.SOURCE_NOT_SETTLED
    return None


def _refused(dataset: str, place: Place, reason: errors.Reason, **facts: Any) -> errors.SeedRefusedError:
    return errors.SeedRefusedError(reason, dataset=dataset, branch=place.ledger.branch_name, **facts)


@dataclass(frozen=True)
class _Draft:
    """One plan that is being made.

    Args:
        inventory: of the project.
        wish: what is asked for.
        claims: of promotes that have not ended.
        sources: the copies of the branch to begin from.
    """

    inventory: Inventory
    wish: SeedWish
    claims: Claims
    sources: _Sources

    def plan(self, catalog: Any, names: Iterable[str]) -> SeedPlan:
        """What becomes of these entries."""
        seedings: list[Seeding] = []
        refusals: list[errors.CopyError] = []
        planned: set[str] = set()
        # An entry that is all of its record comes before those that are a part of it.
        for _, branched in sorted(self._branched(catalog, names, refusals), key=_order):
            places = [place for place in branched.places if self._is_asked_for(place, planned)]
            planned.update(place.ledger.path for place in places if has_all(place))
            parts = [part for place in places for part in self._part_or_refusal(branched, place, refusals)]
            # In one order, whatever the entry: two that save the same places do not wait for each other for ever.
            parts.sort(key=lambda part: part.place.ledger.path)
            if parts:
                seedings.append(Seeding(branched.entry.name, tuple(parts)))
        return SeedPlan(tuple(seedings), tuple(refusals), self.sources.left)

    def _is_asked_for(self, place: Place, planned: Collection[str]) -> bool:
        """Whether a place is not planned by another name, nor one of which the other branch has nothing."""
        path = place.ledger.path
        if path in planned:
            return False
        return bool(self.wish.datasets) or path in self.sources.copies

    def _branched(
        self, catalog: Any, names: Iterable[str], refusals: list[errors.CopyError]
    ) -> Iterator[tuple[str, BranchedDataset]]:
        for name in names:
            try:
                branched = branched_of(catalog.get(name))
            except DatasetError as exc:
                # A class that is not installed here.
                facts = {"dataset": name, "branch": self.inventory.policy.branch.name}
                refusals.append(errors.SeedRefusedError(reasons.CANNOT_BE_BUILT, **facts, error=str(exc)))
                continue
            if isinstance(branched, BranchedDataset):
                yield name, branched
                continue
            facts = {"dataset": name, "branch": self.inventory.policy.branch.name}
            why = branched.why.rstrip(".") if branched is not None else ""
            refusals.append(errors.SeedRefusedError(reasons.HAS_NO_COPIES, **facts, condition=why or self._why(name)))

    def _why(self, name: str) -> str:
        """Why an entry that is left alone has no copies."""
        config = self.inventory.explicit.get(name)
        if config is None:
            return sentences.IS_NO_ENTRY
        if self.inventory.policy.shares(name, config, [config["type"]]):
            return sentences.IS_SHARED
        return sentences.IS_LEFT_ALONE

    def _part_or_refusal(
        self, branched: BranchedDataset, place: Place, refusals: list[errors.CopyError]
    ) -> list[SeedPart]:
        try:
            return [self._part(branched, place)]
        except errors.CopyError as exc:
            refusals.append(exc)
            return []

    def _part(self, branched: BranchedDataset, place: Place) -> SeedPart:
        """What is copied at one place.

        Raises:
            CopyError: it cannot be, for the reason it says.
        """
        dataset = branched.entry.name
        record = place.ledger.read()
        self._check_target(dataset, place, record)
        source = self._source(branched, place)
        if not source.identities:
            raise _refused(dataset, place, reasons.NOTHING_TO_SEED)
        # A save of everything takes with it what else there is.
        counts = has_all(place)
        former = [
            unit for unit in record.settled.data if (counts or place.units.owns(unit)) and unit not in source.identities
        ]
        return SeedPart(place, source, tuple(sorted(former)), _replaced(place, record))

    def _check_target(self, dataset: str, place: Place, record: Record) -> None:
        place.ledger.checks.check_project(record)
        place.ledger.checks.check_unclaimed()
        if not has_all(place) and place.units.own == WHOLE:
            raise _refused(dataset, place, reasons.IS_INSIDE)
        units = [*record.settled.data, *record.doubt]
        if any(map(place.units.owns, units)) and not self.wish.again:
            raise _refused(dataset, place, reasons.HAS_A_COPY)

    def _source(self, branched: BranchedDataset, place: Place) -> Source:
        dataset = branched.entry.name
        copy = self.sources.copies.get(place.ledger.path)
        if copy is None:
            if keeps_checkpoint_elsewhere(dict(branched.entry.settings)):
                raise _refused(dataset, place, reasons.CHECKPOINT_ELSEWHERE)
            if place.units.kind == "overlay" and branched.entry.seeding != "never":
                raise _refused(dataset, place, reasons.PARTITIONS_ARE_FOLDERS)
            return source_of_main(branched, place, self._shape(place))
        if copy.record.kind != place.units.kind:
            kinds = {"theirs": str(copy.record.kind), "ours": str(place.units.kind)}
            raise _refused(dataset, place, reasons.SOURCE_OF_OTHER_KIND, source=self.wish.branch_name, **kinds)
        reason = self.sources.refusals.get(place.ledger.path)
        if reason is not None:
            facts = {"source": self.wish.branch_name, "condition": copy.condition or sentences.COPY_TORN}
            raise _refused(dataset, place, reason, **facts)
        source = source_of_branch(place, copy)
        self._check_not_half(branched, place, source, copy.record)
        return source

    def _check_not_half(self, branched: BranchedDataset, place: Place, source: Source, record: Record) -> None:
        """Alone, what was saved together with other places would be half of that save."""
        if source.is_part and len(branched.places) == 1:
            facts = {"source": self.wish.branch_name, "other": record.dataset}
            raise _refused(branched.entry.name, place, reasons.PART_OF_A_SAVE, **facts)

    def _shape(self, place: Place) -> Shape:
        """What the catalog says of a location."""
        ledger, inventory = place.ledger, self.inventory
        slug = inventory.policy.branch.slug
        record = replace(NO_RECORD, location=ledger.location, kind=place.units.kind)
        for root in inventory.roots:
            if record_path(root.path, slug, ledger.location) == ledger.path:
                stored = StoredRecord(root, slug, ledger.path, NO_TIME)
                return shape_of(inventory, FiledRecord(stored, record))
        # Of an entry that was added later nobody knows more.
        return Shape()


def _replaced(place: Place, record: Record) -> str:
    """What a branch has at a place and loses, as `SeedPart.replaces` has it."""
    own = unseeded(record).settled
    if any(map(place.units.owns, own.data)):
        return "own"
    # What began as another's can be had again.
    if any(map(place.units.owns, record.settled.data)):
        return "seed"
    return ""


def _order(item: tuple[str, BranchedDataset]) -> tuple[bool, int, str]:
    dataset, branched = item
    # Of two entries that share a place the one with more saves all of them together.
    return not all(map(has_all, branched.places)), -len(branched.places), dataset
