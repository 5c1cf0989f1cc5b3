"""Conditional writes: refused by the server if the object is another than the one that was read.

Not every server that speaks a protocol honours its conditions. One that ignores them writes in any case, so it is asked
once: by a write of the same bytes under a condition that does not hold.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal


@dataclass
class Conditions:
    """What is known of one bucket's server, for the rest of the process.

    Args:
        word: whether it honours conditions.
        asking: held by the thread that asks.
    """

    word: Literal["unknown", "honoured", "ignored"] = "unknown"
    asking: threading.Lock = field(default_factory=threading.Lock, repr=False)


_by_bucket: dict[tuple[str, str], Conditions] = {}


def conditions_of(endpoint: str, bucket: str) -> Conditions:
    """What is known of a bucket at an endpoint: the same value for all who ask."""
    return _by_bucket.setdefault((endpoint, bucket), Conditions())


def _nobody_asks() -> None:
    """In a child: the thread that asked is not there, and its lock would be held for ever."""
    for conditions in _by_bucket.values():
        conditions.asking = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_nobody_asks)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that it was raised from: fsspec's filesystems translate their clients'."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
