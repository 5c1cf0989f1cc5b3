"""The transparent proxy: what Kedro and its plugins hold instead of a dataset.

Its `__class__` and the name of its type are the dataset's, so `isinstance`, `catalog.get_type` and whoever looks at a
dataset find the class that the catalog says. It holds no state of its own but the branched dataset.
"""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Iterator, MutableMapping
from functools import cache
from types import CodeType
from typing import Any, ClassVar, NoReturn

from kedro.io import AbstractDataset, AbstractVersionedDataset

from steel_toes import errors
from steel_toes.datasets.base import BranchedDataset, Dataset
from steel_toes.datasets.both import CONTAINERS
from steel_toes.datasets.refused import RefusedDataset
from steel_toes.redaction import redacted

AnyBranched = BranchedDataset | RefusedDataset


class Inside:
    """The datasets that main's wrapper and the branch's hold: both are set alike, and neither saves by itself.

    Args:
        outer: what the wrappers are, or are inside of.
        main_dataset: inside of main's.
        branch_dataset: inside of the branch's.
    """

    answers: ClassVar[frozenset[str]] = frozenset()
    overrides: ClassVar[dict[str, Any]] = {}

    def __init__(self, outer: AnyBranched | Inside, main_dataset: Dataset, branch_dataset: Dataset) -> None:
        self.outer = outer
        self.main_dataset = main_dataset
        self.branch_dataset = branch_dataset

    @property
    def any_dataset(self) -> Dataset:
        """Main's."""
        return self.main_dataset

    def current(self) -> Dataset:
        """Main's: what the wrapper holds is asked for what it is."""
        return self.main_dataset

    def sides(self) -> tuple[Dataset, ...]:
        """Both."""
        return self.main_dataset, self.branch_dataset

    def set(self, name: str, value: Any) -> None:
        """Set an attribute of both.

        Raises:
            LocationIsFixedError: it says where the data is.
        """
        self.check_settable(name)
        for dataset in self.sides():
            setattr(dataset, name, value)

    def check_settable(self, *key: str) -> None:
        """Whether an attribute may be set.

        Raises:
            LocationIsFixedError: it says where the data is.
        """
        self.outer.check_settable("_dataset", *key)

    def check_saved(self) -> None:
        """Whether the entry is saved at all, as the outer one says."""
        self.outer.check_saved()

    def refuse_saving(self, why: str) -> NoReturn:
        """Raise the error of a save that is refused."""
        self.outer.refuse_saving(why)

    def remove(self, name: str) -> None:
        """Remove an attribute of both."""
        self.check_settable(name)
        for dataset in self.sides():
            delattr(dataset, name)

    def copied(self, deep: bool) -> Inside:
        """The same with datasets of its own."""
        copier = copy.deepcopy if deep else copy.copy
        return Inside(self.outer, copier(self.main_dataset), copier(self.branch_dataset))


# Asked of each dataset by Kedro itself, and the same on both sides: no dataset is built to answer.
_ALIKE = frozenset({"_EPHEMERAL", "_SINGLE_PROCESS", "_copy_mode", "_version"})
# Answered by main's dataset without asking any store: the same on both sides, or what the catalog says of the entry.
_QUIET = frozenset(
    {
        "_dataset",
        "_fs",
        "_init_args",
        "_init_config",
        "_load_args",
        "_logger",
        "_pretty_repr",
        "_protocol",
        "_save_args",
        "_storage_options",
        "metadata",
    }
)
# Names that write, or say where a save goes.
_WRITING = frozenset(
    {
        "_checkpoint",
        "_fetch_latest_save_version",
        "_get_save_path",
        "_save",
        "resolve_save_version",
    }
)
# Of these, what itself saves, or gives what saves.
_SAVING = frozenset({"_checkpoint", "_save"})
# What Python asks of the type about the object, not about the data: answered by main's dataset too.
_ABOUT = frozenset(
    {
        "__eq__",
        "__format__",
        "__ge__",
        "__gt__",
        "__hash__",
        "__le__",
        "__lt__",
        "__ne__",
        "__str__",
    }
)
# What makes and unmakes objects and classes is the proxy's own affair.
_OWN = frozenset(
    {
        "__class__",
        "__class_getitem__",
        "__del__",
        "__getattribute__",
        "__getnewargs__",
        "__getnewargs_ex__",
        "__getstate__",
        "__init__",
        "__init_subclass__",
        "__new__",
        "__reduce__",
        "__setstate__",
        "__sizeof__",
        "__subclasshook__",
    }
)
_BRANCHED = "_steel_toes_branched"


