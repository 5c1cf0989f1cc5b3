"""From a catalog entry to where its data and its record are on this branch."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from kedro.io.core import Version

from steel_toes.datasets.base import Builder, Entry
from steel_toes.datasets.registry import (
    WRITES_ON_LOAD,
    Config,
    Rule,
    absolute,
    catalog_name,
    class_names,
    filesystem_path,
    location_of,
    redirected,
    rule_for,
    seeding,
)
from steel_toes.errors import LocationError
from steel_toes.naming.branch import Branch
from steel_toes.naming.buckets import bucket_of
from steel_toes.naming.layout import branch_location, contains_slug
from steel_toes.naming.location import normalise
from steel_toes.naming.nesting import listed_directory, outermost_directory, relative
from steel_toes.records.ledger import FOLDER, WHOLE, Book, Kind, Writer, record_path
from steel_toes.stores.base import Store
from steel_toes.stores.buckets import BranchBucket
from steel_toes.stores.opening import open_store

_SHARE = "Give the entry another location, or share it with SteelToes(shared=[...])."


@dataclass(frozen=True)
class Given:
    """An entry as the catalog gives it.

    Args:
        name: of the entry.
        config: its resolved configuration.
        classes: the dataset's class and, if that wraps another dataset as `CachedDataset` does, before it the other's.
        version: its pinned versions, if it is versioned.
    """

    name: str
    config: Config = field(repr=False)
    classes: tuple[type, ...]
    version: Version | None

    @property
    def inner(self) -> Config:
        """The configuration that has the location: in a `CachedDataset`, that of the wrapped dataset."""
        inner: Config = self.config["dataset"] if self.wrapped else self.config
        return inner

    @property
    def wrapped(self) -> bool:
        """Whether the dataset with the location is inside another."""
        return len(self.classes) > 1

    def moved(self, rule: Rule, location: str) -> Config:
        """The configuration with another location."""
        inner = redirected(rule, self.inner, location)
        return {**self.config, "dataset": inner} if self.wrapped else inner


@dataclass(frozen=True)
class Reach:
    """A place where records lie, and what the entries whose records they are reach their data with.

    Args:
        root: the store of the records.
        path: of the records' root, in that store.
        data: the store of the data.
        bucket: of the data, if it lies in one.
        subjects: the entries, each with what its record calls its location.
    """

    root: Store
    path: str
    data: Store
    bucket: str | None
    subjects: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Redirection:
    """How the entries of one catalog are redirected on one branch. Picklable: workers carry it.

    Args:
        branch: which branch; unknown is one too, on which nothing is saved.
        project: the project's absolute path.
        writer: who writes, for the records.
        layout: how a location becomes the branch copy's.
        records: where records lie, if not beside the data.
        shared: names, name patterns, type names and classes of entries that are not branched.
        taught: location parameters of the project's own classes.
        listed: the directories that entries list, each with whether an overlay lists it.
        guarded: main locations that have the form of a copy of this branch, case-folded.
        create_buckets: whether a branch's bucket is made at its first save (layout "bucket").
    """

    branch: Branch
    project: str
    writer: Writer
    layout: str
    records: str | None
    shared: tuple[str | type, ...]
    taught: Mapping[str, str]
    listed: Mapping[str, bool] = field(default_factory=dict)
    guarded: frozenset[str] = frozenset()
    create_buckets: bool = False

    def surveyed(self, explicit: Iterable[Config], patterns: Iterable[Config]) -> Redirection:
        """This, with what can be told of a whole catalog from its configurations: strings alone, nothing is built."""
        listed: dict[str, bool] = {}
        guarded = set()
        for rule, location, _ in self._places(explicit):
            _note_listed(listed, rule, location)
            if contains_slug(location, self.branch.slug):
                guarded.add(normalise(location).casefold())
        for rule, location, _ in self._places(patterns):
            _note_listed(listed, rule, location)
        return replace(self, listed=listed, guarded=frozenset(guarded))

    def rule(self, given: Given) -> Rule:
        """What is done with an entry; shared entries are left alone."""
        if self.shares(given.name, given.config, given.classes):
            return Rule("alone")
        if given.wrapped and given.config.get("run_id"):
            return WRITES_ON_LOAD  # kedro-mlflow copies a run's artifact over the file that it wraps
        rule = rule_for(class_names(given.classes[0]), given.inner, self.taught)
        # Kedro pins no version inside another dataset: its versions are files of a directory.
        return replace(rule, seeding="always") if given.wrapped and given.inner.get("versioned") else rule

    def shares(self, name: str, config: Config, classes: Iterable[type | str]) -> bool:
        """Whether an entry is shared: by its metadata, its name or its type, of which a class or its name is known."""
        metadata = (config.get("metadata") or {}).get("steel_toes") or {}
        built = [cls for cls in classes if isinstance(cls, type)]
        types = [each for cls in classes for each in (class_names(cls) if isinstance(cls, type) else [cls])]
        names = {*types, *map(catalog_name, types)}
        return bool(metadata.get("shared")) or any(
            any(issubclass(cls, one) for cls in built)
            if isinstance(one, type)
            else one in names or fnmatchcase(name, one)
            for one in self.shared
        )

    def locations(self, given: Given, rule: Rule) -> tuple[str, str]:
        """Main's location of an entry and its branch copy's, which is no main copy and in no directory that is listed.

        Raises:
            LocationError: there can be no such copy, for the reason it says.
        """
        text = location_of(rule, given.inner)
        if not text:
            value = f"{rule.parameter}={given.inner.get(rule.parameter)!r}"
            raise LocationError(location=value, why="It is no location.", remedy=_SHARE)
        location = absolute(text)
        copy = branch_location(location, self.branch.slug, self.layout, self._anchor(location))
        listing = outermost_directory(copy, self.listed)
        why = ""
        if self._anchor(location) and not _is_one_place(location):
            why = "Kedro's file datasets drop the host of this protocol and its partitioned ones do not."
        elif contains_slug(location, self.branch.slug):
            why = f"It has the form of a copy on branch {self.branch.name}, and may be another entry's."
        elif normalise(copy).casefold() in self.guarded:
            why = f"Another entry's main copy is {copy}."
        elif listing is not None and not (self._is_pattern(listing) and contains_slug(listing, self.branch.slug)):
            # A placeholder stands for any text, but an entry that lists a copy is refused itself, just above.
            why = f"Its copy {copy} would lie in {listing}, which an entry lists."
        if why:
            raise LocationError(location=location, why=why, remedy=_SHARE)
        return location, copy

    def entry(self, given: Given, rule: Rule, where: tuple[str, str], build: Builder) -> Entry:
        """The facts of an entry: where its copies are, and what it is in which record.

        Args:
            given: the entry.
            rule: what is done with it.
            where: its `locations`.
            build: gives the dataset of a side.

        Raises:
            LocationError: it cannot have a record there.
        """
        location, copy = where
        anchor = self._anchor(location)
        own = listed_directory(location, rule.lists) or location
        nested = anchor is not None and normalise(anchor) != normalise(own)
        overlay = anchor is not None and self.listed[self._listing(anchor)]
        if nested and given.version:
            why = f"It keeps versions inside {anchor}, which another entry lists."
            raise LocationError(location=location, why=why, remedy=_SHARE)
        if anchor is not None and not (nested and overlay):
            # A glob's data is its directory; an entry in a directory that is no overlay is a part of that whole.
            location, copy = anchor, branch_location(anchor, self.branch.slug, self.layout)
        protocol, main = filesystem_path(rule, location)
        store = open_store(given.name, protocol, given.inner)
        return Entry(
            name=given.name,
            build=build,
            store=store,
            main=main,
            branch=filesystem_path(rule, copy)[1],
            book=replace(self._book(given, anchor or location, copy, overlay), bucket=self._bucket(store, copy)),
            unit=relative(location, anchor) if nested and overlay and anchor else WHOLE,
            seeding="always" if nested and not overlay else seeding(rule, given.inner),
            settings=given.inner,
        )

    def _anchor(self, location: str) -> str | None:
        return outermost_directory(location, self.listed)

    def _listing(self, anchor: str) -> str:
        """The directory, as an entry's configuration has it, that an anchor was found by."""
        return next(directory for directory in self.listed if outermost_directory(anchor, [directory]) == anchor)

    def _is_pattern(self, directory: str) -> bool:
        return "{" in self._listing(directory)

    def _book(self, given: Given, anchor: str, copy: str, overlay: bool) -> Book:
        root, subject = self.root(anchor)
        if outermost_directory(f"{root}/{FOLDER}", self.listed) is not None:
            why = f"Its record would lie in {root}, which an entry lists."
            raise LocationError(location=anchor, why=why, remedy='Set SteelToes(records="...") to another folder.')
        store, path = _opened_root(given.name, root, anchor, given.inner)
        kind: Kind = "versioned" if given.version else "overlay" if overlay else "whole"
        return Book(
            store=store,
            path=record_path(path, self.branch.slug, subject),
            branch=self.branch.name or "",
            dataset=given.name,
            location=subject,
            shown=copy,
            layout=self.layout,
            kind=kind,
            writer=self.writer,
        )

    def _bucket(self, store: Store, copy: str) -> BranchBucket | None:
        name = bucket_of(copy) if self.layout == "bucket" else None
        url = f"{normalise(copy).split(':')[0]}://{name}"
        return BranchBucket(store, url, self.branch.name or "", self.create_buckets) if name else None

    def reaches(self, configs: Mapping[str, Config]) -> list[Reach]:
        """Where data and records of these entries can lie, each place once. Shared entries have none."""
        found: dict[tuple[str | None, ...], Reach] = {}
        for name, config in configs.items():
            if self.shares(name, config, [config["type"]]):
                continue
            for rule, location, inner in self._places([config]):
                place, subject = self.root(self._anchor(location) or location)
                if rule.action == "redirect" and "{" not in place and "://" not in place.partition("://")[2]:
                    root, path = _opened_root(name, place, location, inner)
                    data = open_store(name, filesystem_path(rule, location)[0], inner)
                    reach = Reach(root, path, data, bucket_of(location))
                    key = (root.protocol, path, str(root.options), str(data.options), reach.bucket)
                    found.setdefault(key, reach).subjects[name] = subject
        return list(found.values())

    def root(self, anchor: str) -> tuple[str, str]:
        """Where the records of a location lie, and what they call the location: from there, if it is local."""
        place = normalise(anchor)
        if self.records:
            return self.records, place
        bucket = bucket_of(anchor)
        if bucket:
            return place[: place.index(bucket) + len(bucket)], place
        if place != self.project and outermost_directory(place, [self.project]):
            first, *below = relative(place, self.project).split("/")
            root = f"{self.project}/{first}" if below else self.project
        else:
            root = posixpath.dirname(place)
        return root, place if "://" in place else relative(place, root)

    def _places(self, configs: Iterable[Config]) -> Iterable[tuple[Rule, str, Config]]:
        """The rule, the absolute location and the part that has it, of each configuration that has one."""
        for config in configs:
            inner = config.get("dataset")
            for candidate in (config, inner) if isinstance(inner, dict) else (config,):
                kind = candidate.get("type")
                names = class_names(kind) if isinstance(kind, type) else [str(kind)]
                rule = rule_for(names, candidate, self.taught)
                location = location_of(rule, candidate)
                if location:
                    yield rule, absolute(location), candidate
                    break


def _opened_root(name: str, root: str, location: str, config: Config) -> tuple[Store, str]:
    """The store of a root, with the credentials of the entry if its data lies in the same one, and its path there."""
    protocol, path = filesystem_path(Rule(), root)
    same = protocol == filesystem_path(Rule(), location)[0]
    return open_store(name, protocol, config if same else {}), path


def _is_one_place(location: str) -> bool:
    return len({filesystem_path(rule, location)[1].strip("/") for rule in (Rule(), Rule(kind="overlay"))}) == 1


def _note_listed(listed: dict[str, bool], rule: Rule, location: str) -> None:
    directory = listed_directory(location, rule.lists)
    if directory is not None:
        place = normalise(directory)
        listed[place] = listed.get(place, False) or rule.kind in ("overlay", "increments")
