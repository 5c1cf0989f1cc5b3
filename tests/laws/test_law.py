"""The law's table, one test for each row at least, on real datasets and the local disk.

> What a branch sees is what plain Kedro would show on a private copy of main's data, and main never changes.

Whatever a test does on a branch, the `team` fixture compares main's bytes, and what main's folders list, at its end.
"""

import copy
import logging
import pickle
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileOpener
from kedro.io import AbstractDataset, AbstractVersionedDataset, DataCatalog, DatasetError
from kedro.io.core import VersionNotFoundError
from kedro.pipeline import node, pipeline
from kedro.runner import SequentialRunner
from kedro_datasets.partitions import IncrementalDataset, PartitionedDataset

from steel_toes import LoadRefusedError, SaveRefusedError, SteelToes
from steel_toes.datasets.proxy import branched_of
from steel_toes.stores.local import LocalStore
from support.entries import Folder
from support.team import Team, frame, shown

pd = pytest.importorskip("pandas", reason="most of the law's datasets are pandas'")

pytestmark = pytest.mark.contract

V = [f"2030-01-0{day}T00.00.00.000Z" for day in range(1, 10)]
CSV = {"type": "pandas.CSVDataset", "save_args": {"index": False}}
TEXT = {"type": "text.TextDataset"}
PICKLE = {"type": "pickle.PickleDataset"}
LINES = {**TEXT, "fs_args": {"open_args_save": {"mode": "a"}}}
PARTS = {"type": "partitions.PartitionedDataset", "dataset": TEXT, "filename_suffix": ".txt"}
OVERWRITTEN = {**PARTS, "overwrite": True}
INCREMENTS = {"type": "partitions.IncrementalDataset", "dataset": TEXT, "filename_suffix": ".txt"}


def needs_list_versions() -> None:
    """Skip on a Kedro that does not have it yet."""
    if not hasattr(AbstractVersionedDataset, "list_versions"):
        pytest.skip("this Kedro has no list_versions")


class LawTeam(Team):
    """A team on the local disk, of which no branch copy may lie where main lists."""

    def check(self) -> None:
        """Main's objects are as main left them, and no branch copy lies in a folder of main's."""
        super().check()
        inside = {folder.as_posix() for path in self.main for folder in Path(path).parents}
        for path in self.objects().keys() - self.main.keys():
            # A branch copy beside main's is no part of main; one below a folder of main's would be listed there.
            top = next(part for part in [Path(path), *Path(path).parents][::-1] if self.is_own(part.name))
            assert top.parent.as_posix() in {"data", ".", *inside}

    def is_own(self, name: str) -> bool:
        """Whether a name says that it is a branch's."""
        return name == "_steel_toes" or any(f"--{slug}" in name for slug in self.slugs)


@pytest.fixture
def team(tmp_path: Path) -> Iterator[LawTeam]:
    """A team's folder; main's bytes in it are compared when the test ends."""
    team = LawTeam.on_disk(tmp_path / "team")
    yield team
    team.check()


class TestPlain:
    """A dataset that a save replaces."""

    CONF = {"a": {**CSV, "filepath": "data/a.csv"}, "b": {**CSV, "filepath": "data/b.csv"}}  # noqa: RUF012

    def test_never_written_on_the_branch(self, team: LawTeam) -> None:
        """What the branch never wrote is main's, live: as main changes, so does what the branch loads."""
        branch = team.branch(self.CONF)
        assert not branch.exists("a")
        with pytest.raises(DatasetError):
            branch.load("a")
        team.main_saves(self.CONF, a=frame(1))
        assert branch.exists("a")
        assert shown(branch.load("a")) == [1]
        team.main_saves(self.CONF, a=frame(2))
        assert shown(branch.load("a")) == [2]

    def test_written_on_the_branch(self, team: LawTeam) -> None:
        """What the branch wrote is the branch's from that moment on: in this process, in others and in the next."""
        team.main_saves(self.CONF, a=frame(1), b=frame(1))
        here, there = team.branch(self.CONF), team.branch(self.CONF)
        assert shown(there.load("a")) == [1]
        here.save("a", frame(2))
        team.main_saves(self.CONF, a=frame(3), b=frame(3))
        for catalog in (here, there, team.branch(self.CONF), pickle.loads(pickle.dumps(there))):
            assert shown(catalog.load("a")) == [2]
            assert shown(catalog.load("b")) == [3]

    def test_another_branch(self, team: LawTeam) -> None:
        """What one branch wrote, another does not see."""
        team.main_saves(self.CONF, a=frame(1))
        team.branch(self.CONF).save("a", frame(2))
        for name in ("feature-x", "Feature/x", "féature/x"):
            assert shown(team.catalog(name, self.CONF).load("a")) == [1]

    def test_written_on_the_branch_alone(self, team: LawTeam) -> None:
        """What main has not, the branch can have."""
        branch = team.branch(self.CONF)
        branch.save("a", frame(2))
        assert branch.exists("a")
        assert not team.catalog("main", self.CONF).exists("a")

    def test_a_side_is_frozen_in_a_run(self, team: LawTeam) -> None:
        """A run reads its free inputs from the side that they had when it began, unless it writes them."""
        team.main_saves(self.CONF, a=frame(1), b=frame(1))

        def meanwhile(first: Any) -> Any:
            team.branch(self.CONF).save("a", frame(9))
            return first

        nodes = pipeline(
            [
                node(meanwhile, "a", "b"),
                node(lambda b, a: (shown(b), shown(a)), ["b", "a"], "both"),
            ]
        )
        catalog, hook = team.plain(self.CONF), team.hook("feature/x")
        hook.after_catalog_created(catalog)
        hook.before_pipeline_run({}, nodes, catalog)
        assert SequentialRunner().run(nodes, catalog)["both"].load() == ([1], [1])
        assert shown(team.branch(self.CONF).load("a")) == [9]


