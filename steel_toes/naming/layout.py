"""Pure algebra: a location and a slug -> the branch copy's location.

    data/02/companies.csv             -> data/02/companies--feature-x.csv
    data/parts/a.csv, in data/parts   -> data/parts--feature-x/a.csv
    s3://team-data/02/companies.csv   -> s3://team-data--feature-x/02/companies.csv    (layout "bucket")
    data/02/companies.csv             -> data/_branches/feature-x/02/companies.csv     (layout "prefix")

Nothing here does I/O. A copy differs from its main in one component, and that component always holds `--<slug>`,
which tells the copies of distinct locations from each other; with layout "prefix" it lies below `_branches/<slug>`, and
the path below that is main's.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from steel_toes import errors, reasons
from steel_toes.naming.branch import is_undo_branch
from steel_toes.naming.buckets import DELIMITER, bucket_of, move_to_branch_bucket
from steel_toes.naming.location import Location, is_chain, parse
from steel_toes.naming.prefix import BRANCHES, location_below_root, location_in_folder
from steel_toes.naming.schemes import scheme_of
from steel_toes.naming.suffix import suffixed_part, with_suffix

LAYOUTS = ("suffix", "bucket", "prefix")


def check_layout(name: str) -> None:
    """Refuse a layout that there is not.

    Raises:
        ConfigurationError: no layout has that name.
    """
    if name not in LAYOUTS:
        *others, last = LAYOUTS
        names = f"{', '.join(others)} or {last}"
        raise errors.ConfigurationError(errors.UNKNOWN_LAYOUT, setting="layout", value=name, layouts=names)


@dataclass(frozen=True, slots=True)
class Layout:
    """How the location of a branch copy follows from main's: a record names its own.

    Args:
        name: one of `LAYOUTS`. "bucket" leaves a location without a bucket to "suffix".
        root: with "prefix", the location below which all copies lie, in one spelling; "" if each lies below its data's
            own root.
    """

    name: str = "suffix"
    root: str = ""

    def copy(self, location: str, slug: str, project_path: str = "", directory: str | None = None) -> str:
        """The location of the branch copy of a main location.

        Args:
            location: main's, as the catalog has it.
            slug: the branch's.
            project_path: the project's: "prefix" keeps the copies of a local location in a folder of it.
            directory: the outermost directory that lists the location (see `outermost_directory`), if any does. With
                "suffix" it takes the suffix, and the path below it stays.

        Raises:
            ConfigurationError: no layout has that name.
            LocationError: the location cannot have a branch copy, for the reason it says.
        """
        check_layout(self.name)
        where = parse(location)
        _refuse_foreign(location, where)
        if self.name == "prefix":
            if self.root:
                return location_below_root(location, where, slug, self.root, project_path)
            return location_in_folder(location, where, slug, project_path)
        # The component that takes the suffix; with a bucket of its own, the branch needs none, but the same checks.
        moves_bucket = self.moves_bucket(location)
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

    def moves_bucket(self, location: str) -> bool:
        """Whether the copy of a location lies in a bucket of the branch's own."""
        return self.name == "bucket" and bucket_of(location) is not None

    def is_alike(self, other: Layout, location: str) -> bool:
        """Whether two layouts put the copy of a location at one place: what has no bucket takes the suffix instead."""
        if self == other:
            return True
        # A path, and a URL of a host.
        return bucket_of(location) is None and "prefix" not in (self.name, other.name)

    def top(self, copy: str, slug: str) -> str:
        """The part of a copy's path that ends with the component that carries the slug."""
        start, mark, _ = copy.partition(f"/{BRANCHES}/{slug}/")
        if self.name != "prefix" or not mark:
            return copy
        return f"{start}{mark.rstrip('/')}"

    def mark(self, slug: str) -> str:
        """What people recognise the copies of a branch by."""
        if self.name != "prefix":
            return f"*{DELIMITER}{slug}*"
        return posixpath.join(self.root, BRANCHES, slug, "")

    @property
    def named(self) -> str:
        """It in words."""
        without = " without a root" if self.name == "prefix" else ""
        root = f' and root "{self.root}"' if self.root else without
        return f'layout "{self.name}"{root}'

    @property
    def setting(self) -> str:
        """It as `SteelToes` takes it."""
        root = f', root="{self.root}"' if self.root else ""
        return f'layout="{self.name}"{root}'


def layout_on(branch_name: str | None, name: str) -> str:
    """The name of the layout of a branch's copies: the project's, but of a branch that keeps what main had."""
    return "prefix" if is_undo_branch(branch_name) else name


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
