"""What the tests share: a Postgres of their own, a fresh warehouse for each test."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from psycopg import sql

from event_warehouse.migrate import migrate
from event_warehouse.processes import embedded
from event_warehouse.settings import PROJECT, Settings, read_settings
from event_warehouse.transform.run import transform
from tests.fixture_types import Land, Query

# No test works on a warehouse, or an Airflow, that the caller's environment names.
for _key in list(os.environ):
    if re.match("AIRFLOW|WAREHOUSE_(?!TEST_)", _key):
        del os.environ[_key]

# The same examples in each run, however long a busy machine takes for them: what fails
# is then what has changed. HYPOTHESIS_PROFILE=default tries others.
hypothesis_settings.register_profile(
    "repeatable",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

MIGRATED = "migrated"
BUILT = "built"
FRESH = "fresh"
"""The database of the test that runs now. One name for all, because dbt parses its
project anew, which takes seconds, whenever the connection is another one."""

NO_LOG_FILE = ("DBT_LOG_LEVEL_FILE", "none")
"""dbt never closes the log that it opens at each call, which is an error here."""
NO_JSON = ("DBT_WRITE_JSON", "false")
"""Nor does a test read dbt's artifacts, a fifth of a second's work at each call."""

SETTLED = 1_735_000_000.0
"""A change long ago, as of a file that nobody writes to any more."""


@pytest.fixture(scope="session")
def cluster() -> Iterator[Settings]:
    """An embedded Postgres of this session's own, running."""
    # Not below pytest's own folder: a socket's path has to be short.
    folder = Path(tempfile.mkdtemp(prefix="events-", dir="/tmp"))
    settings = read_settings({"WAREHOUSE_HOME": str(folder / "home")})
    try:
        embedded.ensure_running(settings)
        # Only a crash of the machine could tell the difference, and tests cause none.
        administer(settings, "alter system set fsync = off", "select pg_reload_conf()")
        yield settings
    finally:
        embedded.stop(settings)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated_template(cluster: Settings) -> str:
    """A database with the migrations applied, for cloning."""
    administer(cluster, f"create database {MIGRATED} owner warehouse")
    migrate(dsn_of(cluster, MIGRATED))
    return MIGRATED


@pytest.fixture(scope="session")
def built_home(
    cluster: Settings, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The home of a warehouse in which dbt has run once, cloned as `built`."""
    home = tmp_path_factory.mktemp("built")
    clone(cluster, migrated_template, FRESH)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(*NO_LOG_FILE)
        transform(settings_of(cluster, home))
    administer(cluster, f"alter database {FRESH} rename to {BUILT}")
    keep_time_zone(cluster, BUILT)
    return home


@pytest.fixture
def warehouse(
    cluster: Settings, migrated_template: str, tmp_path: Path
) -> Iterator[Settings]:
    """A warehouse of the test's own, migrated and empty, without dbt's tables."""
    clone(cluster, migrated_template, FRESH)
    yield settings_of(cluster, tmp_path)
    drop(cluster, FRESH)


@pytest.fixture
def built_warehouse(
    cluster: Settings,
    built_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Settings]:
    """A warehouse of the test's own, with dbt's tables, all empty."""
    monkeypatch.setenv(*NO_LOG_FILE)
    monkeypatch.setenv(*NO_JSON)
    clone(cluster, BUILT, FRESH)
    (tmp_path / "dbt").mkdir()
    shutil.copy(built_home / "dbt" / "partial_parse.msgpack", tmp_path / "dbt")
    yield settings_of(cluster, tmp_path)
    drop(cluster, FRESH)


@pytest.fixture
def land() -> Land:
    """Writes a file into the landing folder, as one that has settled long ago."""

    def write(settings: Settings, name: str, content: bytes | str) -> Path:
        path = settings.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        os.utime(path, (SETTLED, SETTLED))
        return path

    return write


@pytest.fixture
def query() -> Query:
    """Rows of a query, asked as the warehouse's owner."""

    def ask(settings: Settings, text: str, *values: object) -> list[tuple[object, ...]]:
        with psycopg.connect(settings.dsn) as connection:
            return connection.execute(sql.SQL(text), values).fetchall()

    return ask


def dsn_of(cluster: Settings, database: str) -> str:
    """URI of one of the cluster's databases, as the warehouse's owner."""
    folder = cluster.socket_folder
    return f"postgresql://warehouse@/{database}?host={folder}&port=5432"


def settings_of(cluster: Settings, home: Path) -> Settings:
    """The settings of the fresh warehouse, its files below the test's own folder."""
    return read_settings(
        {
            "WAREHOUSE_HOME": str(home),
            "WAREHOUSE_DSN": dsn_of(cluster, FRESH),
            "WAREHOUSE_FEEDS": str(PROJECT / "feeds.yml"),
        }
    )


def clone(cluster: Settings, template: str, database: str) -> None:
    """A database with all that the template has; one of that name is dropped first."""
    administer(
        cluster,
        f"drop database if exists {database} with (force)",
        f"create database {database} owner warehouse template {template}"
        " strategy file_copy",
    )
    keep_time_zone(cluster, database)


def keep_time_zone(cluster: Settings, database: str) -> None:
    """What the migrations set for their database, and a clone or new name loses."""
    administer(
        cluster,
        f"alter database {database} set timezone to 'UTC'",
        f"alter database {database} set datestyle to 'ISO, YMD'",
    )


def drop(cluster: Settings, database: str) -> None:
    """Drop a database with whatever is still connected to it."""
    administer(cluster, f"drop database if exists {database} with (force)")


def administer(cluster: Settings, *statements: str) -> None:
    """Run statements as the cluster's superuser, each by itself."""
    dsn = f"postgresql://postgres@/postgres?host={cluster.socket_folder}&port=5432"
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)
