"""The commit protocol against every order of steps, and every death and failure of a writer: a model that runs it.

The models are tests/support/record_model.py, of writers one after another, and tests/support/stage.py, of several at
the same time; here is what must hold in them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from steel_toes.records.format import to_bytes
from steel_toes.records.ledger import Ledger
from steel_toes.records.save import Save, Transaction, begin
from steel_toes.records.write import Write
from support.effort import all_but, effort
from support.record_model import Deed, Overlay, Several, Versioned, World, check_end, explore_one_after_another
from support.stage import BEFORE, PARTS, Explored, Part, disk_after, explore, shuffle


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Thousands of warnings that a first save never finished say nothing new."""
    caplog.set_level(logging.CRITICAL, "steel_toes")


DISK = {"shared_locks": True}


class HastyLedger(Ledger):
    """Wrong on purpose: it says `complete` only, when the data is there."""

    @contextmanager
    def transaction(self, write: Write, identify: Callable[[], dict[str, str]], _: Any = None) -> Iterator[Any]:
        before = self.read()
        save = begin(before, write, self.facts_of_save(before, write))
        yield Transaction(save)
        done = save.complete(save.writing, identify(write.units), identify, self.store.is_one_saves)
        self.store.write(self.path, to_bytes(done.record))


class TestOneAfterAnother:
    """Writers follow one another; each may fail at any step, and die at any step."""

    def test_whole_and_append(self):
        """However many writers fail or die, a reader gets the last whole copy, or is told that it is torn.

        Main's is read only where there was none; a plain save repairs a torn copy, and an append names `clean`.
        """
        count = explore_one_after_another(World(**DISK), check_end, depth=5)
        assert count["left over"] == 0, "the states that writers in a row can leave are not all known"
        assert count["runs"] > 1_000

    @pytest.mark.slow
    @pytest.mark.long
    def test_overlay(self):
        """In a partitioned dataset that holds for each partition.

        Those that a save does not write keep their state and their doubts; after an overwrite the branch's are all.
        """
        count = explore_one_after_another(Overlay(**DISK), check_end)
        assert count["runs"] > 5_000

    def test_versioned(self):
        """Half a version is never read, is no obstacle to saving it again, and a whole one is never saved over."""
        count = explore_one_after_another(Versioned(**DISK), check_end)
        assert count["runs"] > 1_000

    def test_model_finds_a_protocol_that_is_wrong(self):
        """The model is no rubber stamp: a record that is only written after the data fails it."""

        class Hasty(World):
            ledger_type = HastyLedger

        with pytest.raises(AssertionError, match="is changed, not one of"):
            explore_one_after_another(Hasty(**DISK), check_end)


# Several at the same time ---------------------------------------------------------------------------------------------

S3 = {"opened_late": True, "stamped": True}
SAME_BYTES = {**S3, "content": True, "same": True}
IGNORES = {**S3, "honoured": False}
NO_LOCKS: dict[str, Any] = {}
PART_B = ((None, Deed(("b",))),)


def save(who: str, *units: str, **how: bool) -> Part:
    """A save of the whole copy, or of these units."""
    return Part(who, "save", Deed(units or (".",), **how))


LOAD, CLEAN, ADOPT = Part("R", "load", "."), Part("C", "clean"), Part("D", "adopt")


@dataclass(frozen=True)
class Scenario:
    """Who does what on which store; how many deaths, lost answers and failed writes there may be."""

    world: World
    before: Any
    cast: tuple[Part, ...]
    left: dict[str, int] = field(default_factory=dict)
    disjoint: bool = False

    def explore(self, seconds: float = 600, stop: bool = False) -> Explored:
        """Every order of steps."""
        return explore(
            self.world, disk_after(self.world, self.before), *self.cast, seconds=seconds, stop=stop, **self.left
        )


