"""What stands in front of a store: it counts the requests, and lets some of them fail.

It is the same for S3, Google Cloud Storage and Azure; what differs between them is data: how a request is named.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import aiohttp
from aiohttp import web
from yarl import URL

HOPS = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "expect"}
READS = ("HEAD", "GET", "LIST", "BUCKET")
# S3 may also say of a copy that it failed after it has begun to answer with a 200.
# What Azure may say of a copy that has begun, and of its target.
COPY_STATUSES = ("pending", "failed", "aborted")
REFUSALS = {"200": "InternalError", "403": "AccessDenied", "500": "InternalError", "503": "SlowDown"}


def kind_of(request: web.Request) -> str:
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


async def raw_path(request: web.Request) -> str:
    """A request's path and query, as S3's and Azure's name an object."""
    return request.raw_path


async def googles_path(request: web.Request) -> str:
    """The same of Google's, whose uploads have the object's name in their body."""
    name = re.search(rb'"name": "([^"]+)"', await request.read()) if request.method == "POST" else None
    return urllib.parse.unquote(request.raw_path) + (f"/{name[1].decode()}" if name else "")


def with_copy_status(headers: dict[str, str], what: str) -> dict[str, str]:
    """Headers of Azure's as they are, or, if they speak of a copy, with what it says of one that has not succeeded."""
    if what not in COPY_STATUSES:
        return headers
    return {name: what if name.lower() == "x-ms-copy-status" else text for name, text in headers.items()}


def answer_all(kind: str, url: str) -> bool:
    """No request is left without an answer."""
    return False


@dataclass(frozen=True)
class GooglesHaste:
    """gcsfs asks for an object and for a listing at once, and cancels what it needs no more.

    So such a listing is not answered here where the object is there, nor counted: else chance would decide.

    Args:
        server: its URL.
    """

    server: str

    def __call__(self, kind: str, url: str) -> bool:
        """Whether it is such a listing, of an object that is there."""
        asked = urllib.parse.urlsplit(url)
        query = urllib.parse.parse_qs(asked.query)
        if kind != "LIST" or query.get("maxResults") != ["1"]:
            return False
        name = urllib.parse.quote(query["prefix"][0].rstrip("/"), safe="")
        try:
            urllib.request.urlopen(f"{self.server}{asked.path}/{name}").close()
        except urllib.error.HTTPError:
            return False
        return True


@dataclass
class Fault:
    """What happens to which requests.

    Args:
        what: 200 (with an error in it), 403, 500 or 503; reset (no answer), lost (done, but no answer), truncated
            (half an answer), hang, latency; inside (half of it arrived) and done wait for the client to be killed.
        kind: of the request, as `kind_of` gives it; READ is all that only look, WRITE all that change something; empty
            is any.
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
        wanted = {"READ": kind in READS, "WRITE": kind not in READS, "": True}.get(self.kind, kind == self.kind)
        if not wanted or not re.search(self.path, url):
            return False
        self.seen += 1
        struck = self.seen >= self.first and (self.times is None or self.seen < self.first + self.times)
        self.hits += struck
        return struck


class Span(NamedTuple):
    """A request, and the moments between which somebody waited for its answer."""

    text: str
    came: float
    answered: float


@dataclass
class Proxy:
    """In front of a server, in a thread, within a `with`; it keeps the Host header, so that signatures stay valid.

    Args:
        upstream: the server's URL.
        url: its own.
        name_of: what the log and the faults know a request by.
        unanswered: which requests, by kind and URL, are neither answered nor logged.
        faults: what happens to which requests; the first that strikes one counts.
        log: what the server was asked, `GET /team-data/x.csv`.
        spans: the same, with when each request came and when it was answered, in the order of the answers.
        latency_seconds: before each answer.
        waits: set when a client that is to be killed has come as far as its fault says.
    """

    upstream: str
    url: str = ""
    name_of: Callable[[web.Request], Awaitable[str]] = raw_path
    unanswered: Callable[[str, str], bool] = answer_all
    faults: tuple[Fault, ...] = ()
    log: list[str] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    latency_seconds: float = 0
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

    def strike(self, *fault: object) -> Fault:
        """Have one fault from now on."""
        self.faults = (Fault(*fault),)
        return self.faults[0]

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

    @property
    def serial_rounds(self) -> int:
        """Requests in the longest sequence of which each came after the one before was answered."""
        # Of all that were answered before a request came, the longest sequence goes on with it.
        # An answer is noted a moment after it is given: the next request may have come by then.
        moment = self.latency_seconds / 40
        rounds: list[tuple[float, int]] = []
        for span in sorted(self.spans, key=lambda span: span.answered):
            before = [number for end, number in rounds if end - moment <= span.came]
            rounds.append((span.answered, max(before, default=0) + 1))
        return max((number for _, number in rounds), default=0)

    def clear(self) -> None:
        """Forget what was asked."""
        self.log.clear()
        self.spans.clear()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        came = time.monotonic()
        try:
            return await self._handled(request)
        finally:
            text = f"{kind_of(request)} {await self.name_of(request)}"
            self.spans.append(Span(text, came, time.monotonic()))

    async def _handled(self, request: web.Request) -> web.StreamResponse:
        kind, url = kind_of(request), await self.name_of(request)
        if self.unanswered(kind, url):
            await asyncio.sleep(60)  # the client goes first
        self.log.append(f"{kind} {url}")
        what = next((fault.what for fault in self.faults if fault.strikes(kind, url)), "")
        await asyncio.sleep(self.latency_seconds)
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
        headers = with_copy_status(headers, what)
        if what == "done":
            return await self._wait_for_the_end()
        if what == "lost":
            return self._cut(request)
        if request.method == "HEAD":
            return web.Response(status=status, headers=headers)
        return await self._answer(request, status, headers, answer, truncated=what == "truncated")

    async def _answer(
        self, request: web.Request, status: int, headers: dict[str, str], answer: bytes, truncated: bool
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers=headers)
        response.content_length = len(answer)
        await response.prepare(request)
        if not truncated:
            await response.write(answer)
            return response
        await response.write(answer[: len(answer) // 2])
        await asyncio.sleep(0.01)
        return self._cut(request, response)

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
        url = URL(self.upstream + request.raw_path, encoded=True)
        # Azure signs the type of the body too, and that there is none.
        bare = {"allow_redirects": False, "skip_auto_headers": ("Content-Type",)}
        async with self.session.request(request.method, url, headers=headers, data=body or None, **bare) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOPS}
            return answer.status, kept, await answer.read()

    def _cut(self, request: web.Request, response: web.StreamResponse | None = None) -> web.StreamResponse:
        if request.transport:
            request.transport.abort()
        return response or web.Response()
