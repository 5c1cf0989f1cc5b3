"""A promote's values: what becomes main's, where everything of it lies, and what would be done about it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import NamedTuple

from steel_toes import errors
from steel_toes.actions.claims import StoredClaim
from steel_toes.actions.inventory import Inventory, main_location
from steel_toes.actions.plan import FiledRecord, StoredRecord
from steel_toes.catalog.roots import RecordRoot
from steel_toes.checkout.proof import CodeVerdict
from steel_toes.datasets.paths import filesystem_path
from steel_toes.naming.branch import make_slug
from steel_toes.naming.layout import Layout
from steel_toes.records.file import RecordFile
from steel_toes.records.journal import Claim, ClaimFile, ClaimInPlace, Goal, claim_path
from steel_toes.records.record import Record, record_path
from steel_toes.redaction import redacted_repr
from steel_toes.stores.base import Store

MAIN, CODE = "main", "code"
"""What may be forced: that main is as it was, and that it has the code."""


@dataclass(frozen=True)
class PromoteWish:
    """What somebody asks `promote` to do.

    Args:
        branch_name: the branch.
        datasets: only these, by their name in the record or in the catalog; without one, all.
        forced: the requirements that are dropped: `MAIN`, `CODE`.
        is_strict: whether main must have all code files as they were.
        keeps_copy: whether the branch copies stay.
        keeps_main: whether what main has is kept, so that it can be taken back.
        is_named: whether somebody named the branch: then it may be of an unknown project.
    """

    branch_name: str
    datasets: Collection[str] = ()
    forced: frozenset[str] = frozenset()
    is_strict: bool = False
    keeps_copy: bool = False
    keeps_main: bool = True
    is_named: bool = True


@redacted_repr
@dataclass(frozen=True)
class Promotion:
    """One branch copy that becomes main's, and where all of it lies.

    Args:
        root: of the records.
        claim: the plan for its location.
        store: of the data: main's, the branch's, and what is kept of main's.
        main_path: of main's copy.
        copy_path: of the branch copy.
        record_path: of the branch copy's record, in the root's store.
        undo_path: of the copy that keeps what main has; "" if nothing does.
        undo_record_path: of its record.
        record: of the branch copy, as it was planned; None if it was not read.
        stamp: of that state.
    """

    root: RecordRoot = field(repr=False)
    claim: Claim
    store: Store = field(repr=False)
    main_path: str = field(repr=False)
    copy_path: str = field(repr=False)
    record_path: str
    undo_path: str = field(default="", repr=False)
    undo_record_path: str = ""
    record: Record | None = None
    stamp: str = ""

    @property
    def claim_file(self) -> ClaimFile:
        """The file of the claim."""
        return ClaimFile(self.root.store, claim_path(self.record_path))

    @property
    def record_file(self) -> RecordFile:
        """The file of the branch copy's record."""
        return RecordFile(self.root.store, self.record_path, self.claim.dataset)

    @property
    def undo_file(self) -> RecordFile:
        """The file of the record of what is kept."""
        return RecordFile(self.root.store, self.undo_record_path, self.claim.dataset)

    def main_of(self, goal: Goal) -> str:
        """Where main has an object."""
        return goal.path(self.claim.kind, self.main_path)

    def source_of(self, goal: Goal) -> str:
        """Where the branch has it."""
        return goal.path(self.claim.kind, self.copy_path)

    def kept_of(self, goal: Goal) -> str:
        """Where what main had is kept."""
        return goal.path(self.claim.kind, self.undo_path)

    def passage(self, path: str) -> str:
        """Where a copy to a disk is made before it takes its place; "" in a store that needs none."""
        return self.store.passage(*self._passages, path)

    def clear_passages(self) -> None:
        """Remove what a call that died has made there."""
        targets = list(map(self.main_of, self.claim.puts))
        if self.undo_path:
            targets += map(self.kept_of, self.claim.replaced)
        self.store.clear_passages(*self._passages, targets)

    @property
    def _passages(self) -> tuple[str, str]:
        """The folder of such copies, and what their names begin with."""
        folder, _, _ = self.claim_file.path.rpartition("/")
        # Records may lie in another store: then beside main's copy, and in nothing that is one dataset.
        if self.root.store.protocol != self.store.protocol:
            folder, _, _ = self.main_path.rpartition("/")
        return folder, self.claim.id

    def with_claim(self, claim: Claim) -> Promotion:
        """The same, by a claim that lay there already: another call may have named its undo branch otherwise."""
        if claim.undo == self.claim.undo:
            return replace(self, claim=claim)
        if not claim.undo:
            return replace(self, claim=claim, undo_path="", undo_record_path="")
        # A slug with a digest stands nowhere else in a path.
        names = f"/{make_slug(self.claim.undo)}/", f"/{make_slug(claim.undo)}/"
        undo_path = self.undo_path.replace(*names)
        undo_record_path = self.undo_record_path.replace(*names)
        return replace(self, claim=claim, undo_path=undo_path, undo_record_path=undo_record_path)

    def can_join(self, claim: Claim) -> bool:
        """Whether a claim of another call is a plan for this very copy, which can be gone on with."""
        is_same = claim.is_of(self.claim.branch_name, self.claim.record_id)
        # Without a branch of its own, nobody has looked for a place for what main has.
        return is_same and (bool(self.claim.undo) or not claim.undo)


