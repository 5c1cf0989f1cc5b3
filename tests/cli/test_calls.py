"""The commands, as somebody calls them in a real Kedro project with a real Git."""

from __future__ import annotations

import importlib.metadata
import inspect
import json
import os
import pickle
import pty
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from kedro.io import DataCatalog

from steel_toes import SteelToes
from steel_toes.cli.commands import commands, group

SLUG = "feature-x-217d2bf5"  # of feature/x
VERSION = "2026-01-01T00.00.00.000Z"

CATALOG = """
raw: {type: text.TextDataset, filepath: data/01/raw.txt}
saved: {type: text.TextDataset, filepath: data/02/saved.txt}
torn: {type: pickle.PickleDataset, filepath: data/02/torn.pickle}
unfinished: {type: pickle.PickleDataset, filepath: data/02/unfinished.pickle}
stray: {type: text.TextDataset, filepath: data/02/stray.txt}
changed: {type: text.TextDataset, filepath: data/02/changed.txt}
gone: {type: text.TextDataset, filepath: data/02/gone.txt}
"table@text": {type: text.TextDataset, filepath: data/02/table.json}
"table@json": {type: json.JSONDataset, filepath: data/02/table.json}
"{name}_json": {type: json.JSONDataset, filepath: "data/02/{name}.json"}
model: {type: pickle.PickleDataset, filepath: data/03/model.pickle, versioned: true}
parts: {type: partitions.PartitionedDataset, path: data/04, dataset: text.TextDataset, filename_suffix: .txt}
log: {type: text.TextDataset, filepath: data/05/log.txt, metadata: {steel_toes: {shared: true}}}
memory: {type: MemoryDataset}
remote: {type: studio.datasets.RemoteDataset, url: "nowhere:1"}
silent: {type: text.TextDataset, filepath: data/loop/silent.txt}
broken: {type: studio.nowhere.NoDataset, filepath: data/02/broken.txt}
"""

DATASETS = """
from kedro.io import AbstractDataset


class RemoteDataset(AbstractDataset):
    def __init__(self, url, metadata=None):
        self.url = url

    def load(self):
        return self.url

    def save(self, data):
        raise AssertionError

    def _describe(self):
        return {"url": self.url}
"""

REGISTRY = """
from kedro.pipeline import Pipeline, node


def register_pipelines():
    make = Pipeline([node(len, "raw", "made_json"), node(repr, "made_json", "saved"), node(repr, "params:x", "memory")])
    return {"make": make, "__default__": make + Pipeline([node(repr, "table@json", "other_json")])}
"""

SETTINGS = "from steel_toes import SteelToes\n\nHOOKS = (SteelToes(),)\n"
FILES = {
    ".gitignore": "data/\n__pycache__/\n",
    "conf/base/catalog.yml": CATALOG,
    "conf/base/parameters.yml": "x: 1\n",
    "conf/local/.gitkeep": "",
    "conf/prod/catalog.yml": "only_prod: {type: text.TextDataset, filepath: data/02/prod.txt}\n",
    "pyproject.toml": '[tool.kedro]\npackage_name = "studio"\nproject_name = "Studio"\nkedro_init_version = "1.0.0"\n',
    "src/studio/__init__.py": "",
    "src/studio/datasets.py": DATASETS,
    "src/studio/pipeline_registry.py": REGISTRY,
    "src/studio/settings.py": SETTINGS,
    "data/01/raw.txt": "main's",
    **{f"data/02/{name}.txt": "main's" for name in ("saved", "stray", "changed", "gone")},
    **{f"data/02/{name}.json": '{"of": "main"}' for name in ("table", "made", "other")},
    "data/04/a.txt": "main's a",
    "data/04/b.txt": "main's b",
    "data/05/log.txt": "everybody's",
}
EXPLICIT = {
    *("raw", "saved", "torn", "unfinished", "stray", "changed", "gone", "table@text", "table@json", "model", "parts"),
    *("log", "memory", "remote", "silent", "broken"),
}
COPIES = {  # what feature/x has, by dataset
    "changed": [f"data/02/changed--{SLUG}.txt"],
    "gone": [f"data/02/gone--{SLUG}.txt"],
    "model": [f"data/03/model--{SLUG}.pickle/{VERSION}/model--{SLUG}.pickle"],
    "parts": [f"data/04--{SLUG}/b.txt", f"data/04--{SLUG}/c.txt"],
    "saved": [f"data/02/saved--{SLUG}.txt"],
    "table@json": [f"data/02/table--{SLUG}.json"],
    "torn": [f"data/02/torn--{SLUG}.pickle"],
    "unfinished": [f"data/02/unfinished--{SLUG}.pickle"],
}


class Bomb:
    """Kills the process that pickles it, as a power cut would."""

    def __reduce__(self) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder and give its output."""
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def files(folder: Path) -> dict[str, bytes]:
    """Every file of the data by its path in the project, with its bytes."""
    found = (path for path in folder.glob("data/**/*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def catalog_of(branch: str) -> Any:
    """The catalog of the project in the working directory, on a branch."""
    catalog = DataCatalog.from_config(yaml.safe_load(CATALOG), save_version=VERSION)
    SteelToes(branch=branch).after_catalog_created(catalog)
    return catalog


def killed(save: Any, *arguments: Any) -> None:
    """Call something in a process that dies of it."""
    child = os.fork()
    if not child:
        try:
            save(*arguments)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def script(name: str) -> Path:
    """One of this environment's console scripts, if our own is among them."""
    folder = Path(sys.executable).parent
    if not (folder / "steel-toes").exists():
        pytest.skip("steel-toes is not installed here")
    return folder / name


