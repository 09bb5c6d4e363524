import base64
import io
import json
import random
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pyarrow.parquet.encryption as encryption  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_warehouse.errors import FileError
from event_warehouse.feeds import Constant, EventField, Feed, Joined
from event_warehouse.load import parquet_batches
from event_warehouse.load.json_depth import MAX_DEPTH, TOO_DEEP
from event_warehouse.load.json_records import read_json_lines
from event_warehouse.load.lines import split_at_lines
from event_warehouse.load.parquet_records import read_parquet
from event_warehouse.load.records import (
    KEPT_BYTES,
    MAX_RECORD_BYTES,
    OVERLONG,
    Batch,
    Drift,
    Records,
    RejectedLine,
    StrippedLine,
)

LOAD_ID = 7
FIELDS: dict[EventField, str | Constant] = {
    EventField.TENANT_ID: Constant(constant="forge"),
    EventField.EVENT_TIME: "at",
    EventField.USER_ID: "actor.login",
}
PUSHES = Feed(name="pushes", files=("pushes/*",), format="parquet", fields=FIELDS)
TIMELESS = Feed(
    name="timeless",
    files=("timeless/*",),
    format="parquet",
    fields={EventField.EVENT_TIME: Constant(constant="noon")},
)
UNESCAPED = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r"}

Row = dict[str, str | None]


@dataclass(frozen=True)
class Read:
    """What a reader made of a file, its COPY rows parsed again."""

    rows: list[Row] = field(default_factory=list)
    rejected: list[RejectedLine] = field(default_factory=list)
    stripped: list[StrippedLine] = field(default_factory=list)

    @property
    def line_numbers(self) -> list[int]:
        return [int(row["line_number"] or 0) for row in self.rows]

    def values(self, column: str) -> list[str | None]:
        return [row[column] for row in self.rows]

    @property
    def attributes(self) -> list[Any]:
        texts = self.values("attributes")
        return [text if text is None else json.loads(text) for text in texts]


def write(columns: Any, **options: Any) -> io.BytesIO:
    """A Parquet file in memory, of a table or of columns by name."""
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    file.seek(0)
    return file


def read(file: io.BytesIO, feed: Feed = PUSHES) -> Read:
    return parse(read_parquet(file, feed, load_id=LOAD_ID))


def parse(records: Records) -> Read:
    assert records.copy_format == "text"
    result = Read()
    for batch in records.batches:
        result.rows.extend(rows_of(records, batch))
        result.rejected.extend(batch.rejected)
        result.stripped.extend(batch.stripped)
    return result


def rows_of(records: Records, batch: Batch) -> list[Row]:
    lines = batch.rows.decode().split("\n")
    assert lines.pop() == ""
    assert len(lines) == batch.row_count
    columns = list(map(str, records.columns))
    return [
        dict(zip(columns, map(unescape, line.split("\t")), strict=True))
        for line in lines
    ]


def unescape(text: str) -> str | None:
    """The value of a field in COPY's text format."""
    if text == "\\N":
        return None
    pieces = iter(text)
    return "".join(
        UNESCAPED[next(pieces)] if piece == "\\" else piece for piece in pieces
    )


def field_and_attribute(values: Any, kind: Any = None) -> list[tuple[str | None, Any]]:
    """How the values arrive as an event field, and how as an attribute."""
    array = pa.array(values, kind)
    result = read(write({"event_id": array, "n": array}), TIMELESS)
    assert result.rejected == []
    texts = [row.get("attributes") for row in result.rows]
    attributes = [None if text is None else text[5:-1] for text in texts]
    return list(zip(result.values("event_id"), attributes, strict=True))


def refusal(file: io.BytesIO, feed: Feed = PUSHES) -> str:
    with pytest.raises(FileError) as error:
        read(file, feed)
    return str(error.value)


# Columns --------------------------------------------------------------------------


def test_columns_are_found_by_name() -> None:
    (row,) = read(write({"n": [1], "actor": [{"login": "ada"}], "at": ["noon"]})).rows

    assert row == {
        "load_id": "7",
        "line_number": "1",
        "tenant_id": "forge",
        "event_time": "noon",
        "user_id": "ada",
        "attributes": '{"n":1,"actor":{"login":"ada"}}',
    }


