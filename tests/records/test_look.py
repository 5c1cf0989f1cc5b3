"""What a reader may do with a copy, as its record says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from steel_toes.records.record import ALL, NO_RECORD, Record, Recorded
from steel_toes.records.state import Verdict, judge
from steel_toes.records.units import WHOLE
from support.records import RecordedCopy


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
        assert place.ledger().look("stray", lambda _: asked.append("stray"))[1] is Verdict.MAIN
        assert asked == []

    def test_save_between_the_two_requests(self, place):
        """A save that finishes between the record and the data is no damage: the record is read again."""
        place.save("a")
        saves = iter(["second", "third"])
        record, verdict = place.ledger().look("a", lambda _: self.late(place, saves))
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

        record, verdict = place.ledger().look("a", identify)
        assert (verdict, record, len(seen)) == (Verdict.TORN, place.record(), 2)

    def test_clean_between_the_two_requests(self, place):
        """A copy that is cleaned between the record and the data is main's, and not gone."""
        place.save("a")

        def identify(_: str) -> str | None:
            (place.copy / "a").unlink(missing_ok=True)
            place.path.unlink(missing_ok=True)
            return self.identity(place)

        assert place.ledger().look("a", identify) == (NO_RECORD, Verdict.MAIN)

    @staticmethod
    def identity(place: RecordedCopy) -> str | None:
        return place.store.identity(str(place.copy / "a"))

    def late(self, place: RecordedCopy, saves: Any) -> str | None:
        for text in saves:
            place.save("a", text=text)
            break
        return self.identity(place)


RECORDS: dict[str, Callable[[Record], Record]] = {
    "no record": lambda _: NO_RECORD,
    "complete": lambda one: one,
    "writing": lambda one: replace(one, state="writing", doubt={WHOLE: ("w",)}, was=one),
    "first writing": lambda one: replace(one, state="writing", data={}, doubt={WHOLE: ("w",)}, was=None),
    "complete, in doubt": lambda one: replace(one, doubt={ALL: ("w", "v")}),
    "two saves' mixture": lambda one: replace(one, data={WHOLE: Recorded.of("", "w")}, doubt={WHOLE: ("w",)}),
    "nothing": lambda one: replace(one, data={}),
    "removing": lambda one: replace(one, state="removing", data={}, doubt={WHOLE: ("c",)}, removing={"": "same"}),
}
TABLE = {
    "no record": (Verdict.MAIN, Verdict.MAIN, Verdict.MAIN),
    "complete": (Verdict.BRANCH, Verdict.CHANGED, Verdict.GONE),
    "writing": (Verdict.BRANCH, Verdict.TORN, Verdict.TORN),
    "first writing": (Verdict.UNFINISHED, Verdict.UNFINISHED, Verdict.MAIN),
    "complete, in doubt": (Verdict.BRANCH, Verdict.TORN, Verdict.TORN),
    "two saves' mixture": (Verdict.TORN, Verdict.TORN, Verdict.TORN),
    "nothing": (Verdict.MAIN, Verdict.MAIN, Verdict.MAIN),
    "removing": (Verdict.MAIN, Verdict.MAIN, Verdict.MAIN),
}


@pytest.mark.parametrize("name", RECORDS)
def test_judge(name):
    """The verdict on data that is as the record says, that is other, and that is gone, follows from the table alone."""
    facts = dict.fromkeys(["id", "branch_name", "dataset", "location", "layout", "created", "saved"], "-")
    record = RECORDS[name](Record(**facts, state="complete", kind="whole", data={WHOLE: Recorded.of("same", "s")}))
    assert tuple(judge(record, WHOLE, identity) for identity in ("same", "other", None)) == TABLE[name]
