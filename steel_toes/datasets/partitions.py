"""Partitioned datasets: main's partitions with the branch's over them."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, NoReturn

from kedro.io import AbstractDataset, DatasetError

from steel_toes.datasets.base import BranchedDataset, Choice, Dataset, LookAt
from steel_toes.datasets.registry import Rule, Seeding, seeding
from steel_toes.errors import (
    DATA_WITHOUT_RECORD,
    NO_PARTITIONS,
    NOT_PARTITIONS,
    PARTITION_GONE,
    PARTITION_IS_NO_TEXT,
    PARTITION_LEADS_OUT,
    PARTITION_REMOVED,
    sentence,
)
from steel_toes.naming.location import normalise
from steel_toes.records.guard import check_links
from steel_toes.records.place import Side
from steel_toes.records.record import ALL, Identities, Record
from steel_toes.records.save import Transaction
from steel_toes.records.state import Look, Verdict
from steel_toes.records.units import MANY, Parts
from steel_toes.records.write import Write
from steel_toes.redaction import logger_of
from steel_toes.sentences import PARTITIONS_UNFINISHED
from steel_toes.stores.identity import is_of_several

logger = logger_of(__name__)

Load = Callable[[], Any]
_SHOWN = 3  # names of partitions in a warning


@dataclass(frozen=True)
class Partition:
    """What a partitioned load gives for one partition: called, it loads the side that counts at that moment.

    Args:
        dataset: that the partition is of.
        partition_id: as Kedro has it.
        load_main: main's own callable, if main has the partition.
        load_branch: the branch's own, if it had the partition when they were listed.
    """

    dataset: BranchedPartitions
    partition_id: str
    load_main: Load | None
    load_branch: Load | None

    def __deepcopy__(self, memo: dict[int, Any]) -> Partition:
        # A cache copies what it gives; the partition is not changed by being loaded.
        return self

    def __call__(self) -> Any:
        """Load the partition."""
        return self.dataset.load_partition(self.partition_id, self.load_main, self.load_branch)


class _Loaded(NamedTuple):
    """What a load gave; it may be None."""

    data: Any


class BranchedPartitions(BranchedDataset):
    """A `PartitionedDataset`: the unit is the partition; after `overwrite=True` the branch's alone are left."""

    _overwriting: Transaction | None = None

    def load(self) -> Any:
        """The partitions of both sides, each to be loaded when it is called."""
        partitions = self._partitions(self.main_dataset, self.branch_dataset)
        if not partitions:
            raise DatasetError(sentence(NO_PARTITIONS, path=self._settings["path"]))
        return partitions

    def load_partition(self, partition_id: str, load_main: Load | None, load_branch: Load | None) -> Any:
        """Load one partition from the side that counts now; the branch is listed again if it had no such partition."""
        if load_branch is None:
            load_branch = partial(self._load_from_branch, partition_id)
        if self._overwriting:
            if self._unit(partition_id) in self._overwriting.whole_units:
                return load_branch()
            raise DatasetError(sentence(PARTITION_REMOVED, dataset=self.entry.name, partition=partition_id))
        if load_main is None:
            load_main = partial(self._fail_without_main, partition_id)
        return self._load_unit(self._unit(partition_id), load_main, load_branch)

    def glance(self, unit: str) -> Look:
        # One record for all partitions of a load: each is compared after it was loaded, and only then is it read again.
        return self.place.look(unit, is_compared_later=True, record=self.place.ledger.recall())

    def _load_unit(self, path: str, load_main: Load, load_branch: Load) -> Any:
        by_listing = self._loaded_by_listing(path, load_branch)
        if by_listing is not None:
            return by_listing.data

        def choose(look_at: LookAt) -> Choice:
            look = look_at(path)
            return Choice(look.record, self.side_of(look))

        return self.load_stable(path, choose, load_main, load_branch)

    def _loaded_by_listing(self, path: str, load_branch: Load) -> _Loaded | None:
        """One object of the branch's, read by what the load has listed; None if its answer is not what the record says.

        The listing may be old. Then the client's read is refused, shows another identity, or (of an object that was
        empty) asks for nothing.
        """
        if not self.place.store.has_answers:
            return None
        record, verdict = self.glance(path)
        unit = self.place.units.owner(record, path)
        identity = record.identity(unit)
        is_one_object = identity is not None and not is_of_several(identity)
        if verdict is not Verdict.BRANCH or not is_one_object:
            return None
        with suppress(Exception), self.place.watch(unit) as watch:
            data = load_branch()
            self.place.ledger.settle()
            if watch.read_identity == identity:
                return _Loaded(data)
        return None

    def save(self, data: Any) -> None:
        """Save partitions to the branch; with `overwrite=True`, they are all that the branch has from then on."""
        # Kedro would fail in the middle of the save, when the record says `writing` already.
        if not hasattr(data, "items"):
            raise DatasetError(sentence(NOT_PARTITIONS, dataset=self.entry.name, type=type(data).__name__))
        self.check_apart()
        # Once: the answer may be another each time, or none.
        partitions = dict(data.items())
        units = self._units_of(partitions)
        overwrites = bool(self._live("overwrite"))
        # Nothing to write, and nothing to remove: plain Kedro's own answer.
        if not units and not overwrites:
            bucket = self.place.ledger.bucket
            # A save of the class's own may look around in it.
            if bucket is not None and self.entry.saves_itself:
                bucket.ensure()
            self.branch_dataset.save(partitions)
            self.main_dataset.release()
            return
        may_write_nothing = self.entry.may_write_nothing
        kept_units: set[str] = set()
        if overwrites:
            base = self._everything_of_main()
            write = Write(units, base, everything=True, may_write_nothing=may_write_nothing)
            # First: what lies behind a link looks like a stranger's.
            check_links(self.place.ledger, write)
            self._check_strangers()
        else:
            kept_units = self._kept(units)
            write = Write(units, keeps=bool(kept_units), may_write_nothing=may_write_nothing)
        files_before = self._own_files()
        with self.place.transaction(write, self.identify_branch) as transaction, ExitStack() as stack:
            # Partitions whose class appends are seeded one by one.
            for unit in units:
                stack.enter_context(self.seeded(transaction.before, unit in kept_units, unit))
            if overwrites:
                stack.enter_context(self._removing(transaction))
            stack.enter_context(self.watched(transaction, units))
            self._save_noted(partitions, transaction)
        self._record_others(files_before, units)
        self.main_dataset.release()

    def _own_files(self) -> Identities:
        """The files of the branch copy, where the class may write others than it is given; else none."""
        if not self.entry.saves_itself:
            return {}
        files = self.place.store.files(self.place.own_path(Side.BRANCH))
        return {self._parts.unit(path): identity for path, identity in files.items()}

    def _record_others(self, files_before: Identities, planned: Iterable[str]) -> None:
        """Record what a save of the class's own has written besides: it counts, as it does in plain Kedro."""
        others = []
        for unit, identity in self._own_files().items():
            if identity != files_before.get(unit) and self._partition_id(unit) is not None:
                others.append(unit)
        units = tuple(sorted(set(others) - set(planned)))
        if units:
            write = Write(units, self.place.base(units))
            self.place.ledger.adopt(write, self.identify_branch)

    def _kept(self, units: Iterable[str]) -> set[str]:
        """Those units of which the class of the partitions keeps something that is there."""
        keeping = self.seeding
        if keeping == "never":
            return set()
        if keeping == "always":
            return set(units)
        is_directory = self.place.store.is_directory
        paths = {unit: [self.place.unit_path(side, unit) for side in Side] for unit in units}
        return {unit for unit, both in paths.items() if any(map(is_directory, both))}

    @contextmanager
    def _removing(self, transaction: Transaction) -> Iterator[None]:
        """While an overwrite goes on nothing is left of what was there: plain Kedro removes it first."""
        self._overwriting = transaction
        try:
            yield
        finally:
            self._overwriting = None

    def exists(self) -> bool:
        """Whether there is any partition to load."""
        record = self._record()
        for unit in record.settled.data:
            if self._partition_id(unit) is not None and self.look(unit).verdict is Verdict.BRANCH:
                return self._lists_all or self.branch_dataset.exists() or self._has_mains(record)
        return self._has_mains(record)

    def _has_mains(self, record: Record) -> bool:
        if record.settled.absent:
            return bool(self._main_loads(record, self.main_dataset))
        return not record.hides_main and self.main_dataset.exists()

    @property
    def _lists_all(self) -> bool:
        """Whether Kedro lists every partition that lies there: not with `maxdepth`, nor where `//` is in the path."""
        path = str(self._settings["path"])
        load_args = self.entry.build.partitions(self.branch_dataset)["load_args"]
        return not load_args and normalise(path) == path.rstrip("/")

    def current(self) -> Dataset:
        """The branch's dataset once it has a partition of its own."""
        return self.dataset(self.choose().side)

    def choose(self) -> Choice:
        record = self._record()
        return Choice(record, Side.BRANCH if record.settled.exists else Side.MAIN)

    def open_run(self, written: bool) -> Side | None:
        """Note the side. Nothing is frozen: each partition chooses its own when it is called."""
        self.run_side = self.choose().side
        self.has_main_moved = not written and self.run_side is Side.BRANCH and self._has_main_changed()
        return self.run_side

    # How --------------------------------------------------------------------------------------------------------------

    def _record(self) -> Record:
        """The record; what the datasets listed before it changed is forgotten."""
        record = self.place.ledger.read()
        # Kedro lists a directory once, and keeps the list until it is released.
        # "" is what comes out of a pickle, and None is no record.
        state = record.id if record.exists else None
        if state != self.cached_state:
            self.main_dataset.release()
            self.branch_dataset.release()
            self.cached_state = state
        return record

    def _units_of(self, data: Mapping[Any, Any]) -> tuple[str, ...]:
        """The units of partitions that are to be saved."""
        units = set()
        for partition_id in data:
            if not isinstance(partition_id, str):
                facts = {"partition": partition_id, "type": type(partition_id).__name__}
                raise DatasetError(sentence(PARTITION_IS_NO_TEXT, dataset=self.entry.name, **facts))
            # A library may normalise it or refuse it, before or after it wrote another partition.
            if ".." in [*partition_id.split("/"), *f"{partition_id}{self._suffix}".split("/")]:
                raise DatasetError(sentence(PARTITION_LEADS_OUT, dataset=self.entry.name, partition=partition_id))
            units.add(self._unit(partition_id))
        return tuple(sorted(units))

    def _save_noted(self, data: Mapping[str, Any], transaction: Transaction) -> None:
        """Save partitions; the transaction is told when Kedro comes to each of them, one after another."""
        # A save of its own does something with the data: it must be the data.
        if self.entry.saves_itself:
            self.branch_dataset.save(data)
        # Kedro calls what is callable, when it comes to it.
        elif self._live("save_lazily", True):
            self.branch_dataset.save(
                {name: _Noted(value, self._unit(name), transaction) for name, value in data.items()}
            )
        elif transaction.save.write.everything:
            self.branch_dataset.save(data)
        else:
            # Told not to, it would take our callable for the data.
            for name, value in sorted(data.items()):
                transaction.enter_unit(self._unit(name))
                self.branch_dataset.save({name: value})

    def _check_strangers(self) -> None:
        """Refuse to overwrite a copy in which a file without a record lies: Kedro would remove it with the rest."""
        place = self.place
        record = place.ledger.read()
        for unit in sorted(place.units.listed(place.store, place.branch_path, record)):
            # A file in doubt is what an earlier save left, and is the branch's to remove.
            if not record.has_begun(unit):
                raise place.ledger.error(DATA_WITHOUT_RECORD, location=place.unit_path(Side.BRANCH, unit))

    def _everything_of_main(self) -> Identities:
        files = self.place.store.files(self.place.own_path(Side.MAIN))
        return {self._parts.unit(path): identity for path, identity in files.items()}

    @property
    def _settings(self) -> Mapping[str, Any]:
        return self.entry.settings

    def _live(self, setting: str, default: Any = None) -> Any:
        """A setting as the dataset has it by now, else the configuration's."""
        configured = self._settings.get(setting, default)
        return vars(self.branch_dataset).get(f"_{setting}", configured)

    @property
    def seeding(self) -> Seeding:
        """Whether a partition's first save may keep something of main's, as hooks have left the dataset."""
        definition = self.entry.build.partitions(self.branch_dataset)["dataset"]
        return seeding(Rule(seeding=self.entry.seeding), {"dataset": definition})

    @property
    def _suffix(self) -> str:
        return str(self._live("filename_suffix") or "")

    @property
    def _parts(self) -> Parts:
        units = self.place.units
        assert isinstance(units, Parts)  # the policy gives partitions no other
        return units

    def _unit(self, partition_id: str) -> str:
        path = partition_id.lstrip("/") + self._suffix
        # As the store will spell it.
        if "//" in path or path.endswith("/") or "." in path.split("/"):
            path = posixpath.normpath(path)
        return self._parts.unit(path)

    def _partition_id(self, unit: str) -> str | None:
        """The id of a unit; None for one that is no partition of this entry."""
        if not (self._parts.owns(unit) and unit.endswith(self._suffix)):
            return None
        start = self._parts.unit("")
        return unit[len(start) : len(unit) - len(self._suffix)]

    def _lister(self, side: Side) -> Dataset:
        """A dataset whose `load` gives a callable for each partition of a side."""
        return self.dataset(side)

    def _partitions(self, main_lister: Dataset, branch_lister: Dataset) -> dict[str, Load]:
        """What a branch sees: main's partitions that it has not written, and its own."""
        record = self._record()
        self._warn_of_unfinished(record)
        main_loads = self._main_loads(record, main_lister)
        branch_loads = _listed(branch_lister) if record.settled.exists else {}
        main_ids = {partition_id for partition_id in main_loads if not self._is_recorded(record, partition_id)}
        branch_ids = {partition_id for partition_id in branch_loads if self._is_recorded(record, partition_id)}
        visible_ids = main_ids | branch_ids | self._missing_ids(record, branch_ids)
        return {
            partition_id: Partition(self, partition_id, main_loads.get(partition_id), branch_loads.get(partition_id))
            for partition_id in sorted(visible_ids, key=self._unit)
        }

    def _warn_of_unfinished(self, record: Record) -> None:
        """Say which partitions of a save that did not finish are there, and are not read: they were never complete."""
        own_units = filter(self._parts.owns, record.doubt)
        units = [unit for unit in own_units if unit != ALL and record.unit(unit) is None]
        if not units or record.state == "removing":
            return
        there = sorted(self.identify_branch(units))
        if there:
            ledger = self.place.ledger
            names = ", ".join(there[:_SHOWN]) + (", ..." if len(there) > _SHOWN else "")
            logger.warning(PARTITIONS_UNFINISHED, self.entry.name, names, ledger.branch_name, ledger.branch_location)

    def _main_loads(self, record: Record, main_lister: Dataset) -> dict[str, Load]:
        """What loads main's partitions; nothing is asked of main if none of them shows."""
        if record.hides_main or self._shows_nothing_of_main(record):
            return {}
        loads = _listed(main_lister)
        for load in loads.values():
            # Whoever is given a partition could reach main's own dataset by it.
            owner = getattr(load, "__self__", None)
            if isinstance(owner, AbstractDataset):
                self.entry.build.block(owner)
        absent = frozenset(record.settled.absent)
        if not absent:
            return loads
        return {partition_id: load for partition_id, load in loads.items() if self._unit(partition_id) not in absent}

    def _shows_nothing_of_main(self, record: Record) -> bool:
        """Whether the branch has all of main's partitions, of which there are many.

        Kedro makes a dataset for each partition that it lists, which takes longer than to look at all of them.
        """
        data = record.settled.data
        if len(data) <= MANY:
            return False
        paths = self.place.store.files(self.place.own_path(Side.MAIN))
        return all(self._parts.unit(path) in data for path in paths if path.endswith(self._suffix))

    def _is_recorded(self, record: Record, partition_id: str) -> bool:
        """Whether a partition is the branch's, or lies in a directory that is."""
        owner = self.place.units.owner(record, self._unit(partition_id))
        return record.identity(owner) is not None

    def _missing_ids(self, record: Record, listed_ids: set[str]) -> set[str]:
        """The branch's partitions whose data is not listed: they are there to be loaded, and the load says why not."""
        owners = {self.place.units.owner(record, self._unit(partition_id)) for partition_id in listed_ids}
        unlisted = {}
        for unit in record.settled.data.keys() - owners:
            partition_id = self._partition_id(unit)
            if partition_id:
                unlisted[unit] = partition_id
        if not unlisted:
            return set()
        # What is there and not listed is no partition of this entry, but of another that lists more (`maxdepth`).
        there = self.identify_branch(unlisted)
        return {partition_id for unit, partition_id in unlisted.items() if unit not in there}

    def _load_from_branch(self, partition_id: str) -> Any:
        partitions = self._lister(Side.BRANCH).load()
        return partitions[partition_id]()

    def _fail_without_main(self, partition_id: str) -> NoReturn:
        # The branch's own partition was cleaned, and main never had it.
        raise self.changed_error(PARTITION_GONE.format(partition=partition_id))


@dataclass(frozen=True)
class _Noted:
    """A partition that is to be saved."""

    value: Any
    unit: str
    transaction: Transaction

    def __call__(self) -> Any:
        self.transaction.enter_unit(self.unit)
        return self.value() if callable(self.value) else self.value


def _listed(dataset: Dataset) -> dict[str, Load]:
    """The partitions of one side; Kedro's error that there are none is no error here."""
    try:
        partitions: dict[str, Load] = dataset.load()
    except DatasetError:
        # Kedro's error does not say whether there are none or the store failed: it is asked again.
        dataset.release()
        if dataset.exists():
            raise
        return {}
    return partitions
