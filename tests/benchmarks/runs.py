"""What a run of a pipeline costs, on the local disk and on S3, with each of Kedro's runners."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from kedro.io import DataCatalog, SharedMemoryDataCatalog
from kedro.pipeline import Pipeline, node, pipeline
from kedro.runner import ParallelRunner, SequentialRunner, ThreadRunner

from benchmarks.measuring import Row, Size, medians, seconds
from support.runs import RunningTeam
from support.servers import moto
from support.team import BRANCH, SLUG, frame

Configs = dict[str, dict[str, Any]]
Runner = Callable[[], Any]

_PLAIN = f"data/plain--{SLUG}"
"""Where plain Kedro has its data in a team's bucket: no part of main's."""

FUNCTIONS: dict[float, Callable[[Any], Any]] = {}
"""Node functions by how many seconds they take; ParallelRunner finds them by their names."""


def hand_on(data: Any) -> Any:
    """An empty node."""
    return data


def hand_on_slowly(data: Any) -> Any:
    """A node of 10 ms."""
    time.sleep(0.01)
    return data


def chain_of(number: int, function: Callable[[Any], Any]) -> Pipeline:
    """So many nodes, one after another."""
    names = [f"d{index}" for index in range(number + 1)]
    return pipeline([node(function, a, b, name=f"make_{b}") for a, b in itertools.pairwise(names)])


def fan_of(sources: int, targets: int) -> Pipeline:
    """Nodes that read free inputs, and nothing of each other."""
    inputs = itertools.cycle([f"d{index}" for index in range(sources)])
    outputs = [f"d{sources + index}" for index in range(targets)]
    return pipeline([node(hand_on, a, b, name=f"make_{b}") for a, b in zip(inputs, outputs, strict=False)])


def configs_of(nodes: Pipeline, kind: str, suffix: str, where: str = "data/02") -> Configs:
    """An entry for each dataset of a pipeline."""
    names = sorted(nodes.datasets())
    return {name: {"type": kind, "filepath": f"{where}/{name}.{suffix}", "credentials": "own"} for name in names}


# The local disk -----------------------------------------------------------------------------------------------------


class _DiskTeam(RunningTeam):
    """A team on a disk, which has no proxy; its catalogs are of the kind that ParallelRunner takes."""

    def fresh(self) -> None:
        """There is nothing to forget."""

    def plain(self, conf: Configs, version: str | None = None, where: str = "") -> DataCatalog:
        """Plain Kedro's catalog."""
        return SharedMemoryDataCatalog.from_config(self.placed(conf, where), save_version=version)


def local(size: Size, folder: Path) -> Iterator[Row]:
    """Chains of nodes: first run on the branch, later runs, each runner."""
    for number in size.of((5, 50, 500), (5,)):
        yield from _local(number, hand_on, SequentialRunner, size, folder / f"s{number}", "at most 400 us a node more")
    few = size.of((50,), (3,))[0]
    yield from _local(few, hand_on_slowly, SequentialRunner, size, folder / "slow", "1.04 x")
    for runner in (ThreadRunner, ParallelRunner):
        yield from _local(few, hand_on, runner, size, folder / runner.__name__, "")


def _local(
    number: int, function: Callable[[Any], Any], runner: Runner, size: Size, folder: Path, goal: str
) -> Iterator[Row]:
    folder.mkdir()
    team = _DiskTeam.on_disk(folder / "team")
    nodes = chain_of(number, function)
    conf = _without_credentials(configs_of(nodes, "pickle.PickleDataset", "pkl"))
    private = _without_credentials(configs_of(nodes, "pickle.PickleDataset", "pkl", where=f"{folder}/private"))
    team.main_saves(conf, d0=1)
    team.plain(private).save("d0", 1)
    what = f"{number} {'empty nodes' if function is hand_on else 'nodes of 10 ms'}, {runner.__name__}"
    plain_first = seconds(lambda: team.run(private, nodes, runner(), branch=None))
    first = seconds(lambda: team.run(conf, nodes, runner()))
    yield Row("run, local disk", f"{what}, first", "ms", first * 1e3, plain_first * 1e3)
    ours, plain = medians(
        lambda: team.run(conf, nodes, runner()),
        lambda: team.run(private, nodes, runner(), branch=None),
        size.times(7),
    )
    yield Row("run, local disk", f"{what}, later", "ms", ours * 1e3, plain * 1e3, goal if goal.endswith("x") else "")
    if not goal.endswith("x"):
        yield Row("run, local disk", f"{what}, later", "us a node more", (ours - plain) / number * 1e6, None, goal)
    team.check()


def _without_credentials(conf: Configs) -> Configs:
    return {name: {key: value for key, value in entry.items() if key != "credentials"} for name, entry in conf.items()}


# S3 -----------------------------------------------------------------------------------------------------------------


