"""A model of the protocol by which a branch's data becomes main's, and of everybody who may come between.

One request is one step. Each actor is a generator that yields before every request, so a schedule may stop it there for
a while, or for ever. A request's answer may be lost: the client asks again, and meets what it did itself.

    claim      of every location, before the first object of main changes; only where there is none
    keep       main's objects that go are copied to an undo branch
    put        each object over main's, only if both are as they were planned
    decide     the claim becomes `promoted`, or `abandoned`, and never both
    audit      the claim, for later
    remove     the branch's copy, and the claim

The rules that another actor made necessary are fields of `Rules`, so that a test can take one out.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

Steps = Generator[None, None, str]
NOTHING_ASKED = object()
LOCATIONS = ("p", "q")
UNITS = ("a", "b")  # which main and both branches have
MARK = "promote-"  # what the id of a marked record begins with
ADDED, GONE = "new", "extra"  # which only the branches have, and which they have removed


class RefusedError(Exception):
    """An actor ends, and says why."""


class UnfinishedError(RefusedError):
    """A promote stops in the middle: its claim stays, or another's doing is undone."""


@dataclass(frozen=True)
class Rules:
    """What the protocol asks of its actors beside the conditions of each request."""

    marks: bool = True
    """A promote puts the records again once it has its claims, and only as they were planned."""
    heeds_marks: bool = True
    """A save that finds a record so marked looks for a claim; `clean` looks for one once it has read the record."""
    looks_before_put: bool = True
    """A promote looks at its claim before each object: less is left by one that is abandoned and dies."""
    abandons_openly: bool = True
    """`--abandon` says so in the claim before it puts anything back."""
    puts_back: bool = True
    """A promote that finds itself abandoned puts back what it had put meanwhile."""
    decides_once: bool = True
    """A claim becomes promoted only if it is as it was read."""


@dataclass(frozen=True)
class Record:
    """A branch copy's record."""

    id: str
    state: str = "complete"
    data: dict[str, Any] = field(default_factory=dict)
    base: dict[str, Any] = field(default_factory=dict)
    gone: tuple[str, ...] = ()

    def is_of(self, claim: Claim) -> bool:
        """Whether a promote has marked it, and nobody has changed it since."""
        return self.id == claim.mark and self.state == "complete"


@dataclass(frozen=True)
class Goal:
    """What becomes of one of main's objects: `puts` is its content then, None if it goes; `old` is what it was."""

    expects: Any
    old: str | None
    puts: str | None
    source: Any


@dataclass(frozen=True)
class Claim:
    """A promote's plan for one location, which lies in the store for as long as that is not done."""

    id: str
    branch: str
    record: str
    goals: dict[str, Goal]
    state: str = "open"  # then "promoted" or "abandoned"

    @property
    def mark(self) -> str:
        """The id that the record gets."""
        return f"{MARK}{self.id}"

    def is_of(self, branch: str, record_id: str) -> bool:
        """Whether it is a plan for this very copy."""
        return self.branch == branch and record_id in (self.record, self.mark)


class Bucket:
    """Objects that honour conditions.

    Args:
        random: decides which answers are lost.
        stamped: whether each write has an identity of its own (a generation); else equal contents have equal ones.
    """

    def __init__(self, random: random.Random, stamped: bool) -> None:
        self._random, self._stamped = random, stamped
        self._numbers = itertools.count()
        self._objects: dict[str, tuple[Any, Any]] = {}
        self.lost_share = 0.0

    def get(self, key: str) -> Any:
        """The content, or None."""
        return self._objects.get(key, (None, None))[0]

    def identity(self, key: str) -> Any:
        """What tells the object from another; None if there is none."""
        return self._objects.get(key, (None, None))[1]

    def keys(self, start: str) -> list[str]:
        """Those that start so."""
        return [key for key in self._objects if key.startswith(start)]

    def put(self, key: str, content: Any, if_target: Any = NOTHING_ASKED) -> Any:
        """Put an object if what lies there has this identity; the new one's identity."""
        self._write(key, content, if_target)
        if self._random.random() < self.lost_share:
            self._write(key, content, if_target)
        return self.identity(key)

    def copy(self, source: str, target: str, if_source: Any, if_target: Any) -> None:
        """Copy an object if both are as they were seen."""
        if self.identity(source) != if_source:
            raise RefusedError(f"{source} is another")
        self.put(target, self.get(source), if_target)

    def remove(self, key: str, identity: Any) -> bool:
        """Remove an object if it is this one; whether it is gone."""
        if key in self._objects and self.identity(key) != identity:
            return False
        self._objects.pop(key, None)
        return True

    def _write(self, key: str, content: Any, if_target: Any) -> None:
        if if_target is not NOTHING_ASKED and self.identity(key) != if_target:
            raise RefusedError(f"{key} is another")
        self._objects[key] = (content, next(self._numbers) if self._stamped else repr(content))


