"""What an event can be asked for: a field of its own, or an attribute by its path."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

WrittenKey = str | tuple[str, ...]
"""As written in the question: a path with dots, or as a list."""


class Field(StrEnum):
    """The columns of an event that can be asked for; SQL gets no other identifiers."""

    EVENT_ID = "event_id"
    EVENT_TYPE = "event_type"
    EVENT_TIME = "event_time"
    RECEIVED_AT = "received_at"
    USER_ID = "user_id"
    ENTITY_ID = "entity_id"
    SESSION_ID = "session_id"
    DEVICE_ID = "device_id"
    COUNTRY = "country"
    BROWSER = "browser"
    PLATFORM = "platform"
    ENVIRONMENT = "environment"
    SERVICE = "service"
    SAMPLE_RATE = "sample_rate"


TIMES = {Field.EVENT_TIME, Field.RECEIVED_AT}
POSTED_NAMES: Mapping[str, Field] = {
    "event_tag": Field.EVENT_TYPE,
    "ts": Field.EVENT_TIME,
    "samplerate": Field.SAMPLE_RATE,
}
"""The names that `POST /events` has for them."""
ATTRIBUTES = "attributes."
TENANT = "tenant_id"
"""The same for all events of a question, so it can't be asked for."""


@dataclass(frozen=True)
class Key:
    """A field, or the path of an attribute."""

    field: Field | None
    path: tuple[str, ...]
    """Empty for a field."""


class NoKey(ValueError):
    """can't be a key"""


def read_key(written: WrittenKey) -> Key:
    """The field or attribute of this name; raises NoKey with the reason."""
    path = (written,) if isinstance(written, str) else written
    if len(path) == 1:
        if path[0] == TENANT:
            raise NoKey("is the caller's to decide; leave it out")
        if field := POSTED_NAMES.get(path[0]) or FIELDS.get(path[0]):
            return Key(field, ())
    if isinstance(written, str):
        path = tuple(written.removeprefix(ATTRIBUTES).split("."))
        if "" in path:
            raise NoKey("has nothing before, after or between its dots")
    return Key(None, path)


def name_of(written: WrittenKey) -> str:
    """The key's name in the answer: as it was written, a list joined by dots."""
    return written if isinstance(written, str) else ".".join(written)


FIELDS: Mapping[str, Field] = {field.value: field for field in Field}
