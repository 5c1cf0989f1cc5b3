"""The page of laws beside this file: every test that it names exists, and every file of laws is on it."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
NAMED = re.findall(r"`([\w/]+\.py)::([\w:]+)`", (TESTS / "laws" / "README.md").read_text())


def names_in(path: Path) -> set[str]:
    """The tests of a file, and its classes, as node ids without parameters have them."""
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names.add(node.name)
            names |= {f"{node.name}::{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)}
    return {name for name in names if name.split("::")[-1].lower().startswith("test")}


@pytest.mark.parametrize("path", sorted({path for path, _ in NAMED}))
def test_tests_on_the_page_exist(path: str) -> None:
    """What the page says of a file, is in it."""
    named = {name for of, name in NAMED if of == path}
    assert named <= names_in(TESTS / path)


def test_every_file_of_laws_is_on_the_page() -> None:
    """Each file of this folder holds something that the page lists."""
    files = {f"laws/{path.name}" for path in (TESTS / "laws").glob("test_*.py")} - {"laws/test_page.py"}
    assert files <= {path for path, _ in NAMED}


def test_nothing_else_is_named_so() -> None:
    """All that the page names in this form was read: a row is not left out for a slip of the pen."""
    page = (TESTS / "laws" / "README.md").read_text()
    assert len(NAMED) == page.count(".py::") > 60
