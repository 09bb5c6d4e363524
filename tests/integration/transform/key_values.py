"""Keys and values of events, taken apart and counted by code that knows no SQL."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

LISTED = [
    "event_type",
    "user_id",
    "entity_id",
    "session_id",
    "device_id",
    "country",
    "browser",
    "platform",
]
IDS = {"user_id", "entity_id", "session_id", "device_id"}
"""Their values are in the dimensions."""
LONGEST = 200
"""Bytes of a value that is listed."""

Fields = Mapping[str, Any]


def counted_keys(
    events: Iterable[tuple[str, Fields, Fields]],
) -> tuple[set[Any], set[Any]]:
    """How many events have each key, and each value, by tenant and event type.

    Of tenant, fields and attributes of each event.
    """
    keys, values = Counter[Any](), Counter[Any]()
    for tenant, fields, attributes in events:
        kind = fields.get("event_type") or ""
        for key, value in pairs(fields, attributes):
            keys[tenant, key, kind] += 1
            if 0 < len(value.encode()) <= LONGEST and key not in IDS:
                values[tenant, key, kind, value] += 1
    return (
        {(*key, count) for key, count in keys.items()},
        {(*value, count) for value, count in values.items()},
    )


def pairs(fields: Fields, attributes: Fields) -> list[tuple[str, str]]:
    """The event's keys and values, of at most three levels."""
    found = [(key, str(fields[key])) for key in LISTED if fields.get(key)]
    for key, value in attributes.items():
        found += scalars(key, value, depth=1)
    return found


def scalars(path: str, value: Any, *, depth: int) -> list[tuple[str, str]]:
    if isinstance(value, dict) and depth < 3:
        return [
            pair
            for key, inner in value.items()
            if "." not in key
            for pair in scalars(f"{path}.{key}", inner, depth=depth + 1)
        ]
    if value is None or isinstance(value, dict | list):
        return []
    return [(path, value if isinstance(value, str) else json.dumps(value))]
