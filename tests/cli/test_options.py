"""The options by which a command chooses its catalog: `--params`, `--env` and `--conf-source`, as of `kedro run`."""

from __future__ import annotations

import os
import shutil

import click
import pytest

from steel_toes.cli.commands import group
from support.studio import EVERY, Studio

pytestmark = pytest.mark.contract

RUNS = 'runs: {type: text.TextDataset, filepath: "data/02/${runtime_params:run}-${runtime_params:of.month}.txt"}\n'
NAMES = [command[0] for command in EVERY]


@pytest.fixture
def runs(studio: Studio) -> Studio:
    """The project, with an entry whose path needs two parameters of the run."""
    (studio.folder / "conf/base/catalog_runs.yml").write_text(RUNS)
    return studio


def error_of(studio: Studio, *command: str) -> str:
    """The one line that a command fails with."""
    result = studio.call(*command, exit_code=1)
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    # What Python warns of may stand before it.
    *_, line = result.stderr.splitlines()
    assert line.startswith("Error: ")
    return line


class TestOptions:
    """What the options choose."""

    def test_every_command(self) -> None:
        """Every command has them."""
        for command in group.commands.values():
            options = {text for option in command.params if isinstance(option, click.Option) for text in option.opts}
            assert {"--params", "--env", "-e", "--conf-source"} <= options

    @pytest.mark.parametrize("command", EVERY, ids=NAMES)
    def test_params(self, runs: Studio, command: list[str]) -> None:
        """With its parameters each command reads a catalog that needs them."""
        # There is nothing to adopt, which is said by the catalog.
        result = runs.call(*command, "--params", "run=7,of.month=3", exit_code=None)
        assert result.exit_code == (command[0] == "adopt")
        assert "Kedro cannot" not in result.stderr
        (row,) = runs.json("status", "runs", "--params", "run=7, of.month = 3")
        assert row["saves_to"].endswith("data/02/7-3--feature-x-217d2bf5.txt")

    @pytest.mark.parametrize("text", ["run", "=7", "run=7,month"])
    def test_bad_params(self, runs: Studio, text: str) -> None:
        """What `kedro run` takes for wrong usage is wrong usage."""
        assert "Invalid format of `params` option" in runs.call("status", "--params", text, exit_code=2).stderr

    @pytest.mark.parametrize("option", ["--env", "-e"])
    def test_env(self, studio: Studio, option: str) -> None:
        """--env chooses Kedro's environment, before KEDRO_ENV."""
        studio.patch.setenv("KEDRO_ENV", "nowhere")
        assert "only_prod" in {row["dataset"] for row in studio.json("status", option, "prod")}
        assert os.environ["KEDRO_ENV"] == "nowhere"
        studio.patch.setenv("KEDRO_ENV", "prod")
        assert "only_prod" not in {row["dataset"] for row in studio.json("status", option, "local")}
        assert studio.json("whoami", option, "prod")["branch"] == "feature/x"

    def test_conf_source(self, studio: Studio) -> None:
        """--conf-source chooses the folder of the configuration, seen from where one stands."""
        shutil.copytree(studio.folder / "conf", studio.folder / "src/other")
        (studio.folder / "src/other/base/catalog.yml").write_text(RUNS.replace("${runtime_params:of.month}", "x"))
        studio.patch.chdir(studio.folder / "src")
        rows = studio.json("status", "--conf-source", "other", "--params", "run=7")
        assert "runs" in {row["dataset"] for row in rows}
        assert "raw" not in {row["dataset"] for row in rows}


class TestRefusals:
    """What Kedro refuses is one line that says what failed, why, and what to do."""

    @pytest.mark.parametrize("command", ["status", "branches"])
    def test_missing_parameter(self, runs: Studio, command: str) -> None:
        """A parameter that is missing."""
        line = error_of(runs, command, "--params", "run=7")
        assert line.startswith("Error: Kedro cannot make the catalog. InterpolationResolutionError: ")
        assert "of.month" in line
        assert line.endswith("Correct the configuration, --params, --env or --conf-source.")
        assert "of.month" in error_of(runs, "clean", "--branch", "x", "--params", "run=7")

    def test_no_such_environment(self, studio: Studio) -> None:
        """An environment that is not there, by the option or by the variable."""
        assert "conf/nowhere" in error_of(studio, "status", "--env", "nowhere")
        studio.patch.setenv("KEDRO_ENV", "nowhere")
        assert "conf/nowhere" in error_of(studio, "status")

    def test_no_such_conf_source(self, studio: Studio) -> None:
        """A folder that is not there."""
        assert "no/where" in error_of(studio, "status", "--conf-source", "no/where")

    @pytest.mark.parametrize("name", ["secret", '"{name}_secret"'])
    def test_unknown_credentials(self, studio: Studio, name: str) -> None:
        """Credentials that nobody wrote, of an entry or of a pattern that is asked for."""
        entry = f"{name}: {{type: text.TextDataset, filepath: data/x.txt, credentials: nobodys}}\n"
        (studio.folder / "conf/base/catalog_secret.yml").write_text(entry)
        assert "nobodys" in error_of(studio, "status", "a_secret")

    @pytest.mark.parametrize("text", ["raw: [", "raw: {filepath: x}", "raw: {type: text.TextDataset, filepath: x}"])
    def test_broken_catalog(self, studio: Studio, text: str) -> None:
        """A catalog that is no YAML, an entry without a type, or one that stands there twice."""
        (studio.folder / "conf/base/catalog_broken.yml").write_text(text)
        error_of(studio, "branches")

    def test_broken_pipelines(self, studio: Studio) -> None:
        """Pipelines that cannot be imported."""
        (studio.folder / "src/studio/pipeline_registry.py").write_text("def register_pipelines():\n    return nobody\n")
        assert "NameError: name 'nobody' is not defined. Correct" in error_of(studio, "status")
