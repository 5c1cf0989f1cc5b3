"""`steel-toes promote`: how a plan is made of the options, and what is shown of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import click

from steel_toes import errors, reasons, sentences
from steel_toes.actions.abandonment import abandon
from steel_toes.actions.claims import StoredClaim, claim_of, list_claims
from steel_toes.actions.inventory import Inventory
from steel_toes.actions.merged import merged_plans
from steel_toes.actions.promote import Planner
from steel_toes.actions.promotion import PromotePlan, PromoteWish, Promotion, Unfinished, promotion_of
from steel_toes.actions.protocol import Protocol
from steel_toes.actions.validation import Check, Validate
from steel_toes.catalog.reference import find_reference
from steel_toes.cli.output import fail_if_any, is_agreed, say, say_lines
from steel_toes.cli.project import Project
from steel_toes.cli.promotions import (
    abandoned_lines,
    header_of,
    mixed_lines,
    outcome_lines,
    problems_of,
    promote_output,
    refusal_lines,
    summary_lines,
    unfinished_lines,
)
from steel_toes.records.journal import PROBES, facts_of_promotes
from steel_toes.records.record import FOLDER


def make_planner(project: Project, code: str | None) -> Planner:
    """What makes plans for this project.

    Args:
        project: with the catalog of the checkout.
        code: names the commit that main's data shall be of; None for main's own.

    Raises:
        ConfigurationError: there is no such commit.
    """
    inventory = project.inventory
    locations = inventory.policy.catalog.locations
    reference = find_reference(code, project.settings.mains, project.path, project.settings.code, locations)
    author = str(inventory.policy.author.writer)
    return Planner(inventory, reference, author, project.env, project.lineage)


def check_checkout(planner: Planner, project: Project, wish: PromoteWish) -> None:
    """Refuse a checkout of other code, whose catalog may say otherwise where main's data lies; and the branch's own.

    Raises:
        ConfigurationError: the name is none of a branch's.
        ClickException: it is on the branch, or has other code.
    """
    facts = {"dataset": "anything", "branch": wish.branch_name or "--merged"}
    # With --merged the branch that it is on is left out.
    if wish.branch_name:
        planner.check_name(wish.branch_name)
        if project.branch.name == wish.branch_name:
            raise click.ClickException(str(errors.PromoteRefusedError(reasons.PROMOTES_ITSELF, **facts)))
    reference = planner.reference
    if project.provenance.source_tree != reference.source_tree:
        paths = reference.other_files()
        more = {"ref": reference.name, "files": f" ({errors.first_names(paths)})" if paths else ""}
        raise click.ClickException(str(errors.PromoteRefusedError(reasons.ANOTHER_CATALOG, **facts, **more)))


def check_call(name: str | None, merged: bool, is_of_one: bool, is_forced: bool) -> None:
    """Refuse a call that does not say which branch.

    Raises:
        UsageError: it says none, or both a branch and all; or drops what tells that a branch was merged.
    """
    if merged and is_forced:
        raise click.UsageError(sentences.MERGED_IS_PROOF)
    # A branch, or all of them; and only of one some datasets, or what an earlier call began.
    if (name is None) != merged or (merged and is_of_one):
        raise click.UsageError(sentences.WHICH_TO_PROMOTE)


def validator_on(project: Project) -> Callable[[str], Validate] | None:
    """Gives what asks Kedro's validators on a branch; None where Kedro has none (before 1.6)."""
    try:
        from kedro.validation import validate_dataset
    except ImportError:
        return None

    # A branch that was merged is planned twice, and its data loaded once.
    @cache
    def on_branch(branch_name: str) -> Validate:
        # Made when the first dataset is checked: most plans come to none.
        catalog = cache(lambda: project.catalog_on(branch_name))
        return cache(lambda dataset: _checked(validate_dataset, catalog(), dataset))

    return on_branch


def _checked(validate_dataset: Callable[..., Any], catalog: Any, dataset: str) -> Check:
    """What Kedro's validator says of the branch copy of a dataset, which it loads."""
    # What a pattern says of it is known once it was asked for.
    catalog.get(dataset)
    spec = catalog.validator_specs.get(dataset)
    # One that is for saves alone would be passed over.
    arguments: dict[str, Any] = {}
    if spec is not None and "load" not in spec.on:
        arguments = {"on": "save", "data": catalog.get(dataset).load()}
    result = validate_dataset(catalog, dataset, **arguments)
    if result.status == "skipped":
        return Check()
    if result.status == "passed":
        return Check(sentences.CHECK_PASSED)
    text = " ".join(str(result.message or result.status).split())
    # What Kedro would only log is no reason to refuse.
    if spec is not None and spec.severity == "warn":
        return Check(sentences.CHECK_WARNED.format(why=text))
    return Check(result.status, text)


