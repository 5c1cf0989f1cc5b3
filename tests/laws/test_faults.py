"""Faults of a store behind a proxy that refuses, fails, hangs, cuts and loses: S3 (moto), and a few of GCS and Azure.

The law: only a definite "not found" means that there is no branch copy. Everything else is an error that names the
store; and once the fault is over, the last whole copy is read, or `TornCopyError`, and the next save repairs it.

Every run tries each fault on each kind of request. `STEEL_TOES_FAULTS=1 pytest tests/laws/test_faults.py` tries more
for three minutes, `STEEL_TOES_FAULTS=all` every fault at every place of every entry.
"""

import asyncio
import gc
import importlib
import itertools
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from kedro.io import DataCatalog, DatasetError

from steel_toes import TornCopyError
from steel_toes.errors import StoreError, TornAppendError
from support import servers
from support.effort import all_but
from support.environment import CALLERS
from support.proxy import Fault, Proxy, googles_path
from support.servers import AZURE_KEY, Server
from support.team import Team

s3fs = pytest.importorskip("s3fs", reason="S3 needs s3fs")

LONG = bool(CALLERS.get("STEEL_TOES_FAULTS"))
ALL = CALLERS.get("STEEL_TOES_FAULTS") == "all"
BUCKET = "team-data"
SECRET = "a-secret-of-the-tests"


@pytest.fixture(scope="module")
def proxy(moto: Server) -> Iterator[Proxy]:
    with Proxy(moto.url) as running:
        yield running
        gc.collect()


# A team's data ------------------------------------------------------------------------------------------------------

# What the entry's main copy is, what the branch saves first and then under the fault, and what a load then gives.
BIG = [str(number) * 2**20 for number in range(9)]  # two parts of an upload
ENTRIES = ("text", "parts", "log")
MAIN = {"text": "main's", "parts": {"a": "main's", "b": "main's"}, "log": "main's\n", "big": "main's", "v": "main's"}
OWN = {"text": "own", "parts": {"a": "own"}, "log": "own\n", "big": "own", "v": "own"}
NEW = {"text": "new", "parts": {"a": "new"}, "log": "new\n", "big": BIG, "v": "new"}
AGAIN = {"text": "again", "parts": {"a": "again"}, "log": "again\n", "big": "again", "v": "again"}


def after(entry, *saves):
    """What a branch sees after these saves."""
    if entry in ("text", "big", "v"):
        return [MAIN[entry], *saves][-1]
    if entry == "log":
        return "".join([MAIN[entry], *saves])
    return {name: value for parts in (MAIN[entry], *saves) for name, value in parts.items()}


# The clients of the tests, which do not wait for long; by fsspec's protocol.
QUICK: dict[str, dict[str, Any]] = {
    "s3": {"config_kwargs": {"retries": {"max_attempts": 1}, "read_timeout": 1, "connect_timeout": 2}},
    "gs": {"requests_timeout": 5},
    "abfs": {"read_timeout": 5},
}
# What replaces the published credentials of a server, so that none of the tests' own is told.
SECRETS: dict[str, dict[str, Any]] = {"s3": {"key": "tests", "secret": SECRET}, "gs": {"token": SECRET}, "abfs": {}}
TEXT = {"type": "text.TextDataset", "credentials": "own"}
PARTS = {"type": "partitions.PartitionedDataset", "dataset": "text.TextDataset", "credentials": "own"}
CONF: dict[str, dict[str, Any]] = {
    "text": {**TEXT, "filepath": "data/02/x.txt"},
    "parts": {**PARTS, "path": "data/02/parts"},
    "log": {**TEXT, "filepath": "data/02/log.txt", "fs_args": {"open_args_save": {"mode": "a"}}},
    "big": {**TEXT, "type": "pickle.PickleDataset", "filepath": "data/02/big.pkl"},
    "v": {**TEXT, "filepath": "data/02/v.txt", "versioned": True},
}