class TestVersioned:
    """A dataset that keeps versions."""

    CONF = {"v": {**PICKLE, "filepath": "data/v.pkl", "versioned": True}}  # noqa: RUF012

    def test_the_union(self, team: LawTeam) -> None:
        """`list_versions` is the union of both sides, by version string, newest first, whatever the paths are."""
        needs_list_versions()
        team.main_saves(self.CONF, V[0], v=10)
        team.branch(self.CONF, V[1]).save("v", 11)
        team.main_saves(self.CONF, V[2], v=12)
        assert team.branch(self.CONF)["v"].list_versions(full_path=False) == [V[2], V[1], V[0]]
        paths = team.branch(self.CONF)["v"].list_versions()
        assert [Path(path).read_bytes() for path in paths] == [pickle.dumps(12), pickle.dumps(11), pickle.dumps(10)]

    def test_the_newest_before_the_branch_saves(self, team: LawTeam) -> None:
        """An unpinned load is main's newest, live, until the branch saves."""
        branch = team.branch(self.CONF)
        with pytest.raises(VersionNotFoundError):
            branch["v"].resolve_load_version()
        team.main_saves(self.CONF, V[0], v=10)
        assert branch.load("v") == 10
        team.main_saves(self.CONF, V[1], v=11)
        branch.release("v")
        assert (branch["v"].resolve_load_version(), branch.load("v")) == (V[1], 11)

    def test_the_newest_after_the_branch_saved(self, team: LawTeam) -> None:
        """An unpinned load is the newest of the branch's versions and of those that main had when it first saved."""
        team.main_saves(self.CONF, V[0], v=10)
        team.branch(self.CONF, V[1]).save("v", 11)
        team.main_saves(self.CONF, V[2], v=12)
        branch = team.branch(self.CONF)
        assert (branch["v"].resolve_load_version(), branch.load("v")) == (V[1], 11)

    def test_the_branch_saved_an_older_one(self, team: LawTeam) -> None:
        """A version that is older than those main had then is not the newest, as in plain Kedro."""
        team.main_saves(self.CONF, V[3], v=13)
        branch = team.branch(self.CONF, V[1])
        branch.save("v", 11)
        assert branch.load("v") == 13
        assert branch.load("v", version=V[1]) == 11

    def test_a_tie(self, team: LawTeam) -> None:
        """Of one version that both sides saved, the branch's is listed first and loaded."""
        team.branch(self.CONF, V[0]).save("v", "branch")
        team.main_saves(self.CONF, V[0], v="main")
        branch = team.branch(self.CONF)
        needs_list_versions()
        assert branch["v"].list_versions(full_path=False)[0] == V[0]
        assert "--" in branch["v"].list_versions()[0]
        assert branch.load("v") == branch.load("v", version=V[0]) == "branch"

    @pytest.mark.parametrize("version", [V[0], V[1], V[2]])
    def test_pinned(self, team: LawTeam, version: str) -> None:
        """A pinned version is found on either side, those that main saved later too."""
        team.main_saves(self.CONF, V[0], v=V[0])
        team.branch(self.CONF, V[1]).save("v", V[1])
        team.main_saves(self.CONF, V[2], v=V[2])
        assert team.branch(self.CONF).load("v", version=version) == version

    def test_pinned_and_absent(self, team: LawTeam) -> None:
        """A pinned version that neither side holds fails, as in plain Kedro."""
        team.main_saves(self.CONF, V[0], v=10)
        with pytest.raises(DatasetError):
            team.branch(self.CONF).load("v", version=V[5])

    @pytest.mark.parametrize("later", [False, True])
    def test_one_that_main_holds_is_refused(self, team: LawTeam, later: bool) -> None:
        """Saving a version that main holds is refused, also one that it saved after the branch had begun."""
        if later:
            team.branch(self.CONF, V[1]).save("v", 11)
        team.main_saves(self.CONF, V[2], v=12)
        with pytest.raises(DatasetError, match="must not exist"):
            team.branch(self.CONF, V[2]).save("v", 13)

    def test_one_that_the_branch_holds_is_refused(self, team: LawTeam) -> None:
        """Saving a version twice is refused."""
        branch = team.branch(self.CONF, V[0])
        branch.save("v", 10)
        with pytest.raises(DatasetError, match="must not exist"):
            branch.save("v", 11)
        assert branch.load("v") == 10

    def test_its_own_save_stays_the_newest_of_a_process(self, team: LawTeam) -> None:
        """A process goes on loading what it saved until it releases, as plain Kedro does."""
        here = team.branch(self.CONF, V[0])
        here.save("v", 10)
        team.branch(self.CONF, V[1]).save("v", 11)
        assert here.load("v") == 10
        here.release("v")
        assert here.load("v") == 11


class TestGoneVersion:
    """The newest version of the branch is removed by hand: an error to a load, which is never main's, and absent."""

    CONF = {"v": {**PICKLE, "filepath": "data/v.pkl", "versioned": True}}  # noqa: RUF012

    @pytest.mark.parametrize("versions", [1, 2])
    def test_gone(self, team: LawTeam, versions: int) -> None:
        """`exists` says no, as Kedro asks it before it runs a node; what is asked of the dataset is the branch's."""
        team.main_saves(self.CONF, V[0], v="main")
        for version in V[1 : 1 + versions]:
            team.branch(self.CONF, version).save("v", version)
        (file,) = team.folder.glob(f"data/v--*/{V[versions]}/*")
        file.unlink()
        branch = team.branch(self.CONF)
        assert not branch.exists("v")
        assert "--feature-x" in str(branch["v"]._filepath)
        with pytest.raises(DatasetError, match="is gone"):
            branch.load("v")

    def test_changed(self, team: LawTeam) -> None:
        """One that was changed by hand is there, and its load says what is wrong."""
        team.main_saves(self.CONF, V[0], v="main")
        team.branch(self.CONF, V[1]).save("v", "branch")
        (file,) = team.folder.glob(f"data/v--*/{V[1]}/*")
        file.write_bytes(b"by hand")
        branch = team.branch(self.CONF)
        assert branch.exists("v")
        with pytest.raises(DatasetError, match="was altered by other hands"):
            branch.load("v")


class TestPartitioned:
    """Main's partitions with the branch's over them."""

    CONF = {"p": {**PARTS, "path": "data/p"}}  # noqa: RUF012
    OVER = {"p": {**OVERWRITTEN, "path": "data/p"}}  # noqa: RUF012

    def test_the_overlay(self, team: LawTeam) -> None:
        """The partitions are main's and the branch's, the branch's winning, in the order of their paths."""
        team.main_saves(self.CONF, p={"a": "main", "c": "main"})
        branch = team.branch(self.CONF)
        branch.save("p", {"c": "branch", "b/1": "branch"})
        team.main_saves(self.CONF, p={"c": "later", "d": "later"})
        found = branch.load("p")
        assert shown(found) == {"a": "main", "b/1": "branch", "c": "branch", "d": "later"}
        assert list(found) == sorted(found)

    def test_a_partition_is_lazy_and_picklable(self, team: LawTeam) -> None:
        """Each partition is a callable that pickles, and that chooses its side when it is called."""
        team.main_saves(self.CONF, p={"a": "main", "b": "main"})
        branch = team.branch(self.CONF)
        found = branch.load("p")
        carried = pickle.loads(pickle.dumps(found))
        assert shown(carried) == {"a": "main", "b": "main"}
        team.branch(self.CONF).save("p", {"a": "branch"})
        team.main_saves(self.CONF, p={"b": "later"})
        assert shown(found) == shown(carried) == {"a": "branch", "b": "later"}

    def test_overwrite(self, team: LawTeam) -> None:
        """With `overwrite=True` the branch's partitions are all there is from then on."""
        team.main_saves(self.OVER, p={"a": "main", "b": "main"})
        branch = team.branch(self.OVER)
        before = branch.load("p")
        branch.save("p", {"b": "branch"})
        team.main_saves(self.CONF, p={"c": "later"})
        assert shown(branch.load("p")) == shown(team.branch(self.OVER).load("p")) == {"b": "branch"}
        with pytest.raises(DatasetError):
            before["a"]()

    def test_an_empty_overwrite(self, team: LawTeam) -> None:
        """Nought partitions are an answer: nothing is there, and main's do not come back."""
        team.main_saves(self.OVER, p={"a": "main"})
        branch = team.branch(self.OVER)
        branch.save("p", {})
        assert not branch.exists("p")
        assert not team.branch(self.OVER).exists("p")
        with pytest.raises(DatasetError, match="No partitions"):
            team.branch(self.OVER).load("p")

    def test_no_partitions(self, team: LawTeam) -> None:
        """Kedro's "no partitions" comes only when both sides have none."""
        branch = team.branch(self.CONF)
        with pytest.raises(DatasetError, match="No partitions"):
            branch.load("p")
        branch.save("p", {"a": "branch"})
        assert shown(branch.load("p")) == {"a": "branch"}

    def test_saved_lazily(self, team: LawTeam) -> None:
        """A partition may be saved as a callable, which is called when its turn comes."""
        branch = team.branch(self.CONF)
        branch.save("p", {"a": lambda: "branch"})
        assert shown(branch.load("p")) == {"a": "branch"}

    def test_versioned_partitions(self, team: LawTeam) -> None:
        """A partition that keeps versions is one unit: the branch's newest version is loaded."""
        conf = {"p": {**PARTS, "dataset": {**TEXT, "versioned": True}, "path": "data/p"}}
        team.main_saves(conf, p={"a": "main", "b": "main"})
        branch = team.branch(conf)
        branch.save("p", {"a": "branch"})
        assert shown(team.branch(conf).load("p")) == {"a": "branch", "b": "main"}


