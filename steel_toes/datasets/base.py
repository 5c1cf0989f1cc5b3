"""The two datasets of a catalog entry, and what all kinds of them have in common.

What a branch sees is what plain Kedro would show on a private copy of main's data. Each kind of dataset is a module
here: `whole`, `versions`, `partitions`, `increments`, and `refused` for what cannot be redirected. Whatever a kind does
not answer is the side's own affair.
"""

from __future__ import annotations

import copy
import posixpath
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, NamedTuple, NoReturn, Protocol

from kedro.io import AbstractDataset
from kedro.io.core import Version

from steel_toes import errors, sentences
from steel_toes.datasets.both import differences, hand_on_settings, innermost, share_settings, text_at, texts_naming
from steel_toes.datasets.paths import Key
from steel_toes.datasets.registry import Rule, Seeding, seeding
from steel_toes.datasets.seeding import obstructed, seeded
from steel_toes.records.node import current_node
from steel_toes.records.place import Place, Side
from steel_toes.records.record import NO_RECORD, Identities, Record
from steel_toes.records.run import Ahead
from steel_toes.records.save import Transaction
from steel_toes.records.state import Look, Verdict
from steel_toes.redaction import logger_of

logger = logger_of(__name__)

Dataset = AbstractDataset[Any, Any]
LookAt = Callable[[str], Look]

# What says where a save goes without holding the path itself.
_LOCATING = frozenset(
    {
        "_dataset_type",
        "_fetch_latest_save_version",
        "_get_save_path",
        "_get_versioned_path",
        "_join_protocol",
        "_partition_to_path",
        "resolve_save_version",
    }
)
TRIES = 3
"""Of a load, while saves of the branch copy go on."""

_WHAT_IS_WRONG = {
    Verdict.GONE: errors.COPY_GONE,
    Verdict.CHANGED: errors.COPY_CHANGED,
    Verdict.NOTHING: errors.COPY_OVERWRITTEN,
}


class Builder(Protocol):
    """Builds one side's dataset from the entry's configuration; picklable."""

    def __call__(self, side: Side, version: Version | None) -> Dataset:
        """The dataset of that side; main's can neither save nor confirm."""

    def config(self, side: Side) -> dict[str, Any]:
        """The configuration of that side's dataset."""

    def mixed(self, branch_keys: Iterable[Key]) -> Dataset:
        """A dataset that reads main's, but for what stands at these keys; it can neither save nor confirm."""

    def partitions(self, dataset: Dataset) -> dict[str, Any]:
        """What a dataset of partitions gives each of them, and how it lists them, as hooks have left it."""

    def block(self, dataset: Dataset) -> Dataset:
        """The dataset, one of main's, which can neither save nor confirm any more."""


@dataclass(frozen=True)
class PlaceOfEntry:
    """One of the places of an entry.

    Args:
        place: where the copies and their record are.
        seeding: whether main's copy must be copied to the branch before its first save.
        keys: where in the entry's configuration its location stands.
    """

    place: Place
    seeding: Seeding = "never"
    keys: tuple[Key, ...] = ()

    @property
    def identity(self) -> tuple[str, str]:
        """Equal for two that are one."""
        return self.place.ledger.path, self.place.units.own


@dataclass(frozen=True)
class Entry:
    """What an entry of the catalog is on this branch: all facts, nothing that changes.

    Args:
        name: in the catalog.
        build: gives the dataset of a side.
        place: where its copies and their record are; of several places, the first.
        keys: where in its configuration the location of that place stands.
        more: its other places, if it has several.
        parameter: the one that says where its data is.
        save_refusal: why it is not saved on a branch; "" if it is.
        read_only: what makes this process read-only; "" if nothing does.
        is_directory: whether its class makes a directory of its location.
        seeding: whether main's copy must be copied to the branch before its first save.
        saves_itself: whether its class may write something else than it is given.
        may_write_nothing: whether a save may rightly leave no file.
        settings: the entry's own configuration, for what partitions need of it.
    """

    name: str
    build: Builder
    place: Place
    keys: tuple[Key, ...] = ()
    more: tuple[PlaceOfEntry, ...] = ()
    parameter: str = ""
    save_refusal: str = ""
    read_only: str = ""
    is_directory: bool = False
    seeding: Seeding = "never"
    saves_itself: bool = False
    may_write_nothing: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Choice(NamedTuple):
    """The side that is read, and the record that chose it."""

    record: Record
    side: Side


