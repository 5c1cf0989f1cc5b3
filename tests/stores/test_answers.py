"""What the answers of reads and writes show: an identity only where it is certain whose it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest

from steel_toes.stores.answers import Answer, Effect, Watches
from steel_toes.stores.base import Store
from steel_toes.stores.opening import open_store
from support.servers import Server


def read(identity: str = "9-a", start: int = 0, stop: int = 9) -> Answer:
    """A range of an object of nine bytes was read."""
    return Answer(Effect.READ, identity, 9, start, stop)


WRITTEN, OTHERWISE = Answer(Effect.WRITTEN, "9-a", 9), Answer(Effect.OTHERWISE)
ANSWERS: dict[str, tuple[list[Answer], str | None, str | None]] = {
    "nothing": ([], None, None),
    "a read": ([read()], "9-a", None),
    "all ranges of one object": ([read(stop=5), read(start=5)], "9-a", None),
    "ranges over each other, the last one first": ([read(start=4), read(stop=5)], "9-a", None),
    "the beginning of an object": ([read(stop=5)], None, None),
    "ranges with a gap": ([read(stop=4), read(start=5)], None, None),
    "reads of two objects": ([read(), read("9-b")], None, None),
    "a write": ([WRITTEN], None, "9-a"),
    "two writes": ([WRITTEN, WRITTEN], None, None),
    "a read and a write": ([read(), WRITTEN], None, None),
    "something else": ([OTHERWISE], None, None),
    "something else after a write": ([WRITTEN, OTHERWISE], None, None),
}


class TestWatches:
    """Of all that a client is answered."""

    @pytest.mark.parametrize("case", ANSWERS)
    def test_what_counts(self, case: str) -> None:
        """An identity counts if it is the only one: of all bytes that were read, or of one write."""
        answers, read_identity, written_identity = ANSWERS[case]
        watches = Watches()
        with watches.watch("b/k") as watch:
            watches.note("b/other", read("9-z"))
            for answer in answers:
                watches.note("b/k", answer)
        watches.note("b/k", read("9-late"))
        assert (watch.read_identity, watch.written_identity) == (read_identity, written_identity)

    @pytest.mark.parametrize("answer", [read(), WRITTEN])
    def test_a_second_watcher(self, answer: Answer) -> None:
        """Of two that watch one object at once, neither knows whose request an answer is to."""
        watches = Watches()
        with watches.watch("b/k") as first:
            with watches.watch("b/k") as second:
                watches.note("b/k", answer)
            assert (second.read_identity, second.written_identity) == (None, None)
        assert (first.read_identity, first.written_identity) == (None, None)
        with watches.watch("b/k") as third:
            watches.note("b/k", answer)
        assert "9-a" in (third.read_identity, third.written_identity)


@pytest.fixture
def store(moto: Server) -> Store:
    pytest.importorskip("s3fs", reason="the store is S3")
    filesystem = fsspec.filesystem("s3", **moto.credentials)
    filesystem.makedirs("answers", exist_ok=True)
    filesystem.pipe_file("answers/k", b"0123456789")
    return open_store("k", "s3", {"credentials": moto.credentials})


def by_ranges(filesystem: Any) -> None:
    with filesystem.open("answers/k", "rb", block_size=4, cache_type="none") as file:
        assert [file.read(4), file.read(4), file.read(4)] == [b"0123", b"4567", b"89"]


def part_of(filesystem: Any) -> None:
    with filesystem.open("answers/k", "rb", block_size=4, cache_type="none") as file:
        assert file.read(4) == b"0123"


def as_a_file(filesystem: Any) -> None:
    with filesystem.open("answers/k", "wb") as file:
        file.write(b"new")


def in_parts(filesystem: Any) -> None:
    size = 5 * 2**20
    with filesystem.open("answers/k", "wb", block_size=size) as file:
        file.write(b"x" * (size + 1))


READS: dict[str, Callable[[Any], Any]] = {
    "all of it": lambda filesystem: filesystem.cat_file("answers/k"),
    "range by range": by_ranges,
}
WRITES: dict[str, Callable[[Any], Any]] = {
    "at once": lambda filesystem: filesystem.pipe_file("answers/k", b"new"),
    "as a file": as_a_file,
    "an empty file": lambda filesystem: filesystem.open("answers/k", "wb").close(),
}
OTHERS: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda filesystem: None,
    "a part of it": part_of,
    "a look": lambda filesystem: filesystem.info("answers/k"),
    "in parts": in_parts,
    "deleted": lambda filesystem: filesystem.rm_file("answers/k"),
    "deleted among others": lambda filesystem: filesystem.rm(["answers/k"]),
    "a copy": lambda filesystem: filesystem.copy("answers/other", "answers/k"),
    "written twice": lambda filesystem: [filesystem.pipe_file("answers/k", data) for data in (b"1", b"2")],
}


class TestS3:
    """What s3fs is answered, by the server itself."""

    @pytest.mark.parametrize("act", [*READS.values(), *WRITES.values()], ids=[*READS, *WRITES])
    def test_seen(self, store: Store, moto: Server, act: Callable[[Any], Any]) -> None:
        """The identity is the one that a look gives."""
        with store.watch("answers/k") as watch:
            act(fsspec.filesystem("s3", **moto.credentials))
        identity = watch.read_identity or watch.written_identity
        assert identity is not None
        assert identity == store.identity("answers/k")

    @pytest.mark.parametrize("act", OTHERS.values(), ids=OTHERS)
    def test_not_certain(self, store: Store, moto: Server, act: Callable[[Any], Any]) -> None:
        """A look shows nothing of what was read; what is written otherwise must be looked at."""
        filesystem = fsspec.filesystem("s3", **moto.credentials)
        filesystem.pipe_file("answers/other", b"other")
        with store.watch("answers/k") as watch:
            act(filesystem)
        assert watch.read_identity is None
        assert watch.written_identity is None

    def test_is_free(self, store: Store, moto: Server) -> None:
        """Neither an object nor a folder; not what only begins alike."""
        filesystem = fsspec.filesystem("s3", **moto.credentials)
        filesystem.pipe_file("answers/folder/x", b"x")
        places = ["answers/k", "answers/folder", "answers/fold", "answers/k/x", "answers/nothing"]
        assert [store.is_free(place) for place in places] == [False, False, True, True, True]

    def test_few_objects(self, store: Store, moto: Server) -> None:
        """All identities below a folder, as a look gives them; nothing where one request does not show all."""
        filesystem = fsspec.filesystem("s3", **moto.credentials)
        filesystem.pipe({f"answers/few/{name}": name.encode() for name in ("a", "b", "deep/c")})
        listed = store.few_objects("answers/few")
        assert listed == {path: store.identity(path) for path in filesystem.find("answers/few")}
        assert store.few_objects("answers/nothing") == {}
        filesystem.call_s3("put_object", Bucket="answers", Key="few/marker/", Body=b"")
        assert store.few_objects("answers/few") is None
        # One request lists a thousand, and says nothing of the others.
        filesystem.pipe({f"answers/many/{number}": b"1" for number in range(1_001)})
        assert store.few_objects("answers/many") is None


def test_a_store_that_shows_nothing(tmp_path: Path) -> None:
    """On a disk what was read and written is looked at."""
    store = open_store("k", "file", {})
    with store.watch(str(tmp_path / "k")) as watch:
        (tmp_path / "k").write_bytes(b"x")
    assert watch.written_identity is None
    assert store.few_objects(str(tmp_path)) is None
