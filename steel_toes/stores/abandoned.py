"""The files that a failed save opened."""

from __future__ import annotations

import traceback

from fsspec.spec import AbstractBufferedFile


def abandon_files(error: BaseException | None) -> None:
    """Keep the files that a failed save opened from being written later.

    s3fs opens for append with two requests. After one that failed, the half-made file is closed when Python happens to
    collect it, and closing uploads: an empty object over the rows that were there.

    Args:
        error: what the save raised; its causes are looked through as well.
    """
    if error is None:
        return
    # The file is a local variable somewhere between the dataset and fsspec.
    for frame, _ in traceback.walk_tb(error.__traceback__):
        for value in frame.f_locals.values():
            if isinstance(value, AbstractBufferedFile):
                # A closed file uploads nothing when it is collected.
                value.closed = True
    # Kedro raises its own error from the one that has the frames.
    for reason in {error.__cause__, error.__context__}:
        abandon_files(reason)
