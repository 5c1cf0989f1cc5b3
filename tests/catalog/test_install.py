"""A branch's catalog: which entries are branched, and how, whatever catalog and hooks are around."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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
from kedro.pipeline import node, pipeline
from kedro.runner import SequentialRunner
from kedro_datasets.json import JSONDataset
from kedro_datasets.text import TextDataset

from steel_toes import SteelToes
from steel_toes.datasets.proxy import branched_of
from steel_toes.records.place import Side
from support.entries import (
    ENTRIES,
    Lines,
    Texts,
    Verses,
    assert_branched,
    files,
    own,
    saved_on_main,
    text,
)
from support.team import SLUG

pytestmark = pytest.mark.contract


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

    def test_main_only_when_it_is_read(self, checkout: Any) -> None:
        """Of an entry that a run saves, loads and releases, only the branch's dataset is built."""
        entries = {name: text(f"data/{name}.txt") for name in ("a", "b", "c")}
        saved_on_main(checkout, entries, a="main")
        catalog = checkout.catalog(entries)
        run = pipeline([node(str.upper, "a", "b", name="ab"), node(str.lower, "b", "c", name="bc")])
        runner = SequentialRunner()
        runner.run(run, catalog)
        built = {name: set(branched_of(catalog[name]).built) for name in entries}
        assert built == {"a": {Side.BRANCH, Side.MAIN}, "b": {Side.BRANCH}, "c": {Side.BRANCH}}
        assert catalog.load("c") == "main"
        checkout.assert_main_unchanged()

    @pytest.mark.parametrize(
        "entry",
        [
            {"type": "text.NoSuchDataset"},
            {"type": "text.TextDataset", "file_path": "x"},
            {"type": ".Text"},
            {"type": "partitions.PartitionedDataset"},
            {"type": "partitions.IncrementalDataset"},
            {"type": "CachedDataset"},
            {"type": "text.TextDataset", "fs_args": {"open_args_save": 1}},
            {"type": "pickle.PickleDataset", "save_args": {"mode": ["a"]}, "backend": "nowhere"},
        ],
    )
    def test_says_what_plain_kedro_says(self, checkout: Any, entry: dict[str, str]) -> None:
        """An entry that cannot be built fails as in plain Kedro, when it is asked for and by the same words."""
        config = {"d": {"filepath": "data/d.txt", **entry}}
        messages = []
        for catalog in (checkout.plain(config), checkout.catalog(config)):
            with pytest.raises(DatasetError) as refused:
                catalog["d"]
            messages.append(str(refused.value))
        assert messages[0] == messages[1]

    def test_a_module_is_imported_once(self, checkout: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A class whose module fails is imported as often as in plain Kedro: once more would hide why it failed."""
        module = "from pathlib import Path\nPath('imports').open('a').write('x')\nraise ValueError('no licence')\n"
        (tmp_path / "licensed.py").write_text(module)
        monkeypatch.syspath_prepend(tmp_path)
        config = {"d": {"type": "licensed.LicensedDataset", "filepath": "data/d.txt"}}
        numbers = []
        for catalog in (checkout.plain(config), checkout.catalog(config)):
            with pytest.raises(DatasetError, match="no licence"):
                catalog["d"]
            numbers.append(len(Path("imports").read_text()))
            Path("imports").unlink()
        assert numbers[0] == numbers[1]

    @pytest.mark.parametrize("change", ["given", "resolved"])
    def test_changed_after_it_was_asked_for(self, checkout: Any, change: str) -> None:
        """What becomes of a configuration after its entry was asked for changes nothing, as in plain Kedro."""
        config = {"a": text("data/a.txt"), "o": text("data/o.txt")}
        saved_on_main(checkout, config, a="main's a", o="main's o")
        catalog = DataCatalog.from_config(config)
        checkout.on("feature/x")
        SteelToes().after_catalog_created(catalog)
        dataset = catalog["a"]
        if change == "given":
            config["a"]["filepath"] = "data/o.txt"
        else:
            catalog.config_resolver.config["a"]["filepath"] = "data/o.txt"
        assert dataset.load() == "main's a"

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
        assert branched_of(dataset) is None

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

    def test_one_hook_for_many(self, checkout: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """One hook object serves catalogs of different branches, which somebody names, at the same time."""
        saved_on_main(checkout, self.CONFIG, a="old")
        hook = SteelToes()
        first = checkout.catalog(self.CONFIG, hook)
        monkeypatch.setenv("STEEL_TOES_BRANCH", "feature/y")
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