def test_partitions_share_one_record(team: LawTeam, monkeypatch: pytest.MonkeyPatch) -> None:
    """All partitions of a load read the record once, and not each by itself: 20,000 took 42 minutes so."""
    conf = {"p": {**PARTS, "path": "data/p"}}
    ids = [f"{number:03}" for number in range(200)]
    team.main_saves(conf, p=dict.fromkeys(ids, "main"))
    team.branch(conf).save("p", dict.fromkeys(ids[::2], "branch"))
    time.sleep(0.1)  # a record of this very moment is not kept
    reads: list[str] = []
    read = LocalStore.read
    monkeypatch.setattr(LocalStore, "read", lambda self, path: reads.append(path) or read(self, path))
    branch = team.branch(conf)
    reads.clear()
    assert shown(branch.load("p")) == dict.fromkeys(ids[::2], "branch") | dict.fromkeys(ids[1::2], "main")
    assert len(reads) == 1


class TestPartitionIds:
    """An id is what the store makes of it, as in plain Kedro, and never leads out of its folder."""

    CONF = {"p": {**PARTS, "path": "data/p"}}  # noqa: RUF012

    @pytest.mark.parametrize("name", ["a//b", "./a/b", "a/./b", "/a/b"])
    def test_normalised(self, team: LawTeam, name: str) -> None:
        """Another spelling of a partition is that partition."""
        team.main_saves(self.CONF, p={"a/b": "main", "c": "main"})
        branch = team.branch(self.CONF)
        branch.save("p", {name: "branch", **{f"d{number}": "more" for number in range(12)}})
        loaded = shown(team.branch(self.CONF).load("p"))
        assert (loaded["a/b"], loaded["c"], len(loaded)) == ("branch", "main", 14)

    @pytest.mark.parametrize("name", ["x/../c", "../c", "a/.."])
    def test_leads_out(self, team: LawTeam, name: str) -> None:
        """One with `..` in it is refused before anything is written."""
        team.main_saves(self.CONF, p={"c": "main"})
        branch = team.branch(self.CONF)
        with pytest.raises(DatasetError, match=r"has `\.\.` in it"):
            branch.save("p", {"b": "branch", name: "branch"})
        assert shown(team.branch(self.CONF).load("p")) == {"c": "main"}


class TestHalfSavedPartitions:
    """What a save of several partitions had saved when it failed is the branch's; the rest is as it was."""

    @pytest.mark.parametrize("lazily", [True, False])
    def test_an_exception(self, team: LawTeam, lazily: bool) -> None:
        """Also where Kedro is told not to call what is callable."""
        conf = {"p": {**PARTS, "path": "data/p", "save_lazily": lazily}}
        team.main_saves(conf, p={"a": "main", "b": "main", "c": "main"})
        with pytest.raises(DatasetError):
            team.branch(conf).save("p", {"a": "branch", "b": 5, "c": "branch"})
        loaded = team.branch(conf).load("p")
        assert (loaded["a"](), loaded["c"]()) == ("branch", "main")
        team.branch(conf).save("p", {"b": "branch"})
        assert shown(team.branch(conf).load("p")) == {"a": "branch", "b": "branch", "c": "main"}

    def test_one_that_is_not_written(self, team: LawTeam, monkeypatch: pytest.MonkeyPatch) -> None:
        """A partition that its class did not write is an error, and the others are the branch's."""
        conf = {"p": {**PARTS, "path": "data/p"}}
        team.main_saves(conf, p={"a": "main", "b": "main"})
        branch = team.branch(conf)
        text_dataset = pytest.importorskip("kedro_datasets.text").TextDataset
        save = text_dataset.save
        monkeypatch.setattr(text_dataset, "save", lambda self, data: None if data == "lost" else save(self, data))
        with pytest.raises(DatasetError, match=r"b\.txt is not at"):
            branch.save("p", {"a": "branch", "b": "lost"})
        assert shown(team.branch(conf).load("p")) == {"a": "branch", "b": "main"}


def test_partitions_under_another_name(team: LawTeam) -> None:
    """What this process saves under another name of the location is seen by the callables of an earlier load."""
    conf = {"p": {**PARTS, "path": "data/p"}, "q": {**PARTS, "path": "data/p"}}
    team.main_saves(conf, p={"a": "main", "b": "main"})
    branch = team.branch(conf)
    loaded = branch.load("p")
    branch.save("q", {"a": "branch"})
    assert (loaded["a"](), loaded["b"]()) == ("branch", "main")


class TestOverwrittenStrangers:
    """An overwrite removes what the branch has, and never a file that no record knows."""

    CONF = {"p": {**OVERWRITTEN, "path": "data/p"}}  # noqa: RUF012

    @pytest.mark.parametrize("before", [0, 1, 2])
    def test_refused(self, team: LawTeam, before: int) -> None:
        """However often the branch has saved, a file that somebody put among its partitions stops the next save."""
        team.main_saves(self.CONF, p={"a": "main"})
        branch = team.branch(self.CONF)
        for _ in range(before):
            branch.save("p", {"a": "branch"})
        stray = team.folder / "data/p--feature-x-217d2bf5/by hand.txt"
        stray.parent.mkdir(exist_ok=True)
        stray.write_text("by hand")
        with pytest.raises(DatasetError, match=r"data without a record at .*by hand.txt, which is never overwritten"):
            team.branch(self.CONF).save("p", {"b": "branch"})
        assert stray.read_text() == "by hand"
        assert shown(team.branch(self.CONF).load("p")) == {"a": "branch" if before else "main"}
        stray.unlink()
        team.branch(self.CONF).save("p", {"b": "branch"})
        assert shown(team.branch(self.CONF).load("p")) == {"b": "branch"}


class TestIncremental:
    """The overlay of what is newer than a checkpoint."""

    CONF = {"i": {**INCREMENTS, "path": "data/i"}}  # noqa: RUF012

    def main_confirms(self, team: LawTeam) -> None:
        DataCatalog.from_config(team.placed(self.CONF)).confirm("i")
        team.main = team.mains()

    def test_the_checkpoint_is_mains_until_the_branch_confirms(self, team: LawTeam) -> None:
        """The overlay is compared with main's checkpoint, as main moves it, until the branch has its own."""
        team.main_saves(self.CONF, i={"a": "main", "b": "main"})
        assert shown(team.branch(self.CONF).load("i")) == {"a": "main", "b": "main"}
        self.main_confirms(team)
        branch = team.branch(self.CONF)
        assert branch.load("i") == {}
        branch.save("i", {"c": "branch"})
        assert branch.load("i") == {"c": "branch"}

    def test_the_checkpoint_is_the_branchs_after_it_confirmed(self, team: LawTeam) -> None:
        """`confirm` writes the branch's checkpoint, which main's no longer moves, and main's stays."""
        team.main_saves(self.CONF, i={"a": "main"})
        branch = team.branch(self.CONF)
        branch.load("i")
        branch.confirm("i")
        team.main_saves(self.CONF, i={"b": "main", "c": "main"})
        self.main_confirms(team)
        assert team.branch(self.CONF).load("i") == {"b": "main", "c": "main"}

    def test_confirm_writes_what_was_loaded(self, team: LawTeam) -> None:
        """`load` remembers the ids that it gave, and `confirm` writes the last of exactly those."""
        team.main_saves(self.CONF, i={"a": "main"})
        branch = team.branch(self.CONF)
        assert list(branch.load("i")) == ["a"]
        team.main_saves(self.CONF, i={"b": "later"})
        branch.confirm("i")
        assert list(branch.load("i")) == ["a"]
        branch.release("i")
        assert branch.load("i") == {"b": "later"}

    def test_a_checkpoint_of_its_own(self, team: LawTeam) -> None:
        """A checkpoint file with another name moves with the partitions, and is none of them."""
        checkpoint = {**TEXT, "filepath": "data/i/done.txt"}
        conf = {"i": {**INCREMENTS, "path": "data/i", "checkpoint": checkpoint}}
        team.main_saves(conf, i={"a": "main"})
        branch = team.branch(conf)
        branch.load("i")
        branch.confirm("i")
        branch.release("i")
        assert branch.load("i") == {}
        assert shown(team.catalog("main", conf).load("i")) == {"a": "main"}


