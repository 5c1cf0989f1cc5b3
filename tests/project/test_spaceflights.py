"""A team's day on a project like spaceflights: a request, its review, the squash merge, promote, and back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.git import git
from support.spaceflights import Spaceflights

pytest.importorskip("sklearn", reason="the model is scikit-learn's")
pytest.importorskip("openpyxl", reason="the shuttles are in a workbook")


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spaceflights:
    """The project on main, whose pipeline has run there."""
    project: Spaceflights = Spaceflights.on_main(tmp_path, monkeypatch)
    return project


def change(project: Spaceflights) -> None:
    """A third feature, and ratings that nobody throws away."""
    parameters = project.folder / "conf/base/parameters.yml"
    parameters.write_text("features: [engines, crew, rating]\n")
    nodes = project.folder / "src/spaceflights/nodes.py"
    nodes.write_text(nodes.read_text().replace('companies["company_rating"] =', 'companies["rate"] ='))
    shutil.rmtree(nodes.parent / "__pycache__", ignore_errors=True)


def test_squash_merge(team: Spaceflights, tmp_path: Path) -> None:
    """Main shows to the last value what the branch showed, from the bot's clone of depth 1, and nothing runs again."""
    on_main = team.answers(team.catalog())
    team.switch("feature/rating")
    change(team)
    team.git("commit", "-qam", "A third feature")
    team.git("push", "-q", "-u", "origin", "feature/rating")
    team.run()
    team.assert_main_unchanged()
    reviewed = team.answers(team.catalog())
    assert reviewed["metrics"]["features"] == ["engines", "crew", "rating"]
    assert reviewed != on_main
    # The code of main moves on under it, in a file that the branch did not change.
    team.git("switch", "-q", "main")
    (team.folder / "src/spaceflights/more.py").write_text("x = 1\n")
    team.git("add", ".")
    team.git("commit", "-qm", "another request")
    team.merged("feature/rating")
    assert team.answers(team.catalog()) == on_main

    bot = Spaceflights(tmp_path / "bot", team.patch)
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{tmp_path / 'origin.git'}", str(bot.folder))
    (bot.folder / "data").symlink_to(team.folder / "data")
    team.patch.chdir(bot.folder)
    plan = bot.json("promote", "--branch", "feature/rating")
    assert {item["code"] for item in plan["items"]} == {"contained"}
    assert len(plan["items"]) == 5
    done = bot.call("promote", "--branch", "feature/rating", "--yes")
    assert "Promoted 5 datasets, 5 objects." in done.stderr

    team.patch.chdir(team.folder)
    assert team.answers(team.catalog()) == reviewed
    assert len(list((team.folder / "data/06_models/regressor.pickle").iterdir())) == 2
    assert not [path for path in team.files() if "--" in path]
    # Main's own run of the merged code gives the same: what was promoted is what main would have made.
    team.run()
    assert team.answers(team.catalog()) == reviewed


@pytest.mark.slow
def test_back(team: Spaceflights) -> None:
    """Nobody has run main since: the undo branch brings it back to the byte."""
    team.switch("feature/rating")
    change(team)
    team.git("commit", "-qam", "A third feature")
    team.git("push", "-q", "-u", "origin", "feature/rating")
    team.run()
    team.merged("feature/rating")
    team.call("promote", "--branch", "feature/rating", "--yes")
    (undo,) = {audit["undo"] for audit in team.json("branches", "--promoted")}
    team.call("promote", "--branch", undo, "--yes")
    team.assert_main_unchanged()
