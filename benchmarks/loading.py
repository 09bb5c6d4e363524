"""a1, a2, a3: loading a file, against a bare COPY of the same events as CSV."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg

from benchmarks.bench import Bench
from benchmarks.formats import (
    write_gzip,
    write_json,
    write_json_lines,
    write_parquet,
    write_with_attributes,
)
from benchmarks.measured import Measured, Row, WrongAnswer, measure, measure_pairs
from benchmarks.warehouse import FEED, empty, load, raw_events

NAMES = {
    "customer_id": "tenant_id",
    "transaction_id": "event_id",
    "timestamp": "event_time",
}
"""The columns that have other names in `raw`."""


def csv(bench: Bench) -> Iterator[Row]:
    """a1: with hash, accounting and lineage, which the other side does not have."""
    what = "loading CSV with hash, accounting, lineage; against bare COPY of it"
    row = Row("a1", what, must="0.80x", goal="0.95x")
    yield _compared(bench, row, bench.file, FEED, bench.file)


def packed_csv(bench: Bench) -> Iterator[Row]:
    """a2: the other side has nothing to decompress."""
    what = "loading .csv.gz; against bare COPY of the unpacked file"
    row = Row("a2", what, must="0.70x", goal="0.95x")
    yield _compared(bench, row, write_gzip(bench.file), FEED, bench.file)


def other_formats(bench: Bench) -> Iterator[Row]:
    """a3: JSON lines, and formats that have no target."""
    what = "loading {}; against bare COPY of the equivalent CSV"
    lines, table = write_with_attributes(bench.file)
    for name, file, feed, bare in (
        ("JSON lines", write_json_lines(bench.file), "json_lines_events", bench.file),
        ("JSON lines with attributes", lines, "json_lines_events", table),
        ("JSON without line ends", write_json(bench.file), "json_events", bench.file),
        ("Parquet", write_parquet(bench.file), "parquet_events", bench.file),
    ):
        row = Row("a3", what.format(name))
        if name == "JSON lines":
            row = replace(row, must="0.25x", goal="0.5x")
        yield _compared(bench, row, file, feed, bare)


def _compared(bench: Bench, row: Row, file: Path, feed: str, bare: Path) -> Row:
    answers: set[object] = set()
    pairs = measure_pairs(
        bench.pairs,
        ours=lambda: _loaded(bench, file, feed, answers),
        other=lambda: _copied(bench, bare, answers),
    )
    if len(answers) != 1:
        raise WrongAnswer(f"{file.name} gave other rows than COPY: {answers}")
    return replace(row, figure=f"{pairs.speed:.2f}x", measured=pairs.told(bench.events))


def _loaded(bench: Bench, file: Path, feed: str, answers: set[object]) -> Measured:
    settings = bench.settings
    empty(settings)
    measured = measure(settings.dsn, lambda: load(settings, file, feed))
    answers.add(raw_events(settings))
    return measured


def _copied(bench: Bench, file: Path, answers: set[object]) -> Measured:
    settings = bench.settings
    empty(settings)
    measured = measure(settings.dsn, lambda: copy_bare(settings.dsn, file))
    answers.add(raw_events(settings))
    return measured


def copy_bare(dsn: str, file: Path) -> None:
    """The fastest way over one connection: the file's blocks, unchanged."""
    with (
        psycopg.connect(dsn) as connection,
        connection.cursor() as cursor,
        open(file, "rb") as stream,
    ):
        names = next(stream).decode().strip().split(",")
        columns = ", ".join(NAMES.get(name, name) for name in names)
        with cursor.copy(
            f"copy raw.events_raw ({columns}) from stdin with (format csv)"
        ) as copy:
            while block := stream.read(1024 * 1024):
                copy.write(block)
