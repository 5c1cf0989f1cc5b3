"""How a command is called: from where, in which project, and in which of its two forms."""

from __future__ import annotations

import importlib.metadata
import json
import os
from pathlib import Path

import pytest

from steel_toes.cli.commands import commands, group
from support.studio import COPIES, EVERY, Studio, files, script
from support.team import SLUG


class TestWhere:
    """Where one stands, and what the project has to be."""

    @pytest.mark.contract
    @pytest.mark.parametrize("command", EVERY, ids=[command[0] for command in EVERY])
    def test_outside(self, studio: Studio, tmp_path: Path, command: list[str]) -> None:
        """Outside a project each command fails, naming the folder and where to go."""
        studio.patch.chdir(tmp_path)
        result = studio.call(*command, exit_code=1)
        assert result.stdout == ""
        assert f"Error: {tmp_path} is in no Kedro project. Go to the project's folder." in result.stderr

    def test_subfolder(self, studio: Studio) -> None:
        """From a subfolder each command tells what it tells from the project's folder."""
        here = [studio.json("whoami"), studio.json("status"), studio.json("branches")]
        studio.patch.chdir(studio.folder / "src/studio")
        assert [studio.json("whoami"), studio.json("status"), studio.json("branches")] == here

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ("sign=False", "TypeError"),
            ("'feature/x'", "TypeError"),
            ("shared=5", "Cannot use shared=5"),
            ("nobody.knows", "NameError"),
        ],
    )
    def test_broken_settings(self, studio: Studio, arguments: str, words: str) -> None:
        """A settings.py that fails is named as that, with its error, and never taken for one without the hook."""
        studio.settings(arguments)
        result = studio.call("status", exit_code=1)
        assert "cannot load the project" in result.stderr or "Cannot use" in result.stderr
        assert words in result.stderr
        assert "not among the HOOKS" not in result.stderr

    @pytest.mark.contract
    @pytest.mark.parametrize("command", [["whoami"], ["status"], ["adopt", "raw"]])
    def test_without_the_hook(self, studio: Studio, command: list[str]) -> None:
        """In a project without the hook commands of runs fail, and show the lines that make them work."""
        settings = studio.folder / "src/studio/settings.py"
        settings.write_text("")
        result = studio.call(*command, exit_code=1)
        assert result.stdout == ""
        assert "settings.py" in result.stderr
        lines = result.stderr.split("`")[1::2]
        assert len(lines) == 2
        settings.write_text("\n".join(lines))
        assert studio.json("whoami")["branch"] == "feature/x"

    def test_rollback(self, studio: Studio) -> None:
        """With the hook removed, what branches left can still be listed and cleaned, and a warning says why."""
        here = studio.json("branches")
        (studio.folder / "src/studio/settings.py").write_text("")
        result = studio.call("branches", "--json")
        assert json.loads(result.stdout) == here
        assert "runs are plain Kedro's and write main's data" in result.stderr
        plan = studio.json("clean", "--branch", "feature/x", "--yes")
        assert {item["dataset"] for item in plan["items"]} == COPIES.keys()
        assert studio.json("branches") == []

    def test_environment(self, studio: Studio) -> None:
        """KEDRO_ENV chooses Kedro's environment, as it does for `kedro run`."""
        assert "only_prod" not in {row["dataset"] for row in studio.json("status")}
        studio.patch.setenv("KEDRO_ENV", "prod")
        assert "only_prod" in {row["dataset"] for row in studio.json("status")}

    def test_environment_is_left(self, studio: Studio) -> None:
        """A command leaves the environment's variables as they were."""
        before = {name for name in os.environ if name.startswith(("STEEL_TOES", "KEDRO"))}
        studio.call("status", "raw")
        assert {name for name in os.environ if name.startswith(("STEEL_TOES", "KEDRO"))} == before

    @pytest.mark.parametrize("command", EVERY, ids=[command[0] for command in EVERY])
    def test_neither_true_nor_false(self, studio: Studio, command: list[str]) -> None:
        """A STEEL_TOES_ENABLED that is neither true nor false fails each command, as it fails a run."""
        studio.patch.setenv("STEEL_TOES_ENABLED", "maybe")
        assert "STEEL_TOES_ENABLED='maybe'" in studio.call(*command, exit_code=1).stderr


