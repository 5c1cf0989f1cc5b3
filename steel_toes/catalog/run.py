"""A run of a pipeline: what is frozen when it begins, and what is said of it when it ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from steel_toes.datasets.base import BranchedDataset
from steel_toes.datasets.proxy import AnyBranched, branched_of
from steel_toes.errors import MAIN_HAS_OUTPUTS, RUN_READ, RUN_WROTE, count
from steel_toes.records.place import Side
from steel_toes.redaction import logger_of

logger = logger_of("steel_toes")


def freeze_sides(pipeline: Any, catalog: Any) -> None:
    """Freeze the sides of what the run only reads, so that all its nodes read the same."""
    written = set(map(_record_path, _branched(catalog, pipeline.all_outputs())))
    # An entry without a record of its own is never written.
    written.discard("")
    for branched in _branched(catalog, pipeline.inputs()):
        branched.open_run(written=_record_path(branched) in written)


def announce_mains_outputs(pipeline: Any, catalog: Any) -> None:
    """Say how many outputs are not missing since main has them, before `--only-missing-outputs` leaves nodes out."""
    # Two entries on one location are one output.
    outputs = {_record_path(branched): branched for branched in _branched(catalog, pipeline.all_outputs())}
    outputs.pop("", None)
    number = 0
    for branched in outputs.values():
        # `written`: nothing is frozen for a run that has not begun.
        side = branched.open_run(written=True)
        if side is Side.MAIN and branched.main_dataset.exists():
            number += 1
    logger.info(MAIN_HAS_OUTPUTS, count(number, "output"))


def announce_run(pipeline: Any, catalog: Any) -> None:
    """Say what the run read from where, and what it wrote."""
    sides = [branched.run_side for branched in _branched(catalog, pipeline.inputs())]
    read = ""
    if sides:
        from_branch = count(sides.count(Side.BRANCH), "input")
        read = RUN_READ.format(branch=from_branch, main=sides.count(Side.MAIN))
    names = [name for name in sorted(pipeline.all_outputs()) if _has_written(branched_of(catalog.get(name)))]
    listed_names = ", ".join(names)
    if names:
        listed_names = f": {listed_names}"
    logger.info(RUN_WROTE, read, count(len(names), "dataset"), listed_names)


def _branched(catalog: Any, names: Iterable[str]) -> Iterator[AnyBranched]:
    """What is behind the proxies of these entries; other entries are left out."""
    for name in names:
        branched = branched_of(catalog.get(name))
        if branched is not None:
            yield branched


def _record_path(branched: AnyBranched) -> str:
    """The path of an entry's record, the same for two entries on one location; "" for an entry that has none."""
    if isinstance(branched, BranchedDataset):
        return branched.place.ledger.path
    return ""


def _has_written(branched: AnyBranched | None) -> bool:
    """Whether this run saved the dataset, or left it half saved: Kedro may skip nodes that it was asked for."""
    if not isinstance(branched, BranchedDataset):
        return False
    ledger = branched.place.ledger
    # The record names the run that saved last.
    record = ledger.read()
    return record.exists and record.writer.run == ledger.writer.run
