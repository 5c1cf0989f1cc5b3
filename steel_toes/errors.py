"""Every error of steel_toes, and every sentence of it.

    SteelToesError
    ├── ConfigurationError      a setting, an argument or an environment variable
    ├── LocationError           a location that cannot have a branch copy
    └── CopyError               out of a dataset; also a kedro.io.DatasetError
        ├── SaveRefusedError    this entry cannot be saved on a branch
        │   └── BranchUnknownError  nothing is, while nobody knows the branch
        ├── LoadRefusedError    what this entry loads could write main
        ├── TornCopyError       a save began and did not finish
        │   └── TornAppendError     and appending to it would lose the branch's own rows
        ├── ChangedCopyError    gone, or changed by other hands
        ├── BucketError         the branch's bucket is missing, or not known to be ours
        ├── ConcurrentSaveError another run wrote the same dataset meanwhile
        ├── RecordError         the record is not ours, or cannot be read
        └── StoreError          the store gave no definite answer

A message says what failed and on what, why, and what to do. The facts in it are attributes of the error, and
every error survives pickling, since Kedro's ParallelRunner carries it from a worker to the main process.
"""

from __future__ import annotations

import shlex
from string import Formatter
from typing import Any, ClassVar

from kedro.io import DatasetError


def _rebuild(cls: type[SteelToesError], facts: dict[str, Any]) -> SteelToesError:
    return cls(**facts)


class _Quoting(Formatter):
    """Formats `{fact!q}` as a shell's word: Git allows `;` in a branch's name, and commands are there to be copied."""

    def convert_field(self, value: Any, conversion: Any) -> Any:
        return shlex.quote(str(value)) if conversion == "q" else super().convert_field(value, conversion)


class SteelToesError(Exception):
    """The root of all errors that steel_toes raises.

    Args:
        facts: what fills the message; each is an attribute of the error.
    """

    message: ClassVar[str] = "{why} {remedy}"

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        self.__dict__.update(facts)
        super().__init__(_Quoting().format(self.message, **facts))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.facts)


class ConfigurationError(SteelToesError, ValueError):
    """A setting has a value that cannot be used. Facts: `setting`, `value`, `why`, `remedy`."""

    message = "Cannot use {setting}={value!r}. {why} {remedy}"


class LocationError(SteelToesError, ValueError):
    """A location cannot have a branch copy. Facts: `location`, `why`, `remedy`."""

    message = "Cannot give {location} a branch copy. {why} {remedy}"


class CopyError(SteelToesError, DatasetError):
    """The root of the errors that come out of a dataset's `load`, `save` and `exists`. Fact: `dataset`."""


class SaveRefusedError(CopyError):
    """The entry cannot be saved on a branch without writing main. Facts: `dataset`, `type`, `branch`, `why`."""

    message = (
        "Cannot save {dataset} ({type}) on branch {branch}. {why} To let every branch read and write main's copy, "
        'put SteelToes(shared=["{dataset}"]) in settings.py, or `metadata: {{steel_toes: {{shared: true}}}}` in its '
        "catalog entry. If its location is a parameter of its own class, teach it with "
        'SteelToes(locations={{"{type}": "<parameter>"}}).'
    )


class BranchUnknownError(SaveRefusedError):
    """Nothing told which branch this is, so nothing is saved. Facts: `dataset`, `why`."""

    message = (
        "Cannot save {dataset}: the branch is unknown. {why} Set STEEL_TOES_BRANCH to the branch's name, "
        "or STEEL_TOES_ENABLED=false to work on main's data without steel_toes."
    )


class LoadRefusedError(CopyError):
    """What the entry loads could write main's data. Facts: `dataset`, `type`, `branch`, `why`."""

    message = (
        "Cannot load {dataset} ({type}) on branch {branch}. {why} To let every branch use main's, "
        'put SteelToes(shared=["{dataset}"]) in settings.py, or `metadata: {{steel_toes: {{shared: true}}}}` in its '
        "catalog entry."
    )


class TornCopyError(CopyError):
    """The branch copy is torn: a save began and did not finish.

    Facts: `dataset`, `branch`, `location` (of the branch copy), `writer` (user@host), `time` (when the save began,
    UTC).
    """

    message = (
        "Cannot load {dataset}: its branch copy {location} is torn. {writer} began to save it at {time} and did not "
        "finish. Run the node that saves it again, or go back to main's data with `steel-toes clean "
        "--branch {branch!q} {dataset!q}`."
    )


class TornAppendError(TornCopyError):
    """An append over a torn copy would lose the branch's own rows. Facts as in `TornCopyError`."""

    message = (
        "Cannot append to {dataset}: its branch copy {location} is torn. {writer} began to save it at {time} and did "
        "not finish, and the rows that the branch had are not certain. Remove the copy with `steel-toes clean "
        "--branch {branch!q} {dataset!q}`, then run the pipeline again from main's data."
    )


class ChangedCopyError(CopyError):
    """The branch copy is not what its record says. Facts: `dataset`, `branch`, `location`, `what`."""

    message = (
        "Cannot use the branch copy of {dataset}: {location} {what}. Save it again by running its node; or, if the file"
        " that is there now is right, record it with `steel-toes adopt {dataset!q}`; or go back to main's with "
        "`steel-toes clean --branch {branch!q} {dataset!q}`."
    )


class BucketError(CopyError):
    """The branch's bucket is missing, or nothing says that it is ours. Facts: `dataset`, `bucket`, `why`, `remedy`."""

    message = "Cannot save {dataset} to the bucket {bucket}. {why} {remedy}"


class ConcurrentSaveError(CopyError):
    """Another run began to save the dataset while this one did. Facts: `dataset`, `branch`, `location`, `writer`."""

    message = (
        "Cannot finish saving {dataset} to {location}. Another run is writing this dataset on branch {branch} "
        "({writer}). Let one run finish, then run this node again."
    )


class RecordError(CopyError):
    """The record at a location's place is not ours, or cannot be read. Facts: `dataset`, `record`, `why`, `remedy`."""

    message = "Cannot use the record of {dataset} at {record}. {why} {remedy}"


class StoreError(CopyError):
    """The store gave no definite answer. Facts: `dataset`, `store`, `action`, `why`."""

    message = (
        "Cannot {action} {store} for {dataset}. {why} Check the network and the rights of its credentials; if this "
        'project may not list or write there, share the entry with SteelToes(shared=["{dataset}"]).'
    )
