"""The interface of files from any source: a name, a version and bytes."""

from contextlib import AbstractContextManager
from io import RawIOBase
from typing import Protocol


class SourceFile(Protocol):
    """A file in the version that was found."""

    @property
    def uri(self) -> str:
        """The name in `raw.loads`."""

    @property
    def byte_count(self) -> int | None:
        """The stored size of the file; None if the source doesn't report it."""

    @property
    def modified(self) -> float:
        """The time of the last change, in seconds since 1970."""

    @property
    def version(self) -> str | None:
        """Changes whenever the content does; None if the source reports no version."""

    def open(self) -> AbstractContextManager[RawIOBase]:
        """The stored bytes of this version.

        Raises FileError, at once or during reading, if the file can't be read to its
        end or is replaced in the meantime.
        """
