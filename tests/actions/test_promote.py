"""`promote` of each kind of entry, on a disk: what main loads afterwards, what stays away, and what is left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DatasetError

from steel_toes.actions.clean import Wish, make_plan
from steel_toes.actions.keeping import UndoCopy
from steel_toes.actions.protocol import mark_record
from steel_toes.actions.removal import apply
from steel_toes.errors import MainChangedError, PromoteRefusedError, PromoteUnfinishedError
from steel_toes.records.journal import ClaimFile, claim_path
from support.own import TAUGHT, Figures, Model
from support.promoting import NO_CODE, Promoting
from support.team import BRANCH, Team

pytest.importorskip("kedro_datasets.text", reason="the data is text")
pytestmark = pytest.mark.contract

TEXT = {"type": "text.TextDataset"}
CONF: dict[str, Any] = {
    "table": {**TEXT, "filepath": "data/02/table.txt"},
    "log": {**TEXT, "filepath": "data/02/log.txt", "fs_args": {"open_args_save": {"mode": "a"}}},
    "model": {**TEXT, "filepath": "data/03/model.txt", "versioned": True},
    "parts": {"type": "partitions.PartitionedDataset", "path": "data/02/parts", "dataset": TEXT},
    "sweep": {
        "type": "partitions.PartitionedDataset",
        "path": "data/02/sweep",
        "dataset": TEXT,
        "overwrite": True,
        "filename_suffix": ".txt",
    },
    "inc": {"type": "partitions.IncrementalDataset", "path": "data/02/inc", "dataset": TEXT},
}
OLD, NEW = "2024-01-01T00.00.00.000Z", "2024-06-01T00.00.00.000Z"


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    """A team, and what main has."""
    team = Team.on_disk(tmp_path / "team")
    monkeypatch.chdir(team.folder)
    parts = {"a": "main's a", "b": "main's b"}
    values = {"table": "main's", "log": "main's\n", "model": "main's", "parts": parts, "sweep": parts, "inc": parts}
    team.main_saves(CONF, OLD, **values)
    (team.folder / "data/02/sweep/_SUCCESS").write_text("")
    team.main = team.mains()
    return team


@pytest.fixture
def bot(team: Team) -> Promoting:
    """The colleague on main who promotes."""
    return Promoting(team.plain(CONF), team.folder, team.hook("main"))


def on_main(team: Team, name: str) -> Any:
    """What plain Kedro loads of main's data."""
    return loaded(team.plain(CONF), name)


def loaded(catalog: Any, name: str) -> Any:
    data = catalog.load(name)
    return (
        {key: value() if callable(value) else value for key, value in data.items()} if isinstance(data, dict) else data
    )


SAVES: dict[str, Callable[[Any], None]] = {
    "table": lambda catalog: catalog.save("table", "the branch's"),
    "log": lambda catalog: catalog.save("log", "the branch's\n"),
    "model": lambda catalog: catalog.save("model", "the branch's"),
    "parts": lambda catalog: catalog.save("parts", {"b": "the branch's b", "c": "the branch's c"}),
    "sweep": lambda catalog: catalog.save("sweep", {"c": "the branch's c"}),
    "inc": lambda catalog: (catalog.save("inc", {"c": "the branch's c"}), catalog.load("inc"), catalog.confirm("inc")),
}


