"""What stands in a dataset's place on a branch looks and behaves as the dataset would: each law compares the two."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cloudpickle
import pytest
from kedro.io import AbstractDataset, CachedDataset, DataCatalog, DatasetError, MemoryDataset
from kedro.io.core import Version
from kedro_datasets.pandas import CSVDataset
from kedro_datasets.text import TextDataset

from steel_toes.datasets.proxy import Proxy, branched_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.contract

SLUG = "feature-x-217d2bf5"  # of feature/x
VERSION = "2024-01-01T00.00.00.000Z"


class Book(AbstractDataset):
    """A project's class that can do more than Kedro asks of it."""

    edition = 1

    def __init__(self, filepath: str, *, metadata: dict | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata
        self.reader = "nobody"

    def load(self) -> list[str]:
        return self._filepath.read_text().split("|")

    def save(self, data: list[str]) -> None:
        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        self._filepath.write_text("|".join(data))

    def _exists(self) -> bool:
        return self._filepath.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

    @property
    def place(self) -> str:
        return self._filepath.name

    @property
    def broken(self) -> str:
        msg = "no such thing today"
        raise AttributeError(msg)

    def pages(self, first: int = 0, *, last: int | None = None) -> list[str]:
        return self.load()[first:last]

    @staticmethod
    def shelf() -> str:
        return "novels"

    @classmethod
    def edited(cls) -> int:
        return cls.edition

    def __call__(self, number: int) -> str:
        return self.load()[number]

    def __len__(self) -> int:
        return len(self.load())

    def __getitem__(self, number: int) -> str:
        return self.load()[number]

    def __setitem__(self, number: int, page: str) -> None:
        pages = self.load()
        pages[number] = page
        self.save(pages)

    def __iter__(self) -> Iterator[str]:
        return iter(self.load())

    def __contains__(self, page: str) -> bool:
        return page in self.load()

    def __bool__(self) -> bool:
        return self.load() != [""]

    def __enter__(self) -> str:
        return "opened"

    def __exit__(self, *_: object) -> None:
        self.reader = "left"

    def __add__(self, more: list[str]) -> list[str]:
        return self.load() + more

    def __str__(self) -> str:
        return "a book"

    def __eq__(self, other: object) -> bool:
        return other == 1

    def __hash__(self) -> int:
        return 7

    def __lt__(self, other: object) -> bool:
        return True


class Closed(AbstractDataset):
    """A class without `exists`, `confirm` and release of its own."""

    def __init__(self, filepath: str) -> None:
        self._filepath = filepath

    def load(self) -> str:
        return Path(self._filepath).read_text()

    def save(self, data: str) -> None:
        Path(self._filepath).write_text(data)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath}


def text(path: str, **more: Any) -> dict[str, Any]:
    """The configuration of a text file."""
    return {"type": "text.TextDataset", "filepath": path, **more}


PARTS = {"dataset": text(""), "filename_suffix": ".txt"}
PARTS["dataset"].pop("filepath")
CONFIG: dict[str, dict[str, Any]] = {
    "text": text("data/t.txt", metadata={"layer": "raw"}),
    "csv": {"type": "pandas.CSVDataset", "filepath": "data/c.csv", "save_args": {"index": False, "sep": ";"}},
    "versioned": text("data/v.txt", versioned=True),
    "cached": {"type": "CachedDataset", "dataset": text("data/k.txt")},
    "cached_versioned": {"type": "CachedDataset", "versioned": True, "dataset": text("data/kv.txt")},
    "parts": {"type": "partitions.PartitionedDataset", "path": "data/parts", **PARTS},
    "increments": {"type": "partitions.IncrementalDataset", "path": "data/inc", **PARTS},
    "book": {"type": f"{__name__}.Book", "filepath": "data/b.txt"},
    "closed": {"type": f"{__name__}.Closed", "filepath": "data/closed.txt"},
    "secret": text("data/secret.txt", credentials="mine", fs_args={"auto_mkdir": True}),
    "memory": {"type": "MemoryDataset"},
    "refused": {"type": "api.APIDataset", "url": "http://127.0.0.1:9/", "method": "POST"},
    "{name}_p": text("data/{name}_p.txt"),
}
CREDENTIALS = {"mine": {"key": "value"}}
SAVED = ["text", "versioned", "cached", "cached_versioned", "parts", "increments", "book", "closed", "x_p"]
NAMES = [*SAVED, "csv", "secret", "memory", "refused"]