class BranchedDataset(ABC):
    """The two datasets of an entry: main's, which is only read, and the branch's.

    The one that is not given is built when it is first used.

    Args:
        entry: its facts.
        main_dataset: main's dataset, if it is built already.
        version: the versions that the entry is pinned to, if it is versioned.
        branch_dataset: the branch's dataset, if it is built already.
    """

    answers: ClassVar[frozenset[str]] = frozenset({"load", "save", "exists", "release", "confirm"})
    load_error: ClassVar[errors.CopyError | None] = None

    def __init__(
        self,
        entry: Entry,
        main_dataset: Dataset | None = None,
        version: Version | None = None,
        branch_dataset: Dataset | None = None,
    ) -> None:
        self.entry = entry
        self.version = version
        # Of the run that is going on: its inputs are read from one side to the end.
        self.frozen_side: Side | None = None
        self.run_side: Side | None = None
        self.has_main_moved = False
        # What a cache between us and the store (CachedDataset) may hold.
        self.cached_state: str | None = ""
        # What was set on the proxy: in the place of what the class has, and for datasets that are built later.
        self.overrides: dict[str, Any] = {}
        self.settings: dict[str, Any] = {}
        # Where the branch's data lies, by where the branch's dataset says so.
        self.branch_texts: Mapping[Key, str] = {}
        self.built: dict[Side, Dataset] = {}
        if branch_dataset is not None:
            self.built[Side.BRANCH] = branch_dataset
        if main_dataset is not None:
            self._pair(Side.MAIN, main_dataset)
        elif branch_dataset is not None:
            self.branch_texts = texts_naming(branch_dataset, posixpath.basename(self.place.own_path(Side.BRANCH)))
        else:
            self.built[Side.MAIN] = entry.build(Side.MAIN, version)

    @property
    def main_dataset(self) -> Dataset:
        """Main's dataset."""
        return self.dataset(Side.MAIN)

    @property
    def branch_dataset(self) -> Dataset:
        """The branch's dataset."""
        return self.dataset(Side.BRANCH)

    def dataset(self, side: Side) -> Dataset:
        """The dataset of a side."""
        dataset = self.built.get(side)
        return self._pair(side, self.entry.build(side, self.version)) if dataset is None else dataset

    @property
    def any_dataset(self) -> Dataset:
        """One that is built already, for what is the same on both sides."""
        # A list at once: another thread may build the other.
        dataset, *_ = list(self.built.values())
        return dataset

    def _pair(self, side: Side, dataset: Dataset) -> Dataset:
        """Let the dataset of a side share its settings with the other side's, and keep it."""
        other = self.built.get(side.other)
        # A cache around partitions is one for both.
        if other is not None and other is not dataset:
            # What the other's own class has done to its settings since is done on a private copy, too.
            share_settings(other, dataset, partial(self.entry.build, side.other, self.version))
            branch_dataset, main_dataset = (dataset, other) if side is Side.BRANCH else (other, dataset)
            # What was known of the branch's alone counts: somebody may have pointed it elsewhere since.
            self.branch_texts = {**differences(branch_dataset, main_dataset), **self.branch_texts}
        # Of two threads that build it, both use the one that was there first.
        return self.built.setdefault(side, dataset)

    @property
    def place(self) -> Place:
        """Where the entry's copies and their record are."""
        return self.entry.place

    @property
    def places(self) -> tuple[Place, ...]:
        """All places of the entry."""
        return self.place, *(other.place for other in self.entry.more)

    # What Kedro asks --------------------------------------------------------------------------------------------------

    @abstractmethod
    def load(self) -> Any:
        """Load the side that counts.

        Raises:
            TornCopyError: a save of the branch copy did not finish, or saves went on while it was read.
            ChangedCopyError: the branch copy is gone, or was changed by other hands.
        """

    @abstractmethod
    def save(self, data: Any) -> None:
        """Save to the branch copy.

        Raises:
            CopyError: as `Ledger.transaction` says.
        """

    @abstractmethod
    def exists(self) -> bool:
        """Whether a load would find data: a torn or vanished branch copy does not exist."""

    def release(self) -> None:
        """Release both sides."""
        # What was never built holds nothing.
        for dataset in list(self.built.values()):
            dataset.release()

    def confirm(self) -> None:
        """Confirm on the branch."""
        self.check_apart()
        self.branch_dataset.confirm()  # type: ignore[attr-defined]  # only called where the class has it

    # What the rest of steel_toes asks ---------------------------------------------------------------------------------

    @abstractmethod
    def current(self) -> Dataset:
        """The dataset of the side that would be read; the branch's if its copy is torn, since it is not main's."""

    @abstractmethod
    def choose(self) -> Choice:
        """The side that counts now.

        Raises:
            TornCopyError: the branch copy is torn.
            ChangedCopyError: it is gone, or was changed by other hands.
        """

    def open_run(self, written: bool) -> Side | None:
        """Note the side at the start of a run and, unless the run writes the dataset, freeze it.

        A copy that cannot be read is left to the load, which says so where it matters.
        """
        self.thaw()
        try:
            self.run_side = self.choose().side
        except (errors.TornCopyError, errors.ChangedCopyError):
            # The run may never load it, or save it before it does.
            return None
        if not written:
            self.frozen_side = self.run_side
            self.place.ledger.freeze()
            self.has_main_moved = self.run_side is Side.BRANCH and self._has_main_changed()
        return self.run_side

    def _has_main_changed(self) -> bool:
        """Whether main's copy of any place is known to be another than when the branch's was begun."""
        try:
            return any(place.has_main_changed(place.ledger.recall().settled) for place in self.places)
        except errors.CopyError:
            # It is said for information only; whoever needs main's copy is told why it has none.
            return False

    def thaw(self) -> None:
        """End of a run: whatever it froze follows main, or the branch, again."""
        self.frozen_side = None

    def detached(self) -> BranchedDataset:
        """The same without its datasets: what is asked of it forgets nothing that they hold."""
        twin = self.at(self.entry)
        twin.built = {}
        return twin

    def reading(self) -> str:
        """Which side a load would read now, in one sentence. Nothing is frozen or forgotten by that."""
        ledger = self.place.ledger
        try:
            side = self.detached().choose().side
        except errors.CopyError as exc:
            return sentences.READING_FAILS.format(why=exc)
        if side is Side.BRANCH:
            return sentences.READING_BRANCH.format(branch=ledger.branch_name, location=ledger.branch_location)
        return sentences.READING_MAIN.format(branch=ledger.branch_name)

    def put_ahead(self) -> Ahead | None:
        """What a run may put when the node begins that saves this; None where a save must begin by itself."""
        return None

    def sides(self) -> tuple[Dataset, ...]:
        """All datasets behind the proxy."""
        return self.main_dataset, self.branch_dataset

    def copied(self, deep: bool) -> BranchedDataset:
        """The same with datasets of its own, as a copy of a plain dataset has its own attributes."""
        # A copy of one that was never built would share its settings with nobody.
        datasets = [self.main_dataset, self.branch_dataset]
        twin = copy.copy(self)
        twin.overrides = dict(self.overrides)
        twin.settings = dict(self.settings)
        # Together: what they share, their copies share.
        twins = copy.deepcopy(datasets) if deep else [copy.copy(dataset) for dataset in datasets]
        twin.built = dict(zip((Side.MAIN, Side.BRANCH), twins, strict=True))
        if deep:
            # What a hook has put around a method of this one is put around the twin's.
            twin.overrides = copy.deepcopy(self.overrides, {id(self): twin})
        return twin

    def at(self, entry: Entry) -> BranchedDataset:
        """The same datasets, whose places are those of another entry: what is asked of it is asked there."""
        twin = copy.copy(self)
        twin.entry = entry
        return twin

    def __getstate__(self) -> dict[str, Any]:
        # A cache does not survive Kedro's pickling: what comes back in its place is no data. "" makes a load ask again.
        return {**self.__dict__, "cached_state": ""}

    def set(self, name: str, value: Any) -> None:
        """Set an attribute of both datasets; what the law answers itself, in the place of its answer.

        Raises:
            LocationIsFixedError: it says where the data is.
        """
        if name in self.answers:
            self.overrides[name] = value
            return
        self.check_settable(name)
        self.settings[name] = value
        for dataset in self.sides():
            setattr(dataset, name, value)
        # Kedro pins a copy of a dataset so (`catalog.load(name, version=...)`).
        if name == "_version":
            self.repin(value)

    def remove(self, name: str) -> None:
        """Remove an attribute of both datasets."""
        if name in self.answers:
            self.overrides.pop(name, None)
            return
        self.check_settable(name)
        self.settings.pop(name, None)
        for dataset in self.sides():
            delattr(dataset, name)

    def check_settable(self, *key: str) -> None:
        """Whether an attribute may be set, or one of a dataset inside.

        Raises:
            LocationIsFixedError: it says where the data is.
        """
        # What says where each lies is known once both are built.
        self.sides()
        names_location = any(text_key[: len(key)] == key for text_key in self.branch_texts)
        if names_location or key[-1] in _LOCATING:
            raise self._fixed_error(key[-1])

    def _fixed_error(self, name: str) -> errors.LocationIsFixedError:
        location = self.place.ledger.branch_location
        return errors.LocationIsFixedError(dataset=self.entry.name, attribute=name, location=location)

    def repin(self, version: Version | None) -> None:
        """Take over a `_version` that was set on the datasets."""
        self.version = version

    def check_apart(self) -> None:
        """Before each save: whatever was done to the datasets since they were built, the branch's lies where it did.

        Raises:
            SaveRefusedError: the entry is only read, or this process is read-only.
            LocationIsFixedError: somebody set the location of the branch's dataset.
        """
        self.check_saved()
        for key, text in self.branch_texts.items():
            if text_at(self.branch_dataset, key) != text:
                raise self._fixed_error(str(key[0]))

    def check_saved(self) -> None:
        """Whether the entry is saved at all.

        Raises:
            SaveRefusedError: it is only read, or this process is read-only.
        """
        error = self.save_error
        if error is not None:
            raise error

    def refuse_saving(self, why: str) -> NoReturn:
        """Raise the error of a save that is refused."""
        raise self._refused_error(why)

    @property
    def save_error(self) -> errors.CopyError | None:
        """The error of every save, if the entry is only read, or this process is read-only."""
        if self.entry.read_only:
            return errors.ReadOnlyError(action="save", dataset=self.entry.name, source=self.entry.read_only)
        return self._refused_error(self.entry.save_refusal) if self.entry.save_refusal else None

    def _refused_error(self, why: str) -> errors.SaveRefusedError:
        facts = {"dataset": self.entry.name, "branch": self.place.ledger.branch_name}
        return errors.SaveRefusedError(**facts, type=type(self.any_dataset).__name__, why=why)

    def with_settings(self, dataset: Dataset) -> Dataset:
        """A dataset that was built anew, with the settings that both sides' datasets have by now."""
        hand_on_settings(self.main_dataset, self.branch_dataset, dataset)
        for name, value in self.settings.items():
            if name != "_version":
                setattr(dataset, name, value)
        return dataset

    # What the kinds are built on --------------------------------------------------------------------------------------

    def look(self, unit: str) -> Look:
        """The record, and its verdict on a unit."""
        return self.place.look(unit)

    def glance(self, unit: str) -> Look:
        """The same, for a load: a copy that is not in doubt is taken for as it was saved, and compared afterwards."""
        return self.place.look(unit, is_compared_later=True, record=self.place.ledger.known())

    def side_of(self, look: Look) -> Side:
        """The side of a verdict.

        Raises:
            TornCopyError: the branch copy is torn.
            ChangedCopyError: it is gone, or was changed by other hands.
        """
        record, verdict = look
        if verdict is Verdict.TORN:
            self.raise_torn(record)
        if verdict is Verdict.NOTHING and not record.hides_main:
            raise self.changed_error(errors.COPY_ABSENT)
        if verdict in _WHAT_IS_WRONG:
            raise self.changed_error(_WHAT_IS_WRONG[verdict])
        if verdict is Verdict.UNFINISHED:
            ledger = self.place.ledger
            logger.warning(sentences.FIRST_SAVE_UNFINISHED, self.entry.name, ledger.branch_name, ledger.branch_location)
        return Side.BRANCH if verdict is Verdict.BRANCH else Side.MAIN

    def raise_torn(self, record: Record) -> NoReturn:
        """Raise the error of a torn copy."""
        # Somebody cleaned the branch in the middle of a load.
        if not record.exists:
            raise self.changed_error(errors.COPY_VANISHED)
        raise errors.TornCopyError(**self.place.ledger.torn_facts(record))

    def changed_error(self, what: str) -> errors.ChangedCopyError:
        """The error of a branch copy that is not what its record says."""
        return errors.ChangedCopyError(**self.place.ledger.facts(), what=what)

    def load_stable(
        self,
        path: str,
        choose: Callable[[LookAt], Choice],
        load_main: Callable[[], Any],
        load_branch: Callable[[], Any],
    ) -> Any:
        """Load one unit from the side that counts; the branch's again if it changed while it was read.

        Args:
            path: the unit, or a path inside it.
            choose: gives the side that counts now, by the look that it is given.
            load_main: loads main's.
            load_branch: loads the branch's.

        Raises:
            TornCopyError: saves went on while it was read, at each try.
        """
        self.place.ledger.run.enter(current_node())
        record = NO_RECORD
        # A copy that is as it was saved is only looked at after the load.
        look = self.glance
        # A save that ends while we read makes the bytes uncertain, not wrong: the next try reads the new copy.
        for _ in range(TRIES):
            record, side = choose(look)
            look = self.look
            if side is Side.MAIN:
                return load_main()
            unit = self.place.units.owner(record, path)
            self.place.store.forget(self.place.unit_path(Side.BRANCH, unit))
            try:
                with self.place.watch(unit) as watch:
                    data = load_branch()
            except Exception:
                # What a half-written file makes a reader raise is no answer.
                if self.is_still(record, unit):
                    raise
                continue
            # Read while its record was put: it must be in place before anybody relies on the data.
            self.place.ledger.settle()
            if self.is_still(record, unit, watch.read_identity):
                return data
        self.raise_torn(record)

    def is_still(self, record: Record, unit: str, identity_read: str | None = None) -> bool:
        """Whether a unit that was read is as it is recorded: then it is that save's, whatever else has happened.

        Args:
            record: that chose the branch.
            unit: which.
            identity_read: its identity, as the answer to the read showed it; None to look now.
        """
        if identity_read is not None:
            return identity_read == record.identity(unit)
        identity = self.place.identity(Side.BRANCH, unit)
        if identity is None or identity != record.identity(unit):
            return False
        # Equal bytes may have been other ones in between.
        if self.place.store.has_content_identities:
            return self.place.ledger.read().unit(unit) == record.unit(unit)
        return True

    @contextmanager
    def watched(self, transaction: Transaction, units: Iterable[str]) -> Iterator[None]:
        """Tell a save what the store answers of these units while the block saves them."""
        if not self.place.store.has_answers:
            yield
            return
        with ExitStack() as stack:
            watches = {unit: stack.enter_context(self.place.watch(unit)) for unit in units}
            yield
        for unit, watch in watches.items():
            if watch.written_identity is not None:
                transaction.answered[unit] = watch.written_identity

    @property
    def seeding(self) -> Seeding:
        """Whether main's copy must be copied to the branch before its first save, as hooks have left the dataset."""
        attributes = vars(innermost(self.branch_dataset))
        arguments = {
            "save_args": attributes.get("_save_args"),
            "open_args_save": attributes.get("_fs_open_args_save"),
        }
        return seeding(Rule(seeding=self.entry.seeding), arguments)

    def identify_branch(self, units: Iterable[str]) -> Identities:
        """The identities of units in the branch copy."""
        return self.place.identities(Side.BRANCH, units)

    @contextmanager
    def seeded(self, before: Record, keeps: bool, unit: str) -> Iterator[None]:
        """Begin a unit's first save as on a private copy: with what it keeps, or with what stands in its way.

        Args:
            before: the record before the save.
            keeps: whether the save keeps something of what is there.
            unit: that is saved.
        """
        # What the branch has is what the save adds to; main's copy counts only before that.
        if unit in before.settled.data:
            yield
        elif keeps:
            with seeded(self.place, unit, from_main=not before.hides_main):
                yield
        else:
            # After an overwrite nothing of main's is in the way.
            with obstructed(self.place, unit, self.entry.is_directory, not before.hides_main):
                yield
