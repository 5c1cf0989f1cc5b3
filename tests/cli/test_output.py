"""What a command prints: data for people and for programs, and nothing that a terminal obeys."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import click
import pytest
from click.testing import CliRunner

from steel_toes.cli.output import Output, output_options, say
from steel_toes.cli.screen import Column, Row, Table
from steel_toes.redaction import printable

HOSTILE = "red\x1b[31m, bell\a, CSI\x9b2J, half a pair\udce9, tab\t, turned\u202e, no width\u200b"


@pytest.fixture
def shown():
    """What a command shows of some data, with these options."""

    def run(data: Any, rows: list[list[Any]], *options: str) -> Any:
        @click.command()
        @output_options
        @click.pass_context
        def command(ctx: click.Context) -> None:
            ctx.obj = click.get_text_stream("stdout")
            say(HOSTILE)
            columns = [Column("name"), Column("other")]
            Output(data, Table(columns, [Row(cells) for cells in rows])).show()

        return CliRunner().invoke(command, options, catch_exceptions=False)

    return run


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, naïve, 日本", "plain, naïve, 日本"),
        ("two\nlines", "two\nlines"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x9b2J", "\\x9b2J"),
        ("caf\udce9", "caf\\udce9"),
        ("a\rb", "a\\rb"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    """Letters stay, and what moves a cursor, rings a bell or is no character is shown as what it is."""
    assert printable(text) == shown


def test_a_table_obeys_nobody(shown: Any) -> None:
    """A name that holds a terminal's commands is shown in a table and in talk, not obeyed; markup is text too."""
    result = shown([], [[HOSTILE, "[red]x[/red]"]])
    for text in (result.stdout, result.stderr):
        assert not {character for character in text if not character.isprintable()} - {"\n"}
    assert "red\\x1b[31m" in result.stdout
    assert "[red]x[/red]" in result.stdout


def test_a_row_is_a_line(shown: Any) -> None:
    """A name with line ends forges no row."""
    result = shown([], [["name\nforged  row", "x\r\ny"]])
    assert result.stdout.splitlines()[1:] == ["name\\nforged  row  x\\r\\ny"]


@pytest.mark.parametrize("width", ["1", "10", "39"])
def test_a_terminal_that_is_too_narrow(shown: Any, monkeypatch: pytest.MonkeyPatch, width: str) -> None:
    """A table needs some room: the terminal breaks its lines."""
    monkeypatch.setenv("COLUMNS", width)
    assert "n" * 20 in shown([], [["n" * 200, "x"]]).stdout


def test_json_is_the_same_text(shown: Any) -> None:
    """JSON has every character, escaped where a terminal would obey it: who parses it gets the name as it is."""
    result = shown([{"name": HOSTILE, "at": datetime(2026, 1, 2, tzinfo=timezone.utc)}], [], "--json")
    assert json.loads(result.stdout) == [{"name": HOSTILE, "at": "2026-01-02T00:00:00+00:00"}]
    assert not {character for character in result.stdout if not character.isprintable()} - {"\n"}
