"""`promote --merged`: which branches were merged, so that their data comes home without anybody who names them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from steel_toes import errors, sentences
from steel_toes.actions.claims import list_claims
from steel_toes.actions.inventory import Inventory, believed
from steel_toes.actions.plan import FiledRecord
from steel_toes.actions.promote import Planner
from steel_toes.actions.promotion import PromotePlan, PromoteWish
from steel_toes.actions.validation import Validate
from steel_toes.checkout.git import GONE
from steel_toes.naming.branch import is_undo_branch


class Merged(NamedTuple):
    """The plans of those branches that were merged, why others are none, and what could not be read."""

    plans: list[PromotePlan]
    left: list[str]
    failures: list[str]


def merged_plans(planner: Planner, wish: PromoteWish, validate_on: Callable[[str], Validate] | None) -> Merged:
    """A plan for each branch of which something was merged, whose code main has, and under which main did not change.

    Args:
        planner: makes the plans.
        wish: what is asked for, of every branch.
        validate_on: gives what asks Kedro's validators on a branch; None to ask none.
    """
    inventory = planner.inventory
    groups, failures = inventory.list_records()
    samples, unread = believed(inventory.samples(groups.values()))
    plans: list[PromotePlan] = []
    left: list[str] = []
    for name, record in sorted(_candidates(inventory, samples).items()):
        validate = validate_on(name) if validate_on else None
        plan = planner.plan(replace(wish, branch_name=name, is_named=False), validate)
        # Somebody agreed to it before it was killed.
        if plan.unfinished:
            plans.append(plan)
            continue
        why = _why_not_merged(inventory, plan, record)
        if plan.failed or not plan.rows:
            failures += plan.failed
            left += plan.left
        elif why:
            left.append(sentences.IS_NOT_MERGED.format(branch=name, why=why))
        elif plan.refusals:
            # It was merged, and somebody must look at it: a job does not end well.
            failures.append(sentences.IS_NOT_MERGED.format(branch=name, why=plan.refusals[0]))
        else:
            plans.append(plan)
    return Merged(plans, left, [*failures, *unread])


def _candidates(inventory: Inventory, samples: list[FiledRecord]) -> dict[str, FiledRecord | None]:
    """The branches that may have been merged, each with one of its records."""
    candidates: dict[str, FiledRecord | None] = {}
    # Of a branch whose copies are removed already only a claim may be left.
    for stored in list_claims(inventory).own(inventory).stored:
        candidates[stored.claim.branch_name] = None
    for filed in samples:
        if inventory.is_own(filed.record):
            candidates[filed.record.branch_name] = filed
    # Main's names, and the branch that this process is on, whose copies it writes.
    excluded = {*inventory.mains, inventory.policy.branch.name}
    for name in excluded & candidates.keys():
        del candidates[str(name)]
    return dict(filter(_may_be_merged, candidates.items()))


def _may_be_merged(candidate: tuple[str, FiledRecord | None]) -> bool:
    """Whether a branch is taken without being named: what main had is not, nor is a fork's data."""
    name, _ = candidate
    return bool(name.strip()) and not is_undo_branch(name) and ":" not in name


def _why_not_merged(inventory: Inventory, plan: PromotePlan, filed: FiledRecord | None) -> str:
    """Why a branch is not taken for merged; "" if it is."""
    if any(isinstance(refusal, errors.CodeNotMergedError) for refusal in plan.refusals):
        return sentences.NOT_MERGED_YET
    if filed is None or _has_edits(plan):
        return ""
    word, _ = inventory.word_on(filed.record)
    # A branch that only ran main's code has nothing to merge, and may be somebody's who still works on it.
    return "" if word == GONE else sentences.RAN_MAINS_CODE


def _has_edits(plan: PromotePlan) -> bool:
    """Whether code that differed from main's has made something of it."""
    # Edits that are empty, or unknown, are no evidence.
    edits = []
    for row in plan.rows:
        record = row.promotion.record
        if record is not None:
            edits += [writer.edits for writer in record.writers.values()]
    return any(edits)
