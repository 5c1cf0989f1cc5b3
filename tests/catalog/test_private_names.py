"""The private names of Kedro that steel_toes needs: a new Kedro that changes one fails here, loudly."""

from __future__ import annotations

import inspect

import kedro
import pytest
from kedro.io import AbstractDataset, CachedDataset, DataCatalog, MemoryDataset
from kedro.io.core import AbstractVersionedDataset, Version, parse_dataset_definition
from kedro.io.data_catalog import _LazyDataset
from kedro_datasets.partitions import PartitionedDataset
from kedro_datasets.text import TextDataset

pytestmark = pytest.mark.contract


CONFIG = {"a": {"type": "text.TextDataset", "filepath": "data/a.txt"}}
ADVICE = (
    f"Kedro {kedro.__version__} has changed {{what}}, on which steel_toes/catalog/install.py stands. Read what "
    "replaced it in kedro/io, follow it in steel_toes/catalog/install.py (the one module that may know), and run "
    "tests/catalog and tests/datasets. If older Kedro versions need the old name too, keep both; else "
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
        check("CachedDataset._cache", type(getattr(cached, "_cache", None)) is MemoryDataset)
        parts = PartitionedDataset(path="p", dataset={"type": TextDataset, "encoding": "utf-8"})
        check("PartitionedDataset._dataset_type", vars(parts).get("_dataset_type") is TextDataset)
        check("PartitionedDataset._dataset_config", vars(parts).get("_dataset_config") == {"encoding": "utf-8"})
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
