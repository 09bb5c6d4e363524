"""Loads one file in one transaction under one load_id: all of it or nothing."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from event_warehouse.database import load_statements
from event_warehouse.errors import FileError
from event_warehouse.feeds import Feed
from event_warehouse.load.blocks import hash_file
from event_warehouse.load.readers import Content, reading
from event_warehouse.load.records import Batch, Records, RejectedLine, StrippedLine
from event_warehouse.sources.source_file import SourceFile

STATEMENTS = load_statements("event_warehouse.load", "loads")
KEPT_LINES_BYTES = 4 * 1024 * 1024
"""How much of rejected and stripped lines is buffered while a COPY of rows runs."""
LINE_OVERHEAD_BYTES = 200
"""The memory for a kept line besides its bytes, of which it may have only one."""
MAX_URI_BYTES = 2_600
"""An index entry holds 2,704 with the feed's id; a replay's URI extends its file's."""


class Status(StrEnum):
    """How loading one file ended."""

    LOADED = "loaded"
    ALREADY_LOADED = "already loaded"
    BEING_LOADED = "being loaded by another process"
    LEFT = "gone or changed, left for the next run"
    FAILED = "failed"


@dataclass(frozen=True)
class FileOutcome:
    """The result of loading one file."""

    feed: str
    uri: str
    status: Status
    rows: int = 0
    rejected_lines: int = 0
    unknown_fields: tuple[str, ...] = ()
    missing_fields: tuple[str, ...] = ()
    error: str = ""


@dataclass
class _Counts:
    rows: int = 0
    rejected_lines: int = 0


def load_file(
    connection: psycopg.Connection, feed: Feed, file: SourceFile
) -> FileOutcome:
    """Loads the file, if it is new; commits once, or rolls everything back.

    Raises FileError if it can't be loaded as this feed.
    """
    if file.byte_count == 0:
        raise FileError("is empty; send it again, or remove it")
    if kept_uri(file) != file.uri:
        raise FileError(
            f"has a name of more than {MAX_URI_BYTES:,} bytes, as it is written in an "
            "address; move it to a shorter one"
        )
    try:
        with connection.transaction():
            return _load_if_new(connection, feed, file)
    except _LoadedMeanwhile as error:
        with connection.transaction():
            return _already_loaded(connection, feed, file, error.sha256)


def kept_uri(file: SourceFile) -> str:
    """The file's URI in `raw.loads`: if too long, its beginning and its hash."""
    uri = file.uri.encode()
    if len(uri) <= MAX_URI_BYTES:
        return file.uri
    beginning = uri[:1_000].decode(errors="ignore")
    return f"{beginning}...{hashlib.sha256(uri).hexdigest()}"


class _LoadedMeanwhile(Exception):
    """Another loader has committed the same content."""

    def __init__(self, sha256: str) -> None:
        super().__init__(sha256)
        self.sha256 = sha256


def _load_if_new(
    connection: psycopg.Connection, feed: Feed, file: SourceFile
) -> FileOutcome:
    start = _Start(
        *_row(
            connection,
            "start_load",
            claimed=f"{feed.name} {file.uri}",
            feed=feed.name,
            byte_count=file.byte_count,
        )
    )
    if not start.is_claimed:
        return FileOutcome(feed.name, file.uri, Status.BEING_LOADED)
    load_id = start.load_id
    if load_id is None:
        # A loaded file has the same size, so this may be a copy: hash it to find out.
        sha256 = hash_file(file)
        (is_loaded,) = _row(connection, "is_loaded", feed=feed.name, sha256=sha256)
        if is_loaded:
            return _already_loaded(connection, feed, file, sha256)
        load_id = new_load_id(connection)
    with reading(file, feed) as content:
        try:
            return _load(connection, feed, file, content, load_id)
        except psycopg.errors.UniqueViolation as error:
            if error.diag.constraint_name != "loads_content":
                raise
            raise _LoadedMeanwhile(content.sha256) from error


class _Start(NamedTuple):
    """What Postgres knows about a file before it is loaded."""

    is_claimed: bool
    """False if another process is loading it."""
    load_id: int | None
    """None if unclaimed, or if a loaded file has the same size: this may be a copy."""


def _already_loaded(
    connection: psycopg.Connection, feed: Feed, file: SourceFile, sha256: str
) -> FileOutcome:
    known = {
        "feed": feed.name,
        "uri": file.uri,
        "sha256": sha256,
        "file_version": file.version,
    }
    connection.execute(STATEMENTS["replace_failed"], known)
    connection.execute(STATEMENTS["keep_copy"], known)
    return FileOutcome(feed.name, file.uri, Status.ALREADY_LOADED)


