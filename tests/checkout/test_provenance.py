"""What the records tell about the code: its commit, whether it was changed, its upstream and its project."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from steel_toes.checkout.git import Checkout, read_checkout
from support.git import git

if TYPE_CHECKING:
    from pathlib import Path


class TestCheckout:
    """What the records tell about the code."""

    def test_commit_and_dirt(self, project: Path) -> None:
        """The commit is HEAD's; a changed tracked file is dirt, a file that Git does not track is not."""
        commit = git(project, "rev-parse", "HEAD")
        (project / "data.csv").write_text("1")
        assert read_checkout(project) == Checkout(commit=commit, dirty=False)
        (project / "code.py").write_text("2\n")
        assert read_checkout(project) == Checkout(commit=commit, dirty=True)

    def test_upstream(self, project: Path, tmp_path: Path) -> None:
        """The upstream is told as remote/branch, and still when its branch is gone."""
        git(tmp_path, "init", "-q", "--bare", "store.git")
        git(project, "remote", "add", "origin", str(tmp_path / "store.git"))
        git(project, "push", "-qu", "origin", "feature/x")
        assert read_checkout(project).upstream == "origin/feature/x"
        git(project, "update-ref", "-d", "refs/remotes/origin/feature/x")
        assert read_checkout(project).upstream == "origin/feature/x"

    def test_detached(self, project: Path) -> None:
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
    def test_project(self, project: Path, url: str, name: str) -> None:
        """The forms of a remote's URL become one, without credentials."""
        git(project, "remote", "add", "origin", url)
        assert read_checkout(project).project == name

    def test_which_remote(self, project: Path) -> None:
        """The project is origin's, else the only remote's, else unknown."""
        assert read_checkout(project).project is None
        git(project, "remote", "add", "one.x", "https://host/one")
        assert read_checkout(project).project == "host/one"
        git(project, "remote", "add", "two", "https://host/two")
        assert read_checkout(project).project is None
        git(project, "remote", "add", "origin", "https://host/origin")
        git(project, "remote", "set-url", "--add", "origin", "https://mirror/origin")
        assert read_checkout(project).project == "host/origin"

    def test_rewritten_url(self, project: Path) -> None:
        """A machine's own rewriting of URLs does not change the project."""
        git(project, "remote", "add", "origin", "https://host/a")
        git(project, "config", "url.https://proxy/.insteadOf", "https://host/")
        assert read_checkout(project).project == "host/a"
