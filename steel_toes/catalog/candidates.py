"""Every place: what an entry of a project's own class names, besides the location that moves to the branch.

A class that writes two files when one of them moves to the branch writes main's other one. So whatever stands in such
an entry and lies where data lies must move too, or the entry is not saved. A word that only looks like a path (a time
zone, a model's name, a template of the checkout) lies nowhere near data.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from kedro.io import AbstractDataset, DatasetError
from kedro.io.core import parse_dataset_definition

from steel_toes.catalog.arguments import tables_in, texts_of
from steel_toes.catalog.folders import DataFolders
from steel_toes.datasets.inheritance import surveyed_base
from steel_toes.datasets.paths import Key, items_in, locations_of
from steel_toes.datasets.registry import Config, Rule, class_names, rule_for
from steel_toes.datasets.signatures import own_parameters, parameters

# Never a place of data: how a file is read or opened, and what only people read.
_EXCEPT = {"type", "version", "versioned", "load_args", "fs_args", "storage_options", "credentials", "metadata"}


def unmoved_parameter(
    cls: type, config: Config, moved: Iterable[Key], sources: Iterable[str], data: DataFolders
) -> str:
    """The parameter of an entry that names a place of data which does not move to the branch; "" if there is none.

    Args:
        cls: the dataset's class.
        config: its configuration.
        moved: where in the configuration stands what moves.
        sources: parameters that only name what is read, with dots inside others.
        data: where data lies.
    """
    skipped: set[Key] = set(moved)
    for source in sources:
        skipped.add(tuple(source.split(".")))
    for key in _places(_own_arguments(cls, config), data):
        # What holds inside of a parameter that moves, or that is only read, goes with it.
        around = {key[:length] for length in range(len(key) + 1)}
        if skipped.isdisjoint(around):
            return ".".join(map(str, key))
    return ""


def _own_arguments(cls: type, config: Config) -> dict[str, Any]:
    """What a dataset's constructor gets for the parameters that its class alone has, and not the surveyed base."""
    base = surveyed_base(cls)
    # What kedro's own classes do with their parameters was surveyed.
    if base is cls:
        return {}
    arguments = {**_defaults(cls, base), **config}
    for name in _EXCEPT | parameters(base).keys():
        arguments.pop(name, None)
    return arguments


def _defaults(cls: type, base: type | None) -> dict[str, Any]:
    """What a class's constructor takes for the parameters that a configuration leaves out."""
    defaults = {}
    for name, parameter in own_parameters(cls, base).items():
        if parameter.default is not inspect.Parameter.empty:
            defaults[name] = parameter.default
    return defaults


def _places(own_arguments: Config, data: DataFolders) -> Iterator[Key]:
    """Where in the arguments of a class's own a place of data is named."""
    for key, text in texts_of(own_arguments):
        names = [name for name in key if isinstance(name, str)]
        if data.holds(text, names[-1]):
            yield key
    yield from tables_in(own_arguments)
    yield from _nested(own_arguments, (), data)


def _nested(value: Any, key: Key, data: DataFolders) -> Iterator[Key]:
    """Where another dataset, or the configuration of one, stands that writes somewhere."""
    if isinstance(value, AbstractDataset):
        yield key
    inside = _inside(value)
    if inside is not None:
        # What is taught of a dataset inside is its location, if it has one; it may name more places.
        keys = [*locations_of(inside.rule, inside.config), ()]
        yield key + keys[0]
        for inner_key in _places(_own_arguments(inside.cls, inside.config), data):
            if inner_key not in keys:
                yield key + inner_key
        return
    for name, inner in items_in(value):
        yield from _nested(inner, (*key, name), data)


class _Inside(NamedTuple):
    """A dataset inside another: its class, its configuration and its rule."""

    cls: type
    config: Config
    rule: Rule


def _inside(value: Any) -> _Inside | None:
    """The dataset that a value configures; None if it configures none, or one that is left alone."""
    if not isinstance(value, Mapping) or "type" not in value:
        return None
    config = dict(value)
    try:
        cls, _ = parse_dataset_definition(config)
    except (DatasetError, TypeError, ValueError):
        # `{"type": "line"}` is a plot's, and no dataset's.
        return None
    rule = rule_for(class_names(cls), config, {})
    if rule.action == "alone":
        return None
    return _Inside(cls, config, rule)
