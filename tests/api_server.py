"""Server processes of the HTTP service, started and spoken to by tests."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]

from event_warehouse.access.key_file import key_file, write_keys
from event_warehouse.access.keys import KnownKey, Scope, make_key

SECONDS = 20.0
SERVER = """
import json, sys
from event_warehouse.accept.limits import Limits
from event_warehouse.api.serve import serve
from event_warehouse.settings import read_settings
limits = Limits(**json.loads(sys.argv[2]))
serve(read_settings(), port=0, workers=int(sys.argv[1]), limits=limits)
"""
JSON = {"content-type": "application/json"}
OPERATOR = make_key()
"""Known to every server that is started here."""
SIGNED_IN = {"authorization": f"Bearer {OPERATOR.text}"}
VISIT = {"ts": "2025-06-01T11:00:00Z", "data": {"event_tag": "visit"}}


@dataclass
class Server:
    """A server process; its home outlives it."""

    process: subprocess.Popen[bytes]
    home: Path
    log: Path
    url: str = ""
    client: httpx.Client = field(
        default_factory=lambda: httpx.Client(timeout=SECONDS, headers=SIGNED_IN)
    )

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.url.removeprefix("http://").split(":")
        return host, int(port)

    def post(self, body: object, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(
            f"{self.url}/events", content=content, headers={**JSON, **named}
        )

    def send(self, *events: object, key: str | None = None) -> list[str]:
        """The ids of events that are accepted."""
        headers = {} if key is None else {"idempotency_key": key}
        answer = self.post({"events": events}, **headers)
        assert answer.status_code == 200, answer.text
        assert answer.json()["accepted"] == len(events)
        return [str(one) for one in answer.json()["event_ids"]]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.wait(SECONDS)


Start = Callable[..., Server]


def servers(home: Path, environment: Mapping[str, str] = {}) -> Generator[Start]:
    """A function that starts servers, all with the same home, until it is closed."""
    started: list[Server] = []
    scopes = frozenset(Scope)
    write_keys(
        key_file(home),
        [
            KnownKey(
                OPERATOR.key_id, OPERATOR.key_hash, None, "warehouse_operator", scopes
            )
        ],
    )

    def start(workers: int = 1, **limits: float) -> Server:
        log = home / f"server-{len(started)}.log"
        with open(log, "wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", SERVER, str(workers), json.dumps(limits)],
                env={
                    "PYTHONPATH": os.pathsep.join(sys.path),
                    "WAREHOUSE_HOME": str(home),
                    **environment,
                },
                stderr=output,
            )
        server = Server(process, home, log)
        started.append(server)
        wait_for(lambda: "startup complete" in log.read_text(), server)
        found = re.search(r"http://[\d.]+:\d+", log.read_text())
        assert found
        server.url = found.group()
        return server

    try:
        yield start
    finally:
        for server in started:
            server.client.close()
            with suppress(psutil.NoSuchProcess):
                for child in psutil.Process(server.process.pid).children():
                    child.kill()
            server.process.kill()
            server.process.wait()


def wait_for(is_true: Callable[[], bool], server: Server) -> None:
    """Returns as soon as it is true; else the test fails with the server's log."""
    deadline = time.monotonic() + SECONDS
    while not is_true():
        assert time.monotonic() < deadline, server.log.read_text()
        time.sleep(0.01)
