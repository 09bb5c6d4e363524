"""Reads CSV with a header, columns in any order, quoted as in RFC 4180.

An empty field is null, quoted or not. In most files nearly all lines have no quotes and
the right number of fields. Such lines become rows in bulk, each prefixed with its
lineage. If all columns are event fields, the lines aren't even split: Postgres parses
them. Only lines with quotes, and malformed ones, are handled one by one.
"""

import csv
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from itertools import accumulate, chain, repeat

from event_warehouse.errors import FileError
from event_warehouse.feeds import Feed
from event_warehouse.load.csv_layout import (
    CsvLayout,
    find_drift,
    lay_out,
    read_names,
)
from event_warehouse.load.csv_rows import RowMaker
from event_warehouse.load.json_depth import MAX_DEPTH, TOO_DEEP, is_too_deep
from event_warehouse.load.lines import OverlongLine
from event_warehouse.load.records import (
    BYTE_ORDER_MARK,
    MAX_RECORD_BYTES,
    NUL,
    OVERLONG,
    Batch,
    Records,
    RejectedLine,
    StrippedLine,
    is_utf8,
    keep_original,
    reject,
)

MAX_OPEN_BYTES = 1024 * 1024
"""How long a record with an open quote may grow before the quote counts as an error."""
UNCLOSED = "opens a quote that is never closed"
OPEN_AT_END = "unexpected end of data"
"""The csv module's error for a quote that is still open when the lines end."""
UNESCAPED = bytes({*range(0x20, 0x100), *b"\n\r"} - {*b'"\\'})
"""Bytes that need no escaping in JSON or CSV, and line ends."""
NEEDS_QUOTING = frozenset(',"\r\n')

csv.field_size_limit(MAX_RECORD_BYTES)


def read_csv(
    chunks: Iterator[bytes | OverlongLine], feed: Feed, *, load_id: int
) -> Records:
    """The records after the header; raises FileError if it isn't this feed's header."""
    header = next(chunks, b"")
    if isinstance(header, OverlongLine):
        raise FileError(f"line 1, the header, {OVERLONG}")
    header, _, rest = header.removeprefix(BYTE_ORDER_MARK).partition(b"\n")
    names = read_names(header, feed)
    layout = lay_out(names, feed)
    chunks = chain([rest] if rest else [], chunks)
    return Records(
        layout.columns,
        "csv",
        _batches(chunks, layout, load_id),
        find_drift=partial(find_drift, names, feed),
        header=header,
    )


def _batches(
    chunks: Iterator[bytes | OverlongLine], layout: CsvLayout, load_id: int
) -> Iterator[Batch]:
    rows = RowMaker(layout, load_id)
    number = 2
    unfinished = b""
    for chunk in chunks:
        if isinstance(chunk, OverlongLine):
            reader = ChunkReader(rows, unfinished, number, is_last=True)
            number = reader.read()
            beginning, length = chunk.beginning, chunk.byte_count
            reader.rejected.append(RejectedLine(number, OVERLONG, beginning, length))
            number, unfinished = number + 1, b""
        else:
            reader = ChunkReader(rows, unfinished + chunk, number, is_last=False)
            number = reader.read()
            unfinished = reader.unfinished
        yield reader.batch
    reader = ChunkReader(rows, unfinished, number, is_last=True)
    reader.read()
    yield reader.batch


