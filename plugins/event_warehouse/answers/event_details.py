"""The events behind a number, each with its file and line, newest first."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

from event_warehouse.accept.errors import Fault
from event_warehouse.answers.buckets import PLUS_READ_AS_SPACE
from event_warehouse.query.body import Filter, Query, read_query
from event_warehouse.query.conditions import condition_of
from event_warehouse.query.contradictions import refuse_contradictions
from event_warehouse.query.errors import InvalidQuery
from event_warehouse.query.expired import EVENTS, hold_events, read_horizons
from event_warehouse.query.parameters import Parameters, Shown

FILTER_PLACE = re.compile(r"data/0/filters/(?P<number>\d+)(?P<rest>.*)")
PARAMETERS = ("start", "end", "event_type", "filters", "limit", "after", "show_sql")
DEFAULT_LIMIT = 50
MAX_LIMIT = 1_000
MAX_ATTRIBUTE_BYTES = 1024 * 1024
"""Of an event as JSON; what is longer is left out."""
MAX_PAGE_BYTES = 8 * 1024 * 1024
"""Of the attributes of all events of a page."""
OF_THE_PAGE = {"identity_hash", "place", "page_bytes", "found_count"}
"""What is asked of an event only to make pages."""

# Backwards through the index of events, whose first column is the time. A page ends
# early where its attributes are too long together, but has one event at least.
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
# The time by itself, too: partitions are not pruned by a row's comparison.
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
    """Of an event among the others; what identifies it comes after its time."""

    event_time: datetime
    identity_hash: int
    load_id: int
    line_number: int

    def written(self) -> str:
        """As a caller gets it, to hand it back."""
        return urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")


@dataclass(frozen=True)
class EventsQuestion:
    """Which events, and where to go on."""

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
    """From when on the tenant's events are kept; none if all are."""
    shown: Shown | None = None


def read_question(parameters: Sequence[tuple[str, str]]) -> EventsQuestion:
    """What is asked for; raises InvalidQuery with each fault.

    The range and the filters are those of a question, and as a question they are
    checked.
    """
    given = dict(parameters)
    counts = Counter(name for name, _ in parameters)
    faults = [
        Fault("is not known here", name) for name in given if name not in PARAMETERS
    ]
    faults += [
        Fault("is given more than once", name) for name in given if counts[name] > 1
    ]
    filters = _filters(given.get("filters", "[]"), faults)
    limit = _limit(given.get("limit", str(DEFAULT_LIMIT)), faults)
    after = _position(given["after"], faults) if "after" in given else None
    if given.get("show_sql", "false") not in {"true", "false"}:
        faults.append(Fault("is neither true nor false", "show_sql"))
    if faults:
        raise InvalidQuery("A parameter is not valid.", faults)
    if "event_type" in given:
        of_type = {"type": "eq", "key": "event_type", "value": given["event_type"]}
        filters = [of_type, *filters]
    times = {
        name: PLUS_READ_AS_SPACE.sub(r"\1+\2", given[name])
        for name in ("start", "end")
        if name in given
    }
    series = {"name": "events", "filters": filters}
    try:
        query = read_query(msgspec.json.encode({**times, "data": [series]}))
        refuse_contradictions(query)
    except InvalidQuery as error:
        faults = [_parameter_of(one, "event_type" in given) for one in error.faults]
        # Nothing else can be nested too deep, the one fault that has no place.
        faults = faults or [Fault("can't be read as filters", "filters")]
        raise InvalidQuery("A parameter is not valid.", faults) from error
    return EventsQuestion(
        query,
        query.series[0].filters,
        limit,
        after,
        show_sql=given.get("show_sql") == "true",
    )


def _parameter_of(fault: Fault, has_event_type: bool) -> Fault:
    """A fault of the question by the parameter that it comes from, and its place there:
    filters/0/value, say.
    """
    place = (fault.field or "").removeprefix("/")
    if found := FILTER_PLACE.fullmatch(place):
        number = int(found["number"]) - has_event_type
        place = "event_type" if number < 0 else f"filters/{number}{found['rest']}"
    return Fault(fault.reason, place.removeprefix("data/0/"))


def _filters(text: str, faults: list[Fault]) -> list[object]:
    try:
        filters = msgspec.json.decode(text, type=list[object])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        faults.append(Fault("is no JSON list of filters", "filters"))
        return []
    return filters


def _limit(text: str, faults: list[Fault]) -> int:
    is_number = text.isascii() and text.isdecimal() and len(text) <= 4
    if not is_number or not 1 <= int(text) <= MAX_LIMIT:
        faults.append(Fault(f"is no whole number from 1 to {MAX_LIMIT:,}", "limit"))
        return DEFAULT_LIMIT
    return int(text)


def _position(text: str, faults: list[Fault]) -> Position | None:
    try:
        return msgspec.json.decode(
            urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=Position
        )
    # A bad cursor, whatever is bad about it.
    except (msgspec.MsgspecError, ValueError):
        faults.append(Fault("is no `next` of an answer", "after"))
        return None


async def read_events(
    connection: AsyncConnection,
    question: EventsQuestion,
    *,
    tenant: str,
    with_files: bool,
) -> EventsPage:
    """A page of the tenant's events, with their files' addresses if they are asked for.

    Reads only, in a transaction that has read nothing yet. The range decides what is
    read: ask for a bucket, not for history.
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
    # As it stands in the table: a number would lose digits on its way through Python.
    if event["attributes"] is not None:
        event["attributes"] = msgspec.Raw(event["attributes"].encode())
    if row["load_id"] in files:
        event["feed"], event["uri"] = files[row["load_id"]]
    return event
