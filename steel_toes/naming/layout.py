"""Pure algebra: a location and a slug -> the branch copy's location.

    data/02/companies.csv             -> data/02/companies--feature-x.csv
    data/parts/a.csv, in data/parts   -> data/parts--feature-x/a.csv
    s3://team-data/02/companies.csv   -> s3://team-data--feature-x/02/companies.csv    (layout "bucket")

Nothing here does I/O. A location is read as Kedro reads it (`kedro.io.core.get_protocol_and_path`): a URL begins
with letters or digits and `://`, everything else is a local path. A copy differs from its main in one component,
and that component always holds `--<slug>`, which tells the copies of distinct locations from each other.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from steel_toes.errors import ConfigurationError, LocationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DELIMITER = "--"
LAYOUTS = ("suffix", "bucket")

_COMPONENT_BYTES = 255  # of ext4, XFS, APFS and NTFS, the tightest of the usual stores
_BUCKET_CHARACTERS = 63
_RESERVED_STARTS = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_ENDINGS = ("--x-s3", "--ol-s3", "--table-s3", "-s3alias", "-an")

_ALIASES = {"s3a": "s3", "s3n": "s3", "gcs": "gs"}
_BUCKETED = {"s3", "gs", "abfs", "abfss", "adl", "az", "wasb", "wasbs", "oci", "oss"}
_ARCHIVES = {"zip", "tar", "libarchive"}

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_CACHES = re.compile(r"\A(?:(?:simplecache|filecache|blockcache|cached)(?:://)?::)*(?=[A-Za-z0-9]+://)")
_CHAIN = re.compile(r"[A-Za-z0-9]+(?:://.*?)?::", re.DOTALL)
_ROOT = re.compile(
    r"(?P<drive>[A-Za-z]:)/+"
    r"|(?P<hostless>file|local|memory)://(?:/(?P<volume>[A-Za-z]:)(?=/|$))?/*"
    r"|(?P<scheme>[A-Za-z0-9]+)://(?P<host>[^/?#]*)/*"
    r"|/*",
    re.IGNORECASE,
)
# `?` is a glob character too: it begins a query only before `name=`.
_QUERY = re.compile(r"\?[^/?*=\[\]]+=.*\Z", re.DOTALL)
_GLOB = re.compile(r"[*?[]")
_EXTENSION = re.compile(r"(?<=.)(?:\.[A-Za-z][A-Za-z0-9_]{0,9})+\Z", re.DOTALL)
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")

_SHARE = "Share the entry (SteelToes(shared=[...])), and every branch reads and writes main's."


class _Location(NamedTuple):
    """A location taken apart; `before + path + query` is its text."""

    before: str  # a chain of caches, then the drive, the protocol and host, or the slashes
    path: str
    query: str
    scheme: str
    host: str
    base: str  # the one spelling of `before`

    def prefixes(self) -> Iterator[str]:
        """Every directory that textually contains the location, outermost first, and the location itself."""
        if self.before or not self.path.startswith(".."):
            yield self.before or "."
        for name in re.finditer(r"[^/]+", self.path):
            yield self.before + self.path[: name.end()]


def _split(location: str) -> _Location:
    rest = _CACHES.sub("", location)
    chain = location[: len(location) - len(rest)]
    if _DRIVE.match(rest):
        rest = rest.replace("\\", "/")
    root = _ROOT.match(rest)
    assert root is not None  # its last alternative matches anything
    scheme = (root["hostless"] or root["scheme"] or "").lower()
    scheme = _ALIASES.get(scheme, scheme)
    host = root["host"] or ""
    if scheme in ("s3", "gs"):
        host = host.rpartition("@")[2]  # credentials are no part of the name
    tail = rest[root.end() :]
    path = _QUERY.sub("", tail) if root["scheme"] else tail
    return _Location(chain + root.group(), path, tail[len(path) :], scheme, host, _base(root, scheme, host))


def _base(root: re.Match[str], scheme: str, host: str) -> str:
    if root["scheme"]:
        return f"{scheme}://{host}/"
    if scheme == "memory":
        return "memory:///"
    if scheme and root.group().endswith("://"):
        return "file://"  # of `file://a/b` Kedro drops the `a`, fsspec does not: nobody knows the object
    volume = root["drive"] or root["volume"]
    return f"{volume}/" if volume else "/" * bool(root.group())


def branch_location(location: str, slug: str, layout: str = "suffix", directory: str | None = None) -> str:
    """The location of the branch copy of a main location.

    Args:
        location: main's, as the catalog has it.
        slug: the branch's.
        layout: one of `LAYOUTS`. "bucket" leaves a location without a bucket to "suffix".
        directory: the outermost directory that lists the location (see `outermost_directory`), if any does. With
            layout "suffix" it takes the suffix, and the path below it stays.

    Raises:
        LocationError: the location cannot have a branch copy, for the reason it says.
    """
    if layout not in LAYOUTS:
        known = " or ".join(LAYOUTS)
        raise ConfigurationError(setting="layout", value=layout, why="No layout has that name.", remedy=f"Use {known}.")
    where = _split(location)
    _refuse_foreign(location, where)
    moves = layout == "bucket" and bucket_of(location) is not None
    top = _top(location, where, None if moves else directory)
    above, slash, name = top.path.rpartition("/")
    below = where.path[len(top.path) :]
    if name in ("", ".", "..", "~"):
        what = "a whole bucket or host is listed" if where.host else "no directory of its own holds it"
        _refuse(location, f"A copy would lie in what main lists: {what}.", f"Give the data a directory. {_SHARE}")
    if ".." in below.split("/"):
        _refuse(location, f"Its `..` leads out of {top.before}{top.path}.", "Write the location without `..`.")
    if moves:
        return _moved(location, where, slug) + where.path + where.query
    return where.before + above + slash + _suffixed(name, slug) + below + where.query


def _refuse(location: str, why: str, remedy: str = _SHARE) -> NoReturn:
    raise LocationError(location=location, why=why, remedy=remedy)


def _refuse_foreign(location: str, where: _Location) -> None:
    if where.scheme in ("http", "https"):
        _refuse(location, "An HTTP address has no place for a copy beside it.")
    if where.scheme in _ARCHIVES or _CHAIN.match(_CACHES.sub("", location)):
        _refuse(location, "It is a member of an archive, and a copy of it would be written into main's archive.")


def _top(location: str, where: _Location, directory: str | None) -> _Location:
    """The part of the location up to the component that takes the suffix."""
    bare = where.before + where.path
    listed = [listed_directory(location, lists=True) or bare]
    if directory is not None:
        if outermost_directory(location, [directory]) is None:
            _refuse(location, f"It does not lie in {directory}.", "Report this as a bug of steel_toes.")
        listed.append(listed_directory(directory, lists=True) or directory)
    return _split(outermost_directory(bare, listed) or bare)


def _suffixed(name: str, slug: str) -> str:
    extension = name[len(_EXTENSION.sub("", name)) :]
    whole = name.removesuffix(extension) + DELIMITER + slug + extension
    if len(_encoded(whole)) <= _COMPONENT_BYTES:
        return whole
    # `_` is in no slug: a name that was cut is never the copy of a shorter one, on this branch or another.
    mark = f"{DELIMITER}{slug}_{_digest(name, 16)}"
    extension = extension[-(_COMPONENT_BYTES - len(mark) - 4) :]  # 4: the stem keeps its first character
    extension = extension[extension.find(".") :]  # whole tokens; "" stays ""
    stem = _encoded(name.removesuffix(extension))[: _COMPONENT_BYTES - len(mark) - len(extension)]
    return stem.decode(errors="ignore") + mark + extension


def _encoded(text: str) -> bytes:
    return text.encode(errors="surrogatepass")  # os.fsdecode makes lone surrogates of bytes that are no UTF-8


def _digest(text: str, length: int) -> str:
    return sha256(_encoded(text)).hexdigest()[:length]


def _moved(location: str, where: _Location, slug: str) -> str:
    """What is before the path, with the branch's bucket."""
    remedy = 'Use SteelToes(layout="suffix").'
    if where.scheme not in ("s3", "gs") or ":" in where.host:
        _refuse(location, "Only a bucket of S3 or GCS can be one of several (Azure's names forbid `--`).", remedy)
    name = branch_bucket(where.host, slug)
    if where.scheme == "gs" and ("." in name or "google" in name):
        _refuse(location, f"GCS refuses the name {name}: it reserves `google`, and dots for domains.", remedy)
    start, _, slashes = where.before.rpartition(where.host)
    return start + name + slashes


