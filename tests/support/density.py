"""How dense source code is: what a reader has to hold in mind, counted by the statement and not by the line.

A branch is an `if`, a conditional expression, a loop, an `except`, an `assert`, a `case`, each further operand of `and`
and `or`, each loop of a comprehension and each condition in it. Docstrings are neither code nor statements.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

NOT_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
    tokenize.ENCODING,
}
BRANCHING = (
    ast.If,
    ast.IfExp,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.ExceptHandler,
    ast.Assert,
    ast.match_case,
)
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def code_lines(source: str) -> set[int]:
    """The numbers of the lines that hold code: no blank lines, no comments, no docstrings."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NOT_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            docstring = node.body[0]
            lines -= set(range(docstring.lineno, docstring.end_lineno + 1))
    return lines


def branches_in(nodes: Iterable[ast.AST]) -> int:
    """The branches among nodes that were walked."""
    number = 0
    for node in nodes:
        if isinstance(node, BRANCHING):
            number += 1
        elif isinstance(node, ast.BoolOp):
            number += len(node.values) - 1
        elif isinstance(node, ast.comprehension):
            number += 1 + len(node.ifs)
    return number


def is_statement(node: ast.AST) -> bool:
    """Whether a node is a statement that does something: a string or a number by itself does nothing."""
    constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return isinstance(node, ast.stmt) and not constant


@dataclass(frozen=True)
class Density:
    """What there is in some source, in absolute numbers."""

    lines: int = 0
    statements: int = 0
    branches: int = 0
    conditionals: int = 0
    expressions: int = 0
    comments: int = 0

    @classmethod
    def of(cls, source: str) -> Density:
        """Of the source of one module."""
        nodes = list(ast.walk(ast.parse(source)))
        tokens = tokenize.generate_tokens(io.StringIO(source).readline)
        return cls(
            lines=len(code_lines(source)),
            statements=sum(map(is_statement, nodes)),
            branches=branches_in(nodes),
            conditionals=sum(isinstance(node, ast.IfExp) for node in nodes),
            expressions=sum(isinstance(node, ast.expr) for node in nodes),
            comments=sum(token.type == tokenize.COMMENT for token in tokens),
        )

    def __add__(self, other: Density) -> Density:
        return Density(
            lines=self.lines + other.lines,
            statements=self.statements + other.statements,
            branches=self.branches + other.branches,
            conditionals=self.conditionals + other.conditionals,
            expressions=self.expressions + other.expressions,
            comments=self.comments + other.comments,
        )

    def in_100_statements(self, number: int) -> float:
        """So many of something in 100 statements."""
        return 100 * number / max(self.statements, 1)

    @property
    def comments_in_100_lines(self) -> float:
        """Comments in 100 lines of code."""
        return 100 * self.comments / max(self.lines, 1)


@dataclass(frozen=True)
class Function:
    """One function.

    Args:
        name: its own.
        line: on which it begins.
        complexity: one, and one for each branch in it.
        lines: of code.
    """

    name: str
    line: int
    complexity: int
    lines: int


def functions_in(source: str) -> Iterator[Function]:
    """Every function of a module; one inside another counts for both."""
    lines = code_lines(source)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inside = (inner for statement in node.body for inner in ast.walk(statement))
            size = len(lines & set(range(node.lineno, node.end_lineno + 1)))
            yield Function(node.name, node.lineno, 1 + branches_in(inside), size)
