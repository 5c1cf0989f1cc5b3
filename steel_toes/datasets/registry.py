"""Which parameters of which dataset class say where its data is, and what may be done with it on a branch.

The registry follows a survey of all dataset classes of kedro-datasets 9.6 and kedro.io. A class that it does not name
is found through its bases, so that a user's subclass inherits the rule; then by the name of a parameter.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from kedro.io import CachedDataset
from kedro.io.core import get_protocol_and_path

Config = dict[str, Any]
Action = Literal["redirect", "alone", "refuse_save", "refuse_load"]
Kind = Literal["whole", "overlay", "increments"]
Seeding = Literal["never", "directory", "always"]

PARAMETERS = ("filepath", "path", "filename")
"""The parameters that mean a location in a class that nobody taught us, in this order."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What steel_toes does with the datasets of a class.

    Args:
        action: send saves to the branch copy; leave alone; refuse saves; refuse loads too.
        parameter: the top-level parameter that holds the location; empty if there is none.
        kind: how the data is divided between main and branch.
        lists: the location is a directory that the dataset lists.
        seeding: whether a save can keep something of what was there ("directory": only in a directory).
        mode: the write mode when the configuration names none.
        why: why saves or loads are refused: one sentence.
    """

    action: Action = "redirect"
    parameter: str = ""
    kind: Kind = "whole"
    lists: bool = False
    seeding: Seeding = "never"
    mode: str = "overwrite"
    why: str = ""


_ALONE = Rule("alone")
_DIRECTORY = Rule(parameter="filepath", lists=True, seeding="directory")
_MODEL = Rule(parameter="filepath", lists=True)
_SPARK = Rule(parameter="filepath", lists=True, mode="errorifexists")
_HUGGING_FACE = Rule(parameter="path", seeding="directory")
_TABLE = Rule("refuse_save", why="Its data is a table or a key, which steel_toes cannot redirect yet.")
_SERVICE = Rule("refuse_save", why="It writes to a service, of which there is no copy for the branch.")
_STREAM = Rule("refuse_save", why="A stream's checkpoint cannot be divided between branches.")
_HANDLE = Rule("refuse_load", why="What it loads is a handle that can write where it came from: main's data.")

WRITES_ON_LOAD = Rule("refuse_load", why="Loading it can itself write to the service or to main's file.")

_KEDRO_DATASETS = "kedro_datasets"
_X = "kedro_datasets_experimental."
_M = "kedro_mlflow.io."  # what its datasets write is in MLflow's runs, which are nobody else's
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
    "matplotlib.MatplotlibDataset": Rule(parameter="filepath", seeding="directory"),
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
    _X + "langfuse.EvaluationDataset": WRITES_ON_LOAD,
    _X + "langfuse.PromptDataset": WRITES_ON_LOAD,
    _X + "langfuse.TraceDataset": _ALONE,
    _X + "mlrun.MLRunAbstractDataset": _SERVICE,
    _X + "opik.EvaluationDataset": WRITES_ON_LOAD,
    _X + "opik.PromptDataset": WRITES_ON_LOAD,
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

_UNPLACED = Rule("refuse_save", why="None of its parameters is known to say where its data is.")
_REPLACING = {"w", "wb", "wt", "w+", "wb+", "w+b", "overwrite", "replace"}
_MODES = ("mode", "if_exists", "write_mode")
# With one of these, an overwrite replaces only a part of what is there.
_PARTIAL = ("append", "predicate", "partition_filters", "partitionOverwriteMode", "upsert")


def type_name(qualified: str) -> str:
    """A class's name without its file: of `kedro_datasets.json.json_dataset.JSONDataset`, without `json_dataset`."""
    parts = qualified.split(".")
    if parts[0] in (_KEDRO_DATASETS, _X[:-1]) and len(parts) > 2:
        return f"{parts[0]}.{parts[1]}.{parts[-1]}"
    return parts[-1] if parts[:2] == ["kedro", "io"] else qualified


def class_names(cls: type) -> list[str]:
    """The names of a class and of its bases, nearest first."""
    return [type_name(f"{c.__module__}.{c.__qualname__}") for c in cls.__mro__]


