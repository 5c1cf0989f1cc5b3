"""The bucket of one branch (layout "bucket")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from steel_toes.errors import NO_BUCKET, NO_MARKER, OTHER_MARKER, BucketError, Reason, StoreError
from steel_toes.naming.digest import encode
from steel_toes.redaction import redacted_repr
from steel_toes.stores.base import Store

_MARKER = "_steel_toes/bucket"
_COMMANDS = {"s3": "aws s3 mb", "gs": "gcloud storage buckets create"}


@redacted_repr
@dataclass(frozen=True)
class BranchBucket:
    """The bucket of one branch. It is ours if a marker object in it says so.

    Bucket names are everybody's: one that exists may be a stranger's, who would be handed the data.

    Args:
        store: with the entry's credentials.
        url: of the bucket, `s3://team-data--feature-x`.
        branch_name: the branch's full name.
        create: whether a missing bucket is made.
    """

    store: Store
    url: str
    branch_name: str
    create: bool

    def ensure(self) -> None:
        """Make sure that the bucket exists and is the branch's.

        Raises:
            BucketError: it is missing and must not be made, or it has no marker of this branch.
            StoreError: the store gave no definite answer.
        """
        text = encode(self.branch_name)
        # One request in the usual case.
        marker = self.store.read(self._marker_path)
        if marker == text:
            return
        if marker:
            raise self._error(OTHER_MARKER, owner=marker.decode(errors="replace"))
        if marker is not None or self.store.is_directory(self._name):
            raise self._error(NO_MARKER)
        if not self.create:
            raise self._error(NO_BUCKET, command=_COMMANDS.get(self._scheme, "create"))
        # Marked at once: a bucket without a marker is a stranger's, also to us.
        self.store.make_bucket(self._name)
        self.store.write(self._marker_path, text)

    def discard(self) -> None:
        """Remove the bucket if it is marked as the branch's and holds nothing but the marker.

        Raises:
            StoreError: the store gave no definite answer.
        """
        is_ours = self.store.read(self._marker_path) == encode(self.branch_name)
        # Anything else in it is somebody's, and keeps the bucket.
        if is_ours and list(self.store.objects(self._name)) == [_MARKER]:
            self.store.remove(self._marker_path)
            try:
                self.store.remove_bucket(self._name)
            except StoreError:
                # Without its marker it would be a stranger's from now on.
                self.store.write(self._marker_path, encode(self.branch_name))
                raise

    @property
    def _scheme(self) -> str:
        return self.url.split(":")[0]

    @property
    def _name(self) -> str:
        return self.url.split("://", 1)[1]

    @property
    def _marker_path(self) -> str:
        return f"{self._name}/{_MARKER}"

    def _error(self, reason: Reason, **facts: Any) -> BucketError:
        return BucketError(
            reason,
            dataset=self.store.dataset,
            bucket=self.url,
            branch=self.branch_name,
            marker=_MARKER,
            **facts,
        )
