"""Loads every file that is new; one that can't be loaded does not stop the others."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.types.json import Jsonb

from event_warehouse.database import Role, connect
from event_warehouse.errors import FeedError, FileError
from event_warehouse.feeds import Feed, choose_feed, read_feeds
from event_warehouse.load.local_files import (
    RACY_SECONDS,
    LocalFile,
    find_file,
    find_in_folder,
    find_landed,
)
from event_warehouse.load.one_file import STATEMENTS, FileOutcome, Status, load_file
from event_warehouse.settings import Settings

PROGRESS_SECONDS = 1.0
REFUSED_ROW = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,
)
"""What says that a file is at fault, and not the server or the connection."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadSummary:
    """What a run of the loader did."""

    loaded: int = 0
    already_loaded: int = 0
    failed: int = 0
    rows: int = 0
    rejected_lines: int = 0


def load_new_files(
    settings: Settings, *, source: str | None = None, feed: str | None = None
) -> LoadSummary:
    """Loads a file or folder as a feed, or without a source all that has landed.

    Commits file by file. A file that can't be loaded is kept as failed in `raw.loads`,
    with the reason, and counted. Raises FileError if the source does not exist, and
    FeedError if no feed is named for it or it is not declared.
    """
    feeds = read_feeds(settings.feeds)
    found = (
        _find_landed(settings, feeds, feed)
        if source is None
        else _find_source(Path(source), feeds, feed)
    )
    with connect(settings.dsn, Role.LOADER, autocommit=True) as connection:
        outcomes = [
            outcome
            for chosen, files in found
            for outcome in _load_feed(connection, chosen, files)
        ]
    return _summarise(outcomes)


def dismiss_failed(settings: Settings, load_id: int) -> str:
    """The URI of the failed file, which then counts as settled; commits once.

    Raises FileError if no load of that id is failed.
    """
    with connect(settings.dsn, Role.LOADER) as connection:
        row = connection.execute(
            STATEMENTS["dismiss_failed"], {"load_id": load_id}
        ).fetchone()
    if row is None:
        raise FileError(f"load {load_id} is not a failed one")
    return str(row[0])


def _find_source(
    source: Path, feeds: Mapping[str, Feed], feed: str | None
) -> list[tuple[Feed, list[LocalFile]]]:
    if feed is None:
        raise FeedError(
            f"say which feed {source} is: FEED=... or --feed; "
            f"declared are {', '.join(feeds)}"
        )
    chosen = choose_feed(feeds, feed)
    if not source.exists():
        raise FileError(f"{source}: no such file or folder")
    if source.is_dir():
        return [(chosen, find_in_folder(source))]
    return [(chosen, [find_file(source)])]


def _find_landed(
    settings: Settings, feeds: Mapping[str, Feed], feed: str | None
) -> list[tuple[Feed, list[LocalFile]]]:
    chosen = [choose_feed(feeds, feed)] if feed else list(feeds.values())
    newest = time.time() - settings.settle_seconds
    return [
        (one, [f for f in find_landed(settings.landing, one) if f.modified <= newest])
        for one in chosen
    ]


def _load_feed(
    connection: psycopg.Connection, feed: Feed, files: Sequence[LocalFile]
) -> Iterator[FileOutcome]:
    if not files:
        return
    _keep_declaration(connection, feed)
    versions = _loaded_versions(connection, feed, files)
    said = time.monotonic()
    for number, file in enumerate(files, 1):
        if (file.uri, file.version) in versions:
            yield FileOutcome(feed.name, file.uri, Status.ALREADY_LOADED)
            continue
        outcome = _load_or_keep_failed(connection, feed, file)
        if time.monotonic() - said >= PROGRESS_SECONDS or number == len(files):
            said = time.monotonic()
            logger.info("%s: file %d of %d", feed.name, number, len(files))
        yield outcome


def _keep_declaration(connection: psycopg.Connection, feed: Feed) -> None:
    """dbt casts by the declaration that `raw.feeds` has."""
    declared = {
        "feed": feed.name,
        "declaration": Jsonb(feed.model_dump(mode="json")),
    }
    kept = connection.execute(STATEMENTS["has_feed"], declared).fetchone()
    if kept and not kept[0]:
        with connection.transaction():
            connection.execute(STATEMENTS["lock_feeds"])
            connection.execute(STATEMENTS["keep_feed"], declared)


def _loaded_versions(
    connection: psycopg.Connection, feed: Feed, files: Sequence[LocalFile]
) -> set[tuple[str, str]]:
    uris = [file.uri for file in files]
    rows = connection.execute(
        STATEMENTS["loaded_versions"], {"feed": feed.name, "uris": uris}
    )
    return {(uri, version) for uri, version in rows}


def _load_or_keep_failed(
    connection: psycopg.Connection, feed: Feed, file: LocalFile
) -> FileOutcome:
    is_settled = time.time() - file.modified > RACY_SECONDS
    try:
        return load_file(
            connection, feed, file, file_version=file.version if is_settled else None
        )
    except (FileError, *REFUSED_ROW) as error:
        reason = _reason(error)
        failed = {
            "feed": feed.name,
            "uri": file.uri,
            "byte_count": file.byte_count,
            "error": reason,
        }
        connection.execute(STATEMENTS["keep_failed"], failed)
        logger.error("%s as feed %s was not loaded: %s", file.path, feed.name, reason)
        return FileOutcome(feed.name, file.uri, Status.FAILED, error=reason)


def _reason(error: FileError | psycopg.Error) -> str:
    if isinstance(error, FileError):
        return str(error)
    return f"Postgres refused a row: {error.diag.message_primary}"


def _summarise(outcomes: Sequence[FileOutcome]) -> LoadSummary:
    statuses = [outcome.status for outcome in outcomes]
    summary = LoadSummary(
        loaded=statuses.count(Status.LOADED),
        already_loaded=statuses.count(Status.ALREADY_LOADED),
        failed=statuses.count(Status.FAILED),
        rows=sum(outcome.rows for outcome in outcomes),
        rejected_lines=sum(outcome.rejected_lines for outcome in outcomes),
    )
    logger.info(
        "loaded %d files (%d rows, %d rejected lines), %d already loaded, %d failed",
        summary.loaded,
        summary.rows,
        summary.rejected_lines,
        summary.already_loaded,
        summary.failed,
    )
    return summary
