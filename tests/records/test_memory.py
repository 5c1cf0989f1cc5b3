"""A ledger parses a record once, and never takes an old one for the one that is there."""

from __future__ import annotations

import os
import pickle
import time
from dataclasses import replace
from typing import Any

import pytest

from steel_toes.records.file import RecordMemory
from steel_toes.records.record import NO_RECORD
from steel_toes.records.state import Verdict
from steel_toes.stores.local import LocalStore
from support.records import RecordedCopy


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The small files that were read."""
    paths: list[str] = []
    read = LocalStore.read

    def counted(self: LocalStore, path: str) -> bytes | None:
        paths.append(path)
        return read(self, path)

    monkeypatch.setattr(LocalStore, "read", counted)
    return paths


def grow_old(place: RecordedCopy) -> None:
    """Wait until the record is older than a tick of any clock."""
    while place.store.version(str(place.path)) is None:
        time.sleep(0.01)


def test_read_once(place: RecordedCopy, reads: list[str]) -> None:
    """A record that has not changed is read once, however often its units are looked at."""
    place.save("a", "b")
    grow_old(place)
    reads.clear()
    ledger = place.ledger()
    for _ in range(10):
        assert ledger.look("a", lambda _: place.identities(["a"])["a"]).verdict is Verdict.BRANCH
    assert len(reads) == 1


def test_a_young_record_is_not_kept(place: RecordedCopy, reads: list[str]) -> None:
    """A record that was written just now is read each time: another of the same size could follow in the same tick."""
    ledger = place.ledger()
    for text in ("one", "two"):
        place.save("a", text=text)
        reads.clear()
        assert [ledger.read().id, ledger.read().id] == [place.record().id] * 2
        assert len(reads) == 3


def test_every_change_is_seen(place: RecordedCopy) -> None:
    """However a record is changed, replaced, put back by its times or removed, the next look is at what is there."""
    ledger = place.ledger()

    def replaced(record: Any) -> None:
        place.save("a", text="new rows")

    def same_size_and_times(record: Any) -> None:
        state, data = place.path.stat(), place.path.read_bytes()
        place.path.write_bytes(data.replace(record.id.encode(), record.id[::-1].encode()))
        os.utime(place.path, ns=(state.st_atime_ns, state.st_mtime_ns))

    def removed(record: Any) -> None:
        place.path.unlink()

    for change in (replaced, same_size_and_times, replaced, removed):
        place.save("a")
        grow_old(place)
        before = ledger.read()
        assert ledger.read() is before
        change(before)
        assert ledger.read() != before
        assert ledger.read() == place.ledger().read()


def test_another_process_reads_itself(place: RecordedCopy, reads: list[str]) -> None:
    """What a ledger has read does not travel: whoever gets it pickled asks the store."""
    place.save("a")
    grow_old(place)
    ledger = place.ledger()
    assert ledger.read() == ledger.read()
    twin = pickle.loads(pickle.dumps(ledger))
    assert twin == ledger
    reads.clear()
    assert twin.read() == ledger.read()
    assert len(reads) == 1


def test_a_version_is_of_one_record() -> None:
    """A version that was noted for a record is never another's: once other bytes are kept, there is none."""
    memory = RecordMemory()
    first, second = replace(NO_RECORD, id="1"), replace(NO_RECORD, id="2")
    memory.keep(b"1", first, is_current=True)
    memory.keep_version("v1")
    assert memory.recall("v1") == first
    memory.keep(b"2", second, is_current=True)
    assert memory.recall("v1") is None
    assert (memory.recall_bytes(b"1"), memory.recall_bytes(b"2"), memory.latest) == (None, second, second)
    memory.keep(None, NO_RECORD, is_current=False)
    assert (memory.recall_bytes(None), memory.latest) == (None, NO_RECORD)
