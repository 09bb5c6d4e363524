"""Which files are loaded, and which are left out."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from event_warehouse.errors import FeedError, FileError
from event_warehouse.load.files import LoadSummary, load_new_files
from event_warehouse.settings import Settings
from tests.fixture_types import Land, Query
from tests.integration.loading import HEADER, ONE, TWO


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

    assert "1 file below" in caplog.text
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
