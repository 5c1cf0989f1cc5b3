"""`SteelToes`: its arguments, what importing it costs, what it says, and what it needs of Kedro."""

from __future__ import annotations

import inspect
import logging
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import kedro
import pytest
from kedro.io import AbstractDataset, CachedDataset, DataCatalog, MemoryDataset
from kedro.io.core import AbstractVersionedDataset, Version, parse_dataset_definition
from kedro.io.data_catalog import _LazyDataset
from kedro_datasets.text import TextDataset

import steel_toes
from steel_toes import ConfigurationError, SteelToes, SteelToesError

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


class TestPackage:
    """The closed door."""

    def test_all(self) -> None:
        """These are the public names, sorted, and each is there."""
        assert steel_toes.__all__ == [
            "ChangedCopyError",
            "ConcurrentSaveError",
            "ConfigurationError",
            "LoadRefusedError",
            "SaveRefusedError",
            "SteelToes",
            "SteelToesError",
            "TornCopyError",
        ]
        assert sorted(steel_toes.__all__) == steel_toes.__all__
        for name in steel_toes.__all__:
            assert getattr(steel_toes, name).__doc__

    def test_import_is_light(self) -> None:
        """`import steel_toes` pulls in neither Git, nor click, nor a cloud's filesystem, nor a dataset's library."""
        code = "import sys; before = set(sys.modules); import steel_toes; print(*set(sys.modules) - before)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        roots = {name.split(".")[0] for name in done.stdout.split()}
        assert "steel_toes" in roots
        heavy = {"git", "gitdb", "click", "rich", "s3fs", "gcsfs", "adlfs", "aiohttp", "boto3", "botocore", "requests"}
        assert not roots & (heavy | {"pandas", "pyarrow", "numpy", "kedro_datasets", "IPython"})

    def test_catalog_import_is_light(self, checkout: Any) -> None:
        """On main not even the hook pulls in what only a branch needs."""
        code = """
import sys
from kedro.io import DataCatalog
from steel_toes import SteelToes
before = set(sys.modules)
SteelToes().after_catalog_created(DataCatalog())
print(*set(sys.modules) - before)
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert not {name.split(".")[0] for name in done.stdout.split()} & {"click", "s3fs", "gcsfs", "adlfs", "pandas"}

    def test_version(self) -> None:
        """`__version__` is the installed package's, read when it is asked for."""
        try:
            installed = version("steel-toes")
        except PackageNotFoundError:
            pytest.skip("steel-toes is not installed here")
        code = "import steel_toes; assert '__version__' not in vars(steel_toes); print(steel_toes.__version__)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == installed

    def test_unknown_name(self) -> None:
        """A name that is not there is an AttributeError, as in any module."""
        with pytest.raises(AttributeError, match="nothing"):
            _ = steel_toes.nothing


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

    def test_twice(self, checkout: Any, caplog: pytest.LogCaptureFixture) -> None:
        """A catalog that is branched already gets a hint that the hook may be registered twice."""
        checkout.on("feature/x")
        catalog = checkout.catalog(CONFIG)
        caplog.clear()
        SteelToes().after_catalog_created(catalog)
        ((level, line),) = self.said(caplog)
        assert level == "WARNING"
        assert "registered twice" in line


ADVICE = (
    f"Kedro {kedro.__version__} has changed {{what}}, on which steel_toes/catalog/install.py stands. Read what "
    "replaced it in kedro/io, follow it in steel_toes/catalog/install.py (the one module that may know), and run "
    "tests/test_catalog.py and tests/test_proxy.py. If older Kedro versions need the old name too, keep both; else "
    "raise the lower bound of kedro in pyproject.toml."
)


def check(what: str, holds: bool) -> None:
    """Fail with what to do about it."""
    if not holds:
        pytest.fail(ADVICE.format(what=what))


