"""The record file: what it holds, where it lies, and whose it is."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steel_toes.errors import RecordError, SaveRefusedError
from steel_toes.records.format import from_values, to_bytes
from steel_toes.records.record import NO_RECORD, Record, Recorded, Writer, record_path
from steel_toes.records.state import Verdict
from steel_toes.records.units import Versions, Whole
from steel_toes.records.write import Write
from support.records import ADA, RecordedCopy

FIELDS = {
    "format", "id", "state", "kind", "branch", "dataset", "location", "layout", "created", "saved", "writer", "data",
    "base", "over", "doubt", "was", "writers", "removing", "absent", "undoes", "seeded", "root", "made",
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
        assert (values["format"], values["state"], values["kind"], values["over"]) == (2, "complete", "overlay", "main")
        assert (values["branch"], values["dataset"], values["location"]) == ("feature/x", "flights", "flights")
        assert values["layout"] == "suffix"
        assert values["writers"] == {ADA.key: {field: getattr(ADA, field) for field in Writer.__dataclass_fields__}}
        assert values["writer"] == ADA.key
        identity = place.identities(["ä.csv"])["ä.csv"]
        assert values["data"] == {"ä.csv": f"{values['id']} {ADA.key} {identity}"}
        assert values["base"] == {"ä.csv": "main's"}
        later = ("removing", "absent", "undoes", "seeded", "root", "made")
        assert [values[name] for name in later] == [{}, [], "", {}, "", {}]
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
        (writer,) = json.loads(to_bytes(record))["writers"].values()
        assert set(writer.values()) == {None}
        assert (str(record.writer), str(ADA), str(replace(ADA, host=None))) == ("somebody", "ada@desk", "ada")

    @given(st.data())
    def test_round_trip(self, data):
        """Every record is the same after it was written and read, whatever the names in it."""
        text = st.text(max_size=20)
        units = st.dictionaries(text, text, max_size=3)
        several = st.lists(text, max_size=3).map(tuple)
        texts = ("branch_name", "dataset", "location", "layout", "created", "saved")
        mappings = ("base", "removing", "seeded", "made")

        def record(was: Record | None) -> Record:
            writer = Writer(user=data.draw(st.none() | text), dirty=data.draw(st.none() | st.booleans()))
            ids = st.sampled_from(["", "1a", "2b"])
            recorded = st.builds(Recorded.of, text, ids, st.sampled_from([(), (writer.key,)]))
            return Record(
                **{name: data.draw(text) for name in texts},
                id=data.draw(st.text(min_size=1, max_size=20)),
                **{name: data.draw(units) for name in mappings},
                state="complete" if was is None else data.draw(st.sampled_from(["writing", "complete", "removing"])),
                kind=data.draw(st.sampled_from(["whole", "versioned", "overlay"])),
                writer_key=writer.key,
                writers={writer.key: writer},
                data=data.draw(st.dictionaries(text, recorded, max_size=3)),
                over=data.draw(st.sampled_from(["main", "nothing"])),
                doubt=data.draw(st.dictionaries(text, several, max_size=3)),
                was=was,
            )

        one = record(record(None) if data.draw(st.booleans()) else None)
        assert from_values(json.loads(to_bytes(one))) == one


# As steel_toes wrote it before format 2: partition a is whole, a save of b was killed, and everything was before.
FORMAT_1: dict[str, Any] = {
    "format": 1, "id": "5a", "state": "writing", "kind": "overlay", "branch": "feature/x", "dataset": "flights",
    "location": "flights", "layout": "suffix", "created": "2026-01-01T00:00:00+00:00",
    "saved": "2026-01-02T00:00:00+00:00", "base": {"a": "m1"}, "over": "main", "data": {},
    "writer": {
        "project": "git.example/flights", "run": None, "commit": "abc", "dirty": False, "upstream": None,
        "remote": None, "user": "ada", "host": "desk",
    },
}  # fmt: skip


class TestFormat1:
    """What steel_toes wrote before format 2 is read, and saved over in format 2."""

    def written(self, place: RecordedCopy, **values: Any) -> None:
        """A record of format 1 beside a partition that is as it says."""
        (place.copy / "a").write_text("rows")
        data = place.identities(["a"])
        was = {**FORMAT_1, "id": "4f", "state": "complete", "data": data, "doubt": {}, "was": None}
        place.path.parent.mkdir(parents=True)
        place.path.write_text(json.dumps({**FORMAT_1, "was": was, "doubt": {"b": "5a"}, **values}))

    def test_read(self, place):
        """A unit is the branch's if it has the identity that was recorded; one in doubt is in doubt."""
        self.written(place)
        record = place.record()
        assert (record.id, record.state, record.doubt) == ("5a", "writing", {"b": ("5a",)})
        assert (str(record.writer), record.writer.commit, record.settled.base) == ("ada@desk", "abc", {"a": "m1"})
        assert [place.verdict(unit) for unit in "abc"] == [Verdict.BRANCH, Verdict.MAIN, Verdict.MAIN]
        (place.copy / "b").write_text("half")
        assert place.verdict("b") is Verdict.UNFINISHED

    def test_everything_in_doubt(self, place):
        """The mark for everything was a `*`, which could be a file's name."""
        self.written(place, doubt={"*": "5a"})
        assert place.record().doubts("z")
        (place.copy / "a").write_text("other rows")
        assert place.verdict("a") is Verdict.TORN

    def test_saved_over(self, place):
        """The next save writes format 2; who wrote what was there before is not known, and not made up."""
        self.written(place)
        record = place.save("c")
        assert json.loads(place.path.read_text())["format"] == 2
        assert (record.unit("a").save, record.unit("a").writers) == ("", ())
        assert record.data["c"] == f"{record.id} {ADA.key} {place.identities(['c'])['c']}"
        assert record.doubt == {"b": ("5a",)}

    def test_whole(self, place):
        """A copy that is replaced as a whole was written by the one who is named."""
        self.written(place, kind="whole", data={".": "5-1"}, state="complete", was=None, doubt={})
        record = place.ledger(units=Whole()).read()
        assert record.data["."] == f" {record.writer_key} 5-1"
        assert str(record.writer) == "ada@desk"

    def test_nobody_is_named(self, place):
        """Who is not said is `somebody`."""
        self.written(place, writer={})
        assert str(place.record().writer) == "somebody"

    @pytest.mark.parametrize("wrong", [{"data": {"a": ["x"]}}, {"was": {}}, {"doubt": {"a": 5}}], ids=str)
    def test_wrong_field(self, place, wrong):
        """A damaged one is an error as any other."""
        self.written(place, **wrong)
        with pytest.raises(RecordError, match="It is no record"):
            place.ledger().read()


