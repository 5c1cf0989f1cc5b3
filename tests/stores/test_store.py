"""One contract for every store, and what a store that refuses is answered."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec import AbstractFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from steel_toes.errors import StoreError
from steel_toes.stores.base import Store
from steel_toes.stores.identity import digest_of
from steel_toes.stores.local import LocalStore
from steel_toes.stores.opening import open_store


class CachingFileSystem(MemoryFileSystem):
    """A filesystem with a listing cache, as s3fs and gcsfs have one: `ls`, `info` and `exists` answer from it."""

    protocol = "cached-test"
    cachable = True

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> list[Any]:
        path = self._strip_protocol(path)
        if path not in self.dircache:
            self.dircache[path] = super().ls(path, detail=True, **kwargs)
        return self.dircache[path] if detail else [entry["name"] for entry in self.dircache[path]]

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        path = self._strip_protocol(path)
        for entry in self.dircache.get(self._parent(path)) or ():
            if entry["name"] == path:
                return entry
        return super().info(path, **kwargs)

    def invalidate_cache(self, path: str | None = None) -> None:
        """As s3fs does: the listing of a path and those of its parents."""
        if path is None:
            self.dircache.clear()
            return
        path = self._strip_protocol(path)
        while path:
            self.dircache.pop(path, None)
            path = self._parent(path).rstrip("/")
        self.dircache.pop("", None)


class ForbiddingFileSystem(MemoryFileSystem):
    """A filesystem that answers everything below `/forbidden` with a refusal, as a store without the right does."""

    protocol = "forbidding-test"
    find = AbstractFileSystem.find  # that of memory asks no listing

    def _refuse(self, path: str) -> None:
        if "/forbidden" in path:
            raise PermissionError(13, "Access Denied", path)

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> list[Any]:
        self._refuse(path)
        return super().ls(path, detail, **kwargs)

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        self._refuse(path)
        return super().info(path, **kwargs)

    def _open(self, path: str, *args: Any, **kwargs: Any) -> Any:
        self._refuse(path)
        return super()._open(path, *args, **kwargs)

    def cat_file(self, path: str, *args: Any, **kwargs: Any) -> bytes:
        self._refuse(path)
        return super().cat_file(path, *args, **kwargs)

    def rm(self, path: str, *args: Any, **kwargs: Any) -> None:
        self._refuse(path)
        super().rm(path, *args, **kwargs)


@pytest.fixture(scope="module", autouse=True)
def _registered() -> None:
    """The two filesystems above are known to fsspec."""
    for filesystem in (CachingFileSystem, ForbiddingFileSystem):
        fsspec.register_implementation(filesystem.protocol, filesystem, clobber=True)


@pytest.fixture(params=["file", "memory", "cached-test"])
def store(request: pytest.FixtureRequest) -> Store:
    """A store of every kind that needs no server."""
    return open_store("flights", request.param, {})


@pytest.fixture
def folder(store: Store, tmp_path: Path) -> Iterator[str]:
    """An empty place in the store, of the test's own."""
    if isinstance(store, LocalStore):
        yield str(tmp_path)
        return
    path = f"/{uuid.uuid4().hex}"
    yield path
    store._filesystem.store.clear()
    store._filesystem.invalidate_cache()


@pytest.fixture
def elsewhere(store: Store) -> Callable[[str, bytes], None]:
    """Write as another process does: with a filesystem object, and so a listing cache, of its own."""

    def write(path: str, data: bytes) -> None:
        if isinstance(store, LocalStore):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_bytes(data)
        else:
            MemoryFileSystem(skip_instance_cache=True).pipe_file(path, data)

    return write


