"""The policy of a project: its settings, its branch, and who writes its records."""

from __future__ import annotations

import getpass
import socket
from pathlib import Path

from steel_toes.catalog.policy import Policy
from steel_toes.checkout.git import read_checkout
from steel_toes.checkout.identity import identity_of
from steel_toes.checkout.urls import project_name
from steel_toes.naming.branch import Branch
from steel_toes.records.record import Writer
from steel_toes.settings import Settings


def make_policy(settings: Settings, branch: Branch, project_path: Path, run: str | None = None) -> Policy:
    """What is done with entries on a branch, before anything is known of the catalog.

    Args:
        settings: the project's.
        branch: which.
        project_path: the project's.
        run: Kedro's id of the run, for the records.

    Raises:
        ConfigurationError: an environment variable that carries the identity cannot be used.
    """
    return Policy(
        branch=branch,
        project_path=project_path.as_posix(),
        writer=_writer(settings, branch, project_path, run),
        settings=settings,
    )


def _writer(settings: Settings, branch: Branch, project_path: Path, run: str | None) -> Writer:
    # Read at this moment: the record says which code wrote, not which code was started.
    identity = identity_of(branch, read_checkout(project_path), project_name(settings.project or ""))
    return Writer(
        project=identity.project,
        run=run,
        commit=identity.commit,
        dirty=identity.dirty,
        upstream=identity.upstream.name,
        remote=identity.upstream.remote,
        user=_user() if settings.record_author else None,
        host=socket.gethostname() if settings.record_author else None,
    )


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        return None
