"""Stores that refuse: a user who may not see or write everything is told so, and is never given main's data."""

import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DataCatalog, DatasetError

from steel_toes.errors import StoreError
from support.places import Place, refused, watched
from support.team import frame, shown

pytest.importorskip("pandas", reason="most of the datasets here are pandas'")


class TestPermissions:
    """A store that refuses is an error that names it, and never main's data in the branch's place."""

    @pytest.fixture
    def guarded(
        self,
        weed: Any,
        tmp_path: Path,
        forge: Any,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> Iterator[Place]:
        """A bucket in which main and the branch have one dataset each, and of which not every user may see all."""
        place = Place.in_bucket(weed, tmp_path, "guarded", secret="hush-", looking=weed.credentials)
        filesystem = place.filesystem()
        for path in place.objects():
            filesystem.rm_file(f"guarded/{path}")
        place.main_saves(a=frame(1))
        place.branch("a").save("a", frame(2))
        watching = watched(place, forge, caplog, monkeypatch)
        yield next(watching)
        next(watching, None)

    def as_user(self, place: Place, user: str) -> DataCatalog:
        place.credentials = {**place.credentials, "key": user, "secret": f"hush-{user}"}
        return place.branch("a")

    @pytest.mark.parametrize("user", ["blind-to-records", "blind-to-copies"])
    def test_may_not_read(self, guarded: Place, user: str) -> None:
        """Who may not read the record, or not the copy, is told so, and is not given main's data."""
        catalog = self.as_user(guarded, user)
        with refused(StoreError) as caught:
            catalog.load("a")
        # The key, the permission that is missing, and never that main could be written instead.
        assert f"{guarded.url}/" in str(caught[0])
        assert "lack s3:GetObject" in str(caught[0])
        assert "shared" not in str(caught[0])
        with refused(StoreError):
            catalog.exists("a")
        with refused(StoreError):
            catalog.save("a", frame(9))

    def test_may_not_write(self, guarded: Place) -> None:
        """Who may only read does: the branch's copy, and main's of what was never written; a save is refused."""
        catalog = self.as_user(guarded, "reader")
        assert shown(catalog.load("a")) == [2]
        with refused(StoreError, match="write to s3://") as caught:
            catalog.save("a", frame(9))
        assert "lack s3:PutObject there" in str(caught[0])
        assert shown(catalog.load("a")) == [2]

    def test_may_not_write_the_copy(self, guarded: Place) -> None:
        """A save that the store refuses once its record is begun leaves the branch's copy as it was, and readable."""
        catalog = self.as_user(guarded, "recorder")
        with pytest.raises(DatasetError):
            catalog.save("a", frame(9))
        assert guarded.records_in_store()["a"]["state"] == "complete"
        assert shown(catalog.load("a")) == [2]

    def test_wrong_secret(self, guarded: Place) -> None:
        """A wrong secret is an error of the store's, and is not told in it."""
        guarded.credentials = {**guarded.credentials, "secret": "hush-wrong"}
        with refused(StoreError) as caught:
            guarded.branch("a").load("a")
        assert "hush" not in "".join(traceback.format_exception(caught[0]))

    def test_no_server(self, guarded: Place, nobody: str) -> None:
        """A store that does not answer is an error of the store's: nobody can know that there is no branch copy."""
        quick = {"retries": {"max_attempts": 1}, "connect_timeout": 1}
        guarded.credentials = {**guarded.credentials, "client_kwargs": {"endpoint_url": nobody}, "config_kwargs": quick}
        with refused(StoreError) as caught:
            guarded.branch("a").load("a")
        assert "hush" not in "".join(traceback.format_exception(caught[0]))
