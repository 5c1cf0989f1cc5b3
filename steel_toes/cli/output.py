"""How a command shows what it found: a table for people, JSON for programs. Data goes to stdout, talk to stderr."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar

import click

from steel_toes import sentences
from steel_toes.redaction import redacted, shown
from steel_toes.settings import has_terminal_width

T = TypeVar("T")

_PATH_COLUMNS = ("path", "a save goes to")
_UNPRINTABLE = re.compile(r"[\x7f-\x9f\ud800-\udfff]")
_PIPE_WIDTH = 1000  # characters of a line where there is no terminal
_UNITS_OF_TIME = (("d", 86400), ("h", 3600), ("min", 60))


@dataclass(frozen=True)
class Table:
    """Data as people read it; cells that are None are empty."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Output:
    """One result of a command, in each form that somebody may ask for.

    Args:
        data: for JSON.
        table: for people.
    """

    data: Any
    table: Table

    def show(self) -> None:
        """Print the table or JSON, and write JSON to a file, as the options of the command say.

        Raises:
            ClickException: the file cannot be written.
        """
        options = click.get_current_context().meta
        # Written first: a file that cannot be written must not look like success on the screen.
        if options["output"]:
            self._write(options["output"])
        if options["json"]:
            print_data(self._json())
        elif self.table.rows:
            print_data(self._text())

    def _json(self) -> str:
        text = json.dumps(_redacted_data(self.data), indent=1, ensure_ascii=False)
        # JSON escapes the control characters of ASCII only.
        return _UNPRINTABLE.sub(_json_escape, text)

    def _write(self, path: str) -> None:
        try:
            Path(path).write_text(self._json() + "\n", encoding="utf-8")
        except OSError as exc:
            raise click.ClickException(sentences.CANNOT_WRITE.format(path=path, why=exc.strerror)) from exc

    def _text(self) -> str:
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table as RichTable

        columns = self.table.columns
        table = RichTable(box=None, show_header=any(columns), header_style="bold", pad_edge=False)
        for column in columns:
            # A path that is broken into lines cannot be copied.
            table.add_column(column, overflow="fold", no_wrap=column in _PATH_COLUMNS)
        for row in self.table.rows:
            # A branch may be named `[red]`, which rich would take for markup.
            table.add_row(*(escape(_text_of(cell)) for cell in row))
        # A pipe has no width, and a program that reads it wants one line a row.
        has_width = stdout().isatty() or has_terminal_width()
        console = Console(file=stdout(), width=None if has_width else _PIPE_WIDTH)
        with console.capture() as capture:
            console.print(table)
        return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _text_of(cell: Any) -> str:
    return "" if cell is None else shown(str(cell))


def _json_escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def _redacted_data(value: Any) -> Any:
    """Data as JSON has it, in which locations are as in a table."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {name: _redacted_data(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return list(map(_redacted_data, value))
    return value


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a command that shows an `Output`, which looks for them itself."""
    command = click.option("--json", "json", is_flag=True, help="Print JSON.", expose_value=False, callback=_remember)(
        command
    )
    return click.option(
        "--output", type=click.Path(), help="Write JSON to a file.", expose_value=False, callback=_remember
    )(command)


def _remember(ctx: click.Context, option: click.Parameter, value: Any) -> None:
    ctx.meta[str(option.name)] = value


def stdout() -> Any:
    """Where data goes: `sys.stdout` is redirected while a command runs."""
    return click.get_current_context().obj


def print_data(text: str) -> None:
    """Print data."""
    click.echo(text, file=stdout())


def say(text: str) -> None:
    """Print talk."""
    click.echo(shown(text), err=True)


def is_agreed(yes: bool, question: str) -> bool:
    """Whether a plan is to be applied: `--yes` says so, or somebody at a terminal."""
    # Without a terminal there is nobody to ask: that is a no.
    if yes or (sys.stdin.isatty() and click.confirm(question, err=True)):
        return True
    say(sentences.NOTHING_CHANGED)
    return False


def fail_if_any(failures: Sequence[str]) -> None:
    """Print what failed, and end with exit code 1 if anything did."""
    for why in failures:
        say(sentences.FAILED.format(why=why))
    if failures:
        raise SystemExit(1)


def with_progress(values: Iterable[T], total: int) -> list[T]:
    """The values, with a bar on a terminal while they come."""
    from rich.console import Console
    from rich.progress import track

    is_terminal = sys.stderr.isatty()
    console = Console(file=sys.stderr)
    return list(track(values, "", total, console=console, transient=True, disable=not is_terminal))


def size_text(size: int | None) -> str:
    """Bytes for people."""
    from rich.filesize import decimal

    return "" if size is None else decimal(size)


def age_text(moment: datetime | None) -> str:
    """How long ago a moment was, for people."""
    if moment is None:
        return ""
    age = datetime.now(timezone.utc) - moment
    seconds = max(0, int(age.total_seconds()))
    for unit, length in _UNITS_OF_TIME:
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
