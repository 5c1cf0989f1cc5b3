"""Azure Blob Storage."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from fsspec.asyn import sync

from steel_toes.errors import COPY_ENDED
from steel_toes.stores.base import Stamped
from steel_toes.stores.objects import ObjectStore, RefusedError, split

_SUCCESS = "success"
_PENDING = "pending"
_POLL_SECONDS = 0.5
# adlfs marks what is no directory; without the mark it asks for the children of each blob.
_METADATA = {"is_directory": "false"}


@dataclass(frozen=True)
class AzureStore(ObjectStore):
    """Azure Blob Storage through adlfs. A blob's stamp is its etag."""

    # learn.microsoft.com/azure/role-based-access-control/built-in-roles/storage
    permissions: ClassVar[Mapping[str, str]] = {
        "read": "the role Storage Blob Data Reader",
        "look into": "the role Storage Blob Data Reader",
        "list": "the role Storage Blob Data Reader",
        "write to": "the role Storage Blob Data Contributor",
        "delete": "the role Storage Blob Data Contributor",
        "copy": "the role Storage Blob Data Contributor",
        "make the bucket": "the role Storage Blob Data Contributor",
        "remove the bucket": "the role Storage Blob Data Contributor",
    }
    _other_stamp: ClassVar[str] = '"0x0"'

    @property
    def _can_stamp(self) -> bool:
        # Another filesystem than adlfs may be registered for Azure's.
        return hasattr(self._filesystem, "service_client")

    @property
    def _endpoint(self) -> str:
        return str(self._filesystem.service_client.url)

    def _get(self, path: str) -> Stamped:
        stamped: Stamped = self._sync(_get_blob, path)
        return stamped

    def _put(self, path: str, data: bytes, stamp: str) -> str:
        return str(self._sync(_put_blob, path, data, stamp))

    def _delete(self, path: str, stamp: str) -> None:
        self._sync(_delete_blob, path, stamp)

    def _copy(self, source: str, target: str, source_stamp: str, target_stamp: str, size: int) -> str:
        return str(self._sync(_copy_blob, source, target, source_stamp, target_stamp))

    def _copy_file(self, source: str, target: str) -> None:
        if not self._can_stamp:
            super()._copy_file(source, target)
            return
        self._sync(_copy_blob, source, target)

    def _sync(self, function: Any, *arguments: Any) -> Any:
        """What a coroutine function gives, with Azure's errors as fsspec has them."""
        from azure.core.exceptions import ResourceNotFoundError

        filesystem = self._filesystem
        try:
            return sync(filesystem.loop, function, filesystem, *arguments)
        except ResourceNotFoundError as error:
            raise FileNotFoundError(arguments[0]) from error
        finally:
            # adlfs answers sizes from its listings after a write that it did not make itself.
            filesystem.invalidate_cache()


async def _get_blob(filesystem: Any, path: str) -> Stamped:
    """A blob and its etag from one request, which adlfs's own `cat_file` does not tell."""
    stream = await _blob(filesystem, path).download_blob(**_timeouts(filesystem))
    return Stamped(await stream.readall(), stream.properties.etag)


async def _put_blob(filesystem: Any, path: str, data: bytes, stamp: str) -> str:
    """Put a blob under a condition, which older adlfs's own `pipe_file` drops.

    learn.microsoft.com/rest/api/storageservices/specifying-conditional-headers-for-blob-service-operations
    """
    from azure.core import MatchConditions
    from azure.core.exceptions import ResourceExistsError, ResourceModifiedError

    condition: dict[str, Any] = {"overwrite": False}
    if stamp:
        condition = {"overwrite": True, "etag": stamp, "match_condition": MatchConditions.IfNotModified}
    try:
        answer = await _blob(filesystem, path).upload_blob(
            data,
            length=len(data),
            metadata=_METADATA,
            **condition,
            **_timeouts(filesystem),
        )
    except (ResourceExistsError, ResourceModifiedError) as error:
        raise RefusedError from error
    return str(answer["etag"])


async def _delete_blob(filesystem: Any, path: str, stamp: str) -> None:
    from azure.core import MatchConditions
    from azure.core.exceptions import ResourceModifiedError

    condition = {"etag": stamp, "match_condition": MatchConditions.IfNotModified}
    try:
        await _blob(filesystem, path).delete_blob(**condition, **_timeouts(filesystem))
    except ResourceModifiedError as error:
        raise RefusedError from error


async def _copy_blob(
    filesystem: Any, source: str, target: str, source_stamp: str = "", target_stamp: str | None = None
) -> str:
    """Copy a blob, and return its etag once the copy is there.

    Args:
        filesystem: adlfs's.
        source: the path of a blob.
        target: where the copy lies.
        source_stamp: that the source must have; "" is any.
        target_stamp: that the target must have; "" if there must be none; None is any.

    adlfs's own `cp_file` returns when the copy has begun. Until it has ended the target reads as an empty blob or as
    half of one: https://learn.microsoft.com/rest/api/storageservices/copy-blob (`x-ms-copy-status`).
    """
    from azure.core.exceptions import ResourceExistsError, ResourceModifiedError

    target_blob = _blob(filesystem, target)
    conditions = _conditions_of_copy(source_stamp, target_stamp)
    try:
        answer = await target_blob.start_copy_from_url(_blob(filesystem, source).url, **conditions)
    except (ResourceExistsError, ResourceModifiedError) as error:
        raise RefusedError from error
    status = answer["copy_status"]
    etag = answer["etag"]
    reason = ""
    while status == _PENDING:
        await asyncio.sleep(_POLL_SECONDS)
        properties = await target_blob.get_blob_properties()
        # It is another once the copy has ended.
        etag = properties.etag
        status = properties.copy.status
        reason = properties.copy.status_description or ""
    if status != _SUCCESS:
        raise OSError(COPY_ENDED.format(target=target, status=status, reason=reason).rstrip())
    return str(etag)


def _conditions_of_copy(source_stamp: str, target_stamp: str | None) -> dict[str, Any]:
    """learn.microsoft.com/rest/api/storageservices/copy-blob, as the client spells the conditions."""
    from azure.core import MatchConditions

    conditions: dict[str, Any] = {}
    if source_stamp:
        conditions = {"source_etag": source_stamp, "source_match_condition": MatchConditions.IfNotModified}
    if target_stamp:
        conditions.update(etag=target_stamp, match_condition=MatchConditions.IfNotModified)
    elif target_stamp is not None:
        conditions.update(match_condition=MatchConditions.IfMissing)
    return conditions


def _blob(filesystem: Any, path: str) -> Any:
    container, name = split(path)
    return filesystem.service_client.get_blob_client(container, name)


def _timeouts(filesystem: Any) -> dict[str, Any]:
    # Only newer adlfs have them.
    timeouts: dict[str, Any] = getattr(filesystem, "_timeout_kwargs", {})
    return timeouts
