"""Loads every new file; one that can't be loaded doesn't stop the others."""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg

from event_warehouse.database import Role, connect
from event_warehouse.errors import FileError
from event_warehouse.feeds import Feed, read_feeds
from event_warehouse.load.declarations import keep_declaration, keep_declarations
from event_warehouse.load.find import found_files
from event_warehouse.load.one_file import (
    STATEMENTS,
    FileOutcome,
    Status,
    kept_uri,
    load_file,
)
from event_warehouse.load.share import WHOLE, Share
from event_warehouse.settings import Settings
from event_warehouse.sources.errors import FileChanged, FileGone, SourceUnavailable
from event_warehouse.sources.local import find_file
from event_warehouse.sources.source_file import SourceFile
from event_warehouse.window import Window
from event_warehouse.wording import things

PROGRESS_SECONDS = 1.0
SETTLED = ["loaded", "dismissed"]
REFUSED_ROW = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,
)
"""Errors that the file's content causes, not the server or the connection."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadSummary:
    """What a run of the loader did; the first five count files."""

    loaded: int = 0
    already_loaded: int = 0
    being_loaded: int = 0
    left: int = 0
    failed: int = 0
    rows: int = 0
    rejected_lines: int = 0


def load_new_files(
    settings: Settings,
    *,
    source: str | None = None,
    feed: str | None = None,
    window: Window | None = None,
    from_web: bool = True,
    share: Share | None = None,
) -> LoadSummary:
    """Loads a source as a feed, or everything that has landed (see `found_files`).

    With a share, loads only that part of the files; parallel loaders take the rest.
    Commits file by file. A file that can't be loaded is recorded as failed in
    `raw.loads`, with the reason, and counted. Raises FileError if the source doesn't
    exist or, once all others are loaded, if one can't be reached. Raises FeedError if
    no feed is named for the source or the feed isn't declared.
    """
    feeds = read_feeds(settings.feeds)
    share = share or WHOLE
    with (
        found_files(
            settings, feeds, source=source, feed=feed, window=window, from_web=from_web
        ) as places,
        connect(settings.dsn, Role.LOADER, autocommit=True) as connection,
    ):
        keep_declarations(connection, feeds)
        outcomes: list[FileOutcome] = []
        unavailable: list[SourceUnavailable] = []
        for place in places:
            try:
                files = [file for file in place.find() if share.has(file.uri)]
                outcomes += _load_feed(connection, place.feed, files)
            except SourceUnavailable as error:
                if len(places) > 1:
                    logger.error("%s: %s", place.feed.name, error)
                unavailable.append(error)
    summary = _summarise(outcomes)
    if unavailable:
        raise unavailable[0]
    return summary


def dismiss_failed(settings: Settings, load_id: int) -> str:
    """Dismisses a failed file and returns its URI; commits once.

    The file isn't tried again until it changes. If its server reports no version, it is
    tried again anyway. Raises FileError if there is no failed load with this id.
    """
    with connect(settings.dsn, Role.LOADER) as connection:
        row = connection.execute(
            STATEMENTS["failed_load"], {"load_id": load_id}
        ).fetchone()
        if row is None:
            raise FileError(f"load {load_id} is not a failed one")
        uri, version = row
        connection.execute(
            STATEMENTS["dismiss_failed"],
            {"load_id": load_id, "file_version": version or _version_now(uri)},
        )
    return str(uri)


def _version_now(uri: str) -> str | None:
    """The version that a local file has now; None if it is remote or gone.

    Asked for a file that had just changed when it failed: its version was not trusted.
    """
    if not uri.startswith("file:"):
        return None
    try:
        return find_file(Path(unquote(urlsplit(uri).path))).version
    except FileError:
        return None


def _load_feed(
    connection: psycopg.Connection, feed: Feed, files: Sequence[SourceFile]
) -> Iterator[FileOutcome]:
    if not files:
        return
    keep_declaration(connection, feed)
    # In its own transaction, or others would wait until a month's first file is loaded.
    connection.execute(STATEMENTS["ensure_partition"])
    settled = settled_uris(connection, feed, files)
    said = time.monotonic()
    for number, file in enumerate(files, 1):
        if file.uri in settled:
            yield FileOutcome(feed.name, file.uri, Status.ALREADY_LOADED)
            continue
        outcome = _load_or_keep_failed(connection, feed, file)
        if time.monotonic() - said >= PROGRESS_SECONDS or number == len(files):
            said = time.monotonic()
            logger.info("%s: file %d of %d", feed.name, number, len(files))
        yield outcome


def settled_uris(
    connection: psycopg.Connection,
    feed: Feed,
    files: Sequence[SourceFile],
    *,
    is_failure_settled: bool = False,
) -> set[str]:
    """The URIs of the files whose current versions need no loading.

    A failed file is not among them, and so is tried again, unless
    `is_failure_settled`.
    """
    rows = connection.execute(
        STATEMENTS["settled_uris"],
        {
            "feed": feed.name,
            "uris": [kept_uri(file) for file in files],
            "versions": [file.version for file in files],
            "statuses": SETTLED + ["failed"] * is_failure_settled,
        },
    )
    kept = {uri for (uri,) in rows}
    return {file.uri for file in files if kept_uri(file) in kept}


def _load_or_keep_failed(
    connection: psycopg.Connection, feed: Feed, file: SourceFile
) -> FileOutcome:
    try:
        outcome = load_file(connection, feed, file)
    except (FileGone, FileChanged) as error:
        logger.warning("nothing was loaded of %s: it %s", file.uri, error)
        return FileOutcome(feed.name, file.uri, Status.LEFT)
    except SourceUnavailable:
        raise
    except (FileError, *REFUSED_ROW) as error:
        return _keep_failed(connection, feed, file, _reason(error))
    _report_drift(feed, outcome)
    if outcome.rejected_lines > outcome.rows:
        logger.warning(
            "%s: only %d of its %d records could be read; is it a file of feed %s? "
            "raw.rejected_lines says what is wrong with the others",
            outcome.uri,
            outcome.rows,
            outcome.rows + outcome.rejected_lines,
            feed.name,
        )
    return outcome


def _keep_failed(
    connection: psycopg.Connection, feed: Feed, file: SourceFile, reason: str
) -> FileOutcome:
    failed = {
        "feed": feed.name,
        "uri": kept_uri(file),
        "file_version": file.version,
        "byte_count": file.byte_count,
        "error": reason,
    }
    with connection.transaction():
        # Update first, because an insert that runs into a conflict uses up an id.
        if not connection.execute(STATEMENTS["keep_failed_again"], failed).rowcount:
            connection.execute(STATEMENTS["keep_failed"], failed)
    logger.error("%s as feed %s was not loaded: %s", file.uri, feed.name, reason)
    return FileOutcome(feed.name, file.uri, Status.FAILED, error=reason)


def _report_drift(feed: Feed, outcome: FileOutcome) -> None:
    if outcome.unknown_fields:
        # Their names are data, which may be in raw.loads but not in the log.
        logger.warning(
            "%s: %s has %d fields that the feed does not declare; "
            "their names are in raw.loads.unknown_fields",
            feed.name,
            outcome.uri,
            len(outcome.unknown_fields),
        )
    if outcome.missing_fields:
        logger.warning(
            "%s: %s has none of these declared fields: %s",
            feed.name,
            outcome.uri,
            ", ".join(outcome.missing_fields),
        )


def _reason(error: FileError | psycopg.Error) -> str:
    if isinstance(error, FileError):
        return str(error)
    return f"Postgres refused a row: {error.diag.message_primary}"


def _summarise(outcomes: Sequence[FileOutcome]) -> LoadSummary:
    statuses = [outcome.status for outcome in outcomes]
    summary = LoadSummary(
        loaded=statuses.count(Status.LOADED),
        already_loaded=statuses.count(Status.ALREADY_LOADED),
        being_loaded=statuses.count(Status.BEING_LOADED),
        left=statuses.count(Status.LEFT),
        failed=statuses.count(Status.FAILED),
        rows=sum(outcome.rows for outcome in outcomes),
        rejected_lines=sum(outcome.rejected_lines for outcome in outcomes),
    )
    others = (
        f", {summary.being_loaded} being loaded by others" * bool(summary.being_loaded),
        f", {summary.left} left for the next run" * bool(summary.left),
    )
    logger.info(
        "loaded %s (%s, %s), %d already loaded, %d failed%s",
        things(summary.loaded, "file"),
        things(summary.rows, "row"),
        things(summary.rejected_lines, "rejected line"),
        summary.already_loaded,
        summary.failed,
        "".join(others),
    )
    return summary
