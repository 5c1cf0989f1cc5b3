"""`whoami`: which branch it is, how that was decided, and what a container needs to know of it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from support.git import git
from support.studio import Studio
from support.team import SLUG


class TestWhoami:
    """The branch, and how that was decided."""

    @pytest.mark.contract
    def test_facts(self, studio: Studio) -> None:
        """These are the facts, and Git told the branch after three others had not."""
        facts = studio.json("whoami")
        keys = ["branch", "slug", "from", "why", "tried", "is_main", "main", "project", "enabled"]
        assert list(facts) == [*keys, "main_from", "project_from"]
        tried = facts.pop("tried")
        assert [any(word in line for line in tried) for word in ("SteelToes(branch", "STEEL_TOES_BRANCH", "CI")] == [
            True
        ] * 3
        assert facts == {
            "branch": "feature/x",
            "slug": SLUG,
            "from": "Git",
            "why": "",
            "is_main": False,
            "main": ["main", "master"],
            "project": None,
            "enabled": True,
            "main_from": "the default",
            "project_from": "the remote, if any",
        }

    def test_shown(self, studio: Studio) -> None:
        """People read the branch, its slug, who told it, and what was asked before."""
        shown = studio.call("whoami").stdout
        for words in ("feature/x", SLUG, "Git", "STEEL_TOES_BRANCH is not set"):
            assert words in shown

    @pytest.mark.parametrize(
        ("variables", "branch", "source", "tried"),
        [
            ({"STEEL_TOES_BRANCH": "other"}, "other", "STEEL_TOES_BRANCH", 1),
            ({"CI": "true", "GITLAB_CI": "true", "CI_COMMIT_BRANCH": "other"}, "feature/x", "Git", 3),
        ],
    )
    def test_variables(self, studio: Studio, variables: dict, branch: str, source: str, tried: int) -> None:
        """A variable comes before Git, and Git before CI's branch."""
        for name, value in variables.items():
            studio.patch.setenv(name, value)
        facts = studio.json("whoami")
        assert (facts["branch"], facts["from"], len(facts["tried"])) == (branch, source, tried)

    def test_argument(self, studio: Studio) -> None:
        """SteelToes(branch=...) comes first: nothing else was tried."""
        studio.settings('branch="fixed", main="trunk", project="ours"')
        facts = studio.json("whoami")
        assert (facts["branch"], facts["tried"], facts["main"], facts["project"]) == ("fixed", [], ["trunk"], "ours")

    def test_detached(self, studio: Studio) -> None:
        """On a detached HEAD the branch is unknown, which is no failure, and the reason is told."""
        studio.git("switch", "-q", "--detach")
        facts = studio.json("whoami")
        assert (facts["branch"], facts["slug"], facts["is_main"]) == (None, "", False)
        assert "detached" in facts["why"]
        assert "detached" in studio.call("whoami").stdout

    def test_without_git(self, studio: Studio) -> None:
        """Outside a Git repository the branch is unknown, and that is the reason that is told."""
        shutil.rmtree(studio.folder / ".git")
        facts = studio.json("whoami")
        assert (facts["branch"], facts["tried"][-1]) == (None, facts["why"].rstrip("."))
        assert "is not in a Git repository" in facts["why"]

    def test_ci(self, studio: Studio) -> None:
        """On a detached HEAD, CI's branch is told as CI's, and that Git did not know."""
        studio.git("switch", "-q", "--detach")
        studio.patch.setenv("GITLAB_CI", "true")
        studio.patch.setenv("CI_COMMIT_BRANCH", "other")
        facts = studio.json("whoami")
        assert (facts["branch"], facts["from"]) == ("other", "GitLab CI")
        assert "detached" in facts["tried"][-1]

    @pytest.mark.parametrize("main", ["main", "master"])
    def test_main(self, studio: Studio, main: str) -> None:
        """On main it says so."""
        studio.git("switch", "-q", "-C", main)
        facts = studio.json("whoami")
        assert (facts["branch"], facts["is_main"]) == (main, True)

    def test_disabled(self, studio: Studio) -> None:
        """Switched off, it says so."""
        studio.patch.setenv("STEEL_TOES_ENABLED", "no")
        assert studio.json("whoami")["enabled"] is False

    @pytest.fixture
    def remote(self, studio: Studio, tmp_path: Path) -> Path:
        """A remote whose HEAD is trunk."""
        folder = tmp_path / "remote.git"
        git(tmp_path, "init", "-q", "--bare", "-b", "trunk", str(folder))
        studio.git("remote", "add", "origin", str(folder))
        studio.git("push", "-q", "origin", "feature/x:trunk", "feature/x:main")
        return folder

    def test_other_main(self, studio: Studio, remote: Path) -> None:
        """Where the remote's HEAD is another than main, a warning on stderr says so, and what to set."""
        result = studio.call("whoami", "--json")
        assert json.loads(result.stdout)["project"] == str(remote.with_suffix(""))
        assert "Warning: the remote's HEAD is trunk, and main is main and master." in result.stderr
        assert 'SteelToes(main="trunk")' in result.stderr

    @pytest.mark.parametrize("how", ["argument", "variable", "remote"])
    def test_same_main(self, studio: Studio, remote: Path, how: str) -> None:
        """Where both agree, nothing is said."""
        if how == "argument":
            studio.settings('main="trunk"')
        elif how == "variable":
            studio.patch.setenv("STEEL_TOES_MAIN", "trunk")
        else:
            git(remote, "symbolic-ref", "HEAD", "refs/heads/main")
        assert "Warning" not in studio.call("whoami").stderr

    def test_silent_remote(self, studio: Studio, remote: Path) -> None:
        """A remote that gives no answer is no failure."""
        shutil.rmtree(remote)
        assert studio.json("whoami")["branch"] == "feature/x"

    @pytest.mark.contract
    @pytest.mark.parametrize("name", ["feature/x", "it's $HOME", 'a"b`id`\\c', "日本 語", "x;false", "a\nb"])
    def test_env(self, studio: Studio, name: str) -> None:
        """What --env prints gives a shell the same branch and main, whatever is in their names."""
        studio.patch.setenv("STEEL_TOES_BRANCH", name)
        studio.patch.setenv("STEEL_TOES_MAIN", f"main of {name}")
        script = 'eval "$1"; printf %s "$STEEL_TOES_BRANCH|$STEEL_TOES_MAIN"'
        command = ["env", "-i", "bash", "-c", script, "-", studio.call("whoami", "--env").stdout]
        done = subprocess.run(command, capture_output=True, check=True)
        assert done.stdout.decode() == f"{name}|main of {name}"

    def test_env_of_both_mains(self, studio: Studio) -> None:
        """As long as both main and master are main, --env says the branch alone."""
        assert studio.call("whoami", "--env").stdout == "export STEEL_TOES_BRANCH=feature/x\n"

    @pytest.mark.contract
    def test_env_unknown(self, studio: Studio) -> None:
        """While the branch is unknown --env fails with the reason, and a shell would set nothing."""
        studio.git("switch", "-q", "--detach")
        result = studio.call("whoami", "--env", exit_code=1)
        assert result.stdout == ""
        assert "detached" in result.stderr
