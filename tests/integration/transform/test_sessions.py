"""Sessions and retention are what a recount says, however late events come."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import chain, count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from event_warehouse.load.files import load_new_files
from event_warehouse.settings import PROJECT, Settings
from event_warehouse.transform.rebuild import rebuild
from event_warehouse.transform.run import transform
from tests.fixture_types import Land, Query
from tests.integration.transform.visitors import (
    FEEDS,
    RETENTION,
    SESSIONS,
    Record,
    Rows,
    in_order,
    recount_retention,
    recount_sessions,
    time_of,
    visitor_of,
)

NUMBERS = count()
VERSIONS = """
    select visitor_key, session_start, xmin::text, ctid::text
    from analytics.fct_sessions
"""

TakeIn = Callable[[Iterable[Record]], None]
"""Delivers events in one file a feed, loads and transforms them."""


@pytest.fixture
def settings(built_warehouse: Settings) -> Settings:
    feeds = built_warehouse.home / "feeds.yml"
    feeds.write_text(FEEDS)
    return replace(built_warehouse, feeds=feeds)


@pytest.fixture
def deliver(settings: Settings, land: Land) -> TakeIn:
    def write(records: Iterable[Record]) -> None:
        records = list(records)
        for feed in sorted({record["feed"] for record in records}):
            lines = [json.dumps(one) for one in records if one["feed"] == feed]
            land(settings, f"{feed}/{next(NUMBERS)}.json", "\n".join(lines))
        load_new_files(settings)

    return write


@pytest.fixture
def take_in(settings: Settings, deliver: TakeIn) -> TakeIn:
    def write(records: Iterable[Record]) -> None:
        deliver(records)
        transform(settings)

    return write


def event(at: str, **fields: Any) -> Record:
    """An event of ada's on one day, at hours, minutes and what follows."""
    day = "" if "T" in at else "2025-03-03T"
    return {
        "feed": "visits",
        "tenant": "acme",
        "event_id": str(next(NUMBERS)),
        "user_id": "ada",
        **fields,
        "at": f"{day}{at}Z",
    }


def test_sessions_and_retention_are_what_a_recount_says_however_late_events_come(
    settings: Settings, deliver: TakeIn, query: Query
) -> None:
    dice = random.Random(1)
    records = random_events(dice, tenants=40)
    arriving: list[list[Record]] = [[], [], []]
    for record in records:
        dice.choice(arriving).append(record)
    for turn in range(3):
        # Of two files of a feed each is an apply of its own in one batch.
        deliver(arriving[turn][::2])
        deliver(arriving[turn][1::2])

        transform(settings)

        assert_tells(settings, query, [*chain(*arriving[: turn + 1])])
    tables = ("fct_sessions", "fct_visitor_activity_daily", "fct_retention_daily")
    before = [all_of(settings, query, table) for table in tables]

    transform(settings, full_refresh=True)

    assert_tells(settings, query, records)
    assert [all_of(settings, query, table) for table in tables] == before


@pytest.mark.long
def test_rebuild_of_days_puts_all_sessions_of_their_visitors_right(
    settings: Settings, take_in: TakeIn, query: Query
) -> None:
    dice = random.Random(3)
    records = random_events(dice, tenants=20)
    dice.shuffle(records)
    for turn in range(3):
        take_in(records[turn::3])
    tables = ("fct_sessions", "fct_visitor_activity_daily")
    before = [all_of(settings, query, table) for table in tables]
    days = [(date(2024, 12, 28), date(2025, 1, 3))]
    # Of visitors of those days, also what is of later ones.
    visitors = """
        (tenant_id, visitor_key) in (
            select tenant_id, visitor_key from analytics.fct_visitor_activity_daily
            where event_date < '2025-01-03'
        )
    """
    with psycopg.connect(settings.dsn) as connection:
        for damage in (
            f"delete from analytics.fct_sessions where {visitors} and random() < 0.5",
            f"""
            update analytics.fct_sessions set
                session_start = session_start - interval '1 year', event_count = 7
            where {visitors} and random() < 0.5
            """,
            f"""
            update analytics.fct_visitor_activity_daily set
                known_first_date = null, apply_id = 1
            where {visitors}
            """,
            f"""
            delete from analytics.fct_visitor_activity_daily
            where {visitors} and random() < 0.5
            """,
        ):
            assert connection.execute(damage.encode()).rowcount

    rebuild(settings, days)

    assert [all_of(settings, query, table) for table in tables] == before
    assert_tells(settings, query, records)