class TestKinds:
    """Afterwards plain Kedro on main shows what the branch showed, and an undo brings back what main had."""

    @pytest.mark.parametrize("name", SAVES)
    def test_there_and_back(self, team: Team, bot: Promoting, name: str) -> None:
        before = team.objects()
        branch = team.branch(CONF, NEW)
        SAVES[name](branch)
        team.check()
        branch = team.branch(CONF, NEW)
        shown = None if name == "inc" else loaded(branch, name)
        outcomes = bot.promote(BRANCH)
        assert [outcome.problem for outcome in outcomes] == [""]
        assert not [path for path in team.objects() if "--" in path]
        if name == "inc":
            assert (team.folder / "data/02/inc/CHECKPOINT").read_text() == "c"
        else:
            assert on_main(team, name) == shown
        undo = outcomes[0].promotion.claim.undo
        assert [outcome.problem for outcome in bot.promote(undo)] == [""]
        assert {path: data for path, data in team.objects().items() if path in team.main} == before

    def test_files_that_are_no_partitions_stay(self, team: Team, bot: Promoting) -> None:
        """They are listed, too."""
        SAVES["sweep"](team.branch(CONF))
        (row,) = bot.plan(BRANCH).rows
        assert row.left == ("_SUCCESS",)
        bot.promote(BRANCH)
        assert sorted(path.name for path in (team.folder / "data/02/sweep").iterdir()) == ["_SUCCESS", "c.txt"]

    def test_undo_branch_reads_as_main_was(self, team: Team, bot: Promoting) -> None:
        """What main did not have is absent on it."""
        branch = team.branch(CONF, NEW)
        for name in ("table", "parts", "model"):
            SAVES[name](branch)
        undo = bot.promote(BRANCH)[0].promotion.claim.undo
        catalog = team.catalog(undo, CONF)
        assert catalog.load("table") == "main's"
        assert loaded(catalog, "parts") == {"a": "main's a", "b": "main's b"}
        assert catalog.load("model") == "main's"

    def test_keep(self, team: Team, bot: Promoting) -> None:
        """The copy stays, begins from main as it is now, and is not promoted twice."""
        SAVES["table"](team.branch(CONF))
        bot.promote(BRANCH, keeps_copy=True)
        assert team.branch(CONF).load("table") == "the branch's"
        plan = bot.plan(BRANCH)
        assert not plan.rows
        assert "was promoted" in plan.left[0]

    def test_permissions_of_mains_file_stay(self, team: Team, bot: Promoting) -> None:
        """So whoever reads main's can read it afterwards."""
        (team.folder / "data/02/table.txt").chmod(0o640)
        SAVES["table"](team.branch(CONF))
        bot.promote(BRANCH)
        assert (team.folder / "data/02/table.txt").stat().st_mode & 0o777 == 0o640


