"""What must hold before a branch copy may become main's: small values, each of which says what is wrong."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from steel_toes import errors, reasons, sentences
from steel_toes.actions.claims import StoredClaim
from steel_toes.actions.goals import Goals, MainCopy, Shape
from steel_toes.actions.plan import HeldCopy
from steel_toes.checkout.proof import CodeVerdict, Proof
from steel_toes.naming.nesting import lies_in
from steel_toes.records.journal import Goal
from steel_toes.records.origins import origins_of
from steel_toes.records.record import Record, Recorded, Writer
from steel_toes.records.units import units_of
from steel_toes.stores.base import Store


class Requirement(Protocol):
    """What must hold."""

    def check(self) -> errors.CopyError | None:
        """The error that says why it does not hold; None if it does."""


def facts_of(record: Record) -> dict[str, str]:
    """The facts that each of these errors has."""
    return {"dataset": record.dataset, "branch": record.branch_name}


@dataclass(frozen=True)
class IsBelieved:
    """The record lies where it must, it is this project's, and no main copy lies at or in the branch copy."""

    copy: HeldCopy
    why_left: str

    def check(self) -> errors.CopyError | None:
        if not self.why_left:
            return None
        facts = facts_of(self.copy.record)
        path = self.copy.stored.path
        return errors.PromoteRefusedError(reasons.NOT_TO_BE_BELIEVED, **facts, condition=self.why_left, record=path)


@dataclass(frozen=True)
class IsSettled:
    """The branch copy is whole, nobody is saving it, and its data is what the record says."""

    copy: HeldCopy

    def check(self) -> errors.CopyError | None:
        record = self.copy.record
        condition = self.copy.condition
        # Its data may be right, and a save of it goes on.
        if not condition and (record.state != "complete" or record.doubt):
            condition = sentences.COPY_TORN
        if not condition:
            return None
        return errors.PromoteRefusedError(reasons.COPY_NOT_SETTLED, **facts_of(record), condition=condition)


@dataclass(frozen=True)
class MainIsAsBegun:
    """Main's copy is what it was when the branch copy was begun.

    Args:
        record: of the branch copy.
        main: main's copy.
        changed_units: those that are others by now.
    """

    record: Record
    main: MainCopy
    changed_units: Sequence[str]

    def check(self) -> errors.CopyError | None:
        if not self.changed_units:
            return None
        # The whole copy has no name of its own.
        names = [unit for unit in self.changed_units if unit != "."]
        more = {"units": _listed(names), "now": self._now()}
        reason = reasons.MAIN_SAVED_SINCE_UNDO if self.record.undoes else reasons.MAIN_SAVED_SINCE
        return errors.MainChangedError(reason, **facts_of(self.record), **more)

    def _now(self) -> str:
        """What main has by now, in bytes."""
        changed = set(self.changed_units)
        items = [item for (unit, _), item in self.main.objects.items() if unit in changed]
        # It may have been removed since.
        if not items:
            return sentences.MAIN_HAS_NONE
        size = sum(item.size for item in items)
        newest = max(item.modified for item in items)
        date = newest.astimezone().strftime("%Y-%m-%d %H:%M")
        return sentences.MAIN_HAS_NOW.format(size=errors.count(size, "byte"), date=date)


@dataclass(frozen=True)
class CodeIsMains:
    """Main has the code of everybody whose data it is.

    Args:
        record: of the branch copy.
        proofs: what is proved of each of them.
        ref: the commit whose code main has.
        is_strict: whether all code files must be the same.
        unknown_units: units of which nobody knows who saved them.
    """

    record: Record
    proofs: Sequence[Proof]
    ref: str
    is_strict: bool
    unknown_units: int = 0

    @property
    def verdict(self) -> CodeVerdict:
        """The worst of them."""
        verdicts = [proof.verdict for proof in self.proofs]
        # One unit without a writer is enough.
        if self.unknown_units or not verdicts:
            verdicts.append(CodeVerdict.UNKNOWN)
        order = list(CodeVerdict)
        return max(verdicts, key=order.index)

    def check(self) -> errors.CopyError | None:
        verdict = self.verdict
        if verdict is CodeVerdict.SAME or (verdict is CodeVerdict.CONTAINED and not self.is_strict):
            return None
        paths = sorted({path for proof in self.proofs for path in proof.paths})
        reason = reasons.CODE_IS_ANOTHER
        if verdict is CodeVerdict.UNKNOWN:
            reason = reasons.CODE_IS_UNKNOWN
        elif not paths:
            # By `--strict`; or a file that main has was edited after another of its writers had run.
            reason = reasons.CODE_IS_NOT_THE_SAME if self.is_strict else reasons.CODE_IS_NOT_EACH_ONES
        return errors.CodeNotMergedError(reason, **facts_of(self.record), ref=self.ref, paths=_listed(paths))