def test_file_without_other_columns_has_no_attributes() -> None:
    (row,) = read(write({"at": ["noon"]})).rows

    assert list(row) == ["load_id", "line_number", "tenant_id", "event_time"]


def test_file_without_rows_has_no_records() -> None:
    schema = pa.schema([("at", pa.string()), ("n", pa.list_(pa.int64()))])

    assert read(write(schema.empty_table())) == Read()
    assert read(write(schema.empty_table(), row_group_size=1)) == Read()


def test_event_time_may_be_nested() -> None:
    feed = PUSHES.model_copy(update={"fields": {EventField.EVENT_TIME: "meta.at"}})

    assert read(write({"meta": [{"at": "noon"}]}), feed).values("event_time") == [
        "noon"
    ]


@pytest.mark.parametrize("columns", [{"time": [1], "n": [2]}, {"at.x": [1], "n": [2]}])
def test_file_without_the_event_time_is_refused(columns: Mapping[str, object]) -> None:
    assert refusal(write(columns)) == (
        "has no column 'at', the event time of feed pushes, but 2 others"
    )


def test_event_time_that_may_be_missing_is_not_asked_for() -> None:
    feed = PUSHES.model_copy(update={"missing_event_time": "file_time"})

    assert read(write({"n": [1]}), feed).attributes == [{"n": 1}]


def test_two_columns_of_one_name_are_refused() -> None:
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], ["at", "at"])

    assert refusal(write(table)) == "has 1 column names twice"


def test_column_that_has_a_constant_s_name_is_an_attribute() -> None:
    (row,) = read(write({"at": ["noon"], "tenant_id": ["acme"]})).rows

    assert row["tenant_id"] == "forge"
    assert row["attributes"] == '{"tenant_id":"acme"}'


def test_dotted_name_is_no_path_and_no_column_is_lost_by_it() -> None:
    (row,) = read(write({"at": ["noon"], "actor.login": ["ada"]})).rows

    assert "user_id" not in row
    assert row["attributes"] == '{"actor.login":"ada"}'


@pytest.mark.parametrize(
    ("kind", "logins"),
    [
        (pa.struct([("login", pa.string())]), ["ada", None, None]),
        (pa.map_(pa.string(), pa.string()), ["ada", None, None]),
    ],
)
def test_path_leads_into_structs_and_maps(kind: Any, logins: list[str | None]) -> None:
    is_map = pa.types.is_map(kind)
    ada: object = [("login", "ada")] if is_map else {"login": "ada"}
    nobody: object = [] if is_map else {}
    table = {"at": ["noon"] * 3, "actor": pa.array([ada, nobody, None], kind)}

    assert read(write(table)).values("user_id") == logins


@pytest.mark.parametrize("actor", ["login", 1, ["login"], [{"login": "ada"}], None])
def test_path_through_what_is_no_object_leads_nowhere(actor: object) -> None:
    (row,) = read(write({"at": ["noon"], "actor": [actor]})).rows

    assert "user_id" not in row


@pytest.mark.parametrize("constant", ["a\tb", "a\\N", "a\nb", "50%", "\\N"])
def test_constant_arrives_as_it_was_declared(constant: str) -> None:
    fields = {**FIELDS, EventField.SERVICE: Constant(constant=constant)}
    feed = PUSHES.model_copy(update={"fields": fields})

    assert read(write({"at": ["noon"]}), feed).values("service") == [constant]


def test_two_fields_of_one_column_both_have_its_value() -> None:
    fields = {EventField.EVENT_TIME: "at", EventField.EVENT_ID: "at"}
    feed = PUSHES.model_copy(update={"fields": fields})

    (row,) = read(write({"at": ["noon"]}), feed).rows

    assert (row["event_time"], row["event_id"]) == ("noon", "noon")


