"""Airflow's services as `make up` starts them, on a warehouse of the tests' own."""

import shutil
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from event_warehouse.local_airflow import environment as airflow_environment
from event_warehouse.local_airflow import services as airflow_services
from event_warehouse.local_airflow.api import AirflowApi, sign_in
from event_warehouse.processes import embedded
from event_warehouse.settings import PROJECT, Settings, read_settings
from event_warehouse.setup import ensure_warehouse
from event_warehouse.transform.run import transform
from tests.waiting import wait_until
from tests.webhook import Webhook, listening

FEEDS = """
visits:
  files: visits/{year:04}/{month:02}/{day:02}/*.csv
  format: csv
  fields: {event_time: at}
  identity: [event_id]
"""
KEPT_MONTHS = 480


@pytest.fixture(scope="session")
def webhook() -> Iterator[Webhook]:
    """Where the tests' Airflow tells its failures."""
    with listening() as webhook:
        yield webhook


@pytest.fixture(scope="session")
def running(webhook: Webhook) -> Iterator[Settings]:
    """All services, with the project's DAGs; new files are taken each minute."""
    # In a short path, since a socket's path may not be long.
    with (
        tempfile.TemporaryDirectory(prefix="airflow-", dir="/tmp") as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        settings = _settings(Path(folder), webhook)
        _copy_dags(Path(folder))
        patch.setattr(airflow_environment, "PROJECT", Path(folder))
        ensure_warehouse(settings)
        try:
            # Else the first run of a task would make all tables.
            transform(settings)
            airflow_services.start(settings)
            _wait_for_dags(sign_in(settings))
            yield settings
        finally:
            airflow_services.stop(settings)
            embedded.stop(settings)


@pytest.fixture
def api(running: Settings) -> AirflowApi:
    """Its REST API, as its admin."""
    return sign_in(running)


def _settings(folder: Path, webhook: Webhook) -> Settings:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings = read_settings(
        {
            "WAREHOUSE_HOME": str(folder / "home"),
            "WAREHOUSE_FEEDS": str(folder / "feeds.yml"),
            "WAREHOUSE_AIRFLOW_PORT": str(port),
            "WAREHOUSE_ALERT_WEBHOOK_URL": webhook.url,
            "WAREHOUSE_KEEP_EVENT_MONTHS": str(KEPT_MONTHS),
        }
    )
    settings.landing.mkdir(parents=True)
    return replace(settings, settle_seconds=0.0)


def _copy_dags(folder: Path) -> None:
    (folder / "feeds.yml").write_text(FEEDS)
    shutil.copytree(PROJECT / "dags", folder / "dags")
    (folder / "plugins").symlink_to(PROJECT / "plugins")
    dag = folder / "dags" / "apply_new_events.py"
    text = dag.read_text()
    assert '"*/5 * * * *"' in text
    dag.write_text(text.replace('"*/5 * * * *"', '"* * * * *"'))
    # Its dbt would take the cores from what is tested, until it is.
    quality = folder / "dags" / "check_quality.py"
    paused = "@dag(\n    is_paused_upon_creation=True,\n"
    quality.write_text(quality.read_text().replace("@dag(\n", paused))


def _wait_for_dags(api: AirflowApi) -> None:
    names = {path.stem for path in (PROJECT / "dags").glob("*.py")}
    wait_until(
        lambda: names == {dag["dag_id"] for dag in api.get("/api/v2/dags")["dags"]},
        seconds=120,
    )
