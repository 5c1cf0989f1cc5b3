"""The record file: what it holds, where it lies, whose it is, and what a save makes of it."""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steel_toes.errors import ConcurrentSaveError, RecordError, SaveRefusedError, TornAppendError
from steel_toes.records.ledger import ALL, WHOLE, Book, Record, Save, Verdict, Writer, judge, record_path
from steel_toes.stores.base import LocalStore

ADA = Writer(
    project="git.example/flights", run="2026-01-02T03.04.05.678Z", commit="abc123", dirty=True,
    upstream="origin/feature/x", user="ada", host="desk",
)  # fmt: skip
FIELDS = {
    "format", "id", "state", "kind", "branch", "dataset", "location", "layout", "created", "saved", "writer", "data",
    "base", "over", "doubt", "was",
}  # fmt: skip


class Place:
    """A folder with a branch copy of files and its record."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.copy = folder / "flights--x"
        self.copy.mkdir()
        self.store = LocalStore("flights", "the local disk")
        self.path = Path(record_path(str(folder), "x", "flights"))

    def book(self, **other: Any) -> Book:
        """The book of an entry, which differs from the usual one in these facts."""
        facts: dict[str, Any] = {
            "branch": "feature/x", "dataset": "flights", "location": "flights", "shown": str(self.copy),
            "layout": "suffix", "kind": "overlay", "writer": ADA,
        }  # fmt: skip
        return Book(store=self.store, path=str(self.path), **{**facts, **other})

    def identities(self, units: Any) -> dict[str, str]:
        """Of these files."""
        found = {unit: self.store.identity(str(self.copy / unit)) for unit in units}
        return {unit: identity for unit, identity in found.items() if identity is not None}

    def save(
        self, *units: str, text: str = "rows", book: Book | None = None, fails: bool = False, **plan: Any
    ) -> Record:
        """Save units; with `fails`, in a process that is killed when half of it is written."""
        if fails:
            child = os.fork()
            if child:
                os.waitpid(child, 0)
                return self.record()
        with (book or self.book()).saving(Save(units, **plan), self.identities):
            for unit in units:
                (self.copy / unit).write_text(text[: len(text) // 2] if fails else text)
            if fails:
                os._exit(9)
        return self.record()

    def record(self) -> Record:
        """The record as it is."""
        record = self.book().read()
        assert record is not None
        return record

    def verdict(self, unit: str) -> Verdict:
        """What a reader may do with a unit."""
        return self.book().look(unit, lambda owner: self.store.identity(str(self.copy / owner)))[1]

    def edit(self, **values: Any) -> None:
        """Change the record's JSON by hand."""
        self.path.write_text(json.dumps({**json.loads(self.path.read_text()), **values}))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A folder of the test's own."""
    return Place(tmp_path)


class TestFile:
    """What is in the file, and where it is."""

    def test_place(self):
        """A record lies at `<root>/_steel_toes/<slug>/<16 hex of the location's SHA-256>.json`."""
        digest = hashlib.sha256(b"02/companies.csv").hexdigest()[:16]
        assert record_path("/p/data", "x", "02/companies.csv") == f"/p/data/_steel_toes/x/{digest}.json"
        assert record_path("bucket/", "x", "02/companies.csv") == f"bucket/_steel_toes/x/{digest}.json"

    def test_json(self, place):
        """A record is JSON for people too: every fact has its name, and letters are as they are."""
        place.save("ä.csv", base={"ä.csv": "main's"})
        values = json.loads(place.path.read_text(encoding="utf-8"))
        assert set(values) == FIELDS
        assert (values["format"], values["state"], values["kind"], values["over"]) == (1, "complete", "overlay", "main")
        assert (values["branch"], values["dataset"], values["location"]) == ("feature/x", "flights", "flights")
        assert values["layout"] == "suffix"
        assert values["writer"] == {field: getattr(ADA, field) for field in Writer.__dataclass_fields__}
        assert (values["base"], list(values["data"])) == ({"ä.csv": "main's"}, ["ä.csv"])
        assert (values["doubt"], values["was"]) == ({}, None)
        assert "ä.csv" in place.path.read_text(encoding="utf-8")

    def test_times(self, place):
        """A record says when the branch copy was begun and when it was last saved, in UTC."""
        before = datetime.now(timezone.utc).replace(microsecond=0)
        first, second = place.save("a"), place.save("a", text="more rows")
        for time in (second.created, second.saved):
            assert before <= datetime.fromisoformat(time) <= datetime.now(timezone.utc)
        assert second.created == first.created
        assert second.id != first.id

    def test_nobody_is_named_who_is_not(self, place):
        """Who is not said, since user and host can be switched off, is not in the record, and is `somebody`."""
        record = place.save("a", book=place.book(writer=Writer()))
        assert set(json.loads(record.to_bytes())["writer"].values()) == {None}
        assert (str(record.writer), str(ADA), str(replace(ADA, host=None))) == ("somebody", "ada@desk", "ada")

    @given(st.data())
    def test_round_trip(self, data):
        """Every record is the same after it was written and read, whatever the names in it."""
        text = st.text(max_size=20)
        units = st.dictionaries(text, text, max_size=3)
        names = ("id", "branch", "dataset", "location", "layout", "created", "saved")

        def record(was: Record | None) -> Record:
            return Record(
                **{name: data.draw(text) for name in names},
                state=data.draw(st.sampled_from(["writing", "complete"])),
                kind=data.draw(st.sampled_from(["whole", "versioned", "overlay"])),
                writer=Writer(user=data.draw(st.none() | text), dirty=data.draw(st.none() | st.booleans())),
                data=data.draw(units),
                base=data.draw(units),
                over=data.draw(st.sampled_from(["main", "nothing"])),
                doubt=data.draw(units),
                was=was,
            )

        one = record(record(None) if data.draw(st.booleans()) else None)
        assert Record.from_dict(json.loads(one.to_bytes())) == one