def data_of(name: str, word: str) -> Any:
    """Data that the entry can save."""
    if name in {"parts", "increments"}:
        return {word: word}
    return [word, word] if name == "book" else word


def said(data: Any) -> Any:
    """Data in a form that can be compared."""
    if isinstance(data, dict):
        return {name: value() if callable(value) else value for name, value in data.items()}
    return data


def outcome(action: Callable[[], Any]) -> Any:
    """What an action gives, or the type of what it raises."""
    try:
        return said(action())
    except Exception as exc:  # noqa: BLE001  # whatever plain Kedro raises, is what a branch must raise
        return next(cls.__name__ for cls in type(exc).__mro__ if cls.__module__.split(".")[0] != "steel_toes")


class Twins:
    """A branched catalog and plain Kedro's of the same configuration.

    Each has a folder of its own, so that what is saved to one cannot be seen through the other: `plain`'s is the
    private copy of main's data of which the design speaks.
    """

    def __init__(self, checkout: Any) -> None:
        self.checkout = checkout
        main = DataCatalog.from_config(copy.deepcopy(CONFIG), CREDENTIALS, save_version=VERSION)
        Path("data").mkdir()
        for name in SAVED:
            main.save(name, data_of(name, "main"))
        checkout.on("feature/x")
        self.branched = self.made()
        self.plain = self.made(plain=True)

    def made(self, plain: bool = False) -> DataCatalog:
        """A catalog of the configuration."""
        make = self.checkout.plain if plain else self.checkout.catalog
        return make(CONFIG, credentials=CREDENTIALS, save_version="2099-01-01T00.00.00.000Z")

    def use(self, *names: str) -> None:
        """Have both catalogs build these datasets, in this order."""
        for name in names or NAMES:
            assert self.branched.get(name) is not None
            assert self.plain.get(name) is not None

    def same(self, ask: Callable[[DataCatalog], Any]) -> Any:
        """Ask both catalogs, assert that the answers are one, and give it."""
        plain, branched = outcome(lambda: ask(self.plain)), outcome(lambda: ask(self.branched))
        # Kedro's cache does not survive pickling: in the place of data it gives a bare object, and no error.
        assert branched == ("main" if type(plain) is object else plain)
        return branched


@pytest.fixture
def twins(checkout: Any) -> Twins:
    """Main has saved, `feature/x` is checked out and has not."""
    return Twins(checkout)


def test_are_proxies(twins: Twins) -> None:
    """What this module tests is really a proxy: all entries but those in memory."""
    assert {name for name in NAMES if not branched_of(twins.branched[name])} == {"memory"}


