"""The nodes of the pipeline."""

from kedro.pipeline import Pipeline, node

from .nodes import log_delays, rank_airports, rank_months


def create_pipeline() -> Pipeline:
    """Append the new months to the log, then report on all of them."""
    return Pipeline(
        [
            node(log_delays, ["months@new", "raw_airlines"], "delays", confirms="months@new", name="log_delays"),
            node(rank_months, "delays", "report_months", name="rank_months"),
            node(rank_airports, ["months@all", "raw_airports"], "report_airports", name="rank_airports"),
        ]
    )
