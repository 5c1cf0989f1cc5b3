"""What CI systems say of the branch: a table of the variables that each of them sets.

The table is written in a small language. A *rule* is one text or several with spaces between, and the first that holds
counts. A text is the name of a fact (an environment variable, or a value from a file that the system writes), which
holds if the fact is not blank and gives its value:

    >>> evaluate("CHANGE_BRANCH BRANCH_NAME", {"BRANCH_NAME": "fix"})
    'fix'

or `NAME=pattern`, which holds if the regular expression matches the complete value, and gives its last group, else the
value:

    >>> evaluate("GITHUB_REF=refs/heads/(.+)", {"GITHUB_REF": "refs/heads/feature/x"})
    'feature/x'
    >>> evaluate("GITHUB_REF=refs/heads/(.+)", {"GITHUB_REF": "refs/pull/26/merge"})
    ''

Whether a request comes from this repository and not from a fork is one text more, which may also be `-NAME` (holds if
the fact is blank) or `NAME==OTHER` (holds if both facts name the same repository):

    >>> is_own_request("-CHANGE_FORK", {})
    True
    >>> is_own_request("SOURCE==TARGET", {"SOURCE": "https://host/a.git", "TARGET": "git@host:a"})
    True
    >>> is_own_request("SOURCE==TARGET", {})
    False
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from steel_toes import sentences
from steel_toes.checkout.urls import normalise_url
from steel_toes.naming.branch import Branch

Facts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Request:
    """How a CI system describes a pull or merge request. All attributes are rules.

    Attributes:
        source: the branch that the request comes from.
        number: the request's number; if there is one, this build is of a request.
        own: holds if the source is this repository and no fork of it; see `is_own_request`. Without it, that is
            uncertain, and counts as a fork.
        event: what else says that this build is of a request.
    """

    source: str
    number: str
    own: str = ""
    event: str = ""


@dataclass(frozen=True, slots=True)
class System:
    """A CI system. All attributes but the name and the requests are rules.

    Attributes:
        name: for people.
        marker: holds if the system runs this process.
        branch: the branch that it builds.
        tag: the tag that it builds; then no branch is built.
        commit: the commit that it builds, in full.
        requests: the ways in which it describes a request.
    """

    name: str
    marker: str
    branch: str
    tag: str
    commit: str
    requests: tuple[Request, ...]


# fmt: off
SYSTEMS: tuple[System, ...] = (
    # https://docs.github.com/en/actions/reference/workflows-and-actions/variables (Gitea and Forgejo set the same).
    # GITHUB_REF_NAME is `26/merge` on a request. `event.*` comes from the file GITHUB_EVENT_PATH:
    # https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request
    System("GitHub Actions", "GITHUB_ACTIONS=(?i:true)", "GITHUB_REF=refs/heads/(.+)", "GITHUB_REF=refs/tags/(.+)",
           "GITHUB_SHA", (
        Request("GITHUB_HEAD_REF event.head.ref", r"event.number GITHUB_REF=refs/pull/(\d+)/.*",
                "event.head.repo==GITHUB_REPOSITORY", "GITHUB_HEAD_REF GITHUB_EVENT_NAME=pull_request.*"),)),
    # https://docs.gitlab.com/ci/variables/predefined_variables/ (CI_COMMIT_REF_SLUG is lossy)
    System("GitLab CI", "GITLAB_CI", "CI_COMMIT_BRANCH", "CI_COMMIT_TAG", "CI_COMMIT_SHA", (
        Request("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_MERGE_REQUEST_IID",
                "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH==CI_MERGE_REQUEST_PROJECT_PATH",
                "CI_PIPELINE_SOURCE=merge_request_event"),
        Request("CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME", "CI_EXTERNAL_PULL_REQUEST_IID",
                "CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY==CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY",
                "CI_PIPELINE_SOURCE=external_pull_request_event"),)),
    # https://learn.microsoft.com/azure/devops/pipelines/build/variables (BUILD_SOURCEBRANCHNAME is the last segment
    # only; PULLREQUESTNUMBER is GitHub's number, PULLREQUESTID the number in Azure Repos)
    System("Azure Pipelines", "TF_BUILD=(?i:true)", "BUILD_SOURCEBRANCH=(?:refs/heads/)?(?!refs/)(.+)",
           "BUILD_SOURCEBRANCH=refs/tags/(.+)", "BUILD_SOURCEVERSION", (
        Request("SYSTEM_PULLREQUEST_SOURCEBRANCH=(?:refs/heads/)?(.+)",
                "SYSTEM_PULLREQUEST_PULLREQUESTNUMBER SYSTEM_PULLREQUEST_PULLREQUESTID",
                "SYSTEM_PULLREQUEST_ISFORK=(?i:false)", "BUILD_REASON=PullRequest BUILD_SOURCEBRANCH=refs/pull/.+"),)),
    # https://www.jenkins.io/doc/book/pipeline/multibranch/ and <your Jenkins>/env-vars.html (BRANCH_NAME is `PR-123` on
    # a request), https://plugins.jenkins.io/git/ (GIT_BRANCH is `origin/x`, or `detached`),
    # https://plugins.jenkins.io/ghprb/, https://plugins.jenkins.io/gitlab-plugin/
    System("Jenkins", "JENKINS_URL JENKINS_HOME",
           "BRANCH_NAME GIT_LOCAL_BRANCH GIT_BRANCH=(?:refs/heads/|origin/)?(?!refs/|detached$)(.+)", "TAG_NAME",
           "GIT_COMMIT", (
        Request("CHANGE_BRANCH", "CHANGE_ID", "-CHANGE_FORK"),
        Request("ghprbSourceBranch", "ghprbPullId", "ghprbAuthorRepoGitUrl==GIT_URL"),
        Request("gitlabSourceBranch", "gitlabMergeRequestIid gitlabMergeRequestId",
                "gitlabSourceRepoHttpUrl==gitlabTargetRepoHttpUrl"),)),
    # https://circleci.com/docs/variables/ (CIRCLE_PR_NUMBER only for forks, where CIRCLE_BRANCH is `pull/610`)
    System("CircleCI", "CIRCLECI", "CIRCLE_BRANCH", "CIRCLE_TAG", "CIRCLE_SHA1", (
        Request("CIRCLE_BRANCH", r"CIRCLE_PR_NUMBER CIRCLE_PULL_REQUEST=.*/(\d+)/? CIRCLE_BRANCH=pull/(\d+)",
                "-CIRCLE_PR_NUMBER", "CIRCLE_PULL_REQUEST"),)),
    # https://support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets/; a fork's request starts no pipeline:
    # https://support.atlassian.com/bitbucket-cloud/docs/pipeline-start-conditions/
    System("Bitbucket Pipelines", "BITBUCKET_BUILD_NUMBER", "BITBUCKET_BRANCH", "BITBUCKET_TAG", "BITBUCKET_COMMIT", (
        Request("BITBUCKET_BRANCH", "BITBUCKET_PR_ID", "BITBUCKET_PR_ID"),)),
    # https://docs.travis-ci.com/user/environment-variables/ (TRAVIS_BRANCH is a request's target, and a tag's name)
    System("Travis CI", "TRAVIS", "TRAVIS_BRANCH", "TRAVIS_TAG", "TRAVIS_COMMIT", (
        Request("TRAVIS_PULL_REQUEST_BRANCH", r"TRAVIS_PULL_REQUEST=\d+",
                "TRAVIS_PULL_REQUEST_SLUG==TRAVIS_REPO_SLUG", "TRAVIS_EVENT_TYPE=pull_request"),)),
    # https://buildkite.com/docs/pipelines/configure/environment-variables (BUILDKITE_PULL_REQUEST is `false` without)
    System("Buildkite", "BUILDKITE", "BUILDKITE_BRANCH", "BUILDKITE_TAG", "BUILDKITE_COMMIT", (
        Request("BUILDKITE_BRANCH", r"BUILDKITE_PULL_REQUEST=\d+", "BUILDKITE_PULL_REQUEST_REPO==BUILDKITE_REPO"),)),
    # https://docs.drone.io/pipeline/environment/reference/ (DRONE_BRANCH is a request's target; no word of forks)
    System("Drone", "DRONE", "DRONE_BRANCH", "DRONE_TAG", "DRONE_COMMIT_SHA", (
        Request("DRONE_SOURCE_BRANCH", "DRONE_PULL_REQUEST", event="DRONE_BUILD_EVENT=pull_request"),)),
    # https://woodpecker-ci.org/docs/usage/environment (CI_COMMIT_BRANCH is a request's target; no word of forks)
    System("Woodpecker", "CI=woodpecker CI_SYSTEM_NAME=woodpecker", "CI_COMMIT_BRANCH", "CI_COMMIT_TAG",
           "CI_COMMIT_SHA", (
        Request("CI_COMMIT_SOURCE_BRANCH", "CI_COMMIT_PULL_REQUEST",
                event="CI_PIPELINE_EVENT=pull_request.* CI_BUILD_EVENT=pull_request"),)),
    # https://www.jetbrains.com/help/teamcity/predefined-build-parameters.html: not variables but parameters, in a file.
    # https://www.jetbrains.com/help/teamcity/pull-requests.html: source.branch is provided only if the source is this
    # repository; the branch of a fork's request is `pull/26`. build.vcs.number is given only if there is one VCS root.
    System("TeamCity", "TEAMCITY_VERSION", "teamcity.build.branch=(?:refs/heads/)?(?!refs/|<default>$)(.+)",
           "teamcity.build.branch=refs/tags/(.+)", "build.vcs.number BUILD_VCS_NUMBER", (
        Request("teamcity.pullRequest.source.branch=(?:refs/heads/)?(.+) teamcity.build.branch",
                r"teamcity.pullRequest.number teamcity.build.branch=(?:refs/)?(?:pull|\w+-requests)/(\d+)(?:/\w+)?",
                "teamcity.pullRequest.source.branch"),)),
    # https://codefresh.io/docs/docs/pipelines/variables/ (CF_BRANCH may be a tag's name; then CF_BASE_BRANCH is set)
    System("Codefresh", "CF_BUILD_ID", "CF_BRANCH", "CF_RELEASE_TAG CF_BASE_BRANCH", "CF_REVISION", (
        Request("CF_PULL_REQUEST_HEAD_BRANCH CF_BRANCH", "CF_PULL_REQUEST_NUMBER CF_PULL_REQUEST_ID",
                "CF_PULL_REQUEST_IS_FORK=(?i:false)"),)),
)
# fmt: on

_FULL_COMMIT = re.compile("[0-9a-f]{40,64}")


def is_a_system(source: str) -> bool:
    """Whether this is the name of a CI system, as in `Branch.source`."""
    return any(system.name == source for system in SYSTEMS)


def commit_of(source: str, facts: Facts) -> str:
    """The full commit that the system of this name builds; "" if it does not say, or says something else."""
    commits = {system.name: evaluate(system.commit, facts) for system in SYSTEMS}
    commit = commits.get(source, "")
    return commit if _FULL_COMMIT.fullmatch(commit) else ""


def evaluate(rule: str, facts: Facts) -> str:
    """What the first text of a rule that holds gives; "" if none holds."""
    for text in rule.split():
        name, _, pattern = text.partition("=")
        match = re.fullmatch(pattern or ".+", facts.get(name, "").strip())
        if match:
            return match[match.re.groups]
    return ""


def is_own_request(text: str, facts: Facts) -> bool:
    """Whether a request comes from this repository and not from a fork of it."""
    name, equal, other = text.partition("==")
    if equal:
        repository = normalise_url(facts.get(name, ""))
        return repository is not None and repository == normalise_url(facts.get(other, ""))
    if text.startswith("-"):
        return not evaluate(text[1:], facts)
    return bool(evaluate(text, facts))


def read_facts(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment variables, and what GitHub and TeamCity write into files that these name."""
    return {**environ, **_read_event(environ), **_read_properties(environ)}


