"""From the months that are new to a log, and from the log to reports."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
