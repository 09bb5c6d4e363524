"""The bytes of a source's file: in unpacked blocks or to seek in, and their hash."""

import hashlib
import zlib
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from io import BufferedReader, FileIO, RawIOBase
from queue import Queue
from tempfile import TemporaryFile, gettempdir
from threading import Event, Thread
from typing import TYPE_CHECKING, BinaryIO, TypeVar

import zstandard

from event_warehouse.errors import FileError
from event_warehouse.sources.source_file import SourceFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Item = TypeVar("Item")

BLOCK_BYTES = 128 * 1024
"""About what the socket to Postgres buffers: while one block is prepared here, Postgres
has the one before to parse."""
QUEUED_BLOCKS = 16
PACKED_BYTES = 32 * 1024
"""What inflating gets at a time: what it leaves of it is copied after every block."""
MAX_WINDOW_BYTES = 128 * 1024 * 1024
"""How far back a zstd frame may refer, all of it in memory; `zstd -d` has the same."""
MAX_SPOOLED_BYTES = 16 * 1024 * 1024 * 1024
"""Of a file that has to be here as a whole and comes from elsewhere."""

GZIP_MAGIC = b"\x1f\x8b"
GZIP_WRAPPER = zlib.MAX_WBITS + 16
# https://www.rfc-editor.org/rfc/rfc8878#section-3.1
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ZSTD_SKIPPABLE_MAGIC = b"\x2a\x4d\x18"
"""The last three bytes; the first is 0x50 to 0x5f."""
ZSTD_BLOCK_HEADER_BYTES = 3
ZSTD_CHECKSUM_BYTES = 4
ZSTD_REPEATED_BYTE = 1
"""The type of a block that holds one byte, to be repeated."""


class HashedBlocks:
    """The blocks of a file, unpacked, in order; afterwards its hash.

    Reading, hashing and unpacking run in a thread of their own, beside the caller's
    work. Raises FileError, in place of a block, if the file can't be read to its end
    or its compression is damaged: never a silent prefix.
    """

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        self._tally = _Tally()

    @property
    def sha256(self) -> str:
        """Of the bytes as stored, in hex; of the whole file once all are taken."""
        return self._tally.sha256

    @property
    def byte_count(self) -> int:
        """Of the file as stored, once all blocks are taken."""
        return self._tally.byte_count

    def __iter__(self) -> Iterator[bytes]:
        return beside(self._unpacked(), QUEUED_BLOCKS)

    def _unpacked(self) -> Generator[bytes]:
        with self._file.open() as source:
            stored = _Stored(source, self._tally, self._file.byte_count)
            yield from _in_blocks(_unpack(BufferedReader(stored, BLOCK_BYTES)))


def hash_file(file: SourceFile) -> str:
    """SHA-256 of the file's bytes, in hex; raises FileError if it can't be read."""
    tally = _Tally()
    with file.open() as source:
        _read_to_end(_Stored(source, tally, file.byte_count))
    return tally.sha256


@dataclass(frozen=True)
class Spooled:
    """A whole file that can be sought in."""

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
    """The file as one that can be sought in: itself, or else a copy for the while.

    Raises FileError if it can't be read to its end, is changed before the context ends,
    or is to be copied and has more than `limit` bytes or finds no room in the folder.
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
    """What `work` yields, while it runs in a thread of its own beside the caller's.

    It is at most `waiting` items ahead. Whatever it raises is raised here.
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


# As it is stored ------------------------------------------------------------------


class _Tally:
    """The hash and the number of the bytes that were read."""

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
    """A file as it is stored, tallied as it is read.

    Fills what it is given to fill, whatever portions the source gives. Raises FileError
    at the end if that is not where the source said it would be.
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
    """All that is stored, to the copy; raises FileError if it has no room."""
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


# Unpacked -------------------------------------------------------------------------


def _unpack(stored: BufferedReader) -> Iterator[bytes]:
    """The unpacked bytes in pieces of any size; by its magic, never by its name."""
    magic = stored.peek(len(ZSTD_MAGIC))[: len(ZSTD_MAGIC)]
    if magic.startswith(GZIP_MAGIC):
        return _gunzipped(stored)
    if _is_zstd(magic):
        return _unzstd(stored)
    return iter(lambda: stored.read(BLOCK_BYTES), b"")


def _in_blocks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces, small ones put together to about a block."""
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


