"""A real Kedro project in a real Git repository, and what people do there."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from steel_toes.cli.commands import commands, group
from support.files import contents, unchanged, write
from support.git import git, switch

SETTINGS = "from steel_toes import SteelToes\n\nHOOKS = (SteelToes(),)\n"


def layout_of(package: str, files: Mapping[str, str]) -> dict[str, str]:
    """The files of a project: those that every one has, and its own."""
    title = package.capitalize()
    return {
        ".gitignore": "data/\n__pycache__/\n",
        "conf/base/parameters.yml": "{}\n",
        "conf/local/.gitkeep": "",
        "pyproject.toml": (
            f'[tool.kedro]\npackage_name = "{package}"\nproject_name = "{title}"\nkedro_init_version = "1.0.0"\n'
        ),
        f"src/{package}/__init__.py": "",
        f"src/{package}/pipeline_registry.py": "def register_pipelines():\n    return {}\n",
        f"src/{package}/settings.py": SETTINGS,
        **files,
    }


@contextmanager
def session_wide() -> Iterator[pytest.MonkeyPatch]:
    """An environment in which a project can be made that outlives a test, whose isolation is only the test's own."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("GIT_", "KEDRO_", "STEEL_TOES"))]:
            patch.delenv(name)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "A Tester")
            patch.setenv(f"GIT_{role}_EMAIL", "tester@example.invalid")
        patch.setenv("DO_NOT_TRACK", "1")
        yield patch


class Project:
    """A Kedro project on disk; what main's data was when this was made is what no branch may change.

    Args:
        folder: the project's.
        patch: the test's, so that the project's modules, its path and its variables do not outlive it.
    """

    package = ""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.patch = folder, patch
        self.mains = self.files()

    @classmethod
    def committed(cls, folder: Path, files: Mapping[str, str], patch: pytest.MonkeyPatch) -> Any:
        """A new project with these files, in a new repository, with one commit on main."""
        write(folder, layout_of(cls.package, files))
        git(folder, "init", "-q", "-b", "main")
        git(folder, "add", ".")
        git(folder, "commit", "-qm", "one")
        return cls(folder, patch)

    def files(self) -> dict[str, bytes]:
        """Every file of the data, by its path from the project's folder."""
        return contents(self.folder / "data", self.folder)

    def assert_main_unchanged(self) -> None:
        """What main had is there, with the same bytes."""
        assert unchanged(self.mains, self.files()) == self.mains

    def git(self, *arguments: str) -> str:
        """Run git in the project's folder."""
        return git(self.folder, *arguments)

    def switch(self, branch: str) -> None:
        """Be on a branch, which is made if need be."""
        switch(self.folder, branch)

    def fresh(self) -> None:
        """Have the package of this project imported, and not that of the last test's."""
        for name in [name for name in sys.modules if name.split(".")[0] == self.package]:
            del sys.modules[name]
        self.patch.syspath_prepend(self.folder / "src")

    def session(self, **parameters: Any) -> Any:
        """A new session of this project, in this process."""
        from kedro.framework.session import KedroSession
        from kedro.framework.startup import bootstrap_project

        self.fresh()
        bootstrap_project(self.folder)
        return KedroSession.create(self.folder, runtime_params=parameters or None)

    def catalog(self) -> Any:
        """The catalog of a new session."""
        with self.session() as session:
            return session.load_context().catalog

    def call(self, *arguments: str, exit_code: int | None = 0, outer: bool = False) -> Result:
        """Call `steel-toes` in this process; it must end with this exit code, if one is given.

        Args:
            arguments: the command's.
            exit_code: that it must end with; None is any.
            outer: as `kedro steel-toes` calls it.
        """
        self.fresh()
        old = "mix_stderr" in inspect.signature(CliRunner).parameters  # click before 8.2
        runner = CliRunner(**({"mix_stderr": False} if old else {}))
        result = runner.invoke(commands if outer else group, [*(["steel-toes"] if outer else []), *arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        if exit_code is not None:
            assert result.exit_code == exit_code, f"{result.stdout}{result.stderr}"
        return result

    def json(self, *arguments: str) -> Any:
        """What a command gives with --json, which is all that is on stdout."""
        return json.loads(self.call(*arguments, "--json").stdout)

    def python(self, *command: str | Path, **environment: str) -> subprocess.CompletedProcess:
        """Run a Python command in the project's folder; it must end well."""
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.folder,
            env={**os.environ, "COLUMNS": "1000", **environment},
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done
