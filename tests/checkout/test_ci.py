"""What CI systems tell of the branch, with the variables that each really sets. HEAD is not on a branch here."""

from __future__ import annotations

import doctest
import json
import os
from typing import TYPE_CHECKING

import pytest

from steel_toes.checkout import ci
from steel_toes.checkout.ci import SYSTEMS
from steel_toes.checkout.find import find_branch
from steel_toes.naming.branch import Branch
from support.git import git, stop_rebase

if TYPE_CHECKING:
    from pathlib import Path

GITHUB = {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "org/repo"}
GITLAB = {"GITLAB_CI": "true", "CI": "true", "CI_PROJECT_PATH": "org/repo", "CI_COMMIT_REF_SLUG": "slug"}
AZURE = {"TF_BUILD": "True", "SYSTEM_PULLREQUEST_ISFORK": "False"}
JENKINS = {"JENKINS_URL": "https://ci/", "GIT_URL": "https://host/org/repo.git"}
CIRCLE = {"CIRCLECI": "true", "CI": "true"}
BITBUCKET = {"BITBUCKET_BUILD_NUMBER": "5", "CI": "true"}
TRAVIS = {"TRAVIS": "true", "TRAVIS_REPO_SLUG": "org/repo", "TRAVIS_PULL_REQUEST": "false", "TRAVIS_TAG": ""}
BUILDKITE = {"BUILDKITE": "true", "BUILDKITE_REPO": "git@host:org/repo.git", "BUILDKITE_PULL_REQUEST": "false"}
DRONE = {"DRONE": "true", "CI": "true"}
WOODPECKER = {"CI": "woodpecker", "CI_REPO": "org/repo"}
CODEFRESH = {"CF_BUILD_ID": "1", "CI": "true"}

BRANCHES = {
    "GitHub": GITHUB | {"GITHUB_REF": "refs/heads/feature/x", "GITHUB_REF_NAME": "feature/x", "GITHUB_HEAD_REF": ""},
    "GitLab": GITLAB | {"CI_COMMIT_BRANCH": "feature/x", "CI_PIPELINE_SOURCE": "push"},
    "Azure": AZURE | {"BUILD_SOURCEBRANCH": "refs/heads/feature/x", "BUILD_SOURCEBRANCHNAME": "x"},
    "Azure, short": AZURE | {"BUILD_SOURCEBRANCH": "feature/x", "BUILD_REASON": "Manual"},
    "Jenkins multibranch": JENKINS | {"BRANCH_NAME": "feature/x", "GIT_BRANCH": "other"},
    "Jenkins, local branch": JENKINS | {"GIT_LOCAL_BRANCH": "feature/x", "GIT_BRANCH": "origin/other"},
    "Jenkins freestyle": JENKINS | {"GIT_BRANCH": "origin/feature/x"},
    "CircleCI": CIRCLE | {"CIRCLE_BRANCH": "feature/x"},
    "Bitbucket": BITBUCKET | {"BITBUCKET_BRANCH": "feature/x"},
    "Travis": TRAVIS | {"TRAVIS_BRANCH": "feature/x", "TRAVIS_EVENT_TYPE": "push", "TRAVIS_PULL_REQUEST_BRANCH": ""},
    "Buildkite": BUILDKITE | {"BUILDKITE_BRANCH": "feature/x", "BUILDKITE_TAG": ""},
    "Drone": DRONE | {"DRONE_BRANCH": "feature/x", "DRONE_SOURCE_BRANCH": "feature/x", "DRONE_BUILD_EVENT": "push"},
    "Woodpecker": WOODPECKER | {"CI_COMMIT_BRANCH": "feature/x", "CI_PIPELINE_EVENT": "push"},
    "Codefresh": CODEFRESH | {"CF_BRANCH": "feature/x"},
}

