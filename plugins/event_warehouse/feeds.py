"""The feeds: which files contain events, and how input fields map to event fields."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_serializer,
    field_validator,
    model_validator,
)

from event_warehouse.declaration_file import first_reason, read_yaml
from event_warehouse.errors import FeedError
from event_warehouse.sources.date_template import parse_template
from event_warehouse.sources.key_pattern import parse_pattern


class EventField(StrEnum):
    """The fields of an event that are columns; all others are attributes."""

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


NAMES_OF_TABLES = re.compile(
    "((rejected|duplicate|deleted)_)?events(_.*)?|reference_(history|latest)"
    "|(stg|int|dim|fct|rollup)_.*"
)
"""The other relations in `analytics`, besides the feeds' views."""
COLUMN_BYTES = 63 - len("attribute_")
NOT_PATTERNS = {
    "delimiter": 'must be one character of ASCII that is not a letter, digit or "'
}
"""The messages to show instead of a regular expression."""
ALWAYS_IN_IDENTITY = {EventField.TENANT_ID, EventField.EVENT_TIME}
NOT_IN_IDENTITY = {*ALWAYS_IN_IDENTITY, EventField.SAMPLE_RATE}


# pydantic is otherwise used only in the API. It reads the declarations too, because
# people write them, and its messages name the entry, the field and the reason.
class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


InputPath = Annotated[str, Field(pattern=r"^[^.]+([.][^.]+)*$", max_length=200)]
"""An input field's name; a dotted path into nested objects."""

AttributeType = Literal[
    "text", "integer", "numeric", "boolean", "timestamp", "date", "json"
]
TimeFormat = Literal["iso8601", "epoch_seconds", "epoch_milliseconds", "version_number"]
Format = Literal["csv", "json_lines", "json", "parquet"]


class Constant(_Declared):
    """A field with the same value in every event of the feed."""

    constant: Annotated[str, Field(min_length=1)]


class Joined(_Declared):
    """A field joined from several input fields; skips those that a record lacks."""

    join: Annotated[tuple[InputPath, ...], Field(min_length=1)]
    separator: str = ":"


