"""Links at a branch copy's place: nothing is written through one, and nothing is removed through one.

The component that carries the slug, and everything below it, is no symbolic link. Above it a link is legal. A hard link
is main's own file, which is refused, or some other's, from which the copy parts before it is written.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DataCatalog, DatasetError

from steel_toes.errors import LinkError
from steel_toes.stores.local import LocalStore
from support.entries import Folder
from support.places import refused
from support.team import SLUG, Team, shown

pytest.importorskip("kedro_datasets.text", reason="the data is text")

TEXT = {"type": "text.TextDataset"}
PARTS = {"type": "partitions.PartitionedDataset", "dataset": TEXT, "filename_suffix": ".txt"}
V = [f"2030-01-0{day}T00.00.00.000Z" for day in (1, 2, 3)]
CONF = {
    "a": {**TEXT, "filepath": "data/02/a.txt"},
    "b": {**TEXT, "filepath": "data/02/b.txt"},
    "log": {**TEXT, "filepath": "data/02/log.txt", "fs_args": {"open_args_save": {"mode": "a"}}},
    "v": {**TEXT, "filepath": "data/02/v.txt", "versioned": True},
    "p": {**PARTS, "path": "data/02/p"},
    "inner": {**TEXT, "filepath": "data/02/p/deep/z.txt"},
    "over": {**PARTS, "path": "data/02/over", "overwrite": True},
    "inc": {**PARTS, "type": "partitions.IncrementalDataset", "path": "data/02/inc"},
    "folder": {"type": Folder, "path": "data/02/folder"},
}
MAIN: dict[str, Any] = {
    **dict.fromkeys(("a", "b", "log", "v"), "main"),
    **{name: {"a": "main", "deep/b": "main"} for name in ("p", "over", "inc")},
    "inner": "main",
    "folder": {"x": "main", "y": "main"},
}
NEW: dict[str, Any] = {
    **dict.fromkeys(("a", "b", "log", "v", "inner"), "branch"),
    **{name: {"a": "branch", "deep/b": "branch"} for name in ("p", "over", "inc")},
    "folder": {"x": "branch"},
}


class LinkedTeam(Team):
    """A team in whose folder there are links: of main, what it saved is compared, each file by its own path."""

    def mains(self) -> dict[str, tuple[bytes, Any]]:
        """Main's files."""
        if not self.main:
            return super().mains()
        paths = {path: Path(self.watched, path) for path in self.main}
        return {name: (path.read_bytes(), path.stat().st_mtime_ns) for name, path in paths.items() if path.is_file()}


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    """A team's folder in which main has saved everything; main's bytes are compared when the test ends."""
    team = LinkedTeam.on_disk(tmp_path / "team")
    team.main_saves(CONF, V[0], **MAIN)
    catalog = team.plain(CONF, V[0])
    catalog.load("inc")
    catalog.confirm("inc")
    team.main = {}
    team.main = team.mains()
    yield team
    team.check()


def data(team: Team, name: str) -> Path:
    """A path in the team's data: `a.txt` is main's, `a--.txt` the branch's."""
    return team.folder / "data/02" / name.replace("--", f"--{SLUG}")


def everything(team: Team) -> dict[str, tuple[Any, ...]]:
    """All that lies in the team's folder, links themselves too."""
    state = {}
    for path in sorted(team.folder.rglob("*")):
        stat = path.lstat()
        content = path.readlink() if path.is_symlink() else path.is_file() and path.read_bytes()
        state[str(path)] = (stat.st_ino, content, *((stat.st_mtime_ns, stat.st_nlink) if content else ()))
    return state


def link(team: Team, name: str, target: str) -> Path:
    """Put a symbolic link in the place of what lies there."""
    path = data(team, name)
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    return path


def twin(team: Team, name: str, of: str) -> Path:
    """Put a hard link in the place of what lies there."""
    path = data(team, name)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    os.link(data(team, of), path)
    return path


def save_refused(team: Team, name: str, path: Path, act: Callable[[DataCatalog], Any] | None = None) -> None:
    """A save is refused, its error names the link and what to do, and nothing at all has changed."""
    before = everything(team)
    catalog = team.branch(CONF, V[1])
    with refused(LinkError) as caught:
        act(catalog) if act else catalog.save(name, NEW[name])
    assert (caught[0].link, caught[0].dataset) == (str(path), name)
    assert str(path) in str(caught[0])
    assert caught[0].remedy in str(caught[0])
    assert everything(team) == before