@dataclass(frozen=True)
class SettingsAreMains:
    """The data was made with this command's environment of Kedro, and with no parameters of the command line."""

    record: Record
    writers: Collection[Writer]
    env: str | None

    def check(self) -> errors.CopyError | None:
        # None is Kedro's default.
        command_env = self.env or sentences.DEFAULT_ENV
        facts = facts_of(self.record)
        for writer in self.writers:
            writer_env = writer.env or sentences.DEFAULT_ENV
            if writer_env != command_env:
                more = {"theirs": writer_env, "ours": command_env}
                return errors.CodeNotMergedError(reasons.OTHER_ENV, **facts, **more)
            if writer.params:
                return errors.CodeNotMergedError(reasons.OWN_PARAMS, **facts)
        return None


@dataclass(frozen=True)
class NobodyElsePromotes:
    """No other branch's claim lies on the location."""

    record: Record
    claim: StoredClaim | None

    def check(self) -> errors.CopyError | None:
        if self.claim is None:
            return None
        claim = self.claim.claim
        more = {"other": claim.branch_name, "by": claim.author, "since": claim.shown_time}
        return errors.PromoteRefusedError(reasons.CLAIMED_BY_ANOTHER, **facts_of(self.record), **more)


@dataclass(frozen=True)
class CanBeKept:
    """There is a place for what main has."""

    record: Record
    why_not: str

    def check(self) -> errors.CopyError | None:
        if not self.why_not:
            return None
        return errors.PromoteRefusedError(reasons.NO_PLACE_FOR_UNDO, **facts_of(self.record), condition=self.why_not)


@dataclass(frozen=True)
class CheckpointIsOfMains:
    """A checkpoint that the branch has confirmed counts no partitions that main does not have yet.

    Args:
        copy: all of the branch copy.
        main: main's.
        checkpoint: the unit; "" if there is none.
        seeded_units: the partitions that another branch has to promote.
    """

    copy: HeldCopy
    main: MainCopy
    checkpoint: str
    seeded_units: Collection[str]

    def check(self) -> errors.CopyError | None:
        record = self.copy.record
        # One that was copied, too, is as it was.
        own_units = record.settled.data.keys() - set(self.seeded_units)
        if self.checkpoint not in own_units:
            return None
        missing = self._missing_units()
        if not missing:
            return None
        names = ", ".join(origin.branch_name for origin in origins_of(record) if origin.branch_name)
        facts = {**facts_of(record), "units": _listed(missing), "others": names}
        return errors.PromoteRefusedError(reasons.CHECKPOINT_OF_OTHERS, **facts)

    def _missing_units(self) -> list[str]:
        """Those that main does not have."""
        missing = []
        for unit in sorted(self.seeded_units):
            path = units_of(self.copy.record.kind).path(self.main.path, unit)
            if self.main.store.identity(path) is None:
                missing.append(unit)
        return missing


@dataclass(frozen=True)
class VersionsAreNotKept:
    """Of partitions that keep versions nothing is kept: what main had of each is no unit that a record could name.

    Args:
        record: of the branch copy.
        is_kept: whether they do, and main's or the branch's is to be kept.
    """

    record: Record
    is_kept: bool

    def check(self) -> errors.CopyError | None:
        if not self.is_kept:
            return None
        return errors.PromoteRefusedError(reasons.VERSIONS_IN_PARTITIONS, **facts_of(self.record))


@dataclass(frozen=True)
class NewestIsTheBranchs:
    """Of versions the branch's newest is main's newest then, too, which is what main loads.

    Args:
        record: of the branch copy.
        main: main's.
        goals: what becomes of its objects.
    """

    record: Record
    main: MainCopy
    goals: Goals

    def check(self) -> errors.CopyError | None:
        versions = self.record.settled.data
        if self.record.kind != "versioned" or not versions:
            return None
        removed = {goal.unit for goal in self.goals.goals if goal.source is None}
        newest = max({unit for unit, _ in self.main.objects} - removed, default="")
        if newest <= max(versions):
            return None
        return errors.PromoteRefusedError(reasons.MAIN_IS_NEWER, **facts_of(self.record), version=newest)


