"""Objects of a bucket become rows, each once, whatever the way to it does."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from event_warehouse.load.files import LoadSummary, load_new_files
from event_warehouse.settings import Settings
from event_warehouse.window import Window
from tests.faulty_proxy import Chances, FaultyProxy
from tests.fixture_types import Query
from tests.s3_server import S3Server

OBJECTS = int(os.environ.get("WAREHOUSE_TEST_OBJECTS", "60"))
"""How many; 2,500 are three pages of a listing."""
LINES_AN_OBJECT = 40
CHANCES = Chances(drop=0.03, slow_down=0.03, error=0.03, cut=0.06)

MakeProxy = Callable[..., FaultyProxy]


def key_of(number: int) -> str:
    hour, day = number % 24, 1 + number // 24 % 28
    return f"in/tracked_events/2025/01/{day:02}/{hour:02}/stream-1-{number}"


def lines_of(number: int) -> str:
    return "".join(
        f'{{"tenant_id":"acme","event_id":"{number}-{line}","event_type":"view",'
        f'"event_time":"2025-01-01T10:00:00Z","page":"/{"x" * 400}"}}\n'
        for line in range(LINES_AN_OBJECT)
    )


@pytest.fixture
def settings(warehouse: Settings, s3: S3Server, bucket: str) -> Settings:
    """A warehouse to which a bucket belongs that holds OBJECTS objects."""
    for number in range(OBJECTS):
        s3.fill(bucket, [key_of(number)], lines_of(number))
    return replace(warehouse, bucket=f"s3://{bucket}/in")


def test_each_object_is_loaded_once_though_connections_drop_and_are_cut(
    settings: Settings,
    s3: S3Server,
    make_proxy: MakeProxy,
    monkeypatch: pytest.MonkeyPatch,
    query: Query,
) -> None:
    proxy = make_proxy(s3.port, CHANCES, 7)
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)

    rows = OBJECTS * LINES_AN_OBJECT
    assert load_new_files(settings) == LoadSummary(loaded=OBJECTS, rows=rows)
    assert load_new_files(settings) == LoadSummary(already_loaded=OBJECTS)

    hit = sum(fault.is_dropped or fault.cut_at is not None for fault in proxy.faults)
    assert hit > OBJECTS / 50
    assert query(
        settings, "select count(*), count(distinct event_id) from raw.events_raw"
    ) == [(rows, rows)]


def test_window_loads_the_objects_of_its_hours(
    settings: Settings, s3: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    feeds = tmp_path / "feeds.yml"
    feeds.write_text(
        "streamed:\n"
        "  files: 'tracked_events/{year:04}/{month:02}/{day:02}/{hour:02}/*'\n"
        "  format: json_lines\n"
    )
    first = datetime(2025, 1, 2, 6, tzinfo=UTC)
    summary = load_new_files(
        replace(settings, feeds=feeds),
        window=Window(first, first + timedelta(hours=2)),
    )
    # Its two hours and one around it, of the days that have objects.
    keys = [key_of(number) for number in range(OBJECTS)]
    hours = [f"/02/{hour:02}/" for hour in range(5, 9)]
    assert summary.loaded == sum(any(hour in key for hour in hours) for key in keys)
