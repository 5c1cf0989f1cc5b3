"""A lock between the threads and processes of one user on one host. It ends with its process."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

if sys.platform != "win32":
    import fcntl


@contextmanager
def hold_lock(name: str) -> Iterator[None]:
    """Hold the lock of this name within the block; wait for whoever holds it.

    The lock is a file in a folder of the user's own below the system's temporary folder, which is everybody's: so the
    folder must be the user's and a real one, and no link is followed and nothing truncated when the file is opened.

    Args:
        name: a file name.

    Raises:
        PermissionError: somebody else has put something at the folder's place.
        OSError: the system refuses the lock.
    """
    if sys.platform == "win32":  # there is no flock: one of two such nodes may fail with ConcurrentSaveError
        yield
        return
    path = os.path.join(_own_folder(), name)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        # Not left to the closing: a child that was forked meanwhile has the file open too, and would keep the lock.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _own_folder() -> str:
    folder = os.path.join(tempfile.gettempdir(), f"steel_toes-{os.getuid()}")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    # Not os.stat: a link would answer for what it points at.
    state = os.lstat(folder)
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid():
        raise PermissionError(f"{folder} is not a folder of this user's; remove it, or set TMPDIR to another folder")
    if stat.S_IMODE(state.st_mode) & 0o022:
        os.chmod(folder, 0o700)
    return folder
