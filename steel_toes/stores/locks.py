"""Locks between threads and processes, as files that are locked while they are open. A lock ends with its process."""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache

from steel_toes.redaction import logger_of
from steel_toes.sentences import NO_LOCKS
from steel_toes.stores.files import NO_HARD_LINKS, temporary_name

if sys.platform != "win32":
    import fcntl

logger = logger_of(__name__)

# What a file system answers that has no locks, or a network that does not carry them.
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)
_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_TRIES = 100
_PAUSE_SECONDS = 0.01

LOCK_SECONDS = 120
"""For a lock that somebody holds, as long as nobody asks for less."""

PATIENCE_SECONDS = 1
"""For a lock that others hold for a moment only, unless they save."""


class LockHeldError(OSError):
    """Somebody else holds the lock."""


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
def hold_lock(lock_file: LockFile, seconds: float) -> Iterator[bool]:
    """Hold the lock that a file is, within the block.

    No link is followed, and nothing in the file is changed. Whoever may open the file takes part: other users,
    containers, and hosts where the file system carries locks. Without locks (Windows, some network disks) the block
    runs all the same, with one warning.

    Args:
        lock_file: which; it is made, and stays.
        seconds: to wait for whoever holds it.

    Yields:
        Whether it is held.

    Raises:
        LockHeldError: another held it for so long.
        OSError: the file cannot be opened.
    """
    if sys.platform == "win32":  # there is no flock: one of two such saves may fail with ConcurrentSaveError
        yield False
        return
    descriptor = _locked(lock_file, seconds)
    if descriptor is None:
        yield False
        return
    try:
        yield True
    finally:
        # In a child that was forked in the block it is not ours any more.
        if descriptor in _held:
            _held.discard(descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)


# The descriptors of the locks that this process holds; nobody forks while one is opened.
_held: set[int] = set()
_opening = threading.RLock()


def _let_go() -> None:
    """In a child: a lock is its parent's. Open here, it would outlive a parent that is killed."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()
    _opening.release()


if sys.platform != "win32":
    os.register_at_fork(before=_opening.acquire, after_in_parent=_opening.release, after_in_child=_let_go)


def _locked(lock_file: LockFile, seconds: float) -> int | None:
    """The descriptor of the file, locked; None where there are no locks."""
    end = time.monotonic() + seconds
    while True:
        try:
            with _opening:
                descriptor = _opened_and_locked(lock_file)
        except OSError as exc:
            if exc.errno not in _NO_LOCKS:
                raise
            _warn_once(os.path.dirname(lock_file.path))
            return None
        if descriptor is not None:
            return descriptor
        if time.monotonic() > end:
            raise LockHeldError(errno.EWOULDBLOCK, "another process holds the lock", lock_file.path)
        time.sleep(_PAUSE_SECONDS)


def _opened_and_locked(lock_file: LockFile) -> int | None:
    """The descriptor of the file, which is ours now; None if another holds it."""
    descriptor = _opened(lock_file)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Unlocked after it was removed: whoever comes next locks another file.
        if _is_at(descriptor, lock_file.path):
            _held.add(descriptor)
            return descriptor
    except BlockingIOError:
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _opened(lock_file: LockFile) -> int:
    for _ in range(_TRIES):
        # Nearly always it is there. `clean` may remove it, or the folder, between any two of these.
        with suppress(FileNotFoundError):
            return _opened_again(lock_file.path)
        with suppress(FileNotFoundError, FileExistsError):
            lock_file.make_folder()
            _make_lock(lock_file)
    # Nobody removes it so often: there can be no such folder.
    lock_file.make_folder()
    return _opened_again(lock_file.path)


def _make_lock(lock_file: LockFile) -> None:
    """Make the file with its permissions: a process that is killed meanwhile must not lock the others out."""
    temporary = os.path.join(os.path.dirname(lock_file.path), temporary_name())
    _make_shared(lock_file, temporary)
    try:
        os.link(temporary, lock_file.path, follow_symlinks=False)
    except OSError as exc:
        if exc.errno not in NO_HARD_LINKS:
            raise
        # Not by a rename, which would take the place of a lock that somebody holds.
        _make_shared(lock_file, lock_file.path)
    finally:
        os.unlink(temporary)


def _make_shared(lock_file: LockFile, path: str) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600)
    try:
        lock_file.share(descriptor)
    finally:
        os.close(descriptor)


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
