"""Seeding: a branch copy that begins as a copy of main's, for a save that keeps something of what is there."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from contextlib import contextmanager

from kedro.io import DatasetError

from steel_toes.errors import MAIN_CHANGES, sentence
from steel_toes.records.place import Place, Side
from steel_toes.records.units import WHOLE
from steel_toes.redaction import logger_of
from steel_toes.sentences import SEEDING

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
    target = place.unit_path(Side.BRANCH, unit)
    obstacles = _obstacles(place, unit, is_directory)
    for path, is_folder in obstacles.items():
        if is_folder:
            store.make_folder(path)
        else:
            store.write(path, b"")
    if not obstacles and store.is_directory(posixpath.dirname(place.unit_path(Side.MAIN, unit))):
        # Some classes leave it to their users to make it.
        store.make_parent(target)
    planted = {path: store.identity(path) for path in obstacles}
    try:
        yield
    finally:
        for path, identity in planted.items():
            # What the save has not touched is no data.
            if store.identity(path) == identity:
                store.remove(path)


def _obstacles(place: Place, unit: str, is_directory: bool) -> dict[str, bool]:
    """The paths where something must be put, each with whether that is a folder; nothing where something is."""
    store = place.store
    main_path = place.unit_path(Side.MAIN, unit)
    target = place.unit_path(Side.BRANCH, unit)
    if not is_directory and store.is_directory(main_path):
        return {} if store.is_directory(target) else {target: True}
    if is_directory and store.is_file(main_path):
        return {} if store.is_file(target) else {target: False}
    # A file in the place of one of the folders around a partition, or of the folder of all.
    folder = unit
    while folder and unit != WHOLE:
        folder = posixpath.dirname(folder)
        main_path, branch_path = (posixpath.join(place.copy_path(side), folder).rstrip("/") for side in Side)
        if store.is_file(main_path):
            return {} if store.is_file(branch_path) else {branch_path: False}
    return {}


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
