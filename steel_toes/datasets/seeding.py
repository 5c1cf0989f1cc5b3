"""Seeding: a branch copy that begins as a copy of main's, for a save that keeps something of what is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kedro.io import DatasetError

from steel_toes.errors import MAIN_CHANGES, SEEDING, sentence
from steel_toes.records.place import Place, Side
from steel_toes.redaction import logger_of

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
