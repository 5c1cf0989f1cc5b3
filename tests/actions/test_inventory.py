"""What commands find of a branch copy in its store."""

from __future__ import annotations

from dataclasses import replace

import fsspec
import pytest

from steel_toes.actions.inventory import _objects_there
from steel_toes.records.record import NO_RECORD, Recorded
from steel_toes.stores.opening import open_store
from support.servers import Server


@pytest.mark.parametrize("number", [9, 12])
def test_a_stranger_below_a_partition(number: int, moto: Server) -> None:
    """Where a store has no folders, an object may lie below another: what a unit is itself is all that is its own."""
    fsspec.filesystem("s3", **moto.credentials).makedirs(f"inventory-{number}")
    store = open_store("p", "s3", {"credentials": moto.credentials})
    units = [f"n{index:02}" for index in range(number)]
    for unit in units:
        store.write(f"inventory-{number}/p/{unit}", b"1")
    store.write(f"inventory-{number}/p/n00/hand-made.txt", b"not ours")
    store.write(f"inventory-{number}/p/part.zarr/0", b"1")
    store.write(f"inventory-{number}/p/other.txt", b"not ours")
    data = {unit: str(Recorded.of("1-1", "s")) for unit in [*units, "part.zarr"]}
    record = replace(NO_RECORD, id="1", kind="overlay", data=data)
    objects = _objects_there(store, f"inventory-{number}/p", record)
    ours = {*units, "part.zarr/0"}
    assert {path.removeprefix(f"inventory-{number}/p/") for path in objects} == ours
