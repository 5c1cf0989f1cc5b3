"""What is in the way of a run's saves, as far as that is seen before its first node."""

from __future__ import annotations

from typing import Any

from steel_toes.catalog.install import policy_of
from steel_toes.catalog.run import datasets_of
from steel_toes.datasets.base import BranchedDataset
from steel_toes.errors import OtherProjectError, RecordError, RunObstructedError, count


def check_free(pipeline: Any, catalog: Any) -> None:
    """Whether nothing is in the way of what is saved on a disk; in a store each save finds out by itself.

    Raises:
        RunObstructedError: something is.
    """
    obstacles: dict[str, str] = {}
    for branched in datasets_of(catalog, sorted(pipeline.all_outputs())):
        if not branched.place.ledger.store.is_remote:
            obstacles[branched.entry.name] = _obstacle(branched)
    lines = [f"- {obstacle}" for obstacle in obstacles.values() if obstacle]
    if lines:
        branch_name = policy_of(catalog).branch.name
        datasets = count(len(lines), "dataset")
        raise RunObstructedError(branch=branch_name, datasets=datasets, obstacles="\n".join(lines))


def _obstacle(branched: BranchedDataset) -> str:
    """What is in the way of a save, as its error would say it; "" if nothing is."""
    try:
        for place in branched.places:
            place.check_free()
    except (OtherProjectError, RecordError) as exc:
        return str(exc)
    return ""
