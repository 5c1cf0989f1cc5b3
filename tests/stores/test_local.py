"""What only the local disk does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from steel_toes.errors import StoreError
from steel_toes.stores.local import LocalStore


def names_in(folder: Path) -> list[str]:
    """The names of what is in a folder."""
    return sorted(path.name for path in folder.iterdir())


class TestLocalDisk:
    """What only the local disk does."""

    @pytest.fixture
    def disk(self) -> LocalStore:
        """The local disk."""
        return LocalStore("flights", "the local disk")

    def test_copied_folder(self, disk, tmp_path):
        """A data folder that is copied with its times has the same identities: its records stay valid."""
        disk.write(f"{tmp_path}/data/a.csv", b"1")
        disk.write(f"{tmp_path}/data/parts/b.csv", b"22")
        subprocess.run(["cp", "-a", tmp_path / "data", tmp_path / "moved"], check=True)
        shutil.copytree(tmp_path / "data", tmp_path / "again")
        for copy in ("moved", "again"):
            for name in ("a.csv", "parts", "parts/b.csv"):
                assert disk.identity(f"{tmp_path}/{copy}/{name}") == disk.identity(f"{tmp_path}/data/{name}")

    def test_identity_is_exact(self, disk, tmp_path):
        """Two saves of the same size have different identities even if only a nanosecond is between them."""
        path = tmp_path / "a"
        path.write_text("1")
        os.utime(path, ns=(0, 1_700_000_000_123_456_788))
        one = disk.identity(str(path))
        os.utime(path, ns=(0, 1_700_000_000_123_456_789))
        assert disk.identity(str(path)) != one

    def test_empty_directory(self, disk, tmp_path):
        """An empty directory is there: it has an identity, and it is another when a file is in it."""
        (tmp_path / "parts").mkdir()
        empty = disk.identity(f"{tmp_path}/parts")
        assert empty is not None
        (tmp_path / "parts" / "a").write_text("1")
        assert disk.identity(f"{tmp_path}/parts") != empty

    def test_links(self, disk, tmp_path):
        """A link is what it leads to, in a listing too; one that leads nowhere is nothing; removed, only it is."""
        (tmp_path / "real").mkdir()
        (tmp_path / "real" / "a").write_text("1")
        (tmp_path / "link").symlink_to("real")
        (tmp_path / "nowhere").symlink_to("gone")
        assert disk.identity(f"{tmp_path}/link") == disk.identity(f"{tmp_path}/real")
        assert disk.files(f"{tmp_path}/link") == disk.files(f"{tmp_path}/real")
        assert disk.identity(f"{tmp_path}/nowhere") is None
        disk.remove(f"{tmp_path}/link")
        assert not os.path.lexists(tmp_path / "link")
        assert (tmp_path / "real" / "a").exists()

    def test_version_that_is_a_link(self, disk, tmp_path):
        """A version folder may be a link, as Kedro finds it."""
        disk.write(f"{tmp_path}/x.csv/v1/x.csv", b"1")
        (tmp_path / "x.csv" / "latest").symlink_to("v1")
        assert disk.versions(f"{tmp_path}/x.csv") == ["latest", "v1"]

    def test_write_is_atomic(self, disk, tmp_path):
        """A reader beside a writer sees an old record whole or a new one whole, never a part and never none."""
        path, texts = f"{tmp_path}/one.json", [bytes([letter]) * 200_000 for letter in b"ab"]
        disk.write(path, texts[0])
        seen, stop = [], threading.Event()

        def read() -> None:
            while not stop.is_set():
                seen.append(disk.read(path))

        reader = threading.Thread(target=read)
        reader.start()
        try:
            for number in range(200):
                disk.write(path, texts[number % 2])
        finally:
            stop.set()
            reader.join()
        assert set(seen) <= set(texts)
        assert seen
        assert names_in(tmp_path) == ["one.json"]

    def test_as_put(self, disk, tmp_path):
        """A record is what was put until anybody puts another over it, whoever holds its lock, or removes it."""
        path = f"{tmp_path}/one.json"
        put = disk.write(path, b"1")
        assert disk.is_as_put(path, put)
        again = disk.write(path, b"1")
        assert [disk.is_as_put(path, text) for text in (put, again, "")] == [False, True, False]
        disk.remove(path)
        assert not disk.is_as_put(path, again)

    def test_failed_write_leaves_nothing(self, disk, tmp_path):
        """A write that fails leaves the old record and no temporary file."""
        (tmp_path / "folder" / "one.json").mkdir(parents=True)
        with pytest.raises(StoreError):
            disk.write(f"{tmp_path}/folder/one.json", b"1")
        assert names_in(tmp_path / "folder") == ["one.json"]

    def test_full_disk(self, disk, tmp_path):
        """On a full disk a write is an error that says so, and the old record stays, alone."""
        mounted = tmp_path / "small"
        mounted.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", mounted], capture_output=True).returncode:
            pytest.skip("only root can mount a small disk")
        try:
            disk.write(f"{mounted}/one.json", b"old")
            with pytest.raises(StoreError, match="No space left"):
                disk.write(f"{mounted}/one.json", b"x" * 200_000)
            assert (disk.read(f"{mounted}/one.json"), names_in(mounted)) == (b"old", ["one.json"])
        finally:
            subprocess.run(["umount", mounted], check=True)

    def test_read_only_disk(self, disk, tmp_path):
        """On a disk that is read-only a record is read, and writing, copying and removing say what is wrong."""
        mounted = tmp_path / "fixed"
        mounted.mkdir()
        (mounted / "one.json").write_text("old")
        bind = ["mount", "--bind", mounted, mounted], ["mount", "-o", "remount,ro,bind", mounted]
        if any(subprocess.run(command, capture_output=True).returncode for command in bind):
            pytest.skip("only root can mount a read-only disk")
        try:
            assert disk.read(f"{mounted}/one.json") == b"old"
            for change in (
                lambda: disk.write(f"{mounted}/one.json", b"new"),
                lambda: disk.copy(f"{mounted}/one.json", f"{mounted}/two.json"),
                lambda: disk.remove(f"{mounted}/one.json"),
            ):
                with pytest.raises(StoreError, match="Read-only file system"):
                    change()
        finally:
            subprocess.run(["umount", mounted], check=True)

    @pytest.mark.parametrize("mode", [0o2775, 0o755, 0o750, 0o700])
    @pytest.mark.parametrize("umask", [0o022, 0o077])
    def test_team_can_read(self, disk, tmp_path, mode, umask):
        """Records have the permissions of the folder of the data, whatever the umask of whoever saved first.

        Whoever may save beside the data may record that, and whoever may read the data may read its records.
        """
        data = tmp_path / "data"
        data.mkdir()
        data.chmod(mode)
        old = os.umask(umask)
        try:
            disk.write(f"{data}/_steel_toes/x/one.json", b"1")
        finally:
            os.umask(old)
        for folder in (data / "_steel_toes", data / "_steel_toes/x"):
            assert folder.stat().st_mode & 0o7777 == mode
        assert (data / "_steel_toes/x/one.json").stat().st_mode & 0o7777 == mode & 0o666

    def test_alone(self, disk, root, tmp_path):
        """Processes of one host change one record one after the other, and a killed one holds nobody up."""
        code = (
            "import os, sys, time\n"
            "from steel_toes.stores.local import LocalStore\n"
            "path, number = sys.argv[1], int(sys.argv[2])\n"
            "with LocalStore('flights', 'the local disk').lock(path):\n"
            "    found = int(open(path).read())\n"
            "    time.sleep(0.05)\n"
            "    open(path, 'w').write(str(found + 1))\n"
            "    if number == 0: os._exit(9)\n"
        )
        path = tmp_path / "count"
        path.write_text("0")
        command = [sys.executable, "-c", code, str(path)]
        children = [subprocess.Popen([*command, str(number)], cwd=root) for number in range(5)]
        for child in children:
            child.wait(60)
        assert path.read_text() == "5"

    def test_alone_does_not_hold_up_others(self, disk, tmp_path):
        """Who changes one record does not wait for who changes another, and a thread waits for a thread."""
        with disk.lock(f"{tmp_path}/one"), disk.lock(f"{tmp_path}/two"):
            entered = threading.Event()

            def enter() -> None:
                with disk.lock(f"{tmp_path}/one"):
                    entered.set()

            thread = threading.Thread(target=enter)
            thread.start()
            assert not entered.wait(0.2)
        thread.join(10)
        assert entered.is_set()
