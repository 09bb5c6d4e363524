"""What every source gives: files, each with a name, a version and its bytes."""

from contextlib import AbstractContextManager
from io import RawIOBase
from typing import Protocol


class SourceFile(Protocol):
    """A file as it was found."""

    @property
    def uri(self) -> str:
        """What `raw.loads` calls it."""

    @property
    def byte_count(self) -> int | None:
        """Of the file as it is stored; None if the source does not say."""

    @property
    def modified(self) -> float:
        """When it was last changed, in seconds since 1970."""

    @property
    def version(self) -> str | None:
        """What changes whenever the content does; None if nothing tells."""

    def open(self) -> AbstractContextManager[RawIOBase]:
        """Its bytes as they are stored, from the first, all of this version.

        Raises FileError, at once or while it is read, if it can't be read to its end or
        is exchanged meanwhile.
        """
