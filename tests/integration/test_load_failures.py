"""Files that fail, and no other with them."""

import gzip
import logging
import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from event_warehouse.errors import FileError
from event_warehouse.load.files import LoadSummary, dismiss_failed, load_new_files
from event_warehouse.load.plan import is_any_new
from event_warehouse.settings import Settings
from event_warehouse.sources.local import find_file
from tests.fixture_types import Land, Query
from tests.integration.loading import (
    FAILED,
    HEADER,
    LOADS,
    ONE,
    ROWS,
    TWO,
)
from tests.waiting import wait_until


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


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\n", "has no column 'timestamp'"),
        (b"colour,size\nred,1\n", "has no column 'timestamp'"),
        (b'{"customer_id":1}\n', "has no column 'timestamp'"),
        (b"customer_id,timestamp,timestamp\n", "names 'timestamp' twice"),
        (HEADER.encode("utf-16"), "is not a CSV header"),
        (HEADER.encode() + b"1,2\n3\n", "no record of it (2 read) is csv"),
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
