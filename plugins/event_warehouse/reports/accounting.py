"""Proves that every record of every file is accounted for.

For the loads that every model has applied (docs/decisions):
    records  = raw rows + rejected lines + lines that were replayed
    raw rows = events + reference rows + rejected events + duplicates
               + records of users who had been deleted before
Each term counts the rows that exist, and those that expired or were deleted with a
user, which were counted as they were removed. A replay's raw rows are the lines that it
took. Each fact and rollup sums to the events that it has applied, including expired
ones; sessions to those with a visitor, sequences to those with a user. Every term is
counted in its own table, never as a difference.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from event_warehouse.database import Role, connect, load_statements
from event_warehouse.errors import WarehouseError
from event_warehouse.lifecycle.locks import FORGETTING
from event_warehouse.settings import Settings
from event_warehouse.transform.layers import LAYERS
from event_warehouse.transform.run import LOCK

STATEMENTS = load_statements("event_warehouse.reports", "accounting")
SUM = sql.SQL("""
    select
        {name} as table_name,
        {counted} as counted,
        coalesce(sum({event_count}), 0)::bigint as event_count
    from {table}
""")
SHOWN_PROBLEMS = 20
WAIT = "10min"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadAccount:
    """Where the records of one file are."""

    load_id: int
    feed: str
    uri: str
    status: str
    error: str | None
    is_pending: bool
    record_count: int
    rejected_lines: int
    """Only open ones, which have not been replayed since."""
    replayed_lines: int
    lines_replayed_here: int | None
    """For a replay, the rejected lines that it took; None for any other load."""
    raw_rows: int
    events: int
    reference_rows: int
    rejected_events: int
    duplicates: int
    deleted_events: int
    """Records that arrived after their user had been deleted."""

    @property
    def records(self) -> int:
        """The records that this load accounts for: all but those that a replay took."""
        return self.record_count - self.replayed_lines

    @property
    def problem(self) -> str | None:
        """What does not hold; None if all does, or it is not applied yet."""
        if self.status == "failed":
            return (
                f"{self.uri} as feed {self.feed} failed: {self.error}. Correct it and "
                f"load it again, or run: warehouse dismiss {self.load_id}"
            )
        if self.status != "loaded":
            return None
        return self._problem_of_lines or self._problem_of_rows

    @property
    def _problem_of_lines(self) -> str | None:
        kept = self.raw_rows + self.rejected_lines + self.replayed_lines
        if self.record_count != kept:
            lines = self.replayed_lines
            replayed = f" + {lines:,} replayed" if lines else ""
            return (
                f"load {self.load_id} ({self.uri}): {self.record_count:,} records, but "
                f"{self.raw_rows:,} raw rows + {self.rejected_lines:,} rejected lines"
                f"{replayed}"
            )
        if self.lines_replayed_here not in (None, self.raw_rows):
            return (
                f"load {self.load_id} ({self.uri}): {self.raw_rows:,} raw rows, but it "
                f"replayed {self.lines_replayed_here:,} lines"
            )
        return None

    @property
    def _problem_of_rows(self) -> str | None:
        kept = self.events + self.reference_rows
        if self.is_pending or self.raw_rows == (
            kept + self.rejected_events + self.duplicates + self.deleted_events
        ):
            return None
        rows = self.reference_rows
        references = f"{rows:,} reference rows + " if rows else ""
        rows = self.deleted_events
        deleted = f" + {rows:,} deleted events" if rows else ""
        return (
            f"load {self.load_id} ({self.uri}): {self.raw_rows:,} raw rows, but "
            f"{self.events:,} events + {references}"
            f"{self.rejected_events:,} rejected events + {self.duplicates:,} duplicates"
            f"{deleted}"
        )


@dataclass(frozen=True)
class LayerAccount:
    """Whether a fact or rollup sums to the events that it has applied."""

    model: str
    event_count: int
    expected: int
    is_pending: bool

    @property
    def problem(self) -> str | None:
        """What does not hold; None if all does, or `events` has yet to catch up."""
        if self.is_pending or self.event_count == self.expected:
            return None
        return (
            f"{self.model} sums to {self.event_count:,} events, but has taken in "
            f"{self.expected:,}"
        )


@dataclass(frozen=True)
class Removed:
    """How many rows of a table are gone; its term still includes them."""

    table_name: str
    expired: int
    deleted: int


@dataclass(frozen=True)
class Accounting:
    """The accounts of every load and layer, as of one moment."""

    loads: tuple[LoadAccount, ...]
    layers: tuple[LayerAccount, ...]
    rows_without_load: int
    removed: tuple[Removed, ...] = ()
    open_deletions: tuple[int, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """What does not hold, one sentence each; the first few if there are many."""
        found = list(self._problems())
        if len(found) > SHOWN_PROBLEMS:
            more = len(found) - SHOWN_PROBLEMS
            found[SHOWN_PROBLEMS:] = [f"and {more} more"]
        return tuple(found)

    def _problems(self) -> Iterator[str]:
        accounts: Iterable[LoadAccount | LayerAccount] = (*self.loads, *self.layers)
        yield from filter(None, (account.problem for account in accounts))
        if self.rows_without_load:
            yield f"{self.rows_without_load:,} raw rows belong to no load"
        for deletion_id in self.open_deletions:
            yield (
                f"deletion {deletion_id} is not finished; run the same warehouse "
                "forget again"
            )

    @property
    def is_unsettled(self) -> bool:
        """True if something does not hold that a deletion under way would explain."""
        return bool(
            self.open_deletions
            or any(layer.problem for layer in self.layers)
            or any(load.problem for load in self.loads if load.status != "failed")
        )

    @property
    def is_balanced(self) -> bool:
        """True if everything holds and no file is left failed."""
        return not self.problems


def verify(settings: Settings) -> Accounting:
    """The accounts, counted from the tables themselves; reads only.

    Sums need not hold during a deletion or a rebuild, so if they don't they are counted
    again when it has ended, or after WAIT. The caller must not hold the transforms'
    lock.
    """
    accounting = count_all(settings)
    if not accounting.is_unsettled:
        return accounting
    logger.info(
        "not everything adds up; counting again when no transform or deletion is under "
        "way, in %s at the latest",
        WAIT,
    )
    with connect(settings.dsn, Role.TRANSFORMER, autocommit=True) as connection:
        connection.execute(sql.SQL("set lock_timeout to {}").format(sql.Literal(WAIT)))
        try:
            # In the order in which a deletion takes them.
            for lock in (FORGETTING, LOCK):
                connection.execute("select pg_advisory_lock_shared(%s)", (lock,))
        except psycopg.errors.LockNotAvailable:
            logger.warning("a deletion or rebuild takes more than %s", WAIT)
        return count_all(settings)


def count_all(settings: Settings) -> Accounting:
    """The accounts as of now, whatever else is running."""
    with connect(settings.dsn, Role.TRANSFORMER) as connection:
        # One snapshot for all, so that a concurrent run changes no sum.
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        transformed = connection.execute(STATEMENTS["is_transformed"]).fetchone()
        if transformed is None or not transformed[0]:
            raise WarehouseError("nothing is transformed yet; run: warehouse transform")
        with connection.cursor(row_factory=class_row(LoadAccount)) as cursor:
            loads = cursor.execute(STATEMENTS["loads"]).fetchall()
        with connection.cursor(row_factory=class_row(LayerAccount)) as cursor:
            sums = {"sums": Jsonb(_sums(connection))}
            layers = cursor.execute(STATEMENTS["layers"], sums).fetchall()
        with connection.cursor(row_factory=class_row(Removed)) as cursor:
            removed = cursor.execute(STATEMENTS["removed"]).fetchall()
        orphans = connection.execute(STATEMENTS["rows_without_load"]).fetchone()
        open_ones = connection.execute(STATEMENTS["open_deletions"]).fetchall()
    return Accounting(
        tuple(loads),
        tuple(layers),
        orphans[0] if orphans else 0,
        tuple(removed),
        tuple(deletion_id for deletion_id, _ in open_ones),
    )


def _sums(connection: psycopg.Connection) -> list[dict[str, Any]]:
    """How many events each layer has counted."""
    statements = [
        SUM.format(
            name=sql.Literal(layer.name),
            counted=sql.Literal(layer.counted.value),
            event_count=sql.SQL(layer.event_count),
            table=sql.Identifier(layer.schema, layer.model),
        )
        for layer in LAYERS
    ]
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql.SQL(" union all ").join(statements)).fetchall()
