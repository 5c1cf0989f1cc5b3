"""examples/ci: the files are what the forges take, and their commands do in a real checkout what they say."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.environment import ROOT
from support.git import git
from support.mill import Mill

pytest.importorskip("kedro_datasets.text", reason="the project's data is text")

EXAMPLES = ROOT / "examples" / "ci"
GITHUB, GITLAB = EXAMPLES / "on-merge.github.yml", EXAMPLES / "on-merge.gitlab.yml"
TEAM_DATA = "/mnt/team-data/flights"


@pytest.fixture
def mill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mill:
    """A project whose branch cubic was merged while main moved on; nobody has promoted yet."""
    mill = Mill.on_main(tmp_path, monkeypatch)
    mill.on_branch("cubic", "cubic")
    mill.merged("cubic")
    return mill


def commands_of(steps: list[str], data: Path) -> list[str]:
    """What a job runs here: with this data, and with what is installed already."""
    commands = [step.replace(TEAM_DATA, shlex.quote(str(data))) for step in steps]
    return [command for command in commands if not command.startswith("pip install")]


def run_job(commands: list[str], checkout: Path, variables: dict[str, str]) -> str:
    """What a job prints that succeeds, each command in a shell of its own as forges run it."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    printed = ""
    for command in commands:
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", command],
            cwd=checkout,
            env={**os.environ, "PATH": path, **variables},
            capture_output=True,
            text=True,
            timeout=200,
        )
        printed += done.stdout + done.stderr
        assert done.returncode == 0, printed
    return printed


def checked_out(mill: Mill, ref: str) -> Path:
    """A fresh clone at a commit, as a forge makes it: on no branch."""
    folder = mill.folder.parent / "checkout"
    git(mill.folder.parent, "clone", "-q", str(mill.folder.parent / "origin.git"), str(folder))
    git(folder, "checkout", "-q", "--detach", ref)
    return folder


def github_job(mill: Mill, event: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    """The commands of GitHub's job, and its environment for an event."""
    job = yaml.safe_load(GITHUB.read_text())["jobs"]["promote"]
    commands = [step["run"] for step in job["steps"] if "run" in step]
    path = mill.folder.parent / "event.json"
    path.write_text(json.dumps(event))
    head = event["pull_request"]["head"]["ref"]
    variables = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_HEAD_REF": head,
        "GITHUB_REF": "refs/pull/7/merge",
        "GITHUB_REPOSITORY": "team/mill",
        "GITHUB_EVENT_PATH": str(path),
    }
    return commands, variables | {
        name: text.replace("${{ github.head_ref }}", head) for name, text in job["env"].items()
    }


def event_of(branch: str) -> dict[str, Any]:
    """What GitHub says of a request that is closed."""
    head = {"ref": branch, "repo": {"full_name": "team/mill"}}
    return {"action": "closed", "pull_request": {"number": 7, "merged": True, "head": head}}


class TestFiles:
    """The files are what the forges take."""

    @pytest.mark.parametrize(
        ("path", "options"),
        [
            (GITHUB, ["vendor.github-workflows"]),
            (GITLAB, ["vendor.gitlab-ci", "--data-transform", "gitlab-ci"]),
            (ROOT / ".github/workflows/ci.yml", ["vendor.github-workflows"]),
        ],
        ids=["GitHub", "GitLab", "our own"],
    )
    def test_schema(self, path: Path, options: list[str]) -> None:
        """By the schemas that the forges publish."""
        linter = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", *options]
        done = subprocess.run([*linter, str(path)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def test_no_branch_in_a_command(self) -> None:
        """Whoever names a branch must not be able to run what he likes with the bot's credentials."""
        steps = yaml.safe_load(GITHUB.read_text())["jobs"]["promote"]["steps"]
        assert not [step for step in steps if "${{" in step.get("run", "")]

    def test_forks_are_left_out(self) -> None:
        """Their data has another name, and somebody else has written it."""
        job = yaml.safe_load(GITHUB.read_text())["jobs"]["promote"]
        assert "head.repo.full_name == github.repository" in job["if"]


class TestJobs:
    """Their commands, in a fresh checkout of what was merged, with the team's data linked."""

    def test_github(self, mill: Mill) -> None:
        """The branch's data is main's, and nothing of the branch is left; the job may be run again."""
        merged = git(mill.folder, "rev-parse", "HEAD")
        (mill.folder / "src/mill/other.py").write_text("moved_on = True\n")
        mill.git("add", ".")
        mill.git("commit", "-qm", "another request")
        mill.git("push", "-q")
        checkout = checked_out(mill, merged)
        commands, variables = github_job(mill, event_of("cubic"))
        commands = commands_of(commands, mill.folder / "data")
        assert "Promoted 3 datasets" in run_job(commands, checkout, variables)
        assert (mill.text("02/table.txt"), mill.text("02/note.txt")) == ("cubic", "CUBIC")
        assert not [path for path in mill.files() if "--cubic" in path]
        again = run_job(commands, checkout, variables)
        assert "Promoted" not in again

    def test_github_without_data(self, mill: Mill) -> None:
        """A request that changed documents alone ends well, too."""
        checkout = checked_out(mill, "HEAD")
        commands, variables = github_job(mill, event_of("docs"))
        assert "Promoted" not in run_job(commands_of(commands, mill.folder / "data"), checkout, variables)
        mill.assert_main_unchanged()

    def test_github_needs_to_say_that_it_is_main(self, mill: Mill) -> None:
        """GitHub calls the job the request's branch, which promotes itself never."""
        checkout = checked_out(mill, "HEAD")
        commands, variables = github_job(mill, event_of("cubic"))
        del variables["STEEL_TOES_BRANCH"]
        with pytest.raises(AssertionError, match="This process is on that branch"):
            run_job(commands_of(commands, mill.folder / "data"), checkout, variables)
        mill.assert_main_unchanged()

    def test_gitlab(self, mill: Mill) -> None:
        """Without a branch's name: what was merged is promoted, what was not stays."""
        mill.on_branch("draft", "draft")
        mill.git("switch", "-q", "main")
        checkout = checked_out(mill, "origin/main")
        job = yaml.safe_load(GITLAB.read_text())["promote"]
        variables = {"GITLAB_CI": "true", "CI_COMMIT_BRANCH": "main", "CI_PIPELINE_SOURCE": "push", **job["variables"]}
        commands = commands_of(job["script"], mill.folder / "data")
        printed = run_job(commands, checkout, variables)
        assert "Promoted 3 datasets" in printed
        assert mill.text("02/table.txt") == "cubic"
        assert (mill.folder / "data/02/table--draft.txt").read_text() == "draft"
        assert "Nothing is promoted." in run_job(commands_of(job["script"], mill.folder / "data"), checkout, variables)
