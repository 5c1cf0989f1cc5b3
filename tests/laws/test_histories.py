"""`clean` against random histories: whatever happened before, `clean` removes what it may, and nothing else.

Whose a file is, is known from who wrote it: after each step the store is compared with what it was before. So nothing
here knows where copies and records lie. What Git would say is kept as sets of names beside a real clone and real bare
repositories. `STEEL_TOES_CLEAN_STEPS=10000 pytest tests/laws/test_histories.py` looks for
longer than the 125 steps of a run by default, and the 500 with `--everything`.
"""

import json
import logging
import os
import re
import shutil
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from kedro.io import DataCatalog

from steel_toes import SteelToes
from steel_toes.actions.clean import Wish, make_plan
from steel_toes.actions.inventory import Inventory
from steel_toes.actions.plan import CleanPlan
from steel_toes.actions.removal import apply
from steel_toes.catalog.install import configurations
from steel_toes.catalog.make import make_policy
from steel_toes.hook import settings_of
from steel_toes.naming.branch import make_slug
from support.effort import effort
from support.git import git
from support.servers import OpenServer

text = pytest.importorskip("kedro_datasets.text", reason="the histories save text")

STEPS = effort(125, 500, "STEEL_TOES_CLEAN_STEPS")
STEPS_OF_A_HISTORY = 25
# The last two have one slug: a real collision of 32 bits.
BRANCHES = ("feature/x", "feature-x", "fix", "A-LoNg-nAME-OF-A-brAnch", "A-LONG-nAME-Of-a-BranCh")
TWINS = BRANCHES[3:]
OWN, OTHER, UNKNOWN = "own", "other/one", "unknown"
BUCKET = "team-data"
MARKER = "/_steel_toes/bucket"
WEEK = timedelta(days=7)


class Mortal(text.TextDataset):
    """Text whose save ends before its first byte, after half of it or after the last, if somebody says so."""

    ending = ""
    kill = False

    def save(self, data: str) -> None:
        if self.ending:
            if self.ending != "before":
                super().save(data[: len(data) // 2] if self.ending == "half" else data)
            if self.kill:
                os._exit(9)
            raise KeyboardInterrupt
        super().save(data)


TEXT = {"type": Mortal}
LINES = {**TEXT, "fs_args": {"open_args_save": {"mode": "a"}}}
PARTS = {"type": "partitions.PartitionedDataset", "dataset": TEXT, "filename_suffix": ".txt"}
PLACES: dict[str, dict[str, Any]] = {
    "keep": {**TEXT, "filepath": "@/02/keep.txt"},  # is in every catalog, so that somebody knows the credentials
    "whole": {**TEXT, "filepath": "@/02/whole.txt"},
    "dots": {**TEXT, "filepath": "@/02/c..d.txt"},
    "log": {**LINES, "filepath": "@/02/log.txt"},
    "model": {**TEXT, "filepath": "@/02/model.txt", "versioned": True},
    "parts": {**PARTS, "path": "@/02/parts"},
    "inner": {**TEXT, "filepath": "@/02/parts/deep/z.txt"},
    "over": {**PARTS, "path": "@/02/over", "overwrite": True},
    "inc": {**PARTS, "type": "partitions.IncrementalDataset", "path": "@/02/inc"},
}
PARTITIONED = ("parts", "over", "inc")
# Files that somebody put somewhere; `*` is a branch's slug.
HAND_MADE = (
    "02/whole--*.txt",
    "02/log--*.txt",
    "02/whole--*-2.txt",
    "02/hand--*.txt",
    "02/parts--*/hand.txt",
    "02/model--*.txt/notes.txt",
    "02/inc--*/a.txt.bak",
    "02/--*",
    "--*/02/hand.txt",
    "02/_steel_toes/*/notes.txt",
    "_steel_toes/*/0123456789abcdef.txt",
    "_steel_toes/0123456789abcdef.json",
)


def with_unit(raw: dict[str, Any], unit: str) -> dict[str, Any]:
    """A complete record that speaks of one unit more."""
    data = {**raw["data"], unit: "id  5-1"}
    return raw | {"data": data, "was": None, "state": "complete"}


def project_of(raw: dict[str, Any]) -> str | None:
    """The project of who put a record."""
    return raw["writers"][raw["writer"]]["project"]


TAMPERED = {
    "branch": lambda raw: raw | {"branch": "main"},
    "another branch": lambda raw: raw | {"branch": "fix" if raw["branch"] != "fix" else "feature/x"},
    "location": lambda raw: raw | {"location": raw["location"].replace("02/", "03/") + "x"},
    "layout": lambda raw: raw | {"layout": "tree"},
    "units": lambda raw: with_unit(raw, "../whole.txt"),
    "deep units": lambda raw: with_unit(raw, "a/../../whole.txt"),
    "absolute units": lambda raw: with_unit(raw, "/etc/passwd"),
    "doubt": lambda raw: raw | {"doubt": {"../whole.txt": [raw["id"]]}},
    "project": lambda raw: raw | {"writers": {key: who | {"project": "x/y"} for key, who in raw["writers"].items()}},
    "nobody": lambda raw: raw | {"writer": "nobody"},
    "removing": lambda raw: raw | {"state": "removing", "removing": {"../../whole.txt": "5-1"}},
    "no location": lambda raw: raw | {"location": None},
    "no branch": lambda raw: raw | {"branch": None},
    "a number": lambda raw: raw | {"data": {".": 5}},
    "format": lambda raw: raw | {"format": 99},
    "half": None,
    "moved": None,
    "moved to another branch": None,
}


# The stores ---------------------------------------------------------------------------------------------------------


class LocalDisk:
    """A folder; a file is known by its path."""

    def __init__(self, root: Path) -> None:
        self.root, self.own = str(root), {}

    def files(self) -> dict[str, tuple[bytes, Any]]:
        """Every file's bytes and identity."""
        paths = [path for path in Path(self.root).rglob("*") if path.is_file()]
        return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}

    def put(self, path: str, data: bytes) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(data)

    def remove(self, path: str) -> None:
        Path(path).unlink()

    def modified(self, path: str) -> datetime:
        return datetime.fromtimestamp(Path(path).stat().st_mtime, timezone.utc)

    def age(self, path: str, by: timedelta) -> None:
        stat = Path(path).stat()
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns - int(by.total_seconds()) * 10**9))


