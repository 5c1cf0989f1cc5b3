"""Which branch it is: what the settings mean, and who is asked before whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from steel_toes.checkout.find import find_branch, main_names
from steel_toes.errors import ConfigurationError
from steel_toes.naming.branch import Branch
from steel_toes.settings import is_enabled
from support.checkout import find
from support.git import git, stop_rebase

if TYPE_CHECKING:
    from pathlib import Path


class TestSettings:
    """What the settings mean."""

    @pytest.mark.parametrize(
        ("value", "answer"),
        [(v, True) for v in ("", " ", "true", "True", "1", "yes", "ON")]
        + [(v, False) for v in ("false", "FALSE", "0", "no", " off ")],
    )
    def test_enabled(self, value: str, answer: bool) -> None:
        """STEEL_TOES_ENABLED is read as people write booleans; blank is as if unset."""
        assert is_enabled({"STEEL_TOES_ENABLED": value}) is answer
        assert is_enabled({}) is True

    @pytest.mark.parametrize("value", ["flase", "2", "none"])
    def test_enabled_neither(self, value: str) -> None:
        """A STEEL_TOES_ENABLED that is neither true nor false is an error that names it."""
        with pytest.raises(ConfigurationError, match=f"STEEL_TOES_ENABLED='{value}'.*neither"):
            is_enabled({"STEEL_TOES_ENABLED": value})

    def test_main(self) -> None:
        """Main is the argument, else STEEL_TOES_MAIN, else the names main and master."""
        assert main_names(None, {}) == {"main", "master"}
        assert main_names(None, {"STEEL_TOES_MAIN": " "}) == {"main", "master"}
        assert main_names(None, {"STEEL_TOES_MAIN": "trunk"}) == {"trunk"}
        assert main_names(" develop ", {"STEEL_TOES_MAIN": "trunk"}) == {"develop"}

    @pytest.mark.parametrize("names", ["main,master", "main, develop", ","])
    def test_several_mains(self, names: str) -> None:
        """STEEL_TOES_MAIN names one branch: a list of them is an error, and no branch's name."""
        with pytest.raises(ConfigurationError, match=f"STEEL_TOES_MAIN='{names}'.*one branch.*SteelToes.main"):
            main_names(None, {"STEEL_TOES_MAIN": names})
        assert main_names("a,b", {"STEEL_TOES_MAIN": names}) == {"a,b"}

    @pytest.mark.parametrize("blank", ["", "  "])
    def test_blank_argument(self, blank: str, tmp_path: Path) -> None:
        """A blank argument is an error; it was meant to say something."""
        with pytest.raises(ConfigurationError, match=r"SteelToes\(main\)"):
            main_names(blank, {})
        with pytest.raises(ConfigurationError, match=r"SteelToes\(branch\)"):
            find_branch(tmp_path, branch=blank, environ={})


class TestOrder:
    """Who is asked before whom."""

    def test_argument(self, project: Path) -> None:
        """SteelToes(branch=...) wins over everything, and is stripped."""
        found = find_branch(project, branch=" mine ", environ={"STEEL_TOES_BRANCH": "other"})
        assert found == Branch("mine", "SteelToes(branch=...)")

    def test_variable(self, project: Path) -> None:
        """STEEL_TOES_BRANCH wins over a request and over Git, and is stripped."""
        found = find(project, STEEL_TOES_BRANCH=" mine\n", GITHUB_ACTIONS="true", GITHUB_HEAD_REF="other")
        assert (found.name, found.source, found.is_main) == ("mine", "STEEL_TOES_BRANCH", False)
        assert found.tried == ("SteelToes(branch=...) is not given",)

    @pytest.mark.parametrize("blank", ["", "  "])
    def test_blank_variable(self, project: Path, blank: str) -> None:
        """A blank STEEL_TOES_BRANCH counts as unset."""
        found = find(project, STEEL_TOES_BRANCH=blank)
        assert (found.name, found.source) == ("feature/x", "Git")
        assert found.tried[1] == "STEEL_TOES_BRANCH is not set"

    def test_variable_is_a_ref(self, project: Path) -> None:
        """`refs/heads/` before a name that a person gives is not part of it, so that main stays main."""
        git(project, "switch", "-q", "main")
        assert find(project, STEEL_TOES_BRANCH="refs/heads/main").is_main

    def test_variable_is_head(self, project: Path) -> None:
        """HEAD is never a branch's name: it is what Git prints for a detached HEAD."""
        with pytest.raises(ConfigurationError, match="STEEL_TOES_BRANCH='HEAD'"):
            find(project, STEEL_TOES_BRANCH="HEAD")

    def test_request_before_git(self, project: Path) -> None:
        """A CI system's request wins over Git, which may stand on the target."""
        found = find(project, BITBUCKET_BUILD_NUMBER="1", BITBUCKET_PR_ID="7", BITBUCKET_BRANCH="other")
        assert (found.name, found.source) == ("other", "Bitbucket Pipelines")

    def test_git_before_ci_branch(self, project: Path) -> None:
        """Git wins over a CI system's branch variable."""
        assert find(project, CIRCLECI="true", CIRCLE_BRANCH="other").name == "feature/x"

    def test_ci_branch(self, project: Path) -> None:
        """A CI system's branch variable answers where HEAD is detached."""
        git(project, "switch", "-q", "--detach")
        found = find(project, CIRCLECI="true", CIRCLE_BRANCH="other")
        assert (found.name, found.source) == ("other", "CircleCI")
        assert "detached" in found.tried[-1]

    def test_main(self, project: Path) -> None:
        """Main is main by name: of the two usual names, or only of the one that is set."""
        git(project, "switch", "-q", "main")
        assert find(project).is_main
        assert not find(project, STEEL_TOES_MAIN="feature/x").is_main
        assert find_branch(project, main="main", environ={}).is_main
        assert find(project, STEEL_TOES_BRANCH="master").is_main

    def test_unknown_request(self, project: Path) -> None:
        """A request without a source is unknown, whatever Git and the branch variables say."""
        found = find(project, DRONE="true", DRONE_BUILD_EVENT="pull_request", DRONE_BRANCH="main")
        assert not found.is_known
        assert found.why == "Drone builds a pull or merge request, but does not say the source branch of it."