def figures(number: int) -> list[Any]:
    """Empty plots."""
    plt = pytest.importorskip("matplotlib.pyplot", reason="a list of plots needs matplotlib")
    return [plt.figure() for _ in range(number)]


EXCEL = {"type": "pandas.ExcelDataset", "filepath": "data/book.xlsx", "load_args": {"sheet_name": None}}


class TestSeeding:
    """A save that is no plain replacement finds a copy of main's data on the branch."""

    @pytest.mark.parametrize(
        ("entry", "mains", "branchs"),
        [
            pytest.param({**LINES, "filepath": "data/log.txt"}, "main\n", "branch\n", id="text append"),
            pytest.param(
                {
                    **CSV,
                    "filepath": "data/rows.csv",
                    "save_args": {"mode": "a", "header": False, "index": False},
                    "load_args": {"names": ["x"]},
                },
                frame(1),
                frame(2),
                id="csv append",
            ),
            pytest.param({**PARTS, "dataset": LINES, "path": "data/p"}, {"a": "1\n"}, {"a": "2\n"}, id="parts"),
            pytest.param(
                {"type": "CachedDataset", "dataset": {**LINES, "filepath": "data/log.txt"}}, "1\n", "2\n", id="cached"
            ),
        ],
    )
    def test_append(self, team: LawTeam, entry: dict[str, Any], mains: Any, branchs: Any) -> None:
        """The branch's first append goes to a copy of main's, the later ones to the branch's alone."""
        conf = {"log": entry}
        team.main_saves(conf, log=mains)
        plain = team.private_copy(conf)
        for _ in range(3):
            branch = team.branch(conf)
            for catalog in (branch, plain):
                catalog.save("log", branchs)
                catalog.release("log")
            team.main_saves(conf, log=mains)
            assert shown(branch.load("log")) == shown(team.branch(conf).load("log")) == shown(plain.load("log"))

    def test_it_is_announced(self, team: LawTeam, caplog: pytest.LogCaptureFixture) -> None:
        """A seed is announced with its size."""
        conf = {"log": {**LINES, "filepath": "data/log.txt"}}
        team.main_saves(conf, log="x" * 1234)
        with caplog.at_level(logging.INFO, "steel_toes"):
            team.branch(conf).save("log", "y")
        assert [record for record in caplog.records if "seed" in record.getMessage() and "1,234" in record.getMessage()]

    def test_nothing_to_seed_from(self, team: LawTeam) -> None:
        """Where main has nothing, the first append begins with nothing."""
        conf = {"log": {**LINES, "filepath": "data/log.txt"}}
        branch = team.branch(conf)
        branch.save("log", "branch\n")
        assert branch.load("log") == "branch\n"

    def test_exclusive_mode(self, team: LawTeam) -> None:
        """Mode "x" is refused where main has a file, and leaves nothing behind; else it creates the branch's."""
        conf = {
            name: {**TEXT, "filepath": f"data/{name}.txt", "fs_args": {"open_args_save": {"mode": "x"}}}
            for name in "ab"
        }
        team.main_saves(conf, a="main")
        branch = team.branch(conf)
        with pytest.raises(DatasetError):
            branch.save("a", "branch")
        assert branch.load("a") == "main"
        branch.save("b", "branch")
        assert branch.load("b") == "branch"
        with pytest.raises(DatasetError):
            branch.save("b", "again")
        assert branch.load("b") == "branch"

    def test_the_chunks_of_a_generator_node(self, team: LawTeam) -> None:
        """A node that yields saves chunk after chunk: all of them are appended, and main's stand before them once."""
        conf = {"log": {**LINES, "filepath": "data/log.txt"}}
        team.main_saves(conf, log="main\n")

        def chunks() -> Iterator[str]:
            for number in range(3):
                yield f"{number}\n"

        SequentialRunner().run(pipeline([node(chunks, None, "log")]), team.branch(conf))
        assert team.branch(conf).load("log") == "main\n0\n1\n2\n"

    def test_excel_append(self, team: LawTeam) -> None:
        """Excel's writer in mode "a" adds a sheet to main's sheets."""
        pytest.importorskip("openpyxl", reason="Excel needs openpyxl")
        if "truncate" not in vars(LocalFileOpener):
            pytest.skip("this fsspec cannot append to a workbook, in plain Kedro either")

        def conf(sheet: str, **writer: Any) -> dict[str, Any]:
            args = {"save_args": {"sheet_name": sheet, "index": False, **writer}}
            # The writer reads what is there: Kedro's own mode, "wb", would have emptied the file by then.
            opened = {"fs_args": {"open_args_save": {"mode": "r+b"}}} if writer else {}
            return {"book": {**EXCEL, **args, **opened}}

        append = {"writer": {"mode": "a", "engine": "openpyxl"}}
        team.main_saves(conf("main"), book=frame(1))
        team.branch(conf("one", **append)).save("book", frame(2))
        team.branch(conf("two", **append)).save("book", frame(3))
        assert shown(team.branch(conf("one")).load("book")) == {"main": [1], "one": [2], "two": [3]}

    def test_delta_append(self, team: LawTeam) -> None:
        """A Delta table by path takes the branch's rows beside main's."""
        pytest.importorskip("deltalake", reason="Delta tables need deltalake")
        conf = {"d": {"type": "pandas.DeltaTableDataset", "filepath": "data/delta", "save_args": {"mode": "append"}}}
        team.main_saves(conf, d=frame(1))
        team.branch(conf).save("d", frame(2))
        team.main_saves(conf, d=frame(3))
        branch = team.branch(conf)
        branch.save("d", frame(4))
        assert shown(branch.load("d")) == shown(team.branch(conf).load("d")) == [1, 2, 4]

    def test_delta_overwrite(self, team: LawTeam) -> None:
        """A Delta table that is overwritten is the branch's alone."""
        pytest.importorskip("deltalake", reason="Delta tables need deltalake")
        conf = {"d": {"type": "pandas.DeltaTableDataset", "filepath": "data/delta", "save_args": {"mode": "overwrite"}}}
        team.main_saves(conf, d=frame(1))
        branch = team.branch(conf)
        assert shown(branch.load("d")) == [1]
        branch.save("d", frame(2))
        assert shown(branch.load("d")) == shown(team.branch(conf).load("d")) == [2]
        assert shown(team.catalog("main", conf).load("d")) == [1]

    def test_a_list_of_plots(self, team: LawTeam) -> None:
        """Plots that are saved into a directory stand beside main's there; `overwrite=True` leaves them alone."""
        for overwrite, names in ((False, {"0.png", "1.png", "2.png"}), (True, {"0.png"})):
            conf = {"plots": {"type": "matplotlib.MatplotlibDataset", "filepath": f"data/plots{overwrite}"}}
            team.main_saves(conf, plots=figures(3))
            conf["plots"]["overwrite"] = overwrite
            branch = team.branch(conf)
            branch.save("plots", figures(1))
            folder = Path(branched_of(branch["plots"]).branch_dataset._filepath)
            assert {path.name for path in folder.iterdir()} == names

    def test_a_class_that_nobody_knows(self, team: LawTeam) -> None:
        """What a class of the project's own does in a save is not known, so its first save is seeded."""
        conf = {"own": {"type": Tally, "filepath": "data/tally.txt"}}
        team.main_saves(conf, own="main")
        branch = team.branch(conf)
        branch.save("own", "branch")
        assert branch.load("own") == ["main", "branch"]

    @pytest.mark.skipif(sys.platform != "linux", reason="other systems' disks refuse such a name")
    def test_a_file_whose_name_is_no_text(self, team: LawTeam) -> None:
        """A directory with a file whose name is no UTF-8 is seeded, saved and read as any other."""
        conf = {"folder": {"type": Folder, "path": "data/folder"}}
        strange = b"caf\xe9.txt".decode(errors="surrogateescape")
        team.main_saves(conf, folder={strange: "main", "a.txt": "main"})
        branch = team.branch(conf)
        branch.save("folder", {"a.txt": "branch"})
        for catalog in (branch, team.branch(conf)):
            assert catalog.load("folder") == {strange: "main", "a.txt": "branch"}


