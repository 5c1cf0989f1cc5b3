"""What records say of the code that made the data: the same wherever it ran, and nothing where nobody knows."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.files import write
from support.project import Project

CATALOG = """
a: {type: text.TextDataset, filepath: data/02/a.txt}
b: {type: text.TextDataset, filepath: data/02/b.txt}
parts: {type: partitions.PartitionedDataset, path: data/03/parts, dataset: text.TextDataset}
log: {type: text.TextDataset, filepath: data/04/log.txt, fs_args: {open_args_save: {mode: a}}}
"""
REGISTRY = """
from kedro.pipeline import Pipeline, node


def make(text, word):
    return text + word, {word: word}, word


def register_pipelines():
    return {"__default__": Pipeline([node(make, ["a", "params:word"], ["b", "parts", "log"])])}
"""


class Made(Project):
    """A project whose pipeline saves a file, partitions and a log."""

    package = "made"

    def kedro_run(self, *options: str, **variables: str) -> str:
        """`kedro run`, and what it says."""
        return self.python("-m", "kedro", "run", *options, PYTHONPATH="src", **variables).stdout

    def records(self) -> dict[str, dict[str, Any]]:
        """The records of the current branch by their datasets."""
        records = [json.loads(path.read_text()) for path in (self.folder / "data/_steel_toes").rglob("*.json")]
        return {record["dataset"]: record for record in records}

    def writers(self, dataset: str, unit: str = ".") -> list[dict[str, Any]]:
        """Those whose data a unit holds, the last one last."""
        record = self.records()[dataset]
        keys = record["data"][unit].split(" ")[1].split(",")
        return [record["writers"][key] for key in keys]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    """On feature/x, with main's data; main's is the same when the test is over."""
    files = {
        "conf/base/catalog.yml": CATALOG,
        "conf/base/parameters.yml": "word: one\n",
        "conf/prod/catalog.yml": "{}\n",
        "src/made/pipeline_registry.py": REGISTRY,
        "data/02/a.txt": "main's a",
        "data/02/b.txt": "main's b",
        "data/03/parts/main": "main's part",
        "data/04/log.txt": "main's log",
    }
    made = Made.committed(tmp_path / "made", files, monkeypatch)
    monkeypatch.chdir(made.folder)
    made.switch("feature/x")
    yield made
    made.assert_main_unchanged()


def test_each_unit_says_it(made: Made) -> None:
    """A unit names the code that saved it; a log all that appended to it; partitions of two runs each their own."""
    made.kedro_run()
    (first,) = made.writers("b")
    assert re.fullmatch(r"[0-9a-f]{16}", first["source_tree"])
    assert (first["edits"], first["env"], first["params"]) == ({}, None, None)
    write(made.folder, {"conf/base/parameters.yml": "word: two\n"})
    made.kedro_run()
    (second,) = made.writers("b")
    assert second["source_tree"] != first["source_tree"]
    assert second["edits"] == {"conf/base/parameters.yml": made.git("hash-object", "conf/base/parameters.yml")}
    trees = {unit: made.writers("parts", unit)[0]["source_tree"] for unit in ("one", "two")}
    assert trees == {"one": first["source_tree"], "two": second["source_tree"]}
    assert [writer["source_tree"] for writer in made.writers("log")] == [first["source_tree"], second["source_tree"]]


@pytest.mark.parametrize("runner", ["SequentialRunner", "ThreadRunner", "ParallelRunner"])
def test_wherever_it_runs(made: Made, runner: str) -> None:
    """Each runner's records say the same; data in the project's own folder is no code."""
    made.kedro_run("--runner", runner)
    (writer,) = made.writers("b")
    made.kedro_run("--runner", runner)
    assert made.writers("b")[0]["source_tree"] == writer["source_tree"]
    assert writer["edits"] == {}


def test_how_it_was_started(made: Made) -> None:
    """Kedro's environment and the parameters of the command line stand in the record, whatever their order."""
    made.kedro_run("--env", "prod", "--params", "word=three,more.one=1,more.two=2")
    (first,) = made.writers("b")
    assert first["env"] == "prod"
    assert re.fullmatch(r"[0-9a-f]{16}", first["params"])
    made.kedro_run("--params", "more.two=2,word=three,more.one=1")
    (again,) = made.writers("b")
    assert (again["env"], again["params"]) == (None, first["params"])
    made.kedro_run("--params", "word=four")
    assert made.writers("b")[0]["params"] not in (None, first["params"])


