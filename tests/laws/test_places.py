"""Every place: a class that writes more than one place moves with all of them, or is not saved.

In the classes of users a second place has any name: a vocabulary beside a model, a table of an external catalog, a
marker, a wrapped dataset. Whatever a test does on a branch, the `team` fixture compares main's bytes at its end.
"""

import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

import pytest
from kedro.io import AbstractDataset, CachedDataset, DatasetError
from kedro_datasets.json import JSONDataset
from kedro_datasets.text import TextDataset

from steel_toes import ConfigurationError, LoadRefusedError, SaveRefusedError, SteelToes, TornCopyError
from steel_toes.actions.adopt import make_plan
from support.team import Team

pytestmark = pytest.mark.contract

TEXT = {"type": "text.TextDataset"}
PARTS = {"type": "partitions.PartitionedDataset", "dataset": TEXT, "filename_suffix": ".txt"}


class Several(AbstractDataset):
    """A user's class: whatever its parameters name is a file that it writes, at any depth."""

    def __init__(self, metadata: Any = None, **places: Any) -> None:
        self._places = places

    def files(self, value: Any = None) -> dict[str, Path]:
        """The files, by their parameters."""
        found: dict[str, Path] = {}
        for name, place in (self._places if value is None else value).items():
            if isinstance(place, dict):
                found.update(self.files(place))
            elif isinstance(place, list):
                found.update({f"{name}{number}": Path(inner) for number, inner in enumerate(place)})
            elif isinstance(place, (str, Path)) and "/" in str(place):
                found[name] = Path(place)
        return found

    def load(self) -> dict[str, str]:
        return {name: path.read_text() for name, path in self.files().items()}

    def save(self, data: str) -> None:
        for name, path in self.files().items():
            if name == data.partition(" dies at ")[2]:
                os.kill(os.getpid(), signal.SIGKILL)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(data)

    def _exists(self) -> bool:
        return all(path.exists() for path in self.files().values())

    def _describe(self) -> dict[str, Any]:
        return self._places


class Model(Several):
    """Two files under names of its own."""

    def __init__(self, model_path: str, vocab: str | None = None, metadata: Any = None) -> None:
        super().__init__(model_path=model_path, vocab=vocab)


class Outputs(Several):
    """A file, and more of them in a dictionary."""

    def __init__(self, filepath: str, outputs: dict[str, str]) -> None:
        super().__init__(filepath=filepath, outputs=outputs)


class Files(Several):
    """Files in a list."""

    def __init__(self, filepaths: list[str]) -> None:
        super().__init__(filepaths=filepaths)


class Audited(TextDataset):
    """A subclass of kedro-datasets' with one more file."""

    def __init__(self, *, audit: str, **more: Any) -> None:
        super().__init__(**more)
        self._audit = Path(audit)

    def save(self, data: str) -> None:
        super().save(data)
        self._audit.parent.mkdir(parents=True, exist_ok=True)
        self._audit.write_text(f"{len(data)} characters")


class Registered(Several):
    """A file, and a table that leads to it."""

    def __init__(self, filepath: str, table_name: str) -> None:
        super().__init__(filepath=filepath)


class Defaulted(Several):
    """A second file that only the code names."""

    def __init__(self, filepath: str, log: str = "data/02/log.txt") -> None:
        super().__init__(filepath=filepath, log=log)


class Wrapper(AbstractDataset):
    """Another dataset by its configuration, and a marker that says when it was saved."""

    def __init__(self, dataset: dict[str, Any], marker_path: str | None = None) -> None:
        self._inner = AbstractDataset.from_config("inner", dict(dataset))
        self._marker = marker_path

    def load(self) -> Any:
        return self._inner.load()

    def save(self, data: Any) -> None:
        self._inner.save(data)
        if self._marker:
            Path(self._marker).parent.mkdir(parents=True, exist_ok=True)
            Path(self._marker).write_text("saved")

    def _describe(self) -> dict[str, Any]:
        return {}


class Holding(TextDataset):
    """A subclass of kedro-datasets' that takes more places, in whatever holds them."""

    def __init__(self, *, audit: Any = None, **more: Any) -> None:
        super().__init__(**more)


class Logging(Holding):
    """A subclass with a default that only its parent's constructor knows."""

    def __init__(self, *, report: str = "data/02/report.txt", **more: Any) -> None:
        super().__init__(**more)


