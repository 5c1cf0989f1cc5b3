"""A read-only process writes nothing: neither main's data nor a branch's, on a branch as on main."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from kedro.io import CachedDataset, DatasetError, MemoryDataset
from kedro.pipeline import node, pipeline
from kedro.runner import SequentialRunner, ThreadRunner
from kedro_datasets.text import TextDataset

from steel_toes import ConfigurationError, SteelToes
from steel_toes.errors import ReadOnlyError
from support.entries import Lines, Table, own
from support.files import contents
from support.team import Team

VERSION = "2026-01-01T00.00.00.000Z"
CONF = {
    "text": {"type": "text.TextDataset", "filepath": "data/02/text.txt"},
    "log": {"type": "text.TextDataset", "filepath": "data/02/log.txt", "fs_args": {"open_args_save": {"mode": "a"}}},
    "model": {"type": "pickle.PickleDataset", "filepath": "data/03/model.pkl", "versioned": True},
    "cached": {"type": "CachedDataset", "dataset": {"type": "text.TextDataset", "filepath": "data/02/cached.txt"}},
    "parts": {"type": "partitions.PartitionedDataset", "path": "data/04", "dataset": "text.TextDataset"},
    "fresh": {"type": "partitions.PartitionedDataset", "path": "data/05", "dataset": "text.TextDataset"},
    "increments": {"type": "partitions.IncrementalDataset", "path": "data/06", "dataset": "text.TextDataset"},
    "lines": own(Lines, filepath="data/02/lines.txt"),
    "shared": {
        "type": "text.TextDataset",
        "filepath": "data/02/shared.txt",
        "metadata": {"steel_toes": {"shared": True}},
    },
    "table": own(Table, table_name="table"),
    "pattern_{name}": {"type": "text.TextDataset", "filepath": "data/07/{name}.txt"},
}
DATA: dict[str, Any] = {
    **dict.fromkeys(("text", "log", "cached", "shared", "table", "pattern_a"), "main's"),
    "lines": ["main's"],
    "model": "main's",
    "parts": {"a": "main's", "b": "main's"},
    "increments": {"a": "main's"},
}
PLACES: dict[str, Callable[[pytest.MonkeyPatch], str | None]] = {
    "a branch": lambda _: "feature/x",
    "main": lambda _: "main",
    "nowhere": lambda _: None,
    "switched off": lambda patch: patch.setenv("STEEL_TOES_ENABLED", "false") or "feature/x",
}
WRITERS: dict[str, Callable[[Any, str, Any], object]] = {
    "catalog.save": lambda catalog, name, data: catalog.save(name, data),
    "save": lambda catalog, name, data: catalog.get(name).save(data),
    "_save": lambda catalog, name, data: catalog.get(name)._save(data),
    "its class's save": lambda catalog, name, data: catalog.get(name).__class__.save(catalog.get(name), data),
    "confirm": lambda catalog, name, _: (catalog.load(name), catalog.confirm(name)),
    "a dataset inside": lambda catalog, name, data: catalog.get(name)._dataset.save(data),
    "a checkpoint": lambda catalog, name, data: catalog.get(name)._checkpoint.save(data),
    "a copy": lambda catalog, name, data: catalog.get(name)._copy().save(data),
    "a wrapper": lambda catalog, name, data: CachedDataset(catalog.get(name)).save(data),
    "a pickle": lambda catalog, name, data: pickle.loads(pickle.dumps(catalog)).save(name, data),
    "another version": lambda catalog, name, data: catalog.get(name, version="x").save(data),
    "an instance": lambda catalog, name, data: (
        catalog.__setitem__(f"late_{name}", TextDataset(filepath=f"data/02/late_{name}.txt")),
        catalog.save(f"late_{name}", str(data)),
    ),
}


@pytest.fixture
def everything(team: Team, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    """A team of which main has all, and feature/x has copies of all; whatever lies there must stay so."""
    team.make_folders(CONF)
    main = team.plain(CONF, VERSION)
    for name, data in DATA.items():
        main.save(name, data)
    team.main = team.mains()
    branch = team.branch(CONF, "2026-01-02T00.00.00.000Z")
    for name, data in DATA.items():
        if name not in ("shared", "table"):
            branch.save(name, data)
    branch.load("increments")
    branch.confirm("increments")
    before = contents(team.folder)
    monkeypatch.setenv("STEEL_TOES_READ_ONLY", "true")
    yield team
    assert contents(team.folder) == before


@pytest.mark.contract
@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("writer", WRITERS)
def test_no_way_to_write(everything: Team, monkeypatch: pytest.MonkeyPatch, where: str, writer: str) -> None:
    """Whatever is called on a dataset, nothing is written; what is refused says what made the process read-only."""
    catalog = everything.catalog(PLACES[where](monkeypatch), CONF)
    refused = []
    for name in [*DATA, "fresh", "pattern_new"]:
        data = DATA.get(name, "stolen" if name != "fresh" else {"a": "stolen"})
        try:
            WRITERS[writer](catalog, name, data)
        except DatasetError as exc:
            if "STEEL_TOES_READ_ONLY makes this process read-only" in str(exc):
                refused.append(name)
        except (AttributeError, TypeError):
            # Not each class has each of these.
            continue
    if writer in ("catalog.save", "save", "a copy", "a wrapper", "a pickle", "an instance"):
        assert refused == [*DATA, "fresh", "pattern_new"]


@pytest.mark.contract
@pytest.mark.parametrize("where", PLACES)
def test_everything_is_read(everything: Team, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Loads give what they give a process that may write."""
    name = PLACES[where](monkeypatch)
    monkeypatch.delenv("STEEL_TOES_READ_ONLY")
    expected = everything.catalog(name, CONF)
    monkeypatch.setenv("STEEL_TOES_READ_ONLY", "true")
    catalog = everything.catalog(name, CONF)
    for entry in DATA:
        assert read(catalog, entry) == read(expected, entry)
        assert catalog.exists(entry) == expected.exists(entry)
    assert type(catalog["text"]).__name__ == "TextDataset"
    assert isinstance(catalog["text"], TextDataset)


