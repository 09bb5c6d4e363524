"""Segments: files of JSON lines, each held by one process at a time.

`<time>-<process>-<random>.open` is being written by the process that has locked it;
`....jsonl` is complete, and sent by the process that has locked it. The operating
system releases a dead process's locks, so others can take what it left. Descriptors are
bare numbers: after a fork, the child has to close its copies without unlocking what its
parent holds.
"""

import fcntl
import os
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import uuid4

from event_warehouse.folders import sync_folder

OPEN: Final = ".open"
SEALED: Final = ".jsonl"
PRIVATE: Final = 0o600


@dataclass
class OpenSegment:
    """The segment that this process writes."""

    path: Path
    descriptor: int
    opened: float = field(default_factory=time.monotonic)
    event_count: int = 0
    byte_count: int = 0

    def write(self, lines: Sequence[bytes]) -> None:
        """Add all of the lines, or none; raises OSError."""
        content = b"".join(lines)
        try:
            write_all(self.descriptor, content)
        except BaseException:  # An interrupt must not leave half a line either.
            os.ftruncate(self.descriptor, self.byte_count)
            raise
        self.event_count += len(lines)
        self.byte_count += len(content)

    def seal(self, *, sync: bool) -> None:
        """Complete it for sending; with `sync` it survives a crash of the machine."""
        try:
            if sync:
                os.fsync(self.descriptor)
            if self.byte_count:
                self.path.rename(self.path.with_suffix(SEALED))
            else:
                self.path.unlink()
            if sync:
                sync_folder(self.path.parent)
        finally:
            os.close(self.descriptor)


@dataclass
class ClaimedSegment:
    """A complete segment that this process sends."""

    path: Path
    descriptor: int

    @property
    def byte_count(self) -> int:
        """The size of the file."""
        return os.fstat(self.descriptor).st_size

    def read(self) -> tuple[list[bytes], bool]:
        """Its lines, and whether one was cut off when its writer was killed."""
        with open(self.descriptor, "rb", closefd=False) as file:
            *lines, rest = file.read().split(b"\n")
        return [line + b"\n" for line in lines], bool(rest)

    def sync(self) -> None:
        """Make it survive a crash of the machine."""
        with suppress(OSError):
            os.fsync(self.descriptor)

    def finish(self) -> None:
        """Remove it, as all of it was sent."""
        try:
            _shorter(self.path).unlink(missing_ok=True)
            self.path.unlink(missing_ok=True)
        finally:
            os.close(self.descriptor)

    def release(self, rest: Sequence[bytes]) -> None:
        """Leave these of its lines to whoever sends next."""
        content = b"".join(rest)
        try:
            if self.byte_count != len(content):
                _replace(self.path, content)
        finally:
            os.close(self.descriptor)


def create_segment(folder: Path) -> OpenSegment:
    """A new segment, whose name sorts after those of all earlier ones."""
    while True:
        name = f"{time.time_ns():020d}-{os.getpid()}-{uuid4().hex[:8]}{OPEN}"
        path = folder / name
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))
        try:
            descriptor = lock(path)
        except OSError:
            path.unlink()
            raise
        # None if another process has just locked it, to adopt it as a dead one's.
        if descriptor is not None:
            return OpenSegment(path, descriptor)


def claim_segment(path: Path) -> ClaimedSegment | None:
    """The segment; None if another process holds it or has sent it."""
    descriptor = lock(path)
    return None if descriptor is None else ClaimedSegment(path, descriptor)


def adopt_segment(path: Path) -> None:
    """Complete a segment if the process that wrote it is dead."""
    if (descriptor := lock(path)) is not None:
        written = os.fstat(descriptor).st_size
        OpenSegment(path, descriptor, byte_count=written).seal(sync=False)


def lock(path: Path) -> int | None:
    """A descriptor that holds the file's lock; None if it is locked or gone."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
    except (FileNotFoundError, PermissionError):
        return None  # Another user's is not ours to send.
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(path, descriptor):
            return descriptor
    except BlockingIOError:
        pass
    except OSError:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _is_at(path: Path, descriptor: int) -> bool:
    """False if the file was renamed or removed between being opened and locked."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def close_inherited(descriptors: Iterable[int]) -> None:
    """Close a forked child's copies; the locks stay with the parent."""
    for descriptor in descriptors:
        with suppress(OSError):
            os.close(descriptor)


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of it, in as many calls as it takes; raises OSError."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _shorter(path: Path) -> Path:
    """The file that is to replace a segment; hidden until it does."""
    return path.with_name(f".{path.name}")


def _replace(path: Path, content: bytes) -> None:
    shorter = _shorter(path)
    descriptor = os.open(shorter, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
    try:
        write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    shorter.replace(path)
