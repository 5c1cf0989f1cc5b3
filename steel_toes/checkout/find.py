"""Which branch is it?

Five sources are asked in order, and the first that answers wins: the argument, the environment variable, a CI system's
pull or merge request, Git, a CI system's branch. If none does, the branch is unknown.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from steel_toes import errors, sentences
from steel_toes.checkout import ci, git
from steel_toes.checkout.code import LoadedCode
from steel_toes.naming.branch import Branch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


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
    return frozenset({"main", "master"})


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
        return Branch(name, "SteelToes(branch=...)", name in mains)
    name = _variable("STEEL_TOES_BRANCH", environ)
    tried = [sentences.NOT_AN_ARGUMENT]
    if name:
        variable_branch = Branch(name, "STEEL_TOES_BRANCH", name in mains, tried=tuple(tried))
        return _compared(variable_branch, git.read_head(project), mains, environ)
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
        return Branch(head.name, "Git", head.name in mains, tried=tuple(tried))
    tried.append(head.why)
    ci_branch = ci.find_ci_branch(systems, facts, mains, head.why)
    why = ""
    # Only main can be written by mistake.
    if ci_branch.is_main:
        why = _doubt(ci_branch, ci.commit_of(ci_branch.source, facts), head, project)
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


def _compared(branch: Branch, head: git.HeadAnswer, mains: frozenset[str], environ: Mapping[str, str]) -> Branch:
    """The branch that the variable names, compared with Git's: a forgotten `export` is not to write main."""
    git_name = head.branch_name
    if git_name in ("", branch.name):
        return branch
    # `main` and `master` are one branch here.
    if branch.is_main and git_name in mains:
        return branch
    # In CI, where HEAD may be anything, the variable is set for this very job.
    if branch.is_main and not ci.systems_of(ci.read_facts(environ)):
        why = sentences.MAIN_BY_VARIABLE.format(main=branch.name, branch=git_name)
        return Branch(None, "", why=why, tried=branch.tried)
    return replace(branch, warning=sentences.VARIABLE_AGAINST_GIT.format(variable=branch.name, branch=git_name))


def _doubt(main: Branch, commit: str, head: git.HeadAnswer, project: Path) -> str:
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
