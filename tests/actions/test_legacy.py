"""A project that had steel-toes 0.5.0: its files are nobody's, until `adopt --from-0.5` copies and records them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from kedro.io import DataCatalog

from steel_toes import SteelToes
from steel_toes.cli.commands import group
from support.files import write
from support.project import Project

VERSION = "2023-01-01T00.00.00.000Z"
CATALOG = {
    "a": {"type": "text.TextDataset", "filepath": "data/a.txt"},
    "gz": {"type": "text.TextDataset", "filepath": "data/b.csv.gz"},
    "model": {"type": "pickle.PickleDataset", "filepath": "data/model.pickle", "versioned": True},
    "report": {"type": "text.TextDataset", "filepath": "data/report.txt"},
    "report_old": {"type": "text.TextDataset", "filepath": "data/report_old.txt"},
    "parts": {"type": "partitions.PartitionedDataset", "path": "data/parts", "dataset": "text.TextDataset"},
    "not_installed": {"type": "nowhere.NoDataset", "filepath": "data/n.txt"},
}
MAIN = {f"data/{name}": "main's" for name in ("a.txt", "b.csv.gz", "report.txt", "report_old.txt", "parts/x", "c.txt")}
OLD = {
    "data/a_old.txt": "old's",  # as 0.5.0 named them: behind the last stem
    "data/b.csv_old.gz": "old's",
    f"data/model_old.pickle/{VERSION}/model_old.pickle": "old's",
    "data/c_old.txt": "of a dataset that is no more",
}


class OldProject(Project):
    """A project that had steel-toes 0.5.0."""

    package = "old"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Kedro project with main's data and files of steel-toes 0.5.0; main's have the same bytes in the end."""
    write(tmp_path, {**MAIN, **OLD})
    project = OldProject.committed(tmp_path, {"conf/base/catalog.yml": yaml.safe_dump(CATALOG)}, monkeypatch)
    project.switch("new")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    project.assert_main_unchanged()


def run(*arguments: str) -> Result:
    """Call `steel-toes adopt --from-0.5`."""
    return CliRunner().invoke(group, ["adopt", "--from-0.5", *arguments])


def load(branch: str, name: str) -> Any:
    """What a dataset gives on a branch."""
    catalog = DataCatalog.from_config({name: CATALOG[name]})
    SteelToes(branch=branch).after_catalog_created(catalog)
    return catalog.load(name)


def records(project: Path) -> list[Path]:
    """All records."""
    return list(project.glob("data/_steel_toes/*/*.json"))


def test_left_alone(project):
    """Files of 0.5.0 are not ours: a branch reads main's, and no command lists them."""
    assert load("old", "a") == "main's"
    assert json.loads(CliRunner().invoke(group, ["branches", "--json"]).stdout) == []


def test_plan(project):
    """Without --yes the plan is printed and nothing is copied; an entry's main copy is never taken for a branch's."""
    done = run("--branch", "old", "--json")
    assert done.exit_code == 0, done.output
    planned = {Path(row["path"]).relative_to(project).as_posix(): row["dataset"] for row in json.loads(done.stdout)}
    assert planned == dict(zip(list(OLD)[:3], ("a", "gz", "model"), strict=True))
    assert "--yes" in done.stderr
    assert records(project) == []


def test_adopted(project):
    """With --yes each is copied to its place and recorded; the branch reads it, others main's; 0.5.0's file stays."""
    assert run("--branch", "old", "--yes").exit_code == 0
    assert (load("old", "a"), load("new", "a")) == ("old's", "main's")
    assert load("old", "gz") == "old's"
    assert (project / f"data/model--old.pickle/{VERSION}/model--old.pickle").read_text() == "old's"
    assert len(records(project)) == 3
    again = run("--branch", "old", "--yes")
    assert (again.exit_code, len(records(project))) == (0, 3)
    assert "Nothing to record" in again.stderr


def test_own_copy_wins(project):
    """What the branch has saved since is not overwritten."""
    catalog = DataCatalog.from_config({"a": CATALOG["a"]})
    SteelToes(branch="old").after_catalog_created(catalog)
    catalog.save("a", "newer")
    assert run("--branch", "old", "--yes").exit_code == 0
    assert load("old", "a") == "newer"


@pytest.mark.parametrize("arguments", [["--branch", "main"], ["--branch", " "], ["--branch", "old", "a"]])
def test_refused(project, arguments):
    """Main has no branch copies, a blank name is no branch's, and a subject with --from-0.5 is wrong usage."""
    assert run(*arguments, "--yes").exit_code != 0
    assert records(project) == []
