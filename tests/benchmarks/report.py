"""The figures as a table and as JSON, with the machine and the day."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timezone
from importlib.metadata import version
from typing import Any

from benchmarks.measuring import Row, Size

_PACKAGES = ("steel-toes", "kedro", "kedro-datasets", "fsspec", "s3fs")


def machine() -> dict[str, Any]:
    """Where and when it was measured, and what."""
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "python": platform.python_version(),
        "system": platform.system(),
        "processors": os.cpu_count(),
        **{name: version(name) for name in _PACKAGES},
    }


def as_json(rows: Iterable[Row], size: Size) -> dict[str, Any]:
    """The figures for a program."""
    figures = [{**asdict(row), "ratio": row.ratio} for row in rows]
    return {"machine": machine(), "is_small": size.is_small, "rows": figures}


def as_markdown(rows: Iterable[Row], size: Size) -> str:
    """The figures for people."""
    facts = ", ".join(f"{name} {value}" for name, value in machine().items())
    # Goals are of sizes that a smoke test does not have.
    what = "A smoke test, whose figures say nothing" if size.is_small else "Medians"
    lines = [f"{what}. Measured: {facts}.", "", "| | | ours | plain | ratio | goal |", "|-|-|-|-|-|-|"]
    for row in rows:
        plain = _figure(row.plain, row.unit) if row.plain is not None else ""
        ratio = f"{row.ratio:.2f}" if row.ratio else ""
        goal = "" if size.is_small else row.goal
        cells = [row.topic, row.what, _figure(row.ours, row.unit), plain, ratio, goal]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _figure(value: float, unit: str) -> str:
    number = f"{value:,.0f}" if value >= 100 or float(value).is_integer() else f"{value:,.3g}"
    return f"{number} {unit}"
