"""A reviewer looks at a colleague's data in a notebook, in a real kernel, without the power to spoil it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest

from support.files import contents
from support.flights import Flights

pytestmark = pytest.mark.slow

needs_a_kernel = pytest.mark.skipif(
    find_spec("ipykernel") is None, reason="ipykernel is not installed; `uv sync --group law` has it"
)
READS = {
    "catalog.load('metrics')": "'minutes': ",
    "catalog['metrics']": "A load reads the copy of branch cubic",
    "sorted(catalog.load('months@all'))": "'2013-03'",
    "catalog['metrics'].preview()": "minutes",
    "!steel-toes status metrics scoreboard": "STEEL_TOES_READ_ONLY makes this process read-only",
    "!steel-toes whoami": "This is branch cubic",
}
WRITES = [
    "catalog.save('metrics', {'of': 'a reviewer'})",
    "catalog['metrics'].save({'of': 'a reviewer'})",
    "catalog['model'].save(1)",
    "catalog.save('months@all', {'2013-09': catalog.load('months@all')['2013-03']()})",
    "catalog.load('months@new'); catalog.confirm('months@new')",
    "catalog['months@new']._checkpoint.save('2013-12')",
    "catalog.save('scoreboard', catalog.load('scoreboard'))",
    "catalog['report_mine'].save(catalog.load('report_months'))",
    "catalog['new'] = catalog['metrics'].__class__(filepath='data/new.json'); catalog['new'].save({})",
    "session.run()",
    "session.run(pipeline_name='reporting')",
]
COMMANDS = [
    "!steel-toes clean --branch cubic --yes",
    "!steel-toes adopt metrics --yes",
    "!steel-toes seed --from main-like metrics --yes",
    "!steel-toes promote --branch cubic --force code --yes",
    "!kedro run",
]


class Notebook:
    """A kernel with Kedro's extension, in which cells are run."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def run(self, cell: str) -> tuple[str, str]:
        """How a cell ended, and all that it showed."""
        shown: list[str] = []

        def note(message: Any) -> None:
            content = message["content"]
            shown.append(str(content.get("text", content.get("data", content))))
            shown.extend(content.get("traceback", []))

        reply = self.client.execute_interactive(cell, timeout=200, output_hook=note, allow_stdin=False)
        return reply["content"]["status"], "".join(shown)


@pytest.fixture
def notebook(branch: Flights) -> Iterator[Notebook]:
    """A reviewer's kernel on main's checkout, on the branch of a colleague who has run the pipeline."""
    from jupyter_client.manager import start_new_kernel

    branch.kedro("run --params months.first=3,months.last=3")
    branch.git("switch", "-q", "main")
    variables = {"STEEL_TOES_BRANCH": "cubic", "STEEL_TOES_READ_ONLY": "true", "JUPYTER_PLATFORM_DIRS": "1"}
    environment = {**branch.environment, **variables}
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(branch.folder), env=environment)
    notebook = Notebook(client)
    try:
        status, shown = notebook.run("%load_ext kedro.ipython")
        assert status == "ok", shown
        yield notebook
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@needs_a_kernel
def test_a_reviewers_session(branch: Flights, notebook: Notebook) -> None:
    """Loads, previews and `status` are the colleague's; every way to write is refused, and nothing has changed."""
    before = contents(branch.data)
    for cell, words in READS.items():
        status, shown = notebook.run(cell)
        assert status == "ok", shown
        assert words in shown, f"{cell}: {shown}"
    for cell in WRITES:
        status, shown = notebook.run(cell)
        assert status == "error", f"{cell}: {shown}"
        assert "STEEL_TOES_READ_ONLY makes this process read-only" in " ".join(shown.split()), f"{cell}: {shown}"
    for cell in COMMANDS:
        _, shown = notebook.run(cell)
        assert "STEEL_TOES_READ_ONLY makes this process read-only" in " ".join(shown.split()), f"{cell}: {shown}"
    assert contents(branch.data) == before
