"""What a record below a root of all copies must be compared with, beyond what it says itself."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field

from steel_toes.records.record import Writer
from steel_toes.redaction import redacted_repr
from steel_toes.stores.base import Store


@redacted_repr
@dataclass(frozen=True, slots=True)
class Rooted:
    """What is particular to the records below a root of all copies.

    Args:
        default_path: where the record would lie without the root, in the same store.
        owner: the project whose record it must be, as far as that is known: paths from two projects are the same; None
            if the location says whose it is.
        folders: of records, whose bucket is there: for all records of a catalog.
    """

    default_path: str
    owner: str | None
    folders: set[str] = field(default_factory=set, compare=False, repr=False)

    def is_anothers(self, writer: Writer) -> bool:
        """Whether a record below the root is another project's."""
        return writer.is_of_another_project(Writer(self.owner))

    def check_bucket(self, store: Store, path: str) -> None:
        """Refuse to find no record where there is not even a bucket: a mistyped root would hide all of the branch's.

        Args:
            store: of the records.
            path: of one of them.

        Raises:
            StoreError: the store has no such bucket.
        """
        folder = posixpath.dirname(path)
        # A folder of a disk is made with the first record.
        if store.has_folders or folder in self.folders:
            return
        store.names_below(folder)
        self.folders.add(folder)
