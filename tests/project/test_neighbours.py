"""The packages that Kedro's users have beside us, for real, on a branch of examples/flights: none of them notices.

They are not in the group `dev`: `uv run --group neighbours pytest --everything tests/project/test_neighbours.py`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("neighbours")]

INSTALL = "is not installed; `uv run --group neighbours pytest --everything tests/project/test_neighbours.py` has it"


def needs(package: str) -> pytest.MarkDecorator:
    """Skip, and say so, where a package is not installed."""
    return pytest.mark.skipif(find_spec(package) is None, reason=f"{package} {INSTALL}")


def at_once(*actions: Any) -> list[Any]:
    """What functions give that run at the same time."""
    with ThreadPoolExecutor() as pool:
        return [run.result() for run in [pool.submit(action) for action in actions]]


def test_group(root: Path) -> None:
    """What these tests need is a group of its own: `dev` stays light, and so does installing steel_toes."""
    text = (root / "pyproject.toml").read_text()
    groups = dict(re.findall(r"^(\w+) = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL))
    names = ("kedro-viz", "kedro-mlflow", "kedro-airflow", "kedro-docker", "ipython", "ipykernel")
    assert all(f'"{name}' in groups["neighbours"] for name in names)
    assert not any(f'"{name}' in groups["dev"] for name in names)


# kedro-viz -----------------------------------------------------------------------------------------------------------

WROTE = {"months", "raw_airlines", "raw_airports", "delays", "report_airports", "report_months"}
LAYERS = """
delays:
  metadata: {kedro-viz: {layer: primary}}
"""


def is_free(port: int) -> bool:
    """Whether a server can listen there."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) != 0


# kedro-viz takes no port above 49151, and one of the next four if the port is taken.
PORTS = filter(is_free, range(20_000 + os.getpid() % 10_000, 49_000, 10))


@contextmanager
def viz(project: Any, *options: str) -> Iterator[SimpleNamespace]:
    """A `kedro viz run` in a project."""
    port = next(PORTS)
    command = [sys.executable, "-m", "kedro", "viz", "run", "--host", "127.0.0.1", "--port", str(port), "--no-browser"]
    log = project.folder.parent / f"viz-{port}.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            [*command, *options],
            cwd=project.folder,
            env=project.environment,
            stdout=out,
            stderr=out,
            start_new_session=True,  # the server is a child of the command
        )
    try:
        yield SimpleNamespace(address=f"http://127.0.0.1:{port}", server=server, log=log, project=project)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def get(shown: SimpleNamespace, path: str) -> Any:
    """What a server answers as soon as it is up, without the project's folder."""
    while True:
        assert shown.server.poll() is None, shown.log.read_text()
        try:
            with urllib.request.urlopen(f"{shown.address}/api/{path}", timeout=60) as answer:
                return json.loads(answer.read().decode().replace(str(shown.project.folder), ""))
        except urllib.error.HTTPError:
            raise
        except OSError:
            time.sleep(0.5)


def looked(shown: SimpleNamespace) -> dict[str, dict[str, Any]]:
    """All that kedro-viz says of each dataset, and of the graph under the name ""."""
    graph = get(shown, "main")
    # Sets of Kedro's, whose order is nobody's.
    for node in [*graph["nodes"], graph]:
        node.update(
            {key: sorted(value, key=str) for key, value in node.items() if key in ("tags", "pipelines", "layers")}
        )
    graph["nodes"].sort(key=lambda node: node["id"])
    graph["edges"].sort(key=lambda edge: (edge["source"], edge["target"]))
    data = {node["name"]: get(shown, f"nodes/{node['id']}") for node in graph["nodes"] if node["type"] == "data"}
    for said in data.values():
        if "transcoded_types" in said:
            said["transcoded_types"] = sorted([*said["transcoded_types"], said.pop("original_type")])
    return {"": graph, **data}