class LoggingMore(Logging):
    """A subclass that hands everything on."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)


class Mapped(TextDataset):
    """A subclass with a default that is a mapping, and no dictionary."""

    def __init__(self, *, audit: Any = MappingProxyType({"log": "data/02/a.txt"}), **more: Any) -> None:
        super().__init__(**more)


class AuditedCache(CachedDataset):
    """A wrapper with a file of its own."""

    def __init__(self, dataset: Any, audit: str, metadata: Any = None) -> None:
        super().__init__(dataset, metadata=metadata)


@dataclass
class Places:
    """What a user may keep places in."""

    log: str


def own(cls: type, **more: Any) -> dict[str, Any]:
    """The configuration of a class of this module."""
    return {"type": cls, **more}


A = {"data": {**TEXT, "filepath": "data/01/a.txt"}}
SECOND = {
    "a parameter of its own": own(Outputs, filepath="data/02/x.txt", outputs={"index": "data/02/x.idx"}),
    "of a subclass": own(Audited, filepath="data/02/x.txt", audit="data/02/audit.txt"),
    "in another folder of data": own(Audited, filepath="data/02/x.txt", audit="data/01/deep/audit.txt"),
    "a folder around data": own(Audited, filepath="data/02/x.txt", audit="./data"),
    "outside the project": own(Audited, filepath="data/02/x.txt", audit="/tmp/somewhere/audit.txt"),
    "in a bucket": own(Audited, filepath="data/02/x.txt", audit="s3://bucket/audit.txt"),
    "a table": own(Registered, filepath="data/02/x.txt", table_name="sales"),
    "a default": own(Defaulted, filepath="data/02/x.txt"),
    "a dataset inside": own(Wrapper, marker_path="data/02/x.txt", dataset={**TEXT, "filepath": "data/02/y.txt"}),
    "in partitions": {**PARTS, "path": "data/02/p", "dataset": own(Audited, audit="data/02/audit.txt")},
    "in a cache": {"type": "CachedDataset", "dataset": own(Audited, filepath="data/02/x.txt", audit="data/02/a.txt")},
    "a wrapper's own": own(AuditedCache, audit="data/02/a.txt", dataset={**TEXT, "filepath": "data/02/x.txt"}),
    "a default of a parent": own(LoggingMore, filepath="data/02/x.txt"),
    "the key of a dictionary": own(Holding, filepath="data/02/x.txt", audit={"data/02/a.txt": "a"}),
    "in a set": own(Holding, filepath="data/02/x.txt", audit={"data/02/a.txt"}),
    "in a mapping": own(Mapped, filepath="data/02/x.txt"),
    "in a dataclass": own(Holding, filepath="data/02/x.txt", audit=Places("data/02/a.txt")),
    "in bytes": own(Holding, filepath="data/02/x.txt", audit=b"data/02/a.txt"),
    "above the project": own(Holding, filepath="data/02/x.txt", audit="../shared/a.txt"),
    "a database's file": own(Holding, filepath="data/02/x.txt", audit="sqlite:///data/02/a.db"),
}
PARAMETERS = {
    "a parameter of its own": "outputs.index",
    "a table": "table_name",
    "a default": "log",
    "a dataset inside": "dataset.filepath",
    "a default of a parent": "report",
    "the key of a dictionary": "audit.data/02/a.txt",
    "in a set": "audit.0",
    "in a mapping": "audit.log",
    "in a dataclass": "audit.log",
}


class TestNotMoved:
    """What names a second place that does not move."""

    @pytest.mark.parametrize("case", SECOND)
    def test_a_save_is_refused(self, team: Team, case: str) -> None:
        """It is refused before anything is written, and the error names the parameter and both ways out."""
        taught = {__name__ + ".Wrapper": "marker_path"}
        branch = team.branch({**A, "x": SECOND[case]}, location_parameters=taught)
        before = team.objects()
        data: Any = {"a": "branch"} if case == "in partitions" else "branch"
        with pytest.raises(SaveRefusedError) as caught:
            branch["x"].save(data)
        assert team.objects() == before
        assert f"Its parameter {PARAMETERS.get(case, 'audit')} names a" in str(caught.value)
        assert "source_parameters={" in str(caught.value)
        assert ("location_parameters={" in str(caught.value)) == (case != "a table")

    def test_it_is_read(self, team: Team) -> None:
        """A load is main's."""
        conf = {**A, "x": SECOND["of a subclass"]}
        team.main_saves(conf, x="main")
        assert team.branch(conf).load("x") == "main"

    def test_a_source(self, team: Team) -> None:
        """A parameter that is only read is taught so, of its class or of one that it builds on; then it is branched."""
        conf = {**A, "x": SECOND["a parameter of its own"]}
        for names in ("outputs.index", ["outputs"]):
            branch = team.branch(conf, source_parameters={__name__ + ".Several": names})
            # This class writes it all the same: what the team says of its classes is the team's word.
            assert branch["x"]._places["outputs"]["index"].endswith("data/02/x.idx")


