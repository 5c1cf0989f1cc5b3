"""Kedro's own commands and sessions on a branch of examples/flights: nothing in them notices that there is a branch.

Most laws are comparisons: the same commands run on a branch, and by Kedro alone on a private copy of main's data.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from kedro.io import DataCatalog

from steel_toes import SteelToes

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("sessions")]

SCOREBOARD = "05_reports/scoreboard.csv"  # shared: a branch writes main's
NAMES = ["raw_airlines", "raw_airports", "delays", "metrics", "report_months", "report_airports"]

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


class Project:
    """A copy of the example.

    Args:
        folder: of the project.
        variables: of the environment.
    """

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder, self.data = folder, folder / "data"
        self.variables = variables
        self.mains = self.files()

    def python(self, *arguments: str, **variables: str) -> str:
        """What Python prints here on stdout, if it ends well."""
        # Kedro prints sets in their order.
        environment = {**os.environ, "COLUMNS": "200", "PYTHONHASHSEED": "0", **self.variables, **variables}
        command = [sys.executable, *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=200, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def kedro(self, *commands: str | list[str], **variables: str) -> list[str]:
        """What each of Kedro's commands prints."""
        printed = self.python("-c", COMMANDS, json.dumps(commands), **variables)
        return [said.partition("\n")[2] for said in printed.split("$ kedro ")[1:]]

    def edit(self, path: str, old: str, new: str) -> None:
        """Change a source file."""
        file = self.folder / "src" / "flights" / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def git(self, *arguments: str) -> None:
        """Run git."""
        subprocess.run(["git", *arguments], cwd=self.folder, check=True, capture_output=True)

    def files(self) -> dict[str, bytes]:
        """Every file of the data, by its path there."""
        paths = [path for path in self.data.rglob("*") if path.is_file()]
        return {path.relative_to(self.data).as_posix(): path.read_bytes() for path in paths}

    def answers(self, hook: SteelToes | None = None) -> dict[str, Any]:
        """What a catalog of the project loads."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            catalog = DataCatalog.from_config(yaml.safe_load(Path("conf/base/catalog.yml").read_text()))
            if hook:
                hook.after_catalog_created(catalog)
            loaded = {name: catalog.load(name) if catalog.exists(name) else None for name in NAMES}
            seen = {name: data.to_csv() if hasattr(data, "to_csv") else data for name, data in loaded.items()}
            seen["months@all"] = {month: load().to_csv() for month, load in catalog.load("months@all").items()}
            seen["model"] = catalog.load("model").convert().coef.tolist()
            return seen


def played(folder: Path, root: Path, **variables: str) -> Project:
    """A committed copy of the example whose pipeline has run on main for two months."""
    left = shutil.ignore_patterns("data", "__pycache__", ".venv", ".viz", "mlruns")
    shutil.copytree(root / "examples" / "flights", folder, ignore=left)
    project = Project(folder, **variables)
    project.edit("pipelines/reporting/pipeline.py", 'name="rank_airports"', 'name="rank_airports", tags="airports"')
    with (folder / "src/flights/settings.py").open("a") as file:
        # Where tests/test_neighbours.py's group is installed too.
        file.write('DISABLE_HOOKS_FOR_PLUGINS = ("kedro_mlflow", "kedro-mlflow")\n')
    project.git("init", "-q", "-b", "main")
    project.git("add", "--all")
    project.git("commit", "-qm", "one")
    project.kedro("run --params months.first=1,months.last=2")
    assert not (project.data / "_steel_toes").exists()
    return project


@pytest.fixture(scope="module")
def template(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The example on main, which has run."""
    with pytest.MonkeyPatch.context() as patch:
        # conftest.py's isolation is a test's, and this is a module's.
        for name in [name for name in os.environ if name.startswith(("GIT_", "KEDRO_", "STEEL_TOES_"))]:
            patch.delenv(name)
        patch.setenv("STEEL_TOES_BRANCH", "main")
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "A Tester")
            patch.setenv(f"GIT_{role}_EMAIL", "tester@example.invalid")
        patch.setenv("DO_NOT_TRACK", "1")
        return played(tmp_path_factory.mktemp("sessions") / "flights", root)


