"""What `steel-toes promote` shows: the plan, why nothing is done, and what was."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Collection, Sequence
from operator import itemgetter
from typing import Any

from steel_toes import errors, sentences
from steel_toes.actions.claims import StoredClaim, claim_of, list_audits, list_claims
from steel_toes.actions.inventory import Inventory
from steel_toes.actions.promotion import PromotePlan, Row
from steel_toes.actions.protocol import Outcome
from steel_toes.catalog.reference import Reference
from steel_toes.checkout.proof import CodeVerdict
from steel_toes.cli.output import Output, age_text, fail_if_any, say, say_lines, size_text
from steel_toes.cli.project import Project
from steel_toes.cli.screen import Beneath, Column, Table
from steel_toes.cli.screen import Row as TableRow
from steel_toes.records.journal import Claim, Goal, facts_of_promotes

_MAINS = {"as when begun": "green", "none": "green"}
_CODES = {"same": "green", "contained": "green", "main's own": "green"}


def header_of(reference: Reference, branch_name: str) -> str:
    """Which branch becomes main's, by which commit."""
    return sentences.PROMOTE_HEADER.format(branch=branch_name, ref=reference.name, commit=reference.commit[:8])


def unfinished_lines(claims: Collection[StoredClaim], text: str) -> list[str]:
    """Which promotes have not ended, in these words."""
    return [text.format(**facts) for facts in facts_of_promotes(map(claim_of, claims))]


def abandoned_lines(claims: Collection[Claim]) -> list[str]:
    """What was taken back, and what becomes of what was kept of main's."""
    promoted = [claim.dataset for claim in claims if claim.state == "promoted"]
    if promoted:
        # What was kept is needed to take these back.
        (branch,) = {claim.branch_name for claim in claims}
        quoted = shlex.quote(branch)
        names = ", ".join(promoted)
        return [sentences.ABANDONED_BUT.format(names=names, branch=quoted)]
    lines = [sentences.ABANDONED]
    for undo in _undos_of(claims):
        quoted = shlex.quote(undo)
        lines.append(sentences.KEPT_IS_LEFT.format(undo=quoted))
    return lines


def mixed_lines(claims: Collection[Claim], paths: Collection[str]) -> list[str]:
    """What of main's could not be put back, and where what main had of it is."""
    lines = [sentences.ABANDONED_MIXED.format(objects=errors.count(len(paths), "object")), *paths]
    for undo in _undos_of(claims):
        text = sentences.MIXED_IS_KEPT.format(undo=undo)
        lines.append(text)
    return lines


def _undos_of(claims: Collection[Claim]) -> list[str]:
    return sorted({claim.undo for claim in claims} - {""})


def say_unfinished(inventory: Inventory) -> None:
    """Say which promotes have not ended: main may have a part of what a branch had."""
    claims = list_claims(inventory)
    stored = claims.own(inventory).stored
    lines = unfinished_lines(stored, sentences.IS_UNFINISHED)
    # A claim that cannot be read may say anything.
    say_lines([*lines, *claims.of_others(inventory), *claims.failures])


def show_audits(inventory: Inventory) -> None:
    """Show which promotes have ended, the last one first."""
    audits, failures = list_audits(inventory).own(inventory)
    claims = sorted(map(claim_of, audits), key=lambda claim: claim.time, reverse=True)
    columns = [
        Column("branch"),
        Column("dataset"),
        Column("objects", rank=4),
        Column("promoted", rank=1),
        Column("by", rank=3),
        Column("commit", rank=5),
        Column("undo branch"),
        Column("taken back", rank=2),
    ]
    undone = {claim.branch_name: claim.shown_time for claim in claims}
    rows = []
    for claim in claims:
        facts = (claim.shown_time, claim.author, claim.ref[:8], claim.undo, undone.get(claim.undo, ""))
        rows.append(TableRow((claim.branch_name, claim.dataset, len(claim.goals), *facts)))
    Output([claim_data(claim) for claim in claims], Table(columns, rows)).show()
    if not claims and not failures:
        say(sentences.NOTHING_WAS_PROMOTED)
    fail_if_any(failures)


