"""How late will a flight arrive? A model learns it from all months but the last, and is tried on that."""

import logging
from collections.abc import Callable

import pandas as pd
from numpy.polynomial import Polynomial

logger = logging.getLogger(__name__)
Months = dict[str, Callable[[], pd.DataFrame]]  # a month is read when it is called


def train(months: Months) -> Polynomial:
    """Fit the delay at arrival to that at departure."""
    past = pd.concat([months[month]() for month in sorted(months)[:-1]]).dropna(subset=["arr_delay"])
    degree = 1
    return Polynomial.fit(past["dep_delay"], past["arr_delay"], degree)


def evaluate(model: Polynomial, months: Months) -> dict[str, str | int | float]:
    """Try the model on the last month."""
    last = max(months)
    flights = months[last]().dropna(subset=["arr_delay"])
    minutes = (model(flights["dep_delay"]) - flights["arr_delay"]).abs().mean().round(2)
    logger.info("%s: a model of degree %s is wrong by %s minutes", last, model.degree(), minutes)
    return {"month": last, "degree": model.degree(), "minutes": minutes}


def post(metrics: dict[str, str | int | float]) -> pd.DataFrame:
    """Give the model's line for the scoreboard."""
    return pd.DataFrame([metrics])
