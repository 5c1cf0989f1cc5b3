"""A plain dataset: a save replaces it, or adds to it, as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from steel_toes import errors
from steel_toes.datasets.base import BranchedDataset, Choice, Dataset, LookAt
from steel_toes.records.place import Side
from steel_toes.records.record import NO_RECORD
from steel_toes.records.run import Ahead
from steel_toes.records.state import Look, Verdict
from steel_toes.records.write import Write


class BranchedWhole(BranchedDataset):
    """A plain dataset: the copy is one unit, or one unit of a directory that another entry lists."""

    @property
    def unit(self) -> str:
        """The one unit that the entry is."""
        return self.place.units.own

    def load(self) -> Any:
        return self.load_stable(self.unit, self.choose_by, self._load_main, self._load_branch)

    def _load_main(self) -> Any:
        return self.main_dataset.load()

    def _load_branch(self) -> Any:
        return self.branch_dataset.load()

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
        transaction = self.place.transaction(self._write(keeps, is_part), self.identify_branch)
        # What a cache holds is what was saved only if it counts.
        self.cached_state = ""
        with (
            transaction as going_on,
            self.seeded(going_on.before, keeps, self.unit),
            self.watched(going_on, [self.unit]),
        ):
            yield
        self.cached_state = going_on.recorded.get(self.unit)

    def _write(self, keeps: bool, is_part: bool = False) -> Write:
        may_write_nothing = self.entry.may_write_nothing
        return Write((self.unit,), keeps=keeps, is_part=is_part, may_write_nothing=may_write_nothing)

    def put_ahead(self) -> Ahead | None:
        ahead = self.place.put_ahead(self._write(keeps=False), self.identify_branch)
        if ahead is None or self.save_error or self.seeding != "never":
            return None
        return ahead

    def exists(self) -> bool:
        look = self.look_by(self.look)
        # Kedro asks `exists` before it decides to run a node: a torn copy must be made again.
        if look.verdict.is_absent:
            return False
        return self.dataset(self._choose(look).side).exists()

    def current(self) -> Dataset:
        if self._reads_frozen_main:
            return self.main_dataset
        _, verdict = self.look(self.unit)
        return self.main_dataset if verdict.reads_main else self.branch_dataset

    def choose(self) -> Choice:
        return self.choose_by(self.look)

    def choose_by(self, look_at: LookAt) -> Choice:
        """The side that counts, by the look that is given."""
        look = self.look_by(look_at)
        if look.verdict.reads_main and self.place.ledger.is_saved_in_run:
            # Perhaps it was asked before the run saved there, by another name, and answered after.
            look = self.look_by(self.look)
        return self._choose(look)

    def look_by(self, look_at: LookAt) -> Look:
        """The record and its verdict, by the look that is given; main's where a run has frozen it."""
        if self._reads_frozen_main:
            return Look(NO_RECORD, Verdict.MAIN)
        return look_at(self.unit)

    @property
    def _reads_frozen_main(self) -> bool:
        """Whether a run reads main's to its end; not if a hook saves on the branch what the run only reads."""
        return self.frozen_side is Side.MAIN and not self.place.ledger.is_saved_in_run

    def _choose(self, look: Look) -> Choice:
        is_branch_in_run = self.frozen_side is Side.BRANCH or self.place.ledger.is_saved_in_run
        if look.verdict.reads_main and is_branch_in_run:
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
        seeding = self.seeding
        if seeding != "directory":
            return seeding == "always"
        is_directory = self.place.store.is_directory
        return is_directory(self.place.own_path(Side.MAIN)) or is_directory(self.place.own_path(Side.BRANCH))
