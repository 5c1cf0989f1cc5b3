"""What the code was that made data: the same for the same files, whatever commits they hang on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from steel_toes.checkout.code_files import list_code
from steel_toes.checkout.provenance import (
    EDITS,
    UNKNOWN,
    CodeScope,
    Provenance,
    as_variable,
    code_variable,
    provenance_of,
    source_tree_of,
)
from steel_toes.errors import ConfigurationError
from support.files import write
from support.git import git

MAINS = ("main", "master")
FILES = {
    "src/flights/nodes.py": "one\n",
    "src/flights/more.py": "two\n",
    "conf/base/catalog.yml": "a: {}\n",
    "data/01/a.csv": "x\n",
    "docs/index.md": "words\n",
    "README.md": "words\n",
    ".gitignore": "conf/local/\n*.log\n",
}
SCOPE = CodeScope(data=frozenset({"data/01"}))
CODE = {".gitignore", "conf/base/catalog.yml", "src/flights/more.py", "src/flights/nodes.py"}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Main with these files, and a branch that is checked out."""
    folder = tmp_path / "flights"
    write(folder, FILES)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    git(folder, "switch", "-qc", "feature/x")
    return folder


def read(folder: Path, scope: CodeScope = SCOPE, loaded_at: float | None = None) -> Provenance:
    """What the code in a folder is."""
    return provenance_of(list_code(folder, MAINS, scope.added), scope, loaded_at)


def blobs(folder: Path, *paths: str) -> dict[str, str]:
    """What Git calls these files."""
    return {path: git(folder, "hash-object", path) for path in paths}


class TestTree:
    """The digest of all code files."""

    def test_it_is_of_paths_and_contents(self, repository: Path) -> None:
        """It is the digest of what Git calls each code file; documentation and data are none."""
        assert read(repository) == Provenance(source_tree_of(blobs(repository, *CODE)), {})

    @pytest.mark.parametrize(
        "path", ["src/flights/nodes.py", "conf/base/catalog.yml", "src/new.py", "pyproject.toml", ".gitignore"]
    )
    def test_each_code_file_counts(self, repository: Path, path: str) -> None:
        """A changed or added code file is another tree, before it is committed and after; undone, the same."""
        before = read(repository)
        text = (repository / path).read_text() if (repository / path).exists() else None
        write(repository, {path: "changed\n"})
        dirty = read(repository)
        git(repository, "add", ".")
        git(repository, "commit", "-qm", "two")
        assert read(repository) == dirty
        assert dirty.source_tree != before.source_tree
        assert dirty.edits == blobs(repository, path)
        if text is None:
            git(repository, "rm", "-q", path)
        else:
            (repository / path).write_text(text)
        assert read(repository) == before

    @pytest.mark.parametrize(
        "path",
        ["docs/more.md", "tests/test_a.py", "notebooks/a.ipynb", "README.rst", "data/01/b.csv", "data/01/deep/c.csv"],
    )
    def test_what_is_no_code(self, repository: Path, path: str) -> None:
        """Documentation, tests, notebooks and what lies in a folder of data are no code, tracked or not."""
        before = read(repository)
        write(repository, {path: "changed\n"})
        assert read(repository) == before
        git(repository, "add", ".")
        assert read(repository) == before

    @pytest.mark.parametrize(
        "path", ["conf/local/credentials.yml", "run.log", "src/flights/__pycache__/nodes.cpython-311.pyc"]
    )
    def test_what_git_ignores(self, repository: Path, path: str) -> None:
        """What Git ignores is no code, nor what Python makes of it."""
        before = read(repository)
        write(repository, {path: "changed\n"})
        assert read(repository) == before

    def test_a_file_that_is_gone(self, repository: Path) -> None:
        """A code file that is removed is another tree, and an edit without content."""
        before = read(repository)
        (repository / "src/flights/more.py").unlink()
        gone = read(repository)
        assert gone.edits == {"src/flights/more.py": None}
        assert gone.source_tree != before.source_tree

    def test_a_project_below_the_top(self, repository: Path) -> None:
        """Of a project in a folder of a repository its own files count, and what `code` adds, by paths from the top."""
        write(repository, {"apps/one/src/a.py": "a\n", "libs/shared/b.py": "b\n", "libs/other/c.py": "c\n"})
        project = repository / "apps/one"
        alone = read(project)
        assert alone.source_tree == source_tree_of(blobs(repository, "apps/one/src/a.py"))
        scope = CodeScope(added=frozenset({"libs/shared"}), left_out=frozenset({"apps/one/src/notes"}))
        write(repository, {"apps/one/src/notes/n.py": "n\n"})
        with_more = read(project, scope)
        assert with_more.source_tree == source_tree_of(blobs(repository, "apps/one/src/a.py", "libs/shared/b.py"))
        git(repository, "add", ".")
        git(repository, "commit", "-qm", "two")
        assert read(project, scope) == with_more

    def test_a_link(self, repository: Path) -> None:
        """A link is where it leads, as Git has it, and not what lies there."""
        link = repository / "src/link.py"
        link.symlink_to("flights/nodes.py")
        untracked = read(repository)
        git(repository, "add", ".")
        git(repository, "commit", "-qm", "link")
        assert read(repository) == untracked
        link.unlink()
        link.symlink_to("flights/more.py")
        assert read(repository).source_tree not in (None, untracked.source_tree)

    def test_a_submodule(self, repository: Path, tmp_path: Path) -> None:
        """A submodule is its commit; with changes that no commit names, nothing is known."""
        library = tmp_path / "library"
        write(library, {"a.py": "a\n"})
        git(library, "init", "-q")
        git(library, "add", ".")
        git(library, "commit", "-qm", "one")
        git(repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "src/library")
        git(repository, "commit", "-qm", "submodule")
        before = read(repository)
        write(repository / "src/library", {"a.py": "changed\n"})
        assert read(repository) == UNKNOWN
        git(repository / "src/library", "commit", "-qam", "two")
        moved = read(repository)
        assert moved.source_tree not in (None, before.source_tree)
        git(repository, "commit", "-qam", "moved")
        assert read(repository) == moved

    def test_line_ends(self, repository: Path) -> None:
        """Contents are compared as Git stores them: a checkout with another end of lines is the same."""
        before = read(repository)
        git(repository, "config", "core.autocrlf", "true")
        (repository / "src/flights/nodes.py").write_bytes(b"one\r\n")
        assert read(repository) == before

    @pytest.mark.parametrize("name", ["caf\xe9.py", "a b.py", 'q"uote.py', "new\nline.py", os.fsdecode(b"b\xe9.py")])
    def test_any_name(self, repository: Path, name: str) -> None:
        """Names that are no words, or no text, count as any."""
        (repository / "src" / name).write_text("x\n")
        untracked = read(repository)
        assert untracked.edits is not None
        assert list(untracked.edits) == [f"src/{name}"]
        git(repository, "add", ".")
        git(repository, "commit", "-qm", "name")
        assert read(repository) == untracked