@pytest.fixture
def branch(template: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The example on the branch `cubic`; what main had must be the same when the test is over."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    shutil.copytree(template.folder, tmp_path / "flights")
    project = Project(tmp_path / "flights")
    project.git("switch", "-q", "-c", "cubic")
    yield project
    now = project.files()
    changed = {path for path, content in project.mains.items() if now.get(path) != content}
    assert changed <= {SCOREBOARD}


@pytest.fixture
def private(template: Project, tmp_path: Path) -> Project:
    """A private copy of main's data, without steel_toes."""
    shutil.copytree(template.folder, tmp_path / "private")
    return Project(tmp_path / "private", STEEL_TOES_ENABLED="false")


def both(branch: Project, private: Project, *commands: str | list[str], **variables: str) -> list[list[str]]:
    """What the commands print on the branch, and what they print on the private copy."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda project: project.kedro(*commands, **variables), (branch, private)))


def without_ours(text: str) -> str:
    """What was printed, without our own lines."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("steel-toes: "))


def ours(text: str) -> list[str]:
    """Our own lines."""
    return [line for line in text.splitlines() if line.startswith("steel-toes: ")]


class TestCommands:
    """`kedro ...` on a branch."""

    def test_catalog(self, branch: Project, private: Project) -> None:
        """`kedro catalog` says what it says without us, before the branch has written and after."""
        looks = ["catalog describe-datasets", "catalog list-patterns", "catalog resolve-patterns"]
        looks.append("registry describe __default__")
        commands = [*looks, "run --pipeline reporting", *looks]
        on_branch, plain = both(branch, private, *commands)
        on_branch = [without_ours(said).replace(str(branch.folder), "") for said in on_branch]
        plain = [said.replace(str(private.folder), "") for said in plain]
        assert "PartitionedDataset" in plain[0] + plain[2]
        assert on_branch == plain
        assert (branch.data / "05_reports/airports--cubic.csv").is_file()

    def test_selections(self, branch: Project, private: Project) -> None:
        """--pipeline, --from-nodes, --tags, --nodes and --load-versions read and write what they do on a copy."""
        (version,) = os.listdir(branch.data / "04_model.pickle")  # noqa: PTH208
        commands = [
            "run --pipeline ingestion --params months.first=3,months.last=3",
            "run --from-nodes log_delays",
            "run --tags airports",
            "run --nodes train",
            f"run --nodes evaluate --load-versions model:{version}",
        ]
        for project in (branch, private):
            project.edit("pipelines/modelling/nodes.py", "degree = 1", "degree = 3")
        said, _ = both(branch, private, *commands)
        assert [ours(text)[-1].partition("; ")[0] for text in said[1:]] == [
            "steel-toes: 2 inputs from the branch, 0 from main",
            "steel-toes: 2 inputs from the branch, 0 from main",
            "steel-toes: 1 input from the branch, 0 from main",
            "steel-toes: 1 input from the branch, 1 from main",
        ]
        seen = branch.answers(SteelToes(branch="cubic"))
        assert seen == private.answers()
        assert seen["metrics"]["degree"] == 1  # main's model was pinned, though the branch's is newer
        assert len(seen["model"]) == 4

    def test_only_missing_outputs(self, branch: Project, private: Project) -> None:
        """With --only-missing-outputs main's outputs count as there: those nodes run that run on a copy."""
        for project in (branch, private):
            (project.data / "05_reports/airports.csv").unlink()
            shutil.rmtree(project.data / "04_model.pickle")
        branch.mains = branch.files()
        both(branch, private, "run --only-missing-outputs")
        assert branch.answers(SteelToes(branch="cubic")) == private.answers()
        copies = {path.split("/")[1].partition("--")[0] for path in branch.files() if path.count("--cubic") == 1}
        assert copies == {"airports"}
        assert len(list((branch.data / "04_model--cubic.pickle").iterdir())) == 1

    @pytest.mark.xfail(reason="the log counts what the pipeline would have written, and does not name main's outputs")
    def test_only_missing_outputs_in_words(self, branch: Project) -> None:
        """With --only-missing-outputs the log says how many outputs count because main has them, and what was saved."""
        (branch.data / "05_reports/airports.csv").unlink()
        shutil.rmtree(branch.data / "04_model.pickle")
        branch.mains = branch.files()
        (said,) = branch.kedro("run --only-missing-outputs")
        *lines, last = ours(said)
        assert "wrote 2 datasets to the branch: model, report_airports" in last
        assert [line for line in lines if re.search(r"\b6 outputs\b.*\bmain\b", line)]

    def test_resume(self, branch: Project, private: Project) -> None:
        """After a failure Kedro suggests the resume that it suggests on a copy, and the resumed run gives the same."""
        for project in (branch, private):
            start = (
                '    last = max(months)\n    if __import__("os").environ.pop("FAILS", None):\n        raise OSError\n'
            )
            project.edit("pipelines/modelling/nodes.py", "    last = max(months)\n", start)
        months = "--params months.first=3,months.last=3"
        said, plain = both(branch, private, [f"run {months}"], f"run {months} RESUME", "registry list", FAILS="yes")
        suggestion = re.findall(r"--from-nodes .*", said[0])
        assert suggestion
        assert suggestion == re.findall(r"--from-nodes .*", plain[0])
        assert branch.answers(SteelToes(branch="cubic")) == private.answers()
        assert branch.answers(SteelToes(branch="cubic"))["metrics"]["month"] == "2013-03"

    def test_parallel_runner(self, branch: Project) -> None:
        """With ParallelRunner, whose catalog is a SharedMemoryDataCatalog, workers write to the branch."""
        branch.edit("pipelines/modelling/nodes.py", "degree = 1", "degree = 3")
        branch.kedro("run --pipeline modelling --runner ParallelRunner")
        assert branch.answers(SteelToes(branch="cubic"))["metrics"]["degree"] == 3
        assert branch.answers()["metrics"]["degree"] == 1


CHECKS = """
class Short:
    def validate(self, data):
        if len(data) > 50:
            raise ValueError("more than 50 rows")
        return data
"""


class TestValidators:
    """Kedro's `validator:` in a project's catalog.yml, from Kedro 1.6 on."""

    def test_refuses(self, branch: Project, private: Project) -> None:
        """A validator refuses a node's output on the branch with plain Kedro's error, before anything is written."""
        pytest.importorskip("kedro.validation.core", reason="this Kedro has no validators")
        if find_spec("pandera") and find_spec("pyspark"):
            pytest.skip("Kedro imports pandera here, which imports a PySpark that may end the process")
        for project in (branch, private):
            (project.folder / "src/flights/checks.py").write_text(CHECKS)
            catalog = project.folder / "conf/base/catalog.yml"
            entry = '"report_{name}":\n  type: pandas.CSVDataset\n'
            assert entry in catalog.read_text()
            checked = f"{entry}  validator: {{class: flights.checks.Short}}\n"
            catalog.write_text(catalog.read_text().replace(entry, checked))
        before = branch.files()
        commands = [["run --nodes rank_airports"], "run --nodes rank_months"]
        said, plain = both(branch, private, *commands)
        assert "more than 50 rows" in plain[0]
        assert without_ours(said[0]) == without_ours(plain[0])
        written = {path for path in branch.files() if path not in before and "_steel_toes" not in path}
        assert written == {"05_reports/months--cubic.csv"}


SERVICE = """
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kedro.framework.project import settings
from kedro.framework.session.service_session import KedroServiceSession
from kedro.framework.startup import bootstrap_project
from kedro.runner import SequentialRunner


class Meeting(SequentialRunner):
    # Runs when all of them have come so far.
    def __init__(self, come, go):
        super().__init__()
        self.come, self.go = come, go

    def run(self, *args, **kwargs):
        self.come.set()
        assert self.go.wait(60)
        return super().run(*args, **kwargs)


bootstrap_project(Path.cwd())
go = threading.Event()
with KedroServiceSession.create(project_path=Path.cwd(), serving_mode=True) as session, ThreadPoolExecutor() as pool:
    assert len(settings.HOOKS) == 1
    runs = []
    for branch, pipeline in [("cubic", "modelling"), ("other", "reporting"), ("cubic", "reporting")]:
        subprocess.run(["git", "switch", "-q", branch], check=True)
        come = threading.Event()
        runner = Meeting(come, go)
        runs.append(pool.submit(session.run, pipeline_names=[pipeline], runner=runner))
        assert come.wait(60), runs[-1].exception(1)
    subprocess.run(["git", "switch", "-q", "main"], check=True)
    go.set()
    for run in runs:
        run.result()
"""


class TestServices:
    """KedroServiceSession."""

    def test_concurrent_runs(self, branch: Project) -> None:
        """Runs at the same time on one hook object each keep the branch that was checked out when they began."""
        pytest.importorskip("kedro.framework.session.service_session", reason="this Kedro has no services")
        branch.git("branch", "other")
        branch.python("-c", SERVICE)
        reports = {path for path in branch.files() if path.startswith("05_reports/") and "--" in path}
        cubic = {f"05_reports/{name}" for name in ("metrics--cubic.json", "months--cubic.csv", "airports--cubic.csv")}
        assert reports == cubic | {"05_reports/months--other.csv", "05_reports/airports--other.csv"}
        assert len(list((branch.data / "04_model--cubic.pickle").iterdir())) == 1


# A build backend of its own, so that `kedro package` builds a real wheel without asking a package index.
BACKEND = '''
"""Builds a wheel of src/."""
import zipfile
from importlib.util import find_spec
from pathlib import Path

META = {"METADATA": "Metadata-Version: 2.1\\nName: flights\\nVersion: 1\\n"}
META["WHEEL"] = "Wheel-Version: 1.0\\nGenerator: tests\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"


def build_wheel(directory, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(Path(directory, "flights-1-py3-none-any.whl"), "w") as wheel:
        for path in Path("src").rglob("*.py"):
            wheel.write(path, path.relative_to("src"))
        for name, text in META.items():
            wheel.writestr(f"flights-1.dist-info/{name}", text)
        wheel.writestr("flights-1.dist-info/RECORD", "")
    return "flights-1-py3-none-any.whl"
'''
MAIN = """
from pathlib import Path

from kedro.framework.cli.utils import find_run_command
from kedro.framework.project import configure_project

if __name__ == "__main__":
    package = Path(__file__).parent.name
    configure_project(package)
    find_run_command(package)()
"""
BUILD = '\n[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


class TestPackages:
    """`kedro package`."""

    def test_runs_elsewhere(self, branch: Project, template: Project, tmp_path: Path) -> None:
        """A packaged project, run where there is no Git, writes to the branch that it is told, else saves nothing."""
        (branch.folder / "backend.py").write_text(BACKEND)
        (branch.folder / "src/flights/__main__.py").write_text(MAIN)
        with (branch.folder / "pyproject.toml").open("a") as file:
            file.write(BUILD)
        branch.kedro("package")
        server = Project(tmp_path / "server", PYTHONPATH=f"site{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
        shutil.copytree(branch.data, server.data)
        with zipfile.ZipFile(branch.folder / "dist/flights-1-py3-none-any.whl") as wheel:
            wheel.extractall(server.folder / "site")
        with tarfile.open(branch.folder / "dist/conf-flights.tar.gz") as archive:
            archive.extractall(server.folder, filter="data")
        run = ["-m", "flights", "--conf-source", "conf", "--nodes", "rank_airports"]
        before = server.files()

        server.python(*run, STEEL_TOES_BRANCH="cubic")
        written = {path for path in server.files() if path not in before}
        assert {path for path in written if "_steel_toes" not in path} == {"05_reports/airports--cubic.csv"}
        assert all(path.startswith("_steel_toes/cubic/") for path in written - {"05_reports/airports--cubic.csv"})
        after = server.files()

        with pytest.raises(AssertionError, match=r"Cannot save report_airports: the branch is unknown"):
            server.python(*run)
        assert server.files() == after
        assert {path: after[path] for path in before} == before == template.files()


ENTRY_POINT = "[kedro.hooks]\nsteel-toes = oursagain:hook\n"


class TestTwice:
    """Two hooks of ours by mistake."""

    def test_settings_and_entry_point(self, branch: Project) -> None:
        """A hook in settings.py and one of an entry point do what one does, and it is said."""
        site = branch.folder.parent / "site"
        (site / "oursagain-1.dist-info").mkdir(parents=True)
        (site / "oursagain-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: oursagain\nVersion: 1\n")
        (site / "oursagain-1.dist-info/entry_points.txt").write_text(ENTRY_POINT)
        (site / "oursagain.py").write_text("from steel_toes import SteelToes\nhook = SteelToes()\n")
        path = f"{site}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
        run = "run --params months.first=3,months.last=3"
        (said,) = branch.kedro(run, PYTHONPATH=path)
        assert said.count("steel-toes: this catalog is branched already; is SteelToes() registered twice?") == 1
        assert said.count("steel-toes: on branch cubic") == 1
        written = {path for path in branch.files() if path.startswith("05_reports/") and "--" in path}
        assert written == {
            f"05_reports/{name}" for name in ("metrics--cubic.json", "months--cubic.csv", "airports--cubic.csv")
        }
        assert branch.answers(SteelToes(branch="cubic"))["delays"].count("2013-") == 3
