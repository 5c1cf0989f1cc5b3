"""What people see: each table in a terminal of each width, on a branch with a long name and with paths in a bucket."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
import yaml

from support.project import Project, session_wide
from support.servers import moto, needs

BRANCH = "feature/RD-1234-new-customer-model"
SLUG = "feature-rd-1234-new-customer-model-303469d0"
WIDTHS = (80, 100, 120, 200)
COMMANDS = {
    "whoami": ["whoami"],
    "status": ["status"],
    "branches": ["branches"],
    "clean": ["clean", "--branch", BRANCH],
    "adopt": ["adopt", "reviews"],
}
NAMES = {
    "whoami": [],
    "status": ["companies", "model_input_table_of_all_shuttles", "regressor", "months", "lookup", "rates", "notes"],
    "branches": [BRANCH],
    "clean": ["model_input_table_of_all_shuttles", "preprocessed_companies", "regressor", "months"],
    "adopt": ["reviews"],
}
PATHS = {name: [*COMMANDS[name], "--paths"] for name in ("status", "clean", "adopt")}
TEXTS = ("companies", "reviews", "preprocessed_companies", "model_input_table_of_all_shuttles")
REGISTRY = """
from kedro.pipeline import Pipeline, node


def register_pipelines():
    return {"__default__": Pipeline([node(len, "companies", "preprocessed_companies")])}
"""


class Far(Project):
    """A project whose data lies in a bucket."""

    package = "far"


def catalog(credentials: dict[str, object]) -> dict[str, dict[str, object]]:
    """The entries: files, versions, partitions, a shared one, an address, one in memory."""
    far = {"credentials": "own"}
    texts = {name: {"type": "text.TextDataset", "filepath": f"s3://team-data/02/{name}.txt", **far} for name in TEXTS}
    return {
        **texts,
        "regressor": {
            "type": "pickle.PickleDataset",
            "filepath": "s3://team-data/06/regressor.pickle",
            "versioned": True,
            **far,
        },
        "months": {
            "type": "partitions.PartitionedDataset",
            "path": "s3://team-data/03/months",
            "dataset": "text.TextDataset",
            **far,
        },
        "lookup": {**texts["companies"], "metadata": {"steel_toes": {"shared": True}}},
        "rates": {"type": "text.TextDataset", "filepath": "https://example.invalid/rates.txt"},
        "notes": {"type": "MemoryDataset"},
    }


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Far]:
    """The project, on the branch, which has some copies and a file without a record."""
    needs("s3", "s3fs", "moto", install="the group `stores`")
    import s3fs

    folder = tmp_path_factory.mktemp("far")
    with session_wide() as patch, moto(folder) as server:
        files = {
            "conf/base/catalog.yml": yaml.safe_dump(catalog(server.credentials)),
            "conf/local/credentials.yml": yaml.safe_dump({"own": server.credentials}),
            "src/far/pipeline_registry.py": REGISTRY,
        }
        project = Far.committed(folder / "far", files, patch)
        patch.chdir(project.folder)
        bucket = s3fs.S3FileSystem(**server.credentials)
        if not bucket.exists("team-data"):
            bucket.mkdir("team-data")
        saves = {**dict.fromkeys(TEXTS, "x" * 1000), "regressor": 1, "months": {"2026-01": "a", "2026-02": "b"}}
        for branch in ("main", BRANCH):
            project.switch(branch)
            made = project.catalog()
            for name, data in saves.items():
                if branch == "main" or name not in ("companies", "reviews"):
                    made.save(name, data)
        bucket.pipe_file(f"team-data/02/reviews--{SLUG}.txt", b"put by hand")
        yield project


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("command", COMMANDS)
def test_it_fits(far: Far, monkeypatch: pytest.MonkeyPatch, command: str, width: int) -> None:
    """No line is wider than the terminal, no word is broken, and nothing is cut off."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.chdir(far.folder)
    result = far.call(*COMMANDS[command])
    for text in (result.stdout, result.stderr):
        assert max(map(len, text.splitlines()), default=0) <= width, text
        assert "\N{HORIZONTAL ELLIPSIS}" not in text
    # The slug stands once, above or in a sentence, and in no row.
    assert result.stdout.count(SLUG) == (command == "whoami")
    # Names are words, and none of them is broken.
    for name in NAMES[command]:
        assert re.search(rf"^{name}( |$)", result.stdout, re.MULTILINE), result.stdout


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("command", PATHS)
def test_paths_are_whole(far: Far, monkeypatch: pytest.MonkeyPatch, command: str, width: int) -> None:
    """With --paths each path stands whole in one line, with its scheme, and all else fits."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.chdir(far.folder)
    result = far.call(*PATHS[command])
    long_lines = [line for line in result.stdout.splitlines() if len(line) > width]
    assert all(re.fullmatch(r"s3://\S+", line) for line in long_lines), long_lines
    paths = set(re.findall(r"s3://\S+", result.stdout))
    assert paths
    data = str(far.json(*COMMANDS[command]))
    assert all(f"'{path}'" in data for path in paths)
    assert f"s3://team-data/02/reviews--{SLUG}.txt" in paths or command == "clean"


def test_columns_are_no_narrower_than_words(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell has at least six characters, and its longest word."""
    monkeypatch.chdir(far.folder)
    monkeypatch.setenv("COLUMNS", "80")
    head, *_ = far.call("status").stdout.splitlines()
    starts = [match.start() for match in re.finditer(r"\S+", head)]
    assert head.split() == ["dataset", "side", "saves", "size", "age", "main"]
    assert all(after - before >= 6 + 2 for before, after in pairwise(starts))
    assert starts[1] == len("model_input_table_of_all_shuttles") + 2


def test_what_stands_around(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the table of `status` stand the branch, the slug and the totals, below it what its words mean."""
    monkeypatch.chdir(far.folder)
    monkeypatch.setenv("COLUMNS", "200")
    said = far.call("status").stderr
    assert said.splitlines()[:3] == [
        f"Branch {BRANCH} (from Git).",
        f"Its copies are named *--{SLUG}*.",
        "9 datasets: 4 read from the branch (2.0 kB), 5 from main.",
    ]
    assert "read only, nobody saves it" in said
    assert "refused" not in said


def test_colours_are_for_terminals(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe gets no colours; a terminal gets the sides in theirs."""
    from rich.console import Console

    from steel_toes.cli.screen import Column, Row, Table, rendered

    monkeypatch.chdir(far.folder)
    assert "\x1b" not in far.call("status").stdout
    monkeypatch.delenv("NO_COLOR", raising=False)
    table = Table([Column("side", styles={"branch": "green"})], [Row(["branch"]), Row(["main"])])
    shown = rendered(table, Console(force_terminal=True, color_system="standard", width=80), shows_beneath=False)
    assert shown.splitlines()[1:] == ["\x1b[32mbranch\x1b[0m", "main"]


def test_nobody_elses_deprecations(far: Far) -> None:
    """What Kedro and OmegaConf warn of themselves is not shown by our commands."""
    call = "from steel_toes.cli.commands import group; group()"
    done = far.python("-W", "default", "-c", call, "branches")
    assert BRANCH in done.stdout
    assert "warn" not in done.stderr.lower()
