"""A series as one statement: its events counted by bucket and group."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from event_warehouse.query.body import Operation, Query, Series, keys_of
from event_warehouse.query.buckets import WIDTHS, bucket_of
from event_warehouse.query.columns import Column, column_of, columns_of
from event_warehouse.query.conditions import condition_of, number_of, text_of
from event_warehouse.query.expired import Horizons
from event_warehouse.query.keys import Field, WrittenKey, read_key
from event_warehouse.query.parameters import Bind, Parameters
from event_warehouse.query.room import MAX_KEY_CHARACTERS, Room
from event_warehouse.query.sources import SOURCES, Source

SKETCHES: Mapping[Field | None, str] = {
    Field.DEVICE_ID: "device_sketch",
    Field.SESSION_ID: "session_sketch",
}
HOLD_WITHOUT_THE_KEY = {"ne", "not_in", "not_exists"}
"""Filters that are also true of an event that lacks their key."""


@dataclass(frozen=True)
class Statement:
    """SQL and its parameters."""

    text: sql.Composed
    values: Mapping[str, object]
    columns: Sequence[Column]
    """The columns of its rows, without the counters of rows, bytes and groups."""


@dataclass(frozen=True)
class Choice:
    """Where a series is answered from."""

    source: Source
    is_estimate: bool = False
    """Whether distinct counts are estimated with sketches."""


def choose(
    series: Series,
    query: Query,
    starts: Iterable[datetime],
    horizons: Horizons,
) -> Choice:
    """The smallest source that can answer the series.

    `starts` are those of the buckets. A larger source is chosen if fewer events of the
    range have expired from it.
    """

    # min returns the first of equals, which is the smallest source.
    return min(
        _choices(series, query, starts),
        key=lambda choice: horizons.kept_from(choice.source.table, query.start),
    )


def _choices(
    series: Series, query: Query, starts: Iterable[datetime]
) -> Iterator[Choice]:
    """Each source that can answer the series, smallest first."""
    times = [query.start, query.end, *starts]
    asked = [*keys_of(series), *_breakdown_keys(query)]
    filtered = [*keys_of(_without_operations(series)), *_breakdown_keys(query)]
    had = _fields_had(series)
    unique = [one for one in series.all_operations if one.type == "unique"]
    is_summed = any(one.type == "sum" for one in series.all_operations)
    can_estimate = (
        query.estimates and unique and all(len(one.all_keys) == 1 for one in unique)
    )
    # Buckets without `starts` need only a grain that is no wider than they are.
    narrowest = WIDTHS[query.bucket] if query.bucket else query.end - query.start
    for source in SOURCES[:-1]:
        if is_summed or source.grain.width > narrowest or not source.fits(times):
            continue
        if query.weighted and not source.is_weighted:
            continue
        if not source.having <= had:
            continue
        if source.tells(map(read_key, asked)):
            yield Choice(source)
        elif (
            can_estimate
            and source.tells(map(read_key, filtered))
            and source.sketches(read_key(one.all_keys[0]) for one in unique)
        ):
            yield Choice(source, is_estimate=True)
    yield Choice(SOURCES[-1])


def _fields_had(series: Series) -> set[Field | None]:
    """The fields that the series' filters require its events to have."""
    return {
        read_key(one.key).field
        for one in series.all_filters
        if one.key is not None and one.type not in HOLD_WITHOUT_THE_KEY
    }


def _without_operations(series: Series) -> Series:
    return Series(series.name, series.filters, series.keys)


def _breakdown_keys(query: Query) -> tuple[WrittenKey, ...]:
    return query.breakdown.keys if query.breakdown else ()


def statement_of(
    series: Series, query: Query, choice: Choice, room: Room, *, tenant: str
) -> Statement:
    """Selects the rows of a series, ordered by bucket and group.

    Each row ends with the total of rows, of bytes in keys, and of groups; if these
    exceed the room, only one row is returned, for its totals.
    """
    parameters = Parameters()
    parts = _Parts(series, query, choice, parameters.bind)
    totals = _totals(parts, tenant)
    text = _shown(parts, _ranked(parts, totals), room)
    return Statement(text, parameters.values, parts.columns)


