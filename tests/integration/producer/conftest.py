"""Servers on loopback that take events, or do not, as a test tells them."""

import json
import os
import socket
from base64 import b64decode
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from event_warehouse import Producer
from event_warehouse.producer.settings import Pace

BRISK = Pace(
    record=0.01, answer=5.0, first_retry=0.02, last_retry=0.1, slow_retry=30.0, scan=0.2
)

MakeProducer = Callable[..., Producer]


@dataclass(frozen=True)
class Answer:
    """What the server does with one request."""

    status: int = 200
    document: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    is_cut: bool = False
    """It hangs up where its answer should come."""
    hangs: bool = False
    """No answer comes before the server is closed."""


@dataclass(frozen=True)
class Request:
    """What the server was sent."""

    path: str
    headers: Message
    document: Any

    @property
    def key(self) -> str | None:
        """What tells the service that it had this batch."""
        return self.headers["Idempotency-Key"]


class LoopbackServer:
    """Answers each request with the next of `answers`, then as `respond` says."""

    def __init__(self) -> None:
        self.answers: deque[Answer] = deque()
        self.requests: list[Request] = []
        self.taken: list[Any] = []
        """The documents of the requests that were answered with 2xx."""
        self.respond: Callable[[Any], Answer] = lambda document: Answer()
        self.closing = Event()
        # Taken but not listened on: nobody else gets the port while it is down.
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Where it listens once it is up."""
        return f"http://127.0.0.1:{self.port}/events"

    @property
    def events(self) -> list[Any]:
        """The events that it took, in the order of their arrival."""
        return [event for document in self.taken for event in document["events"]]

    def start(self) -> None:
        """Listen; until then connections are refused."""
        handler = type("Handler", (_Handler,), {"loopback": self})
        self._server = _Server(("127.0.0.1", self.port), handler, False)
        self._server.socket.close()
        self._server.socket = self._socket
        self._server.server_activate()
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        """Let go of all that hangs, and of the port."""
        self.closing.set()
        if self._server:
            self._server.shutdown()
            self._server.server_close()
        self._socket.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A producer that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    loopback: LoopbackServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        loopback = self.loopback
        body = self.rfile.read(int(self.headers["Content-Length"]))
        document = json.loads(body)
        loopback.requests.append(Request(self.path, self.headers, document))
        answer = (
            loopback.answers.popleft()
            if loopback.answers
            else loopback.respond(document)
        )
        if answer.hangs:
            loopback.closing.wait(30)
        if answer.hangs or answer.is_cut:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if answer.status < 300:
            loopback.taken.append(document)
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        content = json.dumps(answer.document).encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


class LoopbackStream(LoopbackServer):
    """Speaks a delivery stream's protocol, as far as PutRecordBatch."""

    def __init__(self) -> None:
        super().__init__()
        self.failing: deque[set[int]] = deque()
        """The records, by place, that fail alone in each of the next calls."""
        self.records: list[bytes] = []
        """What it took, in the order of arrival."""
        self.respond = self._put_record_batch

    @property
    def destination(self) -> str:
        """As a producer is configured with it."""
        endpoint = f"http://127.0.0.1:{self.port}"
        return f"firehose://events?region=eu-west-1&endpoint_url={endpoint}"

    def _put_record_batch(self, document: Any) -> Answer:
        assert document["DeliveryStreamName"] == "events"
        records = [b64decode(record["Data"]) for record in document["Records"]]
        if len(records) > 500 or sum(map(len, records)) > 4 * 1024 * 1024:
            return aws_error(400, "InvalidArgumentException")
        failing = self.failing.popleft() if self.failing else set()
        self.records += [r for n, r in enumerate(records) if n not in failing]
        entries = [
            {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."}
            if place in failing
            else {"RecordId": str(place)}
            for place in range(len(records))
        ]
        return Answer(
            document={"FailedPutCount": len(failing), "RequestResponses": entries}
        )


def aws_error(status: int, code: str) -> Answer:
    """How the service says no to a whole call."""
    return Answer(status, {"__type": code, "message": "No."})


@pytest.fixture
def answer() -> type[Answer]:
    """What a server can be told to do."""
    return Answer


@pytest.fixture(autouse=True)
def _environment_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in list(os.environ):
        if key.startswith(("EVENTS_", "AWS_")):
            monkeypatch.delenv(key)


@pytest.fixture
def service() -> Iterator[LoopbackServer]:
    """An event service that is down until it is started."""
    server = LoopbackServer()
    yield server
    server.close()


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackStream]:
    """A delivery stream that is up."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    server = LoopbackStream()
    server.start()
    yield server
    server.close()


@pytest.fixture
def make_producer(tmp_path: Path, service: LoopbackServer) -> Iterator[MakeProducer]:
    """Producers in production with a spool of the test's own, closed at its end."""
    made: list[Producer] = []

    def make(destination: str | None = None, **settings: Any) -> Producer:
        given = {"spool": tmp_path / "spool", "pace": BRISK, **settings}
        url = destination or service.url
        made.append(Producer(url, environment="production", **given))
        return made[-1]

    yield make
    service.closing.set()
    for producer in made:
        producer.close(timeout=0)
