"""A branch's catalog: which entries are branched, which are left alone, which are refused."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kedro.framework.hooks import hook_impl
from kedro.framework.hooks.manager import _create_hook_manager, _register_hooks
from kedro.io import (
    AbstractDataset,
    AbstractVersionedDataset,
    CachedDataset,
    DataCatalog,
    DatasetError,
    MemoryDataset,
    SharedMemoryDataCatalog,
)
from kedro.io.core import Version
from kedro.pipeline import Pipeline, node
from kedro_datasets.json import JSONDataset
from kedro_datasets.text import TextDataset

from steel_toes import LoadRefusedError, SaveRefusedError, SteelToes
from steel_toes.datasets.proxy import pair_of

if TYPE_CHECKING:
    from collections.abc import Iterable

pytestmark = pytest.mark.contract

SLUG = "feature-x-217d2bf5"  # of feature/x


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


class TestPlain:
    """Where steel_toes steps aside."""

    def assert_plain(self, checkout: Any, hook: SteelToes) -> None:
        instances = {"instance": TextDataset(filepath="data/i.txt")}
        catalog = DataCatalog.from_config(ENTRIES)
        catalog["instance"] = instances["instance"]
        datasets, lazy = catalog._datasets, catalog._lazy_datasets
        entries = dict(lazy)
        hook.after_catalog_created(catalog)
        assert catalog._datasets is datasets
        assert type(catalog._datasets) is dict
        assert catalog._lazy_datasets is lazy
        assert type(catalog._lazy_datasets) is dict
        assert all(catalog._lazy_datasets[name] is entry for name, entry in entries.items())
        assert catalog["instance"] is instances["instance"]
        assert type(catalog["text"]) is TextDataset
        assert type(catalog["x_json"]) is JSONDataset
        assert type(catalog["cached"]) is CachedDataset
        catalog.save("text", "plain")
        assert files() == {"a.txt"}
        assert not Path("data/_steel_toes").exists()

    def test_on_main(self, checkout: Any) -> None:
        """On main the catalog is plain Kedro's, object for object."""
        self.assert_plain(checkout, SteelToes())

    @pytest.mark.parametrize("value", ["false", "0", "no", "off"])
    def test_switched_off(self, checkout: Any, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
        """With STEEL_TOES_ENABLED=false the catalog is plain Kedro's on every branch."""
        checkout.on("feature/x")
        monkeypatch.setenv("STEEL_TOES_ENABLED", value)
        self.assert_plain(checkout, SteelToes())

    def test_on_a_main_of_ones_own(self, checkout: Any) -> None:
        """Main is the branch that SteelToes(main=...) names."""
        checkout.on("trunk")
        self.assert_plain(checkout, SteelToes(main="trunk"))


MANY = """
import sys, time
seen = []
watching = False

def audit(event, args):
    if not watching:
        return
    if event == "import":
        seen.append(("import", args[0]))
    elif event.startswith("socket.") and event != "socket.gethostname":
        seen.append((event, str(args)))
    elif event in ("open", "os.listdir", "os.scandir") and "data" in str(args[0]).split("/"):
        seen.append((event, str(args[0])))

sys.addaudithook(audit)
from kedro.io import DataCatalog, AbstractDataset
from steel_toes import SteelToes

class Counted(AbstractDataset):
    made = 0
    def __init__(self, filepath):
        Counted.made += 1
    def load(self): ...
    def save(self, data): ...
    def _describe(self): return {}

kinds = [
    lambda n: {"type": "pandas.CSVDataset", "filepath": f"data/{n}.csv"},
    lambda n: {"type": "pandas.ParquetDataset", "filepath": f"s3://team-data/{n}.pq", "credentials": {"key": "k"}},
    lambda n: {"type": "nowhere.to.be.FoundDataset", "filepath": f"data/{n}.bin"},
    lambda n: {"type": "__main__.Counted", "filepath": f"data/{n}.own"},
    lambda n: {"type": "partitions.PartitionedDataset", "path": f"data/{n}", "dataset": "pandas.CSVDataset"},
    lambda n: {"type": "CachedDataset", "dataset": {"type": "pandas.CSVDataset", "filepath": f"data/c{n}.csv"}},
    lambda n: {"type": "pandas.CSVDataset", "filepath": f"data/v{n}.csv", "versioned": True},
    lambda n: {"type": "pandas.SQLTableDataset", "table_name": f"t{n}", "credentials": {"con": "postgresql://h/d"}},
]
config = {f"entry{n}": kinds[n % len(kinds)](n) for n in range(10_000)}
config["{a}.{b}"] = {"type": "pandas.CSVDataset", "filepath": "data/{a}/{b}.csv"}
config["{default}"] = {"type": "pickle.PickleDataset", "filepath": "gs://bucket/{default}.pkl"}
catalog = DataCatalog.from_config(config)
catalog["late"] = {"ready": "made"}
before = set(sys.modules)
watching = True
begun = time.perf_counter()
SteelToes().after_catalog_created(catalog)
took = time.perf_counter() - begun
watching = False
assert len(catalog._datasets) == 1, catalog._datasets.keys()
assert len(catalog) == 10_001
assert Counted.made == 0
libraries = ("pandas", "kedro_datasets", "nowhere", "s3fs")
foreign = [x for x in seen if x[0] != "import" or str(x[1]).split(".")[0] in libraries]
assert not foreign, foreign
loaded = {name.split(".")[0] for name in set(sys.modules) - before}
assert not loaded & {"pandas", "kedro_datasets", "pyarrow", "s3fs", "gcsfs", "aiohttp", "sqlalchemy"}, loaded
assert "_steel_toes" not in str(seen)
print(f"took {took:.2f}")
assert type(catalog["entry3"]).__name__ == "Counted" and Counted.made == 2
"""


class TestLazy:
    """What the hook does not do."""

    def test_ten_thousand_entries(self, checkout: Any) -> None:
        """The hook on 10,000 entries builds and imports no dataset, makes no request, reads no file of the data."""
        Path("data").mkdir()
        Path("data/entry0.csv").write_text("x\n1\n")
        checkout.on("feature/x")
        done = subprocess.run([sys.executable, "-c", MANY], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert float(done.stdout.split("took ")[1]) < 20

    def test_broken_entries(self, checkout: Any) -> None:
        """An entry whose class cannot be imported harms nobody who does not use it, as in plain Kedro."""
        config = {"good": text("data/good.txt"), "bad": {"type": "nowhere.to.be.FoundDataset", "filepath": "data/bad"}}
        saved_on_main(checkout, config, good="old")
        assert_branched(checkout, config, "good", "old", "new")
        outcomes = []
        for catalog in (checkout.plain(config), checkout.catalog(config)):
            with pytest.raises(DatasetError) as caught:
                catalog.load("bad")
            outcomes.append(str(caught.value))
        assert outcomes[0] == outcomes[1]


class TestEntries:
    """Which entries are branched."""

    def test_explicit(self, checkout: Any) -> None:
        """An entry is read from main until the branch saves it; its copy lies beside main's."""
        saved_on_main(checkout, ENTRIES, text="old")
        assert_branched(checkout, ENTRIES, "text", "old", "new")
        assert files() == {"a.txt", f"a--{SLUG}.txt"}

    def test_new(self, checkout: Any) -> None:
        """What main never had does not exist until the branch saves it, and never on main."""
        checkout.on("feature/x")
        catalog = checkout.catalog(ENTRIES)
        assert not catalog.exists("text")
        with pytest.raises(DatasetError, match="Failed while loading data"):
            catalog.load("text")
        catalog.save("text", "new")
        assert catalog.exists("text")
        assert not checkout.plain(ENTRIES).exists("text")

    def test_none(self, checkout: Any) -> None:
        """Saving None is Kedro's error, and leaves no trace."""
        saved_on_main(checkout, ENTRIES, text="old")
        catalog = checkout.catalog(ENTRIES)
        with pytest.raises(DatasetError, match="Saving 'None' to a 'Dataset' is not allowed"):
            catalog.save("text", None)
        assert catalog.load("text") == "old"
        assert files() == {"a.txt"}
        assert not list(Path("data").rglob("*.json"))

    def test_pattern(self, checkout: Any) -> None:
        """Entries of a factory pattern are branched, though they do not exist when the hook runs."""
        saved_on_main(checkout, ENTRIES, model_json={"v": 1})
        assert_branched(checkout, ENTRIES, "model_json", {"v": 1}, {"v": 2})

    def test_catch_all(self, checkout: Any) -> None:
        """Entries of the user's catch-all pattern are branched."""
        saved_on_main(checkout, ENTRIES, anything=[1])
        assert_branched(checkout, ENTRIES, "anything", [1], [2])

    def test_nested_pattern(self, checkout: Any) -> None:
        """A pattern may make folders of a name's parts."""
        config = {"{space}.{name}": text("data/{space}/{name}.txt")}
        saved_on_main(checkout, config, **{"uk.sales": "old"})
        assert_branched(checkout, config, "uk.sales", "old", "new")

    def test_runtime_pattern(self, checkout: Any) -> None:
        """What no entry and no pattern of the user's names lives in memory, as in plain Kedro."""
        checkout.on("feature/x")
        catalog = checkout.catalog({"a": text("data/a.txt")})
        assert type(catalog.get("free", fallback_to_runtime_pattern=True)) is MemoryDataset
        assert catalog.get("none") is None
        assert "none" not in catalog

    def test_memory(self, checkout: Any) -> None:
        """What lives in memory is left alone: the very same objects."""
        ready = MemoryDataset(data=[1])
        checkout.on("feature/x")
        catalog = DataCatalog(datasets={"ready": ready})
        SteelToes().after_catalog_created(catalog)
        assert catalog["ready"] is ready
        late = MemoryDataset(data=[2])
        catalog["late"] = late
        assert catalog["late"] is late
        catalog["raw"] = [3]
        assert type(catalog["raw"]) is MemoryDataset
        assert catalog.load("raw") == [3]

    def test_read_only(self, checkout: Any) -> None:
        """What can only be read is left alone."""
        config = {"get": {"type": "api.APIDataset", "url": "https://example.invalid/x"}}
        checkout.on("feature/x")
        dataset = checkout.catalog(config)["get"]
        assert type(dataset) is type(checkout.plain(config)["get"])
        assert pair_of(dataset) is None

    def test_transcoded(self, checkout: Any) -> None:
        """The two entries of a transcoded dataset always agree on the side."""
        config = {"t@text": text("data/t.csv"), "t@lines": own(Lines, filepath="data/t.csv")}
        saved_on_main(checkout, config, **{"t@text": "a\nb"})
        catalog = checkout.catalog(config)
        assert catalog.load("t@lines") == ["a", "b"]
        catalog.save("t@lines", ["c"])
        assert catalog.load("t@text") == "c"
        catalog.save("t@text", "d\ne")
        assert catalog.load("t@lines") == ["d", "e"]

    def test_two_names(self, checkout: Any) -> None:
        """Two names on one location agree, however each of them spells it."""
        config = {"one": text("data/t.txt"), "two": text(f"{Path.cwd()}/data/t.txt"), "{p}#t": text("data/{p}.txt")}
        saved_on_main(checkout, config, one="old")
        catalog = checkout.catalog(config)
        assert [catalog.load(name) for name in ("one", "two", "t#t")] == ["old"] * 3
        catalog.save("two", "new")
        assert [catalog.load(name) for name in ("one", "two", "t#t")] == ["new"] * 3
        catalog.save("t#t", "newer")
        assert [catalog.load(name) for name in ("one", "two", "t#t")] == ["newer"] * 3

    @pytest.mark.parametrize("cls", [Lines, Verses])
    def test_class_of_the_project(self, checkout: Any, cls: type) -> None:
        """A class of the project's own is branched when its location has a usual name."""
        config = {"lines": own(cls, filepath="data/l.txt")}
        saved_on_main(checkout, config, lines=["a"])
        assert_branched(checkout, config, "lines", ["a"], ["b", "c"])

    def test_subclass(self, checkout: Any) -> None:
        """A subclass of a known class inherits what is known of it."""
        config = {"t": own(Texts, filepath="data/t.txt", versioned=True)}
        saved_on_main(checkout, config, t="old")
        assert_branched(checkout, config, "t", "old", "new")

    def test_append(self, checkout: Any) -> None:
        """A log that is appended to goes on from main's lines, on the branch alone."""
        config = {"log": text("data/log.txt", fs_args={"open_args_save": {"mode": "a"}})}
        Path("data").mkdir()
        saved_on_main(checkout, config, log="main\n")
        catalog = checkout.catalog(config)
        catalog.save("log", "one\n")
        assert catalog.load("log") == "main\none\n"
        checkout.catalog(config).save("log", "two\n")
        assert catalog.load("log") == "main\none\ntwo\n"

    def test_partitions(self, checkout: Any) -> None:
        """The branch's partitions lie over main's; a partition that main adds later is seen."""
        saved_on_main(checkout, ENTRIES, parts={"a": "1", "b": "2"})
        catalog = checkout.catalog(ENTRIES)
        catalog.save("parts", {"b": "20", "c": "30"})
        assert {name: load() for name, load in catalog.load("parts").items()} == {"a": "1", "b": "20", "c": "30"}
        checkout.plain(ENTRIES).save("parts", {"d": "4"})
        again = checkout.catalog(ENTRIES)
        assert {name: load() for name, load in again.load("parts").items()} == {
            "a": "1",
            "b": "20",
            "c": "30",
            "d": "4",
        }
        assert set(checkout.plain(ENTRIES).load("parts")) == {"a", "b", "d"}

    def test_cached(self, checkout: Any) -> None:
        """A CachedDataset asks the wrapped dataset for the side: its cache hides no other catalog's save."""
        saved_on_main(checkout, ENTRIES, cached="old")
        catalog = checkout.catalog(ENTRIES)
        assert catalog.load("cached") == "old"
        checkout.catalog(ENTRIES).save("cached", "new")
        assert catalog.load("cached") == "new"
        assert checkout.plain(ENTRIES).load("cached") == "old"

    def test_cache(self, checkout: Any) -> None:
        """A cache lives until release, as in Kedro: data that changes behind it is not seen before."""
        saved_on_main(checkout, ENTRIES, cached="old")
        outcomes = []
        for catalog in (checkout.plain(ENTRIES), checkout.catalog(ENTRIES)):
            Path("data/c.txt").write_text("old")
            seen = [catalog.load("cached")]
            Path("data/c.txt").write_text("changed by main")
            seen.append(catalog.load("cached"))
            catalog.release("cached")
            seen.append(catalog.load("cached"))
            outcomes.append(seen)
        assert outcomes[0] == outcomes[1] == ["old", "old", "changed by main"]
        Path("data/c.txt").write_text("old")

    def test_versioned_cache(self, checkout: Any) -> None:
        """A CachedDataset around a versioned dataset is branched, as an entry and as an instance."""
        config = {"c": {"type": "CachedDataset", "versioned": True, "dataset": text("data/cv.txt")}}
        saved_on_main(checkout, config, c="old")
        assert_branched(checkout, config, "c", "old", "new")

    def test_fresh_branch(self, checkout: Any) -> None:
        """A branch follows main live for what it has not written, and no longer for what it has."""
        saved_on_main(checkout, ENTRIES, text="1", x_json=1)
        catalog = checkout.catalog(ENTRIES)
        catalog.save("x_json", 10)
        checkout.on("main")
        checkout.plain(ENTRIES).save("text", "2")
        checkout.plain(ENTRIES).save("x_json", 2)
        checkout.on("feature/x")
        assert catalog.load("text") == "2"
        assert catalog.load("x_json") == 10

    def test_other_branch(self, checkout: Any) -> None:
        """A branch sees nothing of another's, nor does its name's twin on a case-blind disk."""
        saved_on_main(checkout, ENTRIES, text="old")
        checkout.catalog(ENTRIES).save("text", "of feature/x")
        for name in ("feature-x", "Feature/X", "feature/y"):
            checkout.git("switch", "-q", "main")
            checkout.git("symbolic-ref", "HEAD", f"refs/heads/{name}")  # a disk may be blind to case
            catalog = checkout.catalog(ENTRIES)
            assert catalog.load("text") == "old"
            catalog.save("text", f"of {name}")
            assert catalog.load("text") == f"of {name}"
        checkout.git("symbolic-ref", "HEAD", "refs/heads/feature/x")
        assert checkout.catalog(ENTRIES).load("text") == "of feature/x"


class TestInstances:
    """Datasets that are in the catalog as objects."""

    def instances(self) -> dict[str, AbstractDataset]:
        return {
            "text": TextDataset(filepath="data/text.txt"),
            "versioned": TextDataset(filepath="data/versioned.txt", version=Version(None, None)),
            "lines": Lines("data/lines.txt"),
            "verses": Verses("data/verses.txt"),
            "verses_by_name": Verses(filepath="data/verses2.txt"),
            "texts": Texts(filepath="data/texts.txt", version=Version(None, None)),
            "cached": CachedDataset(TextDataset(filepath="data/cached.txt")),
            "cached_config": CachedDataset(text("data/cached2.txt")),
            "cached_versioned": CachedDataset(text("data/cached3.txt"), version=Version(None, None)),
            "cached_lines": CachedDataset(Verses(filepath="data/cached4.txt")),
        }

    @pytest.mark.parametrize("late", [False, True], ids=["datasets=", "catalog[name]="])
    @pytest.mark.parametrize("name", list(instances(None)))
    def test_is_branched(self, checkout: Any, name: str, late: bool) -> None:
        """An instance is branched, whether the catalog was made with it or got it later."""
        old, new = (["old"], ["new"]) if "lines" in name or "verses" in name else ("old", "new")
        DataCatalog(datasets=self.instances()).save(name, old)
        checkout.on("feature/x")

        def catalog() -> DataCatalog:
            made = DataCatalog(datasets={} if late else self.instances())
            SteelToes().after_catalog_created(made)
            if late:
                made[name] = self.instances()[name]
            return made

        branched = catalog()
        assert branched.load(name) == old
        branched.save(name, new)
        assert branched.load(name) == new
        assert catalog().load(name) == new
        assert DataCatalog(datasets=self.instances()).load(name) == old

    def test_is_the_users(self, checkout: Any) -> None:
        """The user's own instance is not changed: what he saves with it himself goes where it says."""
        mine = TextDataset(filepath="data/text.txt")
        before = dict(vars(mine))
        checkout.on("feature/x")
        catalog = DataCatalog(datasets={"mine": mine})
        SteelToes().after_catalog_created(catalog)
        assert catalog["mine"] is not mine
        assert vars(mine) == before
        mine.save("by hand")
        assert catalog.load("mine") == "by hand"

    def test_pinned(self, checkout: Any) -> None:
        """An instance that is pinned to a version stays pinned."""
        versions = ["2024-01-01T00.00.00.000Z", "2024-01-02T00.00.00.000Z"]
        for version in versions:
            TextDataset(filepath="data/v.txt", version=Version(None, version)).save(version)
        checkout.on("feature/x")
        catalog = DataCatalog(datasets={"v": TextDataset(filepath="data/v.txt", version=Version(versions[0], None))})
        SteelToes().after_catalog_created(catalog)
        assert catalog.load("v") == versions[0]

    def test_replaced(self, checkout: Any) -> None:
        """An entry that is replaced by an instance follows the instance."""
        config = {"a": text("data/a.txt")}
        saved_on_main(checkout, config, a="old")
        Path("data/b.txt").write_text("b")
        catalog = checkout.catalog(config)
        catalog["a"] = TextDataset(filepath="data/b.txt")
        assert catalog.load("a") == "b"
        catalog.save("a", "new")
        assert catalog.load("a") == "new"
        assert Path("data/b.txt").read_text() == "b"
        assert not Path(f"data/a--{SLUG}.txt").exists()

    def test_moved_between_catalogs(self, checkout: Any) -> None:
        """A dataset taken out of a branched catalog stays branched in another one."""
        config = {"a": text("data/a.txt")}
        saved_on_main(checkout, config, a="old")
        first = checkout.catalog(config)
        second = DataCatalog(datasets={"b": first["a"]})
        second.save("b", "new")
        assert first.load("a") == "new"
        third = checkout.catalog({})
        third["c"] = first["a"]
        assert third["c"] is first["a"]


OLD, NEW = "2024-01-01T00.00.00.000Z", "2024-06-01T00.00.00.000Z"
NEWEST = "2099-01-01T00.00.00.000Z"
VERSIONED = {"v": text("data/v.txt", versioned=True), "{n}#v": text("data/{n}.txt", versioned=True)}


class TestVersions:
    """Versioned entries, and how Kedro pins them."""

    @pytest.fixture
    def mains(self, checkout: Any) -> None:
        """Main has two versions, and `feature/x` is checked out."""
        for version in (OLD, NEW):
            catalog = checkout.plain(VERSIONED, save_version=version)
            for name in ("v", "p#v"):
                catalog.save(name, version)
        checkout.on("feature/x")

    @pytest.mark.usefixtures("mains")
    @pytest.mark.parametrize("name", ["v", "p#v"])
    def test_save(self, checkout: Any, name: str) -> None:
        """A save makes a version of the branch, which is the newest from then on; main's stay to be loaded."""
        catalog = checkout.catalog(VERSIONED, save_version=NEWEST)
        assert catalog.load(name) == NEW
        catalog.save(name, "branch")
        again = checkout.catalog(VERSIONED)
        for each in (catalog, again):
            assert each.load(name) == "branch"
            assert [each.load(name, version=v) for v in (OLD, NEW, NEWEST)] == [OLD, NEW, "branch"]
            pinned = [each.get(name, version=Version(v, None)) for v in (OLD, NEW, NEWEST)]
            assert [dataset.load() for dataset in pinned] == [OLD, NEW, "branch"]
            assert each.load(name) == "branch"
        assert checkout.plain(VERSIONED).load(name) == NEW

    @pytest.mark.usefixtures("mains")
    def test_get(self, checkout: Any) -> None:
        """`catalog.get(name, version=...)` gives another dataset, and leaves the catalog's as it is."""
        outcomes = []
        for catalog in (checkout.plain(VERSIONED), checkout.catalog(VERSIONED)):
            pinned = catalog.get("v", version=Version(OLD, None))
            outcomes.append(
                (
                    pinned is catalog["v"],
                    pinned.load(),
                    pinned.resolve_load_version(),
                    pinned._version,
                    catalog["v"]._version.load,
                    catalog.load("v"),
                    type(pinned).__qualname__,
                    isinstance(pinned, TextDataset),
                    pinned.exists(),
                    catalog.get("v", version=Version("2000-01-01T00.00.00.000Z", None)).exists(),
                )
            )
        assert outcomes[0] == outcomes[1]

    @pytest.mark.usefixtures("mains")
    def test_get_to_save(self, checkout: Any) -> None:
        """A dataset that was pinned by `get` to a version to save saves it to the branch."""
        catalog = checkout.catalog(VERSIONED)
        catalog.get("v", version=Version(None, NEWEST)).save("pinned")
        assert catalog.load("v", version=NEWEST) == "pinned"
        assert not Path("data/v.txt", NEWEST).exists()

    @pytest.mark.usefixtures("mains")
    @pytest.mark.parametrize("name", ["v", "p#v"])
    def test_load_versions(self, checkout: Any, name: str) -> None:
        """`load_versions` pins an entry, and finds the version on either side."""
        checkout.catalog(VERSIONED, save_version=NEWEST).save(name, "branch")
        for version, data in ((OLD, OLD), (NEW, NEW), (NEWEST, "branch")):
            catalog = checkout.catalog(VERSIONED, load_versions={name: version})
            assert catalog.load(name) == data
            assert catalog.exists(name)
        missing = checkout.catalog(VERSIONED, load_versions={name: "2000-01-01T00.00.00.000Z"})
        assert not missing.exists(name)
        with pytest.raises(DatasetError):
            missing.load(name)

    @pytest.mark.usefixtures("mains")
    @pytest.mark.parametrize("version", [OLD, NEWEST])
    def test_same_version(self, checkout: Any, version: str) -> None:
        """A version that either side holds is not saved again, as in Kedro."""
        checkout.catalog(VERSIONED, save_version=NEWEST).save("v", "branch")
        with pytest.raises(DatasetError, match="must not exist if versioning is enabled"):
            checkout.catalog(VERSIONED, save_version=version).save("v", "again")
        assert checkout.catalog(VERSIONED).load("v", version=version) in {OLD, "branch"}

    @pytest.mark.usefixtures("mains")
    def test_of_the_run(self, checkout: Any) -> None:
        """All entries that one catalog saves get its save version."""
        catalog = checkout.catalog(VERSIONED, save_version=NEWEST)
        catalog.save("v", "a")
        catalog.save("p#v", "b")
        assert files() >= {f"v--{SLUG}.txt/{NEWEST}/v--{SLUG}.txt", f"p--{SLUG}.txt/{NEWEST}/p--{SLUG}.txt"}

    @pytest.mark.usefixtures("mains")
    def test_main_goes_on(self, checkout: Any) -> None:
        """What main saves after the branch did is not the branch's newest, but is found by its name."""
        checkout.catalog(VERSIONED, save_version="2024-07-01T00.00.00.000Z").save("v", "branch")
        checkout.plain(VERSIONED, save_version=NEWEST).save("v", "main")
        catalog = checkout.catalog(VERSIONED)
        assert catalog.load("v") == "branch"
        assert catalog.load("v", version=NEWEST) == "main"


class TestValidators:
    """Kedro's `validator:` key, from Kedro 1.6 on."""

    @pytest.fixture(autouse=True)
    def _validation(self) -> None:
        pytest.importorskip("kedro.validation.core", reason="this Kedro has no validators")

    @pytest.fixture
    def config(self) -> dict[str, Any]:
        """Entries with a validator: explicit, and of a pattern."""
        validator = {"class": f"{__name__}.AtMost", "options": {"length": 3}}
        return {"t": text("data/t.txt", validator=validator), "{n}#t": text("data/{n}.txt", validator=validator)}

    @pytest.mark.parametrize("name", ["t", "p#t"])
    def test_on_save(self, checkout: Any, config: dict, name: str) -> None:
        """A validator refuses a save before anything is written, on the branch as on main."""
        checkout.on("feature/x")
        catalog = checkout.catalog(config)
        with pytest.raises(Exception, match="is longer than 3"):
            catalog.save(name, "four")
        assert not Path("data").exists()
        catalog.save(name, "abc")
        assert catalog.load(name) == "abc"

    @pytest.mark.parametrize("name", ["t", "p#t"])
    def test_on_load(self, checkout: Any, config: dict, name: str) -> None:
        """A validator refuses what it loads, from main and from the branch."""
        bare = {key: text(entry["filepath"]) for key, entry in config.items()}
        saved_on_main(checkout, bare, **{name: "too long on main"})
        with pytest.raises(Exception, match="too long on main' is longer than 3"):
            checkout.catalog(config).load(name)
        checkout.catalog(bare).save(name, "too long on the branch")
        with pytest.raises(Exception, match="too long on the branch' is longer than 3"):
            checkout.catalog(config).load(name)

    def test_to_config(self, checkout: Any, config: dict) -> None:
        """Validators stay in the catalog's configuration."""
        checkout.on("feature/x")
        plain, branched = checkout.plain(config, save_version=NEW), checkout.catalog(config, save_version=NEW)
        for catalog in (plain, branched):
            assert catalog["t"]
            assert catalog["p#t"]
        assert branched.validators == plain.validators
        assert branched.to_config() == plain.to_config()


class TestShared:
    """Entries that are not branched."""

    CONFIG = {  # noqa: RUF012
        "a": text("data/a.txt"),
        "raw_b": own(Lines, filepath="data/b.txt"),
        "{n}#t": text("data/{n}.txt"),
        "table": own(Table, table_name="t"),
        "cached": {"type": "CachedDataset", "dataset": text("data/c.txt")},
    }

    @pytest.mark.parametrize(
        ("name", "shared"),
        [
            ("a", ["a"]),
            ("a", ["text.TextDataset"]),
            ("a", [TextDataset]),
            ("a", ["a*"]),
            ("raw_b", ["raw_*"]),
            ("raw_b", [Lines]),
            ("raw_b", [f"{__name__}.Lines"]),
            ("p#t", ["p#t"]),
            ("p#t", ["*#t"]),
            ("table", [Table]),
            ("table", ["table"]),
            ("cached", ["cached"]),
            ("cached", ["text.TextDataset"]),
            ("cached", [TextDataset]),
            ("cached", [CachedDataset]),
        ],
    )
    def test_is_mains(self, checkout: Any, name: str, shared: list) -> None:
        """An entry shared by name, name pattern, type name or class is read and written in main's place."""
        lines = name == "raw_b"
        checkout.on("feature/x")
        catalog = checkout.catalog(self.CONFIG, SteelToes(shared=shared))
        catalog.save(name, ["new"] if lines else "new")
        assert checkout.plain(self.CONFIG).load(name) == (["new"] if lines else "new")
        assert pair_of(catalog[name]) is None

    def test_others_are_branched(self, checkout: Any) -> None:
        """What is not named stays branched."""
        saved_on_main(checkout, self.CONFIG, a="old", raw_b=["old"])
        catalog = checkout.catalog(self.CONFIG, SteelToes(shared=["raw_*", "b"]))
        catalog.save("a", "new")
        assert checkout.plain(self.CONFIG).load("a") == "old"

    @pytest.mark.parametrize("cls", [Lines, Verses])
    def test_metadata(self, checkout: Any, cls: type) -> None:
        """An entry says of itself that it is shared."""
        config = {"l": own(cls, filepath="data/l.txt", metadata={"steel_toes": {"shared": True}, "kedro-viz": {}})}
        checkout.on("feature/x")
        checkout.catalog(config).save("l", ["new"])
        assert checkout.plain(config).load("l") == ["new"]

    def test_metadata_of_a_pattern(self, checkout: Any) -> None:
        """A pattern says of its entries that they are shared."""
        config = {"{n}#t": text("data/{n}.txt", metadata={"steel_toes": {"shared": True}})}
        checkout.on("feature/x")
        checkout.catalog(config).save("a#t", "new")
        assert checkout.plain(config).load("a#t") == "new"

    @pytest.mark.parametrize("metadata", [None, {}, {"steel_toes": None}, {"steel_toes": {"shared": False}}])
    def test_not_shared(self, checkout: Any, metadata: Any) -> None:
        """Metadata that does not say so shares nothing."""
        config = {"t": text("data/t.txt", metadata=metadata)}
        saved_on_main(checkout, config, t="old")
        assert_branched(checkout, config, "t", "old", "new")

    def test_metadata_of_an_instance(self, checkout: Any) -> None:
        """An instance says so with its metadata too."""
        shared = {"steel_toes": {"shared": True}}
        mine = TextDataset(filepath="data/t.txt", metadata=shared)
        checkout.on("feature/x")
        catalog = DataCatalog(datasets={"mine": mine})
        SteelToes().after_catalog_created(catalog)
        catalog.save("mine", "new")
        assert Path("data/t.txt").read_text() == "new"


class TestTaught:
    """Classes whose location the project teaches."""

    CONFIG = {"s": own(Shape, folder="data/shape"), "{n}#s": own(Shape, folder="data/{n}")}  # noqa: RUF012

    @pytest.mark.parametrize("name", ["s", "p#s"])
    def test_is_branched(self, checkout: Any, name: str) -> None:
        """A taught class is branched."""
        hook = SteelToes(locations={f"{__name__}.Shape": "folder"})
        saved_on_main(checkout, self.CONFIG, **{name: "old"})
        catalog = checkout.catalog(self.CONFIG, hook)
        assert catalog.load(name) == "old"
        catalog.save(name, "new")
        assert checkout.catalog(self.CONFIG, hook).load(name) == "new"
        assert checkout.plain(self.CONFIG).load(name) == "old"

    def test_not_taught(self, checkout: Any) -> None:
        """Until it is taught, a save is refused, and the message has the line that teaches it."""
        saved_on_main(checkout, self.CONFIG, s="old")
        catalog = checkout.catalog(self.CONFIG)
        assert catalog.load("s") == "old"
        with pytest.raises(DatasetError, match=rf'SteelToes\(locations={{"{__name__}.Shape": "<parameter>"}}\)'):
            catalog.save("s", "new")


def message_of(catalog: DataCatalog, name: str, data: Any) -> str:
    """What a refused save says."""
    with pytest.raises(SaveRefusedError) as caught:
        catalog[name].save(data)
    with pytest.raises(DatasetError, match=r"Cannot save"):
        catalog.save(name, data)
    return str(caught.value)


class TestRefused:
    """Entries that cannot be saved without writing main."""

    CONFIG = {"table": own(Table, table_name="t"), "{n}#t": own(Table, table_name="{n}")}  # noqa: RUF012

    @pytest.mark.parametrize("name", ["table", "p#t"])
    def test_save(self, checkout: Any, name: str) -> None:
        """A table is read, and a save is refused: the message names shared first, then metadata, then teaching."""
        saved_on_main(checkout, self.CONFIG, **{name: "old"})
        catalog = checkout.catalog(self.CONFIG)
        assert catalog.load(name) == "old"
        message = message_of(catalog, name, "new")
        assert f"Cannot save {name} ({__name__}.Table) on branch feature/x." in message
        remedies = [f'SteelToes(shared=["{name}"])', "`metadata: {steel_toes: {shared: true}}`", "SteelToes(locations="]
        assert sorted(map(message.index, remedies)) == list(map(message.index, remedies))
        assert catalog.load(name) == "old"

    def test_instance(self, checkout: Any) -> None:
        """An instance of such a class is refused too, and is not the user's object, which could write main."""
        mine = Table("t")
        mine.save("old")
        checkout.on("feature/x")
        catalog = DataCatalog(datasets={"mine": mine})
        SteelToes().after_catalog_created(catalog)
        late = Table("t")
        catalog["late"] = late
        for name in ("mine", "late"):
            assert catalog.load(name) == "old"
            assert "SteelToes(shared=" in message_of(catalog, name, "new")

    def test_cached(self, checkout: Any) -> None:
        """A cache around a table is a table."""
        config = {"c": {"type": "CachedDataset", "dataset": own(Table, table_name="t")}}
        saved_on_main(checkout, config, c="old")
        catalog = checkout.catalog(config)
        assert "SteelToes(shared=" in message_of(catalog, "c", "new")
        assert catalog.load("c") == "old"

    def test_remedies_work(self, checkout: Any) -> None:
        """Each remedy that the message names is one."""
        checkout.on("feature/x")
        checkout.catalog(self.CONFIG, SteelToes(shared=["table"])).save("table", "shared")
        said = {"table": {**self.CONFIG["table"], "metadata": {"steel_toes": {"shared": True}}}}
        checkout.catalog(said).save("table", "by metadata")
        assert checkout.catalog(self.CONFIG).load("table") == "by metadata"

    def test_type_name_is_one(self, checkout: Any) -> None:
        """The type that the message names can be pasted into shared."""
        checkout.on("feature/x")
        message = message_of(checkout.catalog(self.CONFIG), "table", "new")
        named = message.split("(")[1].split(")")[0]
        checkout.catalog(self.CONFIG, SteelToes(shared=[named])).save("table", "new")
        assert Path("data/t").read_text() == "new"

    @pytest.mark.parametrize("method", ["POST", "PUT"])
    def test_api(self, checkout: Any, method: str) -> None:
        """A request that writes is refused before it is sent."""
        config = {"post": {"type": "api.APIDataset", "url": "http://127.0.0.1:9/", "method": method}}
        checkout.on("feature/x")
        assert "SteelToes(shared=" in message_of(checkout.catalog(config), "post", {"x": 1})

    def test_handle(self, checkout: Any) -> None:
        """What loads a handle that can write is not even loaded, and the message says how to allow it."""

        class StudyDataset(Lines):
            """Stands for optuna's: what counts is the name."""

        StudyDataset.__module__ = "kedro_datasets_experimental.optuna.study_dataset"
        StudyDataset.__qualname__ = "StudyDataset"
        config = {"study": {"type": StudyDataset, "filepath": "data/study.db"}}
        saved_on_main(checkout, config, study=["old"])
        catalog = checkout.catalog(config)
        with pytest.raises(LoadRefusedError, match=r'SteelToes\(shared=\["study"\]\)'):
            catalog["study"].load()
        message_of(catalog, "study", ["new"])
        assert checkout.catalog(config, SteelToes(shared=["study"])).load("study") == ["old"]

    def test_unknown_branch(self, checkout: Any) -> None:
        """With a detached HEAD reads are main's, and a save is refused with the reason and the way out."""
        checkout.plain(ENTRIES).save("text", "old")
        checkout.on("feature/x")
        checkout.git("switch", "-q", "--detach")
        catalog = checkout.catalog(ENTRIES)
        for name, data in (("text", "new"), ("x_json", 1), ("versioned", "new"), ("cached", "new"), ("any", 1)):
            message = message_of(catalog, name, data)
            assert "detached" in message
            assert "STEEL_TOES_BRANCH" in message
        assert catalog.load("text") == "old"
        assert files() == {"a.txt"}

    def test_unknown_branch_in_memory(self, checkout: Any) -> None:
        """What lives in memory is saved whatever the branch."""
        checkout.git("switch", "-q", "--detach")
        catalog = checkout.catalog(ENTRIES)
        catalog.save("memory", 1)
        assert catalog.load("memory") == 1


class TestGuards:
    """A branch copy is nobody's main copy."""

    def test_another_entrys_main_copy(self, checkout: Any) -> None:
        """(a) A branch copy that would be another entry's main copy is refused, also where disks are blind to case."""
        config = {"a": text("data/a.txt"), "b": text(f"data/A--{SLUG.upper()}.txt"), "c": text("data/c.txt")}
        saved_on_main(checkout, config, a="a", b="b", c="c")
        catalog = checkout.catalog(config)
        assert "main copy" in message_of(catalog, "a", "new")
        assert [catalog.load(name) for name in "abc"] == ["a", "b", "c"]
        assert_branched(checkout, config, "c", "c", "new")

    @pytest.mark.parametrize("kind", ["explicit", "cached", "instance", "versioned"])
    def test_of_every_kind(self, checkout: Any, kind: str) -> None:
        """(a) knows the main copies of cached entries, versioned ones and instances too."""
        place = f"data/a--{SLUG}.txt"
        other = {
            "explicit": text(place),
            "cached": {"type": "CachedDataset", "dataset": text(place)},
            "versioned": text(place, versioned=True),
        }
        config = {"a": text("data/a.txt"), **({"b": other[kind]} if kind in other else {})}
        checkout.plain(config).save("a", "a")
        mine = TextDataset(filepath=place)
        if kind == "instance":
            mine.save("b")
        else:
            checkout.plain(config).save("b", "b")
        checkout.on("feature/x")
        catalog = DataCatalog.from_config(config)
        if kind == "instance":
            catalog["mine"] = mine
        SteelToes().after_catalog_created(catalog)
        assert "main copy" in message_of(catalog, "a", "new")

    def test_of_a_pattern(self, checkout: Any) -> None:
        """(a) is asked of a pattern's entry at its first use: a name with the form of a branch copy is refused."""
        config = {"{n}#t": text("data/{n}.txt")}
        saved_on_main(checkout, config, **{f"a--{SLUG}#t": "main's", "a#t": "a"})
        catalog = checkout.catalog(config)
        message_of(catalog, f"a--{SLUG}#t", "new")
        assert catalog.load(f"a--{SLUG}#t") == "main's"
        assert catalog.load("a#t") == "a"

    def test_one_location(self, checkout: Any) -> None:
        """(b) A class for which both sides are one location is refused, never written."""
        config = {"s": own(Stubborn, filepath="data/s.txt")}
        saved_on_main(checkout, config, s=["main"])
        catalog = checkout.catalog(config)
        assert "one location" in message_of(catalog, "s", ["new"])
        assert catalog.load("s") == ["main"]


PARTS = {
    "parts": {
        "type": "partitions.PartitionedDataset",
        "path": "data/parts",
        "dataset": "text.TextDataset",
        "filename_suffix": ".txt",
    },
    "one": text("data/parts/a.txt"),
    "{n}#part": text("data/parts/{n}.txt"),
}


def loaded(catalog: DataCatalog, name: str) -> dict[str, Any]:
    """All partitions, loaded."""
    return {key: load() for key, load in catalog.load(name).items()}


class TestNesting:
    """Entries that lie inside what another entry lists."""

    def test_inner_save(self, checkout: Any) -> None:
        """An entry inside a partitioned dataset is a partition of it: each sees what the other saves."""
        saved_on_main(checkout, PARTS, parts={"a": "1", "b": "2"})
        catalog = checkout.catalog(PARTS)
        assert catalog.load("one") == "1"
        catalog.save("one", "10")
        assert loaded(catalog, "parts") == {"a": "10", "b": "2"}
        catalog.save("parts", {"a": "100", "c": "3"})
        assert catalog.load("one") == "100"
        catalog.save("b#part", "20")
        assert loaded(checkout.catalog(PARTS), "parts") == {"a": "100", "b": "20", "c": "3"}
        assert loaded(checkout.plain(PARTS), "parts") == {"a": "1", "b": "2"}
        assert files() == {"parts/a.txt", "parts/b.txt"} | {f"parts--{SLUG}/{name}.txt" for name in "abc"}

    def test_order_of_use(self, checkout: Any) -> None:
        """Nesting follows from the configurations, not from which entry is used first."""
        saved_on_main(checkout, PARTS, parts={"a": "1"})
        checkout.catalog({"{n}#part": PARTS["{n}#part"], **PARTS}).save("a#part", "10")
        assert checkout.catalog(PARTS).load("one") == "10"
        assert loaded(checkout.catalog(PARTS), "parts") == {"a": "10"}

    def test_listed_by_a_pattern(self, checkout: Any) -> None:
        """A placeholder in a pattern's listed directory stands for any text."""
        config = {
            "{region}#parts": {**PARTS["parts"], "path": "data/{region}/parts"},
            "one": text("data/uk/parts/a.txt"),
        }
        saved_on_main(checkout, config, **{"uk#parts": {"a": "1", "b": "2"}})
        catalog = checkout.catalog(config)
        catalog.save("one", "10")
        assert loaded(catalog, "uk#parts") == {"a": "10", "b": "2"}
        assert loaded(checkout.plain(config), "uk#parts") == {"a": "1", "b": "2"}

    def test_inside_a_whole(self, checkout: Any) -> None:
        """The first save inside a directory that is one dataset seeds it: what it listed, it still lists."""
        config = {"all": own(Folder, path="data/all"), "one": text("data/all/a.txt")}
        saved_on_main(checkout, config, all={"a.txt": "1", "b.txt": "2"})
        catalog = checkout.catalog(config)
        catalog.save("one", "10")
        assert catalog.load("all") == {"a.txt": "10", "b.txt": "2"}
        catalog.save("all", {"a.txt": "100"})
        assert catalog.load("one") == "100"
        assert checkout.catalog(config).load("all") == {"a.txt": "100", "b.txt": "2"}
        assert checkout.plain(config).load("all") == {"a.txt": "1", "b.txt": "2"}

    def test_main_lists_no_copy(self, checkout: Any) -> None:
        """No branch copy lies where main lists: a file in a listed folder takes the suffix on the folder."""
        config = {"all": own(Folder, path="data/all/"), "deep": text("data/all/x/y.txt")}
        Path("data/all/x").mkdir(parents=True)
        saved_on_main(checkout, config, deep="1")
        before = sorted(map(str, Path("data/all").rglob("*")))
        checkout.catalog(config).save("deep", "2")
        assert sorted(map(str, Path("data/all").rglob("*"))) == before
        assert Path(f"data/all--{SLUG}/x/y.txt").read_text() == "2"

    def test_late(self, checkout: Any) -> None:
        """An instance that is added later and lies inside a listed directory is a partition too."""
        saved_on_main(checkout, PARTS, parts={"a": "1"})
        catalog = checkout.catalog(PARTS)
        catalog["late"] = TextDataset(filepath="data/parts/a.txt")
        catalog.save("late", "10")
        assert loaded(catalog, "parts") == {"a": "10"}

    @pytest.mark.parametrize("name", ["all", "inner", "other"])
    def test_lists_the_records(self, checkout: Any, name: str) -> None:
        """Where an entry lists the folder of the records, saves are refused until another root is set."""
        config = {"all": own(Folder, path="data/all"), "inner": text("data/all/a.txt"), "other": text("data/b.txt")}
        data = {"a.txt": "2"} if name == "all" else "2"
        saved_on_main(checkout, config, all={"a.txt": "1"}, other="1")
        refused = checkout.catalog(config, SteelToes(records="data/all"))
        message = message_of(refused, name, data)
        assert "data/all, which an entry lists" in message
        assert 'SteelToes(records="' in message
        hook = SteelToes(records="data/records")
        checkout.catalog(config, hook).save(name, data)
        assert checkout.catalog(config, hook).load(name) == data
        assert list(Path("data/records/_steel_toes").rglob("*.json"))

    def test_lists_all_data(self, checkout: Any) -> None:
        """An entry that lists the whole data folder moves the records out of it, to the project's."""
        config = {"all": own(Folder, path="data"), "a": text("data/a.txt")}
        saved_on_main(checkout, config, a="1")
        checkout.catalog(config).save("a", "2")
        assert checkout.catalog(config).load("all") == {"a.txt": "2"}
        assert checkout.plain(config).load("all") == {"a.txt": "1"}


class TestHooks:
    """Ours among other hooks."""

    CONFIG = {"a": text("data/a.txt"), "c": ENTRIES["cached"], "{n}#t": text("data/{n}.txt")}  # noqa: RUF012

    def test_twice(self, checkout: Any) -> None:
        """Calling the hook twice changes nothing."""
        saved_on_main(checkout, self.CONFIG, a="old")
        catalog = checkout.catalog(self.CONFIG)
        held = catalog["a"]
        datasets, lazy = catalog._datasets, catalog._lazy_datasets
        SteelToes().after_catalog_created(catalog)
        assert (catalog._datasets, catalog._lazy_datasets) == (datasets, lazy)
        assert catalog._datasets is datasets
        assert catalog._lazy_datasets is lazy
        assert catalog["a"] is held
        catalog.save("a", "new")
        assert checkout.catalog(self.CONFIG).load("a") == "new"

    def test_no_context(self, checkout: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without after_context_created the project is Kedro's, found from the working directory."""
        saved_on_main(checkout, self.CONFIG, a="old")
        (checkout.folder / "pyproject.toml").write_text("[tool.kedro]\n")
        (checkout.folder / "notebooks").mkdir()
        monkeypatch.chdir(checkout.folder / "notebooks")
        config = {"a": text(f"{checkout.folder}/data/a.txt")}
        checkout.catalog(config).save("a", "new")
        monkeypatch.chdir(checkout.folder)
        assert checkout.catalog(self.CONFIG).load("a") == "new"

    @pytest.mark.parametrize("ours_first", [False, True])
    @pytest.mark.parametrize("tryfirst", [False, True])
    def test_another_that_materialises(self, checkout: Any, ours_first: bool, tryfirst: bool) -> None:
        """A hook that builds the whole catalog before ours leaves it branched all the same."""

        class Mlflow:
            @hook_impl(tryfirst=tryfirst)
            def after_catalog_created(self, catalog: DataCatalog) -> None:
                self.seen = {name: type(dataset).__name__ for name, dataset in catalog.items()}

        saved_on_main(checkout, self.CONFIG, a="old", c="old", **{"p#t": "old"})
        manager, other = _create_hook_manager(), Mlflow()
        _register_hooks(manager, [SteelToes(), other] if ours_first else [other, SteelToes()])
        catalog = checkout.plain(self.CONFIG)
        manager.hook.after_catalog_created(
            catalog=catalog, conf_catalog={}, conf_creds={}, parameters={}, save_version=None, load_versions={}
        )
        assert other.seen == {"a": "TextDataset", "c": "CachedDataset"}
        for name in ("a", "c", "p#t"):
            assert catalog.load(name) == "old"
            catalog.save(name, "new")
            assert checkout.catalog(self.CONFIG).load(name) == "new"
            assert checkout.plain(self.CONFIG).load(name) == "old"

    def test_order(self, checkout: Any) -> None:
        """Ours comes before others that did not ask to be first: they see a branched catalog."""

        class Later:
            @hook_impl
            def after_catalog_created(self, catalog: DataCatalog) -> None:
                catalog.save("a", "by another hook")

        saved_on_main(checkout, self.CONFIG, a="old")
        manager = _create_hook_manager()
        _register_hooks(manager, [SteelToes(), Later()])
        catalog = checkout.plain(self.CONFIG)
        manager.hook.after_catalog_created(
            catalog=catalog, conf_catalog={}, conf_creds={}, parameters={}, save_version=None, load_versions={}
        )
        assert catalog.load("a") == "by another hook"

    def test_one_hook_for_many(self, checkout: Any) -> None:
        """One hook object serves catalogs of different branches, at the same time."""
        saved_on_main(checkout, self.CONFIG, a="old")
        hook = SteelToes()
        first = checkout.catalog(self.CONFIG, hook)
        checkout.on("feature/y")
        second = checkout.catalog(self.CONFIG, hook)
        first.save("a", "x")
        second.save("a", "y")
        assert (first.load("a"), second.load("a")) == ("x", "y")

    def test_frozen_branch(self, checkout: Any) -> None:
        """The branch is asked once for each catalog: `git switch` under an open one changes nothing in it."""
        saved_on_main(checkout, self.CONFIG, a="old")
        catalog = checkout.catalog(self.CONFIG)
        checkout.on("feature/y")
        catalog.save("a", "x")
        assert checkout.catalog(self.CONFIG).load("a") == "old"
        checkout.on("feature/x")
        assert checkout.catalog(self.CONFIG).load("a") == "x"


class TestFrozen:
    """What a run only reads, it reads from the side that counted when it began."""

    CONFIG = {  # noqa: RUF012
        "a": text("data/a.txt"),
        "v": text("data/v.txt", versioned=True),
        "cached": ENTRIES["cached"],
        "new": text("data/new.txt"),
        "b": text("data/b.txt"),
        "same_as_b": text("data/b.txt"),
        "lines": own(Lines, filepath="data/lines.txt"),
    }

    @pytest.fixture
    def running(self, checkout: Any) -> DataCatalog:
        """A catalog on `feature/x`, of which a run reads everything and writes `same_as_b`."""
        saved_on_main(checkout, self.CONFIG, a="old", v="old", cached="old", b="old", lines=["old"])
        free = ["a", "v", "cached", "new", "b", "lines"]
        hook = SteelToes()
        catalog = checkout.catalog(self.CONFIG, hook)
        hook.before_pipeline_run(
            run_params={}, pipeline=Pipeline([node(print, free, "same_as_b", name="n")]), catalog=catalog
        )
        return catalog

    @pytest.mark.parametrize("pickled", [False, True])
    @pytest.mark.parametrize("name", ["a", "v", "cached", "lines"])
    def test_free_input(self, checkout: Any, running: DataCatalog, name: str, pickled: bool) -> None:
        """A free input stays main's, in workers too, though another process saves it on the branch."""
        old, new = (["old"], ["new"]) if name == "lines" else ("old", "new")
        checkout.catalog(self.CONFIG).save(name, new)
        catalog = pickle.loads(pickle.dumps(running)) if pickled else running
        assert catalog.load(name) == old
        assert catalog.exists(name)
        assert catalog.load(name) == old
        assert checkout.catalog(self.CONFIG).load(name) == new

    def test_absent(self, checkout: Any, running: DataCatalog) -> None:
        """What was not there when the run began is not there for all of the run: `exists` and `load` agree."""
        checkout.catalog(self.CONFIG).save("new", "new")
        assert not running.exists("new")
        with pytest.raises(DatasetError):
            running.load("new")

    def test_attributes(self, checkout: Any, running: DataCatalog) -> None:
        """Attributes are the frozen side's."""
        checkout.catalog(self.CONFIG).save("a", "new")
        assert running["a"]._filepath.name == "a.txt"

    def test_written(self, running: DataCatalog) -> None:
        """A location that the run writes is not frozen, under whatever name."""
        running.save("same_as_b", "new")
        assert running.load("b") == "new"

    def test_branch(self, checkout: Any, running: DataCatalog) -> None:
        """The branch's side is kept as well: a later save on the branch is seen, and no way back to main."""
        del running
        hook = SteelToes()
        checkout.catalog(self.CONFIG).save("a", "1")
        catalog = checkout.catalog(self.CONFIG, hook)
        hook.before_pipeline_run(run_params={}, pipeline=Pipeline([node(print, "a", None, name="n")]), catalog=catalog)
        (record,) = Path("data/_steel_toes").rglob("*.json")
        record.unlink()
        with pytest.raises(DatasetError, match="was removed while this run reads it"):
            catalog.load("a")


def save_and_confirm(dataset: Any) -> Iterable[str]:
    """The names among `save` and `confirm` that do not raise."""
    for action, arguments in (("save", ("stolen",)), ("confirm", ())):
        if hasattr(dataset, action):
            try:
                getattr(dataset, action)(*arguments)
            except DatasetError:
                continue
            yield action


class TestBlocked:
    """No Kedro call on a branch's catalog writes main."""

    CONFIG = {  # noqa: RUF012
        **ENTRIES,
        "increments": {"type": "partitions.IncrementalDataset", "path": "data/inc", "dataset": "text.TextDataset"},
        "table": own(Table, table_name="t"),
        "lines": own(Lines, filepath="data/lines.txt"),
    }

    @pytest.mark.parametrize("name", ["text", "versioned", "cached", "parts", "increments", "x_json", "table", "lines"])
    def test_mains_dataset(self, checkout: Any, name: str) -> None:
        """Main's dataset, where the proxy lets it be reached, can neither save nor confirm, nor can what it wraps."""
        main = checkout.plain(self.CONFIG)
        main.save("parts", {"a": "1"})
        main.save("increments", {"a": "1"})
        checkout.on("feature/x")
        mains = pair_of(checkout.catalog(self.CONFIG)[name]).main
        assert list(save_and_confirm(mains)) == []
        if name == "cached":
            assert list(save_and_confirm(mains._dataset)) == []

    def test_attributes(self, checkout: Any) -> None:
        """What an attribute of a branched dataset gives cannot write main either."""
        main = checkout.plain(self.CONFIG)
        main.save("cached", "old")
        main.save("increments", {"a": "1"})
        main.load("increments")
        main.confirm("increments")
        checkout.on("feature/x")
        catalog = checkout.catalog(self.CONFIG)
        list(save_and_confirm(catalog["cached"]._dataset))
        list(save_and_confirm(catalog["increments"]._checkpoint))
        catalog["text"]._save("stolen") if hasattr(catalog["text"], "_save") else None

    def test_confirm(self, checkout: Any) -> None:
        """A confirm through the catalog writes the branch's checkpoint, and main's stays."""
        main = checkout.plain(self.CONFIG)
        main.save("increments", {"a": "1", "b": "2"})
        checkout.on("feature/x")
        catalog = checkout.catalog(self.CONFIG)
        assert set(catalog.load("increments")) == {"a", "b"}
        catalog.confirm("increments")
        catalog.release("increments")
        assert not catalog.exists("increments")
        assert set(checkout.plain(self.CONFIG).load("increments")) == {"a", "b"}


class TestShapes:
    """Other catalogs than the everyday one."""

    def test_shared_memory_catalog(self, checkout: Any) -> None:
        """The catalog that ParallelRunner uses is branched, and passes Kedro's own check for it."""
        config = {"a": text("data/a.txt"), "{n}#t": text("data/{n}.txt"), "lines": own(Lines, filepath="data/l.txt")}
        saved_on_main(checkout, config, a="old", lines=["old"], **{"p#t": "old"})
        catalog = checkout.catalog(config, made_by=SharedMemoryDataCatalog)
        for name in ("a", "p#t", "lines"):
            assert catalog[name]
        assert type(catalog.get("free", fallback_to_runtime_pattern=True)).__name__ == "SharedMemoryDataset"
        catalog.validate_catalog()
        catalog.save("a", "new")
        assert checkout.catalog(config).load("a") == "new"

    def test_single_process(self, checkout: Any) -> None:
        """What Kedro refuses in a ParallelRunner, it refuses on a branch: with the same words."""
        config = {"a": text("data/a.txt"), "cached": ENTRIES["cached"]}
        checkout.on("feature/x")
        messages = []
        for catalog in (
            SharedMemoryDataCatalog.from_config(config),
            checkout.catalog(config, made_by=SharedMemoryDataCatalog),
        ):
            assert catalog["cached"]
            assert catalog["a"]
            with pytest.raises(AttributeError) as caught:
                catalog.validate_catalog()
            messages.append(str(caught.value))
        assert messages[0] == messages[1]

    def test_users_subclass(self, checkout: Any) -> None:
        """A catalog class of the project's own is branched."""

        class Own(DataCatalog):
            def shout(self, name: str) -> str:
                return self.load(name).upper()

        config = {"a": text("data/a.txt")}
        saved_on_main(checkout, config, a="old")
        catalog = checkout.catalog(config, made_by=Own)
        catalog.save("a", "new")
        assert catalog.shout("a") == "NEW"

    def test_empty(self, checkout: Any) -> None:
        """An empty catalog is one."""
        checkout.on("feature/x")
        assert len(checkout.catalog({})) == 0

    def test_outside_the_project(self, checkout: Any, tmp_path: Path) -> None:
        """Data outside the project is branched; its records lie in its folder."""
        outside = tmp_path / "shared disk"
        outside.mkdir()
        (outside / "a.txt").write_text("old")
        config = {"a": text(str(outside / "a.txt"))}
        checkout.on("feature/x")
        assert_branched(checkout, config, "a", "old", "new")
        assert (outside / "a.txt").read_text() == "old"
        assert list((outside / "_steel_toes" / SLUG).glob("*.json"))

    def test_moved_checkout(self, checkout: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A checkout that is moved with its data keeps its branch copies."""
        config = {"a": text("data/a.txt"), "v": text("data/v.txt", versioned=True)}
        saved_on_main(checkout, config, a="old", v="old")
        checkout.catalog(config).save("a", "new")
        checkout.catalog(config).save("v", "new")
        os.rename(checkout.folder, tmp_path / "moved")  # noqa: PTH104
        monkeypatch.chdir(tmp_path / "moved")
        moved = checkout.catalog(config)
        assert (moved.load("a"), moved.load("v")) == ("new", "new")
        monkeypatch.chdir(tmp_path)
        os.rename(tmp_path / "moved", checkout.folder)  # noqa: PTH104

    @pytest.mark.skipif(
        not hasattr(AbstractVersionedDataset, "list_versions"), reason="this Kedro has no list_versions"
    )
    def test_versioned_union(self, checkout: Any) -> None:
        """All versions of both sides are listed, newest first."""
        config = {"v": text("data/v.txt", versioned=True)}
        checkout.plain(config, save_version=OLD).save("v", "old")
        checkout.on("feature/x")
        catalog = checkout.catalog(config, save_version=NEW)
        catalog.save("v", "new")
        assert catalog["v"].list_versions(full_path=False) == [NEW, OLD]
        assert [Path(path).read_text() for path in catalog["v"].list_versions()] == ["new", "old"]