def promote_output(plans: Sequence[PromotePlan], project: Project) -> Output:
    """Every dataset that becomes main's, and beneath it each object."""
    columns = [
        Column("branch"),
        Column("dataset"),
        Column("files", rank=2),
        Column("size", rank=1),
        Column("what"),
        Column("main", styles=_MAINS),
        Column("code", styles=_CODES),
        Column("checked"),
    ]
    rows: list[Row] = []
    for plan in plans:
        rows += plan.rows
    # The header says the branch once, and most catalogs have no validators.
    is_left_out = {"branch": len(plans) < 2, "checked": not any(row.checked for row in rows)}
    indices = []
    for index, column in enumerate(columns):
        if not is_left_out.get(column.title):
            indices.append(index)
    chosen = itemgetter(*indices)
    table_rows = []
    for row in rows:
        cells = chosen(_cells(row))
        table_rows.append(TableRow(cells, _beneath(row, project)))
    return Output(_data(plans), Table(list(chosen(columns)), table_rows))


def _data(plans: Sequence[PromotePlan]) -> dict[str, Any]:
    data: dict[str, list[Any]] = {"items": [], "unfinished": [], "left": [], "failed": [], "warnings": []}
    for plan in plans:
        data["items"] += map(_row_data, plan.rows)
        data["unfinished"] += [claim_data(stored.claim) for stored in plan.unfinished]
        data["left"] += plan.left
        data["failed"] += plan.failed
        data["warnings"] += plan.warnings
    return data


def _cells(row: Row) -> list[Any]:
    claim = row.promotion.claim
    return [
        claim.branch_name,
        claim.dataset,
        len(claim.puts),
        size_text(row.size),
        _what_text(row),
        _main_text(row),
        _code_text(row),
        row.checked,
    ]


def _beneath(row: Row, project: Project) -> list[Beneath]:
    """Each object, and what becomes of it."""
    promotion = row.promotion
    beneath = []
    for goal in promotion.claim.goals:
        label = f"{_verb(goal)}, {size_text(goal.size)}"
        path = promotion.store.shown(promotion.main_of(goal))
        beneath.append(Beneath(label, project.shown(path)))
    for name in row.left:
        beneath.append(Beneath(sentences.LEFT_IN_MAIN, name))
    return beneath


def _verb(goal: Goal) -> str:
    if goal.source is None:
        return "remove"
    return "add" if goal.expects is None else "replace"


def _what_text(row: Row) -> str:
    """What happens to how many of main's objects."""
    claim = row.promotion.claim
    if claim.kind == "versioned":
        return _versions_text(row)
    counts = Counter(map(_verb, claim.goals))
    # Of nearly every dataset it is one file.
    if len(claim.goals) == 1:
        return next(iter(counts))
    return ", ".join(f"{verb} {number}" for verb, number in counts.items())


def _versions_text(row: Row) -> str:
    claim = row.promotion.claim
    numbers = {
        "add": len({goal.unit for goal in claim.puts}),
        "remove": len({goal.unit for goal in claim.removals}),
        "main has": len(row.skipped),
    }
    parts = []
    for verb, number in numbers.items():
        if number:
            parts.append(f"{verb} {errors.count(number, 'version')}")
    return ", ".join(parts)


def _main_text(row: Row) -> str:
    # Neither now nor when the copy was begun.
    if row.main_is_changed is None:
        return "none"
    if not row.main_is_changed:
        return "as when begun"
    return f"CHANGED {age_text(row.main_modified)}".rstrip()


def _code_text(row: Row) -> str:
    if row.code is None:
        return "main's own"
    if row.code is CodeVerdict.OTHER and row.other_files:
        return f"other: {errors.count(row.other_files, 'file')}"
    return row.code.value


def _row_data(row: Row) -> dict[str, Any]:
    promotion = row.promotion
    claim = promotion.claim
    return {
        "branch": claim.branch_name,
        "dataset": claim.dataset,
        "record": promotion.root.store.shown(promotion.record_path),
        "code": row.code.value if row.code else None,
        "main_changed": row.main_is_changed,
        "checked": row.checked,
        "refusals": list(map(str, row.refusals)),
        "skipped": row.skipped,
        "left": row.left,
        "objects": [
            {"path": promotion.store.shown(promotion.main_of(goal)), "what": _verb(goal), "bytes": goal.size}
            for goal in claim.goals
        ],
    }


