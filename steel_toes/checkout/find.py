"""Which branch is it? A branch's name, its slug, whether it is main, and how it was found.

Six sources are asked in order, and the first that answers wins: the argument, the environment variable, a CI system's
pull or merge request, Git, a CI system's branch. What the CI systems set is data: the table `SYSTEMS`.

Everything about names is pure and needs only the standard library. GitPython is imported when Git is asked, not before:
without a `git` command its import fails, and that is one of the reasons that a branch is unknown.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from steel_toes.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

_STEM = 40  # characters of a slug before its digest
_GIT_MISSING = 127  # the shell's own status for a command that is not there


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch, and how it was found.

    Attributes:
        name: the full name; None if the branch is unknown.
        source: what told the name, for people; "" if unknown.
        is_main: whether everybody reads this branch's data.
        why: if unknown, one sentence with the reason.
        tried: what was asked before and did not answer, in order.
    """

    name: str | None
    source: str
    is_main: bool = False
    why: str = ""
    tried: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether anything told the branch's name."""
        return self.name is not None

    @property
    def slug(self) -> str:
        """The name made safe for paths; "" for the unknown branch, which has no path."""
        return "" if self.name is None else make_slug(self.name)


def make_slug(name: str) -> str:
    """Make a branch name safe for paths and bucket names.

    A slug is of `[a-z0-9-]`, begins and ends with a letter or digit and never contains `--`, which separates it from
    what stands before it. A name that is not already so, or is longer than 40 characters, or could be taken for a slug
    with a digest, gets eight hex digits of its SHA-256: names that differ, if only in case, keep slugs that differ.

    Args:
        name: a branch's full name, not empty.

    Returns:
        At most 49 characters. 32 bits are no proof: records compare the full name.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_STEM].rstrip("-") or "branch"
    if stem == name and not re.fullmatch(r".+-[0-9a-f]{8}", name):
        return stem
    # Git's names are bytes: one that is not UTF-8 arrives with surrogates in it.
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{stem}-{digest[:8]}"


def is_enabled(environ: Mapping[str, str]) -> bool:
    """Whether steel_toes is switched on: `STEEL_TOES_ENABLED`, on if it is unset or blank.

    Raises:
        ConfigurationError: the value is neither true nor false.
    """
    value = environ.get("STEEL_TOES_ENABLED", "").strip()
    if value.lower() in {"", "true", "1", "yes", "on"}:
        return True
    if value.lower() in {"false", "0", "no", "off"}:
        return False
    remedy = "Set it to true, 1, yes or on, or to false, 0, no or off."
    raise ConfigurationError(
        setting="STEEL_TOES_ENABLED", value=value, why="It is neither true nor false.", remedy=remedy
    )


def main_names(main: str | None, environ: Mapping[str, str]) -> frozenset[str]:
    """The names of the branch whose data everybody reads.

    Args:
        main: `SteelToes(main=...)`, which wins over `STEEL_TOES_MAIN`.
        environ: the environment variables.

    Returns:
        The one name that is set, else both `main` and `master`: then neither is ever a branch.

    Raises:
        ConfigurationError: `main` is blank, or the name is not a branch's.
    """
    name = _given("SteelToes(main)", main) or _variable("STEEL_TOES_MAIN", environ)
    return frozenset({name}) if name else frozenset({"main", "master"})


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
    if name := _given("SteelToes(branch)", branch):
        return Branch(name, "SteelToes(branch=...)", name in mains)
    tried: tuple[str, ...] = ("SteelToes(branch=...) is not given",)
    if name := _variable("STEEL_TOES_BRANCH", environ):
        return Branch(name, "STEEL_TOES_BRANCH", name in mains, tried=tried)
    tried += ("STEEL_TOES_BRANCH is not set",)
    facts = {**environ, **_read_event(environ), **_read_properties(environ)}
    systems = [system for system in SYSTEMS if _first(system.seen, facts)]
    if request := _find_request(systems, facts, mains):
        return replace(request, tried=tried)
    tried += ("no CI system says that this is a pull or merge request",)
    name, why = _ask_git(project)
    if name:
        return Branch(name, "Git", name in mains, tried=tried)
    found = _find_ci_branch(systems, facts, mains, why)
    if found.is_main:
        found = _unless_elsewhere(found, _first(COMMITS, facts), project)
    return replace(found, tried=(*tried, why))


def _variable(setting: str, environ: Mapping[str, str]) -> str | None:
    return _given(setting, environ.get(setting, "").strip() or None)


def _given(setting: str, value: str | None) -> str | None:
    """A name as a person sets it, often from `$GITHUB_REF` or `git rev-parse --abbrev-ref HEAD`."""
    name = value and value.strip().removeprefix("refs/heads/")
    if value is None or (name and name != "HEAD"):
        return name
    why = "HEAD is what Git says when it is on no branch." if name else "It is blank."
    raise ConfigurationError(setting=setting, value=value, why=why, remedy="Give a branch's name, or leave it out.")


# --- What CI systems tell -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Request:
    """How a CI system tells of a pull or merge request.

    Each field is of texts with spaces between, and the first that holds counts. `VARIABLE` holds if the variable is not
    blank, `VARIABLE=pattern` if the whole value matches; what it gives is the pattern's group, else the value.

    Attributes:
        source: the branch that the request comes from.
        number: the request's number; if there is one, this build is of a request.
        own: one text that holds if the source is this repository and no fork of it. Here alone, `-VARIABLE` holds if it
            is blank, and `ONE==OTHER` if both name the same repository. Without a text nobody can tell.
        seen: what else says that this build is of a request.
    """

    source: str
    number: str
    own: str = ""
    seen: str = ""


@dataclass(frozen=True, slots=True)
class System:
    """A CI system. `seen` says that it runs us, `tag` that it builds a tag; texts as in `Request`."""

    name: str
    seen: str
    branch: str
    tag: str
    requests: tuple[Request, ...]


# fmt: off
SYSTEMS = (
    # https://docs.github.com/en/actions/reference/workflows-and-actions/variables (Gitea and Forgejo set the same).
    # GITHUB_REF_NAME is `26/merge` on a request. `event.*` comes from the file GITHUB_EVENT_PATH:
    # https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request
    System("GitHub Actions", "GITHUB_ACTIONS=(?i:true)", "GITHUB_REF=refs/heads/(.+)", "GITHUB_REF=refs/tags/(.+)", (
        Request("GITHUB_HEAD_REF event.head.ref", r"event.number GITHUB_REF=refs/pull/(\d+)/.*",
                "event.head.repo==GITHUB_REPOSITORY", "GITHUB_HEAD_REF GITHUB_EVENT_NAME=pull_request.*"),)),
    # https://docs.gitlab.com/ci/variables/predefined_variables/ (CI_COMMIT_REF_SLUG is lossy)
    System("GitLab CI", "GITLAB_CI", "CI_COMMIT_BRANCH", "CI_COMMIT_TAG", (
        Request("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_MERGE_REQUEST_IID",
                "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH==CI_MERGE_REQUEST_PROJECT_PATH",
                "CI_PIPELINE_SOURCE=merge_request_event"),
        Request("CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME", "CI_EXTERNAL_PULL_REQUEST_IID",
                "CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY==CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY",
                "CI_PIPELINE_SOURCE=external_pull_request_event"),)),
    # https://learn.microsoft.com/azure/devops/pipelines/build/variables (BUILD_SOURCEBRANCHNAME is the last segment
    # only; PULLREQUESTNUMBER is GitHub's number, PULLREQUESTID the number in Azure Repos)
    System("Azure Pipelines", "TF_BUILD=(?i:true)", "BUILD_SOURCEBRANCH=(?:refs/heads/)?(?!refs/)(.+)",
           "BUILD_SOURCEBRANCH=refs/tags/(.+)", (
        Request("SYSTEM_PULLREQUEST_SOURCEBRANCH=(?:refs/heads/)?(.+)",
                "SYSTEM_PULLREQUEST_PULLREQUESTNUMBER SYSTEM_PULLREQUEST_PULLREQUESTID",
                "SYSTEM_PULLREQUEST_ISFORK=(?i:false)", "BUILD_REASON=PullRequest BUILD_SOURCEBRANCH=refs/pull/.+"),)),
    # https://www.jenkins.io/doc/book/pipeline/multibranch/ and <your Jenkins>/env-vars.html (BRANCH_NAME is `PR-123` on
    # a request), https://plugins.jenkins.io/git/ (GIT_BRANCH is `origin/x`, or `detached`),
    # https://plugins.jenkins.io/ghprb/, https://plugins.jenkins.io/gitlab-plugin/
    System("Jenkins", "JENKINS_URL JENKINS_HOME",
           "BRANCH_NAME GIT_LOCAL_BRANCH GIT_BRANCH=(?:refs/heads/|origin/)?(?!refs/|detached$)(.+)", "TAG_NAME", (
        Request("CHANGE_BRANCH", "CHANGE_ID", "-CHANGE_FORK"),
        Request("ghprbSourceBranch", "ghprbPullId", "ghprbAuthorRepoGitUrl==GIT_URL"),
        Request("gitlabSourceBranch", "gitlabMergeRequestIid gitlabMergeRequestId",
                "gitlabSourceRepoHttpUrl==gitlabTargetRepoHttpUrl"),)),
    # https://circleci.com/docs/variables/ (CIRCLE_PR_NUMBER only for forks, where CIRCLE_BRANCH is `pull/610`)
    System("CircleCI", "CIRCLECI", "CIRCLE_BRANCH", "CIRCLE_TAG", (
        Request("CIRCLE_BRANCH", r"CIRCLE_PR_NUMBER CIRCLE_PULL_REQUEST=.*/(\d+)/? CIRCLE_BRANCH=pull/(\d+)",
                "-CIRCLE_PR_NUMBER", "CIRCLE_PULL_REQUEST"),)),
    # https://support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets/; a fork's request starts no pipeline:
    # https://support.atlassian.com/bitbucket-cloud/docs/pipeline-start-conditions/
    System("Bitbucket Pipelines", "BITBUCKET_BUILD_NUMBER", "BITBUCKET_BRANCH", "BITBUCKET_TAG", (
        Request("BITBUCKET_BRANCH", "BITBUCKET_PR_ID", "BITBUCKET_PR_ID"),)),
    # https://docs.travis-ci.com/user/environment-variables/ (TRAVIS_BRANCH is a request's target, and a tag's name)
    System("Travis CI", "TRAVIS", "TRAVIS_BRANCH", "TRAVIS_TAG", (
        Request("TRAVIS_PULL_REQUEST_BRANCH", r"TRAVIS_PULL_REQUEST=\d+",
                "TRAVIS_PULL_REQUEST_SLUG==TRAVIS_REPO_SLUG", "TRAVIS_EVENT_TYPE=pull_request"),)),
    # https://buildkite.com/docs/pipelines/configure/environment-variables (BUILDKITE_PULL_REQUEST is `false` without)
    System("Buildkite", "BUILDKITE", "BUILDKITE_BRANCH", "BUILDKITE_TAG", (
        Request("BUILDKITE_BRANCH", r"BUILDKITE_PULL_REQUEST=\d+", "BUILDKITE_PULL_REQUEST_REPO==BUILDKITE_REPO"),)),
    # https://docs.drone.io/pipeline/environment/reference/ (DRONE_BRANCH is a request's target; no word of forks)
    System("Drone", "DRONE", "DRONE_BRANCH", "DRONE_TAG", (
        Request("DRONE_SOURCE_BRANCH", "DRONE_PULL_REQUEST", seen="DRONE_BUILD_EVENT=pull_request"),)),
    # https://woodpecker-ci.org/docs/usage/environment (CI_COMMIT_BRANCH is a request's target; no word of forks)
    System("Woodpecker", "CI=woodpecker CI_SYSTEM_NAME=woodpecker", "CI_COMMIT_BRANCH", "CI_COMMIT_TAG", (
        Request("CI_COMMIT_SOURCE_BRANCH", "CI_COMMIT_PULL_REQUEST",
                seen="CI_PIPELINE_EVENT=pull_request.* CI_BUILD_EVENT=pull_request"),)),
    # https://www.jetbrains.com/help/teamcity/predefined-build-parameters.html: not variables but parameters, in a file.
    # https://www.jetbrains.com/help/teamcity/pull-requests.html: source.branch is provided only if the source is this
    # repository; the branch of a fork's request is `pull/26`.
    System("TeamCity", "TEAMCITY_VERSION", "teamcity.build.branch=(?:refs/heads/)?(?!refs/|<default>$)(.+)",
           "teamcity.build.branch=refs/tags/(.+)", (
        Request("teamcity.pullRequest.source.branch=(?:refs/heads/)?(.+) teamcity.build.branch",
                r"teamcity.pullRequest.number teamcity.build.branch=(?:refs/)?(?:pull|\w+-requests)/(\d+)(?:/\w+)?",
                "teamcity.pullRequest.source.branch"),)),
    # https://codefresh.io/docs/docs/pipelines/variables/ (CF_BRANCH may be a tag's name; then CF_BASE_BRANCH is set)
    System("Codefresh", "CF_BUILD_ID", "CF_BRANCH", "CF_RELEASE_TAG CF_BASE_BRANCH", (
        Request("CF_PULL_REQUEST_HEAD_BRANCH CF_BRANCH", "CF_PULL_REQUEST_NUMBER CF_PULL_REQUEST_ID",
                "CF_PULL_REQUEST_IS_FORK=(?i:false)"),)),
)
# fmt: on

# The commit that each of them builds, whole.
COMMITS = " ".join(
    rf"{variable}=([0-9a-f]{{40,64}})"
    for variable in (
        *("GITHUB_SHA", "CI_COMMIT_SHA", "BUILD_SOURCEVERSION", "GIT_COMMIT", "CIRCLE_SHA1", "BITBUCKET_COMMIT"),
        *("TRAVIS_COMMIT", "BUILDKITE_COMMIT", "DRONE_COMMIT_SHA", "CF_REVISION"),
    )
)


def _first(texts: str, facts: Mapping[str, str]) -> str:
    """What the first of the texts that holds gives, as in `Request`; "" if none holds."""
    for text in texts.split():
        variable, _, pattern = text.partition("=")
        match = re.fullmatch(pattern or ".+", facts.get(variable, "").strip())
        if match:
            return match[match.re.groups]
    return ""


def _is_own(own: str, facts: Mapping[str, str]) -> bool:
    one, equal, other = own.partition("==")
    if equal:
        repository = _normalise(facts.get(one, ""))
        return repository is not None and repository == _normalise(facts.get(other, ""))
    return not _first(own[1:], facts) if own.startswith("-") else bool(_first(own, facts))


def _find_request(systems: list[System], facts: Mapping[str, str], mains: frozenset[str]) -> Branch | None:
    for system, request in [(each, request) for each in systems for request in each.requests]:
        source, number = _first(request.source, facts), _first(request.number, facts)
        if not number and not _first(request.seen, facts):
            continue
        if source and source not in mains and _is_own(request.own, facts):
            return Branch(source, system.name)
        if source and number:
            return Branch(f"{source}:{number}", system.name)
        lacks = "the number" if source else "the source branch"
        return Branch(None, "", why=f"{system.name} builds a pull or merge request, but does not say {lacks} of it.")
    return None


def _find_ci_branch(systems: list[System], facts: Mapping[str, str], mains: frozenset[str], why: str) -> Branch:
    for system in systems:
        if tag := _first(system.tag, facts):
            return Branch(None, "", why=f"{why}, and {system.name} builds the tag {tag}.")
        if (name := _first(system.branch, facts)) not in {"", "HEAD"}:
            return Branch(name, system.name, name in mains)
    names = " and ".join(system.name for system in systems)
    return Branch(None, "", why=f"{why}, and {names} names no branch." if names else f"{why}.")


def _unless_elsewhere(main: Branch, built: str, project: Path) -> Branch:
    """Main, unless HEAD is another commit than the one that CI builds: a job of main's may check out a request's."""
    status, head, _ = _run_git(project, "rev-parse", "HEAD")
    if status or not built or head == built:
        return main
    why = f"{main.source} builds {main.name} at {built[:8]}, but HEAD is at {head[:8]}, which may be a request's."
    return Branch(None, "", why=why)


def _read_event(environ: Mapping[str, str]) -> dict[str, str]:
    """What GitHub's event file says of a request. No file, or another event: nothing, so a fork cannot be told."""
    try:
        request = json.loads(Path(environ["GITHUB_EVENT_PATH"]).read_text("utf-8"))["pull_request"]
        head, number = request["head"], str(request["number"])
        repository = (head["repo"] or {}).get("full_name", "")  # null: the fork was deleted
        return {"event.number": number, "event.head.ref": str(head["ref"]), "event.head.repo": str(repository)}
    except (AttributeError, LookupError, OSError, TypeError, ValueError):
        return {}