class Tally(AbstractDataset):
    """A project's own class, whose save adds a line."""

    def __init__(self, filepath: str) -> None:
        self._filepath = Path(filepath)

    def load(self) -> list[str]:
        return self._filepath.read_text().splitlines()

    def save(self, data: str) -> None:
        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        with self._filepath.open("a") as file:
            file.write(f"{data}\n")

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


class Elsewhere(AbstractDataset):
    """What `numpy.save` does: the file gets an extension that its location does not have."""

    def __init__(self, filepath: str) -> None:
        self._filepath = Path(filepath)

    def load(self) -> str:
        return self._filepath.with_suffix(".npy").read_text()

    def save(self, data: str) -> None:
        if data:
            self._filepath.parent.mkdir(parents=True, exist_ok=True)
            self._filepath.with_suffix(".npy").write_text(data)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath}


class TestUnwritten:
    """A save is complete only when each unit that it planned is there: what is not is an error, and never main's."""

    def test_another_name(self, team: LawTeam) -> None:
        """A class that writes beside the location that it was given fails, and says what is not where it should be."""
        conf = {"array": {"type": Elsewhere, "filepath": "data/array"}}
        branch = team.branch(conf)
        with pytest.raises(DatasetError, match=r"the file is not at .*array--feature-x-217d2bf5"):
            branch.save("array", "branch")
        # The same after the first: no record says that this save is complete.
        with pytest.raises(DatasetError, match="another name"):
            team.branch(conf).save("array", "branch")

    def test_nothing(self, team: LawTeam) -> None:
        """A class that writes nothing for some data fails too: plain Kedro would have nothing to load."""
        conf = {"array": {"type": Elsewhere, "filepath": "data/array"}}
        with pytest.raises(DatasetError, match="ended without an error"):
            team.branch(conf).save("array", "")

    def test_partitions(self, team: LawTeam) -> None:
        """One partition that is not there fails the save and is named, and main's partitions are read as before."""
        good = {**PARTS, "path": "data/p"}
        team.main_saves({"p": good}, p={"a": "main"})
        conf = {"p": {**good, "dataset": {"type": Elsewhere}}}
        with pytest.raises(DatasetError, match=r"b\.txt is not at"):
            team.branch(conf).save("p", {"a": "branch", "b": "branch"})
        assert shown(team.branch({"p": good}).load("p")) == {"a": "main"}

    def test_no_plots(self, team: LawTeam) -> None:
        """A dictionary without plots leaves no file, in plain Kedro too: that is no error, and main's stay."""
        conf = {"plots": {"type": "matplotlib.MatplotlibDataset", "filepath": "data/plots"}}
        branch = team.branch(conf)
        branch.save("plots", {})
        branch.save("plots", {})


class TestDirectories:
    """Datasets whose data is a directory."""

    def test_parquet(self, team: LawTeam) -> None:
        """A directory of parquet files is the branch's as a whole, and main's files are not in it."""
        dd = pytest.importorskip("dask.dataframe", reason="needs dask[dataframe]")
        conf = {"d": {"type": "dask.ParquetDataset", "filepath": "data/d.parquet", "save_args": {"overwrite": True}}}
        team.main_saves(conf, d=dd.from_pandas(frame(1, 2, 3), npartitions=3))
        branch = team.branch(conf)
        assert shown(branch.load("d")) == [1, 2, 3]
        branch.save("d", dd.from_pandas(frame(7), npartitions=1))
        assert shown(branch.load("d")) == shown(team.branch(conf).load("d")) == [7]
        assert shown(team.catalog("main", conf).load("d")) == [1, 2, 3]

    def test_a_glob(self, team: LawTeam) -> None:
        """The files of a glob are one directory: where fewer are saved, main's others stay there, as in Kedro."""
        dd = pytest.importorskip("dask.dataframe", reason="needs dask[dataframe]")
        conf = {"d": {"type": "dask.CSVDataset", "filepath": "data/d/*.csv", "save_args": {"index": False}}}
        team.main_saves(conf, d=dd.from_pandas(frame(1, 2, 3), npartitions=3))
        plain, branch = team.private_copy(conf), team.branch(conf)
        assert branch.exists("d")
        assert shown(branch.load("d")) == [1, 2, 3]
        for catalog in (plain, branch):
            catalog.save("d", dd.from_pandas(frame(7), npartitions=1))
        assert shown(branch.load("d")) == shown(team.branch(conf).load("d")) == shown(plain.load("d")) == [2, 3, 7]

    def test_an_entry_inside(self, team: LawTeam) -> None:
        """The first save of an entry inside a directory that another entry loads seeds the whole directory."""
        dd = pytest.importorskip("dask.dataframe", reason="needs dask[dataframe]")
        conf = {
            "d": {"type": "dask.CSVDataset", "filepath": "data/d/*.csv", "save_args": {"index": False}},
            "one": {**CSV, "filepath": "data/d/1.csv"},
        }
        team.main_saves(conf, d=dd.from_pandas(frame(1, 2, 3), npartitions=3))
        branch = team.branch(conf)
        branch.save("one", frame(7))
        assert shown(branch.load("d")) == shown(team.branch(conf).load("d")) == [1, 3, 7]
        assert shown(branch.load("one")) == [7]
        assert shown(team.catalog("main", conf).load("d")) == [1, 2, 3]

    def test_a_write_only_plot(self, team: LawTeam) -> None:
        """A dataset that cannot be loaded is saved to the branch, and exists there from then on."""
        conf = {"plot": {"type": "matplotlib.MatplotlibDataset", "filepath": "data/plot.png"}}
        (figure,) = figures(1)
        branch = team.branch(conf)
        assert not branch.exists("plot")
        branch.save("plot", figure)
        assert branch.exists("plot")
        assert not team.catalog("main", conf).exists("plot")
        with pytest.raises(DatasetError, match="Loading not supported"):
            branch.load("plot")


