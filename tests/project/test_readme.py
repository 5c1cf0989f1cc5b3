"""The README cannot drift: what it shows runs, and what it prints is what comes out."""

import inspect
import re

import click
import pytest
import yaml
from kedro.io import DataCatalog

from steel_toes.cli.commands import group
from steel_toes.naming.layout import Layout
from support.servers import PERMISSIONS

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
QUICKSTART = "uv run examples/quickstart.py"
SUITE = "uv run pytest"
# The options of every command, which stand in the README once.
EVERYWHERE = {"json", "output", "params", "env", "conf_source"}


@pytest.fixture(scope="module")
def readme(root) -> str:
    """The README's text."""
    return (root / "README.md").read_text()


@pytest.fixture(scope="module")
def blocks(readme) -> dict[str, list[str]]:
    """The README's code blocks by their language."""
    found: dict[str, list[str]] = {}
    for language, text in BLOCK.findall(readme):
        found.setdefault(language, []).append(text)
    return found


def test_it_is_short(readme):
    """The README has fewer than 450 lines, and its first code stands before line 30."""
    assert len(readme.splitlines()) < 450
    assert readme[: readme.index("```")].count("\n") < 30


def test_languages_are_checked(blocks):
    """Every code block is of a kind that a test here runs or compares."""
    assert set(blocks) == {"console", "python", "sh", "text", "yaml"}


@pytest.mark.contract
def test_python_runs(blocks):
    """Each Python block is a whole settings.py, and runs."""
    for block in blocks["python"]:
        settings: dict[str, object] = {}
        exec(compile(block, "README.md", "exec"), settings)
        assert len(settings["HOOKS"]) == 1


@pytest.mark.contract
def test_yaml_is_a_catalog(blocks):
    """Each YAML block is a catalog that Kedro takes."""
    for block in blocks["yaml"]:
        config = yaml.safe_load(block)
        assert set(DataCatalog.from_config(config)) == set(config)


@pytest.mark.slow
@pytest.mark.xdist_group("quickstart")
def test_quickstart_prints_this(blocks, quickstart):
    """The output that the README shows is what the example prints, to the letter."""
    (shown,) = blocks["text"]
    assert shown == quickstart.story


def test_commands_are_run(blocks):
    """The README has two commands to copy: the example, and the tests."""
    assert [block.strip() for block in blocks["sh"]] == [
        f"pip install uv && {QUICKSTART}",
        f"pip install uv && {SUITE}",
    ]


def test_commands_are_what_help_says(readme):
    """The README's table has each command, with the options that only it has, and says of it what its help says."""
    section = readme.split("\n## Commands\n")[1].split("\n## ")[0]
    shown = re.findall(r"^\| `(\w+)(.*)` \| (.+) \|$", section, re.MULTILINE)
    told = []
    for name, command in group.commands.items():
        context = click.Context(command, info_name=name)
        pieces = [piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]"]
        own = [each for each in command.params if isinstance(each, click.Option) and each.name not in EVERYWHERE]
        options = ["/".join([*each.opts, *each.secondary_opts]) for each in own]
        words = [*pieces, *(f"[{option}]" for option in options)]
        first, *_ = inspect.cleandoc(command.help).split("\n\n")
        told.append((name, " ".join(["", *words]), " ".join(first.split())))
    assert [(name, usage.replace("\\|", "|"), text) for name, usage, text in shown] == told
    assert all({option.name for option in command.params} >= EVERYWHERE for command in group.commands.values())
    assert [name for name in EVERYWHERE if f"`--{name.replace('_', '-')}" not in section] == []
    assert re.search(r"Exit codes: 0\b.+\bnothing\b.+; 1\b.+\bfailed", " ".join(group.help.split()))


@pytest.mark.repository
def test_commands_are_what_ci_runs(root):
    """CI runs both of the README's commands, on the uv that `pip install uv` gives where there is none."""
    ci = (root / ".ci" / "run").read_text()
    assert QUICKSTART in ci
    assert SUITE in ci
    assert "pip install --quiet uv" in ci


def test_permissions_are_those_that_are_tried(readme):
    """The README's table of permissions is what the users of tests/laws/test_permissions.py are given."""
    table = readme.split("| | get | list | put and delete |")[1].split("\n\n")[0]
    shown = {}
    for line in table.strip().splitlines()[1:]:
        _, name, *cells, _ = line.split("|")
        globs = [[f"guarded/{glob}" for glob in re.findall(r"`(.+?)`", cell)] for cell in cells]
        shown[name.strip(" `")] = tuple(globs)
    assert shown == PERMISSIONS


def test_paths_are_the_layouts(readme):
    """Each line of the README's table of paths is what the layout answers."""
    table = readme.split("| main copy | branch copy |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| `(.+)` \| `(.+)` \|$", table, re.MULTILINE)
    assert len(rows) >= 5
    assert [Layout().copy(main, "feature-x") for main, _ in rows] == [branch for _, branch in rows]
