"""What a save makes of the record, whoever else changed it meanwhile: records in, records out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from steel_toes.records.record import ALL, NO_RECORD, Record, Recorded, Writer
from steel_toes.records.save import Outcome, Save, begin
from steel_toes.records.write import Write

ANN, BOB = Writer(user="ann"), Writer(user="bob")
WRITERS = {ANN.key: ANN, BOB.key: BOB}


def facts(save_id: str, writer: Writer = ANN) -> Record:
    """What a save says of itself."""
    return Record(
        id=save_id, state="writing", kind="overlay", branch_name="b", dataset="d", location="l", layout="suffix",
        created="", saved="now", writer_key=writer.key, writers={writer.key: writer},
    )  # fmt: skip


def recorded(identity: str, save_id: str, writer: Writer = BOB) -> Recorded:
    """A unit as a save left it."""
    return Recorded.of(identity, save_id, (writer.key,))


HAD = replace(
    facts("had", BOB),
    state="complete",
    created="then",
    writers=WRITERS,
    data={"a": recorded("a0", "had"), "b": recorded("b0", "had")},
)


def begun(*units: str, before: Record = HAD, save_id: str = "s", **write: Any) -> Save:
    """A save that has begun."""
    return begin(before, Write(units, **write), facts(save_id))


def place(**identities: str) -> Callable[[Iterable[str]], dict[str, str]]:
    """A look at a store in which these units lie."""
    return lambda units: {unit: identities[unit] for unit in units if unit in identities}


def no_look(units: Iterable[str]) -> dict[str, str]:
    """A look that nobody takes."""
    raise AssertionError(f"{units} were looked at")


def complete(save: Save, now: Record, look: Any = no_look, whole: bool = True, **identities: str) -> Outcome:
    """The end of a save that left these identities."""
    return save.complete(now, identities, look, lambda _: whole)


class TestAlone:
    """Nobody else is there."""

    def test_no_look(self):
        """A unit that nobody else began, and whose entry is as it was, is ours without a look."""
        save = begun("a")
        assert save.writing.doubt == {"a": ("s",)}
        assert (save.writing.was, save.writing.created) == (HAD, "then")
        record, lost = complete(save, save.writing, a="a1")
        assert (record.state, record.was, record.doubt, lost) == ("complete", None, {}, ())
        assert record.data == {"a": recorded("a1", "s", ANN), "b": recorded("b0", "had")}
        assert record.writers == WRITERS

    def test_dead_saves_leave(self):
        """The saves that stood in a unit's doubt when we began leave it; those of other units stay."""
        before = replace(HAD, doubt={"a": ("dead", "dead too"), "b": ("dead",)})
        save = begun("a", before=before)
        assert save.writing.doubt["a"] == ("dead", "dead too", "s")
        assert complete(save, save.writing, a="a1").record.doubt == {"b": ("dead",)}

    def test_writers(self):
        """An append keeps all that wrote the unit; a replacement only the last; a writer of nothing is forgotten."""
        save = begun("a", keeps=True)
        assert complete(save, save.writing, a="a1").record.data["a"].writers == (BOB.key, ANN.key)
        save = begun("a", "b")
        record = complete(save, save.writing, a="a1", b="b1").record
        assert (record.data["a"].writers, list(record.writers)) == ((ANN.key,), [ANN.key])

    def test_nothing_written(self):
        """A save that may write nothing and did leaves no unit and no doubt."""
        save = begun("c", may_write_nothing=True)
        record, lost = complete(save, save.writing)
        assert (record.doubt, list(record.data), lost) == ({}, ["a", "b"], ())


class TestOfOtherUnits:
    """Another saves other units at the same time: both succeed, and nobody looks."""

    @pytest.mark.parametrize("ended", [False, True])
    def test_merged(self, ended):
        """What another save of another unit put is kept, and so is its doubt while it goes on."""
        save = begun("a")
        other = begun("b", "c", before=save.writing, save_id="o")
        now = complete(other, other.writing, b="b1", c="c1").record if ended else other.writing
        record, lost = complete(save, now, a="a1")
        assert lost == ()
        assert record.data["a"].identity == "a1"
        assert record.data["b"].identity == ("b1" if ended else "b0")
        assert record.doubt == ({} if ended else {"b": ("o",), "c": ("o",)})

    def test_lost_answer(self):
        """Marks decide, not the record's id: it is completed, also if another put it since."""
        save = begun("a")
        done = complete(save, save.writing, a="a1").record
        later = begun("b", before=done, save_id="o").writing
        assert save.has_completed(later, {"a": "a1"})
        assert not save.has_completed(save.writing, {"a": "a1"})
        assert not save.has_completed(begun("a", before=HAD, save_id="o").writing, {"a": "a1"})


