"""The result of each command as an `Output`, with the lines of talk that stand above and below it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from steel_toes import errors, sentences
from steel_toes.actions.adopt import Adoption
from steel_toes.actions.branches import Summary
from steel_toes.actions.plan import CleanPlan, HeldCopy
from steel_toes.actions.status import Status
from steel_toes.catalog.policy import Policy
from steel_toes.cli.output import Output, age_text, size_text
from steel_toes.cli.project import Project
from steel_toes.cli.screen import Beneath, Column, Row, Table
from steel_toes.naming.roots import ALL

_SIDES = {"branch": "green", "main": "cyan", "none": "red"}
_SAVES = {"branch": "green", "main": "yellow", "refused": "red"}
_MAINS = {"changed": "yellow", "missing": "yellow"}
_USUAL_REASONS = frozenset(
    {
        sentences.NEVER_SAVED,
        sentences.UNIT_SAVED,
        sentences.SIDE_SHARED,
        sentences.SIDE_LEFT_ALONE,
        sentences.SIDE_IN_MEMORY,
    }
)


# --- whoami -----------------------------------------------------------------------------------------------------------


def whoami_lines(facts: Mapping[str, Any]) -> list[str]:
    """The branch, and how it was found, in sentences."""
    mains = " or ".join(facts["main"])
    lines = [_branch_line(facts), sentences.WHOAMI_MAIN.format(mains=mains, source=facts["main_from"])]
    project = sentences.WHOAMI_PROJECT if facts["project"] else sentences.WHOAMI_NO_PROJECT
    lines.append(project.format(project=facts["project"], source=facts["project_from"]))
    lines += _root_lines(facts)
    if facts["read_only"]:
        lines.append(sentences.READ_ONLY_HERE.format(source=facts["read_only"]))
    elif not facts["enabled"]:
        lines.append(sentences.WHOAMI_SWITCHED_OFF)
    if facts["tried"]:
        lines.append(sentences.WHOAMI_TRIED.format(whys="; ".join(facts["tried"])))
    return lines


def _root_lines(facts: Mapping[str, Any]) -> list[str]:
    """Below which roots copies lie, or why there is no place for them."""
    roots = facts["roots"]
    if facts["why_no_roots"]:
        return [facts["why_no_roots"]]
    if not roots:
        return []
    if ALL in roots:
        return [sentences.WHOAMI_ROOT.format(root=roots[ALL])]
    lines = [sentences.WHOAMI_ROOT_OF.format(store=store, root=root) for store, root in roots.items()]
    return [*lines, sentences.WHOAMI_NO_ROOT_OF]


def _branch_line(facts: Mapping[str, Any]) -> str:
    if facts["branch"] is None:
        return sentences.READS_MAIN.format(why=facts["why"])
    if facts["is_main"]:
        return sentences.WHOAMI_IS_MAIN.format(branch=facts["branch"], source=facts["from"])
    where = _where_copies_are(facts["layout"], facts["copies"])
    return sentences.WHOAMI_BRANCH.format(branch=facts["branch"], source=facts["from"], where=where)


def _where_copies_are(layout: str, mark: str) -> str:
    text = sentences.COPIES_IN_FOLDER if layout == "prefix" else sentences.COPIES_NAMED
    return text.format(mark=mark)


# --- status -----------------------------------------------------------------------------------------------------------


def status_output(statuses: Sequence[Status], project: Project) -> Output:
    """Which side each dataset is read from, and why."""
    columns = [
        Column("dataset"),
        Column("side", styles=_SIDES),
        Column("why", rank=2, usual=_USUAL_REASONS),
        Column("saves", styles=_SAVES),
        Column("size", rank=1),
        Column("age"),
        Column("main", styles=_MAINS),
    ]
    return Output(statuses, Table(columns, [_status_row(status, project) for status in statuses]))


def _status_row(status: Status, project: Project) -> Row:
    cells = (
        status.dataset,
        status.side or "none",
        status.why,
        status.saves,
        size_text(status.bytes),
        age_text(status.modified),
        _main_text(status),
    )
    beneath = {
        "reads": project.shown(status.reads_from or ""),
        "saved at": _save_text(status),
        "saves to": project.shown(status.saves_to or ""),
    }
    # What is read is usually where a save goes.
    if status.saves_to == status.reads_from:
        del beneath["saves to"]
    return Row(cells, [Beneath(label, text) for label, text in beneath.items() if text])


def _main_text(status: Status) -> str:
    if status.main_exists is False:
        return "missing"
    if status.main_changed is None:
        return ""
    return "changed" if status.main_changed else "same"


def _save_text(status: Status) -> str:
    """The first digits of the commit, with a `+` if the code differed from it, and who saved."""
    words = []
    if status.commit:
        mark = "+" if status.dirty else ""
        words.append(f"{status.commit[:8]}{mark}")
    if status.author:
        words += ["by", status.author]
    return " ".join(words)


def aside_line(project: Project) -> str:
    """Why no table is shown, and where everything is read and saved."""
    source = project.policy.read_only
    text = sentences.STEPS_ASIDE_READ_ONLY if source else sentences.STEPS_ASIDE
    return text.format(why=project.why_aside, source=source)


def header_lines(policy: Policy) -> list[str]:
    """Which branch a table is about, what its copies are called, and whether anything is saved."""
    branch = policy.branch
    lines = []
    if branch.is_known:
        where = _where_copies_are(policy.placement.layout_name, policy.placement.mark)
        lines.append(sentences.HEADER_BRANCH.format(branch=branch.name, source=branch.source))
        lines.append(sentences.HEADER_COPIES.format(where=where))
    if policy.read_only:
        lines.append(sentences.READ_ONLY_HERE.format(source=policy.read_only))
    return lines


def status_totals(statuses: Sequence[Status]) -> str:
    """How many datasets are on which side, and how much the branch's have."""
    sides: Counter[str | None] = Counter()
    sizes: Counter[str | None] = Counter()
    for status in statuses:
        sides[status.side] += 1
        sizes[status.side] += status.bytes or 0
    total = sentences.STATUS_TOTALS.format(
        datasets=errors.count(len(statuses), "dataset"),
        branch=sides["branch"],
        size=size_text(sizes["branch"]),
        main=sides["main"],
    )
    neither = sentences.STATUS_NEITHER.format(number=sides[None]) if sides[None] else ""
    return f"{total}{neither}."


