"""The commit protocol as a model: the real code over a disk on which every operation is one step.

Nothing is stood in for: the datasets and the records are the package's own, the datasets are Kedro datasets, and
`SteppingStore` is a complete store, of which each operation can be the last thing that a writer does.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from kedro.io import AbstractDataset, DatasetError
from kedro.io.core import Version

from steel_toes.datasets.base import Entry
from steel_toes.datasets.partitions import BranchedPartitions
from steel_toes.datasets.versions import BranchedVersions
from steel_toes.datasets.whole import BranchedWhole
from steel_toes.errors import ChangedCopyError, TornAppendError, TornCopyError
from steel_toes.records.ledger import Ledger
from steel_toes.records.place import Place, Side
from steel_toes.records.record import ALL, Writer
from steel_toes.records.units import units_of
from steel_toes.stores.base import Stamped, Store
from steel_toes.stores.identity import digest_of

MAIN, BRANCH, RECORD = "main/x", "branch/x", "records/x.json"
Rows = tuple[Any, ...]
MAINS: Rows = ("main",)


# The disk ------------------------------------------------------------------------------------------------------------


@dataclass
class Disk:
    """Files by path, each with its content and the stamp of its last change.

    A record's content is its bytes; data is two blocks, so that half of it can be there: `(rows, rows)` is a whole
    copy of these rows, `(rows, None)` is half of one, `(rows, others)` is two writers' at once.
    """

    files: dict[str, tuple[Any, int]] = field(default_factory=dict)
    clock: int = 0

    def put(self, path: str, content: Any) -> None:
        self.clock += 1
        self.files[path] = content, self.clock

    def drop(self, path: str) -> None:
        found = self.below(path)
        self.clock += bool(found)
        for name in found:
            del self.files[name]

    def below(self, path: str) -> list[str]:
        return sorted(name for name in self.files if name == path or name.startswith(f"{path}/"))

    def copy(self) -> Disk:
        return Disk(dict(self.files), self.clock)

    @property
    def print(self) -> Any:
        """Equal for two disks that nobody can tell apart, but for a record's id and times."""
        record = re.sub(rb'"(id|created|saved)": "[^"]*"', b"", self.files[RECORD][0]) if RECORD in self.files else b""
        return record, tuple((path, *found) for path, found in sorted(self.files.items()) if path != RECORD)

    @property
    def record(self) -> dict[str, Any] | None:
        return json.loads(self.files[RECORD][0]) if RECORD in self.files else None


class DiedError(BaseException):
    """The process is gone. Whatever it still tries has no effect either: it dies again."""


class Life:
    """How long whoever uses the disk lives, and what it meets: here, for ever and nothing."""

    def before(self, operation: str, path: str) -> None:
        """Called before each operation has its effect."""

    def after(self, operation: str, path: str) -> None:
        """Called after it."""

    def alone(self) -> AbstractContextManager[None]:
        """Around what only one process of a host does at a time."""
        return nullcontext()


