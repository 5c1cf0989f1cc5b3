"""`seed`: copies that begin as another branch's, or as main's of now, of every kind."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from steel_toes import reasons
from steel_toes.actions.clean import Wish, make_plan
from steel_toes.actions.protocol import Protocol
from steel_toes.actions.removal import apply
from steel_toes.actions.seed import SeedPlan
from steel_toes.actions.seeding import SeedPart
from steel_toes.catalog.install import branched_behind
from steel_toes.datasets.base import BranchedDataset
from steel_toes.errors import ChangedCopyError, SeedRefusedError, TornCopyError
from steel_toes.records.origins import Origin, is_as_seeded, origins_of, unseeded
from steel_toes.records.record import Record
from steel_toes.stores.local import LocalStore
from support.own import TAUGHT, Model
from support.promoting import Promoting
from support.seeding import inventory_of, plan_seed, seed
from support.studio import Bomb, killed
from support.team import BRANCH, Team

OTHER = "feature/2"
VERSIONS = [f"2026-01-0{number}T00.00.00.000Z" for number in range(1, 8)]
PARTS = {"type": "partitions.PartitionedDataset", "dataset": "text.TextDataset"}
CONF = {
    "text": {"type": "text.TextDataset", "filepath": "data/02/text.txt"},
    "pickled": {"type": "pickle.PickleDataset", "filepath": "data/02/pickled.pkl"},
    "log": {"type": "text.TextDataset", "filepath": "data/02/log.txt", "fs_args": {"open_args_save": {"mode": "a"}}},
    "model": {"type": "pickle.PickleDataset", "filepath": "data/03/model.pkl", "versioned": True},
    "parts": {**PARTS, "path": "data/04"},
    "fresh": {**PARTS, "path": "data/05", "overwrite": True},
    "increments": {**PARTS, "type": "partitions.IncrementalDataset", "path": "data/06"},
    "inside": {"type": "text.TextDataset", "filepath": "data/04/inside"},
    "text@json": {"type": "json.JSONDataset", "filepath": "data/02/text.txt"},
    "shared": {
        "type": "text.TextDataset",
        "filepath": "data/02/shared.txt",
        "metadata": {"steel_toes": {"shared": True}},
    },
}
MAIN: dict[str, Any] = {
    **dict.fromkeys(("text", "log", "shared"), '"main"'),
    "model": "main's",
    "parts": {"a": "main's a", "b": "main's b"},
    "fresh": {"a": "main's a"},
    "increments": {"a": "main's a"},
}
KINDS = ["text", "log", "model", "parts", "fresh", "increments"]


@dataclass
class Seeders:
    """Two branches of a team; the second begins as the first."""

    team: Team
    layout: str = "suffix"

    def catalog(self, branch: str, version: int = 1, **settings: Any) -> Any:
        """A new process on a branch."""
        settings = {"layout": self.layout, **settings}
        return self.team.catalog(branch, CONF, VERSIONS[version], **settings)

    def plan(self, source: str | None, *datasets: str, again: bool = False, on: str = OTHER) -> SeedPlan:
        """What `seed` would do on the second branch."""
        return plan_seed(self.catalog(on), self.team.plain(CONF), source, *datasets, again=again)

    def seed(self, source: str | None, *datasets: str, again: bool = False, on: str = OTHER) -> None:
        """What `seed` does; nothing is refused."""
        seed(self.catalog(on), self.team.plain(CONF), source, *datasets, again=again)

    def record(self, name: str, branch: str = OTHER) -> Record:
        """The record of a dataset."""
        (branched,) = branched_behind(self.catalog(branch)[name])
        assert isinstance(branched, BranchedDataset)
        return branched.place.ledger.read()

    def shown(self, branch: str, name: str) -> Any:
        """What a branch sees: what a load gives, and the versions or the partitions."""
        return shown(self.catalog(branch), name)


def shown(catalog: Any, name: str) -> Any:
    data = catalog[name].load()
    if isinstance(data, dict):
        return {key: value() if callable(value) else value for key, value in data.items()}
    if name == "model":
        return data, catalog[name].resolve_load_version()
    return data


@pytest.fixture
def seeders(team: Team) -> Seeders:
    """Main has everything, and feature/x has saved everything."""
    team.make_folders(CONF)
    main = team.plain(CONF, VERSIONS[0])
    for name, data in MAIN.items():
        main.save(name, data)
    team.main = team.mains()
    seeders = Seeders(team)
    branch = seeders.catalog(BRANCH)
    branch.save("text", '"x"')
    branch.save("log", "and x")
    branch.save("model", "x")
    branch.save("parts", {"b": "x's b", "c": "x's c"})
    branch.save("fresh", {"z": "x's z"})
    branch.save("increments", {"b": "x's b"})
    branch.load("increments")
    branch.confirm("increments")
    return seeders


class TestFromABranch:
    """All that the other branch has."""

    @pytest.mark.contract
    @pytest.mark.parametrize("name", KINDS)
    def test_every_kind(self, seeders: Seeders, name: str) -> None:
        """The second branch sees what the first one sees, and from then on each goes its own way."""
        before = seeders.shown(BRANCH, name) if name != "increments" else None
        seeders.seed(BRANCH)
        if name == "increments":
            # Confirmed: nothing is new on either.
            seeders.catalog(OTHER).save(name, {"c": "2's c"})
            assert seeders.shown(OTHER, name) == {"c": "2's c"}
            return
        assert seeders.shown(OTHER, name) == before
        data = {"b": "2's"} if name in ("parts", "fresh") else "2's"
        seeders.catalog(OTHER, 2).save(name, data)
        assert seeders.shown(BRANCH, name) == before
        assert seeders.shown(OTHER, name) != before

    @pytest.mark.contract
    def test_what_its_records_say(self, seeders: Seeders) -> None:
        """Whose the data is, what main was then, and what it began as; a save takes that away."""
        seeders.seed(BRANCH, "text", "parts")
        source, record = seeders.record("text", BRANCH), seeders.record("text")
        assert record.base == source.base
        assert record.unit(".").writers == source.unit(".").writers
        assert record.seeded == {record.id: f"{source.id} {BRANCH}"}
        assert origins_of(record) == [Origin(BRANCH, source.id)]
        assert seeders.record("parts").over == "main"
        seeders.catalog(OTHER).save("text", '"2"')
        assert not is_as_seeded(seeders.record("text"))
        assert origins_of(seeders.record("text")) == [Origin(BRANCH, source.id)]
        seeders.catalog(OTHER).save("parts", {"c": "2's"})
        record = seeders.record("parts")
        assert [origin.branch_name for origin in origins_of(record)] == [BRANCH]
        assert set(unseeded(record).data) == {"c"}
        seeders.catalog(OTHER).save("parts", {"b": "2's"})
        assert not is_as_seeded(seeders.record("parts"))

    @pytest.mark.contract
    def test_only_some(self, seeders: Seeders) -> None:
        """By name, of which those that the other branch never saved are main's of now."""
        seeders.team.main_saves(CONF, text='"main, later"')
        seeders.seed(BRANCH, "model", "text@json")
        assert seeders.shown(OTHER, "text") == '"x"'
        assert seeders.shown(OTHER, "log") == MAIN["log"]
        third = Seeders(seeders.team)
        third.seed(OTHER, "parts", on="feature/3")
        assert origins_of(seeders.record("parts", "feature/3")) == [Origin("", "")]

    @pytest.mark.contract
    def test_of_a_seed(self, seeders: Seeders) -> None:
        """A third branch that begins as the second has what the first saved, and says so."""
        seeders.seed(BRANCH)
        seeders.seed(OTHER, on="feature/3")
        for name in KINDS:
            if name != "increments":
                assert seeders.shown("feature/3", name) == seeders.shown(BRANCH, name)
        first, third = seeders.record("text", BRANCH), seeders.record("text", "feature/3")
        assert third.unit(".").writers == first.unit(".").writers
        assert third.base == first.base

    @pytest.mark.contract
    @pytest.mark.parametrize("name", ["text", "model", "parts", "fresh"])
    def test_again(self, seeders: Seeders, name: str) -> None:
        """A copy that is there is refused; with `--again` it is replaced as a whole, whatever it had."""
        data = {"y": "2's y"} if name in ("parts", "fresh") else "2's"
        seeders.catalog(OTHER, 5).save(name, data)
        before = seeders.shown(OTHER, name)
        plan = seeders.plan(BRANCH, name)
        assert "--again" in str(plan.refusals[0])
        assert seeders.shown(OTHER, name) == before
        seeders.seed(BRANCH, name, again=True)
        assert seeders.shown(OTHER, name) == seeders.shown(BRANCH, name)
        assert not [path for path in seeders.team.folder.rglob("*y*") if "feature-2" in str(path)]

    @pytest.mark.contract
    def test_the_source_is_gone(self, seeders: Seeders) -> None:
        """What was copied stays when the other branch is cleaned."""
        expected = {name: seeders.shown(BRANCH, name) for name in ("text", "parts", "model")}
        seeders.seed(BRANCH)
        inventory = inventory_of(seeders.catalog("feature/3"), seeders.team.plain(CONF))
        list(apply(make_plan(inventory, Wish([BRANCH]))))
        assert not list(seeders.team.folder.rglob("*feature-x*"))
        assert {name: seeders.shown(OTHER, name) for name in expected} == expected

    @pytest.mark.contract
    @pytest.mark.parametrize("to", ["prefix", "suffix"])
    def test_from_another_layout(self, seeders: Seeders, to: str) -> None:
        """What lies in one layout is found from the other."""
        first = Seeders(seeders.team, "suffix" if to == "prefix" else "prefix")
        if to == "suffix":
            first.catalog("feature/0").save("text", '"0"')
            first.catalog("feature/0").save("parts", {"b": "0's"})
        source = BRANCH if to == "prefix" else "feature/0"
        second = Seeders(seeders.team, to)
        second.seed(source, "text", "parts")
        for name in ("text", "parts"):
            assert second.shown(OTHER, name) == first.shown(source, name)


