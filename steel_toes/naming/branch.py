"""A branch's name, and the slug that it becomes in paths and bucket names."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from steel_toes.naming.digest import digest

_UNDO_BRANCH = re.compile(r"undo/.+/\d{8}T\d{6}Z", re.DOTALL)
_STEM_CHARACTERS = 40  # of a slug, before its digest
_DIGEST_CHARACTERS = 8


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch, and how it was found.

    Attributes:
        name: the full name; None if the branch is unknown.
        source: what gave the name, for people; "" if unknown.
        is_main: whether everybody reads this branch's data.
        why: if unknown, one sentence with the reason.
        tried: the sources that were asked before and did not answer, in order.
        warning: what somebody should know who did not expect this branch, in one sentence.
    """

    name: str | None
    source: str
    is_main: bool = False
    why: str = ""
    tried: tuple[str, ...] = ()
    warning: str = ""

    @property
    def is_known(self) -> bool:
        """Whether any source gave the branch's name."""
        return self.name is not None

    @property
    def slug(self) -> str:
        """The name made safe for paths; "" for the unknown branch, which has no path."""
        return "" if self.name is None else make_slug(self.name)


def undo_branch(name: str, time: str) -> str:
    """The name of the branch that keeps what main had when a branch was promoted.

    Args:
        name: of that branch.
        time: of the promote, such as 20261126T041000Z.
    """
    return f"undo/{name}/{time}"


def is_undo_branch(name: str | None) -> bool:
    """Whether a branch keeps what main had."""
    return name is not None and _UNDO_BRANCH.fullmatch(name) is not None


@lru_cache(maxsize=1_000)
def make_slug(name: str) -> str:
    """Make a branch name safe for paths and bucket names.

    A slug is of `[a-z0-9-]`, begins and ends with a letter or digit and never contains `--`, which separates it from
    what stands before it. A name that is not already so, or is longer than 40 characters, or could be taken for a slug
    with a digest, gets eight hex digits of its SHA-256: names that differ, if only in case, keep slugs that differ.

    Args:
        name: a branch's full name, not empty.

    Returns:
        At most 49 characters. 32 bits are no proof: records compare the full name.
    """
    stem = stem_of(name) or "branch"
    looks_digested = re.fullmatch(r".+-[0-9a-f]{8}", name) is not None
    if stem == name and not looks_digested:
        return stem
    return f"{stem}-{digest(name, _DIGEST_CHARACTERS)}"


def stem_of(name: str) -> str:
    """The letters and digits of a name, in lower case, with `-` for whatever stands between them; "" if it has none."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^a-z0-9]+", "-", ascii_name.lower()).strip("-")
    return stem[:_STEM_CHARACTERS].rstrip("-")
