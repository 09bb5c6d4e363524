"""Reads the declared funnels from their file and stores them for dbt to count."""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import psycopg
import yaml
from psycopg.types.json import Jsonb
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from event_warehouse.database import load_statements
from event_warehouse.declaration_file import first_reason, read_yaml
from event_warehouse.funnels.definition import MOST_STEPS, FunnelError, Order

STATEMENTS = load_statements("event_warehouse.funnels", "declared")
LONGEST_WINDOW = timedelta(days=90)
"""New events cause the days up to this long before them to be counted again."""
UNITS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}


def _as_duration(text: object) -> timedelta:
    found = re.fullmatch(r"([1-9]\d{0,6}) (second|minute|hour|day)s?", str(text))
    if not found:
        raise ValueError(f"{text!r} is not like 30 minutes, 1 day or 7 days")
    return timedelta(seconds=int(found[1]) * UNITS[found[2]])


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Window = Annotated[timedelta, BeforeValidator(_as_duration), Field(le=LONGEST_WINDOW)]
Text = Annotated[str, Field(min_length=1, max_length=1_000)]
Texts = Annotated[
    tuple[Text, ...], BeforeValidator(_as_tuple), Field(min_length=1, max_length=100)
]
FieldPath = Annotated[str, Field(pattern=r"^[^.]+([.][^.]+)*$", max_length=200)]
"""An event field, or an attribute; dots lead into nested objects."""


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DeclaredStep(_Declared):
    """What an event must be to be this step."""

    step: Text
    """Its name; by default its event type."""
    event_type: Texts | None = None
    """The event's type is one of these."""
    where: Mapping[FieldPath, Texts] = {}
    """Each field or attribute has one of these values, as text."""
    window: Window | None = None
    """The longest time after the previous step."""

    @model_validator(mode="before")
    @classmethod
    def _is_named_for_its_event_type(cls, entry: object) -> object:
        if isinstance(entry, str):
            return {"step": entry, "event_type": entry}
        if isinstance(entry, dict) and isinstance(entry.get("event_type"), str):
            return {"step": entry["event_type"], **entry}
        return entry

    @model_validator(mode="after")
    def _asks_for_something(self) -> "DeclaredStep":
        if self.event_type is None and not self.where:
            raise ValueError("needs an event_type, or where")
        return self


class DeclaredFunnel(_Declared):
    """A funnel that `marts.funnels` shows by the day of its first step."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]
    description: str = ""
    steps: Annotated[
        tuple[DeclaredStep, ...], Field(min_length=2, max_length=MOST_STEPS)
    ]
    order: Order = Order.ORDERED
    window: Window
    """From the first step to the last."""
    match: Annotated[
        tuple[FieldPath, ...], BeforeValidator(_as_tuple), Field(max_length=10)
    ] = ()
    """Fields or attributes that must be the same in all steps."""
    breakdown: FieldPath | None = None

    @field_validator("steps")
    @classmethod
    def _has_names_apart(
        cls, steps: tuple[DeclaredStep, ...]
    ) -> tuple[DeclaredStep, ...]:
        names = [step.step for step in steps]
        for number, name in enumerate(names):
            if name in names[:number]:
                raise ValueError(f"two are called {name!r}; give them names with step")
        return steps

    @model_validator(mode="after")
    def _has_windows_between_steps_only(self) -> "DeclaredFunnel":
        if self.steps[0].window is not None:
            raise ValueError("steps.0.window: the first step has none before it")
        if self.order == Order.ANY and any(step.window for step in self.steps):
            raise ValueError("in any order a step has none before it: no window")
        return self

    def as_json(self) -> dict[str, Any]:
        """What the functions of the schema `funnels` take."""
        return {
            "order": self.order.value,
            "window_seconds": self.window.total_seconds(),
            "match": list(self.match),
            "breakdown": self.breakdown,
            "steps": [
                {
                    "step": step.step,
                    "event_types": list(step.event_type or ()),
                    "where": {path: list(texts) for path, texts in step.where.items()},
                    "window_seconds": step.window and step.window.total_seconds(),
                }
                for step in self.steps
            ],
        }


def read_funnels(path: Path) -> dict[str, DeclaredFunnel]:
    """The declared funnels by name; an empty file declares none.

    Raises FunnelError with the first entry that is wrong and the reason.
    """
    try:
        declared = read_yaml(path)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FunnelError(f"the funnels file {path} can't be read: {error}") from error
    if declared is None:
        return {}
    if not isinstance(declared, dict):
        raise FunnelError(f"the funnels file {path} must have an entry for each funnel")
    return {name: _read_funnel(path, name, entry) for name, entry in declared.items()}


def _read_funnel(path: Path, name: object, entry: object) -> DeclaredFunnel:
    if not isinstance(entry, dict):
        raise FunnelError(f"{path}: funnel {name!r} has no declaration")
    if "name" in entry:
        raise FunnelError(f"{path}: funnel {name!r}: name: its key is its name")
    try:
        return DeclaredFunnel.model_validate({"name": name, **entry})
    except ValidationError as error:
        raise FunnelError(f"{path}: funnel {name!r}: {first_reason(error)}") from error


def keep_funnels(
    connection: psycopg.Connection, funnels: Mapping[str, DeclaredFunnel]
) -> None:
    """Makes `raw.funnels`, which dbt counts, hold exactly these funnels."""
    declared = [
        {"funnel": name, "declaration": funnel.as_json()}
        for name, funnel in funnels.items()
    ]
    with connection.transaction():
        connection.execute(STATEMENTS["lock_funnels"])
        connection.execute(STATEMENTS["forget"], {"names": list(funnels)})
        connection.execute(STATEMENTS["keep"], {"declared": Jsonb(declared)})
