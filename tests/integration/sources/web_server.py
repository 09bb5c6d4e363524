"""A web server on loopback that does as much as a test says."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

LAST_MODIFIED = "Thu, 01 Jan 2015 13:05:00 GMT"


@dataclass(frozen=True)
class Page:
    """A file that is served."""

    content: bytes
    etag: str | None = '"1"'
    last_modified: str | None = LAST_MODIFIED
    takes_head: bool = True
    takes_ranges: bool = True
    length_is: str = "told"
    """Or "chunked", or "untold": then the connection's end is the body's."""
    status: int = 200
    location: str | None = None
    """Where it is said to be instead."""
    headers: dict[str, str] = field(default_factory=dict)
    head_headers: dict[str, str] = field(default_factory=dict)
    """What an answer to HEAD says otherwise."""


@dataclass
class WebServer:
    """A server that is up."""

    port: int
    pages: dict[str, Page] = field(default_factory=dict)
    """By path and query."""
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """Method, path with query, and headers of each request."""

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def web_server() -> Iterator[WebServer]:
    """A server without files, up until the block's end."""
    web = WebServer(0)
    with _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"web": web})) as s:
        web.port = s.server_port
        thread = Thread(target=s.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield web
        finally:
            s.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    web: WebServer

    def do_HEAD(self) -> None:
        """The head of a page."""
        self._answer(has_body=False)

    def do_GET(self) -> None:
        """A page, or the part of it that is asked for."""
        self._answer(has_body=True)

    def _answer(self, *, has_body: bool) -> None:
        self.web.requests.append((self.command, self.path, dict(self.headers)))
        page = self.web.pages.get(self.path, Page(b"", status=404))
        if not has_body and not page.takes_head:
            page = Page(b"", status=405)
        content = page.content
        begin = self._begin(page)
        self.send_response(page.status if begin is None else 206)
        if begin is not None:
            total = len(content)
            self.send_header("Content-Range", f"bytes {begin}-{total - 1}/{total}")
            content = content[begin:]
        self._send_headers(page, len(content), {} if has_body else page.head_headers)
        if has_body:
            self._send_body(page, content)

    def _begin(self, page: Page) -> int | None:
        """Where the answer begins; None if it is the whole page."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if not asked or not page.takes_ranges:
            return None
        condition = self.headers.get("If-Range")
        is_same = condition in (None, page.etag, page.last_modified)
        return int(asked[1]) if is_same else None

    def _send_headers(self, page: Page, length: int, others: dict[str, str]) -> None:
        headers = {
            "ETag": page.etag,
            "Last-Modified": page.last_modified,
            "Location": page.location,
            "Content-Length": str(length) if page.length_is == "told" else None,
            "Transfer-Encoding": "chunked" if page.length_is == "chunked" else None,
            **page.headers,
            **others,
        }
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()

    def _send_body(self, page: Page, content: bytes) -> None:
        if page.length_is != "chunked":
            self.wfile.write(content)
            return
        for start in range(0, len(content), 1000):
            chunk = content[start : start + 1000]
            self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def send_response(self, code: int, message: str | None = None) -> None:
        """As HTTP/1.1, one answer a connection."""
        self.protocol_version = "HTTP/1.1"
        super().send_response(code, message)
        self.close_connection = True
        self.send_header("Connection", "close")

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""
