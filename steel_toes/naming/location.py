"""A location taken apart, as Kedro reads it.

A location is read as `kedro.io.core.get_protocol_and_path` reads it: a URL begins with letters or digits and `://`,
everything else is a local path. Nothing here does I/O.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from steel_toes.naming.schemes import scheme_of
from steel_toes.redaction import holds_container, redacted_repr

if TYPE_CHECKING:
    from collections.abc import Iterator

_REMEMBERED = 10_000  # locations: a catalog asks for the folders around each of its own again and again
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


@redacted_repr
class Location(NamedTuple):
    """A location taken apart; `before + path + query` is its text.

    Attributes:
        before: a chain of caches, then the drive, the protocol and host, or the slashes.
        path: what follows, up to the query.
        query: the query with its `?`, or "".
        scheme: the store's name (see `schemes`), or "" for a local path.
        user: the credentials before the host's `@`, or "": they are no part of the name of what lies there.
        host: the host, the bucket or the container, without credentials.
        base: the one spelling of `before`.
    """

    before: str
    path: str
    query: str
    scheme: str
    user: str
    host: str
    base: str

    def prefixes(self) -> Iterator[str]:
        """Every directory that textually contains the location, outermost first, and the location itself."""
        climbs = self.path.startswith("..")
        if self.before or not climbs:
            yield self.before or "."
        for name in re.finditer(r"[^/]+", self.path):
            yield self.before + self.path[: name.end()]


@lru_cache(maxsize=_REMEMBERED)
def parse(location: str) -> Location:
    """Take a location apart."""
    chain = caches_of(location)
    rest = location[len(chain) :]
    if _DRIVE.match(rest):
        rest = rest.replace("\\", "/")
    root = _ROOT.match(rest)
    assert root is not None  # its last alternative matches anything
    groups = root.groupdict(default="")
    scheme = scheme_of(groups["hostless"] + groups["scheme"]).name
    host = groups["host"]
    user, _, host_alone = host.rpartition("@")
    if holds_container(scheme, user):
        user, host_alone = "", host
    tail = rest[root.end() :]
    path = tail
    if groups["scheme"]:
        path = _QUERY.sub("", tail)
    return Location(
        before=chain + root.group(),
        path=path,
        query=tail[len(path) :],
        scheme=scheme,
        user=user,
        host=host_alone,
        base=_base(root, scheme, host_alone),
    )


def caches_of(location: str) -> str:
    """The chain of caches that a location begins with (`simplecache::`); "" without one."""
    return location[: len(location) - len(_CACHES.sub("", location))]


def is_chain(location: str) -> bool:
    """Whether fsspec would open another file first and look for the location inside it (`zip://a.csv::x.zip`)."""
    return _CHAIN.match(_CACHES.sub("", location)) is not None


def _base(root: re.Match[str], scheme: str, host: str) -> str:
    if root["scheme"]:
        return f"{scheme}://{host}/"
    if scheme == "memory":
        return "memory:///"
    if scheme and root.group().endswith("://"):
        # Of `file://a/b` Kedro drops the `a`, and fsspec does not: which object it means is uncertain.
        return "file://"
    groups = root.groupdict(default="")
    volume = groups["drive"] + groups["volume"]
    if volume:
        return f"{volume}/"
    if root.group():
        return "/"
    return ""


def former_spelling(location: str) -> str:
    """How `normalise` spelled a location that has user info as long as that counted; "" if that was no other."""
    user = parse(location).user
    # Of buckets it never counted.
    if not user or parse(location).scheme in ("s3", "gs"):
        return ""
    return normalise(location).replace("://", f"://{user}@", 1)


@lru_cache(maxsize=_REMEMBERED)
def normalise(location: str) -> str:
    """The one spelling of a location's object; idempotent. It is for comparing: `..` and symlinks are left alone.

    Without user info, which is no part of the object's name, and may be another tomorrow. A query stays: Kedro makes it
    part of the name.
    """
    where = parse(location)
    names = [name for name in where.path.split("/") if name not in ("", ".")]
    base = where.base
    # A bucket alone has no slash behind it.
    if where.host and not names:
        base = base.removesuffix("/")
    text = base + "/".join(names) + where.query
    # The relative location of the working directory itself.
    return text or "."
