"""The records of delivered files: events, versions of reference records, or neither."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

OTHER_FIELDS = [
    "event_id",
    "event_type",
    "user_id",
    "entity_id",
    "country",
    "browser",
    "device_id",
    "session_id",
]
COLUMNS = {"tenant", "at", "sample_rate", *OTHER_FIELDS}
REFERENCE_COLUMNS = {"tenant", "code", "version"}
ISO_8601 = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?", re.ASCII
)


class Event(NamedTuple):
    file: str
    line: int
    tenant: str
    time: datetime
    sample_rate: int
    fields: tuple[str | None, ...]
    attributes: dict[str, Any] | None

    def field(self, name: str) -> str | None:
        return self.fields[OTHER_FIELDS.index(name)]

    @property
    def identity(self) -> tuple[Any, ...]:
        return self.tenant, self.time, self.field("event_id")

    def differs_from(self, first: Any) -> bool:
        """Whether it repeats the other with another content."""
        return bool(self[4:] != first[4:])


def text_of(value: object) -> str | None:
    return None if value in (None, "") else str(value)


def problem_of(record: dict[str, Any]) -> tuple[str, str | None, str] | None:
    """(column, value, reason) of the first thing that is wrong with a record."""
    if text_of(record.get("tenant")) is None:
        return "tenant_id", None, "is missing"
    at = text_of(record.get("at"))
    if at is None:
        return "event_time", at, "is missing"
    if not ISO_8601.fullmatch(at):
        return "event_time", at, "is not ISO 8601"
    try:
        time = as_utc(at)
    except ValueError:
        return "event_time", at, "is not a valid time"
    if not datetime(1970, 1, 1) <= time <= datetime.now() + timedelta(hours=1):
        return "event_time", at, "is outside the times the feed allows"
    rate = text_of(record.get("sample_rate"))
    if rate is not None and not re.fullmatch("[1-9][0-9]{0,8}", rate):
        return "sample_rate", rate, "is not a whole number above 0"
    attributes = attributes_of(record)
    if "\0" in json.dumps(attributes).replace("\\u0000", "\0"):
        value = json.dumps(attributes, separators=(",", ":"))
        return "attributes", value, "is not JSON that Postgres can store"
    return None


def as_utc(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time


def attributes_of(record: dict[str, Any]) -> dict[str, Any] | None:
    return {k: v for k, v in record.items() if k not in COLUMNS} or None


def event_of(file: str, line: int, record: dict[str, Any]) -> Event:
    return Event(
        file,
        line,
        record["tenant"],
        as_utc(record["at"]),
        int(record.get("sample_rate", 1)),
        tuple(text_of(record.get(field)) for field in OTHER_FIELDS),
        attributes_of(record),
    )


class Reference(NamedTuple):
    """A version of what is known of an entity."""

    file: str
    line: int
    tenant: str
    entity: str
    version: int
    attributes: dict[str, Any]

    @property
    def identity(self) -> tuple[Any, ...]:
        return self.tenant, self.entity, self.version

    def differs_from(self, first: Any) -> bool:
        """Whether it says something that the other, which it repeats, does not."""
        return not self.attributes.items() <= first.attributes.items()


def problem_of_reference(record: dict[str, Any]) -> tuple[str, str | None, str] | None:
    """(column, value, reason) of the first thing that is wrong with a record."""
    for column, field in (("tenant_id", "tenant"), ("entity_id", "code")):
        if text_of(record.get(field)) is None:
            return column, None, "is missing"
    version = text_of(record.get("version"))
    if version is None:
        return "event_time", None, "is missing"
    if not re.fullmatch("-?[0-9]{1,15}", version):
        return "event_time", version, "is not a whole number of at most 15 digits"
    return None


def reference_of(file: str, line: int, record: dict[str, Any]) -> Reference:
    attributes = {k: v for k, v in record.items() if k not in REFERENCE_COLUMNS}
    return Reference(
        *(file, line, record["tenant"], record["code"]),
        *(int(record["version"]), attributes),
    )
