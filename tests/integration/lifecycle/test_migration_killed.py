"""A migration is killed in each of its versions; the next one makes it good."""

import os
import signal
import subprocess
import sys

import psycopg
import pytest

from event_warehouse.migrate import migrate
from tests.older_versions import VERSIONS, bring_to
from tests.waiting import wait_until

SCHEMA = """
    select relnamespace::regnamespace::text, relname, relkind::text, relacl::text
    from pg_class
    where relnamespace::regnamespace::text
        in ('raw', 'ledger', 'analytics', 'marts', 'sketch')
    union all
    select pronamespace::regnamespace::text, proname, prosrc, proacl::text
    from pg_proc
    where pronamespace::regnamespace::text in ('raw', 'ledger', 'sketch')
    order by 1, 2, 3
"""
MIGRATOR = """
import sys
from event_warehouse.migrate import migrate
migrate(sys.argv[1])
"""
WAITERS = """
    select from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'
"""


def schema(dsn: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(SCHEMA).fetchall()


def version(dsn: str) -> str:
    with psycopg.connect(dsn) as connection:
        said = connection.execute("select version_num from ledger.migration")
        return str((said.fetchone() or (None,))[0])


def kill_at_its_end(dsn: str, blocked_by: str) -> None:
    """Kill a migrator that has run a version's statements and waits for this lock."""
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ["PATH"]}
    with (
        psycopg.connect(dsn, autocommit=True) as watcher,
        psycopg.connect(dsn) as blocker,
    ):
        blocker.execute(blocked_by.encode())
        with subprocess.Popen(
            [sys.executable, "-c", MIGRATOR, dsn], env=environment
        ) as process:
            try:
                wait_until(lambda: watcher.execute(WAITERS).rowcount > 0)
            finally:
                # Else a test that fails would wait for it, and it for the test.
                process.kill()
            assert process.wait(30) == -signal.SIGKILL
        blocker.rollback()


@pytest.mark.long
@pytest.mark.parametrize("before", VERSIONS[:-1])
def test_upgrade_killed_after_a_version_s_statements_leaves_the_version_before(
    empty_dsn: str, before: str
) -> None:
    bring_to(empty_dsn, before)
    old = schema(empty_dsn)

    kill_at_its_end(empty_dsn, "lock table ledger.migration in share mode")

    wait_until(lambda: schema(empty_dsn) == old)
    assert version(empty_dsn) == before
    assert migrate(empty_dsn) is True
    assert migrate(empty_dsn) is False
    assert version(empty_dsn) == VERSIONS[-1]


def test_first_migration_killed_in_its_middle_leaves_nothing(empty_dsn: str) -> None:
    kill_at_its_end(empty_dsn, "create schema marts")

    wait_until(lambda: schema(empty_dsn) == [])
    assert migrate(empty_dsn) is True
    assert schema(empty_dsn)
