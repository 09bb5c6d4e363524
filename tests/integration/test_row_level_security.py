"""What each role tried and was refused, and that a tenant sees its own rows only."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from event_warehouse.access.roles import create_reader, create_tenant, let_sign_in
from event_warehouse.migrate import migrate
from event_warehouse.settings import Settings
from tests.conftest import administer
from tests.filled_warehouse import filled_warehouse

TENANTS = ("acme", "globex")
EVENTS = "customer_id,event_type,transaction_id,timestamp\n" + "".join(
    f"{tenant},{tenant}-type,{transaction_id},{time}\n"
    for tenant in TENANTS
    for transaction_id, time in [
        ("1", "2025-06-01T10:00:00Z"),
        ("2", "2025-07-01T10:00:00Z"),
        ("3", "2025-07-01T10:00:00Z"),
        ("3", "2025-07-01T10:00:00Z"),
        ("4", "no time"),
    ]
)


@pytest.fixture(scope="module")
def guarded(
    cluster: Settings, built_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """A warehouse with the same events of two tenants, each with a role of its own."""
    with filled_warehouse(
        cluster,
        built_home,
        tmp_path_factory.mktemp("guarded"),
        database="guarded",
        file="customer_events/events.csv",
        text=EVENTS,
    ) as settings:
        for tenant in TENANTS:
            create_tenant(settings, tenant)
        yield settings


def service_dsn(settings: Settings) -> str:
    return settings.dsn.replace("warehouse@", "warehouse_service@")


def role_of(settings: Settings, who: str) -> str:
    return create_tenant(settings, who) if who in TENANTS else who


@contextmanager
def acting_as(settings: Settings, who: str) -> Iterator[psycopg.Connection]:
    """A connection of the warehouse's owner that has become the role."""
    with psycopg.connect(settings.dsn, autocommit=True) as connection:
        role = sql.Identifier(role_of(settings, who))
        connection.execute(sql.SQL("set role {}").format(role))
        yield connection


def refusal(settings: Settings, who: str, statement: str) -> str:
    with acting_as(settings, who) as connection:
        with pytest.raises(psycopg.Error) as refused:
            connection.execute(sql.SQL(statement))
        return str(refused.value)


def relations(settings: Settings, condition: str) -> list[str]:
    with psycopg.connect(settings.dsn) as connection:
        rows = connection.execute(
            sql.SQL(
                "select oid::regclass::text from pg_class"
                " where relnamespace::regnamespace::text in ('analytics', 'marts')"
                f" and {condition} order by 1"
            )
        ).fetchall()
    return [name for (name,) in rows]


HAS_TENANT = (
    "exists (select from pg_attribute where attrelid = pg_class.oid"
    " and attname = 'tenant_id' and not attisdropped)"
)
TABLES = f"relkind in ('r', 'p') and relpersistence = 'p' and {HAS_TENANT}"


# Rows -----------------------------------------------------------------------------


def test_every_table_of_tenants_is_guarded_partitions_too(guarded: Settings) -> None:
    tables = relations(
        guarded, f"relkind in ('r', 'p') and relpersistence = 'p' and {HAS_TENANT}"
    )
    unguarded = relations(
        guarded,
        f"relkind in ('r', 'p') and relpersistence = 'p' and {HAS_TENANT}"
        " and not (relrowsecurity and relforcerowsecurity)",
    )

    assert unguarded == []
    assert "analytics.events" in tables
    assert {"analytics.events_2025_06", "analytics.events_2025_07"} < set(tables)
    assert "marts.tenant_events_hourly" in tables


def test_every_view_of_tenants_asks_as_who_reads_it(guarded: Settings) -> None:
    assert (
        relations(
            guarded,
            f"relkind = 'v' and {HAS_TENANT}"
            " and not coalesce(reloptions, '{}') @> '{security_invoker=true}'",
        )
        == []
    )


