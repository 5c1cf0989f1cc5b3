"""A store as it was at one time: nothing is asked twice."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from steel_toes.stores.base import Object, Store
from steel_toes.stores.identity import digest_of

T = TypeVar("T")


@dataclass(frozen=True)
class Snapshot(Store):
    """A store of which each path is asked for once: all that is told of it comes from one answer. It is only read.

    Args:
        store: which.
        absent: says of a path that the store need not be asked: nothing is there.
    """

    store: Store = field(default_factory=lambda: Store("", ""))
    absent: Callable[[str], bool] = lambda _: False
    answers: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, store: Store, absent: Callable[[str], bool] = lambda _: False) -> Snapshot:
        """A store as it is from now on."""
        return cls(store.dataset, store.label, store.protocol, store.options, store.hint, store, absent)

    def _once(self, question: str, path: str, ask: Callable[[str], T]) -> T:
        key = (question, path)
        if key not in self.answers:
            self.answers[key] = ask(path)
        answer: T = self.answers[key]
        return answer

    def shown(self, path: str) -> str:
        return self.store.shown(path)

    def read(self, path: str) -> bytes | None:
        if self.absent(path):
            return None
        return self._once("read", path, self.store.read)

    def version(self, path: str) -> Hashable | None:
        """None: what was read is kept here."""
        return None

    def objects(self, path: str) -> dict[str, Object]:
        return self._once("objects", path, self._objects)

    def _objects(self, path: str) -> dict[str, Object]:
        """The objects at a path, by a listing of a folder around it if there was one."""
        folder = posixpath.dirname(path)
        while folder not in ("", "/"):
            listing = self.answers.get(("objects", folder))
            if listing is not None:
                return _listed_at(path[len(folder) + 1 :], listing)
            folder = posixpath.dirname(folder)
        return self.store.objects(path)

    def files(self, path: str) -> dict[str, str]:
        return {name: item.identity for name, item in self.objects(path).items() if name}

    def identity(self, path: str) -> str | None:
        objects = self.objects(path)
        if "" in objects:
            return objects[""].identity
        if objects:
            return digest_of(self.files(path))
        if not self.store.has_folders:
            return None
        # There may be one, and nothing in it.
        return self._once("identity", path, self.store.identity)

    def forget(self, path: str) -> None:
        """Nothing is forgotten."""


def _listed_at(name: str, listing: Mapping[str, Object]) -> dict[str, Object]:
    """The objects of a listing at a path in it: the one there, as "", or those below it."""
    if name in listing:
        return {"": listing[name]}
    start = f"{name}/"
    return {path.removeprefix(start): item for path, item in listing.items() if path.startswith(start)}