class TestSymbolic:
    """A symbolic link at the component that carries the slug, or below it, is refused before anything is written."""

    @pytest.mark.parametrize("is_saved", [False, True])
    @pytest.mark.parametrize("target", ["a.txt", "nowhere.txt", "b.txt"])
    def test_the_copy(self, team: Team, target: str, is_saved: bool) -> None:
        """The copy itself, with a record or without; also one that leads nowhere, where a save would make a file."""
        if is_saved:
            team.branch(CONF).save("a", "branch")
        save_refused(team, "a", link(team, "a--.txt", target))
        assert not data(team, "nowhere.txt").exists()

    @pytest.mark.parametrize("name", ["log", "p", "over", "folder", "inner"])
    @pytest.mark.parametrize("is_saved", [False, True])
    def test_the_copy_of_each_kind(self, team: Team, name: str, is_saved: bool) -> None:
        """An append, partitions, an overwrite, a directory, and what lies in a directory that another entry lists."""
        if is_saved:
            team.branch(CONF).save(name, NEW[name])
        top = {"log": "log--.txt", "inner": "p--"}.get(name, f"{name}--")
        save_refused(team, name, link(team, top, top.replace("--", "")))

    @pytest.mark.parametrize(
        ("name", "place", "target"),
        [
            ("p", "p--/a.txt", "../p/a.txt"),
            ("p", "p--/a.txt", "../nowhere/a.txt"),
            ("p", "p--/deep", "../p/deep"),
            ("p", "p--/deep/b.txt", "../../p/deep/b.txt"),
            ("inner", "p--/deep", "../p/deep"),
            ("inner", "p--/deep/z.txt", "../../p/deep/z.txt"),
            ("over", "over--/z/unrelated.txt", "../../over/a.txt"),
            ("over", "over--/deep", "../over/deep"),
            ("v", "v--.txt", "v.txt"),
            ("v", f"v--.txt/{V[1]}", f"../v.txt/{V[0]}"),
            ("v", f"v--.txt/{V[1]}/v--.txt", f"../../v.txt/{V[0]}/v.txt"),
            ("folder", "folder--/x", "../folder/x"),
            ("folder", "folder--/y", "../folder/y"),
            ("folder", "folder--/deep/er", "../../folder"),
        ],
    )
    @pytest.mark.parametrize("is_saved", [False, True])
    def test_inside(self, team: Team, name: str, place: str, target: str, is_saved: bool) -> None:
        """A file or a folder inside the copy, at any depth, that a save writes, passes through or removes."""
        if is_saved:
            team.branch(CONF, V[2]).save(name, NEW[name])
        save_refused(team, name, link(team, place, target))

    def test_confirm(self, team: Team) -> None:
        """A checkpoint is written by `confirm`."""
        team.branch(CONF).save("inc", {"z": "branch"})
        save_refused(team, "inc", link(team, "inc--/CHECKPOINT", "../inc/CHECKPOINT"), lambda made: made.confirm("inc"))

    def test_another_partition(self, team: Team) -> None:
        """A link that the save does not pass is no concern of it: the others of a directory are saved."""
        link(team, "p--/other.txt", "../p/a.txt")
        team.branch(CONF).save("p", {"b": "branch"})
        assert shown(team.branch(CONF).load("p")) == {**MAIN["p"], "b": "branch", "deep/z": "main"}

    @pytest.mark.parametrize("place", ["02", "02/p"])
    def test_above(self, team: Team, tmp_path: Path, place: str) -> None:
        """What lies above may be reached through a link: the data may lie on another disk."""
        folder = team.folder / "data" / place
        shutil.move(folder, tmp_path / "disk")
        folder.symlink_to(tmp_path / "disk")
        for name in ("a", "p", "inner", "folder"):
            team.branch(CONF).save(name, NEW[name])
        assert shown(team.branch(CONF).load("p")) == {**NEW["p"], "deep/z": "branch"}
        folder.unlink()
        shutil.move(tmp_path / "disk", folder)

    @pytest.mark.parametrize("is_saved", [False, True])
    @pytest.mark.parametrize("of", ["folder", "record"])
    def test_the_record(self, team: Team, tmp_path: Path, of: str, is_saved: bool) -> None:
        """A record's folder carries the slug: neither it nor a record in it is a link, and no lock is put there."""
        if is_saved:
            team.branch(CONF).save("a", "branch")
        folder = team.folder / "data/_steel_toes" / SLUG
        folder.mkdir(parents=True, exist_ok=True)
        (path,) = list(folder.glob("*.json")) or [Path(branched(team).path)]
        place = folder if of == "folder" else path
        elsewhere = tmp_path / "elsewhere"
        if place.exists():
            shutil.move(place, elsewhere)
        elif of == "folder":
            elsewhere.mkdir()
        place.symlink_to(elsewhere)
        save_refused(team, "a", path if of == "record" else folder)
        assert of == "record" or is_saved or not list(elsewhere.iterdir())

    def test_the_folder_of_all_records(self, team: Team, tmp_path: Path) -> None:
        """Above the slug it is legal here too."""
        (tmp_path / "records").mkdir()
        (team.folder / "data/_steel_toes").symlink_to(tmp_path / "records")
        team.branch(CONF).save("a", "branch")
        assert team.branch(CONF).load("a") == "branch"
        assert list((tmp_path / "records" / SLUG).glob("*.json"))

    def test_a_load_reads_through(self, team: Team, tmp_path: Path) -> None:
        """A copy that was moved away and linked has its identity: it is read, and `exists`; a save says what to do."""
        team.branch(CONF).save("a", "branch")
        shutil.move(data(team, "a--.txt"), tmp_path / "moved.txt")
        path = link(team, "a--.txt", str(tmp_path / "moved.txt"))
        assert team.branch(CONF).exists("a")
        assert team.branch(CONF).load("a") == "branch"
        save_refused(team, "a", path)
        path.unlink()
        team.branch(CONF).save("a", "again")
        assert team.branch(CONF).load("a") == "again"