def _gunzipped(stored: BufferedReader) -> Iterator[bytes]:
    """Of any number of members; zeros may follow each."""
    try:
        packed = stored.read(PACKED_BYTES)
        while packed:
            member = zlib.decompressobj(GZIP_WRAPPER)
            while not member.eof:
                piece = member.decompress(packed, BLOCK_BYTES)
                if not piece and not packed:
                    raise EOFError("its end is missing")
                yield piece
                if not member.eof:
                    packed = member.unconsumed_tail or stored.read(PACKED_BYTES)
            packed = member.unused_data.lstrip(b"\0")
            while not packed and (more := stored.read(PACKED_BYTES)):
                packed = more.lstrip(b"\0")
    except (EOFError, zlib.error) as error:
        raise FileError(
            f"its gzip compression is damaged or cut off ({error})"
        ) from error


def _unzstd(stored: BufferedReader) -> Iterator[bytes]:
    """Of any number of frames, block by block.

    The decompressor itself neither bounds what it returns for its input nor tells that
    the end of a frame is missing.
    """
    decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
    try:
        while magic := stored.read(len(ZSTD_MAGIC)):
            if magic == ZSTD_MAGIC:
                yield from _frame(stored, decompressor)
            elif _is_zstd(magic):
                _skip(stored, int.from_bytes(_exactly(stored, 4), "little"))
            else:
                raise EOFError("no frame follows the one before")
    except (EOFError, zstandard.ZstdError) as error:
        raise FileError(
            f"its zstd compression is damaged or cut off ({error})"
        ) from error


def _is_zstd(magic: bytes) -> bool:
    is_skippable = magic[1:] == ZSTD_SKIPPABLE_MAGIC and magic[0] >> 4 == 5
    return magic == ZSTD_MAGIC or is_skippable


def _frame(
    stored: BufferedReader, decompressor: zstandard.ZstdDecompressor
) -> Iterator[bytes]:
    header = ZSTD_MAGIC + _frame_header(stored)
    parameters = zstandard.get_frame_parameters(header)
    if parameters.window_size > MAX_WINDOW_BYTES:
        raise FileError(
            f"its zstd compression needs a window of {parameters.window_size:,} bytes, "
            f"more than {MAX_WINDOW_BYTES:,}; compress it with a shorter one "
            "(zstd --long=27 at most)"
        )
    frame = decompressor.decompressobj()
    yield frame.decompress(header)
    is_last = False
    while not is_last:
        begun = _exactly(stored, ZSTD_BLOCK_HEADER_BYTES)
        bits = int.from_bytes(begun, "little")
        is_last, kind, size = bool(bits & 1), bits >> 1 & 3, bits >> 3
        content = _exactly(stored, 1 if kind == ZSTD_REPEATED_BYTE else size)
        yield frame.decompress(begun + content)
    if parameters.has_checksum:
        yield frame.decompress(_exactly(stored, ZSTD_CHECKSUM_BYTES))
    if not frame.eof:
        raise EOFError("a frame does not end where its last block does")


def _frame_header(stored: BufferedReader) -> bytes:
    """What follows the magic, https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.1"""
    descriptor = _exactly(stored, 1)
    flags = descriptor[0]
    is_single_segment = bool(flags & 0x20)
    window = 0 if is_single_segment else 1
    dictionary = (0, 1, 2, 4)[flags & 3]
    content_size = (1 if is_single_segment else 0, 2, 4, 8)[flags >> 6]
    return descriptor + _exactly(stored, window + dictionary + content_size)


def _exactly(stored: BufferedReader, size: int) -> bytes:
    content = stored.read(size)
    if len(content) < size:
        raise EOFError("its end is missing")
    return content


def _skip(stored: BufferedReader, size: int) -> None:
    while size:
        size -= len(_exactly(stored, min(size, BLOCK_BYTES)))
