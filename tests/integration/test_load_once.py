"""Content is loaded exactly once, whatever its file is called."""

import os
import time
from dataclasses import replace

import pytest

from event_warehouse.load import one_file
from event_warehouse.load.files import LoadSummary, load_new_files
from event_warehouse.settings import Settings
from tests.fixture_types import Land, Query
from tests.integration.loading import LOADS, ONE, ROWS, TWO


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
