"""Airflow's services and runs, on a metadata database of their own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from event_warehouse.errors import ServiceError
from event_warehouse.local_airflow import environment as airflow_environment
from event_warehouse.local_airflow.api import call, sign_in
from event_warehouse.local_airflow.runs import run_dag
from event_warehouse.local_airflow.services import (
    how_to_sign_in,
    run_lock,
    start,
    stop,
)
from event_warehouse.processes import background, embedded
from event_warehouse.settings import PROJECT, Settings, read_settings
from tests.waiting import happens

SPEAK = """
import logging
import time

from airflow.sdk import dag, task


@task
def speak(params=None):
    from event_warehouse.errors import FileError

    logging.getLogger("event_warehouse.speak").info("said %s", params["word"])
    logging.getLogger("another").info("not for people")
    time.sleep(params["seconds"])
    if params["error"]:
        raise FileError(params["error"])


@dag(schedule=None, params={"word": "nothing", "error": "", "seconds": 0})
def say():
    speak()


say()
"""
RUN_FOR_LONG = """
import sys
from pathlib import Path

from event_warehouse.local_airflow import environment as airflow_environment
from event_warehouse.local_airflow.runs import run_dag
from event_warehouse.settings import read_settings

airflow_environment.PROJECT = Path(sys.argv[1])
conf = {"word": "started", "seconds": 600}
run_dag(read_settings(), "say", conf, lambda line: print(line, flush=True))
"""


@pytest.fixture(scope="module")
def project() -> Iterator[Path]:
    """The project's DAGs, and one that says what it is told to say."""
    # In a short path, since a socket's path may not be long.
    with tempfile.TemporaryDirectory(prefix="airflow-") as folder:
        project = Path(folder)
        shutil.copytree(PROJECT / "dags", project / "dags")
        (project / "dags" / "say.py").write_text(SPEAK)
        (project / "plugins").symlink_to(PROJECT / "plugins")
        yield project


@pytest.fixture(scope="module")
def settings(project: Path) -> Iterator[Settings]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings = read_settings(
        {"WAREHOUSE_HOME": str(project / "home"), "WAREHOUSE_AIRFLOW_PORT": str(port)}
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(airflow_environment, "PROJECT", project)
        yield settings
        stop(settings)
        embedded.stop(settings)


def test_a_run_without_services_tells_what_the_warehouse_says(
    settings: Settings,
) -> None:
    lines: list[str] = []
    assert run_dag(settings, "say", {"word": "hello"}, lines.append) == 0
    assert lines == ["said hello"]


@pytest.fixture(scope="module")
def killed_run(project: Path, settings: Settings) -> int:
    """The session of a run that was under way when its asking process was killed."""
    asking = subprocess.Popen(
        [sys.executable, "-c", RUN_FOR_LONG, str(project)],
        env=os.environ | {"WAREHOUSE_HOME": str(settings.home)},
        stdout=subprocess.PIPE,
    )
    with asking:
        assert asking.stdout is not None
        assert asking.stdout.readline() == b"said started\n"
        session = background.leader(run_lock(settings))
        assert session is not None
        with pytest.raises(ServiceError, match="a run of a DAG is under way"):
            start(settings)
        asking.send_signal(signal.SIGKILL)
    return session


def test_a_run_ends_with_the_process_that_asked_for_it(
    settings: Settings, killed_run: int
) -> None:
    assert happens(lambda: background.leader(run_lock(settings)) is None, seconds=10)
    assert living({killed_run}) == []


def test_a_taken_port_is_named(settings: Settings) -> None:
    with (
        socket.create_server(("127.0.0.1", settings.airflow_port)),
        pytest.raises(ServiceError, match="set WAREHOUSE_AIRFLOW_PORT to another"),
    ):
        start(settings)
    assert not stop(settings)


def test_services_start_run_the_dags_and_leave_nothing(
    settings: Settings, killed_run: int
) -> None:
    assert start(settings)
    assert not start(settings)
    sessions = {
        int(lock.read_text())
        for lock in (settings.home / "airflow").glob("*.lock")
        if lock.read_text()
    }
    assert len(sessions) == 3

    ui = how_to_sign_in(settings)
    with pytest.raises(ServiceError, match="401"):
        call("POST", f"{ui.url}/auth/token", {"username": ui.user, "password": "x"})
    api = sign_in(settings)
    dags = {"apply_new_events", "say"}
    assert happens(
        lambda: dags <= {dag["dag_id"] for dag in api.get("/api/v2/dags")["dags"]},
        seconds=60,
        every=0.2,
    )
    assert api.get("/api/v2/importErrors")["import_errors"] == []
    runs = api.get("/api/v2/dags/say/dagRuns")["dag_runs"]
    killed = [run["state"] for run in runs if run["conf"].get("word") == "started"]
    assert killed == ["failed"]

    lines: list[str] = []
    conf = {"word": "hello", "error": "there is no such file"}
    assert run_dag(settings, "say", conf, lines.append) == 1
    assert lines == ["said hello", "there is no such file"]

    assert stop(settings)
    assert living(sessions) == []
    with socket.create_server(("127.0.0.1", settings.airflow_port)):
        pass
    assert not stop(settings)


def living(sessions: set[int]) -> list[int]:
    """The processes of these sessions that are not zombies."""
    pids = []
    for pid in psutil.pids():
        with suppress(psutil.NoSuchProcess, ProcessLookupError, PermissionError):
            is_dead = psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
            if os.getsid(pid) in sessions and not is_dead:
                pids.append(pid)
    return pids
