"""The ways in which a user's own slip has overwritten main: each is refused, or said loudly, and main stays."""

from __future__ import annotations

import logging
import logging.config
from typing import Any

import pytest
from kedro.io import DatasetError
from kedro.pipeline import node, pipeline
from kedro.runner import SequentialRunner

from steel_toes import SteelToes
from steel_toes.errors import ConfigurationError, SwitchedCheckoutError
from support.entries import saved_on_main, text

pytestmark = pytest.mark.contract

CONFIG = {"a": text("data/a.txt")}
QUOTED = ["false", "no", "true", 1, None]


@pytest.fixture
def on_branch(checkout: Any) -> Any:
    """A checkout on feature/x, where main has data."""
    saved_on_main(checkout, CONFIG, a="main's")
    return checkout


@pytest.mark.parametrize("value", QUOTED)
def test_a_quoted_shared(on_branch: Any, value: Any) -> None:
    """`shared: "false"` in the metadata, quoted or interpolated, shares nothing: it is neither true nor false."""
    config = {"a": text("data/a.txt", metadata={"steel_toes": {"shared": value}})}
    with pytest.raises(ConfigurationError, match=r"metadata\.steel_toes\.shared of a="):
        on_branch.catalog(config)["a"].save("the branch's")
    on_branch.assert_main_unchanged()


@pytest.mark.parametrize("metadata", [{"shred": True}, {"shared": True, "more": 1}, True, "shared", ["shared"]])
def test_a_misspelled_shared(on_branch: Any, metadata: Any) -> None:
    """Unknown keys and other shapes are errors: whoever wrote them meant something."""
    config = {"a": text("data/a.txt", metadata={"steel_toes": metadata})}
    with pytest.raises(ConfigurationError, match="metadata"):
        on_branch.catalog(config)["a"].save("the branch's")
    on_branch.assert_main_unchanged()


def test_a_wrong_parameter(on_branch: Any) -> None:
    """A parameter that is taught, and that the entry does not have, is named with those that it has."""
    hook = SteelToes(location_parameters={"text.TextDataset": "file_path"})
    with pytest.raises(DatasetError, match=r"Name one that it has: filepath\.") as refused:
        on_branch.catalog(CONFIG, hook)["a"].save("the branch's")
    assert "Give the entry another location" not in str(refused.value)
    on_branch.assert_main_unchanged()


