"""One file, however many names it has: links above it, `..` after a link, two checkouts; and what lists which files.

Whatever a test does on a branch, the `team` fixture compares main's bytes at its end.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DatasetError
from kedro_datasets.partitions import PartitionedDataset

from steel_toes import LoadRefusedError, SaveRefusedError
from support.entries import Folder
from support.team import SLUG, Team, shown

pytestmark = pytest.mark.contract

TEXT = {"type": "text.TextDataset"}
LINES = {**TEXT, "fs_args": {"open_args_save": {"mode": "a"}}}
PARTS = {"type": "partitions.PartitionedDataset", "dataset": TEXT}


class LinkedTeam(Team):
    """A team in whose folder links lead elsewhere: what lies there is looked at too."""

    def objects(self) -> dict[str, tuple[bytes, Any]]:
        """All files: bytes and times, by their paths as the checkout has them."""
        found = {}
        for folder, _, names in os.walk(self.folder, followlinks=True):
            for path in (Path(folder, name) for name in names):
                found[path.relative_to(self.folder).as_posix()] = path.read_bytes(), path.stat().st_mtime_ns
        return found


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    """A team's folder, which is the working directory; main's bytes in it are compared when the test ends."""
    team = LinkedTeam.on_disk(tmp_path / "team")
    monkeypatch.chdir(team.folder)
    (team.folder / "data").mkdir()
    yield team
    team.check()


@pytest.fixture
def shared(team: Team, tmp_path: Path) -> Path:
    """A folder of the team's on another disk, which is `data/02` in the checkout."""
    folder = tmp_path / "shared/02"
    folder.mkdir(parents=True)
    (team.folder / "data/02").symlink_to(folder)
    return folder


