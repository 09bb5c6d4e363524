"""Where a run of a DAG goes: into Airflow's services, or into a process of its own."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from pathlib import Path
from threading import Event
from typing import Any
from urllib.error import HTTPError

import pytest

from event_warehouse.errors import ServiceError
from event_warehouse.local_airflow import api as airflow_api
from event_warehouse.local_airflow import runs as airflow_runs
from event_warehouse.local_airflow import services as airflow_services
from event_warehouse.local_airflow.api import AirflowApi
from event_warehouse.local_airflow.runs import run_dag
from event_warehouse.processes import background
from event_warehouse.settings import Settings, read_settings

RUN = {"dag_run_id": "manual__1"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings({"WAREHOUSE_HOME": str(tmp_path)})


class Airflow:
    """Services that run, and find their DAG after so many questions."""

    def __init__(self, *, questions: int = 0, is_paused: bool = False) -> None:
        self.questions = questions
        self.is_paused = is_paused
        self.calls: list[tuple[str, str]] = []

    def call(
        self, method: str, url: str, body: Mapping[str, Any] | None = None, **_: object
    ) -> Any:
        path = url.partition("/api/v2/dags/")[2]
        self.calls.append((method, path))
        if method == "POST":
            return RUN
        if path != "say":
            return {"state": "success", "task_instances": []}
        self.questions -= 1
        if self.questions < 0:
            return {"is_paused": self.is_paused}
        reason = HTTPError(url, 404, "Not Found", Message(), None)
        raise ServiceError(f"Airflow refused GET {url}: 404") from reason


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Airflow:
    airflow = Airflow()
    api = AirflowApi("http://127.0.0.1:8080", "token")
    monkeypatch.setattr(airflow_api, "call", airflow.call)
    monkeypatch.setattr(airflow_runs, "sign_in", lambda _: api)
    monkeypatch.setattr(airflow_services, "are_running", lambda _: True)
    monkeypatch.setattr(airflow_services, "require_running", lambda _: None)
    monkeypatch.setattr(airflow_runs, "POLL_SECONDS", 0.0)
    return airflow


def test_dag_that_the_services_have_not_read_yet_is_waited_for(
    settings: Settings, airflow: Airflow
) -> None:
    airflow.questions = 3

    assert run_dag(settings, "say", {}, print) == 0

    assert airflow.calls[:5] == [("GET", "say")] * 4 + [("POST", "say/dagRuns")]


def test_dag_that_the_services_never_find_is_named(
    settings: Settings, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(airflow_runs, "DAG_SECONDS", 0.01)
    airflow.questions = 1_000_000

    with pytest.raises(ServiceError, match="does not find the DAG say"):
        run_dag(settings, "say", {}, print)


def test_paused_dag_is_not_started(settings: Settings, airflow: Airflow) -> None:
    airflow.is_paused = True

    with pytest.raises(ServiceError, match="the DAG say is paused in Airflow"):
        run_dag(settings, "say", {}, print)

    assert airflow.calls == [("GET", "say")]


def test_services_that_start_while_a_run_waits_for_its_turn_do_the_run(
    settings: Settings, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, waits = Event(), Event()
    monkeypatch.setattr(airflow_services, "are_running", lambda _: running.is_set())
    monkeypatch.setattr(airflow_runs, "WAIT_SECONDS", 0.0)
    with ThreadPoolExecutor(1) as pool:
        with background.claim(airflow_services.run_lock(settings)) as claimed:
            assert claimed is not None
            asked = pool.submit(run_dag, settings, "say", {}, lambda _: waits.set())
            assert waits.wait(30)
            running.set()
        assert asked.result(30) == 0

    assert ("POST", "say/dagRuns") in airflow.calls
