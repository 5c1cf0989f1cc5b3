"""The real `promote`, `clean`, saves and `--abandon` under the schedules of the model: on a store that stops anywhere.

Two branches, two folders of partitions each, of which a branch has replaced some, added one and lost one. Before each
request of anybody it is decided who goes on, who dies there, and whose answer is lost. `STEEL_TOES_SCHEDULES` says how
many schedules of each cast are played.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from steel_toes.actions import abandonment, claims, clean, goals, inventory, keeping, promote, protocol, removal
from steel_toes.actions.abandonment import abandon
from steel_toes.actions.claims import list_claims
from steel_toes.actions.clean import Wish
from steel_toes.actions.inventory import Inventory
from steel_toes.actions.promote import Planner
from steel_toes.actions.promotion import PromoteWish, Unfinished, promotion_of
from steel_toes.actions.protocol import Protocol
from steel_toes.catalog import policy as policies
from steel_toes.catalog import roots
from steel_toes.catalog.make import make_policy
from steel_toes.catalog.reference import Reference
from steel_toes.errors import CopyError
from steel_toes.naming.branch import Branch, make_slug
from steel_toes.naming.layout import Layout
from steel_toes.records.author import Author
from steel_toes.records.checks import SaveChecks
from steel_toes.records.format import parse
from steel_toes.records.format import to_bytes as record_bytes
from steel_toes.records.journal import Claim, ClaimFile, ClaimInPlace, to_bytes
from steel_toes.records.ledger import Ledger
from steel_toes.records.place import Place
from steel_toes.records.record import Record, Recorded, Writer, record_path
from steel_toes.records.units import Parts
from steel_toes.records.write import Write
from steel_toes.settings import Settings
from steel_toes.stores import conditions
from support.effort import effort
from support.promoting import NO_CODE
from support.stepped_store import Objects, Schedule, Serial, SteppedStore, serially

SCHEDULES = effort(8, 80, "STEEL_TOES_SCHEDULES")
LOCATIONS = ("p", "q")
UNITS = ("a", "b")
ADDED, GONE = "new", "extra"
WRITER = Writer(project="shop")
CASTS = {
    "nobody else": (),
    "the same again": ("again",),
    "another branch": ("other",),
    "the same again, another branch": ("again", "other"),
    "clean": ("clean",),
    "a save": ("save",),
    "main's run": ("run",),
    "clean, a save": ("clean", "save"),
    "the same again, abandon": ("again", "abandon"),
    "abandon": ("abandon",),
    "clean, abandon": ("clean", "abandon"),
    "a save, abandon": ("save", "abandon"),
    "main's run, abandon": ("run", "abandon"),
    "another branch, abandon": ("other", "abandon"),
}
PROMOTES = ("promote", "again")
CONFIGS = {at: {"type": "partitions.PartitionedDataset", "path": f"s3://shop/{at}"} for at in LOCATIONS}


class Shop:
    """Main's data and the copies of branches x and y, in a store of their own.

    Args:
        rng: decides whose answers are lost.
        stamped: whether each write has an identity of its own.
        patch: puts the store in the place of all others.
    """

    def __init__(self, rng: random.Random, stamped: bool, patch: pytest.MonkeyPatch) -> None:
        self.rng = rng
        self.objects = Objects(rng, stamped)
        self.store = SteppedStore("a test", "s3 of a test", "s3", objects_of=self.objects)
        for module in (policies, roots, inventory):
            patch.setattr(module, "open_store", lambda *_: self.store)
        # What is known of a bucket is known for the rest of the process.
        patch.setattr(conditions, "_by_bucket", {})
        for kind in ("", "copies of "):
            conditions.conditions_of(f"{kind}{self.store._endpoint}", "shop").word = "honoured"
        for at in LOCATIONS:
            base = {unit: self.put(self.main(at, unit), f"old-{at}-{unit}") for unit in (*UNITS, GONE)}
            for branch in "xy":
                self.fill(branch, at, base)

    def fill(self, branch: str, at: str, base: dict[str, str]) -> None:
        """The complete copy of a branch, which has overwritten everything."""
        names = (*UNITS, ADDED)
        identities = {unit: self.put(f"shop/{at}--{branch}/{unit}", f"{branch}-{at}-{unit}") for unit in names}
        record = Record(
            id=f"save-of-{branch}",
            state="complete",
            kind="overlay",
            branch_name=branch,
            dataset=at,
            location=f"s3://shop/{at}",
            layout="suffix",
            created="",
            saved="",
            writer_key=WRITER.key,
            writers={WRITER.key: WRITER},
            data={
                unit: Recorded.of(identity, f"save-of-{branch}", [WRITER.key]) for unit, identity in identities.items()
            },
            base=base,
            over="nothing",
        )
        self.put(self.record_path(branch, at), record_bytes(record).decode())

    def put(self, path: str, text: str) -> str:
        """Put an object; its identity."""
        self.objects.put(path, text.encode())
        return str(self.store.identity(path))

    def main(self, at: str, unit: str) -> str:
        return f"shop/{at}/{unit}"

    def record_path(self, branch: str, at: str) -> str:
        return record_path("shop", branch, f"s3://shop/{at}")

    # The actors -------------------------------------------------------------------------------------------------------

    def inventory(self) -> Inventory:
        """What a new process knows."""
        return Inventory(POLICY.surveyed(CONFIGS.values(), ()), CONFIGS, {}, frozenset({"main"}))

    def promote(self, branch: str) -> str:
        """`promote --yes`, as the command does it."""
        found = self.inventory()
        planner = Planner(found, Reference("main", "0" * 40, Path("/nowhere"), (), ()), "bot", None)
        wish = PromoteWish(branch, forced=NO_CODE)
        plan = planner.plan(wish)
        while plan.unfinished:
            self.finish(branch)
            plan = planner.plan(wish)
        for why in (*plan.refusals, *plan.failed):
            raise why if isinstance(why, CopyError) else RuntimeError(why)
        if plan.rows:
            Protocol(WRITER, found.look).promote(plan.promotions)
        return "done"

    def finish(self, branch: str) -> str:
        found = self.inventory()
        Protocol(WRITER, found.look).finish(self.unfinished(found, branch))
        return "done"

    def abandon(self, branch: str) -> str:
        found = self.inventory()
        unfinished = self.unfinished(found, branch)
        if unfinished:
            abandon(unfinished)
        return "abandoned"

    def unfinished(self, found: Inventory, branch: str) -> list[Any]:
        stored = list_claims(found).of_branch(branch)
        return [Unfinished(promotion_of(found, each.root, each.claim), each.in_place) for each in stored]

    def clean(self, branch: str) -> str:
        problems = [done.problem for done in removal.apply(clean.make_plan(self.inventory(), Wish((branch,))))]
        return "cleaned" if not any(problems) else str(problems)

    def save(self, branch: str, at: str, units: tuple[str, ...]) -> str:
        """Another host saves some partitions."""
        location = f"s3://shop/{at}"
        path = self.record_path(branch, at)
        known = Ledger(
            self.store, path, branch, at, location, f"{location}--{branch}", Layout(), Parts(), Author.of(WRITER)
        )
        place = Place(self.store, f"shop/{at}", f"shop/{at}--{branch}", known)
        with place.transaction(Write(units), place._identities) as going_on:
            for unit in units:
                going_on.enter_unit(unit)
                self.store.write(f"shop/{at}--{branch}/{unit}", f"saved-{at}-{unit}".encode())
        return "saved"

    def run(self) -> str:
        """Main's pipeline, which asks nobody."""
        for at, unit in itertools.product(LOCATIONS, UNITS):
            for _ in range(self.rng.randrange(12)):
                self.objects.step()
            if self.rng.random() < 0.4:
                self.store.write(self.main(at, unit), f"run-{at}-{unit}".encode())
        return "ran"

    def late(self, number: int, act: Callable[[], str]) -> Callable[[], str]:
        """The same after so many steps of waiting."""

        def later() -> str:
            for _ in range(number):
                self.objects.step()
            return act()

        return later

    # What is there ----------------------------------------------------------------------------------------------------

    def owners(self, at: str) -> dict[str, str]:
        """Whose each of main's objects is: "old", a branch's, a main run's ("run"); "" if it is not there."""
        owners = {}
        for unit in (*UNITS, ADDED, GONE):
            data, _ = self.objects.data.get(self.main(at, unit), (b"", ""))
            # What was saved on branch x is x's.
            owners[unit] = data.decode().partition("-")[0].replace("saved", "x")
        return owners

    def records(self) -> Iterator[tuple[str, Record]]:
        for path, (data, _) in list(self.objects.data.items()):
            if "/_steel_toes/" in path and "/_promote" not in path:
                yield path, parse(data, path, "a test").record

    def claimed(self) -> list[str]:
        return [path for path in self.objects.data if "/_promote/" in path]


