"""Every error of steel_toes, and every sentence that a user reads.

    SteelToesError
    ├── ConfigurationError      a setting, an argument or an environment variable
    ├── SwitchedCheckoutError   Git is on another branch than when this process loaded its code
    ├── LocationError           a location that cannot have a branch copy
    └── CopyError               out of a dataset; also a kedro.io.DatasetError
        ├── SaveRefusedError    this entry cannot be saved on a branch
        │   ├── BranchUnknownError  no entry can, while the branch is unknown
        │   ├── RunRefusedError     what a pipeline saves or loads cannot be, and nothing was run
        │   ├── RunObstructedError  something is in the way of what it saves, and nothing was run
        │   ├── ReadOnlyError       this process writes nothing
        │   ├── LocationIsFixedError    somebody set where its dataset writes
        │   └── OtherProjectError   the branch copy is another project's
        ├── LoadRefusedError    what this entry loads could write main
        ├── TornCopyError       a save began and did not finish
        │   └── TornAppendError     and appending to it would lose the branch's own rows
        ├── ChangedCopyError    gone, or changed by other hands
        ├── LinkError           a link at the branch copy's place leads to other data
        ├── BucketError         the branch's bucket is missing, or not known to be ours
        ├── ConcurrentSaveError another run wrote the same dataset meanwhile
        ├── UnwrittenError      a save ended without an error, and wrote nothing at the copy's place
        ├── PromoteRefusedError     a branch copy cannot become main's as it is
        │   ├── MainChangedError    main was saved since the copy was begun, or while it becomes main's
        │   └── CodeNotMergedError  main has other code than the one that made the data
        ├── PromoteUnfinishedError  a promote of the branch began and did not finish
        ├── SeedRefusedError    a copy cannot begin as another branch's, or as main's
        ├── RecordError         the record is not ours, or cannot be read
        └── StoreError          the store gave no definite answer

A message says what failed and on what, why, and what to do. The facts in it are attributes of the error, and
every error survives pickling, since Kedro's ParallelRunner carries it from a worker to the main process. The facts are
exact; the message shows locations without what may be secret in them.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from string import Formatter
from typing import Any, ClassVar, NamedTuple

from kedro.io import DatasetError

from steel_toes.redaction import printable, redacted
from steel_toes.sentences import AND_MORE

_SHOWN = 5  # names of a sentence


class _Quoting(Formatter):
    """Formats `{fact!q}` as a shell's word: Git allows `;` in a branch's name, and commands are there to be copied."""

    def convert_field(self, value: Any, conversion: Any) -> Any:
        if conversion == "q":
            return shlex.quote(str(value))
        return super().convert_field(value, conversion)


def sentence(template: str, **facts: Any) -> str:
    """A sentence of this module with its facts, where no location shows a secret; `{fact!q}` is quoted for a shell."""
    # Each by itself, where it is known where a location ends; then what others are made of.
    texts = {name: redacted(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
    return redacted(_Quoting().format(template, **texts))


def count(number: int, noun: str, plural: str = "") -> str:
    """A number of things in a sentence: `1 file`, `3 files`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {plural or noun + 's'}"


def first_names(names: Sequence[str]) -> str:
    """At most five names in a sentence, and how many more there are."""
    shown = ", ".join(names[:_SHOWN])
    more = len(names) - _SHOWN
    return AND_MORE.format(shown=shown, number=more) if more > 0 else shown


class Reason(NamedTuple):
    """Why something failed, and what to do about it; `{names}` in both stand for facts of the error."""

    why: str
    remedy: str = ""


class SteelToesError(Exception):
    """The root of all errors that steel_toes raises.

    Args:
        reason: gives the facts `why` and `remedy`.
        facts: what fills the message; each is an attribute of the error.
    """

    message: ClassVar[str] = "{why} {remedy}"

    def __init__(self, reason: Reason | None = None, /, **facts: Any) -> None:
        if reason is not None:
            facts["why"] = sentence(reason.why, **facts)
            facts["remedy"] = sentence(reason.remedy, **facts)
        self.facts = facts
        self.__dict__.update(facts)
        super().__init__(printable(sentence(self.message, **facts)))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.facts)


