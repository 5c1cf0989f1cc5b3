"""`seed` without a command: on the catalogs of a team, by the very plan that the command uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kedro.io import DataCatalog

from steel_toes.actions.inventory import Inventory
from steel_toes.actions.seed import SeedPlan, SeedWish, make_plan
from steel_toes.catalog.install import configurations, policy_of


def inventory_of(catalog: Any, plain: DataCatalog, names: tuple[str, ...] = ()) -> Inventory:
    """What commands know on the branch of a catalog.

    Args:
        catalog: on which steel_toes is installed.
        plain: plain Kedro's, of the same configuration.
        names: of entries that only a pattern makes.
    """
    explicit, patterns = configurations(plain, names)
    policy = policy_of(catalog).surveyed(explicit.values(), patterns.values())
    return Inventory(policy, explicit, patterns, frozenset({"main", "master"}))


def plan_seed(catalog: Any, plain: DataCatalog, source: str | None, *datasets: str, again: bool = False) -> SeedPlan:
    """What `seed` would do on the branch of a catalog."""
    return make_plan(catalog, inventory_of(catalog, plain, datasets), SeedWish(source, datasets, again))


def seed(catalog: Any, plain: DataCatalog, source: str | None, *datasets: str, **more: Any) -> Mapping[str, Any]:
    """What `seed --yes` does; it must be able to."""
    plan = plan_seed(catalog, plain, source, *datasets, **more)
    assert (plan.refusals, plan.failed) == ((), ())
    for seeding in plan.seedings:
        seeding.apply()
    return {seeding.dataset: seeding for seeding in plan.seedings}
