"""Layout "prefix": all copies of a branch lie in a folder of their own, below the data's root or one for all copies.

    data/02/companies.csv             -> data/_branches/feature-x/02/companies.csv
    s3://team-data/02/companies.csv   -> s3://team-data/_branches/feature-x/02/companies.csv

and with a root of all copies, `s3://scratch` or `/scratch`:

    s3://team-data/02/companies.csv   -> s3://scratch/_branches/feature-x/team-data/02/companies.csv
    data/02/companies.csv             -> /scratch/_branches/feature-x/data/02/companies.csv
    /mnt/lake/x.csv                   -> /scratch/_branches/feature-x/_abs/mnt/lake/x.csv

Nothing here does I/O. The path below the slug is main's path below its own root, so no two main locations of one root
have one copy; `roots` says what a root of all copies may be.
"""

from __future__ import annotations

from steel_toes import errors, reasons
from steel_toes.naming.buckets import bucket_of
from steel_toes.naming.folders import folder_of_copies, lies_below
from steel_toes.naming.location import Location, caches_of, normalise, parse
from steel_toes.naming.nesting import relative

BRANCHES = "_branches"
"""The folder that holds a folder for each branch."""

OUTSIDE = "_abs"
"""Below a root of all copies, the folder of what main has outside the project."""


def location_in_folder(location: str, where: Location, slug: str, project_path: str) -> str:
    """The location of a branch copy in the folder of all of its branch's copies, beside main's data.

    Args:
        location: main's, as the catalog has it.
        where: the same, taken apart.
        slug: the branch's.
        project_path: the project's: the copies of a local location lie in its first folder below that.

    Raises:
        LocationError: it lies in no bucket and in no such folder, is that itself, or climbs out of it.
    """
    folder = folder_of_copies(location, project_path)
    _check_climbs(location, where, folder or where.before)
    if bucket_of(location) is not None:
        top, inside = where.before.rstrip("/"), where.path
    elif folder:
        top, inside = folder, relative(location, folder)
    else:
        raise errors.LocationError(reasons.NO_ROOT, location=location)
    if not inside.strip("/"):
        raise errors.LocationError(reasons.LISTED_ROOT, location=location)
    return _joined(top, slug, inside, location) + where.query


def location_below_root(location: str, where: Location, slug: str, root: str, project_path: str) -> str:
    """The location of a branch copy below a root of all copies.

    Args:
        location: main's, as the catalog has it, in the store of the root.
        where: the same, taken apart.
        slug: the branch's.
        root: the root's location.
        project_path: the project's: what lies in it is called by its path from there, so that checkouts agree.

    Raises:
        LocationError: it climbs.
    """
    _check_climbs(location, where, where.before)
    place = parse(root)
    before = caches_of(location) + place.before
    # What is no bucket has the root's host, and the credentials with which the entry reaches it.
    if where.host and bucket_of(location) is None:
        before = where.before
    top = (before + place.path).rstrip("/")
    return _joined(top, slug, _path_of(location, where, project_path), location) + where.query


def _path_of(location: str, where: Location, project_path: str) -> str:
    """What a location is called below a root of all copies."""
    # HDFS allows no colon in a name.
    host = where.host.replace(":", "_")
    if host:
        return f"{host}/{where.path}"
    if where.scheme not in ("", "file"):
        return where.path
    if project_path and lies_below(location, project_path):
        return relative(location, project_path)
    path = normalise(location)
    # A drive of Windows: a colon is in no name there.
    if where.base not in ("", "/"):
        path = path.replace(":", "", 1)
    return f"{OUTSIDE}/{path.lstrip('/')}"


def _check_climbs(location: str, where: Location, directory: str) -> None:
    if ".." in where.path.split("/"):
        raise errors.LocationError(reasons.CLIMBS_OUT, location=location, directory=directory)


def _joined(top: str, slug: str, inside: str, location: str) -> str:
    # A trailing slash says that the location is a directory.
    end = "/" if location.endswith("/") and not inside.endswith("/") else ""
    return f"{top}/{BRANCHES}/{slug}/{inside}{end}"
