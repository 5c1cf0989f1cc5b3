"""The benchmarks, compared with plain Kedro in the same run: `uv run --group stores python tests/benchmarks`.

Prints a table in Markdown; `--output FOLDER` writes it there, and the figures as JSON. `--small` is a smoke test.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import pytest

from benchmarks.measuring import Row, Size
from benchmarks.report import as_json, as_markdown
from benchmarks.topics import TOPICS
from support.environment import isolate


def measured(names: list[str], size: Size) -> list[Row]:
    """The rows of these topics, in an environment of their own."""
    logging.disable(logging.CRITICAL)
    rows: list[Row] = []
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        home.mkdir()
        isolate(patch, home)
        for name in names:
            began = time.monotonic()
            place = Path(folder, name)
            place.mkdir()
            rows += TOPICS[name](size, place)
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)  # noqa: T201
    return rows


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("topics", nargs="*", help=f"of {', '.join(TOPICS)}; without one, all")
    parser.add_argument("--small", action="store_true", help="a little of everything, as a smoke test")
    parser.add_argument("--output", type=Path, help="a folder for benchmarks.md and benchmarks.json")
    options = parser.parse_args()
    unknown = sorted(set(options.topics) - set(TOPICS))
    if unknown:
        parser.error(f"no such topic: {', '.join(unknown)}; there are {', '.join(TOPICS)}")
    if options.output:
        # Before an hour is spent.
        options.output.mkdir(parents=True, exist_ok=True)
    size = Size(is_small=options.small)
    rows = measured(options.topics or list(TOPICS), size)
    table = as_markdown(rows, size)
    print(table)  # noqa: T201
    if options.output:
        (options.output / "benchmarks.md").write_text(table)
        (options.output / "benchmarks.json").write_text(json.dumps(as_json(rows, size), indent=2))


if __name__ == "__main__":
    main()
