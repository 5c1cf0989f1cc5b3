"""A Git checkout, and catalogs as Kedro makes them there."""

from __future__ import annotations

import copy
from pathlib import Path

from kedro.io import DataCatalog

from steel_toes import SteelToes
from steel_toes.checkout.find import find_branch
from steel_toes.naming.branch import Branch
from support.files import contents, unchanged
from support.git import git, switch


class Checkout:
    """A Git repository, the test's working directory, and catalogs as Kedro makes them there.

    Args:
        folder: of the repository; it is made, and is on `main`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q")
        self.git("commit", "-q", "--allow-empty", "-m", "one")
        self.mains: dict[str, bytes] = {}

    def git(self, *arguments: str) -> str:
        """Run git here and give its output."""
        return git(self.folder, *arguments)

    def on(self, branch: str) -> None:
        """Switch to a branch; what is on disk when main is left is what no branch may change."""
        if self.git("branch", "--show-current") == "main" != branch:
            self.mains = contents(self.folder / "data")
        switch(self.folder, branch)

    def catalog(
        self, config: dict, hook: object = None, made_by: type = DataCatalog, **arguments: object
    ) -> DataCatalog:
        """A catalog of the branch that is checked out: Kedro makes it, then calls the hook."""
        catalog = made_by.from_config(copy.deepcopy(config), **arguments)
        (hook or SteelToes()).after_catalog_created(catalog)
        return catalog

    def plain(self, config: dict, **arguments: object) -> DataCatalog:
        """A catalog of Kedro's alone."""
        return DataCatalog.from_config(copy.deepcopy(config), **arguments)

    def assert_main_unchanged(self) -> None:
        """Every file that was there when main was left is there, with the same bytes."""
        assert unchanged(self.mains, contents(self.folder / "data")) == self.mains


def find(project: Path, **variables: str) -> Branch:
    """Find the branch of a project with these environment variables."""
    return find_branch(project, environ=variables)
