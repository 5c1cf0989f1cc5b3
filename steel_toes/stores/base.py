"""The filesystem behind a location: identities, small objects, copies, deletions.

Only a definite "not found" means absent. Whatever else a store answers is a `StoreError`, so that no caller can take
a refusal or a time-out for "the branch has no copy".
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import traceback
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from stat import S_ISDIR
from typing import Any, NamedTuple

import fsspec
from fsspec.spec import AbstractBufferedFile

if sys.platform != "win32":
    import fcntl

from steel_toes.errors import BucketError, CopyError, StoreError

# What a fsspec filesystem's `info` may call the identity of an object: S3 and Azure an etag, GCS a generation.
_IDENTITY_KEYS = ("mtime_ns", "generation", "ETag", "etag", "md5", "mtime", "modified", "created", "last_modified")
_ABSENT = (FileNotFoundError, NotADirectoryError)
_OBJECT_STORES = {"s3", "gs", "gcs", "abfs", "abfss", "az", "adl", "oci", "oss"}


_MARKER = "_steel_toes/bucket"
_BULK = 1000  # keys of one request: docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html


class Object(NamedTuple):
    """An object: bytes, and when it was last written."""

    size: int
    modified: datetime


def digest_of(parts: Mapping[str, str]) -> str:
    """The identity of several objects: a digest of their sorted relative paths and identities."""
    text = "\n".join(f"{path}\0{identity}" for path, identity in sorted(parts.items()))
    return f"{len(parts)}:{hashlib.sha256(text.encode()).hexdigest()[:32]}"


@dataclass(frozen=True)
class Store:
    """A fsspec filesystem as one dataset sees it; paths are the filesystem's own, without a protocol.

    Args:
        dataset: the entry on whose behalf the store is asked, for the messages of errors.
        label: what the messages call the store.
        protocol: fsspec's name of it.
        options: credentials and filesystem arguments, as the dataset gives them to fsspec.
    """

    dataset: str
    label: str
    protocol: str = "file"
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def read(self, path: str) -> bytes | None:
        """The bytes of a small object, never from a cache; None if there is none."""
        with self._asked("read"):
            fs = self._fresh(path)
            # s3fs asks for the size first, to read in parallel: one request more for each record.
            few = {"max_concurrency": 1} if hasattr(fs, "max_concurrency") else {}
            try:
                return bytes(fs.cat_file(path, **few))
            except _ABSENT:
                return None

    def write(self, path: str, data: bytes) -> None:
        """Write a small object whole: a reader sees the old bytes or the new ones."""
        with self._asked("write to"):
            self.make_parent(path)
            self._fs.pipe_file(path, data)

    def identity(self, path: str) -> str | None:
        """The identity of a file, or of all files of a directory; None if there is nothing."""
        with self._asked("look into"):
            try:
                info = self._info(path)
            except _ABSENT:
                return None
            return digest_of(self.files(path)) if info["type"] == "directory" else _identity_of(info)

    def files(self, path: str) -> dict[str, str]:
        """Identities of the files below a directory by their relative paths, from one uncached listing."""
        with self._asked("list"):
            return {name: _identity_of(info) for name, info in self._below(path).items()}

    def objects(self, path: str) -> dict[str, Object]:
        """The file at a path, as "", or the files below it by their relative paths, from an uncached listing."""
        with self._asked("list"):
            return {name: Object(info["size"] or 0, _modified_of(info)) for name, info in self._objects(path).items()}

    def size(self, path: str) -> int:
        """Bytes of a file or of all files of a directory; 0 if there is nothing."""
        return sum(found.size for found in self.objects(path).values())

    def versions(self, path: str) -> list[str]:
        """The Kedro versions below `path`: the names v for which `path/v/<name of path>` exists, sorted."""
        with self._asked("list"):
            parts = [relative.split("/") for relative in self._below(path)]
            name = path.rsplit("/", 1)[-1]
            return sorted({version for version, *rest in parts if rest[:1] == [name]})

    def is_directory(self, path: str) -> bool:
        """Whether a directory is there."""
        # Not fsspec's isdir, which takes every failure for a no.
        with self._asked("look into"), suppress(*_ABSENT):
            return bool(self._info(path)["type"] == "directory")
        return False

    def copy(self, source: str, target: str) -> None:
        """Copy a file or a directory within the store, on the server's side where it can."""
        # File by file: fsspec's recursive methods expand `*`, `?` and `[` in names, and would touch other files.
        with self._asked("copy within"):
            fs = self._fs
            for relative in self._objects(source):
                place = f"{target}/{relative}".rstrip("/")
                self.make_parent(place)
                fs.cp_file(f"{source}/{relative}".rstrip("/"), place)

    def remove(self, path: str) -> None:
        """Remove a file or a directory; nothing there is no error."""
        with self._asked("delete from"):
            for relative in self._objects(path):
                self._fs.rm_file(f"{path}/{relative}".rstrip("/"))

    def remove_all(self, paths: Iterable[str], folders: Iterable[str] = ()) -> None:
        """Remove files, in bulk on S3; one that is not there is no error.

        Args:
            paths: of the files.
            folders: those of them that are empty afterwards, and what is empty in them, go too where the store has
                folders.
        """
        with self._asked("delete from"):
            if not hasattr(self._fs, "call_s3"):
                for path in paths:
                    with suppress(*_ABSENT):
                        self._fs.rm_file(path)
                return
            # Not s3fs's `rm`, which expands `*` in names and hides the refusal of an object.
            keys: dict[str, list[dict[str, str]]] = {}
            for bucket, _, key in (path.partition("/") for path in paths):
                keys.setdefault(bucket, []).append({"Key": key})
            for bucket, found in keys.items():
                for start in range(0, len(found), _BULK):
                    self._remove_bulk(bucket, found[start : start + _BULK])

    def _remove_bulk(self, bucket: str, keys: list[dict[str, str]]) -> None:
        answer = self._fs.call_s3("delete_objects", Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
        for error in answer.get("Errors", []):
            raise OSError(f"{error.get('Key')}: {error.get('Code')} {error.get('Message')}")

    def leads_out(self, path: str, top: str) -> bool:
        """Whether a file below `top`, or `top` itself, is reached through a symbolic link: then it is another's."""
        return False

    def make_bucket(self, name: str) -> None:
        """Make a bucket."""
        with self._asked("make a bucket in"):
            self._fs.mkdir(name)

    def remove_bucket(self, name: str) -> None:
        """Remove an empty bucket."""
        with self._asked("remove a bucket from"):
            self._fs.rmdir(name)

    @contextmanager
    def alone(self, path: str) -> Iterator[None]:
        """Keep this host's other threads and processes from changing the same record within the block.

        Nodes of one run may save parts of one directory at the same time. The lock ends with its process, and nothing
        relies on it between hosts.
        """
        if sys.platform == "win32":  # no flock there: two such nodes may be told of each other
            yield
            return
        name = hashlib.sha256(f"{self.label}{path}".encode()).hexdigest()[:32]
        folder = os.path.join(tempfile.gettempdir(), f"steel_toes-{os.getuid()}")
        with ExitStack() as stack:
            with self._asked("lock a record of"):
                os.makedirs(folder, mode=0o700, exist_ok=True)
                file = stack.enter_context(open(os.path.join(folder, name), "wb"))
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _asked(self, action: str) -> Iterator[None]:
        """Turn every failure of the block into a `StoreError` that names the store and the action."""
        try:
            yield
        except CopyError:
            raise
        except Exception as exc:
            why = f"{type(exc).__name__}: {exc}".rstrip(".") + "."
            raise StoreError(dataset=self.dataset, store=self.label, action=action, why=why) from exc

    @property
    def _fs(self) -> Any:
        # fsspec keeps one instance for the same arguments: the dataset's own connection is used again.
        return fsspec.filesystem(self.protocol, **self.options)

    def _fresh(self, path: str) -> Any:
        # s3fs and gcsfs answer from their listing cache after another process has written, even in `open`.
        fs = self._fs
        # Some filesystems forget a path's parents with it, and some do not.
        fs.invalidate_cache(path)
        fs.invalidate_cache(fs._parent(path))
        return fs

    def make_parent(self, path: str) -> None:
        """Make the folder around a path, where the store has folders."""
        # Not in an object store, in which s3fs would make a missing bucket.
        if self.protocol not in _OBJECT_STORES:
            self._fs.makedirs(self._fs._parent(path), exist_ok=True)

    def _info(self, path: str) -> Mapping[str, Any]:
        """What the store says of a file or a directory; raises FileNotFoundError."""
        info: Mapping[str, Any] = self._fresh(path).info(path)
        return info

    def _objects(self, path: str) -> dict[str, Mapping[str, Any]]:
        """What the store says of the file at a path, as "", or of each file below it."""
        try:
            info = self._info(path)
        except _ABSENT:
            return {}
        return self._below(path) if info["type"] == "directory" else {"": info}

    def _below(self, path: str) -> dict[str, Mapping[str, Any]]:
        """What the store says of each file below a directory."""
        fs = self._fresh(path)
        try:
            # fsspec's own `find`, which goes folder by folder, leaves out a folder that it may not list.
            generic = type(fs).find is fsspec.AbstractFileSystem.find
            found = dict(_tree(fs, path)) if generic else fs.find(path, detail=True)
        except _ABSENT:
            return {}
        top = fs._strip_protocol(path).rstrip("/")
        return {name[len(top) :].lstrip("/"): info for name, info in found.items()}


@dataclass(frozen=True)
class LocalStore(Store):
    """The local disk, on which an identity is size and modification time in ns.

    Not the inode: a data folder that is copied with its times stays valid.
    """

    def write(self, path: str, data: bytes) -> None:
        """Write a small file whole, by replacing what is there."""
        with self._asked("write to"):
            folder = os.path.dirname(path)
            os.makedirs(folder, exist_ok=True)
            # Not mkstemp: a record is for the whole team, as the data is, and not for its writer alone.
            temporary = os.path.join(folder, f".{uuid.uuid4().hex}.tmp")
            try:
                with open(temporary, "xb") as file:
                    file.write(data)
                os.replace(temporary, path)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary)
                raise

    def remove(self, path: str) -> None:
        with self._asked("delete from"), suppress(*_ABSENT):
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)

    def remove_all(self, paths: Iterable[str], folders: Iterable[str] = ()) -> None:
        with self._asked("delete from"):
            for path in paths:
                with suppress(*_ABSENT):
                    os.unlink(path)
            for top in folders:
                for folder, _, _ in os.walk(top, topdown=False):
                    with suppress(OSError):  # it is not empty
                        os.rmdir(folder)

    def leads_out(self, path: str, top: str) -> bool:
        real, (parent, above) = os.path.realpath, map(os.path.dirname, (path, top))
        return real(parent) != os.path.normpath(os.path.join(real(above), os.path.relpath(parent, above)))

    def _info(self, path: str) -> Mapping[str, Any]:
        stat = os.stat(path)
        # fsspec has the time as a float, which is too coarse to tell two saves apart.
        kind = "directory" if S_ISDIR(stat.st_mode) else "file"
        return {"type": kind, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}

    def _below(self, path: str) -> dict[str, Mapping[str, Any]]:
        found = {}
        for folder, _, names in os.walk(path, onerror=_raise_unless_absent, followlinks=True):
            for full in (os.path.join(folder, name) for name in names):
                # A file that another process removes between listing and stat is simply not there.
                with suppress(FileNotFoundError):
                    found[os.path.relpath(full, path).replace(os.sep, "/")] = self._info(full)
        return found


