"""Versioned entries of a branch's catalog, and how Kedro pins them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kedro.io import (
    DatasetError,
)
from kedro.io.core import Version
from kedro_datasets.text import TextDataset

from support.entries import (
    files,
    text,
)
from support.team import SLUG

pytestmark = pytest.mark.contract


OLD, NEW = "2024-01-01T00.00.00.000Z", "2024-06-01T00.00.00.000Z"
NEWEST = "2099-01-01T00.00.00.000Z"
VERSIONED = {"v": text("data/v.txt", versioned=True), "{n}#v": text("data/{n}.txt", versioned=True)}


class TestVersions:
    """Versioned entries, and how Kedro pins them."""

    @pytest.fixture
    def mains(self, checkout: Any) -> None:
        """Main has two versions, and `feature/x` is checked out."""
        for version in (OLD, NEW):
            catalog = checkout.plain(VERSIONED, save_version=version)
            for name in ("v", "p#v"):
                catalog.save(name, version)
        checkout.on("feature/x")

    @pytest.mark.usefixtures("mains")
    @pytest.mark.parametrize("name", ["v", "p#v"])
    def test_save(self, checkout: Any, name: str) -> None:
        """A save makes a version of the branch, which is the newest from then on; main's stay to be loaded."""
        catalog = checkout.catalog(VERSIONED, save_version=NEWEST)
        assert catalog.load(name) == NEW
        catalog.save(name, "branch")
        again = checkout.catalog(VERSIONED)
        for each in (catalog, again):
            assert each.load(name) == "branch"
            assert [each.load(name, version=v) for v in (OLD, NEW, NEWEST)] == [OLD, NEW, "branch"]
            pinned = [each.get(name, version=Version(v, None)) for v in (OLD, NEW, NEWEST)]
            assert [dataset.load() for dataset in pinned] == [OLD, NEW, "branch"]
            assert each.load(name) == "branch"
        assert checkout.plain(VERSIONED).load(name) == NEW

    @pytest.mark.usefixtures("mains")
    def test_get(self, checkout: Any) -> None:
        """`catalog.get(name, version=...)` gives another dataset, and leaves the catalog's as it is."""
        outcomes = []
        for catalog in (checkout.plain(VERSIONED), checkout.catalog(VERSIONED)):
            pinned = catalog.get("v", version=Version(OLD, None))
            outcomes.append(
                (
                    pinned is catalog["v"],
                    pinned.load(),
                    pinned.resolve_load_version(),
                    pinned._version,
                    catalog["v"]._version.load,
                    catalog.load("v"),
                    type(pinned).__qualname__,
                    isinstance(pinned, TextDataset),
                    pinned.exists(),
                    catalog.get("v", version=Version("2000-01-01T00.00.00.000Z", None)).exists(),
                )
            )
        assert outcomes[0] == outcomes[1]

    @pytest.mark.usefixtures("mains")
    def test_get_to_save(self, checkout: Any) -> None:
        """A dataset that was pinned by `get` to a version to save saves it to the branch."""
        catalog = checkout.catalog(VERSIONED)
        catalog.get("v", version=Version(None, NEWEST)).save("pinned")
        assert catalog.load("v", version=NEWEST) == "pinned"
        assert not Path("data/v.txt", NEWEST).exists()

    @pytest.mark.usefixtures("mains")
    @pytest.mark.parametrize("name", ["v", "p#v"])
    def test_load_versions(self, checkout: Any, name: str) -> None:
        """`load_versions` pins an entry, and finds the version on either side."""
        checkout.catalog(VERSIONED, save_version=NEWEST).save(name, "branch")
        for version, data in ((OLD, OLD), (NEW, NEW), (NEWEST, "branch")):
            catalog = checkout.catalog(VERSIONED, load_versions={name: version})
            assert catalog.load(name) == data
            assert catalog.exists(name)
        missing = checkout.catalog(VERSIONED, load_versions={name: "2000-01-01T00.00.00.000Z"})
        assert not missing.exists(name)
        with pytest.raises(DatasetError):
            missing.load(name)

    @pytest.mark.usefixtures("mains")
    @pytest.mark.parametrize("version", [OLD, NEWEST])
    def test_same_version(self, checkout: Any, version: str) -> None:
        """A version that either side holds is not saved again, as in Kedro."""
        checkout.catalog(VERSIONED, save_version=NEWEST).save("v", "branch")
        with pytest.raises(DatasetError, match="must not exist if versioning is enabled"):
            checkout.catalog(VERSIONED, save_version=version).save("v", "again")
        assert checkout.catalog(VERSIONED).load("v", version=version) in {OLD, "branch"}

    @pytest.mark.usefixtures("mains")
    def test_of_the_run(self, checkout: Any) -> None:
        """All entries that one catalog saves get its save version."""
        catalog = checkout.catalog(VERSIONED, save_version=NEWEST)
        catalog.save("v", "a")
        catalog.save("p#v", "b")
        assert files() >= {f"v--{SLUG}.txt/{NEWEST}/v--{SLUG}.txt", f"p--{SLUG}.txt/{NEWEST}/p--{SLUG}.txt"}

    @pytest.mark.usefixtures("mains")
    def test_main_goes_on(self, checkout: Any) -> None:
        """What main saves after the branch did is not the branch's newest, but is found by its name."""
        checkout.catalog(VERSIONED, save_version="2024-07-01T00.00.00.000Z").save("v", "branch")
        checkout.plain(VERSIONED, save_version=NEWEST).save("v", "main")
        catalog = checkout.catalog(VERSIONED)
        assert catalog.load("v") == "branch"
        assert catalog.load("v", version=NEWEST) == "main"