def test_tenant_sees_its_own_rows_in_whatever_it_may_read(guarded: Settings) -> None:
    seen = set()
    for relation in relations(guarded, f"relkind in ('r', 'p', 'v') and {HAS_TENANT}"):
        with acting_as(guarded, "acme") as connection:
            try:
                rows = connection.execute(
                    f"select tenant_id, count(*) from {relation} group by 1"
                ).fetchall()
            except psycopg.errors.InsufficientPrivilege:
                continue
        assert [tenant for tenant, _ in rows] in ([], ["acme"]), relation
        seen |= {relation} if rows else set()
    assert {
        "analytics.events",
        "analytics.customer_events",
        "analytics.rejected_events",
        "analytics.duplicate_events",
        "analytics.rollup_events_5min",
        "analytics.rollup_events_1hr",
        "marts.tenant_events_hourly",
        "marts.event_types_hourly",
    } <= seen


@pytest.mark.parametrize("who", ["warehouse_operator", "warehouse_reader"])
def test_operator_and_reader_see_all_tenants(guarded: Settings, who: str) -> None:
    with acting_as(guarded, who) as connection:
        rows = connection.execute(
            "select distinct tenant_id from marts.tenant_events_hourly order by 1"
        ).fetchall()

    assert [tenant for (tenant,) in rows] == list(TENANTS)


def test_role_that_is_no_tenant_s_sees_no_row(guarded: Settings) -> None:
    with acting_as(guarded, "warehouse_tenant") as connection:
        assert connection.execute(
            "select count(*) from analytics.events"
        ).fetchone() == (0,)


def test_each_tenant_s_events_are_all_there(guarded: Settings) -> None:
    for tenant in TENANTS:
        with acting_as(guarded, tenant) as connection:
            count = connection.execute(
                "select count(*), min(event_type) from analytics.events"
            ).fetchone()
        assert count == (3, f"{tenant}-type")


def test_another_tenant_s_rows_are_not_counted_by_an_error_or_a_function(
    guarded: Settings,
) -> None:
    """A function that would tell is only called for rows that may be seen."""
    with acting_as(guarded, "acme") as connection:
        rows = connection.execute(
            "select 1 from analytics.events"
            " where 1 / (case when tenant_id = 'globex' then 0 else 1 end) = 0"
        ).fetchall()

    assert rows == []


def test_statistics_of_columns_are_not_shown(guarded: Settings) -> None:
    with psycopg.connect(guarded.dsn, autocommit=True) as connection:
        connection.execute("set role warehouse_transformer")
        connection.execute("analyze analytics.dim_users, marts.event_types_hourly")
    with acting_as(guarded, "acme") as connection:
        rows = connection.execute(
            "select 1 from pg_stats where schemaname in ('analytics', 'marts')"
        ).fetchall()

    assert rows == []


def test_rows_of_one_hour_are_found_by_their_key(guarded: Settings) -> None:
    with acting_as(guarded, "acme") as connection:
        connection.execute("set enable_seqscan to off")
        plan = connection.execute(
            "explain select event_count from marts.tenant_events_hourly"
            " where tenant_id = 'acme' and event_hour = '2025-06-01T10:00:00Z'"
        ).fetchall()

    text = "\n".join(line for (line,) in plan)
    assert "tenant_events_hourly_pkey" in text
    assert "Index Cond: ((tenant_id = 'acme'::text) AND (event_hour =" in text


# What is refused --------------------------------------------------------------------

