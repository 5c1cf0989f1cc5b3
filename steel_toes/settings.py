"""What a project sets: the arguments of `SteelToes` as one frozen, checked value, and what the environment adds."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steel_toes.checkout.find import find_branch, main_names
from steel_toes.checkout.identity import project_variable
from steel_toes.errors import (
    BLANK_TEXT,
    CODE_OF_OTHERS,
    NEITHER_TRUE_NOR_FALSE,
    NOT_A_SWITCH,
    NOT_A_TEXT,
    PARAMETERS_OF_OTHERS,
    SHARED_AS_TEXT,
    SHARED_OF_OTHERS,
    ConfigurationError,
)
from steel_toes.naming.layout import check_layout
from steel_toes.naming.roots import ALL, Roots
from steel_toes.reasons import ROOT_WITH_RECORDS, ROOT_WITHOUT_PREFIX
from steel_toes.redaction import redacted_repr

Parameters = Mapping[str, str | Sequence[str]]

if TYPE_CHECKING:
    from pathlib import Path

    from steel_toes.checkout.code import LoadedCode
    from steel_toes.naming.branch import Branch


@redacted_repr
@dataclass(frozen=True, slots=True)
class Settings:
    """The arguments of `SteelToes`, which describes them; the environment is read when it is asked for.

    Raises:
        ConfigurationError: a value that cannot be used.
    """

    branch_name: str | None = None
    main_name: str | None = None
    layout: str = "suffix"
    records_folder: str | None = None
    project: str | None = None
    shared: Sequence[str | type] = ()
    location_parameters: Parameters = field(default_factory=dict)
    source_parameters: Parameters = field(default_factory=dict)
    create_buckets: bool = False
    record_author: bool = True
    code: Sequence[str] = ()
    read_only: bool = False
    roots: Roots = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_text("branch", self.branch_name)
        _check_text("main", self.main_name)
        _check_text("records", self.records_folder)
        _check_text("project", self.project)
        _check_switch("create_buckets", self.create_buckets)
        _check_switch("record_author", self.record_author)
        _check_switch("read_only", self.read_only)
        check_layout(self.layout)
        self._check_roots()
        if isinstance(self.shared, str):
            raise ConfigurationError(SHARED_AS_TEXT, setting="shared", value=self.shared)
        if not _is_of_names_or_types(self.shared):
            raise ConfigurationError(SHARED_OF_OTHERS, setting="shared", value=self.shared)
        # What is done to a list after it was given changes nothing.
        object.__setattr__(self, "shared", tuple(self.shared))
        object.__setattr__(self, "code", _checked_code(self.code))
        for setting in ("location_parameters", "source_parameters"):
            object.__setattr__(self, setting, _checked_parameters(setting, getattr(self, setting)))

    def _check_roots(self) -> None:
        if not self.roots:
            return
        value = self.roots.get(ALL, self.roots)
        if self.layout != "prefix":
            raise ConfigurationError(ROOT_WITHOUT_PREFIX, setting="root", value=value)
        if self.records_folder is not None:
            raise ConfigurationError(ROOT_WITH_RECORDS, setting="root", value=value)

    @property
    def is_enabled(self) -> bool:
        """Whether steel_toes is switched on; see `is_enabled`."""
        return is_enabled(os.environ)

    @property
    def read_only_source(self) -> str:
        """What makes this process read-only, for people; "" if nothing does.

        Raises:
            ConfigurationError: the variable is neither true nor false.
        """
        # Asked first: a bad value is an error wherever it is set.
        is_set = is_read_only(os.environ)
        if self.read_only:
            return "SteelToes(read_only=True)"
        return "STEEL_TOES_READ_ONLY" if is_set else ""

    @property
    def mains(self) -> frozenset[str]:
        """The names of main."""
        return main_names(self.main_name)

    @property
    def main_source(self) -> str:
        """What gave the names of main, for people."""
        if self.main_name:
            return "SteelToes(main=...)"
        if os.environ.get("STEEL_TOES_MAIN", "").strip():
            return "STEEL_TOES_MAIN"
        return "the default"

    @property
    def project_source(self) -> str:
        """What gives the project's name, for people."""
        if self.project:
            return "SteelToes(project=...)"
        if project_variable():
            return "STEEL_TOES_PROJECT"
        return "the remote's URL"

    def find_branch(self, project_path: Path, name: str | None = None, code: LoadedCode | None = None) -> Branch:
        """The branch of the project at this path, for a process that has loaded this code; with a name, that branch."""
        branch_name = self.branch_name if name is None else name
        return find_branch(project_path, branch=branch_name, main=self.main_name, code=code)


