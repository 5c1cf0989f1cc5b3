"""What keeps a save on files of the branch's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from steel_toes.records.units import Units
from steel_toes.records.write import Write
from steel_toes.redaction import redacted_repr
from steel_toes.stores.base import Inode, Links, Store


@redacted_repr
@dataclass(frozen=True)
class LinkGuard:
    """Looks for links at a branch copy's place: what is written through one is written elsewhere, perhaps over main's.

    What lies above the copy may be reached through links: a data folder on another disk is one.

    Args:
        store: of the data.
        main_path: of main's copy, in that store.
        branch_path: of the branch copy, whose last component carries the slug.
        units: how the copies are divided.
    """

    store: Store
    main_path: str = field(repr=False)
    branch_path: str = field(repr=False)
    units: Units

    def links(self, write: Write) -> Links:
        """The links in what a save writes: its units, the folders between them and the copy, and all below them."""
        return self.store.links(self.branch_path, self._paths(self.branch_path, write))

    def mains_file(self, hard: Mapping[str, Inode], write: Write) -> str:
        """The first of these files that is one of main's copy, by another name; "" if none is."""
        # Hardly any copy has hard links: main is not asked for the others.
        if not hard:
            return ""
        inodes = self.store.inodes(self._paths(self.main_path, write))
        for path, inode in hard.items():
            if inode in inodes:
                return path
        return ""

    def make_own(self, paths: Iterable[str]) -> None:
        """Make files that have other names too the copy's own, before they are written."""
        for path in paths:
            self.store.make_own(path)

    def _paths(self, copy: str, write: Write) -> list[str]:
        """Where in a copy a save writes."""
        # What it does not write it removes.
        if write.everything:
            return [copy]
        return [self.units.path(copy, unit) for unit in write.units]