class TestVariableAgainstGit:
    """STEEL_TOES_BRANCH, where Git answers too."""

    @pytest.mark.parametrize("main", ["main", "master"])
    def test_main(self, project: Path, main: str) -> None:
        """A forgotten `export` of main makes the branch unknown while Git is on another; both are named."""
        found = find(project, STEEL_TOES_BRANCH=main)
        assert (found.name, found.source, found.is_main, found.warning) == (None, "", False, "")
        assert f"STEEL_TOES_BRANCH says {main}, but Git is on feature/x" in found.why

    def test_main_by_another_name(self, project: Path) -> None:
        """Which name is main's is what the settings say."""
        assert not find(project, STEEL_TOES_BRANCH="trunk", STEEL_TOES_MAIN="trunk").is_known
        assert find(project, STEEL_TOES_BRANCH="feature/x", STEEL_TOES_MAIN="feature/x").is_main
        git(project, "switch", "-q", "main")
        found = find(project, STEEL_TOES_BRANCH="master")
        assert (found.is_main, found.warning) == (True, "")

    def test_main_in_a_rebase(self, project: Path) -> None:
        """A branch that is being rebased is a branch, though HEAD is detached."""
        stop_rebase(project)
        assert "Git is on feature/x" in find(project, STEEL_TOES_BRANCH="main").why
        found = find(project, STEEL_TOES_BRANCH="feature/x")
        assert (found.name, found.warning) == ("feature/x", "")

    def test_main_in_ci(self, project: Path) -> None:
        """In CI the variable counts, with a warning."""
        found = find(project, STEEL_TOES_BRANCH="main", GITLAB_CI="true")
        assert found.is_main
        assert "STEEL_TOES_BRANCH says main, and Git is on feature/x" in found.warning

    def test_main_without_a_branch(self, project: Path, tmp_path: Path) -> None:
        """Where Git names no other branch, the variable counts: a deployment has a detached HEAD, or no Git."""
        git(project, "switch", "-q", "--detach")
        for folder in (project, tmp_path):
            found = find(folder, STEEL_TOES_BRANCH="main")
            assert (found.is_main, found.warning) == (True, "")

    def test_branch(self, project: Path) -> None:
        """Any other disagreement is a warning, and the variable counts."""
        found = find(project, STEEL_TOES_BRANCH="other")
        assert (found.name, found.why) == ("other", "")
        assert "STEEL_TOES_BRANCH says other, and Git is on feature/x" in found.warning
        git(project, "switch", "-q", "main")
        assert "Git is on main" in find(project, STEEL_TOES_BRANCH="other").warning

    def test_agreement(self, project: Path) -> None:
        """Where both agree, nothing is said."""
        assert find(project, STEEL_TOES_BRANCH="feature/x").warning == ""

    def test_argument(self, project: Path) -> None:
        """SteelToes(branch=...) is in the code, and counts; that it makes main of a branch is a warning."""
        found = find_branch(project, branch="main", environ={})
        assert found.is_main
        assert "Git is on feature/x" in found.warning
        assert find_branch(project, branch="mine", environ={}).warning == ""
