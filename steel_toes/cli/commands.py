"""The commands: parse, call, show.

`steel-toes` is the group; `kedro steel-toes` is the same one, in the group that Kedro asks plugins for.
"""

from __future__ import annotations

import logging
import re
import shlex
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from steel_toes.cli.options import project_options
from steel_toes.cli.output import (
    fail_if_any,
    failure_of,
    is_agreed,
    output_options,
    paths_option,
    print_data,
    say,
    say_lines,
    show_lines,
    with_near,
    with_progress,
)

if TYPE_CHECKING:
    from steel_toes.actions.adopt import Adoption
    from steel_toes.cli.project import Project

_HOURS = {"h": 1, "d": 24, "w": 168}
_MOST_HOURS = 24 * 365 * 1000


class _Group(click.Group):
    """Keeps stdout for data, and turns our errors into click's."""

    def invoke(self, ctx: click.Context) -> Any:
        from kedro.io import DatasetError

        from steel_toes.errors import SteelToesError
        from steel_toes.redaction import shown

        # `output.stdout` looks for it here.
        ctx.obj = sys.stdout
        disabled_level = logging.root.manager.disable
        logging.disable(logging.INFO)  # of Kedro, which logs how it loads a project
        try:
            # Whatever else a project logs or prints when it is loaded is talk.
            with _without_deprecations(), redirect_stdout(sys.stderr):
                return super().invoke(ctx)
        except (SteelToesError, DatasetError) as exc:
            # An error about an option is wrong usage: exit code 2.
            setting = str(getattr(exc, "setting", ""))
            is_usage = setting.startswith("--") or setting == "DATASETS"
            error = click.UsageError if is_usage else click.ClickException
            raise error(shown(str(exc))) from exc
        except click.ClickException as exc:
            exc.message = shown(exc.message)  # type: ignore[misc]  # there is no other way to keep its kind
            raise
        finally:
            logging.disable(disabled_level)


@contextmanager
def _without_deprecations() -> Iterator[None]:
    """Leave out what Kedro and OmegaConf warn of themselves: it is no affair of whoever calls a command."""
    # It adds filters of its own when it is imported, and the last one counts.
    import kedro  # noqa: F401

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(kedro|omegaconf)(\.|$)")
        yield


@click.group(name="Steel-toes")
def commands() -> None:
    """What Kedro asks plugins for: a group of commands of a project."""


@commands.group(cls=_Group, name="steel-toes", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="steel-toes")
def group() -> None:
    """See what each Git branch's data is, and clean it up.

    Exit codes: 0: done, or nothing to do; 1: something failed, and the message says what; 2: wrong usage.
    """


def _to_age(_: click.Context, __: click.Parameter, value: str | None) -> timedelta | None:
    if value is None:
        return None
    match = re.fullmatch(r"(\d+)([hdw])", value)
    if not match:
        from steel_toes.sentences import NOT_AN_AGE

        raise click.BadParameter(NOT_AN_AGE.format(value=value))
    hours = int(match[1]) * _HOURS[match[2]]
    # Older than any branch: more hours than a date can be away.
    return timedelta(hours=min(hours, _MOST_HOURS))


@group.command()
@click.option("--export", is_flag=True, help="Print the variables that give a process without Git the same identity.")
@project_options
@output_options
def whoami(export: bool) -> None:
    """Tell which branch this is, and how that was decided.

    Example: eval "$(steel-toes whoami --export)"
    """
    from steel_toes.cli.project import Project
    from steel_toes.cli.tables import whoami_lines

    project = Project()
    if export:
        _print_variables(project)
        return
    branch = project.branch
    mains = sorted(project.settings.mains)
    facts = {
        "branch": branch.name,
        "slug": branch.slug,
        "from": branch.source,
        "why": branch.why,
        "tried": branch.tried,
        "is_main": branch.is_main,
        "main": mains,
        "project": project.policy.project,
        "enabled": project.is_enabled,
        "main_from": project.settings.main_source,
        "project_from": project.settings.project_source,
        "layout": project.policy.placement.layout_name,
        **_roots_of(project),
        "read_only": project.policy.read_only or None,
    }
    # On stderr, before the table on stdout.
    _warn_of_another_main(project, mains)
    show_lines(facts, whoami_lines(facts))


