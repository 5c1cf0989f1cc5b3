"""A record as it is in its file: JSON of format 2. Format 1 is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any, NamedTuple

from steel_toes.checkout.urls import project_name
from steel_toes.errors import NEWER_FIELDS, NEWER_FORMAT, NO_RECORD_AT_ALL, RecordError
from steel_toes.naming.digest import encode
from steel_toes.records.record import ALL, NO_RECORD, Record, Recorded, Writer, check_root, writers_of

FORMAT = 2
_READ = (1, FORMAT)

_STATES = ("writing", "complete", "removing")
_KINDS = ("whole", "versioned", "overlay")
_SHOWS = ("main", "nothing")
_TEXTS = ("id", "dataset", "location", "layout", "created", "saved", "undoes", "root")
_WRITER_NAMES = tuple(field.name for field in fields(Writer))
# The names in the file are for people, and stay when those in the code change.
_NAMES = {"branch_name": "branch", "writer_key": "writer"}
_NAME_IN_FILE = {field.name: _NAMES.get(field.name, field.name) for field in fields(Record)}
_FIELDS = {*_NAME_IN_FILE.values(), "format"}
# The mark for every unit, in format 1: it could be a file's name.
_ALL_OF_FORMAT_1 = "*"
_PLAIN_OF_FORMAT_1 = ("id", "state", "kind", "branch", "dataset", "location", "layout", "created", "saved", "over")


class Parsed(NamedTuple):
    """A record, and whether its bytes are of this version's format."""

    record: Record
    is_current: bool


def to_bytes(record: Record, was: bytes | None = None) -> bytes:
    """A record as JSON, for people too.

    Args:
        record: the record.
        was: the bytes of `record.was`, if they are there: of thousands of partitions they are not made again.
    """
    text = _text_of(_values_of(record))
    if record.was is None:
        return encode(text)
    was_text = (was or to_bytes(record.was)).decode("utf-8", "surrogatepass")
    return encode(f'{text[:-1]},\n "was": {was_text}}}')


def parse(data: bytes | None, path: str, dataset: str) -> Parsed:
    """The record of its bytes; `NO_RECORD` if there are none.

    Raises:
        RecordError: it is no record, or a newer steel_toes wrote it.
    """
    if data is None:
        return Parsed(NO_RECORD, False)
    try:
        values = json.loads(data)
        # Only the format is looked at first: a newer record may have any other fields.
        is_newer = values["format"] > FORMAT
        unknown_fields = [] if is_newer else _unknown_fields(values)
        if not is_newer and not unknown_fields:
            return Parsed(from_values(values), values["format"] == FORMAT)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as exc:
        # RecursionError: nested deeper than any record is.
        raise RecordError(NO_RECORD_AT_ALL, dataset=dataset, record=path, error=repr(exc)) from None
    if is_newer:
        raise RecordError(NEWER_FORMAT, dataset=dataset, record=path, format=values["format"])
    raise RecordError(NEWER_FIELDS, dataset=dataset, record=path, fields=", ".join(map(repr, unknown_fields)))


def from_values(values: Mapping[str, Any]) -> Record:
    """The record of its JSON; raises an error of Python's own for anything else."""
    if values["format"] not in _READ:
        raise ValueError("there is no such format")
    if values["format"] == 1:
        values = _values_of_format_1(values)
    record = _record_of(values)
    if not record.exists:
        raise ValueError("it has no id")
    return record


# Writing --------------------------------------------------------------------------------------------------------------


def _values_of(record: Record) -> dict[str, Any]:
    """The fields by the names that they have in the file. Mappings are written as they are: none is copied."""
    values = {name: getattr(record, attribute) for attribute, name in _NAME_IN_FILE.items()}
    values["format"] = FORMAT
    values["writers"] = {key: _values_of_writer(writer) for key, writer in record.writers.items()}
    # It has a text of its own.
    if record.was is not None:
        del values["was"]
    return values


# Each value on a line of its own, for people; not by an indent, with which the encoder would not be the C library's.
_text_of = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",\n ", ": ")).encode


def _values_of_writer(writer: Writer) -> dict[str, Any]:
    return {name: getattr(writer, name) for name in _WRITER_NAMES}


# Reading --------------------------------------------------------------------------------------------------------------


