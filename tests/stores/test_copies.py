"""Copies over another object: refused unless both are as they were seen, by the server itself where it can."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import fsspec
import pytest

from steel_toes.errors import StoreError
from steel_toes.stores.base import Store
from steel_toes.stores.objects import ObjectStore
from steel_toes.stores.opening import open_store
from steel_toes.stores.s3 import S3Store
from support.effort import slow_but
from support.google import GoogleProxy
from support.proxy import Proxy
from support.servers import of_user

HONOUR = slow_but({"weed"}, {name: (name,) for name in ("weed", "gcs", "azurite")})
# moto ignores the conditions of copies, rclone's server those of everything; fsspec's own memory knows none.
EVERY = slow_but(
    {"file", "memory", "weed"}, {name: (name,) for name in ("file", "memory", "weed", "moto", "gcs", "azurite")}
)


@dataclass
class Ground:
    """A place in a store, and how its objects are written by somebody else."""

    store: Store
    top: str
    proxy: Any = None

    def path(self, name: str) -> str:
        """Of an object in it."""
        return f"{self.top}/{name}"

    def put(self, name: str, data: bytes) -> str:
        """Write an object; its identity."""
        self.store.write(self.path(name), data)
        return str(self.store.identity(self.path(name)))

    def read(self, name: str) -> bytes | None:
        """What an object holds."""
        return self.store.read(self.path(name))

    def copy(self, if_source: str, if_target: str | None, source: str = "source", target: str = "target") -> bool:
        """Copy one object over another; whether it was copied, and then the store says what it is called now."""
        identity = self.store.copy_over(self.path(source), self.path(target), if_source, if_target)
        requests = list(self.proxy.log) if self.proxy else []
        assert identity in (None, self.store.identity(self.path(target)))
        if self.proxy:
            self.proxy.log[:] = requests
        return identity is not None


def ground_on(server: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    """An empty place on a server, behind a proxy."""
    if server in ("file", "memory"):
        yield Ground(open_store("flights", server, {}), str(tmp_path) if server == "file" else f"/{tmp_path.name}")
        return
    found = request.getfixturevalue(server)
    with (GoogleProxy if server == "gcs" else Proxy)(found.url) as proxy:
        name = f"copies-{abs(hash(request.node.name)) % 10**8}"
        behind = replace(found, url=proxy.url)
        credentials = of_user("admin")(proxy.url) if found.protocol == "s3" else behind.credentials
        fsspec.filesystem(found.protocol, **credentials).mkdir(name)
        yield Ground(open_store("flights", found.protocol, {"credentials": credentials}), name, proxy)


@pytest.fixture(params=EVERY)
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    """A place in a store of every kind."""
    yield from ground_on(request.param, request, tmp_path)


@pytest.fixture(params=HONOUR)
def honouring(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    """A place on a server that honours the conditions of copies."""
    yield from ground_on(request.param, request, tmp_path)


def test_over_what_was_seen(ground: Ground) -> None:
    """A copy over the object that was seen has the source's bytes; the source stays."""
    source = ground.put("a dir/source ä+1.txt", b"the branch's")
    target = ground.put("target", b"main's")
    assert ground.copy(source, target, source="a dir/source ä+1.txt")
    assert ground.read("target") == b"the branch's"
    assert ground.read("a dir/source ä+1.txt") == b"the branch's"
    assert ground.store.has_same_content(ground.path("target"), ground.path("a dir/source ä+1.txt"))


def test_where_nothing_was_seen(ground: Ground) -> None:
    """A copy to where nothing was is made there, in a folder of its own too; and once."""
    source = ground.put("source", b"the branch's")
    assert ground.copy(source, None, target="new/deep/target")
    assert ground.read("new/deep/target") == b"the branch's"
    assert not ground.copy(source, None, target="new/deep/target")


def save_source(ground: Ground) -> None:
    """The branch's was saved since."""
    ground.put("source", b"the branch's newer")


def lose_source(ground: Ground) -> None:
    """The branch's was removed since."""
    ground.store.remove(ground.path("source"))


def save_target(ground: Ground) -> None:
    """Main's was saved since."""
    ground.put("target", b"main's newer")


def lose_target(ground: Ground) -> None:
    """Main's was removed since."""
    ground.store.remove(ground.path("target"))


