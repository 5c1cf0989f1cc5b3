"""The parameters that a dataset's constructor takes."""

from __future__ import annotations

import inspect

from kedro.io import AbstractDataset, AbstractVersionedDataset

ABSTRACT = (AbstractDataset, AbstractVersionedDataset)


def parameters(cls: type | None) -> dict[str, inspect.Parameter]:
    """The named parameters of a class's constructor; none of no class."""
    if cls is None:
        return {}
    signature = inspect.signature(cls)
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {name: parameter for name, parameter in signature.parameters.items() if parameter.kind not in variable}


def own_parameters(cls: type, base: type | None) -> dict[str, inspect.Parameter]:
    """The parameters of a class's constructor, and of those up to its base, that the base does not take."""
    own: dict[str, inspect.Parameter] = {}
    for ancestor in cls.__mro__:
        if ancestor in (base, *ABSTRACT, object):
            break
        # What it hands on (`**kwargs`) is its parent's.
        if "__init__" in vars(ancestor):
            own = {**parameters(ancestor), **own}
    base_parameters = parameters(base)
    return {name: parameter for name, parameter in own.items() if name not in base_parameters}