@dataclass(frozen=True, kw_only=True)
class SteppingStore(Store):
    """A store on a `Disk`, of which every operation is one step in somebody's life."""

    disk: Disk
    life: Life
    opened_late: bool = False
    """As an object store: an object appears whole when it is closed. Else, as a file: at once, and in two blocks."""
    stamped: bool = False
    """As S3: a put may name the object that it replaces."""

    def step(self, operation: str, path: str, effect: Callable[[], Any]) -> Any:
        with self._errors_of(operation):
            self.life.before(operation, path)
            result = effect()
            self.life.after(operation, path)
            return result

    def read(self, path: str) -> bytes | None:
        return self.step("read", path, lambda: self.disk.files.get(path, (None,))[0])

    def write(self, path: str, data: bytes) -> None:
        self.step("write", path, lambda: self.disk.put(path, data))

    @property
    def has_stamps(self) -> bool:
        return self.stamped

    def _stamp(self, path: str) -> str:
        return f"@{self.disk.files[path][1]}" if path in self.disk.files else ""

    def read_stamped(self, path: str) -> Stamped:
        return self.step("read", path, lambda: Stamped(self.disk.files.get(path, (None,))[0], self._stamp(path)))

    def write_stamped(self, path: str, data: bytes, stamp: str) -> bool:
        def put_if_it_is_that() -> bool:
            if self._stamp(path) != stamp:
                return False
            self.disk.put(path, data)
            return True

        return self.step("write", path, put_if_it_is_that)

    def _files(self, path: str) -> dict[str, str]:
        names = [name for name in self.disk.below(path) if name != path]
        return {name[len(path) + 1 :]: f"@{self.disk.files[name][1]}" for name in names}

    def _identity(self, path: str) -> str | None:
        if path in self.disk.files:
            return f"@{self.disk.files[path][1]}"
        files = self._files(path)
        return digest_of(files) if files else None

    def files(self, path: str) -> dict[str, str]:
        return self.step("files", path, lambda: self._files(path))

    def identity(self, path: str) -> str | None:
        return self.step("identity", path, lambda: self._identity(path))

    def versions(self, path: str) -> list[str]:
        ending = path.rsplit("/", 1)[-1]
        return self.step("versions", path, lambda: [n.split("/")[0] for n in self._files(path) if n.endswith(ending)])

    def is_directory(self, path: str) -> bool:
        return self.step("is_directory", path, lambda: bool(self._files(path)))

    def size(self, path: str) -> int:
        return len(self.disk.below(path))

    def copy(self, source: str, target: str) -> None:
        for name in self.disk.below(source):
            rows = self.disk.files[name][0][0]
            self.begin(target + name[len(source) :], rows)
            self.finish(target + name[len(source) :], rows)

    @contextmanager
    def lock(self, path: str) -> Iterator[None]:
        with self.life.alone():
            yield

    def remove(self, path: str) -> None:
        self.step("remove", path, lambda: self.disk.drop(path))

    # What a dataset does: a save is two steps, and so is a load.

    def begin(self, path: str, rows: Rows) -> None:
        self.step("begin", path, lambda: None if self.opened_late else self.disk.put(path, (rows, None)))

    def finish(self, path: str, rows: Rows) -> None:
        def effect() -> None:
            first = rows if self.opened_late else self.disk.files.get(path, ((rows,), 0))[0][0]
            self.disk.put(path, (first, rows))

        self.step("finish", path, effect)

    def block(self, path: str, number: int) -> Rows | None:
        def effect() -> Rows | None:
            if path not in self.disk.files:
                raise DatasetError(f"{path} is not there.")
            return self.disk.files[path][0][number]

        return self.step("block", path, effect)


def load_rows(store: SteppingStore, path: str) -> tuple[Any, Any]:
    """Both blocks of a file, as they are found."""
    return store.block(path, 0), store.block(path, 1)


def save_rows(store: SteppingStore, path: str, rows: Rows, append: bool) -> None:
    """Write rows to a file, in place of those that are there or after them."""
    had = store.disk.files[path][0][1] or () if append and path in store.disk.files else ()
    store.begin(path, had + rows)
    store.finish(path, had + rows)


class RowsDataset(AbstractDataset[Rows, tuple[Any, Any]]):
    """Rows in one file of a disk; what it loads are both blocks."""

    def __init__(self, store: SteppingStore, path: str, append: bool = False, version: Version | None = None) -> None:
        self.store, self.path, self.append, self.version = store, path, append, version

    def _at(self, version: str | None) -> str:
        return f"{self.path}/{version}/{self.path.rsplit('/', 1)[-1]}" if version else self.path

    def load(self) -> tuple[Any, Any]:
        return load_rows(self.store, self._at(self.version and self.version.load))

    def save(self, data: Rows) -> None:
        path = self._at(self.version and self.version.save)
        if self.version and path in self.store.disk.files:
            raise DatasetError(f"{path} must not exist, as in Kedro.")
        save_rows(self.store, path, data, self.append)

    def _exists(self) -> bool:
        return self._at(self.version and self.version.load) in self.store.disk.files

    def _describe(self) -> dict[str, Any]:
        return {"path": self.path}


class PartsDataset(AbstractDataset[dict[str, Rows], dict[str, Callable[[], Any]]]):
    """Rows in many files of a disk, as Kedro's `PartitionedDataset` has them."""

    def __init__(self, store: SteppingStore, path: str, overwrite: bool = False, append: bool = False) -> None:
        self.store, self.path, self.overwrite, self.append = store, path, overwrite, append

    def load(self) -> dict[str, Callable[[], Any]]:
        names = [name[len(self.path) + 1 :] for name in self.store.disk.below(self.path)]
        if not names:
            raise DatasetError("No partitions found")
        return {name: partial(load_rows, self.store, f"{self.path}/{name}") for name in names}

    def save(self, data: dict[str, Rows]) -> None:
        if self.overwrite:
            self.store.remove(self.path)
        for name, rows in sorted(data.items()):
            save_rows(self.store, f"{self.path}/{name}", rows, self.append)

    def _exists(self) -> bool:
        return bool(self.store.disk.below(self.path))

    def _describe(self) -> dict[str, Any]:
        return {"path": self.path}


