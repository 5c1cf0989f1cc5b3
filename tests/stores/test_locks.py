"""The lock of a record: everybody who shares the folder meets it, nobody can aim it at a file, and nobody keeps it."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import stat
import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from steel_toes.errors import StoreError
from steel_toes.stores import local, locks
from steel_toes.stores.local import LocalStore
from steel_toes.stores.opening import open_store

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no flock on Windows, and no lock")


@pytest.fixture
def disk() -> LocalStore:
    return LocalStore("flights", "the local disk")


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """Where a record would lie, in a folder of data that is not there yet."""
    return tmp_path / "data" / "_steel_toes" / "x" / "one.json"


def lock_of(record: Path) -> Path:
    return record.with_name(f"{record.name}.lock")


class TestBesideTheRecord:
    """On a disk the lock lies beside the record, and has the permissions of the data's folder."""

    @pytest.mark.parametrize("mode", [0o2775, 0o755, 0o700])
    def test_permissions(self, disk: LocalStore, record: Path, mode: int) -> None:
        """Whoever may save beside the data may take the lock, whatever the umask of whoever made it."""
        data = record.parents[2]
        data.mkdir()
        data.chmod(mode)
        old = os.umask(0o077)
        try:
            with disk.lock(str(record)):
                assert stat.S_IMODE(lock_of(record).stat().st_mode) == mode & 0o666
                assert stat.S_IMODE(record.parent.stat().st_mode) == mode
        finally:
            os.umask(old)

    def test_killed_while_it_is_made(self, disk: LocalStore, record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A lock and a folder are there with their permissions, or not at all: a colleague is never locked out."""
        data = record.parents[2]
        data.mkdir()
        data.chmod(0o2775)
        with monkeypatch.context() as patch, ExitStack() as locked:
            # As a kill right after the file was made.
            patch.setattr(local, "_share", None)
            with pytest.raises(StoreError):
                locked.enter_context(disk.lock(str(record)))
        assert not lock_of(record).exists()
        assert not list(data.iterdir())
        with disk.lock(str(record)):
            assert stat.S_IMODE(lock_of(record).stat().st_mode) == 0o664
            assert stat.S_IMODE(record.parent.stat().st_mode) == 0o2775

    def test_a_file_is_never_truncated(self, disk: LocalStore, record: Path) -> None:
        """What is in a lock's file stays: whatever somebody made of it, nothing is lost by locking."""
        record.parent.mkdir(parents=True)
        lock_of(record).write_text("somebody's")
        with disk.lock(str(record)):
            pass
        assert lock_of(record).read_text() == "somebody's"

    def test_a_link_is_not_followed(self, disk: LocalStore, record: Path, tmp_path: Path) -> None:
        """A link at a lock's place is an error of the store, and what it points at stays as it is."""
        record.parent.mkdir(parents=True)
        precious = tmp_path / "precious"
        precious.write_text("precious")
        for target in (precious, tmp_path / "nowhere"):
            lock_of(record).symlink_to(target)
            with pytest.raises(StoreError, match="symbolic"), disk.lock(str(record)):
                raise AssertionError("it was locked")
            lock_of(record).unlink()
        assert precious.read_text() == "precious"
        assert not (tmp_path / "nowhere").exists()

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be another user")
    def test_another_users_lock(self, disk: LocalStore, record: Path, tmp_path: Path) -> None:
        """A lock that another user made, and that may only be read, is a lock all the same."""
        with disk.lock(str(record)):
            pass
        for path in [*tmp_path.parents, tmp_path, *record.parents[:3]]:
            if path != Path("/"):
                path.chmod(path.stat().st_mode | 0o055)
        lock_of(record).chmod(0o444)
        child = os.fork()
        if not child:
            os.setuid(12345)
            try:
                with disk.lock(str(record)):
                    os._exit(7)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7

    def test_the_lock_was_removed_meanwhile(self, disk: LocalStore, record: Path) -> None:
        """Who waits for a lock that `clean` removes, with its folder, takes the next one: never two at once."""
        entered = threading.Event()

        def enter() -> None:
            with disk.lock(str(record)):
                entered.set()

        with disk.lock(str(record)):
            first = lock_of(record).stat().st_ino
            thread = threading.Thread(target=enter)
            thread.start()
            assert not entered.wait(0.2)
            keep = lock_of(record).open()  # so that its number is not given to the next file
            lock_of(record).unlink()
            record.parent.rmdir()
        assert entered.wait(10)
        thread.join(10)
        keep.close()
        assert lock_of(record).stat().st_ino != first

    def test_a_forked_child_does_not_keep_it(self, disk: LocalStore, record: Path) -> None:
        """A process that was forked while the lock was held does not keep it when its parent lets it go."""
        read, write = os.pipe()
        with disk.lock(str(record)):
            child = os.fork()
            if not child:
                os.close(write)
                os.read(read, 1)  # lives on until the parent is done
                os._exit(0)
            os.close(read)
        with disk.lock(str(record)):
            pass
        os.close(write)
        assert os.waitpid(child, 0)[1] == 0

    def test_a_child_does_not_keep_the_lock_of_a_parent_that_is_killed(self, disk: LocalStore, record: Path) -> None:
        """A lock ends with the process that holds it, also if a child that was forked meanwhile lives on."""
        read, write = os.pipe()
        parent = os.fork()
        if not parent:
            with disk.lock(str(record)):
                if not os.fork():
                    os.close(write)
                    os.read(read, 1)  # lives on until the test is done
                    os._exit(0)
                os.kill(os.getpid(), 9)
        assert os.waitstatus_to_exitcode(os.waitpid(parent, 0)[1]) == -9
        with disk.lock(str(record), 5) as is_locked:
            assert is_locked
        os.close(read)
        os.close(write)

    def test_removed_before_it_is_locked(self, disk: LocalStore, record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A lock that `clean` removes between the opening and the locking is no lock: another is made."""
        removals: list[Path] = []
        flock = fcntl.flock

        def remove_once(descriptor: int, operation: int) -> None:
            if not removals:
                removals.append(lock_of(record))
                lock_of(record).unlink()
            flock(descriptor, operation)

        monkeypatch.setattr(fcntl, "flock", remove_once)
        with disk.lock(str(record)):
            assert removals
            assert lock_of(record).exists()

    def test_removed_again_and_again(self, disk: LocalStore, record: Path) -> None:
        """Whoever opens a lock at the moment at which `clean` removes it makes another: no error."""
        end = threading.Event()

        def remove() -> None:
            while not end.is_set():
                lock_of(record).unlink(missing_ok=True)

        thread = threading.Thread(target=remove)
        thread.start()
        try:
            for _ in range(2_000):
                with disk.lock(str(record)):
                    pass
        finally:
            end.set()
            thread.join()

    def test_a_link_in_the_place_of_a_new_folder(
        self, disk: LocalStore, record: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A link that somebody puts where a folder was just made is not followed: what it leads to stays as it is."""
        private = tmp_path / "private"
        private.mkdir(mode=0o700)
        make = os.mkdir

        def make_and_swap(path: str, *rest: Any) -> None:
            make(path, *rest)
            Path(path).rmdir()
            Path(path).symlink_to(private)

        monkeypatch.setattr(os, "mkdir", make_and_swap)
        with pytest.raises(StoreError), disk.lock(str(record)):
            raise AssertionError("it was locked")
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        assert not list(private.iterdir())

    def test_patience(self, disk: LocalStore, record: Path) -> None:
        """Who does not want to wait for a lock is told that another holds it; threads of one process are two."""
        with disk.lock(str(record)), pytest.raises(locks.LockHeldError), disk.lock(str(record), 0):
            raise AssertionError("it was locked twice")
        with disk.lock(str(record), 0) as is_locked:
            assert is_locked

    @pytest.mark.parametrize("answer", [errno.ENOLCK, errno.EOPNOTSUPP])
    def test_no_locks_here(
        self,
        disk: LocalStore,
        record: Path,
        answer: int,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Where a file system has no locks, saves go on without, with one warning for a folder."""

        def refuse(*_: Any) -> None:
            raise OSError(answer, os.strerror(answer))

        monkeypatch.setattr(fcntl, "flock", refuse)
        locks._warn_once.cache_clear()
        with caplog.at_level(logging.WARNING, "steel_toes"):
            for _ in range(3):
                with disk.lock(str(record)):
                    pass
        (line,) = caplog.messages
        assert "has no file locks" in line


class TestInTheTemporaryFolder:
    """Of a store without folders the lock lies in a folder of the user's own: between processes of one host."""

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A temporary folder of the test's own, and the folder of locks that will be in it."""
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        return tmp_path / f"steel_toes-{os.getuid()}"

    def test_the_folder_is_the_users_own(self, folder: Path) -> None:
        """Locks lie in a folder that only their user may look into; one in which others may write is closed to them."""
        folder.mkdir()
        folder.chmod(0o777)
        with open_store("flights", "memory", {}).lock("x/one.json"):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert len(list(folder.iterdir())) == 1

    def test_a_link_at_the_folders_place(self, folder: Path, tmp_path: Path) -> None:
        """A link where the folder should be is refused with what to do: what it points at is somebody else's."""
        (tmp_path / "theirs").mkdir()
        folder.symlink_to(tmp_path / "theirs")
        refused = pytest.raises(StoreError, match="is not a folder of this user's; remove it, or set TMPDIR")
        with refused, open_store("flights", "memory", {}).lock("x/one.json"):
            raise AssertionError("it was locked")
        assert list((tmp_path / "theirs").iterdir()) == []

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a folder away")
    def test_another_users_folder(self, folder: Path) -> None:
        """A folder that another user made in time is refused: its owner could put links into it."""
        folder.mkdir()
        os.chown(folder, 12345, 12345)
        refused = pytest.raises(StoreError, match="not a folder of this user's")
        with refused, open_store("flights", "memory", {}).lock("x/one.json"):
            raise AssertionError("it was locked")
