"""The record: a small JSON file beside the data, one for each location and branch."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from steel_toes.errors import NEWER_FIELDS, NEWER_FORMAT, NO_RECORD_AT_ALL, RecordError
from steel_toes.naming.digest import digest, encode
from steel_toes.stores.base import Store

FOLDER = "_steel_toes"
ALL = "*"
"""In `doubt`: every unit, known or not."""
_FORMAT = 1

Identities = dict[str, str]
Kind = Literal["whole", "versioned", "overlay"]

_STATES = ("writing", "complete")
_KINDS = ("whole", "versioned", "overlay")
_TEXTS = ("id", "branch_name", "dataset", "location", "layout", "created", "saved")
_MAPS = ("data", "base", "doubt")


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes: the same for all records that one catalog writes."""

    project: str | None = None
    run: str | None = None
    commit: str | None = None
    dirty: bool | None = None
    upstream: str | None = None
    remote: str | None = None
    user: str | None = None
    host: str | None = None

    def is_of_another_project(self, other: Writer) -> bool:
        """Whether both know their projects, and these are two: an unknown one (no Git) conflicts with none."""
        if not self.project or not other.project:
            return False
        return self.project != other.project

    def __str__(self) -> str:
        names = [name for name in (self.user, self.host) if name]
        return "@".join(names) or "somebody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One branch copy, as its last writer left it.

    Args:
        id: random, new with each save; "" if there is no record.
        state: `writing` from before the data's first byte until after its last, else `complete`.
        kind: whole, versioned or overlay.
        data: the units that are the branch's, each with its identity.
        base: main's identities when the branch copy was begun; of a versioned dataset, main's newest version.
        over: of an overlay, what shows where the branch has no unit: main's, or nothing.
        doubt: the units that a save began and did not finish, each with the id of that save; `ALL` for all there are.
        was: while writing, the last complete record.
    """

    id: str
    state: Literal["writing", "complete"]
    kind: Kind
    branch_name: str
    dataset: str
    location: str
    layout: str
    created: str
    saved: str
    writer: Writer
    data: Identities = field(default_factory=dict)
    base: Identities = field(default_factory=dict)
    over: Literal["main", "nothing"] = "main"
    doubt: dict[str, str] = field(default_factory=dict)
    was: Record | None = None
    format: int = _FORMAT

    @property
    def exists(self) -> bool:
        """Whether there is a record."""
        return self.id != ""

    @property
    def says_nothing(self) -> bool:
        """Whether there is a record, and nothing is the branch's or begun by what it says."""
        return self.exists and self.state == "complete" and not (self.data or self.doubt) and self.over == "main"

    @property
    def settled(self) -> Record:
        """The last complete record: this one, or the one it was; `NO_RECORD` before the first save finished."""
        if self.state == "complete":
            return self
        return self.was or NO_RECORD

    @property
    def hides_main(self) -> bool:
        """Whether nothing of main's shows beside the branch's units."""
        return self.settled.over == "nothing"

    def identity(self, unit: str) -> str | None:
        """What a unit of the branch's was when it was last complete; None if it is not the branch's."""
        return self.settled.data.get(unit)

    def has_begun(self, unit: str) -> bool:
        """Whether the unit is the branch's, or a save of it began: nothing else may be written over."""
        return self.doubts(unit) or self.identity(unit) is not None

    def doubts(self, unit: str) -> bool:
        """Whether a save of the unit began and did not finish."""
        return ALL in self.doubt or unit in self.doubt

    def without_doubts_of(self, save_id: str) -> Record:
        """The record as if that save had never begun: the one that was, if nothing else has happened since."""
        doubt = {unit: by for unit, by in self.doubt.items() if by != save_id}
        if self.was and self.id == save_id and doubt == self.was.doubt:
            return self.was
        if self.settled.exists or doubt:
            return replace(self, doubt=doubt)
        # Nothing is left of it: complete, and without data, which is main's.
        return replace(self, state="complete", data={}, base={}, doubt={}, was=None)

    def to_bytes(self) -> bytes:
        """The record as JSON, for people too."""
        return encode(json.dumps(_values_of(self), indent=1, sort_keys=True, ensure_ascii=False))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Record:
        """The record of its JSON; raises TypeError, ValueError, KeyError or AttributeError for anything else."""
        # The names in the file are for people, and stay when those in the code change.
        fields = dict(values)
        fields["branch_name"] = fields.pop("branch")
        fields["writer"] = Writer(**values["writer"])
        for name in _MAPS:
            fields[name] = dict(values[name].items())
        if values["was"]:
            fields["was"] = cls.from_dict(values["was"])
        # `{}` or 0 where a record must stand.
        elif values["was"] is not None:
            raise ValueError("what it was is no record")
        record = cls(**fields)
        _check_values(record)
        return record


