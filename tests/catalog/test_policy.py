"""What is done with an entry: shared, taught, refused, or nested in another, and which places no copy may take."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, ClassVar

import pytest
from kedro.io import (
    AbstractDataset,
    CachedDataset,
    DataCatalog,
    DatasetError,
)
from kedro_datasets.partitions import PartitionedDataset
from kedro_datasets.text import TextDataset

from steel_toes import ConfigurationError, LoadRefusedError, SteelToes
from steel_toes.datasets.proxy import branched_of
from support.entries import (
    ENTRIES,
    Folder,
    Lines,
    Shape,
    Stubborn,
    Table,
    Verses,
    assert_branched,
    files,
    loaded,
    message_of,
    own,
    saved_on_main,
    text,
)
from support.team import SLUG

pytestmark = pytest.mark.contract


LATE = {"path": "data/parts", "dataset": "text.TextDataset", "filename_suffix": ".txt"}


class Named(AbstractDataset):
    """It saves one file of a folder that may hold others'."""

    def __init__(self, folder: str, name: str) -> None:
        self._file = Path(folder, name)

    def load(self) -> str:
        return self._file.read_text()

    def save(self, data: str) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(data)

    def _describe(self) -> dict[str, Any]:
        return {"file": str(self._file)}


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
            ("raw_b", ["support.entries.Lines"]),
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
        assert branched_of(catalog[name]) is None

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

    @pytest.mark.parametrize("said", [True, "shared", ["shared"], {"share": True}, {"shared": "false"}, {"shared": 1}])
    def test_metadata_that_says_something_else(self, checkout: Any, said: Any) -> None:
        """A typing error makes nothing of main's writable, and is told with what can be said."""
        config = {"l": text("data/l.txt", metadata={"steel_toes": said})}
        checkout.on("feature/x")
        with pytest.raises(ConfigurationError, match=r"metadata\.steel_toes"):
            checkout.catalog(config).save("l", "new")
        assert not Path("data/l.txt").exists()

    @pytest.mark.parametrize("metadata", [None, "a text", {"steel_toes": None}, {"steel_toes": {}}, {"kedro-viz": 1}])
    def test_metadata_of_others(self, checkout: Any, metadata: Any) -> None:
        """Metadata is anybody's: what says nothing to steel_toes shares nothing."""
        config = {"l": text("data/l.txt", metadata=metadata)}
        saved_on_main(checkout, config, l="old")
        checkout.catalog(config).save("l", "new")
        assert checkout.plain(config).load("l") == "old"

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
        hook = SteelToes(location_parameters={"support.entries.Shape": "folder"})
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
        with pytest.raises(DatasetError, match=r'location_parameters={"support.entries.Shape": "<parameter>"}\)'):
            catalog.save("s", "new")