def claim_key(location: str) -> str:
    """Where a location's claim lies."""
    return f"claim/{location}"


def record_key(branch: str, location: str) -> str:
    """Where the record of a branch's copy lies."""
    return f"record/{branch}/{location}"


def _main(location: str, unit: str) -> str:
    return f"main/{location}/{unit}"


@dataclass
class Promote:
    """One call of `promote`, of all locations of a branch."""

    bucket: Bucket
    rules: Rules
    branch: str
    who: str
    plans: dict[str, Claim] = field(default_factory=dict)
    new: list[str] = field(default_factory=list)
    claimed: list[str] = field(default_factory=list)

    def steps(self) -> Steps:
        """All of it."""
        # First, whatever the others' plans say: what only has to be removed.
        for location in LOCATIONS:
            yield from self._end_promoted(location)
        for location in LOCATIONS:
            yield from self._plan(location)
        yield from self._claim_all()
        for location, claim in self.plans.items():
            yield from self._keep(location, claim)
        for location, claim in self.plans.items():
            yield from self._put_all(location, claim)
        for location, claim in self.plans.items():
            yield from self._verify(location, claim)
        for location, claim in self.plans.items():
            yield from self._decide(location, claim)
        for location, claim in self.plans.items():
            yield from self._end(location, claim)
        return "done"

    def _end_promoted(self, location: str) -> Generator[None]:
        yield
        claim: Claim | None = self.bucket.get(claim_key(location))
        if claim is None or claim.branch != self.branch:
            return
        if claim.state == "promoted":
            yield from self._end(location, claim)

    def _plan(self, location: str) -> Generator[None]:
        yield
        claim: Claim | None = self.bucket.get(claim_key(location))
        yield
        record: Record | None = self.bucket.get(record_key(self.branch, location))
        if claim and claim.branch == self.branch:
            yield from self._go_on_with(claim, location)
        elif claim:
            raise RefusedError(f"a promote of {claim.branch} is unfinished")
        elif record:
            yield from self._plan_anew(location, record)
        else:
            yield
            if not self.bucket.keys(f"audit/{self.branch}.{location}."):
                raise RefusedError("nothing to promote")

    def _go_on_with(self, claim: Claim, location: str) -> Generator[None]:
        """A dead promote's claim, or that of one that is still at it."""
        if claim.state == "abandoned":
            raise UnfinishedError("it is being abandoned")
        record = yield from self._marked(location, claim)
        if record is None or record.state == "removing":
            raise UnfinishedError("its copy was cleaned")
        if not record.is_of(claim):
            raise UnfinishedError("its copy was saved since")
        self.plans[location] = claim

    def _marked(self, location: str, claim: Claim) -> Generator[None, None, Record | None]:
        """The record as it lies there, marked if it is as it was planned."""
        key = record_key(self.branch, location)
        yield
        record, identity = self.bucket.get(key), self.bucket.identity(key)
        if record and (record.id, record.state) == (claim.record, "complete"):
            yield
            put_if(self.bucket, key, replace(record, id=claim.mark), identity)
            record = self.bucket.get(key)
        return record

    def _plan_anew(self, location: str, record: Record) -> Generator[None]:
        if record.state != "complete":
            raise RefusedError(f"its record is {record.state}")
        goals = {}
        for unit, identity in record.data.items():
            copy, main = f"{self.branch}/{location}/{unit}", _main(location, unit)
            yield
            expects, old = self.bucket.identity(main), self.bucket.get(main)
            yield
            if expects != record.base.get(unit):
                raise RefusedError("main has changed since")
            if self.bucket.identity(copy) != identity:
                raise RefusedError("the copy was altered")
            goals[unit] = Goal(expects, old, self.bucket.get(copy), identity)
        for unit in record.gone:
            main = _main(location, unit)
            yield
            if self.bucket.get(main):
                goals[unit] = Goal(self.bucket.identity(main), self.bucket.get(main), None, None)
        self.plans[location] = Claim(f"{self.branch}.{location}.{self.who}", self.branch, record.id, goals)
        self.new.append(location)

    def _claim_all(self) -> Generator[None]:
        for location in self.new:
            yield from self._claim(location)
        if not self.rules.marks:
            return
        for location in self.new:
            claim = self.plans[location]
            record = yield from self._marked(location, claim)
            if record is None or not record.is_of(claim):
                yield from self._take_claims_back()
                raise RefusedError("the branch changed meanwhile")

    def _claim(self, location: str) -> Generator[None]:
        planned = self.plans[location]
        yield
        put_if(self.bucket, claim_key(location), planned, None)
        # The answer may be lost: what lies there decides.
        yield
        lies: Claim | None = self.bucket.get(claim_key(location))
        if lies == planned:
            self.claimed.append(location)
        elif lies and lies.is_of(self.branch, planned.record) and lies.state == "open":
            self.plans[location] = lies
        else:
            yield from self._take_claims_back()
            raise RefusedError("claimed by another")

    def _take_claims_back(self) -> Generator[None]:
        for location in self.claimed:
            yield
            if self.bucket.get(claim_key(location)) == self.plans[location]:
                self.bucket.remove(claim_key(location), self.bucket.identity(claim_key(location)))

    def _keep(self, location: str, claim: Claim) -> Generator[None]:
        undo = f"undo-{claim.id}"
        yield
        put_if(self.bucket, record_key(undo, location), Record(undo, "writing"), None)
        for unit, goal in claim.goals.items():
            kept = f"{undo}/{location}/{unit}"
            yield
            if goal.expects is None or self.bucket.get(kept):
                continue
            yield
            try:
                self.bucket.copy(_main(location, unit), kept, goal.expects, None)
            except RefusedError:
                if self.bucket.get(kept) != goal.old:
                    raise UnfinishedError("main changed before it was kept") from None

    def _put_all(self, location: str, claim: Claim) -> Generator[None]:
        # Removals come last: a reader of main finds too much rather than too little.
        for unit, goal in sorted(claim.goals.items(), key=lambda item: item[1].puts is None):
            if self.rules.looks_before_put:
                yield from self._check_claim(location, claim)
            yield
            if not self._is_put(location, unit, goal):
                yield from self._stop(location, claim)

    def _is_put(self, location: str, unit: str, goal: Goal) -> bool:
        main = _main(location, unit)
        if goal.puts is None:
            return self.bucket.remove(main, goal.expects)
        try:
            self.bucket.copy(f"{self.branch}/{location}/{unit}", main, goal.source, goal.expects)
        except RefusedError:
            return bool(self.bucket.get(main) == goal.puts)
        return True

    def _stop(self, location: str, claim: Claim) -> Generator[None]:
        """Main is another, which may be `--abandon`'s doing."""
        yield from self._check_claim(location, claim)
        raise UnfinishedError("main changed")

    def _check_claim(self, location: str, claim: Claim) -> Generator[None]:
        yield
        if not self._is_abandoned(location, claim):
            return
        # The last object of a location before this one may have come after `--abandon` had looked at it.
        for other, its_claim in self.plans.items():
            yield
            if self.rules.puts_back and self._is_abandoned(other, its_claim):
                yield from put_back(self.bucket, other, its_claim)
        raise UnfinishedError("abandoned meanwhile")

    def _is_abandoned(self, location: str, claim: Claim) -> bool:
        """Two requests in the worst case, of which the second only finds what lies there for good."""
        lies: Claim | None = self.bucket.get(claim_key(location))
        if lies and lies.id == claim.id:
            return lies.state == "abandoned"
        # Another process of the same promote may have ended it.
        return self.bucket.get(f"audit/{claim.id}") is None

    def _verify(self, location: str, claim: Claim) -> Generator[None]:
        for unit, goal in claim.goals.items():
            yield
            if self.bucket.get(_main(location, unit)) != goal.puts:
                yield from self._stop(location, claim)

    def _decide(self, location: str, claim: Claim) -> Generator[None]:
        """From here on nobody abandons it; where somebody has, it goes no further."""
        key = claim_key(location)
        yield
        lies, identity = self.bucket.get(key), self.bucket.identity(key)
        if lies == claim:
            yield
            asked = identity if self.rules.decides_once else NOTHING_ASKED
            put_if(self.bucket, key, replace(claim, state="promoted"), asked)
        yield from self._check_claim(location, claim)

    def _end(self, location: str, claim: Claim) -> Generator[None]:
        yield
        if not self.bucket.get(f"audit/{claim.id}"):
            yield from self._audit(location, claim)
        yield from self._remove(location, claim)

    def _audit(self, location: str, claim: Claim) -> Generator[None]:
        key = record_key(f"undo-{claim.id}", location)
        yield
        undo, identity = self.bucket.get(key), self.bucket.identity(key)
        # It may be cleaned by now, and is not made anew.
        if undo is not None and undo.state == "writing":
            data = {unit: goal.old for unit, goal in claim.goals.items() if goal.expects is not None}
            yield
            put_if(self.bucket, key, replace(undo, state="complete", data=data), identity)
        yield
        self.bucket.put(f"audit/{claim.id}", claim)

    def _remove(self, location: str, claim: Claim) -> Generator[None]:
        key = record_key(self.branch, location)
        yield
        record: Record | None = self.bucket.get(key)
        if record and record.id == claim.mark:
            yield
            if record.state == "complete":
                put_if(self.bucket, key, replace(record, state="removing"), self.bucket.identity(key))
            record, identity = self.bucket.get(key), self.bucket.identity(key)
            if record and (record.id, record.state) == (claim.mark, "removing"):
                sources = {unit: goal.source for unit, goal in claim.goals.items() if goal.puts is not None}
                yield from _remove_copy(self.bucket, self.branch, location, sources, identity)
        yield
        lies: Claim | None = self.bucket.get(claim_key(location))
        if lies and lies.id == claim.id:
            self.bucket.remove(claim_key(location), self.bucket.identity(claim_key(location)))