class TestType:
    """Whoever asks for the class finds the class."""

    @pytest.mark.parametrize("name", NAMES)
    def test_is_the_datasets(self, twins: Twins, name: str) -> None:
        """`isinstance`, `__class__` and the type's name, module and qualified name are the dataset's."""
        assert isinstance(twins.branched[name], type(twins.plain[name]))
        assert isinstance(twins.branched[name], AbstractDataset)
        twins.same(lambda catalog: catalog[name].__class__)
        twins.same(lambda catalog: type(catalog[name]).__name__)
        twins.same(lambda catalog: type(catalog[name]).__module__)
        twins.same(lambda catalog: type(catalog[name]).__qualname__)
        twins.same(lambda catalog: type(catalog[name]).__doc__)
        twins.same(lambda catalog: isinstance(catalog[name], MemoryDataset))
        twins.same(lambda catalog: issubclass(catalog[name].__class__, CachedDataset))

    @pytest.mark.parametrize("used", [False, True])
    def test_get_type(self, twins: Twins, used: bool) -> None:
        """`catalog.get_type` is the same before and after the dataset is built."""
        if used:
            twins.use()
        for name in [*NAMES, "y_p", "nothing"]:
            twins.same(lambda catalog, name=name: catalog.get_type(name))

    @pytest.mark.parametrize("used", [False, True])
    def test_filter(self, twins: Twins, used: bool) -> None:
        """`filter(by_type=...)`, by a pattern of types and of names, finds the same entries."""
        if used:
            twins.use()
        kinds = (TextDataset, [TextDataset, CSVDataset], CachedDataset, Book, Proxy, AbstractDataset)
        found = [twins.same(lambda catalog, kind=kind: catalog.filter(by_type=kind)) for kind in kinds]
        assert "text" in found[0]
        assert twins.same(lambda catalog: catalog.filter(type_regex="Cached"))
        assert twins.same(lambda catalog: catalog.filter(name_regex="^c", by_type=[CSVDataset]))

    def test_mapping(self, twins: Twins) -> None:
        """The catalog's keys, its length, its order and what it contains are the same."""
        for _ in range(2):
            twins.same(len)
            twins.same(list)
            twins.same(lambda catalog: catalog.keys())
            twins.same(lambda catalog: [name in catalog for name in ("text", "y_p", "nothing")])
            twins.same(lambda catalog: sorted(catalog._datasets))
            twins.use("text", "x_p", "book")
        twins.same(lambda catalog: [type(dataset).__name__ for _, dataset in catalog.items()])
        twins.same(lambda catalog: [type(dataset).__name__ for dataset in catalog.values()])


class TestSpeech:
    """What is said of an entry."""

    @pytest.mark.parametrize("used", [False, True])
    @pytest.mark.parametrize("written", [False, True])
    def test_to_config(self, twins: Twins, used: bool, written: bool) -> None:
        """`to_config()` is plain Kedro's: main's locations, credentials by name, versions."""
        if written:
            twins.made().save("text", "branch")
        if used:
            twins.use()
        config, credentials, _, _ = twins.same(lambda catalog: catalog.to_config())
        assert config["text"]["filepath"] == "data/t.txt"
        assert list(credentials.values()) == [{"key": "value"}]

    def test_to_config_again(self, twins: Twins) -> None:
        """A catalog that is made from `to_config()` works."""
        twins.use("text", "versioned", "book")
        config, credentials, load_versions, _ = twins.branched.to_config()
        again = DataCatalog.from_config(config, credentials, {k: v for k, v in load_versions.items() if v})
        assert again.load("text") == "main"

    @pytest.mark.parametrize("used", [False, True])
    def test_repr(self, twins: Twins, used: bool) -> None:
        """`repr` and `str` of the catalog and of its datasets are plain Kedro's."""
        if used:
            twins.use()
        twins.same(repr)
        twins.same(str)
        for name in NAMES:
            twins.same(lambda catalog, name=name: repr(catalog[name]))
            twins.same(lambda catalog, name=name: f"{catalog[name]} {catalog[name]!s}")

    @pytest.mark.parametrize("name", [*SAVED, "refused"])
    def test_a_notebook_names_the_side(self, twins: Twins, name: str) -> None:
        """What a notebook shows is what `repr` says, and whose data a load reads by now; it freezes nothing."""
        dataset = twins.branched[name]

        def shown() -> str:
            text = dataset._repr_mimebundle_(include=None, exclude=None)["text/plain"]
            first, _, sentence = text.partition("\n")
            assert first == repr(twins.plain[name])
            return sentence

        assert "reads main's data" in shown()
        if name == "refused":
            return
        twins.made().save(name, data_of(name, "branch"))
        assert f"reads the copy of branch feature/x: {Path('data').absolute()}/" in shown()
        for record in Path("data/_steel_toes").rglob("*.json"):
            record.write_text("no record")
        assert "A load fails. " in shown()

    def test_a_notebook_forgets_nothing(self, twins: Twins) -> None:
        """A cache that is shown holds what it held."""
        twins.same(lambda catalog: catalog.load("cached"))
        saved = Path("data/k.txt").read_text()
        Path("data/k.txt").write_text("main's newer")
        twins.branched["cached"]._repr_mimebundle_()
        assert twins.same(lambda catalog: catalog.load("cached")) == "main"
        Path("data/k.txt").write_text(saved)

    def test_quiet(self, twins: Twins) -> None:
        """Talk does no I/O: with a record that cannot be read, only data does not answer."""
        twins.made().save("text", "branch")
        (record,) = Path("data/_steel_toes").rglob("*.json")
        record.write_text("no record")
        twins.use()
        for ask in (repr, list, len, lambda c: c.to_config(), lambda c: c.get_type("text")):
            twins.same(ask)
        dataset = twins.branched["text"]
        assert repr(dataset) == repr(twins.plain["text"])
        assert isinstance(dataset, TextDataset)
        assert dir(dataset) == dir(twins.plain["text"])
        assert not hasattr(dataset, "nothing")
        assert dataset.metadata == {"layer": "raw"}
        assert pickle.loads(pickle.dumps(dataset)) is not None
        assert copy.deepcopy(dataset) is not None
        with pytest.raises(DatasetError, match="It is no record"):
            dataset.load()