class FaultyTeam(Team):
    """A team whose branch reaches the store through a proxy, while main's objects are looked at past it."""

    initial: dict[str, dict[str, tuple[bytes, Any]]] = {}  # noqa: RUF012  # what main saves, by the store's URL

    @classmethod
    def behind(cls, proxy: Proxy, server: Server, folder: Any) -> "FaultyTeam":
        """A team on a server, whose catalogs go through a proxy."""
        quick = {**QUICK[server.protocol], **SECRETS[server.protocol]}
        through, past = ({**server.sign(url), **quick} for url in (proxy.url, proxy.upstream))
        team = cls.in_bucket(server, folder, BUCKET, credentials=through, looking=past)
        team.proxy = proxy
        team.clear()
        return team

    def clear(self) -> None:
        """Main has saved everything once, and no branch anything."""
        self.empty()
        if self.proxy.upstream not in self.initial:
            own = {"own": self.looking}
            plain = DataCatalog.from_config(self.placed(CONF), own)
            for entry, data in MAIN.items():
                plain[entry].save(data)
            self.initial[self.proxy.upstream] = self.objects()
        self.main = self.initial[self.proxy.upstream]

    def empty(self) -> None:
        """Have nothing in the bucket but main's."""
        filesystem, mains = self.filesystem(), self.initial.get(self.proxy.upstream, {})
        if self.protocol == "s3":
            servers.emptied(self.proxy.upstream)
            filesystem.mkdir(BUCKET)
            filesystem.pipe({f"{BUCKET}/{name}": data for name, (data, _) in mains.items()})
            return
        if not filesystem.exists(BUCKET):
            filesystem.mkdir(BUCKET)
        for name in {*filesystem.find(BUCKET)} - {f"{BUCKET}/{name}" for name in mains}:
            filesystem.rm_file(name)

    def entry(self, entry: str) -> Any:
        """An entry of a new process on the branch."""
        conf = dict(CONF)
        if self.protocol == "s3":
            conf["big"] = {**CONF["big"], "fs_args": {"default_block_size": 5 * 2**20}}
        return self.catalog("feature-x", conf)[entry]

    def load(self, entry: str) -> Any:
        """What a new process on the branch loads."""
        data = self.entry(entry).load()
        return {name: part() for name, part in data.items()} if isinstance(data, dict) else data

    def save(self, entry: str, data: Any) -> None:
        """A new process on the branch saves."""
        self.entry(entry).save(data)


class Hasty:
    """asyncio, for which s3fs waits between two attempts; here less."""

    def __getattr__(self, name):
        return getattr(asyncio, name)

    async def sleep(self, seconds):
        await asyncio.sleep(seconds / 50)

    async def wait(self, settings, transport):
        """Azure's own way to wait."""


@pytest.fixture
def team(proxy, moto, tmp_path, monkeypatch):
    """A team, whose main has the same bytes when the test is over."""
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 2)
    monkeypatch.setattr("s3fs.core.asyncio", Hasty())
    monkeypatch.setattr("botocore.retryhandler.delay_exponential", lambda *_, **__: 0.02)
    yield from behaved(FaultyTeam.behind(proxy, moto, tmp_path))


def behaved(team):
    """A team for one test, at whose end main's objects have the bytes and the etags that they had."""
    team.proxy.faults = ()
    yield team
    team.proxy.faults = ()
    team.check()


# Loads --------------------------------------------------------------------------------------------------------------

COPY_OF = {"text": r"/02/x--feature-x\.txt$", "parts": r"/02/parts--feature-x/a$", "log": r"/02/log--feature-x\.txt$"}
MAIN_OF = {"text": r"/02/x\.txt$", "parts": r"/02/parts/a$", "log": r"/02/log\.txt$"}
RECORD = "/_steel_toes/"
LISTED = "parts--feature-x"

