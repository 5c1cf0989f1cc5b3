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
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from steel_toes.hook import SteelToes
    from steel_toes.janitor import Janitor, Plan
    from steel_toes.locations import Config

T = TypeVar("T")


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


def _to_age(_: click.Context, __: click.Parameter, value: str | None) -> timedelta:
    match = re.fullmatch(r"(\d+)([hdw])", value or "0h")
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
    from steel_toes.branch import read_heads

    project = _Project()
    branch, mains, owner = project.branch, sorted(project.hook.mains), project.redirection.writer.project
    if env:
        if not branch.name:
            raise click.ClickException(f"The branch is unknown. {branch.why}")
        names = {"STEEL_TOES_BRANCH": branch.name} | ({"STEEL_TOES_MAIN": mains[0]} if len(mains) == 1 else {})
        click.echo("\n".join(f"export {name}={shlex.quote(value)}" for name, value in names.items()), file=_stdout())
        return
    facts: dict[str, Any] = {"branch": branch.name, "slug": branch.slug, "from": branch.source, "why": branch.why}
    facts |= {"tried": branch.tried, "is_main": branch.is_main, "main": mains, "project": owner}
    facts |= {"enabled": project.enabled}
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
    from steel_toes.comparison import statuses

    project = _Project(datasets)
    aside = "STEEL_TOES_ENABLED is false" if not project.enabled else f"{project.branch.name} is main"
    steps_aside = project.branch.is_main or not project.enabled
    if steps_aside:
        _say(f"{aside}: everything is read from main and saved to main.")
    elif not project.branch.known:
        _say(f"The branch is unknown, so data is read from main and not saved. {project.branch.why}")
    configs = {} if steps_aside else project.entries(pipeline, datasets)
    found = list(_progress(statuses(project.catalog, project.redirection, configs), len(configs)))
    rows = [
        (
            *(row.dataset, row.side or "none", row.why, project.shown(row.saves_to or "refused")),
            *(
                _size(row.bytes),
                _age(row.modified),
                f"{row.commit[:8]}{'+' * bool(row.dirty)}" if row.commit else "",
                row.author,
            ),
            {True: "yes", False: "no"}.get(row.main_changed),  # type: ignore[arg-type]
        )
        for row in found
    ]
    columns = ["dataset", "side", "why", "a save goes to", "size", "age", "commit", "author", "main changed"]
    _print(found, columns, rows)


@group.command()
@click.option("--sizes/--no-sizes", default=None, help="Read every record, for files and bytes. Default: up to 1,000.")
@_prints
def branches(sizes: bool | None) -> None:
    """List every branch that has data in this catalog's stores.

    Example: steel-toes branches --json
    """
    found, failed = _Project().janitor.branches(sizes)
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
    datasets: tuple[str, ...], names: tuple[str, ...], stale: bool, grace: timedelta, older: timedelta, yes: bool
) -> None:
    """Remove branch copies, after showing what would go. Main's copies are never removed.

    Example: steel-toes clean --branch feature/x --yes
    """
    from steel_toes.janitor import apply

    if bool(names) == bool(stale or older):
        raise click.UsageError("Say which branches: --branch NAME; or --stale, --older-than AGE or both of these.")
    project = _Project(datasets)
    plan = project.janitor.plan(names, datasets, stale=stale, age=max(grace, older) if stale else older)
    columns = ["branch", "dataset", "path", "size", "age", "state"]
    _print(_plain(plan), columns, [(*row[:2], project.shown(row[2]), *row[3:]) for row in _rows(plan)])
    files = [size for item in plan.items for size in item.objects.values()]
    total = (
        f"{_count(len(plan.items), 'branch copy', 'branch copies')}, {_count(len(files), 'file')}, {_size(sum(files))}"
    )
    asked = f"of branch {', '.join(names)}" if names else "of a branch that is gone" if stale else "of such an age"
    nothing = f"Nothing to remove: no record {asked}{' and of these datasets' * bool(datasets)} is here to clean."
    _say("\n".join([*plan.left, total if plan.items else nothing]))
    failed = list(plan.failed)
    if plan.items and _agreed(yes, "Remove them?"):
        done = list(_progress(apply(plan), len(plan.items)))
        failed += [f"{item.found.path}: {why}" for item, why in done if why]
        _say(f"Removed {sum(not why for _, why in done)} of {_count(len(plan.items), 'branch copy', 'branch copies')}.")
    _fail(failed)


