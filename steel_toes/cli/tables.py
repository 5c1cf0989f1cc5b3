"""The result of each command as an `Output`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steel_toes import errors, sentences
from steel_toes.actions.adopt import Adoption
from steel_toes.actions.branches import Summary
from steel_toes.actions.plan import CleanPlan, HeldCopy
from steel_toes.actions.status import Status
from steel_toes.cli.output import Output, Table, age_text, size_text
from steel_toes.cli.project import Project


def whoami_output(facts: Mapping[str, Any]) -> Output:
    """The branch, and how it was found; facts that say nothing have no row."""
    rows = []
    for name, value in facts.items():
        text = _fact_text(value)
        if text:
            rows.append((name, text))
    return Output(facts, Table(["", ""], rows))


def _fact_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (tuple, list)):
        return "\n".join(value)
    return str(value or "")


def status_output(statuses: Sequence[Status], project: Project) -> Output:
    """Which side each dataset is read from, and why."""
    columns = ["dataset", "side", "why", "a save goes to", "size", "age", "commit", "author", "main"]
    return Output(statuses, Table(columns, [_status_row(status, project) for status in statuses]))


_MAIN_TEXTS = {True: "changed", False: "same", None: None}


def _status_row(status: Status, project: Project) -> Sequence[Any]:
    return (
        status.dataset,
        status.side or "none",
        status.why,
        project.shown(status.saves_to or "refused"),
        size_text(status.bytes),
        age_text(status.modified),
        _commit_text(status),
        status.author,
        _MAIN_TEXTS[status.main_changed],
    )


def _commit_text(status: Status) -> str:
    """The first digits of the commit, with a `+` if the code differed from it."""
    if status.commit is None:
        return ""
    commit = status.commit[:8]
    return f"{commit}+" if status.dirty else commit


def branches_output(summaries: Sequence[Summary]) -> Output:
    """What each branch holds."""
    columns = ["branch", "datasets", "files", "size", "last save", "author", "Git says"]
    return Output(summaries, Table(columns, [_summary_row(summary) for summary in summaries]))


def _summary_row(summary: Summary) -> Sequence[Any]:
    git = summary.git
    if summary.why:
        git = f"{git} ({summary.why})"
    return (
        summary.branch,
        summary.datasets,
        summary.files,
        size_text(summary.bytes),
        age_text(summary.last_write),
        summary.author,
        git,
    )


def clean_output(plan: CleanPlan, project: Project) -> Output:
    """Every object and record that would go."""
    columns = ["branch", "dataset", "path", "size", "age", "state"]
    rows: list[Sequence[Any]] = []
    for copy in plan.copies:
        for path, item in copy.objects.items():
            rows.append(_clean_row(copy, project.shown(copy.store.shown(path)), item.size, item.condition))
        # The record is a row of its own, since it goes too.
        rows.append(_clean_row(copy, project.shown(copy.stored.path), None, _record_text(copy)))
        if copy.stored.lock_path:
            rows.append(_clean_row(copy, project.shown(copy.stored.lock_path), None, "its lock"))
    for url, copy in plan.buckets.items():
        rows.append((copy.record.branch_name, "", url, "", "", "its bucket, if empty"))
    data = {
        "items": [_copy_data(copy) for copy in plan.copies],
        "buckets": list(plan.buckets),
        "left": plan.left,
        "failed": plan.failed,
    }
    return Output(data, Table(columns, rows))


def _record_text(copy: HeldCopy) -> str:
    """What a record is in a plan. Of a copy that has no file any more it is all that there is."""
    if copy.objects or not copy.condition:
        return "its record"
    return f"its record; the copy is {copy.condition}"


def _clean_row(copy: HeldCopy, path: str, size: int | None, state: str) -> Sequence[Any]:
    age = age_text(copy.stored.modified)
    return (copy.record.branch_name, copy.record.dataset, path, size_text(size), age, state)


def _copy_data(copy: HeldCopy) -> dict[str, Any]:
    return {
        "branch": copy.record.branch_name,
        "dataset": copy.record.dataset,
        "state": copy.record.state,
        "condition": copy.condition,
        "record": copy.stored.path,
        "lock": copy.stored.lock_path,
        "modified": copy.stored.modified,
        "objects": [{"path": copy.store.shown(path), "bytes": item.size} for path, item in copy.objects.items()],
    }


def clean_summary(plan: CleanPlan, names: Sequence[str], stale: bool) -> list[str]:
    """What is left alone, which named branches have nothing here, and how much would go."""
    lines = list(plan.left)
    # A misspelled name must not look like a branch that was cleaned.
    branch_names = {copy.record.branch_name for copy in plan.copies}
    absent_names = sorted(set(names) - branch_names)
    lines += [sentences.NOTHING_OF_BRANCH.format(branch=name) for name in absent_names]
    if plan.copies:
        lines.append(_total_text(plan))
    elif stale:
        lines.append(sentences.NO_STALE_BRANCH)
    elif not names:
        lines.append(sentences.NO_OLD_BRANCH)
    return lines


def _total_text(plan: CleanPlan) -> str:
    """How much a plan has: `2 branch copies, 4 files, 1.0 MB`."""
    number = 0
    size = 0
    for copy in plan.copies:
        number += len(copy.objects)
        size += sum(item.size for item in copy.objects.values())
    return f"{copies_text(plan)}, {errors.count(number, 'file')}, {size_text(size)}"


def copies_text(plan: CleanPlan) -> str:
    """How many branch copies a plan has."""
    return errors.count(len(plan.copies), "branch copy", "branch copies")


def adopt_output(adoptions: Sequence[Adoption], project: Project) -> Output:
    """Every file that would be recorded."""
    data = []
    rows = []
    for adoption in adoptions:
        dataset = adoption.place.ledger.dataset
        for unit, source in adoption.sources.items():
            path = adoption.place.store.shown(source)
            condition = adoption.conditions.get(unit, "")
            data.append({"dataset": dataset, "path": path, "condition": condition})
            rows.append((dataset, project.shown(path), condition))
    return Output(data, Table(["dataset", "path", "state"], rows))
