"""The file of one record: read as it is, and changed by many who do not know of each other."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Hashable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import NamedTuple

from steel_toes.errors import OTHERS_WERE_FASTER, TRY_AGAIN, UPDATE, StoreError
from steel_toes.records.format import parse, to_bytes
from steel_toes.records.record import Record
from steel_toes.redaction import redacted_repr
from steel_toes.stores.base import Store
from steel_toes.stores.locks import LOCK_SECONDS

_UPDATE_SECONDS = 120  # that others may be faster than we are
_PAUSE_SECONDS = 0.2

Change = Callable[[Record], Record]


class RecordInPlace(NamedTuple):
    """A record as it lies in its store.

    Attributes:
        record: what it says.
        stamp: of this state, for a conditional write, or of the file that was put; "" where there is no record, or no
            stamps.
        is_final: whether nobody can have put another over it without having seen it.
    """

    record: Record
    stamp: str = ""
    is_final: bool = True


class _Last(NamedTuple):
    """A record with its bytes, None if there is no record; and whether these are of this version's format."""

    data: bytes | None
    record: Record
    is_current: bool


class RecordMemory:
    """The record that was read or put last, with its bytes, and the version that it had in the store."""

    __slots__ = ("_in_place", "_last", "_version", "is_alone")

    def __init__(self) -> None:
        self._version: Hashable | None = None
        self._in_place: RecordInPlace | None = None
        self._last: _Last | None = None
        # Whether it was looked for elsewhere, and is not there.
        self.is_alone = False

    def recall(self, version: Hashable | None) -> Record | None:
        """The record, if it is still this version; None if it must be read."""
        last_version, last = self._version, self._last
        if last is None or last.data is None or version is None or last_version != version:
            return None
        return last.record

    @property
    def latest(self) -> Record | None:
        """The record that was read or put last, `NO_RECORD` too; None if nothing was."""
        last = self._last
        return None if last is None else last.record

    @property
    def in_place(self) -> RecordInPlace | None:
        """The record that was read or put last with its stamp; None if it was not, or had none."""
        return self._in_place

    def recall_bytes(self, data: bytes | None) -> Record | None:
        """The record of these bytes, if they are the last that were parsed."""
        last = self._last
        if last is None or data is None or last.data != data:
            return None
        return last.record

    def bytes_of(self, record: Record | None) -> bytes | None:
        """The bytes of this very record; None if they are not kept, or are of an older format."""
        last = self._last
        if last is None or last.record is not record or not last.is_current:
            return None
        return last.data

    def keep(self, data: bytes | None, record: Record, is_current: bool) -> None:
        """Keep a record with its bytes.

        Args:
            data: its bytes; None if there is no record.
            record: the record.
            is_current: whether the bytes are of this version's format.
        """
        # Forgotten first: a reader in another thread must never see a version with another version's record.
        self._version = None
        self._in_place = None
        self._last = _Last(data, record, is_current)

    def keep_version(self, version: Hashable | None) -> None:
        """Note the version that the record had in the store; None if it has none."""
        self._version = version

    def keep_in_place(self, in_place: RecordInPlace) -> None:
        """Keep the record as it lies in a store with conditions: a put over it is refused if it is another by then."""
        self._in_place = in_place

    def __reduce__(self) -> tuple[type[RecordMemory], tuple[()]]:
        # Another process asks the store itself.
        return RecordMemory, ()


def _check_nothing(record: Record) -> None:
    """Any record is meant that lies there."""


def _check_nowhere(is_here: bool) -> None:
    """It lies nowhere else."""


