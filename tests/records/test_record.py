"""The record file: what it holds, where it lies, and whose it is."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import replace
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steel_toes.errors import RecordError, SaveRefusedError
from steel_toes.records.record import NO_RECORD, Record, Writer, record_path
from steel_toes.records.state import Verdict
from steel_toes.records.units import Versions
from steel_toes.records.write import Write
from support.records import ADA

FIELDS = {
    "format", "id", "state", "kind", "branch", "dataset", "location", "layout", "created", "saved", "writer", "data",
    "base", "over", "doubt", "was",
}  # fmt: skip


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
        record = place.save("a", ledger=place.ledger(writer=Writer()))
        assert set(json.loads(record.to_bytes())["writer"].values()) == {None}
        assert (str(record.writer), str(ADA), str(replace(ADA, host=None))) == ("somebody", "ada@desk", "ada")

    @given(st.data())
    def test_round_trip(self, data):
        """Every record is the same after it was written and read, whatever the names in it."""
        text = st.text(max_size=20)
        units = st.dictionaries(text, text, max_size=3)
        names = ("id", "branch_name", "dataset", "location", "layout", "created", "saved")

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
        assert place.ledger().read() == NO_RECORD
        assert place.verdict("a") is Verdict.MAIN

    def test_newer_format(self, place):
        """A record that a newer steel_toes wrote is refused, with how to upgrade, whatever else is in it."""
        place.save("a")
        place.edit(format=2, unheard="of", doubt=17)
        with pytest.raises(RecordError, match=r"newer steel_toes.*format 2.*pip install -U steel-toes") as failed:
            place.ledger().read()
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
            b"[" * 100_000,
            b'{"format": ' + b"[" * 100_000,
        ],
    )
    def test_garbage(self, place, garbage):
        """What is no record is an error that says where it is and what to do, for a load and for a save."""
        place.path.parent.mkdir(parents=True)
        place.path.write_bytes(garbage)
        for ask in (place.ledger().read, lambda: place.verdict("a"), lambda: place.save("a")):
            with pytest.raises(RecordError, match="It is no record") as failed:
                ask()
            assert str(place.path) in str(failed.value)
            assert "main" in failed.value.remedy
        assert place.path.read_bytes() == garbage

    @pytest.mark.parametrize(
        "wrong",
        [{"data": None}, {"data": ["a"]}, {"doubt": 5}, {"was": 5}, {"writer": None}, {"base": 1}, {"state": "done"}],
        ids=str,
    )
    def test_wrong_field(self, place, wrong):
        """A record of which one field is not what it must be is an error too, and not one that explains nothing."""
        place.save("a")
        place.edit(**wrong)
        with pytest.raises(RecordError, match="It is no record"):
            place.verdict("a")

    @pytest.mark.parametrize(
        "wrong", [{"extra": 1}, {"removing": {}}, {"writer": {"tree": "abc", "user": "ada"}}], ids=str
    )
    def test_unknown_field(self, place, wrong):
        """A field that this version does not know was written by a newer one, and is named."""
        place.save("a")
        place.edit(**wrong)
        with pytest.raises(RecordError, match=r"A newer steel_toes wrote it .*'(extra|removing|tree)'.*pip install -U"):
            place.verdict("a")

    def test_names_that_are_not_utf8(self, place):
        """Git's names are bytes: a branch whose name is not UTF-8 has records like any other."""
        name = b"caf\xe9".decode(errors="surrogateescape")
        ledger = place.ledger(branch_name=name, dataset=name)
        with ledger.transaction(Write(("a",)), place.identities):
            (place.copy / "a").write_text("rows")
        assert (ledger.read().branch_name, ledger.read().dataset) == (name, name)
        assert record_path("/p", "x", name) != record_path("/p", "x", "caf")

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
                assert isinstance(place.ledger().read(), Record)
            except RecordError:
                continue

    def test_other_branch(self, place):
        """The record of another branch with the same slug is refused, and told as that."""
        place.save("a")
        other = place.ledger(branch_name="feature-x")
        for ask in (other.read, lambda: place.save("a", ledger=other)):
            with pytest.raises(RecordError, match=r"feature/x.*feature-x.*Rename the branch"):
                ask()

    def test_other_location(self, place):
        """The record of another location with the same digest is refused."""
        place.save("a")
        with pytest.raises(RecordError, match="location flights, and flights has location planes"):
            place.ledger(location="planes").read()

    def test_other_kind(self, place):
        """An entry of another kind on the same location is refused, naming both datasets."""
        place.save("a")
        other = place.ledger(dataset="flights_by_day", units=Versions())
        for ask in (other.read, lambda: place.save("a", ledger=other)):
            with pytest.raises(RecordError, match="kind overlay, and flights_by_day has kind versioned") as failed:
                ask()
            assert "flights wrote it" in str(failed.value)

    def test_other_name(self, place):
        """Two entries on one location share its record: it belongs to the location, not to the name."""
        place.save("a")
        assert place.ledger(dataset="flights_raw").read() == place.record()

    def test_other_project(self, place):
        """Another known project's record is read, and never saved over; its copy stays as it is."""
        before = place.save("a")
        other = place.ledger(writer=replace(ADA, project="git.example/fork"))
        assert other.read() == before
        with pytest.raises(SaveRefusedError, match=r"project git\.example/flights, and this is project git"):
            place.save("a", ledger=other, text="theirs")
        assert (place.record(), (place.copy / "a").read_text()) == (before, "rows")

    @pytest.mark.parametrize(
        ("first", "second"), [(None, "git.example/flights"), ("git.example/flights", None), (None, None)]
    )
    def test_unknown_project(self, place, first, second):
        """An unknown project conflicts with none."""
        for project in (first, second):
            place.save("a", ledger=place.ledger(writer=replace(ADA, project=project)))
        assert place.verdict("a") is Verdict.BRANCH
