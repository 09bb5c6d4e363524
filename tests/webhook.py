"""A webhook that keeps what is posted to it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Webhook:
    """What it was sent, and what it answers."""

    url: str = ""
    status: int = 200
    messages: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Webhook]:
    """A webhook on a port of its own, until the context ends."""
    webhook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            webhook.messages.append(json.loads(body))
            self.send_response(webhook.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: pytest shows what matters."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        webhook.url = f"http://127.0.0.1:{server.server_port}/hooks/t0ken"
        try:
            yield webhook
        finally:
            server.shutdown()
            thread.join()