@pytest.fixture(scope="module")
def seen(flights: Any, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """What kedro-viz shows of a branch that wrote, of main, and of a private copy on which plain Kedro wrote."""
    folder = tmp_path_factory.mktemp("viz")
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DO_NOT_TRACK", "1")
        patch.setenv("HOME", str(folder))
        for name in ("branch", "private"):
            shutil.copytree(flights.folder, folder / name)
        branch = flights.at(folder / "branch", STEEL_TOES_BRANCH="cubic")
        private = flights.at(folder / "private", STEEL_TOES_ENABLED="no")
        commands = ["run --pipeline ingestion --params months.first=3,months.last=3", "run --pipeline reporting"]
        for project in (branch, private):
            catalog = project.folder / "conf/base/catalog.yml"
            text = catalog.read_text()
            assert "delays:\n" in text
            catalog.write_text(text.replace("delays:\n", LAYERS.lstrip()))
        at_once(lambda: branch.kedro(*commands), lambda: private.kedro(*commands))
        servers = [(branch, ["--include-hooks"]), (branch, []), (branch, ["--include-hooks", "--lite"]), (private, [])]
        shown = [stack.enter_context(viz(project, *options)) for project, options in servers]
        hooks, without, lite, plain = at_once(*(partial(looked, one) for one in shown))
        yield SimpleNamespace(hooks=hooks, without=without, lite=lite, plain=plain, branch=branch)
        branch.assert_main_unchanged()


def but_for_the_path(shown: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What is shown, without file paths."""
    return {name: {key: value for key, value in said.items() if key != "filepath"} for name, said in shown.items()}


@needs("kedro_viz")
class TestViz:
    """kedro-viz, by the answers of its server."""

    @pytest.mark.parametrize("how", ["hooks", "lite"])
    def test_shows_a_private_copy(self, seen: SimpleNamespace, how: str) -> None:
        """With --include-hooks, also with --lite, type, preview, layer, statistics and graph are a private copy's."""
        shown = getattr(seen, how)
        assert but_for_the_path(shown) == but_for_the_path(seen.plain)
        assert shown["delays"]["type"] == "pandas.csv_dataset.CSVDataset"
        assert [row[0] for row in shown["delays"]["preview"]["data"]] == ["2013-01", "2013-02", "2013-03"]
        assert shown["delays"]["stats"]["rows"] == 3
        assert "primary" in shown[""]["layers"]
        copy = seen.branch.data / "05_reports/airports--cubic.csv"
        assert shown["report_airports"]["stats"]["file_size"] == copy.stat().st_size

    @pytest.mark.parametrize("how", ["hooks", "lite"])
    def test_file_path(self, seen: SimpleNamespace, how: str) -> None:
        """With --include-hooks the file path is that of the side that is read: the branch's once it has written."""
        shown = {name: said["filepath"] for name, said in getattr(seen, how).items() if name}
        assert {name for name, path in shown.items() if "--cubic" in path} == WROTE
        assert shown["delays"] == "/data/03_delays--cubic.csv"
        assert shown["metrics"] == "/data/05_reports/metrics.json"

    def test_without_hooks(self, seen: SimpleNamespace) -> None:
        """Without --include-hooks kedro-viz calls no hook, and shows main."""
        assert [row[0] for row in seen.without["delays"]["preview"]["data"]] == ["2013-01", "2013-02"]
        assert not [said["filepath"] for name, said in seen.without.items() if name and "--cubic" in said["filepath"]]

    def test_readme(self, root: Path) -> None:
        """The README says that kedro-viz shows main unless it is told to include hooks."""
        assert re.search(r"kedro viz run --include-hooks", (root / "README.md").read_text())


# kedro-mlflow --------------------------------------------------------------------------------------------------------

MLFLOW = """
server:
  mlflow_tracking_uri: sqlite:///mlflow.db
tracking:
  disable_tracking:
    pipelines: [quiet]
"""
TRACKED = """
report_months:
  type: kedro_mlflow.io.artifacts.MlflowArtifactDataset
  dataset:
    type: pandas.CSVDataset
    filepath: data/05_reports/months.csv
    save_args: {index: false}

tracked_months:
  type: kedro_mlflow.io.metrics.MlflowMetricDataset

tracked_history:
  type: kedro_mlflow.io.metrics.MlflowMetricHistoryDataset
  key: history

tracked_metrics:
  type: kedro_mlflow.io.metrics.MlflowMetricsHistoryDataset
  prefix: all

tracked_model:
  type: kedro_mlflow.io.models.MlflowModelTrackingDataset
  flavor: mlflow.pyfunc
  pyfunc_workflow: python_model
  save_args: {name: model, pip_requirements: []}

local_model:
  type: kedro_mlflow.io.models.MlflowModelLocalFileSystemDataset
  flavor: mlflow.pyfunc
  pyfunc_workflow: python_model
  filepath: data/06_local_model
  save_args: {pip_requirements: []}
"""
TRACKING = '''
"""What MLflow tracks."""

from kedro.pipeline import Pipeline, node
from mlflow.pyfunc import PythonModel


class Model(PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input


def track(report):
    return float(len(report)), [1.0, 2.0], {"minutes": {"value": 7.0, "step": 1}}, Model(), Model()


def create_pipeline():
    outputs = ["tracked_months", "tracked_history", "tracked_metrics", "tracked_model", "local_model"]
    return Pipeline([node(track, "report_months", outputs, name="track")])
'''
QUIET = """
from flights.pipelines.reporting.pipeline import create_pipeline as reporting


def create_pipeline():
    return reporting().only_nodes("rank_months")
"""
# pluggy calls first what was registered last. An entry point is registered after all of settings.py.
ORDERS = {
    "by entry point": """
DISABLE_HOOKS_FOR_PLUGINS = ()
""",
    "before ours": """
from kedro_mlflow.framework.hooks import MlflowHook
HOOKS = (MlflowHook(), SteelToes())
""",
}

# What MLflow has, after all commands: of each run its artifacts and its metrics, and the names of the models.
ASK = """
import json
from pathlib import Path

import mlflow

mlflow.set_tracking_uri("sqlite:///mlflow.db")
client = mlflow.MlflowClient()
runs = []
for experiment in client.search_experiments():
    for run in client.search_runs([experiment.experiment_id], order_by=["start_time"]):
        artifacts = {}
        for item in client.list_artifacts(run.info.run_id):
            if not item.is_dir:
                file = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path=item.path)
                artifacts[item.path] = Path(file).read_text()
        models = [model.name for model in client.search_logged_models([experiment.experiment_id])]
        runs.append({"artifacts": artifacts, "metrics": run.data.metrics, "models": models})
print("RUNS " + json.dumps(runs))
"""


def track(project: Any, hooks: str = ORDERS["by entry point"]) -> None:
    """Have a project's pipelines track with MLflow."""
    sources, conf = project.folder / "src/flights", project.folder / "conf/base"
    for name, code in {"tracking": TRACKING, "quiet": QUIET}.items():
        (sources / "pipelines" / name).mkdir()
        (sources / "pipelines" / name / "__init__.py").write_text(code)
    with (sources / "settings.py").open("a") as settings:
        settings.write(hooks)
    (conf / "mlflow.yml").write_text(MLFLOW)
    with (conf / "catalog.yml").open("a") as catalog:
        catalog.write(TRACKED)


def tracked(project: Any, *commands: str | list[str]) -> list[dict[str, Any]]:
    """What MLflow has after commands."""
    project.kedro(*commands)
    (line,) = [line for line in project.python("-c", ASK).splitlines() if line.startswith("RUNS ")]
    return json.loads(line.removeprefix("RUNS "))


@needs("kedro_mlflow")
class TestMlflow:
    """kedro-mlflow, by what is in MLflow's own store."""

    @pytest.mark.parametrize("order", ORDERS)
    def test_tracks(self, branch: Any, order: str) -> None:
        """In every order of hooks artifacts are the branch's files; metrics and models are MLflow's own affair."""
        track(branch, ORDERS[order])
        branch.edit("pipelines/reporting/nodes.py", "ascending=False)\n\n\n", "ascending=False).head(1)\n\n\n")
        (run,) = tracked(branch, "run --nodes rank_months,track")
        copy = branch.data / "05_reports/months--cubic.csv"
        assert run["artifacts"] == {copy.name: copy.read_text()}
        assert copy.read_text().count("2013-") == 1
        assert run["metrics"] == {"tracked_months": 1.0, "history": 2.0, "all.minutes": 7.0}
        assert run["models"] == ["model"]
        assert (branch.data / "06_local_model--cubic/MLmodel").is_file()
        known = [json.loads(path.read_text())["dataset"] for path in branch.data.glob("_steel_toes/cubic/*.json")]
        assert sorted(known) == ["local_model", "report_months"]

    def test_switch_catalog_logging(self, branch: Any) -> None:
        """Where MLflow is switched off for a pipeline, the branch's file is saved, and no artifact is logged."""
        track(branch)
        runs = tracked(branch, "run --pipeline quiet")
        assert runs == []
        assert (branch.data / "05_reports/months--cubic.csv").is_file()

    def test_artifact_of_a_run(self, branch: Any) -> None:
        """An artifact that is pinned to a run would be copied over main's file by a load, so the load is refused."""
        made = """
            import mlflow
            mlflow.set_tracking_uri("sqlite:///mlflow.db")
            mlflow.set_experiment("flights")
            with mlflow.start_run() as run:
                mlflow.log_text("month,flights\\n2012-12,1\\n", "months.csv")
            print("RUN", run.info.run_id)
        """
        track(branch)
        run = re.search("^RUN (.*)", branch.python("-c", textwrap.dedent(made)), re.MULTILINE)[1]
        catalog = branch.folder / "conf/base/catalog.yml"
        catalog.write_text(catalog.read_text().replace("  dataset:\n", f"  run_id: {run}\n  dataset:\n", 1))
        (said,) = branch.kedro(["run --pipeline tracking"])
        branch.assert_main_unchanged()
        assert "Cannot load report_months" in said


# Notebooks -----------------------------------------------------------------------------------------------------------


@needs("IPython")
def test_ipython(branch: Any) -> None:
    """The catalog of `kedro ipython` is the branch's; after `git switch` and %reload_kedro it is the other branch's."""
    cells = """
        catalog.save("metrics", {"of": "cubic"})
        print("CUBIC", type(catalog["metrics"]).__name__, catalog["metrics"]._filepath.name)
        print("SHOWN", get_ipython().display_formatter.format(catalog["metrics"])[0]["text/plain"])
        !git switch -q -c other
        catalog.save("metrics", {"of": "cubic, still"})
        %reload_kedro
        print("OTHER", catalog.load("metrics")["month"], type(catalog["metrics"]).__name__)
        catalog.save("metrics", {"of": "other"})
        session.run(node_names=["rank_months"])
    """
    script = branch.folder / "cells.ipy"
    script.write_text(textwrap.dedent(cells))
    said = branch.python("-m", "kedro", "ipython", "--", str(script))
    assert "CUBIC JSONDataset metrics--cubic.json" in said
    assert "A load reads the copy of branch cubic: " in said.partition("SHOWN ")[2]
    assert "OTHER 2013-02 JSONDataset" in said
    reports = {path: text.decode() for path, text in branch.files().items() if "reports/" in path and "--" in path}
    assert json.loads(reports.pop("05_reports/metrics--cubic.json")) == {"of": "cubic, still"}
    assert json.loads(reports.pop("05_reports/metrics--other.json")) == {"of": "other"}
    assert list(reports) == ["05_reports/months--other.csv"]


@needs("ipykernel")
def test_jupyter(branch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the kernel that `kedro jupyter setup` makes, %reload_kedro gives the branch's catalog."""
    from jupyter_client.manager import start_new_kernel

    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    branch.kedro("jupyter setup")
    manager, client = start_new_kernel(kernel_name="kedro_flights", cwd=str(branch.folder), env=branch.environment)
    try:
        said = []
        for cell in (
            "%reload_kedro",
            "catalog.save('metrics', {'of': 'cubic'})",
            "print(catalog.load('metrics'), type(catalog['metrics']).__name__, catalog['metrics']._filepath.name)",
        ):
            reply = client.execute_interactive(
                cell, timeout=120, output_hook=lambda message: said.append(str(message["content"]))
            )
            assert reply["content"]["status"] == "ok", "".join(said)
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
    assert "{'of': 'cubic'} JSONDataset metrics--cubic.json" in "".join(said)
    assert json.loads((branch.data / "05_reports/metrics--cubic.json").read_text()) == {"of": "cubic"}


# Deployment ----------------------------------------------------------------------------------------------------------


# `kedro docker init`, but for the look whether a Docker daemon runs, which it does not need.
DOCKER = """
from pathlib import Path

from kedro.framework.startup import bootstrap_project
from kedro_docker.plugin import docker_init

docker_init.main([], obj=bootstrap_project(Path.cwd()), standalone_mode=False)
"""


@needs("kedro_airflow")
@needs("kedro_docker")
def test_generators(branch: Any, private: Any) -> None:
    """kedro-airflow and kedro-docker generate what they generate without us."""
    branch.kedro("run --pipeline reporting")
    commands = ["airflow create --all", "airflow create --all --group-by memory --target-dir grouped"]
    at_once(lambda: branch.kedro(*commands), lambda: private.kedro(*commands))
    at_once(lambda: branch.python("-c", DOCKER), lambda: private.python("-c", DOCKER))

    def generated(project: Any) -> dict[str, str]:
        known = {".git", "data", ".viz", "src", "conf"}
        paths = [path.relative_to(project.folder) for path in project.folder.rglob("*") if path.is_file()]
        return {str(path): (project.folder / path).read_text() for path in paths if path.parts[0] not in known}

    made = generated(private)
    assert {"airflow_dags/flights_dag.py", "grouped/flights_dag.py", "Dockerfile", ".dockerignore"} <= set(made)
    assert generated(branch) == made
