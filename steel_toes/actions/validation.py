"""What Kedro's validators say of branch copies that are to become main's: asked last, since they load the data."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import NamedTuple

from steel_toes import sentences
from steel_toes.actions.inventory import Inventory
from steel_toes.actions.promotion import PromotePlan, Row
from steel_toes.actions.requirements import IsValid, refusals_of


class Check(NamedTuple):
    """What Kedro's validator says of a branch copy.

    Attributes:
        word: in a word, for the plan; "" where there is no validator.
        failure: why it refuses; "" if it does not.
    """

    word: str = ""
    failure: str = ""


Validate = Callable[[str], Check]
"""Asks Kedro's validator of a dataset, on the branch."""


def validated(inventory: Inventory, plan: PromotePlan, validate: Validate | None) -> PromotePlan:
    """A plan with what is said of each copy; one that is refused already stays as it is.

    Args:
        inventory: of the project.
        plan: that was made anew.
        validate: asks Kedro's validators; None to ask none.
    """
    if validate is None or plan.refusals or plan.failed:
        return plan
    rows = [_validated_row(inventory, row, validate) for row in plan.rows]
    return replace(plan, rows=tuple(rows))


def _validated_row(inventory: Inventory, row: Row, validate: Validate) -> Row:
    promotion = row.promotion
    record = promotion.record
    assert record is not None  # a plan that is made anew has read it
    # What main itself had was valid when it was saved.
    if record.undoes:
        return row
    # It may have had another name when it was saved, and has several by now.
    names = sorted(inventory.entries_at(promotion.root.path, record.location)) or [record.dataset]
    checks = {name: validate(name) for name in names}
    refusals = refusals_of([IsValid(record, name, check.failure) for name, check in checks.items()], {})
    word = _word_of(checks.values())
    promotion = promotion.with_claim(replace(promotion.claim, checked=word))
    return row._replace(promotion=promotion, refusals=refusals, checked=word)


def _word_of(checks: Collection[Check]) -> str:
    """What is said of data that several entries have: what does not hold, else that it has passed, else nothing."""
    words = [check.word for check in checks if check.word]
    for word in words:
        if word != sentences.CHECK_PASSED:
            return word
    return words[0] if words else ""
