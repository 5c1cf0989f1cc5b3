"""What becomes of main's objects when a branch copy becomes main's: by reading only."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from steel_toes.actions.guards import entries_of
from steel_toes.actions.inventory import Inventory, main_location, unit_path_of
from steel_toes.actions.plan import FiledRecord, HeldCopy, HeldObject
from steel_toes.catalog.listings import Located, located
from steel_toes.datasets.paths import checkpoint_path, filesystem_path, keeps_checkpoint_elsewhere
from steel_toes.datasets.registry import Config
from steel_toes.naming.location import normalise
from steel_toes.naming.nesting import folders_around, lies_in, relative
from steel_toes.records.journal import Goal, identities_by_unit
from steel_toes.records.record import Identities, Kind, Record
from steel_toes.records.units import MANY, WHOLE, units_of
from steel_toes.stores.base import Object, Store
from steel_toes.stores.identity import digest_of
from steel_toes.stores.together import all_together

Part = tuple[str, str]
"""A unit, and the path in it of one of its objects; "" if the unit is the object."""

T = TypeVar("T")


class Shape(NamedTuple):
    """What today's entries of a location say of what lies there.

    Attributes:
        suffixes: of the files that are partitions.
        inner: the units that other entries are, which lie inside.
        has_versions: each unit keeps versions, of which a branch has its own alone.
        kinds: how today's entries divide what lies there.
        checkpoint: the unit that is the checkpoint of increments; "" if there is none.
        is_elsewhere: main has its checkpoint in another place than that unit.
    """

    suffixes: frozenset[str] = frozenset({""})
    inner: frozenset[str] = frozenset()
    has_versions: bool = False
    kinds: frozenset[str] = frozenset()
    checkpoint: str = ""
    is_elsewhere: bool = False

    def is_unit(self, path: str) -> bool:
        """Whether a file that lies there is a unit, or lies in one."""
        if any(path.endswith(suffix) for suffix in self.suffixes):
            return True
        return any(path == unit or path.startswith(f"{unit}/") for unit in self.inner)


def shape_of(inventory: Inventory, filed: FiledRecord) -> Shape:
    """What the catalog says of a location."""
    items: list[Located] = []
    kinds: set[str] = set()
    configs = {**inventory.patterns, **inventory.explicit}
    placement, root = inventory.policy.placement, filed.record.root
    for name in sorted(entries_of(inventory, filed)):
        located_items = list(located([configs[name]], inventory.policy.settings.location_parameters))
        items += located_items
        for item in located_items:
            if placement.subject_in(item.location, root).location == filed.record.location:
                kinds.add(_kind_of(item, configs[name]))
    suffixes: set[str] = set()
    inner: set[str] = set()
    shape = Shape()
    for item in items:
        # What lies inside is a unit, whatever its name.
        if placement.subject_in(item.location, root).location != filed.record.location:
            inner.add(_path_inside(inventory, item.location))
        elif item.rule.is_overlay:
            suffixes.add(str(item.config.get("filename_suffix") or ""))
            shape = _with_partitions(shape, item)
    # Of a location that only inner entries have, every file is a unit.
    return shape._replace(suffixes=frozenset(suffixes or {""}), inner=frozenset(inner), kinds=frozenset(kinds))


def _kind_of(item: Located, config: Config) -> str:
    """How an entry divides its data."""
    if item.rule.is_overlay:
        return "overlay"
    # A cache around it may say so for it.
    if item.config.get("versioned") or config.get("versioned"):
        return "versioned"
    return "whole"


def _path_inside(inventory: Inventory, location: str) -> str:
    """The path of an entry in the directory around it that another entry lists."""
    survey = inventory.policy.catalog
    place = survey.as_listed(location)
    return relative(normalise(place), normalise(survey.directory_around(place) or ""))


def _with_partitions(shape: Shape, item: Located) -> Shape:
    """The shape, with what an entry of partitions says of them."""
    partition = item.config.get("dataset")
    # A class alone says nothing more of its partitions.
    if isinstance(partition, dict) and partition.get("versioned"):
        shape = shape._replace(has_versions=True)
    if item.rule.kind != "increments":
        return shape
    is_elsewhere = keeps_checkpoint_elsewhere(item.config)
    return shape._replace(checkpoint=checkpoint_path(item.config) or "", is_elsewhere=is_elsewhere)


@dataclass(frozen=True)
class MainCopy:
    """What main has where a branch copy goes.

    Args:
        store: of both.
        path: of main's copy.
        kind: of the copies.
        objects: main's, by the parts that they are.
    """

    store: Store
    path: str = field(repr=False)
    kind: Kind
    objects: Mapping[Part, Object] = field(repr=False)

    @property
    def identities(self) -> Identities:
        """Of main's units."""
        by_unit: dict[str, dict[str, str]] = {}
        for (unit, inner), item in self.objects.items():
            by_unit.setdefault(unit, {})[inner] = item.identity
        return identities_by_unit(by_unit)

    @property
    def newest(self) -> Identities:
        """The newest version, with its identity."""
        identities = self.identities
        return {version: identities[version] for version in sorted(identities)[-1:]}


def read_main(filed: FiledRecord, store: Store) -> MainCopy:
    """What main has where a branch copy goes.

    Raises:
        StoreError: the store gave no definite answer.
    """
    record = filed.record
    _, path = filesystem_path(main_location(filed), is_overlay=record.kind == "overlay")
    unit_names = {*record.settled.data, *record.settled.absent}
    there = _objects(store, path, record, unit_names)
    return MainCopy(store, path, record.kind, _as_parts(record.kind, path, there, unit_names))


