"""What the process that runs a pipeline knows of records while it runs, and what it puts ahead and behind.

What a run froze at its beginning, and what it saved itself, is known by the record's place, under whatever name an
entry has it: it is not asked for again. Another catalog, a worker and a fork are as another process, and know nothing.

*Ahead*: the `writing` of a node's output is put while the node loads its inputs. *Behind*: a `complete` is put while
what comes next goes on, but only after those of everything that was saved before it, so that no copy ever counts before
what it was made of.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from steel_toes.records.file import RecordInPlace
from steel_toes.records.journal import Claim
from steel_toes.records.record import Identities, Record


class RecordKey(NamedTuple):
    """The place of a record.

    Attributes:
        store: what the store is called.
        path: in that store.
        access: how it is reached. Two may lead to one server, under names of the catalog that differ in an option, or
            to two servers, each with a bucket of this name.
    """

    store: str
    path: str
    access: str


_WINDOW = 8  # records under way at once: fewer than the connections of a client, by default ten


@dataclass(frozen=True)
class StartingPoint:
    """What is known when a save begins.

    Args:
        base: main's identities of the units that are saved.
        in_place: the record; None if it must be read.
        free_units: units at whose place nothing was when the record was read.
    """

    base: Identities
    in_place: RecordInPlace | None = None
    free_units: frozenset[str] = frozenset()


class Findings(NamedTuple):
    """What becomes clear after a run has begun, by the places' records.

    Attributes:
        starts: from what a save there may begin; None if it must ask itself.
        occupied: whether something certainly lies at the place of an input's branch copy.
        claims: of promotes that had not ended, of each folder of records.
    """

    starts: dict[RecordKey, Future[StartingPoint | None]]
    occupied: dict[RecordKey, Future[bool]]
    claims: list[Future[list[Claim]]]


class Ahead(NamedTuple):
    """What may be put ahead of a node's save.

    Attributes:
        key: of the record.
        put: puts `writing`, and gives the save that has begun; None if it did not.
        take_back: is given that save if nothing was saved.
    """

    key: RecordKey
    put: Callable[[], Any]
    take_back: Callable[[Any], None]


class _Process:
    """A mark of this process. It is asked for dozens of times in a save, and a process id is a system call."""

    def __init__(self) -> None:
        self.mark = object()

    def renew(self) -> None:
        """In a child: it is another process."""
        self.mark = object()


_process = _Process()
if sys.platform != "win32":
    os.register_at_fork(after_in_child=_process.renew)


class _Behind(NamedTuple):
    """A `complete` that is put behind: what it will be, and when it is."""

    record: Record
    future: Future[None]


@dataclass
class _State:
    """What is known of a run that is going on."""

    process: object
    runs_nodes: bool
    records: dict[RecordKey, Record] = field(default_factory=dict)
    begun: set[RecordKey] = field(default_factory=set)
    saved: set[RecordKey] = field(default_factory=set)
    starts: dict[RecordKey, Future[StartingPoint | None]] = field(default_factory=dict)
    occupied: dict[RecordKey, Future[bool]] = field(default_factory=dict)
    claims: list[Future[list[Claim]]] = field(default_factory=list)
    plans: dict[str, list[Ahead]] = field(default_factory=dict)
    entered: set[RecordKey] = field(default_factory=set)
    ahead: dict[RecordKey, tuple[Ahead, Future[Any]]] = field(default_factory=dict)
    behind: dict[RecordKey, _Behind] = field(default_factory=dict)
    failure: BaseException | None = None
    window: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_WINDOW, "steel-toes-ahead"))
    queue: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "steel-toes-behind"))


class Run:
    """The run of a pipeline in this process, if one is going on."""

    def __init__(self) -> None:
        self._state: _State | None = None
        self._lock = threading.Lock()

    def begin(self, runs_nodes: bool) -> None:
        """Begin a run, which knows nothing yet.

        Args:
            runs_nodes: whether this process runs the nodes: only then may it put records ahead and behind.
        """
        self._state = _State(_process.mark, runs_nodes)

    def end(self) -> None:
        """End the run: what was put ahead and not used is taken back, and records are read again from now on.

        Raises:
            CopyError: what was put behind failed.
        """
        state = self._now
        if state is None:
            return
        try:
            for ahead, future in state.ahead.values():
                begun = _result(future)
                if begun is not None:
                    ahead.take_back(begun)
            self.wait_for_all()
        finally:
            self._state = None
            state.window.shutdown()
            state.queue.shutdown()

    @property
    def _now(self) -> _State | None:
        """The run that is going on in this very process; a fork has its parent's, which is not its own."""
        state = self._state
        return state if state is not None and state.process is _process.mark else None

    @property
    def runs_nodes(self) -> bool:
        """Whether a run is going on, and this process runs its nodes."""
        state = self._now
        return state is not None and state.runs_nodes

    # What is known ----------------------------------------------------------------------------------------------------

    def note_record(self, key: RecordKey, record: Record) -> None:
        """Note what a record is for the run, to its end or to its own next save."""
        if self._now:
            self._now.records[key] = record

    def record(self, key: RecordKey) -> Record | None:
        """What a record is for the run; None if it must be read."""
        return self._now.records.get(key) if self._now else None

    def note_begun(self, key: RecordKey) -> None:
        """Note that the run has begun to save."""
        if self._now:
            self._now.begun.add(key)

    def note_saved(self, key: RecordKey, record: Record) -> None:
        """Note that a save of the run has ended with this record."""
        if self._now:
            self._now.saved.add(key)
            self._now.records[key] = record

    def has_begun(self, key: RecordKey) -> bool:
        """Whether the run has saved there, or tried to."""
        return self._now is not None and key in self._now.begun

    def has_saved(self, key: RecordKey) -> bool:
        """Whether a save of the run has ended there."""
        return self._now is not None and key in self._now.saved

    def look_ahead(self, look: Callable[[Executor], Findings]) -> None:
        """Look in the background at what first saves must know; each waits for what it needs itself."""
        if self._now:
            self._now.starts, self._now.occupied, self._now.claims = look(self._now.window)

    def is_occupied(self, key: RecordKey) -> bool:
        """Whether something was found at the place of an input's branch copy when the run began."""
        answer = self._now.occupied.get(key) if self._now else None
        return answer is not None and answer.result()

    @property
    def claims(self) -> list[Claim]:
        """The claims of promotes that had not ended when the run began."""
        claims: list[Claim] = []
        for answer in self._now.claims if self._now else ():
            claims += answer.result()
        return claims

    def take_start(self, key: RecordKey) -> StartingPoint | None:
        """What was found at the run's beginning; None for a second save."""
        start = self._now.starts.pop(key, None) if self._now else None
        return None if start is None else start.result()

    # Ahead ------------------------------------------------------------------------------------------------------------

    def plan_ahead(self, node: str, outputs: Iterable[Ahead]) -> None:
        """Note what may be put ahead when a node begins."""
        if self._now:
            self._now.plans[node] = list(outputs)

    def enter(self, node: str | None) -> None:
        """Put ahead what may be, if a node begins now."""
        state = self._now
        if state is None or node is None:
            return
        with self._lock:
            for ahead in state.plans.pop(node, ()):
                # Two outputs may have one location.
                if ahead.key not in state.entered:
                    state.entered.add(ahead.key)
                    state.ahead[ahead.key] = ahead, state.window.submit(ahead.put)

    def take_ahead(self, key: RecordKey) -> Any:
        """The save that was begun ahead; None if none was."""
        state = self._now
        if state is None:
            return None
        with self._lock:
            _, future = state.ahead.pop(key, (None, None))
        return None if future is None else _result(future)

    # Behind -----------------------------------------------------------------------------------------------------------

    def put_behind(self, key: RecordKey, record: Record, put: Callable[[], None]) -> None:
        """Put a `complete` when all that were given before it are put.

        Args:
            key: of the record.
            record: that will be in place, if nobody else saves there.
            put: puts it.
        """
        state = self._now
        assert state is not None  # only where `runs_nodes` says so
        with self._lock:
            state.saved.add(key)
            state.behind[key] = _Behind(record, state.queue.submit(_put_in_turn, state, put))

    def expected(self, key: RecordKey) -> Record | None:
        """The record that is being put behind; None if none is, or no longer.

        Raises:
            CopyError: putting it failed.
        """
        behind = self._now.behind.get(key) if self._now else None
        if behind is None:
            return None
        if behind.future.done():
            behind.future.result()
            return None
        return behind.record

    def wait(self, key: RecordKey) -> None:
        """Wait until a record is in place that is being put behind.

        Raises:
            CopyError: putting it failed.
        """
        state = self._now
        if state is None or _is_queue():
            return
        for other, behind in list(state.behind.items()):
            # However it is reached: perhaps it is the same.
            if (other.store, other.path) == (key.store, key.path):
                behind.future.result()

    def wait_for_all(self) -> None:
        """Wait until all records are in place.

        Raises:
            CopyError: putting one failed; that of the first.
        """
        state = self._now
        if state is None or _is_queue():
            return
        for behind in list(state.behind.values()):
            behind.future.result()

    def __reduce__(self) -> tuple[type[Run], tuple[()]]:
        # Whoever unpickles the catalog reads the records themselves.
        self.wait_for_all()
        return Run, ()


def _result(future: Future[Any]) -> Any:
    """What a future gives; None if it failed: then a save begins by itself, and says why it cannot."""
    return None if future.exception() is not None else future.result()


_thread = threading.local()


def _put_in_turn(state: _State, put: Callable[[], None]) -> None:
    """Put a record, unless one before it could not be put: it would count before what it was made of."""
    _thread.is_queue = True
    if state.failure is not None:
        raise state.failure
    try:
        put()
    except BaseException as exc:
        state.failure = exc
        raise


def _is_queue() -> bool:
    """Whether this thread puts records behind: it waits for nobody."""
    return getattr(_thread, "is_queue", False)