@pytest.mark.parametrize("change", [save_source, lose_source, save_target, lose_target])
def test_what_was_not_seen(ground: Ground, change: Callable[[Ground], None]) -> None:
    """A copy is refused if the source or the target is another than was seen, or gone, and changes nothing."""
    source = ground.put("source", b"the branch's")
    target = ground.put("target", b"main's")
    change(ground)
    before = ground.read("target")
    assert not ground.copy(source, target)
    assert ground.read("target") == before


def test_something_where_nothing_was(ground: Ground) -> None:
    """A copy to where nothing was seen is refused if something is there."""
    source = ground.put("source", b"the branch's")
    ground.put("target", b"main's newer")
    assert not ground.copy(source, None)
    assert ground.read("target") == b"main's newer"


class TestConditions:
    """The server itself refuses: nobody looks before."""

    @pytest.fixture(autouse=True)
    def _blind(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whoever looks finds everything as it was."""
        monkeypatch.setattr(Store, "_are_as_seen", lambda *_: True)

    @pytest.mark.parametrize("change", [save_source, lose_source, save_target, lose_target])
    def test_refused(self, honouring: Ground, change: Callable[[Ground], None]) -> None:
        """Each condition that does not hold."""
        source = honouring.put("source", b"the branch's")
        target = honouring.put("target", b"main's")
        change(honouring)
        before = honouring.read("target")
        assert not honouring.copy(source, target)
        assert honouring.read("target") == before

    def test_probe(self, honouring: Ground) -> None:
        """It is tried once, by objects that are gone afterwards."""
        assert isinstance(honouring.store, ObjectStore)
        folder = honouring.path("_steel_toes/_probe")
        assert honouring.store.honours_copies(folder)
        requests = len(honouring.proxy.log)
        assert honouring.store.honours_copies(folder)
        assert len(honouring.proxy.log) == requests
        # SeaweedFS keeps the folder.
        assert not list(filter(None, honouring.store.files(folder)))

    def test_one_request(self, honouring: Ground) -> None:
        """A copy is one request."""
        source = honouring.put("source", b"the branch's")
        target = honouring.put("target", b"main's")
        honouring.proxy.log.clear()
        assert honouring.copy(source, target)
        assert len(honouring.proxy.log) == 1, honouring.proxy.log

    def test_lost_answer(self, honouring: Ground) -> None:
        """A client that asks again meets its own copy: it is refused or made again; the contents say whose it is."""
        source = honouring.put("source", b"the branch's")
        target = honouring.put("target", b"main's")
        lost = honouring.proxy.strike("lost", "COPY", "", 1, 1)
        # Not every client asks again.
        with suppress(StoreError):
            honouring.copy(source, target)
        assert lost.hits == 1
        assert honouring.store.has_same_content(honouring.path("source"), honouring.path("target"))


@pytest.mark.parametrize("server", ["moto", "memory", "file"])
def test_a_store_that_ignores_them(server: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """A store that ignores the conditions of copies is recognised, and both objects are looked at right before."""
    for ground in ground_on(server, request, tmp_path):
        assert not ground.store.honours_copies(ground.path("_steel_toes/_probe"))
        assert ground.store.files(ground.path("_steel_toes/_probe")) == {}
        source = ground.put("source", b"the branch's")
        target = ground.put("target", b"main's")
        save_target(ground)
        assert not ground.copy(source, target)
        assert ground.copy(source, str(ground.store.identity(ground.path("target"))))
        assert ground.read("target") == b"the branch's"


@pytest.mark.slow
def test_a_client_that_does_not_know_them(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older client would drop the conditions: both objects are looked at instead."""
    monkeypatch.setattr("steel_toes.stores.s3._knows_copies", lambda _: False)
    for ground in ground_on("weed", request, tmp_path):
        source = ground.put("source", b"the branch's")
        target = ground.put("target", b"main's")
        save_target(ground)
        assert not ground.copy(source, target)
        assert not ground.store.honours_copies(ground.path("_steel_toes/_probe"))


@pytest.mark.slow
@pytest.mark.parametrize("change", [None, save_source, save_target])
def test_in_parts(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Ground], None] | None,
) -> None:
    """What is too large for one request is copied in parts, under the same conditions; a refused one leaves nothing."""
    monkeypatch.setattr(S3Store, "whole_copy_bytes", 6 * 2**20)
    monkeypatch.setattr(S3Store, "part_bytes", 5 * 2**20)
    data = os.urandom(11 * 2**20)
    for ground in ground_on("weed", request, tmp_path):
        source = ground.put("source", data)
        target = ground.put("target", b"main's")
        if change:
            change(ground)
        before = ground.read("target")
        assert ground.copy(source, target) is (change is None)
        assert ground.read("target") == (before if change else data)
        uploads = ground.store._filesystem.call_s3("list_multipart_uploads", Bucket=ground.top)
        assert not uploads.get("Uploads")
        if change is None:
            assert ground.store.has_same_content(ground.path("source"), ground.path("target"))


