"""What the schemes of URLs mean: which are one store, which have buckets, which can hold no copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Scheme:
    """What steel_toes must know of a scheme.

    Args:
        name: of the store, the same for all schemes that reach it.
        has_buckets: its URLs begin with a bucket (or Azure's container), it has no folders, and an object appears as a
            whole.
        is_local: the local disk.
        is_archive: its members lie inside another file.
        is_http: an address that can only be read.
    """

    name: str
    has_buckets: bool = False
    is_local: bool = False
    is_archive: bool = False
    is_http: bool = False


def _table() -> Mapping[str, Scheme]:
    table = {}
    for name in ("abfs", "abfss", "adl", "az", "gs", "oci", "oss", "s3", "wasb", "wasbs"):
        table[name] = Scheme(name, has_buckets=True)
    for name in ("zip", "tar", "libarchive"):
        table[name] = Scheme(name, is_archive=True)
    for name in ("http", "https"):
        table[name] = Scheme(name, is_http=True)
    table["file"] = Scheme("file", is_local=True)
    # Other names of the same stores.
    for alias, name in (("s3a", "s3"), ("s3n", "s3"), ("gcs", "gs"), ("local", "file")):
        table[alias] = table[name]
    return table


_SCHEMES = _table()


def scheme_of(name: str) -> Scheme:
    """What a scheme means, in whatever case it is written; one that is not in the table has no special meaning."""
    # Kedro lower-cases no scheme, and fsspec knows none in capitals.
    lower = name.lower()
    return _SCHEMES.get(lower) or Scheme(lower)
