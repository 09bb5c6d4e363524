"""Reads a file from a web server."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from email.utils import parsedate_to_datetime

import httpx

from event_warehouse.errors import FileError
from event_warehouse.sources.errors import (
    REPLACED,
    FileChanged,
    FileGone,
    Interrupted,
    SourceUnavailable,
)
from event_warehouse.sources.resuming import Backoff, Body, ResumingStream

BACKOFF = Backoff()
MISSING = (404, 410)
PASSING = (408, 425, 429, 500, 502, 503, 504)
"""Status codes worth a retry."""
SECRET = re.compile(r"sig|token|secret|passw|key|credential|auth", re.IGNORECASE)
CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


@dataclass(frozen=True)
class Identity:
    """The response headers that tell one version of a file from another."""

    etag: str | None = None
    last_modified: str | None = None
    byte_count: int | None = None

    @classmethod
    def of(cls, answer: httpx.Response) -> "Identity":
        """The identity in a response, whether it has all bytes, some or none."""
        total = answer.headers.get("Content-Length", "")
        if answer.status_code == 206:
            total = _content_range(answer)[1]
        return cls(
            answer.headers.get("ETag"),
            answer.headers.get("Last-Modified"),
            int(total) if total.isdecimal() else None,
        )

    @property
    def validator(self) -> str | None:
        """The value for If-Range: a server resumes only if the content is identical."""
        return self.etag if self.has_strong_etag else self.last_modified

    @property
    def has_strong_etag(self) -> bool:
        """True if the ETag changes with every byte."""
        return self.etag is not None and not self.etag.startswith("W/")

    @property
    def version(self) -> str | None:
        """Changes whenever the content does; None if the server reports no version."""
        if self.validator == self.etag:
            return self.etag
        if self.last_modified is None or self.byte_count is None:
            return None
        return f"{self.last_modified}-{self.byte_count}"

    def differs(self, other: "Identity") -> bool:
        """True if a header that both have differs."""
        if self.has_strong_etag and other.has_strong_etag:
            # The servers behind one address may report different times.
            return self.etag != other.etag
        pairs = [(getattr(self, f.name), getattr(other, f.name)) for f in fields(self)]
        return any(a is not None and b is not None and a != b for a, b in pairs)


@dataclass(frozen=True)
class WebFile:
    """A file in the version that was found."""

    url: str
    identity: Identity
    client: httpx.Client = field(repr=False, compare=False)
    backoff: Backoff = field(default=BACKOFF, repr=False, compare=False)

    @property
    def uri(self) -> str:
        """The name in `raw.loads`: the URL without secrets."""
        return without_secrets(self.url)

    @property
    def byte_count(self) -> int | None:
        """The stored size of the file; None if the server doesn't report it."""
        return self.identity.byte_count

    @property
    def modified(self) -> float:
        """The time of the last change, in seconds since 1970; 0 if unknown."""
        try:
            return parsedate_to_datetime(self.identity.last_modified or "").timestamp()
        except ValueError:
            return 0.0

    @property
    def version(self) -> str | None:
        """Changes whenever the content does; None if the server reports no version."""
        return self.identity.version

    def open(self) -> ResumingStream:
        """The stored bytes of this version.

        Reading them raises FileGone, FileChanged if the file is replaced, FileError if
        it can't be read to its end, SourceUnavailable if the server can't be reached.
        """
        reading = _Reading(self)
        return ResumingStream(reading.open_at, name=self.uri, backoff=self.backoff)


class _Reading:
    """One reading of a file, which may take several requests."""

    def __init__(self, file: WebFile) -> None:
        self._file = file
        self._identity = file.identity

    def open_at(self, offset: int) -> Body:
        """The bytes from the offset on, of the same version as those before."""
        answer = sent(self._file.client, "GET", self._file.url, self._asked(offset))
        try:
            self._check(answer, offset)
            found = Identity.of(answer)
            if not offset:
                self._identity = found
            return Body(_chunks(answer), answer.close, self._byte_count(answer, found))
        except (FileError, Interrupted):
            answer.close()
            raise

    def _asked(self, offset: int) -> dict[str, str]:
        if not offset:
            return {}
        validator = self._identity.validator
        if validator is None:
            raise FileError(
                f"was cut off at byte {offset:,}, and its server gives no ETag and no "
                "Last-Modified by which to go on"
            )
        return {"Range": f"bytes={offset}-", "If-Range": validator}

    def _check(self, answer: httpx.Response, offset: int) -> None:
        status = answer.status_code
        check_passing(answer)
        if status in MISSING:
            raise FileGone
        if status == 416:
            raise FileChanged(REPLACED)
        if status not in (200, 206):
            raise FileError(f"can't be read: its server answered {status}")
        if self._identity.differs(Identity.of(answer)):
            raise FileChanged(REPLACED)
        begins = _content_range(answer)[0] if status == 206 else "0"
        if begins != str(offset):
            raise FileError(
                f"was cut off at byte {offset:,}, and its server can't go on from there"
            )

    def _byte_count(self, answer: httpx.Response, found: Identity) -> int | None:
        known = found.byte_count
        if known is None:
            known = self._identity.byte_count
        if known is None and answer.headers.get("Transfer-Encoding") is None:
            raise FileError("can't be read: its server does not say where it ends")
        return known


def sent(
    client: httpx.Client, method: str, url: str, headers: dict[str, str] | None = None
) -> httpx.Response:
    """The response with its body unread; the caller closes it.

    Raises Interrupted if there was none, FileError if a retry can't help.
    """
    try:
        request = client.build_request(method, url, headers=headers)
        return client.send(request, stream=True)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        raise Interrupted(
            f"{httpx.URL(url).host} can't be reached; check the network",
            failure=SourceUnavailable,
        ) from error
    except httpx.TransportError as error:
        raise Interrupted(_broken(error)) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise FileError(f"can't be read: {type(error).__name__}") from error


def check_passing(answer: httpx.Response) -> None:
    """Raises Interrupted if the status is worth a retry."""
    if answer.status_code in PASSING:
        after = answer.headers.get("Retry-After", "")
        raise Interrupted(
            f"its server answered {answer.status_code}",
            wait_seconds=float(after) if after.isdecimal() else 0.0,
        )


def without_secrets(url: str) -> str:
    """The URL with the secrets in its query replaced."""
    parsed = httpx.URL(url)
    hidden = {name: "hidden" for name in parsed.params if SECRET.search(name)}
    return str(parsed.copy_merge_params(hidden)) if hidden else url


def _chunks(answer: httpx.Response) -> Iterator[bytes]:
    try:
        yield from answer.iter_raw()
    except httpx.TransportError as error:
        raise Interrupted(_broken(error)) from error


def _content_range(answer: httpx.Response) -> tuple[str, str]:
    """The offset of the first byte and the total size, as text; empty if missing."""
    found = CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    return (found[1], found[2]) if found else ("", "")


def _broken(error: Exception) -> str:
    return f"its connection broke ({type(error).__name__})"
