"""A root of all copies: copies and records lie below it, and nothing new where main's data is."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DatasetError
from kedro_datasets.partitions import PartitionedDataset
from kedro_datasets.text import TextDataset

from steel_toes import SteelToes
from steel_toes.actions.protocol import Protocol
from steel_toes.errors import ConfigurationError, RecordError, SaveRefusedError, StoreError
from steel_toes.naming.roots import project_slug
from support.files import contents
from support.git import git
from support.project import Project
from support.servers import needs
from support.team import BRANCH, SLUG, Team

from .test_prefix import ENTRIES, SAVED, TEXT, DiskTeam, conf_of

VERSION = "2026-01-02T00.00.00.000Z"


class Rooted:
    """A team, and a root of all copies beside its data."""

    def __init__(self, team: Any, root: str) -> None:
        self.team, self.root = team, root

    def branch(self, conf: dict[str, Any], version: str | None = VERSION, branch: str = BRANCH, **more: Any) -> Any:
        """A new process on a branch."""
        settings = {"layout": "prefix", "root": self.root, "project": "acme/team", **more}
        return self.team.catalog(branch, conf, version, **settings)

    def below(self) -> dict[str, bytes]:
        """What lies below the root, by the paths there."""
        filesystem = self.team.filesystem()
        top = filesystem._strip_protocol(self.root)
        if not filesystem.exists(top):
            return {}
        return {path[len(top) + 1 :]: filesystem.cat_file(path) for path in filesystem.find(top)}


@pytest.fixture(params=["disk", "s3"])
def rooted(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rooted]:
    """On the disk and in a bucket; what is where main's data lies must be the same, to the last file."""
    if request.param == "disk":
        team = DiskTeam.on_disk(tmp_path / "team")
        rooted = Rooted(team, str(tmp_path / "scratch"))
    else:
        needs("s3", "s3fs", "moto", install="the group `stores`")
        team = Team.in_bucket(request.getfixturevalue("moto"), tmp_path).made()
        team.filesystem().mkdir(f"{team.url}-scratch".removeprefix("s3://"))
        rooted = Rooted(team, f"{team.url}-scratch/all")
    yield rooted
    # Not a record, not a lock, not an empty file.
    assert set(team.objects()) == set(team.main)
    team.check()


def test_everything_lies_below_the_root(rooted: Rooted) -> None:
    """Each kind of copy, and its record, lies below the root, and is read from there; main's place gets nothing."""
    team = rooted.team
    conf = conf_of(team)
    team.main_saves(conf, version="2026-01-01T00.00.00.000Z", **SAVED)
    catalog = rooted.branch(conf)
    assert catalog.load("a") == "1"
    for name, data in SAVED.items():
        catalog.save(name, data)
    catalog.load("news")
    catalog.confirm("news")
    names = set(rooted.below())
    where = "data" if team.protocol == "file" else team.url.removeprefix("s3://")
    copies = {path.removeprefix(f"_branches/{SLUG}/{where}/") for path in names if "_steel_toes" not in path}
    assert {"02/a.txt", "02/deep/b.txt", f"03/model.pickle/{VERSION}/model.pickle", "04/parts/one"} <= copies
    assert all(path.startswith((f"_branches/{SLUG}/{where}/", f"_steel_toes/{SLUG}/")) for path in names), names
    again = rooted.branch(conf)
    assert (again.load("a"), again.load("log"), again.load("news")) == ("1", "77", {})
    assert {name: load() for name, load in again.load("parts").items()} == {"one": "6", "two": "5"}


def test_a_worker(tmp_path: Path) -> None:
    """A catalog that was pickled finds the root where it is used."""
    team = DiskTeam.on_disk(tmp_path / "team")
    rooted = Rooted(team, str(tmp_path / "scratch"))
    team.main_saves(ENTRIES, a="main's")
    catalog = rooted.branch(ENTRIES)
    worker = pickle.loads(pickle.dumps(catalog))
    worker.save("a", "a worker's")
    assert catalog.load("a") == "a worker's"
    team.check()


def test_a_record_names_its_root(rooted: Rooted) -> None:
    """One that says another root than the project's is none of ours: nothing of it is read, and main's neither."""
    team = rooted.team
    conf = conf_of(team)
    team.main_saves(conf, a="main's")
    rooted.branch(conf).save("a", "the branch's")
    (path,) = [path for path in rooted.below() if path.endswith(".json")]
    filesystem = team.filesystem()
    file = f"{filesystem._strip_protocol(rooted.root)}/{path}"
    record = json.loads(filesystem.cat_file(file))
    assert record["root"] == rooted.root
    filesystem.pipe_file(file, json.dumps({**record, "root": f"{rooted.root}-of-others"}).encode())
    catalog = rooted.branch(conf)
    for action in (catalog["a"].load, lambda: catalog["a"].save("x")):
        with pytest.raises(RecordError, match='was saved under layout "prefix" and root'):
            action()


