"""The words that this project does not use, each with what is written in its place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

# What a name says that says nothing of what it holds: a name is a noun of the things that it stands for.
PRONOUNS = {
    "asked": "what was asked for: `names`, `options`",
    "done": "the result: `removal`, `process`",
    "each": "the thing: `record`, `entry`",
    "every": "the things: `records`, `entries`",
    "found": "the thing: `record`, `listing`, `paths`",
    "given": "what it holds: `spec`, `arguments`",
    "kept": "the things: `remaining`, `unchanged`",
    "known": "what is known: `identities`, `names`",
    "made": "the thing: `catalog`, `bucket`",
    "mine": "whose it is: `branch_files`, `own_names`",
    "now_": "what it is: `current`, `time`",
    "one": "the thing: `item`, `record`",
    "ours": "whose it is: `branch_units`, `own_units`",
    "said": "what was said: `message`, `answer`",
    "seen": "the things: `visited`, `names`",
    "taken": "the things: `used_names`, `reserved`",
    "theirs": "whose it is: `other_units`, `main_units`",
    "told": "what was told: `message`, `answer`",
}

# What no user reads, in a message, in the help or in the README.
PHRASES = {
    "are told": "see, or: get an error that says",
    "had been whole": "was complete",
    "is told": "sees, or: gets an error that says",
    "Known are": "Supported:",
    "nobody's": "ignored: never read, never overwritten",
    "nothing was to do": "nothing to do",
    "nought": "none, zero",
    "rights": "permissions",
    "shall": "must, or the plain present",
    "whole copy": "complete copy",
}


def assigned_names(source: str) -> Iterator[tuple[int, str]]:
    """Every name that a module gives to something, with its line: targets of every kind, and parameters."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            yield node.lineno, node.name


def phrases_in(text: str) -> Iterator[tuple[int, str]]:
    """Every phrase of the list that a text contains, with its line; a line may end in the middle of one."""
    for phrase in PHRASES:
        pattern = r"\b" + r"\s+".join(map(re.escape, phrase.split())) + r"\b"
        for match in re.finditer(pattern, text, re.IGNORECASE):
            yield text[: match.start()].count("\n") + 1, phrase
