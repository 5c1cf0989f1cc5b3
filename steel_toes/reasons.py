"""Why a location has no branch copy, and why a command changes nothing: reasons of errors, with what to do."""

from __future__ import annotations

from steel_toes.errors import Reason

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
NAMES_A_TABLE = Reason("Its {parameter} is the name of a table or a key, not a location.", _SHARE)
NO_ROOT = Reason(
    'Layout "prefix" has no place for it: it lies in no bucket, and in no folder of the project.',
    "Move it into a folder of the project, set SteelToes(root=...), or use another layout.",
)
LISTED_ROOT = Reason(
    'It is the folder in which layout "prefix" keeps the copies of all branches.',
    "Give the entry a folder of its own below it.",
)
ROOT_ELSEWHERE = Reason(
    "The root of all copies, {root}, lies on another store, and copies are made within one.",
    'Give each store its own: SteelToes(root={{"{store}": "...", ...}}).',
)
ROOT_IS_LISTED = Reason(
    "Its copy would lie below the root of all copies, {root}, and an entry lists {directory}.",
    "Set SteelToes(root=...) to a place that no entry lists.",
)
COPY_OF_ANOTHER = Reason("Its copy {copy} would be that of {other}, too.", "Give one of the two another location.")
ROOT_OF_OTHERS_RECORD = Reason(
    "Its record says that its copy lies below {root}, which is no root of this project.",
    "Look at the record; nothing below that root is read or removed until SteelToes(root=...) names it.",
)
NOT_THE_PARAMETER = Reason(
    "SteelToes(location_parameters=...) says that the path is there, and the entry has no such parameter.",
    "Name one that it has: {names}.",
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
GLOB_OF_PARTITIONS = Reason(
    "Partitions lie in a directory, and this is a pattern.",
    "Name the directory; `filename_suffix` and `load_args` say which of its files are partitions.",
)
SLASHES_AFTER_BUCKET = Reason("Two slashes follow its bucket, and Kedro lists no partition there.", "Write one slash.")
CHECKPOINT_OUTSIDE = Reason("Its checkpoint lies outside of it, or has `..` in its path.", "Keep the checkpoint in it.")
SEVERAL_PLACES = Reason(
    "It has several places, and its versions or partitions are kept in only one of them.",
    _MOVE_OR_SHARE,
)
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

# --- Why something is no root of all copies: ConfigurationError -------------------------------------------------------

_SUCH_A_ROOT = "Give such as s3://team-scratch/{{project}} or /scratch/{{project}}."

ROOT_WITHOUT_PREFIX = Reason('Only layout "prefix" has a root.', 'Set SteelToes(layout="prefix", root=...).')
ROOT_WITH_RECORDS = Reason("Records lie below the root, too.", "Leave out records=.")
ROOT_OF_OTHERS = Reason(
    "It is neither a text nor a mapping of protocols to texts.",
    'Give a text, or such as {{"s3": "s3://team-scratch", "file": "/scratch"}}.',
)
ROOT_OF_ANOTHER_PROTOCOL = Reason(
    "Its root for {protocol} is {root}, which no URL with that protocol would reach.", "Give each store its own."
)
TWO_ROOTS = Reason("Two of its protocols reach one store, and have two roots: {protocol}.", "Leave out one of them.")
UNKNOWN_PLACEHOLDER = Reason("Nothing takes the place of {placeholder}.", "Only {{project}} is known.")
RELATIVE_ROOT = Reason("It is relative, or another folder for each user.", _SUCH_A_ROOT)
ROOT_NO_FOLDER = Reason("It is no folder that can be written.", _SUCH_A_ROOT)
ROOT_IS_TAKEN = Reason("It lies inside a folder in which steel_toes keeps copies or records.", _SUCH_A_ROOT)
ROOT_OF_NOTHING = Reason("It names no bucket and no folder.", _SUCH_A_ROOT)
ROOT_IS_PROJECT = Reason(
    "It is the project's own folder, in which Git and whoever lists it would meet copies.",
    "Give a folder of its own, such as /scratch/{{project}}.",
)
ROOT_OF_SEVERAL_PROJECTS = Reason(
    "This project lies below the top of its repository, and others in it may have the same paths below the root.",
    "Give each a name of its own: SteelToes(project=...), or STEEL_TOES_PROJECT.",
)
ROOT_OF_NO_PROJECT = Reason(
    "Nobody knows which project this is: Git has no remote here.",
    "Set STEEL_TOES_PROJECT or SteelToes(project=...), or write the root without {{project}}.",
)

# --- What is asked for: ConfigurationError ----------------------------------------------------------------------------

MAIN_TO_CLEAN = Reason("It is main, whose copies are never removed.", "Give a branch's full name.")
BLANK_BRANCH = Reason("It is blank.", "Give a branch's full name.")
NOTHING_TO_ADOPT = Reason(
    "No file lies at the place of its branch copy.",
    "See where that is with `steel-toes status --paths {value!q}`, and move the file there.",
)
NO_COPY_TO_ADOPT = Reason(
    "It has no branch copies: it is shared, only read, or in memory.",
    "See with `steel-toes status {value!q}` which of them.",
)
HALF_TO_ADOPT = Reason(
    "It has several places, and nothing lies at {location}.",
    "Put the file there, too, and adopt all of them at once.",
)
NO_PLACE_TO_ADOPT = Reason(
    "It lies at no place where a branch copy of this catalog would be, or is recorded already.",
    "See where copies belong with `steel-toes status --paths`, and move the file there.",
)
NO_SUCH_COMMIT = Reason(
    "Git knows no such commit here, so nothing proves which code main has.",
    "Fetch it (`git fetch origin`), or name another.",
)
NOT_OF_THE_BRANCH = Reason(
    "Neither the catalog nor a record of the branch has a dataset of this name.",
    "See what the branch has: `steel-toes promote --branch {branch!q}`.",
)
MAIN_TO_PROMOTE = Reason("It is main, whose data is main's already.", "Give a branch's full name.")
NOBODY_TO_PROMOTE = Reason(
    "No branch of this name has data here, and none was promoted.",
    "See what there is with `steel-toes branches`.",
)
ANOTHER_CATALOG = Reason(
    "The code of this checkout is not that of {ref}{files}, and the catalog, which says where main's data lies, may be "
    "another, too.",
    "Commit, stash or remove what is not committed, then `git pull` or `git push`, or `git switch --detach {ref!q}`; "
    "or promote to what is checked out: `--code HEAD`.",
)

# --- A branch copy that cannot become main's: PromoteRefusedError -----------------------------------------------------

PROMOTES_ITSELF = Reason(
    "This process is on that branch, whose copies it writes.",
    "Go to main: `git switch main`; or unset STEEL_TOES_BRANCH.",
)
CHANGED_MEANWHILE = Reason(
    "The branch was saved or cleaned since the plan was made. Nothing was changed.",
    "Promote it again: `steel-toes promote --branch {branch!q}`.",
)
MAIN_CHANGED_SINCE_PLAN = Reason(
    "Main was saved since the plan was made. Nothing was changed.",
    "Look at the plan again: `steel-toes promote --branch {branch!q}`.",
)
MAIN_IS_LINKED = Reason(
    "In main's copy there is a symbolic link, through which other data would be written or removed: {link}.",
    "Put a file or a folder of its own in its place, then promote it.",
)
MAIN_IS_SHARED = Reason(
    "Main's file is a symbolic link to data that another entry has, too, and that would change with it: {link} and "
    "{other}.",
    "Put a file of its own in its place, then promote it.",
)
VERSIONS_IN_PARTITIONS = Reason(
    "Its partitions keep versions of their own: neither an undo branch nor a copy that stays could tell which of them "
    "main had.",
    "Promote it with --no-undo and without --keep.",
)
MAIN_IS_NEWER = Reason(
    "Main has a newer version ({version}), which it would go on to load.",
    "Run the pipeline on the branch again, for a version that is newer.",
)
OTHERS_INSIDE = Reason(
    "Main's folder is replaced as a whole, and other entries have their data in it: {others}.",
    "Give them a place of their own, or run the pipeline on main.",
)
OTHER_KIND_TODAY = Reason(
    "The branch saved it as {theirs}, and the catalog has it as {ours} by now.",
    "Run the pipeline on main.",
)
CLAIMED_MEANWHILE = Reason(
    "Another promote of the same data began since the plan was made. Nothing was changed.",
    "When it has ended, see what there is: `steel-toes promote --branch {branch!q}`.",
)
UNDO_IS_TAKEN = Reason(
    "What main has would be kept as {undo}, and something is kept there. Nothing was changed.",
    "Promote it again: `steel-toes promote --branch {branch!q}`.",
)
COPY_NOT_SETTLED = Reason(
    "Its branch copy is {condition}.",
    "Run the node that saves it again; or record what is there, if it is whole: `steel-toes adopt --branch {branch!q} "
    "{dataset!q}`; or remove it: `steel-toes clean --branch {branch!q} {dataset!q}`.",
)
NOT_TO_BE_BELIEVED = Reason("Its record cannot be used: {condition}.", "Look at {record}.")
CLAIMED_BY_ANOTHER = Reason(
    "The promote of branch {other} that {by} began at {since} is unfinished.",
    "End it first: `steel-toes promote --branch {other!q}`, or take it back: `steel-toes promote --branch {other!q} "
    "--abandon`.",
)
NO_PLACE_FOR_UNDO = Reason(
    "There is no place where what main has could be kept: {condition}.",
    "Promote it without a way back: `--no-undo`.",
)
CHECKPOINT_ELSEWHERE = Reason(
    "Main's checkpoint does not lie where its partitions are.",
    "Give the checkpoint a place in their directory (`checkpoint: {{filepath: ...}}` in the catalog), or run the "
    "pipeline on main.",
)
CHECKPOINT_OF_OTHERS = Reason(
    "Its checkpoint counts partitions that main does not have yet{units}: they are branch {others}'s to promote.",
    "Promote that first: `steel-toes promote --branch {others!q}`.",
)
HALF_A_SAVE = Reason(
    "The save that made it wrote other places, too, which are not asked for: {others}.",
    "Promote them together: name their datasets, too, or none.",
)
BROKEN_OFF = Reason(
    "The save{units} failed before it had saved all of its partitions: the others are older, or missing.",
    "Run the pipeline on the branch again until it ends; or remove the copy: "
    "`steel-toes clean --branch {branch!q} {dataset!q}`.",
)
FILE_AND_FOLDER = Reason(
    "Of main's and the branch's copy one is a file and one is a folder: {place}.",
    "Remove or move main's, then promote it.",
)
OTHER_VERSION_THERE = Reason(
    "Main has another version of the same name: {version}. Versions are never replaced.",
    "Save the branch's again, as a version of its own; or remove it: `steel-toes clean --branch {branch!q} "
    "{dataset!q}`.",
)
NOT_VALID = Reason(
    "Kedro's validator of {entry} says: {condition}.",
    "Mend the data on the branch; or promote it unchecked: `steel-toes promote --branch {branch!q} {dataset!q} "
    "--no-check`.",
)

# --- Main that was saved: MainChangedError ----------------------------------------------------------------------------

MAIN_SAVED_SINCE = Reason(
    "Main's copy{units} was saved since the branch copy was begun: main has {now}.",
    "Run the pipeline on main, then `steel-toes clean --branch {branch!q} {dataset!q}`; or replace what main has: "
    "`--force main`.",
)
MAIN_SAVED_SINCE_UNDO = Reason(
    "Main's copy{units} was saved since it was promoted: main has {now}.",
    "To bring back what main had before all the same, say `--force main`.",
)
MAIN_SAVED_MEANWHILE = Reason(
    "Main was saved meanwhile: {done} of {total} objects are the branch's by now, and the others as they were, or as "
    "main saved them.",
    "Take it back with `steel-toes promote --branch {branch!q} --abandon`, and promote it again.",
)

# --- Code that main does not have: CodeNotMergedError -----------------------------------------------------------------

_FORCE_CODE = "Run the pipeline on main; or, if the data is right all the same, say `--force code`."
_MERGE_IT = (
    "If it is merged, have that here (`git pull`, `git push`); if it is not, merge it. Else run the pipeline on main; "
    "or, if the data is right all the same, say `--force code`."
)
CODE_IS_UNKNOWN = Reason("Nobody recorded which code made the data.", _FORCE_CODE)
CODE_IS_NOT_THE_SAME = Reason(
    "The code of {ref} is not the same as the code that made the data.",
    "Leave out --strict, if the branch's changes are enough; or run the pipeline on main.",
)
CODE_IS_NOT_EACH_ONES = Reason(
    "A part of it, such as an older version or partition, was made by code of the branch that {ref} does not have.",
    f"Make that part anew with main's code. {_FORCE_CODE}",
)
CODE_IS_ANOTHER = Reason("What made the data is not what {ref} has{paths}.", _MERGE_IT)
OTHER_ENV = Reason(
    "The data was made with Kedro's environment {theirs}, and this command has {ours}.",
    f"Give that with --env. {_FORCE_CODE}",
)
OWN_PARAMS = Reason(
    "The data was made with parameters of the command line (--params), which main's runs do not have.",
    _FORCE_CODE,
)

# --- A promote that is unfinished: PromoteUnfinishedError -------------------------------------------------------------

_END_IT = "End it with `steel-toes promote --branch {branch!q}`"
_ABANDON = "`steel-toes promote --branch {branch!q} --abandon`"
SAVED_LATER = Reason("Nothing of it is saved before that has ended.", f"{_END_IT}, or take it back with {_ABANDON}.")
HAS_GONE_ON = Reason("It has gone on meanwhile.", f"{_END_IT}, or take it back with {_ABANDON}.")
IS_PROMOTED = Reason(
    "Main has all of it already, and only the rest is to be done.",
    f"{_END_IT}; then its undo branch takes it back.",
)
IS_ABANDONED = Reason("Somebody is taking it back.", f"If nobody is any more, take it back with {_ABANDON}.")
COPY_WAS_REMOVED = Reason(
    "The branch copy was removed meanwhile, so main may have a part of it.", f"Take it back with {_ABANDON}."
)
BRANCH_WAS_SAVED = Reason(
    "The branch was saved meanwhile, so main may have a part of what it had.",
    f"Take it back with {_ABANDON}. Then promote it again.",
)

# --- A copy that cannot begin as another: ConfigurationError, SeedRefusedError ----------------------------------------

SEED_FROM_MAIN = Reason(
    "Whatever a branch has not saved is main's already.",
    "To keep main's data of now, name datasets and leave out --from.",
)
SEED_FROM_ITSELF = Reason("This is that branch.", "Give another one's full name, or go to the branch that is to begin.")
NOBODY_TO_SEED_FROM = Reason("No branch of this name has data here.", "See what there is with `steel-toes branches`.")
HAS_NO_COPIES = Reason(
    "It has no copies on a branch: {condition}.",
    "Leave it out.",
)
CANNOT_BE_BUILT = Reason("Kedro cannot make it: {error}.", "Install what it needs, or name the other datasets.")
NOTHING_TO_SEED = Reason("There is nothing to begin from: main has no data of it.", "Leave it out.")
IS_INSIDE = Reason(
    "Its partitions lie among another entry's, which begin together.",
    "Name the entry that lists all of the folder.",
)
PART_OF_A_SAVE = Reason(
    "It was saved together with other places of one dataset, and alone it would be half of that.",
    "Name the dataset that has all of them: `steel-toes seed --from {source!q} {other!q}`.",
)
PARTITIONS_ARE_FOLDERS = Reason(
    "Its partitions may be folders, by their class, and nothing says which of main's files are one partition.",
    "Run the node that saves it on this branch, or begin from a branch that has.",
)
HAS_A_COPY = Reason(
    "The branch has a copy of its own, which would be lost.",
    "To replace it, say `--again`; to look at it first, `steel-toes status {dataset!q}`.",
)
SOURCE_OF_OTHERS = Reason("What branch {source} has there is another project's.", "Name datasets of this project.")
SOURCE_IS_CLAIMED = Reason(
    "What branch {source} has is being promoted, and that has not ended.",
    "End it first: `steel-toes promote --branch {source!q}`. Then it is main's, too.",
)
SOURCE_NOT_SETTLED = Reason(
    "What branch {source} has is {condition}.",
    "Have that branch save it again, or leave the dataset out by naming the others.",
)
SOURCE_OF_OTHER_KIND = Reason(
    "Branch {source} saved it as {theirs}, and the catalog has it as {ours} by now.",
    "Have that branch save it again, or leave the dataset out by naming the others.",
)
SOURCE_CHANGED = Reason(
    "What it was to begin as was saved or removed since the plan was made. Nothing was changed.",
    "Seed it again, to see what there is now.",
)
SOURCE_CHANGED_MIDWAY = Reason(
    "What it was to begin as was saved or removed while it was copied. Nothing of it is kept, and what the branch had "
    "in the same place is gone.",
    "Seed it again.",
)
