"""An S3 server and a web server on loopback, and what spoils their answers."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from typing import Any

import pytest

from event_warehouse.sources.s3 import s3_client
from event_warehouse.sources.web import web_client
from tests.faulty_proxy import Chances, FaultyProxy, faulty_proxy
from tests.integration.sources.web_server import WebServer, web_server
from tests.s3_server import S3Server, s3_server

MakeProxy = Callable[..., FaultyProxy]
MakeClient = Callable[..., Any]

BUCKETS = (f"events-{number}" for number in count(1))


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """An S3 server."""
    with s3_server() as server:
        yield server


@pytest.fixture
def web() -> Iterator[WebServer]:
    """A web server without files."""
    with web_server() as server:
        yield server


@pytest.fixture(scope="session", autouse=True)
def _session_of_nobody() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for key in list(os.environ):
            if key.startswith("AWS_") or key.lower().endswith("_proxy"):
                patch.delenv(key)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        patch.setenv("AWS_CONFIG_FILE", "/nonexistent")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        yield


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Closes at the test's end what is entered into it."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def make_client(opened: ExitStack) -> MakeClient:
    """S3 clients of an endpoint."""

    def make(endpoint_url: str | None = None, **options: Any) -> Any:
        client = s3_client(endpoint_url=endpoint_url, **options)
        opened.callback(client.close)
        return client

    return make


@pytest.fixture
def bucket(s3: S3Server) -> str:
    """An empty bucket of the test's own."""
    name = next(BUCKETS)
    s3.fill(name, [])
    return name


# A client takes a tenth of a second to be made, so two serve all tests.
@pytest.fixture(scope="session")
def s3_direct(s3: S3Server, _session_of_nobody: None) -> Iterator[Any]:
    """A client of the S3 server itself."""
    client = s3_client(endpoint_url=s3.url)
    yield client
    client.close()


@pytest.fixture(scope="session")
def _proxy_of_all(s3: S3Server) -> Iterator[FaultyProxy]:
    with faulty_proxy(s3.port) as proxy:
        yield proxy


@pytest.fixture
def s3_proxy(_proxy_of_all: FaultyProxy) -> FaultyProxy:
    """A proxy before the S3 server that spoils only what it is told to."""
    _proxy_of_all.forget()
    return _proxy_of_all


@pytest.fixture(scope="session")
def s3_through(_proxy_of_all: FaultyProxy, _session_of_nobody: None) -> Iterator[Any]:
    """A client of the S3 server through the proxy."""
    client = s3_client(endpoint_url=_proxy_of_all.url)
    yield client
    client.close()


@pytest.fixture
def web_proxy(web: WebServer, opened: ExitStack) -> FaultyProxy:
    """A proxy before the web server that spoils only what it is told to."""
    return opened.enter_context(faulty_proxy(web.port))


@pytest.fixture
def make_proxy(opened: ExitStack) -> MakeProxy:
    """Proxies before a port, spoiling by chance."""

    def make(port: int, chances: Chances, seed: int) -> FaultyProxy:
        return opened.enter_context(faulty_proxy(port, chances=chances, seed=seed))

    return make


@pytest.fixture
def http(opened: ExitStack) -> Any:
    """The client of web servers."""
    return opened.enter_context(web_client())
