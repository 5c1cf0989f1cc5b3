"""Google Cloud Storage."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from steel_toes.stores.base import Stamped
from steel_toes.stores.conditions import causes
from steel_toes.stores.objects import ObjectStore, RefusedError, split

_NO_OBJECT = "0"  # as a generation: cloud.google.com/storage/docs/request-preconditions
_PRECONDITION_FAILED = 412


@dataclass(frozen=True)
class GCSStore(ObjectStore):
    """Google Cloud Storage through gcsfs. An object's stamp is its generation."""

    # cloud.google.com/storage/docs/access-control/iam-permissions; to replace an object is to delete one.
    permissions: ClassVar[Mapping[str, str]] = {
        "read": "storage.objects.get and storage.objects.list",
        "look into": "storage.objects.get and storage.objects.list",
        "list": "storage.objects.list",
        "write to": "storage.objects.create and storage.objects.delete",
        "delete": "storage.objects.delete",
        "copy": "storage.objects.get and storage.objects.create",
        "make the bucket": "storage.buckets.create",
        "remove the bucket": "storage.buckets.delete",
    }
    _other_stamp: ClassVar[str] = "1"

    @property
    def _can_stamp(self) -> bool:
        # Another filesystem than gcsfs may be registered for Google's.
        return hasattr(self._filesystem, "call")

    @property
    def _endpoint(self) -> str:
        return str(self._filesystem.base)

    def _get(self, path: str) -> Stamped:
        filesystem = self._filesystem
        # Not `cat_file`, which drops the headers.
        headers, data = filesystem.call("GET", filesystem.url(path))
        return Stamped(bytes(data), headers["x-goog-generation"])

    def _put(self, path: str, data: bytes, stamp: str) -> str:
        bucket, key = split(path)
        filesystem = self._filesystem
        # Not `pipe_file`, which knows no condition but that the object is new.
        upload = filesystem.base.replace("/storage/v1/", "/upload/storage/v1/b/{}/o")
        content_type, body = _multipart(key, data)
        with _refusals():
            answer = filesystem.call(
                "POST",
                upload,
                bucket,
                uploadType="multipart",
                ifGenerationMatch=stamp or _NO_OBJECT,
                headers={"Content-Type": content_type},
                data=body,
                json_out=True,
            )
        return str(answer["generation"])

    def _copy(self, source: str, target: str, source_stamp: str, target_stamp: str, size: int) -> str:
        # cloud.google.com/storage/docs/json_api/v1/objects/rewrite: a large object takes several requests.
        filesystem = self._filesystem
        token: dict[str, str] = {}
        while True:
            with _refusals():
                answer = filesystem.call(
                    "POST",
                    "b/{}/o/{}/rewriteTo/b/{}/o/{}",
                    *split(source),
                    *split(target),
                    ifSourceGenerationMatch=source_stamp,
                    ifGenerationMatch=target_stamp or _NO_OBJECT,
                    json_out=True,
                    **token,
                )
            if answer.get("done", True):
                return str(answer["resource"]["generation"])
            token = {"rewriteToken": answer["rewriteToken"]}

    def has_same_content(self, path: str, other: str) -> bool:
        sums = []
        for place in (path, other):
            with self._errors_of("look into", place):
                try:
                    info = self._info(place)
                except FileNotFoundError:
                    return False
            sums.append((info.get("md5Hash"), info.get("crc32c"), info["size"]))
        if None not in sums[0]:
            return sums[0] == sums[1]
        return super().has_same_content(path, other)

    def _stamp_of(self, identity: str) -> str:
        _, _, generation = identity.partition("-")
        return generation

    def _delete(self, path: str, stamp: str) -> None:
        bucket, key = split(path)
        with _refusals():
            self._filesystem.call("DELETE", "b/{}/o/{}", bucket, key, ifGenerationMatch=stamp)


def _multipart(key: str, data: bytes) -> tuple[str, bytes]:
    """The type and the body of an upload: what the object is called, and what it holds.

    cloud.google.com/storage/docs/uploading-objects-from-memory, the JSON API's multipart upload.
    """
    # gcsfs's own boundary is always the same: data that holds it could not be uploaded.
    boundary = secrets.token_hex(16)
    parts = [
        f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n".encode(),
        json.dumps({"name": key}).encode(),
        f"\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\n\r\n".encode(),
        data,
        f"\r\n--{boundary}--".encode(),
    ]
    return f'multipart/related; boundary="{boundary}"', b"".join(parts)


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn the client's errors of a conditional request into ours.

    Raises:
        RefusedError: the condition did not hold.
    """
    try:
        yield
    except Exception as exc:
        if _is_refused(exc):
            raise RefusedError from exc
        raise


def _is_refused(error: BaseException) -> bool:
    """Whether a request was refused since its condition did not hold."""
    # Older gcsfs raise an error of their own, which has the status.
    is_new = isinstance(error, FileExistsError)
    return is_new or any(_status(cause) == _PRECONDITION_FAILED for cause in causes(error))


def _status(error: BaseException) -> Any:
    return getattr(error, "code", None)
