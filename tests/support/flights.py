"""The project of examples/flights, and Kedro's commands there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from kedro.io import DataCatalog

from steel_toes import SteelToes
from support.environment import ROOT
from support.files import contents, unchanged
from support.git import git

EXAMPLE = ROOT / "examples" / "flights"
ENTRIES = ["raw_airlines", "raw_airports", "delays", "metrics", "report_months", "report_airports"]
SHARED = "05_reports/scoreboard.csv"  # the example's shared entry: a branch writes main's

# Kedro's commands, one after the other in one process. One that must fail is given as [command]; in the next one,
# RESUME stands for the arguments that Kedro suggested.
COMMANDS = """
import json
import logging
import re
import shlex
import sys
from pathlib import Path

from kedro.framework.cli.cli import KedroCLI

class Suggestions(logging.Handler):
    last = ""

    def emit(self, record):
        Suggestions.last = (re.findall("  (--from-nodes .*)", record.getMessage()) or [Suggestions.last])[0]

for command in json.loads(sys.argv[1]):
    fails = isinstance(command, list)
    command = (command[0] if fails else command).replace("RESUME", Suggestions.last)
    print("$ kedro", command, flush=True)
    cli = KedroCLI(Path.cwd())
    logging.getLogger("kedro.runner").addHandler(Suggestions())
    try:
        cli.main(shlex.split(command), prog_name="kedro", standalone_mode=False)
    except Exception as exc:
        if not fails:
            raise
        print(f"{type(exc).__name__}: {exc}")
    else:
        assert not fails, "it did not fail"
"""


def copied(folder: Path) -> Path:
    """A copy of the example, without what was made in it."""
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("data", "__pycache__", ".venv", ".viz", "mlruns"))
    return folder


class Flights:
    """A copy of examples/flights, and Kedro's commands there.

    Args:
        folder: of the project.
        variables: of the environment.
    """

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder, self.data = folder, folder / "data"
        self.variables = variables
        self.mains = self.files()

    @property
    def environment(self) -> dict[str, str]:
        """What a process gets here."""
        # Kedro calls `ipython` by its name, and prints sets in their order.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return {**os.environ, "PATH": path, "COLUMNS": "200", "PYTHONHASHSEED": "0", **self.variables}

    def run(self, command: list[str], **more: Any) -> str:
        """What a command prints here on stdout, if it ends well."""
        arguments = {"cwd": self.folder, "env": self.environment, **more}
        done = subprocess.run(command, capture_output=True, text=True, timeout=200, **arguments)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def python(self, *arguments: str, **variables: str) -> str:
        """What Python prints here on stdout, if it ends well."""
        return self.run([sys.executable, *arguments], env={**self.environment, **variables})

    def kedro(self, *commands: str | list[str], **variables: str) -> list[str]:
        """What each of Kedro's commands prints."""
        printed = self.python("-c", COMMANDS, json.dumps(commands), **variables)
        return [part.partition("\n")[2] for part in printed.split("$ kedro ")[1:]]

    def edit(self, path: str, old: str, new: str) -> None:
        """Change a source file."""
        file = self.folder / "src" / "flights" / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def git(self, *arguments: str) -> str:
        """Run git in the project's folder."""
        return git(self.folder, *arguments)

    def files(self) -> dict[str, bytes]:
        """Every file of the data, by its path there."""
        return contents(self.data)

    def assert_main_unchanged(self) -> None:
        """What main had when this was made, or `mains` was set, has the same bytes; but not the shared entry."""
        now = unchanged(self.mains, self.files())
        assert {path for path, content in self.mains.items() if now[path] != content} <= {SHARED}

    def at(self, folder: Path, **variables: str) -> Flights:
        """Another project."""
        return Flights(folder, **variables)

    def answers(self, hook: SteelToes | None = None) -> dict[str, Any]:
        """What a catalog of the project loads."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            return answers(catalog_of(hook))


def catalog_of(hook: SteelToes | None = None) -> DataCatalog:
    """Kedro's catalog of the project in the working directory, with or without steel_toes."""
    catalog = DataCatalog.from_config(yaml.safe_load(Path("conf/base/catalog.yml").read_text()))
    if hook:
        hook.after_catalog_created(catalog)
    return catalog


def answers(catalog: DataCatalog) -> dict[str, Any]:
    """What a catalog of the example loads, in a form that compares."""
    loaded = {name: catalog.load(name) if catalog.exists(name) else None for name in ENTRIES}
    seen = {name: data.to_csv() if hasattr(data, "to_csv") else data for name, data in loaded.items()}
    seen["months@all"] = {month: load().to_csv() for month, load in catalog.load("months@all").items()}
    seen["model"] = catalog.load("model").convert().coef.tolist()
    return seen


def played(folder: Path, **variables: str) -> Flights:
    """A committed copy of the example whose pipeline has run on main for two months."""
    project = Flights(copied(folder), **variables)
    project.edit("pipelines/reporting/pipeline.py", 'name="rank_airports"', 'name="rank_airports", tags="airports"')
    with (folder / "src/flights/settings.py").open("a") as file:
        # Where the group `neighbours` is installed too.
        file.write('DISABLE_HOOKS_FOR_PLUGINS = ("kedro_mlflow", "kedro-mlflow")\n')
    project.git("init", "-q", "-b", "main")
    project.git("add", "--all")
    project.git("commit", "-qm", "one")
    project.kedro("run --params months.first=1,months.last=2")
    assert not (project.data / "_steel_toes").exists()
    return project
