"""The bucket of a location, and the bucket that a branch has beside it."""

from __future__ import annotations

from steel_toes import errors, reasons
from steel_toes.naming.digest import digest
from steel_toes.naming.location import Location, parse
from steel_toes.naming.schemes import scheme_of

DELIMITER = "--"

_BUCKET_CHARACTERS = 63
_RESERVED_STARTS = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_ENDINGS = ("--x-s3", "--ol-s3", "--table-s3", "-s3alias", "-an")


def bucket_of(location: str) -> str | None:
    """The bucket, or Azure's container as the URL has it; None where a location has none."""
    where = parse(location)
    # `sftp://host` and `hdfs://host` have a host that is no bucket.
    if not scheme_of(where.scheme).has_buckets:
        return None
    return where.host or None


def branch_bucket(bucket: str, slug: str) -> str:
    """The bucket of a branch: a valid name, and a distinct one for each bucket.

    The rules: 3-63 characters `[a-z0-9.-]`, the ends alphanumeric, and the reserved beginnings and endings, of S3
    (docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html) and of GCS
    (cloud.google.com/storage/docs/naming-buckets). `-` and eight hex digits follow where the plain name breaks one.

    Args:
        bucket: a valid name.
        slug: at most 49 characters, as slugs are.
    """
    name = f"{bucket}{DELIMITER}{slug}"
    is_reserved = name.startswith(_RESERVED_STARTS) or name.endswith(_RESERVED_ENDINGS)
    if len(name) <= _BUCKET_CHARACTERS and not is_reserved:
        return name
    mark = f"{DELIMITER}{slug}-{digest(name, 8)}"
    stem = bucket[: _BUCKET_CHARACTERS - len(mark)]
    cut_is_reserved = (stem + mark).startswith(_RESERVED_STARTS)
    if not stem[-1].isalnum() or cut_is_reserved:
        stem = stem[:-1] + "0"  # neither `.--` nor a reserved beginning that only the cut made
    return stem + mark


def move_to_branch_bucket(location: str, where: Location, slug: str) -> str:
    """The location with the branch's bucket in the place of its own.

    Raises:
        LocationError: the store cannot have a bucket of that name.
    """
    if where.scheme not in ("s3", "gs") or ":" in where.host:
        raise errors.LocationError(reasons.BUCKET_ELSEWHERE, location=location)
    name = branch_bucket(where.host, slug)
    if where.scheme == "gs" and ("." in name or "google" in name):
        raise errors.LocationError(reasons.RESERVED_BUCKET, location=location, bucket=name)
    # The last one: credentials before an `@` may contain the same text.
    start, _, slashes = where.before.rpartition(where.host)
    return start + name + slashes + where.path + where.query
