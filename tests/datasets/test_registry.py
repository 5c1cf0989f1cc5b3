"""The registry: what is done with each dataset class, and where its data is said to be."""

import csv
import re
from pathlib import Path

import pytest
from kedro.io import DataCatalog

from steel_toes import LoadRefusedError, SaveRefusedError, SteelToes
from steel_toes.datasets.base import BranchedDataset
from steel_toes.datasets.paths import absolute, location_of, redirected
from steel_toes.datasets.proxy import branched_of
from steel_toes.datasets.registry import Rule, catalog_name, class_names, rule_for, seeding, type_name

SURVEY = list(csv.DictReader((Path(__file__).parent / "datasets.csv").open()))
LOCATIONS = ("filepath", "path")

# The survey's kinds, and what the law's table says of each.
OUTCOMES = {
    "redirect": {"single file", "single file or glob", "directory", "plot", "plot / plot dir", "model file"}
    | {"directory or warehouse table", "partitioned dir"},
    "alone": {"hub (read only)", "API client (read only)", "query (read only)", "single file (read only)"}
    | {"API client (tracing)", "in-memory", "API (GET read only, PUT/POST write)"},
    "refuse_save": {"warehouse table", "SQL table", "key-value store", "directory (stream)", "feature store"}
    | {"model/artifact registry", "SQL table or query", "warehouse table + directory"},
    "refuse_load": {"directory (read only handle)", "vector store (handle)", "registry (evaluation set)"}
    | {"SQL table (study)"},
}
# What a kind alone does not tell.
EXCEPTIONS = {
    "kedro_datasets.databricks._base_table_dataset.BaseTableDataset": "refuse_save",
    "kedro_datasets.huggingface._base.FilesystemDataset": "redirect",
    "kedro_datasets_experimental.vectorstore_base.abstract_vector_store_dataset"
    ".AbstractVectorStoreDataset": "refuse_load",
    # The prompt registries write when they load; the survey calls them what it calls mlrun's.
    "kedro_datasets_experimental.langfuse.prompt_dataset.PromptDataset": "refuse_load",
    "kedro_datasets_experimental.opik.prompt_dataset.PromptDataset": "refuse_load",
    # Their data is in no parameter of theirs: of the wrapper, in the wrapped one's; of the bases, in their subclasses'.
    "kedro.io.cached_dataset.CachedDataset": "refuse_save",
    "kedro.io.core.AbstractDataset": "refuse_save",
    "kedro.io.core.AbstractVersionedDataset": "redirect",
}


def expected(row):
    if row["class"] in EXCEPTIONS:
        return EXCEPTIONS[row["class"]]
    return next(outcome for outcome, kinds in OUTCOMES.items() if row["kind"] in kinds)


def config_for(row):
    """A configuration with the parameters that the survey says are locations."""
    names = [name for name in re.findall(r"\w+", row["location_parameters"]) if f"{name}=" in row["constructor"]
             or re.search(rf"\b{name}\b", row["constructor"])]  # fmt: skip
    return {"type": row["type_string"], **dict.fromkeys(names, "data/x.csv")}


@pytest.mark.parametrize("row", SURVEY, ids=lambda row: row["class"])
def test_every_surveyed_class_has_the_outcome_that_the_law_says(row):
    """Each of the surveyed classes is redirected, left alone, refused for saving, or refused for loading too."""
    rule = rule_for([type_name(row["class"])], config_for(row), {})
    assert rule.action == expected(row)
    if rule.action == "redirect":
        assert rule.parameter in LOCATIONS
        assert location_of(rule, config_for(row)) == "data/x.csv"


@pytest.mark.parametrize("row", SURVEY, ids=lambda row: row["class"])
def test_what_a_catalog_writes_and_the_class_find_the_same_rule(row):
    """The type string in a catalog, which is read without importing anything, gives the class's own action."""
    if row["type_string"].startswith("("):
        pytest.skip("an abstract base is in no catalog")
    by_string = rule_for([row["type_string"]], config_for(row), {})
    assert by_string.action == rule_for([type_name(row["class"])], config_for(row), {}).action


def test_the_survey_is_whole():
    """The survey has the 98 classes that the registry was made from, each once."""
    assert len(SURVEY) == len({row["class"] for row in SURVEY}) == 98


def test_every_class_that_reads_a_source_file_is_left_alone():
    """The `filepath` of a query or a prompt is a file in Git, and is never suffixed."""
    for name in ("pandas.SQLQueryDataset", "pandas.GBQQueryDataset", "spark.GBQQueryDataset"):
        assert rule_for([name], {"filepath": "queries/x.sql"}, {}) == Rule("alone")


