"""Queues rejected events to be cast again after a declaration or rule was corrected."""

import logging
from collections.abc import Sequence

import psycopg

from event_warehouse.database import Role, connect, load_statements
from event_warehouse.feeds import choose_feed, read_feeds
from event_warehouse.load.declarations import keep_declarations
from event_warehouse.settings import Settings
from event_warehouse.wording import things

STATEMENTS = load_statements("event_warehouse.transform", "recast")

logger = logging.getLogger(__name__)


def recast_rejected_events(
    settings: Settings,
    *,
    feed: str | None = None,
    all_of_them: bool = False,
    requested_by: str | None = None,
) -> int:
    """Queues rejected events for the next transform and returns how many; commits once.

    Takes one feed's events, or all feeds'. Without `all_of_them`, which is meant for
    upgrades, only those that an older declaration rejected. The ledger records who
    asked, by default the database user. Raises FeedError if the feed isn't declared.
    """
    feeds = read_feeds(settings.feeds)
    chosen = [choose_feed(feeds, feed).name] if feed else list(feeds)
    with connect(settings.dsn, Role.LOADER, autocommit=True) as connection:
        keep_declarations(connection, feeds)
    with connect(settings.dsn, Role.TRANSFORMER) as connection:
        event_count = _recast(connection, chosen, all_of_them=all_of_them)
        connection.execute(
            STATEMENTS["keep_request"],
            {"feed": feed, "event_count": event_count, "requested_by": requested_by},
        )
    return event_count


def _recast(
    connection: psycopg.Connection, feeds: Sequence[str], *, all_of_them: bool
) -> int:
    connection.execute(STATEMENTS["lock"])
    has_any = connection.execute(STATEMENTS["has_rejected_events"]).fetchone()
    if has_any is None or not has_any[0]:
        return 0
    recast = connection.execute(
        STATEMENTS["recast"], {"feeds": list(feeds), "is_all": all_of_them}
    ).fetchone()
    assert recast is not None
    event_count, load_count = recast
    logger.info(
        "the next transform casts %s of %s again",
        things(event_count, "rejected event"),
        things(load_count, "file"),
    )
    return int(event_count)
