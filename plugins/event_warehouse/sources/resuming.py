"""Reads remote files to the last byte, resuming where a connection breaks."""

import logging
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import RawIOBase
from typing import TYPE_CHECKING, TypeVar

from event_warehouse.errors import FileError
from event_warehouse.sources.errors import Interrupted

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

T = TypeVar("T")

PROGRESS_BYTES = 64 * 1024
"""Fewer bytes between two failures don't count as progress. Otherwise a source that
breaks after each byte would get as many requests as the file has bytes."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Backoff:
    """How often and how soon a failed attempt is retried."""

    attempts: int = 5
    """Attempts in a row; after the last one the failure is final."""
    first_seconds: float = 0.2
    longest_seconds: float = 20.0

    def pause(self, failures: int, *, at_least: float = 0.0) -> None:
        """Waits before the next attempt: exponential backoff, factor four, with jitter.

        The jitter keeps many readers of a failing source from retrying all at once.
        """
        longest = min(self.first_seconds * 4 ** (failures - 1), self.longest_seconds)
        asked = min(at_least, self.longest_seconds)
        time.sleep(max(longest * random.uniform(0.5, 1.0), asked))


def retry(attempt: Callable[[], T], backoff: Backoff, *, name: str) -> T:
    """The attempt's result, retried while it raises Interrupted.

    Raises the last failure when the attempts are used up.
    """
    failures = 0
    while True:
        try:
            return attempt()
        except Interrupted as error:
            failures += 1
            if failures >= backoff.attempts:
                raise error.failure(f"{name}: {_given_up(error, backoff)}") from error
            logger.warning("%s: %s; trying again", name, error.reason)
            backoff.pause(failures, at_least=error.wait_seconds)


def _given_up(error: Interrupted, backoff: Backoff) -> str:
    return f"{error.reason} ({backoff.attempts} times in a row)"


@dataclass(frozen=True)
class Body:
    """The bytes of a file from some offset on."""

    chunks: Iterator[bytes]
    """Raises Interrupted if the connection breaks, FileError if a retry can't help."""
    close: Callable[[], None]
    byte_count: int | None
    """The size of the whole file; None if the chunks are sure to end where it does."""


class ResumingStream(RawIOBase):
    """The bytes of a file that is read in one or more parts.

    Reading raises FileError if the file can't be read to its end, and anything that
    `open_at` raises except Interrupted. The first read opens the first part.
    """

    def __init__(
        self, open_at: Callable[[int], Body], *, name: str, backoff: Backoff
    ) -> None:
        self._open_at = open_at
        self._name = name
        self._backoff = backoff
        self._body: Body | None = None
        self._waiting = memoryview(b"")
        self._position = 0
        self._is_at_end = False
        self._failures = 0
        self._counted_from = 0

    def readable(self) -> bool:
        """Always True."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fills the buffer and returns the number of bytes; 0 only at the end."""
        if self.closed:
            raise ValueError("read from a stream that is closed")
        while not self._waiting and not self._is_at_end:
            self._waiting = memoryview(self._next_chunk())
        target = memoryview(buffer).cast("B")
        size = min(len(target), len(self._waiting))
        target[:size] = self._waiting[:size]
        self._waiting = self._waiting[size:]
        return size

    def close(self) -> None:
        """Closes the connection."""
        self._close_body()
        super().close()

    def _next_chunk(self) -> bytes:
        """The next bytes; empty at the end, or after a failure that may pass."""
        try:
            if self._body is None:
                self._body = self._open_at(self._position)
            chunk = next(self._body.chunks, None)
            if chunk is None:
                self._end(self._body)
                return b""
        except Interrupted as error:
            self._fail(error)
            return b""
        self._position += len(chunk)
        total = self._body.byte_count
        if total is not None and self._position > total:
            raise FileError(f"has more than the {total:,} bytes that it should have")
        return chunk

    def _end(self, body: Body) -> None:
        if body.byte_count is not None and self._position < body.byte_count:
            raise Interrupted("its bytes ended too soon")
        self._is_at_end = True
        self._close_body()

    def _fail(self, error: Interrupted) -> None:
        """Waits for the next attempt; raises the failure if that was the last one."""
        total = self._body.byte_count if self._body else None
        self._close_body()
        if total is not None and self._position == total:
            # All bytes have arrived; only closing the connection failed.
            self._is_at_end = True
            return
        if self._position - self._counted_from >= PROGRESS_BYTES:
            self._counted_from, self._failures = self._position, 0
        self._failures += 1
        place = f"at byte {self._position:,}"
        if self._failures >= self._backoff.attempts:
            raise error.failure(
                f"{_given_up(error, self._backoff)}, {place}"
            ) from error
        logger.warning("%s: %s %s; going on", self._name, error.reason, place)
        self._backoff.pause(self._failures, at_least=error.wait_seconds)

    def _close_body(self) -> None:
        body, self._body = self._body, None
        if body:
            body.close()