def test_a_container_without_git(made: Made, tmp_path: Path) -> None:
    """With what `whoami --export` prints, a copy without a repository writes the same."""
    write(made.folder, {"src/made/more.py": "MORE = 1\n"})
    made.kedro_run()
    (writer,) = made.writers("b")
    lines = made.call("whoami", "--export").stdout.splitlines()
    variables = dict(shlex.split(line)[1].split("=", 1) for line in lines)
    assert writer["edits"] == {"src/made/more.py": made.git("hash-object", "src/made/more.py")}
    container = Made(tmp_path / "container", made.patch)
    shutil.copytree(made.folder, container.folder, ignore=shutil.ignore_patterns(".git", "_steel_toes", "*--*"))
    container.kedro_run(**variables)
    (elsewhere,) = container.writers("b")
    same = ("source_tree", "edits", "commit", "dirty")
    assert {name: elsewhere[name] for name in same} == {name: writer[name] for name in same}
    del variables["STEEL_TOES_CODE"]
    container.kedro_run(**variables)
    assert container.writers("b")[0]["source_tree"] is None


def test_edited_while_it_runs(made: Made) -> None:
    """Code that is edited after it was loaded says nothing, and the run says so once."""
    edit = (
        "from pathlib import Path\n"
        "Path('src/made/more.py').write_text('MORE = 2\\n')\n"
        "import os, time\n"
        "os.utime('src/made/more.py', (time.time() + 10, time.time() + 10))\n"
    )
    write(made.folder, {"src/made/pipeline_registry.py": edit + REGISTRY, "src/made/more.py": "MORE = 1\n"})
    said = made.kedro_run()
    assert said.count("a file of the code changed after it was loaded") == 1
    (writer,) = made.writers("b")
    assert (writer["source_tree"], writer["edits"]) == (None, None)


def test_more_code(made: Made) -> None:
    """`SteelToes(code=...)` takes files out."""
    made.kedro_run()
    (before,) = made.writers("b")
    settings = (
        'from steel_toes import SteelToes\n\nHOOKS = (SteelToes(code=["!src/made/settings.py", "!src/made/x"]),)\n'
    )
    write(made.folder, {"src/made/settings.py": settings, "src/made/x/a.py": "a\n"})
    made.kedro_run()
    (after,) = made.writers("b")
    assert after["source_tree"] != before["source_tree"]
    # A file that is taken out is none of main's either.
    assert after["edits"] == {}


@pytest.mark.parametrize("code", ["src", ["/src"], ["../src"], ["."], [""], [1]])
def test_wrong_code(code: Any) -> None:
    """What is no list of paths from the top is an error."""
    from steel_toes import ConfigurationError, SteelToes

    with pytest.raises(ConfigurationError, match="code="):
        SteelToes(code=code)


def test_on_main_nobody_asks(made: Made) -> None:
    """On main Git is asked for the branch and for nothing else."""
    made.switch("main")
    trace = made.folder.parent / "trace"
    made.python("-m", "kedro", "catalog", "describe-datasets", PYTHONPATH="src", GIT_TRACE=str(trace))
    asked = set(re.findall(r"built-in: git (\S+)", trace.read_text()))
    # Kedro itself asks for the commit.
    assert asked - {"rev-parse", "status"} == {"symbolic-ref"}
