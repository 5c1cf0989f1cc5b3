"""A plain dataset: a save replaces it, or adds to it, as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from steel_toes import errors
from steel_toes.datasets.base import BranchedDataset, Choice, Dataset, LookAt
from steel_toes.records.place import Side
from steel_toes.records.record import NO_RECORD, Identities
from steel_toes.records.state import Look, Verdict
from steel_toes.records.write import Write


class BranchedWhole(BranchedDataset):
    """A plain dataset: the copy is one unit, or one unit of a directory that another entry lists."""

    @property
    def unit(self) -> str:
        """The one unit that the entry is."""
        return self.place.units.own

    def load(self) -> Any:
        return self.load_stable(self.unit, self.choose_by, self.main_dataset.load, self.branch_dataset.load)

    def save(self, data: Any) -> None:
        """Save to the branch copy; before the first save that is no plain replacement, seed it with main's."""
        if data is None:
            # Kedro refuses to save None before it touches anything, so there is nothing to record.
            return self.branch_dataset.save(data)
        with self.saving():
            self.branch_dataset.save(data)

    @contextmanager
    def saving(self, is_part: bool = False) -> Iterator[None]:
        """Record what the block saves, as `save` says; with other places, each with its own record, if it is a part."""
        self.check_apart()
        keeps = self._keeps()
        base = self.place.base((self.unit,))
        may_write_nothing = self.entry.may_write_nothing
        write = Write((self.unit,), base, keeps, is_part=is_part, may_write_nothing=may_write_nothing)
        transaction = self.place.ledger.transaction(write, self.identify_branch)
        with transaction as going_on, self.seeded(going_on.before, keeps, self.unit):
            yield

    def exists(self) -> bool:
        look = self.look_by(self.look)
        # Kedro asks `exists` before it decides to run a node: a torn copy must be made again.
        if look.verdict.is_absent:
            return False
        return self.dataset(self._choose(look).side).exists()

    def current(self) -> Dataset:
        if self.frozen_side is Side.MAIN:
            return self.main_dataset
        _, verdict = self.look(self.unit)
        return self.main_dataset if verdict.reads_main else self.branch_dataset

    def choose(self) -> Choice:
        return self.choose_by(self.look)

    def identify_branch(self, units: Iterable[str]) -> Identities:
        identities = super().identify_branch(units)
        # Asked last when a save has ended: what a cache holds is then this.
        self.cached_state = identities.get(self.unit)
        return identities

    def choose_by(self, look_at: LookAt) -> Choice:
        """The side that counts, by the look that is given."""
        return self._choose(self.look_by(look_at))

    def look_by(self, look_at: LookAt) -> Look:
        """The record and its verdict, by the look that is given; main's where a run has frozen it."""
        if self.frozen_side is Side.MAIN:
            return Look(NO_RECORD, Verdict.MAIN)
        return look_at(self.unit)

    def _choose(self, look: Look) -> Choice:
        if look.verdict is Verdict.MAIN and self.frozen_side is Side.BRANCH:
            raise self.changed_error(errors.COPY_REMOVED_IN_RUN)
        side = self.side_of(look)
        self._forget_another(look.record.identity(self.unit) if side is Side.BRANCH else None)
        return Choice(look.record, side)

    def _forget_another(self, state: str | None) -> None:
        """Forget what a cache (CachedDataset) may hold of another copy than the one that has this identity."""
        if state != self.cached_state:
            self.release()
            self.cached_state = state

    def _keeps(self) -> bool:
        """Whether the next save keeps something of what is there."""
        if self.seeding != "directory":
            return self.seeding == "always"
        is_directory = self.place.store.is_directory
        return is_directory(self.place.own_path(Side.MAIN)) or is_directory(self.place.own_path(Side.BRANCH))
