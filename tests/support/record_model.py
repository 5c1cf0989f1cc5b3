"""The commit protocol as a model: the real code over a disk on which every operation is one step.

Nothing is stood in for: the datasets and the records are the package's own, the datasets are Kedro datasets, and
`SteppingStore` is a complete store, of which each operation can be the last thing that a writer does.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from types import SimpleNamespace
from typing import Any

from kedro.io import AbstractDataset, DatasetError
from kedro.io.core import Version

from steel_toes.datasets.base import Entry
from steel_toes.datasets.partitions import BranchedPartitions
from steel_toes.datasets.versions import BranchedVersions
from steel_toes.datasets.whole import BranchedWhole
from steel_toes.errors import ChangedCopyError, TornAppendError, TornCopyError
from steel_toes.naming.layout import Layout
from steel_toes.records.author import Author
from steel_toes.records.ledger import Ledger
from steel_toes.records.place import Place, Side
from steel_toes.records.record import ALL, Recorded, Writer
from steel_toes.records.units import units_of
from steel_toes.stores.base import Object, Stamped
from steel_toes.stores.identity import digest_of
from steel_toes.stores.objects import ObjectStore, RefusedError

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

    files: dict[str, tuple[Any, str]] = field(default_factory=dict)
    clock: int = 0
    writes: Counter[str] = field(default_factory=Counter)

    def put(self, path: str, content: Any, who: str = "") -> None:
        """Put a file. Its stamp counts whose write it is: two orders of the same writes leave the same disk."""
        self.clock += 1
        self.writes[who] += 1
        self.files[path] = content, f"{who}{self.writes[who]}"

    def drop(self, path: str) -> None:
        found = self.below(path)
        self.clock += bool(found)
        for name in found:
            del self.files[name]

    def below(self, path: str) -> list[str]:
        return sorted(name for name in self.files if name == path or name.startswith(f"{path}/"))

    def copy(self) -> Disk:
        return Disk(dict(self.files), self.clock, Counter(self.writes))

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

    who = ""

    def take(self, operation: str, path: str, effect: Callable[[], Any]) -> Any:
        """Take one step."""
        self.before(operation, path)
        result = effect()
        self.after(operation, path)
        return result

    def before(self, operation: str, path: str) -> None:
        """Called before each operation has its effect."""

    def after(self, operation: str, path: str) -> None:
        """Called after it."""

    def opens(self, path: str) -> None:
        """Called when an object is opened, which nobody sees."""
        self.take("begin", path, lambda: None)

    def alone(self, path: str, seconds: float) -> AbstractContextManager[None]:
        """Around what only one process of a host does at a time."""
        return nullcontext()


@dataclass(frozen=True, kw_only=True)
class SteppingStore(ObjectStore):
    """A store on a `Disk`, of which every operation is one step in somebody's life."""

    disk: Disk
    life: Life
    opened_late: bool = False
    """As an object store: an object appears whole when it is closed. Else, as a file: at once, and in two blocks."""
    stamped: bool = False
    """As S3: a put may name the object that it replaces."""
    honoured: bool = True
    """Whether the server refuses a put whose condition does not hold."""
    shared_locks: bool = False
    """As a disk: whoever shares it meets its locks."""
    content: bool = False
    """As S3: equal bytes have equal identities."""

    def names_below(self, folder: str) -> list[str]:
        """Nobody promotes here: promote has schedules of its own."""
        return []

    def step(self, operation: str, path: str, effect: Callable[[], Any]) -> Any:
        with self._errors_of(operation, path):
            return self.life.take(operation, path, effect)

    @property
    def has_shared_locks(self) -> bool:  # type: ignore[override]
        return self.shared_locks

    @property
    def has_content_identities(self) -> bool:  # type: ignore[override]
        return self.content

    def is_one_saves(self, identity: str) -> bool:
        return self.opened_late and super().is_one_saves(identity)

    def read(self, path: str) -> bytes | None:
        return self.step("read", path, lambda: self.disk.files.get(path, (None,))[0])

    def write(self, path: str, data: bytes) -> None:
        self.step("write", path, lambda: self.disk.put(path, data, self.life.who))

    # As a server that knows conditions: `read_stamped` and the others are ObjectStore's own.

    _other_stamp = "@of nothing"

    @property
    def _can_stamp(self) -> bool:
        return self.stamped

    @property
    def _endpoint(self) -> str:
        # Each is a process, which knows of the server what it has tried itself.
        return f"the model, {self.honoured}, {self.life.who}"

    @property
    def _filesystem(self) -> Any:
        return SimpleNamespace(invalidate_cache=lambda path: None)

    def _stamp(self, path: str) -> str:
        return self._tag(path) if path in self.disk.files else ""

    def _stamp_now(self, path: str) -> str | None:
        """What a condition is compared with."""
        return self._stamp(path)

    def _stamp_of(self, identity: str) -> str:
        return identity

    def _get(self, path: str) -> Stamped:
        stamped = self.step("read", path, lambda: Stamped(self.disk.files.get(path, (None,))[0], self._stamp(path)))
        if stamped.data is None:
            raise FileNotFoundError(path)
        return stamped

    def _put(self, path: str, data: bytes, stamp: str) -> str:
        def put_if_it_is_that() -> str | None:
            if self.honoured and self._stamp_now(path) not in (stamp, None):
                return None
            self.disk.put(path, data, self.life.who)
            return self._stamp(path)

        put = self.step("write", path, put_if_it_is_that)
        if put is None:
            raise RefusedError
        return put

    def _delete(self, path: str, stamp: str) -> None:
        def delete_if_it_is_that() -> str:
            there = self._stamp(path)
            if there == stamp:
                self.disk.drop(path)
            return there

        there = self.step("remove", path, delete_if_it_is_that)
        if not there:
            raise FileNotFoundError(path)
        if there != stamp:
            raise RefusedError

    def _remove_file(self, path: str) -> None:
        self.step("remove", path, lambda: self.disk.drop(path))

    def _tag(self, path: str) -> str:
        content, stamp = self.disk.files[path]
        return f"={content}" if self.content and isinstance(content, tuple) else f"@{stamp}"

    def _files(self, path: str) -> dict[str, str]:
        names = [name for name in self.disk.below(path) if name != path]
        return {name[len(path) + 1 :]: self._tag(name) for name in names}

    def _identity(self, path: str) -> str | None:
        if path in self.disk.files:
            return self._tag(path)
        files = self._files(path)
        return digest_of(files) if files else None

    def files(self, path: str) -> dict[str, str]:
        return self.step("files", path, lambda: self._files(path))

    def identity(self, path: str) -> str | None:
        return self.step("identity", path, lambda: self._identity(path))

    def objects(self, path: str) -> dict[str, Object]:
        def found() -> dict[str, Object]:
            tags = {"": self._tag(path)} if path in self.disk.files else self._files(path)
            return {name: Object(1, datetime(2026, 1, 1, tzinfo=timezone.utc), tag) for name, tag in tags.items()}

        return self.step("files", path, found)

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

    def forget(self, path: str) -> None:
        """Nothing is remembered."""

    def make_parent(self, path: str) -> None:
        """There are no folders."""

    @contextmanager
    def lock(self, path: str, seconds: float = 120) -> Iterator[bool]:
        with self.life.alone(path, seconds):
            yield self.shared_locks

    def lock_path(self, path: str) -> str | None:
        return None

    def remove(self, path: str) -> None:
        self.step("remove", path, lambda: self.disk.drop(path))

    # What a dataset does: a save is two steps, and so is a load.

    def begin(self, path: str, rows: Rows) -> None:
        if self.opened_late:
            self.life.opens(path)
            return
        self.step("begin", path, lambda: self.disk.put(path, (rows, None), self.life.who))

    def finish(self, path: str, rows: Rows) -> None:
        def effect() -> None:
            first = rows if self.opened_late else self.disk.files.get(path, ((rows,), 0))[0][0]
            self.disk.put(path, (first, rows), self.life.who)

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


