"""Incremental datasets: partitions of which a load gives what is newer than the checkpoint."""

from __future__ import annotations

import operator
import posixpath
from collections.abc import Mapping
from functools import partial
from typing import Any

from kedro.io import AbstractDataset
from kedro.io.core import Version, parse_dataset_definition
from kedro.utils import load_obj

from steel_toes.datasets.base import Dataset, Entry
from steel_toes.datasets.partitions import BranchedPartitions, Load
from steel_toes.datasets.paths import CHECKPOINT, CHECKPOINT_SETTINGS, checkpoint_path, filepath_argument
from steel_toes.records.place import Side
from steel_toes.records.state import Verdict
from steel_toes.records.write import Write

_SOME_VERSION = "2000-01-01T00.00.00.000Z"


class BranchedIncrements(BranchedPartitions):
    """An `IncrementalDataset`. The checkpoint is the branch's if it has confirmed, else main's."""

    def __init__(self, entry: Entry, main_dataset: Dataset | None = None, version: Version | None = None) -> None:
        super().__init__(entry, main_dataset, version)
        self._listed_ids: list[str] | None = None

    def load(self) -> Any:
        """Load the partitions after the checkpoint, and remember which they were."""
        partitions = self._all_partitions()
        data = {}
        for partition_id in self._newer_ids(partitions):
            # Listed once, as in Kedro: main may have removed it since, as an undo does.
            load = partitions.get(partition_id)
            data[partition_id] = load() if load else self._fail_without_main(partition_id)
        return data

    def save(self, data: Any) -> None:
        """Save partitions to the branch."""
        super().save(data)
        self._listed_ids = None

    def exists(self) -> bool:
        """Whether anything is newer than the checkpoint, as Kedro has it."""
        return bool(self._newer_ids(None))

    def confirm(self) -> None:
        """Write the last partition of exactly those that were loaded as the branch's checkpoint."""
        if self.entry.read_only:
            self.check_saved()
        partition_ids = self._newer_ids(None)
        # Kedro's own `confirm` does nothing then, too.
        if not partition_ids:
            return
        self.check_apart()
        units = (self._checkpoint_unit,)
        transaction = self.place.transaction(Write(units), self.identify_branch)
        with transaction as going_on, self.watched(going_on, units):
            self._checkpoint(Side.BRANCH).save(partition_ids[-1])

    def release(self) -> None:
        """Release both sides, and forget what was loaded."""
        super().release()
        self._listed_ids = None

    # How --------------------------------------------------------------------------------------------------------------

    def _all_partitions(self) -> dict[str, Load]:
        return self._partitions(self._lister(Side.MAIN), self._lister(Side.BRANCH))

    def _lister(self, side: Side) -> Dataset:
        build = self.entry.build
        config = {**build.config(side), **build.partitions(self.dataset(side))}
        definition = config["dataset"]
        # All partitions, whatever the checkpoint says, each to be loaded later; Kedro leaves out the checkpoint itself.
        config["dataset"] = {"type": _Later, "definition": definition}
        if definition.get("versioned"):
            config["dataset"]["versioned"] = True
        checkpoint = self._checkpoint_settings()
        checkpoint.update(force_checkpoint="", comparison_func=_always)
        checkpoint[filepath_argument(config)] = self._checkpoint_path(side)
        config["checkpoint"] = checkpoint
        config["type"] = "partitions.IncrementalDataset"
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
        return [name for name in partition_ids if is_after(self._compared(name), checkpoint)]

    def _compared(self, partition_id: str) -> str:
        """What Kedro compares with a checkpoint: of versioned partitions, the path of a version."""
        definition = self._settings["dataset"]
        if not (isinstance(definition, Mapping) and definition.get("versioned")):
            return partition_id
        return f"{partition_id}{self._suffix}/{_SOME_VERSION}/{posixpath.basename(partition_id)}"

    def _load_checkpoint(self) -> Any:
        """What the checkpoint says; None if there is none."""
        # After an overwrite main's checkpoint is gone with the partitions that it spoke of.
        if self.look(self._checkpoint_unit).verdict is Verdict.NOTHING:
            return None
        load_main = partial(_load_existing, self._checkpoint(Side.MAIN))
        load_branch = partial(_load_existing, self._checkpoint(Side.BRANCH))
        return self._load_unit(self._checkpoint_unit, load_main, load_branch)

    def _checkpoint_settings(self) -> dict[str, Any]:
        settings = self._settings.get("checkpoint")
        # A text is where to begin, and an empty one is before everything.
        if isinstance(settings, str):
            return {"force_checkpoint": settings}
        return dict(settings or {})

    @property
    def _checkpoint_unit(self) -> str:
        path = checkpoint_path(dict(self._settings))
        assert path is not None  # the policy has refused such increments
        return self._parts.unit(path)

    def _checkpoint_path(self, side: Side) -> str:
        """Where a side's checkpoint lies."""
        config = self.entry.build.config(side)
        settings = config.get("checkpoint")
        path = settings.get(filepath_argument(config)) if isinstance(settings, Mapping) else None
        return str(path) if path else f"{config['path'].rstrip('/')}/{CHECKPOINT}"

    def _checkpoint(self, side: Side) -> Dataset:
        """The dataset of a side's checkpoint."""
        config: dict[str, Any] = {"type": "text.TextDataset"}
        if self._settings.get("credentials"):
            config["credentials"] = self._settings["credentials"]
        for name, value in self._checkpoint_settings().items():
            # Those are for the comparison, and no arguments of the checkpoint's dataset.
            if name not in CHECKPOINT_SETTINGS:
                config[name] = value
        config[filepath_argument(dict(self._settings))] = self._checkpoint_path(side)
        return AbstractDataset.from_config(self.entry.name, config)


class _Later(AbstractDataset[Any, Any]):
    """Stands for the dataset of a partition: a load gives its `load`, and not its data.

    Args:
        definition: the configuration of that dataset.
        arguments: what Kedro gives it: its location, its version, the credentials of all.
    """

    def __init__(self, definition: dict[str, Any], **arguments: Any) -> None:
        cls, config = parse_dataset_definition({**definition, "versioned": False})
        # Its own credentials win.
        self._later: Dataset = cls(**{**arguments, **config})

    def load(self) -> Load:
        return self._later.load

    def save(self, data: Any) -> None:
        """It is only read."""
        raise NotImplementedError

    def _describe(self) -> dict[str, Any]:
        return {}


def _always(_partition_id: str, _checkpoint: str) -> bool:
    """Whether a partition is newer than the checkpoint: every one is."""
    return True


def _load_existing(checkpoint: Dataset) -> Any:
    """What a checkpoint says; None if there is none."""
    return checkpoint.load() if checkpoint.exists() else None
