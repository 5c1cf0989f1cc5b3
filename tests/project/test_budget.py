"""Size and shape are a budget: what the project may not outgrow, and what may never be in it."""

import ast
import importlib.util
import io
import os
import pwd
import re
import subprocess
import tokenize
from pathlib import Path

import pytest

TOP_LEVEL = {"pyproject.toml", "steel_toes", "examples", "tests", "README.md", "LICENSE", "CHANGELOG.md"}
HIDDEN = {".ci", ".github", ".gitignore"}
NOT_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
    tokenize.ENCODING,
}
# The brackets keep these lines from holding what they forbid.
REGISTRY = r"pypi[.]org|pythonhosted[.]org|registry[.]npmjs|https?://[^\s\"']+/simple\b|(?:index|registry)[-_]url"


def code_lines(source: str) -> set[int]:
    """The numbers of the lines that hold code: no blank lines, no comments, no docstrings."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NOT_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                lines -= set(range(first.lineno, first.end_lineno + 1))
    return lines


@pytest.fixture(scope="module")
def modules() -> dict[str, str]:
    """The source of each module of the installed package."""
    package = Path(importlib.util.find_spec("steel_toes").submodule_search_locations[0])
    return {path.relative_to(package).as_posix(): path.read_text() for path in sorted(package.rglob("*.py"))}


@pytest.fixture(scope="module")
def tracked(root) -> list[str]:
    """The paths of the files that Git tracks, or would with `git add --all`."""
    listed = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(listed, capture_output=True, text=True, check=True)
    return [path for path in done.stdout.split("\0") if path and (root / path).exists()]


def test_lines_are_counted_as_they_read():
    """Code is what is left without blank lines, comments and docstrings; a string of three lines is three lines."""
    source = '"""Doc.\n\nMore.\n"""\n\n# why\nx = """a\n\nb"""  # c\n\n\ndef f():\n    """Doc."""\n    return x\n'
    assert code_lines(source) == {7, 8, 9, 12, 14}


def test_package_is_small(modules):
    """The package has at most 3,300 lines of code: 2,250 were the law's, and the commands took the rest."""
    assert sum(len(code_lines(source)) for source in modules.values()) <= 3_300


def test_modules_are_small(modules):
    """Each module has at most 300 lines of code."""
    sizes = {name: len(code_lines(source)) for name, source in modules.items()}
    assert {name: size for name, size in sizes.items() if size > 300} == {}


def test_functions_are_small(modules):
    """Each function has at most 25 lines of code."""
    long = {}
    for name, source in modules.items():
        lines = code_lines(source)
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                size = len(lines & set(range(node.lineno, node.end_lineno + 1)))
                if size > 25:
                    long[f"{name}:{node.lineno} {node.name}"] = size
    assert long == {}


def test_package_is_eight_packages(modules):
    """`ls steel_toes` is the architecture: eight packages, whose `__init__` is one sentence and hands nothing on."""
    packages = {name.split("/")[0] for name in modules if "/" in name}
    assert packages == {"naming", "checkout", "stores", "records", "datasets", "catalog", "actions", "cli"}
    for package in packages:
        (sentence,) = ast.parse(modules[f"{package}/__init__.py"]).body
        assert ast.literal_eval(sentence.value).strip().endswith(".")


@pytest.mark.repository
def test_top_level_is_as_promised(tracked):
    """At the top of the repository lies what the design names; everything else is hidden."""
    assert {path.split("/")[0] for path in tracked} <= TOP_LEVEL | HIDDEN


@pytest.mark.repository
def test_no_lock_file(tracked):
    """No lock file is tracked: it records a registry's host."""
    assert [path for path in tracked if re.search(r"(^|/)(.*\.lock|.*-lock\.(json|yaml))$", path)] == []


@pytest.mark.repository
def test_nothing_of_the_machine(root, tracked):
    """No tracked file names a package registry or an absolute path of the machine that wrote it."""
    machine = [re.escape(f"{folder}/") for folder in (root, pwd.getpwuid(os.getuid()).pw_dir) if str(folder) != "/"]
    forbidden = re.compile("|".join([REGISTRY, r"(?<![\w.:/])[/]work/", *machine]))
    found = []
    for path in tracked:
        for number, line in enumerate((root / path).read_text(errors="replace").splitlines(), 1):
            if forbidden.search(line):
                found.append(f"{path}:{number}: {line.strip()}")
    assert found == []
