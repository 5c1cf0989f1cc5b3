"""Small files of a disk, read and put whole with few system calls: a record is put twice in each save."""

from __future__ import annotations

import ctypes
import errno
import itertools
import os
import secrets
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache

_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS
# Of renameat2(2): Linux 3.15, glibc 2.28.
_NO_REPLACE = 1
_EXCHANGE = 2
_AT_CWD = -100
# What is said where the system, or the file system, cannot exchange two files, or has only one of them.
_CANNOT = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM, errno.ENOENT}

NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
"""What a file system answers that has no hard links: FAT, some network disks."""

_numbers = itertools.count()


def temporary_name() -> str:
    """The name of a file that no other process of any host makes, nor this one again."""
    return f".{_token()}-{next(_numbers):x}.tmp"


@cache
def _token() -> str:
    """Of this process alone."""
    return secrets.token_hex(8)


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_token.cache_clear)


def read_file(path: str) -> bytes:
    """What is in a file.

    Raises:
        OSError: as `open` does.
    """
    descriptor = os.open(path, os.O_RDONLY | _FLAGS)
    try:
        size = os.fstat(descriptor).st_size
        pieces = []
        # One byte more than there is: a short answer is the end of the file.
        while piece := os.read(descriptor, size + 1):
            pieces.append(piece)
            if len(piece) <= size:
                break
        return b"".join(pieces)
    finally:
        os.close(descriptor)


def put_file(path: str, data: bytes, share: Callable[[int, os.stat_result], None]) -> os.stat_result:
    """Put a file over another, or where none is, in one piece: a reader finds the one or the other, whole.

    A machine that loses power meanwhile may leave an empty one.

    Args:
        path: of the file, in a folder that is there.
        data: what is in it.
        share: gives a new file its permissions, by its descriptor and by what the disk says of it.

    Returns:
        What the disk says of it.

    Raises:
        OSError: it could not be put.
    """
    temporary = os.path.join(os.path.dirname(path), temporary_name())
    try:
        # Not mkstemp: a record is for the whole team, as the data is, and not for its writer alone.
        descriptor = os.open(temporary, _CREATE, 0o666)
        try:
            _write_all(descriptor, data)
            state = os.fstat(descriptor)
            share(descriptor, state)
        finally:
            os.close(descriptor)
        if _exchange(temporary, path):
            _remove_exchanged(temporary, path)
        else:
            os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    return state


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _remove_exchanged(temporary: str, path: str) -> None:
    """Remove what was exchanged for another file; what cannot be removed, such as a directory, goes back."""
    try:
        os.unlink(temporary)
    except OSError:
        _exchange(temporary, path)
        raise


def _exchange(path: str, other: str) -> bool:
    """Exchange two files in one step; False where that cannot be, and nothing was done.

    A file system that replaces one file by another writes the new one to the disk first (ext4 does, for programs that
    know no better), which takes twenty times as long.
    """
    code = _renamed(path, other, _EXCHANGE)
    if code in _CANNOT:
        return False
    if code:
        raise OSError(code, os.strerror(code), other)
    return True


def move_to_free(path: str, place: str) -> bool:
    """Move a file to a place where nothing is; whether it was moved.

    In one step where the disk has one: a hard link, or Linux's own rename. Else somebody who puts a file there between
    a look and the rename, some microseconds, is not seen.

    Raises:
        OSError: it could not be moved.
    """
    try:
        os.link(path, place)
    except FileExistsError:
        return False
    except OSError as exc:
        if exc.errno not in NO_HARD_LINKS:
            raise
        return _is_renamed_to_free(path, place)
    os.unlink(path)
    return True


def _is_renamed_to_free(path: str, place: str) -> bool:
    code = _renamed(path, place, _NO_REPLACE)
    if code == errno.EEXIST:
        return False
    if code:
        if os.path.lexists(place):
            return False
        os.rename(path, place)
    return True


def _renamed(path: str, other: str, flag: int) -> int:
    """Linux's rename with a flag: 0, or the number of its error."""
    renameat2 = _renameat2()
    if renameat2 is None:
        return errno.ENOSYS
    if renameat2(_AT_CWD, os.fsencode(path), _AT_CWD, os.fsencode(other), flag) == 0:
        return 0
    return ctypes.get_errno()


@cache
def _renameat2() -> Callable[..., int] | None:
    """The C library's function; None where there is none."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        function: Callable[..., int] = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return None
    return function
