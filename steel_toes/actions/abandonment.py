"""`promote --abandon`: main is as it was, and the claims are gone; and what a promote does that is abandoned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from steel_toes import errors, sentences
from steel_toes.actions.promotion import Promotion
from steel_toes.records.journal import ClaimInPlace, ClaimState, Goal


def abandon(unfinished: Iterable[tuple[Promotion, ClaimInPlace]]) -> list[str]:
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
    going_on = [pair for pair in all_unfinished if pair[0].claim.state != "promoted"]
    if not going_on:
        raise unfinished_error(all_unfinished[0][0], sentences.IS_PROMOTED)
    for promotion, in_place in going_on:
        abandoned: ClaimInPlace | None = in_place
        if promotion.claim.state == "open":
            abandoned = promotion.claim_file.change(in_place, replace(promotion.claim, state="abandoned"))
        if abandoned is None:
            raise unfinished_error(promotion, sentences.HAS_GONE_ON)
        # From here on a promote that lives goes no further.
        left = put_back(promotion, promotion.claim.put)
        promotion.store.clear_passages(*passage_of(promotion), map(promotion.main_of, promotion.claim.puts))
        promotion.claim_file.remove(abandoned)
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
    for goal in promotion.claim.goals:
        path = promotion.main_of(goal)
        now = promotion.store.identity(path)
        # It was not reached, or was put back already.
        if now == goal.expects:
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
    through = store.passage(*passage_of(promotion), path)
    if store.copy_over(kept_path, path, identity, now, through) is not None:
        return True
    # The answer may have been lost.
    return store.has_same_content(kept_path, path)


def _is_taken_away(promotion: Promotion, goal: Goal, now: str | None) -> bool:
    """Remove what main did not have; whether it is gone."""
    if now is None:
        return True
    return not promotion.store.remove_unchanged({promotion.main_of(goal): now})


def passage_of(promotion: Promotion) -> tuple[str, str]:
    """Where copies to a disk are made before they take their places, and what their names begin with."""
    folder, _, _ = promotion.claim_file.path.rpartition("/")
    # Records may lie in another store: then beside main's copy, and in nothing that is one dataset.
    if promotion.root.store.protocol != promotion.store.protocol:
        folder, _, _ = promotion.main_path.rpartition("/")
    return folder, promotion.claim.id


def unfinished_error(promotion: Promotion, what: str) -> errors.PromoteUnfinishedError:
    """The error of a promote that goes no further."""
    claim = promotion.claim
    return errors.PromoteUnfinishedError(
        dataset=claim.dataset, branch=claim.branch_name, since=claim.shown_time, by=claim.author, what=what
    )