class TestWhose:
    """A record that is not this entry's on this branch is never taken for it."""

    def test_none(self, place):
        """No record is no error: the branch has no copy."""
        assert place.book().read() is None
        assert place.verdict("a") is Verdict.MAIN

    def test_newer_format(self, place):
        """A record that a newer steel_toes wrote is refused, with how to upgrade, whatever else is in it."""
        place.save("a")
        place.edit(format=2, unheard="of", doubt=17)
        with pytest.raises(RecordError, match=r"newer steel_toes.*format 2.*pip install -U steel-toes") as failed:
            place.book().read()
        assert (failed.value.dataset, failed.value.record) == ("flights", str(place.path))

    @pytest.mark.parametrize(
        "garbage",
        [
            b"",
            b"{",
            b"null",
            b"[]",
            b"3",
            b'"text"',
            b"{}",
            b'{"format": 1}',
            b'{"format": "1"}',
            b"\xff\xfe",
            b"\0" * 99,
        ],
    )
    def test_garbage(self, place, garbage):
        """What is no record is an error that says where it is and what to do, for a load and for a save."""
        place.path.parent.mkdir(parents=True)
        place.path.write_bytes(garbage)
        for ask in (place.book().read, lambda: place.verdict("a"), lambda: place.save("a")):
            with pytest.raises(RecordError, match="It is no record") as failed:
                ask()
            assert str(place.path) in str(failed.value)
            assert "main" in failed.value.remedy
        assert place.path.read_bytes() == garbage

    @pytest.mark.parametrize(
        "wrong",
        [{"data": None}, {"data": ["a"]}, {"doubt": 5}, {"was": 5}, {"writer": None}, {"base": 1}, {"extra": 1}],
        ids=str,
    )
    def test_wrong_field(self, place, wrong):
        """A record of which one field is not what it must be is an error too, and not one that explains nothing."""
        place.save("a")
        place.edit(**wrong)
        with pytest.raises(RecordError, match="It is no record"):
            place.verdict("a")

    @pytest.mark.parametrize("seed", range(3))
    def test_damaged(self, place, seed):
        """However a record is cut or scratched, it is read as a record or refused, and never anything else."""
        place.save("a")
        whole, chance = place.path.read_bytes(), random.Random(seed)
        for _ in range(100):
            cut = bytearray(whole[: chance.randrange(len(whole))] if chance.random() < 0.5 else whole)
            if cut:
                cut[chance.randrange(len(cut))] = chance.randrange(256)
            place.path.write_bytes(cut)
            try:
                assert place.book().read() is None or isinstance(place.record(), Record)
            except RecordError:
                continue

    def test_other_branch(self, place):
        """The record of another branch with the same slug is refused, and told as that."""
        place.save("a")
        other = place.book(branch="feature-x")
        for ask in (other.read, lambda: place.save("a", book=other)):
            with pytest.raises(RecordError, match=r"feature/x.*feature-x.*Rename the branch"):
                ask()

    def test_other_location(self, place):
        """The record of another location with the same digest is refused."""
        place.save("a")
        with pytest.raises(RecordError, match="location flights, and flights has location planes"):
            place.book(location="planes").read()

    def test_other_kind(self, place):
        """An entry of another kind on the same location is refused, naming both datasets."""
        place.save("a")
        other = place.book(dataset="flights_by_day", kind="versioned")
        for ask in (other.read, lambda: place.save("a", book=other)):
            with pytest.raises(RecordError, match="kind overlay, and flights_by_day has kind versioned") as failed:
                ask()
            assert "flights wrote it" in str(failed.value)

    def test_other_name(self, place):
        """Two entries on one location share its record: it belongs to the location, not to the name."""
        place.save("a")
        assert place.book(dataset="flights_raw").read() == place.record()

    def test_other_project(self, place):
        """Another known project's record is read, and never saved over; its copy stays as it is."""
        before = place.save("a")
        other = place.book(writer=replace(ADA, project="git.example/fork"))
        assert other.read() == before
        with pytest.raises(SaveRefusedError, match=r"git\.example/flights's, and this is git\.example/fork"):
            place.save("a", book=other, text="theirs")
        assert (place.record(), (place.copy / "a").read_text()) == (before, "rows")

    @pytest.mark.parametrize(
        ("first", "second"), [(None, "git.example/flights"), ("git.example/flights", None), (None, None)]
    )
    def test_unknown_project(self, place, first, second):
        """An unknown project conflicts with none."""
        for project in (first, second):
            place.save("a", book=place.book(writer=replace(ADA, project=project)))
        assert place.verdict("a") is Verdict.BRANCH