RUN, LATE_RUN = Part("A", "run", Deed((".",))), Part("A", "late run", Deed((".",)))
KILL, LOSE, FAIL = {"kill": 1}, {"lose": 1}, {"fail": 1}
ONE_OF_EACH = {**KILL, **LOSE, **FAIL}
A, B, A_APPENDS, B_APPENDS = save("A"), save("B"), save("A", append=True), save("B", append=True)
SCENARIOS = {
    **{f"s3: save, save; {name}": Scenario(World(**S3), before, (A, B), KILL) for name, before in BEFORE.items()},
    "s3: save, save; lost answers": Scenario(World(**S3), BEFORE["whole"], (A, B), LOSE),
    "s3: save, load": Scenario(World(**S3), BEFORE["whole"], (A, LOAD), {**KILL, **LOSE}),
    "s3: save, load; torn": Scenario(World(**S3), BEFORE["torn"], (A, LOAD), {**KILL, **FAIL}),
    "s3, several objects: save, load": Scenario(Several(**S3), BEFORE["whole"], (A, LOAD), {**KILL, **LOSE}),
    "s3, several objects: other and the same bytes again, load": Scenario(
        Several(**S3, content=True), BEFORE["whole"], (Part("A", "series", Deed((".",))), LOAD)
    ),
    "s3, several objects: clean, save": Scenario(Several(**S3), BEFORE["whole"], (CLEAN, A), KILL),
    "s3: append, append": Scenario(World(**S3), BEFORE["whole"], (A_APPENDS, B_APPENDS), KILL),
    "s3: append, save": Scenario(World(**S3), BEFORE["whole"], (A_APPENDS, B), {**KILL, **FAIL}),
    "s3: append, save; torn": Scenario(World(**S3), BEFORE["torn"], (A_APPENDS, B), KILL),
    "s3: a, b; new": Scenario(Overlay(**S3), (), (save("A", "a"), save("B", "b")), {**KILL, **LOSE}, disjoint=True),
    "s3: a, b": Scenario(Overlay(**S3), PARTS, (save("A", "a"), save("B", "b")), {**KILL, **LOSE}, disjoint=True),
    "s3: a, a": Scenario(Overlay(**S3), PARTS, (save("A", "a"), save("B", "a")), KILL),
    "s3: a and b, b": Scenario(Overlay(**S3), PARTS, (save("A", "a", "b"), save("B", "b")), FAIL),
    "s3: overwrite a, save b": Scenario(Overlay(**S3), PARTS, (save("A", "a", overwrite=True), save("B", "b")), KILL),
    "s3: overwrite a, save a": Scenario(Overlay(**S3), PARTS, (save("A", "a", overwrite=True), save("B", "a")), LOSE),
    "s3: overwrite a, overwrite b": Scenario(
        Overlay(**S3), PARTS, (save("A", "a", overwrite=True), save("B", "b", overwrite=True))
    ),
    "s3: overwrite a, load b": Scenario(
        Overlay(**S3), PARTS, (save("A", "a", overwrite=True), Part("R", "load", "b")), KILL
    ),
    "s3: clean, load": Scenario(World(**S3), BEFORE["whole"], (CLEAN, LOAD), {**KILL, **LOSE}),
    "s3: clean, save": Scenario(World(**S3), BEFORE["whole"], (CLEAN, A), {**KILL, **LOSE}),
    "s3: clean, save; torn": Scenario(World(**S3), BEFORE["torn"], (CLEAN, A), KILL),
    "s3: clean, save; same bytes": Scenario(World(**SAME_BYTES), BEFORE["whole"], (CLEAN, A), KILL),
    "s3: clean, append": Scenario(World(**S3), BEFORE["whole"], (CLEAN, A_APPENDS), KILL),
    "s3: clean, clean": Scenario(World(**S3), BEFORE["whole"], (CLEAN, Part("E", "clean")), {**KILL, **LOSE}),
    "s3: clean, save a, had b": Scenario(Overlay(**S3), PART_B, (CLEAN, save("A", "a")), KILL),
    "s3: clean, overwrite": Scenario(Overlay(**S3), PARTS, (CLEAN, save("A", "a", overwrite=True))),
    "s3: adopt, save; torn": Scenario(World(**S3), BEFORE["torn"], (ADOPT, A), KILL),
    "s3: adopt, load; torn": Scenario(World(**S3), BEFORE["torn"], (ADOPT, LOAD), KILL),
    "s3: adopt, clean; torn": Scenario(World(**S3), BEFORE["torn"], (ADOPT, CLEAN), KILL),
    "s3: version 2, version 3": Scenario(Versioned(**S3), (), (save("A", "2"), save("B", "3")), KILL, disjoint=True),
    "s3: version 2, version 2": Scenario(Versioned(**S3), (), (save("A", "2"), save("B", "2")), KILL),
    "s3: version 2, clean": Scenario(Versioned(**S3), ((None, Deed(("3",))),), (save("A", "2"), CLEAN), KILL),
    "s3: a, b; not probed yet": Scenario(
        Overlay(**S3, word="unknown"), (), (save("A", "a"), save("B", "b")), disjoint=True
    ),
    "disk: save, save; new": Scenario(World(**DISK), (), (A, B), {**KILL, **FAIL}),
    "disk: save, save": Scenario(World(**DISK), BEFORE["whole"], (A, B), {**KILL, **FAIL}),
    "disk: save, load": Scenario(World(**DISK), BEFORE["whole"], (A, LOAD), {**KILL, **FAIL}),
    "disk: a, b": Scenario(Overlay(**DISK), PARTS, (save("A", "a"), save("B", "b")), {**KILL, **FAIL}, disjoint=True),
    "disk: clean, save": Scenario(World(**DISK), BEFORE["whole"], (CLEAN, A), {**KILL, **FAIL}),
    "disk: clean, a": Scenario(Overlay(**DISK), PARTS, (CLEAN, save("A", "a")), KILL),
    "disk: adopt, save": Scenario(World(**DISK), BEFORE["torn"], (ADOPT, A), KILL),
    "disk: overwrite a, save b": Scenario(Overlay(**DISK), PARTS, (save("A", "a", overwrite=True), save("B", "b"))),
    "s3: run, load": Scenario(World(**S3), BEFORE["whole"], (RUN, LOAD)),
    "s3: late run, load": Scenario(World(**S3), BEFORE["whole"], (LATE_RUN, LOAD), KILL),
    "s3: late run, save": Scenario(World(**S3), BEFORE["whole"], (LATE_RUN, B)),
    "s3: late run, clean": Scenario(World(**S3), BEFORE["whole"], (LATE_RUN, CLEAN)),
    "s3: run, load; new": Scenario(World(**S3), (), (RUN, LOAD), ONE_OF_EACH),
    "s3: late run, load; torn": Scenario(World(**S3), BEFORE["torn"], (LATE_RUN, LOAD), KILL),
    "conditions ignored: run, load": Scenario(World(**IGNORES), BEFORE["whole"], (RUN, LOAD)),
    "conditions ignored: save, load": Scenario(World(**IGNORES), BEFORE["whole"], (A, LOAD), KILL),
    "conditions ignored: save, load; not probed yet": Scenario(
        World(**IGNORES, word="unknown"), BEFORE["whole"], (A, LOAD)
    ),
}
QUICK = {
    "s3: a, b; not probed yet",
    "disk: save, save",
    "disk: clean, save",
    "s3: adopt, load; torn",
    "s3: late run, load; torn",
}
LONG = {  # hundreds of thousands of states each
    "s3, several objects: other and the same bytes again, load",
    "s3, several objects: save, load",
    "s3: overwrite a, save a",
    "s3: a, b",
    "s3: a, b; new",
    "s3: a and b, b",
    "s3: append, save",
    "s3: append, append",
    "s3: clean, save",
    "s3: version 2, version 2",
    "s3: save, save; lost answers",
    "s3: save, save; torn",
    "s3: save, save; nothing",
    "s3: save, save; whole",
    "s3: save, save; unfinished",
    "s3: a, a",
    "s3: overwrite a, save b",
    "s3: overwrite a, overwrite b",
    "s3: clean, clean",
    "s3: late run, save",
    "s3: late run, load",
    "s3, several objects: clean, save",
    "conditions ignored: save, load",
    "disk: save, load",
}


