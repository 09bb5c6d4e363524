"""The embedded Postgres, in a folder that neither a URI nor a shell takes as it is."""

import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from rich.console import Console

from event_warehouse.errors import DatabaseError, ServiceError
from event_warehouse.main_job import run as main_job
from event_warehouse.main_job.run import run_main_job
from event_warehouse.processes import embedded
from event_warehouse.settings import Settings, read_settings
from event_warehouse.setup import ensure_warehouse
from event_warehouse.transform.run import transform
from tests.waiting import wait_until

IS_THERE = """
    select exists(select from pg_database where datname = %(name)s)
        and exists(select from pg_roles where rolname = %(name)s)
"""


@pytest.fixture(scope="module")
def home() -> Iterator[Settings]:
    """An empty home, whose server is stopped in the end."""
    # Not below pytest's own folder: a socket's path has to be short.
    folder = Path(tempfile.mkdtemp(prefix="events-", dir="/tmp")) / "private" / "up"
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)
    folder.chmod(0o750)
    settings = read_settings({"WAREHOUSE_HOME": str(folder / "my %home")})
    yield settings
    embedded.stop(settings)
    shutil.rmtree(folder.parents[1])


@pytest.fixture
def running(home: Settings) -> Settings:
    """The home with its server running."""
    embedded.ensure_running(home)
    return home


@pytest.fixture
def stopped(running: Settings) -> Settings:
    """The home with its server stopped."""
    embedded.stop(running)
    return running


@pytest.fixture
def listening(stopped: Settings) -> Iterator[Settings]:
    """The home with its server, for as long as the test runs, on a TCP port too."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        settings = replace(stopped, port=probe.getsockname()[1])
    ensure_warehouse(settings)
    yield settings
    embedded.stop(settings)


@pytest.fixture
def administrator(running: Settings) -> Iterator[psycopg.Connection]:
    """A connection of the server's superuser, each statement by itself."""
    dsn = running.embedded_dsn("postgres")
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


# In what folder --------------------------------------------------------------------


def test_every_part_of_the_warehouse_finds_it(
    stopped: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_LOG_LEVEL_FILE", "none")
    # Whatever was there before is there again, also where dbt is told otherwise.
    monkeypatch.setenv("WAREHOUSE_HOME", "/elsewhere")
    monkeypatch.setenv("WAREHOUSE_LANDING", "/mnt/drop")
    before = dict(os.environ)

    ensure_warehouse(stopped)
    transform(stopped)

    with psycopg.connect(stopped.dsn) as connection:
        assert connection.execute("select from marts.accounting").rowcount == 0
    assert dict(os.environ) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to let a server pass")
def test_others_may_pass_its_folders_and_not_list_them(running: Settings) -> None:
    private, up = running.home.parents[1], running.home.parent

    assert stat.S_IMODE(private.stat().st_mode) == 0o701
    assert stat.S_IMODE(up.stat().st_mode) == 0o751


def test_another_port_than_it_was_started_with_is_named(
    running: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "SOCKET_SECONDS", 0.1)
    values = {"WAREHOUSE_HOME": str(running.home), "WAREHOUSE_PORT": "54"}

    with pytest.raises(ServiceError, match="takes no connections on port 54 of"):
        embedded.ensure_running(read_settings(values))


def test_bi_tool_signs_in_by_the_port_and_reads_the_marts(listening: Settings) -> None:
    with psycopg.connect(listening.dsn) as connection:
        # As the README says it.
        connection.execute("create role bi login password 'x' in role warehouse_reader")
        connection.execute("set role warehouse_transformer")
        connection.execute("create table marts.shown ()")

    address = f"127.0.0.1:{listening.port}/warehouse"
    with psycopg.connect(f"postgresql://bi:x@{address}") as bi:
        bi.execute("select from marts.shown")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            bi.execute("select from raw.loads")
    with pytest.raises(psycopg.OperationalError, match="password authentication fail"):
        psycopg.connect(f"postgresql://bi:y@{address}")


# Whether it runs -------------------------------------------------------------------


def test_killed_server_that_nobody_has_looked_at_does_not_run(
    stopped: Settings,
) -> None:
    with program_of_server_user("true") as killed:
        os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)
        with named_as_server(stopped, killed.pid):
            assert not embedded.is_running(stopped)


def test_another_program_with_a_killed_server_s_number_is_not_the_server(
    stopped: Settings,
) -> None:
    with program_of_server_user("sleep", "600") as other:
        with named_as_server(stopped, other.pid):
            assert not embedded.is_running(stopped)
        other.kill()


def test_server_that_has_not_written_its_number_yet_does_not_run(
    stopped: Settings,
) -> None:
    with named_as_server(stopped, None):
        assert not embedded.is_running(stopped)


def program_of_server_user(*command: str) -> subprocess.Popen[bytes]:
    user = embedded.SERVER_USER if os.geteuid() == 0 else None
    return subprocess.Popen(command, user=user, cwd="/")


