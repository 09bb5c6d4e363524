"""One query tells whether a transform has anything to do."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from event_warehouse.load.files import load_new_files
from event_warehouse.load.plan import is_any_new, plan_shares
from event_warehouse.load.share import Share
from event_warehouse.settings import Settings
from event_warehouse.transform.pending import Applied, is_pending
from event_warehouse.transform.recast import recast_rejected_events
from event_warehouse.transform.run import Parsed, keep_declared, run_dbt, transform
from tests.filled_warehouse import copied_warehouse, filled_warehouse
from tests.fixture_types import Land, Query

HEADER = "customer_id,event_type,transaction_id,timestamp\n"
GOOD = HEADER + "acme,buy,t1,2026-11-20T10:00:00Z\nacme,buy,t2,2026-11-20T10:01:00Z\n"
MIXED = (
    HEADER
    + "acme,buy,t1,2026-11-20T10:00:00Z\nacme,buy,t3,yesterday\n"
    + "acme,buy,t4,2026-11-20T10:01:00Z,too,many\n"
)

OTHER_VERSION = "update ledger.project set project_hash = 'of another' returning 1"


@pytest.fixture(scope="module")
def filled(
    cluster: Settings, built_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """A warehouse that is up to date."""
    with filled_warehouse(
        cluster,
        built_home,
        tmp_path_factory.mktemp("filled"),
        database="filled",
        file="customer_events/good.csv",
        text=GOOD,
    ) as settings:
        yield settings


@pytest.fixture
def applied(cluster: Settings, filled: Settings, tmp_path: Path) -> Iterator[Settings]:
    """The same, for the test alone."""
    with copied_warehouse(cluster, filled, tmp_path) as settings:
        yield settings


def test_nothing_is_pending_after_a_transform(applied: Settings) -> None:
    assert not is_pending(applied)


def test_load_is_pending_until_it_is_transformed(applied: Settings, land: Land) -> None:
    land(applied, "customer_events/mixed.csv", MIXED)
    assert not is_pending(applied)
    load_new_files(applied)
    assert is_pending(applied)

    taken_in = transform(applied)

    assert not is_pending(applied)
    assert taken_in.lag_seconds is not None
    assert 0 < taken_in.lag_seconds < 600
    assert taken_in == Applied(
        files=1,
        records=3,
        events=0,
        rejected_lines=1,
        rejected_events=1,
        duplicates=1,
        lag_seconds=taken_in.lag_seconds,
    )


def test_model_that_lacks_an_apply_is_pending(applied: Settings, query: Query) -> None:
    query(
        applied,
        "update ledger.models set applies = '{}' "
        "where model = 'rollup_events_1hr' returning 1",
    )
    assert is_pending(applied)


def test_recast_is_pending(applied: Settings, land: Land) -> None:
    land(applied, "customer_events/mixed.csv", MIXED)
    load_new_files(applied)
    transform(applied)
    assert recast_rejected_events(applied, all_of_them=True) == 1
    assert is_pending(applied)


def test_declaration_that_was_mended_is_pending(
    applied: Settings, query: Query
) -> None:
    query(
        applied,
        'update raw.feeds set declaration = declaration || \'{"description": "new"}\' '
        "returning 1",
    )
    assert is_pending(applied)


def test_other_version_of_the_project_is_pending(
    applied: Settings, query: Query
) -> None:
    query(applied, OTHER_VERSION)
    assert is_pending(applied)


def test_funnel_that_is_declared_otherwise_is_pending_until_it_is_counted(
    applied: Settings,
) -> None:
    funnels = applied.home / "funnels.yml"
    funnels.write_text("bought:\n  steps: [look, buy]\n  window: 1 day\n")
    settings = replace(applied, funnels=funnels)
    keep_declared(settings)
    assert is_pending(settings)

    transform(settings)
    assert not is_pending(settings)


def test_views_are_made_anew_for_another_version_of_the_project_only(
    applied: Settings, land: Land, query: Query
) -> None:
    made = (
        "select xmin::text from pg_rewrite "
        "where ev_class = 'marts.retention_daily'::regclass"
    )
    before = query(applied, made)
    land(applied, "customer_events/mixed.csv", MIXED)
    load_new_files(applied)
    transform(applied)
    assert query(applied, made) == before

    query(applied, OTHER_VERSION)
    transform(applied)
    assert query(applied, made) != before
    assert not is_pending(applied)


def test_views_that_were_made_by_hand_are_of_a_version_that_nobody_knows(
    applied: Settings,
) -> None:
    run_dbt(applied, ["--select", "retention_daily"])
    assert is_pending(applied)


def test_runs_that_share_what_dbt_has_parsed_take_in_as_others_do(
    applied: Settings, land: Land, query: Query
) -> None:
    # As in a new home, dbt has to parse its project from the files.
    (applied.home / "dbt" / "partial_parse.msgpack").unlink()
    parsed = Parsed()
    for number in range(2):
        content = HEADER + f"globex,buy,p{number},2026-11-20T1{number}:00:00Z\n"
        land(applied, f"customer_events/{number}.csv", content)
        load_new_files(applied)
        assert transform(applied, parsed=parsed).events == 1

    counted = "select sum(event_count)::int from marts.tenant_events_5min"
    assert query(applied, counted) == [(4,)]


def test_new_files_are_planned_in_shares_and_each_is_loaded_once(
    built_warehouse: Settings, land: Land
) -> None:
    assert plan_shares(built_warehouse) == []
    names = [f"customer_events/{number}.csv" for number in range(12)]
    for number, name in enumerate(names):
        land(built_warehouse, name, f"{HEADER}acme,buy,{number},2026-11-20T10:00:00Z\n")
    assert plan_shares(built_warehouse) == [Share(0, 1)]

    summaries = [
        load_new_files(built_warehouse, share=Share(number, 3)) for number in range(3)
    ]

    assert sum(summary.loaded for summary in summaries) == 12
    assert all(summary.loaded < 12 for summary in summaries)
    assert plan_shares(built_warehouse) == []


def test_many_files_are_worth_several_loaders(
    built_warehouse: Settings, land: Land
) -> None:
    for number in range(1001):
        land(built_warehouse, f"customer_events/{number}.csv", HEADER)
    assert plan_shares(built_warehouse) == [Share(0, 2), Share(1, 2)]


def test_file_that_failed_is_new_only_to_who_retries_it(
    built_warehouse: Settings, land: Land
) -> None:
    land(built_warehouse, "customer_events/empty.csv", "")
    assert load_new_files(built_warehouse).failed == 1

    assert is_any_new(built_warehouse, retries_failed=True)
    assert not is_any_new(built_warehouse, retries_failed=False)
    land(built_warehouse, "customer_events/empty.csv", GOOD)
    assert is_any_new(built_warehouse, retries_failed=False)
