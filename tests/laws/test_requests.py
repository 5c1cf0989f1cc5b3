"""What a branch costs: the requests that a store gets, over those of plain Kedro, counted for each kind of call."""

import collections
import itertools
import statistics
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import pytest
from kedro.io import DataCatalog
from kedro.pipeline import node, pipeline
from kedro.runner import SequentialRunner, ThreadRunner

from steel_toes import SteelToes
from steel_toes.actions.inventory import Inventory
from steel_toes.actions.status import statuses
from steel_toes.catalog.install import configurations
from support.effort import slow_but
from support.places import Place, V, watched
from support.proxy import GooglesHaste, Proxy
from support.runs import RunningTeam
from support.team import SLUG, frame

pytest.importorskip("pandas", reason="most of the datasets here are pandas'")


# What a branch asks of a store over what plain Kedro asks for the same: a promise, of two catalogs as two new processes
# have them; the first save of all asks the server with a PUT whether it honours conditions.
# H: HEAD of an object (Google: of what it says of one), B: of the bucket, G: GET of an object, L: a listing,
# P: PUT, C: copy, D: delete.
STORES = {"s3": "moto", "gcs": "gcs", "azure": "azurite"}
COSTS = {  # on S3, GCS and Azure
    "a: make the catalog, run the hooks": ("", "", ""),
    "a: load, never written": ("1G", "1G", "1G"),
    "a: exists, never written": ("1G", "1G", "1G"),
    "a: save, first": ("2H 1G 1L 3P", "4H 1G 1L 3P", "3H 1G 1L 3P"),
    "a: load": ("1G", "1H 1G", "1H 1G"),
    "a: exists": ("1H 1G", "1H 1G", "1H 1G"),
    "a: save": ("2H 1G 1L 2P", "3H 1G 2P", "3H 1G 2P"),
    "a: before a run that reads it": ("2H 1G 2L", "3H 1G 1L", "3H 1G 2L"),
    "v: load, never written": ("1G -1L", "1G 1L", "-3H 1G 3L"),
    "v: save, first": ("3H 1G 2L 2P", "6H 1G 4L 2P", "3H 1G 6L 2P"),
    "v: load": ("2H 3G -2L", "3H 3G 1L", "-1H 3G 3L"),
    "v: save": ("3H 1G 2L 2P", "6H 1G 4L 2P", "3H 1G 6L 2P"),
    "parts: load and call one of main's, never written": ("1G", "1G", "1G"),
    "parts: save one, first": ("2H 1G 1L 2P", "4H 1G 1L 2P", "3H 1G 1L 2P"),
    "parts: load and call one of the branch's": ("1G 1L", "2H 1G 1L", "2H 1G 1L"),
    "parts: save one": ("2H 1G 1L 2P", "3H 1G 2P", "3H 1G 2P"),
    "parts: load and call one of each side": ("1G 1L", "2H 1G 1L", "2H 1G 1L"),
}
LETTERS = {"HEAD": "H", "BUCKET": "B", "GET": "G", "LIST": "L", "PUT": "P", "COPY": "C", "DELETE": "D"}