@pytest.mark.parametrize("before", [{"layout": "suffix"}, {"layout": "prefix"}], ids=str)
@pytest.mark.parametrize("name", ["a", "parts"])
def test_a_root_that_is_set_later(rooted: Rooted, before: dict[str, Any], name: str) -> None:
    """What the branch saved before is not passed over: who only looks reads it, and who writes is told what to do."""
    team = rooted.team
    conf = conf_of(team)
    team.main_saves(conf, a="main's", parts={"one": "main's"})
    old = team.branch(conf, VERSION, **before)
    old.save(name, {"a": "old", "parts": {"one": "old"}}[name])
    left = set(team.objects()) - set(team.main)
    assert left
    new = rooted.branch(conf)
    for action in (new[name].load, new[name].exists, lambda: new[name].save(SAVED[name])):
        with pytest.raises(RecordError, match=r"saved under layout .* and root .*steel-toes clean"):
            action()
    looking = rooted.branch(conf, read_only=True)
    data = looking.load(name)
    assert (data if name == "a" else data["one"]()) == "old"
    # Other branches, and other datasets of this one, go on.
    other = {"a": "parts", "parts": "a"}[name]
    new.save(other, SAVED[other])
    rooted.branch(conf, branch="feature/2").save(name, SAVED[name])
    filesystem = team.filesystem()
    top = filesystem._strip_protocol(team.watched)
    for path in left:
        filesystem.rm_file(f"{top}/{path}")
    team.main = {path: found for path, found in team.main.items() if path not in left}
    assert rooted.branch(conf).load("a" if name == "parts" else "parts")


def test_two_names_of_one_copy(tmp_path: Path) -> None:
    """Two main locations that would have one copy are refused, each naming the other; main's of both is read."""
    team = DiskTeam.on_disk(tmp_path / "team")
    outside = tmp_path / "lake/x.txt"
    inside = team.folder / f"_abs{outside}"
    conf = {"out": {**TEXT, "filepath": str(outside)}, "in": {**TEXT, "filepath": str(inside)}}
    for file, text in {outside: "outside", inside: "inside"}.items():
        file.parent.mkdir(parents=True)
        file.write_text(text)
    rooted = Rooted(team, str(tmp_path / "scratch"))
    catalog = rooted.branch(conf)
    assert (catalog.load("out"), catalog.load("in")) == ("outside", "inside")
    for name, other in {"out": inside, "in": outside}.items():
        with pytest.raises(SaveRefusedError, match=rf"would be that of {re.escape(str(other))}, too"):
            catalog[name].save("x")
    assert rooted.below() == {}
    # Of a pattern that is seen when it is used.
    pattern = {"{name}.all": {**TEXT, "filepath": f"{tmp_path}/{{name}}/x.txt"}, "in": conf["in"]}
    catalog = rooted.branch(pattern)
    with pytest.raises(SaveRefusedError, match="too"):
        catalog["lake.all"].save("x")
    assert (outside.read_text(), inside.read_text()) == ("outside", "inside")


def test_an_entry_that_lists_the_root(tmp_path: Path) -> None:
    """No copy lies in what an entry lists: none is made below a root that one does."""
    team = DiskTeam.on_disk(tmp_path / "team")
    everything = {"type": "partitions.PartitionedDataset", "path": str(tmp_path / "lake"), "dataset": TEXT}
    conf = {"all": everything, "a": {**TEXT, "filepath": "data/02/a.txt"}}
    team.main_saves(conf, a="main's", all={"one": "main's"})
    before = contents(tmp_path, tmp_path)
    catalog = Rooted(team, str(tmp_path / "lake/scratch")).branch(conf)
    assert catalog.load("a") == "main's"
    for name, data in {"a": "x", "all": {"one": "x"}}.items():
        with pytest.raises(SaveRefusedError, match=rf"below the root of all copies, .*an entry lists {tmp_path}/lake"):
            catalog[name].save(data)
    assert contents(tmp_path, tmp_path) == before


