"""The one module that asks Git.

What every run asks is asked by a subprocess: importing GitPython would cost a small run a tenth of its time. What only
commands ask (which branches there are, here and on a remote) goes through GitPython, which also ends a remote's answer
that takes too long. Both give an `Answer`, and neither raises.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from steel_toes import errors, sentences
from steel_toes.checkout.urls import normalise_url
from steel_toes.redaction import redacted_repr

_GIT_MISSING = 127  # the shell's own status for a command that is not there
_GIT_FAILED = 128  # Git's own status for what it refuses
_REMOTE_SECONDS = 60
_SILENT = {"GIT_TERMINAL_PROMPT": "0"}  # a remote that asks for a password gives no answer
# Git sets these for its hooks, and then looks for the repository nowhere else.
_HOOK_VARIABLES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR")


@redacted_repr
class Answer(NamedTuple):
    """What a Git command answered; `status` is 0 if it succeeded."""

    status: int
    output: str = ""
    error: str = ""


def ask(project: Path, *arguments: str) -> Answer:
    """Run a Git command in the project's repository. Git itself looks for it, so that its refusals are seen."""
    return _asked(project, None, arguments)


def ask_with_input(project: Path, text: bytes, *arguments: str) -> Answer:
    """The same of a command that reads something."""
    return _asked(project, text, arguments)


def _asked(project: Path, text: bytes | None, arguments: Sequence[str]) -> Answer:
    environment = {name: value for name, value in os.environ.items() if name not in _HOOK_VARIABLES}
    # Refusals are told apart by their text, and nothing stops a run to ask for a password.
    environment.update({"LANGUAGE": "C", "LC_ALL": "C", **_SILENT})
    command = [_executable(), "--no-optional-locks", "-C", str(project), *arguments]
    source: dict[str, Any] = {"stdin": subprocess.DEVNULL} if text is None else {"input": text}
    try:
        process: subprocess.CompletedProcess[bytes] = subprocess.run(  # noqa: S603 - a list of arguments, no shell
            command,
            env=environment,
            **source,
            capture_output=True,
            check=False,
        )
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        # What is there cannot be run: another file of that name, or a folder.
        return Answer(_GIT_MISSING)
    except OSError as exc:
        return Answer(_GIT_FAILED, error=f"{type(exc).__name__}: {exc}")
    return Answer(process.returncode, _text_of(process.stdout).removesuffix("\n"), _text_of(process.stderr))


def _text_of(output: bytes) -> str:
    # Git's names are bytes. Not the subprocess's own decoding, which takes a name's `\r` for the end of a line.
    return output.decode("utf-8", "surrogateescape")


def _executable() -> str:
    # GitPython's own setting, so that both ways run the same Git.
    return os.environ.get("GIT_PYTHON_GIT_EXECUTABLE") or "git"


def _ask_by_gitpython(project: Path, *arguments: str) -> Answer:
    """The same through GitPython, for as long as a remote may take."""
    try:
        import git
    except ImportError:  # what GitPython raises without a git command
        return Answer(_GIT_MISSING)
    # From the project's folder: a remote's relative URL is resolved from the top of the working tree.
    command = [_executable(), "-C", str(project), *arguments]
    try:
        status, output, error = git.Git().execute(
            command,
            with_extended_output=True,
            with_exceptions=False,
            env={**_SILENT, **_own_repository(project)},
            kill_after_timeout=_REMOTE_SECONDS,
        )
    except (git.GitError, OSError) as exc:
        return Answer(_GIT_FAILED, error=f"{type(exc).__name__}: {exc}")
    return Answer(status, str(output), str(error))


def _own_repository(project: Path) -> dict[str, str]:
    """In a hook of Git's, the variables that point at the project's own repository: GitPython can remove none."""
    if not os.environ.keys() & set(_HOOK_VARIABLES):
        return {}
    folder = Path(ask(project, "rev-parse", "--absolute-git-dir").output or project)
    common = ask(project, "rev-parse", "--git-common-dir").output
    top = ask(project, "rev-parse", "--show-toplevel").output
    return {
        "GIT_DIR": str(folder),
        "GIT_WORK_TREE": top or str(project),
        "GIT_INDEX_FILE": str(folder / "index"),
        # Relative to the folder that was asked from.
        "GIT_COMMON_DIR": str((project / common).resolve()),
    }


