"""A project whose pipeline writes the word that is in its code, and what a forge does with its branches."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, ClassVar

import pytest

from support.git import git
from support.project import Project

CATALOG = """
table: {type: text.TextDataset, filepath: data/02/table.txt}
model: {type: text.TextDataset, filepath: data/03/model.txt, versioned: true}
note: {type: text.TextDataset, filepath: data/02/note.txt}
"""
NODES = """
WORD = "main's"


def make():
    return WORD, WORD


def summarise(table):
    return table.upper()
"""
REGISTRY = """
from kedro.pipeline import Pipeline, node

from mill.nodes import make, summarise


def register_pipelines():
    return {"__default__": Pipeline([node(make, None, ["table", "model"]), node(summarise, "table", "note")])}
"""
FILES = {
    "conf/base/catalog.yml": CATALOG,
    "src/mill/nodes.py": NODES,
    "src/mill/pipeline_registry.py": REGISTRY,
}


class Mill(Project):
    """A project with a remote, whose pipeline writes the word that is in its code."""

    package = "mill"
    sources: ClassVar[dict[str, str]] = FILES

    @classmethod
    def on_main(cls, top: Path, patch: pytest.MonkeyPatch) -> Any:
        """The project in a folder, with a remote beside it, on main, where its pipeline has run."""
        patch.setenv("GIT_CEILING_DIRECTORIES", str(top))
        patch.setenv("COLUMNS", "200")
        mill = cls.committed(top / cls.package, cls.sources, patch)
        git(top, "init", "-q", "--bare", "-b", "main", str(top / "origin.git"))
        mill.git("remote", "add", "origin", str(top / "origin.git"))
        mill.git("push", "-q", "-u", "origin", "main")
        patch.chdir(mill.folder)
        mill.prepare()
        mill.run()
        mill.mains = mill.files()
        return mill

    def prepare(self) -> None:
        """Put what the pipeline reads where it is; nothing here."""

    def run(self) -> None:
        with self.session() as session:
            session.run()

    def on_branch(self, name: str, word: str) -> None:
        """Change the code on a branch, run it, and push it."""
        self.switch(name)
        self.write(word)
        self.git("commit", "-qam", word)
        self.git("push", "-q", "-u", "origin", name)
        self.run()

    def write(self, word: str) -> None:
        nodes = self.folder / "src/mill/nodes.py"
        nodes.write_text(NODES.replace("main's", word))
        # A file of the same size and second would be taken for the compiled one.
        shutil.rmtree(nodes.parent / "__pycache__", ignore_errors=True)

    def merged(self, name: str) -> None:
        """As a forge does it by default: squashed; the branch is deleted."""
        self.git("switch", "-q", "main")
        self.git("merge", "-q", "--squash", name)
        self.git("commit", "-qm", f"{name} (#1)")
        self.git("push", "-q", "origin", "main", f":{name}")
        self.git("branch", "-q", "-D", name)
        self.git("fetch", "-q", "--prune")
        shutil.rmtree(self.folder / f"src/{self.package}/__pycache__", ignore_errors=True)

    def promote(self, *arguments: str, exit_code: int = 0) -> Any:
        return self.call("promote", *arguments, exit_code=exit_code)

    def text(self, path: str) -> str:
        return (self.folder / "data" / path).read_text()