@pytest.mark.contract
class TestContract:
    """What every store does."""

    def test_small_object(self, store, folder):
        """What is written is read, whole, and written again is read again; folders on the way are made."""
        path = f"{folder}/a/b/one.json"
        assert store.read(path) is None
        store.write(path, b"one")
        assert store.read(path) == b"one"
        store.write(path, b"two, and longer")
        assert store.read(path) == b"two, and longer"
        store.write(path, b"")
        assert store.read(path) == b""

    def test_nothing(self, store, folder):
        """Nothing is there: each question has the answer for that, and removing it is no error."""
        path = f"{folder}/nothing"
        answers = store.read(path), store.identity(path), store.files(path), store.versions(path)
        assert answers == (None, None, {}, [])
        assert (store.size(path), store.is_directory(path)) == (0, False)
        store.remove(path)

    def test_below_a_file(self, store, folder):
        """What would lie in a file is not there either."""
        store.write(f"{folder}/file", b"1")
        assert store.read(f"{folder}/file/in") is None
        assert store.identity(f"{folder}/file/in") is None

    def test_identity_of_a_file(self, store, folder):
        """A file's identity stays while it is left alone, and is another after each save, of the same bytes too."""
        path, seen = f"{folder}/one.csv", set()
        for text in (b"1", b"1", b"2", b"22"):
            store.write(path, text)
            seen.add(store.identity(path))
            assert store.identity(path) in seen
        assert len(seen) == 4
        assert None not in seen

    def test_identity_of_a_directory(self, store, folder):
        """A directory's identity is that of all its files: one more, one fewer, one changed or renamed is another."""
        path, seen = f"{folder}/parts", []

        def look() -> None:
            assert store.identity(path) == store.identity(path) == digest_of(store.files(path))
            seen.append(store.identity(path))

        store.write(f"{path}/a.csv", b"1")
        look()
        store.write(f"{path}/deep/b.csv", b"1")
        look()
        store.write(f"{path}/a.csv", b"2")
        look()
        store.remove(f"{path}/a.csv")
        look()
        store.copy(f"{path}/deep/b.csv", f"{path}/deep/c.csv")
        store.remove(f"{path}/deep/b.csv")
        look()
        assert len(set(seen)) == len(seen)

    def test_files(self, store, folder):
        """A listing has every file below a directory, hidden ones too, by its relative path."""
        for name in ("a.csv", "deep/er/b.csv", ".hidden", "sp ace/ü.csv"):
            store.write(f"{folder}/parts/{name}", b"1")
        store.write(f"{folder}/parts2/no.csv", b"1")
        found = store.files(f"{folder}/parts")
        assert set(found) == {"a.csv", "deep/er/b.csv", ".hidden", "sp ace/ü.csv"}
        assert found["a.csv"] == store.identity(f"{folder}/parts/a.csv")

    def test_versions(self, store, folder):
        """The versions of a dataset are the folders that hold a file or a folder of its name, sorted."""
        path = f"{folder}/x.csv"
        for version in ("2026-02", "2026-01", "10"):
            store.write(f"{path}/{version}/x.csv", b"1")
        store.write(f"{path}/2026-03/x.csv/part-0", b"1")
        store.write(f"{path}/2026-04/other.csv", b"1")
        store.write(f"{path}/x.csv", b"1")
        assert store.versions(path) == ["10", "2026-01", "2026-02", "2026-03"]

    def test_glob_characters(self, store, folder):
        """A name with the characters of a glob means itself."""
        for name in ("a[1].csv", "a1.csv"):
            store.write(f"{folder}/{name}/v[1]/{name}", b"1")
        store.write(f"{folder}/what?/now*", b"12")
        store.write(f"{folder}/whatX/nowX", b"123")
        assert store.versions(f"{folder}/a[1].csv") == ["v[1]"]
        assert set(store.files(f"{folder}/what?")) == {"now*"}
        store.copy(f"{folder}/what?", f"{folder}/copy[x]")
        store.copy(f"{folder}/a[1].csv/v[1]/a[1].csv", f"{folder}/file[x]")
        assert set(store.files(f"{folder}/copy[x]")) == {"now*"}
        assert store.read(f"{folder}/file[x]") == b"1"
        assert store.size(f"{folder}/what?") == 2
        store.remove(f"{folder}/what?")
        store.remove(f"{folder}/a[1].csv")
        assert store.read(f"{folder}/whatX/nowX") == b"123"
        assert store.versions(f"{folder}/a1.csv") == ["v[1]"]

    def test_size(self, store, folder):
        """The size of a file is its bytes, and a directory's is that of all its files."""
        store.write(f"{folder}/parts/a", b"1")
        store.write(f"{folder}/parts/deep/b", b"22")
        assert [store.size(f"{folder}/{path}") for path in ("parts/deep/b", "parts", "parts/no")] == [2, 3, 0]

    def test_is_directory(self, store, folder):
        """A directory is one, and a file is none."""
        store.write(f"{folder}/parts/a", b"1")
        assert store.is_directory(f"{folder}/parts")
        assert not store.is_directory(f"{folder}/parts/a")

    def test_copy_of_a_file(self, store, folder):
        """A copy of a file has its bytes, and each is changed without the other; folders on the way are made."""
        source, target = f"{folder}/a.csv", f"{folder}/new/a--x.csv"
        store.write(source, b"1")
        store.copy(source, target)
        store.write(source, b"2")
        assert (store.read(source), store.read(target)) == (b"2", b"1")
        store.copy(source, target)
        assert store.read(target) == b"2"

    def test_copy_of_a_directory(self, store, folder):
        """A copy of a directory has the same files below it, not in a folder of its name, also the second time."""
        for name in ("a.csv", "deep/er/b.csv"):
            store.write(f"{folder}/parts/{name}", name.encode())
        for _ in range(2):
            store.copy(f"{folder}/parts", f"{folder}/new/parts--x")
            assert set(store.files(f"{folder}/new/parts--x")) == {"a.csv", "deep/er/b.csv"}
        assert store.read(f"{folder}/new/parts--x/deep/er/b.csv") == b"deep/er/b.csv"

    def test_remove(self, store, folder):
        """A file is removed alone, a directory with everything in it, and neighbours of a like name stay."""
        for name in ("a", "ab", "a.csv", "parts/1", "parts/deep/2", "parts2/1"):
            store.write(f"{folder}/{name}", b"1")
        store.remove(f"{folder}/a")
        store.remove(f"{folder}/parts")
        left = set(store.files(folder))
        assert left == {"ab", "a.csv", "parts2/1"}

    def test_nothing_is_cached(self, store, folder, elsewhere):
        """What another process writes after we have looked is seen, whichever question was asked before."""
        path = f"{folder}/x.csv"

        def look() -> tuple[Any, ...]:
            answers = store.identity(path), store.files(path), store.versions(path), store.size(path)
            return *answers, store.is_directory(path), store.read(f"{path}/v1/x.csv"), store.files(folder)

        before = look()
        for version in ("v1", "v2"):
            elsewhere(f"{path}/{version}/x.csv", version.encode())
            after = look()
            assert after[2][-1] == version
            assert [index for index, (one, other) in enumerate(zip(before, after, strict=True)) if one == other] in (
                [],
                [4, 5],
            )
            before = after
        elsewhere(f"{path}/v2/x.csv", b"longer")
        assert [one != other for one, other in zip(before, look(), strict=True)] == [
            True, True, False, True, False, False, True,
        ]  # fmt: skip


