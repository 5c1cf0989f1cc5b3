"""The protocol by which a branch's data becomes main's, against everybody who may come between, and kills: a model.

`STEEL_TOES_SCHEDULES` says how many random schedules of each cast are run. The real command comes after its model.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from support.effort import effort
from support.promote_model import (
    LOCATIONS,
    Bucket,
    Promote,
    Record,
    Rules,
    Steps,
    abandon,
    claim_key,
    clean,
    drive,
    filled,
    is_whole,
    late,
    main_run,
    owners,
    save,
)

SCHEDULES = effort(60, 500, "STEEL_TOES_SCHEDULES")
CASTS = {
    "nobody else": (),
    "the same again": ("again",),
    "another branch": ("other",),
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


def cast_of(names: tuple[str, ...], bucket: Bucket, rules: Rules, rng: random.Random) -> dict[str, Steps]:
    """A promote of x, and those who come between, each when it likes."""
    units = rng.choice([("a",), ("a", "b")])
    known = {
        "again": Promote(bucket, rules, "x", "again").steps(),
        "other": Promote(bucket, rules, "y", "other").steps(),
        "clean": clean(bucket, rules, "x"),
        "save": save(bucket, rules, "x", rng.choice(LOCATIONS), units),
        "run": main_run(bucket, rng),
        "abandon": abandon(bucket, rules, "x"),
    }
    cast = {"promote": late(Promote(bucket, rules, "x", "first").steps(), rng.randrange(10))}
    return cast | {name: late(known[name], rng.randrange(70)) for name in names}


def mortality(bucket: Bucket, spares_abandoned: bool) -> Callable[[str], float]:
    """How likely an actor dies before its next request.

    A promote that is abandoned while it lives may be let live. The last object of one that dies right then may come
    after `--abandon` has looked at it: no condition of a store can tell that it is late.
    """
    abandoned = False

    def share(name: str) -> float:
        nonlocal abandoned
        claims = [bucket.get(claim_key(location)) for location in LOCATIONS]
        abandoned = abandoned or any(claim and claim.state == "abandoned" for claim in claims)
        if name == "run" or (abandoned and spares_abandoned and name in PROMOTES):
            return 0
        return 0.012 if name == "promote" else 0.008

    return share


def faults_of_records(bucket: Bucket) -> list[str]:
    """Complete records whose data is not there, and undo branches that are not what main had."""
    faults = []
    for key in bucket.keys("record/"):
        _, branch, location = key.split("/")
        record: Record = bucket.get(key)
        of = bucket.get if branch.startswith("undo-") else bucket.identity
        there = {unit: of(f"{branch}/{location}/{unit}") for unit in record.data}
        if record.state == "complete" and there != record.data:
            faults.append(f"a complete record of {branch.partition('-')[0]} without its data")
    return faults


def finish(bucket: Bucket, rng: random.Random) -> None:
    """What people do where a claim lies: the same again, and if that does not end it, `--abandon`."""
    # The rules are kept from now on: nobody comes between any more.
    for branch in "xyxy":
        if any(claim and claim.branch == branch for claim in map(bucket.get, map(claim_key, LOCATIONS))):
            again = {"promote": Promote(bucket, Rules(), branch, "later").steps()}
            if drive(again, rng, lambda _: 0)["promote"] != "done":
                drive({"abandon": abandon(bucket, Rules(), branch)}, rng, lambda _: 0)


def play(
    names: tuple[str, ...], stamped: bool, rules: Rules, seed: str, spares_abandoned: bool
) -> tuple[list[str], str]:
    """One schedule; its faults, and how the promote ended."""
    rng = random.Random(seed)
    bucket = filled(rng, stamped)
    bucket.lost_share = 0.03
    ended = drive(cast_of(names, bucket, rules, rng), rng, mortality(bucket, spares_abandoned))
    faults = faults_of_records(bucket)
    mixed = [location for location in LOCATIONS if not is_whole(owners(bucket, location))]
    faults += ["a mixture without a claim" for location in mixed if not bucket.get(claim_key(location))]
    if ended["promote"] == "done" and not {"other", "run", "abandon"} & {*names}:
        faults += ["done, and main is not the branch's" for at in LOCATIONS if owners(bucket, at)["a"] != "x"]
    if ended.get("save") == "saved" and "clean" not in names:
        faults += _lost_saves(bucket)
    finish(bucket, rng)
    faults += ["a claim that nothing ends" for location in LOCATIONS if bucket.get(claim_key(location))]
    faults += ["a mixture in the end" for location in LOCATIONS if not is_whole(owners(bucket, location))]
    return faults + faults_of_records(bucket), ended["promote"]


def _lost_saves(bucket: Bucket) -> list[str]:
    """What a save on the branch ended with is in its copy, or was promoted."""
    for location in LOCATIONS:
        saved = bucket.get(f"x/{location}/a") == f"saved-{location}-a"
        promoted = owners(bucket, location)["a"] == "x"
        if saved or promoted:
            return []
    return ["a save of the branch is lost"]


def explore(
    names: tuple[str, ...], rules: Rules, schedules: int, spares_abandoned: bool = True
) -> tuple[Counter[str], Counter[str]]:
    """That many random schedules on a store whose identities are contents, and on one with generations."""
    faults: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    for number in range(schedules):
        for stamped in (False, True):
            found, end = play(names, stamped, rules, f"{names} {stamped} {number}", spares_abandoned)
            faults.update(found)
            ends[end.partition(":")[0]] += 1
    return faults, ends


@pytest.mark.parametrize("names", CASTS.values(), ids=CASTS)
def test_schedules(names: tuple[str, ...]) -> None:
    """Main is wholly one or the other's, or a claim says that it is not, and somebody can end it.

    No complete record loses its data, no save of main's or of the branch's is lost, and undo is what main had.
    """
    faults, ends = explore(names, Rules(), SCHEDULES)
    assert faults == {}
    assert ends["done"]
    assert ends["killed"]


def without_deaths(names: tuple[str, ...], rules: Rules, schedules: int) -> list[str]:
    """What is left in the middle though nobody died."""
    faults = []
    for number in range(schedules):
        rng = random.Random(f"{names} {number}")
        bucket = filled(rng, stamped=number % 2 == 0)
        bucket.lost_share = 0.03
        drive(cast_of(names, bucket, rules, rng), rng, lambda _: 0)
        faults += ["a mixture" for location in LOCATIONS if not is_whole(owners(bucket, location))]
        faults += ["a claim" for location in LOCATIONS if bucket.get(claim_key(location))]
        faults += faults_of_records(bucket)
    return faults


AT_HOME = ("nobody else", "the same again", "another branch", "clean", "a save", "clean, a save")


@pytest.mark.parametrize("cast", AT_HOME)
def test_without_deaths(cast: str) -> None:
    """Where nobody dies and main does not move, nobody has to end or to abandon anything, whoever comes between."""
    assert without_deaths(CASTS[cast], Rules(), SCHEDULES) == []


# Each rule, and the casts that makes it necessary.
MUTANTS = {
    "abandons_openly": ("the same again, abandon", "abandon"),
    "puts_back": ("abandon", "the same again, abandon", "another branch, abandon"),
    "decides_once": ("abandon", "the same again, abandon"),
}


def without(rule: str) -> Rules:
    """All rules but this one."""
    return replace(Rules(), **{rule: False})


@pytest.mark.parametrize("rule", MUTANTS)
def test_mutants(rule: str) -> None:
    """The model is no rubber stamp: without one of its rules there is a schedule that breaks it."""
    assert any(explore(CASTS[cast], without(rule), 1_000)[0] for cast in MUTANTS[rule])


def test_a_promote_that_dies_once_it_is_abandoned() -> None:
    """What no protocol closes is one request wide, since a promote looks at its claim before each object."""
    faults, _ = explore(CASTS["abandon"], Rules(), 1_000, spares_abandoned=False)
    wider, _ = explore(CASTS["abandon"], without("looks_before_put"), 1_000, spares_abandoned=False)
    assert wider["a mixture without a claim"] > 4 * faults["a mixture without a claim"]


@pytest.mark.parametrize("rule", ["marks", "heeds_marks"])
def test_mutants_without_deaths(rule: str) -> None:
    """Where a claim marks no record, or nobody heeds the mark, a save or `clean` leaves main half."""
    assert any(without_deaths(CASTS[cast], without(rule), 1_000) for cast in ("clean", "a save"))