@pytest.mark.parametrize("by", ["a link into it", "another name of it"])
def test_a_root_in_what_is_listed_by_another_name(tmp_path: Path, by: str) -> None:
    """Nor by another name of the place."""
    team = DiskTeam.on_disk(tmp_path / "team")
    lake = tmp_path / "lake"
    everything = {"type": "partitions.PartitionedDataset", "path": str(lake), "dataset": TEXT}
    conf = {"all": everything, "a": {**TEXT, "filepath": "data/02/a.txt"}}
    team.main_saves(conf, a="main's", all={"one": "main's"})
    (lake / "scratch").mkdir()
    root = tmp_path / "scratch"
    root.symlink_to(lake / "scratch")
    if by == "another name of it":
        lake.rename(tmp_path / "real")
        lake.symlink_to(tmp_path / "real")
        root = tmp_path / "real/scratch"
    before = contents(tmp_path, tmp_path)
    catalog = Rooted(team, str(root)).branch(conf)
    for name, data in {"a": "x", "all": {"one": "x"}}.items():
        with pytest.raises(SaveRefusedError, match="below the root of all copies"):
            catalog[name].save(data)
    assert contents(tmp_path, tmp_path) == before


@pytest.mark.parametrize("root", ["scratch", "data/scratch", ""])
def test_a_late_entry_that_lists_copies(tmp_path: Path, root: str) -> None:
    """An entry that a notebook adds, and that lists the folder of copies, leaves them out and is not saved."""
    team = DiskTeam.on_disk(tmp_path / "team")
    conf = {"a": {**TEXT, "filepath": "data/02/a.txt"}}
    team.main_saves(conf, a="main's")
    settings = {"root": str(team.folder / root)} if root else {"root": None}
    catalog = Rooted(team, "").branch(conf, **settings)
    catalog.save("a", "the branch's")
    listed = team.folder / ("scratch" if root == "scratch" else "data")
    catalog["late"] = PartitionedDataset(path=str(listed), dataset=TextDataset)
    names = [name for name in catalog.load("late") if not name.endswith(".lock")]
    assert names == ([] if root == "scratch" else ["02/a.txt"])
    with pytest.raises(SaveRefusedError):
        catalog["late"].save({"x": "x"})
    assert catalog.load("a") == "the branch's"


def test_two_copies(rooted: Rooted) -> None:
    """Where an older checkout has saved beside main's, too, nobody knows which of the two counts: it is said."""
    team = rooted.team
    conf = conf_of(team)
    team.main_saves(conf, a="main's", b="main's")
    rooted.branch(conf).save("a", "below the root")
    old = team.branch(conf)
    assert old.load("a") == "main's"
    old.save("a", "beside main's")
    new = rooted.branch(conf)
    for action in (new["a"].load, lambda: new["a"].save("x")):
        with pytest.raises(RecordError, match=r"has two copies of dataset a, .*take the root out"):
            action()
    # The way out, to the letter; other datasets need none.
    new.save("b", "the branch's")
    left = set(team.objects()) - set(team.main)
    filesystem = team.filesystem()
    for path in left:
        filesystem.rm_file(f"{filesystem._strip_protocol(team.watched)}/{path}")
    assert rooted.branch(conf).load("a") == "below the root"


def test_stores_with_and_without(tmp_path: Path, moto: Any) -> None:
    """A text is for all entries, and refuses those of another store; a mapping leaves the others where they are."""
    needs("s3", "s3fs", "moto", install="the group `stores`")
    team = Team.in_bucket(moto, tmp_path).made()
    local = tmp_path / "data/x.txt"
    conf = {"local": {**TEXT, "filepath": str(local)}, "far": {**TEXT, "filepath": "data/a.txt", "credentials": "own"}}
    local.parent.mkdir()
    local.write_text("main's")
    team.main_saves(conf, far="main's")
    scratch = tmp_path / "scratch"
    catalog = Rooted(team, str(scratch)).branch(conf)
    catalog.save("local", "the branch's")
    assert catalog.load("far") == "main's"
    with pytest.raises(SaveRefusedError, match=r"lies on another store.*SteelToes\(root=\{\"s3\""):
        catalog["far"].save("x")
    assert team.objects() == team.main
    mapped = team.branch(conf, layout="prefix", root={"file": str(scratch)})
    mapped.save("far", "the branch's")
    assert (mapped.load("local"), mapped.load("far")) == ("the branch's", "the branch's")
    assert {path.split("/")[0] for path in set(team.objects()) - set(team.main)} == {"_branches", "_steel_toes"}
    assert local.read_text() == "main's"
    team.check()


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"root": "/scratch"}, 'Only layout "prefix" has a root'),
        ({"root": "/scratch", "layout": "bucket"}, 'Only layout "prefix" has a root'),
        ({"root": "/scratch", "layout": "prefix", "records": "records"}, "Records lie below the root, too"),
        ({"root": "scratch", "layout": "prefix"}, "It is relative"),
    ],
    ids=str,
)
def test_settings(settings: dict[str, Any], why: str) -> None:
    """What cannot be is refused where it is written, in settings.py, on whatever branch."""
    with pytest.raises(ConfigurationError, match=why):
        SteelToes(**settings)


