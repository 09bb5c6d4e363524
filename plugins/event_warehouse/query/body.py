"""Parses and checks a question as it was sent."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import msgspec

from event_warehouse.accept.errors import Fault
from event_warehouse.moments import read_moment
from event_warehouse.query.errors import InvalidQuery
from event_warehouse.query.keys import WrittenKey
from event_warehouse.query.schema import faults_of_query, pointer

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_DEPTH = 32
"""How deep the body's brackets may nest; enough for groups of filters 12 deep."""
STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
Value = str | int | float | bool


class Filter(msgspec.Struct, frozen=True):
    """A condition on an event; the schema says which members go together."""

    type: str
    key: WrittenKey | None = None
    value: Value | None = None
    values: tuple[Value, ...] = ()
    filters: tuple["Filter", ...] = ()


class Operation(msgspec.Struct, frozen=True):
    """A calculation over a series' events."""

    type: str
    key: WrittenKey | None = None
    keys: tuple[WrittenKey, ...] = ()

    @property
    def all_keys(self) -> tuple[WrittenKey, ...]:
        """`keys`, or the one `key`, or none."""
        return self.keys or (() if self.key is None else (self.key,))


class Series(msgspec.Struct, frozen=True):
    """Counts the events that match all of the filters."""

    name: str
    filters: tuple[Filter, ...] = ()
    keys: tuple[WrittenKey, ...] = ()
    unique: tuple[WrittenKey, ...] = ()
    operations: tuple[Operation, ...] = ()

    @property
    def all_filters(self) -> tuple[Filter, ...]:
        """The filters, with those that `keys` is short for."""
        return (*self.filters, *(Filter("all", key) for key in self.keys))

    @property
    def all_operations(self) -> tuple[Operation, ...]:
        """Each operation once, with the one that `unique` is short for."""
        unique = (Operation("unique", keys=self.unique),) if self.unique else ()
        written = (
            Operation(one.type, keys=one.all_keys)
            for one in self.operations
            if one.type != "count"
        )
        return tuple(dict.fromkeys((*unique, *written)))


class Funnel(msgspec.Struct, frozen=True):
    """How many get from one series to the next."""

    type: str
    match: tuple[WrittenKey, ...]
    name: str | None = None
    order: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    window_seconds: float | None = None
    step_window_seconds: float | None = None
    breakdown: WrittenKey | None = None
    limit: int = 100

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps, whether they were sent as `order` or as `data`."""
        return self.order or self.data


class Breakdown(msgspec.Struct, frozen=True):
    """The keys to group by, and how many groups to show."""

    keys: tuple[WrittenKey, ...]
    limit: int = 100


class _Sent(msgspec.Struct):
    start: str | int
    end: str | int
    data: tuple[Series, ...]
    time_zone: str = "UTC"
    bucket: str | None = None
    breakdown: Breakdown | None = None
    funnel: Funnel | tuple[Funnel, ...] = ()
    weighted: bool = False
    estimates: bool = False
    show_sql: bool = False


class Query(msgspec.Struct, frozen=True):
    """A question that its schema accepts, with its times parsed."""

    start: datetime
    """Inclusive, in UTC."""
    end: datetime
    """Exclusive, in UTC."""
    time_zone: str
    bucket: str | None
    breakdown: Breakdown | None
    series: tuple[Series, ...]
    funnels: tuple[Funnel, ...]
    weighted: bool
    estimates: bool
    show_sql: bool
    has_funnel_list: bool
    """Whether the funnels were sent as a list; JSON pointers to them depend on it."""


def read_query(body: bytes) -> Query:
    """The question in a body; raises InvalidQuery with each fault and its place.

    Does not check whether its members fit together: `contradictions` does.
    """
    parsed = _parse(body)
    if faults := faults_of_query(parsed):
        raise InvalidQuery("The body is not a question as its schema says.", faults)
    try:
        sent = msgspec.convert(parsed, _Sent)
    except msgspec.ValidationError as error:
        # For example 1.0, which JSON Schema accepts as an integer.
        raise InvalidQuery(f"The body can't be read: {error}.") from error
    return _with_times(sent)


def _parse(body: bytes) -> Any:
    if _is_too_deep(body):
        raise InvalidQuery(f"The body is nested deeper than {MAX_DEPTH} levels.")
    try:
        return msgspec.json.decode(body)
    except UnicodeDecodeError as error:
        raise InvalidQuery("The body is not UTF-8.") from error
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InvalidQuery(f"The body is not JSON: {error}.") from error


def _is_too_deep(body: bytes) -> bool:
    """True if brackets nest too deep; checked first, as the parser recurses."""
    depth = 0
    for byte in STRING.sub(b"", body):
        if byte in b"{[":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif byte in b"}]":
            depth -= 1
    return False


def _with_times(sent: _Sent) -> Query:
    times = {}
    faults = []
    for name in ("start", "end"):
        try:
            times[name] = read_time(getattr(sent, name))
        except ValueError:
            faults.append(Fault("is not a valid time", pointer([name])))
    if faults:
        raise InvalidQuery("The question does not make sense.", faults)
    return Query(
        **times,
        time_zone=sent.time_zone,
        bucket=sent.bucket,
        breakdown=sent.breakdown,
        series=sent.data,
        funnels=(sent.funnel,) if isinstance(sent.funnel, Funnel) else sent.funnel,
        weighted=sent.weighted,
        estimates=sent.estimates,
        show_sql=sent.show_sql,
        has_funnel_list=not isinstance(sent.funnel, Funnel),
    )


def read_time(written: object) -> datetime:
    """The time in UTC, from text (UTC if it has no offset) or milliseconds since 1970.

    Raises ValueError if it is not a valid time.
    """
    try:
        match written:
            case bool():
                pass
            case int():
                return EPOCH + timedelta(milliseconds=written)
            case str():
                return read_moment(written)
    except OverflowError as error:
        raise ValueError("is outside the years 1 to 9999") from error
    raise ValueError("is neither text nor a whole number")


def leaves(filters: Iterable[Filter]) -> Iterator[Filter]:
    """The filters that are not groups, at any depth."""
    for one in filters:
        if one.filters:
            yield from leaves(one.filters)
        else:
            yield one


def keys_of(series: Series) -> tuple[WrittenKey, ...]:
    """Every key that the series' filters and operations use."""
    filtered = (one.key for one in leaves(series.all_filters) if one.key is not None)
    counted = chain.from_iterable(one.keys for one in series.all_operations)
    return tuple(dict.fromkeys((*filtered, *counted)))
