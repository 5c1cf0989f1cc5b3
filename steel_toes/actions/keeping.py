"""What main had before a promote, kept as the copy of an undo branch: promoted itself, it brings main back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from steel_toes import errors, reasons
from steel_toes.actions.promotion import Promotion, skeleton
from steel_toes.records.journal import Goal
from steel_toes.records.record import Record, Recorded, Writer
from steel_toes.records.units import identities_of, units_of
from steel_toes.stores.identity import size_of


@dataclass(frozen=True)
class UndoCopy:
    """The copy that keeps what main had at one location.

    Args:
        promotion: of the location.
        writer: who promotes.
    """

    promotion: Promotion
    writer: Writer

    def begin(self) -> None:
        """Put its record as `writing`, before anything is copied: what a killed promote leaves is in doubt.

        Raises:
            PromoteRefusedError: another record lies there.
        """
        claim = self.promotion.claim
        # A second process of the same promote finds the first one's.
        in_place = self._update(lambda now: now if now.exists else self._writing())
        if in_place.id != claim.mark:
            raise errors.PromoteRefusedError(
                reasons.UNDO_IS_TAKEN, dataset=claim.dataset, branch=claim.branch_name, undo=claim.undo
            )

    def keep(self, goal: Goal) -> bool:
        """Copy one of main's objects; False if main has another by now, of which nothing is kept."""
        promotion = self.promotion
        kept_path = promotion.kept_of(goal)
        assert goal.expects is not None  # it is one of those that main has
        if self._is_copied(goal):
            return True
        there = promotion.store.identity(kept_path)
        # It was main's that was refused.
        if there is None:
            return False
        # Kept by an earlier call that was killed, or in an answer that was lost. Half a file is what no store of
        # objects leaves, nor a disk; another may.
        if size_of(there) == size_of(goal.expects):
            return True
        promotion.store.remove(kept_path)
        return self._is_copied(goal)

    def _is_copied(self, goal: Goal) -> bool:
        promotion = self.promotion
        kept_path = promotion.kept_of(goal)
        assert goal.expects is not None  # as above
        through = promotion.passage(kept_path)
        return promotion.store.copy_over(promotion.main_of(goal), kept_path, goal.expects, None, through) is not None

    def complete(self) -> None:
        """Put its record as `complete`, once main is what was planned. What was cleaned meanwhile is not made anew."""
        claim = self.promotion.claim

        def change(now: Record) -> Record:
            is_ours = now.id == claim.mark and now.state == "writing"
            return self._completed(now) if is_ours else now

        self._update(change)

    def _update(self, change: Callable[[Record], Record]) -> Record:
        return self.promotion.undo_file.update(change).record

    def _writing(self) -> Record:
        claim = self.promotion.claim
        moment = claim.moment.isoformat(timespec="seconds")
        units = sorted({goal.unit for goal in claim.replaced})
        # So a later call knows it for the promote's own, and whoever saves it looks for the claim.
        return replace(
            skeleton(claim, claim.undo, claim.undo_layout),
            id=claim.mark,
            state="writing",
            created=moment,
            saved=moment,
            writer_key=self.writer.key,
            writers={self.writer.key: self.writer},
            doubt=dict.fromkeys(units, (claim.id,)),
            undoes=claim.id,
        )

    def _completed(self, writing: Record) -> Record:
        """What is kept, what main did not have, and what main has now: with all of it main can be brought back."""
        promotion = self.promotion
        claim = promotion.claim
        units = units_of(claim.kind)
        kept_units = sorted({goal.unit for goal in claim.replaced})
        identities = identities_of(units, promotion.store, promotion.undo_path, kept_units)
        base = claim.put_by_unit
        # Of versions the newest counts, whoever saved it.
        if claim.kind == "versioned":
            base = units.base(promotion.store, promotion.main_path, ())
        writer_keys = [writing.writer_key]
        return replace(
            writing,
            state="complete",
            data={unit: str(Recorded.of(identities[unit], claim.id, writer_keys)) for unit in sorted(identities)},
            base=base,
            absent=tuple(sorted({goal.unit for goal in claim.puts} - set(kept_units))),
            doubt={},
        )