HARMLESS = {
    "a time zone": {"zone": "Europe/Berlin"},
    "a MIME type": {"kind": "application/json"},
    "a template": {"template": "conf/templates/report.html"},
    "a template in the project's folder": {"template": "report.html"},
    "a schema": {"schema": "schemas/orders.avsc"},
    "a schema's fields": {"schema": {"fields": [{"name": "id", "type": "long"}]}},
    "a model": {"model": "org/model"},
    "a model of a hub": {"model_name": "sentence-transformers/all-MiniLM-L6-v2"},
    "an SQL file": {"sql": "sql/orders.sql"},
    "an SQL text": {"sql": "select a / b from data.orders\nwhere c = '/'"},
    "a date format": {"fmt": "%Y/%m/%d"},
    "a separator": {"sep": "/"},
    "two separators": {"sep": "//"},
    "a dot": {"decimal": "."},
    "nothing": {"note": ""},
    "a word": {"engine": "pyarrow"},
    "a column": {"column": "price/unit"},
    "a plot": {"plot": {"type": "line", "color": "C0"}},
    "a list of words": {"columns": ["a", "b/c"]},
    "a URL that is only read": {"source": "https://host/data/02/x.csv"},
    "an e-mail": {"contact": "mailto:a@b"},
    "a module": {"function": "my_package.nodes.clean"},
    "a regular expression": {"pattern": r"^\d+/\d+$"},
    "a label": {"title": "data / model"},
    "a glob of names": {"glob": "*.csv"},
    "a number": {"digits": 3},
    "a switch that is called index": {"index": False},
    "load arguments": {"load_args": {"path": "data/01/a.txt"}},
    "metadata": {"metadata": {"docs": "data/README.md"}},
    "credentials": {"credentials": {"keyfile": "/etc/key.json"}},
    "a dataset that is left alone": {"buffer": {"type": "MemoryDataset"}},
    "a route of a service": {"endpoint": "/v1/items"},
    "an XPath": {"xpath": "//row/item"},
    "a word that is a folder's name": {"key": "data"},
    "source code": {"script": "src/studio/make.py"},
}


class Harmless(AbstractDataset):
    """A user's class with words of all kinds beside its location."""

    def __init__(self, filepath: str, **words: Any) -> None:
        self._filepath = Path(filepath)

    def load(self) -> str:
        return self._filepath.read_text()

    def save(self, data: str) -> None:
        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        self._filepath.write_text(data)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


class HarmlessText(Harmless):
    """The same as a subclass."""


@pytest.mark.parametrize("case", HARMLESS)
def test_no_harmless_class_is_refused(team: Team, case: str) -> None:
    """Words with a slash, templates and schemas of the checkout, names of models and columns: none is a place."""
    conf = {**A, "x": own(HarmlessText, filepath="data/02/x.txt", **HARMLESS[case])}
    branch = team.branch(conf)
    branch.save("x", "branch")
    assert team.branch(conf).load("x") == "branch"


def test_data_in_the_projects_folder(team: Team) -> None:
    """Where data lies beside the code, only a parameter that calls itself a path is taken for one."""
    conf = {"a": {**TEXT, "filepath": "a.txt"}}
    harmless = own(Harmless, filepath="x.txt", engine="pyarrow", template="report.html", zone="Europe/Berlin")
    team.branch({**conf, "x": harmless}).save("x", "branch")
    second = own(Several, filepath="./y.txt", vocab_path="./v.txt")
    with pytest.raises(SaveRefusedError, match="vocab_path"):
        team.branch({**conf, "y": second})["y"].save("branch")


