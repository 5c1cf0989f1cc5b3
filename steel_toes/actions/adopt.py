"""`adopt`: recording a file that was put at a branch copy's place."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from kedro.io import DatasetError

from steel_toes import errors, reasons
from steel_toes.actions.plan import CONDITIONS
from steel_toes.datasets.base import BranchedDataset
from steel_toes.datasets.paths import absolute, filesystem_path
from steel_toes.datasets.proxy import branched_of
from steel_toes.records.place import Adoptable, Place, Side
from steel_toes.records.run import RecordKey
from steel_toes.records.state import Verdict
from steel_toes.redaction import redacted_repr


@redacted_repr
@dataclass(frozen=True)
class Adoption:
    """What `adopt` would record at one place of a dataset.

    Args:
        place: of the dataset.
        sources: the path of each unit's data; what lies at another place is copied to the branch copy's first.
        conditions: what is wrong with those units of which a record speaks, in words.
        is_part: the dataset has other places, too.
    """

    place: Place
    sources: Mapping[str, str] = field(repr=False)
    conditions: Mapping[str, str] = field(default_factory=dict)
    is_part: bool = False

    def apply(self) -> None:
        """Record it."""
        self.place.adopt(self.sources, self.is_part)


def make_plan(catalog: Any, names: Collection[str], subjects: Iterable[str]) -> list[Adoption]:
    """What `adopt` would record: of datasets, at all their places.

    Args:
        catalog: a catalog on which steel_toes is installed.
        names: of all entries.
        subjects: each a dataset's name, or the path of a file at a branch copy's place.

    Raises:
        ConfigurationError: of one of them nothing is there to adopt; then nothing of the others is, either.
        LinkError: what is there is a link.
    """
    adoptions: list[Adoption] = []
    planned: set[tuple[RecordKey, str]] = set()
    for subject in dict.fromkeys(subjects):
        for adoption in _adoptions_of(catalog, names, subject):
            # Several names may mean one file.
            new = _without(adoption, planned)
            if new.sources:
                adoptions.append(new)
    return adoptions


def _without(adoption: Adoption, planned: set[tuple[RecordKey, str]]) -> Adoption:
    """What of an adoption is not planned yet; it is from now on."""
    sources = {}
    for unit, source in adoption.sources.items():
        key = (adoption.place.ledger.key, unit)
        if key not in planned:
            planned.add(key)
            sources[unit] = source
    return replace(adoption, sources=sources)


def _adoptions_of(catalog: Any, names: Collection[str], subject: str) -> list[Adoption]:
    # A dataset's name wins over a path that is spelled alike.
    if subject in names:
        return _adoptions_by_name(catalog, subject)
    adoptions = _adoptions_by_path(catalog, names, subject)
    if not adoptions:
        raise errors.ConfigurationError(reasons.NO_PLACE_TO_ADOPT, setting="adopt", value=subject)
    return adoptions


def _adoptions_by_name(catalog: Any, name: str) -> list[Adoption]:
    branched = branched_of(catalog.get(name))
    if not isinstance(branched, BranchedDataset):
        raise errors.ConfigurationError(reasons.NO_COPY_TO_ADOPT, setting="adopt", value=name)
    adoptions = [_adoption(place, _adoptable(place)) for place in branched.places]
    is_part = len(adoptions) > 1
    if is_part:
        _check_none_is_missing(name, adoptions)
    waiting = [replace(adoption, is_part=is_part) for adoption in adoptions if adoption.sources]
    # What is recorded already is no mistake: somebody may ask twice.
    if not waiting and not _is_recorded(branched):
        raise errors.ConfigurationError(reasons.NOTHING_TO_ADOPT, setting="adopt", value=name)
    return waiting


def _is_recorded(branched: BranchedDataset) -> bool:
    """Whether the branch has a copy, all of which is as it was recorded."""
    verdicts: set[Verdict] = set()
    for place in branched.places:
        verdicts.update(place.verdicts(place.ledger.read()).values())
    return verdicts == {Verdict.BRANCH}


def _check_none_is_missing(name: str, adoptions: Iterable[Adoption]) -> None:
    """Raise if there is data at some of a dataset's places only: adopted alone it would be half a save."""
    for adoption in adoptions:
        place = adoption.place
        is_saved = place.ledger.read().settled.exists
        if not adoption.sources and not is_saved:
            location = place.store.shown(place.branch_path)
            raise errors.ConfigurationError(reasons.HALF_TO_ADOPT, setting="adopt", value=name, location=location)


def _adoptions_by_path(catalog: Any, names: Iterable[str], subject: str) -> list[Adoption]:
    # Paths are compared as the store spells them, so that `./data/x.csv` is found too.
    _, path = filesystem_path(absolute(subject))
    path = posixpath.normpath(path)
    for branched in branched_datasets(catalog, names):
        for place in branched.places:
            # A store is asked only where the path could be the entry's.
            if not _is_in(path, place.own_path(Side.BRANCH)):
                continue
            # The path may be a unit, a file inside one, or a folder around several.
            units = {
                unit: adoptable
                for unit, adoptable in _adoptable(place).items()
                if _is_in(path, adoptable.path) or _is_in(adoptable.path, path)
            }
            # A copy of which every unit is recorded already has nothing to adopt.
            if units:
                return [_adoption(place, units)]
    return []


def _adoptable(place: Place) -> dict[str, Adoptable]:
    return place.adoptable(place.ledger.read())


def _adoption(place: Place, units: Mapping[str, Adoptable]) -> Adoption:
    place.check_unlinked(units)
    sources = {unit: adoptable.path for unit, adoptable in units.items()}
    conditions = {unit: CONDITIONS.get(adoptable.verdict, "") for unit, adoptable in units.items()}
    return Adoption(place, sources, conditions)


def branched_datasets(catalog: Any, names: Iterable[str]) -> Iterator[BranchedDataset]:
    """Those of these entries that are branched and can be built: a class that is not installed here hides no other."""
    for name in names:
        # Only the entry that is looked for has to be there.
        with suppress(DatasetError):
            branched = branched_of(catalog.get(name))
            if isinstance(branched, BranchedDataset):
                yield branched


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