def random_events(dice: random.Random, *, tenants: int) -> list[Record]:
    """Each tenant a small world of its own, with pauses of about the timeout, events at
    one time, days around midnight and the new year, and repeats."""
    records: list[Record] = []
    for tenant in range(tenants):
        start = datetime(2024, 12, 28) + timedelta(days=dice.randrange(10))
        for _ in range(dice.randrange(1, 40)):
            pause = dice.choice([0, 5, 10, 20, 30, 600, 1430, 10_000])
            at = start + timedelta(
                minutes=dice.choice([0, 15, 30, 45, 60, 90]) + pause,
                microseconds=dice.choice([0, 0, 1]),
            )
            record = {
                "feed": dice.choice(["visits", "visits", "taps", "clicks"]),
                "tenant": f"t{tenant}",
                "event_id": str(len(records)),
                "at": at.isoformat() + "Z",
                "event_type": dice.choice(["view", "Buy", "édit", None]),
                "entity_id": dice.choice(["p1", "P2", None]),
                "user_id": dice.choice(["ada", "bob", None]),
                "device_id": dice.choice(["phone", "ada", None]),
                "session_id": dice.choice(["s1", "s2", None]),
                "sample_rate": dice.choice([1, 1, 10]),
            }
            records.append({k: v for k, v in record.items() if v is not None})
    return records


def assert_tells(settings: Settings, query: Query, records: Sequence[Record]) -> None:
    assert in_order(query(settings, SESSIONS)) == recount_sessions(records)
    for period, retention in RETENTION.items():
        expected = recount_retention(records, period)
        assert in_order(query(settings, retention)) == expected, period


def all_of(settings: Settings, query: Query, table: str) -> Rows:
    return in_order(query(settings, f"select one::text from analytics.{table} as one"))


def sessions(settings: Settings, query: Query) -> Rows:
    """Start, end and number of events of each session, in the order of their start."""
    return query(
        settings,
        "select to_char(session_start, 'HH24:MI:SS'),"
        " to_char(session_end, 'HH24:MI:SS'), event_count::int"
        " from marts.sessions order by session_start, session_end",
    )


@pytest.mark.long
@pytest.mark.long
def test_pause_of_exactly_the_timeout_ends_no_session(
    settings: Settings, take_in: TakeIn, query: Query
) -> None:
    take_in([event("10:00:00"), event("10:30:00"), event("11:00:00.000001")])

    assert sessions(settings, query) == [
        ("10:00:00", "10:30:00", 2),
        ("11:00:00", "11:00:00", 1),
    ]


def test_pause_of_exactly_the_timeout_unites_a_late_event_with_what_is_kept(
    settings: Settings, take_in: TakeIn, query: Query
) -> None:
    take_in([event("10:00:00"), event("12:00:00")])

    take_in([event("10:30:00"), event("11:29:59.999999")])

    assert sessions(settings, query) == [
        ("10:00:00", "10:30:00", 2),
        ("11:29:59", "11:29:59", 1),
        ("12:00:00", "12:00:00", 1),
    ]


def test_late_events_unite_a_chain_of_kept_sessions(
    settings: Settings, take_in: TakeIn, query: Query
) -> None:
    take_in(
        [event("10:00:00"), event("10:50:00"), event("11:40:00"), event("15:00:00")]
    )

    take_in([event("10:25:00"), event("11:15:00")])

    assert sessions(settings, query) == [
        ("10:00:00", "11:40:00", 5),
        ("15:00:00", "15:00:00", 1),
    ]


def test_late_events_reach_a_session_of_days_and_one_of_the_week_before(
    settings: Settings, take_in: TakeIn, query: Query
) -> None:
    # 2025-03-03 is a Monday. Of over a day is found in another way than by its week.
    sunday = datetime(2025, 3, 2, 20)
    days = [
        f"{sunday + timedelta(minutes=20 * n):%Y-%m-%dT%H:%M:%S}" for n in range(94)
    ]
    kept = [event(at) for at in days]
    kept.append(event("2025-03-02T23:50:00", user_id="bob"))
    late = [event("2025-03-02T20:10:00"), event("00:10:00", user_id="bob")]
    take_in(kept)

    take_in(late)

    found = in_order(query(settings, SESSIONS))
    assert found == recount_sessions([*kept, *late])
    assert len(found) == 2