MODEL = own(Model, model_path="data/02/m.bin", vocab="data/02/v.txt")
TEACHING = {"location_parameters": {f"{__name__}.Model": ["model_path", "vocab"]}}
TAUGHT = {
    "two parameters": (MODEL, ["model_path", "vocab"]),
    "one of them is not given": (own(Model, model_path="data/02/m.bin"), ["model_path", "vocab"]),
    "a list": (own(Files, filepaths=["data/02/a.txt", "data/02/b.txt"]), "filepaths"),
    "a dictionary": (own(Outputs, filepath="data/02/x.txt", outputs={"index": "data/02/i"}), ["filepath", "outputs"]),
    "with a dot": (own(Outputs, filepath="data/02/x.txt", outputs={"i": "data/02/i"}), ["filepath", "outputs.i"]),
    "one place in the other": (own(Files, filepaths=["data/02/d/a.txt", "data/02/d/e/b.txt"]), "filepaths"),
    "the same place twice": (own(Files, filepaths=["data/02/a.txt", "data/02/a.txt"]), "filepaths"),
    "two folders": (own(Files, filepaths=["data/01/a.txt", "data/02/a.txt"]), "filepaths"),
}


class TestTaught:
    """Several places that the project teaches."""

    @pytest.mark.parametrize("case", TAUGHT)
    def test_all_of_them_move(self, team: Team, case: str) -> None:
        """Each is read from main until it is saved, and from the branch in every catalog from then on."""
        entry, names = TAUGHT[case]
        settings = {"location_parameters": {f"{__name__}.{entry['type'].__name__}": names}}
        conf = {"x": entry}
        team.main_saves(conf, x="main")
        branch = team.branch(conf, **settings)
        assert set(branch.load("x").values()) == {"main"}
        branch.save("x", "branch")
        for catalog in (branch, team.branch(conf, **settings)):
            assert set(catalog.load("x").values()) == {"branch"}
            assert catalog.exists("x")
        assert set(team.catalog("main", conf).load("x").values()) == {"main"}

    @pytest.mark.parametrize("taught", ["dataset", "dataset.filepath"])
    def test_a_wrapper(self, team: Team, taught: str) -> None:
        """A dataset inside is taught by its parameter, with or without that of its own location."""
        conf = {"x": own(Wrapper, dataset={**TEXT, "filepath": "data/02/y.txt"}, marker_path="data/02/marker")}
        settings = {"location_parameters": {f"{__name__}.Wrapper": ["marker_path", taught]}}
        team.main_saves(conf, x="main")
        branch = team.branch(conf, **settings)
        branch.save("x", "branch")
        assert team.branch(conf, **settings).load("x") == "branch"

    def test_in_a_cache(self, team: Team) -> None:
        """Wrappers are followed inside, however deep."""
        cached = {"type": "CachedDataset", "dataset": {"type": "CachedDataset", "dataset": MODEL}}
        team.main_saves({"x": cached}, x="main")
        branch = team.branch({"x": cached}, **TEACHING)
        branch.save("x", "branch")
        assert set(team.branch({"x": cached}, **TEACHING).load("x").values()) == {"branch"}

    @pytest.mark.parametrize("victim", ["model_path", "vocab"])
    def test_a_killed_save_is_torn(self, team: Team, victim: str) -> None:
        """The branch counts only if all its places are complete: a save that died at any of them is torn."""
        conf = {"x": MODEL}
        team.main_saves(conf, x="main")
        team.branch(conf, **TEACHING).save("x", "branch")
        child = os.fork()
        if not child:
            try:
                team.branch(conf, **TEACHING).save("x", f"new dies at {victim}")
            finally:
                os._exit(1)
        os.waitpid(child, 0)
        branch = team.branch(conf, **TEACHING)
        if victim == "model_path":
            # Nothing had been written yet.
            assert set(branch.load("x").values()) == {"branch"}
        else:
            with pytest.raises(TornCopyError):
                branch["x"].load()
            assert not branch.exists("x")
        branch.save("x", "repaired")
        assert set(team.branch(conf, **TEACHING).load("x").values()) == {"repaired"}

    def test_one_record_is_missing(self, team: Team) -> None:
        """Main's file never stands in for a place of the branch's: with one record gone the rest is torn."""
        conf = {"x": MODEL}
        team.main_saves(conf, x="main")
        team.branch(conf, **TEACHING).save("x", "branch")
        record, *_ = sorted((team.folder / "data/_steel_toes").rglob("*.json"))
        record.unlink()
        with pytest.raises(TornCopyError):
            team.branch(conf, **TEACHING)["x"].load()

    def test_a_place_of_two_entries(self, team: Team) -> None:
        """Two entries that share a place share its record: what one saves there, the other reads from the branch."""
        conf = {"x": MODEL, "vocab": {**TEXT, "filepath": "data/02/v.txt"}}
        team.main_saves(conf, x="main")
        branch = team.branch(conf, **TEACHING)
        branch.save("vocab", "branch's vocabulary")
        assert branch.load("x") == {"model_path": "main", "vocab": "branch's vocabulary"}
        assert branch.exists("x")
        branch.save("x", "branch")
        assert team.branch(conf, **TEACHING).load("vocab") == "branch"

    def test_a_taught_directory_of_two_entries(self, team: Team) -> None:
        """A directory that two entries share is seeded: a save of one does not hide what the other has there."""
        conf = {name: own(Named, base_dir="data/02/b", name=name) for name in ("p", "q")}
        settings = {"location_parameters": {f"{__name__}.Named": "base_dir"}}
        team.main_saves(conf, p="main's p", q="main's q")
        branch = team.branch(conf, **settings)
        branch.save("p", "branch's p")
        assert branch.load("q") == "main's q"
        branch.save("q", "branch's q")
        assert [team.branch(conf, **settings).load(name) for name in "pq"] == ["branch's p", "branch's q"]

    def test_a_place_in_another(self, team: Team) -> None:
        """A place inside a folder that is a place too moves with the folder, and the two have one record."""
        conf = {"x": own(Tree, folder="data/02/tree", index="data/02/tree/deep/index.txt")}
        settings = {"location_parameters": {f"{__name__}.Tree": ["folder", "index"]}}
        team.main_saves(conf, x="main")
        branch = team.branch(conf, **settings)
        branch.save("x", "branch")
        assert team.branch(conf, **settings).load("x") == ["branch", "branch"]
        assert len(list((team.folder / "data/_steel_toes").rglob("*.json"))) == 1

    def test_adopt(self, team: Team) -> None:
        """`adopt` records what lies at all places of a dataset."""
        conf = {"x": MODEL}
        catalog = team.branch(conf, **TEACHING)
        catalog.save("x", "branch")
        for record in (team.folder / "data/_steel_toes").rglob("*.json"):
            record.unlink()
        adoptions = make_plan(catalog, ["x"], "x")
        assert len(adoptions) == 2
        for adoption in adoptions:
            adoption.apply()
        assert set(team.branch(conf, **TEACHING).load("x").values()) == {"branch"}
        # What was adopted together counts together.
        next((team.folder / "data/_steel_toes").rglob("*.json")).unlink()
        with pytest.raises(TornCopyError):
            team.branch(conf, **TEACHING)["x"].load()

    @pytest.mark.parametrize("missing", ["m--*.bin", "v--*.txt"])
    def test_half_to_adopt(self, team: Team, missing: str) -> None:
        """Files at some of its places only are not adopted: it would be half a save."""
        conf = {"x": MODEL}
        catalog = team.branch(conf, **TEACHING)
        catalog.save("x", "branch")
        for record in (team.folder / "data/_steel_toes").rglob("*.json"):
            record.unlink()
        file = next((team.folder / "data/02").glob(missing))
        file.unlink()
        with pytest.raises(ConfigurationError, match=file.name):
            make_plan(catalog, ["x"], "x")
        assert not list((team.folder / "data/_steel_toes").rglob("*.json"))

    def test_versions(self, team: Team) -> None:
        """Versions are kept in one place only: with two, a save is refused."""
        entry = {"type": VersionedPair, "filepath": "data/02/x.json", "other": "data/02/o.txt", "versioned": True}
        settings = {"location_parameters": {f"{__name__}.VersionedPair": ["filepath", "other"]}}
        with pytest.raises(SaveRefusedError, match="several places"):
            team.branch({"x": entry}, **settings)["x"].save({"a": 1})

    @pytest.mark.parametrize(
        "taught",
        [
            {"pandas.SQLTableDataset": "table_name"},
            {"kedro_datasets.pandas.SQLTableDataset": ["table_name"]},
            {"spark.DeltaTableDataset": "filepath"},
        ],
    )
    def test_a_table_is_no_location(self, team: Team, taught: Any) -> None:
        """Nobody can teach where the branch copy of a table is: that is an error, and no name with a suffix."""
        with pytest.raises(ConfigurationError, match="names no file or folder"):
            team.branch(A, location_parameters=taught)

    def test_a_taught_table_of_ones_own(self, team: Team) -> None:
        """The name of a table that is taught as a location is refused too, but for one that is a path."""
        conf = {"x": SECOND["a table"]}
        settings = {"location_parameters": {f"{__name__}.Registered": ["filepath", "table_name"]}}
        with pytest.raises(SaveRefusedError, match="table_name is the name of a table"):
            team.branch(conf, **settings)["x"].save("branch")

    @pytest.mark.parametrize("value", [{"a.B": []}, {"a.B": [1]}, {"a.B": None}, {"a.B": ""}, ["a.B"], "a.B"])
    @pytest.mark.parametrize("setting", ["location_parameters", "source_parameters"])
    def test_bad_settings(self, setting: str, value: Any) -> None:
        """What is no list of names is an error that shows how to write it."""
        with pytest.raises(ConfigurationError, match=f"{setting}.*by type name"):
            SteelToes(**{setting: value})