@dataclass(frozen=True)
class CheckpointIsInside:
    """Main has its checkpoint where its partitions are, as a branch has."""

    record: Record
    shape: Shape

    def check(self) -> errors.CopyError | None:
        if not self.shape.is_elsewhere or self.shape.checkpoint not in self.record.settled.data:
            return None
        return errors.PromoteRefusedError(reasons.CHECKPOINT_ELSEWHERE, **facts_of(self.record))


@dataclass(frozen=True)
class MainIsNotLinked:
    """No symbolic link in main's copy leads elsewhere, least of all into the branch copy.

    Main's only file may be one: what it leads to is main's data, unless it is another entry's, too.

    Args:
        copy: the branch copy.
        main: main's.
        goals: what becomes of its objects.
        other_locations: main's, of other entries.
    """

    copy: HeldCopy
    main: MainCopy
    goals: Goals
    other_locations: Sequence[str]

    def check(self) -> errors.CopyError | None:
        store, kind = self.main.store, self.copy.record.kind
        paths = [goal.path(kind, self.main.path) for goal in self.goals.goals]
        link = store.links(self.main.path, paths).symbolic
        # One file by two names: it would be removed with the branch copy.
        is_own = store.inodes([self.main.path]) & store.inodes([self.copy.path])
        if is_own:
            link = self.main.path
        elif link == self.main.path and paths == [link] and not store.is_directory(link):
            return self._check_alone()
        if not link:
            return None
        return errors.PromoteRefusedError(reasons.MAIN_IS_LINKED, **facts_of(self.copy.record), link=link)

    def _check_alone(self) -> errors.CopyError | None:
        """The error where what main's link leads to is another entry's data, too."""
        store = self.main.store
        target = store.real_path(self.main.path)
        for location in self.other_locations:
            place = store.real_path(location)
            if target == place or target.startswith(f"{place}/"):
                facts = {"link": self.main.path, "other": location}
                return errors.PromoteRefusedError(reasons.MAIN_IS_SHARED, **facts_of(self.copy.record), **facts)
        return None


@dataclass(frozen=True)
class NobodyElseIsInside:
    """No other entry has its data in a directory that is replaced as a whole.

    Args:
        record: of the branch copy.
        goals: what becomes of main's objects.
        other_locations: of today's entries inside main's copy.
    """

    record: Record
    goals: Goals
    other_locations: Sequence[str]

    def check(self) -> errors.CopyError | None:
        is_directory = any(goal.inner for goal in self.goals.goals)
        if self.record.kind != "whole" or not is_directory or not self.other_locations:
            return None
        others = errors.first_names(self.other_locations)
        return errors.PromoteRefusedError(reasons.OTHERS_INSIDE, **facts_of(self.record), others=others)


@dataclass(frozen=True)
class KindIsTodays:
    """The catalog still divides the data as the branch did."""

    record: Record
    shape: Shape

    def check(self) -> errors.CopyError | None:
        kinds = self.shape.kinds
        if not kinds or self.record.kind in kinds:
            return None
        more = {"theirs": self.record.kind, "ours": ", ".join(sorted(kinds))}
        return errors.PromoteRefusedError(reasons.OTHER_KIND_TODAY, **facts_of(self.record), **more)


@dataclass(frozen=True)
class IsWholeSave:
    """Where a save wrote several places, all of them are promoted: one alone is half a save.

    Args:
        record: of the branch copy.
        other_locations: that are not asked for.
    """

    record: Record
    other_locations: Sequence[str]

    def check(self) -> errors.CopyError | None:
        if not self.other_locations:
            return None
        others = ", ".join(self.other_locations)
        return errors.PromoteRefusedError(reasons.HALF_A_SAVE, **facts_of(self.record), others=others)


