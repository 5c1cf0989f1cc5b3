"""Layout "prefix": all copies of a branch lie in a folder of their own, below the bucket or a folder of the project.

    data/02/companies.csv             -> data/_branches/feature-x/02/companies.csv    (root data)
    s3://team-data/02/companies.csv   -> s3://team-data/_branches/feature-x/02/companies.csv

Nothing here does I/O. The path below the slug is main's path below the root, so no two main locations have one copy.
"""

from __future__ import annotations

from steel_toes import errors, reasons
from steel_toes.naming.buckets import bucket_of
from steel_toes.naming.location import Location
from steel_toes.naming.nesting import relative

BRANCHES = "_branches"
"""The folder that holds a folder for each branch."""


def location_below_root(location: str, where: Location, slug: str, root: str) -> str:
    """The location of a branch copy in the folder of all of its branch's copies.

    Args:
        location: main's, as the catalog has it.
        where: the same, taken apart.
        slug: the branch's.
        root: the folder in which a local location's copies lie; "" if there is none. A URL's is its bucket.

    Raises:
        LocationError: it lies in no such root, is the root itself, or climbs out of it.
    """
    if ".." in where.path.split("/"):
        raise errors.LocationError(reasons.CLIMBS_OUT, location=location, directory=root or where.before)
    if bucket_of(location) is not None:
        top, inside = where.before.rstrip("/"), where.path
    elif root and where.scheme == "":
        top, inside = root.rstrip("/"), relative(location, root)
    else:
        raise errors.LocationError(reasons.NO_ROOT, location=location)
    if not inside.strip("/"):
        raise errors.LocationError(reasons.LISTED_ROOT, location=location)
    end = "/" if location.endswith("/") and not inside.endswith("/") else ""
    return f"{top}/{BRANCHES}/{slug}/{inside}{end}{where.query}"


def top_of_copy(copy: str, slug: str, layout: str) -> str:
    """The part of a copy's path that ends with the component that carries the slug."""
    start, mark, _ = copy.partition(f"/{BRANCHES}/{slug}/")
    if layout != "prefix" or not mark:
        return copy
    return f"{start}{mark.rstrip('/')}"
