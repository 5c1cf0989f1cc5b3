"""Putting the law into a Kedro catalog. The only module that uses Kedro's private names.

Kedro's catalog is lazy: a dataset is built when it is first asked for, and those of factory patterns do not exist
before. There is no public way to stand between the configuration and the dataset that is built from it, so the two
dictionaries in which the catalog keeps both are replaced by ones that put a proxy in the dataset's place.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from inspect import signature
from typing import Any, NamedTuple

import kedro.io
from kedro.io import AbstractDataset, CachedDataset, DatasetError
from kedro.io.core import Version, parse_dataset_definition
from kedro.io.data_catalog import _LazyDataset

from steel_toes.catalog.metadata import warn_of_near_misses
from steel_toes.catalog.policy import Moves, Policy
from steel_toes.catalog.recorded import as_recorded
from steel_toes.catalog.spec import EntrySpec
from steel_toes.datasets.base import BranchedDataset, Dataset, Entry
from steel_toes.datasets.both import differences
from steel_toes.datasets.cached import BranchedCache
from steel_toes.datasets.increments import BranchedIncrements
from steel_toes.datasets.inheritance import SURVEYED_PACKAGES, is_surveyed, own_name, saves_by_itself
from steel_toes.datasets.partitions import BranchedPartitions
from steel_toes.datasets.paths import Key, replaced, value_at
from steel_toes.datasets.places import BranchedPlaces
from steel_toes.datasets.proxy import AnyBranched, branched_of, proxy_for
from steel_toes.datasets.refused import refuse
from steel_toes.datasets.registry import Config, Rule, class_names, rule_for, wraps
from steel_toes.datasets.versions import BranchedVersions
from steel_toes.datasets.whole import BranchedWhole
from steel_toes.errors import (
    CANNOT_BE_BUILT_AGAIN,
    INSTANCE_CHANGED,
    LISTED_LATE,
    MAIN_IS_BLOCKED,
    LocationError,
    SteelToesError,
    sentence,
)
from steel_toes.naming.location import parse
from steel_toes.reasons import ONE_LOCATION_FOR_BOTH
from steel_toes.records.place import Side
from steel_toes.records.run import Run
from steel_toes.redaction import logger_of

BuildMain = Callable[[], Dataset]

logger = logger_of(__name__)

_AROUND = Rule(parameter="dataset")  # of an instance around a dataset of the catalog

_KINDS: Mapping[str, type[BranchedDataset]] = {
    "whole": BranchedWhole,
    "overlay": BranchedPartitions,
    "increments": BranchedIncrements,
}


# --- From an entry to its proxy ---------------------------------------------------------------------------------------


def wrap(policy: Policy, spec: EntrySpec, build_main: BuildMain) -> Any:
    """The proxy for a dataset, or the dataset itself where it is left alone.

    Args:
        policy: of the catalog.
        spec: the entry.
        build_main: gives main's dataset as Kedro builds it.
    """
    warn_of_near_misses(spec.name, spec.config)
    rule = policy.rule(spec)
    # The very object that Kedro built: whoever holds it sees no difference.
    if rule.action == "alone":
        return _left_alone(policy, spec, build_main(), _block)
    # The survey knows its classes; only an instance says of another that it is in memory.
    if not is_surveyed(spec.classes[-1]) and _is_in_memory(build_main()):
        return build_main()
    branch = policy.branch
    rule_why = policy.why(spec, rule)
    why = rule_why
    hidden: tuple[str, ...] = ()
    if not branch.is_known:
        why = branch.why
    elif rule.action == "redirect":
        try:
            policy = as_recorded(policy, spec, rule)
            # First: they are no part of what it reads, whether it can be saved or not.
            hidden = policy.late_copies(spec, rule)
            moves = policy.moves(spec, rule)
            why = policy.why_unmoved(spec, rule, moves)
            if hidden:
                why = LISTED_LATE
            elif not why:
                return proxy_for(_branched(policy, spec, rule, moves, build_main))
        except LocationError as exc:
            # What cannot be redirected can still be read.
            why = str(exc)
    load_why = _why_not_loaded(rule, rule_why, hidden)
    blocked = _block(build_main(), spec.name)
    return _refusing(policy, spec.name, blocked, spec.classes[0], why, load_why, hidden)


def _left_alone(
    policy: Policy, spec: EntrySpec, dataset: Dataset, block: Callable[[Dataset, str], Dataset] | None = None
) -> Any:
    """The dataset itself; where this process is read-only, one that is not in memory alone is not saved.

    Args:
        policy: of the catalog.
        spec: the entry.
        dataset: its dataset.
        block: keeps it from saving by itself; None of a user's instance, which may be held outside the catalog.
    """
    if not policy.read_only or _is_in_memory(_inside_of_caches(dataset)):
        return dataset
    blocked = block(dataset, spec.name) if block else dataset
    return _refusing(policy, spec.name, blocked, spec.classes[0], "")


def _inside_of_caches(dataset: Dataset) -> Dataset:
    """What is inside Kedro's own caches; a cache of somebody's own may save elsewhere."""
    while type(dataset) is CachedDataset:
        dataset = dataset._dataset
    return dataset


def _refusing(
    policy: Policy,
    name: str,
    main_dataset: Dataset,
    cls: type,
    why: str,
    load_why: str = "",
    hidden: tuple[str, ...] = (),
) -> Any:
    """The proxy for an entry whose saves are refused."""
    # Whatever else refuses it, a read-only process says so first.
    branch_name, read_only = policy.branch.name, policy.read_only
    return proxy_for(refuse(main_dataset, name, own_name(cls), branch_name, why, load_why, hidden, read_only))


def _why_not_loaded(rule: Rule, rule_why: str, hidden: tuple[str, ...]) -> str:
    """Why the loads of a refused entry are refused, too; "" if they are not.

    Args:
        rule: of the entry.
        rule_why: what the rule gives as its reason.
        hidden: the branch's copies in the directory that it lists, if it was added late: they are no part of it.
    """
    if rule.action == "refuse_load":
        return rule_why
    # Of partitions they can be left out; whoever reads a directory as one dataset reads them too.
    if hidden and not rule.is_overlay:
        return LISTED_LATE
    return ""


def _branched(policy: Policy, spec: EntrySpec, rule: Rule, moves: Moves, build_main: BuildMain) -> BranchedDataset:
    cls = spec.classes[-1]
    if rule.is_overlay and issubclass(cls, CachedDataset):
        return _cached_partitions(policy, spec, rule, moves, build_main())
    branch_locations = {key: locations.branch_location for key, locations in moves.items()}
    branch_config = spec.moved(rule, branch_locations)
    # Kedro has looked for the class already, in several packages.
    branch_config["type"] = cls
    build = Build(spec.name, spec.config, branch_config, spec.inner_key)
    entry = policy.entry(spec, rule, moves, build)
    kind = _kind_of(spec, rule, entry)
    is_surely_apart = _is_surely_apart(spec, moves)
    # Of the two that an entry needs, an output's may be the only one that is ever used.
    if kind is BranchedWhole and is_surely_apart and not spec.is_wrapped:
        return BranchedWhole(entry, branch_dataset=build(Side.BRANCH, None))
    branched = kind(entry, _block(build_main(), spec.name), spec.version)
    if not is_surely_apart:
        _check_apart(branched, rule, moves)
    return branched


def _kind_of(spec: EntrySpec, rule: Rule, entry: Entry) -> type[BranchedDataset]:
    """The module of the law that answers for an entry."""
    if entry.more:
        return BranchedPlaces
    return BranchedVersions if spec.version else _KINDS[rule.kind]


def _is_surely_apart(spec: EntrySpec, moves: Moves) -> bool:
    """Whether the two datasets of an entry describe two locations, so that the branch's may be built later.

    A class of Kedro's own drops nothing of a path; of the host of `az://`, `sftp://` and others it does.
    """
    if not all(is_surveyed(cls) for cls in spec.classes):
        return False
    paths = [(parse(main_location).path, parse(copy).path) for main_location, copy in moves.values()]
    return all(main_path != branch_path for main_path, branch_path in paths)


def _check_apart(branched: BranchedDataset, rule: Rule, moves: Moves) -> None:
    """Refuse an entry whose two datasets are one object.

    Raises:
        LocationError: they are.
    """
    main_description = _described(branched.main_dataset, rule.parameter)
    branch_description = _described(branched.branch_dataset, rule.parameter)
    if main_description is not None and main_description == branch_description:
        main_location, branch_location = next(iter(moves.values()))
        raise LocationError(ONE_LOCATION_FOR_BOTH, location=main_location, copy=branch_location)


def _cached_partitions(policy: Policy, spec: EntrySpec, rule: Rule, moves: Moves, main_dataset: Any) -> BranchedCache:
    """Plain Kedro's cache around branched partitions."""
    inner_dataset = main_dataset
    for _ in spec.inner_key:
        inner_dataset = inner_dataset._dataset
    inner_spec = EntrySpec(spec.name, spec.inner_config, spec.classes[:1], None)
    branched = _branched(policy, inner_spec, rule, moves, lambda: inner_dataset)
    return BranchedCache(_around(spec.config, proxy_for(branched), len(spec.inner_key)), branched)


