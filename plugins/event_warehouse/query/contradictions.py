"""Checks what a JSON Schema can't: whether a question's members fit together."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta

from event_warehouse.accept.errors import Fault
from event_warehouse.query.body import (
    Filter,
    Funnel,
    Query,
    Series,
    leaves,
    read_time,
)
from event_warehouse.query.buckets import MAX_BUCKETS, WIDTHS
from event_warehouse.query.columns import repeated_columns
from event_warehouse.query.errors import InvalidQuery
from event_warehouse.query.keys import TIMES, Key, NoKey, WrittenKey, read_key
from event_warehouse.query.regex import problem_of_regex
from event_warehouse.query.schema import pointer

MAX_FILTERS = 200
Place = Sequence[str | int]

ON_TIMES = {"eq", "ne", "in", "not_in", "lt", "lte", "gt", "gte"}
ALWAYS = {"all", "exists", "not_exists"}


def refuse_contradictions(query: Query) -> None:
    """Raises InvalidQuery with each fault and its place."""
    if faults := list(_faults(query)):
        raise InvalidQuery("The question does not make sense.", faults)


def _faults(query: Query) -> Iterator[Fault]:
    yield from _faults_of_range(query)
    names = Counter(one.name for one in query.series)
    for index, series in enumerate(query.series):
        place: Place = ["data", index]
        if names[series.name] > 1:
            yield Fault("is another series' name, too", pointer([*place, "name"]))
        yield from _faults_of_series(series, place)
    if query.breakdown:
        for index, key in enumerate(query.breakdown.keys):
            yield from _faults_of_counted_key(key, ["breakdown", "keys", index])
    for name in repeated_columns(query):
        yield Fault(
            f"would have two columns named {name}; an attribute can be written as "
            "attributes.<name>",
            pointer(["breakdown", "keys"]),
        )
    for index, funnel in enumerate(query.funnels):
        where: Place = ["funnel", index] if query.has_funnel_list else ["funnel"]
        yield from _faults_of_funnel(funnel, where, names)


def _faults_of_range(query: Query) -> Iterator[Fault]:
    if query.end <= query.start:
        yield Fault("is not after start", pointer(["end"]))
    elif query.bucket:
        width: timedelta = WIDTHS[query.bucket]
        if (query.end - query.start) / width > MAX_BUCKETS:
            reason = f"makes more than {MAX_BUCKETS:,} buckets of the range"
            yield Fault(reason, pointer(["bucket"]))


def _faults_of_series(series: Series, place: Place) -> Iterator[Fault]:
    if sum(1 for _ in leaves(series.filters)) > MAX_FILTERS:
        reason = f"has more than {MAX_FILTERS} filters"
        yield Fault(reason, pointer([*place, "filters"]))
    for index, one in enumerate(series.filters):
        yield from _faults_of_filter(one, [*place, "filters", index])
    for index, key in enumerate(series.keys):
        yield from _faults_of_key(key, [*place, "keys", index])
    for index, key in enumerate(series.unique):
        yield from _faults_of_counted_key(key, [*place, "unique", index])
    for index, operation in enumerate(series.operations):
        inner = [*place, "operations", index]
        if operation.key is not None:
            yield from _faults_of_counted_key(operation.key, [*inner, "key"])
        for position, key in enumerate(operation.keys):
            yield from _faults_of_counted_key(key, [*inner, "keys", position])


def _faults_of_filter(one: Filter, place: Place) -> Iterator[Fault]:
    for index, inner in enumerate(one.filters):
        yield from _faults_of_filter(inner, [*place, "filters", index])
    if one.key is None:
        return
    yield from _faults_of_key(one.key, [*place, "key"])
    key = _read(one.key)
    if key and key.field in TIMES:
        yield from _faults_of_time_filter(one, place)
    if one.type == "regex" and (problem := problem_of_regex(str(one.value))):
        yield Fault(problem, pointer([*place, "value"]))


def _faults_of_time_filter(one: Filter, place: Place) -> Iterator[Fault]:
    if one.type not in ON_TIMES | ALWAYS:
        yield Fault("can't be asked of a time", pointer([*place, "type"]))
        return
    if one.value is not None and not _is_time(one.value):
        yield Fault("is not a time", pointer([*place, "value"]))
    for index, value in enumerate(one.values):
        if not _is_time(value):
            yield Fault("is not a time", pointer([*place, "values", index]))


def _is_time(value: object) -> bool:
    try:
        read_time(value)
    except ValueError:
        return False
    return True


def _faults_of_key(key: WrittenKey, place: Place) -> Iterator[Fault]:
    try:
        read_key(key)
    except NoKey as error:
        yield Fault(str(error), pointer(place))


def _faults_of_counted_key(key: WrittenKey, place: Place) -> Iterator[Fault]:
    yield from _faults_of_key(key, place)
    found = _read(key)
    if found and found.field in TIMES:
        yield Fault("is a time; ask for buckets instead", pointer(place))


def _read(key: WrittenKey) -> Key | None:
    try:
        return read_key(key)
    except NoKey:
        return None


def _faults_of_funnel(
    funnel: Funnel, place: Place, names: Counter[str]
) -> Iterator[Fault]:
    member = "order" if funnel.order else "data"
    for index, step in enumerate(funnel.steps):
        if step not in names:
            yield Fault("is not the name of a series", pointer([*place, member, index]))
    for index, key in enumerate(funnel.match):
        yield from _faults_of_counted_key(key, [*place, "match", index])
    if funnel.breakdown is not None:
        yield from _faults_of_counted_key(funnel.breakdown, [*place, "breakdown"])
