"""The branch beside main: which side each dataset is read from, and why."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from kedro.io import DatasetError

from steel_toes.catalog.policy import Redirection
from steel_toes.datasets.base import Pair, RefusedPair
from steel_toes.datasets.partitions import OverlayPair
from steel_toes.datasets.proxy import pair_of
from steel_toes.datasets.registry import Config, Rule, absolute, filesystem_path
from steel_toes.datasets.versions import VersionedPair
from steel_toes.errors import ConfigurationError
from steel_toes.records.ledger import WHOLE, Verdict
from steel_toes.stores.base import Object

_THREADS = 16

_WORDS = {
    Verdict.MAIN: "without a record, so nobody's",
    Verdict.UNFINISHED: "of a first save that did not finish",
    Verdict.BRANCH: "saved on the branch",
    Verdict.TORN: "torn: its save did not finish",
    Verdict.GONE: "gone",
    Verdict.CHANGED: "changed by other hands",
    Verdict.NOTHING: "without a record, so nobody's",
}


@dataclass(frozen=True)
class Status:
    """What a dataset is on the branch.

    Args:
        dataset: its name.
        side: whose data a load would read, "main" or "branch"; None where it would fail.
        why: of the side.
        saves_to: where a save goes; None where it is refused.
        bytes: of that side's copy: of a dataset with versions, of all; of an overlay, without main's.
        modified: when that was last written, by the store's clock.
        commit: of the code that saved the branch copy.
        dirty: whether that code differed from the commit.
        author: who saved it.
        main_changed: whether main's copy changed since the branch copy was begun; None without one.
    """

    dataset: str
    side: str | None
    why: str
    saves_to: str | None = None
    bytes: int | None = None
    modified: datetime | None = None
    commit: str | None = None
    dirty: bool | None = None
    author: str | None = None
    main_changed: bool | None = None


def statuses(catalog: Any, redirection: Redirection, configs: Mapping[str, Config]) -> Iterator[Status]:
    """The status of each of these datasets, as it becomes known; what one store does not answer is its own `why`.

    Args:
        catalog: a catalog on which steel_toes is installed.
        redirection: with which.
        configs: the entries.
    """

    def status(name: str) -> Status:
        try:
            dataset = catalog.get(name)
            pair = pair_of(dataset)
            if isinstance(pair, Pair):
                return _of_pair(name, pair)
            if isinstance(pair, RefusedPair):
                return Status(name, "main", str(pair.refusal.facts["why"]))
            shared = redirection.shares(name, configs[name], [type(dataset)])
            return Status(name, "main", "shared" if shared else "left alone: only read, or in memory", "main")
        except Exception as exc:  # noqa: BLE001 - one entry that cannot be built or reached does not hide the others
            return Status(name, None, " ".join(f"{type(exc).__name__}: {exc}".split()))

    with ThreadPoolExecutor(_THREADS) as pool:
        yield from pool.map(status, configs)


def _of_pair(name: str, pair: Pair) -> Status:
    entry = pair.entry
    record = entry.book.read()
    verdicts = pair.verdicts(record)
    side = pair.open_run(written=True)
    read: list[Object] = list(entry.store.objects(entry.path(side)).values()) if side else []
    writer = record.writer if record and verdicts else None
    changed = pair.has_main_changed(record.settled) if writer and record and record.settled else None
    return Status(
        dataset=name,
        side=side.value if side else None,
        why=_why(verdicts, entry.book.kind, bool(record and record.settled and record.settled.over == "nothing")),
        saves_to=entry.book.shown,
        bytes=sum(each.size for each in read) if side else None,
        modified=max((each.modified for each in read), default=None),
        commit=writer.commit if writer else None,
        dirty=writer.dirty if writer else None,
        author=str(writer) if writer else None,
        main_changed=changed,
    )


def _why(verdicts: dict[str, Verdict], kind: str, alone: bool) -> str:
    if not verdicts:
        return "never saved on the branch"
    if kind == "whole":
        return ", ".join(_WORDS[verdict] for verdict in verdicts.values())
    noun = "version" if kind == "versioned" else "file"
    counts = Counter(verdicts.values())
    words = {**_WORDS, Verdict.BRANCH: ""}
    parts = [f"{number} {noun}{'s' * (number > 1)} {words[verdict]}".strip() for verdict, number in counts.items()]
    if Verdict.BRANCH not in verdicts.values():
        return ", ".join(parts)
    over = {"versioned": "beside main's", "overlay": "in the place of all of main's" if alone else "over main's"}[kind]
    return f"{', '.join(parts)}, {over}"


def adoption(catalog: Any, names: Collection[str], subject: str) -> tuple[Pair, dict[str, str]]:
    """What `adopt` would record: the dataset's pair, and the paths of the units by the units.

    Args:
        catalog: a catalog on which steel_toes is installed.
        names: of all entries.
        subject: a dataset's name, or the path of a file at a branch copy's place.

    Raises:
        ConfigurationError: nothing is there to adopt.
    """
    path = posixpath.normpath(filesystem_path(Rule(), absolute(subject))[1])
    named = subject in names
    for pair in filter(None, [_pair(catalog, subject)]) if named else _pairs(catalog, names):
        if not named and not _is_in(path, pair.entry.branch):
            continue
        units = pair.adoptable(pair.entry.book.read())
        chosen = {unit: at for unit, at in units.items() if named or _is_in(path, at) or _is_in(at, path)}
        if chosen:
            return pair, chosen
    known = f"The branch copy of {subject} is recorded as it is, or not there." if named else ""
    raise ConfigurationError(
        setting="adopt",
        value=subject,
        why=known or "It lies at no place where a branch copy of this catalog would be, or is recorded already.",
        remedy="See where copies belong with `steel-toes status`, and move the file there.",
    )


def legacy_adoption(catalog: Any, names: Iterable[str], branch: str) -> list[tuple[Pair, dict[str, str]]]:
    """What a branch's files of steel-toes 0.5 would become: pairs without a branch copy, and the files of their units.

    That version put `_<branch>` behind the stem of every `filepath`: `x.csv` -> `x_feature.csv`, `x_feature/a.csv`. A
    file that is an entry's main copy is none of them.

    Args:
        catalog: a catalog on which steel_toes is installed on that branch.
        names: of its entries.
        branch: the branch's name.
    """
    pairs = [pair for pair in _pairs(catalog, names) if not isinstance(pair, OverlayPair)]
    mains = {pair.entry.main for pair in pairs}
    found = []
    for pair in pairs:
        store, main = pair.entry.store, PurePosixPath(pair.entry.main)
        old = str(main.parent / f"{main.stem}_{branch}{main.suffix}")
        if pair.entry.unit != WHOLE or old in mains or pair.verdicts(pair.entry.book.read()):
            continue
        units = {WHOLE: old} if store.identity(old) else {}
        if isinstance(pair, VersionedPair):
            units = {version: f"{old}/{version}/{posixpath.basename(old)}" for version in store.versions(old)}
        found += [(pair, units)] if units else []
    return found


def _pair(catalog: Any, name: str) -> Pair | None:
    pair = pair_of(catalog.get(name))
    return pair if isinstance(pair, Pair) else None


def _pairs(catalog: Any, names: Iterable[str]) -> Iterator[Pair]:
    """The pairs of all entries that can be built: a class that is not installed here hides no other."""
    for name in names:
        with suppress(DatasetError):
            if pair := _pair(catalog, name):
                yield pair


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
