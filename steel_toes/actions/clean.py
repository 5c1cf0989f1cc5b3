"""What branches hold, and its removal.

A plan is made by reading only, and lists each object that would go. Records decide what is a branch's; where its data
lies is computed by `layout` from the record's location, never taken from a path in a record.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from steel_toes.catalog.policy import Reach, Redirection
from steel_toes.checkout.git import read_heads
from steel_toes.datasets.registry import Config, Rule, filesystem_path
from steel_toes.errors import ConfigurationError, CopyError, SteelToesError
from steel_toes.naming.branch import Branch, make_slug
from steel_toes.naming.buckets import bucket_of
from steel_toes.naming.layout import branch_location
from steel_toes.naming.location import normalise
from steel_toes.naming.nesting import outermost_directory
from steel_toes.records.ledger import ALL, FOLDER, Record, read_record, record_path
from steel_toes.stores.base import Store
from steel_toes.stores.buckets import BranchBucket
from steel_toes.stores.opening import open_store

T = TypeVar("T")
S = TypeVar("S")

_BATCH = 100  # records that are removed together
_THREADS = 16
_MANY = 1000  # records: more are not all read unless somebody asks for it
_NAME = re.compile(r"([a-z0-9-]+)/[0-9a-f]{16}\.json")
_OF_ONE_FILE = re.compile(r"(\d+)-")  # an identity that tells the size


@dataclass(frozen=True)
class Found:
    """A record as a listing shows it.

    Args:
        reach: where.
        slug: the folder that it lies in.
        path: in the store.
        modified: when it was last written, by the store's clock: its copy's last save.
    """

    reach: Reach = field(repr=False)
    slug: str
    path: str
    modified: datetime


@dataclass(frozen=True)
class Item:
    """What a plan would remove for one record.

    Args:
        found: where the record lies.
        record: what it says; a record that says something else when it comes to it is left alone.
        store: of the data.
        copy: path of the branch copy in that store.
        objects: bytes of each object by its path.
    """

    found: Found
    record: Record
    store: Store
    copy: str
    objects: Mapping[str, int]


@dataclass(frozen=True)
class Plan:
    """What would be removed; what is left alone, and what could not be read, with the reason of each."""

    items: tuple[Item, ...]
    left: tuple[str, ...]
    failed: tuple[str, ...]


@dataclass(frozen=True)
class Summary:
    """What a branch holds; `files` and `bytes` only where every record was read. `git` is as `Heads.word` says."""

    branch: str
    project: str | None
    datasets: int
    files: int | None
    bytes: int | None
    last_write: datetime
    author: str
    git: str
    why: str


@dataclass(frozen=True)
class Janitor:
    """What commands know of a project.

    Args:
        redirection: on the current branch, with what the catalog's configurations tell.
        explicit: the configurations of the catalog's entries.
        patterns: those of its patterns.
        mains: the names of main.
    """

    redirection: Redirection
    explicit: Mapping[str, Config]
    patterns: Mapping[str, Config]
    mains: frozenset[str]
    _asked: dict[str, Any] = field(default_factory=dict, repr=False)

    def find(self, slugs: Iterable[str] = ("",)) -> tuple[dict[str, list[Found]], list[str]]:
        """The records of some branches, by their slugs, or of all, from one listing of each root and slug.

        Returns:
            The records by slug, newest first; and what could not be listed, for which reason.
        """

        def listed(place: tuple[Reach, str]) -> list[Found] | str:
            reach, slug = place
            top = f"{reach.path.rstrip('/')}/{FOLDER}"
            try:
                objects = reach.root.objects(f"{top}/{slug}".rstrip("/"))
            except CopyError as exc:
                return str(exc)
            names = {f"{slug}/{name}".lstrip("/"): one.modified for name, one in objects.items()}
            named = [(name, _NAME.fullmatch(name), modified) for name, modified in names.items()]
            return [Found(reach, match[1], f"{top}/{name}", modified) for name, match, modified in named if match]

        # One root is listed once for each set of credentials: another may be of another server.
        roots = {(reach.root.protocol, reach.path, str(reach.root.options)): reach for reach in self._reaches}
        answers = _each(listed, [(reach, slug) for reach in roots.values() for slug in slugs])
        groups: dict[str, list[Found]] = {}
        found = [one for answer in answers if isinstance(answer, list) for one in answer]
        for one in sorted(found, key=lambda one: one.modified, reverse=True):
            groups.setdefault(one.slug, []).append(one)
        return groups, sorted({answer for answer in answers if isinstance(answer, str)})

    def branches(self, sizes: bool | None = None) -> tuple[list[Summary], list[str]]:
        """Every branch with records in this catalog's stores, the last written first; and what could not be read.

        Args:
            sizes: read every record, for files and bytes and to tell projects apart; else one of each slug. If it is
                not given, that depends on whether there are many.
        """
        groups, left = self.find()
        founds = [one for group in groups.values() for one in group]
        every = len(founds) <= _MANY if sizes is None else sizes
        read, failed = _believed(_read_all(founds) if every else self._samples(groups.values()))
        named: dict[tuple[str, str | None], list[tuple[Found, Record]]] = {}
        for one, record in read:
            named.setdefault((record.branch, record.writer.project), []).append((one, record))
        rows = []
        for group in named.values():
            count = len(group) if every else len({one.path for one in groups[group[0][0].slug]})
            good = [pair for pair in group if every and not self._why_misplaced(*pair)]
            items = _each(lambda pair: self._measured(*pair), good)
            failed += [str(error) for error in items if isinstance(error, CopyError)]
            rows.append(self._summary(group, count, items if every else None))
        return sorted(rows, key=lambda row: row.last_write, reverse=True), left + failed

    def plan(
        self,
        names: Collection[str] = (),
        datasets: Collection[str] = (),
        *,
        stale: bool = False,
        age: timedelta = timedelta(0),
    ) -> Plan:
        """What `clean` would remove. Nothing is changed.

        Args:
            names: of branches; without one, of all branches but the current one that `stale` and `age` admit.
            datasets: only these, by their name in the record or in the catalog; without one, all.
            stale: only branches that Git says are gone.
            age: only branches of which all records are older.

        Raises:
            ConfigurationError: the name of main, or a blank one.
        """
        slugs = {make_slug(self._checked(name)) for name in names} or {""}
        groups, failed = self.find(sorted(slugs))
        chosen, named = (list(groups.values()), set(names)) if names else self._admitted(groups, stale, age)
        read, unread = _believed(_read_all([one for group in chosen for one in group]))
        wanted = [pair for pair in read if not datasets or self._is_of(*pair, set(datasets))]
        planned = _each(lambda pair: self._planned(*pair, named, bool(names)), wanted)
        return Plan(
            tuple(item for item in planned if isinstance(item, Item)),
            tuple(why for why in planned if isinstance(why, str)),
            (*failed, *unread, *(str(error) for error in planned if isinstance(error, CopyError))),
        )

    # How -------------------------------------------------------------------------------------------------------------

    @property
    def _reaches(self) -> list[Reach]:
        return self._once("reaches", lambda: self.redirection.reaches({**self.patterns, **self.explicit}))

    def _once(self, key: str, ask: Callable[[], T]) -> T:
        if key not in self._asked:
            self._asked[key] = ask()
        answer: T = self._asked[key]
        return answer

    def _checked(self, name: str) -> str:
        if name.strip() and name not in self.mains:
            return name
        why = "It is main, whose copies are never removed." if name.strip() else "It is blank."
        raise ConfigurationError(setting="--branch", value=name, why=why, remedy="Give a branch's full name.")

    def _samples(self, groups: Iterable[list[Found]]) -> list[tuple[Found, Record | str]]:
        """The newest record of each slug that is this project's, else the newest that there is."""

        def sample(group: list[Found]) -> tuple[Found, Record | str]:
            read = ((one, _read(one)) for one in group)
            first = next(read)
            ours = self.redirection.writer.project
            mine = (
                pair for pair in chain([first], read) if isinstance(pair[1], Record) and pair[1].writer.project == ours
            )
            return next(mine, first)

        return _each(sample, groups)

    def _admitted(
        self, groups: Mapping[str, list[Found]], stale: bool, age: timedelta
    ) -> tuple[list[list[Found]], set[str]]:
        """The slugs that are old enough and, if asked so, whose branch is gone; and the names of those branches."""
        before = datetime.now(timezone.utc) - age
        mine = self.redirection.branch.slug
        old = [group for slug, group in groups.items() if slug != mine and group[0].modified < before]
        if not stale:
            return old, set()
        read, _ = _believed(self._samples(old))
        gone = {one.slug: record.branch for one, record in read if self._word(record)[0] == "gone"}
        return [group for group in old if group[0].slug in gone], set(gone.values())

    def _word(self, record: Record) -> tuple[str, str]:
        """Git's word on a record's branch, and why it is unknown."""
        writer = record.writer
        if writer.project != self.redirection.writer.project:
            return "unknown", f"it is {writer.project or 'an unknown project'}'s"
        project = Path(self.redirection.project)
        heads = self._once(f"heads of {writer.remote}", lambda: read_heads(project, writer.remote))
        return heads.word_on(record.branch, writer.upstream, self.mains)

    def _measured(self, one: Found, record: Record) -> Item | CopyError:
        try:
            return self._item(one, record)
        except CopyError as exc:
            return exc

    def _summary(self, group: list[tuple[Found, Record]], datasets: int, items: list[Any] | None) -> Summary:
        (newest, record), *_ = group
        writer = record.writer
        sizes = [size for item in items or () if isinstance(item, Item) for size in item.objects.values()]
        files, size = (None, None) if items is None else (len(sizes), sum(sizes))
        author, said = str(writer), self._word(record)
        return Summary(record.branch, writer.project, datasets, files, size, newest.modified, author, *said)

    def _is_of(self, one: Found, record: Record, datasets: set[str]) -> bool:
        places = [reach for reach in self._reaches if reach.path == one.reach.path]
        subjects = {reach.subjects.get(name) for reach in places for name in datasets}
        return record.dataset in datasets or record.location in subjects

    def _planned(self, one: Found, record: Record, named: set[str], asked: bool) -> Item | str | CopyError:
        why = self._why_left(one, record, named, asked)
        item = why or self._measured(one, record)
        if isinstance(item, Item) and any(item.store.leads_out(path, item.copy) for path in item.objects):
            why = "a symbolic link in it leads to other data"
        return f"{one.path} is left alone: {why}." if why else item

    def _why_left(self, one: Found, record: Record, named: set[str], asked: bool) -> str:
        """Why nothing of a record is removed; "" if it is."""
        project = record.writer.project
        if why := self._why_misplaced(one, record):
            return why
        if named and record.branch not in named:
            return f"it is of branch {record.branch}"
        if not (asked if project is None else project == self.redirection.writer.project):
            return f"it is of {project or 'an unknown project; name its branch'}"
        # A main copy of today may have the name of a branch copy of yesterday.
        surveyed = replace(self.redirection, branch=Branch(record.branch, "its record")).surveyed
        configs = self.explicit.values(), self.patterns.values()
        guarded = self._once(f"guard of {record.branch}", lambda: surveyed(*configs).guarded)
        mine = normalise(_copy_of(one, record)).casefold()
        near = (main for main in guarded if outermost_directory(mine, [main]) or outermost_directory(main, [mine]))
        return f"the catalog has a main copy at {main}" if (main := next(near, None)) else ""

    def _why_misplaced(self, one: Found, record: Record) -> str:
        """Why a record cannot be believed; "" if it can."""
        place = record_path(one.reach.path, one.slug, record.location)
        if place != one.path or make_slug(record.branch) != one.slug:
            return f"it says that it is of {record.branch} and {record.location}, and its place says otherwise"
        if any(".." in text.split("/") or text.startswith("/") for text in _units(record)):
            return "a unit in it leads out of its copy"
        try:
            root, _ = self.redirection.root(normalise(_main_of(one, record)))
            _copy_of(one, record)
        except SteelToesError as exc:
            return str(exc)
        # Kedro allows `..` in a location: it is believed of an entry that the catalog has, and of no other.
        climbs = ".." in record.location.split("/")
        known = climbs and any(record.location in reach.subjects.values() for reach in self._reaches)
        lies_here = filesystem_path(Rule(), root)[1] == one.reach.path and known == climbs
        return "" if lies_here else f"records of {record.location} do not lie here"

    def _item(self, one: Found, record: Record) -> Item:
        copy = _copy_of(one, record)
        protocol, path = filesystem_path(Rule(kind="overlay" if record.kind == "overlay" else "whole"), copy)
        fits = [reach for reach in self._reaches if reach.data.protocol == protocol]
        # Another server may have a bucket of the same name: whose record it is, his is the data.
        fits.sort(
            key=lambda reach: (
                (reach.root, reach.path) != (one.reach.root, one.reach.path),
                record.location not in reach.subjects.values(),
                reach.bucket != bucket_of(record.location),
            )
        )
        store = fits[0].data if fits else open_store(record.dataset, protocol, {})
        return Item(one, record, store, path, _objects(store, path, record))