class TestUnknown:
    """What Git cannot answer is unknown."""

    def test_no_git(self, tmp_path: Path) -> None:
        """Without a repository nothing is known."""
        assert read(tmp_path) == UNKNOWN

    def test_a_shallow_clone(self, repository: Path, tmp_path: Path) -> None:
        """Where the branch left main is unknown in a clone of depth 1 of the branch: then the edits are, too."""
        write(repository, {"src/flights/nodes.py": "changed\n"})
        git(repository, "commit", "-qam", "two")
        made = read(repository)
        git(tmp_path, "clone", "-q", "--depth=1", "--branch", "feature/x", f"file://{repository}", "bot")
        assert read(tmp_path / "bot") == Provenance(made.source_tree, None)

    def test_too_many_edits(self, repository: Path) -> None:
        """More files than anybody reviews are no proof."""
        write(repository, {f"src/many/f{number}.py": f"{number}\n" for number in range(EDITS)})
        assert len(read(repository).edits or ()) == EDITS
        write(repository, {"src/many/last.py": "last\n"})
        made = read(repository)
        assert (made.source_tree is None, made.edits) == (False, None)

    def test_edited_after_it_was_loaded(self, repository: Path) -> None:
        """A code file that is newer than the loaded code: nobody knows which code runs. Data may be newer."""
        loaded_at = time.time() + 100
        before = read(repository, loaded_at=loaded_at)
        assert before.source_tree is not None
        for path in ("data/01/a.csv", "docs/index.md"):
            os.utime(repository / path, (loaded_at + 1, loaded_at + 1))
        assert read(repository, loaded_at=loaded_at) == before
        os.utime(repository / "src/flights/nodes.py", (loaded_at + 1, loaded_at + 1))
        assert read(repository, loaded_at=loaded_at) == Provenance(was_edited=True)

    def test_a_repository_in_it(self, repository: Path) -> None:
        """A repository in the project that is no submodule hides its files: nothing is known."""
        write(repository, {"src/inner/a.py": "a\n"})
        git(repository / "src/inner", "init", "-q")
        git(repository / "src/inner", "add", ".")
        git(repository / "src/inner", "commit", "-qm", "one")
        assert read(repository) == UNKNOWN


class TestVariable:
    """`STEEL_TOES_CODE`."""

    @pytest.mark.parametrize(
        "provenance",
        [
            Provenance("0123456789abcdef", {"src/a.py": "1" * 40, "src/\udce9 b.py": None}),
            Provenance("0123456789abcdef", {}),
            Provenance("0123456789abcdef", None),
            UNKNOWN,
        ],
    )
    def test_there_and_back(self, provenance: Provenance) -> None:
        """What is exported is read again, and is one word of a shell."""
        text = as_variable(provenance)
        assert code_variable({"STEEL_TOES_CODE": text}) == provenance
        assert not set(text) & set(" \n'\"$`\\")

    @pytest.mark.parametrize("text", ["x", "0123456789abcdef:x", "0123456789abcdef:!", "0123456789ABCDEF", ":eA=="])
    def test_nonsense(self, text: str) -> None:
        """Anything else is an error that says what to give."""
        with pytest.raises(ConfigurationError, match="whoami --export"):
            code_variable({"STEEL_TOES_CODE": text})


def test_it_is_asked_in_few_calls(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git is asked six times at most, whatever the number of files."""
    write(repository, {f"src/many/f{number}.py": f"{number}\n" for number in range(100)})
    from steel_toes.checkout import git as module

    calls: list[str] = []
    asked: Callable[..., module.Answer] = module._asked

    def counted(project: Path, text: bytes | None, arguments: list[str]) -> module.Answer:
        calls.append(arguments[0])
        return asked(project, text, arguments)

    monkeypatch.setattr(module, "_asked", counted)
    assert read(repository).edits is not None
    assert len(calls) <= 7, calls
