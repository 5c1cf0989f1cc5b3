"""All that is measured, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import calls, commands, entries, promoting, runs
from benchmarks.measuring import Row, Size

TOPICS: dict[str, Callable[[Size, Path], Iterator[Row]]] = {
    "hook": entries.hook,
    "get": entries.get,
    "imports": entries.imports,
    "load-and-save": entries.load_and_save,
    "system-calls": calls.system_calls,
    "local-runs": runs.local,
    "runs-on-s3": runs.s3,
    "partitions": runs.partitions,
    "partitions-on-s3": runs.partitions_on_s3,
    "status": commands.status_and_branches,
    "clean": commands.clean,
    "promote": promoting.promote,
}
