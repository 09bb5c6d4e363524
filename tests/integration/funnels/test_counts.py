"""A funnel over events is counted as every chain of every user tells."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from math import inf

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg.types.json import Jsonb

from event_warehouse.funnels.count import count_funnel
from event_warehouse.funnels.definition import Funnel, Order, Step
from event_warehouse.settings import Settings
from tests.integration.funnels.recount import Rules, counts, grouped, table

START = datetime(2025, 1, 1, 23, 59, 50, tzinfo=UTC)
"""Ten seconds before midnight, which is in the middle of what happens."""
END = START + timedelta(seconds=20)
INSERT = """
    insert into analytics.events (
        apply_id, load_id, event_time, received_at, identity_hash, line_number,
        sample_rate, feed_id, has_file_time, tenant_id, event_id, event_type, user_id,
        country, attributes
    ) values (
        1, 1, %(time)s, now(), 0, 0, 1, 1, false, %(tenant_id)s, %(event_id)s,
        %(event_type)s, %(user_id)s, %(country)s, %(attributes)s
    )
"""
Event = Mapping[str, object]

some_events = st.lists(
    st.fixed_dictionaries(
        {
            "at": st.integers(-2, 22),
            "tenant_id": st.sampled_from(["acme", "globex"]),
            "user_id": st.sampled_from(["ada", "ada", "bob", None]),
            "event_id": st.sampled_from(["1", "2", "é", None]),
            "event_type": st.sampled_from(
                ["view", "view", "cart", "buy", "%'\"", None]
            ),
            "colour": st.sampled_from(["red", "red", "blue", None]),
            "country": st.sampled_from(["DE", "US", None]),
        }
    ),
    max_size=14,
)
windows = st.sampled_from([None, 1.0, 4.0, 12.0])
TYPES = st.lists(
    st.sampled_from([("view",), ("cart",), ("buy",), ("view", "cart"), ("%'\"",)]),
    min_size=2,
    max_size=4,
)


@pytest.fixture
def connection(built_warehouse: Settings) -> Iterator[psycopg.Connection]:
    """A warehouse with dbt's tables, in a transaction that is never committed."""
    with psycopg.connect(built_warehouse.dsn) as connection:
        for month in ("2024-12-01", "2025-01-01"):
            connection.execute(
                "select ledger.ensure_partition('analytics.events', %s)", (month,)
            )
        connection.commit()
        yield connection
        connection.rollback()


def insert(connection: psycopg.Connection, events: Sequence[Event]) -> None:
    connection.rollback()
    with connection.cursor() as cursor:
        cursor.executemany(
            INSERT,
            [
                {
                    **event,
                    "time": START + timedelta(seconds=float(str(event["at"]))),
                    "attributes": Jsonb({"item": {"colour": event["colour"]}}),
                }
                for event in events
            ],
        )


COLOUR = sql.SQL("events.attributes #>> '{item,colour}'")


@settings(
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_count_over_events_is_a_recount(
    connection: psycopg.Connection, data: st.DataObject
) -> None:
    events = data.draw(some_events)
    types = data.draw(TYPES)
    order = data.draw(st.sampled_from([*Order]))
    whole = data.draw(windows)
    between = [
        None if order == Order.ANY or number == 0 else data.draw(windows)
        for number in range(len(types))
    ]
    is_matched, is_broken_down = data.draw(st.tuples(st.booleans(), st.booleans()))
    tenant = data.draw(st.sampled_from([None, "acme"]))
    insert(connection, events)
    funnel = Funnel(
        tuple(
            Step(
                f"step {number}",
                sql.SQL("events.event_type = any({})").format(sql.Literal([*names])),
                window,
            )
            for number, (names, window) in enumerate(
                zip(types, between, strict=True), 1
            )
        ),
        order,
        whole,
        (COLOUR,) if is_matched else (),
        sql.SQL("events.country") if is_broken_down else None,
    )

    rows = count_funnel(connection, funnel, start=START, end=END, tenant=tenant)

    groups = grouped(
        [
            event
            for event in events
            if 0 <= int(str(event["at"])) < 20 and tenant in (None, event["tenant_id"])
        ],
        [lambda event, names=names: event["event_type"] in names for names in types],  # type: ignore[misc]
        keys=["colour"] if is_matched else [],
        breakdown="country" if is_broken_down else None,
    )
    rules = Rules(order.value, whole or inf, [window or inf for window in between])
    expected = table(
        counts(groups, len(types), rules), len(types), is_broken_down=is_broken_down
    )
    got = [(row.breakdown, row.step_number, *astuple(row)[3:]) for row in rows]
    assert [without_order(row, order) for row in expected] == [
        pytest.approx(row) for row in got
    ]
    assert [row.step for row in rows] == [f"step {row.step_number}" for row in rows]


def without_order(row: tuple[object, ...], order: Order) -> tuple[object, ...]:
    """In any order there is no step before."""
    return (*row[:-1], None) if order == Order.ANY else row
