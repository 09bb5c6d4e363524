"""A user is deleted: nothing tells of them but what the receipt names."""

import json
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import psycopg
import pytest

from event_warehouse.errors import UserError, WarehouseError
from event_warehouse.lifecycle.expire import expire
from event_warehouse.lifecycle.forget import forget, forget_by_key
from event_warehouse.lifecycle.receipt import Receipt
from event_warehouse.load.files import load_new_files
from event_warehouse.reports.accounting import verify
from event_warehouse.settings import Settings
from event_warehouse.transform.rebuild import rebuild
from event_warehouse.transform.recast import recast_rejected_events
from event_warehouse.transform.run import transform
from tests.conftest import NO_LOG_FILE
from tests.fixture_types import Land
from tests.integration.lifecycle.conftest import Deliver
from tests.integration.lifecycle.months import (
    FEEDS,
    JANUARY,
    MARCH,
    ask,
    every_table,
    visit,
)
from tests.integration.transform.sessions import held, process_of
from tests.integration.transform.tables import TABLES, contents
from tests.waiting import wait_for_waiter

ADA = ("ada", "ada@example.org", "of-ada", "ada-phone", "ada-s1", "pearl", "opal")
"""What the files have of acme's ada: id, attributes, a device and a session."""
HISTORY = [
    table
    for table in TABLES
    if table.startswith(("fct_", "rollup_", "tenant_", "most_active_", "event_types_"))
]
FORGETTER = """
from event_warehouse.lifecycle.forget import forget
from event_warehouse.settings import read_settings
forget(read_settings(), tenant_id="acme", user_id="ada")
"""


def forget_ada(settings: Settings, *, is_dry_run: bool = False) -> Receipt:
    return forget(settings, tenant_id="acme", user_id="ada", is_dry_run=is_dry_run)


def standing(settings: Settings, values: tuple[str, ...]) -> dict[str, int]:
    """Rows, by table and column, that have one of the values in whatever form.

    Rows of another tenant are another's, and left out. Bytes are read as text.
    """
    columns = ask(
        settings,
        """
        select nspname, relname, attname, atttypid = 'bytea'::regtype,
            exists (
                select from pg_attribute as tenants
                where tenants.attrelid = pg_class.oid and tenants.attname = 'tenant_id'
            )
        from pg_attribute
        inner join pg_class on attrelid = pg_class.oid
        inner join pg_namespace on relnamespace = pg_namespace.oid
        where relkind in ('r', 'p', 'm') and not relispartition and attnum > 0
            and not attisdropped and nspname not in ('pg_catalog', 'information_schema')
            and nspname !~ '^pg_'
        """,
    )
    found: dict[str, int] = {}
    for schema, table, column, is_bytes, has_tenant in columns:
        text = f"encode({column}, 'escape')" if is_bytes else f"{column}::text"
        tenant = "tenant_id is distinct from 'zeta'" if has_tenant else "true"
        words = "|".join(values)
        rows = ask(
            settings,
            f"select count(*) from {schema}.{table} where {tenant}"
            f" and {text} ~ '(^|[^[:alnum:]])({words})([^[:alnum:]]|$)'",
        )
        if rows != [(0,)]:
            found[f"{schema}.{table}.{column}"] = int(str(rows[0][0]))
    return found


def without_ada(content: str) -> str:
    lines = content.splitlines(keepends=True)
    return "".join(
        line
        for line in lines
        if '"user_id": "ada"' not in line or '"tenant": "zeta"' in line
    )