# --- What every run asks ----------------------------------------------------------------------------------------------


class HeadAnswer(NamedTuple):
    """The branch that HEAD points at; None and the reason if there is none.

    Attributes:
        name: of the branch.
        why: the reason.
        is_absent: whether nobody could answer: there is no Git, or no repository.
        is_detached: whether the repository answered that HEAD is a commit, and nothing is under way there.
        rebased_name: of the branch that is being rebased; Git detaches HEAD for that.
    """

    name: str | None
    why: str = ""
    is_absent: bool = False
    is_detached: bool = False
    rebased_name: str = ""

    @property
    def branch_name(self) -> str:
        """The branch that somebody works on here, also while it is being rebased; "" if there is none."""
        return self.name or self.rebased_name


def read_head(project: Path) -> HeadAnswer:
    """The branch that HEAD points at, else why there is none."""
    answer = ask(project, "symbolic-ref", "--quiet", "HEAD")
    if answer.status == 0 and answer.output.startswith("refs/heads/"):
        return HeadAnswer(answer.output.removeprefix("refs/heads/"))
    refusal = " ".join(answer.error.split())
    if answer.status == _GIT_MISSING:
        return HeadAnswer(None, sentences.GIT_MISSING, is_absent=True)
    # Git says the same of a repository that it cannot read, such as one whose HEAD is broken.
    if "not a git repository (or any" in refusal and not _has_repository(project):
        return HeadAnswer(None, sentences.NOT_A_REPOSITORY.format(project=project), is_absent=True)
    if "dubious ownership" in refusal:
        return HeadAnswer(None, sentences.DUBIOUS_OWNERSHIP.format(project=project, error=refusal))
    if refusal:
        return HeadAnswer(None, sentences.GIT_REFUSES.format(project=project, error=refusal))
    return _without_branch(project, answer.output)


def has_branch(project: Path, name: str) -> bool:
    """Whether there is a branch of this name in the repository."""
    return ask(project, "show-ref", "--verify", "--quiet", f"refs/heads/{name}").status == 0


def former_names(project: Path, name: str) -> list[str]:
    """What a branch was called before `git branch -m`, by its reflog, the last name first.

    A name that another branch has by now is left out: what was saved under it is that one's.
    """
    answer = ask(project, "reflog", "show", "--format=%gs", f"refs/heads/{name}", "--")
    renamed = re.findall(r"^Branch: renamed refs/heads/(.+) to refs/heads/.+$", answer.output, re.MULTILINE)
    names = []
    for former_name in dict.fromkeys(renamed):
        if former_name != name and not has_branch(project, former_name):
            names.append(former_name)
    return names


def _has_repository(project: Path) -> bool:
    """Whether there is something at the place of a repository, in the project's folder or around it."""
    return any(os.path.lexists(folder / ".git") for folder in (project, *project.parents))


def _without_branch(project: Path, target: str) -> HeadAnswer:
    """Why HEAD is on no branch: somebody detached it, or a rebase has stopped."""
    places = ask(project, "rev-parse", "--git-path", "rebase-merge/head-name", "--git-path", "rebase-apply/head-name")
    for place in places.output.splitlines():
        # Relative to the folder that was asked from.
        head_name = project / place
        if head_name.is_file():
            # Without the prefix it is the words `detached HEAD`.
            ref = head_name.read_text("utf-8", "surrogateescape").strip()
            _, _, name = ref.partition("refs/heads/")
            return HeadAnswer(None, sentences.REBASING.format(project=project, branch=name or ref), rebased_name=name)
    why = sentences.DETACHED.format(project=project, target=target or "a commit")
    return HeadAnswer(None, why, is_detached=True)


def read_commit(project: Path) -> str | None:
    """The commit of HEAD; None if Git does not answer."""
    answer = ask(project, "rev-parse", "HEAD")
    return answer.output if answer.status == 0 else None


