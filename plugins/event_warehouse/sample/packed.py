"""The bytes of files: forms of JSON and CSV, compressed or not; always the same."""

import csv
import gzip
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import zstandard

from event_warehouse.sample.scene import Record


def to_json(record: Record) -> bytes:
    """An object on one line, as programs write it."""
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode()


def to_lines(records: Iterable[bytes]) -> bytes:
    """The records, each with a newline."""
    return b"".join(record + b"\n" for record in records)


def to_array(records: Iterable[bytes]) -> bytes:
    """The records as an array, each on its own line, or several if it is indented."""
    return b"[\n" + b",\n".join(records) + b"\n]\n"


def to_csv(records: Sequence[Record], columns: Sequence[str], end: str) -> list[bytes]:
    """The header and the records, each with that line end; quoted where necessary."""
    written: list[bytes] = []
    for row in [dict(zip(columns, columns, strict=True)), *records]:
        text = io.StringIO(newline="")
        values = [row.get(column) for column in columns]
        csv.writer(text, lineterminator=end).writerow(values)
        written.append(text.getvalue().encode())
    return written


def gzipped(*members: bytes) -> bytes:
    """The members one after another, as appending to a gzip file leaves them."""
    return b"".join(gzip.compress(member, mtime=0) for member in members)


def zstd(content: bytes) -> bytes:
    """One frame."""
    return zstandard.ZstdCompressor().compress(content)


def to_parquet(records: Sequence[Record], types: dict[str, Any]) -> bytes:
    """A file with typed columns, in several row groups."""
    table = pa.Table.from_pylist(list(records), schema=pa.schema(types))
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd", row_group_size=100)
    return file.getvalue()


# Records that are none ------------------------------------------------------------

STRAY_LINE: Final = b"worker 3: connection reset by peer"


def cut_off(record: bytes) -> bytes:
    """The beginning of a record whose writer was killed."""
    return record[: len(record) * 2 // 3]


def in_latin_1(record: Record) -> bytes:
    """The record with a note that is not in UTF-8."""
    return to_json({**record, "note": "café"}).decode().encode("latin-1")


def without_value(record: Record) -> bytes:
    """The record with an extra member that has a name but no value."""
    return to_json(record)[:-1] + b',"note":}'