@pytest.mark.parametrize("separator", [":", "", ", "])
def test_joined_field_is_made_of_what_is_there(separator: str) -> None:
    joined = Joined(join=("kind", "number", "missing"), separator=separator)
    feed = PUSHES.model_copy(update={"fields": {EventField.ENTITY_ID: joined}})
    table = {
        "event_time": ["noon"] * 4,
        "kind": ["issue", "issue", None, ""],
        "number": [1, None, 3, None],
    }

    result = read(write(table), feed)

    assert result.values("entity_id") == [f"issue{separator}1", "issue", "3", None]
    assert "attributes" not in result.rows[0]


def test_unwrapped_members_count_as_columns() -> None:
    feed = PUSHES.model_copy(update={"unwrap": "body"})
    table = {
        "n": [1, 2],
        "body": [{"at": "noon", "n": 3, "size": 4}, None],
        "actor": [{"login": "ada"}, None],
    }

    result = read(write(table), feed)

    assert result.values("event_time") == ["noon", None]
    assert result.values("user_id") == ["ada", None]
    assert result.attributes == [
        {"n": 1, "body": {"n": 3}, "actor": {"login": "ada"}, "size": 4},
        {"n": 2},
    ]


def test_members_that_are_wrapped_twice_are_unwrapped() -> None:
    feed = PUSHES.model_copy(update={"unwrap": "body.event"})
    table = {"body": [{"v": 1, "event": {"at": "noon"}}]}

    (row,) = read(write(table), feed).rows

    assert (row["event_time"], row["attributes"]) == ("noon", '{"body":{"v":1}}')


def test_drift_is_told() -> None:
    feed = PUSHES.model_copy(update={"attributes": {"size": "integer", "n": "text"}})
    file = write({"at": ["noon"], "n": ["x"], "colour": ["red"]})

    assert read_parquet(file, feed, load_id=1).drift == Drift(
        unknown_fields=("colour",), missing_fields=("actor.login", "size")
    )


def test_file_without_rows_misses_nothing() -> None:
    file = write(pa.schema([("at", pa.string())]).empty_table())

    assert read_parquet(file, PUSHES, load_id=1).drift == Drift()


# Values ---------------------------------------------------------------------------


def test_integers_keep_each_digit() -> None:
    extremes = [-(2**63), 2**63 - 1, 0, None]

    assert field_and_attribute(extremes, pa.int64()) == [
        (None if n is None else str(n), None if n is None else str(n)) for n in extremes
    ]
    assert field_and_attribute([2**64 - 1], pa.uint64()) == [(str(2**64 - 1),) * 2]
    assert field_and_attribute([-128], pa.int8()) == [("-128", "-128")]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_floats_read_as_the_same_number(numbers: list[float]) -> None:
    for number, (text, attribute) in zip(
        numbers, field_and_attribute(numbers, pa.float64()), strict=True
    ):
        assert text == attribute
        assert float(text or "") == number
        assert json.loads(attribute) == number


def test_float_has_no_more_digits_than_it_needs() -> None:
    assert field_and_attribute([0.1], pa.float64()) == [("0.1", "0.1")]
    assert field_and_attribute([0.1], pa.float32()) == [("0.1", "0.1")]
    assert field_and_attribute([1.5, None], pa.float16()) == [("1.5",) * 2, (None,) * 2]


def test_float_below_1e16_is_written_without_an_exponent() -> None:
    texts = ["1735689600123", "12345678901.25", "-9999999999999998", "1e+16", "0.00001"]
    found = field_and_attribute([*map(float, texts), None], pa.float64())

    assert found == [*((text, text) for text in texts), (None, None)]


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), pa.float16()])
def test_number_that_json_does_not_have_is_a_string(kind: Any) -> None:
    numbers = [float("nan"), float("inf"), float("-inf"), 1.0, None]

    assert field_and_attribute(numbers, kind) == [
        ("NaN", '"NaN"'),
        ("Infinity", '"Infinity"'),
        ("-Infinity", '"-Infinity"'),
        ("1", "1"),
        (None, None),
    ]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1.50", pa.decimal128(10, 2)),
        ("-0.01", pa.decimal32(5, 2)),
        ("12345678901234567890123456789012345678", pa.decimal128(38, 0)),
        ("1234567890123456789012345678901234567890.123", pa.decimal256(70, 3)),
        ("0.00", pa.decimal64(5, 2)),
    ],
)
def test_decimals_keep_each_digit(text: str, kind: Any) -> None:
    assert field_and_attribute([Decimal(text), None], kind) == [
        (text, text),
        (None,) * 2,
    ]