class TestFromMain:
    """Main's data of now, which the branch keeps whatever main does."""

    @pytest.mark.contract
    @pytest.mark.parametrize("name", KINDS)
    def test_frozen(self, seeders: Seeders, name: str) -> None:
        """What main saves later does not show, nor a new partition, nor a version."""
        before = {"a": "main's a"} if name == "increments" else shown(seeders.team.plain(CONF), name)
        seeders.seed(None, name)
        assert seeders.shown(OTHER, name) == before
        later = {"new": "main's new", "a": "main's other a"} if isinstance(MAIN[name], dict) else "main, later"
        seeders.team.main_saves(CONF, VERSIONS[4], **{name: later})
        assert seeders.shown(OTHER, name) == before

    @pytest.mark.contract
    def test_inside(self, seeders: Seeders) -> None:
        """One partition that is an entry of its own; the others go on to follow main."""
        seeders.team.main_saves(CONF, inside="main's inside")
        seeders.seed(None, "inside")
        seeders.team.main_saves(CONF, parts={"a": "main, later"}, inside="main, later")
        assert seeders.shown(OTHER, "inside") == "main's inside"
        assert seeders.shown(OTHER, "parts")["a"] == "main, later"

    @pytest.mark.contract
    def test_main_has_none(self, seeders: Seeders) -> None:
        """There is nothing to begin from."""
        plan = seeders.plan(None, "inside")
        assert "main has no data of it" in str(plan.refusals[0])