class TestCached:
    """The side is asked of the wrapped dataset, never of the cache."""

    @pytest.mark.parametrize(
        ("inner", "versioned", "one", "two"),
        [
            pytest.param({**CSV, "filepath": "data/c.csv"}, {}, frame(1), frame(2), id="csv"),
            pytest.param({**PICKLE, "filepath": "data/c.pkl"}, {}, 1, 2, id="pickle"),
            pytest.param({**PICKLE, "filepath": "data/c.pkl"}, {"versioned": True}, 1, 2, id="versioned"),
        ],
    )
    def test_around(self, team: LawTeam, inner: dict[str, Any], versioned: dict[str, bool], one: Any, two: Any) -> None:
        """A cache keeps main's until the branch saves, then the branch's; main's own never has it."""
        conf = {"c": {"type": "CachedDataset", "dataset": inner, **versioned}}
        team.main_saves(conf, V[0], c=one)
        branch = team.branch(conf, V[1])
        assert shown(branch.load("c")) == shown(one)
        branch.save("c", two)
        assert shown(branch.load("c")) == shown(two)
        branch.release("c")
        for catalog in (branch, team.branch(conf), pickle.loads(pickle.dumps(branch))):
            assert shown(catalog.load("c")) == shown(two)
        assert shown(team.catalog("main", conf).load("c")) == shown(one)

    def test_around_partitions(self, team: LawTeam) -> None:
        """A cache around partitions gives the overlay."""
        conf = {"c": {"type": "CachedDataset", "dataset": {**PARTS, "path": "data/p"}}}
        team.main_saves(conf, c={"a": "main", "b": "main"})
        branch = team.branch(conf)
        branch.save("c", {"b": "branch"})
        assert shown(team.branch(conf).load("c")) == {"a": "main", "b": "branch"}

    def test_until_release(self, team: LawTeam) -> None:
        """What main saves meanwhile is seen after `release`, as in plain Kedro."""
        conf = {"c": {"type": "CachedDataset", "dataset": {**PICKLE, "filepath": "data/c.pkl"}}}
        team.main_saves(conf, c=1)
        branch = team.branch(conf)
        assert branch.load("c") == 1
        team.main_saves(conf, c=2)
        assert branch.load("c") == 1
        branch.release("c")
        assert branch.load("c") == 2

    def test_the_record_changes(self, team: LawTeam) -> None:
        """A cache is dropped when another process has saved the branch copy, first or again."""
        conf = {"c": {"type": "CachedDataset", "dataset": {**PICKLE, "filepath": "data/c.pkl"}}}
        team.main_saves(conf, c=1)
        here, there = team.branch(conf), team.branch(conf)
        assert here.load("c") == 1
        for number in (2, 3):
            there.save("c", number)
            assert here.load("c") == number


@pytest.mark.parametrize("copied", [lambda data: pickle.loads(pickle.dumps(data)), copy.copy, copy.deepcopy])
def test_copies_of_cached_partitions(team: LawTeam, copied: Callable[[Any], Any]) -> None:
    """A copy of a cache around partitions has no data of its own: what a pickle makes of a cache is none."""
    conf = {"c": {"type": "CachedDataset", "dataset": {**PARTS, "path": "data/p"}}}
    team.main_saves({"c": conf["c"]["dataset"]}, c={"a": "main"})
    twin = copied(team.branch(conf)["c"])
    assert shown(twin.load()) == {"a": "main"}
    twin.save({"a": "branch"})
    assert shown(copied(team.branch(conf)["c"]).load()) == {"a": "branch"}


class TestOneLocation:
    """The record belongs to the location, not to the name."""

    def test_transcoded(self, team: LawTeam) -> None:
        """Both halves of a transcoded entry are always on one side."""
        conf = {"t@pandas": {**CSV, "filepath": "data/t.csv"}, "t@text": {**TEXT, "filepath": "data/t.csv"}}
        team.main_saves(conf, **{"t@pandas": frame(1)})
        branch = team.branch(conf)
        assert branch.load("t@text") == "x\n1\n"
        branch.save("t@text", "x\n2\n")
        assert shown(branch.load("t@pandas")) == shown(team.branch(conf).load("t@pandas")) == [2]
        branch.save("t@pandas", frame(3))
        assert branch.load("t@text") == "x\n3\n"

    @pytest.mark.parametrize("other", ["data/t.csv", "data//t.csv", "data/./t.csv", "file://"])
    def test_two_names(self, team: LawTeam, other: str) -> None:
        """Two names of one location agree, however it is spelt; an append through one is seeded once for both."""
        other = f"file://{team.folder}/data/t.csv" if other == "file://" else other
        conf = {"this": {**TEXT, "filepath": "data/t.csv"}, "that": {**LINES, "filepath": other}}
        team.main_saves(conf, this="1")
        branch = team.branch(conf)
        branch.save("that", "2")
        assert branch.load("this") == "12"
        branch.save("this", "3")
        branch.save("that", "4")
        assert branch.load("that") == team.branch(conf).load("this") == "34"


class TestNested:
    """An entry whose file lies in a directory that another entry lists is a unit of it."""

    CONF = {  # noqa: RUF012
        "p": {**PARTS, "path": "data/p"},
        "a": {**TEXT, "filepath": "data/p/a.txt"},
        "note": {**LINES, "filepath": "data/p/n.md"},
    }

    def test_both_ways(self, team: LawTeam) -> None:
        """What is saved through one entry is seen through the other."""
        team.main_saves(self.CONF, p={"a": "main", "b": "main"})
        branch = team.branch(self.CONF)
        assert branch.load("a") == "main"
        branch.save("a", "inner")
        assert shown(branch.load("p")) == {"a": "inner", "b": "main"}
        branch.save("p", {"a": "outer"})
        assert branch.load("a") == team.branch(self.CONF).load("a") == "outer"

    def test_main_lists_none_of_it(self, team: LawTeam) -> None:
        """A branch copy never lies in a directory that main lists."""
        team.main_saves(self.CONF, p={"b": "main"})
        branch = team.branch(self.CONF)
        branch.save("a", "inner")
        branch.save("note", "inner")
        assert shown(team.catalog("main", self.CONF).load("p")) == {"b": "main"}

    def test_no_partition(self, team: LawTeam) -> None:
        """An entry with another suffix is in the directory, but no partition, and is seeded by itself."""
        team.main_saves(self.CONF, note="main\n")
        branch = team.branch(self.CONF)
        branch.save("note", "branch\n")
        assert branch.load("note") == "main\nbranch\n"
        assert not branch.exists("p")
        with pytest.raises(DatasetError, match="No partitions"):
            branch.load("p")

    def test_overwritten(self, team: LawTeam) -> None:
        """When the branch overwrites the partitions, the entries between them are gone, too, and begin with nothing."""
        conf = {**self.CONF, "p": {**OVERWRITTEN, "path": "data/p"}}
        team.main_saves(conf, a="main", note="main\n")
        branch = team.branch(conf)
        branch.save("p", {"b": "branch"})
        assert not branch.exists("a")
        with pytest.raises(DatasetError):
            branch.load("a")
        branch.save("note", "branch\n")
        assert branch.load("note") == "branch\n"

    def test_in_increments(self, team: LawTeam) -> None:
        """An entry inside an incremental dataset's directory is one of its partitions."""
        conf = {"p": {**INCREMENTS, "path": "data/p"}, "a": {**TEXT, "filepath": "data/p/a.txt"}}
        team.main_saves(conf, p={"b": "main"})
        branch = team.branch(conf)
        branch.save("a", "inner")
        assert shown(branch.load("p")) == {"a": "inner", "b": "main"}


