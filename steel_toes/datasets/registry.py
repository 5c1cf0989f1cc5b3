"""Which parameter of which dataset class says where its data is, and what may be done with it on a branch.

The registry follows a survey of all dataset classes of kedro-datasets 9.6 and kedro.io. A class that it does not name
is found through its bases, so that a user's subclass inherits the rule; then by the name of a parameter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from kedro.io import CachedDataset

from steel_toes.errors import (
    HAS_NO_LOCATION,
    IS_A_HANDLE,
    IS_A_SERVICE,
    IS_A_STREAM,
    IS_A_TABLE,
    PARTITIONS_OF_PARTITIONS,
    TABLE_AS_LOCATION,
    WRITES_ON_LOAD,
    ConfigurationError,
)

Config = dict[str, Any]
Action = Literal["redirect", "alone", "refuse_save", "refuse_load"]
Kind = Literal["whole", "overlay", "increments"]
Seeding = Literal["never", "directory", "always"]
Taught = Mapping[str, Sequence[str]]

PARAMETERS = ("filepath", "path", "filename")
"""The parameters that mean a location in a class that nobody surveyed or taught, in this order."""
TABLE_PARAMETERS = frozenset({"con", "database", "index", "repo_id", "table", "table_name", "topic"})
"""The parameters that name a table, a key or a repository, which have no branch copy."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What steel_toes does with the datasets of a class.

    Args:
        action: send saves to the branch copy; leave alone; refuse saves; refuse loads too.
        parameter: the parameter that holds the location, with dots inside others; empty if there is none.
        more: the other parameters that hold a location.
        is_taught: the project says so, and that a save replaces what was there.
        kind: how the data is divided between main and branch.
        lists: the location is a directory that the dataset lists.
        seeding: whether a save can keep something of what was there ("directory": only in a directory).
        mode: the write mode when the configuration names none.
        saves_itself: the class has a save of its own, which may write something else than it is given.
        may_write_nothing: a save of nothing (an empty dictionary of plots) rightly leaves no file.
        why: why saves or loads are refused: one sentence.
    """

    action: Action = "redirect"
    parameter: str = ""
    more: tuple[str, ...] = ()
    is_taught: bool = False
    kind: Kind = "whole"
    lists: bool = False
    seeding: Seeding = "never"
    mode: str = "overwrite"
    saves_itself: bool = False
    may_write_nothing: bool = False
    why: str = ""

    @property
    def is_overlay(self) -> bool:
        """Whether the data is divided into partitions."""
        return self.kind in ("overlay", "increments")


_ALONE = Rule("alone")
_DIRECTORY = Rule(parameter="filepath", lists=True, seeding="directory")
_MODEL = Rule(parameter="filepath", lists=True)
_SPARK = Rule(parameter="filepath", lists=True, mode="errorifexists")
_HUGGING_FACE = Rule(parameter="path", seeding="directory")
_TABLE = Rule("refuse_save", why=IS_A_TABLE)
_SERVICE = Rule("refuse_save", why=IS_A_SERVICE)
_STREAM = Rule("refuse_save", why=IS_A_STREAM)
_HANDLE = Rule("refuse_load", why=IS_A_HANDLE)
_WRITER = Rule("refuse_load", why=WRITES_ON_LOAD)

_KEDRO_DATASETS = "kedro_datasets"
_X = "kedro_datasets_experimental."
_M = "kedro_mlflow.io."
REGISTRY: Mapping[str, Rule] = {
    "MemoryDataset": _ALONE,
    "SharedMemoryDataset": _ALONE,
    "api.APIDataset": _SERVICE,
    "dask.CSVDataset": _DIRECTORY,
    "dask.ParquetDataset": _DIRECTORY,
    "databricks.BaseTableDataset": _TABLE,
    "databricks.ManagedTableDataset": _TABLE,
    "huggingface.FilesystemDataset": _HUGGING_FACE,
    "huggingface.HFDataset": _ALONE,
    "huggingface.HFTransformerPipelineDataset": _ALONE,
    "ibis.TableDataset": _TABLE,
    "langchain.ChatAnthropicDataset": _ALONE,
    "langchain.ChatCohereDataset": _ALONE,
    "langchain.ChatOpenAIDataset": _ALONE,
    "langchain.OpenAIEmbeddingsDataset": _ALONE,
    "matplotlib.MatplotlibDataset": Rule(parameter="filepath", seeding="directory", may_write_nothing=True),
    "pandas.DeltaTableDataset": Rule(parameter="filepath", lists=True),
    "pandas.GBQQueryDataset": _ALONE,
    "pandas.GBQTableDataset": _TABLE,
    "pandas.SQLQueryDataset": _ALONE,
    "pandas.SQLTableDataset": _TABLE,
    "partitions.IncrementalDataset": Rule(parameter="path", kind="increments", lists=True),
    "partitions.PartitionedDataset": Rule(parameter="path", kind="overlay", lists=True),
    "redis.PickleDataset": _TABLE,
    "snowflake.SnowparkTableDataset": _TABLE,
    "spark.DeltaTableDataset": _HANDLE,
    "spark.GBQQueryDataset": _ALONE,
    "spark.SparkDataset": _SPARK,
    "spark.SparkDatasetV2": _SPARK,
    "spark.SparkHiveDataset": _TABLE,
    "spark.SparkJDBCDataset": _TABLE,
    "spark.SparkStreamingDataset": _STREAM,
    _X + "chromadb.ChromaDBDataset": _HANDLE,
    _X + "databricks.ExternalTableDataset": _TABLE,
    _X + "faiss.FAISSVectorStoreDataset": _HANDLE,
    _X + "feast.FeastDataset": _SERVICE,
    _X + "langchain.PromptDataset": _ALONE,
    _X + "langfuse.EvaluationDataset": _WRITER,
    _X + "langfuse.PromptDataset": _WRITER,
    _X + "langfuse.TraceDataset": _ALONE,
    _X + "mlrun.MLRunAbstractDataset": _SERVICE,
    _X + "opik.EvaluationDataset": _WRITER,
    _X + "opik.PromptDataset": _WRITER,
    _X + "opik.TraceDataset": _ALONE,
    _X + "optuna.StudyDataset": _HANDLE,
    _X + "polars.PolarsDatabaseDataset": _TABLE,
    _X + "pypdf.PDFDataset": _ALONE,
    _X + "vectorstore_base.AbstractVectorStoreDataset": _HANDLE,
    _X + "weaviate.WeaviateVectorStoreDataset": _HANDLE,
    _M + "metrics.mlflow_abstract_metric_dataset.MlflowAbstractMetricDataset": _ALONE,
    _M + "metrics.mlflow_metrics_history_dataset.MlflowMetricsHistoryDataset": _ALONE,
    _M + "models.mlflow_model_local_filesystem_dataset.MlflowModelLocalFileSystemDataset": _MODEL,
    _M + "models.mlflow_model_registry_dataset.MlflowModelRegistryDataset": _ALONE,
    _M + "models.mlflow_model_tracking_dataset.MlflowModelTrackingDataset": _ALONE,
}

_UNPLACED = Rule("refuse_save", why=HAS_NO_LOCATION)

_REPLACING_MODES = {"w", "wb", "wt", "w+", "wb+", "w+b", "overwrite", "replace"}
_MODE_SETTINGS = ("mode", "if_exists", "write_mode")
# With one of these, an overwrite replaces only a part of what is there.
_PARTIAL_SETTINGS = ("append", "predicate", "partition_filters", "partitionOverwriteMode", "upsert")
# The settings that hold those of a save; never `load_args`, which do not save.
_SAVING_SETTINGS = ("save_args", "fs_args", "open_args_save", "writer", "dataset")


# --- Names ------------------------------------------------------------------------------------------------------------


def type_name(qualified: str) -> str:
    """A class's name without its file: of `kedro_datasets.json.json_dataset.JSONDataset`, without `json_dataset`."""
    parts = qualified.split(".")
    if parts[0] in (_KEDRO_DATASETS, _X[:-1]) and len(parts) > 2:
        return f"{parts[0]}.{parts[1]}.{parts[-1]}"
    if parts[:2] == ["kedro", "io"]:
        return parts[-1]
    return qualified


