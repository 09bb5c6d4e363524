"""Splits a stream of blocks at line ends, in bounded memory."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from event_warehouse.load.records import KEPT_BYTES, MAX_RECORD_BYTES


@dataclass(frozen=True)
class OverlongLine:
    """A line over the limit: its beginning and its length."""

    beginning: bytes
    byte_count: int


def split_at_lines(
    blocks: Iterable[bytes], limit: int = MAX_RECORD_BYTES
) -> Iterator[bytes | OverlongLine]:
    """Chunks of whole lines, each line ending in a newline (the last one too).

    A line of more than `limit` bytes is replaced with an OverlongLine.
    """
    begun: list[bytes] = []
    begun_bytes = 0
    for block in blocks:
        end = block.rfind(b"\n") + 1
        if end == 0:
            begun_bytes += len(block)
            if begun_bytes <= limit:
                begun.append(block)
            continue
        if begun_bytes:
            first_end = block.find(b"\n") + 1
            yield _line(begun, begun_bytes, block[:first_end], limit)
            begun, begun_bytes = [], 0
            block, end = block[first_end:], end - first_end
        if end:
            yield block[:end]
        if rest := block[end:]:
            begun, begun_bytes = [rest], len(rest)
    if begun_bytes:
        yield _line(begun, begun_bytes, b"\n", limit)


def _line(
    begun: list[bytes], begun_bytes: int, ending: bytes, limit: int
) -> bytes | OverlongLine:
    byte_count = begun_bytes + len(ending) - 1
    if byte_count <= limit:
        return b"".join([*begun, ending])
    return OverlongLine(b"".join(begun)[:KEPT_BYTES], byte_count)