# Where a fault strikes a load: what of which path, and whether it is Kedro that is told, and not steel_toes.
LOADS = {
    ("text", "record"): ("GET", RECORD, 1, False),
    ("text", "identity"): ("HEAD", COPY_OF["text"], 1, False),
    ("text", "data"): ("GET", COPY_OF["text"], 1, True),
    ("text", "record, after the data"): ("GET", RECORD, 2, False),
    ("parts", "record"): ("GET", RECORD, 1, False),
    ("parts", "main's listing"): ("LIST", "parts%2F", 1, True),
    ("parts", "listing"): ("LIST", LISTED, 1, True),
    ("parts", "record, of a partition"): ("GET", RECORD, 2, False),
    ("parts", "identity"): ("HEAD", COPY_OF["parts"], 1, False),
    ("parts", "data"): ("GET", COPY_OF["parts"], 1, True),
}
# A lost answer of a read is none at all.
FAULTS = ("403", "500", "503", "reset", "hang", "truncated")
# What is tried in every run: each fault on a GET, and the others' own.
FEW_LOADS = {
    ("text", "record"): ("403", "500", "503", "reset", "truncated"),
    ("text", "identity"): ("403", "reset"),
    ("text", "data"): ("500", "truncated"),
    ("parts", "listing"): ("403", "500", "truncated"),
    ("parts", "data"): ("403",),
}


def load_cases():
    """Every place of every load, with the faults that can strike there."""
    for where, (kind, *_) in LOADS.items():
        many = FAULTS if ALL or where[0] == "text" else ("403", "truncated")
        for what in many if LONG else FEW_LOADS.get(where, ()):
            slow = what == "hang" and where[1] != "record"
            if (what, kind) != ("truncated", "HEAD") and (ALL or not slow):  # the answer to a HEAD has no body
                yield (*where, what)


@pytest.mark.parametrize(("entry", "place", "what"), list(load_cases()))
def test_a_load_that_the_store_does_not_answer_is_an_error(team, entry, place, what):
    """Whatever is not "not found" is an error that names the store; never main's where the branch has its own."""
    kind, path, first, kedros = LOADS[entry, place]
    team.save(entry, OWN[entry])
    fault = team.proxy.strike(what, kind, path, first)
    with pytest.raises(DatasetError) as failed:
        team.load(entry)
    assert fault.hits, "the fault struck nothing"
    assert_names_the_store(failed.value, kedros)
    team.proxy.faults = ()
    assert team.load(entry) == after(entry, OWN[entry])


@pytest.mark.parametrize("what", ["403", "500", "503", "reset"] if ALL else ["403", "reset"])
@pytest.mark.parametrize("place", ["record", "identity"])
@pytest.mark.parametrize("entry", ENTRIES if LONG else ["text"])
def test_exists_without_an_answer_is_an_error(team, entry, place, what):
    """`exists` neither says yes nor no when the store does not."""
    team.save(entry, OWN[entry])
    path = RECORD if place == "record" else COPY_OF[entry]
    team.proxy.strike(what, "GET" if place == "record" else "HEAD", path)
    with pytest.raises(StoreError, match="s3://"):
        team.entry(entry).exists()


@pytest.mark.parametrize("what", ["403", "500", "503", "reset", "truncated"] if LONG else ["403", "500", "truncated"])
@pytest.mark.parametrize("entry", ENTRIES if LONG else ["text", "parts"])
def test_a_record_without_an_answer_is_not_absent(team, entry, what):
    """A branch that has saved nothing reads main's only once the store has said that there is no record."""
    team.proxy.strike(what, "GET", RECORD)
    with pytest.raises(StoreError, match="s3://"):
        team.load(entry)
    team.proxy.faults = ()
    assert team.load(entry) == MAIN[entry]


def assert_names_the_store(error, kedros=False, protocol="s3"):
    """The error of a fault: ours, or for the data itself Kedro's; with the place in it, and without a secret."""
    assert kedros or isinstance(error, StoreError), repr(error)
    assert (f"{protocol}://" if isinstance(error, StoreError) else BUCKET) in str(error)
    told = "".join(traceback.format_exception(error))
    assert SECRET not in told
    assert AZURE_KEY not in told


# Saves --------------------------------------------------------------------------------------------------------------

