"""The local disk."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import threading
import time
from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from stat import S_IMODE, S_ISDIR, S_IWUSR
from typing import ClassVar

from steel_toes.errors import LACKS_RIGHT, MEND_DISK
from steel_toes.stores.base import ABSENT, Inode, Links, Store
from steel_toes.stores.copying import copy_file, move_over
from steel_toes.stores.files import put_file, read_file, temporary_name
from steel_toes.stores.identity import Info, digest_of, identity_of
from steel_toes.stores.links import find_links
from steel_toes.stores.locks import LockFile

_TICK_SECONDS = 0.05
_PASSAGE = ".part"
_TRIES = 20
_FOLDER_MODES = 0o7777
_FILE_MODES = 0o666  # a record is no program
_making = threading.RLock()
"""Held by the thread that makes folders: one that is replaced by another of its name takes no file any more."""
_NEW_FOLDER = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)


@dataclass(frozen=True)
class LocalStore(Store):
    """The local disk, on which an identity is size and modification time in ns.

    Not the inode: a data folder that is copied with its times stays valid.
    """

    has_shared_locks: ClassVar[bool] = True
    has_versions: ClassVar[bool] = True
    keeps_identities: ClassVar[bool] = True
    refusal: ClassVar[str] = LACKS_RIGHT
    failure: ClassVar[str] = MEND_DISK

    def located(self, path: str) -> str:
        return path

    def shown(self, path: str) -> str:
        """The path: nothing in a local file's name is a secret."""
        return path

    def write(self, path: str, data: bytes) -> str:
        """Write a small file in one piece, by replacing what is there."""
        with self._errors_of("write to", path):
            folder = os.path.dirname(path)
            around = _made_folder(folder)
            put = put_file(path, data, lambda descriptor, state: _share(descriptor, state, around, _FILE_MODES))
            return _version_of(put)

    def make_parent(self, path: str) -> None:
        # With layout "prefix" the first of a team to save makes the folders of all: they are the team's.
        with self._errors_of("write to", path):
            _made_folder(os.path.dirname(path))

    def is_as_put(self, path: str, put: str) -> bool:
        state = self._state(path)
        return state is not None and _version_of(state) == put

    def make_own(self, path: str) -> None:
        with self._errors_of("write to", path), _replaced(path) as temporary:
            shutil.copy2(path, temporary)
            state = os.stat(path)
            _give_to_group(temporary, state.st_gid)
            # What shares files by hard links (DVC's cache) keeps them from being written; this one is no longer shared.
            os.chmod(temporary, S_IMODE(state.st_mode) | S_IWUSR)

    def copy_over(
        self, source: str, target: str, if_source: str, if_target: str | None, through: str = ""
    ) -> str | None:
        with self._errors_of("copy", source):
            if not self._are_as_seen(source, target, if_source, if_target):
                return None
            # What is a link to main's file stays one.
            place = os.path.realpath(target)
            temporary = through or os.path.join(os.path.dirname(place), temporary_name())
            for path in (place, temporary):
                _made_folder(os.path.dirname(path))
            copy_file(source, temporary, place)
            try:
                # The copy took its time: both are looked at once more.
                if not self._are_as_seen(source, target, if_source, if_target):
                    return None
                is_moved = move_over(temporary, place, is_new=if_target is None)
            except FileNotFoundError:
                # Somebody has cleared it away: it may be made again.
                is_moved = False
            finally:
                with suppress(*ABSENT):
                    os.unlink(temporary)
            # The copy has the times of what it was made of.
            return if_source if is_moved else None

    def passage(self, folder: str, mark: str, target: str) -> str:
        name = f"{mark}-{secrets.token_hex(4)}{_PASSAGE}"
        around = os.path.dirname(os.path.realpath(target))
        with self._errors_of("write to", target):
            if _made_folder(around).st_dev == _made_folder(folder).st_dev:
                return os.path.join(folder, name)
        # Hidden from whoever lists a folder without thinking of such files.
        return os.path.join(around, f".{name}")

    def clear_passages(self, folder: str, mark: str, targets: Iterable[str]) -> None:
        folders = {os.path.dirname(os.path.realpath(target)) for target in targets}
        for place in (folder, *sorted(folders)):
            with self._errors_of("delete", place), suppress(*ABSENT):
                for entry in os.scandir(place):
                    is_left = entry.name.removeprefix(".").startswith(f"{mark}-") and entry.name.endswith(_PASSAGE)
                    if is_left:
                        os.unlink(entry.path)

    def create(self, path: str, data: bytes) -> bool:
        temporary = os.path.join(os.path.dirname(path), temporary_name())
        self.write(temporary, data)
        with self._errors_of("write to", path):
            try:
                return move_over(temporary, path, is_new=True)
            finally:
                with suppress(*ABSENT):
                    os.unlink(temporary)

    def version(self, path: str) -> Hashable | None:
        state = self._state(path)
        if state is None:
            return None
        # The clock of a disk has ticks of some milliseconds: within one, a file could be replaced and look the same.
        if time.time() - state.st_ctime < _TICK_SECONDS:
            return None
        return state.st_ino, state.st_ctime_ns, state.st_mtime_ns, state.st_size

    def forget(self, path: str) -> None:
        """Nothing is remembered of a disk."""

    def read(self, path: str) -> bytes | None:
        # As any store's, but quicker: a record that is not there is asked for with each of thousands of partitions.
        with self._errors_of("read", path):
            try:
                return read_file(path)
            except ABSENT:
                return None

    def identity(self, path: str) -> str | None:
        # As any store's, but quicker: it is asked twice for each of thousands of partitions.
        state = self._state(path)
        if state is None:
            return None
        if S_ISDIR(state.st_mode):
            return digest_of(self.files(path))
        return identity_of(_info_of(state))

    def _state(self, path: str) -> os.stat_result | None:
        """What the disk says of a file; None if there is none."""
        try:
            return os.stat(path)
        except ABSENT:
            return None
        except OSError:
            with self._errors_of("look into", path):
                raise

    def lock_path(self, path: str) -> str:
        return f"{path}.lock"

    def _lock_file(self, path: str) -> LockFile:
        return _SharedLockFile(self.lock_path(path))

    def remove(self, path: str) -> None:
        with self._errors_of("delete", path), suppress(*ABSENT):
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)

    def remove_unchanged(self, identities: Mapping[str, str], folders: Iterable[str] = ()) -> list[str]:
        changed = super().remove_unchanged(identities)
        for top in folders:
            with self._errors_of("delete", top):
                _remove_empty(top)
        return changed

    def _remove_file(self, path: str) -> None:
        os.unlink(path)

    def links(self, top: str, paths: Iterable[str]) -> Links:
        with self._errors_of("look into", top):
            return find_links(top, paths)

    def real_path(self, path: str) -> str:
        return os.path.realpath(path)

    def inodes(self, paths: Iterable[str]) -> set[Inode]:
        inodes: set[Inode] = set()
        for path in paths:
            with self._errors_of("look into", path):
                inodes.update(info["inode"] for info in self._infos(path).values())
        return inodes

    def _info(self, path: str) -> Info:
        return _info_of(os.stat(path))

    def _below(self, path: str) -> dict[str, Info]:
        infos = {}
        for folder, _, names in os.walk(path, onerror=_raise_unless_absent, followlinks=True):
            for name in names:
                file = os.path.join(folder, name)
                # A file that another process removes between listing and stat is simply not there.
                with suppress(FileNotFoundError):
                    infos[os.path.relpath(file, path).replace(os.sep, "/")] = self._info(file)
        return infos


