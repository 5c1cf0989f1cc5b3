"""What must hold for a save: before it begins, when it has begun, and when its data is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from steel_toes.errors import (
    BEING_REMOVED,
    COPY_NOT_AS_SAVED,
    DATA_WITHOUT_RECORD,
    THE_FILE,
    ChangedCopyError,
    OtherProjectError,
    TornAppendError,
    UnwrittenError,
)
from steel_toes.reasons import SAVED_LATER
from steel_toes.records.journal import ClaimFile, claim_path
from steel_toes.records.record import Record
from steel_toes.records.save import Save
from steel_toes.records.state import Verdict, judge
from steel_toes.records.units import WHOLE
from steel_toes.records.write import Write
from steel_toes.stores.identity import is_of_several

if TYPE_CHECKING:
    from steel_toes.records.ledger import Identify, Ledger


@dataclass(frozen=True)
class SaveChecks:
    """What must hold for the saves of one ledger.

    Args:
        ledger: of the record.
    """

    ledger: Ledger

    def check_project(self, before: Record) -> None:
        """A record of another known project is not written over."""
        if self.ledger.writer.is_of_another_project(before.writer):
            raise OtherProjectError(
                **self.ledger.facts(), theirs=before.writer.project, ours=self.ledger.writer.project
            )

    def check_writable(self, before: Record, write: Write, identify: Identify, free_units: frozenset[str]) -> None:
        """Whether this save may go over what lies at the branch copy's place, of which these units are free."""
        self.check_project(before)
        if before.is_marked:
            self.check_unclaimed()
        if before.state == "removing":
            self.check_not_removing(before, write, identify)
            return
        self.check_strangers(before, write, identify, free_units)
        if write.keeps and before.exists:
            self.check_what_is_kept(before, write, identify)

    def check_not_removing(self, before: Record, write: Write, identify: Identify) -> None:
        """Data that `clean` has not removed yet would vanish under the save, or outlive it without a record."""
        if identify({*write.units, *before.doubt}):
            raise self.ledger.error(BEING_REMOVED)

    def check_strangers(self, before: Record, write: Write, identify: Identify, free_units: frozenset[str]) -> None:
        """Data that no record knows is never overwritten."""
        # A request more, but only at a unit's first save.
        unrecorded = before.unbegun(write.units)
        if free_units.issuperset(unrecorded):
            return
        identities = identify(unrecorded)
        for unit, identity in identities.items():
            if not self._is_around_ours(before, unit, identity):
                self._refuse_stranger(before, unrecorded)

    def _refuse_stranger(self, before: Record, units: list[str]) -> NoReturn:
        # Unless another save has begun since the record was read, the data is a stranger's.
        record_now = self.ledger.read()
        if record_now != before:
            raise self.ledger.concurrent_error(record_now, units)
        raise self.ledger.error(DATA_WITHOUT_RECORD, location=self.ledger.branch_location)

    def _is_around_ours(self, before: Record, unit: str, identity: str) -> bool:
        """Whether what is seen at a unit is only the folder around recorded ones, beside which a bucket has objects."""
        guard = self.ledger.guard
        if guard is None or guard.store.has_folders:
            return False
        return is_of_several(identity) and before.has_inside(unit)

    def check_what_is_kept(self, before: Record, write: Write, identify: Identify) -> None:
        """A save that keeps something needs a copy that is as it was saved: what it keeps counts from then on."""
        identities = identify(write.units)
        for unit in write.units:
            verdict = judge(before, unit, identities.get(unit))
            if verdict is Verdict.TORN:
                raise TornAppendError(**self.ledger.torn_facts(before))
            if verdict in (Verdict.CHANGED, Verdict.GONE):
                raise ChangedCopyError(**self.ledger.facts(), what=COPY_NOT_AS_SAVED)

    def check_unclaimed(self) -> None:
        """A copy that is being promoted is not saved: main would get a part of it."""
        file = ClaimFile(self.ledger.store, claim_path(self.ledger.path))
        claim = file.find().claim
        if claim is None or not claim.concerns(self.ledger.branch_name):
            return
        raise claim.unfinished_error(SAVED_LATER, self.ledger.dataset)

    def check_beginning(self, save: Save, identify: Identify) -> None:
        """What a save keeps must still be what the record says: another may have saved since it was looked at."""
        if not save.write.keeps:
            return
        units = save.before.recorded(save.write.units)
        identities = identify(units)
        changed = dict(units.items() - identities.items())
        if changed:
            raise self.ledger.concurrent_error(self.ledger.read(), changed)

    def check_written(self, save: Save, identities: Mapping[str, str]) -> None:
        """Commit what is there, and nothing else: a unit without an identity would read as main's for ever."""
        missing = sorted(set(save.write.units) - identities.keys())
        if save.write.may_write_nothing:
            missing = []
        if not missing:
            return
        now = self.ledger.read()
        if now != save.writing:
            # Another overwrote everything meanwhile, or `clean` removed it.
            raise self.ledger.concurrent_error(now, missing)
        what = ", ".join(missing)
        if what == WHOLE:
            what = THE_FILE
        raise UnwrittenError(**self.ledger.facts(), what=what)

    def check_still_there(self, now: Record, write: Write) -> None:
        """What is kept, or what everything is, is not certain any more once `clean` was here."""
        if now.is_gone and (now.exists or write.needs_record):
            raise self.ledger.concurrent_error(now, write.units)
