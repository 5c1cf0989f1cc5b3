"""The record: what a branch copy is, as its last writer left it. One for each location and branch."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from steel_toes.naming.digest import digest
from steel_toes.naming.layout import Layout
from steel_toes.redaction import redacted_repr

FOLDER = "_steel_toes"
ALL = "/"
"""In `doubt`: every unit, known or not. No unit has this name: a unit is a relative path."""

Identities = dict[str, str]
Kind = Literal["whole", "versioned", "overlay"]
State = Literal["writing", "complete", "removing"]


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes: the same for all records that one catalog writes.

    Args:
        project: the remote's URL, or the name that was given.
        run: the id of Kedro's session.
        commit: of the code.
        dirty: whether the code differed from the commit.
        upstream: of the branch.
        remote: whose branch the upstream is.
        user: who ran it.
        host: where it ran.
        source_tree: a digest of all code files.
        edits: the code files that differ from main's, each with its Git blob; None for one that is not there.
        env: Kedro's environment.
        params: a digest of the parameters that were given on the command line.
    """

    project: str | None = None
    run: str | None = None
    commit: str | None = None
    dirty: bool | None = None
    upstream: str | None = None
    remote: str | None = None
    user: str | None = None
    host: str | None = None
    source_tree: str | None = None
    edits: Mapping[str, str | None] | None = None
    env: str | None = None
    params: str | None = None

    @property
    def key(self) -> str:
        """What a record's table of writers calls this one: equal for equal writers."""
        facts = [f"{name}={getattr(self, name)!r}" for name in self.__dataclass_fields__]
        return digest("\n".join(facts), 8)

    def is_of_another_project(self, other: Writer) -> bool:
        """Whether both know their projects, and these are two: an unknown one (no Git) conflicts with none."""
        if not self.project or not other.project:
            return False
        return self.project != other.project

    def __str__(self) -> str:
        names = [name for name in (self.user, self.host) if name]
        return "@".join(names) or "somebody"


MARK = "promote-"
"""What a record's id begins with once somebody promotes its copy: who changes such a record looks for the claim."""

PART = "+"
"""What the id of a save ends with that wrote several places: one of them alone is half a save."""

BROKEN_OFF = "!"
"""What it ends with where an exception ended the save before it had saved all of its units."""


class Recorded(str):
    """A unit of a branch copy, as it was saved: `<save> <writers> <identity>`.

    One text, since thousands of partitions are read and written with each save of one of them.
    """

    __slots__ = ()

    @classmethod
    def of(cls, identity: str, save: str, writers: Iterable[str] = ()) -> Recorded:
        """The text of these facts."""
        return cls(f"{save} {','.join(writers)} {identity}")

    @property
    def save(self) -> str:
        """The id of the save that put it; "" if a record of format 1 did not say it."""
        return self.split(" ", 2)[0]

    @property
    def is_part(self) -> bool:
        """Whether the save wrote other places, too, each with its own record."""
        return self.save.endswith(PART)

    @property
    def is_broken_off(self) -> bool:
        """Whether the save was to write other units, too, and did not."""
        return self.save.endswith(BROKEN_OFF)

    @property
    def writers(self) -> tuple[str, ...]:
        """The keys of those whose data it holds, the last one last: an append keeps those before it."""
        keys = self.split(" ", 2)[1]
        return tuple(keys.split(",")) if keys else ()

    @property
    def identity(self) -> str:
        """In the store when its save ended; "", which no data has, if two saves may have mixed there."""
        return self.split(" ", 2)[2]


def writers_of(data: Mapping[str, str]) -> set[str]:
    """The keys of all whose data these units hold."""
    # Of thousands of units most have the same writers.
    texts = {text.split(" ", 2)[1] for text in data.values()}
    return {key for text in texts for key in text.split(",") if key}