class TestOfTheSameUnit:
    """Another saves the same unit at the same time."""

    def test_joined(self):
        """Another joined: the data in place decides. If it is ours we are recorded, and the other's doubt stays."""
        save = begun("a")
        now = begun("a", before=save.writing, save_id="o").writing
        record, lost = complete(save, now, place(a="a1"), a="a1")
        assert (record.data["a"].save, record.doubt, lost) == ("s", {"a": ("o",)}, ())

    def test_joined_and_wrote(self):
        """If other data is in place the save is lost; its doubt stays, since nobody knows whose data that is."""
        save = begun("a")
        now = begun("a", before=save.writing, save_id="o").writing
        record, lost = complete(save, now, place(a="a9"), a="a1")
        assert (record, lost) == (now, ("a",))

    def test_overtaken(self):
        """If what is in place is what the other recorded, our doubt leaves: the copy is the other's, and whole."""
        save = begun("a")
        other = begun("a", before=save.writing, save_id="o")
        done = complete(other, other.writing, a="a2").record
        assert done.doubt == {}
        assert complete(save, done, place(a="a2"), a="a1") == Outcome(done, ("a",))

    def test_the_last_one_counts(self):
        """A unit that another recorded meanwhile, and that holds our data now, is ours: as in Kedro the last counts."""
        save = begun("a")
        other = begun("a", before=save.writing, save_id="o")
        done = complete(other, other.writing, a="a2").record
        record, lost = complete(save, done, place(a="a1"), a="a1")
        assert (record.data["a"].save, lost) == ("s", ())

    def test_mixture(self):
        """Where no look tells a mixture both are told: the unit is torn until a save that nobody joined."""
        save = begun("a")
        other = begun("a", before=save.writing, save_id="o")
        record, lost = complete(save, other.writing, place(a="a1"), whole=False, a="a1")
        assert (record.data["a"], record.doubt, lost) == (recorded("", "s", ANN), {"a": ("s", "o")}, ("a",))
        record, lost = complete(other, record, place(a="a1"), whole=False, a="a1")
        assert (record.data["a"].identity, lost) == ("", ("a",))
        again = begun("a", before=record, save_id="again")
        record, lost = complete(again, again.writing, whole=False, a="a3")
        assert (record.data["a"].identity, record.doubt, lost) == ("a3", {}, ())

    def test_several(self):
        """Of several units those that are ours are recorded, and the others are named."""
        save = begun("a", "b")
        other = begun("a", before=save.writing, save_id="o")
        record, lost = complete(save, other.writing, place(a="a2"), a="a1", b="b1")
        assert (lost, record.data["b"].save, record.data["a"].save) == (("a",), "s", "had")
        assert record.doubt == {"a": ("s", "o")}

    def test_removed_meanwhile(self):
        """After `clean` a plain save whose data is in place begins the branch's copy anew; else nothing is put."""
        save = begun("a")
        record, lost = complete(save, NO_RECORD, place(a="a1"), a="a1")
        assert (list(record.data), record.was, lost) == (["a"], None, ())
        assert complete(save, NO_RECORD, place(), a="a1") == Outcome(NO_RECORD, ("a",))


