"""How late were the flights?"""

import logging

import pandas as pd

logger = logging.getLogger(__name__)


def log_delays(months: dict[str, pd.DataFrame], airlines: pd.DataFrame) -> pd.DataFrame:
    """Give a line for each month. There is nothing to append when no month is new."""
    logger.info("new months: %s", ", ".join(months) or "none")
    names = airlines.set_index("carrier")["name"]
    lines = []
    for month, flights in months.items():
        worst = flights.groupby("carrier")["arr_delay"].mean().idxmax()
        lines.append([month, len(flights), flights["arr_delay"].mean().round(2), names[worst]])
    return pd.DataFrame(lines)


def rank_months(delays: pd.DataFrame) -> pd.DataFrame:
    """Put the latest month first."""
    logger.info("months in the log: %s", len(delays))
    return delays.sort_values("minutes", ascending=False)


def rank_airports(months: dict, airports: pd.DataFrame) -> pd.DataFrame:
    """Put the destination with the latest flights first."""
    flights = pd.concat([load()[["dest", "arr_delay"]] for load in months.values()])
    minutes = flights.groupby("dest")["arr_delay"].mean().round(2).rename("minutes")
    named = airports.set_index("faa")[["name"]].join(minutes, how="inner")
    return named.sort_values("minutes", ascending=False)
