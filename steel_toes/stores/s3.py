"""S3, and what speaks its protocol."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from fsspec.asyn import sync

from steel_toes.stores.base import ABSENT, Stamped
from steel_toes.stores.objects import ObjectStore

_BULK = 1000  # keys of one request: docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
# A condition that does not hold, and one that met another at the same time:
# docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
_REFUSED = (409, 412)
# What a server answers that does not know conditions, and what a client raises that does not.
_NOT_IMPLEMENTED = 501
_UNKNOWN_PARAMETER = "ParamValidationError"


@dataclass
class Conditions:
    """Whether the server takes conditions; until it refuses one, we think so."""

    are_known: bool = True


@dataclass(frozen=True)
class S3Store(ObjectStore):
    """S3 through s3fs.

    Args:
        conditions: what is known of the server.
    """

    conditions: Conditions = field(default_factory=Conditions, compare=False, repr=False)

    @property
    def has_stamps(self) -> bool:
        # Another filesystem than s3fs may be registered for S3.
        return self.conditions.are_known and hasattr(self._filesystem, "call_s3")

    def read_stamped(self, path: str) -> Stamped:
        with self._errors_of("read"):
            filesystem = self._filesystem
            try:
                stamped: Stamped = sync(filesystem.loop, _get_stamped, filesystem, *_split(path))
            except ABSENT:
                return Stamped(None, "")
            return stamped

    def write_stamped(self, path: str, data: bytes, stamp: str) -> bool:
        bucket, key = _split(path)
        condition = {"IfMatch": stamp} if stamp else {"IfNoneMatch": "*"}
        with self._errors_of("write to"):
            filesystem = self._filesystem
            try:
                filesystem.call_s3("put_object", Bucket=bucket, Key=key, Body=data, **condition)
            except Exception as exc:
                if _is_unknown(exc):
                    # From now on as in any store without stamps.
                    self.conditions.are_known = False
                    self.write(path, data)
                    return True
                if not _is_refused(exc, stamp):
                    raise
                # The client asks again when an answer is lost, and then meets its own object.
                return self.read(path) == data
            filesystem.invalidate_cache(path)
            return True

    def remove_all(self, paths: Iterable[str], folders: Iterable[str] = ()) -> None:
        if not hasattr(self._filesystem, "call_s3"):
            super().remove_all(paths, folders)
            return
        # Not s3fs's `rm`, which expands `*` in names and hides the refusal of an object.
        with self._errors_of("delete from"):
            for bucket, keys in _by_bucket(paths).items():
                for start in range(0, len(keys), _BULK):
                    self._remove_bulk(bucket, keys[start : start + _BULK])

    def _remove_bulk(self, bucket: str, keys: list[str]) -> None:
        objects = [{"Key": key} for key in keys]
        answer = self._filesystem.call_s3(
            "delete_objects",
            Bucket=bucket,
            Delete={"Objects": objects, "Quiet": True},
        )
        for error in answer.get("Errors", []):
            raise OSError(f"{error.get('Key')}: {error.get('Code')} {error.get('Message')}")


async def _get_stamped(filesystem: Any, bucket: str, key: str) -> Stamped:
    """An object and its etag from one request, which s3fs's own `cat_file` does not tell."""
    from s3fs.core import S3_RETRYABLE_ERRORS

    for is_last in (False, False, True):
        answer = await filesystem._call_s3("get_object", Bucket=bucket, Key=key)
        # A body that ends too early is asked for again, as s3fs does.
        with suppress(*(() if is_last else S3_RETRYABLE_ERRORS)):
            data = await answer["Body"].read()
            return Stamped(bytes(data), answer["ETag"])
    raise AssertionError("the last try gives data or raises")


def _is_refused(error: BaseException, stamp: str) -> bool:
    """Whether a write was refused since its condition did not hold: the object is another, or gone."""
    if isinstance(error, FileNotFoundError):
        # Of a write that wanted no object there, only the bucket can be missing.
        return bool(stamp)
    if isinstance(error, FileExistsError):
        return True
    return any(status in _REFUSED for status in _statuses(error))


def _is_unknown(error: BaseException) -> bool:
    """Whether the server, or the client, does not know conditions."""
    causes = _causes(error)
    if any(type(cause).__name__ == _UNKNOWN_PARAMETER for cause in causes):
        return True
    return _NOT_IMPLEMENTED in _statuses(error)


def _statuses(error: BaseException) -> Iterator[int]:
    """The status of each answer that an error comes from."""
    for cause in _causes(error):
        response = getattr(cause, "response", None)
        if isinstance(response, dict):
            yield response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def _causes(error: BaseException | None) -> list[BaseException]:
    """An error and those that it was raised from: s3fs translates botocore's."""
    causes = []
    while error is not None:
        causes.append(error)
        error = error.__cause__ or error.__context__
    return causes


def _split(path: str) -> tuple[str, str]:
    bucket, _, key = path.partition("/")
    return bucket, key


def _by_bucket(paths: Iterable[str]) -> dict[str, list[str]]:
    keys: dict[str, list[str]] = {}
    for path in paths:
        bucket, key = _split(path)
        keys.setdefault(bucket, []).append(key)
    return keys