def _around(config: Config, inner: Any, depth: int) -> Any:
    """The wrappers that a configuration puts around a dataset, built around another."""
    if not depth:
        return inner
    own = {name: value for name, value in config.items() if name != "dataset"}
    cls: Any
    cls, arguments = parse_dataset_definition(own)
    return cls(dataset=_around(config["dataset"], inner, depth - 1), **arguments)


def _is_in_memory(dataset: Dataset) -> bool:
    # A CachedDataset is ephemeral too, and holds one that may not be; a class of one's own may save elsewhere.
    if isinstance(dataset, CachedDataset) or not dataset._EPHEMERAL:
        return False
    return not saves_by_itself(dataset.__class__)


def _described(dataset: Dataset, parameter: str) -> str | None:
    """What the dataset itself says of its location; None if it does not say."""
    inner = dataset._dataset if isinstance(dataset, CachedDataset) else dataset
    description: Any = inner._describe()
    if not isinstance(description, dict):
        return None
    location = description.get(parameter)
    return None if location is None else str(location)


@dataclass(frozen=True)
class Build:
    """Builds the two datasets of an entry, as Kedro does: from configuration.

    Args:
        name: of the entry.
        main_config: its configuration.
        branch_config: the same, with the branch copy's location.
        inner_key: where in both stands the configuration that has the location.
    """

    name: str
    # Configurations hold credentials, and a traceback with its locals is often in a log.
    main_config: Config = field(repr=False)
    branch_config: Config = field(repr=False)
    inner_key: Key = ()

    def config(self, side: Side) -> Config:
        """The configuration of that side's dataset."""
        return self.main_config if side is Side.MAIN else self.branch_config

    def __call__(self, side: Side, version: Version | None) -> Dataset:
        """The dataset of that side; main's can neither save nor confirm."""
        load_version = version.load if version else None
        save_version = version.save if version else None
        dataset: Dataset = AbstractDataset.from_config(self.name, self.config(side), load_version, save_version)
        if side is Side.MAIN:
            return _block(dataset, self.name)
        return dataset

    def partitions(self, dataset: Dataset) -> Config:
        """What a dataset of partitions gives each of them, and how it lists them, as hooks have left it."""
        partitions: Any = dataset
        definition = {"type": partitions._dataset_type, **partitions._dataset_config}
        # Kedro has made one of the other.
        if definition.pop("version", None):
            definition["versioned"] = True
        return {"dataset": definition, "load_args": partitions._load_args}

    def block(self, dataset: Dataset) -> Dataset:
        """The dataset, one of main's, which can neither save nor confirm any more."""
        return _block(dataset, self.name)

    def mixed(self, branch_keys: Iterable[Key]) -> Dataset:
        """A dataset that reads main's, but for what stands at these keys; it can neither save nor confirm."""
        config = self.main_config
        for key in branch_keys:
            full_key = (*self.inner_key, *key)
            config = replaced(config, full_key, value_at(self.branch_config, full_key))
        return _block(AbstractDataset.from_config(self.name, config), self.name)


