"""Days are made anew from their events, and only what is wrong in them is written."""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from event_warehouse.settings import Settings
from event_warehouse.transform.rebuild import rebuild
from event_warehouse.transform.run import transform
from tests.integration.transform.tables import assert_tells, contents
from tests.integration.transform.test_late_data import VERSIONED, versions
from tests.integration.transform.visits import ALL, Deliver, visit

NEW_YEAR = (date(2025, 1, 1), date(2025, 1, 2))
REBUILT = [
    "analytics.int_touched_hours",
    *(
        table
        for table in VERSIONED
        if table.split(".")[1] not in {"events", "rejected_events", "duplicate_events"}
    ),
]

COUNTED_BY_USER = (
    "analytics.fct_sessions",
    "analytics.fct_visitor_activity_daily",
    "analytics.fct_user_sequences_daily",
    "analytics.fct_retention_daily",
    "analytics.fct_retention_weekly",
    "marts.funnels",
)


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What dbt has parsed for rebuilds, which takes it seconds."""
    return tmp_path_factory.mktemp("parsed") / "dbt_rebuild"


@pytest.fixture
def applied(settings: Settings, deliver: Deliver, parsed: Path) -> Iterator[Settings]:
    """A warehouse with all files applied."""
    if parsed.exists():
        shutil.copytree(parsed, settings.home / parsed.name)
    deliver(ALL)
    transform(settings)
    yield settings
    shutil.copytree(settings.home / parsed.name, parsed, dirs_exist_ok=True)


def change(settings: Settings, statement: str, table: str) -> int:
    with psycopg.connect(settings.dsn) as connection:
        connection.execute("set role warehouse_transformer")
        query = sql.SQL(statement).format(sql.Identifier(*table.split(".")))
        return connection.execute(query).rowcount


def test_rebuilding_days_that_are_right_writes_no_row(applied: Settings) -> None:
    before = {table: versions(applied, table) for table in VERSIONED}

    rebuild(applied, [(date(1970, 1, 1), date(2030, 1, 1))])

    assert {table: versions(applied, table) for table in VERSIONED} == before


@pytest.mark.parametrize(
    "damage", ["delete from {}", "update {} set tenant_id = 'nobody'"]
)
def test_rows_that_were_deleted_or_changed_are_put_right(
    applied: Settings, damage: str
) -> None:
    if damage.startswith("update"):
        # Two tenants' rows would have the same key.
        damage += " where tenant_id = 'acme'"
    tables = {*REBUILT, *COUNTED_BY_USER}
    assert all(change(applied, damage, table) for table in tables)

    rebuild(applied, [(date(1970, 1, 1), date(2030, 1, 1))])

    assert_tells(applied, ALL)


@pytest.mark.long
def test_other_days_and_other_tenants_stay_as_they_are(applied: Settings) -> None:
    table = "marts.tenant_events_hourly"
    change(applied, "update {} set event_count = event_count + 100", table)
    before = contents(applied)["tenant_events_hourly"]

    rebuild(applied, [NEW_YEAR], tenant_id="acme")

    changed = set(before) ^ set(contents(applied)["tenant_events_hourly"])
    assert changed
    assert {(row[0], row[1].date()) for row in changed} == {("acme", NEW_YEAR[0])}


@pytest.mark.long
def test_tenant_whose_name_is_sql_is_rebuilt_like_any(applied: Settings) -> None:
    name = "'; drop table analytics.events; -- ledger.is_pending(x)"

    rebuild(applied, [NEW_YEAR], tenant_id=name)

    assert_tells(applied, ALL)


@pytest.mark.long
def test_events_that_are_not_applied_yet_stay_so_and_are_added_by_the_next_run(
    applied: Settings, deliver: Deliver
) -> None:
    late = [("late.json", visit(event_id="99", at="2025-01-01T10:04:00Z"))]
    deliver(late)
    before = contents(applied)["fct_entity_activity_daily"]

    rebuild(applied, [NEW_YEAR])

    assert contents(applied)["fct_entity_activity_daily"] == before
    transform(applied)
    assert_tells(applied, [*ALL, *late])


@pytest.mark.long
def test_rebuild_gives_no_model_the_events_of_an_apply_that_it_lacks(
    applied: Settings, deliver: Deliver
) -> None:
    with psycopg.connect(applied.dsn) as connection:
        connection.execute(
            "create table public.before as table analytics.fct_device_activity_daily"
        )
        connection.execute("create table public.ledger as table ledger.models")
    late = [("late.json", visit(event_id="99", at="2025-01-01T10:04:00Z"))]
    deliver(late)
    transform(applied)
    with psycopg.connect(applied.dsn) as connection:
        # As if the run had been killed before this model.
        connection.execute("""
            delete from analytics.fct_device_activity_daily;
            insert into analytics.fct_device_activity_daily table public.before;
            update ledger.models set applies = before.applies
            from public.ledger as before
            where
                models.model = 'fct_device_activity_daily'
                and before.model = models.model
        """)

    rebuild(applied, [NEW_YEAR])
    transform(applied)

    assert_tells(applied, [*ALL, *late])
