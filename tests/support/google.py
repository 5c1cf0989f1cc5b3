"""What fake-gcs-server leaves out of Google's conditions, in front of it.

It compares `ifGenerationMatch` in a multipart upload alone. Here it is compared in deletions and in rewrites too, there
with the source's as well, one request an object at a time, and refused as Google does:
https://cloud.google.com/storage/docs/request-preconditions
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from aiohttp import web
from yarl import URL

from support.proxy import Proxy

OBJECT = re.compile(r"/storage/v1/b/([^/?]+)/o/([^/?]+)")
REWRITE = re.compile(r"(/storage/v1/b/[^/?]+/o/[^/?]+)/rewriteTo(/b/[^/?]+/o/[^/?]+)")


def refusal() -> tuple[int, dict[str, str], bytes]:
    """Google's answer to a condition that does not hold."""
    message = "At least one of the pre-conditions you specified did not hold."
    error = {"code": 412, "message": message, "errors": [{"message": message, "reason": "conditionNotMet"}]}
    return 412, {"Content-Type": "application/json"}, json.dumps({"error": error}).encode()


@dataclass
class GoogleProxy(Proxy):
    """A proxy that compares generations before it lets an object be deleted."""

    turns: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def _ask(self, request: web.Request, body: bytes | AsyncIterator[bytes]) -> tuple[int, dict[str, str], bytes]:
        rewrite = REWRITE.match(request.raw_path)
        if rewrite is not None:
            return await self._rewrite(request, body, rewrite[1], f"/storage/v1{rewrite[2]}")
        target = OBJECT.match(request.raw_path) if request.method == "DELETE" else None
        if target is None:
            return await super()._ask(request, body)
        async with self.turns[target[0]]:
            generation = await self._generation(target[0])
            expected = request.query.get("ifGenerationMatch")
            # What is gone is the server's own 404.
            if None not in (generation, expected) and generation != expected:
                return refusal()
            return await super()._ask(request, body)

    async def _rewrite(
        self, request: web.Request, body: bytes | AsyncIterator[bytes], source: str, target: str
    ) -> tuple[int, dict[str, str], bytes]:
        async with self.turns[target]:
            for path, name in ((source, "ifSourceGenerationMatch"), (target, "ifGenerationMatch")):
                expected = request.query.get(name)
                # No object has the generation 0.
                if expected is not None and (await self._generation(path) or "0") != expected:
                    return refusal()
            return await super()._ask(request, body)

    async def _generation(self, path: str) -> str | None:
        async with self.session.get(URL(self.upstream + path, encoded=True)) as answer:
            if answer.status != 200:
                return None
            return str((await answer.json())["generation"])
