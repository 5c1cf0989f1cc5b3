"""A project in which a branch has a copy in each state that one can be in, and the commands that look at it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result
from kedro.io import DataCatalog

from steel_toes import SteelToes
from support.files import contents
from support.project import SETTINGS, Project
from support.servers import free_port
from support.team import SLUG

VERSION = "2026-01-01T00.00.00.000Z"

CATALOG = """
raw: {type: text.TextDataset, filepath: data/01/raw.txt}
saved: {type: text.TextDataset, filepath: data/02/saved.txt}
torn: {type: pickle.PickleDataset, filepath: data/02/torn.pickle}
unfinished: {type: pickle.PickleDataset, filepath: data/02/unfinished.pickle}
stray: {type: text.TextDataset, filepath: data/02/stray.txt}
changed: {type: text.TextDataset, filepath: data/02/changed.txt}
gone: {type: text.TextDataset, filepath: data/02/gone.txt}
"table@text": {type: text.TextDataset, filepath: data/02/table.json}
"table@json": {type: json.JSONDataset, filepath: data/02/table.json}
"{name}_json": {type: json.JSONDataset, filepath: "data/02/{name}.json"}
model: {type: pickle.PickleDataset, filepath: data/03/model.pickle, versioned: true}
parts: {type: partitions.PartitionedDataset, path: data/04, dataset: text.TextDataset, filename_suffix: .txt}
log: {type: text.TextDataset, filepath: data/05/log.txt, metadata: {steel_toes: {shared: true}}}
memory: {type: MemoryDataset}
remote: {type: studio.datasets.RemoteDataset, url: "nowhere:1"}
pushed: {type: studio.datasets.RemoteDataset, url: "nowhere:2"}
page: {type: text.TextDataset, filepath: "https://example.invalid/web.txt"}
silent: {type: text.TextDataset, filepath: data/loop/silent.txt}
broken: {type: studio.nowhere.NoDataset, filepath: data/02/broken.txt}
"""

DATASETS = """
from kedro.io import AbstractDataset


class RemoteDataset(AbstractDataset):
    def __init__(self, url, metadata=None):
        self.url = url

    def load(self):
        return self.url

    def save(self, data):
        assert data is None

    def _describe(self):
        return {"url": self.url}
"""

REGISTRY = """
from kedro.pipeline import Pipeline, node


def register_pipelines():
    make = Pipeline([node(len, "raw", "made_json"), node(repr, "made_json", "saved"), node(repr, "params:x", "memory")])
    push = Pipeline([node(repr, "params:x", "pushed")])
    return {"make": make, "push": push, "__default__": make + Pipeline([node(repr, "table@json", "other_json")])}
"""

FILES = {
    "conf/base/catalog.yml": CATALOG,
    "conf/base/parameters.yml": "x: 1\n",
    "conf/prod/catalog.yml": "only_prod: {type: text.TextDataset, filepath: data/02/prod.txt}\n",
    "src/studio/datasets.py": DATASETS,
    "src/studio/pipeline_registry.py": REGISTRY,
    "data/01/raw.txt": "main's",
    **{f"data/02/{name}.txt": "main's" for name in ("saved", "stray", "changed", "gone")},
    **{f"data/02/{name}.json": '{"of": "main"}' for name in ("table", "made", "other")},
    "data/04/a.txt": "main's a",
    "data/04/b.txt": "main's b",
    "data/05/log.txt": "everybody's",
}
EXPLICIT = {
    *("raw", "saved", "torn", "unfinished", "stray", "changed", "gone", "table@text", "table@json", "model", "parts"),
    *("log", "memory", "remote", "pushed", "page", "silent", "broken"),
}
COPIES = {  # what feature/x has, by dataset
    "changed": [f"data/02/changed--{SLUG}.txt"],
    "gone": [f"data/02/gone--{SLUG}.txt"],
    "model": [f"data/03/model--{SLUG}.pickle/{VERSION}/model--{SLUG}.pickle"],
    "parts": [f"data/04--{SLUG}/b.txt", f"data/04--{SLUG}/c.txt"],
    "saved": [f"data/02/saved--{SLUG}.txt"],
    "table@json": [f"data/02/table--{SLUG}.json"],
    "torn": [f"data/02/torn--{SLUG}.pickle"],
    "unfinished": [f"data/02/unfinished--{SLUG}.pickle"],
}


class Bomb:
    """Kills the process that pickles it, as a power cut would."""

    def __reduce__(self) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)


def files(folder: Path) -> dict[str, bytes]:
    """Every file of the data by its path in the project, with its bytes."""
    return contents(folder / "data", folder)


def catalog_of(branch: str) -> Any:
    """The catalog of the project in the working directory, on a branch."""
    catalog = DataCatalog.from_config(yaml.safe_load(CATALOG), save_version=VERSION)
    SteelToes(branch=branch).after_catalog_created(catalog)
    return catalog


def killed(save: Any, *arguments: Any) -> None:
    """Call something in a process that dies of it."""
    child = os.fork()
    if not child:
        try:
            save(*arguments)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def script(name: str) -> Path:
    """One of this environment's console scripts, if our own is among them."""
    folder = Path(sys.executable).parent
    if not (folder / "steel-toes").exists():
        pytest.skip("steel-toes is not installed here")
    return folder / name


