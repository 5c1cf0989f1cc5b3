"""Processes that share a disk or a bucket and nothing else, as containers do: each saves its own part at once.

`STEEL_TOES_CONTAINER_ROUNDS=10 uv run pytest --everything tests/laws/test_containers.py` is the full profile.

One task for each partition, on Airflow or Dask, is the usual case. Each process has a temporary folder, a home and a
catalog of its own, and starts within a moment of the others.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import pytest
from kedro.io import DataCatalog

from steel_toes import ChangedCopyError, SteelToes, TornCopyError
from steel_toes.stores.base import Store
from steel_toes.stores.local import LocalStore
from support.effort import effort
from support.proxy import Proxy
from support.servers import Server, of_user

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="a container is a fork here")

CONTAINERS = 8
BUCKET_ROUNDS = effort(1, 1, "STEEL_TOES_CONTAINER_ROUNDS")
ROUNDS = effort(1, 5, "STEEL_TOES_CONTAINER_ROUNDS")
TEXT = {"type": "text.TextDataset"}
CONFIG = {
    "parts": {"type": "partitions.PartitionedDataset", "path": "data/parts", "dataset": TEXT},
    "model": {**TEXT, "filepath": "data/model.txt", "versioned": True},
}


def catalog(save_version: str | None = None) -> DataCatalog:
    """A catalog of the branch, as a process of its own makes it."""
    made = DataCatalog.from_config({name: dict(config) for name, config in CONFIG.items()}, save_version=save_version)
    SteelToes(branch="feature-x", project="flights").after_catalog_created(made)
    return made


def run_containers(top: Path, spread: float, save: Callable[[int], Any]) -> list[str]:
    """Let each container save within so many seconds; what went wrong in each of them."""
    children = {}
    begin = time.time() + 0.3
    for number in range(CONTAINERS):
        read, write = os.pipe()
        child = os.fork()
        if not child:
            failure = ""
            try:
                own = top / f"container-{number}"
                own.mkdir(exist_ok=True)
                tempfile.tempdir = str(own)
                os.environ.update(TMPDIR=str(own), HOME=str(own))
                time.sleep(max(0.0, begin + random.Random(number).uniform(0, spread) - time.time()))
                save(number)
            except BaseException:  # noqa: BLE001 - a fork that raised would go on as a second test run
                failure = traceback.format_exc()
            os.write(write, failure.encode())
            os._exit(0)
        os.close(write)
        children[child] = read
    failures = []
    for child, read in children.items():
        with os.fdopen(read) as pipe:
            failures.append(pipe.read())
        os.waitpid(child, 0)
    return [failure for failure in failures if failure]


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A disk on which main has a partition and a version, and the branch none; main's stay as they are."""
    monkeypatch.chdir(tmp_path)
    main = DataCatalog.from_config(CONFIG, save_version="2026-01-01T00.00.00.000Z")
    main.save("parts", {"main": "main's"})
    main.save("model", "main's")
    before = {path: path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()}
    assert catalog().load("model") == "main's"  # imports what the containers need
    catalog().load("parts")["main"]()
    yield tmp_path
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("spread", [0.05, 0.5])
@pytest.mark.parametrize("number", range(ROUNDS))
def test_each_its_own_partition(disk: Path, spread: float, number: int) -> None:
    """Every partition that a container saved is the branch's afterwards; none is lost, and none is refused."""
    failures = run_containers(disk, spread, lambda own: catalog().save("parts", {f"part-{own}": f"saved by {own}"}))
    assert failures == []
    partitions = {name: load() for name, load in catalog().load("parts").items()}
    assert partitions == {"main": "main's"} | {f"part-{own}": f"saved by {own}" for own in range(CONTAINERS)}


@pytest.mark.parametrize("spread", [0.05, 0.5])
@pytest.mark.parametrize("number", range(ROUNDS))
def test_each_its_own_version(disk: Path, spread: float, number: int) -> None:
    """Every version that a container saved can be loaded afterwards, and the newest is the newest."""
    versions = [f"2026-02-0{own + 1}T00.00.00.000Z" for own in range(CONTAINERS)]
    failures = run_containers(disk, spread, lambda own: catalog(versions[own]).save("model", f"saved by {own}"))
    assert failures == []
    assert catalog().load("model") == f"saved by {CONTAINERS - 1}"
    assert [catalog().load("model", version=version) for version in versions] == [
        f"saved by {own}" for own in range(CONTAINERS)
    ]


# In a bucket there is nothing to lock: each is a process of its own, which waits until all are there.
PROCESS = """
import json, os, random, socket, sys, time
from pathlib import Path
from kedro.io import DataCatalog
from steel_toes import ChangedCopyError, SteelToes, TornCopyError

config, number, spread, gate = json.loads(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])
version = f"2026-02-0{number + 1}T00.00.00.000Z"
socket.gethostname = lambda: f"container-{number}"
catalog = DataCatalog.from_config(config, save_version=version)
SteelToes(branch="feature-x", project="flights").after_catalog_created(catalog)
catalog.exists("parts"), catalog.exists("model")  # connects
(gate / f"ready-{number}").touch()
while not (gate / "go").exists():
    time.sleep(0.01)
time.sleep(random.Random(number).uniform(0, spread))
catalog.save("parts", {f"part-{number}": f"saved by {number}"})
catalog.save("model", f"saved by {number}")
"""


