"""The code and the branch belong together: what a process may do whose checkout was switched."""

from __future__ import annotations

import copy
import pickle
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kedro.framework.project import configure_project, settings
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog, DatasetError
from kedro.runner import ParallelRunner

from steel_toes import SteelToes, SteelToesError
from steel_toes.catalog.install import is_installed
from steel_toes.errors import SwitchedCheckoutError
from support.files import write
from support.git import git, switch
from support.project import Project

pytestmark = pytest.mark.contract

CONFIG = {"a": {"type": "text.TextDataset", "filepath": "data/a.txt"}}
REGISTRY = """
from kedro.pipeline import Pipeline, node


def code():
    return "CODE"


def register_pipelines():
    return {"__default__": Pipeline([node(code, None, "a", name="code")])}
"""
FILES = {
    "conf/base/catalog.yml": "a: {type: text.TextDataset, filepath: data/a.txt}\n",
    "src/outlived/pipeline_registry.py": REGISTRY.replace("CODE", "main's code"),
    "data/a.txt": "main's",
}


class Process(Project):
    """A process that has loaded the code of a checkout, and goes on whatever happens to that."""

    package = "outlived"

    def load(self) -> None:
        """Load the code, as a new process does."""
        self.fresh()
        bootstrap_project(self.folder)

    def catalog(self) -> Any:
        """The catalog of a new session, with the code as it was loaded."""
        with KedroSession.create(self.folder) as session:
            return session.load_context().catalog

    def run(self, **arguments: Any) -> None:
        """Run the pipeline in a new session, with the code as it was loaded."""
        with KedroSession.create(self.folder) as session:
            session.run(**arguments)

    def refusal(self) -> str:
        """What a new catalog says, which must be an error."""
        with pytest.raises(SwitchedCheckoutError) as caught:
            self.run()
        assert isinstance(caught.value, SteelToesError)
        return str(caught.value)


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Process]:
    """A process that has loaded the code of the branch cubic, and run it; main must be unchanged when the test ends."""
    monkeypatch.setenv("PYTHONPATH", "")  # Kedro adds to it
    process = Process.committed(tmp_path / "outlived", FILES, monkeypatch)
    monkeypatch.chdir(process.folder)
    process.switch("cubic")
    write(process.folder, {"src/outlived/pipeline_registry.py": REGISTRY.replace("CODE", "cubic's code")})
    process.git("commit", "-qam", "cubic")
    process.load()
    process.run()
    yield process
    process.assert_main_unchanged()


class TestSwitched:
    """A checkout that is switched under a process."""

    def test_to_main(self, process: Process) -> None:
        """A process with a branch's code never writes main, whose name Git says now; the error names both."""
        process.switch("main")
        assert process.refusal().endswith(
            " This process loaded the code of branch cubic, and Git now says main. "
            "Restart it (in a notebook: %reload_kedro), or set STEEL_TOES_BRANCH."
        )
        process.switch("cubic")
        process.run()

    def test_from_main(self, process: Process) -> None:
        """A process with main's code does not write as a branch either."""
        process.switch("main")
        process.load()
        assert not is_installed(process.catalog())
        process.switch("cubic")
        assert "loaded the code of branch main, and Git now says cubic" in process.refusal()

    def test_to_no_branch(self, process: Process) -> None:
        """Where Git named a branch and names none now, that is an error with Git's reason, and not main's data."""
        process.git("switch", "-q", "--detach", "main")
        assert "branch cubic, and Git now says no branch (HEAD of" in process.refusal()
        process.git("switch", "-q", "cubic")
        (process.folder / ".git" / "HEAD").write_text("broken")
        assert "branch cubic, and Git now says no branch (Git cannot tell" in process.refusal()

    def test_to_main_by_ci(self, process: Process) -> None:
        """No word of CI's makes another branch's code main's: Git named a branch for it."""
        process.git("switch", "-q", "--detach", "main")
        for name, value in {"CIRCLECI": "true", "CIRCLE_BRANCH": "main", "CIRCLE_SHA1": "main"}.items():
            process.patch.setenv(name, process.git("rev-parse", value) if name == "CIRCLE_SHA1" else value)
        assert "Git now says no branch" in process.refusal()

    def test_from_no_branch(self, process: Process) -> None:
        """Code that was loaded from a detached HEAD is not main's after `git switch main`."""
        process.git("switch", "-q", "--detach")
        process.load()
        process.catalog()
        process.git("switch", "-q", "--detach", "main")
        process.catalog()
        process.switch("main")
        assert "loaded the code of no branch, and Git now says main" in process.refusal()

    def test_variable(self, process: Process) -> None:
        """STEEL_TOES_BRANCH is the way out that the error names; the variable is not compared with what was loaded."""
        process.switch("main")
        process.patch.setenv("STEEL_TOES_BRANCH", "cubic")
        process.run()
        process.patch.setenv("STEEL_TOES_BRANCH", "other")
        process.run()
        assert (process.folder / "data/a--other.txt").read_text() == "cubic's code"

    def test_a_variable_that_names_main(self, process: Process) -> None:
        """It makes no branch's code main's, whatever Git says by now: nothing is saved, and the reason names both."""
        process.patch.setenv("STEEL_TOES_BRANCH", "main")
        for checkout in (["switch", "-q", "main"], ["switch", "-q", "--detach", "main"]):
            process.git(*checkout)
            with pytest.raises(DatasetError, match="says main, but this process loaded the code of branch cubic"):
                process.run()
        process.load()
        process.git("switch", "-q", "main")
        assert not is_installed(process.catalog())

    @pytest.mark.parametrize("name", ["cubic", "other"])
    def test_a_variable_that_is_unset(self, process: Process, name: str) -> None:
        """Git's answer is remembered where the variable decided, too: the code is that branch's when it is gone."""
        process.patch.setenv("STEEL_TOES_BRANCH", name)
        process.load()
        process.run()
        process.switch("main")
        process.run()
        process.patch.delenv("STEEL_TOES_BRANCH")
        assert "loaded the code of branch cubic, and Git now says main" in process.refusal()

    def test_argument(self, process: Process) -> None:
        """With SteelToes(branch=...) Git is never asked, so that nothing it says is an error."""
        hook = SteelToes(branch="fixed")
        for branch in ("cubic", "main"):
            process.switch(branch)
            catalog = DataCatalog.from_config(copy.deepcopy(CONFIG))
            hook.after_catalog_created(catalog)
            assert is_installed(catalog)

    def test_ci(self, process: Process) -> None:
        """What CI tells is not compared: a request is the request, wherever HEAD is."""
        for name, value in {"BITBUCKET_BUILD_NUMBER": "1", "BITBUCKET_PR_ID": "7", "BITBUCKET_BRANCH": "x"}.items():
            process.patch.setenv(name, value)
        process.switch("main")
        process.run()
        assert (process.folder / "data/a--x.txt").exists()

    def test_switched_off(self, process: Process) -> None:
        """Switched off, steel_toes says nothing of the switch."""
        process.switch("main")
        process.patch.setenv("STEEL_TOES_ENABLED", "false")
        assert not is_installed(process.catalog())


