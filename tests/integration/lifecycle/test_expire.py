"""Months expire: their events and records go, what was counted of them stays."""

import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import psycopg
import pytest

from event_warehouse.database import Role, connect
from event_warehouse.errors import DatabaseError, TransformError, WarehouseError
from event_warehouse.lifecycle.expire import Expired, expire
from event_warehouse.load.files import load_new_files
from event_warehouse.load.replay import replay_rejected_lines
from event_warehouse.reports.accounting import verify
from event_warehouse.settings import Settings
from event_warehouse.transform.pending import is_pending
from event_warehouse.transform.rebuild import rebuild
from event_warehouse.transform.recast import recast_rejected_events
from event_warehouse.transform.run import run_dbt, transform
from tests.integration.lifecycle.conftest import Deliver
from tests.integration.lifecycle.months import JANUARY, ask, every_table, visit
from tests.integration.transform.sessions import process_of
from tests.waiting import wait_for_waiter

FEBRUARY = date(2025, 2, 1)
NEXT_YEAR = date(date.today().year + 1, 1, 15)
"""When everything that the test has loaded is of a month that has ended."""
EVENT_TIMES = "select min(event_time)::text from analytics.events"
FACTS = (
    "analytics.fct_entity_activity_daily",
    "analytics.fct_entity_activity_monthly",
    "analytics.fct_device_activity_daily",
    "analytics.fct_sessions",
    "analytics.fct_user_sequences_daily",
    "analytics.fct_visitor_activity_daily",
    "analytics.rollup_events_5min",
    "analytics.rollup_events_1hr",
    "marts.tenant_events_daily",
    "marts.most_active_users_daily",
    "marts.event_types_hourly",
)
EXPIRER = """
from datetime import date
from event_warehouse.lifecycle.expire import expire
from event_warehouse.settings import read_settings
expire(read_settings(), events_before=date(2025, 2, 1))
"""


def facts(settings: Settings) -> dict[str, list[str]]:
    found = every_table(settings)
    return {table: found[table] for table in FACTS}


def test_events_of_whole_months_go_and_every_count_of_them_stays(
    applied: Settings,
) -> None:
    before = facts(applied)

    expired = expire(applied, events_before=date(2025, 2, 17))

    assert expired == (
        Expired("analytics.duplicate_events", 1),
        Expired("analytics.events", 4),
    )
    assert ask(applied, EVENT_TIMES) == [("2025-03-01 00:00:00+00",)]
    assert facts(applied) == before
    assert verify(applied).problems == ()
    assert {one.status for one in verify(applied).loads} == {"loaded"}
    assert ask(applied, "select distinct status from marts.accounting") == [
        ("balanced",)
    ]


@pytest.mark.long
def test_records_of_whole_months_go_with_their_rejects_and_events_stay(
    applied: Settings,
) -> None:
    expired = expire(applied, raw_before=NEXT_YEAR.replace(day=1), today=NEXT_YEAR)

    assert expired == (
        Expired("analytics.duplicate_events", 2),
        Expired("analytics.rejected_events", 2),
        Expired("raw.events_raw", 16),
        Expired("raw.rejected_lines", 2),
        Expired("raw.stripped_lines", 1),
    )
    assert ask(applied, "select count(*) from raw.events_raw") == [(0,)]
    assert ask(applied, "select count(*) from analytics.events") == [(12,)]
    assert verify(applied).problems == ()
    assert ask(applied, "select distinct status from marts.accounting") == [
        ("balanced",)
    ]


@pytest.mark.long
def test_expired_rows_that_are_not_counted_are_a_problem(applied: Settings) -> None:
    expire(applied, events_before=FEBRUARY)
    with psycopg.connect(applied.dsn) as connection:
        connection.execute(
            "delete from ledger.removed_rows where table_name = 'analytics.events'"
        )

    assert "raw rows, but" in verify(applied).problems[0]


@pytest.mark.long
def test_horizon_moves_forward_only(applied: Settings) -> None:
    expire(applied, events_before=date(2025, 3, 1))

    assert expire(applied, events_before=FEBRUARY) == ()

    assert ask(applied, "select ledger.events_horizon()") == [(date(2025, 3, 1),)]


@pytest.mark.long
def test_month_that_runs_can_t_expire(applied: Settings) -> None:
    with pytest.raises(WarehouseError, match="the current month"):
        expire(applied, raw_before=NEXT_YEAR)


