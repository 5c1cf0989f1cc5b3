"""`promote`: how a branch's data becomes main's, whoever comes between, and whenever it is killed.

    claim     every location, before the first object of main changes; only where no claim is. Then the branch copy's
              record is marked: who saves the copy from then on looks for the claim
    keep      main's objects that go or are replaced are copied to an undo branch
    put       each object over main's, only if both are as they were planned; then what goes is removed
    verify    main is what was planned
    decide    the claim becomes `promoted`, by one conditional put: from here on nobody abandons it
    audit     the claim, for later
    remove    the branch copy, as `clean` does; then the claim

A client whose answer was lost asks again and meets its own copy. So after a refusal the contents decide. The order, and
each look at the claim, is what the model in tests/support/promote_model.py needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from steel_toes import errors, reasons, sentences
from steel_toes.actions.abandonment import put_back, state_of
from steel_toes.actions.inventory import Measure
from steel_toes.actions.keeping import UndoCopy
from steel_toes.actions.plan import NO_TIME, CleanPlan, FiledRecord, HeldCopy, HeldObject, StoredRecord
from steel_toes.actions.promotion import Promotion, Unfinished
from steel_toes.actions.removal import apply as remove_copies
from steel_toes.naming.branch import make_slug
from steel_toes.records.journal import Claim, ClaimInPlace, Goal, Stage
from steel_toes.records.record import Identities, Record, Writer
from steel_toes.records.units import MANY, units_of
from steel_toes.stores.locks import PATIENCE_SECONDS, LockHeldError
from steel_toes.stores.together import all_together

AT_ONCE = 16
"""Objects that are put together, after one look at the claim."""


_TRIES = 3


class Outcome(NamedTuple):
    """What became of one location.

    Attributes:
        promotion: with the claim as it ended.
        problem: why the branch copy was not removed; "" if it was, or was to stay.
    """

    promotion: Promotion
    problem: str = ""


class _Remaining(NamedTuple):
    """Why branch copies stay, by their records' paths; and those that a later call may remove, since a store failed."""

    problems: dict[str, str]
    unended: set[str]


class _StoppedError(Exception):
    """An object of main's, or of the branch's, is another by now."""

    def __init__(self, goal: Goal) -> None:
        super().__init__()
        self.goal = goal


class _EndedError(Exception):
    """Another process of the same promote has done it."""


@dataclass
class _Leg:
    """The way of one location.

    Args:
        promotion: what becomes main's.
        in_place: the claim as it lies.
        is_new: whether this call made it.
        is_promoted: whether main is what was planned, and somebody has said so.
        put: main's identities, as the answers showed them, by the goals' keys.
    """

    promotion: Promotion
    in_place: ClaimInPlace
    is_new: bool = False
    is_promoted: bool = False
    put: Identities = field(default_factory=dict)