@redacted_repr
@dataclass(slots=True)
class RecordFile:
    """The file of one record.

    Args:
        store: where it lies.
        path: in that store.
        dataset: on whose behalf.
        check: raises RecordError for a record that is not meant.
        memory: of what was read.
        former_path: where the record was put by a version that counted user info as part of the location; "" if nowhere
            else. It is read as long as there is no other, and goes with the next save.
        check_elsewhere: raises RecordError if the branch has a copy whose record lies elsewhere; it is told whether
            there is a record here, and asked once.
    """

    store: Store
    path: str
    dataset: str
    check: Callable[[Record], None] = _check_nothing
    memory: RecordMemory = field(default_factory=RecordMemory, compare=False, repr=False)
    former_path: str = ""
    check_elsewhere: Callable[[bool], None] = _check_nowhere

    def read(self) -> Record:
        """The record as it is now; `NO_RECORD` if there is none. It is parsed again only if it has changed.

        Raises:
            RecordError: it cannot be read, or is not ours.
            StoreError: the store gave no definite answer.
        """
        # Asked before the record is read: what is read may be younger, and is never taken for this version again.
        if self.has_conditions:
            return self.read_in_place().record
        version = self.store.version(self.path)
        record = self.memory.recall(version)
        if record is not None:
            return record
        data = self._read_bytes()
        record = self._parsed(data)
        self.memory.keep_version(version)
        return record

    def find(self) -> RecordInPlace:
        """The record as it is now, with its stamp where the store has conditions.

        Raises:
            RecordError: it cannot be read, or is not ours.
            StoreError: the store gave no definite answer.
        """
        if self.has_conditions:
            return self.read_in_place()
        return RecordInPlace(self.read())

    def update(
        self,
        change: Change,
        in_place: RecordInPlace | None = None,
        is_locked: bool = False,
        seconds: float = LOCK_SECONDS,
    ) -> RecordInPlace:
        """Put what a change makes of the record as it is, whoever else changes it at the same time.

        The record is locked for this alone. Where the lock is not everybody's (object stores), the put is refused if
        another has put since we read: then read, change and put again.

        Args:
            change: gives the record to put; the one that it was given, if nothing is to be put.
            in_place: the record, as far as we know: it need not be read first where a put can be refused.
            is_locked: whether we hold the record's lock.
            seconds: to wait for whoever holds it.

        Raises:
            LockHeldError: another holds the record for the length of its save.
            StoreError: others were faster for two minutes.
        """
        was_locked = is_locked
        with ExitStack() as stack:
            if not is_locked:
                is_locked = stack.enter_context(self.store.lock(self.path, seconds))
            if self.has_conditions:
                return self._update_conditionally(change, in_place)
            # All that write it wait for us: if it is what we put, it need not be read again.
            is_ours = was_locked and in_place is not None and self.store.is_as_put(self.path, in_place.stamp)
            before = in_place.record if in_place and is_ours else self._parsed(self._read_bytes())
            after = change(before)
            stamp = ""
            if after != before:
                data = self._bytes_of(after)
                stamp = self.store.write(self.path, data)
                self._keep_put(data, after)
            return RecordInPlace(after, stamp, is_final=is_locked)

    def _update_conditionally(self, change: Change, in_place: RecordInPlace | None) -> RecordInPlace:
        end = time.monotonic() + _UPDATE_SECONDS
        while True:
            before = in_place or self.read_in_place()
            in_place = None
            after = change(before.record)
            if after == before.record:
                return before
            data = self._bytes_of(after)
            stamp = self.store.write_stamped(self.path, data, before.stamp)
            if stamp is not None:
                self._keep_put(data, after)
                # A server is asked whether it refuses a put after the first one.
                put = RecordInPlace(after, stamp, is_final=self.has_conditions)
                if put.is_final:
                    self.memory.keep_in_place(put)
                return put
            if time.monotonic() > end:
                raise StoreError(
                    dataset=self.dataset,
                    place=self.store.located(self.path),
                    action=UPDATE,
                    why=OTHERS_WERE_FASTER,
                    remedy=TRY_AGAIN,
                )
            # Those that were refused together must not come again together.
            time.sleep(random.uniform(0, _PAUSE_SECONDS))  # noqa: S311 - it is no secret

    def read_in_place(self) -> RecordInPlace:
        """The record as it is now, with its stamp; only where the store has conditions.

        Raises:
            RecordError: it cannot be read, or is not ours.
            StoreError: the store gave no definite answer.
        """
        data, stamp = self.store.read_stamped(self.path)
        # Without a stamp: it is put anew at its place.
        in_place = RecordInPlace(self._parsed(self._or_former(data)), stamp)
        self.memory.keep_in_place(in_place)
        return in_place

    @property
    def has_conditions(self) -> bool:
        """Whether a put is refused if the record is another than the one that was read."""
        return self.store.has_conditions(self.path)

    def _read_bytes(self) -> bytes | None:
        return self._or_former(self.store.read(self.path))

    def _or_former(self, data: bytes | None) -> bytes | None:
        """The bytes of the record, or of the former one if there is none."""
        if data is None and self.former_path:
            data = self.store.read(self.former_path)
        # Who changes the project's settings does not do so while it runs.
        if not self.memory.is_alone:
            self.check_elsewhere(data is not None)
            self.memory.is_alone = True
        return data

    def _remove_former(self) -> None:
        if self.former_path:
            self.store.remove(self.former_path)

    def _parsed(self, data: bytes | None) -> Record:
        """The record of these bytes, which is ours; `NO_RECORD` if there are none."""
        record = self.memory.recall_bytes(data)
        if record is None:
            record, is_current = parse(data, self.path, self.dataset)
            if record.exists:
                self.check(record)
            self.memory.keep(data, record, is_current=is_current)
        return record

    def _bytes_of(self, record: Record) -> bytes:
        return to_bytes(record, self.memory.bytes_of(record.was))

    def _keep_put(self, data: bytes, record: Record) -> None:
        """Keep a record that was put: read again, it need not be parsed."""
        self.memory.keep(data, record, is_current=True)
        self._remove_former()