@dataclass(frozen=True)
class Builder:
    """Builds a side's dataset."""

    store: SteppingStore
    overlay: bool = False
    options: tuple[str, ...] = ()

    def __call__(self, side: Side, version: Version | None) -> Any:
        path, options = (MAIN if side is Side.MAIN else BRANCH), dict.fromkeys(self.options, True)
        if self.overlay:
            return PartsDataset(self.store, path, **options)
        return RowsDataset(self.store, path, version=version, **options)

    def config(self, side: Side) -> dict[str, Any]:
        return {"path": MAIN if side is Side.MAIN else BRANCH}


# What is saved and read ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Deed:
    """One save: of which units, and how."""

    units: tuple[str, ...]
    append: bool = False
    overwrite: bool = False

    def __str__(self) -> str:
        return "+".join(self.units) + " append" * self.append + " overwrite" * self.overwrite


class World:
    """One kind of dataset: its units, what can be done to it, and what a reader is told."""

    kind = "whole"
    ledger_type: type[Ledger] = Ledger
    units: tuple[str, ...] = (".",)
    deeds: tuple[Deed, ...] = (Deed((".",)), Deed((".",), append=True))
    paths: tuple[str, ...] = (BRANCH,)
    thorough = 3
    """In how many generations of writers one that failed may die as well; in one more it may fail."""

    def __init__(self, opened_late: bool = False, stamped: bool = False) -> None:
        self.opened_late = opened_late
        self.stamped = stamped
        self._told: dict[Any, dict[str, Any]] = {}

    def empty(self) -> Disk:
        """Main has its copy; the branch has none."""
        disk = Disk()
        disk.put(MAIN, (MAINS, MAINS))
        return disk

    def mains(self, unit: str) -> Any:
        """What is read where the branch has nothing of its own."""
        return MAINS

    def entry(self, disk: Disk, life: Life, who: str, deed: Deed | None = None) -> Entry:
        store = SteppingStore(
            "rows", "the disk", disk=disk, life=life, opened_late=self.opened_late, stamped=self.stamped
        )
        writer = Writer(project="flights", user=who, host="desk")
        options = tuple(name for name in ("append", "overwrite") if deed and getattr(deed, name))
        units = units_of(self.kind)
        ledger = self.ledger_type(store, RECORD, "feature/x", "rows", "x", BRANCH, "suffix", units, writer)
        return Entry(
            name="rows",
            build=Builder(store, self.kind == "overlay", options),
            place=Place(store, MAIN, BRANCH, ledger),
            seeding="always" if deed and deed.append else "never",
            settings={"path": MAIN, "overwrite": bool(deed and deed.overwrite)},
        )

    def save(self, entry: Entry, deed: Deed, rows: Rows) -> None:
        BranchedWhole(entry).save(rows)

    def pair(self, disk: Disk, life: Life | None = None) -> Any:
        return BranchedWhole(self.entry(disk, life or Life(), "reader"))

    def load(self, pair: Any, unit: str) -> Any:
        return pair.load()

    def loader(self, pair: Any, unit: str, turn: Turn) -> Callable[[], Any]:
        """What takes its turns when a unit is loaded."""
        return pair.load

    def told(self, disk: Disk) -> dict[str, Any]:
        """What a reader gets of each unit: rows, or the name of what is wrong. The same disk is read only once."""
        if (key := disk.print) not in self._told:
            pair = self.pair(disk)
            self._told[key] = {unit: self.ask(pair, unit) for unit in self.units}
        return self._told[key]

    def ask(self, pair: Any, unit: str) -> Any:
        """What a reader gets of one unit."""
        found = answer(lambda: self.load(pair, unit))
        if self.kind == "whole" and found != "changed":
            assert pair.exists() is (found != "torn")
        return found


def answer(load: Callable[[], Any]) -> Any:
    """The rows that a load gives, or the name of what is wrong with them."""
    try:
        first, second = load()
    except TornCopyError:
        return "torn"
    except ChangedCopyError:
        return "changed"
    except DatasetError:
        return "none"
    return first if first == second else "half" if second is None else "mixed"


