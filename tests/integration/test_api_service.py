"""The HTTP service as `make up` starts it and `make down` ends it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from event_warehouse.access.key_store import revoke_key
from event_warehouse.access.local_key import ensure_local_key, local_key_file
from event_warehouse.errors import ServiceError
from event_warehouse.processes import api_service, background, embedded
from event_warehouse.settings import Settings, read_settings
from event_warehouse.setup import ensure_warehouse
from tests.waiting import wait_until

EVENT = {"ts": "2025-06-01T11:00:00Z", "data": {"event_tag": "visit"}}


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    """A warehouse of the module's own, with a port that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tempfile.mkdtemp(prefix="up-", dir="/tmp")
    settings = read_settings(
        {"WAREHOUSE_HOME": f"{folder}/home", "WAREHOUSE_API_PORT": str(port)}
    )
    try:
        ensure_warehouse(settings)
        yield settings
    finally:
        api_service.stop(settings)
        embedded.stop(settings)
        shutil.rmtree(folder)


@pytest.fixture
def running(settings: Settings) -> Iterator[Settings]:
    """The same, with the service running."""
    assert api_service.start(settings)
    yield settings
    api_service.stop(settings)


def post(settings: Settings, key: str) -> int:
    answer = httpx.post(
        f"{api_service.url(settings)}/events",
        json={"events": [EVENT]},
        headers={"authorization": f"Bearer {key}"},
    )
    return answer.status_code


def status(settings: Settings) -> str:
    return subprocess.run(
        [Path(sys.executable).with_name("warehouse"), "status"],
        env={
            "PATH": os.environ["PATH"],
            "WAREHOUSE_HOME": str(settings.home),
            "WAREHOUSE_API_PORT": str(settings.api_port),
        },
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_service_starts_the_embedded_postgres_where_it_does_not_run(
    settings: Settings,
) -> None:
    embedded.stop(settings)

    # It is up once it has found Postgres.
    assert api_service.start(settings)

    assert api_service.stop(settings)
    assert embedded.is_running(settings)


def test_service_is_started_once_and_takes_this_machine_s_key(
    running: Settings,
) -> None:
    assert api_service.is_running(running)
    assert api_service.start(running) is False
    assert "service            runs" in status(running)
    assert post(running, ensure_local_key(running)) == 200


def test_what_it_has_taken_is_stored_when_it_has_ended(running: Settings) -> None:
    assert post(running, ensure_local_key(running)) == 200

    assert api_service.stop(running)

    assert not api_service.is_running(running)
    assert "service            is stopped" in status(running)
    folder = running.landing / "api_events"
    lines = [
        json.loads(line)
        for path in folder.rglob("[!.]*.jsonl")
        for line in path.read_text().splitlines()
    ]
    assert lines
    assert not list(folder.glob(".segment-*"))
    assert api_service.stop(running) is False


def test_service_that_was_killed_is_started_again(running: Settings) -> None:
    leader = background.leader(running.home / "api.lock")
    assert leader
    os.kill(leader, signal.SIGKILL)
    wait_until(lambda: not api_service.is_running(running))

    assert api_service.start(running)
    assert post(running, ensure_local_key(running)) == 200


def test_port_that_another_has_is_named(settings: Settings) -> None:
    with (
        socket.create_server(("127.0.0.1", settings.api_port)),
        pytest.raises(ServiceError, match="set WAREHOUSE_API_PORT"),
    ):
        api_service.start(settings)

    assert not api_service.is_running(settings)


def test_machine_s_key_is_the_same_until_it_is_revoked_and_its_owner_s_only(
    settings: Settings,
) -> None:
    key = ensure_local_key(settings)
    file = local_key_file(settings.home)

    assert ensure_local_key(settings) == key
    assert file.read_text() == key
    assert file.stat().st_mode & 0o777 == 0o600
    revoke_key(settings, key.split("_")[1])
    assert ensure_local_key(settings) != key
