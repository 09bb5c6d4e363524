"""What is loaded, once its file has landed."""

import csv
import gzip
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from event_warehouse.load.files import LoadSummary, load_new_files
from event_warehouse.settings import Settings
from tests.fixture_types import Land, Query
from tests.integration.loading import (
    HEADER,
    LOADS,
    ROWS,
    TWO,
)


def test_row_holds_the_text_of_its_line_and_its_place(
    warehouse: Settings, land: Land, query: Query
) -> None:
    path = land(warehouse, "customer_events/a.csv", TWO)

    assert load_new_files(warehouse) == LoadSummary(loaded=1, rows=2)

    assert query(warehouse, ROWS) == [
        (2, "1", "visit", "a", "2025-01-01T10:00:00Z"),
        (3, "2", "visit", "b", "2025-01-01T11:00:00Z"),
    ]
    assert query(warehouse, LOADS) == [(path.as_uri(), "loaded", 2)]


def test_every_column_of_raw_but_the_lineage_is_text(
    warehouse: Settings, query: Query
) -> None:
    columns = query(
        warehouse,
        """
        select column_name, data_type from information_schema.columns
        where table_schema = 'raw' and table_name = 'events_raw'
            and column_name not in ('load_id', 'line_number', 'received_at')
        """,
    )

    assert len(columns) == 15
    assert {data_type for _, data_type in columns} == {"character varying"}


def test_nothing_landed_is_nothing_loaded(warehouse: Settings) -> None:
    assert load_new_files(warehouse) == LoadSummary()


def test_header_alone_is_loaded_as_no_rows(
    warehouse: Settings, land: Land, query: Query
) -> None:
    path = land(warehouse, "customer_events/a.csv", HEADER)

    assert load_new_files(warehouse) == LoadSummary(loaded=1)
    assert query(warehouse, LOADS) == [(path.as_uri(), "loaded", 0)]


def test_gzip_of_several_members_is_loaded_whole(
    warehouse: Settings, land: Land, query: Query
) -> None:
    parts = [gzip.compress(part.encode()) for part in (TWO, "3,visit,c,now\n")]
    land(warehouse, "customer_events/a.csv.gz", b"".join(parts))

    load_new_files(warehouse)

    assert [row[3] for row in query(warehouse, ROWS)] == ["a", "b", "c"]


def test_file_of_many_blocks_has_the_line_numbers_of_its_lines(
    warehouse: Settings, land: Land, query: Query
) -> None:
    lines = [f"1,visit,{n},2025-01-01T10:00:00Z" for n in range(2, 20_002)]
    lines[9_999] = '1,visit,"10001",2025-01-01T10:00:00Z'
    land(warehouse, "customer_events/a.csv", HEADER + "\n".join(lines))

    load_new_files(warehouse)

    wrong = "select from raw.events_raw where line_number::text <> event_id"
    assert query(warehouse, "select count(*) from raw.events_raw") == [(20_000,)]
    assert query(warehouse, wrong) == []


def test_awkward_csv_arrives_value_by_value(
    warehouse: Settings, land: Land, query: Query
) -> None:
    values = [
        "\\.",
        "\\N",
        "a\rb",
        "a\r\nb",
        "a\nb",
        'a"b',
        "a,b",
        " a ",
        "é😀",
        "''",
        "%",
    ]
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(
        [("1", value, str(n), "now", value) for n, value in enumerate(values)]
    )
    head = HEADER.replace("\n", ",page\r\n")
    land(warehouse, "customer_events/a.csv", (head + text.getvalue()).encode())

    load_new_files(warehouse)

    found = query(
        warehouse,
        """
        select event_type, attributes::json ->> 'page'
        from raw.events_raw order by line_number
        """,
    )
    assert found == [(value, value) for value in values]


