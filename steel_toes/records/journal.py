"""The journal of promotes: what one is about to do to main, for as long as it is not done, and what was done.

A *claim* lies at `<root>/_steel_toes/_promote/<name of the record>` from before the first object of main changes until
the branch copy is removed: one for each location, whichever branch's. Whoever finds it knows what main was, what it
becomes and how far that may be. An *audit* at `<root>/_steel_toes/_promoted/` is the claim as it ended, for later.
"""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timezone
from typing import Any, Literal, NamedTuple, get_args

from steel_toes.errors import NEWER_FORMAT, NO_CLAIM, PromoteUnfinishedError, Reason, RecordError, count
from steel_toes.naming.branch import is_undo_branch, make_slug
from steel_toes.naming.digest import encode
from steel_toes.naming.layout import Layout
from steel_toes.records.record import MARK, Identities, Kind, check_root, records_folder
from steel_toes.records.units import units_of
from steel_toes.redaction import redacted_repr
from steel_toes.stores.base import Store
from steel_toes.stores.identity import digest_of, size_of

FORMAT = 1

CLAIMS = "_promote"
AUDITS = "_promoted"
PROBES = "_probe"

TIME = "%Y%m%dT%H%M%SZ"
"""How a promote's time is written, in UTC: it names the branch that keeps what main had, and the audit."""

_AUDIT_NAME = re.compile(r"\d{8}T\d{6}Z-([a-z0-9-]+)-[0-9a-f]{16}\.json")

ClaimState = Literal["open", "promoted", "abandoned"]
Stage = Literal["claimed", "putting", "removing"]

_WORDS = {"kind": get_args(Kind), "state": get_args(ClaimState), "stage": get_args(Stage)}


@dataclass(frozen=True, slots=True)
class Goal:
    """What becomes of one of main's objects.

    Args:
        unit: of the copy, that it is or is a part of.
        inner: its path in the unit; "" if it is the unit.
        size: of the branch's object, or of main's if that goes, in bytes.
        expects: the identity that main's object must have; None if there must be none.
        source: the identity of the branch's object, whose content it gets; None if it goes.
    """

    unit: str
    inner: str
    size: int
    expects: str | None
    source: str | None

    @property
    def key(self) -> str:
        """What tells it from the others of a claim."""
        return f"{self.unit}/{self.inner}".rstrip("/")

    def path(self, kind: Kind, copy: str) -> str:
        """Where the object lies in a copy: main's, the branch's, or the one that keeps what main had."""
        return f"{units_of(kind).path(copy, self.unit)}/{self.inner}".rstrip("/")


