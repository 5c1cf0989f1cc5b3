"""A branch's name: how it is found, what Git says, and the slug it becomes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steel_toes.checkout.find import Branch, Checkout, find_branch, is_enabled, main_names, make_slug, read_checkout
from steel_toes.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

Git = Callable[..., str]


@pytest.fixture(autouse=True)
def _ceiling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No repository around the test's folder is looked for; conftest.py gives the home and the environment."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))


@pytest.fixture
def git() -> Git:
    """Run git in a folder and give its output."""

    def run(folder: Path, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    return run


@pytest.fixture
def project(tmp_path: Path, git: Git) -> Path:
    """A repository with one commit, on the branch `feature/x`."""
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "code.py").write_text("1\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    git(folder, "switch", "-qc", "feature/x")
    return folder


def find(project: Path, **settings: str) -> Branch:
    """Find the branch with these environment variables."""
    return find_branch(project, environ=settings)


class TestSlug:
    """A name made safe for paths."""

    @pytest.mark.parametrize("name", ["feature-x", "main", "x", "2024", "a" * 40, "branch", "deadbeef"])
    def test_kept(self, name: str) -> None:
        """A name that is a slug already stays as it is."""
        assert make_slug(name) == name

    @pytest.mark.parametrize(
        ("name", "stem"),
        [
            ("feature/x", "feature-x"),
            ("Feature-X", "feature-x"),
            ("féature-x", "feature-x"),
            ("feature_x", "feature-x"),
            ("feature--x", "feature-x"),
            ("feature-x-1a2b3c4d", "feature-x-1a2b3c4d"),
            ("main:26", "main-26"),
            ("日本", "branch"),
            ("-", "branch"),
            ("a" * 41, "a" * 40),
            ("a" * 39 + "-" + "b", "a" * 39),
            ("{a,b}*?[x]'\"..%s", "a-b-x-s"),
            ("x\udcff", "x"),
        ],
    )
    def test_digest(self, name: str, stem: str) -> None:
        """A name that is no slug, or looks like one with a digest, gets its digest."""
        assert re.fullmatch(re.escape(stem) + "-[0-9a-f]{8}", make_slug(name))

    def test_is_stable(self) -> None:
        """The digest is the SHA-256's: a slug on disk is found again by every later version."""
        assert make_slug("feature/x") == "feature-x-217d2bf5"

    @given(st.text(st.characters(), min_size=1))
    def test_is_safe(self, name: str) -> None:
        """Every slug is one short path component of [a-z0-9-], without `--` and with a letter or digit at both ends."""
        slug = make_slug(name)
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)
        assert len(slug) <= 40 + 1 + 8

    @given(
        st.lists(
            st.one_of(st.text(st.characters(), min_size=1), st.text("aA-/_é.1", min_size=1, max_size=6)),
            min_size=2,
            max_size=20,
            unique=True,
        )
    )
    def test_is_distinct(self, names: list[str]) -> None:
        """Names that differ have slugs that differ, also on a disk that is blind to case."""
        assert len({make_slug(name).casefold() for name in names}) == len(names)

    @given(st.text(st.characters(), min_size=1))
    def test_of_a_slug(self, name: str) -> None:
        """A branch that is named as another's slug has another slug, unless the two are one name."""
        slug = make_slug(name)
        assert slug == name or make_slug(slug) != slug

    def test_of_the_unknown_branch(self) -> None:
        """The unknown branch has no slug."""
        assert Branch(None, "", why="Because.").slug == ""
        assert not Branch(None, "").known


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

    def test_ci_branch(self, project: Path, git: Git) -> None:
        """A CI system's branch variable answers where HEAD is detached."""
        git(project, "switch", "-q", "--detach")
        found = find(project, CIRCLECI="true", CIRCLE_BRANCH="other")
        assert (found.name, found.source) == ("other", "CircleCI")
        assert "detached" in found.tried[-1]

    def test_main(self, project: Path, git: Git) -> None:
        """Main is main by name: of the two usual names, or only of the one that is set."""
        git(project, "switch", "-q", "main")
        assert find(project).is_main
        assert not find(project, STEEL_TOES_MAIN="feature/x").is_main
        assert find_branch(project, main="main", environ={}).is_main
        assert find(project, STEEL_TOES_BRANCH="master").is_main

    def test_unknown_request(self, project: Path) -> None:
        """A request without a source is unknown, whatever Git and the branch variables say."""
        found = find(project, DRONE="true", DRONE_BUILD_EVENT="pull_request", DRONE_BRANCH="main")
        assert not found.known
        assert found.why == "Drone builds a pull or merge request, but does not say the source branch of it."


