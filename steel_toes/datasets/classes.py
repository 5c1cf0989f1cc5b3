"""What a dataset's class says of itself beyond its name: whose it is, and what it changes of its base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from kedro.io.core import parse_dataset_definition

from steel_toes.datasets.handles import unless_a_handle
from steel_toes.datasets.inheritance import overrides, own_name, saves_by_itself, surveyed_base
from steel_toes.datasets.paths import CHECKPOINT_SETTINGS, filepath_argument
from steel_toes.datasets.registry import (
    REGISTRY,
    Config,
    Rule,
    rule_by_parameter,
    seeding,
)
from steel_toes.datasets.signatures import own_parameters
from steel_toes.errors import OVERRIDES_PARTITIONS

# What decides which partitions there are, and what a load gives for each.
_LISTING = ("load", "_list_partitions", "_exists", "exists", "confirm")


def adapted(rule: Rule, cls: type, config: Config) -> Rule:
    """The rule of the nearest surveyed class, as far as this class inherits what it does.

    Args:
        rule: found by the names of the class and of those that it builds on.
        cls: the dataset's class.
        config: the dataset's.
    """
    base = surveyed_base(cls)
    if rule.is_taught:
        return _taught(rule, cls, base)
    if base is cls:
        return rule
    if base is None:
        return unless_a_handle(rule, cls)
    if rule.action == "redirect":
        return _redirection(rule, cls, base)
    if rule.action == "alone" and saves_by_itself(cls):
        # What is only read, or lies in memory, is saved by nobody: this class saves, and nobody knows where.
        return _unless_in_memory(rule, rule_by_parameter([], config), cls)
    return rule


def _taught(rule: Rule, cls: type, base: type | None) -> Rule:
    """The rule of a taught class: what one that builds on a surveyed class does beyond it may add to what is there."""
    if base is None:
        return rule
    surveyed = REGISTRY.get(own_name(base), Rule())
    may_add = surveyed.is_overlay or overrides(cls, base, ["save"])
    if may_add:
        return replace(rule, seeding="always")
    return rule


def _unless_in_memory(rule: Rule, rule_by_its_parameters: Rule, cls: Any) -> Rule:
    """The rule of what is left alone, for a class in memory that names no location; else that by its parameters."""
    is_in_memory = cls._EPHEMERAL and not rule_by_its_parameters.parameter
    return rule if is_in_memory else rule_by_its_parameters


def _redirection(rule: Rule, cls: type, base: type) -> Rule:
    """The rule of a redirected class, for one that builds on it."""
    if rule.is_overlay and _has_own_partitions(cls, base):
        return replace(rule, action="refuse_save", why=OVERRIDES_PARTITIONS)
    # What it does before or after the save of the other is unknown: it may keep what is there.
    if overrides(cls, base, ["save"]):
        return replace(rule, seeding="always", saves_itself=True)
    class_defaults = _class_defaults(cls)
    if seeding(rule, class_defaults) == "always":
        return replace(rule, seeding="always")
    return rule


def _has_own_partitions(cls: type, base: type) -> bool:
    """Whether a class may list or load other partitions than the class that it builds on."""
    if own_parameters(cls, base):
        return True
    return overrides(cls, base, _LISTING)


def _class_defaults(cls: Any) -> dict[str, Any]:
    """The arguments that a class of kedro-datasets' kind takes from itself."""
    return {
        "save_args": getattr(cls, "DEFAULT_SAVE_ARGS", None),
        "fs_args": getattr(cls, "DEFAULT_FS_ARGS", None),
    }


class Partition(NamedTuple):
    """The class of the dataset inside partitions, and its configuration."""

    cls: type
    config: Config


def partition_of(config: Config, cls: type | None = None) -> Partition:
    """The dataset inside partitions, with a location as they give it one.

    Args:
        config: of the partitions.
        cls: the class of that dataset, if Kedro has looked for it already.
    """
    definition = config["dataset"]
    if not isinstance(definition, Mapping):
        definition = {"type": definition}
    if cls is not None:
        definition = {**definition, "type": cls}
    cls, inner_config = parse_dataset_definition(dict(definition))
    return Partition(cls, {**inner_config, filepath_argument(config): "partition"})


def checkpoint_of(config: Config) -> Partition | None:
    """The dataset of the checkpoint of increments, if the configuration says which it is.

    Args:
        config: of the increments.
    """
    checkpoint = config.get("checkpoint")
    if not isinstance(checkpoint, Mapping) or "type" not in checkpoint:
        return None
    definition = {name: value for name, value in checkpoint.items() if name not in CHECKPOINT_SETTINGS}
    cls, inner_config = parse_dataset_definition(definition)
    return Partition(cls, inner_config)
