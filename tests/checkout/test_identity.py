"""The identity that travels: what of it is read from variables, and what Git or an argument decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from steel_toes.checkout.find import find_branch
from steel_toes.checkout.git import read_checkout
from steel_toes.checkout.identity import Identity, Upstream, as_variables, identity_of
from steel_toes.errors import ConfigurationError
from support.git import git

COMMIT = "0123456789abcdef0123456789abcdef01234567"
VARIABLES = {
    "STEEL_TOES_BRANCH": "feature/x",
    "STEEL_TOES_PROJECT": "host/a",
    "STEEL_TOES_COMMIT": COMMIT,
    "STEEL_TOES_UPSTREAM": "origin/feature/x",
}


def identity(folder: Path, project: str | None = None, **variables: str) -> Identity:
    """The identity of a process in a folder, with these environment variables."""
    branch = find_branch(folder, environ=variables)
    return identity_of(branch, read_checkout(folder), project, variables)


@pytest.fixture
def pushed(project: Path, tmp_path: Path) -> Path:
    """The project, whose branch was pushed to a remote."""
    git(tmp_path, "init", "-q", "--bare", "store.git")
    git(project, "remote", "add", "origin", str(tmp_path / "store.git"))
    git(project, "push", "-qu", "origin", "feature/x")
    return project


class TestWithoutGit:
    """Where Git has no answer."""

    def test_all(self, tmp_path: Path) -> None:
        """All five variables are read; the remote of the project's own branches is the project."""
        upstream = Upstream("origin/feature/x", "host/a")
        assert identity(tmp_path, **VARIABLES) == Identity("host/a", COMMIT, False, upstream)

    @pytest.mark.parametrize("text", [COMMIT, "abcdef1", "a" * 64])
    def test_commit(self, tmp_path: Path, text: str) -> None:
        """A commit is told in full or abbreviated, and a `+` says that files differed from it."""
        for mark, dirty in (("", False), ("+", True)):
            answer = identity(tmp_path, STEEL_TOES_COMMIT=f" {text}{mark}\n")
            assert (answer.commit, answer.dirty) == (text, dirty)

    @pytest.mark.parametrize("text", ["HEAD", "main", "abcdef", "a" * 65, f"{COMMIT}++", f"+{COMMIT}", f"{COMMIT} +"])
    def test_no_commit(self, tmp_path: Path, text: str) -> None:
        """Anything else is an error that names the variable and shows the value."""
        with pytest.raises(ConfigurationError, match=r"Cannot use STEEL_TOES_COMMIT=.*no commit") as caught:
            identity(tmp_path, STEEL_TOES_COMMIT=text)
        assert caught.value.value == text

    @pytest.mark.parametrize("text", ["feature", "/feature", "origin/", "origin //x", "a b/c"])
    def test_no_upstream(self, tmp_path: Path, text: str) -> None:
        """An upstream that names no branch of a remote is an error."""
        with pytest.raises(ConfigurationError, match=r"Cannot use STEEL_TOES_UPSTREAM=.*no branch of a remote"):
            identity(tmp_path, STEEL_TOES_UPSTREAM=text)

    def test_upstream_elsewhere(self, tmp_path: Path) -> None:
        """The remote of a fork is unknown without its URL: that the project's does not list a branch proves nothing."""
        variables = {"STEEL_TOES_BRANCH": "x", "STEEL_TOES_PROJECT": "host/a"}
        assert identity(tmp_path, **variables, STEEL_TOES_UPSTREAM="fork/x").upstream == Upstream("fork/x", None)
        text = "fork/x https://me:secret@Host/me/a.git"
        assert identity(tmp_path, **variables, STEEL_TOES_UPSTREAM=text).upstream == Upstream("fork/x", "host/me/a")

    @pytest.mark.parametrize("name", VARIABLES)
    def test_blank(self, tmp_path: Path, name: str) -> None:
        """A blank variable counts as unset."""
        without = {key: value for key, value in VARIABLES.items() if key != name}
        assert identity(tmp_path, **without, **{name: " \n"}) == identity(tmp_path, **without)

    def test_project(self, tmp_path: Path) -> None:
        """A URL becomes what the remote's would be, without credentials; SteelToes(project=...) wins."""
        url = "https://me:secret@GitHub.com/Org/Repo.git"
        assert identity(tmp_path, STEEL_TOES_PROJECT=url).project == "github.com/org/repo"
        assert identity(tmp_path, STEEL_TOES_PROJECT=" My shop ").project == "My shop"
        assert identity(tmp_path, "ours", STEEL_TOES_PROJECT=url).project == "ours"


