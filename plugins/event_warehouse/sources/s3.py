"""Finds and reads the objects of an S3 bucket."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any
from urllib.parse import urlsplit

from botocore import exceptions  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.session import Session  # type: ignore[import-untyped]
from botocore.utils import parse_timestamp  # type: ignore[import-untyped]

from event_warehouse.errors import FileError
from event_warehouse.sources.date_template import parse_template
from event_warehouse.sources.errors import (
    REPLACED,
    FileChanged,
    Interrupted,
    SourceUnavailable,
)
from event_warehouse.sources.key_pattern import KeyPattern, parse_pattern
from event_warehouse.sources.resuming import Backoff, Body, ResumingStream, retry
from event_warehouse.sources.s3_errors import (
    BROKEN_BODY,
    CUT_OFF,
    S3_ERRORS,
    listing_error,
    reading_error,
)

SCHEME = "s3://"
CHUNK_BYTES = 64 * 1024
BACKOFF = Backoff()
BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")

S3Client = Any
"""botocore generates its clients' methods at run time, so no type describes them."""


@dataclass(frozen=True)
class S3Location:
    """A bucket, or a folder or an object in it."""

    bucket: str
    prefix: str
    """The folder's or object's key; empty for the whole bucket."""

    @property
    def uri(self) -> str:
        """The location as a URI."""
        return f"{SCHEME}{self.bucket}/{self.prefix}"

    @property
    def folder(self) -> str:
        """The prefix of the keys of all objects below."""
        is_whole = not self.prefix or self.prefix.endswith("/")
        return self.prefix if is_whole else f"{self.prefix}/"


def parse_location(uri: str) -> S3Location:
    """The location; raises FileError if it is not like s3://bucket/prefix."""
    bucket, _, prefix = uri.removeprefix(SCHEME).partition("/")
    if not uri.startswith(SCHEME) or not BUCKET.fullmatch(bucket):
        raise FileError(f"{uri!r} is not like s3://bucket/prefix")
    return S3Location(bucket, prefix)


@dataclass(frozen=True, slots=True)
class S3Object:
    """An object in the version that was found."""

    bucket: str
    key: str
    etag: str
    byte_count: int
    modified: float
    client: S3Client = field(repr=False, compare=False)
    backoff: Backoff = field(default=BACKOFF, repr=False, compare=False)

    @property
    def uri(self) -> str:
        """The name in `raw.loads`: the unescaped key, except for control characters."""
        key = CONTROL.sub(lambda found: f"%{ord(found[0]):02X}", self.key)
        return f"{SCHEME}{self.bucket}/{key}"

    @property
    def version(self) -> str:
        """Changes whenever the content does."""
        return f"{self.etag}-{self.byte_count}"

    def open(self) -> ResumingStream:
        """The stored bytes of this version.

        Reading them raises FileGone, FileChanged if the object is replaced, FileError
        if it can't be read to its end, SourceUnavailable if S3 can't be reached or
        refuses access.
        """
        return ResumingStream(self._open_at, name=self.uri, backoff=self.backoff)

    def _open_at(self, offset: int) -> Body:
        asked = {"Range": f"bytes={offset}-"} if offset else {}
        try:
            answer = self.client.get_object(
                Bucket=self.bucket, Key=self.key, IfMatch=f'"{self.etag}"', **asked
            )
        except S3_ERRORS as error:
            raise reading_error(error, self.client) from error
        try:
            self._check(answer, offset)
        except FileError:
            answer["Body"].close()
            raise
        return Body(_chunks(answer["Body"]), answer["Body"].close, self.byte_count)

    def _check(self, answer: dict[str, Any], offset: int) -> None:
        """Checks what was sent: not every S3-compatible service honors conditions."""
        if answer.get("ETag", self.etag).strip('"') != self.etag:
            raise FileChanged(REPLACED)
        begins = answer.get("ContentRange", "bytes 0-").startswith(f"bytes {offset}-")
        if not begins:
            raise FileError(
                f"was cut off at byte {offset:,}, and S3 can't go on from there"
            )
        expected = self.byte_count - offset
        if answer.get("ContentLength", expected) != expected:
            raise FileChanged(REPLACED)


def _chunks(body: Any) -> Iterator[bytes]:
    try:
        yield from body.iter_chunks(CHUNK_BYTES)
    except exceptions.FlexibleChecksumError as error:
        raise FileError("differs from the checksum that S3 keeps of it") from error
    except BROKEN_BODY as error:
        raise Interrupted(f"its connection broke ({type(error).__name__})") from error


def find_in_bucket(location: S3Location, *, client: S3Client) -> list[S3Object]:
    """The object with that key and all visible ones below it, sorted by key.

    A key with a part that begins with a dot is hidden, as are folder placeholders.
    Raises FileError if there is nothing, SourceUnavailable if it can't be listed.
    """
    named = _named(location, client)
    below = list(_list(location.bucket, location.folder, client))
    if not named and not below:
        raise FileError(f"{location.uri}: there is no such object or folder")
    return named + _visible(below, location)


def _named(location: S3Location, client: S3Client) -> list[S3Object]:
    """The object with exactly that key; empty if there is none."""
    if location.prefix == location.folder:
        return []
    # Its key sorts first among those with this prefix.
    page = _page(location.bucket, location.prefix, client, {"MaxKeys": 1})
    found = _objects(page, location.bucket, client)
    return [one for one in found if one.key == location.prefix]


