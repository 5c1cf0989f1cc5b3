"""A store of objects in memory that honours conditions, and that stops between any two requests.

Actors run real code, each in a thread of its own, of which only one goes on at a time: a schedule decides before each
request who is next, who dies there, and whose answer is lost. It is no store that anybody has; what it is for is order.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

from steel_toes.stores.base import Object, Stamped
from steel_toes.stores.objects import ObjectStore, RefusedError

_NOW = datetime.fromtimestamp(0, timezone.utc)
_PATIENCE_SECONDS = 60


class DiedError(BaseException):
    """An actor is killed: none of its requests is made any more, in whatever `finally` it comes to."""


class Schedule:
    """Who goes on.

    Args:
        rng: decides.
        share: how likely an actor dies before its next request.
    """

    def __init__(self, rng: random.Random, share: Callable[[str], float]) -> None:
        self.rng, self.share = rng, share
        self.ended: dict[str, str] = {}
        self._turns: dict[str, threading.Event] = {}
        self._waits: dict[str, threading.Event] = {}
        self._dead: set[str] = set()
        self._names = threading.local()

    def play(self, cast: dict[str, Callable[[], str]]) -> dict[str, str]:
        """Let all of them go on until each has ended; how each ended."""
        self._turns = {name: threading.Event() for name in cast}
        self._waits = {name: threading.Event() for name in cast}
        threads = [threading.Thread(target=self._act, args=(name, act)) for name, act in cast.items()]
        for thread in threads:
            thread.start()
        for waits in self._waits.values():
            assert waits.wait(_PATIENCE_SECONDS)
        while len(self.ended) < len(cast):
            name = self.rng.choice([name for name in cast if name not in self.ended])
            if name not in self._dead and self.rng.random() < self.share(name):
                self._dead.add(name)
            self._waits[name].clear()
            self._turns[name].set()
            assert self._waits[name].wait(_PATIENCE_SECONDS), f"{name} does not come back"
        for thread in threads:
            thread.join()
        return self.ended

    def _act(self, name: str, act: Callable[[], str]) -> None:
        self._names.name = name
        end = "killed"
        try:
            self.step()
            end = act()
        except DiedError:
            pass
        except Exception as exc:  # noqa: BLE001 - how it ends is what is asked
            end = f"{type(exc).__name__}: {exc}"
        self.ended[name] = end
        self._waits[name].set()

    def step(self) -> None:
        """Wait for one's turn; who is no actor has it."""
        name = getattr(self._names, "name", None)
        if name is None:
            return
        if name in self._dead:
            raise DiedError
        self._waits[name].set()
        assert self._turns[name].wait(_PATIENCE_SECONDS)
        self._turns[name].clear()
        if name in self._dead:
            raise DiedError


@dataclass
class Objects:
    """What lies in the store.

    Args:
        rng: decides which answers are lost.
        stamped: whether each write has an identity of its own (a generation); else equal contents have equal ones.
    """

    rng: random.Random
    stamped: bool
    schedule: Schedule | None = None
    lost_share: float = 0.0
    data: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def step(self) -> None:
        """Before each request."""
        if self.schedule is not None:
            self.schedule.step()

    def stamp(self, path: str) -> str | None:
        """What tells an object from another; None if there is none."""
        return self.data[path][1] if path in self.data else None

    def put(self, path: str, data: bytes) -> str:
        """Put an object; its stamp."""
        stamp = str(next(self.numbers)) if self.stamped else hashlib.md5(data, usedforsecurity=False).hexdigest()
        self.data[path] = data, stamp
        return stamp

    def put_if(self, path: str, data: bytes, stamp: str | None) -> str:
        """Put an object where that one is, or none; the client asks again if the answer is lost, and is refused."""
        for _ in range(2):
            if self.stamp(path) != stamp:
                raise RefusedError
            put = self.put(path, data)
            if self.rng.random() >= self.lost_share:
                return put
        return put


@dataclass(frozen=True)
class SteppedStore(ObjectStore):
    """The store."""

    objects_of: Objects = field(default_factory=lambda: Objects(random.Random(), stamped=True), compare=False)

    @property
    def _filesystem(self) -> Any:
        return SimpleNamespace(invalidate_cache=lambda *_: None)

    @property
    def _can_stamp(self) -> bool:
        return True

    @property
    def _endpoint(self) -> str:
        return f"stepped {id(self.objects_of)}"

    @contextmanager
    def lock(self, path: str, seconds: float = 0) -> Iterator[bool]:
        yield False

    def _there(self, path: str) -> tuple[bytes, str]:
        self.objects_of.step()
        if path not in self.objects_of.data:
            raise FileNotFoundError(path)
        return self.objects_of.data[path]

    def _get(self, path: str) -> Stamped:
        return Stamped(*self._there(path))

    def _put(self, path: str, data: bytes, stamp: str) -> str:
        self.objects_of.step()
        return self.objects_of.put_if(path, data, stamp or None)

    def _delete(self, path: str, stamp: str) -> None:
        _, now = self._there(path)
        if now != stamp:
            raise RefusedError
        del self.objects_of.data[path]

    def _copy(self, source: str, target: str, source_stamp: str, target_stamp: str, size: int) -> str:
        data, now = self._there(source)
        if now != source_stamp:
            raise RefusedError
        return self.objects_of.put_if(target, data, target_stamp or None)

    def _stamp_of(self, identity: str) -> str:
        return identity.partition("-")[2]

    def read(self, path: str) -> bytes | None:
        self.objects_of.step()
        return self.objects_of.data.get(path, (None, ""))[0]

    def write(self, path: str, data: bytes) -> str:
        self.objects_of.step()
        return self.objects_of.put(path, data)

    def identity(self, path: str) -> str | None:
        self.objects_of.step()
        found = self.objects_of.data.get(path)
        return None if found is None else _identity(found)

    def files(self, path: str) -> dict[str, str]:
        self.objects_of.step()
        start = f"{path}/"
        found = self.objects_of.data
        return {name[len(start) :]: _identity(found[name]) for name in sorted(found) if name.startswith(start)}

    def objects(self, path: str) -> dict[str, Object]:
        self.objects_of.step()
        found = self.objects_of.data.get(path)
        if found is not None:
            return {"": Object(len(found[0]), _NOW, _identity(found))}
        return self._below_now(path)

    def objects_below(self, path: str) -> dict[str, Object]:
        self.objects_of.step()
        return self._below_now(path)

    def _below_now(self, path: str) -> dict[str, Object]:
        start = f"{path}/"
        found = self.objects_of.data
        names = [name for name in sorted(found) if name.startswith(start)]
        return {name[len(start) :]: Object(len(found[name][0]), _NOW, _identity(found[name])) for name in names}

    def remove(self, path: str) -> None:
        self.objects_of.step()
        self.objects_of.data.pop(path, None)

    def has_same_content(self, path: str, other: str) -> bool:
        self.objects_of.step()
        contents = [self.objects_of.data.get(place, (None, ""))[0] for place in (path, other)]
        return contents[0] is not None and contents[0] == contents[1]


def _identity(found: tuple[bytes, str]) -> str:
    return f"{len(found[0])}-{found[1]}"


def serially(function: Callable[[Any], Any], values: Iterable[Any]) -> list[Any]:
    """In the place of `all_together`: an actor is one thread."""
    return [function(value) for value in values]


class Serial:
    """In the place of a pool of threads."""

    def __init__(self, *_: Any) -> None:
        pass

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    map = staticmethod(map)
