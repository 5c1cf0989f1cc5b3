"""What hooks and notebooks do to a catalog's datasets: wrap them, change their settings, set where they lie."""

from __future__ import annotations

import copy
import pickle
from collections import UserDict
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from kedro.io import AbstractDataset, CachedDataset, DatasetError, MemoryDataset
from kedro_datasets.partitions import PartitionedDataset
from kedro_datasets.text import TextDataset

from steel_toes import SaveRefusedError
from steel_toes.datasets.proxy import branched_of
from support.entries import own, saved_on_main, text

pytestmark = pytest.mark.contract

V = ["2030-01-01T00.00.00.000Z", "2030-01-02T00.00.00.000Z"]


class Retry(AbstractDataset):
    """A wrapper around a ready-made dataset, as plugins put one around another's."""

    def __init__(self, dataset: AbstractDataset, log_path: str | None = None, metadata: Any = None) -> None:
        self._wrapped = dataset
        self._log = log_path

    def load(self) -> Any:
        return self._wrapped.load()

    def save(self, data: Any) -> None:
        self._wrapped.save(data)

    def _exists(self) -> bool:
        return self._wrapped.exists()

    def _describe(self) -> dict[str, Any]:
        return {"of": str(self._wrapped)}


class Several(AbstractDataset):
    """A wrapper around a list and a dictionary of them: the first is read, all are written."""

    def __init__(self, datasets: list[AbstractDataset], named: dict[str, AbstractDataset]) -> None:
        self._datasets = [*datasets, *named.values()]

    def load(self) -> Any:
        return self._datasets[0].load()

    def save(self, data: Any) -> None:
        for dataset in self._datasets:
            dataset.save(data)

    def _describe(self) -> dict[str, Any]:
        return {"of": len(self._datasets)}


PARTS = {"type": "partitions.PartitionedDataset", "path": "data/parts", "dataset": "text.TextDataset"}
CONFIG = {"x": text("data/x.txt"), "y": text("data/y.txt"), "a": text("data/a.txt")}
WRAPPERS: dict[str, Callable[[Any], Any]] = {
    "a wrapper of one's own": lambda catalog: Retry(catalog["x"]),
    "a cache": lambda catalog: CachedDataset(catalog["x"]),
    "two wrappers": lambda catalog: Retry(CachedDataset(Retry(catalog["x"]))),
    "a list and a dictionary": lambda catalog: Several([catalog["x"]], {"y": catalog["y"]}),
    "under another name": lambda catalog: catalog["x"],
}


class TestWrappers:
    """An instance that holds a dataset of the catalog."""

    @pytest.mark.parametrize("wrapper", WRAPPERS)
    @pytest.mark.parametrize("name", ["x", "new"])
    def test_what_is_inside_is_branched(self, checkout: Any, wrapper: str, name: str) -> None:
        """It is left alone: it reads main's, and what it saves goes to the branch, in each catalog where it is put."""
        saved_on_main(checkout, CONFIG, x="main", y="main")
        for expected in ("main", "branch"):
            catalog = checkout.catalog(CONFIG)
            catalog[name] = WRAPPERS[wrapper](catalog)
            assert catalog.load(name) == expected
            catalog.save(name, "branch")
            assert catalog.load(name) == "branch"
        assert checkout.catalog(CONFIG).load("x") == "branch"
        checkout.assert_main_unchanged()

    def test_the_users_own_object(self, checkout: Any) -> None:
        """The catalog holds the very object: a hook may look for it later."""
        saved_on_main(checkout, CONFIG, x="main")
        catalog = checkout.catalog(CONFIG)
        mine = Retry(catalog["x"])
        catalog["x"] = mine
        assert catalog["x"] is mine

    def test_a_place_of_its_own(self, checkout: Any) -> None:
        """A wrapper that names a place of data, too, is read and not saved."""
        saved_on_main(checkout, CONFIG, x="main")
        catalog = checkout.catalog(CONFIG)
        catalog["x"] = Retry(catalog["x"], log_path="data/log.txt")
        assert catalog.load("x") == "main"
        with pytest.raises(SaveRefusedError, match="log_path"):
            catalog["x"].save("branch")
        checkout.assert_main_unchanged()

    def test_something_else_in_its_place(self, checkout: Any) -> None:
        """A dataset in memory is left alone."""
        saved_on_main(checkout, CONFIG, x="main")
        catalog = checkout.catalog(CONFIG)
        catalog["x"] = MemoryDataset("mine")
        assert catalog.load("x") == "mine"


