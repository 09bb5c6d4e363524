"""Decides how many loaders to run for the new files, without reading any."""

import logging
from collections.abc import Iterator, Sequence

import psycopg

from event_warehouse.database import Role, connect
from event_warehouse.feeds import read_feeds
from event_warehouse.load.files import settled_uris
from event_warehouse.load.find import Place, found_files
from event_warehouse.load.share import Share
from event_warehouse.settings import Settings
from event_warehouse.sources.errors import SourceUnavailable
from event_warehouse.window import Window

FILES_OF_A_LOADER = 1_000
"""At about 3 ms each, as long as the 3 s that starting one more task takes."""
BYTES_OF_A_LOADER = 256 * 1024 * 1024
"""About 3 s of loading."""
MOST_LOADERS = 8

logger = logging.getLogger(__name__)


def plan_shares(
    settings: Settings,
    *,
    source: str | None = None,
    feed: str | None = None,
    window: Window | None = None,
    from_web: bool = True,
) -> list[Share]:
    """The shares in which to load the new files, none if there is no new file.

    Reads names only. A place that can't be reached counts as having files: loading then
    reports the error and still loads the other places. Raises like `load_new_files`.
    """
    feeds = read_feeds(settings.feeds)
    with (
        found_files(
            settings, feeds, source=source, feed=feed, window=window, from_web=from_web
        ) as places,
        connect(settings.dsn, Role.LOADER, autocommit=True) as connection,
    ):
        sizes = list(_new_sizes(connection, places, is_failure_settled=False))
    count = min(
        MOST_LOADERS,
        max(
            -(-len(sizes) // FILES_OF_A_LOADER),
            -(-sum(sizes) // BYTES_OF_A_LOADER),
        ),
    )
    if not sizes:
        logger.info("loaded 0 files: there is no new one")
    return [Share(number, count) for number in range(count)]


def is_any_new(settings: Settings, *, retries_failed: bool) -> bool:
    """True if a new file has landed; logs nothing, as it is called every second.

    With `retries_failed`, failed files count as new.
    """
    feeds = read_feeds(settings.feeds)
    with (
        found_files(
            settings, feeds, source=None, feed=None, window=None, is_quiet=True
        ) as places,
        connect(settings.dsn, Role.LOADER, autocommit=True) as connection,
    ):
        sizes = _new_sizes(connection, places, is_failure_settled=not retries_failed)
        return any(sizes)


def _new_sizes(
    connection: psycopg.Connection,
    places: Sequence[Place],
    *,
    is_failure_settled: bool,
) -> Iterator[int]:
    """The size, at least 1, of each file whose current version is not settled."""
    for place in places:
        try:
            files = place.find()
        except SourceUnavailable as error:
            logger.debug("%s: %s", place.feed.name, error)
            yield 1
            continue
        if files:
            settled = settled_uris(
                connection, place.feed, files, is_failure_settled=is_failure_settled
            )
            for file in files:
                if file.uri not in settled:
                    yield max(1, file.byte_count or 0)
