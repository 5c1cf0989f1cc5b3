"""Kedro's validators on a branch: they refuse what they refuse on main."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.entries import (
    saved_on_main,
    text,
)

pytestmark = pytest.mark.contract


OLD, NEW = "2024-01-01T00.00.00.000Z", "2024-06-01T00.00.00.000Z"


class TestValidators:
    """Kedro's `validator:` key, from Kedro 1.6 on."""

    @pytest.fixture(autouse=True)
    def _validation(self) -> None:
        pytest.importorskip("kedro.validation.core", reason="this Kedro has no validators")

    @pytest.fixture
    def config(self) -> dict[str, Any]:
        """Entries with a validator: explicit, and of a pattern."""
        validator = {"class": "support.entries.AtMost", "options": {"length": 3}}
        return {"t": text("data/t.txt", validator=validator), "{n}#t": text("data/{n}.txt", validator=validator)}

    @pytest.mark.parametrize("name", ["t", "p#t"])
    def test_on_save(self, checkout: Any, config: dict, name: str) -> None:
        """A validator refuses a save before anything is written, on the branch as on main."""
        checkout.on("feature/x")
        catalog = checkout.catalog(config)
        with pytest.raises(Exception, match="is longer than 3"):
            catalog.save(name, "four")
        assert not Path("data").exists()
        catalog.save(name, "abc")
        assert catalog.load(name) == "abc"

    @pytest.mark.parametrize("name", ["t", "p#t"])
    def test_on_load(self, checkout: Any, config: dict, name: str) -> None:
        """A validator refuses what it loads, from main and from the branch."""
        bare = {key: text(entry["filepath"]) for key, entry in config.items()}
        saved_on_main(checkout, bare, **{name: "too long on main"})
        with pytest.raises(Exception, match="too long on main' is longer than 3"):
            checkout.catalog(config).load(name)
        checkout.catalog(bare).save(name, "too long on the branch")
        with pytest.raises(Exception, match="too long on the branch' is longer than 3"):
            checkout.catalog(config).load(name)

    def test_to_config(self, checkout: Any, config: dict) -> None:
        """Validators stay in the catalog's configuration."""
        checkout.on("feature/x")
        plain, branched = checkout.plain(config, save_version=NEW), checkout.catalog(config, save_version=NEW)
        for catalog in (plain, branched):
            assert catalog["t"]
            assert catalog["p#t"]
        assert branched.validators == plain.validators
        assert branched.to_config() == plain.to_config()