@dataclass
class Promoter:
    """One call of the command.

    Args:
        project: with the catalog of the checkout.
        planner: makes the plans.
        wish: what is asked for, of each branch.
        validate_on: gives what asks Kedro's validators on a branch; None to ask none.
        yes: whether somebody agreed to everything beforehand.
    """

    project: Project
    planner: Planner
    wish: PromoteWish
    validate_on: Callable[[str], Validate] | None
    yes: bool

    def run(self, abandons: bool, merged: bool) -> None:
        """Do it, and end with exit code 1 if anything failed."""
        if abandons:
            failures = self.abandon()
        elif merged:
            failures = self.promote_merged()
        else:
            failures = self.promote_one()
        fail_if_any(failures)

    def promote_one(self) -> list[str]:
        """Promote a branch; what failed."""
        plan = self._plan(self.wish)
        # Another process may be claiming one location after the other.
        while plan.unfinished:
            failures = self._finish(plan)
            if failures is not None:
                promote_output([plan], self.project).show()
                return failures
            # What was asked for today may be more.
            plan = self._plan(self.wish)
        say(header_of(self.planner.reference, self.wish.branch_name))
        promote_output([plan], self.project).show()
        say_lines(summary_lines(plan))
        if plan.failed:
            return list(plan.failed)
        if plan.refusals:
            say_lines([*refusal_lines(plan), sentences.NOTHING_CHANGED])
            raise SystemExit(1)
        return self._apply([plan])

    def promote_merged(self) -> list[str]:
        """Promote every branch that was merged; what failed."""
        plans, left, failures = merged_plans(self.planner, self.wish, self.validate_on)
        unfinished = []
        for plan in plans:
            if plan.unfinished:
                problems = self._finish(plan)
                if problems is not None:
                    unfinished.append(plan)
                    failures += problems
        plans = [plan for plan in plans if not plan.unfinished]
        # Each branch is planned again when it is its turn: the one before it may have changed main.
        promote_output([*unfinished, *plans], self.project).show()
        say_lines(left)
        for plan in plans:
            say(header_of(self.planner.reference, plan.rows[0].promotion.claim.branch_name))
            say_lines(summary_lines(plan))
        if not plans:
            say(sentences.NO_MERGED_BRANCH)
            return failures
        return failures + self._apply(plans)

    def abandon(self) -> list[str]:
        """Take back what was begun of a branch; what failed."""
        name = self.wish.branch_name
        self.planner.check_name(name)
        claims = list_claims(self.planner.inventory)
        # What cannot be read may be of this branch, too.
        stored = claims.own(self.planner.inventory).of_branch(name)
        if not stored:
            say(sentences.NOTHING_TO_ABANDON.format(branch=name))
            return [*claims.failures, *claims.of_others(self.planner.inventory)]
        plan = PromotePlan(unfinished=tuple(stored))
        promote_output([plan], self.project).show()
        say_lines(unfinished_lines(stored, sentences.TAKING_BACK))
        if not is_agreed(self.yes, sentences.ABANDON_THEM):
            return []
        mixed = abandon(unfinished_of(self.planner.inventory, stored))
        taken_back = list(map(claim_of, stored))
        if mixed:
            return mixed_lines(taken_back, mixed)
        say_lines(abandoned_lines(taken_back))
        return []

    def _plan(self, wish: PromoteWish) -> PromotePlan:
        validate = self.validate_on(wish.branch_name) if self.validate_on else None
        return self.planner.plan(wish, validate)

    def _finish(self, plan: PromotePlan) -> list[str] | None:
        """End what an earlier call began; None if it has ended, else what failed."""
        say_lines(unfinished_lines(plan.unfinished, sentences.FINISHING))
        if not is_agreed(self.yes, sentences.FINISH_IT):
            return []
        try:
            outcomes = self._protocol().finish(unfinished_of(self.planner.inventory, plan.unfinished))
        except errors.CopyError as exc:
            return [str(exc)]
        say_lines(outcome_lines(outcomes))
        return problems_of(outcomes) or None

    def _apply(self, plans: Sequence[PromotePlan]) -> list[str]:
        promotions = [promotion for plan in plans for promotion in plan.promotions]
        if not promotions:
            return []
        warning = probe(promotions)
        if warning:
            say_lines([warning])
        if not is_agreed(self.yes, sentences.PROMOTE_THEM):
            return []
        failures = []
        for plan in plans:
            # One that fails must not keep the others.
            failures += self._apply_one(plan) if len(plans) == 1 else self._apply_as_shown(plan)
        return failures

    def _apply_as_shown(self, shown: PromotePlan) -> list[str]:
        """Promote a branch as it was shown; planned again, since the one before it may have changed main."""
        branch_name = shown.rows[0].promotion.claim.branch_name
        plan = self._plan(replace(self.wish, branch_name=branch_name, is_named=False))
        # Two branches saved one dataset, and the first has it.
        for why in (*plan.refusals, *plan.failed):
            return [str(why)]
        if plan.record_ids != shown.record_ids:
            return [sentences.CHANGED_SINCE_SHOWN.format(branch=branch_name)]
        return self._apply_one(plan)

    def _apply_one(self, plan: PromotePlan) -> list[str]:
        try:
            outcomes = self._protocol().promote(plan.promotions)
        except errors.CopyError as exc:
            return [str(exc)]
        except KeyboardInterrupt:
            # It is as after a kill: whoever stopped it is told how it goes on.
            claims = [promotion.claim for promotion in plan.promotions]
            say_lines(sentences.IS_UNFINISHED.format(**facts) for facts in facts_of_promotes(claims))
            raise
        say_lines(outcome_lines(outcomes))
        return problems_of(outcomes)

    def _protocol(self) -> Protocol:
        inventory = self.planner.inventory
        return Protocol(inventory.policy.author.writer, inventory.look)


def unfinished_of(inventory: Inventory, claims: Iterable[StoredClaim]) -> list[Unfinished]:
    """Where all lies of promotes that have not ended.

    Raises:
        RecordError: a claim says that it lies elsewhere.
    """
    return [Unfinished(promotion_of(inventory, stored.root, stored.claim), stored.in_place) for stored in claims]


def probe(promotions: Iterable[Promotion]) -> str:
    """What somebody must know of a store that does not refuse a copy over a newer object; "" if all refuse it."""
    for promotion in promotions:
        bucket, _, _ = promotion.main_path.partition("/")
        folder = f"{bucket}/{FOLDER}/{PROBES}" if promotion.store.is_remote else promotion.root.path
        if not promotion.store.honours_copies(folder):
            return sentences.COPIES_UNCONDITIONAL
    return ""
