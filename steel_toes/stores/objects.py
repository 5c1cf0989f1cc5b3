"""Object stores: there are buckets and objects in them, and no folders."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from steel_toes.stores.base import ABSENT, Stamped, Store
from steel_toes.stores.conditions import Conditions, conditions_of
from steel_toes.stores.identity import identity_of, is_of_several, size_of
from steel_toes.stores.together import all_together


class RefusedError(Exception):
    """A conditional write was refused: the object is another, gone, or there."""


class UnknownConditionError(Exception):
    """The client or the server does not know conditions."""


@dataclass(frozen=True)
class ObjectStore(Store):
    """A store of objects, each of which appears as a whole when it is written.

    A subclass whose client can make a write conditional gives `_get`, `_put`, `_delete`, `_endpoint` and
    `_other_stamp`.
    """

    has_folders: ClassVar[bool] = False
    is_remote: ClassVar[bool] = True

    _other_stamp: ClassVar[str] = ""
    """A stamp that no object has."""

    def make_parent(self, path: str) -> None:
        """Nothing to make: s3fs would make a missing bucket."""

    def is_one_saves(self, identity: str) -> bool:
        """Of two that write one object at once one wins; of several objects each may be another's."""
        return not is_of_several(identity)

    def has_conditions(self, path: str) -> bool:
        return self._can_stamp and self._conditions(path).word != "ignored"

    def honours_conditions(self, path: str) -> bool:
        return self._can_stamp and self._conditions(path).word == "honoured"

    def read_stamped(self, path: str) -> Stamped:
        with self._errors_of("read", path):
            try:
                return self._get(path)
            except ABSENT:
                return Stamped(None, "")

    def write_stamped(self, path: str, data: bytes, stamp: str) -> str | None:
        conditions = self._conditions(path)
        with self._errors_of("write to", path):
            self._filesystem.invalidate_cache(path)
            try:
                stamp_now = self._put(path, data, stamp)
            except UnknownConditionError:
                # From now on as in any store without conditions.
                conditions.word = "ignored"
                self.write(path, data)
                return ""
            except RefusedError:
                # The client asks again when an answer is lost, and then meets its own object.
                there = self.read_stamped(path)
                return there.stamp if there.data == data else None
            if conditions.word == "unknown":
                self._probe(path, data, conditions)
            return stamp_now

    def delete_stamped(self, path: str, stamp: str) -> bool:
        with self._errors_of("delete", path):
            self._filesystem.invalidate_cache(path)
            return self._is_deleted(path, stamp)

    def create(self, path: str, data: bytes) -> bool:
        if not self.has_conditions(path):
            return super().create(path, data)
        return self.write_stamped(path, data, "") is not None

    def copy_over(
        self, source: str, target: str, if_source: str, if_target: str | None, through: str = ""
    ) -> str | None:
        copies = self._copies(target)
        if not self._can_stamp or copies.word == "ignored" or is_of_several(if_source):
            return super().copy_over(source, target, if_source, if_target, through)
        # Until the server is known to refuse, a look narrows what it may ignore.
        if copies.word != "honoured" and not self._are_as_seen(source, target, if_source, if_target):
            return None
        target_stamp = "" if if_target is None else self._stamp_of(if_target)
        size = size_of(if_source)
        with self._errors_of("copy", source):
            try:
                stamp = self._copy(source, target, self._stamp_of(if_source), target_stamp, size)
            except UnknownConditionError:
                copies.word = "ignored"
                return super().copy_over(source, target, if_source, if_target, through)
            except (RefusedError, FileNotFoundError):
                # What is not there is not as it was seen.
                return None
            finally:
                self._filesystem.invalidate_cache(target)
        return identity_of({"size": size, "etag": stamp})

    def honours_copies(self, folder: str) -> bool:
        if not self._can_stamp:
            return False
        copies = self._copies(folder)
        with copies.asking:
            if copies.word == "unknown":
                copies.word = "honoured" if self._refuses_copies(folder) else "ignored"
        return copies.word == "honoured"

    def _refuses_copies(self, folder: str) -> bool:
        """Whether each condition of a copy is refused where it does not hold, and a copy is made where all do."""
        mark = secrets.token_hex(8)
        source, target, free = (f"{folder}/{mark}-{name}" for name in ("source", "target", "free"))
        try:
            for path in (source, target):
                self.write(path, path.encode())
            source_stamp = self.read_stamped(source).stamp
            target_stamp = self.read_stamped(target).stamp
            refused = [
                self._is_refused_copy(source, target, source_stamp, ""),
                self._is_refused_copy(source, target, source_stamp, self._other_stamp),
                self._is_refused_copy(source, target, self._other_stamp, target_stamp),
                self._is_refused_copy(source, free, source_stamp, target_stamp),
            ]
            is_made = not self._is_refused_copy(source, target, source_stamp, target_stamp)
            return all(refused) and is_made
        finally:
            for path in (source, target, free):
                self.remove(path)

    def _is_refused_copy(self, source: str, target: str, source_stamp: str, target_stamp: str) -> bool:
        with self._errors_of("copy", source):
            try:
                self._copy(source, target, source_stamp, target_stamp, 0)
            except (RefusedError, FileNotFoundError):
                return True
            except UnknownConditionError:
                return False
        return False

    def _copy(self, source: str, target: str, source_stamp: str, target_stamp: str, size: int) -> str:
        """Copy an object that has a stamp over the one that has another, or where there is none; gives its stamp.

        Args:
            source: its path.
            target: where the copy lies.
            source_stamp: that the source must have.
            target_stamp: that the target must have; "" if there must be none.
            size: of the object, in bytes.

        Raises:
            FileNotFoundError: there is no such object.
            RefusedError: a condition did not hold.
            UnknownConditionError: the client or the server knows no conditions of copies.
        """
        raise NotImplementedError

    def _copies(self, path: str) -> Conditions:
        """What is known of copies: some servers honour conditions of writes, and ignore those of copies."""
        bucket, _ = split(path)
        return conditions_of(f"copies of {self._endpoint}", bucket)

    def located(self, path: str) -> str:
        return self.shown(path)

    def remove_unchanged(self, identities: Mapping[str, str], folders: Iterable[str] = ()) -> list[str]:
        # A generation or an etag that the server compares itself.
        if not identities or not all(map(self.has_conditions, identities)):
            return super().remove_unchanged(identities)
        deleted = all_together(lambda path: self.delete_stamped(path, self._stamp_of(identities[path])), identities)
        return [path for path, is_deleted in zip(identities, deleted, strict=True) if not is_deleted]

    def _is_deleted(self, path: str, stamp: str) -> bool:
        """Delete an object that has this stamp; whether it is gone."""
        try:
            self._delete(path, stamp)
        except ABSENT:
            return True
        except RefusedError:
            # Some servers refuse to delete what is not there.
            return self.read_stamped(path).data is None
        except UnknownConditionError:
            # One look right before, as in any store without conditions.
            if self.read_stamped(path).stamp != stamp:
                return False
            self._remove_file(path)
        return True

    def _stamp_of(self, identity: str) -> str:
        """The stamp of an object, from its identity."""
        _, _, tag = identity.partition("-")
        return f'"{tag}"'

    def _probe(self, path: str, data: bytes, conditions: Conditions) -> None:
        """Learn whether the server honours conditions, by a write that changes nothing if it does not."""
        with conditions.asking:
            if conditions.word != "unknown":
                return
            # Create-only says nothing of it: some servers honour only that.
            word: Literal["honoured", "ignored"] = "ignored"
            with suppress(UnknownConditionError):
                try:
                    self._put(path, data, self._other_stamp)
                except RefusedError:
                    word = "honoured"
            conditions.word = word

    def _conditions(self, path: str) -> Conditions:
        bucket, _ = split(path)
        return conditions_of(self._endpoint, bucket)

    @property
    def _can_stamp(self) -> bool:
        """Whether the client can make a write conditional."""
        return False

    @property
    def _endpoint(self) -> str:
        """The server that the client speaks to."""
        raise NotImplementedError

    def _get(self, path: str) -> Stamped:
        """An object and its stamp, from one request; raises FileNotFoundError."""
        raise NotImplementedError

    def _put(self, path: str, data: bytes, stamp: str) -> str:
        """Put an object over the one that has this stamp, or where there is none; gives its stamp.

        Raises:
            RefusedError: the condition did not hold.
            UnknownConditionError: the client or the server does not know it.
        """
        raise NotImplementedError

    def _delete(self, path: str, stamp: str) -> None:
        """Delete the object that has this stamp.

        Raises:
            FileNotFoundError: there is none.
            RefusedError: it has another stamp; from some servers, also if there is none.
            UnknownConditionError: the client or the server knows no conditions of deletions.
        """
        raise NotImplementedError

    def _read_options(self, filesystem: Any) -> dict[str, Any]:
        # s3fs asks for the size first, to read in parallel: one request more for each record.
        return {"max_concurrency": 1} if hasattr(filesystem, "max_concurrency") else {}


def split(path: str) -> tuple[str, str]:
    """The bucket of a path, and the key in it."""
    bucket, _, key = path.partition("/")
    return bucket, key