@redacted_repr
@dataclass(frozen=True, kw_only=True)
class Claim:
    """A promote's plan for one location.

    Args:
        id: of the promote of this location.
        state: `open`; `promoted` once main is what was planned, from when on nobody abandons it; `abandoned` from when
            on it goes no further.
        branch_name: the branch.
        record_id: of the branch copy's record, as it was planned.
        dataset: the entry that saved it.
        location: main's, as the record calls it.
        kind: of the copy.
        layout: how the location became the copy's.
        root: of all copies, below which it lies, and what main had; "" if they lie below the data's own.
        time: when it was planned, as `TIME` has it: the same for all locations of one promote.
        author: who promotes.
        ref: the commit whose code the data was proved to be of.
        undo: the branch that keeps what main had; "" if nothing does.
        keeps_copy: whether the branch copy stays.
        forced: the requirements that somebody dropped.
        checked: what Kedro's validator said of the branch copy.
        goals: what becomes of main's objects, in this order.
        put: main's identities when it was done, by the goals' keys.
        project: whose data it is; "" if nobody knows.
        is_of_everything: what main has there and is neither a goal nor left is no part of it: a directory that is
            replaced as a whole, or partitions that were overwritten with all the others.
        left: the paths in main's copy of what stays, and is no unit.
        stage: how far it may have come: `putting` from before main's first object is replaced, `removing` from before
            the first one goes. What main was before is nothing that it has done.
        joined: how many other calls have gone on with it: whoever made it must not take it back any more.
    """

    id: str
    state: ClaimState = "open"
    branch_name: str
    record_id: str
    dataset: str
    location: str
    kind: Kind
    layout: str
    time: str
    author: str
    ref: str
    undo: str = ""
    keeps_copy: bool = False
    forced: tuple[str, ...] = ()
    checked: str = ""
    goals: tuple[Goal, ...] = field(repr=False)
    put: Mapping[str, str] = field(default_factory=dict, repr=False)
    project: str = ""
    is_of_everything: bool = False
    left: tuple[str, ...] = ()
    stage: Stage = "claimed"
    joined: int = 0
    root: str = ""

    @property
    def undo_layout(self) -> Layout:
        """How a location becomes that of what main had there: beside the copies of branches, and never beside main's.

        Whatever the project's layout is: nobody who lists main's folder may find it there.
        """
        return Layout("prefix", self.root)

    @property
    def mark(self) -> str:
        """The id that the record of the branch copy gets, so that whoever saves the copy next looks for the claim."""
        return MARK + self.id

    @property
    def moment(self) -> datetime:
        """When it was planned."""
        return datetime.strptime(self.time, TIME).replace(tzinfo=timezone.utc)

    @property
    def shown_time(self) -> str:
        """The same, for people."""
        return self.moment.strftime("%Y-%m-%d %H:%M UTC")

    @property
    def puts(self) -> list[Goal]:
        """The objects that main gets."""
        return [goal for goal in self.goals if goal.source is not None]

    @property
    def removals(self) -> list[Goal]:
        """The objects that main loses."""
        return [goal for goal in self.goals if goal.source is None]

    @property
    def replaced(self) -> list[Goal]:
        """The objects of main's that go, or are replaced."""
        return [goal for goal in self.goals if goal.expects is not None]

    def may_have_done(self, goal: Goal) -> bool:
        """Whether it has come so far that what became of one of main's objects may be its doing."""
        return self.stage == "removing" or (self.stage == "putting" and goal.source is not None)

    @property
    def put_by_unit(self) -> Identities:
        """Main's identities when it was done, of the units that it got."""
        by_unit: dict[str, dict[str, str]] = {}
        for goal in self.puts:
            by_unit.setdefault(goal.unit, {})[goal.inner] = self.put.get(goal.key, "")
        return identities_by_unit(by_unit)

    def unfinished_error(self, reason: Reason, dataset: str = "") -> PromoteUnfinishedError:
        """The error of what cannot go on beside it, or with it.

        Args:
            reason: why, and what to do.
            dataset: that cannot go on, if it is not the one that saved the copy.
        """
        facts = {"dataset": dataset or self.dataset, "branch": self.branch_name}
        return PromoteUnfinishedError(reason, **facts, since=self.shown_time, by=self.author)

    def may_be_of(self, project: str | None) -> bool:
        """Whether it is a project's, or of nobody knows which."""
        return self.project in ("", project or "")

    def concerns(self, branch_name: str) -> bool:
        """Whether a branch's copy of the location is what is promoted, or what is kept of main's."""
        return branch_name in (self.branch_name, self.undo)

    def is_of(self, branch_name: str, record_id: str) -> bool:
        """Whether it is a plan for this very copy, and goes on."""
        is_of_copy = self.branch_name == branch_name and record_id in (self.record_id, self.mark)
        return is_of_copy and self.state == "open"


def identities_by_unit(parts_by_unit: Mapping[str, Mapping[str, str]]) -> Identities:
    """The identities of units, from those of their parts: "" is a unit that is one object."""
    identities = {}
    for unit, parts in parts_by_unit.items():
        # What is one object has no other parts.
        identities[unit] = parts.get("") or digest_of(parts)
    return identities


_FIELDS = {field.name for field in fields(Claim)} | {"format"}
_TEXTS = [field.name for field in fields(Claim) if field.type == "str"]


def to_bytes(claim: Claim) -> bytes:
    """A claim as JSON, for people too."""
    values = {**asdict(claim), "format": FORMAT}
    # Each object on a line of its own: there may be thousands.
    values["goals"] = [[goal.unit, goal.inner, goal.size, goal.expects, goal.source] for goal in claim.goals]
    return encode(json.dumps(values, ensure_ascii=False, sort_keys=True, indent=1))


