"""A small disk that can be filled."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


class Disk:
    """A small disk, which can be filled.

    Args:
        root: where it is mounted.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.page = os.statvfs(root).f_bsize

    @property
    def free(self) -> tuple[int, int]:
        """The pages and the files that are left."""
        stat = os.statvfs(self.root)
        return stat.f_bavail, stat.f_favail

    def leave(self, pages: int | None = None, files: int | None = None) -> None:
        """Fill it until so much is left."""
        fill = self.root / "fill"
        fill.mkdir()
        for number in range(0 if files is None else self.free[1] - files):
            (fill / str(number)).touch()
        if pages is not None:
            with (fill / "pages").open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, (self.free[0] - pages) * self.page)

    def empty(self) -> None:
        """Take away what fills it."""
        shutil.rmtree(self.root / "fill", ignore_errors=True)

    def clear(self) -> None:
        """Take away everything."""
        for path in self.root.iterdir():
            shutil.rmtree(path)


def small_disk(root: Path) -> Iterator[Disk]:
    """A disk of 32 MiB and 500 files, mounted there until the test is over; where that cannot be, it is skipped."""
    root.mkdir()
    if not shutil.which("mount"):
        pytest.skip("NO FULL DISK HERE: there is no `mount` to make a small one with")
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m,nr_inodes=500", "tmpfs", str(root)]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"NO FULL DISK HERE: only root may mount a small one ({done.stderr.strip()})")
    yield Disk(root)
    subprocess.run(["umount", "--lazy", str(root)], check=True)