class _Parts:
    """What the functions that build a statement share."""

    def __init__(
        self, series: Series, query: Query, choice: Choice, bind: Bind
    ) -> None:
        self.series = series
        self.query = query
        self.source = choice.source
        self.is_estimate = choice.is_estimate
        self.bind = bind
        self.operations = series.all_operations
        unique = [one for one in self.operations if one.type == "unique"]
        # One distinct count is computed by grouping, which can run in parallel; each of
        # several by sorting.
        self.grouped = unique[0] if len(unique) == 1 and not self.is_estimate else None

    @property
    def keys(self) -> tuple[WrittenKey, ...]:
        return _breakdown_keys(self.query)

    @property
    def key_names(self) -> list[str]:
        return [f"key_{number}" for number in range(1, len(self.keys) + 1)]

    @property
    def group_names(self) -> list[str]:
        return [*(["bucket_start"] if self.query.bucket else []), *self.key_names]

    @property
    def sum_names(self) -> list[str]:
        """The columns that add up."""
        return ["event_count", *(["weighted_count"] if self.query.weighted else [])]

    @property
    def measures(self) -> list[tuple[str, Operation]]:
        return [(f"measure_{n}", one) for n, one in enumerate(self.operations, 1)]

    @property
    def columns(self) -> list[Column]:
        own = {*map(column_of, self.operations)}
        others = {*map(column_of, _operations(self.query))} - own
        return [one for one in columns_of(self.query)[1:] if one not in others]

    def text_of(self, key: WrittenKey) -> sql.Composable:
        return text_of(read_key(key), self.bind)

    def sum_of(self, operation: Operation) -> sql.Composable:
        number = number_of(read_key(operation.all_keys[0]), self.bind)
        if self.query.weighted:
            return sql.SQL("sum({} * events.sample_rate)").format(number)
        return sql.SQL("sum({})").format(number)

    def distinct_of(self, operation: Operation) -> sql.Composable:
        keys = [self.text_of(key) for key in operation.all_keys]
        if self.is_estimate:
            sketch = SKETCHES[read_key(operation.all_keys[0]).field]
            return sql.SQL("sketch.distinct_count(sketch.merge({}))").format(
                sql.Identifier("events", sketch)
            )
        if len(keys) == 1:
            return sql.SQL("count(distinct {})").format(keys[0])
        return sql.SQL("count(distinct ({})) filter (where {})").format(
            sql.SQL(", ").join(keys), _all_there(keys)
        )


def _operations(query: Query) -> Iterator[Operation]:
    for series in query.series:
        yield from series.all_operations


def _totals(parts: _Parts, tenant: str) -> sql.Composed:
    """One row per bucket and group."""
    if parts.grouped is None:
        return _counted(parts, tenant)
    names = [f"part_{n}" for n in range(1, len(parts.grouped.all_keys) + 1)]
    selected = _named(parts.group_names)
    selected += [
        sql.SQL("coalesce(sum({0}), 0)::bigint as {0}").format(sql.Identifier(name))
        for name in parts.sum_names
    ]
    for name, operation in parts.measures:
        total = (
            sql.SQL("count(*) filter (where {})").format(_all_there(_named(names)))
            if operation is parts.grouped
            else sql.SQL("sum({})").format(sql.Identifier(name))
        )
        selected.append(_as(total, name))
    return sql.SQL("select {} from ({}) as counted{}").format(
        sql.SQL(", ").join(selected),
        _counted(parts, tenant),
        _group_by(len(parts.group_names)),
    )


def _counted(parts: _Parts, tenant: str) -> sql.Composed:
    """One row per bucket and group; also per value of a distinct count by grouping."""
    bind, source, query = parts.bind, parts.source, parts.query
    grouped = [
        _as(expression, name)
        for expression, name in zip(
            _group_expressions(parts), parts.group_names, strict=True
        )
    ]
    if parts.grouped:
        for number, key in enumerate(parts.grouped.all_keys, 1):
            grouped.append(_as(parts.text_of(key), f"part_{number}"))
    selected = [*grouped, _as(source.event_count, "event_count")]
    if query.weighted:
        selected.append(_as(source.weighted_count, "weighted_count"))
    for name, operation in parts.measures:
        if operation.type == "sum":
            selected.append(_as(parts.sum_of(operation), name))
        elif operation is not parts.grouped:
            selected.append(_as(parts.distinct_of(operation), name))
    return sql.SQL(
        "select {selected} from {relation} where events.tenant_id = {tenant}::text"
        " and {time} >= {start} and {time} < {end} and {condition}{group_by}"
    ).format(
        selected=sql.SQL(", ").join(selected),
        relation=source.relation,
        tenant=bind(tenant),
        time=source.time,
        start=_moment(parts, query.start),
        end=_moment(parts, query.end),
        condition=condition_of(parts.series.all_filters, bind),
        group_by=_group_by(len(grouped)),
    )


