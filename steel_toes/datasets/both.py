"""What a user or a hook does to a dataset reaches main's and the branch's alike, but for where each of them lies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from kedro.io import AbstractDataset

from steel_toes.datasets.paths import Key, texts_in, value_at

Dataset = AbstractDataset[Any, Any]

CONTAINERS = (dict, list, set)
"""What can be changed in place."""

# What it was built from, and when; not what it is.
_OF_ITS_MAKING = {"_init_args", "_version"}
_DEPTH = 5  # of datasets inside each other


class _Pair(NamedTuple):
    """Two datasets of a class that stand at the same place: themselves, or inside of two wrappers."""

    key: Key
    first: dict[str, Any]
    second: dict[str, Any]
    dataset: Dataset


def _pairs(first: Dataset, second: Dataset, key: Key = ()) -> Iterator[_Pair]:
    """Two datasets of a class, by their attributes, and those that they hold."""
    attributes = vars(first)
    others = vars(second)
    yield _Pair(key, attributes, others, second)
    for name, value in list(attributes.items()):
        other = others.get(name)
        inner_key = (*key, name)
        # Some hold themselves, or each other.
        if len(inner_key) > _DEPTH or not isinstance(value, AbstractDataset):
            continue
        if isinstance(other, AbstractDataset):
            yield from _pairs(value, other, inner_key)


def _containers(attributes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Those of a dataset's attributes that can be changed in place, as its `_load_args` can."""
    for name, value in attributes.items():
        if isinstance(value, CONTAINERS):
            yield name, value


def innermost(dataset: Dataset) -> Dataset:
    """The dataset that wrappers hold, or the dataset itself."""
    inner = vars(dataset).get("_dataset")
    while isinstance(inner, AbstractDataset) and inner is not dataset:
        dataset = inner
        inner = vars(dataset).get("_dataset")
    return dataset


def share_settings(first: Dataset, second: Dataset, build_first: Callable[[], Dataset]) -> None:
    """Give two datasets the same objects where their settings are equal: what is changed in one, changes in both.

    Settings are equal if they were when both were new: a class may have changed those of the first by itself since.

    Args:
        first: whose objects both have afterwards.
        second: of the same class, and new.
        build_first: builds another first one.
    """
    changed: list[_Pair] = []
    for pair in _pairs(first, second):
        if not _shared_if_equal(pair, pair.first):
            changed.append(pair)
    # Nearly never: then nothing more is built.
    if not changed:
        return
    new = {pair.key: pair.first for pair in _pairs(build_first(), second)}
    for pair in changed:
        _shared_if_equal(pair, new.get(pair.key, {}))


def _shared_if_equal(pair: _Pair, first: Mapping[str, Any]) -> bool:
    """Share the containers of a pair that are equal to these of the first; whether all were."""
    are_all_equal = True
    for name, value in _containers(pair.first):
        if name in _OF_ITS_MAKING:
            continue
        if _are_equal(first.get(name), pair.second.get(name)):
            setattr(pair.dataset, name, value)
        else:
            are_all_equal = False
    return are_all_equal


def hand_on_settings(first: Dataset, second: Dataset, new: Dataset) -> None:
    """Give a dataset that was built anew the settings that two of its class share, whatever was done to them since."""
    new_datasets = {pair.key: pair.dataset for pair in _pairs(first, new)}
    for pair in _pairs(first, second):
        # What a dataset makes when it is used, a new one has not.
        new_dataset = new_datasets.get(pair.key, pair.dataset)
        for name, value in _containers(pair.first):
            is_shared = value is pair.second.get(name)
            if is_shared:
                setattr(new_dataset, name, value)


def _are_equal(value: Any, other: Any) -> bool:
    # `1 == True`, and an ordered dictionary equals a plain one.
    if type(value) is not type(other):
        return False
    try:
        return bool(value == other)
    except (RecursionError, TypeError, ValueError):
        # A table or an array among them, which has no one answer; or something that holds itself.
        return False


def differences(first: Dataset, second: Dataset) -> dict[Key, str]:
    """The texts and paths, at any depth, that two datasets of a class do not have in common: where each of them lies.

    Args:
        first: whose texts are the answer.
        second: of the same class.
    """
    texts: dict[Key, str] = {}
    for pair in _pairs(first, second):
        for key, text in texts_in(_unshared(pair)):
            value = value_at(pair.first, key)
            other = value_at(pair.second, key)
            if value != other:
                texts[pair.key + key] = text
    return texts


def texts_naming(dataset: Dataset, name: str) -> dict[Key, str]:
    """The texts and paths, at any depth, in which a file's name stands: where a dataset by itself says that it lies."""
    texts: dict[Key, str] = {}
    for key, text in texts_in(_of_its_being(vars(dataset))):
        if name in text:
            texts[key] = text
    return texts


def _unshared(pair: _Pair) -> dict[str, Any]:
    """The attributes of the first of two datasets that are not the very same in the second."""
    unshared = _of_its_being(pair.first)
    for name, value in pair.second.items():
        if unshared.get(name) is value:
            unshared.pop(name, None)
    return unshared


def _of_its_being(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a dataset without what it was built from."""
    own = dict(attributes)
    for name in _OF_ITS_MAKING:
        own.pop(name, None)
    return own


def text_at(dataset: Dataset, key: Key) -> str | None:
    """The text or path that a dataset has somewhere now; None if it has none there."""
    value: Any = dataset
    for name in key:
        if isinstance(value, AbstractDataset):
            value = vars(value)
        value = value_at(value, (name,))
    texts = dict(texts_in(value))
    # The text itself stands at no key.
    return texts.get(())
