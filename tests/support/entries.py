"""Dataset classes of a project's own, entries of a catalog, and what becomes of them on a branch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kedro.io import AbstractDataset, DataCatalog, DatasetError
from kedro_datasets.text import TextDataset

from steel_toes import SaveRefusedError


class Lines(AbstractDataset):
    """A project's own class: a list of lines in a file."""

    def __init__(self, filepath: str, metadata: dict | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> list[str]:
        return self._filepath.read_text().splitlines()

    def save(self, data: list[str]) -> None:
        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        self._filepath.write_text("\n".join(data))

    def _exists(self) -> bool:
        return self._filepath.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


class Verses(Lines):
    """A subclass without an `__init__` of its own: Kedro remembers its arguments as args and kwargs."""


class Texts(TextDataset):
    """The same of a versioned class."""


class Shape(AbstractDataset):
    """A class whose location has a name that nobody can guess."""

    def __init__(self, folder: str, metadata: dict | None = None) -> None:
        self._folder = Path(folder)
        self.metadata = metadata

    def load(self) -> str:
        return (self._folder / "shape.txt").read_text()

    def save(self, data: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "shape.txt").write_text(data)

    def _describe(self) -> dict[str, Any]:
        return {"folder": str(self._folder)}


class Table(AbstractDataset):
    """A table of a database: a file in data/ stands for the server, whose address is no parameter."""

    def __init__(self, table_name: str, metadata: dict | None = None) -> None:
        self._table = table_name
        self.metadata = metadata

    def load(self) -> str:
        return Path("data", self._table).read_text()

    def save(self, data: str) -> None:
        Path("data").mkdir(exist_ok=True)
        Path("data", self._table).write_text(data)

    def _describe(self) -> dict[str, Any]:
        return {"table_name": self._table}


class Stubborn(Lines):
    """A class that does not do what its parameter says."""

    def __init__(self, filepath: str) -> None:
        super().__init__("data/always-here.txt")


class Folder(AbstractDataset):
    """A directory of files as one dataset."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def load(self) -> dict[str, str]:
        return {file.name: file.read_text() for file in sorted(self._path.iterdir())}

    def save(self, data: dict[str, str]) -> None:
        self._path.mkdir(parents=True, exist_ok=True)
        for name, text in data.items():
            (self._path / name).write_text(text)

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path)}


class AtMost:
    """A validator with an option."""

    def __init__(self, length: int) -> None:
        self.length = length

    def validate(self, data: str) -> str:
        if len(data) > self.length:
            msg = f"{data!r} is longer than {self.length}"
            raise ValueError(msg)
        return data


def text(path: str, **more: Any) -> dict[str, Any]:
    """The configuration of a text file."""
    return {"type": "text.TextDataset", "filepath": path, **more}


def own(cls: type, **more: Any) -> dict[str, Any]:
    """The configuration of a class of this module, as a catalog.yml would name it."""
    return {"type": f"{cls.__module__}.{cls.__qualname__}", **more}


def files(folder: str = "data") -> set[str]:
    """The files below a folder, without the records."""
    found = (path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())
    return {path for path in found if not path.startswith("_steel_toes/")}


def saved_on_main(checkout: Any, config: dict, **data: Any) -> None:
    """Save with plain Kedro on main, then go to `feature/x`."""
    catalog = checkout.plain(config)
    for name, value in data.items():
        catalog.save(name, value)
    checkout.on("feature/x")


def assert_branched(checkout: Any, config: dict, name: str, old: Any, new: Any) -> None:
    """An entry that main has saved is read from main, saved beside it, and read from there, in every catalog."""
    catalog = checkout.catalog(config)
    assert catalog.load(name) == old
    catalog.save(name, new)
    assert catalog.load(name) == new
    assert checkout.catalog(config).load(name) == new
    assert checkout.plain(config).load(name) == old


ENTRIES = {
    "csv": {"type": "pandas.CSVDataset", "filepath": "data/a.csv"},
    "text": text("data/a.txt"),
    "versioned": text("data/v.txt", versioned=True),
    "cached": {"type": "CachedDataset", "dataset": text("data/c.txt")},
    "memory": {"type": "MemoryDataset"},
    "parts": {"type": "partitions.PartitionedDataset", "path": "data/parts", "dataset": "text.TextDataset"},
    "{name}_json": {"type": "json.JSONDataset", "filepath": "data/{name}.json"},
    "{default}": {"type": "pickle.PickleDataset", "filepath": "data/{default}.pickle"},
}


def message_of(catalog: DataCatalog, name: str, data: Any) -> str:
    """What a refused save says."""
    with pytest.raises(SaveRefusedError) as caught:
        catalog[name].save(data)
    with pytest.raises(DatasetError, match=r"Cannot save"):
        catalog.save(name, data)
    return str(caught.value)


def loaded(catalog: DataCatalog, name: str) -> dict[str, Any]:
    """All partitions, loaded."""
    return {key: load() for key, load in catalog.load(name).items()}
