"""Who writes: found out while a run begins, and waited for by the first record."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import Any, Generic, TypeVar

from steel_toes.records.record import Writer

T = TypeVar("T")


class Background(Generic[T]):
    """What a thread of its own finds out from now on; whoever asks waits for it.

    Pickled, it is what was found. A process that was forked meanwhile has not got the thread, and finds it out itself.

    Args:
        find: finds it out.
    """

    def __init__(self, find: Callable[[], T]) -> None:
        self._find = find
        self._future: Future[T] = Future()
        self._process = os.getpid()
        threading.Thread(target=self._run, name="steel-toes-author", daemon=True).start()

    def _run(self) -> None:
        try:
            self._future.set_result(self._find())
        except BaseException as exc:  # noqa: BLE001 - whoever asks is told
            self._future.set_exception(exc)

    @property
    def value(self) -> T:
        """What was found."""
        # A fork has no thread but the one that forked.
        if not self._future.done() and self._process != os.getpid():
            return self._find()
        return self._future.result()

    def __reduce__(self) -> tuple[Any, ...]:
        return _found, (self.value,)


def _found(value: T) -> Background[T]:
    """One that has found something already."""
    return Background(partial(_same, value))


def _same(value: T) -> T:
    return value


class Author:
    """The writer of a catalog's records, the same for all of them.

    Args:
        find: gives the writer, when the first record asks for it.
    """

    def __init__(self, find: Callable[[], Writer]) -> None:
        self._find = find
        self._writer: Writer | None = None
        self._lock = threading.Lock()
        self._facts: dict[str, Any] = {}

    @classmethod
    def of(cls, writer: Writer) -> Author:
        """One who is known."""
        return cls(lambda: writer)

    def note(self, **facts: Any) -> None:
        """Note what a run says of itself, before its first record."""
        with self._lock:
            self._facts.update(facts)
            # Found out once, whoever asked before.
            if self._writer is not None:
                self._writer = replace(self._writer, **facts)

    @property
    def writer(self) -> Writer:
        """Who writes."""
        with self._lock:
            # Asked once: all records of a catalog name the same writer.
            if self._writer is None:
                self._writer = replace(self._find(), **self._facts)
            return self._writer

    def __reduce__(self) -> tuple[Any, ...]:
        # A worker writes as the process that started it.
        return Author.of, (self.writer,)