class TestReload:
    """`%reload_kedro` loads the code anew, and with it the hook: its users never meet the error."""

    def test_as_kedro_does(self, process: Process) -> None:
        """After what kedro.ipython does to reload, the branch is Git's of now, and so is the code."""
        hook = settings.HOOKS[0]
        process.switch("main")
        for name in [name for name in sys.modules if name.startswith("outlived")]:
            del sys.modules[name]
        configure_project("outlived")
        assert settings.HOOKS[0] is not hook
        assert not is_installed(process.catalog())

    def test_in_ipython(self, process: Process) -> None:
        """So it is with kedro.ipython's own."""
        shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell.instance()
        from kedro.ipython import reload_kedro

        reload_kedro(str(process.folder))
        assert is_installed(shell.user_ns["catalog"])
        process.switch("main")
        reload_kedro(str(process.folder))
        assert not is_installed(shell.user_ns["catalog"])


class TestShared:
    """One hook for several projects, sessions, threads and processes."""

    def test_service(self, process: Process) -> None:
        """A service session makes a catalog for each run with the one hook that it has: the switch is seen."""
        module = pytest.importorskip("kedro.framework.session.service_session", reason="this Kedro has none")
        session = module.KedroServiceSession.create(process.folder)
        session.run()
        process.switch("main")
        with pytest.raises(SwitchedCheckoutError):
            session.run()

    def test_threads(self, process: Process) -> None:
        """Of catalogs that threads make at once while the checkout is switched, none is another branch's."""
        hook = SteelToes()
        start = threading.Barrier(9)
        branches = []

        def make_catalogs() -> None:
            start.wait()
            for _ in range(5):
                catalog = DataCatalog.from_config(copy.deepcopy(CONFIG))
                try:
                    hook.after_catalog_created(catalog)
                except SwitchedCheckoutError:
                    continue
                branches.append(is_installed(catalog))

        threads = [threading.Thread(target=make_catalogs) for _ in range(8)]
        for thread in threads:
            thread.start()
        start.wait()
        process.switch("main")
        for thread in threads:
            thread.join()
        assert len(set(branches)) == 1

    @pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda hook: pickle.loads(pickle.dumps(hook))])
    def test_copies(self, process: Process, copied: Any) -> None:
        """A copy of the hook, also by pickling, belongs to the same code."""
        hook = SteelToes()
        hook.after_catalog_created(DataCatalog.from_config(copy.deepcopy(CONFIG)))
        process.switch("main")
        with pytest.raises(SwitchedCheckoutError):
            copied(hook).after_catalog_created(DataCatalog.from_config(copy.deepcopy(CONFIG)))
        copied(SteelToes()).after_catalog_created(DataCatalog.from_config(copy.deepcopy(CONFIG)))

    def test_projects(self, process: Process, tmp_path: Path) -> None:
        """Each project has a branch of its own; a folder's other name is no other project."""
        hook = SteelToes()
        hook.after_catalog_created(DataCatalog.from_config(copy.deepcopy(CONFIG)))
        other = tmp_path / "other"
        other.mkdir()
        git(other, "init", "-q")
        process.patch.chdir(other)
        hook.after_catalog_created(DataCatalog.from_config(copy.deepcopy(CONFIG)))
        link = tmp_path / "link"
        link.symlink_to(process.folder)
        switch(process.folder, "main")
        hook.after_context_created(SimpleNamespace(project_path=link))
        with pytest.raises(SwitchedCheckoutError):
            hook.after_catalog_created(DataCatalog.from_config(copy.deepcopy(CONFIG)))

    def test_workers(self, process: Process) -> None:
        """Workers of ParallelRunner, which register the hooks anew, write what the catalog's branch is."""
        process.run(runner=ParallelRunner(max_workers=2))
        assert (process.folder / "data/a--cubic.txt").read_text() == "cubic's code"
