"""What the log and the commands say, and how the branch was decided; what errors say stands with them."""

from __future__ import annotations

# --- Which branch it is: `Branch.why`, `Branch.tried` -----------------------------------------------------------------

NOT_AN_ARGUMENT = "SteelToes(branch=...) is not given"
NOT_A_VARIABLE = "STEEL_TOES_BRANCH is not set"
NOT_A_REQUEST = "no CI system says that this is a pull or merge request"
REQUEST_WITHOUT = "{system} builds a pull or merge request, but does not say {fact} of it."
BUILDS_A_TAG = "{why}, and {system} builds the tag {tag}."
NAMES_NO_BRANCH = "{why}, and {system} names no branch."
NO_BRANCH = "no branch"
NO_BRANCH_SINCE = "no branch ({why})"
MAIN_BY_VARIABLE = "STEEL_TOES_BRANCH says {main}, but Git is on {branch}, whose code would overwrite main's data."
MAIN_SINCE_LOADED = (
    "STEEL_TOES_BRANCH says {main}, but this process loaded the code of branch {branch}, which would overwrite main's "
    "data. Restart it."
)
ARGUMENT_AGAINST_GIT = (
    "SteelToes(branch={main!r}) says that this is main, and Git is on {branch}: everything that is saved goes to "
    "main's data. Take it out of settings.py to save to the branch's own copies."
)
MAIN_OF_A_VARIABLE = (
    "STEEL_TOES_MAIN says that {branch} is main, so what is saved here goes to main's data, though there "
    "is a branch {main}. Unset it if it is another project's; else write SteelToes(main={branch!r}) in settings.py."
)
GIT_HAS_NO_SUCH_BRANCH = " Git has no branch of this name here: is it misspelled?"
VARIABLE_AGAINST_GIT = "STEEL_TOES_BRANCH says {variable}, and Git is on {branch}. The variable counts."
REPOSITORY_IN_DOUBT = "{why}, so nothing proves that this is {branch}, as {system} says."
COMMIT_NOT_GIVEN = "{system} builds {branch}, but does not say at which commit, so nothing proves that HEAD is there."
ANOTHER_COMMIT = "{system} builds {branch} at {commit}, but HEAD is at {head}, which may be a request's."
GIT_MISSING = "Git is missing: there is no `git` command on the PATH"
NOT_A_REPOSITORY = "{project} is not in a Git repository"
DUBIOUS_OWNERSHIP = 'Git refuses to read {project}, since another user owns it ("{error}")'
GIT_REFUSES = 'Git cannot tell the branch of {project} ("{error}")'
REBASING = "HEAD of {project} is detached, since a rebase of {branch} has not finished"
DETACHED = "HEAD of {project} is detached: it points at {target}, not at a branch"

MAIN_NOT_LISTED = "the remote does not list main"
BRANCHES_UNKNOWN = "Git does not know this project's branches"
NO_SUCH_REMOTE = "no remote here has the URL of its upstream"
REMOTE_SILENT = 'the remote {remote} gave no answer ("{error}")'
ANOTHER_PROJECTS_BRANCH = "it is {project}'s"

# --- What a run logs --------------------------------------------------------------------------------------------------

