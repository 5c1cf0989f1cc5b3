"""Every error of steel_toes, and every sentence that a user reads.

    SteelToesError
    ├── ConfigurationError      a setting, an argument or an environment variable
    ├── LocationError           a location that cannot have a branch copy
    └── CopyError               out of a dataset; also a kedro.io.DatasetError
        ├── SaveRefusedError    this entry cannot be saved on a branch
        │   ├── BranchUnknownError  no entry can, while the branch is unknown
        │   └── OtherProjectError   the branch copy is another project's
        ├── LoadRefusedError    what this entry loads could write main
        ├── TornCopyError       a save began and did not finish
        │   └── TornAppendError     and appending to it would lose the branch's own rows
        ├── ChangedCopyError    gone, or changed by other hands
        ├── LinkError           a link at the branch copy's place leads to other data
        ├── BucketError         the branch's bucket is missing, or not known to be ours
        ├── ConcurrentSaveError another run wrote the same dataset meanwhile
        ├── UnwrittenError      a save ended without an error, and wrote nothing at the copy's place
        ├── RecordError         the record is not ours, or cannot be read
        └── StoreError          the store gave no definite answer

A message says what failed and on what, why, and what to do. The facts in it are attributes of the error, and
every error survives pickling, since Kedro's ParallelRunner carries it from a worker to the main process. The facts are
exact; the message shows locations without what may be secret in them.
"""

from __future__ import annotations

import shlex
from string import Formatter
from typing import Any, ClassVar, NamedTuple

from kedro.io import DatasetError

from steel_toes.redaction import printable, redacted


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
        'SteelToes(location_parameters={{"{type}": "<parameter>"}}).'
    )


class BranchUnknownError(SaveRefusedError):
    """The branch is unknown, so nothing is saved. Facts: `dataset`, `why`."""

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


class RecordError(CopyError):
    """The record at a location's place is not ours, or cannot be read. Facts: `dataset`, `record`, `why`, `remedy`."""

    message = "Cannot use the record of {dataset} at {record}. {why} {remedy}"


class StoreError(CopyError):
    """The store gave no definite answer. Facts: `dataset`, `store`, `action`, `why`."""

    message = (
        "Cannot {action} {store} for {dataset}. {why} Check the network and the permissions of its credentials; if "
        'this project may not list or write there, share the entry with SteelToes(shared=["{dataset}"]).'
    )


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
UNKNOWN_LAYOUT = Reason("No layout has that name.", "Use {layouts}.")
SHARED_AS_TEXT = Reason("It is one text, not a list.", "Write shared=[{value!r}].")
SHARED_OF_OTHERS = Reason(
    "Something in it is neither a name, a pattern nor a class.",
    "Give names, patterns or classes.",
)
PARAMETERS_OF_OTHERS = Reason(
    "It does not map the names of classes to the names of parameters.",
    'Give parameters by type name: {{"my_package.ShapeDataset": "folder"}}.',
)
MAIN_TO_CLEAN = Reason("It is main, whose copies are never removed.", "Give a branch's full name.")
BLANK_TO_CLEAN = Reason("It is blank.", "Give a branch's full name.")
NOTHING_TO_ADOPT = Reason(
    "Either no file lies at the place of its branch copy, or the file there is recorded already.",
    "See where copies belong with `steel-toes status`, and move the file there.",
)
NO_PLACE_TO_ADOPT = Reason(
    "It lies at no place where a branch copy of this catalog would be, or is recorded already.",
    "See where copies belong with `steel-toes status`, and move the file there.",
)

# --- Why a location has no branch copy: LocationError -----------------------------------------------------------------

_SHARE = "Share the entry (SteelToes(shared=[...])), and every branch reads and writes main's."
_MOVE_OR_SHARE = "Give the entry another location, or share it with SteelToes(shared=[...])."
_SUFFIX = 'Use SteelToes(layout="suffix").'

