"""How a command shows what it found: a table for people, JSON for programs. Data goes to stdout, talk to stderr."""

from __future__ import annotations

import json
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from datetime import datetime, timezone
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import click

from steel_toes import sentences
from steel_toes.cli.screen import Table, rendered
from steel_toes.redaction import redacted, shown
from steel_toes.settings import has_terminal_width

T = TypeVar("T")

# Beside what is no character, what turns the direction of a text, has no width, or ends a line.
_UNPRINTABLE = re.compile(r"[\x7f-\x9f\ud800-\udfff\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_PIPE_WIDTH = 1000  # characters of a line where there is no terminal
_COMMAND = re.compile(r"`[^`]+`")
_NO_SPACE = "\0"  # in no line that is shown
_UNITS_OF_TIME = (("d", 86400), ("h", 3600), ("min", 60))


@dataclass(frozen=True)
class Output:
    """One result of a command, in each form that somebody may ask for.

    Args:
        data: for JSON.
        table: for people.
        lines: for people, where sentences say it better.
    """

    data: Any
    table: Table | None = None
    lines: Sequence[str] = ()

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
        elif self.lines:
            print_data("\n".join(self.lines))
        elif self.table and self.table.rows:
            print_data(_text(self.table))

    def _json(self) -> str:
        text = json.dumps(_redacted_data(self.data), indent=1, ensure_ascii=False)
        # JSON escapes the control characters of ASCII only.
        return _UNPRINTABLE.sub(_json_escape, text)

    def _write(self, path: str) -> None:
        try:
            Path(path).write_text(self._json() + "\n", encoding="utf-8")
        except OSError as exc:
            raise click.ClickException(sentences.CANNOT_WRITE.format(path=path, why=exc.strerror)) from exc


def _text(table: Table) -> str:
    from rich.console import Console

    # A pipe has no width, and a program that reads it wants one line a row.
    has_width = stdout().isatty() or has_terminal_width()
    console = Console(file=stdout(), width=None if has_width else _PIPE_WIDTH)
    return rendered(table, console, bool(click.get_current_context().meta.get("paths")))


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


def paths_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option of a command whose table has more to show beneath its rows."""
    return click.option("--paths", is_flag=True, help="Show each path, too.", expose_value=False, callback=_remember)(
        command
    )


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


def with_near(names: Iterable[str], choices: Iterable[str]) -> str:
    """Names that there are not, each with the one that may be meant."""
    options = list(choices)
    texts = []
    for name in names:
        near = get_close_matches(name, options, n=1)
        texts.append(sentences.PERHAPS.format(name=name, near=near[0]) if near else name)
    return ", ".join(texts)


def say_lines(lines: Iterable[str]) -> None:
    """Print lines of talk that stand around a table, each wrapped where it is wider than the terminal."""
    for line in lines:
        # What a record says is no line of ours.
        say("\n".join(_wrapped(line.replace("\n", "\\n"))))


def show_lines(data: Any, lines: Iterable[str]) -> None:
    """Show a result that people read as sentences."""
    wrapped = [part for line in lines for part in _wrapped(shown(line))]
    Output(data, lines=wrapped).show()


def _wrapped(line: str) -> list[str]:
    width = shutil.get_terminal_size((_PIPE_WIDTH, 0)).columns
    # Neither a path nor a branch's name is broken, nor a command, which is there to be copied.
    whole = _COMMAND.sub(lambda match: match[0].replace(" ", _NO_SPACE), line)
    lines = textwrap.wrap(whole, width, break_long_words=False, break_on_hyphens=False) or [""]
    return [part.replace(_NO_SPACE, " ") for part in lines]


def is_agreed(yes: bool, question: str) -> bool:
    """Whether a plan is to be applied: `--yes` says so, or somebody at a terminal."""
    # Without a terminal there is nobody to ask: that is a no.
    if yes:
        return True
    if not sys.stdin.isatty():
        say(sentences.ADD_YES)
        return False
    if click.confirm(question, err=True):
        return True
    say(sentences.NOTHING_CHANGED)
    return False


def fail_if_any(failures: Sequence[str]) -> None:
    """Print what failed, and end with exit code 1 if anything did."""
    for why in failures:
        say(sentences.FAILED.format(why=why))
    if failures:
        raise SystemExit(1)


def failure_of(action: Callable[[], object]) -> str:
    """Why a part of what was planned could not be done; "" if it was. The others are done all the same."""
    from steel_toes.errors import CopyError

    try:
        action()
    except CopyError as exc:
        return str(exc)
    return ""


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