class MotoBucket:
    """A bucket on moto, in whose own memory the objects are looked at."""

    root = f"s3://{BUCKET}"

    def __init__(self, server: OpenServer, tester: str) -> None:
        # With a secret of its own: s3fs keeps what it listed, and the last history's bucket is no more.
        self.own = {
            "credentials": {"key": "tester", "secret": tester, "client_kwargs": {"endpoint_url": server.url}},
        }
        self.backend = server.memory
        server.reset(BUCKET)

    def files(self) -> dict[str, tuple[bytes, Any]]:
        buckets = self.backend.buckets.items()
        return {f"{name}/{key.name}": (key.value, key.etag) for name, one in buckets for key in one.keys.values()}

    def key(self, path: str) -> Any:
        bucket, _, name = path.partition("/")
        return self.backend.buckets[bucket].keys[name]

    def put(self, path: str, data: bytes) -> None:
        bucket, _, name = path.partition("/")
        if bucket in self.backend.buckets:
            self.backend.put_object(bucket, name, data)

    def remove(self, path: str) -> None:
        self.backend.delete_object(*path.split("/", 1))

    def modified(self, path: str) -> datetime:
        when = self.key(path).last_modified
        return when if when.tzinfo else when.replace(tzinfo=timezone.utc)

    def age(self, path: str, by: timedelta) -> None:
        self.key(path).last_modified -= by


# Git ----------------------------------------------------------------------------------------------------------------