def apply(plan: Plan) -> Iterator[tuple[Item, str]]:
    """Remove what a plan lists, and no more; data first, its record last.

    Each record is read again before: one that says something else now is left alone. It is best effort: what fails is
    told, the rest goes on, and a plan made anew continues.

    Yields:
        Each item, with "" if it was removed, else why not.
    """
    groups: dict[tuple[int, int], list[Item]] = {}
    for item in sorted(plan.items, key=lambda item: item.found.path):
        groups.setdefault((id(item.found.reach.root), id(item.store)), []).append(item)
    batches = [group[n : n + _BATCH] for group in groups.values() for n in range(0, len(group), _BATCH)]
    # Each record of a batch is locked, which takes an open file: there are not many at a time.
    with ThreadPoolExecutor(2) as pool:
        for done in pool.map(_remove, batches):
            yield from done
    buckets = {url: item for item in plan.items if (url := _bucket(item))}
    for url, item in buckets.items():
        if why := _discard(url, item):
            yield item, why


def _discard(url: str, item: Item) -> str:
    try:
        BranchBucket(item.store, url, item.record.branch, create=False).discard()
    except CopyError as exc:
        return str(exc)
    return ""


def _remove(batch: list[Item], again: bool = False) -> list[tuple[Item, str]]:
    root = batch[0].found.reach.root
    try:
        with ExitStack() as locks:
            for item in batch:
                locks.enter_context(root.lock(item.found.path))
            now = {one.path: record for one, record in _read_all([item.found for item in batch])}
            same = [item for item in batch if now[item.found.path] == item.record]
            batch[0].store.remove_all([path for item in same for path in item.objects], [item.copy for item in same])
            folders = {posixpath.dirname(item.found.path) for item in same}
            root.remove_all([item.found.path for item in same], folders)
    except CopyError as exc:
        if len(batch) > 1:
            return [done for item in batch for done in _remove([item], again=True)]
        return [(batch[0], str(exc))]
    changed = "its record has changed since the plan was made"
    # A batch that failed may have removed some of its records.
    removed = {
        item.found.path for item in batch if now[item.found.path] == item.record or (again and not now[item.found.path])
    }
    return [(item, "" if item.found.path in removed else changed) for item in batch]