def parse_claim(data: bytes, path: str) -> Claim:
    """The claim of its bytes.

    Raises:
        RecordError: it is none, or a newer steel_toes wrote it.
    """
    try:
        # A draft before the first release knew of no roots.
        values = {"root": "", **json.loads(data)}
        number = values["format"]
        # A newer one may have any other fields, and is not passed over.
        is_newer = number > FORMAT or not values.keys() <= _FIELDS
        if not is_newer:
            return _claim_of(values)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise RecordError(NO_CLAIM, dataset="a promote", record=path, error=repr(exc)) from None
    raise RecordError(NEWER_FORMAT, dataset="a promote", record=path, format=number)


def _claim_of(values: dict[str, Any]) -> Claim:
    _check_values(values)
    # A path is joined to a copy's, and must stay below it.
    goals = tuple(map(_goal_of, values["goals"]))
    others = {name: values[name] for name in values.keys() - {"format", "goals", "forced", "left"}}
    return Claim(**others, goals=goals, forced=tuple(values["forced"]), left=tuple(values["left"]))


def _check_values(values: dict[str, Any]) -> None:
    # A claim comes from a file that anybody can edit.
    for name, words in _WORDS.items():
        if values[name] not in words:
            raise ValueError(f"its {name} is none that there is")
    texts = [values[name] for name in _TEXTS]
    texts += [*values["put"].keys(), *values["put"].values(), *values["forced"], *values["left"]]
    if set(map(type, texts)) != {str}:
        raise TypeError("what must be text is none")
    if type(values["joined"]) is not int or not isinstance(values["keeps_copy"], bool):
        raise TypeError("what must be a number, or true or false, is none")
    _check_names(values)
    datetime.strptime(values["time"], TIME).replace(tzinfo=timezone.utc)


def _check_names(values: dict[str, Any]) -> None:
    # What a copy is made through is removed by this name.
    if not re.fullmatch(r"[0-9a-f]{16}", values["id"]) or not values["branch_name"].strip():
        raise ValueError("it has no id, or no branch")
    check_root(values["layout"], values["root"])
    if values["undo"] and not is_undo_branch(values["undo"]):
        raise ValueError("what main had is kept as no undo branch")


def _goal_of(facts: list[Any]) -> Goal:
    goal = Goal(*facts)
    kinds = [type(fact) for fact in facts]
    if kinds[:3] != [str, str, int] or not {*kinds[3:]} <= {str, type(None)}:
        raise TypeError("an object in it is none")
    if goal.key.startswith("/") or ".." in goal.key.split("/"):
        raise ValueError("an object in it leads out of its copy")
    for identity in filter(None, (goal.expects, goal.source)):
        # It is of one object, whose size it begins with.
        size_of(identity)
    return goal


# Where they lie -------------------------------------------------------------------------------------------------------


def claims_folder(record_path: str) -> str:
    """Where the claims lie of all locations whose records lie below one root."""
    return f"{records_folder(record_path)}/{CLAIMS}"


def claim_path(record_path: str) -> str:
    """Where the claim of a record's location lies: the same for the records of all branches."""
    return f"{claims_folder(record_path)}/{posixpath.basename(record_path)}"


def audit_path(claim_path_: str, claim: Claim) -> str:
    """Where the audit of a claim lies."""
    folder, name = posixpath.split(claim_path_)
    slug = make_slug(claim.branch_name)
    return f"{posixpath.dirname(folder)}/{AUDITS}/{claim.time}-{slug}-{name}"


def slug_of_audit(name: str) -> str:
    """The slug of the branch that an audit of this name is of; "" if it is none."""
    match = _AUDIT_NAME.fullmatch(name)
    return match[1] if match else ""


def claim_names(names: Iterable[str]) -> Iterator[str]:
    """Those of the names in the folder of claims that are claims'."""
    # Locks, and what a copy is made through, lie beside them.
    return (name for name in names if name.endswith(".json") and "/" not in name)


