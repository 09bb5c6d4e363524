"""Reads Parquet: columns by name, a batch of rows at a time.

Text is lossless: a number has all its digits, a time the precision of its column. Null
is the same as missing. The columns that are not event fields become one JSON object per
row.
"""

from collections.abc import Generator
from typing import BinaryIO

from event_warehouse.feeds import Feed
from event_warehouse.load.blocks import beside
from event_warehouse.load.parquet_batches import (
    ParquetContent,
    errors_in_words,
    open_parquet,
)
from event_warehouse.load.parquet_layout import find_drift, lay_out
from event_warehouse.load.parquet_rows import ParquetRows
from event_warehouse.load.records import Batch, Records

BATCHES_AHEAD = 2


def read_parquet(file: BinaryIO, feed: Feed, *, load_id: int) -> Records:
    """The file's rows, numbered from 1; a background thread makes them.

    Raises FileError, also while iterating the batches, if the file is not Parquet, is
    damaged, encrypted or too large for memory, or has no event time column.
    """
    content = open_parquet(file)
    layout = lay_out(content.schema, feed)
    drift = find_drift(content.schema, feed, has_records=content.row_count > 0)
    batches = beside(_batches(content, ParquetRows(layout, load_id)), BATCHES_AHEAD)
    return Records(layout.columns, "text", batches, find_drift=lambda: drift)


def _batches(content: ParquetContent, maker: ParquetRows) -> Generator[Batch]:
    line_number = 1
    for rows in content.batches:
        with errors_in_words():
            batch = maker.batch(rows, line_number)
        yield batch
        line_number += rows.batch.num_rows
