"""Putting the law into a Kedro catalog. The only module that uses Kedro's private names.

Kedro's catalog is lazy: a dataset is built when it is first asked for, and those of factory patterns do not exist
before. There is no public way to stand between the configuration and the dataset that is built from it, so the two
dictionaries in which the catalog keeps both are replaced by ones that put a proxy in the dataset's place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

from kedro.io import AbstractDataset, CachedDataset, DatasetError
from kedro.io.core import Version, parse_dataset_definition
from kedro.io.data_catalog import _LazyDataset

from steel_toes.catalog.policy import Given, Redirection
from steel_toes.datasets.base import Dataset, Pair, RefusedPair, Side, refused
from steel_toes.datasets.partitions import IncrementsPair, OverlayPair
from steel_toes.datasets.proxy import pair_of, proxy_for
from steel_toes.datasets.registry import Config, Rule, class_names, wraps
from steel_toes.datasets.versions import VersionedPair
from steel_toes.errors import LocationError

_OVERLAYS: Mapping[str, type[Pair]] = {"overlay": OverlayPair, "increments": IncrementsPair}


def wrap(redirection: Redirection, given: Given, main: Dataset) -> Any:
    """The proxy for a dataset, or the dataset itself where it is left alone.

    Args:
        redirection: of the catalog.
        given: the entry.
        main: the dataset that Kedro built for it.
    """
    rule = redirection.rule(given)
    if rule.action == "alone" or (main._EPHEMERAL and not isinstance(main, CachedDataset)):
        return main
    known = redirection.branch.is_known
    why = rule.why if known and rule.action != "redirect" else redirection.branch.why
    if known and rule.action == "redirect":
        try:
            return proxy_for(_pair(redirection, given, rule, main))
        except LocationError as exc:
            why = str(exc)
    kind = class_names(given.classes[0])[0]
    load_why = rule.why if rule.action == "refuse_load" else ""
    errors = refused(given.name, kind, redirection.branch.name, why, load_why)
    return proxy_for(RefusedPair(_block(main, given.name), *errors))


def _pair(redirection: Redirection, given: Given, rule: Rule, main: Dataset) -> Pair:
    where = location, copy = redirection.locations(given, rule)
    build = Build(given.name, given.config, given.moved(rule, copy))
    entry = redirection.entry(given, rule, where, build)
    kind = VersionedPair if given.version else _OVERLAYS.get(rule.kind, Pair)
    pair = kind(entry, _block(main, given.name), given.version)
    said = _described(pair.main, rule.parameter)
    if said is not None and said == _described(pair.branch, rule.parameter):
        why, remedy = f"Kedro sees one location in it and in {copy}.", "Share the entry: SteelToes(shared=[...])."
        raise LocationError(location=location, why=why, remedy=remedy)
    return pair


@dataclass(frozen=True)
class Build:
    """Builds the two datasets of an entry, as Kedro does: from configuration.

    Args:
        name: of the entry.
        main: its configuration.
        branch: the same, with the branch copy's location.
    """

    name: str
    # Configurations hold credentials, and a traceback with its locals is often in a log.
    main: Config = field(repr=False)
    branch: Config = field(repr=False)

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

    def __call__(self, *_: Any, **__: Any) -> None:
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
    said: Any = dataset._describe()
    found = said.get(parameter) if isinstance(said, dict) else None
    return str(found) if found is not None else None


def config_of(dataset: Dataset) -> tuple[Config, Version | None]:
    """The configuration of a ready-made instance, from what Kedro remembers of its arguments, and its versions."""
    arguments: Config = dict(dataset._init_args)  # type: ignore[attr-defined]  # set when it was built
    if set(arguments) == {"args", "kwargs"}:
        # A subclass without an __init__ of its own is remembered so.
        arguments = signature(type(dataset)).bind(*arguments["args"], **arguments["kwargs"]).arguments
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


def _given(name: str, config: Config, main: Dataset, version: Version | None) -> Given:
    inner = (parse_dataset_definition(config["dataset"])[0],) if wraps(type(main)) and "dataset" in config else ()
    return Given(name, config, (*inner, type(main)), version)


class _BranchedLazy(_LazyDataset):
    """Kedro's placeholder, which builds a proxy."""

    def __init__(self, lazy: _LazyDataset, redirection: Redirection) -> None:
        super().__init__(lazy.name, lazy.config, lazy.load_version, lazy.save_version)
        self._redirection = redirection

    def materialize(self) -> Any:
        main = super().materialize()
        versioned = self.config.get("versioned") or getattr(type(main), "versioned", False)
        version = Version(self.load_version, self.save_version) if versioned else None
        return wrap(self._redirection, _given(self.name, self.config, main, version), main)


