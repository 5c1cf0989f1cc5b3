"""Text as bytes, and its digest: the one way that names, records and identities are made of text."""

from __future__ import annotations

import hashlib


def encode(text: str) -> bytes:
    """The text in UTF-8.

    Git's names and a disk's are bytes, and those that are no UTF-8 arrive as text with surrogates in it, which pass.
    """
    return text.encode("utf-8", "surrogatepass")


def digest(text: str, characters: int) -> str:
    """The first hex digits of the text's SHA-256."""
    return hashlib.sha256(encode(text)).hexdigest()[:characters]
