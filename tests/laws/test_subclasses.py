"""A user's subclass of a surveyed class has its rule as far as it does what that class does, and no further.

What it does beyond is unknown: a save of its own may keep what is there, so the branch copy begins as main's; a listing
of its own says by itself which partitions there are, so its load is main's own and its save is refused. Whatever a test
does on a branch, the `team` fixture compares main's bytes at its end.
"""

from __future__ import annotations

import operator
import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from kedro.io import AbstractDataset, DatasetError
from kedro.pipeline import node, pipeline
from kedro.runner import SequentialRunner
from kedro_datasets.json import JSONDataset
from kedro_datasets.partitions import IncrementalDataset, PartitionedDataset
from kedro_datasets.text import TextDataset

from steel_toes import SaveRefusedError
from steel_toes.sentences import SEEDING
from support.places import V, answer
from support.team import Team, shown

pytestmark = pytest.mark.contract

TEXT = {"type": "text.TextDataset"}
PARTS = {"type": "partitions.PartitionedDataset", "dataset": TEXT, "filename_suffix": ".txt"}
INCREMENTS = {**PARTS, "type": "partitions.IncrementalDataset"}


class Twins:
    """A branch, and plain Kedro on a private copy of main's data: each step has one answer.

    Args:
        team: whose main has saved already.
        conf: of the only entry, `x`.
    """

    def __init__(self, team: Team, conf: dict[str, Any], version: str | None = None) -> None:
        self.team, self.conf, self.version = team, {"x": conf}, version
        self.private = team.private_copy(self.conf, version)
        self.branch = team.branch(self.conf, version)
        self.folder = team.folder.parent / "private"

    def agree(self, ask: Callable[[Any], Any]) -> Any:
        """The answer of both, each in its own working directory."""
        os.chdir(self.folder)
        try:
            expected = answer(lambda: ask(self.private))
        finally:
            os.chdir(self.team.folder)
        assert answer(lambda: ask(self.branch)) == expected
        return expected

    def save(self, data: Any) -> Any:
        """Save, and load in the same process and in a new one; what was loaded."""
        self.agree(lambda catalog: catalog.save("x", data))
        return self.look()

    def look(self) -> Any:
        """What is loaded, here and in a new process, and whether anything is there."""
        loaded = self.agree(lambda catalog: catalog.load("x"))
        self.agree(lambda catalog: catalog.exists("x"))
        self.reopen()
        self.agree(lambda catalog: catalog.load("x"))
        return loaded

    def reopen(self) -> None:
        """Go on in a new process."""
        self.private = self.team.plain(self.conf, self.version, where=f"{self.folder}/data")
        self.branch = self.team.branch(self.conf, self.version)


# A save of its own ---------------------------------------------------------------------------------------------------


class Appending(TextDataset):
    """Adds to what is there."""

    def save(self, data: str) -> None:
        there = self.load() if self.exists() else ""
        super().save(there + data)


class Merging(JSONDataset):
    """Merges into what is there; the save under the name that Kedro had first."""

    def _save(self, data: dict[str, Any]) -> None:
        there = self.load() if self.exists() else {}
        JSONDataset.save.__wrapped__(self, {**there, **data})

    save = _save


class Keeping(TextDataset):
    """Keeps what was there in a second file, and gives both."""

    def save(self, data: str) -> None:
        if self.exists():
            kept = Path(f"{self._filepath}.bak")
            kept.write_text(TextDataset.load.__wrapped__(self))
        super().save(data)

    def load(self) -> str:
        kept = Path(f"{self._filepath}.bak")
        return super().load() + (kept.read_text() if kept.exists() else "")


class Grandchild(Appending):
    """Adds nothing of its own: its save is that of its base."""


class Other(TextDataset):
    """Only its load is its own: its save replaces, as that of its base."""

    def load(self) -> str:
        return super().load().upper()


class ByDefault(TextDataset):
    """Its file is opened to append, which no configuration says."""

    DEFAULT_FS_ARGS: ClassVar[dict[str, Any]] = {"open_args_save": {"mode": "a"}, "open_args_load": {"mode": "r"}}


