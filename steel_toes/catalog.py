"""Putting the law into a Kedro catalog. The only module that uses Kedro's private names.

Kedro's catalog is lazy: a dataset is built when it is first asked for, and those of factory patterns do not exist
before. There is no public way to stand between the configuration and the dataset that is built from it, so the two
dictionaries in which the catalog keeps both are replaced by ones that put a proxy in the dataset's place.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from kedro.io import AbstractDataset, CachedDataset, DatasetError
from kedro.io.core import Version, parse_dataset_definition
from kedro.io.data_catalog import _LazyDataset

from steel_toes.branch import Branch
from steel_toes.errors import LocationError
from steel_toes.layout import (
    branch_location,
    bucket_of,
    contains_slug,
    listed_directory,
    normalise,
    outermost_directory,
    relative,
)
from steel_toes.locations import (
    Config,
    Rule,
    absolute,
    class_names,
    filesystem_path,
    location_of,
    redirected,
    rule_for,
    seeding,
)
from steel_toes.overlays import IncrementsPair, OverlayPair
from steel_toes.pair import Dataset, Entry, Pair, RefusedPair, Side, VersionedPair, refused
from steel_toes.proxy import pair_of, proxy_for
from steel_toes.records import FOLDER, WHOLE, Book, Kind, Writer, record_path
from steel_toes.storage import open_store

logger = logging.getLogger(__name__)

_OVERLAYS: Mapping[str, type[Pair]] = {"overlay": OverlayPair, "increments": IncrementsPair}


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
    """

    branch: Branch
    project: str
    writer: Writer
    layout: str
    records: str | None
    shared: tuple[str | type, ...]
    taught: Mapping[str, str]
    listed: Mapping[str, bool]
    guarded: frozenset[str]

    def wrap(self, name: str, config: Config, main: Dataset, version: Version | None, late: bool) -> Any:
        """The proxy for a dataset, or the dataset itself where it is left alone.

        Args:
            name: of the entry.
            config: its resolved configuration.
            main: the dataset that Kedro built from it.
            version: its pinned versions, if it is versioned.
            late: it came from a pattern, or was added after the catalog was made.
        """
        names, inner = class_names(type(main)), config
        if isinstance(main, CachedDataset):
            inner = config["dataset"]
            names = class_names(parse_dataset_definition(inner)[0])
        elif main._EPHEMERAL:
            return main
        rule = rule_for(names, inner, self.taught)
        if rule.action == "alone" or self._is_shared(name, [*names, *class_names(type(main))], main, config):
            return main
        pair: Pair | RefusedPair
        try:
            if rule.action != "redirect" or not self.branch.known:
                raise _Refused(rule.why if self.branch.known else self.branch.why)
            pair = self._pair(name, config, inner, rule, main, version, late)
        except (LocationError, _Refused) as exc:
            branch = self.branch.name if self.branch.known else None
            pair = RefusedPair(main, *refused(name, names[0], branch, str(exc), rule.action == "refuse_load"))
        return proxy_for(pair)

    def _is_shared(self, name: str, names: list[str], main: Dataset, config: Config) -> bool:
        metadata = (config.get("metadata") or {}).get("steel_toes") or {}
        return bool(metadata.get("shared")) or any(
            isinstance(main, asked) if isinstance(asked, type) else fnmatchcase(name, asked) or asked in names
            for asked in self.shared
        )

    def _pair(
        self, name: str, config: Config, inner: Config, rule: Rule, main: Dataset, version: Version | None, late: bool
    ) -> Pair:
        text = location_of(rule, inner)
        if not text:
            raise _Refused(f"Its {rule.parameter} is no location.")
        location = absolute(text)
        anchor = outermost_directory(location, self.listed)
        copy = self._guarded(location, anchor, late)
        moved = redirected(rule, inner, copy)
        build = Build(name, config, {**config, "dataset": moved} if inner is not config else moved)
        entry = self._entry(build, rule, inner, (location, copy), anchor, version is not None)
        kind = VersionedPair if version else _OVERLAYS.get(rule.kind, Pair)
        pair = kind(entry, _block(main, name), version)
        if _described(pair.main, rule.parameter) == _described(pair.branch, rule.parameter) is not None:
            raise _Refused(f"Kedro sees one location in {location} and in {copy}.")
        return pair

    def _guarded(self, location: str, anchor: str | None, late: bool) -> str:
        """The branch copy's location, if it can be nobody's main copy and is listed by nobody's."""
        share = "Give the entry another location, or share it with SteelToes(shared=[...])."
        copy = branch_location(location, self.branch.slug, self.layout, anchor)
        if normalise(copy).casefold() in self.guarded:
            raise LocationError(location=location, why=f"Another entry's main copy is {copy}.", remedy=share)
        if late and contains_slug(location, self.branch.slug):
            why = f"Its name has the form of a copy on branch {self.branch.name}, and it is no entry of its own."
            raise LocationError(location=location, why=why, remedy=share)
        listing = outermost_directory(copy, self.listed)
        if listing is not None:
            raise LocationError(location=location, why=f"{copy} would lie in {listing}, which is listed.", remedy=share)
        return copy

    def _entry(
        self, build: Build, rule: Rule, inner: Config, where: tuple[str, str], anchor: str | None, versioned: bool
    ) -> Entry:
        location, copy = where
        nested = anchor is not None and normalise(anchor) != normalise(listed_directory(location, rule.lists) or location)
        if nested and versioned:
            raise _Refused(f"It keeps versions inside {anchor}, which another entry lists.")
        overlay = self._is_overlay(anchor)
        kind: Kind = "versioned" if versioned else "overlay" if overlay else "whole"
        # A glob's data is its directory; an entry inside a directory that is no overlay is a part of that whole.
        owner = anchor if anchor is not None and not (nested and overlay) else location
        owner_copy = branch_location(owner, self.branch.slug, self.layout) if owner != location else copy
        protocol, main_path = filesystem_path(rule, owner)
        store = open_store(build.name, protocol, inner)
        return Entry(
            name=build.name,
            build=build,
            store=store,
            main=main_path,
            branch=filesystem_path(rule, owner_copy)[1],
            book=self._book(build.name, store, inner, anchor or location, owner_copy, kind),
            unit=relative(location, anchor) if nested and overlay and anchor else WHOLE,
            seeding="always" if nested and not overlay else seeding(rule, inner),
            settings=inner,
        )

    def _is_overlay(self, anchor: str | None) -> bool:
        if anchor is None:
            return False
        return any(over for directory, over in self.listed.items() if outermost_directory(anchor, [directory]) == anchor)

    def _book(self, name: str, store: Any, config: Config, anchor: str, copy: str, kind: Kind) -> Book:
        root, subject = self._root(anchor)
        if outermost_directory(f"{root}/{FOLDER}", self.listed) is not None:
            why = f"It would keep its records in {root}, which an entry lists."
            raise LocationError(location=anchor, why=why, remedy='Set SteelToes(records="...") to another folder.')
        rule = Rule()
        protocol, path = filesystem_path(rule, root)
        same = protocol == filesystem_path(rule, anchor)[0]
        return Book(
            store=open_store(name, protocol, config if same else {}),
            path=record_path(path, self.branch.slug, subject),
            branch=self.branch.name or "",
            dataset=name,
            location=subject,
            shown=copy,
            layout=self.layout,
            kind=kind,
            writer=self.writer,
        )

    def _root(self, anchor: str) -> tuple[str, str]:
        """Where the records of a location lie, and what they call the location: from there, if it is local."""
        place = normalise(anchor)
        if self.records:
            return absolute(self.records), place
        bucket = bucket_of(anchor)
        if bucket:
            return place[: place.index(bucket) + len(bucket)], place
        if outermost_directory(place, [self.project]) and place != self.project:
            first, *below = relative(place, self.project).split("/")
            root = f"{self.project}/{first}" if below else self.project
        else:
            root = os.path.dirname(place)
        return root, place if "://" in place else relative(place, root)