class Overlay(World):
    """Two partitions, of which main has one; and a third that only main has."""

    kind = "overlay"
    units = ("a", "b", "m")
    deeds = (Deed(("a",)), Deed(("b",)), Deed(("a", "b")), Deed(("a",), overwrite=True), Deed(("a",), append=True))
    paths = (f"{BRANCH}/a", f"{BRANCH}/b")
    thorough = 1

    def empty(self) -> Disk:
        disk = Disk()
        for name in "am":
            disk.put(f"{MAIN}/{name}", (MAINS, MAINS))
        return disk

    def mains(self, unit: str) -> Any:
        return "none" if unit == "b" else MAINS

    def save(self, entry: Entry, deed: Deed, rows: Rows) -> None:
        BranchedPartitions(entry).save(dict.fromkeys(deed.units, rows))

    def pair(self, disk: Disk, life: Life | None = None) -> Any:
        return BranchedPartitions(self.entry(disk, life or Life(), "reader"))

    def loader(self, pair: Any, unit: str, turn: Turn) -> Callable[[], Any]:
        turn.undivided = True
        partition = pair.load()[unit]
        turn.undivided = False
        return partition

    def load(self, pair: Any, unit: str) -> Any:
        found = pair.load()
        if unit not in found:
            raise DatasetError("no such partition")
        return found[unit]()


class Versioned(World):
    """Three versions: main has 1, and the branch saves 2 and 3; and what an unpinned load gives."""

    kind = "versioned"
    units = ("1", "2", "3")
    deeds = (Deed(("2",)), Deed(("3",)))
    paths = (f"{BRANCH}/2/x", f"{BRANCH}/3/x")
    thorough = 1

    def empty(self) -> Disk:
        disk = Disk()
        disk.put(f"{MAIN}/1/x", (MAINS, MAINS))
        return disk

    def mains(self, unit: str) -> Any:
        return MAINS if unit == "1" else "none"

    def save(self, entry: Entry, deed: Deed, rows: Rows) -> None:
        BranchedVersions(entry, version=Version(None, deed.units[0])).save(rows)

    def pair(self, disk: Disk, life: Life | None = None) -> Any:
        return BranchedVersions(self.entry(disk, life or Life(), "reader"), version=Version(None, None))

    def ask(self, pair: Any, unit: str) -> Any:
        return answer(BranchedVersions(pair.entry, version=Version(unit, None)).load)


# One writer after another --------------------------------------------------------------------------------------------


class Fate(Life):
    """A writer's: it may fail at one step (before or after its effect), and die before one."""

    def __init__(self, dies: int | None = None, fails: tuple[int, bool] | None = None) -> None:
        self.dies, self.fails = dies, fails
        self.steps: list[str] = []
        self.watch: Callable[[], None] = lambda: None

    def before(self, operation: str, path: str) -> None:
        self.steps.append(f"{operation} {path}")
        if self.dies is not None and len(self.steps) >= self.dies:
            raise DiedError
        self._fail(late=False)

    def after(self, operation: str, path: str) -> None:
        self.watch()
        self._fail(late=True)

    def _fail(self, late: bool) -> None:
        if self.fails == (len(self.steps), late):
            raise OSError("the disk does not answer")

    @property
    def failed_at(self) -> str | None:
        return self.steps[self.fails[0] - 1] if self.fails and self.fails[0] <= len(self.steps) else None

    def __repr__(self) -> str:
        return f"Fate(dies={self.dies}, fails={self.fails}) after {self.steps}"