def put_if(bucket: Bucket, key: str, content: Any, if_target: Any) -> Any:
    """Put an object, or not; its identity, None if something else lies there."""
    try:
        return bucket.put(key, content, if_target)
    except RefusedError:
        return bucket.identity(key) if bucket.get(key) == content else None


def put_back(bucket: Bucket, location: str, claim: Claim) -> Generator[None]:
    """Give main back what a promote has put, where main still has that."""
    for unit, goal in claim.goals.items():
        main, kept = _main(location, unit), f"undo-{claim.id}/{location}/{unit}"
        yield
        now, identity = bucket.get(main), bucket.identity(main)
        yield
        if now != goal.puts:
            continue
        if goal.expects is None:
            bucket.remove(main, identity)
        elif bucket.get(kept):
            try:
                bucket.copy(kept, main, bucket.identity(kept), identity)
            except RefusedError:
                continue  # main saved, or this very answer was lost


def _remove_copy(bucket: Bucket, branch: str, location: str, data: dict, identity: Any) -> Generator[None]:
    for unit, its_identity in data.items():
        yield
        bucket.remove(f"{branch}/{location}/{unit}", its_identity)
    yield
    bucket.remove(record_key(branch, location), identity)


def abandon(bucket: Bucket, rules: Rules, branch: str) -> Steps:
    """`promote --abandon`: main is as it was, and the claims are gone."""
    for location in LOCATIONS:
        key = claim_key(location)
        yield
        claim, identity = bucket.get(key), bucket.identity(key)
        # What is promoted is not abandoned: `promote` ends it.
        if claim is None or claim.branch != branch or claim.state == "promoted":
            continue
        if rules.abandons_openly and claim.state == "open":
            yield
            identity = put_if(bucket, key, replace(claim, state="abandoned"), identity)
            if identity is None:
                raise RefusedError("the claim changed meanwhile")
        yield from put_back(bucket, location, claim)
        yield
        bucket.remove(key, identity)
    return "abandoned"