def test_an_unknown_project(tmp_path: Path) -> None:
    """Where nobody knows the project's name there is no place for copies: it is said at once, and nothing is done."""
    team = DiskTeam.on_disk(tmp_path / "team")
    conf = {"a": {**TEXT, "filepath": "data/02/a.txt"}}
    team.main_saves(conf, a="main's")
    root = str(tmp_path / "{project}")
    with pytest.raises(ConfigurationError, match="Nobody knows which project this is"):
        Rooted(team, root).branch(conf, project=None)
    catalog = Rooted(team, root).branch(conf, project="github.com/acme/flights")
    catalog.save("a", "the branch's")
    slug = project_slug("github.com/acme/flights")
    assert (tmp_path / slug / f"_branches/{SLUG}/data/02/a.txt").read_text() == "the branch's"
    team.check()


def test_two_projects_of_one_root(tmp_path: Path) -> None:
    """Paths from two projects may be the same: neither reads, saves over or removes what the other has there."""
    conf = {"a": {**TEXT, "filepath": "data/02/a.txt"}}
    root = str(tmp_path / "scratch")
    one, other = (DiskTeam.on_disk(tmp_path / name) for name in ("one", "other"))
    for team in (one, other):
        team.main_saves(conf, a=f"main's of {team.folder.name}")
    Rooted(one, root).branch(conf).save("a", "one's")
    catalog = Rooted(other, root).branch(conf, project="acme/other")
    for action in (catalog["a"].load, catalog["a"].exists, lambda: catalog["a"].save("other's")):
        with pytest.raises(RecordError, match=r"for project acme/team, and this is project acme/other: both have this"):
            action()
    assert Rooted(one, root).branch(conf).load("a") == "one's"
    # A worker that does not know its project conflicts with none.
    assert Rooted(one, root).branch(conf, project=None).load("a") == "one's"
    one.check()
    other.check()


CATALOG = """
a: {type: text.TextDataset, filepath: data/02/a.txt}
top: {type: text.TextDataset, filepath: top.txt}
far: {type: text.TextDataset, filepath: FAR}
parts: {type: partitions.PartitionedDataset, path: data/04/parts, dataset: text.TextDataset}
"""
REGISTRY = """
from kedro.pipeline import Pipeline, node


def make(text):
    return text + "!", {"one": text}


def register_pipelines():
    return {"__default__": Pipeline([node(make, "a", ["far", "parts"])])}
"""


class Rooting(Project):
    """A project whose copies lie outside of it."""

    package = "rooting"

    def settings(self, text: str) -> None:
        """What SteelToes gets from now on."""
        (self.folder / "src/rooting/settings.py").write_text(
            f"from steel_toes import SteelToes\n\nHOOKS = (SteelToes({text}),)\n"
        )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rooting]:
    """On feature/x; all of main's, in the project and outside, must be the same when the test is over."""
    far = tmp_path / "lake/far.txt"
    files = {
        "conf/base/catalog.yml": CATALOG.replace("FAR", str(far)),
        "src/rooting/pipeline_registry.py": REGISTRY,
        "data/02/a.txt": "main's",
        "data/04/parts/one": "main's",
        "top.txt": "main's",
    }
    project = Rooting.committed(tmp_path / "rooting", files, monkeypatch)
    project.settings(f'layout="prefix", root="{tmp_path}/scratch/{{project}}", project="acme/flights"')
    project.git("commit", "-qam", "root")
    far.parent.mkdir()
    far.write_text("main's")
    monkeypatch.chdir(project.folder)
    project.switch("feature/x")
    mains = {**contents(tmp_path / "lake", tmp_path), **project.files()}
    yield project
    after = {**contents(tmp_path / "lake", tmp_path), **project.files()}
    # What a promote of before the root was set leaves; else there is nothing new.
    assert {path: data for path, data in after.items() if "_promoted/" not in path and "/undo-" not in path} == mains
    assert (project.folder / "top.txt").read_text() == "main's"


def scratch_of(tmp_path: Path) -> Path:
    """Where the project's copies lie."""
    (folder,) = (tmp_path / "scratch").iterdir()
    assert folder.name == project_slug("acme/flights")
    return folder


