"""The events behind a number, each with its file and line, newest first."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

from event_warehouse.accept.errors import Fault
from event_warehouse.query.body import Filter, Query, read_query
from event_warehouse.query.conditions import condition_of
from event_warehouse.query.contradictions import refuse_contradictions
from event_warehouse.query.errors import InvalidQuery
from event_warehouse.query.expired import EVENTS, hold_events, read_horizons
from event_warehouse.query.parameters import Parameters, Shown
from event_warehouse.query.query_string import QueryString

FILTER_PLACE = re.compile(r"data/0/filters/(?P<number>\d+)(?P<rest>.*)")
PARAMETERS = ("start", "end", "event_type", "filters", "limit", "after", "show_sql")
DEFAULT_LIMIT = 50
MAX_LIMIT = 1_000
MAX_ATTRIBUTE_BYTES = 1024 * 1024
"""Of an event's attributes as JSON; longer ones are left out."""
MAX_PAGE_BYTES = 8 * 1024 * 1024
"""Of the attributes of all events of a page."""
OF_THE_PAGE = {"identity_hash", "place", "page_bytes", "found_count"}
"""Columns that are selected only for paging."""

# Scans the index of events backwards; its first column is the time. A page ends early
# if its attributes would be too long in total, but has at least one event.
SELECT = sql.SQL("""
    with page as (
        select
            events.event_time,
            events.event_id,
            events.event_type,
            events.user_id,
            events.entity_id,
            events.session_id,
            events.device_id,
            events.country,
            events.browser,
            events.platform,
            events.environment,
            events.service,
            events.sample_rate,
            case
                when octet_length(events.attributes::text) <= %(most_attribute_bytes)s
                    then events.attributes::text
            end as attributes,
            octet_length(events.attributes::text) as attribute_bytes,
            events.load_id,
            events.line_number,
            events.received_at,
            events.identity_hash
        from analytics.events as events
        where
            events.tenant_id = %(tenant_id)s
            and events.event_time >= %(start)s
            and events.event_time < %(end)s
            and {condition}
            and {position}
        order by
            events.event_time desc,
            events.identity_hash desc,
            events.load_id desc,
            events.line_number desc
        limit %(most)s + 1
    ),

    measured as (
        select
            page.*,
            row_number() over positions as place,
            sum(coalesce(octet_length(page.attributes), 0)) over positions
                as page_bytes,
            count(*) over () as found_count
        from page
        window positions as (
            order by
                page.event_time desc,
                page.identity_hash desc,
                page.load_id desc,
                page.line_number desc
        )
    )

    select measured.*
    from measured
    where
        measured.place <= %(most)s
        and (measured.place = 1 or measured.page_bytes <= %(most_page_bytes)s)
    order by measured.place
""")
# The time also by itself, as Postgres does not prune partitions by a row comparison.
BEFORE = sql.SQL("""
    (
        events.event_time <= {event_time}::timestamptz
        and (
            events.event_time,
            events.identity_hash,
            events.load_id,
            events.line_number
        ) < (
            {event_time}::timestamptz,
            {identity_hash}::bigint,
            {load_id}::bigint,
            {line_number}::integer
        )
    )
""")
TRUE = sql.SQL("true")
FILES = sql.SQL("""
    select accounting.load_id, accounting.feed, accounting.uri
    from marts.accounting
    where accounting.load_id = any(%(load_ids)s)
""")


class Position(msgspec.Struct, frozen=True):
    """An event's place in the order: its time, then what identifies it."""

    event_time: datetime
    identity_hash: int
    load_id: int
    line_number: int

    def written(self) -> str:
        """The token that a caller gets, and sends to ask for the next page."""
        return urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")


@dataclass(frozen=True)
class EventsQuestion:
    """Which events, and where to continue."""

    query: Query
    filters: tuple[Filter, ...]
    limit: int
    after: Position | None
    show_sql: bool


@dataclass(frozen=True)
class EventsPage:
    """Events, newest first, and where the next page begins, if there is one."""

    events: Sequence[Mapping[str, Any]]
    next: str | None
    is_complete: bool
    """False if events of the range have expired."""
    expired_before: datetime | None
    """The time from which the tenant's events are kept; None if all are."""
    shown: Shown | None = None


