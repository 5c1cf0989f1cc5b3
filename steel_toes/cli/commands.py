"""The commands: parse, call, print. Data goes to stdout, all talk to stderr.

`steel-toes` is the group; `kedro steel-toes` is the same one, in the group that Kedro asks plugins for.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from steel_toes.actions.clean import Plan

T = TypeVar("T")

_PATHS = ("path", "a save goes to")
_WAYS_OUT = """A load of a dataset without a side fails. Run the node that saves it again; or take what is there with
`steel-toes adopt DATASET`; or go back to main's with `steel-toes clean --branch {branch} DATASET`."""


class _Group(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        from kedro.io import DatasetError

        from steel_toes.errors import SteelToesError

        ctx.obj, before = sys.stdout, logging.root.manager.disable
        logging.disable(logging.INFO)  # of Kedro, which tells how it loads a project
        try:
            # Whatever else a project logs or prints when it is loaded is talk.
            with redirect_stdout(sys.stderr):
                return super().invoke(ctx)
        except (SteelToesError, DatasetError) as exc:
            usage = str(getattr(exc, "setting", "")).startswith("--")
            raise (click.UsageError if usage else click.ClickException)(str(exc)) from exc
        finally:
            logging.disable(before)


@click.group(name="Steel-toes")
def commands() -> None:
    """What Kedro asks plugins for: a group of commands of a project."""


@commands.group(cls=_Group, name="steel-toes", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="steel-toes")
def group() -> None:
    """See what each Git branch's data is, and clean it up.

    Exit codes: 0 it worked, or nothing was to do; 1 something failed, and the message says what; 2 wrong usage.
    """


def _keep(ctx: click.Context, option: click.Parameter, value: Any) -> None:
    ctx.meta[str(option.name)] = value


def _prints(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a command that prints data; `_print` looks for them itself."""
    for option in (
        click.option("--json", "json", is_flag=True, help="Print JSON.", expose_value=False, callback=_keep),
        click.option("--output", type=click.Path(), help="Write JSON to a file.", expose_value=False, callback=_keep),
    ):
        command = option(command)
    return command


def _to_age(_: click.Context, __: click.Parameter, value: str | None) -> timedelta | None:
    if value is None:
        return None
    match = re.fullmatch(r"(\d+)([hdw])", value)
    if not match:
        raise click.BadParameter(f"{value!r} is no age. Give hours, days or weeks, such as 36h, 7d or 2w.")
    return timedelta(hours=int(match[1]) * {"h": 1, "d": 24, "w": 168}[match[2]])


@group.command()
@click.option("--env", is_flag=True, help="Print the variables that give a container or a scheduler the same branch.")
@_prints
def whoami(env: bool) -> None:
    """Tell which branch this is, and how that was decided.

    Example: eval "$(steel-toes whoami --env)"
    """
    from steel_toes.checkout.git import read_heads
    from steel_toes.cli.project import Project

    project = Project()
    branch, mains, owner = project.branch, sorted(project.hook.mains), project.redirection.writer.project
    if env:
        if not branch.name:
            raise click.ClickException(f"The branch is unknown. {branch.why}")
        names = {"STEEL_TOES_BRANCH": branch.name} | ({"STEEL_TOES_MAIN": mains[0]} if len(mains) == 1 else {})
        click.echo("\n".join(f"export {name}={shlex.quote(value)}" for name, value in names.items()), file=_stdout())
        return
    facts: dict[str, Any] = {"branch": branch.name, "slug": branch.slug, "from": branch.source, "why": branch.why}
    facts |= {"tried": branch.tried, "is_main": branch.is_main, "main": mains, "project": owner}
    facts |= {"enabled": project.enabled, **project.hook.sources}
    default = read_heads(project.path, owner).default
    if default and default not in mains:
        remedy = f'If that is not right, set SteelToes(main="{default}").'
        _say(f"Warning: the remote's HEAD is {default}, and main is {' and '.join(mains)}. {remedy}")
    texts = {name: "\n".join(value) if isinstance(value, (tuple, list)) else value for name, value in facts.items()}
    spelt: dict[Any, str] = {True: "yes", False: "no"}
    _print(facts, ["", ""], [(name, spelt.get(text, text)) for name, text in texts.items() if text not in ("", None)])


@group.command()
@click.argument("datasets", nargs=-1)
@click.option("--pipeline", help="Only the datasets of this pipeline.")
@_prints
def status(datasets: tuple[str, ...], pipeline: str | None) -> None:
    """Show which side each dataset is read from and why, and where a save goes.

    Example: steel-toes status --pipeline reporting
    """
    from steel_toes.actions.status import statuses
    from steel_toes.cli.project import Project

    project = Project(datasets)
    if project.aside:
        _say(f"{project.aside}: everything is read from main and saved to main.")
    elif not project.branch.is_known:
        _say(f"The branch is unknown, so data is read from main and not saved. {project.branch.why}")
    configs = {} if project.aside else project.entries(pipeline, datasets)
    found = list(_progress(statuses(project.catalog, project.redirection, configs), len(configs)))
    rows = [
        (
            *(row.dataset, row.side or "none", row.why, project.shown(row.saves_to or "refused"), _size(row.bytes)),
            *(_age(row.modified), (row.commit or "")[:8] + "+" * bool(row.dirty), row.author),
            {True: "changed", False: "same"}.get(row.main_changed),  # type: ignore[arg-type]
        )
        for row in found
    ]
    columns = ["dataset", "side", "why", "a save goes to", "size", "age", "commit", "author", "main"]
    _print(found, columns, rows)
    if any(row.side is None and row.saves_to for row in found):
        _say(_WAYS_OUT.format(branch=shlex.quote(str(project.branch.name))))
    elif not (project.aside or found):
        _say("The catalog has no datasets.")


@group.command()
@click.option("--sizes/--no-sizes", default=None, help="Read every record, for files and bytes. Default: up to 1,000.")
@_prints
def branches(sizes: bool | None) -> None:
    """List every branch that has data in this catalog's stores.

    Example: steel-toes branches --json
    """
    from steel_toes.cli.project import Project

    found, failed = Project().janitor.branches(sizes)
    rows = [
        (
            *(row.branch, row.datasets, row.files, _size(row.bytes), _age(row.last_write), row.author),
            f"{row.git} ({row.why})" if row.why else row.git,
        )
        for row in found
    ]
    _print(found, ["branch", "datasets", "files", "size", "last save", "author", "Git says"], rows)
    if not rows:
        _say("No branch has data in this catalog's stores.")
    _fail(failed)


@group.command()
@click.argument("datasets", nargs=-1)
@click.option("--branch", "names", multiple=True, help="A branch, by its full name. May be given several times.")
@click.option("--stale", is_flag=True, help="All branches that are gone from the remote and from here.")
@click.option(
    "--grace", callback=_to_age, default="7d", show_default=True, help="With --stale: the last save is older."
)
@click.option("--older-than", "older", callback=_to_age, help="All branches whose last save is older, say 14d.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@_prints
def clean(
    datasets: tuple[str, ...], names: tuple[str, ...], stale: bool, grace: timedelta, older: timedelta | None, yes: bool
) -> None:
    """Remove branch copies, after showing what would go. Main's copies are never removed.

    Example: steel-toes clean --branch feature/x --yes
    """
    from steel_toes.actions.clean import apply
    from steel_toes.cli.project import Project

    if bool(names) == (stale or older is not None):
        raise click.UsageError("Say which branches: --branch NAME; or --stale, --older-than AGE or both of these.")
    project = Project(datasets)
    age = max(grace if stale else timedelta(0), older or timedelta(0))
    plan = project.janitor.plan(names, datasets, stale=stale, age=age)
    columns = ["branch", "dataset", "path", "size", "age", "state"]
    _print(_plain(plan), columns, [(*row[:2], project.shown(row[2]), *row[3:]) for row in _rows(plan)])
    _say("\n".join(_summed_up(plan, names, stale)))
    failed = list(plan.failed)
    if plan.items and _agreed(yes, "Remove them?"):
        done = list(_progress(apply(plan), len(plan.items)))
        failed += [f"{item.found.path}: {why}" for item, why in done if why]
        _say(f"Removed {sum(not why for _, why in done)} of {_count(len(plan.items), 'branch copy', 'branch copies')}.")
    _fail(failed)


@group.command()
@click.argument("subject", metavar="[DATASET|PATH]", required=False)
@click.option("--branch", help="The branch whose data it is, if it is not the current one.")
@click.option(
    "--from-0.5", "legacy", is_flag=True, help="The branch's files of steel-toes 0.5 (x_BRANCH.csv): copy them."
)
@click.option("--yes", is_flag=True, help="Do it without asking.")
@_prints
def adopt(subject: str | None, branch: str | None, legacy: bool, yes: bool) -> None:
    """Record a file that was put at a branch copy's place, so that the branch reads it.

    Example: steel-toes adopt companies --yes
    """
    from steel_toes.actions.status import adoption, legacy_adoption
    from steel_toes.cli.project import Project

    if bool(subject) == legacy:
        raise click.UsageError("Say what: the name of a dataset, a path, or --from-0.5.")
    project = Project([subject] if subject else [], branch)
    name = project.branch.name
    if project.aside or not name:
        raise click.ClickException(f"There are no branch copies here. {project.aside or project.branch.why}")
    names = project.entries()
    found = (
        legacy_adoption(project.catalog, names, name) if legacy else [adoption(project.catalog, names, str(subject))]
    )
    plan = [(pair.entry.name, path) for pair, units in found for path in units.values()]
    rows = [(dataset, project.shown(path)) for dataset, path in plan]
    _print([{"dataset": dataset, "path": path} for dataset, path in plan], ["dataset", "path"], rows)
    if not plan:
        _say(f"Nothing to record: no entry has a file of steel-toes 0.5 on branch {name}.")
    elif _agreed(yes, f"Record them as branch {name}'s?"):
        for pair, units in found:
            pair.adopt(units)
        _say(f"Recorded as branch {name}'s: {_count(len(plan), 'file')}.")


def _plain(plan: Plan) -> dict[str, Any]:
    items = [
        {
            "branch": item.record.branch,
            "dataset": item.record.dataset,
            "state": item.record.state,
            "record": item.found.path,
            "modified": item.found.modified,
            "objects": [{"path": path, "bytes": size} for path, size in item.objects.items()],
        }
        for item in plan.items
    ]
    return {"items": items, "left": plan.left, "failed": plan.failed}


def _summed_up(plan: Plan, names: Sequence[str], stale: bool) -> list[str]:
    """What is left alone, what was not found, and how much would go."""
    absent = set(names) - {item.record.branch for item in plan.items}
    lines = [*plan.left, *(f"Nothing of branch {name} is here to remove." for name in sorted(absent))]
    files = [size for item in plan.items for size in item.objects.values()]
    copies = _count(len(plan.items), "branch copy", "branch copies")
    if plan.items:
        lines.append(f"{copies}, {_count(len(files), 'file')}, {_size(sum(files))}")
    elif not names:
        lines.append(f"Nothing to remove: no branch{' that is gone' * stale} is old enough.")
    return lines


def _rows(plan: Plan) -> list[tuple[str, ...]]:
    return [
        (
            *(item.record.branch, item.record.dataset, path, _size(size), _age(item.found.modified)),
            "its record" if size is None else "torn" if item.record.doubt else "",
        )
        for item in plan.items
        for path, size in [*item.objects.items(), (item.found.path, None)]
    ]


def _agreed(yes: bool, question: str) -> bool:
    if yes or (sys.stdin.isatty() and click.confirm(question, err=True)):
        return True
    _say("Nothing was changed. Add --yes to do it.")
    return False


def _stdout() -> Any:
    return click.get_current_context().obj


def _print(data: Any, columns: list[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print data as a table or as JSON, and write it to a file, as the options say."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    meta = click.get_current_context().meta
    text = json.dumps(data, default=_jsonable, indent=1, ensure_ascii=False)
    if meta["output"]:
        try:
            Path(meta["output"]).write_text(text + "\n", encoding="utf-8")
        except OSError as exc:
            raise click.ClickException(f"Cannot write {meta['output']}. {exc.strerror}.") from exc
    if meta["json"]:
        click.echo(text, file=_stdout())
    elif rows := list(rows):
        table = Table(box=None, show_header=any(columns), header_style="bold", pad_edge=False)
        for column in columns:
            table.add_column(column, overflow="fold", no_wrap=column in _PATHS)  # a path that is cut off is no plan
        for row in rows:
            table.add_row(*(escape("" if cell is None else str(cell)) for cell in row))
        # A pipe has no width.
        wide = _stdout().isatty() or "COLUMNS" in os.environ
        console = Console(file=_stdout(), width=None if wide else 1000)
        with console.capture() as capture:
            console.print(table)
        click.echo("\n".join(line.rstrip() for line in capture.get().splitlines()), file=_stdout())


def _jsonable(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return asdict(value)


def _progress(values: Iterable[T], total: int) -> Iterable[T]:
    from rich.console import Console
    from rich.progress import track

    return track(values, "", total, console=Console(file=sys.stderr), transient=True, disable=not sys.stderr.isatty())


def _say(text: str) -> None:
    click.echo(text, err=True)


def _fail(failed: Sequence[str]) -> None:
    for text in failed:
        _say(f"Failed: {text}")
    if failed:
        raise SystemExit(1)


def _count(number: int, one: str, more: str = "") -> str:
    return f"{number} {one if number == 1 else more or one + 's'}"


def _size(size: int | None) -> str:
    from rich.filesize import decimal

    return "" if size is None else decimal(size)


def _age(moment: datetime | None) -> str:
    if moment is None:
        return ""
    seconds = max(0, int((datetime.now(timezone.utc) - moment).total_seconds()))
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
