"""What a call of `track` sends: a JSON object on a line, checked during the call.

The limits are those of the warehouse, the delivery stream and the HTTP service: an
event that is accepted here is not refused later, unless its time can't be true.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from event_warehouse.errors import WarehouseError

MOST_TEXT_BYTES: Final = 1_000
"""The warehouse's indexes can't hold longer text."""
MOST_EVENT_BYTES: Final = 1_000 * 1024
"""The longest record that a delivery stream accepts, with the newline."""
MOST_NAME_BYTES: Final = 200
"""For an event's id, and for the names of attributes at every level."""
MOST_LEVELS: Final = 32
"""How deep attributes may be nested; the object of all of them is level 1."""
MOST_SAMPLE_RATE: Final = 999_999_999

NEVER_EMPTY: Final = frozenset({"tenant_id", "event_id", "event_type"})
EVENT_TAG: Final = "event_tag"
RESERVED: Final = frozenset({EVENT_TAG, "ts", "samplerate"})
"""The HTTP service's names for an event's type, time and sample rate."""

# After an odd number of backslashes; an even number makes it ordinary text.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":")
).encode


class EventError(WarehouseError, ValueError):
    """An event has a field that can't be stored."""


def encode_event(
    fields: Mapping[str, object], attributes: Mapping[str, object]
) -> tuple[str, bytes]:
    """The event's id, and the event as a line of JSON that ends with a newline.

    Fields that are None are left out; a missing id or time is added. Raises EventError
    with the name of the field.
    """
    for name in RESERVED & attributes.keys():
        raise EventError(f"{name} has a meaning of its own to a service; rename it")
    event = {name: value for name, value in fields.items() if value is not None}
    event["event_time"] = _format_time(fields.get("event_time"))
    event_id = event.setdefault("event_id", str(uuid4()))
    event.setdefault("event_type", None)  # Without one it is refused like any other.
    for name, value in event.items():
        if problem := _problem_of_field(name, value):
            raise EventError(f"{name} {problem}")
    line = _encode_line({**event, **attributes})
    if _problem_of_names(attributes):
        for name, value in attributes.items():
            if problem := _problem_of_names({name: value}):
                raise EventError(f"{name[:MOST_NAME_BYTES]} {problem}")
    return str(event_id), line


def problem_of_text(value: object, most_bytes: int = MOST_TEXT_BYTES) -> str | None:
    """Why the value can't be a text field; None if it can."""
    if not isinstance(value, str):
        return f"is of type {type(value).__name__}; it must be a str"
    # Only long text has to be encoded to find out whether it is too long.
    if len(value) * 4 > most_bytes:
        size = len(value.encode("utf-8", "surrogatepass"))
        if size > most_bytes:
            return f"has {size} bytes in UTF-8; it may have {most_bytes}"
    return None


def _problem_of_field(name: str, value: object) -> str | None:
    if name == "sample_rate":
        return _problem_of_rate(value)
    if name in NEVER_EMPTY and value == "":
        return "is empty; it must be text"
    if name == "event_id":
        return problem_of_text(value, MOST_NAME_BYTES)
    return problem_of_text(value)


def _problem_of_rate(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return f"is of type {type(value).__name__}; it must be an int"
    if not 1 <= value <= MOST_SAMPLE_RATE:
        return f"is {value}; it must be a whole number, 1 to {MOST_SAMPLE_RATE}"
    return None


def _problem_of_names(value: object, level: int = 1) -> str | None:
    """Why a JSON value is nested too deep or has an invalid name; None if neither."""
    if not isinstance(value, dict | list | tuple):
        return None
    if level > MOST_LEVELS:
        return f"is nested deeper than {MOST_LEVELS} levels"
    if isinstance(value, dict):
        for name in value:
            if name == "" or problem_of_text(str(name), MOST_NAME_BYTES):
                return f"has a name that is empty or over {MOST_NAME_BYTES} bytes long"
        value = list(value.values())
    for inner in value:
        if problem := _problem_of_names(inner, level + 1):
            return problem
    return None


def _format_time(value: object) -> str:
    if value is None:
        value = datetime.now(UTC)
    if not isinstance(value, datetime):
        kind = type(value).__name__
        raise EventError(f"event_time is of type {kind}; it must be a datetime")
    if value.utcoffset() is None:
        raise EventError("event_time has no offset; use datetime.now(UTC), for example")
    try:
        utc = value.astimezone(UTC)
    except OverflowError as error:
        raise EventError("event_time is outside the years 1 to 9999 in UTC") from error
    return utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _encode_line(event: Mapping[str, object]) -> bytes:
    try:
        line = _encode(event).encode("utf-8") + b"\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise EventError(_first_problem(event) or str(error)) from error
    if b"\\u0000" in line and _NUL.search(line):
        raise EventError(_first_problem(event) or "the event holds a NUL character")
    if len(line) > MOST_EVENT_BYTES:
        name, size = max(_sizes(event), key=lambda named: named[1])
        raise EventError(
            f"the event has {len(line)} bytes, {size} of them in {name}; "
            f"it may have {MOST_EVENT_BYTES}"
        )
    return line


def _first_problem(event: Mapping[str, object]) -> str | None:
    """Which member can't be sent, and why; searched only after encoding failed."""
    for name, value in event.items():
        if problem := _problem_of_json({name: value}):
            return f"{name.encode('ascii', 'backslashreplace').decode()} {problem}"
    return None


def _problem_of_json(member: Mapping[str, object]) -> str | None:
    try:
        if _NUL.search(_encode(member).encode("utf-8")):
            return "holds a NUL character, which Postgres can't store; remove it"
    except UnicodeEncodeError:
        return "holds half a surrogate pair, which is not text in UTF-8; remove it"
    except RecursionError:
        return "is nested too deep for JSON"
    except (TypeError, ValueError) as error:
        return f"can't be written as JSON: {error}"
    return None


def _sizes(event: Mapping[str, object]) -> list[tuple[str, int]]:
    return [
        (name, len(_encode(value).encode("utf-8"))) for name, value in event.items()
    ]
