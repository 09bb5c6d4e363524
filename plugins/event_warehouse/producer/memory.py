"""Holds events for the instant between `track` and the spool."""

from collections import deque
from queue import SimpleQueue
from threading import RLock
from typing import Final

MEMORY_BYTES: Final = 16 * 1024 * 1024


class Memory:
    """Lines in the order they were tracked, of bounded size.

    Its lock is never held for longer than an append takes. The lock and the bell are
    reentrant, as a signal handler may track events, too.
    """

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque()
        self._size = 0
        self._lock = RLock()
        self._bell: SimpleQueue[None] = SimpleQueue()

    def put(self, line: bytes) -> bool:
        """Add a line; False if there is no room."""
        with self._lock:
            if self._size + len(line) > MEMORY_BYTES:
                return False
            is_first = not self._lines
            self._lines.append(line)
            self._size += len(line)
        if is_first:
            self.ring()
        return True

    def take(self) -> deque[bytes]:
        """Remove all lines and return them."""
        with self._lock:
            lines, self._lines, self._size = self._lines, deque(), 0
        return lines

    def give_back(self, lines: deque[bytes]) -> None:
        """Put lines back before those that came since, even if there is no room."""
        with self._lock:
            self._size += sum(map(len, lines))
            lines.extend(self._lines)
            self._lines = lines

    def __len__(self) -> int:
        return len(self._lines)

    def wait(self) -> None:
        """Block until the first line is put in, or somebody rings."""
        self._bell.get()

    def ring(self) -> None:
        """End the wait."""
        self._bell.put(None)