class TestRefused:
    """Nothing is changed, and the reason says what to do."""

    def test_torn(self, seeders: Seeders) -> None:
        """A torn copy is copied by nobody; the others are, if they are named."""
        branch = seeders.catalog(BRANCH)
        branch.save("pickled", "x")
        killed(branch.save, "pickled", ["begun", Bomb()])
        plan = seeders.plan(BRANCH)
        assert [error.facts["dataset"] for error in plan.refusals] == ["pickled"]
        assert "torn" in str(plan.refusals[0])
        seeders.seed(BRANCH, "text")

    def test_altered(self, seeders: Seeders) -> None:
        """So is one that other hands have changed, and one that is gone."""
        (path,) = seeders.team.folder.glob("data/02/text--feature-x*.txt")
        path.write_text("by hand")
        assert "altered by other hands" in str(seeders.plan(BRANCH, "text").refusals[0])
        path.unlink()
        assert "gone" in str(seeders.plan(BRANCH, "text").refusals[0])

    def test_of_another_project(self, seeders: Seeders, monkeypatch: pytest.MonkeyPatch) -> None:
        """Two projects may share a folder, and branches' names."""
        monkeypatch.setenv("STEEL_TOES_PROJECT", "theirs")
        seeders.catalog("feature/3").save("text", "theirs")
        monkeypatch.setenv("STEEL_TOES_PROJECT", "ours")
        assert "another project's" in str(seeders.plan("feature/3").refusals[0])

    def test_a_strangers_file(self, seeders: Seeders) -> None:
        """What lies at the copy's place without a record stays."""
        seeding = seeders.plan(BRANCH, "text").seedings[0]
        path = Path(seeding.parts[0].place.branch_path)
        path.write_text("a stranger's")
        with pytest.raises(Exception, match="data without a record"):
            seeding.apply()
        assert path.read_text() == "a stranger's"
        path.unlink()

    @pytest.mark.contract
    @pytest.mark.parametrize(("theirs", "ours"), permutations(["whole", "versioned", "parts"], 2))
    def test_of_another_kind(self, seeders: Seeders, theirs: str, ours: str) -> None:
        """What a branch saved as one kind is no beginning of another, and nothing that is there is touched."""
        kinds = {
            "whole": {"type": "pickle.PickleDataset", "filepath": "data/07"},
            "versioned": {"type": "pickle.PickleDataset", "filepath": "data/07", "versioned": True},
            "parts": {**PARTS, "path": "data/07"},
        }
        team = seeders.team
        data = {"a": "theirs"} if theirs == "parts" else "theirs"
        team.catalog(BRANCH, {"m": kinds[theirs]}, VERSIONS[1]).save("m", data)
        conf = {"m": kinds[ours]}
        own = {"a": "ours"} if ours == "parts" else "ours"
        team.catalog(OTHER, conf, VERSIONS[1]).save("m", own)
        plan = plan_seed(team.catalog(OTHER, conf, VERSIONS[2]), team.plain(conf), BRANCH, "m", again=True)
        assert f"saved it as {'overlay' if theirs == 'parts' else theirs}" in str(plan.refusals[0])
        data = team.catalog(OTHER, conf, VERSIONS[2])["m"].load()
        assert (data["a"]() if ours == "parts" else data) == "ours"

    @pytest.mark.contract
    def test_another_saves_meanwhile(self, seeders: Seeders, monkeypatch: pytest.MonkeyPatch) -> None:
        """What somebody saves on this branch while a seed goes on, and fails, is theirs, and stays."""
        (seeding,) = seeders.plan(BRANCH, "parts").seedings
        check = SeedPart.check_unchanged

        def saved_in_between(part: SeedPart, reason: Any) -> None:
            if reason is reasons.SOURCE_CHANGED_MIDWAY:
                seeders.catalog(OTHER).save("parts", {"b": "2's own"})
                seeders.catalog(BRANCH).save("parts", {"c": "x's, later"})
            check(part, reason)

        monkeypatch.setattr(SeedPart, "check_unchanged", saved_in_between)
        with pytest.raises(SeedRefusedError, match="while it was copied"):
            seeding.apply()
        assert seeders.shown(OTHER, "parts")["b"] == "2's own"

    def test_shared(self, seeders: Seeders) -> None:
        """It has no copies."""
        assert "no copies on a branch" in str(seeders.plan(None, "shared").refusals[0])

    def test_changed_meanwhile(self, seeders: Seeders) -> None:
        """What was saved since the plan was made is not copied, and nothing is left."""
        plan = seeders.plan(BRANCH, "text", "model")
        seeders.catalog(BRANCH).save("text", '"x, later"')
        text = next(seeding for seeding in plan.seedings if seeding.dataset == "text")
        before = seeders.shown(OTHER, "text")
        with pytest.raises(SeedRefusedError, match=r"since the plan was made\. Nothing was changed"):
            text.apply()
        assert seeders.shown(OTHER, "text") == before
        assert not Path(text.parts[0].place.branch_path).exists()
        seeders.seed(BRANCH, "text")
        assert seeders.shown(OTHER, "text") == '"x, later"'


