"""What a run says that somebody might overlook: of its inputs, and of the branch's former name."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kedro.pipeline import node, pipeline
from kedro.runner import SequentialRunner, ThreadRunner

from support.project import Project
from support.promoting import Promoting
from support.runs import RunningTeam, chain
from support.servers import needs
from support.team import SLUG

TEXT = {"type": "text.TextDataset"}


class DiskTeam(RunningTeam):
    """A team on a disk, which has no proxy."""

    def fresh(self) -> None:
        """There is nothing to forget."""


@pytest.fixture(params=["disk", "s3"])
def team(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningTeam]:
    """A team on the disk, and one in a bucket; main must be as it saved it when the test is over."""
    if request.param == "disk":
        team = DiskTeam.on_disk(tmp_path / "team")
        yield team
        team.check()
        return
    needs("s3", "s3fs", "moto", install="the group `stores`")
    with RunningTeam.behind_proxy(request.getfixturevalue("moto"), tmp_path) as team:
        yield team


@pytest.fixture
def conf(team: RunningTeam) -> dict[str, Any]:
    """Its entries."""
    own = {"credentials": "own"} if hasattr(team, "proxy") else {}
    conf: dict[str, Any] = {name: {**TEXT, **own, "filepath": f"data/02/{name}.txt"} for name in ("a", "b", "c")}
    return conf


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Our own lines since the last time they were asked for."""
    caplog.set_level(logging.INFO)

    def lines() -> list[str]:
        texts = [record.getMessage() for record in caplog.records if record.name == "steel_toes"]
        caplog.clear()
        return texts

    return lines


@pytest.mark.parametrize("runner", [SequentialRunner, ThreadRunner])
def test_main_goes_on(team: RunningTeam, conf: dict[str, Any], said: Callable[[], list[str]], runner: Any) -> None:
    """An input of the branch's own whose main copy has changed since is named; no other is."""
    team.main_saves(conf, a="main's a", b="main's b", c="main's c")
    team.run(conf, chain("a", "b"), runner())
    assert not [line for line in said() if "has changed" in line]
    team.run(conf, chain("b", "c"), runner())
    assert not [line for line in said() if "has changed" in line]
    team.main_saves(conf, b="main's newer b", c="main's newer c")
    team.run(conf, chain("b", "c"), runner())
    (line,) = [line for line in said() if "has changed" in line]
    assert line.startswith("steel-toes: main's data of 1 input has changed since the branch's copies began: b. ")
    assert line.endswith("`steel-toes clean --branch feature/x b`")
    team.run(conf, chain("a", "b", "c"), runner())
    assert not [line for line in said() if "has changed" in line]


def test_a_file_without_a_record(team: RunningTeam, conf: dict[str, Any], said: Callable[[], list[str]]) -> None:
    """What somebody put at the place of an input's copy is ignored, and one warning says so; main's is read."""
    team.main_saves(conf, a="main's a", b="main's b")
    team.run(conf, chain("a", "c"))
    assert not [line for line in said() if "ignored" in line]
    team.plain({"put": {**conf["a"], "filepath": f"data/02/a--{SLUG}.txt"}}).save("put", "by hand")
    catalog = team.run(conf, chain("a", "c"))
    (line,) = [line for line in said() if "ignored" in line]
    assert "the files at the branch's places of a have no record, and are ignored: main's are read" in line
    assert line.endswith("`steel-toes adopt a`")
    assert catalog.load("c") == "main's ac"


def test_a_promote_that_has_not_ended(team: RunningTeam, conf: dict[str, Any], said: Callable[[], list[str]]) -> None:
    """Another branch's, too: what the run reads of main may be half that branch's. One line for all its datasets."""
    team.main_saves(conf, a="main's a", b="main's b", c="main's c")
    fix = team.catalog("fix", conf)
    fix.save("a", "the fix's a")
    fix.save("b", "the fix's b")
    bot = Promoting(team.plain(conf), team.folder, team.hook("main"))
    promotions = bot.plan("fix").promotions
    for promotion in promotions:
        promotion.claim_file.create(promotion.claim)
    team.run(conf, chain("a", "c"))
    (line,) = [line for line in said() if "has not ended" in line]
    assert line.startswith("steel-toes: The promote of branch fix (2 datasets) that bot began at ")
    assert "`steel-toes promote --branch fix`" in line
    assert bot.abandon("fix") == []
    team.run(conf, chain("a", "c"))
    assert not [line for line in said() if "has not ended" in line]