# Where a fault strikes a save: kind, path, and which of them on a branch that has saved nothing and on one that has
# (0: it makes no such request); whether Kedro is told; and what a load then gives: what it gave before, or in doubt.
SAVES = {
    "main's identity": ("HEAD", MAIN_OF, {"text": (1, 1), "parts": (1, 1), "log": (1, 1)}, False, "before"),
    "record's read": ("GET", RECORD, {"text": (1, 1), "parts": (1, 1), "log": (1, 1)}, False, "before"),
    "nobody's data": ("HEAD", COPY_OF, {"text": (1, 0), "parts": (1, 0), "log": (1, 0)}, False, "before"),
    "writing": ("PUT", RECORD, {"text": (1, 1), "parts": (1, 1), "log": (1, 1)}, False, "before"),
    "what a dead seed left": ("HEAD", COPY_OF, {"log": (2, 0)}, False, "before"),
    "seed's source": ("HEAD", MAIN_OF, {"log": (2, 0)}, False, "before"),
    "seed": ("COPY", COPY_OF, {"log": (1, 0)}, False, "before"),
    "seed's source again": ("HEAD", MAIN_OF, {"log": (6, 0)}, False, "before"),
    "planted": ("HEAD", COPY_OF, {"log": (3, 0)}, False, "before"),
    "append's look": ("HEAD", COPY_OF, {"log": (4, 2)}, True, "before"),
    "append's read": ("GET", COPY_OF, {"log": (1, 1)}, True, "before"),
    "data": ("PUT", COPY_OF, {"text": (1, 1), "parts": (1, 1), "log": (1, 1)}, True, "before"),
    "identity": ("HEAD", COPY_OF, {"log": (7, 7)}, False, "doubt"),
    "complete": ("PUT", RECORD, {"text": (2, 2), "parts": (2, 2), "log": (2, 2)}, False, "doubt"),
}
# Of a write whose answer is lost, more is known to the store than to the writer.
LOST = {"data": "doubt", "complete": "new"}
STATES = ("new", "own")
# What is tried in every run, beside a 403 everywhere: each fault on each kind of request.
FEW_SAVES = {
    ("text", "own", "main's identity"): ("500",),
    ("text", "own", "record's read"): ("500", "truncated"),
    ("text", "own", "data"): ("500", "lost", "reset"),
    ("text", "own", "complete"): ("503", "lost", "hang"),
    ("text", "new", "complete"): ("lost",),
    ("log", "new", "seed"): ("200", "500", "lost"),
    ("log", "own", "data"): ("403", "lost"),
    ("parts", "own", "data"): ("403", "lost"),
    ("parts", "new", "complete"): ("403",),
}


def save_cases():
    """Every place of every save, with the faults that can strike there."""
    for place, (kind, _, where, *_) in SAVES.items():
        for entry, numbers in where.items():
            for state, number in zip(STATES, numbers, strict=True):
                few = ["403"] if (entry, state) == ("text", "own") or ("log" in where and "text" not in where) else []
                faults = ["403", *(["lost"] if kind in ("PUT", "COPY") else [])]
                if ALL or (entry, state) == ("text", "own") or kind == "COPY":
                    faults += ["500", "503", "reset", *(["truncated"] if kind == "GET" else [])]
                slow = ALL or ((entry, state) == ("text", "own") and place in ("data", "complete"))
                faults += ["hang"] if slow else []
                faults += ["200"] if kind == "COPY" else []
                faults = faults if LONG else [*few, *FEW_SAVES.get((entry, state, place), ())]
                for what in faults if number else []:
                    # A client that waits for an answer that never comes.
                    marks = (pytest.mark.slow,) if what == "hang" else ()
                    yield pytest.param(entry, state, place, what, id=f"{entry}-{state}-{place}-{what}", marks=marks)


@pytest.mark.parametrize(("entry", "state", "place", "what"), list(save_cases()))
def test_a_save_that_the_store_does_not_answer(team, entry, state, place, what):
    """It is an error that names the store; then the last whole copy is read, or it is torn; the next save repairs it.

    A first save that fails leaves main's. Only an append over a torn copy is refused, since it cannot repair it.
    """
    kind, paths, where, kedros, left = SAVES[place]
    saved = [OWN[entry]] if state == "own" else []
    for data in saved:
        team.save(entry, data)
    path = paths if isinstance(paths, str) else paths[entry]
    fault = team.proxy.strike(what, kind, path, where[entry][state == "own"])
    with pytest.raises(DatasetError) as failed:
        team.save(entry, NEW[entry])
    assert fault.hits, "the fault struck nothing"
    assert_names_the_store(failed.value, kedros)
    wholes = [after(entry, *saved), after(entry, *saved, NEW[entry])]
    if what != "hang":
        assert seen(team, entry) in [*wholes, "torn", "refused"], "while it lasts"

    team.proxy.faults = ()
    left = LOST.get(place, left) if what == "lost" else left
    left = {"doubt": "torn" if saved else "before"}.get(left, left)
    assert seen(team, entry) == {"before": wholes[0], "new": wholes[1], "torn": "torn"}[left]
    if left == "torn" and entry == "log":
        with pytest.raises(TornAppendError, match="steel-toes clean"):
            team.save(entry, AGAIN[entry])
        return
    saved += [NEW[entry]] if left == "new" else []
    team.save(entry, AGAIN[entry])
    assert team.load(entry) == after(entry, *saved, AGAIN[entry])