class TestAtTheSameTime:
    """Several save, load, clean and adopt at the same time, in every order of their requests."""

    @pytest.mark.timeout(900)  # of states, not of time: a busy machine is slow
    @pytest.mark.parametrize(
        "scenario", all_but(SCENARIOS.keys() - QUICK, {n: (s,) for n, s in SCENARIOS.items()}, LONG)
    )
    def test_every_order(self, scenario: Scenario) -> None:
        """No reader accepts what is no save's whole, and no save that succeeded is lost, whoever dies and when.

        Saves of different units all succeed; what lies there is in the record, for `clean` to find.
        """
        explored = scenario.explore()
        assert explored.faults == {}
        assert not explored.cut
        assert explored.states > 100
        if scenario.disjoint:
            assert {status for end in explored.ends for status in end} <= {"saved", "killed", "failed"}


MANY = {
    "s3: 3 saves, load": Scenario(World(**S3), BEFORE["whole"], (A, B, save("E"), LOAD), ONE_OF_EACH),
    "s3: a, b, both, load": Scenario(
        Overlay(**S3), PARTS, (save("A", "a"), save("B", "b"), save("E", "a", "b"), Part("R", "load", "a")), ONE_OF_EACH
    ),
    "s3: a, b, m; new": Scenario(
        Overlay(**S3), (), (save("A", "a"), save("B", "b"), save("E", "m")), {**KILL, **LOSE}, disjoint=True
    ),
    "s3: overwrite, save b, load": Scenario(
        Overlay(**S3), PARTS, (save("A", "a", overwrite=True), save("B", "b"), Part("R", "load", "a")), {**KILL, **LOSE}
    ),
    "s3: clean, save a, save b, load": Scenario(
        Overlay(**S3), PARTS, (CLEAN, save("A", "a"), save("B", "b"), Part("R", "load", "a")), ONE_OF_EACH
    ),
    "s3: clean, adopt, save, load": Scenario(World(**S3), BEFORE["torn"], (CLEAN, ADOPT, A, LOAD), {**KILL, **LOSE}),
    "s3: append, append, save": Scenario(World(**S3), BEFORE["whole"], (A_APPENDS, B_APPENDS, save("E")), KILL),
    "disk: 3 saves, load": Scenario(World(**DISK), BEFORE["whole"], (A, B, save("E"), LOAD), {**KILL, **FAIL}),
    "disk: a, b, clean, load": Scenario(
        Overlay(**DISK), PARTS, (save("A", "a"), save("B", "b"), CLEAN, Part("R", "load", "a")), {**KILL, **FAIL}
    ),
}
SCHEDULES = effort(100, 1_000, "STEEL_TOES_SCHEDULES")


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("scenario", MANY.values(), ids=MANY)
def test_many(scenario: Scenario) -> None:
    """The same of three and four, in random orders; `STEEL_TOES_SCHEDULES` says of how many."""
    before = disk_after(scenario.world, scenario.before)
    explored = shuffle(scenario.world, before, *scenario.cast, schedules=SCHEDULES, **scenario.left)
    assert explored.faults == {}
    if scenario.disjoint:
        assert {status for end in explored.ends for status in end} <= {"saved", "killed", "failed"}


