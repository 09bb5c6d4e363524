"""A file's bytes, as unpacked blocks or a seekable stream, and their hash."""

import hashlib
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from io import BufferedReader, FileIO, RawIOBase
from queue import Queue
from tempfile import TemporaryFile, gettempdir
from threading import Event, Thread
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from event_warehouse.errors import FileError
from event_warehouse.load.compression import BLOCK_BYTES, unpack
from event_warehouse.sources.source_file import SourceFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Item = TypeVar("Item")

QUEUED_BLOCKS = 16
MAX_SPOOLED_BYTES = 16 * 1024 * 1024 * 1024
"""The limit for a remote file that has to be copied here whole."""


class HashedBlocks:
    """The unpacked blocks of a file, in order, and then its hash.

    A separate thread reads, hashes and unpacks while the caller works. Iterating
    raises FileError if the file can't be read to its end or its compression is
    damaged, so a truncated file never passes for a whole one.
    """

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        self._tally = _Tally()

    @property
    def sha256(self) -> str:
        """Of the stored bytes, in hex; complete once all blocks are consumed."""
        return self._tally.sha256

    @property
    def byte_count(self) -> int:
        """The stored size of the file, once all blocks are consumed."""
        return self._tally.byte_count

    def __iter__(self) -> Iterator[bytes]:
        return beside(self._unpacked(), QUEUED_BLOCKS)

    def _unpacked(self) -> Generator[bytes]:
        with self._file.open() as source:
            stored = _Stored(source, self._tally, self._file.byte_count)
            yield from _in_blocks(unpack(BufferedReader(stored, BLOCK_BYTES)))


def hash_file(file: SourceFile) -> str:
    """SHA-256 of the file's bytes, in hex; raises FileError if it can't be read."""
    tally = _Tally()
    with file.open() as source:
        _read_to_end(_Stored(source, tally, file.byte_count))
    return tally.sha256


@dataclass(frozen=True)
class Spooled:
    """A whole file, seekable."""

    stream: BinaryIO
    sha256: str
    """Of the bytes as stored, in hex."""
    byte_count: int


@contextmanager
def spooled(
    file: SourceFile,
    *,
    limit: int = MAX_SPOOLED_BYTES,
    folder: str | None = None,
) -> Iterator[Spooled]:
    """The file as a seekable stream: itself if possible, else a temporary copy.

    Raises FileError if it can't be read to its end, changes before the context ends,
    or needs a copy that exceeds `limit` bytes or doesn't fit in the folder.
    """
    tally = _Tally()
    with ExitStack() as opened:
        source = opened.enter_context(file.open())
        stored = _Stored(source, tally, file.byte_count)
        if source.seekable():
            _read_to_end(stored)
            whole = source
        else:
            folder = folder or gettempdir()
            with _room_in(folder):
                whole = opened.enter_context(TemporaryFile(buffering=0, dir=folder))
            _copy(stored, whole, limit=limit, folder=folder)
        whole.seek(0)
        stream = BufferedReader(whole, BLOCK_BYTES)
        yield Spooled(stream, tally.sha256, tally.byte_count)


def beside(work: Generator[Item], waiting: int) -> Generator[Item]:
    """Yields the items of `work`, which runs in a background thread.

    It gets at most `waiting` items ahead. Whatever it raises is raised here.
    """
    queue: Queue[Item | None] = Queue(waiting)
    abandoned = Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            with closing(work):
                for item in work:
                    queue.put(item)
                    if abandoned.is_set():
                        break
        except BaseException as error:
            failures.append(error)
        finally:
            queue.put(None)

    thread = Thread(target=run, daemon=True)
    thread.start()
    try:
        while (item := queue.get()) is not None:
            yield item
    finally:
        abandoned.set()
        while thread.is_alive():
            while not queue.empty():
                queue.get_nowait()
            thread.join(0.01)
    if failures:
        raise failures[0]


def _in_blocks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces, with small ones joined to about a block."""
    gathered: list[bytes] = []
    size = 0
    for piece in pieces:
        if piece:
            gathered.append(piece)
            size += len(piece)
        if size >= BLOCK_BYTES:
            yield b"".join(gathered)
            gathered, size = [], 0
    if gathered:
        yield b"".join(gathered)


class _Tally:
    """The hash and the count of the bytes read so far."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.byte_count = 0

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def add(self, stored: memoryview) -> None:
        self._hash.update(stored)
        self.byte_count += len(stored)


class _Stored(RawIOBase):
    """A file's stored bytes, tallied as they are read.

    Fills each buffer completely, however short the source's reads are. Raises FileError
    at the end if the file doesn't have the size that the source announced.
    """

    def __init__(self, source: RawIOBase, tally: _Tally, expected: int | None) -> None:
        self._source = source
        self._tally = tally
        self._expected = expected

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(view):
            size = self._source.readinto(view[filled:])
            if size is None:
                raise FileError("was not ready to be read")
            if size == 0:
                break
            filled += size
        self._tally.add(view[:filled])
        if filled < len(view):
            self._check_end()
        return filled

    def _check_end(self) -> None:
        count = self._tally.byte_count
        if self._expected is not None and count != self._expected:
            raise FileError(
                f"ended after {count:,} bytes, where {self._expected:,} were announced"
            )


def _read_to_end(stored: _Stored) -> None:
    buffer = bytearray(BLOCK_BYTES)
    while stored.readinto(buffer):
        pass


def _copy(stored: _Stored, copy: FileIO, *, limit: int, folder: str) -> None:
    """Copies all stored bytes; raises FileError if there is no room."""
    buffer = memoryview(bytearray(BLOCK_BYTES))
    while size := stored.readinto(buffer):
        if copy.tell() + size > limit:
            raise FileError(
                f"is larger than {limit:,} bytes, the most that is copied here of a "
                "file that can't be read as it comes"
            )
        with _room_in(folder):
            _write(copy, buffer[:size])


@contextmanager
def _room_in(folder: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileError(
            f"found no room in {folder}, where it is copied to be read: "
            f"{error.strerror}"
        ) from error


def _write(copy: FileIO, block: memoryview) -> None:
    while block:
        block = block[copy.write(block) :]