def seen(team, entry):
    """What a load gives, or that the copy is torn, or that the store does not answer."""
    try:
        return team.load(entry)
    except TornCopyError:
        return "torn"
    except DatasetError:
        return "refused"


@pytest.mark.parametrize(
    ("entry", "state"), [*itertools.product(ENTRIES, STATES)] if LONG else [("text", "own"), ("log", "new")]
)
def test_permissions_that_end_at_any_request_of_a_save(team, entry, state):
    """From whichever request of a save on the store refuses everything: before, or torn, then as good as new."""
    saved = [OWN[entry]] if state == "own" else []
    outcomes = []
    for number in range(1, 40, 1 if ALL else 2 if LONG else 4):
        team.clear()
        for data in saved:
            team.save(entry, data)
        fault = team.proxy.strike("403", "", "", number)
        outcomes.append(failure(team, entry))
        team.proxy.faults = ()
        if not fault.hits:
            break
        assert isinstance(outcomes[-1], DatasetError), f"request {number}"
        assert seen(team, entry) in [after(entry, *saved), *(["torn"] if saved else [])], f"request {number}"
        again = failure(team, entry)
        assert again is None or (saved and entry == "log" and isinstance(again, TornAppendError)), f"request {number}"
    assert outcomes[-1] is None
    assert len(outcomes) > (6 if ALL else 2)


def failure(team, entry):
    """The error of a save, if it is one."""
    try:
        team.save(entry, NEW[entry])
    except DatasetError as error:
        return error


def test_a_refused_append_leaves_the_branchs_rows(team):
    """An append that the store refuses before it wrote leaves the copy as it was, whatever is collected later."""
    team.save("log", OWN["log"])
    team.proxy.strike("403", "GET", COPY_OF["log"])
    assert failure(team, "log") is not None
    team.proxy.faults = ()
    gc.collect()
    assert team.load("log") == after("log", OWN["log"])


# Clients that are killed ---------------------------------------------------------------------------------------------


def kill_a_save(team, entry, what, number):
    """Kill -9 a client in its n-th request that changes something; whether it had so many."""
    fault = team.proxy.strike(what, "WRITE", "", number)
    team.proxy.waits.clear()
    client = multiprocessing.get_context("fork").Process(target=team.save, args=(entry, NEW[entry]))
    client.start()
    while client.is_alive() and not team.proxy.waits.wait(0.01):
        pass
    if fault.hits:
        os.kill(client.pid, signal.SIGKILL)
    client.join()
    team.proxy.faults = ()
    return bool(fault.hits)


FEW_KILLS = [("log", "new", "done"), ("big", "own", "inside")]


@pytest.mark.skipif(sys.platform != "linux", reason="a client is a fork of a process with threads")
@pytest.mark.parametrize(
    ("entry", "state", "what"),
    all_but(
        () if LONG else {"big-own-inside"},
        {"-".join(case): case for case in (itertools.product(MAIN, STATES, ["inside", "done"]) if LONG else FEW_KILLS)},
    ),
)
def test_a_client_that_is_killed_in_an_upload(team, entry, state, what):
    """After a kill -9 in the middle of any upload of a save, or before its answer, a load gives what it gave, or torn.

    Only once the last of them, the record, has arrived is it the new one; the next save repairs it.
    """
    saved = [OWN[entry]] if state == "own" else []
    given = []
    for number in range(1, 20) if LONG else range(1 + (what == "done"), 20, 2):
        team.clear()
        for data in saved:
            team.save(entry, data)
        if not kill_a_save(team, entry, what, number):
            break
        given.append(seen(team, entry))
        if given[-1] == "torn" and entry == "log":
            with pytest.raises(TornAppendError, match="steel-toes clean"):
                team.save(entry, AGAIN[entry])
            continue
        team.save(entry, AGAIN[entry])
        done = [NEW[entry]] if given[-1] == after(entry, *saved, NEW[entry]) else []
        assert team.load(entry) == after(entry, *saved, *done, AGAIN[entry])
    assert team.load(entry) == after(entry, *saved, NEW[entry])
    *others, last = given
    torn = ["torn"] if saved and entry != "v" else []
    assert all(one in [after(entry, *saved), *torn] for one in others)
    assert last in ([after(entry, *saved, NEW[entry])] if what == "done" else [after(entry, *saved), *torn])