class Studio:
    """A project on disk, in the working directory.

    Args:
        folder: the project's.
        monkeypatch: the test's.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch
        self.mains = {path: data for path, data in files(folder).items() if "--" not in path and "_steel" not in path}

    def git(self, *arguments: str) -> str:
        """Run git in the project's folder."""
        return git(self.folder, *arguments)

    def call(self, *arguments: str, exit_code: int = 0, outer: bool = False) -> Result:
        """Call a command in this process; it must end with this exit code."""
        for name in [name for name in sys.modules if name.split(".")[0] == "studio"]:
            del sys.modules[name]
        old = "mix_stderr" in inspect.signature(CliRunner).parameters  # click before 8.2
        runner = CliRunner(**({"mix_stderr": False} if old else {}))
        result = runner.invoke(commands if outer else group, [*(["steel-toes"] if outer else []), *arguments])
        assert result.exit_code == exit_code, f"{result.stdout}{result.stderr}{result.exc_info}"
        return result

    def json(self, *arguments: str) -> Any:
        """What a command gives with --json, which is all that is on stdout."""
        return json.loads(self.call(*arguments, "--json").stdout)

    def process(self, *command: str, exit_code: int = 0) -> subprocess.CompletedProcess:
        """Run one of this environment's console scripts; it must end with this exit code."""
        name, *arguments = command
        done = subprocess.run([script(name), *arguments], capture_output=True, text=True, timeout=100)
        assert done.returncode == exit_code, done.stdout + done.stderr
        return done

    def add_silent_bucket(self) -> None:
        """Put an entry `far` into the catalog, in a bucket whose server does not answer."""
        pytest.importorskip("s3fs", reason="the store is S3")
        entry = {"type": "text.TextDataset", "filepath": "s3://bucket/far.txt", "credentials": "far"}
        (self.folder / "conf/base/catalog_far.yml").write_text(yaml.safe_dump({"far": entry}))
        settings = {"key": "k", "secret": "s", "client_kwargs": {"endpoint_url": "http://127.0.0.1:9"}}
        (self.folder / "conf/base/credentials.yml").write_text(yaml.safe_dump({"far": settings}))

    def settings(self, arguments: str) -> None:
        """Give SteelToes these arguments."""
        (self.folder / "src/studio/settings.py").write_text(
            SETTINGS.replace("SteelToes(),", f"SteelToes({arguments}),")
        )


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A committed project on feature/x, with a branch copy in each state that one can be in."""
    folder = tmp_path_factory.mktemp("studio") / "studio"
    for path, content in FILES.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    with pytest.MonkeyPatch.context() as patch:
        # conftest.py's isolation is a test's, and this is a module's: say what CI or a Git hook might say otherwise.
        for name in [name for name in os.environ if name.startswith(("GIT_", "KEDRO_", "STEEL_TOES"))]:
            patch.delenv(name)
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "A Tester")
            patch.setenv(f"GIT_{role}_EMAIL", "tester@example.invalid")
        patch.chdir(folder)
        patch.syspath_prepend(folder / "src")
        git(folder, "init", "-q", "-b", "main")
        git(folder, "add", ".")
        git(folder, "commit", "-qm", "one")
        main = DataCatalog.from_config(yaml.safe_load(CATALOG), save_version="2025-12-31T00.00.00.000Z")
        for name in ("torn", "unfinished", "model"):
            main.save(name, "main's")
        (folder / "data/loop").symlink_to("loop")
        git(folder, "switch", "-qc", "feature/x")
        catalog = catalog_of("feature/x")
        for name in ("saved", "torn", "changed", "gone", "model"):
            catalog.save(name, "the branch's")
        catalog.save("table@json", {"of": "the branch"})
        catalog.save("parts", {"b": "the branch's b", "c": "the branch's c"})
        killed(catalog.save, "torn", Bomb())
        killed(catalog.save, "unfinished", Bomb())
        (folder / f"data/02/changed--{SLUG}.txt").write_text("other hands'")
        (folder / f"data/02/gone--{SLUG}.txt").unlink()
        (folder / f"data/02/stray--{SLUG}.txt").write_text("nobody's")
    return folder


@pytest.fixture
def studio(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    """A copy of the template, and the working directory; what main had must be the same when the test is over."""
    folder = tmp_path / "studio"
    shutil.copytree(template, folder, symlinks=True)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))  # Kedro adds to it
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.syspath_prepend(folder / "src")
    monkeypatch.chdir(folder)
    made = Studio(folder, monkeypatch)
    yield made
    now = files(folder)
    assert {path: now.get(path) for path in made.mains} == made.mains


def rows(result: Result) -> dict[str, str]:
    """The rows' first lines by their first words, without the heading."""
    return {line.split()[0]: line for line in result.stdout.splitlines()[1:] if line[:1].strip()}


# Where ---------------------------------------------------------------------------------------------------------------

EVERY = [["whoami"], ["status"], ["branches"], ["clean", "--branch", "x"], ["adopt", "raw"]]


