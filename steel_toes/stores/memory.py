"""fsspec's `memory://`, which is one process's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from steel_toes.stores.base import Store


@dataclass(frozen=True)
class MemoryStore(Store):
    """The memory of this process: nobody else shares it, so that a lock of this user's is everybody's."""

    has_shared_locks: ClassVar[bool] = True
    has_folders: ClassVar[bool] = False
