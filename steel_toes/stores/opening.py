"""Which store a dataset uses, from the configuration that it is built from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fsspec.registry import available_protocols

from steel_toes.naming.schemes import scheme_of
from steel_toes.stores.azure import AzureStore
from steel_toes.stores.base import Store
from steel_toes.stores.gcs import GCSStore
from steel_toes.stores.local import LocalStore
from steel_toes.stores.memory import MemoryStore
from steel_toes.stores.objects import ObjectStore
from steel_toes.stores.options import filesystem_options
from steel_toes.stores.s3 import S3Store

_STORES: dict[str, type[Store]] = {
    "s3": S3Store,
    "gs": GCSStore,
    "abfs": AzureStore,
    "abfss": AzureStore,
    "az": AzureStore,
    "memory": MemoryStore,
}


def is_a_store(protocol: str) -> bool:
    """Whether fsspec knows a store of this protocol, installed or not."""
    return scheme_of(protocol).has_buckets or protocol in available_protocols()


def open_store(dataset: str, protocol: str, config: Mapping[str, Any]) -> Store:
    """The store that a dataset built from `config` uses: its `credentials` and `fs_args`, less the arguments of open.

    Args:
        dataset: the entry's name.
        protocol: fsspec's protocol of the location.
        config: the entry's resolved configuration.
    """
    scheme = scheme_of(protocol)
    if scheme.is_local:
        return LocalStore(dataset, "the local disk")
    options, hint = filesystem_options(scheme.name, config)
    cls = _STORES.get(scheme.name, ObjectStore if scheme.has_buckets else Store)
    return cls(dataset, f"{scheme.name}://", scheme.name, options, hint)
