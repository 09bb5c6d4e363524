"""Finds files on a web server by their URLs, which may contain a date."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import httpx

from event_warehouse.errors import FileError
from event_warehouse.sources.date_template import parse_template
from event_warehouse.sources.errors import SourceUnavailable
from event_warehouse.sources.resuming import Backoff, retry
from event_warehouse.sources.web_file import (
    BACKOFF,
    MISSING,
    Identity,
    WebFile,
    check_passing,
    sent,
    without_secrets,
)

ASKED_AT_ONCE = 8


@dataclass(frozen=True)
class WebListing:
    """Which of the files that a template names exist."""

    found: tuple[WebFile, ...]
    missing: tuple[str, ...]
    """The URIs of files that are not published."""


def find_on_web(
    template: str,
    start: datetime,
    end: datetime,
    *,
    client: httpx.Client,
    backoff: Backoff = BACKOFF,
) -> WebListing:
    """The files of each hour in [start, end), or day if the template has no hour.

    Reads no content. Raises ValueError if the template or the window is invalid,
    FileError if the names are not URLs, and SourceUnavailable if the server can't be
    reached.
    """
    urls = parse_template(template).expand_window(start, end)
    _check_url(urls[0])
    with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
        asked = list(pool.map(partial(_find, client=client, backoff=backoff), urls))
    return WebListing(
        found=tuple(file for file in asked if file),
        missing=tuple(_missing(urls, asked)),
    )


def _missing(urls: Sequence[str], asked: Sequence[WebFile | None]) -> list[str]:
    pairs = zip(urls, asked, strict=True)
    return [without_secrets(url) for url, file in pairs if file is None]


def find_url(url: str, *, client: httpx.Client, backoff: Backoff = BACKOFF) -> WebFile:
    """The file at a URL.

    Raises FileError if the URL is invalid or there is no file, SourceUnavailable if the
    server can't be reached.
    """
    _check_url(url)
    file = _find(url, client=client, backoff=backoff)
    if file is None:
        raise FileError(f"{without_secrets(url)}: there is no such file")
    return file


def web_client() -> httpx.Client:
    """A client with timeouts for remote files; the caller closes it."""
    # At level INFO httpx logs whole URLs, which may contain secrets.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    return httpx.Client(
        follow_redirects=True,
        timeout=httpx.Timeout(60.0, connect=10.0),
        # Otherwise a server may compress the file: other bytes, another length.
        headers={"Accept-Encoding": "identity", "User-Agent": "event-warehouse"},
    )


def _check_url(url: str) -> None:
    """Raises FileError, which doesn't repeat the URL, as it may contain a password."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        # The rest quotes the part that is invalid.
        kind, _, _ = str(error).partition(":")
        raise FileError(
            f"the URL can't be read ({kind}); it has to be like https://host/path"
        ) from None
    if parsed.userinfo:
        raise FileError(
            "the URL holds a user name or password, which would be kept wherever the "
            "file is named; leave them out"
        )
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise FileError(
            "the URL has no host or is of another kind; it has to be like "
            "https://host/path"
        )


def _find(url: str, *, client: httpx.Client, backoff: Backoff) -> WebFile | None:
    """The file, or None if it is not published.

    If the server doesn't describe it, the file has no identity, and reading it will
    show why.
    """
    try:
        answer = retry(partial(_ask, client, url), backoff, name=without_secrets(url))
    except SourceUnavailable:
        raise
    except FileError:
        return WebFile(url, Identity(), client)
    if answer.status_code in MISSING:
        return None
    identity = Identity.of(answer) if answer.is_success else Identity()
    return WebFile(url, identity, client)


def _ask(client: httpx.Client, url: str) -> httpx.Response:
    """The response's head; the body, if there is one, is not read."""
    answer = _head(client, "HEAD", url)
    # Some servers, and URLs presigned for GET, don't support HEAD or give no length.
    is_told = answer.is_success and answer.headers.get("Content-Length") != "0"
    if not is_told and answer.status_code not in MISSING:
        answer = _head(client, "GET", url)
    check_passing(answer)
    return answer


def _head(client: httpx.Client, method: str, url: str) -> httpx.Response:
    answer = sent(client, method, url)
    answer.close()
    return answer
