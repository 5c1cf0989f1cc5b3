"""Copying a file of a disk over another: as a whole, as the other was to its users, and on the disk when it is done."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from stat import S_IMODE

from steel_toes.stores.files import move_to_free

_CHUNK = 2**30  # bytes of one call


def copy_file(source: str, temporary: str, place: str) -> None:
    """Copy a file to a temporary one, which is to take a place.

    It has the source's times, so that its identity is the source's, and the owner, the group and the mode of the file
    whose place it takes; else of a new file in that folder.

    Args:
        source: the path of the file.
        temporary: that of the copy, on the disk of its place.
        place: that it is to take.

    Raises:
        OSError: it could not be copied. Nothing is left at the temporary path then.
    """
    try:
        with open(source, "rb") as reader, open(temporary, "xb") as writer:
            _copy_bytes(reader.fileno(), writer.fileno())
            _dress(writer.fileno(), place)
            state = os.fstat(reader.fileno())
            os.utime(writer.fileno(), ns=(state.st_atime_ns, state.st_mtime_ns))
            os.fsync(writer.fileno())
    except FileExistsError:
        # Somebody else's.
        raise
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _copy_bytes(reader: int, writer: int) -> None:
    """Copy a file's bytes: by the kernel, which shares them where the disk can, else as Python does."""
    copy_range = getattr(os, "copy_file_range", None)
    size = os.fstat(reader).st_size
    try:
        while copy_range is not None and os.lseek(writer, 0, os.SEEK_CUR) < size:
            if not copy_range(reader, writer, _CHUNK):
                break
    except OSError:
        # Between two disks, or on one that cannot: from the start.
        os.lseek(reader, 0, os.SEEK_SET)
        os.lseek(writer, 0, os.SEEK_SET)
        os.ftruncate(writer, 0)
    with os.fdopen(os.dup(reader), "rb") as rest, os.fdopen(os.dup(writer), "wb") as end:
        shutil.copyfileobj(rest, end)


def _dress(descriptor: int, place: str) -> None:
    """Give a file the owner, the group and the mode of the one whose place it takes."""
    try:
        before = os.stat(place)
    except FileNotFoundError:
        around = os.stat(os.path.dirname(place))
        with suppress(PermissionError):
            os.chown(descriptor, -1, around.st_gid)
        return
    # One at a time: a user may give a file to a group, and to no other user.
    for owner, group in ((-1, before.st_gid), (before.st_uid, -1)):
        with suppress(PermissionError):
            os.chown(descriptor, owner, group)
    # A disk without modes refuses one that it does not show.
    with suppress(PermissionError):
        os.chmod(descriptor, S_IMODE(before.st_mode))


def move_over(temporary: str, place: str, is_new: bool) -> bool:
    """Move a file to its place in one step; whether it was moved.

    Args:
        temporary: its path.
        place: where it goes.
        is_new: whether nothing may be there.

    Raises:
        OSError: it could not be moved.
    """
    if not is_new:
        os.replace(temporary, place)
    elif not move_to_free(temporary, place):
        return False
    _sync_folder(os.path.dirname(place))
    return True


def _sync_folder(folder: str) -> None:
    """See that the name is on the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        # Some network disks cannot.
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
