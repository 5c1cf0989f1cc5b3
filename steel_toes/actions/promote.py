"""`promote`: what of a merged branch's data would become main's. A plan is made by reading only.

Conflicts are found before anything runs: each branch copy has requirements, and one that does not hold refuses all.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import NamedTuple

from steel_toes import errors, reasons, sentences
from steel_toes.actions.claims import Claims, list_audits, list_claims
from steel_toes.actions.goals import Goals, MainCopy, Shape, changed_units, goals_of, read_main, shape_of
from steel_toes.actions.guards import Guards, check_branch_name, entries_of, is_wanted, left_line, unknown_datasets
from steel_toes.actions.inventory import Inventory, main_location
from steel_toes.actions.origins import Origins
from steel_toes.actions.plan import FiledRecord, HeldCopy, second_copies
from steel_toes.actions.promotion import CODE, MAIN, PromotePlan, PromoteWish, Promotion, Row, promotion_of
from steel_toes.actions.requirements import (
    CanBeKept,
    CheckpointIsInside,
    CheckpointIsOfMains,
    CodeIsMains,
    HasOneCopy,
    IsBelieved,
    IsSettled,
    IsWholeSave,
    KindIsTodays,
    MainIsAsBegun,
    MainIsNotLinked,
    NewestIsTheBranchs,
    NobodyElseIsInside,
    NobodyElsePromotes,
    Requirement,
    SavesHaveEnded,
    SettingsAreMains,
    ShapesFit,
    VersionsAreNew,
    VersionsAreNotKept,
    refusals_of,
)
from steel_toes.actions.validation import Validate, validated
from steel_toes.catalog.reference import Reference
from steel_toes.naming.branch import make_slug, undo_branch
from steel_toes.naming.location import normalise
from steel_toes.records.journal import TIME, Claim
from steel_toes.records.record import Record, Recorded, Writer, writers_of
from steel_toes.stores.identity import size_of
from steel_toes.stores.together import all_together


@dataclass(frozen=True)
class Lineage:
    """What the project's pipelines say of its datasets.

    Args:
        order: where each comes in them.
        inputs: of the node that makes each.
    """

    order: Mapping[str, int] = field(default_factory=dict)
    inputs: Mapping[str, Collection[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Planner:
    """Makes plans.

    Args:
        inventory: of the project.
        reference: the commit that main's data shall be of.
        author: who promotes.
        env: Kedro's environment.
        lineage: of the project's datasets.
    """

    inventory: Inventory
    reference: Reference
    author: str
    env: str | None
    lineage: Lineage = field(default_factory=Lineage)

    def plan(self, wish: PromoteWish, validate: Validate | None = None) -> PromotePlan:
        """What `promote` would do for one branch. Nothing is changed.

        Args:
            wish: what is asked for.
            validate: asks Kedro's validators; None to ask none.

        Raises:
            ConfigurationError: the name of main, a blank or an unknown one; an unknown dataset.
        """
        self.check_name(wish.branch_name)
        claims = list_claims(self.inventory)
        unfinished = claims.own(self.inventory).of_branch(wish.branch_name)
        if unfinished:
            # Whatever else is asked for: it is ended first, as it was planned.
            return PromotePlan(unfinished=tuple(unfinished), failed=claims.failures)
        holdings = self._holdings(wish.branch_name)
        branch_claims = claims._replace(stored=tuple(claims.of_branch(wish.branch_name)))
        failed = (*claims.failures, *holdings.failures, *branch_claims.of_others(self.inventory))
        # What was not read may be of this branch, and of any dataset.
        if not failed:
            self._check_wish(wish, holdings)
        draft = _Draft(self, wish, claims, holdings, _now(holdings.audits))
        plan = draft.plan()
        ended = [claim for claim in holdings.audits if not wish.datasets or claim.dataset in wish.datasets]
        plan = replace(plan, failed=(*failed, *plan.failed), audits=tuple(ended))
        # Somebody asks why there is nothing to promote.
        if ended and not plan.rows:
            plan = replace(plan, undone=self._undone(ended))
        return validated(self.inventory, plan, validate)

    def _holdings(self, branch_name: str) -> _Holdings:
        """What there is of a branch, and was."""
        own_records, unread = self.inventory.records_of(branch_name)
        audits = list_audits(self.inventory, make_slug(branch_name))
        own_audits = [stored.claim for stored in audits.own(self.inventory).of_branch(branch_name)]
        failures = (*unread, *audits.failures)
        return _Holdings(tuple(sorted(own_records, key=self._place)), tuple(own_audits), failures)

    def _undone(self, ended: Collection[Claim]) -> tuple[Claim, ...]:
        """The promotes that have taken the last one of a branch back."""
        last = max(ended, key=lambda claim: claim.time)
        if not last.undo:
            return ()
        audits = list_audits(self.inventory, make_slug(last.undo)).own(self.inventory)
        return tuple(stored.claim for stored in audits.of_branch(last.undo))

    def check_name(self, name: str) -> None:
        """Refuse a name that cannot be a branch's.

        Raises:
            ConfigurationError: it is blank, or main's.
        """
        check_branch_name(self.inventory, name, reasons.MAIN_TO_PROMOTE)

    def _check_wish(self, wish: PromoteWish, holdings: _Holdings) -> None:
        if not (holdings.records or holdings.audits):
            raise errors.ConfigurationError(reasons.NOBODY_TO_PROMOTE, setting="--branch", value=wish.branch_name)
        recorded = [filed.record.dataset for filed in holdings.records]
        recorded += [claim.dataset for claim in holdings.audits]
        unknown = unknown_datasets(self.inventory, wish.datasets, recorded)
        if unknown:
            names = ", ".join(unknown)
            reason, branch = reasons.NOT_OF_THE_BRANCH, wish.branch_name
            raise errors.ConfigurationError(reason, setting="DATASETS", value=names, branch=branch)

    def _place(self, filed: FiledRecord) -> tuple[int, str]:
        """Where a record's dataset comes in the pipelines: what is made of others comes after them."""
        names = {filed.record.dataset, *entries_of(self.inventory, filed)}
        places = [self.lineage.order[name] for name in names if name in self.lineage.order]
        return min(places, default=len(self.lineage.order)), filed.record.dataset


