"""Real PySpark on local paths: `uv run --with pyspark --with hdfs pytest -m spark`. It needs Java."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyspark", reason="Spark is behind a marker: it needs pyspark and Java")
if not shutil.which("java"):
    pytest.skip("Spark needs Java", allow_module_level=True)

from kedro.io import DataCatalog, DatasetError
from pyspark.sql import SparkSession

from steel_toes import SteelToes

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "1")
        .getOrCreate()
    )
    yield session
    session.stop()


class Team:
    """A project that a team shares, read through Spark and through pandas."""

    def __init__(self, root: Path, spark: SparkSession, kind: str) -> None:
        self.root, self.spark, self.kind = root, spark, kind

    def catalog(self, branch: str, **save_args: Any) -> DataCatalog:
        place = str(self.root / "data/x.parquet")
        conf = {
            "x@spark": {"type": self.kind, "filepath": place, "file_format": "parquet", "save_args": save_args},
            "x@pandas": {"type": "pandas.ParquetDataset", "filepath": place},
        }
        catalog = DataCatalog.from_config(conf)
        SteelToes(branch=branch).after_catalog_created(catalog)
        return catalog

    def frame(self, *numbers: int) -> Any:
        return self.spark.createDataFrame([(number, number % 2) for number in numbers], ["x", "part"])

    def shown(self, branch: str) -> list[int]:
        """What Spark and pandas both see."""
        seen = sorted(row["x"] for row in self.catalog(branch).load("x@spark").collect())
        assert seen == sorted(self.catalog(branch).load("x@pandas")["x"])
        return seen


@pytest.fixture(params=["spark.SparkDataset", "spark.SparkDatasetV2"])
def team(request: pytest.FixtureRequest, tmp_path: Path, spark: SparkSession) -> Iterator[Team]:
    """A team whose main has the rows 1 and 2; main's bytes are compared at the end."""
    made = Team(tmp_path, spark, request.param)
    made.catalog("main", mode="overwrite").save("x@spark", made.frame(1, 2))
    main = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    yield made
    assert {path: path.read_bytes() for path in main} == main, "main's bytes changed"
    assert made.shown("main") == [1, 2]


def test_overwrite(team: Team) -> None:
    """An overwrite goes to the branch's directory, and Spark and pandas read one side."""
    assert team.shown("feature-x") == [1, 2]
    team.catalog("feature-x", mode="overwrite").save("x@spark", team.frame(3))
    assert team.shown("feature-x") == [3]


def test_append(team: Team) -> None:
    """Rows are appended to a copy of main's."""
    for number in (3, 4):
        team.catalog("feature-x", mode="append").save("x@spark", team.frame(number))
    assert team.shown("feature-x") == [1, 2, 3, 4]


def test_an_error_if_it_exists(team: Team) -> None:
    """Spark's own default refuses to write where data is: on the branch too, since a private copy has main's."""
    with pytest.raises(DatasetError, match=r"(?i)already exists"):
        team.catalog("feature-x").save("x@spark", team.frame(3))
    assert team.shown("feature-x") == [1, 2]


def test_ignore(team: Team) -> None:
    """Mode `ignore` writes nothing where data is."""
    team.catalog("feature-x", mode="ignore").save("x@spark", team.frame(3))
    assert team.shown("feature-x") == [1, 2]


def test_overwriting_one_partition(team: Team) -> None:
    """With `partitionOverwriteMode: dynamic`, the partitions that are not written stay as main has them."""
    team.catalog("feature-x", mode="overwrite", partitionBy="part").save("x@spark", team.frame(1, 2, 3, 4))
    dynamic = {"mode": "overwrite", "partitionBy": "part", "partitionOverwriteMode": "dynamic"}
    team.catalog("feature-x", **dynamic).save("x@spark", team.frame(5))
    assert team.shown("feature-x") == [2, 4, 5]