def _roots_of(project: Project) -> dict[str, Any]:
    """Where copies lie, or why there is no place for them: that is no reason to tell nothing."""
    from steel_toes.errors import ConfigurationError

    placement = project.policy.placement
    facts: dict[str, Any] = {"copies": None, "roots": {}, "why_no_roots": ""}
    try:
        facts.update(copies=placement.mark, roots=placement.roots)
    except ConfigurationError as exc:
        facts["why_no_roots"] = str(exc)
    return facts


def _print_variables(project: Project) -> None:
    from steel_toes.checkout.identity import as_variables
    from steel_toes.sentences import BRANCH_UNKNOWN

    if not project.branch.name:
        raise click.ClickException(BRANCH_UNKNOWN.format(why=project.branch.why))
    # Quoted: Git allows `$(...)` in a branch's name.
    variables = as_variables(project.branch.name, project.settings.mains, project.identity, project.provenance)
    if project.policy.read_only:
        variables["STEEL_TOES_READ_ONLY"] = "true"
    for name, value in variables.items():
        print_data(f"export {name}={shlex.quote(value)}")


def _warn_of_another_main(project: Project, mains: list[str]) -> None:
    """Warn if the remote's HEAD is another branch: main is never sought there, so that every machine agrees."""
    from steel_toes.checkout.git import read_heads
    from steel_toes.sentences import OTHER_MAIN

    default = read_heads(project.path, project.policy.project).default
    if default and default not in mains:
        say(OTHER_MAIN.format(default=default, main=" and ".join(mains)))


@group.command()
@click.argument("datasets", nargs=-1)
@click.option("--pipeline", help="Only the datasets of this pipeline.")
@paths_option
@project_options
@output_options
def status(datasets: tuple[str, ...], pipeline: str | None) -> None:
    """Show which side each dataset is read from and why, and where a save goes.

    Example: steel-toes status --pipeline reporting
    """
    from steel_toes import errors, sentences
    from steel_toes.actions.status import statuses
    from steel_toes.cli.project import Project
    from steel_toes.cli.promotions import say_unfinished
    from steel_toes.cli.tables import aside_line, header_lines, status_legend, status_output, status_totals

    project = Project(datasets, follows_records=True)
    say_unfinished(project.inventory)
    if project.why_aside:
        say(aside_line(project))
        status_output([], project).show()
        return
    if not project.branch.is_known:
        say(sentences.READS_MAIN.format(why=project.branch.why))
    configs = project.entries(pipeline, datasets)
    answers = statuses(project.catalog, project.inventory, configs, project.outputs)
    rows = with_progress(answers, len(configs))
    if not rows:
        say(sentences.EMPTY_CATALOG)
        status_output(rows, project).show()
        return
    say_lines([*header_lines(project.policy), status_totals(rows)])
    status_output(rows, project).show()
    say_lines(status_legend(rows))
    # Rows without a place to save to are entries that could not be built, or whose record cannot be read.
    if any(row.side is None and row.saves_to for row in rows):
        say(errors.sentence(sentences.WAYS_OUT, branch=project.branch.name))
    # A script must not take the silence of all stores for an answer.
    if all(row.has_failed for row in rows):
        raise SystemExit(1)


@group.command()
@click.option("--orphans", is_flag=True, help="Only those that no checkout and no remote has.")
@click.option("--promoted", is_flag=True, help="What was promoted, when and by whom, instead.")
@click.option("--sizes/--no-sizes", default=None, help="Read every record, for files and bytes. Default: up to 1,000.")
@project_options
@output_options
def branches(orphans: bool, promoted: bool, sizes: bool | None) -> None:
    """List every branch that has data in this catalog's stores.

    Example: steel-toes branches --json
    """
    from steel_toes.actions.branches import only_orphans, summarise
    from steel_toes.cli.project import Project
    from steel_toes.cli.promotions import say_unfinished, show_audits
    from steel_toes.cli.tables import branches_output, branches_totals
    from steel_toes.sentences import NO_BRANCHES, NO_ORPHANS

    inventory = Project(needs_hook=False).inventory
    say_unfinished(inventory)
    if promoted:
        show_audits(inventory)
        return
    summaries = summarise(inventory, sizes)
    if orphans:
        summaries = only_orphans(summaries, inventory)
    branches_output(summaries.rows).show()
    for why in summaries.left:
        say(why)
    if summaries.rows:
        say(branches_totals(summaries.rows))
    elif not summaries.failures:
        say(NO_ORPHANS if orphans else NO_BRANCHES)
    fail_if_any(summaries.failures)