def status_legend(statuses: Sequence[Status]) -> list[str]:
    """What the words of the table mean, of those that are in it."""
    present = set()
    for status in statuses:
        present |= {("side", status.side or "none"), ("saves", status.saves), ("main", _main_text(status))}
    meanings: dict[str, list[str]] = {}
    for (title, word), meaning in sentences.LEGEND.items():
        if (title, word) in present:
            meanings.setdefault(title, []).append(meaning)
    return [f"{title}: {'; '.join(words)}." for title, words in meanings.items()]


# --- branches ---------------------------------------------------------------------------------------------------------


def branches_output(summaries: Sequence[Summary]) -> Output:
    """What each branch holds."""
    columns = [
        Column("branch"),
        Column("datasets"),
        Column("files", rank=4),
        Column("size", rank=1),
        Column("last save", rank=2),
        Column("author", rank=5),
        Column("Git says", rank=3),
    ]
    return Output(summaries, Table(columns, [_summary_row(summary) for summary in summaries]))


def _summary_row(summary: Summary) -> Row:
    git = summary.git
    if summary.why:
        git = f"{git} ({summary.why})"
    cells = (
        summary.branch,
        summary.datasets,
        summary.files,
        size_text(summary.bytes),
        age_text(summary.last_write),
        summary.author,
        git,
    )
    return Row(cells)


def branches_totals(summaries: Sequence[Summary]) -> str:
    """How many branches there are, and how much they hold."""
    datasets = 0
    sizes: list[int] = []
    for summary in summaries:
        datasets += summary.datasets
        if summary.bytes is not None:
            sizes.append(summary.bytes)
    texts = [errors.count(len(summaries), "branch", "branches"), errors.count(datasets, "dataset")]
    # Without its records nobody knows how large a copy is.
    if sizes:
        texts.append(size_text(sum(sizes)))
    return f"{', '.join(texts)}."


# --- clean ------------------------------------------------------------------------------------------------------------


def clean_output(plan: CleanPlan, project: Project) -> Output:
    """Every copy that would go, and beneath it each object and record."""
    columns = [
        Column("branch", rank=2),
        Column("dataset"),
        Column("files"),
        Column("size"),
        Column("age"),
        Column("state", rank=1),
    ]
    rows = [_copy_row(copy, project) for copy in plan.copies]
    for url, copy in plan.buckets.items():
        rows.append(Row((copy.record.branch_name, url, "", "", "", sentences.BUCKET_IF_EMPTY)))
    # The header says it once.
    if clean_header(plan):
        columns = columns[1:]
        rows = [Row(row.cells[1:], row.beneath) for row in rows]
    data = {
        "items": [_copy_data(copy) for copy in plan.copies],
        "buckets": list(plan.buckets),
        "left": plan.left,
        "failed": plan.failed,
        "young": plan.young,
    }
    return Output(data, Table(columns, rows))


