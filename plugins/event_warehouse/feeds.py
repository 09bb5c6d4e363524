"""The feeds: which files bring events, and which input field is which event field."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from event_warehouse.errors import FeedError


class EventField(StrEnum):
    """The fields of an event that are columns; every other is an attribute."""

    TENANT_ID = "tenant_id"
    EVENT_ID = "event_id"
    EVENT_TYPE = "event_type"
    EVENT_TIME = "event_time"
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


# pydantic reads the declarations, although it otherwise stays at the API: they come
# from people, and its messages name the entry, the field and the reason.
class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Constant(_Declared):
    """A value that every event of the feed has in a field."""

    constant: Annotated[str, Field(min_length=1)]


InputPath = Annotated[str, Field(min_length=1)]
"""An input field's name; dots lead into nested objects."""


class Feed(_Declared):
    """How one feed's files become rows of `raw.events_raw`."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
    description: str = ""
    files: str
    format: Literal["csv", "json_lines"]
    delimiter: Annotated[str, Field(pattern=r"^[!#-~\t ]$")] = ","
    fields: Mapping[EventField, InputPath | Constant] = {}
    identity: tuple[EventField, ...] = ()
    time_format: Literal["iso8601", "epoch_seconds", "epoch_milliseconds"] = "iso8601"
    earliest: AwareDatetime = datetime(1970, 1, 1, tzinfo=UTC)
    latest_ahead: timedelta = timedelta(hours=1)

    @field_validator("files")
    @classmethod
    def _stays_in_the_landing_folder(cls, pattern: str) -> str:
        if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
            raise ValueError("must be a pattern below the landing folder")
        return pattern

    @field_validator("identity")
    @classmethod
    def _leaves_out_what_always_identifies(
        cls, identity: tuple[EventField, ...]
    ) -> tuple[EventField, ...]:
        always = {EventField.TENANT_ID, EventField.EVENT_TIME}
        if always & set(identity):
            raise ValueError("tenant_id and event_time always identify; leave them out")
        return identity

    @model_validator(mode="after")
    def _has_flat_paths_for_csv(self) -> "Feed":
        for field, source in self.sources.items():
            if self.format == "csv" and "." in source and source != field:
                raise ValueError(f"fields.{field}: a CSV file has no nested {source!r}")
        return self

    @property
    def sources(self) -> dict[EventField, str]:
        """The input path of each field that is read from the input."""
        named: dict[EventField, str] = {}
        for field in EventField:
            source = self.fields.get(field, field.value)
            if isinstance(source, str):
                named[field] = source
        return named

    @property
    def event_time_source(self) -> str | None:
        """The input path of the event time; none if it is a constant."""
        return self.sources.get(EventField.EVENT_TIME)

    @property
    def constants(self) -> dict[EventField, str]:
        """The value of each field that is the same in every event."""
        return {
            field: source.constant
            for field, source in self.fields.items()
            if isinstance(source, Constant)
        }


def read_feeds(path: Path) -> dict[str, Feed]:
    """The declared feeds by name.

    Raises FeedError with the entry and the reason for the first that is wrong.
    """
    try:
        declared = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FeedError(f"the feeds file {path} can't be read: {error}") from error
    if not isinstance(declared, dict) or not declared:
        raise FeedError(f"the feeds file {path} declares no feed")
    return {name: _read_feed(path, name, entry) for name, entry in declared.items()}


def _read_feed(path: Path, name: object, entry: object) -> Feed:
    if not isinstance(entry, dict):
        raise FeedError(f"{path}: feed {name!r} has no declaration")
    if "name" in entry:
        raise FeedError(f"{path}: feed {name!r}: name: its key is its name")
    try:
        return Feed.model_validate({"name": name, **entry})
    except ValidationError as error:
        raise FeedError(f"{path}: feed {name!r}: {_first_reason(error)}") from error


def _first_reason(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else str(first["msg"])


def choose_feed(feeds: Mapping[str, Feed], name: str) -> Feed:
    """The feed of that name; raises FeedError that lists the names there are."""
    if name not in feeds:
        raise FeedError(f"there is no feed {name!r}; declared are {', '.join(feeds)}")
    return feeds[name]