def bucket_of(location: str) -> str | None:
    """The bucket, or Azure's container as the URL has it; None where a location has none."""
    where = _split(location)
    return where.host or None if where.scheme in _BUCKETED else None


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
    reserved = name.startswith(_RESERVED_STARTS) or name.endswith(_RESERVED_ENDINGS)
    if len(name) <= _BUCKET_CHARACTERS and not reserved:
        return name
    mark = f"{DELIMITER}{slug}-{_digest(name, 8)}"
    stem = bucket[: _BUCKET_CHARACTERS - len(mark)]
    if not stem[-1].isalnum() or (stem + mark).startswith(_RESERVED_STARTS):
        stem = stem[:-1] + "0"  # neither `.--` nor a reserved beginning that only the cut made
    return stem + mark


def normalise(location: str) -> str:
    """The one spelling of a location's object; idempotent. It is for comparing: `..` and symlinks are left alone."""
    where = _split(location)
    path = "/".join(name for name in where.path.split("/") if name not in ("", "."))
    base = where.base[:-1] if where.host and not path else where.base
    return base + path + where.query or "."


def listed_directory(location: str, lists: bool) -> str | None:
    """The directory that an entry at this location lists, or None if it lists none.

    Args:
        location: with a glob, the answer is the last directory before it (`.` or the bucket, if there is none).
        lists: whether the entry lists its location: partitions, a directory dataset. A trailing slash says so too.
    """
    where = _split(location)
    glob = _GLOB.search(where.path)
    if glob:
        return where.before + where.path[: glob.start()].rpartition("/")[0] or "."
    lists = lists or (where.path or where.before).endswith("/")
    return where.before + where.path or "." if lists else None


