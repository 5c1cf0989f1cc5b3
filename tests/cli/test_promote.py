"""`steel-toes promote` as people type it: a real project, a real remote, and the ways in which forges merge."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.mill import CATALOG, Mill

pytest.importorskip("kedro_datasets.text", reason="the project's data is text")
pytestmark = pytest.mark.contract


@pytest.fixture
def mill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mill:
    """The project on main, whose pipeline has run there."""
    return Mill.on_main(tmp_path, monkeypatch)


class TestMergeDay:
    """What a team does on the day of the merge."""

    def test_squash(self, mill: Mill, monkeypatch: pytest.MonkeyPatch) -> None:
        """The plan, the promote, the same once more, and back."""
        mill.on_branch("cubic", "cubic")
        mill.assert_main_unchanged()
        mill.merged("cubic")
        shown = mill.promote("--branch", "cubic")
        assert "as when begun" in shown.stdout
        assert "Nothing was changed." in shown.stderr
        mill.assert_main_unchanged()
        done = mill.promote("--branch", "cubic", "--yes")
        assert "Promoted 3 datasets, 3 objects." in done.stderr
        assert (mill.text("02/table.txt"), mill.text("02/note.txt")) == ("cubic", "CUBIC")
        with mill.session() as session:
            assert session.load_context().catalog.load("model") == "cubic"
        assert "it was promoted at" in mill.promote("--branch", "cubic", "--yes").stderr
        (audit, *_) = mill.json("branches", "--promoted")
        assert (audit["branch"], audit["forced"]) == ("cubic", [])
        undo = audit["undo"]
        assert undo in mill.call("branches").stdout
        monkeypatch.setenv("COLUMNS", "60")
        back = mill.promote("--branch", undo, "--yes").stderr
        mill.assert_main_unchanged()
        # A command is there to be copied: it is broken on no screen.
        (again,) = [line for line in back.splitlines() if "promote --branch undo/" in line]
        says = mill.promote("--branch", "cubic").stderr
        assert "It was taken back at" in says
        assert again in says.splitlines()

    def test_merged(self, mill: Mill) -> None:
        """A scheduled job needs no branch's name, and takes what was merged alone."""
        mill.on_branch("cubic", "cubic")
        mill.merged("cubic")
        mill.switch("idle")
        mill.run()
        mill.git("switch", "-q", "main")
        done = mill.promote("--merged", "--yes")
        assert "Branch idle is not promoted: it ran main's own code" in done.stderr
        assert mill.text("02/table.txt") == "cubic"
        assert "Nothing is promoted." in mill.promote("--merged", "--yes").stderr

    def test_two_branches_of_one_dataset(self, mill: Mill) -> None:
        """The first one has it; the second is told so, and leaves nothing behind that keeps others from theirs."""
        for name in ("alpha", "beta"):
            mill.git("switch", "-q", "main")
            mill.switch(name)
            (mill.folder / f"src/mill/{name}.py").write_text("x = 1\n")
            mill.git("add", ".")
            mill.git("commit", "-qm", name)
            mill.git("push", "-q", "-u", "origin", name)
            mill.run()
        for name in ("alpha", "beta"):
            mill.merged(name)
        done = mill.promote("--merged", "--yes", exit_code=1)
        assert "Promoted 3 datasets" in done.stderr
        assert "of branch beta. Main's copy was saved since" in done.stderr
        assert not list((mill.folder / "data/_steel_toes/_promote").glob("*.json"))
        # A job does not end well until somebody has looked at it.
        again = mill.promote("--merged", "--yes", exit_code=1)
        assert "Branch beta is not promoted" in again.stderr
        assert "then `steel-toes clean --branch beta" in again.stderr

    def test_merged_as_it_was_shown(self, mill: Mill, monkeypatch: pytest.MonkeyPatch) -> None:
        """A branch that is saved while somebody thinks about the plan of several is not promoted; the others are."""
        for name in ("alpha", "beta"):
            mill.on_branch(name, name)
            mill.merged(name)

        def agree_late(yes: bool, question: str) -> bool:
            mill.patch.setenv("STEEL_TOES_BRANCH", "beta")
            mill.catalog().save("table", "saved since")
            mill.patch.delenv("STEEL_TOES_BRANCH")
            return True

        monkeypatch.setattr("steel_toes.cli.promote.is_agreed", agree_late)
        says = mill.promote("--merged", exit_code=1).stderr
        assert "Promoted 0" not in says
        assert mill.text("02/table.txt") != "saved since"

    def test_merged_with_a_record_that_cannot_be_read(self, mill: Mill) -> None:
        """A job does not end well."""
        mill.on_branch("cubic", "cubic")
        mill.merged("cubic")
        record = next((mill.folder / "data/_steel_toes/cubic").glob("*.json"))
        record.write_text("{")
        assert "Cannot use the record" in mill.promote("--merged", "--yes", exit_code=1).stderr
        mill.assert_main_unchanged()

    def test_open_branch(self, mill: Mill) -> None:
        """What was never merged is no concern of a job's, and not to be forced by it."""
        mill.on_branch("cubic", "cubic")
        mill.git("switch", "-q", "main")
        left = mill.promote("--merged", "--yes").stderr
        assert "Branch cubic is not promoted: main does not have its code" in left
        assert "--force" not in left
        assert "forces nothing" in mill.promote("--merged", "--force", "code", exit_code=2).stderr
        mill.assert_main_unchanged()

    def test_merged_leaves_out(self, mill: Mill) -> None:
        """The branch that the process is on."""
        mill.on_branch("cubic", "cubic")
        assert "Nothing is promoted." in mill.promote("--merged", "--code", "HEAD", "--yes").stderr

    def test_some_datasets(self, mill: Mill) -> None:
        """What stays behind is said."""
        mill.on_branch("cubic", "cubic")
        mill.merged("cubic")
        done = mill.promote("--branch", "cubic", "note", "--yes")
        assert "note was made from the branch's table, which stays behind" in done.stderr
        assert (mill.text("02/note.txt"), mill.text("02/table.txt")) == ("CUBIC", "main's")

    def test_json(self, mill: Mill) -> None:
        """A plan is data."""
        mill.on_branch("cubic", "cubic")
        mill.merged("cubic")
        plan = json.loads(mill.promote("--branch", "cubic", "--json").stdout)
        assert {item["dataset"]: item["code"] for item in plan["items"]} == dict.fromkeys(
            ("table", "model", "note"), "same"
        )

    def test_unfinished(self, mill: Mill) -> None:
        """A claim is shown by every command that looks at data, until somebody ends it."""
        mill.on_branch("cubic", "cubic")
        mill.merged("cubic")
        plan = json.loads(mill.promote("--branch", "cubic", "--json").stdout)
        record = Path(plan["items"][0]["record"])
        claim = record.parent.parent / "_promote" / record.name
        self.claim(mill, claim)
        for command in ("status", "branches"):
            assert "The promote of branch cubic" in mill.call(command).stderr
        # From the branch, or with code that is not committed, too.
        mill.write("not committed")
        assert mill.promote("--branch", "cubic", "--abandon", "--yes").stderr.startswith("The promote of")
        mill.write("cubic")
        assert not claim.exists()
        mill.promote("--branch", "cubic", "--yes")
        assert mill.text("02/table.txt") == "cubic"

    def test_abandoned_when_some_is_decided(self, mill: Mill) -> None:
        """What main has already is not taken back so, and what was kept of it is not to be cleaned."""
        mill.on_branch("cubic", "cubic")
        mill.merged("cubic")
        for promotion in self.promotions(mill):
            in_place = promotion.claim_file.create(promotion.claim)
            if promotion.claim.dataset == "note":
                promotion.claim_file.change(in_place, replace(promotion.claim, state="promoted"))
        says = mill.promote("--branch", "cubic", "--abandon", "--yes").stderr
        assert "Taken back, but for note: main has all of it already." in says
        assert "clean --branch" not in says
        assert [claim["dataset"] for claim in mill.json("promote", "--branch", "cubic")["unfinished"]] == ["note"]

    def promotions(self, mill: Mill) -> Any:
        """What the command would promote."""
        from steel_toes.actions.promotion import PromoteWish
        from steel_toes.cli.project import Project as KedroProject
        from steel_toes.cli.promote import make_planner

        mill.fresh()
        return make_planner(KedroProject(), None).plan(PromoteWish("cubic")).promotions

    def claim(self, mill: Mill, path: Path) -> None:
        """A promote that died right after its first claim."""
        places = {promotion.claim_file.path: promotion for promotion in self.promotions(mill)}
        promotion = places[str(mill.folder / path)]
        promotion.claim_file.create(promotion.claim)