class Proxy:
    """Stands for a dataset of the catalog. Made by `proxy_for`, looked into by `branched_of`."""

    __slots__ = ("__weakref__", _BRANCHED)
    _steel_toes_branched: AnyBranched | Inside

    def __getattr__(self, name: str) -> Any:
        # While it is unpickled or copied there may be nothing in it yet; asking it would recurse for ever.
        branched: AnyBranched | Inside = object.__getattribute__(self, _BRANCHED)
        if sys._getframe(1).f_code in _save_codes(type(branched.any_dataset)):  # noqa: SLF001 - Python's own
            _check_caller(self, branched)
        if name == "_copy":
            return self._copy_with
        if name == "__dict__":
            # What is in it may be changed in place: on both sides, which therefore must be there.
            branched.sides()
            return _Attributes(branched)
        # What a hook has put in the place of a method wins, as it does on a plain dataset.
        if name in branched.overrides:
            return branched.overrides[name]
        if name in branched.answers:
            # What the class does not have, the proxy has not either.
            getattr(branched.any_dataset, name)
            return getattr(branched, name)
        if name in _ALIKE:
            return getattr(branched.any_dataset, name)
        return self._steel_toes_attribute(name)

    def _steel_toes_attribute(self, name: str) -> Any:
        """What a plain dataset of the class has under this name, of the side that counts."""
        branched = self._steel_toes_branched
        value = getattr(branched.main_dataset, name)
        # What can be changed in place is changed on both sides, which therefore must be there.
        if isinstance(value, CONTAINERS):
            branched.sides()
        if name == "_dataset" and isinstance(value, AbstractDataset):
            return self._steel_toes_inside(value)
        return _answer_of_side(branched, name, value)

    def _steel_toes_inside(self, main_dataset: Any) -> Any:
        """What stands for a dataset inside a wrapper: what is set on it is set on the branch's too."""
        branched = self._steel_toes_branched
        _, *others = branched.sides()
        branch_dataset = vars(others[0]).get("_dataset") if others else None
        if branch_dataset is None or branch_dataset is main_dataset:
            return main_dataset
        return proxy_for(Inside(branched, main_dataset, branch_dataset))

    def __setattr__(self, name: str, value: Any) -> None:
        self._steel_toes_branched.set(name, value)

    def __delattr__(self, name: str) -> None:
        self._steel_toes_branched.remove(name)

    def __repr__(self) -> str:
        return redacted(repr(self._steel_toes_branched.main_dataset))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        # What a notebook shows, where people look at what they have. `repr` itself asks no store.
        branched = branched_of(self)
        assert branched is not None
        return {"text/plain": redacted(f"{self!r}\n{branched.reading()}")}

    def __dir__(self) -> list[str]:
        return dir(self._steel_toes_branched.main_dataset)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return proxy_for, (self._steel_toes_branched,)

    def __copy__(self) -> Any:
        return proxy_for(self._steel_toes_branched.copied(deep=False))

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return proxy_for(self._steel_toes_branched.copied(deep=True))

    def _copy_with(self, **overwrite_params: Any) -> Any:
        # `DataCatalog.get(name, version=...)` pins a dataset this way.
        twin = self.__deepcopy__({})
        for name, value in overwrite_params.items():
            setattr(twin, name, value)
        return twin


