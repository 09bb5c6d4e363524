"""Stores the feeds' declarations in the warehouse, where dbt reads how to cast."""

from collections.abc import Mapping

import psycopg
from psycopg.types.json import Jsonb

from event_warehouse.feeds import Feed
from event_warehouse.load.one_file import STATEMENTS


def keep_declarations(
    connection: psycopg.Connection, feeds: Mapping[str, Feed]
) -> None:
    """Updates the feeds in `raw.feeds` whose declarations have changed."""
    kept = connection.execute(STATEMENTS["declarations"]).fetchall()
    for name, declaration in kept:
        feed = feeds.get(name)
        if feed is not None and declaration != feed.model_dump(mode="json"):
            keep_declaration(connection, feed)


def keep_declaration(connection: psycopg.Connection, feed: Feed) -> None:
    """Stores the feed's declaration in `raw.feeds`, unless it is there already."""
    declared = {
        "feed": feed.name,
        "declaration": Jsonb(feed.model_dump(mode="json")),
    }
    kept = connection.execute(STATEMENTS["has_feed"], declared).fetchone()
    if kept and not kept[0]:
        with connection.transaction():
            connection.execute(STATEMENTS["lock_feeds"])
            connection.execute(STATEMENTS["keep_feed"], declared)
