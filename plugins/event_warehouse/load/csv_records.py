"""Reads CSV: header by name, columns in any order, quoting as RFC 4180 has it.

An empty field is null, quoted or not. Most chunks of most files hold no quote, and only
lines of the right number of fields: those go to COPY as they are, with the lineage put
before each line, and Postgres parses them. Every other chunk is parsed here.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count, islice, repeat
from operator import itemgetter

import msgspec

from event_warehouse.errors import FileError
from event_warehouse.feeds import EventField, Feed
from event_warehouse.load.lines import OverlongLine
from event_warehouse.load.records import (
    BYTE_ORDER_MARK,
    MAX_RECORD_BYTES,
    OVERLONG,
    Batch,
    Records,
    RejectedLine,
    reject,
)

MAX_OPEN_BYTES = 1024 * 1024
"""How far a quoted field may run over line ends before its quote is taken for wrong."""
UNCLOSED = "opens a quote that is never closed"

csv.field_size_limit(MAX_RECORD_BYTES)


@dataclass(frozen=True)
class Layout:
    """Where each column of the input goes."""

    delimiter: str
    column_count: int
    fields: tuple[tuple[EventField, int], ...]
    """The event fields that the input has, each with its column's position."""
    attributes: tuple[tuple[str, int], ...]
    """The other columns' names and positions."""
    constants: tuple[tuple[EventField, str], ...]

    @property
    def passes_through(self) -> bool:
        """True if each input column is an event field: a line is a row as it is."""
        is_one_to_one = len(self.fields) == self.column_count and not self.attributes
        return is_one_to_one and self.delimiter == ","

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of `raw.events_raw`, in the order of the rows made here."""
        return (
            "load_id",
            "line_number",
            *(field for field, _ in self.constants),
            *(field for field, _ in self.fields),
            *(("attributes",) if self.attributes else ()),
        )


def read_csv(
    chunks: Iterator[bytes | OverlongLine], feed: Feed, *, load_id: int
) -> Records:
    """The records below the header; raises FileError if it is not this feed's."""
    header = next(chunks, b"")
    if isinstance(header, OverlongLine):
        raise FileError(f"line 1, the header, {OVERLONG}")
    header, _, rest = header.removeprefix(BYTE_ORDER_MARK).partition(b"\n")
    layout = lay_out(header, feed)
    chunks = chain([rest] if rest else [], chunks)
    return Records(layout.columns, "csv", _batches(chunks, layout, load_id))


def lay_out(header: bytes, feed: Feed) -> Layout:
    """Where the header's columns go; raises FileError if it is not this feed's."""
    try:
        text = header.decode("utf-8").rstrip("\r")
        names = next(csv.reader([text], delimiter=feed.delimiter, strict=True), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"line 1 is no CSV header: {error}") from error
    names = [name.strip() for name in names]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise FileError(
            f"line 1, the header, names {', '.join(map(repr, twice))} twice"
        )
    if feed.event_time_source not in (None, *names):
        raise FileError(
            f"line 1, the header, has no column {feed.event_time_source!r}, the event "
            f"time of feed {feed.name}; it has {', '.join(map(repr, names[:20]))}"
        )
    positions = {name: position for position, name in enumerate(names)}
    fields = [
        (field, positions[source])
        for field, source in feed.sources.items()
        if source in positions
    ]
    taken = {position for _, position in fields}
    return Layout(
        delimiter=feed.delimiter,
        column_count=len(names),
        fields=tuple(sorted(fields, key=itemgetter(1))),
        attributes=tuple((n, i) for n, i in positions.items() if i not in taken),
        constants=tuple(feed.constants.items()),
    )


def _batches(
    chunks: Iterator[bytes | OverlongLine], layout: Layout, load_id: int
) -> Iterator[Batch]:
    prefix = _prefix(layout, load_id)
    parser = Parser(layout, load_id)
    number = 2
    unfinished = b""
    for chunk in chunks:
        if isinstance(chunk, OverlongLine):
            batch, _, number = parser.parse(unfinished, number, is_last=True)
            beginning, length = chunk.beginning, chunk.byte_count
            batch.rejected.append(RejectedLine(number, OVERLONG, beginning, length))
            number, unfinished = number + 1, b""
        elif not unfinished and (
            through := _pass_through(chunk, layout, prefix, number)
        ):
            batch = through
            number += batch.row_count
        else:
            batch, unfinished, number = parser.parse(
                unfinished + chunk, number, is_last=False
            )
        yield batch
    yield parser.parse(unfinished, number, is_last=True)[0]


