"""Kedro's own commands and sessions on a branch of examples/flights: nothing in them notices that there is a branch.

Most laws are comparisons: the same commands run on a branch, and by Kedro alone on a private copy of main's data.
"""

from __future__ import annotations

import os
import re
import shutil
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from steel_toes import SteelToes

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("sessions")]


def both(branch: Any, private: Any, *commands: str | list[str], **variables: str) -> list[list[str]]:
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

    def test_catalog(self, branch: Any, private: Any) -> None:
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

    def test_selections(self, branch: Any, private: Any) -> None:
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

    def test_only_missing_outputs(self, branch: Any, private: Any) -> None:
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

    def test_only_missing_outputs_in_words(self, branch: Any) -> None:
        """With --only-missing-outputs the log says how many outputs count because main has them, and what was saved."""
        (branch.data / "05_reports/airports.csv").unlink()
        shutil.rmtree(branch.data / "04_model.pickle")
        branch.mains = branch.files()
        (said,) = branch.kedro("run --only-missing-outputs")
        *lines, last, of_shared = ours(said)
        assert "wrote 2 datasets to the branch: model, report_airports" in last
        assert of_shared.endswith("since the entries are shared: scoreboard")
        assert [line for line in lines if re.search(r"\b6 outputs\b.*\bmain\b", line)]

    def test_resume(self, branch: Any, private: Any) -> None:
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

    def test_parallel_runner(self, branch: Any) -> None:
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

    def test_refuses(self, branch: Any, private: Any) -> None:
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
        run = pool.submit(session.run, pipeline_names=[pipeline], runner=runner)
        if branch == "other":
            assert type(run.exception(60)).__name__ == "SwitchedCheckoutError"
            continue
        runs.append(run)
        assert come.wait(60), runs[-1].exception(1)
    subprocess.run(["git", "switch", "-q", "main"], check=True)
    go.set()
    for run in runs:
        run.result()
"""


class TestServices:
    """KedroServiceSession."""

    def test_concurrent_runs(self, branch: Any) -> None:
        """Runs at the same time on one hook object keep the branch whose code was loaded; on another none begins."""
        pytest.importorskip("kedro.framework.session.service_session", reason="this Kedro has no services")
        branch.git("branch", "other")
        branch.python("-c", SERVICE)
        reports = {path for path in branch.files() if path.startswith("05_reports/") and "--" in path}
        cubic = {f"05_reports/{name}" for name in ("metrics--cubic.json", "months--cubic.csv", "airports--cubic.csv")}
        assert reports == cubic
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

    def test_runs_elsewhere(self, branch: Any, tmp_path: Path) -> None:
        """A packaged project, run where there is no Git, writes to the branch that it is told, else saves nothing."""
        (branch.folder / "backend.py").write_text(BACKEND)
        (branch.folder / "src/flights/__main__.py").write_text(MAIN)
        with (branch.folder / "pyproject.toml").open("a") as file:
            file.write(BUILD)
        branch.kedro("package")
        server = branch.at(tmp_path / "server", PYTHONPATH=f"site{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
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
        assert {path: after[path] for path in before} == before == branch.mains


ENTRY_POINT = "[kedro.hooks]\nsteel-toes = oursagain:hook\n"


class TestTwice:
    """Two hooks of ours by mistake."""

    def test_settings_and_entry_point(self, branch: Any) -> None:
        """A hook in settings.py and one of an entry point do what one does, and it is said."""
        site = branch.folder.parent / "site"
        (site / "oursagain-1.dist-info").mkdir(parents=True)
        (site / "oursagain-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: oursagain\nVersion: 1\n")
        (site / "oursagain-1.dist-info/entry_points.txt").write_text(ENTRY_POINT)
        (site / "oursagain.py").write_text("from steel_toes import SteelToes\nhook = SteelToes()\n")
        path = f"{site}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
        run = "run --params months.first=3,months.last=3"
        (said,) = branch.kedro(run, PYTHONPATH=path)
        assert said.count("steel-toes: this catalog is branched already. Keep one SteelToes() among the HOOKS.") == 1
        assert said.count("steel-toes: on branch cubic") == 1
        written = {path for path in branch.files() if path.startswith("05_reports/") and "--" in path}
        assert written == {
            f"05_reports/{name}" for name in ("metrics--cubic.json", "months--cubic.csv", "airports--cubic.csv")
        }
        assert branch.answers(SteelToes(branch="cubic"))["delays"].count("2013-") == 3
