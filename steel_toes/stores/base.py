"""The filesystem behind a location: identities, small objects, copies, deletions.

Only a definite "not found" means absent. Whatever else a store answers is a `StoreError`, so that no caller can take
a refusal or a time-out for "the branch has no copy".
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, TypeVar

import fsspec

from steel_toes.errors import LACKS_PERMISSION, SOME_PERMISSION, TRY_AGAIN, CopyError, StoreError, sentence
from steel_toes.naming.digest import digest
from steel_toes.redaction import cause_of, redacted
from steel_toes.stores.answers import Watch
from steel_toes.stores.identity import Info, digest_of, identity_of, modified_of
from steel_toes.stores.locks import LOCK_SECONDS, LockFile, LockHeldError, hold_lock, own_folder
from steel_toes.stores.refusals import is_refusal
from steel_toes.stores.together import all_together

T = TypeVar("T")

ABSENT = (FileNotFoundError, NotADirectoryError)
"""What a filesystem raises when it is certain that nothing is there."""
_CHUNK = 2**20  # bytes that are compared at once

Inode = tuple[int, int]


class Object(NamedTuple):
    """An object: bytes, when it was last written, and what tells this state of it from another."""

    size: int
    modified: datetime
    identity: str


class Stamped(NamedTuple):
    """A small object as it was read.

    Attributes:
        data: its bytes; None if there is none.
        stamp: what a later write names to be refused if the object is another by then; "" if there is none.
    """

    data: bytes | None
    stamp: str


class Links(NamedTuple):
    """Links at the place of a copy, through which a write or a deletion would reach other data.

    Attributes:
        symbolic: the path of a symbolic link; "" if there is none.
        hard: the files that have other names too, by their paths, each with its inode.
    """

    symbolic: str = ""
    hard: Mapping[str, Inode] = {}


@dataclass(frozen=True)
class Store:
    """A fsspec filesystem as one dataset sees it; paths are the filesystem's own, without a protocol.

    Args:
        dataset: the entry on whose behalf the store is asked, for the messages of errors.
        label: what the messages call the store.
        protocol: fsspec's name of it.
        options: credentials and filesystem arguments, as the dataset gives them to fsspec.
        hint: what of the dataset's credentials is not among them, for the messages of errors.
    """

    dataset: str
    label: str
    protocol: str = "file"
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    hint: str = ""

    @cached_property
    def access(self) -> str:
        """What tells the ways to reach a store from each other, and none of their secrets."""
        return digest(str(self.options), 16)

    def wide(self) -> Store:
        """The same store, through a client that has as many requests under way as commands make at once."""
        return self

    def shown(self, path: str) -> str:
        """A path as people may see it, with its scheme, so that it can be pasted: a query may be secret."""
        return redacted(f"{self.protocol}://{path}")

    # Reading ----------------------------------------------------------------------------------------------------------

    def read(self, path: str) -> bytes | None:
        """The bytes of a small object, never from a cache; None if there is none."""
        with self._errors_of("read", path):
            filesystem = self._fresh(path)
            try:
                return bytes(filesystem.cat_file(path, **self._read_options(filesystem)))
            except ABSENT:
                return None

    def version(self, path: str) -> Hashable | None:
        """What tells one state of a small object from every other, past and future, cheaply; None if nothing does.

        A state that is so young that another could follow without a difference has none.
        """
        return None

    def identity(self, path: str) -> str | None:
        """The identity of a file, or of all files of a directory; None if there is nothing."""
        with self._errors_of("look into", path):
            try:
                info = self._info(path)
            except ABSENT:
                return None
            if info["type"] == "directory":
                return digest_of(self.files(path))
            return identity_of(info)

    def of_each(self, function: Callable[[str], T], paths: Sequence[str]) -> list[T]:
        """What a function gives for each of these paths; at once where each request waits for a network."""
        if self.is_remote and len(paths) > 1:
            return all_together(function, paths)
        return [function(path) for path in paths]

    def is_free(self, path: str) -> bool:
        """Whether neither a file nor a directory is there."""
        return self.identity(path) is None

    def files(self, path: str) -> dict[str, str]:
        """Identities of the files below a directory by their relative paths, from one uncached listing."""
        with self._errors_of("list", path):
            return {name: identity_of(info) for name, info in self._below(path).items()}

    def few_objects(self, folder: str) -> Mapping[str, str] | None:
        """Identities of all objects in a folder and below it, by their paths, from one request.

        None if one request does not list them all, or if there are any that no listing of files shows.
        """
        return None

    def names_below(self, folder: str) -> Collection[str]:
        """The relative paths of the files in a folder and below it, from one request where that tells them all."""
        objects = self.few_objects(folder)
        if objects is None:
            return self.objects_below(folder)
        return [path[len(folder) + 1 :] for path in objects]

    def objects(self, path: str) -> dict[str, Object]:
        """The file at a path, as "", or the files below it by their relative paths, from an uncached listing."""
        with self._errors_of("list", path):
            infos = self._infos(path)
            return {name: _object(info) for name, info in infos.items()}

    def objects_below(self, path: str) -> dict[str, Object]:
        """The files below a directory by their relative paths, from one uncached listing."""
        with self._errors_of("list", path):
            return {name: _object(info) for name, info in self._below(path).items()}

    def size(self, path: str) -> int:
        """Bytes of a file or of all files of a directory; 0 if there is nothing."""
        return sum(item.size for item in self.objects(path).values())

    def versions(self, path: str) -> list[str]:
        """The Kedro versions below `path`: the names v for which `path/v/<name of path>` exists, sorted."""
        name = path.rsplit("/", 1)[-1]
        versions = set()
        for file in self.files(path):
            version, _, rest = file.partition("/")
            if rest.split("/")[0] == name:
                versions.add(version)
        return sorted(versions)

    def forget(self, path: str) -> None:
        """Drop what the filesystem remembers of a path: another process may have written there."""
        with self._errors_of("look into", path):
            self._fresh(path)

    @contextmanager
    def watch(self, path: str) -> Iterator[Watch]:
        """Watch what the store answers of an object within the block; a store whose answers say nothing shows none."""
        yield Watch()

    def is_directory(self, path: str) -> bool:
        """Whether a directory is there."""
        return self._type(path) == "directory"

    def is_file(self, path: str) -> bool:
        """Whether a file is there."""
        return self._type(path) == "file"

    def _type(self, path: str) -> str:
        """What is there; "" if nothing is."""
        # Not fsspec's isdir, which takes every failure for a no.
        with self._errors_of("look into", path), suppress(*ABSENT):
            return str(self._info(path)["type"])
        return ""

    def links(self, top: str, paths: Iterable[str]) -> Links:
        """The links in a copy: its top, these paths in it, the folders between, and all that lies below these paths.

        What lies above the top may be reached through links. A store without links has none.
        """
        return Links()

    def real_path(self, path: str) -> str:
        """Where a path leads, through all symbolic links; itself in a store without links."""
        return path

    def inodes(self, paths: Iterable[str]) -> set[Inode]:
        """The inodes of files and of all files of directories, wherever links lead; none in a store without links."""
        return set()

    # Writing ----------------------------------------------------------------------------------------------------------

    def write(self, path: str, data: bytes) -> str:
        """Write a small object. In an object store a reader sees the old bytes or the new; elsewhere perhaps half.

        Returns:
            What `is_as_put` takes; "" where the store has no such thing.
        """
        with self._errors_of("write to", path):
            self.make_parent(path)
            self._filesystem.pipe_file(path, data)
        return ""

    def is_as_put(self, path: str, put: str) -> bool:
        """Whether a small object is the very one that was put, if whoever else writes it waits for a lock of ours."""
        return False

    def make_folder(self, path: str) -> None:
        """Make an empty folder."""
        with self._errors_of("write to", path):
            self._filesystem.makedirs(path, exist_ok=True)

    def make_parent(self, path: str) -> None:
        """Make the folder around a path, where the store has folders."""
        with self._errors_of("write to", path):
            self._filesystem.makedirs(self._filesystem._parent(path), exist_ok=True)

    def copy(self, source: str, target: str) -> None:
        """Copy a file or a directory within the store, on the server's side where it can."""
        # File by file: fsspec's recursive methods expand `*`, `?` and `[` in names, and would touch other files.
        with self._errors_of("copy", source):
            for name in self._infos(source):
                place = _join(target, name)
                self.make_parent(place)
                self._copy_file(_join(source, name), place)

    def _copy_file(self, source: str, target: str) -> None:
        """Copy one file; it is there, complete, when this returns."""
        self._filesystem.cp_file(source, target)

    def copy_over(
        self, source: str, target: str, if_source: str, if_target: str | None, through: str = ""
    ) -> str | None:
        """Copy one file over another, or where none is, if both are as somebody has seen them.

        Where the store can, the server itself refuses; elsewhere both are looked at right before. The copy has none of
        the source's tags.

        Args:
            source: the path of what is copied.
            target: of what is replaced.
            if_source: the identity that the source must have.
            if_target: that the target must have; None if nothing may be there.
            through: a path of no other file, on a disk, from which the copy is moved to its place in one step.

        Returns:
            The identity of the copy; None if it was refused. Then only the contents say whose the target is: a client
            whose answer was lost asks again, and meets its own copy.
        """
        with self._errors_of("copy", source):
            if not self._are_as_seen(source, target, if_source, if_target):
                return None
            self.make_parent(target)
            self._copy_file(source, target)
            return self.identity(target)

    def _are_as_seen(self, source: str, target: str, if_source: str, if_target: str | None) -> bool:
        return self.identity(source) == if_source and self.identity(target) == if_target

    def passage(self, folder: str, mark: str, target: str) -> str:
        """The path of a new file from which a copy is moved to its place in one step; "" where none is needed.

        Args:
            folder: where it lies, if that is on the disk of its place; else it lies beside that.
            mark: what its name begins with.
            target: the place.
        """
        return ""

    def clear_passages(self, folder: str, mark: str, targets: Iterable[str]) -> None:
        """Remove what killed copies have left: in a folder of data it would be taken for data."""

    def honours_copies(self, folder: str) -> bool:
        """Whether the server refuses a copy over another object than was meant: tried once for a bucket.

        Args:
            folder: where it is tried, with objects that are removed again.
        """
        return False

    def has_same_content(self, path: str, other: str) -> bool:
        """Whether two files hold the same bytes. What is not there holds none."""
        with self._errors_of("read", path):
            filesystem = self._fresh(path)
            try:
                size = self._info(path)["size"]
                if size != self._info(other)["size"]:
                    return False
                with filesystem.open(path, "rb") as first, filesystem.open(other, "rb") as second:
                    return _are_same(first, second)
            except ABSENT:
                return False

    def create(self, path: str, data: bytes) -> bool:
        """Write a small object where none is; whether it was written.

        Where the store can, of two at once only one is. After a lost answer it may have been: what lies there says so.
        """
        if self.read(path) is not None:
            return False
        self.write(path, data)
        return True

    def make_own(self, path: str) -> None:
        """Make a file that has other names too one of its own; its bytes and times, so its identity, stay."""

    def remove(self, path: str) -> None:
        """Remove a file or a directory; nothing there is no error."""
        with self._errors_of("delete", path):
            for name in self._infos(path):
                self._filesystem.rm_file(_join(path, name))

    def remove_unchanged(self, identities: Mapping[str, str], folders: Iterable[str] = ()) -> list[str]:
        """Remove files, each only if it is as it was; one that is not there is no error.

        Where the store can, the server itself refuses to delete another file than was meant; elsewhere it is looked at
        right before.

        Args:
            identities: of the files, by their paths.
            folders: those of them that are empty afterwards, and what is empty in them, go too where the store has
                folders.

        Returns:
            The paths of those that are others by now: they stay.
        """
        changed = []
        for path, identity in identities.items():
            with self._errors_of("delete", path):
                now = self.identity(path)
                if now == identity:
                    with suppress(*ABSENT):
                        self._remove_file(path)
                elif now is not None:
                    changed.append(path)
        return changed

    def _remove_file(self, path: str) -> None:
        self._filesystem.rm_file(path)

    def make_bucket(self, name: str) -> None:
        """Make a bucket."""
        with self._errors_of("make the bucket", name):
            self._filesystem.mkdir(name)

    def remove_bucket(self, name: str) -> None:
        """Remove an empty bucket."""
        with self._errors_of("remove the bucket", name):
            self._filesystem.rmdir(name)

    # Many writers -----------------------------------------------------------------------------------------------------

    has_shared_locks: ClassVar[bool] = False
    """Whether a lock is met by everybody who shares the store, where the file system carries locks."""

    has_folders: ClassVar[bool] = True
    """Whether a file cannot be where a directory is, nor the other way, and a folder must be made before its files."""

    has_versions: ClassVar[bool] = False
    """Whether `version` tells states apart."""

    is_remote: ClassVar[bool] = False
    """Whether each request waits for a network, and several may be under way at once."""

    has_answers: ClassVar[bool] = False
    """Whether the answers of reads and writes show identities."""

    keeps_identities: ClassVar[bool] = False
    """Whether a copy over another file has the identity of what it was made of, which no other file has."""

    has_content_identities: ClassVar[bool] = False
    """Whether equal bytes have equal identities, so that an identity may come back."""

    def is_one_saves(self, identity: str) -> bool:
        """Whether data of this identity is certainly written by one save, even if two wrote at once."""
        return False

    def has_conditions(self, path: str) -> bool:
        """Whether a write can be refused if somebody else, on whatever host, has written since we read."""
        return False

    def honours_conditions(self, path: str) -> bool:
        """Whether that has been tried, and was so."""
        return False

    def read_stamped(self, path: str) -> Stamped:
        """The bytes of a small object with the stamp of this state; only where the store has conditions."""
        raise NotImplementedError

    def write_stamped(self, path: str, data: bytes, stamp: str) -> str | None:
        """Write a small object, unless it is another than the one that had this stamp.

        After the first write of a process to a bucket the server is asked whether it honours conditions.

        Returns:
            The stamp of what is there now; None if the write was refused.
        """
        raise NotImplementedError

    def delete_stamped(self, path: str, stamp: str) -> bool:
        """Delete a small object, unless it is another than the one that had this stamp; whether it is gone."""
        raise NotImplementedError

    @contextmanager
    def lock(self, path: str, seconds: float = LOCK_SECONDS) -> Iterator[bool]:
        """Keep this user's other threads and processes on this host from changing the same record within the block.

        Nodes of one run may save parts of one directory at the same time. The lock ends with its process, and nothing
        relies on it between hosts. On a disk it lies beside the record, so that other users and containers meet it,
        and other hosts where the file system carries it.

        Args:
            path: of the record.
            seconds: to wait for whoever holds it.

        Yields:
            Whether nobody who shares the record can change it within the block.

        Raises:
            LockHeldError: another held it for so long.
        """
        with ExitStack() as stack:
            with self._errors_of("lock a record of", path):
                is_locked = stack.enter_context(hold_lock(self._lock_file(path), seconds))
            yield is_locked and self.has_shared_locks

    def lock_path(self, path: str) -> str | None:
        """Where the lock of a record lies, if that is beside the record."""
        return None

    # How --------------------------------------------------------------------------------------------------------------

    def _lock_file(self, path: str) -> LockFile:
        """The file that is the lock of a record."""
        return LockFile(os.path.join(own_folder(), digest(f"{self.label}{path}", 32)))

    permissions: ClassVar[Mapping[str, str]] = {}
    """What a user needs for an action, as the store calls it."""

    refusal: ClassVar[str] = LACKS_PERMISSION
    """What is said of a store that refused an action."""

    failure: ClassVar[str] = TRY_AGAIN
    """What is said of one that failed otherwise."""

    def located(self, path: str) -> str:
        """What messages call a path; where there may be a secret in it, they name the store alone."""
        return f"a path of {self.label}"

    @contextmanager
    def _errors_of(self, action: str, path: str) -> Iterator[None]:
        """Turn every failure of the block into a `StoreError` that names the path, the action and what is missing."""
        try:
            yield
        except (CopyError, LockHeldError):
            raise
        except Exception as exc:  # noqa: BLE001 - it is raised again, as ours
            # Of the store's own words, not of ours: a client puts the URL that it asked for into them.
            why = f"{type(exc).__name__}: {redacted(str(exc))}".rstrip(".") + f".{self.hint}"
            facts = {"dataset": self.dataset, "place": self.located(path), "action": action}
            raise StoreError(**facts, why=why, remedy=self._remedy(action, exc)) from cause_of(exc)

    def _remedy(self, action: str, error: Exception) -> str:
        if not is_refusal(error):
            return self.failure
        return sentence(self.refusal, permission=self.permissions.get(action, SOME_PERMISSION.format(action=action)))

    @property
    def _filesystem(self) -> Any:
        # fsspec keeps one instance for the same arguments: the dataset's own connection is used again.
        return fsspec.filesystem(self.protocol, **self.options)

    def _fresh(self, path: str) -> Any:
        """The filesystem, which has forgotten what it listed of a path and of its parent."""
        # s3fs and gcsfs answer from their listing cache after another process has written, even in `open`.
        filesystem = self._filesystem
        filesystem.invalidate_cache(path)
        # Some filesystems forget a path's parents with it, and some do not.
        filesystem.invalidate_cache(filesystem._parent(path))
        return filesystem

    def _read_options(self, filesystem: Any) -> dict[str, Any]:
        return {}

    def _info(self, path: str) -> Info:
        """What the store says of a file or a directory; raises FileNotFoundError."""
        info: Info = self._fresh(path).info(path)
        return info

    def _infos(self, path: str) -> dict[str, Info]:
        """What the store says of the file at a path, as "", or of each file below it."""
        try:
            info = self._info(path)
        except ABSENT:
            return {}
        if info["type"] == "directory":
            return self._below(path)
        return {"": info}

    def _below(self, path: str) -> dict[str, Info]:
        """What the store says of each file below a directory."""
        filesystem = self._fresh(path)
        try:
            infos = _find(filesystem, path)
        except ABSENT:
            return {}
        top = filesystem._strip_protocol(path).rstrip("/")
        return {name[len(top) :].lstrip("/"): info for name, info in infos.items()}


def _are_same(first: Any, second: Any) -> bool:
    while True:
        chunk = first.read(_CHUNK)
        if chunk != second.read(_CHUNK):
            return False
        if not chunk:
            return True


def _object(info: Info) -> Object:
    return Object(info["size"] or 0, modified_of(info), identity_of(info))


def _join(path: str, name: str) -> str:
    return f"{path}/{name}".rstrip("/")


def _find(filesystem: Any, path: str) -> dict[str, Info]:
    # fsspec's own `find`, which goes folder by folder, leaves out a folder that it may not list.
    is_generic = type(filesystem).find is fsspec.AbstractFileSystem.find
    if is_generic:
        return dict(_walk(filesystem, path))
    infos: dict[str, Info] = filesystem.find(path, detail=True)
    return infos


def _walk(filesystem: Any, path: str) -> Iterator[tuple[str, Info]]:
    filesystem.invalidate_cache(path)
    for info in filesystem.ls(path, detail=True):
        if info["type"] != "directory":
            yield info["name"], info
        elif info["name"].rstrip("/") != path.rstrip("/"):
            yield from _walk(filesystem, info["name"])
