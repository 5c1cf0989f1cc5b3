"""Who writes the records of a catalog: what Git, the environment and the session say, and what the code is."""

from __future__ import annotations

import getpass
import posixpath
import re
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from steel_toes.checkout.code import LoadedCode
from steel_toes.checkout.code_files import CodeListing, list_code
from steel_toes.checkout.git import read_checkout
from steel_toes.checkout.identity import check_variables, identity_of
from steel_toes.checkout.provenance import UNKNOWN, CodeScope, Provenance, code_variable, provenance_of
from steel_toes.checkout.urls import project_name
from steel_toes.naming.branch import Branch
from steel_toes.naming.digest import digest
from steel_toes.naming.location import normalise
from steel_toes.naming.nesting import folders_around
from steel_toes.records.author import Background
from steel_toes.records.record import Writer
from steel_toes.redaction import logger_of
from steel_toes.sentences import CODE_EDITED
from steel_toes.settings import Settings

logger = logger_of("steel_toes")

# Where a placeholder or a glob begins, nobody knows the path.
_UNCERTAIN = re.compile(r"[{*?\[]")
# What lies there is code, whatever a catalog has beside it.
_OF_CODE = ("conf", "src")


@dataclass(frozen=True)
class Session:
    """What Kedro says of itself.

    Args:
        run: the id of its session, for the records.
        env: its environment; None is `local`.
        params: a digest of the parameters that were given on the command line.
    """

    run: str | None = None
    env: str | None = None
    params: str | None = None


@dataclass(frozen=True)
class Found:
    """What is found out in the background.

    Args:
        writer: without what the code is.
        listing: what Git says of the code; None without Git.
        provenance: what the environment says of the code, where Git does not.
        loaded_at: when the code was loaded.
    """

    writer: Writer
    listing: CodeListing | None = None
    provenance: Provenance = UNKNOWN
    loaded_at: float | None = None


def find_writer(
    settings: Settings, branch: Branch, project_path: Path, session: Session, code: LoadedCode | None = None
) -> Background[Found]:
    """Begin to find out who writes, in a thread of its own: Git takes as long as some small runs.

    Args:
        settings: the project's.
        branch: that is written.
        project_path: the project's.
        session: Kedro's.
        code: what this process has loaded; None for a command, which runs no code.

    Raises:
        ConfigurationError: an environment variable that carries the identity cannot be used.
    """
    # Here and now: a wrong variable fails the run before its first node.
    check_variables()
    variable = code_variable()

    def find() -> Found:
        # Read at this moment: the record says which code wrote, not which code was started.
        checkout = read_checkout(project_path)
        identity = identity_of(branch, checkout, project_name(settings.project or ""))
        writer = Writer(
            project=identity.project,
            run=session.run,
            commit=identity.commit,
            dirty=identity.dirty,
            upstream=identity.upstream.name,
            remote=identity.upstream.remote,
            user=_user() if settings.record_author else None,
            host=socket.gethostname() if settings.record_author else None,
            env=session.env,
            params=session.params,
        )
        listing = list_code(project_path, settings.mains, added_code(settings.code))
        return Found(writer, listing, variable, code.loaded_at if code else None)

    return Background(find)


def writer_of(facts: Found, code: Sequence[str], locations: Iterable[str], project_path: str) -> Writer:
    """The writer, with what the code is.

    Args:
        facts: what was found out.
        code: as `SteelToes(code=...)` has it.
        locations: main's, of the catalog: where data lies there is no code.
        project_path: the project's.
    """
    provenance = code_of(facts, code, locations, project_path)
    if provenance.was_edited:
        logger.warning(CODE_EDITED)
    return replace(facts.writer, source_tree=provenance.source_tree, edits=provenance.edits)


def code_of(facts: Found, code: Sequence[str], locations: Iterable[str], project_path: str) -> Provenance:
    """What the code is, as `writer_of` has it."""
    if facts.listing is None:
        return facts.provenance
    return provenance_of(facts.listing, scope_of(facts.listing, code, locations, project_path), facts.loaded_at)


def scope_of(listing: CodeListing, code: Sequence[str], locations: Iterable[str], project_path: str) -> CodeScope:
    """Which of the files that Git knows are code."""
    left_out = [path[1:] for path in code if path.startswith("!")]
    code_folders: set[str] = set()
    for path in (*listing.tracked, *listing.changed):
        if path.endswith(".py") and path.startswith(listing.prefix):
            code_folders.update(folders_around(path.removeprefix(listing.prefix)))
    places = {_place_of_data(location, project_path, code_folders) for location in locations} - {""}
    around: set[str] = set()
    for place in places:
        around.update(folders_around(place))
    return CodeScope(frozenset(added_code(code)), frozenset(left_out), frozenset(places), frozenset(around))


def added_code(code: Sequence[str]) -> list[str]:
    """What is code beside the project's own."""
    return [path for path in code if not path.startswith("!")]


def _place_of_data(location: str, project_path: str, code_folders: set[str]) -> str:
    """Where, seen from the project, the data of a location lies; "" if that is not in it, or if nobody knows.

    The folder around it; the file alone, where there is code in that folder: it would be no part of the proof.
    """
    start = f"{normalise(project_path).rstrip('/')}/"
    place = normalise(location)
    if "://" in place or not place.startswith(start):
        return ""
    inside = _UNCERTAIN.split(place.removeprefix(start), maxsplit=1)
    folder = posixpath.dirname(inside[0])
    if folder and folder not in code_folders and folder.split("/")[0] not in _OF_CODE:
        return folder
    return inside[0] if len(inside) == 1 else ""


def session_of(facts: Mapping[str, Any], run: str | None = None) -> Session:
    """The session that Kedro's facts tell of: those of a context, or the parameters of a run."""
    params = facts.get("runtime_params") or facts.get("extra_params")
    digest_of_params = digest(repr(sorted(_flat(params))), 16) if params else None
    return Session(run, facts.get("env"), digest_of_params)


def _flat(params: Any, key: str = "") -> list[tuple[str, str]]:
    """Parameters by their dotted names, whatever the order in which they were given."""
    if not isinstance(params, dict):
        return [(key, repr(params))]
    pairs = []
    for name, value in params.items():
        pairs += _flat(value, f"{key}.{name}")
    return pairs


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        return None
