"""`adopt`: a file that was put at a branch copy's place is recorded."""

from __future__ import annotations

import os
import pickle
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from kedro.io import DataCatalog

from steel_toes.actions import adopt
from steel_toes.errors import LinkError, StoreError
from steel_toes.records.place import Place
from support.studio import CATALOG, COPIES, Studio, catalog_of, files
from support.team import SLUG


class TestAdopt:
    """Recording a file that was put at a branch copy's place."""

    def put(self, path: str, data: bytes = b"put") -> None:
        """Put a file somewhere."""
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    @pytest.mark.contract
    @pytest.mark.parametrize("subject", ["stray", f"data/02/stray--{SLUG}.txt", f"./data/01/../02/stray--{SLUG}.txt"])
    def test_whole(self, studio: Studio, subject: str) -> None:
        """By its dataset's name or its path a file is recorded, and the next catalog reads it."""
        assert catalog_of("feature/x").load("stray") == "main's"
        listed = studio.json("adopt", subject, "--yes")
        assert listed == [
            {"dataset": "stray", "path": str(studio.folder / f"data/02/stray--{SLUG}.txt"), "condition": ""}
        ]
        assert catalog_of("feature/x").load("stray") == "nobody's"
        (row,) = studio.json("status", "stray")
        assert (row["side"], row["why"], row["commit"]) == (
            "branch",
            "saved on the branch",
            studio.git("rev-parse", "HEAD"),
        )

    def test_torn_copy_without_data(self, studio: Studio) -> None:
        """A torn copy whose file somebody has removed is not there to be recorded."""
        (path,) = COPIES["torn"]
        Path(path).unlink()
        result = studio.call("adopt", "torn", "--yes", exit_code=1)
        assert "No file lies at the place of its branch copy" in result.stderr
        assert [row["side"] for row in studio.json("status", "torn")] == [None]

    @pytest.mark.contract
    def test_without_yes(self, studio: Studio) -> None:
        """Without --yes and without a terminal it shows what it would record, and changes nothing; exit code 0."""
        before = files(studio.folder)
        assert "stray " in studio.call("adopt", "stray").stdout
        result = studio.call("adopt", "stray", "--paths")
        assert f"data/02/stray--{SLUG}.txt" in result.stdout
        assert "Nothing was changed. Add --yes to do it." in result.stderr
        assert files(studio.folder) == before

    def test_several(self, studio: Studio) -> None:
        """Several at once, each file once, by whatever names; and all or nothing of a wrong name."""
        self.put(f"data/01/raw--{SLUG}.txt")
        before = files(studio.folder)
        studio.call("adopt", "stray", "raw", "memory", "--yes", exit_code=1)
        assert files(studio.folder) == before
        paths = [f"data/01/raw--{SLUG}.txt", f"data/02/stray--{SLUG}.txt"]
        plan = studio.json("adopt", "stray", "raw", *paths, "raw", "--yes")
        assert sorted(row["path"] for row in plan) == [str(studio.folder / path) for path in paths]
        assert (catalog_of("feature/x").load("stray"), catalog_of("feature/x").load("raw")) == ("nobody's", "put")

    def test_again(self, studio: Studio) -> None:
        """What is recorded already is nothing to do, and beside others no hindrance."""
        before = files(studio.folder)
        assert "recorded already" in studio.call("adopt", "saved", "parts", "--yes").stderr
        assert files(studio.folder) == before
        assert [row["dataset"] for row in studio.json("adopt", "saved", "stray", "--yes")] == ["stray"]

    def test_an_empty_folder(self, studio: Studio) -> None:
        """A folder without a file is no data."""
        (studio.folder / f"data/01/raw--{SLUG}.txt").mkdir()
        studio.call("adopt", "raw", "--yes", exit_code=1)

    def test_one_of_several_that_fails(self, studio: Studio) -> None:
        """What can be recorded is, and what cannot is named; the number says how many."""
        self.put(f"data/01/raw--{SLUG}.txt")
        adopt_place = Place.adopt

        def adopt_others(place: Place, *arguments: Any) -> None:
            if place.ledger.dataset == "stray":
                raise StoreError(dataset="stray", place="here", action="lock", why="It is held.", remedy="Wait.")
            adopt_place(place, *arguments)

        studio.patch.setattr(Place, "adopt", adopt_others)
        result = studio.call("adopt", "stray", "raw", "--yes", exit_code=1)
        assert "Recorded as branch feature/x's: 1 file." in result.stderr
        assert "Failed: " in result.stderr
        assert catalog_of("feature/x").load("raw") == "put"

    def test_beside_a_broken_entry(self, studio: Studio) -> None:
        """By its path a file is adopted whatever entry cannot be built."""
        broken = "no_dataset: {type: partitions.PartitionedDataset, path: data/09}\n"
        (studio.folder / "conf/base/catalog_broken.yml").write_text(broken)
        studio.call("adopt", f"data/02/stray--{SLUG}.txt", "--yes")
        assert catalog_of("feature/x").load("stray") == "nobody's"

    def test_absolute_path_from_elsewhere(self, studio: Studio) -> None:
        """A path is read from the working directory, as a shell completes it."""
        studio.patch.chdir(studio.folder / "data/02")
        studio.call("adopt", f"stray--{SLUG}.txt", "--yes")
        studio.patch.chdir(studio.folder)
        assert catalog_of("feature/x").load("stray") == "nobody's"

    @pytest.mark.contract
    @pytest.mark.parametrize("name", ["changed", "torn", "unfinished"])
    def test_of_other_hands(self, studio: Studio, name: str) -> None:
        """What other hands changed or repaired is the branch's again."""
        data = pickle.dumps("mended") if name != "changed" else b"mended"
        place = COPIES[name][0]
        self.put(place, data)
        studio.call("adopt", name, "--yes")
        assert catalog_of("feature/x").load(name) == "mended"

    @pytest.mark.contract
    @pytest.mark.parametrize("by", ["name", "file", "folder"])
    def test_version(self, studio: Studio, by: str) -> None:
        """A version that was put beside the branch's is recorded as one of them, and is the newest if it is."""
        folder = f"data/03/model--{SLUG}.pickle/2026-02-02T00.00.00.000Z"
        self.put(f"{folder}/model--{SLUG}.pickle", pickle.dumps("put"))
        subject = {"name": "model", "file": f"{folder}/model--{SLUG}.pickle", "folder": folder}[by]
        assert len(studio.json("adopt", subject, "--yes")) == 1
        assert catalog_of("feature/x").load("model") == "put"
        assert DataCatalog.from_config(yaml.safe_load(CATALOG)).load("model") == "main's"

    @pytest.mark.contract
    @pytest.mark.parametrize("by", ["name", "file", "folder"])
    def test_partition(self, studio: Studio, by: str) -> None:
        """A partition that was put beside the branch's is recorded; by its path it alone is."""
        folder = f"data/04--{SLUG}"
        self.put(f"{folder}/new.txt")
        self.put(f"{folder}/newer.txt")
        subject = {"name": "parts", "file": f"{folder}/new.txt", "folder": folder}[by]
        wanted = ["new.txt"] if by == "file" else ["new.txt", "newer.txt"]
        listed = studio.json("adopt", subject, "--yes")
        assert [Path(row["path"]).name for row in listed] == wanted
        seen = {name: load() for name, load in catalog_of("feature/x").load("parts").items()}
        put = {name.removesuffix(".txt"): "put" for name in wanted}
        assert seen == {"a": "main's a", "b": "the branch's b", "c": "the branch's c", **put}

    def test_pattern(self, studio: Studio) -> None:
        """A dataset that only a pattern makes is adopted by its name."""
        self.put(f"data/02/new--{SLUG}.json", b'{"of": "hand"}')
        studio.call("adopt", "new_json", "--yes")
        assert catalog_of("feature/x").load("new_json") == {"of": "hand"}

    @pytest.mark.contract
    @pytest.mark.parametrize(
        "subject",
        [
            *("raw", "gone", "log", "memory", "remote", "nothing"),
            *("data/02/saved.txt", "data/02/stray.txt", "data/02", "data", "/", ".", "data/05/log.txt"),
            *(f"data/02/saved--{SLUG}.txt", f"data/02/other--{SLUG}.txt", f"data/01/raw--{SLUG}.txt"),
            *("data/02/stray--feature-y-a2bcce4a.txt", f"data/_steel_toes/{SLUG}", f"data/04--{SLUG}/../02/stray.txt"),
        ],
    )
    def test_refused(self, studio: Studio, subject: str) -> None:
        """What is recorded, not there, or where the layout puts no copy of this branch is refused; exit code 1."""
        self.put(f"data/02/other--{SLUG}.txt")
        self.put("data/02/stray--feature-y-a2bcce4a.txt")
        before = files(studio.folder)
        result = studio.call("adopt", subject, "--yes", exit_code=1)
        assert result.stdout == ""
        assert result.stderr.count("Error: ") == 1
        assert files(studio.folder) == before

    @pytest.mark.contract
    @pytest.mark.parametrize("where", ["main", "--detach"])
    def test_no_branch(self, studio: Studio, where: str) -> None:
        """On main, and while the branch is unknown, there is nothing to adopt; exit code 1 and the reason."""
        studio.git("switch", "-q", where)
        result = studio.call("adopt", "stray", "--yes", exit_code=1)
        assert ("detached" if where == "--detach" else "main") in result.stderr

    @pytest.mark.contract
    def test_of_another_branch(self, studio: Studio) -> None:
        """With --branch it is that branch's file, from wherever one is; this branch sees nothing of it."""
        self.put("data/01/raw--feature-y-a2bcce4a.txt")
        studio.git("switch", "-q", "main")
        studio.call("adopt", "raw", "--branch", "feature/y", "--yes")
        assert (catalog_of("feature/y").load("raw"), catalog_of("feature/x").load("raw")) == ("put", "main's")
        assert {row["branch"]: row["git"] for row in studio.json("branches")}["feature/y"] == "no such branch"
        studio.call("adopt", "raw", "--branch", "main", "--yes", exit_code=1)

    @pytest.mark.contract
    def test_next_run(self, studio: Studio) -> None:
        """The next `kedro run` on the branch reads what was adopted."""
        self.put(f"data/01/raw--{SLUG}.txt", b"of seven")
        studio.call("adopt", "raw", "--yes")
        studio.process("kedro", "run", "--pipeline", "make")
        assert Path(f"data/02/made--{SLUG}.json").read_text() == str(len("of seven"))
        assert {row["side"] for row in studio.json("status", "raw", "made_json", "saved")} == {"branch"}

    @pytest.mark.contract
    def test_then_clean(self, studio: Studio) -> None:
        """What was adopted is the branch's, so `clean` removes it."""
        studio.call("adopt", "stray", "--yes")
        studio.call("clean", "--branch", "feature/x", "stray", "--yes")
        assert not (studio.folder / f"data/02/stray--{SLUG}.txt").exists()