def test_a_subclass_inherits_the_rule():
    """A user's subclass of a known class is what its base is."""
    from kedro_datasets.partitions import PartitionedDataset

    class Mine(PartitionedDataset):
        pass

    assert rule_for(class_names(Mine), {"path": "data/x"}, {}).kind == "overlay"


def test_get_is_read_only_and_post_is_not():
    """An API dataset that gets is left alone; one that posts is refused for saving."""
    assert rule_for(["api.APIDataset"], {"url": "u"}, {}).action == "alone"
    assert rule_for(["api.APIDataset"], {"url": "u", "method": "post"}, {}).action == "refuse_save"


def test_a_delta_table_of_a_metastore_is_a_table():
    """Without a path of its own, a Delta table cannot be redirected."""
    assert rule_for(["pandas.DeltaTableDataset"], {"filepath": "x"}, {}).action == "redirect"
    assert rule_for(["pandas.DeltaTableDataset"], {"catalog_type": "UNITY"}, {}).action == "refuse_save"


def test_a_class_of_ones_own_can_be_taught():
    """A taught parameter is the location, and says that each save replaces what was there."""
    config = {"folder": "data/shapes"}
    assert rule_for(["mine.Shapes"], config, {}).action == "refuse_save"
    rule = rule_for(["mine.Shapes"], config, {"mine.Shapes": ["folder"]})
    assert location_of(rule, config) == "data/shapes"
    assert seeding(rule, config) == "never"


def test_a_class_that_nobody_knows_is_seeded():
    """A custom class may append whatever its configuration says; a seed is always right."""
    rule = rule_for(["mine.Log"], {"filepath": "data/x.log"}, {})
    assert (rule.parameter, seeding(rule, {})) == ("filepath", "always")


@pytest.mark.parametrize(
    ("name", "config", "answer"),
    [
        ("pandas.CSVDataset", {}, "never"),
        ("pandas.CSVDataset", {"save_args": {"mode": "w"}}, "never"),
        ("pandas.CSVDataset", {"save_args": {"mode": "a"}}, "always"),
        ("pandas.CSVDataset", {"fs_args": {"open_args_save": {"mode": "ab"}}}, "always"),
        ("pandas.CSVDataset", {"load_args": {"mode": "a"}}, "never"),
        ("text.TextDataset", {"fs_args": {"open_args_save": {"mode": "x"}}}, "always"),
        ("pandas.ExcelDataset", {"save_args": {"writer": {"mode": "a"}}}, "always"),
        ("pandas.DeltaTableDataset", {}, "never"),
        ("pandas.DeltaTableDataset", {"save_args": {"mode": "append"}}, "always"),
        ("pandas.DeltaTableDataset", {"save_args": {"mode": "overwrite", "predicate": "x = 1"}}, "always"),
        ("spark.SparkDataset", {}, "always"),
        ("spark.SparkDataset", {"save_args": {"mode": "overwrite"}}, "never"),
        ("spark.SparkDataset", {"save_args": {"mode": "overwrite", "partitionOverwriteMode": "dynamic"}}, "always"),
        ("spark.SparkDataset", {"save_args": {"mode": "ignore"}}, "always"),
        ("dask.ParquetDataset", {}, "directory"),
        ("matplotlib.MatplotlibDataset", {}, "directory"),
        ("matplotlib.MatplotlibDataset", {"overwrite": True}, "never"),
        ("partitions.PartitionedDataset", {"dataset": {"type": "x", "save_args": {"mode": "a"}}}, "always"),
        ("partitions.PartitionedDataset", {"dataset": "pandas.CSVDataset"}, "never"),
    ],
)
def test_what_is_no_plain_replacement_is_seeded(name, config, answer):
    """A save that can keep something of what was there needs main's copy under it first."""
    config = {"filepath": "x", "path": "x", **config}
    assert seeding(rule_for([f"kedro_datasets.{name}"], config, {}), config) == answer


def test_only_the_top_level_location_moves():
    """A `filepath` inside load arguments, a schema or metadata is no location of the data."""
    config = {
        "filepath": "data/x.parquet",
        "load_args": {"schema": {"filepath": "conf/schema.json"}},
        "metadata": {"filepath": "docs/x.md"},
    }
    rule = rule_for(["spark.SparkDataset"], config, {})
    moved = redirected(rule, config, {("filepath",): "data/x--b.parquet"})
    assert moved == {**config, "filepath": "data/x--b.parquet"}
    assert config["filepath"] == "data/x.parquet"