@dataclass(frozen=True)
class _Blocked:
    """In the place of main's `save` and `confirm` on a branch."""

    dataset: str
    action: str

    def __call__(self, *_: Any, **__: Any) -> None:
        """Refuse."""
        raise DatasetError(sentence(MAIN_IS_BLOCKED, dataset=self.dataset, action=self.action))


def _block(dataset: Dataset, name: str) -> Dataset:
    # On the instance: the class is Kedro's, and other catalogs use it.
    for action in ("save", "confirm"):
        if hasattr(dataset, action):
            setattr(dataset, action, _Blocked(name, action))
    if isinstance(dataset, CachedDataset):
        _block(dataset._dataset, name)
    return dataset


# --- From an instance to its configuration ----------------------------------------------------------------------------


class Configured(NamedTuple):
    """The configuration that an instance can be built from again, and its versions."""

    config: Config
    version: Version | None


def config_of(dataset: Dataset) -> Configured:
    """The configuration of a ready-made instance, from what Kedro remembers of its arguments, and its versions."""
    arguments: Config = dict(dataset._init_args)  # type: ignore[attr-defined]  # set when it was built
    if set(arguments) == {"args", "kwargs"}:
        # A subclass without an __init__ of its own is remembered so.
        bound = signature(dataset.__class__).bind(*arguments["args"], **arguments["kwargs"])
        arguments = bound.arguments
    version = arguments.pop("version", None)
    # Of a proxy, what it stands for.
    config: Config = {"type": dataset.__class__, **arguments}
    if isinstance(dataset, CachedDataset):
        inner_dataset = arguments["dataset"]
        if branched_of(inner_dataset) is not None:
            return Configured(config, version)
        if isinstance(inner_dataset, AbstractDataset):
            config["dataset"], version = config_of(inner_dataset)
        # Kedro writes `versioned` into the dict that it was given, and refuses to find it there again.
        config["dataset"] = {key: value for key, value in config["dataset"].items() if key != "versioned"}
    if version:
        config["versioned"] = True
    return Configured(config, version)


