"""`clean` as a command: the plan that it prints, and that nothing goes without a yes."""

from __future__ import annotations

import os
import pty
import subprocess

import pytest

from support.studio import COPIES, Studio, catalog_of, files, script

PAIR = """
from pathlib import Path


class PairDataset(AbstractDataset):
    def __init__(self, one, two):
        self._files = [Path(one), Path(two)]

    def load(self):
        return [file.read_text() for file in self._files]

    def save(self, data):
        for file in self._files:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(data)

    def _describe(self):
        return {}
"""


NOTHING = {"items": [], "buckets": [], "left": [], "failed": [], "young": {}}


class TestClean:
    """How `clean` is called; what it never removes is in laws/test_histories.py."""

    @pytest.mark.contract
    def test_without_yes(self, studio: Studio) -> None:
        """Without --yes and without a terminal it shows the plan, changes nothing, and says how; exit code 0."""
        before = files(studio.folder)
        assert "Add --yes" in studio.call("clean", "--branch", "feature/x").stderr
        result = studio.call("clean", "--branch", "feature/x", "--paths")
        for path in [path for paths in COPIES.values() for path in paths]:
            assert path in result.stdout or "gone" in path
        assert "Nothing was changed. Add --yes to do it." in result.stderr
        assert files(studio.folder) == before

    @pytest.mark.contract
    def test_facts(self, studio: Studio) -> None:
        """These are the facts of a plan, and it lists each object."""
        plan = studio.json("clean", "--branch", "feature/x")
        assert list(plan) == ["items", "buckets", "left", "failed", "young"]
        assert (plan["buckets"], plan["left"], plan["failed"], plan["young"]) == ([], [], [], {})
        assert {tuple(item) for item in plan["items"]} == {
            ("branch", "dataset", "state", "condition", "record", "lock", "modified", "objects")
        }
        listed = {item["dataset"]: sorted(one["path"] for one in item["objects"]) for item in plan["items"]}
        there = {**COPIES, "gone": []}
        assert listed == {name: [str(studio.folder / path) for path in paths] for name, paths in there.items()}
        assert {tuple(one) for item in plan["items"] for one in item["objects"]} == {("path", "bytes", "modified")}
        states = {item["dataset"]: item["state"] for item in plan["items"]}
        assert states == dict.fromkeys(COPIES, "complete") | {"torn": "writing", "unfinished": "writing"}
        conditions = {item["dataset"]: item["condition"] for item in plan["items"] if item["condition"]}
        assert conditions == {
            "torn": "torn, or being saved",
            "unfinished": "torn, or being saved",
            "changed": "altered by other hands",
            "gone": "gone",
        }

    @pytest.mark.contract
    def test_yes(self, studio: Studio) -> None:
        """With --yes what the plan listed goes with its records, and nothing else."""
        before = files(studio.folder)
        plan = studio.json("clean", "--branch", "feature/x", "--yes")
        listed = {one["path"] for item in plan["items"] for one in item["objects"]}
        listed |= {item["record"] for item in plan["items"]} | {item["lock"] for item in plan["items"]}
        after = files(studio.folder)
        assert {str(studio.folder / path) for path in before.keys() - after.keys()} == listed
        assert {path: before[path] for path in after} == after
        assert studio.json("branches") == []
        assert {row["side"] for row in studio.json("status", *COPIES)} == {"main"}

    def test_datasets(self, studio: Studio) -> None:
        """Of the named datasets only, by one of their names."""
        plan = studio.json("clean", "--branch", "feature/x", "saved", "table@text", "--yes")
        assert sorted(item["dataset"] for item in plan["items"]) == ["saved", "table@json"]
        sides = {row["dataset"]: row["side"] for row in studio.json("status", "saved", "table@text", "parts")}
        assert sides == {"saved": "main", "table@text": "main", "parts": "branch"}

    def test_several_places(self, studio: Studio) -> None:
        """Of a dataset that has several places all go, by its one name: one alone would be half a copy."""
        with (studio.folder / "src/studio/datasets.py").open("a") as module:
            module.write(PAIR)
        pair = "pair: {type: studio.datasets.PairDataset, one: data/pair/1.txt, two: data/pair/2.txt}"
        (studio.folder / "conf/base/catalog_pair.yml").write_text(pair)
        studio.settings('location_parameters={"studio.datasets.PairDataset": ["one", "two"]}')
        studio.catalog().save("pair", "the branch's")
        assert len(list((studio.folder / "data/pair").iterdir())) == 2
        plan = studio.json("clean", "--branch", "feature/x", "pair", "--yes")
        assert [item["dataset"] for item in plan["items"]] == ["pair", "pair"]
        assert not list((studio.folder / "data/pair").iterdir())

    def test_again(self, studio: Studio) -> None:
        """A second time there is nothing to do, which is no failure."""
        studio.call("clean", "--branch", "feature/x", "--yes")
        assert studio.json("clean", "--branch", "feature/x", "--yes") == NOTHING

    @pytest.mark.contract
    @pytest.mark.parametrize("name", ["main", "master", "", " "])
    def test_no_branch(self, studio: Studio, name: str) -> None:
        """Main's names and a blank one are refused, with the reason, beside others too."""
        before = files(studio.folder)
        for more in ([], ["--branch", "feature/x"]):
            result = studio.call("clean", "--branch", name, *more, "--yes", exit_code=2)
            assert ("blank" if not name.strip() else "main") in result.stderr
            assert result.stdout == ""
        assert files(studio.folder) == before

    def test_named_main(self, studio: Studio) -> None:
        """Where main has another name, that is refused, and main and master are branches as any."""
        studio.settings('main="trunk"')
        studio.call("clean", "--branch", "trunk", exit_code=2)
        assert studio.json("clean", "--branch", "main") == NOTHING

    def test_typo(self, studio: Studio) -> None:
        """A branch without records is told by its name, so that a typing error is seen; it is no failure."""
        assert "feature/z" in studio.call("clean", "--branch", "feature/z", "--yes").stderr
        assert "feature/z" in studio.call("clean", "--branch", "feature/z", "--branch", "feature/x").stderr

    def test_typo_in_a_dataset(self, studio: Studio) -> None:
        """A dataset that neither the catalog nor a record has is wrong usage, and the nearest name is shown."""
        before = files(studio.folder)
        result = studio.call("clean", "--branch", "feature/x", "savd", "--yes", exit_code=2)
        assert "savd (perhaps saved?)" in result.stderr
        assert files(studio.folder) == before
        # One that is in the catalog, and of which the branch has nothing, is none.
        studio.call("clean", "--branch", "feature/x", "raw", "--yes")

    def test_removed_entry(self, studio: Studio) -> None:
        """A dataset that is no longer in the catalog is cleaned by the name in its record."""
        catalog = studio.folder / "conf/base/catalog.yml"
        catalog.write_text(catalog.read_text().replace("\nsaved:", "\nsaved_again:"))
        plan = studio.json("clean", "--branch", "feature/x", "saved", "--yes")
        assert [item["dataset"] for item in plan["items"]] == ["saved"]

    def test_ages(self, studio: Studio) -> None:
        """--older-than spares what was saved since, the branch that one is on, and what no project is known of."""
        assert studio.json("clean", "--older-than", "0h") == NOTHING
        studio.git("switch", "-q", "main")
        assert studio.json("clean", "--older-than", "1h") == NOTHING
        plan = studio.json("clean", "--older-than", "0h")
        assert (plan["items"], len(plan["left"])) == ([], len(COPIES))
        assert "an unknown project; name its branch" in plan["left"][0]

    @pytest.mark.contract
    @pytest.mark.parametrize(("answer", "removed"), [("n", False), ("y", True)])
    def test_terminal(self, studio: Studio, answer: str, removed: bool) -> None:
        """In a terminal it asks, and does it only after a yes."""
        before = files(studio.folder)
        ours, theirs = pty.openpty()
        command = [script("steel-toes"), "clean", "--branch", "feature/x"]
        os.write(ours, f"{answer}\n".encode())
        done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, timeout=100)
        os.close(ours)
        os.close(theirs)
        assert done.returncode == 0, done.stderr
        assert "[y/N]" in done.stderr
        assert ("\nsaved " in done.stdout, "Traceback" in done.stderr) == (True, False)
        assert (files(studio.folder) != before) is removed

    def test_partial_listing(self, studio: Studio) -> None:
        """While one place does not answer nothing goes by age, since a branch's youngest copy may lie there.

        A branch that is named is cleaned where its records are found, and what did not answer is reported.
        """
        studio.git("remote", "add", "origin", "https://example.invalid/studio.git")
        catalog_of("feature/x").save("saved", "of this project")
        studio.git("switch", "-q", "main")
        assert [item["dataset"] for item in studio.json("clean", "--older-than", "0h")["items"]] == ["saved"]
        studio.add_silent_bucket()
        before = files(studio.folder)
        result = studio.call("clean", "--older-than", "0h", "--yes", exit_code=1)
        assert "Nothing is removed by age while a place does not answer" in result.stderr
        assert "bucket" in result.stderr
        assert files(studio.folder) == before
        result = studio.call("clean", "--branch", "feature/x", "--yes", exit_code=1)
        assert f"Removed {len(COPIES)} of {len(COPIES)} branch copies." in result.stderr
        assert "bucket" in result.stderr
        assert not list((studio.folder / "data/_steel_toes").rglob("*.json"))