class ChunkReader:
    """Reads one chunk of whole lines.

    A record whose quote is still open at the end is left for the next chunk. If there
    is none, or the record exceeds MAX_OPEN_BYTES, the quote counts as an error: its
    line is rejected, and reading resumes at the next line.
    """

    def __init__(
        self, rows: RowMaker, chunk: bytes, line_number: int, *, is_last: bool
    ) -> None:
        self._rows = rows
        self._originals = _lines(chunk)
        self._is_stripped = rows.layout.strips_nul and NUL in chunk
        if self._is_stripped:
            chunk = chunk.replace(NUL, b"")
        self._chunk = chunk
        self._lines = _lines(chunk) if self._is_stripped else self._originals
        self._first_number = line_number
        self._is_last = is_last
        self._is_clean = is_utf8(chunk) and NUL not in chunk
        self._needs_no_escapes = self._is_clean and self._has_only_unescaped()
        self._has_returns = b"\r" in chunk
        self._broken_until = 0
        self._why_broken = ""
        self._made: list[bytes] = []
        self.rejected: list[RejectedLine] = []
        self._stripped: list[StrippedLine] = []
        self.unfinished = b""

    @property
    def batch(self) -> Batch:
        """The rows, rejected lines and originals read so far."""
        rows = b"".join(self._made)
        return Batch(rows, len(self._made), self.rejected, self._stripped)

    def read(self) -> int:
        """Reads the chunk; returns the number of the next line to read."""
        at = 0
        for quoted in self._lines_with_quotes():
            if quoted < at:
                continue
            if at < quoted:
                self._read_plain(at, quoted)
            at = self._read_quoted(quoted)
            if self.unfinished:
                return self._first_number + at
        self._read_plain(at, len(self._lines))
        return self._first_number + len(self._lines)

    def _lines_with_quotes(self) -> list[int]:
        if b'"' not in self._chunk:
            return []
        return [at for at, line in enumerate(self._lines) if b'"' in line]

    def _has_only_unescaped(self) -> bool:
        """True if no unquoted value needs CSV quoting or JSON escaping."""
        layout = self._rows.layout
        if layout.delimiter != "," and b"," in self._chunk:
            return False
        if any(NEEDS_QUOTING & {*source.separator} for source in layout.fields):
            return False
        left = self._chunk.translate(None, UNESCAPED)
        return layout.passes_through or not left.strip(b'"')

    def _read_plain(self, start: int, end: int) -> None:
        """Reads lines without quotes."""
        lines = self._lines[start:end]
        if self._has_returns:
            lines = [line.removesuffix(b"\r") for line in lines]
        first = self._first_number + start
        numbers: Sequence[int] = range(first, first + len(lines))
        if not self._is_uniform(lines):
            good = [
                n
                for n, line in zip(numbers, lines, strict=True)
                if self._takes(n, line)
            ]
            lines = [lines[number - first] for number in good]
            numbers = good
        if self._is_stripped:
            for number in numbers:
                self._keep_original(number, self._original(number))
        if self._needs_no_escapes:
            self._made += self._rows.of_lines(numbers, lines)
        else:
            for number, line in zip(numbers, lines, strict=True):
                values = line.decode("utf-8").split(self._rows.layout.delimiter)
                self._made.append(self._rows.of_values(number, values))

    def _is_uniform(self, lines: Sequence[bytes]) -> bool:
        """True if every line is a valid record as it stands."""
        if not self._is_clean or b"" in lines:
            return False
        if self._has_returns and any(b"\r" in line for line in lines):
            return False
        if self._rows.layout.json_attributes and any(
            len(line) > MAX_DEPTH for line in lines
        ):
            return False
        delimiters = set(map(bytes.count, lines, repeat(self._rows.delimiter)))
        return delimiters <= {self._rows.layout.column_count - 1}

    def _takes(self, number: int, line: bytes) -> bool:
        """True if the line is a record; rejects it if it is malformed."""
        if not line:
            return False
        reason = self._reason(line.split(self._rows.delimiter), line)
        if reason is None and b"\r" in line:
            reason = "has a carriage return that is not quoted"
        if reason:
            self.rejected.append(reject(number, self._original(number), reason))
        return not reason

    def _reason(self, values: Sequence[str | bytes], record: bytes) -> str | None:
        """Why the record is rejected; None if it is valid."""
        layout = self._rows.layout
        if len(values) != layout.column_count:
            return f"has {len(values)} fields, the header {layout.column_count}"
        if NUL in record:
            return "holds a NUL byte"
        if not self._is_clean and not is_utf8(record):
            return "is not UTF-8"
        is_deep = any(_is_too_deep(values[at]) for at in layout.json_attributes)
        return TOO_DEEP if is_deep else None

    def _original(self, number: int) -> bytes:
        return self._originals[number - self._first_number]

    def _keep_original(self, number: int, original: bytes) -> None:
        if NUL in original:
            self._stripped.append(keep_original(number, original))

    def _read_quoted(self, start: int) -> int:
        """Reads records from a line with a quote until a line without; returns where.

        If a record is malformed, reading resumes at its second line. While inside the
        lines that the malformed record spanned, each line is parsed alone: an open
        quote there would run to the same end, and rescanning every time would take
        quadratic time.
        """
        is_known = start < self._broken_until
        text = (
            self._lines[number].decode("utf-8", "surrogateescape") + "\n"
            for number in range(start, start + 1 if is_known else len(self._lines))
        )
        reader = csv.reader(text, delimiter=self._rows.layout.delimiter, strict=True)
        at = start
        try:
            for values in reader:
                end = start + reader.line_num
                self._keep(values, at, end)
                at = end
                if at < len(self._lines) and b'"' not in self._lines[at]:
                    break
        except csv.Error as error:
            why = str(error)
            if not is_known:
                self._broken_until = start + reader.line_num - 1
                self._why_broken = why
            elif why == OPEN_AT_END:
                why = self._why_broken
            return self._keep_broken(at, why)
        return at

    def _keep(self, values: list[str], start: int, end: int) -> None:
        record = b"\n".join(self._lines[start:end])
        original = b"\n".join(self._originals[start:end])
        reason = self._reason(values, record)
        number = self._first_number + start
        if reason:
            self.rejected.append(reject(number, original, reason))
        else:
            self._made.append(self._rows.of_values(number, values))
            self._keep_original(number, original)

    def _keep_broken(self, at: int, why: str) -> int:
        """The line to resume at: this one if its record may go on, else the next."""
        is_open = why == OPEN_AT_END
        if is_open and not self._is_last and self._bytes_from(at) <= MAX_OPEN_BYTES:
            self.unfinished = b"\n".join(self._originals[at:]) + b"\n"
            return at
        reason = UNCLOSED if is_open else why
        line = self._originals[at]
        self.rejected.append(reject(self._first_number + at, line, reason))
        return at + 1

    def _bytes_from(self, at: int) -> int:
        """How many bytes of the chunk there are from this line on."""
        return self._ends[-1] - (self._ends[at - 1] if at else 0)

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(len(line) + 1 for line in self._originals))


def _is_too_deep(value: str | bytes) -> bool:
    if len(value) <= MAX_DEPTH:
        return False
    return is_too_deep(value if isinstance(value, bytes) else value.encode())


def _lines(chunk: bytes) -> list[bytes]:
    lines = chunk.split(b"\n")
    lines.pop()
    return lines
