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
        above, _, _ = where.path[: glob.start()].rpartition("/")
        return where.before + above or "."
    has_slash = (where.path or where.before).endswith("/")
    if lists or has_slash:
        return where.before + where.path or "."
    return None


def outermost_directory(location: str, listed: Iterable[str]) -> str | None:
    """The outermost of the listed directories that contains (or is) the location, in the location's own spelling.

    A `{placeholder}` in a listed directory stands for any text. `.` is the answer for a relative location in a
    listed `.`.
    """
    directories = {normalise(directory) for directory in listed}
    patterns = [_PLACEHOLDER.split(text) for text in directories if _PLACEHOLDER.search(text)]
    for prefix in parse(location).prefixes():
        text = normalise(prefix)
        if text in directories:
            return prefix
        if any(_fits(text, pieces) for pieces in patterns):
            return prefix
    return None


def _fits(text: str, pieces: list[str]) -> bool:
    """Whether the pieces follow each other in the text with some text between them; linear, as no regex is."""
    first, *between, last = pieces
    end = len(first)
    for piece in between:
        start = text.find(piece, end + 1)
        if start < 0:
            return False
        end = start + len(piece)
    has_ends = text.startswith(first) and text.endswith(last)
    return has_ends and len(text) - len(last) > end


def relative(location: str, directory: str) -> str:
    """The path of a location below a directory; "" if it is the directory.

    Raises:
        LocationError: it does not lie in the directory.
    """
    inner = normalise(location)
    outer = normalise(directory)
    if inner == outer:
        return ""
    start = "" if outer == "." else outer.removesuffix("/") + "/"
    if not inner.startswith(start):
        raise errors.LocationError(errors.NOT_INSIDE, location=location, directory=directory)
    return inner[len(start) :]