@dataclass
class Protocol:
    """One call of `promote` for one branch.

    Args:
        writer: who promotes.
        look: gives a branch copy as its store has it now.
    """

    writer: Writer
    look: Callable[[FiledRecord], Measure]
    _legs: list[_Leg] = field(default_factory=list)

    def promote(self, promotions: Sequence[Promotion]) -> list[Outcome]:
        """Do what was planned.

        Raises:
            PromoteRefusedError: another was faster; main was not changed.
            MainChangedError: main was saved meanwhile; the claims stay.
            PromoteUnfinishedError: the branch was, or somebody abandons it.
            StoreError: a store gave no definite answer; what was done is ended by the next call.
        """
        self._claim_all(promotions)
        return self._go_on()

    def finish(self, unfinished: Iterable[Unfinished]) -> list[Outcome]:
        """End what an earlier call began. What only has to be removed comes first, whatever becomes of the rest.

        Raises:
            MainChangedError: main was saved meanwhile; the claims stay.
            PromoteUnfinishedError: the branch was saved or cleaned meanwhile, or somebody abandons it.
            StoreError: a store gave no definite answer.
        """
        legs = [_Leg(promotion, in_place) for promotion, in_place in unfinished]
        promoted = [leg for leg in legs if leg.promotion.claim.state == "promoted"]
        # Whatever the others say of theirs.
        outcomes = self._end(promoted)
        for leg in legs:
            if leg.promotion.claim.state != "promoted":
                self._check_resumable(leg)
                self._resume(leg)
        if self._legs:
            outcomes += self._go_on()
        return outcomes

    def _resume(self, leg: _Leg) -> None:
        joined = self._joined(leg.promotion, leg.in_place)
        if joined is None:
            # The one that made it lives, and has ended it; or somebody takes it back.
            self._take(self._check_claim, leg)
        self._legs.append(joined or leg)

    def _go_on(self) -> list[Outcome]:
        for step in (self._keep, self._put_all, self._verify, self._decide):
            for leg in self._legs:
                self._take(step, leg)
        return self._end(self._legs)

    def _take(self, step: Callable[[_Leg], None], leg: _Leg) -> None:
        """Take a step, unless another process of the same promote has taken all of them."""
        # Main has it: there is nothing more to do but the end.
        if leg.is_promoted:
            return
        try:
            step(leg)
        except _EndedError:
            leg.is_promoted = True
            in_place = leg.promotion.claim_file.find()
            claim = in_place.claim
            # Where it is gone all is done, and what lies there by now is another promote's.
            leg.in_place = ClaimInPlace(None)
            if claim is not None and claim.id == leg.promotion.claim.id:
                leg.in_place = in_place
                leg.promotion = leg.promotion.with_claim(claim)

    # Claim ------------------------------------------------------------------------------------------------------------

    def _claim_all(self, promotions: Sequence[Promotion]) -> None:
        for promotion in promotions:
            self._claim(promotion)
        # A save that came first is seen here; one that comes later looks for the claim.
        for leg in self._legs:
            if not _is_marked(leg.promotion) and leg.is_new:
                self._take_claims_back()
                raise self._refused(leg.promotion, reasons.CHANGED_MEANWHILE)
        # Somebody may have thought about the plan for an hour: before anything is kept, all of main is as planned.
        for leg in self._legs:
            if leg.is_new and not _is_main_as_planned(leg.promotion):
                self._take_claims_back()
                raise self._refused(leg.promotion, reasons.MAIN_CHANGED_SINCE_PLAN)

    def _claim(self, promotion: Promotion) -> None:
        in_place = promotion.claim_file.create(promotion.claim)
        planned = promotion.claim
        # Only ours has this id.
        if in_place.claim == planned:
            self._legs.append(_Leg(promotion, in_place, is_new=True))
            return
        # Another process promotes the same: both go on with one plan.
        leg = None
        if in_place.claim is not None and promotion.can_join(in_place.claim):
            leg = self._joined(promotion, in_place)
        if leg is None:
            self._take_claims_back()
            raise self._refused(promotion, reasons.CLAIMED_MEANWHILE)
        self._legs.append(leg)

    def _joined(self, promotion: Promotion, in_place: ClaimInPlace) -> _Leg | None:
        """Go on with a claim that another call has made, and say so in it; None if it has ended by now.

        Whoever made it takes it back if one of its other locations is refused: not once somebody goes on with it.
        """
        assert in_place.claim is not None  # it was read

        def join(claim: Claim) -> Claim:
            return replace(claim, joined=claim.joined + 1)

        put = promotion.claim_file.change_open(in_place.claim.id, in_place, join)
        if put is None or put.claim is None:
            return None
        return _Leg(promotion.with_claim(put.claim), put)

    def _take_claims_back(self) -> None:
        # Main was not touched: nobody need ever know of them.
        for leg in self._legs:
            if leg.is_new:
                leg.promotion.claim_file.remove(leg.in_place)

    def _refused(self, promotion: Promotion, reason: errors.Reason) -> errors.PromoteRefusedError:
        claim = promotion.claim
        return errors.PromoteRefusedError(reason, dataset=claim.dataset, branch=claim.branch_name)

    def _check_resumable(self, leg: _Leg) -> None:
        """Whether a claim that lies there can be gone on with."""
        claim = leg.promotion.claim
        if claim.state == "abandoned":
            raise claim.unfinished_error(reasons.IS_ABANDONED)
        # The call that made it may have been killed before it marked the record.
        record = mark_record(leg.promotion)
        # A part of main may be the branch's, and the rest of it is nowhere any more.
        if record.is_gone:
            raise claim.unfinished_error(reasons.COPY_WAS_REMOVED)
        if not _is_as_promoted(leg.promotion, record):
            raise claim.unfinished_error(reasons.BRANCH_WAS_SAVED)

    # Keep and put -----------------------------------------------------------------------------------------------------

    def _keep(self, leg: _Leg) -> None:
        promotion = leg.promotion
        if not promotion.claim.undo:
            return
        undo = UndoCopy(promotion, self.writer)
        # Before anything is copied: what a kill leaves is in doubt.
        try:
            undo.begin()
        except errors.PromoteRefusedError:
            # Another's has its name, and main is as it was.
            self._take_claims_back()
            raise
        for batch in _batches(promotion.claim.replaced):
            if not all(all_together(undo.keep, batch)):
                self._check_claim(leg)
                raise self._main_changed(leg)

    def _put_all(self, leg: _Leg) -> None:
        promotion = leg.promotion
        promotion.clear_passages()
        self._enter(leg, "putting")
        try:
            for batch in _batches_of_puts(promotion):
                # It narrows what is left by one that is abandoned and dies.
                self._check_claim(leg)
                all_together(lambda goal: self._put(leg, goal), batch)
            self._remove_from_main(leg)
        except _StoppedError as stop:
            self._stop(leg, stop.goal)

    def _enter(self, leg: _Leg, stage: Stage) -> None:
        """Say in the claim how far it comes from here on; it narrows what is left by one that is abandoned and dies."""

        def change(claim: Claim) -> Claim:
            # Another process of the same promote may have come further.
            return claim if claim.stage == "removing" else replace(claim, stage=stage)

        put = leg.promotion.claim_file.change_open(leg.promotion.claim.id, None, change)
        if put is None or put.claim is None:
            self._check_claim(leg)
            raise leg.promotion.claim.unfinished_error(reasons.HAS_GONE_ON)
        leg.promotion = leg.promotion.with_claim(put.claim)

    def _put(self, leg: _Leg, goal: Goal) -> None:
        """Put an object over main's; after a refusal main's may have its content all the same."""
        promotion = leg.promotion
        store = promotion.store
        source, target = promotion.source_of(goal), promotion.main_of(goal)
        assert goal.source is not None  # it is one of those that main gets
        for _ in range(_TRIES):
            identity = store.copy_over(source, target, goal.source, goal.expects, promotion.passage(target))
            if identity is None and store.has_same_content(source, target):
                identity = store.identity(target)
            if identity is not None:
                leg.put[goal.key] = identity
                return
            # Another process of the same promote may have cleared what ours was made through.
            if (store.identity(source), store.identity(target)) != (goal.source, goal.expects):
                break
        raise _StoppedError(goal)

    def _remove_from_main(self, leg: _Leg) -> None:
        """Remove what main loses, last: a reader of main finds too much rather than too little."""
        promotion = leg.promotion
        goals: dict[str, Goal] = {}
        identities: dict[str, str] = {}
        for goal in promotion.claim.removals:
            path = promotion.main_of(goal)
            goals[path] = goal
            identities[path] = goal.expects or ""
        # Nearly no promote removes anything.
        if not goals:
            return
        self._enter(leg, "removing")
        for path in promotion.store.remove_unchanged(identities, _empty_folders(promotion)):
            raise _StoppedError(goals[path])

    def _stop(self, leg: _Leg, goal: Goal) -> None:
        """Main is another, which may be `--abandon`'s doing; or the branch is."""
        self._check_claim(leg)
        promotion = leg.promotion
        if goal.source is not None and promotion.store.identity(promotion.source_of(goal)) != goal.source:
            raise promotion.claim.unfinished_error(reasons.BRANCH_WAS_SAVED)
        raise self._main_changed(leg)

    def _main_changed(self, leg: _Leg) -> errors.MainChangedError:
        claim = leg.promotion.claim
        number = sum(len(other.put) for other in self._legs)
        total = sum(len(other.promotion.claim.goals) for other in self._legs)
        facts = {"dataset": claim.dataset, "branch": claim.branch_name, "done": number, "total": total}
        return errors.MainChangedError(reasons.MAIN_SAVED_MEANWHILE, **facts)

    # Verify and decide ------------------------------------------------------------------------------------------------

    def _verify(self, leg: _Leg) -> None:
        """Whether main is what was planned, by one look or listing."""
        promotion = leg.promotion
        now = _identities_now(promotion)
        # Main's run may write under new names: a directory of both is nobody's.
        if _new_names(promotion, now):
            self._check_claim(leg)
            raise self._main_changed(leg)
        for goal in promotion.claim.goals:
            path = promotion.main_of(goal)
            identity = now.get(path)
            # What goes has none.
            planned = leg.put[goal.key] if goal.source is not None else None
            if identity != planned and not self._has_content(leg, goal, identity):
                self._stop(leg, goal)

    def _has_content(self, leg: _Leg, goal: Goal, identity: str | None) -> bool:
        """Whether another process has put the same."""
        promotion = leg.promotion
        if goal.source is None or identity is None:
            return False
        leg.put[goal.key] = identity
        return promotion.store.has_same_content(promotion.source_of(goal), promotion.main_of(goal))

    def _decide(self, leg: _Leg) -> None:
        """From here on nobody abandons it; where somebody has, it goes no further."""
        promotion = leg.promotion

        def decide(claim: Claim) -> Claim:
            return replace(claim, state="promoted", put=dict(sorted(leg.put.items())))

        put = promotion.claim_file.change_open(promotion.claim.id, None, decide)
        if put is not None and put.claim is not None:
            leg.in_place = put
            leg.promotion = promotion.with_claim(put.claim)
            leg.is_promoted = True
            return
        # Another has decided: as we would, or to take it back.
        self._check_claim(leg)
        raise promotion.claim.unfinished_error(reasons.HAS_GONE_ON)

    def _check_claim(self, leg: _Leg) -> None:
        """Go no further with what somebody abandons, and put back what was put meanwhile.

        Raises:
            PromoteUnfinishedError: somebody abandons it.
        """
        state = state_of(leg.promotion)
        if state == "promoted":
            raise _EndedError
        if state == "open":
            return
        # The last object of a location before this one may have come after `--abandon` had looked at it.
        for other in self._legs:
            if state_of(other.promotion) == "abandoned":
                put_back(other.promotion, other.put)
        raise leg.promotion.claim.unfinished_error(reasons.IS_ABANDONED)

    # The end ----------------------------------------------------------------------------------------------------------

    def _end(self, legs: list[_Leg]) -> list[Outcome]:
        for leg in legs:
            promotion = leg.promotion
            # Ended by another process to the last, or as far as the audit.
            if promotion.claim_file.has_audit(promotion.claim):
                continue
            # It counts from now on: main is what it undoes.
            if promotion.claim.undo:
                UndoCopy(promotion, self.writer).complete()
            promotion.claim_file.audit(promotion.claim)
        problems, unended = self._remove_copies(legs)
        outcomes = []
        for leg in legs:
            promotion = leg.promotion
            promotion.clear_passages()
            # Last: until then the next call ends what is left to do.
            if leg.in_place.claim is not None and promotion.record_path not in unended:
                promotion.claim_file.remove(leg.in_place)
            problem = problems.get(promotion.record_path, "")
            outcomes.append(Outcome(promotion, problem))
        return outcomes

    def _remove_copies(self, legs: list[_Leg]) -> _Remaining:
        """Remove the branch copies, as far as they are what was promoted."""
        copies, problems = self._copies_to_remove(legs)
        unended: set[str] = set()
        # All at once: a bucket of the branch's own goes when the last of them has gone.
        plan = CleanPlan(tuple(copies), (), ())
        for removal in remove_copies(plan, heeds_claims=False):
            path = removal.copy.stored.path
            if removal.has_failed:
                unended.add(path)
            # Another process of the same promote may have removed it.
            if removal.has_failed or (removal.problem and removal.copy.filed.file.find().record.exists):
                problems[path] = removal.problem
        return _Remaining(problems, unended)

    def _copies_to_remove(self, legs: list[_Leg]) -> tuple[list[HeldCopy], dict[str, str]]:
        """The branch copies that go, and why others stay, by their records' paths."""
        copies: list[HeldCopy] = []
        problems: dict[str, str] = {}
        for leg in legs:
            promotion = leg.promotion
            in_place = promotion.record_file.find()
            if _is_as_promoted(promotion, in_place.record) and promotion.claim.keeps_copy:
                _put_base(promotion)
            elif _may_go(promotion, in_place.record):
                copies.append(self._copy(promotion, in_place.record, in_place.stamp))
            elif in_place.record.exists:
                problems[promotion.record_path] = sentences.SAVED_SO_IT_STAYS
        return copies, problems

    def _copy(self, promotion: Promotion, record: Record, stamp: str) -> HeldCopy:
        """A branch copy that goes, with its objects as they were promoted."""
        claim = promotion.claim
        stored = StoredRecord(promotion.root, make_slug(claim.branch_name), promotion.record_path, NO_TIME)
        filed = FiledRecord(stored, record, stamp)
        objects: dict[str, HeldObject] = {}
        if record.state == "complete" and _has_more(record):
            copy, _ = self.look(filed)
            objects.update(copy.objects if copy else {})
        for goal in claim.puts:
            objects[promotion.source_of(goal)] = HeldObject(goal.size, goal.source or "")
        return HeldCopy(filed, promotion.store, promotion.copy_path, objects)


