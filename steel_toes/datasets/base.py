"""The two datasets of a catalog entry, and the law that chooses between them.

What a branch sees is what plain Kedro would show on a private copy of main's data. Each class here answers for one
kind of dataset; whatever it does not answer is the side's own affair.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, NoReturn, Protocol

from kedro.io import AbstractDataset, DatasetError
from kedro.io.core import Version

from steel_toes.datasets.registry import Seeding
from steel_toes.errors import (
    BranchUnknownError,
    ChangedCopyError,
    CopyError,
    LoadRefusedError,
    SaveRefusedError,
    TornCopyError,
)
from steel_toes.records.ledger import WHOLE, Book, Identities, Record, Save, Verdict, judge
from steel_toes.stores.base import Store

logger = logging.getLogger(__name__)

Dataset = AbstractDataset[Any, Any]

# What no load would find, and no error: `exists` says False.
_ABSENT = (Verdict.TORN, Verdict.GONE, Verdict.NOTHING)


class Side(Enum):
    """Whose data is read."""

    MAIN = "main"
    BRANCH = "branch"


class Builder(Protocol):
    """Builds one side's dataset from the entry's configuration; picklable."""

    def __call__(self, side: Side, version: Version | None) -> Dataset:
        """The dataset of that side; main's can neither save nor confirm."""

    def config(self, side: Side) -> dict[str, Any]:
        """The configuration of that side's dataset."""


@dataclass(frozen=True)
class Entry:
    """What an entry of the catalog is on this branch: all facts, nothing that changes.

    Args:
        name: in the catalog.
        build: gives the dataset of a side.
        store: where the data lies.
        main: path of main's copy in the store.
        branch: path of the branch copy.
        book: the record of the location, or of the directory around it that another entry lists.
        unit: what the entry is in that record.
        seeding: whether main's copy must be copied to the branch before its first save.
        settings: the entry's own configuration, for what an overlay needs of it.
    """

    name: str
    build: Builder
    store: Store
    main: str
    branch: str
    book: Book
    unit: str = WHOLE
    seeding: Seeding = "never"
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def path(self, side: Side, version: str | None = None) -> str:
        """The path of a side's copy, or of one version in it."""
        path = self.main if side is Side.MAIN else self.branch
        return f"{path}/{version}/{path.rsplit('/', 1)[-1]}" if version else path


