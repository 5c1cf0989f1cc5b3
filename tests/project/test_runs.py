"""A real Kedro project in a real Git repository, run on a branch.

The design's law is taken at its word: a private copy of main's data, on which the same project runs without
steel_toes, says what the branch must see; and the bytes that main had are compared after each test.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kedro.io import DatasetError

from support.effort import slow_but
from support.git import git
from support.project import Project, session_wide

if TYPE_CHECKING:
    from collections.abc import Iterable

pytestmark = pytest.mark.contract

SLUG = "feature-x-217d2bf5"  # of feature/x

CATALOG = """
companies:
  type: pandas.CSVDataset
  filepath: data/01_raw/companies.csv

"raw_{name}":
  type: text.TextDataset
  filepath: data/01_raw/{name}.txt

"table@pandas":
  type: pandas.CSVDataset
  filepath: data/02_clean/table.csv
  save_args: {index: false}

"table@text":
  type: text.TextDataset
  filepath: data/02_clean/table.csv

"{name}_json":
  type: json.JSONDataset
  filepath: data/02_clean/{name}.json

alias:
  type: text.TextDataset
  filepath: data/02_clean/counts.json

model:
  type: pickle.PickleDataset
  filepath: data/03_model/model.pickle
  versioned: true

parts:
  type: partitions.PartitionedDataset
  path: data/04_parts
  dataset: json.JSONDataset
  filename_suffix: .json

lines:
  type: shop.datasets.LinesDataset
  filepath: data/05_report/lines.txt

journal:
  type: text.TextDataset
  filepath: data/05_report/journal.txt
  fs_args: {open_args_save: {mode: a}}

stream:
  type: text.TextDataset
  filepath: data/05_report/stream.txt
  fs_args: {open_args_save: {mode: a}}

cached:
  type: CachedDataset
  dataset:
    type: json.JSONDataset
    filepath: data/05_report/cached.json

"{default}":
  type: pickle.PickleDataset
  filepath: data/06_rest/{default}.pickle
"""

DATASETS = """
from pathlib import Path

from kedro.io import AbstractDataset


class LinesDataset(AbstractDataset):
    def __init__(self, filepath, metadata=None):
        self._filepath = Path(filepath)

    def load(self):
        return self._filepath.read_text().splitlines()

    def save(self, data):
        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        self._filepath.write_text("\\n".join(data))

    def _exists(self):
        return self._filepath.exists()

    def _describe(self):
        return {"filepath": str(self._filepath)}
"""

NODES = """
import subprocess
import sys

import pandas as pd


def clean(companies, factor):
    return companies.assign(size=companies["size"] * factor)


def count(table):
    rows = [line.split(",") for line in table.split()[1:]]
    return {"rows": len(rows), "sum": sum(int(size) for _, size in rows)}


def train(counts, notes):
    return {"weight": counts["sum"] / counts["rows"], "notes": notes}


def evaluate(model):
    return model["weight"] * 2


def split(table, factor):
    return {f"part{size % 3}-{factor}": [name, size] for name, size in table.itertuples(index=False)}


def merge(parts, score):
    return [f"{name}: {load()}" for name, load in sorted(parts.items())] + [str(score)]


def write_journal(lines):
    return f"{len(lines)} lines, the last is {lines[-1]}\\n"


def keep(score):
    return {"score": score}


def use(cached):
    return {"used": cached["score"]}


def stream(companies, factor):
    for name in companies["name"]:
        yield f"{name} times {factor}\\n"


