"""Real kills of `promote` at random instants, on a disk: each is followed by a call that ends it."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from steel_toes.errors import StoreError
from support.disk import Disk, small_disk
from support.effort import effort
from support.environment import ROOT
from support.promoting import Promoting
from support.team import BRANCH, Team

KILLS = effort(3, 20, "STEEL_TOES_KILLS")
OBJECTS = 150
CONF = {
    name: {"type": "partitions.PartitionedDataset", "path": f"data/02/{name}", "dataset": {"type": "text.TextDataset"}}
    for name in ("p", "q")
}
PROMOTE = """
import sys
from pathlib import Path
from support.promoting import Promoting
from support.team import BRANCH, Team
from laws.test_promote_deaths import CONF

team = Team.on_disk(Path(sys.argv[1]))
bot = Promoting(team.plain(CONF), team.folder, team.hook("main"))
plan = bot.plan(BRANCH)
print("planned", flush=True)
bot.protocol().promote(plan.promotions)
"""


@pytest.mark.timeout(60 + 5 * KILLS)
def test_deaths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it dies each of main's files is whole, and the next call ends as if it had never been killed."""
    rng = random.Random(7)
    killed = 0
    for number in range(KILLS):
        team = Team.on_disk(tmp_path / f"team{number}")
        monkeypatch.chdir(team.folder)
        partitions = {f"{n:03}": f"main's {n}" for n in range(OBJECTS)}
        team.main_saves(CONF, p=partitions, q=partitions)
        for name in CONF:
            team.branch(CONF).save(name, {**{key: f"the branch's {key}" for key in partitions}, "new": "new"})
        team.check()
        killed += killed_promote(team.folder, rng.uniform(0, 0.4))
        whole = {f"the branch's {key}" for key in partitions} | set(partitions.values()) | {"new"}
        for path in (team.folder / "data/02").glob("[pq]/*"):
            assert path.read_text() in whole
        Promoting(team.plain(CONF), team.folder, team.hook("main")).promote(BRANCH)
        for name in CONF:
            main = {key: load() for key, load in team.plain(CONF).load(name).items()}
            assert main == {**{key: f"the branch's {key}" for key in partitions}, "new": "new"}
        left = [str(path) for path in team.folder.rglob("*") if "--" in path.name or path.suffix == ".part"]
        # What a copy was made through, where main and the undo branch have their data.
        left += [str(path) for top in ("02", "_branches") for path in (team.folder / "data" / top).rglob("*.tmp")]
        assert left == []
        assert not list((team.folder / "data/_steel_toes/_promote").glob("*.json"))
    assert killed


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk of 32 MiB and 500 files."""
    yield from small_disk(tmp_path / "disk")


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "room", [{"pages": pages} for pages in (0, 1, 2, 9)] + [{"files": number} for number in (0, 1, 3)]
)
def test_full_disk(room: dict[str, int], disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk is full it ends with an error; each of main's files is whole, and the next call ends it."""
    team = Team.on_disk(disk.root / "team")
    monkeypatch.chdir(team.folder)
    partitions = {f"{n:03}": f"main's {n}" * 2_000 for n in range(8)}
    team.main_saves(CONF, p=partitions, q=partitions)
    new = {key: text.replace("main's", "branch's") for key, text in partitions.items()} | {"new": "new"}
    for name in CONF:
        team.branch(CONF).save(name, new)
    bot = Promoting(team.plain(CONF), team.folder, team.hook("main"))
    plan = bot.plan(BRANCH)
    disk.leave(**room)
    with pytest.raises(StoreError, match="No space left"):
        bot.protocol().promote(plan.promotions)
    whole = {*partitions.values(), *new.values()}
    for path in (team.folder / "data/02").glob("[pq]/*"):
        assert path.read_text() in whole
    disk.empty()
    bot.promote(BRANCH)
    for name in CONF:
        assert {key: load() for key, load in team.plain(CONF).load(name).items()} == new
    left = [str(path) for path in team.folder.rglob("*") if "--" in path.name or path.suffix in (".part", ".tmp")]
    assert left == []


def killed_promote(folder: Path, seconds: float) -> int:
    """A promote in a process that is killed so long after it has made its plan; 1 if it was still at it."""
    paths = f"{ROOT / 'tests'}"
    process = subprocess.Popen(
        [sys.executable, "-c", PROMOTE, str(folder)],
        cwd=folder,
        env={"PYTHONPATH": paths, "PATH": "", "HOME": str(folder)},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"planned\n"
    time.sleep(seconds)
    is_alive = process.poll() is None
    process.kill()
    process.wait()
    process.stdout.close()
    return int(is_alive)
