"""The lock of a record: nobody else can aim it at a file, and nobody keeps it who should not."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path

import pytest

from steel_toes.errors import StoreError
from steel_toes.stores.local import LocalStore
from steel_toes.stores.locks import hold_lock

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no flock on Windows, and no lock")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of the test's own, and the folder of locks that will be in it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / f"steel_toes-{os.getuid()}"


def test_the_folder_is_the_users_own(folder: Path) -> None:
    """Locks lie in a folder that only their user may look into."""
    with hold_lock("one"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert [path.name for path in folder.iterdir()] == ["one"]


def test_a_file_is_never_truncated(folder: Path) -> None:
    """What is in a lock's file stays: whatever somebody made of it, nothing is lost by locking."""
    folder.mkdir(mode=0o700)
    (folder / "one").write_text("somebody's")
    with hold_lock("one"):
        pass
    assert (folder / "one").read_text() == "somebody's"


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    """A link at a lock's place is an error of the store, and what it points at stays as it is."""
    folder.mkdir(mode=0o700)
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (folder / "one").symlink_to(precious)
    with pytest.raises(OSError, match="symbolic"), hold_lock("one"):
        raise AssertionError("it was locked")
    assert precious.read_text() == "precious"


def test_a_link_at_the_folders_place(folder: Path, tmp_path: Path) -> None:
    """A link where the folder should be is refused with what to do: what it points at is somebody else's."""
    (tmp_path / "theirs").mkdir()
    folder.symlink_to(tmp_path / "theirs")
    with (
        pytest.raises(StoreError, match="is not a folder of this user's; remove it, or set TMPDIR"),
        LocalStore("flights", "the local disk").lock(str(tmp_path / "record.json")),
    ):
        raise AssertionError("it was locked")
    assert list((tmp_path / "theirs").iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a folder away")
def test_another_users_folder(folder: Path) -> None:
    """A folder that another user made in time is refused: its owner could put links into it."""
    folder.mkdir()
    os.chown(folder, 12345, 12345)
    with pytest.raises(PermissionError, match="not a folder of this user's"), hold_lock("one"):
        raise AssertionError("it was locked")


def test_an_open_folder_is_closed(folder: Path) -> None:
    """A folder in which others may write is closed to them before anything is opened in it."""
    folder.mkdir()
    folder.chmod(0o777)
    with hold_lock("one"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_forked_child_does_not_keep_it(folder: Path) -> None:
    """A process that was forked while the lock was held does not keep it when its parent lets it go."""
    read, write = os.pipe()
    with hold_lock("one"):
        child = os.fork()
        if not child:
            os.close(write)
            os.read(read, 1)  # lives on until the parent is done
            os._exit(0)
        os.close(read)
    with hold_lock("one"):
        pass
    os.close(write)
    assert os.waitpid(child, 0)[1] == 0