@group.command()
@click.argument("subject", metavar="DATASET|PATH")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@_prints
def adopt(subject: str, yes: bool) -> None:
    """Record a file that was put at a branch copy's place, so that the branch reads it.

    Example: steel-toes adopt companies --yes
    """
    from steel_toes.comparison import adoption

    project = _Project([subject])
    if project.branch.is_main or not project.branch.known:
        raise click.ClickException(f"There are no branch copies here. {project.branch.why or 'This is main.'}")
    configs = project.entries()
    pair, units = adoption(project.catalog, configs, subject)
    rows = [(pair.entry.name, project.shown(path)) for path in units.values()]
    _print([{"dataset": pair.entry.name, "path": path} for path in units.values()], ["dataset", "path"], rows)
    if _agreed(yes, f"Record them as branch {project.branch.name}'s?"):
        pair.adopt(units)
        _say(f"Recorded as branch {project.branch.name}'s: {', '.join(path for _, path in rows)}.")


class _Project:
    """The Kedro project around the working directory, as its own `settings.py` has it.

    Args:
        asked: names of entries that somebody asks for, and that only a pattern may make.
    """

    def __init__(self, asked: Sequence[str] = ()) -> None:
        from kedro.framework.project import settings
        from kedro.framework.startup import bootstrap_project
        from kedro.utils import find_kedro_project

        from steel_toes.branch import is_enabled
        from steel_toes.hook import SteelToes

        path = find_kedro_project(Path.cwd())
        if path is None:
            raise click.ClickException(f"{Path.cwd()} is in no Kedro project. Go to the project's folder.")
        self.path, self.asked, self.enabled = Path(path), asked, is_enabled(os.environ)
        bootstrap_project(self.path)
        hooks = [hook for hook in settings.HOOKS if isinstance(hook, SteelToes)]
        if not hooks:
            remedy = "Put `from steel_toes import SteelToes` and `HOOKS = (SteelToes(),)` into it."
            raise click.ClickException(f"SteelToes is not among the HOOKS of the project's settings.py. {remedy}")
        self.hook: SteelToes = hooks[0]
        self.branch = self.hook.branch(self.path)
        self.redirection = self.hook.redirection(self.branch, self.path)

    @cached_property
    def configs(self) -> tuple[dict[str, Config], dict[str, Config]]:
        """The configurations of the entries, patterns' included that anything uses, and those of the patterns."""
        from kedro.framework.project import pipelines

        from steel_toes.catalog import configurations

        used = {name for pipeline in pipelines.values() if pipeline for name in pipeline.datasets()}
        names = [name for name in sorted({*used, *self.asked}) if name in self.plain and not name.startswith("params:")]
        return configurations(self.plain, names)

    @cached_property
    def plain(self) -> Any:
        """The catalog as Kedro makes it."""
        from kedro.framework.session import KedroSession

        before = os.environ.pop("STEEL_TOES_ENABLED", None)
        os.environ["STEEL_TOES_ENABLED"] = "false"
        try:
            with KedroSession.create(project_path=self.path, env=os.environ.get("KEDRO_ENV")) as session:
                return session.load_context().catalog  # type: ignore[attr-defined]  # Kedro says AbstractSession
        finally:
            del os.environ["STEEL_TOES_ENABLED"]
            os.environ.update({} if before is None else {"STEEL_TOES_ENABLED": before})

    @cached_property
    def catalog(self) -> Any:
        """The catalog as the branch sees it."""
        from steel_toes.catalog import install

        assert self.configs  # read before the catalog is another
        install(self.plain, self.redirection)
        return self.plain

    @cached_property
    def janitor(self) -> Janitor:
        """What branches hold, and its removal."""
        from steel_toes.janitor import Janitor

        redirection = self.redirection.surveyed(*map(dict.values, self.configs))
        return Janitor(redirection, *self.configs, self.hook.mains)

    def entries(self, pipeline: str | None = None, names: Sequence[str] = ()) -> dict[str, Config]:
        """The entries asked for, else those of a pipeline, else all."""
        from kedro.framework.project import pipelines

        if pipeline is not None and pipeline not in pipelines:
            raise click.UsageError(f"No pipeline is named {pipeline}; there are {', '.join(sorted(pipelines))}.")
        chosen = pipelines[pipeline].datasets() if pipeline else names or self.configs[0]
        if unknown := sorted({*names} - {*self.configs[0]}):
            raise click.UsageError(f"The catalog has no {', '.join(unknown)}.")
        return {name: config for name, config in sorted(self.configs[0].items()) if name in chosen}

    def shown(self, path: str) -> str:
        """A path as people read it: from the project's folder, if it lies there."""
        return path.removeprefix(f"{self.path.as_posix()}/")


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


def _rows(plan: Plan) -> list[tuple[str, ...]]:
    return [
        (
            *(item.record.branch, item.record.dataset, path, _size(size), _age(item.found.modified)),
            "torn" if item.record.doubt else "",
        )
        for item in plan.items
        for path, size in item.objects.items() or [("(nothing is there)", 0)]
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
            table.add_column(column, overflow="fold")  # a path that is cut off is no plan
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
