"""`status`: the side of each dataset and why, in a project where a copy is in each state that there is."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime
from pathlib import Path

import pytest

from steel_toes.actions.inventory import Inventory, Unrecorded
from support.studio import EXPLICIT, Studio, catalog_of, files, rows
from support.team import SLUG


class TestStatus:
    """Which side each dataset is read from, and why."""

    @pytest.mark.contract
    def test_facts(self, studio: Studio) -> None:
        """These are the facts of a dataset."""
        (row,) = studio.json("status", "saved")
        commit = studio.git("rev-parse", "HEAD")
        found = (studio.folder / f"data/02/saved--{SLUG}.txt").stat()
        assert datetime.fromisoformat(row.pop("modified")).timestamp() == pytest.approx(found.st_mtime)
        assert row.pop("author")
        assert row.pop("commit") == commit
        facts = {
            "dataset": "saved",
            "side": "branch",
            "why": "saved on the branch",
            "saves": "branch",
            "main_path": str(studio.folder / "data/02/saved.txt"),
            "reads_from": str(studio.folder / f"data/02/saved--{SLUG}.txt"),
            "saves_to": str(studio.folder / f"data/02/saved--{SLUG}.txt"),
            "bytes": found.st_size,
            "dirty": False,
            "main_exists": True,
            "main_changed": False,
            "seeded_from": None,
        }
        assert list(row) == list(facts)
        assert row == facts

    def test_saved_meanwhile(self, studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
        """What was saved after the records were listed is looked at once more."""
        find = Inventory.find_unrecorded

        def found_before(inventory: Inventory, slug: str) -> Unrecorded:
            return Unrecorded(dict.fromkeys(find(inventory, slug).listed, frozenset()))

        monkeypatch.setattr(Inventory, "find_unrecorded", found_before)
        rows = {row["dataset"]: (row["side"], row["why"]) for row in studio.json("status", "saved", "parts")}
        assert rows == {"saved": ("branch", "saved on the branch"), "parts": ("branch", "2 files, over main's")}

    @pytest.mark.contract
    @pytest.mark.parametrize(
        ("dataset", "side", "why", "saves_to"),
        [
            ("raw", "main", "never saved on the branch", f"data/01/raw--{SLUG}.txt"),
            ("saved", "branch", "saved on the branch", f"data/02/saved--{SLUG}.txt"),
            ("torn", None, "torn: its save did not finish", f"data/02/torn--{SLUG}.pickle"),
            ("unfinished", "main", "of a first save that did not finish", f"data/02/unfinished--{SLUG}.pickle"),
            ("stray", "main", "without a record, so ignored", f"data/02/stray--{SLUG}.txt"),
            ("changed", None, "altered by other hands", f"data/02/changed--{SLUG}.txt"),
            ("gone", None, "gone", f"data/02/gone--{SLUG}.txt"),
            ("table@text", "branch", "saved on the branch", f"data/02/table--{SLUG}.json"),
            ("table@json", "branch", "saved on the branch", f"data/02/table--{SLUG}.json"),
            ("made_json", "main", "never saved on the branch", f"data/02/made--{SLUG}.json"),
            ("model", "branch", "1 version, beside main's", f"data/03/model--{SLUG}.pickle"),
            ("parts", "branch", "2 files, over main's", f"data/04--{SLUG}"),
            ("log", "main", "shared", "data/05/log.txt"),
            ("memory", "main", "in memory", None),
            ("remote", "main", "it is only read", None),
            ("pushed", "main", "None of its parameters is known to say where its data is.", None),
            ("page", "main", "it is only read", None),
            ("silent", None, "StoreError: Cannot list", None),
            ("broken", None, "DatasetError", None),
        ],
    )
    def test_side(self, studio: Studio, dataset: str, side: str | None, why: str, saves_to: str | None) -> None:
        """Each state has its side, its reason and its place; an entry that cannot be built or reached, too."""
        rows = {row["dataset"]: row for row in studio.json("status", *{dataset, "raw"})}
        row = rows[dataset]
        assert row["side"] == side
        assert why in row["why"]
        place = studio.folder / saves_to if saves_to and "/" in saves_to else saves_to
        assert row["saves_to"] == (place and str(place))

    def test_tells_what_a_load_does(self, studio: Studio) -> None:
        """The side is the one that a load gives, and where there is none, a load fails."""
        catalog = catalog_of("feature/x")
        seen = {row["dataset"]: row["side"] for row in studio.json("status", *EXPLICIT)}
        for name in ("raw", "saved", "torn", "unfinished", "stray", "changed", "gone", "model"):
            try:
                given = {"main's": "main", "the branch's": "branch"}[catalog.load(name)]
            except Exception:  # noqa: BLE001 - what kind of failure it is, other tests say
                given = None
            assert given == seen[name], name

    def test_all(self, studio: Studio) -> None:
        """Without names all entries are listed, sorted, with those that a pattern makes for a pipeline."""
        names = [row["dataset"] for row in studio.json("status")]
        assert names == sorted(EXPLICIT | {"made_json", "other_json"})

    def test_shown(self, studio: Studio) -> None:
        """People read the same in a table, with paths from the project's folder, and words where there is nothing."""
        result = studio.call("status", "--paths")
        seen = rows(result)
        assert seen.keys() == EXPLICIT | {"made_json", "other_json"}
        assert f"\n  reads data/02/saved--{SLUG}.txt\n" in result.stdout
        assert f"  saved at {studio.git('rev-parse', 'HEAD')[:8]} by " in result.stdout
        assert (" refused" in seen["pushed"], " read only" in seen["remote"]) == (True, True)
        assert seen["torn"].split()[1] == "none"

    def test_dirty(self, studio: Studio) -> None:
        """A commit that is not quite the code that saved the copy is told as such."""
        (studio.folder / ".gitignore").write_text("data/\n")
        catalog_of("feature/x").save("saved", "again")
        assert studio.json("status", "saved")[0]["dirty"] is True
        assert f" {studio.git('rev-parse', 'HEAD')[:8]}+ " in studio.call("status", "saved", "--paths").stdout

    @pytest.mark.parametrize("width", ["40", "80", "120"])
    def test_narrow(self, studio: Studio, width: str) -> None:
        """In a narrow terminal long words are wrapped, and nothing is cut off."""
        studio.patch.setenv("COLUMNS", width)
        for command in (["status", "saved"], ["clean", "--branch", "feature/x", "saved"]):
            shown = studio.call(*command).stdout
            assert max(map(len, shown.splitlines())) <= int(width)
            assert "\N{HORIZONTAL ELLIPSIS}" not in shown

    @pytest.mark.contract
    def test_pattern(self, studio: Studio) -> None:
        """A dataset that only a pattern makes can be asked for by its name, though no pipeline uses it."""
        (row,) = studio.json("status", "new_json")
        assert row["saves_to"] == str(studio.folder / f"data/02/new--{SLUG}.json")

    def test_pipeline(self, studio: Studio) -> None:
        """--pipeline lists what the pipeline reads and writes, without its parameters."""
        assert [row["dataset"] for row in studio.json("status", "--pipeline", "make")] == [
            *("made_json", "memory", "raw", "saved")
        ]

    def test_pipeline_and_names(self, studio: Studio) -> None:
        """Beside --pipeline names choose among its datasets; one that it does not use is a usage error."""
        assert [row["dataset"] for row in studio.json("status", "--pipeline", "make", "saved")] == ["saved"]
        assert "parts" in studio.call("status", "--pipeline", "make", "parts", exit_code=2).stderr

    def test_nothing_is_changed(self, studio: Studio) -> None:
        """Asking changes nothing on disk."""
        before = files(studio.folder)
        studio.call("status")
        assert files(studio.folder) == before

    def test_main_changed(self, studio: Studio) -> None:
        """Whether main's copy is another than when the branch copy was begun is told for what the branch saved."""
        for path in ("data/02/saved.txt", "data/04/b.txt"):
            (studio.folder / path).write_text("main goes on")
            studio.mains[path] = b"main goes on"
        seen = {row["dataset"]: row["main_changed"] for row in studio.json("status")}
        told = {name: seen[name] for name in ("saved", "parts", "table@text", "model", "raw", "unfinished", "log")}
        assert told == {
            **dict.fromkeys(("saved", "parts"), True),
            **dict.fromkeys(("table@text", "model"), False),
            **dict.fromkeys(("raw", "unfinished", "log")),
        }

    def test_main_has_more_partitions(self, studio: Studio) -> None:
        """A partition that main gets, and that the branch never saved, is no change under the branch's copy."""
        (studio.folder / "data/04/new.txt").write_text("main goes on")
        assert studio.json("status", "parts")[0]["main_changed"] is False

    @pytest.mark.contract
    @pytest.mark.parametrize("how", ["main", "disabled"])
    def test_main(self, studio: Studio, how: str) -> None:
        """On main, and switched off, there is nothing to list, and one line on stderr says why."""
        if how == "main":
            studio.git("switch", "-q", "main")
        else:
            studio.patch.setenv("STEEL_TOES_ENABLED", "false")
        result = studio.call("status", "--json")
        assert json.loads(result.stdout) == []
        assert "everything is read from main and saved to main" in result.stderr

    def test_unknown_branch(self, studio: Studio) -> None:
        """On an unknown branch everything is read from main and each save is refused; the reason is told."""
        studio.git("switch", "-q", "--detach")
        result = studio.call("status", "saved", "raw", "log", "--json")
        log = str(studio.folder / "data/05/log.txt")
        seen = {row["dataset"]: (row["side"], row["saves_to"]) for row in json.loads(result.stdout)}
        assert seen == {
            "saved": ("main", None),
            "raw": ("main", None),
            "log": ("main", log),
        }
        assert "detached" in result.stdout + result.stderr

    def test_partitions(self, studio: Studio) -> None:
        """Of several files each verdict is counted."""
        folder = studio.folder / f"data/04--{SLUG}"
        (folder / "stray.txt").write_text("nobody's")
        (folder / "c.txt").write_text("other hands'")
        (row,) = studio.json("status", "parts")
        for words in ("1 file", "1 file altered by other hands", "1 file without a record", "over main's"):
            assert words in row["why"]

    def test_what_to_do(self, studio: Studio) -> None:
        """Where a load would fail, stderr says what to do, in commands to copy; else nothing."""
        said = studio.call("status", "torn", "saved").stderr
        assert "\n  steel-toes adopt DATASET\n" in said
        assert "\n  steel-toes clean --branch feature/x DATASET\n" in said
        assert "steel-toes adopt" not in studio.call("status", "saved", "raw").stderr

    def test_other_branch(self, studio: Studio) -> None:
        """Another branch has nothing of this one's."""
        studio.patch.setenv("STEEL_TOES_BRANCH", "feature/y")
        sides = {row["side"] for row in studio.json("status", *EXPLICIT - {"silent", "broken"})}
        assert sides == {"main"}

    def test_all_failed(self, studio: Studio) -> None:
        """Where nothing could be found out of any dataset the exit code says so; of one beside others it does not."""
        assert "StoreError" in studio.call("status", "silent", "broken", exit_code=1).stdout
        studio.call("status", "silent", "raw")

    def test_missing(self, studio: Studio) -> None:
        """What main has not is missing, and of no size."""
        (studio.folder / "conf/base/catalog_more.yml").write_text(
            "absent: {type: text.TextDataset, filepath: data/01/absent.txt}\n"
        )
        (row,) = studio.json("status", "absent")
        assert (row["side"], row["bytes"], row["main_exists"]) == ("main", None, False)
        assert studio.call("status", "absent").stdout.split()[-1] == "missing"

    def test_missing_beside_the_branchs(self, studio: Studio) -> None:
        """Main's copy is missing beside the branch's, too, of whatever kind."""
        for path in ("data/02/saved.txt", "data/04/a.txt", "data/04/b.txt"):
            (studio.folder / path).unlink()
            del studio.mains[path]
        rows = {row["dataset"]: row["main_exists"] for row in studio.json("status", "saved", "parts", "model")}
        assert rows == {"saved": False, "parts": False, "model": True}

    def test_of_another_project(self, studio: Studio) -> None:
        """A copy of another project is read, and not saved over: both are said."""
        studio.settings('project="theirs"')
        studio.catalog().save("raw", "theirs")
        studio.settings('project="ours"')
        (row,) = studio.json("status", "raw")
        assert (row["side"], row["why"], row["saves"]) == ("branch", "saved on the branch, by theirs", "refused")

    def test_from_another_folder(self, studio: Studio) -> None:
        """Paths can be pasted where they are shown."""
        studio.patch.chdir(studio.folder / "src")
        shown = studio.call("status", "saved", "--paths").stdout
        path = re.search(r"reads (\S+)|^(/\S+)$", shown, re.MULTILINE)
        assert path
        assert Path(path[1] or path[2]).read_text() == "the branch's"

    def test_the_age_of_a_version(self, studio: Studio) -> None:
        """Of a dataset with versions, the age is that of the version that is read."""
        catalog = studio.catalog()
        catalog.save("model", "second")
        newest, oldest = sorted((studio.folder / f"data/03/model--{SLUG}.pickle").iterdir(), reverse=True)
        (row,) = studio.json("status", "model")
        there = next(newest.iterdir()).stat().st_mtime
        os.utime(next(oldest.iterdir()), (there + 1000, there + 1000))
        (row,) = studio.json("status", "model")
        assert datetime.fromisoformat(row["modified"]).timestamp() == pytest.approx(there)

    def test_silent_bucket(self, studio: Studio) -> None:
        """A bucket whose server does not answer is one row's reason, and the other rows are there."""
        studio.add_silent_bucket()
        far, saved = studio.json("status", "far", "saved")
        assert (far["side"], saved["side"]) == (None, "branch")
        assert "StoreError" in far["why"]


