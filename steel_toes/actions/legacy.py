"""`adopt --from-0.5`: a branch's files of steel-toes 0.5.

That version put `_<branch>` behind the stem of every `filepath`: `x.csv` -> `x_feature.csv`, `x_feature/a.csv`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from steel_toes.actions.adopt import Adoption, branched_datasets
from steel_toes.datasets.base import BranchedDataset
from steel_toes.datasets.versions import BranchedVersions
from steel_toes.records.place import Side
from steel_toes.records.units import WHOLE


def make_plan(catalog: Any, names: Iterable[str], branch_name: str) -> list[Adoption]:
    """What a branch's files of steel-toes 0.5 would become: copies of the entries that have none.

    A file that is an entry's main copy is none of them.

    Args:
        catalog: a catalog on which steel_toes is installed on that branch.
        names: of its entries.
        branch_name: the branch's.
    """
    datasets = [item for item in branched_datasets(catalog, names) if item.place.units.kind != "overlay"]
    main_paths = {branched.place.own_path(Side.MAIN) for branched in datasets}
    adoptions = []
    for branched in datasets:
        legacy_path = _legacy_path(branched, branch_name)
        # A copy of today's is never replaced by one of yesterday's.
        if legacy_path not in main_paths and _has_no_copy(branched):
            sources = _sources(branched, legacy_path)
            if sources:
                adoptions.append(Adoption(branched.place, sources))
    return adoptions


def _legacy_path(branched: BranchedDataset, branch_name: str) -> str:
    # As 0.5.0 computed it: behind the stem, before the last extension alone.
    main = PurePosixPath(branched.place.own_path(Side.MAIN))
    return str(main.parent / f"{main.stem}_{branch_name}{main.suffix}")


def _has_no_copy(branched: BranchedDataset) -> bool:
    """Whether the entry has a copy of its own to begin, and nothing lies there."""
    place = branched.place
    # 0.5.0 knew no partitions: what lies inside a directory has no file of its own there.
    if place.units.own != WHOLE:
        return False
    return not place.verdicts(place.ledger.read())


def _sources(branched: BranchedDataset, legacy_path: str) -> dict[str, str]:
    """The old file of each unit."""
    store = branched.place.store
    if isinstance(branched, BranchedVersions):
        units = branched.place.units
        return {version: units.path(legacy_path, version) for version in store.versions(legacy_path)}
    if store.identity(legacy_path) is None:
        return {}
    return {WHOLE: legacy_path}
