"""Which directory an entry lists, and which listed directory a location lies in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from steel_toes import errors
from steel_toes.naming.location import normalise, parse

if TYPE_CHECKING:
    from collections.abc import Iterable

_GLOB = re.compile(r"[*?[]")
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


def listed_directory(location: str, lists: bool) -> str | None:
    """The directory that an entry at this location lists, or None if it lists none.

    Args:
        location: with a glob, the answer is the last directory before it (`.` or the bucket, if there is none).
        lists: whether the entry lists its location: partitions, a directory dataset. A trailing slash says so too.
    """
    where = parse(location)
    glob = _GLOB.search(where.path)
    if glob is not None:
        before_glob = where.path[: glob.start()]
        above, _, _ = before_glob.rpartition("/")
        return where.before + above or "."
    text = where.before + where.path
    if lists or text.endswith("/"):
        return text or "."
    return None


def has_glob(location: str) -> bool:
    """Whether a location is a pattern for several."""
    return _GLOB.search(parse(location).path) is not None


def outermost_directory(location: str, listed: Iterable[str]) -> str | None:
    """The outermost of the listed directories that contains (or is) the location, in the location's own spelling.

    A `{placeholder}` in a listed directory stands for any text. `.` is the answer for a relative location in a
    listed `.`.
    """
    directories = set(map(normalise, listed))
    patterns = _patterns(directories)
    # From the outside in: the first that is listed is the outermost.
    for prefix in parse(location).prefixes():
        text = normalise(prefix)
        is_listed = text in directories
        if is_listed or _fits_any(text, patterns):
            return prefix
    return None


def _fits_any(text: str, patterns: list[list[str]]) -> bool:
    return any(_fits(text, pieces) for pieces in patterns)


def _patterns(directories: set[str]) -> list[list[str]]:
    """The directories with a placeholder, in the pieces between those."""
    patterns = []
    for directory in directories:
        pieces = _PLACEHOLDER.split(directory)
        if len(pieces) > 1:
            patterns.append(pieces)
    return patterns


def _fits(text: str, pieces: list[str]) -> bool:
    """Whether the pieces follow each other in the text with some text between them; linear, as no regex is."""
    first, *between, last = pieces
    if not text.startswith(first):
        return False
    rest = text.removeprefix(first)
    for piece in [*between, ""]:
        # A placeholder stands for one character at least; the last one, too, before what the text ends with.
        start = rest.find(piece, 1)
        if start < 0:
            return False
        rest = rest[start + len(piece) :]
    return rest.endswith(last)


def relative(location: str, directory: str) -> str:
    """The path of a location below a directory; "" if it is the directory.

    Raises:
        LocationError: it does not lie in the directory.
    """
    inner = normalise(location)
    outer = normalise(directory)
    if inner == outer:
        return ""
    start = outer.removesuffix("/") + "/"
    # A relative location has no such beginning.
    if outer == ".":
        start = ""
    if not inner.startswith(start):
        raise errors.LocationError(errors.NOT_INSIDE, location=location, directory=directory)
    return inner.removeprefix(start)
