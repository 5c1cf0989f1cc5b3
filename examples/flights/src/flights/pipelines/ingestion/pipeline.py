"""The nodes of the pipeline."""

from kedro.pipeline import Pipeline, node

from .nodes import fetch_flights, fetch_names


def create_pipeline() -> Pipeline:
    """Fetch the months that the parameters name, and the names."""
    return Pipeline(
        [
            node(fetch_flights, "params:months", "months@all", name="fetch_flights"),
            node(fetch_names, None, ["raw_airlines", "raw_airports"], name="fetch_names"),
        ]
    )