class TestRefused:
    """Entries that cannot be saved without writing main."""

    CONFIG = {"table": own(Table, table_name="t"), "{n}#t": own(Table, table_name="{n}")}  # noqa: RUF012

    @pytest.mark.parametrize("name", ["table", "p#t"])
    def test_save(self, checkout: Any, name: str) -> None:
        """A table is read, and a save is refused: the message names shared first, then metadata; no teaching helps."""
        saved_on_main(checkout, self.CONFIG, **{name: "old"})
        catalog = checkout.catalog(self.CONFIG)
        assert catalog.load(name) == "old"
        message = message_of(catalog, name, "new")
        assert f"Cannot save {name} (support.entries.Table) on branch feature/x." in message
        shared = "`metadata: {steel_toes: {shared: true}}`"
        assert message.index(f'SteelToes(shared=["{name}"])') < message.index(shared)
        assert "location_parameters" not in message
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

    def test_late_beside_late(self, checkout: Any) -> None:
        """Two that are added later know of each other: a listing leaves out the copy of a file in its directory."""
        saved_on_main(checkout, {**PARTS, "x": text("data/x.txt")}, parts={"a": "1"}, x="1")
        catalog = checkout.catalog({"x": text("data/x.txt")})
        catalog["file"] = TextDataset(filepath="data/parts/a.txt")
        catalog.save("file", "10")
        catalog["parts"] = PartitionedDataset(**LATE)
        assert loaded(catalog, "parts") == {"a": "1"}
        catalog.save("x", "2")
        assert "lists" in message_of(catalog, "parts", {"b": "2"})

    def test_late_in_what_a_late_one_lists(self, checkout: Any) -> None:
        """A file that is added after the listing of its directory is refused: the listing would show its copy."""
        saved_on_main(checkout, {**PARTS, "x": text("data/x.txt")}, parts={"a": "1"}, x="1")
        catalog = checkout.catalog({"x": text("data/x.txt")})
        catalog["parts"] = PartitionedDataset(**LATE)
        assert loaded(catalog, "parts") == {"a": "1"}
        catalog["file"] = TextDataset(filepath="data/parts/a.txt")
        assert "lists" in message_of(catalog, "file", "10")
        catalog["beside"] = TextDataset(filepath="data/beside.txt")
        catalog.save("beside", "10")
        catalog.save("parts", {"b": "2"})
        assert loaded(catalog, "parts") == {"a": "1", "b": "2"}

    def test_late_and_taught(self, checkout: Any) -> None:
        """Two of a taught class that are added later to one directory keep what is the other's."""
        entries = {name: own(Named, folder="data/n", name=name) for name in ("a", "b")}
        saved_on_main(checkout, entries, a="1", b="1")
        catalog = checkout.catalog({}, SteelToes(location_parameters={f"{__name__}.Named": "folder"}))
        for name in entries:
            catalog[name] = Named(folder="data/n", name=name)
        catalog.save("a", "2")
        assert (catalog.load("a"), catalog.load("b")) == ("2", "1")
        catalog.save("b", "3")
        assert (catalog.load("a"), catalog.load("b")) == ("2", "3")
        checkout.assert_main_unchanged()

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


class TestLinkedData:
    """A project whose whole folder of data is a link out of it, as a job on CI links its team's."""

    CONFIG: ClassVar = {"x": text("data/02/x.txt")}

    def test_a_folder_that_became_a_link(self, checkout: Any, tmp_path: Path) -> None:
        """The records of a real folder are those of the link to it."""
        saved_on_main(checkout, self.CONFIG, x="main")
        checkout.catalog(self.CONFIG).save("x", "branch")
        data = linked(tmp_path / "elsewhere")
        assert checkout.catalog(self.CONFIG).load("x") == "branch"
        checkout.catalog(self.CONFIG).save("x", "again")
        assert len(list(data.rglob("*.json"))) == 1
        assert (data / "02/x.txt").read_text() == "main"

    def test_a_link_that_became_a_folder(self, checkout: Any, tmp_path: Path) -> None:
        """And the other way round: a copy of the team's folder has its records."""
        saved_on_main(checkout, self.CONFIG, x="main")
        data = linked(tmp_path / "elsewhere")
        checkout.catalog(self.CONFIG).save("x", "branch")
        Path("data").unlink()
        shutil.copytree(data, "data", copy_function=shutil.copy2)
        assert checkout.catalog(self.CONFIG).load("x") == "branch"

    def test_another_name(self, checkout: Any, tmp_path: Path) -> None:
        """An entry that names the folder itself shares the record with one that names the link."""
        saved_on_main(checkout, self.CONFIG, x="main")
        data = linked(tmp_path / "elsewhere")
        config = {**self.CONFIG, "y": text(f"{data}/02/x.txt")}
        checkout.catalog(config).save("x", "branch")
        assert checkout.catalog(config).load("y") == "branch"
        checkout.catalog(config).save("y", "again")
        assert checkout.catalog(config).load("x") == "again"
        assert len(list(data.rglob("*.json"))) == 1

    def test_a_link_inside(self, checkout: Any, tmp_path: Path) -> None:
        """A folder deeper down that is a link counts where it leads, whoever links it there."""
        saved_on_main(checkout, self.CONFIG, x="main")
        shutil.move("data/02", tmp_path / "02")
        Path("data/02").symlink_to(tmp_path / "02")
        checkout.catalog(self.CONFIG).save("x", "branch")
        assert len(list((tmp_path / "02/_steel_toes").rglob("*.json"))) == 1
        assert checkout.catalog(self.CONFIG).load("x") == "branch"
        # Where main's bytes are compared.
        Path("data/02").unlink()
        shutil.move(tmp_path / "02", "data/02")


def linked(target: Path) -> Path:
    """Move the project's data out of it, and link it there."""
    shutil.move("data", target)
    Path("data").symlink_to(target)
    return target
