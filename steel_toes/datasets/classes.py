"""What a dataset's class says of itself beyond its name: whose it is, and what it changes of its base."""

from __future__ import annotations

import dis
import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from kedro.io import AbstractDataset, AbstractVersionedDataset
from kedro.io.core import parse_dataset_definition

from steel_toes.datasets.paths import filepath_argument
from steel_toes.datasets.registry import REGISTRY, Config, Rule, catalog_name, seeding, type_name
from steel_toes.errors import CALLED_A_STORE, IS_A_HANDLE, OVERRIDES_PARTITIONS

_SURVEYED_PACKAGES = ("kedro", "kedro_datasets", "kedro_datasets_experimental")
_ABSTRACT = (AbstractDataset, AbstractVersionedDataset)
# What decides which partitions there are, and what a load gives for each.
_LISTING = ("load", "_list_partitions", "_exists", "exists", "confirm")
_WORD = re.compile(r"[A-Z][a-z0-9]*")
_HANDLES = {"Store", "Client", "Engine", "Connection"}


def surveyed_base(cls: type) -> type | None:
    """The nearest class, this one or one that it builds on, of which the survey says what it does."""
    for base in cls.__mro__:
        if base not in _ABSTRACT and _is_surveyed(base):
            return base
    return None


def _is_surveyed(cls: type) -> bool:
    package, _, _ = cls.__module__.partition(".")
    if package in _SURVEYED_PACKAGES:
        return True
    # Such as those of kedro-mlflow.
    qualified_name = type_name(f"{cls.__module__}.{cls.__qualname__}")
    return catalog_name(qualified_name) in REGISTRY


def adapted(rule: Rule, cls: type) -> Rule:
    """The rule of the nearest surveyed class, as far as this class inherits what it does.

    Args:
        rule: found by the names of the class and of those that it builds on.
        cls: the dataset's class.
    """
    base = surveyed_base(cls)
    if rule.is_taught or base is cls:
        return rule
    if base is None:
        return _unless_a_handle(rule, cls)
    if rule.action == "redirect":
        return _redirection(rule, cls, base)
    return rule


def _redirection(rule: Rule, cls: type, base: type) -> Rule:
    """The rule of a redirected class, for one that builds on it."""
    if rule.is_overlay and _has_own_partitions(cls, base):
        return replace(rule, action="refuse_save", why=OVERRIDES_PARTITIONS)
    # What it does before or after the save of the other is unknown: it may keep what is there.
    if _overrides(cls, base, ["save"]):
        return replace(rule, seeding="always", saves_itself=True)
    class_defaults = _class_defaults(cls)
    if seeding(rule, class_defaults) == "always":
        return replace(rule, seeding="always")
    return rule


def _has_own_partitions(cls: type, base: type) -> bool:
    """Whether a class may list or load other partitions than the class that it builds on."""
    if own_parameters(cls, base):
        return True
    return _overrides(cls, base, _LISTING)


def _class_defaults(cls: Any) -> dict[str, Any]:
    """The arguments that a class of kedro-datasets' kind takes from itself."""
    return {
        "save_args": getattr(cls, "DEFAULT_SAVE_ARGS", None),
        "fs_args": getattr(cls, "DEFAULT_FS_ARGS", None),
    }


def _unless_a_handle(rule: Rule, cls: type) -> Rule:
    """The rule for a class that nobody surveyed, unless what it loads can write."""
    if _never_saves(cls):
        return replace(rule, action="refuse_load", why=IS_A_HANDLE)
    for base in cls.__mro__:
        words = _WORD.findall(base.__name__)
        if not _HANDLES.isdisjoint(words):
            why = CALLED_A_STORE.format(name=base.__name__)
            return replace(rule, action="refuse_load", why=why)
    return rule


def _never_saves(cls: Any) -> bool:
    """Whether the class says, or its code shows, that a save always fails."""
    function = inspect.unwrap(cls.save)
    annotations = getattr(function, "__annotations__", {})
    _, _, annotation = str(annotations.get("return")).rpartition(".")
    if annotation in ("NoReturn", "Never"):
        return True
    # Nothing to look into: it is not written in Python.
    if not hasattr(function, "__code__"):
        return False
    names = {instruction.opname for instruction in dis.get_instructions(function)}
    if "RAISE_VARARGS" not in names:
        return False
    # Some Pythons have several kinds of a return.
    return not any(name.startswith(("RETURN_", "YIELD_")) for name in names)


def _overrides(cls: type, base: type, names: Iterable[str]) -> bool:
    """Whether a class has another method of one of these names than the class that it builds on."""
    return any(_method(cls, name) is not _method(base, name) for name in names)


def _method(cls: type, name: str) -> Any:
    # Kedro wraps `load` and `save` again in each subclass.
    return inspect.unwrap(getattr(cls, name, _overrides))


class Partition(NamedTuple):
    """The class of the dataset inside partitions, and its configuration."""

    cls: type
    config: Config


def partition_of(config: Config) -> Partition:
    """The dataset inside partitions, with a location as they give it one.

    Args:
        config: of the partitions.
    """
    definition = config["dataset"]
    if not isinstance(definition, Mapping):
        definition = {"type": definition}
    cls, inner_config = parse_dataset_definition(dict(definition))
    return Partition(cls, {**inner_config, filepath_argument(config): "partition"})


def parameters(cls: type | None) -> dict[str, inspect.Parameter]:
    """The named parameters of a class's constructor; none of no class."""
    if cls is None:
        return {}
    signature = inspect.signature(cls)
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {name: parameter for name, parameter in signature.parameters.items() if parameter.kind not in variable}


def own_parameters(cls: type, base: type | None) -> dict[str, inspect.Parameter]:
    """Those parameters of a class's constructor that the class which it builds on does not take."""
    base_parameters = parameters(base)
    return {name: parameter for name, parameter in parameters(cls).items() if name not in base_parameters}
