"""Azure Blob Storage: an object store that may say that it copies before it has copied."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from fsspec.asyn import sync

from steel_toes.errors import COPY_ENDED
from steel_toes.stores.objects import ObjectStore

_SUCCESS, _PENDING = "success", "pending"
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class AzureStore(ObjectStore):
    """Azure Blob Storage, as adlfs reaches it."""

    def _copy_file(self, filesystem: Any, source: str, target: str) -> None:
        # Another filesystem than adlfs may be registered for Azure.
        if not hasattr(filesystem, "service_client"):
            super()._copy_file(filesystem, source, target)
            return
        try:
            sync(filesystem.loop, _copy_blob, filesystem, source, target)
        finally:
            filesystem.invalidate_cache()


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
