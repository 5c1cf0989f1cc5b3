"""What lies in a folder, compared by its bytes: main's must stay what they were."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

Content = TypeVar("Content")


def contents(folder: Path, below: Path | None = None) -> dict[str, bytes]:
    """Every file below a folder with its bytes, by its path from that folder, or from another."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(below or folder).as_posix(): path.read_bytes() for path in paths}


def unchanged(before: Mapping[str, Content], now: Mapping[str, Content]) -> dict[str, Content | None]:
    """What has become of the files that there were before; it equals `before` if none was changed or removed."""
    return {path: now.get(path) for path in before}


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files by their paths in a folder, which is made."""
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
