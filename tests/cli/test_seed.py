"""`seed`: what people see of it, and what it refuses."""

from __future__ import annotations

import re
import shlex

import pytest

from support.studio import Studio, catalog_of, files

OTHER = "feature-2"


@pytest.fixture
def second(studio: Studio) -> Studio:
    """The project on another branch than the one that has copies, less what is wrong with some of these."""
    for name in ("torn", "unfinished", "changed", "gone"):
        studio.call("clean", "--branch", "feature/x", name, "--yes")
    studio.switch(OTHER)
    return studio


class TestSeed:
    """What it shows, and what it does."""

    @pytest.mark.contract
    def test_all_of_a_branch(self, second: Studio) -> None:
        """Every copy that the other branch has is shown, then copied, and `status` says what it began as."""
        before = files(second.folder)
        shown = second.call("seed", "--from", "feature/x", "--paths")
        assert files(second.folder) == before
        assert "Nothing was changed. Add --yes to do it." in shown.stderr
        lines = [line.split() for line in shown.stdout.splitlines() if "feature/x" in line]
        assert [line[0] for line in lines] == ["model", "parts", "saved", "table@json"]
        assert f"data/04--{OTHER}/c.txt" in shown.stdout
        done = second.call("seed", "--from", "feature/x", "--yes")
        assert "Seeded 4 datasets: 5 files" in done.stderr
        rows = {row["dataset"]: row for row in second.json("status", "saved", "parts", "model", "table@text", "raw")}
        assert {name: row["seeded_from"] for name, row in rows.items()} == {
            "saved": "feature/x",
            "parts": "feature/x",
            "model": "feature/x",
            "table@text": "feature/x",
            "raw": None,
        }
        assert rows["saved"]["why"] == "seeded from feature/x"
        assert rows["parts"]["why"] == "2 files, over main's, seeded from feature/x"
        assert catalog_of(OTHER).load("saved") == catalog_of("feature/x").load("saved")

    def test_json(self, second: Studio) -> None:
        """Programs get the same."""
        plan = second.json("seed", "saved", "--from", "feature/x", "--yes")
        assert plan == {
            "items": [
                {
                    "dataset": "saved",
                    "from": "feature/x",
                    "path": f"{second.folder}/data/02/saved--{OTHER}.txt",
                    "files": [f"data/02/saved--{OTHER}.txt"],
                    "removed": [],
                    "replaces": "",
                    "bytes": len(catalog_of(OTHER).load("saved")),
                }
            ],
            "left": [],
            "refused": [],
            "failed": [],
        }

    def test_main_of_now(self, second: Studio) -> None:
        """Without `--from`, what is named is main's, and stays so."""
        second.call("seed", "raw", "parts", "--yes")
        rows = {row["dataset"]: row for row in second.json("status", "raw", "parts")}
        assert (rows["raw"]["seeded_from"], rows["raw"]["why"]) == ("main", "seeded from main as it was")
        assert rows["parts"]["why"] == "2 files, in the place of all of main's, seeded from main as it was"

    def test_the_other_branch_goes_on(self, second: Studio) -> None:
        """`status` says that the branch has saved since, or that its copy is gone; `--again` follows it."""
        second.call("seed", "--from", "feature/x", "saved", "--yes")
        catalog_of("feature/x").save("saved", "later")
        assert second.json("status", "saved")[0]["why"] == "seeded from feature/x, which has saved since"
        refused = second.call("seed", "--from", "feature/x", "saved", "--yes", exit_code=1)
        assert "The branch has a copy of its own, which would be lost. To replace it, say `--again`" in refused.stderr
        second.call("seed", "--from", "feature/x", "saved", "--again", "--yes")
        assert catalog_of(OTHER).load("saved") == "later"
        second.call("clean", "--branch", "feature/x", "--yes")
        assert second.json("status", "saved")[0]["why"] == "seeded from feature/x, whose copy is gone"

    def test_a_renamed_branch(self, studio: Studio) -> None:
        """The run after `git branch -m` names both commands, and they do it."""
        for name in ("torn", "unfinished", "changed", "gone"):
            studio.call("clean", "--branch", "feature/x", name, "--yes")
        before = catalog_of("feature/x").load("saved")
        studio.git("branch", "-m", "feature/x", "renamed")
        studio.call("seed", "--from", "feature/x", "--yes")
        studio.call("clean", "--branch", "feature/x", "--yes")
        assert catalog_of("renamed").load("saved") == before
        assert [row["branch"] for row in studio.json("branches")] == ["renamed"]


class TestRefused:
    """Wrong usage is 2, what cannot be had is 1; nothing is changed."""

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ((), "Say what: a branch to begin from"),
            (("--from", "main"), "Whatever a branch has not saved is main's already"),
            (("--from", "master", "saved"), "is main's already"),
            (("--from", ""), "It is blank"),
            (("--from", " ", "saved"), "It is blank"),
            (("--from", OTHER), "This is that branch"),
            (("--from", "feature/y"), "No branch of this name has data here"),
            (("savd",), "The catalog has no savd (perhaps saved?)"),
        ],
    )
    def test_usage(self, second: Studio, arguments: tuple[str, ...], words: str) -> None:
        before = files(second.folder)
        result = second.call("seed", *arguments, "--yes", exit_code=2)
        assert words in " ".join(result.stderr.split())
        assert files(second.folder) == before

    @pytest.mark.parametrize("what", ["torn", "changed", "gone"])
    def test_of_a_branch(self, studio: Studio, what: str) -> None:
        """Of several, one that cannot be copied refuses all; the others can be named."""
        studio.switch(OTHER)
        before = files(studio.folder)
        result = studio.call("seed", "--from", "feature/x", what, "saved", "--yes", exit_code=1)
        assert f"Cannot seed {what} on branch {OTHER}. What branch feature/x has is" in result.stderr
        assert "Have that branch save it again, or leave the dataset out by naming the others" in result.stderr
        assert files(studio.folder) == before

    @pytest.mark.parametrize("branch", ["main", None])
    def test_no_copies_here(self, second: Studio, branch: str | None) -> None:
        """On main, and on no branch, there are none."""
        if branch:
            second.git("switch", "-q", "-C", branch)
        else:
            second.git("switch", "-q", "--detach")
        result = second.call("seed", "--from", "feature/x", "--yes", exit_code=1)
        assert "No branch has copies here" in result.stderr

    def test_what_has_no_copies(self, second: Studio) -> None:
        """A shared entry, one in memory, one of a service."""
        result = second.call("seed", "log", "memory", "pushed", "--yes", exit_code=1)
        reasons = {
            "log": "it is shared.",
            "memory": "it is in memory, or only read.",
            "pushed": "None of its parameters",
        }
        for name, why in reasons.items():
            assert f"Cannot seed {name} on branch {OTHER}. It has no copies on a branch: {why}" in result.stderr
        assert "Nothing was changed." in result.stderr

    def test_the_others_alone(self, second: Studio) -> None:
        """One that is refused refuses all, and the others are named, to be pasted."""
        catalog_of(OTHER).save("saved", "mine")
        result = second.call("seed", "--from", "feature/x", "--yes", exit_code=1)
        command = re.search(r"To copy the others alone: `steel-toes (.+)`", result.stderr)[1]
        second.call(*shlex.split(command), "--yes")
        assert catalog_of(OTHER).load("saved") == "mine"
        result = second.call("seed", "--from", "feature/x", "saved", "--again")
        assert "what was saved here" in result.stdout
        assert "This branch has saved saved itself, and that would be lost." in result.stderr