@lru_cache(maxsize=1_000)
def class_names(cls: type) -> tuple[str, ...]:
    """The names of a class and of its bases, nearest first."""
    names = [type_name(f"{base.__module__}.{base.__qualname__}") for base in cls.__mro__]
    return tuple(names)


def names_in(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the class in a configuration, where it must not be imported: of a class itself, all."""
    kind = config.get("type")
    if isinstance(kind, type):
        return class_names(kind)
    return (str(kind),)


@lru_cache(maxsize=10_000)
def catalog_name(name: str) -> str:
    """The name as catalogs write it: Kedro tries the prefixes `kedro.io.` and `kedro_datasets.` by itself."""
    return type_name(name).removeprefix(f"{_KEDRO_DATASETS}.")


# --- Rules ------------------------------------------------------------------------------------------------------------


def rule_for(names: Sequence[str], config: Config, location_parameters: Taught) -> Rule:
    """The rule for a dataset.

    Args:
        names: `class_names` of its class, or the one name in its configuration where the class must not be imported.
        config: its resolved configuration.
        location_parameters: those that a project teaches, by class name. Teaching a class says, too, that each save
            replaces what was there; a class that nobody knows is seeded first, which is always right and costs a copy.
    """
    taught_names = {catalog_name(name): parameters for name, parameters in location_parameters.items()}
    # Nearest first: a user's subclass may be taught, or its base be known.
    for name in map(catalog_name, names):
        if name in taught_names:
            lists = REGISTRY.get(name, _UNPLACED).lists
            parameter, *more = taught_names[name]
            return Rule(parameter=parameter, more=tuple(more), lists=lists, is_taught=True)
        if name in REGISTRY:
            return _specialised(REGISTRY[name], name, config)
    return rule_by_parameter(names, config)


def rule_by_parameter(names: Sequence[str], config: Config) -> Rule:
    """The rule for a class that is in no table: by the name of a parameter."""
    parameters = [parameter for parameter in PARAMETERS if config.get(parameter)]
    if not parameters:
        return _UNPLACED
    packages = {name.partition(".")[0] for name in names}
    is_surveyed = bool(packages & {_KEDRO_DATASETS, _X[:-1]})
    # Of kedro-datasets' other classes the survey says that they replace.
    if is_surveyed:
        return Rule(parameter=parameters[0])
    return Rule(parameter=parameters[0], lists=parameters[0] == "path", seeding="always")


def _specialised(rule: Rule, name: str, config: Config) -> Rule:
    """The few classes whose rule depends on their configuration."""
    method = str(config.get("method", "GET")).upper()
    if name == "api.APIDataset" and method == "GET":
        return _ALONE
    if name == "pandas.DeltaTableDataset" and not config.get("filepath"):
        return _TABLE
    if name == "matplotlib.MatplotlibDataset" and config.get("overwrite"):
        return replace(rule, seeding="never")
    return rule


def rule_for_wrapped(rule: Rule, config: Config, inner: Config) -> Rule:
    """The rule for an entry whose location is in the configuration of a dataset inside it.

    Args:
        rule: of the inner dataset.
        config: the entry's configuration.
        inner: that of the dataset inside it.
    """
    if config.get("run_id"):
        return _WRITER  # kedro-mlflow copies a run's artifact over the file that it wraps
    if inner.get("versioned"):
        # Kedro pins no version inside another dataset: its versions are files of a directory.
        return replace(rule, seeding="always")
    return rule


def wraps(cls: type) -> bool:
    """Whether a class holds another dataset, in whose configuration the location is."""
    return issubclass(cls, CachedDataset) or cls.__module__.startswith(f"{_M}artifacts.")


def with_partitions(rule: Rule, partition_rule: Rule) -> Rule:
    """The rule for partitions of a class that has a rule of its own.

    Args:
        rule: of the partitioned class.
        partition_rule: of the class of a partition.
    """
    if partition_rule.is_overlay:
        return replace(rule, action="refuse_save", why=PARTITIONS_OF_PARTITIONS)
    if partition_rule.why == HAS_NO_LOCATION:
        # The partitioned class gives it one. Nobody knows what it keeps of what is there.
        return replace(rule, seeding="always")
    if partition_rule.action in ("refuse_save", "refuse_load"):
        return replace(rule, action=partition_rule.action, why=partition_rule.why)
    # A class with a save of its own keeps what it may, whatever its partitions do.
    keeping = rule.seeding if rule.saves_itself else partition_rule.seeding
    return replace(
        rule,
        seeding=keeping,
        mode=partition_rule.mode,
        may_write_nothing=partition_rule.may_write_nothing,
    )


def check_taught(taught: Taught) -> None:
    """Refuse to be taught a location of a class that is known to have none: a table, a service, a handle.

    Raises:
        ConfigurationError: it cannot.
    """
    for class_name, parameters in taught.items():
        surveyed = REGISTRY.get(catalog_name(class_name), Rule())
        if surveyed.action != "redirect":
            facts = {"parameter": ", ".join(parameters), "type": class_name}
            raise ConfigurationError(TABLE_AS_LOCATION, setting="location_parameters", value=dict(taught), **facts)


# --- Seeding ----------------------------------------------------------------------------------------------------------


def seeding(rule: Rule, config: Config) -> Seeding:
    """Whether main's copy must be copied to the branch before its first save.

    "never" is a plain replacement: nothing of what was there can be seen after the save. Appending, exclusive,
    ignoring, failing and merging modes are not, nor is a directory to which files are added.
    """
    # Any of them, set to something: what it keeps depends on the data.
    if any(_settings(config, _PARTIAL_SETTINGS)):
        return "always"
    modes = set(_settings(config, _MODE_SETTINGS)) or {rule.mode}
    for mode in modes:
        if str(mode).lower() not in _REPLACING_MODES:
            return "always"
    return rule.seeding


def _settings(config: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[Any]:
    """The values of these settings wherever a class may take them for its saves."""
    for key, value in config.items():
        if key in names and value is not None:
            yield value
        elif key in _SAVING_SETTINGS and isinstance(value, Mapping):
            yield from _settings(value, names)