class Unfinished(NamedTuple):
    """A promote that has not ended: where all of it lies, and its claim as it was read."""

    promotion: Promotion
    in_place: ClaimInPlace


class Row(NamedTuple):
    """What a plan shows of one branch copy.

    Attributes:
        promotion: it.
        refusals: why it cannot become main's, each with the way out.
        size: of what main gets, in bytes.
        main_is_changed: whether main is another than when it was begun; None where main has none, and had none.
        code: what is proved of the code that made it; None of what main itself had.
        other_files: how many code files differ, where they do.
        skipped: the versions that main has.
        left: main's files in the folder that are no partitions, and stay.
        main_modified: when main's copy was last written.
        checked: what Kedro's validator said; "" where none was asked.
    """

    promotion: Promotion
    refusals: tuple[errors.CopyError, ...]
    size: int
    main_is_changed: bool | None
    code: CodeVerdict | None
    other_files: int = 0
    skipped: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    main_modified: datetime | None = None
    checked: str = ""


@redacted_repr
@dataclass(frozen=True)
class PromotePlan:
    """What `promote` would do.

    Args:
        rows: of the branch copies that become main's, in this order.
        unfinished: the claims of an earlier promote of the branch, which is ended first.
        left: why other copies have no part in it.
        failed: what could not be read.
        warnings: what somebody should know, and what refuses nothing.
        audits: the promotes of the branch that have ended.
        undone: those that have taken the last of them back.
    """

    rows: tuple[Row, ...] = ()
    unfinished: tuple[StoredClaim, ...] = ()
    left: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    audits: tuple[Claim, ...] = ()
    undone: tuple[Claim, ...] = ()

    @property
    def refusals(self) -> list[errors.CopyError]:
        """Why nothing is done."""
        # One is enough: nothing is done by halves.
        refusals: list[errors.CopyError] = []
        for row in self.rows:
            refusals += row.refusals
        return refusals

    @property
    def record_ids(self) -> dict[str, str]:
        """Of which state of each record it was made."""
        return {promotion.record_path: promotion.claim.record_id for promotion in self.promotions}

    @property
    def promotions(self) -> list[Promotion]:
        """What becomes main's."""
        return [row.promotion for row in self.rows]


def skeleton(claim: Claim, branch_name: str, layout: Layout) -> Record:
    """A record with the facts of a claim's location, and of nobody's data."""
    return Record(
        id=claim.record_id,
        state="complete",
        kind=claim.kind,
        branch_name=branch_name,
        dataset=claim.dataset,
        location=claim.location,
        layout=layout.name,
        root=layout.root,
        created="",
        saved="",
    )


def promotion_of(inventory: Inventory, root: RecordRoot, claim: Claim) -> Promotion:
    """Where all lies of a promote: computed from the location, and never taken from a path in a claim.

    Raises:
        RecordError: the claim says that it lies elsewhere.
        LocationError: there is no place for what main has.
    """
    filed = _filed(root, claim, claim.branch_name, Layout(claim.layout, claim.root))
    # As a record that anybody can edit.
    why = inventory.why_misplaced(filed)
    if why:
        path = claim_path(filed.stored.path)
        raise errors.RecordError(errors.NO_CLAIM, dataset=claim.dataset, record=path, error=why)
    is_overlay = claim.kind == "overlay"
    protocol, main_path = filesystem_path(main_location(filed), is_overlay)
    _, copy_path = filesystem_path(inventory.copy_location(filed), is_overlay)
    store = inventory.data_store(filed, protocol)
    promotion = Promotion(root, claim, store, main_path, copy_path, filed.stored.path)
    if not claim.undo:
        return promotion
    undo = _filed(root, claim, claim.undo, claim.undo_layout)
    undo_location = inventory.copy_location(undo)
    inventory.policy.check_not_listed(main_location(undo), undo_location)
    _, undo_path = filesystem_path(undo_location, is_overlay)
    return replace(promotion, undo_path=undo_path, undo_record_path=undo.stored.path)


def _filed(root: RecordRoot, claim: Claim, branch_name: str, layout: Layout) -> FiledRecord:
    slug = make_slug(branch_name)
    path = record_path(root.path, slug, claim.location)
    stored = StoredRecord(root, slug, path, datetime.now(timezone.utc))
    return FiledRecord(stored, skeleton(claim, branch_name, layout))