def _has_more(record: Record) -> bool:
    """Whether a branch copy may have more than was promoted: versions that main had, and what it only began as."""
    if record.kind == "versioned":
        return True
    return bool(record.seeded)


def _is_main_as_planned(promotion: Promotion) -> bool:
    """Whether main is what the plan found."""
    now = _identities_now(promotion)
    for goal in promotion.claim.goals:
        if now.get(promotion.main_of(goal)) != goal.expects:
            return False
    return not _new_names(promotion, now)


def _new_names(promotion: Promotion, now: Identities) -> set[str]:
    """What lies in a copy that is replaced as a whole, and is in no plan."""
    if not promotion.claim.is_of_everything:
        return set()
    planned = set(map(promotion.main_of, promotion.claim.goals))
    # What is no unit was there, and stays.
    for name in promotion.claim.left:
        planned.add(f"{promotion.main_path}/{name}")
    return now.keys() - planned


def _is_marked(promotion: Promotion) -> bool:
    """Whether the record of the branch copy, as it was planned, is marked now."""
    return _is_as_promoted(promotion, mark_record(promotion))


def mark_record(promotion: Promotion) -> Record:
    """Mark the record of the branch copy, if it is the planned one; what lies there now.

    A copy that was put before its claim lay there has another record by then; one that comes after reads the mark.
    """

    def change(record: Record) -> Record:
        is_planned = record.id == promotion.claim.record_id and record.state == "complete"
        return replace(record, id=promotion.claim.mark) if is_planned else record

    file = promotion.record_file
    try:
        return file.update(change, seconds=PATIENCE_SECONDS).record
    except LockHeldError:
        # By a save, for as long as it takes.
        return file.read()