def test_commands(project: Rooting, tmp_path: Path) -> None:
    """A run, and every command that looks, adopts, seeds or cleans; what is outside of the project has copies, too."""
    with project.session() as session:
        session.run()
    project.catalog().save("top", "the branch's")
    scratch = scratch_of(tmp_path)
    copies = scratch / f"_branches/{SLUG}"
    assert (copies / f"_abs{tmp_path}/lake/far.txt").read_text() == "main's!"
    assert (copies / "data/04/parts/one").read_text() == "main's"
    assert (copies / "top.txt").read_text() == "the branch's"
    rows = {row["dataset"]: row for row in project.json("status")}
    assert {name: row["side"] for name, row in rows.items()} == {
        "a": "main",
        "far": "branch",
        "parts": "branch",
        "top": "branch",
    }
    assert rows["a"]["saves_to"] == str(copies / "data/02/a.txt")
    told = re.sub(r"\s+", " ", project.call("whoami").stdout)
    assert f"Copies and records lie below {scratch}, of data on the same store." in told
    assert f"Its copies are in {scratch}/_branches/{SLUG}/." in told
    assert project.json("whoami")["roots"] == {"": str(scratch)}
    (row,) = project.json("branches")
    assert row["branch"] == "feature/x"
    (copies / "data/02").mkdir()
    (copies / "data/02/a.txt").write_text("put there")
    assert project.json("adopt", "a", "--yes")[0]["path"] == str(copies / "data/02/a.txt")
    assert project.catalog().load("a") == "put there"
    project.switch("feature/2")
    project.call("seed", "--from", "feature/x", "--yes")
    assert project.catalog().load("far") == "main's!"
    before = contents(copies, copies)
    project.call("clean", "--branch", "feature/2", "--yes")
    assert contents(copies, copies) == before
    project.call("clean", "--branch", "feature/x", "--yes")
    assert not [path for path in scratch.rglob("*") if path.is_file()]


def test_a_moved_checkout(project: Rooting, tmp_path: Path) -> None:
    """Two checkouts of a project share the copies of what lies in them: records say where by the project's path."""
    project.catalog().save("a", "the branch's")
    shutil.copytree(project.folder, tmp_path / "moved")
    moved = Rooting(tmp_path / "moved", project.patch)
    project.patch.chdir(moved.folder)
    assert moved.catalog().load("a") == "the branch's"
    moved.call("clean", "--branch", "feature/x", "--yes")
    assert not [path for path in scratch_of(tmp_path).rglob("*") if path.is_file()]
    project.patch.chdir(project.folder)
    assert project.catalog().load("a") == "main's"


@pytest.mark.parametrize("link", ["data", "data/02"])
def test_a_linked_folder(project: Rooting, tmp_path: Path, link: str) -> None:
    """Of data behind a link, commands find the copy that a run has saved."""
    real = tmp_path / "real"
    (project.folder / link).rename(real)
    (project.folder / link).symlink_to(real)
    project.catalog().save("a", "the branch's")
    assert project.catalog().load("a") == "the branch's"
    (plan,) = project.json("clean", "--branch", "feature/x", "--yes")["items"]
    assert len(plan["objects"]) == 1
    assert not [path for path in scratch_of(tmp_path).rglob("*") if path.is_file()]
    (project.folder / link).unlink()
    real.rename(project.folder / link)


def test_promote(project: Rooting, tmp_path: Path) -> None:
    """A merged branch's copies come home, what main had is kept below the root, and goes back from there."""
    lake = tmp_path / "lake/far.txt"
    with project.session() as session:
        session.run()
    project.switch("main")
    before = lake.read_text()
    done = project.call("promote", "--branch", "feature/x", "--yes")
    assert "Promoted 2 datasets" in done.stderr
    assert lake.read_text() == "main's!"
    undo = project.json("branches", "--promoted")[0]["undo"]
    scratch = scratch_of(tmp_path)
    assert [path.read_text() for path in scratch.rglob("far.txt")] == ["main's"]
    assert not list((project.folder / "data").rglob("_branches"))
    project.call("promote", "--branch", undo, "--yes")
    assert lake.read_text() == before


def test_what_was_saved_without_a_root(project: Rooting, tmp_path: Path) -> None:
    """`branches`, `status`, `seed`, `promote` and `clean` find what a branch saved before the root was set."""
    rooted_settings = (project.folder / "src/rooting/settings.py").read_text()
    project.settings('project="acme/flights"')
    before = project.files()
    project.catalog().save("parts", {"one": "the branch's"})
    left = set(project.files()) - set(before)
    (project.folder / "src/rooting/settings.py").write_text(rooted_settings)
    (row,) = project.json("status", "parts")
    assert (row["side"], row["saves"]) == ("branch", "refused")
    assert 'under layout "suffix"' in row["why"]
    assert [row["branch"] for row in project.json("branches")] == ["feature/x"]
    project.switch("feature/2")
    project.call("seed", "--from", "feature/x", "--yes")
    assert project.catalog().load("parts")["one"]() == "the branch's"
    copies = scratch_of(tmp_path) / "_branches"
    assert len([path for path in copies.rglob("one") if path.is_file()]) == 1
    # Its undo branch lies where the copy lay, and is read and promoted from there.
    project.switch("main")
    assert "Promoted 1 dataset" in project.call("promote", "--branch", "feature/x", "--force", "code", "--yes").stderr
    assert (project.folder / "data/04/parts/one").read_text() == "the branch's"
    undo = project.json("branches", "--promoted")[0]["undo"]
    project.patch.setenv("STEEL_TOES_BRANCH", undo)
    project.patch.setenv("STEEL_TOES_READ_ONLY", "true")
    assert project.catalog().load("parts")["one"]() == "main's"
    project.patch.delenv("STEEL_TOES_BRANCH")
    project.patch.delenv("STEEL_TOES_READ_ONLY")
    project.call("promote", "--branch", undo, "--yes")
    project.call("clean", "--branch", "feature/x", "--yes")
    assert not left & set(project.files())
    project.switch("feature/x")
    assert project.catalog().load("parts")["one"]() == "main's"