HTTP_ADDRESS = Reason("An HTTP address has no place for a copy beside it.", _SHARE)
ARCHIVE_MEMBER = Reason(
    "It is a member of an archive, and a copy of it would be written into main's archive.",
    _SHARE,
)
LISTED_BUCKET = Reason(
    "A copy would lie in what main lists: a whole bucket or host is listed.",
    f"Give the data a directory. {_SHARE}",
)
NO_DIRECTORY = Reason(
    "A copy would lie in what main lists: no directory of its own holds it.",
    f"Give the data a directory. {_SHARE}",
)
CLIMBS_OUT = Reason("Its `..` leads out of {directory}.", "Write the location without `..`.")
NOT_INSIDE = Reason("It does not lie in {directory}.", "Report this as a bug of steel_toes.")
BUCKET_ELSEWHERE = Reason(
    "Only a bucket of S3 or GCS can be one of several (Azure's names forbid `--`).",
    _SUFFIX,
)
RESERVED_BUCKET = Reason(
    "GCS refuses the name {bucket}: it reserves `google`, and dots for domains.",
    _SUFFIX,
)
NOT_A_LOCATION = Reason("It is no location.", _MOVE_OR_SHARE)
DROPPED_HOST = Reason(
    "Kedro's file datasets drop the host of this protocol and its partitioned ones do not.",
    _MOVE_OR_SHARE,
)
FORM_OF_A_COPY = Reason(
    "It has the form of a copy on branch {branch}, and may be another entry's.",
    _MOVE_OR_SHARE,
)
COPY_IS_MAINS = Reason("Another entry's main copy is {copy}.", _MOVE_OR_SHARE)
COPY_IS_LISTED = Reason("Its copy {copy} would lie in {directory}, which an entry lists.", _MOVE_OR_SHARE)
VERSIONS_INSIDE = Reason("It keeps versions inside {directory}, which another entry lists.", _MOVE_OR_SHARE)
PARTITIONS_INSIDE = Reason(
    "It keeps partitions inside {directory}, which another entry lists as one dataset.",
    _MOVE_OR_SHARE,
)
OVERWRITES_INSIDE = Reason(
    "It overwrites partitions inside {directory}, which another entry lists.",
    _MOVE_OR_SHARE,
)
RECORD_IS_LISTED = Reason(
    "Its record would lie in {directory}, which an entry lists.",
    'Set SteelToes(records="...") to another folder.',
)
ONE_LOCATION_FOR_BOTH = Reason(
    "Kedro sees one location in it and in {copy}.",
    "Share the entry: SteelToes(shared=[...]).",
)

# --- Why a save or a load is refused: SaveRefusedError, LoadRefusedError ----------------------------------------------

IS_A_TABLE = "Its data is a table or a key, which steel_toes cannot redirect yet."
IS_A_SERVICE = "It writes to a service, of which there is no copy for the branch."
IS_A_STREAM = "A stream's checkpoint cannot be divided between branches."
IS_A_HANDLE = "What it loads is a handle that can write where it came from: main's data."
WRITES_ON_LOAD = "Loading it can itself write to the service or to main's file."
HAS_NO_LOCATION = "None of its parameters is known to say where its data is."
CANNOT_BE_BUILT_AGAIN = "It was added as an instance that cannot be built again from its arguments."

# --- What is wrong with a copy, a record or a bucket: ChangedCopyError, RecordError, BucketError ----------------------

COPY_VANISHED = "is gone: its record vanished while it was read"
COPY_REMOVED_IN_RUN = "was removed while this run reads it"
COPY_GONE = "is gone"
COPY_CHANGED = "was changed by other hands, or by another run at the same time"
COPY_OVERWRITTEN = "is not there since everything around it was overwritten"
COPY_NOT_AS_SAVED = "is not as it was saved, and this save would add to it"
PARTITION_GONE = "has no partition {partition} any more"

THE_FILE = "the file"

UPDATE = "record a save in"
OTHERS_WERE_FASTER = "Others changed the record for two minutes, each time faster than this save."

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
PARTITION_LEADS_OUT = "{dataset}: the partition id {partition!r} has `..` in it. Give it an id without."
NO_PARTITIONS = "No partitions found in '{path}'"  # Kedro's own words
VERSION_EXISTS = "Save path '{path}' for {dataset} must not exist if versioning is enabled."  # Kedro's own words
NO_VERSIONS = "Did not find any versions for {dataset}"  # Kedro's own words

