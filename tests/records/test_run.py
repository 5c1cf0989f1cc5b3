"""What is known of a run: in its own process alone."""

from __future__ import annotations

import os

import pytest

from steel_toes.records.run import Run


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_a_fork_has_no_run() -> None:
    """A child knows nothing of its parent's run: nobody tells it what the parent puts."""
    run = Run()
    run.begin(runs_nodes=True)
    child = os.fork()
    if child == 0:
        os._exit(int(run.runs_nodes))
    _, status = os.waitpid(child, 0)
    assert (run.runs_nodes, os.waitstatus_to_exitcode(status)) == (True, 0)
    run.end()
