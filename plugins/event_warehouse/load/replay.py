"""Reads rejected lines again, after their feed's declaration was mended."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

from event_warehouse.database import Role, connect
from event_warehouse.feeds import Feed, choose_feed, read_feeds
from event_warehouse.load.declarations import keep_declaration
from event_warehouse.load.one_file import (
    STATEMENTS,
    copy_rows,
    copy_stripped,
    new_load_id,
)
from event_warehouse.load.readers import is_parquet, read_records
from event_warehouse.load.records import Batch, Records
from event_warehouse.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReplaySummary:
    """What a replay did, in lines."""

    replayed: int = 0
    still_rejected: int = 0


@dataclass(frozen=True)
class _Load:
    """A load that has rejected lines."""

    load_id: int
    feed: str
    uri: str
    header: bytes | None
    modified: float | None


@dataclass(frozen=True)
class _Reread:
    """The lines that are records now."""

    records: Records
    rows: Sequence[Batch]
    line_numbers: Sequence[int]


def replay_rejected_lines(
    settings: Settings, *, feed: str | None = None, requested_by: str | None = None
) -> ReplaySummary:
    """Takes in the rejected lines that the feeds, as declared now, can read.

    Commits load by load: each replay is a load of its own, whose rows have the original
    line's number and which the original line points at. What still can't be read stays
    as it is. `raw.replay_requests` keeps who asked, else the database's user. Raises
    FeedError if the feed is not declared.
    """
    feeds = read_feeds(settings.feeds)
    chosen = [choose_feed(feeds, feed)] if feed else list(feeds.values())
    with connect(settings.dsn, Role.LOADER, autocommit=True) as connection:
        asked = {"feed": feed, "requested_by": requested_by}
        request = connection.execute(STATEMENTS["start_replay"], asked).fetchone()
        with connection.cursor(row_factory=class_row(_Load)) as cursor:
            loads = cursor.execute(
                STATEMENTS["loads_with_rejected_lines"],
                {"feeds": [one.name for one in chosen]},
            ).fetchall()
        replayed = [_replay(connection, feeds[load.feed], load) for load in loads]
        still_rejected = connection.execute(
            STATEMENTS["count_rejected_lines"], {"feeds": [one.name for one in chosen]}
        ).fetchone()
        assert request is not None
        connection.execute(
            STATEMENTS["finish_replay"],
            {"request_id": request[0], "line_count": sum(replayed)},
        )
    assert still_rejected is not None
    summary = ReplaySummary(sum(replayed), still_rejected[0])
    logger.info(
        "replayed %d lines of %d files, %d are still rejected",
        summary.replayed,
        sum(count > 0 for count in replayed),
        summary.still_rejected,
    )
    return summary


def _replay(connection: psycopg.Connection, feed: Feed, load: _Load) -> int:
    """How many lines were replayed."""
    keep_declaration(connection, feed)
    connection.execute(STATEMENTS["ensure_partition"])
    with connection.transaction():
        claimed = {"claimed": f"replay of load {load.load_id}"}
        connection.execute(STATEMENTS["wait_for_claim"], claimed)
        lines = connection.execute(
            STATEMENTS["rejected_lines"], {"load_id": load.load_id}
        ).fetchall()
        replay_id = new_load_id(connection)
        reread = _read_again(feed, load, lines, replay_id=replay_id)
        if reread is not None:
            _write(connection, feed, load, reread, replay_id=replay_id)
    return len(reread.line_numbers) if reread else 0


def _read_again(
    feed: Feed, load: _Load, lines: Sequence[tuple[int, bytes]], *, replay_id: int
) -> _Reread | None:
    """Each line by itself, as a bad one is no other's fault; None if all are bad."""
    if is_parquet(load.uri, feed):
        # Rows that Parquet rejected are kept as JSON.
        feed = feed.model_copy(update={"format": "json_lines"})
    header = load.header + b"\n" if load.header is not None else b""
    records = None
    rows, numbers = [], []
    for number, line in lines:
        read = read_records([header + line + b"\n"], feed, load_id=replay_id)
        batches = list(read.batches)
        if sum(batch.row_count for batch in batches) == 1 and not any(
            batch.rejected for batch in batches
        ):
            records = read
            rows += [_numbered(batch, number) for batch in batches if batch.row_count]
            numbers.append(number)
    return _Reread(records, rows, numbers) if records else None


def _numbered(batch: Batch, number: int) -> Batch:
    """The batch's only row, with the line's own number in place of the reader's."""
    separator = b"\t" if batch.rows.partition(b"\t")[0].isdigit() else b","
    load_id, _, rest = batch.rows.split(separator, 2)
    row = separator.join([load_id, b"%d" % number, rest])
    for line in batch.stripped:
        line.line_number = number
    return Batch(row, 1, stripped=batch.stripped)


def _write(
    connection: psycopg.Connection,
    feed: Feed,
    load: _Load,
    reread: _Reread,
    *,
    replay_id: int,
) -> None:
    copy_rows(connection, reread.records, reread.rows)
    stripped = [line for batch in reread.rows for line in batch.stripped]
    copy_stripped(connection, replay_id, stripped)
    rows = b"".join(batch.rows for batch in reread.rows)
    connection.execute(
        STATEMENTS["insert_load"],
        {
            "load_id": replay_id,
            "feed": feed.name,
            "uri": f"{load.uri}#replay-{replay_id}",
            "sha256": hashlib.sha256(rows).hexdigest(),
            "file_version": None,
            "modified": load.modified,
            "byte_count": len(rows),
            "record_count": len(reread.line_numbers),
            "row_count": len(reread.line_numbers),
            "rejected_line_count": 0,
            "unknown_fields": [],
            "missing_fields": [],
            "header": None,
            "replays_load_id": load.load_id,
        },
    )
    connection.execute(
        STATEMENTS["mark_replayed"],
        {
            "replay_id": replay_id,
            "load_id": load.load_id,
            "line_numbers": list(reread.line_numbers),
        },
    )