def is_whole(found: dict[str, str]) -> bool:
    """Whether main is wholly as it was or wholly one branch's, but for what its own run has saved."""
    wholes = [dict.fromkeys((*UNITS, GONE), "old") | {ADDED: ""}]
    wholes += [dict.fromkeys((*UNITS, ADDED), branch) | {GONE: ""} for branch in "xy"]
    rest = {unit: owner for unit, owner in found.items() if owner != "run"}
    return any(all(whole[unit] == owner for unit, owner in rest.items()) for whole in wholes)


@pytest.fixture(autouse=True)
def one_thread_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """An actor is one thread, and nobody waits for the clock."""
    for module in (claims, clean, goals, inventory, keeping, promote, protocol, removal, abandonment):
        if hasattr(module, "all_together"):
            monkeypatch.setattr(module, "all_together", serially)
    monkeypatch.setattr(removal, "ThreadPoolExecutor", Serial)
    monkeypatch.setattr("steel_toes.stores.base.all_together", serially)
    monkeypatch.setattr("steel_toes.stores.objects.all_together", serially)
    monkeypatch.setattr("steel_toes.records.beginning.together", lambda *calls: serially(lambda call: call(), calls))
    monkeypatch.setattr("steel_toes.records.file._PAUSE_SECONDS", 0)
    # Each call plans in another second, and names its undo branch by it.
    seconds = itertools.count()
    monkeypatch.setattr(promote, "_now", lambda _: f"20260101T00{next(seconds) // 60 % 60:02}{next(seconds) % 60:02}Z")


