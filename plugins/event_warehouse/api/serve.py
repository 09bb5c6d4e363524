"""Runs the service until it is told to stop."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from event_warehouse.accept.limits import Limits
from event_warehouse.accept.open_store import check_store
from event_warehouse.api.app import DEFAULT_TENANT, create_app
from event_warehouse.api.turns import QueryLimits
from event_warehouse.errors import ServiceError
from event_warehouse.settings import Settings

STOP_SECONDS = 30
"""How long requests under way may take to end after the service is told to stop."""
BACKLOG = 2048

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        name: {"handlers": ["stderr"], "level": "INFO", "propagate": False}
        for name in ["event_warehouse", "uvicorn"]
    }
    # It warns at each attempt while Postgres is down, which upkeep logs only once.
    | {"psycopg.pool": {"level": "ERROR"}},
}

logger = logging.getLogger(__name__)


def serve(
    settings: Settings,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 1,
    *,
    tenant: str = DEFAULT_TENANT,
    limits: Limits | None = None,
    query_limits: QueryLimits | None = None,
) -> None:
    """Serves until SIGTERM or SIGINT; then ends its requests and publishes the events.

    Port 0 picks a free one. Raises ServiceError if it can't listen or can't store
    events: the landing folder can't be made, or the bucket can't be written to.
    """
    check_store(settings, limits or Limits())
    with _listen(host, port) as listener, _metrics_folder(workers) as metrics_folder:
        config = uvicorn.Config(
            partial(
                create_app,
                settings,
                tenant=tenant,
                limits=limits,
                query_limits=query_limits,
                metrics_folder=metrics_folder,
            ),
            factory=True,
            workers=workers,
            ws="none",
            lifespan="on",
            log_config=LOGGING,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        shown = f"[{host}]" if ":" in host else host
        logger.info("serving on http://%s:%d", shown, listener.getsockname()[1])
        # uvicorn raises the signal that stopped it once more when it is done.
        with suppress(KeyboardInterrupt):
            if workers > 1:
                Multiprocess(config, sockets=[listener]).run()
            else:
                _run(uvicorn.Server(config), listener)


@contextmanager
def _metrics_folder(workers: int) -> Iterator[Path | None]:
    """Where several processes keep their counts, so that each can report for all."""
    if workers == 1:
        yield None
        return
    with TemporaryDirectory(prefix="event-warehouse-metrics-") as folder:
        # Read by prometheus_client alone, when a server process imports it.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        try:
            yield Path(folder)
        finally:
            del os.environ["PROMETHEUS_MULTIPROC_DIR"]


def _run(server: uvicorn.Server, listener: socket.socket) -> None:
    server.run(sockets=[listener])
    if not server.started:
        raise ServiceError("the service did not start; the lines above say why")


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ServiceError(
            f"can't serve on {host}, port {port}: {error.strerror}; "
            "name another port with WAREHOUSE_API_PORT, or another host"
        ) from error
