"""`seed`: copies of this branch's that begin as another branch's, or as main's of now.

A plan is made by reading only. Each copy is then made by an ordinary save, which copies within the store: so torn,
concurrent and unrecorded copies are what they always are.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any, NamedTuple

from kedro.io import DatasetError

from steel_toes import errors, reasons, sentences
from steel_toes.actions.claims import Claims, list_claims, why_claimed
from steel_toes.actions.goals import Shape, shape_of
from steel_toes.actions.guards import entries_of, left_line
from steel_toes.actions.inventory import Inventory, Measure, believed, main_location, read_all
from steel_toes.actions.plan import FiledRecord, HeldCopy, StoredRecord
from steel_toes.datasets.base import BranchedDataset
from steel_toes.datasets.paths import filesystem_path, keeps_checkpoint_elsewhere
from steel_toes.datasets.proxy import branched_of
from steel_toes.naming.branch import make_slug
from steel_toes.naming.location import normalise
from steel_toes.records.place import Place, Side
from steel_toes.records.record import ALL, NO_RECORD, Identities, Record, Recorded, record_path
from steel_toes.records.seeding import Seed
from steel_toes.records.units import WHOLE, identities_of
from steel_toes.records.write import Write
from steel_toes.redaction import redacted_repr
from steel_toes.stores.identity import is_of_several, size_of
from steel_toes.stores.together import all_together

_NO_TIME = datetime.fromtimestamp(0, timezone.utc)


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


@redacted_repr
@dataclass(frozen=True)
class Source:
    """What a copy begins as.

    Args:
        path: of the copy that is copied, main's or a branch's, in the store of the place.
        identities: of its units, as they must be when all is copied.
        base: what main's copy was when the copied one was begun; of main's own, what it is.
        seed: what the new record says of it.
    """

    path: str = field(repr=False)
    identities: Identities
    base: Identities
    seed: Seed


@redacted_repr
@dataclass(frozen=True)
class Seeding:
    """What `seed` would copy at one place of a dataset.

    Args:
        dataset: its name.
        place: of this branch's copy.
        source: what it begins as.
        is_part: whether the dataset has other places, too.
    """

    dataset: str
    place: Place
    source: Source
    is_part: bool = False

    @property
    def size(self) -> int:
        """Of what is copied, in bytes."""
        total = 0
        for unit, identity in self.source.identities.items():
            # One object's identity says it.
            is_one = not is_of_several(identity)
            total += size_of(identity) if is_one else self.place.store.size(self._source_path(unit))
        return total

    def apply(self) -> None:
        """Copy it.

        Raises:
            CopyError: as `Ledger.transaction` says.
            SeedRefusedError: what is copied changed meanwhile.
        """
        place, source = self.place, self.source
        write = Write(
            tuple(source.identities),
            source.base,
            everything=_has_all(place),
            is_part=self.is_part,
            seed=source.seed,
        )
        with place.transaction(write, self._identities) as going_on:
            self._copy_over(going_on.before)

    def _copy_over(self, before: Record) -> None:
        """Copy all, over what the branch had; what was copied before something failed goes again."""
        store = self.place.store
        targets = {unit: self.place.unit_path(Side.BRANCH, unit) for unit in self.source.identities}
        # A folder would be merged, and not replaced.
        all_together(store.remove, self._former_paths(before))
        try:
            all_together(self._copy, targets.items())
            self._check_unchanged()
        except BaseException:
            # Of a first seed nothing is left; of another, which has lost what was there, a torn copy.
            all_together(store.remove, targets.values())
            raise

    def _former_paths(self, before: Record) -> list[str]:
        """Where the branch has had units, or a save may have left some."""
        place = self.place
        units = {unit for unit in (*before.settled.data, *before.doubt) if place.units.owns(unit)}
        if ALL in before.doubt:
            units.update(place.units.listed(place.store, place.branch_path, before))
        return [place.unit_path(Side.BRANCH, unit) for unit in sorted(units - {ALL})]

    def _copy(self, target: tuple[str, str]) -> None:
        unit, path = target
        # What an earlier, dead call left: a directory would be merged with it.
        self.place.store.remove(path)
        self.place.store.make_parent(path)
        self.place.store.copy(self._source_path(unit), path)

    def _check_unchanged(self) -> None:
        """What was copied has the identity that it had before, and so it is whole and of one save."""
        place, source = self.place, self.source
        now = identities_of(place.units, place.store, source.path, source.identities)
        if now != source.identities:
            raise _refused(place.ledger.dataset, place, reasons.SOURCE_CHANGED)

    def _source_path(self, unit: str) -> str:
        return self.place.units.path(self.source.path, unit)

    def _identities(self, units: Iterable[str]) -> Identities:
        return self.place.identities(Side.BRANCH, units)


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
    # What was not read may be of this very dataset.
    if claims.failures or sources.failed:
        return SeedPlan(failed=(*claims.failures, *sources.failed))
    draft = _Draft(inventory, wish, claims, sources)
    # Without names, all that the other branch has.
    names = sorted(wish.datasets) or sorted(sources.names)
    return draft.plan(catalog, names)


def _check_name(inventory: Inventory, wish: SeedWish) -> None:
    name = wish.branch_name
    if name is None and not wish.datasets:
        raise errors.ConfigurationError(reasons.WHAT_TO_SEED, setting="--from", value=name)
    if name is not None and not name.strip():
        raise errors.ConfigurationError(reasons.BLANK_BRANCH, setting="--from", value=name)
    if name in inventory.mains:
        raise errors.ConfigurationError(reasons.SEED_FROM_MAIN, setting="--from", value=name)
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
        slug = make_slug(branch_name)
        listing = inventory.list_records([slug])
        records, unread = believed(read_all(listing.groups.get(slug, [])))
        # Two branches may have one slug.
        own_records = [filed for filed in records if filed.record.branch_name == branch_name]
        failed = [*listing.failures, *unread]
        if not own_records and not failed:
            raise errors.ConfigurationError(reasons.NOBODY_TO_SEED_FROM, setting="--from", value=branch_name)
        return cls._looked_at(catalog, inventory, own_records, failed, claims)

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
        for filed, measure in zip(settled, all_together(inventory.look, settled), strict=True):
            why = inventory.why_misplaced(filed)
            entries = _entries_of(catalog, inventory, filed)
            if why or not entries:
                left.append(left_line(filed, why or sentences.NO_ENTRY_OF_IT))
                continue
            if measure.copy is None:
                failed.append(measure.failure)
                continue
            place = _path_here(inventory, filed)
            copies[place] = measure.copy
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
    subject = policy.subject_of(normalise(main_location(filed)))
    return record_path(filesystem_path(subject.root)[1], policy.branch.slug, subject.location)


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


def _has_all(place: Place) -> bool:
    """Whether an entry is all of its record: else others have data in the same directory."""
    units = place.units
    return units.kind != "overlay" or units.own_path("x") == "x"


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
        for _dataset, branched in sorted(self._branched(catalog, names, refusals), key=_order):
            for place in branched.places:
                path = place.ledger.path
                # Several names may have one location; and nobody has asked for what the other branch does not have.
                if path in planned or not (self.wish.datasets or path in self.sources.copies):
                    continue
                if _has_all(place):
                    planned.add(path)
                try:
                    seedings.append(self._seeding(branched, place))
                except errors.CopyError as exc:
                    refusals.append(exc)
        return SeedPlan(tuple(seedings), tuple(refusals), self.sources.left)

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
            else:
                facts = {"dataset": name, "branch": self.inventory.policy.branch.name}
                refusals.append(errors.SeedRefusedError(reasons.HAS_NO_COPIES, **facts))

    def _seeding(self, branched: BranchedDataset, place: Place) -> Seeding:
        """What is copied at one place.

        Raises:
            CopyError: it cannot be, for the reason it says.
        """
        dataset = branched.entry.name
        self._check_target(dataset, place, place.ledger.read())
        source = self._source(branched, place)
        if not source.identities:
            raise _refused(dataset, place, reasons.NOTHING_TO_SEED)
        return Seeding(dataset, place, source, is_part=len(branched.places) > 1)

    def _check_target(self, dataset: str, place: Place, record: Record) -> None:
        place.ledger.checks.check_project(record)
        place.ledger.checks.check_unclaimed()
        if not _has_all(place) and place.units.own == WHOLE:
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
            return _source_of_main(branched, place, self._shape(place))
        reason = self.sources.refusals.get(place.ledger.path)
        if reason is not None:
            facts = {"source": self.wish.branch_name, "condition": copy.condition or sentences.COPY_TORN}
            raise _refused(dataset, place, reason, **facts)
        return _source_of_branch(place, copy)

    def _shape(self, place: Place) -> Shape:
        """What the catalog says of a location."""
        ledger, inventory = place.ledger, self.inventory
        slug = inventory.policy.branch.slug
        record = replace(NO_RECORD, location=ledger.location, kind=place.units.kind)
        for root in inventory.roots:
            if record_path(root.path, slug, ledger.location) == ledger.path:
                stored = StoredRecord(root, slug, ledger.path, _NO_TIME)
                return shape_of(inventory, FiledRecord(stored, record))
        # Of an entry that was added later nobody knows more.
        return Shape()


def _order(item: tuple[str, BranchedDataset]) -> tuple[bool, str]:
    dataset, branched = item
    return not all(map(_has_all, branched.places)), dataset


def _source_of_main(branched: BranchedDataset, place: Place, shape: Shape) -> Source:
    """Main's copy as it is now."""
    identities = _identities_of_main(branched, place, shape)
    is_frozen = place.units.kind == "overlay" and _has_all(place)
    # Else new partitions of main's would show through.
    seed = Seed(over="nothing" if is_frozen else "main")
    return Source(place.main_path, identities, identities, seed)


