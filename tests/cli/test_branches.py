"""`branches`: every branch that has records in the stores of the catalog."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from support.studio import CATALOG, COPIES, REGISTRY, Studio, catalog_of, files, rows
from support.team import SLUG


class TestBranches:
    """What every branch holds."""

    @pytest.mark.contract
    def test_facts(self, studio: Studio) -> None:
        """These are the facts of a branch; its files are those that are there, or that a record says should be."""
        (row,) = studio.json("branches")
        assert list(row) == ["branch", "project", "datasets", "files", "bytes", "last_write", "author", "git", "why"]
        assert (row["branch"], row["project"], row["datasets"], row["git"]) == ("feature/x", None, len(COPIES), "here")
        assert row["files"] == sum(map(len, COPIES.values()))

    @pytest.mark.contract
    @pytest.mark.parametrize("where", ["main", "feature/y", "--detach"])
    def test_from_anywhere(self, studio: Studio, where: str) -> None:
        """They are the same whichever branch one is on."""
        here = studio.json("branches")
        studio.git("switch", "-q", *([where] if where != "feature/y" else ["-c", where]))
        assert studio.json("branches") == here

    def test_several(self, studio: Studio) -> None:
        """The last written comes first, and Git's word stands with each."""
        catalog_of("feature/y").save("raw", "y's")
        seen = [(row["branch"], row["datasets"], row["files"], row["bytes"]) for row in studio.json("branches")]
        assert seen[0] == ("feature/y", 1, 1, 3)
        assert [row["git"] for row in studio.json("branches")] == ["no such branch", "here"]
        assert list(rows(studio.call("branches"))) == ["feature/y", "feature/x"]

    def test_unborn(self, studio: Studio) -> None:
        """The branch that one is on is here, also before its first commit."""
        studio.git("switch", "-q", "--orphan", "unborn")
        studio.git("checkout", "-q", "main", "--", ".")
        catalog_of("unborn").save("raw", "unborn")
        words = {row["branch"]: row["git"] for row in studio.json("branches")}
        assert words["unborn"] == "here"

    def test_orphans(self, studio: Studio, tmp_path: Path) -> None:
        """--orphans lists what no checkout and no remote has; where a remote is silent that is a failure."""
        remote = tmp_path / "remote.git"
        studio.git("init", "-q", "--bare", str(remote))
        studio.git("remote", "add", "origin", str(remote))
        studio.git("push", "-q", "origin", "main", "feature/x")
        for branch in ("renamed", "feature:26", "feature/x"):
            catalog_of(branch).save("raw", branch)
        words = {row["branch"]: row["git"] for row in studio.json("branches", "--orphans")}
        assert words == {"renamed": "no such branch", "feature:26": "a fork's"}
        assert "2 branches, 2 datasets" in studio.call("branches", "--orphans").stderr
        before = files(studio.folder)
        remote.rename(tmp_path / "away.git")
        result = studio.call("branches", "--orphans", "--json", exit_code=1)
        assert [row["branch"] for row in json.loads(result.stdout)] == ["feature:26"]
        assert "Whether branch renamed is an orphan is not known" in result.stderr
        assert files(studio.folder) == before

    @pytest.mark.contract
    def test_removed_from_the_catalog(self, studio: Studio) -> None:
        """A dataset that is no longer in the catalog is still counted, since its record lies where the others do."""
        here = studio.json("branches")
        (studio.folder / "conf/base/catalog.yml").write_text(CATALOG.partition("\nsaved")[0])
        assert studio.json("branches") == here

    def test_json_is_pure(self, studio: Studio) -> None:
        """What a project prints when it is loaded is not in a command's data."""
        registry = studio.folder / "src/studio/pipeline_registry.py"
        registry.write_text(f"{REGISTRY}\nprint('hello from the project')\n")
        result = studio.call("branches", "--json")
        assert json.loads(result.stdout)[0]["branch"] == "feature/x"
        assert "hello from the project" in result.stderr

    def test_without_sizes(self, studio: Studio) -> None:
        """--no-sizes reads one record of each branch, and tells no bytes."""
        (row,) = studio.json("branches", "--no-sizes")
        assert (row["branch"], row["datasets"], row["files"], row["bytes"]) == ("feature/x", len(COPIES), None, None)
        assert f"1 branch, {len(COPIES)} datasets.\n" in studio.call("branches", "--no-sizes").stderr

    @pytest.mark.contract
    def test_unreadable_record(self, studio: Studio) -> None:
        """A record that cannot be read fails the command, after all that could be read was told."""
        torn = studio.folder / f"data/_steel_toes/{SLUG}/0123456789abcdef.json"
        torn.write_text("{")
        result = studio.call("branches", "--json", exit_code=1)
        assert [row["branch"] for row in json.loads(result.stdout)] == ["feature/x"]
        assert "Failed: " in result.stderr
        assert torn.name in result.stderr

    def test_silent_bucket(self, studio: Studio) -> None:
        """A store that does not answer fails the command, after what the others hold was told."""
        studio.add_silent_bucket()
        result = studio.call("branches", "--json", exit_code=1)
        assert [row["branch"] for row in json.loads(result.stdout)] == ["feature/x"]
        assert "Failed: " in result.stderr
        assert "bucket" in result.stderr

    def test_a_record_in_another_place(self, studio: Studio) -> None:
        """A record that says otherwise than its place is of no branch, and is named on stderr."""
        record, *_ = sorted((studio.folder / f"data/_steel_toes/{SLUG}").glob("*.json"))
        moved = studio.folder / "data/_steel_toes/fix" / record.name
        moved.parent.mkdir()
        moved.write_bytes(record.read_bytes())
        for options in ([], ["--no-sizes"]):
            result = studio.call("branches", "--json", *options)
            assert [row["branch"] for row in json.loads(result.stdout)] == ["feature/x"]
            assert f"{moved} is left out: it says that it belongs to feature/x" in result.stderr

    def test_nothing(self, studio: Studio) -> None:
        """Where no branch has data it says so on stderr, and --json is an empty list."""
        shutil.rmtree(studio.folder / "data/_steel_toes")
        assert studio.json("branches") == []
        assert studio.call("branches").stderr.strip()
