"""Dataset classes as users write them, on any store: subclasses of kedro-datasets' that change a save, and new ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import fsspec
from kedro.io import AbstractDataset
from kedro_datasets.json import JSONDataset
from kedro_datasets.partitions import PartitionedDataset
from kedro_datasets.text import TextDataset

# Subclasses -----------------------------------------------------------------------------------------------------------


class Appending(TextDataset):
    """It appends, whatever its settings say."""

    def save(self, data: str) -> None:
        before = super().load() if self._exists() else ""
        super().save(before + data)


class Growing(TextDataset):
    """It appends by the settings of its class."""

    DEFAULT_FS_ARGS: ClassVar[dict[str, Any]] = {"open_args_save": {"mode": "a"}}


class Merging(JSONDataset):
    """It keeps the keys that are there."""

    def save(self, data: dict[str, Any]) -> None:
        before = super().load() if self._exists() else {}
        super().save({**before, **data})


class Skipping(PartitionedDataset):
    """It saves no partition that is there already."""

    def save(self, data: dict[str, Any]) -> None:
        self._invalidate_caches()
        there = {self._path_to_partition(path) for path in self._list_partitions()}
        super().save({name: value for name, value in data.items() if name not in there})


# Classes of their own -------------------------------------------------------------------------------------------------


class Files(AbstractDataset):
    """What reads and writes files of a store by their URLs."""

    def __init__(self, credentials: dict[str, Any] | None = None) -> None:
        self._options = credentials or {}

    def _read(self, url: str) -> str:
        files, path = fsspec.core.url_to_fs(url, **self._options)
        return str(files.cat_file(path).decode())

    def _write(self, url: str, text: str) -> None:
        files, path = fsspec.core.url_to_fs(url, auto_mkdir=True, **self._options)
        files.pipe_file(path, text.encode())

    def _is_there(self, url: str) -> bool:
        files, path = fsspec.core.url_to_fs(url, **self._options)
        return bool(files.exists(path))

    def _describe(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if isinstance(value, str)}


class Figures(Files):
    """A dictionary becomes files of a directory, as Matplotlib's does; those that are there stay."""

    def __init__(self, filepath: str, credentials: dict[str, Any] | None = None) -> None:
        super().__init__(credentials)
        self._filepath = filepath

    def load(self) -> Any:
        files, top = fsspec.core.url_to_fs(self._filepath, **self._options)
        files.invalidate_cache()
        if files.isfile(top):
            return self._read(self._filepath)
        return {path.rsplit("/", 1)[1]: files.cat_file(path).decode() for path in sorted(files.find(top))}

    def save(self, data: dict[str, str]) -> None:
        for name, text in data.items():
            self._write(f"{self._filepath}/{name}", text)

    def _exists(self) -> bool:
        return self._is_there(self._filepath)


class Model(Files):
    """Two files: a model and its vocabulary."""

    def __init__(self, model_path: str, vocab_path: str, credentials: dict[str, Any] | None = None) -> None:
        super().__init__(credentials)
        self._model = model_path
        self._vocab = vocab_path

    def load(self) -> list[str]:
        return [self._read(self._model), self._read(self._vocab)]

    def save(self, data: str) -> None:
        self._write(self._model, f"model {data}")
        self._write(self._vocab, data)

    def _exists(self) -> bool:
        return self._is_there(self._model) and self._is_there(self._vocab)


class Named(Files):
    """A file that a folder and a name make."""

    def __init__(self, base_dir: str, name: str, credentials: dict[str, Any] | None = None) -> None:
        super().__init__(credentials)
        self._file = f"{base_dir}/{name}"

    def load(self) -> str:
        return self._read(self._file)

    def save(self, data: str) -> None:
        self._write(self._file, data)

    def _exists(self) -> bool:
        return self._is_there(self._file)


TAUGHT = {f"{__name__}.Model": ["model_path", "vocab_path"], f"{__name__}.Named": "base_dir"}
"""What a project says of them: `SteelToes(location_parameters=TAUGHT)`."""


# What hooks put around datasets and in the place of their methods -----------------------------------------------------


class Retry(AbstractDataset):
    """A wrapper around a ready-made dataset."""

    def __init__(self, dataset: AbstractDataset) -> None:
        self._dataset = dataset

    def load(self) -> Any:
        return self._dataset.load()

    def save(self, data: Any) -> None:
        self._dataset.save(data)

    def _exists(self) -> bool:
        return self._dataset.exists()

    def _release(self) -> None:
        self._dataset.release()

    def _describe(self) -> dict[str, Any]:
        return {}


class Replaced:
    """In the place of a dataset's method: it calls the original, and one can see that it did.

    Args:
        original: the method.
        change: what it does to the data: to what the original is given, else to what that gives.
    """

    def __init__(self, original: Callable[..., Any], change: Callable[[Any], Any]) -> None:
        self.original = original
        self.change = change

    def __call__(self, *data: Any) -> Any:
        if data:
            return self.original(*map(self.change, data))
        return self.change(self.original())