class TestSaving:
    """What a save makes of the record."""

    def test_states(self, place):
        """A save writes `writing`, with the last complete record in `was`, before the data, and `complete` after it."""
        first = place.save("a")
        with place.book().saving(Save(("a",)), place.identities) as (writing, before):
            assert (before, place.record()) == (first, writing)
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
        assert (record.was, record.settled) == (None, None)
        assert place.verdict("a") is Verdict.UNFINISHED

    def test_exception_puts_the_record_back(self, place):
        """An exception before the first byte puts back the very record that was; without one, deletes the new."""
        with pytest.raises(ZeroDivisionError), place.book().saving(Save(("a",)), place.identities):
            raise ZeroDivisionError
        assert not place.path.exists()
        place.save("a")
        before = place.path.read_bytes()
        with pytest.raises(KeyboardInterrupt), place.book().saving(Save(("a",)), place.identities):
            raise KeyboardInterrupt
        assert place.path.read_bytes() == before

    def test_exception_after_the_first_byte(self, place):
        """After an exception in the middle of the data the copy is torn, as after a kill."""
        place.save("a")
        with pytest.raises(ZeroDivisionError), place.book().saving(Save(("a",)), place.identities):
            raise ZeroDivisionError((place.copy / "a").write_text("ha"))
        assert place.verdict("a") is Verdict.TORN

    def test_doubts_of_others_outlive_an_exception(self, place):
        """A save that fails before its first byte leaves the doubts about other units where they were."""
        place.save("a", fails=True)
        with pytest.raises(ZeroDivisionError), place.book().saving(Save(("b",)), place.identities):
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

    def test_append_over_a_first_save_that_was_killed(self, place):
        """An append where only a first save was killed is none over a torn copy: the branch has no rows to lose."""
        place.save("a", fails=True)
        place.save("a", keeps=True)
        assert place.verdict("a") is Verdict.BRANCH

    def test_nobodys_data(self, place):
        """Data without a record is nobody's: it is not overwritten, and the way out is `adopt`."""
        (place.copy / "a").write_text("by hand")
        with pytest.raises(RecordError, match="`steel-toes adopt flights`"):
            place.save("a")
        assert ((place.copy / "a").read_text(), place.path.exists()) == ("by hand", False)

    def test_overwrite(self, place):
        """After a save of everything its units are all that the branch has, and nothing of main's shows beside them."""
        place.save("a", "b")
        with place.book().saving(Save(("c",), everything=True), place.identities) as (writing, _):
            assert list(writing.doubt) == [ALL]
            for unit in "ab":
                (place.copy / unit).unlink()
            assert [place.verdict(unit) for unit in "ab"] == [Verdict.TORN] * 2
            (place.copy / "c").write_text("rows")
        record = place.record()
        assert (record.over, list(record.data), record.doubt) == ("nothing", ["c"], {})

    @pytest.mark.parametrize("by", ["another save", "nobody: it was removed"])
    def test_overtaken(self, place, by):
        """A save that finds another's record, or none, where its own was, does not say that it is complete."""
        mine = place.book().saving(Save(("a",)), place.identities)
        mine.__enter__()
        (place.copy / "a").write_text("mine")
        if by == "another save":
            place.save("a", text="theirs", book=place.book(writer=replace(ADA, user="bob")))
        else:
            place.path.unlink()
        with pytest.raises(ConcurrentSaveError, match="Another run is writing this dataset on branch feature/x"):
            mine.__exit__(None, None, None)
        if by == "another save":
            assert place.verdict("a") is Verdict.BRANCH
            assert place.record().writer.user == "bob"


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
        book = place.book(kind="versioned")
        assert self.versioned(place, book, "v2", {"v1": "m"}) == {"v1": "m"}
        assert self.versioned(place, book, "v4", {"v3": "m"}) == {"v1": "m"}

    @staticmethod
    def versioned(place: Place, book: Book, version: str, base: dict[str, str]) -> dict[str, str]:
        with book.saving(Save((version,), base=base), place.identities):
            (place.copy / version).write_text("rows")
        return book.read().base

    def test_begun_again_after_a_first_save_that_was_killed(self, place):
        """A first save that never finished has begun nothing: the next one's base is main's of its own moment."""
        place.save("a", base={"a": "m1"}, fails=True)
        assert place.save("a", base={"a": "m2"}).base == {"a": "m2"}