TAGS = {
    "GitHub": GITHUB | {"GITHUB_REF": "refs/tags/main", "GITHUB_REF_NAME": "main"},
    "GitLab": GITLAB | {"CI_COMMIT_TAG": "main", "CI_COMMIT_REF_NAME": "main"},
    "Azure": AZURE | {"BUILD_SOURCEBRANCH": "refs/tags/main", "BUILD_SOURCEBRANCHNAME": "main"},
    "Jenkins": JENKINS | {"TAG_NAME": "main", "BRANCH_NAME": "main"},
    "CircleCI": CIRCLE | {"CIRCLE_TAG": "main"},
    "Bitbucket": BITBUCKET | {"BITBUCKET_TAG": "main"},
    "Travis": TRAVIS | {"TRAVIS_TAG": "main", "TRAVIS_BRANCH": "main"},
    "Buildkite": BUILDKITE | {"BUILDKITE_TAG": "main", "BUILDKITE_BRANCH": "main"},
    "Drone": DRONE | {"DRONE_TAG": "main", "DRONE_BRANCH": "main", "DRONE_BUILD_EVENT": "tag"},
    "Woodpecker": WOODPECKER | {"CI_COMMIT_TAG": "main", "CI_COMMIT_BRANCH": "main", "CI_PIPELINE_EVENT": "tag"},
    "Codefresh": CODEFRESH | {"CF_BRANCH": "main", "CF_BASE_BRANCH": "main"},
}

GITLAB_MR = GITLAB | {
    "CI_PIPELINE_SOURCE": "merge_request_event",
    "CI_MERGE_REQUEST_IID": "26",
    "CI_MERGE_REQUEST_PROJECT_PATH": "org/repo",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "org/repo",
    "CI_COMMIT_REF_NAME": "feature/x",
}
GITLAB_EXTERNAL = GITLAB | {
    "CI_PIPELINE_SOURCE": "external_pull_request_event",
    "CI_EXTERNAL_PULL_REQUEST_IID": "26",
    "CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY": "org/repo",
    "CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY": "org/repo",
}
AZURE_REPOS = AZURE | {
    "BUILD_REASON": "PullRequest",
    "BUILD_SOURCEBRANCH": "refs/pull/26/merge",
    "BUILD_SOURCEBRANCHNAME": "merge",
    "SYSTEM_PULLREQUEST_PULLREQUESTID": "26",
    "SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main",
}
AZURE_GITHUB = AZURE_REPOS | {"SYSTEM_PULLREQUEST_PULLREQUESTNUMBER": "26", "SYSTEM_PULLREQUEST_PULLREQUESTID": "99887"}
JENKINS_PR = JENKINS | {"CHANGE_ID": "26", "BRANCH_NAME": "PR-26", "CHANGE_TARGET": "main"}
JENKINS_GHPRB = JENKINS | {
    "ghprbPullId": "26",
    "ghprbTargetBranch": "main",
    "ghprbAuthorRepoGitUrl": "git@host:org/repo.git",
    "GIT_BRANCH": "origin/main",
}
JENKINS_GITLAB = JENKINS | {
    "gitlabMergeRequestIid": "26",
    "gitlabMergeRequestId": "99887",
    "gitlabTargetBranch": "main",
    "gitlabSourceRepoHttpUrl": "https://host/org/repo.git",
    "gitlabTargetRepoHttpUrl": "https://host/org/repo.git",
    "GIT_BRANCH": "origin/main",
}
CIRCLE_PR = CIRCLE | {"CIRCLE_PULL_REQUEST": "https://github.com/org/repo/pull/26"}
BITBUCKET_PR = BITBUCKET | {"BITBUCKET_PR_ID": "26", "BITBUCKET_PR_DESTINATION_BRANCH": "main"}
TRAVIS_PR = TRAVIS | {
    "TRAVIS_EVENT_TYPE": "pull_request",
    "TRAVIS_PULL_REQUEST": "26",
    "TRAVIS_PULL_REQUEST_SLUG": "org/repo",
    "TRAVIS_BRANCH": "main",
}
BUILDKITE_PR = BUILDKITE | {
    "BUILDKITE_PULL_REQUEST": "26",
    "BUILDKITE_PULL_REQUEST_REPO": "https://host/org/repo.git",
    "BUILDKITE_PULL_REQUEST_BASE_BRANCH": "main",
}
DRONE_PR = DRONE | {"DRONE_BUILD_EVENT": "pull_request", "DRONE_PULL_REQUEST": "26", "DRONE_BRANCH": "main"}
WOODPECKER_PR = WOODPECKER | {
    "CI_PIPELINE_EVENT": "pull_request",
    "CI_COMMIT_PULL_REQUEST": "26",
    "CI_COMMIT_BRANCH": "main",
    "CI_COMMIT_TARGET_BRANCH": "main",
}
CODEFRESH_PR = CODEFRESH | {
    "CF_PULL_REQUEST_NUMBER": "26",
    "CF_PULL_REQUEST_ID": "99887",
    "CF_PULL_REQUEST_TARGET": "main",
    "CF_PULL_REQUEST_IS_FORK": "false",
}

