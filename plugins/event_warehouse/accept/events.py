"""Reads a request's events, checks them and writes them as lines of a file."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

import msgspec

from event_warehouse.accept.errors import Fault, InvalidRequest
from event_warehouse.accept.schema import (
    INDEXED,
    MAX_INDEXED_BYTES,
    NUL,
    faults_of_event,
    faults_of_list,
)
from event_warehouse.accept.times import TimeFault, read_time
from event_warehouse.load.json_values import decode_members, text_of

MAX_LISTED_FAULTS = 100
MAX_DEPTH = 32
"""Levels in data, which is the first one itself."""
MAX_KEY_BYTES = 200
OVERLONG = f"is longer than {MAX_INDEXED_BYTES} bytes"

KEYED = UUID("6f0c1a3e-5d0b-5b1e-9a56-2f4f1c6d7e80")
"""The UUID namespace of ids derived from an Idempotency-Key."""

# A NUL's escape, and not an escaped backslash before the letters u0000.
NUL_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
EMPTY_PAIR = re.compile(rb"\{\}|\[\]")
NO_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))


@dataclass(frozen=True)
class Event:
    """An event that can be accepted."""

    event_id: str | None
    ts: str
    """ISO 8601; UTC if it has no offset."""
    samplerate: int | None
    data: bytes
    """The JSON object as the client wrote it, on one line."""


class _Request(msgspec.Struct, forbid_unknown_fields=True):
    events: list[msgspec.Raw]


class _Sent(msgspec.Struct):
    ts: str | float
    data: msgspec.Raw
    event_id: str | None = None
    samplerate: str | float | None = None


class _Line(msgspec.Struct, omit_defaults=True, kw_only=True):
    event_id: str
    tenant_id: str
    ts: str
    samplerate: int | None = None
    data: msgspec.Raw


_decode_request = msgspec.json.Decoder(_Request).decode
_decode_any = msgspec.json.Decoder().decode
_decode_sent = msgspec.json.Decoder(_Sent).decode
_encode_lines = msgspec.json.Encoder().encode_lines


def read_events(body: bytes, *, now: datetime) -> list[Event]:
    """The events of a request; raises InvalidRequest if it or any event is invalid.

    Event times are checked against `now`.
    """
    sent = _split(body)
    events: list[Event] = []
    listed: list[Fault] = []
    for index, raw in enumerate(sent):
        outcome = _read_event(bytes(raw), index, now)
        if isinstance(outcome, Event):
            events.append(outcome)
        else:
            listed += outcome[: MAX_LISTED_FAULTS - len(listed)]
    if listed:
        raise _refusal(len(sent) - len(events), len(sent), listed)
    return events


def _refusal(invalid: int, total: int, listed: list[Fault]) -> InvalidRequest:
    message = (
        f"{invalid:,} of {total:,} events are not valid, so none was accepted; "
        "correct them and send all again."
    )
    if len(listed) == MAX_LISTED_FAULTS:
        message += f" The first {MAX_LISTED_FAULTS} faults are listed."
    return InvalidRequest(message, listed, invalid)


def _split(body: bytes) -> list[msgspec.Raw]:
    """The events as they were sent."""
    try:
        sent = _decode_request(body).events
    except RecursionError as error:
        raise InvalidRequest("The body is JSON nested too deep.") from error
    except UnicodeDecodeError as error:
        raise InvalidRequest("The body is not UTF-8.") from error
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"The body is not a list of events: {error}.") from error
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"The body is not JSON: {error}.") from error
    if faults := faults_of_list(len(sent)):
        raise InvalidRequest("The body has too few or too many events.", faults)
    return sent


def _read_event(sent: bytes, index: int, now: datetime) -> Event | list[Fault]:
    # First of all, because the steps below recurse into each level.
    if _is_deeper(sent, MAX_DEPTH + 1):
        return [Fault(f"is nested deeper than {MAX_DEPTH} levels", "data", index)]
    try:
        parsed = _decode_any(sent)
    except UnicodeDecodeError:
        return [Fault("is not UTF-8", None, index)]
    except msgspec.MsgspecError as error:
        return [Fault(f"can't be read: {error}", None, index)]
    if faults := faults_of_event(parsed, index, byte_count=len(sent)):
        return faults
    event = _decode_sent(sent)
    # Line ends occur only between values: inside strings they are escaped.
    data = bytes(event.data).translate(None, b"\r\n")
    faults = [
        Fault(reason, "data", index) for reason in _faults_of_data(data, parsed["data"])
    ]
    faults += [
        Fault(OVERLONG, f"data.{name}", index) for name in _overlong_members(data)
    ]
    try:
        ts = read_time(event.ts, now=now)
    except TimeFault as fault:
        return [Fault(str(fault), "ts", index), *faults]
    if faults:
        return faults
    samplerate = int(event.samplerate) if event.samplerate else None
    return Event(event.event_id, ts, samplerate, data)


def _faults_of_data(data: bytes, parsed: object) -> Iterator[str]:
    # Search the text, too: for a duplicate key only the last value was parsed.
    if b"\\u0000" in data and NUL_ESCAPE.search(data):
        yield NUL
    if not (data.isascii() and b"\\u" not in data) and _has_overlong_key(parsed):
        yield f"has a key that is longer than {MAX_KEY_BYTES} bytes"


def _overlong_members(data: bytes) -> Iterator[str]:
    """The members whose loaded text would be too long for the cast."""
    # No text is longer than its JSON.
    if len(data) <= MAX_INDEXED_BYTES:
        return
    members = decode_members(data)
    for name in INDEXED:
        text = text_of(members[name]) if name in members else None
        if text and len(text.encode()) > MAX_INDEXED_BYTES:
            yield name


def _is_deeper(json: bytes, limit: int) -> bool:
    """True if the JSON has more levels than `limit`; its brackets must match."""
    if json.count(b"{") + json.count(b"[") <= limit:
        return False
    brackets = STRING.sub(b"", json).translate(None, NO_BRACKETS)
    for _ in range(limit):
        brackets = EMPTY_PAIR.sub(b"", brackets)
    return len(brackets) > 0


def _has_overlong_key(value: object) -> bool:
    if isinstance(value, dict):
        return any(
            len(key.encode()) > MAX_KEY_BYTES or _has_overlong_key(inner)
            for key, inner in value.items()
        )
    return isinstance(value, list) and any(map(_has_overlong_key, value))


def event_ids(
    events: Sequence[Event], *, tenant: str, key: str | None, body_hash: bytes
) -> list[str]:
    """The id of each event: the client's own if it sent one.

    Otherwise, with a key, an id derived from the tenant, the key, the body and the
    event's position, so that a retry gets the same ids; without a key a random one.
    """
    if key is None:
        # All at once, because a system call costs more than the rest of making an id.
        random = os.urandom(16 * len(events))
        return [
            event.event_id or str(UUID(bytes=random[start : start + 16], version=4))
            for event, start in zip(events, range(0, len(random), 16), strict=True)
        ]
    # Includes the body's hash, because only the process that accepted a key refuses
    # another body for it. In another process, the second body's events would otherwise
    # count as duplicates of the first one's.
    named = msgspec.json.encode([tenant, key, body_hash.hex()])
    request = uuid5(KEYED, named.decode())
    return [
        event.event_id or str(uuid5(request, str(index)))
        for index, event in enumerate(events)
    ]


def write_lines(events: Sequence[Event], ids: Sequence[str], *, tenant: str) -> bytes:
    """The events as JSON lines, each ending in a newline."""
    return _encode_lines(
        [
            _Line(
                event_id=event_id,
                tenant_id=tenant,
                ts=event.ts,
                samplerate=event.samplerate,
                data=msgspec.Raw(event.data),
            )
            for event, event_id in zip(events, ids, strict=True)
        ]
    )