def read_question(parameters: Sequence[tuple[str, str]]) -> EventsQuestion:
    """The question in the query parameters; raises InvalidQuery with every fault."""
    given = QueryString(parameters, PARAMETERS)
    filters = given.parsed("filters", _filters, "is not a JSON list of filters")
    limit = given.number("limit", MAX_LIMIT)
    after = given.parsed("after", _position, "is not the `next` of an answer")
    show_sql = given.one_of("show_sql", ["true", "false"])
    if given.faults:
        raise given.invalid()
    query = _query(given, filters or [])
    return EventsQuestion(
        query,
        query.series[0].filters,
        limit or DEFAULT_LIMIT,
        after,
        show_sql=show_sql == "true",
    )


def _query(given: QueryString, filters: Sequence[object]) -> Query:
    """The range and the filters as a question, so that they are checked as one."""
    event_type = given.text("event_type")
    if event_type is not None:
        of_type = {"type": "eq", "key": "event_type", "value": event_type}
        filters = [of_type, *filters]
    times = {name: given.time(name) for name in ("start", "end") if name in given}
    series = {"name": "events", "filters": filters}
    try:
        query = read_query(msgspec.json.encode({**times, "data": [series]}))
        refuse_contradictions(query)
    except InvalidQuery as error:
        for fault in error.faults:
            given.faults.append(_parameter_of(fault, event_type is not None))
        # Too deep nesting is the only fault without a place; only filters can have it.
        if not given.faults:
            given.refuse("filters", "can't be read as filters")
        raise given.invalid() from error
    return query


def _parameter_of(fault: Fault, has_event_type: bool) -> Fault:
    """The fault, placed in the parameter that it comes from: filters/0/value."""
    place = (fault.field or "").removeprefix("/")
    if found := FILTER_PLACE.fullmatch(place):
        number = int(found["number"]) - has_event_type
        place = "event_type" if number < 0 else f"filters/{number}{found['rest']}"
    return Fault(fault.reason, place.removeprefix("data/0/"))


def _filters(text: str) -> list[object]:
    return msgspec.json.decode(text, type=list[object])


def _position(text: str) -> Position:
    return msgspec.json.decode(
        urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=Position
    )


async def read_events(
    connection: AsyncConnection,
    question: EventsQuestion,
    *,
    tenant: str,
    with_files: bool,
) -> EventsPage:
    """A page of the tenant's events, with the addresses of their files if asked for.

    Reads only; the transaction must have read nothing yet. The cost depends on the
    range: ask for a bucket, not for the whole history.
    """
    await hold_events(connection)
    horizons = await read_horizons(connection, tenant)
    parameters = Parameters()
    condition = condition_of(question.filters, parameters.bind)
    position = _before(question.after, parameters) if question.after else TRUE
    values = {
        **parameters.values,
        "tenant_id": tenant,
        "start": question.query.start,
        "end": question.query.end,
        "most": question.limit,
        "most_attribute_bytes": MAX_ATTRIBUTE_BYTES,
        "most_page_bytes": MAX_PAGE_BYTES,
    }
    statement = SELECT.format(condition=condition, position=position)
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, values)
        rows = await cursor.fetchall()
    has_more = bool(rows) and rows[0]["found_count"] > len(rows)
    files = await _files(connection, rows) if with_files else {}
    return EventsPage(
        [_event(row, files) for row in rows],
        _position_of(rows[-1]).written() if has_more else None,
        horizons.has_all(EVENTS, question.query.start),
        horizons.of_events,
        Shown(statement.as_string(), values) if question.show_sql else None,
    )


def _before(after: Position, parameters: Parameters) -> sql.Composable:
    return BEFORE.format(
        event_time=parameters.bind(after.event_time),
        identity_hash=parameters.bind(after.identity_hash),
        load_id=parameters.bind(after.load_id),
        line_number=parameters.bind(after.line_number),
    )


def _position_of(row: Mapping[str, Any]) -> Position:
    return Position(
        row["event_time"], row["identity_hash"], row["load_id"], row["line_number"]
    )


async def _files(
    connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]
) -> dict[int, tuple[str, str]]:
    load_ids = sorted({row["load_id"] for row in rows})
    cursor = await connection.execute(FILES, {"load_ids": load_ids})
    return {load_id: (feed, uri) for load_id, feed, uri in await cursor.fetchall()}


def _event(
    row: Mapping[str, Any], files: Mapping[int, tuple[str, str]]
) -> dict[str, object]:
    event = {name: value for name, value in row.items() if name not in OF_THE_PAGE}
    # The table's text, unparsed: numbers would lose digits on their way through Python.
    if event["attributes"] is not None:
        event["attributes"] = msgspec.Raw(event["attributes"].encode())
    if row["load_id"] in files:
        event["feed"], event["uri"] = files[row["load_id"]]
    return event
