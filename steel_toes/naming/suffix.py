"""Layout "suffix": one component of a location takes `--<slug>`, before its extensions.

    data/02/companies.csv            -> data/02/companies--feature-x.csv
    data/parts/a.csv, in data/parts  -> data/parts--feature-x/a.csv

Nothing here does I/O.
"""

from __future__ import annotations

import re

from steel_toes import errors, reasons
from steel_toes.naming.buckets import DELIMITER
from steel_toes.naming.digest import digest, encode
from steel_toes.naming.location import Location, parse
from steel_toes.naming.nesting import listed_directory, outermost_directory

_COMPONENT_BYTES = 255  # of ext4, XFS, APFS and NTFS, the tightest of the usual stores
_EXTENSION = re.compile(r"(?<=.)(?:\.[A-Za-z][A-Za-z0-9_]{0,9})+\Z", re.DOTALL)


_SUFFIX = re.compile(r"(?<=.)--[a-z0-9-]+(?=(?:\.[A-Za-z][A-Za-z0-9_]{0,9})*\Z)", re.DOTALL)


def suffixed_part(location: str, where: Location, directory: str | None) -> Location:
    """The part of the location up to the component that takes the suffix."""
    bare = where.before + where.path
    directories = [listed_directory(location, lists=True) or bare]
    # Nearly always; else the component before the slashes and dots at the end takes it.
    is_plain = directories == [bare] and not bare.endswith(("/", "."))
    if directory is None and is_plain:
        return parse(bare)
    if directory is not None:
        if outermost_directory(location, [directory]) is None:
            raise errors.LocationError(reasons.NOT_INSIDE, location=location, directory=directory)
        directories.append(listed_directory(directory, lists=True) or directory)
    return parse(outermost_directory(bare, directories) or bare)


def without_suffix(name: str) -> str:
    """The component without a suffix; one that has none, or was cut, stays as it is."""
    return _SUFFIX.sub("", name)


def with_suffix(name: str, slug: str) -> str:
    """The component with the suffix before its extensions; a name too long for a store is cut, and gets a digest."""
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