def branched_behind(dataset: Any) -> list[AnyBranched]:
    """What is behind a proxy; behind an instance around proxies, as a hook makes it, what is behind each of them."""
    branched = branched_of(dataset)
    if branched is not None:
        return [branched]
    if not isinstance(dataset, AbstractDataset) or _is_in_memory(dataset):
        return []
    return [branched for _, branched in _inside(config_of(dataset).config, ())]


def _inside(value: Any, key: Key) -> Iterator[tuple[Key, AnyBranched]]:
    """What is behind the proxies among the arguments of an instance: at which of them each stands, and what it is."""
    if isinstance(value, AbstractDataset):
        # Another instance around one remembers its arguments as the outer one does.
        for branched in branched_behind(value):
            yield key, branched
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _inside(inner, (*key, name))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _inside(inner, (*key, number))


def _spec(name: str, config: Config, main_dataset: Dataset, version: Version | None) -> EntrySpec:
    classes: tuple[type, ...] = (type(main_dataset),)
    inner_config = config
    # A wrapper may be inside another.
    while wraps(classes[0]) and "dataset" in inner_config:
        inner_config = inner_config["dataset"]
        inner_class, _ = parse_dataset_definition(inner_config)
        classes = (inner_class, *classes)
    return EntrySpec(name, config, classes, version, vars(main_dataset).get("_dataset_type"))