def find_landed_in_bucket(
    location: S3Location,
    feed_patterns: Sequence[str],
    *,
    client: S3Client,
    start: datetime | None = None,
    end: datetime | None = None,
) -> list[S3Object]:
    """The objects below the location that match a feed's patterns, each once, by key.

    A prefix shared by several patterns is listed once. A pattern may be a date
    template: with a window [start, end), only its names for those hours or days, and an
    hour on either side, are listed. Raises ValueError if a pattern or the window is
    invalid, SourceUnavailable if the bucket can't be listed.
    """
    templates = map(parse_template, feed_patterns)
    if start is not None and end is not None:
        globs = [glob for one in templates for glob in one.window_globs(start, end)]
    elif start is None and end is None:
        globs = [one.as_glob for one in templates]
    else:
        raise ValueError("a window has a start and an end")
    found = [
        candidate
        for prefix, patterns in _by_prefix(map(parse_pattern, globs))
        for candidate in _list(location.bucket, location.folder + prefix, client)
        if _is_meant(candidate.key.removeprefix(location.folder), patterns)
    ]
    return _visible(found, location)


def _by_prefix(
    patterns: Iterator[KeyPattern],
) -> list[tuple[str, list[KeyPattern]]]:
    """The prefixes to list, none of which contains another, each with its patterns."""
    grouped: list[tuple[str, list[KeyPattern]]] = []
    for pattern in sorted(patterns, key=attrgetter("prefix")):
        if not grouped or not pattern.prefix.startswith(grouped[-1][0]):
            grouped.append((pattern.prefix, []))
        grouped[-1][1].append(pattern)
    return grouped


def _is_meant(key: str, patterns: Sequence[KeyPattern]) -> bool:
    return any(pattern.matches(key) for pattern in patterns)


def _visible(found: list[S3Object], location: S3Location) -> list[S3Object]:
    return sorted(
        (one for one in found if not _is_hidden(one, location.folder)),
        key=attrgetter("key"),
    )


def _is_hidden(found: S3Object, folder: str) -> bool:
    """True for dot names, which are unfinished or private, and folder placeholders."""
    if found.key.endswith("/") and not found.byte_count:
        return True
    return "/." in f"/{found.key.removeprefix(folder)}"


def _list(bucket: str, prefix: str, client: S3Client) -> Iterator[S3Object]:
    """All objects whose keys begin with the prefix."""
    options: dict[str, Any] = {}
    while True:
        page = _page(bucket, prefix, client, options)
        yield from _objects(page, bucket, client)
        if not page["IsTruncated"]:
            return
        token = page.get("NextContinuationToken")
        if token in (None, options.get("ContinuationToken")):
            raise FileError(f"{SCHEME}{bucket}/{prefix}: its listing does not go on")
        options = {"ContinuationToken": token}


def _page(
    bucket: str, prefix: str, client: S3Client, options: dict[str, Any]
) -> dict[str, Any]:
    uri = f"{SCHEME}{bucket}/{prefix}"

    def ask() -> dict[str, Any]:
        try:
            page: dict[str, Any] = client.list_objects_v2(
                Bucket=bucket, Prefix=prefix, **options
            )
        except S3_ERRORS as error:
            raise listing_error(error, uri, client) from error
        # botocore parses a response without a body as one without objects.
        if "IsTruncated" not in page:
            raise Interrupted(f"can't be listed: {CUT_OFF}")
        return page

    return retry(ask, BACKOFF, name=uri)


def _objects(page: dict[str, Any], bucket: str, client: S3Client) -> Iterator[S3Object]:
    for entry in page.get("Contents", ()):
        yield S3Object(
            bucket=bucket,
            key=entry["Key"],
            etag=entry["ETag"].strip('"'),
            byte_count=entry["Size"],
            modified=entry["LastModified"].timestamp(),
            client=client,
        )


def s3_client(
    *,
    endpoint_url: str | None = None,
    attempts: int = 5,
    connect_seconds: float = 10,
    read_seconds: float = 60,
) -> S3Client:
    """A client for S3 or for the service at the endpoint; the caller closes it.

    The region, the credentials and, if not given, the endpoint come from AWS's usual
    settings, such as AWS_ENDPOINT_URL. Raises SourceUnavailable if those can't be used.
    """
    config = Config(
        connect_timeout=connect_seconds,
        read_timeout=read_seconds,
        tcp_keepalive=True,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    session = Session()
    parsers = session.get_component("response_parser_factory")
    parsers.set_parser_defaults(timestamp_parser=_read_time)
    try:
        client = session.create_client("s3", endpoint_url=endpoint_url, config=config)
        if not _needs_path_style(client):
            return client
        client.close()
        config = config.merge(Config(s3={"addressing_style": "path"}))
        return session.create_client("s3", endpoint_url=endpoint_url, config=config)
    except (exceptions.BotoCoreError, ValueError) as error:
        raise SourceUnavailable(f"the settings of S3 can't be used: {error}") from error


def _read_time(text: str) -> datetime:
    """Reads times like botocore, whose parser takes two thirds of a listing's time."""
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        moment: datetime = parse_timestamp(text)
        return moment


def _needs_path_style(client: S3Client) -> bool:
    """True for services other than AWS: few have a host name for each bucket."""
    is_told = "addressing_style" in (client.meta.config.s3 or {})
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    return not is_told and ".amazonaws." not in host