# Of the server and its roles: the owner may not, either.
OF_THE_SERVER = [
    "select pg_read_file('/etc/passwd')",
    "select pg_ls_dir('.')",
    "select lo_import('/etc/passwd')",
    "copy (select 1) to program 'true'",
    "copy (select 1) to '/tmp/stolen'",
    "copy marts.tenant_events_hourly from '/etc/passwd'",
    "select pg_reload_conf()",
    "alter system set work_mem = '1GB'",
    "alter role warehouse_reader superuser",
    "set session authorization postgres",
]
OF_THE_OWNER = [
    *OF_THE_SERVER,
    "create schema mine",
    "create table public.mine ()",
    "create extension hstore",
    "create role mine",
    "alter database guarded set work_mem = '1GB'",
    "update access.limits set statement_seconds = 99999",
    "update access.tenants set role_name = current_user",
    "insert into access.tenants values ('x', current_user)",
    "select from ledger.deletion_keys",
    "drop table raw.loads",
    "truncate raw.events_raw",
]
OF_THE_WORK = [
    *OF_THE_OWNER,
    "select from raw.events_raw",
    "select from raw.loads",
    "select from ledger.models",
    "create table marts.mine ()",
    "create table analytics.mine ()",
    "create function marts.f() returns int language sql as 'select 1'",
    "insert into marts.tenant_events_hourly default values",
    "update marts.tenant_events_hourly set event_count = 0",
    "delete from marts.tenant_events_hourly",
    "truncate marts.tenant_events_hourly",
    "drop table marts.tenant_events_hourly",
    "alter table marts.tenant_events_hourly disable row level security",
    "alter table marts.tenant_events_hourly no force row level security",
    "drop policy one_tenant on marts.tenant_events_hourly",
    "create policy mine on marts.tenant_events_hourly using (true)",
    "select access.guard_tables()",
    "select raw.ensure_partition()",
    "select ledger.forget_recasts()",
]
OF_THE_KEEPER = [
    "insert into ledger.expiries (raw_before) values ('2025-01-01')",
    "delete from ledger.removed_rows",
    "delete from raw.events_raw",
    "delete from raw.rejected_lines",
    "select raw.drop_partitions('2030-01-01')",
    "select ledger.user_hash('acme', 'ada')",
    "select user_hash from ledger.deletions",
]
KEYS = ["select from access.keys", "select access.cancel_overlong()"]
REFUSED = {
    "warehouse": OF_THE_SERVER,
    "warehouse_loader": [
        *OF_THE_OWNER,
        *OF_THE_KEEPER,
        *KEYS,
        "select from ledger.models",
        "select from analytics.events",
        "select from marts.tenant_events_hourly",
        "update raw.events_raw set tenant_id = 'acme'",
        "create table raw.mine ()",
    ],
    "warehouse_transformer": [
        *OF_THE_OWNER,
        *OF_THE_KEEPER,
        *KEYS,
        "insert into raw.events_raw default values",
        "update raw.loads set status = 'loaded'",
        "create table raw.mine ()",
        "create table ledger.mine ()",
    ],
    "warehouse_keeper": [
        *OF_THE_OWNER,
        *KEYS,
        "insert into raw.events_raw default values",
        "update raw.events_raw set tenant_id = 'acme'",
        "update raw.loads set status = 'loaded'",
        "update ledger.expiries set events_before = null",
        "delete from ledger.expiries",
        "delete from ledger.deletions",
        "delete from ledger.removed_rows",
    ],
    "acme": [
        *OF_THE_WORK,
        *OF_THE_KEEPER,
        *KEYS,
        "select from marts.accounting",
        "select from analytics.dim_event_types",
        "select from analytics.dim_countries",
        "select from analytics.dim_browsers",
        "select from analytics.int_new_buckets",
        "select from analytics.stg_events",
        "select from analytics.stg_loads",
        "select from analytics.events_2025_06",
        "select access.ledger_state()",
        "select access.pending_by_tenant('{1}')",
        "select access.rejected_by_tenant()",
        "set row_security to off; select from analytics.events",
    ],
    "warehouse_reader": [
        *OF_THE_WORK,
        *OF_THE_KEEPER,
        *KEYS,
        "select from analytics.events",
        "select from analytics.fct_entity_activity_daily",
        "select from analytics.dim_products",
        "select access.rejected_by_tenant()",
    ],
    "warehouse_operator": [
        *OF_THE_WORK,
        *OF_THE_KEEPER,
        *KEYS,
        "select from analytics.int_new_buckets",
    ],
    "warehouse_service": [
        *OF_THE_WORK,
        *OF_THE_KEEPER,
        "select from analytics.events",
        "select from marts.accounting",
        "select from marts.tenant_events_hourly",
        "update access.keys set tenant_id = null",
        "update access.keys set revoked_at = null",
        "insert into access.keys (key_id) values ('aaaaaaaaaaaa')",
        "delete from access.keys",
    ],
}


def test_every_role_of_the_warehouse_has_tried(guarded: Settings) -> None:
    with psycopg.connect(guarded.dsn) as connection:
        roles = connection.execute(
            "select rolname from pg_roles where rolname like 'warehouse%'"
        ).fetchall()

    # A tenant has what that role has, and rows.
    tried = {"warehouse_tenant" if who in TENANTS else who for who in REFUSED}
    assert {name for (name,) in roles} == tried


