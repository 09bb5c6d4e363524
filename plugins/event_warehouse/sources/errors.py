"""What can go wrong with a source or the connection to it."""

from event_warehouse.errors import FileError

REPLACED = "was replaced while it was read; the next run loads the new content"


class SourceUnavailable(FileError):
    """The source can't be reached or lets nobody in.

    Not one file's fault: whoever loads many does best to stop.
    """


class FileGone(FileError):
    """is gone since it was found"""


class FileChanged(FileError):
    """was changed while it was read; the next run loads it"""


class Interrupted(Exception):
    """An attempt failed in a way that may pass."""

    def __init__(
        self,
        reason: str,
        *,
        failure: type[FileError] = FileError,
        wait_seconds: float = 0.0,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.failure = failure
        """The exception to raise when retries run out."""
        self.wait_seconds = wait_seconds
        """How long the source asks to wait before the next attempt."""