class TestRequests:
    """What a branch costs, in requests over plain Kedro's own."""

    @pytest.fixture(params=slow_but({"s3"}, {store: (store,) for store in STORES}))
    def counting(
        self,
        request: pytest.FixtureRequest,
        tmp_path: Path,
        forge: Any,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> Iterator[SimpleNamespace]:
        """A bucket, and a proxy that counts what is asked for in it."""
        server = request.getfixturevalue(STORES[request.param])
        with Proxy(server.url, unanswered=GooglesHaste(server.url)) as proxy:
            place = Place.in_bucket(replace(server, url=proxy.url), tmp_path).made()
            for watching in watched(place, forge, caplog, monkeypatch):
                yield SimpleNamespace(place=watching, log=proxy.log, column=list(STORES).index(request.param))

    def counted(self, counting: SimpleNamespace, ask: Callable[[], Any]) -> collections.Counter[str]:
        """What is asked of the store, beginning with empty listing caches."""
        fsspec.get_filesystem_class(counting.place.protocol).clear_instance_cache()
        counting.log.clear()
        ask()
        return collections.Counter(LETTERS[line.split(" ")[0]] for line in counting.log)

    def test_costs(self, counting: SimpleNamespace) -> None:
        """Loads, saves and `exists` cost this many requests more than plain Kedro's, and the hooks cost none."""
        place, data = counting.place, {"a": frame(1), "v": frame(1), "parts": {"a": "1", "b": "1"}}
        private = f"{place.url}/private--{SLUG}"
        place.main_saves(V[0], **data)
        for name, value in data.items():
            place.plain(name, version=V[0], where=private).save(name, value)

        def load_one(catalog: DataCatalog) -> None:
            catalog.load("parts")["a"]()

        def load_two(catalog: DataCatalog) -> None:
            partitions = catalog.load("parts")
            partitions["a"](), partitions["b"]()

        steps: dict[str, Callable[[DataCatalog], Any]] = {
            "a: make the catalog, run the hooks": lambda catalog: run_hooks(catalog, "a"),
            "a: load, never written": lambda catalog: catalog.load("a"),
            "a: exists, never written": lambda catalog: catalog.exists("a"),
            "a: save, first": lambda catalog: catalog.save("a", frame(2)),
            "a: load": lambda catalog: catalog.load("a"),
            "a: exists": lambda catalog: catalog.exists("a"),
            "a: save": lambda catalog: catalog.save("a", frame(3)),
            "a: before a run that reads it": lambda catalog: SteelToes().before_pipeline_run(
                {}, pipeline([node(len, "a", "rows")]), catalog
            ),
            "v: load, never written": lambda catalog: catalog.load("v"),
            "v: save, first": lambda catalog: catalog.save("v", frame(2)),
            "v: load": lambda catalog: catalog.load("v"),
            "v: save": lambda catalog: catalog.save("v", frame(3)),
            "parts: load and call one of main's, never written": load_one,
            "parts: save one, first": lambda catalog: catalog.save("parts", {"a": "2"}),
            "parts: load and call one of the branch's": load_one,
            "parts: save one": lambda catalog: catalog.save("parts", {"a": "3"}),
            "parts: load and call one of each side": load_two,
        }
        costs = {}
        for number, (name, step) in enumerate(steps.items(), 1):
            # A save's version is new; a load is not asked for one.
            version = f"2030-02-{number:02}T00.00.00.000Z" if "save" in name else None
            entry = name.split(":")[0]
            cost = self.counted(counting, lambda: step(place.branch(entry, version=version)))  # noqa: B023
            own = self.counted(counting, lambda: step(place.plain(entry, version=version, where=private)))  # noqa: B023
            cost.subtract(own)
            costs[name] = " ".join(f"{cost[letter]}{letter}" for letter in LETTERS.values() if cost[letter])
        assert costs == {name: row[counting.column] for name, row in COSTS.items()}


def run_hooks(catalog: DataCatalog, name: str) -> None:
    """What a catalog goes through before anything of it is read."""
    catalog.get(name)
    repr(catalog)


# Serial rounds: the longest sequence of requests of which each came after the one before was answered. Latency
# multiplies them.
OUTSIDE_A_RUN = {  # over plain Kedro's own
    "load": 1,
    "save, first": 3,
    "load again": 1,
    "save, with the record kept": 2,
    "save, in a new process": 3,
}


def table(name: str) -> dict[str, Any]:
    """An entry of the catalog."""
    return {"type": "pandas.CSVDataset", "filepath": f"data/02/{name}.csv", "credentials": "own", "save_args": {}}


def same(data: Any) -> Any:
    """A node's function."""
    return data


class TestRounds:
    """What a branch waits for, in requests after one another."""

    LATENCY_SECONDS = 0.1  # more than the server needs itself, on a busy machine too

    @pytest.fixture
    def team(self, moto: Any, tmp_path: Path) -> Iterator[RunningTeam]:
        with RunningTeam.behind_proxy(moto, tmp_path, self.LATENCY_SECONDS) as team:
            yield team

    @pytest.fixture
    def chain(self, team: RunningTeam) -> tuple[dict[str, Any], Any]:
        """A chain of nine nodes, of which main has run the first two."""
        conf = {name: table(name) for name in "abcdefghij"}
        team.main_saves(conf, **dict.fromkeys("abc", frame(1)))
        return conf, pipeline([node(same, a, b, name=f"make_{b}") for a, b in itertools.pairwise(conf)])

    def test_a_chain(self, team: RunningTeam, chain: tuple[dict[str, Any], Any]) -> None:
        """A chain of nine nodes waits for 27 rounds with plain Kedro, and for three more on a branch, in each run."""
        conf, nodes = chain
        private = {name: {**entry, "filepath": f"data/_{SLUG}/{name}.csv"} for name, entry in conf.items()}
        team.slugs.add(f"_{SLUG}")
        private["a"] = conf["a"]
        team.run(private, nodes, branch=None)
        assert team.proxy.serial_rounds in range(26, 29)
        team.main = team.mains()
        rounds = []
        for _ in range(3):
            team.run(conf, nodes)
            rounds.append(team.proxy.serial_rounds)
        # A machine that is busy may begin one of two requests too late.
        assert min(rounds) <= 30
        assert max(rounds) <= 33

    @pytest.mark.slow
    @pytest.mark.parametrize(("runner", "most"), [(SequentialRunner, 150), (ThreadRunner, 100)])
    def test_a_wide_pipeline(self, team: RunningTeam, runner: Any, most: int) -> None:
        """Twenty free inputs and thirty nodes."""
        sources = [f"in{number}" for number in range(20)]
        targets = [f"out{number}" for number in range(30)]
        conf = {name: table(name) for name in (*sources, *targets)}
        team.main_saves(conf, **dict.fromkeys(sources, frame(1)))
        pairs = zip(itertools.cycle(sources), targets, strict=False)
        nodes = pipeline([node(same, source, target, name=f"make_{target}") for source, target in pairs])
        for _ in range(2):
            team.run(conf, nodes, runner())
            assert team.proxy.serial_rounds <= most

    def test_outside_a_run(self, team: RunningTeam) -> None:
        """In a notebook each call waits for this many rounds more than with plain Kedro."""
        # Whether the server honours conditions is asked once in a process.
        team.branch({"first": table("first")}).save("first", frame(1))
        # A machine that is busy may begin one of two requests too late, or end it.
        measured = [self.rounds_outside(team, name) for name in "abcde"]
        usual = {step: statistics.multimode(rounds[step] for rounds in measured) for step in OUTSIDE_A_RUN}
        assert all(rounds in usual[step] for step, rounds in OUTSIDE_A_RUN.items()), usual

    def rounds_outside(self, team: RunningTeam, entry: str) -> dict[str, int]:
        """The rounds that each call waits for, over plain Kedro's."""
        conf = {entry: table(entry)}
        team.main_saves(conf, **{entry: frame(1)})
        kept = team.branch(conf)
        steps = {
            "load": (kept, lambda catalog: catalog.load(entry)),
            "save, first": (kept, lambda catalog: catalog.save(entry, frame(2))),
            "load again": (kept, lambda catalog: catalog.load(entry)),
            "save, with the record kept": (kept, lambda catalog: catalog.save(entry, frame(3))),
            "save, in a new process": (team.branch(conf), lambda catalog: catalog.save(entry, frame(4))),
        }
        rounds = {}
        for name, (catalog, step) in steps.items():
            team.proxy.clear()
            step(catalog)
            plain = 2 if "load" in name else 1
            rounds[name] = team.proxy.serial_rounds - plain
        return rounds


class TestCommands:
    """What commands cost."""

    def test_status(self, moto: Any, tmp_path: Path) -> None:
        """One listing of the records, then three requests for each branch copy, twenty at a time."""
        with RunningTeam.behind_proxy(moto, tmp_path, latency_seconds=0.05) as team:
            conf = {f"t{number}": table(f"t{number}") for number in range(45)}
            saved = [name for name in conf if name != "t44"]
            team.main_saves(conf, **dict.fromkeys(conf, frame(1)))
            branch = team.branch(conf)
            for name in saved:
                branch.save(name, frame(2))
            team.fresh()
            catalog = team.branch(conf)
            configs = configurations(team.plain(conf))
            inventory = Inventory(catalog._lazy_datasets.policy, *configs, frozenset({"main"}))
            rows = list(statuses(catalog, inventory, configs.explicit))
            assert [row.dataset for row in rows if row.side == "branch"] == saved
            methods = collections.Counter(line.split(" ")[0] for line in team.proxy.log)
            # Of the one that was never saved: main's copy, and whether anything is at the copy's place.
            assert methods == {"GET": 44, "HEAD": 2 * 44 + 2, "LIST": 1 + 1}
            # 20 at a time are 9 rounds for 44; a busy machine waits for a few more.
            assert team.proxy.serial_rounds <= 1 + 3 * 3 + 2 + 5
