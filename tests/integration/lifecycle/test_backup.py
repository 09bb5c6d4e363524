"""A backup is the warehouse as of one moment, and a restored one goes on from there."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from event_warehouse.errors import ServiceError, WarehouseError
from event_warehouse.lifecycle.backup import back_up, restore
from event_warehouse.lifecycle.forget import forget
from event_warehouse.load.files import load_new_files
from event_warehouse.reports.accounting import verify
from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform
from tests.conftest import administer, dsn_of
from tests.fixture_types import Land
from tests.integration.lifecycle.conftest import Deliver
from tests.integration.lifecycle.months import ask, every_table, visit
from tests.integration.transform.tables import contents
from tests.waiting import wait_for_waiter

BATCHES = {
    "analytics.int_event_batch",
    "analytics.int_keyed_events",
    "analytics.int_new_buckets",
    "analytics.int_new_key_values",
    "analytics.int_new_sessions",
    "analytics.int_repeats",
    "ledger.batches",
}


@pytest.fixture
def fresh(cluster: Settings, settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """Another warehouse, in a database with nothing in it."""
    administer(cluster, "create database restored owner warehouse")
    yield replace(settings, external_dsn=dsn_of(cluster, "restored"))
    administer(cluster, "drop database restored with (force)")


@contextmanager
def held_exclusively(settings: Settings, table: str) -> Iterator[None]:
    """Nobody else can so much as read the table."""
    with psycopg.connect(settings.dsn) as connection:
        connection.execute(f"lock table {table} in access exclusive mode".encode())
        yield
        connection.rollback()


def kept(settings: Settings) -> dict[str, list[str]]:
    found = every_table(settings)
    return {table: rows for table, rows in found.items() if table not in BATCHES}


@pytest.mark.long
def test_restored_warehouse_is_the_one_that_was_backed_up_and_goes_on(
    applied: Settings, fresh: Settings, land: Land, tmp_path: Path
) -> None:
    forget(applied, tenant_id="acme", user_id="ada")
    before = kept(applied)

    back_up(applied, tmp_path / "warehouse.dump")
    restore(fresh, tmp_path / "warehouse.dump")

    assert kept(fresh) == before
    assert verify(fresh).problems == ()
    land(fresh, "visits/new.json", visit(event_id=90, user_id="cleo"))
    land(fresh, "visits/ada.json", visit(event_id=91, user_id="ada"))
    load_new_files(fresh)
    transform(fresh)
    assert verify(fresh).problems == ()
    assert ask(
        fresh,
        """
        select user_id, count(*) from analytics.events
        inner join analytics.dim_users using (tenant_id, user_id)
        where user_id in ('ada', 'cleo') and tenant_id = 'acme'
        group by 1
        """,
    ) == [("cleo", 1)]
    assert ask(fresh, "select count(*) from analytics.deleted_events") == [(1,)]
    assert ask(fresh, "show timezone") == [("UTC",)]
    with psycopg.connect(fresh.dsn) as connection:
        connection.execute("set role warehouse_reader")
        connection.execute("select from marts.tenant_events_daily")


@pytest.mark.long
def test_backup_while_a_load_and_a_transform_run_is_of_one_moment(
    applied: Settings, fresh: Settings, deliver: Deliver, tmp_path: Path
) -> None:
    before = contents(applied)
    with ThreadPoolExecutor(1) as pool:
        # It has its snapshot, and waits for its turn at the last of its locks.
        with held_exclusively(applied, "marts.tenant_events_daily"):
            backing_up = pool.submit(back_up, applied, tmp_path / "warehouse.dump")
            wait_for_waiter(applied, "marts.tenant_events_daily")
            deliver("visits/new.json", visit(event_id=90, user_id="cleo"))
        transform(applied)
        backing_up.result(60)

    restore(fresh, tmp_path / "warehouse.dump")

    assert contents(applied) != before
    assert contents(fresh) == before
    assert verify(fresh).problems == ()
    load_new_files(fresh)
    transform(fresh)
    assert contents(fresh) == contents(applied)


@pytest.mark.long
def test_backup_is_restored_into_an_empty_warehouse_only(
    applied: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "warehouse.dump"
    back_up(applied, file)
    before = kept(applied)

    with pytest.raises(WarehouseError, match="not empty"):
        restore(applied, file)

    assert kept(applied) == before
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.long
def test_torn_backup_is_not_restored_and_leaves_the_warehouse_empty(
    applied: Settings, fresh: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "warehouse.dump"
    back_up(applied, file)
    assert list(tmp_path.glob("*.unfinished")) == []
    whole = file.read_bytes()

    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ServiceError, match="pg_restore failed"):
        restore(fresh, file)

    file.write_bytes(whole)
    restore(fresh, file)
    assert kept(fresh) == kept(applied)