def test_booleans_are_words() -> None:
    assert field_and_attribute([True, False, None]) == [
        ("true", "true"),
        ("false", "false"),
        (None, None),
    ]


@pytest.mark.parametrize(
    ("unit", "fraction"),
    [("ms", ".123"), ("us", ".123456"), ("ns", ".123456000")],
)
def test_time_with_a_zone_is_utc_in_the_precision_of_its_column(
    unit: str, fraction: str
) -> None:
    berlin = timezone(timedelta(hours=2))
    moment = datetime(2025, 7, 1, 12, 0, 0, 123456, tzinfo=berlin)
    kind = pa.timestamp("us", "Europe/Berlin")
    array = pa.array([moment, None], kind).cast(
        pa.timestamp(unit, "Europe/Berlin"), safe=False
    )

    text = f"2025-07-01T10:00:00{fraction}Z"
    assert field_and_attribute(array) == [(text, f'"{text}"'), (None, None)]


def test_time_without_a_zone_has_no_offset() -> None:
    text = "2025-07-01T12:00:00.000001"

    assert field_and_attribute([datetime(2025, 7, 1, 12, 0, 0, 1)]) == [
        (text, f'"{text}"')
    ]


def test_old_and_strange_times_keep_their_value() -> None:
    kind = pa.timestamp("us", "UTC")
    times = pa.array([-62_135_596_800_000_000, 253_402_300_800_000_000, 2**62], kind)

    assert [text for text, _ in field_and_attribute(times)] == [
        "0001-01-01T00:00:00.000000Z",
        "10000-01-01T00:00:00.000000Z",
        str(2**62),
    ]


def test_times_of_96_bits_are_right_in_any_century() -> None:
    times = [datetime(1, 1, 1), datetime(2025, 1, 1, 12, 0, 0, 5), datetime(9999, 1, 1)]
    file = write({"at": times}, use_deprecated_int96_timestamps=True)

    assert read(file).values("event_time") == [
        "0001-01-01T00:00:00.000000",
        "2025-01-01T12:00:00.000005",
        "9999-01-01T00:00:00.000000",
    ]


def test_dates_and_times_of_day_are_iso_8601() -> None:
    assert field_and_attribute([date(2025, 1, 2)]) == [("2025-01-02", '"2025-01-02"')]
    assert field_and_attribute([time(1, 2, 3, 4)]) == [
        ("01:02:03.000004", '"01:02:03.000004"')
    ]


def test_duration_tells_its_unit() -> None:
    assert field_and_attribute([1_500], pa.duration("ms")) == [("1500ms", '"1500ms"')]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "\\N",
        "\\.",
        "a\tb\nc\rd\\e",
        'say "hi"',
        "é😀",
        "\x01\x1f\x7f\u2028",
    ],
)
@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.dictionary(pa.int32(), pa.string()),
    ],
)
def test_strings_arrive_as_they_are(text: str, kind: Any) -> None:
    values = pa.array([text, None, text]).cast(kind)

    for found, attribute in field_and_attribute(values)[::2]:
        assert found == text
        assert json.loads(attribute) == text
    assert field_and_attribute(values)[1] == (None, None)


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view()])
def test_bytes_that_are_text_are_text_and_others_hex(kind: Any) -> None:
    found = field_and_attribute(["é".encode(), b"\xff\x00", b"a\0", b"", None], kind)

    assert found == [
        ("é", '"é"'),
        (r"\xff00", r'"\\xff00"'),
        (r"\x6100", r'"\\x6100"'),
        ("", '""'),
        (None, None),
    ]