class TestGit:
    """What Git says, and why it says nothing."""

    def test_from_elsewhere(self, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The project's path is asked, not the working directory."""
        monkeypatch.chdir(tmp_path)
        assert find(project).name == "feature/x"

    def test_subfolder(self, project: Path) -> None:
        """A project may be a folder in a repository."""
        (project / "a" / "b").mkdir(parents=True)
        assert find(project / "a" / "b").name == "feature/x"

    def test_unborn(self, tmp_path: Path, git: Git) -> None:
        """A branch without a commit is a branch, and its checkout has no commit."""
        git(tmp_path, "init", "-q", "-b", "new")
        assert find(tmp_path).name == "new"
        assert read_checkout(tmp_path) == Checkout(commit=None, dirty=False)

    def test_worktree(self, project: Path, tmp_path: Path, git: Git) -> None:
        """A worktree has its own branch."""
        git(project, "worktree", "add", "-q", str(tmp_path / "tree"), "-b", "other")
        assert find(tmp_path / "tree").name == "other"
        assert find(project).name == "feature/x"

    def test_submodule(self, project: Path, tmp_path: Path, git: Git) -> None:
        """A submodule has its own branch, or none, whatever the repository around it is on."""
        outer = tmp_path / "outer"
        outer.mkdir()
        git(outer, "init", "-q")
        git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(project), "inner")
        assert (find(outer).name, find(outer / "inner").name) == ("main", "feature/x")
        git(outer / "inner", "switch", "-q", "--detach")
        assert not find(outer / "inner").known

    @pytest.mark.parametrize("name", ["a{b}", "it's", "日本", "a" * 200, "50%", "$HOME", "a.b", "heads/x"])
    def test_strange_names(self, project: Path, git: Git, name: str) -> None:
        """Whatever Git allows in a name arrives unchanged."""
        git(project, "switch", "-qc", name)
        assert find(project).name == name

    def test_not_utf8(self, project: Path, git: Git) -> None:
        """A name that is not UTF-8 is a name too, and has a slug."""
        (project / ".git" / "HEAD").write_bytes(b"ref: refs/heads/caf\xe9\n")
        assert find(project).slug.startswith("caf-")

    def test_detached(self, project: Path, git: Git) -> None:
        """A detached HEAD is unknown, and never named HEAD."""
        git(project, "switch", "-q", "--detach")
        found = find(project)
        assert (found.name, found.source, found.is_main) == (None, "", False)
        assert found.why == f"HEAD of {project} is detached: it points at a commit, not at a branch."
        assert len(found.tried) == 4

    def test_not_a_repository(self, tmp_path: Path) -> None:
        """A folder outside any repository is unknown, and says so."""
        assert find(tmp_path).why == f"{tmp_path} is not in a Git repository."
        assert read_checkout(tmp_path) == Checkout()

    def test_no_folder(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A path that is not there is unknown, also when the working directory is a repository."""
        monkeypatch.chdir(project)
        assert "cannot change to" in find(project / "nowhere").why
        assert read_checkout(project / "nowhere") == Checkout()

    def test_broken_worktree(self, tmp_path: Path) -> None:
        """Whatever else Git refuses reaches the user in Git's own words."""
        (tmp_path / ".git").write_text("gitdir: /gone\n")
        assert "not a git repository: /gone" in find(tmp_path).why

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a folder away")
    def test_dubious_ownership(self, project: Path) -> None:
        """Another user's repository is unknown, with Git's own words and its way out."""
        for path in [project, *project.rglob("*")]:
            os.chown(path, 12345, 12345)
        found = find(project)
        assert found.name is None
        assert "dubious ownership" in found.why
        assert f"git config --global --add safe.directory {project}" in found.why
        assert read_checkout(project) == Checkout()

    def test_git_missing(self, project: Path, tmp_path: Path) -> None:
        """Without a git command the branch is unknown, and says that Git is missing; so does a quiet GitPython."""
        code = (
            "import sys; from pathlib import Path\n"
            "from steel_toes.checkout.find import Checkout, find_branch, read_checkout\n"
            "found = find_branch(Path(sys.argv[1])); print(found.why)\n"
            "assert not found.known and read_checkout(Path(sys.argv[1])) == Checkout()"
        )
        for extra in ({}, {"GIT_PYTHON_REFRESH": "quiet"}):
            environ = {"PATH": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path), **extra}
            command = [sys.executable, "-c", code, str(project)]
            done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
            assert done.stdout.strip() == "Git is missing: there is no `git` command on the PATH."

    def test_git_is_not_imported(self) -> None:
        """Importing the module, naming and slugging do not import git."""
        code = (
            "import sys; from pathlib import Path; from steel_toes.checkout import find as branch\n"
            "assert branch.find_branch(Path(), branch='a/b').slug and 'git' not in sys.modules"
        )
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run([sys.executable, "-c", code], check=True, env=environ)

    def test_in_a_hook(self, project: Path, tmp_path: Path, git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
        """In another repository's hook, whose variables point there, the project's own branch is found."""
        outer = tmp_path / "outer"
        outer.mkdir()
        git(outer, "init", "-q", "-b", "wrong")
        commit = git(project, "rev-parse", "HEAD")
        (project / "sub").mkdir()
        for variables in ({"GIT_DIR": ".git", "GIT_INDEX_FILE": ".git/index"}, {"GIT_DIR": str(outer / ".git")}):
            with monkeypatch.context() as hook:
                for name, value in variables.items():
                    hook.setenv(name, value)
                hook.chdir(outer)
                assert find(project / "sub").name == "feature/x"
                assert read_checkout(project / "sub") == Checkout(commit=commit, dirty=False)
                assert not find(tmp_path).known

    def test_really_in_a_hook(self, project: Path, git: Git) -> None:
        """A commit's own hook, in a worktree too, finds the branch that is committed to."""
        tree = project.parent / "tree"
        git(project, "worktree", "add", "-q", str(tree), "-b", "other")
        hook = project / ".git" / "hooks" / "pre-commit"
        code = "from pathlib import Path; from steel_toes.checkout.find import *; print(find_branch(Path(r'{}')).name)"
        for folder in (project, tree):
            lines = [f"export PYTHONPATH='{os.pathsep.join(sys.path)}'"]
            lines += [f'"{sys.executable}" -c "{code.format(place)}" >> "{folder}/said"' for place in (project, tree)]
            hook.write_text("\n".join(["#!/bin/sh", *lines, ""]))
            hook.chmod(0o755)
            git(folder, "commit", "-q", "--allow-empty", "-m", "two")
            assert (folder / "said").read_text().split() == ["feature/x", "other"]


class TestCheckout:
    """What the records tell about the code."""

    def test_commit_and_dirt(self, project: Path, git: Git) -> None:
        """The commit is HEAD's; a changed tracked file is dirt, a file that Git does not track is not."""
        commit = git(project, "rev-parse", "HEAD")
        (project / "data.csv").write_text("1")
        assert read_checkout(project) == Checkout(commit=commit, dirty=False)
        (project / "code.py").write_text("2\n")
        assert read_checkout(project) == Checkout(commit=commit, dirty=True)

    def test_upstream(self, project: Path, tmp_path: Path, git: Git) -> None:
        """The upstream is told as remote/branch, and still when its branch is gone."""
        git(tmp_path, "init", "-q", "--bare", "store.git")
        git(project, "remote", "add", "origin", str(tmp_path / "store.git"))
        git(project, "push", "-qu", "origin", "feature/x")
        assert read_checkout(project).upstream == "origin/feature/x"
        git(project, "update-ref", "-d", "refs/remotes/origin/feature/x")
        assert read_checkout(project).upstream == "origin/feature/x"

    def test_detached(self, project: Path, git: Git) -> None:
        """A detached HEAD has a commit and no upstream."""
        git(project, "switch", "-q", "--detach")
        found = read_checkout(project)
        assert (found.commit, found.upstream) == (git(project, "rev-parse", "HEAD"), None)

    @pytest.mark.parametrize(
        ("url", "name"),
        [
            ("https://user:tok@Host.com/a/b.git", "host.com/a/b"),
            ("https://user:t@k@host.com:8443/a/b/?token=x#y", "host.com/a/b"),
            ("git@host.com:a/b.git", "host.com/a/b"),
            ("host.com:/a/b.git", "host.com/a/b"),
            ("ssh://git@host.com:22/a/b", "host.com/a/b"),
            ("ssh://git@[::1]:22/a/b", "[::1]/a/b"),
            ("https://github.com/Org/Repo", "github.com/org/repo"),
            ("file:///srv/A.git", "/srv/A"),
            ("/srv/A.git/", "/srv/A"),
            ("C:/srv/A", "C:/srv/A"),
        ],
    )
    def test_project(self, project: Path, git: Git, url: str, name: str) -> None:
        """The forms of a remote's URL become one, without credentials."""
        git(project, "remote", "add", "origin", url)
        assert read_checkout(project).project == name

    def test_which_remote(self, project: Path, git: Git) -> None:
        """The project is origin's, else the only remote's, else unknown."""
        assert read_checkout(project).project is None
        git(project, "remote", "add", "one.x", "https://host/one")
        assert read_checkout(project).project == "host/one"
        git(project, "remote", "add", "two", "https://host/two")
        assert read_checkout(project).project is None
        git(project, "remote", "add", "origin", "https://host/origin")
        git(project, "remote", "set-url", "--add", "origin", "https://mirror/origin")
        assert read_checkout(project).project == "host/origin"

    def test_rewritten_url(self, project: Path, git: Git) -> None:
        """A machine's own rewriting of URLs does not change the project."""
        git(project, "remote", "add", "origin", "https://host/a")
        git(project, "config", "url.https://proxy/.insteadOf", "https://host/")
        assert read_checkout(project).project == "host/a"