ON_BRANCH = "steel-toes: on branch %s (from %s); saves go to %s"
ON_BRANCH_READ_ONLY = "steel-toes: on branch %s (from %s), read-only by %s: nothing is saved"
ON_MAIN_READ_ONLY = "steel-toes: read-only by %s: everything is read from main, and nothing is saved"
WARNING_IN_LOG = "steel-toes: %s"
NEAR_MISS = "%s: its metadata has `%s`, which nobody reads. Write `steel_toes` if it is meant for steel_toes."
SWITCHED_OFF_ON_BRANCH = (
    "steel-toes: STEEL_TOES_ENABLED switches steel_toes off, and by %s this is branch %s: everything that is saved now "
    "goes to main's data. Unset STEEL_TOES_ENABLED to save to the branch's own copies."
)
ON_UNKNOWN_BRANCH = "steel-toes: the branch is unknown, so data is read from main and not saved. %s"
BRANCHED_TWICE = "steel-toes: this catalog is branched already. Keep one SteelToes() among the HOOKS."
RUN_READ = "{branch} from the branch, {main} from main; "
RUN_WROTE = "steel-toes: %swrote %s to the branch%s"
SHARES_NOTHING = "SteelToes(shared=...) names %r, and no entry of the catalog is called so."
LISTS_MOST_ENTRIES = (
    "steel-toes: %s lists %s, in which %s of the %s locations lie, so that on a branch all of them move to its copy, "
    "%s. If the entry is left over, such as a template in YAML, remove it; else give it a folder of its own."
)
RUN_WROTE_TO_MAIN = "steel-toes: saves of %s went to main's data, since the entries are shared: %s"
RUN_READ_OLD = (
    "steel-toes: main's data of %s has changed since the branch's copies began: %s. To read main's again: "
    "`steel-toes clean --branch %s %s`"
)
RUN_IGNORED = (
    "steel-toes: the files at the branch's places of %s have no record, and are ignored: main's are read. If they are "
    "whole, record them: `steel-toes adopt %s`"
)
BRANCH_RENAMED = (
    "steel-toes: branch %s was called %s before it was renamed. What was saved under that name is not read here: "
    "`steel-toes seed --from %s --again` brings it here; then `steel-toes clean --branch %s` removes the old copies."
)
CODE_EDITED = (
    "steel-toes: a file of the code changed after it was loaded, so the records of this process do not say which code "
    "made the data."
)
RECORD_NOT_PUT = "steel-toes: after the run had failed, what it saved before could not be recorded: %s"
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

# --- What a notebook shows beneath a dataset --------------------------------------------------------------------------

READING_BRANCH = "A load reads the copy of branch {branch}: {location}"
READING_MAIN = "A load reads main's data; branch {branch} has no copy of its own yet."
READING_REFUSED = "A load reads main's data; a save is refused."
READING_FAILS = "A load fails. {why}"

# --- What commands say ------------------------------------------------------------------------------------------------

NO_PROJECT = "{folder} is in no Kedro project. Go to the project's folder."
BROKEN_PROJECT = "Kedro cannot load the project in {folder}. {error}"
NO_CATALOG = "Kedro cannot make the catalog. {error}. Correct the configuration, --params, --env or --conf-source."
WARNING_ON_SCREEN = "Warning: {warning}"
NO_HOOK = (
    "SteelToes is not among the HOOKS of the project's settings.py. Put `from steel_toes import SteelToes` and "
    "`HOOKS = (SteelToes(),)` into it."
)
SWITCHED_OFF = "STEEL_TOES_ENABLED is false"
BRANCH_IS_MAIN = "This is {branch}, main's branch"
NO_PIPELINE = "No pipeline is named {pipeline}; there are {pipelines}."
NOT_IN_PIPELINE = "The pipeline {pipeline} does not use {names}."
PERHAPS = "{name} (perhaps {near}?)"
OF_NO_RECORD = "Neither the catalog nor a record of these branches has {names}."
STATUS_TOTALS = "{datasets}: {branch} read from the branch ({size}), {main} from main"
STATUS_NEITHER = ", {number} from neither"
HEADER_OF_PLAN = "Of branch {branch}:"
NOT_IN_CATALOG = "The catalog has no {names}."
NOT_AN_AGE = "{value!r} is no age. Give hours, days or weeks, such as 36h, 7d or 2w."
BRANCH_UNKNOWN = "The branch is unknown. {why}"
OTHER_MAIN = (
    "Warning: the remote's HEAD is {default}, and main is {main}. "
    'If that is not right, set SteelToes(main="{default}").'
)
READ_ONLY_HERE = "{source} makes this process read-only: nothing is saved."
STEPS_ASIDE_READ_ONLY = "{why}: everything is read from main. {source} makes this process read-only: nothing is saved."
NOT_READ_ONLY = "`steel-toes {command}` is refused: {source} makes this process read-only. To write, take that away."
STEPS_ASIDE = "{why}: everything is read from main and saved to main."
READS_MAIN = "The branch is unknown, so data is read from main and not saved. {why}"
WAYS_OUT = """A dataset whose side is none cannot be loaded. Run the node again that saves it;
or record what is there, if it is whole:
  steel-toes adopt DATASET
or go back to main's:
  steel-toes clean --branch {branch!q} DATASET"""
