"""Stores that refuse: a user who may not see or write everything is told so, and is never given main's data."""

import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
import yaml
from kedro.io import DataCatalog, DatasetError

from steel_toes.errors import StoreError
from support.files import unchanged
from support.places import Place, refused, watched
from support.project import Project
from support.servers import DEVELOPERS, of_user
from support.team import SLUG, frame, shown

pytest.importorskip("pandas", reason="most of the datasets here are pandas'")


class TestPermissions:
    """A store that refuses is an error that names it, and never main's data in the branch's place."""

    @pytest.fixture
    def guarded(
        self,
        weed: Any,
        tmp_path: Path,
        forge: Any,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> Iterator[Place]:
        """A bucket in which main and the branch have one dataset each, and of which not every user may see all."""
        place = Place.in_bucket(weed, tmp_path, "guarded", secret="hush-", looking=weed.credentials)
        filesystem = place.filesystem()
        for path in place.objects():
            filesystem.rm_file(f"guarded/{path}")
        place.main_saves(a=frame(1))
        place.branch("a").save("a", frame(2))
        watching = watched(place, forge, caplog, monkeypatch)
        yield next(watching)
        next(watching, None)

    def as_user(self, place: Place, user: str) -> DataCatalog:
        place.credentials = {**place.credentials, "key": user, "secret": f"hush-{user}"}
        return place.branch("a")

    @pytest.mark.parametrize("user", ["blind-to-records", "blind-to-copies"])
    def test_may_not_read(self, guarded: Place, user: str) -> None:
        """Who may not read the record, or not the copy, is told so, and is not given main's data."""
        catalog = self.as_user(guarded, user)
        with refused(StoreError) as caught:
            catalog.load("a")
        # The key, the permission that is missing, and never that main could be written instead.
        assert f"{guarded.url}/" in str(caught[0])
        assert "lack s3:GetObject" in str(caught[0])
        assert "shared" not in str(caught[0])
        with refused(StoreError):
            catalog.exists("a")
        with refused(StoreError):
            catalog.save("a", frame(9))

    def test_may_not_write(self, guarded: Place) -> None:
        """Who may only read does: the branch's copy, and main's of what was never written; a save is refused."""
        catalog = self.as_user(guarded, "reader")
        assert shown(catalog.load("a")) == [2]
        with refused(StoreError, match="write to s3://") as caught:
            catalog.save("a", frame(9))
        assert "lack s3:PutObject there" in str(caught[0])
        assert shown(catalog.load("a")) == [2]

    def test_may_not_write_the_copy(self, guarded: Place) -> None:
        """A save that the store refuses once its record is begun leaves the branch's copy as it was, and readable."""
        catalog = self.as_user(guarded, "recorder")
        with pytest.raises(DatasetError):
            catalog.save("a", frame(9))
        assert guarded.records_in_store()["a"]["state"] == "complete"
        assert shown(catalog.load("a")) == [2]

    def test_wrong_secret(self, guarded: Place) -> None:
        """A wrong secret is an error of the store's, and is not told in it."""
        guarded.credentials = {**guarded.credentials, "secret": "hush-wrong"}
        with refused(StoreError) as caught:
            guarded.branch("a").load("a")
        assert "hush" not in "".join(traceback.format_exception(caught[0]))

    def test_no_server(self, guarded: Place, nobody: str) -> None:
        """A store that does not answer is an error of the store's: nobody can know that there is no branch copy."""
        quick = {"retries": {"max_attempts": 1}, "connect_timeout": 1}
        guarded.credentials = {**guarded.credentials, "client_kwargs": {"endpoint_url": nobody}, "config_kwargs": quick}
        with refused(StoreError) as caught:
            guarded.branch("a").load("a")
        assert "hush" not in "".join(traceback.format_exception(caught[0]))


CATALOG = """
a: {type: pandas.CSVDataset, filepath: "s3://guarded/02/a.csv", credentials: own}
b: {type: pandas.CSVDataset, filepath: "s3://guarded/02/b.csv", credentials: own}
model: {type: pickle.PickleDataset, filepath: "s3://guarded/02/model.pickle", versioned: true, credentials: own}
parts:
  {type: partitions.PartitionedDataset, path: "s3://guarded/03/parts", dataset: pandas.CSVDataset, credentials: own}
"""
REGISTRY = """
from kedro.pipeline import Pipeline, node


def make(table):
    return table, 1, {"one": table}


def register_pipelines():
    return {"__default__": Pipeline([node(make, "a", ["b", "model", "parts"])])}
"""


class Gate(Project):
    """A project whose data lies in the guarded bucket."""

    package = "gate"

    def fenced(self, layout: str) -> None:
        """On feature/x, with a layout for which there is a fence."""
        settings = {
            "root": 'layout="prefix", root="s3://scratch/all"',
            "bucket": 'layout="bucket", create_buckets=True',
        }.get(layout, f'layout="{layout}"')
        self.switch("main")
        text = f"from steel_toes import SteelToes\n\nHOOKS = (SteelToes({settings}),)\n"
        (self.folder / "src/gate/settings.py").write_text(text)
        with (self.folder / ".git/info/exclude").open("a") as file:
            file.write("conf/local/\n")
        self.git("commit", "-qam", "fenced", "--allow-empty")
        self.git("branch", "-f", "feature/x")
        self.switch("feature/x")
        if layout == "bucket":
            # Who may make buckets does so once.
            self.as_user("admin")
            self.catalog().save("b", frame(0))

    def as_user(self, user: str) -> None:
        """Whose credentials it has from now on."""
        credentials = {"own": of_user(user)(self.url)}
        (self.folder / "conf/local/credentials.yml").write_text(yaml.safe_dump(credentials))


class TestTable:
    """README's table of permissions: each key has just those of its row."""

    @pytest.fixture
    def gate(self, weed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
        """A project on feature/x, and main's data."""
        admin = fsspec.filesystem("s3", skip_instance_cache=True, **of_user("admin")(weed.url))

        def objects() -> dict[str, bytes]:
            admin.invalidate_cache()
            return {path: admin.cat_file(path) for path in admin.find("guarded")}

        for path in objects():
            admin.rm_file(path)
        files = {"conf/base/catalog.yml": CATALOG, "src/gate/pipeline_registry.py": REGISTRY}
        gate = Gate.committed(tmp_path / "gate", files, monkeypatch)
        gate.url = weed.url
        monkeypatch.chdir(gate.folder)
        gate.as_user("admin")
        table = frame(1)
        saved = {"a": table, "b": table, "model": 0, "parts": {"main": table}}
        for name, data in saved.items():
            gate.catalog().save(name, data)
        mains = objects()
        gate.switch("feature/x")
        gate.objects = objects
        yield gate
        assert unchanged(mains, objects()) == mains

    def run(self, gate: Gate) -> None:
        """A run, by a key that may do what runs do."""
        gate.as_user("may-a-run-on-a-branch")
        with gate.session() as session:
            session.run()

    def test_run(self, gate: Gate) -> None:
        """Two runs of a pipeline, whose key cannot write main's data."""
        self.run(gate)
        self.run(gate)
        assert shown(gate.catalog().load("b")) == [1]
        (gate.folder / "src/gate/settings.py").write_text("")
        with pytest.raises(DatasetError, match=r"Denied|Forbidden"):
            gate.catalog().save("b", frame(9))

    @pytest.mark.parametrize("command", [["status"], ["branches"]])
    def test_reading(self, gate: Gate, command: list[str]) -> None:
        """What only looks needs to write nothing."""
        self.run(gate)
        gate.as_user(f"may-{command[0]}")
        before = gate.objects()
        rows = gate.json(*command)
        assert len(rows) == {"status": 4, "branches": 1}[command[0]]
        assert gate.objects() == before

    def test_clean(self, gate: Gate) -> None:
        """It reads no copy of main's."""
        self.run(gate)
        gate.as_user("may-clean")
        gate.call("clean", "--branch", "feature/x", "--yes")
        assert not [path for path in gate.objects() if "--" in path or "_steel_toes/" in path]

    def test_promote(self, gate: Gate) -> None:
        """Its key alone writes main's data; with the undo branch it is as it was, which the fixture compares."""
        self.merged(gate)
        done = gate.call("promote", "--branch", "feature/x", "--yes")
        assert "Promoted 3 datasets" in done.stderr
        assert shown(gate.catalog().load("parts")["one"]()) == [1]
        undo = gate.json("branches", "--promoted")[0]["undo"]
        gate.call("promote", "--branch", undo, "--yes")

    @pytest.mark.slow
    @pytest.mark.parametrize("user", ["may-a-run-on-a-branch", "may-with-prefix", "reader"])
    def test_promote_by_another_key(self, gate: Gate, user: str) -> None:
        """Who may not write main's objects is told so, and main is as it was; whoever may ends it."""
        self.merged(gate)
        gate.as_user(user)
        # The branch's record may say by now that somebody promotes its copy.
        mains = {path: data for path, data in gate.objects().items() if "--" not in path and "_steel" not in path}
        refused = gate.call("promote", "--branch", "feature/x", "--yes", exit_code=1)
        assert "s3:PutObject there" in refused.stderr
        now = gate.objects()
        assert {path: now.get(path) for path in mains} == mains
        gate.as_user("may-promote")
        done = gate.call("promote", "--branch", "feature/x", "--yes")
        assert "Promoted" in done.stderr
        undo = gate.json("branches", "--promoted")[0]["undo"]
        gate.call("promote", "--branch", undo, "--yes")

    def merged(self, gate: Gate) -> None:
        """A run on the branch, which ran main's own code; now promote's key is there."""
        with (gate.folder / ".git/info/exclude").open("a") as file:
            file.write("conf/local/\n")
        self.run(gate)
        gate.switch("main")
        gate.as_user("may-promote")

    def test_layout_prefix(self, gate: Gate) -> None:
        """The same with layout "prefix", whose copies lie in `_branches/` and nowhere else."""
        (gate.folder / "src/gate/settings.py").write_text(
            'from steel_toes import SteelToes\n\nHOOKS = (SteelToes(layout="prefix"),)\n'
        )
        gate.as_user("may-with-prefix")
        before = gate.objects()
        for _ in range(2):
            with gate.session() as session:
                session.run()
        copies = [path for path in gate.objects() if path not in before and "_steel_toes/" not in path]
        assert copies
        assert all(path.startswith(f"guarded/_branches/{SLUG}/0") for path in copies)
        gate.call("clean", "--branch", "feature/x", "--yes")
        assert gate.objects() == before

    @pytest.mark.parametrize("layout", sorted(DEVELOPERS))
    def test_fences(self, gate: Gate, layout: str) -> None:
        """A developer's key runs the pipeline on a branch, and writes nothing of main's, no claim and no audit."""
        gate.fenced(layout)
        gate.as_user(f"developer-{layout}")
        for _ in range(2):
            with gate.session() as session:
                session.run()
        assert shown(gate.catalog().load("b")) == [1]
        assert {row["side"] for row in gate.json("status")} == {"main", "branch"}
        # The key of whoever merges makes main's of it.
        gate.switch("main")
        gate.as_user("bot")
        assert "Promoted 3 datasets" in gate.call("promote", "--branch", "feature/x", "--yes").stderr
        undo = gate.json("branches", "--promoted")[0]["undo"]
        gate.call("promote", "--branch", undo, "--yes")
        gate.switch("feature/x")
        gate.as_user(f"developer-{layout}")
        own = fsspec.filesystem("s3", skip_instance_cache=True, **of_user(f"developer-{layout}")(gate.url))
        found = gate.objects()
        guarded = [path for path in found if "--" not in path and "_branches/" not in path]
        guarded = [path for path in guarded if "/_steel_toes/" not in path or "/_steel_toes/_promoted/" in path]
        assert len([path for path in guarded if "_promoted" in path]) == (0 if layout == "root" else 6)
        folder = "scratch/all" if layout == "root" else "guarded"
        for path in [*guarded, f"{folder}/_steel_toes/_promotes/x.json", f"{folder}/_steel_toes/_promoted/x.json"]:
            for action in (
                lambda path=path: own.pipe_file(path, b"x"),
                lambda path=path: own.cp_file("guarded/02/a.csv", path),
                lambda path=path: own.rm_file(path),
            ):
                with pytest.raises(PermissionError):
                    action()
        assert gate.objects() == found
        gate.call("clean", "--branch", "feature/x", "--yes")

    def test_seed(self, gate: Gate) -> None:
        """It needs what a run does."""
        self.run(gate)
        gate.switch("feature/2")
        gate.call("seed", "--from", "feature/x", "--yes")
        gate.call("seed", "a", "--yes")
        assert shown(gate.catalog().load("b")) == [1]
        assert gate.json("status", "a")[0]["seeded_from"] == "main"

    def test_adopt(self, gate: Gate) -> None:
        """It writes the record and nothing else."""
        gate.as_user("may-a-run-on-a-branch")
        path = f"guarded/02/b--{SLUG}.csv"
        fsspec.filesystem("s3", **of_user("may-a-run-on-a-branch")(gate.url)).pipe_file(path, b"x\n7\n")
        gate.as_user("may-adopt")
        gate.call("adopt", "b", "--yes")
        assert shown(gate.catalog().load("b")) == [7]