class TestSeveralPlaces:
    """A dataset with several places begins with all of them, and none of them is half of a save."""

    CONF = {  # noqa: RUF012
        "pair": {"type": Model, "model_path": "data/02/model.bin", "vocab_path": "data/02/vocab.txt"},
        "vocab": {"type": "text.TextDataset", "filepath": "data/02/vocab.txt"},
        "a vocab": {"type": "text.TextDataset", "filepath": "data/02/vocab.txt"},
    }

    def catalog(self, team: Team, branch: str) -> Any:
        return team.catalog(branch, self.CONF, location_parameters=TAUGHT)

    def seed(self, team: Team, source: str | None, *names: str, on: str = OTHER, again: bool = False) -> None:
        seed(self.catalog(team, on), team.plain(self.CONF), source, *names, again=again)

    @pytest.mark.contract
    def test_together(self, team: Team) -> None:
        """Killed at any copy, a reader finds one save, or torn."""
        team.main_saves(self.CONF, pair="main's")
        self.catalog(team, BRANCH).save("pair", "one")
        self.seed(team, BRANCH)
        assert self.catalog(team, OTHER)["pair"].load() == self.catalog(team, BRANCH)["pair"].load()
        one = self.catalog(team, OTHER)["pair"].load()
        self.catalog(team, BRANCH).save("pair", "two")
        two = self.catalog(team, BRANCH)["pair"].load()
        for number in range(1, 9):
            plan = plan_seed(self.catalog(team, OTHER), team.plain(self.CONF), BRANCH, "pair", again=True)
            (seeding,) = plan.seedings
            assert len(seeding.parts) == 2
            if not dies_at("copy", number, seeding.apply):
                break
            try:
                assert self.catalog(team, OTHER)["pair"].load() in (one, two)
            except TornCopyError:
                continue
        assert self.catalog(team, OTHER)["pair"].load() == two

    @pytest.mark.contract
    def test_a_part_is_not_seeded_alone(self, team: Team) -> None:
        """It would be half of a save, and the dataset that has all of it is named; what was saved alone is no half."""
        team.main_saves(self.CONF, pair="main's")
        self.catalog(team, BRANCH).save("pair", "one")
        plan = plan_seed(self.catalog(team, OTHER), team.plain(self.CONF), BRANCH, "vocab")
        assert [str(error) for error in plan.refusals if "steel-toes seed --from feature/x pair" in str(error)]
        # Whatever the names are, all places are one: the entry of one of them is planned with the others.
        self.seed(team, BRANCH)
        assert self.catalog(team, OTHER)["pair"].load() == self.catalog(team, BRANCH)["pair"].load()
        self.catalog(team, "feature/3").save("vocab", "alone")
        self.seed(team, "feature/3", on="feature/4")
        assert self.catalog(team, "feature/4")["pair"].load() == self.catalog(team, "feature/3")["pair"].load()