def _surveyed_class(policy: Policy, config: Config) -> type[Dataset] | None:
    """The class of a plain entry, if the survey says what it does: no dataset need be built to know more.

    Args:
        policy: of the catalog.
        config: the entry's; none that has versions, or another dataset inside, is plain.
    """
    kind = config.get("type")
    if config.get("versioned") or not isinstance(kind, str) or not _may_be_surveyed(kind):
        return None
    cls = _class_of(policy, kind)
    if cls is None or not is_surveyed(cls) or getattr(cls, "versioned", False):
        return None
    # Of these it matters what is inside.
    if wraps(cls) or rule_for(class_names(cls), {}, {}).is_overlay:
        return None
    return cls


@cache
def _may_be_surveyed(kind: str) -> bool:
    """Whether Kedro finds a type in a package of its own: a user's module is imported by whoever builds the dataset."""
    package, _, name = kind.partition(".")
    if not name:
        return hasattr(kedro.io, kind)
    if package in SURVEYED_PACKAGES:
        return True
    try:
        return find_spec(f"kedro_datasets.{package}") is not None
    except ImportError:
        return False


def _class_of(policy: Policy, kind: str) -> type[Dataset] | None:
    """The class of a configuration's type; None where there is none: building the dataset will say why."""
    if kind not in policy.classes:
        try:
            policy.classes[kind], _ = parse_dataset_definition({"type": kind})
        except Exception:  # noqa: BLE001 - an import runs anybody's code
            return None
    return policy.classes[kind]


# --- The catalog's two dictionaries -----------------------------------------------------------------------------------


class _BranchedLazy(_LazyDataset):
    """Kedro's placeholder, which builds a proxy."""

    def __init__(self, lazy: _LazyDataset, policy: Policy) -> None:
        super().__init__(lazy.name, lazy.config, lazy.load_version, lazy.save_version)
        self._policy = policy

    def materialize(self) -> Any:
        cls = _surveyed_class(self._policy, self.config)
        if cls is not None:
            # As they are now: whoever gave them may change them before main's dataset is built.
            config = copy.deepcopy(self.config)
            try:
                return wrap(self._policy, EntrySpec(self.name, config, (cls,), None), super().materialize)
            except (SteelToesError, DatasetError):
                raise
            except Exception:  # noqa: BLE001 - of an entry that Kedro refuses, Kedro says why
                logger.debug("%s: looked at once more, as Kedro builds it", self.name)
        main_dataset = super().materialize()
        version = None
        if self.config.get("versioned") or getattr(type(main_dataset), "versioned", False):
            version = Version(self.load_version, self.save_version)
        return wrap(self._policy, _spec(self.name, self.config, main_dataset, version), lambda: main_dataset)


class _LazyDatasets(dict[str, _LazyDataset]):
    """The catalog's placeholders, each of which builds a proxy."""

    def __init__(self, policy: Policy, lazy: Mapping[str, _LazyDataset]) -> None:
        self.policy = policy
        super().__init__({name: _BranchedLazy(dataset, policy) for name, dataset in lazy.items()})

    def __setitem__(self, name: str, lazy: _LazyDataset) -> None:
        super().__setitem__(name, _BranchedLazy(lazy, self.policy))

    # Workers unpickle the catalog: a back reference to it would recurse for ever.
    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_lazy, (self.policy, dict(self))


def _rebuild_lazy(policy: Policy, lazy: dict[str, _LazyDataset]) -> _LazyDatasets:
    # Without __setitem__, which would wrap what is wrapped already.
    datasets = _LazyDatasets(policy, {})
    for name, dataset in lazy.items():
        dict.__setitem__(datasets, name, dataset)
    return datasets


