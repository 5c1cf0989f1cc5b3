"""What plain Kedro refuses on main's data is refused on the branch too: it would fail on the day of the merge.

Each program runs twice, in plain Kedro on a private copy of main's data and with steel_toes on a branch.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kedro.io import AbstractDataset, DataCatalog, DatasetError

from steel_toes.errors import UnwrittenError
from support.team import Team, shown

pytestmark = pytest.mark.contract

TEXT = {"type": "text.TextDataset"}
PARTS = {"type": "partitions.PartitionedDataset", "dataset": TEXT}
V = ["2030-01-01T00.00.00.000Z", "2030-01-02T00.00.00.000Z"]


class Chapters(AbstractDataset):
    """A user's class that makes a directory of its location, and replaces what was there."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def load(self) -> list[str]:
        return [path.read_text() for path in sorted(self._folder.iterdir())]

    def save(self, data: list[str]) -> None:
        if self._folder.is_dir():
            shutil.rmtree(self._folder)
        self._folder.mkdir(parents=True)
        for number, text in enumerate(data):
            (self._folder / f"{number}.txt").write_text(text)

    def _describe(self) -> dict[str, Any]:
        return {"folder": str(self._folder)}


class Bare(AbstractDataset):
    """A user's class that leaves it to its users to make the folder."""

    def __init__(self, filepath: str) -> None:
        self._filepath = Path(filepath)

    def load(self) -> str:
        return self._filepath.read_text()

    def save(self, data: str) -> None:
        self._filepath.write_text(data)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


class Silent(AbstractDataset):
    """A class that makes a directory and writes nothing into it."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def load(self) -> str:
        return ""

    def save(self, data: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)

    def _describe(self) -> dict[str, Any]:
        return {}


def answer(call: Callable[[], Any]) -> Any:
    """What a call gives, or that it fails."""
    try:
        return call()
    except DatasetError:
        return "refused"


CHAPTERS = {"type": Chapters, "folder": "data/x"}
TEACHING = {"location_parameters": {f"{__name__}.Chapters": "folder", f"{__name__}.Silent": "folder"}}
FILE = {**TEXT, "filepath": "data/x"}
VERSIONS = {**FILE, "versioned": True}
P = {**PARTS, "path": "data/p"}
# Main's entry and data, the branch's entry and data.
CASES: dict[str, tuple[Any, Any, Any, Any]] = {
    "versions over a file": (
        FILE,
        "main",
        {**TEXT, "filepath": "data/x", "versioned": True},
        "b",
    ),
    "a file over a directory": (CHAPTERS, ["main"], FILE, "b"),
    "a file over versions": (
        {**TEXT, "filepath": "data/x", "versioned": True},
        "m",
        FILE,
        "b",
    ),
    "a directory over a file": (FILE, "main", {**PARTS, "path": "data/x"}, {"a": "b"}),
    "a partition over a directory": (
        P,
        {"x/y": "m"},
        P,
        {"x": "b"},
    ),
    "a partition under a file": (P, {"x": "m"}, P, {"x/y/z": "b"}),
}
ALLOWED: dict[str, tuple[Any, Any, Any, Any]] = {
    "a directory over a directory": (CHAPTERS, ["main", "two"], CHAPTERS, ["b"]),
    "partitions over partitions": (
        P,
        {"x/y": "m"},
        P,
        {"x/z": "b"},
    ),
    "a file over a file": (FILE, "main", FILE, "b"),
    "in a folder that main has": ({**TEXT, "filepath": "data/d/y"}, "m", {"type": Bare, "filepath": "data/d/x"}, "b"),
}


class TestFirstSaves:
    """The first save of an entry whose main copy is of another kind."""

    @pytest.mark.parametrize("case", [*CASES, *ALLOWED])
    def test_as_plain_kedro(self, team: Team, case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It fails where plain Kedro fails, and leaves nothing; and it succeeds where plain Kedro does."""
        main_entry, main_data, entry, data = {**CASES, **ALLOWED}[case]
        DataCatalog.from_config({"x": main_entry}, save_version=V[0]).save("x", main_data)
        team.main = team.objects()
        shutil.copytree(team.folder, tmp_path / "copy")
        monkeypatch.chdir(tmp_path / "copy")
        plain = DataCatalog.from_config({"x": entry}, save_version=V[1])
        expected = answer(lambda: plain.save("x", data))
        assert (expected == "refused") == (case in CASES)
        monkeypatch.chdir(team.folder)
        branch = team.branch({"x": entry}, **TEACHING)
        assert answer(lambda: branch.save("x", data)) == expected
        if case in CASES:
            left = {path.name for path in (team.folder / "data").rglob("*") if "--" in path.name and path.is_file()}
            assert not left
        else:
            monkeypatch.chdir(tmp_path / "copy")
            expected_data = shown(plain.load("x"))
            monkeypatch.chdir(team.folder)
            assert shown(team.branch({"x": entry}, **TEACHING).load("x")) == shown(branch.load("x")) == expected_data

    def test_what_stood_in_the_way_is_no_data(self, team: Team) -> None:
        """A class that writes nothing where main has a directory has saved nothing: that is an error."""
        DataCatalog.from_config({"x": CHAPTERS}).save("x", ["main"])
        team.main = team.objects()
        branch = team.branch({"x": {"type": Silent, "folder": "data/x"}}, **TEACHING)
        with pytest.raises(UnwrittenError):
            branch["x"].save("b")

    def test_after_an_overwrite(self, team: Team) -> None:
        """What an overwrite has removed stands in no partition's way."""
        conf = {"p": {**PARTS, "path": "data/p", "overwrite": True}}
        team.main_saves(conf, p={"x/y": "main"})
        branch = team.branch(conf)
        branch.save("p", {"z": "branch"})
        branch.save("p", {"x": "branch"})
        assert shown(team.branch(conf).load("p")) == {"x": "branch"}