def _check_text(setting: str, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        raise ConfigurationError(NOT_A_TEXT, setting=setting, value=value)
    # A blank branch or main has an error of its own, which knows what may be left out.
    if not value.strip() and setting in ("records", "project"):
        raise ConfigurationError(BLANK_TEXT, setting=setting, value=value)


def _check_switch(setting: str, value: object) -> None:
    """A switch is True or False: a text such as "no" would count as True."""
    if not isinstance(value, bool):
        raise ConfigurationError(NOT_A_SWITCH, setting=setting, value=value)


def _is_of_names_or_types(shared: object) -> bool:
    if not isinstance(shared, Iterable):
        return False
    return all(isinstance(entry, (str, type)) for entry in shared)


def _checked_parameters(setting: str, parameters: object) -> dict[str, tuple[str, ...]]:
    """The parameters of each class, of which one may be given as a text."""
    error = ConfigurationError(PARAMETERS_OF_OTHERS, setting=setting, value=parameters)
    if not isinstance(parameters, Mapping):
        raise error
    checked = {}
    for class_name, value in parameters.items():
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, Sequence) or not names or not _are_texts([class_name, *names]):
            raise error
        checked[class_name] = tuple(names)
    return checked


def _checked_code(code: object) -> tuple[str, ...]:
    """The paths of `SteelToes(code=...)`: from the top of the working tree, and not out of it."""
    error = ConfigurationError(CODE_OF_OTHERS, setting="code", value=code)
    if isinstance(code, str) or not isinstance(code, Sequence) or not _are_texts(code):
        raise error
    paths = []
    for text in code:
        mark = "!" if text.startswith("!") else ""
        path = posixpath.normpath(text.removeprefix("!"))
        if path.startswith(("/", "..")) or path == ".":
            raise error
        paths.append(f"{mark}{path}")
    return tuple(paths)


def _are_texts(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) and value for value in values)


def is_enabled(environ: Mapping[str, str]) -> bool:
    """Whether steel_toes is switched on: `STEEL_TOES_ENABLED`, on if it is unset or blank.

    Raises:
        ConfigurationError: the value is neither true nor false.
    """
    return _switch("STEEL_TOES_ENABLED", environ, default=True)


def is_read_only(environ: Mapping[str, str]) -> bool:
    """Whether `STEEL_TOES_READ_ONLY` makes this process read-only: not if it is unset or blank.

    Raises:
        ConfigurationError: the value is neither true nor false.
    """
    return _switch("STEEL_TOES_READ_ONLY", environ, default=False)


def _switch(setting: str, environ: Mapping[str, str], *, default: bool) -> bool:
    value = environ.get(setting, "").strip()
    if not value:
        return default
    if value.lower() in ("true", "1", "yes", "on"):
        return True
    if value.lower() in ("false", "0", "no", "off"):
        return False
    # A typo must not switch off what protects data.
    raise ConfigurationError(NEITHER_TRUE_NOR_FALSE, setting=setting, value=value)


def has_terminal_width() -> bool:
    """Whether `COLUMNS` says how wide a table may be."""
    return "COLUMNS" in os.environ