def _rebuild(cls: type[SteelToesError], facts: dict[str, Any]) -> SteelToesError:
    return cls(**facts)


class ConfigurationError(SteelToesError, ValueError):
    """A setting has a value that cannot be used. Facts: `setting`, `value`, `why`, `remedy`."""

    message = "Cannot use {setting}={value!r}. {why} {remedy}"


class SwitchedCheckoutError(SteelToesError, RuntimeError):
    """The checkout was switched under a process. Facts: `project`, `loaded`, `current` (what Git says now)."""

    message = (
        "Cannot make a catalog of {project}. This process loaded the code of {loaded}, and Git now says {current}. "
        "Restart it (in a notebook: %reload_kedro), or set STEEL_TOES_BRANCH."
    )


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
        "catalog entry."
    )


class BranchUnknownError(SaveRefusedError):
    """The branch is unknown, so nothing is saved. Facts: `dataset`, `why`."""

    message = (
        "Cannot save {dataset}: the branch is unknown. {why} Set STEEL_TOES_BRANCH to the branch's name; "
        "if it is set to another's, unset it."
    )


class ReadOnlyError(SaveRefusedError):
    """This process writes nothing, nor loads what could write.

    Facts: `action` (save or load), `dataset`, `source` (what told it so).
    """

    message = (
        "Cannot {action} {dataset}: {source} makes this process read-only. It writes neither main's data nor a "
        "branch's, and loads nothing that could. To write, take {source} away, and start anew."
    )


class RunRefusedError(SaveRefusedError):
    """A pipeline saves or loads what is refused, so that nothing of it was run.

    Facts: `branch`, `datasets` (how many), `refusals` (a line for each), `names` (to be pasted).
    """

    message = (
        "Cannot run these nodes on branch {branch}. Nothing was run: {datasets} would be refused.\n{refusals}\n"
        "Run the others alone (`kedro run --to-nodes`, `--nodes`), or let every branch read and write main's copies: "
        "put SteelToes(shared=[{names}]) in settings.py."
    )


class RunObstructedError(SaveRefusedError):
    """What a pipeline saves could not be saved, since something is in the way; nothing of it was run.

    Facts: `branch`, `datasets` (how many), `obstacles` (a line for each, with the way out).
    """

    message = "Cannot run these nodes on branch {branch}. Nothing was run: {datasets} could not be saved.\n{obstacles}"


