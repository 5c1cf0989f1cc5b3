"""Whether the code that made data is main's by now, over the ways in which a branch is merged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from steel_toes.checkout.code_files import list_code, list_code_of
from steel_toes.checkout.proof import CodeVerdict, Proof, prove
from steel_toes.checkout.provenance import UNKNOWN, CodeScope, Provenance, provenance_of, source_tree_of, tracked_code
from support.files import write
from support.git import git

MAINS = ("main", "master")
SCOPE = CodeScope(data=frozenset({"data"}))
NODES, MORE, NEW = "src/flights/nodes.py", "src/flights/more.py", "src/flights/new.py"
SAME, CONTAINED = Proof(CodeVerdict.SAME), Proof(CodeVerdict.CONTAINED)


@pytest.fixture
def forge(tmp_path: Path) -> Path:
    """A repository with main, in which somebody works on feature/x."""
    folder = tmp_path / "forge"
    write(folder, {NODES: "one\n" * 9, MORE: "two\n" * 9, "data/a.csv": "x\n", "README.md": "words\n"})
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    git(folder, "switch", "-qc", "feature/x")
    return folder


def commit(folder: Path, files: dict[str, str]) -> None:
    """Write files, and commit all there is."""
    write(folder, files)
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "more")


def made_in(folder: Path) -> Provenance:
    """What a save in this checkout would record."""
    return provenance_of(list_code(folder, MAINS), SCOPE)


def merge(folder: Path) -> None:
    """With a merge commit."""
    git(folder, "merge", "-q", "--no-ff", "-m", "merged", "feature/x")


def squash(folder: Path) -> None:
    """As one commit that hangs on nothing of the branch's."""
    git(folder, "merge", "-q", "--squash", "-X", "theirs", "feature/x")
    git(folder, "commit", "-qm", "squashed (#1)")


def rebase(folder: Path) -> None:
    """As new commits."""
    git(folder, "rebase", "-q", "main", "feature/x")
    git(folder, "switch", "-q", "main")
    git(folder, "merge", "-q", "--ff-only", "feature/x")


def leave(folder: Path) -> None:
    """Not at all."""


class History:
    """What happens to a branch.

    Args:
        how: it is merged.
        main: files that main changed before.
        resolved: files that are resolved by hand, in the merge.
        later: files that another request changes after the merge.
        dirty: whether the data was made before the last commit.
    """

    def __init__(
        self,
        how: Callable[[Path], None],
        main: dict[str, str] | None = None,
        resolved: dict[str, str] | None = None,
        later: dict[str, str] | None = None,
        dirty: bool = False,
    ) -> None:
        self.how, self.main, self.resolved, self.later, self.dirty = how, main, resolved, later, dirty

    def happen(self, folder: Path) -> Provenance:
        """All of it; what the code was when the data was made."""
        commit(folder, {NODES: "changed\n" * 9})
        write(folder, {NEW: "new\n"})
        made = made_in(folder)
        git(folder, "add", ".")
        git(folder, "commit", "-qm", "two")
        if not self.dirty:
            made = made_in(folder)
        git(folder, "switch", "-q", "main")
        if self.main:
            commit(folder, self.main)
        self.how(folder)
        if self.resolved:
            write(folder, self.resolved)
            git(folder, "add", ".")
            git(folder, "commit", "-q", "--amend", "--no-edit")
        if self.later:
            commit(folder, self.later)
        return made


ELSEWHERE, HERE = {MORE: "another's\n"}, {NODES: "z\n" + "one\n" * 9}
HISTORIES = {
    "merge": (History(merge), SAME),
    "merge, main had moved on": (History(merge, main=ELSEWHERE), CONTAINED),
    "squash": (History(squash), SAME),
    "squash, main had moved on": (History(squash, main=ELSEWHERE), CONTAINED),
    "rebase": (History(rebase), SAME),
    "rebase, main had moved on": (History(rebase, main=ELSEWHERE), CONTAINED),
    "squash, dirty": (History(squash, dirty=True), SAME),
    "squash, then another file": (History(squash, later=ELSEWHERE), CONTAINED),
    "squash, then documentation": (History(squash, later={"README.md": "more words\n"}), SAME),
    "squash, then a file of the branch's": (
        History(squash, later={NEW: "newer\n"}), Proof(CodeVerdict.OTHER, (NEW,))
    ),
    "squash, a conflict resolved by hand": (
        History(squash, main=HERE, resolved={NODES: "z\n" + "changed\n" * 9}), Proof(CodeVerdict.OTHER, (NODES,))
    ),
    "never merged": (History(leave), Proof(CodeVerdict.OTHER, (NEW, NODES))),
}  # fmt: skip


