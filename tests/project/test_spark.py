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

from support.team import Team

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


class SparkTeam(Team):
    """A team whose data is read through Spark and through pandas."""

    def __init__(self, root: Path, spark: SparkSession, kind: str) -> None:
        super().__init__(f"{root}/data", root)
        self.spark, self.kind = spark, kind

    def on(self, branch: str, **save_args: Any) -> DataCatalog:
        """The catalog of a new process on a branch."""
        place = "data/x.parquet"
        conf = {
            "x@spark": {"type": self.kind, "filepath": place, "file_format": "parquet", "save_args": save_args},
            "x@pandas": {"type": "pandas.ParquetDataset", "filepath": place},
        }
        return self.catalog(branch, conf)

    def frame(self, *numbers: int) -> Any:
        """A table of two columns."""
        return self.spark.createDataFrame([(number, number % 2) for number in numbers], ["x", "part"])

    def shown(self, branch: str) -> list[int]:
        """What Spark and pandas both see."""
        rows = sorted(row["x"] for row in self.on(branch).load("x@spark").collect())
        assert rows == sorted(self.on(branch).load("x@pandas")["x"])
        return rows


@pytest.fixture(params=["spark.SparkDataset", "spark.SparkDatasetV2"])
def team(request: pytest.FixtureRequest, tmp_path: Path, spark: SparkSession) -> Iterator[SparkTeam]:
    """A team whose main has the rows 1 and 2; main's bytes are compared at the end."""
    team = SparkTeam(tmp_path, spark, request.param)
    team.on("main", mode="overwrite").save("x@spark", team.frame(1, 2))
    team.main = team.mains()
    yield team
    team.check()
    assert team.shown("main") == [1, 2]


def test_overwrite(team: SparkTeam) -> None:
    """An overwrite goes to the branch's directory, and Spark and pandas read one side."""
    assert team.shown("feature-x") == [1, 2]
    team.on("feature-x", mode="overwrite").save("x@spark", team.frame(3))
    assert team.shown("feature-x") == [3]


def test_append(team: SparkTeam) -> None:
    """Rows are appended to a copy of main's."""
    for number in (3, 4):
        team.on("feature-x", mode="append").save("x@spark", team.frame(number))
    assert team.shown("feature-x") == [1, 2, 3, 4]


def test_an_error_if_it_exists(team: SparkTeam) -> None:
    """Spark's own default refuses to write where data is: on the branch too, since a private copy has main's."""
    with pytest.raises(DatasetError, match=r"(?i)already exists"):
        team.on("feature-x").save("x@spark", team.frame(3))
    assert team.shown("feature-x") == [1, 2]


def test_ignore(team: SparkTeam) -> None:
    """Mode `ignore` writes nothing where data is."""
    team.on("feature-x", mode="ignore").save("x@spark", team.frame(3))
    assert team.shown("feature-x") == [1, 2]


def test_overwriting_one_partition(team: SparkTeam) -> None:
    """With `partitionOverwriteMode: dynamic`, the partitions that are not written stay as main has them."""
    team.on("feature-x", mode="overwrite", partitionBy="part").save("x@spark", team.frame(1, 2, 3, 4))
    dynamic = {"mode": "overwrite", "partitionBy": "part", "partitionOverwriteMode": "dynamic"}
    team.on("feature-x", **dynamic).save("x@spark", team.frame(5))
    assert team.shown("feature-x") == [2, 4, 5]
