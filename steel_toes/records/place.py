"""A place of an entry: main's copy, the branch copy beside it, and the record that decides between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import NamedTuple

from steel_toes.errors import DATA_WITHOUT_RECORD
from steel_toes.records.beginning import Surroundings
from steel_toes.records.guard import check_unlinked
from steel_toes.records.ledger import Identify, Ledger
from steel_toes.records.record import Identities, Record
from steel_toes.records.run import Ahead
from steel_toes.records.save import Transaction
from steel_toes.records.state import Look, Verdict, judge
from steel_toes.records.units import MANY, Units, identities_of
from steel_toes.records.write import Write
from steel_toes.redaction import redacted_repr
from steel_toes.stores.answers import Watch
from steel_toes.stores.base import Store


class Side(Enum):
    """Whose data is read."""

    MAIN = "main"
    BRANCH = "branch"

    @property
    def other(self) -> Side:
        """The other one."""
        return Side.BRANCH if self is Side.MAIN else Side.MAIN


@redacted_repr
class Adoptable(NamedTuple):
    """The path of a unit that could be recorded, and what its record says of it now."""

    path: str
    verdict: Verdict


@redacted_repr
@dataclass(frozen=True)
class Place:
    """One location of an entry on this branch: all facts, nothing that changes.

    Args:
        store: where the data lies.
        main_path: of main's copy in the store; of an entry inside a directory that another entry lists, of the
            directory.
        branch_path: of the branch copy.
        ledger: of the record.
    """

    store: Store
    # Only a location says whether it is a local path, which is shown as it is: the ledger has it.
    main_path: str = field(repr=False)
    branch_path: str = field(repr=False)
    ledger: Ledger

    @property
    def units(self) -> Units:
        """How the copies are divided."""
        return self.ledger.units

    def copy_path(self, side: Side) -> str:
        """The path of a side's copy."""
        return self.main_path if side is Side.MAIN else self.branch_path

    def own_path(self, side: Side) -> str:
        """The part of a side's copy that is the entry's."""
        return self.units.own_path(self.copy_path(side))

    def unit_path(self, side: Side, unit: str) -> str:
        """Where a unit lies on a side."""
        return self.units.path(self.copy_path(side), unit)

    def identity(self, side: Side, unit: str) -> str | None:
        """The identity of a unit on a side; None if it is not there."""
        return self.store.identity(self.unit_path(side, unit))

    def identities(self, side: Side, units: Iterable[str]) -> Identities:
        """The identities of units on a side; a unit that is not there is left out."""
        return identities_of(self.units, self.store, self.copy_path(side), units)

    def watch(self, unit: str) -> AbstractContextManager[Watch]:
        """Watch, within a block, what the store answers of a unit of the branch copy."""
        return self.store.watch(self.unit_path(Side.BRANCH, unit))

    def transaction(self, write: Write, identify: Identify) -> AbstractContextManager[Transaction]:
        """A save, as `Ledger.transaction`; of main's copy it remembers what is there now, unless the write says it."""
        return self.ledger.transaction(write, identify, self._surroundings(write))

    def put_ahead(self, write: Write, identify: Identify) -> Ahead | None:
        """As `Ledger.put_ahead`."""
        return self.ledger.put_ahead(write, identify, self._surroundings(write))

    def _surroundings(self, write: Write) -> Surroundings:
        return Surroundings(partial(self.base, write.units), self._are_free)

    def _are_free(self, units: Iterable[str]) -> bool:
        """Whether nothing lies at the place of any of these units."""
        names = list(units)
        if len(names) > MANY:
            return not self.identities(Side.BRANCH, names)
        paths = [self.unit_path(Side.BRANCH, unit) for unit in names]
        return all(self.store.of_each(self.store.is_free, paths))

    def base(self, units: Iterable[str]) -> Identities:
        """What of main's copy must be remembered when these units of the branch's are begun."""
        return self.units.base(self.store, self.main_path, units)

    def check_free(self) -> None:
        """Whether a run could save here, as far as that is seen on a disk without writing.

        Raises:
            OtherProjectError: the copy is another project's.
            RecordError: data without a record lies at the place of the copy.
        """
        record = self.ledger.read()
        if record.exists:
            self.ledger.checks.check_project(record)
            return
        # Of versions and partitions nobody knows yet which are saved.
        if self.units.kind == "whole" and not self.store.is_free(self.own_path(Side.BRANCH)):
            raise self.ledger.error(DATA_WITHOUT_RECORD, location=self.ledger.branch_location)

    def look(self, path: str, is_compared_later: bool = False, record: Record | None = None) -> Look:
        """The record, and its verdict on the unit that a path is, or lies in."""
        return self.ledger.look(path, self._branch_identity, is_compared_later, record)

    def _branch_identity(self, unit: str) -> str | None:
        return self.identity(Side.BRANCH, unit)

    # What commands ask ------------------------------------------------------------------------------------------------

    def verdicts(self, record: Record) -> dict[str, Verdict]:
        """The record's verdict on each unit that it knows and on each that lies at the copy's place.

        Main, if a unit lies there of which the record knows nothing: it is ignored.
        """
        identities = self.units.listed(self.store, self.branch_path, record)
        recorded = [unit for unit in record.settled.data if self.units.owns(unit)]
        names = sorted({*identities, *recorded})
        return {unit: judge(record, unit, identities.get(unit)) for unit in names}

    def has_main_changed(self, record: Record) -> bool:
        """Whether main's copy is another than when the branch copy was begun."""
        return self.units.has_main_changed(self.store, self.main_path, record)

    def adoptable(self, record: Record) -> dict[str, Adoptable]:
        """The units that lie at the copy's place and are not recorded so.

        Raises:
            RecordError: `clean` is removing the copy, or a unit of several files is in doubt.
        """
        identities = self.units.listed(self.store, self.branch_path, record)
        units = {}
        for unit, identity in sorted(identities.items()):
            verdict = judge(record, unit, identity)
            # An empty folder is no data.
            if verdict is not Verdict.BRANCH and not identity.startswith("0:"):
                units[unit] = Adoptable(self.unit_path(Side.BRANCH, unit), verdict)
        self.ledger.check_adoptable(record, {unit: identities[unit] for unit in units})
        return units

    def check_unlinked(self, units: Iterable[str]) -> None:
        """Whether units at the copy's place may be recorded: files that no other name changes.

        Raises:
            LinkError: there is a link among them.
        """
        check_unlinked(self.ledger, Write(tuple(units)))

    def adopt(self, sources: Mapping[str, str], is_part: bool = False) -> None:
        """Record units as if they had been saved just now.

        Args:
            sources: the path of each unit's data; what lies at another path than the unit's is copied from there first.
            is_part: the dataset has other places, which are adopted too.
        """
        there = tuple(unit for unit, source in sources.items() if source == self.unit_path(Side.BRANCH, unit))
        if there:
            self.ledger.adopt(Write(there, self.base(there), is_part=is_part), self._identities)
        copied = tuple(unit for unit in sources if unit not in there)
        if not copied:
            return
        # As any save: what a killed one leaves is in doubt.
        with self.transaction(Write(copied, is_part=is_part), self._identities):
            for unit in copied:
                self.store.copy(sources[unit], self.unit_path(Side.BRANCH, unit))

    def _identities(self, units: Iterable[str]) -> Identities:
        return self.identities(Side.BRANCH, units)
