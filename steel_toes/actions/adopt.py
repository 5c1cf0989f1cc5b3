"""`adopt`: recording a file that was put at a branch copy's place."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from kedro.io import DatasetError

from steel_toes import errors
from steel_toes.actions.plan import CONDITIONS
from steel_toes.datasets.base import BranchedDataset
from steel_toes.datasets.paths import absolute, filesystem_path
from steel_toes.datasets.proxy import branched_of
from steel_toes.records.place import Adoptable, Side
from steel_toes.redaction import redacted_repr


@redacted_repr
@dataclass(frozen=True)
class Adoption:
    """What `adopt` would record of one dataset.

    Args:
        branched: the dataset.
        sources: the path of each unit's data; what lies at another place is copied to the branch copy's first.
        conditions: what is wrong with those units of which a record speaks, in words.
    """

    branched: BranchedDataset
    sources: Mapping[str, str] = field(repr=False)
    conditions: Mapping[str, str] = field(default_factory=dict)

    def apply(self) -> None:
        """Record it."""
        self.branched.place.adopt(self.sources)


def make_plan(catalog: Any, names: Collection[str], subject: str) -> Adoption:
    """What `adopt` would record.

    Args:
        catalog: a catalog on which steel_toes is installed.
        names: of all entries.
        subject: a dataset's name, or the path of a file at a branch copy's place.

    Raises:
        ConfigurationError: nothing is there to adopt.
        LinkError: what is there is a link.
    """
    # A dataset's name wins over a path that is spelled alike.
    adoption = _adoption_by_name(catalog, subject) if subject in names else _adoption_by_path(catalog, names, subject)
    if adoption is not None:
        return adoption
    reason = errors.NOTHING_TO_ADOPT if subject in names else errors.NO_PLACE_TO_ADOPT
    raise errors.ConfigurationError(reason, setting="adopt", value=subject)


def _adoption_by_name(catalog: Any, name: str) -> Adoption | None:
    branched = branched_of(catalog.get(name))
    if not isinstance(branched, BranchedDataset):
        return None
    return _adoption(branched, _adoptable(branched))


def _adoption_by_path(catalog: Any, names: Iterable[str], subject: str) -> Adoption | None:
    # Paths are compared as the store spells them, so that `./data/x.csv` is found too.
    _, path = filesystem_path(absolute(subject))
    path = posixpath.normpath(path)
    for branched in branched_datasets(catalog, names):
        # A store is asked only where the path could be the entry's.
        if _is_in(path, branched.place.own_path(Side.BRANCH)):
            # The path may be a unit, a file inside one, or a folder around several.
            units = {
                unit: adoptable
                for unit, adoptable in _adoptable(branched).items()
                if _is_in(path, adoptable.path) or _is_in(adoptable.path, path)
            }
            adoption = _adoption(branched, units)
            if adoption is not None:
                return adoption
    return None


def _adoptable(branched: BranchedDataset) -> dict[str, Adoptable]:
    return branched.place.adoptable(branched.place.ledger.read())


def _adoption(branched: BranchedDataset, units: Mapping[str, Adoptable]) -> Adoption | None:
    # A copy of which every unit is recorded already has nothing to adopt.
    if not units:
        return None
    branched.place.check_unlinked(units)
    sources = {unit: adoptable.path for unit, adoptable in units.items()}
    conditions = {unit: CONDITIONS.get(adoptable.verdict, "") for unit, adoptable in units.items()}
    return Adoption(branched, sources, conditions)


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