class LocationIsFixedError(SaveRefusedError):
    """Where a dataset's data lies was set on the dataset itself. Facts: `dataset`, `attribute`, `location`."""

    message = (
        "Cannot set or use another {attribute} of {dataset}: it says where the data is, and the branch's stays at "
        "{location}. Change the location in the catalog, before the catalog is made."
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
    """The branch copy is not what its record says.

    Facts: `dataset`, `branch`, `location`, `what`, `or_adopt` (one way out more, where something is there).
    """

    message = (
        "Cannot use the branch copy of {dataset}: {location} {what}. Save it again by running its node{or_adopt}; or "
        "go back to main's with `steel-toes clean --branch {branch!q} {dataset!q}`."
    )

    def __init__(self, **facts: Any) -> None:
        # What is gone cannot be recorded.
        remedy = "" if facts["what"] == COPY_GONE else OR_ADOPT
        facts.setdefault("or_adopt", sentence(remedy, **facts))
        super().__init__(**facts)


class LinkError(CopyError):
    """A link at the branch copy's place leads to other data.

    Facts: `dataset`, `branch`, `location` (of the branch copy), `link`, `why`, `remedy`.
    """

    message = "Cannot write or adopt {location}, the copy of {dataset} on branch {branch}. {why} {remedy}"


class BucketError(CopyError):
    """The branch's bucket is missing, or has no marker of ours. Facts: `dataset`, `bucket`, `why`, `remedy`."""

    message = "Cannot save {dataset} to the bucket {bucket}. {why} {remedy}"


class ConcurrentSaveError(CopyError):
    """Another run began to save the dataset while this one did.

    Facts: `dataset`, `branch`, `location`, `writer`, `what` (the dataset, or which partitions of it).
    """

    message = (
        "Cannot save {dataset} to {location}. Another run is writing {what} on branch {branch}, or has just "
        "written it ({writer}). Let one run finish, then run this node again."
    )


class UnwrittenError(CopyError):
    """A save ended without an error, and what it was to write is not there.

    Facts: `dataset`, `branch`, `location` (of the branch copy), `what` (what is missing there).
    """

    message = (
        "Cannot record the save of {dataset} on branch {branch}: it ended without an error, and {what} is not at "
        "{location}. Its class may write under another name, such as one with an extension of its own: give it the "
        'location that it really writes; or share the entry with SteelToes(shared=["{dataset}"]).'
    )


class OtherProjectError(SaveRefusedError):
    """The branch copy is another project's. Facts: `dataset`, `branch`, `location`, `theirs`, `ours`."""

    message = (
        "Cannot save {dataset} on branch {branch}: its branch copy {location} belongs to project {theirs}, and this is "
        "project {ours}. If the two are one, give both the same name: SteelToes(project=...)."
    )


class PromoteRefusedError(CopyError):
    """A branch copy cannot become main's as it is. Facts: `dataset`, `branch`, `why`, `remedy`."""

    message = "Cannot promote {dataset} of branch {branch}. {why} {remedy}"


class MainChangedError(PromoteRefusedError):
    """Main is another than when the branch copy, or the promote, began. Facts: `dataset`, `branch`, `why`, `remedy`."""


class CodeNotMergedError(PromoteRefusedError):
    """Main's code is not known to be the code that made the data. Facts: `dataset`, `branch`, `why`, `remedy`."""


class PromoteUnfinishedError(CopyError):
    """A promote of the branch began and did not finish. Facts: `dataset`, `branch`, `since`, `by`, `why`, `remedy`."""

    message = (
        "Cannot go on with {dataset}: the promote of branch {branch} that {by} began at {since} is unfinished. {why} "
        "{remedy}"
    )


class SeedRefusedError(CopyError):
    """A copy cannot begin as another. Facts: `dataset`, `branch`, `why`, `remedy`."""

    message = "Cannot seed {dataset} on branch {branch}. {why} {remedy}"


class RecordError(CopyError):
    """The record at a location's place is not ours, or cannot be read. Facts: `dataset`, `record`, `why`, `remedy`."""

    message = "Cannot use the record of {dataset} at {record}. {why} {remedy}"


class StoreError(CopyError):
    """The store gave no definite answer. Facts: `dataset`, `place`, `action`, `why`, `remedy`.

    It never advises to share the entry: who does so because of a network that failed writes main from then on.
    """

    message = "Cannot {action} {place} for {dataset}. {why} {remedy}"


# --- Why a setting cannot be used: ConfigurationError -----------------------------------------------------------------

NEITHER_TRUE_NOR_FALSE = Reason(
    "It is neither true nor false.",
    "Set it to true, 1, yes or on, or to false, 0, no or off.",
)
NOT_A_TEXT = Reason("It is not a text.", "Give a text, or leave it out.")
BLANK_TEXT = Reason("It is blank.", "Give a text, or leave it out.")
NOT_A_SWITCH = Reason("It is neither True nor False.", "Give True or False.")
BLANK_NAME = Reason("It is blank.", "Give a branch's name, or leave it out.")
HEAD_AS_NAME = Reason(
    "HEAD is what Git says when it is on no branch.",
    "Give a branch's name, or leave it out.",
)
SEVERAL_MAINS = Reason("It has a comma, and main is one branch.", "Give one name, or set SteelToes(main=...).")
CODE_OF_OTHERS = Reason(
    "It is not a list of paths from the top of the repository.",
    'Give such as code=["libs/shared", "!src/flights/notes"].',
)
NOT_A_CODE = Reason(
    "It is not a digest of code, with what differs from main's after a colon.",
    "Give what `steel-toes whoami --export` prints where the code's repository is.",
)
NOT_A_COMMIT = Reason("It is no commit.", "Give 7 to 64 hex digits, with `+` if files differ, or leave it out.")
NOT_AN_UPSTREAM = Reason("It is no branch of a remote.", "Give one such as origin/feature/x, or leave it out.")
NOT_METADATA = Reason(
    "An entry's metadata can say one thing to steel_toes, that it is shared.",
    "Write {{shared: true}}, or leave it out.",
)
UNKNOWN_LAYOUT = Reason("No layout has that name.", "Use {layouts}.")
SHARED_AS_TEXT = Reason("It is one text, not a list.", "Write shared=[{value!r}].")
SHARED_OF_OTHERS = Reason(
    "Something in it is neither a name, a pattern nor a class.",
    "Give names, patterns or classes.",
)
PARAMETERS_OF_OTHERS = Reason(
    "It does not map the names of classes to the names of parameters.",
    'Give one or several parameters by type name: {{"my_package.ShapeDataset": ["folder", "index_path"]}}.',
)
TABLE_AS_LOCATION = Reason(
    "Its {parameter} names no file or folder that could have a branch copy: data of {type} is none.",
    'Leave it out, or share its entries: SteelToes(shared=["{type}"]).',
)

# --- Why a save or a load is refused: SaveRefusedError, LoadRefusedError ----------------------------------------------

IS_A_TABLE = "Its data is a table or a key, which steel_toes cannot redirect yet."
IS_A_SERVICE = "It writes to a service, of which there is no copy for the branch."
IS_A_STREAM = "A stream's checkpoint cannot be divided between branches."
IS_A_HANDLE = "What it loads is a handle that can write where it came from: main's data."
WRITES_ON_LOAD = "Loading it can itself write to the service or to main's file."
HAS_NO_LOCATION = (
    "None of its parameters is known to say where its data is. If one does, teach it: "
    'SteelToes(location_parameters={{"{type}": "{parameter}"}}).'
)
CALLED_A_STORE = "Its class builds on {name}, so what it loads may be a handle that writes where it came from."
SECOND_PLACE = (
    "Its parameter {parameter} names a place of data, too, which would stay main's. If the class writes there, teach "
    'all its places: SteelToes(location_parameters={{"{type}": {parameters}}}). If it only reads '
    'there: SteelToes(source_parameters={{"{type}": ["{parameter}"]}}).'
)
SECOND_TABLE = (
    "Its parameter {parameter} names a table or a key, too, which would stay main's. If the class only reads there: "
    'SteelToes(source_parameters={{"{type}": ["{parameter}"]}}).'
)
SAVED_BY_ITS_CLASS = (
    "Its class's own `save` was called with the catalog's dataset, past steel_toes. In a hook, keep `dataset.save` and "
    "call that, not `type(dataset).save`."
)
INSTANCE_CHANGED = (
    "It was added as an instance whose location was changed after it was made. Make it with that location."
)
LISTS_VERSIONS = "It lists the versions of another entry, which alone can save one on a branch."
LISTED_LATE = (
    "It was added after the catalog was made, and lists a directory in which copies of the branch lie. Put it into the "
    "catalog's configuration."
)
OVERRIDES_PARTITIONS = (
    "Its class decides by itself which partitions there are, so that main's and the branch's cannot be put together."
)
PARTITIONS_OF_PARTITIONS = "Its partitions are partitioned themselves."
CANNOT_BE_BUILT_AGAIN = "It was added as an instance that cannot be built again from its arguments."

# --- What is wrong with a copy, a record or a bucket: ChangedCopyError, RecordError, BucketError ----------------------

COPY_VANISHED = "is gone: its record vanished while it was read"
COPY_REMOVED_IN_RUN = "was removed while this run reads it"
COPY_GONE = "is gone"
OR_ADOPT = "; or, if the file that is there now is right, record it with `steel-toes adopt {dataset!q}`"
COPY_CHANGED = "was altered by other hands, or by another run at the same time"
COPY_OVERWRITTEN = "is not there since everything around it was overwritten"
COPY_ABSENT = "is not there: main had none when a promote brought one, and the branch is what main had"
COPY_NOT_AS_SAVED = "is not as it was saved, and this save would add to it"
PARTITION_GONE = "has no partition {partition} any more"

THE_FILE = "the file"

SOME_PERMISSION = "the permission to {action} it"

TRY_AGAIN = "Check what it says, the network and the credentials; then try again."
"""Of a store that did not answer."""

MEND_DISK = "Check what the disk says; then try again."
"""Of a disk that failed."""

LACKS_PERMISSION = "Check the credentials: they are wrong, or lack {permission} there."
"""Of a store that refused."""

LACKS_RIGHT = "This user may not do that there: give this user, or the user's group, {permission}."
"""Of a disk that refused."""

UPDATE = "record a save in"
OTHERS_WERE_FASTER = "Others changed the record for two minutes, each time faster than this save."

CREDENTIALS_OF_OTHERS = (
    " Its {parameter} are not fsspec's, so the store was asked without them: give what fsspec needs in `fs_args`."
)
COPY_ENDED = "The store began to copy {target}, and ended with: {status}. {reason}"

RECORD_REMOVED_MEANWHILE = "it removed the record"

NEWER_FORMAT = Reason(
    "A newer steel_toes wrote it (format {format}).",
    "Upgrade with `pip install -U steel-toes`.",
)
NEWER_FIELDS = Reason(
    "A newer steel_toes wrote it (it has the fields {fields}).",
    "Upgrade with `pip install -U steel-toes`.",
)
NO_CLAIM = Reason("It is no claim of a promote: {error}.", "Look at the file; move it away if no promote goes on.")
NO_RECORD_AT_ALL = Reason("It is no record: {error}.", "Look at the file; move it away to read main's.")
OTHER_KIND = Reason(
    "Dataset {other} wrote it for kind {theirs}, and {dataset} has kind {ours}.",
    "Entries of two kinds cannot share a location: give one of them its own. If this entry has changed, remove its "
    "copy with `steel-toes clean --branch {branch!q} {other!q}`.",
)
OTHER_BRANCH = Reason(
    "Dataset {other} wrote it for branch {theirs}, and this is branch {ours}.",
    "Rename the branch: its slug is another's too.",
)
OTHER_LAYOUT = Reason(
    "Dataset {other} was saved under {theirs}, and the project has {ours} by now.",
    "Go back to main's data with `steel-toes clean --branch {branch!q} {other!q}` (without a name, of all that the "
    "branch has), or set the layout back: SteelToes({setting}).",
)
TWO_COPIES = Reason(
    "Branch {branch} has two copies of dataset {other}, one under {theirs} and one under {ours}.",
    "To keep the second, take the root out of SteelToes(...), remove the first with `steel-toes clean --branch "
    "{branch!q} {other!q}`, and put the root back.",
)
OTHER_OWNER = Reason(
    "Dataset {other} wrote it for project {theirs}, and this is project {ours}: both have this path below one root.",
    "Set the root of each to a place of its own: with {{project}} in it, it is.",
)
OTHER_LOCATION = Reason(
    "Dataset {other} wrote it for location {theirs}, and {dataset} has location {ours}.",
    "Give the entry another location: its digest is another's too.",
)
DATA_WITHOUT_RECORD = Reason(
    "There is data without a record at {location}, which is never overwritten.",
    "Record it with `steel-toes adopt {dataset!q}`, or move it away, and save again.",
)
BEING_REMOVED = Reason(
    "Its branch copy is being removed by `steel-toes clean`, which has not finished.",
    "Finish it with `steel-toes clean --branch {branch!q} {dataset!q}`, then run this node again.",
)
_OWN_FILE = "Make it a file of its own: `cp -p {link!q} {link!q}.own && mv {link!q}.own {link!q}`."
SYMBOLIC_LINK = Reason(
    "There is a symbolic link at {link}: what is written through it changes other data, perhaps main's.",
    "Remove the link (`rm {link!q}`; what it leads to stays), or put a copy of what it leads to in its place.",
)
HARD_LINK_OF_MAIN = Reason("The file {link} is main's own under another name (a hard link).", _OWN_FILE)
HARD_LINK = Reason("The file {link} has another name too (a hard link), under which it can change.", _OWN_FILE)
ADOPT_IN_DOUBT = Reason(
    "A save of its files did not finish, so that they may be of two saves.",
    "Run the node that saves it again, or remove the copy with `steel-toes clean --branch {branch!q} {dataset!q}`.",
)


_MARK_BUCKET = "write the text `{branch}` to {bucket}/{marker}."

OTHER_MARKER = Reason(
    "Its marker is branch {owner}'s. A stranger may own the name.",
    f"If it is yours, {_MARK_BUCKET}",
)
NO_MARKER = Reason("It exists without a marker. A stranger may own the name.", f"If it is yours, {_MARK_BUCKET}")
NO_BUCKET = Reason(
    "There is no such bucket.",
    f"Make it with SteelToes(create_buckets=True); or with `{{command}} {{bucket}}`, and {_MARK_BUCKET}",
)

# --- Errors of Kedro's own kind (kedro.io.DatasetError) ---------------------------------------------------------------

MAIN_IS_BLOCKED = (
    "{dataset}: on a branch, `{action}` of main's own dataset is blocked, since it would change main's data. "
    "Call it on the catalog's dataset."
)
MAIN_CHANGES = "{dataset}: main's copy at {source} changes while it is copied to {target}. Save again later."
NOT_PARTITIONS = "{dataset}: partitions are saved as a dictionary by their ids, not as {type}."
PARTITION_LEADS_OUT = "{dataset}: the partition id {partition!r}, or its suffix, has `..` in it. Give it an id without."
PARTITION_IS_NO_TEXT = "{dataset}: the partition id {partition!r} is no text, but of type {type}. Give it a text."
PARTITION_REMOVED = (
    "{dataset}: the partition {partition} is removed by this save (overwrite: true), which has not written it again. "
    "Load the partitions before they are saved."
)
VERSION_LEADS_OUT = "{dataset}: the version {version!r} has `/` or `..` in it. Give it a name without."
FILE_BEFORE_VERSIONS = (  # as Kedro, when it fails on a disk
    "Cannot save versioned dataset {dataset}: main has a plain file at {path}, and saving would fail on the day of the "
    "merge. Move main's file into a version of its own, or give the versions another location."
)
DIRECTORY_FOR_FILE = (
    "{dataset}: main has a directory at {path}, where this save would write a file: it would fail on the day of the "
    "merge. Give the entry another location, or have main's directory removed."
)
FILE_FOR_DIRECTORY = (
    "{dataset}: main has a file at {path}, where this save would make a directory: it would fail on the day of the "
    "merge. Give the entry another location, or have main's file removed."
)
NO_PARTITIONS = "No partitions found in '{path}'"  # Kedro's own words
VERSION_EXISTS = "Save path '{path}' for {dataset} must not exist if versioning is enabled."  # Kedro's own words
NO_VERSIONS = "Did not find any versions for {dataset}"  # Kedro's own words
