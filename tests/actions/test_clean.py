"""`clean` as people use it: real commands in a real Kedro project, a real clone, and real remotes.

The first class is what steel-toes 0.5.0 did to people's data. Its `clean-branch` went through the current catalog and
deleted what that catalog resolved to: the current branch's data, whatever branch was named; and main's, if none was.
"""

import json
import os
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DatasetError

from steel_toes.actions import removal
from steel_toes.actions.clean import Wish, make_plan
from steel_toes.actions.plan import CleanPlan
from steel_toes.actions.removal import apply
from steel_toes.cli.project import Project as KedroProject
from steel_toes.datasets.proxy import branched_of
from steel_toes.records.place import Side
from steel_toes.records.units import WHOLE
from steel_toes.records.write import Write
from steel_toes.stores.local import LocalStore
from support.git import git
from support.project import Project

pytest.importorskip("kedro_datasets.text", reason="the project's data is text")

CATALOG = """
table: {type: text.TextDataset, filepath: data/02/table.txt}
model: {type: text.TextDataset, filepath: data/03/model.txt, versioned: true}
parts:
  type: partitions.PartitionedDataset
  path: data/02/parts
  dataset: text.TextDataset
"{name}_note": {type: text.TextDataset, filepath: "data/02/notes/{name}.txt"}
"""
REGISTRY = """
from kedro.pipeline import Pipeline, node


def make(branch):
    return branch, branch, {"a": branch, "b": branch}, branch


def register_pipelines():
    return {"__default__": Pipeline([node(make, "params:word", ["table", "model", "parts", "own_note"])])}
"""
FILES = {
    "conf/base/catalog.yml": CATALOG,
    "conf/base/parameters.yml": "word: nothing\n",
    "src/shed/pipeline_registry.py": REGISTRY,
}


class Shed(Project):
    """A Kedro project in a clone, and its commands."""

    package = "shed"

    def of(self, branch: str) -> set[str]:
        """The files that a branch wrote: its name is all that it writes, and its records say it."""
        words = (branch.encode(), f'"branch": "{branch}"'.encode())
        new = {path: data for path, data in self.files().items() if path not in self.mains}
        own = {path for path, data in new.items() if data == words[0] or words[1] in data}
        return own | {f"{path}.lock" for path in own if f"{path}.lock" in new}

    def run(self, word: str) -> None:
        """Run the pipeline, which writes that word everywhere."""
        with self.session(word=word) as session:
            session.run()

    def save_on(self, branch: str, *, pushed: str = "") -> None:
        """Run the pipeline on a branch, on which we stay; before that, push it to that remote."""
        self.switch(branch)
        if pushed:
            self.git("push", "-q", "-u", pushed, branch)
        self.run(branch)

    def save_in_ci(self, branch: str, **variables: str) -> None:
        """Run the pipeline where HEAD is detached and CI tells the branch."""
        self.git("switch", "-q", "--detach")
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {"GITHUB_ACTIONS": "true", **variables}.items():
                patch.setenv(name, value)
            self.run(branch)
        self.git("switch", "-q", "main")

    def forget(self, branch: str, remote: str = "") -> None:
        """Delete a branch here and, if one is given, on a remote; we are on main afterwards."""
        self.git("switch", "-q", "main")
        if self.git("branch", "--list", branch):
            self.git("branch", "-q", "-D", branch)
        if remote:
            self.git("push", "-q", remote, f":{branch}")

    def age(self, by: timedelta) -> None:
        """Let that time go by since the last save."""
        for path in self.folder.glob("data/**/_steel_toes/**/*.json"):
            stat = path.stat()
            os.utime(path, (stat.st_atime, stat.st_mtime - by.total_seconds()))

    def clean(self, *arguments: str) -> Any:
        """Call `steel-toes clean` in the project's folder, and give what it printed and its plan."""
        out = self.folder / "plan.json"
        out.unlink(missing_ok=True)
        done = self.call("clean", *arguments, "--output", str(out), exit_code=None)
        done.plan = json.loads(out.read_text()) if out.exists() else None
        return done


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    return tmp_path / "origin.git"