class TestOfEverything:
    """A save of everything, `overwrite=True`."""

    def test_alone(self):
        """Its units are all there is, main's show no more, and no doubt of them or of everything is left."""
        save = begun("c", before=replace(HAD, doubt={"c": ("dead",), ALL: ("dead",)}), everything=True)
        record, lost = complete(save, save.writing, c="c1")
        assert (list(record.data), record.over, record.doubt, lost) == (["c"], "nothing", {}, ())

    def test_one_that_still_lives(self):
        """A save of another unit that began before may still write it: then that is no stranger's."""
        save = begun("c", before=replace(HAD, doubt={"b": ("lives",)}), everything=True)
        assert complete(save, save.writing, c="c1").record.doubt == {"b": ("lives",)}

    def test_joined(self):
        """If anybody did anything meanwhile everything stays in doubt, and the other's save is not forgotten."""
        save = begun("c", everything=True)
        other = begun("b", before=save.writing, save_id="o")
        assert complete(save, other.writing, c="c1") == Outcome(replace(other.writing, id="s"), (ALL,))
        done = complete(other, other.writing, place(b="b1"), b="b1").record
        assert done.doubt == {ALL: ("s",)}
        assert complete(save, done, c="c1") == Outcome(replace(done, id="s"), (ALL,))

    def test_told_first(self):
        """Of two overwrites that are told the one that stood beside the other notices it, and is told too."""
        save = begun("c", everything=True)
        other = begun("d", before=save.writing, save_id="o", everything=True)
        told = complete(save, other.writing, c="c1").record
        assert complete(other, told, d="d1") == Outcome(replace(told, id="o"), (ALL,))
        assert told.doubt == {ALL: ("s", "o")}

    def test_two(self):
        """Of two overwrites the one that ends last is told, and what it may have removed is in doubt."""
        save = begun("c", everything=True)
        other = begun("d", before=save.writing, save_id="o", everything=True)
        done = complete(other, other.writing, d="d1").record
        assert (list(done.data), done.doubt) == (["d"], {})
        record, lost = complete(save, done, c="c1")
        assert (list(record.data), record.doubt, lost) == (["d"], {ALL: ("s",)}, (ALL,))

    def test_a_save_that_finds_it(self):
        """A save of a partition that finds everything in doubt is its own; everything stays in doubt."""
        save = begun("c", everything=True)
        other = begun("b", before=save.writing, save_id="o")
        record, lost = complete(other, other.writing, b="b1")
        assert (record.data["b"].save, record.doubt, lost) == ("o", {ALL: ("s",)}, ())


class TestFailure:
    """After an exception."""

    def taken_back(self, save: Save, now: Record, look: Any, whole: bool = True, **parts: str) -> Record:
        """The record after the save failed; these of its units were whole."""
        return save.take_back(now, parts, look, lambda _: whole)

    def test_untouched(self):
        """If nothing was touched and nobody did anything since, the record is the one that was."""
        save = begun("a", "c")
        assert self.taken_back(save, save.writing, place(a="a0")) == HAD
        first = begun("a", before=NO_RECORD)
        record = self.taken_back(first, first.writing, place())
        assert (record.says_nothing, record.settled) == (True, NO_RECORD)

    def test_half(self):
        """A unit that is neither whole nor untouched stays in doubt; the others do not."""
        save = begun("a", "b", "c")
        record = self.taken_back(save, save.writing, place(a="a1", b="b?"), a="a1")
        assert (record.state, record.doubt, record.data["a"].identity) == ("complete", {"b": ("s",)}, "a1")

    def test_others(self):
        """What others began or put meanwhile stays."""
        save = begun("a")
        other = begun("b", before=save.writing, save_id="o")
        assert self.taken_back(save, other.writing, place(a="a0")).doubt == {"b": ("o",)}
        done = complete(other, other.writing, b="b1").record
        assert self.taken_back(save, done, place(a="a0")) == replace(done, doubt={})

    def test_of_one_that_we_joined(self):
        """The doubt of a save that began before, and that ours stood beside, stays."""
        other = begun("a", save_id="o")
        save = begun("a", before=other.writing)
        assert self.taken_back(save, save.writing, place(a="a0")).doubt == {"a": ("o",)}

    def test_everything(self):
        """An overwrite that failed leaves the doubt of all, unless each unit is as it was."""
        save = begun("c", everything=True)
        assert self.taken_back(save, save.writing, place(a="a0", b="b0")) == HAD
        assert self.taken_back(save, save.writing, place(a="a0")) == save.writing
        assert self.taken_back(save, save.writing, place(a="a0", b="b0", c="c?")) == save.writing

    @pytest.mark.parametrize("now", [NO_RECORD, replace(facts("c"), state="removing")], ids=["gone", "removing"])
    def test_removed(self, now):
        """After `clean` there is nothing to take back."""
        save = begun("a")
        assert self.taken_back(save, now, no_look, a="a1") == now