def _moment(parts: _Parts, time: datetime) -> sql.Composable:
    moment = parts.source.moment(time)
    if isinstance(moment, datetime):
        return sql.SQL("{}::timestamptz").format(parts.bind(moment))
    return sql.SQL("{}::date").format(parts.bind(moment))


def _group_expressions(parts: _Parts) -> Iterator[sql.Composable]:
    if parts.query.bucket:
        yield bucket_of(parts.query, parts.source.at, parts.bind)
    for key in parts.keys:
        text = parts.text_of(key)
        if read_key(key).field is None:
            text = sql.SQL("left({}, {}::integer)").format(
                text, parts.bind(MAX_KEY_CHARACTERS)
            )
        yield text


def _ranked(parts: _Parts, totals: sql.Composed) -> sql.Composed:
    """Adds the rank of each group by its events in the whole range."""
    if not parts.keys:
        return sql.SQL(
            "select totals.*, 1::bigint as group_rank from ({}) as totals"
        ).format(totals)
    order = [
        sql.SQL('{} collate "C" nulls last').format(one)
        for one in _named(parts.key_names)
    ]
    return sql.SQL(
        "select grouped.*, dense_rank() over (order by group_events desc, {order})"
        " as group_rank from (select totals.*, sum(event_count) over"
        " (partition by {keys}) as group_events from ({totals}) as totals) as grouped"
    ).format(
        order=sql.SQL(", ").join(order),
        keys=sql.SQL(", ").join(_named(parts.key_names)),
        totals=totals,
    )


def _shown(parts: _Parts, ranked: sql.Composed, room: Room) -> sql.Composed:
    """The groups within the limit, in order."""
    bind, query = parts.bind, parts.query
    selected = _named(parts.group_names)
    if query.bucket:
        local = sql.SQL("bucket_start at time zone {}::text").format(
            bind(query.time_zone)
        )
        selected.insert(1, _as(local, "bucket_local"))
    selected += _named(parts.sum_names)
    selected += _named(name for name, _ in parts.measures)
    places = ["group_rank"]
    if query.bucket:
        places.insert(0, "bucket_start")
    sizes: list[sql.Composable] = [
        sql.SQL("coalesce(octet_length({}), 0)").format(name)
        for name in _named(parts.key_names)
    ]
    limit = query.breakdown.limit if query.breakdown else 1
    return sql.SQL(
        "select {names}, row_count, byte_count, group_count from ("
        "select {selected}, count(*) over () as row_count,"
        " sum({size}) over () as byte_count, group_count,"
        " row_number() over (order by {places}) as row_number"
        " from (select ranked.*, max(group_rank) over () as group_count"
        " from ({ranked}) as ranked) as grouped where group_rank <= {limit}::bigint"
        ") as shown where row_count <= {rows}::bigint and byte_count <= {bytes}::bigint"
        " or row_number = 1 order by row_number"
    ).format(
        names=sql.SQL(", ").join(_named(_output_names(parts))),
        selected=sql.SQL(", ").join(selected),
        size=sql.SQL(" + ").join(sizes or [sql.SQL("0")]),
        places=sql.SQL(", ").join(_named(places)),
        ranked=ranked,
        limit=bind(limit),
        rows=bind(room.rows),
        bytes=bind(room.bytes),
    )


def _output_names(parts: _Parts) -> list[str]:
    """In the order of the answer's columns."""
    names = [
        *parts.group_names,
        *parts.sum_names,
        *(name for name, _ in parts.measures),
    ]
    if parts.query.bucket:
        names.insert(1, "bucket_local")
    order = {column.name: place for place, column in enumerate(parts.columns)}
    measures = sorted(
        parts.measures, key=lambda measure: order[column_of(measure[1]).name]
    )
    return [*names[: len(names) - len(measures)], *(name for name, _ in measures)]


def _named(names: Iterable[str]) -> list[sql.Composable]:
    return [sql.Identifier(name) for name in names]


def _as(expression: sql.Composable, name: str) -> sql.Composable:
    return sql.SQL("{} as {}").format(expression, sql.Identifier(name))


def _all_there(values: Iterable[sql.Composable]) -> sql.Composable:
    conditions = [sql.SQL("{} is not null").format(value) for value in values]
    return sql.SQL(" and ").join(conditions)


def _group_by(count: int) -> sql.Composable:
    if not count:
        return sql.SQL("")
    places = [sql.Literal(place) for place in range(1, count + 1)]
    return sql.SQL(" group by {}").format(sql.SQL(", ").join(places))