def test_late_arrival_from_before_the_horizon_is_rejected_as_expired(
    applied: Settings, deliver: Deliver
) -> None:
    expire(applied, events_before=FEBRUARY)
    before = facts(applied)

    deliver("visits/late.json", visit(event_id=99, at="2025-01-31T23:59:59Z"))
    transform(applied)

    assert ask(
        applied,
        """
        select rejected_column, rejected_value, rejected_reason
        from analytics.rejected_events where rejected_reason = 'is expired'
        """,
    ) == [("event_time", "2025-01-31T23:59:59Z", "is expired")]
    assert facts(applied) == before
    assert verify(applied).problems == ()


@pytest.mark.long
def test_redelivered_file_of_an_expired_month_adds_nothing(
    applied: Settings, deliver: Deliver
) -> None:
    expire(applied, events_before=FEBRUARY)
    before = facts(applied)

    deliver("visits/copy.json", JANUARY)
    deliver("visits/changed.json", JANUARY + "\n")
    transform(applied)

    assert facts(applied) == before
    expired = "select count(*) from analytics.rejected_events where rejected_reason = "
    assert ask(applied, expired + "'is expired'") == [(5,)]
    assert verify(applied).problems == ()


@pytest.mark.long
def test_lines_and_events_are_replayed_after_an_expiry_as_before(
    applied: Settings,
) -> None:
    expire(applied, events_before=FEBRUARY)
    before = facts(applied)

    replay_rejected_lines(applied)
    recast_rejected_events(applied, all_of_them=True)
    transform(applied)

    assert facts(applied) == before
    assert verify(applied).problems == ()


@pytest.mark.long
def test_replayed_lines_expire_on_both_sides(applied: Settings) -> None:
    with psycopg.connect(applied.dsn) as connection:
        # As if the line had been torn by the reader and not by its sender.
        connection.execute(
            """
            update raw.rejected_lines
            set line = convert_to(replace(%s, E'\\n', ''), 'UTF8'),
                byte_count = length(replace(%s, E'\\n', ''))
            where line = 'no json'
            """,
            (visit(event_id=77), visit(event_id=77)),
        )
    assert replay_rejected_lines(applied).replayed == 1
    transform(applied)
    assert verify(applied).problems == ()

    expire(applied, raw_before=NEXT_YEAR.replace(day=1), today=NEXT_YEAR)

    assert verify(applied).problems == ()
    assert ask(applied, "select distinct status from marts.accounting") == [
        ("balanced",)
    ]


@pytest.mark.long
def test_rebuild_starts_at_the_horizon(applied: Settings, deliver: Deliver) -> None:
    # Goes on with a session of January, and is a day that its visitor was known by.
    deliver(
        "visits/past_midnight.json",
        visit(event_id=98, at="2025-02-01T00:10:00Z", user_id="ada")
        + visit(event_id=97, at="2025-01-30T12:00:00Z", user_id="ada"),
    )
    transform(applied)
    expire(applied, events_before=FEBRUARY)
    before = facts(applied)
    with psycopg.connect(applied.dsn) as connection:
        connection.execute("""
            update analytics.fct_sessions set event_count = event_count + 1
            where session_start >= '2025-02-01Z';
            delete from analytics.fct_visitor_activity_daily
            where event_date >= '2025-02-01'
        """)
    assert verify(applied).problems[0].startswith("fct_sessions sums to")

    with pytest.raises(TransformError, match="start at 2025-02-01"):
        rebuild(applied, [(date(2025, 1, 31), date(2025, 4, 1))])
    rebuild(applied, [(FEBRUARY, date(2025, 4, 1))])

    assert facts(applied) == before
    assert verify(applied).problems == ()


def test_full_refresh_is_refused_once_something_has_expired(applied: Settings) -> None:
    assert expire(applied, events_before=date(2024, 12, 1)) == ()
    assert ask(applied, "select ledger.why_no_full_refresh()") == [(None,)]
    expire(applied, events_before=FEBRUARY)
    before = facts(applied)

    with pytest.raises(TransformError, match="warehouse rebuild --start 2025-02-01"):
        transform(applied, full_refresh=True)
    with pytest.raises(TransformError, match="warehouse rebuild --start 2025-02-01"):
        run_dbt(applied, ["--full-refresh"])

    transform(applied)
    assert not is_pending(applied)
    assert facts(applied) == before


