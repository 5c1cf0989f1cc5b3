"""A store is what the dataset itself uses."""

from __future__ import annotations

import pytest

from steel_toes.stores.local import LocalStore
from steel_toes.stores.opening import open_store


class TestOpenStore:
    """A store is what the dataset itself uses."""

    @pytest.mark.parametrize("protocol", ["file", "local"])
    def test_local(self, protocol):
        """A local path's store is the local disk."""
        assert isinstance(open_store("flights", protocol, {}), LocalStore)

    def test_options(self):
        """Credentials and filesystem arguments are the dataset's, less those of `open`, which a filesystem refuses."""
        config = {
            "credentials": {"key": "K", "secret": "S"},
            "fs_args": {"anon": False, "open_args_load": {"mode": "r"}, "open_args_save": {"mode": "w"}},
        }
        store = open_store("flights", "s3a", config)
        assert (store.protocol, store.options) == ("s3", {"key": "K", "secret": "S", "anon": False})
        assert store.label == "s3://"

    def test_credentials_are_not_shown(self):
        """No secret is in a store's repr, which may reach a log."""
        assert "hush" not in repr(open_store("flights", "s3", {"credentials": {"secret": "hush"}}))
