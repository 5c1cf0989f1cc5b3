"""What a run only reads stays on the side on which it was when the run began."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from kedro.io import (
    DataCatalog,
    DatasetError,
)
from kedro.pipeline import Pipeline, node

from steel_toes import SteelToes
from support.entries import (
    ENTRIES,
    Lines,
    own,
    saved_on_main,
    text,
)

pytestmark = pytest.mark.contract


class TestFrozen:
    """What a run only reads, it reads from the side that counted when it began."""

    CONFIG = {  # noqa: RUF012
        "a": text("data/a.txt"),
        "v": text("data/v.txt", versioned=True),
        "cached": ENTRIES["cached"],
        "new": text("data/new.txt"),
        "b": text("data/b.txt"),
        "same_as_b": text("data/b.txt"),
        "lines": own(Lines, filepath="data/lines.txt"),
    }

    @pytest.fixture
    def running(self, checkout: Any) -> DataCatalog:
        """A catalog on `feature/x`, of which a run reads everything and writes `same_as_b`."""
        saved_on_main(checkout, self.CONFIG, a="old", v="old", cached="old", b="old", lines=["old"])
        free = ["a", "v", "cached", "new", "b", "lines"]
        hook = SteelToes()
        catalog = checkout.catalog(self.CONFIG, hook)
        hook.before_pipeline_run(
            run_params={}, pipeline=Pipeline([node(print, free, "same_as_b", name="n")]), catalog=catalog
        )
        return catalog

    @pytest.mark.parametrize("pickled", [False, True])
    @pytest.mark.parametrize("name", ["a", "v", "cached", "lines"])
    def test_free_input(self, checkout: Any, running: DataCatalog, name: str, pickled: bool) -> None:
        """A free input stays main's, in workers too, though another process saves it on the branch."""
        old, new = (["old"], ["new"]) if name == "lines" else ("old", "new")
        checkout.catalog(self.CONFIG).save(name, new)
        catalog = pickle.loads(pickle.dumps(running)) if pickled else running
        assert catalog.load(name) == old
        assert catalog.exists(name)
        assert catalog.load(name) == old
        assert checkout.catalog(self.CONFIG).load(name) == new

    def test_absent(self, checkout: Any, running: DataCatalog) -> None:
        """What was not there when the run began is not there for all of the run: `exists` and `load` agree."""
        checkout.catalog(self.CONFIG).save("new", "new")
        assert not running.exists("new")
        with pytest.raises(DatasetError):
            running.load("new")

    def test_attributes(self, checkout: Any, running: DataCatalog) -> None:
        """Attributes are the frozen side's."""
        checkout.catalog(self.CONFIG).save("a", "new")
        assert running["a"]._filepath.name == "a.txt"

    def test_written(self, running: DataCatalog) -> None:
        """A location that the run writes is not frozen, under whatever name."""
        running.save("same_as_b", "new")
        assert running.load("b") == "new"

    def test_branch(self, checkout: Any, running: DataCatalog) -> None:
        """The branch's side is kept as well: a later save on the branch is seen, and no way back to main."""
        del running
        hook = SteelToes()
        checkout.catalog(self.CONFIG).save("a", "1")
        catalog = checkout.catalog(self.CONFIG, hook)
        hook.before_pipeline_run(run_params={}, pipeline=Pipeline([node(print, "a", None, name="n")]), catalog=catalog)
        (record,) = Path("data/_steel_toes").rglob("*.json")
        kept = record.read_bytes()
        record.unlink()
        assert catalog.load("a") == "1", "the copy is as it was recorded, and the record is not asked for again"
        record.write_bytes(kept)
        checkout.catalog(self.CONFIG).save("a", "2")
        assert catalog.load("a") == "2"
        record.unlink()
        with pytest.raises(DatasetError, match="was removed while this run reads it"):
            catalog.load("a")