class TestWhere:
    """Where one stands, and what the project has to be."""

    @pytest.mark.contract
    @pytest.mark.parametrize("command", EVERY, ids=[command[0] for command in EVERY])
    def test_outside(self, studio: Studio, tmp_path: Path, command: list[str]) -> None:
        """Outside a project each command fails, naming the folder and where to go."""
        studio.monkeypatch.chdir(tmp_path)
        result = studio.call(*command, exit_code=1)
        assert result.stdout == ""
        assert f"Error: {tmp_path} is in no Kedro project. Go to the project's folder." in result.stderr

    def test_subfolder(self, studio: Studio) -> None:
        """From a subfolder each command tells what it tells from the project's folder."""
        here = [studio.json("whoami"), studio.json("status"), studio.json("branches")]
        studio.monkeypatch.chdir(studio.folder / "src/studio")
        assert [studio.json("whoami"), studio.json("status"), studio.json("branches")] == here

    @pytest.mark.contract
    @pytest.mark.parametrize("command", EVERY, ids=[command[0] for command in EVERY])
    def test_without_the_hook(self, studio: Studio, command: list[str]) -> None:
        """In a project without the hook each command fails, and shows the lines that make it work."""
        settings = studio.folder / "src/studio/settings.py"
        settings.write_text("")
        result = studio.call(*command, exit_code=1)
        assert result.stdout == ""
        assert "settings.py" in result.stderr
        lines = result.stderr.split("`")[1::2]
        assert len(lines) == 2
        settings.write_text("\n".join(lines))
        assert studio.json("whoami")["branch"] == "feature/x"

    def test_environment(self, studio: Studio) -> None:
        """KEDRO_ENV chooses Kedro's environment, as it does for `kedro run`."""
        assert "only_prod" not in {row["dataset"] for row in studio.json("status")}
        studio.monkeypatch.setenv("KEDRO_ENV", "prod")
        assert "only_prod" in {row["dataset"] for row in studio.json("status")}

    def test_environment_is_left(self, studio: Studio) -> None:
        """A command leaves the environment's variables as they were."""
        before = {name for name in os.environ if name.startswith(("STEEL_TOES", "KEDRO"))}
        studio.call("status", "raw")
        assert {name for name in os.environ if name.startswith(("STEEL_TOES", "KEDRO"))} == before

    @pytest.mark.parametrize("command", EVERY, ids=[command[0] for command in EVERY])
    def test_neither_true_nor_false(self, studio: Studio, command: list[str]) -> None:
        """A STEEL_TOES_ENABLED that is neither true nor false fails each command, as it fails a run."""
        studio.monkeypatch.setenv("STEEL_TOES_ENABLED", "maybe")
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
        done = studio.process("kedro", "steel-toes", "status", "saved", "--output", "status.json")
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


# whoami --------------------------------------------------------------------------------------------------------------


class TestWhoami:
    """The branch, and how that was decided."""

    @pytest.mark.contract
    def test_facts(self, studio: Studio) -> None:
        """These are the facts, and Git told the branch after three others had not."""
        facts = studio.json("whoami")
        keys = ["branch", "slug", "from", "why", "tried", "is_main", "main", "project", "enabled"]
        assert list(facts) == [*keys, "main_from", "project_from"]
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
            "project_from": "the remote, if any",
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
            studio.monkeypatch.setenv(name, value)
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
        studio.monkeypatch.setenv("GITLAB_CI", "true")
        studio.monkeypatch.setenv("CI_COMMIT_BRANCH", "other")
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
        studio.monkeypatch.setenv("STEEL_TOES_ENABLED", "no")
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
            studio.monkeypatch.setenv("STEEL_TOES_MAIN", "trunk")
        else:
            git(remote, "symbolic-ref", "HEAD", "refs/heads/main")
        assert "Warning" not in studio.call("whoami").stderr

    def test_silent_remote(self, studio: Studio, remote: Path) -> None:
        """A remote that gives no answer is no failure."""
        shutil.rmtree(remote)
        assert studio.json("whoami")["branch"] == "feature/x"

    @pytest.mark.contract
    @pytest.mark.parametrize("name", ["feature/x", "it's $HOME", 'a"b`id`\\c', "日本 語", "x;false", "a\nb"])
    def test_env(self, studio: Studio, name: str) -> None:
        """What --env prints gives a shell the same branch and main, whatever is in their names."""
        studio.monkeypatch.setenv("STEEL_TOES_BRANCH", name)
        studio.monkeypatch.setenv("STEEL_TOES_MAIN", f"main of {name}")
        script = 'eval "$1"; printf %s "$STEEL_TOES_BRANCH|$STEEL_TOES_MAIN"'
        command = ["env", "-i", "bash", "-c", script, "-", studio.call("whoami", "--env").stdout]
        done = subprocess.run(command, capture_output=True, check=True)
        assert done.stdout.decode() == f"{name}|main of {name}"

    def test_env_of_both_mains(self, studio: Studio) -> None:
        """As long as both main and master are main, --env says the branch alone."""
        assert studio.call("whoami", "--env").stdout == "export STEEL_TOES_BRANCH=feature/x\n"

    @pytest.mark.contract
    def test_env_unknown(self, studio: Studio) -> None:
        """While the branch is unknown --env fails with the reason, and a shell would set nothing."""
        studio.git("switch", "-q", "--detach")
        result = studio.call("whoami", "--env", exit_code=1)
        assert result.stdout == ""
        assert "detached" in result.stderr


# status --------------------------------------------------------------------------------------------------------------


