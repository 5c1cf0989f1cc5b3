"""A recorded copy for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.records import RecordedCopy


@pytest.fixture
def place(tmp_path: Path) -> RecordedCopy:
    """A folder of the test's own."""
    return RecordedCopy(tmp_path)