class TestAttributes:
    """Attributes are those of the side that would be read."""

    @pytest.mark.parametrize("name", NAMES)
    def test_names(self, twins: Twins, name: str) -> None:
        """`dir` and `vars` name the same attributes."""
        twins.same(lambda catalog: dir(catalog[name]))
        twins.same(lambda catalog: sorted(set(vars(catalog[name])) - {"save", "confirm"}))

    @pytest.mark.parametrize("name", NAMES)
    def test_presence(self, twins: Twins, name: str) -> None:
        """It has what the class has, and nothing else."""
        for attribute in ("load", "save", "confirm", "exists", "release", "nothing", "_filepath", "_version", "broken"):
            twins.same(lambda catalog, attribute=attribute: hasattr(catalog[name], attribute))
        for attribute in ("list_versions", "resolve_load_version", "_dataset", "_path", "__len__", "__call__", "_copy"):
            twins.same(lambda catalog, attribute=attribute: hasattr(catalog[name], attribute))
        twins.same(lambda catalog: callable(catalog[name]))

    def test_absence(self, twins: Twins) -> None:
        """An attribute that is not there raises what the dataset raises, in its words."""
        words = []
        for catalog in (twins.plain, twins.branched):
            for name in ("nothing", "broken"):
                with pytest.raises(AttributeError) as caught:
                    getattr(catalog["book"], name)
                words.append(str(caught.value))
        assert words[:2] == words[2:]
        assert getattr(twins.branched["book"], "nothing", 5) == 5

    def test_side(self, twins: Twins) -> None:
        """A path is main's until the branch has saved, and the branch's from then on."""
        book = twins.branched["book"]
        assert (book.place, book._filepath) == ("b.txt", Path("data/b.txt"))
        twins.made().save("book", ["1", "2", "3"])
        assert book.place == f"b--{SLUG}.txt"
        assert book._filepath.read_text() == "1|2|3"
        assert book.pages(1, last=2) == ["2"]

    def test_methods(self, twins: Twins) -> None:
        """Methods, static ones, class methods and class attributes are those of the class."""
        for ask in (
            lambda c: c["book"].shelf(),
            lambda c: c["book"].edited(),
            lambda c: c["book"].edition,
            lambda c: c["book"].pages(last=1),
            lambda c: c["book"].pages(first=1),
            lambda c: c["book"].exists(),
            lambda c: c["closed"].exists(),
            lambda c: c["text"].exists(),
            lambda c: c["text"].release(),
            lambda c: c["versioned"].resolve_load_version(),
            lambda c: c["versioned"].resolve_save_version(),
            lambda c: c["versioned"]._version,
            lambda c: c["text"]._init_config(),
            lambda c: c["text"].to_config(),
        ):
            twins.same(ask)

    def test_setting(self, twins: Twins) -> None:
        """An attribute that is set is set on both sides, and stays when the side changes."""
        book = twins.branched["book"]
        book.reader = "somebody"
        book.new = [1]
        assert (book.reader, book.new) == ("somebody", [1])
        book.save(["branch"])
        assert (book.reader, book.new) == ("somebody", [1])
        assert twins.made()["book"].reader == "nobody"

    def test_deleting(self, twins: Twins) -> None:
        """An attribute can be deleted as on the dataset."""

        def ask(catalog: DataCatalog) -> tuple[bool, bool]:
            del catalog["book"].reader
            return hasattr(catalog["book"], "reader"), hasattr(catalog["book"], "metadata")

        assert twins.same(ask) == (False, True)

    def test_metadata(self, twins: Twins) -> None:
        """Metadata is the catalog's, and a plugin may change it."""
        for catalog in (twins.plain, twins.branched):
            catalog["text"].metadata["seen"] = True
        twins.same(lambda catalog: catalog["text"].metadata)

    def test_identity(self, twins: Twins) -> None:
        """The catalog gives the same object each time, as Kedro does; objects can be keys and differ."""
        for name in NAMES:
            assert twins.branched[name] is twins.branched[name]
            assert twins.branched.get(name) is twins.branched[name]
            assert {twins.branched[name]: 1}[twins.branched[name]] == 1
        twins.same(lambda c: c["text"] == c["text"])
        twins.same(lambda c: c["text"] == c["x_p"])
        twins.same(lambda c: c["text"] != c["text"])
        twins.same(lambda c: c["text"] == "text")


