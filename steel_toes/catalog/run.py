"""A run of a pipeline: what is frozen when it begins, and what is said of it when it ends."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Any

from steel_toes.datasets.base import BranchedDataset
from steel_toes.datasets.proxy import AnyBranched, branched_of
from steel_toes.errors import MAIN_HAS_OUTPUTS, RUN_READ, RUN_WROTE
from steel_toes.records.place import Side

logger = logging.getLogger("steel_toes")


def freeze_sides(pipeline: Any, catalog: Any) -> None:
    """Freeze the sides of what the run only reads, so that all its nodes read the same."""
    written = set(_records_of(catalog, pipeline.all_outputs()))
    for name in pipeline.inputs():
        branched = branched_of(catalog.get(name))
        if branched is not None:
            branched.open_run(written=_record_path(branched) in written)


def announce_mains_outputs(pipeline: Any, catalog: Any) -> None:
    """Say how many outputs are not missing since main has them, before `--only-missing-outputs` leaves nodes out."""
    datasets = dict(_datasets_by_record(catalog, pipeline.all_outputs()))
    count = 0
    for branched in datasets.values():
        if branched.open_run(written=True) is Side.MAIN and branched.main_dataset.exists():
            count += 1
    logger.info(MAIN_HAS_OUTPUTS, _count(count, "output"))


def announce_run(pipeline: Any, catalog: Any) -> None:
    """Say what the run read from where, and what it wrote."""
    branched_inputs = [branched_of(catalog.get(name)) for name in pipeline.inputs()]
    sides = [branched.run_side for branched in branched_inputs if branched is not None]
    read = ""
    if sides:
        from_branch = _count(sides.count(Side.BRANCH), "input")
        read = RUN_READ.format(branch=from_branch, main=sides.count(Side.MAIN))
    names = sorted(name for name in pipeline.all_outputs() if _has_written(branched_of(catalog.get(name))))
    listed_names = f": {', '.join(names)}" if names else ""
    logger.info(RUN_WROTE, read, _count(len(names), "dataset"), listed_names)


def _records_of(catalog: Any, names: Iterable[str]) -> Iterator[str]:
    """The records' paths of these entries: two entries on one location have one."""
    for path, _ in _datasets_by_record(catalog, names):
        yield path


def _datasets_by_record(catalog: Any, names: Iterable[str]) -> Iterator[tuple[str, BranchedDataset]]:
    for name in names:
        branched = branched_of(catalog.get(name))
        if isinstance(branched, BranchedDataset):
            yield branched.place.ledger.path, branched


def _record_path(branched: AnyBranched) -> str | None:
    """The path of an entry's record; None for an entry that is not branched."""
    if isinstance(branched, BranchedDataset):
        return branched.place.ledger.path
    return None


def _has_written(branched: AnyBranched | None) -> bool:
    """Whether this run saved the dataset, or left it half saved: Kedro may skip nodes that it was asked for."""
    if not isinstance(branched, BranchedDataset):
        return False
    ledger = branched.place.ledger
    record = ledger.read()
    return record.exists and record.writer.run == ledger.writer.run


def _count(number: int, noun: str) -> str:
    plural = noun if number == 1 else f"{noun}s"
    return f"{number} {plural}"
