"""What `seed` does at the places of one dataset: an ordinary save, which copies within the store."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field

from steel_toes import errors, reasons
from steel_toes.records.place import Place, Side
from steel_toes.records.record import ALL, Identities, Record
from steel_toes.records.seeding import Seed
from steel_toes.records.units import identities_of
from steel_toes.records.write import Write
from steel_toes.redaction import redacted_repr
from steel_toes.stores.identity import is_of_several, size_of
from steel_toes.stores.together import all_together


@redacted_repr
@dataclass(frozen=True)
class Source:
    """What a copy begins as.

    Args:
        path: of the copy that is copied, main's or a branch's, in the store of the place.
        identities: of its units, as they must be when all is copied.
        base: what main's copy was when the copied one was begun; of main's own, what it is.
        seed: what the new record says of it.
        is_part: whether it is a part of a save of several places.
    """

    path: str = field(repr=False)
    identities: Identities
    base: Identities
    seed: Seed
    is_part: bool = False


@redacted_repr
@dataclass
class SeedPart:
    """What is copied at one place.

    Args:
        place: of this branch's copy.
        source: what it begins as.
        former: the units that the branch has there, and loses.
        replaces: what the branch has there and loses: "own", if it has saved something of it itself; "seed"; or "".
    """

    place: Place
    source: Source
    former: tuple[str, ...] = ()
    replaces: str = ""
    _copied: Identities = field(default_factory=dict, repr=False)

    @property
    def size(self) -> int:
        """Of what is copied, in bytes."""
        total = 0
        for unit, identity in self.source.identities.items():
            # One object's identity says it.
            is_one = not is_of_several(identity)
            total += size_of(identity) if is_one else self.place.store.size(self._source_path(unit))
        return total

    @property
    def write(self) -> Write:
        """The save."""
        source = self.source
        units = tuple(source.identities)
        return Write(units, source.base, everything=has_all(self.place), is_part=source.is_part, seed=source.seed)

    def identities(self, units: Iterable[str]) -> Identities:
        """The identities of units at the copy's place."""
        return self.place.identities(Side.BRANCH, units)

    def check_unchanged(self, reason: errors.Reason) -> None:
        """Whether what is copied has the identity that was planned: then it is whole, and of one save.

        Raises:
            SeedRefusedError: it has not, for this reason.
        """
        place, source = self.place, self.source
        now = identities_of(place.units, place.store, source.path, source.identities)
        if now != source.identities:
            facts = {"dataset": place.ledger.dataset, "branch": place.ledger.branch_name}
            raise errors.SeedRefusedError(reason, **facts)

    def copy(self) -> None:
        """Copy all, over what the branch had of the same units."""
        all_together(self._copy_one, self.source.identities)
        # What was read while somebody saved it is nobody's.
        self.check_unchanged(reasons.SOURCE_CHANGED_MIDWAY)

    def remove_former(self, before: Record) -> None:
        """Remove what the branch had besides; last, so that it is there until the rest is.

        Args:
            before: the record before the save.
        """
        place = self.place
        units = {unit for unit in (*before.settled.data, *before.doubt) if place.units.owns(unit)}
        # A save of everything that did not finish may have left any file.
        if ALL in before.doubt:
            units.update(place.units.listed(place.store, place.branch_path, before))
        units -= {ALL, *self.source.identities}
        all_together(self.place.store.remove, [self._target_path(unit) for unit in sorted(units)])

    def undo(self) -> None:
        """Remove what was copied, after something failed; what another has saved since is that one's."""
        there = self.identities(self._copied)
        for unit, identity in self._copied.items():
            if there.get(unit) == identity:
                self.place.store.remove(self._target_path(unit))

    def _copy_one(self, unit: str) -> None:
        store = self.place.store
        path = self._target_path(unit)
        # A directory would be merged with what an earlier save, or a dead call, has left there.
        store.remove(path)
        store.make_parent(path)
        store.copy(self._source_path(unit), path)
        identity = store.identity(path)
        if identity is not None:
            self._copied[unit] = identity

    def _source_path(self, unit: str) -> str:
        return self.place.units.path(self.source.path, unit)

    def _target_path(self, unit: str) -> str:
        return self.place.unit_path(Side.BRANCH, unit)


@redacted_repr
@dataclass(frozen=True)
class Seeding:
    """What `seed` would copy of one dataset, at all of its places.

    Args:
        dataset: its name.
        parts: each of its places.
    """

    dataset: str
    parts: tuple[SeedPart, ...]

    @property
    def size(self) -> int:
        """Of what is copied, in bytes."""
        return sum(part.size for part in self.parts)

    @property
    def number(self) -> int:
        """Of the units that are copied."""
        return sum(len(part.source.identities) for part in self.parts)

    @property
    def loses_own(self) -> bool:
        """Whether the branch has saved something of it itself, which is lost."""
        return any(part.replaces == "own" for part in self.parts)

    def apply(self) -> None:
        """Copy it: all of its places begin before the first is copied, and end after the last.

        Raises:
            CopyError: as `Ledger.transaction` says.
            SeedRefusedError: what is copied changed meanwhile.
        """
        # Before anything that the branch has is touched.
        for part in self.parts:
            part.check_unchanged(reasons.SOURCE_CHANGED)
        with ExitStack() as saves:
            begun = [
                (part, saves.enter_context(part.place.transaction(part.write, part.identities))) for part in self.parts
            ]
            try:
                for part, _ in begun:
                    part.copy()
                for part, going_on in begun:
                    part.remove_former(going_on.before)
            except BaseException:
                for part, _ in begun:
                    part.undo()
                raise


def has_all(place: Place) -> bool:
    """Whether an entry is all of its record: else other entries have data in the same directory."""
    units = place.units
    return units.kind != "overlay" or units.own_path("x") == "x"
