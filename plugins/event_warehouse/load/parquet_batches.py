"""Reads Parquet files in batches that fit into memory, however large the row groups."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from event_warehouse.errors import FileError
from event_warehouse.load.lines import OverlongLine
from event_warehouse.load.parquet_long import as_overlong_line, text_bytes
from event_warehouse.load.parquet_pages import RowGroup, read_row_groups

MAX_PAGES_BYTES = 128 * 1024 * 1024
"""Limit for the pages that are in memory at once: one of each column, packed and
unpacked. Measured: a file at the limit takes 270 MB, one with usual pages 100 MB."""
BATCH_BYTES = 4 * 1024 * 1024
MAX_BATCH_ROWS = 32 * 1024
MAX_ROW_BYTES = 256 * 1024 * 1024
"""Limit for the pages and the longest lists of a row together. It has room for any list
that fits in a record, where each value takes at least two characters."""
MAX_UNPACKED_BYTES = 32 * 1024 * 1024
"""Limit for a batch, assuming that all its rows are as large as the average in the page
with the largest values."""
BUFFER_BYTES = 32 * 1024
"""For each column's stream. Without a buffer size pyarrow reads whole row groups."""
TOLD_CHARACTERS = 300


@dataclass(frozen=True)
class Rows:
    """Some of a file's rows, in order."""

    batch: pa.RecordBatch
    overlong: OverlongLine | None = None
    """Set if the batch is a single row that is too long."""


@dataclass(frozen=True)
class ParquetContent:
    """The schema and the rows of a Parquet file."""

    schema: pa.Schema
    row_count: int
    batches: Iterator[Rows]


def open_parquet(file: BinaryIO) -> ParquetContent:
    """The file's content, with its batches read lazily.

    Raises FileError if it is not Parquet, is encrypted, or has row groups whose pages
    don't fit into memory. Iterating the batches raises it too, if the file is damaged.
    """
    groups = read_row_groups(file)
    for number, group in enumerate(groups):
        _check_size(number, group)
    with errors_in_words():
        metadata = pq.ParquetFile(file).metadata
        parquet = pq.ParquetFile(
            file,
            metadata=metadata,
            read_dictionary=_indexed_columns(metadata.schema, groups),
            buffer_size=BUFFER_BYTES,
            pre_buffer=False,
            # Nanoseconds would wrap around for times before 1677 and after 2262.
            coerce_int96_timestamp_unit="us",
            page_checksum_verification=True,
        )
        schema = parquet.schema_arrow
    row_count = sum(group.row_count for group in groups)
    return ParquetContent(schema, row_count, _batches(parquet, groups, row_count))


def _check_size(number: int, group: RowGroup) -> None:
    if group.page_bytes > MAX_PAGES_BYTES:
        raise FileError(
            f"row group {number} needs {group.page_bytes:,} bytes of memory, more than "
            f"{MAX_PAGES_BYTES:,}, for a page of each column (most for "
            f"{group.largest_column!r}); write it with smaller pages or row groups"
        )
    row_bytes = int(group.page_bytes + group.longest_row_bytes)
    if row_bytes > MAX_ROW_BYTES:
        raise FileError(
            f"row group {number} may need {row_bytes:,} bytes of memory, more than "
            f"{MAX_ROW_BYTES:,}, for a single row (most for the lists in "
            f"{group.longest_column!r}); write it with shorter lists or smaller pages"
        )


def _indexed_columns(schema: Any, groups: Sequence[RowGroup]) -> list[str]:
    """The columns to keep dictionary-encoded: many rows may share a long value.

    Excludes columns that also have plain pages, whose values pyarrow would collect in
    a dictionary.
    """
    columns = [schema.column(position) for position in range(len(schema))]
    flat = {
        column.path
        for column in columns
        if column.physical_type == "BYTE_ARRAY"
        and column.path == column.name
        and column.max_repetition_level == 0
    }
    return sorted(flat.intersection(*(group.indexed_columns for group in groups)))


def _batches(
    parquet: pq.ParquetFile, groups: Sequence[RowGroup], expected: int
) -> Iterator[Rows]:
    row_count = 0
    with errors_in_words():
        numbers = range(len(groups))
        for size, some in groupby(numbers, lambda number: _batch_rows(groups[number])):
            for batch in parquet.iter_batches(
                size, row_groups=list(some), use_threads=False
            ):
                row_count += batch.num_rows
                yield from _cut(batch)
    if row_count != expected:
        raise FileError(f"has {row_count:,} rows, where {expected:,} were announced")


def _batch_rows(group: RowGroup) -> int:
    """Rows per batch: a power of two, so that similar row groups are read together."""
    rows = min(
        BATCH_BYTES / max(group.row_bytes, 1),
        MAX_UNPACKED_BYTES / max(group.largest_row_bytes, 1),
        MAX_BATCH_ROWS,
    )
    return 1 << max(0, int(rows).bit_length() - 1)


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Turns pyarrow's exceptions into FileErrors that quote them."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, LookupError) as error:
        told = " ".join(str(error).split())[:TOLD_CHARACTERS]
        raise FileError(
            f"its Parquet data is damaged or of a kind that can't be read ({told})"
        ) from error


def _cut(batch: pa.RecordBatch) -> Iterator[Rows]:
    """Slices the batch so that the text of each slice has a bounded size."""
    sizes = text_bytes(batch)
    ends = np.cumsum(sizes)
    begin = 0
    while begin < batch.num_rows:
        if sizes[begin] > BATCH_BYTES:
            row = batch.slice(begin, 1)
            yield Rows(row, overlong=as_overlong_line(row))
            begin += 1
            continue
        limit = ends[begin] - sizes[begin] + BATCH_BYTES
        end = max(begin + 1, int(np.searchsorted(ends, limit, side="right")))
        yield Rows(batch.slice(begin, end - begin))
        begin = end
