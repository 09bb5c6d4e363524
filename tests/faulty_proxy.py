"""A proxy on loopback that spoils the HTTP answers that pass, by chance or as told.

It stands between a real client and a real server, and is neither of them: nothing of
the code under test is replaced.
"""

import random
import socket
import struct
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedIOBase
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Lock, Thread

BLOCK_BYTES = 64 * 1024
IDLE_SECONDS = 30.0
S3_ERROR = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    "<Error><Code>{code}</Code><Message>No.</Message></Error>"
)


@dataclass(frozen=True)
class Fault:
    """What becomes of one request."""

    is_dropped: bool = False
    """It is not passed on, and its connection is hung up without an answer."""
    status: int | None = None
    """It is not passed on either; the proxy answers this, with S3's `code`."""
    code: str = "SlowDown"
    headers: tuple[str, ...] = ()
    """Lines of that answer's head."""
    cut_at: float | None = None
    """Its answer ends after this part of the body, 0 to 1; the head is left whole."""
    is_silent: bool = False
    """Where it is cut nothing more comes, instead of the connection's end."""
    is_reset: bool = False
    """The connection does not end but breaks."""
    delay_seconds: float = 0.0
    hidden_headers: tuple[str, ...] = ()
    """Of the request, by lower-case name: the server does not get to see them."""


FAULTLESS = Fault()


@dataclass(frozen=True)
class Chances:
    """How often each fault comes, 0 to 1 of the requests, and the longest delay."""

    drop: float = 0.0
    slow_down: float = 0.0
    error: float = 0.0
    cut: float = 0.0
    delay_seconds: float = 0.0

    def draw(self, dice: random.Random) -> Fault:
        """The next fault."""
        delay = dice.uniform(0, self.delay_seconds)
        kinds = ["drop", "slow_down", "error", "cut", "none"]
        weights = [self.drop, self.slow_down, self.error, self.cut]
        place, is_reset = dice.random(), dice.random() < 0.5
        match dice.choices(kinds, [*weights, 1 - sum(weights)])[0]:
            case "drop":
                return Fault(True, is_reset=is_reset, delay_seconds=delay)
            case "slow_down":
                return Fault(status=503, delay_seconds=delay)
            case "error":
                return Fault(status=500, code="InternalError", delay_seconds=delay)
            case "cut":
                return Fault(cut_at=place, is_reset=is_reset, delay_seconds=delay)
        return Fault(delay_seconds=delay)


@dataclass(frozen=True)
class Request:
    """What a client asked for."""

    method: str
    target: str
    """Path and query, as they were written."""
    headers: dict[str, str]
    """By lower-case name."""


@dataclass
class FaultyProxy:
    """What a test knows of its proxy, and tells it."""

    upstream_port: int
    chances: Chances = Chances()
    seed: int = 1
    port: int = 0
    planned: deque[Fault] = field(default_factory=deque)
    """What becomes of the next requests; those after them are left to chance."""
    requests: list[Request] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    """What became of each."""

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)
        self._lock = Lock()
        self.closing = Event()

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"http://127.0.0.1:{self.port}"

    def forget(self) -> None:
        """As if nothing had been told or asked yet."""
        self.chances = Chances()
        for told in (self.planned, self.requests, self.faults):
            told.clear()

    def take(self, request: Request) -> Fault:
        """Note the request and decide what becomes of it."""
        with self._lock:
            fault = (
                self.planned.popleft()
                if self.planned
                else self.chances.draw(self._dice)
            )
            self.requests.append(request)
            self.faults.append(fault)
        return fault


@contextmanager
def faulty_proxy(
    upstream_port: int, *, chances: Chances = Chances(), seed: int = 1
) -> Iterator[FaultyProxy]:
    """A proxy before the server at that port of loopback, up until the block's end."""
    proxy = FaultyProxy(upstream_port, chances, seed)
    with _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": proxy})) as s:
        proxy.port = s.server_address[1]
        thread = Thread(target=s.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield proxy
        finally:
            proxy.closing.set()
            s.shutdown()
            thread.join()


class _Server(ThreadingTCPServer):
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A client or server that hangs up is no news."""


class _Handler(StreamRequestHandler):
    proxy: FaultyProxy
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True

    def handle(self) -> None:
        """One request and its answer; then the connection ends."""
        head = _read_head(self.rfile)
        if not head:
            return
        request = _parse(head)
        length = int(request.headers.get("content-length", 0))
        body = self.rfile.read(length)
        fault = self.proxy.take(request)
        time.sleep(fault.delay_seconds)
        if fault.status:
            self._refuse(fault)
        elif not fault.is_dropped:
            self._pass_on(head, body, fault, has_body=request.method != "HEAD")
        if fault.is_reset:
            self._reset()

    def _refuse(self, fault: Fault) -> None:
        body = S3_ERROR.format(code=fault.code)
        head = [
            f"HTTP/1.1 {fault.status} Refused",
            f"Content-Length: {len(body)}",
            "Content-Type: application/xml",
            "Connection: close",
            *fault.headers,
        ]
        self.wfile.write("\r\n".join([*head, "", body]).encode())

    def _pass_on(
        self, head: list[bytes], body: bytes, fault: Fault, *, has_body: bool
    ) -> None:
        address = ("127.0.0.1", self.proxy.upstream_port)
        with (
            socket.create_connection(address, timeout=IDLE_SECONDS) as upstream,
            upstream.makefile("rb") as answer,
        ):
            upstream.sendall(_once(head, without=fault.hidden_headers) + body)
            answer_head = _read_head(answer)
            self.wfile.write(_once(answer_head))
            if has_body:
                self._pass_body(answer, _parse(answer_head).headers, fault)

    def _pass_body(
        self, answer: BufferedIOBase, headers: dict[str, str], fault: Fault
    ) -> None:
        limit = int(headers.get("content-length", 2**62))
        if fault.cut_at is not None:
            limit = min(int(limit * fault.cut_at), limit - 1)
        while limit > 0 and (block := answer.read1(min(limit, BLOCK_BYTES))):
            self.wfile.write(block)
            limit -= len(block)
        if fault.cut_at is not None and fault.is_silent:
            self.proxy.closing.wait(IDLE_SECONDS)

    def _reset(self) -> None:
        """What was sent gets a moment to arrive, since a reset overtakes it."""
        time.sleep(0.005)
        no_linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
        self.connection.close()


def _read_head(stream: BufferedIOBase) -> list[bytes]:
    """The lines before the empty one; none if the connection ended instead."""
    lines: list[bytes] = []
    while line := stream.readline():
        if line == b"\r\n":
            return lines
        lines.append(line)
    return []


def _parse(head: list[bytes]) -> Request:
    first, *lines = [line.decode("latin-1").strip() for line in head]
    method, target = first.split(" ")[:2]
    pairs = [line.partition(":") for line in lines]
    return Request(method, target, {n.lower(): value.strip() for n, _, value in pairs})


def _once(head: list[bytes], *, without: tuple[str, ...] = ()) -> bytes:
    """The head of a message that is its connection's last."""
    left_out = tuple(f"{name}:".encode() for name in ("connection", *without))
    kept = [line for line in head if not line.lower().startswith(left_out)]
    return b"".join(kept) + b"Connection: close\r\n\r\n"