def _identities_of_main(branched: BranchedDataset, place: Place, shape: Shape) -> Identities:
    """What of main's is copied."""
    units, store = place.units, place.store
    if units.kind == "versioned":
        # The newest is what main would load.
        return units.base(store, place.main_path, ())
    identities = units.listed(store, place.main_path, NO_RECORD)
    if units.kind == "whole":
        # An empty folder is no data.
        return {unit: identity for unit, identity in identities.items() if not identity.startswith("0:")}
    if _has_versions(branched):
        # As Kedro counts them. Each file is a version; a partition is all of them.
        names = set(map(_partition_of, identities))
        identities = identities_of(units, store, place.main_path, names)
    # A file that is no partition is nobody's, or another entry's.
    return {unit: identities[unit] for unit in sorted(identities) if unit == shape.checkpoint or shape.is_unit(unit)}


def _has_versions(branched: BranchedDataset) -> bool:
    """Whether each of its partitions has versions."""
    partition = branched.entry.settings.get("dataset")
    return isinstance(partition, Mapping) and bool(partition.get("versioned"))


def _partition_of(path: str) -> str:
    """The partition that a file is a version of, as Kedro puts it: `<partition>/<version>/<its last name>`."""
    folder, name = posixpath.split(path)
    partition = posixpath.dirname(folder)
    return partition if posixpath.basename(partition) == name else path


def _source_of_branch(place: Place, copy: HeldCopy) -> Source:
    """A branch's copy, as its record has it."""
    record = copy.record.settled
    names = [unit for unit in record.data if place.units.owns(unit)]
    if record.kind == "versioned":
        names = sorted(names)[-1:]
    units = {unit: Recorded(record.data[unit]) for unit in names}
    base = {unit: identity for unit, identity in record.base.items() if place.units.owns(unit)}
    seed = Seed(
        copy.record.branch_name,
        copy.record.id,
        units,
        record.writers,
        over=record.over,
        absent=record.absent,
    )
    return Source(copy.path, {unit: item.identity for unit, item in units.items()}, base, seed)