@pytest.fixture
def shed(tmp_path: Path, origin: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shed]:
    """A clone on main, whose pipeline has run there; what main has must be the same when the test is over."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    folder = tmp_path / "shed"
    Shed.committed(folder, FILES, monkeypatch)
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(origin))
    git(folder, "remote", "add", "origin", str(origin))
    git(folder, "push", "-q", "-u", "origin", "main")
    monkeypatch.chdir(folder)
    Shed(folder, monkeypatch).run("main's")
    shed = Shed(folder, monkeypatch)
    assert len(shed.mains) == 5
    yield shed
    shed.assert_main_unchanged()


STALE = ("--stale", "--grace", "0h", "--yes")


class TestWhatTheFirstVersionDid:
    """Four wrong deletions of steel-toes 0.5.0, each of which happened to somebody."""

    def test_another_branch(self, shed: Shed) -> None:
        """The branch that is named is cleaned, and not the one that is checked out."""
        shed.save_on("other")
        shed.save_on("feature/x")
        mine = {path: data for path, data in shed.files().items() if path not in shed.of("other")}
        assert shed.of("feature/x")
        assert shed.clean("--branch", "other", "--yes").exit_code == 0
        assert shed.files() == mine

    def test_all_of_another_branch(self, shed: Shed) -> None:
        """Of the branch that is named nothing is kept: no data, no version, no partition, no record, no folder."""
        shed.save_on("other")
        shed.save_on("other")
        shed.git("switch", "-q", "main")
        assert shed.clean("--branch", "other", "--yes").exit_code == 0
        assert shed.files() == shed.mains
        assert not list(shed.folder.glob("data/**/*other*"))

    @pytest.mark.parametrize("name", ["", " ", "main", "master"])
    @pytest.mark.parametrize("on", ["main", "feature/x"])
    def test_no_branch(self, shed: Shed, name: str, on: str) -> None:
        """A blank name and main's own are errors, on each branch: a variable that is not set cleans nothing."""
        shed.save_on("feature/x")
        shed.git("switch", "-q", on)
        before = shed.files()
        assert shed.clean("--branch", name, "--yes").exit_code != 0
        assert shed.clean("--branch", "feature/x", "--branch", name, "--yes").exit_code != 0
        assert shed.clean("--yes").exit_code == 2
        assert shed.files() == before

    def test_another_catalog(self, shed: Shed) -> None:
        """What goes is what was written, not what today's catalog would write: renamed, moved or removed since."""
        shed.save_on("feature/x")
        shed.git("switch", "-q", "main")
        catalog = shed.folder / "conf/base/catalog.yml"
        catalog.write_text("renamed: {type: text.TextDataset, filepath: data/02/other.txt}\n")
        registry = shed.folder / "src/shed/pipeline_registry.py"
        registry.write_text("def register_pipelines():\n    return {}\n")
        done = shed.clean("--branch", "feature/x", "--yes")
        assert (done.exit_code, done.plan["left"], done.plan["failed"]) == (0, [], [])
        assert shed.files() == shed.mains


def test_a_symbolic_link_in_a_copys_place(shed: Shed) -> None:
    """Where a symbolic link leads from a branch copy to main's, the copy is left alone and reported; the rest goes."""
    shed.save_on("other")
    folder = shed.folder / "data/02/parts--other"
    shutil.rmtree(folder)
    folder.symlink_to("parts")
    done = shed.clean("--branch", "other", "--yes")
    assert (done.exit_code, len(done.plan["left"])) == (0, 1)
    assert "symbolic link" in done.stderr
    assert folder.is_symlink()
    assert not list(shed.folder.glob("data/**/table--other*"))


