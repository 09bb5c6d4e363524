"""The environment that makes Airflow part of the warehouse.

Airflow is configured with variables only; none of its files is edited.
"""

import base64
import json
import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from event_warehouse.processes.environment import warehouse_environment
from event_warehouse.settings import PROJECT, Settings

ADMIN = "admin"
PARALLELISM = 4
"""Each further worker costs 50 MB, even if it is idle."""


def process_environment(settings: Settings) -> dict[str, str]:
    """The environment of Airflow's programs: this process's, overridden by ours."""
    # Not read as settings: PATH, AWS_PROFILE and so on are passed on unchanged.
    inherited = dict(os.environ)
    return inherited | _around_proxies(inherited) | airflow_environment(settings)


def airflow_environment(settings: Settings) -> dict[str, str]:
    """Airflow's variables and the warehouse's; creates the secrets in them once."""
    return {
        "AIRFLOW_HOME": str(airflow_home(settings)),
        **warehouse_environment(settings),
        **_core(settings),
        **_database(settings.airflow_dsn),
        **_api(settings),
        **_logging(settings),
        **_secrets(settings),
    }


def airflow_home(settings: Settings) -> Path:
    """The folder where Airflow keeps its files."""
    return settings.home / "airflow"


def admin_password(settings: Settings) -> str:
    """The password of the user `admin`; created at the first call."""
    passwords = _kept(_passwords_file(settings), _new_passwords)
    return passwords[ADMIN]


def _core(settings: Settings) -> dict[str, str]:
    url = airflow_url(settings)
    return {
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str(PARALLELISM),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(
            _passwords_file(settings)
        ),
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        # A busy machine answers late: with the default of 5 s, tasks failed before they
        # began.
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


def _database(dsn: str) -> dict[str, str]:
    """Both drivers use libpq, so that a socket and any libpq parameter will do.

    The synchronous one is psycopg2: Airflow recognises a locked row by an attribute of
    psycopg2's errors.
    """
    # Airflow expands $NAME in a variable's value.
    _, rest = dsn.replace("$", "%24").split("://", 1)
    return {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{rest}",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"postgresql+psycopg://{rest}",
    }


def airflow_url(settings: Settings) -> str:
    """The address of Airflow's UI and API, on this machine only."""
    return f"http://127.0.0.1:{settings.airflow_port}"


def _api(settings: Settings) -> dict[str, str]:
    return {
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(settings.airflow_port),
        "AIRFLOW__API__BASE_URL": airflow_url(settings),
        "AIRFLOW__API__WORKERS": "1",
    }


def _logging(settings: Settings) -> dict[str, str]:
    logs = settings.home / "logs"
    return {
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(logs / "tasks"),
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(
            logs / "dag-processor"
        ),
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
    }


def _secrets(settings: Settings) -> dict[str, str]:
    _kept(_passwords_file(settings), _new_passwords)
    return _kept(airflow_home(settings) / "secrets.json", _new_secrets)


def _passwords_file(settings: Settings) -> Path:
    return airflow_home(settings) / "passwords.json"


def _new_passwords() -> dict[str, str]:
    return {ADMIN: secrets.token_urlsafe(12)}


def _new_secrets() -> dict[str, str]:
    fernet_key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return {
        "AIRFLOW__CORE__FERNET_KEY": fernet_key,
        "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(64),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
    }


def _kept(file: Path, make: Callable[[], dict[str, str]]) -> dict[str, str]:
    """The file's content, created once and readable by its owner only."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent) as new:
            json.dump(make(), new)
            new.flush()
            # Of two concurrent commands the first wins, and nobody reads half a file.
            with suppress(FileExistsError):
                os.link(new.name, file)
    kept: dict[str, str] = json.loads(file.read_text())
    return kept


def _around_proxies(inherited: Mapping[str, str]) -> dict[str, str]:
    """Makes tasks call the API on this machine directly, never through a proxy."""
    given = inherited.get("no_proxy") or inherited.get("NO_PROXY")
    hosts = ",".join(filter(None, (given, "127.0.0.1", "localhost")))
    return {"no_proxy": hosts, "NO_PROXY": hosts}
