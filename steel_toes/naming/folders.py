"""Which folder of a project a local location lies in."""

from __future__ import annotations

import posixpath

from steel_toes.naming.location import normalise
from steel_toes.naming.nesting import relative


def lies_below(place: str, folder: str) -> bool:
    """Whether a location lies below a folder."""
    start = normalise(folder).removesuffix("/") + "/"
    return normalise(place).startswith(start)


def folder_below(location: str, project_path: str) -> str:
    """The first folder below the project in which a location lies, or the project's own; "" outside of it."""
    place = normalise(location)
    if not project_path or not lies_below(place, project_path):
        return ""
    return folder_of_data(place, project_path)


def folder_of_data(place: str, project_path: str) -> str:
    """The first folder below the project; outside the project, the folder of the data."""
    if not lies_below(place, project_path):
        return posixpath.dirname(place)
    # `data/` in a usual project; for a file directly in the project's folder, that folder.
    first, *below = relative(place, project_path).split("/")
    return f"{project_path}/{first}" if below else project_path


def folder_of_copies(location: str, project_path: str) -> str:
    """The folder in which layout "prefix" keeps the copies of a local location; "" if there is none.

    Not the project's own: recursive readers, and Git, look there.
    """
    folder = folder_below(location, project_path)
    return "" if folder == project_path else folder
