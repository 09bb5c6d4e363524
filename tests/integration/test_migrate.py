"""The schema is made once, and each role can do its work and nothing else."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from event_warehouse.database import Role, connect
from event_warehouse.errors import DatabaseError
from event_warehouse.migrate import migrate
from event_warehouse.settings import Settings
from tests.fixture_types import Query

SCHEMA = """
    select relnamespace::regnamespace::text, relname, relkind::text, relacl::text
    from pg_class
    where relnamespace::regnamespace::text in ('raw', 'ledger', 'analytics', 'marts')
    order by 1, 2
"""


def refusal(settings: Settings, role: Role, statement: str) -> str:
    with (
        pytest.raises(DatabaseError) as refused,
        connect(settings.dsn, role) as connection,
    ):
        connection.execute(sql.SQL(statement))
    return str(refused.value)


def test_migrating_twice_is_migrating_once(empty_dsn: str) -> None:
    assert migrate(empty_dsn) is True
    with psycopg.connect(empty_dsn) as connection:
        before = connection.execute(SCHEMA).fetchall()

    assert migrate(empty_dsn) is False

    with psycopg.connect(empty_dsn) as connection:
        assert connection.execute(SCHEMA).fetchall() == before
    assert before


def test_migrating_at_once_is_migrating_once(empty_dsn: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(migrate, [empty_dsn] * 4)) == [False, False, False, True]


def test_migration_that_fails_leaves_nothing(empty_dsn: str) -> None:
    with psycopg.connect(empty_dsn) as connection:
        connection.execute("create schema marts")

    with pytest.raises(
        DatabaseError, match=r'^Postgres: schema "marts" already exists'
    ):
        migrate(empty_dsn)

    with psycopg.connect(empty_dsn) as connection:
        assert connection.execute(SCHEMA).fetchall() == []
        connection.execute("drop schema marts")
    assert migrate(empty_dsn) is True


def test_schema_of_a_later_version_is_left_as_it_is(empty_dsn: str) -> None:
    migrate(empty_dsn)
    with psycopg.connect(empty_dsn) as connection:
        connection.execute("update ledger.migration set version_num = 'v9999_later'")

    with pytest.raises(DatabaseError, match=r"can't be brought to v.*v9999_later"):
        migrate(empty_dsn)


def test_missing_server_is_told_apart_from_a_refusal(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match=r"^Postgres can't be reached"):
        migrate(f"postgresql://warehouse@/warehouse?host={tmp_path}&port=5432")


def test_times_mean_the_same_whatever_the_server_s_defaults(
    warehouse: Settings, query: Query
) -> None:
    assert query(warehouse, "show timezone") == [("UTC",)]
    assert query(warehouse, "show datestyle") == [("ISO, YMD",)]


# The reader -----------------------------------------------------------------------


def test_reader_reads_every_mart(built_warehouse: Settings, query: Query) -> None:
    marts = query(
        built_warehouse,
        """
        select relname from pg_class
        where relnamespace = 'marts'::regnamespace and relkind in ('r', 'v', 'p')
        """,
    )

    with connect(built_warehouse.dsn, Role.READER) as connection:
        for (mart,) in marts:
            select = sql.SQL("select from marts.{}").format(sql.Identifier(str(mart)))
            connection.execute(select)
    assert len(marts) >= 4


def test_reader_reads_no_table_outside_the_marts(
    built_warehouse: Settings, query: Query
) -> None:
    readable = query(
        built_warehouse,
        """
        select relnamespace::regnamespace::text, relname from pg_class
        where relnamespace::regnamespace::text in ('raw', 'ledger', 'analytics')
            and relkind in ('r', 'v', 'p', 'S', 'm')
            and has_schema_privilege('warehouse_reader', relnamespace, 'usage')
            and case when relkind = 'S'
                then has_sequence_privilege('warehouse_reader', oid, 'select, usage')
                else has_table_privilege('warehouse_reader', oid, 'select')
            end
        """,
    )

    assert readable == []
    for table in ("raw.events_raw", "analytics.events", "ledger.models"):
        assert "permission denied" in refusal(
            built_warehouse, Role.READER, f"select from {table}"
        )


@pytest.mark.parametrize(
    "statement",
    [
        "create table marts.mine ()",
        "create schema mine",
        "create table public.mine ()",
        "delete from marts.tenant_events_hourly",
        "update marts.tenant_events_hourly set event_count = 0",
        "insert into marts.tenant_events_hourly default values",
        "truncate marts.tenant_events_hourly",
        "drop table marts.tenant_events_hourly",
        "select raw.ensure_partition()",
        "select pg_read_file('/etc/passwd')",
        "copy marts.tenant_events_hourly to program 'true'",
        "copy marts.tenant_events_hourly to '/tmp/stolen'",
        "create extension plpgsql",
        "alter role warehouse_reader superuser",
    ],
)
def test_reader_can_do_nothing_but_read(
    built_warehouse: Settings, statement: str
) -> None:
    message = refusal(built_warehouse, Role.READER, statement)

    assert any(
        words in message
        for words in ("permission denied", "must be owner", "already exists")
    ), message


# The loader -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "select from analytics.events",
        "select from marts.accounting",
        "select from ledger.models",
        "delete from raw.events_raw",
        "update raw.events_raw set tenant_id = '2'",
        "truncate raw.events_raw",
        "drop table raw.events_raw",
        "delete from raw.loads",
        "delete from raw.rejected_lines",
        "update raw.rejected_lines set reason = ''",
        "delete from raw.feeds",
        "create table raw.mine ()",
        "select ledger.ensure_partition('raw.events_raw', '2020-01-01')",
    ],
)
def test_loader_can_add_to_raw_and_nothing_else(
    built_warehouse: Settings, statement: str
) -> None:
    message = refusal(built_warehouse, Role.LOADER, statement)

    assert "permission denied" in message or "must be owner" in message


# The transformer ------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "insert into raw.loads (feed_id, uri, status) values (1, 'a', 'failed')",
        "delete from raw.events_raw",
        "update raw.feeds set feed = 'mine'",
        "truncate raw.rejected_lines",
        "create table raw.mine ()",
        "delete from ledger.applies",
        "drop table ledger.models",
    ],
)
def test_transformer_reads_raw_and_can_t_change_it(
    built_warehouse: Settings, statement: str
) -> None:
    message = refusal(built_warehouse, Role.TRANSFORMER, statement)

    assert "permission denied" in message or "must be owner" in message


# Partitions -----------------------------------------------------------------------


def test_partition_is_that_of_the_month_in_utc(
    warehouse: Settings, query: Query
) -> None:
    with psycopg.connect(warehouse.dsn) as connection:
        connection.execute("set timezone to 'Pacific/Kiritimati'")
        connection.execute(
            "select ledger.ensure_partition('raw.events_raw', '2024-02-29')"
        )

    assert query(
        warehouse,
        """
        select inhrelid::regclass::text, pg_get_expr(relpartbound, inhrelid)
        from pg_inherits inner join pg_class on pg_class.oid = inhrelid
        where inhparent = 'raw.events_raw'::regclass
        """,
    ) == [
        (
            "raw.events_raw_2024_02",
            "FOR VALUES FROM ('2024-02-01 00:00:00+00') TO ('2024-03-01 00:00:00+00')",
        )
    ]


def test_partition_made_by_many_at_once_is_made_once(
    warehouse: Settings, query: Query
) -> None:
    def make(_: int) -> None:
        with psycopg.connect(warehouse.dsn) as connection:
            connection.execute("select raw.ensure_partition()")
            connection.execute("select pg_sleep(0.05)")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(make, range(6)))

    count = "select count(*) from pg_inherits where inhparent = 'raw.events_raw'"
    assert query(warehouse, count + "::regclass") == [(1,)]
