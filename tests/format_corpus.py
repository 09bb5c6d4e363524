"""Files of every format, each with a bad record among good ones, and what to expect."""

import gzip
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import zstandard

LIMIT = 16 * 1024 * 1024
KEPT = 1024 * 1024
MARK = b"\xef\xbb\xbf"
TIME = "2025-01-01T10:00:00Z"
FEED = """
{form}:
  files: {form}/*
  format: {format}
  fields: {{tenant_id: tenant, event_time: at}}
  attributes: {{n: json}}
"""
FORMATS = {
    "csv": "csv",
    "lines": "json_lines",
    "stream": "json",
    "unseparated": "json",
    "array": "json",
    "parquet": "parquet",
}
NO_OBJECT = "is not a JSON object: "
NOT_UTF8 = "is not UTF-8"
TOO_DEEP = "is JSON nested too deep"
OVERLONG = "is longer than 16,777,216 bytes"

FEEDS = "".join(
    FEED.format(form=form, format=format) for form, format in FORMATS.items()
)

Row = tuple[int, str | None, str | None, str | None, str | None]
"""Number, tenant_id, event_id, event_time and attributes."""
Rejected = tuple[int, str, bytes, int]
"""Number, the reason or its beginning, what is kept of the bytes, and how many."""


@dataclass(frozen=True)
class Case:
    """A file and what must become of its records."""

    name: str
    content: bytes
    rows: Sequence[Row]
    rejected: Sequence[Rejected] = ()


def cases_of(form: str) -> Iterator[Case]:
    """The corpus in one form; what can be packed also packed."""
    if form == "parquet":
        yield from _parquet_cases()
        return
    for case in _csv_cases() if form == "csv" else _json_cases(form):
        yield case
        content = case.content
        packed = {"gz": gzip.compress(content, 1), "zst": zstandard.compress(content)}
        for ending, packing in packed.items():
            yield Case(f"{case.name}.{ending}", packing, case.rows, case.rejected)


# CSV ------------------------------------------------------------------------------

CSV_HEADER = b"event_id,at,tenant,n\n"
CSV_BAD = {
    "nul": (b"a\0b,@,acme,", "holds a NUL byte"),
    "encoding": (b"\xff,@,acme,", NOT_UTF8),
    "surrogate": (b"\xed\xa0\x80,@,acme,", NOT_UTF8),
    "quoted encoding": (b'"\xff",@,acme,', NOT_UTF8),
    "deep": (b"a,@,acme," + b"[" * 100_000, TOO_DEEP),
    "giant": (b"a,@,acme," + b"x" * LIMIT, OVERLONG),
    "open quote": (b'"a,@,acme,', "opens a quote that is never closed"),
    "broken quote": (b'"a"b,@,acme,', "',' expected after '\"'"),
    "many": (b"a,@,acme,,x", "has 5 fields, the header 4"),
    "few": (b"a,@,acme", "has 3 fields, the header 4"),
    "end of data": (rb"\.", "has 1 fields, the header 4"),
    "carriage return": (b"a\rb,@,acme,", "has a carriage return that is not quoted"),
    "byte order mark": (MARK, "has 1 fields, the header 4"),
}
CSV_FINE: dict[str, tuple[bytes, str]] = {
    "quoted": (b'"a""b,\nc",@,acme,', 'a"b,\nc'),
    "end of data in quotes": (b'"a\n\\.\nb",@,acme,', "a\n\\.\nb"),
    "end of data as a value": (rb"\.,@,acme,", r"\."),
    "letters": ("é😀,@,acme,".encode(), "é😀"),
    "byte order mark in a value": (MARK + b"a,@,acme,", "\ufeffa"),
}


