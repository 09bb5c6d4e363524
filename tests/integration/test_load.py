import csv
import gzip
import io
import json
import logging
import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from event_warehouse.errors import FeedError, FileError
from event_warehouse.load import one_file
from event_warehouse.load.files import LoadSummary, dismiss_failed, load_new_files
from event_warehouse.load.plan import is_any_new
from event_warehouse.settings import Settings
from event_warehouse.sources.local import find_file
from tests.fixture_types import Land, Query
from tests.waiting import wait_until

HEADER = "customer_id,event_type,transaction_id,timestamp\n"
TWO = HEADER + "1,visit,a,2025-01-01T10:00:00Z\n2,visit,b,2025-01-01T11:00:00Z\n"
ONE = HEADER + "3,visit,c,2025-01-01T12:00:00Z\n"

ROWS = """
    select line_number, tenant_id, event_type, event_id, event_time
    from raw.events_raw order by load_id, line_number
"""
LOADS = "select uri, status, record_count from raw.loads order by load_id"
FAILED = "select uri, error from raw.loads where status = 'failed' order by load_id"


@contextmanager
def unreadable(file: Path) -> Iterator[None]:
    """The file can't be read, not even by root."""
    if os.geteuid() != 0:
        file.chmod(0)
        yield
        return
    # A file of 4096 bytes, as it says, that gives none.
    bind = ["mount", "--bind", "/sys/bus/cpu/drivers_probe", str(file)]
    if subprocess.run(bind, check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here, and root may read any file")
    try:
        yield
    finally:
        subprocess.run(["umount", str(file)], check=True)


def names(rows: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """The rows with the file's name in place of its whole address."""
    return [(str(uri).rpartition("/")[2], *rest) for uri, *rest in rows]


# What arrives ---------------------------------------------------------------------


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


# Exactly once ---------------------------------------------------------------------


def test_same_file_again_is_not_loaded_again(
    warehouse: Settings, land: Land, query: Query
) -> None:
    land(warehouse, "customer_events/a.csv", TWO)
    load_new_files(warehouse)

    assert load_new_files(warehouse) == LoadSummary(already_loaded=1)
    assert len(query(warehouse, ROWS)) == 2


def test_renamed_copy_is_not_loaded_again(
    warehouse: Settings, land: Land, query: Query
) -> None:
    land(warehouse, "customer_events/a.csv", TWO)
    load_new_files(warehouse)
    land(warehouse, "customer_events/deep/er/b.csv", TWO)

    assert load_new_files(warehouse) == LoadSummary(already_loaded=2)
    assert len(query(warehouse, ROWS)) == 2


def test_two_copies_that_land_together_are_loaded_once(
    warehouse: Settings, land: Land, query: Query
) -> None:
    land(warehouse, "customer_events/a.csv", TWO)
    land(warehouse, "customer_events/b.csv", TWO)

    assert load_new_files(warehouse) == LoadSummary(loaded=1, already_loaded=1, rows=2)
    assert len(query(warehouse, ROWS)) == 2


def test_file_touched_without_a_change_is_not_loaded_again(
    warehouse: Settings, land: Land, query: Query
) -> None:
    path = land(warehouse, "customer_events/a.csv", TWO)
    load_new_files(warehouse)
    os.utime(path, (1_736_000_000, 1_736_000_000))

    assert load_new_files(warehouse) == LoadSummary(already_loaded=1)
    assert len(query(warehouse, ROWS)) == 2


def test_copy_is_read_to_be_told_once(
    warehouse: Settings, land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(warehouse, "customer_events/a.csv", TWO)
    land(warehouse, "customer_events/b.csv", TWO)
    load_new_files(warehouse)

    monkeypatch.setattr(one_file, "hash_file", lambda _: pytest.fail("it was read"))
    assert load_new_files(warehouse) == LoadSummary(already_loaded=2)


def test_changed_content_under_the_same_name_is_added(
    warehouse: Settings, land: Land, query: Query
) -> None:
    path = land(warehouse, "customer_events/a.csv", TWO)
    load_new_files(warehouse)
    land(warehouse, "customer_events/a.csv", ONE)

    assert load_new_files(warehouse) == LoadSummary(loaded=1, rows=1)
    assert [row[3] for row in query(warehouse, ROWS)] == ["a", "b", "c"]
    assert query(warehouse, LOADS) == [
        (path.as_uri(), "loaded", 2),
        (path.as_uri(), "loaded", 1),
    ]


def test_other_content_of_the_same_size_is_loaded(
    warehouse: Settings, land: Land, query: Query
) -> None:
    land(warehouse, "customer_events/a.csv", TWO)
    load_new_files(warehouse)
    land(warehouse, "customer_events/b.csv", TWO.replace("visit", "leave"))

    load_new_files(warehouse)

    assert [row[2] for row in query(warehouse, ROWS)] == ["visit"] * 2 + ["leave"] * 2


def test_change_that_the_modification_time_does_not_show_is_loaded(
    warehouse: Settings, land: Land, query: Query
) -> None:
    settings = replace(warehouse, settle_seconds=0)
    path = land(settings, "customer_events/a.csv", TWO)
    now = time.time_ns()
    os.utime(path, ns=(now, now))
    load_new_files(settings)
    path.write_text(TWO.replace("visit", "leave"))
    os.utime(path, ns=(now, now))

    assert load_new_files(settings).loaded == 1
    assert [row[2] for row in query(settings, ROWS)] == ["visit"] * 2 + ["leave"] * 2


def test_same_content_is_loaded_once_for_each_feed(
    warehouse: Settings, land: Land, query: Query
) -> None:
    feeds = warehouse.home / "feeds.yml"
    feeds.write_text(
        "clicks: {files: c/*, format: csv}\nviews: {files: c/*, format: csv}\n"
    )
    settings = replace(warehouse, feeds=feeds)
    land(settings, "c/a.csv", "event_time\nnow\n")

    assert load_new_files(settings).loaded == 2
    assert load_new_files(settings) == LoadSummary(already_loaded=2)


def test_file_loaded_by_its_path_is_not_loaded_again_where_it_landed(
    warehouse: Settings, land: Land, query: Query
) -> None:
    path = land(warehouse, "customer_events/a.csv", TWO)
    load_new_files(warehouse, source=str(path), feed="customer_events")

    assert load_new_files(warehouse) == LoadSummary(already_loaded=1)


# Which files ----------------------------------------------------------------------


def test_folder_is_loaded_with_the_folders_in_it(
    warehouse: Settings, land: Land, tmp_path: Path, query: Query
) -> None:
    for name, content in {"a.csv": TWO, "in/b.csv": ONE}.items():
        path = tmp_path / "given" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    given = str(tmp_path / "given")
    summary = load_new_files(warehouse, source=given, feed="customer_events")

    assert summary == LoadSummary(loaded=2, rows=3)


def test_file_that_has_just_changed_waits_for_a_later_run(
    warehouse: Settings, land: Land
) -> None:
    path = land(warehouse, "customer_events/a.csv", TWO)
    os.utime(path)

    assert load_new_files(warehouse) == LoadSummary()
    os.utime(path, (time.time() - 6, time.time() - 6))
    assert load_new_files(warehouse).loaded == 1


def test_what_is_no_visible_file_in_the_landing_folder_is_passed_over(
    warehouse: Settings, land: Land, tmp_path: Path
) -> None:
    (tmp_path / "secret.csv").write_text(TWO)
    land(warehouse, "customer_events/.a.csv", TWO)
    land(warehouse, "customer_events/readme.txt", TWO)
    land(warehouse, "other/a.csv", TWO)
    folder = warehouse.landing / "customer_events"
    (folder / "folder.csv").mkdir()
    (folder / "out.csv").symlink_to(tmp_path / "secret.csv")
    (folder / "broken.csv").symlink_to(tmp_path / "nothing.csv")
    os.mkfifo(folder / "pipe.csv")

    assert load_new_files(warehouse) == LoadSummary()


def test_missing_source_is_refused(warehouse: Settings, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.csv")

    with pytest.raises(FileError, match=r"missing\.csv: no such file or folder"):
        load_new_files(warehouse, source=missing, feed="customer_events")


def test_source_that_is_no_regular_file_is_refused(
    warehouse: Settings, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe.csv")

    with pytest.raises(FileError, match="is not a regular file"):
        load_new_files(
            warehouse, source=str(tmp_path / "pipe.csv"), feed="customer_events"
        )


def test_source_without_a_feed_is_refused_with_the_feeds_there_are(
    warehouse: Settings, land: Land
) -> None:
    path = land(warehouse, "customer_events/a.csv", TWO)

    with pytest.raises(FeedError, match="declared are customer_events, product"):
        load_new_files(warehouse, source=str(path))


def test_unknown_feed_is_refused(warehouse: Settings) -> None:
    with pytest.raises(FeedError, match="there is no feed 'clicks'"):
        load_new_files(warehouse, feed="clicks")


# Files that fail ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\n", "has no column 'timestamp'"),
        (b"colour,size\nred,1\n", "has no column 'timestamp'"),
        (b'{"customer_id":1}\n', "has no column 'timestamp'"),
        (b"customer_id,timestamp,timestamp\n", "names 'timestamp' twice"),
        (HEADER.encode("utf-16"), "is no CSV header"),
        (HEADER.encode() + b"1,2\n3\n", "none of its 2 records is csv"),
        (gzip.compress(b"", mtime=0), "has no column 'timestamp'"),
    ],
)
def test_file_that_is_not_of_its_feed_fails_and_the_others_are_loaded(
    warehouse: Settings, land: Land, query: Query, content: bytes, reason: str
) -> None:
    land(warehouse, "customer_events/a.csv", ONE)
    land(warehouse, "customer_events/b.csv", content)
    land(warehouse, "customer_events/c.csv", TWO)

    assert load_new_files(warehouse) == LoadSummary(loaded=2, failed=1, rows=3)

    ((name, error),) = names(query(warehouse, FAILED))
    assert name == "b.csv"
    assert reason in str(error)
    assert len(query(warehouse, ROWS)) == 3


@pytest.mark.parametrize("missing", [1, 4, 8, 9, 100, 2_000, 5_000, -1, -2, -12])
def test_torn_gzip_fails_and_leaves_no_row(
    warehouse: Settings, land: Land, query: Query, missing: int
) -> None:
    lines = [f"{n * 7919 % 10_007},visit,{n},{n * 31}\n" for n in range(4_000)]
    whole = gzip.compress((HEADER + "".join(lines)).encode(), mtime=0)
    kept = whole[:-missing]
    assert 0 < len(kept) < len(whole)
    land(warehouse, "customer_events/a.csv.gz", kept)
    land(warehouse, "customer_events/b.csv", ONE)

    assert load_new_files(warehouse) == LoadSummary(loaded=1, failed=1, rows=1)

    assert [row[3] for row in query(warehouse, ROWS)] == ["c"]


@pytest.mark.parametrize("place", [12, 5_000, -6, -2])
def test_gzip_with_a_flipped_bit_fails_and_leaves_no_row(
    warehouse: Settings, land: Land, query: Query, place: int
) -> None:
    lines = [f"{n * 7919 % 10_007},visit,{n},{n * 31}\n" for n in range(4_000)]
    content = bytearray(gzip.compress((HEADER + "".join(lines)).encode(), mtime=0))
    content[place] ^= 1
    land(warehouse, "customer_events/a.csv.gz", bytes(content))

    assert load_new_files(warehouse).failed == 1
    assert query(warehouse, ROWS) == []
    assert "gzip compression is damaged" in str(query(warehouse, FAILED)[0][1])


def test_gzip_followed_by_something_else_fails(
    warehouse: Settings, land: Land, query: Query
) -> None:
    land(warehouse, "customer_events/a.csv.gz", gzip.compress(TWO.encode()) + b"more")

    assert load_new_files(warehouse).failed == 1
    assert query(warehouse, ROWS) == []


def test_unreadable_file_fails_and_the_others_are_loaded(
    warehouse: Settings, tmp_path: Path, query: Query
) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "a.csv").write_text(TWO)
    (folder / "b.csv").write_text(ONE)

    with unreadable(folder / "a.csv"):
        summary = load_new_files(warehouse, source=str(folder), feed="customer_events")

    assert summary == LoadSummary(loaded=1, failed=1, rows=1)
    ((name, error),) = names(query(warehouse, FAILED))
    assert name == "a.csv"
    assert error in {"Permission denied", "Input/output error"}


def test_file_whose_name_no_index_takes_fails_and_the_others_are_loaded(
    warehouse: Settings, land: Land, query: Query
) -> None:
    # Random, so that Postgres can't make it short by compression.
    length = 2_600 - len((warehouse.landing / "customer_events" / "b.csv").as_uri())
    letters = enumerate(secrets.token_hex(1_500)[: length - 1])
    folders = "".join("/" if n % 200 == 199 else letter for n, letter in letters)
    longest = land(warehouse, f"customer_events/{folders}/b.csv", TWO)
    path = land(warehouse, f"customer_events/{folders}/aa.csv", ONE)

    for _ in range(2):
        assert load_new_files(warehouse).failed == 1

    assert len(longest.as_uri()) == 2_600
    assert query(warehouse, LOADS)[1:] == [(longest.as_uri(), "loaded", 2)]
    ((load_id, uri, attempts, error),) = query(
        warehouse,
        "select load_id, uri, attempt_count, error from raw.loads"
        " where status = 'failed'",
    )
    assert path.as_uri().startswith(str(uri).partition("...")[0])
    assert attempts == 2
    assert "has a name of more than 2,600 bytes" in str(error)
    assert not is_any_new(warehouse, retries_failed=False)
    assert isinstance(load_id, int)
    dismiss_failed(warehouse, load_id)
    assert load_new_files(warehouse) == LoadSummary(already_loaded=2)


def test_row_that_postgres_refuses_fails_its_file_and_no_other(
    warehouse: Settings,
    land: Land,
    query: Query,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with psycopg.connect(warehouse.dsn) as connection:
        connection.execute(
            """
            create function raw.refuse() returns trigger language plpgsql as $$
            begin
                raise exception 'no such thing' using errcode = '22000';
            end $$;
            create trigger refuse before insert on raw.events_raw
            for each row when (new.event_id = 'b') execute function raw.refuse();
            """
        )
    land(warehouse, "customer_events/a.csv", TWO)
    land(warehouse, "customer_events/b.csv", ONE)

    with caplog.at_level(logging.INFO):
        assert load_new_files(warehouse) == LoadSummary(loaded=1, failed=1, rows=1)

    reason = "Postgres refused a row: no such thing"
    assert names(query(warehouse, FAILED)) == [("a.csv", reason)]
    assert [row[3] for row in query(warehouse, ROWS)] == ["c"]
    assert "2025-01-01T11" not in caplog.text


def test_file_that_fails_again_is_one_failed_row_with_its_attempts(
    warehouse: Settings, land: Land, query: Query
) -> None:
    land(warehouse, "customer_events/a.csv", b"colour\n")
    load_new_files(warehouse)
    land(warehouse, "customer_events/a.csv", b"")
    load_new_files(warehouse)

    ((error, attempts, byte_count),) = query(
        warehouse, "select error, attempt_count, byte_count from raw.loads"
    )
    assert str(error).startswith("is empty")
    assert (attempts, byte_count) == (2, 0)


def test_failed_file_that_is_sent_again_whole_is_replaced(
    warehouse: Settings, land: Land, query: Query
) -> None:
    whole = gzip.compress(TWO.encode())
    land(warehouse, "customer_events/a.csv.gz", whole[:-9])
    load_new_files(warehouse)
    land(warehouse, "customer_events/a.csv.gz", whole)

    assert load_new_files(warehouse) == LoadSummary(loaded=1, rows=2)
    assert names(query(warehouse, LOADS)) == [
        ("a.csv.gz", "replaced", None),
        ("a.csv.gz", "loaded", 2),
    ]


def test_failed_file_that_is_sent_again_as_a_copy_of_a_loaded_one_is_replaced(
    warehouse: Settings, land: Land, query: Query
) -> None:
    land(warehouse, "customer_events/a.csv", "")
    land(warehouse, "customer_events/b.csv", TWO)
    load_new_files(warehouse)
    land(warehouse, "customer_events/a.csv", TWO)

    assert load_new_files(warehouse) == LoadSummary(already_loaded=2)
    assert query(warehouse, FAILED) == []


def test_failed_file_of_another_name_stays_failed(
    warehouse: Settings, land: Land, query: Query
) -> None:
    land(warehouse, "customer_events/a.csv", "")
    load_new_files(warehouse)
    land(warehouse, "customer_events/b.csv", TWO)
    load_new_files(warehouse)

    assert [name for name, _ in names(query(warehouse, FAILED))] == ["a.csv"]


def test_failed_file_can_be_dismissed_once(
    warehouse: Settings, land: Land, query: Query
) -> None:
    path = land(warehouse, "customer_events/a.csv", "")
    load_new_files(warehouse)
    ((load_id,),) = query(warehouse, "select load_id from raw.loads")
    assert isinstance(load_id, int)

    assert dismiss_failed(warehouse, load_id) == path.as_uri()

    assert query(warehouse, FAILED) == []
    with pytest.raises(FileError, match=f"load {load_id} is not a failed one"):
        dismiss_failed(warehouse, load_id)


def test_dismissed_file_is_not_tried_again_until_it_changes(
    warehouse: Settings, land: Land, query: Query
) -> None:
    land(warehouse, "customer_events/a.csv", "")
    load_new_files(warehouse)
    ((load_id,),) = query(warehouse, "select load_id from raw.loads")
    assert isinstance(load_id, int)
    dismiss_failed(warehouse, load_id)

    assert load_new_files(warehouse) == LoadSummary(already_loaded=1)
    assert query(warehouse, FAILED) == []

    land(warehouse, "customer_events/a.csv", TWO)
    assert load_new_files(warehouse).loaded == 1


def test_file_that_had_just_changed_when_it_failed_stays_dismissed(
    warehouse: Settings, land: Land, query: Query
) -> None:
    path = land(warehouse, "customer_events/a.csv", "")
    os.utime(path)
    settings = replace(warehouse, settle_seconds=0)
    load_new_files(settings)
    ((load_id, version),) = query(
        warehouse, "select load_id, file_version from raw.loads"
    )
    assert isinstance(load_id, int)
    assert version is None
    wait_until(lambda: find_file(path).version is not None)
    dismiss_failed(warehouse, load_id)

    assert load_new_files(settings) == LoadSummary(already_loaded=1)


def test_tries_of_a_bad_file_use_up_no_ids(
    warehouse: Settings, land: Land, query: Query
) -> None:
    land(warehouse, "customer_events/a.csv", "")
    for _ in range(3):
        load_new_files(warehouse)
    land(warehouse, "customer_events/b.csv", TWO)
    load_new_files(warehouse)

    assert query(
        warehouse, "select load_id, attempt_count from raw.loads order by 1"
    ) == [(1, 4), (2, 1)]


# What a file's fields are -----------------------------------------------------------


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


def test_file_has_the_time_of_its_last_change(
    warehouse: Settings, land: Land, query: Query
) -> None:
    path = land(warehouse, "customer_events/a.csv", TWO)

    load_new_files(warehouse)

    assert query(
        warehouse, "select extract(epoch from file_time)::float from raw.loads"
    ) == [(path.stat().st_mtime,)]


# Lines that are rejected ----------------------------------------------------------


def test_rejected_lines_are_kept_with_bytes_place_and_reason(
    warehouse: Settings, land: Land, query: Query
) -> None:
    content = (
        HEADER.encode()
        + b"1,visit,a,2025-01-01T10:00:00Z\n"
        + b"1,visit\r\n"
        + b"\n"
        + b"1,vi\0sit,b,now\n"
        + b"1,visit,\xff,now\n"
        + b'1,visit,"c,now\n'
        + b"2,visit,d,2025-01-01T10:00:00Z"
    )
    land(warehouse, "customer_events/a.csv", content)

    assert load_new_files(warehouse) == LoadSummary(loaded=1, rows=2, rejected_lines=4)

    rejected = query(
        warehouse,
        """
        select line_number, reason, line, byte_count
        from raw.rejected_lines order by line_number
        """,
    )
    assert rejected == [
        (3, "has 2 fields, the header 4", b"1,visit", 7),
        (5, "holds a NUL byte", b"1,vi\0sit,b,now", 14),
        (6, "is not UTF-8", b"1,visit,\xff,now", 13),
        (7, "opens a quote that is never closed", b'1,visit,"c,now', 14),
    ]
    assert [row[0] for row in query(warehouse, ROWS)] == [2, 8]
    counts = "select record_count, row_count, rejected_line_count from raw.loads"
    assert query(warehouse, counts) == [(6, 2, 4)]


def test_rejected_json_lines_are_kept_and_the_others_loaded(
    warehouse: Settings, land: Land, query: Query
) -> None:
    deep = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    lines = [b'{"id":"1"}', b'{"id":"\\u0000"}', b"[1]", b'{"id":"\\ud800"}', deep]
    land(warehouse, "gharchive/a.json", b"\n".join([*lines, b'{"id":"2"}']))

    assert load_new_files(warehouse) == LoadSummary(loaded=1, rows=2, rejected_lines=4)

    kept = query(
        warehouse,
        "select line_number, line from raw.rejected_lines order by line_number",
    )
    assert kept == list(enumerate(lines, 1))[1:]


def test_more_rejected_lines_than_fit_in_memory_are_kept_in_their_order(
    warehouse: Settings, land: Land, query: Query
) -> None:
    good, bad = "1,visit,a,now\n", "x" * 900_000 + "\n"
    land(warehouse, "customer_events/a.csv", HEADER + (good + bad) * 12 + good)

    assert load_new_files(warehouse) == LoadSummary(
        loaded=1, rows=13, rejected_lines=12
    )
    numbers = query(
        warehouse,
        """
        select array_agg(line_number order by line_number), sum(length(line))
        from raw.rejected_lines
        """,
    )
    assert numbers == [(list(range(3, 27, 2)), 12 * 900_000)]
    assert [row[0] for row in query(warehouse, ROWS)] == list(range(2, 27, 2))


def test_line_over_the_limit_is_rejected_and_the_next_is_loaded(
    warehouse: Settings, land: Land, query: Query
) -> None:
    giant = "1,visit," + "x" * (17 * 1024 * 1024) + ",now\n"
    land(warehouse, "customer_events/a.csv", HEADER + giant + "1,visit,b,now\n")

    assert load_new_files(warehouse) == LoadSummary(loaded=1, rows=1, rejected_lines=1)
    assert query(
        warehouse,
        "select line_number, length(line), byte_count from raw.rejected_lines",
    ) == [(2, 1024 * 1024, len(giant) - 1)]
    assert [row[0] for row in query(warehouse, ROWS)] == [3]


# What a feed leaves out ---------------------------------------------------------------


@pytest.mark.parametrize("by_name", [False, True])
def test_excluded_folder_is_left_out_wherever_the_landing_folder_is(
    warehouse: Settings, land: Land, tmp_path: Path, by_name: bool
) -> None:
    landing = tmp_path / "left out" / "landing"
    settings = replace(warehouse, landing=landing, feeds=tmp_path / "feeds.yml")
    settings.feeds.write_text(
        "visits:\n  files: visits/**/*\n  format: csv\n  exclude: ['left out']\n"
        "  fields: {tenant_id: customer_id, event_time: timestamp}\n"
    )
    land(settings, "visits/a.csv", TWO)
    land(settings, "visits/left out/b.csv", ONE)

    summary = load_new_files(
        settings,
        source=str(landing / "visits") if by_name else None,
        feed="visits" if by_name else None,
    )
    assert summary == LoadSummary(loaded=1, rows=2)


def test_first_line_that_names_no_field_of_the_feed_is_no_header(
    warehouse: Settings, land: Land, query: Query
) -> None:
    land(warehouse, "customer_events/a.csv", "7,visit,a,2025-01-01T10:00:00Z\n" * 2)

    assert load_new_files(warehouse).failed == 1

    ((error,),) = query(warehouse, "select error from raw.loads")
    assert "line 1" in str(error)
    assert "visit" not in str(error)


def test_file_that_no_feed_means_is_named(
    warehouse: Settings, land: Land, caplog: pytest.LogCaptureFixture
) -> None:
    land(warehouse, "custmer_events/a.csv", HEADER + "1,visit,a,2025-01-01T00:00:00Z\n")

    load_new_files(warehouse)

    assert "1 files below" in caplog.text
    assert "custmer_events/a.csv" in caplog.text


def test_landing_folder_that_is_missing_is_said(
    warehouse: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load_new_files(replace(warehouse, landing=tmp_path / "elsewhere"))

    assert f"no landing folder {tmp_path / 'elsewhere'}" in caplog.text


def test_declaration_that_was_mended_is_kept_although_nothing_is_new(
    warehouse: Settings, land: Land, query: Query, tmp_path: Path
) -> None:
    settings = replace(warehouse, feeds=tmp_path / "feeds.yml")
    feed = "visits:\n  files: visits/*\n  format: csv\n"
    settings.feeds.write_text(feed)
    file = land(settings, "visits/a.csv", "tenant_id,event_time\na,2025-01-01\n")
    load_new_files(settings)
    file.unlink()
    settings.feeds.write_text(feed + "  attributes: {price: numeric}\n")

    load_new_files(settings)

    declared = "select declaration -> 'attributes' from raw.feeds"
    assert query(settings, declared) == [({"price": "numeric"},)]
