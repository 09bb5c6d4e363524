"""Asks a question: each series and funnel is one statement."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import AsyncConnection, sql

from event_warehouse.accept.errors import Fault
from event_warehouse.query.body import Filter, Query
from event_warehouse.query.buckets import bucket_starts
from event_warehouse.query.columns import Column, columns_of
from event_warehouse.query.contradictions import refuse_contradictions
from event_warehouse.query.errors import InvalidQuery
from event_warehouse.query.expired import Horizons, hold_events, read_horizons
from event_warehouse.query.funnels import FunnelAnswer, ask_funnel
from event_warehouse.query.parameters import Shown
from event_warehouse.query.room import Room, Rows
from event_warehouse.query.schema import pointer
from event_warehouse.query.series import Statement, choose, statement_of

STANDARD_ERROR = 0.031
"""Of distinct counts that sketches estimate, from 1,024 up."""


@dataclass(frozen=True)
class SeriesAnswer:
    """The rows of a series, and where they come from."""

    name: str
    answered_from: str
    is_estimate: bool
    is_complete: bool
    """False if events of the range have expired from the table it was read from."""
    group_count: int
    """Groups with events in the range; those over the limit have no rows."""
    columns: Sequence[Column]
    rows: Rows
    shown: Shown | None = None


@dataclass(frozen=True)
class Answer:
    """A question and its answer."""

    query: Query
    series: Sequence[SeriesAnswer]
    funnels: Sequence[FunnelAnswer]
    expired_before: datetime | None
    """The time from which the tenant's single events are kept; None if all are."""

    @property
    def is_estimate(self) -> bool:
        """Whether any series is an estimate."""
        return any(one.is_estimate for one in self.series)

    @property
    def is_complete(self) -> bool:
        """Whether all series and funnels are complete."""
        return all(one.is_complete for one in self.series) and all(
            one.is_complete for one in self.funnels
        )

    @property
    def columns(self) -> Sequence[Column]:
        """The columns of the rows of all series."""
        return columns_of(self.query)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows of all series, one after another, in those columns."""
        for one in self.series:
            places = {column: place for place, column in enumerate(one.columns)}
            order = [places.get(column) for column in self.columns[1:]]
            for row in one.rows:
                values = (None if place is None else row[place] for place in order)
                yield (one.name, *values)


async def ask(connection: AsyncConnection, query: Query, *, tenant: str) -> Answer:
    """The whole answer. Reads only.

    Runs several statements; the transaction must be repeatable read and have read
    nothing yet, so that all of them see one snapshot.

    Raises InvalidQuery for what can't be answered, with the place in the body.
    """
    refuse_contradictions(query)
    await hold_events(connection)
    horizons = await read_horizons(connection, tenant)
    await _refuse_bad_regexes(connection, query)
    starts = await bucket_starts(connection, query)
    room = Room()
    return Answer(
        query,
        [
            await _ask_series(connection, index, query, starts, horizons, room, tenant)
            for index in range(len(query.series))
        ],
        [
            await ask_funnel(connection, index, query, horizons, room, tenant=tenant)
            for index in range(len(query.funnels))
        ],
        horizons.of_events,
    )


async def _ask_series(
    connection: AsyncConnection,
    index: int,
    query: Query,
    starts: Sequence[datetime],
    horizons: Horizons,
    room: Room,
    tenant: str,
) -> SeriesAnswer:
    series = query.series[index]
    choice = choose(series, query, starts, horizons)
    statement = statement_of(series, query, choice, room, tenant=tenant)
    cursor = await connection.execute(statement.text, statement.values)
    rows, group_count = room.take(await cursor.fetchall(), ["data", index])
    return SeriesAnswer(
        series.name,
        choice.source.table,
        choice.is_estimate,
        horizons.has_all(choice.source.table, query.start),
        group_count,
        statement.columns,
        rows,
        _shown(statement) if query.show_sql else None,
    )


def _shown(statement: Statement) -> Shown:
    return Shown(statement.text.as_string(), dict(statement.values))


async def _refuse_bad_regexes(connection: AsyncConnection, query: Query) -> None:
    for index, series in enumerate(query.series):
        for place, expression in _regexes(series.filters, ["data", index]):
            try:
                cursor = await connection.execute(MATCH, {"expression": expression})
                # In pipeline mode, only the fetch waits for Postgres's verdict.
                await cursor.fetchone()
            except psycopg.errors.InvalidRegularExpression as error:
                reason = f"is not a regular expression: {error.diag.message_primary}"
                raise InvalidQuery(
                    "The question does not make sense.",
                    [Fault(reason, pointer([*place, "value"]))],
                ) from error


MATCH = sql.SQL("select '' ~ %(expression)s::text")


def _regexes(
    filters: Sequence[Filter], place: Sequence[str | int]
) -> Iterator[tuple[Sequence[str | int], str]]:
    for index, one in enumerate(filters):
        inner = [*place, "filters", index]
        if one.type == "regex":
            yield inner, str(one.value)
        yield from _regexes(one.filters, inner)