# --- Which branch it is: `Branch.why`, `Branch.tried` -----------------------------------------------------------------

NOT_AN_ARGUMENT = "SteelToes(branch=...) is not given"
NOT_A_VARIABLE = "STEEL_TOES_BRANCH is not set"
NOT_A_REQUEST = "no CI system says that this is a pull or merge request"
REQUEST_WITHOUT = "{system} builds a pull or merge request, but does not say {fact} of it."
BUILDS_A_TAG = "{why}, and {system} builds the tag {tag}."
NAMES_NO_BRANCH = "{why}, and {system} names no branch."
ANOTHER_COMMIT = "{system} builds {branch} at {commit}, but HEAD is at {head}, which may be a request's."
GIT_MISSING = "Git is missing: there is no `git` command on the PATH"
NOT_A_REPOSITORY = "{project} is not in a Git repository"
DUBIOUS_OWNERSHIP = 'Git refuses to read {project}, since another user owns it ("{error}")'
GIT_REFUSES = 'Git cannot tell the branch of {project} ("{error}")'
DETACHED = "HEAD of {project} is detached: it points at {target}, not at a branch"

MAIN_NOT_LISTED = "the remote does not list main"
BRANCHES_UNKNOWN = "Git does not know this project's branches"
NO_SUCH_REMOTE = "no remote here has the URL of its upstream"
REMOTE_SILENT = 'the remote {remote} gave no answer ("{error}")'
ANOTHER_PROJECTS_BRANCH = "it is {project}'s"

# --- What a run logs --------------------------------------------------------------------------------------------------

ON_BRANCH = "steel-toes: on branch %s (from %s); saves go to %s"
ON_UNKNOWN_BRANCH = "steel-toes: the branch is unknown, so data is read from main and not saved. %s"
BRANCHED_TWICE = "steel-toes: this catalog is branched already. Keep one SteelToes() among the HOOKS."
RUN_READ = "{branch} from the branch, {main} from main; "
RUN_WROTE = "steel-toes: %swrote %s to the branch%s"
MAIN_HAS_OUTPUTS = "steel-toes: %s of main's, which the branch does not have, count as there"
PARTITIONS_UNFINISHED = (
    "steel-toes: %s: the first save of %s on branch %s never finished, or goes on (%s); "
    "reading main's where it has them"
)
NO_LOCKS = (
    "steel-toes: %s has no file locks. Saves of one dataset from several processes at the same moment may fail with "
    "ConcurrentSaveError, or leave a part of it in doubt."
)
SEEDING = "steel-toes: %s: seeding the branch copy with main's (%s bytes)"
FIRST_SAVE_UNFINISHED = "steel-toes: %s: its first save on branch %s never finished (%s); reading main's"
TORN_VERSION_SKIPPED = "steel-toes: %s: version %s is torn and skipped; its save did not finish"

# --- What commands say ------------------------------------------------------------------------------------------------