def _is_as_promoted(promotion: Promotion, record: Record) -> bool:
    """Whether a branch copy's record is the one that is promoted."""
    return record.id == promotion.claim.mark and record.state == "complete"


def _may_go(promotion: Promotion, record: Record) -> bool:
    """Whether a branch copy goes: it is what was promoted, or its removal was begun."""
    return _is_as_promoted(promotion, record) or record.state == "removing"


def _batches(goals: Sequence[Goal]) -> list[Sequence[Goal]]:
    batches = []
    for start in range(0, len(goals), AT_ONCE):
        batches.append(goals[start : start + AT_ONCE])
    return batches


def _batches_of_puts(promotion: Promotion) -> list[Sequence[Goal]]:
    puts = promotion.claim.puts
    if promotion.claim.kind != "overlay":
        return _batches(puts)
    # The last one alone: it may be the checkpoint, which says that all others are there.
    return [*_batches(puts[:-1]), *_batches(puts[-1:])]


def _empty_folders(promotion: Promotion) -> list[str]:
    """The folders in main's copy that may be empty when what main loses is gone: of a version, or in a directory."""
    # A folder of partitions stays where it is: main's own save may just make one.
    if promotion.claim.kind == "overlay":
        return []
    top = f"{promotion.main_path}/"
    folders = set()
    for goal in promotion.claim.removals:
        path = promotion.main_of(goal)
        if path.startswith(top):
            folders.add(top + path[len(top) :].split("/", 1)[0])
    files = {promotion.main_of(goal) for goal in promotion.claim.goals}
    return sorted(folders - files)


def _identities_now(promotion: Promotion) -> Identities:
    """Main's identities by their paths."""
    store = promotion.store
    paths = [promotion.main_of(goal) for goal in promotion.claim.goals]
    if len(paths) > MANY or promotion.claim.is_of_everything:
        return {
            f"{promotion.main_path}/{name}": identity for name, identity in store.files(promotion.main_path).items()
        }
    identities = {}
    for path, identity in zip(paths, all_together(store.identity, paths), strict=True):
        # What went is nowhere.
        if identity is not None:
            identities[path] = identity
    return identities


def _put_base(promotion: Promotion) -> None:
    """Note in the record of a copy that stays what main is now: the copy begins from there."""
    now = promotion.claim.put_by_unit
    if promotion.claim.kind == "versioned":
        now = units_of("versioned").base(promotion.store, promotion.main_path, ())

    def change(record: Record) -> Record:
        if not _is_as_promoted(promotion, record):
            return record
        # What it only began as was not promoted: that began where it did.
        base = {**record.base, **now} if record.settled.seeded else now
        return replace(record, base=base)

    promotion.record_file.update(change)