@pytest.mark.parametrize(
    ("who", "statement"),
    [(who, statement) for who, tried in REFUSED.items() for statement in tried],
)
def test_what_a_role_tried_was_refused(
    guarded: Settings, who: str, statement: str
) -> None:
    message = refusal(guarded, who, statement)

    assert any(
        words in message
        for words in (
            "permission denied",
            "must be owner",
            "must be able to SET ROLE",
            "would be affected by row-level security",
        )
    ), message


# Who signs in -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def signed_in_dsn(guarded: Settings, cluster: Settings) -> Iterator[str]:
    """Where tenant acme signs in by itself, with nobody's rights but its own."""
    role = create_tenant(guarded, "acme")
    let_sign_in(guarded, role, "a password of acme")
    yield peer_dsn(cluster, guarded, role)
    administer(cluster, f"alter role {role} nologin")


def peer_dsn(cluster: Settings, guarded: Settings, role: str) -> str:
    """The socket asks the operating system for who it is; one more may be this role."""
    mapping = cluster.home / "postgres" / "pg_ident.conf"
    text = mapping.read_text()
    line = f"warehouse {os.environ.get('USER', 'root')} {role}\n"
    if line not in text:
        mapping.write_text(text + line)
        administer(cluster, "select pg_reload_conf()")
        time.sleep(0.2)
    return guarded.dsn.replace("warehouse@", f"{role}@")