@dataclass
class Run:
    """One writer's save on a disk, with everything that must hold of it checked after each of its steps."""

    world: World
    disk: Disk
    once: dict[str, Rows]
    deed: Deed
    fate: Fate
    rows: Rows

    def __post_init__(self) -> None:
        self.earlier = self.disk.copy()
        self.before = self.world.told(self.disk)
        self.known = self.disk.record
        self.had = dict(self.once)
        self.looks = 0
        self._seen = self.disk.clock
        self.fate.watch = self.look_after_step

    def go(self) -> BaseException | None:
        """Save, look a last time, and give the error that ended it."""
        try:
            self.world.save(self.world.entry(self.disk, self.fate, self.rows[0], self.deed), self.deed, self.rows)
            error = None
        except (DiedError, DatasetError) as exc:
            error = exc
        self.look()
        return error

    @property
    def finished(self) -> bool:
        record = self.disk.record
        return bool(record and record["state"] == "complete" and record["id"] not in self._known_ids())

    def _known_ids(self) -> list[str]:
        return [r["id"] for r in (self.known, (self.known or {}).get("was")) if r]

    def after_it(self, unit: str) -> Any:
        """What the save makes of a unit."""
        if unit in self.deed.units:
            had = self.had.get(unit, self.world.mains(unit))
            return (had if isinstance(had, tuple) else ()) + self.rows if self.deed.append else self.rows
        return "none" if self.deed.overwrite else self.before[unit]

    def allowed(self, unit: str) -> list[Any]:
        """What a reader may be told of a unit while the save goes on, and for ever if its writer dies."""
        if unit not in self.deed.units and not self.deed.overwrite:
            return [self.before[unit]]
        if unit in self.had:
            return [self.had[unit], "torn"]
        return [self.before[unit]]

    def look_after_step(self) -> None:
        if self.disk.clock != self._seen:
            self.look()

    def look(self) -> None:
        """A reader looks at every unit."""
        self._seen = self.disk.clock
        finished = self.finished
        for unit, told in self.world.told(self.disk).items():
            may = [self.after_it(unit)] if finished else self.allowed(unit)
            assert told in may, f"{unit} is {told}, not one of {may}: {self}"
            self.looks += 1
        if finished:
            self.once.update({unit: self.after_it(unit) for unit in self.deed.units})
            for unit in set(self.world.units) - set(self.deed.units) if self.deed.overwrite else ():
                self.once.pop(unit, None)


def shape(world: World, disk: Disk, once: dict[str, Rows]) -> str:
    """A disk without what the protocol cannot tell apart: names, times and stamps.

    Identities are only ever compared with that of the data in place, so `same` and `other` are all there is to them.
    """

    def record(values: dict[str, Any] | None) -> Any:
        if values is None:
            return None
        here = SteppingStore("", "", disk=disk, life=Life())
        data = {unit: identity == here._identity(path_of(world, unit)) for unit, identity in values["data"].items()}
        return [values["state"], data, values["over"], sorted(values["doubt"]), record(values["was"])]

    halves = [[path in disk.files, path in disk.files and None in disk.files[path][0]] for path in world.paths]
    return json.dumps([record(disk.record), halves, sorted(once)], sort_keys=True)


def path_of(world: World, unit: str) -> str:
    """Where the branch's copy of a unit lies."""
    return {"whole": BRANCH, "overlay": f"{BRANCH}/{unit}", "versioned": f"{BRANCH}/{unit}/x"}[world.kind]


def fates(steps: int, failures: bool, deaths: int) -> Iterator[Fate]:
    """Every life of a save of so many steps: to the end; dead before each; failed at each, and dead soon after that."""
    yield Fate()
    for step in range(1, steps + 1):
        yield Fate(dies=step)
        for late in (False, True) if failures else ():
            yield Fate(fails=(step, late))
            for dies in range(step + 1, step + 1 + deaths):
                yield Fate(dies=dies, fails=(step, late))


def explore(world: World, check: Callable[[Run, BaseException | None], None], depth: int = 3) -> Counter[str]:
    """Run every deed with every fate on every state that writers in a row can leave behind; count what was done."""
    start: tuple[Disk, dict[str, Rows]] = (world.empty(), {})
    frontier, seen, count = [start], {shape(world, *start)}, Counter[str]()
    for generation in range(depth):
        count["states"] += len(frontier)
        following = []
        for disk, once in frontier:
            for deed in world.deeds:
                rows = (f"w{generation}{deed}",)
                probe = Run(world, disk.copy(), dict(once), deed, Fate(), rows)
                probe.go()
                for fate in fates(
                    len(probe.fate.steps), generation <= world.thorough, 4 * (generation < world.thorough)
                ):
                    run = Run(world, disk.copy(), dict(once), deed, fate, rows)
                    check(run, run.go())
                    count.update(runs=1, steps=len(fate.steps), looks=run.looks)
                    if (left := shape(world, run.disk, run.once)) not in seen:
                        seen.add(left)
                        following.append((run.disk, run.once))
        frontier = following
    count["left over"] = len(frontier)
    return count


def data_on(disk: Disk) -> dict[str, Any]:
    """The data on a disk, whenever it was written."""
    return {path: content for path, (content, _) in disk.files.items() if path != RECORD}