class _Refused(Exception):  # noqa: N818  # it never leaves this module
    """Why an entry cannot be redirected: one sentence."""


@dataclass(frozen=True)
class Build:
    """Builds the two datasets of an entry, as Kedro does: from configuration.

    Args:
        name: of the entry.
        main: its configuration.
        branch: the same, with the branch copy's location.
    """

    name: str
    main: Config
    branch: Config

    def config(self, side: Side) -> Config:
        """The configuration of that side's dataset."""
        return self.main if side is Side.MAIN else self.branch

    def __call__(self, side: Side, version: Version | None) -> Dataset:
        """The dataset of that side; main's can neither save nor confirm."""
        pinned = (version.load, version.save) if version else (None, None)
        dataset: Dataset = AbstractDataset.from_config(self.name, self.config(side), *pinned)
        return _block(dataset, self.name) if side is Side.MAIN else dataset


@dataclass(frozen=True)
class _Blocked:
    """In the place of main's `save` and `confirm` on a branch."""

    name: str
    action: str

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        """Refuse."""
        raise DatasetError(f"{self.name}: main's {self.action} is blocked on a branch. Use the catalog's dataset.")


def _block(dataset: Dataset, name: str) -> Dataset:
    for action in ("save", "confirm"):
        if hasattr(dataset, action):
            setattr(dataset, action, _Blocked(name, action))
    if isinstance(dataset, CachedDataset):
        _block(dataset._dataset, name)
    return dataset