class TestRefused:
    """Nothing is changed where one requirement does not hold."""

    @pytest.mark.parametrize("name", ["table", "log", "model", "parts", "sweep"])
    def test_main_has_changed(self, team: Team, bot: Promoting, name: str) -> None:
        """Main saved since the branch's copy was begun."""
        SAVES[name](team.branch(CONF, NEW))
        values = {"parts": {"b": "main's new b"}, "sweep": {"a": "main's new a"}}
        team.main_saves(CONF, "2024-03-01T00.00.00.000Z", **{name: values.get(name, "main's new\n")})
        (error,) = bot.plan(BRANCH).refusals
        assert isinstance(error, MainChangedError)
        team.check()
        if name != "model":
            bot.promote(BRANCH, forced=NO_CODE | {"main"})

    def test_mains_partition_is_gone(self, team: Team, bot: Promoting) -> None:
        """What main has lost since counts as well."""
        for name in ("parts", "sweep"):
            SAVES[name](team.branch(CONF))
        (team.folder / "data/02/parts/b").unlink()
        (team.folder / "data/02/sweep/b.txt").unlink()
        assert len(bot.plan(BRANCH).refusals) == 2

    def test_torn_and_altered(self, team: Team, bot: Promoting) -> None:
        """A copy that is not as it was saved is no data."""
        SAVES["table"](team.branch(CONF))
        (team.folder / "data/02/table--feature-x-217d2bf5.txt").write_text("by hand")
        (error,) = bot.plan(BRANCH).refusals
        assert "altered by other hands" in str(error)
        team.check()

    @pytest.mark.parametrize("name", ["parts", "inc"])
    def test_failed_save(self, team: Team, bot: Promoting, name: str) -> None:
        """A run that failed in the middle has saved some partitions whole, which are no result; run again, they are."""

        def fail() -> str:
            raise ZeroDivisionError

        with pytest.raises(DatasetError):
            team.branch(CONF).save(name, {"a": lambda: "the branch's a", "b": fail, "c": lambda: "the branch's c"})
        (error,) = bot.plan(BRANCH).refusals
        assert "The save of a failed before it had saved all of its partitions" in str(error)
        assert f"`steel-toes clean --branch feature/x {name}`" in str(error)
        team.check()
        team.branch(CONF).save(name, {"a": "the branch's a", "b": "the branch's b"})
        bot.promote(BRANCH)
        assert (team.folder / f"data/02/{name}/a").read_text() == "the branch's a"

    def test_versions_in_partitions(self, team: Team) -> None:
        """What main had of them no undo branch could name: they are promoted without one, and others' versions stay."""
        conf = {
            "vparts": {
                "type": "partitions.PartitionedDataset",
                "path": "data/02/vparts",
                "dataset": {**TEXT, "versioned": True},
                "filename_suffix": ".txt",
            }
        }
        team.main_saves(conf, OLD, vparts={"a": "main's a", "b": "main's b"})
        team.branch(conf, NEW).save("vparts", {"a": "the branch's a"})
        bot = Promoting(team.plain(conf), team.folder, team.hook("main"))
        (error,) = bot.plan(BRANCH).refusals
        assert "--no-undo and without --keep" in str(error)
        assert bot.plan(BRANCH, keeps_main=False, keeps_copy=True).refusals
        bot.promote(BRANCH, keeps_main=False)
        now = {path: data for path, (data, _) in team.objects().items() if path.startswith("data/02/vparts/")}
        assert sorted(now.values()) == [b"main's a", b"main's b", b"the branch's a"]

    def test_main_has_a_newer_version(self, team: Team, bot: Promoting) -> None:
        """It would go on to load that, whatever is forced."""
        SAVES["model"](team.branch(CONF, "2024-03-01T00.00.00.000Z"))
        team.main_saves(CONF, NEW, model="main's newer")
        errors = bot.plan(BRANCH, forced=NO_CODE | {"main"}).refusals
        assert ["Main has a newer version" in str(error) for error in errors] == [True]
        team.check()

    def test_what_is_forced_is_said(self, team: Team, bot: Promoting) -> None:
        """How much of what main saved since is lost."""
        SAVES["table"](team.branch(CONF))
        team.main_saves(CONF, table="main's newer")
        (warning,) = bot.plan(BRANCH, forced=NO_CODE | {"main"}).warnings
        assert "table: what main has saved since, too, is replaced or removed (1 object, 12 bytes)." in warning

    def test_unknown_code(self, team: Team, bot: Promoting) -> None:
        """Nobody recorded which code made it."""
        SAVES["table"](team.branch(CONF))
        (error,) = bot.plan(BRANCH, forced=frozenset()).refusals
        assert "Nobody recorded which code" in str(error)

    def test_no_place_for_what_main_has(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Outside of the project it is promoted only without a way back."""
        conf = {"far": {**TEXT, "filepath": f"{tmp_path}/far/x.txt"}}
        team = Team(str(tmp_path / "far"), tmp_path / "shed", watched=str(tmp_path / "far"))
        team.folder.mkdir()
        monkeypatch.chdir(team.folder)
        team.main_saves(conf, far="main's")
        team.branch(conf).save("far", "the branch's")
        bot = Promoting(team.plain(conf), team.folder, team.hook("main"))
        (error,) = bot.plan(BRANCH).refusals
        assert "--no-undo" in str(error)
        bot.promote(BRANCH, keeps_main=False)
        assert team.plain(conf).load("far") == "the branch's"


class TestMainsPlace:
    """What lies behind main's place, or in it, and is not this dataset's."""

    def test_link_to_the_branch_copy(self, team: Team, bot: Promoting) -> None:
        """Somebody promoted by hand: whatever is forced, the only file is not removed."""
        SAVES["table"](team.branch(CONF))
        main = team.folder / "data/02/table.txt"
        main.unlink()
        main.symlink_to("table--feature-x-217d2bf5.txt")
        refusals = bot.plan(BRANCH, forced=NO_CODE | {"main"}).refusals
        assert any("symbolic link" in str(error) for error in refusals)
        main.unlink()
        main.hardlink_to(team.folder / "data/02/table--feature-x-217d2bf5.txt")
        refusals = bot.plan(BRANCH, forced=NO_CODE | {"main"}).refusals
        assert any("symbolic link" in str(error) for error in refusals)

    def test_link_to_a_file_elsewhere(self, team: Team, tmp_path: Path) -> None:
        """Main's only file may be a link: what it leads to is main's data."""
        elsewhere = tmp_path / "elsewhere.txt"
        main = team.folder / "data/02/table.txt"
        main.rename(elsewhere)
        main.symlink_to(elsewhere)
        team.main = team.mains()
        bot = Promoting(team.plain(CONF), team.folder, team.hook("main"))
        SAVES["table"](team.branch(CONF))
        bot.promote(BRANCH)
        assert main.is_symlink()
        assert elsewhere.read_text() == "the branch's"

    def test_link_to_another_entrys_file(self, team: Team) -> None:
        """It would change with the other."""
        conf = {**CONF, "twin": {**TEXT, "filepath": "data/02/twin.txt"}}
        main = team.folder / "data/02/table.txt"
        main.rename(team.folder / "data/02/twin.txt")
        main.symlink_to("twin.txt")
        team.main = team.mains()
        bot = Promoting(team.plain(conf), team.folder, team.hook("main"))
        team.branch(conf).save("table", "the branch's")
        (error,) = bot.plan(BRANCH).refusals
        assert "another entry has, too" in str(error)
        assert "data/02/twin.txt" in str(error)
        team.check()

    def test_linked_folder_in_partitions(self, team: Team, bot: Promoting, tmp_path: Path) -> None:
        """What a link leads to is not removed with the others."""
        (tmp_path / "archive").mkdir()
        (tmp_path / "archive/old.txt").write_text("old")
        (team.folder / "data/02/sweep/archive").symlink_to(tmp_path / "archive")
        SAVES["sweep"](team.branch(CONF))
        refusals = bot.plan(BRANCH, forced=NO_CODE | {"main"}).refusals
        assert any("symbolic link" in str(error) for error in refusals)
        assert (tmp_path / "archive/old.txt").exists()

    def test_other_entries_in_a_directory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A directory that is replaced as a whole is not main's alone."""
        conf = {
            "figures": {"type": Figures, "filepath": "data/figures"},
            "report": {**TEXT, "filepath": "data/figures/report.txt"},
        }
        team = Team.on_disk(tmp_path / "team")
        monkeypatch.chdir(team.folder)
        team.main_saves(conf, figures={"a": "main's"}, report="main's")
        team.branch(conf).save("figures", {"a": "the branch's"})
        bot = Promoting(team.plain(conf), team.folder, team.hook("main"))
        refusals = bot.plan(BRANCH, forced=NO_CODE | {"main"}).refusals
        assert [str(error) for error in refusals if "other entries" in str(error)]

    def test_another_kind_by_now(self, team: Team) -> None:
        """A file would lie where versions must be."""
        new = {**TEXT, "filepath": "data/02/new.txt"}
        team.branch({"new": new}).save("new", "the branch's")
        later = {"new": {**new, "versioned": True}}
        bot = Promoting(team.plain(later), team.folder, team.hook("main"))
        assert "the catalog has it as versioned" in str(bot.plan(BRANCH).refusals)

    @pytest.mark.parametrize("name", ["table", "sweep"])
    def test_main_saves_after_the_plan(self, team: Team, bot: Promoting, name: str) -> None:
        """Somebody has thought about the plan for an hour: nothing is changed, and no claim is left."""
        SAVES[name](team.branch(CONF))
        promotions = bot.plan(BRANCH).promotions
        team.main_saves(CONF, **{name: {"z": "new"} if name == "sweep" else "new"})
        with pytest.raises(PromoteRefusedError, match="Nothing was changed"):
            bot.protocol().promote(promotions)
        team.check()
        assert not list((team.folder / "data/_steel_toes/_promote").glob("*.json"))

    def test_kept_and_undone(self, team: Team, bot: Promoting) -> None:
        """Once it is taken back, a copy that stayed is promoted no more."""
        SAVES["table"](team.branch(CONF))
        undo = bot.promote(BRANCH, keeps_copy=True)[0].promotion.claim.undo
        bot.promote(undo)
        (error,) = bot.plan(BRANCH).refusals
        assert isinstance(error, MainChangedError)
        bot.promote(BRANCH, forced=NO_CODE | {"main"})
        assert on_main(team, "table") == "the branch's"


class TestClaimed:
    """While a copy is being promoted nobody saves, cleans or adopts it."""

    @pytest.fixture
    def claimed(self, team: Team, bot: Promoting) -> ClaimFile:
        """A promote that died when it had claimed all."""
        SAVES["table"](team.branch(CONF))
        (promotion,) = bot.plan(BRANCH).promotions
        promotion.claim_file.create(promotion.claim)
        mark_record(promotion)
        assert promotion.claim_file.path == claim_path(promotion.record_path)
        return promotion.claim_file

    def test_save(self, team: Team, bot: Promoting, claimed: ClaimFile) -> None:
        """A save is refused before it writes; another branch's is none of its business."""
        with pytest.raises(DatasetError, match="steel-toes promote --branch feature/x"):
            team.branch(CONF).save("table", "again")
        assert team.branch(CONF).load("table") == "the branch's"
        team.catalog("fix", CONF).save("table", "another's")

    def test_clean(self, team: Team, bot: Promoting, claimed: ClaimFile) -> None:
        """It is left alone, and says why; also by a plan that was made before."""
        plan = make_plan(bot.inventory(), Wish((BRANCH,)))
        assert not plan.copies
        assert "has not ended" in plan.left[0]

    def test_clean_that_was_planned_before(self, team: Team, bot: Promoting) -> None:
        SAVES["table"](team.branch(CONF))
        plan = make_plan(bot.inventory(), Wish((BRANCH,)))
        (promotion,) = bot.plan(BRANCH).promotions
        promotion.claim_file.create(promotion.claim)
        (removal,) = apply(plan)
        assert "has not ended" in removal.problem
        assert team.branch(CONF).load("table") == "the branch's"

    def test_it_is_ended(self, team: Team, bot: Promoting, claimed: ClaimFile) -> None:
        """The next call ends what was begun, and a call after that has nothing to do."""
        assert bot.plan(BRANCH).unfinished
        bot.finish(BRANCH)
        assert on_main(team, "table") == "the branch's"
        assert not bot.plan(BRANCH).rows

    def test_abandoned(self, team: Team, bot: Promoting, claimed: ClaimFile) -> None:
        """Main is as it was, and the branch goes on."""
        assert bot.abandon(BRANCH) == []
        assert on_main(team, "table") == "main's"
        team.branch(CONF).save("table", "again")

    def test_abandoned_beside_mains_run(self, team: Team, bot: Promoting) -> None:
        """What main's own run did is not taken back by a promote that had not come so far."""
        SAVES["sweep"](team.branch(CONF))
        (promotion,) = bot.plan(BRANCH).promotions
        promotion.claim_file.create(promotion.claim)
        mark_record(promotion)
        UndoCopy(promotion, bot.protocol().writer).begin()
        # As the merged code does it: main has exactly what the branch has, and nothing of what it had.
        team.main = team.mains()
        team.main_saves(CONF, sweep={"c": "the branch's c"})
        assert bot.abandon(BRANCH) == []
        data = {path: found for path, found in team.mains().items() if path.startswith("data/02/")}
        assert data == {path: found for path, found in team.main.items() if path.startswith("data/02/")}

    def test_of_a_project_that_got_a_name(self, team: Team, bot: Promoting, claimed: ClaimFile) -> None:
        """It is still ours: who names the branch ends it."""
        named = Promoting(team.plain(CONF), team.folder, team.hook("main", project="acme"))
        assert named.plan(BRANCH).unfinished
        assert named.abandon(BRANCH) == []

    def test_of_a_project_that_got_another_name(self, team: Team, bot: Promoting) -> None:
        """It may be another project's in the same folder: nothing is said to be done, and the name is told."""
        team.catalog(BRANCH, CONF, project="acme").save("table", "the branch's")
        acme = Promoting(team.plain(CONF), team.folder, team.hook("main", project="acme"))
        (promotion,) = acme.plan(BRANCH).promotions
        promotion.claim_file.create(promotion.claim)
        renamed = Promoting(team.plain(CONF), team.folder, team.hook("main", project="umbrella"))
        (failure,) = renamed.plan(BRANCH).failed
        assert "has not ended, and is project acme's" in failure
        assert "export STEEL_TOES_PROJECT=acme" in failure

    def test_the_name_of_its_undo_branch_is_taken(
        self, team: Team, bot: Promoting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By a promote of the same second that was taken back: no claim is left behind, and the next one goes on."""
        monkeypatch.setattr("steel_toes.actions.promote._now", lambda _: "20260102T030405Z")
        SAVES["table"](team.branch(CONF))
        (promotion,) = bot.plan(BRANCH).promotions
        UndoCopy(promotion, bot.protocol().writer).begin()
        with pytest.raises(PromoteRefusedError):
            bot.promote(BRANCH)
        assert not bot.plan(BRANCH).unfinished
        monkeypatch.setattr("steel_toes.actions.promote._now", lambda _: "20260102T030406Z")
        bot.promote(BRANCH)
        assert on_main(team, "table") == "the branch's"

    def test_cleaned_by_somebody_else(self, team: Team, bot: Promoting, claimed: ClaimFile) -> None:
        """A rule of the store, or an older version, ended the copy: it never answers "done"."""
        (team.folder / "data/02/table--feature-x-217d2bf5.txt").unlink()
        for record in (team.folder / "data/_steel_toes/feature-x-217d2bf5").glob("*.json"):
            record.unlink()
        with pytest.raises(PromoteUnfinishedError, match="--abandon"):
            bot.finish(BRANCH)
        assert bot.abandon(BRANCH) == []
        assert on_main(team, "table") == "main's"


class TestSeveralPlaces:
    """A save of several places comes home as a whole."""

    def test_half_a_save(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        model = {"type": Model, "model_path": "data/fit/model.bin", "vocab_path": "data/fit/vocab.txt"}
        conf = {"fitted": model, "vocab": {**TEXT, "filepath": "data/fit/vocab.txt"}}
        team = Team.on_disk(tmp_path / "team")
        monkeypatch.chdir(team.folder)
        (team.folder / "data/fit").mkdir(parents=True)
        team.main_saves(conf, fitted="main's")
        team.branch(conf, location_parameters=TAUGHT).save("fitted", "the branch's")
        bot = Promoting(team.plain(conf), team.folder, team.hook("main", location_parameters=TAUGHT))
        (error,) = bot.plan(BRANCH, "vocab").refusals
        assert "wrote other places, too" in str(error)
        team.check()
        bot.promote(BRANCH)
        assert team.plain(conf).load("fitted") == ["model the branch's", "the branch's"]