class TestPartitionsInPartitions:
    """Partitions that lie among the partitions of another entry are the same units, by longer ids."""

    CONF = {  # noqa: RUF012
        "outer": {**PARTS, "path": "data/p"},
        "inner": {**PARTS, "path": "data/p/sub"},
        "news": {**INCREMENTS, "path": "data/p/news"},
    }

    def test_both_ways(self, team: LawTeam) -> None:
        """What the one saves, the other loads, on the branch as on a private copy."""
        team.main_saves(self.CONF, outer={"x": "main", "sub/a": "main", "sub/b": "main", "news/1": "main"})
        private, branch = team.private_copy(self.CONF), team.branch(self.CONF)
        for name, data in (("inner", {"a": "branch", "c": "branch"}), ("outer", {"sub/b": "branch"})):
            for catalog in (private, branch):
                catalog.save(name, data)
                catalog["outer"].release()
                catalog["inner"].release()
            for there in (branch, team.branch(self.CONF)):
                assert {name: shown(there.load(name)) for name in self.CONF} == {
                    name: shown(private.load(name)) for name in self.CONF
                }

    def test_increments(self, team: LawTeam) -> None:
        """The branch's checkpoint lies in the inner directory, and hides no partition from the outer entry."""
        team.main_saves(self.CONF, outer={"x": "main", "news/1": "main"})
        branch = team.branch(self.CONF)
        branch.load("news")
        branch["news"].confirm()
        team.branch(self.CONF).save("outer", {"news/2": "branch"})
        assert shown(team.branch(self.CONF).load("news")) == {"2": "branch"}
        assert shown(team.branch(self.CONF).load("outer")) == {"x": "main", "news/1": "main", "news/2": "branch"}

    def test_inside_one_dataset(self, team: LawTeam) -> None:
        """Partitions inside a directory that is one dataset cannot be told from it: they are read, and not saved."""
        conf = {
            "whole": {"type": "pandas.DeltaTableDataset", "filepath": "data/table"},
            "parts": {**PARTS, "path": "data/table/parts"},
        }
        team.main_saves({"parts": conf["parts"]}, parts={"a": "main"})
        branch = team.branch(conf)
        assert shown(branch.load("parts")) == {"a": "main"}
        with pytest.raises(DatasetError, match="It keeps partitions inside"):
            branch.save("parts", {"a": "branch"})


class MyPartitions(PartitionedDataset):
    """A user's subclass that changes nothing."""


class MyIncrements(IncrementalDataset):
    """A user's subclass that changes nothing."""


