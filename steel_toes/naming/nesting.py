"""Which directory an entry lists, and which folders a path or a location lies in."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Generic, TypeVar

from steel_toes import errors, reasons
from steel_toes.naming.location import normalise, parse

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

Fact = TypeVar("Fact")

_GLOB = re.compile(r"[*?[]")
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


def folders_around(path: str) -> Iterator[str]:
    """The folders around a path, from the inside out; of an absolute one the last is `/`."""
    folder = posixpath.dirname(path)
    while folder:
        yield folder
        if folder == "/":
            return
        folder = posixpath.dirname(folder)


def lies_in(path: str, folders: Container[str]) -> bool:
    """Whether one of these folders is around a path."""
    return any(folder in folders for folder in folders_around(path))


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


def glob_suffix(location: str) -> str:
    """What the names end with that a glob finds; "" for any, and without a glob."""
    where = parse(location)
    last = where.path.rpartition("/")[2]
    stars = [match.end() for match in _GLOB.finditer(last)]
    if not stars or "]" in last[stars[-1] :]:
        return ""
    return last[stars[-1] :]


def has_glob(location: str) -> bool:
    """Whether a location is a pattern for several."""
    return _GLOB.search(parse(location).path) is not None


class Directories(Generic[Fact]):
    """Directories, each with a fact about it, of which those around a location are found by the location itself.

    However many there are, a location looks up its own parents. A `{placeholder}` in one stands for any text.

    Args:
        facts: by the directories, in any spelling.
    """

    def __init__(self, facts: Mapping[str, Fact]) -> None:
        self.facts = {normalise(directory): fact for directory, fact in facts.items()}
        self._patterns = []
        for directory, fact in self.facts.items():
            pieces = _PLACEHOLDER.split(directory)
            if len(pieces) > 1:
                self._patterns.append((pieces, fact))

    def around(self, location: str) -> Iterator[tuple[str, Fact]]:
        """Those that contain (or are) a location, outermost first, in the location's own spelling.

        `.` contains a relative location.
        """
        for prefix in parse(location).prefixes():
            text = normalise(prefix)
            if text in self.facts:
                yield prefix, self.facts[text]
            for pieces, fact in self._patterns:
                if _fits(text, pieces):
                    yield prefix, fact


def outermost_directory(location: str, listed: Iterable[str]) -> str | None:
    """The outermost of the listed directories that contains (or is) the location, in the location's own spelling.

    A `{placeholder}` in a listed directory stands for any text. `.` is the answer for a relative location in a
    listed `.`.
    """
    for directory, _ in Directories(dict.fromkeys(listed)).around(location):
        return directory
    return None


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
        raise errors.LocationError(reasons.NOT_INSIDE, location=location, directory=directory)
    return inner.removeprefix(start)
