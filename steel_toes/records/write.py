"""What one save is about to do to a branch copy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steel_toes.records.record import ALL, Identities, Record

if TYPE_CHECKING:
    from steel_toes.records.seeding import Seed


@dataclass(frozen=True, slots=True)
class Write:
    """What one save is about to do to a branch copy.

    Args:
        units: the units that it writes.
        base: main's identities of these units now; None if they are looked at when the save begins.
        keeps: it keeps something of what is there (append and its like), so a torn copy cannot be repaired by it.
        everything: what it does not write is gone, on the branch and from main's under it.
        is_part: the dataset has other places, each with its own record, and this save writes them all.
        may_write_nothing: a unit that is not there afterwards is no error, and is not the branch's.
        seed: what it copies, if it makes nothing new.
    """

    units: tuple[str, ...]
    base: Mapping[str, str] | None = None
    keeps: bool = False
    everything: bool = False
    is_part: bool = False
    may_write_nothing: bool = False
    seed: Seed | None = None

    @property
    def doubted(self) -> tuple[str, ...]:
        """The units that are uncertain while this save goes on."""
        return (ALL,) if self.everything else self.units

    @property
    def needs_record(self) -> bool:
        """Whether what the save does is certain only while the record stays that it began from."""
        return self.keeps or self.everything

    def new_base(self, settled: Record, units: Iterable[str]) -> Identities:
        """Main's copy when the branch copy was begun: kept, unless this save replaces what the branch had.

        Args:
            settled: the last complete record.
            units: those that the save put.
        """
        now = self.base or {}
        if self.everything or not settled.exists:
            return dict(now)
        # Main's newest version counts from the branch's first version on.
        if settled.kind == "versioned":
            return dict(settled.base)
        # A unit that is not written, or of which something is kept, began when it began.
        begun_anew = set(units)
        if self.keeps:
            begun_anew -= settled.data.keys()
        base = dict(settled.base)
        for unit in begun_anew:
            base.pop(unit, None)
            # What main does not have now has no base.
            if unit in now:
                base[unit] = now[unit]
        return base
