"""What became of the branches that copies began as: whether they still have theirs, and what they have promoted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial

from steel_toes import errors, sentences
from steel_toes.actions.claims import list_audits
from steel_toes.actions.goals import MainCopy
from steel_toes.actions.inventory import Inventory, unit_path_of
from steel_toes.actions.plan import FiledRecord, HeldCopy
from steel_toes.naming.branch import make_slug
from steel_toes.records.file import RecordFile
from steel_toes.records.journal import Claim
from steel_toes.records.origins import Origin, origins_of, unseeded
from steel_toes.records.record import Identities, path_on_branch
from steel_toes.records.units import units_of


@dataclass(frozen=True)
class Origins:
    """The origins of one plan's copies; each branch's promotes are listed once, and each origin is looked for once.

    Args:
        inventory: of the project.
    """

    inventory: Inventory
    _audits: dict[str, list[Claim]] = field(default_factory=dict, repr=False)
    _copies: dict[tuple[str, str, str], bool] = field(default_factory=dict, repr=False)

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

    def own_part(self, copy: HeldCopy) -> HeldCopy:
        """What of a copy is the branch's own to promote; of one that was never seeded, all of it.

        Raises:
            CopyError: an origin's record cannot be read.
        """
        record = unseeded(copy.record, partial(self.is_others, copy.filed))
        if record is copy.record:
            return copy
        units = units_of(record.kind)
        unit_paths = {units.path(copy.path, unit) for unit in record.data}
        objects = {path: item for path, item in copy.objects.items() if unit_path_of(path, unit_paths, copy.path)}
        return replace(copy, filed=replace(copy.filed, record=record), objects=objects)

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
        store = filed.stored.root.store
        path = path_on_branch(filed.stored.path, make_slug(origin.branch_name))
        key = (store.protocol, store.access, path)
        # Asked when the plan is begun, and again of what is planned.
        if key not in self._copies:
            record = RecordFile(store, path, filed.record.dataset).read()
            self._copies[key] = not record.is_gone and record.settled.exists
        return self._copies[key]

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