def test_a_checkpoint_moves_with_its_partitions():
    """Kedro demands that a checkpoint lies in the directory of the partitions: it moves with them."""
    config = {"path": "data/parts", "checkpoint": {"filepath": "data/parts/at/CHECK", "force_checkpoint": "p1"}}
    rule = rule_for(["partitions.IncrementalDataset"], config, {})
    moved = redirected(rule, config, {("path",): "data/parts--b"})
    assert moved["checkpoint"] == {"filepath": "data/parts--b/at/CHECK", "force_checkpoint": "p1"}


def test_a_path_object_is_a_location():
    """An instance may have been given a `Path`."""
    assert location_of(Rule(parameter="filepath"), {"filepath": Path("data/x.csv")}) == str(Path("data/x.csv"))


def test_anything_else_is_no_location():
    """A number or a nested configuration is no location."""
    assert location_of(Rule(parameter="filepath"), {"filepath": {"a": 1}}) == ""


def test_a_relative_location_is_read_from_the_working_directory(tmp_path, monkeypatch):
    """Kedro reads a relative path so; a URL stays as it is."""
    monkeypatch.chdir(tmp_path)
    assert absolute("data/x.csv") == f"{tmp_path}/data/x.csv"
    assert absolute("s3://bucket/x.csv") == "s3://bucket/x.csv"


def test_kedros_own_prefixes_are_dropped():
    """`kedro_datasets.pandas.CSVDataset`, its file's path and `pandas.CSVDataset` are one name."""
    names = ("kedro_datasets.pandas.csv_dataset.CSVDataset", "kedro_datasets.pandas.CSVDataset", "pandas.CSVDataset")
    assert {catalog_name(name) for name in names} == {"pandas.CSVDataset"}
    assert catalog_name("kedro.io.memory_dataset.MemoryDataset") == "MemoryDataset"


# Arguments that a class demands beside its location.
DEMANDED = {
    "file_format": "csv",
    "key": "k",
    "plotly_args": {"type": "bar"},
    "dataset": "text.TextDataset",
    "table_name": "t",
    "credentials": {"con": "sqlite://"},
}


@pytest.mark.parametrize("row", SURVEY, ids=lambda row: row["class"])
def test_a_real_instance_has_the_same_outcome(row, tmp_path):
    """What the registry says of a class's name is what happens to a dataset of it, where it can be installed."""
    if row["type_string"].startswith("(") or row["class"].endswith("CachedDataset"):
        pytest.skip("it has no instance of its own: an abstract base, or a wrapper")
    demanded = {name: value for name, value in DEMANDED.items() if re.search(rf"\b{name}\b(?!=)", row["constructor"])}
    place = str(tmp_path / "x.csv")
    locations = [name for name in LOCATIONS if name in config_for(row)][:1]
    config = {**demanded, "type": row["type_string"], **dict.fromkeys(locations, place)}
    try:
        catalog = DataCatalog.from_config({"x": config})
        expected_class = type(DataCatalog.from_config({"x": config})["x"])
    except Exception as exc:  # noqa: BLE001  # whatever a missing library or a service raises
        pytest.skip(f"not here: {str(exc).strip().splitlines()[0][:100]}")
    SteelToes(branch="feature-x").after_catalog_created(catalog)
    dataset, pair = catalog["x"], branched_of(catalog["x"])
    assert isinstance(dataset, expected_class)
    action = rule_for(class_names(expected_class), config, {}).action
    assert action == expected(row)
    if action == "alone":
        assert pair is None
    elif action == "redirect":
        assert isinstance(pair, BranchedDataset)
        assert "--feature-x" in pair.place.branch_path
        assert "--feature-x" not in pair.place.main_path
    else:
        with pytest.raises(SaveRefusedError):
            dataset.save("anything")
        if action == "refuse_load":
            with pytest.raises(LoadRefusedError):
                dataset.load()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("package", ["kedro_datasets_acme", "my.kedro_datasets", "kedro_datasetsx"])
def test_a_package_with_a_name_like_kedros(package):
    """Only kedro-datasets itself was surveyed: a class of a package with a longer name may append, and is seeded."""
    rule = rule_for([f"{package}.text.LinesDataset"], {"filepath": "data/x.txt"}, {})
    assert (rule.parameter, rule.seeding) == ("filepath", "always")
    rule = rule_for(["kedro_datasets.text.LinesDataset"], {"filepath": "data/x.txt"}, {})
    assert (rule.parameter, rule.seeding) == ("filepath", "never")