class TestWhose:
    """A record that is not this entry's on this branch is never taken for it."""

    def test_none(self, place):
        """No record is no error: the branch has no copy."""
        assert place.ledger().read() == NO_RECORD
        assert place.verdict("a") is Verdict.MAIN

    def test_newer_format(self, place):
        """A record that a newer steel_toes wrote is refused, with how to upgrade, whatever else is in it."""
        place.save("a")
        place.edit(format=3, unheard="of", doubt=17)
        with pytest.raises(RecordError, match=r"newer steel_toes.*format 3.*pip install -U steel-toes") as failed:
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
        [
            {"data": None},
            {"data": ["a"]},
            {"data": {"a": "5-1"}},
            {"data": {"a": "id nobody 5-1"}},
            {"doubt": 5},
            {"doubt": {"a": "id"}},
            {"was": 5},
            {"was": {}},
            {"writer": None},
            {"writer": "nobody"},
            {"writers": []},
            {"base": 1},
            {"state": "done"},
            {"removing": []},
            {"made": None},
            {"over": "all"},
            {"root": None},
            {"root": "s3://x"},
        ],
        ids=str,
    )
    def test_wrong_field(self, place, wrong):
        """A record of which one field is not what it must be is an error too, and not one that explains nothing."""
        place.save("a")
        place.edit(**wrong)
        with pytest.raises(RecordError, match="It is no record"):
            place.verdict("a")

    def test_what_this_version_does_not_do_yet(self, place):
        """A field in what the record was that this version does not know means something: it is not passed over."""
        before = place.save("a")
        place.edit(state="writing", data={}, was={**json.loads(to_bytes(before)), "extra": 1})
        with pytest.raises(RecordError, match="A newer steel_toes wrote it"):
            place.verdict("a")

    @pytest.mark.parametrize("wrong", [{"format": 0}, {"format": 1.5}, {"format": None}, {"id": ""}], ids=str)
    def test_no_format_and_no_id(self, place, wrong):
        """A record has a format that there is, and an id."""
        place.save("a")
        place.edit(**wrong)
        with pytest.raises(RecordError, match="It is no record"):
            place.verdict("a")

    @pytest.mark.parametrize(
        "wrong", [{"extra": 1}, {"removed": {}}, {"writers": {"x": {"tree": "abc", "user": "ada"}}}], ids=str
    )
    def test_unknown_field(self, place, wrong):
        """A field that this version does not know was written by a newer one, and is named."""
        place.save("a")
        place.edit(**wrong)
        with pytest.raises(RecordError, match=r"A newer steel_toes wrote it .*'(extra|removed|tree)'.*pip install -U"):
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
