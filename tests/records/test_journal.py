"""Claims and audits: what is written is read, and what anybody may have edited is believed in nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from steel_toes.errors import RecordError
from steel_toes.records.journal import Claim, Goal, parse_claim, to_bytes

GOALS = (Goal(".", "", 3, "3-1-a", "3-2-b"), Goal("x", "y", 4, None, "4-3-c"), Goal("z", "", 5, "5-4-d", None))
CLAIM = Claim(
    id="0123456789abcdef",
    branch_name="feature/x",
    record_id="aa",
    dataset="table",
    location="data/02/table.txt",
    kind="whole",
    layout="suffix",
    time="20260102T030405Z",
    author="ada@desk",
    ref="c0ffee",
    undo="undo/feature/x/20260102T030405Z",
    goals=GOALS,
    put={".": "3-2-b"},
)


def test_there_and_back() -> None:
    """All of it."""
    assert parse_claim(to_bytes(CLAIM), "a path") == CLAIM


def test_before_there_were_roots() -> None:
    """A claim without one is that of copies beside main's data."""
    values = json.loads(to_bytes(CLAIM))
    del values["root"]
    assert parse_claim(json.dumps(values).encode(), "a path") == CLAIM


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "heap"},
        {"root": "/scratch"},
        {"root": None},
        {"state": "done"},
        {"stage": "gone"},
        {"id": "../../main"},
        {"branch_name": "  "},
        {"undo": "main"},
        {"undo": "  "},
        {"time": "yesterday"},
        {"joined": True},
        {"keeps_copy": "no"},
        {"put": {".": 3}},
        {"put": [1]},
        {"location": None},
        {"goals": [[".", "", 3, "x", "3-2-b"]]},
        {"goals": [[".", "", 3, "3-1-a", "another"]]},
        {"goals": [["../main", "", 3, None, "3-2-b"]]},
        {"goals": [["/etc", "", 3, None, "3-2-b"]]},
        {"goals": [[".", "", "3", None, "3-2-b"]]},
        {"goals": [[".", ""]]},
        {"goals": 3},
        {"more": 1},
        {"format": 2},
    ],
    ids=str,
)
def test_edited(change: dict[str, Any]) -> None:
    """A claim is a file that anybody can edit: an error names it, and nothing else happens."""
    values = {**json.loads(to_bytes(CLAIM)), **change}
    with pytest.raises(RecordError, match="a path"):
        parse_claim(json.dumps(values).encode(), "a path")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'{"format": 1}', b"\xff"])
def test_no_claim(data: bytes) -> None:
    """What is none is no claim."""
    with pytest.raises(RecordError):
        parse_claim(data, "a path")