# A request within one repository, and the variable that names its source.
REQUESTS = {
    "GitLab": (GITLAB_MR, "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"),
    "GitLab, external": (GITLAB_EXTERNAL, "CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME"),
    "Azure Repos": (AZURE_REPOS, "SYSTEM_PULLREQUEST_SOURCEBRANCH"),
    "Azure with GitHub": (AZURE_GITHUB, "SYSTEM_PULLREQUEST_SOURCEBRANCH"),
    "Jenkins multibranch": (JENKINS_PR, "CHANGE_BRANCH"),
    "Jenkins ghprb": (JENKINS_GHPRB, "ghprbSourceBranch"),
    "Jenkins gitlab": (JENKINS_GITLAB, "gitlabSourceBranch"),
    "CircleCI": (CIRCLE_PR, "CIRCLE_BRANCH"),
    "Bitbucket": (BITBUCKET_PR, "BITBUCKET_BRANCH"),
    "Travis": (TRAVIS_PR, "TRAVIS_PULL_REQUEST_BRANCH"),
    "Buildkite": (BUILDKITE_PR, "BUILDKITE_BRANCH"),
    "Drone": (DRONE_PR, "DRONE_SOURCE_BRANCH"),
    "Woodpecker": (WOODPECKER_PR, "CI_COMMIT_SOURCE_BRANCH"),
    "Codefresh": (CODEFRESH_PR, "CF_BRANCH"),
}
TELLS_NO_FORK = {"Drone", "Woodpecker"}

