"""What the readers of the formats have in common: records in, COPY rows out."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

MAX_RECORD_BYTES = 16 * 1024 * 1024
"""A longer record is rejected, so that memory stays bounded whatever arrives."""
OVERLONG = f"is longer than {MAX_RECORD_BYTES:,} bytes"
KEPT_BYTES = 1024 * 1024
"""How much of a record over the limit is kept with its rejection."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class RejectedLine:
    """A record that can't be split into fields."""

    line_number: int
    reason: str
    line: bytes
    byte_count: int


@dataclass
class Batch:
    """Some of a file's records, in the order of the file."""

    rows: bytes
    """Rows for COPY, each ending in a newline."""
    row_count: int
    rejected: list[RejectedLine] = field(default_factory=list)


@dataclass(frozen=True)
class Records:
    """A file's records as its reader finds them."""

    columns: tuple[str, ...]
    """The columns of `raw.events_raw` that each row of a batch has."""
    copy_format: Literal["csv", "text"]
    batches: Iterator[Batch]


def reject(line_number: int, line: bytes, reason: str) -> RejectedLine:
    """The rejection of a line that is held whole; its line end is not part of it."""
    line = line.rstrip(b"\r\n")
    return RejectedLine(line_number, reason, line[:KEPT_BYTES], len(line))
