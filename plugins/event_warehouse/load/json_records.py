"""Reads JSON lines: one object a line.

Values keep their text: a number arrives in `raw` digit by digit as it stood in the
file, and so does every value that goes to `attributes`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from event_warehouse.feeds import EventField, Feed
from event_warehouse.load.lines import OverlongLine
from event_warehouse.load.records import (
    BYTE_ORDER_MARK,
    OVERLONG,
    Batch,
    Records,
    RejectedLine,
    reject,
)

Object = dict[str, msgspec.Raw]
"""A JSON object whose values are not parsed further than to find their ends."""

_decode_object = msgspec.json.Decoder(Object).decode
_decode_string = msgspec.json.Decoder(str).decode

COLUMNS = ("load_id", "line_number", *EventField, "attributes")
NULL = "\\N"
# COPY's text format: https://www.postgresql.org/docs/18/sql-copy.html
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


@dataclass(frozen=True)
class Layout:
    """Where each event field comes from."""

    fields: tuple[Callable[[Object], str | None], ...]
    """One for each EventField, in its order: its value as text."""
    consumed: frozenset[str]
    """Top-level keys that are an event field whole, so no attribute."""


def read_json_lines(
    chunks: Iterator[bytes | OverlongLine], feed: Feed, *, load_id: int
) -> Records:
    """The file's objects; blank lines are no records."""
    return Records(COLUMNS, "text", _batches(chunks, _lay_out(feed), load_id))


def _lay_out(feed: Feed) -> Layout:
    sources, constants = feed.sources, feed.constants
    return Layout(
        fields=tuple(
            _constant(constants[field]) if field in constants else _path(sources[field])
            for field in EventField
        ),
        consumed=frozenset(path for path in sources.values() if "." not in path),
    )


def _constant(value: str) -> Callable[[Object], str | None]:
    return lambda _: value


def _path(path: str) -> Callable[[Object], str | None]:
    *parents, key = path.split(".")

    def read(record: Object) -> str | None:
        for parent in parents:
            raw = record.get(parent)
            if raw is None or bytes(raw)[:1] != b"{":
                return None
            record = _decode_object(raw)
        raw = record.get(key)
        return None if raw is None else _text(bytes(raw))

    return read


def _text(value: bytes) -> str | None:
    """A string without its quotes, null as None, anything else as it is written."""
    if value[:1] == b'"':
        return _decode_string(value)
    return None if value == b"null" else value.decode("utf-8")


def _batches(
    chunks: Iterator[bytes | OverlongLine], layout: Layout, load_id: int
) -> Iterator[Batch]:
    line_number = 1
    for chunk in chunks:
        if isinstance(chunk, OverlongLine):
            beginning, length = chunk.beginning, chunk.byte_count
            yield Batch(
                b"", 0, [RejectedLine(line_number, OVERLONG, beginning, length)]
            )
            line_number += 1
            continue
        if line_number == 1:
            chunk = chunk.removeprefix(BYTE_ORDER_MARK)
        lines = chunk.split(b"\n")
        lines.pop()
        yield _batch(lines, layout, load_id, line_number)
        line_number += len(lines)


def _batch(lines: list[bytes], layout: Layout, load_id: int, line_number: int) -> Batch:
    rows: list[str] = []
    rejected: list[RejectedLine] = []
    for number, line in enumerate(lines, line_number):
        if not line.strip():
            continue
        try:
            rows.append(_row(line, layout, load_id, number))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            rejected.append(reject(number, line, _reason(error)))
        except NulError as error:
            rejected.append(reject(number, line, str(error)))
    return Batch("".join(rows).encode("utf-8"), len(rows), rejected)


class NulError(Exception):
    """holds a NUL character"""


def _row(line: bytes, layout: Layout, load_id: int, line_number: int) -> str:
    line.decode("utf-8")  # The decoder does not look into values that it leaves raw.
    record = _decode_object(line)
    values = [read(record) for read in layout.fields]
    for key in layout.consumed:
        record.pop(key, None)
    attributes = msgspec.json.encode(record).decode("utf-8") if record else None
    texts = [
        NULL if value is None else value.translate(ESCAPES)
        for value in (*values, attributes)
    ]
    row = "\t".join([str(load_id), str(line_number), *texts])
    if "\0" in row:
        raise NulError(NulError.__doc__)
    return row + "\n"


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8"
    if isinstance(error, RecursionError):
        return "is JSON nested too deep"
    return f"is no JSON object: {error}"