def test_search_of_every_table_finds_nothing_that_the_receipt_does_not_name(
    applied: Settings,
) -> None:
    assert len(standing(applied, ADA)) > 10

    receipt = forget_ada(applied)

    assert standing(applied, ADA) == receipt.content["mentions"]
    # Another user's attribute, and a line that nobody can read.
    assert receipt.content["mentions"] == {
        "analytics.events.attributes": 1,
        "analytics.fct_key_values.value": 1,
        "raw.events_raw.attributes": 1,
        "raw.rejected_lines.line": 1,
    }
    assert receipt.content["removed"] == {
        "analytics.dim_devices": 1,
        "analytics.dim_users": 1,
        "analytics.duplicate_events": 1,
        "analytics.events": 6,
        "analytics.fct_key_values": 5,
        "analytics.fct_keys": 4,
        "analytics.fct_sessions": 4,
        "analytics.fct_user_sequences_daily": 4,
        "analytics.fct_visitor_activity_daily": 4,
        "analytics.rejected_events": 2,
        "marts.most_active_devices_daily": 2,
        "marts.most_active_users_daily": 4,
        "raw.events_raw": 9,
        "raw.stripped_lines": 1,
    }
    assert receipt.content["moved_to_0"] == {
        "analytics.fct_device_activity_daily": 2,
        "analytics.fct_entity_activity_daily": 4,
    }
    assert [uri.rpartition("/")[2] for uri in receipt.files] == [
        "january.json",
        "march.json",
    ]


@pytest.mark.long
def test_receipt_is_kept_without_the_user_s_id(applied: Settings) -> None:
    receipt = forget_ada(applied)

    kept = ask(applied, "select receipt, user_hash::text from ledger.deletions")
    assert kept[0][0] == json.loads(json.dumps(receipt.content))
    assert "ada" not in str(kept).replace("january", "").split("mentions")[0]
    assert receipt.content["requested_by"] == "warehouse"


def test_facts_rollups_and_marts_are_as_if_the_user_had_never_come(
    applied: Settings, deliver: Deliver
) -> None:
    forget_ada(applied)
    after = contents(applied)
    assert verify(applied).problems == ()
    assert ask(applied, "select distinct status from marts.accounting") == [
        ("balanced",)
    ]
    # All that the warehouse has goes, and it is loaded anew without the user.
    with psycopg.connect(applied.dsn) as connection:
        connection.execute("""
            truncate raw.feeds, raw.loads, raw.events_raw, raw.rejected_lines,
                raw.stripped_lines, ledger.models, ledger.batches, ledger.deletions,
                ledger.removed_rows cascade;
            drop schema analytics, marts cascade;
            create schema analytics authorization warehouse_transformer;
            create schema marts authorization warehouse_transformer;
        """)
    shutil.rmtree(applied.landing)
    deliver("visits/january.json", without_ada(JANUARY))
    deliver("visits/march.json", without_ada(MARCH))
    transform(applied)
    never = contents(applied)

    assert ("acme", "colour", "view", "red", 1) in after["fct_key_values"]
    for table in HISTORY:
        assert after[table] == never[table], table
    # By their content: lines have other numbers.
    assert sorted(map(str, (row[2:] for row in after["events"]))) == sorted(
        map(str, (row[2:] for row in never["events"]))
    )


@pytest.mark.long
def test_rebuild_and_full_refresh_after_a_deletion_change_nothing(
    applied: Settings,
) -> None:
    forget_ada(applied)
    before = contents(applied)

    rebuild(applied, [(date(2025, 1, 1), date(2026, 1, 1))])
    assert contents(applied) == before
    transform(applied, full_refresh=True)

    assert contents(applied) == before
    assert verify(applied).problems == ()


@pytest.mark.long
def test_what_arrives_of_a_deleted_user_is_counted_and_not_taken_in(
    applied: Settings, deliver: Deliver
) -> None:
    receipt = forget_ada(applied)
    before = {table: contents(applied)[table] for table in HISTORY}

    deliver("visits/copy.json", MARCH)
    deliver("visits/changed.json", "\n" + MARCH)
    deliver("visits/new.json", visit(event_id="ada-50", user_id="ada"))
    transform(applied)

    assert {table: contents(applied)[table] for table in HISTORY} == before
    assert ask(applied, "select count(*) from analytics.deleted_events") == [(7,)]
    assert ask(applied, "select sum(deleted_event_count) from marts.accounting") == [
        (7,)
    ]
    mentions = receipt.content["mentions"]
    # What could not be decided came a second time.
    assert standing(applied, ADA) == {
        **mentions,
        "analytics.int_event_batch.attributes": 1,
        "raw.events_raw.attributes": 2,
        "raw.rejected_lines.line": 2,
    }
    assert verify(applied).problems == ()
    recast_rejected_events(applied, all_of_them=True)
    transform(applied)
    transform(applied, full_refresh=True)
    assert verify(applied).problems == ()


