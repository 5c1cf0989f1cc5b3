"""Object stores: there are buckets and objects in them, and no folders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from steel_toes.stores.base import Store


@dataclass(frozen=True)
class ObjectStore(Store):
    """A store of objects, each of which appears as a whole when it is written."""

    def make_parent(self, path: str) -> None:
        """Nothing to make: s3fs would make a missing bucket."""

    def _read_options(self, filesystem: Any) -> dict[str, Any]:
        # s3fs asks for the size first, to read in parallel: one request more for each record.
        return {"max_concurrency": 1} if hasattr(filesystem, "max_concurrency") else {}
