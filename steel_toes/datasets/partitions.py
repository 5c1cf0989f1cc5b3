"""Partitioned and incremental datasets: main's partitions with the branch's over them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from kedro.io import AbstractDataset, DatasetError
from kedro.io.core import Version
from kedro.utils import load_obj

from steel_toes.datasets.base import Dataset, Entry, Pair, Side
from steel_toes.errors import ChangedCopyError
from steel_toes.naming.nesting import relative
from steel_toes.records.ledger import Identities, Record, Save, Verdict

Load = Callable[[], Any]


@dataclass(frozen=True)
class Partition:
    """What a partitioned load gives for one partition: called, it loads the side that counts at that moment.

    Args:
        pair: of the dataset.
        name: the partition's id.
        main: main's own callable, if main has the partition.
        branch: the branch's own, if it had the partition when they were listed.
    """

    pair: OverlayPair
    name: str
    main: Load | None
    branch: Load | None

    def __call__(self) -> Any:
        """Load the partition."""
        return self.pair.load_partition(self.name, self.main, self.branch)


class OverlayPair(Pair):
    """A `PartitionedDataset`: the unit is the partition; after `overwrite=True` the branch's alone are left."""

    def load(self) -> Any:
        """The partitions of both sides, each to be loaded when it is called."""
        found = self._partitions(self.main, self.branch)
        if not found:
            raise DatasetError(f"No partitions found in '{self._settings['path']}'")
        return found

    def load_partition(self, name: str, main: Load | None, branch: Load | None) -> Any:
        """Load one partition from the side that counts now."""
        mine = branch or partial(self._from_branch, name)
        return self._load_unit(self._unit(name), partial(self._from_main, name, main), mine)

    def _load_unit(self, path: str, main: Load, branch: Load) -> Any:
        for _ in range(3):
            record, verdict = self.look(path)
            if self._side(record, verdict) is Side.MAIN or record is None:
                return main()
            whole, data = self._read(record, record.owner(path) or path, branch)
            if whole:
                return data
        self.torn(record)

    def save(self, data: Any) -> None:
        """Save partitions to the branch; with `overwrite=True`, they are all that the branch has from then on."""
        if not hasattr(data, "items"):
            kind = type(data).__name__
            raise DatasetError(f"{self.entry.name}: partitions are saved as a dictionary by their ids, not as {kind}.")
        units = tuple(sorted(self._unit(name) for name, _ in data.items()))
        overwrite = bool(self._settings.get("overwrite"))
        if not units and not overwrite:
            self.branch.save(data)
            self.main.release()
            return
        keeps = self._keeps() and not overwrite
        base = self.entry.store.files(self.entry.main) if overwrite else self._base(units)
        plan = Save(units, base, keeps, everything=overwrite)
        with self.entry.book.saving(plan, self._on_branch) as (_, before), ExitStack() as seeds:
            for unit in units:
                seeds.enter_context(self._seeded(before, keeps, unit))
            self.branch.save(data)
        self.main.release()

    def exists(self) -> bool:
        """Whether there is any partition to load."""
        record = self._record()
        settled = record.settled if record else None
        ours = [unit for unit in (settled.data if settled else ()) if self._name(unit) is not None]
        if any(self.look(unit)[1] is Verdict.BRANCH for unit in ours):
            return True
        return not (settled and settled.over == "nothing") and self.main.exists()

    def current(self) -> Dataset:
        """The branch's dataset once it has a partition of its own."""
        return self._dataset(self._choose()[1])

    def open_run(self, written: bool) -> Side | None:
        """Note the side. Nothing is frozen: each partition chooses its own when it is called."""
        self.opened = self._choose()[1]
        return self.opened

    def units(self, side: Side, record: Record | None) -> Identities:
        files = self.entry.store.files(self.entry.path(side))
        owners = {(record.owner(path) if record else None) or path for path in files}
        return {**self._found(side, owners - files.keys()), **{path: files[path] for path in owners & files.keys()}}

    # How -------------------------------------------------------------------------------------------------------------

    def _owns(self, unit: str) -> bool:
        return True

    def _record(self) -> Record | None:
        """The record; what the datasets listed before it changed is forgotten."""
        record = self.entry.book.read()
        if (record.id if record else None) != self.seen:
            self.main.release()
            self.branch.release()
            self.seen = record.id if record else None
        return record

    @property
    def _settings(self) -> Mapping[str, Any]:
        return self.entry.settings

    def _unit(self, name: str) -> str:
        return name.lstrip("/") + str(self._settings.get("filename_suffix") or "")

    def _lister(self, side: Side) -> Dataset:
        """A dataset whose `load` gives a callable for each partition of a side."""
        return self._dataset(side)

    def _choose(self, found: tuple[Record | None, Verdict] | None = None) -> tuple[Record | None, Side]:
        record = self._record()
        return record, Side.BRANCH if record and record.settled else Side.MAIN

    def _partitions(self, main: Dataset, branch: Dataset) -> dict[str, Load]:
        record = self._record()
        settled = record.settled if record else None
        mains = {} if settled and settled.over == "nothing" else _listed(main)
        mine = _listed(branch) if settled else {}
        owned = {name: record.owner(self._unit(name)) if record else None for name in (*mains, *mine)}
        theirs, ours = [name for name in mains if not owned[name]], [name for name in mine if owned[name]]
        # A unit whose data is gone or torn is there to be asked for, and says so.
        owners = {owned[name] for name in ours}
        missing = [self._name(unit) for unit in (settled.data if settled else ()) if unit not in owners]
        names = sorted({*theirs, *ours, *filter(None, missing)}, key=self._unit)
        return {name: Partition(self, name, mains.get(name), mine.get(name)) for name in names}

    def _name(self, unit: str) -> str | None:
        """The id of a unit; None for one that is no partition of this entry."""
        suffix = str(self._settings.get("filename_suffix") or "")
        return unit[: len(unit) - len(suffix)] if unit.endswith(suffix) else None

    def _from_branch(self, name: str) -> Any:
        return self._lister(Side.BRANCH).load()[name]()

    def _from_main(self, name: str, main: Load | None) -> Any:
        if main is None:
            raise ChangedCopyError(**self._facts(), what=f"has no partition {name} any more")
        return main()

    def _keeps(self) -> bool:
        return self.entry.seeding == "always"

    def _path(self, side: Side, unit: str) -> str:
        return f"{self.entry.path(side)}/{unit}"