def systems_of(facts: Facts) -> list[System]:
    """The CI systems that say that they run this process."""
    return [system for system in SYSTEMS if evaluate(system.marker, facts)]


def find_request(systems: list[System], facts: Facts, mains: frozenset[str]) -> Branch | None:
    """The source branch of the pull or merge request that is built; None if none is.

    It is never main: the request's number joins a name that is main's, and that of a fork's branch.
    """
    for system in systems:
        for request in system.requests:
            number = evaluate(request.number, facts)
            if number or evaluate(request.event, facts):
                return _branch_of_request(system, request, number, facts, mains)
    return None


def _branch_of_request(system: System, request: Request, number: str, facts: Facts, mains: frozenset[str]) -> Branch:
    source = evaluate(request.source, facts)
    if not source:
        why = sentences.REQUEST_WITHOUT.format(system=system.name, fact="the source branch")
        return Branch(None, "", why=why)
    if source not in mains and is_own_request(request.own, facts):
        return Branch(source, system.name)
    # A fork's branch, or one named as main is: the number tells it from this repository's branch of that name.
    if number:
        return Branch(f"{source}:{number}", system.name)
    return Branch(None, "", why=sentences.REQUEST_WITHOUT.format(system=system.name, fact="the number"))


def find_ci_branch(systems: list[System], facts: Facts, mains: frozenset[str], why: str) -> Branch:
    """The branch that a CI system says it builds.

    Args:
        systems: those that run this process.
        facts: see `read_facts`.
        mains: the names of main.
        why: the reason that Git gave for not knowing the branch.
    """
    for system in systems:
        tag = evaluate(system.tag, facts)
        if tag:
            return Branch(None, "", why=sentences.BUILDS_A_TAG.format(why=why, system=system.name, tag=tag))
        name = evaluate(system.branch, facts)
        if name not in ("", "HEAD"):
            return Branch(name, system.name, name in mains)
    if systems:
        names = " and ".join(system.name for system in systems)
        why = sentences.NAMES_NO_BRANCH.format(why=why, system=names)
        return Branch(None, "", why=why)
    return Branch(None, "", why=f"{why}.")