@contextmanager
def named_as_server(settings: Settings, pid: int | None) -> Iterator[None]:
    """What a server leaves that is killed; without a number, one that starts."""
    data = settings.home / "postgres"
    file = data / "postmaster.pid"
    file.write_text(f"{pid}\n{data}\n1735000000\n5432\n" if pid else "")
    yield
    file.unlink()


# Its databases ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["warehouse", "airflow"])
def test_database_that_a_killed_start_did_not_make_is_made_by_the_next(
    running: Settings, administrator: psycopg.Connection, name: str
) -> None:
    # As after a kill between the server's start and the making of its databases.
    administrator.execute(f"drop database {name} with (force)")
    if name == "airflow":
        administrator.execute("drop role airflow")

    assert embedded.ensure_running(running) is False

    assert administrator.execute(IS_THERE, {"name": name}).fetchone() == (True,)


def test_only_the_warehouse_s_login_makes_roles(
    administrator: psycopg.Connection, running: Settings
) -> None:
    administrator.execute("alter role airflow createrole")

    embedded.ensure_running(running)

    who = "select rolname from pg_roles where rolcreaterole and not rolsuper"
    assert administrator.execute(who).fetchall() == [("warehouse",)]


def test_the_warehouse_s_login_is_kept_out_of_airflow_s_database(
    administrator: psycopg.Connection, running: Settings
) -> None:
    administrator.execute("grant connect on database airflow to public")

    embedded.ensure_running(running)

    dsn = running.dsn.replace("/warehouse?", "/airflow?")
    with pytest.raises(psycopg.OperationalError, match="permission denied for data"):
        psycopg.connect(dsn)
    psycopg.connect(running.airflow_dsn).close()


def test_what_has_all_is_asked_and_not_changed(
    administrator: psycopg.Connection, running: Settings
) -> None:
    versions = "select xmin, ctid, datname from pg_database order by datname"
    before = administrator.execute(versions).fetchall()

    embedded.ensure_running(running)

    assert administrator.execute(versions).fetchall() == before


def test_server_that_lets_nobody_in_is_told_in_one_line(
    administrator: psycopg.Connection, running: Settings
) -> None:
    rules = running.home / "postgres" / "pg_hba.conf"
    written = rules.read_text()
    rules.write_text("local all all reject\n")
    administrator.execute("select pg_reload_conf()")
    try:
        with pytest.raises(DatabaseError, match=r"^Postgres can't be reached: ") as no:
            wait_until(lambda: embedded.ensure_running(running))
        assert "\n" not in str(no.value)
    finally:
        rules.write_text(written)
        administrator.execute("select pg_reload_conf()")


# Who stops it ----------------------------------------------------------------------


def test_it_is_not_stopped_under_another_program(
    running: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "LEAVE_SECONDS", 0.1)
    with psycopg.connect(running.dsn):
        assert not embedded.stop_unless_used(running)
        assert embedded.is_running(running)

    monkeypatch.undo()
    assert embedded.stop_unless_used(running)
    assert not embedded.is_running(running)
    assert embedded.stop_unless_used(running)


def test_query_of_a_killed_program_does_not_keep_it_up(running: Settings) -> None:
    sleep = "import psycopg, sys; psycopg.connect(sys.argv[1]).execute(sys.argv[2])"
    query = "select pg_sleep(600)"
    asks = f"select from pg_stat_activity where query = '{query}'"
    with (
        subprocess.Popen([sys.executable, "-c", sleep, running.dsn, query]) as program,
        psycopg.connect(running.dsn, autocommit=True) as connection,
    ):
        wait_until(lambda: connection.execute(asks).rowcount > 0)
        program.kill()

    assert embedded.stop_unless_used(running)


def test_failed_migration_of_the_main_job_leaves_it_stopped(
    stopped: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(dsn: str) -> bool:
        raise DatabaseError(f"no migration of {dsn}")

    monkeypatch.setattr("event_warehouse.setup.migrate", fail)

    with pytest.raises(DatabaseError, match="no migration of"):
        run_sample(stopped)

    assert not embedded.is_running(stopped)


def test_main_job_leaves_it_to_a_program_that_has_come_meanwhile(
    stopped: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = []

    def come_and_fail(settings: Settings) -> None:
        ensure_warehouse(settings)
        others.append(psycopg.connect(settings.dsn))
        raise DatabaseError("no more than that")

    monkeypatch.setattr(embedded, "LEAVE_SECONDS", 0.1)
    monkeypatch.setattr(main_job, "ensure_warehouse", come_and_fail)

    with pytest.raises(DatabaseError, match="no more than that"):
        run_sample(stopped)

    assert others[0].execute("select 1").fetchone() == (1,)
    others[0].close()


def run_sample(settings: Settings) -> None:
    run_main_job(
        settings, Console(), source=None, feed=None, sample_events=0, sample_seed=0
    )