@pytest.mark.parametrize(
    "forged",
    [
        "set role warehouse_operator",
        "set role warehouse_service",
        "set role warehouse_transformer",
        "set role warehouse",
        "set role postgres",
        "set role none; set session authorization warehouse",
        "select set_config('role', 'warehouse_operator', false)",
        "alter role current_user bypassrls",
        "alter role current_user connection limit -1",
        "grant warehouse_reader to current_user",
    ],
)
def test_tenant_that_signs_in_can_become_nobody_else(
    signed_in_dsn: str, forged: str
) -> None:
    with psycopg.connect(signed_in_dsn, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(forged)
        rows = connection.execute(
            "select distinct tenant_id from analytics.events"
        ).fetchall()

    assert rows == [("acme",)]


@pytest.mark.parametrize(
    "setting",
    [
        "role",
        "session_authorization",
        "access.tenant",
        "warehouse.tenant",
        "row_security",
    ],
)
def test_nothing_that_a_tenant_can_set_shows_it_more(
    signed_in_dsn: str, guarded: Settings, setting: str
) -> None:
    other = create_tenant(guarded, "globex")
    with psycopg.connect(signed_in_dsn, autocommit=True) as connection:
        for value in ("globex", other, "off"):
            try:
                connection.execute("select set_config(%s, %s, false)", (setting, value))
                rows = connection.execute(
                    "select distinct tenant_id from analytics.events"
                ).fetchall()
            except psycopg.Error:
                connection.execute("set row_security to on")
                continue
            assert rows == [("acme",)]


def test_tenant_sees_who_it_is_and_no_other_tenant(signed_in_dsn: str) -> None:
    with psycopg.connect(signed_in_dsn) as connection:
        assert connection.execute("select access.current_tenant()").fetchone() == (
            "acme",
        )
        rows = connection.execute("select tenant_id from access.tenants").fetchall()
        names = connection.execute("select rolname from pg_roles").fetchall()

    assert rows == [("acme",)]
    assert not [name for (name,) in names if "globex" in name]


def test_service_becomes_tenants_and_operators_and_nobody_else(
    guarded: Settings,
) -> None:
    with psycopg.connect(service_dsn(guarded), autocommit=True) as connection:
        for role in (role_of(guarded, "acme"), "warehouse_operator"):
            connection.execute("select set_config('role', %s, false)", (role,))
        for role in (
            "warehouse",
            "warehouse_transformer",
            "warehouse_loader",
            "postgres",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("select set_config('role', %s, false)", (role,))


def test_nobody_makes_temporary_tables_but_dbt(empty_dsn: str) -> None:
    migrate(empty_dsn)
    for role, may in {
        "warehouse_reader": False,
        "warehouse_tenant": False,
        "warehouse_operator": False,
        "warehouse_service": False,
        "warehouse_transformer": True,
    }.items():
        with psycopg.connect(empty_dsn) as connection:
            allowed = connection.execute(
                "select has_database_privilege(%s, current_database(), 'temporary')",
                (role,),
            ).fetchone()
        assert allowed == (may,), role


# The watchdog -----------------------------------------------------------------------


@contextmanager
def limits_of_a_second(settings: Settings) -> Iterator[None]:
    with psycopg.connect(settings.dsn, autocommit=True) as connection:
        before = connection.execute("select * from access.limits").fetchall()
        connection.execute(
            "update access.limits set statement_seconds = 1, idle_seconds = 1"
        )
        yield
        for role, statement, idle in before:
            connection.execute(
                "update access.limits set statement_seconds = %s, idle_seconds = %s"
                " where role_name = %s",
                (statement, idle, role),
            )


def cancel_until(
    settings: Settings, is_done: threading.Event
) -> list[tuple[str, bool]]:
    cancelled = []
    with psycopg.connect(service_dsn(settings), autocommit=True) as watchdog:
        deadline = time.monotonic() + 15
        while not is_done.is_set() and time.monotonic() < deadline:
            rows = watchdog.execute("select * from access.cancel_overlong()").fetchall()
            cancelled += [(role, was_idle) for role, was_idle, _ in rows]
            time.sleep(0.1)
    return cancelled


HEAVY = "select count(*) from generate_series(1, 1000000000)"


def test_heavy_query_of_a_tenant_that_raised_its_own_limit_is_cancelled(
    signed_in_dsn: str, guarded: Settings
) -> None:
    ended, errors = threading.Event(), []

    def ask() -> None:
        with psycopg.connect(signed_in_dsn, autocommit=True) as connection:
            connection.execute("set statement_timeout to 0")
            try:
                connection.execute(HEAVY)
            except psycopg.Error as error:
                errors.append(error)
        ended.set()

    with limits_of_a_second(guarded):
        asking = threading.Thread(target=ask)
        asking.start()
        cancelled = cancel_until(guarded, ended)
        asking.join()

    assert [type(error) for error in errors] == [psycopg.errors.QueryCanceled]
    assert (create_tenant(guarded, "acme"), False) in cancelled


def test_tool_that_the_owner_made_by_hand_is_watched_too(
    guarded: Settings, cluster: Settings
) -> None:
    with psycopg.connect(guarded.dsn, autocommit=True) as connection:
        connection.execute("create role bi_by_hand login in role warehouse_reader")
    dsn = peer_dsn(cluster, guarded, "bi_by_hand")
    ended = threading.Event()
    try:
        with limits_of_a_second(guarded), psycopg.connect(dsn) as idle:
            idle.execute("select from marts.tenant_events_hourly")
            threading.Timer(3, ended.set).start()
            cancelled = cancel_until(guarded, ended)
            with pytest.raises(psycopg.OperationalError):
                idle.execute("select 1")
        assert ("bi_by_hand", True) in cancelled
    finally:
        with psycopg.connect(guarded.dsn, autocommit=True) as connection:
            connection.execute("drop role bi_by_hand")


def test_warehouse_s_own_work_is_not_cancelled(guarded: Settings) -> None:
    ended, errors = threading.Event(), []

    def work() -> None:
        with acting_as(guarded, "warehouse_transformer") as connection:
            try:
                connection.execute("select pg_sleep(3)")
            except psycopg.Error as error:
                errors.append(error)
        ended.set()

    with limits_of_a_second(guarded):
        working = threading.Thread(target=work)
        working.start()
        cancelled = cancel_until(guarded, ended)
        working.join()

    assert errors == []
    assert cancelled == []


# Passwords --------------------------------------------------------------------------


def test_password_reaches_neither_log_nor_statement(
    guarded: Settings, cluster: Settings
) -> None:
    canary = "canary-of-a-password"
    administer(
        cluster, "alter system set log_statement = 'all'", "select pg_reload_conf()"
    )
    time.sleep(0.3)
    try:
        create_reader(guarded, "bi_with_password", canary)
        let_sign_in(guarded, "bi_with_password", canary)
    finally:
        administer(
            cluster, "alter system reset log_statement", "select pg_reload_conf()"
        )
    log = (cluster.home / "run" / "postgres.log").read_text(errors="replace")
    with psycopg.connect(guarded.dsn, autocommit=True) as connection:
        connection.execute("drop role bi_with_password")

    assert "SCRAM-SHA-256$" in log
    assert canary not in log
