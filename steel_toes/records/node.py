"""Which node of a pipeline a thread loads an input of, as Kedro tells hooks right before each load."""

from __future__ import annotations

import threading

_thread = threading.local()


def note_node(node: str | None) -> None:
    """Note which node this thread loads an input of; None for none."""
    _thread.node = node


def current_node() -> str | None:
    """The node that this thread loads an input of, if any."""
    return getattr(_thread, "node", None)
