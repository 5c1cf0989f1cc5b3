"""What a record and the data's identity say of one unit."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from steel_toes.records.record import Record


class Verdict(Enum):
    """What a reader may do with a unit."""

    MAIN = "main"
    UNFINISHED = "main; a first save on the branch never finished"
    BRANCH = "branch"
    TORN = "torn"
    GONE = "gone"
    CHANGED = "changed"
    NOTHING = "removed with everything around it"

    @property
    def reads_main(self) -> bool:
        """Whether main's copy is what the branch sees."""
        return self in (Verdict.MAIN, Verdict.UNFINISHED)

    @property
    def is_absent(self) -> bool:
        """Whether a load would find nothing, which is no error to `exists`."""
        return self in (Verdict.TORN, Verdict.GONE, Verdict.NOTHING)

    @property
    def is_against(self) -> bool:
        """Whether the data is not what the record says."""
        return self in (Verdict.TORN, Verdict.GONE, Verdict.CHANGED)


class Look(NamedTuple):
    """A record, and its verdict on a unit at the same moment."""

    record: Record
    verdict: Verdict


def judge(record: Record, unit: str, identity: str | None) -> Verdict:
    """What a reader may do with a unit, from its record and its identity in the store.

    Args:
        record: of the copy; `NO_RECORD` if there is none.
        unit: of the copy.
        identity: of the unit as it is now; None if it is not there.
    """
    # As if it were gone: what lies there still is about to go.
    if _is_being_removed(record):
        return Verdict.MAIN
    recorded = record.identity(unit)
    is_in_doubt = record.doubts(unit)
    if recorded is None:
        return _judge_unrecorded(record, unit, is_in_doubt, identity)
    # Whatever is in doubt: data that is as it was recorded is that save's.
    if identity == recorded:
        return Verdict.BRANCH
    # The save that began has changed it, and has not finished.
    if is_in_doubt:
        return Verdict.TORN
    if identity is None:
        return Verdict.GONE
    return Verdict.CHANGED


def _is_being_removed(record: Record) -> bool:
    return record.state == "removing"


def _judge_unrecorded(record: Record, unit: str, is_in_doubt: bool, identity: str | None) -> Verdict:
    # Everything was overwritten, or main had no such unit: main's must not show through.
    if record.hides(unit):
        return Verdict.NOTHING
    if is_in_doubt and identity is not None:
        return Verdict.UNFINISHED
    return Verdict.MAIN