SPECIAL: dict[str, Callable[[Any], Any]] = {
    "call": lambda book: book(0),
    "len": len,
    "getitem": lambda book: book[1],
    "missing item": lambda book: book[9],
    "iter": list,
    "contains": lambda book: ("main" in book, "other" in book),
    "bool": bool,
    "add": lambda book: book + ["more"],  # noqa: RUF005  # it is the method that is asked
    "str": str,
    "format": lambda book: f"{book:}",
    "eq": lambda book: (book == book, book == 1, book != 1),  # noqa: PLR0124
    "hash": hash,
    "lt": lambda book: book < 1,
    "sub": lambda book: book - 1,
    "reversed": lambda book: list(reversed(book)),
}


class TestSpecialMethods:
    """What Python asks of the type is answered by the dataset's class."""

    @pytest.mark.parametrize("name", list(SPECIAL))
    def test_same(self, twins: Twins, name: str) -> None:
        """A special method that the class defines is handed on; one that it does not define is not there."""
        twins.same(lambda catalog: SPECIAL[name](catalog["book"]))
        if name not in {"call", "str", "format", "hash", "iter"}:
            twins.same(lambda catalog: SPECIAL[name](catalog["text"]))

    def test_follow_the_side(self, twins: Twins) -> None:
        """Special methods are asked of the side that would be read."""
        twins.branched.save("book", ["1", "2", "3"])
        book = twins.branched["book"]
        assert (len(book), book[2], book(0), list(book), "2" in book) == (3, "3", "1", ["1", "2", "3"], True)

    def test_writing(self, twins: Twins) -> None:
        """A method that saves writes the branch when the branch is read; main's it cannot."""
        book = twins.branched["book"]
        with pytest.raises(DatasetError, match="blocked"):
            book[0] = "stolen"
        book.save(["1", "2"])
        book[0] = "10"
        assert Path("data/b.txt").read_text() == "main|main"

    def test_context(self, twins: Twins) -> None:
        """`with` works."""
        with twins.branched["book"] as opened:
            assert opened == "opened"
        assert twins.branched["book"].reader == "left"


def through_pickle(value: Any) -> Any:
    """A pickled copy."""
    return pickle.loads(pickle.dumps(value))


def through_old_pickle(value: Any) -> Any:
    """A copy by the oldest protocol that Kedro's datasets survive."""
    return pickle.loads(pickle.dumps(value, protocol=2))


def through_cloudpickle(value: Any) -> Any:
    """A copy as dask and Spark make it."""
    return pickle.loads(cloudpickle.dumps(value))


COPIES = [through_pickle, through_old_pickle, through_cloudpickle, copy.copy, copy.deepcopy]