@pytest.mark.parametrize("server", ["moto", "weed"])
def test_tags_stay_behind(server: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """A copy has none of the source's tags: a rule for branches would expire main's file by them."""
    for ground in ground_on(server, request, tmp_path):
        source = ground.put("source", b"the branch's")
        filesystem = ground.store._filesystem
        filesystem.put_tags(ground.path("source"), {"branch": "x"})
        if server == "moto":
            pytest.skip("moto ignores conditions of copies, so that fsspec's own copy is made there")
        assert ground.copy(source, None)
        assert filesystem.get_tags(ground.path("target")) == {}


def test_contents(ground: Ground) -> None:
    """The same bytes, of whatever identity; other bytes of the same length; nothing at all."""
    ground.put("a", b"same")
    ground.put("b", b"same")
    ground.put("c", b"else")
    ground.put("longer", b"longer")
    assert ground.store.has_same_content(ground.path("a"), ground.path("b"))
    for other in ("c", "longer", "missing"):
        assert not ground.store.has_same_content(ground.path("a"), ground.path(other))
        assert not ground.store.has_same_content(ground.path(other), ground.path("a"))


def test_create(ground: Ground) -> None:
    """Something is written where nothing is, and never over anything."""
    path = ground.path("_steel_toes/_promote/a.json")
    assert ground.store.create(path, b"first")
    assert not ground.store.create(path, b"second")
    assert ground.store.read(path) == b"first"


@pytest.mark.parametrize("server", ["file", "weed"])
def test_create_at_once(server: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Of several at once exactly one is written."""
    for ground in ground_on(server, request, tmp_path):
        ground.store.create(ground.path("warm"), b"1")
        for number in range(5):
            path = ground.path(f"claim-{number}.json")
            wrote: list[bytes] = []
            start = threading.Barrier(4)

            def create(
                who: bytes, path: str = path, wrote: list[bytes] = wrote, start: threading.Barrier = start
            ) -> None:
                start.wait()
                if ground.store.create(path, who):  # noqa: B023 - used within this turn
                    wrote.append(who)

            threads = [threading.Thread(target=create, args=(str(who).encode(),)) for who in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert wrote == [ground.store.read(path)]


ONCE = """
import sys
from steel_toes.stores.opening import open_store
store = open_store("a test", "file", {})
claim, target, source = (f"{sys.argv[1]}/{name}" for name in ("_promote/claim.json", "target", "source"))
print(store.create(claim, b"first"), store.create(claim, b"second"), store.read(claim))
store.write(source, b"the branch's")
identity = store.identity(source)
print(*(store.copy_over(source, target, identity, None) is not None for _ in range(2)), store.read(target))
"""


@pytest.mark.skipif(not shutil.which("strace"), reason="strace refuses the calls that such a disk refuses")
@pytest.mark.parametrize("calls", ["link,linkat", "link,linkat,renameat2"])
def test_disk_without_hard_links(calls: str, tmp_path: Path) -> None:
    """FAT and some network disks have none; some have no rename either that spares what is there."""
    (tmp_path / "data").mkdir()
    strace = ["strace", "-f", "-o", str(tmp_path / "trace"), "-e", f"inject={calls}:error=EPERM"]
    done = subprocess.run(
        [*strace, sys.executable, "-c", ONCE, str(tmp_path / "data")], capture_output=True, text=True, check=True
    )
    assert "INJECTED" in (tmp_path / "trace").read_text()
    assert done.stdout.splitlines() == ["True False b'first'", 'True False b"the branch\'s"']
    left = [path.name for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert sorted(name for name in left if not name.endswith(".lock")) == ["claim.json", "source", "target"]


def names(folder: str) -> list[str]:
    """What lies in a folder of the disk."""
    return sorted(path.name for path in Path(folder).iterdir())


class TestDisk:
    """What a copy on a disk is to those who use main's file."""

    @pytest.fixture
    def disk(self, tmp_path: Path) -> Ground:
        """A folder."""
        return Ground(open_store("flights", "file", {}), str(tmp_path))

    def test_it_is_as_the_old_file(self, disk: Ground) -> None:
        """It has the old file's owner, group and mode, and the source's times: its identity is the source's."""
        source, target = disk.put("source", b"the branch's"), disk.put("target", b"main's")
        Path(disk.path("target")).chmod(0o640)
        if os.getuid() == 0:
            os.chown(disk.path("target"), 12345, 23456)
        before = Path(disk.path("target")).stat()
        target = str(disk.store.identity(disk.path("target")))
        os.utime(disk.path("source"), ns=(1, 1_234_567_890_123_456_789))
        source = str(disk.store.identity(disk.path("source")))
        assert disk.copy(source, target)
        after = Path(disk.path("target")).stat()
        assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
        assert disk.store.identity(disk.path("target")) == source

    def test_a_link_stays_one(self, disk: Ground) -> None:
        """Main's file may be a link into another folder: what it leads to is replaced."""
        disk.put("elsewhere/real", b"main's")
        Path(disk.path("target")).symlink_to("elsewhere/real")
        source = disk.put("source", b"the branch's")
        assert disk.copy(source, str(disk.store.identity(disk.path("target"))))
        assert Path(disk.path("target")).is_symlink()
        assert disk.read("elsewhere/real") == b"the branch's"

    @pytest.mark.parametrize("if_target", ["seen", None])
    def test_it_goes_through_the_path_that_is_given(self, disk: Ground, if_target: str | None) -> None:
        """The half-written copy lies where the caller says, in no folder of data, and is gone afterwards."""
        source = disk.put("source", b"the branch's")
        identity = disk.put("parts/target", b"main's") if if_target else None
        through = disk.path("_steel_toes/_promote/half")
        seen: list[bool] = []
        original = os.replace if if_target else os.link

        def moved(first: str, second: str) -> None:
            seen.append(first == through)
            original(first, second)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "replace" if if_target else "link", moved)
            args = (disk.path("source"), disk.path("parts/target"), source, identity)
            assert disk.store.copy_over(*args, through=through)
        assert seen[-1]
        assert names(disk.path("parts")) == ["target"]
        assert not Path(through).exists()

    def test_a_full_disk(self, disk: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
        """A copy that fails leaves main's file as it was, and nothing beside it."""
        source, target = disk.put("source", b"the branch's"), disk.put("target", b"main's")

        def full(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match="No space left"):
            disk.copy(source, target)
        assert names(disk.top) == ["source", "target"]
        assert disk.read("target") == b"main's"

    def test_saved_while_it_is_copied(self, disk: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
        """Main's file that is saved while a large copy is written is not replaced."""
        from steel_toes.stores import local

        source, target = disk.put("source", b"the branch's"), disk.put("target", b"main's")
        copy_file = local.copy_file

        def slow(*arguments: str) -> None:
            copy_file(*arguments)
            save_target(disk)

        monkeypatch.setattr(local, "copy_file", slow)
        assert not disk.copy(source, target)
        assert disk.read("target") == b"main's newer"
        assert names(disk.top) == ["source", "target"]

    @pytest.mark.parametrize("way", ["kernel", "python"])
    @pytest.mark.parametrize("size", [0, 1, 3 * 2**20 + 7])
    def test_bytes(self, disk: Ground, monkeypatch: pytest.MonkeyPatch, way: str, size: int) -> None:
        """Every byte is there, also where the kernel cannot copy between two disks after it began."""
        data = os.urandom(size)
        source = disk.put("source", data)
        if way == "python" and hasattr(os, "copy_file_range"):
            copy_range = os.copy_file_range
            calls: list[int] = []

            def fails(reader: int, writer: int, count: int) -> int:
                calls.append(count)
                if len(calls) > 1:
                    raise OSError(18, "Invalid cross-device link")
                return copy_range(reader, writer, min(count, 1000))

            monkeypatch.setattr(os, "copy_file_range", fails)
        assert disk.copy(source, None)
        assert disk.read("target") == data