@pytest.mark.long
def test_file_of_which_the_rest_is_cast_again_after_a_deletion_balances(
    settings: Settings, deliver: Deliver
) -> None:
    counted = (
        "select status, raw_row_count, event_count, rejected_event_count"
        " from marts.accounting"
    )
    products = "products:\n"
    declared = settings.feeds.read_text()
    integer, numeric = (
        declared.replace(products, f"  attributes: {{price: {one}}}\n{products}")
        for one in ("integer", "numeric")
    )
    settings.feeds.write_text(integer)
    deliver(
        "visits/a.json",
        visit(event_id=1, user_id="bob", price="1")
        + visit(event_id=2, user_id="ada", price="1.5")
        + visit(event_id=3, user_id="bob", price="2.5")
        + visit(event_id=4, user_id="bob", price="none"),
    )
    transform(settings)
    forget_ada(settings)
    settings.feeds.write_text(numeric)
    recast_rejected_events(settings)
    transform(settings)

    assert ask(settings, counted) == [("balanced", 4, 2, 2)]
    recast_rejected_events(settings, all_of_them=True)
    transform(settings)
    assert ask(settings, counted) == [("balanced", 4, 2, 2)]
    transform(settings, full_refresh=True)
    assert ask(settings, counted) == [("balanced", 4, 2, 2)]
    assert verify(settings).problems == ()


@pytest.mark.long
def test_events_that_have_expired_keep_their_counts_and_lose_the_user(
    applied: Settings,
) -> None:
    expire(applied, events_before=date(2025, 2, 1))
    before = contents(applied)

    receipt = forget_ada(applied)

    assert verify(applied).problems == ()
    after = contents(applied)
    january = [row for row in after["fct_entity_activity_daily"] if row[1].month == 1]
    assert january == [
        ("acme", date(2025, 1, 31), None, "view", None, 1),
        ("acme", date(2025, 1, 5), None, "view", "bob", 1),
        ("acme", date(2025, 1, 5), None, "view", None, 1),
        ("zeta", date(2025, 1, 5), None, "view", "ada", 1),
    ]
    assert [row for row in after["tenant_events_daily"] if row[1].month == 1] == [
        row for row in before["tenant_events_daily"] if row[1].month == 1
    ]
    assert standing(applied, ADA) == receipt.content["mentions"]


@pytest.mark.long
def test_two_users_of_one_day_who_have_expired_are_added_up(
    applied: Settings,
) -> None:
    expire(applied, events_before=date(2025, 2, 1))

    forget_ada(applied)
    forget(applied, tenant_id="acme", user_id="bob")

    assert ask(
        applied,
        """
        select event_date, user_key, event_count
        from analytics.fct_entity_activity_daily
        where tenant_id = 'acme' and event_date < '2025-02-01'
        order by 1
        """,
    ) == [(date(2025, 1, 5), 0, 2), (date(2025, 1, 31), 0, 1)]
    assert verify(applied).problems == ()


@pytest.mark.long
def test_user_of_that_name_of_another_tenant_is_untouched(applied: Settings) -> None:
    def of_zeta() -> list[list[tuple[object, ...]]]:
        tables = ("raw.events_raw", "analytics.events", "analytics.dim_users")
        return [
            ask(applied, f"select t::text from {one} as t where tenant_id = 'zeta'")
            for one in tables
        ]

    before = of_zeta()

    forget_ada(applied)

    assert of_zeta() == before
    assert all(before)


