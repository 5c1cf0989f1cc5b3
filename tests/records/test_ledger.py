"""What a save makes of a record, whatever happens to its writer."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from steel_toes.errors import ConcurrentSaveError, RecordError, TornAppendError
from steel_toes.records.beginning import Beginning
from steel_toes.records.ledger import Ledger
from steel_toes.records.record import ALL, NO_RECORD
from steel_toes.records.state import Verdict
from steel_toes.records.units import WHOLE, Versions, Whole
from steel_toes.records.write import Write
from support.records import ADA, RecordedCopy


class TestSaving:
    """What a save makes of the record."""

    def test_states(self, place):
        """A save writes `writing`, with the last complete record in `was`, before the data, and `complete` after it."""
        first = place.save("a")
        with place.ledger().transaction(Write(("a",)), place.identities) as save:
            writing = save.writing
            assert (save.before, place.record()) == (first, writing)
            assert (writing.state, writing.was, list(writing.doubt)) == ("writing", first, ["a"])
            (place.copy / "a").write_text("more rows")
        record = place.record()
        assert (record.state, record.was, record.doubt, record.id) == ("complete", None, {}, writing.id)

    def test_was_nests_once(self, place):
        """However many saves are killed one after another, `was` is the last complete record, and holds no other."""
        first = place.save("a")
        for number in range(4):
            record = place.save("a", text=f"killed {number}", fails=True)
            assert record.was == first
            assert record.was.was is None
        assert place.verdict("a") is Verdict.TORN
        assert place.save("a", text="repaired").was is None
        assert place.verdict("a") is Verdict.BRANCH

    def test_first_save_that_was_killed(self, place):
        """Before a first save has finished, the branch has no copy, whatever lies there."""
        record = place.save("a", fails=True)
        assert (record.was, record.settled) == (None, NO_RECORD)
        assert place.verdict("a") is Verdict.UNFINISHED

    def test_exception_puts_the_record_back(self, place):
        """An exception before the first byte puts back the very record that was; without one, one that says nothing."""
        with pytest.raises(ZeroDivisionError), place.ledger().transaction(Write(("a",)), place.identities):
            raise ZeroDivisionError
        record = place.record()
        assert (record.says_nothing, record.settled, place.verdict("a")) == (True, NO_RECORD, Verdict.MAIN)
        place.save("a")
        before = place.path.read_bytes()
        with pytest.raises(KeyboardInterrupt), place.ledger().transaction(Write(("a",)), place.identities):
            raise KeyboardInterrupt
        assert place.path.read_bytes() == before

    def test_exception_after_the_first_byte(self, place):
        """After an exception in the middle of the data the copy is torn, as after a kill."""
        place.save("a")
        with pytest.raises(ZeroDivisionError), place.ledger().transaction(Write(("a",)), place.identities):
            raise ZeroDivisionError((place.copy / "a").write_text("ha"))
        assert place.verdict("a") is Verdict.TORN

    def test_doubts_of_others_outlive_an_exception(self, place):
        """A save that fails before its first byte leaves the doubts about other units where they were."""
        place.save("a", fails=True)
        with pytest.raises(ZeroDivisionError), place.ledger().transaction(Write(("b",)), place.identities):
            raise ZeroDivisionError
        assert place.record().doubts("a")
        assert not place.record().doubts("b")

    def test_doubts_outlive_a_save_of_something_else(self, place):
        """Units in doubt that a save does not rewrite stay in doubt, also under `complete`."""
        place.save("a", "b")
        place.save("a", fails=True)
        record = place.save("c")
        assert (record.state, list(record.doubt)) == ("complete", ["a"])
        assert [place.verdict(unit) for unit in "abcd"] == [Verdict.TORN, *[Verdict.BRANCH] * 2, Verdict.MAIN]

    def test_append_over_a_torn_copy(self, place):
        """An append over a torn copy that had a complete one is refused, names only `clean`, and changes nothing."""
        place.save("a")
        torn = place.save("a", text="torn", fails=True)
        with pytest.raises(TornAppendError, match="`steel-toes clean --branch feature/x flights`"):
            place.save("a", keeps=True)
        assert place.record() == torn

    def test_append_beside_a_save(self, place, monkeypatch):
        """What an append keeps is looked at once more after it began: a save may have ended in between."""
        place.save("a")
        begin = Beginning.begin

        def begin_late(beginning, *arguments):
            begun = begin(beginning, *arguments)
            (place.copy / "a").write_text("another run's rows")
            return begun

        monkeypatch.setattr(Beginning, "begin", begin_late)
        with pytest.raises(ConcurrentSaveError, match="writing a of this dataset"):
            place.save("a", text="rows and more rows", keeps=True)
        assert (place.copy / "a").read_text() == "another run's rows"

    def test_append_over_a_first_save_that_was_killed(self, place):
        """An append where only a first save was killed is none over a torn copy: the branch has no rows to lose."""
        place.save("a", fails=True)
        place.save("a", keeps=True)
        assert place.verdict("a") is Verdict.BRANCH

    def test_data_without_a_record(self, place):
        """Data without a record is nobody's: it is not overwritten, and the way out is `adopt`."""
        (place.copy / "a").write_text("by hand")
        with pytest.raises(RecordError, match="`steel-toes adopt flights`"):
            place.save("a")
        assert ((place.copy / "a").read_text(), place.path.exists()) == ("by hand", False)

    def test_overwrite(self, place):
        """After a save of everything its units are all that the branch has, and nothing of main's shows beside them."""
        place.save("a", "b")
        with place.ledger().transaction(Write(("c",), everything=True), place.identities) as save:
            assert list(save.writing.doubt) == [ALL]
            for unit in "ab":
                (place.copy / unit).unlink()
            assert [place.verdict(unit) for unit in "ab"] == [Verdict.TORN] * 2
            (place.copy / "c").write_text("rows")
        record = place.record()
        assert (record.over, list(record.data), record.doubt) == ("nothing", ["c"], {})

    @pytest.mark.parametrize("by", ["another save", "nobody: it was removed"])
    def test_overtaken(self, place, by):
        """Two that wrote one file of a disk may have left a mixture: it is torn, and the one that sees it is told."""
        with pytest.raises(ConcurrentSaveError, match="writing a of this dataset on branch feature/x"):
            self.overtaken(place, by)
        assert place.verdict("a") is Verdict.TORN
        assert place.save("a", text="again").doubt == {}
        assert place.verdict("a") is Verdict.BRANCH

    def overtaken(self, place: RecordedCopy, by: str) -> None:
        """A save of partition a, in the middle of which the record changes."""
        with place.ledger().transaction(Write(("a",)), place.identities):
            (place.copy / "a").write_text("mine")
            if by == "another save":
                place.save("a", text="theirs", ledger=place.ledger(writer=replace(ADA, user="bob")))
            else:
                place.path.unlink()

    @pytest.mark.parametrize("fails", [False, True])
    def test_second_save_of_a_whole_copy(self, place, fails):
        """While one file is replaced on a disk a second save of it is refused before it writes."""
        place.copy.rmdir()
        ledger = place.ledger(units=Whole())
        with suppress(ZeroDivisionError), ledger.transaction(Write((WHOLE,)), place.whole):
            place.copy.write_text("mine")
            with pytest.raises(ConcurrentSaveError, match=r"writing this dataset on branch feature/x.*ada@desk"):
                place.save_whole("theirs")
            assert place.copy.read_text() == "mine"
            if fails:
                raise ZeroDivisionError
        place.save_whole("theirs")
        assert ledger.look(WHOLE, lambda _: place.whole([WHOLE])[WHOLE]).verdict is Verdict.BRANCH

    def test_a_record_that_vanished_under_an_overwrite(self, place):
        """Once `clean` was there nobody knows what everything is: an overwrite is told, and nothing is recorded."""
        with pytest.raises(ConcurrentSaveError, match="it removed the record"):
            self.vanished(place)
        assert not place.path.exists()

    def vanished(self, place: RecordedCopy) -> None:
        """A save of everything, during which somebody removes the record."""
        with place.ledger().transaction(Write(("a",), everything=True), place.identities):
            (place.copy / "a").write_text("rows")
            place.path.unlink()

    def test_whole_partitions_of_a_save_that_failed(self, place):
        """What a failed save of several partitions had saved whole is the branch's; where it failed is torn."""
        place.save("a", "b", "c")
        with suppress(ZeroDivisionError), place.ledger().transaction(Write(("a", "b", "c")), place.identities) as save:
            for unit in "ab":
                save.enter_unit(unit)
                (place.copy / unit).write_text("more rows" if unit == "a" else "ha")
            raise ZeroDivisionError
        assert [place.verdict(unit) for unit in "abc"] == [Verdict.BRANCH, Verdict.TORN, Verdict.BRANCH]
        record = place.record()
        assert (record.state, list(record.doubt)) == ("complete", ["b"])
        assert record.identity("a") == place.identities(["a"])["a"]

    def test_a_save_without_a_project(self, place):
        """A save that knows no project, for want of Git, keeps the record's."""
        place.save("a")
        record = place.save("a", text="more", ledger=place.ledger(writer=replace(ADA, project=None)))
        assert record.writer.project == ADA.project


