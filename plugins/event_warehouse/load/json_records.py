"""Reads JSON objects: one per line, concatenated, or in an array."""

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter

from event_warehouse.feeds import Feed
from event_warehouse.load.json_broken import BrokenPiece
from event_warehouse.load.json_objects import Found, split_objects
from event_warehouse.load.json_rows import JsonRows
from event_warehouse.load.lines import OverlongLine
from event_warehouse.load.records import (
    BYTE_ORDER_MARK,
    OVERLONG,
    Batch,
    Records,
    RejectedLine,
)


def read_json_lines(
    chunks: Iterator[bytes | OverlongLine], feed: Feed, *, load_id: int
) -> Records:
    """The objects of a file with one per line; blank lines are skipped."""
    rows = JsonRows(feed, load_id)
    batches = _batches_of_lines(chunks, rows)
    return Records(rows.columns, "text", batches, find_drift=rows.seen.find_drift)


def read_json(blocks: Iterable[bytes], feed: Feed, *, load_id: int) -> Records:
    """The objects of a file that are concatenated or elements of an array.

    Several may be on one line, so an object's line number is its position in the file,
    from 1.
    """
    rows = JsonRows(feed, load_id)
    found = split_objects(blocks, strip_nul=feed.strip_nul)
    batches = _batches_of_objects(found, rows)
    return Records(rows.columns, "text", batches, find_drift=rows.seen.find_drift)


def _batches_of_lines(
    chunks: Iterator[bytes | OverlongLine], rows: JsonRows
) -> Iterator[Batch]:
    line_number = 1
    for chunk in chunks:
        if isinstance(chunk, OverlongLine):
            yield Batch(b"", 0, [_reject_overlong(line_number, chunk)])
            line_number += 1
            continue
        if line_number == 1:
            chunk = chunk.removeprefix(BYTE_ORDER_MARK)
        lines = chunk.split(b"\n")
        lines.pop()
        numbers: Sequence[int] = range(line_number, line_number + len(lines))
        line_number += len(lines)
        if b"" in lines:
            numbers = [n for n, line in zip(numbers, lines, strict=True) if line]
            lines = [line for line in lines if line]
        yield rows.batch(numbers, lines)


def _reject_overlong(number: int, line: OverlongLine) -> RejectedLine:
    return RejectedLine(number, OVERLONG, line.beginning, line.byte_count)


def _batches_of_objects(
    found: Iterator[list[Found]], rows: JsonRows
) -> Iterator[Batch]:
    number = 1
    for values in found:
        numbered = list(enumerate(values, number))
        number += len(values)
        records = [(n, value) for n, value in numbered if isinstance(value, bytes)]
        batch = rows.batch([n for n, _ in records], [record for _, record in records])
        batch.rejected += [
            RejectedLine(n, value.reason, value.beginning, value.byte_count)
            for n, value in numbered
            if isinstance(value, BrokenPiece)
        ]
        batch.rejected.sort(key=attrgetter("line_number"))
        yield batch