def branched(team: Team) -> Any:
    """The ledger of `a`."""
    from steel_toes.datasets.proxy import branched_of

    return branched_of(team.branch(CONF).get("a")).place.ledger


class TestHard:
    """A hard link is main's own file, which is refused; from another's the copy parts before it is written."""

    @pytest.mark.parametrize(
        ("name", "place", "of"),
        [
            ("a", "a--.txt", "a.txt"),
            ("log", "log--.txt", "log.txt"),
            ("p", "p--/a.txt", "p/a.txt"),
            ("p", "p--/deep/b.txt", "p/deep/b.txt"),
            ("inner", "p--/deep/z.txt", "p/deep/z.txt"),
            ("over", "over--/a.txt", "over/a.txt"),
            ("folder", "folder--/x", "folder/x"),
            ("folder", "folder--/x", "folder/y"),
        ],
    )
    @pytest.mark.parametrize("is_saved", [False, True])
    def test_of_main(self, team: Team, name: str, place: str, of: str, is_saved: bool) -> None:
        """Main's own file under the copy's name is refused: a save would write it."""
        if is_saved:
            team.branch(CONF).save(name, NEW[name])
        save_refused(team, name, twin(team, place, of))

    def test_of_mains_checkpoint(self, team: Team) -> None:
        """A checkpoint too."""
        team.branch(CONF).save("inc", {"z": "branch"})
        save_refused(team, "inc", twin(team, "inc--/CHECKPOINT", "inc/CHECKPOINT"), lambda made: made.confirm("inc"))

    @pytest.mark.parametrize("name", ["a", "log", "p", "inner", "over", "folder", "inc"])
    def test_a_snapshot(self, team: Team, tmp_path: Path, name: str) -> None:
        """After `cp -al` (rsnapshot, DVC) a save changes the copy and neither main's nor the snapshot."""
        team.branch(CONF).save(name, NEW[name])
        shutil.copytree(team.folder / "data", tmp_path / "snapshot", copy_function=os.link)
        before = {path: path.read_bytes() for path in (tmp_path / "snapshot").rglob("*") if path.is_file()}
        more = {"x": "again"} if isinstance(NEW[name], dict) else "again"
        team.branch(CONF).save(name, more)
        assert {path: path.read_bytes() for path in before} == before
        loaded = shown(team.branch(CONF).load(name))
        if name == "log":
            assert loaded == "mainbranchagain"
        else:
            assert (loaded if isinstance(more, str) else loaded["x"]) == "again"

    def test_with_its_times(self, team: Team, tmp_path: Path) -> None:
        """The copy's identity stays, so that a save that fails before it writes leaves what there was."""
        team.branch(CONF).save("p", NEW["p"])
        path = data(team, "p--/a.txt")
        os.link(path, tmp_path / "backup.txt")
        path.chmod(0o640)
        before = path.stat()

        def fail() -> None:
            raise OSError

        with pytest.raises(DatasetError):
            team.branch(CONF).save("p", {"a": fail})
        after = path.stat()
        assert (after.st_size, after.st_mtime_ns, after.st_mode) == (before.st_size, before.st_mtime_ns, before.st_mode)
        assert (after.st_nlink, after.st_ino == before.st_ino) == (1, False)
        assert shown(team.branch(CONF).load("p")) == {**NEW["p"], "deep/z": "main"}
        assert not list(path.parent.glob(".*"))

    def test_protected(self, team: Team, tmp_path: Path) -> None:
        """DVC takes the right to write from what it links; a file of the copy's own can be written."""
        team.branch(CONF).save("a", "branch")
        path = data(team, "a--.txt")
        os.link(path, tmp_path / "cache")
        path.chmod(0o444)
        team.branch(CONF).save("a", "again")
        assert team.branch(CONF).load("a") == "again"
        assert path.stat().st_mode & 0o777 == 0o644
        assert ((tmp_path / "cache").read_text(), (tmp_path / "cache").stat().st_mode & 0o777) == ("branch", 0o444)

    def test_of_another_entry(self, team: Team) -> None:
        """What is another entry's main copy is parted from too."""
        team.branch(CONF).save("a", "branch")
        twin(team, "a--.txt", "b.txt")
        team.branch(CONF).save("a", "again")
        assert (team.branch(CONF).load("a"), team.branch(CONF).load("b")) == ("again", "main")

    def test_a_stranger(self, team: Team, tmp_path: Path) -> None:
        """A file without a record is ignored, whatever other names it has: it is not parted from them."""
        (tmp_path / "mine").write_text("mine")
        os.link(tmp_path / "mine", data(team, "a--.txt"))
        before = everything(team)
        with pytest.raises(DatasetError, match="data without a record"):
            team.branch(CONF).save("a", "branch")
        kept = {path: state for path, state in everything(team).items() if "_steel_toes" not in path}
        assert kept == {path: state for path, state in before.items() if path in kept}

    def test_a_record(self, team: Team, tmp_path: Path) -> None:
        """A record is put whole, in the place of the old one: a hard link to that keeps the old."""
        team.branch(CONF).save("a", "branch")
        path = Path(branched(team).path)
        os.link(path, tmp_path / "backup.json")
        before = path.read_bytes()
        team.branch(CONF).save("a", "again")
        assert (tmp_path / "backup.json").read_bytes() == before != path.read_bytes()