def identities(world: World, disk: Disk) -> dict[str, str | None]:
    """Of the branch's data in place."""
    store = SteppingStore("", "", disk=disk, life=Life())
    return {unit: store._identity(path_of(world, unit)) for unit in world.units}


def unsettled(world: World, disk: Disk) -> set[str]:
    """The units in doubt whose data is not what the last complete record says."""
    record = disk.record or {"doubt": [], "state": "writing", "was": None}
    settled = record if record["state"] == "complete" else record["was"]
    known, doubt = settled["data"] if settled else {}, set(record["doubt"])
    here = identities(world, disk).items()
    return {unit for unit, identity in here if doubt & {unit, ALL} and identity != known.get(unit)}


def check_end(run: Run, error: BaseException | None) -> None:
    """What must hold when a writer has finished, failed or died, besides what holds after each step."""
    world, deed = run.world, run.deed
    told = [run.before[unit] for unit in deed.units]
    refusable = (deed.append and "torn" in told) or (world.kind == "versioned" and isinstance(told[0], tuple))
    if run.fate.dies is None and run.fate.fails is None:
        assert refusable or run.finished, f"{error!r} ended {run}"
        assert not refusable or data_on(run.disk) == data_on(run.earlier)
    if deed.append and "torn" in told and not run.fate.failed_at and run.fate.dies is None:
        assert isinstance(error, TornAppendError)
        assert run.disk.files == run.earlier.files
        assert "`steel-toes clean --branch feature/x rows`" in str(error)
        assert "whole" not in str(error)
    if not deed.overwrite:
        others = set(world.units) - set(deed.units)
        assert unsettled(world, run.disk) & others == unsettled(world, run.earlier) & others, f"doubts were lost: {run}"
    failed = run.fate.failed_at
    if failed and run.fate.dies is None and identities(world, run.disk) == identities(world, run.earlier):
        assert world.told(run.disk) == run.before
        calm = run.known is None or (
            run.known["state"] == "complete" and not {ALL, *deed.units} & {*run.known["doubt"]}
        )
        if calm and failed.split()[0] in ("begin", "finish", "remove"):
            assert run.disk.files.get(RECORD, (None,))[0] == run.earlier.files.get(RECORD, (None,))[0], run


# Several at the same time ---------------------------------------------------------------------------------------------


class Turn(Life):
    """One of several who take turns: it waits before each of its steps until it is its turn."""

    def __init__(self, one_host: bool = False) -> None:
        self.one_host = one_host
        self.go, self.waits = threading.Lock(), threading.Lock()
        self.go.acquire()
        self.waits.acquire()
        self.steps: list[str] = []
        self.ended = self.undivided = False
        self.fails: str | None = None

    def before(self, operation: str, path: str) -> None:
        # Nobody writes main's copy here, so it does not matter when it is looked at.
        if not (self.undivided or path.startswith("main")):
            self.pause(f"{operation} {path}")
        if operation == self.fails:
            raise OSError("the disk does not answer")

    def pause(self, step: str) -> None:
        self.steps.append(step)
        self.waits.release()
        self.go.acquire()

    @contextmanager
    def alone(self) -> Iterator[None]:
        if self.undivided or not self.one_host:
            yield
            return
        self.pause("alone")
        self.undivided = True
        try:
            yield
        finally:
            self.undivided = False