class TestCalls:
    """The two ways to call a command: `steel-toes` and `kedro steel-toes`."""

    @pytest.mark.contract
    def test_entry_points(self) -> None:
        """Both are registered where pip and Kedro look."""
        assert script("steel-toes").exists()
        points = importlib.metadata.distribution("steel-toes").entry_points
        assert {(point.group, point.name): point.load() for point in points} == {
            ("console_scripts", "steel-toes"): group,
            ("kedro.project_commands", "steel-toes"): commands,
        }

    @pytest.mark.contract
    def test_same(self, studio: Studio) -> None:
        """Both give the same, and an error of ours is one line in both."""
        assert studio.call("whoami").stdout == studio.call("whoami", outer=True).stdout
        refused = [studio.call("adopt", "raw", exit_code=1, outer=outer) for outer in (False, True)]
        assert refused[0].stderr.splitlines()[-1] == refused[1].stderr.splitlines()[-1]
        assert "Traceback" not in refused[1].stderr

    @pytest.mark.contract
    def test_script(self, studio: Studio) -> None:
        """As a process, too, `steel-toes --json` prints nothing but JSON on stdout, whatever Kedro logs."""
        done = studio.process("steel-toes", "status", "saved", "--json")
        assert [row["dataset"] for row in json.loads(done.stdout)] == ["saved"]

    @pytest.mark.contract
    def test_kedro(self, studio: Studio) -> None:
        """`kedro steel-toes` is there, and `--output` gives JSON that Kedro's own lines are not in."""
        done = studio.process("kedro", "steel-toes", "status", "saved", "--output", "status.json", "--paths")
        assert [row["dataset"] for row in json.loads(Path("status.json").read_text())] == ["saved"]
        assert f"data/02/saved--{SLUG}.txt" in done.stdout

    @pytest.mark.parametrize("command", ["whoami", "status", "branches"])
    def test_output(self, studio: Studio, command: str) -> None:
        """--output FILE holds what --json prints, beside the table that people read."""
        result = studio.call(command, "--output", "out.json")
        assert json.loads(Path("out.json").read_text()) == studio.json(command)
        assert not result.stdout.startswith(("[", "{"))
        assert result.stdout

    def test_output_nowhere(self, studio: Studio) -> None:
        """A file that cannot be written is an error of one sentence that names it."""
        result = studio.call("whoami", "--output", "no/such/folder/out.json", exit_code=1)
        assert isinstance(result.exception, SystemExit)
        assert "no/such/folder/out.json" in result.stderr

    @pytest.mark.contract
    @pytest.mark.parametrize(
        "arguments",
        [
            ["nothing"],
            ["status", "--nothing"],
            ["status", "nothing"],
            ["status", "--pipeline", "nothing"],
            ["clean"],
            ["clean", "raw"],
            ["clean", "--yes"],
            ["clean", "--grace", "1d"],
            ["clean", "--branch", "feature/x", "--stale"],
            ["clean", "--branch", "feature/x", "--older-than", "1d"],
            ["clean", "--older-than", "5"],
            ["clean", "--older-than", "d"],
            ["clean", "--older-than", "-1d"],
            ["adopt"],
            ["adopt", "raw", "--from-0.5"],
        ],
        ids=" ".join,
    )
    def test_usage(self, studio: Studio, arguments: list[str]) -> None:
        """What a command does not know is a usage error, exit code 2, and nothing is on stdout."""
        before = files(studio.folder)
        result = studio.call(*arguments, exit_code=2)
        assert result.stdout == ""
        assert "Error: " in result.stderr
        assert files(studio.folder) == before

    def test_usage_names_what_there_is(self, studio: Studio) -> None:
        """A pipeline that is not there is told with those that are, an age with those that can be."""
        assert "__default__, make" in studio.call("status", "--pipeline", "nothing", exit_code=2).stderr
        assert "7d" in studio.call("clean", "--older-than", "5", exit_code=2).stderr
        assert "--branch" in studio.call("clean", exit_code=2).stderr

    def test_quiet(self, studio: Studio) -> None:
        """Where Kedro's logging is its default, its INFO lines are not mixed with what a command says."""
        done = studio.process("steel-toes", "status", "saved")
        assert "INFO" not in done.stdout + done.stderr
