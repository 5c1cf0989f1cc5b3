"""What `promote` costs: its requests for one object and for many, and its seconds beside `cp` and `rclone copy`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.commands import environment_of, store
from benchmarks.measuring import Row, Size, seconds
from steel_toes.cli.promote import probe
from support.environment import CALLERS
from support.promoting import Promoting
from support.runs import RunningTeam
from support.servers import Server
from support.team import BRANCH, Team

PARTS = {"type": "partitions.PartitionedDataset", "dataset": "text.TextDataset", "credentials": "own"}


def promote(size: Size, folder: Path) -> Iterator[Row]:
    """On a disk one large file, on S3 few objects and many."""
    yield from _on_disk(size, folder)
    with store(folder) as server:
        for objects in (1, 100) if not size.is_small else (1, 4):
            yield from _requests(server, folder / f"requests-{objects}", objects)
        command = shutil.which("rclone", path=f"{Path(sys.executable).parent}:{CALLERS.get('PATH', '')}")
        if command is None:
            return
        for latency in (0.0, 0.01) if not size.is_small else (0.0,):
            datasets, parts = (100, 100) if not size.is_small else (2, 5)
            yield from _beside_rclone(server, folder / f"rclone-{latency}", command, datasets, parts, latency)


def _bot(team: Team, conf: dict[str, Any]) -> Promoting:
    return Promoting(team.plain(conf), team.folder, team.hook("main"))


def _planned(team: Team, conf: dict[str, Any], **wishes: Any) -> Callable[[], object]:
    """What promotes a branch that was planned."""
    bot = _bot(team, conf)
    plan = bot.plan(BRANCH, **wishes)
    assert not plan.refusals
    assert not plan.failed
    # As the command does, before it asks: whether the store refuses a copy over a newer object.
    probe(plan.promotions)
    return lambda: bot.protocol().promote(plan.promotions)


def _on_disk(size: Size, folder: Path) -> Iterator[Row]:
    """A file of 1 GiB, where main has none and without an undo: the copy, which is on the disk when it ends."""
    megabytes = size.of((1024,), (4,))[0]
    (folder / "disk").mkdir(parents=True)
    team = Team.on_disk(folder / "disk")
    conf = {"big": {"type": "pickle.PickleDataset", "filepath": "data/02/big.pkl"}}
    team.make_folders(conf)
    team.branch(conf).save("big", b"x" * megabytes * 2**20)
    (copy,) = (team.folder / "data/02").glob("big--*.pkl")
    subprocess.run(["sync"], check=True)

    def plain() -> None:
        subprocess.run(["cp", str(copy), str(team.folder / "plain.pkl")], check=True)
        subprocess.run(["sync", str(team.folder / "plain.pkl")], check=True)

    # Once before it counts: whoever comes first fills the memory that the system has for files.
    plain()
    (team.folder / "plain.pkl").unlink()
    took = seconds(plain)
    (team.folder / "plain.pkl").unlink()
    ours = seconds(_planned(team, conf))
    yield Row("promote", f"a file of {megabytes:,} MiB on a disk; plain: cp, sync", "s", ours, took)


def _requests(server: Server, folder: Path, objects: int) -> Iterator[Row]:
    """How many requests so many objects need that replace main's, each of which is kept."""
    folder.mkdir(parents=True)
    with RunningTeam.behind_proxy(server, folder) as team:
        conf = {"parts": {**PARTS, "path": "data/02/parts"}}
        names = [f"p{index:03}" for index in range(objects)]
        team.main_saves(conf, parts=dict.fromkeys(names, "main's"))
        team.branch(conf).save("parts", dict.fromkeys(names, "the branch's"))
        team.fresh()
        promote_them = _planned(team, conf)
        title = f"{objects:,} objects over main's on S3, {{}}"
        yield Row("promote", title.format("plan, with the probe"), "requests", len(team.proxy.log))
        team.proxy.clear()
        # Else nobody could tell what was asked at once.
        team.proxy.latency_seconds = 0.02
        promote_them()
        team.proxy.latency_seconds = 0
        yield Row("promote", title.format("done"), "requests", len(team.proxy.log))
        yield Row("promote", title.format("done"), "rounds", team.proxy.serial_rounds)
        # It has changed main, and may.
        team.main = team.mains()


def _beside_rclone(
    server: Server, folder: Path, rclone: str, datasets: int, parts: int, latency: float
) -> Iterator[Row]:
    """Many objects that main does not have, which stay on the branch; rclone copies as many in the server."""
    folder.mkdir(parents=True)
    with RunningTeam.behind_proxy(server, folder) as team:
        conf = {f"d{index}": {**PARTS, "path": f"data/02/d{index}"} for index in range(datasets)}
        branch = team.branch(conf)
        partitions = {name: {f"p{index}": f"{name} {index}" for index in range(parts)} for name in conf}
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(branch.save, partitions, partitions.values()))
        filesystem, bucket = team.filesystem(), team.url.removeprefix("s3://")
        filesystem.pipe({f"{bucket}/others/{index}": b"some text" for index in range(datasets * parts)})
        environment = environment_of(server, team.proxy.url)
        copy = [rclone, "copy", f"bench:{bucket}/others", f"bench:{bucket}/copied", "--transfers", "16"]
        team.proxy.latency_seconds = latency
        plain = seconds(
            lambda: subprocess.run(
                [*copy, "--checkers", "16", "--config", "/dev/null"], env=environment, check=True, capture_output=True
            )
        )
        ours = seconds(_planned(team, conf, keeps_copy=True, keeps_main=False))
        team.proxy.latency_seconds = 0
        team.main = team.mains()
        title = f"{datasets * parts:,} objects on S3, {latency * 1000:.0f} ms a request; plain: rclone copy"
        yield Row("promote", title, "s", ours, plain)
