"""The files of a project as Git knows them: what it tracks, what it would add, and what it calls their contents."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from steel_toes.checkout.git import ask, ask_with_input, find_commit

_SUBMODULE = "160000"
_MANY = 500  # paths of one command


class UnknowableError(Exception):
    """Git cannot say what it calls the contents of a file."""


class Entry(NamedTuple):
    """A file in Git's index, or in a tree."""

    mode: str
    blob: str


@dataclass(frozen=True, slots=True)
class CodeListing:
    """What Git says of the files of a project, before anybody knows which of them are code.

    Args:
        top: the top of the working tree.
        prefix: the project's path from there, with a slash at its end; "" if it is the top.
        tracked: the files that Git tracks.
        changed: the paths that differ from what Git tracks, and those that it would add.
        base: main's files where the branch left it; None if that is unknown.
    """

    top: str
    prefix: str
    tracked: Mapping[str, Entry] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    base: Mapping[str, Entry] | None = None


def list_code(project: Path, mains: Iterable[str], added: Iterable[str] = ()) -> CodeListing | None:
    """Ask Git for the files that may be code. None without Git, or where it refuses.

    Args:
        project: the project's path, in or below a working tree.
        mains: the names of main.
        added: paths from the top of the working tree, beside the project.
    """
    place = _place_of(project)
    if place is None:
        return None
    top, prefix = place
    paths = [f":(top){prefix}" if prefix else ":(top)", *(f":(top){path}" for path in added)]
    index = ask(Path(top), "ls-files", "--stage", "-z", "--", *paths)
    status = ask(Path(top), "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--", *paths)
    if index.status or status.status:
        return None
    changed = tuple(line[3:] for line in status.output.split("\0") if line)
    return CodeListing(top, prefix, _entries_of(index.output, blob_index=1), changed, _base(Path(top), mains, paths))


def list_code_of(project: Path, ref: str, added: Iterable[str] = (), other: str = "") -> CodeListing | None:
    """Ask Git for the files of a commit that may be code. None without Git, or without that commit.

    Args:
        project: the project's path, in or below a working tree.
        ref: names the commit.
        added: paths from the top of the working tree, beside the project.
        other: names another commit: where the first left it is the listing's base.
    """
    place = _place_of(project)
    commit = find_commit(project, ref)
    if place is None or commit is None:
        return None
    top, prefix = place
    paths = [prefix, *added]
    tree = _tree(Path(top), commit, paths)
    if tree is None:
        return None
    base = None
    if other:
        merge_base = ask(Path(top), "merge-base", commit, other)
        base = None if merge_base.status else _tree(Path(top), merge_base.output, paths)
    return CodeListing(top, prefix, tree, base=base)


def fetch_commit(project: Path, commit: str) -> bool:
    """Ask the remote `origin` for a commit that this clone does not have; whether it gave it. No ref is changed."""
    return not ask(project, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "origin", commit).status


def _place_of(project: Path) -> tuple[str, str] | None:
    """The top of the working tree, and the project's path from there, with a slash at its end."""
    answer = ask(project, "rev-parse", "--show-toplevel", "--show-prefix")
    if answer.status:
        return None
    top, _, prefix = answer.output.partition("\n")
    return top, prefix


def _base(top: Path, mains: Iterable[str], paths: list[str]) -> dict[str, Entry] | None:
    """Main's files where HEAD left main; None if there is no such commit here, as in a clone of depth 1."""
    for main in sorted(mains):
        for ref in (f"refs/remotes/origin/{main}", f"refs/heads/{main}"):
            merge_base = ask(top, "merge-base", "HEAD", ref)
            if not merge_base.status:
                return _tree(top, merge_base.output, paths)
    return None


def _tree(top: Path, ref: str, paths: list[str]) -> dict[str, Entry] | None:
    # ls-tree knows no magic of pathspecs, and paths are from the top there.
    plain = [path.removeprefix(":(top)") for path in paths]
    # The top itself is all there is.
    if "" in plain:
        plain = []
    answer = ask(top, "ls-tree", "-r", "-z", "--full-tree", ref, "--", *plain)
    if answer.status:
        return None
    # The type of an object stands where the index has nothing.
    return _entries_of(answer.output, blob_index=2)


def _entries_of(output: str, blob_index: int) -> dict[str, Entry]:
    """The files that Git lists, each with its mode and, among the facts that stand before its path, its blob."""
    entries = {}
    for line in filter(None, output.split("\0")):
        text, _, path = line.partition("\t")
        facts = text.split()
        entries[path] = Entry(facts[0], facts[blob_index])
    return entries


def is_any_newer(top: Path, paths: Iterable[str], moment: float) -> bool:
    """Whether one of these files was changed after a moment, by the clock of this machine."""
    for path in paths:
        try:
            changed_at = os.lstat(top / path).st_mtime
        except OSError:
            # It is gone: that has no time, and the digest is another.
            continue
        if changed_at > moment:
            return True
    return False


def blobs_of(listing: CodeListing, paths: Iterable[str]) -> dict[str, str | None]:
    """What Git would call the contents of these files; None for each that is gone.

    Raises:
        UnknowableError: it cannot say that.
    """
    top = Path(listing.top)
    blobs: dict[str, str | None] = {}
    files = []
    for path in paths:
        place = top / path
        if place.is_file() and not place.is_symlink():
            files.append(path)
        else:
            blobs[path] = _blob_of_no_file(place, listing.tracked.get(path))
    for start in range(0, len(files), _MANY):
        batch = files[start : start + _MANY]
        names = _answer_of(top, "hash-object", "--", *batch).splitlines()
        blobs.update(zip(batch, names, strict=True))
    return blobs


def _blob_of_no_file(place: Path, entry: Entry | None) -> str | None:
    """What Git calls a link, or a submodule; None for what is gone."""
    if place.is_symlink():
        # Where it leads, and not what lies there.
        answer = ask_with_input(place.parent, os.fsencode(place.readlink()), "hash-object", "--stdin")
        if answer.status:
            raise UnknowableError
        return answer.output
    if not place.is_dir():
        return None
    # A repository that is no submodule hides its files.
    if entry is None or entry.mode != _SUBMODULE:
        raise UnknowableError
    # What no commit names has no name at all.
    if _answer_of(place, "status", "--porcelain"):
        raise UnknowableError
    return _answer_of(place, "rev-parse", "HEAD")


def _answer_of(folder: Path, *arguments: str) -> str:
    answer = ask(folder, *arguments)
    if answer.status:
        raise UnknowableError
    return answer.output