class TestStatus:
    """Which side each dataset is read from, and why."""

    @pytest.mark.contract
    def test_facts(self, studio: Studio) -> None:
        """These are the facts of a dataset."""
        (row,) = studio.json("status", "saved")
        commit = studio.git("rev-parse", "HEAD")
        found = (studio.folder / f"data/02/saved--{SLUG}.txt").stat()
        assert datetime.fromisoformat(row.pop("modified")).timestamp() == pytest.approx(found.st_mtime)
        assert row.pop("author")
        assert row.pop("commit") == commit
        assert list(row) == ["dataset", "side", "why", "saves_to", "bytes", "dirty", "main_changed"]
        assert row == {
            "dataset": "saved",
            "side": "branch",
            "why": "saved on the branch",
            "saves_to": str(studio.folder / f"data/02/saved--{SLUG}.txt"),
            "bytes": found.st_size,
            "dirty": False,
            "main_changed": False,
        }

    @pytest.mark.contract
    @pytest.mark.parametrize(
        ("dataset", "side", "why", "saves_to"),
        [
            ("raw", "main", "never saved on the branch", f"data/01/raw--{SLUG}.txt"),
            ("saved", "branch", "saved on the branch", f"data/02/saved--{SLUG}.txt"),
            ("torn", None, "torn: its save did not finish", f"data/02/torn--{SLUG}.pickle"),
            ("unfinished", "main", "of a first save that did not finish", f"data/02/unfinished--{SLUG}.pickle"),
            ("stray", "main", "without a record, so nobody's", f"data/02/stray--{SLUG}.txt"),
            ("changed", None, "changed by other hands", f"data/02/changed--{SLUG}.txt"),
            ("gone", None, "gone", f"data/02/gone--{SLUG}.txt"),
            ("table@text", "branch", "saved on the branch", f"data/02/table--{SLUG}.json"),
            ("table@json", "branch", "saved on the branch", f"data/02/table--{SLUG}.json"),
            ("made_json", "main", "never saved on the branch", f"data/02/made--{SLUG}.json"),
            ("model", "branch", "1 version, beside main's", f"data/03/model--{SLUG}.pickle"),
            ("parts", "branch", "2 files, over main's", f"data/04--{SLUG}"),
            ("log", "main", "shared", "main"),
            ("memory", "main", "left alone", "main"),
            ("remote", "main", "None of its parameters is known to say where its data is.", None),
            ("silent", None, "StoreError: Cannot look into", None),
            ("broken", None, "DatasetError", None),
        ],
    )
    def test_side(self, studio: Studio, dataset: str, side: str | None, why: str, saves_to: str | None) -> None:
        """Each state has its side, its reason and its place; an entry that cannot be built or reached, too."""
        (row,) = studio.json("status", dataset)
        assert (row["dataset"], row["side"]) == (dataset, side)
        assert why in row["why"]
        place = studio.folder / saves_to if saves_to and "/" in saves_to else saves_to
        assert row["saves_to"] == (place and str(place))

    def test_tells_what_a_load_does(self, studio: Studio) -> None:
        """The side is the one that a load gives, and where there is none, a load fails."""
        catalog = catalog_of("feature/x")
        seen = {row["dataset"]: row["side"] for row in studio.json("status", *EXPLICIT)}
        for name in ("raw", "saved", "torn", "unfinished", "stray", "changed", "gone", "model"):
            try:
                given = {"main's": "main", "the branch's": "branch"}[catalog.load(name)]
            except Exception:  # noqa: BLE001 - what kind of failure it is, other tests say
                given = None
            assert given == seen[name], name

    def test_all(self, studio: Studio) -> None:
        """Without names all entries are listed, sorted, with those that a pattern makes for a pipeline."""
        names = [row["dataset"] for row in studio.json("status")]
        assert names == sorted(EXPLICIT | {"made_json", "other_json"})

    def test_shown(self, studio: Studio) -> None:
        """People read the same in a table, with paths from the project's folder, and words where there is nothing."""
        seen = rows(studio.call("status"))
        assert seen.keys() == EXPLICIT | {"made_json", "other_json"}
        assert f" data/02/saved--{SLUG}.txt " in seen["saved"]
        assert "refused" in seen["remote"]
        assert seen["torn"].split()[1] == "none"
        assert studio.git("rev-parse", "HEAD")[:8] in seen["saved"]

    def test_dirty(self, studio: Studio) -> None:
        """A commit that is not quite the code that saved the copy is told as such."""
        (studio.folder / ".gitignore").write_text("data/\n")
        catalog_of("feature/x").save("saved", "again")
        assert studio.json("status", "saved")[0]["dirty"] is True
        assert f" {studio.git('rev-parse', 'HEAD')[:8]}+ " in studio.call("status", "saved").stdout

    @pytest.mark.parametrize("width", ["40", "80", "120"])
    def test_narrow(self, studio: Studio, width: str) -> None:
        """In a narrow terminal long words are wrapped, and nothing is cut off."""
        studio.monkeypatch.setenv("COLUMNS", width)
        for command in (["status", "saved"], ["clean", "--branch", "feature/x", "saved"]):
            shown = studio.call(*command).stdout
            assert max(map(len, shown.splitlines())) <= int(width)
            assert "\N{HORIZONTAL ELLIPSIS}" not in shown

    @pytest.mark.contract
    def test_pattern(self, studio: Studio) -> None:
        """A dataset that only a pattern makes can be asked for by its name, though no pipeline uses it."""
        (row,) = studio.json("status", "new_json")
        assert row["saves_to"] == str(studio.folder / f"data/02/new--{SLUG}.json")

    def test_pipeline(self, studio: Studio) -> None:
        """--pipeline lists what the pipeline reads and writes, without its parameters."""
        assert [row["dataset"] for row in studio.json("status", "--pipeline", "make")] == [
            *("made_json", "memory", "raw", "saved")
        ]

    def test_pipeline_and_names(self, studio: Studio) -> None:
        """Beside --pipeline names choose among its datasets; one that it does not use is a usage error."""
        assert [row["dataset"] for row in studio.json("status", "--pipeline", "make", "saved")] == ["saved"]
        assert "parts" in studio.call("status", "--pipeline", "make", "parts", exit_code=2).stderr

    def test_nothing_is_changed(self, studio: Studio) -> None:
        """Asking changes nothing on disk."""
        before = files(studio.folder)
        studio.call("status")
        assert files(studio.folder) == before

    def test_main_changed(self, studio: Studio) -> None:
        """Whether main's copy is another than when the branch copy was begun is told for what the branch saved."""
        for path in ("data/02/saved.txt", "data/04/b.txt"):
            (studio.folder / path).write_text("main goes on")
            studio.mains[path] = b"main goes on"
        seen = {row["dataset"]: row["main_changed"] for row in studio.json("status")}
        told = {name: seen[name] for name in ("saved", "parts", "table@text", "model", "raw", "unfinished", "log")}
        assert told == {
            **dict.fromkeys(("saved", "parts"), True),
            **dict.fromkeys(("table@text", "model"), False),
            **dict.fromkeys(("raw", "unfinished", "log")),
        }

    def test_main_has_more_partitions(self, studio: Studio) -> None:
        """A partition that main gets, and that the branch never saved, is no change under the branch's copy."""
        (studio.folder / "data/04/new.txt").write_text("main goes on")
        assert studio.json("status", "parts")[0]["main_changed"] is False

    @pytest.mark.contract
    @pytest.mark.parametrize("how", ["main", "disabled"])
    def test_main(self, studio: Studio, how: str) -> None:
        """On main, and switched off, there is nothing to list, and one line on stderr says why."""
        if how == "main":
            studio.git("switch", "-q", "main")
        else:
            studio.monkeypatch.setenv("STEEL_TOES_ENABLED", "false")
        result = studio.call("status", "--json")
        assert json.loads(result.stdout) == []
        assert "everything is read from main and saved to main" in result.stderr

    def test_unknown_branch(self, studio: Studio) -> None:
        """On an unknown branch everything is read from main and each save is refused; the reason is told."""
        studio.git("switch", "-q", "--detach")
        result = studio.call("status", "saved", "raw", "log", "--json")
        seen = {row["dataset"]: (row["side"], row["saves_to"]) for row in json.loads(result.stdout)}
        assert seen == {"saved": ("main", None), "raw": ("main", None), "log": ("main", "main")}
        assert "detached" in result.stdout + result.stderr

    def test_partitions(self, studio: Studio) -> None:
        """Of several files each verdict is counted."""
        folder = studio.folder / f"data/04--{SLUG}"
        (folder / "stray.txt").write_text("nobody's")
        (folder / "c.txt").write_text("other hands'")
        (row,) = studio.json("status", "parts")
        for words in ("1 file", "1 file changed by other hands", "1 file without a record", "over main's"):
            assert words in row["why"]

    def test_what_to_do(self, studio: Studio) -> None:
        """Where a load would fail, stderr says what to do, in commands to copy; else nothing."""
        said = studio.call("status", "torn", "saved").stderr
        assert "`steel-toes adopt DATASET`" in said
        assert "`steel-toes clean --branch feature/x DATASET`" in said
        assert studio.call("status", "saved", "raw").stderr == ""

    def test_other_branch(self, studio: Studio) -> None:
        """Another branch has nothing of this one's."""
        studio.monkeypatch.setenv("STEEL_TOES_BRANCH", "feature/y")
        sides = {row["side"] for row in studio.json("status", *EXPLICIT - {"silent", "broken"})}
        assert sides == {"main"}

    def test_silent_bucket(self, studio: Studio) -> None:
        """A bucket whose server does not answer is one row's reason, and the other rows are there."""
        studio.add_silent_bucket()
        far, saved = studio.json("status", "far", "saved")
        assert (far["side"], saved["side"]) == (None, "branch")
        assert "StoreError" in far["why"]


