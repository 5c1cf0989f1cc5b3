"""What the first saves of a run must know, asked when it begins.

Nothing is refused and nothing is written here. What is not answered, a save asks itself.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, Future
from typing import NamedTuple, TypeVar

from steel_toes.errors import CopyError
from steel_toes.records.journal import Claim, ClaimFile, claim_names, claims_folder
from steel_toes.records.place import Place, Side
from steel_toes.records.record import Identities
from steel_toes.records.run import Findings, StartingPoint
from steel_toes.records.units import WHOLE
from steel_toes.stores.base import Store
from steel_toes.stores.identity import digest_of

_T = TypeVar("_T")

Objects = Mapping[str, str] | None
"""Identities by the paths of all objects in a folder; None if there are too many for one request."""


class _Around(NamedTuple):
    """What lies at the place of a copy.

    Attributes:
        base: main's identities.
        is_free: whether nothing is at the branch copy's place.
    """

    base: Identities
    is_free: bool


def look_ahead(
    outputs: Iterable[Place], inputs: Iterable[Place], places: Iterable[Place], executor: Executor
) -> Findings:
    """Ask what the first save at each place must know, where requests wait for a network, and who promotes there.

    Args:
        outputs: the places of a run's outputs, each once, in the order in which they are saved.
        inputs: those of what it only reads.
        places: all of the run's, local ones, too.
        executor: begins what it is given in the order in which it is given.
    """
    claims = [executor.submit(_claims_below, store, folder) for folder, store in _record_folders(places)]
    wanted = [place for place in outputs if place.ledger.may_look_ahead]
    read = [place for place in inputs if place.ledger.may_look_ahead]
    listings: dict[str, Future[Objects]] = {}
    for folder, place in _folders([*wanted, *read]).items():
        listings[folder] = executor.submit(_listed, place, folder)
    starts = {place.ledger.key: executor.submit(_look, place, listings) for place in wanted}
    occupied = {place.ledger.key: executor.submit(_is_occupied, place, listings) for place in read}
    return Findings(starts, occupied, claims)


def _record_folders(places: Iterable[Place]) -> list[tuple[str, Store]]:
    """The folders in which the records of these places lie, with their stores, each once."""
    folders: dict[tuple[str, str], tuple[str, Store]] = {}
    for place in places:
        store = place.ledger.store
        folder = claims_folder(place.ledger.path)
        folders[store.access, folder] = folder, store
    return list(folders.values())


def _claims_below(store: Store, folder: str) -> list[Claim]:
    """The claims in a folder, as far as they can be had: whoever saves or promotes there is told why not."""
    claims = []
    names = _unless_refused(lambda: store.names_below(folder)) or ()
    for name in claim_names(names):
        in_place = _unless_refused(ClaimFile(store, f"{folder}/{name}").find)
        # It may have ended since.
        if in_place is not None and in_place.claim is not None:
            claims.append(in_place.claim)
    return claims


def _is_occupied(place: Place, listings: Mapping[str, Future[Objects]]) -> bool:
    """Whether the listings show that something lies at the place of a branch copy."""
    path = place.copy_path(Side.BRANCH)
    objects = _objects_of(listings, path)
    return objects is not None and _identity_in(objects, path) is not None


def _folders(places: Iterable[Place]) -> dict[str, Place]:
    """The folders in which copies of these places lie, each with one of them.

    Two stores of one path have other credentials, or other servers: there is no folder of both.
    """
    folders: dict[str, Place] = {}
    shared_paths: set[str] = set()
    for place in places:
        for side in Side:
            folder = posixpath.dirname(place.copy_path(side))
            first = folders.setdefault(folder, place)
            if (first.store.protocol, first.store.options) != (place.store.protocol, place.store.options):
                shared_paths.add(folder)
    for folder in shared_paths:
        del folders[folder]
    return folders


def _listed(place: Place, folder: str) -> Objects:
    return _unless_refused(lambda: place.store.few_objects(folder))


def _look(place: Place, listings: Mapping[str, Future[Objects]]) -> StartingPoint | None:
    """What a save at a place must know."""
    return _unless_refused(lambda: _starting_point(place, listings))


def _unless_refused(ask: Callable[[], _T]) -> _T | None:
    """What a store answers; None if it does not. Whoever saves there is told why."""
    try:
        return ask()
    except CopyError:
        return None


def _starting_point(place: Place, listings: Mapping[str, Future[Objects]]) -> StartingPoint:
    in_place = place.ledger.file.read_in_place()
    around = _around(place, listings)
    free_units: set[str] = set()
    if around.is_free:
        free_units.add(WHOLE)
    return StartingPoint(around.base, in_place, frozenset(free_units))


def _around(place: Place, listings: Mapping[str, Future[Objects]]) -> _Around:
    """What lies at a copy's place, by a listing of its folder if there is one."""
    main_path, branch_path = (place.copy_path(side) for side in Side)
    main_folder = _objects_of(listings, main_path)
    branch_folder = _objects_of(listings, branch_path)
    if main_folder is None or branch_folder is None:
        return _Around(place.base((WHOLE,)), place.store.is_free(branch_path))
    main_identity = _identity_in(main_folder, main_path)
    base: Identities = {}
    if main_identity is not None:
        base[WHOLE] = main_identity
    is_free = _identity_in(branch_folder, branch_path) is None
    return _Around(base, is_free)


def _objects_of(listings: Mapping[str, Future[Objects]], path: str) -> Objects:
    """All objects around a path, if they are listed."""
    listing = listings.get(posixpath.dirname(path))
    return None if listing is None else listing.result()


def _identity_in(objects: Mapping[str, str], path: str) -> str | None:
    """The identity of a file or a directory, by a listing of all objects around it; None if it is not there."""
    if path in objects:
        return objects[path]
    start = f"{path}/"
    inside = [name for name in objects if name.startswith(start)]
    if not inside:
        return None
    return digest_of({name.removeprefix(start): objects[name] for name in inside})
