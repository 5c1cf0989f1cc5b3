"""What a user or a hook does to a dataset reaches main's and the branch's alike, but for where each of them lies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kedro.io import AbstractDataset

from steel_toes.datasets.paths import Key, texts_in, value_at

Dataset = AbstractDataset[Any, Any]

_CONTAINERS = (dict, list, set)


def share_settings(one: Dataset, other: Dataset) -> None:
    """Give two datasets the same objects where their settings are equal: what is changed in one, changes in both.

    Args:
        one: whose objects both have afterwards.
        other: of the same class.
    """
    for name, value in vars(one).items():
        theirs = vars(other).get(name)
        if isinstance(value, AbstractDataset) and isinstance(theirs, AbstractDataset):
            # A wrapper's: both have one of their own inside.
            share_settings(value, theirs)
        elif isinstance(value, _CONTAINERS) and _are_equal(value, theirs):
            setattr(other, name, value)


def hand_on_settings(one: Dataset, other: Dataset, new: Dataset) -> None:
    """Give a dataset that was built anew the settings that two of its class share, whatever was done to them since."""
    for name, value in vars(one).items():
        theirs = vars(other).get(name)
        if isinstance(value, AbstractDataset) and isinstance(theirs, AbstractDataset):
            hand_on_settings(value, theirs, vars(new)[name])
        elif isinstance(value, _CONTAINERS) and value is theirs:
            setattr(new, name, value)


def _are_equal(value: Any, theirs: Any) -> bool:
    try:
        return type(value) is type(theirs) and bool(value == theirs)
    except (TypeError, ValueError):
        # A table or an array among them: it has no one answer.
        return False


def differences(one: Dataset, other: Dataset) -> dict[Key, str]:
    """The texts and paths, at any depth, that two datasets of a class do not have in common: where each of them lies.

    Args:
        one: whose texts are the answer.
        other: of the same class.
    """
    texts: dict[Key, str] = {}
    for name, value in vars(one).items():
        theirs = vars(other).get(name)
        if isinstance(value, AbstractDataset) and isinstance(theirs, AbstractDataset):
            inner_texts: Mapping[Key, str] = differences(value, theirs)
        else:
            others = dict(texts_in(theirs))
            inner_texts = {key: text for key, text in texts_in(value) if others.get(key) != text}
        texts.update({(name, *key): text for key, text in inner_texts.items()})
    return texts


def text_at(dataset: Dataset, key: Key) -> str | None:
    """The text or path that a dataset has somewhere now; None if it has none there."""
    value: Any = dataset
    for number, name in enumerate(key):
        if not isinstance(value, AbstractDataset):
            value = value_at(value, key[number:])
            break
        value = vars(value).get(str(name))
    return dict(texts_in(value)).get(())