def test_a_symbolic_link_since_the_plan(shed: Shed) -> None:
    """A copy that became a link to main's between the plan and the yes stays, and main's with it; the rest goes."""
    shed.save_on("feature-x")
    shed.git("switch", "-q", "main")
    shed.fresh()
    plan = make_plan(KedroProject().inventory, Wish(["feature-x"]))
    folder = shed.folder / "data/02/parts--feature-x"
    shutil.rmtree(folder)
    folder.symlink_to("parts")
    problems = {removal.copy.record.dataset: removal.problem for removal in apply(plan)}
    assert len(problems) == 4
    assert {name for name, problem in problems.items() if problem} == {"parts"}
    assert "symbolic link" in problems["parts"]
    assert folder.is_symlink()


class TestLinks:
    """Nothing is removed through a symbolic link at a copy's place, and the report names the link."""

    @pytest.fixture
    def shed(self, shed: Shed) -> Shed:
        """What branch other saved, which is to be cleaned from main."""
        shed.save_on("other")
        shed.git("switch", "-q", "main")
        return shed

    @pytest.mark.parametrize(
        ("place", "target"),
        [
            ("table--other.txt", "table.txt"),
            ("table--other.txt", "nowhere.txt"),
            ("parts--other", "parts"),
            ("parts--other", "nowhere"),
            ("parts--other/a", "../parts/a"),
            ("parts--other/a", "nowhere"),
            ("../03/model--other.txt", "model.txt"),
            ("notes/own--other.txt", "own.txt"),
        ],
    )
    def test_left_alone(self, shed: Shed, place: str, target: str) -> None:
        """The copy itself, a folder or a file in it; also one that leads nowhere. All else goes."""
        path = shed.folder / "data/02" / place
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.symlink_to(target)
        done = shed.clean("--branch", "other", "--yes")
        path = path.parent.resolve() / path.name
        assert (done.exit_code, len(done.plan["left"]), len(done.plan["items"])) == (0, 1, 3)
        assert f"{path} is a symbolic link" in done.stderr
        assert path.is_symlink()
        path.unlink()
        assert shed.clean("--branch", "other", "--yes").exit_code == 0
        assert not list(shed.folder.glob("data/**/*--other*"))

    @pytest.mark.parametrize("of", ["folder", "record"])
    def test_a_record(self, shed: Shed, tmp_path: Path, of: str) -> None:
        """A record that is reached through a link stays, and its copy with it; no lock is put behind the link."""
        folder = shed.folder / "data/_steel_toes/other"
        for lock in folder.glob("*.lock"):
            lock.unlink()
        place = folder if of == "folder" else next(folder.glob("*.json"))
        shutil.move(place, tmp_path / "elsewhere")
        place.symlink_to(tmp_path / "elsewhere")
        before = shed.files()
        done = shed.clean("--branch", "other", "--yes")
        assert (done.exit_code, len(done.plan["left"])) == (0, 4 if of == "folder" else 1)
        assert f"{place} is a symbolic link" in done.stderr
        if of == "folder":
            assert shed.files() == before
            assert not list((tmp_path / "elsewhere").glob("*.lock"))
        assert (tmp_path / "elsewhere").exists()

    @pytest.mark.parametrize("when", ["planned", "announced"])
    @pytest.mark.parametrize("place", ["parts--other", "parts--other/a", "table--other.txt", "../_steel_toes/other"])
    def test_since(self, shed: Shed, when: str, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """What became a link since the plan was made, or since the removal was announced, stays, and main's with it."""
        shed.fresh()
        plan = make_plan(KedroProject().inventory, Wish(["other"]))
        path = shed.folder / "data/02" / place
        moved = path.with_name("moved")

        def swap() -> None:
            # With its times: its identity is what was planned.
            path.rename(moved)
            path.symlink_to(moved)

        def announce_and_swap(act: Any, going: Any) -> None:
            all_together(act, going)
            if not path.is_symlink():
                swap()

        if when == "planned":
            swap()
        else:
            all_together = removal.all_together
            monkeypatch.setattr(removal, "all_together", announce_and_swap)
        problems = {done.copy.record.dataset: done.problem for done in apply(plan) if done.problem}
        names = {"parts--other": {"parts"}, "parts--other/a": {"parts"}, "table--other.txt": {"table"}}
        assert problems.keys() == names.get(place, {"parts", "table", "model", "own_note"})
        assert all("is a symbolic link" in problem for problem in problems.values())
        assert path.is_symlink()
        if when == "planned":
            # Not even announced: the branch reads what it read.
            records = [json.loads(file.read_bytes()) for file in shed.folder.glob("data/_steel_toes/other/*.json")]
            assert {record["state"] for record in records} <= {"complete"}
        files = {file for file in moved.rglob("*") if file.is_file()} if moved.is_dir() else {moved}
        assert all(file.stat().st_size for file in files if file.suffix != ".lock")
        assert files

    def test_a_hard_link(self, shed: Shed, tmp_path: Path) -> None:
        """What is removed is one name: a snapshot by `cp -al` keeps the file, and so does main its own."""
        shutil.copytree(shed.folder / "data", tmp_path / "snapshot", copy_function=os.link)
        table = shed.folder / "data/02/table--other.txt"
        table.unlink()
        os.link(shed.folder / "data/02/table.txt", table)
        assert shed.clean("--branch", "other", "--yes").exit_code == 0
        assert shed.files() == shed.mains
        assert len(list((tmp_path / "snapshot").glob("**/*--other*"))) > 4


class TestMeanwhile:
    """What happens between the plan and the last deletion."""

    @pytest.fixture
    def plan(self, shed: Shed) -> CleanPlan:
        """To remove all of branch feature-x, on which we stay."""
        shed.save_on("feature-x")
        shed.fresh()
        return make_plan(KedroProject().inventory, Wish(["feature-x"]))

    def problems(self, plan: CleanPlan) -> dict[str, str]:
        """Why copies stay, once the plan is carried out."""
        return {removal.copy.record.dataset: removal.problem for removal in apply(plan) if removal.problem}

    def load(self, shed: Shed, name: str) -> Any:
        """What a new process loads."""
        with shed.session() as session:
            return session.load_context().catalog.load(name)

    def test_saved_again(self, shed: Shed, plan: CleanPlan) -> None:
        """What was saved since the plan was made stays, and is said to."""
        shed.run("saved again")
        before = shed.files()
        problems = self.problems(plan)
        assert problems.keys() == {"table", "model", "parts", "own_note"}
        assert "saved it again" in problems["table"]
        assert shed.files() == before
        assert self.load(shed, "table") == "saved again"

    def test_a_save_has_begun(self, shed: Shed, plan: CleanPlan) -> None:
        """A save that has begun since, in another process, keeps its copy; here its lock does."""
        with shed.session() as session:
            place = branched_of(session.load_context().catalog.get("table")).place
        with place.ledger.transaction(Write((WHOLE,)), lambda units: place.identities(Side.BRANCH, units)):
            assert self.problems(plan) == {"table": "it is being saved"}
            Path(place.branch_path).write_text("saved meanwhile")
        assert self.load(shed, "table") == "saved meanwhile"
        assert self.load(shed, "own_note") == "main's"

    def test_an_object_that_changed(self, shed: Shed, plan: CleanPlan) -> None:
        """A file that is another than was planned stays; its record stays with it, and a new plan ends both."""
        table = shed.folder / "data/02/table--feature-x.txt"
        table.write_text("by hand, since the plan")
        problems = self.problems(plan)
        assert list(problems) == ["table"]
        assert "1 file of it changed since the plan was made" in problems["table"]
        assert table.read_text() == "by hand, since the plan"
        assert self.load(shed, "table") == "main's"
        with pytest.raises(DatasetError, match=r"being removed by `steel-toes clean`.*--branch feature-x table"):
            self.save(shed, "table")
        (row,) = shed.clean("--branch", "feature-x").plan["items"]
        assert (row["dataset"], row["condition"]) == ("table", "being removed")
        assert shed.clean("--branch", "feature-x", "--yes").exit_code == 0
        assert not shed.of("feature-x")

    def save(self, shed: Shed, name: str) -> None:
        """Save in a new process."""
        with shed.session() as session:
            session.load_context().catalog.save(name, "new")

    @pytest.mark.parametrize("where", ["_remove_objects", "_remove_record", "_remove_locks"])
    def test_killed(self, shed: Shed, plan: CleanPlan, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A removal that was killed is ended by the next one; in between the branch reads main's, or saves anew."""
        child = os.fork()
        if not child:
            monkeypatch.setattr(f"steel_toes.actions.removal.{where}", lambda _: os._exit(9))
            list(apply(plan))
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        assert self.load(shed, "table") == "main's"
        assert {path.split("--")[0] for path in self.load(shed, "parts")} == {"a", "b"}
        if where != "_remove_objects":
            self.save(shed, "table")
            assert self.load(shed, "table") == "new"
        assert shed.clean("--branch", "feature-x", "--yes").exit_code == 0
        left = {path for path in shed.of("feature-x") if not path.endswith(".lock")}
        assert not left

    def test_killed_after_a_killed_overwrite(self, shed: Shed, monkeypatch: pytest.MonkeyPatch) -> None:
        """What a killed overwrite left goes too, also by a removal that was killed and is called again."""
        shed.save_on("feature-x")
        for name in ("c", "d"):
            (shed.folder / f"data/02/parts--feature-x/{name}").write_text("half")
        (path,) = [
            path for path in shed.folder.glob("data/_steel_toes/feature-x/*.json") if b"parts" in path.read_bytes()
        ]
        record = json.loads(path.read_text())
        killed = {"state": "writing", "data": {}, "doubt": {"/": ["killed"]}, "was": record}
        path.write_text(json.dumps({**record, **killed}))
        shed.fresh()
        plan = make_plan(KedroProject().inventory, Wish(["feature-x"]))
        child = os.fork()
        if not child:
            monkeypatch.setattr("steel_toes.actions.removal._remove_objects", lambda _: os._exit(9))
            list(apply(plan))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        with pytest.raises(DatasetError, match="being removed"):
            self.save_parts(shed)
        assert shed.clean("--branch", "feature-x", "--yes").exit_code == 0
        assert not list(shed.folder.glob("data/02/parts--feature-x*"))
        self.save_parts(shed)

    def save_parts(self, shed: Shed) -> None:
        """Save another partition in a new process."""
        with shed.session() as session:
            session.load_context().catalog.save("parts", {"z": "new"})

    def test_a_store_that_fails(self, shed: Shed, plan: CleanPlan, monkeypatch: pytest.MonkeyPatch) -> None:
        """One file that cannot be deleted keeps its copy and its record; the others go."""
        remove = LocalStore._remove_file

        def remove_but_one(store: LocalStore, path: str) -> None:
            if "table--" in path:
                raise PermissionError(path)
            remove(store, path)

        monkeypatch.setattr(LocalStore, "_remove_file", remove_but_one)
        problems = self.problems(plan)
        assert list(problems) == ["table"]
        assert "PermissionError" in problems["table"]
        monkeypatch.undo()
        monkeypatch.chdir(shed.folder)
        assert self.load(shed, "table") == "main's"
        assert shed.clean("--branch", "feature-x", "--yes").exit_code == 0
        assert not shed.of("feature-x")


def test_data_that_is_not_mounted(shed: Shed) -> None:
    """A record elsewhere, none of whose files is there, is left alone: the data's disk may not be mounted."""
    settings = shed.folder / "src/shed/settings.py"
    settings.write_text(settings.read_text().replace("SteelToes(", 'SteelToes(records="records", '))
    shed.save_on("feature-x")
    data, away = shed.folder / "data", shed.folder / "away"
    data.rename(away)
    done = shed.clean("--branch", "feature-x", "--yes")
    assert len(done.plan["left"]) == 4
    assert "may not be mounted" in done.stderr
    away.rename(data)
    with shed.session() as session:
        assert session.load_context().catalog.load("table") == "feature-x"


class TestStale:
    """What is gone, and all that only looks so."""

    def test_gone(self, shed: Shed) -> None:
        """What was deleted on the remote and here goes, and what never was a branch of that name stays."""
        shed.save_on("feature/x", pushed="origin")
        shed.save_on("feature-x")
        kept = shed.of("feature-x") - shed.of("feature/x")
        shed.forget("feature/x", "origin")
        assert shed.clean(*STALE).exit_code == 0
        assert shed.files().keys() == shed.mains.keys() | kept

    def test_nothing_without_a_yes(self, shed: Shed) -> None:
        """Without --yes the plan is printed, and nothing is changed."""
        shed.save_on("feature/x", pushed="origin")
        shed.forget("feature/x", "origin")
        before = shed.files()
        done = shed.clean(*STALE[:-1])
        assert (done.exit_code, len(done.plan["items"])) == (0, 4)
        assert shed.files() == before

    def test_grace(self, shed: Shed) -> None:
        """What was saved within the grace, a week if nobody says otherwise, is kept."""
        shed.save_on("feature/x", pushed="origin")
        shed.forget("feature/x", "origin")
        before = shed.files()
        shed.age(timedelta(days=6))
        assert shed.clean("--stale", "--yes").exit_code == 0
        assert shed.files() == before
        shed.age(timedelta(days=2))
        assert shed.clean("--stale", "--yes").exit_code == 0
        assert shed.files() == shed.mains

    def test_the_young_are_named(self, shed: Shed) -> None:
        """A gone branch whose last save is within the grace is named, with when it would go."""
        shed.save_on("feature/x", pushed="origin")
        shed.forget("feature/x", "origin")
        shed.age(timedelta(days=6))
        done = shed.clean("--stale")
        (due,) = done.plan["young"].values()
        assert timedelta(hours=23) < datetime.fromisoformat(due) - datetime.now(timezone.utc) < timedelta(hours=25)
        assert "Branch feature/x is gone, but its last save is too young. It would go from " in done.stderr
        assert shed.of("feature/x")

    def test_a_silent_remote(self, shed: Shed) -> None:
        """Whether a branch is gone is not known while its remote is silent: that is a failure, also of a young one."""
        shed.save_on("feature/x", pushed="origin")
        shed.forget("feature/x", "origin")
        before = shed.files()
        url = shed.git("remote", "get-url", "origin")
        Path(url).rename(f"{url}.away")
        done = shed.clean("--stale", "--yes")
        Path(f"{url}.away").rename(url)
        assert done.exit_code == 1
        assert "Whether branch feature/x is gone is not known" in done.stderr
        assert "Nothing to remove" not in done.stderr
        assert shed.files() == before

    @pytest.mark.parametrize("age", ["999999d", "99999999999w"])
    def test_any_age(self, shed: Shed, age: str) -> None:
        """An age beyond all dates is that of no branch."""
        shed.save_on("feature/x", pushed="origin")
        shed.forget("feature/x", "origin")
        before = shed.files()
        for options in (["--older-than", age], ["--stale", "--grace", age]):
            assert shed.clean(*options, "--yes").exit_code == 0
        assert shed.files() == before

    @pytest.mark.parametrize("name", ["fork", "team/fork", "a/b/c"])
    def test_another_remote_has_it(self, shed: Shed, name: str) -> None:
        """A branch that another remote has is not gone, whatever that remote is called."""
        other = shed.folder.parent / "other.git"
        shed.git("init", "-q", "--bare", str(other))
        shed.git("remote", "add", name, str(other))
        shed.save_on("feature/x", pushed="origin")
        shed.git("push", "-q", name, "feature/x")
        shed.git("fetch", "-q", name)
        shed.forget("feature/x", "origin")
        before = shed.files()
        for forgotten in (False, True):
            if forgotten:
                # Of a remote that is configured no more nobody knows where its name ends.
                shed.git("config", "--remove-section", f"remote.{name}")
            done = shed.clean(*STALE)
            assert (done.exit_code, done.plan["items"]) == (0, [])
            assert shed.files() == before

    def test_never_pushed(self, shed: Shed) -> None:
        """A branch that another clone never pushed is nowhere to be seen, and kept."""
        shed.save_on("feature/x")
        shed.forget("feature/x")
        before = shed.files()
        done = shed.clean(*STALE)
        assert (done.exit_code, done.plan["items"]) == (0, [])
        assert shed.files() == before

    def test_stacked(self, shed: Shed) -> None:
        """A branch that was never pushed is kept when the branch that it tracks, as Git sets it up, is deleted."""
        shed.save_on("base", pushed="origin")
        shed.git("switch", "-q", "-c", "feature/x", "origin/base")
        shed.run("feature/x")
        shed.forget("feature/x")
        shed.forget("base", "origin")
        kept = shed.of("feature/x")
        assert shed.clean(*STALE).exit_code == 0
        assert kept
        assert shed.files().keys() == shed.mains.keys() | kept

    def test_squash_merged(self, shed: Shed) -> None:
        """Merge state is not asked: what was squashed into main is kept as long as the remote has it, and then goes."""
        shed.save_on("feature/x", pushed="origin")
        shed.git("commit", "-q", "--allow-empty", "-m", "two")
        shed.git("push", "-q", "origin", "feature/x")
        shed.forget("feature/x")
        shed.git("merge", "-q", "--squash", "origin/feature/x")
        before = shed.files()
        assert shed.clean(*STALE).plan["items"] == []
        assert shed.files() == before
        shed.git("push", "-q", "origin", ":feature/x")
        assert shed.clean(*STALE).exit_code == 0
        assert shed.files() == shed.mains

    def test_here(self, shed: Shed) -> None:
        """A branch that is still here is kept, whatever the remote has; also the one that is checked out."""
        shed.save_on("feature/x", pushed="origin")
        shed.git("push", "-q", "origin", ":feature/x")
        before = shed.files()
        for on in ("feature/x", "main"):
            shed.git("switch", "-q", on)
            assert shed.clean(*STALE).plan["items"] == []
        assert shed.files() == before

    def test_shallow_clone(self, shed: Shed, origin: Path, tmp_path: Path) -> None:
        """A shallow clone of main alone knows no other branch; the remote does, and is asked."""
        shed.save_on("feature/x", pushed="origin")
        shed.save_on("feature/y", pushed="origin")
        shed.forget("feature/y", "origin")
        kept, theirs = shed.of("feature/x"), shed.folder
        git(tmp_path, "clone", "-q", "--depth", "1", "--single-branch", f"file://{origin}", "shallow")
        git(tmp_path / "shallow", "remote", "set-url", "origin", str(origin))
        shutil.copytree(theirs / "data", tmp_path / "shallow/data")
        shed.patch.chdir(tmp_path / "shallow")
        shallow = Shed(tmp_path / "shallow", shed.patch)
        assert shallow.clean(*STALE).exit_code == 0
        assert shallow.files().keys() == shed.mains.keys() | kept

    @pytest.mark.parametrize("how", ["away", "another place", "without main", "removed"])
    def test_no_answer(self, shed: Shed, origin: Path, how: str) -> None:
        """A remote that does not answer, that is not there any more or that lists no main proves nothing."""
        shed.save_on("feature/x", pushed="origin")
        shed.forget("feature/x", "origin")
        before = shed.files()
        if how == "away":
            origin.rename(origin.with_name("away.git"))
        elif how == "another place":
            shed.git("remote", "set-url", "origin", str(origin.with_name("elsewhere.git")))
        elif how == "without main":
            git(origin, "update-ref", "-d", "refs/heads/main")
        else:
            shed.git("remote", "remove", "origin")
        done = shed.clean(*STALE)
        # A remote that is there and gives no answer is a failure, for whoever runs this every night.
        is_silent = how in ("away", "without main")
        assert (done.exit_code, done.plan["items"]) == (int(is_silent), [])
        assert shed.files() == before

    def test_fork(self, shed: Shed, tmp_path: Path) -> None:
        """A branch of that name in a fork that is known here is a branch; gone is what its own remote has no more."""
        git(tmp_path, "clone", "-q", "--bare", str(tmp_path / "origin.git"), "fork.git")
        shed.git("remote", "add", "fork", str(tmp_path / "fork.git"))
        shed.save_on("feature/x", pushed="origin")
        shed.git("push", "-q", "fork", "feature/x")
        shed.save_on("feature/y", pushed="fork")
        shed.forget("feature/x", "origin")
        shed.forget("feature/y")
        before = shed.files()
        assert shed.clean(*STALE).plan["items"] == []
        assert shed.files() == before
        shed.git("push", "-q", "fork", ":feature/x", ":feature/y")
        assert shed.clean(*STALE).exit_code == 0
        assert shed.files() == shed.mains

    def test_ci(self, shed: Shed, origin: Path) -> None:
        """What CI built was on the remote, though HEAD was detached: it goes when the remote has it no more."""
        variables = {"GITHUB_REF": "refs/heads/feature/x", "GITHUB_EVENT_NAME": "push"}
        git(origin, "branch", "feature/x", "main")
        shed.save_in_ci("feature/x", **variables)
        before = shed.files()
        assert shed.of("feature/x")
        assert shed.clean(*STALE).plan["items"] == []
        assert shed.files() == before
        git(origin, "branch", "-q", "-D", "feature/x")
        assert shed.clean(*STALE).exit_code == 0
        assert shed.files() == shed.mains

    def test_request_of_a_fork(self, shed: Shed) -> None:
        """Of a fork's request nobody can tell when it is gone: it ends by its age, and by its name."""
        shed.save_in_ci("x", GITHUB_REF="refs/pull/26/merge", GITHUB_HEAD_REF="x", GITHUB_EVENT_NAME="pull_request")
        before = shed.files()
        assert shed.clean(*STALE).plan["items"] == []
        assert shed.files() == before
        assert shed.clean("--branch", "x:26", "--yes").exit_code == 0
        assert shed.files() == shed.mains

    @pytest.mark.parametrize("on", ["main", "feature/x"])
    def test_named_by_a_variable(self, shed: Shed, on: str) -> None:
        """A name that Git never had ends by its age alone, though the branch below it was pushed, and deleted since."""
        if on != "main":
            shed.git("switch", "-q", "-c", on)
            shed.git("push", "-q", "-u", "origin", on)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STEEL_TOES_BRANCH", "nightly")
            shed.run("nightly")
        if on != "main":
            shed.forget(on, "origin")
        before = shed.files()
        assert shed.of("nightly")
        assert shed.clean(*STALE).plan["items"] == []
        assert shed.files() == before
        shed.age(timedelta(days=15))
        assert shed.clean("--older-than", "2w", "--yes").exit_code == 0
        assert shed.files() == shed.mains


class TestOlder:
    """What is old enough."""

    def test_all_but_mine(self, shed: Shed) -> None:
        """Every branch whose last save is older goes, but not the one that is checked out, unless it is named."""
        shed.save_on("feature/y", pushed="origin")
        shed.save_on("feature/x")
        mine = shed.of("feature/x")
        shed.age(timedelta(days=2))
        assert shed.clean("--older-than", "36h", "--yes").exit_code == 0
        assert shed.files().keys() == shed.mains.keys() | mine
        assert shed.clean("--branch", "feature/x", "--yes").exit_code == 0
        assert shed.files() == shed.mains

    def test_one_young_copy(self, shed: Shed) -> None:
        """A branch that saved one dataset since is not old, and keeps all of them."""
        shed.save_on("feature/x")
        shed.age(timedelta(days=2))
        next(shed.folder.glob("data/_steel_toes/*/*.json")).touch()
        shed.git("switch", "-q", "main")
        before = shed.files()
        assert shed.clean("--older-than", "1d", "--yes").plan["items"] == []
        assert shed.files() == before