class TestPromoted:
    """What a copy began as is another branch's to promote, or main's already."""

    @pytest.fixture
    def bot(self, seeders: Seeders) -> Promoting:
        """The colleague on main who promotes."""
        team = seeders.team
        return Promoting(team.plain(CONF), team.folder, team.hook("main"))

    @pytest.mark.contract
    @pytest.mark.parametrize("source", [BRANCH, None])
    def test_as_it_was_seeded(self, seeders: Seeders, bot: Promoting, source: str | None) -> None:
        """Nothing of it is promoted, whatever is forced, and the plan says why."""
        seeders.seed(source, *KINDS)
        plan = bot.plan(OTHER, forced=frozenset({"main", "code"}))
        assert not plan.rows
        assert len(plan.left) == len(KINDS)
        words = "seeded from branch feature/x, which has it still" if source else "seeded, and main has that"
        assert all(words in line for line in plan.left)

    @pytest.mark.contract
    @pytest.mark.parametrize("source", [BRANCH, None])
    @pytest.mark.parametrize("name", ["parts", "fresh", "model"])
    def test_what_the_branch_saved_since(self, seeders: Seeders, bot: Promoting, source: str | None, name: str) -> None:
        """Only that: main keeps what it has of all else, though the copy was all that the branch saw."""
        team = seeders.team
        seeders.seed(source, name)
        data = {"b": "2's b"} if name != "model" else "2's"
        # An overwrite would be all the branch's own.
        conf = {**CONF, "fresh": {**CONF["fresh"], "overwrite": False}}
        team.catalog(OTHER, conf, VERSIONS[5]).save(name, data)
        before = shown(team.plain(conf), name)
        bot.promote(OTHER, name)
        now = shown(team.plain(conf), name)
        assert now == ({**before, **data} if name != "model" else ("2's", VERSIONS[5]))
        team.main = team.mains()
        # The branch's copy went home, and reads main's.
        assert shown(team.catalog(OTHER, conf, VERSIONS[6]), name) == now

    @pytest.mark.contract
    def test_an_append_to_a_seed(self, seeders: Seeders, bot: Promoting) -> None:
        """It needs the proof of both codes; and main must be what it was when the first branch began."""
        seeders.seed(BRANCH, "log")
        seeders.catalog(OTHER).save("log", "and 2")
        record = seeders.record("log")
        assert not is_as_seeded(record)
        first = seeders.record("log", BRANCH)
        writers = record.unit(".").writers
        assert writers[:-1] == first.unit(".").writers or writers == first.unit(".").writers
        (row,) = bot.plan(OTHER, "log", forced=frozenset()).rows
        assert [type(error).__name__ for error in row.refusals] == ["CodeNotMergedError"]
        seeders.team.main_saves(CONF, log="and main")
        (row,) = bot.plan(OTHER, "log", forced=frozenset()).rows
        assert "MainChangedError" in [type(error).__name__ for error in row.refusals]

    @pytest.mark.contract
    def test_after_the_source_was_promoted(self, seeders: Seeders, bot: Promoting) -> None:
        """What it began as is main's by then; what it saved since is promoted over that only by force."""
        team = seeders.team
        seeders.seed(BRANCH, "text", "parts")
        seeders.catalog(OTHER).save("parts", {"d": "2's d"})
        bot.promote(BRANCH)
        team.main = team.mains()
        assert shown(team.plain(CONF), "parts") == {"a": "main's a", "b": "x's b", "c": "x's c"}
        assert "main has that" in " ".join(bot.plan(OTHER, "text").left)
        bot.promote(OTHER)
        team.main = team.mains()
        assert shown(team.plain(CONF), "parts") == {"a": "main's a", "b": "x's b", "c": "x's c", "d": "2's d"}
        assert seeders.shown(OTHER, "text") == '"x"'

    @pytest.mark.contract
    def test_saved_over_before_the_source_was_promoted(self, seeders: Seeders, bot: Promoting) -> None:
        """Main is what the copy began as by then: that is no change of main's, and no force is needed."""
        team = seeders.team
        seeders.seed(BRANCH, "text", "parts")
        seeders.catalog(OTHER).save("text", '"2"')
        seeders.catalog(OTHER).save("parts", {"b": "2's b"})
        bot.promote(BRANCH)
        bot.promote(OTHER)
        assert shown(team.plain(CONF), "text") == '"2"'
        assert shown(team.plain(CONF), "parts") == {"a": "main's a", "b": "2's b", "c": "x's c"}
        team.main = team.mains()

    @pytest.mark.contract
    def test_a_later_state_of_the_source_was_promoted(self, seeders: Seeders, bot: Promoting) -> None:
        """That is not what the copy began as, and would be lost."""
        seeders.seed(BRANCH, "text")
        seeders.catalog(OTHER).save("text", '"2"')
        seeders.catalog(BRANCH).save("text", '"x, later"')
        bot.promote(BRANCH)
        seeders.team.main = seeders.team.mains()
        (row,) = bot.plan(OTHER, "text").rows
        assert [type(error).__name__ for error in row.refusals] == ["MainChangedError"]

    @pytest.mark.contract
    @pytest.mark.parametrize("name", ["text", "parts", "model"])
    def test_the_source_is_gone(self, seeders: Seeders, bot: Promoting, name: str) -> None:
        """A branch that was renamed: its copies are the new name's to promote, with the proof of who made them."""
        team = seeders.team
        expected = seeders.shown(BRANCH, name)
        seeders.seed(BRANCH, name)
        inventory = inventory_of(seeders.catalog("feature/3"), team.plain(CONF))
        list(apply(make_plan(inventory, Wish([BRANCH]))))
        (row,) = bot.plan(OTHER, name, forced=frozenset()).rows
        assert [type(error).__name__ for error in row.refusals] == ["CodeNotMergedError"]
        bot.promote(OTHER, name)
        assert shown(team.plain(CONF), name) == expected
        team.main = team.mains()

    @pytest.mark.contract
    def test_what_was_seeded_into_an_overwrite(self, seeders: Seeders, bot: Promoting) -> None:
        """An entry in a folder that the branch has overwritten: main's stays, since the branch has not saved it."""
        team = seeders.team
        team.main_saves(CONF, inside="main's inside")
        conf = {**CONF, "parts": {**CONF["parts"], "overwrite": True}}
        team.catalog(OTHER, conf, VERSIONS[2]).save("parts", {"z": "2's z"})
        seed(team.catalog(OTHER, conf, VERSIONS[2]), team.plain(conf), None, "inside")
        promoting = Promoting(team.plain(conf), team.folder, team.hook("main"))
        promoting.promote(OTHER, "parts")
        assert shown(team.plain(conf), "parts") == {"z": "2's z", "inside": "main's inside"}
        team.main = team.mains()

    @pytest.mark.contract
    def test_a_checkpoint_over_what_others_have_to_promote(self, seeders: Seeders, bot: Promoting) -> None:
        """Main would count as done what it does not have yet."""
        seeders.catalog(BRANCH).save("increments", {"d": "x's d"})
        seeders.seed(BRANCH, "increments")
        second = seeders.catalog(OTHER)
        second.save("increments", {"e": "2's e"})
        second.load("increments")
        second.confirm("increments")
        (row,) = bot.plan(OTHER).rows
        assert "are branch feature/x's to promote" in str(row.refusals[-1])
        bot.promote(BRANCH)
        assert not bot.plan(OTHER).rows[0].refusals
        seeders.team.main = seeders.team.mains()

    @pytest.mark.contract
    def test_claimed(self, seeders: Seeders, bot: Promoting, monkeypatch: pytest.MonkeyPatch) -> None:
        """Neither from a copy that is being promoted, nor over one."""
        seeders.catalog("feature/3").save("text", '"3"')
        with monkeypatch.context() as patch:
            patch.setattr(Protocol, "_put_all", interrupted)
            with pytest.raises(KeyboardInterrupt):
                bot.promote(BRANCH, "text", keeps_main=False)
        assert "is being promoted" in str(seeders.plan(BRANCH, "text").refusals[0])
        refusal = str(seeders.plan("feature/3", "text", on=BRANCH, again=True).refusals[0])
        assert "promote of branch feature/x" in refusal
        bot.abandon(BRANCH)
        seeders.seed(BRANCH, "text")