def _version_of(state: os.stat_result) -> str:
    return f"{state.st_dev}-{state.st_ino}-{state.st_mtime_ns}-{state.st_size}"


def _info_of(state: os.stat_result) -> Info:
    kind = "directory" if S_ISDIR(state.st_mode) else "file"
    # fsspec has the time as a float, which is too coarse to tell two saves apart.
    inode = (state.st_dev, state.st_ino)
    return {"type": kind, "size": state.st_size, "mtime_ns": state.st_mtime_ns, "inode": inode}


@dataclass(frozen=True)
class _SharedLockFile(LockFile):
    """A lock for whoever may save beside the record."""

    def make_folder(self) -> None:
        _made_folder(os.path.dirname(self.path))

    def share(self, descriptor: int) -> None:
        around = os.stat(os.path.dirname(self.path))
        _share(descriptor, os.fstat(descriptor), around, _FILE_MODES)


def _nobody_makes() -> None:
    """In a child: the thread that made a folder is not there, and its lock would be held for ever."""
    global _making  # noqa: PLW0603 - it is one for all stores
    _making = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_nobody_makes)


@contextmanager
def _replaced(path: str) -> Iterator[str]:
    """The path of a file that takes the place of another, in one piece, if the block writes it without an error."""
    temporary = os.path.join(os.path.dirname(path), temporary_name())
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _made_folder(folder: str) -> os.stat_result:
    """What the disk says of a folder; it is made, and those above it, with the mode and the group of the one above."""
    for _ in range(_TRIES):
        with suppress(FileNotFoundError):
            return os.stat(folder)
        # Another may make the one above in this moment: its own takes the place of ours, as long as that is empty.
        with suppress(FileNotFoundError), _making:
            return _make_folder(folder)
    return _make_folder(folder)