class TestRefusal:
    """Only a definite "not found" means absent."""

    QUESTIONS = ("read", "identity", "files", "versions", "size", "is_directory", "remove")

    @pytest.mark.parametrize("question", QUESTIONS)
    def test_remote(self, question):
        """A refusal of a remote store is an error that names the store, its reason and what to do; never an absence."""
        store = open_store("flights", "forbidding-test", {})
        with pytest.raises(StoreError, match=r"forbidding-test://.*Access Denied") as failed:
            getattr(store, question)("/forbidden/x")
        assert "share" not in str(failed.value)
        assert isinstance(failed.value.__cause__, PermissionError)

    def test_remote_version(self):
        """A version that may not be looked into is not a missing one."""
        MemoryFileSystem(skip_instance_cache=True).pipe("/versions/x/forbidden/x", b"1")
        with pytest.raises(StoreError, match="Access Denied"):
            open_store("flights", "forbidding-test", {}).versions("/versions/x")

    def test_remote_in_a_part(self):
        """A directory of which a part cannot be listed has no identity: half a listing would be taken for a change."""
        store = open_store("flights", "forbidding-test", {})
        MemoryFileSystem(skip_instance_cache=True).pipe({"/open/a": b"1", "/open/forbidden/b": b"1"})
        for question in (store.files, store.identity, store.size):
            with pytest.raises(StoreError):
                question("/open")

    @pytest.mark.parametrize("question", [question for question in QUESTIONS if question != "remove"])
    def test_loop(self, tmp_path, question):
        """A link that leads to itself is no absence: the disk cannot say what is there."""
        (tmp_path / "loop").symlink_to("loop")
        with pytest.raises(StoreError, match=str(tmp_path / "loop" / "x")):
            getattr(LocalStore("flights", "the local disk"), question)(str(tmp_path / "loop" / "x"))

    def test_long_name(self, tmp_path):
        """A name that is too long for the disk is an error for a reader and a writer."""
        store, path = LocalStore("flights", "the local disk"), str(tmp_path / ("x" * 300))
        for ask in (store.read, store.identity, lambda path: store.write(path, b"1")):
            with pytest.raises(StoreError, match=path):
                ask(path)

    @pytest.mark.parametrize("question", QUESTIONS)
    def test_no_right(self, question):
        """A folder that may not be read is an error, and no empty one."""
        with unreadable() as folder, pytest.raises(StoreError, match="Permission denied"):
            getattr(LocalStore("flights", "the local disk"), question)(f"{folder}/x")

    @pytest.mark.parametrize("question", ["files", "identity", "size"])
    def test_no_right_in_a_part(self, question):
        """A directory of which a part may not be read has no listing, no size and no identity."""
        with unreadable() as folder, pytest.raises(StoreError, match="Permission denied"):
            getattr(LocalStore("flights", "the local disk"), question)(str(Path(folder).parent))

    def test_write_in_a_file(self, tmp_path):
        """A record that would lie in a file cannot be written, and the error says where."""
        (tmp_path / "file").write_text("1")
        with pytest.raises(StoreError, match=f"Cannot write to {tmp_path}/file/one.json for flights"):
            LocalStore("flights", "the local disk").write(str(tmp_path / "file" / "one.json"), b"1")