# branches ------------------------------------------------------------------------------------------------------------


class TestBranches:
    """What every branch holds."""

    @pytest.mark.contract
    def test_facts(self, studio: Studio) -> None:
        """These are the facts of a branch; its files are those that are there, or that a record says should be."""
        (row,) = studio.json("branches")
        assert list(row) == ["branch", "project", "datasets", "files", "bytes", "last_write", "author", "git", "why"]
        assert (row["branch"], row["project"], row["datasets"], row["git"]) == ("feature/x", None, len(COPIES), "here")
        assert row["files"] == sum(map(len, COPIES.values()))

    @pytest.mark.contract
    @pytest.mark.parametrize("where", ["main", "feature/y", "--detach"])
    def test_from_anywhere(self, studio: Studio, where: str) -> None:
        """They are the same whichever branch one is on."""
        here = studio.json("branches")
        studio.git("switch", "-q", *([where] if where != "feature/y" else ["-c", where]))
        assert studio.json("branches") == here

    def test_several(self, studio: Studio) -> None:
        """The last written comes first, and Git's word stands with each."""
        catalog_of("feature/y").save("raw", "y's")
        seen = [(row["branch"], row["datasets"], row["files"], row["bytes"]) for row in studio.json("branches")]
        assert seen[0] == ("feature/y", 1, 1, 3)
        assert [row["git"] for row in studio.json("branches")] == ["never pushed", "here"]
        assert list(rows(studio.call("branches"))) == ["feature/y", "feature/x"]

    @pytest.mark.contract
    def test_removed_from_the_catalog(self, studio: Studio) -> None:
        """A dataset that is no longer in the catalog is still counted, since its record lies where the others do."""
        here = studio.json("branches")
        (studio.folder / "conf/base/catalog.yml").write_text(CATALOG.partition("\nsaved")[0])
        assert studio.json("branches") == here

    def test_json_is_pure(self, studio: Studio) -> None:
        """What a project prints when it is loaded is not in a command's data."""
        registry = studio.folder / "src/studio/pipeline_registry.py"
        registry.write_text(f"{REGISTRY}\nprint('hello from the project')\n")
        result = studio.call("branches", "--json")
        assert json.loads(result.stdout)[0]["branch"] == "feature/x"
        assert "hello from the project" in result.stderr

    def test_without_sizes(self, studio: Studio) -> None:
        """--no-sizes reads one record of each branch, and tells no bytes."""
        (row,) = studio.json("branches", "--no-sizes")
        assert (row["branch"], row["datasets"], row["files"], row["bytes"]) == ("feature/x", len(COPIES), None, None)

    @pytest.mark.contract
    def test_unreadable_record(self, studio: Studio) -> None:
        """A record that cannot be read fails the command, after all that could be read was told."""
        torn = studio.folder / f"data/_steel_toes/{SLUG}/0123456789abcdef.json"
        torn.write_text("{")
        result = studio.call("branches", "--json", exit_code=1)
        assert [row["branch"] for row in json.loads(result.stdout)] == ["feature/x"]
        assert "Failed: " in result.stderr
        assert torn.name in result.stderr

    def test_silent_bucket(self, studio: Studio) -> None:
        """A store that does not answer fails the command, after what the others hold was told."""
        studio.add_silent_bucket()
        result = studio.call("branches", "--json", exit_code=1)
        assert [row["branch"] for row in json.loads(result.stdout)] == ["feature/x"]
        assert "Failed: " in result.stderr
        assert "bucket" in result.stderr

    def test_nothing(self, studio: Studio) -> None:
        """Where no branch has data it says so on stderr, and --json is an empty list."""
        shutil.rmtree(studio.folder / "data/_steel_toes")
        assert studio.json("branches") == []
        assert studio.call("branches").stderr.strip()


