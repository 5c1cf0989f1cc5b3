"""What the code was that made data: a digest of all code files, and those in which it differs from main's.

A save records what the code *was*, not which commit it hangs on: a squashed merge keeps no commit, but every file. The
files are those that Git tracks or would add, below the project's folder; their contents are compared as Git stores
them. What Git cannot answer is unknown, and proves nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steel_toes import errors
from steel_toes.checkout.code_files import CodeListing, Entry, UnknowableError, blobs_of, is_any_newer
from steel_toes.naming.buckets import DELIMITER
from steel_toes.naming.nesting import lies_in
from steel_toes.naming.suffix import without_suffix

Blobs = Mapping[str, str]
"""Git's names of the contents of files, by their paths from the top of the working tree."""

EDITS = 200
"""At most so many files may differ from main's: more are no request that anybody reviews."""

# In the project's folder, but no code that makes data. `conf/local` is ignored by Git.
_NO_CODE = ("docs", "tests", "notebooks")
_ALWAYS_LEFT_OUT = re.compile(r"(^|/)(__pycache__|_steel_toes|_branches)/|\.py[co]$")


@dataclass(frozen=True, slots=True)
class CodeScope:
    """Which files are code.

    Args:
        added: paths from the top of the working tree that are code, too: a shared library of a monorepo.
        left_out: paths from there that are none.
        data: paths from the project of files and folders where data or records lie.
        around: paths of folders in which they lie: Git lists one only where it is a link, or a submodule, to the data.
    """

    added: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()
    data: frozenset[str] = frozenset()
    around: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the code was; None where that is unknown.

    Attributes:
        source_tree: a digest of the paths and the contents of all code files.
        edits: the code files that differ from main's, with what Git calls their contents; None for one that is gone.
        was_edited: whether a code file is newer than the code that was loaded, so that nothing is known.
    """

    source_tree: str | None = None
    edits: Mapping[str, str | None] | None = None
    was_edited: bool = False


UNKNOWN = Provenance()


def provenance_of(listing: CodeListing | None, scope: CodeScope, loaded_at: float | None = None) -> Provenance:
    """What the code is.

    Args:
        listing: what Git said.
        scope: which files are code.
        loaded_at: when the code was loaded, by the clock of this machine: what changed since is not what runs.
    """
    if listing is None:
        return UNKNOWN
    tracked = tracked_code(listing, scope)
    changed_paths = _changed_code(listing, scope)
    if loaded_at is not None and is_any_newer(Path(listing.top), {*tracked, *changed_paths}, loaded_at):
        return Provenance(was_edited=True)
    try:
        blobs = _with_changes(tracked, listing, changed_paths)
    except UnknowableError:
        return UNKNOWN
    return Provenance(source_tree_of(blobs), _edits(blobs, listing, scope))


def code_now(listing: CodeListing, scope: CodeScope) -> dict[str, str]:
    """The code files as they are in the working tree.

    Raises:
        UnknowableError: Git cannot say what it calls the contents of one.
    """
    return _with_changes(tracked_code(listing, scope), listing, _changed_code(listing, scope))


def _with_changes(tracked: Blobs, listing: CodeListing, changed_paths: list[str]) -> dict[str, str]:
    blobs = dict(tracked)
    for path, blob in blobs_of(listing, changed_paths).items():
        blobs.pop(path, None)
        if blob is not None:
            blobs[path] = blob
    return blobs


def _changed_code(listing: CodeListing, scope: CodeScope) -> list[str]:
    """The code files that differ from what Git tracks, and those that it would add."""
    return [path for path in listing.changed if is_code(path, listing.prefix, scope)]


def tracked_code(listing: CodeListing, scope: CodeScope) -> dict[str, str]:
    """The code files that Git tracks, or that a commit has."""
    return _code_in(listing.tracked, listing, scope)


def _code_in(entries: Mapping[str, Entry], listing: CodeListing, scope: CodeScope) -> dict[str, str]:
    """The code files among those of the index or of a tree."""
    blobs = {}
    for path, entry in entries.items():
        if is_code(path, listing.prefix, scope):
            blobs[path] = entry.blob
    return blobs


def is_code(path: str, prefix: str, scope: CodeScope) -> bool:
    """Whether a file is code.

    Args:
        path: from the top of the working tree.
        prefix: the project's, with a slash at its end.
        scope: which files are.
    """
    if _ALWAYS_LEFT_OUT.search(path) or _is_at(path, scope.left_out):
        return False
    if _is_at(path, scope.added):
        return True
    if not path.startswith(prefix):
        return False
    inside = path.removeprefix(prefix)
    first = inside.split("/", 1)[0]
    if first in _NO_CODE or first.startswith("README"):
        return False
    return not _is_data(inside, scope)


def _is_data(inside: str, scope: CodeScope) -> bool:
    """Whether a file of the project is data, or a link to it."""
    if inside in scope.around or _is_at(inside, scope.data):
        return True
    # A branch copy lies beside what it is a copy of.
    if DELIMITER not in inside:
        return False
    return _is_at("/".join(map(without_suffix, inside.split("/"))), scope.data)


def _is_at(path: str, places: frozenset[str]) -> bool:
    """Whether a path is one of these places, or lies in one."""
    return path in places or lies_in(path, places)


def _edits(blobs: Blobs, listing: CodeListing, scope: CodeScope) -> dict[str, str | None] | None:
    """The code files that differ from main's; None if there are too many, or if main's are unknown."""
    if listing.base is None:
        return None
    base = _code_in(listing.base, listing, scope)
    edits: dict[str, str | None] = {}
    for path in sorted({*blobs, *base}):
        if blobs.get(path) != base.get(path):
            edits[path] = blobs.get(path)
    return edits if len(edits) <= EDITS else None


def source_tree_of(blobs: Blobs) -> str:
    """The first 16 hex digits of the SHA-256 over the sorted pairs of path and content."""
    text = json.dumps(sorted(blobs.items()), ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]


# The identity that travels --------------------------------------------------------------------------------------------


def as_variable(provenance: Provenance) -> str:
    """The value of `STEEL_TOES_CODE`: the digest and, after a colon, the edits, compressed; "" if it is unknown."""
    if provenance.source_tree is None:
        return ""
    if provenance.edits is None:
        return provenance.source_tree
    # An environment has room for some thousand characters, and blobs are the same for nobody.
    packed = zlib.compress(json.dumps(provenance.edits, sort_keys=True).encode("ascii"), 9)
    return f"{provenance.source_tree}:{base64.urlsafe_b64encode(packed).decode('ascii')}"


def code_variable(environ: Mapping[str, str] = os.environ) -> Provenance:
    """What `STEEL_TOES_CODE` says; unknown if it is blank.

    Raises:
        ConfigurationError: it is not what `whoami --export` prints.
    """
    text = environ.get("STEEL_TOES_CODE", "").strip()
    if not text:
        return UNKNOWN
    source_tree, _, packed = text.partition(":")
    try:
        edits = _unpacked(packed) if packed else None
    except (ValueError, zlib.error) as exc:
        raise errors.ConfigurationError(errors.NOT_A_CODE, setting="STEEL_TOES_CODE", value=text) from exc
    if not re.fullmatch(r"[0-9a-f]{16}", source_tree):
        raise errors.ConfigurationError(errors.NOT_A_CODE, setting="STEEL_TOES_CODE", value=text)
    return Provenance(source_tree, edits)


def _unpacked(packed: str) -> dict[str, str | None]:
    # From an environment that anybody can set.
    edits: Any = json.loads(zlib.decompress(base64.urlsafe_b64decode(packed.encode("ascii"))))
    if not isinstance(edits, dict) or not set(map(type, edits.values())) <= {str, type(None)}:
        raise ValueError("it holds no edits")
    return dict(edits)
