"""What commands ask of a store that many branches share: requests, counted on moto, for which formulas are promised.

`STEEL_TOES_BRANCHES=1000x100 pytest tests/laws/test_scale.py` does it with 1,000 branches of 100 datasets each, and
tells seconds and memory as well.
"""

import json
import math
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("kedro_datasets.text", reason="the project's data is text")

from kedro.io import DataCatalog

from steel_toes import SteelToes
from steel_toes.records.format import from_values, to_bytes
from steel_toes.records.record import record_path
from support.effort import effort
from support.environment import CALLERS
from support.git import git
from support.project import Project
from support.proxy import Proxy
from support.servers import OpenServer

BRANCHES, DATASETS = map(int, (CALLERS.get("STEEL_TOES_BRANCHES") or f"{effort(12, 30)}x{effort(10, 20)}").split("x"))
GONE = BRANCHES // 3
BUCKET = "team-data"
PAGE = 1000  # keys that S3 lists, and deletes, with one request
BATCH = 100  # records that are removed together

CATALOG = f"""
"{{name}}": {{type: text.TextDataset, filepath: "s3://{BUCKET}/02/{{name}}.txt", credentials: team}}
all: {{type: text.TextDataset, filepath: "s3://{BUCKET}/02/all.txt", credentials: team}}
"""
FILES = {"conf/base/catalog.yml": CATALOG}


# What wait4 tells of memory is the peak of the process that was forked, and that one holds moto.
COMMAND = """
import atexit, pathlib, re

def tell():
    status = pathlib.Path("/proc/self/status")
    found = re.search(r"VmHWM:\\s*(.*)", status.read_text()) if status.exists() else None
    pathlib.Path("peak").write_text(found[1] if found else "memory unknown")

atexit.register(tell)
from steel_toes.cli.commands import group
group()
"""


class Vast(Project):
    """A project on main, in whose store many branches have data."""

    package = "vast"


@pytest.fixture
def moto(open_moto: OpenServer) -> Iterator[SimpleNamespace]:
    """Moto's S3 in this process, with an empty bucket, and what counts its requests."""
    open_moto.reset(BUCKET)
    with Proxy(open_moto.url) as proxy:
        yield SimpleNamespace(url=proxy.url, log=proxy.log, backend=open_moto.memory, server=open_moto)


