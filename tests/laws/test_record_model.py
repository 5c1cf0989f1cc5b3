"""The commit protocol against every order of steps, and every death and failure of a writer: a model that runs it.

The model is tests/support/record_model.py; here is what must hold in it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from steel_toes.records.ledger import Ledger
from steel_toes.records.record import Record
from steel_toes.records.write import Write
from support.effort import all_but
from support.record_model import (
    BEFORE,
    PARTS,
    PLAIN,
    Actor,
    Deed,
    Disk,
    Overlay,
    Race,
    Trace,
    Turn,
    Versioned,
    World,
    answer,
    check_end,
    disk_after,
    every_trace,
    explore,
    overlapped,
)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Thousands of warnings that a first save never finished say nothing new."""
    caplog.set_level(logging.CRITICAL, "steel_toes")


class HastyLedger(Ledger):
    """Wrong on purpose: it says `complete` only, when the data is there."""

    @contextmanager
    def transaction(self, write: Write, identify: Callable[[], dict[str, str]]) -> Iterator[Any]:
        before = self.read()
        writing = self._writing(before, write)
        yield writing, before
        done = {
            **json.loads(writing.to_bytes()),
            "state": "complete",
            "doubt": {},
            "was": None,
            "data": identify((".",)),
        }
        self.store.write(self.path, Record.from_dict(done).to_bytes())


class TestOneAfterAnother:
    """Writers follow one another; each may fail at any step, and die at any step."""

    def test_whole_and_append(self):
        """However many writers fail or die, a reader gets the last whole copy, or is told that it is torn.

        Main's is read only where there was none; a plain save repairs a torn copy, and an append names `clean`.
        """
        count = explore(World(), check_end, depth=5)
        assert count["left over"] == 0, "the states that writers in a row can leave are not all known"
        assert count["runs"] > 1_000

    @pytest.mark.slow
    def test_overlay(self):
        """In a partitioned dataset that holds for each partition.

        Those that a save does not write keep their state and their doubts; after an overwrite the branch's are all.
        """
        count = explore(Overlay(), check_end)
        assert count["runs"] > 5_000

    def test_versioned(self):
        """Half a version is never read, is no obstacle to saving it again, and a whole one is never saved over."""
        count = explore(Versioned(), check_end)
        assert count["runs"] > 1_000

    def test_model_finds_a_protocol_that_is_wrong(self):
        """The model is no rubber stamp: a record that is only written after the data fails it."""

        class Hasty(World):
            ledger_type = HastyLedger

        with pytest.raises(AssertionError, match="is changed, not one of"):
            explore(Hasty(), check_end)


HOSTS = {"one host": True, "two hosts": False}
SAVED, TOLD = "saved", "ConcurrentSaveError"
ENDS = {
    (SAVED, SAVED, "whole"),  # one after the other
    (TOLD, SAVED, "whole"),  # the loser is told; the data in place is one of the two's
    (TOLD, SAVED, "changed"),  # the loser wrote after the winner had its identity
}
ENDS_BETWEEN_HOSTS = ENDS | {
    (SAVED, SAVED, "changed"),  # the whole of a save fell between the other's last read of the record and its put
}
ENDS_IN_PLACE = {(TOLD, SAVED, "mixed")}  # both wrote one file at once, as in plain Kedro


class TestAtTheSameTime:
    """Two save one unit at the same time, in every order of their steps; any prefix is a pair of deaths as well."""

    @pytest.mark.parametrize(
        ("before", "one_host"),
        all_but(
            {"nothing-two hosts", "torn-two hosts", "unfinished-two hosts"},
            {f"{before}-{name}": (before, one_host) for name, one_host in HOSTS.items() for before in BEFORE},
        ),
    )
    def test_objects(self, before, one_host):
        """Where an object appears whole, no order of steps lets a reader accept what is neither's whole copy.

        At least one of the two is told that it saved.
        """
        world = World(opened_late=True)
        race = Race(world, disk_after(world, BEFORE[before]), (PLAIN, PLAIN), one_host, mirrored=True).run()
        assert race.bad == []
        assert race.traces >= 100
        assert set(race.ends) <= (ENDS if one_host else ENDS_BETWEEN_HOSTS)

    @pytest.mark.parametrize(
        ("before", "one_host"),
        all_but(
            {"nothing-False"},
            {
                **{f"{before}-True": (before, True) for before in BEFORE},
                **{f"{before}-False": (before, False) for before in ("nothing", "whole")},
            },
        ),
    )
    def test_files(self, before, one_host):
        """Where both write one file in place, only what they wrote at once can be accepted and be neither's whole copy.

        Plain Kedro has the same bytes then; here one of the two, if it lives, is told.
        """
        world = World()
        race = Race(world, disk_after(world, BEFORE[before]), (PLAIN, PLAIN), one_host, mirrored=True).run()
        assert [trace.steps() for trace in race.bad if not overlapped(trace)] == []
        assert set(race.ends) <= (ENDS if one_host else ENDS_BETWEEN_HOSTS) | ENDS_IN_PLACE


