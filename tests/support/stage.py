"""Several at the same time: the real code, in every order of its requests, with deaths, lost answers and failures.

Each actor is a thread that waits before each of its requests. The stage lets one of them take one step, and looks. Two
orders that leave the same files, and have given everybody the same answers, have the same future: it is explored once.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from kedro.io import DatasetError

from steel_toes.actions import removal
from steel_toes.actions.plan import CleanPlan, FiledRecord, HeldCopy, HeldObject, StoredRecord
from steel_toes.datasets.whole import BranchedWhole
from steel_toes.errors import ConcurrentSaveError, CopyError
from steel_toes.records import ahead
from steel_toes.records.record import ALL
from steel_toes.records.run import _thread
from steel_toes.stores.conditions import conditions_of
from steel_toes.stores.locks import LockHeldError
from support.record_model import BRANCH, RECORD, Deed, DiedError, Disk, Life, Rows, World, answer, path_of

_TIMES = re.compile(rb'"(created|saved)": "[^"]*"')
_IMPATIENT_SECONDS = 10


class Turn(Life):
    """One of several who take turns: it waits before each of its requests until it is its turn."""

    def __init__(self, stage: Stage, who: str) -> None:
        self.stage, self.who = stage, who
        self.go, self.waits = threading.Lock(), threading.Lock()
        self.go.acquire()
        self.waits.acquire()
        self.request: tuple[str, str] = ("", "")
        self.how = "go"
        self.dead = self.ended = False
        self.history = 0
        self.steps = 0

    def take(self, operation: str, path: str, effect: Callable[[], Any]) -> Any:
        # Nobody writes main's copy here, so it does not matter when it is looked at.
        if path.startswith("main"):
            return effect()
        how = self.pause(operation, path)
        if how == "lose":
            # The client sends the same request again.
            effect()
            self.note("lost")
            how = self.pause(operation, path)
        if how == "fail":
            self.note("failed")
            raise OSError("the store does not answer")
        result = effect()
        self.note((operation, path, plain(result)))
        return result

    def pause(self, operation: str, path: str) -> str:
        """Wait for the turn; what becomes of the request."""
        if self.dead:
            raise DiedError
        self.request = operation, path
        self.waits.release()
        self.go.acquire()
        if self.dead:
            raise DiedError
        return self.how

    def note(self, what: Any) -> None:
        """Remember what one has seen: with the files, its whole future depends on that."""
        self.history = hash((self.history, what))

    def opens(self, path: str) -> None:
        """Nobody sees it."""

    @contextmanager
    def alone(self, path: str, seconds: float) -> Iterator[None]:
        stage = self.stage
        if not stage.has_locks:
            yield
            return
        is_impatient = seconds < _IMPATIENT_SECONDS
        self.pause("try" if is_impatient else "lock", path)
        if path in stage.locks:
            self.note("held")
            raise LockHeldError("held")
        stage.locks[path] = self
        try:
            yield
        finally:
            if stage.locks.get(path) is self:
                del stage.locks[path]

    @property
    def is_ready(self) -> bool:
        """Whether it can go on: a lock that is waited for is free."""
        operation, path = self.request
        return not self.ended and not (operation == "lock" and path in self.stage.locks)


def plain(result: Any) -> Any:
    """A result without times, which can be compared."""
    if isinstance(result, bytes):
        return _TIMES.sub(b"", result)
    if isinstance(result, dict):
        return tuple(sorted((name, str(value)) for name, value in result.items()))
    if isinstance(result, tuple):
        return tuple(map(plain, result))
    return result if result is None or isinstance(result, (str, bool, int)) else str(result)


@dataclass
class Doing:
    """What somebody does, as the checks see it.

    Args:
        who: does it.
        deed: a save; None for anything else.
        start: after how many events it began; None before its first request.
        end: after how many it ended.
        status: running, saved, told (of another), refused (before it wrote), failed, killed; or what it gave.
        lost: the units that it was told are another's.
    """

    who: str
    deed: Deed | None = None
    start: int | None = None
    end: int | None = None
    status: Any = "running"
    lost: frozenset[str] = frozenset()

    def covers(self, unit: str) -> bool:
        """Whether it saves a unit, or everything."""
        return self.deed is not None and (self.deed.overwrite or unit in self.deed.units)


class Actor(threading.Thread):
    """Somebody who does one thing in a thread of its own, request by request."""

    def __init__(self, turn: Turn, doing: Doing, action: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self.turn, self.doing, self.action = turn, doing, action
        self.fault: BaseException | None = None

    def run(self) -> None:
        doing = self.doing
        try:
            doing.status = self.action()
        except DiedError:
            doing.status = "killed"
        except ConcurrentSaveError as exc:
            doing.status, doing.lost = "told", units_told(exc)
        except DatasetError as exc:
            is_before = isinstance(exc, CopyError) and "the store does not answer" not in str(exc)
            doing.status = "refused" if is_before else "failed"
        except BaseException as exc:  # noqa: BLE001 - it is the stage's to raise
            self.fault = exc
        self.turn.ended = True
        self.turn.waits.release()


def units_told(error: ConcurrentSaveError) -> frozenset[str]:
    """The units of which a save was told."""
    what = error.facts["what"]
    return frozenset(what.split(" of this")[0].split(", ")) if " of this" in what else frozenset({".", ALL})


class InTurn:
    """What a run puts ahead and behind, in its own thread: at once, or as late as may be."""

    def __init__(self, is_late: bool) -> None:
        self.is_late = is_late
        self.waiting: list[Later] = []

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Later:
        later = Later(self, lambda: function(*arguments))
        self.waiting.append(later)
        if not self.is_late:
            self.go_on(later)
        return later

    def go_on(self, later: Later) -> None:
        """Do it, and before it what was given before it."""
        while not later.is_over:
            first = self.waiting.pop(0)
            first.is_over = True
            try:
                first.value = first.call()
            except DiedError:
                raise
            except BaseException as exc:  # noqa: BLE001 - whoever waits is given it
                first.error = exc
            finally:
                _thread.is_queue = False

    def shutdown(self) -> None:
        while self.waiting:
            self.go_on(self.waiting[-1])


@dataclass
class Later:
    """What will be, as a Future says it."""

    turns: InTurn
    call: Callable[[], Any]
    is_over: bool = False
    value: Any = None
    error: BaseException | None = None

    def done(self) -> bool:
        return self.is_over

    def exception(self) -> BaseException | None:
        self.turns.go_on(self)
        return self.error

    def result(self) -> Any:
        error = self.exception()
        if error is not None:
            raise error
        return self.value


Cast = tuple["Part", ...]


@dataclass(frozen=True)
class Part:
    """Who does what: save, series (two saves) or run (that saves) a deed; load a unit; clean, adopt."""

    who: str
    verb: str
    what: Any = None


@dataclass
class Stage:
    """A disk, and who uses it.

    Args:
        world: the kind of dataset.
        before: the disk as it is at first.
        cast: who does what.
    """

    world: World
    before: Disk
    cast: Cast
    locks: dict[str, Turn] = field(default_factory=dict)

    def begin(self, left: dict[str, int]) -> None:
        """Everybody waits before the first request."""
        self.disk = self.before.copy()
        self.locks.clear()
        self.events: list[tuple[str, str]] = []
        self.left = dict(left)
        self.tokens: Counter[str] = Counter()
        self.current = ""
        self.deaths = 0
        self.actors = [self._actor(part) for part in self.cast]
        for actor in self.actors:
            self.current = actor.turn.who
            actor.start()
            actor.turn.waits.acquire()

    @property
    def has_locks(self) -> bool:
        """Whether it is a disk."""
        return bool(self.world.store.get("shared_locks"))

    def token(self, size: int = 8) -> str:
        """A new id, which tells whose it is."""
        self.tokens[self.current] += 1
        return f"{self.current}{self.tokens[self.current]}"

    def _actor(self, part: Part) -> Actor:
        turn = Turn(self, part.who)
        doing = Doing(part.who, part.what if part.verb in ("save", "series", "run", "late run") else None)
        entry = self.world.entry(self.disk, turn, part.who, doing.deed)

        def save() -> str:
            self.world.save(entry, part.what, self.world.rows(part.who))
            return "saved"

        def series() -> str:
            """Other rows, and then those that were there before."""
            for rows in (("other",), ("old0",)):
                self.world.save(entry, part.what, rows)
            return "saved"

        def run() -> str:
            """A save in a run, and a load of what was saved by the node that comes next."""
            place = entry.place
            state = place.ledger.run
            state.begin(runs_nodes=True)
            state._state.window = state._state.queue = InTurn(is_late=part.verb == "late run")
            state.look_ahead(partial(ahead.look_ahead, [place], [], []))
            planned = BranchedWhole(entry).put_ahead()
            state.plan_ahead("node", [planned] if planned else [])
            state.enter("node")
            try:
                self.world.save(entry, part.what, self.world.rows(part.who))
                with suppress(DatasetError):
                    BranchedWhole(entry).load()
            except DatasetError:
                with suppress(CopyError):
                    state.end()
                raise
            state.end()
            return "saved"

        def load() -> Any:
            return answer(lambda: self.world.load(self.world.pair(self.disk, turn), part.what))

        def clean() -> str:
            return self._clean(entry)

        def adopt() -> str:
            place = entry.place
            units = place.adoptable(place.ledger.read())
            place.adopt({unit: one.path for unit, one in units.items()})
            return "adopted"

        actions = {"save": save, "series": series, "load": load, "clean": clean, "adopt": adopt}
        actions |= {"run": run, "late run": run}
        return Actor(turn, doing, actions[part.verb])

    def _clean(self, entry: Any) -> str:
        ledger = entry.place.ledger
        record = ledger.read()
        if not record.exists:
            return "nothing"
        objects = {}
        for name, item in ledger.store.objects(BRANCH).items():
            objects[f"{BRANCH}/{name}".rstrip("/")] = HeldObject(item.size, item.identity)
        stored = StoredRecord(SimpleNamespace(store=ledger.store), "x", RECORD, None)
        copy = HeldCopy(FiledRecord(stored, record), ledger.store, BRANCH, objects)
        (result,) = removal.apply(CleanPlan((copy,), (), ()))
        return result.problem or "removed"

    # Steps ------------------------------------------------------------------------------------------------------------

    def choices(self) -> list[tuple[int, str]]:
        """What may happen next: whose turn it is, and what becomes of the request."""
        choices = []
        for number, actor in enumerate(self.actors):
            turn = actor.turn
            if turn.ended:
                continue
            operation, _ = turn.request
            if turn.is_ready:
                choices.append((number, "go"))
                if self.left.get("lose") and operation in ("write", "remove") and self.world.store.get("stamped"):
                    choices.append((number, "lose"))
                if self.left.get("fail") and operation in ("begin", "finish") and turn.how == "go":
                    choices.append((number, "fail"))
            if self.left.get("kill") and actor.doing.start is not None:
                choices.append((number, "kill"))
        return choices

    def step(self, number: int, how: str) -> None:
        """Let one take a step, until it waits before its next request or has ended."""
        actor = self.actors[number]
        turn, doing = actor.turn, actor.doing
        self.current = turn.who
        if how != "go":
            self.left[how] -= 1
            self.deaths += how in ("kill", "fail")
        if doing.start is None:
            doing.start = len(self.events)
            self.events.append(("begin", doing.who))
        if how == "kill":
            turn.dead = True
            self.locks = {path: held for path, held in self.locks.items() if held is not turn}
        turn.how = how
        turn.go.release()
        turn.waits.acquire()
        if actor.fault is not None:
            raise actor.fault
        if turn.ended:
            doing.end = len(self.events)
            self.events.append((str(doing.status), doing.who))

    def abandon(self) -> None:
        """End everybody who still waits."""
        for actor in self.actors:
            while not actor.turn.ended:
                actor.turn.dead = True
                actor.turn.go.release()
                actor.turn.waits.acquire()

    def print(self) -> Any:
        """Equal for two stages that have the same future."""
        files = tuple(sorted((path, plain(content), stamp) for path, (content, stamp) in self.disk.files.items()))
        actors = tuple((a.turn.history, a.turn.request, a.turn.ended, a.turn.dead) for a in self.actors)
        locks = tuple(sorted((path, held.who) for path, held in self.locks.items()))
        return hash((files, actors, locks, tuple(self.events), tuple(sorted(self.left.items()))))

    # What must hold ---------------------------------------------------------------------------------------------------

    def look(self, is_end: bool) -> list[str]:
        """What is wrong with what a reader is told now of each unit."""
        faults = []
        for unit, told in self.world.told(self.disk).items():
            faults += self.judge(unit, told, len(self.events), is_end)
        for actor in self.actors:
            doing = actor.doing
            unit = next(part.what for part in self.cast if part.who == doing.who)
            has_loaded = doing.deed is None and unit is not None and doing.end is not None
            if has_loaded and doing.start is not None and doing.status != "killed":
                faults += self.judge(unit, doing.status, doing.start, is_end=False)
        return faults

    def judge(self, unit: str, told: Any, start: int, is_end: bool) -> list[str]:
        """Whether a load that began after so many events may give what it gives."""
        if told in ("half", "mixed") and not self._is_adopted():
            return [f"a reader accepts {told} of {unit}"]
        doings = [actor.doing for actor in self.actors if actor.doing.covers(unit)]
        done = [d for d in doings if d.status == "saved" and d.end is not None and d.end <= start]
        done = [doing for doing in done if not self._is_cleaned(doing)]
        if isinstance(told, tuple):
            return self._judge_rows(unit, told, doings, done)
        all_saved = doings and all(doing.status == "saved" for doing in doings)
        if is_end and told == "torn" and all_saved and not self.deaths:
            return [f"nobody died, every save succeeded, and {unit} is torn"]
        # Between two saves that met it may look so for a moment.
        is_calm = not doings or (is_end and not self.deaths)
        if told == "changed" and is_calm and not self._is_adopted():
            return [f"a reader is told that {unit} was changed by other hands"]
        return self._judge_error(unit, told, start, [d for d in doings if d.start is not None], done)

    def _judge_rows(self, unit: str, told: Rows, doings: list[Doing], done: list[Doing]) -> list[str]:
        last = next((doing for doing in doings if doing.who == told[-1]), None)
        is_untold = told == self.world.rows("") or any(part.verb == "series" for part in self.cast)
        if is_untold:
            return []
        if last is not None:
            return self._judge_last(unit, told, last, done)
        if told == self.world.mains(unit) or told[-1].startswith("old"):
            return [f"{doing.who} is lost: a reader gets {told} of {unit}" for doing in done]
        return [] if self._is_adopted() else [f"a reader accepts {told} of {unit}, which nobody saved"]

    def _judge_error(self, unit: str, told: str, start: int, begun: list[Doing], done: list[Doing]) -> list[str]:
        faults = []
        if told == "none" and any(doing.deed and doing.deed.overwrite for doing in begun):
            return []
        for doing in done:
            # Another that went on meanwhile, or did not succeed, may have left it in doubt.
            others = [d for d in begun if d is not doing and (d.status != "saved" or d.end > min(start, doing.start))]
            if not others:
                faults.append(f"{doing.who} is lost: a reader gets {told} of {unit}, and every save succeeded")
        return faults

    def _judge_last(self, unit: str, told: Rows, last: Doing, done: list[Doing]) -> list[str]:
        faults = []
        for doing in done:
            is_before = last.end is not None and doing.start is not None and last.end < doing.start
            if doing is not last and is_before:
                faults.append(f"{doing.who} is lost: a reader gets {unit} of {last.who}, which ended before it began")
            has_kept = last.deed is not None and last.deed.append
            ended_first = doing.end is not None and last.start is not None and doing.end < last.start
            if (
                doing is not last
                and has_kept
                and ended_first
                and doing.who not in told
                and not self._is_replaced(doing)
            ):
                faults.append(f"{doing.who} is lost: {last.who} was to keep its rows, and a reader gets {told}")
        return faults

    def _is_replaced(self, doing: Doing) -> bool:
        """Whether a save that keeps nothing ended after another had begun: then its rows may be gone."""
        others = [actor.doing for actor in self.actors if actor.doing.deed and not actor.doing.deed.append]
        return any(d is not doing and (d.end is None or d.end > (doing.start or 0)) for d in others)

    def _is_cleaned(self, doing: Doing) -> bool:
        """Whether a `clean` made its plan after a save had begun: then either order is right."""
        plans = [a.doing.start for a, part in zip(self.actors, self.cast, strict=True) if part.verb == "clean"]
        return any(plan is not None and plan > (doing.start or 0) for plan in plans)

    def _is_adopted(self) -> bool:
        """Whether what lies there may have been recorded as it is."""
        return any(part.verb == "adopt" for part in self.cast)

    def strangers(self) -> list[str]:
        """The data of the branch that no record knows, when all have ended."""
        record = self.disk.record or {"data": {}, "doubt": {}, "was": None}
        known = {*record["data"], *record["doubt"], *((record["was"] or {}).get("data") or {})}
        if ALL in known:
            return []
        there = {unit for unit in self.world.units if self.disk.below(path_of(self.world, unit))}
        # What a save that died after `clean` had written is nobody's, as after any removal by hand.
        there -= {unit for unit in there if self._died_after_clean(unit)}
        return [f"{unit} lies there without a record" for unit in sorted(there - known)]

    def _died_after_clean(self, unit: str) -> bool:
        doings = [actor.doing for actor in self.actors if actor.doing.covers(unit)]
        return any(doing.status != "saved" and self._is_cleaned(doing) for doing in doings)


@dataclass
class Explored:
    """What was found.

    Args:
        states: that were looked at.
        ends: how often everybody ended so.
        faults: each with the shortest order of steps that shows it.
        cut: whether the time was over.
    """

    states: int = 0
    ends: Counter[Any] = field(default_factory=Counter)
    faults: dict[str, list[str]] = field(default_factory=dict)
    cut: bool = False

    def note(self, faults: list[str], trace: list[str]) -> None:
        """Keep the shortest trace of each fault."""
        for fault in faults:
            if fault not in self.faults or len(trace) < len(self.faults[fault]):
                self.faults[fault] = list(trace)


def explore(world: World, before: Disk, *cast: Part, seconds: float = 60, stop: bool = False, **left: int) -> Explored:
    """Every order in which they can take their steps.

    Args:
        world: the kind of dataset.
        before: the disk as it is at first.
        cast: who does what.
        seconds: after which it is cut off.
        stop: at the first fault.
        left: how many deaths (`kill`), lost answers (`lose`) and failed writes (`fail`) there are.
    """
    stage, explored, seen = Stage(world, before, cast), Explored(), set()
    end = time.monotonic() + seconds
    todo: list[list[tuple[int, str]]] = [[]]
    with _one_request_at_a_time(), patch("secrets.token_hex", stage.token):
        while todo and not (stop and explored.faults):
            if time.monotonic() > end:
                explored.cut = True
                break
            turns = todo.pop()
            # As at first: an order is taken once more from its beginning.
            for part in cast:
                _forget_conditions(world, part.who)
            stage.begin(left)
            trace = []
            for number, how in turns:
                trace.append(_told(stage, number, how))
                stage.step(number, how)
            _go_on(stage, turns, trace, seen, todo, explored)
            stage.abandon()
    return explored


def _forget_conditions(world: World, who: str) -> None:
    """Have somebody know of the server what this world says is known at first."""
    if world.store.get("stamped"):
        honoured = world.store.get("honoured", True)
        word = world.store.get("word", "honoured" if honoured else "ignored")
        conditions_of(f"the model, {honoured}, {who}", RECORD.split("/")[0]).word = word


@contextmanager
def _one_request_at_a_time() -> Iterator[None]:
    """Each has one request under way, and does not wait before it asks again."""
    # In the actor's own thread: a pool of threads for each request would take longer than all else.
    pool = patch("steel_toes.stores.together.each_together", map)
    pauses = [patch(f"steel_toes.records.{module}._PAUSE_SECONDS", 0) for module in ("file", "ledger")]
    with pauses[0], pauses[1], pool:
        yield


def _go_on(
    stage: Stage,
    turns: list[tuple[int, str]],
    trace: list[str],
    seen: set[Any],
    todo: list[list[tuple[int, str]]],
    explored: Explored,
) -> None:
    """Go on along the first choice until everybody has ended, or what follows is known; keep the other choices."""
    while True:
        mark = stage.print()
        if mark in seen:
            return
        seen.add(mark)
        explored.states += 1
        choices = stage.choices()
        is_end = not any(how in ("go", "lose") for _, how in choices)
        explored.note(stage.look(is_end), trace)
        if is_end:
            if all(actor.turn.ended for actor in stage.actors):
                explored.ends[tuple(str(actor.doing.status) for actor in stage.actors)] += 1
                if not any(actor.doing.status == "killed" for actor in stage.actors if actor.doing.who == "C"):
                    explored.note(stage.strangers(), trace)
            else:
                explored.note([f"{[a.doing.who for a in stage.actors if not a.turn.ended]} wait for ever"], trace)
            return
        first, *others = choices
        todo += [[*turns, choice] for choice in others]
        turns = [*turns, first]
        trace = [*trace, _told(stage, *first)]
        stage.step(*first)


def _told(stage: Stage, number: int, how: str) -> str:
    turn = stage.actors[number].turn
    return f"{turn.who} {' '.join(turn.request)}{'' if how == 'go' else ' ' + how}"


def _going(stage: Stage) -> list[tuple[int, str]]:
    """What may happen next; nothing once nobody can go on."""
    choices = stage.choices()
    return choices if any(how in ("go", "lose") for _, how in choices) else []


def shuffle(world: World, before: Disk, *cast: Part, schedules: int, **most: int) -> Explored:
    """Random orders of more actors than every order of whom can be tried; `most` as `left` of `explore`."""
    stage, explored = Stage(world, before, cast), Explored()
    with _one_request_at_a_time(), patch("secrets.token_hex", stage.token):
        for seed in range(schedules):
            dice = random.Random(seed)
            stage.begin({how: dice.randint(0, number) for how, number in most.items()})
            trace: list[str] = []
            while choices := _going(stage):
                # Mostly the same goes on for a while, and little goes wrong.
                calm = [choice for choice in choices if choice[1] == "go"]
                choice = dice.choice(choices if dice.random() < 0.15 or not calm else calm)
                trace.append(_told(stage, *choice))
                stage.step(*choice)
                explored.note(stage.look(is_end=False), trace)
                explored.states += 1
            explored.ends[tuple(str(actor.doing.status) for actor in stage.actors)] += 1
            explored.note([*stage.look(is_end=True), *stage.strangers()], trace)
            stage.abandon()
    return explored


PLAIN = Deed((".",))
APPEND = Deed((".",), append=True)
BEFORE: dict[str, tuple[tuple[str | None, Deed], ...]] = {
    "nothing": (),
    "whole": ((None, PLAIN),),
    "torn": ((None, PLAIN), ("finish", PLAIN)),
    "unfinished": (("finish", PLAIN),),
}
PARTS = ((None, Deed(("a", "b"))),)


class _Dying(Life):
    """A writer that dies before one of its requests."""

    def __init__(self, who: str, dies: str | None) -> None:
        self.who, self.dies, self.dead = who, dies, False

    def before(self, operation: str, path: str) -> None:
        self.dead = self.dead or operation == self.dies
        if self.dead:
            raise DiedError


def disk_after(world: World, deeds: tuple[tuple[str | None, Deed], ...]) -> Disk:
    """The disk after these saves, each of which may have died before an operation; then it leaves half of its data."""
    disk = world.empty()
    for number, (dies, deed) in enumerate(deeds):
        who = f"old{number}" if dies is None else f"dead{number}"
        try:
            world.save(world.entry(disk, _Dying(who, dies), who, deed), deed, world.rows(who))
        except DiedError:
            if world.store.get("opened_late"):
                # Of an object nothing is there before it is closed: it died right after that.
                for unit in deed.units:
                    disk.put(path_of(world, unit), (world.rows(who), world.rows(who)), who)
    return disk
