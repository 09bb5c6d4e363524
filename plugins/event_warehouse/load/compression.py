"""Unpacks gzip and zstd in bounded memory; truncated input is always an error."""

import zlib
from collections.abc import Iterator
from io import BufferedReader

import zstandard

from event_warehouse.errors import FileError

BLOCK_BYTES = 128 * 1024
"""About what the socket to Postgres buffers: Postgres parses one block while the next
is prepared here."""
PACKED_BYTES = 32 * 1024
"""Input per call of the decompressor, which copies the unconsumed rest each time."""
MAX_WINDOW_BYTES = 128 * 1024 * 1024
"""How far back a zstd frame may refer, all kept in memory; the default of `zstd -d`."""

GZIP_MAGIC = b"\x1f\x8b"
GZIP_WRAPPER = zlib.MAX_WBITS + 16
# https://www.rfc-editor.org/rfc/rfc8878#section-3.1
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ZSTD_SKIPPABLE_MAGIC = b"\x2a\x4d\x18"
"""The last three bytes; the first is 0x50 to 0x5f."""
ZSTD_BLOCK_HEADER_BYTES = 3
ZSTD_CHECKSUM_BYTES = 4
ZSTD_REPEATED_BYTE = 1
"""The type of a block that stores one byte and a repeat count."""


def unpack(stored: BufferedReader) -> Iterator[bytes]:
    """The unpacked bytes, in pieces of any size; the magic bytes decide the format."""
    magic = stored.peek(len(ZSTD_MAGIC))[: len(ZSTD_MAGIC)]
    if magic.startswith(GZIP_MAGIC):
        return _gunzipped(stored)
    if _is_zstd(magic):
        return _unzstd(stored)
    return iter(lambda: stored.read(BLOCK_BYTES), b"")


def _gunzipped(stored: BufferedReader) -> Iterator[bytes]:
    """Unpacks any number of members; zero padding may follow each."""
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
    """Unpacks any number of frames, block by block.

    On its own the decompressor neither bounds its output nor reports that the end of a
    frame is missing.
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
    """The bytes after the magic, see
    https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.1
    """
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
