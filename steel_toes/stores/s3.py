"""S3, and what speaks its protocol."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from steel_toes.stores.objects import ObjectStore

_BULK = 1000  # keys of one request: docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html


@dataclass(frozen=True)
class S3Store(ObjectStore):
    """S3 through s3fs."""

    def remove_all(self, paths: Iterable[str], folders: Iterable[str] = ()) -> None:
        if not hasattr(self._filesystem, "call_s3"):
            # Another filesystem is registered for S3 than s3fs.
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


def _by_bucket(paths: Iterable[str]) -> dict[str, list[str]]:
    keys: dict[str, list[str]] = {}
    for path in paths:
        bucket, _, key = path.partition("/")
        keys.setdefault(bucket, []).append(key)
    return keys