@dataclass(frozen=True)
class HasOneCopy:
    """The branch has no second copy of the location, where its copies lay before they had a root."""

    record: Record
    others: Sequence[Record]

    def check(self) -> errors.CopyError | None:
        for other in self.others:
            layouts = {"theirs": other.full_layout.named, "ours": self.record.full_layout.named}
            return errors.PromoteRefusedError(
                errors.TWO_COPIES, **facts_of(self.record), other=other.dataset, **layouts
            )
        return None


@dataclass(frozen=True)
class SavesHaveEnded:
    """No unit is of a save that an exception ended before it had saved all that it was to save."""

    record: Record

    def check(self) -> errors.CopyError | None:
        units = []
        for unit, text in self.record.settled.data.items():
            if Recorded(text).is_broken_off:
                units.append(unit)
        if not units:
            return None
        return errors.PromoteRefusedError(reasons.BROKEN_OFF, **facts_of(self.record), units=_listed(units))


@dataclass(frozen=True)
class ShapesFit:
    """Where a file goes, main has no folder, nor the other way, on a disk."""

    record: Record
    main: MainCopy
    goals: Goals

    def check(self) -> errors.CopyError | None:
        if not self.main.store.has_folders:
            return None
        for goal in self.goals.goals:
            if goal.source is not None and self._is_in_the_way(goal):
                place = posixpath.basename(self.main.path) if goal.unit == "." else goal.key
                return errors.PromoteRefusedError(reasons.FILE_AND_FOLDER, **facts_of(self.record), place=place)
        return None

    def _is_in_the_way(self, goal: Goal) -> bool:
        """Whether main has a folder where a file goes, or a file where a folder must be."""
        is_file = goal.inner == ""
        # In a store of objects one may be beside the other.
        if self._are_files.get(goal.unit, is_file) != is_file:
            return True
        return lies_in(goal.key, self._main_keys)

    @cached_property
    def _are_files(self) -> dict[str, bool]:
        return {unit: inner == "" for unit, inner in self.main.objects}

    @cached_property
    def _main_keys(self) -> set[str]:
        return {f"{unit}/{inner}".rstrip("/") for unit, inner in self.main.objects}


@dataclass(frozen=True)
class VersionsAreNew:
    """A version that main has, too, is the same there."""

    copy: HeldCopy
    main: MainCopy
    versions: Sequence[str]
    store: Store = field(repr=False)

    def check(self) -> errors.CopyError | None:
        for version in self.versions:
            if not self._is_same(version):
                facts = facts_of(self.copy.record)
                return errors.PromoteRefusedError(reasons.OTHER_VERSION_THERE, **facts, version=version)
        return None

    def _is_same(self, version: str) -> bool:
        units = units_of(self.copy.record.kind)
        branch_path = units.path(self.copy.path, version)
        main_path = units.path(self.main.path, version)
        names = _names_in(branch_path, self.copy.objects)
        main_names = {inner for unit, inner in self.main.objects if unit == version}
        # One that has a file more is another.
        if names != main_names:
            return False
        for name in sorted(names):
            paths = [f"{path}/{name}".rstrip("/") for path in (branch_path, main_path)]
            if not self.store.has_same_content(*paths):
                return False
        return True


def _names_in(top: str, paths: Collection[str]) -> set[str]:
    """The paths below a path, from there; "" if it is one of them."""
    names = set()
    for path in paths:
        if path == top or path.startswith(f"{top}/"):
            names.add(path[len(top) + 1 :])
    return names


@dataclass(frozen=True)
class IsValid:
    """Kedro's validator of an entry has nothing to say against the branch copy.

    Args:
        record: of the branch copy.
        name: of the entry.
        failure: what it says; "" if it has nothing to say.
    """

    record: Record
    name: str
    failure: str

    def check(self) -> errors.CopyError | None:
        if not self.failure:
            return None
        return errors.PromoteRefusedError(
            reasons.NOT_VALID, **facts_of(self.record), entry=self.name, condition=self.failure
        )


def refusals_of(requirements: Sequence[Requirement], dropped: Mapping[type, bool]) -> tuple[errors.CopyError, ...]:
    """What is wrong, of those requirements that nobody has dropped."""
    refusals = []
    for requirement in requirements:
        if dropped.get(type(requirement)):
            continue
        error = requirement.check()
        if error is not None:
            refusals.append(error)
    return tuple(refusals)


def _listed(names: Sequence[str]) -> str:
    """At most five names, after a noun."""
    return f" of {errors.first_names(names)}" if names else ""