@pytest.mark.long
def test_dry_run_names_what_would_go_and_changes_nothing(applied: Settings) -> None:
    before = every_table(applied)

    tried = forget_ada(applied, is_dry_run=True)

    assert every_table(applied) == before
    done = forget_ada(applied)
    assert tried.content["removed"] == done.content["removed"]
    assert tried.content["mentions"] == done.content["mentions"]
    assert tried.files == done.files


def test_id_of_which_nothing_ever_came_is_refused_unless_it_is_barred_in_advance(
    settings: Settings, deliver: Deliver
) -> None:
    deliver("visits/a.json", visit(user_id="adam") + '{"user_id": "zoë-1", torn\n')
    transform(settings)
    deliver("visits/b.json", visit(event_id=2, user_id="eve"))
    tried = forget(settings, tenant_id="acme", user_id="eve", is_dry_run=True)
    assert (tried.content["loads_not_applied"], tried.content["removed"]) == (1, {})

    def try_to_forget(tenant_id: str, user_id: str) -> None:
        forget(settings, tenant_id=tenant_id, user_id=user_id, is_dry_run=True)

    for tenant_id, user_id in [("acme", "ada"), ("acme", "zo"), ("zeta", "adam")]:
        with pytest.raises(UserError, match="--in-advance"):
            try_to_forget(tenant_id, user_id)
    with pytest.raises(UserError, match="--in-advance"):
        forget(settings, tenant_id="acme", user_id="ada")
    assert ask(settings, "select count(*) from ledger.deletions") == [(0,)]

    forget(settings, tenant_id="acme", user_id="ada", in_advance=True)
    # Who was deleted before; who stands but in a line that nobody can read.
    try_to_forget("acme", "ada")
    try_to_forget("acme", "zoë-1")
    deliver("visits/c.json", visit(event_id=3, user_id="ada"))
    transform(settings)
    assert ask(settings, "select count(*) from analytics.deleted_events") == [(1,)]
    assert verify(settings).problems == ()