def _make_folder(folder: str) -> os.stat_result:
    """Make a folder, and those above it."""
    with suppress(FileNotFoundError):
        return os.stat(folder)
    above = os.path.dirname(folder)
    around = _make_folder(above)
    # Under another name until it has them: a process that is killed in between must not lock the others out.
    temporary = os.path.join(above, temporary_name())
    os.mkdir(temporary)
    try:
        _share_folder(temporary, around)
        os.rename(temporary, folder)
    except BaseException as exc:
        os.rmdir(temporary)
        # Made by another process just now, and something is in it already.
        is_there = isinstance(exc, OSError) and os.path.isdir(folder)
        if not is_there:
            raise
    return os.stat(folder)


def _share_folder(folder: str, around: os.stat_result) -> None:
    # By its descriptor: somebody may put a link in its place.
    descriptor = os.open(folder, os.O_RDONLY | _NEW_FOLDER)
    try:
        _share(descriptor, os.fstat(descriptor), around, _FOLDER_MODES)
    finally:
        os.close(descriptor)


def _share(descriptor: int, state: os.stat_result, folder: os.stat_result, modes: int) -> None:
    """Give a new file or folder the permissions that the folder around it has.

    So whoever may read the data may read its records, and whoever may save beside it may record that, whatever the
    umask of the first who did (what core.sharedRepository is to Git).

    Args:
        descriptor: of the new one.
        state: what the disk says of it.
        folder: what it says of the folder around it.
        modes: those that a file, or a folder, may have.
    """
    if sys.platform == "win32":  # new files inherit the permissions of their folder
        return
    is_of_group = state.st_gid == folder.st_gid
    if not is_of_group:
        _give_to_group(descriptor, folder.st_gid)
    mode = S_IMODE(folder.st_mode) & modes
    # Another group may take bits of the mode away.
    if not is_of_group or S_IMODE(state.st_mode) != mode:
        os.chmod(descriptor, mode)


def _give_to_group(file: str | int, group: int) -> None:
    if sys.platform == "win32":
        return
    with suppress(PermissionError):  # a user gives files only to groups that are the user's own
        os.chown(file, -1, group)


def _remove_empty(top: str) -> None:
    for folder, _, _ in os.walk(top, topdown=False):
        with suppress(OSError):  # it is not empty
            os.rmdir(folder)


def _raise_unless_absent(error: OSError) -> None:
    if not isinstance(error, ABSENT):
        raise error