def s3(size: Size, folder: Path) -> Iterator[Row]:
    """A chain of nine nodes and a wide pipeline, at several latencies, first and later run."""
    with moto(folder) as server:
        for milliseconds in size.of((0, 10, 30, 100), (0,)):
            with RunningTeam.behind_proxy(server, folder, milliseconds / 1e3) as team:
                nodes = chain_of(9, hand_on)
                title = f"chain of 9, {milliseconds} ms a request"
                goals = {"rounds": "at most 30", "s": "1.2 x" if milliseconds == 100 else ""}
                yield from _s3(team, nodes, SequentialRunner, title, size, goals)
        if not size.is_small:
            for runner, goal in ((SequentialRunner, "at most 150"), (ThreadRunner, "at most 100")):
                with RunningTeam.behind_proxy(server, folder, 0.03) as team:
                    title = f"20 free inputs, 30 nodes, 30 ms, {runner.__name__}"
                    yield from _s3(team, fan_of(20, 30), runner, title, size, {"rounds": goal})


def _s3(
    team: RunningTeam, nodes: Pipeline, runner: Runner, title: str, size: Size, goals: dict[str, str]
) -> Iterator[Row]:
    conf = configs_of(nodes, "pandas.CSVDataset", "csv")
    private = configs_of(nodes, "pandas.CSVDataset", "csv", where=_PLAIN)
    sources = sorted(nodes.inputs())
    team.main_saves(conf, **dict.fromkeys(sources, frame(1)))
    for name in sources:
        private[name] = conf[name]

    def measured(branch: str | None) -> tuple[float, int, int]:
        """The seconds of a run, its requests and its serial rounds."""
        used = conf if branch else private
        taken = seconds(lambda: team.run(used, nodes, runner(), branch=branch))
        return taken, len(team.proxy.log), team.proxy.serial_rounds

    for which in ("first", "later"):
        pairs = [(measured(None), measured(BRANCH)) for _ in range(1 if which == "first" else size.times(3))]
        pairs.sort(key=lambda pair: pair[1][0] / pair[0][0])
        plain, ours = pairs[len(pairs) // 2]
        for index, unit in enumerate(("s", "requests", "rounds")):
            yield Row("run, S3", f"{title}, {which} run", unit, ours[index], plain[index], goals.get(unit, ""))


# Partitions ---------------------------------------------------------------------------------------------------------


def partitions(size: Size, folder: Path) -> Iterator[Row]:
    """A partitioned dataset of which all partitions are the branch's, on the local disk."""
    config = {"type": "partitions.PartitionedDataset", "dataset": "text.TextDataset", "filename_suffix": ".txt"}
    for number in size.of((10, 1_000, 10_000, 50_000), (10,)):
        top = folder / f"p{number}"
        top.mkdir()
        team = RunningTeam.on_disk(top / "team")
        conf = {"parts": {**config, "path": "data/parts"}}
        private = {"parts": {**config, "path": f"{top}/private/parts"}}
        team.main_saves(conf, parts={"main": "main"})
        branch, plain = team.branch(conf), team.plain(private)
        data = {f"p{index:06}": str(index) for index in range(number)}
        few = list(data)[: min(100, number)]
        steps: dict[str, Callable[[DataCatalog], object]] = {
            "save all, first": lambda catalog, data=data: catalog.save("parts", data),
            "save one": lambda catalog: catalog.save("parts", {"p000001": "again"}),
            "load the list": lambda catalog: catalog.load("parts"),
            f"load the list and {len(few)}": lambda catalog, few=few: _load_some(catalog, few),
        }
        for name, step in steps.items():
            times = 1 if name.endswith("first") else size.times(5)
            ours_seconds, plain_seconds = medians(partial(step, branch), partial(step, plain), times)
            yield Row("partitions, local disk", f"{number:,}: {name}", "ms", ours_seconds * 1e3, plain_seconds * 1e3)
        team.check()


def _load_some(catalog: DataCatalog, names: list[str]) -> None:
    loaded = catalog.load("parts")
    for name in names:
        loaded[name]()


def partitions_on_s3(size: Size, folder: Path) -> Iterator[Row]:
    """The requests of loading all of many partitions."""
    number = size.of((2_000,), (30,))[0]
    config = {"type": "partitions.PartitionedDataset", "dataset": "text.TextDataset", "credentials": "own"}
    with moto(folder) as server, RunningTeam.behind_proxy(server, folder) as team:
        conf = {"parts": {**config, "path": "data/parts"}}
        private = {"parts": {**config, "path": _PLAIN}}
        team.main_saves(conf, parts={"main": "main"})
        data = {f"p{index:06}": str(index) for index in range(number)}
        team.branch(conf).save("parts", data)
        plain = team.plain(private)
        plain.save("parts", {"main": "main", **data})
        counts = []
        for catalog in (team.branch(conf), plain):
            team.fresh()
            _load_some(catalog, list(data))
            counts.append(len(team.proxy.log))
        yield Row("partitions, S3", f"all of {number:,} loaded", "requests", *counts, "1.01 x")