def test_two_copies_of_one_branch(project: Rooting, tmp_path: Path) -> None:
    """Of two copies none is promoted, `seed` takes that below the root, and the way out leaves it."""
    rooted_settings = (project.folder / "src/rooting/settings.py").read_text()
    project.catalog().save("far", "below the root")
    project.settings('project="acme/flights"')
    project.catalog().save("far", "beside main's")
    (project.folder / "src/rooting/settings.py").write_text(rooted_settings)
    project.switch("main")
    refused = project.call("promote", "--branch", "feature/x", "--force", "code", "--yes", exit_code=1)
    assert "has two copies of dataset far" in re.sub(r"\s+", " ", refused.stderr)
    assert (tmp_path / "lake/far.txt").read_text() == "main's"
    project.switch("feature/2")
    project.call("seed", "--from", "feature/x", "--yes")
    assert project.catalog().load("far") == "below the root"
    project.settings('project="acme/flights"')
    project.call("clean", "--branch", "feature/x", "far", "--yes")
    (project.folder / "src/rooting/settings.py").write_text(rooted_settings)
    project.switch("feature/x")
    assert project.catalog().load("far") == "below the root"


@pytest.mark.parametrize("is_linked", [False, True])
def test_a_claim_from_before_the_root(project: Rooting, tmp_path: Path, is_linked: bool) -> None:
    """A promote that died before the root was set is in the way of any other of its location, by all its names."""
    if is_linked:
        (project.folder / "data").rename(tmp_path / "real")
        (project.folder / "data").symlink_to(tmp_path / "real")
    rooted_settings = (project.folder / "src/rooting/settings.py").read_text()
    project.switch("main")
    project.settings('project="acme/flights"')
    project.git("commit", "-qam", "no root")
    project.switch("feature/x")
    project.git("merge", "-q", "main")
    project.catalog().save("parts", {"one": "feature/x's"})
    project.switch("main")
    child = os.fork()
    if not child:
        try:
            Protocol._put = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
            project.call("promote", "--branch", "feature/x", "--force", "code", "--yes", exit_code=None)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    (project.folder / "src/rooting/settings.py").write_text(rooted_settings)
    project.git("commit", "-qam", "root")
    project.switch("feature/2")
    project.catalog().save("parts", {"one": "feature/2's"})
    project.switch("main")
    refused = project.call("promote", "--branch", "feature/2", "--force", "code", "--yes", exit_code=1)
    assert "unfinished" in refused.stderr
    project.call("promote", "--branch", "feature/x", "--abandon", "--yes")
    project.call("clean", "--branch", "feature/x", "--yes")
    if is_linked:
        (project.folder / "data").unlink()
        (tmp_path / "real").rename(project.folder / "data")


def test_a_record_of_another_root(project: Rooting, tmp_path: Path) -> None:
    """Commands report one, and neither remove, seed nor promote what it would lead them to."""
    project.catalog().save("a", "the branch's")
    scratch = scratch_of(tmp_path)
    (path,) = scratch.rglob("*.json")
    record = json.loads(path.read_text())
    elsewhere = tmp_path / "elsewhere"
    victim = elsewhere / f"_branches/{SLUG}/data/02/a.txt"
    victim.parent.mkdir(parents=True)
    shutil.copy2(scratch / f"_branches/{SLUG}/data/02/a.txt", victim)
    path.write_text(json.dumps({**record, "root": str(elsewhere)}))
    before = contents(tmp_path, tmp_path)
    removed = project.call("clean", "--branch", "feature/x", "--yes", exit_code=None)
    assert "which is no root of this project" in re.sub(r"\s+", " ", removed.stderr + removed.stdout)
    with pytest.raises(DatasetError):
        project.catalog().load("a")
    project.switch("feature/2")
    seeded = project.call("seed", "--from", "feature/x", "--yes", exit_code=None)
    assert "which is no root of this project" in re.sub(r"\s+", " ", seeded.stderr + seeded.stdout)
    project.switch("main")
    promoted = project.call("promote", "--branch", "feature/x", "--yes", exit_code=None)
    assert "which is no root of this project" in re.sub(r"\s+", " ", promoted.stderr + promoted.stdout)
    after = contents(tmp_path, tmp_path)
    assert {name: after[name] for name in before if "__pycache__" not in name and ".git/" not in name} == {
        name: data for name, data in before.items() if "__pycache__" not in name and ".git/" not in name
    }


