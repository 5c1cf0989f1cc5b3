"""S3, and what speaks its protocol."""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import chain, groupby
from typing import Any, ClassVar

from fsspec.asyn import sync

from steel_toes.stores.answers import Watch
from steel_toes.stores.base import Stamped, Store
from steel_toes.stores.conditions import causes
from steel_toes.stores.identity import identity_of, is_of_several
from steel_toes.stores.objects import ObjectStore, RefusedError, UnknownConditionError, split
from steel_toes.stores.s3_answers import watches_of
from steel_toes.stores.together import THREADS, all_together

_BULK = 1000  # keys of one request: docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
_LOOKS_IN_A_PAGE = 10  # that take about as long, twenty at a time
# A condition that does not hold, and one that met another at the same time:
# docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
_REFUSED = (409, 412)
# What a server answers that does not know conditions, and what a client raises that does not.
_NOT_IMPLEMENTED = 501
_UNKNOWN_PARAMETER = "ParamValidationError"
# What a bulk deletion answers of an object that is another, and of one that is not there.
_CHANGED = "PreconditionFailed"
_GONE = "NoSuchKey"


@dataclass(frozen=True)
class S3Store(ObjectStore):
    """S3 through s3fs. An object's stamp is its etag."""

    has_answers: ClassVar[bool] = True
    has_content_identities: ClassVar[bool] = True
    # docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html; without ListBucket S3 answers 403
    # of an object that is not there.
    permissions: ClassVar[Mapping[str, str]] = {
        "read": "s3:GetObject and s3:ListBucket",
        "look into": "s3:GetObject and s3:ListBucket",
        "list": "s3:ListBucket",
        "write to": "s3:PutObject",
        "delete": "s3:DeleteObject",
        "copy": "s3:GetObject and s3:PutObject",
        "make the bucket": "s3:CreateBucket",
        "remove the bucket": "s3:DeleteBucket",
    }
    _other_stamp: ClassVar[str] = '"00000000000000000000000000000000"'
    # Of a copy by one request, and of a part: docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html.
    whole_copy_bytes: ClassVar[int] = 5 * 2**30
    part_bytes: ClassVar[int] = 2**29

    def wide(self) -> Store:
        # botocore's own pool has ten connections: the others would wait. What the entry says of it counts.
        config = {"max_pool_connections": THREADS, **(self.options.get("config_kwargs") or {})}
        return replace(self, options={**self.options, "config_kwargs": config})

    @property
    def _can_stamp(self) -> bool:
        # Another filesystem than s3fs may be registered for S3.
        return hasattr(self._filesystem, "call_s3")

    @property
    def _endpoint(self) -> str:
        filesystem = self._filesystem
        return str(filesystem.endpoint_url or filesystem.client_kwargs.get("endpoint_url") or "")

    @contextmanager
    def watch(self, path: str) -> Iterator[Watch]:
        if not self._can_stamp:
            yield Watch()
            return
        with self._errors_of("look into", path):
            watches = watches_of(self._filesystem.s3)
        with watches.watch(path) as watch:
            yield watch

    def is_free(self, path: str) -> bool:
        if not self._can_stamp:
            return super().is_free(path)
        with self._errors_of("look into", path):
            filesystem = self._filesystem
            is_free: bool = sync(filesystem.loop, _is_free, filesystem, *split(path))
            return is_free

    def few_objects(self, folder: str) -> Mapping[str, str] | None:
        if not self._can_stamp:
            return None
        bucket, key = split(folder)
        with self._errors_of("list", folder):
            prefix = f"{key}/" if key else ""
            answer = self._filesystem.call_s3("list_objects_v2", Bucket=bucket, Prefix=prefix)
        contents = answer.get("Contents", [])
        # Some clients make an object for a folder.
        if answer.get("IsTruncated") or any(item["Key"].endswith("/") for item in contents):
            return None
        return {f"{bucket}/{key}": identity for key, identity in _identities_in(contents).items()}

    def _get(self, path: str) -> Stamped:
        filesystem = self._filesystem
        stamped: Stamped = sync(filesystem.loop, _get_stamped, filesystem, *split(path))
        return stamped

    def _put(self, path: str, data: bytes, stamp: str) -> str:
        bucket, key = split(path)
        condition = {"IfMatch": stamp} if stamp else {"IfNoneMatch": "*"}
        # Of a write that wanted no object there, only the bucket can be missing.
        with _refusals(absence_refuses=bool(stamp)):
            answer = self._filesystem.call_s3("put_object", Bucket=bucket, Key=key, Body=data, **condition)
        return str(answer["ETag"])

    def _copy(self, source: str, target: str, source_stamp: str, target_stamp: str, size: int) -> str:
        filesystem = self._filesystem
        # s3fs drops what its client does not know: the copy would be made without a condition.
        if not _knows_copies(filesystem):
            raise UnknownConditionError
        source_bucket, source_key = split(source)
        bucket, key = split(target)
        origin = {"Bucket": source_bucket, "Key": source_key}
        copied = {"CopySource": origin, "CopySourceIfMatch": source_stamp}
        place = {"Bucket": bucket, "Key": key}
        condition = {"IfMatch": target_stamp} if target_stamp else {"IfNoneMatch": "*"}
        with _refusals():
            if size > self.whole_copy_bytes:
                head = filesystem.call_s3("head_object", **origin, IfMatch=source_stamp)
                return self._copy_in_parts(head, place, copied, condition)
            # Main's file takes over no tag of the copy: a rule for branches would hold of it.
            answer = filesystem.call_s3("copy_object", **place, **copied, **condition, TaggingDirective="REPLACE")
        return str(answer["CopyObjectResult"]["ETag"])

    def _copy_in_parts(
        self, head: Mapping[str, Any], place: Mapping[str, str], copied: Mapping[str, Any], condition: Mapping[str, str]
    ) -> str:
        """Copy what is too large for one request; it appears as a whole with the last one, which has the condition."""
        filesystem = self._filesystem
        more = {name: head[name] for name in ("ContentType", "Metadata") if head.get(name)}
        upload = filesystem.call_s3("create_multipart_upload", **place, **more)["UploadId"]
        try:
            parts = []
            for number, start in enumerate(range(0, head["ContentLength"], self.part_bytes), 1):
                end = min(start + self.part_bytes, head["ContentLength"]) - 1
                part = {"UploadId": upload, "PartNumber": number, "CopySourceRange": f"bytes={start}-{end}"}
                answer = filesystem.call_s3("upload_part_copy", **place, **copied, **part)
                parts.append({"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]})
            whole = {"UploadId": upload, "MultipartUpload": {"Parts": parts}}
            answer = filesystem.call_s3("complete_multipart_upload", **place, **whole, **condition)
            return str(answer["ETag"])
        except BaseException:
            # What was uploaded would lie there, and be paid for, until somebody looks.
            with suppress(Exception):
                filesystem.call_s3("abort_multipart_upload", **place, UploadId=upload)
            raise

    def has_same_content(self, path: str, other: str) -> bool:
        # The etag of an object that was put in one request is of its bytes.
        identity = self.identity(path)
        if identity is not None and identity == self.identity(other) and not is_of_several(identity):
            return True
        return super().has_same_content(path, other)

    def _delete(self, path: str, stamp: str) -> None:
        bucket, key = split(path)
        with _refusals():
            self._filesystem.call_s3("delete_object", Bucket=bucket, Key=key, IfMatch=stamp)

    def make_bucket(self, name: str) -> None:
        if not self._can_stamp:
            super().make_bucket(name)
            return
        with self._errors_of("make the bucket", name):
            filesystem = self._filesystem
            region = filesystem.client_kwargs.get("region_name")
            more: dict[str, Any] = {}
            # Where buckets lie without a constraint, and which may not be named: API_CreateBucket.html.
            if region not in (None, "us-east-1"):
                more["CreateBucketConfiguration"] = {"LocationConstraint": region}
            filesystem.call_s3("create_bucket", Bucket=name, **more)
            filesystem.invalidate_cache("")

    def remove_unchanged(self, identities: Mapping[str, str], folders: Iterable[str] = ()) -> list[str]:
        if not self._can_stamp:
            return super().remove_unchanged(identities)
        # A request is of one bucket, and of so many objects.
        chunks: list[list[str]] = []
        for _, in_bucket in groupby(sorted(identities), key=lambda path: split(path)[0]):
            paths = list(in_bucket)
            chunks += [paths[start : start + _BULK] for start in range(0, len(paths), _BULK)]
        changed = all_together(
            lambda paths: self._remove_chunk({path: identities[path] for path in paths}),
            chunks,
        )
        return list(chain.from_iterable(changed))

    def _remove_chunk(self, identities: Mapping[str, str]) -> list[str]:
        """Remove objects of one bucket that are as they were; the paths of the others."""
        # Looked at as well: not every server compares the etags of a bulk deletion.
        paths, changed = self._still_there(identities)
        if paths:
            # Not s3fs's `rm`, which expands `*` in names and hides the refusal of an object.
            with self._errors_of("delete", paths[0]):
                changed += self._remove_bulk({path: self._stamp_of(identities[path]) for path in paths})
        return changed

    def _still_there(self, identities: Mapping[str, str]) -> tuple[list[str], list[str]]:
        """The paths of objects that are as they were, and of those that are others by now."""
        now = self._identities_now(identities)
        same: list[str] = []
        changed: list[str] = []
        for path, identity_now in now.items():
            is_same = identity_now == identities[path]
            (same if is_same else changed).append(path)
        return same, changed

    def _identities_now(self, paths: Iterable[str]) -> dict[str, str]:
        """The identities of objects of one bucket, by a listing of what lies between them, else one by one."""
        paths = sorted(paths)
        bucket, _ = split(paths[0])
        identities = self._listed_between(bucket, [split(path)[1] for path in paths])
        now = {}
        unlisted = []
        for path in paths:
            _, key = split(path)
            if key in identities:
                now[path] = identities[key]
            else:
                # What a listing does not show is no proof: some servers list in another order than that of the keys.
                unlisted.append(path)
        for path, identity in zip(unlisted, all_together(self.identity, unlisted), strict=True):
            if identity is not None:
                now[path] = identity
        return now

    def _listed_between(self, bucket: str, keys: list[str]) -> dict[str, str]:
        """The identities that a listing shows of objects, as long as it does not lead past too many others.

        Args:
            bucket: theirs.
            keys: theirs, sorted.
        """
        identities: dict[str, str] = {}
        # A request for a page answers as much as that many for single objects.
        pages = len(keys) // _LOOKS_IN_A_PAGE
        # What is a key without its last character comes before it.
        arguments = {"Prefix": posixpath.commonprefix([keys[0], keys[-1]]), "StartAfter": keys[0][:-1]}
        for _ in range(pages):
            with self._errors_of("list", f"{bucket}/{arguments['Prefix']}"):
                answer = self._filesystem.call_s3("list_objects_v2", Bucket=bucket, **arguments)
            contents = answer.get("Contents", [])
            identities.update(_identities_in(contents))
            if not answer.get("IsTruncated") or contents[-1]["Key"] >= keys[-1]:
                break
            arguments["ContinuationToken"] = answer["NextContinuationToken"]
        return identities

    def _remove_bulk(self, stamps: Mapping[str, str]) -> list[str]:
        """Remove objects of one bucket that have these stamps; the paths of those that have others."""
        bucket, _ = split(next(iter(stamps)))
        objects = [{"Key": split(path)[1], "ETag": stamp} for path, stamp in stamps.items()]
        try:
            answer = self._delete_objects(bucket, objects)
        except Exception as exc:
            if not _is_unknown(exc):
                raise
            # An older client: they were looked at right before.
            answer = self._delete_objects(bucket, [{"Key": item["Key"]} for item in objects])
        changed = []
        for error in answer.get("Errors", []):
            if error.get("Code") == _CHANGED:
                changed.append(f"{bucket}/{error['Key']}")
            elif error.get("Code") != _GONE:
                raise OSError(f"{error.get('Key')}: {error.get('Code')} {error.get('Message')}")
        return changed

    def _delete_objects(self, bucket: str, objects: list[dict[str, str]]) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._filesystem.call_s3(
            "delete_objects",
            Bucket=bucket,
            Delete={"Objects": objects, "Quiet": True},
        )
        return answer


async def _is_free(filesystem: Any, bucket: str, key: str) -> bool:
    """Whether there is neither an object nor any below it: both are asked at once."""
    head = filesystem._call_s3("head_object", Bucket=bucket, Key=key)
    listing = filesystem._call_s3("list_objects_v2", Bucket=bucket, Prefix=f"{key}/", MaxKeys=1)
    head_answer: Any
    list_answer: Any
    head_answer, list_answer = await asyncio.gather(head, listing, return_exceptions=True)
    if isinstance(list_answer, BaseException):
        raise list_answer
    if isinstance(head_answer, BaseException) and not isinstance(head_answer, FileNotFoundError):
        raise head_answer
    return isinstance(head_answer, FileNotFoundError) and not list_answer.get("KeyCount")


async def _get_stamped(filesystem: Any, bucket: str, key: str) -> Stamped:
    """An object and its etag from one request, which s3fs's own `cat_file` does not tell."""
    from s3fs.core import S3_RETRYABLE_ERRORS

    for number in range(1, filesystem.retries + 1):
        # A connection that is dead, or a body that ends too early: asked for again, as s3fs does.
        with suppress(*(S3_RETRYABLE_ERRORS if number < filesystem.retries else ())):
            answer = await filesystem._call_s3("get_object", Bucket=bucket, Key=key)
            data = await answer["Body"].read()
            return Stamped(bytes(data), answer["ETag"])
    raise AssertionError("the last try gives data or raises")


def _identities_in(contents: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The identities of the objects that a page of a listing shows, by their keys."""
    return {item["Key"]: identity_of({**item, "size": item["Size"]}) for item in contents}


def _is_refused(error: BaseException, absence_refuses: bool) -> bool:
    """Whether a request was refused since its condition did not hold: the object is another, or gone."""
    if isinstance(error, FileNotFoundError):
        return absence_refuses
    if isinstance(error, FileExistsError):
        return True
    return any(status in _REFUSED for status in _statuses(error))


@contextmanager
def _refusals(absence_refuses: bool = False) -> Iterator[None]:
    """Turn the client's errors of a conditional request into ours.

    Args:
        absence_refuses: whether the condition does not hold either where nothing is.

    Raises:
        RefusedError: a condition did not hold.
        UnknownConditionError: the client or the server knows no conditions.
    """
    try:
        yield
    except Exception as exc:
        if _is_unknown(exc):
            raise UnknownConditionError from exc
        if _is_refused(exc, absence_refuses):
            raise RefusedError from exc
        raise


def _knows_copies(filesystem: Any) -> bool:
    """Whether a client can make a copy conditional: botocore does since 2025."""
    filesystem.connect()
    operations = filesystem.s3.meta.service_model
    for name, parameter in (("CopyObject", "IfMatch"), ("CompleteMultipartUpload", "IfMatch")):
        if parameter not in operations.operation_model(name).input_shape.members:
            return False
    return True


def _is_unknown(error: BaseException) -> bool:
    """Whether the server, or the client, does not know conditions."""
    if any(type(cause).__name__ == _UNKNOWN_PARAMETER for cause in causes(error)):
        return True
    return _NOT_IMPLEMENTED in _statuses(error)


def _statuses(error: BaseException) -> Iterator[int]:
    """The status of each answer that an error comes from."""
    for cause in causes(error):
        response = getattr(cause, "response", None)
        if isinstance(response, dict):
            yield response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