def _prefix(layout: Layout, load_id: int) -> bytes:
    """A template for a row: lineage and constants, then the line as it is."""
    rows = _Rows()
    constants = [value for _, value in layout.constants]
    csv.writer(rows, lineterminator="\r\n").writerow([load_id, *constants, ""])
    row = rows[0].removesuffix("\n").encode().replace(b"%", b"%%")
    load, _, rest = row.partition(b",")
    return load + b",%d," + rest + b"%b"


def _pass_through(
    chunk: bytes, layout: Layout, prefix: bytes, line_number: int
) -> Batch | None:
    """The chunk's rows if COPY can take every line as it is, else None."""
    if not layout.passes_through or b'"' in chunk or b"\0" in chunk:
        return None
    if b"\r" in chunk:
        chunk = chunk.replace(b"\r\n", b"\n")
        if b"\r" in chunk:
            return None
    if not _is_utf8(chunk):
        return None
    lines = chunk.split(b"\n")
    lines.pop()
    delimiters = set(map(bytes.count, lines, repeat(b",")))
    if delimiters != {layout.column_count - 1} or b"" in lines:
        return None
    rows = map(prefix.__mod__, zip(count(line_number), lines, strict=False))
    return Batch(b"\n".join(rows) + b"\n", len(lines))


def _is_utf8(chunk: bytes) -> bool:
    try:
        chunk.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


class _Rows(list[str]):
    """What a csv.writer writes to, one row at a time.

    It quotes just the line ends that it writes itself; COPY wants a CR quoted too.
    """

    def write(self, row: str) -> None:
        """Add a row that ends in CR LF as one that ends in LF."""
        self.append(row[:-2] + "\n")


class Parser:
    """Parses chunks that can't pass through, into rows of the same columns."""

    def __init__(self, layout: Layout, load_id: int) -> None:
        self._layout = layout
        self._load_id = load_id
        self._constants = [value for _, value in layout.constants]
        self._positions = [position for _, position in layout.fields]

    def parse(
        self, chunk: bytes, line_number: int, *, is_last: bool
    ) -> tuple[Batch, bytes, int]:
        """The batch, what is left of the chunk, and the number of its first line.

        Left is a record whose quote is still open at the chunk's end. If the chunk is
        the last, or the record is over MAX_OPEN_BYTES, the quote is taken for wrong
        instead: its line is rejected and the lines after it are read on their own.
        """
        text = chunk.decode("utf-8", "surrogateescape")
        lines = [line + "\n" for line in text.split("\n")]
        lines.pop()
        rows = _Rows()
        write = csv.writer(rows, lineterminator="\r\n").writerow
        rejected: list[RejectedLine] = []
        left = len(lines)
        for start, end, values, problem in _split_records(
            lines, self._layout.delimiter
        ):
            if (
                problem is UNCLOSED
                and not is_last
                and sum(map(len, lines[start:])) <= MAX_OPEN_BYTES
            ):
                left = start
                break
            reason = problem or self._reason_to_reject(values)
            if reason:
                line = "".join(lines[start:end]).encode("utf-8", "surrogateescape")
                rejected.append(reject(line_number + start, line, reason))
            elif values:
                write(self._row(values, line_number + start))
        batch = Batch("".join(rows).encode(), len(rows), rejected)
        open_record = "".join(lines[left:]).encode("utf-8", "surrogateescape")
        return batch, open_record, line_number + left

    def _reason_to_reject(self, values: Sequence[str]) -> str | None:
        if values and len(values) != self._layout.column_count:
            return f"has {len(values)} fields, the header {self._layout.column_count}"
        text = "".join(values)
        if "\0" in text:
            return "holds a NUL byte"
        if not text.isascii() and any(
            "\udc80" <= character <= "\udcff" for character in text
        ):
            return "is not UTF-8"
        return None

    def _row(self, values: Sequence[str], line_number: int) -> list[object]:
        row: list[object] = [self._load_id, line_number, *self._constants]
        row += [values[position] for position in self._positions]
        if self._layout.attributes:
            attributes = {
                name: values[position]
                for name, position in self._layout.attributes
                if values[position]
            }
            row.append(msgspec.json.encode(attributes).decode() if attributes else "")
        return row


def _split_records(
    lines: Sequence[str], delimiter: str
) -> Iterator[tuple[int, int, list[str], str | None]]:
    """(first line, line after, values, problem) of each record, in order.

    After a problem the next record starts at the line that follows the record's first.
    """
    at = 0
    while at < len(lines):
        reader = csv.reader(islice(lines, at, None), delimiter=delimiter, strict=True)
        start = at
        try:
            for values in reader:
                yield start, at + reader.line_num, values, None
                start = at + reader.line_num
            return
        except csv.Error as error:
            is_open = str(error) == "unexpected end of data"
            yield start, start + 1, [], UNCLOSED if is_open else str(error)
            at = start + 1