SETTINGS = {
    "csv": {"type": "pandas.CSVDataset", "filepath": "data/t.csv", "save_args": {"index": False}, "load_args": {}},
}
TABLES = {
    "plain": SETTINGS["csv"],
    "versioned": {**SETTINGS["csv"], "versioned": True},
    "in a cache": {"type": "CachedDataset", "dataset": SETTINGS["csv"]},
}


def inner(dataset: Any) -> Any:
    """The dataset with the settings."""
    return dataset._dataset if isinstance(dataset, CachedDataset) else dataset


class TestSettings:
    """Attributes that are set, and dictionaries that are changed in place."""

    @pytest.mark.parametrize("kind", TABLES)
    @pytest.mark.parametrize("again", [lambda catalog: catalog, copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))])
    def test_both_sides(self, checkout: Any, kind: str, again: Callable[[Any], Any]) -> None:
        """They reach main's dataset and the branch's alike, before the first save and after it, and in copies."""
        pd = pytest.importorskip("pandas", reason="the settings are pandas'")
        main = checkout.plain({"t": TABLES[kind]}, save_version=V[0])
        main.save("t", pd.DataFrame({"a": [1], "b": [2]}))
        checkout.on("feature/x")
        catalog = checkout.catalog({"t": TABLES[kind]}, save_version=V[1])
        inner(catalog["t"])._load_args.update(usecols=["b"])
        catalog = again(catalog)
        assert list(catalog.load("t").columns) == ["b"]
        catalog.save("t", pd.DataFrame({"a": [3], "b": [4]}))
        catalog.release("t")
        assert catalog.load("t").to_dict("list") == {"b": [4]}
        checkout.assert_main_unchanged()

    @pytest.mark.parametrize(
        "found",
        [
            lambda dataset: vars(dataset)["_fs_open_args_save"],
            lambda dataset: dataset.__dict__["_fs_open_args_save"],
            lambda dataset: dict(vars(dataset))["_fs_open_args_save"],
            lambda dataset: vars(dataset).get("_fs_open_args_save"),
            lambda dataset: dataset._fs_open_args_save,
            lambda dataset: copy.copy(dataset)._fs_open_args_save,
        ],
    )
    def test_however_it_is_found(self, checkout: Any, found: Callable[[Any], Any]) -> None:
        """A dictionary that is changed in place before the branch was ever used is the branch's, too."""
        config = {"log": text("data/log.txt", fs_args={"open_args_save": {"mode": "w"}})}
        saved_on_main(checkout, config, log="main,")
        catalog = checkout.catalog(config)
        found(catalog["log"])["mode"] = "a"
        catalog.save("log", "one,")
        catalog.save("log", "two")
        assert catalog.load("log") == "main,one,two"
        checkout.assert_main_unchanged()

    def test_inside_a_cache(self, checkout: Any) -> None:
        """What is set on the dataset inside a cache is set on both; where it lies cannot be set there either."""
        config = {"c": {"type": "CachedDataset", "dataset": text("data/c.txt")}}
        saved_on_main(checkout, config, c="main")
        catalog = checkout.catalog(config)
        catalog["c"]._dataset.mark = "set"
        branched = branched_of(catalog["c"])
        assert {inner(dataset).mark for dataset in branched.sides()} == {"set"}
        del catalog["c"]._dataset.mark
        assert not hasattr(inner(branched.branch_dataset), "mark")
        with pytest.raises(DatasetError, match="another _filepath of c"):
            catalog["c"]._dataset._filepath = PurePosixPath("data/a.txt")
        with pytest.raises(DatasetError, match="blocked"):
            catalog["c"]._dataset.save("branch")
        assert copy.deepcopy(catalog["c"]._dataset).load() == "main"
        checkout.assert_main_unchanged()

    def test_an_attribute(self, checkout: Any) -> None:
        """An attribute that is set is set for both, and for datasets that are built later."""
        config = {"v": text("data/v.txt", versioned=True)}
        saved_on_main(checkout, config, v="main")
        catalog = checkout.catalog(config, save_version="2031-01-01T00.00.00.000Z")
        catalog["v"].mark = "set"
        assert catalog.load("v") == "main"
        catalog.save("v", "branch")
        branched = branched_of(catalog["v"])
        assert {dataset.mark for dataset in (*branched.sides(), branched.current())} == {"set"}
        del catalog["v"].mark
        assert not hasattr(catalog["v"], "mark")

    @pytest.mark.parametrize("kind", TABLES)
    def test_by_vars(self, checkout: Any, kind: str) -> None:
        """What `vars(dataset)` shows is changed on both sides, too; a location is not."""
        saved_on_main(checkout, {"x": CONFIG["x"]}, x="main")
        catalog = checkout.catalog({"t": TABLES[kind], "x": CONFIG["x"]}, save_version=V[1])
        attributes = vars(catalog["t"])
        attributes.update(mark="set", other="set")
        attributes.setdefault("third", "set")
        branched = branched_of(catalog["t"])
        for name in ("mark", "other", "third"):
            assert {getattr(dataset, name) for dataset in branched.sides()} == {"set"}
            assert attributes.pop(name) == "set"
            assert not hasattr(branched.branch_dataset, name)
        assert set(attributes) == set(vars(branched.main_dataset))
        assert len(attributes) == len(dict(attributes))
        with pytest.raises(DatasetError, match="another _filepath of x"):
            vars(catalog["x"]).update(_filepath=PurePosixPath("data/a.txt"))

    @pytest.mark.parametrize("method", ["load", "save"])
    def test_a_method(self, checkout: Any, method: str) -> None:
        """A method that a hook replaces is called in the place of the dataset's, and may call that."""
        saved_on_main(checkout, CONFIG, x="main")
        catalog = checkout.catalog(CONFIG)
        calls = []
        original = getattr(catalog["x"], method)
        setattr(catalog["x"], method, lambda *data: calls.append(method) or original(*data))
        catalog.save("x", "branch")
        assert catalog.load("x") == "branch"
        assert calls == [method]
        delattr(catalog["x"], method)
        assert catalog.load("x") == "branch"
        assert calls == [method]
        checkout.assert_main_unchanged()


