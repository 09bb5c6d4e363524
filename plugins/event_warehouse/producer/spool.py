"""The spool: a folder of segments, of bounded size, that processes may share.

Not thread-safe: the outbox lets one thread in at a time.
"""

import errno
import os
import stat
import time
from collections import deque
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final

from event_warehouse.producer.destinations import Limits
from event_warehouse.producer.segments import (
    OPEN,
    SEALED,
    ClaimedSegment,
    OpenSegment,
    adopt_segment,
    claim_segment,
    close_inherited,
    create_segment,
)

MEASURE_SECONDS: Final = 1.0


class Spool:
    """Writes one segment, and claims one, at a time."""

    def __init__(
        self, folder: Path, most_bytes: int, limits: Limits, *, scan_seconds: float
    ) -> None:
        self.folder = folder
        self._most_bytes = most_bytes
        self._limits = limits
        self._scan_seconds = scan_seconds
        self._open: OpenSegment | None = None
        self._claimed: ClaimedSegment | None = None
        self._listed: deque[Path] = deque()
        self._uncleared: set[Path] = set()
        self._scan_due = 0.0
        self._size = 0
        self._measure_due = 0.0

    def append(self, lines: deque[bytes], *, sync: bool) -> None:
        """Move the lines into segments; with `sync`, completed ones survive a crash.

        Raises OSError if some can't be stored, also for lack of room; these are still
        in `lines`.
        """
        while lines:
            segment = self._segment_for(lines[0], sync=sync)
            count, size = self._fitting(lines, segment, self._room_for(lines[0]))
            segment.write(list(islice(lines, count)))
            self._size += size
            for _ in range(count):
                lines.popleft()

    def _segment_for(self, line: bytes, *, sync: bool) -> OpenSegment:
        segment = self._open
        if segment and not self._fits(segment.event_count, segment.byte_count, line):
            self.seal(sync=sync)
        if self._open is None:
            make_private(self.folder)
            self._open = create_segment(self.folder)
        return self._open

    def _fitting(
        self, lines: deque[bytes], segment: OpenSegment, room: int
    ) -> tuple[int, int]:
        """How many of the lines fit into the segment and the spool, and their bytes."""
        count, size = 0, 0
        for line in lines:
            if size + len(line) > room or not self._fits(
                segment.event_count + count, segment.byte_count + size, line
            ):
                break
            count, size = count + 1, size + len(line)
        return count, size

    def _fits(self, count: int, size: int, line: bytes) -> bool:
        limits = self._limits
        return count == 0 or (
            count < limits.events and size + len(line) <= limits.byte_count
        )

    def _room_for(self, line: bytes) -> int:
        """How many bytes the spool may grow; raises OSError if that is too few."""
        now = time.monotonic()
        # Other processes add and remove files, too, so the size has to be measured.
        if now >= self._measure_due:
            self._size = measure(self.folder)
            self._measure_due = now + MEASURE_SECONDS
        room = self._most_bytes - self._size
        if len(line) > room:
            limit = f"the spool has its {self._most_bytes} bytes"
            raise OSError(errno.EDQUOT, limit)
        return room

    def seal(self, *, sync: bool) -> None:
        """Complete the open segment, if there is one, for whoever sends it."""
        if self._open is not None:
            segment, self._open = self._open, None
            segment.seal(sync=sync)

    def seconds_until_due(self) -> float | None:
        """Seconds until the open segment is old enough to send; None without one."""
        if self._open is None:
            return None
        age = time.monotonic() - self._open.opened
        return max(self._limits.seconds - age, 0.0)

    def claim(self) -> ClaimedSegment | None:
        """The oldest segment that no process holds; the open one if that is due."""
        found = self._claim_listed() or self._claim_new()
        if found is None and self.seconds_until_due() == 0.0:
            self.seal(sync=False)
            found = self._claim_new()
        self._claimed = found
        return found

    def _claim_new(self) -> ClaimedSegment | None:
        if time.monotonic() >= self._scan_due:
            self.adopt()
            self._scan_due = time.monotonic() + self._scan_seconds
        self._listed = deque(self.waiting())
        return self._claim_listed()

    def _claim_listed(self) -> ClaimedSegment | None:
        while self._listed:
            path = self._listed.popleft()
            if path not in self._uncleared and (claimed := claim_segment(path)):
                return claimed
        return None

    def read(self, claimed: ClaimedSegment) -> tuple[list[bytes], bool]:
        """Its lines, and whether one was cut off; on OSError the claim is given up."""
        try:
            return claimed.read()
        except OSError:
            self._claimed = None
            os.close(claimed.descriptor)
            raise

    def settle(self, claimed: ClaimedSegment, rest: list[bytes]) -> None:
        """Remove the segment, or leave this rest of it to whoever sends next.

        Raises OSError.
        """
        self._claimed = None
        if rest:
            claimed.release(rest)
            return
        self._size -= claimed.byte_count
        try:
            claimed.finish()
        except OSError:
            # Else it would be sent over and over.
            self._uncleared.add(claimed.path)
            raise

    def adopt(self) -> None:
        """Complete what dead processes left open."""
        for path in _find(self.folder, OPEN):
            with suppress(OSError):
                adopt_segment(path)

    def waiting(self) -> list[Path]:
        """The complete segments, oldest first."""
        return _find(self.folder, SEALED)

    def abandon(self) -> None:
        """In a forked child, let go of what belongs to the parent."""
        held = [segment for segment in (self._open, self._claimed) if segment]
        close_inherited(segment.descriptor for segment in held)
        self._open = self._claimed = None


def make_private(folder: Path) -> None:
    """Create the folder if needed; raises OSError, also if any user may write to it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & stat.S_IWOTH:
        raise OSError(errno.EPERM, "every user may write to the folder")


def _find(folder: Path, suffix: str) -> list[Path]:
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [
        folder / name
        for name in sorted(names)
        if name.endswith(suffix) and not name.startswith(".")
    ]


def measure(folder: Path) -> int:
    """The bytes of the folder's files, without its subfolders'."""
    size = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # Another process has just sent it.
            size += status.st_size if stat.S_ISREG(status.st_mode) else 0
    return size