@pytest.mark.long
def test_table_of_another_version_is_left_as_it_is_once_something_has_expired(
    applied: Settings,
) -> None:
    expire(applied, events_before=FEBRUARY)
    before = facts(applied)
    with psycopg.connect(applied.dsn) as connection:
        connection.execute(
            "alter table analytics.rollup_events_5min add column of_old text"
        )

    with pytest.raises(TransformError, match="rebuild --start 2025-02-01") as refused:
        transform(applied)
    assert "the columns of analytics.rollup_events_5min are" in str(refused.value)

    with psycopg.connect(applied.dsn) as connection:
        connection.execute(
            "alter table analytics.rollup_events_5min drop column of_old"
        )
    assert facts(applied) == before


@pytest.mark.long
def test_model_that_is_made_after_an_expiry_is_asked_for_the_events_since(
    applied: Settings,
) -> None:
    expire(applied, events_before=FEBRUARY)
    with psycopg.connect(applied.dsn) as connection:
        connection.execute("""
            drop table analytics.fct_device_activity_daily;
            drop table analytics.fct_sessions cascade;
            delete from ledger.models
            where model in ('fct_device_activity_daily', 'fct_sessions')
        """)

    transform(applied)

    sums = {one.model: one.event_count for one in verify(applied).layers}
    assert sums["fct_device_activity_daily"] == 8
    assert sums["fct_sessions"] == 8
    assert verify(applied).problems == ()


@pytest.mark.long
def test_records_that_are_not_applied_yet_do_not_expire(
    applied: Settings, deliver: Deliver
) -> None:
    deliver("visits/new.json", visit(event_id=99))

    with pytest.raises(WarehouseError, match="not applied yet"):
        expire(applied, raw_before=NEXT_YEAR.replace(day=1), today=NEXT_YEAR)

    assert ask(applied, "select count(*) from raw.events_raw") == [(17,)]
    assert ask(applied, "select count(*) from ledger.expiries") == [(0,)]


@pytest.mark.long
def test_expiry_waits_until_every_model_has_what_the_others_have(
    applied: Settings,
) -> None:
    with psycopg.connect(applied.dsn) as connection:
        connection.execute(
            "update ledger.models set applies = '{}' where model = 'rollup_events_1hr'"
        )

    with pytest.raises(WarehouseError, match="rollup_events_1hr has yet to take in"):
        expire(applied, events_before=FEBRUARY)


@pytest.mark.long
def test_expiry_killed_before_its_last_step_leaves_nothing_half_done(
    applied: Settings,
) -> None:
    before = every_table(applied)
    with psycopg.connect(applied.dsn) as reader:
        reader.execute("select count(*) from analytics.events")
        with process_of(applied, EXPIRER) as process:
            wait_for_waiter(applied, "analytics.events")
            process.kill()
            assert process.wait(30) == -signal.SIGKILL
    # Its transaction ends when Postgres sees that it is gone.
    assert expire(applied, events_before=FEBRUARY)

    assert every_table(applied)["ledger.expiries"] != before["ledger.expiries"]
    assert ask(applied, "select count(*) from ledger.expiries") == [(1,)]
    assert verify(applied).problems == ()


@pytest.mark.long
def test_expiry_holds_up_neither_a_load_nor_a_reader_for_long(
    applied: Settings, deliver: Deliver
) -> None:
    with (
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(applied.dsn) as reader,
    ):
        reader.execute("select count(*) from analytics.events")
        expiring = pool.submit(expire, applied, events_before=FEBRUARY)
        wait_for_waiter(applied, "analytics.events")
        with psycopg.connect(applied.dsn) as other:
            other.execute("set lock_timeout to '900ms'")
            other.execute("select count(*) from analytics.events")
        deliver("visits/new.json", visit(event_id=99))
        reader.rollback()
        assert expiring.result(30)

    load_new_files(applied)
    transform(applied)
    assert verify(applied).problems == ()


@pytest.mark.long
@pytest.mark.parametrize("role", [Role.LOADER, Role.TRANSFORMER, Role.READER])
def test_nobody_but_the_keeper_drops_partitions_of_raw(
    applied: Settings, role: Role
) -> None:
    with (
        pytest.raises(DatabaseError, match="permission denied"),
        connect(applied.dsn, role) as connection,
    ):
        connection.execute("select raw.drop_partitions('2030-01-01')")