def claim_data(claim: Claim) -> dict[str, Any]:
    """What a claim, or an audit, is to a script."""
    return {
        "branch": claim.branch_name,
        "dataset": claim.dataset,
        "time": claim.time,
        "by": claim.author,
        "commit": claim.ref,
        "state": claim.state,
        "undo": claim.undo,
        "forced": claim.forced,
        "checked": claim.checked,
    }


def summary_lines(plan: PromotePlan) -> list[str]:
    """How much goes to main, and what is kept of it; or why nothing does."""
    lines = [*plan.left, *plan.warnings]
    if not plan.rows:
        return lines + _nothing_lines(plan)
    puts: list[Goal] = []
    replaced: list[Goal] = []
    for row in plan.rows:
        puts += row.promotion.claim.puts
        replaced += row.promotion.claim.replaced
    size = size_text(sum(goal.size for goal in puts))
    has_code = any(row.code for row in plan.rows)
    if has_code:
        lines.append(sentences.CODE_LEGEND)
    lines.append(sentences.PROMOTE_TOTAL.format(objects=errors.count(len(puts), "object"), size=size))
    # Of what main does not have nothing is kept.
    if replaced:
        undo = plan.rows[0].promotion.claim.undo
        text = sentences.MAIN_IS_KEPT if undo else sentences.MAIN_IS_NOT_KEPT
        lines.append(text.format(objects=errors.count(len(replaced), "object")))
    return lines


def _nothing_lines(plan: PromotePlan) -> list[str]:
    if plan.failed:
        return []
    if plan.audits:
        last = max(plan.audits, key=lambda claim: claim.time)
        lines = [sentences.WAS_PROMOTED.format(time=last.shown_time, author=last.author)]
        # Without a branch of what it replaced, nobody can have it again.
        for claim in [claim for claim in plan.undone if claim.undo][-1:]:
            facts = {"time": claim.shown_time, "author": claim.author, "undo": shlex.quote(claim.undo)}
            lines.append(sentences.WAS_TAKEN_BACK.format(**facts))
        return lines
    return [sentences.NOTHING_TO_PROMOTE]


def refusal_lines(plan: PromotePlan) -> list[str]:
    """Why nothing is done, with the way on without what is refused."""
    if not plan.refusals:
        return []
    names: dict[tuple[str, str], list[str]] = {}
    # By reason, in the order in which they come.
    for error in plan.refusals:
        # Many are refused for one reason.
        names.setdefault((error.facts["why"], error.facts["remedy"]), []).append(error.facts["dataset"])
    lines = []
    for (why, remedy), datasets in names.items():
        lines.append(sentences.REFUSED.format(names=", ".join(datasets), why=why, remedy=remedy))
    others = [row.promotion.claim.dataset for row in plan.rows if not row.refusals]
    if others:
        branch = shlex.quote(plan.rows[0].promotion.claim.branch_name)
        lines.append(sentences.PROMOTE_THE_OTHERS.format(branch=branch, names=shlex.join(others)))
    return lines


def outcome_lines(outcomes: Sequence[Outcome]) -> list[str]:
    """What was done, and how it is taken back."""
    objects = sum(len(outcome.promotion.claim.goals) for outcome in outcomes)
    datasets = errors.count(len(outcomes), "dataset")
    lines = [sentences.PROMOTED.format(datasets=datasets, objects=errors.count(objects, "object"))]
    undos = sorted({outcome.promotion.claim.undo for outcome in outcomes} - {""})
    lines += [sentences.TO_TAKE_IT_BACK.format(undo=shlex.quote(undo)) for undo in undos]
    return lines


def problems_of(outcomes: Sequence[Outcome]) -> list[str]:
    """Which branch copies stayed, and why."""
    return [f"{outcome.promotion.record_path}: {outcome.problem}" for outcome in outcomes if outcome.problem]
