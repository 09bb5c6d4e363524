"""A Parquet file's rows in batches that fit into memory, whatever its row groups."""

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
"""Of the pages that are in memory at the same time: one of each column, packed and
unpacked. Measured: a file at the limit takes 270 MB, one of usual pages 100 MB."""
BATCH_BYTES = 4 * 1024 * 1024
MAX_BATCH_ROWS = 32 * 1024
MAX_ROW_BYTES = 256 * 1024 * 1024
"""Of the pages, and of the longest lists that may be in one row. All lists fit in that
a record within its limit can have: each value takes two characters of it."""
MAX_UNPACKED_BYTES = 32 * 1024 * 1024
"""Of a batch, if its rows are all as large as the largest on average of a page."""
BUFFER_BYTES = 32 * 1024
"""Of each column's stream. Without one pyarrow reads whole row groups."""
TOLD_CHARACTERS = 300


@dataclass(frozen=True)
class Rows:
    """Some of a file's rows, in their order."""

    batch: pa.RecordBatch
    overlong: OverlongLine | None = None
    """The beginning and the length of a single row that is too long."""


@dataclass(frozen=True)
class ParquetContent:
    """What is in a Parquet file."""

    schema: pa.Schema
    row_count: int
    batches: Iterator[Rows]


def open_parquet(file: BinaryIO) -> ParquetContent:
    """The file's content; also taking the batches raises FileError if it is damaged.

    Raises FileError if it is not Parquet, encrypted, or has row groups whose pages
    don't fit into memory.
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
            # As nanoseconds those before 1677 and after 2262 would be other times.
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
    """The columns to leave as indices: a long value may be there for many rows.

    Not those that have other values too: pyarrow would collect these.
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
    """A power of two, so that row groups that differ little are read in one go."""
    rows = min(
        BATCH_BYTES / max(group.row_bytes, 1),
        MAX_UNPACKED_BYTES / max(group.largest_row_bytes, 1),
        MAX_BATCH_ROWS,
    )
    return 1 << max(0, int(rows).bit_length() - 1)


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Turns what pyarrow raises into a FileError that tells it."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, LookupError) as error:
        told = " ".join(str(error).split())[:TOLD_CHARACTERS]
        raise FileError(
            f"its Parquet data is damaged or of a kind that can't be read ({told})"
        ) from error


def _cut(batch: pa.RecordBatch) -> Iterator[Rows]:
    """The batch in pieces whose text, once it is written out, is of bounded size."""
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
