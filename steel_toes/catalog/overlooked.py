"""What a run says that somebody might overlook: of its inputs, of promotes, and of a former name."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from steel_toes.catalog.install import policy_of, run_of
from steel_toes.catalog.run import datasets_of
from steel_toes.checkout.git import former_names
from steel_toes.errors import CopyError, count
from steel_toes.naming.branch import make_slug
from steel_toes.records.journal import facts_of_promotes
from steel_toes.records.place import Place, Side
from steel_toes.records.record import records_folder
from steel_toes.redaction import logger_of
from steel_toes.sentences import BRANCH_RENAMED, IS_UNFINISHED, RUN_IGNORED, RUN_READ_OLD, WARNING_IN_LOG
from steel_toes.stores.base import Store

logger = logger_of("steel_toes")


def warn_of_inputs(pipeline: Any, catalog: Any) -> None:
    """Say of which inputs main has changed since, and at whose branch copy's place something is ignored."""
    moved = []
    ignored = []
    for branched in datasets_of(catalog, sorted(pipeline.inputs())):
        if branched.has_main_moved:
            moved.append(branched.entry.name)
        elif branched.run_side is Side.MAIN and any(map(_is_ignored, branched.places)):
            ignored.append(branched.entry.name)
    if moved:
        branch_name = shlex.quote(str(policy_of(catalog).branch.name))
        names = shlex.join(moved)
        logger.info(RUN_READ_OLD, count(len(moved), "input"), ", ".join(moved), branch_name, names)
    if ignored:
        logger.warning(RUN_IGNORED, ", ".join(ignored), shlex.join(ignored))


def _is_ignored(place: Place) -> bool:
    """Whether something lies at a branch copy's place of which no record knows."""
    ledger = place.ledger
    path = place.own_path(Side.BRANCH)
    try:
        is_occupied = ledger.run.is_occupied(ledger.key)
        if not ledger.store.is_remote and not place.store.is_free(path):
            # An empty folder is nothing that anybody would record.
            is_occupied = bool(place.store.objects(path))
        return is_occupied and not ledger.recall().exists
    except CopyError:
        # It is no input: whoever needs what lies there is told why it cannot be had.
        return False


def warn_of_promotes(catalog: Any) -> None:
    """Say which promotes had not ended when the run began: what it reads of main may be half another's."""
    project = policy_of(catalog).project
    claims = [claim for claim in run_of(catalog).claims if claim.may_be_of(project)]
    for facts in facts_of_promotes(claims):
        text = IS_UNFINISHED.format(**facts)
        logger.warning(WARNING_IN_LOG, text)


def warn_of_former_names(pipeline: Any, catalog: Any) -> None:
    """Say that the branch had another name, under which there is data, before `git branch -m`."""
    policy = policy_of(catalog)
    branch = policy.branch
    # Of one that somebody names Git has no history.
    if branch.source != "Git" or branch.is_main:
        return
    names = former_names(Path(policy.project_path), str(branch.name))
    # Nearly no branch has one: only then its data is looked for.
    if not names:
        return
    for name in names:
        if _has_data(make_slug(name), pipeline, catalog):
            quoted = shlex.quote(name)
            logger.warning(BRANCH_RENAMED, branch.name, name, quoted, quoted)


def _has_data(slug: str, pipeline: Any, catalog: Any) -> bool:
    """Whether a branch has records where the datasets of a pipeline have theirs."""
    folders: dict[tuple[str, str], Store] = {}
    for branched in datasets_of(catalog, pipeline.datasets()):
        ledger = branched.place.ledger
        folder = records_folder(ledger.path)
        folders[ledger.store.access, folder] = ledger.store
    answers = [_has_records(store, f"{folder}/{slug}") for (_, folder), store in folders.items()]
    return any(answers)


def _has_records(store: Store, folder: str) -> bool:
    try:
        names = store.objects_below(folder)
    except CopyError:
        # The run has ended well; whoever lists branches is told why this one cannot be.
        return False
    return any(name.endswith(".json") for name in names)