def read(catalog: Any, name: str) -> Any:
    """What a load gives."""
    data = catalog.load(name)
    if isinstance(data, dict):
        return {key: value() if callable(value) else value for key, value in data.items()}
    return data


@pytest.mark.contract
@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("runner", [SequentialRunner, ThreadRunner])
def test_a_run_is_refused_before_its_first_node(
    everything: Team, monkeypatch: pytest.MonkeyPatch, where: str, runner: Any
) -> None:
    """What it would save is named, and nothing was run; a run that saves nothing goes on."""
    name = PLACES[where](monkeypatch)
    catalog = everything.plain(CONF)
    hook = everything.hook(name)
    hook.after_catalog_created(catalog)
    saves = pipeline([node(repr, "text", "pattern_b", name="b"), node(repr, "pattern_b", "shared", name="c")])
    with pytest.raises(ReadOnlyError, match=r"Cannot save pattern_b, shared: STEEL_TOES_READ_ONLY makes"):
        hook.before_pipeline_run({}, saves, catalog)
    # A hook of somebody's own may be missing: then each save says it.
    with suppress(DatasetError):
        runner().run(saves, catalog)
    only_reads = pipeline([node(len, "text", "length"), node(repr, "length", "words")])
    hook.before_pipeline_run({}, only_reads, catalog)
    outputs = runner().run(only_reads, catalog)
    hook.after_pipeline_run({}, only_reads, catalog)
    assert outputs["words"].load() == "6"


@pytest.mark.contract
def test_confirmations_are_refused_before_the_first_node(everything: Team) -> None:
    """A confirmation is a save of the checkpoint."""
    catalog = everything.plain(CONF)
    hook = everything.hook("feature/x")
    hook.after_catalog_created(catalog)
    confirms = pipeline([node(len, "increments", "n", confirms="increments")])
    with pytest.raises(ReadOnlyError, match="increments"):
        hook.before_pipeline_run({}, confirms, catalog)


