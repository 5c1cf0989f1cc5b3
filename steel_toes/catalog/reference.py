"""The code of the commit whose data main's shall be: what the code that made a branch's data is compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from steel_toes import errors, reasons
from steel_toes.catalog.writer import added_code, scope_of
from steel_toes.checkout.code_files import CodeListing, UnknowableError, fetch_commit, list_code, list_code_of
from steel_toes.checkout.git import find_commit
from steel_toes.checkout.proof import Proof, prove
from steel_toes.checkout.provenance import (
    UNKNOWN,
    Blobs,
    CodeScope,
    Provenance,
    code_now,
    provenance_of,
    source_tree_of,
    tracked_code,
)
from steel_toes.records.record import Writer


@dataclass(frozen=True)
class Reference:
    """A commit, whose code is main's.

    Args:
        name: what it was called.
        commit: its id.
        project_path: the project's.
        code: as `SteelToes(code=...)` has it.
        locations: main's, of the catalog: where data lies there is no code.
    """

    name: str
    commit: str
    project_path: Path
    code: Sequence[str]
    locations: Sequence[str] = field(repr=False)

    @cached_property
    def blobs(self) -> Blobs:
        """Its code files.

        Raises:
            ConfigurationError: Git does not list them.
        """
        listing = self._list(self.commit)
        if listing is None:
            raise errors.ConfigurationError(reasons.NO_SUCH_COMMIT, setting="--code", value=self.name)
        return self._tracked(listing)

    @property
    def source_tree(self) -> str:
        """The digest of its code files."""
        return source_tree_of(self.blobs)

    def other_files(self) -> list[str]:
        """The code files in which the working tree differs, by their paths from its top; none if that is unknown."""
        listing = list_code(self.project_path, (), added_code(self.code))
        if listing is None:
            return []
        try:
            blobs = code_now(listing, self._scope(listing))
        except UnknowableError:
            return []
        paths = {*blobs, *self.blobs}
        return sorted(path for path in paths if blobs.get(path) != self.blobs.get(path))

    def prove(self, writer: Writer) -> Proof:
        """Whether it has the code of a writer of data."""
        provenance = self._provenance(writer)
        # Nothing is compared with what nobody knows.
        blobs = self.blobs if provenance.source_tree is not None else {}
        return prove(provenance, blobs)

    def _provenance(self, writer: Writer) -> Provenance:
        """What the code of a writer was; of its commit, where nothing else was recorded and that says all."""
        if writer.source_tree is not None:
            return Provenance(writer.source_tree, writer.edits)
        # With a file that differed, the commit is not what ran.
        if writer.commit is None or writer.dirty is not False:
            return UNKNOWN
        # A record of format 1, or of a container that was given its commit alone.
        listing = self._list(writer.commit, self.commit)
        if listing is None and fetch_commit(self.project_path, writer.commit):
            listing = self._list(writer.commit, self.commit)
        if listing is None:
            return UNKNOWN
        return provenance_of(listing, self._scope(listing))

    def _list(self, commit: str, other: str = "") -> CodeListing | None:
        return list_code_of(self.project_path, commit, added_code(self.code), other)

    def _tracked(self, listing: CodeListing) -> Blobs:
        return tracked_code(listing, self._scope(listing))

    def _scope(self, listing: CodeListing) -> CodeScope:
        return scope_of(listing, self.code, self.locations, str(self.project_path))


def find_reference(
    name: str | None, mains: Iterable[str], project_path: Path, code: Sequence[str], locations: Sequence[str]
) -> Reference:
    """The commit that main's data shall be of.

    Args:
        name: of it; None: `origin/<main>`, else `<main>`, else HEAD.
        mains: the names of main.
        project_path: the project's.
        code: as `SteelToes(code=...)` has it.
        locations: main's, of the catalog.

    Raises:
        ConfigurationError: there is no such commit.
    """
    names = [name] if name is not None else [*_refs_of(mains), "HEAD"]
    for candidate in names:
        commit = find_commit(project_path, candidate)
        if commit is not None:
            return Reference(candidate, commit, project_path, code, locations)
    raise errors.ConfigurationError(reasons.NO_SUCH_COMMIT, setting="--code", value=names[-1])


def _refs_of(mains: Iterable[str]) -> list[str]:
    names = sorted(mains)
    return [*(f"origin/{name}" for name in names), *names]