class TestAdopting:
    """Recording what lies at a copy's place."""

    def test_a_file_in_doubt(self, place):
        """What a killed save left of one file can be recorded as it is; then nothing is in doubt."""
        place.save("a", fails=True)
        place.ledger().adopt(Write(("a",)), place.identities)
        assert (place.verdict("a"), place.record().doubt) == (Verdict.BRANCH, {})

    def test_several_files_in_doubt(self, place):
        """Several files that a save did not finish may be two saves', and are not recorded."""
        (place.copy / "a").mkdir()
        before = place.save("a/b")
        place.edit(doubt={"a": ["killed"]})
        with pytest.raises(RecordError, match="may be of two saves"):
            place.ledger().adopt(Write(("a",)), place.identities)
        assert place.record().data == before.data

    def test_what_clean_removes(self, place):
        """What `clean` is removing is not recorded, and not saved over while it is there."""
        place.save("a")
        place.edit(state="removing", data={}, doubt={"a": ["clean"]}, removing={"a": "5-1"})
        for action in (lambda: place.ledger().adopt(Write(("a",)), place.identities), lambda: place.save("b")):
            with pytest.raises(RecordError, match="is being removed by `steel-toes clean`"):
                action()
        assert place.verdict("a") is Verdict.MAIN
        (place.copy / "a").unlink()
        record = place.save("b")
        assert (list(record.data), record.doubt, record.removing) == (["b"], {}, {})

    def test_a_save_that_clean_announces_over(self, place):
        """A save that finds, at its end, that `clean` began to remove its copy fails, and records nothing."""
        place.save("a")
        with pytest.raises(ConcurrentSaveError):
            self.announced_over(place)
        assert place.record().state == "removing"

    def announced_over(self, place: RecordedCopy) -> None:
        """A save of a, in the middle of which `clean` puts its record."""
        with place.ledger().transaction(Write(("a",)), place.identities):
            place.edit(state="removing", data={}, doubt={"a": ["clean"]}, was=None)
            (place.copy / "a").write_text("rows again")


