"""Asks a question's funnels, which `event_warehouse.funnels` counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import AsyncConnection, sql
from psycopg.types.json import Jsonb

from event_warehouse.database import load_statements
from event_warehouse.funnels.count import in_sql
from event_warehouse.funnels.definition import Funnel, Order, Step, StepCount
from event_warehouse.query import body
from event_warehouse.query.conditions import condition_of, text_of
from event_warehouse.query.expired import Horizons
from event_warehouse.query.keys import Field, Key, WrittenKey, read_key
from event_warehouse.query.parameters import Shown
from event_warehouse.query.room import MAX_KEY_CHARACTERS, Room
from event_warehouse.query.sources import EVENTS

STATEMENTS = load_statements("event_warehouse.query", "funnels")
USER = Key(Field.USER_ID, ())
EVENT_TYPE = Key(Field.EVENT_TYPE, ())
ORDERS: Mapping[str, Order] = {
    "exact_order": Order.ORDERED,
    "strict": Order.STRICT,
    "any": Order.ANY,
}


@dataclass(frozen=True)
class FunnelAnswer:
    """How many reached each step."""

    asked: body.Funnel
    answered_from: str
    is_complete: bool
    """False if events of the range have expired from the table it was read from."""
    group_count: int
    """Breakdown values with which somebody began; those over the limit have no
    steps."""
    steps: Sequence[StepCount]
    shown: Shown | None = None


SEQUENCES = "analytics.fct_user_sequences_daily"


async def ask_funnel(
    connection: AsyncConnection,
    index: int,
    query: body.Query,
    horizons: Horizons,
    room: Room,
    *,
    tenant: str,
) -> FunnelAnswer:
    """The funnel over the events of the range. Reads only.

    Reads users' sequences of event types if the funnel needs no more, else the events.
    """
    asked = query.funnels[index]
    definition = declaration_of(asked, query)
    source = SEQUENCES if definition else EVENTS.table
    values = {
        "definition": definition or in_sql(connection, funnel_of(asked, query)),
        "from_time": query.start,
        "until_time": query.end,
        "tenant": tenant,
        "most_groups": asked.limit,
        "most_rows": room.rows,
        "most_bytes": room.bytes,
    }
    cursor = await connection.execute(
        STATEMENTS["steps"], {**values, "definition": Jsonb(values["definition"])}
    )
    place: list[str | int] = ["funnel"]
    if query.has_funnel_list:
        place.append(index)
    rows, group_count = room.take(await cursor.fetchall(), place)
    return FunnelAnswer(
        asked,
        source,
        horizons.has_all(source, query.start),
        group_count,
        [StepCount(*row) for row in rows],
        Shown(STATEMENTS["steps"].as_string(), values) if query.show_sql else None,
    )


def declaration_of(asked: body.Funnel, query: body.Query) -> dict[str, object] | None:
    """The funnel by event types alone; None if its steps depend on anything else."""
    if asked.breakdown is not None or {read_key(key) for key in asked.match} != {USER}:
        return None
    series = {one.name: one for one in query.series}
    types = [_event_types(series[name]) for name in asked.steps]
    if None in types:
        return None
    return {
        "order": ORDERS[asked.type],
        "window_seconds": asked.window_seconds,
        "steps": [
            {
                "step": name,
                "event_types": event_types,
                "window_seconds": asked.step_window_seconds if number else None,
            }
            for number, (name, event_types) in enumerate(
                zip(asked.steps, types, strict=True)
            )
        ],
    }


def _event_types(series: body.Series) -> list[str] | None:
    """The event types a series is filtered by; None if other filters matter."""
    found: list[list[str]] = []
    for one in series.all_filters:
        key = None if one.key is None else read_key(one.key)
        values = one.values if one.value is None else (one.value,)
        if one.type in {"all", "exists"} and key in {USER, EVENT_TYPE}:
            continue
        texts = [value for value in values if isinstance(value, str)]
        if (
            key != EVENT_TYPE
            or one.type not in {"eq", "in"}
            or len(texts) < len(values)
        ):
            return None
        found.append(texts)
    return found[0] if len(found) == 1 else None


def funnel_of(asked: body.Funnel, query: body.Query) -> Funnel:
    """The funnel with its series' filters as conditions.

    The actor is the user if user_id is a match key, else the first match key.
    """
    series = {one.name: one for one in query.series}
    keys = list(dict.fromkeys(asked.match))
    actor = next((key for key in keys if read_key(key).field is Field.USER_ID), keys[0])
    return Funnel(
        steps=tuple(
            Step(
                name,
                _condition(series[name]),
                asked.step_window_seconds if number else None,
            )
            for number, name in enumerate(asked.steps)
        ),
        order=ORDERS[asked.type],
        window_seconds=asked.window_seconds,
        match=tuple(_expression(key) for key in keys if key != actor),
        breakdown=None if asked.breakdown is None else _group(asked.breakdown),
        actor=_expression(actor),
    )


def _condition(series: body.Series) -> sql.Composable:
    condition = condition_of(series.all_filters, sql.Literal)
    return sql.SQL("({} is true)").format(condition)


def _group(key: WrittenKey) -> sql.Composable:
    return sql.SQL("left({}, {})").format(
        _expression(key), sql.Literal(MAX_KEY_CHARACTERS)
    )


def _expression(key: WrittenKey) -> sql.Composable:
    return text_of(read_key(key), sql.Literal)
