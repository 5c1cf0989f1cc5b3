"""What is known of entries that join a catalog after it was surveyed: they know the others, and the others not them."""

from __future__ import annotations

from dataclasses import dataclass, field

from steel_toes.naming.location import normalise
from steel_toes.naming.nesting import outermost_directory
from steel_toes.redaction import redacted_repr


@redacted_repr
@dataclass
class LateEntries:
    """The late entries of one catalog, as they are built: where they have their data, and what they list.

    Args:
        locations: main's, normalised.
        directories: those that only late entries list.
    """

    locations: set[str] = field(default_factory=set)
    directories: set[str] = field(default_factory=set)

    def add(self, location: str) -> None:
        """Note the location of a late entry."""
        self.locations.add(normalise(location))

    def knows(self, location: str) -> bool:
        """Whether a late entry has this location."""
        return normalise(location) in self.locations

    def add_directory(self, directory: str) -> None:
        """Note a directory that a late entry lists."""
        self.directories.add(normalise(directory))

    def inside(self, directory: str) -> list[str]:
        """The locations of late entries inside a directory."""
        start = normalise(directory).removesuffix("/") + "/"
        # Copied at once: another thread may add one.
        return sorted(location for location in list(self.locations) if location.startswith(start))

    def directory_around(self, location: str) -> str | None:
        """The outermost directory of late entries that contains a location."""
        if not self.directories:
            return None
        return outermost_directory(location, list(self.directories))
