"""No Kedro call on a branch's catalog writes main."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from kedro.io import (
    DatasetError,
)

from steel_toes.datasets.proxy import branched_of
from support.entries import (
    ENTRIES,
    Lines,
    Table,
    own,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
pytestmark = pytest.mark.contract


def save_and_confirm(dataset: Any) -> Iterable[str]:
    """The names among `save` and `confirm` that do not raise."""
    for action, arguments in (("save", ("stolen",)), ("confirm", ())):
        if hasattr(dataset, action):
            try:
                getattr(dataset, action)(*arguments)
            except DatasetError:
                continue
            yield action


class TestBlocked:
    """No Kedro call on a branch's catalog writes main."""

    CONFIG = {  # noqa: RUF012
        **ENTRIES,
        "increments": {"type": "partitions.IncrementalDataset", "path": "data/inc", "dataset": "text.TextDataset"},
        "table": own(Table, table_name="t"),
        "lines": own(Lines, filepath="data/lines.txt"),
    }

    @pytest.mark.parametrize("name", ["text", "versioned", "cached", "parts", "increments", "x_json", "table", "lines"])
    def test_mains_dataset(self, checkout: Any, name: str) -> None:
        """Main's dataset, where the proxy lets it be reached, can neither save nor confirm, nor can what it wraps."""
        main = checkout.plain(self.CONFIG)
        main.save("parts", {"a": "1"})
        main.save("increments", {"a": "1"})
        checkout.on("feature/x")
        mains = branched_of(checkout.catalog(self.CONFIG)[name]).main_dataset
        assert list(save_and_confirm(mains)) == []
        if name == "cached":
            assert list(save_and_confirm(mains._dataset)) == []

    def test_attributes(self, checkout: Any) -> None:
        """What an attribute of a branched dataset gives cannot write main either."""
        main = checkout.plain(self.CONFIG)
        main.save("cached", "old")
        main.save("increments", {"a": "1"})
        main.load("increments")
        main.confirm("increments")
        checkout.on("feature/x")
        catalog = checkout.catalog(self.CONFIG)
        list(save_and_confirm(catalog["cached"]._dataset))
        list(save_and_confirm(catalog["increments"]._checkpoint))
        catalog["text"]._save("stolen") if hasattr(catalog["text"], "_save") else None

    def test_confirm(self, checkout: Any) -> None:
        """A confirm through the catalog writes the branch's checkpoint, and main's stays."""
        main = checkout.plain(self.CONFIG)
        main.save("increments", {"a": "1", "b": "2"})
        checkout.on("feature/x")
        catalog = checkout.catalog(self.CONFIG)
        assert set(catalog.load("increments")) == {"a", "b"}
        catalog.confirm("increments")
        catalog.release("increments")
        assert not catalog.exists("increments")
        assert set(checkout.plain(self.CONFIG).load("increments")) == {"a", "b"}
