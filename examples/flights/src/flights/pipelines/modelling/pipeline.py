"""The nodes of the pipeline."""

from kedro.pipeline import Pipeline, node

from .nodes import evaluate, post, train


def create_pipeline() -> Pipeline:
    """Train a model, evaluate it, and post the result."""
    return Pipeline(
        [
            node(train, "months@all", "model", name="train"),
            node(evaluate, ["model", "months@all"], "metrics", name="evaluate"),
            node(post, "metrics", "scoreboard", name="post"),
        ]
    )