def _values_of(record: Record) -> dict[str, Any]:
    """The fields by the names that they have in the file."""
    values = dataclasses.asdict(record)
    values["branch"] = values.pop("branch_name")
    if record.was is not None:
        values["was"] = _values_of(record.was)
    return values


def _check_values(record: Record) -> None:
    if record.state not in _STATES or record.kind not in _KINDS:
        raise ValueError("its state or its kind is none that there is")
    # Dataclasses check no types, and a record comes from a file that anybody can edit.
    texts = [getattr(record, name) for name in _TEXTS]
    for name in _MAPS:
        pairs = getattr(record, name)
        texts += pairs.keys()
        texts += pairs.values()
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("what must be text is none")


NO_RECORD = Record(
    id="",
    state="complete",
    kind="whole",
    branch_name="",
    dataset="",
    location="",
    layout="",
    created="",
    saved="",
    writer=Writer(),
)
"""What is read where there is no record: nothing is the branch's."""


def record_path(root: str, slug: str, location: str) -> str:
    """Where the record of a location lies: `<root>/_steel_toes/<slug>/<16 hex of the location's SHA-256>.json`."""
    # A digest, since a location has slashes and may be longer than a file's name.
    return f"{root.rstrip('/')}/{FOLDER}/{slug}/{digest(location, 16)}.json"


def read_record(store: Store, path: str, dataset: str) -> Record:
    """A record, from one small uncached read; `NO_RECORD` if there is none.

    Raises:
        RecordError: it is no record, or a newer steel_toes wrote it.
        StoreError: the store gave no definite answer.
    """
    return parse_record(store.read(path), path, dataset)


def parse_record(data: bytes | None, path: str, dataset: str) -> Record:
    """The record of its bytes; `NO_RECORD` if there are none.

    Raises:
        RecordError: it is no record, or a newer steel_toes wrote it.
    """
    if data is None:
        return NO_RECORD
    try:
        values = json.loads(data)
        # Only the format is looked at first: a newer record may have any other fields.
        is_newer = values["format"] > _FORMAT
        unknown_fields = [] if is_newer else _unknown_fields(values)
        if not is_newer and not unknown_fields:
            return Record.from_dict(values)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        # RecursionError: nested deeper than any record is.
        raise RecordError(NO_RECORD_AT_ALL, dataset=dataset, record=path, error=repr(exc)) from None
    if is_newer:
        raise RecordError(NEWER_FORMAT, dataset=dataset, record=path, format=values["format"])
    raise RecordError(NEWER_FIELDS, dataset=dataset, record=path, fields=", ".join(map(repr, unknown_fields)))


def _unknown_fields(values: Mapping[str, Any]) -> list[str]:
    """The fields of a record, and of its writer, that this version does not know."""
    names = {field.name for field in dataclasses.fields(Record)} - {"branch_name"} | {"branch"}
    writer_names = {field.name for field in dataclasses.fields(Writer)}
    return sorted({*values} - names) + sorted({*values["writer"]} - writer_names)