def test_awkward_bare_csv_arrives_value_by_value(
    warehouse: Settings, land: Land, query: Query
) -> None:
    values = ["\\.", "\\N", "\\", " a ", "é😀", "'", "%s", "\t", "\x01", "\u2028"]
    lines = [f"1,{value},b,now\n" for value in values]
    land(warehouse, "customer_events/a.csv", HEADER + "".join(lines))

    load_new_files(warehouse)

    assert [row[2] for row in query(warehouse, ROWS)] == values


def test_awkward_json_arrives_value_by_value(
    warehouse: Settings, land: Land, query: Query
) -> None:
    values = ["\\.", "\\N", "a\rb", "a\nb", 'a"b', "\t", "\\t", "é😀", "", "null"]
    lines = [json.dumps({"type": value, "page": value}) for value in values]
    land(warehouse, "gharchive/a.json", "\n".join(lines))

    load_new_files(warehouse)

    found = query(
        warehouse,
        """
        select event_type, attributes::json ->> 'page'
        from raw.events_raw order by line_number
        """,
    )
    assert found == [(value, value) for value in values]


def test_nested_and_constant_fields_arrive(
    warehouse: Settings, land: Land, query: Query
) -> None:
    land(warehouse, "gharchive/a.json", '{"id":12.50,"actor":{"login":"ada"}}\n')

    load_new_files(warehouse)

    columns = "select tenant_id, event_id, user_id, event_type from raw.events_raw"
    assert query(warehouse, columns) == [("github", "12.50", "ada", None)]


def test_declaration_of_the_feed_is_kept_and_follows_the_file(
    warehouse: Settings, land: Land, query: Query
) -> None:
    feeds = warehouse.home / "feeds.yml"
    settings = replace(warehouse, feeds=feeds)
    kept = "select feed_id, declaration ->> 'time_format' from raw.feeds"
    feeds.write_text("clicks: {files: c/*, format: csv}")
    land(settings, "c/a.csv", "event_time\nnow\n")
    load_new_files(settings)
    assert query(settings, kept) == [(1, "iso8601")]

    feeds.write_text("clicks: {files: c/*, format: csv, time_format: epoch_seconds}")
    load_new_files(settings)

    assert query(settings, kept) == [(1, "epoch_seconds")]


def test_fields_that_are_unknown_or_missing_are_reported_with_the_load(
    warehouse: Settings,
    land: Land,
    query: Query,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = replace(warehouse, feeds=tmp_path / "feeds.yml")
    settings.feeds.write_text(
        "visits:\n  files: visits/*\n  format: csv\n"
        "  fields: {tenant_id: shop}\n  attributes: {page: text, price: numeric}\n"
    )
    land(settings, "visits/a.csv", "shop,event_time,page,colour\na,2025-01-01,/,red\n")

    load_new_files(settings)

    drift = "select unknown_fields, missing_fields from raw.loads"
    assert query(settings, drift) == [(["colour"], ["price"])]
    assert "1 fields that the feed does not declare" in caplog.text
    assert "none of these declared fields: price" in caplog.text
    # A field's name is data.
    assert "colour" not in caplog.text
    assert "price" in caplog.text


def test_file_most_of_which_can_t_be_read_is_asked_about(
    warehouse: Settings, land: Land, caplog: pytest.LogCaptureFixture
) -> None:
    good = "1,visit,a,2025-01-01T10:00:00Z\n"
    land(warehouse, "customer_events/half.csv", HEADER + good + "no\n")
    land(warehouse, "customer_events/most.csv", HEADER + good + "no\n" * 2)

    load_new_files(warehouse)

    (warning,) = [one for one in caplog.messages if "is it a file of feed" in one]
    assert "most.csv: only 1 of its 3 records could be read" in warning


def test_file_has_the_time_of_its_last_change(
    warehouse: Settings, land: Land, query: Query
) -> None:
    path = land(warehouse, "customer_events/a.csv", TWO)

    load_new_files(warehouse)

    assert query(
        warehouse, "select extract(epoch from file_time)::float from raw.loads"
    ) == [(path.stat().st_mtime,)]
