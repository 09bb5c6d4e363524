"""What `verify` says of a row that is missing or counted twice: never nothing."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from event_warehouse.load.files import load_new_files
from event_warehouse.reports.accounting import verify
from event_warehouse.settings import Settings
from event_warehouse.transform.layers import LAYERS
from event_warehouse.transform.run import LOCK, transform
from tests.filled_warehouse import copied_warehouse, filled_warehouse
from tests.fixture_types import Query
from tests.waiting import wait_until

FEEDS = """
visits:
  files: visits/*
  format: json_lines
  fields: {tenant_id: tenant, event_time: at}
  identity: [%s]
"""
LINES = """\
{"tenant":"acme","event_id":"1","event_type":"view","at":"2025-01-01T10:00:00Z","user_id":"ada"}
{"tenant":"acme","event_id":"2","event_type":"view","at":"2025-01-01T10:30:00Z","device_id":"tv"}
{"tenant":"acme","event_id":"1","event_type":"edit","at":"2025-01-01T10:00:00Z"}
{"tenant":"acme","event_id":"3","at":"never"}
no json
"""

Execute = Callable[[str], None]
WAITERS = """
    select from pg_locks
    where
        locktype = 'advisory' and not granted
        and database = (select oid from pg_database where datname = current_database())
"""


@pytest.fixture(scope="module")
def filled(
    cluster: Settings, built_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """A warehouse with five lines applied: two events, a repeat, two bad ones."""
    with filled_warehouse(
        cluster,
        built_home,
        tmp_path_factory.mktemp("filled"),
        database="filled",
        file="visits/a.json",
        text=LINES,
        feeds=FEEDS % "event_id",
    ) as settings:
        yield settings


@pytest.fixture
def settings(cluster: Settings, filled: Settings, tmp_path: Path) -> Iterator[Settings]:
    """The same, for the test alone."""
    with copied_warehouse(cluster, filled, tmp_path) as settings:
        yield settings


@pytest.fixture
def execute(settings: Settings) -> Iterator[Execute]:
    """Runs a statement as the warehouse's owner."""
    with psycopg.connect(settings.dsn, autocommit=True) as connection:

        def run(statement: str) -> None:
            connection.execute(sql.SQL(statement))

        yield run


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (
            "delete from analytics.events where line_number = 2",
            "4 raw rows, but 1 events + 1 rejected events + 1 duplicates",
        ),
        (
            "delete from analytics.rejected_events",
            "4 raw rows, but 2 events + 0 rejected events + 1 duplicates",
        ),
        (
            "delete from analytics.duplicate_events",
            "4 raw rows, but 2 events + 1 rejected events + 0 duplicates",
        ),
        ("delete from raw.rejected_lines", "5 records, but 4 raw rows + 0 rejected"),
        ("delete from raw.events_raw where line_number = 1", "5 records, but 3 raw"),
        (
            "insert into raw.events_raw (load_id, line_number) values (999, 1)",
            "1 raw rows belong to no load",
        ),
    ],
)
def test_each_row_too_few_or_too_many_is_a_problem(
    settings: Settings, execute: Execute, damage: str, said: str
) -> None:
    assert verify(settings).is_balanced
    execute(damage)
    assert said in " ".join(verify(settings).problems)


def test_what_a_rebuild_under_way_has_yet_to_put_right_is_no_problem(
    settings: Settings, execute: Execute
) -> None:
    execute("update analytics.fct_entity_activity_daily set event_count = 7")
    with psycopg.connect(settings.dsn) as rebuild, ThreadPoolExecutor() as pool:
        rebuild.execute("select pg_advisory_lock(%s)", (LOCK,))
        asked = pool.submit(verify, settings)
        wait_until(lambda: rebuild.execute(WAITERS).rowcount > 0)
        execute("update analytics.fct_entity_activity_daily set event_count = 1")
        rebuild.execute("select pg_advisory_unlock(%s)", (LOCK,))

        assert asked.result().is_balanced


def test_each_event_too_few_or_too_many_in_a_fact_is_a_problem(
    settings: Settings, execute: Execute
) -> None:
    assert [(one.model, one.expected) for one in verify(settings).layers] == [
        ("event_types_hourly", 2),
        ("fct_device_activity_daily", 2),
        ("fct_entity_activity_daily", 2),
        ("fct_entity_activity_monthly", 2),
        # A user's and a device's, and the user's alone.
        ("fct_sessions", 2),
        ("fct_user_sequences_daily", 1),
        ("rollup_events_1hr", 2),
        ("rollup_events_5min", 2),
        ("tenant_events_5min", 2),
        ("tenant_events_daily", 2),
        ("tenant_events_hourly", 2),
    ]
    for layer in LAYERS:
        if layer.event_count == "event_count":
            execute(f"update {layer.name} set event_count = event_count + 1")
    execute("delete from analytics.fct_user_sequences_daily")

    problems = verify(settings).problems

    assert len(problems) == len(LAYERS)
    for layer, problem in zip(
        sorted(LAYERS, key=attrgetter("model")), problems, strict=True
    ):
        assert problem.startswith(f"{layer.model} sums to"), problem


def test_what_a_model_has_yet_to_take_in_is_pending_and_not_proved(
    settings: Settings, execute: Execute
) -> None:
    execute("update ledger.models set applies = '{}' where model = 'dim_users'")
    assert [load.is_pending for load in verify(settings).loads] == [True]


def test_a_model_that_never_ran_makes_its_loads_pending(
    settings: Settings, execute: Execute
) -> None:
    execute("delete from analytics.rollup_events_1hr")
    execute("update ledger.models set applies = '{}' where model = 'rollup_events_1hr'")
    assert [load.is_pending for load in verify(settings).loads] == [True]
    transform(settings)
    assert [load.is_pending for load in verify(settings).loads] == [False]


def test_a_model_that_is_no_more_holds_nothing_up(
    settings: Settings, execute: Execute
) -> None:
    execute("insert into ledger.models (model) values ('rollup_of_old')")
    transform(settings)
    assert [load.is_pending for load in verify(settings).loads] == [False]


def test_views_stay_where_they_are_when_dbt_runs(
    settings: Settings, execute: Execute, query: Query
) -> None:
    execute("create view public.bi as select * from marts.accounting")
    transform(settings)
    assert query(settings, "select count(*) from public.bi") == [(1,)]


def test_a_declaration_that_changes_between_two_models_is_not_read_by_half_of_them(
    settings: Settings, execute: Execute
) -> None:
    for model in ("duplicate_events", "rejected_events"):
        execute(f"delete from analytics.{model}")
        execute(f"update ledger.models set applies = '{{}}' where model = '{model}'")
    settings.feeds.write_text(FEEDS % "event_id, event_type")
    load_new_files(settings)
    transform(settings)
    assert verify(settings).is_balanced


def test_table_of_another_version_is_made_anew_with_all_that_it_had(
    settings: Settings, execute: Execute, query: Query
) -> None:
    before = query(settings, "select * from analytics.events order by line_number")
    execute("alter table analytics.events add column of_old text")
    execute("alter table analytics.rollup_events_5min add column of_old text")

    transform(settings)

    assert verify(settings).problems == ()
    after = query(settings, "select * from analytics.events order by line_number")
    assert after == before