@pytest.mark.parametrize("name", ["steel-toes", "steeltoes", "Steel_Toes", "steel toes"])
def test_a_near_miss_of_the_name(on_branch: Any, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Metadata that is nearly ours harms nothing, and is one warning: the entry is branched."""
    config = {"a": text("data/a.txt", metadata={name: {"shared": True}})}
    on_branch.catalog(config)["a"].save("the branch's")
    assert f"`{name}`" in caplog.text
    assert "`steel_toes`" in caplog.text
    on_branch.assert_main_unchanged()


@pytest.mark.parametrize("value", ["false", "0", "no", "OFF"])
def test_switched_off_on_a_branch(
    on_branch: Any, value: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forgotten STEEL_TOES_ENABLED=false is a warning in every run on a branch, which names the branch."""
    monkeypatch.setenv("STEEL_TOES_ENABLED", value)
    for _ in range(2):
        caplog.clear()
        on_branch.catalog(CONFIG)
        (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
        assert "STEEL_TOES_ENABLED" in record.getMessage()
        assert "branch feature/x" in record.getMessage()


def test_switched_off_on_main(checkout: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """On main, and where nobody knows the branch, there is nothing to say."""
    monkeypatch.setenv("STEEL_TOES_ENABLED", "false")
    checkout.catalog(CONFIG)
    checkout.git("commit", "-q", "--allow-empty", "-m", "x")
    checkout.git("switch", "-q", "--detach")
    checkout.catalog(CONFIG)
    assert not caplog.records


def test_a_variable_that_names_main(on_branch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A forgotten `export STEEL_TOES_BRANCH=main` refuses saves while Git is on a branch, and names both."""
    monkeypatch.setenv("STEEL_TOES_BRANCH", "main")
    with pytest.raises(DatasetError, match=r"(?s)main.*feature/x"):
        on_branch.catalog(CONFIG)["a"].save("the branch's")
    on_branch.assert_main_unchanged()


def test_an_argument_that_names_main(on_branch: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A `branch="main"` that was left in settings.py counts, and each run says that main is written."""
    on_branch.catalog(CONFIG, SteelToes(branch="main"))
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "SteelToes(branch='main')" in record.getMessage()
    assert "Git is on feature/x" in record.getMessage()


def test_a_variable_that_makes_main_of_a_branch(
    on_branch: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A STEEL_TOES_MAIN of another project counts, and each run says so, where there is a branch `main` too."""
    monkeypatch.setenv("STEEL_TOES_MAIN", "feature/x")
    on_branch.catalog(CONFIG)
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "STEEL_TOES_MAIN says that feature/x is main" in record.getMessage()
    caplog.clear()
    on_branch.catalog(CONFIG, SteelToes(main="feature/x"))
    assert not caplog.records


def test_a_notebook_opened_on_main(checkout: Any) -> None:
    """A process that has loaded main's code does not go on as a branch, nor one of a branch as main."""
    hook = SteelToes()
    checkout.catalog(CONFIG, hook)["a"].save("main's")
    checkout.git("switch", "-q", "-c", "feature/x")
    with pytest.raises(SwitchedCheckoutError, match=r"branch main, and Git now says .*feature/x"):
        checkout.catalog(CONFIG, hook)


def test_what_a_run_writes_to_main(on_branch: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Shared entries are written in main's place on purpose, and the log of each run says which were."""
    config = {name: text(f"data/{name}.txt") for name in ("a", "b", "c")}
    config["b"]["metadata"] = {"steel_toes": {"shared": True}}
    hook = SteelToes(shared=["nothing_of_th*", "b*", "text.TextDataset_", "pandas.SQLTableDataset", str])
    catalog = on_branch.catalog(config, hook)
    # A pattern that matches nothing is mistyped, and shares nothing.
    idle = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert ["nothing_of_th*" in idle[0], "text.TextDataset_" in idle[1], len(idle)] == [True, True, 2]
    nodes = pipeline([node(str.upper, "a", "b", name="make_b"), node(str.upper, "b", "c", name="make_c")])
    told = {"run_params": {}, "pipeline": nodes, "catalog": catalog}
    hook.before_pipeline_run(**told)
    SequentialRunner().run(nodes, catalog)
    caplog.clear()
    hook.after_pipeline_run(**told)
    assert [record.getMessage() for record in caplog.records if record.name == "steel_toes"] == [
        "steel-toes: 0 inputs from the branch, 1 from main; wrote 1 dataset to the branch: c",
        "steel-toes: saves of 1 dataset went to main's data, since the entries are shared: b",
    ]


def test_loggers_that_were_there_before(on_branch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A logging configuration that disables existing loggers, as Python's does by default, leaves ours."""
    handlers = {"plain": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}}
    root = logging.getLogger()
    kept_handlers, level = root.handlers[:], root.level
    others = [other for other in logging.Logger.manager.loggerDict.values() if isinstance(other, logging.Logger)]
    were_disabled = {other: other.disabled for other in others}
    config = {"version": 1, "disable_existing_loggers": True, "handlers": handlers}
    try:
        logging.config.dictConfig({**config, "root": {"handlers": ["plain"], "level": "WARNING"}})
        on_branch.catalog(CONFIG, SteelToes(shared=["nothing_at_all"]))
    finally:
        root.handlers[:] = kept_handlers
        root.setLevel(level)
        for other, was_disabled in were_disabled.items():
            other.disabled = was_disabled
    assert "nothing_at_all" in capsys.readouterr().out


@pytest.mark.parametrize(("folder", "warns"), [("data", True), ("data/parts", False)])
def test_an_entry_that_lists_everything(
    on_branch: Any, folder: str, warns: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """A template that was left as an entry moves all the others with it, which each run says, with both ways out."""
    parts = {"type": "partitions.PartitionedDataset", "path": folder, "dataset": "text.TextDataset"}
    config = {"_template": parts, **{name: text(f"data/02/{name}.txt") for name in "abcdef"}}
    hook = SteelToes()
    catalog = on_branch.catalog(config, hook)
    nodes = pipeline([node(str.upper, "a", "b", name="make_b")])
    hook.before_pipeline_run(run_params={}, pipeline=nodes, catalog=catalog)
    said = [record.getMessage() for record in caplog.records if "6 of the 7 locations" in record.getMessage()]
    assert len(said) == warns
    assert all("data--feature-x-217d2bf5" in line and "remove it" in line for line in said)