# clean ---------------------------------------------------------------------------------------------------------------


class TestClean:
    """How `clean` is called; what it never removes is in test_janitor.py."""

    @pytest.mark.contract
    def test_without_yes(self, studio: Studio) -> None:
        """Without --yes and without a terminal it shows the plan, changes nothing, and says how; exit code 0."""
        before = files(studio.folder)
        result = studio.call("clean", "--branch", "feature/x")
        for path in [path for paths in COPIES.values() for path in paths]:
            assert path in result.stdout or "gone" in path
        assert "Nothing was changed. Add --yes to do it." in result.stderr
        assert files(studio.folder) == before

    @pytest.mark.contract
    def test_facts(self, studio: Studio) -> None:
        """These are the facts of a plan, and it lists each object."""
        plan = studio.json("clean", "--branch", "feature/x")
        assert list(plan) == ["items", "left", "failed"]
        assert (plan["left"], plan["failed"]) == ([], [])
        assert {tuple(item) for item in plan["items"]} == {
            ("branch", "dataset", "state", "record", "modified", "objects")
        }
        listed = {item["dataset"]: sorted(one["path"] for one in item["objects"]) for item in plan["items"]}
        assert listed == {name: [str(studio.folder / path) for path in paths] for name, paths in COPIES.items()}
        assert {tuple(one) for item in plan["items"] for one in item["objects"]} == {("path", "bytes")}
        states = {item["dataset"]: item["state"] for item in plan["items"]}
        assert states == dict.fromkeys(COPIES, "complete") | {"torn": "writing", "unfinished": "writing"}

    @pytest.mark.contract
    def test_yes(self, studio: Studio) -> None:
        """With --yes what the plan listed goes with its records, and nothing else."""
        before = files(studio.folder)
        plan = studio.json("clean", "--branch", "feature/x", "--yes")
        listed = {one["path"] for item in plan["items"] for one in item["objects"]}
        listed |= {item["record"] for item in plan["items"]}
        after = files(studio.folder)
        assert {str(studio.folder / path) for path in before.keys() - after.keys()} == {
            path for path in listed if "gone--" not in path
        }
        assert {path: before[path] for path in after} == after
        assert studio.json("branches") == []
        assert {row["side"] for row in studio.json("status", *COPIES)} == {"main"}

    def test_datasets(self, studio: Studio) -> None:
        """Of the named datasets only, by one of their names."""
        plan = studio.json("clean", "--branch", "feature/x", "saved", "table@text", "--yes")
        assert sorted(item["dataset"] for item in plan["items"]) == ["saved", "table@json"]
        sides = {row["dataset"]: row["side"] for row in studio.json("status", "saved", "table@text", "parts")}
        assert sides == {"saved": "main", "table@text": "main", "parts": "branch"}

    def test_again(self, studio: Studio) -> None:
        """A second time there is nothing to do, which is no failure."""
        studio.call("clean", "--branch", "feature/x", "--yes")
        assert studio.json("clean", "--branch", "feature/x", "--yes") == {"items": [], "left": [], "failed": []}

    @pytest.mark.contract
    @pytest.mark.parametrize("name", ["main", "master", "", " "])
    def test_no_branch(self, studio: Studio, name: str) -> None:
        """Main's names and a blank one are refused, with the reason, beside others too."""
        before = files(studio.folder)
        for more in ([], ["--branch", "feature/x"]):
            result = studio.call("clean", "--branch", name, *more, "--yes", exit_code=2)
            assert ("blank" if not name.strip() else "main") in result.stderr
            assert result.stdout == ""
        assert files(studio.folder) == before

    def test_named_main(self, studio: Studio) -> None:
        """Where main has another name, that is refused, and main and master are branches as any."""
        studio.settings('main="trunk"')
        studio.call("clean", "--branch", "trunk", exit_code=2)
        assert studio.json("clean", "--branch", "main") == {"items": [], "left": [], "failed": []}

    def test_typo(self, studio: Studio) -> None:
        """A branch without records is told by its name, so that a typing error is seen; it is no failure."""
        assert "feature/z" in studio.call("clean", "--branch", "feature/z", "--yes").stderr
        assert "feature/z" in studio.call("clean", "--branch", "feature/z", "--branch", "feature/x").stderr

    def test_ages(self, studio: Studio) -> None:
        """--older-than spares what was saved since, the branch that one is on, and what no project is known of."""
        nothing = {"items": [], "left": [], "failed": []}
        assert studio.json("clean", "--older-than", "0h") == nothing
        studio.git("switch", "-q", "main")
        assert studio.json("clean", "--older-than", "1h") == nothing
        plan = studio.json("clean", "--older-than", "0h")
        assert (plan["items"], len(plan["left"])) == ([], len(COPIES))
        assert "an unknown project; name its branch" in plan["left"][0]

    @pytest.mark.contract
    @pytest.mark.parametrize(("answer", "removed"), [("n", False), ("y", True)])
    def test_terminal(self, studio: Studio, answer: str, removed: bool) -> None:
        """In a terminal it asks, and does it only after a yes."""
        before = files(studio.folder)
        ours, theirs = pty.openpty()
        command = [script("steel-toes"), "clean", "--branch", "feature/x"]
        os.write(ours, f"{answer}\n".encode())
        done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, timeout=100)
        os.close(ours)
        os.close(theirs)
        assert done.returncode == 0, done.stderr
        assert "[y/N]" in done.stderr
        assert (f"data/02/saved--{SLUG}.txt" in done.stdout, "Traceback" in done.stderr) == (True, False)
        assert (files(studio.folder) != before) is removed