def test_bytes_of_a_fixed_size_are_hex() -> None:
    assert field_and_attribute([b"ab", None], pa.binary(2)) == [
        (r"\x6162", r'"\\x6162"'),
        (None, None),
    ]


def test_uuid_is_written_as_one() -> None:
    value = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")

    assert field_and_attribute([value.bytes, None], pa.uuid()) == [
        (str(value), f'"{value}"'),
        (None, None),
    ]


def test_string_declared_as_json_is_part_of_the_attributes() -> None:
    documents = ['{"a" : [1.50]}', "oops", None, '"x"', "[" * 600 + "]" * 600]

    found = [attribute for _, attribute in field_and_attribute(documents, pa.json_())]

    assert found == ['{"a" : [1.50]}', '"oops"', None, '"x"', f'"{documents[-1]}"']


def test_nested_values_are_json() -> None:
    kind = pa.struct(
        [
            ("tags", pa.list_(pa.string())),
            ("sizes", pa.map_(pa.string(), pa.decimal128(4, 1))),
            ("when", pa.timestamp("s", "UTC")),
        ]
    )
    values = [
        {"tags": ['a"b', None], "sizes": [("x", Decimal("1.0")), ("y", None)]},
        {"tags": [], "when": datetime(2025, 1, 1, tzinfo=UTC)},
        {},
        None,
    ]
    texts = [
        r'{"tags":["a\"b",null],"sizes":{"x":1.0,"y":null}}',
        '{"tags":[],"when":"2025-01-01T00:00:00.000Z"}',
        "{}",
        None,
    ]

    assert field_and_attribute(values, kind) == [(text, text) for text in texts]


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.int64()),
        pa.large_list(pa.int64()),
        pa.list_view(pa.int64()),
        pa.list_(pa.int64(), 2),
    ],
)
def test_lists_of_any_kind_are_arrays(kind: Any) -> None:
    assert field_and_attribute([[1, None], None, [3, 4]], kind) == [
        ("[1,null]", "[1,null]"),
        (None, None),
        ("[3,4]", "[3,4]"),
    ]


def test_null_members_are_left_out_and_a_row_of_nulls_has_no_attributes() -> None:
    table = {
        "at": ["noon"] * 4,
        "a": [1, None, None, None],
        "b": ["x", "y", None, None],
        "c": pa.nulls(4),
    }

    assert read(write(table)).attributes == [{"a": 1, "b": "x"}, {"b": "y"}, None, None]


def test_attribute_names_are_escaped() -> None:
    (attributes,) = read(write({"at": ["noon"], 'a "b"\\\n': [1]})).attributes

    assert attributes == {'a "b"\\\n': 1}


# Rejected rows --------------------------------------------------------------------


def test_nul_in_a_field_rejects_its_row_and_no_other() -> None:
    table = {"at": ["noon", "no\0on", "night"], "n": [1, 2, None]}

    result = read(write(table))

    line = rb'{"at":"no\u0000on","n":2}'
    assert result.rejected == [
        RejectedLine(2, "holds a NUL character", line, len(line))
    ]
    assert result.line_numbers == [1, 3]


def test_nul_in_an_attribute_is_kept_as_its_escape() -> None:
    (row,) = read(write({"at": ["noon"], "n": ["\0"], "m": [["\0"]]})).rows

    assert row["attributes"] == r'{"n":"\u0000","m":["\u0000"]}'


@pytest.mark.parametrize("bad", [b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"a\xe9"])
@pytest.mark.parametrize("column", ["at", "n", "nested"])
def test_string_that_is_not_utf8_rejects_its_row_and_no_other(
    bad: bytes, column: str
) -> None:
    strings = pa.array([b"x", bad, b"z"], pa.binary()).view(pa.string())
    good = pa.array(["x", "y", "z"])
    table = {
        "at": strings if column == "at" else good,
        "n": strings if column == "n" else good,
        "nested": pa.StructArray.from_arrays(
            [strings if column == "nested" else good], ["s"]
        ),
    }

    result = read(write(table))

    (rejected,) = result.rejected
    assert (rejected.line_number, rejected.reason) == (2, "is not UTF-8")
    assert bad in rejected.line
    assert result.line_numbers == [1, 3]