def find_commit(project: Path, ref: str) -> str | None:
    """The id of the commit that a ref names; None if there is none here."""
    # No ref begins so, but options do.
    if ref.startswith("-"):
        return None
    answer = ask(project, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    return answer.output if not answer.status else None


@dataclass(frozen=True, slots=True)
class Checkout:
    """What records say about the code. What Git does not answer is None.

    Attributes:
        commit: HEAD's commit; None too if the branch has none yet.
        dirty: whether a tracked file differs from the commit. Files that Git does not track do not count, as in
            `git describe --dirty`: a project's data folder may be full of them.
        upstream: the branch's upstream, such as `origin/feature/x`, also when it is gone.
        remote: the upstream's remote, by its URL in the form of `project`.
        project: the remote's URL in a form that is the same for everybody, such as `github.com/org/repository`:
            of `origin`, else of the only remote.
    """

    commit: str | None = None
    dirty: bool | None = None
    upstream: str | None = None
    remote: str | None = None
    project: str | None = None


def read_checkout(project: Path) -> Checkout:
    """Read what records say about the code. It never raises: without Git all is None.

    Args:
        project: the project's path, in or below a working tree.

    Returns:
        The state at this moment. No credentials are in it: users, passwords, ports and queries of URLs are dropped.
    """
    answer = ask(project, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    if answer.status:
        return Checkout()
    lines = answer.output.splitlines()
    heads = dict(re.findall(r"^# branch\.(\w+) (.+)$", answer.output, re.MULTILINE))
    commit = heads.get("oid")
    upstream = heads.get("upstream")
    remotes = _read_remotes(project)
    return Checkout(
        commit=None if commit == "(initial)" else commit,
        dirty=any(not line.startswith("#") for line in lines),
        upstream=upstream,
        remote=remotes.url_of_branch(heads.get("head", "")) if upstream else None,
        project=remotes.project,
    )


class _Remotes(NamedTuple):
    """The normalised URLs of the remotes by their names, and the names of the remotes that branches track."""

    urls: dict[str, str | None]
    tracked: dict[str, str]

    @property
    def project(self) -> str | None:
        """The URL of `origin`, else of the only remote."""
        origin = self.urls.get("origin")
        if origin:
            return origin
        if len(self.urls) == 1:
            return next(iter(self.urls.values()))
        return None

    def url_of_branch(self, branch_name: str) -> str | None:
        """The URL of the remote that a branch tracks."""
        return self.urls.get(self.tracked.get(branch_name, ""))

    def name_of(self, url: str | None) -> str | None:
        """The name of the remote with this URL."""
        for name, remote_url in self.urls.items():
            if url and remote_url == url:
                return name
        return None


def _read_remotes(project: Path) -> _Remotes:
    # As configured, not as rewritten by this machine's url.*.insteadOf: every machine gives the same answer.
    answer = ask(project, "config", "--get-regexp", r"^(remote\..*\.url|branch\..*\.remote)$")
    pairs = re.findall(r"^remote\.(.+)\.url (.+)$", answer.output, re.MULTILINE)
    first_urls = dict(reversed(pairs))  # of several URLs of one remote, the first is the one that is fetched
    tracked = re.findall(r"^branch\.(.+)\.remote (.+)$", answer.output, re.MULTILINE)
    return _Remotes({name: normalise_url(url) for name, url in first_urls.items()}, dict(tracked))


# --- What commands ask ------------------------------------------------------------------------------------------------


HERE = "here"
ON_THE_REMOTE = "on the remote"
GONE = "gone"
NO_SUCH_BRANCH = "no such branch"
OF_A_FORK = "a fork's"
UNKNOWN = "unknown"


@redacted_repr
class GitWord(NamedTuple):
    """Git's word on a branch: one of those above; and why it is unknown."""

    word: str
    why: str = ""


@redacted_repr
@dataclass(frozen=True, slots=True)
class Heads:
    """The branches that exist, as Git knows them at one moment.

    Attributes:
        local_names: those in this repository, and those that it remembers of remotes other than the one asked.
        remote_names: those on the remote that was asked; None if it gave no answer.
        default: the branch that the remote's HEAD is; None if it did not say.
        why: if there was no answer, the reason.
    """

    local_names: frozenset[str]
    remote_names: frozenset[str] | None
    default: str | None = None
    why: str = ""

    def word_on(self, name: str, upstream: str | None, mains: frozenset[str]) -> GitWord:
        """Git's word on a branch.

        Gone is only what had an upstream of its own name and is neither in this repository nor on the remote, if that
        answered and has main. What never had one is not gone: Git has no such branch (it was renamed, mistyped, or
        never pushed). Merged is not gone either.
        """
        if name in self.local_names:
            return GitWord(HERE)
        # Git allows no colon in a name: the number of a request stands after it.
        if ":" in name:
            return GitWord(OF_A_FORK)
        if self.remote_names is None:
            return GitWord(UNKNOWN, self.why)
        if name in self.remote_names:
            return GitWord(ON_THE_REMOTE)
        if was_pushed(name, upstream):
            return GitWord(GONE) if mains & self.remote_names else GitWord(UNKNOWN, sentences.MAIN_NOT_LISTED)
        return GitWord(NO_SUCH_BRANCH)


def was_pushed(name: str, upstream: str | None) -> bool:
    """Whether a branch had an upstream of its own name: what begins from `origin/main` has that until it is pushed."""
    _, _, upstream_name = (upstream or "").partition("/")
    return upstream_name == name


def _names_here(refs: Iterable[str], remotes: _Remotes, asked_name: str | None) -> frozenset[str]:
    """The branches that a clone has, and those that it remembers of remotes.

    Args:
        refs: all that it has.
        remotes: its own.
        asked_name: of the remote that is asked itself: a clone that was not pruned remembers too much of it.
    """
    names = set()
    for ref in refs:
        if ref.startswith("refs/heads/"):
            names.add(ref.removeprefix("refs/heads/"))
            continue
        place = ref.removeprefix("refs/remotes/")
        # A remote's name may have slashes; of one that is configured no more nobody knows where it ends.
        owners = [name for name in remotes.urls if place.startswith(f"{name}/")]
        if asked_name in owners:
            owners.remove(asked_name)
            if not owners:
                continue
        for owner in owners or _starts_of(place):
            names.add(place.removeprefix(f"{owner}/"))
    return frozenset(names)


def _starts_of(path: str) -> list[str]:
    """Each text before a slash of a path."""
    parts = path.split("/")
    return ["/".join(parts[:number]) for number in range(1, len(parts))]


def read_heads(project: Path, remote: str | None) -> Heads:
    """Ask Git, and the remote with this URL, for the branches that exist. It never raises.

    Args:
        project: the project's path.
        remote: a URL in the form of `Checkout.project`; None asks no remote.
    """
    answer = _ask_by_gitpython(project, "for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes")
    remotes = _read_remotes(project)
    name = remotes.name_of(remote)
    local_names = _names_here(answer.output.splitlines(), remotes, name)
    # A branch without a commit has no ref.
    unborn_name = read_head(project).name
    if unborn_name:
        local_names |= {unborn_name}
    if answer.status:
        return Heads(local_names, None, why=sentences.BRANCHES_UNKNOWN)
    # There is no other place where a branch could be.
    if not remotes.urls:
        return Heads(local_names, frozenset())
    if name is None:
        return Heads(local_names, None, why=sentences.NO_SUCH_REMOTE)
    listing = _ask_by_gitpython(project, "ls-remote", "--symref", name, "HEAD", "refs/heads/*")
    if listing.status:
        refusal = " ".join(listing.error.split())
        return Heads(local_names, None, why=errors.sentence(sentences.REMOTE_SILENT, remote=name, error=refusal))
    default = re.search(r"^ref: refs/heads/(.+)\tHEAD$", listing.output, re.MULTILINE)
    remote_names = re.findall(r"^[0-9a-f]+\trefs/heads/(.+)$", listing.output, re.MULTILINE)
    return Heads(local_names, frozenset(remote_names), default[1] if default else None)