# What passes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["503", "500", "reset", "lost", "truncated", "latency"])
@pytest.mark.parametrize("state", STATES if ALL else ["new"])
@pytest.mark.parametrize("entry", ENTRIES if LONG else ["log"])
def test_what_passes_changes_nothing_but_time(team, entry, state, what):
    """One failure of each kind of request, which the store's client tries again: the save and the load are right."""
    saved = [OWN[entry]] if state == "own" else []
    for data in saved:
        team.save(entry, data)
    kinds = ("GET", "LIST", "COPY") if what == "truncated" else ("HEAD", "GET", "LIST", "PUT", "COPY")
    faults = [Fault(what, kind, "", times=1) for kind in kinds]
    team.proxy.faults = tuple(faults)
    team.save(entry, NEW[entry])
    assert team.load(entry) == after(entry, *saved, NEW[entry])
    assert sum(fault.hits for fault in faults) >= len(faults) - 3


# Google Cloud Storage and Azure Blob --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def googles(tmp_path_factory):
    """fake-gcs-server behind the proxy, which it takes for its own address."""
    port = servers.free_port()
    folder = tmp_path_factory.mktemp("gcs")
    with Proxy(f"http://127.0.0.1:{port}", name_of=googles_path) as proxy, servers.gcs(folder, port, proxy.url) as gcs:
        yield proxy, gcs


@pytest.fixture(scope="module")
def azures(azurite):
    """Azurite behind the proxy."""
    with Proxy(azurite.url) as proxy:
        yield proxy, azurite


@pytest.fixture
def elsewhere(store, request, tmp_path, monkeypatch):
    """A team on that store, whose clients do not wait between two attempts."""
    proxy, server = request.getfixturevalue({"gcs": "googles", "azure": "azures"}[store])
    if store == "gcs":
        monkeypatch.setattr("gcsfs.retry.asyncio", Hasty())
    else:
        policies = importlib.import_module("azure.storage.blob._shared.policies_async")
        monkeypatch.setattr(policies.AsyncStorageRetryPolicy, "sleep", Hasty.wait)
    yield from behaved(FaultyTeam.behind(proxy, server, tmp_path))


# The place of a fault: the entry, what the branch has saved, the kind and the path of the request at each store,
# whether Kedro is told, and what a load then gives.
ELSEWHERE = {
    "record's read": ("text", "own", {"gcs": ("GET", RECORD), "azure": ("GET", RECORD)}, False, "before"),
    "record's write": ("text", "own", {"gcs": ("PUT", RECORD), "azure": ("PUT", RECORD)}, False, "before"),
    "identity": ("text", "own", {"gcs": ("READ", "x--f"), "azure": ("HEAD", "x--f")}, False, "torn"),
    "data": ("text", "own", {"gcs": ("PUT", "x--f"), "azure": ("PUT", "x--f")}, True, "before"),
    "seed": ("log", "new", {"gcs": ("COPY", "log--f"), "azure": ("COPY", "log--f")}, False, "before"),
}


FEW_ELSEWHERE = {"record's read": ("403", "500", "reset", "hang"), "data": ("403", "500")}


def elsewhere_cases():
    """Every place at both stores; adlfs has a time-out for small objects alone."""
    for store, place in itertools.product(("gcs", "azure"), ELSEWHERE):
        for what in ("403", "500", "503", "reset", "hang"):
            endless = (store, what) == ("azure", "hang") and not place.startswith("record")
            few = what in FEW_ELSEWHERE.get(place, ("403",)) and (store, what) != ("azure", "hang")
            if not endless and (LONG or few):
                yield store, place, what