def meddle(counts):
    # Another process saves on the same branch, while this run goes on.
    command = [sys.executable, "save.py", "notes", "data/01_raw/notes.txt", "meddled"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return "meddled"


def look(meddled, notes, counts, alias):
    return {"notes": notes, "counts": counts, "alias": alias}
"""

REGISTRY = """
from kedro.pipeline import Pipeline, node

from shop import nodes


def register_pipelines():
    parallel = Pipeline(
        [
            node(nodes.clean, ["companies", "params:factor"], "table@pandas", name="clean"),
            node(nodes.count, "table@text", "counts_json", name="count"),
            node(nodes.train, ["counts_json", "raw_notes"], "model", name="train"),
            node(nodes.evaluate, "model", "score", name="evaluate"),
            node(nodes.split, ["table@pandas", "params:factor"], "parts", name="split"),
            node(nodes.merge, ["parts", "score"], "lines", name="merge"),
            node(nodes.write_journal, "lines", "journal", name="journal"),
        ]
    )
    # Kedro runs a CachedDataset in one process only, and no generator with --async.
    cached = Pipeline(
        [
            node(nodes.keep, "score", "cached", name="keep"),
            node(nodes.use, "cached", "used_json", name="use"),
        ]
    )
    generator = Pipeline([node(nodes.stream, ["companies", "params:factor"], "stream", name="stream")])
    meddling = Pipeline(
        [
            node(nodes.clean, ["companies", "params:factor"], "table@pandas", name="m_clean"),
            node(nodes.count, "table@text", "counts_json", name="m_count"),
            node(nodes.meddle, "counts_json", "meddled", name="m_meddle"),
            node(nodes.look, ["meddled", "raw_notes", "counts_json", "alias"], "seen_json", name="m_look"),
        ]
    )
    return {
        "parallel": parallel,
        "generator": generator,
        "async": parallel + cached,
        "meddling": meddling,
        "__default__": parallel + cached + generator,
    }
"""

# The project runs itself with a ParallelRunner, whose start method is a process's for good.
RUN = """
import multiprocessing
import sys
from pathlib import Path

if __name__ == "__main__":
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project
    from kedro.runner import ParallelRunner

    start_method, workers, is_async, pipeline, *factors = sys.argv[1:]
    multiprocessing.set_start_method(start_method)
    project = Path(__file__).parent
    bootstrap_project(project)
    for factor in factors:
        with KedroSession.create(project, runtime_params={"factor": int(factor)}) as session:
            session.run(pipeline, runner=ParallelRunner(int(workers), is_async=is_async == "async"))
"""

# Saves from outside: a catalog of one entry, as a small script would have it.
SAVE = """
import sys

from kedro.io import DataCatalog

from steel_toes import SteelToes

name, path, text = sys.argv[1:]
catalog = DataCatalog.from_config({name: {"type": "text.TextDataset", "filepath": path}})
SteelToes().after_catalog_created(catalog)
catalog.save(name, text)
"""

FILES = {
    "conf/base/catalog.yml": CATALOG,
    "conf/base/parameters.yml": "factor: 1\n",
    "run.py": RUN,
    "save.py": SAVE,
    "src/shop/datasets.py": DATASETS,
    "src/shop/nodes.py": NODES,
    "src/shop/pipeline_registry.py": REGISTRY,
    "data/01_raw/companies.csv": "name,size\nA,1\nB,2\nC,3\nD,4\n",
    "data/01_raw/notes.txt": "of main",
    "data/05_report/.gitkeep": "",  # fsspec 2023.1 makes no folder for a file that is appended to
}
PLACES = ("companies", "raw_notes", "table@pandas", "table@text", "counts_json", "alias", "model", "score", "parts")
PLACES = (*PLACES, "lines", "journal", "stream", "cached", "used_json")
FIRST, SECOND = 3, 5


def told(value: Any) -> Any:
    """Loaded data in a form that can be compared."""
    if isinstance(value, dict):
        return {name: load() if callable(load) else load for name, load in value.items()}
    return value.to_csv(index=False) if hasattr(value, "to_csv") else value


class Shop(Project):
    """The project above."""

    package = "shop"

    def run(
        self, pipeline: str = "__default__", runner: str = "SequentialRunner", *, factor: int = FIRST, **more: Any
    ) -> None:
        """Run a pipeline in a new session."""
        import kedro.runner

        is_async = more.pop("is_async", False)
        with self.session(factor=factor) as session:
            session.run(pipeline, runner=getattr(kedro.runner, runner)(is_async=is_async), **more)

    def read(self, names: Iterable[str] = PLACES) -> dict[str, Any]:
        """What a new catalog loads."""
        catalog = self.catalog()
        return {name: told(catalog.load(name)) for name in names if catalog.exists(name)}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A committed project whose pipeline has run on main once, with steel_toes in its settings."""
    folder = tmp_path_factory.mktemp("template") / "repository"
    home = folder.parent / "home"
    home.mkdir()
    with session_wide() as patch:
        patch.setenv("STEEL_TOES_BRANCH", "main")
        patch.setenv("HOME", str(home))
        Shop.committed(folder, FILES, patch).run(factor=1)
    return folder


@pytest.fixture
def project(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterable[Shop]:
    """A copy of the template on `feature/x`; what main had must be the same when the test is over."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    folder = tmp_path / "repository"
    shutil.copytree(template, folder)
    project = Shop(folder, monkeypatch)
    project.switch("feature/x")
    monkeypatch.chdir(folder)
    yield project
    project.assert_main_unchanged()


@pytest.fixture(scope="session")
def answers(template: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What plain Kedro shows on a private copy of main's data: before, after a first and after a second run."""
    folder = tmp_path_factory.mktemp("private-copy") / "repository"
    shutil.copytree(template, folder)
    (folder / "src/shop/settings.py").write_text("")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DO_NOT_TRACK", "1")
        private = Shop(folder, patch)
        seen = [private.read()]
        for factor in (FIRST, SECOND):
            private.run(factor=factor)
            seen.append(private.read())
    assert [list(answer) for answer in seen] == [list(PLACES)] * 3
    assert seen[0] != seen[1] != seen[2]
    return seen


def of(pipeline: str, answer: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """The answer, where a pipeline did not write everything."""
    untouched = {"parallel": ("cached", "used_json", "stream"), "async": ("stream",)}.get(pipeline, ())
    return {**answer, **{name: before[name] for name in untouched}}


class TestRunners:
    """The branch sees what plain Kedro shows on a private copy, and main never changes."""

    @pytest.mark.parametrize(
        ("runner", "pipeline", "is_async"),
        [
            ("SequentialRunner", "__default__", False),
            ("SequentialRunner", "async", True),
            ("ThreadRunner", "__default__", False),
        ],
    )
    def test_in_one_process(self, project: Shop, answers: list, runner: str, pipeline: str, is_async: bool) -> None:
        """Nodes read what nodes wrote, and a second run goes on from the first."""
        assert project.read() == answers[0]
        for factor, answer in ((FIRST, answers[1]), (SECOND, answers[2])):
            project.run(pipeline, runner, factor=factor, is_async=is_async)
            assert project.read() == of(pipeline, answer, answers[0])
        project.switch("main")
        assert project.read() == answers[0]

    @pytest.mark.parametrize(
        ("start_method", "workers", "how"),
        # One worker, where each has to import everything anew.
        slow_but(
            {"fork-2-sync", "fork-2-async"},
            {
                "fork-2-sync": ("fork", "2", "sync"),
                "fork-2-async": ("fork", "2", "async"),
                "spawn-1-sync": ("spawn", "1", "sync"),
                "forkserver-1-sync": ("forkserver", "1", "sync"),
            },
        ),
    )
    def test_in_many_processes(self, project: Shop, answers: list, start_method: str, workers: str, how: str) -> None:
        """Nor does it matter in which process a node runs, and how the process came to be."""
        project.python("run.py", start_method, workers, how, "parallel", str(FIRST), str(SECOND))
        assert project.read() == of("parallel", answers[2], answers[0])
        project.switch("main")
        assert project.read() == answers[0]

    def test_runners_take_turns(self, project: Shop, answers: list) -> None:
        """What one runner wrote, another reads."""
        project.python("run.py", "fork", "2", "sync", "parallel", str(FIRST))
        project.run("parallel", "ThreadRunner", factor=SECOND)
        assert project.read() == of("parallel", answers[2], answers[0])

    def test_part_of_a_pipeline(self, project: Shop, answers: list) -> None:
        """A run of one node reads the branch's where the branch wrote, and main's where it did not."""
        project.run(factor=FIRST, node_names=["clean"])
        before = project.read()
        assert before["table@text"] == before["table@pandas"] == answers[1]["table@pandas"]
        assert before["counts_json"] == answers[0]["counts_json"]
        project.run(factor=FIRST, node_names=["count"])
        assert project.read(["counts_json"])["counts_json"] == answers[1]["counts_json"]

    def test_load_versions(self, project: Shop, answers: list) -> None:
        """A run that is pinned to one of main's versions reads it, though the branch has a newer one."""
        (version,) = os.listdir(project.folder / "data/03_model/model.pickle")  # noqa: PTH208
        project.run(factor=FIRST)
        project.run(factor=FIRST, node_names=["evaluate"], load_versions={"model": version})
        assert project.read(["score"])["score"] == answers[0]["score"]

    def test_only_missing_outputs(self, project: Shop, answers: list) -> None:
        """What main has is not missing: on a fresh branch `--only-missing-outputs` runs nothing, as on a copy."""
        project.run(factor=FIRST, only_missing_outputs=True)
        assert project.read() == answers[0]
        assert not list(project.folder.rglob("_steel_toes"))

    def test_failure(self, project: Shop, answers: list) -> None:
        """A run that fails half-way leaves what it has finished, and everything else as it was."""
        with pytest.raises(Exception, match=r"unsupported operand|can't multiply|invalid literal"):
            project.run(factor={"not": "a number"})
        assert project.read() == answers[0]


def lines_of(done: subprocess.CompletedProcess) -> list[str]:
    """Our lines in what a command printed, without those of seeds."""
    ours = [line.strip() for line in (done.stdout + done.stderr).splitlines() if "steel-toes: " in line]
    return [line for line in ours if "seeding" not in line]


class TestCommand:
    """`kedro run`, with Kedro's default logging."""

    def test_on_a_branch(self, project: Shop, answers: list) -> None:
        """Two lines: which branch and where saves go; at the end, where inputs came from and what was written."""
        assert not (project.folder / "conf/logging.yml").exists()
        first, last = lines_of(project.python("-m", "kedro", "run", "--params", f"factor={FIRST}"))
        assert f"INFO     steel-toes: on branch feature/x (from Git); saves go to *--{SLUG}*" in first
        wrote = "cached, counts_json, journal, lines, model, parts, score, stream, table@pandas, used_json"
        assert f"steel-toes: 0 inputs from the branch, 2 from main; wrote 10 datasets to the branch: {wrote}" in last
        assert project.read() == answers[1]

    def test_later(self, project: Shop) -> None:
        """What an earlier run wrote is counted as the branch's."""
        project.run("parallel")
        _, last = lines_of(project.python("-m", "kedro", "run", "--nodes", "count,train"))
        assert "1 input from the branch, 1 from main; wrote 2 datasets to the branch: counts_json, model" in last

    def test_on_main(self, project: Shop) -> None:
        """On main nothing at all is said."""
        project.switch("main")
        project.mains = {}  # it is main that runs
        done = project.python("-m", "kedro", "run", "--pipeline", "generator")
        assert "Completed" in done.stdout + done.stderr
        assert "steel-toes: " not in done.stdout + done.stderr
        assert not list(project.folder.rglob("_steel_toes"))


class TestWhere:
    """Where the project lies, and where one stands."""

    def test_outside(self, project: Shop, answers: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """From a working directory outside the project the branch and the place of data are the project's."""
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        git(elsewhere, "init", "-q", "-b", "main")
        monkeypatch.chdir(elsewhere)
        project.run(factor=FIRST)
        assert project.read() == answers[1]
        assert [path.name for path in elsewhere.iterdir()] == [".git"]
        monkeypatch.chdir(project.folder)
        assert project.read() == answers[1]

    def test_subfolder(self, template: Path, answers: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A project in a subfolder of the repository is on the repository's branch."""
        shutil.copytree(template, tmp_path / "repository/apps/shop", ignore=shutil.ignore_patterns(".git"))
        git(tmp_path / "repository", "init", "-q")
        git(tmp_path / "repository", "add", ".")
        git(tmp_path / "repository", "commit", "-qm", "one")
        project = Shop(tmp_path / "repository/apps/shop", monkeypatch)
        project.switch("feature/x")
        monkeypatch.chdir(tmp_path)
        project.run(factor=FIRST)
        assert project.read() == answers[1]
        assert list(project.folder.glob(f"data/_steel_toes/{SLUG}/*.json"))
        project.assert_main_unchanged()

    def test_worktree(self, project: Shop, answers: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """In a Git worktree the branch is the worktree's."""
        project.git("worktree", "add", "-q", str(tmp_path / "tree"), "-b", "feature/y")
        shutil.copytree(project.folder / "data", tmp_path / "tree/data")
        tree = Shop(tmp_path / "tree", monkeypatch)
        tree.run(factor=FIRST)
        assert tree.read() == answers[1]
        assert os.listdir(tree.folder / "data/_steel_toes")[0].startswith("feature-y-")  # noqa: PTH208
        tree.assert_main_unchanged()
        assert project.read() == answers[0]


class TestWhich:
    """Which branch's data it is."""

    def test_detached(self, project: Shop, answers: list) -> None:
        """On a detached HEAD reads are main's; a run that saves is refused, before its first node, with the way out."""
        project.git("switch", "-q", "--detach")
        assert project.read() == answers[0]
        reason = r"Cannot save .*table@pandas.*: the branch is unknown.*detached.*STEEL_TOES_BRANCH"
        with pytest.raises(DatasetError, match=reason):
            project.run()
        project.assert_main_unchanged()
        assert project.files() == project.mains

    def test_override(self, project: Shop, answers: list, monkeypatch: pytest.MonkeyPatch) -> None:
        """STEEL_TOES_BRANCH is the branch, with a detached HEAD and on main too."""
        monkeypatch.setenv("STEEL_TOES_BRANCH", "release-2")
        for state in (["--detach"], ["main"]):
            project.git("switch", "-q", *state)
            project.run("parallel", factor=FIRST, node_names=["clean"])
            assert project.read(["table@text"])["table@text"] == answers[1]["table@text"]
        assert (project.folder / "data/02_clean/table--release-2.csv").is_file()

    def test_fresh(self, project: Shop) -> None:
        """A fresh branch reads main live."""
        catalog = project.catalog()
        assert catalog.load("raw_notes") == "of main"
        (project.folder / "data/01_raw/notes.txt").write_text("changed on main")
        assert catalog.load("raw_notes") == "changed on main"
        assert project.read(["raw_notes"]) == {"raw_notes": "changed on main"}
        project.mains = project.files()

    def test_second_branch(self, project: Shop, answers: list) -> None:
        """A second branch does not see the first's data, not even when it starts from it."""
        project.run(factor=FIRST)
        project.switch("feature/y")
        assert project.read() == answers[0]
        project.run(factor=FIRST)
        project.run(factor=SECOND)
        assert project.read() == answers[2]
        project.switch("feature/x")
        assert project.read() == answers[1]

    def test_main(self, project: Shop, answers: list) -> None:
        """A run on main is plain Kedro's, and changes main."""
        project.switch("main")
        catalog = project.catalog()
        assert type(catalog._datasets) is dict
        assert type(catalog._lazy_datasets) is dict
        project.run(factor=FIRST)
        assert project.read() == answers[1]
        project.mains = {}
        project.switch("feature/x")
        assert project.read() == answers[1]
        assert not list(project.folder.rglob("_steel_toes"))

    def test_notebook(self, project: Shop, answers: list) -> None:
        """What `catalog.save` saves in a notebook is the branch's, and a later run reads it."""
        catalog = project.catalog()
        catalog.save("counts_json", {"rows": 1, "sum": 100})
        project.run("parallel", node_names=["train", "evaluate"])
        assert project.read(["score"]) == {"score": 200.0}
        project.switch("main")
        assert project.read() == answers[0]


class TestServing:
    """Sessions of Kedro's that serve many runs with one hook object."""

    def test_many_runs(self, project: Shop, answers: list) -> None:
        """Each run of a service session asks anew which branch it is on, and keeps nothing of the run before."""
        service = pytest.importorskip("kedro.framework.session.service_session", reason="this Kedro has no services")
        with project.session():
            pass  # puts the project's package in the place of the last test's
        with service.KedroServiceSession.create(project_path=project.folder) as session:
            session.run(runtime_params={"factor": FIRST})
            project.patch.setenv("STEEL_TOES_BRANCH", "feature/y")
            for factor in (FIRST, SECOND):
                session.run(runtime_params={"factor": factor})
        assert project.read() == answers[2]
        project.patch.delenv("STEEL_TOES_BRANCH")
        assert project.read() == answers[1]


class TestOneRun:
    """What nodes of one run see."""

    @pytest.mark.parametrize("runner", ["SequentialRunner", "ThreadRunner"])
    def test_free_inputs_are_frozen(self, project: Shop, answers: list, runner: str) -> None:
        """What the run only reads, all its nodes read from one side, though another process saves it meanwhile.

        What the run writes, under whatever name, is read as it was written; the next run reads what was saved.
        """
        project.run("meddling", runner, factor=FIRST)
        seen = project.read(["seen_json", "raw_notes"])
        assert seen["raw_notes"] == "meddled"
        assert seen["seen_json"]["notes"] == "of main"
        assert seen["seen_json"]["counts"] == answers[1]["counts_json"]
        assert json.loads(seen["seen_json"]["alias"]) == answers[1]["counts_json"]
        project.run("meddling", runner, node_names=["m_look"])
        assert project.read(["seen_json"])["seen_json"]["notes"] == "meddled"

    def test_in_workers(self, project: Shop) -> None:
        """The side is frozen in the datasets, so that workers that never see a hook keep to it."""
        project.python("run.py", "fork", "1", "sync", "meddling", str(FIRST))
        seen = project.read(["seen_json", "raw_notes"])
        assert (seen["raw_notes"], seen["seen_json"]["notes"]) == ("meddled", "of main")

    def test_generator(self, project: Shop, answers: list) -> None:
        """The chunks of a generator follow main's rows on the branch, each once."""
        project.run("generator", factor=FIRST)
        rows = "".join(f"{name} times {FIRST}\n" for name in "ABCD")
        assert project.read(["stream"])["stream"] == answers[0]["stream"] + rows