class TestLinks:
    """A link is not adopted: what it leads to could be changed, and be main's, when the branch next saves."""

    @pytest.mark.parametrize("how", ["symbolic", "hard"])
    @pytest.mark.parametrize(
        ("subject", "place", "target"),
        [
            ("raw", f"data/01/raw--{SLUG}.txt", "data/01/raw.txt"),
            ("raw", f"data/01/raw--{SLUG}.txt", "data/02/saved.txt"),
            ("saved", f"data/02/saved--{SLUG}.txt", "data/02/saved.txt"),
            (f"data/04--{SLUG}", f"data/04--{SLUG}/a.txt", "data/04/a.txt"),
            ("parts", f"data/04--{SLUG}/deep/a.txt", "data/04/a.txt"),
            ("parts", f"data/04--{SLUG}/other.txt", "conf/base/catalog.yml"),
        ],
    )
    @pytest.mark.parametrize("yes", [(), ("--yes",)])
    def test_refused(self, studio: Studio, subject: str, place: str, target: str, how: str, yes: tuple[str]) -> None:
        """Main's file or any other, by a symbolic link or by a hard one; already by the plan; exit code 1."""
        path = studio.folder / place
        path.unlink(missing_ok=True)
        path.parent.mkdir(exist_ok=True)
        if how == "symbolic":
            path.symlink_to(studio.folder / target)
        else:
            os.link(studio.folder / target, path)
        before = files(studio.folder)
        result = studio.call("adopt", subject, *yes, exit_code=1)
        assert result.stdout == ""
        assert str(path) in result.stderr
        assert f"{how} link" in result.stderr
        assert files(studio.folder) == before
        studio.assert_main_unchanged()

    @pytest.mark.parametrize("target", ["data/04", "data/nowhere"])
    def test_folder(self, studio: Studio, target: str) -> None:
        """A folder that is a link, also one that leads nowhere, is not adopted."""
        folder = studio.folder / f"data/04--{SLUG}"
        shutil.rmtree(folder)
        folder.symlink_to(studio.folder / target)
        before = files(studio.folder)
        studio.call("adopt", "parts", "--yes", exit_code=1)
        assert files(studio.folder) == before

    def test_another(self, studio: Studio) -> None:
        """By its path a file is adopted beside links, which stay as they are."""
        folder = studio.folder / f"data/04--{SLUG}"
        (folder / "x.txt").symlink_to("../04/a.txt")
        (folder / "new.txt").write_text("put")
        studio.call("adopt", str(folder / "new.txt"), "--yes")
        assert catalog_of("feature/x").load("parts")["new"]() == "put"
        assert (folder / "x.txt").is_symlink()

    def test_since(self, studio: Studio) -> None:
        """What became a link between the plan and the yes is refused too."""
        path = studio.folder / f"data/02/stray--{SLUG}.txt"
        (plan,) = adopt.make_plan(catalog_of("feature/x"), ["stray"], ["stray"])
        path.unlink()
        path.symlink_to("stray.txt")
        with pytest.raises(LinkError, match="symbolic link"):
            plan.apply()
        assert catalog_of("feature/x").load("stray") == "main's"

    @pytest.mark.parametrize("how", ["symbolic", "hard"])
    def test_remedy(self, studio: Studio, how: str) -> None:
        """What the error says to do works as it stands: then the file is adopted, or the branch saves its own."""
        path = studio.folder / f"data/02/stray--{SLUG}.txt"
        path.unlink()
        path.symlink_to("stray.txt") if how == "symbolic" else os.link(path.with_name("stray.txt"), path)
        result = studio.call("adopt", "stray", "--yes", exit_code=1)
        subprocess.run(result.stderr.split("`")[1], shell=True, check=True)
        if how == "hard":
            studio.call("adopt", "stray", "--yes")
        catalog_of("feature/x").save("stray", "mine")
        assert catalog_of("feature/x").load("stray") == "mine"


@pytest.mark.contract
def test_remedies_can_be_copied(studio: Studio) -> None:
    """The commands that an error shows work as they stand, whatever the branch is named."""
    branch = "x;exit$PWD'"
    studio.patch.setenv("STEEL_TOES_BRANCH", branch)
    catalog_of(branch).save("saved", "mine")
    next((studio.folder / "data/02").glob("saved--x-*")).write_text("other hands'")
    with pytest.raises(Exception, match="other hands") as caught:
        catalog_of(branch).load("saved")
    adopt, clean = (text for text in str(caught.value).split("`")[1::2] if text.startswith("steel-toes "))
    assert shlex.split(adopt, comments=True) == ["steel-toes", "adopt", "saved"]
    assert shlex.split(clean, comments=True) == ["steel-toes", "clean", "--branch", branch, "saved"]
    studio.call(*shlex.split(clean)[1:], "--yes")
    assert catalog_of(branch).load("saved") == "main's"
