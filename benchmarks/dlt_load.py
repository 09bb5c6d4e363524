"""Loads a CSV file with dlt; prints the seconds and the bytes of WAL as JSON.

For dlt's own environment: dlt_load.py <dict-rows|arrow> <file format> <file> <dsn>
<dataset> <folder>
"""

import csv
import json
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import dlt  # type: ignore[import-not-found]
import pyarrow as pa  # type: ignore[import-untyped]
from pyarrow import csv as arrow_csv

ROWS_A_PAGE = 5_000
BLOCK_BYTES = 16 * 1024 * 1024

Pages = Callable[[str], Iterator[Any]]


def main() -> None:
    """Load one event first, which creates the tables, then all of them, measured."""
    kind, file_format, file, dsn, dataset, folder = sys.argv[1:]
    pages = {"dict-rows": dict_rows, "arrow": arrow_tables}[kind]
    pipeline = dlt.pipeline(
        dataset,
        pipelines_dir=folder,
        destination=dlt.destinations.postgres(dsn),
        dataset_name=dataset,
    )
    pipeline.run(_events(_first_only(pages), file), loader_file_format=file_format)
    with pipeline.sql_client() as client:
        before = client.execute_sql("select pg_current_wal_lsn()::text")[0][0]
        start = time.perf_counter()
        pipeline.run(_events(pages, file), loader_file_format=file_format)
        seconds = time.perf_counter() - start
        wal = client.execute_sql("select pg_current_wal_lsn() - %s::pg_lsn", before)
        rows = client.execute_sql("select count(*) - 1 from events")
    print(
        json.dumps(
            {"seconds": seconds, "wal_bytes": int(wal[0][0]), "rows": rows[0][0]}
        )
    )


def dict_rows(file: str) -> Iterator[list[dict[str, str]]]:
    """Pages of rows, as dlt's documentation recommends for speed."""
    with open(file, newline="") as stream:
        reader = csv.DictReader(stream)
        while page := list(islice(reader, ROWS_A_PAGE)):
            yield page


def arrow_tables(file: str) -> Iterator[pa.Table]:
    """The file's blocks as tables of text."""
    reading = arrow_csv.ReadOptions(block_size=BLOCK_BYTES)
    as_text = arrow_csv.ConvertOptions(
        column_types={name: pa.string() for name in _names(file)}
    )
    with arrow_csv.open_csv(
        file, read_options=reading, convert_options=as_text
    ) as reader:
        for batch in reader:
            yield pa.Table.from_batches([batch])


def _first_only(pages: Pages) -> Pages:
    return lambda file: (page[:1] for page in islice(pages(file), 1))


def _events(pages: Pages, file: str) -> Any:
    """All columns as text, as in `raw`, so that nothing is inferred or cast."""
    columns = {name: {"data_type": "text"} for name in _names(file)}
    return dlt.resource(pages(file), name="events", columns=columns)


def _names(file: str) -> list[str]:
    with open(file) as stream:
        return next(stream).strip().split(",")


if __name__ == "__main__":
    main()
