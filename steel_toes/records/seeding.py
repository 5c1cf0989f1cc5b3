"""A save that makes nothing new: it copies another branch's copy, or main's, and says whose the data is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from steel_toes.records.origins import HIDING
from steel_toes.records.record import BROKEN_OFF, Record, Recorded, Writer, writers_of
from steel_toes.records.save import Outcome, Save


@dataclass(frozen=True, slots=True)
class Seed:
    """What a copy begins as: a copy of another branch's, or of main's.

    Args:
        branch_name: whose it is; "" of main's.
        record_id: of the other branch's record; "" of main's.
        units: as that record has them.
        writers: of those units, by their keys.
        over: what shows where the copy has no unit: main's, or nothing.
        absent: units that a reader finds absent, whatever main has.
    """

    branch_name: str = ""
    record_id: str = ""
    units: Mapping[str, Recorded] = field(default_factory=dict)
    writers: Mapping[str, Writer] = field(default_factory=dict)
    over: Literal["main", "nothing"] = "main"
    absent: tuple[str, ...] = ()

    def recorded(self, unit: str, identity: str, save_id: str) -> Recorded:
        """A unit as it is recorded: whoever wrote it wrote it, and not who copied it."""
        source = self.units.get(unit)
        if source is None:
            return Recorded.of(identity, save_id)
        mark = BROKEN_OFF if source.is_broken_off else ""
        return Recorded.of(identity, save_id + mark, source.writers)

    def facts(self, save_id: str) -> dict[str, str]:
        """What the record says of it."""
        return {save_id: f"{self.record_id} {self.branch_name}".strip()}


@dataclass(frozen=True)
class SeedSave(Save):
    """The save of a seed."""

    @property
    def seed(self) -> Seed:
        """What it copies."""
        seed = self.write.seed
        assert seed is not None  # it is what makes it one
        return seed

    def has_completed(self, now: Record, identities: Mapping[str, str]) -> bool:
        # What it hides of main's is as its source has it: that says nothing.
        put = [self.has_put(now, unit) for unit in identities]
        return all(put) and not now.is_doubted_by(self.id)

    def recorded(self, unit: str, identity: str) -> Recorded:
        return self.seed.recorded(unit, identity, self.id)

    def completed(
        self,
        now: Record,
        data: Mapping[str, str],
        doubt: Mapping[str, tuple[str, ...]],
        own_units: Iterable[str],
    ) -> Record:
        completed = super().completed(now, data, doubt, own_units)
        keys = writers_of(data)
        writers = {key: writer for key, writer in self.seed.writers.items() if key in keys}
        writers.update(completed.writers)
        return replace(completed, writers=writers, seeded={**completed.seeded, **self.seed.facts(self.id)})

    def _complete_everything(self, now: Record, identities: Mapping[str, str]) -> Outcome:
        outcome = super()._complete_everything(now, identities)
        if outcome.lost:
            return outcome
        seed = self.seed
        seeded = seed.facts(self.id)
        if seed.over == "nothing" or seed.absent:
            seeded[HIDING] = self.id
        return Outcome(replace(outcome.record, seeded=seeded, over=seed.over, absent=seed.absent))