def _csv_cases() -> Iterator[Case]:
    for kind, (pattern, reason) in CSV_BAD.items():
        bad = pattern.replace(b"@", TIME.encode())
        rejected = (3, reason, bad[:KEPT], len(bad))
        yield Case(f"{kind}.csv", _csv(bad), _csv_rows(4), [rejected])
    for kind, (pattern, event_id) in CSV_FINE.items():
        line = pattern.replace(b"@", TIME.encode())
        row = (3, "acme", event_id, TIME, None)
        first, last = _csv_rows(4 + line.count(b"\n"))
        yield Case(f"{kind}.csv", _csv(line), [first, row, last])
    yield Case("mark.csv", MARK + _csv(b""), _csv_rows(4))
    # A file of a single column, in which this is all that a line has.
    alone = b"at\nnoon\n\\.\nnight\n"
    times = enumerate(["noon", r"\.", "night"], 2)
    yield Case("alone.csv", alone, [(n, None, None, at, None) for n, at in times])


def _csv(line: bytes) -> bytes:
    first = f'first,{TIME},acme,"[{{}}]"\n'.encode()
    # Without quotes, as one would close what the line before leaves open.
    return CSV_HEADER + first + line + f"\nlast,{TIME},acme,{{}}\n".encode()


def _csv_rows(last: int) -> list[Row]:
    return [
        (2, "acme", "first", TIME, '{"n":"[{}]"}'),
        (last, "acme", "last", TIME, '{"n":"{}"}'),
    ]


# JSON -----------------------------------------------------------------------------

JSON_BAD = {
    "nul": (b'{"event_id":"a\0b"}', NO_OBJECT),
    "nul escape": (rb'{"event_id":"a\u0000b"}', "holds a NUL character"),
    "encoding": (b'{"event_id":"\xff"}', NOT_UTF8),
    "encoding of an attribute": (b'{"n":["\xed\xa0\x80"]}', NOT_UTF8),
    "surrogate": (rb'{"event_id":"\ud800abcdefgh"}', NO_OBJECT),
    "deep": (b'{"n":' + b"[" * 100_000 + b"]" * 100_000 + b"}", TOO_DEEP),
    "giant": (b'{"event_id":"' + b"x" * LIMIT + b'"}', OVERLONG),
    "open string": (b'{"event_id":"a}', NO_OBJECT),
    "open object": (b'{"event_id":"a"', NO_OBJECT),
    "number": (b"1", NO_OBJECT + "Expected `object`, got `int`"),
    "string": (b'"a"', NO_OBJECT + "Expected `object`, got `str`"),
    "null": (b"null", NO_OBJECT + "Expected `object`, got `null`"),
    "array": (b'[{"a":1},2]', NO_OBJECT + "Expected `object`, got `array`"),
    "single quotes": (b"{'event_id':'a'}", NO_OBJECT),
    "trailing comma": (b'{"event_id":"a",}', NO_OBJECT),
    "end of data": (rb"\.", NO_OBJECT),
}
FINE_HEAD = b'{"tenant":"acme","at":"' + TIME.encode() + b'",'
JSON_FINE: dict[str, tuple[bytes, str]] = {
    "twice the same key": (FINE_HEAD + b'"event_id":"a","event_id":"b"}', "b"),
    "end of data as a value": (FINE_HEAD + rb'"event_id":"\\."}', r"\."),
    "end of data in lines": (FINE_HEAD + rb'"event_id":"a\n\\.\n"}', "a\n\\.\n"),
    "letters": (FINE_HEAD + r'"event_id":"é\ud83d\ude00"}'.encode(), "é😀"),
}


def _json_cases(form: str) -> Iterator[Case]:
    for kind, (bad, reason) in JSON_BAD.items():
        rejected = (2, reason, bad[:KEPT], len(bad))
        yield Case(f"{kind}.json", _json(form, bad), _json_rows(3), [rejected])
    for kind, (record, event_id) in JSON_FINE.items():
        first, last = _json_rows(3)
        row = (2, "acme", event_id, TIME, None)
        yield Case(f"{kind}.json", _json(form, record), [first, row, last])
    yield Case("mark.json", MARK + _json(form), _json_rows(2))
    if form == "array":
        cut = _json(form).removesuffix(b"]")
        rejected = (3, "the array ends early", b"", 0)
        yield Case("cut.json", cut, _json_rows(2), [rejected])


