"""The filesystem behind a location: identities, small objects, copies, deletions.

Only a definite "not found" means absent. Whatever else a store answers is a `StoreError`, so that no caller can take
a refusal or a time-out for "the branch has no copy".
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import fsspec

from steel_toes.errors import CopyError, StoreError

# What a fsspec filesystem's `info` may call the identity of an object: S3 and Azure an etag, GCS a generation.
_IDENTITY_KEYS = ("ETag", "etag", "generation", "md5", "mtime", "modified", "created", "last_modified", "LastModified")
_ABSENT = (FileNotFoundError, NotADirectoryError)


def digest_of(parts: Mapping[str, str]) -> str:
    """The identity of several objects: a digest of their sorted relative paths and identities."""
    text = "\n".join(f"{path}\0{identity}" for path, identity in sorted(parts.items()))
    return f"{len(parts)}:{hashlib.sha256(text.encode()).hexdigest()[:32]}"


@dataclass(frozen=True)
class Store(ABC):
    """A filesystem as one dataset sees it; paths are the filesystem's own, without a protocol.

    Args:
        dataset: the entry on whose behalf the store is asked, for the messages of errors.
        label: what the messages call the store.
    """

    dataset: str
    label: str

    @contextmanager
    def asked(self, action: str) -> Iterator[None]:
        """Turn every failure of the block into a `StoreError` that names the store and the action."""
        try:
            yield
        except CopyError:
            raise
        except Exception as exc:
            why = f"{type(exc).__name__}: {exc}".rstrip(".") + "."
            raise StoreError(dataset=self.dataset, store=self.label, action=action, why=why) from exc

    @abstractmethod
    def read(self, path: str) -> bytes | None:
        """The bytes of a small object, never from a cache; None if there is none."""

    @abstractmethod
    def write(self, path: str, data: bytes) -> None:
        """Write a small object whole: a reader sees the old bytes or the new ones."""

    @abstractmethod
    def files(self, path: str) -> dict[str, str]:
        """Identities of the files below a directory by their relative paths, from one uncached listing."""

    @abstractmethod
    def identity(self, path: str) -> str | None:
        """The identity of a file, or of all files of a directory; None if there is nothing."""

    @abstractmethod
    def versions(self, path: str) -> list[str]:
        """The Kedro versions below `path`: the names v for which `path/v/<name of path>` exists, sorted."""

    @abstractmethod
    def is_directory(self, path: str) -> bool:
        """Whether a directory is there."""

    @abstractmethod
    def size(self, path: str) -> int:
        """Bytes of a file or of all files of a directory; 0 if there is nothing."""

    @abstractmethod
    def copy(self, source: str, target: str) -> None:
        """Copy a file or a directory within the store, on the server's side where it can."""

    @abstractmethod
    def remove(self, path: str) -> None:
        """Remove a file or a directory; nothing there is no error."""


@dataclass(frozen=True)
class LocalStore(Store):
    """The local disk. An identity is size and modification time in ns; not the inode, so that a copied folder stays
    valid."""

    def read(self, path: str) -> bytes | None:
        with self.asked("read"):
            try:
                with open(path, "rb") as file:
                    return file.read()
            except _ABSENT:
                return None

    def write(self, path: str, data: bytes) -> None:
        with self.asked("write to"):
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

    def files(self, path: str) -> dict[str, str]:
        with self.asked("list"):
            return {name: _stat_identity(stat) for name, stat in self._walk(path)}

    def identity(self, path: str) -> str | None:
        with self.asked("look into"):
            try:
                stat = os.stat(path)
            except _ABSENT:
                return None
            return digest_of(self.files(path)) if os.path.isdir(path) else _stat_identity(stat)

    def versions(self, path: str) -> list[str]:
        with self.asked("list"):
            name = os.path.basename(path)
            try:
                found = os.listdir(path)
            except _ABSENT:
                return []
            return sorted(v for v in found if os.path.exists(os.path.join(path, v, name)))

    def is_directory(self, path: str) -> bool:
        return os.path.isdir(path)

    def size(self, path: str) -> int:
        with self.asked("look into"):
            if os.path.isdir(path):
                return sum(stat.st_size for _, stat in self._walk(path))
            return os.stat(path).st_size if os.path.exists(path) else 0

    def copy(self, source: str, target: str) -> None:
        with self.asked("copy within"):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if os.path.isdir(source):
                shutil.copytree(source, target, copy_function=shutil.copyfile, dirs_exist_ok=True)
            else:
                shutil.copyfile(source, target)

    def remove(self, path: str) -> None:
        with self.asked("delete from"), suppress(*_ABSENT):
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)

    @staticmethod
    def _walk(path: str) -> Iterator[tuple[str, os.stat_result]]:
        for folder, _, names in os.walk(path, followlinks=True):
            for name in names:
                full = os.path.join(folder, name)
                # A file that another process removes between listing and stat is simply not there.
                with suppress(FileNotFoundError):
                    yield os.path.relpath(full, path).replace(os.sep, "/"), os.stat(full)