@pytest.mark.parametrize("copied", COPIES)
class TestCopies:
    """pickle, cloudpickle, copy and deepcopy."""

    @pytest.mark.parametrize("name", NAMES)
    def test_dataset(self, twins: Twins, copied: Callable, name: str) -> None:
        """A copy of a dataset is one where plain Kedro's is, of the same type, and loads the same."""
        twins.same(lambda catalog: type(copied(catalog[name])).__qualname__)
        twins.same(lambda catalog: isinstance(copied(catalog[name]), type(catalog[name])))
        twins.same(lambda catalog: copied(catalog[name]) is catalog[name])
        twins.same(lambda catalog: repr(copied(catalog[name])))
        if name in SAVED:
            twins.same(lambda catalog: copied(catalog[name]).load())

    @pytest.mark.parametrize("name", SAVED)
    def test_saves(self, twins: Twins, copied: Callable, name: str) -> None:
        """What a copy of the catalog saves, the original loads, and every other catalog of the branch; main's stays."""
        twins.use(name)
        expected = {"main": "main", "branch": "branch"} if name in {"parts", "increments"} else data_of(name, "branch")
        copied(twins.branched).save(name, data_of(name, "branch"))
        twins.branched.release(name)
        assert said(twins.branched.load(name)) == expected
        assert said(twins.made().load(name)) == expected

    @pytest.mark.parametrize("used", [False, True])
    def test_catalog(self, twins: Twins, copied: Callable, used: bool) -> None:
        """A copy of the catalog is branched, has the same entries, and loads the same."""
        if used:
            twins.use(*(name for name in NAMES if name != "refused"))
        twins.same(lambda catalog: list(copied(catalog)))
        twins.same(lambda catalog: repr(copied(catalog)))
        twins.same(lambda catalog: copied(catalog).to_config())
        for name in [*SAVED, "y_p"]:
            twins.same(lambda catalog, name=name: copied(catalog).load(name))
            twins.same(lambda catalog, name=name: copied(catalog).exists(name))
        again = copied(twins.branched)
        again.save("x_p", "branch")
        again["late"] = TextDataset(filepath="data/t.txt")
        again.save("late", "branch")
        assert twins.made().load("text") == "branch"
        assert type(again) is DataCatalog

    def test_attributes(self, twins: Twins, copied: Callable) -> None:
        """Attributes of a copy are its own, or shared, as with the dataset."""

        def ask(catalog: DataCatalog) -> Any:
            original = catalog["book"]
            original.reader, original.notes = "first", ["a"]
            again = copied(original)
            kept = (again.reader, again.notes, again.notes is original.notes)
            again.reader = "second"
            return kept, original.reader, again.reader

        twins.same(ask)

    def test_twice(self, twins: Twins, copied: Callable) -> None:
        """A copy of a copy is one; two names of one dataset stay one object in one copy."""

        def ask(catalog: DataCatalog) -> Any:
            one, two = copied([catalog["text"], catalog["text"]])
            return one is two, copied(copied(catalog["text"])).load()

        twins.same(ask)

    def test_side(self, twins: Twins, copied: Callable) -> None:
        """A copy reads the branch's once the branch has saved, before the copy was made or after."""
        early = copied(twins.branched["text"])
        twins.branched.save("text", "branch")
        assert early.load() == "branch"
        assert copied(twins.branched["text"]).load() == "branch"


class TestVersions:
    """How Kedro pins a dataset to a version."""

    @pytest.mark.parametrize("version", [VERSION, "2000-01-01T00.00.00.000Z"])
    def test_get(self, twins: Twins, version: str) -> None:
        """`catalog.get(name, version=...)` answers as in plain Kedro, for every kind of entry."""
        for name in NAMES:
            twins.same(lambda c, name=name: repr(c.get(name, version=Version(version, None))))
        for name in SAVED:
            twins.same(lambda c, name=name: c.get(name, version=Version(version, None)).load())
            twins.same(lambda c, name=name: c.load(name, version=version))

    def test_copy(self, twins: Twins) -> None:
        """`_copy`, with which Kedro pins, gives another dataset with these attributes."""

        def ask(catalog: DataCatalog) -> Any:
            pinned = catalog["versioned"]._copy(_version=Version(VERSION, None))
            return pinned._version, catalog["versioned"]._version, pinned.load(), pinned is catalog["versioned"]

        twins.same(ask)
