"""Each Git branch of a Kedro project gets its own copy of the data that it writes, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steel_toes.errors import (
    ChangedCopyError,
    ConcurrentSaveError,
    ConfigurationError,
    LoadRefusedError,
    SaveRefusedError,
    SteelToesError,
    TornCopyError,
)
from steel_toes.hook import SteelToes

if TYPE_CHECKING:
    __version__: str

__all__ = [
    "ChangedCopyError",
    "ConcurrentSaveError",
    "ConfigurationError",
    "LoadRefusedError",
    "SaveRefusedError",
    "SteelToes",
    "SteelToesError",
    "TornCopyError",
]


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version

        return version("steel-toes")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
