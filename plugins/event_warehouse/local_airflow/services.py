"""Airflow's services: migrates its database, starts and stops its programs."""

import errno
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from psycopg import sql

from event_warehouse.database import connect
from event_warehouse.errors import ServiceError
from event_warehouse.local_airflow.api import call, path_of_run, sign_in
from event_warehouse.local_airflow.environment import (
    ADMIN,
    admin_password,
    airflow_home,
    airflow_url,
    process_environment,
)
from event_warehouse.local_airflow.pools import ensure_pool
from event_warehouse.processes import background, embedded
from event_warehouse.settings import Settings

START_SECONDS = 180.0
"""Healthy after 8 s on 2 idle cores; a busy laptop takes longer."""
POLL_SECONDS = 0.5
DOWN_SECONDS = 20.0
"""How long a task may take to end; a load that is cut off leaves nothing behind."""


@dataclass(frozen=True)
class SignIn:
    """How a person reaches Airflow's UI."""

    url: str
    user: str
    password: str


@dataclass(frozen=True)
class Service:
    """One of Airflow's programs; `health` is its key in the API's health report."""

    name: str
    arguments: tuple[str, ...]
    health: str


# In the order in which they are stopped: tasks report to the API server to the last.
# No task is deferred, so no triggerer; logs are read from files, so no log server.
SERVICES = (
    Service("scheduler", ("scheduler", "--skip-serve-logs"), "scheduler"),
    Service("dag-processor", ("dag-processor",), "dag_processor"),
    Service("api-server", ("api-server",), "metadatabase"),
)


def ensure_migrated(settings: Settings) -> bool:
    """True if Airflow's metadata database had to be created or migrated.

    Starts the embedded Postgres if the database is there. Its version is noted in the
    database itself, since asking Airflow takes seconds.
    """
    if settings.external_airflow_dsn is None:
        embedded.ensure_running(settings)
    installed = version("apache-airflow-core")
    if _noted_version(settings) == installed:
        return False
    _migrate(settings)
    with connect(settings.airflow_dsn) as connection:
        connection.execute(
            sql.SQL("comment on table alembic_version is {}").format(installed)
        )
    return True


def start(settings: Settings) -> bool:
    """True once the services are healthy, False if they were running already.

    If one can't start all are stopped, and ServiceError has the reason.
    """
    ensure_migrated(settings)
    with background.claim(run_lock(settings)) as claimed:
        if claimed is None:
            raise ServiceError(
                "a run of a DAG is under way outside of Airflow's services "
                f"(process {background.leader(run_lock(settings))}); "
                "wait until it ends or stop it with: make down"
            )
        missing = [one for one in SERVICES if not _is_running(settings, one)]
        if missing:
            _start(settings, missing)
        return bool(missing)


def stop(settings: Settings) -> bool:
    """True if something ran: the services or a run of a DAG without them."""
    had_run = background.end(run_lock(settings), patience=DOWN_SECONDS)
    return _stop_services(settings) or had_run


def are_running(settings: Settings) -> bool:
    """True if any of the services runs, healthy or not."""
    return any(_is_running(settings, service) for service in SERVICES)


def require_running(settings: Settings) -> None:
    """Raises ServiceError with the name of a service that is not running."""
    for service in SERVICES:
        if not _is_running(settings, service):
            raise ServiceError(
                f"Airflow's {service.name} does not run; start it with: make up"
            )


def how_to_sign_in(settings: Settings) -> SignIn:
    """The UI's address and its one user."""
    return SignIn(airflow_url(settings), ADMIN, admin_password(settings))


def airflow_program() -> str:
    """The `airflow` of this Python's environment."""
    program = Path(sys.executable).with_name("airflow")
    if not program.exists():
        raise ServiceError(
            f"there is no {program}; run the warehouse with the Python that has "
            "Airflow, or: pip install -r requirements.txt"
        )
    return str(program)


def run_lock(settings: Settings) -> Path:
    """The lock of a run of a DAG without the services, so that there is only one."""
    return airflow_home(settings) / "run.lock"


