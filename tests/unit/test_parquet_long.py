import io
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from event_warehouse.errors import FileError
from event_warehouse.feeds import EventField, Feed
from event_warehouse.load import parquet_long
from event_warehouse.load.parquet_long import json_pieces, text_bytes
from event_warehouse.load.parquet_records import read_parquet
from event_warehouse.load.parquet_text import json_objects
from event_warehouse.load.records import KEPT_BYTES, OVERLONG

FIELDS: Any = {EventField.EVENT_TIME: "at"}
FEED = Feed(name="pushes", files=("pushes/*",), format="parquet", fields=FIELDS)
STRUCTS = pa.struct([("a", pa.list_(pa.string())), ("b", pa.int64())])
NUMBERS = [*range(20), None]
TEXT = 'é"\\\x01\n' * 5

COLUMNS = {
    "list": pa.array([NUMBERS], pa.list_(pa.int64())),
    "large list": pa.array([NUMBERS], pa.large_list(pa.int64())),
    "list view": pa.array([NUMBERS], pa.list_view(pa.int64())),
    "list of a fixed size": pa.array([NUMBERS], pa.list_(pa.int64(), 21)),
    "lists in a list": pa.array([[NUMBERS, None, [], NUMBERS]]),
    "structs": pa.array([[{"a": ["x", None, TEXT]}, None, {"b": 1}, {}]]),
    "map": pa.array([[(TEXT, 1), ("y", None)]], pa.map_(pa.string(), pa.int64())),
    "map of numbers": pa.array([[(1, TEXT)]], pa.map_(pa.int64(), pa.string())),
    "map of lists": pa.array(
        [[("a", NUMBERS), ("b", None)]], pa.map_(pa.string(), pa.list_(pa.int64()))
    ),
    "string": pa.array([TEXT]),
    "large string": pa.array([TEXT], pa.large_string()),
    "string view": pa.array([TEXT], pa.string_view()),
    "dictionary": pa.array([TEXT]).dictionary_encode(),
    "bytes": pa.array([TEXT.encode()]),
    "other bytes": pa.array([b"\xff" * 20]),
    "bytes of a cut character": pa.array(["é".encode()[:1]]),
    "bytes with a NUL": pa.array([b"a\0b"]),
    "fixed bytes": pa.array([b"ab"], pa.binary(2)),
    "uuid": pa.array([bytes(16)], pa.uuid()),
    "json": pa.array(['{"a": 1}'], pa.json_()),
    "times": pa.array([[datetime(2025, 1, 1)] * 5]),
    "empty": pa.array([[]], pa.list_(pa.int64())),
    "missing list": pa.array([None], pa.list_(pa.int64())),
    "missing string": pa.array([None], pa.string()),
    "missing in a dictionary": pa.array([None], pa.string()).dictionary_encode(),
    "missing struct": pa.array([None], STRUCTS),
    "struct of nothing": pa.array([{}], STRUCTS),
}


def row_of(columns: dict[str, Any]) -> Any:
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def as_json(row: Any) -> bytes:
    (found,) = json_objects(row.schema.names, row.columns, row_count=1).to_pylist()
    return bytes(found)


@pytest.mark.parametrize("size", [1, 3, 8, 100, 1_000_000])
@pytest.mark.parametrize("name", COLUMNS)
def test_pieces_make_the_text_of_the_whole(
    name: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_long, "PIECE_BYTES", size)
    monkeypatch.setattr(parquet_long, "PIECE_VALUES", size)
    row = row_of({"before": pa.array([1]), name: COLUMNS[name], "after": pa.nulls(1)})

    assert b"".join(json_pieces(row)) == as_json(row)


@pytest.mark.parametrize("name", COLUMNS)
def test_pieces_are_those_of_a_row_within_its_batch(name: str) -> None:
    column = pa.chunked_array([COLUMNS[name]] * 3).combine_chunks()

    row = row_of({name: column}).slice(1, 1)

    assert b"".join(json_pieces(row)) == as_json(row_of({name: COLUMNS[name]}))


def test_row_of_nothing_is_an_empty_object() -> None:
    assert b"".join(json_pieces(row_of({"a": pa.nulls(1)}))) == b"{}"


