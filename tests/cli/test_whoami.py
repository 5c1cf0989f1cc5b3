"""`whoami`: which branch it is, how that was decided, and what a container needs to know of it."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from steel_toes import ConfigurationError
from support.git import git
from support.studio import Studio, files
from support.team import SLUG


class TestWhoami:
    """The branch, and how that was decided."""

    @pytest.mark.contract
    def test_facts(self, studio: Studio) -> None:
        """These are the facts, and Git told the branch after three others had not."""
        facts = studio.json("whoami")
        keys = ["branch", "slug", "from", "why", "tried", "is_main", "main", "project", "enabled"]
        assert list(facts) == [
            *keys,
            "main_from",
            "project_from",
            "layout",
            "copies",
            "roots",
            "why_no_roots",
            "read_only",
        ]
        tried = facts.pop("tried")
        assert [any(word in line for line in tried) for word in ("SteelToes(branch", "STEEL_TOES_BRANCH", "CI")] == [
            True
        ] * 3
        assert facts == {
            "branch": "feature/x",
            "slug": SLUG,
            "from": "Git",
            "why": "",
            "is_main": False,
            "main": ["main", "master"],
            "project": None,
            "enabled": True,
            "main_from": "the default",
            "project_from": "the remote's URL",
            "layout": "suffix",
            "copies": f"*--{SLUG}*",
            "roots": {},
            "why_no_roots": "",
            "read_only": None,
        }

    def test_shown(self, studio: Studio) -> None:
        """People read the branch, its slug, who told it, and what was asked before."""
        shown = studio.call("whoami").stdout
        for words in ("feature/x", SLUG, "Git", "STEEL_TOES_BRANCH is not set"):
            assert words in shown

    @pytest.mark.parametrize(
        ("variables", "branch", "source", "tried"),
        [
            ({"STEEL_TOES_BRANCH": "other"}, "other", "STEEL_TOES_BRANCH", 1),
            ({"CI": "true", "GITLAB_CI": "true", "CI_COMMIT_BRANCH": "other"}, "feature/x", "Git", 3),
        ],
    )
    def test_variables(self, studio: Studio, variables: dict, branch: str, source: str, tried: int) -> None:
        """A variable comes before Git, and Git before CI's branch."""
        for name, value in variables.items():
            studio.patch.setenv(name, value)
        facts = studio.json("whoami")
        assert (facts["branch"], facts["from"], len(facts["tried"])) == (branch, source, tried)

    def test_argument(self, studio: Studio) -> None:
        """SteelToes(branch=...) comes first: nothing else was tried."""
        studio.settings('branch="fixed", main="trunk", project="ours"')
        facts = studio.json("whoami")
        assert (facts["branch"], facts["tried"], facts["main"], facts["project"]) == ("fixed", [], ["trunk"], "ours")

    def test_detached(self, studio: Studio) -> None:
        """On a detached HEAD the branch is unknown, which is no failure, and the reason is told."""
        studio.git("switch", "-q", "--detach")
        facts = studio.json("whoami")
        assert (facts["branch"], facts["slug"], facts["is_main"]) == (None, "", False)
        assert "detached" in facts["why"]
        assert "detached" in studio.call("whoami").stdout

    def test_without_git(self, studio: Studio) -> None:
        """Outside a Git repository the branch is unknown, and that is the reason that is told."""
        shutil.rmtree(studio.folder / ".git")
        facts = studio.json("whoami")
        assert (facts["branch"], facts["tried"][-1]) == (None, facts["why"].rstrip("."))
        assert "is not in a Git repository" in facts["why"]

    def test_ci(self, studio: Studio) -> None:
        """On a detached HEAD, CI's branch is told as CI's, and that Git did not know."""
        studio.git("switch", "-q", "--detach")
        studio.patch.setenv("GITLAB_CI", "true")
        studio.patch.setenv("CI_COMMIT_BRANCH", "other")
        facts = studio.json("whoami")
        assert (facts["branch"], facts["from"]) == ("other", "GitLab CI")
        assert "detached" in facts["tried"][-1]

    @pytest.mark.parametrize("main", ["main", "master"])
    def test_main(self, studio: Studio, main: str) -> None:
        """On main it says so."""
        studio.git("switch", "-q", "-C", main)
        facts = studio.json("whoami")
        assert (facts["branch"], facts["is_main"]) == (main, True)

    def test_disabled(self, studio: Studio) -> None:
        """Switched off, it says so."""
        studio.patch.setenv("STEEL_TOES_ENABLED", "no")
        assert studio.json("whoami")["enabled"] is False

    @pytest.fixture
    def remote(self, studio: Studio, tmp_path: Path) -> Path:
        """A remote whose HEAD is trunk."""
        folder = tmp_path / "remote.git"
        git(tmp_path, "init", "-q", "--bare", "-b", "trunk", str(folder))
        studio.git("remote", "add", "origin", str(folder))
        studio.git("push", "-q", "origin", "feature/x:trunk", "feature/x:main")
        return folder

    def test_other_main(self, studio: Studio, remote: Path) -> None:
        """Where the remote's HEAD is another than main, a warning on stderr says so, and what to set."""
        result = studio.call("whoami", "--json")
        assert json.loads(result.stdout)["project"] == str(remote.with_suffix(""))
        assert "Warning: the remote's HEAD is trunk, and main is main and master." in result.stderr
        assert 'SteelToes(main="trunk")' in result.stderr

    @pytest.mark.parametrize("how", ["argument", "variable", "remote"])
    def test_same_main(self, studio: Studio, remote: Path, how: str) -> None:
        """Where both agree, nothing is said."""
        if how == "argument":
            studio.settings('main="trunk"')
        elif how == "variable":
            studio.patch.setenv("STEEL_TOES_MAIN", "trunk")
        else:
            git(remote, "symbolic-ref", "HEAD", "refs/heads/main")
        assert "Warning" not in studio.call("whoami").stderr

    def test_silent_remote(self, studio: Studio, remote: Path) -> None:
        """A remote that gives no answer is no failure."""
        shutil.rmtree(remote)
        assert studio.json("whoami")["branch"] == "feature/x"

    def test_another_branch_than_gits(self, studio: Studio) -> None:
        """A variable that names another branch than Git's is a warning on stderr; one that names main is no branch."""
        studio.patch.setenv("STEEL_TOES_BRANCH", "other")
        result = studio.call("whoami", "--json")
        assert json.loads(result.stdout)["branch"] == "other"
        assert "Warning: STEEL_TOES_BRANCH says other, and Git is on feature/x." in result.stderr
        studio.patch.setenv("STEEL_TOES_BRANCH", "main")
        facts = studio.json("whoami")
        assert (facts["branch"], "Git is on feature/x" in facts["why"]) == (None, True)