# What the model finds where something that the protocol needs is not to be had.
HOLES = {
    "two first appends, and a store whose answers are not seen": (
        Scenario(World(**S3), (), (A_APPENDS, B_APPENDS)), "is lost: a reader gets"
    ),
    "two saves of one copy of several objects": (
        Scenario(Several(**S3), BEFORE["whole"], (A, B)), "a reader accepts mixed"
    ),
    "two saves of one partition's file on a disk": (
        Scenario(Overlay(**DISK), PARTS, (save("A", "a"), save("B", "a"))), "a reader accepts (mixed|half)"
    ),
    "conditions that are ignored": (
        Scenario(Overlay(**IGNORES), PARTS, (save("A", "a"), save("B", "b"))), "is lost: a reader gets torn|was changed"
    ),
    "no locks and no conditions": (
        Scenario(Overlay(**NO_LOCKS), PARTS, (save("A", "a"), save("B", "b"))), "is lost: a reader gets torn"
    ),
    "no conditional deletion": (
        Scenario(World(**IGNORES), BEFORE["whole"], (CLEAN, A)), "was changed"
    ),
}  # fmt: skip


@pytest.mark.timeout(900)
@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize(("scenario", "fault"), HOLES.values(), ids=HOLES)
def test_holes(scenario: Scenario, fault: str) -> None:
    """What README calls a limit is one. No other fault is found."""
    faults = scenario.explore().faults
    assert any(re.search(fault, found) for found in faults)
    other = rf"{fault}|torn|changed|half|mixed|main|without a record"
    assert not [found for found in faults if not re.search(other, found)]


