"""A dataset with several places, such as a model and its vocabulary: each has its own record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, NamedTuple

from kedro.io.core import Version

from steel_toes.datasets.base import TRIES, BranchedDataset, Choice, Dataset, Entry
from steel_toes.datasets.paths import Key
from steel_toes.datasets.whole import BranchedWhole
from steel_toes.errors import ChangedCopyError, TornCopyError
from steel_toes.records.place import Side
from steel_toes.records.record import NO_RECORD


class _Mixed(NamedTuple):
    """A dataset that reads some places from the branch, where they stand and what they were then."""

    keys: list[Key]
    states: list[str | None]
    dataset: Dataset


class BranchedPlaces(BranchedDataset):
    """A dataset with several places: a save begins all of them and completes all; the branch has all or is torn.

    Another entry may have a place of it too, and share its record. What that entry has saved is read from the branch,
    the other places from main, as on a private copy.
    """

    def __init__(self, entry: Entry, main_dataset: Dataset | None = None, version: Version | None = None) -> None:
        super().__init__(entry, main_dataset, version)
        self.parts = self.split()
        self._mixed: _Mixed | None = None

    def split(self) -> tuple[BranchedWhole, ...]:
        """Each place by itself, with the datasets of all."""
        first = replace(self.entry, more=())
        entries = [first]
        for other in self.entry.more:
            entry = replace(first, place=other.place, seeding=other.seeding, keys=other.keys)
            entries.append(entry)
        parts = []
        for entry in entries:
            part = BranchedWhole(entry, self.main_dataset, self.version, self.branch_dataset)
            parts.append(part)
        # In one order, whatever the entry: two that save the same places do not wait for each other for ever.
        parts.sort(key=lambda part: part.place.ledger.path)
        return tuple(parts)

    def load(self) -> Any:
        """Load each place from the side that counts there; the branch's again if it changed meanwhile.

        Raises:
            TornCopyError: a save of one of the places did not finish, or saves went on while they were read.
        """
        choices = [Choice(NO_RECORD, Side.MAIN)]
        for _ in range(TRIES):
            choices = self._choices()
            self._forget(choices)
            dataset = self._dataset_of(choices)
            try:
                data = dataset.load()
            except Exception:
                if self._are_still(choices):
                    raise
                continue
            if self._are_still(choices):
                return data
        return self.raise_torn(choices[0].record)

    def save(self, data: Any) -> None:
        """Save to all places of the branch copy."""
        if data is None:
            return self.branch_dataset.save(data)
        self.check_apart()
        with ExitStack() as saves:
            for part in self.parts:
                saves.enter_context(part.saving(is_part=True))
            self.branch_dataset.save(data)

    def exists(self) -> bool:
        for part in self.parts:
            if part.look_by(part.look).verdict.is_absent:
                return False
        try:
            choices = self._choices()
        except TornCopyError:
            return False
        return self._dataset_of(choices).exists()

    def current(self) -> Dataset:
        for part in self.parts:
            if part.current() is self.branch_dataset:
                return self.branch_dataset
        return self.main_dataset

    def choose(self) -> Choice:
        choices = self._choices()
        for choice in choices:
            if choice.side is Side.BRANCH:
                return choice
        return choices[0]

    def sides(self) -> tuple[Dataset, ...]:
        mixed = (self._mixed.dataset,) if self._mixed else ()
        return (*super().sides(), *mixed)

    def release(self) -> None:
        """Release all sides."""
        super().release()
        self._mixed = None

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_mixed": None}

    def at(self, entry: Entry) -> BranchedPlaces:
        twin = super().at(entry)
        assert isinstance(twin, BranchedPlaces)
        twin.parts = twin.split()
        return twin

    def open_run(self, written: bool) -> Side | None:
        sides = [part.open_run(written) for part in self.parts]
        if None in sides or self._is_torn():
            self.run_side = None
        elif Side.BRANCH in sides:
            self.run_side = Side.BRANCH
        else:
            self.run_side = Side.MAIN
        return self.run_side

    def thaw(self) -> None:
        super().thaw()
        for part in self.parts:
            part.thaw()

    def copied(self, deep: bool) -> BranchedDataset:
        twin = super().copied(deep)
        assert isinstance(twin, BranchedPlaces)
        twin.parts = twin.split()
        twin._mixed = None  # noqa: SLF001 - it is the same class's
        return twin

    # How --------------------------------------------------------------------------------------------------------------

    def _is_torn(self) -> bool:
        """Whether a load would find half a save."""
        try:
            self._choices()
        except (ChangedCopyError, TornCopyError):
            return True
        return False

    def _choices(self) -> list[Choice]:
        """The side that counts at each place.

        Raises:
            TornCopyError: a save of this entry has ended, or `clean` has begun, at some of its places only.
        """
        choices = [part.choose_by(part.look) for part in self.parts]
        sides = {choice.side for choice in choices}
        if len(sides) == 1:
            return choices
        for part, choice in zip(self.parts, choices, strict=True):
            if _is_half(part, choice):
                part.raise_torn(choice.record)
        return choices

    def _dataset_of(self, choices: list[Choice]) -> Dataset:
        """A dataset that reads each place from its side."""
        branch_keys: list[Key] = []
        for part, _ in self._of_branch(choices):
            branch_keys += part.entry.keys
        if not branch_keys:
            return self.main_dataset
        sides = {choice.side for choice in choices}
        if Side.MAIN not in sides:
            return self.branch_dataset
        states = [choice.record.identity(part.unit) for part, choice in self._of_branch(choices)]
        if self._mixed is None or (self._mixed.keys, self._mixed.states) != (branch_keys, states):
            dataset = self.with_settings(self.entry.build.mixed(branch_keys))
            self._mixed = _Mixed(branch_keys, states, dataset)
        # Kept, since a cache in it lives until it is released.
        return self._mixed.dataset

    def _forget(self, choices: list[Choice]) -> None:
        """Drop what the filesystem remembers of the places that are read from the branch."""
        for part, _ in self._of_branch(choices):
            path = part.place.unit_path(Side.BRANCH, part.unit)
            part.place.store.forget(path)

    def _are_still(self, choices: list[Choice]) -> bool:
        """Whether each place that was read from the branch is as its record says."""
        return all(part.is_still(choice.record, part.unit) for part, choice in self._of_branch(choices))

    def _of_branch(self, choices: list[Choice]) -> Iterator[tuple[BranchedWhole, Choice]]:
        """The places that are read from the branch, each with its choice."""
        for part, choice in zip(self.parts, choices, strict=True):
            if choice.side is Side.BRANCH:
                yield part, choice


def _is_half(part: BranchedWhole, choice: Choice) -> bool:
    """Whether this place, where others of the entry have another side, is half of a save or of a removal."""
    if choice.side is Side.MAIN:
        return choice.record.doubts(part.unit)
    recorded = choice.record.settled.unit(part.unit)
    # What an entry of this place alone has saved is no half of a save.
    return recorded is not None and recorded.is_part
