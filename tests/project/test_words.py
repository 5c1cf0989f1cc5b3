"""Plain words: names that say what they hold, and sentences that a user understands at once."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from steel_toes.cli.commands import group
from support.words import PHRASES, PRONOUNS, assigned_names, phrases_in

PACKAGE = Path(importlib.util.find_spec("steel_toes").submodule_search_locations[0])


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """A command and those in it, by the words that call them."""
    yield name, command
    for inner_name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, f"{name} {inner_name}")


def help_texts() -> Iterator[tuple[str, str]]:
    """What `--help` says of each command and of each of its options."""
    for name, command in commands(group, "steel-toes"):
        yield f"`{name} --help`", command.help or ""
        for parameter in command.params:
            yield f"`{name} --help`, {parameter.name}", getattr(parameter, "help", None) or ""


def messages() -> Iterator[tuple[str, str]]:
    """The strings of which errors, the log and the commands make their sentences."""
    for module in ("errors.py", "sentences.py"):
        for node in ast.walk(ast.parse((PACKAGE / module).read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{module}, the string on line {node.lineno}", node.value


def report(place: str, text: str) -> list[str]:
    """Where a text says what it should not, and what to say instead."""
    return [f'{place}, line {line}: not "{phrase}", but: {PHRASES[phrase]}' for line, phrase in phrases_in(text)]


@pytest.mark.parametrize(
    "code",
    [
        "found = 1",
        "for found in (): pass",
        "with x as found: pass",
        "[found for found in x]",
        "def f(*, found): pass",
        "lambda *found: 1",
        "a, (b, *found) = x",
        "(found := 1)",
        "found: int = 1",
        "try: pass\nexcept E as found: pass",
    ],
)
def test_every_way_to_name_something_is_looked_at(code: str) -> None:
    """A name is what an assignment, a loop, a `with`, a comprehension, an `except` or a parameter gives."""
    assert "found" in {name for _, name in assigned_names(code)}
    assert "x" not in {name for _, name in assigned_names(code)}


def test_phrases_are_found_across_lines() -> None:
    """A phrase counts in any case and where a line ends in the middle of it, and not inside another word."""
    assert list(phrases_in("Who reads\nthis Is\ntold so.\nAll copyrights, marshalled.")) == [(2, "is told")]


def test_names_are_nouns() -> None:
    """No name in the source is a pronoun or a participle: an attribute and a variable say what they hold."""
    wrong = [
        f"{path.relative_to(PACKAGE.parent)}:{line} {name} (better {PRONOUNS[name]})"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line, name in assigned_names(path.read_text())
        # `made` is a word of its own: how data was made.
        if name in PRONOUNS and (path.name, name) != ("record.py", "made")
    ]
    assert not wrong, f"{len(wrong)} names say nothing of what they hold:\n" + "\n".join(wrong)


def test_messages_are_plain() -> None:
    """No error's sentence and no help text has a phrase of the list."""
    wrong = [line for place, text in [*messages(), *help_texts()] for line in report(place, text)]
    assert not wrong, "\n".join(["write plainly:", *wrong])


def test_readme_is_plain(root: Path) -> None:
    """No line of the README has a phrase of the list."""
    wrong = report("README.md", (root / "README.md").read_text())
    assert not wrong, "\n".join(["write plainly:", *wrong])
