"""What a copy began as, where `seed` made it: another branch's copy, or main's, as its record says.

A record's `seeded` has, by the saves that `seed` made, `<record> <branch>` of another branch's copy and "" of main's
data; and at `HIDING` which of these saves has brought what the copy hides of main's, if one has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from steel_toes.records.record import BROKEN_OFF, Record

HIDING = "over"
"""No save has this id."""


class Origin(NamedTuple):
    """What a copy began as: the branch and its record then; both "" of main's data."""

    branch_name: str
    record_id: str


def origins_of(record: Record) -> list[Origin]:
    """What a copy, or a part of it, began as, whether anything of it is as it was then or not."""
    seeded = record.settled.seeded
    return sorted({_origin(text) for save, text in seeded.items() if save != HIDING})


def is_as_seeded(record: Record) -> bool:
    """Whether something of a copy is as it was seeded."""
    last = record.settled
    return HIDING in last.seeded or any(_save_of(text) in last.seeded for text in last.data.values())


def unseeded(record: Record, is_others: Callable[[Origin], bool] = lambda _: True) -> Record:
    """What is the branch's own to promote, of a copy that began as another's. Of any other copy all.

    Args:
        record: of the copy.
        is_others: whether what an origin had is its own to promote, or main's already. Of one that is gone (a branch
            that was renamed, or cleaned) the copy is all that there is.
    """
    last = record.settled
    others = {save for save, text in last.seeded.items() if save != HIDING and is_others(_origin(text))}
    if not others:
        return record
    data = {unit: text for unit, text in last.data.items() if _save_of(text) not in others}
    # What it hides of main's may be the other's, too.
    if last.seeded.get(HIDING) in others:
        return replace(last, data=data, over="main", absent=())
    return replace(last, data=data)


def _origin(text: str) -> Origin:
    record_id, _, branch_name = text.partition(" ")
    return Origin(branch_name, record_id)


def _save_of(text: str) -> str:
    """The id of the save that put a unit, as a record has it."""
    return text.split(" ", 1)[0].removesuffix(BROKEN_OFF)
