"""What an operator sees: new files in marts, backfills, alerts, deletion, expiry."""

import os
import signal
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from event_warehouse.local_airflow.api import AirflowApi, path_of_run
from event_warehouse.settings import Settings
from event_warehouse.transform.run import LOCK
from tests.airflow.conftest import KEPT_MONTHS
from tests.waiting import wait_until
from tests.webhook import Webhook

pytestmark = pytest.mark.airflow

HEADER = "tenant_id,event_id,event_type,at,user_id,entity_id,device_id"
DAYS = ("2025-01-01", "2025-01-02", "2025-01-03")
MADE_ANEW = (
    "analytics.fct_entity_activity_daily",
    "analytics.fct_entity_activity_monthly",
    "analytics.fct_device_activity_daily",
    "analytics.fct_sessions",
    "analytics.fct_visitor_activity_daily",
    "analytics.fct_user_sequences_daily",
    "analytics.fct_retention_daily",
    "analytics.fct_retention_weekly",
    "analytics.rollup_events_5min",
    "analytics.rollup_events_1hr",
    "marts.tenant_events_5min",
    "marts.tenant_events_hourly",
    "marts.tenant_events_daily",
    "marts.event_types_hourly",
    "marts.most_active_users_daily",
    "marts.most_active_entities_daily",
    "marts.most_active_devices_daily",
    "marts.funnels",
)
"""What a backfill makes anew: every fact, rollup and mart of days."""
PATIENCE = 600.0
"""Alone these take seconds; the machine may be busy."""


def land(settings: Settings, day: str, name: str, count: int) -> None:
    """A file of so many events, one an hour."""
    lines = [
        f"acme,{day}-{name}-{n},seen,{day}T{n:02}:10:00Z,u{n % 3},e{n % 5},d{n % 4}"
        for n in range(count)
    ]
    write_visits(settings, day, name, lines)


def write_visits(settings: Settings, day: str, name: str, lines: list[str]) -> None:
    """A file of the day; it gets its name when it is whole."""
    file = settings.landing / "visits" / day.replace("-", "/") / f"{name}.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}")
    part.write_text("\n".join([HEADER, *lines]) + "\n")
    part.rename(file)