class TestPartsAtTheSameTime:
    """Nodes of one run save into one directory at the same time."""

    @pytest.mark.parametrize("one_host", all_but({"two hosts"}, {name: (host,) for name, host in HOSTS.items()}))
    def test_different_partitions(self, one_host):
        """Two saves of different partitions on one host both succeed, in every order of their steps.

        Between hosts one may be told of the other; no reader accepts half a partition.
        """
        world = Overlay()
        race = Race(world, disk_after(world, PARTS), (Deed(("a",)), Deed(("b",))), one_host, mirrored=True).run()
        assert race.bad == []
        assert set(race.ends) <= {(SAVED, SAVED, "whole")} if one_host else ENDS_BETWEEN_HOSTS | {(TOLD, SAVED, "torn")}

    def test_different_partitions_from_two_hosts_on_s3(self, monkeypatch):
        """Where a put may name what it replaces, both succeed also from two hosts, in every order of their steps."""
        monkeypatch.setattr("steel_toes.records.ledger._PAUSE_SECONDS", 0)
        world = Overlay(opened_late=True, stamped=True)
        deeds = (Deed(("a",)), Deed(("b",)))
        race = Race(world, disk_after(world, PARTS), deeds, one_host=False, mirrored=True).run()
        assert race.bad == []
        assert set(race.ends) == {(SAVED, SAVED, "whole")}

    @pytest.mark.parametrize("before", [(), PARTS], ids=["nothing", "whole"])
    def test_failure_beside_a_save(self, before):
        """A save that fails before its first byte takes nothing back from one of another partition at the same time."""
        world = Overlay()

        @dataclass
        class Failing(Race):
            def actor(self, who: str, deed: Deed) -> Actor:
                actor = super().actor(who, deed)
                if who == "B":
                    actor.turn.fails = "begin"
                return actor

        race = Failing(world, disk_after(world, before), (Deed(("a",)), Deed(("b",))), one_host=True).run()
        assert race.bad == []
        assert set(race.ends) == {("StoreError", SAVED, "whole")}

    @pytest.mark.slow
    def test_third_save_hides_nothing(self):
        """One of two saves of one partition that met is told, also if a third saves another partition meanwhile."""
        world = Overlay(opened_late=True)

        class Three(Race):
            def finish(self, trace: Trace) -> None:
                super().finish(trace)
                turns = [who for who in trace.turns if who != 2]
                a_first = turns == sorted(turns)
                if not a_first and turns != sorted(turns, reverse=True):
                    told = [actor.result for actor in trace.actors[:2]]
                    assert TOLD in told, trace.steps()

        race = Three(world, world.empty(), (Deed(("a",)), Deed(("a",)), Deed(("b",))), one_host=True).run()
        assert race.bad == []
        assert race.traces > 1_000


class TestReaderBesideAWriter:
    """A load takes as long as a save, and both go on at the same time, in every order of their steps."""

    @pytest.mark.parametrize(
        ("before", "opened_late"),
        all_but(
            {"whole-file", "torn-object"},
            {
                f"{before}-{name}": (before, opened_late)
                for name, opened_late in (("object", True), ("file", False))
                for before in BEFORE
            },
        ),
    )
    def test_whole(self, before, opened_late):
        """A load beside a save gives the old copy or the new, main's if there was none, or says that it is torn."""
        world = World(opened_late)
        start = disk_after(world, BEFORE[before])
        old = world.told(start)["."]
        answers = self.answers(world, start, PLAIN, ".")
        assert answers <= {old, ("A",), "torn"}
        assert {old, ("A",)} <= answers

    @pytest.mark.slow
    @pytest.mark.parametrize("deed", [Deed(("a",)), Deed(("b",), overwrite=True)], ids=str)
    def test_partition(self, deed):
        """A partition beside a save of it, or beside an overwrite without it, is the old one, the new one or torn."""
        world = Overlay()
        start = disk_after(world, PARTS)
        assert self.answers(world, start, deed, "a") <= {("old0",), ("A",), "torn", "changed", "none"}

    @staticmethod
    def answers(world: World, before: Disk, deed: Deed, unit: str) -> set[Any]:
        """Everything that a load beside a save can give."""
        race = Race(world, before, (deed,), one_host=True)

        def cast() -> list[Actor]:
            actors, turn = race.cast(), Turn()
            load = world.loader(world.pair(race.disk, turn), unit, turn)
            return [*actors, Actor(turn, lambda: answer(load))]

        found: set[Any] = set()
        traces = 0
        for trace in every_trace(cast, lambda _: None):
            found.add(trace.actors[1].result)
            traces += 1
        assert traces > 10
        return found