# adopt ---------------------------------------------------------------------------------------------------------------


class TestAdopt:
    """Recording a file that was put at a branch copy's place."""

    def put(self, path: str, data: bytes = b"put") -> None:
        """Put a file somewhere."""
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    @pytest.mark.contract
    @pytest.mark.parametrize("subject", ["stray", f"data/02/stray--{SLUG}.txt", f"./data/01/../02/stray--{SLUG}.txt"])
    def test_whole(self, studio: Studio, subject: str) -> None:
        """By its dataset's name or its path a file is recorded, and the next catalog reads it."""
        assert catalog_of("feature/x").load("stray") == "main's"
        listed = studio.json("adopt", subject, "--yes")
        assert listed == [{"dataset": "stray", "path": str(studio.folder / f"data/02/stray--{SLUG}.txt")}]
        assert catalog_of("feature/x").load("stray") == "nobody's"
        (row,) = studio.json("status", "stray")
        assert (row["side"], row["why"], row["commit"]) == (
            "branch",
            "saved on the branch",
            studio.git("rev-parse", "HEAD"),
        )

    @pytest.mark.contract
    def test_without_yes(self, studio: Studio) -> None:
        """Without --yes and without a terminal it shows what it would record, and changes nothing; exit code 0."""
        before = files(studio.folder)
        result = studio.call("adopt", "stray")
        assert f"data/02/stray--{SLUG}.txt" in result.stdout
        assert "Nothing was changed. Add --yes to do it." in result.stderr
        assert files(studio.folder) == before

    def test_absolute_path_from_elsewhere(self, studio: Studio) -> None:
        """A path is read from the working directory, as a shell completes it."""
        studio.monkeypatch.chdir(studio.folder / "data/02")
        studio.call("adopt", f"stray--{SLUG}.txt", "--yes")
        studio.monkeypatch.chdir(studio.folder)
        assert catalog_of("feature/x").load("stray") == "nobody's"

    @pytest.mark.contract
    @pytest.mark.parametrize("name", ["changed", "torn", "unfinished"])
    def test_of_other_hands(self, studio: Studio, name: str) -> None:
        """What other hands changed or repaired is the branch's again."""
        data = pickle.dumps("mended") if name != "changed" else b"mended"
        place = COPIES[name][0]
        self.put(place, data)
        studio.call("adopt", name, "--yes")
        assert catalog_of("feature/x").load(name) == "mended"

    @pytest.mark.contract
    @pytest.mark.parametrize("by", ["name", "file", "folder"])
    def test_version(self, studio: Studio, by: str) -> None:
        """A version that was put beside the branch's is recorded as one of them, and is the newest if it is."""
        folder = f"data/03/model--{SLUG}.pickle/2026-02-02T00.00.00.000Z"
        self.put(f"{folder}/model--{SLUG}.pickle", pickle.dumps("put"))
        subject = {"name": "model", "file": f"{folder}/model--{SLUG}.pickle", "folder": folder}[by]
        assert len(studio.json("adopt", subject, "--yes")) == 1
        assert catalog_of("feature/x").load("model") == "put"
        assert DataCatalog.from_config(yaml.safe_load(CATALOG)).load("model") == "main's"

    @pytest.mark.contract
    @pytest.mark.parametrize("by", ["name", "file", "folder"])
    def test_partition(self, studio: Studio, by: str) -> None:
        """A partition that was put beside the branch's is recorded; by its path it alone is."""
        folder = f"data/04--{SLUG}"
        self.put(f"{folder}/new.txt")
        self.put(f"{folder}/newer.txt")
        subject = {"name": "parts", "file": f"{folder}/new.txt", "folder": folder}[by]
        wanted = ["new.txt"] if by == "file" else ["new.txt", "newer.txt"]
        listed = studio.json("adopt", subject, "--yes")
        assert [Path(row["path"]).name for row in listed] == wanted
        seen = {name: load() for name, load in catalog_of("feature/x").load("parts").items()}
        put = {name.removesuffix(".txt"): "put" for name in wanted}
        assert seen == {"a": "main's a", "b": "the branch's b", "c": "the branch's c", **put}

    def test_pattern(self, studio: Studio) -> None:
        """A dataset that only a pattern makes is adopted by its name."""
        self.put(f"data/02/new--{SLUG}.json", b'{"of": "hand"}')
        studio.call("adopt", "new_json", "--yes")
        assert catalog_of("feature/x").load("new_json") == {"of": "hand"}

    @pytest.mark.contract
    @pytest.mark.parametrize(
        "subject",
        [
            *("saved", "raw", "gone", "log", "memory", "remote", "nothing"),
            *("data/02/saved.txt", "data/02/stray.txt", "data/02", "data", "/", ".", "data/05/log.txt"),
            *(f"data/02/saved--{SLUG}.txt", f"data/02/other--{SLUG}.txt", f"data/01/raw--{SLUG}.txt"),
            *("data/02/stray--feature-y-a2bcce4a.txt", f"data/_steel_toes/{SLUG}", f"data/04--{SLUG}/../02/stray.txt"),
        ],
    )
    def test_refused(self, studio: Studio, subject: str) -> None:
        """What is recorded, not there, or where the layout puts no copy of this branch is refused; exit code 1."""
        self.put(f"data/02/other--{SLUG}.txt")
        self.put("data/02/stray--feature-y-a2bcce4a.txt")
        before = files(studio.folder)
        result = studio.call("adopt", subject, "--yes", exit_code=1)
        assert result.stdout == ""
        assert result.stderr.count("Error: ") == 1
        assert files(studio.folder) == before

    @pytest.mark.contract
    @pytest.mark.parametrize("where", ["main", "--detach"])
    def test_no_branch(self, studio: Studio, where: str) -> None:
        """On main, and while the branch is unknown, there is nothing to adopt; exit code 1 and the reason."""
        studio.git("switch", "-q", where)
        result = studio.call("adopt", "stray", "--yes", exit_code=1)
        assert ("detached" if where == "--detach" else "main") in result.stderr

    @pytest.mark.contract
    def test_of_another_branch(self, studio: Studio) -> None:
        """With --branch it is that branch's file, from wherever one is; this branch sees nothing of it."""
        self.put("data/01/raw--feature-y-a2bcce4a.txt")
        studio.git("switch", "-q", "main")
        studio.call("adopt", "raw", "--branch", "feature/y", "--yes")
        assert (catalog_of("feature/y").load("raw"), catalog_of("feature/x").load("raw")) == ("put", "main's")
        assert {row["branch"]: row["git"] for row in studio.json("branches")}["feature/y"] == "never pushed"
        studio.call("adopt", "raw", "--branch", "main", "--yes", exit_code=1)

    @pytest.mark.contract
    def test_next_run(self, studio: Studio) -> None:
        """The next `kedro run` on the branch reads what was adopted."""
        self.put(f"data/01/raw--{SLUG}.txt", b"of seven")
        studio.call("adopt", "raw", "--yes")
        studio.process("kedro", "run", "--pipeline", "make")
        assert Path(f"data/02/made--{SLUG}.json").read_text() == str(len("of seven"))
        assert {row["side"] for row in studio.json("status", "raw", "made_json", "saved")} == {"branch"}

    @pytest.mark.contract
    def test_then_clean(self, studio: Studio) -> None:
        """What was adopted is the branch's, so `clean` removes it."""
        studio.call("adopt", "stray", "--yes")
        studio.call("clean", "--branch", "feature/x", "stray", "--yes")
        assert not (studio.folder / f"data/02/stray--{SLUG}.txt").exists()


@pytest.mark.contract
def test_remedies_can_be_copied(studio: Studio) -> None:
    """The commands that an error shows work as they stand, whatever the branch is named."""
    branch = "x;exit$PWD'"
    studio.monkeypatch.setenv("STEEL_TOES_BRANCH", branch)
    catalog_of(branch).save("saved", "mine")
    next((studio.folder / "data/02").glob("saved--x-*")).write_text("other hands'")
    with pytest.raises(Exception, match="other hands") as caught:
        catalog_of(branch).load("saved")
    adopt, clean = (text for text in str(caught.value).split("`")[1::2] if text.startswith("steel-toes "))
    assert shlex.split(adopt, comments=True) == ["steel-toes", "adopt", "saved"]
    assert shlex.split(clean, comments=True) == ["steel-toes", "clean", "--branch", branch, "saved"]
    studio.call(*shlex.split(clean)[1:], "--yes")
    assert catalog_of(branch).load("saved") == "main's"