def _read_properties(environ: Mapping[str, str]) -> dict[str, str]:
    """TeamCity's parameters: a file of Java properties, which names another with those of the configuration."""
    found = {"teamcity.configuration.properties.file": environ.get("TEAMCITY_BUILD_PROPERTIES_FILE", "")}
    for _ in range(2):
        try:
            text = Path(found["teamcity.configuration.properties.file"]).read_text("latin-1")
        except OSError:  # not on TeamCity
            return found
        for key, value in re.findall(r"^(teamcity\.[\w.]+)=(.*)$", text, re.MULTILINE):
            found[key] = re.sub(r"\\(?:u([\da-fA-F]{4})|(.))", lambda m: chr(int(m[1], 16)) if m[1] else m[2], value)
    return found


# --- What Git tells -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Checkout:
    """What the records tell about the code. What Git does not answer is None.

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
    """Read what the records tell about the code. It never raises: without Git all is None.

    Args:
        project: the project's path, in or below a working tree.

    Returns:
        The state at this moment. No credentials are in it: users, passwords, ports and queries of URLs are dropped.
    """
    status, state, _ = _run_git(project, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    if status:
        return Checkout()
    heads = dict(re.findall(r"^# branch\.(\w+) (.+)$", state, re.MULTILINE))
    urls, tracked = _read_remotes(project)
    remote = urls.get(tracked.get(heads.get("head", ""), ""))
    return Checkout(
        commit=None if heads.get("oid") == "(initial)" else heads.get("oid"),
        dirty=any(not line.startswith("#") for line in state.splitlines()),
        upstream=heads.get("upstream"),
        remote=remote if heads.get("upstream") else None,
        project=urls.get("origin") or (next(iter(urls.values())) if len(urls) == 1 else None),
    )


def _read_remotes(project: Path) -> tuple[dict[str, str | None], dict[str, str]]:
    """The normalised URLs of the remotes by their names, and the names of the remotes that branches track."""
    # As configured, not as rewritten by this machine's url.*.insteadOf: every machine gives the same answer.
    _, lines, _ = _run_git(project, "config", "--get-regexp", r"^(remote\..*\.url|branch\..*\.remote)$")
    urls = dict(reversed(re.findall(r"^remote\.(.+)\.url (.+)$", lines, re.MULTILINE)))
    tracked = dict(re.findall(r"^branch\.(.+)\.remote (.+)$", lines, re.MULTILINE))
    return {name: _normalise(url) for name, url in urls.items()}, tracked


@dataclass(frozen=True, slots=True)
class Heads:
    """The branches that exist, as Git knows them at one moment.

    Attributes:
        here: the names in this repository, those that it remembers of remotes other than the one asked included.
        there: the names on the remote that was asked; None if it gave no answer.
        default: the branch that the remote's HEAD is; None if it did not say.
        why: if there was no answer, the reason.
    """

    here: frozenset[str]
    there: frozenset[str] | None
    default: str | None = None
    why: str = ""

    def word(self, name: str, upstream: str | None, mains: frozenset[str]) -> tuple[str, str]:
        """Git's word on a branch: here, on the remote, never pushed, gone or unknown; and why it is unknown.

        Gone is only what had an upstream of its own name and is neither in this repository nor on the remote, if that
        answered and has main. Never pushed is not gone, and merged is not either.
        """
        if name in self.here:
            return "here", ""
        # A branch that was begun from `origin/main` has that as its upstream until it is pushed.
        if (upstream or "").partition("/")[2] != name:
            return "never pushed", ""
        if self.there is None:
            return "unknown", self.why
        if name in self.there:
            return "on the remote", ""
        return ("gone", "") if mains & self.there else ("unknown", "the remote does not list main")


def read_heads(project: Path, remote: str | None) -> Heads:
    """Ask Git, and the remote with this URL, for the branches that exist. It never raises.

    Args:
        project: the project's path.
        remote: a URL in the form of `Checkout.project`; None asks no remote.
    """
    status, refs, _ = _run_git(project, "for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes")
    name = next((name for name, url in _read_remotes(project)[0].items() if url == remote and remote), None)
    # A shallow clone has few refs, and one that was not pruned has too many: of a remote, only itself is asked.
    others = rf"^refs/(?:heads|remotes/(?!{re.escape(name or '')}/)[^/]+)/(.+)$"
    here = frozenset(re.findall(others, refs, re.MULTILINE))
    if status or name is None:
        why = "Git does not know this project's branches" if status else "no remote here has the URL of its upstream"
        return Heads(here, None, why=why)
    status, answer, said = _run_git(project, "ls-remote", "--symref", name, "HEAD", "refs/heads/*", timeout=60)
    if status:
        return Heads(here, None, why=f'the remote {name} gave no answer ("{" ".join(said.split())}")')
    default = re.search(r"^ref: refs/heads/(.+)\tHEAD$", answer, re.MULTILINE)
    there = re.findall(r"^[0-9a-f]+\trefs/heads/(.+)$", answer, re.MULTILINE)
    return Heads(here, frozenset(there), default[1] if default else None)


def _normalise(url: str) -> str | None:
    """One form for the URLs of one repository: `host/path`, in lower case as most hosts see it; a local path as it is.

    Ports go too, since the same repository has another for each protocol.
    """
    match = re.fullmatch(r"[\w+.-]+://(?:[^/]*@)?(\[[^/]*\]|[^/:]*)(?::\d*)?([^?#]*).*", url.strip())
    # git@host:path. A single letter is a drive of Windows.
    match = match or re.fullmatch(r"(?:[^/]*@)?([^/:@]{2,}):(.+)", url.strip())
    host, path = match.groups() if match else ("", url.strip())
    path = path.rstrip("/").removesuffix(".git").rstrip("/")
    return f"{host}/{path.lstrip('/')}".lower() if host else path or None


def _ask_git(project: Path) -> tuple[str | None, str]:
    """The branch that HEAD points at, else why there is none."""
    status, ref, stderr = _run_git(project, "symbolic-ref", "--quiet", "HEAD")
    said = " ".join(stderr.split())
    if status == 0 and ref.startswith("refs/heads/"):
        return ref.removeprefix("refs/heads/"), ""
    if status == _GIT_MISSING:
        why = "Git is missing: there is no `git` command on the PATH"
    elif "not a git repository (or any" in said:
        why = f"{project} is not in a Git repository"
    elif "dubious ownership" in said:
        why = f'Git refuses to read {project}, since another user owns it ("{said}")'
    elif said:
        why = f'Git cannot tell the branch of {project} ("{said}")'
    else:
        why = f"HEAD of {project} is detached: it points at {ref or 'a commit'}, not at a branch"
    return None, why


def _run_git(project: Path, *arguments: str, timeout: float | None = None) -> tuple[int, str, str]:
    """Status, output and errors of a Git command. Git itself looks for the repository, so its refusals are seen."""
    try:
        import git

        executable = git.Git.GIT_PYTHON_GIT_EXECUTABLE or "git"
    except ImportError:  # what GitPython raises without a git command, unless GIT_PYTHON_REFRESH silences it
        return _GIT_MISSING, "", ""
    # `-C`, since GitPython falls back to the working directory if the project's path is not there.
    command = [executable, "--no-optional-locks", "-C", str(project), *arguments]
    try:
        here = _leave_hook(project) if os.environ.keys() & {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"} else {}
        env = {"GIT_TERMINAL_PROMPT": "0", **here}  # a remote that asks for a password gives no answer
        return git.Git().execute(
            command, with_extended_output=True, with_exceptions=False, env=env, kill_after_timeout=timeout
        )
    except (git.GitError, OSError) as error:
        missing = isinstance(error, git.GitCommandNotFound)
        return _GIT_MISSING if missing else 128, "", f"{type(error).__name__}: {error}"


def _leave_hook(project: Path) -> dict[str, str]:
    """Variables that point Git at the project's own repository.

    Git sets GIT_DIR and GIT_INDEX_FILE for its hooks, and then looks nowhere else. GitPython can set a variable for a
    command, but not remove one.
    """
    import git

    with git.Repo(project, search_parent_directories=True, expand_vars=False) as repo:
        folder, tree = Path(repo.git_dir).absolute(), Path(repo.working_tree_dir or project).absolute()
    return {"GIT_DIR": str(folder), "GIT_WORK_TREE": str(tree), "GIT_INDEX_FILE": str(folder / "index")}