def rule_for(names: list[str], config: Config, taught: Mapping[str, str]) -> Rule:
    """The rule for a dataset.

    Args:
        names: `class_names` of its class, or the one name in its configuration where the class must not be imported.
        config: its resolved configuration.
        taught: the parameters that a project taught us, by class name. Teaching a class says, too, that each save
            replaces what was there; a class nobody knows is seeded first, which is always right and costs a copy.
    """
    known = {catalog_name(name): parameter for name, parameter in taught.items()}
    for name in map(catalog_name, names):
        if name in known:
            return Rule(parameter=known[name], lists=REGISTRY.get(name, _UNPLACED).lists)
        if name in REGISTRY:
            return _specialised(REGISTRY[name], name, config)
    parameter = next((p for p in PARAMETERS if config.get(p)), "")
    if not parameter:
        return _UNPLACED
    surveyed = any(name.startswith(_KEDRO_DATASETS) for name in names)
    return Rule(
        parameter=parameter,
        lists=parameter == "path" and not surveyed,
        seeding="never" if surveyed else "always",
    )


def wraps(cls: type) -> bool:
    """Whether a class holds another dataset, in whose configuration the location is."""
    return issubclass(cls, CachedDataset) or cls.__module__.startswith(f"{_M}artifacts.")


def catalog_name(name: str) -> str:
    """The name as catalogs write it: Kedro tries the prefixes `kedro.io.` and `kedro_datasets.` by itself."""
    return type_name(name).removeprefix(f"{_KEDRO_DATASETS}.")


def _specialised(rule: Rule, name: str, config: Config) -> Rule:
    """The few classes whose rule depends on their configuration."""
    if name == "api.APIDataset" and str(config.get("method", "GET")).upper() == "GET":
        return _ALONE
    if name == "pandas.DeltaTableDataset" and not config.get("filepath"):
        return _TABLE
    if name == "matplotlib.MatplotlibDataset" and config.get("overwrite"):
        return replace(rule, seeding="never")
    return rule


def seeding(rule: Rule, config: Config) -> Seeding:
    """Whether main's copy must be copied to the branch before its first save.

    "never" is a plain replacement: nothing of what was there can be seen after the save. Appending, exclusive,
    ignoring, failing and merging modes are not, nor is a directory to which files are added.
    """
    modes = set(_settings(config, _MODES)) or {rule.mode}
    partial = any(_settings(config, _PARTIAL))
    if partial or any(str(mode).lower() not in _REPLACING for mode in modes):
        return "always"
    return rule.seeding


def _settings(config: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[Any]:
    """The values of these settings wherever a class may take them; never inside `load_args`, which do not save."""
    for key, value in config.items():
        if key in names and value is not None:
            yield value
        elif isinstance(value, Mapping) and key in ("save_args", "fs_args", "open_args_save", "writer", "dataset"):
            yield from _settings(value, names)


def location_of(rule: Rule, config: Config) -> str:
    """The location in a configuration, as text; empty if it has none."""
    value = config.get(rule.parameter) if rule.parameter else None
    return os.fspath(value) if isinstance(value, (str, os.PathLike)) else ""


def redirected(rule: Rule, config: Config, location: str) -> Config:
    """A copy of the configuration with another location, and with what must move with it."""
    moved = copy.deepcopy(config)
    main = location_of(rule, config).rstrip("/")
    checkpoint = moved.get("checkpoint")
    if rule.kind == "increments" and isinstance(checkpoint, dict):
        # Kedro demands that a checkpoint lies inside the directory of the partitions.
        for key, value in checkpoint.items():
            if isinstance(value, str) and value.startswith(main + "/"):
                checkpoint[key] = location.rstrip("/") + value[len(main) :]
    moved[rule.parameter] = location
    return moved


def absolute(location: str, folder: str = "") -> str:
    """A relative local location from a folder or the working directory, as Kedro reads it; anything else as it is."""
    protocol, path = get_protocol_and_path(location)
    if protocol != "file" or "://" in location:
        return location
    return os.path.join(folder or os.getcwd(), os.path.expanduser(path))


def filesystem_path(rule: Rule, location: str) -> tuple[str, str]:
    """Fsspec's protocol and path of an absolute location, as the dataset itself understands it.

    Kedro's file datasets drop the host of `memory://`, `sftp://` and others; its partitioned ones hand the URL to
    fsspec. Both are followed to the letter, since the record must speak of the object that the dataset writes.
    """
    protocol, path = get_protocol_and_path(location)
    if protocol != "file" and rule.kind in ("overlay", "increments"):
        path = location.split("://", 1)[1]
    return protocol, path.rstrip("/")
