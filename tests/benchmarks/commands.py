"""What the commands cost: `status`, `branches` and, beside rclone on the same server, `clean`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.measuring import Row, Size, seconds
from steel_toes.actions.branches import summarise
from steel_toes.actions.clean import Wish, make_plan
from steel_toes.actions.inventory import Inventory
from steel_toes.actions.removal import apply
from steel_toes.actions.status import statuses
from steel_toes.catalog.install import configurations
from support.environment import CALLERS
from support.runs import RunningTeam
from support.servers import Server, moto, of_user, weed
from support.team import BRANCH, frame


def inventory_of(team: RunningTeam, conf: dict[str, Any], branch: str = BRANCH) -> tuple[Any, Inventory]:
    """The catalog of a new process on a branch, and what its commands know."""
    team.fresh()
    catalog = team.catalog(branch, conf)
    policy = catalog._lazy_datasets.policy
    return catalog, Inventory(policy, *configurations(team.plain(conf)), frozenset({"main"}))


def table(name: str) -> dict[str, Any]:
    """An entry with one file."""
    return {"type": "pandas.CSVDataset", "filepath": f"data/02/{name}.csv", "credentials": "own"}


def status_and_branches(size: Size, folder: Path) -> Iterator[Row]:
    """`status` of many entries that are all the branch's, and `branches`."""
    number = size.of((1_000,), (20,))[0]
    with moto(folder) as server, RunningTeam.behind_proxy(server, folder) as team:
        conf = {f"t{index}": table(f"t{index}") for index in range(number)}
        team.main_saves(conf, **dict.fromkeys(conf, frame(1)))
        branch = team.branch(conf)
        for name in conf:
            branch.save(name, frame(2))
        catalog, inventory = inventory_of(team, conf)
        taken = seconds(lambda: list(statuses(catalog, inventory, inventory.explicit)))
        title = f"status of {number:,} branch copies on S3"
        yield Row("commands", title, "requests", len(team.proxy.log), None, f"{3 * number + 1:,}")
        yield Row("commands", title, "rounds", team.proxy.serial_rounds, None, f"about {3 * -(-number // 20) + 2}")
        yield Row("commands", title, "s", taken)
        _, inventory = inventory_of(team, conf)
        taken = seconds(lambda: summarise(inventory))
        title = f"branches, {number:,} records on S3"
        yield Row("commands", title, "requests", len(team.proxy.log))
        yield Row("commands", title, "s", taken)


@contextmanager
def store(folder: Path) -> Iterator[Server]:
    """SeaweedFS where it is installed, whose deletions are not slower than the requests; else moto."""
    has_weed = shutil.which("weed", path=f"{Path(sys.executable).parent}:{CALLERS.get('PATH', '')}")
    with (weed if has_weed else moto)(folder) as server:
        # Who may make buckets, and remove what is in them.
        yield replace(server, sign=of_user("admin"))


def clean(size: Size, folder: Path) -> Iterator[Row]:
    """`clean` of one branch, plan and removal, beside `rclone purge` of as many objects; nothing without rclone."""
    command = shutil.which("rclone", path=f"{Path(sys.executable).parent}:{CALLERS.get('PATH', '')}")
    if command is None:
        return
    with store(folder) as server:
        for copies, parts in ((100, 100), (1_000, 1)) if not size.is_small else ((2, 10),):
            with RunningTeam.behind_proxy(server, folder) as team:
                yield from _clean(team, server, command, copies, parts)


def _clean(team: RunningTeam, server: Server, rclone: str, copies: int, parts: int) -> Iterator[Row]:
    config = {"type": "partitions.PartitionedDataset", "dataset": "text.TextDataset", "credentials": "own"}
    conf = {f"d{index}": {**config, "path": f"data/02/d{index}"} for index in range(copies)}
    data = {f"p{index}": "x" for index in range(parts)}
    team.credentials = server.credentials  # past the proxy, which counts
    branch = team.branch(conf)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: branch.save(name, data), conf))
    filesystem, bucket = team.filesystem(), team.url.removeprefix("s3://")
    others = [f"{bucket}/others/{index}" for index in range(copies * (parts + 1))]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda path: filesystem.pipe_file(path, b"x"), others))
    environment = environment_of(server)
    purge = [rclone, "purge", f"bench:{bucket}/others", "--config", "/dev/null"]
    plain = seconds(lambda: subprocess.run(purge, env=environment, check=True, capture_output=True))
    _, inventory = inventory_of(team, conf, branch="other")
    removals: list[Any] = []
    ours = seconds(lambda: removals.extend(apply(make_plan(inventory, Wish([BRANCH])))))
    assert not [removal.problem for removal in removals if removal.problem]
    assert not team.objects(), "something was left"
    title = f"clean of {copies * parts:,} objects in {copies:,} copies; plain: rclone purge"
    yield Row("commands", title, "s", ours, plain, "1.2 x")


def environment_of(server: Server, url: str = "") -> dict[str, str]:
    """The environment in which rclone knows a server as `bench`, by its own URL or by a proxy's."""
    credentials = server.credentials
    settings = {
        "TYPE": "s3",
        "PROVIDER": "Other",
        "ENDPOINT": url or server.url,
        "ACCESS_KEY_ID": credentials["key"],
        "SECRET_ACCESS_KEY": credentials["secret"],
    }
    return {**CALLERS, **{f"RCLONE_CONFIG_BENCH_{name}": value for name, value in settings.items()}}
