"""The identity that travels: what a process without Git writes into records, so that they are a checkout's.

Six environment variables carry it. `STEEL_TOES_BRANCH` and `STEEL_TOES_MAIN` are read in `find`; the others here:

* `STEEL_TOES_PROJECT` wins over the remote's URL, and `SteelToes(project=...)` over both.
* `STEEL_TOES_UPSTREAM` belongs to the branch. Where Git tells the branch, it tells the upstream too; everywhere else
  the variable does.
* `STEEL_TOES_COMMIT` says which code runs. Where Git answers, the code is the checkout's, whatever was exported before
  it was switched: only where Git has no commit, the variable counts.
* `STEEL_TOES_CODE` says what the code is, in `provenance`; it counts only where Git does not answer.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from steel_toes import errors
from steel_toes.checkout import ci
from steel_toes.checkout.git import Checkout
from steel_toes.checkout.provenance import UNKNOWN, Provenance, as_variable
from steel_toes.checkout.urls import normalise_url
from steel_toes.naming.branch import Branch

# An abbreviated commit is one too; `+` says that a tracked file differed from it.
_COMMIT = re.compile(r"([0-9a-f]{7,64})(\+?)")
# Git allows no space in a name, so that a URL may follow.
_UPSTREAM = re.compile(r"([^\s/]+/[^\s/]\S*)(?:\s+(\S.*))?")


class Upstream(NamedTuple):
    """Where a branch was pushed: `origin/feature/x`, and the normalised URL of that remote; None if that is unknown."""

    name: str | None = None
    remote: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose records a process writes; what is unknown is None.

    Attributes:
        project: what the data belongs to.
        commit: of the code.
        dirty: whether a tracked file differs from the commit.
        upstream: the branch's.
    """

    project: str | None
    commit: str | None
    dirty: bool | None
    upstream: Upstream


def identity_of(
    branch: Branch, checkout: Checkout, project: str | None = None, environ: Mapping[str, str] = os.environ
) -> Identity:
    """Whose records a process writes.

    Args:
        branch: that it writes as.
        checkout: what Git answers about the project's folder.
        project: `SteelToes(project=...)`.
        environ: the environment variables.

    Raises:
        ConfigurationError: a variable has a value that cannot be used.
    """
    # All are read, so that a bad value is an error wherever it is set.
    commit, dirty = _read_commit(environ)
    if checkout.commit:
        commit, dirty = checkout.commit, checkout.dirty
    project = project or project_variable(environ) or checkout.project
    upstream = _read_upstream(environ, project)
    if branch.source == "Git" or upstream.name is None:
        upstream = _upstream_of(branch, checkout)
    return Identity(project, commit, dirty, upstream)


def check_variables(environ: Mapping[str, str] = os.environ) -> None:
    """Whether the variables can be used.

    Raises:
        ConfigurationError: one has a value that cannot.
    """
    _read_commit(environ)
    _read_upstream(environ, project_variable(environ))


def as_variables(
    branch_name: str, mains: frozenset[str], identity: Identity, provenance: Provenance = UNKNOWN
) -> dict[str, str]:
    """The environment variables by which another process has the same identity; none for what is unknown."""
    variables = {"STEEL_TOES_BRANCH": branch_name}
    # The usual two names are the default there, too.
    if len(mains) == 1:
        variables["STEEL_TOES_MAIN"] = next(iter(mains))
    if identity.project:
        variables["STEEL_TOES_PROJECT"] = identity.project
    if identity.commit:
        mark = "+" if identity.dirty else ""
        variables["STEEL_TOES_COMMIT"] = f"{identity.commit}{mark}"
    if identity.upstream.name:
        variables["STEEL_TOES_UPSTREAM"] = _upstream_text(identity.upstream, identity.project)
    code = as_variable(provenance)
    if code:
        variables["STEEL_TOES_CODE"] = code
    return variables


def project_variable(environ: Mapping[str, str] = os.environ) -> str | None:
    """The project's name in `STEEL_TOES_PROJECT`; of a URL its usual form, without credentials."""
    return normalise_url(environ.get("STEEL_TOES_PROJECT", ""))


class _Code(NamedTuple):
    """The commit of the code that runs, and whether a tracked file differs from it."""

    commit: str | None = None
    dirty: bool | None = None


def _read_commit(environ: Mapping[str, str]) -> _Code:
    text = environ.get("STEEL_TOES_COMMIT", "").strip()
    if not text:
        return _Code()
    match = _COMMIT.fullmatch(text)
    if match is None:
        raise errors.ConfigurationError(errors.NOT_A_COMMIT, setting="STEEL_TOES_COMMIT", value=text)
    return _Code(match[1], match[2] == "+")


def _read_upstream(environ: Mapping[str, str], project: str | None) -> Upstream:
    text = environ.get("STEEL_TOES_UPSTREAM", "").strip()
    if not text:
        return Upstream()
    match = _UPSTREAM.fullmatch(text)
    if match is None:
        raise errors.ConfigurationError(errors.NOT_AN_UPSTREAM, setting="STEEL_TOES_UPSTREAM", value=text)
    remote = normalise_url(match[2] or "") or _remote_of(match[1], project)
    return Upstream(match[1], remote)


def _remote_of(upstream_name: str, project: str | None) -> str | None:
    """The remote of an upstream without a URL: the project itself is `origin`'s.

    Another remote may be a fork. That the project's does not list its branches would prove nothing, so it is unknown.
    """
    return project if upstream_name.startswith("origin/") else None


def _upstream_text(upstream: Upstream, project: str | None) -> str:
    """An upstream as a variable, with its remote's URL wherever a reader could not know that."""
    name = str(upstream.name)
    if upstream.remote in (None, _remote_of(name, project)):
        return name
    return f"{name} {upstream.remote}"


def _upstream_of(branch: Branch, checkout: Checkout) -> Upstream:
    """The upstream of a branch that may have been found otherwise than by Git."""
    if branch.source == "Git":
        return Upstream(checkout.upstream, checkout.remote)
    # What CI builds is on the remote, though HEAD is detached there and tracks nothing. A fork's branch is not.
    is_pushed = branch.name is not None and ":" not in branch.name
    if is_pushed and ci.is_a_system(branch.source):
        return Upstream(f"origin/{branch.name}", checkout.project)
    # Of a branch that somebody names, HEAD's upstream says nothing.
    return Upstream()