class SeveralDataset(RowsDataset):
    """Rows in two files of a folder, each the whole of them."""

    def load(self) -> tuple[Any, Any]:
        return self.store.block(f"{self.path}/0", 0), self.store.block(f"{self.path}/1", 0)

    def _exists(self) -> bool:
        return bool(self.store.disk.below(self.path))

    def save(self, data: Rows) -> None:
        for number in (0, 1):
            save_rows(self.store, f"{self.path}/{number}", data, append=False)


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
            save_rows(self.store, f"{self.path}/{name}", rows() if callable(rows) else rows, self.append)

    def _exists(self) -> bool:
        return bool(self.store.disk.below(self.path))

    def _describe(self) -> dict[str, Any]:
        return {"path": self.path}


@dataclass(frozen=True)
class Builder:
    """Builds a side's dataset."""

    store: SteppingStore
    overlay: bool = False
    several: bool = False
    options: tuple[str, ...] = ()

    def __call__(self, side: Side, version: Version | None) -> Any:
        path, options = (MAIN if side is Side.MAIN else BRANCH), dict.fromkeys(self.options, True)
        if self.overlay:
            return PartsDataset(self.store, path, **options)
        if self.several:
            return SeveralDataset(self.store, path)
        return RowsDataset(self.store, path, version=version, **options)

    def config(self, side: Side) -> dict[str, Any]:
        return {"path": MAIN if side is Side.MAIN else BRANCH}

    def partitions(self, dataset: Any) -> dict[str, Any]:
        """What they are: texts."""
        return {"dataset": {"type": "text.TextDataset"}}

    def block(self, dataset: Any) -> Any:
        return dataset


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
    several = False
    thorough = 3
    """In how many generations of writers one that failed may die as well; in one more it may fail."""

    def __init__(self, **store: Any) -> None:
        self.store = store
        self._told: dict[Any, dict[str, Any]] = {}

    def rows(self, who: str) -> Rows:
        """What somebody saves: the same as everybody, if it is that kind of world."""
        return ("same",) if self.store.get("same") else (who,)

    def empty(self) -> Disk:
        """Main has its copy; the branch has none."""
        disk = Disk()
        disk.put(MAIN, (MAINS, MAINS))
        return disk

    def mains(self, unit: str) -> Any:
        """What is read where the branch has nothing of its own."""
        return MAINS

    def entry(self, disk: Disk, life: Life, who: str, deed: Deed | None = None) -> Entry:
        store_options = {name: value for name, value in self.store.items() if name not in ("word", "same")}
        store = SteppingStore("rows", "the disk", disk=disk, life=life, **store_options)
        writer = Writer(project="flights", user=who, host="desk")
        options = tuple(name for name in ("append", "overwrite") if deed and getattr(deed, name))
        units = units_of(self.kind)
        ledger = self.ledger_type(store, RECORD, "feature/x", "rows", "x", BRANCH, Layout(), units, Author.of(writer))
        return Entry(
            name="rows",
            build=Builder(store, self.kind == "overlay", self.several, options),
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


class Several(World):
    """A copy of two files."""

    several = True

    def empty(self) -> Disk:
        disk = Disk()
        for number in (0, 1):
            disk.put(f"{MAIN}/{number}", (MAINS, MAINS))
        return disk


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
        """Whether the record says that each of its units is saved."""
        return all(map(self.is_finished, self.deed.units))

    def is_finished(self, unit: str) -> bool:
        """Whether the record says that the unit, or everything, is saved by it."""
        record = self.disk.record
        if not record or record["state"] != "complete":
            return False
        earlier = self._earlier_saves()
        put = {name for name, one in record["data"].items() if Recorded(one).save not in earlier}
        return set(self.deed.units) <= put if self.deed.overwrite else unit in put

    def _earlier_saves(self) -> set[str]:
        records = [record for record in (self.known, (self.known or {}).get("was")) if record]
        return {Recorded(one).save for record in records for one in record["data"].values()}

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
        for unit, told in self.world.told(self.disk).items():
            may = [self.after_it(unit)] if self.is_finished(unit) else self.allowed(unit)
            assert told in may, f"{unit} is {told}, not one of {may}: {self}"
            self.looks += 1
        self.once.update({unit: self.after_it(unit) for unit in self.deed.units if self.is_finished(unit)})
        if self.deed.overwrite and self.finished:
            for unit in set(self.world.units) - set(self.deed.units):
                self.once.pop(unit, None)


def shape(world: World, disk: Disk, once: dict[str, Rows]) -> str:
    """A disk without what the protocol cannot tell apart: names, times and stamps.

    Identities are only ever compared with that of the data in place, so `same` and `other` are all there is to them.
    """

    def record(values: dict[str, Any] | None) -> Any:
        if values is None:
            return None
        here = SteppingStore("", "", disk=disk, life=Life())
        data = {
            unit: Recorded(one).identity == here._identity(path_of(world, unit)) for unit, one in values["data"].items()
        }
        doubt = {unit: len(save_ids) > 1 for unit, save_ids in sorted(values["doubt"].items())}
        return [values["state"], data, values["over"], doubt, record(values["was"])]

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


def explore_one_after_another(
    world: World, check: Callable[[Run, BaseException | None], None], depth: int = 3
) -> Counter[str]:
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
    known = {unit: Recorded(one).identity for unit, one in settled["data"].items()} if settled else {}
    doubt = set(record["doubt"])
    here = identities(world, disk).items()
    return {unit for unit, identity in here if doubt & {unit, ALL} and identity != known.get(unit)}


def says(disk: Disk) -> Any:
    """What the record on a disk says: nothing, if it is complete and has neither data nor doubt."""
    record = disk.record
    if record and record["state"] == "complete" and not record["data"] and not record["doubt"]:
        return None
    return record


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
            assert says(run.disk) == says(run.earlier), run
