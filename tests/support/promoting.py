"""`promote` without a command: on the catalogs of a team, by the very plan and protocol that the command uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kedro.io import DataCatalog

from steel_toes import SteelToes
from steel_toes.actions.abandonment import abandon
from steel_toes.actions.claims import list_claims
from steel_toes.actions.inventory import Inventory
from steel_toes.actions.promote import Planner
from steel_toes.actions.promotion import CODE, PromotePlan, PromoteWish, Unfinished, promotion_of
from steel_toes.actions.protocol import Outcome, Protocol
from steel_toes.catalog.install import configurations
from steel_toes.catalog.make import make_policy
from steel_toes.catalog.reference import Reference
from steel_toes.hook import settings_of
from steel_toes.naming.branch import Branch

NO_CODE = frozenset({CODE})
"""What a test forces that is about data."""


@dataclass
class Promoting:
    """The colleague on main who promotes.

    Args:
        catalog: plain Kedro's, on the team's data.
        folder: of the project.
        hook: the project's.
        names: of the entries that only a pattern makes.
        reference: the commit that main's data shall be of; without one there is none, and the code must be forced.
    """

    catalog: DataCatalog
    folder: Path
    hook: SteelToes
    names: tuple[str, ...] = ()
    reference: Any = field(default_factory=lambda: Reference("main", "0" * 40, Path("/nowhere"), (), ()))

    def inventory(self) -> Inventory:
        """What commands know: made anew each time, as by a new process."""
        settings = settings_of(self.hook)
        policy = make_policy(settings, Branch("main", "a test", is_main=True), self.folder)
        explicit, patterns = configurations(self.catalog, self.names)
        policy = policy.surveyed(explicit.values(), patterns.values())
        return Inventory(policy, explicit, patterns, frozenset({"main", "master"}))

    def planner(self) -> Planner:
        """What makes plans."""
        return Planner(self.inventory(), self.reference, "bot", None)

    def plan(self, branch: str, *datasets: str, **wishes: Any) -> PromotePlan:
        """What `promote` would do."""
        wishes.setdefault("forced", NO_CODE)
        return self.planner().plan(PromoteWish(branch, datasets, **wishes))

    def protocol(self) -> Protocol:
        """What does it."""
        inventory = self.inventory()
        return Protocol(inventory.policy.author.writer, inventory.look)

    def promote(self, branch: str, *datasets: str, **wishes: Any) -> list[Outcome]:
        """What `promote --yes` does; it must be able to."""
        # Killed between two claims, another location is still to be planned.
        while (plan := self.plan(branch, *datasets, **wishes)).unfinished:
            self.finish(branch)
        assert not plan.refusals, plan.refusals
        assert not plan.failed, plan.failed
        return self.protocol().promote(plan.promotions)

    def finish(self, branch: str) -> list[Outcome]:
        """End what an earlier call began."""
        return self.protocol().finish(self._unfinished(branch))

    def abandon(self, branch: str) -> list[str]:
        """What `promote --abandon` does."""
        return abandon(self._unfinished(branch))

    def _unfinished(self, branch: str) -> list[Any]:
        inventory = self.inventory()
        claims = list_claims(inventory).of_branch(branch)
        return [Unfinished(promotion_of(inventory, stored.root, stored.claim), stored.in_place) for stored in claims]
