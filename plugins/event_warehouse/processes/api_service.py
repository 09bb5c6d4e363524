"""Starts the HTTP service in the background, finds it and stops it."""

import json
import os
import socket
import sys
import time
import urllib.request
from pathlib import Path

from event_warehouse.errors import ServiceError
from event_warehouse.processes import background
from event_warehouse.processes.environment import warehouse_environment
from event_warehouse.settings import Settings

START_SECONDS = 60.0
STOP_SECONDS = 60.0
"""Requests get 30 s to end; their events are stored after that."""
FREE_SECONDS = 3.0
POLL_SECONDS = 0.1
ASK_SECONDS = 2.0


def start(settings: Settings) -> bool:
    """True once the service answers, False if it was running already.

    If it can't start it is stopped, and ServiceError has the last line of its log.
    """
    log = settings.home / "logs" / "api.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with background.claim(_lock(settings)) as claimed:
        if claimed is None:
            return False
        _require_free_port(settings.api_port)
        # Only the previous log is kept, so that logs do not grow for ever.
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        # Not read as settings: PATH, AWS_PROFILE and so on are passed on unchanged.
        environment = dict(os.environ) | warehouse_environment(settings)
        background.start(
            [str(Path(sys.executable).with_name("warehouse")), "serve"],
            claimed=claimed,
            environment=environment,
            log=log,
        )
    try:
        _wait_until_healthy(settings, log)
    except BaseException:
        stop(settings)
        raise
    return True


def stop(settings: Settings) -> bool:
    """True if it was running; all accepted events are stored when this returns."""
    return background.end(_lock(settings), patience=STOP_SECONDS)


def is_running(settings: Settings) -> bool:
    """True if its process is alive, healthy or not."""
    return background.is_running(_lock(settings))


def url(settings: Settings) -> str:
    """Its address, on this machine only."""
    return f"http://127.0.0.1:{settings.api_port}"


def _wait_until_healthy(settings: Settings, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _is_healthy(settings):
        if not is_running(settings):
            raise ServiceError(f"the service ended: {_last_words(log)}")
        if time.monotonic() > deadline:
            raise ServiceError(
                f"the service is not well after {START_SECONDS:.0f} s: {log}"
            )
        time.sleep(POLL_SECONDS)


def _is_healthy(settings: Settings) -> bool:
    """True if it answers, and has found Postgres."""
    # Never through a proxy: it is this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url(settings)}/health", timeout=ASK_SECONDS) as answer:
            return bool(json.load(answer)["has_postgres"])
    except OSError:
        return False


def _require_free_port(port: int) -> None:
    """Raises ServiceError if the port is taken, whose owner would answer instead.

    The processes of a killed service hold the port for a moment longer.
    """
    deadline = time.monotonic() + FREE_SECONDS
    while (error := _why_not_free(port)) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    if error:
        raise ServiceError(
            f"the service can't have port {port} ({error.strerror}); "
            "set WAREHOUSE_API_PORT to another one"
        ) from error


def _why_not_free(port: int) -> OSError | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error
    return None


def _lock(settings: Settings) -> Path:
    return settings.home / "api.lock"


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "no word")
    return f"{last[:300]} (its log: {log})"
