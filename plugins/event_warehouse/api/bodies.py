"""Reads a request's body in bounded memory, whatever is sent."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import Message
from http import HTTPStatus

from fastapi import Request

from event_warehouse.accept.errors import Unavailable
from event_warehouse.accept.limits import Limits
from event_warehouse.api.problems import CLOSE, Problem

JSON = "application/json"
GZIP_FORMAT = 31
"""The zlib window size that means gzip's header and checksum."""


class BytesInFlight:
    """Counts the bytes of all bodies that the process holds, up to a limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0

    def hold(self, byte_count: int) -> None:
        """Count these, too; raises Unavailable if that exceeds the limit."""
        if self._held + byte_count > self._limit:
            raise Unavailable(
                "Too many large requests are under way; send the same again later."
            )
        self._held += byte_count

    def release(self, byte_count: int) -> None:
        """No longer count these."""
        self._held -= byte_count


class _Gzip:
    """Unpacks one gzip member, never more of it than asked for."""

    def __init__(self) -> None:
        self._unpack = zlib.decompressobj(GZIP_FORMAT)

    def feed(self, packed: bytes, limit: int) -> bytes:
        try:
            unpacked = self._unpack.decompress(packed, limit)
        except zlib.error as error:
            raise _damaged(f"{error}") from error
        if self._unpack.unused_data:
            raise _damaged("something follows its end")
        return unpacked

    def end(self) -> None:
        if not self._unpack.eof:
            raise _damaged("it is cut off")


class _Plain:
    """Passes on a body that is not packed."""

    def feed(self, packed: bytes, limit: int) -> bytes:
        return packed[:limit]

    def end(self) -> None:
        pass


def _damaged(how: str) -> Problem:
    detail = f"The body's gzip compression is damaged: {how}."
    return Problem(HTTPStatus.BAD_REQUEST, detail, headers=CLOSE)


@asynccontextmanager
async def read_json(
    request: Request, limits: Limits, in_flight: BytesInFlight
) -> AsyncIterator[bytes]:
    """The unpacked body, whose bytes count as in flight until the block ends.

    Raises Problem if it is not declared as JSON, is too long, too slow or damaged, and
    Unavailable if too much is in flight.
    """
    _refuse_other_types(request)
    encoding = _unpacker(request)
    _refuse_declared_length(request, limits)
    body = bytearray()
    try:
        await _fill(body, request, encoding, limits, in_flight)
        yield bytes(body)
    finally:
        in_flight.release(len(body))


async def _fill(
    body: bytearray,
    request: Request,
    encoding: _Gzip | _Plain,
    limits: Limits,
    in_flight: BytesInFlight,
) -> None:
    try:
        async with asyncio.timeout(limits.max_body_seconds):
            async for packed in request.stream():
                room = limits.max_body_bytes - len(body)
                unpacked = encoding.feed(packed, room + 1)
                if len(unpacked) > room:
                    raise _too_long(limits)
                in_flight.hold(len(unpacked))
                body += unpacked
    except TimeoutError as error:
        detail = f"The body took more than {limits.max_body_seconds:g} seconds."
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, detail, headers=CLOSE) from error
    encoding.end()


def _refuse_other_types(request: Request) -> None:
    declared = request.headers.get("content-type", "")
    if declared == JSON:
        return
    header = Message()
    header["content-type"] = declared
    charset = header.get_param("charset", "utf-8")
    is_utf8 = isinstance(charset, str) and charset.lower() in {"utf-8", "utf8"}
    if header.get_content_type() != JSON or not is_utf8:
        detail = f"The body must be JSON in UTF-8; send Content-Type: {JSON}."
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            detail,
            headers={**CLOSE, "accept": JSON},
        )


def _unpacker(request: Request) -> _Gzip | _Plain:
    match request.headers.get("content-encoding", "identity").lower():
        case "gzip":
            return _Gzip()
        case "identity":
            return _Plain()
    raise Problem(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "The body may be packed with gzip, or not at all.",
        headers={**CLOSE, "accept-encoding": "gzip"},
    )


def _refuse_declared_length(request: Request, limits: Limits) -> None:
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limits.max_body_bytes:
        raise _too_long(limits)


def _too_long(limits: Limits) -> Problem:
    detail = (
        f"The body is longer than {limits.max_body_bytes:,} bytes; "
        "send the events in several requests."
    )
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, headers=CLOSE)