@group.command()
@click.argument("datasets", nargs=-1)
@click.option("--branch", "names", multiple=True, help="A branch, by its full name. May be given several times.")
@click.option("--stale", is_flag=True, help="All branches that are gone from the remote and from here.")
@click.option(
    "--grace", callback=_to_age, default="7d", show_default=True, help="With --stale: the last save is older."
)
@click.option("--older-than", "older", callback=_to_age, help="All branches whose last save is older, say 14d.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@paths_option
@project_options
@output_options
def clean(
    datasets: tuple[str, ...], names: tuple[str, ...], stale: bool, grace: timedelta, older: timedelta | None, yes: bool
) -> None:
    """Remove branch copies, after showing what would go. Main's copies are never removed.

    Example: steel-toes clean --branch feature/x --yes
    """
    from steel_toes import sentences
    from steel_toes.actions.clean import Wish, make_plan, unknown_datasets
    from steel_toes.actions.removal import apply
    from steel_toes.cli.project import Project
    from steel_toes.cli.tables import clean_header, clean_output, clean_summary, copies_text

    is_by_age = stale or older is not None
    # Neither or both: nobody must guess what is meant where data is deleted.
    if bool(names) == is_by_age:
        raise click.UsageError(sentences.WHICH_BRANCHES)
    project = Project(datasets, needs_hook=False)
    project.check_may_write("clean")
    wish = Wish(names, datasets, stale=stale, age=_least_age(stale, grace, older))
    plan = make_plan(project.inventory, wish)
    unknown = unknown_datasets(project.inventory, wish, plan)
    if unknown:
        raise click.UsageError(sentences.OF_NO_RECORD.format(names=with_near(unknown, project.inventory.explicit)))
    say_lines(clean_header(plan))
    clean_output(plan, project).show()
    say_lines(clean_summary(plan, names, stale))
    failures = list(plan.failed)
    if plan.copies and is_agreed(yes, sentences.REMOVE_THEM):
        removals = with_progress(apply(plan), len(plan.copies))
        problems = [f"{removal.copy.stored.path}: {removal.problem}" for removal in removals if removal.problem]
        say(sentences.REMOVED.format(number=len(removals) - len(problems), copies=copies_text(plan)))
        failures += problems
    fail_if_any(failures)


def _least_age(stale: bool, grace: timedelta, older: timedelta | None) -> timedelta:
    """How long ago the last save of a branch must be: `--stale` together with `--older-than` means both."""
    ages = [timedelta(0)]
    if stale:
        ages.append(grace)
    if older is not None:
        ages.append(older)
    return max(ages)


@group.command()
@click.argument("subjects", metavar="[DATASET|PATH]...", nargs=-1)
@click.option("--branch", help="The branch whose data it is, if it is not the current one.")
@click.option(
    "--from-0.5", "legacy", is_flag=True, help="The branch's files of steel-toes 0.5 (x_BRANCH.csv): copy them."
)
@click.option("--yes", is_flag=True, help="Do it without asking.")
@paths_option
@project_options
@output_options
def adopt(subjects: tuple[str, ...], branch: str | None, legacy: bool, yes: bool) -> None:
    """Record files that were put at branch copies' places, so that the branch reads them.

    Example: steel-toes adopt companies reviews --yes
    """
    from steel_toes import errors, sentences
    from steel_toes.cli.project import Project
    from steel_toes.cli.tables import adopt_output

    # One or the other, as in `clean`.
    if bool(subjects) == legacy:
        raise click.UsageError(sentences.WHAT_TO_ADOPT)
    project = Project(subjects, branch)
    project.check_may_write("adopt")
    project.check_has_copies()
    adoptions = _plan_adoptions(project, subjects)
    adopt_output(adoptions, project).show()
    name = project.branch.name
    if not adoptions:
        say(sentences.NO_LEGACY_FILES.format(branch=name) if legacy else sentences.RECORDED_ALREADY)
    elif is_agreed(yes, sentences.RECORD_THEM.format(branch=name)):
        failures = [failure_of(adoption.apply) for adoption in adoptions]
        number = 0
        for adoption, failure in zip(adoptions, failures, strict=True):
            number += 0 if failure else len(adoption.sources)
        say(sentences.RECORDED.format(branch=name, files=errors.count(number, "file")))
        fail_if_any(list(filter(None, failures)))


@group.command()
@click.argument("datasets", nargs=-1)
@click.option("--branch", "name", help="The branch, by its full name.")
@click.option("--merged", is_flag=True, help="Every branch that was merged.")
@click.option("--code", metavar="REF", help="The commit that has main's code. Default: origin's main.")
@click.option("--strict", is_flag=True, help="All code files must be as they were, not only those of the branch.")
@click.option(
    "--force",
    "forced",
    multiple=True,
    type=click.Choice(["main", "code"]),
    help="Whatever main has by now; whatever code made the data.",
)
@click.option("--keep", is_flag=True, help="The branch copies stay.")
@click.option("--no-undo", is_flag=True, help="What main has is not kept, and cannot be taken back.")
@click.option("--no-check", is_flag=True, help="Kedro's validators are not asked.")
@click.option("--abandon", is_flag=True, help="Take back a promote that has not ended.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@paths_option
@project_options
@output_options
def promote(
    datasets: tuple[str, ...],
    name: str | None,
    merged: bool,
    code: str | None,
    strict: bool,
    forced: tuple[str, ...],
    keep: bool,
    no_undo: bool,
    no_check: bool,
    abandon: bool,
    yes: bool,
) -> None:
    """Make a merged branch's data main's, after showing what would change.

    Example: steel-toes promote --branch feature/x --yes
    """
    from steel_toes.actions.promotion import PromoteWish
    from steel_toes.cli.project import Project
    from steel_toes.cli.promote import Promoter, check_call, check_checkout, make_planner, validator_on

    check_call(name, merged, bool(datasets) or abandon, bool(forced))
    project = Project(datasets)
    project.check_may_write("promote")
    wish = PromoteWish(name or "", datasets, frozenset(forced), strict, keep, not no_undo)
    planner = make_planner(project, code)
    # What a claim says was proved when it was planned: to take it back no code is needed.
    if not abandon:
        check_checkout(planner, project, wish)
    promoter = Promoter(project, planner, wish, None if no_check else validator_on(project), yes)
    promoter.run(abandon, merged)


@group.command()
@click.argument("datasets", nargs=-1)
@click.option("--from", "source", metavar="BRANCH", help="The branch to begin from. Default: main's data of now.")
@click.option("--again", is_flag=True, help="Replace copies that this branch has already.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@paths_option
@project_options
@output_options
def seed(datasets: tuple[str, ...], source: str | None, again: bool, yes: bool) -> None:
    """Let this branch's copies begin as another branch's, or as main's of now, after showing which.

    Example: steel-toes seed --from feature/1 --yes
    """
    from steel_toes.actions.seed import SeedWish
    from steel_toes.cli.project import Project
    from steel_toes.cli.seed import run_seed
    from steel_toes.sentences import WHAT_TO_SEED

    if source is None and not datasets:
        raise click.UsageError(WHAT_TO_SEED)
    project = Project(datasets)
    project.check_may_write("seed")
    project.check_has_copies()
    run_seed(project, SeedWish(source, datasets, again), yes)


def _plan_adoptions(project: Project, subjects: Sequence[str]) -> list[Adoption]:
    """What `adopt` would record: of some subjects, or without one what steel-toes 0.5 left."""
    from steel_toes.actions import adopt, legacy

    entries = project.entries()
    if subjects:
        return adopt.make_plan(project.catalog, entries, subjects)
    return legacy.make_plan(project.catalog, entries, str(project.branch.name))