SAVES = {
    "appends": (Appending, "main ", "branch ", "main branch "),
    "merges": (Merging, {"a": "main", "b": "main"}, {"b": "branch"}, {"a": "main", "b": "branch"}),
    "keeps what was there": (Keeping, "main ", "branch ", "branch main "),
    "inherits one that appends": (Grandchild, "main ", "branch ", "main branch "),
    "inherits one that replaces": (Other, "main", "branch", "BRANCH"),
    "appends by its class's default": (ByDefault, "main ", "branch ", "main branch "),
}


class TestSaves:
    """Subclasses of classes that replace what is there."""

    @pytest.mark.parametrize("case", SAVES)
    def test_as_plain_kedro(self, team: Team, case: str) -> None:
        """What its save keeps of main's copy is on the branch, as on a private copy; and so after a second save."""
        cls, old, new, expected = SAVES[case]
        conf = {"type": cls, "filepath": "data/x.txt"}
        team.main_saves({"x": conf}, x=old)
        twins = Twins(team, conf)
        assert twins.save(new) == expected
        twins.save(new)

    def test_only_what_may_keep_something_is_seeded(self, team: Team, caplog: pytest.LogCaptureFixture) -> None:
        """A seed is announced with its size; a subclass whose save is its base's gets none."""
        caplog.set_level("INFO", logger="steel_toes")
        conf = {name: {"type": cls, "filepath": f"data/{name}.txt"} for name, cls in (("o", Other), ("a", Appending))}
        team.main_saves(conf, o="main", a="main")
        for name in conf:
            team.branch(conf).save(name, "branch")
        announcement = SEEDING.split("%s", 2)[2].partition("%s")[0]
        texts = [record.getMessage() for record in caplog.records]
        assert [text.split(": ")[1] for text in texts if announcement in text] == ["a"]

    @pytest.mark.parametrize("cls", [Appending, ByDefault])
    def test_of_a_generator(self, team: Team, cls: type) -> None:
        """Of a node that gives its data in chunks, each chunk is added to main's, and the seed is copied once."""
        conf = {"x": {"type": cls, "filepath": "data/x.txt"}}
        team.main_saves(conf, x="main ")

        def chunks() -> Iterator[str]:
            yield "one "
            yield "two "

        nodes = pipeline([node(chunks, None, "x", name="chunks")])
        private, branch = team.private_copy(conf), team.branch(conf)
        for catalog in (private, branch):
            SequentialRunner().run(nodes, catalog)
        assert team.branch(conf).load("x") == branch.load("x") == private.load("x") == "main one two "


# Partitions of its own -----------------------------------------------------------------------------------------------


class Loading(PartitionedDataset):
    """Gives the data, and not what loads it."""

    def load(self) -> dict[str, str]:
        return {name: load() + "!" for name, load in super().load().items()}


class Listing(PartitionedDataset):
    """Leaves some out."""

    def _list_partitions(self) -> list[str]:
        return [path for path in super()._list_partitions() if not path.endswith("a.txt")]


class Hoping(PartitionedDataset):
    """Is always there."""

    def exists(self) -> bool:
        return True


class Parameterised(PartitionedDataset):
    """Has a parameter that says how many there are."""

    def __init__(self, *, latest: int = 1, **more: Any) -> None:
        super().__init__(**more)
        self._latest = latest

    def load(self) -> dict[str, Any]:
        return dict(sorted(super().load().items())[-self._latest :])


class Renamed(PartitionedDataset):
    """Has a parameter more, of which nobody knows what it does."""

    def __init__(self, *, prefix: str = "", **more: Any) -> None:
        super().__init__(**more)


class Confirming(IncrementalDataset):
    """Confirms in a way of its own."""

    def confirm(self) -> None:
        Path(self._path, "CONFIRMED").write_text("all")


class LoadingIncrements(IncrementalDataset):
    """Gives a list."""

    def load(self) -> Any:
        return sorted(super().load().values())


OVERRIDES = {
    "load": (PARTS, Loading),
    "_list_partitions": (PARTS, Listing),
    "exists": (PARTS, Hoping),
    "load and a parameter": (PARTS, Parameterised),
    "a parameter": (PARTS, Renamed),
    "confirm": (INCREMENTS, Confirming),
    "load of increments": (INCREMENTS, LoadingIncrements),
}


class Checking(PartitionedDataset):
    """Only its save is its own: it looks at the names, and hands on what it was given."""

    def save(self, data: dict[str, Any]) -> None:
        if not all(name.islower() for name in data):
            raise DatasetError("lower case, please")
        super().save(data)