class unreadable:  # noqa: N801 - a context manager
    """A folder in another that nobody may read but root; root becomes nobody meanwhile."""

    def __enter__(self) -> str:
        self.outer = Path(tempfile.mkdtemp())
        self.outer.chmod(0o755)
        (self.outer / "seen").write_text("1")
        self.folder = self.outer / "locked"
        self.folder.mkdir()
        (self.folder / "x").write_text("1")
        self.folder.chmod(0)
        self.user = os.geteuid()
        if self.user == 0:
            os.seteuid(65534)
        return str(self.folder)

    def __exit__(self, *_: object) -> None:
        if self.user == 0:
            os.seteuid(0)
        self.folder.chmod(0o700)
        shutil.rmtree(self.outer)


def test_digest():
    """A digest does not depend on the order of its parts, and says how many they are."""
    assert digest_of({"a": "1", "b": "2"}) == digest_of({"b": "2", "a": "1"})
    assert digest_of({"a": "1", "b": "2"}) != digest_of({"a": "2", "b": "1"})
    assert digest_of({"ab": "c"}) != digest_of({"a": "bc"})
    assert digest_of({"a": "1", "b": "2"}).startswith("2:")


def test_a_filesystem_of_s3_that_is_not_s3fs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever registers another filesystem for `s3` has its files removed one by one."""
    filesystem = MemoryFileSystem()
    filesystem.pipe_file("/bucket/a*b", b"1")
    filesystem.pipe_file("/bucket/kept", b"2")
    monkeypatch.setattr("steel_toes.stores.base.fsspec.filesystem", lambda protocol, **options: filesystem)
    store = open_store("flights", "s3", {})
    identities = {path: store.identity(path) or "" for path in ("/bucket/a*b", "/bucket/gone")}
    assert store.remove_unchanged({**identities, "/bucket/kept": "1-another"}) == ["/bucket/kept"]
    assert store.files("/bucket").keys() == {"kept"}
