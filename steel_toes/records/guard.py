"""What keeps a save on files of the branch's own."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steel_toes.errors import HARD_LINK, HARD_LINK_OF_MAIN, SYMBOLIC_LINK, LinkError
from steel_toes.records.units import Units
from steel_toes.records.write import Write
from steel_toes.redaction import redacted_repr
from steel_toes.stores.base import Inode, Links, Store

if TYPE_CHECKING:
    from steel_toes.records.ledger import Ledger


@redacted_repr
@dataclass(frozen=True)
class LinkGuard:
    """Looks for links at a branch copy's place: what is written through one is written elsewhere, perhaps over main's.

    What lies above the copy may be reached through links: a data folder on another disk is one.

    Args:
        store: of the data.
        main_path: of main's copy, in that store.
        branch_path: of the branch copy.
        top_path: the part of it that ends with the component that carries the slug.
        units: how the copies are divided.
    """

    store: Store
    main_path: str = field(repr=False)
    branch_path: str = field(repr=False)
    top_path: str = field(repr=False)
    units: Units

    def links(self, write: Write) -> Links:
        """The links in what a save writes: its units, the folders between them and the copy, and all below them."""
        return self.store.links(self.top_path, self._paths(self.branch_path, write))

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


def check_links(ledger: Ledger, write: Write) -> Mapping[str, Inode]:
    """Whether a save reaches nothing but the branch's own.

    Returns:
        The files that have other names too, none of which is main's.

    Raises:
        LinkError: a link in the copy, or at its record's place, leads to other data.
    """
    folder = posixpath.dirname(ledger.path)
    links = ledger.store.links(folder, [ledger.path])
    if ledger.guard and not links.symbolic:
        links = ledger.guard.links(write)
    if links.symbolic:
        raise LinkError(SYMBOLIC_LINK, **ledger.facts(), link=links.symbolic)
    if ledger.guard:
        mains_file = ledger.guard.mains_file(links.hard, write)
        if mains_file:
            raise LinkError(HARD_LINK_OF_MAIN, **ledger.facts(), link=mains_file)
    return links.hard


def make_own(ledger: Ledger, hard: Iterable[str]) -> None:
    """Make files that have other names too the copy's own, before they are written."""
    if ledger.guard:
        ledger.guard.make_own(hard)


def check_unlinked(ledger: Ledger, write: Write) -> None:
    """Whether units that are there already may be recorded: files that no other name changes.

    Raises:
        LinkError: there is a link among them.
    """
    for link in check_links(ledger, write):
        raise LinkError(HARD_LINK, **ledger.facts(), link=link)