class TestSpellings:
    """A kind of dataset is what its class is, however the catalog spells it: the survey sees the text alone."""

    @pytest.mark.parametrize(
        "spelled",
        [
            MyPartitions,
            f"{__name__}.MyPartitions",
            f"{__name__}.PartitionedDataset",
            "partitions.partitioned_dataset.PartitionedDataset",
            "kedro_datasets.partitions.PartitionedDataset",
        ],
        ids=str,
    )
    def test_partitions(self, team: LawTeam, spelled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Partitions of a subclass, a re-export or another spelling are an overlay like all."""
        monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or this_module())
        conf = {"p": {**PARTS, "type": spelled, "path": "data/p"}}
        team.main_saves({"p": {**PARTS, "path": "data/p"}}, p={"a": "main", "b": "main"})
        team.branch(conf).save("p", {"b": "branch", "c": "branch"})
        assert shown(team.branch(conf).load("p")) == {"a": "main", "b": "branch", "c": "branch"}

    @pytest.mark.parametrize("spelled", [MyIncrements, "partitions.incremental_dataset.IncrementalDataset"], ids=str)
    def test_increments(self, team: LawTeam, spelled: Any) -> None:
        """Increments too, with their checkpoint."""
        conf = {"p": {**INCREMENTS, "type": spelled, "path": "data/p"}}
        team.main_saves({"p": {**PARTS, "path": "data/p"}}, p={"a": "main", "b": "main"})
        branch = team.branch(conf)
        branch.load("p")
        branch["p"].confirm()
        assert shown(team.branch(conf).load("p")) == {}
        team.branch(conf).save("p", {"c": "branch"})
        assert shown(team.branch(conf).load("p")) == {"c": "branch"}


class TestOneDirectory:
    """Two entries at exactly one directory, of which one lists it as partitions."""

    def test_a_folder(self, team: LawTeam) -> None:
        """An entry that reads the directory as one dataset has it as one unit: its save is recorded and read."""
        conf = {"parts": {**PARTS, "path": "data/p"}, "folder": {"type": Folder, "path": "data/p"}}
        team.main_saves(conf, folder={"a.txt": "main"})
        branch = team.branch(conf)
        branch.save("folder", {"a.txt": "branch", "b.txt": "branch"})
        for catalog in (branch, team.branch(conf)):
            assert catalog.load("folder") == {"a.txt": "branch", "b.txt": "branch"}
        team.branch(conf).save("folder", {"a.txt": "again"})
        assert team.branch(conf).load("folder")["a.txt"] == "again"

    def test_a_folder_whose_save_fails(self, team: LawTeam) -> None:
        """A save of it that fails says why, and the next one works."""
        conf = {"parts": {**PARTS, "path": "data/p"}, "folder": {"type": Folder, "path": "data/p"}}
        team.main_saves(conf, folder={"a.txt": "main"})
        with pytest.raises(DatasetError, match="data must be str"):
            team.branch(conf).save("folder", {"a.txt": 5})
        team.branch(conf).save("folder", {"a.txt": "branch"})
        assert team.branch(conf).load("folder") == {"a.txt": "branch"}

    def test_versions(self, team: LawTeam) -> None:
        """Versions whose directory is listed as partitions keep the law of versions."""
        needs_list_versions()
        versioned = {**TEXT, "filepath": "data/c.txt", "versioned": True}
        conf = {"c": versioned, "all": {"type": PARTS["type"], "path": "data/c.txt", "dataset": TEXT}}
        team.main_saves({"c": versioned}, V[5], c="main 5")
        branch = team.branch(conf, V[3])
        branch.save("c", "branch 3")
        fresh = team.branch(conf)
        assert fresh.load("c") == "main 5"
        assert fresh["c"].list_versions(full_path=False) == [V[5], V[3]]
        for path in fresh["c"].list_versions():
            assert Path(path).is_file()
        team.branch({"c": versioned}, V[7]).save("c", "branch 7")
        assert team.branch(conf).load("c") == "branch 7"

    def test_an_overwrite_inside(self, team: LawTeam) -> None:
        """Partitions inside another's that overwrite everything are refused: a record cannot say it of a part."""
        conf = {"out": {**PARTS, "path": "data/p"}, "in": {**OVERWRITTEN, "path": "data/p/in"}}
        team.main_saves(conf, out={"o": "main"})
        team.branch(conf).save("out", {"o": "branch"})
        with pytest.raises(DatasetError, match="It overwrites partitions inside"):
            team.branch(conf).save("in", {"i": "branch"})
        assert shown(team.branch(conf).load("out")) == {"o": "branch"}


def this_module() -> Any:
    """What holds this module's classes for an import by name, wherever pytest has put it."""
    return SimpleNamespace(MyPartitions=MyPartitions, PartitionedDataset=PartitionedDataset)


class TestLeftAlone:
    """What cannot be written needs no branch."""

    def test_read_only(self, team: LawTeam) -> None:
        """A class that only reads is Kedro's own object, without a proxy."""
        database = team.folder / "data.db"
        with sqlite3.connect(database) as connection:
            connection.execute("create table t (x int)")
            connection.execute("insert into t values (1)")
        connection.close()
        team.main = team.objects()
        pytest.importorskip("sqlalchemy", reason="SQL queries need SQLAlchemy")
        query = {"type": "pandas.SQLQueryDataset", "sql": "select x from t"}
        branch = team.branch({"q": {**query, "credentials": {"con": f"sqlite:///{database}"}}})
        assert branched_of(branch["q"]) is None
        assert shown(branch.load("q")) == [1]

    def test_memory(self, team: LawTeam) -> None:
        """What lives in memory is not branched."""
        branch = team.branch({"m": {"type": "MemoryDataset"}})
        branch.save("m", 1)
        assert branched_of(branch["m"]) is None

    def test_shared(self, team: LawTeam) -> None:
        """A shared entry reads and writes main's, by its metadata, its name, its type or its class."""
        plain = {**TEXT, "filepath": "data/s.txt"}
        cases: list[tuple[dict[str, Any], list[Any]]] = [
            ({**plain, "metadata": {"steel_toes": {"shared": True}}}, []),
            (plain, ["s"]),
            (plain, ["s*"]),
            (plain, ["text.TextDataset"]),
        ]
        for number, (entry, shared) in enumerate(cases):
            branch = team.branch({"s": entry}, shared=shared)
            branch.save("s", str(number))
            team.main = team.mains()
            assert team.catalog("main", {"s": plain}).load("s") == str(number)
            assert not [path for path in team.objects() if team.is_own(Path(path).name)]

    def test_on_main(self, team: LawTeam) -> None:
        """On main, steel_toes steps aside: the catalog is Kedro's, object for object."""
        conf = team.placed({"a": {**TEXT, "filepath": "data/a.txt"}})
        catalog = DataCatalog.from_config(conf)
        before = {name: (value, type(value), id(value)) for name, value in vars(catalog).items()}
        SteelToes(branch="main").after_catalog_created(catalog)
        assert {name: (value, type(value), id(value)) for name, value in vars(catalog).items()} == before
        assert branched_of(catalog["a"]) is None


class Table(AbstractDataset):
    """Writes to something that has no location."""

    def __init__(self, table: str, log: Any = None) -> None:
        self._table = table

    def load(self) -> str:
        return "main's rows"

    def save(self, data: Any) -> None:
        pytest.fail("main was written")

    def _describe(self) -> dict[str, Any]:
        return {"table": self._table}


class TestRefused:
    """What cannot be redirected is not written."""

    @pytest.mark.parametrize(
        "entry",
        [
            pytest.param({"type": Table, "table": "t"}, id="a table of the project's own"),
            pytest.param({"type": "CachedDataset", "dataset": {"type": Table, "table": "t"}}, id="in a cache"),
        ],
    )
    def test_a_save(self, team: LawTeam, entry: dict[str, Any]) -> None:
        """Reads work; a save is refused with an error that says how to allow it."""
        branch = team.branch({"t": entry})
        assert branch.load("t") == "main's rows"
        with pytest.raises(SaveRefusedError, match=r'shared=\["t"\]'):
            branch["t"].save("x")

    def test_a_real_table(self, team: LawTeam) -> None:
        """A table in a database is read from main's and not saved."""
        pytest.importorskip("sqlalchemy", reason="SQL tables need SQLAlchemy")
        database = team.folder / "data.db"
        entry = {"type": "pandas.SQLTableDataset", "table_name": "t", "credentials": {"con": f"sqlite:///{database}"}}
        DataCatalog.from_config({"t": entry}).save("t", frame(1))
        team.main = team.objects()
        branch = team.branch({"t": entry})
        assert branch.exists("t")
        assert shown(branch.load("t")) == [1]
        with pytest.raises(SaveRefusedError):
            branch["t"].save(frame(2))

    def test_a_request(self, team: LawTeam) -> None:
        """An API that is written to is refused; one that is only read is left alone."""
        pytest.importorskip("requests", reason="APIDataset needs requests")
        api = {"type": "api.APIDataset", "url": "http://127.0.0.1:9/none"}
        branch = team.branch({"post": {**api, "method": "POST"}, "get": {**api, "method": "GET"}})
        with pytest.raises(SaveRefusedError):
            branch["post"].save({"x": 1})
        assert branched_of(branch["get"]) is None

    def test_a_handle(self, team: LawTeam, monkeypatch: pytest.MonkeyPatch) -> None:
        """What `load` gives could write where it came from: the load is refused too, unless the entry is shared."""
        # Spark is not installed for this: the rule goes by the class's name, so a stand-in of that name will do.
        module = SimpleNamespace()
        stand_in = type("DeltaTableDataset", (Table,), {"__module__": "kedro_datasets.spark.deltatable_dataset"})
        stand_in.__qualname__ = "DeltaTableDataset"
        monkeypatch.setitem(sys.modules, "kedro_datasets.spark.deltatable_dataset", module)
        conf = {"h": {"type": stand_in, "table": "t"}}
        with pytest.raises(LoadRefusedError, match="handle"):
            team.branch(conf)["h"].load()
        with pytest.raises(SaveRefusedError):
            team.branch(conf)["h"].save("x")
        assert team.branch(conf, shared=["h"]).load("h") == "main's rows"

    def test_the_branch_is_unknown(self, team: LawTeam, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where nothing tells the branch, reads are main's and a save is refused."""
        conf = {"a": {**TEXT, "filepath": "data/a.txt"}, "p": {**PARTS, "path": "data/p"}}
        team.main_saves(conf, a="main", p={"a": "main"})
        monkeypatch.chdir(team.folder)
        catalog = team.catalog(None, conf)
        assert catalog.load("a") == "main"
        assert shown(catalog.load("p")) == {"a": "main"}
        for name, data in (("a", "x"), ("p", {"a": "x"})):
            with pytest.raises(SaveRefusedError, match="STEEL_TOES_BRANCH"):
                catalog[name].save(data)

    def test_a_handle_on_an_unknown_branch(self, team: LawTeam, monkeypatch: pytest.MonkeyPatch) -> None:
        """A handle could write main's data on an unknown branch as on any other: its load is refused there too."""
        stand_in = type("DeltaTableDataset", (Table,), {"__module__": "kedro_datasets.spark.deltatable_dataset"})
        stand_in.__qualname__ = "DeltaTableDataset"
        monkeypatch.setitem(sys.modules, "kedro_datasets.spark.deltatable_dataset", SimpleNamespace())
        catalog = team.catalog(None, {"h": {"type": stand_in, "table": "t"}})
        with pytest.raises(LoadRefusedError, match="can write where it came from"):
            catalog["h"].load()

    @pytest.mark.parametrize("save", [lambda inner: inner.save("x"), lambda inner: inner._dataset.save("x")])
    def test_mains_own_dataset(self, team: LawTeam, save: Callable[[Any], None]) -> None:
        """Main's dataset on a branch's catalog, that of a cache included, can neither save nor confirm."""
        conf = {"c": {"type": "CachedDataset", "dataset": {**TEXT, "filepath": "data/c.txt"}}}
        team.main_saves(conf, c="main")
        with pytest.raises(DatasetError, match="blocked"):
            save(branched_of(team.branch(conf)["c"]).main_dataset)


class TestLazyFrames:
    """Datasets that read when they are asked for rows."""

    def test_polars(self, team: LawTeam) -> None:
        """A lazy frame scans the side that counted when it was loaded; saving one to itself is no danger to main."""
        pl = pytest.importorskip("polars", reason="needs polars")
        conf = {"l": {"type": "polars.LazyPolarsDataset", "filepath": "data/l.parquet", "file_format": "parquet"}}
        team.main_saves(conf, l=pl.DataFrame({"x": [1]}))
        branch = team.branch(conf)
        branch.save("l", branch.load("l").with_columns(x=pl.col("x") + 1))
        assert shown(branch.load("l")) == shown(team.branch(conf).load("l")) == [2]
        assert shown(team.catalog("main", conf).load("l")) == [1]

    def test_ibis(self, team: LawTeam) -> None:
        """A file that ibis reads with a database in memory is a file."""
        ibis = pytest.importorskip("ibis", reason="needs ibis-framework[duckdb]")
        pytest.importorskip("duckdb", reason="needs ibis-framework[duckdb]")
        conf = {
            "f": {
                "type": "ibis.FileDataset",
                "filepath": "data/f.parquet",
                "file_format": "parquet",
                "connection": {"backend": "duckdb"},
            }
        }
        team.main_saves(conf, f=ibis.memtable(frame(1)))
        branch = team.branch(conf)
        assert shown(branch.load("f")) == [1]
        branch.save("f", ibis.memtable(frame(2)))
        assert shown(branch.load("f")) == shown(team.branch(conf).load("f")) == [2]
        assert shown(team.catalog("main", conf).load("f")) == [1]
