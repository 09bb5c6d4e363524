"""Reads rejected lines again, after their feed's declaration was corrected."""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

from event_warehouse.database import Role, connect
from event_warehouse.errors import FileError
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
from event_warehouse.wording import things

LINES_AT_ONCE = 10_000
BYTES_AT_ONCE = 16 * 1024 * 1024
"""How much of a load's lines is held in memory at once."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReplaySummary:
    """The result of a replay, in lines."""

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
    """Some of the lines that can now be read as records."""

    records: Records
    rows: Sequence[Batch]
    line_numbers: Sequence[int]


def replay_rejected_lines(
    settings: Settings, *, feed: str | None = None, requested_by: str | None = None
) -> ReplaySummary:
    """Loads the rejected lines that the feeds' current declarations can read.

    Commits load by load. Each replay is a new load whose rows keep the original line
    numbers; the replayed lines refer to it. Only some of a load's lines are held at
    once. Lines that still can't be read stay as they are, as do all lines of a file
    whose header no longer fits the feed; neither stops the others.
    `raw.replay_requests` records who asked, by default the database user. Raises
    FeedError if the feed isn't declared.
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
        replayed = [
            _replay_or_leave(connection, feeds[load.feed], load) for load in loads
        ]
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
        "replayed %s of %s, %d still rejected",
        things(summary.replayed, "line"),
        things(sum(count > 0 for count in replayed), "file"),
        summary.still_rejected,
    )
    return summary


def _replay_or_leave(connection: psycopg.Connection, feed: Feed, load: _Load) -> int:
    """Replays a load; returns the number of lines, 0 if its header no longer fits."""
    try:
        return _replay(connection, feed, load)
    except FileError as error:
        logger.warning("no line of %s was replayed: %s", load.uri, error)
        return 0


def _replay(connection: psycopg.Connection, feed: Feed, load: _Load) -> int:
    """Replays a load in one transaction and returns the number of lines."""
    keep_declaration(connection, feed)
    connection.execute(STATEMENTS["ensure_partition"])
    with connection.transaction():
        claimed = {"claimed": f"replay of load {load.load_id}"}
        connection.execute(STATEMENTS["wait_for_claim"], claimed)
        replay_id = new_load_id(connection)
        written = _Written()
        for lines in _rejected_lines(connection, load):
            if reread := _read_again(feed, load, lines, replay_id=replay_id):
                _write(connection, reread, replay_id=replay_id)
                written.add(reread)
        if written.line_numbers:
            _keep_load(connection, feed, load, written, replay_id=replay_id)
    return len(written.line_numbers)


class _Written:
    """What a replay has written so far."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self.byte_count = 0
        self.line_numbers: list[int] = []

    def add(self, reread: _Reread) -> None:
        """Counts lines that have been written."""
        for batch in reread.rows:
            self.hash.update(batch.rows)
            self.byte_count += len(batch.rows)
        self.line_numbers += reread.line_numbers


def _rejected_lines(
    connection: psycopg.Connection, load: _Load
) -> Iterator[Sequence[tuple[int, bytes]]]:
    """The load's rejected lines in order, in portions that fit the memory limit."""
    after = 0
    while lines := connection.execute(
        STATEMENTS["rejected_lines"],
        {
            "load_id": load.load_id,
            "after": after,
            "most_lines": LINES_AT_ONCE,
            "most_bytes": BYTES_AT_ONCE,
        },
    ).fetchall():
        yield lines
        after = lines[-1][0]


def _read_again(
    feed: Feed, load: _Load, lines: Sequence[tuple[int, bytes]], *, replay_id: int
) -> _Reread | None:
    """The lines that can now be read as records, None if there are none.

    Reads all of them together; if that fails, splits them in halves until it works, so
    that one bad line doesn't affect the others.
    """
    if is_parquet(load.uri, feed):
        # Rejected Parquet rows are stored as JSON.
        feed = feed.model_copy(update={"format": "json_lines"})
    header = load.header + b"\n" if load.header is not None else b""
    records = None
    rows: list[Batch] = []
    numbers: list[int] = []
    waiting = [lines]
    while waiting:
        some = waiting.pop()
        text = b"".join([header, *(line + b"\n" for _, line in some)])
        read = read_records([text], feed, load_id=replay_id)
        own_numbers = [number for number, _ in some]
        if batch := _one_row_each(list(read.batches), own_numbers):
            records = read
            rows.append(batch)
            numbers += own_numbers
        elif len(some) > 1:
            middle = len(some) // 2
            waiting += [some[middle:], some[:middle]]
    return _Reread(records, rows, numbers) if records else None


def _one_row_each(batches: Sequence[Batch], numbers: Sequence[int]) -> Batch | None:
    """The rows, numbered as the original lines instead of by the reader.

    None unless each line became exactly one row. If a line swallows the next one, the
    reader skips a number; a row that spans lines has no number on its second one.
    """
    if any(batch.rejected for batch in batches):
        return None
    if sum(batch.row_count for batch in batches) != len(numbers):
        return None
    text = b"".join(batch.rows for batch in batches).removesuffix(b"\n")
    rows = [text] if len(numbers) == 1 else text.split(b"\n")
    separator = b"\t" if text.partition(b"\t")[0].isdigit() else b","
    parts = [row.split(separator, 2) for row in rows]
    first = int(parts[0][1])
    expected = [b"%d" % (first + place) for place in range(len(numbers))]
    if [part[1] for part in parts if len(part) == 3] != expected:
        return None
    stripped = [line for batch in batches for line in batch.stripped]
    for line in stripped:
        line.line_number = numbers[line.line_number - first]
    numbered = (
        b"%b%b%d%b%b\n" % (load_id, separator, number, separator, rest)
        for number, (load_id, _, rest) in zip(numbers, parts, strict=True)
    )
    return Batch(b"".join(numbered), len(numbers), stripped=stripped)


def _write(connection: psycopg.Connection, reread: _Reread, *, replay_id: int) -> None:
    copy_rows(connection, reread.records, reread.rows)
    stripped = [line for batch in reread.rows for line in batch.stripped]
    copy_stripped(connection, replay_id, stripped)


def _keep_load(
    connection: psycopg.Connection,
    feed: Feed,
    load: _Load,
    written: _Written,
    *,
    replay_id: int,
) -> None:
    connection.execute(
        STATEMENTS["insert_load"],
        {
            "load_id": replay_id,
            "feed": feed.name,
            "uri": f"{load.uri}#replay-{replay_id}",
            "sha256": written.hash.hexdigest(),
            "file_version": None,
            "modified": load.modified,
            "byte_count": written.byte_count,
            "record_count": len(written.line_numbers),
            "row_count": len(written.line_numbers),
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
            "line_numbers": written.line_numbers,
        },
    )
