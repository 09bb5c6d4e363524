"""The JSON Schema of a question, and its errors in plain words.

The schema is the validator: what it refuses is refused, and `body` only adds checks
that a schema can't express.
"""

from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from itertools import islice
from typing import Any

import jsonschema_rs
import msgspec
from jsonschema_rs import ValidationError, ValidationErrorKind

from event_warehouse.accept.errors import Fault

SCHEMA_TEXT = files("event_warehouse.query").joinpath("query.schema.json").read_text()
SCHEMA: Mapping[str, Any] = msgspec.json.decode(SCHEMA_TEXT)

# This engine matches in linear time, whatever the value.
_VALIDATOR = jsonschema_rs.validator_for(
    SCHEMA_TEXT, pattern_options=jsonschema_rs.RegexOptions()
)

MAX_LISTED_FAULTS = 20
MAX_POINTER_CHARACTERS = 200
PATTERNS = {
    "start": "is not a time such as 2025-01-31T12:00:00Z",
    "end": "is not a time such as 2025-01-31T12:00:00Z",
    "time_zone": "is not the name of a time zone",
}
TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "an object",
    "string": "a text",
}


def faults_of_query(parsed: object) -> list[Fault]:
    """The first faults of a body, each with its JSON pointer; none if it is valid."""
    if _VALIDATOR.is_valid(parsed):
        return []
    errors = islice(_VALIDATOR.iter_errors(parsed), MAX_LISTED_FAULTS)
    # Several branches of the schema can report the same fault.
    faults = dict.fromkeys(fault for error in errors for fault in _say(error))
    return sorted(faults, key=lambda fault: fault.field or "")


def pointer(parts: Iterable[str | int]) -> str:
    """The JSON pointer (RFC 6901) to a place in the body."""
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in parts)
    return "".join(f"/{part}" for part in escaped)[:MAX_POINTER_CHARACTERS]


def _say(error: ValidationError) -> Iterator[Fault]:
    place = list(error.instance_path)
    match error.kind:
        case ValidationErrorKind.Required(property=name):
            yield Fault("is missing", pointer([*place, name]))
        case ValidationErrorKind.AdditionalProperties(unexpected=names):
            for name in names:
                yield Fault("is not known here", pointer([*place, name]))
        case _:
            yield Fault(_reason(error), pointer(place))


def _reason(error: ValidationError) -> str:
    """Leaves out the value itself, which may be large or personal."""
    match error.kind:
        case ValidationErrorKind.Type(types=types):
            # The validator lists them in an order of its own.
            return "must be " + " or ".join(TYPES[one] for one in sorted(types))
        case ValidationErrorKind.Enum(options=options):
            return f"must be one of {', '.join(map(str, options))}"
        case ValidationErrorKind.FalseSchema():
            return "has no place here"
        case ValidationErrorKind.Pattern():
            return PATTERNS.get(str(error.instance_path[-1]), "holds a NUL character")
        case ValidationErrorKind.MinLength() | ValidationErrorKind.MinItems(limit=1):
            return "is empty"
        case ValidationErrorKind.MinItems(limit=limit):
            return f"has fewer than {limit} items"
        case ValidationErrorKind.MaxLength(limit=limit):
            return f"is longer than {limit:,} characters"
        case ValidationErrorKind.MaxItems(limit=limit):
            return f"has more than {limit:,} items"
        case (
            ValidationErrorKind.Minimum(limit=limit)
            | ValidationErrorKind.ExclusiveMinimum(limit=limit)
        ):
            return f"is too small; {limit} is the limit"
        case ValidationErrorKind.Maximum(limit=limit):
            return f"is more than {limit}"
    return "is not as the schema says"
