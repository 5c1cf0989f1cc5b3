"""The units of a copy: what a record knows by itself. Where each lies, whose it is, and what lists them.

A copy is one unit (`Whole`), one for each version (`Versions`), or one for each partition (`Parts`). An entry that lies
inside a directory of partitions is one unit of that directory (`Part`).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from steel_toes.naming.nesting import folders_around
from steel_toes.records.record import Identities, Kind, Record
from steel_toes.stores.base import Store
from steel_toes.stores.identity import is_of_several

WHOLE = "."
"""The one unit of a dataset that is replaced as a whole."""

MANY = 10
"""Units: more are looked up in one listing of their copy."""


class Units(Protocol):
    """How a copy is divided. A copy is a path in a store, main's or the branch's."""

    kind: ClassVar[Kind]

    @property
    def own(self) -> str:
        """The unit that the entry is, if it is one."""

    def own_path(self, copy: str) -> str:
        """The part of a copy that is the entry's."""

    def path(self, copy: str, unit: str) -> str:
        """Where a unit lies in a copy."""

    def owner(self, record: Record, path: str) -> str:
        """The unit that a path inside the copy is, or lies in: one of the record's, else the path itself."""

    def owns(self, unit: str) -> bool:
        """Whether a unit of the record is the entry's: other entries may lie in the same directory."""

    def listed(self, store: Store, copy: str, record: Record) -> Identities:
        """The entry's units that lie in a copy, whatever the record says of them."""

    def base(self, store: Store, main: str, units: Iterable[str]) -> Identities:
        """What of main's copy must be remembered when these units of the branch's are begun."""

    def has_main_changed(self, store: Store, main: str, record: Record) -> bool:
        """Whether main's copy is another than when the branch copy was begun."""


def identities_of(units: Units, store: Store, copy: str, names: Iterable[str]) -> Identities:
    """The identities of these units in a copy; a unit that is not there is left out."""
    names = list(names)
    identities = {}
    if len(names) > MANY:
        # The files in a directory have their identities from one listing; what is a directory itself is asked for.
        files = store.files(copy)
        identities = {name: files[name] for name in names if name in files}
        folders = _folders_of(files)
        names = [name for name in names if name in folders]
    paths = [units.path(copy, name) for name in names]
    for name, identity in zip(names, store.of_each(store.identity, paths), strict=True):
        if identity is not None:
            identities[name] = identity
    return identities


def _folders_of(files: Iterable[str]) -> set[str]:
    """All folders that these files lie in, by their relative paths."""
    folders: set[str] = set()
    for file in files:
        folders.update(folders_around(file))
    return folders


@dataclass(frozen=True)
class Whole:
    """The copy is replaced as a whole."""

    kind: ClassVar[Kind] = "whole"
    own: ClassVar[str] = WHOLE

    def own_path(self, copy: str) -> str:
        """The copy."""
        return copy

    def path(self, copy: str, unit: str) -> str:
        """The copy."""
        return copy

    def owner(self, record: Record, path: str) -> str:
        """The only unit."""
        return path

    def owns(self, unit: str) -> bool:
        """Whether it is the only unit."""
        return unit == WHOLE

    def listed(self, store: Store, copy: str, record: Record) -> Identities:
        """The only unit, if it is there."""
        return identities_of(self, store, copy, [WHOLE])

    def base(self, store: Store, main: str, units: Iterable[str]) -> Identities:
        """Main's copy as it is."""
        return identities_of(self, store, main, units)

    def has_main_changed(self, store: Store, main: str, record: Record) -> bool:
        """Whether main's copy has another identity."""
        return _differ(self, self.listed(store, main, record), record)


