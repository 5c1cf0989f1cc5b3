"""`steel-toes seed`: what is shown of its plan, and of what became of it."""

from __future__ import annotations

from collections.abc import Sequence

from steel_toes import errors, sentences
from steel_toes.actions.seed import Seeding, SeedPlan, SeedWish, make_plan
from steel_toes.cli.output import Output, fail_if_any, is_agreed, say, say_lines, size_text, with_progress
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
    _output(plan, project).show()
    say_lines(plan.left)
    fail_if_any([*plan.failed, *map(str, plan.refusals)])
    say(_total(sentences.SEED_TOTAL, plan.seedings))
    if not is_agreed(yes, sentences.SEED_THEM):
        return
    failures = with_progress(map(_apply_one, plan.seedings), len(plan.seedings))
    seeded = [seeding for seeding, failure in zip(plan.seedings, failures, strict=True) if not failure]
    say(_total(sentences.SEEDED, seeded))
    fail_if_any(list(filter(None, failures)))


def _apply_one(seeding: Seeding) -> str:
    """Copy what was planned at one place; why it could not be."""
    try:
        seeding.apply()
    except errors.CopyError as exc:
        # The others are copied all the same.
        return str(exc)
    return ""


def _total(text: str, seedings: Sequence[Seeding]) -> str:
    files = 0
    size = 0
    for seeding in seedings:
        files += len(seeding.source.identities)
        size += seeding.size
    names = {seeding.dataset for seeding in seedings}
    return text.format(
        datasets=errors.count(len(names), "dataset"), files=errors.count(files, "file"), size=size_text(size)
    )


def _output(plan: SeedPlan, project: Project) -> Output:
    """Every copy that would be made, and beneath it each file."""
    columns = [Column("dataset"), Column("from"), Column("path", rank=1), Column("files", rank=2), Column("size")]
    main_name = min(project.settings.mains)
    rows = []
    data = []
    for seeding in plan.seedings:
        source = seeding.source.seed.branch_name or main_name
        location = seeding.place.ledger.branch_location
        cells = (seeding.dataset, source, project.shown(location), len(seeding.source.identities))
        paths = [seeding.place.unit_path(Side.BRANCH, unit) for unit in sorted(seeding.source.identities)]
        shown_paths = [project.shown(seeding.place.store.shown(path)) for path in paths]
        rows.append(Row((*cells, size_text(seeding.size)), [Beneath("", path) for path in shown_paths]))
        data.append(
            {
                "dataset": seeding.dataset,
                "from": source,
                "path": location,
                "files": shown_paths,
                "bytes": seeding.size,
            }
        )
    return Output(
        {
            "items": data,
            "left": plan.left,
            "refused": [str(error) for error in plan.refusals],
            "failed": plan.failed,
        },
        Table(columns, rows),
    )
