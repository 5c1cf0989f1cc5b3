"""Pure algebra: a location and a slug -> the branch copy's location.

    data/02/companies.csv             -> data/02/companies--feature-x.csv
    data/parts/a.csv, in data/parts   -> data/parts--feature-x/a.csv
    s3://team-data/02/companies.csv   -> s3://team-data--feature-x/02/companies.csv    (layout "bucket")

Nothing here does I/O. A copy differs from its main in one component, and that component always holds `--<slug>`,
which tells the copies of distinct locations from each other.
"""

from __future__ import annotations

import re

from steel_toes import errors
from steel_toes.naming.buckets import DELIMITER, bucket_of, move_to_branch_bucket
from steel_toes.naming.digest import digest, encode
from steel_toes.naming.location import Location, is_chain, parse
from steel_toes.naming.nesting import listed_directory, outermost_directory
from steel_toes.naming.schemes import scheme_of

LAYOUTS = ("suffix", "bucket")

_COMPONENT_BYTES = 255  # of ext4, XFS, APFS and NTFS, the tightest of the usual stores
_EXTENSION = re.compile(r"(?<=.)(?:\.[A-Za-z][A-Za-z0-9_]{0,9})+\Z", re.DOTALL)


def check_layout(layout: str) -> None:
    """Refuse a layout that there is not.

    Raises:
        ConfigurationError: no layout has that name.
    """
    if layout not in LAYOUTS:
        names = " or ".join(LAYOUTS)
        raise errors.ConfigurationError(errors.UNKNOWN_LAYOUT, setting="layout", value=layout, layouts=names)


def branch_location(location: str, slug: str, layout: str = "suffix", directory: str | None = None) -> str:
    """The location of the branch copy of a main location.

    Args:
        location: main's, as the catalog has it.
        slug: the branch's.
        layout: one of `LAYOUTS`. "bucket" leaves a location without a bucket to "suffix".
        directory: the outermost directory that lists the location (see `outermost_directory`), if any does. With
            layout "suffix" it takes the suffix, and the path below it stays.

    Raises:
        ConfigurationError: no layout has that name.
        LocationError: the location cannot have a branch copy, for the reason it says.
    """
    check_layout(layout)
    where = parse(location)
    _refuse_foreign(location, where)
    moves_bucket = layout == "bucket" and bucket_of(location) is not None
    # The component that takes the suffix; with a bucket of its own, the branch needs none, but the same checks.
    top = _suffixed_part(location, where, None if moves_bucket else directory)
    above, slash, name = top.path.rpartition("/")
    below = where.path[len(top.path) :]
    if name in ("", ".", "..", "~"):
        raise errors.LocationError(errors.LISTED_BUCKET if where.host else errors.NO_DIRECTORY, location=location)
    if ".." in below.split("/"):
        raise errors.LocationError(errors.CLIMBS_OUT, location=location, directory=top.before + top.path)
    if moves_bucket:
        return move_to_branch_bucket(location, where, slug)
    return where.before + above + slash + _with_suffix(name, slug) + below + where.query


def _refuse_foreign(location: str, where: Location) -> None:
    scheme = scheme_of(where.scheme)
    if scheme.is_http:
        raise errors.LocationError(errors.HTTP_ADDRESS, location=location)
    if scheme.is_archive or is_chain(location):
        raise errors.LocationError(errors.ARCHIVE_MEMBER, location=location)


def _suffixed_part(location: str, where: Location, directory: str | None) -> Location:
    """The part of the location up to the component that takes the suffix."""
    bare = where.before + where.path
    directories = [listed_directory(location, lists=True) or bare]
    # Nearly always; else the component before the slashes and dots at the end takes it.
    is_plain = directories == [bare] and not bare.endswith(("/", "."))
    if directory is None and is_plain:
        return parse(bare)
    if directory is not None:
        if outermost_directory(location, [directory]) is None:
            raise errors.LocationError(errors.NOT_INSIDE, location=location, directory=directory)
        directories.append(listed_directory(directory, lists=True) or directory)
    return parse(outermost_directory(bare, directories) or bare)


def _with_suffix(name: str, slug: str) -> str:
    extension = name[len(_EXTENSION.sub("", name)) :]
    suffixed = name.removesuffix(extension) + DELIMITER + slug + extension
    if len(encode(suffixed)) <= _COMPONENT_BYTES:
        return suffixed
    # `_` is in no slug: a name that was cut is never the copy of a shorter one, on this branch or another.
    mark = f"{DELIMITER}{slug}_{digest(name, 16)}"
    extension = extension[-(_COMPONENT_BYTES - len(mark) - 4) :]  # 4: the stem keeps its first character
    extension = extension[extension.find(".") :]  # complete tokens; "" stays ""
    stem_bytes = _COMPONENT_BYTES - len(mark) - len(extension)
    stem = encode(name.removesuffix(extension))[:stem_bytes]
    return stem.decode(errors="ignore") + mark + extension


def contains_slug(location: str, slug: str) -> bool:
    """Whether the text could be a branch copy's: no copy is without `--<slug>`, whatever the case of its disk."""
    return DELIMITER + slug in location.casefold()