class IncrementsPair(OverlayPair):
    """An `IncrementalDataset`: the overlay, of which a load gives what is newer than the checkpoint.

    The checkpoint is the branch's if it has confirmed, else main's.
    """

    def __init__(self, entry: Entry, main: Dataset | None = None, version: Version | None = None) -> None:
        super().__init__(entry, main, version)
        self._names: list[str] | None = None

    def load(self) -> Any:
        """Load the partitions after the checkpoint, and remember which they were."""
        found = self._partitions(self._lister(Side.MAIN), self._lister(Side.BRANCH))
        return {name: found[name]() for name in self._list(found)}

    def save(self, data: Any) -> None:
        """Save partitions to the branch."""
        super().save(data)
        self._names = None

    def exists(self) -> bool:
        """Whether anything is newer than the checkpoint, as Kedro has it."""
        return bool(self._list(None))

    def confirm(self) -> None:
        """Write the last partition of exactly those that were loaded as the branch's checkpoint."""
        names = self._list(None)
        if names:
            units = (self._checkpoint_unit,)
            with self.entry.book.saving(Save(units, self._base(units)), self._on_branch):
                self._checkpoint(Side.BRANCH).save(names[-1])

    def release(self) -> None:
        """Release both sides, and forget what was loaded."""
        super().release()
        self._names = None

    def _lister(self, side: Side) -> Dataset:
        config = {key: value for key, value in self.entry.build.config(side).items() if key != "checkpoint"}
        return AbstractDataset.from_config(self.entry.name, {**config, "type": "partitions.PartitionedDataset"})

    def _list(self, found: Mapping[str, Load] | None) -> list[str]:
        """The partitions after the checkpoint; as in Kedro, listed once until the next save or release."""
        if self._names is None:
            if found is None:
                found = self._partitions(self._lister(Side.MAIN), self._lister(Side.BRANCH))
            self._names = self._newer(found)
        return self._names

    def _newer(self, found: Mapping[str, Load]) -> list[str]:
        given = self._given()
        compare = given.get("comparison_func", operator.gt)
        compare = load_obj(compare) if isinstance(compare, str) else compare
        names = [name for name in found if self._unit(name) != self._checkpoint_unit]
        reached = given.get("force_checkpoint")
        reached = self._reached() if reached is None else reached
        return [name for name in names if reached is None or compare(name, reached)]

    def _reached(self) -> Any:
        """What the checkpoint says; None if there is none."""
        if self.look(self._checkpoint_unit)[1] is Verdict.NOTHING:
            return None
        main, mine = (partial(_checked, self._checkpoint(side)) for side in (Side.MAIN, Side.BRANCH))
        return self._load_unit(self._checkpoint_unit, main, mine)

    def _given(self) -> dict[str, Any]:
        given = self._settings.get("checkpoint") or {}
        return {"force_checkpoint": given} if isinstance(given, str) else dict(given)

    @property
    def _argument(self) -> str:
        return str(self._settings.get("filepath_arg", "filepath"))

    @property
    def _checkpoint_unit(self) -> str:
        given = self._given().get(self._argument)
        return relative(str(given), str(self._settings["path"])) if given else "CHECKPOINT"

    def _checkpoint(self, side: Side) -> Dataset:
        config = {
            "type": "text.TextDataset",
            **({"credentials": self._settings["credentials"]} if self._settings.get("credentials") else {}),
            **{k: v for k, v in self._given().items() if k not in ("force_checkpoint", "comparison_func")},
            self._argument: f"{self.entry.build.config(side)['path'].rstrip('/')}/{self._checkpoint_unit}",
        }
        return AbstractDataset.from_config(self.entry.name, config)


def _checked(checkpoint: Dataset) -> Any:
    """What a checkpoint says; None if there is none."""
    return checkpoint.load() if checkpoint.exists() else None


def _listed(dataset: Dataset) -> dict[str, Load]:
    """The partitions of one side; Kedro's error that there are none is no error here."""
    try:
        found: dict[str, Load] = dataset.load()
    except DatasetError:
        dataset.release()
        if dataset.exists():
            raise
        return {}
    return found