PARTS = {"type": "partitions.PartitionedDataset", "path": "data/p", "dataset": "text.TextDataset"}
LOCATIONS = {
    "plain": (CONFIG["x"], "_filepath"),
    "versioned": (text("data/v.txt", versioned=True), "_filepath"),
    "partitions": (PARTS, "_path"),
    "in a cache": ({"type": "CachedDataset", "dataset": CONFIG["x"]}, "_dataset"),
}


class TestLocations:
    """Where a dataset lies is the catalog's to say."""

    @pytest.mark.parametrize("kind", LOCATIONS)
    def test_it_cannot_be_set(self, checkout: Any, kind: str) -> None:
        """Setting it on a dataset is refused: it would point the branch's dataset at main's file."""
        config, name = LOCATIONS[kind]
        saved_on_main(checkout, CONFIG, x="main", a="main")
        catalog = checkout.catalog({"d": config})
        value = getattr(catalog["d"], name)
        for location in (value, PurePosixPath("data/a.txt"), "data/a.txt"):
            with pytest.raises(DatasetError, match=f"another {name} of d"):
                setattr(catalog["d"], name, location)
        with pytest.raises(DatasetError, match=name):
            delattr(catalog["d"], name)
        checkout.assert_main_unchanged()

    @pytest.mark.parametrize("kind", LOCATIONS)
    def test_it_is_looked_at_before_each_save(self, checkout: Any, kind: str) -> None:
        """However the branch's dataset was pointed elsewhere, it saves nothing there."""
        config, _ = LOCATIONS[kind]
        saved_on_main(checkout, CONFIG, x="main", a="main")
        catalog = checkout.catalog({"d": config}, save_version=V[1])
        branched = branched_of(catalog["d"])
        dataset = inner(branched.branch_dataset)
        attribute = "_path" if kind == "partitions" else "_filepath"
        object.__setattr__(dataset, attribute, PurePosixPath(Path("data/a.txt").absolute()))
        with pytest.raises(SaveRefusedError, match=f"another (_dataset|{attribute}) of d"):
            catalog["d"].save({"a": "new"} if kind == "partitions" else "new")
        checkout.assert_main_unchanged()

    @pytest.mark.parametrize("touch", ["_load_args", "metadata", "nothing"])
    def test_whatever_was_looked_at_since(self, checkout: Any, touch: str) -> None:
        """The branch's dataset was pointed at main's file before main's was built: it saves nothing there."""
        saved_on_main(checkout, CONFIG, x="main")
        catalog = checkout.catalog({"d": CONFIG["x"]})
        dataset = branched_of(catalog["d"]).branch_dataset
        object.__setattr__(dataset, "_filepath", PurePosixPath(Path(CONFIG["x"]["filepath"]).absolute()))
        getattr(catalog["d"], touch, None)
        with pytest.raises(SaveRefusedError, match="another _filepath of d"):
            catalog["d"].save("new")
        checkout.assert_main_unchanged()