EMPTY_CATALOG = "The catalog has no datasets."
NO_BRANCHES = "No branch has data in this catalog's stores."
WHICH_BRANCHES = "Say which branches: either --branch NAME; or --stale, --older-than AGE or both of these two."
REMOVE_THEM = "Remove them?"
REMOVED = "Removed {number} of {copies}."
WHAT_TO_ADOPT = "Say what: either names of datasets or paths, or --from-0.5 alone."
NO_COPIES_HERE = "No branch has copies here: {why}. Go to a branch (`git switch`), or name it with STEEL_TOES_BRANCH."
RECORDED_ALREADY = "Nothing to record: what lies there is recorded already."
NO_LEGACY_FILES = "Nothing to record: no entry has a file of steel-toes 0.5 on branch {branch}."
RECORD_THEM = "Record them as branch {branch}'s?"
RECORDED = "Recorded as branch {branch}'s: {files}."
NOTHING_OF_BRANCH = "Nothing of branch {branch} is here to remove."
TOO_YOUNG = "Branch {branch} is gone, but its last save is too young. It would go from {date} on."
CLEAN_TOTAL = "{copies}: {files}, {size}; {records}, {locks}. {hint}"
PATHS_LIST_THEM = "--paths lists them."
BUCKET_IF_EMPTY = "its bucket, if empty"
ITS_RECORD = "its record"
ITS_LOCK = "its lock"
NO_ORPHANS = "No branch of this project is known to be an orphan."
NOT_KNOWN_ORPHAN = "Whether branch {branch} is an orphan is not known, so it is not listed: {why}."
WITHOUT_HOOK = (
    "SteelToes is not among the HOOKS of the project's settings.py, so runs are plain Kedro's and write main's data. "
    "What branches left is looked for with the default settings: records elsewhere (records=...) are not found."
)
HEADER_BRANCH = "Branch {branch} (from {source})."
COPIES_NAMED = "named {mark}"
COPIES_IN_FOLDER = "in {mark}"
HEADER_COPIES = "Its copies are {where}."
WHOAMI_BRANCH = "This is branch {branch} (from {source}). Its copies are {where}."
WHOAMI_IS_MAIN = "This is {branch}, main's branch (from {source}): steel_toes steps aside."
WHOAMI_MAIN = "Main is {mains} (from {source})."
WHOAMI_PROJECT = "The project is {project} (from {source})."
WHOAMI_NO_PROJECT = "The project has no name: there is no remote, and nothing else says it."
WHOAMI_ROOT = "Copies and records lie below {root}, of data on the same store."
WHOAMI_ROOT_OF = "Copies and records of what lies on {store} lie below {root}."
WHOAMI_NO_ROOT_OF = "Those of other stores lie beside main's data, in _branches/."
WHOAMI_SWITCHED_OFF = "STEEL_TOES_ENABLED is false: everything is read from main and saved to main."
WHOAMI_TRIED = "Asked before: {whys}."
LEGEND = {
    ("side", "branch"): "branch, the branch's own copy is read",
    ("side", "main"): "main, main's data",
    ("side", "none"): "none, a load fails",
    ("saves", "branch"): "branch, to its own copy",
    ("saves", "main"): "main, to main's data",
    ("saves", "memory"): "memory, to no file",
    ("saves", "refused"): "refused",
    ("saves", "read only"): "read only, nobody saves it",
    ("main", "same"): "same, as when the branch's copy began",
    ("main", "changed"): "changed since",
    ("main", "missing"): "missing, there is none",
}
NO_OLD_BRANCH = "Nothing to remove: no branch is old enough."
NO_STALE_BRANCH = "Nothing to remove: no branch that is gone is old enough."
NOT_KNOWN_GONE = "Whether branch {branch} is gone is not known, so it stays: {why}."
NOTHING_CHANGED = "Nothing was changed."
ADD_YES = "Nothing was changed. Add --yes to do it."
CANNOT_WRITE = "Cannot write {path}. {why}."
FAILED = "Failed: {why}"

