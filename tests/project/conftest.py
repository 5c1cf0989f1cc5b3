"""What the tests of whole projects share: the quickstart, run once with steel_toes and once without."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


class Quickstart:
    """What one real run of the example printed and left behind."""

    def __init__(self, script: Path, folder: Path) -> None:
        self.folder = folder
        self.done = subprocess.run(
            [sys.executable, script, "--folder", folder], cwd=folder, capture_output=True, text=True, timeout=300
        )

    @property
    def data(self) -> Path:
        """The data folder of the project that the example made."""
        return self.folder / "flights" / "data"

    @property
    def story(self) -> str:
        """What it printed, without the name of the folder."""
        return self.done.stdout.replace(str(self.folder.resolve()), "/tmp/steel-toes-x1y2z3")


@pytest.fixture(scope="session")
def quickstart(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Quickstart:
    """The example, run for real, once."""
    return Quickstart(root / "examples" / "quickstart.py", tmp_path_factory.mktemp("quickstart"))


@pytest.fixture(scope="session")
def plain_kedro_quickstart(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Quickstart:
    """The example without the two lines of steel_toes in the project's settings."""
    folder = tmp_path_factory.mktemp("plain-kedro")
    text = (root / "examples" / "quickstart.py").read_text()
    script = folder / "quickstart.py"
    script.write_text(text.replace("from steel_toes import SteelToes\n", "").replace("(SteelToes(),)", "()"))
    return Quickstart(script, folder)