_A_SECOND = timedelta(seconds=1)


class _Holdings(NamedTuple):
    """What there is of a branch: its records, the promotes of it that have ended, and what could not be read."""

    records: tuple[FiledRecord, ...]
    audits: tuple[Claim, ...]
    failures: tuple[str, ...]


def _now(audits: Collection[Claim]) -> str:
    """The time of a promote, which names it: another than that of each before it."""
    used_times = {claim.time for claim in audits}
    moment = datetime.now(timezone.utc)
    while moment.strftime(TIME) in used_times:
        # Of a second that has passed, two promotes of one branch would have one name.
        moment += _A_SECOND
    return moment.strftime(TIME)


@dataclass(frozen=True)
class _Draft:
    """One plan that is being made.

    Args:
        planner: makes it.
        wish: what is asked for.
        claims: of promotes that have not ended.
        holdings: what there is of the branch.
        time: of the promote, the same for all of its locations.
    """

    planner: Planner
    wish: PromoteWish
    claims: Claims
    holdings: _Holdings
    time: str

    @cached_property
    def _origins(self) -> Origins:
        return Origins(self.planner.inventory)

    @cached_property
    def _guards(self) -> Guards:
        return Guards(self.planner.inventory, {self.wish.branch_name}, self.wish.is_named)

    def plan(self) -> PromotePlan:
        """What becomes of the branch's copies that are asked for."""
        records = list(filter(self._is_wanted, self.holdings.records))
        rows: list[Row] = []
        left: list[str] = []
        failed: list[str] = []
        for answer in all_together(self._row, records):
            rows += answer.rows
            left += answer.left
            failed += answer.failed
        warnings = list(self._warnings(rows))
        if MAIN in self.wish.forced:
            warnings += self._losses(rows)
        return PromotePlan(tuple(rows), (), tuple(left), tuple(failed), tuple(warnings))

    def _losses(self, rows: Iterable[Row]) -> list[str]:
        """What main has saved since, and what is forced over it."""
        lines = []
        for row in rows:
            claim = row.promotion.claim
            # Versions are added to what main has.
            if row.main_is_changed and claim.kind != "versioned":
                size = sum(size_of(goal.expects or "0") for goal in claim.replaced)
                objects = errors.count(len(claim.replaced), "object")
                bytes_text = errors.count(size, "byte")
                text = sentences.MAIN_IS_LOST.format(dataset=claim.dataset, objects=objects, size=bytes_text)
                lines.append(text)
        return lines

    def _is_wanted(self, filed: FiledRecord) -> bool:
        return is_wanted(self.planner.inventory, filed, self.wish.datasets)

    def _row(self, filed: FiledRecord) -> _Answer:
        record = filed.record
        # What a first save that failed left is no branch's copy.
        if record.says_nothing:
            return _Answer()
        why = self._why_no_part(filed)
        if why:
            return _Answer(left=[why])
        # What nobody can believe, and what may be a main copy, refuses all.
        why = self._guards.why_left(filed)
        if why:
            return _Answer(failed=[left_line(filed, why)])
        # Its store is asked: what a record says may be an hour old.
        copy, failure = self.planner.inventory.look(filed)
        if copy is None:
            return _Answer(failed=[failure])
        try:
            row = self._row_of(copy)
            if self._is_promoted_already(record) and not row.main_is_changed:
                return _Answer(left=[sentences.PROMOTED_ALREADY.format(dataset=record.dataset)])
            return _Answer([row])
        except errors.CopyError as exc:
            return _Answer(failed=[str(exc)])

    def _is_promoted_already(self, record: Record) -> bool:
        """Whether a copy was promoted, and stayed."""
        return any(claim.keeps_copy and claim.mark == record.id for claim in self.holdings.audits)

    def _why_no_part(self, filed: FiledRecord) -> str:
        """Which copy has no part in it, and why; "" if it has."""
        # Two projects in one bucket may both have a branch of this name.
        why = self._guards.why_not_ours(filed)
        if why and not self.planner.inventory.why_misplaced(filed):
            return left_line(filed, why)
        # Where no entry is, main reads nothing; what is shared has no copies any more.
        if not entries_of(self.planner.inventory, filed):
            return left_line(filed, sentences.NO_ENTRY_OF_IT)
        # It is another branch's to promote, or main's already.
        return self._origins.why_no_part(filed)

    def _row_of(self, whole_copy: HeldCopy) -> Row:
        # What it began as is another's, or main's already.
        copy = self._origins.own_part(whole_copy)
        record = copy.record
        main = read_main(copy.filed, copy.store)
        shape = shape_of(self.planner.inventory, copy.filed)
        seeded_units = whole_copy.record.settled.data.keys() - record.settled.data.keys()
        goals = goals_of(copy, main, shape, seeded_units)
        promotion, why_no_undo = self._promotion(copy, goals)
        # Marked and removed as a whole.
        promotion = replace(promotion, record=whole_copy.record, stamp=whole_copy.filed.stamp)
        code = self._code(record)
        changed = self._origins.without_brought(copy.filed, main, changed_units(record, main, shape, seeded_units))
        requirements = self._requirements(copy, main, shape, goals, changed, code, why_no_undo)
        requirements.append(CheckpointIsOfMains(whole_copy, main, shape.checkpoint, seeded_units))
        refusals = refusals_of(requirements, self._dropped(record))
        # Of what main itself had nobody asks who made it.
        is_undo = bool(record.undoes)
        return Row(
            promotion,
            refusals,
            size=sum(goal.size for goal in promotion.claim.puts),
            main_is_changed=bool(changed) if main.objects or record.base else None,
            code=None if is_undo else code.verdict,
            other_files=len({path for proof in code.proofs for path in proof.paths}),
            skipped=goals.skipped,
            left=goals.left,
            main_modified=max((item.modified for item in main.objects.values()), default=None),
        )

    def _requirements(
        self,
        copy: HeldCopy,
        main: MainCopy,
        shape: Shape,
        goals: Goals,
        changed: list[str],
        code: CodeIsMains,
        why_no_undo: str,
    ) -> list[Requirement]:
        record = copy.record
        writers = _writers_of(record)
        return [
            IsBelieved(copy, copy.why_linked()),
            IsSettled(copy),
            HasOneCopy(record, second_copies(copy.filed, self.holdings.records)),
            MainIsAsBegun(record, main, changed),
            code,
            SettingsAreMains(record, writers, self.planner.env),
            NobodyElsePromotes(record, self.claims.of(copy.filed)),
            ShapesFit(record, main, goals),
            CheckpointIsInside(record, shape),
            SavesHaveEnded(record),
            IsWholeSave(record, self._other_parts(record)),
            KindIsTodays(record, shape),
            MainIsNotLinked(copy, main, goals, self._other_locations(copy)),
            NobodyElseIsInside(record, goals, self._others_inside(copy)),
            VersionsAreNew(copy, main, goals.skipped, copy.store),
            CanBeKept(record, why_no_undo),
            VersionsAreNotKept(record, shape.has_versions and (self.wish.keeps_main or self.wish.keeps_copy)),
            NewestIsTheBranchs(record, main, goals),
        ]

    def _other_locations(self, copy: HeldCopy) -> list[str]:
        """Main's local locations of other entries."""
        place = normalise(main_location(copy.filed))
        return [other for other in self.planner.inventory.policy.catalog.locations if other != place]

    def _others_inside(self, copy: HeldCopy) -> list[str]:
        """Main's locations of other entries inside main's copy."""
        place = normalise(main_location(copy.filed))
        return sorted(set(self.planner.inventory.policy.catalog.inside(place)) - {place})

    def _other_parts(self, record: Record) -> list[str]:
        """The places that the saves of a copy wrote, too, and that are not asked for."""
        locations: list[str] = []
        # Nearly no class writes several places.
        if not _is_part(record):
            return locations
        for filed in self.holdings.records:
            is_other_part = filed.record.dataset == record.dataset and _is_part(filed.record)
            if is_other_part and not self._is_wanted(filed):
                locations.append(filed.record.location)
        return locations

    def _dropped(self, record: Record) -> dict[type, bool]:
        """The requirements that nobody asks for."""
        # Main had what it undoes: no code of a branch has made that.
        drops_code = CODE in self.wish.forced or bool(record.undoes)
        return {
            MainIsAsBegun: MAIN in self.wish.forced,
            CodeIsMains: drops_code,
            SettingsAreMains: drops_code,
        }

    def _code(self, record: Record) -> CodeIsMains:
        """Whether main has the code of everybody who saved a unit."""
        reference = self.planner.reference
        proofs = [reference.prove(writer) for writer in _writers_of(record)]
        # Of a unit of format 1 nobody knows who saved it.
        unknown = 0
        for text in record.settled.data.values():
            unknown += not Recorded(text).writers
        return CodeIsMains(record, proofs, reference.name, self.wish.is_strict, unknown)

    def _promotion(self, copy: HeldCopy, goals: Goals) -> tuple[Promotion, str]:
        """The promotion of a copy, and why what main has cannot be kept; "" if it can, or if nobody wants it."""
        record = copy.record
        undo = undo_branch(record.branch_name, self.time) if self.wish.keeps_main else ""
        claim = Claim(
            id=secrets.token_hex(8),
            branch_name=record.branch_name,
            record_id=record.id,
            dataset=record.dataset,
            location=record.location,
            kind=record.kind,
            layout=record.layout,
            root=record.root,
            time=self.time,
            author=self.planner.author,
            ref=self.planner.reference.commit,
            undo=undo,
            keeps_copy=self.wish.keeps_copy,
            forced=tuple(sorted(self.wish.forced)),
            goals=goals.goals,
            project=self.planner.inventory.policy.project or "",
            is_of_everything=record.hides_main or (record.kind == "whole" and any(goal.inner for goal in goals.goals)),
            left=goals.left,
        )
        inventory, root = self.planner.inventory, copy.stored.root
        why = ""
        # Where there is no place for it, the plan says so with all else that refuses.
        try:
            promotion = promotion_of(inventory, root, claim)
        except errors.LocationError as exc:
            why = str(exc)
            promotion = promotion_of(inventory, root, replace(claim, undo=""))
        return promotion, why

    def _warnings(self, rows: list[Row]) -> tuple[str, ...]:
        """Which copies were made from others that stay behind."""
        staying = self._staying(rows)
        warnings = []
        for row in rows:
            dataset = row.promotion.claim.dataset
            behind = sorted(staying.intersection(self.planner.lineage.inputs.get(dataset, ())))
            if behind:
                warnings.append(sentences.MADE_FROM_OTHERS.format(dataset=dataset, others=", ".join(behind)))
        return tuple(warnings)

    def _staying(self, rows: list[Row]) -> set[str]:
        """The datasets of the branch that are not asked for."""
        promoted = {row.promotion.claim.location for row in rows}
        names: set[str] = set()
        for filed in self.holdings.records:
            if filed.record.location not in promoted and filed.record.settled.exists:
                names |= {filed.record.dataset, *entries_of(self.planner.inventory, filed)}
        return names


def _is_part(record: Record) -> bool:
    """Whether a save of a copy wrote other places, too: each has a record with the name of that dataset."""
    return any(Recorded(text).is_part for text in record.settled.data.values())


def _writers_of(record: Record) -> list[Writer]:
    """Everybody who saved a unit."""
    # An overwrite with nothing has no units: whoever did it has put the record.
    if not record.settled.data:
        return [record.writer]
    keys = writers_of(record.settled.data)
    return [record.writers[key] for key in sorted(keys)]


class _Answer(NamedTuple):
    """What a plan makes of one record."""

    rows: Sequence[Row] = ()
    left: Sequence[str] = ()
    failed: Sequence[str] = ()