def in_bucket(server: Server, name: str) -> dict[str, dict[str, Any]]:
    """The configuration of the same entries in a new bucket, in which main has a partition and a version."""
    # Where users have permissions, only one may make a bucket.
    credentials = of_user("admin")(server.url) if server.protocol == "s3" else server.credentials
    fsspec.filesystem(server.protocol, **credentials).mkdir(name)
    top, shared = f"{server.protocol}://{name}", {"credentials": server.credentials}
    config = {
        "parts": {**CONFIG["parts"], "path": f"{top}/parts", **shared},
        "model": {**CONFIG["model"], "filepath": f"{top}/model.txt", **shared},
    }
    main = DataCatalog.from_config(config, save_version="2026-01-01T00.00.00.000Z")
    main.save("parts", {"main": "main's"})
    main.save("model", "main's")
    return config


def run_processes(config: dict[str, Any], gate: Path, spread: float) -> list[str]:
    """Let a process for each container save both within so many seconds; what went wrong in each of them."""
    gate.mkdir()
    processes = []
    for number in range(CONTAINERS):
        own = gate / f"container-{number}"
        own.mkdir()
        command = [sys.executable, "-c", PROCESS, json.dumps(config), str(number), str(spread), str(gate)]
        environment = {**os.environ, "TMPDIR": str(own), "HOME": str(own)}
        processes.append(subprocess.Popen(command, cwd=own, env=environment, stderr=subprocess.PIPE, text=True))
    while len(list(gate.glob("ready-*"))) < CONTAINERS and all(process.poll() is None for process in processes):
        time.sleep(0.05)
    (gate / "go").touch()
    answers = [(process.communicate(timeout=120)[1], process.returncode) for process in processes]
    return [error[-1500:] for error, code in answers if code]


@pytest.mark.slow
@pytest.mark.parametrize("store", ["moto", "weed", "gcs", "azurite"])
@pytest.mark.parametrize(
    "spread", [0.05, pytest.param(0.5, marks=pytest.mark.long), pytest.param(3, marks=pytest.mark.long)]
)
def test_in_a_bucket(store: str, spread: float, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Each record is put only if it is the one that was read: no partition and no version is lost."""
    server = request.getfixturevalue(store)
    with Proxy(server.url, latency_seconds=0.025) as proxy:
        for number in range(BUCKET_ROUNDS):
            name = f"containers-{store}-{int(100 * spread)}-{number}"
            check_containers(replace(server, url=proxy.url), name, tmp_path / f"gate-{number}", spread)


def check_containers(server: Server, name: str, gate: Path, spread: float) -> None:
    """Let the containers save into a new bucket: none is refused, and everything can be loaded afterwards."""
    config = in_bucket(server, name)
    assert run_processes(config, gate, spread) == []
    catalog = DataCatalog.from_config(config)
    SteelToes(branch="feature-x", project="flights").after_catalog_created(catalog)
    partitions = {name: load() for name, load in catalog.load("parts").items()}
    assert partitions == {"main": "main's"} | {f"part-{own}": f"saved by {own}" for own in range(CONTAINERS)}
    versions = [f"2026-02-0{own + 1}T00.00.00.000Z" for own in range(CONTAINERS)]
    loaded = [catalog.load("model", version=version) for version in versions]
    assert loaded == [f"saved by {own}" for own in range(CONTAINERS)]


@pytest.mark.slow
def test_a_bucket_that_ignores_conditions(rclone: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Such a server is recognised by the first save, and each record is read back. That only narrows the race.

    What is lost is never main's or another's data to a reader: its writer failed, or it is torn.
    """
    found: Counter[str] = Counter()
    for spread in (0.05, 0.5, 3):
        config = in_bucket(rclone, f"ignores-{int(100 * spread)}")
        failures = run_processes(config, tmp_path / f"gate-{spread}", spread)
        assert all("ConcurrentSaveError" in failure for failure in failures)
        catalog = DataCatalog.from_config(config)
        SteelToes(branch="feature-x", project="flights").after_catalog_created(catalog)
        partitions = catalog.load("parts")
        for own in range(CONTAINERS):
            found[f"{spread} s: {state_of(partitions, own)}"] += 1
        found[f"{spread} s: processes that failed"] += len(failures)
    with capsys.disabled():
        print(f"\n{CONTAINERS} containers, conditions ignored: {dict(sorted(found.items()))}")  # noqa: T201


def state_of(partitions: dict[str, Any], own: int) -> str:
    """What became of a container's partition."""
    name = f"part-{own}"
    if name not in partitions:
        return "not listed"
    try:
        return "saved" if partitions[name]() == f"saved by {own}" else "another's"
    except (TornCopyError, ChangedCopyError):
        return "torn"


@pytest.mark.slow
def test_a_lock_that_only_one_container_meets_loses_some(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What these tests are worth: with the lock in each container's own temporary folder they fail."""
    monkeypatch.setattr(LocalStore, "_lock_file", Store._lock_file)
    write = LocalStore.write

    def slow_write(self: LocalStore, path: str, data: bytes) -> None:
        # Longer than it takes until all have begun: each has read before the first of them writes.
        time.sleep(0.5)
        write(self, path, data)

    monkeypatch.setattr(LocalStore, "write", slow_write)
    failures = run_containers(disk, 0, lambda own: catalog().save("parts", {f"part-{own}": f"saved by {own}"}))
    saved = [name for name in catalog().load("parts") if name.startswith("part-")]
    assert len(saved) < CONTAINERS or failures
