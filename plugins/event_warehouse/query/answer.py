"""An answer as JSON, CSV or Parquet, piece by piece."""

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from event_warehouse.query.columns import Kind
from event_warehouse.query.funnels import FunnelAnswer
from event_warehouse.query.keys import name_of
from event_warehouse.query.parameters import Shown
from event_warehouse.query.run import STANDARD_ERROR, Answer, SeriesAnswer

if TYPE_CHECKING:
    from typing_extensions import Buffer

ROWS_A_PIECE = 1_000

TYPES: Mapping[Kind, pa.DataType] = {
    Kind.TEXT: pa.string(),
    Kind.TIME: pa.timestamp("us", "UTC"),
    Kind.LOCAL_TIME: pa.timestamp("us"),
    Kind.COUNT: pa.int64(),
    # A sum can have any number of digits; few Parquet readers take more than doubles.
    Kind.NUMBER: pa.float64(),
}
HAS_TO_BE_QUOTED = re.compile(r'[,"\r\n]')
_encode = msgspec.json.Encoder(decimal_format="number").encode


class Format(StrEnum):
    """How rows are written, by media type."""

    JSON = "application/json"
    CSV = "text/csv"
    PARQUET = "application/vnd.apache.parquet"


def about_of(answer: Answer) -> dict[str, object]:
    """The answer's metadata: its range, series, funnels and whether it is complete."""
    return {
        **_about_all(answer),
        "series": [
            {"name": one.name, **_about_series(one), **about_sql(one.shown)}
            for one in answer.series
        ],
        "funnels": [_about_funnel(one) for one in answer.funnels],
    }


def brief_about_of(answer: Answer) -> dict[str, object]:
    """The same metadata for a header, which must be ASCII and short.

    Leaves out the SQL and the names of the series, which may be any text; the series
    are in the order of the question.
    """
    series = [_about_series(one) for one in answer.series]
    return {**_about_all(answer), "series": series}


def _about_all(answer: Answer) -> dict[str, object]:
    return {
        "start": answer.query.start,
        "end": answer.query.end,
        "is_complete": answer.is_complete,
    }


def _about_series(one: SeriesAnswer) -> dict[str, object]:
    about: dict[str, object] = {
        "answered_from": one.answered_from,
        "is_estimate": one.is_estimate,
        "is_complete": one.is_complete,
        "group_count": one.group_count,
    }
    if one.is_estimate:
        about["standard_error"] = STANDARD_ERROR
    return about


def _about_funnel(one: FunnelAnswer) -> dict[str, object]:
    asked = one.asked
    return {
        "name": asked.name,
        "type": asked.type,
        "match": [name_of(key) for key in asked.match],
        "answered_from": one.answered_from,
        "is_complete": one.is_complete,
        "group_count": one.group_count,
        "steps": one.steps,
        **about_sql(one.shown),
    }


def about_statements(shown: Sequence[Shown]) -> list[dict[str, object]]:
    """An answer's statements, with their names and parameters."""
    return [{"name": one.name, **about_sql(one)} for one in shown]


def about_sql(shown: Shown | None) -> dict[str, object]:
    """The statement and its parameters as JSON values; empty if SQL is not shown."""
    if shown is None:
        return {}
    parameters = {name: _plain(value) for name, value in shown.parameters.items()}
    return {"sql": shown.sql, "parameters": parameters}


def _plain(value: object) -> object:
    is_plain = value is None or isinstance(value, int | str | list | dict)
    return value if is_plain else str(value)


def write_json(answer: Answer, about: Mapping[str, object]) -> Iterator[bytes]:
    """The rows first, then the metadata."""
    names = [column.name for column in answer.columns]
    yield b'{"rows":['
    separator = b""
    for rows in _pieces(answer, ROWS_A_PIECE):
        objects = (_encode(dict(zip(names, row, strict=True))) for row in rows)
        yield separator + b",".join(objects)
        separator = b","
    yield b"]," + _encode({**about_of(answer), **about})[1:]


def write_csv(answer: Answer) -> Iterator[bytes]:
    """With a header. An empty cell is null, two quotes are the empty string."""
    yield _csv_of([[column.name for column in answer.columns]])
    for rows in _pieces(answer, ROWS_A_PIECE):
        yield _csv_of(rows)


def _csv_of(rows: Iterable[Sequence[object]]) -> bytes:
    # Before 3.12, Python's csv writes null and the empty string alike.
    lines = (",".join(map(_cell, row)) for row in rows)
    return "".join(f"{line}\n" for line in lines).encode()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    text = str(value)
    if text and not HAS_TO_BE_QUOTED.search(text):
        return text
    return '"' + text.replace('"', '""') + '"'


def write_parquet(answer: Answer) -> Iterator[bytes]:
    """One row group per piece, then the footer."""
    schema = pa.schema(
        [pa.field(column.name, TYPES[column.kind]) for column in answer.columns]
    )
    sink = _Sink()
    with pq.ParquetWriter(sink, schema) as writer:
        for rows in _pieces(answer, ROWS_A_PIECE * 10):
            writer.write_table(_table(rows, schema))
            yield sink.take()
    yield sink.take()


class _Sink(io.RawIOBase):
    """Hands over what was written to it, and keeps counting the position."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, piece: "Buffer") -> int:
        self._pieces.append(bytes(piece))
        self._position += len(self._pieces[-1])
        return len(self._pieces[-1])

    def take(self) -> bytes:
        """The bytes written since the last call."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _table(rows: Sequence[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True)
    arrays = [
        pa.array(map(_as_float, values) if kind == pa.float64() else values, kind)
        for values, kind in zip(columns, schema.types, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _as_float(value: Any) -> float | None:
    return None if value is None else float(value)


def _pieces(answer: Answer, size: int) -> Iterator[list[tuple[Any, ...]]]:
    rows = answer.rows()
    while piece := list(islice(rows, size)):
        yield piece