class Actor(threading.Thread):
    """Somebody who does one thing in a thread of its own, step by step."""

    def __init__(self, turn: Turn, action: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self.turn, self.action, self.result = turn, action, None

    def run(self) -> None:
        try:
            self.result = self.action()
        except DatasetError as exc:
            self.result = type(exc).__name__
        except BaseException as exc:  # noqa: BLE001 - it is the scheduler's to raise
            self.result = exc
        self.turn.ended = True
        self.turn.waits.release()

    def step(self) -> None:
        """Let it take one step, until it waits before its next or has ended."""
        self.turn.go.release()
        self.turn.waits.acquire()


@dataclass
class Trace:
    """One way in which several took turns."""

    actors: list[Actor]
    turns: list[int] = field(default_factory=list)

    def steps(self) -> list[tuple[int, str]]:
        """Who did what, in order."""
        each = [iter(actor.turn.steps) for actor in self.actors]
        return [(who, next(each[who])) for who in self.turns]


def every_trace(
    cast: Callable[[], list[Actor]], look: Callable[[Trace], None], mirrored: bool = False
) -> Iterator[Trace]:
    """Every order in which they can take their steps; `look` is called after each step that is new.

    Args:
        cast: gives them, about to begin.
        look: at a trace, as far as it has come.
        mirrored: all do the same, so that it is enough to let the first begin.
    """
    given: list[int] = []
    while True:
        trace, choices = Trace(cast()), []
        for actor in trace.actors:
            actor.start()
            actor.turn.waits.acquire()
        while ready := [who for who, actor in enumerate(trace.actors) if not actor.turn.ended]:
            who = given[len(choices)] if len(choices) < len(given) else ready[0]
            choices.append((who, ready))
            trace.actors[who].step()
            trace.turns.append(who)
            if isinstance(trace.actors[who].result, BaseException):
                raise trace.actors[who].result
            if len(choices) >= len(given):
                look(trace)
        yield trace
        while choices and choices[-1][0] == choices[-1][1][-1]:
            choices.pop()
        if len(choices) <= mirrored:
            return
        who, ready = choices.pop()
        given = [chosen for chosen, _ in choices] + [ready[ready.index(who) + 1]]


PLAIN = Deed((".",))
PARTS = ((None, Deed(("a", "b"))),)
BEFORE = {
    "nothing": (),
    "whole": ((None, PLAIN),),
    "torn": ((None, PLAIN), ("finish", PLAIN)),
    "unfinished": (("finish", PLAIN),),
}


def disk_after(world: World, deeds: tuple[tuple[str | None, Deed], ...]) -> Disk:
    """The disk after these saves, each of which may have died before an operation."""
    disk = world.empty()
    for number, (dies, deed) in enumerate(deeds):
        fate = Fate()
        rows = (f"old{number}",)
        world.save(world.entry(disk.copy(), fate, "w", deed), deed, rows)
        at = next((i for i, step in enumerate(fate.steps, 1) if dies and step.startswith(dies)), None)
        try:
            world.save(world.entry(disk, Fate(dies=at), "w", deed), deed, rows)
        except DiedError:
            continue
    return disk


@dataclass
class Race:
    """Saves at the same time, in every order of their steps."""

    world: World
    before: Disk
    deeds: tuple[Deed, ...]
    one_host: bool = False
    mirrored: bool = False
    seen: set[Any] = field(default_factory=set)
    ends: Counter[Any] = field(default_factory=Counter)
    bad: list[Trace] = field(default_factory=list)
    traces: int = 0
    looks: int = 0

    def cast(self) -> list[Actor]:
        self.disk = self.before.copy()
        return [self.actor(who, deed) for who, deed in zip("ABC", self.deeds, strict=False)]

    def actor(self, who: str, deed: Deed) -> Actor:
        turn = Turn(self.one_host)
        entry = self.world.entry(self.disk, turn, who, deed)

        def save() -> str:
            if who == "C":
                turn.pause("everything")
                turn.undivided = True
            self.world.save(entry, deed, (who,))
            return "saved"

        return Actor(turn, save)

    def look(self, trace: Trace) -> None:
        self.looks += 1
        told = set(self.world.told(self.disk).values())
        self.seen |= told
        if told & {"half", "mixed"}:
            self.bad.append(Trace(trace.actors, list(trace.turns)))

    def run(self) -> Race:
        for trace in every_trace(self.cast, self.look, mirrored=self.mirrored):
            self.traces += 1
            self.finish(trace)
        return self

    def finish(self, trace: Trace) -> None:
        """Note how a trace ended: what A and B were told, and what a reader is told from then on."""
        told = self.world.told(self.disk)[self.deeds[0].units[0]]
        results = sorted(str(actor.result) for actor in trace.actors)
        self.ends[(*results, told if isinstance(told, str) else "whole")] += 1


def overlapped(trace: Trace) -> bool:
    """Whether somebody wrote a file while another was writing it, or before that one had its identity."""
    steps = [(who, step.split()[0]) for who, step in trace.steps()]
    for who in range(len(trace.actors)):
        window = [number for number, (actor, _) in enumerate(steps) if actor == who]
        begun = next((n for n in window if steps[n][1] == "begin"), len(steps))
        known = next((n for n in window if n > begun and steps[n][1] == "identity"), len(steps))
        if any(actor != who and word in ("begin", "finish") for actor, word in steps[begun:known]):
            return True
    return False