def test_an_unknown_project_says_so(project: Rooting) -> None:
    """`whoami`, which people ask why nothing works, says why there is no place for copies; every other ends with it."""
    project.settings('layout="prefix", root="/scratch/{project}"')
    told = re.sub(r"\s+", " ", project.call("whoami").stdout)
    assert "This is branch feature/x (from Git)" in told
    assert "Nobody knows which project this is" in told
    for command in (["status"], ["branches"], ["clean", "--branch", "feature/x"]):
        result = project.call(*command, exit_code=None)
        assert result.exit_code != 0
        assert "Nobody knows which project this is" in re.sub(r"\s+", " ", result.stderr)


def test_projects_of_one_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All projects of a repository have one remote: below a root on a disk, each must have a name of its own."""
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "remote", "add", "origin", "https://example.invalid/acme/mono.git")
    git(tmp_path, "commit", "-qm", "one", "--allow-empty")
    conf = {"a": {**TEXT, "filepath": "data/02/a.txt"}}
    root = f"{tmp_path}-scratch/{{project}}"
    teams = [DiskTeam.on_disk(tmp_path / name) for name in ("one", "other")]
    for team in teams:
        team.main_saves(conf, a=f"main's of {team.folder.name}")
        rooted = Rooted(team, root)
        with pytest.raises(ConfigurationError, match=r"lies below the top of its repository.*SteelToes\(project=...\)"):
            rooted.branch(conf, project=None)
        rooted.branch(conf, project=team.folder.name).save("a", team.folder.name)
    for team in teams:
        assert Rooted(team, root).branch(conf, project=team.folder.name).load("a") == team.folder.name
        team.check()
    # By a variable, as well.
    monkeypatch.setenv("STEEL_TOES_PROJECT", "acme/one")
    assert Rooted(teams[0], root).branch(conf, project=None).load("a") == "main's of one"


def test_the_catalog_plays_no_part(tmp_path: Path) -> None:
    """What a location is called below the root is the same whatever other entries a catalog has."""
    team = DiskTeam.on_disk(tmp_path / "team")
    real = tmp_path / "real"
    real.mkdir()
    (team.folder / "data").symlink_to(real)
    x = {"x": {**TEXT, "filepath": str(real / "x.txt")}}
    y = {"y": {**TEXT, "filepath": str(team.folder / "data/y.txt")}}
    for path in (real / "x.txt", real / "y.txt"):
        path.write_text("main's")
    rooted = Rooted(team, str(tmp_path / "scratch"))
    rooted.branch({**x, **y}).save("x", "the branch's")
    assert rooted.branch(x).load("x") == "the branch's"
    # Without a root, as well.
    team.catalog("feature/2", {**x, **y}).save("x", "the branch's")
    assert team.catalog("feature/2", x).load("x") == "the branch's"


@pytest.mark.parametrize("root", ["/proc/nowhere", "file"])
def test_a_root_that_cannot_be_made(tmp_path: Path, root: str) -> None:
    """It is one clear error, and no end of trying."""
    team = DiskTeam.on_disk(tmp_path / "team")
    (tmp_path / "file").write_text("a file")
    conf = {"a": {**TEXT, "filepath": "data/02/a.txt"}}
    team.main_saves(conf, a="main's")
    catalog = Rooted(team, str(tmp_path / root)).branch(conf)
    with pytest.raises(StoreError):
        catalog["a"].save("x")
    team.check()


def test_the_projects_own_folder(tmp_path: Path) -> None:
    """It is no root: Git, and whoever lists it, would meet the copies there."""
    team = DiskTeam.on_disk(tmp_path / "team")
    conf = {"a": {**TEXT, "filepath": "data/02/a.txt"}}
    with pytest.raises(ConfigurationError, match="It is the project's own folder"):
        Rooted(team, str(team.folder)).branch(conf)


@pytest.mark.parametrize("root", ["", "/elsewhere"])
def test_a_reader_of_an_edited_record(tmp_path: Path, root: str) -> None:
    """Who only looks reads no main's where a record says another root than that below which it lies."""
    team = DiskTeam.on_disk(tmp_path / "team")
    conf = {"a": {**TEXT, "filepath": "data/02/a.txt"}}
    team.main_saves(conf, a="main's")
    rooted = Rooted(team, str(tmp_path / "scratch"))
    rooted.branch(conf).save("a", "the branch's")
    (path,) = (tmp_path / "scratch").rglob("*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "root": root}))
    with pytest.raises(RecordError):
        rooted.branch(conf, read_only=True)["a"].load()
    team.check()


BUCKETS = """
a: {type: text.TextDataset, filepath: "s3://BUCKET/02/a.txt", credentials: own}
far: {type: text.TextDataset, filepath: "s3://BUCKET/02/far.txt", credentials: own}
parts: {type: partitions.PartitionedDataset, path: "s3://BUCKET/04/parts", dataset: text.TextDataset, credentials: own}
news:
  type: partitions.IncrementalDataset
  path: "s3://BUCKET/05/news"
  dataset: text.TextDataset
  credentials: own
"""
CONFIRMING = """
from kedro.pipeline import Pipeline, node


def make(text, news):
    return text + "!", {"one": text}


def register_pipelines():
    return {"__default__": Pipeline([node(make, ["a", "news"], ["far", "parts"], confirms="news")])}
"""


@pytest.fixture
def buckets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moto: Any) -> Iterator[Rooting]:
    """On feature/x, with data in one bucket and a root in another; main's must be the same when the test is over."""
    needs("s3", "s3fs", "moto", install="the group `stores`")
    team = Team.in_bucket(moto, tmp_path).made()
    bucket = team.url.removeprefix("s3://")
    filesystem = team.filesystem()
    filesystem.mkdir(f"{bucket}-scratch")
    for path in ("02/a.txt", "05/news/n"):
        filesystem.pipe_file(f"{bucket}/{path}", b"main's")
    mains = team.objects()
    files = {
        "conf/base/catalog.yml": BUCKETS.replace("BUCKET", bucket),
        "src/rooting/pipeline_registry.py": CONFIRMING,
    }
    buckets = Rooting.committed(tmp_path / "rooting", files, monkeypatch)
    credentials = json.dumps({"own": team.credentials})
    (buckets.folder / "conf/local/credentials.yml").write_text(credentials)
    buckets.url = team.url
    buckets.settings(f'layout="prefix", root="{team.url}-scratch/{{project}}", project="acme/flights"')
    monkeypatch.chdir(buckets.folder)
    buckets.switch("feature/x")
    yield buckets
    assert {path: data for path, data in team.objects().items() if path in mains} == mains