def _json(form: str, *between: bytes) -> bytes:
    first, last = (
        FINE_HEAD + b'"event_id":"' + event_id + b'","n":[{}]}'
        for event_id in (b"first", b"last")
    )
    records = [first, *between, last]
    if form == "array":
        return b"[" + b",".join(records) + b"]"
    return b"".join(records) if form == "unseparated" else b"\n".join(records) + b"\n"


def _json_rows(last: int) -> list[Row]:
    return [
        (1, "acme", "first", TIME, '{"n":[{}]}'),
        (last, "acme", "last", TIME, '{"n":[{}]}'),
    ]


# Parquet --------------------------------------------------------------------------

JSON_TIME = b'","at":"' + TIME.encode() + b'","tenant":"acme"'
PARQUET_BAD: dict[str, tuple[bytes, bytes | None, bytes, str]] = {
    # event_id, n, the row as JSON, the reason
    "nul": (b"a\0b", None, rb'{"event_id":"a\u0000b' + JSON_TIME + b"}", "holds a NUL"),
    "encoding": (b"\xff", None, b'{"event_id":"\xff' + JSON_TIME + b"}", NOT_UTF8),
    "encoding of an attribute": (
        b"a",
        b"\xed\xa0\x80",
        b'{"event_id":"a' + JSON_TIME + b',"n":"\xed\xa0\x80"}',
        NOT_UTF8,
    ),
    "deep": (
        b"a",
        b"[" * 100_000,
        b'{"event_id":"a' + JSON_TIME + b',"n":"' + b"[" * 100_000 + b'"}',
        TOO_DEEP,
    ),
    "giant": (
        b"a",
        b"x" * LIMIT,
        b'{"event_id":"a' + JSON_TIME + b',"n":"' + b"x" * LIMIT + b'"}',
        OVERLONG,
    ),
}
PARQUET_FINE = {
    "end of data": "\\.",
    "end of data in lines": "a\n\\.\n",
    "letters": "é😀",
    "byte order mark": "\ufeffa",
}
LONG_LIST = 2_500_000


def _parquet_cases() -> Iterator[Case]:
    for kind, (event_id, n, line, reason) in PARQUET_BAD.items():
        rejected = (2, reason, line[:KEPT], len(line))
        for packing in ("none", "gzip", "zstd"):
            name = f"{kind}.{packing}.parquet"
            content = _parquet(_texts(b"[{}]", n, b"[{}]"), event_id, packing)
            yield Case(name, content, _parquet_rows('{"n":"[{}]"}'), [rejected])
    for kind, text in PARQUET_FINE.items():
        first, last = _parquet_rows('{"n":"[{}]"}')
        content = _parquet(_texts(b"[{}]", None, b"[{}]"), text.encode(), "snappy")
        row = (2, "acme", text, TIME, None)
        yield Case(f"{kind}.parquet", content, [first, row, last])
    yield _long_list()


def _long_list() -> Case:
    long = list(range(1_000_000, 1_000_000 + LONG_LIST))
    numbers = b",".join(b"%d" % n for n in long)
    line = b'{"event_id":"a' + JSON_TIME + b',"n":[' + numbers + b"]}"
    return Case(
        "list.parquet",
        _parquet([[1], long, [1]], b"a", "snappy"),
        _parquet_rows('{"n":[1]}'),
        [(2, OVERLONG, line[:KEPT], len(line))],
    )


def _texts(*values: bytes | None) -> Any:
    """An array of strings that need not be UTF-8."""
    return pa.array(values, pa.binary()).view(pa.string())


def _parquet(n: Any, event_id: bytes, packing: str) -> bytes:
    table = {
        "event_id": _texts(b"first", event_id, b"last"),
        "at": [TIME] * 3,
        "tenant": ["acme"] * 3,
        "n": n,
    }
    file = io.BytesIO()
    pq.write_table(pa.table(table), file, compression=packing)
    return file.getvalue()


def _parquet_rows(attributes: str) -> list[Row]:
    return [
        (1, "acme", "first", TIME, attributes),
        (3, "acme", "last", TIME, attributes),
    ]