class Named(AbstractDataset):
    """A file that a folder and a name make."""

    def __init__(self, base_dir: str, name: str) -> None:
        self._path = Path(base_dir) / name

    def load(self) -> str:
        return self._path.read_text()

    def save(self, data: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(data)

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path)}


class Tree(AbstractDataset):
    """A folder, and a file in it that has a parameter of its own."""

    def __init__(self, folder: str, index: str) -> None:
        self._files = Path(folder, "a.txt"), Path(index)

    def load(self) -> list[str]:
        return [path.read_text() for path in self._files]

    def save(self, data: str) -> None:
        for path in self._files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(data)

    def _describe(self) -> dict[str, Any]:
        return {"files": str(self._files)}


class VersionedPair(JSONDataset):
    """A versioned file, and another beside it."""

    def __init__(self, *, other: str, **more: Any) -> None:
        super().__init__(**more)


class Reader(Harmless):
    """A class that is only read: its save always fails."""

    def save(self, data: str) -> None:
        """Fail."""
        message = json.dumps("only read")
        raise DatasetError(message)


class Annotated(Harmless):
    """A class whose annotation says so."""

    def save(self, data: str) -> NoReturn:
        self.fail()

    def fail(self) -> NoReturn:
        raise NotImplementedError


class VectorStoreDataset(Harmless):
    """What it loads is said by its name."""