def _record_of(values: Mapping[str, Any]) -> Record:
    _check_choice(values["state"], _STATES)
    _check_choice(values["kind"], _KINDS)
    _check_choice(values["over"], _SHOWS)
    check_root(values["layout"], values["root"])
    writers = {_text(key): _writer_of(facts) for key, facts in values["writers"].items()}
    record = Record(
        **{name: _text(values[name]) for name in _TEXTS},
        state=values["state"],
        kind=values["kind"],
        over=values["over"],
        branch_name=_text(values["branch"]),
        writer_key=_text(values["writer"]),
        writers=writers,
        data=_pairs_of(values["data"]),
        base=_pairs_of(values["base"]),
        doubt=_mapping(values["doubt"], _texts),
        removing=_pairs_of(values["removing"]),
        was=_was_of(values["was"]),
        absent=_texts(values["absent"]),
        seeded=_pairs_of(values["seeded"]),
        made=dict(values["made"].items()),
    )
    _check_writers(record)
    return record


def _was_of(values: Any) -> Record | None:
    if values is None:
        return None
    # `{}` or 0 where a record must stand raises KeyError or TypeError.
    was = _record_of(values)
    if was.state != "complete":
        raise ValueError("what it was is not complete")
    return was


def _check_writers(record: Record) -> None:
    """Whether everybody who is named is in the table."""
    named = {record.writer_key, *writers_of(record.data)}
    if not named <= record.writers.keys():
        raise ValueError("it names a writer who is not in it")


def _writer_of(facts: Any) -> Writer:
    writer = Writer(**facts)
    for name in _WRITER_NAMES:
        value = getattr(writer, name)
        # Shown to people and compared: what is no text would fail there.
        if name not in ("dirty", "edits") and value is not None:
            _text(value)
    # An older version put a URL that it was given as it was.
    return replace(writer, project=project_name(writer.project)) if writer.project else writer


def _pairs_of(values: Mapping[str, Any]) -> dict[str, str]:
    """A mapping of texts. There may be thousands: they are looked at together."""
    pairs = dict(values.items())
    if not set(map(type, pairs.values())) <= {str}:
        raise TypeError("what must be text is none")
    return pairs


def _mapping(values: Any, convert: Callable[[Any], Any]) -> dict[str, Any]:
    return {_text(key): convert(value) for key, value in values.items()}


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError("what must be a list is none")
    return tuple(map(_text, values))


def _text(value: Any) -> str:
    # Dataclasses check no types, and a record comes from a file that anybody can edit.
    if not isinstance(value, str):
        raise TypeError("what must be text is none")
    return value


def _check_choice(value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError("its state, its kind or what it hides is none that there is")


def _unknown_fields(values: Mapping[str, Any]) -> list[str]:
    """The fields of a record, of its writers and of what it was, that this version does not know."""
    writers = [values["writer"]] if values["format"] == 1 else values["writers"].values()
    writer_fields = {name for writer in writers for name in writer}
    unknown = sorted({*values} - _FIELDS)
    unknown += sorted(writer_fields - {*_WRITER_NAMES})
    if values.get("was"):
        unknown += _unknown_fields({"format": values["format"], **values["was"]})
    return unknown


# Format 1 -------------------------------------------------------------------------------------------------------------


def _values_of_format_1(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of format 2 that say what a record of format 1 says."""
    writer = Writer(**values["writer"])
    # It names one writer, the last. Of a copy that is replaced as a whole, that is who wrote it.
    writers = [writer.key] if values["kind"] == "whole" else []
    new: dict[str, Any] = {name: values[name] for name in _PLAIN_OF_FORMAT_1}
    new["writer"] = writer.key
    new["writers"] = {writer.key: values["writer"]}
    new["data"] = {unit: str(Recorded.of(_text(identity), "", writers)) for unit, identity in values["data"].items()}
    new["base"] = values["base"]
    new["doubt"] = {_unit_of_format_1(unit): [save_id] for unit, save_id in values["doubt"].items()}
    new["was"] = None if values["was"] is None else _values_of_format_1(values["was"])
    return {**_EMPTY_IN_FORMAT_1, **new}


_EMPTY_IN_FORMAT_1: dict[str, Any] = {
    "removing": {},
    "absent": [],
    "undoes": "",
    "seeded": {},
    "root": "",
    "made": {},
}


def _unit_of_format_1(unit: str) -> str:
    return ALL if unit == _ALL_OF_FORMAT_1 else unit