@pytest.mark.long
def test_late_event_within_a_session_is_counted_in_it(
    settings: Settings, take_in: TakeIn, query: Query
) -> None:
    take_in(event(f"{at}:00") for at in ("08:00", "08:30", "09:00", "09:30"))

    take_in([event("08:45:00")])

    assert sessions(settings, query) == [("08:00:00", "09:30:00", 5)]


@pytest.mark.long
def test_session_goes_on_past_midnight(
    settings: Settings, take_in: TakeIn, query: Query
) -> None:
    take_in([event("23:50:00"), event("2025-03-04T00:10:00")])

    assert sessions(settings, query) == [("23:50:00", "00:10:00", 2)]


def test_late_event_rewrites_the_sessions_that_it_touches_and_no_others(
    settings: Settings, take_in: TakeIn, query: Query
) -> None:
    take_in(
        event(f"{hour}:00:00", user_id=user, tenant=tenant)
        for hour in ("10", "11", "12", "13")
        for user, tenant in (("ada", "acme"), ("bob", "acme"), ("ada", "zeta"))
    )
    before = set(query(settings, VERSIONS))

    take_in([event("11:30:00")])

    after = set(query(settings, VERSIONS))
    gone, come = before - after, after - before
    assert sorted(f"{row[1]:%H:%M}" for row in gone) == ["11:00", "12:00"]
    assert [f"{row[1]:%H:%M}" for row in come] == ["11:00"]
    assert {row[0] for row in gone} == {row[0] for row in come}
    assert len(after) == 11


@pytest.mark.long
def test_nothing_new_rewrites_no_session(
    settings: Settings, take_in: TakeIn, query: Query
) -> None:
    take_in([event("10:00:00"), event("11:00:00")])
    before = query(settings, VERSIONS)

    transform(settings)

    assert query(settings, VERSIONS) == before


@pytest.mark.long
def test_of_events_at_one_time_the_order_of_arrival_decides_nothing(
    settings: Settings, take_in: TakeIn, query: Query
) -> None:
    at_once = [
        {"event_type": "view", "entity_id": "p1"},
        {"event_type": "buy", "entity_id": "p2"},
        {"event_type": "buy", "entity_id": "p1"},
        {"event_type": "buy"},
    ]
    for forwards, backwards in zip(at_once, at_once[::-1], strict=True):
        take_in(
            [
                event("10:00:00", tenant="forwards", **forwards),
                event("10:00:00", tenant="backwards", **backwards),
            ]
        )

    ends = (
        "select tenant_id, entry_event_type, entry_entity_id, exit_event_type,"
        " exit_entity_id from marts.sessions order by 1"
    )
    assert query(settings, ends) == [
        ("backwards", "buy", None, "view", "p1"),
        ("forwards", "buy", None, "view", "p1"),
    ]


def test_producer_s_session_id_makes_the_session_where_its_feed_says_so(
    settings: Settings, take_in: TakeIn, query: Query
) -> None:
    take_in(
        [
            event("08:00:00", feed="taps", session_id="one"),
            event("08:01:00", feed="taps", session_id="two"),
            event("08:02:00", feed="clicks", session_id="one"),
            event("08:03:00", feed="taps"),
            event("08:04:00", feed="visits", session_id="one"),
            event("20:00:00", feed="taps", session_id="two"),
        ]
    )

    take_in([event("18:00:00", feed="taps", session_id="one")])

    found = (
        "select feed, session_id, to_char(session_start, 'HH24:MI'),"
        " to_char(session_end, 'HH24:MI'), event_count::int"
        " from marts.sessions order by session_start"
    )
    assert query(settings, found) == [
        ("taps", "one", "08:00", "18:00", 2),
        ("taps", "two", "08:01", "20:00", 2),
        ("clicks", "one", "08:02", "08:02", 1),
        (None, None, "08:03", "08:04", 2),
    ]


@pytest.mark.long
def test_device_is_the_visitor_where_an_event_names_no_user(
    settings: Settings, take_in: TakeIn, query: Query
) -> None:
    take_in(
        [
            event("10:00:00", user_id="ada", device_id="phone"),
            event("10:01:00", user_id=None, device_id="phone"),
            event("10:02:00", user_id="ada", device_id="laptop"),
            event("10:03:00", user_id=None, device_id="ada"),
            event("10:04:00", user_id=None, session_id="s1"),
        ]
    )

    found = (
        "select user_id, device_id, event_count::int from marts.sessions"
        " order by event_count, device_id"
    )
    assert query(settings, found) == [
        (None, "ada", 1),
        (None, "phone", 1),
        ("ada", None, 2),
    ]