class TestExport:
    """`whoami --export`: the identity of a process without Git."""

    @pytest.mark.contract
    @pytest.mark.parametrize("name", ["feature/x", "it's $HOME", 'a"b`id`\\c', "日本 語", "x;false", "a\nb"])
    def test_quoted(self, studio: Studio, name: str) -> None:
        """What --export prints gives a shell the same branch, main and project, whatever is in their names."""
        studio.patch.setenv("STEEL_TOES_BRANCH", name)
        studio.patch.setenv("STEEL_TOES_MAIN", f"main of {name}")
        studio.patch.setenv("STEEL_TOES_PROJECT", f"project of {name}")
        script = 'eval "$1"; printf %s "$STEEL_TOES_BRANCH|$STEEL_TOES_MAIN|$STEEL_TOES_PROJECT"'
        command = ["env", "-i", "bash", "-c", script, "-", studio.call("whoami", "--export").stdout]
        done = subprocess.run(command, capture_output=True, check=True)
        assert done.stdout.decode() == f"{name}|main of {name}|project of {name}"

    @pytest.mark.contract
    def test_lines(self, studio: Studio, tmp_path: Path) -> None:
        """It prints all that is known, and `+` after a commit that tracked files differ from."""
        commit = studio.git("rev-parse", "HEAD")
        lines = ["export STEEL_TOES_BRANCH=feature/x", f"export STEEL_TOES_COMMIT={commit}"]
        *exported, code = studio.call("whoami", "--export").stdout.splitlines()
        assert exported == lines
        assert re.fullmatch(r"export STEEL_TOES_CODE=[0-9a-f]{16}:\S+", code)
        add_remote(studio, tmp_path)
        (studio.folder / "conf/base/parameters.yml").write_text("x: 2\n")
        studio.patch.setenv("STEEL_TOES_MAIN", "main")
        *exported, changed_code = studio.call("whoami", "--export").stdout.splitlines()
        assert changed_code != code
        assert exported == [
            "export STEEL_TOES_BRANCH=feature/x",
            "export STEEL_TOES_MAIN=main",
            f"export STEEL_TOES_PROJECT={tmp_path}/remote",
            f"export STEEL_TOES_COMMIT={commit}+",
            "export STEEL_TOES_UPSTREAM=origin/feature/x",
        ]

    @pytest.mark.contract
    def test_unknown(self, studio: Studio) -> None:
        """While the branch is unknown --export fails with the reason, and a shell would set nothing."""
        studio.git("switch", "-q", "--detach")
        result = studio.call("whoami", "--export", exit_code=1)
        assert result.stdout == ""
        assert "detached" in result.stderr

    @pytest.mark.parametrize(("name", "value"), [("COMMIT", "HEAD"), ("UPSTREAM", "feature"), ("MAIN", "a,b")])
    def test_bad_value(self, studio: Studio, name: str, value: str) -> None:
        """A variable that cannot be used fails each command that reads it, and a run."""
        studio.patch.setenv(f"STEEL_TOES_{name}", value)
        for command in ("whoami", "status"):
            assert f"Cannot use STEEL_TOES_{name}='{value}'" in studio.call(command, exit_code=1).stderr
        with pytest.raises(ConfigurationError, match=f"STEEL_TOES_{name}"):
            studio.catalog()

    def test_project(self, studio: Studio) -> None:
        """The project of a variable is said to be that."""
        studio.patch.setenv("STEEL_TOES_PROJECT", "https://me:secret@host/a.git")
        facts = studio.json("whoami")
        assert (facts["project"], facts["project_from"]) == ("host/a", "STEEL_TOES_PROJECT")

    @pytest.mark.contract
    @pytest.mark.parametrize("remote", ["origin", "fork"])
    def test_the_same_records(self, studio: Studio, tmp_path: Path, remote: str) -> None:
        """A container without Git writes the records of the checkout, so that `clean --stale` finds what it wrote."""
        settings = 'project="shop"' if remote == "fork" else 'main="main"'
        studio.settings(settings)
        studio.switch("engine")
        studio.git("commit", "-qam", "settings")
        add_remote(studio, tmp_path, remote)
        studio.catalog().save("saved", "by the checkout")
        lines = studio.call("whoami", "--export").stdout.splitlines()
        words = [shlex.split(line)[1] for line in lines]
        with studio.patch.context() as container:
            container.setenv("GIT_PYTHON_GIT_EXECUTABLE", "no-such-git")
            for word in words:
                container.setenv(*word.split("=", 1))
            studio.catalog().save("stray", "by the container")
        checkout, engine = (only_writer(studio, name) for name in ("saved", "stray"))
        assert engine == checkout
        assert engine["upstream"] == f"{remote}/engine"
        assert engine["remote"] == f"{tmp_path}/remote"
        studio.switch("feature/x")
        studio.settings(settings)
        studio.git("branch", "-qD", "engine")
        git(tmp_path / "remote.git", "branch", "-qD", "engine")
        words = {row["branch"]: row["git"] for row in studio.json("branches")}
        assert words["engine"] == "gone"
        plan = studio.json("clean", "--stale", "--grace", "0h")
        assert {item["dataset"] for item in plan["items"]} == {"saved", "stray"}