@pytest.mark.contract
@pytest.mark.parametrize("where", PLACES)
def test_handles(everything: Team, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """What a load gives of a handle could write, shared or not: the load is refused."""
    handle = own(VectorStoreDataset, filepath="data/02/lines.txt")
    partitions = {"type": "partitions.PartitionedDataset", "path": "data/04", "dataset": own(VectorStoreDataset)}
    conf = {
        "handle": handle,
        "shared": {**handle, "metadata": {"steel_toes": {"shared": True}}},
        "cached": {"type": "CachedDataset", "dataset": handle},
        "partitions": partitions,
        "shared_partitions": {**partitions, "metadata": {"steel_toes": {"shared": True}}},
    }
    catalog = everything.catalog(PLACES[where](monkeypatch), conf)
    for name in conf:
        with pytest.raises(ReadOnlyError, match=f"Cannot load {name}: STEEL_TOES_READ_ONLY"):
            catalog[name].load()
    if where == "main":
        monkeypatch.delenv("STEEL_TOES_READ_ONLY")
        assert everything.catalog("main", conf).load("handle") == ["main's"]


@pytest.mark.contract
@pytest.mark.parametrize("where", PLACES)
def test_what_is_left_alone(everything: Team, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """What is in memory is saved, in Kedro's own cache too; what a class of one's own does then may be anything."""
    memory = {"type": "MemoryDataset"}
    conf = {"memory": memory, "cache": {"type": "CachedDataset", "dataset": memory}, "mine": {"dataset": memory}}
    conf["mine"]["type"] = own(Logging)["type"]
    catalog = everything.catalog(PLACES[where](monkeypatch), conf)
    for name in ("memory", "cache"):
        catalog[name].save("kept")
        assert catalog[name].load() == "kept"
    catalog["cache_made_here"] = CachedDataset(MemoryDataset())
    catalog["cache_made_here"].save("kept")
    catalog["mine_made_here"] = Logging(MemoryDataset())
    for name in ("mine", "mine_made_here"):
        with pytest.raises(ReadOnlyError):
            catalog[name].save("logged")


class Logging(CachedDataset):
    """A cache that writes a file of its own."""

    def save(self, data: Any) -> None:
        super().save(data)
        Path("data/log.txt").write_text(str(data))


class VectorStoreDataset(Lines):
    """A class that is called a store: what it loads may write where it came from."""


class TestSetting:
    """The argument and the variable."""

    @pytest.mark.parametrize("value", ["true", "1", "YES", "on"])
    def test_on(self, team: Team, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
        monkeypatch.setenv("STEEL_TOES_READ_ONLY", value)
        with pytest.raises(ReadOnlyError, match="STEEL_TOES_READ_ONLY makes"):
            team.branch(CONF)["text"].save("stolen")

    @pytest.mark.parametrize("value", ["", " ", "false", "0", "No", "off"])
    def test_off(self, team: Team, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
        monkeypatch.setenv("STEEL_TOES_READ_ONLY", value)
        team.branch(CONF).save("text", "the branch's")
        assert team.branch(CONF).load("text") == "the branch's"

    @pytest.mark.parametrize("value", ["maybe", "2", "ture"])
    @pytest.mark.parametrize("branch", ["main", "feature/x"])
    def test_neither(self, team: Team, monkeypatch: pytest.MonkeyPatch, value: str, branch: str) -> None:
        """A value that is neither is an error, on main too."""
        monkeypatch.setenv("STEEL_TOES_READ_ONLY", value)
        with pytest.raises(ConfigurationError, match=r"STEEL_TOES_READ_ONLY='.*neither true nor false"):
            team.catalog(branch, CONF)

    def test_argument(self, team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is enough, and no variable takes it back."""
        monkeypatch.setenv("STEEL_TOES_READ_ONLY", "false")
        with pytest.raises(ReadOnlyError, match=r"SteelToes\(read_only=True\) makes"):
            team.branch(CONF, read_only=True)["text"].save("stolen")
        with pytest.raises(ConfigurationError, match="read_only='yes'"):
            SteelToes(read_only="yes")  # type: ignore[arg-type]

    def test_it_travels(self, everything: Team, monkeypatch: pytest.MonkeyPatch) -> None:
        """A pickled catalog stays read-only where nobody says so."""
        pickled = pickle.dumps(everything.branch(CONF))
        monkeypatch.delenv("STEEL_TOES_READ_ONLY")
        with pytest.raises(ReadOnlyError):
            pickle.loads(pickled)["text"].save("stolen")

    @pytest.mark.parametrize(
        ("where", "line"),
        [
            (
                "a branch",
                "on branch feature/x (from SteelToes(branch=...)), read-only by STEEL_TOES_READ_ONLY: nothing",
            ),
            ("main", "read-only by STEEL_TOES_READ_ONLY: everything is read from main, and nothing is saved"),
            ("switched off", "read-only by STEEL_TOES_READ_ONLY: everything is read from main, and nothing is saved"),
        ],
    )
    def test_the_first_line_says_so(
        self, everything: Team, monkeypatch: pytest.MonkeyPatch, caplog: Any, where: str, line: str
    ) -> None:
        everything.catalog(PLACES[where](monkeypatch), CONF)
        assert line in caplog.text