def _described(dataset: Dataset, parameter: str) -> Any:
    """What the dataset itself says of its location; None if it does not say."""
    dataset = dataset._dataset if isinstance(dataset, CachedDataset) else dataset
    said = dataset._describe()
    found = said.get(parameter) if isinstance(said, dict) else None
    return str(found) if found is not None else None


def config_of(dataset: Dataset) -> tuple[Config, Version | None]:
    """The configuration of a ready-made instance, from what Kedro remembers of its arguments, and its versions."""
    arguments = dict(dataset._init_args)
    if set(arguments) == {"args", "kwargs"} and not arguments["args"]:
        # A subclass without an __init__ of its own is remembered so.
        arguments = dict(arguments["kwargs"])
    version = arguments.pop("version", None)
    config: Config = {"type": type(dataset), **arguments}
    if isinstance(dataset, CachedDataset):
        given = arguments["dataset"]
        if isinstance(given, AbstractDataset):
            config["dataset"], version = config_of(given)
        # Kedro writes `versioned` into the dict that it was given, and refuses to find it there again.
        config["dataset"] = {key: value for key, value in config["dataset"].items() if key != "versioned"}
    if version:
        config["versioned"] = True
    return config, version


class _BranchedLazy(_LazyDataset):
    """Kedro's placeholder, which builds a proxy."""

    def __init__(self, lazy: _LazyDataset, redirection: Redirection, late: bool) -> None:
        super().__init__(lazy.name, lazy.config, lazy.load_version, lazy.save_version)
        self._redirection = redirection
        self._late = late

    def materialize(self) -> Any:
        main = super().materialize()
        versioned = self.config.get("versioned") or getattr(type(main), "versioned", False)
        version = Version(self.load_version, self.save_version) if versioned else None
        return self._redirection.wrap(self.name, self.config, main, version, self._late)


class _LazyDatasets(dict[str, _LazyDataset]):
    """The catalog's placeholders, each of which builds a proxy."""

    def __init__(self, redirection: Redirection, lazy: Mapping[str, _LazyDataset]) -> None:
        self.redirection = redirection
        super().__init__({name: _BranchedLazy(dataset, redirection, late=False) for name, dataset in lazy.items()})

    def __setitem__(self, name: str, lazy: _LazyDataset) -> None:
        super().__setitem__(name, _BranchedLazy(lazy, self.redirection, late=True))

    def __reduce__(self) -> tuple[Any, ...]:
        return _lazy_again, (self.redirection, dict(self))


def _lazy_again(redirection: Redirection, lazy: dict[str, _LazyDataset]) -> _LazyDatasets:
    again = _LazyDatasets(redirection, {})
    for name, dataset in lazy.items():
        dict.__setitem__(again, name, dataset)
    return again


