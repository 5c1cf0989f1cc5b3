"""Every place: what an entry of a project's own class names, besides the location that moves to the branch.

A class that writes two files when one of them moves to the branch writes main's other one. So whatever stands in such
an entry and lies where data lies must move too, or the entry is not saved. A word that only looks like a path (a time
zone, a model's name, a template of the checkout) lies nowhere near data.
"""

from __future__ import annotations

import inspect
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError
from kedro.io.core import parse_dataset_definition

from steel_toes.datasets.classes import own_parameters, parameters, surveyed_base
from steel_toes.datasets.paths import Key, absolute, items_in, locations_of, texts_in
from steel_toes.datasets.registry import TABLE_PARAMETERS, Config, Rule, class_names, rule_for
from steel_toes.naming.location import normalise, parse
from steel_toes.naming.schemes import scheme_of
from steel_toes.stores.opening import is_a_store

# Never a place of data: how a file is read or opened, and what only people read.
_EXCEPT = {"type", "version", "versioned", "load_args", "fs_args", "storage_options", "credentials", "metadata"}
_IN_NO_PATH = frozenset("\n\0")
_PATH_WORDS = re.compile(r"path|file|dir|folder|location", re.IGNORECASE)


@dataclass(frozen=True)
class DataFolders:
    """Where data lies: the folders of entries' locations and of records.

    Args:
        project_path: the project's absolute path: what lies outside it is no part of the checkout.
        inside: folders, of which everything inside lies where data lies.
        around: folders around those.
        is_in_project: data lies directly in the project's folder too, as its code does.
    """

    project_path: str = ""
    inside: frozenset[str] = field(default=frozenset(), repr=False)
    around: frozenset[str] = field(default=frozenset(), repr=False)
    is_in_project: bool = False

    def holds(self, text: str, parameter: str) -> bool:
        """Whether the text of a parameter, read as Kedro reads a location, lies where data lies."""
        if not _may_be_a_path(text):
            return False
        where = parse(text)
        scheme = scheme_of(where.scheme)
        if where.scheme and not scheme.is_local:
            # What lies behind HTTP is only read.
            return is_a_store(where.scheme) and not scheme.is_http
        path = posixpath.normpath(normalise(absolute(text)))
        spelled_path = Path(where.before + where.path).expanduser()
        # The checkout's own files may be named by an absolute path too.
        is_in_checkout = f"{path}/".startswith(f"{self.project_path}/")
        if spelled_path.is_absolute() and not is_in_checkout:
            return True
        return self._holds_path(path, parameter)

    def _holds_path(self, path: str, parameter: str) -> bool:
        """Whether a path of the checkout lies where data lies."""
        folder = posixpath.dirname(path)
        if self.is_in_project and folder == self.project_path:
            # Any word lies beside such data: only a parameter that says that it is a path is taken for one.
            return _PATH_WORDS.search(parameter) is not None
        if path in self.around:
            return True
        return not self.inside.isdisjoint(_and_above(path))


def _may_be_a_path(text: str) -> bool:
    """Whether a text can be a path at all."""
    # A text of spaces alone or of slashes alone is a separator.
    name = text.strip().strip("/.")
    if not name:
        return False
    # No path has a line break.
    return _IN_NO_PATH.isdisjoint(text)


def data_folders(project_path: str, folders: Iterable[str]) -> DataFolders:
    """Where data lies.

    Args:
        project_path: the project's absolute path. Neither it nor a folder around it counts: all that a checkout has
            lies in it.
        folders: of locations and of records.
    """
    excluded = set(_and_above(project_path))
    local = {posixpath.normpath(folder) for folder in folders if "://" not in folder}
    is_in_project = project_path in local
    inside = local - excluded
    around: set[str] = set()
    for folder in inside:
        around.update(_and_above(folder))
    around -= excluded
    return DataFolders(project_path, frozenset(inside), frozenset(around), is_in_project)


def _and_above(path: str) -> Iterator[str]:
    """A path, and the folders around it from the inside out."""
    yield path
    above = posixpath.dirname(path)
    while above != path:
        yield above
        path = above
        above = posixpath.dirname(path)


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
    own_arguments = _own_arguments(cls, config)
    for key in _places(own_arguments, data):
        # What holds inside of a parameter that moves, or that is only read, goes with it.
        around = {key[:length] for length in range(len(key) + 1)}
        if skipped.isdisjoint(around):
            return ".".join(map(str, key))
    return ""


def is_of_a_table(parameter: str) -> bool:
    """Whether a parameter that names a place names no file or folder."""
    return parameter in TABLE_PARAMETERS or parameter == "dataset"


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
    for key, text in texts_in(own_arguments):
        names = [name for name in key if isinstance(name, str)]
        if data.holds(text, names[-1]):
            yield key
    yield from _tables(own_arguments)
    yield from _nested(own_arguments, ())


def _tables(own_arguments: Config) -> Iterator[Key]:
    """Where a table of a database, or what stands for one elsewhere, is named."""
    for name in sorted(TABLE_PARAMETERS & own_arguments.keys()):
        value = own_arguments[name]
        # A switch may have such a name: `index: false`.
        if isinstance(value, str) and value:
            yield (name,)
    # `dataset` alone is a dataset inside, or anything.
    dataset = own_arguments.get("dataset")
    if isinstance(dataset, str) and own_arguments.get("project_id"):
        yield ("dataset",)


def _nested(value: Any, key: Key) -> Iterator[Key]:
    """Where another dataset, or the configuration of one, stands that writes somewhere."""
    if isinstance(value, AbstractDataset):
        yield key
    rule = _rule_inside(value)
    if rule is not None:
        # What is taught of a dataset inside is its location, if it has one.
        keys = [*locations_of(rule, dict(value)), ()]
        yield key + keys[0]
        return
    for name, inner in items_in(value):
        yield from _nested(inner, (*key, name))


def _rule_inside(value: Any) -> Rule | None:
    """The rule of the dataset that a value configures; None if it configures none, or one that is left alone."""
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
    return rule