@dataclass(frozen=True)
class RemoteStore(Store):
    """Any fsspec filesystem, with the entry's own credentials.

    Args:
        protocol: fsspec's name of it.
        options: credentials and filesystem arguments, as the dataset gives them to fsspec.
    """

    protocol: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def _fs(self) -> Any:
        # fsspec keeps one instance for the same arguments: the dataset's own connection is used again.
        return fsspec.filesystem(self.protocol, **self.options)

    def _fresh(self, path: str) -> Any:
        # s3fs and gcsfs answer from their listing cache after another process has written, even in `open`.
        fs = self._fs
        fs.invalidate_cache(fs._parent(path))
        return fs

    def read(self, path: str) -> bytes | None:
        with self.asked("read"):
            try:
                return bytes(self._fresh(path).cat_file(path))
            except _ABSENT:
                return None

    def write(self, path: str, data: bytes) -> None:
        with self.asked("write to"):
            self._fs.makedirs(self._fs._parent(path), exist_ok=True)
            self._fs.pipe_file(path, data)

    def files(self, path: str) -> dict[str, str]:
        with self.asked("list"):
            return {name: _info_identity(info) for name, info in self._details(path).items()}

    def identity(self, path: str) -> str | None:
        with self.asked("look into"):
            try:
                info = self._fresh(path).info(path)
            except _ABSENT:
                return None
            return digest_of(self.files(path)) if info["type"] == "directory" else _info_identity(info)

    def versions(self, path: str) -> list[str]:
        with self.asked("list"):
            name = path.rstrip("/").rsplit("/", 1)[-1]
            found = self._fresh(path).glob(f"{path}/*/{name}")
            return sorted(entry.rstrip("/").rsplit("/", 2)[-2] for entry in found)

    def is_directory(self, path: str) -> bool:
        with self.asked("look into"):
            return bool(self._fresh(path).isdir(path))

    def size(self, path: str) -> int:
        with self.asked("look into"):
            return sum(info["size"] or 0 for info in self._details(path).values())

    def copy(self, source: str, target: str) -> None:
        with self.asked("copy within"):
            if self._fresh(source).isdir(source):
                self._fs.copy(source.rstrip("/") + "/", target.rstrip("/") + "/", recursive=True)
            else:
                self._fs.copy(source, target)

    def remove(self, path: str) -> None:
        with self.asked("delete from"), suppress(*_ABSENT):
            self._fresh(path).rm(path, recursive=True)

    def _details(self, path: str) -> dict[str, dict[str, Any]]:
        try:
            found: dict[str, dict[str, Any]] = self._fresh(path).find(path, detail=True)
        except _ABSENT:
            return {}
        top = self._fs._strip_protocol(path).rstrip("/")
        return {name[len(top) :].lstrip("/"): info for name, info in found.items()}


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
    return RemoteStore(dataset, f"{protocol}://", protocol, {**credentials, **fs_args})


def _stat_identity(stat: os.stat_result) -> str:
    return f"{stat.st_size}-{stat.st_mtime_ns}"


def _info_identity(info: Mapping[str, Any]) -> str:
    tag = next((str(info[key]).strip('"') for key in _IDENTITY_KEYS if info.get(key) is not None), "")
    return f"{info.get('size')}-{tag}"