class TestCost:
    """Links are sought without a look at what a save does not write."""

    def test_each_is_looked_at_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """One look at each path, and one at each folder, however many lie in it."""
        names = [f"{folder}/{number}.txt" for folder in range(10) for number in range(100)]
        for name in names:
            (tmp_path / "p--x" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "p--x" / name).write_text("")
        looks: list[str] = []
        lstat = os.lstat
        monkeypatch.setattr(os, "lstat", lambda path: looks.append(path) or lstat(path))
        top = f"{tmp_path}/p--x"
        assert LocalStore("p", "disk").links(top, [f"{top}/{name}" for name in names]) == ("", {})
        monkeypatch.undo()
        assert len(looks) == len(set(looks)) == 1000 + 10 + 1

    def test_ten_thousand(self, tmp_path: Path) -> None:
        """One partition beside 10,000, and 10,000 hard links: a save is no slower than their number."""
        store = LocalStore("p", "disk")
        top, main = tmp_path / "p--x", tmp_path / "p"
        top.mkdir()
        main.mkdir()
        for number in range(10_000):
            (main / f"{number}").touch()
        for number in range(10_000):
            os.link(main / f"{number}", top / f"{number}")
        start = time.process_time()
        assert len(store.links(str(top), [f"{top}/1"]).hard) == 1
        assert time.process_time() - start < 0.005
        start = time.process_time()
        assert len(store.links(str(top), [str(top)]).hard) == len(store.inodes([str(main)])) == 10_000
        assert time.process_time() - start < 2