def _bucket(item: Item) -> str | None:
    """The URL of the branch's own bucket that an item lay in."""
    if item.record.layout != "bucket" or bucket_of(item.record.location) is None:
        return None
    return f"{item.store.protocol}://{item.copy.split('/')[0]}"


def _main_of(one: Found, record: Record) -> str:
    """Main's location: a local one is told from the root."""
    return record.location if "://" in record.location else posixpath.join(one.reach.path, record.location)


def _copy_of(one: Found, record: Record) -> str:
    """The branch copy's location, which its record does not say but follows from."""
    return branch_location(_main_of(one, record), one.slug, record.layout)


def _units(record: Record) -> set[str]:
    return {*(record.settled.data if record.settled else ()), *record.doubt} - {ALL}


def _objects(store: Store, copy: str, record: Record) -> dict[str, int]:
    """Bytes of each object of a branch copy; the store is asked where the record does not tell them."""
    settled = record.settled.data if record.settled else {}
    found: dict[str, int] = {}
    asked = [copy] if ALL in record.doubt else []
    for unit in sorted(_units(record)):
        path = copy + {"whole": "", "versioned": f"/{unit}/{posixpath.basename(copy)}"}.get(record.kind, f"/{unit}")
        size = _OF_ONE_FILE.match(settled.get(unit, ""))
        if size and unit not in record.doubt:
            found[path] = int(size[1])
        else:
            asked.append(path)
    for path in asked:
        found |= {f"{path}/{name}".rstrip("/"): one.size for name, one in store.objects(path).items()}
    return dict(sorted(found.items()))


def _read(one: Found) -> Record | str:
    """The record, or why it cannot be read; "" if it is gone."""
    try:
        return read_record(one.reach.root, one.path, one.path) or ""
    except CopyError as exc:
        return str(exc)


def _read_all(found: Collection[Found]) -> list[tuple[Found, Record | str]]:
    return list(zip(found, _each(_read, found), strict=True))


def _believed(read: Collection[tuple[Found, Record | str]]) -> tuple[list[tuple[Found, Record]], list[str]]:
    """Each record once, though two sets of credentials may have shown it; and why others could not be read."""
    records = {(one.path, record.id): (one, record) for one, record in read if isinstance(record, Record)}
    return list(records.values()), [why for _, why in read if why and isinstance(why, str)]


def _each(function: Callable[[S], T], values: Iterable[S]) -> list[T]:
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(function, values))