@dataclass(frozen=True)
class Versions:
    """Each of Kedro's versions is a unit: `<copy>/<version>/<name of copy>`."""

    kind: ClassVar[Kind] = "versioned"
    own: ClassVar[str] = WHOLE

    def own_path(self, copy: str) -> str:
        """The copy."""
        return copy

    def path(self, copy: str, unit: str) -> str:
        """Where Kedro puts a version."""
        return f"{copy}/{unit}/{posixpath.basename(copy)}"

    def owner(self, record: Record, path: str) -> str:
        """The version."""
        return path

    def owns(self, unit: str) -> bool:
        """Every version is the entry's."""
        return True

    def listed(self, store: Store, copy: str, record: Record) -> Identities:
        """All versions."""
        return identities_of(self, store, copy, store.versions(copy))

    def base(self, store: Store, main: str, units: Iterable[str]) -> Identities:
        """Main's newest version: what counts when the branch's first is saved."""
        # Kedro's versions are timestamps, and sort as text.
        newest = max(store.versions(main), default=None)
        if newest is None:
            return {}
        return identities_of(self, store, main, [newest])

    def has_main_changed(self, store: Store, main: str, record: Record) -> bool:
        """Whether main's newest version is another."""
        return self.base(store, main, ()) != record.base


@dataclass(frozen=True)
class Parts:
    """Each partition is a unit, by its path inside the copy.

    Args:
        below: the path inside the copy below which the entry's partitions lie, if another entry lists the copy.
    """

    below: str = ""
    kind: ClassVar[Kind] = "overlay"
    own: ClassVar[str] = WHOLE

    def unit(self, path: str) -> str:
        """The unit at a path below the entry's own part of the copy."""
        return f"{self.below}/{path}" if self.below else path

    def own_path(self, copy: str) -> str:
        """The copy, or the entry's part of it."""
        return f"{copy}/{self.below}" if self.below else copy

    def path(self, copy: str, unit: str) -> str:
        """Below the copy; the copy itself, for an entry that reads the directory of the partitions as one dataset."""
        if unit == WHOLE:
            return copy
        return f"{copy}/{unit}"

    def owner(self, record: Record, path: str) -> str:
        """The unit of the record that a path is or lies in: a directory that was saved is one unit."""
        data = record.settled.data
        # Nearly always; there may be thousands.
        if path in data:
            return path
        # From the inside out. A store may have `a/b` beside an object `a`, which is no directory.
        unit = posixpath.dirname(path)
        while unit:
            # "" is a mixture's, of which nobody knows.
            identity = record.identity(unit)
            if identity == "" or (identity and is_of_several(identity)):
                return unit
            unit = posixpath.dirname(unit)
        return path

    def owns(self, unit: str) -> bool:
        """Whether it lies below the entry's part of the copy."""
        return not self.below or unit.startswith(f"{self.below}/")

    def listed(self, store: Store, copy: str, record: Record) -> Identities:
        """Every file, of which those of a directory that was saved are one unit."""
        files = {self.unit(path): identity for path, identity in store.files(self.own_path(copy)).items()}
        owners = {self.owner(record, path) for path in files}
        # A directory that was saved as one dataset has one identity, of all its files.
        identities = identities_of(self, store, copy, owners - files.keys())
        identities.update((path, files[path]) for path in owners & files.keys())
        return identities

    def base(self, store: Store, main: str, units: Iterable[str]) -> Identities:
        """Main's partitions of the same paths."""
        return identities_of(self, store, main, units)

    def has_main_changed(self, store: Store, main: str, record: Record) -> bool:
        """Whether one of main's partitions that the branch replaced has another identity."""
        return _differ(self, self.listed(store, main, record), record)


@dataclass(frozen=True)
class Part(Parts):
    """The entry is one unit of a directory of partitions that another entry lists: the one at `below`."""

    @property
    def own(self) -> str:  # type: ignore[override]  # the others' is the same for all
        """The unit."""
        return self.below

    def owns(self, unit: str) -> bool:
        """Whether it is the unit."""
        return unit == self.below

    def listed(self, store: Store, copy: str, record: Record) -> Identities:
        """The unit, if it is there."""
        return identities_of(self, store, copy, [self.below])


def _differ(units: Units, identities: Identities, record: Record) -> bool:
    """Whether a unit that the record knows has another identity in main's copy than its base."""
    for unit in {*record.data, *record.base}:
        if units.owns(unit) and identities.get(unit) != record.base.get(unit):
            return True
    return False


def units_of(kind: Kind) -> Units:
    """The units of all entries together whose record is of this kind."""
    if kind == "versioned":
        return Versions()
    if kind == "overlay":
        return Parts()
    return Whole()