def clean_header(plan: CleanPlan) -> list[str]:
    """Whose copies would go, if they are one branch's."""
    names = {copy.record.branch_name for copy in plan.copies}
    return [sentences.HEADER_OF_PLAN.format(branch=name) for name in names] if len(names) == 1 else []


def _copy_row(copy: HeldCopy, project: Project) -> Row:
    size = size_text(copy.size)
    age = age_text(copy.modified)
    cells = (copy.record.branch_name, copy.record.dataset, len(copy.objects), size, age, copy.condition)
    beneath = []
    for path, item in copy.objects.items():
        facts = [size_text(item.size), age_text(item.modified), item.condition]
        beneath.append(Beneath(", ".join(filter(None, facts)), project.shown(copy.store.shown(path))))
    records = copy.stored.root.store
    # The record goes too; of a copy that has no file any more it is all that there is.
    beneath.append(Beneath(sentences.ITS_RECORD, project.shown(records.shown(copy.stored.path))))
    if copy.stored.lock_path:
        beneath.append(Beneath(sentences.ITS_LOCK, project.shown(records.shown(copy.stored.lock_path))))
    return Row(cells, beneath)


def _copy_data(copy: HeldCopy) -> dict[str, Any]:
    records = copy.stored.root.store
    lock_path = copy.stored.lock_path
    return {
        "branch": copy.record.branch_name,
        "dataset": copy.record.dataset,
        "state": copy.record.state,
        "condition": copy.condition,
        "record": records.shown(copy.stored.path),
        "lock": records.shown(lock_path) if lock_path else None,
        "modified": copy.stored.modified,
        "objects": [
            {"path": copy.store.shown(path), "bytes": item.size, "modified": item.modified}
            for path, item in copy.objects.items()
        ],
    }


def clean_summary(plan: CleanPlan, names: Sequence[str], stale: bool) -> list[str]:
    """What is left alone, which named branches have nothing here, and how much would go."""
    lines = list(plan.left)
    # A misspelled name must not look like a branch that was cleaned.
    branch_names = {copy.record.branch_name for copy in plan.copies}
    absent_names = sorted(set(names) - branch_names)
    lines += [sentences.NOTHING_OF_BRANCH.format(branch=name) for name in absent_names]
    lines += [_young_text(name, due) for name, due in plan.young.items()]
    if plan.copies:
        lines.append(_total_text(plan))
    elif plan.failed:
        # Why nothing is removed follows.
        return lines
    elif stale:
        lines.append(sentences.NO_STALE_BRANCH)
    elif not names:
        lines.append(sentences.NO_OLD_BRANCH)
    return lines


def _young_text(name: str, due: datetime) -> str:
    return sentences.TOO_YOUNG.format(branch=name, date=due.astimezone().strftime("%Y-%m-%d %H:%M %Z"))


def _total_text(plan: CleanPlan) -> str:
    """How much a plan has."""
    number = 0
    size = 0
    locks = 0
    hint = "" if click.get_current_context().meta["paths"] else sentences.PATHS_LIST_THEM
    for copy in plan.copies:
        number += len(copy.objects)
        size += copy.size
        locks += copy.stored.lock_path is not None
    return sentences.CLEAN_TOTAL.format(
        copies=copies_text(plan),
        files=errors.count(number, "file"),
        size=size_text(size),
        records=errors.count(len(plan.copies), "record"),
        locks=errors.count(locks, "lock"),
        hint=hint,
    ).rstrip()


def copies_text(plan: CleanPlan) -> str:
    """How many branch copies a plan has."""
    return errors.count(len(plan.copies), "branch copy", "branch copies")


# --- adopt ------------------------------------------------------------------------------------------------------------


def adopt_output(adoptions: Sequence[Adoption], project: Project) -> Output:
    """Every file that would be recorded."""
    data = []
    rows = []
    for adoption in adoptions:
        dataset = adoption.place.ledger.dataset
        beneath = []
        conditions = set()
        for unit, source in adoption.sources.items():
            path = adoption.place.store.shown(source)
            condition = adoption.conditions.get(unit, "")
            data.append({"dataset": dataset, "path": path, "condition": condition})
            conditions.add(condition)
            beneath.append(Beneath(condition, project.shown(path)))
        state = ", ".join(sorted(filter(None, conditions)))
        rows.append(Row((dataset, len(adoption.sources), state), beneath))
    return Output(data, Table([Column("dataset"), Column("files"), Column("state", rank=1)], rows))
