"""One save's way through a record: what it makes of the record at its begin, at its end, and if it fails.

Records in, records out: nothing here asks a store, but by the look that it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from steel_toes.records.record import (
    ALL,
    BROKEN_OFF,
    Identities,
    Record,
    Recorded,
    Writer,
    join_doubt,
    leave_doubt,
    writers_of,
)
from steel_toes.records.write import Write

Look = Callable[[Iterable[str]], Identities]


class Outcome(NamedTuple):
    """What a save makes of a record.

    Attributes:
        record: to be put.
        lost: the units of which another save's data is in place, or the mixture of two.
    """

    record: Record
    lost: tuple[str, ...] = ()


@dataclass(frozen=True)
class Save:
    """A save that has begun.

    Args:
        write: what it does.
        before: the record before it.
        writing: the record that it put before the data.
        is_broken_off: whether it ended before it had saved all of its units.
    """

    write: Write
    before: Record
    writing: Record
    is_broken_off: bool = False

    @property
    def id(self) -> str:
        """The id of the save."""
        return self.writing.id

    @property
    def writer_key(self) -> str:
        """Who saves, in the record's table."""
        return self.writing.writer_key

    def has_completed(self, now: Record, identities: Mapping[str, str]) -> bool:
        """Whether the record says that this save has ended, though another may have put it since."""
        if now.is_doubted_by(self.id):
            return False
        if self.write.everything and not now.hides_main:
            return False
        put = [self.has_put(now, unit) for unit in identities]
        return all(put)

    def has_put(self, now: Record, unit: str) -> bool:
        """Whether the record says that a unit is as this save left it."""
        recorded = now.unit(unit)
        return recorded is not None and recorded.save == self.id and self.id not in now.doubters(unit)

    # The end ----------------------------------------------------------------------------------------------------------

    def complete(
        self,
        now: Record,
        identities: Mapping[str, str],
        look: Look,
        is_one_saves: Callable[[str], bool],
    ) -> Outcome:
        """The record after the data: our units are settled, and what others left in doubt stays so.

        A unit that nobody else began or put meanwhile is ours. Of any other, the data in place decides; where that may
        be two saves' mixture, the unit is put without a valid identity: it is torn until it is saved again.

        Args:
            now: the record in place; others may have put it.
            identities: of our units, as they were after the data.
            look: gives the identities of units as they are now.
            is_one_saves: whether data of an identity is certainly written by one save alone.
        """
        if self.write.everything:
            return self._complete_everything(now, identities)
        merge = _Merge(self, now)
        touched = []
        for unit in self.write.units:
            if self._is_untouched(now, unit):
                merge.put(unit, identities.get(unit))
            else:
                touched.append(unit)
        there = _look_at(touched, look)
        for unit in touched:
            merge.settle(unit, identities.get(unit), there.get(unit), is_one_saves)
        return merge.outcome()

    def _complete_everything(self, now: Record, identities: Mapping[str, str]) -> Outcome:
        # Of what another did meanwhile nothing is known.
        if now != self.writing:
            return Outcome(self._with_everything_in_doubt(now), (ALL,))
        data = {unit: self.recorded(unit, identity) for unit, identity in identities.items()}
        # Another unit may be written by a save that began before and still lives.
        doubt = {unit: save_ids for unit, save_ids in now.doubt.items() if self._is_of_others(unit)}
        # Whatever it began as is gone.
        completed = replace(self.completed(now, data, doubt, self.write.units), seeded={})
        if completed.kind == "overlay":
            return Outcome(replace(completed, over="nothing", absent=()))
        return Outcome(completed)

    def _is_of_others(self, unit: str) -> bool:
        """Whether a doubt of an overwrite is about a unit of its own no more than about everything."""
        return unit not in {ALL, *self.write.units}

    def _is_untouched(self, now: Record, unit: str) -> bool:
        """Whether nobody else began a unit, or put it, since our `writing`."""
        if self.id not in now.doubt.get(unit, ()):
            return False
        has_joined = not now.doubters(unit) <= self.writing.doubters(unit)
        return not has_joined and now.unit(unit) == self.writing.unit(unit)

    def recorded(self, unit: str, identity: str) -> Recorded:
        """A unit as this save leaves it."""
        writers = [self.writer_key]
        before = self.before.unit(unit)
        # Whoever wrote what is kept wrote a part of it.
        if self.write.keeps and before is not None:
            writers = [*before.writers, self.writer_key]
        # Each once, and the last one last.
        writers = list(dict.fromkeys(reversed(writers)))
        writers.reverse()
        name = self.id + BROKEN_OFF if self.is_broken_off else self.id
        return Recorded.of(identity, name, writers)

    def completed(
        self,
        now: Record,
        data: Mapping[str, str],
        doubt: Mapping[str, tuple[str, ...]],
        own_units: Iterable[str],
    ) -> Record:
        """The record with these units and doubts, as this save puts it."""
        settled = now.settled
        writers = {**self.before.settled.writers, **settled.writers, **self.writing.writers}
        return replace(
            self.writing,
            state="complete",
            created=settled.created or self.writing.created,
            data=data,
            base=self.write.new_base(settled, own_units),
            over=settled.over,
            absent=_without(settled.absent, data),
            doubt=doubt,
            writers=_named(data, writers, self.writer_key),
            # What it began as stays known: main may come to be that.
            seeded=settled.seeded,
            was=None,
        )

    # Failure ----------------------------------------------------------------------------------------------------------

    def take_back(
        self,
        now: Record,
        whole: Mapping[str, str],
        look: Look,
        is_one_saves: Callable[[str], bool],
    ) -> Record:
        """The record after the save failed: what it saved whole is recorded, and what it did not touch is as it was.

        Args:
            now: the record in place; others may have put it.
            whole: the identities of those of our units that were saved whole.
            look: gives the identities of units as they are now.
            is_one_saves: whether data of an identity is certainly written by one save alone.
        """
        if now.is_gone:
            return now
        if self.write.everything:
            return self._take_back_everything(now, look)
        if whole:
            write = replace(self.write, units=tuple(whole))
            part = replace(self, write=write, is_broken_off=len(whole) < len(self.write.units))
            now = part.complete(now, whole, look, is_one_saves).record
        untouched = self._untouched_units(now, look)
        return now.without_doubts_of(self.id, untouched)

    def withdraw(self, now: Record) -> Record:
        """The record after a save that has written no data: nothing is in doubt for it, whatever lies there.

        Args:
            now: the record in place; others may have put it.
        """
        return now if now.is_gone else now.without_doubts_of(self.id, self.write.doubted)

    def _untouched_units(self, now: Record, look: Look) -> list[str]:
        """Our units in doubt of which the data is what the record says."""
        doubted = [unit for unit in self.write.units if self.id in now.doubt.get(unit, ())]
        there = _look_at(doubted, look)
        return [unit for unit in doubted if there.get(unit) == now.identity(unit)]

    def _take_back_everything(self, now: Record, look: Look) -> Record:
        units = {*self.write.units, *now.settled.data}
        there = look(units)
        recorded = {unit: now.identity(unit) for unit in units}
        if any(there.get(unit) != identity for unit, identity in recorded.items()):
            return self._with_everything_in_doubt(now)
        return now.without_doubts_of(self.id, [ALL])

    def _with_everything_in_doubt(self, now: Record) -> Record:
        """The record after an overwrite that failed, also if another has ended its doubt."""
        # Its own id keeps another overwrite, which stood beside it, from putting what it knew before.
        return replace(now, id=self.id, doubt=now.with_doubts_of(self.id, [ALL]))


