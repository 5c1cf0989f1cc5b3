"""What a copy that `seed` makes begins as: main's copy as it is now, or a branch's as its record has it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from steel_toes.actions.goals import Shape
from steel_toes.actions.plan import HeldCopy
from steel_toes.actions.seeding import Source, has_all
from steel_toes.datasets.base import BranchedDataset
from steel_toes.records.place import Place
from steel_toes.records.record import NO_RECORD, Identities, Recorded
from steel_toes.records.seeding import Seed
from steel_toes.records.units import identities_of


def source_of_main(branched: BranchedDataset, place: Place, shape: Shape) -> Source:
    """Main's copy as it is now."""
    identities = _identities_of_main(branched, place, shape)
    is_frozen = place.units.kind == "overlay" and has_all(place)
    # Else new partitions of main's would show through.
    seed = Seed(over="nothing" if is_frozen else "main")
    return Source(place.main_path, identities, identities, seed, is_part=len(branched.places) > 1)


def _identities_of_main(branched: BranchedDataset, place: Place, shape: Shape) -> Identities:
    """What of main's is copied."""
    units, store = place.units, place.store
    if units.kind == "versioned":
        # The newest is what main would load.
        return units.base(store, place.main_path, ())
    identities = units.listed(store, place.main_path, NO_RECORD)
    if units.kind == "whole":
        return _less_empty_folders(identities)
    # As Kedro counts them: each file is a version, and a partition is all of them.
    if _has_versions(branched):
        names = set(map(_partition_of, identities))
        identities = identities_of(units, store, place.main_path, names)
    partitions: Identities = {}
    for unit in sorted(identities):
        is_checkpoint = unit == shape.checkpoint
        # A file that is no partition is nobody's, or another entry's.
        if is_checkpoint or shape.is_unit(unit):
            partitions[unit] = identities[unit]
    return partitions


def _less_empty_folders(identities: Identities) -> Identities:
    """An empty folder is no data."""
    data: Identities = {}
    for unit, identity in identities.items():
        is_empty = identity.startswith("0:")
        if not is_empty:
            data[unit] = identity
    return data


def _has_versions(branched: BranchedDataset) -> bool:
    """Whether each of its partitions has versions."""
    partition = branched.entry.settings.get("dataset")
    # A class alone says nothing more of its partitions.
    if not isinstance(partition, Mapping):
        return False
    return bool(partition.get("versioned"))


def _partition_of(path: str) -> str:
    """The partition that a file is a version of, as Kedro puts it: `<partition>/<version>/<its last name>`."""
    folder, name = posixpath.split(path)
    partition = posixpath.dirname(folder)
    is_version = posixpath.basename(partition) == name
    return partition if is_version else path


def source_of_branch(place: Place, copy: HeldCopy) -> Source:
    """A branch's copy, as its record has it."""
    record = copy.record.settled
    names = list(filter(place.units.owns, record.data))
    if record.kind == "versioned":
        # What an unpinned load gives; the others are that branch's affair.
        names = sorted(names)[-1:]
    units: dict[str, Recorded] = {}
    identities: Identities = {}
    for name in names:
        recorded = Recorded(record.data[name])
        units[name] = recorded
        identities[name] = recorded.identity
    base = {unit: record.base[unit] for unit in filter(place.units.owns, record.base)}
    seed = Seed(
        copy.record.branch_name,
        copy.record.id,
        units,
        record.writers,
        over=record.over,
        absent=record.absent,
    )
    is_part = any(recorded.is_part for recorded in units.values())
    return Source(copy.path, identities, base, seed, is_part)
