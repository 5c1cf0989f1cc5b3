"""The transparent proxy: what Kedro and its plugins hold instead of a dataset.

Its `__class__` and the name of its type are the dataset's, so `isinstance`, `catalog.get_type` and whoever looks at a
dataset find the class that the catalog says. It holds no state of its own but the pair.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from steel_toes.pair import Pair, RefusedPair

AnyPair = Pair | RefusedPair

# Answered by main's dataset without asking any store: the same on both sides, or what the catalog says of the entry.
_QUIET = frozenset(
    {"_EPHEMERAL", "_SINGLE_PROCESS", "_init_args", "_init_config", "_describe", "_logger", "_pretty_repr", "_version"}
    | {"metadata", "_load_args", "_save_args", "_fs", "_protocol", "_storage_options", "_copy_mode"}
)
# Names that write, or say where a save goes.
_WRITING = frozenset({"_get_save_path", "resolve_save_version", "_fetch_latest_save_version", "_save", "_checkpoint"})
# Python asks these of the type. What object has, or a class alone may answer, is not handed on.
_NOT_HANDED_ON = frozenset({"__init_subclass__", "__class_getitem__", "__subclasshook__", "__getattr__", "__del__"})


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
        self._steel_toes_pair.assign(name, value)

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
    special = {
        name: _handed_on(name)
        for name in dir(cls)
        if name.startswith("__") and name.endswith("__") and callable(getattr(cls, name, None))
        if not hasattr(Proxy, name) and name not in _NOT_HANDED_ON
    }
    names = {"__slots__": (), "__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    return type(cls.__name__, (Proxy,), {**names, **special, "__class__": property(lambda _: cls)})


def _handed_on(name: str) -> Any:
    def method(self: Proxy, *args: Any, **kwargs: Any) -> Any:
        return getattr(self._steel_toes_pair.current(), name)(*args, **kwargs)

    return method