def clean(bucket: Bucket, rules: Rules, branch: str) -> Steps:
    """`clean --branch`, which leaves a claimed copy alone."""
    for location in LOCATIONS:
        key = record_key(branch, location)
        yield
        record, identity = bucket.get(key), bucket.identity(key)
        if record is None:
            continue
        yield
        # After the record was read: a claim that comes later marks it, and what is put over this one is refused.
        if rules.heeds_marks and _is_claimed(bucket, branch, location):
            continue
        if record.state != "removing":
            yield
            identity = put_if(bucket, key, replace(record, state="removing"), identity)
            if identity is None:
                continue
        yield from _remove_copy(bucket, branch, location, record.data, identity)
    return "cleaned"


def _is_claimed(bucket: Bucket, branch: str, location: str) -> bool:
    claim: Claim | None = bucket.get(claim_key(location))
    return claim is not None and claim.branch == branch


def save(bucket: Bucket, rules: Rules, branch: str, location: str, units: Iterable[str]) -> Steps:
    """Another host saves some units of the branch's copy."""
    key = record_key(branch, location)
    yield
    before, identity = bucket.get(key), bucket.identity(key)
    if before is None or before.state != "complete":
        raise RefusedError("there is nothing to save into")
    if rules.heeds_marks and before.id.startswith(MARK):
        yield
        if _is_claimed(bucket, branch, location):
            raise RefusedError("claimed")
    yield
    writing = put_if(bucket, key, replace(before, id="saved", state="writing"), identity)
    if writing is None:
        raise RefusedError("another was quicker")
    data = dict(before.data)
    for unit in units:
        yield
        data[unit] = bucket.put(f"{branch}/{location}/{unit}", f"saved-{location}-{unit}")
    yield
    if put_if(bucket, key, replace(before, id="saved", data=data), writing) is None:
        raise RefusedError("another was quicker")
    return "saved"