class OfAClient(VectorStoreDataset):
    """And by that of what it builds on."""


class Engine(Harmless):
    """A connection."""


class Restorer(Harmless):
    """A name that only contains the letters of a store: what it loads is a file."""


class TestHandles:
    """A class that nobody surveyed, and whose loads may write."""

    @pytest.mark.parametrize("cls", [Reader, Annotated, VectorStoreDataset, OfAClient, Engine])
    def test_a_load_is_refused(self, team: Team, cls: type) -> None:
        """Loading is refused as saving is, unless the entry is shared or the class is taught."""
        Path("data").mkdir()
        Path("data/h.txt").write_text("main")
        team.main = team.objects()
        conf = {"h": own(cls, filepath="data/h.txt")}
        with pytest.raises(LoadRefusedError, match=r'shared=\["h"\]'):
            team.branch(conf)["h"].load()
        with pytest.raises(SaveRefusedError):
            team.branch(conf)["h"].save("branch")
        assert team.branch(conf, shared=["h"]).load("h") == "main"
        taught = {f"{__name__}.{cls.__qualname__}": "filepath"}
        assert team.branch(conf, location_parameters=taught).load("h") == "main"

    def test_in_partitions(self, team: Team) -> None:
        """Partitions of such a class are refused too."""
        conf = {"p": {**PARTS, "path": "data/p", "dataset": own(VectorStoreDataset)}}
        with pytest.raises(LoadRefusedError):
            team.branch(conf)["p"].load()

    def test_another_name(self, team: Team) -> None:
        """A part of a word is no word."""
        branch = team.branch({"r": own(Restorer, filepath="data/r.txt")})
        branch.save("r", "branch")
        assert branch.load("r") == "branch"
