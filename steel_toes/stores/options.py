"""The arguments of a filesystem, from what a catalog gives a dataset: fsspec's own, or those of delta-rs and polars.

Kedro's datasets hand `credentials` and `fs_args` to fsspec. Those of delta-rs and polars take the names of the Rust
library that both use (`AWS_ACCESS_KEY_ID`), and those of a database's (ibis) are no store's at all.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import fsspec

from steel_toes.errors import CREDENTIALS_OF_OTHERS

# https://docs.rs/object_store: AmazonS3ConfigKey, GoogleConfigKey, AzureConfigKey, in lower case, without their prefix.
_OBJECT_STORE_NAMES: Mapping[str, Mapping[str, str]] = {
    "s3": {
        "access_key_id": "key",
        "secret_access_key": "secret",
        "session_token": "token",
        "token": "token",
        "endpoint_url": "endpoint_url",
        "endpoint": "endpoint_url",
        "skip_signature": "anon",
    },
    "gs": {
        "service_account": "token",
        "service_account_path": "token",
        "service_account_key": "token",
        "application_credentials": "token",
        "base_url": "endpoint_url",
    },
    "az": {
        "storage_account_name": "account_name",
        "account_name": "account_name",
        "storage_account_key": "account_key",
        "storage_access_key": "account_key",
        "storage_master_key": "account_key",
        "account_key": "account_key",
        "access_key": "account_key",
        "storage_sas_token": "sas_token",
        "storage_sas_key": "sas_token",
        "sas_token": "sas_token",
        "client_id": "client_id",
        "client_secret": "client_secret",
        "tenant_id": "tenant_id",
        "connection_string": "connection_string",
    },
}
_PREFIX = re.compile("^(?:aws_)?(?:google_)?(?:azure_)?")
_STORES = {"abfs": "az", "abfss": "az", "adl": "az", "gs": "gs", "gcs": "gs"}


class Options(NamedTuple):
    """The arguments of a filesystem, and a hint for the errors of its store: what of the catalog is not among them."""

    arguments: dict[str, Any]
    hint: str = ""


def filesystem_options(protocol: str, config: Mapping[str, Any]) -> Options:
    """The arguments of the filesystem that a dataset built from `config` uses.

    Args:
        protocol: fsspec's name of the store.
        config: the dataset's: its `storage_options`, `credentials` and `fs_args`, less the arguments of open.
    """
    of_filesystem = _arguments_of_filesystem(config)
    credentials = config.get("credentials") or {}
    storage_options = config.get("storage_options") or {}
    # As Kedro's datasets merge them, so that fsspec gives us the dataset's own connection. The name that pandas and
    # its like have for both is a class's of one's own.
    arguments = {**storage_options, **credentials, **of_filesystem}
    if _are_fsspecs(protocol, arguments):
        return Options(arguments)
    translated = _translated(protocol, arguments)
    if translated:
        return Options(translated)
    parameter = "credentials" if credentials else "storage_options"
    hint = CREDENTIALS_OF_OTHERS.format(parameter=parameter)
    # The credentials may be a database's, and these the store's.
    if _are_fsspecs(protocol, of_filesystem):
        return Options(of_filesystem, hint)
    return Options({}, hint)


def _arguments_of_filesystem(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a configuration's `fs_args` give the filesystem itself, and not each open of a file."""
    fs_args = config.get("fs_args") or {}
    return {name: value for name, value in fs_args.items() if not name.startswith("open_args")}


def _are_fsspecs(protocol: str, arguments: Mapping[str, Any]) -> bool:
    """Whether a filesystem of this protocol has parameters of all these names."""
    if not arguments:
        return True
    try:
        cls = fsspec.get_filesystem_class(protocol)
    except (ImportError, ValueError):
        # It is not installed: the dataset itself says so.
        return True
    names = {"skip_instance_cache", "use_listings_cache", "listings_expiry_time", "max_paths"}
    for base in cls.__mro__:
        # A base without one of its own has that of another of these.
        signature = inspect.signature(base.__init__)
        names.update(signature.parameters)
    return arguments.keys() <= names


def _translated(protocol: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of which the Rust library's names say the same; those that it alone has are left out."""
    store = _STORES.get(protocol, protocol)
    names = _OBJECT_STORE_NAMES.get(store, {})
    arguments: dict[str, Any] = {}
    for key, value in options.items():
        # They are read in any case: from the environment, in capitals.
        name = _PREFIX.sub("", key.lower())
        if name in names:
            argument = names[name]
            arguments[argument] = _value(name, value)
        elif protocol == "s3" and name in ("region", "default_region"):
            arguments["client_kwargs"] = {"region_name": value}
    return arguments


def _value(name: str, value: Any) -> Any:
    if name == "skip_signature":
        text = str(value).lower()
        return text in ("true", "1", "yes", "on")
    # The text of a key file, where fsspec takes what is in it.
    if name == "service_account_key" and isinstance(value, str):
        return json.loads(value)
    return value