FORKS = {
    "GitLab": GITLAB_MR | {"CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "me/repo"},
    "GitLab, external": GITLAB_EXTERNAL | {"CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY": "me/repo"},
    "Azure Repos": AZURE_REPOS | {"SYSTEM_PULLREQUEST_ISFORK": "True"},
    "Azure with GitHub": AZURE_GITHUB | {"SYSTEM_PULLREQUEST_ISFORK": "True"},
    "Jenkins multibranch": JENKINS_PR | {"CHANGE_FORK": "me"},
    "Jenkins ghprb": JENKINS_GHPRB | {"ghprbAuthorRepoGitUrl": "https://host/me/repo.git"},
    "Jenkins ghprb, not told": JENKINS_GHPRB | {"GIT_URL": ""},
    "Jenkins gitlab": JENKINS_GITLAB | {"gitlabSourceRepoHttpUrl": "https://host/me/repo.git"},
    "Travis": TRAVIS_PR | {"TRAVIS_PULL_REQUEST_SLUG": "me/repo"},
    "Buildkite": BUILDKITE_PR | {"BUILDKITE_PULL_REQUEST_REPO": "https://host/me/repo.git"},
    "Codefresh": CODEFRESH_PR | {"CF_PULL_REQUEST_IS_FORK": "true"},
    "Codefresh, not told": CODEFRESH_PR | {"CF_PULL_REQUEST_IS_FORK": ""},
}


# Where each says which commit it builds.
COMMITS = {
    "GitHub": "GITHUB_SHA",
    "GitLab": "CI_COMMIT_SHA",
    "Azure": "BUILD_SOURCEVERSION",
    "Jenkins": "GIT_COMMIT",
    "CircleCI": "CIRCLE_SHA1",
    "Bitbucket": "BITBUCKET_COMMIT",
    "Travis": "TRAVIS_COMMIT",
    "Buildkite": "BUILDKITE_COMMIT",
    "Drone": "DRONE_COMMIT_SHA",
    "Woodpecker": "CI_COMMIT_SHA",
    "Codefresh": "CF_REVISION",
}


def find(tmp_path: Path, environ: dict[str, str]) -> Branch:
    """Find the branch where there is no repository."""
    return find_branch(tmp_path, environ=environ)


def of_main(case: str) -> dict[str, str]:
    """What the CI system sets in a build of main."""
    return {name: value.replace("feature/x", "main") for name, value in BRANCHES[case].items()}


@pytest.mark.parametrize("case", BRANCHES)
def test_branch(tmp_path: Path, case: str) -> None:
    """A CI system's branch is found in full, and is no main."""
    found = find(tmp_path, BRANCHES[case])
    assert (found.name, found.is_main) == ("feature/x", False)
    assert found.source.startswith(case.split(maxsplit=1)[0].rstrip(","))


@pytest.mark.parametrize("case", BRANCHES)
def test_main(tmp_path: Path, case: str) -> None:
    """Where there is no repository, there is no better word than CI's: its build of main is main."""
    assert find(tmp_path, of_main(case)).is_main


@pytest.mark.parametrize("case", TAGS)
def test_tag(tmp_path: Path, case: str) -> None:
    """A tag is no branch, even if it is called main."""
    found = find(tmp_path, TAGS[case])
    assert (found.name, found.is_main) == (None, False)
    assert "builds the tag main" in found.why


@pytest.mark.parametrize("case", REQUESTS)
def test_request(tmp_path: Path, case: str) -> None:
    """A request is on its source branch; where a fork cannot be told, the number joins."""
    environ, source = REQUESTS[case]
    found = find(tmp_path, environ | {source: "feature/x"})
    assert (found.name, found.is_main) == ("feature/x:26" if case in TELLS_NO_FORK else "feature/x", False)


@pytest.mark.parametrize("main", ["main", "master"])
@pytest.mark.parametrize("case", REQUESTS)
def test_request_from_main(tmp_path: Path, case: str, main: str) -> None:
    """A request whose source is named as main is, is never main: its number joins the name."""
    environ, source = REQUESTS[case]
    found = find(tmp_path, environ | {source: main})
    assert (found.name, found.is_main) == (f"{main}:26", False)


@pytest.mark.parametrize("case", REQUESTS)
def test_request_of_another_main(tmp_path: Path, case: str) -> None:
    """Which name is main's is what the settings say."""
    environ, source = REQUESTS[case]
    found = find(tmp_path, environ | {source: "trunk", "STEEL_TOES_MAIN": "trunk"})
    assert (found.name, found.is_main) == ("trunk:26", False)


@pytest.mark.parametrize("case", FORKS)
def test_fork(tmp_path: Path, case: str) -> None:
    """A fork's request, or one that may be a fork's, is another branch than the one of the same name here."""
    source = REQUESTS[case.removesuffix(", not told")][1]
    found = find(tmp_path, FORKS[case] | {source: "feature/x"})
    assert (found.name, found.is_main) == ("feature/x:26", False)


@pytest.mark.parametrize("case", REQUESTS)
def test_request_without_source(tmp_path: Path, case: str) -> None:
    """A request without a source is unknown: never main, never its target."""
    found = find(tmp_path, REQUESTS[case][0])
    assert not found.is_known
    assert "does not say the source branch" in found.why


def test_circleci_fork(tmp_path: Path) -> None:
    """CircleCI names a fork's branch after the request."""
    environ = CIRCLE_PR | {"CIRCLE_PR_NUMBER": "26", "CIRCLE_PR_REPONAME": "repo", "CIRCLE_BRANCH": "pull/26"}
    assert find(tmp_path, environ).name == "pull/26:26"


def test_jenkins_without_branch(tmp_path: Path) -> None:
    """Jenkins' `detached` is no branch, and only `origin/` is known to be a remote."""
    assert not find(tmp_path, JENKINS | {"GIT_BRANCH": "detached"}).is_known
    assert find(tmp_path, JENKINS | {"GIT_BRANCH": "feature/main"}).name == "feature/main"


def test_no_branch(tmp_path: Path) -> None:
    """Where the CI system names nothing, the reason says so beside Git's own."""
    assert find(tmp_path, BITBUCKET).why.endswith(", and Bitbucket Pipelines names no branch.")


class TestInDoubt:
    """CI's word that this is main counts only with evidence: HEAD is the commit that it builds, and Git says so."""

    @pytest.fixture
    def head(self, project: Path) -> str:
        """The commit of HEAD, which CI has detached."""
        git(project, "switch", "-q", "--detach", "main")
        return git(project, "rev-parse", "HEAD")

    @pytest.mark.parametrize("case", BRANCHES)
    def test_evidence(self, project: Path, head: str, case: str) -> None:
        """Main is main where each system builds the commit that HEAD is."""
        variable = COMMITS[case.split(maxsplit=1)[0].rstrip(",")]
        found = find_branch(project, environ=of_main(case) | {variable: head})
        assert (found.name, found.is_main) == ("main", True)

    @pytest.mark.parametrize("case", BRANCHES)
    def test_another_commit(self, project: Path, head: str, case: str) -> None:
        """Of another commit than HEAD's it is unknown.

        A job of GitHub's `workflow_run` or `issue_comment` runs on main, and may check out a request's commit: its code
        must not write main's data.
        """
        variable = COMMITS[case.split(maxsplit=1)[0].rstrip(",")]
        found = find_branch(project, environ=of_main(case) | {variable: "0" * 40})
        assert (found.name, found.is_main) == (None, False)
        assert "builds main at 00000000, but HEAD is at" in found.why
        assert found.why.endswith("which may be a request's.")

    @pytest.mark.parametrize("value", ["", "HEAD", "abcdef1"])
    @pytest.mark.parametrize("case", BRANCHES)
    def test_no_commit(self, project: Path, head: str, case: str, value: str) -> None:
        """A build that gives no commit, or none in full, is unknown, and says so; another system's commit is none."""
        variable = COMMITS[case.split(maxsplit=1)[0].rstrip(",")]
        other = "BITBUCKET_COMMIT" if case != "Bitbucket" else "GITHUB_SHA"
        found = find_branch(project, environ=of_main(case) | {variable: value, other: head})
        assert not found.is_known
        assert found.why.endswith("but does not say at which commit, so nothing proves that HEAD is there.")

    def test_branch_without_evidence(self, project: Path, head: str) -> None:
        """A branch needs none: only main can be written by mistake."""
        assert find_branch(project, environ=BRANCHES["GitLab"]).name == "feature/x"

    @pytest.mark.parametrize("content", ["gitdir: /nowhere", ""])
    def test_broken_repository(self, tmp_path: Path, content: str) -> None:
        """A `.git` that leads nowhere is a repository that refuses, so that main is unknown, and a branch is not."""
        (tmp_path / ".git").write_text(content)
        found = find_branch(tmp_path / "project", environ=of_main("GitLab") | {"CI_COMMIT_SHA": "0" * 40})
        assert not found.is_known
        assert "so nothing proves that this is main, as GitLab CI says" in found.why
        assert find_branch(tmp_path, environ=BRANCHES["GitLab"]).name == "feature/x"

    @pytest.mark.parametrize("content", ["", "broken", "ref: refs/heads/"])
    def test_broken_head(self, project: Path, head: str, content: str) -> None:
        """Of a broken HEAD Git says that there is no repository, which is not so: main is unknown."""
        (project / ".git" / "HEAD").write_text(content)
        (project / "below").mkdir()
        for folder in (project, project / "below"):
            found = find_branch(folder, environ=of_main("GitLab") | {"CI_COMMIT_SHA": head})
            assert not found.is_known
            assert "Git cannot tell the branch of" in found.why

    @pytest.mark.parametrize("content", ["1" * 40, "ref: refs/remotes/origin/main"])
    def test_no_such_commit(self, project: Path, head: str, content: str) -> None:
        """A HEAD whose commit is not there proves nothing."""
        (project / ".git" / "HEAD").write_text(f"{content}\n")
        assert not find_branch(project, environ=of_main("GitLab") | {"CI_COMMIT_SHA": head}).is_known

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a folder away")
    def test_dubious_ownership(self, project: Path, head: str) -> None:
        """Another user's repository, as in the containers of a CI, is unknown, and the cure is said."""
        for path in [project, *project.rglob("*")]:
            os.chown(path, 12345, 12345)
        environ = of_main("GitHub") | {"GITHUB_SHA": head}
        found = find_branch(project, environ=environ)
        assert not found.is_known
        assert f"git config --global --add safe.directory {project}" in found.why
        git(project, "config", "--global", "--add", "safe.directory", str(project))
        assert find_branch(project, environ=environ).is_main

    def test_no_git(self, project: Path, head: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without Git there is no better word than CI's."""
        monkeypatch.setenv("GIT_PYTHON_GIT_EXECUTABLE", "no-such-git")
        assert find_branch(project, environ=of_main("GitLab")).is_main

    def test_stopped_rebase(self, project: Path) -> None:
        """In a rebase that stopped at main's commit, with CI's variables leaked into the shell, main is unknown."""
        stop_rebase(project)
        environ = of_main("GitLab") | {"CI_COMMIT_SHA": git(project, "rev-parse", "HEAD")}
        assert git(project, "rev-parse", "main") == environ["CI_COMMIT_SHA"]
        found = find_branch(project, environ=environ)
        assert not found.is_known
        assert "since a rebase of feature/x has not finished, so nothing proves that this is main" in found.why


def test_the_language_of_the_table():
    """The examples in the module's docstring, which explain how the table is written, are true."""
    results = doctest.testmod(ci)
    assert (results.failed, results.attempted) == (0, 6)


def test_names_are_unique() -> None:
    """Each system stands in the table once."""
    assert len({system.name for system in SYSTEMS}) == len(SYSTEMS) == 12


class TestGitHub:
    """GitHub Actions, which tells a fork in a file."""

    @staticmethod
    def event(tmp_path: Path, content: object) -> dict[str, str]:
        """GitHub's event file, and the variable that leads to it."""
        path = tmp_path / "event.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return {"GITHUB_EVENT_PATH": str(path)}

    @staticmethod
    def request(source: str, repository: str | None) -> dict[str, object]:
        """The part of the event that tells of the request."""
        head = {"ref": source, "repo": repository and {"full_name": repository}}
        return {"number": 26, "pull_request": {"number": 26, "head": head, "base": {"ref": "main"}}}

    PULL = GITHUB | {
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_REF": "refs/pull/26/merge",
        "GITHUB_REF_NAME": "26/merge",
        "GITHUB_BASE_REF": "main",
    }
    TARGET = GITHUB | {
        "GITHUB_EVENT_NAME": "pull_request_target",
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_REF_NAME": "main",
        "GITHUB_BASE_REF": "main",
    }

    @pytest.mark.parametrize("environ", [PULL, TARGET], ids=["pull_request", "pull_request_target"])
    @pytest.mark.parametrize(
        ("source", "repository", "name"),
        [
            ("feature/x", "org/repo", "feature/x"),
            ("feature/x", "me/repo", "feature/x:26"),
            ("feature/x", None, "feature/x:26"),
            ("main", "org/repo", "main:26"),
            ("main", "me/repo", "main:26"),
        ],
    )
    def test_request(
        self, tmp_path: Path, environ: dict[str, str], source: str, repository: str | None, name: str
    ) -> None:
        """The event file tells a fork from a branch of the repository; a deleted fork is a fork."""
        event = self.event(tmp_path, self.request(source, repository))
        found = find(tmp_path, environ | event | {"GITHUB_HEAD_REF": source})
        assert (found.name, found.source, found.is_main) == (name, "GitHub Actions", False)

    @pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", '{"pull_request": {"head": 1, "number": 26}}'])
    def test_garbled_event(self, tmp_path: Path, content: str) -> None:
        """Without a readable event a fork cannot be told, so the number joins; without the number it is unknown."""
        event = self.event(tmp_path, content) | {"GITHUB_HEAD_REF": "feature/x"}
        assert find(tmp_path, self.PULL | event).name == "feature/x:26"
        assert find(tmp_path, self.TARGET | event).why == (
            "GitHub Actions builds a pull or merge request, but does not say the number of it."
        )

    def test_no_event(self, tmp_path: Path) -> None:
        """A missing event file is as a garbled one."""
        environ = self.PULL | {"GITHUB_HEAD_REF": "main", "GITHUB_EVENT_PATH": str(tmp_path / "none.json")}
        assert find(tmp_path, environ).name == "main:26"

    def test_review(self, tmp_path: Path) -> None:
        """An event about a request, for which GITHUB_HEAD_REF is empty, takes its source from the event file."""
        environ = self.PULL | {"GITHUB_EVENT_NAME": "pull_request_review", "GITHUB_HEAD_REF": ""}
        event = self.event(tmp_path, self.request("feature/x", "org/repo"))
        assert find(tmp_path, environ | event).name == "feature/x"
        assert not find(tmp_path, environ).is_known


class TestTeamCity:
    """TeamCity, which tells its branch in files."""

    @staticmethod
    def find(tmp_path: Path, *parameters: str) -> Branch:
        """TeamCity's two files of Java properties: the build's names the configuration's."""
        config = tmp_path / "config file.properties"
        config.write_text("\n".join(["#Mon", "other=1", *parameters]) + "\n", "latin-1")
        build = tmp_path / "build.properties"
        escaped = str(config).replace(" ", "\\ ").replace(":", "\\:")
        build.write_text(f"#TeamCity\nteamcity.configuration.properties.file={escaped}\n")
        environ = {"TEAMCITY_VERSION": "2025.11", "TEAMCITY_BUILD_PROPERTIES_FILE": str(build)}
        return find(tmp_path, environ)

    @pytest.mark.parametrize(
        ("parameters", "name"),
        [
            (["teamcity.build.branch=feature/x"], "feature/x"),
            (["teamcity.build.branch=refs/heads/feature/x"], "feature/x"),
            (["teamcity.build.branch=f\\u00e9\\#1"], "fé#1"),
            (["teamcity.build.branch=main"], "main"),
            (["teamcity.build.branch=<default>"], None),
            (["teamcity.build.branch=refs/tags/main"], None),
            ([], None),
        ],
    )
    def test_branch(self, tmp_path: Path, parameters: list[str], name: str | None) -> None:
        """The branch is the parameter teamcity.build.branch; a tag or an unnamed default is none."""
        found = self.find(tmp_path, *parameters)
        assert (found.name, found.is_main) == (name, name == "main")

    @pytest.mark.parametrize(
        ("parameters", "name"),
        [
            (["teamcity.build.branch=pull/26", "teamcity.pullRequest.source.branch=feature/x"], "feature/x"),
            (["teamcity.build.branch=pull/26", "teamcity.pullRequest.source.branch=refs/heads/main"], "main:26"),
            (["teamcity.build.branch=pull/26"], "pull/26:26"),
            (
                ["teamcity.build.branch=merge-requests/26", "teamcity.pullRequest.target.branch=main"],
                "merge-requests/26:26",
            ),
        ],
    )
    def test_request(self, tmp_path: Path, parameters: list[str], name: str) -> None:
        """The source is named only within one repository; a fork's request has TeamCity's name."""
        for number in ([], ["teamcity.pullRequest.number=26"]):
            found = self.find(tmp_path, *number, *parameters)
            assert (found.name, found.is_main) == (name, False)

    @pytest.mark.parametrize("where", ["build.vcs.number", "BUILD_VCS_NUMBER"])
    def test_commit(self, project: Path, tmp_path: Path, where: str) -> None:
        """The commit is the property build.vcs.number, or its variable; of several VCS roots there is none."""
        git(project, "switch", "-q", "--detach", "main")
        commit = git(project, "rev-parse", "HEAD")
        properties = tmp_path / "build.properties"
        environ = {"TEAMCITY_VERSION": "2025.11", "TEAMCITY_BUILD_PROPERTIES_FILE": str(properties)}
        for name, known in ((where, True), (f"{where}.Root", False)):
            lines = ["teamcity.build.branch=main", f"{name}={commit}"]
            properties.write_text("\n".join([*lines, ""]), "latin-1")
            more = {name: commit} if name.isupper() else {}
            assert find_branch(project, environ=environ | more).is_main is known

    def test_no_files(self, tmp_path: Path) -> None:
        """Without its files TeamCity names nothing."""
        assert not find(tmp_path, {"TEAMCITY_VERSION": "1", "TEAMCITY_BUILD_PROPERTIES_FILE": "/none"}).is_known