PARTIAL_LISTING = (
    "Nothing is removed by age while a place does not answer: the youngest copy of a branch may lie there. "
    "Try again later, or name the branches with --branch."
)
LEFT_OUT = "{record} is left out: {why}."
LEFT_ALONE = "{record} ({dataset}) is left alone: {why}."
OF_OTHER_BRANCH = "it belongs to branch {branch}"
OF_OTHER_PROJECT = "it belongs to {project}"
AN_UNKNOWN_PROJECT = "an unknown project"
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
IS_CLAIMED = "the promote that {author} began at {time} has not ended: `steel-toes promote --branch {branch!q}` ends it"
IS_BEING_SAVED = "it is being saved"
COPY_BEING_REMOVED = "being removed"
COPY_BEING_SAVED = "being saved, or its save died"
COPY_TORN = "torn, or being saved"
COPY_ALTERED = "altered by other hands"
COPY_MISSING = "gone"
RECORD_HAS_CHANGED = "its record has changed since the plan was made"

SAVED_SO_IT_STAYS = "the branch was saved meanwhile: its copy stays"
MAIN_HAS_NONE = "none now"
MAIN_HAS_NOW = "{size} of {date} now"
DEFAULT_ENV = "local"
AND_MORE = "{shown} and {number} more"

PROMOTE_HEADER = "Of branch {branch}, to main as of {ref} ({commit}):"
TAKING_BACK = "The promote of {datasets} that {author} began at {time} has not ended."
FINISHING = "The promote of {datasets} that {author} began at {time} has not ended: it is ended first."
CHANGED_SINCE_SHOWN = "Branch {branch} is not promoted: it has changed since it was shown. Call promote again."
CLAIM_OF_ANOTHER_PROJECT = (
    "The promote of branch {branch} that {author} began at {time} has not ended, and is project {project}'s. If this "
    "project was called so, say it: `export STEEL_TOES_PROJECT={project!q}`."
)
IS_UNFINISHED = (
    "The promote of branch {branch} ({datasets}) that {author} began at {time} has not ended: main may have a part of "
    "it. End it with `steel-toes promote --branch {quoted}`, or take it back with --abandon."
)
NOTHING_WAS_PROMOTED = "Nothing was promoted yet."
FINISH_IT = "End it?"
PROMOTE_TOTAL = "{objects}, {size} to main."
MAIN_IS_KEPT = "What main has there now ({objects}) is kept as an undo branch then."
MAIN_IS_NOT_KEPT = "What main has there now ({objects}) is not kept then."
COPIES_UNCONDITIONAL = (
    "This store does not refuse a copy over a newer object: a save of main within some milliseconds of ours would be "
    "lost."
)
REFUSED = "Refused: {names}. {why} {remedy}"
PROMOTE_THEM = "Promote them?"
PROMOTE_THE_OTHERS = "Or promote the others alone: `steel-toes promote --branch {branch} {names}`"
PROMOTED = "Promoted {datasets}, {objects}."
TO_TAKE_IT_BACK = "To take it back: `steel-toes promote --branch {undo} --yes`"
WAS_TAKEN_BACK = "It was taken back at {time} by {author}. To have it again: `steel-toes promote --branch {undo} --yes`"
CODE_LEGEND = (
    "code: same, main has all code files that made it; contained, those that the branch had changed; other, it has not."
)
NOTHING_TO_PROMOTE = "Nothing to promote: the branch has saved nothing of it, or it was cleaned."
WAS_PROMOTED = "Nothing to promote: it was promoted at {time} by {author}."
LEFT_IN_MAIN = "stays, no partition"
CHECK_PASSED = "passed"
CHECK_WARNED = "warned: {why}"
ABANDON_THEM = "Take it back?"
ABANDONED = "Taken back: main is as it was."
ABANDONED_BUT = (
    "Taken back, but for {names}: main has all of it already. End that with `steel-toes promote --branch {branch}`; "
    "then its undo branch takes it back."
)
ABANDONED_MIXED = "Taken back, but {objects} of main's are neither as they were nor the branch's:"
MIXED_IS_KEPT = "What main had of it, as far as it was kept, is in branch {undo}: run main's pipeline, or compare."
KEPT_IS_LEFT = "What was kept of main's is needed no more: `steel-toes clean --branch {undo} --yes`"
NOTHING_TO_ABANDON = "No promote of branch {branch} is unfinished."
WHICH_TO_PROMOTE = "Say which branch: either --branch NAME, or --merged alone."
MERGED_IS_PROOF = "--merged takes what main has the code of, and forces nothing. Name the branch: --branch NAME."
NOT_MERGED_YET = "main does not have its code (`steel-toes promote --branch` says what is missing)"
NO_MERGED_BRANCH = "Nothing is promoted."
PROMOTED_ALREADY = "{dataset} was promoted, and stayed on the branch."
MAIN_IS_LOST = "{dataset}: what main has saved since, too, is replaced or removed ({objects}, {size})."
AS_SEEDED = (
    "{dataset} is as it was seeded from branch {branch}, which has it still: promote that first "
    "(`steel-toes promote --branch {branch!q}`), or clean it there."
)
AS_SEEDED_FROM_MAIN = "{dataset} is as it was seeded, and main has that: it has no part in this."
SEEDED_FROM = "seeded from {branch}"
MAIN_OF_THEN = "main as it was"
SEEDED_AND_SAVED_SINCE = "seeded from {branch}, which has saved since"
SEEDED_AND_GONE_SINCE = "seeded from {branch}, whose copy is gone"
IS_NO_ENTRY = "it is no entry that a pipeline uses, and names are not patterns"
IS_SHARED = "it is shared"
IS_LEFT_ALONE = "it is in memory, or only read"
SEED_REPLACES = {"own": "what was saved here", "seed": "an earlier seed", "": ""}
SEED_LOSES = "This branch has saved {datasets} itself, and that would be lost."
SEED_OTHERS = "Nothing was changed. To copy the others alone: `{command}`"
WHAT_TO_SEED = (
    "Say what: a branch to begin from (`--from feature/1`), datasets (they begin as main's data of now), or both."
)
IT_GOES = "goes"
SEED_THEM = "Copy them?"
SEEDED = "Seeded {datasets}: {files}, {size}."
SEED_TOTAL = "{datasets}: {files}, {size}."
NO_ENTRY_OF_IT = "no entry of the catalog has this location, or it is shared"
MADE_FROM_OTHERS = "{dataset} was made from the branch's {others}, which stays behind: main's is another."
IS_NOT_MERGED = "Branch {branch} is not promoted: {why}"
RAN_MAINS_CODE = "it ran main's own code, and nothing of it was merged. Name it to promote it all the same (--branch)."

SIDE_SHARED = "shared"
SIDE_LEFT_ALONE = "left alone: it is only read"
SIDE_IN_MEMORY = "left alone: it is in memory"
OF_ANOTHER_LAYOUT = "{why}, under {layout}"
OF_ANOTHER_PROJECT = "{why}, by {project}"
ABSENT_AS_IN_MAIN = "{number} absent, as main had none"
NEVER_SAVED = "never saved on the branch"
UNIT_WITHOUT_RECORD = "without a record, so ignored"
UNIT_UNFINISHED = "of a first save that did not finish"
UNIT_SAVED = "saved on the branch"
UNIT_TORN = "torn: its save did not finish"
UNIT_GONE = "gone"
UNIT_CHANGED = "altered by other hands"
BESIDE_MAINS = "beside main's"
OVER_MAINS = "over main's"
INSTEAD_OF_MAINS = "in the place of all of main's"