def test_screens_of_buckets(buckets: Rooting) -> None:
    """After a run each copy is the branch's, and is saved again; after a change of the settings no screen says so."""
    with buckets.session() as session:
        session.run()
    rows = {row["dataset"]: (row["side"], row["why"], row["saves"]) for row in buckets.json("status")}
    assert rows["far"] == ("branch", "saved on the branch", "branch")
    assert rows["news"][2] == "branch"
    slug = project_slug("acme/flights")
    assert buckets.json("whoami")["copies"] == f"{buckets.url}-scratch/{slug}/_branches/{SLUG}/"
    with buckets.session() as session:
        session.run()
    buckets.settings('layout="prefix", project="acme/flights"')
    assert buckets.json("status", "far")[0]["side"] == "main"
    buckets.catalog().save("far", "beside main's")
    buckets.settings(f'layout="prefix", root="{buckets.url}-scratch/other", project="acme/flights"')
    (row,) = buckets.json("status", "far")
    assert (row["side"], row["why"]) == ("branch", 'saved on the branch, under layout "prefix" without a root')
    assert row["saves"] == "refused"
    buckets.call("clean", "--branch", "feature/x", "--yes")


def test_a_bucket_that_is_not_there(buckets: Rooting) -> None:
    """A mistyped root is no reason to read main's in the place of the branch's."""
    buckets.catalog().save("far", "the branch's")
    buckets.settings(f'layout="prefix", root="{buckets.url}-scrtach/{{project}}", project="acme/flights"')
    with pytest.raises(DatasetError, match="bucket does not exist"):
        buckets.catalog().load("a")
    with pytest.raises(DatasetError, match="bucket does not exist"):
        buckets.catalog().save("far", "x")


def test_what_a_run_confirms(buckets: Rooting) -> None:
    """What cannot be confirmed is refused, and not "only read"."""
    buckets.settings('layout="prefix", root="/scratch/{project}", project="acme/flights"')
    rows = {row["dataset"]: row["saves"] for row in buckets.json("status")}
    assert rows == {"a": "read only", "far": "refused", "news": "refused", "parts": "refused"}
