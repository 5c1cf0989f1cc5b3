"""What every test gets: a home and a Git of its own, and none of the caller's CI."""

import copy
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from kedro.io import DataCatalog

from steel_toes import SteelToes

ROOT = Path(__file__).parent.parent

# `pytest --hypothesis-profile thorough` looks for longer.
settings.register_profile("fast", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("fast"), max_examples=2_000)
settings.load_profile("fast")

# A list of what may stay, since nobody knows the names of all variables by which a CI makes itself known.
KEPT = ("PATH", "LANG", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "USER", "LOGNAME", "VIRTUAL_ENV", "CURL_CA_BUNDLE")
KEPT_PREFIXES = (
    "LC_",
    "PYTEST_",
    "PYTHON",
    "PYENV_",
    "COV_",
    "COVERAGE_",
    "UV_",
    "PIP_",
    "SSL_",
    "REQUESTS_",
    "NODE_",
    "NPM_",
)

GIT_CONFIG = """
[user]
	name = A Tester
	email = tester@example.invalid
[init]
	defaultBranch = main
[commit]
	gpgSign = false
"""


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder of the test's own; the environment holds neither CI's nor steel_toes' variables."""
    home = tmp_path_factory.mktemp("home")
    for name in os.environ:
        if name not in KEPT and not name.startswith(KEPT_PREFIXES) and not name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    (home / ".gitconfig").write_text(GIT_CONFIG)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("DO_NOT_TRACK", "1")  # kedro-telemetry
    return home


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of README.md and examples/."""
    return ROOT


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


# Catalogs of a real checkout: test_catalog.py, test_proxy.py, test_hook.py -----------------------------------------


class Checkout:
    """A Git repository, the test's working directory, and catalogs as Kedro makes them there.

    Args:
        folder: of the repository; it is made, and is on `main`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q")
        self.git("commit", "-q", "--allow-empty", "-m", "one")
        self.mains: dict[Path, bytes] = {}

    def git(self, *arguments: str) -> str:
        """Run git here and give its output."""
        done = subprocess.run(["git", *arguments], cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def on(self, branch: str) -> None:
        """Switch to a branch; what is on disk when main is left is what no branch may change."""
        if self.git("branch", "--show-current") == "main" != branch:
            self.mains = {path: path.read_bytes() for path in self.folder.glob("data/**/*") if path.is_file()}
        known = self.git("branch", "--list", branch)
        self.git("switch", "-q", *([] if known else ["-c"]), branch)

    def catalog(
        self, config: dict, hook: object = None, made_by: type = DataCatalog, **arguments: object
    ) -> DataCatalog:
        """A catalog of the branch that is checked out: Kedro makes it, then calls the hook."""
        catalog = made_by.from_config(copy.deepcopy(config), **arguments)
        (hook or SteelToes()).after_catalog_created(catalog)
        return catalog

    def plain(self, config: dict, **arguments: object) -> DataCatalog:
        """A catalog of Kedro's alone."""
        return DataCatalog.from_config(copy.deepcopy(config), **arguments)

    def assert_main_unchanged(self) -> None:
        """Every file that was there when main was left is there, with the same bytes."""
        assert {path: path.read_bytes() if path.is_file() else None for path in self.mains} == self.mains


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Checkout]:
    """A checkout, of which main's files must be the same when the test is over."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    made = Checkout(tmp_path / "checkout")
    monkeypatch.chdir(made.folder)
    yield made
    made.assert_main_unchanged()