class TestCode:
    """Main must have the code that made the data."""

    def test_never_merged(self, mill: Mill) -> None:
        mill.on_branch("cubic", "cubic")
        mill.git("switch", "-q", "main")
        mill.write("main's")
        refused = mill.promote("--branch", "cubic", "--yes", exit_code=1)
        assert "What made the data is not what origin/main has of src/mill/nodes.py" in refused.stderr
        mill.assert_main_unchanged()
        mill.promote("--branch", "cubic", "--force", "code", "--yes")
        assert mill.text("02/table.txt") == "cubic"

    def test_strict(self, mill: Mill) -> None:
        """Main has the branch's files, and others have moved on."""
        mill.on_branch("cubic", "cubic")
        mill.git("switch", "-q", "main")
        (mill.folder / "src/mill/other.py").write_text("x = 1\n")
        mill.git("add", ".")
        mill.git("commit", "-qm", "another request")
        mill.merged("cubic")
        refused = mill.promote("--branch", "cubic", "--strict", exit_code=1)
        assert "not the same as the code that made the data" in refused.stderr
        assert "contained" in mill.promote("--branch", "cubic", "--yes").stdout

    def test_an_older_version(self, mill: Mill) -> None:
        """A version that was saved before the code was edited is not main's: what is said is what can be done."""
        mill.switch("cubic")
        mill.run()
        mill.on_branch("cubic", "cubic")
        mill.merged("cubic")
        refused = " ".join(mill.promote("--branch", "cubic", "--yes", exit_code=1).stderr.split())
        assert "such as an older version or partition" in refused
        assert "--force code" in refused
        assert "--strict" not in refused
        mill.assert_main_unchanged()

    def test_params(self, mill: Mill) -> None:
        """What parameters of the command line made is not what main's runs make."""
        mill.switch("cubic")
        with mill.session(x=1) as session:
            session.run()
        mill.git("switch", "-q", "main")
        assert "--params" in mill.promote("--branch", "cubic", exit_code=1).stderr

    def test_another_checkout(self, mill: Mill) -> None:
        """The catalog is the checkout's: of other code it may be another."""
        mill.on_branch("cubic", "cubic")
        mill.merged("cubic")
        mill.write("not committed")
        refused = mill.promote("--branch", "cubic", exit_code=1).stderr
        assert "The code of this checkout is not that of origin/main (src/mill/nodes.py)" in refused


