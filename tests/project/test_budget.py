"""Density and shape are a budget: what the project may not outgrow, and what may never be in it."""

import ast
import importlib.util
import os
import pwd
import re
import subprocess
from pathlib import Path

import pytest

from support.density import Density, functions_in

TOP_LEVEL = {"pyproject.toml", "steel_toes", "examples", "tests", "README.md", "LICENSE", "CHANGELOG.md"}
HIDDEN = {".ci", ".github", ".gitignore"}
# The brackets keep these lines from holding what they forbid.
REGISTRY = r"pypi[.]org|pythonhosted[.]org|registry[.]npmjs|https?://[^\s\"']+/simple\b|(?:index|registry)[-_]url"


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


@pytest.fixture(scope="module")
def densities(modules) -> dict[str, Density]:
    """The density of each module."""
    return {name: Density.of(source) for name, source in modules.items()}


def too_much(findings: dict[str, str]) -> str:
    """What a test that fails says: all of it, a line for each place."""
    return "\n".join([f"{len(findings)} over the limit:", *(f"{place}: {text}" for place, text in findings.items())])


def test_source_is_not_dense(densities):
    """In 100 statements are at most 28 branches, 2.5 conditional expressions and 580 expressions."""
    total = sum(densities.values(), Density())
    numbers = {
        "branches": (total.in_100_statements(total.branches), 28),
        "conditional expressions": (total.in_100_statements(total.conditionals), 2.5),
        "expressions": (total.in_100_statements(total.expressions), 580),
    }
    dense = {name: f"{number:.1f} ({limit})" for name, (number, limit) in numbers.items() if number > limit}
    assert not dense, too_much(dense)


def test_source_says_why(densities):
    """In 100 lines of code are at least 6 comments: a line whose reason is not in it has it beside it."""
    comments = sum(densities.values(), Density()).comments_in_100_lines
    assert comments >= 6, f"{comments:.1f} comments in 100 lines of code"


def test_modules_are_small(densities):
    """Each module has at most 400 lines of code: more are two concepts."""
    long = {name: f"{density.lines} lines (400)" for name, density in densities.items() if density.lines > 400}
    assert not long, too_much(long)


def test_modules_are_not_dense(densities):
    """Each module of 40 statements and more has at most 32 branches in 100 of them."""
    shares = {
        name: density.in_100_statements(density.branches)
        for name, density in densities.items()
        if density.statements >= 40
    }
    dense = {name: f"{share:.1f} branches in 100 statements (32)" for name, share in shares.items() if share > 32}
    assert not dense, too_much(dense)


def test_functions_are_small(modules):
    """Each function has a complexity of at most 9, and at most 50 lines of code."""
    functions = [(name, function) for name, source in modules.items() for function in functions_in(source)]
    large = {
        f"{name}:{function.line} {function.name}": f"complexity {function.complexity} (9), {function.lines} lines (50)"
        for name, function in functions
        if function.complexity > 9 or function.lines > 50
    }
    assert not large, too_much(large)


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
