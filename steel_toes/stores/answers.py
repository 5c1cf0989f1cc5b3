"""What a store's own answers say of an object while it is read or written, so that it need not be asked afterwards.

An answer is evidence of one request. It counts only if it is certain that the operation which is watched made it, and
that nothing else was done to the object meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple


class Effect(Enum):
    """What a request did to an object."""

    READ = "read"
    WRITTEN = "written"
    OTHERWISE = "deleted, copied, uploaded in parts, or refused"


class Answer(NamedTuple):
    """What an answer shows of an object.

    Attributes:
        effect: of the request.
        identity: of the object; "" if the answer does not show it.
        size: of the object, in bytes.
        start: of what was read of it.
        stop: of what was read of it, exclusive.
    """

    effect: Effect
    identity: str = ""
    size: int = 0
    start: int = 0
    stop: int = 0


@dataclass(eq=False)
class Watch:
    """What was seen of an object within a block.

    Args:
        is_alone: whether nobody else watches the same object: of two it is not certain whose request it was.
    """

    is_alone: bool = True
    _answers: list[Answer] = field(default_factory=list)

    @property
    def read_identity(self) -> str | None:
        """The identity of what was read; None if it must be looked at.

        All of the object must have been read so: what read the rest went past the client, and may have met another.
        """
        identities = {(answer.effect, answer.identity) for answer in self._answers}
        if not self.is_alone or len(identities) != 1:
            return None
        effect, identity = identities.pop()
        if effect is not Effect.READ or not self._is_read_whole:
            return None
        return identity

    @property
    def written_identity(self) -> str | None:
        """The identity of what was written; None if it must be looked at."""
        # What was written twice may have been another's in between.
        if not self.is_alone or len(self._answers) != 1:
            return None
        answer = self._answers[0]
        return answer.identity if answer.effect is Effect.WRITTEN else None

    @property
    def _is_read_whole(self) -> bool:
        """Whether the ranges that were read leave nothing out."""
        stop = 0
        for answer in sorted(self._answers, key=lambda answer: answer.start):
            if answer.start > stop:
                return False
            stop = max(stop, answer.stop)
        return stop >= self._answers[0].size

    def note(self, answer: Answer) -> None:
        """Note an answer."""
        self._answers.append(answer)


class Watches:
    """The objects that are watched now, of all that one client asks for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_path: dict[str, list[Watch]] = {}

    @contextmanager
    def watch(self, path: str) -> Iterator[Watch]:
        """Watch an object within the block."""
        watch = Watch()
        with self._lock:
            others = self._by_path.setdefault(path, [])
            others.append(watch)
            if len(others) > 1:
                for other in others:
                    other.is_alone = False
        try:
            yield watch
        finally:
            with self._lock:
                others.remove(watch)
                if not others:
                    del self._by_path[path]

    def note(self, path: str, answer: Answer) -> None:
        """Note an answer about an object; in the client's thread, and quick where nobody watches."""
        with self._lock:
            for watch in self._by_path.get(path, ()):
                watch.note(answer)