class _Datasets(dict[str, Any]):
    """The catalog's datasets, of which ready-made instances become proxies."""

    def __init__(self, policy: Policy, datasets: Mapping[str, Any]) -> None:
        super().__init__(datasets)
        self.policy = policy

    def __setitem__(self, name: str, dataset: Any) -> None:
        # A lazy dataset that was built is stored here as the proxy that it became.
        if branched_of(dataset) is None:
            dataset = self.wrapped(name, dataset)
        super().__setitem__(name, dataset)

    def wrapped(self, name: str, dataset: Any) -> Any:
        """What stands for an instance: a proxy with datasets built anew, since the instance is the user's."""
        if _is_in_memory(dataset):
            return dataset
        config, version = config_of(dataset)
        branched_keys = [key for key, _ in _inside(config, ())]
        if branched_keys:
            return self._wrapper(name, dataset, config, branched_keys)
        spec = _spec(name, config, dataset, version)
        if self.policy.rule(spec).action == "alone":
            return _left_alone(self.policy, spec, dataset)
        # The user's instance keeps its `save`: whoever made it may hold it outside the catalog.
        try:
            main_dataset = Build(name, config, {})(Side.MAIN, version)
        except DatasetError:
            return _refusing(self.policy, name, dataset, type(dataset), CANNOT_BE_BUILT_AGAIN)
        if differences(dataset, main_dataset):
            return _refusing(self.policy, name, dataset, type(dataset), INSTANCE_CHANGED)
        return wrap(self.policy, spec, lambda: main_dataset)

    def _wrapper(self, name: str, dataset: Dataset, config: Config, branched_keys: list[Key]) -> Any:
        """What stands for an instance around a dataset of this catalog, as a hook makes it: what is inside is branched.

        The instance itself, unless it has a place of its own too.
        """
        spec = EntrySpec(name, config, (dataset.__class__,), None)
        why = self.policy.why_unmoved(spec, _AROUND, branched_keys)
        if not why:
            return dataset
        return _refusing(self.policy, name, dataset, dataset.__class__, why)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Datasets, (self.policy, dict(self))


# --- What the rest of steel_toes asks ---------------------------------------------------------------------------------


class Configurations(NamedTuple):
    """The resolved configurations of a catalog's entries, and those of its patterns."""

    explicit: dict[str, Config]
    patterns: dict[str, Config]


def install(catalog: Any, policy: Policy) -> bool:
    """Make every dataset of a catalog follow the law. Builds and imports nothing.

    Args:
        catalog: a Kedro DataCatalog.
        policy: what is known before the catalog is.

    Returns:
        False if it was done before, and nothing was changed.
    """
    if is_installed(catalog):
        return False
    instances = catalog._datasets
    explicit, patterns = configurations(catalog)
    policy = policy.surveyed(explicit.values(), patterns.values())
    # What a pattern makes is not known yet.
    if not patterns:
        policy.warn_of_idle_names(explicit)
    catalog._lazy_datasets = _LazyDatasets(policy, catalog._lazy_datasets)
    catalog._datasets = _Datasets(policy, instances)
    for name, dataset in instances.items():
        dict.__setitem__(catalog._datasets, name, catalog._datasets.wrapped(name, dataset))
    return True


def configurations(catalog: Any, names: Iterable[str] = ()) -> Configurations:
    """The resolved configurations of a catalog's entries, and those of its patterns.

    Args:
        catalog: a Kedro DataCatalog, as Kedro made it.
        names: of entries that only a pattern makes.
    """
    resolver = catalog.config_resolver
    explicit = dict(resolver.config)
    for name, outer in catalog._datasets.items():
        dataset = outer
        # What a hook has put around an entry of the catalog lies where that does.
        for branched in branched_behind(outer)[:1]:
            dataset = branched.main_dataset
        # In memory there is no location, and some instances cannot be described.
        if not dataset._EPHEMERAL:
            explicit[name] = config_of(dataset).config
    for name in names:
        if name not in explicit:
            explicit[name] = resolver.resolve_pattern(name)
    return Configurations(explicit, {**resolver._dataset_patterns, **resolver._user_catch_all_pattern})


def run_of(catalog: Any) -> Run:
    """The run of a pipeline on a catalog on which the law is installed."""
    return policy_of(catalog).run


def policy_of(catalog: Any) -> Policy:
    """What is done with the entries of a catalog on which the law is installed."""
    policy: Policy = catalog._lazy_datasets.policy
    return policy


def is_installed(catalog: Any) -> bool:
    """Whether `install` was called on the catalog."""
    return isinstance(getattr(catalog, "_lazy_datasets", None), _LazyDatasets)