class Pair:
    """A plain dataset that a save replaces, or adds to, as a whole.

    Args:
        entry: its facts.
        main: main's dataset, if Kedro has built it already.
        version: the versions that the entry is pinned to, if it is versioned.
    """

    answers: ClassVar[frozenset[str]] = frozenset({"load", "save", "exists", "release", "confirm"})

    def __init__(self, entry: Entry, main: Dataset | None = None, version: Version | None = None) -> None:
        self.entry = entry
        self.version = version
        self.main = main if main is not None else entry.build(Side.MAIN, version)
        self.branch = entry.build(Side.BRANCH, version)
        self.frozen: Side | None = None
        self.opened: Side | None = None
        self.seen: str | None = ""

    # What Kedro asks ------------------------------------------------------------------------------------------------

    def load(self) -> Any:
        """Load the side that counts.

        Raises:
            TornCopyError: a save of the branch copy did not finish, or saves went on while it was read.
            ChangedCopyError: the branch copy is gone, or was changed by other hands.
        """
        record = None
        for _ in range(3):
            record, side = self._choose()
            if side is Side.MAIN or record is None:
                return self.main.load()
            whole, data = self._read(record, self.entry.unit, self.branch.load)
            if whole:
                return data
        self.torn(record)

    def save(self, data: Any) -> None:
        """Save to the branch copy; before the first save that is no plain replacement, seed it with main's."""
        if data is None:
            # Kedro refuses it before it touches anything: no record is needed to let it.
            return self.branch.save(data)
        keeps = self._keeps()
        units = (self.entry.unit,)
        plan = Save(units, self._base(units), keeps)
        with self.entry.book.saving(plan, self._on_branch) as (_, before), self._seeded(before, keeps, *units):
            self.branch.save(data)

    def exists(self) -> bool:
        """Whether a load would find data: a torn or vanished branch copy does not exist."""
        found = self._look_now()
        return found[1] not in _ABSENT and self._dataset(self._choose(found)[1]).exists()

    def release(self) -> None:
        """Release both sides."""
        self.main.release()
        self.branch.release()

    def confirm(self) -> None:
        """Confirm on the branch."""
        self.branch.confirm()  # type: ignore[attr-defined]  # only asked where the class has it

    # What the rest of steel_toes asks ---------------------------------------------------------------------------------

    def current(self) -> Dataset:
        """The dataset of the side that would be read; the branch's if its copy is torn, since it is not main's."""
        if self.frozen is Side.MAIN:
            return self.main
        _, verdict = self.look(self.entry.unit)
        return self.main if verdict in (Verdict.MAIN, Verdict.UNFINISHED) else self.branch

    def open_run(self, written: bool) -> Side | None:
        """Note the side at the start of a run and, unless the run writes the dataset, freeze it.

        A copy that cannot be read is left to the load, which says so where it matters.
        """
        try:
            self.opened = self._choose()[1]
        except (TornCopyError, ChangedCopyError):
            return None
        if not written:
            self.frozen = self.opened
        return self.opened

    def sides(self) -> tuple[Dataset, ...]:
        """All datasets behind the proxy."""
        return self.main, self.branch

    def copied(self, deep: bool) -> Pair:
        """A pair with datasets of its own, as a copy of a plain dataset has its own attributes."""
        copier = copy.deepcopy if deep else copy.copy
        twin = copy.copy(self)
        twin.main, twin.branch = copier(self.main), copier(self.branch)
        return twin

    def __getstate__(self) -> dict[str, Any]:
        # A cache does not survive Kedro's pickling: what comes back in its place is no data. "" makes a load ask again.
        return {**self.__dict__, "seen": ""}

    def repin(self, version: Version | None) -> None:
        """Take over a `_version` that was set on the datasets, which is how Kedro pins a copy to a version."""
        self.version = version

    def look(self, unit: str) -> tuple[Record | None, Verdict]:
        """The record and its verdict on a unit."""
        return self.entry.book.look(unit, lambda owner: self.entry.store.identity(self._path(Side.BRANCH, owner)))

    def units(self, side: Side, record: Record | None) -> Identities:
        """What lies at a side's place, whatever the record says of it."""
        return self._found(side, (self.entry.unit,))

    def verdicts(self, record: Record | None) -> dict[str, Verdict]:
        """The record's verdict on each unit that it knows and that lies at the copy's place.

        Main, if a unit lies there of which the record knows nothing: it is nobody's.
        """
        found = self.units(Side.BRANCH, record)
        known = [unit for unit in (record.settled.data if record and record.settled else ()) if self._owns(unit)]
        return {unit: judge(record, unit, found.get(unit)) for unit in sorted({*found, *known})}

    def has_main_changed(self, record: Record) -> bool:
        """Whether main's copy is another than when the branch copy was begun."""
        now = self.units(Side.MAIN, record)
        return any(now.get(u) != record.base.get(u) for u in {*record.data, *record.base} if self._owns(u))

    def adoptable(self, record: Record | None) -> dict[str, str]:
        """The units that lie at the copy's place and are not recorded so, each with its path."""
        settled = (Verdict.BRANCH, Verdict.GONE)
        verdicts = self.verdicts(record)
        return {unit: self._path(Side.BRANCH, unit) for unit, said in verdicts.items() if said not in settled}

    def adopt(self, units: Mapping[str, str]) -> None:
        """Record units as if they had been saved just now; one that lies at another path is copied from there first."""
        for unit, source in units.items():
            if source != self._path(Side.BRANCH, unit):
                self.entry.store.copy(source, self._path(Side.BRANCH, unit))
        self.entry.book.adopt(Save(tuple(units), self._base(units)), self._on_branch)

    def torn(self, record: Record | None) -> NoReturn:
        """Raise the error of a torn copy."""
        if record is None:
            raise ChangedCopyError(**self._facts(), what="is gone: its record vanished while it was read")
        raise TornCopyError(**self.entry.book.facts(record))

    # How -------------------------------------------------------------------------------------------------------------

    def _look_now(self) -> tuple[Record | None, Verdict]:
        return (None, Verdict.MAIN) if self.frozen is Side.MAIN else self.look(self.entry.unit)

    def _choose(self, found: tuple[Record | None, Verdict] | None = None) -> tuple[Record | None, Side]:
        record, verdict = found or self._look_now()
        if verdict is Verdict.MAIN and self.frozen is Side.BRANCH:
            raise ChangedCopyError(**self._facts(), what="was removed while this run reads it")
        side = self._side(record, verdict)
        seen = record.identity(self.entry.unit) if record and side is Side.BRANCH else None
        if seen != self.seen:
            # Only a cache (CachedDataset) can hold anything here, and it would be another copy's.
            self.release()
            self.seen = seen
        return record, side

    def _side(self, record: Record | None, verdict: Verdict) -> Side:
        """The side of a verdict, or the error that it is."""
        if verdict is Verdict.TORN:
            self.torn(record)
        if verdict is Verdict.GONE:
            raise ChangedCopyError(**self._facts(), what="is gone")
        if verdict is Verdict.CHANGED:
            raise ChangedCopyError(
                **self._facts(), what="was changed by other hands, or by another run at the same time"
            )
        if verdict is Verdict.NOTHING:
            raise ChangedCopyError(**self._facts(), what="is not there since everything around it was overwritten")
        if verdict is Verdict.UNFINISHED:
            name, branch, place = self.entry.name, self.entry.book.branch, self.entry.book.shown
            logger.warning(
                "steel-toes: %s: its first save on branch %s never finished (%s); reading main's", name, branch, place
            )
        return Side.BRANCH if verdict is Verdict.BRANCH else Side.MAIN

    def _dataset(self, side: Side) -> Dataset:
        return self.main if side is Side.MAIN else self.branch

    def _read(self, record: Record, unit: str, load: Callable[[], Any]) -> tuple[bool, Any]:
        """What a load of a branch copy gives, and whether the copy was the same before and after."""
        try:
            data = load()
        except Exception:
            # What a half-written file makes a reader raise is no answer.
            if self._is_still(record, unit):
                raise
            return False, None
        return self._is_still(record, unit), data

    def _is_still(self, record: Record, unit: str) -> bool:
        now, verdict = self.look(unit)
        # Not the record's id: a save that began before the load and ended within it has one id all along.
        return verdict is Verdict.BRANCH and now is not None and now.identity(unit) == record.identity(unit)

    def _facts(self) -> dict[str, str]:
        book = self.entry.book
        return {"dataset": self.entry.name, "branch": book.branch, "location": book.shown}

    def _keeps(self) -> bool:
        """Whether the next save keeps something of what is there."""
        if self.entry.seeding != "directory":
            return self.entry.seeding == "always"
        return any(map(self.entry.store.is_directory, (self.entry.main, self.entry.branch)))

    def _path(self, side: Side, unit: str) -> str:
        """Where a unit of this entry lies on a side."""
        return self.entry.path(side)

    def _owns(self, unit: str) -> bool:
        """Whether a unit of the record is this entry's: other entries may lie in the same directory."""
        return unit == self.entry.unit

    def _base(self, units: Iterable[str]) -> Identities:
        """Main's copy of what is begun now."""
        return self._found(Side.MAIN, units)

    def _found(self, side: Side, units: Iterable[str]) -> Identities:
        found = {unit: self.entry.store.identity(self._path(side, unit)) for unit in units}
        return {unit: identity for unit, identity in found.items() if identity is not None}

    def _on_branch(self, units: Iterable[str]) -> Identities:
        found = self._found(Side.BRANCH, units)
        # Asked last when a save has ended: what a cache holds is then this.
        self.seen = found.get(self.entry.unit)
        return found

    @contextmanager
    def _seeded(self, before: Record | None, keeps: bool, unit: str = WHOLE) -> Iterator[None]:
        """Seed a unit if its first save keeps something; undo an untouched seed if that save fails."""
        settled = before.settled if before else None
        if not keeps or (settled and unit in settled.data):
            yield
            return
        store, target = self.entry.store, self._path(Side.BRANCH, unit)
        # What an earlier, dead first save left.
        store.remove(target)
        # fsspec makes the folder of a file that is written, not of one that is appended to.
        store.make_parent(target)
        if not (settled and settled.over == "nothing"):
            seed(store, self.entry.name, self._path(Side.MAIN, unit), target)
        planted = store.identity(target)
        try:
            yield
        except BaseException:
            if planted is not None and store.identity(target) == planted:
                store.remove(target)
            raise