def add_remote(studio: Studio, tmp_path: Path, name: str = "origin") -> None:
    """A remote that has main, and the current branch, which tracks it."""
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "remote.git")
    studio.git("remote", "add", name, str(tmp_path / "remote.git"))
    studio.git("push", "-q", name, "main")
    studio.git("push", "-qu", name, "HEAD")


def only_writer(studio: Studio, dataset: str) -> dict[str, Any]:
    """What the record of a dataset of the branch engine says of its one writer, but for the run."""
    records = [json.loads(path.read_text()) for path in studio.folder.glob("data/_steel_toes/engine/*.json")]
    (record,) = [record for record in records if record["dataset"] == dataset]
    (writer,) = record["writers"].values()
    return {**writer, "run": None}


class TestReadOnly:
    """A read-only process says so wherever it is asked, and every command that changes something refuses."""

    @pytest.fixture
    def read_only(self, studio: Studio) -> Studio:
        studio.patch.setenv("STEEL_TOES_READ_ONLY", "true")
        return studio

    def test_whoami(self, read_only: Studio) -> None:
        """So that a reviewer sees it, a script reads it, and a container has it."""
        assert read_only.json("whoami")["read_only"] == "STEEL_TOES_READ_ONLY"
        assert "STEEL_TOES_READ_ONLY makes this process read-only: nothing is saved." in read_only.call("whoami").stdout
        assert "export STEEL_TOES_READ_ONLY=true\n" in read_only.call("whoami", "--export").stdout
        read_only.settings("read_only=True")
        assert read_only.json("whoami")["read_only"] == "SteelToes(read_only=True)"

    def test_status(self, read_only: Studio) -> None:
        """Every side is as for somebody who writes, and every save is refused, a shared one too."""
        read_only.patch.delenv("STEEL_TOES_READ_ONLY")
        before = {row["dataset"]: row for row in read_only.json("status")}
        read_only.patch.setenv("STEEL_TOES_READ_ONLY", "true")
        rows = {row["dataset"]: row for row in read_only.json("status")}
        assert {name: row["side"] for name, row in rows.items()} == {name: row["side"] for name, row in before.items()}
        assert {rows[name]["saves"] for name, row in before.items() if row["saves"] in ("branch", "main")} == {
            "refused"
        }
        assert {row["saves_to"] for row in rows.values()} == {None}
        assert "read-only: nothing is saved" in read_only.call("status").stderr

    @pytest.mark.parametrize("off", [False, True])
    def test_on_main(self, read_only: Studio, off: bool) -> None:
        """Nothing is saved there either, nor with steel_toes switched off."""
        if off:
            read_only.patch.setenv("STEEL_TOES_ENABLED", "false")
        else:
            read_only.git("switch", "-q", "-C", "main")
        stderr = read_only.call("status").stderr
        assert "everything is read from main. STEEL_TOES_READ_ONLY makes this process read-only" in stderr
        assert "saved to main" not in stderr + read_only.call("whoami").stdout

    @pytest.mark.parametrize(
        "command",
        [
            ("clean", "--branch", "feature/x", "--yes"),
            ("clean", "--stale", "--yes"),
            ("adopt", "stray", "--yes"),
            ("promote", "--branch", "feature/x", "--force", "code", "--yes"),
            ("promote", "--branch", "feature/x", "--abandon", "--yes"),
        ],
    )
    def test_commands(self, read_only: Studio, command: tuple[str, ...]) -> None:
        """They refuse, say why, and change nothing."""
        before = files(read_only.folder)
        result = read_only.call(*command, exit_code=1)
        name = command[0]
        why = "STEEL_TOES_READ_ONLY makes this process read-only. To write, take that away."
        assert result.stderr == f"Error: `steel-toes {name}` is refused: {why}\n"
        assert files(read_only.folder) == before

    @pytest.mark.parametrize("command", ["whoami", "status", "branches", "clean"])
    def test_bad_value(self, studio: Studio, command: str) -> None:
        """A value that is neither true nor false is one clear error."""
        studio.patch.setenv("STEEL_TOES_READ_ONLY", "ja")
        arguments = ["--branch", "feature/x"] if command == "clean" else []
        result = studio.call(command, *arguments, exit_code=1)
        assert "STEEL_TOES_READ_ONLY='ja'" in result.stderr
        assert "neither true nor false" in result.stderr