def test_partitions_that_main_has_changed(
    team: RunningTeam, conf: dict[str, Any], said: Callable[[], list[str]]
) -> None:
    """Of partitions those count that the branch has, too."""
    own = {name: value for name, value in conf["a"].items() if name == "credentials"}
    conf["parts"] = {"type": "partitions.PartitionedDataset", "path": "data/03/parts", "dataset": TEXT, **own}
    team.main_saves(conf, parts={"x": "main's x", "y": "main's y"})
    team.branch(conf).save("parts", {"x": "the branch's x"})
    nodes = pipeline([node(len, "parts", "number", name="count")])
    team.main_saves(conf, parts={"y": "main's newer y"})
    team.run(conf, nodes)
    assert not [line for line in said() if "has changed" in line]
    team.main_saves(conf, parts={"x": "main's newer x"})
    team.run(conf, nodes)
    assert len([line for line in said() if "has changed" in line]) == 1


def test_a_run_that_fails_has_said_it(team: RunningTeam, conf: dict[str, Any], said: Callable[[], list[str]]) -> None:
    """What a run reads is said before its first node."""
    team.main_saves(conf, a="main's a", b="main's b")
    team.branch(conf).save("b", "the branch's b")
    team.plain({"put": {**conf["a"], "filepath": f"data/02/a--{SLUG}.txt"}}).save("put", "by hand")
    team.main_saves(conf, b="main's newer b")

    def fail(*_: str) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        team.run(conf, pipeline([node(fail, ["a", "b"], "c", name="fail")]))
    texts = said()
    assert [sum(word in line for line in texts) for word in ("has changed", "ignored")] == [1, 1]


def test_nothing_fails_a_run_that_has_ended(tmp_path: Path, said: Callable[[], list[str]]) -> None:
    """What cannot be looked at is not spoken of; an empty folder is nothing."""
    team = DiskTeam.on_disk(tmp_path / "team")
    conf = {name: {**TEXT, "filepath": f"data/02/{name}.txt"} for name in ("a", "b", "c", "d")}
    team.main_saves(conf, a="main's a", b="main's b")
    loop = tmp_path / f"team/data/02/a--{SLUG}.txt"
    loop.symlink_to(loop.name)
    (tmp_path / f"team/data/02/b--{SLUG}.txt").mkdir()
    team.run(conf, chain("a", "c") + chain("b", "d"))
    assert not [line for line in said() if "ignored" in line]
    loop.unlink()
    team.check()


REGISTRY = """
from kedro.pipeline import Pipeline, node


def register_pipelines():
    return {"__default__": Pipeline([node(repr, "a", "b")])}
"""
CATALOG = """
a: {type: text.TextDataset, filepath: data/02/a.txt}
b: {type: text.TextDataset, filepath: data/02/b.txt}
"""


class Renamed(Project):
    """A project whose branch is renamed."""

    package = "renamed"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Renamed]:
    """On the branch `old`."""
    files = {
        "conf/base/catalog.yml": CATALOG,
        "src/renamed/pipeline_registry.py": REGISTRY,
        "data/02/a.txt": "main's a",
        "data/02/b.txt": "main's b",
    }
    project = Renamed.committed(tmp_path / "renamed", files, monkeypatch)
    monkeypatch.chdir(project.folder)
    project.switch("old")
    yield project
    project.assert_main_unchanged()


def run(project: Renamed) -> list[tuple[str, str]]:
    """The branch's name and a former one, of each line of `kedro run` that speaks of both."""
    done = project.python("-m", "kedro", "run", PYTHONPATH="src")
    assert "wrote 1 dataset to the branch: b" in done.stdout
    return re.findall(r"steel-toes: branch (\S+) was called (\S+) before it was renamed", done.stdout)


def test_a_renamed_branch(project: Renamed) -> None:
    """After `git branch -m` a run says that the old name's data is not read, as long as there is any."""
    assert run(project) == []
    project.git("branch", "-m", "feature/new")
    assert run(project) == [("feature/new", "old")]
    project.git("branch", "-m", "newest")
    assert run(project) == [("newest", "feature/new"), ("newest", "old")]
    project.call("clean", "--branch", "old", "--yes")
    project.call("clean", "--branch", "feature/new", "--yes")
    assert run(project) == []


def test_a_name_that_is_anothers_by_now(project: Renamed) -> None:
    """Nothing is said of a former name that another branch has by now, or under which nothing was saved."""
    project.git("branch", "-m", "never-saved")
    project.git("branch", "-m", "saved")
    assert run(project) == []
    project.git("branch", "-m", "new")
    project.git("branch", "saved")
    assert run(project) == []
