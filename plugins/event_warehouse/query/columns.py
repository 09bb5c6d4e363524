"""The columns of an answer, which all series share."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from event_warehouse.query.body import Operation, Query
from event_warehouse.query.keys import WrittenKey, name_of


class Kind(Enum):
    """What a column holds."""

    TEXT = auto()
    TIME = auto()
    """An instant, in UTC."""
    LOCAL_TIME = auto()
    """Wall-clock time in the question's time zone."""
    COUNT = auto()
    NUMBER = auto()


@dataclass(frozen=True)
class Column:
    """A column of an answer."""

    name: str
    kind: Kind


def columns_of(query: Query) -> tuple[Column, ...]:
    """The columns in order; a series has null in those it was not asked for."""
    return tuple(dict.fromkeys(_columns(query)))


def _columns(query: Query) -> Iterator[Column]:
    yield Column("series", Kind.TEXT)
    if query.bucket:
        yield Column("bucket_start", Kind.TIME)
        yield Column("bucket_local", Kind.LOCAL_TIME)
    for key in _breakdown_keys(query):
        yield Column(name_of(key), Kind.TEXT)
    yield Column("event_count", Kind.COUNT)
    if query.weighted:
        yield Column("weighted_count", Kind.COUNT)
    for series in query.series:
        for operation in series.all_operations:
            yield column_of(operation)


def column_of(operation: Operation) -> Column:
    """Such as unique(user_id) or sum(amount)."""
    names = ", ".join(map(name_of, operation.all_keys))
    kind = Kind.NUMBER if operation.type == "sum" else Kind.COUNT
    return Column(f"{operation.type}({names})", kind)


def repeated_columns(query: Query) -> list[str]:
    """Names that several columns would share."""
    keys = [Column(name_of(key), Kind.TEXT) for key in _breakdown_keys(query)]
    others = [column for column in columns_of(query) if column not in set(keys)]
    names = Counter(column.name for column in (*keys, *others))
    return [name for name, count in names.items() if count > 1]


def _breakdown_keys(query: Query) -> tuple[WrittenKey, ...]:
    return query.breakdown.keys if query.breakdown else ()
