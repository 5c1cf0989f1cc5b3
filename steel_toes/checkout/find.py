"""Which branch is it?

Five sources are asked in order, and the first that answers wins: the argument, the environment variable, a CI system's
pull or merge request, Git, a CI system's branch. If none does, the branch is unknown.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from steel_toes import errors, sentences
from steel_toes.checkout import ci, git
from steel_toes.checkout.code import LoadedCode
from steel_toes.checkout.doubts import doubt_of_ci, doubt_of_variable
from steel_toes.checkout.warned import USUAL_MAINS, warned, warned_of_typing
from steel_toes.naming.branch import Branch

if TYPE_CHECKING:
    from collections.abc import Mapping


def main_names(main: str | None, environ: Mapping[str, str] = os.environ) -> frozenset[str]:
    """The names of the branch whose data everybody reads.

    Args:
        main: `SteelToes(main=...)`, which wins over `STEEL_TOES_MAIN`.
        environ: the environment variables.

    Returns:
        The one name that is set, else both `main` and `master`: then neither is ever a branch.

    Raises:
        ConfigurationError: `main` is blank, or the name is not a branch's; or the variable names several.
    """
    name = _argument("SteelToes(main)", main)
    if name is None:
        name = _variable("STEEL_TOES_MAIN", environ)
        # Git allows a comma, but here it is somebody's list: taken for a name, it would make a branch of main.
        if name and "," in name:
            raise errors.ConfigurationError(errors.SEVERAL_MAINS, setting="STEEL_TOES_MAIN", value=name)
    if name:
        return frozenset({name})
    return USUAL_MAINS


def find_branch(
    project: Path,
    *,
    branch: str | None = None,
    main: str | None = None,
    environ: Mapping[str, str] = os.environ,
    code: LoadedCode | None = None,
) -> Branch:
    """Find the branch of a Kedro project. Nothing is asked of a remote.

    In doubt it is not main. A variable that names main while Git is on another branch, outside CI, makes the branch
    unknown; so does a CI system's word that this is main, unless HEAD is the commit that the system builds. Only where
    there is no repository at all, or no Git, there is no better word than CI's.

    A pull or merge request is never main: `main:26` is request 26 from a branch named as main is, or from another
    repository's `main`. Git allows no colon in a name, so no branch has this one.

    Args:
        project: the project's path, in or below a working tree; the working directory plays no part.
        branch: `SteelToes(branch=...)`.
        main: `SteelToes(main=...)`.
        environ: the environment variables.
        code: what this process has loaded, if it may outlive its checkout: what Git answers must be of that.

    Returns:
        The branch. If it is unknown, `why` says the reason; what to do about it is the caller's to decide.

    Raises:
        ConfigurationError: a blank argument, or `HEAD` where a name is expected.
        SwitchedCheckoutError: Git answers otherwise than when the code was loaded.
    """
    mains = main_names(main, environ)
    # The order is the law's (README, Which branch): whoever says it on purpose comes first.
    name = _argument("SteelToes(branch)", branch)
    if name:
        return warned(Branch(name, "SteelToes(branch=...)", name in mains), project, mains, main, environ)
    name = _variable("STEEL_TOES_BRANCH", environ)
    tried = [sentences.NOT_AN_ARGUMENT]
    if name:
        head = git.read_head(project)
        variable_branch = Branch(name, "STEEL_TOES_BRANCH", name in mains, tried=tuple(tried))
        # Remembered whoever decides: the variable may be gone by the next time.
        loaded_name = code.first_name(head, project) if code else None
        return warned_of_typing(_compared(variable_branch, head, loaded_name, mains, environ), project)
    tried.append(sentences.NOT_A_VARIABLE)
    facts = ci.read_facts(environ)
    systems = ci.systems_of(facts)
    # Before Git, which stands on the target's merge commit here.
    request = ci.find_request(systems, facts, mains)
    if request:
        return replace(request, tried=tuple(tried))
    tried.append(sentences.NOT_A_REQUEST)
    head = git.read_head(project)
    if code:
        code.must_be_of(head, project)
    if head.name:
        git_branch = Branch(head.name, "Git", head.name in mains, tried=tuple(tried))
        return warned(git_branch, project, mains, main, environ)
    tried.append(head.why)
    ci_branch = ci.find_ci_branch(systems, facts, mains, head.why)
    why = ""
    # Only main can be written by mistake.
    if ci_branch.is_main:
        why = doubt_of_ci(ci_branch, ci.commit_of(ci_branch.source, facts), head, project)
    if why:
        ci_branch = Branch(None, "", why=why)
    return replace(ci_branch, tried=tuple(tried))


def _variable(setting: str, environ: Mapping[str, str]) -> str | None:
    """The branch's name in an environment variable; a blank one counts as unset."""
    return _argument(setting, environ.get(setting, "").strip() or None)


def _argument(setting: str, value: str | None) -> str | None:
    """A name as a person sets it, often from `$GITHUB_REF` or `git rev-parse --abbrev-ref HEAD`."""
    if value is None:
        return None
    name = value.strip().removeprefix("refs/heads/")
    if not name:
        raise errors.ConfigurationError(errors.BLANK_NAME, setting=setting, value=value)
    if name == "HEAD":
        raise errors.ConfigurationError(errors.HEAD_AS_NAME, setting=setting, value=value)
    return name


def _compared(
    branch: Branch, head: git.HeadAnswer, loaded_name: str | None, mains: frozenset[str], environ: Mapping[str, str]
) -> Branch:
    """The branch that the variable names, compared with Git's: a forgotten `export` is not to write main."""
    if branch.is_main:
        why = doubt_of_variable(branch, head, loaded_name, mains, environ)
        if why:
            return Branch(None, "", why=why, tried=branch.tried)
    git_name = head.branch_name
    # `main` and `master` are one branch here.
    is_same = git_name == branch.name or (branch.is_main and git_name in mains)
    if is_same or not git_name:
        return branch
    return replace(branch, warning=sentences.VARIABLE_AGAINST_GIT.format(variable=branch.name, branch=git_name))


def lies_below_a_repository(project_path: str) -> bool:
    """Whether a project is a folder of a repository's working tree, and not its top: there may be others beside it."""
    project = Path(project_path)
    # A file, in a worktree.
    if (project / ".git").exists():
        return False
    return any((folder / ".git").exists() for folder in project.parents)