class Feed(_Declared):
    """How one feed's files become rows of `raw.events_raw`."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
    description: str = ""
    kind: Literal["events", "reference"] = "events"
    files: Annotated[tuple[str, ...], Field(min_length=1)]
    """Patterns below the landing folder or bucket."""
    exclude: tuple[str, ...] = ()
    """Names of folders to skip."""
    url: str | None = None
    """Template of a file's URL with year, month, day and hour (UTC)."""
    format: Format
    delimiter: Annotated[str, Field(pattern=r"^[!#-~\t ]$")] = ","
    unwrap: InputPath | None = None
    """An object whose members move to the top level, unless the name is taken there."""
    strip_nul: bool = False
    """NUL characters are removed, and the original record is kept as well."""
    fields: Mapping[EventField, InputPath | Constant | Joined] = {}
    attributes: Mapping[InputPath, AttributeType] | None = None
    """The other input fields and their types; None if any are allowed."""
    identity: tuple[EventField, ...] = ()
    identified_by_attributes: bool = False
    """True if attributes are part of an event's identity; set by `identity: all`."""
    sessions: Literal["inactivity", "session_id"] = "inactivity"
    """How a visitor's events are divided into sessions; events without a session_id are
    always divided by inactivity."""
    time_format: TimeFormat = "iso8601"
    missing_event_time: Literal["reject", "file_time"] = "reject"
    earliest: AwareDatetime = datetime(1970, 1, 1, tzinfo=UTC)
    latest_ahead: Annotated[
        timedelta, Field(ge=timedelta(0), le=timedelta(days=36_500))
    ] = timedelta(hours=1)

    @field_validator("name")
    @classmethod
    def _is_no_table_s_name(cls, name: str) -> str:
        if NAMES_OF_TABLES.fullmatch(name):
            raise ValueError(f"{name} is a table's name; call the feed otherwise")
        return name

    @field_validator("files", mode="before")
    @classmethod
    def _one_pattern_or_several(cls, files: object) -> object:
        return (files,) if isinstance(files, str) else files

    @field_validator("files")
    @classmethod
    def _stay_in_the_landing_folder(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            parts = PurePosixPath(pattern).parts
            if not parts or pattern.startswith("/") or ".." in parts:
                raise ValueError(f"{pattern!r} must be a pattern below the landing")
            parse_pattern(parse_template(pattern).as_glob)
        return patterns

    @field_validator("url")
    @classmethod
    def _is_a_web_address_by_date(cls, url: str | None) -> str | None:
        if url is not None:
            if urlsplit(url).scheme not in {"http", "https"}:
                raise ValueError(f"{url!r} must start with http:// or https://")
            parse_template(url)
        return url

    @model_validator(mode="before")
    @classmethod
    def _all_is_every_field_and_the_attributes(cls, entry: object) -> object:
        if not isinstance(entry, dict) or entry.get("identity") != "all":
            return entry
        every = [field for field in EventField if field not in NOT_IN_IDENTITY]
        return {**entry, "identity": every, "identified_by_attributes": True}

    @field_validator("identity")
    @classmethod
    def _leaves_out_what_always_identifies(
        cls, identity: tuple[EventField, ...]
    ) -> tuple[EventField, ...]:
        if ALWAYS_IN_IDENTITY & set(identity):
            raise ValueError("tenant_id and event_time always identify; leave them out")
        if EventField.SAMPLE_RATE in identity:
            raise ValueError("sample_rate does not identify an event")
        return identity

    @field_serializer("latest_ahead")
    def _as_seconds(self, ahead: timedelta) -> str:
        """In seconds, as ISO 8601 would turn days into years, which vary in length."""
        return f"{ahead.total_seconds():f} seconds"

    @model_validator(mode="after")
    def _has_flat_paths_for_csv(self) -> "Feed":
        if self.format == "csv":
            if self.unwrap:
                raise ValueError("unwrap: a CSV file has nothing nested to unwrap")
            for field, source in self.fields.items():
                if nested := [path for path in _paths(source) if "." in path]:
                    raise ValueError(
                        f"fields.{field}: a CSV file has no nested {nested[0]!r}"
                    )
        return self

    @model_validator(mode="after")
    def _types_attributes_only(self) -> "Feed":
        for field, paths in self.sources.items():
            if taken := set(paths) & set(self.attributes or ()):
                raise ValueError(
                    f"attributes.{min(taken)}: it is the event's {field}, which is "
                    "text and has no type of the feed's own"
                )
        return self

    @model_validator(mode="after")
    def _names_columns_apart(self) -> "Feed":
        columns: dict[str, str] = {}
        for path in self.attributes or ():
            # Postgres truncates names, and the view's columns are named by path.
            column = (
                path.replace(".", "_").encode()[:COLUMN_BYTES].decode(errors="ignore")
            )
            if (other := columns.setdefault(column, path)) != path:
                raise ValueError(
                    f"attributes.{path}: it would be the same column as {other}"
                )
        return self

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "Feed":
        if self.kind == "reference":
            if EventField.ENTITY_ID not in self.fields:
                raise ValueError("fields.entity_id: a reference feed needs a key")
            if EventField.EVENT_TIME not in self.fields:
                raise ValueError("fields.event_time: a reference feed needs a version")
            if self.identity:
                raise ValueError("identity: of a reference feed it is key and version")
            if self.sessions != "inactivity":
                raise ValueError("sessions: a reference feed has none")
        elif self.time_format == "version_number":
            raise ValueError("time_format: only a reference feed has a version_number")
        return self

    @property
    def sources(self) -> dict[EventField, tuple[str, ...]]:
        """The input paths of each field that is read from the input; usually one."""
        named: dict[EventField, tuple[str, ...]] = {}
        for field in EventField:
            source = self.fields.get(field, field.value)
            if not isinstance(source, Constant):
                named[field] = _paths(source)
        return named

    @property
    def separators(self) -> dict[EventField, str]:
        """The separator of each joined field."""
        return {
            field: source.separator
            for field, source in self.fields.items()
            if isinstance(source, Joined)
        }

    @property
    def required_time_sources(self) -> tuple[str, ...]:
        """The input paths that the event time needs; empty if it may be missing."""
        if self.missing_event_time == "file_time":
            return ()
        return self.sources.get(EventField.EVENT_TIME, ())

    @property
    def declared_sources(self) -> frozenset[str]:
        """The input fields that the declaration names."""
        named = (_paths(source) for source in self.fields.values())
        return frozenset(chain(*named, self.attributes or ()))

    @property
    def constants(self) -> dict[EventField, str]:
        """The value of each constant field."""
        return {
            field: source.constant
            for field, source in self.fields.items()
            if isinstance(source, Constant)
        }


def _paths(source: str | Constant | Joined) -> tuple[str, ...]:
    if isinstance(source, Constant):
        return ()
    return source.join if isinstance(source, Joined) else (source,)


def read_feeds(path: Path) -> dict[str, Feed]:
    """The declared feeds by name.

    Raises FeedError with the entry and the reason for the first invalid one.
    """
    try:
        declared = read_yaml(path)
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
        raise FeedError(
            f"{path}: feed {name!r}: {first_reason(error, NOT_PATTERNS)}"
        ) from error


def choose_feed(feeds: Mapping[str, Feed], name: str) -> Feed:
    """The feed of that name; raises FeedError listing all names if there is none."""
    if name not in feeds:
        raise FeedError(f"there is no feed {name!r}; declared are {', '.join(feeds)}")
    return feeds[name]
