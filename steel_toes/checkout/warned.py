"""What makes main of a branch, and may be a slip: it counts, and is said in each run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from steel_toes import sentences
from steel_toes.checkout import git

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from steel_toes.naming.branch import Branch

USUAL_MAINS = frozenset({"main", "master"})
"""Main's names where nobody has given it another."""


def warned(
    branch: Branch, project: Path, mains: frozenset[str], main: str | None, environ: Mapping[str, str]
) -> Branch:
    """The branch, with a warning if it is main by a line or a variable that may have been forgotten.

    Args:
        branch: as the argument or Git names it.
        project: the project's path.
        mains: the names of main.
        main: `SteelToes(main=...)`.
        environ: the environment variables.
    """
    if not branch.is_main:
        return branch
    if branch.source != "Git":
        return _warned_of_argument(branch, project, mains)
    is_by_variable = main is None and environ.get("STEEL_TOES_MAIN", "").strip() != ""
    return _warned_of_variable(branch, project) if is_by_variable else branch


def _warned_of_argument(branch: Branch, project: Path, mains: frozenset[str]) -> Branch:
    """It was left in settings.py perhaps, and makes main of every branch."""
    git_name = git.read_head(project).branch_name
    if not git_name or git_name in mains:
        return branch
    return replace(branch, warning=sentences.ARGUMENT_AGAINST_GIT.format(main=branch.name, branch=git_name))


def _warned_of_variable(branch: Branch, project: Path) -> Branch:
    """The variable is another project's perhaps, left in the shell: then there is a branch of main's usual name."""
    if branch.name in USUAL_MAINS:
        return branch
    for name in sorted(USUAL_MAINS):
        if git.has_branch(project, name):
            return replace(branch, warning=sentences.MAIN_OF_A_VARIABLE.format(branch=branch.name, main=name))
    return branch


def warned_of_typing(branch: Branch, project: Path) -> Branch:
    """The branch with a warning more, if Git has none of this name: it would begin a branch of its own, in silence."""
    if not branch.warning or git.has_branch(project, branch.name or ""):
        return branch
    return replace(branch, warning=branch.warning + sentences.GIT_HAS_NO_SUCH_BRANCH)
