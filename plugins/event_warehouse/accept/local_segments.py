"""Segments as files in the landing folder.

Lines are appended to a hidden file, which loaders skip. Once it is old or large enough,
renaming it to a visible name publishes it. Its writer holds a lock on it, which
distinguishes files in use from those that a dead process left behind.
"""

import fcntl
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from stat import S_ISREG
from tempfile import TemporaryFile
from uuid import uuid4

from event_warehouse.accept.segment_names import landed_name, utc_now
from event_warehouse.accept.store import StoreError
from event_warehouse.folders import sync_folder

PREFIX, SUFFIX = ".segment-", ".jsonl.open"
CREATING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
# Doesn't follow a planted symlink or block on a FIFO.
RECOVERING = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
RETRY_SECONDS = 1.0
BLOCK_BYTES = 64 * 1024

logger = logging.getLogger(__name__)


@dataclass
class _Segment:
    path: Path
    descriptor: int
    opened_at: float
    byte_count: int = 0
    """The size of the durable lines."""
    is_damaged: bool = False
    """True if the file may contain more than the durable lines."""

    @property
    def is_removed(self) -> bool:
        return os.fstat(self.descriptor).st_nlink == 0


class LocalSegments:
    """A SegmentStore in a feed's folder, with one segment open at a time."""

    def __init__(
        self,
        folder: Path,
        *,
        max_seconds: float,
        max_bytes: int,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._folder = folder
        self._max_seconds = max_seconds
        self._max_bytes = max_bytes
        self._monotonic = monotonic
        self._now = now
        self._segment: _Segment | None = None
        self._not_before = 0.0

    def commit(self, lines: bytes) -> None:
        """Appends and syncs; after a StoreError none of the lines will be published."""
        try:
            _append(self._writable(), lines)
        except OSError as error:
            logger.error("%s: can't write a segment: %s", self._folder, error.strerror)
            raise StoreError(retry_after=5) from error

    def publish_due(self) -> float | None:
        """Publishes the open segment if it is old or large enough."""
        if self._segment is None:
            return None
        now = self._monotonic()
        due = self._segment.opened_at + self._max_seconds
        if self._segment.byte_count >= self._max_bytes:
            due = now
        if (wait := max(due, self._not_before) - now) > 0:
            return wait
        try:
            self._publish(self._segment)
        except OSError as error:
            self._not_before = now + RETRY_SECONDS
            logger.error(
                "%s: can't publish a segment: %s", self._folder, error.strerror
            )
            return RETRY_SECONDS
        return None

    def problem(self) -> str | None:
        """Found by writing, because permissions say nothing about a full disk."""
        try:
            with TemporaryFile(dir=self._folder, prefix=".health-") as probe:
                probe.write(b"ok")
                probe.flush()
        except OSError as error:
            return error.strerror or type(error).__name__
        return None

    def close(self) -> None:
        """Publishes the open segment; if that fails, the next start will."""
        if self._segment is None:
            return
        try:
            self._publish(self._segment)
        except OSError as error:
            os.close(self._segment.descriptor)
            self._segment = None
            logger.error(
                "%s: can't publish a segment; the next start will: %s",
                self._folder,
                error.strerror,
            )

    def _writable(self) -> _Segment:
        if self._segment and (self._segment.is_damaged or self._segment.is_removed):
            self._publish(self._segment)
        if self._segment is None:
            self._segment = _start(self._folder, self._monotonic())
        return self._segment

    def _publish(self, segment: _Segment) -> None:
        if segment.is_removed:
            logger.error("%s: was removed while it was written to", segment.path)
        else:
            if segment.is_damaged:
                _cut(segment)
            publish_file(segment.path, self._folder, segment.byte_count, self._now())
        os.close(segment.descriptor)
        self._segment = None


def _start(folder: Path, opened_at: float) -> _Segment:
    make_folder(folder)
    while True:
        path = folder / f"{PREFIX}{uuid4().hex}{SUFFIX}"
        descriptor = os.open(path, CREATING, 0o644)
        try:
            # A recovering process may have locked it first, taking it for left behind.
            if _lock(descriptor) and _is_at(path, descriptor):
                sync_folder(folder)
                return _Segment(path, descriptor, opened_at)
        except OSError:
            with suppress(OSError):
                path.unlink()
            os.close(descriptor)
            raise
        os.close(descriptor)


def _append(segment: _Segment, lines: bytes) -> None:
    segment.is_damaged = True
    try:
        rest = memoryview(lines)
        while rest:
            rest = rest[os.write(segment.descriptor, rest) :]
        os.fsync(segment.descriptor)
    except OSError:
        # At once, or a crash could leave lines that the client was told were refused.
        with suppress(OSError):
            _cut(segment)
        raise
    segment.byte_count += len(lines)
    segment.is_damaged = False


def _cut(segment: _Segment) -> None:
    os.ftruncate(segment.descriptor, segment.byte_count)
    os.fsync(segment.descriptor)


def publish_file(path: Path, folder: Path, byte_count: int, now: datetime) -> None:
    """Renames a hidden segment to its visible name; removes it if it is empty.

    The name and folder have the time of publishing, so that no file appears late in a
    past hour.
    """
    if byte_count == 0:
        path.unlink()
        return
    segment_id = path.name.removeprefix(PREFIX).removesuffix(SUFFIX)
    visible = folder / landed_name(segment_id, now)
    visible.parent.mkdir(parents=True, exist_ok=True)
    path.rename(visible)
    try:
        for parent in [*visible.parents][:5]:
            sync_folder(parent)
    except OSError as error:
        # After a crash it has one name or the other, and is found by either.
        logger.error("%s: can't sync its folders: %s", visible, error.strerror)


def recover_segments(folder: Path, *, now: datetime) -> int:
    """Publishes the segments that a dead process left behind; returns how many.

    An incomplete last line was never acknowledged and is cut off. Segments that another
    process is writing are left alone.
    """
    recovered = 0
    for path in sorted(folder.glob(f"{PREFIX}*{SUFFIX}")):
        try:
            recovered += _recover(path, folder, now)
        except OSError as error:
            logger.error("%s: can't recover it: %s", path, error.strerror)
    if recovered:
        logger.info("%s: recovered %d segments", folder, recovered)
    return recovered


def _recover(path: Path, folder: Path, now: datetime) -> bool:
    try:
        descriptor = os.open(path, RECOVERING)
    except FileNotFoundError:
        return False
    try:
        is_regular = S_ISREG(os.fstat(descriptor).st_mode)
        if not (is_regular and _lock(descriptor) and _is_at(path, descriptor)):
            return False
        byte_count = _end_of_last_line(descriptor)
        os.ftruncate(descriptor, byte_count)
        os.fsync(descriptor)
        publish_file(path, folder, byte_count, now)
        return byte_count > 0
    finally:
        os.close(descriptor)


def _end_of_last_line(descriptor: int) -> int:
    end = os.fstat(descriptor).st_size
    while end > 0:
        start = max(0, end - BLOCK_BYTES)
        line_end = os.pread(descriptor, end - start, start).rfind(b"\n")
        if line_end >= 0:
            return start + line_end + 1
        end = start
    return 0


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    """True if the open file still has that name."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def make_folder(folder: Path) -> None:
    """Creates the folder and syncs its parents; raises OSError if that fails."""
    missing = [place for place in [folder, *folder.parents] if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for place in missing:
        sync_folder(place.parent)