def _row(
    connection: psycopg.Connection, statement: str, **values: object
) -> tuple[Any, ...]:
    row = connection.execute(STATEMENTS[statement], values).fetchone()
    assert row is not None
    return row


def new_load_id(connection: psycopg.Connection) -> int:
    """Draws the id of a new load."""
    return int(_row(connection, "new_load_id")[0])


def _load(
    connection: psycopg.Connection,
    feed: Feed,
    file: SourceFile,
    content: Content,
    load_id: int,
) -> FileOutcome:
    records = content.records(load_id)
    counts = _copy(connection, records, load_id)
    if not counts.rows and counts.rejected_lines:
        raise FileError(
            f"no record of it ({counts.rejected_lines:,} read) is {feed.format}; "
            f"it may not be a file of feed {feed.name}"
        )
    drift = records.drift
    loaded = {
        "load_id": load_id,
        "feed": feed.name,
        "uri": file.uri,
        "sha256": content.sha256,
        "file_version": file.version,
        "modified": file.modified,
        "byte_count": content.byte_count,
        "record_count": counts.rows + counts.rejected_lines,
        "row_count": counts.rows,
        "rejected_line_count": counts.rejected_lines,
        "unknown_fields": list(drift.unknown_fields),
        "missing_fields": list(drift.missing_fields),
        "header": records.header,
        "replays_load_id": None,
    }
    # Pipelined, because for a small file most of the time goes to round trips.
    with connection.pipeline():
        connection.execute(STATEMENTS["replace_failed"], loaded)
        connection.execute(STATEMENTS["insert_load"], loaded)
    return FileOutcome(
        feed.name,
        file.uri,
        Status.LOADED,
        counts.rows,
        counts.rejected_lines,
        drift.unknown_fields,
        drift.missing_fields,
    )


def _copy(connection: psycopg.Connection, records: Records, load_id: int) -> _Counts:
    """Copies rows to events_raw, rejected and stripped lines to their own tables."""
    counts = _Counts()
    batches = iter(records.batches)
    more = True
    while more:
        kept = _KeptLines(batches)
        counts.rows += copy_rows(connection, records, kept)
        counts.rejected_lines += len(kept.rejected)
        _copy_rejected(connection, load_id, kept.rejected)
        copy_stripped(connection, load_id, kept.stripped)
        more = kept.is_full
    return counts


class _KeptLines:
    """Passes batches on until the lines kept of them fill the memory for them."""

    def __init__(self, batches: Iterator[Batch]) -> None:
        self._batches = batches
        self._byte_count = 0
        self.rejected: list[RejectedLine] = []
        self.stripped: list[StrippedLine] = []

    @property
    def is_full(self) -> bool:
        """True if it stopped because memory was full."""
        return self._byte_count > KEPT_LINES_BYTES

    def __iter__(self) -> Iterator[Batch]:
        for batch in self._batches:
            self.rejected += batch.rejected
            self.stripped += batch.stripped
            lines = [rejected.line for rejected in batch.rejected]
            lines += [stripped.line for stripped in batch.stripped]
            self._byte_count += sum(map(len, lines)) + LINE_OVERHEAD_BYTES * len(lines)
            yield batch
            if self.is_full:
                return


def copy_rows(
    connection: psycopg.Connection, records: Records, batches: Iterable[Batch]
) -> int:
    """Copies the batches' rows and returns how many there were.

    Raises FileError if Postgres reports another number.
    """
    sent_rows = 0
    with connection.cursor() as cursor:
        with cursor.copy(_copy_statement(records)) as copy:
            for batch in batches:
                copy.write(batch.rows)
                sent_rows += batch.row_count
        if cursor.rowcount != sent_rows:
            raise FileError(
                f"Postgres took {cursor.rowcount} rows where {sent_rows} were sent"
            )
    return sent_rows


def _copy_statement(records: Records) -> sql.Composed:
    return sql.SQL("copy raw.events_raw ({}) from stdin with (format {})").format(
        sql.SQL(", ").join(map(sql.Identifier, records.columns)),
        sql.SQL(records.copy_format),
    )


def _copy_rejected(
    connection: psycopg.Connection, load_id: int, rejected: Sequence[RejectedLine]
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


def copy_stripped(
    connection: psycopg.Connection, load_id: int, stripped: Sequence[StrippedLine]
) -> None:
    """Stores the original of each record that was loaded without its NUL characters."""
    if not stripped:
        return
    statement = (
        "copy raw.stripped_lines (load_id, line_number, line) "
        "from stdin with (format binary)"
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(["int8", "int4", "bytea"])
        for line in stripped:
            copy.write_row((load_id, line.line_number, line.line))
