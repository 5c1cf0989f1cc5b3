"""Pure algebra: a location and a slug -> the branch copy's location.

    data/02/companies.csv             -> data/02/companies--feature-x.csv
    data/parts/a.csv, in data/parts   -> data/parts--feature-x/a.csv
    s3://team-data/02/companies.csv   -> s3://team-data--feature-x/02/companies.csv    (layout "bucket")
    data/02/companies.csv             -> data/_branches/feature-x/02/companies.csv     (layout "prefix", root data)

Nothing here does I/O. A copy differs from its main in one component, and that component always holds `--<slug>`,
which tells the copies of distinct locations from each other; with layout "prefix" it lies below `_branches/<slug>`, and
the path below that is main's.
"""

from __future__ import annotations

from steel_toes import errors, reasons
from steel_toes.naming.branch import is_undo_branch
from steel_toes.naming.buckets import DELIMITER, bucket_of, move_to_branch_bucket
from steel_toes.naming.location import Location, is_chain, parse
from steel_toes.naming.prefix import BRANCHES, location_below_root
from steel_toes.naming.schemes import scheme_of
from steel_toes.naming.suffix import suffixed_part, with_suffix

LAYOUTS = ("suffix", "bucket", "prefix")


def check_layout(layout: str) -> None:
    """Refuse a layout that there is not.

    Raises:
        ConfigurationError: no layout has that name.
    """
    if layout not in LAYOUTS:
        *others, last = LAYOUTS
        names = f"{', '.join(others)} or {last}"
        raise errors.ConfigurationError(errors.UNKNOWN_LAYOUT, setting="layout", value=layout, layouts=names)


def branch_location(
    location: str, slug: str, layout: str = "suffix", directory: str | None = None, root: str = ""
) -> str:
    """The location of the branch copy of a main location.

    Args:
        location: main's, as the catalog has it.
        slug: the branch's.
        layout: one of `LAYOUTS`. "bucket" leaves a location without a bucket to "suffix".
        directory: the outermost directory that lists the location (see `outermost_directory`), if any does. With
            layout "suffix" it takes the suffix, and the path below it stays.
        root: with layout "prefix", the folder in which a local location's copies lie; "" if there is none. A URL's is
            its bucket.

    Raises:
        ConfigurationError: no layout has that name.
        LocationError: the location cannot have a branch copy, for the reason it says.
    """
    check_layout(layout)
    where = parse(location)
    _refuse_foreign(location, where)
    if layout == "prefix":
        return location_below_root(location, where, slug, root)
    moves_bucket = layout == "bucket" and bucket_of(location) is not None
    # The component that takes the suffix; with a bucket of its own, the branch needs none, but the same checks.
    top = suffixed_part(location, where, None if moves_bucket else directory)
    above, slash, name = top.path.rpartition("/")
    below = where.path[len(top.path) :]
    if name in ("", ".", "..", "~"):
        raise errors.LocationError(reasons.LISTED_BUCKET if where.host else reasons.NO_DIRECTORY, location=location)
    if ".." in below.split("/"):
        raise errors.LocationError(reasons.CLIMBS_OUT, location=location, directory=top.before + top.path)
    if moves_bucket:
        return move_to_branch_bucket(location, where, slug)
    return where.before + above + slash + with_suffix(name, slug) + below + where.query


def layout_on(branch_name: str | None, layout: str) -> str:
    """The layout of a branch's copies: the project's, but of a branch that keeps what main had."""
    return "prefix" if is_undo_branch(branch_name) else layout


def mark_of(slug: str, layout: str) -> str:
    """What people recognise the copies of a branch by."""
    return f"{BRANCHES}/{slug}/" if layout == "prefix" else f"*{DELIMITER}{slug}*"


def _refuse_foreign(location: str, where: Location) -> None:
    scheme = scheme_of(where.scheme)
    if scheme.is_http:
        raise errors.LocationError(reasons.HTTP_ADDRESS, location=location)
    if scheme.is_archive or is_chain(location):
        raise errors.LocationError(reasons.ARCHIVE_MEMBER, location=location)


def contains_slug(location: str, slug: str) -> bool:
    """Whether the text could be a branch copy's: none is without `--<slug>` or `_branches/<slug>/`, in any case."""
    text = location.casefold()
    return DELIMITER + slug in text or f"/{BRANCHES}/{slug}/" in text