def _noted_version(settings: Settings) -> str | None:
    query = "select obj_description(to_regclass('alembic_version'), 'pg_class')"
    with connect(settings.airflow_dsn) as connection:
        row = connection.execute(query).fetchone()
    return row[0] if row else None


def _migrate(settings: Settings) -> None:
    log = _log(settings, "migration")
    with open(log, "w") as output:
        finished = subprocess.run(
            [airflow_program(), "db", "migrate"],
            env=process_environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        )
    if finished.returncode != 0:
        raise ServiceError(
            f"Airflow's metadata database can't be migrated: {_last_words(log)}"
        )


def _start(settings: Settings, services: list[Service]) -> None:
    if SERVICES[-1] in services:
        _require_free_port(settings.airflow_port)
    since = datetime.now(UTC)
    try:
        for service in services:
            _launch(settings, service)
        _wait_until_healthy(settings, services, since)
        _give_up_interrupted_runs(settings)
        ensure_pool(settings)
    except BaseException:
        _stop_services(settings)
        raise


def _stop_services(settings: Settings) -> bool:
    locks = [_lock(settings, service) for service in SERVICES]
    return any([background.end(lock, patience=DOWN_SECONDS) for lock in locks])


def _launch(settings: Settings, service: Service) -> None:
    log = _log(settings, service.name)
    # Only the previous log is kept, so that logs do not grow for ever.
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    lock = _lock(settings, service)
    # A scheduler that was killed leaves its workers behind.
    background.end(lock, patience=0)
    with background.claim(lock) as claimed:
        if claimed is not None:
            background.start(
                [airflow_program(), *service.arguments],
                claimed=claimed,
                environment=process_environment(settings),
                log=log,
            )


def _wait_until_healthy(
    settings: Settings, services: list[Service], since: datetime
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _are_healthy(settings, services, since):
        for service in services:
            if not _is_running(settings, service):
                raise ServiceError(
                    f"Airflow's {service.name} ended: "
                    f"{_last_words(_log(settings, service.name))}"
                )
        if time.monotonic() > deadline:
            raise ServiceError(
                f"Airflow is not healthy after {START_SECONDS:.0f} s; "
                f"its logs are in {settings.home / 'logs'}"
            )
        time.sleep(POLL_SECONDS)


def _are_healthy(settings: Settings, services: list[Service], since: datetime) -> bool:
    try:
        health = call("GET", f"{airflow_url(settings)}/api/v2/monitor/health")
    except ServiceError:
        return False
    return all(_is_healthy(health[service.health], since) for service in services)


def _is_healthy(part: Mapping[str, Any], since: datetime) -> bool:
    """False for a heartbeat from before the start, which is a predecessor's."""
    if part["status"] != "healthy":
        return False
    heartbeats = [text for key, text in part.items() if key.endswith("_heartbeat")]
    return all(datetime.fromisoformat(text) >= since for text in heartbeats)


def _give_up_interrupted_runs(settings: Settings) -> None:
    """Else the scheduler would continue a run that was killed outside of it."""
    api = sign_in(settings)
    for run in api.get("/api/v2/dags/~/dagRuns?state=running")["dag_runs"]:
        if run["triggered_by"] == "test":
            path = path_of_run(run["dag_id"], run["dag_run_id"])
            api.patch(path, {"state": "failed"})


def _require_free_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
                raise
            raise ServiceError(
                f"Airflow can't have port {port} ({error.strerror}); "
                "set WAREHOUSE_AIRFLOW_PORT to another one"
            ) from error


def _is_running(settings: Settings, service: Service) -> bool:
    return background.is_running(_lock(settings, service))


def _lock(settings: Settings, service: Service) -> Path:
    return airflow_home(settings) / f"{service.name}.lock"


def _log(settings: Settings, name: str) -> Path:
    folder = settings.home / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.log"


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "no word")
    return f"{last[:300]} (its log: {log})"