@pytest.mark.parametrize("version", ["..", "../../other", "a/../b"])
def test_a_version_that_leads_out(team: Team, version: str) -> None:
    """A version with `..` is refused before anything is written."""
    conf = {"v": {**TEXT, "filepath": "data/v.txt", "versioned": True}}
    catalog = team.plain(conf, version)
    team.hook("feature/x").after_catalog_created(catalog, version)
    before = team.objects()
    with pytest.raises(DatasetError, match=r"has `/` or `\.\.` in it"):
        catalog["v"].save("x")
    assert team.objects() == before


class Once:
    """A mapping whose items can be asked once."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._items = iter(data.items())

    def items(self) -> Any:
        """The items, the first time."""
        return self._items


class TestPartitions:
    """What partitions are saved as."""

    CONF = {"p": P}  # noqa: RUF012

    def test_items_are_asked_once(self, team: Team) -> None:
        """A mapping may give its items once: all of them are saved."""
        branch = team.branch(self.CONF)
        branch.save("p", Once({"a": "1", "b": "2"}))
        assert shown(branch.load("p")) == {"a": "1", "b": "2"}

    @pytest.mark.parametrize("partition_id", [2, ("a",), None, b"a"])
    def test_an_id_is_a_text(self, team: Team, partition_id: Any) -> None:
        """Any other id is refused before anything is written, as a DatasetError, as in plain Kedro."""
        team.main_saves(self.CONF, p={"1": "main"})
        with pytest.raises(DatasetError, match="is no text"):
            team.branch(self.CONF)["p"].save({"1": "branch", partition_id: "x"})
        assert shown(team.branch(self.CONF).load("p")) == {"1": "main"}

    def test_mains_own_partition(self, team: Team) -> None:
        """Main's dataset behind a partition is blocked: nothing that a load gives can write main."""
        team.main_saves(self.CONF, p={"a": "main"})
        partition = team.branch(self.CONF).load("p")["a"]
        inner = partition.load_main.__self__
        with pytest.raises(DatasetError, match="blocked"):
            inner.save("branch")

    def test_an_overwrite_that_reads_what_it_removes(self, team: Team) -> None:
        """Partitions that are loaded while they are saved are gone by then, as in plain Kedro."""
        conf = {"p": {**self.CONF["p"], "overwrite": True}}
        team.main_saves(conf, p={"a": "main", "b": "main"})
        branch = team.branch(conf)
        loads = branch.load("p")
        with pytest.raises(DatasetError, match="removed by this save"):
            branch["p"].save({"a": lambda: loads["a"]() + " again"})
        assert shown(team.branch(conf).load("p")) == {"a": "main", "b": "main"}
        branch["p"].save({"a": "new", "b": lambda: branch.load("p")["a"]() + "er"})
        assert shown(team.branch(conf).load("p")) == {"a": "new", "b": "newer"}

    def test_auto_mkdir(self, team: Team) -> None:
        """An entry that makes no folders saves where main has its folder, inside another's partitions too."""
        conf = {**self.CONF, "q": {**TEXT, "filepath": "data/p/q", "fs_args": {"auto_mkdir": False}}}
        team.main_saves(conf, p={"a": "main"})
        branch = team.branch(conf)
        branch.save("q", "branch")
        assert shown(team.branch(conf).load("p")) == {"a": "main", "q": "branch"}