class Stamping(PartitionedDataset):
    """Only its save is its own: it writes something else than it was given."""

    def save(self, data: dict[str, Any]) -> None:
        super().save({name: f"{text} stamped" for name, text in data.items()})


class Adding(PartitionedDataset):
    """Only its save is its own: it adds to each partition."""

    def save(self, data: dict[str, Any]) -> None:
        there = self.load() if self.exists() else {}
        super().save({name: (there[name]() if name in there else "") + text for name, text in data.items()})


class Journaling(PartitionedDataset):
    """Only its save is its own: it writes a partition more."""

    def save(self, data: dict[str, Any]) -> None:
        super().save({**data, "journal": f"{len(data)} saved"})


class TestPartitions:
    """Subclasses that list partitions, and partitions of all kinds."""

    @pytest.mark.parametrize("case", OVERRIDES)
    def test_a_listing_of_its_own(self, team: Team, case: str) -> None:
        """Its answers are main's own, untouched; its save and its confirm are refused, before and after main saves."""
        base, cls = OVERRIDES[case]
        conf = {"x": {**base, "type": cls, "path": "data/p"}}
        for data in ({"a": "main", "b": "main"}, {"c": "main"}):
            team.main_saves({"x": {**base, "path": "data/p"}}, x=data)
            branch = team.branch(conf)
            plain = team.private_copy(conf)
            assert shown(branch.load("x")) == shown(plain.load("x"))
            assert branch.exists("x") == plain.exists("x")
            before = team.objects()
            with pytest.raises(SaveRefusedError, match="decides by itself which partitions there are"):
                branch["x"].save({"a": "branch"})
            if hasattr(cls, "confirm"):
                with pytest.raises(DatasetError):
                    branch["x"].confirm()
            assert team.objects() == before

    @pytest.mark.parametrize(
        "cls",
        [
            Checking,
            Stamping,
            Adding,
            Journaling,
        ],
    )
    def test_only_a_save_of_its_own(self, team: Team, cls: type) -> None:
        """It is an overlay as that of its base, in which each partition that is saved begins as main's."""
        conf = {**PARTS, "type": cls, "path": "data/p"}
        team.main_saves({"x": {**PARTS, "path": "data/p"}}, x={"a": "main ", "b": "main "})
        twins = Twins(team, conf)
        twins.save({"a": "branch "})
        twins.save({"b": "branch ", "c": "new "})
        twins.save({"D": "refused by one of them"})

    @pytest.mark.parametrize("cls", [Appending, ByDefault, Keeping])
    def test_of_a_class_that_appends(self, team: Team, cls: type) -> None:
        """A partition that is saved begins as main's; the others are main's."""
        conf = {**PARTS, "path": "data/p", "dataset": {"type": cls}}
        team.main_saves({"x": {**PARTS, "path": "data/p"}}, x={"a": "main ", "b": "main "})
        twins = Twins(team, conf)
        twins.save({"a": "branch "})
        twins.save({"a": "again ", "c": "new "})

    def test_of_a_class_that_appends_by_its_arguments(self, team: Team) -> None:
        """The same where the configuration says so."""
        lines = {**TEXT, "fs_args": {"open_args_save": {"mode": "a"}}}
        conf = {**PARTS, "path": "data/p", "dataset": lines}
        team.main_saves({"x": conf}, x={"a": "main ", "b": "main "})
        twins = Twins(team, conf)
        assert twins.save({"a": "branch "}) == {"a": "main branch ", "b": "main "}

    def test_of_a_class_that_writes_a_directory(self, team: Team) -> None:
        """A partition that is a directory begins as main's, so that its files are put together as on a private copy."""
        conf = {**PARTS, "path": "data/p", "dataset": {"type": Chapters}, "filename_suffix": ""}
        team.main_saves({"x": conf}, x={"a": {"1": "main", "2": "main"}, "b": {"1": "main"}})
        private, branch = team.private_copy({"x": conf}), team.branch({"x": conf})
        for catalog in (private, branch):
            catalog.save("x", {"a": {"2": "branch", "3": "branch"}})
        places = team.folder.parent / "private" / "data" / "p", next((team.folder / "data").glob("p--*"))
        expected, files = ({file.name: file.read_text() for file in (place / "a").iterdir()} for place in places)
        assert files == expected == {"1": "main", "2": "branch", "3": "branch"}

    def test_of_matplotlib(self, team: Team) -> None:
        """The same of plots in a dictionary; an empty dictionary rightly leaves nothing."""
        pytest.importorskip("kedro_datasets.matplotlib", reason="it writes a directory")
        figure = pytest.importorskip("matplotlib.figure").Figure()
        conf = {**PARTS, "path": "data/p", "dataset": "matplotlib.MatplotlibDataset", "filename_suffix": ""}
        team.main_saves({"x": conf}, x={"a": {"1.png": figure}})
        branch = team.branch({"x": conf})
        branch.save("x", {"a": {"2.png": figure}, "none": {}})
        copy = next((team.folder / "data").glob("p--*"))
        assert sorted(file.name for file in (copy / "a").iterdir()) == ["1.png", "2.png"]
        assert sorted(team.branch({"x": conf}).load("x")) == ["a/1.png", "a/2.png"]

    @pytest.mark.parametrize("dataset", [{**PARTS}, "partitions.PartitionedDataset", {**INCREMENTS}])
    def test_of_partitions(self, team: Team, dataset: Any) -> None:
        """Partitions that are partitioned themselves are read, and their save is refused."""
        conf = {"x": {**PARTS, "path": "data/p", "dataset": dataset, "filepath_arg": "path"}}
        before = team.objects()
        with pytest.raises(SaveRefusedError, match="Its partitions are partitioned themselves"):
            team.branch(conf)["x"].save({"a": {"b": "branch"}})
        assert team.objects() == before

    def test_of_handles(self, team: Team) -> None:
        """Partitions whose loads could write main's files are neither loaded nor saved."""
        conf = {"x": {**PARTS, "path": "data/p", "dataset": {"type": NotesClient}}}
        team.main_saves({"x": {**PARTS, "path": "data/p"}}, x={"a": "main"})
        branch = team.branch(conf)
        with pytest.raises(DatasetError, match="may be a handle"):
            branch["x"].load()
        with pytest.raises(DatasetError, match="may be a handle"):
            branch["x"].save({"a": "branch"})

    @pytest.mark.parametrize("kind", [PARTS, INCREMENTS])
    @pytest.mark.parametrize("where", ["here", "under another name"])
    def test_fewer_levels(self, team: Team, kind: dict[str, Any], where: str) -> None:
        """An entry with `maxdepth: 1` sees of another's partitions what plain Kedro would list."""
        conf = {
            "x": {**kind, "path": "data/p", "load_args": {"maxdepth": 1}},
            "all": {**kind, "path": "data/p"},
        }
        saving = {"here": "x", "under another name": "all"}[where]
        team.main_saves(conf, all={"a": "main", "deep/b": "main"})
        private, branch = team.private_copy(conf), team.branch(conf)
        for catalog in (private, branch):
            catalog.save(saving, {"deep/b": "branch", "deep/c": "branch"})
            catalog.save("all", {"d": "branch"})
        expected = {name: shown(private.load(name)) for name in conf}
        assert "deep/c" in expected["all"]
        assert "deep/c" not in expected["x"]
        for catalog in (branch, team.branch(conf)):
            assert {name: shown(catalog.load(name)) for name in conf} == expected