def test_row_over_the_limit_is_rejected_with_its_beginning() -> None:
    giant = "é" * (MAX_RECORD_BYTES // 2 + 1)

    result = read(write({"at": ["noon", "night", "late"], "n": ["x", giant, "z"]}))

    (rejected,) = result.rejected
    assert (rejected.line_number, rejected.reason) == (2, OVERLONG)
    assert len(rejected.line) == KEPT_BYTES
    assert rejected.line.startswith('{"at":"night","n":"éé'.encode())
    assert rejected.byte_count > MAX_RECORD_BYTES
    assert result.line_numbers == [1, 3]


def test_row_that_is_over_the_limit_only_once_it_is_written_is_rejected() -> None:
    many = [["x" * 1_000] * 17_000]

    result = read(write({"at": ["noon"], "n": many}))

    assert [line.reason for line in result.rejected] == [OVERLONG]


def test_string_declared_as_json_that_is_too_deep_rejects_its_row() -> None:
    feed = PUSHES.model_copy(update={"attributes": {"n": "json"}})
    depth = MAX_DEPTH + 1
    table = {"at": ["noon"] * 3, "n": ["[]", "[" * depth + "]" * depth, "x" * 2_000]}

    result = read(write(table), feed)

    assert [(line.line_number, line.reason) for line in result.rejected] == [
        (2, TOO_DEEP)
    ]
    assert result.line_numbers == [1, 3]


def test_nul_characters_are_left_out_where_the_feed_says_so() -> None:
    feed = PUSHES.model_copy(update={"strip_nul": True})
    table = {
        "at": ["no\0on", "night", r"\u0000"],
        "n": [r"\u0000", "a\0", r"\\u0000"],
        "actor": [{"login": "ada"}, {"login": "\0bob\0"}, {"login": "eve"}],
    }

    result = read(write(table), feed)

    assert result.rejected == []
    assert result.values("event_time") == ["noon", "night", r"\u0000"]
    assert result.values("user_id") == ["ada", "bob", "eve"]
    assert [found["n"] for found in result.attributes] == [
        r"\u0000",
        "a",
        r"\\u0000",
    ]
    assert [(line.line_number, json.loads(line.line)) for line in result.stripped] == [
        (1, {"at": "no\0on", "n": r"\u0000", "actor": {"login": "ada"}}),
        (2, {"at": "night", "n": "a\0", "actor": {"login": "\0bob\0"}}),
    ]


# Batches --------------------------------------------------------------------------


@pytest.mark.parametrize("row_group_size", [1, 7, 1_000, 100_000])
@pytest.mark.parametrize("use_dictionary", [True, False])
def test_rows_keep_their_order_over_row_groups_and_batches(
    row_group_size: int, use_dictionary: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_batches, "BATCH_BYTES", 1_000)
    count = min(2_000, row_group_size * 50)
    table = {
        "at": [f"noon {n}" for n in range(count)],
        "n": [f"{n % 10}" * (n % 10) for n in range(count)],
    }
    file = write(table, row_group_size=row_group_size, use_dictionary=use_dictionary)

    result = read(file)

    assert result.line_numbers == list(range(1, count + 1))
    assert result.values("event_time") == table["at"]
    assert [found["n"] for found in result.attributes] == table["n"]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize(
    "compression", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"]
)
def test_file_of_any_compression_and_page_version_is_read(
    version: str, compression: str
) -> None:
    texts = [f"noon {n % 300}" for n in range(3_000)]
    file = write(
        {"at": texts, "n": texts},
        data_page_version=version,
        compression=compression,
        dictionary_pagesize_limit=500,
        write_page_checksum=True,
    )

    assert read(file).values("event_time") == texts


def test_long_value_of_many_rows_comes_in_small_batches() -> None:
    long = pa.DictionaryArray.from_arrays(pa.array([0] * 2_000), ["x" * 100_000])
    file = write({"at": ["noon"] * 2_000, "n": long})

    sizes = [len(b.rows) for b in read_parquet(file, PUSHES, load_id=1).batches]

    assert sum(sizes) > 2_000 * 100_000
    assert max(sizes) < 2 * parquet_batches.BATCH_BYTES


def test_row_group_whose_pages_are_too_large_is_refused() -> None:
    bomb = pa.array(["x" * 1_000_000]).take(pa.array([0] * 150))
    rest = ["noon"] * 150
    file = write({"at": rest, "n": bomb}, use_dictionary=False, compression="zstd")
    assert len(file.getvalue()) < 100_000

    told = refusal(file)

    assert told.startswith("row group 0 needs 150,0")
    assert told.endswith(
        "bytes of memory, more than 134,217,728, for a page of each column (most for "
        "'n'); write it with smaller pages or row groups"
    )


# Takes what the process had at most beyond what it had when it began to read.
MEASURE = """
import re, sys
from event_warehouse.feeds import EventField, Feed
from event_warehouse.load.parquet_records import read_parquet

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])

fields = {EventField.EVENT_TIME: "at"}
feed = Feed(name="f", files=("*",), format="parquet", fields=fields)
before = peak()
with open(sys.argv[1], "rb") as file:
    rows = sum(b.row_count for b in read_parquet(file, feed, load_id=1).batches)
print(rows, (peak() - before) // 1024)
"""


def test_row_group_of_any_size_is_read_in_bounded_memory(tmp_path: Path) -> None:
    payload = pa.array([f"{n:08}" * 500 for n in range(1_000)])
    table = pa.table({"at": pa.repeat("noon", 1_000), "n": payload})
    path = tmp_path / "large.parquet"
    whole = pa.concat_tables([table] * 80)
    pq.write_table(whole, path, use_dictionary=False, compression="none")
    assert path.stat().st_size > 300_000_000
    assert pq.read_metadata(path).num_row_groups == 1

    command = [sys.executable, "-W", "ignore", "-c", MEASURE, str(path)]
    result = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PYTHONPATH": PLUGINS}
    )

    rows, grown = map(int, result.stdout.split())
    assert rows == 80_000
    assert grown < 200