@redacted_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One branch copy, as its last writer left it.

    Args:
        id: of the save, or of the command, that put it; "" if there is no record.
        state: `writing` from before the data's first byte until after its last, else `complete`; `removing` from before
            the data's removal until after it.
        kind: whole, versioned or overlay.
        created: when the branch copy was begun.
        saved: when its last save began.
        writer_key: of who put it.
        writers: everybody whose data there is, by their keys.
        data: the units that are the branch's, each a `Recorded`. While writing they are in `was`.
        base: main's identities when the branch copy was begun; of a versioned dataset, main's newest version.
        over: of an overlay, what shows where the branch has no unit: main's, or nothing.
        doubt: the units that saves began and did not finish, each with the ids of all those saves; `ALL` for all there
            are.
        removing: the objects that are being removed, by their paths in the copy, with their identities.
        was: while writing, the last complete record.
        absent: units that a reader finds absent, whatever main has.
        undoes: what a promote replaced, if the copy is what it kept.
        seeded: what the copy began as, by the saves that `seed` made: `<record> <branch>` of another branch's, "" of
            main's data; see `origins`.
        root: of all copies, below which this one lies; "" if it lies below its data's own.
        made: how the data was made.
    """

    id: str
    state: State
    kind: Kind
    branch_name: str
    dataset: str
    location: str
    layout: str
    created: str
    saved: str
    writer_key: str = ""
    writers: Mapping[str, Writer] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    base: Mapping[str, str] = field(default_factory=dict)
    over: Literal["main", "nothing"] = "main"
    doubt: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    removing: Mapping[str, str] = field(default_factory=dict)
    was: Record | None = None
    absent: tuple[str, ...] = ()
    undoes: str = ""
    seeded: Mapping[str, str] = field(default_factory=dict)
    root: str = ""
    made: Mapping[str, Any] = field(default_factory=dict)

    @property
    def full_layout(self) -> Layout:
        """How main's location became the copy's."""
        return Layout(self.layout, self.root)

    # What a reader asks -----------------------------------------------------------------------------------------------

    @property
    def exists(self) -> bool:
        """Whether there is a record."""
        return self.id != ""

    @property
    def is_marked(self) -> bool:
        """Whether somebody promotes the copy, or once began to."""
        return self.id.startswith(MARK)

    @property
    def is_gone(self) -> bool:
        """Whether there is no record, or one that is about to go."""
        return not self.exists or self.state == "removing"

    @property
    def writer(self) -> Writer:
        """Who put it."""
        return self.writers.get(self.writer_key, _NOBODY)

    @property
    def says_nothing(self) -> bool:
        """Whether there is a record, and nothing is the branch's or begun by what it says: the branch reads main's."""
        # Which of main's units it hides counts, too.
        units = [*self.data, *self.doubt, *self.absent]
        return self.exists and self.state == "complete" and not units and self.over == "main"

    @property
    def settled(self) -> Record:
        """The last complete record of a copy: this one, or the one it was; `NO_RECORD` before a save finished."""
        last = self if self.state == "complete" else self.was
        # After a first save that failed the record is complete and says nothing: main's.
        if last is None:
            return NO_RECORD
        if last.data or last.absent or last.over == "nothing":
            return last
        return NO_RECORD

    @property
    def hides_main(self) -> bool:
        """Whether nothing of main's shows beside the branch's units."""
        return self.settled.over == "nothing"

    def unit(self, unit: str) -> Recorded | None:
        """A unit as it was when it was last complete; None if it is not the branch's."""
        text = self.settled.data.get(unit)
        return None if text is None else Recorded(text)

    def identity(self, unit: str) -> str | None:
        """What a unit of the branch's was when it was last complete; None if it is not the branch's."""
        # Asked for each of thousands of partitions.
        text = self.settled.data.get(unit)
        return None if text is None else text.split(" ", 2)[2]

    def hides(self, unit: str) -> bool:
        """Whether a unit that is not the branch's is found absent, whatever main has."""
        last = self.settled
        return last.over == "nothing" or unit in last.absent

    def has_inside(self, unit: str) -> bool:
        """Whether a unit of the last complete record lies inside what would be a directory."""
        return any(path.startswith(f"{unit}/") for path in self.settled.data)

    def recorded(self, units: Iterable[str]) -> Identities:
        """The recorded identities of those of these units that have one."""
        return {unit: self.identity(unit) or "" for unit in units if self.unit(unit) is not None}

    def unbegun(self, units: Iterable[str]) -> list[str]:
        """Those of these units that no save has begun."""
        return [unit for unit in units if not self.has_begun(unit)]

    def has_begun(self, unit: str) -> bool:
        """Whether the unit is the branch's, or a save of it began: nothing else may be written over."""
        return self.doubts(unit) or self.unit(unit) is not None

    def doubts(self, unit: str) -> bool:
        """Whether a save of the unit began and did not finish."""
        return ALL in self.doubt or unit in self.doubt

    # What a save asks -------------------------------------------------------------------------------------------------

    def doubters(self, unit: str) -> set[str]:
        """The ids of the saves that began a unit, or everything, and did not finish."""
        return {*self.doubt.get(unit, ()), *self.doubt.get(ALL, ())}

    def is_doubted_by(self, save_id: str) -> bool:
        """Whether a save began anything, and did not finish."""
        return any(save_id in save_ids for save_ids in self.doubt.values())

    def with_doubts_of(self, save_id: str, units: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The doubts, and those of a save about these units."""
        doubt = dict(self.doubt)
        for unit in units:
            join_doubt(doubt, unit, save_id)
        return doubt

    def without_doubts_of(self, save_id: str, units: Iterable[str]) -> Record:
        """The record as if that save had never begun these units.

        It is the one that was, if nothing else has happened since. One that would say nothing is `complete` without
        data, which is main's.
        """
        doubt = dict(self.doubt)
        for unit in units:
            leave_doubt(doubt, unit, {save_id})
        if self.state != "writing" or any(save_id in save_ids for save_ids in doubt.values()):
            return replace(self, doubt=doubt)
        if self.was is None:
            state: State = "writing" if doubt else "complete"
            return replace(self, doubt=doubt, state=state, base=self.base if doubt else {})
        if doubt == self.was.doubt:
            return self.was
        return replace(self, doubt=doubt)


def join_doubt(doubt: dict[str, tuple[str, ...]], unit: str, save_id: str) -> None:
    """A save is in the doubt of a unit from now on, once."""
    save_ids = doubt.get(unit, ())
    if save_id not in save_ids:
        doubt[unit] = (*save_ids, save_id)


def leave_doubt(doubt: dict[str, tuple[str, ...]], unit: str, save_ids: set[str]) -> None:
    """These saves leave the doubt of a unit."""
    left = tuple(save_id for save_id in doubt.pop(unit, ()) if save_id not in save_ids)
    if left:
        doubt[unit] = left


_NOBODY = Writer()

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
)
"""What is read where there is no record: nothing is the branch's."""


def record_path(root: str, slug: str, location: str) -> str:
    """Where the record of a location lies: `<root>/_steel_toes/<slug>/<16 hex of the location's SHA-256>.json`."""
    # A digest, since a location has slashes and may be longer than a file's name.
    return f"{root.rstrip('/')}/{FOLDER}/{slug}/{digest(location, 16)}.json"


def check_root(layout: str, root: str) -> None:
    """Refuse what was read from a file and says that copies of a layout lie below a root, if that has none.

    Raises:
        ValueError: it does.
    """
    if root and layout != "prefix":
        raise ValueError("its layout has no root")


def records_folder(path: str) -> str:
    """The folder that holds a folder of records for each branch, by the path of one of them."""
    return posixpath.dirname(posixpath.dirname(path))


def path_on_branch(path: str, slug: str) -> str:
    """Where the record of the same location lies on another branch."""
    return f"{records_folder(path)}/{slug}/{posixpath.basename(path)}"
