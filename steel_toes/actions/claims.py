"""The claims of promotes that have not ended, and the audits of those that have, from one listing of each root."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import NamedTuple

from steel_toes import errors, sentences
from steel_toes.actions.inventory import Inventory
from steel_toes.actions.plan import FiledRecord
from steel_toes.catalog.roots import RecordRoot
from steel_toes.records.journal import AUDITS, CLAIMS, Claim, ClaimFile, ClaimInPlace, claim_names, slug_of_audit
from steel_toes.redaction import redacted_repr
from steel_toes.stores.together import all_together


@redacted_repr
@dataclass(frozen=True)
class StoredClaim:
    """A claim, and where it lies.

    Args:
        root: where it was listed.
        path: in the root's store.
        claim: what it says.
        stamp: of this state.
    """

    root: RecordRoot = field(repr=False)
    path: str
    claim: Claim
    stamp: str = ""

    @property
    def file(self) -> ClaimFile:
        """Its file."""
        return ClaimFile(self.root.store, self.path)

    @cached_property
    def main_file(self) -> str:
        """The one name of main's copy: the disk is asked once."""
        return self.root.main_file(self.claim.location, self.claim.root)

    @property
    def in_place(self) -> ClaimInPlace:
        """It, as it was read."""
        return ClaimInPlace(self.claim, self.stamp)


def claim_of(stored: StoredClaim) -> Claim:
    """What a claim that lies somewhere says."""
    return stored.claim


def why_claimed(claim: Claim | None, branch_name: str) -> str:
    """Why a branch's copy is being promoted, so that nobody removes it: main gets it; "" if it is not."""
    if claim is None or not claim.concerns(branch_name):
        return ""
    facts = {"author": claim.author, "time": claim.shown_time}
    return errors.sentence(sentences.IS_CLAIMED, branch=claim.branch_name, **facts)


class Claims(NamedTuple):
    """The claims that could be read, and why others could not."""

    stored: tuple[StoredClaim, ...] = ()
    failures: tuple[str, ...] = ()

    def own(self, inventory: Inventory) -> Claims:
        """Those of the project, or of nobody knows which: two projects may share a folder, and branches' names."""
        project = inventory.policy.project
        return self._replace(stored=tuple(stored for stored in self.stored if stored.claim.may_be_of(project)))

    def of_others(self, inventory: Inventory) -> list[str]:
        """Which of another project's lie where entries of this one have their data: it may be this one, renamed."""
        lines = set()
        for stored in self.stored:
            claim = stored.claim
            is_own = claim.may_be_of(inventory.policy.project)
            if not is_own and inventory.entries_at(stored.root.path, claim.location):
                facts = {"branch": claim.branch_name, "project": claim.project, "time": claim.shown_time}
                lines.add(errors.sentence(sentences.CLAIM_OF_ANOTHER_PROJECT, author=claim.author, **facts))
        return sorted(lines)

    def of_branch(self, branch_name: str) -> list[StoredClaim]:
        """Those of one branch."""
        return [stored for stored in self.stored if stored.claim.branch_name == branch_name]

    def of(self, filed: FiledRecord) -> StoredClaim | None:
        """The claim of a record's location, whichever branch's; None if there is none."""
        name = posixpath.basename(filed.stored.path)
        for stored in self.stored:
            if stored.root.path == filed.stored.root.path and posixpath.basename(stored.path) == name:
                return stored
            # Of one that was begun before a root of all copies was set the record lies elsewhere, and main is the same.
            if stored.main_file == filed.main_file:
                return stored
        return None


def list_claims(inventory: Inventory) -> Claims:
    """The claims of promotes that have not ended."""
    return _read_all(inventory, CLAIMS, claim_names)


def list_audits(inventory: Inventory, slug: str = "") -> Claims:
    """The audits of promotes that have ended, of one branch's slug or of all."""
    return _read_all(inventory, AUDITS, partial(_audit_names, slug))


def _audit_names(slug: str, names: Iterable[str]) -> Iterator[str]:
    return (name for name in names if slug_of_audit(name) and slug in ("", slug_of_audit(name)))


def _read_all(inventory: Inventory, folder: str, choose: _Choose) -> Claims:
    """What lies in a folder of each root, as far as its names are chosen."""
    roots = inventory.roots_to_list
    failures: list[str] = []
    # One root may be reached by two sets of credentials.
    places: dict[tuple[str, str, str], _Place] = {}
    for listing in all_together(partial(_list_folder, folder, choose), roots):
        failures += listing.failures
        for place in listing.places:
            places[place.root.store.label, place.path, place.root.store.access] = place
    stored = []
    # Between the listing and this one may have ended.
    for answer in all_together(_read, places.values()):
        if isinstance(answer, str):
            failures.append(answer)
        elif answer is not None:
            stored.append(answer)
    return Claims(tuple(stored), tuple(sorted(set(failures))))


_Choose = Callable[[Iterable[str]], Iterator[str]]


class _Place(NamedTuple):
    root: RecordRoot
    path: str


class _Listing(NamedTuple):
    places: list[_Place]
    failures: list[str]


def _list_folder(folder: str, choose: _Choose, root: RecordRoot) -> _Listing:
    path = f"{root.folder}/{folder}"
    try:
        names = root.store.names_below(path)
    except errors.CopyError as exc:
        return _Listing([], [str(exc)])
    return _Listing([_Place(root, f"{path}/{name}") for name in choose(names)], [])


def _read(place: _Place) -> StoredClaim | str | None:
    """The claim at a place; None if it is gone by now, and the reason if it cannot be read."""
    root, path = place
    try:
        claim, stamp = ClaimFile(root.store, path).find()
    except errors.CopyError as exc:
        return str(exc)
    return None if claim is None else StoredClaim(root, path, claim, stamp)
