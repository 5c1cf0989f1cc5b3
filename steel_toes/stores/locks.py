"""Locks between threads and processes, as files that are locked while they are open. A lock ends with its process."""

from __future__ import annotations

import errno
import logging
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from steel_toes.errors import NO_LOCKS

if sys.platform != "win32":
    import fcntl

logger = logging.getLogger(__name__)

# What a file system answers that has no locks, or a network that does not carry them.
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)
_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


@dataclass(frozen=True)
class LockFile:
    """A file that is a lock, in a folder that is there, for its owner alone.

    Args:
        path: of the file.
    """

    path: str

    def make_folder(self) -> None:
        """Make the folder of the file."""

    def share(self, descriptor: int) -> None:
        """Give a new file its permissions."""


@contextmanager
def hold_lock(lock_file: LockFile) -> Iterator[None]:
    """Hold the lock that a file is, within the block; wait for whoever holds it.

    No link is followed, and nothing in the file is changed. Whoever may open the file takes part: other users,
    containers, and hosts where the file system carries locks. Without locks (Windows, some network disks) the block
    runs all the same, with one warning.

    Args:
        lock_file: which; it is made, and stays.

    Raises:
        OSError: the file cannot be opened.
    """
    if sys.platform == "win32":  # there is no flock: one of two such saves may fail with ConcurrentSaveError
        yield
        return
    descriptor = _locked(lock_file)
    try:
        yield
    finally:
        # Not left to the closing: a child that was forked meanwhile has the file open too, and would keep the lock.
        if descriptor is not None:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)


def _locked(lock_file: LockFile) -> int | None:
    """The descriptor of the file, locked; None where there are no locks."""
    while True:
        descriptor = _opened(lock_file)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as exc:
            os.close(descriptor)
            if exc.errno not in _NO_LOCKS:
                raise
            _warn_once(os.path.dirname(lock_file.path))
            return None
        except BaseException:
            os.close(descriptor)
            raise
        if _is_at(descriptor, lock_file.path):
            return descriptor
        # `clean` has removed it while we waited: whoever comes next locks another file.
        os.close(descriptor)


def _opened(lock_file: LockFile) -> int:
    lock_file.make_folder()
    try:
        descriptor = os.open(lock_file.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600)
    except FileExistsError:
        return _opened_again(lock_file.path)
    except FileNotFoundError:
        # `clean` has just removed the folder.
        return _opened(lock_file)
    lock_file.share(descriptor)
    return descriptor


def _opened_again(path: str) -> int:
    try:
        return os.open(path, os.O_RDWR | _FLAGS)
    except PermissionError:
        # Another user's: to lock it, it is enough to read it.
        return os.open(path, os.O_RDONLY | _FLAGS)


def _is_at(descriptor: int, path: str) -> bool:
    """Whether an open file is the one that the path leads to now."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False


@cache
def _warn_once(folder: str) -> None:
    logger.warning(NO_LOCKS, folder)


def own_folder() -> str:
    """A folder of this user's own below the system's temporary folder, which is everybody's.

    Raises:
        PermissionError: somebody else has put something at its place.
    """
    user = getattr(os, "getuid", lambda: 0)()
    folder = os.path.join(tempfile.gettempdir(), f"steel_toes-{user}")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    # Not os.stat: a link would answer for what it points at.
    state = os.lstat(folder)
    if sys.platform == "win32":  # there it is the user's own temporary folder already
        return folder
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != user:
        raise PermissionError(f"{folder} is not a folder of this user's; remove it, or set TMPDIR to another folder")
    if stat.S_IMODE(state.st_mode) & 0o022:
        os.chmod(folder, 0o700)
    return folder
