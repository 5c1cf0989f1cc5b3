"""A run of a pipeline: what is frozen when it begins, and what is said of it when it ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from steel_toes.catalog.install import branched_behind
from steel_toes.datasets.base import BranchedDataset
from steel_toes.datasets.proxy import AnyBranched
from steel_toes.errors import count
from steel_toes.records.ledger import Ledger
from steel_toes.records.place import Side
from steel_toes.redaction import logger_of
from steel_toes.sentences import MAIN_HAS_OUTPUTS, RUN_READ, RUN_WROTE

logger = logger_of("steel_toes")


def freeze_sides(pipeline: Any, catalog: Any) -> None:
    """Freeze the sides of what the run only reads, so that all its nodes read the same."""
    written: set[str] = set()
    for branched in _branched(catalog, pipeline.all_outputs()):
        written.update(_record_paths(branched))
    for branched in _branched(catalog, pipeline.inputs()):
        # An entry under another name may be saved at the same location.
        is_written = not written.isdisjoint(_record_paths(branched))
        branched.open_run(written=is_written)


def announce_mains_outputs(pipeline: Any, catalog: Any) -> None:
    """Say how many outputs are not missing since main has them, before `--only-missing-outputs` leaves nodes out."""
    # Two entries on one location are one output.
    outputs: dict[tuple[str, ...], AnyBranched] = {}
    for branched in _branched(catalog, pipeline.all_outputs()):
        outputs[_record_paths(branched)] = branched
    # An entry without a record of its own is never written.
    outputs.pop((), None)
    number = 0
    for branched in outputs.values():
        # `written`: nothing is frozen for a run that has not begun.
        side = branched.open_run(written=True)
        if side is Side.MAIN and branched.main_dataset.exists():
            number += 1
    logger.info(MAIN_HAS_OUTPUTS, count(number, "output"))


def announce_run(pipeline: Any, catalog: Any) -> None:
    """Say what the run read from where, and what it wrote."""
    inputs = _branched(catalog, pipeline.inputs())
    sides = [branched.run_side for branched in inputs]
    read = ""
    if sides:
        from_branch = count(sides.count(Side.BRANCH), "input")
        from_main = sides.count(Side.MAIN)
        read = RUN_READ.format(branch=from_branch, main=from_main)
    names = [name for name in sorted(pipeline.all_outputs()) if _has_written(branched_behind(catalog.get(name)))]
    listed_names = ", ".join(names)
    if names:
        listed_names = f": {listed_names}"
    logger.info(RUN_WROTE, read, count(len(names), "dataset"), listed_names)


def _branched(catalog: Any, names: Iterable[str]) -> Iterator[AnyBranched]:
    """What is behind the proxies of these entries; other entries are left out."""
    for name in names:
        yield from branched_behind(catalog.get(name))


def _record_paths(branched: AnyBranched) -> tuple[str, ...]:
    """The paths of an entry's records, the same for two entries on one location; none for an entry that has none."""
    if isinstance(branched, BranchedDataset):
        return tuple(place.ledger.path for place in branched.places)
    return ()


def _has_written(all_branched: Iterable[AnyBranched]) -> bool:
    """Whether this run saved one of them, or left it half saved: Kedro may skip nodes that it was asked for."""
    ledgers = [branched.place.ledger for branched in all_branched if isinstance(branched, BranchedDataset)]
    return any(_is_of_this_run(ledger) for ledger in ledgers)


def _is_of_this_run(ledger: Ledger) -> bool:
    """Whether the run that is going on saved last."""
    record = ledger.read()
    return record.exists and record.writer.run == ledger.writer.run