def _objects(store: Store, path: str, record: Record, unit_names: Collection[str]) -> dict[str, Object]:
    """Main's objects by their paths: those of these units, or all where more than these count."""
    units = units_of(record.kind)
    # The newest version may be one that the branch does not have.
    counts_all = record.kind == "versioned" or record.hides_main or len(unit_names) > MANY
    places = [path] if counts_all else [units.path(path, unit) for unit in unit_names]
    list_objects = store.objects_below if counts_all else store.objects
    objects = {}
    for place, items in zip(places, all_together(list_objects, places), strict=True):
        for name, item in items.items():
            objects[f"{place}/{name}".rstrip("/")] = item
    return objects


def _as_parts(kind: Kind, copy_path: str, objects: Mapping[str, T], unit_names: Iterable[str]) -> dict[Part, T]:
    """Objects by the parts of units that they are."""
    units = units_of(kind)
    # Looked up for each of thousands of objects.
    unit_by_path = {units.path(copy_path, unit): unit for unit in unit_names}
    parts = {}
    for path, item in objects.items():
        unit_path = unit_path_of(path, unit_by_path, copy_path)
        if unit_path:
            parts[unit_by_path[unit_path], path[len(unit_path) + 1 :]] = item
        else:
            part = _unknown_part(kind, copy_path, path)
            if part is not None:
                parts[part] = item
    return parts


def _unknown_part(kind: Kind, copy_path: str, path: str) -> Part | None:
    """The part that an object of main's is of which the record knows nothing; None if it is of no unit."""
    inside = path[len(copy_path) + 1 :]
    # A file of a partition's folder that no record names is a partition of its own, as Kedro lists it.
    if kind == "overlay":
        return inside, ""
    if kind == "whole":
        return WHOLE, inside
    version, _, rest = inside.partition("/")
    name, _, inner = rest.partition("/")
    return (version, inner) if name == posixpath.basename(copy_path) else None


class Goals(NamedTuple):
    """What becomes of main's objects.

    Attributes:
        goals: in the order in which it is done: the checkpoint after all other puts, and removals last.
        skipped: the versions that main has.
        left: main's files that are no units, and stay.
    """

    goals: tuple[Goal, ...]
    skipped: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def goals_of(copy: HeldCopy, main: MainCopy, shape: Shape, seeded_units: Collection[str] = ()) -> Goals:
    """What becomes of main's objects when a branch copy becomes main's.

    Args:
        copy: what the branch itself has saved.
        main: main's copy.
        shape: of the location.
        seeded_units: of the branch copy, which are another's to promote, or main's already: main's stay.
    """
    record = copy.record
    parts = _as_parts(record.kind, copy.path, copy.objects, record.settled.data)
    skipped: set[str] = set()
    if record.kind == "versioned":
        # Never replaced.
        skipped = record.settled.data.keys() & main.identities.keys()
    puts = _puts(parts, main, skipped)
    # What was read before it must not be there before what was read.
    puts.sort(key=lambda goal: goal.unit == shape.checkpoint)
    removals = []
    left = []
    for part in sorted(main.objects.keys() - parts.keys()):
        unit = part[0]
        if unit in skipped:
            continue
        if unit not in seeded_units and _goes(record, unit, shape):
            removals.append(_removal(part, main.objects[part]))
        elif record.hides_main:
            left.append(unit)
    return Goals((*puts, *removals), tuple(sorted(skipped)), tuple(left))


def _puts(parts: Mapping[Part, HeldObject], main: MainCopy, skipped: Collection[str]) -> list[Goal]:
    """What main gets."""
    puts = []
    for (unit, inner), item in sorted(parts.items()):
        if unit in skipped:
            continue
        replaced = main.objects.get((unit, inner))
        expects = replaced.identity if replaced else None
        puts.append(Goal(unit, inner, item.size, expects, item.identity))
    return puts


def _removal(part: Part, item: Object) -> Goal:
    """What main loses."""
    unit, inner = part
    return Goal(unit, inner, item.size, item.identity, None)


def _goes(record: Record, unit: str, shape: Shape) -> bool:
    """Whether main loses what it has of a unit and the branch has not."""
    if unit in record.settled.data:
        return record.kind != "versioned" and not shape.has_versions
    # What a promote has added is taken back.
    if unit in record.settled.absent:
        return True
    return record.hides_main and shape.is_unit(unit)


def changed_units(record: Record, main: MainCopy, shape: Shape, seeded_units: Collection[str] = ()) -> list[str]:
    """The units of main's that are not what they were when the branch copy was begun; as `goals_of`."""
    if record.kind == "versioned":
        newest = main.newest
        return [] if not newest or newest == dict(record.base) else list(newest)
    now = main.identities
    counted = {*record.settled.data, *record.settled.absent}
    if record.hides_main:
        counted |= _all_units(record, now, shape)
    base = _base_of(record)
    changed = []
    for unit in sorted(counted.difference(seeded_units)):
        if now.get(unit) != base(unit):
            changed.append(unit)
    return changed


def _all_units(record: Record, now: Identities, shape: Shape) -> set[str]:
    """The units that main has, and those that it had when everything was overwritten and has lost since."""
    units = set(now)
    for unit in record.base:
        if not lies_in(unit, record.settled.data):
            units.add(unit)
    return set(filter(shape.is_unit, units))


def _base_of(record: Record) -> Callable[[str], str | None]:
    """What gives the identity that a unit of main's had."""
    below: dict[str, dict[str, str]] = {}
    # An overwrite of everything noted main's files, of which a directory that was saved has several.
    for file, identity in record.base.items():
        for folder in folders_around(file):
            below.setdefault(folder, {})[file[len(folder) + 1 :]] = identity

    def base(unit: str) -> str | None:
        identity = record.base.get(unit)
        if identity is None and unit in below:
            return digest_of(below[unit])
        return identity

    return base