def ask(settings: Settings, text: str, *values: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(settings.dsn) as connection:
        return connection.execute(sql.SQL(text), values).fetchall()


def events_by_day(settings: Settings) -> dict[str, int]:
    if ask(settings, "select to_regclass('marts.tenant_events_daily')") == [(None,)]:
        return {}
    rows = ask(
        settings,
        "select event_date::text, sum(event_count)::int from marts.tenant_events_daily "
        "group by 1",
    )
    return dict(rows)


def contents(settings: Settings) -> dict[str, Any]:
    """A checksum of the rows of each table."""
    hashed = "select count(*), sum(hashtextextended(t::text, 0)::numeric) from {} as t"
    return {table: ask(settings, hashed.format(table)) for table in MADE_ANEW}


def versions(settings: Settings) -> dict[str, Any]:
    """What changes whenever a row is written."""
    written = "select count(*), sum(xmin::text::numeric) from {}"
    return {table: ask(settings, written.format(table)) for table in MADE_ANEW}


def damage(settings: Settings) -> None:
    """By hand: rows deleted of one day, changed on another."""
    with psycopg.connect(settings.dsn) as connection:
        connection.execute("set role warehouse_transformer")
        for statement in (
            "delete from analytics.rollup_events_5min "
            "where event_5min < timestamptz '2025-01-02 00:00Z'",
            "update analytics.fct_entity_activity_daily set event_count = 99 "
            "where event_date = date '2025-01-02'",
            "delete from marts.tenant_events_daily where event_date < '2025-01-03'",
            "update marts.tenant_events_hourly set event_count = event_count + 7 "
            "where event_hour >= timestamptz '2025-01-02 00:00Z' "
            "and event_hour < timestamptz '2025-01-03 00:00Z'",
        ):
            assert connection.execute(statement).rowcount > 0


def backfill(api: AirflowApi, first: str, last: str, **how: object) -> None:
    """As the UI's form asks for it; returns when it has ended well."""
    body = {
        "dag_id": "repair_days",
        "from_date": f"{first}T00:00:00Z",
        "to_date": f"{last}T00:00:00Z",
        "reprocess_behavior": "completed",
        "max_active_runs": 2,
        "run_backwards": True,
        "dag_run_conf": {},
        **how,
    }
    wanted = api.post("/api/v2/backfills/dry_run", body)["total_entries"]
    made = api.post("/api/v2/backfills", body)["id"]

    def runs() -> list[dict[str, Any]]:
        path = "/api/v2/dags/repair_days/dagRuns?run_type=backfill&limit=100"
        found: list[dict[str, Any]] = api.get(path)["dag_runs"]
        return found

    def has_ended() -> bool:
        is_complete = api.get(f"/api/v2/backfills/{made}")["completed_at"] is not None
        return is_complete and all(
            run["state"] in {"success", "failed"} for run in runs()
        )

    wait_until(has_ended, seconds=PATIENCE)
    assert wanted > 0
    assert {run["state"] for run in runs()} == {"success"}


def trigger(api: AirflowApi, dag_id: str, **conf: object) -> str:
    """As the UI's form starts a run; returns its id."""
    body = {"logical_date": None, "conf": conf}
    run: str = api.post(f"/api/v2/dags/{dag_id}/dagRuns", body)["dag_run_id"]
    return run


def run_well(api: AirflowApi, dag_id: str, **conf: object) -> str:
    """As `trigger`; returns when the run has ended well."""
    run = trigger(api, dag_id, **conf)
    path = path_of_run(dag_id, run)
    wait_until(
        lambda: api.get(path)["state"] in {"success", "failed"}, seconds=PATIENCE
    )
    assert api.get(path)["state"] == "success"
    return run


def operations(settings: Settings, *kinds: str) -> list[tuple[Any, ...]]:
    """What was done, and by whom, of these kinds."""
    return ask(
        settings,
        "select kind, what, requested_by from ledger.operations "
        "where kind = any(%s) and finished_at is not null order by kind",
        list(kinds),
    )


def counted(api: AirflowApi, asset: str, what: str) -> int:
    """The sum of what runs have left at the asset's events."""
    events = api.get("/api/v2/assets/events?limit=100")["asset_events"]
    return sum(
        event["extra"].get(what, 0) for event in events if event["name"] == asset
    )


def test_file_that_lands_is_in_a_mart_without_anyones_hand(
    running: Settings, api: AirflowApi
) -> None:
    for day in DAYS:
        land(running, day, "first", 20)

    whole = dict.fromkeys(DAYS, 20)
    wait_until(lambda: events_by_day(running) == whole, seconds=PATIENCE)
    # A task's counts are there when it has ended, which is after its rows.
    wait_until(lambda: counted(api, "warehouse_raw", "rows") == 60, seconds=PATIENCE)
    wait_until(
        lambda: counted(api, "warehouse_marts", "events") == 60, seconds=PATIENCE
    )
    assert counted(api, "warehouse_raw", "loaded") == 3
    assert counted(api, "warehouse_marts", "duplicates") == 0


def test_no_dag_has_an_import_error_and_loaders_have_a_pool(api: AirflowApi) -> None:
    assert api.get("/api/v2/importErrors")["import_errors"] == []
    assert api.get("/api/v2/pools/warehouse_loaders")["slots"] == 2


def test_backfill_makes_a_damaged_window_right_beside_new_files(
    running: Settings, api: AirflowApi
) -> None:
    before = contents(running)
    damage(running)
    assert contents(running) != before
    backfill(api, DAYS[0], DAYS[1])
    assert contents(running) == before

    damage(running)
    # Whoever comes first loads it: the backfill, or the run of that minute.
    land(running, DAYS[0], "late", 5)
    backfill(api, DAYS[0], DAYS[1], max_active_runs=3)

    assert events_by_day(running) == {DAYS[0]: 25, DAYS[1]: 20, DAYS[2]: 20}
    hours = ask(
        running,
        "select sum(event_count)::int from marts.tenant_events_hourly "
        "where event_hour < timestamptz '2025-01-02 00:00Z'",
    )
    assert hours == [(25,)]


def test_backfill_of_a_healthy_window_writes_no_row(
    running: Settings, api: AirflowApi
) -> None:
    before = versions(running)

    backfill(api, DAYS[0], DAYS[2])

    assert versions(running) == before


def test_who_had_days_rebuilt_is_kept(running: Settings) -> None:
    rows = ask(running, "select requested_by from ledger.rebuilds")
    backfills = [text for (text,) in rows if "repair_days backfill__" in text]
    # Two days twice, and three.
    assert len(backfills) == 7
    assert all(text.startswith("admin, ") for text in backfills)


def test_failure_is_told_to_the_webhook_and_not_tried_again(
    api: AirflowApi, webhook: Webhook
) -> None:
    webhook.messages.clear()
    run = trigger(api, "repair_days", start="2025-01-09", end="2025-01-02")

    wait_until(lambda: bool(webhook.messages), seconds=PATIENCE)
    (message,) = [one for one in webhook.messages if run in one["run"]]
    assert message["what"] == "repair_days.find"
    assert "ends at 2025-01-02" in message["error"]
    assert f"/dags/repair_days/runs/{quote(run)}/tasks/find" in message["link"]
    tries = api.get(f"{path_of_run('repair_days', run)}/taskInstances/find")
    assert tries["try_number"] == 1


def test_task_that_is_killed_is_tried_again(running: Settings, api: AirflowApi) -> None:
    with psycopg.connect(running.dsn, autocommit=True) as held:
        held.execute("select pg_advisory_lock(%s)", (LOCK,))
        land(running, DAYS[1], "killed", 3)
        run = trigger(api, "repair_days", start=DAYS[1], end=DAYS[2])
        transform = f"{path_of_run('repair_days', run)}/taskInstances/transform"
        wait_until(lambda: api.get(transform)["pid"] is not None, seconds=PATIENCE)
        wait_until(lambda: waits_for_lock(running), seconds=PATIENCE)
        os.kill(api.get(transform)["pid"], signal.SIGKILL)
        wait_until(
            lambda: api.get(transform)["state"] == "up_for_retry", seconds=PATIENCE
        )
    wait_until(
        lambda: api.get(path_of_run("repair_days", run))["state"] == "success",
        seconds=PATIENCE,
    )
    assert api.get(transform)["try_number"] > 1
    assert events_by_day(running)[DAYS[1]] == 23


def waits_for_lock(settings: Settings) -> bool:
    waiting = "select from pg_locks where locktype = 'advisory' and not granted"
    return bool(ask(settings, waiting))


def test_user_whose_key_is_given_is_deleted_and_who_asked_is_kept(
    running: Settings, api: AirflowApi
) -> None:
    before = events_by_day(running)
    ((user_key,),) = ask(
        running, "select user_key from analytics.dim_users where user_id = 'u1'"
    )
    gone = ask(
        running,
        "select event_time::date::text, count(*)::int from analytics.events "
        "where user_id = 'u1' group by 1",
    )
    assert len(gone) == len(DAYS)

    run = run_well(api, "forget_user", user_key=user_key)

    left = {day: before[day] - count for day, count in gone}
    assert events_by_day(running) == left
    assert ask(running, "select from analytics.events where user_id = 'u1'") == []
    assert ask(running, "select from raw.events_raw where user_id = 'u1'") == []
    assert operations(running, "deletion") == [
        ("deletion", "a user of acme (deletion 1)", f"admin, forget_user {run}")
    ]


def test_what_is_older_than_the_settings_keep_expires(
    running: Settings, api: AirflowApi
) -> None:
    run_well(api, "expire_events")
    horizon = f"{datetime.now(UTC).year - KEPT_MONTHS // 12}-"

    # Its schedule may have been before: then that run is who asked.
    ((_, what, asked_by),) = operations(running, "expiry")
    assert what.startswith(f"events before {horizon}")
    assert asked_by.startswith(
        ("airflow (scheduled), expire_events ", "admin, expire_events ")
    )
    before = events_by_day(running)
    land(running, "1975-05-05", "old", 4)
    rejected = (
        "select count(*)::int from analytics.rejected_events "
        "where rejected_reason = 'is expired'"
    )
    # The fourth is of the user who was deleted, and counts as that.
    wait_until(lambda: ask(running, rejected) == [(3,)], seconds=PATIENCE)
    assert events_by_day(running) == before


def test_line_is_taken_in_when_its_feed_was_mended(
    running: Settings, api: AirflowApi
) -> None:
    day = DAYS[2]
    count = events_by_day(running)[day]
    lines = [f"acme,{id},seen,{day}T10:00:00Z,u2,e,d1" for id in ("whole", "n\0ul")]
    write_visits(running, day, "nul", lines)
    wait_until(lambda: events_by_day(running)[day] == count + 1, seconds=PATIENCE)
    mended = running.feeds.with_name("mended.yml")
    mended.write_text(running.feeds.read_text() + "  strip_nul: true\n")
    mended.rename(running.feeds)

    run = run_well(api, "replay_rejected", feed="visits")

    assert events_by_day(running)[day] == count + 2
    asked_by = f"admin, replay_rejected {run}"
    assert operations(running, "recast", "replay") == [
        ("recast", "rejected events of visits: 3 to be cast again", asked_by),
        ("replay", "rejected lines of visits: 1 taken in", asked_by),
    ]


def test_quality_is_checked_and_holds(running: Settings, api: AirflowApi) -> None:
    api.patch("/api/v2/dags/check_quality", {"is_paused": False})

    run = run_well(api, "check_quality")

    tasks = api.get(f"{path_of_run('check_quality', run)}/taskInstances")
    assert {one["task_id"]: one["state"] for one in tasks["task_instances"]} == {
        "test": "success",
        "freshness": "success",
        "verify": "success",
    }