def facts_of_promotes(claims: Iterable[Claim]) -> list[dict[str, str]]:
    """The facts of each promote among some claims, for a sentence: all locations of one have one time."""
    numbers: Counter[tuple[str, str, str]] = Counter()
    for claim in claims:
        numbers[claim.branch_name, claim.shown_time, claim.author] += 1
    facts = []
    for (branch, time, author), number in numbers.items():
        datasets = count(number, "dataset")
        facts.append(
            {
                "branch": branch,
                "quoted": shlex.quote(branch),
                "time": time,
                "author": author,
                "datasets": datasets,
            }
        )
    return facts


# Reading and writing --------------------------------------------------------------------------------------------------


class ClaimInPlace(NamedTuple):
    """A claim as it lies in its store: None if there is none; with its stamp where the store has conditions."""

    claim: Claim | None
    stamp: str = ""


@redacted_repr
@dataclass(frozen=True)
class ClaimFile:
    """The file of one claim: put only where none is, changed and removed only as it was read.

    Args:
        store: of the record.
        path: of the claim, in that store.
    """

    store: Store
    path: str

    def find(self) -> ClaimInPlace:
        """The claim as it is now.

        Raises:
            RecordError: what lies there is none, or a newer one.
            StoreError: the store gave no definite answer.
        """
        if self.store.has_conditions(self.path):
            data, stamp = self.store.read_stamped(self.path)
        else:
            data, stamp = self.store.read(self.path), ""
        return ClaimInPlace(None if data is None else parse_claim(data, self.path), stamp)

    def create(self, claim: Claim) -> ClaimInPlace:
        """Put a claim where none is; what lies there afterwards, which is another's if that came first."""
        self.store.create(self.path, to_bytes(claim))
        # The answer may be lost: what lies there decides.
        return self.find()

    def change(self, before: ClaimInPlace, after: Claim) -> ClaimInPlace | None:
        """Put a claim over another, if that is as it was read; None if it is not."""
        data = to_bytes(after)
        # Where no server refuses it, whoever shares the disk waits for the lock.
        if self.store.has_conditions(self.path):
            stamp = self.store.write_stamped(self.path, data, before.stamp)
            return None if stamp is None else ClaimInPlace(after, stamp)
        with self.store.lock(self.path):
            if self.find().claim != before.claim:
                return None
            self.store.write(self.path, data)
        return ClaimInPlace(after)

    def change_open(
        self, id_: str, before: ClaimInPlace | None, change: Callable[[Claim], Claim]
    ) -> ClaimInPlace | None:
        """Put what becomes of a claim as long as it is open, whoever else changes it; None if it is not any more.

        Args:
            id_: of the claim: another may lie there by now.
            before: as it was read; None to read it.
            change: gives what becomes of it.
        """
        in_place = before or self.find()
        while in_place.claim is not None and in_place.claim.id == id_ and in_place.claim.state == "open":
            put = self.change(in_place, change(in_place.claim))
            if put is not None:
                return put
            # Another call has joined it in this moment.
            in_place = self.find()
        return None

    def remove(self, before: ClaimInPlace) -> bool:
        """Remove a claim, if it is as it was read; whether none is there now."""
        if self.store.has_conditions(self.path):
            return self.store.delete_stamped(self.path, before.stamp)
        with self._held_for_good():
            claim = self.find().claim
            if claim == before.claim:
                self.store.remove(self.path)
            return claim in (None, before.claim)

    @contextmanager
    def _held_for_good(self) -> Iterator[None]:
        """Hold the lock, and remove it at the end: with its claim it has no use any more."""
        with self.store.lock(self.path):
            yield
            lock_path = self.store.lock_path(self.path)
            if lock_path is not None:
                self.store.remove(lock_path)

    def audit(self, claim: Claim) -> None:
        """Keep a claim for later, as it ended. Once is enough."""
        self.store.create(audit_path(self.path, claim), to_bytes(replace(claim, state="promoted")))

    def has_audit(self, claim: Claim) -> bool:
        """Whether a claim has ended as promoted."""
        data = self.store.read(audit_path(self.path, claim))
        return data is not None and parse_claim(data, self.path).id == claim.id