class _LazyDatasets(dict[str, _LazyDataset]):
    """The catalog's placeholders, each of which builds a proxy."""

    def __init__(self, redirection: Redirection, lazy: Mapping[str, _LazyDataset]) -> None:
        self.redirection = redirection
        super().__init__({name: _BranchedLazy(dataset, redirection) for name, dataset in lazy.items()})

    def __setitem__(self, name: str, lazy: _LazyDataset) -> None:
        super().__setitem__(name, _BranchedLazy(lazy, self.redirection))

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
        super().__setitem__(name, dataset if pair_of(dataset) else self.wrapped(name, dataset))

    def wrapped(self, name: str, dataset: Any) -> Any:
        """What stands for an instance: a proxy with datasets built anew, since the instance is the user's."""
        if dataset._EPHEMERAL and not isinstance(dataset, CachedDataset):
            return dataset
        config, version = config_of(dataset)
        given = _given(name, config, dataset, version)
        if self.redirection.rule(given).action == "alone":
            return dataset
        try:
            main = Build(name, config, {})(Side.MAIN, version)
        except DatasetError:
            why = "It was added as an instance that cannot be built again from its arguments."
            branch = self.redirection.branch.name
            return proxy_for(RefusedPair(dataset, *refused(name, type(dataset).__name__, branch, why)))
        return wrap(self.redirection, given, main)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Datasets, (self.redirection, dict(self))


def install(catalog: Any, redirection: Redirection) -> bool:
    """Make every dataset of a catalog follow the law. Builds and imports nothing.

    Args:
        catalog: a Kedro DataCatalog.
        redirection: what is known before the catalog is.

    Returns:
        False if it was done before, and nothing was changed.
    """
    if is_installed(catalog):
        return False
    ready = catalog._datasets
    redirection = redirection.surveyed(*map(dict.values, configurations(catalog)))
    catalog._lazy_datasets = _LazyDatasets(redirection, catalog._lazy_datasets)
    catalog._datasets = _Datasets(redirection, ready)
    for name, dataset in ready.items():
        dict.__setitem__(catalog._datasets, name, catalog._datasets.wrapped(name, dataset))
    return True


def configurations(catalog: Any, names: Iterable[str] = ()) -> tuple[dict[str, Config], dict[str, Config]]:
    """The resolved configurations of a catalog's entries, and those of its patterns.

    Args:
        catalog: a Kedro DataCatalog, as Kedro made it.
        names: of entries that only a pattern makes.
    """
    resolver = catalog.config_resolver
    instances = {name: config_of(found)[0] for name, found in catalog._datasets.items() if not found._EPHEMERAL}
    explicit = {**resolver.config, **instances}
    made = {name: resolver.resolve_pattern(name) for name in names if name not in explicit}
    return {**explicit, **made}, {**resolver._dataset_patterns, **resolver._user_catch_all_pattern}


def is_installed(catalog: Any) -> bool:
    """Whether `install` was called on the catalog."""
    return isinstance(getattr(catalog, "_lazy_datasets", None), _LazyDatasets)
