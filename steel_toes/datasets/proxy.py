"""The transparent proxy: what Kedro and its plugins hold instead of a dataset.

Its `__class__` and the name of its type are the dataset's, so `isinstance`, `catalog.get_type` and whoever looks at a
dataset find the class that the catalog says. It holds no state of its own but the pair.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from steel_toes.datasets.base import Pair, RefusedPair

AnyPair = Pair | RefusedPair

# Answered by main's dataset without asking any store: the same on both sides, or what the catalog says of the entry.
_QUIET = frozenset(
    {"_EPHEMERAL", "_SINGLE_PROCESS", "_init_args", "_init_config", "_logger", "_pretty_repr", "_version"}
    | {"metadata", "_load_args", "_save_args", "_fs", "_protocol", "_storage_options", "_copy_mode", "_dataset"}
)
# Names that write, or say where a save goes.
_WRITING = frozenset({"_get_save_path", "resolve_save_version", "_fetch_latest_save_version", "_save", "_checkpoint"})
# What Python asks of the type about the object, not about the data: answered by main's dataset too.
_ABOUT = frozenset({"__str__", "__format__", "__hash__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"})
# What makes and unmakes objects and classes is the proxy's own affair.
_OWN = frozenset(
    {"__new__", "__init__", "__init_subclass__", "__class_getitem__", "__subclasshook__", "__del__", "__getattribute__"}
    | {"__getstate__", "__setstate__", "__reduce__", "__getnewargs__", "__getnewargs_ex__", "__sizeof__", "__class__"}
)
_PAIR = "_steel_toes_pair"


class Proxy:
    """Stands for a dataset of the catalog. Made by `proxy_for`, looked into by `pair_of`."""

    __slots__ = ("__weakref__", _PAIR)
    _steel_toes_pair: AnyPair

    def __getattr__(self, name: str) -> Any:
        # While it is unpickled or copied there may be no pair yet; asking it would recurse for ever.
        pair: AnyPair = object.__getattribute__(self, _PAIR)
        if name == "_copy":
            return self._copy_with
        if name in pair.answers:
            getattr(pair.main, name)  # what the class does not have, the proxy has not either
            return getattr(pair, name)
        if name in _QUIET or isinstance(pair, RefusedPair):
            return getattr(pair.main, name)
        if name in _WRITING:
            return getattr(pair.branch, name)
        if name.startswith("__"):
            return getattr(pair.main, name)
        getattr(pair.main, name)
        return getattr(pair.current(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        for dataset in self._steel_toes_pair.sides():
            setattr(dataset, name, value)
        if name == "_version":
            self._steel_toes_pair.repin(value)

    def __delattr__(self, name: str) -> None:
        for dataset in self._steel_toes_pair.sides():
            delattr(dataset, name)

    def __repr__(self) -> str:
        return repr(self._steel_toes_pair.main)

    def __dir__(self) -> list[str]:
        return dir(self._steel_toes_pair.main)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return proxy_for, (self._steel_toes_pair,)

    def __copy__(self) -> Any:
        return proxy_for(self._steel_toes_pair.copied(deep=False))

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return proxy_for(self._steel_toes_pair.copied(deep=True))

    def _copy_with(self, **overwrite_params: Any) -> Any:
        # `DataCatalog.get(name, version=...)` pins a dataset this way.
        twin = self.__deepcopy__({})
        for name, value in overwrite_params.items():
            setattr(twin, name, value)
        return twin


def proxy_for(pair: AnyPair) -> Any:
    """The proxy that stands for a pair; also what unpickling calls."""
    proxy = object.__new__(_proxy_type(type(pair.main)))
    object.__setattr__(proxy, _PAIR, pair)
    return proxy


def pair_of(dataset: object) -> AnyPair | None:
    """The pair behind a proxy; None for anything else."""
    return object.__getattribute__(dataset, _PAIR) if issubclass(type(dataset), Proxy) else None


@cache
def _proxy_type(cls: type) -> type[Proxy]:
    """A proxy class that answers to the dataset class's name, and hands on the special methods that it defines."""
    defined = {
        name: value for base in reversed(cls.__mro__) if base is not object for name, value in vars(base).items()
    }
    special = {
        name: _handed_on(name) if callable(value) else value
        for name, value in defined.items()
        if name.startswith("__") and name.endswith("__") and name not in _OWN | set(vars(Proxy))
        if callable(value) or name == "__hash__"
    }
    names = {"__slots__": (), "__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    return type(cls.__name__, (Proxy,), {**special, **names, "__class__": property(lambda _: cls)})


def _handed_on(name: str) -> Any:
    def method(self: Proxy, *args: Any, **kwargs: Any) -> Any:
        pair = self._steel_toes_pair
        return getattr(pair.main if name in _ABOUT else pair.current(), name)(*args, **kwargs)

    return method
