"""What the laws share: a team on each store, and the processes of its colleagues."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.places import FORGE, PLACES, Place, watched
from support.team import Team


@pytest.fixture(scope="session")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """Where other processes come from."""
    forging = subprocess.Popen(
        [sys.executable, "-c", FORGE],
        cwd=tmp_path_factory.mktemp("forge"),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield forging
    forging.stdin.close()
    forging.wait(10)


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    """A team's folder, which is the working directory; main's bytes in it are compared when the test ends."""
    team = Team.on_disk(tmp_path / "team")
    monkeypatch.chdir(team.folder)
    yield team
    team.check()


@pytest.fixture(params=PLACES)
def place(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    forge: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Place]:
    """An empty place in each store."""
    yield from watched(PLACES[request.param](request, tmp_path), forge, caplog, monkeypatch)
