"""What every test gets: a home and a Git of its own, and none of the caller's CI; and what some share."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("support")

from support import servers  # noqa: E402
from support.checkout import Checkout  # noqa: E402
from support.effort import Effort  # noqa: E402
from support.environment import ROOT, isolate  # noqa: E402
from support.flights import Flights, played  # noqa: E402
from support.passed import Passed, passed_before  # noqa: E402
from support.project import session_wide  # noqa: E402
from support.servers import OpenServer, Server  # noqa: E402

# `pytest --hypothesis-profile thorough` looks for longer.
settings.register_profile("fast", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("fast"), max_examples=2_000)
settings.load_profile("fast")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--everything`, and what makes two runs one."""
    text = "run the slow tests too, and do more in those that can do more or less; CI does"
    parser.addoption("--everything", action="store_true", help=text)
    parser.addoption("--note-passed", type=Path, metavar="FILE", help="note in a file which tests pass")
    text = "leave out what such a file names, and what --everything does not change"
    parser.addoption("--without", type=Path, metavar="FILE", help=text)


def pytest_configure(config: pytest.Config) -> None:
    """Tell the test modules, which are imported after this, how much they are to do."""
    Effort.everything = config.getoption("everything")
    file = config.getoption("note_passed")
    # Of xdist's processes the one that hears of all tests.
    if file and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Passed(file.absolute()))


def pytest_report_header(config: pytest.Config) -> str:
    """Say at once what is left out."""
    if config.getoption("everything"):
        return "steel_toes: every test but the long ones, which -m long or a test's node id runs; all that each can do"
    return "steel_toes: slow tests are left out; --everything, -m slow or a test's node id runs them"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out slow tests that nobody asked for: with `--everything`, with `-m slow`, or by their names.

    Long ones are asked for with `-m long`, or by their names.
    """
    marks = config.getoption("markexpr")
    unasked = [] if config.getoption("everything") or "slow" in marks else ["slow"]
    if "long" not in marks:
        unasked.append("long")
    named = [argument.split("::", 1) for argument in config.args if "::" in argument]
    asked = [(Path(config.invocation_params.dir, path).resolve(), rest) for path, rest in named]

    def is_named(item: pytest.Item) -> bool:
        name = item.nodeid.split("::", 1)[-1]
        return any(item.path == path and re.match(rf"{re.escape(rest)}($|::|\[|@)", name) for path, rest in asked)

    def is_left_out(item: pytest.Item) -> bool:
        return any(map(item.get_closest_marker, unasked)) and not is_named(item)

    left_out = list(filter(is_left_out, items))
    file = config.getoption("without")
    if file:
        left_out += passed_before(items, file)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        dropped = set(left_out)
        items[:] = [item for item in items if item not in dropped]


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder of the test's own; the environment holds neither CI's nor steel_toes' variables."""
    home = tmp_path_factory.mktemp("home")
    isolate(monkeypatch, home)
    return home


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of README.md and examples/."""
    return ROOT


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Checkout]:
    """A checkout, of which main's files must be the same when the test is over."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    checkout = Checkout(tmp_path / "checkout")
    monkeypatch.chdir(checkout.folder)
    yield checkout
    checkout.assert_main_unchanged()


# Stores: one of each for all tests of a process ---------------------------------------------------------------------


@pytest.fixture(scope="session")
def memory() -> Server:
    return servers.MEMORY


@pytest.fixture
def nobody() -> str:
    """A URL where nobody listens."""
    return f"http://127.0.0.1:{servers.free_port()}"


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with servers.moto(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture(scope="session")
def open_moto() -> Iterator[OpenServer]:
    with servers.open_moto() as server:
        yield server


@pytest.fixture(scope="session")
def weed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with servers.weed(tmp_path_factory.mktemp("weed")) as server:
        yield server


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Rclone's S3, which ignores conditions."""
    with servers.rclone(tmp_path_factory.mktemp("rclone")) as server:
        yield server


@pytest.fixture(scope="session")
def gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with servers.gcs(tmp_path_factory.mktemp("gcs")) as server:
        yield server


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with servers.azurite(tmp_path_factory.mktemp("azurite")) as server:
        yield server


# The project of examples/flights ------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Flights:
    """The example in a repository of its own, on main, where its pipeline has run for two months."""
    with session_wide() as patch:
        patch.setenv("STEEL_TOES_BRANCH", "main")
        return played(tmp_path_factory.mktemp("flights") / "flights")


@pytest.fixture
def branch(flights: Flights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flights]:
    """The example on the branch `cubic`; what main had must be the same when the test is over."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    shutil.copytree(flights.folder, tmp_path / "flights")
    branch = Flights(tmp_path / "flights")
    branch.git("switch", "-q", "-c", "cubic")
    yield branch
    branch.assert_main_unchanged()


@pytest.fixture
def private(flights: Flights, tmp_path: Path) -> Flights:
    """A private copy of main's data, without steel_toes."""
    shutil.copytree(flights.folder, tmp_path / "private")
    return Flights(tmp_path / "private", STEEL_TOES_ENABLED="false")
