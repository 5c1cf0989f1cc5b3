"""Seeding: a branch copy that begins as a copy of main's, for a save that keeps something of what is there."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from kedro.io import DatasetError

from steel_toes.errors import MAIN_CHANGES, sentence
from steel_toes.records.place import Place, Side
from steel_toes.records.units import WHOLE
from steel_toes.redaction import logger_of
from steel_toes.sentences import SEEDING
from steel_toes.stores.base import Store

logger = logger_of(__name__)

_TRIES = 3  # while main is saved


@contextmanager
def seeded(place: Place, unit: str, from_main: bool) -> Iterator[None]:
    """Seed a unit before the block; if the block fails and has not touched the seed, remove it.

    Args:
        place: of the entry.
        unit: that the block saves.
        from_main: whether main's copy is part of what the branch sees; else the unit only gets its folder.
    """
    store = place.store
    target = place.unit_path(Side.BRANCH, unit)
    # What an earlier, dead first save left.
    store.remove(target)
    # fsspec makes the folder of a file that is written, not of one that is appended to.
    store.make_parent(target)
    if from_main:
        seed(place, unit)
    planted = store.identity(target)
    try:
        yield
    except BaseException:
        if planted is not None and store.identity(target) == planted:
            store.remove(target)
        raise


@contextmanager
def obstructed(place: Place, unit: str, is_directory: bool, has_main: bool) -> Iterator[None]:
    """For the block, put in the way of a unit's first save what is in its way on main's copy.

    Where main has a directory, plain Kedro cannot write a file, and the other way. A save that succeeds on the branch
    would fail on the day of the merge, so it has to fail now, by the class's own means.

    Args:
        place: of the entry.
        unit: that the block saves.
        is_directory: whether the entry's class makes a directory of it.
        has_main: whether main's copy is part of what the branch sees.
    """
    store = place.store
    if not (store.has_folders and has_main):
        yield
        return
    planted = _plant(place, unit, is_directory)
    try:
        yield
    finally:
        for path, identity in planted.items():
            # What the save has not touched is no data.
            if store.identity(path) == identity:
                store.remove(path)


class _Obstacle(NamedTuple):
    """What is in a save's way on main, at the path where it would be in the branch's way.

    Args:
        path: of the branch copy, or of a folder around it.
        is_folder: a folder is in the way of a file; else a file in that of a folder.
    """

    path: str
    is_folder: bool

    def lies_in(self, store: Store) -> bool:
        """Whether the branch has it already."""
        if self.is_folder:
            return store.is_directory(self.path)
        return store.is_file(self.path)

    def put_in(self, store: Store) -> None:
        if self.is_folder:
            store.make_folder(self.path)
        else:
            store.write(self.path, b"")


def _plant(place: Place, unit: str, is_directory: bool) -> dict[str, str | None]:
    """Put in the way of a unit's save what is in its way on main; the identity of what was put, by its path."""
    store = place.store
    obstacle = _obstacle(place, unit, is_directory)
    if obstacle is None or obstacle.lies_in(store):
        main_folder = posixpath.dirname(place.unit_path(Side.MAIN, unit))
        # Some classes leave it to their users to make it.
        if store.is_directory(main_folder):
            store.make_parent(place.unit_path(Side.BRANCH, unit))
        return {}
    obstacle.put_in(store)
    return {obstacle.path: store.identity(obstacle.path)}


def _obstacle(place: Place, unit: str, is_directory: bool) -> _Obstacle | None:
    """What main has where a save makes something of the other kind; None if there is nothing."""
    store = place.store
    main_path = place.unit_path(Side.MAIN, unit)
    branch_path = place.unit_path(Side.BRANCH, unit)
    if is_directory:
        if store.is_file(main_path):
            return _Obstacle(branch_path, is_folder=False)
    elif store.is_directory(main_path):
        return _Obstacle(branch_path, is_folder=True)
    return _file_around(place, unit)


def _file_around(place: Place, unit: str) -> _Obstacle | None:
    """The file that main has in the place of a folder around a partition, or of the folder of all partitions."""
    folder = unit
    if unit == WHOLE:
        return None
    while folder:
        folder = posixpath.dirname(folder)
        main_path = posixpath.join(place.copy_path(Side.MAIN), folder).rstrip("/")
        if place.store.is_file(main_path):
            branch_path = posixpath.join(place.copy_path(Side.BRANCH), folder).rstrip("/")
            return _Obstacle(branch_path, is_folder=False)
    return None


def seed(place: Place, unit: str) -> None:
    """Copy main's unit to the branch, and copy it again if main was saved meanwhile.

    Raises:
        DatasetError: main is saved again and again.
    """
    store = place.store
    name = place.ledger.dataset
    source = place.unit_path(Side.MAIN, unit)
    target = place.unit_path(Side.BRANCH, unit)
    for _ in range(_TRIES):
        before = store.identity(source)
        if before is None:
            return
        logger.info(SEEDING, name, f"{store.size(source):,}")
        store.copy(source, target)
        if store.identity(source) == before:
            return
        store.remove(target)
    raise DatasetError(sentence(MAIN_CHANGES, dataset=name, source=store.shown(source), target=store.shown(target)))