class TestClasses:
    """What a class does to its own settings, it does on a private copy."""

    def test_before_main_is_built(self, checkout: Any) -> None:
        """A setting that the class itself has changed is still the one that a hook changes."""
        saved_on_main(checkout, CONFIG, x="main")
        catalog = checkout.catalog({"d": CONFIG["x"]})
        branched = branched_of(catalog["d"])
        branched.branch_dataset._fs_open_args_save["encoding"] = "latin-1"
        catalog["d"]._fs_open_args_save["errors"] = "replace"
        settings = [dataset._fs_open_args_save for dataset in branched.sides()]
        assert settings[0] is settings[1]
        assert settings[0] == {"mode": "w", "encoding": "latin-1", "errors": "replace"}
        catalog.save("d", "é")
        assert Path(branched.place.branch_path).read_bytes() == "é".encode("latin-1")
        checkout.assert_main_unchanged()


CALLED = {
    "plain": (CONFIG["x"], TextDataset, "new"),
    "partitions": (PARTS, PartitionedDataset, {"a": "new"}),
    "in a cache": ({"type": "CachedDataset", "dataset": CONFIG["x"]}, CachedDataset, "new"),
}


@pytest.mark.parametrize("kind", CALLED)
def test_a_save_of_the_class(checkout: Any, kind: str) -> None:
    """A hook that keeps the class's `save` and calls it with the dataset would save past the record: it is refused."""
    config, cls, data = CALLED[kind]
    saved_on_main(checkout, {"d": config}, d={"a": "main"} if kind == "partitions" else "main")
    catalog = checkout.catalog({"d": config})
    with pytest.raises(DatasetError, match="own `save` was called"):
        cls.save(catalog["d"], data)
    catalog.save("d", data)
    assert checkout.catalog({"d": config}).exists("d")
    checkout.assert_main_unchanged()


CHANGED: dict[str, tuple[Callable[[], Any], str]] = {
    "plain": (lambda: TextDataset(filepath="data/new.txt"), "_filepath"),
    "partitions": (lambda: PartitionedDataset(path="data/new", dataset="text.TextDataset"), "_path"),
    "in a cache": (lambda: CachedDataset(TextDataset(filepath="data/new.txt")), "_filepath"),
}


@pytest.mark.parametrize("kind", CHANGED)
def test_an_instance_that_was_changed(checkout: Any, kind: str) -> None:
    """What was added as an instance is built anew from its arguments: if it lies elsewhere by now, it is not saved."""
    saved_on_main(checkout, CONFIG, a="main")
    catalog = checkout.catalog(CONFIG)
    make, attribute = CHANGED[kind]
    dataset = make()
    setattr(inner(dataset), attribute, PurePosixPath(Path("data/a.txt").absolute()))
    catalog["d"] = dataset
    with pytest.raises(SaveRefusedError, match="location was changed"):
        catalog["d"].save({"a": "new"} if kind == "partitions" else "new")
    checkout.assert_main_unchanged()


def test_partitions_that_a_hook_makes_overwrite(checkout: Any) -> None:
    """`overwrite`, set on the dataset, counts as that of the configuration does."""
    saved_on_main(checkout, {"d": PARTS}, d={"a": "main", "b": "main"})
    catalog = checkout.catalog({"d": PARTS})
    catalog["d"]._overwrite = True
    catalog.save("d", {"c": "branch"})
    assert set(checkout.catalog({"d": PARTS}).load("d")) == {"c"}
    checkout.assert_main_unchanged()


class Tangled(Retry):
    """A user's class whose attributes hold themselves, each other, and a folder that looks like a dictionary."""

    def __init__(self, filepath: str) -> None:
        super().__init__(TextDataset(filepath=filepath))
        self._filepath = filepath
        self._self = self
        self._ring: dict[str, Any] = {}
        self._ring["ring"] = self._ring
        self._folder = Unlistable()


class Unlistable(UserDict):
    """To list what is in it is to read a store."""

    def items(self) -> Any:
        """Fail."""
        pytest.fail("it was listed")


def test_a_tangled_dataset(checkout: Any) -> None:
    """Whatever the attributes of a class hold, it is branched."""
    config = {"t": own(Tangled, filepath="data/t.txt")}
    saved_on_main(checkout, config, t="main")
    catalog = checkout.catalog(config)
    assert catalog.load("t") == "main"
    catalog.save("t", "branch")
    assert checkout.catalog(config).load("t") == "branch"
    checkout.assert_main_unchanged()
