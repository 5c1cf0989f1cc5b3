"""Incremental datasets: partitions of which a load gives what is newer than the checkpoint."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from functools import partial
from typing import Any

from kedro.io import AbstractDataset
from kedro.io.core import Version
from kedro.utils import load_obj

from steel_toes.datasets.base import Dataset, Entry
from steel_toes.datasets.partitions import BranchedPartitions, Load
from steel_toes.naming.nesting import relative
from steel_toes.records.place import Side
from steel_toes.records.state import Verdict
from steel_toes.records.write import Write

_OWN_SETTINGS = ("force_checkpoint", "comparison_func")  # of a checkpoint; all others are its dataset's


class BranchedIncrements(BranchedPartitions):
    """An `IncrementalDataset`. The checkpoint is the branch's if it has confirmed, else main's."""

    def __init__(self, entry: Entry, main_dataset: Dataset | None = None, version: Version | None = None) -> None:
        super().__init__(entry, main_dataset, version)
        self._listed_ids: list[str] | None = None

    def load(self) -> Any:
        """Load the partitions after the checkpoint, and remember which they were."""
        partitions = self._all_partitions()
        return {partition_id: partitions[partition_id]() for partition_id in self._newer_ids(partitions)}

    def save(self, data: Any) -> None:
        """Save partitions to the branch."""
        super().save(data)
        self._listed_ids = None

    def exists(self) -> bool:
        """Whether anything is newer than the checkpoint, as Kedro has it."""
        return bool(self._newer_ids(None))

    def confirm(self) -> None:
        """Write the last partition of exactly those that were loaded as the branch's checkpoint."""
        partition_ids = self._newer_ids(None)
        # Kedro's own `confirm` does nothing then, too.
        if not partition_ids:
            return
        self.check_apart()
        units = (self._checkpoint_unit,)
        write = Write(units, self.place.base(units))
        with self.place.ledger.transaction(write, self.identify_branch):
            self._checkpoint(Side.BRANCH).save(partition_ids[-1])

    def release(self) -> None:
        """Release both sides, and forget what was loaded."""
        super().release()
        self._listed_ids = None

    # How --------------------------------------------------------------------------------------------------------------

    def _all_partitions(self) -> dict[str, Load]:
        return self._partitions(self._lister(Side.MAIN), self._lister(Side.BRANCH))

    def _lister(self, side: Side) -> Dataset:
        config = dict(self.entry.build.config(side))
        # Listed as plain partitions: an IncrementalDataset would hide what is before its checkpoint.
        config.pop("checkpoint", None)
        config["type"] = "partitions.PartitionedDataset"
        return AbstractDataset.from_config(self.entry.name, config)

    def _newer_ids(self, partitions: Mapping[str, Load] | None) -> list[str]:
        """The partitions after the checkpoint; as in Kedro, listed once until the next save or release."""
        if self._listed_ids is None:
            if partitions is None:
                partitions = self._all_partitions()
            self._listed_ids = self._after_checkpoint(partitions)
        return self._listed_ids

    def _after_checkpoint(self, partitions: Mapping[str, Load]) -> list[str]:
        settings = self._checkpoint_settings()
        is_after = settings.get("comparison_func", operator.gt)
        if isinstance(is_after, str):
            is_after = load_obj(is_after)
        # What the configuration forces wins over what was confirmed.
        checkpoint = settings.get("force_checkpoint")
        if checkpoint is None:
            checkpoint = self._load_checkpoint()
        # The checkpoint lies among the partitions, and is none.
        partition_ids = [name for name in partitions if self._unit(name) != self._checkpoint_unit]
        if checkpoint is None:
            return partition_ids
        return [partition_id for partition_id in partition_ids if is_after(partition_id, checkpoint)]

    def _load_checkpoint(self) -> Any:
        """What the checkpoint says; None if there is none."""
        # After an overwrite main's checkpoint is gone with the partitions that it spoke of.
        if self.look(self._checkpoint_unit).verdict is Verdict.NOTHING:
            return None
        load_main = partial(_load_existing, self._checkpoint(Side.MAIN))
        load_branch = partial(_load_existing, self._checkpoint(Side.BRANCH))
        return self._load_unit(self._checkpoint_unit, load_main, load_branch)

    def _checkpoint_settings(self) -> dict[str, Any]:
        settings = self._settings.get("checkpoint") or {}
        if isinstance(settings, str):
            return {"force_checkpoint": settings}
        return dict(settings)

    @property
    def _argument(self) -> str:
        return str(self._settings.get("filepath_arg", "filepath"))

    @property
    def _checkpoint_unit(self) -> str:
        path = self._checkpoint_settings().get(self._argument)
        if not path:
            return self._parts.unit("CHECKPOINT")
        return self._parts.unit(relative(str(path), str(self._settings["path"])))

    def _checkpoint(self, side: Side) -> Dataset:
        """The dataset of a side's checkpoint."""
        config: dict[str, Any] = {"type": "text.TextDataset"}
        if self._settings.get("credentials"):
            config["credentials"] = self._settings["credentials"]
        for name, value in self._checkpoint_settings().items():
            # Those are for the comparison, and no arguments of the checkpoint's dataset.
            if name not in _OWN_SETTINGS:
                config[name] = value
        folder = self.entry.build.config(side)["path"].rstrip("/")
        name = self._checkpoint_unit.removeprefix(self._parts.unit(""))
        config[self._argument] = f"{folder}/{name}"
        return AbstractDataset.from_config(self.entry.name, config)


def _load_existing(checkpoint: Dataset) -> Any:
    """What a checkpoint says; None if there is none."""
    return checkpoint.load() if checkpoint.exists() else None
