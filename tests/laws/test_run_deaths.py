"""Runs that are killed, for real, while their records are put ahead of their nodes and behind them.

`STEEL_TOES_KILLS=200 pytest --everything tests/laws/test_run_deaths.py` kills 200 of each kind.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DatasetError
from kedro.pipeline import Pipeline, node, pipeline
from kedro.runner import SequentialRunner, ThreadRunner

from steel_toes import TornCopyError
from support.effort import effort
from support.runs import RunningTeam
from support.team import BRANCH, Team

KILLS = effort(1, 6, "STEEL_TOES_KILLS")
RUNNERS = {"sequential": SequentialRunner, "threads": ThreadRunner}
SPAWN = multiprocessing.get_context("spawn")
NAMES = "bcdef"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(max(300, KILLS * 20))]


def entry(name: str) -> dict[str, Any]:
    """An entry of the catalog."""
    return {"type": "text.TextDataset", "filepath": f"data/02/{name}.txt", "credentials": "own"}


CONF = {name: entry(name) for name in ("a", *NAMES)}


def saved_by(number: int) -> str:
    """What the nodes of a run save: long enough to be half there."""
    return f"{number}\n" * 20_000


def nodes_of(number: int) -> Pipeline:
    """A chain, all of whose nodes save the number of the run."""
    pairs = zip(("a", *NAMES), NAMES, strict=False)
    return pipeline([node(lambda _: saved_by(number), a, b, name=f"make_{b}") for a, b in pairs])


def run(team: Team, number: int, runner: str) -> None:
    """One run, as a session makes it."""
    catalog = team.plain(CONF)
    manager = _create_hook_manager()
    hook = team.hook(BRANCH)
    manager.register(hook)
    hook.after_catalog_created(catalog)
    chosen = RUNNERS[runner]()
    nodes = nodes_of(number)
    told = {"run_params": {"runner": str(chosen)}, "pipeline": nodes, "catalog": catalog}
    manager.hook.before_pipeline_run(**told)
    result = chosen.run(nodes, catalog, hook_manager=manager)
    manager.hook.after_pipeline_run(run_result=result, **told)


def run_until_killed(url: str, folder: str, credentials: dict[str, Any], runner: str, report: str) -> None:
    """Run after run, each reported when it has ended."""
    team = Team(url, Path(folder), protocol="s3", credentials=credentials)
    Path(report).write_text("0")
    for number in range(1, 1_000):
        run(team, number, runner)
        Path(report).write_text(str(number))


@pytest.fixture
def team(moto: Any, tmp_path: Path) -> Iterator[RunningTeam]:
    """A team whose requests take a while, so that a kill falls among them."""
    with RunningTeam.behind_proxy(moto, tmp_path, latency_seconds=0.01) as team:
        yield team


def kill_a_run(team: RunningTeam, runner: str, patience: float) -> int:
    """Kill a process that runs the pipeline again and again; gives the number of runs that ended."""
    report = team.folder / "report"
    report.unlink(missing_ok=True)
    arguments = (team.url, str(team.folder), team.credentials, runner, str(report))
    process = SPAWN.Process(target=run_until_killed, args=arguments)
    process.start()
    while not report.exists():
        time.sleep(0.01)
    time.sleep(patience)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    return int(report.read_text() or 0)


def forget_branch(team: RunningTeam) -> None:
    """Take away all that the branch has."""
    filesystem = team.filesystem()
    for path in set(team.objects()) - set(team.main):
        filesystem.rm_file(f"{team.url[5:]}/{path}")


def answers(team: RunningTeam) -> dict[str, int | str]:
    """What a new process loads of each dataset: the number of a run, "torn", or "main's"."""
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    catalog = team.branch(CONF)
    return {name: answer(catalog, name) for name in NAMES}


def answer(catalog: Any, name: str) -> int | str:
    try:
        text = catalog[name].load()
    except TornCopyError:
        return "torn"
    except DatasetError as error:
        # Main has saved none of them.
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        return "main's"
    number = int(text.partition("\n")[0])
    assert text == saved_by(number), "half a copy, or two in one"
    return number


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_killed_run(runner: str, team: RunningTeam, capsys: pytest.CaptureFixture[str]) -> None:
    """After a kill -9 in a run each copy is one run's, whole, or torn, and none is younger than what it was made of.

    The run before it counts to its end; the next run repairs everything. Main's bytes are as they were.
    """
    team.main_saves(CONF, a="main's")
    chance = random.Random(runner)
    counts: Counter[str] = Counter()
    for _ in range(KILLS):
        forget_branch(team)
        ended = kill_a_run(team, runner, chance.uniform(0.1, 3))
        given = answers(team)
        numbers = [number for number in given.values() if isinstance(number, int)]
        assert set(numbers) <= {ended, ended + 1}, given
        assert numbers == sorted(numbers, reverse=True), f"a copy is younger than what it was made of: {given}"
        if ended:
            assert "main's" not in given.values(), given
        counts.update(map(str, [value if value in ("torn", "main's") else "whole" for value in given.values()]))
        run(team, 9_999, runner)
        assert set(answers(team).values()) == {9_999}
        team.check()
    with capsys.disabled():
        print(f"\nruns, {runner}: {KILLS} kills: {dict(counts)}")  # noqa: T201  # the figures are the result
