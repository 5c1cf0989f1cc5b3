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
from steel_toes.datasets.paths import Key, absolute, locations_of, texts_in
from steel_toes.datasets.registry import TABLE_PARAMETERS, Config, class_names, rule_for
from steel_toes.naming.location import normalise, parse
from steel_toes.naming.schemes import scheme_of
from steel_toes.stores.opening import is_a_store

# Never a place of data: how a file is read or opened, and what only people read.
_EXCEPT = {"type", "version", "versioned", "load_args", "fs_args", "storage_options", "credentials", "metadata"}
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
        # No path has a line break; a text of spaces alone or of slashes alone is a separator.
        if not text.strip().strip("/.") or "\n" in text or "\0" in text:
            return False
        where = parse(text)
        scheme = scheme_of(where.scheme)
        if where.scheme and not scheme.is_local:
            return is_a_store(where.scheme) and not scheme.is_http
        path = posixpath.normpath(normalise(absolute(text)))
        is_absolute = Path(where.before + where.path).expanduser().is_absolute()
        if is_absolute and not f"{path}/".startswith(f"{self.project_path}/"):
            return True
        # Any word lies beside such data: only a parameter that says that it is a path is taken for one.
        if self.is_in_project and posixpath.dirname(path) == self.project_path:
            return _PATH_WORDS.search(parameter) is not None
        return path in self.around or not self.inside.isdisjoint(_and_above(path))


def data_folders(project_path: str, folders: Iterable[str]) -> DataFolders:
    """Where data lies.

    Args:
        project_path: the project's absolute path. Neither it nor a folder around it counts: all that a checkout has
            lies in it.
        folders: of locations and of records.
    """
    excluded = set(_and_above(project_path))
    local = {posixpath.normpath(folder) for folder in folders if "://" not in folder}
    inside = local - excluded
    around: set[str] = set()
    for folder in inside:
        around.update(_and_above(folder))
    return DataFolders(project_path, frozenset(inside), frozenset(around - excluded), project_path in local)


def _and_above(path: str) -> Iterator[str]:
    """A path, and the folders around it from the inside out."""
    while True:
        yield path
        above = posixpath.dirname(path)
        if above == path:
            return
        path = above


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
    base = surveyed_base(cls)
    # What kedro's own classes do with their parameters was surveyed.
    if base is cls:
        return ""
    taken = set(_EXCEPT)
    if base is not None:
        taken.update(parameters(base))
    given = {**_defaults(cls, base), **config}
    own = {name: value for name, value in given.items() if name not in taken}
    skipped = [*moved, *(tuple(source.split(".")) for source in sources)]
    for key in _places(own, data):
        if not any(key[: len(skip)] == skip for skip in skipped):
            return ".".join(map(str, key))
    return ""


def is_of_a_table(parameter: str) -> bool:
    """Whether a parameter that names a place names no file or folder."""
    return parameter in TABLE_PARAMETERS or parameter == "dataset"


def _defaults(cls: type, base: type | None) -> dict[str, Any]:
    """What a class's constructor takes for the parameters that a configuration leaves out."""
    defaults = {}
    for name, parameter in own_parameters(cls, base).items():
        if parameter.default is not inspect.Parameter.empty:
            defaults[name] = parameter.default
    return defaults


def _places(own: Config, data: DataFolders) -> Iterator[Key]:
    """Where in the parameters of a class's own a place of data is named."""
    for key, text in texts_in(own):
        names = [name for name in key if isinstance(name, str)]
        if data.holds(text, names[-1]):
            yield key
    for name in sorted(TABLE_PARAMETERS & own.keys()):
        if own[name] and isinstance(own[name], str):
            yield (name,)
    # `dataset` alone is a dataset inside, or anything.
    if isinstance(own.get("dataset"), str) and own.get("project_id"):
        yield ("dataset",)
    yield from _nested(own, ())


def _nested(value: Any, key: Key) -> Iterator[Key]:
    """Where the configuration of another dataset stands that writes somewhere."""
    if isinstance(value, AbstractDataset):
        yield key
    if isinstance(value, list | tuple):
        value = dict(enumerate(value))
    if not isinstance(value, Mapping):
        return
    if "type" in value and _writes(value):
        yield _location_key(value, key)
        return
    for name, inner in value.items():
        yield from _nested(inner, (*key, name))


def _writes(config: Mapping[str, Any]) -> bool:
    """Whether a configuration is that of a dataset which is not left alone."""
    try:
        cls, _ = parse_dataset_definition(dict(config))
    except (DatasetError, TypeError, ValueError):
        # `{"type": "line"}` is a plot's, and no dataset's.
        return False
    return rule_for(class_names(cls), dict(config), {}).action != "alone"


def _location_key(config: Mapping[str, Any], key: Key) -> Key:
    """Where the location of a dataset inside stands, if it has one: what is taught of it."""
    cls, _ = parse_dataset_definition(dict(config))
    rule = rule_for(class_names(cls), dict(config), {})
    for inner_key in locations_of(rule, dict(config)):
        return (*key, *inner_key)
    return key