def test_models_that_the_deletion_s_own_run_makes_lose_the_user_too(
    warehouse: Settings, land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(*NO_LOG_FILE)
    settings = replace(warehouse, feeds=warehouse.home / "feeds.yml")
    settings.feeds.write_text(FEEDS)
    visits = visit(event_id=1, user_id="ada") + visit(event_id=2, user_id="bob")
    land(settings, "visits/a", visits)
    load_new_files(settings)

    receipt = forget_ada(settings)

    assert receipt.content["removed"]["analytics.events"] == 1
    assert receipt.content["removed"]["analytics.fct_sessions"] == 1
    assert ask(settings, "select user_id from analytics.events") == [("bob",)]
    assert ask(settings, "select event_count from analytics.fct_sessions") == [(1,)]
    assert verify(settings).problems == ()


def test_warehouse_that_was_never_transformed_has_nothing_to_try_or_to_expire(
    warehouse: Settings,
) -> None:
    with pytest.raises(WarehouseError, match="nothing is transformed yet"):
        forget_ada(warehouse, is_dry_run=True)
    assert expire(warehouse, events_before=date(2025, 1, 1)) == ()
    assert ask(warehouse, "select count(*) from ledger.expiries") == [(0,)]


@pytest.mark.long
def test_reference_record_loses_the_user_and_stays(
    applied: Settings, deliver: Deliver
) -> None:
    product = {"tenant": "acme", "code": "p-1", "user_id": "ada", "owner": "shop"}
    deliver(
        "products/a.json", json.dumps({**product, "at": "2025-03-01T00:00:00Z"}) + "\n"
    )
    transform(applied)

    receipt = forget_ada(applied)
    deliver(
        "products/b.json", json.dumps({**product, "at": "2025-03-02T00:00:00Z"}) + "\n"
    )
    transform(applied)

    assert receipt.content["taken_out"] == {
        # Of view, ids, colour and friend; of view and red: what others have, too.
        "analytics.fct_keys": 6,
        "analytics.fct_key_values": 2,
        "analytics.reference_history": 1,
        "analytics.reference_latest": 1,
        "raw.events_raw": 1,
    }
    assert ask(applied, "select attributes from analytics.reference_history") == [
        ({"owner": "shop"},),
        ({"owner": "shop"},),
    ]
    assert standing(applied, ADA) == receipt.content["mentions"]
    assert verify(applied).problems == ()


@pytest.mark.long
@pytest.mark.parametrize(
    "table", ["analytics.events", "ledger.rebuilds", "ledger.deletions"]
)
def test_deletion_killed_as_it_comes_to_a_table_is_completed_by_the_next(
    applied: Settings, table: str
) -> None:
    kill_deletion(applied, table)
    if table == "ledger.rebuilds":
        assert "is not finished" in str(verify(applied).problems)
        with pytest.raises(WarehouseError, match="not wholly deleted"):
            expire(applied, events_before=date(2025, 2, 1))

    receipt = forget_ada(applied)

    assert receipt.content["removed"]["analytics.events"] == 6
    assert standing(applied, ADA) == receipt.content["mentions"]
    assert verify(applied).problems == ()


@pytest.mark.long
@pytest.mark.parametrize("table", ["analytics.events", "ledger.rebuilds"])
def test_deletion_killed_as_it_comes_to_a_table_is_completed_by_who_has_the_key(
    applied: Settings, table: str
) -> None:
    ((user_key,),) = ask(
        applied,
        "select user_key from analytics.dim_users "
        "where tenant_id = 'acme' and user_id = 'ada'",
    )
    assert isinstance(user_key, int)
    kill_deletion(applied, table)

    receipt = forget_by_key(applied, user_key=user_key)

    assert receipt.content["removed"]["analytics.events"] == 6
    assert (receipt.content["mentions"] is None) == (table == "ledger.rebuilds")
    assert verify(applied).problems == ()
    # As a task that is tried again after all was done.
    assert forget_by_key(applied, user_key=user_key) == receipt
    with pytest.raises(UserError, match="no user with the key 4711"):
        forget_by_key(applied, user_key=4711)


def kill_deletion(applied: Settings, table: str) -> None:
    """As it comes to the table."""
    with held(applied, table), process_of(applied, FORGETTER) as process:
        # It runs dbt before, and for ledger.deletions twice.
        wait_for_waiter(applied, table, seconds=120)
        process.kill()
        assert process.wait(30) == -signal.SIGKILL


@pytest.mark.long
def test_two_deletions_of_one_user_at_once_both_end_well(applied: Settings) -> None:
    with (
        process_of(applied, FORGETTER) as one,
        process_of(applied, FORGETTER) as another,
    ):
        assert (one.wait(300), another.wait(300)) == (0, 0)

    assert ask(applied, "select count(*) from ledger.deletions") == [(1,)]
    assert verify(applied).problems == ()
    assert standing(applied, ADA) == forget_ada(applied).content["mentions"]


@pytest.mark.long
def test_id_that_is_sql_or_a_pattern_is_an_id_like_any(
    settings: Settings, deliver: Deliver
) -> None:
    name = "x.*'; drop table raw.loads; -- \\ \"%s{} ü"
    deliver("visits/a.json", visit(event_id=1, user_id=name) + visit(event_id=2))

    receipt = forget(settings, tenant_id="acme", user_id=name)

    assert receipt.content["removed"]["analytics.events"] == 1
    assert receipt.content["mentions"] == {}
    assert ask(settings, "select event_id from raw.events_raw") == [("2",)]
    assert verify(settings).problems == ()


@pytest.mark.long
def test_only_who_has_the_key_can_tell_whom_a_hash_stands_for(
    applied: Settings,
) -> None:
    forget_ada(applied)
    with psycopg.connect(applied.dsn) as connection:
        connection.execute("set role warehouse_keeper")
        ask_key: Callable[[str], object] = connection.execute
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask_key("select from ledger.deletion_keys")