class TestBase:
    """`base`: main's copy when the branch copy was begun."""

    def test_plain_replacement(self, place):
        """A plain save replaces the copy, so it begins anew: the base is main's of that moment."""
        place.save("a", base={"a": "m1"})
        assert place.save("a", text="again", base={"a": "m2"}).base == {"a": "m2"}

    def test_kept_by_a_save_that_keeps(self, place):
        """A save that keeps what is there keeps the base as well."""
        place.save("a", base={"a": "m1"})
        assert place.save("a", text="again", base={"a": "m2"}, keeps=True).base == {"a": "m1"}

    def test_each_unit_has_its_own(self, place):
        """In an overlay each unit has the base of its own beginning, whether it is replaced or kept."""
        place.save("a", base={"a": "m1"}, keeps=True)
        assert place.save("b", base={"b": "m2"}, keeps=True).base == {"a": "m1", "b": "m2"}
        assert place.save("b", text="again", base={"b": "m3"}).base == {"a": "m1", "b": "m3"}
        assert place.save("a", "c", text="again", base={"a": "m4"}, keeps=True).base == {"a": "m1", "b": "m3"}

    def test_unit_that_main_has_no_more(self, place):
        """A unit that main does not have when it is saved has no base, even if it had one before."""
        place.save("a", base={"a": "m1"})
        assert place.save("a", text="again", base={}).base == {}

    def test_overwrite(self, place):
        """A save of everything has all of main's as its base."""
        place.save("a", "b", base={"a": "m1", "b": "m1"})
        assert place.save("a", text="again", base={"a": "m2", "z": "m2"}, everything=True).base == {
            "a": "m2",
            "z": "m2",
        }

    def test_versioned(self, place):
        """A versioned dataset's base is main's newest version at the branch's first save, and stays that."""
        ledger = place.ledger(units=Versions())
        assert self.versioned(place, ledger, "v2", {"v1": "m"}) == {"v1": "m"}
        assert self.versioned(place, ledger, "v4", {"v3": "m"}) == {"v1": "m"}

    @staticmethod
    def versioned(place: RecordedCopy, ledger: Ledger, version: str, base: dict[str, str]) -> dict[str, str]:
        with ledger.transaction(Write((version,), base=base), place.identities):
            (place.copy / version).write_text("rows")
        return ledger.read().base

    def test_begun_again_after_a_first_save_that_was_killed(self, place):
        """A first save that never finished has begun nothing: the next one's base is main's of its own moment."""
        place.save("a", base={"a": "m1"}, fails=True)
        assert place.save("a", base={"a": "m2"}).base == {"a": "m2"}
