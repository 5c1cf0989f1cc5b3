"""What tells one state of an object from another, and when it was written, from what a filesystem says of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from steel_toes.naming.digest import digest

# What the store says of a file or directory, as fsspec's `info` gives it.
Info = Mapping[str, Any]

# What a fsspec filesystem's `info` may call the identity of an object: S3 and Azure an etag, GCS a generation.
_IDENTITY_KEYS = ("mtime_ns", "generation", "ETag", "etag", "md5", "mtime", "modified", "created", "last_modified")
_TIME_KEYS = ("mtime_ns", "LastModified", "last_modified", "mtime", "modified", "updated", "created")


def identity_of(info: Info) -> str:
    """The identity of one object: its size, and its etag, generation or time."""
    tag = _first(info, _IDENTITY_KEYS, "")
    # `memory://` gives a time as a datetime in `info` and as a number in a listing.
    if isinstance(tag, datetime):
        tag = tag.timestamp()
    text = str(tag).strip('"')
    return f"{info.get('size')}-{text}"


def digest_of(parts: Mapping[str, str]) -> str:
    """The identity of several objects: a digest of their sorted relative paths and identities."""
    text = "\n".join(f"{path}\0{identity}" for path, identity in sorted(parts.items()))
    return f"{len(parts)}:{digest(text, 32)}"


def size_of(identity: str) -> int:
    """The size of the one object that has an identity, in bytes."""
    return int(identity.split("-", 1)[0])


def is_of_several(identity: str) -> bool:
    """Whether an identity is that of several objects."""
    number, separator, _ = identity.partition(":")
    return bool(separator) and number.isdigit()


def modified_of(info: Info) -> datetime:
    """When an object was last written, by the store's clock."""
    time = _first(info, _TIME_KEYS, 0)
    if isinstance(time, str):
        time = datetime.fromisoformat(time.replace("Z", "+00:00"))
    if not isinstance(time, datetime):
        seconds = time / 1e9 if "mtime_ns" in info else time
        time = datetime.fromtimestamp(seconds, timezone.utc)
    if time.tzinfo is None:
        return time.replace(tzinfo=timezone.utc)
    return time


def _first(info: Info, keys: tuple[str, ...], default: Any) -> Any:
    """What the first of these keys that is there says."""
    for key in keys:
        value = info.get(key)
        if value is not None:
            return value
    return default
