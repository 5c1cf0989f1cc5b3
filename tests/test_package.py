"""The package from outside: its public names, its version, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pytest

import steel_toes

pytestmark = pytest.mark.contract


CONFIG = {"a": {"type": "text.TextDataset", "filepath": "data/a.txt"}}


class TestPackage:
    """The closed door."""

    def test_all(self) -> None:
        """These are the public names, sorted, and each is there."""
        assert steel_toes.__all__ == [
            "ChangedCopyError",
            "ConcurrentSaveError",
            "ConfigurationError",
            "LoadRefusedError",
            "SaveRefusedError",
            "SteelToes",
            "SteelToesError",
            "TornCopyError",
        ]
        assert sorted(steel_toes.__all__) == steel_toes.__all__
        for name in steel_toes.__all__:
            assert getattr(steel_toes, name).__doc__

    def test_import_is_light(self) -> None:
        """`import steel_toes` pulls in neither Git, nor click, nor a cloud's filesystem, nor a dataset's library."""
        code = "import sys; before = set(sys.modules); import steel_toes; print(*set(sys.modules) - before)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        roots = {name.split(".")[0] for name in done.stdout.split()}
        assert "steel_toes" in roots
        heavy = {"git", "gitdb", "click", "rich", "s3fs", "gcsfs", "adlfs", "aiohttp", "boto3", "botocore", "requests"}
        assert not roots & (heavy | {"pandas", "pyarrow", "numpy", "kedro_datasets", "IPython"})

    def test_catalog_import_is_light(self, checkout: Any) -> None:
        """On main not even the hook pulls in what only a branch needs."""
        code = """
import sys
from kedro.io import DataCatalog
from steel_toes import SteelToes
before = set(sys.modules)
SteelToes().after_catalog_created(DataCatalog())
print(*set(sys.modules) - before)
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert not {name.split(".")[0] for name in done.stdout.split()} & {"click", "s3fs", "gcsfs", "adlfs", "pandas"}

    def test_version(self) -> None:
        """`__version__` is the installed package's, read when it is asked for."""
        try:
            installed = version("steel-toes")
        except PackageNotFoundError:
            pytest.skip("steel-toes is not installed here")
        code = "import steel_toes; assert '__version__' not in vars(steel_toes); print(steel_toes.__version__)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == installed

    def test_unknown_name(self) -> None:
        """A name that is not there is an AttributeError, as in any module."""
        with pytest.raises(AttributeError, match="nothing"):
            _ = steel_toes.nothing