# Each line of the protocol that is taken out is missed in one of the scenarios.
MUTANTS: dict[str, tuple[str, Any, str]] = {
    "a load does not compare": (
        "steel_toes.datasets.base.BranchedDataset.is_still", lambda *_: True, "disk: save, load",
    ),
    "`complete` is put over whatever is there": (
        "support.record_model.SteppingStore._stamp_now", lambda store, path: None, "s3: a, b",
    ),
    "`complete` without what others put": (
        "steel_toes.records.save.Save.complete",
        lambda save, now, *rest, complete=Save.complete: complete(save, save.writing, *rest), "s3: a, b",
    ),
    "nobody looks whether another was there": (
        "steel_toes.records.save.Save._is_untouched", lambda *_: True, "s3: a, a",
    ),
    "after an exception the record that was is put back": (
        "steel_toes.records.save.Save.take_back", lambda save, *_: save.before, "s3: a and b, b",
    ),
    "an overwrite that is told leaves no doubt": (
        "steel_toes.records.save.Save._with_everything_in_doubt", lambda _, now: now, "s3: overwrite a, overwrite b",
    ),
    "an overwrite ends the doubts of others": (
        "steel_toes.records.save.Save._is_of_others", lambda *_: False, "s3: overwrite a, save b",
    ),
    "a whole copy is not held on a disk": (
        "steel_toes.records.ledger.Ledger._whole_held", lambda _: nullcontext(False), "disk: save, save",
    ),
    "a load compares the identity alone": (
        "support.record_model.SteppingStore.has_content_identities", False,
        "s3, several objects: other and the same bytes again, load",
    ),
    "a save goes over what clean removes": (
        "steel_toes.records.checks.SaveChecks.check_not_removing", lambda *_: None, "s3: clean, save; same bytes",
    ),
    "a save ends over what clean removes": (
        "steel_toes.records.checks.SaveChecks.check_still_there", lambda *_: None, "s3: clean, save",
    ),
    "clean deletes what it did not plan": (
        "steel_toes.stores.objects.ObjectStore._is_deleted",
        lambda store, path, stamp: store.remove(path) or True, "s3: clean, save",
    ),
    "clean does not announce": (
        "steel_toes.actions.removal._announcement", lambda copy: replace(copy.record, id="C0"), "s3: clean, load",
    ),
    "clean goes over a save that began since": (
        "steel_toes.actions.removal._is_planned", lambda *_: True, "s3: clean, save",
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("target", "mutant", "scenario"), MUTANTS.values(), ids=MUTANTS)
def test_mutants(target: str, mutant: Any, scenario: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is no rubber stamp: it misses each of these."""
    monkeypatch.setattr(target, mutant)
    explored = SCENARIOS[scenario].explore(seconds=60, stop=True)
    assert explored.faults