def seed(store: Store, name: str, source: str, target: str) -> None:
    """Copy main's copy to the branch, and copy it again if main was saved meanwhile."""
    for _ in range(3):
        before = store.identity(source)
        if before is None:
            return
        logger.info("steel-toes: %s: seeding the branch copy with main's (%s bytes)", name, f"{store.size(source):,}")
        store.copy(source, target)
        if store.identity(source) == before:
            return
        store.remove(target)
    raise DatasetError(f"{name}: main's copy at {source} changes while it is copied to {target}. Save again later.")


class RefusedPair:
    """An entry that cannot be redirected: reads are main's, a save (for handles, a load too) is refused.

    Args:
        main: its dataset.
        refusal: the error that a save raises.
        load_refusal: the error that a load raises, if it is refused too.
    """

    answers: ClassVar[frozenset[str]] = frozenset({"load", "save", "confirm"})
    opened = Side.MAIN

    def __init__(self, main: Dataset, refusal: CopyError, load_refusal: CopyError | None = None) -> None:
        self.main = main
        self.refusal = refusal
        self.load_refusal = load_refusal

    def load(self) -> Any:
        """Load main's."""
        if self.load_refusal:
            raise self.load_refusal
        return self.main.load()

    def save(self, data: Any) -> None:
        """Refuse."""
        raise self.refusal

    def confirm(self) -> None:
        """Refuse."""
        raise self.refusal

    def current(self) -> Dataset:
        """Main's."""
        return self.main

    def open_run(self, written: bool) -> Side | None:
        """Nothing to freeze: it is always main's."""
        return Side.MAIN

    def copied(self, deep: bool) -> RefusedPair:
        """A pair with a dataset of its own."""
        return RefusedPair((copy.deepcopy if deep else copy.copy)(self.main), self.refusal, self.load_refusal)

    def sides(self) -> tuple[Dataset, ...]:
        """The one dataset."""
        return (self.main,)

    def repin(self, version: Version | None) -> None:
        """Nothing more: a load asks the dataset itself."""


def refused(
    name: str, cls: str, branch: str | None, why: str, load_why: str = ""
) -> tuple[CopyError, CopyError | None]:
    """The errors of a save and, for handles, of a load that are refused.

    Args:
        name: the entry's.
        cls: its type, as catalogs write it.
        branch: its full name; None if it is unknown, which is then the reason.
        why: why saves are refused: one sentence.
        load_why: why loads are refused too, if they are.
    """
    facts = {"dataset": name, "type": cls, "branch": branch or "(unknown)", "why": why}
    save = SaveRefusedError(**facts) if branch else BranchUnknownError(dataset=name, why=why)
    return save, LoadRefusedError(**{**facts, "why": load_why}) if load_why else None
