"""What an entry's own metadata says to steel_toes: `metadata: {steel_toes: {shared: true}}`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from steel_toes import errors
from steel_toes.datasets.registry import Config
from steel_toes.redaction import logger_of
from steel_toes.sentences import NEAR_MISS

logger = logger_of(__name__)


def warn_of_near_misses(name: str, config: Config) -> None:
    """Warn of metadata whose name is nearly ours: somebody meant something, and nothing of it is read."""
    metadata = config.get("metadata")
    if not isinstance(metadata, Mapping):
        return
    for key in metadata:
        letters = re.sub(r"[^a-z]", "", str(key).lower())
        if letters == "steeltoes" and key != "steel_toes":
            logger.warning(NEAR_MISS, name, key)


def says_shared(name: str, config: Config) -> bool:
    """Whether an entry's own metadata shares it: `metadata: {steel_toes: {shared: true}}`.

    Args:
        name: of the entry.
        config: its configuration.

    Raises:
        ConfigurationError: it says something else there.
    """
    metadata = config.get("metadata")
    # It is anybody's, and may be anything.
    if not isinstance(metadata, Mapping) or metadata.get("steel_toes") is None:
        return False
    settings = metadata["steel_toes"]
    # A typing error, or the text "false", is not to make main writable.
    if not isinstance(settings, Mapping) or not settings.keys() <= {"shared"}:
        raise errors.ConfigurationError(errors.NOT_METADATA, setting=f"metadata.steel_toes of {name}", value=settings)
    shared = settings.get("shared", False)
    if not isinstance(shared, bool):
        setting = f"metadata.steel_toes.shared of {name}"
        raise errors.ConfigurationError(errors.NOT_A_SWITCH, setting=setting, value=shared)
    return shared