class Studio(Project):
    """The project above, in the working directory."""

    package = "studio"

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, patch)
        self.mains = {path: data for path, data in self.mains.items() if "--" not in path and "_steel" not in path}

    def process(self, *command: str, exit_code: int = 0) -> subprocess.CompletedProcess:
        """Run one of this environment's console scripts; it must end with this exit code."""
        name, *arguments = command
        done = subprocess.run([script(name), *arguments], capture_output=True, text=True, timeout=100)
        assert done.returncode == exit_code, done.stdout + done.stderr
        return done

    def add_silent_bucket(self) -> None:
        """Put an entry `far` into the catalog, in a bucket whose server does not answer."""
        s3fs = pytest.importorskip("s3fs", reason="the store is S3")
        self.patch.setattr(s3fs.S3FileSystem, "retries", 1)
        entry = {"type": "text.TextDataset", "filepath": "s3://bucket/far.txt", "credentials": "far"}
        (self.folder / "conf/base/catalog_far.yml").write_text(yaml.safe_dump({"far": entry}))
        nobody = f"http://127.0.0.1:{free_port()}"
        settings = {"key": "k", "secret": "s", "client_kwargs": {"endpoint_url": nobody}}
        settings["config_kwargs"] = {"retries": {"max_attempts": 1}}
        (self.folder / "conf/base/credentials.yml").write_text(yaml.safe_dump({"far": settings}))

    def settings(self, arguments: str) -> None:
        """Give SteelToes these arguments."""
        (self.folder / "src/studio/settings.py").write_text(
            SETTINGS.replace("SteelToes(),", f"SteelToes({arguments}),")
        )

    def prepare(self) -> None:
        """Have main save, and bring the copies of feature/x into their states."""
        main = DataCatalog.from_config(yaml.safe_load(CATALOG), save_version="2025-12-31T00.00.00.000Z")
        for name in ("torn", "unfinished", "model"):
            main.save(name, "main's")
        (self.folder / "data/loop").symlink_to("loop")
        self.switch("feature/x")
        catalog = catalog_of("feature/x")
        for name in ("saved", "torn", "changed", "gone", "model"):
            catalog.save(name, "the branch's")
        catalog.save("table@json", {"of": "the branch"})
        catalog.save("parts", {"b": "the branch's b", "c": "the branch's c"})
        killed(catalog.save, "torn", Bomb())
        killed(catalog.save, "unfinished", Bomb())
        (self.folder / f"data/02/changed--{SLUG}.txt").write_text("other hands'")
        (self.folder / f"data/02/gone--{SLUG}.txt").unlink()
        (self.folder / f"data/02/stray--{SLUG}.txt").write_text("nobody's")


def rows(result: Result) -> dict[str, str]:
    """The rows' first lines by their first words, without the heading."""
    return {line.split()[0]: line for line in result.stdout.splitlines()[1:] if line[:1].strip()}


EVERY = [["whoami"], ["status"], ["branches"], ["clean", "--branch", "x"], ["adopt", "raw"]]
