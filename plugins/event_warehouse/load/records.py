"""What the readers of all formats share: records in, COPY rows out."""

from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

MAX_RECORD_BYTES = 16 * 1024 * 1024
"""A longer record is rejected, so that memory stays bounded for any input."""
OVERLONG = f"is longer than {MAX_RECORD_BYTES:,} bytes"
KEPT_BYTES = 1024 * 1024
"""How much of a record over the limit is kept with its rejection."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NUL = b"\0"
REPORTED_NAMES = 100
REPORTED_CHARACTERS = 200
"""How many field names a load reports, and how much of each: the input is untrusted."""


@dataclass(frozen=True)
class RejectedLine:
    """A record that can't be split into fields."""

    line_number: int
    reason: str
    line: bytes
    byte_count: int


@dataclass(slots=True)
class StrippedLine:
    """The original of a record that was loaded without its NUL characters."""

    line_number: int
    line: bytes


@dataclass
class Batch:
    """Some of a file's records, in the order of the file."""

    rows: bytes
    """Rows for COPY, each ending in a newline."""
    row_count: int
    rejected: list[RejectedLine] = field(default_factory=list)
    stripped: list[StrippedLine] = field(default_factory=list)


@dataclass(frozen=True)
class Drift:
    """How a file's fields differ from its feed's declaration."""

    unknown_fields: tuple[str, ...] = ()
    """Input fields that are not declared, if the feed declares its attributes."""
    missing_fields: tuple[str, ...] = ()
    """Declared fields that the file lacks; without records only CSV can lack any."""


@dataclass(frozen=True)
class Records:
    """A file's records, produced lazily by its reader."""

    columns: tuple[str, ...]
    """The columns of `raw.events_raw` that each row has."""
    copy_format: Literal["csv", "text"]
    batches: Iterator[Batch]
    find_drift: Callable[[], Drift] = Drift
    header: bytes | None = None
    """The first line of a CSV file, needed to read its other lines again."""

    @property
    def drift(self) -> Drift:
        """The drift of the records so far; final once all batches are consumed."""
        return self.find_drift()


def reject(line_number: int, line: bytes, reason: str) -> RejectedLine:
    """The rejection of a complete line, kept without its line end."""
    line = line.rstrip(b"\r\n")
    return RejectedLine(line_number, reason, line[:KEPT_BYTES], len(line))


def keep_original(line_number: int, line: bytes) -> StrippedLine:
    """The original of a stripped line, kept without its line end."""
    return StrippedLine(line_number, line.rstrip(b"\r\n")[:KEPT_BYTES])


def report_names(names: Iterable[str]) -> tuple[str, ...]:
    """The first names in sorted order, truncated; NULs, which Postgres can't store,
    become U+FFFD.
    """
    cut = {name[:REPORTED_CHARACTERS].replace("\0", "\ufffd") for name in names}
    return tuple(sorted(cut)[:REPORTED_NAMES])


def is_utf8(text: bytes) -> bool:
    """True if all the bytes are valid UTF-8."""
    if text.isascii():
        return True
    decoder = getincrementaldecoder("utf-8")()
    try:
        # In parts, because a str may take four times the memory of its UTF-8.
        for start in range(0, len(text), KEPT_BYTES):
            decoder.decode(text[start : start + KEPT_BYTES])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
