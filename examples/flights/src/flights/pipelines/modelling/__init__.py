"""From all months to a model, and its place on the scoreboard."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
