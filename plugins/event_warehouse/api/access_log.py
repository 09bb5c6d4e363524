"""Logs a line per answer (method, route, status, time) and counts it for /metrics.

The route instead of the path, and no headers: what people send may be personal.
"""

import logging
import time
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from event_warehouse.api.metrics import count_request

logger = logging.getLogger(__name__)


class AccessLog:
    """Logs the answers of another app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on to the other app."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        except Exception:
            # The outer error handler logs the exception and answers with this status.
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            raise
        finally:
            route = getattr(scope.get("route"), "path", "(no route)")
            seconds, method = time.perf_counter() - started, scope["method"]
            count_request(method, route, status, seconds)
            logger.info("%s %s %d in %.1f ms", method, route, status, seconds * 1000)