class TestKedrosPrivateNames:
    """The names of Kedro that are not public and that the catalog module uses."""

    def test_of_the_catalog(self) -> None:
        """DataCatalog keeps placeholders in `_lazy_datasets` and datasets in `_datasets`, both plain dicts."""
        catalog = DataCatalog.from_config(CONFIG)
        for name in ("_lazy_datasets", "_datasets", "_load_versions"):
            check(f"DataCatalog.{name}", type(vars(catalog).get(name)) is dict)
        check("DataCatalog._save_version", "_save_version" in vars(catalog))
        lazy = catalog._lazy_datasets["a"]
        check("the placeholders in DataCatalog._lazy_datasets", type(lazy) is _LazyDataset)
        dataset = catalog["a"]
        check("how DataCatalog.get stores a dataset that it built", catalog._datasets.get("a") is dataset)
        check("how DataCatalog.get drops the placeholder", "a" not in catalog._lazy_datasets)

    def test_of_the_placeholder(self) -> None:
        """_LazyDataset(name, config, load_version, save_version) has these attributes, and `materialize()`."""
        parameters = list(inspect.signature(_LazyDataset).parameters)
        check("_LazyDataset's arguments", parameters == ["name", "config", "load_version", "save_version"])
        lazy = _LazyDataset("a", CONFIG["a"], "1", "2")
        check(
            "_LazyDataset's attributes", vars(lazy) == dict(zip(parameters, ("a", CONFIG["a"], "1", "2"), strict=True))
        )
        check("_LazyDataset.materialize", type(lazy.materialize()) is TextDataset)
        parameters = list(inspect.signature(AbstractDataset.from_config).parameters)
        check("AbstractDataset.from_config", parameters[:4] == ["name", "config", "load_version", "save_version"])

    def test_of_the_resolver(self) -> None:
        """The resolver holds explicit entries, factory patterns and the user's catch-all, resolved, in these dicts."""
        pattern, catch_all = ({"type": "text.TextDataset", "filepath": path} for path in ("{n}.txt", "{all}"))
        resolver = DataCatalog.from_config({**CONFIG, "{n}_t": pattern, "{all}": catch_all}).config_resolver
        check("CatalogConfigResolver.config", resolver.config == CONFIG)
        check("CatalogConfigResolver._dataset_patterns", resolver._dataset_patterns == {"{n}_t": pattern})
        check("CatalogConfigResolver._user_catch_all_pattern", resolver._user_catch_all_pattern == {"{all}": catch_all})

    def test_of_datasets(self) -> None:
        """A dataset remembers its arguments in `_init_args`, says `_EPHEMERAL`, and a cache wraps `_dataset`."""
        dataset = TextDataset(filepath="a.txt", version=Version(None, None))
        remembered = getattr(dataset, "_init_args", {})
        check("AbstractDataset._init_args", remembered.get("filepath") == "a.txt" and "version" in remembered)
        check("AbstractDataset._EPHEMERAL", dataset._EPHEMERAL is False and MemoryDataset()._EPHEMERAL is True)
        cached = CachedDataset(dataset)
        check("CachedDataset._dataset", getattr(cached, "_dataset", None) is dataset)
        check("CachedDataset._EPHEMERAL", cached._EPHEMERAL is True)
        check("AbstractDataset._describe", "filepath" in dataset._describe())
        check("AbstractDataset._copy", dataset._copy(_version=None) is not dataset)
        check("AbstractVersionedDataset._version", dataset._version == Version(None, None))
        for name in ("resolve_load_version", "resolve_save_version", "_fetch_latest_load_version", "_get_load_path"):
            check(f"AbstractVersionedDataset.{name}", callable(getattr(AbstractVersionedDataset, name, None)))

    def test_of_subclasses(self) -> None:
        """A subclass without an `__init__` of its own is remembered by args and kwargs."""

        class Own(TextDataset):
            pass

        remembered = Own(filepath="a.txt")._init_args
        check(
            "how a subclass without __init__ is remembered", remembered == {"args": (), "kwargs": {"filepath": "a.txt"}}
        )

    def test_of_definitions(self) -> None:
        """`parse_dataset_definition` gives the class and its arguments."""
        found, arguments = parse_dataset_definition(dict(CONFIG["a"]))
        check("parse_dataset_definition", found is TextDataset and arguments["filepath"] == "data/a.txt")