def interrupted(*_: object) -> None:
    """Somebody presses Ctrl-C."""
    raise KeyboardInterrupt


class TestKilled:
    """A seed that is killed leaves main's data, or the branch's former copy in doubt; called again, it ends."""

    @pytest.mark.contract
    @pytest.mark.parametrize("name", ["text", "model", "parts", "fresh"])
    @pytest.mark.parametrize("again", [False, True])
    @pytest.mark.parametrize("step", ["remove", "copy", "write"])
    def test_in_the_middle(self, seeders: Seeders, name: str, again: bool, step: str) -> None:
        if again:
            data = {"y": "2's y"} if name in ("parts", "fresh") else "2's"
            seeders.catalog(OTHER, 5).save(name, data)
        before = seeders.shown(OTHER, name)
        for number in range(1, 20):
            (seeding,) = seeders.plan(BRANCH, name, again=True).seedings
            if not dies_at(step, number, seeding.apply):
                break
            try:
                now = seeders.shown(OTHER, name)
            except (TornCopyError, ChangedCopyError):
                assert again
                continue
            # Never main's in the place of what the branch had.
            assert now in (before, seeders.shown(BRANCH, name))
        assert seeders.shown(OTHER, name) == seeders.shown(BRANCH, name)


def dies_at(step: str, number: int, action: Callable[[], object]) -> bool:
    """Whether a process that is killed at this call of a store's method, of some, died of it."""
    child = os.fork()
    if not child:
        calls = itertools.count(1)
        method = getattr(LocalStore, step)

        def deadly(*arguments: object) -> object:
            if next(calls) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return method(*arguments)

        setattr(LocalStore, step, deadly)
        try:
            action()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