class _Datasets(dict[str, Any]):
    """The catalog's datasets, of which ready-made instances become proxies."""

    def __init__(self, redirection: Redirection, datasets: Mapping[str, Any]) -> None:
        super().__init__(datasets)
        self.redirection = redirection

    def __setitem__(self, name: str, dataset: Any) -> None:
        self.wrap(name, dataset, None, late=True)

    def wrap(self, name: str, dataset: Any, config: Config | None, late: bool) -> None:
        """Put the dataset's proxy in its place."""
        super().__setitem__(name, dataset if pair_of(dataset) else self._wrapped(name, dataset, config, late))

    def _wrapped(self, name: str, dataset: Any, config: Config | None, late: bool) -> Any:
        if dataset._EPHEMERAL and not isinstance(dataset, CachedDataset):
            return dataset
        remembered, version = config_of(dataset)
        try:
            # Never the instance itself: it is the user's, who may still save with it.
            main = Build(name, remembered, {})(Side.MAIN, version)
        except DatasetError:
            why = "It was added as an instance that cannot be built again from its arguments."
            names = class_names(type(dataset))
            return proxy_for(RefusedPair(dataset, *refused(name, names[0], self.redirection.branch.name, why, False)))
        return self.redirection.wrap(name, remembered, main, version, late)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Datasets, (self.redirection, dict(self))


def install(catalog: Any, redirection: Redirection) -> bool:
    """Make every dataset of a catalog follow the law. Builds and imports nothing.

    Args:
        catalog: a Kedro DataCatalog.
        redirection: without `listed` and `guarded`, which are read off the catalog.

    Returns:
        False if it was done before, and nothing was changed.
    """
    if isinstance(catalog._lazy_datasets, _LazyDatasets):
        return False
    resolver = catalog.config_resolver
    instances = {name: config_of(dataset)[0] for name, dataset in catalog._datasets.items() if not dataset._EPHEMERAL}
    explicit = [*resolver.config.values(), *instances.values()]
    patterns = [*resolver._dataset_patterns.values(), *resolver._user_catch_all_pattern.values()]
    redirection = replace(
        redirection,
        listed=_listed_directories([*explicit, *patterns], redirection.taught),
        guarded=_guarded_locations(explicit, redirection),
    )
    catalog._lazy_datasets = _LazyDatasets(redirection, catalog._lazy_datasets)
    ready, catalog._datasets = catalog._datasets, _Datasets(redirection, catalog._datasets)
    for name, dataset in ready.items():
        catalog._datasets.wrap(name, dataset, resolver.config.get(name), late=False)
    return True


def is_installed(catalog: Any) -> bool:
    """Whether `install` was called on the catalog."""
    return isinstance(getattr(catalog, "_lazy_datasets", None), _LazyDatasets)


def _places(configs: Iterable[Config], taught: Mapping[str, str]) -> Iterable[tuple[Rule, str]]:
    """The rule and the absolute location of each configuration, from strings alone."""
    for config in configs:
        inner = config["dataset"] if isinstance(config.get("dataset"), dict) and "type" in config["dataset"] else config
        for candidate in (config, inner):
            kind = candidate.get("type")
            names = class_names(kind) if isinstance(kind, type) else [str(kind)]
            rule = rule_for(names, candidate, taught)
            location = location_of(rule, candidate)
            if location:
                yield rule, absolute(location)
                break


def _listed_directories(configs: Iterable[Config], taught: Mapping[str, str]) -> dict[str, bool]:
    listed: dict[str, bool] = {}
    for rule, location in _places(configs, taught):
        directory = listed_directory(location, rule.lists)
        if directory is not None:
            overlay = rule.kind in ("overlay", "increments")
            listed[normalise(directory)] = listed.get(normalise(directory), False) or overlay
    return listed


def _guarded_locations(configs: Iterable[Config], redirection: Redirection) -> frozenset[str]:
    slug = redirection.branch.slug
    places = _places(configs, redirection.taught) if slug else ()
    return frozenset(normalise(place).casefold() for _, place in places if contains_slug(place, slug))
