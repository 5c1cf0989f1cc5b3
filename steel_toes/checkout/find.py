"""Which branch is it?

Five sources are asked in order, and the first that answers wins: the argument, the environment variable, a CI system's
pull or merge request, Git, a CI system's branch. If none does, the branch is unknown.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from steel_toes import errors
from steel_toes.checkout import ci, git
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
        ConfigurationError: `main` is blank, or the name is not a branch's.
    """
    name = _argument("SteelToes(main)", main) or _variable("STEEL_TOES_MAIN", environ)
    if name:
        return frozenset({name})
    return frozenset({"main", "master"})


def find_branch(
    project: Path, *, branch: str | None = None, main: str | None = None, environ: Mapping[str, str] = os.environ
) -> Branch:
    """Find the branch of a Kedro project. Nothing is asked of a remote.

    A pull or merge request is never main: `main:26` is request 26 from a branch named as main is, or from another
    repository's `main`. Git allows no colon in a name, so no branch has this one.

    Args:
        project: the project's path, in or below a working tree; the working directory plays no part.
        branch: `SteelToes(branch=...)`.
        main: `SteelToes(main=...)`.
        environ: the environment variables.

    Returns:
        The branch. If it is unknown, `why` says the reason; what to do about it is the caller's to decide.

    Raises:
        ConfigurationError: a blank argument, or `HEAD` where a name is expected.
    """
    mains = main_names(main, environ)
    # The order is the law's (README, Which branch): whoever says it on purpose comes first.
    name = _argument("SteelToes(branch)", branch)
    if name:
        return Branch(name, "SteelToes(branch=...)", name in mains)
    name = _variable("STEEL_TOES_BRANCH", environ)
    tried = [errors.NOT_AN_ARGUMENT]
    if name:
        return Branch(name, "STEEL_TOES_BRANCH", name in mains, tried=tuple(tried))
    tried.append(errors.NOT_A_VARIABLE)
    facts = ci.read_facts(environ)
    systems = ci.systems_of(facts)
    # Before Git, which stands on the target's merge commit here.
    request = ci.find_request(systems, facts, mains)
    if request:
        return replace(request, tried=tuple(tried))
    tried.append(errors.NOT_A_REQUEST)
    head = git.read_head(project)
    if head.name:
        return Branch(head.name, "Git", head.name in mains, tried=tuple(tried))
    tried.append(head.why)
    ci_branch = ci.find_ci_branch(systems, facts, mains, head.why)
    # Only main can be written by mistake.
    if ci_branch.is_main:
        ci_branch = _unless_elsewhere(ci_branch, ci.evaluate(ci.COMMITS, facts), project)
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


def _unless_elsewhere(main: Branch, commit: str, project: Path) -> Branch:
    """Main, unless HEAD is another commit than the one that CI builds: a job of main's may check out a request's."""
    head = git.read_commit(project)
    if head is None or commit in ("", head):
        return main
    why = errors.ANOTHER_COMMIT.format(system=main.source, branch=main.name, commit=commit[:8], head=head[:8])
    return Branch(None, "", why=why)


class Upstream(NamedTuple):
    """Where a branch was pushed: `origin/feature/x`, and the normalised URL of that remote; None if that is unknown."""

    name: str | None = None
    remote: str | None = None


def upstream_of(branch: Branch, checkout: git.Checkout) -> Upstream:
    """The upstream of a branch that may have been found otherwise than by Git."""
    if branch.source == "Git":
        return Upstream(checkout.upstream, checkout.remote)
    # What CI builds is on the remote, though HEAD is detached there and tracks nothing. A fork's branch is not.
    is_pushed = branch.name is not None and ":" not in branch.name
    if is_pushed and ci.is_a_system(branch.source):
        return Upstream(f"origin/{branch.name}", checkout.project)
    # Of a branch that somebody names, HEAD's upstream says nothing.
    return Upstream()
