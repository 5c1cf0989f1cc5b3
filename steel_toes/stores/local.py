"""The local disk."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from stat import S_ISDIR

from steel_toes.stores.base import ABSENT, Store
from steel_toes.stores.identity import Info


@dataclass(frozen=True)
class LocalStore(Store):
    """The local disk, on which an identity is size and modification time in ns.

    Not the inode: a data folder that is copied with its times stays valid.
    """

    def write(self, path: str, data: bytes) -> None:
        """Write a small file in one piece, by replacing what is there."""
        with self._errors_of("write to"):
            folder = os.path.dirname(path)
            os.makedirs(folder, exist_ok=True)
            # Not mkstemp: a record is for the whole team, as the data is, and not for its writer alone.
            temporary = os.path.join(folder, f".{uuid.uuid4().hex}.tmp")
            try:
                with open(temporary, "xb") as file:
                    file.write(data)
                os.replace(temporary, path)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary)
                raise

    def remove(self, path: str) -> None:
        with self._errors_of("delete from"), suppress(*ABSENT):
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)

    def remove_all(self, paths: Iterable[str], folders: Iterable[str] = ()) -> None:
        with self._errors_of("delete from"):
            for path in paths:
                with suppress(*ABSENT):
                    os.unlink(path)
            for top in folders:
                _remove_empty(top)

    def leads_out(self, path: str, top: str) -> bool:
        parent = os.path.dirname(path)
        above = os.path.dirname(top)
        without_links = os.path.join(os.path.realpath(above), os.path.relpath(parent, above))
        return os.path.realpath(parent) != os.path.normpath(without_links)

    def _info(self, path: str) -> Info:
        stat = os.stat(path)
        kind = "directory" if S_ISDIR(stat.st_mode) else "file"
        # fsspec has the time as a float, which is too coarse to tell two saves apart.
        return {"type": kind, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}

    def _below(self, path: str) -> dict[str, Info]:
        infos = {}
        for folder, _, names in os.walk(path, onerror=_raise_unless_absent, followlinks=True):
            for name in names:
                file = os.path.join(folder, name)
                # A file that another process removes between listing and stat is simply not there.
                with suppress(FileNotFoundError):
                    infos[os.path.relpath(file, path).replace(os.sep, "/")] = self._info(file)
        return infos


def _remove_empty(top: str) -> None:
    for folder, _, _ in os.walk(top, topdown=False):
        with suppress(OSError):  # it is not empty
            os.rmdir(folder)


def _raise_unless_absent(error: OSError) -> None:
    if not isinstance(error, ABSENT):
        raise error
