"""`steel-toes seed`: what is shown of its plan, and of what became of it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from steel_toes import errors, sentences
from steel_toes.actions.seed import SeedPlan, SeedWish, make_plan
from steel_toes.actions.seeding import Seeding, SeedPart
from steel_toes.cli.output import Output, fail_if_any, failure_of, is_agreed, say, say_lines, size_text, with_progress
from steel_toes.cli.project import Project
from steel_toes.cli.screen import Beneath, Column, Row, Table
from steel_toes.records.place import Side


def run_seed(project: Project, wish: SeedWish, yes: bool) -> None:
    """Show what would be copied, and copy it if somebody agrees.

    Raises:
        UsageError: the branch to begin from, or a dataset, is none.
        SystemExit: something is refused, or failed.
    """
    # Before the catalog's stores are asked: a name that there is not.
    project.entries(names=wish.datasets)
    plan = make_plan(project.catalog, project.inventory, wish)
    # Also where something is refused: so it is seen beside what is not.
    _output(plan, project).show()
    say_lines(plan.left)
    _stop_if_refused(plan, wish)
    say(_total(sentences.SEED_TOTAL, plan.seedings))
    lost = [seeding.dataset for seeding in plan.seedings if seeding.loses_own]
    if lost:
        say(sentences.SEED_LOSES.format(datasets=errors.first_names(lost)))
    if not is_agreed(yes, sentences.SEED_THEM):
        return
    failures = with_progress((failure_of(seeding.apply) for seeding in plan.seedings), len(plan.seedings))
    seeded = [seeding for seeding, failure in zip(plan.seedings, failures, strict=True) if not failure]
    say(_total(sentences.SEEDED, seeded))
    fail_if_any(list(filter(None, failures)))


def _total(text: str, seedings: Sequence[Seeding]) -> str:
    number = sum(seeding.number for seeding in seedings)
    size = sum(seeding.size for seeding in seedings)
    datasets = errors.count(len(seedings), "dataset")
    files = errors.count(number, "file")
    return text.format(datasets=datasets, files=files, size=size_text(size))


def _output(plan: SeedPlan, project: Project) -> Output:
    """Every copy that would be made, and beneath it each file."""
    columns = [
        Column("dataset"),
        Column("from"),
        Column("path", rank=1),
        Column("files", rank=2),
        Column("size"),
        Column("replaces", styles={sentences.SEED_REPLACES["own"]: "yellow"}),
    ]
    main_name = min(project.settings.mains)
    rows = []
    items = []
    for seeding in plan.seedings:
        for part in seeding.parts:
            source = part.source.seed.branch_name or main_name
            item = _item(seeding.dataset, source, part, project)
            rows.append(_row(item, project))
            items.append(item)
    refused = list(map(str, plan.refusals))
    data = {"items": items, "left": plan.left, "refused": refused, "failed": plan.failed}
    return Output(data, Table(columns, rows))


def _item(dataset: str, source: str, part: SeedPart, project: Project) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "from": source,
        "path": part.place.ledger.branch_location,
        "files": _shown(part, part.source.identities, project),
        "removed": _shown(part, part.former, project),
        "replaces": sentences.SEED_REPLACES[part.replaces],
        "bytes": part.size,
    }


def _row(item: Mapping[str, Any], project: Project) -> Row:
    beneath = [Beneath("", path) for path in item["files"]]
    beneath += [Beneath(sentences.IT_GOES, path) for path in item["removed"]]
    path = project.shown(item["path"])
    number = len(item["files"])
    return Row((item["dataset"], item["from"], path, number, size_text(item["bytes"]), item["replaces"]), beneath)


def _shown(part: SeedPart, units: Iterable[str], project: Project) -> list[str]:
    """The paths of these units of the branch's copy."""
    paths = [part.place.unit_path(Side.BRANCH, unit) for unit in sorted(units)]
    return [project.shown(part.place.store.shown(path)) for path in paths]


def _stop_if_refused(plan: SeedPlan, wish: SeedWish) -> None:
    """Say what is refused, and that nothing is done by halves.

    Raises:
        SystemExit: something is, or could not be read.
    """
    # Nobody knows what else there is.
    fail_if_any(plan.failed)
    if not plan.refusals:
        return
    for error in plan.refusals:
        say(sentences.FAILED.format(why=error))
    say(_others(plan, wish))
    raise SystemExit(1)


def _others(plan: SeedPlan, wish: SeedWish) -> str:
    """The command that copies what is not refused, if there is anything."""
    names = [seeding.dataset for seeding in plan.seedings]
    if not names:
        return sentences.NOTHING_CHANGED
    words = ["steel-toes", "seed", *names]
    # Without one it is main's.
    if wish.branch_name:
        words += ["--from", wish.branch_name]
    return sentences.SEED_OTHERS.format(command=shlex.join(words))