POLICY = make_policy(
    Settings(project="shop", record_author=False), Branch("main", "a test", is_main=True), Path("/tmp")
)


def faults_of_records(shop: Shop) -> list[str]:
    """Complete records whose data is not there."""
    faults = []
    for _, record in shop.records():
        if record.state != "complete":
            continue
        folder = f"shop/{record.dataset}--{record.branch_name}"
        if record.undoes:
            folder = f"shop/_branches/{make_slug(record.branch_name)}/{record.dataset}"
        there = {unit: shop.store.identity(f"{folder}/{unit}") for unit in record.data}
        if there != {unit: Recorded(text).identity for unit, text in record.data.items()}:
            faults.append(f"a complete record of {record.branch_name.partition('/')[0]} without its data")
    return faults


def mortality(shop: Shop) -> Callable[[str], float]:
    """How likely an actor dies before its next request: a promote that is abandoned while it lives does not.

    The last object of one that dies right then may come after `--abandon` has looked at it: no condition of a store can
    tell that it is late.
    """
    abandoned = False

    def share(name: str) -> float:
        nonlocal abandoned
        abandoned = abandoned or any(b'"abandoned"' in shop.objects.data[path][0] for path in shop.claimed())
        if name == "run" or (abandoned and name in PROMOTES):
            return 0
        return 0.008 if name == "promote" else 0.005

    return share


def play(
    names: tuple[str, ...], stamped: bool, seed: str, patch: pytest.MonkeyPatch, is_deadly: bool = True
) -> tuple[list[str], dict[str, str]]:
    """One schedule; its faults, and how everybody ended."""
    rng = random.Random(seed)
    shop = Shop(rng, stamped, patch)
    known = {
        "again": lambda: shop.promote("x"),
        "other": lambda: shop.promote("y"),
        "clean": lambda: shop.clean("x"),
        "save": lambda: shop.save("x", at, units),
        "run": shop.run,
        "abandon": lambda: shop.abandon("x"),
    }
    at, units = rng.choice(LOCATIONS), rng.choice([("a",), ("a", "b")])
    cast = {"promote": shop.late(rng.randrange(10), lambda: shop.promote("x"))}
    cast |= {name: shop.late(rng.randrange(150), known[name]) for name in names}
    shop.objects.lost_share = 0.03
    shop.objects.schedule = Schedule(rng, mortality(shop) if is_deadly else lambda _: 0)
    ended = shop.objects.schedule.play(cast)
    shop.objects.schedule, shop.objects.lost_share = None, 0.0
    faults = faults_of_records(shop)
    claims_there = "".join(shop.claimed())
    mixed = [at for at in LOCATIONS if not is_whole(shop.owners(at))]
    faults += ["a mixture without a claim" for at in mixed if claim_name(at) not in claims_there]
    if ended["promote"] == "done" and not {"other", "run", "abandon"} & {*names}:
        faults += ["done, and main is not the branch's" for at in LOCATIONS if shop.owners(at)["a"] != "x"]
    if not is_deadly and not {"run", "abandon"} & {*names}:
        faults += ["a claim that nobody ended" for _ in shop.claimed()]
    if ended.get("save") == "saved" and "clean" not in names:
        faults += lost_saves(shop, at)
    finish(shop)
    faults += ["a claim that nothing ends" for _ in shop.claimed()]
    faults += [f"a mixture in the end {shop.owners(at)}" for at in LOCATIONS if not is_whole(shop.owners(at))]
    return faults + faults_of_records(shop), ended