class Clone:
    """A clone with two remotes, bare repositories; and in sets, what it and they have.

    Args:
        top: an empty folder.
        lists_main: whether the fork has main.
    """

    def __init__(self, top: Path, lists_main: bool) -> None:
        self.folder, self.top = top / "work", top
        self.here: set[str] = set()
        self.there: dict[str, set[str]] = {"origin": {"main"}, "fork": {"main"} if lists_main else set()}
        self.known: dict[str, set[str]] = {"origin": set(), "fork": set()}  # remote-tracking branches
        self.upstream: dict[str, str] = {}
        self.head: str | None = "main"
        self.folder.mkdir()
        git(self.folder, "init", "-q", "--template=", "-b", "main")
        git(self.folder, "commit", "-q", "--allow-empty", "-m", "one")
        for remote, heads in self.there.items():
            git(top, "init", "-q", "--bare", "--template=", "-b", "main", f"{remote}.git")
            git(self.folder, "remote", "add", remote, str(top / f"{remote}.git"))
            if heads:
                git(self.folder, "push", "-q", remote, "main")
        self.commit = git(self.folder, "rev-parse", "HEAD")

    def switch(self, name: str | None) -> None:
        """Be on a branch, which is made if need be; on none without a name."""
        if name is None:
            git(self.folder, "switch", "-q", "--detach", "main")
        elif name == "main" or name in self.here:
            git(self.folder, "switch", "-q", name)
        else:
            git(self.folder, "switch", "-q", "--no-track", "-c", name, "main")
            self.here.add(name)
        self.head = name

    def push(self, name: str, remote: str) -> None:
        """What `git push -u` does, from a branch that is here."""
        git(self.folder, "push", "-q", "-u", remote, name)
        self.there[remote].add(name)
        self.known[remote].add(name)
        self.upstream[name] = remote

    def track_another(self, name: str, other: str) -> None:
        """What `git switch -c name origin/other` leaves."""
        git(self.folder, "branch", "-q", f"--set-upstream-to=origin/{other}", name)
        self.upstream.pop(name, None)

    def delete_there(self, name: str, remote: str) -> None:
        """A colleague deletes the branch on a remote: what this clone knows of it stays."""
        git(self.top / f"{remote}.git", "update-ref", "-d", f"refs/heads/{name}")
        self.there[remote].discard(name)

    def delete_here(self, name: str) -> None:
        """Delete the branch here, and what Git's configuration says of it."""
        if self.head == name:
            self.switch("main")
        git(self.folder, "branch", "-q", "-D", name)
        self.here.discard(name)
        self.upstream.pop(name, None)

    @contextmanager
    def answering(self, how: str) -> Iterator[None]:
        """The remotes answer, or do not, or list no main."""
        origin = self.top / "origin.git"
        if how == "silent":
            origin.rename(self.top / "away.git")
        elif how == "without main":
            git(origin, "update-ref", "-d", "refs/heads/main")
        yield
        if how == "silent":
            (self.top / "away.git").rename(origin)
        elif how == "without main":
            git(origin, "update-ref", "refs/heads/main", self.commit)

    def is_gone(self, name: str, remote: str | None, how: str) -> bool:
        """The law: it was on that remote, which answers, lists main and not it; and no ref of this clone has it."""
        if remote is None or (remote == "origin" and how != "all") or "main" not in self.there[remote]:
            return False
        elsewhere = set().union(*(names for other, names in self.known.items() if other != remote))
        return name not in self.there[remote] | self.here | elsewhere


# The histories ------------------------------------------------------------------------------------------------------


class Counted:
    """How much was run, and what came of it."""

    seen: ClassVar[Counter[str]] = Counter()