PLUGINS = str(Path(parquet_batches.__file__).parents[2])

# Files that can't be read ---------------------------------------------------------


@pytest.mark.parametrize(
    "content", [b"", b"PAR", b"at,n\n1,2\n", b"\x1f\x8b\x08" + bytes(50), bytes(50)]
)
def test_file_that_is_not_parquet_is_refused(content: bytes) -> None:
    assert refusal(io.BytesIO(content)) == "is not a Parquet file"


def test_file_that_is_cut_off_is_refused() -> None:
    whole = write({"at": ["noon", "night"]}).getvalue()

    for length in range(4, len(whole)):
        assert refusal(io.BytesIO(whole[:length])).startswith("is damaged or cut off")


class OpenKeys(encryption.KmsClient):  # type: ignore[misc]
    """Keeps keys as they are."""

    def __init__(self, _: object) -> None:
        super().__init__()

    def wrap_key(self, key: bytes, master: str) -> bytes:
        return base64.b64encode(key)

    def unwrap_key(self, key: bytes, master: str) -> bytes:
        return base64.b64decode(key)


@pytest.mark.parametrize(
    ("has_plain_footer", "reason"),
    [
        (False, "is encrypted, and can't be read"),
        (True, "has encrypted columns, which can't be read"),
    ],
)
def test_encrypted_file_is_refused(has_plain_footer: bool, reason: str) -> None:
    properties = encryption.CryptoFactory(OpenKeys).file_encryption_properties(
        encryption.KmsConnectionConfig(),
        encryption.EncryptionConfiguration(
            footer_key="footer",
            column_keys={"secret": ["n"]},
            plaintext_footer=has_plain_footer,
        ),
    )

    file = write({"at": ["noon"], "n": [1]}, encryption_properties=properties)

    assert refusal(file) == reason


