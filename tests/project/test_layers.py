"""Each package and each library has its place, and a wrong import fails: the linter's contracts are shown to bite."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.repository

# What somebody adds to a module, and the contract that it breaks.
WRONG = {
    "naming/layout.py: from steel_toes.stores.base import Store": "The packages are layers",
    "errors.py: from steel_toes.naming.branch import Branch": "The packages are layers",
    "records/ledger.py: from steel_toes.datasets.registry import Rule": "The packages are layers",
    "catalog/policy.py: from steel_toes.actions.plan import CleanPlan": "The packages are layers",
    "hook.py: from steel_toes.cli.output import say": "The packages are layers",
    "catalog/policy.py: import git": "Each library has its place",
    "checkout/find.py: import git": "Each library has its place",
    "records/ledger.py: import fsspec": "Each library has its place",
    "actions/clean.py: import click": "Each library has its place",
    "actions/status.py: from rich.table import Table": "Each library has its place",
    "datasets/versions.py: from steel_toes.datasets.whole import BranchedWhole": "The kinds of datasets",
    "datasets/partitions.py: from steel_toes.datasets.increments import BranchedIncrements": "The kinds of datasets",
    "stores/local.py: from steel_toes.stores.s3 import S3Store": "The stores do not know each other",
    "actions/clean.py: from steel_toes.actions.adopt import Adoption": "The verbs do not know each other",
}


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    """A copy of the source with its settings."""
    shutil.copytree(root / "steel_toes", tmp_path / "steel_toes", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", tmp_path)
    return tmp_path


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """What import-linter says of a copy."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c(['--no-cache'])"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def test_the_source_keeps_its_contracts(copy: Path) -> None:
    """Every contract is kept by the source as it is."""
    done = lint(copy)
    assert done.returncode == 0, done.stdout
    assert "5 kept, 0 broken" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_import_fails(copy: Path, wrong: str) -> None:
    """An import against the order of the packages, of a library or within a family breaks the contract about it."""
    name, line = wrong.split(": ")
    module = copy / "steel_toes" / name
    first, *rest = module.read_text().split("from __future__ import annotations\n")
    module.write_text(f"{first}from __future__ import annotations\n\n{line}\n{''.join(rest)}")
    done = lint(copy)
    assert done.returncode == 1
    assert f"{WRONG[wrong]}" in done.stdout.split("Broken contracts")[1]
