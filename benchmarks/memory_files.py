"""Files that tempt a loader to use much memory."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
from pyarrow import parquet

from benchmarks.events import HEADER
from benchmarks.formats import write_gzip, write_parquet

MB = 1_000_000
MOST_RECORD_BYTES = 16 * 1024 * 1024
"""The longest record that is accepted."""
SHORT_LINES_MB = 4
"""No more than this, because each of these lines becomes a row."""
LIST_ITEMS = 5_000_000
FAST = 1
SMALL_EVENT = b'{"customer_id":"a","event_type":"b","timestamp":"2026-11-01"'

Write = Callable[[Path, int], Path]
"""Writes a file next to a large CSV; of so many MB unless its kind has a fixed size."""


@dataclass(frozen=True)
class Tempting:
    """A file and how to load it."""

    what: str
    feed: str
    write: Write


def write_large_csv(file: Path, megabytes: int, events: Path) -> None:
    """Repeats the events until the file has so many MB."""
    header, _, body = events.read_bytes().partition(b"\n")
    with open(file, "wb") as stream:
        stream.write(header + b"\n")
        while stream.tell() < megabytes * MB:
            stream.write(body)


def _as_it_is(large: Path, _: int) -> Path:
    return large


def _gzip(large: Path, _: int) -> Path:
    return write_gzip(large, level=FAST)


def _bomb(large: Path, megabytes: int) -> Path:
    file = large.with_name("bomb.csv.gz")
    packing = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS + 16)
    with open(file, "wb") as stream:
        stream.write(packing.compress(_header_and_event()))
        for _ in range(megabytes):
            stream.write(packing.compress(b"a" * MB))
        stream.write(packing.flush())
    return file


def _short_lines(large: Path, _: int) -> Path:
    file = large.with_name("short.csv")
    file.write_bytes(_header_and_event() + b"a\n" * (SHORT_LINES_MB * MB // 2))
    return file


def _header_and_event() -> bytes:
    missing = "," * (HEADER.count(",") - 3)
    return f"{HEADER}\na,b,c,2026-11-01{missing}\n".encode()


def _long_object(large: Path, megabytes: int) -> Path:
    file = large.with_name("long.json")
    with open(file, "wb") as stream:
        stream.write(SMALL_EVENT + b"}\n" + SMALL_EVENT + b',"user_id":"')
        for _ in range(megabytes):
            stream.write(b"a" * MB)
        stream.write(b'"}\n')
    return file


def _many_members(large: Path, _: int) -> Path:
    file = large.with_name("members.json")
    members = (b',"%x":0' % number for number in count())
    with open(file, "wb") as stream:
        stream.write(SMALL_EVENT)
        while stream.tell() < MOST_RECORD_BYTES - 100:
            stream.write(next(members))
        stream.write(b"}\n")
    return file


def _parquet(large: Path, _: int) -> Path:
    return write_parquet(large)


def _one_row_group(large: Path, _: int) -> Path:
    return write_parquet(large, rows_a_group=large.stat().st_size)


def _long_list(large: Path, _: int) -> Path:
    file = large.with_name("list.parquet")
    event = {"timestamp": ["2026-11-01"], "numbers": [list(range(LIST_ITEMS))]}
    parquet.write_table(pa.table(event), file)
    return file


TEMPTING = (
    Tempting("{size} of CSV", "csv_events", _as_it_is),
    Tempting("{size} of CSV, packed", "csv_events", _gzip),
    Tempting("gzip bomb: a line of {size}", "csv_events", _bomb),
    Tempting("CSV lines of one character", "csv_events", _short_lines),
    Tempting("JSON line of {size}", "json_lines_events", _long_object),
    Tempting("JSON line of 16 MiB, short members", "json_lines_events", _many_members),
    Tempting("JSON object of {size}", "json_events", _long_object),
    Tempting("{size} of CSV as Parquet", "parquet_events", _parquet),
    Tempting("the same in one row group", "parquet_events", _one_row_group),
    Tempting("Parquet, a list of 5 M numbers", "parquet_events", _long_list),
)