def _identity_of(info: Mapping[str, Any]) -> str:
    tag = next((info[key] for key in _IDENTITY_KEYS if info.get(key) is not None), "")
    # `memory://` gives a time as a datetime in `info` and as a number in a listing.
    tag = tag.timestamp() if isinstance(tag, datetime) else str(tag).strip('"')
    return f"{info.get('size')}-{tag}"


def _modified_of(info: Mapping[str, Any]) -> datetime:
    """When an object was last written, by the store's clock."""
    keys = ("mtime_ns", "LastModified", "last_modified", "mtime", "modified", "updated", "created")
    found = next((info[key] for key in keys if info.get(key) is not None), 0)
    if isinstance(found, str):
        found = datetime.fromisoformat(found.replace("Z", "+00:00"))
    if not isinstance(found, datetime):
        found = datetime.fromtimestamp(found / 1e9 if "mtime_ns" in info else found, timezone.utc)
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def _tree(fs: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    fs.invalidate_cache(path)
    for info in fs.ls(path, detail=True):
        if info["type"] != "directory":
            yield info["name"], info
        elif info["name"].rstrip("/") != path.rstrip("/"):
            yield from _tree(fs, info["name"])


def abandon_files(error: BaseException | None) -> None:
    """Keep the files that a failed save opened from being written later.

    s3fs opens for append with two requests. After one that failed, the half-made file is closed when Python happens to
    collect it, and closing uploads: an empty object over the rows that were there.
    """
    if error is None:
        return
    for frame, _ in traceback.walk_tb(error.__traceback__):
        for value in frame.f_locals.values():
            if isinstance(value, AbstractBufferedFile):
                value.closed = True
    for reason in {error.__cause__, error.__context__}:
        abandon_files(reason)


def _raise_unless_absent(error: OSError) -> None:
    if not isinstance(error, _ABSENT):
        raise error


@dataclass(frozen=True)
class BranchBucket:
    """The bucket of one branch (layout "bucket"). It is ours if a marker object in it says so.

    Bucket names are everybody's: one that exists may be a stranger's, who would be handed the data.

    Args:
        store: with the entry's credentials.
        url: of the bucket, `s3://team-data--feature-x`.
        branch: the branch's full name.
        create: whether a missing bucket is made.
    """

    store: Store
    url: str
    branch: str
    create: bool

    def ensure(self) -> None:
        """Make sure that the bucket exists and is the branch's.

        Raises:
            BucketError: it is missing and shall not be made, or it has no marker of this branch.
            StoreError: the store gave no definite answer.
        """
        bucket, marker, text = self._name, f"{self._name}/{_MARKER}", self.branch.encode()
        found = self.store.read(marker)
        if found == text:
            return
        if found is not None or self.store.is_directory(bucket):
            owner = (
                f"Its marker is branch {found.decode(errors='replace')}'s." if found else "It exists without a marker."
            )
            remedy = f"If it is yours, write the text `{self.branch}` to {self.url}/{_MARKER}."
            raise self._error(f"{owner} A stranger may own the name.", remedy)
        if not self.create:
            made = {"s3": "aws s3 mb", "gs": "gcloud storage buckets create"}.get(self.url.split(":")[0], "create")
            remedy = f"Make it with SteelToes(create_buckets=True); or with `{made} {self.url}`, and write the text "
            raise self._error("There is no such bucket.", f"{remedy}`{self.branch}` to {self.url}/{_MARKER}.")
        self.store.make_bucket(bucket)
        self.store.write(marker, text)

    def discard(self) -> None:
        """Remove the bucket if it is marked as the branch's and holds nothing but the marker."""
        marker = f"{self._name}/{_MARKER}"
        if self.store.read(marker) == self.branch.encode() and [*self.store.objects(self._name)] == [_MARKER]:
            self.store.remove(marker)
            self.store.remove_bucket(self._name)

    @property
    def _name(self) -> str:
        return self.url.split("://", 1)[1]

    def _error(self, why: str, remedy: str) -> BucketError:
        return BucketError(dataset=self.store.dataset, bucket=self.url, why=why, remedy=remedy)


def open_store(dataset: str, protocol: str, config: Mapping[str, Any]) -> Store:
    """The store that a dataset built from `config` uses: its `credentials` and `fs_args`, less the arguments of open.

    Args:
        dataset: the entry's name.
        protocol: fsspec's protocol of the location.
        config: the entry's resolved configuration.
    """
    if protocol in ("file", "local"):
        return LocalStore(dataset, "the local disk")
    fs_args = {k: v for k, v in (config.get("fs_args") or {}).items() if not k.startswith("open_args")}
    credentials = config.get("credentials") or {}
    protocol = "s3" if protocol in ("s3a", "s3n") else protocol
    return Store(dataset, f"{protocol}://", protocol, {**credentials, **fs_args})