@pytest.mark.parametrize(("store", "place", "what"), list(elsewhere_cases()))
@pytest.mark.filterwarnings("ignore:Append mode:UserWarning")  # Google's overwrites, with Kedro alone too
def test_a_store_elsewhere_that_does_not_answer(store, place, what, elsewhere):
    """On Google's and Azure's stores too it is an error that names the store, and the next save repairs it."""
    team = elsewhere
    entry, state, where, kedros, left = ELSEWHERE[place]
    saved = [OWN[entry]] if state == "own" else []
    for data in saved:
        team.save(entry, data)
    fault = team.proxy.strike(what, *where[store])
    with pytest.raises(DatasetError) as failed:
        team.save(entry, NEW[entry])
    assert fault.hits, "the fault struck nothing"
    assert_names_the_store(failed.value, kedros, team.protocol)
    if place in ("record's read", "identity"):
        with pytest.raises(StoreError, match=f"{team.protocol}://"):
            team.load(entry)
    team.proxy.faults = ()
    assert seen(team, entry) == ("torn" if left == "torn" else after(entry, *saved))
    team.save(entry, AGAIN[entry])
    whole = AGAIN[entry] if store == "gcs" else after(entry, *saved, AGAIN[entry])
    assert team.load(entry) == whole


@pytest.mark.parametrize("what", ["403", "500"])
@pytest.mark.parametrize("store", ["gcs", "azure"])
def test_a_record_without_an_answer_is_not_absent_elsewhere(store, what, elsewhere):
    """Main's is read, and `exists` answered, only once Google's or Azure's store has said that there is no record."""
    elsewhere.proxy.strike(what, "GET", RECORD)
    for ask in (lambda: elsewhere.load("text"), lambda: elsewhere.entry("text").exists()):
        with pytest.raises(StoreError, match=f"{elsewhere.protocol}://") as failed:
            ask()
        assert_names_the_store(failed.value, protocol=elsewhere.protocol)
    elsewhere.proxy.faults = ()
    assert elsewhere.load("text") == MAIN["text"]


@pytest.mark.parametrize("store", ["azure"])
class TestAzuresCopies:
    """Azure answers a copy before it has copied: a seed is complete only once Azure says so."""

    @pytest.fixture(autouse=True)
    def quick(self, monkeypatch):
        monkeypatch.setattr("steel_toes.stores.azure._POLL_SECONDS", 0)

    def test_pending(self, elsewhere):
        """The save appends only after the copy has ended: it asks until Azure says so, and not at all if it said so."""
        proxy = elsewhere.proxy
        looks_without = self.looks_after_the_copy(elsewhere)
        elsewhere.empty()
        # The first two looks are before the copy.
        twice = Fault("pending", "HEAD", "log--f", first=3, times=2)
        proxy.faults = (Fault("pending", "COPY", "log--f"), twice)
        assert self.looks_after_the_copy(elsewhere) == looks_without + 3
        assert twice.hits == 2
        assert elsewhere.load("log") == MAIN["log"] + NEW["log"]

    @staticmethod
    def looks_after_the_copy(team):
        """How often a save that begins with a copy asks for the blob before it writes to it."""
        team.proxy.log.clear()
        team.save("log", NEW["log"])
        kinds = [line.split(" ")[0] for line in team.proxy.log]
        later = kinds[kinds.index("COPY") :]
        return later[: later.index("PUT")].count("HEAD")

    @pytest.mark.parametrize("status", ["failed", "aborted"])
    def test_failed(self, status, elsewhere):
        """A copy that Azure gave up is an error with Azure's word for it, and a load gives main's."""
        elsewhere.proxy.faults = (Fault("pending", "COPY", "log--f"), Fault(status, "HEAD", "log--f", times=None))
        with pytest.raises(StoreError, match=f"ended with: {status}") as failed:
            elsewhere.save("log", NEW["log"])
        assert_names_the_store(failed.value, protocol=elsewhere.protocol)
        elsewhere.proxy.faults = ()
        assert elsewhere.load("log") == MAIN["log"]
