"""How a save begins: what it must know is asked at once where requests wait for a network, then `writing` is put."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from steel_toes.errors import CopyError, StoreError
from steel_toes.records.file import RecordInPlace
from steel_toes.records.record import Identities, Record
from steel_toes.records.run import Ahead, StartingPoint
from steel_toes.records.save import Save, begin
from steel_toes.records.seeding import SeedSave
from steel_toes.records.units import WHOLE
from steel_toes.records.write import Write
from steel_toes.stores.together import together

if TYPE_CHECKING:
    from steel_toes.records.ledger import Identify, Ledger


class Surroundings(NamedTuple):
    """What a save asks of the store besides the record, before it writes.

    Attributes:
        base: gives main's identities of the units that are saved.
        are_free: whether nothing lies at the place of any of these units of the branch copy.
    """

    base: Callable[[], Identities]
    are_free: Callable[[Iterable[str]], bool]


_MOMENT_SECONDS = 0.5
"""For so long after `writing` was put nobody looks again: a node that takes longer hardly notices one request more."""

KNOWN = Surroundings(dict, lambda _: False)
"""Of a save that knows what main has, or has to know nothing."""


class Begun(NamedTuple):
    """A save that has begun.

    Attributes:
        save: what it makes of the record.
        in_place: the record that says so.
        time: when that was put, by this process's clock.
    """

    save: Save
    in_place: RecordInPlace
    time: float


@dataclass(frozen=True)
class Beginning:
    """How one save begins.

    Args:
        ledger: of the record.
        write: what the save does.
        identify: gives the identities of units in the store.
        surroundings: what is asked before it begins.
    """

    ledger: Ledger
    write: Write
    identify: Identify
    surroundings: Surroundings

    def begin(self, is_locked: bool) -> Begun:
        """Put `writing`, by what is known, or when all has been asked that a save must know.

        Args:
            is_locked: whether we hold the record's lock.
        """
        begun = self._taken_ahead() or self.begin_in_run() or self._begun_over_kept()
        return begun or self._begun_anew(is_locked)

    def ahead(self) -> Ahead | None:
        """What a run may put when the node begins that saves this; None if the save must begin by itself.

        No bucket is made ahead, and nothing is refused.
        """
        if self.ledger.bucket is not None or not self.ledger.may_put_apart(self.write):
            return None
        return Ahead(self.ledger.key, self.begin_in_run, self.ledger.withdraw)

    def _taken_ahead(self) -> Begun | None:
        """The save whose `writing` was put when its node began; None if there is none that does the same."""
        begun: Begun | None = self.ledger.run.take_ahead(self.ledger.key)
        if begun is None:
            return None
        # A hook may have changed what it does.
        is_same = replace(begun.save.write, base=self.write.base) == self.write
        if is_same and self._is_as_begun(begun):
            return begun
        self.ledger.withdraw(begun)
        return None

    def _is_as_begun(self, begun: Begun) -> bool:
        """Whether nobody else has come since `writing` was put, as far as a node leaves time for it."""
        if time.monotonic() - begun.time < _MOMENT_SECONDS:
            return True
        is_free = True
        records: list[Record] = []

        def look_for_strangers() -> None:
            nonlocal is_free
            if not begun.save.before.has_begun(WHOLE):
                is_free = self.surroundings.are_free([WHOLE])

        together(look_for_strangers, lambda: records.append(self.ledger.file.read_in_place().record))
        return is_free and records[0] == begun.in_place.record

    def begin_in_run(self) -> Begun | None:
        """Put `writing` by what was found at the run's beginning; None if nothing was, or if it is otherwise by now."""
        start = self.ledger.run.take_start(self.ledger.key)
        if start is None or self.write.keeps or self.write.units != (WHOLE,):
            return None
        if not self._is_proven:
            # Nobody would refuse a put over a record that is another by now: it is read once more, right before.
            start = replace(start, in_place=None)
        write = replace(self.write, base=start.base)
        is_free = True

        def look_for_strangers() -> None:
            nonlocal is_free
            # At the run's beginning there was none.
            if start.free_units:
                is_free = self.surroundings.are_free(start.free_units)

        begun = self._put_and_ask(start, write, look_for_strangers)
        if begun is not None and not is_free:
            self.ledger.withdraw(begun)
            return None
        return begun

    def _begun_over_kept(self) -> Begun | None:
        """Put `writing` over a record that is known, and ask for main's copy meanwhile; None where that cannot be."""
        in_place = self._in_place
        if in_place is None or in_place.record.unbegun(self.write.units):
            return None
        base: Identities = {}
        begun = self._put_and_ask(StartingPoint({}, in_place), self.write, lambda: base.update(self._base()))
        if begun is None:
            return None
        save = replace(begun.save, write=replace(self.write, base=base))
        return begun._replace(save=save)

    def _put_and_ask(self, start: StartingPoint, write: Write, ask: Callable[[], None]) -> Begun | None:
        """Put `writing`, and ask something meanwhile. What cannot be asked takes it back.

        None if what was found refuses the save: it may be old, and only what is there now refuses one.
        """
        begun: list[Begun] = []
        try:
            together(ask, lambda: begun.append(self._put_writing(start, write, is_locked=False)))
        except BaseException as exc:
            for other in begun:
                self.ledger.withdraw(other)
            if isinstance(exc, CopyError) and not isinstance(exc, StoreError):
                return None
            raise
        return begun[0]

    def _begun_anew(self, is_locked: bool) -> Begun:
        """Put `writing` when all has been asked."""
        ledger = self.ledger
        if not (ledger.store.is_remote and ledger.file.has_conditions):
            return self._put_writing(StartingPoint(self._base()), self.write, is_locked)
        start = self._looked_around()
        try:
            return self._put_writing(start, self.write, is_locked)
        except StoreError:
            raise
        except CopyError:
            # What was found at once was found in no order.
            return self._put_writing(StartingPoint(start.base), self.write, is_locked)

    def _looked_around(self) -> StartingPoint:
        """What a save must know, asked at once."""
        records = [self._in_place]
        unknown = list(self.write.units)
        if records[0] is not None:
            unknown = records[0].record.unbegun(unknown)
        base: Identities = {}
        free_units: set[str] = set()

        def look_for_strangers() -> None:
            # Perhaps the record knows them all, and nobody need look.
            with suppress(StoreError):
                if self.surroundings.are_free(unknown):
                    free_units.update(unknown)

        def read() -> None:
            if records[0] is None:
                records[0] = self.ledger.file.read_in_place()

        together(lambda: base.update(self._base()), look_for_strangers, read)
        return StartingPoint(base, records[0], frozenset(free_units))

    @property
    def _in_place(self) -> RecordInPlace | None:
        """The record as it is kept in memory, if a put over it is refused should it be another by now."""
        return self.ledger.memory.in_place if self._is_proven else None

    @property
    def _is_proven(self) -> bool:
        """Whether the store has shown that it refuses a put over another record than is named."""
        return self.ledger.store.honours_conditions(self.ledger.path)

    def _base(self) -> Identities:
        """Main's identities, which the write may know already."""
        return self.surroundings.base() if self.write.base is None else dict(self.write.base)

    def _put_writing(self, start: StartingPoint, write: Write, is_locked: bool) -> Begun:
        ledger = self.ledger
        write = replace(write, base=start.base)
        save: Save | None = None
        free_units = start.free_units

        def change(now: Record) -> Record:
            nonlocal save, free_units
            # Again, after another was faster; or after our own put whose answer was lost, which does not matter.
            ledger.checks.check_writable(now, write, self.identify, free_units)
            # Of a record that is read later, it was looked at too early.
            free_units = frozenset()
            before = ledger.without_removed(now)
            save = begin(before, write, ledger.facts_of_save(before, write))
            if write.seed is not None:
                save = SeedSave(save.write, save.before, save.writing)
            return save.writing

        in_place = ledger.file.update(change, start.in_place, is_locked)
        assert save is not None  # a save always changes the record
        return Begun(save, in_place, time.monotonic())