def test_size_of_a_row_is_that_of_its_strings_and_about_that_of_its_lists() -> None:
    batch = row_of(
        {
            "s": pa.array(["abc", None, "é"]),
            "d": pa.array(["xy", None, "xy"]).dictionary_encode(),
            "words": pa.array([["ab", None, "c"], [], None]),
            "maps": pa.array(
                [None, [("k", "vv")], []], pa.map_(pa.string(), pa.string())
            ),
            "n": pa.array([None, [1, 2], [3]]),
            "fixed": pa.array([None, [1, 2], [3, 4]], pa.list_(pa.int64(), 2)),
            "views": pa.array([["a"], None, ["bb", "c"]], pa.list_view(pa.string())),
        }
    )

    # A comma each, and eight for a number.
    words, maps, views = [3 + 3, 0, 0], [0, 3 + 1, 0], [1 + 1, 0, 3 + 2]
    numbers, fixed = [0, 18, 9], [0, 18, 18]
    strings, dictionary = [3, 0, 2], [2, 0, 2]
    columns = [strings, dictionary, words, maps, numbers, fixed, views]
    assert text_bytes(batch).tolist() == np.sum(columns, axis=0).tolist()
    assert text_bytes(batch.slice(1)).tolist() == text_bytes(batch).tolist()[1:]


def long_list(values: Any, **options: Any) -> io.BytesIO:
    """A file of three rows, of which the second has the values in a list."""
    ends = pa.array([0, 0, len(values), len(values)], pa.int32())
    lists = pa.ListArray.from_arrays(ends, values)
    file = io.BytesIO()
    table = pa.table({"at": ["noon", "night", "late"], "n": lists})
    pq.write_table(table, file, **options)
    file.seek(0)
    return file


def test_long_list_rejects_its_row_with_its_beginning_and_no_other() -> None:
    numbers = range(1_000_000, 3_500_000)
    expected = b'{"at":"night","n":[' + b",".join(b"%d" % n for n in numbers) + b"]}"
    file = long_list(pa.array(np.arange(1_000_000, 3_500_000)))

    batches = list(read_parquet(file, FEED, load_id=1).batches)

    ((number, reason, line, byte_count),) = [
        (one.line_number, one.reason, one.line, one.byte_count)
        for batch in batches
        for one in batch.rejected
    ]
    assert (number, reason) == (2, OVERLONG)
    assert line == expected[:KEPT_BYTES]
    assert byte_count == len(expected)
    assert sum(batch.row_count for batch in batches) == 2


def test_list_of_the_longest_record_is_taken() -> None:
    zeros = pa.array(np.zeros(8_000_000, np.int8))

    batches = list(read_parquet(long_list(zeros), FEED, load_id=1).batches)

    assert [batch.row_count for batch in batches if batch.row_count] == [1, 1, 1]
    assert sum(batch.rows.count(b",0") for batch in batches) == 7_999_999


@pytest.mark.parametrize(
    ("values", "bytes_"),
    [
        (pa.array(np.zeros(10_000_000, np.int8)), "27"),
        (pa.DictionaryArray.from_arrays([0] * 1_500, ["x" * 1_000_000]), "50"),
    ],
)
def test_list_that_does_not_fit_into_memory_is_refused(
    values: Any, bytes_: str
) -> None:
    file = long_list(values)
    assert len(file.getvalue()) < 100_000

    with pytest.raises(FileError) as error:
        list(read_parquet(file, FEED, load_id=1).batches)

    assert re.fullmatch(
        rf"row group 0 may need {bytes_}\d,\d+,\d+ bytes of memory, more than "
        r"268,435,456, for a single row \(most for the lists in 'n.list.element'\); "
        "write it with shorter lists or smaller pages",
        str(error.value),
    )


def test_many_short_lists_are_not_taken_for_a_long_one() -> None:
    lists = pa.ListArray.from_arrays(
        pa.array(np.arange(0, 12_000_001, 100), pa.int32()),
        pa.array(np.zeros(12_000_000, np.int8)),
    )
    file = io.BytesIO()
    pq.write_table(pa.table({"at": ["noon"] * 120_000, "n": lists}), file)
    file.seek(0)

    batches = read_parquet(file, FEED, load_id=1).batches

    assert sum(batch.row_count for batch in batches) == 120_000


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
    rejected = sum(len(b.rejected) for b in read_parquet(file, feed, load_id=1).batches)
print(rejected, (peak() - before) // 1024)
"""
PLUGINS = str(Path(parquet_long.__file__).parents[2])


def test_row_over_the_limit_takes_little_more_than_its_list(tmp_path: Path) -> None:
    path = tmp_path / "list.parquet"
    path.write_bytes(long_list(pa.array(np.arange(5_000_000))).getvalue())

    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MEASURE, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": PLUGINS},
    )

    rejected, grown = map(int, result.stdout.split())
    assert rejected == 1
    # Of which 227 MB are the pages, and what pyarrow makes of them.
    assert grown < 290
