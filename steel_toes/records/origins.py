"""What a copy began as, where `seed` made it: another branch's copy, or main's, as its record says.

A record's `seeded` has, by the saves that `seed` made, `<record> <branch>` of another branch's copy and "" of main's
data; and at `HIDING` which of these saves has brought what the copy hides of main's, if one has.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    """What a copy, or a part of it, began as, while something of it is as it was then."""
    origins = set()
    for save, text in record.settled.seeded.items():
        record_id, _, branch_name = text.partition(" ")
        if save != HIDING:
            origins.add(Origin(branch_name, record_id))
    return sorted(origins)


def still_seeded(settled: Record, data: Mapping[str, str]) -> Mapping[str, str]:
    """What a copy began as, while one of these units is as it was then, or it hides what that hid.

    Args:
        settled: its last complete record.
        data: its units by now.
    """
    # Nearly no copy was seeded, and there may be thousands of units.
    if not settled.seeded or HIDING in settled.seeded:
        return settled.seeded
    saves = set(map(_save_of, data.values()))
    return {save: text for save, text in settled.seeded.items() if save in saves}


def unseeded(record: Record) -> Record:
    """What the branch itself has saved, of a copy that began as another's. Of any other copy all."""
    last = record.settled
    if not last.seeded:
        return record
    data = {unit: text for unit, text in last.data.items() if _save_of(text) not in last.seeded}
    # What it hides of main's may be the other's, too.
    if HIDING in last.seeded:
        return replace(last, data=data, over="main", absent=())
    return replace(last, data=data)


def _save_of(text: str) -> str:
    """The id of the save that put a unit, as a record has it."""
    return text.split(" ", 1)[0].removesuffix(BROKEN_OFF)