def main_run(bucket: Bucket, random: random.Random) -> Steps:
    """Main's pipeline saves some objects, and asks nobody."""
    for location, unit in itertools.product(LOCATIONS, UNITS):
        if random.random() < 0.4:
            yield
            bucket.put(_main(location, unit), f"run-{location}-{unit}")
        for _ in range(random.randrange(12)):
            yield
    return "ran"


def filled(random: random.Random, stamped: bool) -> Bucket:
    """Main's data, and the complete copies of branches x and y."""
    bucket = Bucket(random, stamped)
    for location in LOCATIONS:
        base = {unit: bucket.put(_main(location, unit), f"old-{location}-{unit}") for unit in (*UNITS, GONE)}
        base.pop(GONE)
        for branch in "xy":
            keys = {unit: f"{branch}/{location}/{unit}" for unit in (*UNITS, ADDED)}
            data = {unit: bucket.put(key, f"{branch}-{location}-{unit}") for unit, key in keys.items()}
            bucket.put(record_key(branch, location), Record(f"{branch}'s", data=data, base=base, gone=(GONE,)))
    return bucket


def owners(bucket: Bucket, location: str) -> dict[str, str]:
    """Whose each of main's objects is: "old", a branch's, a main run's ("run"); "" if it is not there."""
    found = {unit: bucket.get(_main(location, unit)) or "" for unit in (*UNITS, ADDED, GONE)}
    # What was saved on branch x is x's.
    return {unit: content.partition("-")[0].replace("saved", "x") for unit, content in found.items()}


def is_whole(found: dict[str, str]) -> bool:
    """Whether main is wholly as it was or wholly one branch's, but for what its own run has saved."""
    wholes = [dict.fromkeys((*UNITS, GONE), "old") | {ADDED: ""}]
    wholes += [dict.fromkeys((*UNITS, ADDED), branch) | {GONE: ""} for branch in "xy"]
    rest = {unit: owner for unit, owner in found.items() if owner != "run"}
    return any(all(whole[unit] == owner for unit, owner in rest.items()) for whole in wholes)


def late(steps: Steps, number: int) -> Steps:
    """The same after so many steps of waiting."""
    for _ in range(number):
        yield
    return (yield from steps)


def drive(cast: dict[str, Steps], random: random.Random, kill_share: Callable[[str], float]) -> dict[str, str]:
    """Let all of them go on until each has ended, in a random order; how each ended."""
    going, ended = dict(cast), {}
    while going:
        name = random.choice(list(going))
        if random.random() < kill_share(name):
            ended[name] = "killed"
            del going[name]
            continue
        try:
            next(going[name])
        except StopIteration as end:
            ended[name] = end.value
            del going[name]
        except RefusedError as exc:
            ended[name] = f"{type(exc).__name__}: {exc}"
            del going[name]
    return ended
