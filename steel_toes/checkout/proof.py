"""Whether the code that made data is the code of a commit of main: by content, since a squashed merge keeps no commit.

It guards against mistakes, and not against malice: who may write records may write anything into them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from steel_toes.checkout.provenance import Blobs, Provenance, source_tree_of


class CodeVerdict(str, Enum):
    """What a commit's files say of the code that made data."""

    SAME = "same"
    """All code files are what they were."""
    CONTAINED = "contained"
    """Each file in which the code differed from main's is as it was; others are not."""
    OTHER = "other"
    """A file in which the code differed from main's is another now; or no edits are known, and the tree is another."""
    UNKNOWN = "unknown"
    """Nobody recorded what the code was."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What is proved of the code of one writer.

    Attributes:
        verdict: in one word.
        paths: with `OTHER`, the files that are not as the writer had them, from the top of the working tree.
    """

    verdict: CodeVerdict
    paths: Sequence[str] = ()

    @property
    def is_merged(self) -> bool:
        """Whether main has the code. `CONTAINED` proves no more than a forge's merge: others' changes are in, too."""
        return self.verdict in (CodeVerdict.SAME, CodeVerdict.CONTAINED)


def prove(provenance: Provenance, blobs: Blobs) -> Proof:
    """Compare what the code was with the files of a commit.

    Args:
        provenance: what the code was that made the data.
        blobs: the commit's code files.
    """
    if provenance.source_tree is None:
        return Proof(CodeVerdict.UNKNOWN)
    if provenance.source_tree == source_tree_of(blobs):
        return Proof(CodeVerdict.SAME)
    # Too many edits, or no common commit: then only the whole tree proves anything. No edits prove nothing.
    if not provenance.edits:
        return Proof(CodeVerdict.OTHER)
    other = tuple(sorted(path for path, blob in provenance.edits.items() if blobs.get(path) != blob))
    return Proof(CodeVerdict.OTHER, other) if other else Proof(CodeVerdict.CONTAINED)