class _Attributes(MutableMapping[str, Any]):
    """`vars(dataset)`: what is changed in it reaches both sides, as it does on the dataset."""

    def __init__(self, branched: AnyBranched | Inside) -> None:
        self._branched = branched

    def _of_main(self) -> dict[str, Any]:
        return vars(self._branched.main_dataset)

    def __getitem__(self, name: str) -> Any:
        return self._of_main()[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._branched.set(name, value)

    def __delitem__(self, name: str) -> None:
        self._branched.remove(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._of_main())

    def __len__(self) -> int:
        return len(self._of_main())

    def __repr__(self) -> str:
        return redacted(repr(self._of_main()))


def _answer_of_side(branched: AnyBranched | Inside, name: str, value: Any) -> Any:
    """What the dataset of one side has under a name that the law does not answer.

    Args:
        branched: what is behind the proxy.
        name: of the attribute.
        value: main's.
    """
    if name in _SAVING:
        branched.check_saved()
    if isinstance(branched, RefusedDataset) or name in _QUIET or name.startswith("__"):
        return value
    dataset = branched.branch_dataset if name in _WRITING else branched.current()
    return getattr(dataset, name)


def proxy_for(branched: AnyBranched | Inside) -> Any:
    """The proxy that stands for an entry's datasets; also what unpickling calls."""
    proxy = object.__new__(_proxy_type(type(branched.any_dataset)))
    object.__setattr__(proxy, _BRANCHED, branched)
    return proxy


def branched_of(dataset: object) -> AnyBranched | None:
    """What is behind a proxy; None for anything else."""
    if not issubclass(type(dataset), Proxy):
        return None
    branched: AnyBranched | Inside = object.__getattribute__(dataset, _BRANCHED)
    while isinstance(branched, Inside):
        branched = branched.outer
    return branched


@cache
def _save_codes(cls: type) -> frozenset[CodeType]:
    """The code of the saves of a dataset class and of those that it builds on, but for Kedro's abstract ones."""
    codes = set()
    for base in cls.__mro__:
        for name in ("save", "_save", "confirm"):
            function = inspect.unwrap(vars(base).get(name, cls))
            code = getattr(function, "__code__", None)
            if base not in (AbstractDataset, AbstractVersionedDataset) and code is not None:
                codes.add(code)
    return frozenset(codes)


def _check_caller(proxy: Any, branched: AnyBranched | Inside) -> None:
    """Refuse a class's own save that was called with the proxy: it would save past the record, perhaps main's.

    A hook that keeps `type(dataset).save` instead of `dataset.save` calls it so.

    Raises:
        SaveRefusedError: it was.
    """
    caller = sys._getframe(2)  # noqa: SLF001 - Python's own
    names = caller.f_code.co_varnames[: caller.f_code.co_argcount]
    if names and caller.f_locals.get(names[0]) is proxy:
        branched.refuse_saving(errors.SAVED_BY_ITS_CLASS)


@cache
def _proxy_type(cls: type) -> type[Proxy]:
    """A proxy class that answers to the dataset class's name, and hands on the special methods that it defines."""
    members: dict[str, Any] = {
        name: _handed_on(name) if callable(value) else value for name, value in _special_members(cls).items()
    }
    members.update(
        {
            "__slots__": (),
            "__module__": cls.__module__,
            "__qualname__": cls.__qualname__,
            "__doc__": cls.__doc__,
            "__class__": property(lambda _: cls),
        }
    )
    return type(cls.__name__, (Proxy,), members)


def _special_members(cls: type) -> dict[str, Any]:
    """The special methods that a dataset class and its bases define; `__hash__` is None where objects have no hash."""
    members: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if base is not object:
            members.update(vars(base))
    # What the proxy defines itself wins.
    own = _OWN | set(vars(Proxy))
    return {name: value for name, value in members.items() if _is_special(name, value) and name not in own}


def _is_special(name: str, value: Any) -> bool:
    if not (name.startswith("__") and name.endswith("__")):
        return False
    return callable(value) or name == "__hash__"


def _handed_on(name: str) -> Any:
    def method(self: Proxy, *args: Any, **kwargs: Any) -> Any:
        branched = self._steel_toes_branched
        dataset = branched.main_dataset if name in _ABOUT else branched.current()
        return getattr(dataset, name)(*args, **kwargs)

    return method
