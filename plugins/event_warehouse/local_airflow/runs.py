"""Starts runs of a DAG for a person's command, and follows them."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from event_warehouse import errors
from event_warehouse.errors import ServiceError
from event_warehouse.local_airflow import services
from event_warehouse.local_airflow.api import AirflowApi, path_of_run, sign_in
from event_warehouse.local_airflow.environment import process_environment
from event_warehouse.processes import background, end_with_starter
from event_warehouse.settings import Settings

POLL_SECONDS = 1.0
WAIT_SECONDS = 0.5
DAG_SECONDS = 60.0
"""Services that have just started take some seconds to find their DAGs."""

OnLine = Callable[[str], None]


def run_dag(
    settings: Settings, dag_id: str, conf: Mapping[str, Any], on_line: OnLine
) -> int:
    """0 if a new run of the DAG succeeds; `on_line` gets what the warehouse logs.

    If Airflow's services are running, they run it, and continue if this process ends.
    Otherwise it runs in a process that ends with this one, one run at a time; `run_log`
    has all of its output.
    """
    # Inside the claim, which the services need to start: the answer can't change.
    with _claimed(settings, on_line) as claimed:
        if not services.are_running(settings):
            services.ensure_migrated(settings)
            return _run_alone(settings, dag_id, conf, on_line, claimed)
    return _run_in_services(settings, dag_id, conf, on_line)


def run_log(settings: Settings, dag_id: str) -> Path:
    """The log of the latest run without Airflow's services."""
    return settings.home / "logs" / f"{dag_id}.log"


@contextmanager
def _claimed(settings: Settings, on_line: OnLine) -> Iterator[TextIO]:
    lock = services.run_lock(settings)
    is_told = False
    while True:
        with background.claim(lock) as claimed:
            if claimed is not None:
                yield claimed
                return
        if not is_told:
            on_line("Waiting for another run, or for Airflow's start, to end.")
            is_told = True
        time.sleep(WAIT_SECONDS)


def _run_alone(
    settings: Settings,
    dag_id: str,
    conf: Mapping[str, Any],
    on_line: OnLine,
    claimed: TextIO,
) -> int:
    log = run_log(settings, dag_id)
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [
        *(sys.executable, "-P", end_with_starter.__file__),
        *(services.airflow_program(), "dags", "test", dag_id),
        *("--conf", json.dumps(conf)),
    ]
    with (
        open(log, "w") as output,
        subprocess.Popen(
            command,
            env=process_environment(settings) | {"AIRFLOW__LOGGING__JSON_LOGS": "True"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            pass_fds=(claimed.fileno(),),
        ) as process,
    ):
        background.record_leader(claimed, process.pid)
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            _tell_output(process.stdout, output, on_line)
        finally:
            process.stdin.close()
            process.wait()
        return process.returncode


def _tell_output(lines: Iterable[str], log: TextIO, on_line: OnLine) -> None:
    for line in lines:
        log.write(line)
        log.flush()
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            _tell(record, on_line)


def _tell(record: Mapping[str, Any], on_line: OnLine) -> None:
    """Passes on what the warehouse's own code logs, and why a task failed."""
    if str(record.get("logger")).startswith("event_warehouse"):
        on_line(str(record["event"]))
    # Airflow's own log calls it exception, the log of a task error_detail.
    failure = record.get("exception") or record.get("error_detail")
    if record.get("logger") == "task" and failure:
        on_line(_reason(failure[0]))


def _reason(failure: Mapping[str, Any]) -> str:
    """The first line; what follows, such as a list, is left to the log."""
    kind, text = str(failure["exc_type"]), str(failure["exc_value"]).partition("\n")[0]
    is_sentence = kind == "AirflowFailException" or hasattr(errors, kind)
    return text if is_sentence else f"{kind}: {text}"


def _run_in_services(
    settings: Settings, dag_id: str, conf: Mapping[str, Any], on_line: OnLine
) -> int:
    services.require_running(settings)
    api = sign_in(settings)
    _require_dag(api, dag_id)
    body = {"logical_date": None, "conf": dict(conf)}
    run = api.post(f"/api/v2/dags/{dag_id}/dagRuns", body)
    path = path_of_run(dag_id, run["dag_run_id"])
    told: dict[str, int] = {}
    while True:
        services.require_running(settings)
        state = api.get(path)["state"]
        _tell_tasks(api, path, told, on_line)
        if state in {"success", "failed"}:
            return 0 if state == "success" else 1
        time.sleep(POLL_SECONDS)


def _require_dag(api: AirflowApi, dag_id: str) -> None:
    """Returns once Airflow knows the DAG; raises ServiceError if it can't be run."""
    deadline = time.monotonic() + DAG_SECONDS
    while (dag := api.find(f"/api/v2/dags/{dag_id}")) is None:
        if time.monotonic() > deadline:
            raise ServiceError(
                f"Airflow does not find the DAG {dag_id}; {api.url}/dags says why"
            )
        time.sleep(POLL_SECONDS)
    if dag["is_paused"]:
        raise ServiceError(
            f"the DAG {dag_id} is paused in Airflow; switch it on at {api.url}"
        )


def _tell_tasks(
    api: AirflowApi, path: str, told: dict[str, int], on_line: OnLine
) -> None:
    """Passes on new log records; `told` counts those passed on, per try of a task."""
    tasks = api.get(f"{path}/taskInstances")["task_instances"]
    started = [task for task in tasks if task["start_date"]]
    for task in sorted(started, key=lambda task: str(task["start_date"])):
        log = (
            f"{path}/taskInstances/{task['task_id']}/logs/{task['try_number']}"
            f"?map_index={task['map_index']}"
        )
        records = api.get(log)["content"]
        for record in records[told.get(log, 0) :]:
            _tell(record, on_line)
        told[log] = len(records)
