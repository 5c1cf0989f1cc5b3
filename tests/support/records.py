"""A branch copy of a few files, and the record that makes it count."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from steel_toes.naming.layout import Layout
from steel_toes.records.author import Author
from steel_toes.records.ledger import Ledger
from steel_toes.records.record import Record, Writer, record_path
from steel_toes.records.state import Verdict
from steel_toes.records.units import WHOLE, Parts, Whole
from steel_toes.records.write import Write
from steel_toes.stores.local import LocalStore

ADA = Writer(
    project="git.example/flights", run="2026-01-02T03.04.05.678Z", commit="abc123", dirty=True,
    upstream="origin/feature/x", user="ada", host="desk",
)  # fmt: skip


class RecordedCopy:
    """A folder with a branch copy of files and its record."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.copy = folder / "flights--x"
        self.copy.mkdir()
        self.store = LocalStore("flights", "the local disk")
        self.path = Path(record_path(str(folder), "x", "flights"))

    def ledger(self, **other: Any) -> Ledger:
        """The ledger of an entry, which differs from the usual one in these facts."""
        facts: dict[str, Any] = {
            "branch_name": "feature/x", "dataset": "flights", "location": "flights", "branch_location": str(self.copy),
            "layout": Layout(), "units": Parts(),
        }  # fmt: skip
        author = Author.of(other.pop("writer", ADA))
        return Ledger(store=self.store, path=str(self.path), author=author, **{**facts, **other})

    def identities(self, units: Any) -> dict[str, str]:
        """Of these files."""
        found = {unit: self.store.identity(str(self.copy / unit)) for unit in units}
        return {unit: identity for unit, identity in found.items() if identity is not None}

    def save(
        self, *units: str, text: str = "rows", ledger: Ledger | None = None, fails: bool = False, **plan: Any
    ) -> Record:
        """Save units; with `fails`, in a process that is killed when half of it is written."""
        if fails:
            child = os.fork()
            if child:
                os.waitpid(child, 0)
                return self.record()
        with (ledger or self.ledger()).transaction(Write(units, **plan), self.identities):
            for unit in units:
                (self.copy / unit).write_text(text[: len(text) // 2] if fails else text)
            if fails:
                os._exit(9)
        return self.record()

    def whole(self, units: Any) -> dict[str, str]:
        """The identity of a copy that is one file, as its only unit."""
        identity = self.store.identity(str(self.copy))
        return {} if identity is None else {WHOLE: identity}

    def save_whole(self, text: str) -> None:
        """Save a copy that is one file."""
        with self.ledger(units=Whole()).transaction(Write((WHOLE,)), self.whole):
            self.copy.write_text(text)

    def record(self) -> Record:
        """The record as it is."""
        record = self.ledger().read()
        assert record.exists
        return record

    def verdict(self, unit: str) -> Verdict:
        """What a reader may do with a unit."""
        return self.ledger().look(unit, lambda owner: self.store.identity(str(self.copy / owner)))[1]

    def edit(self, **values: Any) -> None:
        """Change the record's JSON by hand."""
        self.path.write_text(json.dumps({**json.loads(self.path.read_text()), **values}))