class Histories(RuleBasedStateMachine):
    """A random history of a store that several branches and projects share, and commands in between."""

    server: OpenServer | None = None
    """Of S3; without it, the local disk."""

    BRANCH = st.sampled_from(BRANCHES)
    PLACE = st.sampled_from(sorted(PLACES))
    PROJECT = st.sampled_from([OWN] * 4 + [OTHER, UNKNOWN])
    WHO = st.sampled_from(["git", "git", "colleague", "colleague", "variable", "CI"])
    ANSWERS = st.sampled_from(["all"] * 4 + ["silent", "without main"])
    SOME = st.one_of(st.none(), st.none(), PLACE)
    BETWEEN = st.sampled_from([""] * 3 + ["save", "hand", "tamper", "removed"])

    def __init__(self) -> None:
        super().__init__()
        self.top = Path(tempfile.mkdtemp(prefix="histories-"))
        self.number = 100_000
        self.owners: dict[str, tuple[str, str]] = {}  # of a file: its branch and the path of its record
        self.pushed: dict[str, str | None] = {}  # by the id of a record: the remote that had its branch
        self.tampered: dict[str, str | None] = {}  # and the remote that had the branch of what it was
        self.rewritten: set[str] = set()  # those of them that a save has written again since: they may go
        self.names = {name: name for name in PLACES}
        self.taken: dict[str, Any] = {}

    def teardown(self) -> None:
        shutil.rmtree(self.top, ignore_errors=True)

    @initialize(
        shape=st.sampled_from(["inside", "beside", "records"]),
        lists_main=st.booleans(),
        places=st.lists(PLACE),
        saves=st.lists(st.tuples(BRANCH, PLACE, WHO, PROJECT), min_size=3, max_size=5),
    )
    def begin(self, shape: str, lists_main: bool, places: list[str], saves: list[tuple[str, ...]]) -> None:
        self.clone = Clone(self.top, lists_main)
        inside = shape == "inside" and not self.server
        self.store: Any = (
            MotoBucket(self.server, self.top.name)
            if self.server
            else LocalDisk(self.clone.folder / "data" if inside else self.top / "shared")
        )
        # Without a project's folder around it, data has its records elsewhere.
        self.nowhere = self.clone.folder if inside else self.top / "nowhere"
        self.nowhere.mkdir(exist_ok=True)
        self.settings: dict[str, Any] = {"record_author": False}
        if shape == "records":
            self.settings["records"] = f"{self.store.root}/records"
        elif shape == "inside" and self.server:
            self.settings |= {"layout": "bucket", "create_buckets": True}
        for place in places:
            self.main_saves(place)
        for branch, place, who, project in saves:
            self.save(branch, place, 2, project, who, ["keep"])

    # What is saved ---------------------------------------------------------------------------------------------------

    def placed(self, value: Any) -> Any:
        if isinstance(value, dict):
            placed = {key: self.placed(inner) for key, inner in value.items()}
            return placed | self.store.own if "filepath" in value or "path" in value else placed
        return value.replace("@", self.store.root) if isinstance(value, str) else value

    @property
    def configuration(self) -> dict[str, Any]:
        """Today's catalog."""
        return {name: self.placed(PLACES[place]) for name, place in self.names.items()} | self.placed(self.taken)

    def catalog(self) -> DataCatalog:
        self.number += 1
        version = f"2030-01-01T00.{self.number // 60_000:02}.{self.number // 1000 % 60:02}.{self.number % 1000:03}Z"
        return DataCatalog.from_config(self.configuration, save_version=version)

    def value(self, name: str, ids: int) -> Any:
        self.number += 1
        words = f"{self.number:06}\n"
        return {f"{n}": words for n in range(ids)} if self.names.get(name) in PARTITIONED else words

    def name_of(self, place: str) -> str | None:
        return next((name for name, where in self.names.items() if where == place), None)

    @contextmanager
    def somebody(self, who: str, branch: str) -> Iterator[str | None]:
        """One who is on a branch; gives the remote on which the branch is for him."""
        clone, before, had = self.clone, self.clone.head, branch in self.clone.here
        with pytest.MonkeyPatch.context() as patch:
            if who == "variable":
                patch.setenv("STEEL_TOES_BRANCH", branch)
                yield None
                return
            if who == "CI":
                patch.setenv("GITHUB_ACTIONS", "true")
                patch.setenv("GITHUB_REF", f"refs/heads/{branch}")
                clone.switch(None)
                yield "origin"
                clone.switch(before)
                return
            clone.switch(branch)
            yield clone.upstream.get(branch)
            if who == "colleague" and before != branch:
                clone.switch(before)
                if not had:
                    clone.delete_here(branch)

    @contextmanager
    def writes(self, branch: str, remote: str | None) -> Iterator[None]:
        """What a branch writes in the block is its own; it changes nothing that was not."""
        before = self.store.files()
        yield
        now = self.store.files()
        changed = [path for path in now if before.get(path) != now[path] and not path.endswith((MARKER, ".lock"))]
        lost = [path for path in before if path not in now]
        assert all(self.owners.get(path, (branch,))[0] == branch for path in [*changed, *lost])
        assert not [path for path in changed if path in before and path not in self.owners], "main's, or a hand's"
        records = [path for path in changed if re.search(r"/_steel_toes/[^/]+/[^/]+\.json$", path)]
        assert len(records) == 1 or not changed
        for path in changed:
            self.owners[path] = (branch, records[0])
        for path in lost:
            self.owners.pop(path, None)
        for path in records:
            self.pushed.setdefault(self.raw(path)["id"], remote)
            self.rewritten |= {path} & self.tampered.keys()

    def raw(self, path: str) -> Any:
        return json.loads(self.store.files()[path][0])

    def save_once(self, branch: str, name: str, ids: int, project: str, who: str, ending: str, kill: bool) -> None:
        hook = SteelToes(**self.settings, **{OWN: {}, OTHER: {"project": OTHER}, UNKNOWN: {"branch": branch}}[project])
        path = self.nowhere if project == UNKNOWN else self.clone.folder
        with self.somebody(who, branch) as remote, self.writes(branch, remote if project == OWN else None):
            catalog, data = self.catalog(), self.value(name, ids)
            hook.after_context_created(SimpleNamespace(project_path=path))
            hook.after_catalog_created(catalog)
            Mortal.ending, Mortal.kill = ending, kill
            try:
                if kill and ending:
                    self.dies(catalog, name, data)
                else:
                    # What is refused (another project's, a torn copy, nobody's file) is refused.
                    with suppress(Exception, KeyboardInterrupt):
                        catalog.save(name, data)
                        Counted.seen["saved"] += 1
            finally:
                Mortal.ending = ""

    @staticmethod
    def dies(catalog: DataCatalog, name: str, data: Any) -> None:
        """Another process saves, and is killed in the middle."""
        child = os.fork()
        if not child:
            with suppress(BaseException):
                catalog.save(name, data)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        Counted.seen["killed"] += status == 9

    @rule(
        branch=BRANCH,
        place=PLACE,
        ids=st.integers(1, 2),
        project=PROJECT,
        who=WHO,
        more=st.lists(PLACE, min_size=1, max_size=3),
    )
    def save(self, branch: str, place: str, ids: int, project: str, who: str, more: list[str]) -> None:
        for each in (place, *more):
            if name := self.name_of(each):
                self.save_once(branch, name, ids, project, who, "", kill=False)

    @rule(
        branch=BRANCH,
        place=PLACE,
        twice=st.booleans(),
        who=WHO,
        ending=st.sampled_from(["before", "half", "after"]),
        kill=st.booleans(),
    )
    def save_that_does_not_end(self, branch: str, place: str, twice: bool, who: str, ending: str, kill: bool) -> None:
        if name := self.name_of(place):
            if twice:
                self.save_once(branch, name, 2, OWN, who, "", kill=False)
            self.save_once(branch, name, 1, OWN, who, ending, kill)

    @rule(place=PLACE)
    def main_saves(self, place: str) -> None:
        if name := self.name_of(place):
            before = self.store.files()
            self.catalog().save(name, self.value(name, 2))
            assert all(self.store.files().get(path) == before[path] for path in self.owners)

    # What Git does ---------------------------------------------------------------------------------------------------

    @rule(branch=BRANCH, remote=st.sampled_from(["origin", "origin", "fork"]), place=PLACE)
    def push(self, branch: str, remote: str, place: str) -> None:
        self.clone.switch(branch)
        self.clone.push(branch, remote)
        self.save(branch, place, 2, OWN, "git", [])

    @rule(
        branch=BRANCH,
        remote=st.sampled_from(["origin", "origin", "fork"]),
        places=st.lists(PLACE, max_size=2),
        elsewhere=st.sampled_from(["", "", "", "here", "in the other remote"]),
        then=st.one_of(st.none(), ANSWERS),
        between=BETWEEN,
    )
    def push_save_and_merge(
        self, branch: str, remote: str, places: list[str], elsewhere: str, then: str | None, between: str
    ) -> None:
        """The usual life of a branch; merged or not, its data is the same."""
        self.clone.switch(branch)
        if elsewhere.startswith("in"):
            self.clone.push(branch, "fork" if remote == "origin" else "origin")
        self.clone.push(branch, remote)
        for place in ("keep", *places):
            self.save(branch, place, 1, OWN, "git", [])
        self.clone.delete_there(branch, remote)
        self.clone.switch("main")
        if elsewhere != "here":
            self.clone.delete_here(branch)
        if then:
            self.clean(then, between, stale=True)

    @rule(one=st.sampled_from(TWINS), place=PLACE)
    def one_twin_is_merged(self, one: str, place: str) -> None:
        """Two branches have one slug: what Git says of one says nothing of the other."""
        other = TWINS[one == TWINS[0]]
        self.save(other, place, 1, OWN, "colleague", [])
        self.push_save_and_merge(one, "origin", [], "", "all", "")

    @rule(branch=BRANCH, base=BRANCH, place=PLACE, then=st.booleans())
    def stack_save_and_merge_the_base(self, branch: str, base: str, place: str, then: bool) -> None:
        """A branch that was begun from another, which is merged, while this one was never pushed."""
        if branch not in {base, *self.clone.there["origin"], *self.clone.upstream}:
            self.clone.switch(base)
            self.clone.push(base, "origin")
            self.clone.switch(branch)
            self.clone.track_another(branch, base)
            self.save(branch, place, 1, OWN, "git", ["keep"])
            self.clone.delete_there(base, "origin")
            self.clone.delete_here(branch)
            if then:
                self.clean("all", "", stale=True)

    @rule(branch=BRANCH, what=st.sampled_from(["origin", "fork", "here", "switch", "detach", "main"]))
    def git_changes(self, branch: str, what: str) -> None:
        if what in {"origin", "fork"}:
            self.clone.delete_there(branch, what)
        elif what in {"switch", "detach", "main"}:
            self.clone.switch({"switch": branch, "main": "main"}.get(what))
        elif branch in self.clone.here:
            self.clone.delete_here(branch)

    # What people do --------------------------------------------------------------------------------------------------

    @rule(place=PLACE, removed=st.booleans(), branch=st.one_of(st.none(), BRANCH))
    def change_the_catalog(self, place: str, removed: bool, branch: str | None) -> None:
        """Today's catalog has another name for a dataset, or none; a removed one comes back."""
        name = self.name_of(place)
        if branch:
            self.save(branch, place, 1, OWN, "variable", ["keep"])
        if place != "keep":
            self.names.pop(name, None)
            if name is None or not removed:
                self.names[f"{place} {len(self.names)}"] = place
        if branch:
            self.clean("all", "", branches=[branch])

    @rule(branch=BRANCH, then=st.booleans())
    def main_takes_the_name_of_a_copy(self, branch: str, then: bool) -> None:
        """An entry of main's, new today, has its copy where a branch's copy was yesterday."""
        if then:
            self.save(branch, "whole", 1, OWN, "variable", ["keep"])
        name = f"whole--{make_slug(branch)}"
        self.taken[name] = {**TEXT, "filepath": f"@/02/{name}.txt"}
        self.catalog().save(name, "main's, of another entry")
        self.owners.pop(f"{self.store.root}/02/{name}.txt".removeprefix("s3://"), None)
        if then:
            self.clean("all", "", branches=[branch])

    @rule(branch=BRANCH, where=st.sampled_from(HAND_MADE))
    def put_by_hand(self, branch: str, where: str) -> None:
        where = where.replace("*", make_slug(branch))
        path = f"{self.store.root}{'' if where.startswith('-') else '/'}{where}".removeprefix("s3://")
        if path not in self.store.files():
            with suppress(NotADirectoryError, FileExistsError):
                self.store.put(path, b"by hand")

    @precondition(lambda self: self.owners)
    @rule(which=st.integers(0, 30), how=st.sampled_from(sorted(TAMPERED)), then=st.sampled_from(["", "named", "older"]))
    def tamper(self, which: int, how: str, then: str) -> None:
        records = sorted({record for _, record in self.owners.values()} - self.tampered.keys())
        if records:
            self.tamper_with(records[which % len(records)], how)
        if then:
            self.clean("all", "", branches=list(BRANCHES) if then == "named" else [])

    def tamper_with(self, path: str, how: str) -> None:
        data = self.store.files()[path][0]
        moved = re.sub(r"[0-9a-f]{16}\.json", "0123456789abcdef.json", path)
        if how == "moved to another branch":
            moved = re.sub(r"/_steel_toes/[^/]+/", "/_steel_toes/fix/", path)
        if how.startswith("moved"):
            if moved not in self.store.files():
                self.store.remove(path)
                self.store.put(moved, data)
                # What it spoke of is nobody's now.
                self.owners = {file: owner for file, owner in self.owners.items() if owner[1] != path}
            return
        change = TAMPERED[how]
        self.store.put(path, json.dumps(change(json.loads(data))).encode() if change else data[: len(data) // 2])
        self.tampered[path] = self.pushed[json.loads(data)["id"]]
        self.rewritten.discard(path)

    @precondition(lambda self: self.owners)
    @rule(which=st.integers(0, 30), every=st.booleans())
    def time_goes_by(self, which: int, every: bool) -> None:
        paths = sorted({record for _, record in self.owners.values()})
        for path in paths if every else [paths[which % len(paths)]]:
            self.store.age(path, 2 * WEEK)

    # What is cleaned -------------------------------------------------------------------------------------------------

    @rule(which=st.integers(0, 30), more=st.lists(BRANCH, max_size=1), some=SOME, answers=ANSWERS, between=BETWEEN)
    def clean_branches(self, which: int, more: list[str], some: str | None, answers: str, between: str) -> None:
        known = sorted({branch for branch, _ in self.owners.values()}) or BRANCHES
        names = [self.name_of(some) or some] if some else []
        self.clean(answers, between, names, [known[which % len(known)], *more])

    @rule(some=SOME, answers=ANSWERS, between=BETWEEN, age=st.sampled_from([0, 7]))
    def clean_stale(self, some: str | None, answers: str, between: str, age: int) -> None:
        names = [self.name_of(some) or some] if some else []
        self.clean(answers, between, names, stale=True, age=timedelta(days=age))

    @rule(between=BETWEEN, age=st.sampled_from([7, 7, 7, 0]), answers=ANSWERS)
    def clean_older(self, between: str, age: int, answers: str) -> None:
        self.clean(answers, between, age=timedelta(days=age))

    def inventory(self) -> Inventory:
        """As `cli.project.Project` makes it."""
        settings, path = settings_of(SteelToes(**self.settings)), self.clone.folder
        policy = make_policy(settings, settings.find_branch(path), path)
        explicit, patterns = configurations(DataCatalog.from_config(self.configuration))
        return Inventory(policy.surveyed(explicit.values(), patterns.values()), explicit, patterns, settings.mains)

    def clean(
        self,
        answers: str,
        between: str,
        datasets: list[str] = [],  # noqa: B006  # is only read
        branches: list[str] = [],  # noqa: B006
        *,
        stale: bool = False,
        age: timedelta = timedelta(0),
    ) -> None:
        """Plan, let something happen, apply; then hold what went against what the law says."""
        before = self.store.files()
        inventory = self.inventory()
        with self.clone.answering(answers):
            plan = make_plan(inventory, Wish(branches, datasets, stale=stale, age=age))
        assert self.store.files() == before, "planning is reading"
        records = {record for _, record in self.owners.values() if record in before}
        may, must = set(), set()
        for record in records - self.tampered.keys():
            allowed, wanted = self.law(record, answers, datasets, branches, stale, age)
            may |= {record} if allowed else set()
            must |= {record} if wanted and self.is_reached(record) else set()
        for record in self.rewritten & records:
            allowed, _ = self.law(record, answers, datasets, branches, stale, age)
            may |= {record} if allowed else set()
        self.meddle(plan, between)
        middle = self.store.files()
        same = {path for path in records if before.get(path) == middle.get(path)}
        told = {removal.copy.stored.path: removal.problem for removal in apply(plan)}
        after = self.store.files()
        lost = middle.keys() - after.keys()
        markers = self.emptied(lost, middle, after)
        buckets = {url.split("://")[1] for url in plan.buckets}
        assert {path.split("/")[0] for path in markers} <= buckets, "a bucket that the plan did not list"
        lost -= markers
        listed = {path for item in plan.copies for path in (*item.objects, item.stored.path)}
        locks = {f"{item.stored.path}.lock" for item in plan.copies}
        unlisted = locks - {item.stored.lock_path for item in plan.copies}
        assert not unlisted & before.keys(), "a lock that was there goes, and was not listed"
        assert {path.removesuffix(".lock") for path in lost & locks} <= lost, "a lock goes with its record alone"
        lost -= locks
        assert {path: middle[path] for path in after} == after, "nothing but deletions"
        assert lost <= listed, "what the plan did not list"
        for path in lost:
            assert path in self.owners, f"{path} is main's, or nobody's"
            assert self.owners[path][1] in may, f"{path} is not to be cleaned"
            assert self.owners[path][1] in same, f"{path} changed since the plan was made"
        for item in plan.copies:
            assert (
                told[item.stored.path] == ""
                or item.stored.path in middle.keys() - same
                or item.stored.path not in middle
            )
            assert (told[item.stored.path] == "") == (item.stored.path in lost), "told as it is"
        left = {path for path in after if self.owners.get(path, ("", ""))[1] in must & same}
        assert not left, f"{left} should have gone"
        self.owners = {path: owner for path, owner in self.owners.items() if path in after}
        kind = "branch" if branches else "stale" if stale else "older"
        Counted.seen[f"{kind}: removed"] += len(lost)
        Counted.seen["changed"] += sum(bool(why) for why in told.values())
        Counted.seen["torn"] += sum(bool(item.record.doubt) and not told[item.stored.path] for item in plan.copies)
        Counted.seen["left"] += len(plan.left)
        Counted.seen["unreadable"] += len(plan.failed)

    def emptied(self, lost: set[str], before: dict[str, Any], after: dict[str, Any]) -> set[str]:
        """The markers of buckets that were removed: those that were emptied, and all of these."""
        markers = {path for path in lost if path.endswith(MARKER)}
        gone = {path.split("/")[0] for path in markers}
        now = {path.split("/")[0] for path in after if not path.endswith(MARKER)}
        assert not gone & now, "a bucket that is not empty"
        cleaned = {path.split("/")[0] for path in lost - markers} - {BUCKET}
        assert not self.server or gone == {one for one in cleaned - now if f"{one}{MARKER}" in before}
        return markers

    def meddle(self, plan: CleanPlan, between: str) -> None:
        """What happens to a planned copy before the plan is applied."""
        if not plan.copies or not between:
            return
        item = plan.copies[self.number % len(plan.copies)]
        if between == "save":
            for name in {item.record.dataset, "keep"} & self.names.keys():
                self.save_once(item.record.branch_name, name, 1, OWN, "variable", "", kill=False)
        elif between == "hand":
            with suppress(NotADirectoryError, FileExistsError):
                self.store.put(f"{item.path}/by hand.txt", b"by hand")
        elif between == "tamper":
            self.tamper_with(item.stored.path, "doubt")
        else:
            self.store.remove(item.stored.path)
            self.owners = {path: owner for path, owner in self.owners.items() if owner[1] != item.stored.path}

    def law(
        self, record: str, answers: str, datasets: list[str], branches: list[str], stale: bool, age: timedelta
    ) -> tuple[bool, bool]:
        """Whether a record's copy may be removed, and whether it must be."""
        raw = self.raw(record)
        branch, project = raw["branch"], project_of(raw)
        own = project == str(self.top / "origin")
        if datasets and not self.is_of(raw, datasets):
            return False, False
        if (
            raw["layout"] == "suffix"
            and raw["location"].endswith("whole.txt")
            and f"whole--{make_slug(branch)}" in self.taken
        ):
            return False, False
        if branches:
            named = branch in branches and (own or project is None)
            return named, named
        others = [path for path in self.store.files() if f"/_steel_toes/{make_slug(branch)}/" in path]
        # What a save has written anew since is a record as any.
        tampered = self.tampered.keys() - self.rewritten
        siblings = {path for name, path in self.owners.values() if name == branch and path not in tampered}
        siblings = {path for path in siblings if project_of(self.raw(path)) == project}
        before = datetime.now(timezone.utc) - age
        if not own or branch == self.clone.head or not all(self.store.modified(path) < before for path in siblings):
            return False, False
        # Where a slug's folder holds more than this branch's own, it may be left whole.
        alone = set(others) == siblings and make_slug(self.clone.head or "") != make_slug(branch)
        if not stale:
            return True, alone
        remotes = {self.pushed[self.raw(path)["id"]] for path in siblings}
        gone = {remote for remote in remotes if self.clone.is_gone(branch, remote, answers)}
        # What is not to be cleaned itself may still be the record that tells of the branch.
        more = {remote for path, remote in self.tampered.items() if f"/{make_slug(branch)}/" in path}
        told = any(self.clone.is_gone(branch, remote, answers) for remote in more)
        return bool(gone) or told, gone == remotes and alone

    def is_reached(self, record: str) -> bool:
        """Whether an entry of today's catalog has its records there: elsewhere nobody looks (README, Commands)."""
        if "/parts/deep/_steel_toes/" not in record:
            return True
        return bool(self.name_of("inner")) and not self.name_of("parts")

    def is_of(self, raw: Any, datasets: list[str]) -> bool:
        for name in datasets:
            place = self.names.get(name)
            place = "parts" if place == "inner" and self.name_of("parts") else place
            config = PLACES.get(place or "", {})
            where = config.get("filepath") or config.get("path") or "@/02/?"
            if raw["dataset"] == name or raw["location"].split("/")[-1] == where.split("/")[-1]:
                return True
        return False


# The tests ----------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """No log; and Kedro's own warnings, of which a history has many, are not what is looked at."""
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a writer that is killed is a fork")
@pytest.mark.parametrize("place", ["disk", "s3"])
@pytest.mark.timeout(max(300, STEPS))
def test_histories(place: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever happened before, `clean` removes all that it is asked for and may remove, and never anything else."""
    server = request.getfixturevalue("open_moto") if place == "s3" else None
    steps = STEPS // 5 if server else STEPS - STEPS // 5
    Counted.seen, began = Counter(), time.monotonic()
    machine = type("Histories", (Histories,), {"server": server})
    histories = max(1, steps // STEPS_OF_A_HISTORY)
    profile = settings(
        max_examples=histories,
        stateful_step_count=STEPS_OF_A_HISTORY,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
        phases=[Phase.generate],  # to make a history smaller takes longer than to read it
    )
    run_state_machine_as_test(machine, settings=profile)
    with capsys.disabled():
        print(f"\n{histories} histories on {place}, {time.monotonic() - began:.0f} s: {dict(Counted.seen)}")  # noqa: T201
    # A few histories may by chance remove nothing; many do not.
    assert histories < 10 or Counted.seen["branch: removed"]