def test_events_are_those_of_sessions_and_those_of_no_visitor(
    settings: Settings, take_in: TakeIn, query: Query
) -> None:
    records = random_events(random.Random(2), tenants=5)
    take_in(records)

    assert query(
        settings,
        "select sum(event_count)::int, sum(weighted_count)::int from marts.sessions",
    ) == [
        (
            sum(visitor_of(record) is not None for record in records),
            sum(
                record["sample_rate"]
                for record in records
                if visitor_of(record) is not None
            ),
        )
    ]
    assert any(visitor_of(record) is None for record in records)


@pytest.mark.long
def test_repeat_of_an_event_counts_in_no_session(
    settings: Settings, take_in: TakeIn, query: Query
) -> None:
    first = event("10:00:00")
    take_in([first])

    take_in([first, event("10:10:00")])

    assert sessions(settings, query) == [("10:00:00", "10:10:00", 2)]


def test_late_first_event_moves_its_visitor_to_the_earlier_cohort_and_no_other(
    settings: Settings, take_in: TakeIn, query: Query
) -> None:
    take_in(
        [
            event("2025-03-04T10:00:00"),
            event("2025-03-12T10:00:00"),
            event("2025-03-04T10:00:00", user_id="bob"),
            event("2025-03-05T10:00:00", user_id="bob"),
        ]
    )
    kept = "(cohort_date, event_date) = (date '2025-03-04', date '2025-03-05')"
    version = f"select xmin::text from analytics.fct_retention_daily where {kept}"
    before = query(settings, version)

    # In the week before, by a day.
    take_in([event("2025-03-02T23:59:59")])

    days = "select cohort_date::text, day_number, cohort_size::int, visitor_count::int"
    assert query(settings, f"{days} from marts.retention_daily order by 1, 2") == [
        ("2025-03-02", 0, 1, 1),
        ("2025-03-02", 2, 1, 1),
        ("2025-03-02", 10, 1, 1),
        ("2025-03-04", 0, 1, 1),
        ("2025-03-04", 1, 1, 1),
    ]
    weeks = (
        "select cohort_week::text, week_number, cohort_size::int, visitor_count::int"
    )
    assert query(settings, f"{weeks} from marts.retention_weekly order by 1, 2") == [
        ("2025-02-24", 0, 1, 1),
        ("2025-02-24", 1, 1, 1),
        ("2025-02-24", 2, 1, 1),
        ("2025-03-03", 0, 1, 1),
    ]
    assert query(settings, version) == before
    zeros = "select from analytics.fct_retention_daily where visitor_count = 0"
    assert query(settings, zeros) == []


@pytest.mark.long
def test_other_timeout_makes_the_sessions_anew(
    settings: Settings, take_in: TakeIn, query: Query, tmp_path: Path
) -> None:
    records = [event("10:00:00"), event("10:20:00"), event("10:45:00")]
    take_in(records)

    transform_with_vars(settings, tmp_path, session_timeout_minutes=20)

    assert in_order(query(settings, SESSIONS)) == recount_sessions(
        records, timedelta(minutes=20)
    )
    assert sessions(settings, query) == [
        ("10:00:00", "10:20:00", 2),
        ("10:45:00", "10:45:00", 1),
    ]
    assert max(map(time_of, records)) == datetime(2025, 3, 3, 10, 45)


@pytest.mark.long
def test_sessions_that_were_to_be_made_anew_are_not_counted_twice(
    settings: Settings, take_in: TakeIn, query: Query
) -> None:
    records = [event("10:00:00"), event("10:20:00")]
    take_in(records)
    # As a run with another timeout does, which then is killed before it makes them.
    query(
        settings,
        "update ledger.models set is_stale = true where model = 'fct_sessions' "
        "returning 1",
    )

    transform(settings)

    assert in_order(query(settings, SESSIONS)) == recount_sessions(records)


def transform_with_vars(settings: Settings, target: Path, **values: int) -> None:
    """As who runs dbt by itself would."""
    subprocess.run(
        [
            *(Path(sys.executable).parent / "dbt", "--quiet", "run"),
            *("--vars", json.dumps(values)),
            *("--target-path", target / "vars", "--log-path", target / "logs"),
        ],
        cwd=PROJECT / "dbt_project",
        env={
            **os.environ,
            "WAREHOUSE_HOME": str(settings.home),
            "WAREHOUSE_DSN": settings.dsn,
        },
        timeout=300,
        check=True,
    )