NO_PROJECT = "{folder} is in no Kedro project. Go to the project's folder."
BROKEN_PROJECT = "Kedro cannot load the project in {folder}. {error}"
NO_HOOK = (
    "SteelToes is not among the HOOKS of the project's settings.py. Put `from steel_toes import SteelToes` and "
    "`HOOKS = (SteelToes(),)` into it."
)
SWITCHED_OFF = "STEEL_TOES_ENABLED is false"
BRANCH_IS_MAIN = "{branch} is main"
NO_PIPELINE = "No pipeline is named {pipeline}; there are {pipelines}."
NOT_IN_PIPELINE = "The pipeline {pipeline} does not use {names}."
NOT_IN_CATALOG = "The catalog has no {names}."
NOT_AN_AGE = "{value!r} is no age. Give hours, days or weeks, such as 36h, 7d or 2w."
BRANCH_UNKNOWN = "The branch is unknown. {why}"
OTHER_MAIN = (
    "Warning: the remote's HEAD is {default}, and main is {main}. "
    'If that is not right, set SteelToes(main="{default}").'
)
STEPS_ASIDE = "{why}: everything is read from main and saved to main."
READS_MAIN = "The branch is unknown, so data is read from main and not saved. {why}"
WAYS_OUT = """A dataset whose side is none cannot be loaded. Run the node that saves it again; or record the file that
is there with `steel-toes adopt DATASET`; or go back to main's with `steel-toes clean --branch {branch!q} DATASET`."""
EMPTY_CATALOG = "The catalog has no datasets."
NO_BRANCHES = "No branch has data in this catalog's stores."
WHICH_BRANCHES = "Say which branches: --branch NAME; or --stale, --older-than AGE or both of these."
REMOVE_THEM = "Remove them?"
REMOVED = "Removed {number} of {copies}."
WHAT_TO_ADOPT = "Say what: the name of a dataset, a path, or --from-0.5."
NO_COPIES_HERE = "There are no branch copies here. {why}"
NO_LEGACY_FILES = "Nothing to record: no entry has a file of steel-toes 0.5 on branch {branch}."
RECORD_THEM = "Record them as branch {branch}'s?"
RECORDED = "Recorded as branch {branch}'s: {files}."
NOTHING_OF_BRANCH = "Nothing of branch {branch} is here to remove."
NO_OLD_BRANCH = "Nothing to remove: no branch is old enough."
NO_STALE_BRANCH = "Nothing to remove: no branch that is gone is old enough."
NOTHING_CHANGED = "Nothing was changed. Add --yes to do it."
CANNOT_WRITE = "Cannot write {path}. {why}."
FAILED = "Failed: {why}"

PARTIAL_LISTING = (
    "Nothing is removed by age while a place does not answer: the youngest copy of a branch may lie there. "
    "Try again later, or name the branches with --branch."
)
LEFT_OUT = "{record} is left out: {why}."
LEFT_ALONE = "{record} is left alone: {why}."
OF_OTHER_BRANCH = "it belongs to branch {branch}"
OF_OTHER_PROJECT = "it belongs to {project}"
OF_UNKNOWN_PROJECT = "it belongs to an unknown project; name its branch"
MAIN_COPY_THERE = "the catalog has a main copy at {location}"
MISPLACED = "it says that it belongs to {branch} and {location}, and its place says otherwise"
UNIT_LEADS_OUT = "a unit in it leads out of its copy"
LIES_ELSEWHERE = "records of {location} do not lie here"
NOT_THROUGH_A_LINK = "{link} is a symbolic link, and nothing is removed through one; remove the link, and clean again"
REMOVED_BY_ANOTHER = "another has removed it, or saved it again, since the plan was made"
COPY_HAS_CHANGED = "{files} of it changed since the plan was made, and stayed; clean it again to see what is there"
NOTHING_TO_SEE = (
    "none of its files is there, and records lie elsewhere (SteelToes(records=...)): "
    "the place of its data may not be mounted"
)
IS_BEING_SAVED = "it is being saved"
COPY_BEING_REMOVED = "being removed"
COPY_BEING_SAVED = "being saved, or its save died"
COPY_TORN = "torn, or being saved"
COPY_ALTERED = "altered by other hands"
COPY_MISSING = "gone"
RECORD_HAS_CHANGED = "its record has changed since the plan was made"

SIDE_SHARED = "shared"
SIDE_LEFT_ALONE = "left alone: only read, or in memory"
NEVER_SAVED = "never saved on the branch"
UNIT_WITHOUT_RECORD = "without a record, so ignored"
UNIT_UNFINISHED = "of a first save that did not finish"
UNIT_SAVED = "saved on the branch"
UNIT_TORN = "torn: its save did not finish"
UNIT_GONE = "gone"
UNIT_CHANGED = "changed by other hands"
BESIDE_MAINS = "beside main's"
OVER_MAINS = "over main's"
INSTEAD_OF_MAINS = "in the place of all of main's"
