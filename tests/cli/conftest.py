"""What the commands are tried on: a copy of one project for each test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.project import session_wide
from support.studio import FILES, Studio


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A committed project on feature/x, with a branch copy in each state that one can be in."""
    folder = tmp_path_factory.mktemp("studio") / "studio"
    with session_wide() as patch:
        studio = Studio.committed(folder, FILES, patch)
        patch.chdir(folder)
        studio.fresh()
        studio.prepare()
    return folder


@pytest.fixture
def studio(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    """A copy of the template, and the working directory; what main had must be the same when the test is over."""
    folder = tmp_path / "studio"
    shutil.copytree(template, folder, symlinks=True)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))  # Kedro adds to it
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.chdir(folder)
    studio = Studio(folder, monkeypatch)
    yield studio
    studio.assert_main_unchanged()