def lost_saves(shop: Shop, at: str) -> list[str]:
    """What a save on the branch ended with is the branch's, or was promoted."""
    contents = [data for path, (data, _) in shop.objects.data.items() if path.endswith("/a")]
    return [] if f"saved-{at}-a".encode() in contents else ["a save of the branch is lost"]


def claim_name(at: str) -> str:
    return record_path("shop", "_promote", f"s3://shop/{at}")


def finish(shop: Shop) -> None:
    """What people do where a claim lies: the same again, and if that does not end it, `--abandon`."""
    for branch in "xyxy":
        if not shop.unfinished(shop.inventory(), branch):
            continue
        try:
            shop.finish(branch)
        except CopyError:
            shop.abandon(branch)


@pytest.mark.parametrize("names", CASTS.values(), ids=CASTS)
def test_schedules(names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Main is wholly one or the other's, or a claim says that it is not, and somebody can end it."""
    ends: Counter[str] = Counter()
    for number in range(SCHEDULES):
        for stamped in (False, True):
            seed = f"{names} {stamped} {number}"
            faults, ended = play(names, stamped, seed, monkeypatch)
            assert faults == [], (seed, ended)
            ends[ended["promote"].partition(":")[0]] += 1
    assert ends["done"], ends


@pytest.mark.parametrize(
    "cast", ["nobody else", "the same again", "another branch", "clean", "a save", "clean, a save"]
)
def test_without_deaths(cast: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody dies and main does not move, nobody has to end or to abandon anything, whoever comes between."""
    for number in range(SCHEDULES):
        seed = f"{cast} alive {number}"
        faults, ended = play(CASTS[cast], number % 2 == 0, seed, monkeypatch, is_deadly=False)
        assert faults == [], (seed, ended)


# What each check is worth: without it there is a schedule that breaks it ----------------------------------------------


def promote_that_reads_no_record_again(patch: pytest.MonkeyPatch) -> None:
    def claim_all(self: Protocol, promotions: Any) -> None:
        for promotion in promotions:
            self._claim(promotion)

    patch.setattr(Protocol, "_claim_all", claim_all)


def saves_that_look_for_no_claim(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SaveChecks, "check_unclaimed", lambda self: None)


def clean_that_looks_for_no_claim(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(clean, "why_claimed", lambda claim, branch_name: "")
    patch.setattr(removal, "why_claimed", lambda claim, branch_name: "")


def abandon_that_says_nothing(patch: pytest.MonkeyPatch) -> None:
    change = ClaimFile.change

    def silent(self: ClaimFile, before: ClaimInPlace, after: Claim) -> ClaimInPlace | None:
        return before if after.state == "abandoned" else change(self, before, after)

    patch.setattr(ClaimFile, "change", silent)


def promote_that_puts_nothing_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(protocol, "put_back", lambda *_: [])


def claims_that_are_put_over_any(patch: pytest.MonkeyPatch) -> None:
    def change(self: ClaimFile, before: ClaimInPlace, after: Claim) -> ClaimInPlace:
        self.store.write(self.path, to_bytes(after))
        return ClaimInPlace(after, self.store.read_stamped(self.path).stamp)

    patch.setattr(ClaimFile, "change", change)


def abandon_that_removes_what_was_kept(patch: pytest.MonkeyPatch) -> None:
    """As this code did, until a schedule showed that a promote that lives needs it to put main back."""
    put_back = abandonment.put_back

    def tidy(promotion: Any, put: Any) -> list[str]:
        mixed = put_back(promotion, put)
        for goal in promotion.claim.replaced:
            promotion.store.remove(promotion.kept_of(goal))
        return mixed

    patch.setattr(abandonment, "put_back", tidy)


MUTANTS = {
    promote_that_reads_no_record_again: (["clean", "a save"], False),
    saves_that_look_for_no_claim: (["a save"], False),
    clean_that_looks_for_no_claim: (["clean"], False),
    abandon_that_says_nothing: (["abandon", "the same again, abandon"], True),
    promote_that_puts_nothing_back: (["abandon", "the same again, abandon"], True),
    claims_that_are_put_over_any: (["abandon", "the same again, abandon"], True),
    abandon_that_removes_what_was_kept: (["abandon", "the same again, abandon"], True),
}


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_mutants(mutant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The schedules are no rubber stamp."""
    mutant(monkeypatch)
    casts, is_deadly = MUTANTS[mutant]
    for number, cast in itertools.product(range(2_000), casts):
        faults, _ = play(CASTS[cast], number % 2 == 0, f"{cast} {number}", monkeypatch, is_deadly)
        if faults:
            return
    raise AssertionError("nobody missed it")
