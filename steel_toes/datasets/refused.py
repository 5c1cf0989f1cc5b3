"""Entries that cannot be redirected: reads are main's, a save is refused; for handles, a load too."""

from __future__ import annotations

import copy
from typing import Any, ClassVar, NoReturn

from steel_toes.datasets.base import Dataset
from steel_toes.errors import BranchUnknownError, CopyError, LoadRefusedError, ReadOnlyError, SaveRefusedError
from steel_toes.records.place import Side
from steel_toes.sentences import READING_FAILS, READING_REFUSED


class RefusedDataset:
    """An entry that cannot be redirected.

    Args:
        main_dataset: main's dataset.
        save_error: the error that a save raises.
        why: the entry cannot be redirected; "" if it could be.
        load_error: the error that a load raises, if it is refused too.
        hidden: the branch copies in the directory that it lists, as its partitions are called: no part of main's.
    """

    answers: ClassVar[frozenset[str]] = frozenset({"load", "save", "confirm", "exists"})
    run_side = Side.MAIN
    overrides: ClassVar[dict[str, Any]] = {}

    def __init__(
        self,
        main_dataset: Dataset,
        save_error: CopyError,
        why: str,
        load_error: CopyError | None = None,
        hidden: tuple[str, ...] = (),
    ) -> None:
        self.main_dataset = main_dataset
        self.save_error = save_error
        self.why = why
        self.load_error = load_error
        self.hidden = hidden

    def load(self) -> Any:
        """Load main's."""
        if self.load_error:
            raise self.load_error
        data = self.main_dataset.load()
        if not self.hidden:
            return data
        return {name: partition for name, partition in data.items() if not self._is_hidden(name)}

    def exists(self) -> bool:
        """Whether main has data."""
        if not self.hidden:
            return self.main_dataset.exists()
        return self.main_dataset.exists() and bool(self.load())

    def _is_hidden(self, partition_id: str) -> bool:
        """Whether a partition is a branch copy, or a file of one."""
        return any(f"{partition_id}/".startswith(f"{name}/") for name in self.hidden)

    def save(self, data: Any) -> None:
        """Refuse."""
        raise self.save_error

    def confirm(self) -> None:
        """Refuse."""
        raise self.save_error

    @property
    def any_dataset(self) -> Dataset:
        """The one dataset."""
        return self.main_dataset

    def current(self) -> Dataset:
        """Main's."""
        return self.main_dataset

    def reading(self) -> str:
        """Which side a load reads, in one sentence."""
        return READING_FAILS.format(why=self.load_error) if self.load_error else READING_REFUSED

    def open_run(self, written: bool) -> Side | None:
        """Nothing to freeze: it is always main's."""
        return Side.MAIN

    def set(self, name: str, value: Any) -> None:
        """Set an attribute of the dataset; its `save` stays refused."""
        if name not in self.answers:
            setattr(self.main_dataset, name, value)

    def sides(self) -> tuple[Dataset, ...]:
        """The one dataset."""
        return (self.main_dataset,)

    def check_saved(self) -> None:
        """Raise the error of a save."""
        raise self.save_error

    def refuse_saving(self, why: str) -> NoReturn:
        """Raise the error of a save."""
        raise self.save_error

    def check_settable(self, *key: str) -> None:
        """Any attribute may be set: nothing is saved."""

    def remove(self, name: str) -> None:
        """Remove an attribute of the dataset."""
        delattr(self.main_dataset, name)

    def copied(self, deep: bool) -> RefusedDataset:
        """The same with a dataset of its own."""
        copier = copy.deepcopy if deep else copy.copy
        return RefusedDataset(copier(self.main_dataset), self.save_error, self.why, self.load_error, self.hidden)


def refuse(
    main_dataset: Dataset,
    name: str,
    type_name: str,
    branch_name: str | None,
    why: str,
    load_why: str = "",
    hidden: tuple[str, ...] = (),
    read_only: str = "",
) -> RefusedDataset:
    """The dataset of an entry whose saves and, for handles, loads are refused.

    Args:
        main_dataset: main's.
        name: the entry's.
        type_name: its type, as catalogs write it.
        branch_name: its full name; None if it is unknown, which is then the reason.
        why: why saves are refused: one sentence.
        load_why: why loads are refused too, if they are.
        hidden: as `RefusedDataset` has it.
        read_only: what makes this process read-only, which is then the reason; "" if nothing does.
    """
    facts = {"dataset": name, "type": type_name, "branch": branch_name or "(unknown)"}
    save_error: CopyError = BranchUnknownError(dataset=name, why=why)
    if branch_name:
        save_error = SaveRefusedError(**facts, why=why)
    if read_only:
        save_error = ReadOnlyError(action="save", dataset=name, source=read_only)
    # A handle can write main's data as soon as somebody holds it.
    load_error: CopyError | None = LoadRefusedError(**facts, why=load_why) if load_why else None
    if read_only and load_why:
        load_error = ReadOnlyError(action="load", dataset=name, source=read_only)
    return RefusedDataset(main_dataset, save_error, why, load_error, hidden)
