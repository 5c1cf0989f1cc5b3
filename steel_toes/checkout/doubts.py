"""Why the word that this is main does not count: only main can be written by mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steel_toes import sentences
from steel_toes.checkout import ci, git

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from steel_toes.naming.branch import Branch


def doubt_of_ci(main: Branch, commit: str, head: git.HeadAnswer, project: Path) -> str:
    """Why CI's word that this is main does not count; "" if it does.

    A job of main's may check out a request's commit, and CI's variables may have leaked into a shell.

    Args:
        main: as CI names it.
        commit: that CI builds; "" if it gives none.
        head: what Git answered.
        project: the project's path.
    """
    if head.is_absent:
        return ""
    head_commit = git.read_commit(project)
    # A rebase may have stopped at main's own commit.
    if head_commit is None or not head.is_detached:
        return sentences.REPOSITORY_IN_DOUBT.format(why=head.why, system=main.source, branch=main.name)
    if not commit:
        return sentences.COMMIT_NOT_GIVEN.format(system=main.source, branch=main.name)
    if commit != head_commit:
        shown = {"commit": commit[:8], "head": head_commit[:8]}
        return sentences.ANOTHER_COMMIT.format(system=main.source, branch=main.name, **shown)
    return ""


def doubt_of_variable(
    main: Branch, head: git.HeadAnswer, loaded_name: str | None, mains: frozenset[str], environ: Mapping[str, str]
) -> str:
    """Why a variable that names main does not count; "" if it does.

    Args:
        main: as the variable names it.
        head: what Git answered.
        loaded_name: the branch whose code was loaded, as Git told it then.
        mains: main's names.
        environ: the environment variables.
    """
    mains_or_none = {"", None, *mains}
    # A notebook goes on with a branch's code after `git switch main`.
    if loaded_name not in {*mains_or_none, head.name}:
        return sentences.MAIN_SINCE_LOADED.format(main=main.name, branch=loaded_name)
    git_name = head.branch_name
    # In CI, where HEAD may be anything, the variable is set for this very job.
    is_in_ci = bool(ci.systems_of(ci.read_facts(environ)))
    if is_in_ci or git_name in mains_or_none:
        return ""
    return sentences.MAIN_BY_VARIABLE.format(main=main.name, branch=git_name)
