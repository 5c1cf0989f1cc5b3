"""What one save is about to do to a branch copy, and what it makes of the record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from steel_toes.records.record import ALL, Identities, Record


@dataclass(frozen=True, slots=True)
class Write:
    """What one save is about to do to a branch copy.

    Args:
        units: the units that it writes.
        base: main's identities of these units now.
        keeps: it keeps something of what is there (append and its like), so a torn copy cannot be repaired by it.
        everything: what it does not write is gone, on the branch and from main's under it.
        may_write_nothing: a unit that is not there afterwards is no error, and is not the branch's.
    """

    units: tuple[str, ...]
    base: Mapping[str, str] = field(default_factory=dict)
    keeps: bool = False
    everything: bool = False
    may_write_nothing: bool = False

    @property
    def doubted(self) -> tuple[str, ...]:
        """The units that are uncertain while this save goes on."""
        return (ALL,) if self.everything else self.units

    def new_base(self, record: Record) -> Identities:
        """Main's copy when the branch copy was begun: kept, unless this save replaces what the branch had.

        Args:
            record: before this save, or `writing` by it.
        """
        if self.everything or not record.exists:
            return dict(self.base)
        if record.kind == "versioned":
            return self._base_of_versions(record)
        # A unit that is not written, or of which something is kept, began when it began.
        begun_anew = set(self.units)
        if self.keeps:
            begun_anew -= record.settled.data.keys()
        base = dict(record.base)
        for unit in begun_anew:
            base.pop(unit, None)
            # What main does not have now has no base.
            if unit in self.base:
                base[unit] = self.base[unit]
        return base

    def _base_of_versions(self, record: Record) -> Identities:
        # Main's newest version counts from the branch's first version on.
        if record.settled.exists:
            return record.base
        return dict(self.base)

    def is_still_begun(self, writing: Record, now: Record) -> bool:
        """Whether nobody else began or finished a save of the same units since `writing` was written."""
        if self.everything:
            return now == writing
        if writing.doubt.get(ALL) != now.doubt.get(ALL):
            return False
        return all(now.doubt.get(unit) == writing.id for unit in self.units)

    def completed(self, writing: Record, now: Record, identities: Identities) -> Record:
        """The record after the data: our units are settled, what others left in doubt stays so.

        Args:
            writing: the record that was written before the data.
            now: the record in place; another save of other units may have written it.
            identities: of our units.
        """
        completed = replace(now, id=writing.id, state="complete", was=None, base=self.new_base(now))
        if self.everything:
            over = "nothing" if now.kind == "overlay" else now.over
            return replace(completed, data=identities, over=over, doubt={})
        doubt = dict(now.doubt)
        for unit in self.units:
            doubt.pop(unit, None)
        return replace(completed, data={**now.settled.data, **identities}, doubt=doubt)
