"""What a dataset's class inherits of one that was surveyed, and what it does by itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from steel_toes.datasets.registry import REGISTRY, catalog_name, type_name
from steel_toes.datasets.signatures import ABSTRACT

SURVEYED_PACKAGES = ("kedro", "kedro_datasets", "kedro_datasets_experimental")


def surveyed_base(cls: type) -> type | None:
    """The nearest class, this one or one that it builds on, of which the survey says what it does."""
    for base in cls.__mro__:
        if base not in ABSTRACT and is_surveyed(base):
            return base
    return None


def is_surveyed(cls: type) -> bool:
    """Whether the survey says what this very class does."""
    package, _, _ = cls.__module__.partition(".")
    if package in SURVEYED_PACKAGES:
        return True
    # Such as those of kedro-mlflow.
    return own_name(cls) in REGISTRY


def own_name(cls: type) -> str:
    """The name of a class alone, as catalogs write it."""
    return catalog_name(type_name(f"{cls.__module__}.{cls.__qualname__}"))


def overrides_save(cls: type) -> bool:
    """Whether a class has another save than the surveyed class that it builds on."""
    base = surveyed_base(cls)
    return base is not None and overrides(cls, base, ["save"])


def saves_by_itself(cls: type) -> bool:
    """Whether a class has a save of its own, or builds on no surveyed class at all."""
    base = surveyed_base(cls)
    return base is None or overrides(cls, base, ["save"])


def overrides(cls: type, base: type, names: Iterable[str]) -> bool:
    """Whether a class has another method of one of these names than the class that it builds on."""
    return any(_method(cls, name) is not _method(base, name) for name in names)


def _method(cls: type, name: str) -> Any:
    # Kedro wraps `load` and `save` again in each subclass.
    return inspect.unwrap(getattr(cls, name, overrides))
