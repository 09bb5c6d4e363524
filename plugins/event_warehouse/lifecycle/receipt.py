"""The receipt of a deletion: what was removed, what stays, which files are left."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from event_warehouse.database import load_statements
from event_warehouse.lifecycle.mentions import find_mentions, unread_tables

STATEMENTS = load_statements("event_warehouse.lifecycle", "receipt")
STAYS = (
    "Sketches of days before events_before keep 32-bit hashes of the user's devices "
    "and sessions, from which neither can be told.",
    "Duplicates of other users that repeated one of the user's events stay repeats.",
    "Entities, event types, countries and browsers that only the user had stay names.",
    "Values that events before events_before had are kept among those of their keys "
    "(analytics.fct_key_values), as it is not known whose they were.",
    "Devices and sessions of the user's that an event or a rejected record has without "
    "the user.",
    "Backups, Postgres's log of changes, its statistics until it next takes them, and "
    "rows that it has not yet vacuumed.",
)


@dataclass(frozen=True)
class Receipt:
    """What the warehouse stores about a deletion, and what only the caller gets."""

    content: dict[str, Any]
    """As stored in ledger.deletions, without any id of the user."""
    files: tuple[str, ...]
    """Source files that still contain the user; their names may, too."""


def write_receipt(
    connection: psycopg.Connection,
    *,
    deletion_id: int,
    tenant_id: str,
    user_id: str | None,
) -> Receipt:
    """Reads only; searches every table for `mentions`.

    They are None if the user's id is None, as there is nothing to search for.
    """
    deletion = {"deletion_id": deletion_id}
    counts = connection.execute(STATEMENTS["counts"], deletion).fetchall()
    files = connection.execute(STATEMENTS["files"], deletion).fetchall()
    head = connection.execute(STATEMENTS["head"], deletion).fetchone()
    assert head is not None
    requested_by, requested_at, events_before, raw_before = head
    ways = {"removed": "removed", "moved to 0": "moved_to_0", "taken out": "taken_out"}
    content = {
        "deletion_id": deletion_id,
        "tenant_id": tenant_id,
        "requested_by": requested_by,
        "requested_at": requested_at,
        "events_before": events_before,
        "raw_before": raw_before,
        **{
            key: {table: rows for table, how, rows in counts if how == way}
            for way, key in ways.items()
        },
        "mentions": user_id
        and find_mentions(connection, tenant_id=tenant_id, value=user_id),
        "not_searched": unread_tables(connection),
        "stays": list(STAYS),
        "source_loads": sorted({load_id for load_id, _ in files}),
    }
    return Receipt(content, _addresses(files))


def files_of(connection: psycopg.Connection, deletion_id: int) -> tuple[str, ...]:
    """Source files that still contain a deleted user."""
    deletion = {"deletion_id": deletion_id}
    return _addresses(connection.execute(STATEMENTS["files"], deletion).fetchall())


def _addresses(files: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(sorted({uri for _, uri in files}))