def test_damaged_page_is_noticed_by_its_checksum() -> None:
    options = {"write_page_checksum": True, "compression": "none"}
    file = write({"at": ["noon"] * 10, "n": list(range(10))}, **options)
    damaged = bytearray(file.getvalue())
    damaged[damaged.index(b"noon")] ^= 1

    told = refusal(io.BytesIO(damaged))

    assert told.startswith(
        "its Parquet data is damaged or of a kind that can't be read"
    )


def test_damage_anywhere_does_no_harm() -> None:
    table = {
        "at": ["noon"] * 200,
        "n": [[n, None] for n in range(200)],
        "actor": [{"login": f"user-{n}"} for n in range(200)],
    }
    whole = write(table, row_group_size=90).getvalue()
    chance = random.Random(1)

    for _ in range(300):
        damaged = bytearray(whole)
        damaged[chance.randrange(4, len(whole))] ^= 1 << chance.randrange(8)
        with suppress(FileError):
            read(io.BytesIO(damaged))


def test_failure_of_the_file_itself_is_told_as_it_is() -> None:
    class Breaking(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.reads += 1
            if self.reads > 8:
                raise FileError("was changed while it was read")
            return super().read(size)

    whole = write({"at": [f"noon {n}" for n in range(200_000)]}, row_group_size=10_000)

    assert refusal(Breaking(whole.getvalue())) == "was changed while it was read"


# Against the JSON reader ----------------------------------------------------------

TEXT = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from('\t\n\r"\\\x01'),
    max_size=8,
)
INTEGER = st.integers(-(2**63), 2**63 - 1)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
SCHEMA = pa.schema(
    [
        ("at", pa.string()),
        ("event_id", pa.int64()),
        ("event_type", pa.bool_()),
        ("actor", pa.struct([("login", pa.string()), ("id", pa.int64())])),
        ("words", pa.list_(pa.string())),
        ("share", pa.float64()),
        ("counts", pa.list_(pa.struct([("n", pa.int64()), ("of", pa.string())]))),
    ]
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "at": TEXT,
    "event_id": INTEGER,
    "event_type": st.booleans(),
    "actor": st.fixed_dictionaries({}, optional={"login": TEXT, "id": INTEGER}),
    "words": st.lists(TEXT | st.none(), max_size=3),
    "share": NUMBER,
    "counts": st.lists(
        st.fixed_dictionaries({}, optional={"n": INTEGER, "of": TEXT}), max_size=3
    ),
}
RECORDS = st.lists(st.fixed_dictionaries({}, optional=VALUES), max_size=12)


@given(
    RECORDS,
    st.sampled_from([1, 3, 100]),
    st.booleans(),
    st.sampled_from([{}, {"strip_nul": True}, {"unwrap": "actor"}]),
)
def test_records_mean_the_same_as_json_and_as_parquet(
    records: list[dict[str, object]],
    row_group_size: int,
    use_dictionary: bool,
    options: dict[str, object],
) -> None:
    feed = PUSHES.model_copy(update=options)
    table = pa.Table.from_pylist(records, SCHEMA)
    file = write(table, row_group_size=row_group_size, use_dictionary=use_dictionary)
    lines = "".join(json.dumps(record) + "\n" for record in records).encode()
    chunks = split_at_lines([lines])

    as_json = parse(read_json_lines(chunks, feed, load_id=LOAD_ID))
    as_parquet = read(file, feed)

    assert comparable(as_parquet.rows) == comparable(as_json.rows)
    assert numbers(as_parquet.rejected) == numbers(as_json.rejected)
    assert numbers(as_parquet.stripped) == numbers(as_json.stripped)


def comparable(rows: Sequence[Row]) -> list[dict[str, object]]:
    """What is there of each row; attributes by what they mean."""
    return [
        {
            column: json.loads(text) if column == "attributes" else text
            for column, text in row.items()
            if text is not None
        }
        for row in rows
    ]


def numbers(
    lines: Sequence[RejectedLine] | Sequence[StrippedLine],
) -> list[tuple[int, str]]:
    return [(line.line_number, getattr(line, "reason", "")) for line in lines]