class TestWithGit:
    """Where Git answers too."""

    def test_project(self, pushed: Path) -> None:
        """STEEL_TOES_PROJECT wins over the remote's URL."""
        assert identity(pushed, STEEL_TOES_PROJECT="host/a").project == "host/a"

    def test_commit(self, pushed: Path) -> None:
        """The commit is that of the checkout whose code runs, whatever was exported before it was switched."""
        answer = identity(pushed, **{**VARIABLES, "STEEL_TOES_COMMIT": f"{COMMIT}+"})
        assert (answer.commit, answer.dirty) == (git(pushed, "rev-parse", "HEAD"), False)

    def test_unborn(self, tmp_path: Path) -> None:
        """A repository without a commit has no better word than the variable's."""
        git(tmp_path, "init", "-q", "-b", "feature/x")
        answer = identity(tmp_path, **VARIABLES)
        assert (answer.commit, answer.dirty) == (COMMIT, False)

    def test_upstream(self, pushed: Path) -> None:
        """The upstream belongs to the branch: of the variable's it is the variable's, of Git's it is Git's."""
        others = {"STEEL_TOES_UPSTREAM": "origin/other host/a"}
        git_upstream = Upstream("origin/feature/x", read_checkout(pushed).remote)
        assert identity(pushed, STEEL_TOES_BRANCH="other", **others).upstream == Upstream("origin/other", "host/a")
        assert identity(pushed, **others).upstream == git_upstream
        assert identity(pushed, STEEL_TOES_BRANCH="other").upstream == Upstream()

    def test_upstream_in_ci(self, pushed: Path) -> None:
        """What CI builds is on the remote; a variable knows better."""
        git(pushed, "switch", "-q", "--detach")
        ci = {"GITLAB_CI": "true", "CI_COMMIT_BRANCH": "feature/x"}
        assert identity(pushed, **ci).upstream == Upstream("origin/feature/x", read_checkout(pushed).project)
        fork = {"STEEL_TOES_UPSTREAM": "fork/feature/x host/fork"}
        assert identity(pushed, **ci, **fork).upstream == Upstream("fork/feature/x", "host/fork")

    def test_a_bad_value(self, pushed: Path) -> None:
        """A value that cannot be used is an error also where Git's answer would win."""
        with pytest.raises(ConfigurationError, match="STEEL_TOES_COMMIT"):
            identity(pushed, STEEL_TOES_COMMIT="HEAD")
        with pytest.raises(ConfigurationError, match="STEEL_TOES_UPSTREAM"):
            identity(pushed, STEEL_TOES_UPSTREAM="feature")


class TestTravels:
    """What is exported is what is read."""

    @pytest.mark.parametrize(
        "travelling",
        [
            Identity(None, None, None, Upstream()),
            Identity("host/a", COMMIT, True, Upstream("origin/feature/x", "host/a")),
            Identity("shop", COMMIT, False, Upstream("origin/feature/x", "host/a")),
            Identity("host/a", COMMIT, False, Upstream("fork/feature/x", "host/a")),
            Identity("host/a", COMMIT, False, Upstream("fork/feature/x", "/srv/a b/c")),
            Identity(None, COMMIT, False, Upstream("up/stream/x", None)),
            Identity("/srv/A B", COMMIT, False, Upstream("origin/feature/x", "/srv/A B")),
        ],
    )
    def test_round_trip(self, tmp_path: Path, travelling: Identity) -> None:
        """An identity that is exported is the same where there is no Git."""
        variables = as_variables("feature/x", frozenset({"trunk"}), travelling)
        assert (variables["STEEL_TOES_BRANCH"], variables["STEEL_TOES_MAIN"]) == ("feature/x", "trunk")
        assert identity(tmp_path, **variables) == travelling

    def test_plain(self) -> None:
        """The usual upstream needs no URL, and of both usual mains none is exported."""
        usual = Identity("host/a", COMMIT, True, Upstream("origin/x", "host/a"))
        assert as_variables("x", frozenset({"main", "master"}), usual) == {
            "STEEL_TOES_BRANCH": "x",
            "STEEL_TOES_PROJECT": "host/a",
            "STEEL_TOES_COMMIT": f"{COMMIT}+",
            "STEEL_TOES_UPSTREAM": "origin/x",
        }
