"""What is said of a run of a pipeline: which of its outputs main has, what it read from where, and what it wrote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from steel_toes.catalog.install import branched_behind, configurations, policy_of, run_of
from steel_toes.catalog.listings import located
from steel_toes.catalog.run import all_branched, is_of_this_process, record_paths
from steel_toes.datasets.base import BranchedDataset
from steel_toes.datasets.proxy import AnyBranched
from steel_toes.errors import count
from steel_toes.naming.location import normalise
from steel_toes.naming.nesting import listed_directory
from steel_toes.records.ledger import Ledger
from steel_toes.records.place import Side
from steel_toes.redaction import logger_of
from steel_toes.sentences import (
    LISTS_MOST_ENTRIES,
    MAIN_HAS_OUTPUTS,
    RUN_READ,
    RUN_WROTE,
    RUN_WROTE_TO_MAIN,
)
from steel_toes.stores.together import all_together

logger = logger_of("steel_toes")


def announce_mains_outputs(pipeline: Any, catalog: Any) -> None:
    """Say how many outputs are not missing since main has them, before `--only-missing-outputs` leaves nodes out."""
    # Two entries on one location are one output.
    outputs: dict[tuple[str, ...], AnyBranched] = {}
    for branched in all_branched(catalog, pipeline.all_outputs()):
        outputs[record_paths(branched)] = branched
    # An entry without a record of its own is never written.
    outputs.pop((), None)
    number = 0
    for branched in outputs.values():
        # `written`: nothing is frozen for a run that has not begun.
        side = branched.open_run(written=True)
        if side is Side.MAIN and branched.main_dataset.exists():
            number += 1
    logger.info(MAIN_HAS_OUTPUTS, count(number, "output"))


def warn_of_wide_listings(catalog: Any) -> None:
    """Warn of an entry that lists a folder in which most other entries lie: on a branch all of them move together."""
    policy = policy_of(catalog)
    # There the path below the branch's folder is main's: an entry moves by itself.
    if policy.placement.layout_name == "prefix":
        return
    for directory, number in policy.catalog.wide_directories().items():
        copy = policy.placement.copy(directory)
        names = ", ".join(_entries_at(directory, catalog))
        logger.warning(LISTS_MOST_ENTRIES, names, directory, number, len(policy.catalog.locations), copy)


def _entries_at(directory: str, catalog: Any) -> list[str]:
    """The entries that list a directory."""
    taught = policy_of(catalog).settings.location_parameters
    names = []
    for name, config in configurations(catalog).explicit.items():
        for rule, location, _, _ in located([config], taught):
            if normalise(listed_directory(location, rule.lists) or "") == normalise(directory):
                names.append(name)
    return names


def announce_run(run_params: Mapping[str, Any], pipeline: Any, catalog: Any) -> None:
    """Say what the run read from where, and what it wrote.

    Args:
        run_params: as Kedro gives them to hooks.
        pipeline: that was run.
        catalog: with which.
    """
    inputs = all_branched(catalog, pipeline.inputs())
    sides = [branched.run_side for branched in inputs]
    read = ""
    if sides:
        from_branch = count(sides.count(Side.BRANCH), "input")
        from_main = sides.count(Side.MAIN)
        read = RUN_READ.format(branch=from_branch, main=from_main)
    names = _written(sorted(pipeline.all_outputs()), catalog, is_of_this_process(run_params))
    listed_names = ", ".join(names)
    if names:
        listed_names = f": {listed_names}"
    logger.info(RUN_WROTE, read, count(len(names), "dataset"), listed_names)
    shared_names = sorted(policy_of(catalog).shared_names & pipeline.all_outputs())
    if shared_names:
        logger.info(RUN_WROTE_TO_MAIN, count(len(shared_names), "dataset"), ", ".join(shared_names))


def _written(outputs: Iterable[str], catalog: Any, is_of_this_process: bool) -> list[str]:
    """Those outputs that the run saved, or left half saved: Kedro may skip nodes that it was asked for."""
    names = list(outputs)
    if is_of_this_process:
        wrote = [_has_begun(name, catalog) for name in names]
    else:
        # Others have run the nodes: their records say so.
        wrote = all_together(lambda name: any(map(_is_of_this_run, _ledgers(name, catalog))), names)
    return [name for name, has_written in zip(names, wrote, strict=True) if has_written]


def _ledgers(name: str, catalog: Any) -> list[Ledger]:
    """The ledgers of an output, of several where a hook has put something around several datasets."""
    behind = branched_behind(catalog.get(name))
    return [branched.place.ledger for branched in behind if isinstance(branched, BranchedDataset)]


def _has_begun(name: str, catalog: Any) -> bool:
    """Whether this process saved an output in the run, or tried to."""
    run = run_of(catalog)
    return any(run.has_begun(ledger.key) for ledger in _ledgers(name, catalog))


def _is_of_this_run(ledger: Ledger) -> bool:
    """Whether the run that is going on saved last."""
    record = ledger.read()
    return record.exists and record.writer.run == ledger.writer.run
