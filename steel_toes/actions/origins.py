"""What became of the branches that copies began as: whether they still have theirs, and what they have promoted."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from steel_toes import errors, sentences
from steel_toes.actions.claims import list_audits
from steel_toes.actions.goals import MainCopy
from steel_toes.actions.inventory import Inventory
from steel_toes.actions.plan import FiledRecord
from steel_toes.naming.branch import make_slug
from steel_toes.records.file import RecordFile
from steel_toes.records.journal import Claim
from steel_toes.records.origins import Origin, origins_of, unseeded
from steel_toes.records.record import Identities


@dataclass(frozen=True)
class Origins:
    """The origins of one plan's copies; each branch's promotes are listed once.

    Args:
        inventory: of the project.
    """

    inventory: Inventory
    _audits: dict[str, list[Claim]] = field(default_factory=dict, repr=False)

    def why_no_part(self, filed: FiledRecord) -> str:
        """Why a copy has no part in a promote, as it is as it was seeded; "" if something of it is the branch's own."""
        record = filed.record
        # Nearly no copy was seeded.
        if not record.settled.seeded:
            return ""
        own = unseeded(record, partial(self.is_others, filed))
        if own.settled.exists:
            return ""
        origins = origins_of(record)
        names = [origin.branch_name for origin in origins if self._has_copy(filed, origin)]
        text = sentences.AS_SEEDED if names else sentences.AS_SEEDED_FROM_MAIN
        return errors.sentence(text, dataset=record.dataset, branch=", ".join(names))

    def is_others(self, filed: FiledRecord, origin: Origin) -> bool:
        """Whether what an origin of a copy had is its own to promote, or main's already.

        Raises:
            CopyError: its record cannot be read.
        """
        # What is main's is nobody else's.
        is_mains = not origin.branch_name
        if is_mains:
            return True
        # Main has it, or had it and has something newer.
        if self._promotes(filed, origin):
            return True
        return self._has_copy(filed, origin)

    def without_brought(self, filed: FiledRecord, main: MainCopy, units: Iterable[str]) -> list[str]:
        """Those of main's units that have changed otherwise than by the promote of what a copy began as."""
        brought = self._brought(filed)
        now = main.identities
        return [unit for unit in units if unit not in brought or now.get(unit) != brought[unit]]

    def _brought(self, filed: FiledRecord) -> Identities:
        """What main's units were when an origin of a copy was promoted as it was then, the last time."""
        identities: Identities = {}
        for origin in origins_of(filed.record):
            for claim in self._promotes(filed, origin):
                put = claim.put_by_unit
                identities.update(put)
        return identities

    def _has_copy(self, filed: FiledRecord, origin: Origin) -> bool:
        """Whether a branch has a copy of its own still; main has none."""
        if not origin.branch_name:
            return False
        store, dataset = filed.stored.root.store, filed.record.dataset
        folder, name = posixpath.split(filed.stored.path)
        slug = make_slug(origin.branch_name)
        path = posixpath.join(posixpath.dirname(folder), slug, name)
        record = RecordFile(store, path, dataset).read()
        return not record.is_gone and record.settled.exists

    def _promotes(self, filed: FiledRecord, origin: Origin) -> list[Claim]:
        """The promotes of the very state that a copy began as, in their order."""
        state = filed.record.location, origin.record_id, "promoted"
        claims = self._audits_of(origin.branch_name)
        return [claim for claim in claims if (claim.location, claim.record_id, claim.state) == state]

    def _audits_of(self, branch_name: str) -> list[Claim]:
        """The promotes of a branch that have ended, listed once; main's data was promoted by nobody."""
        if branch_name in self._audits:
            return self._audits[branch_name]
        claims: list[Claim] = []
        if branch_name:
            slug = make_slug(branch_name)
            audits = list_audits(self.inventory, slug).own(self.inventory)
            claims = [stored.claim for stored in audits.of_branch(branch_name)]
        claims.sort(key=lambda claim: claim.time)
        self._audits[branch_name] = claims
        return claims