def outermost_directory(location: str, listed: Iterable[str]) -> str | None:
    """The outermost of the listed directories that contains (or is) the location, in the location's own spelling.

    A `{placeholder}` in a listed directory stands for any text. `.` is the answer for a relative location in a
    listed `.`.
    """
    plain = {normalise(directory) for directory in listed}
    patterns = [_PLACEHOLDER.split(text) for text in plain if _PLACEHOLDER.search(text)]
    for prefix in _split(location).prefixes():
        text = normalise(prefix)
        if text in plain or any(_fits(text, *pattern) for pattern in patterns):
            return prefix
    return None


def _fits(text: str, first: str, *rest: str) -> bool:
    """Whether the pieces follow each other in the text with some text between them; linear, as no regex is."""
    end = len(first)
    for piece in rest[:-1]:
        found = text.find(piece, end + 1)
        if found < 0:
            return False
        end = found + len(piece)
    return text.startswith(first) and text.endswith(rest[-1]) and len(text) - len(rest[-1]) > end


def relative(location: str, directory: str) -> str:
    """The path of a location below a directory; "" if it is the directory.

    Raises:
        LocationError: it does not lie in the directory.
    """
    inner, outer = normalise(location), normalise(directory)
    if inner == outer:
        return ""
    start = "" if outer == "." else outer.removesuffix("/") + "/"
    if not inner.startswith(start):
        _refuse(location, f"It does not lie in {directory}.", "Report this as a bug of steel_toes.")
    return inner[len(start) :]


def contains_slug(location: str, slug: str) -> bool:
    """Whether the text could be a branch copy's: no copy is without `--<slug>`, whatever the case of its disk."""
    return DELIMITER + slug in location.casefold()