@pytest.mark.parametrize(("history", "proof"), HISTORIES.values(), ids=HISTORIES)
def test_histories(forge: Path, tmp_path: Path, history: History, proof: Proof) -> None:
    """A clone of depth 1, made when the branch is gone, tells what main has of the branch's code."""
    made = history.happen(forge)
    git(forge, "branch", "-qD", "feature/x")
    git(tmp_path, "clone", "-q", "--depth=1", "--branch", "main", f"file://{forge}", "bot")
    listing = list_code_of(tmp_path / "bot", "HEAD")
    assert listing is not None
    assert prove(made, tracked_code(listing, SCOPE)) == proof
    assert proof.is_merged is (proof.verdict is not CodeVerdict.OTHER)


class TestProve:
    """What is no proof."""

    BLOBS = {"src/a.py": "1" * 40}  # noqa: RUF012 - constant

    @pytest.mark.parametrize(
        ("made", "verdict"),
        [
            (UNKNOWN, CodeVerdict.UNKNOWN),
            (Provenance(source_tree_of(BLOBS), None), CodeVerdict.SAME),
            (Provenance(source_tree_of(BLOBS), {}), CodeVerdict.SAME),
            (Provenance("0" * 16, None), CodeVerdict.OTHER),
            (Provenance("0" * 16, {}), CodeVerdict.OTHER),
            (Provenance("0" * 16, {"src/a.py": "1" * 40}), CodeVerdict.CONTAINED),
            (Provenance("0" * 16, {"src/a.py": None}), CodeVerdict.OTHER),
            (Provenance("0" * 16, {"src/b.py": None}), CodeVerdict.CONTAINED),
        ],
    )
    def test_verdicts(self, made: Provenance, verdict: CodeVerdict) -> None:
        """Without edits only the same tree counts; a removed file counts as one that is not there."""
        assert prove(made, self.BLOBS).verdict is verdict


class TestListing:
    """A commit's files."""

    def test_no_such_commit(self, forge: Path) -> None:
        """What names no commit has no files, and is no option of Git's."""
        for ref in ("nobody", "--all", "-h", ""):
            assert list_code_of(forge, ref) is None

    def test_no_git(self, tmp_path: Path) -> None:
        """Without a repository there are none."""
        assert list_code_of(tmp_path, "HEAD") is None

    def test_copies_beside_data_at_the_top(self, forge: Path) -> None:
        """A location directly in the project's folder has no folder of its own: its copies are data by their names."""
        before = provenance_of(list_code(forge, MAINS, ()), CodeScope(data=frozenset({"out.csv", "src/model.pkl"})))
        for name in ("out.csv", "out--feature-x-217d2bf5.csv", "src/model--y.pkl", "out--z/part.csv"):
            path = forge / name
            path.parent.mkdir(exist_ok=True)
            path.write_text("data")
        scope = CodeScope(data=frozenset({"out.csv", "src/model.pkl", "out"}))
        assert provenance_of(list_code(forge, MAINS, ()), scope).source_tree == before.source_tree
        (forge / "store").symlink_to(forge.parent)
        scope = replace(scope, data=scope.data | {"store/01"}, around=frozenset({"", "store"}))
        assert provenance_of(list_code(forge, MAINS, ()), scope).source_tree == before.source_tree
        (forge / "notes.txt").write_text("what Git would add")
        assert provenance_of(list_code(forge, MAINS, ()), scope).source_tree != before.source_tree

    def test_a_project_below_the_top(self, forge: Path) -> None:
        """Of a project in a folder its own files are listed, and what is added to them."""
        commit(forge, {"apps/one/src/a.py": "a\n", "libs/shared/b.py": "b\n", "libs/other/c.py": "c\n"})
        listing = list_code_of(forge / "apps/one", "HEAD", ["libs/shared"])
        assert listing is not None
        assert set(listing.tracked) == {"apps/one/src/a.py", "libs/shared/b.py"}
        scope = CodeScope(added=frozenset({"libs/shared"}))
        checkout = provenance_of(list_code(forge / "apps/one", MAINS, ["libs/shared"]), scope)
        assert checkout.source_tree == source_tree_of(tracked_code(listing, scope))
