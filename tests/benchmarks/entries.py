"""What entries of a catalog cost before anything is loaded: the hook, the first `get`, the imports."""

from __future__ import annotations

import copy
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kedro.io import DataCatalog

from benchmarks.measuring import CPU, Row, Size, medians, seconds
from support.team import Team

Configs = dict[str, dict[str, Any]]


def plain_file(number: int, folder: Path) -> dict[str, Any]:
    """An entry with one file."""
    return {"type": "pandas.CSVDataset", "filepath": f"{folder}/data/{number % 8:02}/{number % 50}/f{number}.csv"}


def partitioned(number: int, folder: Path) -> dict[str, Any]:
    """An entry that lists a folder."""
    config = {"type": "partitions.PartitionedDataset", "dataset": "text.TextDataset"}
    return {**config, "path": f"{folder}/data/parts{number}"}


def mixed(number: int, folder: Path) -> dict[str, Any]:
    """One file in four entries of five; else partitions, versions, a cache."""
    kinds = [
        partitioned(number, folder),
        {"type": "pickle.PickleDataset", "filepath": f"{folder}/data/v/{number}.pkl", "versioned": True},
        {"type": "CachedDataset", "dataset": plain_file(number, folder)},
    ]
    return plain_file(number, folder) if number % 5 else kinds[number // 5 % 3]


def configs_of(kind: Callable[[int, Path], dict[str, Any]], number: int, folder: Path) -> Configs:
    """So many entries of a kind."""
    return {f"e{index}": kind(index, folder) for index in range(number)}


def hook(size: Size, folder: Path) -> Iterator[Row]:
    """`after_catalog_created`, for each entry."""
    for kind, goal in ((plain_file, "< 1"), (mixed, "< 3")):
        for number in size.of((10, 100, 1_000, 10_000, 100_000), (10, 1_000)):
            configs = configs_of(kind, number, folder)
            times = [hook_seconds(configs, folder) for _ in range(size.times(5))]
            text = f"{number:,} entries, {kind.__name__.replace('_', ' ')}"
            wanted = goal if number >= 1_000 else ""
            yield Row("hook", text, "us CPU an entry", statistics.median(times) / number * 1e6, None, wanted)


def hook_seconds(configs: Configs, folder: Path) -> float:
    """The CPU seconds of the hook on a new catalog."""
    catalog = DataCatalog.from_config(copy.deepcopy(configs))
    made_hook = Team.on_disk(folder).hook("feature/x", record_author=False)
    return seconds(lambda: made_hook.after_catalog_created(catalog), CPU)


def get(size: Size, folder: Path) -> Iterator[Row]:
    """The first `catalog.get` of an entry, when the catalog has been used before."""
    for kind in (plain_file, partitioned):
        for number in size.of((10, 1_000), (10,)):
            configs = configs_of(kind, number + 1, folder)
            ours, plain = [], []
            for _ in range(size.times(400 // number + 3)):
                plain += get_seconds(DataCatalog.from_config(copy.deepcopy(configs)))
                ours += get_seconds(Team.on_disk(folder).branch(copy.deepcopy(configs)))
            text = f"of one of {number:,} entries, {kind.__name__.replace('_', ' ')}"
            figures = statistics.median(ours) * 1e6, statistics.median(plain) * 1e6
            yield Row("first get", text, "us CPU", *figures, "2.5 x")


def get_seconds(catalog: Any) -> list[float]:
    """The CPU seconds of each first `get` but the very first."""
    first, *names = list(catalog.keys())
    catalog.get(first)
    return [seconds(lambda name=name: catalog.get(name), CPU) for name in names]


IMPORTS = {
    "import steel_toes, after kedro.framework.session": ("kedro.framework.session", "steel_toes"),
    "the plugin of kedro --help, after kedro.framework.cli": ("kedro.framework.cli", "steel_toes.cli.commands"),
}


def imports(size: Size, _: Path) -> Iterator[Row]:
    """What the imports cost that Kedro has not done itself."""
    for text, (before, module) in IMPORTS.items():
        code = f"import time, {before}; t = time.process_time(); import {module}; print(time.process_time() - t)"
        times = [printed_number(code) for _ in range(size.times(9))]
        goal = "< 15" if module == "steel_toes" else ""
        yield Row("imports", text, "ms CPU", statistics.median(times) * 1e3, None, goal)


def printed_number(code: str) -> float:
    """The number that a new Python prints last: Kedro logs there, too."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def load_and_save(size: Size, folder: Path) -> Iterator[Row]:
    """A load of a branch copy, and a save, on the local disk."""
    number = size.of((1_000,), (20,))[0]
    team = Team.on_disk(folder / "team")
    conf = {"a": {"type": "pickle.PickleDataset", "filepath": "data/a.pkl"}}
    team.main_saves(conf, a=1)
    branch, plain = team.branch(conf), team.plain(conf, where=f"{folder}/private")
    calls = {"save": (lambda catalog: catalog.save("a", 2)), "load": (lambda catalog: catalog.load("a"))}
    for name, call in calls.items():
        call(branch), call(plain)

        def repeated(catalog: Any, call: Callable[[Any], object] = call) -> None:
            for _ in range(number):
                call(catalog)

        figures = medians(lambda: repeated(branch), lambda: repeated(plain), size.times(5), CPU)
        yield Row("local disk", f"a {name}, warm", "us CPU", *(figure / number * 1e6 for figure in figures))
    team.check()
