"""Links on a disk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from stat import S_ISDIR, S_ISLNK, S_ISREG
from typing import NamedTuple

from steel_toes.stores.base import ABSENT, Inode, Links


class _Place(NamedTuple):
    """What lies at a path, itself and not what it leads to."""

    path: str
    state: os.stat_result


def find_links(top: str, paths: Iterable[str]) -> Links:
    """The links in a copy: its top, these paths in it, the folders between, and all that lies below these paths."""
    hard: dict[str, Inode] = {}
    for path, state in _places(top, paths):
        if S_ISLNK(state.st_mode):
            return Links(path)
        # A directory has no second name, though it counts its folders as links.
        if S_ISREG(state.st_mode) and state.st_nlink > 1:
            hard[path] = (state.st_dev, state.st_ino)
    return Links("", hard)


def _places(top: str, paths: Iterable[str]) -> Iterator[_Place]:
    """Each of these paths once, and each folder around several of them once."""
    folders: set[str] = set()
    for path in paths:
        # Folders first: what lies below a link is not the copy's.
        for folder in reversed(_folders_around(path, top, folders)):
            yield from _place(folder)
        yield from _places_from(path)


def _folders_around(path: str, top: str, folders: set[str]) -> list[str]:
    """The folders around a path, from the inside out to the top, that are not among these; they are now."""
    around = []
    folder = os.path.dirname(path)
    while folder not in folders and len(folder) >= len(top):
        folders.add(folder)
        around.append(folder)
        folder = os.path.dirname(folder)
    return around


def _places_from(path: str) -> Iterator[_Place]:
    """What lies at a path and, if that is a directory, below it."""
    for place in _place(path):
        yield place
        if S_ISDIR(place.state.st_mode):
            for name in _names_in(path):
                yield from _places_from(os.path.join(path, name))


def _names_in(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except ABSENT:  # another save has just removed it
        return []


def _place(path: str) -> list[_Place]:
    """What lies at a path; nothing if it is not there."""
    try:
        return [_Place(path, os.lstat(path))]
    except ABSENT:
        return []
