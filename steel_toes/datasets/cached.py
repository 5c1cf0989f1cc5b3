"""A cache around partitions: plain Kedro's own, which holds what it was given until it is released."""

from __future__ import annotations

from typing import Any

from steel_toes.datasets.base import BranchedDataset, Choice, Dataset, Entry
from steel_toes.records.place import Side


class BranchedCache(BranchedDataset):
    """A `CachedDataset` around branched partitions.

    Args:
        cache: Kedro's dataset, around the proxy of the partitions.
        inner: the partitions.
    """

    def __init__(self, cache: Dataset, inner: BranchedDataset) -> None:
        super().__init__(inner.entry, cache, None, cache)
        self.inner = inner

    def load(self) -> Any:
        """What the cache holds, else what the partitions give."""
        return self.main_dataset.load()

    def save(self, data: Any) -> None:
        """Save the partitions to the branch; the cache holds them from then on."""
        self.main_dataset.save(data)

    def exists(self) -> bool:
        return self.main_dataset.exists()

    def release(self) -> None:
        """Forget what the cache holds."""
        self.main_dataset.release()

    def current(self) -> Dataset:
        return self.main_dataset

    def choose(self) -> Choice:
        return self.inner.choose()

    def open_run(self, written: bool) -> Side | None:
        self.run_side = self.inner.open_run(written)
        self.has_main_moved = self.inner.has_main_moved
        return self.run_side

    def sides(self) -> tuple[Dataset, ...]:
        return (self.main_dataset,)

    def at(self, entry: Entry) -> BranchedCache:
        twin = super().at(entry)
        assert isinstance(twin, BranchedCache)
        twin.inner = twin.inner.at(entry)
        return twin

    def detached(self) -> BranchedCache:
        twin = super().detached()
        assert isinstance(twin, BranchedCache)
        twin.inner = self.inner.detached()
        return twin

    def copied(self, deep: bool) -> BranchedCache:
        twin = super().copied(deep)
        assert isinstance(twin, BranchedCache)
        twin.built = dict.fromkeys(Side, twin.main_dataset)
        twin.empty()
        return twin

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.empty()

    def empty(self) -> None:
        """Empty a cache that was copied: in the copy, Kedro's mark of an empty cache counts as data.

        What increments have listed stays: Kedro's own pickling empties only the cache, too.
        """
        vars(self.main_dataset)["_cache"].release()
