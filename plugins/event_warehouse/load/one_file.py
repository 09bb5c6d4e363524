"""Loads one file: one transaction, one load_id, all of it or nothing."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import psycopg
from psycopg import sql

from event_warehouse.database import load_statements
from event_warehouse.errors import FileError
from event_warehouse.feeds import Feed
from event_warehouse.load.csv_records import read_csv
from event_warehouse.load.json_records import read_json_lines
from event_warehouse.load.lines import split_at_lines
from event_warehouse.load.local_files import HashedBlocks, LocalFile, hash_file
from event_warehouse.load.records import Batch, Records, RejectedLine

STATEMENTS = load_statements("event_warehouse.load", "loads")
READERS: dict[str, Callable[..., Records]] = {
    "csv": read_csv,
    "json_lines": read_json_lines,
}
KEPT_REJECTIONS_BYTES = 4 * 1024 * 1024
"""Rejected lines wait in memory up to this much, while a COPY of rows is under way."""


class Status(StrEnum):
    """How the loading of one file ended."""

    LOADED = "loaded"
    ALREADY_LOADED = "already loaded"
    BEING_LOADED = "being loaded by another process"
    FAILED = "failed"


@dataclass(frozen=True)
class FileOutcome:
    """What became of one file."""

    feed: str
    uri: str
    status: Status
    rows: int = 0
    rejected_lines: int = 0
    error: str = ""


@dataclass
class _Counts:
    rows: int = 0
    rejected_lines: int = 0


def load_file(
    connection: psycopg.Connection,
    feed: Feed,
    file: LocalFile,
    *,
    file_version: str | None,
) -> FileOutcome:
    """What became of the file; commits once, or rolls everything back.

    Raises FileError if it can't be loaded as this feed.
    """
    if file.byte_count == 0:
        raise FileError("is empty; send it again, or remove it")
    # By itself, or others would wait for the whole of a month's first file.
    connection.execute(STATEMENTS["ensure_partition"])
    with connection.transaction():
        claimed = f"{feed.name} {file.uri}"
        if not _ask(connection, "claim", claimed=claimed):
            return FileOutcome(feed.name, file.uri, Status.BEING_LOADED)
        if _is_loaded_under_another_name(connection, feed, file):
            return _already_loaded(connection, feed, file)
        try:
            with connection.transaction():
                return _load(connection, feed, file, file_version)
        except psycopg.errors.UniqueViolation:
            # Another loader has committed the same content meanwhile.
            return _already_loaded(connection, feed, file)


def _already_loaded(
    connection: psycopg.Connection, feed: Feed, file: LocalFile
) -> FileOutcome:
    mended = {"feed": feed.name, "uri": file.uri}
    connection.execute(STATEMENTS["replace_failed"], mended)
    return FileOutcome(feed.name, file.uri, Status.ALREADY_LOADED)


def _ask(connection: psycopg.Connection, statement: str, **values: object) -> object:
    row = connection.execute(STATEMENTS[statement], values).fetchone()
    return row[0] if row else None


def _is_loaded_under_another_name(
    connection: psycopg.Connection, feed: Feed, file: LocalFile
) -> bool:
    """A copy has the size of what it is a copy of; only then it is read to tell."""
    if not _ask(
        connection, "has_loaded_bytes", feed=feed.name, byte_count=file.byte_count
    ):
        return False
    sha256 = hash_file(file.path)
    return bool(_ask(connection, "is_loaded", feed=feed.name, sha256=sha256))


def _load(
    connection: psycopg.Connection,
    feed: Feed,
    file: LocalFile,
    file_version: str | None,
) -> FileOutcome:
    load_id = _ask(connection, "new_load_id")
    # Again, because the month may have ended since.
    connection.execute(STATEMENTS["ensure_partition"])
    blocks = HashedBlocks(file.path)
    records = READERS[feed.format](split_at_lines(blocks), feed, load_id=load_id)
    counts = _copy(connection, records, load_id)
    if not counts.rows and counts.rejected_lines:
        raise FileError(
            f"none of its {counts.rejected_lines:,} records is {feed.format}; "
            f"is it a file of feed {feed.name}?"
        )
    loaded = {
        "load_id": load_id,
        "feed": feed.name,
        "uri": file.uri,
        "sha256": blocks.sha256,
        "file_version": file_version,
        "byte_count": blocks.byte_count,
        "record_count": counts.rows + counts.rejected_lines,
        "row_count": counts.rows,
        "rejected_line_count": counts.rejected_lines,
    }
    connection.execute(STATEMENTS["replace_failed"], loaded)
    connection.execute(STATEMENTS["insert_load"], loaded)
    return FileOutcome(
        feed.name, file.uri, Status.LOADED, counts.rows, counts.rejected_lines
    )


def _copy(connection: psycopg.Connection, records: Records, load_id: object) -> _Counts:
    """Rows to events_raw, rejections to rejected_lines; compares what arrived."""
    counts = _Counts()
    batches = iter(records.batches)
    rejected: list[RejectedLine] = []
    more = True
    while more:
        more = _copy_rows(connection, records, batches, rejected, counts)
        _copy_rejected(connection, load_id, rejected)
        rejected.clear()
    return counts


def _copy_rows(
    connection: psycopg.Connection,
    records: Records,
    batches: Iterator[Batch],
    rejected: list[RejectedLine],
    counts: _Counts,
) -> bool:
    """False at the end of the file, True when the rejections must be written first."""
    waiting_bytes = sent_rows = 0
    with connection.cursor() as cursor:
        with cursor.copy(_copy_statement(records)) as copy:
            for batch in batches:
                copy.write(batch.rows)
                sent_rows += batch.row_count
                rejected += batch.rejected
                waiting_bytes += sum(len(line.line) for line in batch.rejected)
                if waiting_bytes > KEPT_REJECTIONS_BYTES:
                    break
            else:
                waiting_bytes = 0
        if cursor.rowcount != sent_rows:
            raise FileError(
                f"Postgres took {cursor.rowcount} rows where {sent_rows} were sent"
            )
    counts.rows += sent_rows
    counts.rejected_lines += len(rejected)
    return waiting_bytes > 0


def _copy_statement(records: Records) -> sql.Composed:
    return sql.SQL("copy raw.events_raw ({}) from stdin with (format {})").format(
        sql.SQL(", ").join(map(sql.Identifier, records.columns)),
        sql.SQL(records.copy_format),
    )


def _copy_rejected(
    connection: psycopg.Connection, load_id: object, rejected: Sequence[RejectedLine]
) -> None:
    if not rejected:
        return
    columns = "load_id, line_number, reason, byte_count, line"
    statement = f"copy raw.rejected_lines ({columns}) from stdin with (format binary)"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(["int8", "int4", "text", "int8", "bytea"])
        for line in rejected:
            copy.write_row(
                (load_id, line.line_number, line.reason, line.byte_count, line.line)
            )
