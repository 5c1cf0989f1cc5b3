"""`branches`: every branch that has records in this catalog's stores."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import NamedTuple

from steel_toes import sentences
from steel_toes.actions.inventory import Inventory, Measure, believed, read_all
from steel_toes.actions.plan import FiledRecord, StoredRecord
from steel_toes.checkout.git import GONE, NO_SUCH_BRANCH, OF_A_FORK, UNKNOWN
from steel_toes.redaction import redacted_repr
from steel_toes.stores.together import all_together

_ORPHANS = (GONE, NO_SUCH_BRANCH, OF_A_FORK)
_MANY = 1000  # records: more are not all read unless somebody asks for it


@redacted_repr
@dataclass(frozen=True)
class Summary:
    """What a branch holds; `files` and `bytes` only where every record was read. `git` is as `GitWord` says."""

    branch: str
    project: str | None
    datasets: int
    files: int | None
    bytes: int | None
    last_write: datetime
    author: str
    git: str
    why: str


class Summaries(NamedTuple):
    """What each branch holds, which records are left out and why, and what could not be read."""

    rows: list[Summary]
    left: list[str]
    failures: list[str]


def summarise(inventory: Inventory, sizes: bool | None = None) -> Summaries:
    """What each branch holds, newest first.

    Args:
        inventory: of the project.
        sizes: whether every record is read, for files and bytes; None: if there are not more than 1,000.
    """
    groups, failures = inventory.list_records()
    stored = list(chain.from_iterable(groups.values()))
    # With many records, one of each branch says all but the sizes.
    reads_all = len(stored) <= _MANY if sizes is None else sizes
    readings = read_all(stored) if reads_all else inventory.samples(groups.values())
    records, unread = believed(readings)
    placed, left = _sort_out(inventory, records)
    rows = []
    for branch_records in _by_branch(placed).values():
        if reads_all:
            measures = all_together(inventory.measure, branch_records)
            unread += [measure.failure for measure in measures if measure.failure]
            rows.append(_summary(inventory, branch_records, len(branch_records), measures))
        else:
            # The sample stands for its folder: what else lies there was not read.
            slug_records = groups[branch_records[0].stored.slug]
            rows.append(_summary(inventory, branch_records, _count_paths(slug_records), None))
    rows.sort(key=lambda row: row.last_write, reverse=True)
    return Summaries(rows, left, failures + unread)


def only_orphans(summaries: Summaries, inventory: Inventory) -> Summaries:
    """Those branches of this project that no remote and no checkout has that was asked.

    What is not known of one is a failure: absence of evidence proves nothing.
    """
    own = [row for row in summaries.rows if row.project == inventory.policy.project]
    rows = [row for row in own if row.git in _ORPHANS]
    unknown = [row for row in own if row.git == UNKNOWN]
    failures = [sentences.NOT_KNOWN_ORPHAN.format(branch=row.branch, why=row.why) for row in unknown]
    return Summaries(rows, summaries.left, summaries.failures + failures)


def _by_branch(records: list[FiledRecord]) -> dict[tuple[str, str | None], list[FiledRecord]]:
    """The records of each branch of each project."""
    groups: dict[tuple[str, str | None], list[FiledRecord]] = {}
    for filed in records:
        # Two projects in one bucket may both have a branch of this name.
        key = (filed.record.branch_name, filed.record.writer.project)
        groups.setdefault(key, []).append(filed)
    return groups


def _sort_out(inventory: Inventory, records: list[FiledRecord]) -> tuple[list[FiledRecord], list[str]]:
    """The records that can be believed; and of each other one, why it is of no branch."""
    placed = []
    left = []
    for filed in records:
        # What a first save that failed left is no branch's copy.
        if filed.record.says_nothing:
            continue
        why = inventory.why_misplaced(filed)
        if why:
            left.append(sentences.LEFT_OUT.format(record=filed.stored.path, why=why))
        else:
            placed.append(filed)
    return placed, left


def _count_paths(stored: list[StoredRecord]) -> int:
    # Two sets of credentials may have shown one record.
    return len({record.path for record in stored})


def _summary(
    inventory: Inventory, records: list[FiledRecord], datasets: int, measures: list[Measure] | None
) -> Summary:
    # Listings are sorted: the first record is the branch's last save.
    newest = records[0]
    writer = newest.record.writer
    files = None
    size = None
    if measures is not None:
        copies = [measure.copy for measure in measures if measure.copy]
        sizes = [item.size for copy in copies for item in copy.objects.values()]
        files = len(sizes)
        size = sum(sizes)
    word, why = inventory.word_on(newest.record)
    return Summary(
        branch=newest.record.branch_name,
        project=writer.project,
        datasets=datasets,
        files=files,
        bytes=size,
        last_write=newest.stored.modified,
        author=str(writer),
        git=word,
        why=why,
    )
