"""What Git says of the branch, and why it says nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from steel_toes.checkout.git import Checkout, read_checkout, read_heads
from support.checkout import find
from support.git import git, stop_rebase

if TYPE_CHECKING:
    from pathlib import Path


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

    def test_unborn(self, tmp_path: Path) -> None:
        """A branch without a commit is a branch, and its checkout has no commit."""
        git(tmp_path, "init", "-q", "-b", "new")
        assert find(tmp_path).name == "new"
        assert read_checkout(tmp_path) == Checkout(commit=None, dirty=False)

    def test_worktree(self, project: Path, tmp_path: Path) -> None:
        """A worktree has its own branch."""
        git(project, "worktree", "add", "-q", str(tmp_path / "tree"), "-b", "other")
        assert find(tmp_path / "tree").name == "other"
        assert find(project).name == "feature/x"

    def test_submodule(self, project: Path, tmp_path: Path) -> None:
        """A submodule has its own branch, or none, whatever the repository around it is on."""
        outer = tmp_path / "outer"
        outer.mkdir()
        git(outer, "init", "-q")
        git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(project), "inner")
        assert (find(outer).name, find(outer / "inner").name) == ("main", "feature/x")
        git(outer / "inner", "switch", "-q", "--detach")
        assert not find(outer / "inner").is_known

    @pytest.mark.parametrize("name", ["a{b}", "it's", "日本", "a" * 200, "50%", "$HOME", "a.b", "heads/x"])
    def test_strange_names(self, project: Path, name: str) -> None:
        """Whatever Git allows in a name arrives unchanged."""
        git(project, "switch", "-qc", name)
        assert find(project).name == name

    def test_not_utf8(self, project: Path) -> None:
        """A name that is not UTF-8 is a name too, and has a slug."""
        (project / ".git" / "HEAD").write_bytes(b"ref: refs/heads/caf\xe9\n")
        assert find(project).slug.startswith("caf-")

    def test_detached(self, project: Path) -> None:
        """A detached HEAD is unknown, and never named HEAD."""
        git(project, "switch", "-q", "--detach")
        found = find(project)
        assert (found.name, found.source, found.is_main) == (None, "", False)
        assert found.why == f"HEAD of {project} is detached: it points at a commit, not at a branch."
        assert len(found.tried) == 4

    def test_rebase(self, project: Path) -> None:
        """A detached HEAD in a rebase is told apart, in a worktree too: the reason names the branch."""
        git(project, "switch", "-q", "main")
        tree = project.parent / "tree"
        git(project, "worktree", "add", "-q", str(tree), "feature/x")
        git(project, "switch", "-q", "--detach")
        stop_rebase(tree)
        assert find(tree).why == f"HEAD of {tree} is detached, since a rebase of feature/x has not finished."
        assert "points at a commit" in find(project).why
        git(tree, "rebase", "--abort")
        assert find(tree).name == "feature/x"

    def test_rebase_of_no_branch(self, project: Path) -> None:
        """A rebase that began at a detached HEAD is of no branch."""
        git(project, "switch", "-q", "-c", "other", "main")
        git(project, "commit", "-q", "--allow-empty", "-m", "two")
        git(project, "switch", "-q", "--detach")
        git(project, "-c", "sequence.editor=sed -i.bak s/pick/edit/", "rebase", "-q", "-i", "--keep-empty", "HEAD~1")
        assert "a rebase of detached HEAD has not finished" in find(project).why
        assert find(project, STEEL_TOES_BRANCH="main").is_main

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
            "from steel_toes.checkout.find import find_branch\n"
            "from steel_toes.checkout.git import Checkout, read_checkout, read_heads\n"
            "found = find_branch(Path(sys.argv[1])); print(found.why)\n"
            "assert not found.is_known and read_checkout(Path(sys.argv[1])) == Checkout()"
        )
        for extra in ({}, {"GIT_PYTHON_REFRESH": "quiet"}):
            environ = {"PATH": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path), **extra}
            command = [sys.executable, "-c", code, str(project)]
            done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
            assert done.stdout.strip() == "Git is missing: there is no `git` command on the PATH."

    def test_git_is_not_imported(self, project: Path) -> None:
        """What every run asks is asked without GitPython, which takes 100 ms to import."""
        code = (
            "import sys; from pathlib import Path\n"
            "import steel_toes\n"
            "from steel_toes.checkout.find import find_branch\n"
            "from steel_toes.checkout.git import read_checkout\n"
            "project = Path(sys.argv[1])\n"
            "assert find_branch(project).slug and read_checkout(project).commit and 'git' not in sys.modules"
        )
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run([sys.executable, "-c", code, str(project)], check=True, env=environ)

    def test_in_a_hook(self, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
                assert not find(tmp_path).is_known

    def test_really_in_a_hook(self, project: Path) -> None:
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


class TestCommands:
    """What commands ask: the branches that there are, here and on a remote."""

    def test_a_relative_remote(self, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A remote's relative URL is resolved from the top of the working tree, wherever the project and we are."""
        git(tmp_path, "init", "-q", "--bare", "-b", "main", "origin.git")
        git(project, "remote", "add", "origin", "../origin.git")
        git(project, "push", "-q", "origin", "main", "feature/x")
        folder = project / "packages" / "kedro"
        folder.mkdir(parents=True)
        elsewhere = tmp_path / "elsewhere" / "deep"
        elsewhere.mkdir(parents=True)
        git(elsewhere.parent, "init", "-q", "--bare", "-b", "main", "origin.git")
        remote = read_checkout(folder).project
        for place in (tmp_path, folder, elsewhere):
            monkeypatch.chdir(place)
            heads = read_heads(folder, remote)
            assert heads.remote_names == {"main", "feature/x"}
            assert "feature/x" in heads.local_names
            assert heads.default == "main"

    def test_in_a_hook(self, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """In another repository's hook the project's own branches and remote are asked."""
        git(tmp_path, "init", "-q", "--bare", "-b", "main", "origin.git")
        git(project, "remote", "add", "origin", str(tmp_path / "origin.git"))
        git(project, "push", "-q", "origin", "main")
        outer = tmp_path / "outer"
        outer.mkdir()
        git(outer, "init", "-q", "-b", "wrong")
        for name in ("GIT_DIR", "GIT_COMMON_DIR"):
            monkeypatch.setenv(name, str(outer / ".git"))
        monkeypatch.chdir(outer)
        heads = read_heads(project, read_checkout(project).project)
        assert (heads.local_names, heads.remote_names) == ({"main", "feature/x"}, {"main"})

    def test_nobody_is_asked_for_a_password(
        self, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Every question forbids Git to ask back: a run in a terminal would wait for an answer."""
        spy = tmp_path / "git"
        script = [
            "#!/bin/sh",
            f"echo $GIT_TERMINAL_PROMPT >> {tmp_path}/prompts",
            f'exec {shutil.which("git")} "$@"',
        ]
        spy.write_text("\n".join([*script, ""]))
        spy.chmod(0o755)
        monkeypatch.setenv("GIT_PYTHON_GIT_EXECUTABLE", str(spy))
        git(project, "remote", "add", "origin", str(tmp_path / "none.git"))
        find(project)
        read_heads(project, read_checkout(project).project)
        prompts = (tmp_path / "prompts").read_text().split()
        assert len(prompts) >= 5
        assert set(prompts) == {"0"}

    @pytest.mark.parametrize("what", ["folder", "file"])
    def test_no_command(self, project: Path, tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A folder, or a file that cannot be run, is no Git: it is missing, and not an error of Git's."""
        (tmp_path / "git").mkdir() if what == "folder" else (tmp_path / "git").write_text("")
        monkeypatch.setenv("GIT_PYTHON_GIT_EXECUTABLE", str(tmp_path / "git"))
        assert "Git is missing" in find(project).why
        assert read_checkout(project) == Checkout()

    def test_a_line_end_in_a_url(self, project: Path) -> None:
        """A carriage return is a character of a URL, and no end of it."""
        git(project, "remote", "add", "origin", "https://host/a\rb")
        assert read_checkout(project).project == "host/a\rb"