def records(folder: Path) -> list[str]:
    """The records below a folder, from there."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("_steel_toes/*/*.json"))


class TestLinkedFolders:
    """A folder of the checkout that is a link to one outside, as a team mounts its shared disk."""

    CONF = {"x": {**TEXT, "filepath": "data/02/x.txt"}}  # noqa: RUF012

    def test_two_checkouts(self, team: Team, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What one checkout saves on a branch, the other reads: the record lies where the data lies."""
        team.main_saves(self.CONF, x="main")
        team.branch(self.CONF).save("x", "branch")
        assert len(records(shared)) == 1
        assert not records(team.folder / "data")
        other = tmp_path / "other"
        (other / "data").mkdir(parents=True)
        (other / "data/02").symlink_to(shared)
        monkeypatch.chdir(other)
        assert Team.on_disk(other).branch(self.CONF).load("x") == "branch"

    @pytest.mark.parametrize(
        "name",
        ["data/02/x.txt", "data/02/../02/x.txt", "data/./02//x.txt", "{shared}/x.txt", "data/02/deep/../x.txt"],
    )
    def test_all_names_are_one_file(self, team: Team, shared: Path, name: str) -> None:
        """Two entries that name one file differently agree on the side, and append to the same copy."""
        (shared / "deep").mkdir()
        conf = {**self.CONF, "y": {**LINES, "filepath": name.format(shared=shared)}}
        team.main_saves(self.CONF, x="main")
        branch = team.branch(conf)
        branch.save("x", "branch")
        assert branch.load("y") == "branch"
        branch.save("y", "+")
        assert team.branch(conf).load("x") == "branch+"
        assert len(records(shared)) == 1

    def test_partitions_by_another_name(self, team: Team, shared: Path) -> None:
        """An entry inside a listed directory is a part of it by its other name too: no copy lies where main lists."""
        conf = {"p": {**PARTS, "path": "data/02/p"}, "a": {**TEXT, "filepath": f"{shared}/p/a"}}
        team.main_saves(conf, p={"a": "main", "b": "main"})
        branch = team.branch(conf)
        branch.save("a", "branch")
        assert shown(branch.load("p")) == {"a": "branch", "b": "main"}
        assert sorted(path.name for path in (shared / "p").iterdir()) == ["a", "b"]

    def test_a_directory_that_is_a_link_itself(self, team: Team, shared: Path) -> None:
        """Partitions whose directory is a link are copied beside the link; an entry inside goes with them."""
        (shared / "p").mkdir()
        (team.folder / "data/p").symlink_to(shared / "p")
        conf = {"p": {**PARTS, "path": "data/p"}, "a": {**TEXT, "filepath": f"{shared}/p/a"}}
        team.main_saves(conf, p={"a": "main"})
        branch = team.branch(conf)
        branch.save("a", "branch")
        assert shown(branch.load("p")) == {"a": "branch"}
        assert [path.name for path in (shared / "p").iterdir()] == ["a"]
        assert (team.folder / f"data/p--{SLUG}/a").read_text() == "branch"

    def test_another_entrys_main_copy(self, team: Team, shared: Path) -> None:
        """A copy that is another entry's main copy by its other name is refused."""
        conf = {**self.CONF, "y": {**TEXT, "filepath": f"{shared}/x--{SLUG}.txt"}}
        with pytest.raises(SaveRefusedError, match="main copy"):
            team.branch(conf)["x"].save("branch")

    def test_the_project_is_reached_by_a_link(
        self, team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A checkout that is entered by a link has the same records."""
        team.branch({"x": {**TEXT, "filepath": "data/x.txt"}}).save("x", "branch")
        (tmp_path / "link").symlink_to(team.folder)
        monkeypatch.chdir(tmp_path / "link")
        linked = Team.on_disk(tmp_path / "link")
        assert linked.branch({"x": {**TEXT, "filepath": "data/x.txt"}}).load("x") == "branch"
        assert records(team.folder) == records(tmp_path / "link")


def copied_team(team: Team, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    """A copy of a team's checkout with its data, which is the working directory from now on."""
    shutil.copytree(team.folder, folder)
    monkeypatch.chdir(folder)
    return Team.on_disk(folder)


class TestMoving:
    """A checkout that is copied or mounted elsewhere."""

    CONF = {"x": {**TEXT, "filepath": "data/02/x.txt"}, "y": {**TEXT, "filepath": "y.txt"}}  # noqa: RUF012

    @pytest.mark.parametrize("settings", [{}, {"records": "data/_records"}, {"records": "_records"}])
    def test_with_its_records(self, team: Team, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its records count where it is now, and nothing of the place where it was."""
        team.main_saves(self.CONF, x="main")
        team.branch(self.CONF, **settings).save("x", "branch")
        copied = copied_team(team, tmp_path / "moved", monkeypatch)
        assert copied.branch(self.CONF, **settings).load("x") == "branch"
        copied.branch(self.CONF, **settings).save("x", "another")
        monkeypatch.chdir(team.folder)
        assert team.branch(self.CONF, **settings).load("x") == "branch"

    def test_records_that_are_shared(self, team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """With records outside, two checkouts keep theirs apart: each has data of its own."""
        settings = {"records": str(tmp_path / "records")}
        team.main_saves(self.CONF, x="main")
        team.branch(self.CONF, **settings).save("x", "branch")
        copied = copied_team(team, tmp_path / "moved", monkeypatch)
        assert copied.branch(self.CONF, **settings).load("x") == "main"
        assert len(records(tmp_path / "records")) == 1


MODELS = {"p": {**PARTS, "path": "data/m", "filename_suffix": ".txt"}}
NEIGHBOURS = {
    "another extension": {"type": "pickle.PickleDataset", "filepath": "data/m/model.pkl"},
    "versions of it": {"type": "pickle.PickleDataset", "filepath": "data/m/model.pkl", "versioned": True},
    "deeper": {"type": "pickle.PickleDataset", "filepath": "data/m/deep/model.pkl", "versioned": True},
}


class TestWhatIsListed:
    """An entry that can list only some of the files of a directory."""

    @pytest.mark.parametrize("case", NEIGHBOURS)
    def test_a_neighbour_is_not_refused(self, team: Team, case: str) -> None:
        """What it cannot list is no part of what it lists: versions too are branched, beside main's."""
        conf = {**MODELS, "model": NEIGHBOURS[case]}
        team.main_saves(conf, model="main", p={"a": "main"})
        branch = team.branch(conf)
        branch.save("model", "branch")
        branch.save("p", {"a": "branch"})
        assert team.branch(conf).load("model") == "branch"
        assert shown(team.branch(conf).load("p")) == {"a": "branch"}
        assert shown(team.catalog("main", conf).load("p")) == {"a": "main"}

    def test_a_glob(self, team: Team) -> None:
        """The same for a pattern."""
        pytest.importorskip("polars", reason="the glob is polars'")
        csv = {"type": "polars.LazyPolarsDataset", "file_format": "csv", "filepath": "data/m/*.csv"}
        conf = {"all": csv, "model": NEIGHBOURS["versions of it"]}
        branch = team.branch(conf)
        branch.save("model", "branch")
        assert team.branch(conf).load("model") == "branch"

    @pytest.mark.parametrize("name", ["data/m/b.txt", "data/m/folder/b.txt"])
    def test_what_it_lists(self, team: Team, name: str) -> None:
        """What it can list is a part of it, and versions there are refused, as before."""
        conf = {**MODELS, "b": {**TEXT, "filepath": name}}
        team.branch(conf).save("b", "branch")
        assert not [path for path in (team.folder / "data/m").rglob("*") if "--" in path.name]
        versions = {**MODELS, "b": {**TEXT, "filepath": name, "versioned": True}}
        with pytest.raises(SaveRefusedError, match="keeps versions inside"):
            team.branch(versions)["b"].save("branch")

    def test_an_overwrite(self, team: Team) -> None:
        """An overwrite removes whatever lies there, so that all of it goes with the directory."""
        conf = {"p": {**MODELS["p"], "overwrite": True}, "model": NEIGHBOURS["another extension"]}
        team.main_saves(conf, p={"a": "main"}, model="main")
        branch = team.branch(conf)
        branch.save("p", {"b": "branch"})
        assert not team.branch(conf).exists("model")
        with pytest.raises(DatasetError):
            team.branch(conf).load("model")

    def test_many(self, team: Team) -> None:
        """However many entries there are, each looks up its own folders only."""
        conf = {f"p{number}": {**PARTS, "path": f"data/{number}"} for number in range(300)}
        branch = team.branch(conf)
        assert not list(Path("data").iterdir())
        branch.save("p7", {"a": "branch"})
        assert shown(branch.load("p7")) == {"a": "branch"}


class TestAddedLater:
    """An entry that is added when the catalog is in use, and lists a directory in which copies of the branch lie."""

    CONF = {  # noqa: RUF012
        "x": {**TEXT, "filepath": "data/02/x.txt"},
        "v": {**TEXT, "filepath": "data/02/v.txt", "versioned": True},
    }

    def added(self, team: Team, **more: Any) -> Any:
        """A catalog with an entry `p` that a hook or a notebook put into it."""
        catalog = team.branch(self.CONF)
        catalog.save("x", "branch")
        catalog.save("v", "branch")
        catalog["p"] = PartitionedDataset(path=f"{team.folder}/data/02", dataset="text.TextDataset", **more)
        return catalog

    @pytest.mark.parametrize("suffix", [".txt", ""])
    def test_partitions(self, team: Team, suffix: str) -> None:
        """The copies are left out of its listing, and its save is refused."""
        team.main_saves(self.CONF, x="main")
        (team.folder / "data/02/x--other.txt").write_text("main's, too")
        team.main = team.mains()
        catalog = self.added(team, filename_suffix=suffix)
        ids = {"x", "x--other"} if suffix else {"x.txt", "x--other.txt"}
        assert set(catalog.load("p")) == ids
        assert catalog.exists("p")
        with pytest.raises(SaveRefusedError, match="added after the catalog was made"):
            catalog["p"].save({"x": "new"})

    def test_only_copies(self, team: Team) -> None:
        """Where nothing of main's lies, nothing is there."""
        catalog = self.added(team)
        assert not catalog.exists("p")

    def test_one_dataset(self, team: Team) -> None:
        """Whoever reads the directory as one dataset would read the copies: its load is refused too."""
        catalog = self.added(team)
        catalog["all"] = Folder(path=f"{team.folder}/data/02")
        with pytest.raises(LoadRefusedError, match="added after"):
            catalog["all"].load()

    def test_in_the_catalog(self, team: Team) -> None:
        """An entry of the configuration is no such entry, nor is one in whose directory nothing of ours lies."""
        conf = {**self.CONF, "p": {**PARTS, "path": "data/02", "filename_suffix": ".txt"}}
        conf.pop("v")
        branch = team.branch(conf)
        branch.save("x", "branch")
        assert shown(branch.load("p")) == {"x": "branch"}
        branch["q"] = PartitionedDataset(path=f"{team.folder}/data/03", dataset="text.TextDataset")
        branch.save("q", {"a": "branch"})
        assert shown(branch.load("q")) == {"a": "branch"}


def test_versions_that_another_lists(team: Team) -> None:
    """Partitions over another entry's versions are read as main has them, and never saved on a branch."""
    versions = {**TEXT, "filepath": "data/v.txt", "versioned": True}
    conf = {"v": versions, "all": {**PARTS, "path": "data/v.txt", "filename_suffix": ".txt"}}
    team.main_saves(conf, "2030-01-01T00.00.00.000Z", v="main")
    branch = team.branch(conf, "2030-01-02T00.00.00.000Z")
    assert list(branch.load("all")) == ["2030-01-01T00.00.00.000Z/v"]
    with pytest.raises(SaveRefusedError, match="versions of another entry"):
        branch["all"].save({"2030-01-03T00.00.00.000Z/v": "new"})
    branch.save("v", "branch")
    assert team.branch(conf).load("v") == "branch"
    # What the branch has there is no partition of main's, so that neither side alone would be right.
    with pytest.raises(DatasetError, match="kind versioned"):
        branch.load("all")
