"""A team that shares data in a folder or in a bucket: main's, and its branches'."""

from __future__ import annotations

import copy
import itertools
import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
from kedro.io import DataCatalog

from steel_toes import SteelToes
from steel_toes.checkout.find import find_branch
from support.servers import Server

BRANCH, SLUG = "feature/x", "feature-x-217d2bf5"
NUMBERS = itertools.count(1)


def frame(*numbers: int) -> Any:
    """A table of one column."""
    import pandas as pd

    return pd.DataFrame({"x": list(numbers)})


def shown(data: Any) -> Any:
    """What a load gave, as something that compares."""
    if isinstance(data, dict):
        return {name: shown(value() if callable(value) else value) for name, value in data.items()}
    data = data.compute() if hasattr(data, "compute") else data
    for run in ("collect", "execute"):
        data = getattr(data, run)() if hasattr(data, run) else data
    return sorted(data["x"]) if hasattr(data, "columns") else data


class Team:
    """Main and its branches on one store; main's objects must be the same when the test is over.

    In its configurations `data/` stands for the place of the team's data, and an entry takes the credentials of
    whoever opens the catalog.

    Args:
        url: of that place.
        project: a folder on the local disk.
        protocol: of the store.
        credentials: the entries' own.
        secret: what of them may be seen nowhere.
        records: where the records lie.
        watched: the place that is compared, if it is not the data's alone.
        looking: the credentials of whoever compares, if they are not the entries'.
    """

    def __init__(
        self,
        url: str,
        project: Path,
        *,
        protocol: str = "file",
        credentials: dict[str, Any] | None = None,
        secret: str = "",
        records: str = "",
        watched: str = "",
        looking: dict[str, Any] | None = None,
    ) -> None:
        self.url, self.folder, self.protocol, self.secret = url, project, protocol, secret
        self.credentials, self.looking = credentials or {}, looking
        self.records, self.watched = records or url, watched or url
        self.main: dict[str, tuple[bytes, Any]] = {}
        self.slugs = {SLUG}

    @classmethod
    def on_disk(cls, project: Path) -> Any:
        """A team that shares the folder `data` of a project; whatever is in the project is watched."""
        project.mkdir(exist_ok=True)
        return cls(f"{project}/data", project, watched=str(project))

    @classmethod
    def in_bucket(cls, server: Server, project: Path, name: str = "", **more: Any) -> Any:
        """A team that shares a bucket of a server, which must be made."""
        url = f"{server.protocol}://{name or f'team-{next(NUMBERS)}'}"
        settings = {"credentials": server.credentials, "secret": server.secret, **more}
        return cls(url, project, protocol=server.protocol, **settings)

    def made(self) -> Any:
        """The same, with its bucket."""
        filesystem = self.filesystem()
        filesystem.mkdir(filesystem._strip_protocol(self.url))
        return self

    # Catalogs --------------------------------------------------------------------------------------------------------

    def placed(self, conf: Any, where: str = "") -> Any:
        """A configuration with the place of the data in it."""
        if isinstance(conf, dict):
            return {key: self.placed(value, where) for key, value in conf.items()}
        return f"{where or self.url}/{conf[5:]}" if isinstance(conf, str) and conf[:5] == "data/" else conf

    def plain(self, conf: dict[str, Any], version: str | None = None, where: str = "") -> DataCatalog:
        """Plain Kedro's catalog."""
        own = {"own": copy.deepcopy(self.credentials)}
        return DataCatalog.from_config(self.placed(conf, where), own, save_version=version)

    def catalog(
        self, branch: str | None, conf: dict[str, Any], version: str | None = None, **settings: Any
    ) -> DataCatalog:
        """The catalog of a new process on a branch; without one, on whichever is found."""
        catalog = self.plain(conf, version)
        hook = self.hook(branch, **settings)
        hook.after_catalog_created(catalog)
        return catalog

    def hook(self, branch: str | None, **settings: Any) -> SteelToes:
        """The hook of a new process on a branch."""
        hook = SteelToes(branch=branch, **settings)
        hook.after_context_created(SimpleNamespace(project_path=self.folder))
        if branch:
            self.slugs.add(find_branch(self.folder, branch=branch, main=None).slug)
        return hook

    def branch(self, conf: dict[str, Any], version: str | None = None, **settings: Any) -> DataCatalog:
        """A new process on feature/x."""
        return self.catalog(BRANCH, conf, version, **settings)

    def main_saves(self, conf: dict[str, Any], version: str | None = None, **data: Any) -> None:
        """A process on main saves, with plain Kedro."""
        self.check()
        if self.protocol == "file":
            self.make_folders(conf)
        catalog = self.plain({name: conf[name] for name in data}, version)
        for name, value in data.items():
            catalog.save(name, value)
        self.main = self.mains()

    def make_folders(self, conf: dict[str, Any]) -> None:
        """Make the folders of all entries: the fsspec of 2023 makes none for a file that is appended to."""
        for entry in self.placed(conf).values():
            inner = entry["dataset"] if isinstance(entry.get("dataset"), dict) else {}
            directory = entry.get("path")
            for place in (entry.get("filepath"), inner.get("filepath"), directory and f"{directory}/x"):
                if place:
                    Path(place).parent.mkdir(parents=True, exist_ok=True)

    def private_copy(self, conf: dict[str, Any], version: str | None = None) -> DataCatalog:
        """Plain Kedro on a copy of main's data as it is now, on the local disk."""
        copied = self.folder.parent / "private"
        shutil.rmtree(copied, ignore_errors=True)
        for path, (data, _) in self.main.items():
            (copied / path).parent.mkdir(parents=True, exist_ok=True)
            (copied / path).write_bytes(data)
        (copied / "data").mkdir(parents=True, exist_ok=True)
        return self.plain(conf, version, where=f"{copied}/data")

    # Looking ---------------------------------------------------------------------------------------------------------

    def filesystem(self) -> Any:
        """A look at the store that no cache of listings answers; fsspec keeps it apart from the datasets' own."""
        few = {"max_concurrency": 1} if self.protocol == "s3" else {}  # no HEAD before each GET
        credentials = copy.deepcopy(self.looking or self.credentials)
        return fsspec.filesystem(self.protocol, use_listings_cache=False, **few, **credentials)

    def objects(self) -> dict[str, tuple[bytes, Any]]:
        """All objects: bytes and identities, by their paths below the place that is watched."""
        filesystem = self.filesystem()
        top = filesystem._strip_protocol(self.watched)
        objects = {}
        for path, info in filesystem.find(top, detail=True).items():
            tag = next((info[key] for key in ("ETag", "etag", "generation", "created") if info.get(key)), None)
            tag = Path(path).stat().st_mtime_ns if self.protocol == "file" else tag
            objects[path[len(top) :].lstrip("/")] = filesystem.cat_file(path), tag
        return objects

    def mains(self) -> dict[str, tuple[bytes, Any]]:
        """Main's objects: those of which no branch's name says that they are its own."""
        own = re.compile(
            "|".join(rf"_(?:steel_toes|branches)/{slug}/|--{slug}(?![a-z0-9-])" for slug in self.slugs if slug)
        )
        return {path: found for path, found in self.objects().items() if not own.search(path)}

    def check(self) -> None:
        """Main's objects are as main left them."""
        assert self.mains() == self.main, "main's objects changed"
