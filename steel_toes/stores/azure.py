"""Azure Blob Storage."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from fsspec.asyn import sync

from steel_toes.errors import COPY_ENDED
from steel_toes.stores.base import Stamped
from steel_toes.stores.objects import ObjectStore

_SUCCESS, _PENDING = "success", "pending"
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class AzureStore(ObjectStore):
    """Azure Blob Storage, as adlfs reaches it."""

    @property
    def has_stamps(self) -> bool:
        return self._is_adlfs

    def read_stamped(self, path: str) -> Stamped:
        with self._errors_of("read"):
            filesystem = self._filesystem
            stamped: Stamped = sync(filesystem.loop, _get_stamped, filesystem, path)
            return stamped

    def write_stamped(self, path: str, data: bytes, stamp: str) -> bool:
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceModifiedError

        # learn.microsoft.com/rest/api/storageservices/specifying-conditional-headers-for-blob-service-operations
        condition = {"etag": stamp, "match_condition": MatchConditions.IfNotModified} if stamp else {"overwrite": False}
        with self._errors_of("write to"):
            try:
                self._filesystem.pipe_file(path, data, **condition)
            except (FileExistsError, ResourceModifiedError):
                # The client asks again when an answer is lost, and then meets its own blob.
                return self.read(path) == data
            return True

    def _copy_file(self, filesystem: Any, source: str, target: str) -> None:
        if not self._is_adlfs:
            super()._copy_file(filesystem, source, target)
            return
        try:
            sync(filesystem.loop, _copy_blob, filesystem, source, target)
        finally:
            filesystem.invalidate_cache()

    @property
    def _is_adlfs(self) -> bool:
        """Whether the filesystem has Azure's client: another than adlfs may be registered."""
        return hasattr(self._filesystem, "service_client")


async def _get_stamped(filesystem: Any, path: str) -> Stamped:
    """A blob and its etag from one request, which adlfs's own `cat_file` does not tell."""
    from azure.core.exceptions import ResourceNotFoundError

    try:
        stream = await _blob(filesystem, path).download_blob(**filesystem._timeout_kwargs)
    except ResourceNotFoundError:
        return Stamped(None, "")
    return Stamped(await stream.readall(), stream.properties.etag)


async def _copy_blob(filesystem: Any, source: str, target: str) -> None:
    """Copy a blob, and return once the copy is there.

    adlfs's own `cp_file` returns when the copy has begun. Until it has ended the target reads as an empty blob or as
    half of one: https://learn.microsoft.com/rest/api/storageservices/copy-blob (`x-ms-copy-status`).
    """
    from azure.core.exceptions import ResourceNotFoundError

    source_blob = _blob(filesystem, source)
    target_blob = _blob(filesystem, target)
    try:
        answer = await target_blob.start_copy_from_url(source_blob.url)
    except ResourceNotFoundError as error:
        raise FileNotFoundError(source) from error
    status = answer["copy_status"]
    reason = ""
    while status == _PENDING:
        await asyncio.sleep(_POLL_SECONDS)
        copy = (await target_blob.get_blob_properties()).copy
        status = copy.status
        reason = copy.status_description or ""
    if status != _SUCCESS:
        raise OSError(COPY_ENDED.format(target=target, status=status, reason=reason).rstrip())


def _blob(filesystem: Any, path: str) -> Any:
    container, name, _ = filesystem.split_path(path)
    return filesystem.service_client.get_blob_client(container, name)