class TestUsage:
    """A wrong call is told from one that has nothing to do."""

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ((), "Say which branch"),
            (("--merged", "--branch", "x"), "Say which branch"),
            (("--branch", "  "), "It is blank"),
            (("--branch", "main"), "It is main"),
            (("--branch", "nobody"), "No branch of this name"),
            (("--branch", "cubic", "tabel"), "has a dataset of this name"),
            (("--branch", "cubic", "--code", "nowhere"), "no such commit"),
        ],
    )
    def test_wrong(self, mill: Mill, arguments: tuple[str, ...], says: str) -> None:
        mill.on_branch("cubic", "cubic")
        mill.merged("cubic")
        assert says in mill.promote(*arguments, exit_code=2).stderr
        mill.assert_main_unchanged()

    def test_on_the_branch(self, mill: Mill) -> None:
        """Nobody promotes the branch that he is on."""
        mill.on_branch("cubic", "cubic")
        assert (
            "This process is on that branch" in mill.promote("--branch", "cubic", "--code", "HEAD", exit_code=1).stderr
        )

    def test_nothing_to_abandon(self, mill: Mill) -> None:
        assert "No promote of branch cubic is unfinished." in mill.promote("--branch", "cubic", "--abandon").stderr


class TestChecks:
    """Kedro's validators are asked of the branch copy, before anything is copied."""

    @pytest.fixture(autouse=True)
    def _validation(self) -> None:
        pytest.importorskip("kedro.validation.core", reason="this Kedro has no validators")

    def merged(self, mill: Mill, length: int) -> None:
        """A branch is merged, and main allows so many characters."""
        validator = f"{{class: support.entries.AtMost, options: {{length: {length}}}, on: save}}"
        catalog = mill.folder / "conf/base/catalog.yml"
        mill.on_branch("cubic", "cubic")
        mill.merged("cubic")
        catalog.write_text(CATALOG.replace("table.txt}", f"table.txt, validator: {validator}}}"))
        mill.git("commit", "-qam", "validated")
        mill.git("push", "-q", "origin", "main")

    @pytest.mark.parametrize("which", [("--branch", "cubic"), ("--merged",)])
    def test_passed(self, mill: Mill, which: tuple[str, ...]) -> None:
        """The audit says so, however the branch was chosen."""
        self.merged(mill, 9)
        mill.promote(*which, "--yes")
        checked = {audit["dataset"]: audit["checked"] for audit in mill.json("branches", "--promoted")}
        assert checked == {"table": "passed", "model": "", "note": ""}

    @pytest.mark.parametrize(
        "entry",
        [
            "again: {type: text.TextDataset, filepath: data/02/table.txt, validator: VALIDATOR}",
            '"t{what}": {type: text.TextDataset, filepath: "data/02/t{what}.txt", validator: VALIDATOR}',
        ],
        ids=["two entries", "a pattern"],
    )
    def test_other_entries(self, mill: Mill, entry: str) -> None:
        """Whoever else has the data at this location, or is its only entry by a pattern, is asked as well."""
        mill.on_branch("cubic", "cubic")
        mill.merged("cubic")
        validator = "{class: support.entries.AtMost, options: {length: 3}, on: save}"
        lines = CATALOG.splitlines()
        if "{what}" in entry:
            lines = [line for line in lines if not line.startswith("table:")]
        catalog = "\n".join([*lines, entry.replace("VALIDATOR", validator), ""])
        (mill.folder / "conf/base/catalog.yml").write_text(catalog)
        mill.git("commit", "-qam", "validated")
        mill.git("push", "-q", "origin", "main")
        refused = mill.promote("--branch", "cubic", "--yes", exit_code=1)
        assert "is longer than 3" in refused.stderr
        mill.assert_main_unchanged()

    def test_refused(self, mill: Mill) -> None:
        self.merged(mill, 3)
        refused = mill.promote("--branch", "cubic", "--yes", exit_code=1)
        assert "is longer than 3" in refused.stderr
        mill.assert_main_unchanged()
        mill.promote("--branch", "cubic", "--no-check", "--yes")
        assert mill.text("02/table.txt") == "cubic"
