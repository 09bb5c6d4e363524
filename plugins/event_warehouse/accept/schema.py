"""Validates events against the JSON Schema of a request, and words the faults.

The schema decides; `events` only adds checks that a schema can't express.
"""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

import jsonschema_rs
import msgspec
from jsonschema_rs import ValidationError, ValidationErrorKind

from event_warehouse.accept.errors import Fault

SCHEMA_TEXT = files("event_warehouse.accept").joinpath("events.schema.json").read_text()
SCHEMA: Mapping[str, Any] = msgspec.json.decode(SCHEMA_TEXT)

# The regex engine with linear time for any value.
_VALIDATORS = jsonschema_rs.validator_map_for(
    SCHEMA_TEXT, pattern_options=jsonschema_rs.RegexOptions()
)
_EVENT = _VALIDATORS["#/$defs/event"]
_LIST_SCHEMA = {**SCHEMA["properties"]["events"], "items": {}}
_LIST = jsonschema_rs.validator_for(_LIST_SCHEMA)
MAX_EVENTS: int = _LIST_SCHEMA["maxItems"]

EXHAUSTIVE_BYTES = 4096
"""Up to this size all faults of an event are reported, in a larger one only the first:
each costs 20 us, and a body of 10 MiB has room for a million."""
MAX_FIELD_CHARACTERS = 200

_DATA = SCHEMA["$defs"]["event"]["properties"]["data"]["properties"]
INDEXED = tuple(
    name for name, its in _DATA.items() if its == {"$ref": "#/$defs/indexed"}
)
"""The members of data that have indexes."""
MAX_INDEXED_BYTES: int = SCHEMA["$defs"]["indexed"]["maxLength"]
"""The cast rejects longer values, in bytes; the schema counts characters."""

NUL = "holds a NUL character"
TOO_SMALL = (
    "is too small for milliseconds since 1970; if it is seconds, multiply it by 1,000"
)
TENANT = "is the service's to decide; leave it out"
PATTERNS = {
    "ts": "is neither ISO 8601, such as 2025-01-31T12:00:00Z, nor milliseconds",
    "samplerate": "is not a whole number from 1 to 999999999",
}
TYPES = {
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a string",
}


def faults_of_list(event_count: int) -> list[Fault]:
    """The faults of a request with this many events."""
    return [
        Fault(_reason(error, []), "events")
        for error in _LIST.iter_errors([None] * min(event_count, MAX_EVENTS + 1))
    ]


def faults_of_event(event: object, index: int, *, byte_count: int) -> list[Fault]:
    """The faults of one event, which was `byte_count` long when sent."""
    if _EVENT.is_valid(event):
        return []
    errors = _errors(event, byte_count)
    faults = [fault for error in errors for fault in _say(error, index)]
    return sorted(faults, key=lambda fault: fault.field or "")


def _errors(event: object, byte_count: int) -> list[ValidationError]:
    if byte_count <= EXHAUSTIVE_BYTES:
        return list(_EVENT.iter_errors(event))
    try:
        _EVENT.validate(event)
    except ValidationError as error:
        return [error]
    return []


def _say(error: ValidationError, index: int) -> Iterator[Fault]:
    path = [str(part) for part in error.instance_path]
    match error.kind:
        case ValidationErrorKind.Required(property=name):
            yield Fault("is missing", _field(path, name), index)
        case ValidationErrorKind.AdditionalProperties(unexpected=names):
            for name in names:
                reason = "is not a member of an event; put it into data"
                if name == "tenant_id":
                    reason = TENANT
                yield Fault(reason, _field(path, name), index)
        case ValidationErrorKind.PropertyNames(error=inner):
            yield Fault(f"has a key that {_reason(inner, path)}", _field(path), index)
        case _:
            yield Fault(_reason(error, path), _field(path), index)


def _reason(error: ValidationError, path: list[str]) -> str:
    """The fault in words, without the value, which may be large or personal."""
    match error.kind:
        case ValidationErrorKind.Type(types=types):
            # The validator's own order is arbitrary.
            return "must be " + " or ".join(TYPES[one] for one in sorted(types))
        case ValidationErrorKind.FalseSchema():
            if path[-1] == "tenant_id":
                return TENANT
            return "belongs beside data, not into it"
        case ValidationErrorKind.Pattern() if path == ["ts"] and _is_short_number(
            error.instance
        ):
            return TOO_SMALL
        case ValidationErrorKind.Pattern():
            return PATTERNS.get(path[0], NUL) if len(path) == 1 else NUL
        case ValidationErrorKind.MinLength() | ValidationErrorKind.MinItems():
            return "is empty"
        case ValidationErrorKind.MaxLength(limit=limit):
            return f"is longer than {limit} characters"
        case ValidationErrorKind.MaxItems(limit=limit):
            return f"has more than {limit:,} items"
        case ValidationErrorKind.Minimum() if path == ["ts"]:
            return TOO_SMALL
        case ValidationErrorKind.Minimum(limit=limit):
            return f"is less than {limit}"
        case ValidationErrorKind.Maximum(limit=limit):
            return f"is more than {limit}"
    return "is not as the schema says"


def _is_short_number(value: object) -> bool:
    return isinstance(value, str) and value.isdecimal() and len(value) <= 10


def _field(path: list[str], *names: str) -> str | None:
    return ".".join([*path, *names])[:MAX_FIELD_CHARACTERS] or None
