"""Lists the keys of a tenant's events and their values, for autocompletion."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from psycopg import AsyncConnection, sql

from event_warehouse.accept.errors import Fault
from event_warehouse.database import load_statements
from event_warehouse.query.errors import InvalidQuery
from event_warehouse.query.keys import (
    ATTRIBUTES,
    FIELDS,
    POSTED_NAMES,
    TENANT,
    Field,
    Key,
    NoKey,
    read_key,
)
from event_warehouse.query.query_string import QueryString

STATEMENTS = load_statements("event_warehouse.query", "listing")
IDS = load_statements("event_warehouse.query", "ids")["ids"]
VALUES_PER_KEY = 1_000
"""How many are kept, as set in dbt_project.yml."""
DIMENSIONS: Mapping[Field | None, str] = {
    Field.USER_ID: "dim_users",
    Field.ENTITY_ID: "dim_entities",
    Field.DEVICE_ID: "dim_devices",
}
"""All values of these are listed, but without counts, and not by event type."""
UNLISTED = {
    Field.EVENT_ID,
    Field.EVENT_TIME,
    Field.RECEIVED_AT,
    Field.SAMPLE_RATE,
}
"""No values of these are kept."""
MAX_LISTED = 1_000
DEFAULT_LISTED = 100
MAX_CHARACTERS = 1_000
CHOICES = ("prefix", "event_type", "limit")


@dataclass(frozen=True)
class Choice:
    """Which keys or values to list."""

    prefix: str = ""
    event_type: str | None = None
    """Only those of events of this type; empty for events that have none."""
    limit: int = DEFAULT_LISTED


class Counted(msgspec.Struct, frozen=True):
    """A key or value, and how many events have it."""

    name: str
    event_count: int | None
    """None where counts are not kept."""


@dataclass(frozen=True)
class Listing:
    """Keys or values, those with the most events first."""

    items: Sequence[Counted]
    is_cut_off: bool
    """Whether the limit left some out."""


async def list_keys(
    connection: AsyncConnection, choice: Choice, *, tenant: str
) -> Listing:
    """The keys of a tenant's events."""
    values = {"tenant_id": tenant}
    return await _listed(connection, STATEMENTS["keys"], choice, values)


async def list_values(
    connection: AsyncConnection, key: str, choice: Choice, *, tenant: str
) -> tuple[Listing, bool]:
    """The values of a key, and whether all of the key's values are kept.

    Raises InvalidQuery if it can't be a key, or if an event type is given for a key
    whose values are not kept by type.
    """
    try:
        found = read_key(key)
    except NoKey as error:
        fault = Fault(str(error), "key")
        raise InvalidQuery("There is no such key.", [fault]) from error
    field = found.field
    if field in UNLISTED:
        return Listing([], is_cut_off=False), False
    if dimension := DIMENSIONS.get(field):
        if choice.event_type is not None:
            fault = Fault(f"is not known of each {field}", "event_type")
            raise InvalidQuery("A parameter is not valid.", [fault])
        ids = IDS.format(
            id=sql.Identifier(str(field)),
            dimension=sql.Identifier("analytics", dimension),
        )
        return await _listed(connection, ids, choice, {"tenant_id": tenant}), True
    values = {"tenant_id": tenant, "key": _listed_as(found)}
    listing = await _listed(connection, STATEMENTS["values"], choice, values)
    cursor = await connection.execute(
        STATEMENTS["is_complete"], {**values, "event_type": choice.event_type}
    )
    ((is_complete,),) = await cursor.fetchall()
    return listing, is_complete


def _listed_as(key: Key) -> str:
    if key.field is not None:
        return str(key.field)
    name = ".".join(key.path)
    is_taken = name in FIELDS or name in POSTED_NAMES or name == TENANT
    return ATTRIBUTES + name if is_taken else name


async def _listed(
    connection: AsyncConnection,
    statement: sql.SQL | sql.Composed,
    choice: Choice,
    values: Mapping[str, str],
) -> Listing:
    asked: dict[str, object] = {
        **values,
        "prefix": choice.prefix,
        "event_type": choice.event_type,
        "most": choice.limit + 1,
    }
    rows = await (await connection.execute(statement, asked)).fetchall()
    items = [Counted(name, count) for name, count in rows[: choice.limit]]
    return Listing(items, is_cut_off=len(rows) > choice.limit)


def read_choice(
    parameters: Sequence[tuple[str, str]], known: Collection[str] = CHOICES
) -> Choice:
    """The choice of a query string; raises InvalidQuery with each fault."""
    given = QueryString(parameters, known)
    prefix = given.text("prefix", problem_of_text)
    event_type = given.text("event_type", problem_of_text)
    limit = given.number("limit", MAX_LISTED)
    if given.faults:
        raise given.invalid()
    return Choice(prefix or "", event_type, limit or DEFAULT_LISTED)


def problem_of_text(text: str) -> str | None:
    """Why the text can't be a key or value; None if it can."""
    if "\0" in text:
        return "holds a NUL character"
    if len(text) > MAX_CHARACTERS:
        return f"is longer than {MAX_CHARACTERS:,} characters"
    if not text.isprintable() and any(0xD800 <= ord(one) < 0xE000 for one in text):
        return "is not UTF-8"
    return None
