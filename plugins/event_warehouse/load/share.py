"""A share of the files that a run finds, for one of several loaders."""

from dataclasses import dataclass
from zlib import crc32


@dataclass(frozen=True)
class Share:
    """Which of the files: told by their names alone, so that no list is passed on.

    Every file is in one share, also one that arrives after the shares were dealt.
    """

    number: int
    """From 0."""
    of: int

    def has(self, uri: str) -> bool:
        """True if the file of this name is in the share."""
        return self.of == 1 or crc32(uri.encode()) % self.of == self.number


WHOLE = Share(0, 1)