class _Merge:
    """What becomes of a save's units, one after the other."""

    def __init__(self, save: Save, now: Record) -> None:
        self._save = save
        self._now = now
        self._data = dict(now.settled.data)
        self._doubt = dict(now.doubt)
        self._ours: list[str] = []
        self._lost: list[str] = []

    def put(self, unit: str, identity: str | None) -> None:
        """A unit is ours; None if it was rightly not written."""
        # A dead save's doubt would stay for ever; one that lives finds our entry, and looks.
        leave_doubt(self._doubt, unit, {self._save.id, *self._save.writing.doubt.get(unit, ())})
        self._ours.append(unit)
        if identity is not None:
            self._data[unit] = self._save.recorded(unit, identity)

    def settle(
        self,
        unit: str,
        identity: str | None,
        there: str | None,
        is_one_saves: Callable[[str], bool],
    ) -> None:
        """Another began a unit, or put it: the data in place decides whose it is."""
        if identity is not None and not is_one_saves(identity):
            # Perhaps two saves' mixture: torn, whatever its identity.
            self._data[unit] = self._save.recorded(unit, "")
            join_doubt(self._doubt, unit, self._save.id)
            self._lost.append(unit)
        elif there == identity:
            self.put(unit, identity)
        else:
            self._lose(unit, there)

    def _lose(self, unit: str, there: str | None) -> None:
        """A unit is another's. Our doubt stays, unless the data in place is what the record says."""
        if there is not None and there == self._now.identity(unit):
            leave_doubt(self._doubt, unit, {self._save.id})
        else:
            join_doubt(self._doubt, unit, self._save.id)
        self._lost.append(unit)

    def outcome(self) -> Outcome:
        """The record with what is ours; if nothing is, the one in place, with its doubts."""
        now = self._now
        lost = tuple(self._lost)
        if self._ours or self._data != now.settled.data:
            return Outcome(self._save.completed(now, self._data, self._doubt, self._ours), lost)
        # Without a record there is nothing in which our doubt could stand, and what lies there is no concern of ours.
        if not now.exists:
            return Outcome(now, lost)
        return Outcome(replace(now, doubt=self._doubt), lost)