@pytest.fixture
def vast(moto: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """A project in whose store many branches have data; a third of them is gone from the remote."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    folder, credentials = tmp_path / "vast", moto.server.sign(moto.url)
    signed = {**FILES, "conf/base/credentials.yml": json.dumps({"team": credentials})}
    Vast.committed(folder, signed, monkeypatch)
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "origin.git")
    git(folder, "remote", "add", "origin", str(tmp_path / "origin.git"))
    git(folder, "push", "-q", "-u", "origin", "main")
    names = [f"branch-{number}" for number in range(BRANCHES)]
    commit = git(folder, "rev-parse", "HEAD")
    packed = "".join(f"{commit} refs/heads/{name}\n" for name in sorted(["main", *names[GONE:]]))
    (tmp_path / "origin.git/packed-refs").write_text(f"# pack-refs with: peeled fully-peeled sorted \n{packed}")
    fill(moto, folder, credentials, names)
    mains = {name: key.value for name, key in keys(moto).items() if "branch-" not in name}
    assert len(mains) == 1
    yield SimpleNamespace(folder=folder, names=names)
    assert {name: keys(moto)[name].value for name in mains} == mains


def keys(moto: Any) -> Any:
    return moto.backend.buckets[BUCKET].keys


def fill(moto: Any, folder: Path, credentials: Any, names: list[str]) -> None:
    """One real save; and its like, straight into moto's memory, for each branch and dataset."""
    conf = {"data-0": {"type": "text.TextDataset", "filepath": f"s3://{BUCKET}/02/data-0.txt"}}
    conf["data-0"]["credentials"] = credentials
    DataCatalog.from_config(conf).save("data-0", "main's")
    git(folder, "switch", "-q", "-c", "branch-0")
    git(folder, "branch", "-q", "--set-upstream-to=origin/main")
    git(folder, "config", "branch.branch-0.merge", "refs/heads/branch-0")
    hook, catalog = SteelToes(), DataCatalog.from_config(conf)
    hook.after_context_created(SimpleNamespace(project_path=folder))
    hook.after_catalog_created(catalog)
    catalog.save("data-0", "branch's")
    git(folder, "switch", "-q", "main")
    git(folder, "branch", "-q", "-D", "branch-0")
    (path,) = [name for name in keys(moto) if name.startswith("_steel_toes/")]
    record = from_values(json.loads(keys(moto)[path].value))
    for name in names:
        for number in range(DATASETS):
            location = record.location.replace("data-0", f"data-{number}")
            one = replace(record, branch_name=name, dataset=f"data-{number}", location=location)
            writer = replace(record.writer, upstream=f"origin/{name}")
            one = replace(one, writers={record.writer_key: writer})
            moto.backend.put_object(BUCKET, record_path("", name, location).lstrip("/"), to_bytes(one))
            moto.backend.put_object(BUCKET, f"02/data-{number}--{name}.txt", b"branch's")


def command(vast: SimpleNamespace, moto: Any, *arguments: str) -> tuple[Any, Counter[str]]:
    """Call steel-toes in a process of its own; gives what it says as JSON, and the requests."""
    moto.log.clear()
    out, began = vast.folder / "out.json", time.monotonic()
    call = [sys.executable, "-c", COMMAND, *arguments, "--output", str(out)]
    with (vast.folder / "log").open("wb") as log:
        process = subprocess.Popen(call, cwd=vast.folder, stdout=log, stderr=log)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, (vast.folder / "log").read_text()[-2000:]
    counts = Counter(line.split(" ")[0] for line in moto.log)
    cost = f"{time.monotonic() - began:.0f} s, of them {usage.ru_utime + usage.ru_stime:.0f} s its own"
    told = f"{cost}; {(vast.folder / 'peak').read_text()}; {dict(counts)}"
    print(f"\n{BRANCHES} x {DATASETS}: {' '.join(arguments)}: {told}")  # noqa: T201
    return json.loads(out.read_text()), counts


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="what a command costs is told by wait4")
@pytest.mark.timeout(max(300, BRANCHES * DATASETS // 20))
def test_requests(vast: SimpleNamespace, moto: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Requests grow with listings and branches, and by one for each record that is shown in detail or deleted."""
    gone = GONE * DATASETS
    look = {"LIST": math.ceil(BRANCHES * DATASETS / PAGE)}
    # Is anything being promoted?
    claims = {"LIST": look["LIST"] + 1}
    kept = {name: key.value for name, key in keys(moto).items() if not is_of(name, {*vast.names[:GONE]})}
    with capsys.disabled():
        found, counts = command(vast, moto, "branches", "--no-sizes")
        assert {row["branch"]: row["datasets"] for row in found} == dict.fromkeys(vast.names, DATASETS)
        assert {row["branch"] for row in found if row["git"] == "gone"} == {*vast.names[:GONE]}
        assert counts == {**claims, "GET": BRANCHES}
        plan, counts = command(vast, moto, "clean", "--stale", "--grace", "0h")
        assert len(plan["items"]) == gone
        # Each copy that would go is looked at.
        assert counts == {**claims, "HEAD": gone, "GET": BRANCHES + gone}
        _, counts = command(vast, moto, "clean", "--stale", "--grace", "0h", "--yes")
        # Each record is announced to go over the one that the plan has read, but for the first of each of two batches,
        # which show that the server refuses others; its copy is in a listing, and it is deleted as it was announced.
        listed = counts.pop("LIST") - claims["LIST"]
        assert 0 < listed <= math.ceil(gone / BATCH) * 4
        assert counts == {
            "HEAD": gone,
            "GET": BRANCHES + gone + min(2, math.ceil(gone / BATCH)),
            "PUT": gone + 1,
            "DELETE": math.ceil(gone / BATCH) + gone,
        }
    assert {name: key.value for name, key in keys(moto).items()} == kept


def is_of(name: str, branches: set[str]) -> bool:
    """Whether an object is of one of the branches."""
    found = re.search(r"branch-\d+", name)
    return found is not None and found[0] in branches
