"""Divides the files of a run among several loaders."""

from dataclasses import dataclass
from zlib import crc32


@dataclass(frozen=True)
class Share:
    """One loader's part of the files, by a hash of their names: no list is passed on.

    Every file is in exactly one share, even one that arrives after the plan was made.
    """

    number: int
    """From 0."""
    of: int

    def has(self, uri: str) -> bool:
        """True if the file of this name is in the share."""
        return self.of == 1 or crc32(uri.encode()) % self.of == self.number


WHOLE = Share(0, 1)