@dataclass
class Transaction:
    """A save that is going on.

    Args:
        save: what it makes of the record.
        whole_units: those of several units that are saved whole already.
        answered: the identities of units, as the store's answers to the save showed them.
        recorded: the identities of the units that the save has recorded, when it has ended.
    """

    save: Save
    whole_units: list[str] = field(default_factory=list)
    answered: dict[str, str] = field(default_factory=dict)
    recorded: Identities = field(default_factory=dict)
    _unit: str | None = None

    @property
    def before(self) -> Record:
        """The record before the save."""
        return self.save.before

    @property
    def writing(self) -> Record:
        """The record that was put before the data."""
        return self.save.writing

    def identities(self, look: Look) -> Identities:
        """The identities of the save's units after the data, of which only those are looked at that were not seen."""
        # Beside another save, what was answered to ours may not be what is there.
        certain = {unit: identity for unit, identity in self.answered.items() if self._is_alone(unit)}
        others = [unit for unit in self.save.write.units if unit not in certain]
        return {**_look_at(others, look), **certain}

    def _is_alone(self, unit: str) -> bool:
        """Whether no other save had begun a unit when this one did."""
        return self.writing.doubters(unit) <= {self.save.id}

    def enter_unit(self, unit: str) -> None:
        """Note that a unit is saved now: the one before it is saved whole."""
        if self._unit is not None:
            self.whole_units.append(self._unit)
        self._unit = unit


def begin(before: Record, write: Write, writing: Record) -> Save:
    """A save that begins: `writing` with what stands in the record before it.

    Args:
        before: the record before it.
        write: what it does.
        writing: the facts of the save: its id, its writer, the entry.
    """
    settled = before.settled
    writing = replace(
        writing,
        state="writing",
        # The branch copy is as old as its first save that finished.
        created=settled.created or writing.saved,
        base=settled.base,
        over=settled.over,
        absent=settled.absent,
        doubt=before.with_doubts_of(writing.id, write.doubted),
        was=settled if settled.exists else None,
    )
    return Save(write, before, writing)


def _without(units: Iterable[str], others: Collection[str]) -> tuple[str, ...]:
    """Those of these units that are no others; nearly no record has any."""
    remaining = []
    for unit in units:
        # What the branch has saved is there.
        if unit not in others:
            remaining.append(unit)
    return tuple(remaining)


def _look_at(units: list[str], look: Look) -> Identities:
    """The identities of units; nobody looks where there is none."""
    if not units:
        return {}
    return look(units)


def _named(data: Mapping[str, str], writers: Mapping[str, Writer], writer_key: str) -> dict[str, Writer]:
    """Those writers whom the data, or the record itself, names."""
    keys = {writer_key, *writers_of(data)}
    return {key: writer for key, writer in writers.items() if key in keys}