USERS_HOOK = """
from kedro.framework.hooks import hook_impl
from kedro.io import AbstractDataset
from steel_toes.actions.inventory import Unrecorded
from steel_toes import SteelToes


class Retry(AbstractDataset):
    def __init__(self, dataset):
        self._dataset = dataset

    def load(self):
        return self._dataset.load()

    def save(self, data):
        self._dataset.save(data)

    def _describe(self):
        return {}


class Hook:
    @hook_impl
    def after_catalog_created(self, catalog):
        for name in ("saved", "raw"):
            catalog[name] = Retry(catalog[name])
        catalog["table@text"].save("by a hook")


HOOKS = (Hook(), SteelToes())
"""


class TestHooksOfUsers:
    """A command sees the catalog as a run does, with what the project's own hooks do to it."""

    @pytest.fixture
    def hooked(self, studio: Studio) -> Studio:
        (studio.folder / "src/studio/settings.py").write_text(USERS_HOOK)
        return studio

    @pytest.mark.parametrize(("dataset", "side"), [("saved", "branch"), ("raw", "main")])
    def test_a_wrapper(self, hooked: Studio, dataset: str, side: str) -> None:
        """What a hook puts around a dataset is on the side of what is inside, and is saved where that is."""
        (row,) = hooked.json("status", dataset)
        assert row["side"] == side
        assert f"{dataset}--{SLUG}.txt" in row["saves_to"]

    @pytest.mark.parametrize(
        "command", [["status"], ["branches"], ["clean", "--branch", "feature/x"], ["adopt", "raw"]]
    )
    def test_a_save(self, hooked: Studio, command: list[str]) -> None:
        """What a hook saves while a command makes the catalog goes to the branch."""
        hooked.call(*command, exit_code=None)
        hooked.assert_main_unchanged()
        assert (hooked.folder / f"data/02/table--{SLUG}.json").read_text() == "by a hook"


@pytest.mark.contract
def test_after_the_layout_was_changed(studio: Studio) -> None:
    """`status` shows what was saved before and says so, `branches` lists it, and `clean` removes it."""
    for name in ("torn", "unfinished", "changed", "gone"):
        studio.call("clean", "--branch", "feature/x", name, "--yes")
    studio.settings('layout="prefix"')
    (row,) = studio.json("status", "saved")
    assert (row["side"], row["why"], row["saves"]) == (
        "branch",
        'saved on the branch, under layout "suffix"',
        "refused",
    )
    assert [row["branch"] for row in studio.json("branches")] == ["feature/x"]
    result = studio.call("clean", "--branch", "feature/x", "--yes")
    assert "Removed 4 of 4 branch copies" in result.stderr
    assert [path.name for path in Path("data").rglob("*--feature-x*")] == [f"stray--{SLUG}.txt"]
    assert studio.json("status", "saved")[0]["why"] == "never saved on the branch"
