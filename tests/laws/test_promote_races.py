"""Promotes of two branches, one of them twice, and main's own run, at the same moment in processes of their own.

Each race is one round of a few seconds; `STEEL_TOES_RACE_SECONDS=60 pytest --everything
tests/laws/test_promote_races.py` goes on for a minute.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from steel_toes.errors import CopyError
from support.effort import effort, slow_but
from support.environment import CALLERS, ROOT
from support.promoting import Promoting
from support.servers import of_user
from support.team import Team

pytest.importorskip("kedro_datasets.text", reason="the data is text")

SECONDS = effort(1, 3, "STEEL_TOES_RACE_SECONDS")
KEYS = ("a", "b", "c")
ACTORS = ("x", "x", "y", "run")
RACER = """
import json, sys, time
from pathlib import Path
from laws.test_promote_races import act
from support.team import Team

url, folder, settings = json.loads(sys.argv[1])
team = Team(url, Path(folder), **settings)
print("ready", flush=True)
for line in sys.stdin:
    who, number, delay = json.loads(line)
    time.sleep(delay)
    start = time.monotonic()
    print(json.dumps([act(team, who, number), time.monotonic() - start]), flush=True)
"""


def conf_of(number: int) -> dict[str, Any]:
    """The entries of a round: a file, and partitions."""
    text = {"type": "text.TextDataset"}
    conf: dict[str, Any] = {
        "table": {**text, "filepath": f"data/{number}/table.txt", "credentials": "own"},
        "parts": {
            "type": "partitions.PartitionedDataset",
            "path": f"data/{number}/parts",
            "dataset": text,
            "credentials": "own",
        },
    }
    return conf


def values_of(who: str) -> dict[str, Any]:
    """What somebody saves: each text says whose it is."""
    return {"table": f"{who}'s", "parts": {key: f"{who}'s {key}" for key in KEYS}}


def bot_of(team: Team, number: int) -> Promoting:
    """Whoever promotes in a round."""
    return Promoting(team.plain(conf_of(number)), team.folder, team.hook("main"))


def act(team: Team, who: str, number: int) -> str:
    """What one of them does in a round; how it ended."""
    if who == "run":
        catalog = team.plain(conf_of(number))
        for name, value in values_of("run").items():
            catalog.save(name, value)
        return "ran"
    bot = bot_of(team, number)
    try:
        plan = bot.plan(who)
        if plan.unfinished:
            bot.finish(who)
            return "finished"
        if plan.refusals:
            return f"refused, {type(plan.refusals[0]).__name__}"
        bot.protocol().promote(plan.promotions)
    except CopyError as exc:
        return type(exc).__name__
    return "promoted" if plan.rows else "nothing to do"


class Race:
    """Processes that wait for each round.

    Args:
        team: whose data they change.
        settings: of the same team in another process.
    """

    def __init__(self, team: Team, settings: dict[str, Any]) -> None:
        self.team = team
        environment = {**CALLERS, "PYTHONPATH": f"{ROOT / 'tests'}", "HOME": str(team.folder), "DO_NOT_TRACK": "1"}
        arguments = json.dumps([team.url, str(team.folder), settings])
        self.processes = [
            subprocess.Popen(
                [sys.executable, "-c", RACER, arguments],
                cwd=team.folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in ACTORS
        ]
        for process in self.processes:
            assert process.stdout.readline() == "ready\n"
        self.rng = random.Random(11)
        self.seconds = 0.1

    def round(self, number: int) -> list[str]:
        """Let all of them act, each within the time that a promote takes; how each ended."""
        for process, who in zip(self.processes, ACTORS, strict=True):
            # Main's run comes at any moment of a promote, or after it.
            delay = self.rng.uniform(0, self.seconds * 1.5 if who == "run" else self.seconds / 8)
            process.stdin.write(json.dumps([who, number, delay]) + "\n")
        for process in self.processes:
            process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for process in self.processes]
        self.seconds = max(self.seconds, *(seconds for _, seconds in answers))
        return [how for how, _ in answers]

    def end(self) -> None:
        """End the processes."""
        for process in self.processes:
            process.stdin.close()
            process.wait(timeout=60)
            process.stdout.close()


def settle(team: Team, number: int) -> None:
    """What people do where a claim lies: the same again, and if that does not end it, `--abandon`."""
    bot = bot_of(team, number)
    for branch in "xyxy":
        if not bot.plan(branch).unfinished:
            continue
        try:
            bot.finish(branch)
        except CopyError:
            bot.abandon(branch)
    for branch in "xy":
        assert not bot.plan(branch).unfinished


def found(team: Team, number: int) -> dict[str, str]:
    """Whose each of main's objects is."""
    catalog = team.plain(conf_of(number))
    texts = {"table": catalog.load("table")}
    texts |= {key: load() for key, load in catalog.load("parts").items()}
    return {name: text.partition("'")[0] for name, text in texts.items()}


@pytest.mark.timeout(SECONDS + 240)
@pytest.mark.parametrize("server", slow_but({"disk"}, {"disk": ("disk",), "weed": ("weed",)}))
def test_races(server: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Main's objects are each whole, all one branch's or none, but for what main's run saved; that is never lost."""
    if server == "disk":
        team = Team.on_disk(tmp_path / "team")
        settings: dict[str, Any] = {"protocol": "file"}
    else:
        weed = request.getfixturevalue("weed")
        team = Team.in_bucket(weed, tmp_path, credentials=of_user("admin")(weed.url)).made()
        settings = {"protocol": team.protocol, "credentials": team.credentials}
    ends: Counter[str] = Counter()
    lost = 0
    race = Race(team, settings)
    try:
        end = time.monotonic() + SECONDS
        number = 0
        while number == 0 or time.monotonic() < end:
            number += 1
            conf = conf_of(number)
            team.main_saves(conf, **values_of("old"))
            for branch in "xy":
                catalog = team.catalog(branch, conf)
                for name, value in values_of(branch).items():
                    catalog.save(name, value)
            team.check()
            ends.update(f"{who}: {how}" for who, how in zip(ACTORS, race.round(number), strict=True))
            settle(team, number)
            owners = found(team, number)
            assert set(owners.values()) <= {"run", "x", "y", "old"}, owners
            assert len(set(owners.values()) - {"run"}) <= 1, owners
            # Its run came last, or a copy over it was refused: but on a disk, within some microseconds.
            lost += sum(owner != "run" for owner in owners.values())
            team.main = team.mains()
    finally:
        race.end()
    print(f"\n{server}: {number} rounds, {lost} saves of main lost: {dict(ends)}")  # noqa: T201 - the figures
    assert server == "disk" or not lost
    assert lost <= number
