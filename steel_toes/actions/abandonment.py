"""`promote --abandon`: main is as it was, and the claims are gone; and what a promote does that is abandoned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from steel_toes import reasons
from steel_toes.actions.promotion import Promotion, Unfinished
from steel_toes.records.journal import ClaimInPlace, ClaimState, Goal


def abandon(unfinished: Iterable[Unfinished]) -> list[str]:
    """Take back what promotes began that have not ended.

    It is said in each claim first: a promote that lives goes no further, and puts back what it puts meanwhile. For that
    it needs what was kept of main's, which therefore stays: `clean` removes it.

    Args:
        unfinished: with their claims as they lie.

    Returns:
        The paths of main's objects that could not be put back: they are neither as they were nor the branch's, or
        nothing was kept of them.

    Raises:
        PromoteUnfinishedError: one has gone on meanwhile.
    """
    mixed: list[str] = []
    all_unfinished = list(unfinished)
    # What is promoted is not taken back so: `promote` ends it, and its undo branch takes it back.
    going_on = [pair for pair in all_unfinished if pair.promotion.claim.state != "promoted"]
    if not going_on:
        claim = all_unfinished[0].promotion.claim
        raise claim.unfinished_error(reasons.IS_PROMOTED)
    for promotion, in_place in going_on:
        claim = promotion.claim
        file = promotion.claim_file
        abandoned: ClaimInPlace | None = in_place
        if claim.state == "open":
            abandoned = file.change(in_place, replace(claim, state="abandoned"))
        if abandoned is None:
            raise claim.unfinished_error(reasons.HAS_GONE_ON)
        # From here on a promote that lives goes no further.
        left = put_back(promotion, claim.put)
        promotion.clear_passages()
        file.remove(abandoned)
        mixed += left
    return mixed


def state_of(promotion: Promotion) -> ClaimState:
    """What a promote's claim says by now, or what became of it: two requests in the worst case."""
    lies = promotion.claim_file.find().claim
    if lies is not None and lies.id == promotion.claim.id:
        return lies.state
    # Another process of the same promote may have ended it.
    return "promoted" if promotion.claim_file.has_audit(promotion.claim) else "abandoned"


def put_back(promotion: Promotion, put: Mapping[str, str]) -> list[str]:
    """Give main back what a promote has put, where main still has that.

    Args:
        promotion: which.
        put: main's identities, as far as they are known, by the goals' keys.

    Returns:
        The paths of main's objects that are neither as they were nor the branch's, or of which nothing was kept.
    """
    mixed = []
    claim = promotion.claim
    for goal in claim.goals:
        path = promotion.main_of(goal)
        now = promotion.store.identity(path)
        # It was not reached, or was put back already.
        if now == goal.expects:
            continue
        # Main's own run has changed it, before we came so far.
        if not claim.may_have_done(goal):
            continue
        is_given_back = _is_ours(promotion, goal, now, put) and _is_given_back(promotion, goal, now)
        if not is_given_back:
            mixed.append(path)
    return mixed


def _is_ours(promotion: Promotion, goal: Goal, now: str | None, put: Mapping[str, str]) -> bool:
    """Whether main has what the promote made of an object."""
    if goal.source is None:
        return now is None
    if now is None:
        return False
    if now == put.get(goal.key):
        return True
    # A copy on a disk has the time of what it was made of: main's own run may have saved the same.
    if promotion.store.keeps_identities:
        return now == goal.source
    # Of one that was put by another process only the contents tell.
    return promotion.store.has_same_content(promotion.source_of(goal), promotion.main_of(goal))


def _is_given_back(promotion: Promotion, goal: Goal, now: str | None) -> bool:
    """Put back what main had of an object; whether main has it."""
    if goal.expects is None:
        return _is_taken_away(promotion, goal, now)
    # Nothing was kept, or it was cleaned since.
    if not promotion.undo_path:
        return False
    store = promotion.store
    path, kept_path = promotion.main_of(goal), promotion.kept_of(goal)
    identity = store.identity(kept_path)
    if identity is None:
        return False
    if store.copy_over(kept_path, path, identity, now, promotion.passage(path)) is not None:
        return True
    # The answer may have been lost.
    return store.has_same_content(kept_path, path)


def _is_taken_away(promotion: Promotion, goal: Goal, now: str | None) -> bool:
    """Remove what main did not have; whether it is gone."""
    if now is None:
        return True
    return not promotion.store.remove_unchanged({promotion.main_of(goal): now})
