"""How far events lead is what looking at every chain tells, in each order."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from math import inf

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from event_warehouse.settings import Settings
from tests.integration.funnels.recount import Happened, Progress, Rules, progress

ORDERS = ("ordered", "strict", "any")
START = datetime(2025, 1, 1, tzinfo=UTC)
QUERY = """
    select
        (progress).seconds_from_start::float8[],
        (progress).seconds_from_previous::float8[]
    from funnels.progress_of(
        %(times)s::timestamptz[], %(codes)s::integer[], %(order)s, %(steps)s,
        %(window)s::float8, %(windows)s::float8[], %(first)s, %(before)s
    ) as progress
"""


@pytest.fixture(scope="module")
def connection(
    cluster: Settings, migrated_template: str
) -> Iterator[psycopg.Connection]:
    from tests.conftest import clone, drop, dsn_of

    clone(cluster, migrated_template, "progress")
    with psycopg.connect(dsn_of(cluster, "progress")) as connection:
        yield connection
    drop(cluster, "progress")


def ask(
    connection: psycopg.Connection,
    events: list[Happened],
    step_count: int,
    rules: Rules,
    first: tuple[float, float] = (-inf, inf),
) -> Progress:
    times, codes = [], []
    in_order = sorted(events, key=lambda event: event.place)
    for _, together in groupby(in_order, key=lambda event: event.place):
        for number, event in enumerate(together):
            code = sum(1 << (step - 1) for step in event.steps)
            times.append(moment(event.at))
            codes.append(~code if number else code)
    row = connection.execute(
        QUERY,
        {
            "times": times,
            "codes": codes,
            "order": rules.order,
            "steps": step_count,
            "window": None if rules.window == inf else rules.window,
            "windows": [None if one == inf else one for one in rules.step_windows]
            or None,
            "first": None if first[0] == -inf else moment(first[0]),
            "before": None if first[1] == inf else moment(first[1]),
        },
    ).fetchone()
    assert row is not None
    return [*zip(row[0], row[1], strict=True)]


def moment(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def expected(
    events: list[Happened],
    step_count: int,
    rules: Rules,
    first: tuple[float, float] = (-inf, inf),
) -> Progress:
    """The first step comes from no other; in any order none does."""
    found = progress(events, step_count, rules, first)
    if rules.order == "any":
        return [(seconds, None) for seconds, _ in found]
    return [
        (seconds, 0 if step == 1 else before)
        for step, (seconds, before) in enumerate(found, 1)
    ]


def happened(steps: int) -> st.SearchStrategy[list[Happened]]:
    return st.lists(
        st.builds(
            Happened,
            at=st.integers(0, 12).map(float),
            id=st.sampled_from(["", "a", "b", "B", "é"]),
            steps=st.frozensets(st.integers(1, steps), max_size=min(steps, 3)),
        ),
        max_size=12,
    )


windows = st.one_of(st.just(inf), st.integers(1, 12).map(float))


@settings(
    max_examples=1_000,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data(), order=st.sampled_from(ORDERS), steps=st.integers(2, 5))
def test_progress_is_that_of_all_chains(
    connection: psycopg.Connection, data: st.DataObject, order: str, steps: int
) -> None:
    events = data.draw(happened(min(steps, 4 if order == "any" else 5)))
    step_windows = (
        [] if order == "any" else data.draw(st.lists(windows, min_size=5, max_size=5))
    )
    rules = Rules(order, data.draw(windows), step_windows[:steps])
    first = data.draw(st.sampled_from([(-inf, inf), (3.0, inf), (2.0, 7.0)]))

    assert ask(connection, events, steps, rules, first) == expected(
        events, steps, rules, first
    )


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data(), order=st.sampled_from(["ordered", "strict"]))
def test_progress_of_twenty_steps_is_that_of_all_chains(
    connection: psycopg.Connection, data: st.DataObject, order: str
) -> None:
    # Mostly one step after another, or else hardly any chain would be long.
    numbers = data.draw(st.lists(st.sampled_from([0, 1, 1, 1, 1, 2]), max_size=40))
    places = [sum(numbers[: place + 1]) for place in range(len(numbers))]
    events = [
        Happened(float(at), steps=frozenset({place % 20 + 1}))
        for at, place in enumerate(places)
    ]
    rules = Rules(order, data.draw(st.sampled_from([inf, 25.0])))

    assert ask(connection, events, 20, rules) == expected(events, 20, rules)


def steps_at(*taken: tuple[float, int]) -> list[Happened]:
    return [Happened(at, steps=frozenset({step})) for at, step in taken]


def test_later_first_step_succeeds_where_an_earlier_fails(
    connection: psycopg.Connection,
) -> None:
    events = steps_at((0, 1), (5, 1), (11, 2))

    assert ask(connection, events, 2, Rules("ordered", 10)) == [(0, 0), (6, 6)]


def test_window_includes_its_end(connection: psycopg.Connection) -> None:
    events = steps_at((0, 1), (10, 2))

    assert len(ask(connection, events, 2, Rules("ordered", 10))) == 2
    assert len(ask(connection, events, 2, Rules("ordered", 9.999999))) == 1


def test_window_of_a_step_is_from_the_step_before(
    connection: psycopg.Connection,
) -> None:
    events = steps_at((0, 1), (6, 2), (12, 3))

    assert len(ask(connection, events, 3, Rules("ordered", inf, [inf, 6, 6]))) == 3
    assert len(ask(connection, events, 3, Rules("ordered", inf, [inf, 6, 5]))) == 2
    assert len(ask(connection, events, 3, Rules("ordered", 11, [inf, 6, 6]))) == 2


def test_events_of_one_time_follow_each_other_by_id(
    connection: psycopg.Connection,
) -> None:
    one_two = [Happened(0, "a", frozenset({1})), Happened(0, "b", frozenset({2}))]
    two_one = [Happened(0, "b", frozenset({1})), Happened(0, "a", frozenset({2}))]
    together = [Happened(0, "a", frozenset({1})), Happened(0, "a", frozenset({2}))]

    reached = [
        len(ask(connection, events, 2, Rules("ordered")))
        for events in (one_two, two_one, together)
    ]

    assert reached == [2, 1, 1]


def test_nothing_lies_between_strict_steps(connection: psycopg.Connection) -> None:
    other = Happened(1, steps=frozenset())
    events = [*steps_at((0, 1), (2, 2)), other]

    assert len(ask(connection, events, 2, Rules("strict"))) == 1
    assert len(ask(connection, events, 2, Rules("ordered"))) == 2


def test_steps_in_any_order_are_within_the_window_of_the_earliest(
    connection: psycopg.Connection,
) -> None:
    events = steps_at((0, 3), (4, 1), (10, 2))

    assert ask(connection, events, 3, Rules("any", 10)) == [
        (0, None),
        (6, None),
        (10, None),
    ]
    assert len(ask(connection, events, 3, Rules("any", 9))) == 2


def test_cost_is_linear_in_events_and_steps(connection: psycopg.Connection) -> None:
    """A million steps would take hours if it were not."""
    count = 200_000
    connection.execute("set statement_timeout = '60s'")
    for order in ORDERS:
        row = connection.execute(
            """
            select cardinality((funnels.progress_of(
                array_agg(%s::timestamptz + n * interval '1 second' order by n),
                array_agg((1 << (mod(n, 19)))::integer order by n),
                %s, 20, 30, array_fill(2::float8, array[20])
            )).seconds_from_start)
            from generate_series(0, %s) as n
            """,
            (START, order, count),
        ).fetchone()
        assert row == (19,)
    connection.rollback()
