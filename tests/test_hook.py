"""`SteelToes`: its arguments, and what it says."""

from __future__ import annotations

import inspect
import logging
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DatasetError
from kedro_datasets.text import TextDataset

from steel_toes import ConfigurationError, SteelToes, SteelToesError
from steel_toes.catalog.install import is_installed
from steel_toes.hook import commanded

pytestmark = pytest.mark.contract


CONFIG = {"a": {"type": "text.TextDataset", "filepath": "data/a.txt"}}


class TestArguments:
    """What the constructor takes."""

    @pytest.mark.parametrize(
        ("arguments", "setting", "words"),
        [
            ({"layout": "tree"}, "layout", ["'tree'", "suffix"]),
            ({"layout": ""}, "layout", ["suffix"]),
            ({"layout": None}, "layout", ["suffix"]),
            ({"shared": "companies"}, "shared", ["shared=['companies']"]),
            ({"shared": [1]}, "shared", ["1"]),
            ({"location_parameters": {"my.Dataset": 1}}, "location_parameters", ["my.Dataset"]),
            ({"location_parameters": ["my.Dataset"]}, "location_parameters", ["my.Dataset"]),
            ({"shared": None}, "shared", ["None", "names, patterns or classes"]),
            ({"shared": 5}, "shared", ["5", "names, patterns or classes"]),
            ({"branch": 5}, "branch", ["not a text"]),
            ({"main": ["main"]}, "main", ["not a text"]),
            ({"records": 5}, "records", ["not a text"]),
            ({"records": " "}, "records", ["blank"]),
            ({"project": b"shop"}, "project", ["not a text"]),
            ({"project": ""}, "project", ["blank"]),
            ({"create_buckets": "no"}, "create_buckets", ["'no'", "Give True or False"]),
            ({"record_author": "false"}, "record_author", ["'false'", "Give True or False"]),
            ({"record_author": None}, "record_author", ["Give True or False"]),
        ],
    )
    def test_refused(self, arguments: dict, setting: str, words: list[str]) -> None:
        """A value that cannot be used is refused where it is written, with what to write."""
        with pytest.raises(ConfigurationError, match=f"Cannot use {setting}=") as caught:
            SteelToes(**arguments)
        assert caught.value.setting == setting
        assert isinstance(caught.value, SteelToesError)
        assert isinstance(caught.value, ValueError)
        for word in words:
            assert word in str(caught.value)

    @pytest.mark.parametrize(
        "arguments",
        [
            {},
            {"branch": "feature/x", "main": "trunk", "project": "shop", "record_author": False},
            {"records": "data/records"},
            {"records": Path("data/records")},
            {"shared": ["companies", "raw_*", TextDataset]},
            {"shared": (TextDataset,)},
            {"location_parameters": {"my.Dataset": "folder"}},
        ],
    )
    def test_taken(self, arguments: dict) -> None:
        """Names, patterns and classes are shared; paths may be paths."""
        SteelToes(**arguments)

    def test_by_keyword(self) -> None:
        """Every argument has a name, so that settings.py says what it means."""
        with pytest.raises(TypeError):
            SteelToes("feature/x")
        kinds = {parameter.kind for parameter in inspect.signature(SteelToes).parameters.values()}
        assert kinds == {inspect.Parameter.KEYWORD_ONLY}

    def test_unknown(self) -> None:
        """An argument with another name is refused."""
        with pytest.raises(TypeError, match="share"):
            SteelToes(share=["a"])

    def test_copies(self, checkout: Any) -> None:
        """What is done to a list after it was given changes nothing."""
        shared: list = []
        hook = SteelToes(shared=shared)
        shared.append("a")
        checkout.plain(CONFIG).save("a", "old")
        checkout.on("feature/x")
        checkout.catalog(CONFIG, hook).save("a", "new")

    def test_enabled(self, checkout: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """A STEEL_TOES_ENABLED that is neither true nor false is an error, not a guess."""
        checkout.on("feature/x")
        monkeypatch.setenv("STEEL_TOES_ENABLED", "maybe")
        with pytest.raises(ConfigurationError, match="STEEL_TOES_ENABLED='maybe'"):
            checkout.catalog(CONFIG)

    @pytest.mark.parametrize("by", ["argument", "variable"])
    def test_branch(self, checkout: Any, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
        """SteelToes(branch=...) and STEEL_TOES_BRANCH say which branch it is, whatever Git says."""
        checkout.plain(CONFIG).save("a", "old")
        checkout.on("feature/x")
        if by == "variable":
            monkeypatch.setenv("STEEL_TOES_BRANCH", "other")
        catalog = checkout.catalog(CONFIG, SteelToes(branch="other") if by == "argument" else None)
        catalog.save("a", "new")
        assert Path("data/a--other.txt").read_text() == "new"


class TestWords:
    """What the hook says when a catalog is made."""

    @pytest.fixture(autouse=True)
    def _logger(self, caplog: pytest.LogCaptureFixture) -> Any:
        logger = logging.getLogger("steel_toes")
        before = logger.level
        logger.setLevel(logging.NOTSET)
        yield
        logger.setLevel(before)

    def said(self, caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
        """The level and the text of each line of ours."""
        records = [record for record in caplog.records if record.name.split(".")[0] == "steel_toes"]
        return [(record.levelname, record.getMessage()) for record in records]

    def test_on_a_branch(self, checkout: Any, caplog: pytest.LogCaptureFixture) -> None:
        """One line names the branch, who said so, and where saves go; the logger's own level lets it through."""
        checkout.on("feature/x")
        checkout.catalog(CONFIG)
        line = "steel-toes: on branch feature/x (from Git); saves go to *--feature-x-217d2bf5*"
        assert self.said(caplog) == [("INFO", line)]
        assert logging.getLogger("steel_toes").level == logging.INFO

    def test_own_level(self, checkout: Any, caplog: pytest.LogCaptureFixture) -> None:
        """A level that the user has set stays."""
        logging.getLogger("steel_toes").setLevel(logging.WARNING)
        checkout.on("feature/x")
        checkout.catalog(CONFIG)
        assert self.said(caplog) == []
        assert logging.getLogger("steel_toes").level == logging.WARNING

    def test_on_main(self, checkout: Any, caplog: pytest.LogCaptureFixture) -> None:
        """On main it says nothing at all and touches no level."""
        caplog.set_level(logging.DEBUG)
        checkout.catalog(CONFIG)
        assert self.said(caplog) == []
        assert logging.getLogger("steel_toes").level == logging.NOTSET

    def test_prints_nothing(self, checkout: Any, capfd: pytest.CaptureFixture) -> None:
        """Words go through `logging`, and nowhere else: without it there is silence."""
        checkout.on("feature/x")
        logging.disable(logging.CRITICAL)
        try:
            checkout.catalog(CONFIG).save("a", "new")
            checkout.catalog({"log": {**CONFIG["a"], "fs_args": {"open_args_save": {"mode": "a"}}}}).save("log", "more")
        finally:
            logging.disable(logging.NOTSET)
        assert capfd.readouterr() == ("", "")

    def test_unknown(self, checkout: Any, caplog: pytest.LogCaptureFixture) -> None:
        """An unknown branch is a warning with the reason."""
        checkout.git("switch", "-q", "--detach")
        checkout.catalog(CONFIG)
        ((level, line),) = self.said(caplog)
        assert level == "WARNING"
        assert "the branch is unknown" in line
        assert "detached" in line

    def test_another_branch_than_gits(self, checkout: Any, caplog: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """A variable that names another branch than Git's is one warning, and the variable's branch is written."""
        checkout.on("feature/x")
        monkeypatch.setenv("STEEL_TOES_BRANCH", "other")
        checkout.catalog(CONFIG).save("a", "new")
        (level, line), (_, branch) = self.said(caplog)
        assert (level, "STEEL_TOES_BRANCH says other, and Git is on feature/x" in line) == ("WARNING", True)
        assert "on branch other" in branch

    def test_a_forgotten_main(self, checkout: Any, caplog: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """A variable that names main while Git is on a branch: main is read, and a save is refused, naming both."""
        checkout.plain(CONFIG).save("a", "old")
        checkout.on("feature/x")
        monkeypatch.setenv("STEEL_TOES_BRANCH", "main")
        catalog = checkout.catalog(CONFIG)
        assert catalog.load("a") == "old"
        with pytest.raises(DatasetError, match="STEEL_TOES_BRANCH says main, but Git is on feature/x"):
            catalog.save("a", "new")
        ((level, line),) = self.said(caplog)
        assert (level, "Git is on feature/x" in line) == ("WARNING", True)

    def test_twice(self, checkout: Any, caplog: pytest.LogCaptureFixture) -> None:
        """A catalog that is branched already gets a hint that the hook may be registered twice."""
        checkout.on("feature/x")
        catalog = checkout.catalog(CONFIG)
        caplog.clear()
        SteelToes().after_catalog_created(catalog)
        ((level, line),) = self.said(caplog)
        assert level == "WARNING"
        assert "Keep one SteelToes() among the HOOKS" in line


def test_nothing_else_is_public():
    """The hook object has its hook methods, and nothing else that a user could call, read or come to rely on."""
    public = {name for name in dir(SteelToes(branch="feature/x")) if not name.startswith("_")}
    assert public == {
        "after_context_created",
        "after_catalog_created",
        "before_pipeline_run",
        "after_pipeline_run",
        "on_pipeline_error",
        "before_dataset_loaded",
        "before_node_run",
    }


def test_a_command_decides_of_catalogs(checkout: Any) -> None:
    """While a command looks at the project, it is given Kedro's catalogs; afterwards, also after an error, not."""
    hook = SteelToes(branch="feature/x")
    catalogs: list[Any] = []
    with commanded(hook, catalogs.append):
        catalog = checkout.catalog(CONFIG, hook)
    assert catalogs == [catalog]
    assert not is_installed(catalog)
    with pytest.raises(ZeroDivisionError), commanded(hook, catalogs.append):
        raise ZeroDivisionError
    assert is_installed(checkout.catalog(CONFIG, hook))
