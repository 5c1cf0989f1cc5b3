"""The policy of a project: its settings, its branch, and who writes its records."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from steel_toes.catalog.policy import Policy
from steel_toes.catalog.writer import Session, find_writer
from steel_toes.checkout.code import LoadedCode
from steel_toes.naming.branch import Branch
from steel_toes.settings import Settings


def make_policy(
    settings: Settings,
    branch: Branch,
    project_path: Path,
    session: Session | None = None,
    code: LoadedCode | None = None,
) -> Policy:
    """What is done with entries on a branch, before anything is known of the catalog.

    Args:
        settings: the project's.
        branch: which.
        project_path: the project's.
        session: Kedro's.
        code: what this process has loaded; None for a command.

    Raises:
        ConfigurationError: an environment variable that carries the identity cannot be used.
    """
    # Switched off, all that is read is main's.
    if not settings.is_enabled:
        branch = replace(branch, is_main=True)
    read_only = settings.read_only_source
    return Policy(
        branch=branch,
        project_path=project_path.as_posix(),
        identity=find_writer(settings, branch, project_path, session or Session(), code),
        settings=settings,
        read_only=read_only,
        # Who only looks sees what was saved before the layout was changed, and what a promote has kept.
        follows_records=bool(read_only),
    )
