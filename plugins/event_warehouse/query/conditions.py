"""Filters as SQL conditions on the columns of a relation called events.

`ne` and `not_in` are exact opposites of `eq` and `in`: they also hold for events that
lack the key.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from psycopg import sql

from event_warehouse.query.body import Filter, Value, read_time
from event_warehouse.query.keys import TIMES, Field, Key, read_key
from event_warehouse.query.parameters import Bind

Compare = Callable[[str, Sequence[Value]], sql.Composable]

OPERATORS: Mapping[str, sql.SQL] = {
    "lt": sql.SQL("<"),
    "lte": sql.SQL("<="),
    "gt": sql.SQL(">"),
    "gte": sql.SQL(">="),
}
TRUE = sql.SQL("true")


def condition_of(filters: Iterable[Filter], bind: Bind) -> sql.Composable:
    """True where all of the filters are true; each condition is in brackets."""
    return _joined(" and ", [_condition(one, bind) for one in filters])


def text_of(key: Key, bind: Bind) -> sql.Composable:
    """The key's value as text, an object or list as JSON; null if there is none."""
    if key.field is None and len(key.path) == 1:
        return sql.SQL("(events.attributes ->> {}::text)").format(bind(key.path[0]))
    if key.field is None:
        return sql.SQL("(events.attributes #>> {}::text[])").format(
            bind(list(key.path))
        )
    if key.field is Field.SAMPLE_RATE:
        return sql.SQL("events.sample_rate::text")
    return sql.Identifier("events", key.field)


def number_of(key: Key, bind: Bind) -> sql.Composable:
    """The key's value if it is a number, quoted or not; else null.

    Its length is limited so that the cast can't overflow. Capturing groups would take
    three times as long: 2 us a value.
    """
    if key.field is Field.SAMPLE_RATE:
        return sql.SQL("events.sample_rate::numeric")
    return sql.SQL(
        "case when octet_length({text}) <= 100 and {text}"
        " ~ '^[+-]?(?:[0-9]+(?:[.][0-9]*)?|[.][0-9]+)(?:[eE][+-]?[0-9]{{1,2}})?$'"
        " then {text}::numeric end"
    ).format(text=text_of(key, bind))


def _condition(one: Filter, bind: Bind) -> sql.Composable:
    if one.key is None:
        parts = [_condition(inner, bind) for inner in one.filters]
        return _joined(f" {one.type} ", parts)
    key = read_key(one.key)
    if key.field in TIMES:
        return _condition_on_time(one, sql.Identifier("events", key.field), bind)
    text = text_of(key, bind)
    value = one.value
    match one.type:
        case "all" | "exists":
            return sql.SQL("({} is not null)").format(text)
        case "not_exists":
            return sql.SQL("({} is null)").format(text)
        case "prefix":
            return sql.SQL("starts_with({}, {}::text)").format(text, bind(value))
        case "contains":
            return sql.SQL("(strpos({}, {}::text) > 0)").format(text, bind(value))
        case "regex":
            return sql.SQL("({} ~ {}::text)").format(text, bind(value))
        case "eq" | "ne" | "in" | "not_in":
            return _membership(one, key, bind)
    return _order(one, key, bind)


def _membership(one: Filter, key: Key, bind: Bind) -> sql.Composable:
    values = one.values if one.value is None else (one.value,)
    numbers = [_decimal(value) for value in values if _is_number(value)]
    texts = [_word(value) for value in values if not _is_number(value)]
    found = []
    if texts:
        found.append(_is_one_of(text_of(key, bind), texts, sql.SQL("text"), bind))
    if numbers:
        number = number_of(key, bind)
        found.append(_is_one_of(number, numbers, sql.SQL("numeric"), bind))
    is_found = _joined(" or ", found)
    if one.type in {"ne", "not_in"}:
        return sql.SQL("({} is not true)").format(is_found)
    return is_found


def _is_one_of(
    value: sql.Composable, values: Sequence[object], type: sql.SQL, bind: Bind
) -> sql.Composable:
    if len(values) == 1:
        return sql.SQL("({} = {}::{})").format(value, bind(values[0]), type)
    return sql.SQL("({} = any({}::{}[]))").format(value, bind(list(values)), type)


def _order(one: Filter, key: Key, bind: Bind) -> sql.Composable:
    operator = OPERATORS[one.type]
    if _is_number(one.value):
        return sql.SQL("({} {} {}::numeric)").format(
            number_of(key, bind), operator, bind(_decimal(one.value))
        )
    return sql.SQL('({} collate "C" {} {}::text)').format(
        text_of(key, bind), operator, bind(one.value)
    )


def _condition_on_time(
    one: Filter, column: sql.Composable, bind: Bind
) -> sql.Composable:
    values = one.values if one.value is None else (one.value,)
    times = [read_time(value) for value in values]
    match one.type:
        case "all" | "exists":
            return TRUE
        case "not_exists":
            return sql.SQL("false")
        case "eq" | "in":
            return _is_one_of(column, times, sql.SQL("timestamptz"), bind)
        case "ne" | "not_in":
            found = _is_one_of(column, times, sql.SQL("timestamptz"), bind)
            return sql.SQL("({} is not true)").format(found)
    return sql.SQL("({} {} {}::timestamptz)").format(
        column, OPERATORS[one.type], bind(times[0])
    )


def _joined(word: str, parts: Sequence[sql.Composable]) -> sql.Composable:
    if not parts:
        return TRUE
    if len(parts) == 1:
        return parts[0]
    return sql.SQL("({})").format(sql.SQL(word).join(parts))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _decimal(value: object) -> Decimal:
    """Exactly as written: 0.1, not the nearest binary fraction."""
    return Decimal(str(value))


def _word(value: Value) -> str:
    """As text, with true and false as JSON writes them."""
    return str(value).lower() if isinstance(value, bool) else str(value)