def _read_event(environ: Mapping[str, str]) -> dict[str, str]:
    """What GitHub's event file says of a request. Without a file, or with another event: nothing."""
    try:
        text = Path(environ["GITHUB_EVENT_PATH"]).read_text("utf-8")
        request = json.loads(text)["pull_request"]
        head = request["head"]
        repository = head["repo"] or {}  # null: the fork was deleted
        return {
            "event.number": str(request["number"]),
            "event.head.ref": str(head["ref"]),
            "event.head.repo": str(repository.get("full_name", "")),
        }
    except (AttributeError, LookupError, OSError, TypeError, ValueError):
        # Without the file, or with that of another event, a fork cannot be told from this repository.
        return {}


def _read_properties(environ: Mapping[str, str]) -> dict[str, str]:
    """TeamCity's parameters: a file of Java properties, which names another with those of the configuration."""
    configuration = "teamcity.configuration.properties.file"
    properties = {configuration: environ.get("TEAMCITY_BUILD_PROPERTIES_FILE", "")}
    for _ in range(2):
        try:
            text = Path(properties[configuration]).read_text("latin-1")
        except OSError:  # not on TeamCity
            return properties
        for key, value in re.findall(r"^((?:teamcity|build)\.[\w.]+)=(.*)$", text, re.MULTILINE):
            properties[key] = re.sub(r"\\(?:u([\da-fA-F]{4})|(.))", _unescaped, value)
    return properties


def _unescaped(match: re.Match[str]) -> str:
    """The character that an escape of a Java properties file stands for: four hex digits, or any other as it is."""
    if match[1]:
        return chr(int(match[1], 16))
    return match[2]
