"""The roots of all copies: what `SteelToes(root=...)` may be, and which of them is a location's."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping

from steel_toes import errors, reasons
from steel_toes.naming.branch import stem_of
from steel_toes.naming.digest import digest
from steel_toes.naming.location import is_chain, normalise, parse
from steel_toes.naming.nesting import has_glob
from steel_toes.naming.prefix import BRANCHES
from steel_toes.naming.schemes import scheme_of

Roots = Mapping[str, str]
"""Roots by the names of their stores (see `schemes`), as the project gave them; by `ALL`, the one for all entries."""

ALL = ""
PROJECT = "{project}"
"""In a root, what the project's slug takes the place of."""

LOCAL = "file"
_PLACEHOLDER = re.compile(r"\{[^{}]*\}?|\}")
_TAKEN = {BRANCHES, "_steel_toes"}
_DIGEST_CHARACTERS = 8


def checked_roots(value: object) -> Roots:
    """The roots of a setting: a text for all entries, or a mapping of protocols to texts; nothing of None.

    Raises:
        ConfigurationError: one of them cannot be a root.
    """
    if value is None:
        return {}
    if isinstance(value, str | os.PathLike):
        return {ALL: _checked_root(os.fspath(value))}
    if not isinstance(value, Mapping) or not value:
        raise _error(reasons.ROOT_OF_OTHERS, value)
    return _roots_by_store(value)


def _roots_by_store(value: Mapping[object, object]) -> Roots:
    roots: dict[str, str] = {}
    for protocol, text in value.items():
        if not isinstance(protocol, str) or not isinstance(text, str | os.PathLike):
            raise _error(reasons.ROOT_OF_OTHERS, value)
        root = _checked_root(os.fspath(text))
        store = scheme_of(protocol).name
        # A mistyped protocol would leave the copies of that store where they are, without a word.
        if store != _store_of(root):
            raise _error(reasons.ROOT_OF_ANOTHER_PROTOCOL, value, protocol=protocol, root=root)
        # `s3` and `s3a` are one.
        if roots.setdefault(store, root) != root:
            raise _error(reasons.TWO_ROOTS, value, protocol=protocol)
    return roots


def root_of(roots: Roots, location: str) -> str:
    """The root of a location, as the project gave it; "" if its store has none.

    Raises:
        LocationError: the root lies on another store, to which nothing is copied from main's within a store.
    """
    store = _store_of(location)
    root = roots.get(ALL) or roots.get(store, "")
    if not root:
        return ""
    if _store_of(root) != store or _server_of(root) != _server_of(location):
        raise errors.LocationError(reasons.ROOT_ELSEWHERE, location=location, root=root, store=store)
    return root


def has_root(roots: Roots, location: str) -> bool:
    """Whether a location's copies lie below a root."""
    try:
        return root_of(roots, location) != ""
    except errors.LocationError:
        return False


def expanded(root: str, find_project: Callable[[], str | None]) -> str:
    """A root in one spelling, for a project, whose name may have to be waited for.

    Raises:
        ConfigurationError: it has the project's name in it, and nobody knows that.
    """
    if PROJECT not in root:
        return normalise(root)
    project = find_project()
    if not project:
        raise _error(reasons.ROOT_OF_NO_PROJECT, root)
    return normalise(root.replace(PROJECT, project_slug(project)))


def project_slug(project: str) -> str:
    """The name of a project made safe for paths, with a digest: `acme-flights-1a2b3c4d`."""
    # Of `github.com/acme/flights` the end tells people most; the digest is of all of it.
    owner_and_name = "/".join(project.rstrip("/").split("/")[-2:])
    return f"{stem_of(owner_and_name)}-{digest(project, _DIGEST_CHARACTERS)}".strip("-")


def _checked_root(text: str) -> str:
    for placeholder in _PLACEHOLDER.findall(text):
        if placeholder != PROJECT:
            raise _error(reasons.UNKNOWN_PLACEHOLDER, text, placeholder=placeholder)
    for reason, applies in _REFUSALS.items():
        if applies(text):
            raise _error(reason, text)
    return text


def _is_blank(text: str) -> bool:
    return not text.strip()


def _is_relative(text: str) -> bool:
    where = parse(text)
    # Of `~` each user has another.
    return where.base == "" or text.startswith("~")


def _is_no_folder(text: str) -> bool:
    where = parse(text)
    scheme = scheme_of(where.scheme)
    is_read_only = (scheme.is_http, scheme.is_archive, is_chain(text))
    is_odd = (has_glob(text), where.query, ".." in where.path.split("/"), not text.isprintable())
    return any((*is_read_only, *is_odd))


def _is_taken(text: str) -> bool:
    # `_branches` in it would be taken for the folder of the copies.
    return not _TAKEN.isdisjoint(parse(text).path.split("/"))


def _names_nothing(text: str) -> bool:
    where = parse(text)
    return not (where.host or where.path.strip("/"))


_REFUSALS = {
    errors.BLANK_TEXT: _is_blank,
    reasons.RELATIVE_ROOT: _is_relative,
    reasons.ROOT_NO_FOLDER: _is_no_folder,
    reasons.ROOT_IS_TAKEN: _is_taken,
    reasons.ROOT_OF_NOTHING: _names_nothing,
}
"""Why a text can be no root, in the order in which it is looked at."""


def _store_of(location: str) -> str:
    return scheme_of(parse(location).scheme or LOCAL).name


def _server_of(location: str) -> str:
    """What of a location's host is no bucket: a server's name, or that of an account."""
    where = parse(location)
    if scheme_of(where.scheme).has_buckets:
        return where.host.partition("@")[2]
    return where.host


def _error(reason: errors.Reason, value: object, **facts: str) -> errors.ConfigurationError:
    return errors.ConfigurationError(reason, setting="root", value=value, **facts)
