"""How an entry's copies are divided into units: alone, at a directory that is listed, or inside of one."""

from __future__ import annotations

from steel_toes import errors, reasons
from steel_toes.catalog.spec import EntrySpec
from steel_toes.datasets.registry import Rule
from steel_toes.naming.location import normalise
from steel_toes.naming.nesting import listed_directory, relative
from steel_toes.records.units import Part, Parts, Units, Versions, Whole


def units_alone(spec: EntrySpec, rule: Rule) -> Units:
    """How the copies of an entry are divided that lies in no directory of another."""
    if spec.version:
        return Versions()
    if rule.is_overlay:
        return Parts()
    return Whole()


def units_at(spec: EntrySpec, rule: Rule, is_overlay: bool) -> Units:
    """How the copies of an entry are divided that lists the directory itself, or reads it as one dataset."""
    if is_overlay and not spec.version:
        return Parts()
    # The survey knows a user's class by its text alone, and the rule by its bases: the rule decides.
    return units_alone(spec, rule)


def units_inside(spec: EntrySpec, rule: Rule, location: str, directory: str, is_overlay: bool) -> Units:
    """What an entry is in the record of a directory around it that another entry lists.

    Raises:
        LocationError: that record could not say what a save of the entry does.
    """
    if spec.version:
        raise errors.LocationError(reasons.VERSIONS_INSIDE, location=location, directory=directory)
    if not rule.is_overlay:
        return Part(relative(location, directory)) if is_overlay else Whole()
    # A part of a dataset that is one unit is that unit, and partitions are none.
    if not is_overlay:
        raise errors.LocationError(reasons.PARTITIONS_INSIDE, location=location, directory=directory)
    # The record knows an overwrite of everything, and not one of a part.
    if spec.inner_config.get("overwrite"):
        raise errors.LocationError(reasons.OVERWRITES_INSIDE, location=location, directory=directory)
    return Parts(relative(location, directory))


def is_inside(location: str, rule: Rule, directory: str) -> bool:
    """Whether an entry lies inside a directory, and does not list it itself."""
    own_directory = listed_directory(location, rule.lists) or location
    return normalise(own_directory) != normalise(directory)