class Chapters(AbstractDataset):
    """A directory of texts, to which a save adds."""

    def __init__(self, filepath: str) -> None:
        self._folder = Path(filepath)

    def load(self) -> dict[str, str]:
        # Kedro gives it each file that it lists.
        return {self._folder.name: self._folder.read_text()}

    def save(self, data: dict[str, str]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for name, text in data.items():
            (self._folder / name).write_text(text)

    def _describe(self) -> dict[str, Any]:
        return {}


class NotesClient(AbstractDataset):
    """A class whose name says that what it loads may write."""

    def __init__(self, filepath: str) -> None:
        self._path = Path(filepath)

    def load(self) -> Path:
        return self._path

    def save(self, data: str) -> None:
        self._path.write_text(data)

    def _describe(self) -> dict[str, Any]:
        return {}


# Increments ----------------------------------------------------------------------------------------------------------

NEWER = {**INCREMENTS, "path": "data/i"}
INCREMENTAL = {
    "plain ones": NEWER,
    "versioned": {**NEWER, "dataset": {**TEXT, "versioned": True}},
    "an empty checkpoint": {**NEWER, "checkpoint": ""},
    "a forced one": {**NEWER, "checkpoint": "a"},
    "a forced one in a dictionary": {**NEWER, "checkpoint": {"force_checkpoint": ""}},
    "another comparison": {**NEWER, "checkpoint": {"comparison_func": operator.ge}},
    "a checkpoint's own place": {**NEWER, "checkpoint": {"filepath": "data/i/deep/mark"}},
    "a relative checkpoint": {**NEWER, "checkpoint": {"filepath": "marks/mark"}},
}
OUTSIDE = ["/elsewhere/mark", "data/mark", "../mark", "data/i/../mark", "data/i/deep/../mark"]


class TestIncrements:
    """Increments, by every kind of checkpoint."""

    @pytest.mark.parametrize("case", INCREMENTAL)
    @pytest.mark.parametrize("has_confirmed", [False, True], ids=["", "main has confirmed"])
    def test_as_plain_kedro(self, team: Team, case: str, has_confirmed: bool) -> None:
        """What is newer, before and after each confirm, is what plain Kedro says on a private copy."""
        conf = INCREMENTAL[case]
        team.main_saves({"x": conf}, V[0], x={"a": "main", "b": "main"})
        if has_confirmed:
            team.plain({"x": conf}).confirm("x")
            team.main = team.mains()
            team.main_saves({"x": conf}, V[0], x={"bb": "main"})
        twins = Twins(team, conf, V[1])
        twins.look()
        for data in ({"c": "branch"}, {"b": "branch", "d": "branch"}):
            twins.agree(lambda catalog: catalog.confirm("x"))
            twins.look()
            twins.save(data)

    @pytest.mark.parametrize("mark", OUTSIDE)
    def test_a_checkpoint_outside(self, team: Team, mark: str) -> None:
        """One outside of the directory, or with `..`, is refused before anything is written."""
        conf = {"x": {**NEWER, "checkpoint": {"filepath": mark}}}
        before = team.objects()
        # Kedro takes one for inside after it has followed the `..`.
        is_kedros = answer(lambda: team.plain(conf).exists("x")) == "refused"
        assert is_kedros == (mark != "data/i/deep/../mark")
        match = "outside" if is_kedros else "Its checkpoint lies outside of it, or has `..` in its path"
        with pytest.raises(DatasetError, match=match):
            team.branch(conf)["x"].save({"a": "branch"})
        with pytest.raises(DatasetError, match=match):
            team.branch(conf)["x"].confirm()
        assert team.objects() == before


class TestCached:
    """Kedro's cache around partitions and increments."""

    @pytest.mark.parametrize("inner", [{**PARTS, "path": "data/p"}, NEWER])
    def test_as_plain_kedro(self, team: Team, inner: dict[str, Any]) -> None:
        """It gives what it was given until it is released, as plain Kedro's."""
        conf = {"type": "CachedDataset", "dataset": inner}
        team.main_saves({"x": inner}, x={"a": "main", "b": "main"})
        twins = Twins(team, conf)
        twins.look()
        twins.agree(lambda catalog: catalog.load("x"))
        twins.agree(lambda catalog: catalog.save("x", {"b": "branch"}))
        # Only what was saved.
        assert twins.agree(lambda catalog: catalog.load("x")) == {"b": "branch"}
        twins.agree(lambda catalog: catalog.exists("x"))
        twins.agree(lambda catalog: catalog.release("x"))
        assert twins.look() == {"a": "main", "b": "branch"}

    def test_as_plain_kedros_when_pickled(self, team: Team) -> None:
        """Pickling empties the cache, and not what increments have listed: that stays until a save or a release."""
        team.main_saves({"x": NEWER}, x={"a": "main"})
        twins = Twins(team, {"type": "CachedDataset", "dataset": NEWER})
        assert twins.agree(lambda catalog: catalog.load("x")) == {"a": "main"}
        others = Twins.__new__(Twins)
        others.__dict__.update(twins.__dict__, conf={"x": NEWER})
        others.reopen()
        others.agree(lambda catalog: catalog.save("x", {"b": "branch"}))
        twins.private, twins.branch = pickle.loads(pickle.dumps((twins.private, twins.branch)))
        # Kedro's own comes back with a meaningless object in its cache.
        twins.private["x"]._cache.release()
        assert twins.agree(lambda catalog: catalog.load("x")) == {"a": "main"}
        twins.agree(lambda catalog: catalog.release("x"))
        assert twins.agree(lambda catalog: catalog.load("x")) == {"a": "main", "b": "branch"}