class TestLook:
    """A verdict is of one moment, although it takes two requests."""

    @pytest.mark.parametrize(
        ("edit", "verdict"),
        [
            (lambda file: file.write_text("more rows by hand"), Verdict.CHANGED),
            (lambda file: file.unlink(), Verdict.GONE),
            (lambda file: None, Verdict.BRANCH),
        ],
        ids=["changed", "gone", "untouched"],
    )
    def test_verdict(self, place, edit, verdict):
        """Data that is gone or was changed by hand is told from data that is as it was saved."""
        place.save("a")
        edit(place.copy / "a")
        assert place.verdict("a") is verdict

    def test_copied_folder(self, place):
        """A unit that is in no record is main's, and nobody asks the store for it."""
        place.save("a")
        (place.copy / "stray").write_text("by hand")
        asked: list[str] = []
        assert place.book().look("stray", lambda _: asked.append("stray"))[1] is Verdict.MAIN
        assert asked == []

    def test_save_between_the_two_requests(self, place):
        """A save that finishes between the record and the data is no damage: the record is read again."""
        place.save("a")
        saves = iter(["second", "third"])
        record, verdict = place.book().look("a", lambda _: self.late(place, saves))
        assert (verdict, record) == (Verdict.BRANCH, place.record())

    def test_kill_between_the_two_requests(self, place):
        """A save that is killed between the record and the data is told as torn, with its own record."""
        place.save("a")
        seen: list[Any] = []

        def identify(_: str) -> str | None:
            if not seen:
                place.save("a", text="killed", fails=True)
            seen.append(self.identity(place))
            return seen[-1]

        record, verdict = place.book().look("a", identify)
        assert (verdict, record, len(seen)) == (Verdict.TORN, place.record(), 2)

    def test_clean_between_the_two_requests(self, place):
        """A copy that is cleaned between the record and the data is main's, and not gone."""
        place.save("a")

        def identify(_: str) -> str | None:
            (place.copy / "a").unlink(missing_ok=True)
            place.path.unlink(missing_ok=True)
            return self.identity(place)

        assert place.book().look("a", identify) == (None, Verdict.MAIN)

    @staticmethod
    def identity(place: Place) -> str | None:
        return place.store.identity(str(place.copy / "a"))

    def late(self, place: Place, saves: Any) -> str | None:
        for text in saves:
            place.save("a", text=text)
            break
        return self.identity(place)


RECORDS: dict[str, Callable[[Record], Record | None]] = {
    "no record": lambda _: None,
    "complete": lambda one: one,
    "writing": lambda one: replace(one, state="writing", doubt={WHOLE: "w"}, was=one),
    "first writing": lambda one: replace(one, state="writing", data={}, doubt={WHOLE: "w"}, was=None),
    "complete, in doubt": lambda one: replace(one, doubt={ALL: "w"}),
}
TABLE = {
    "no record": (Verdict.MAIN, Verdict.MAIN, Verdict.MAIN),
    "complete": (Verdict.BRANCH, Verdict.CHANGED, Verdict.GONE),
    "writing": (Verdict.BRANCH, Verdict.TORN, Verdict.TORN),
    "first writing": (Verdict.UNFINISHED, Verdict.UNFINISHED, Verdict.MAIN),
    "complete, in doubt": (Verdict.BRANCH, Verdict.TORN, Verdict.TORN),
}


@pytest.mark.parametrize("name", RECORDS)
def test_judge(name):
    """The verdict on data that is as the record says, that is other, and that is gone, follows from the table alone."""
    facts = dict.fromkeys(["id", "branch", "dataset", "location", "layout", "created", "saved"], "-")
    record = RECORDS[name](Record(**facts, state="complete", kind="whole", writer=Writer(), data={WHOLE: "same"}))
    assert tuple(judge(record, WHOLE, identity) for identity in ("same", "other", None)) == TABLE[name]
