"""Reference feeds: what is known of an entity, newest version first."""

from dataclasses import replace
from pathlib import Path

import pytest

from event_warehouse.load.files import load_new_files
from event_warehouse.reports.accounting import verify
from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform
from tests.fixture_types import Land, Query

FEEDS = """
products:
  kind: reference
  files: products/*
  format: json_lines
  fields: {tenant_id: {constant: shop}, entity_id: code, event_time: version}
  time_format: version_number
views:
  files: views/*
  format: csv
  fields: {tenant_id: {constant: shop}}
  attributes: {price: numeric, seen: boolean, day: date}
  missing_event_time: file_time
"""
FIRST = """\
{"code":"p1","version":1,"brand":"A","country":"DE"}
{"code":"p2","version":7,"brand":"B"}
{"code":"p1","version":1,"brand":"A","country":"DE"}
{"code":"p3","version":"seven"}
{"version":2}
"""
LATER = """\
{"code":"p1","version":20260101120000,"brand":"C"}
{"code":"p2","version":6,"brand":"old"}
{"code":"p2","version":7,"brand":"other"}
"""
LATEST = """
    select entity_id, version::text, attributes ->> 'brand'
    from analytics.reference_latest order by 1
"""


@pytest.fixture
def settings(built_warehouse: Settings, tmp_path: Path) -> Settings:
    settings = replace(built_warehouse, feeds=tmp_path / "feeds.yml")
    settings.feeds.write_text(FEEDS)
    return settings


def test_newest_version_counts_in_whatever_order_they_come(
    settings: Settings, land: Land, query: Query
) -> None:
    for name, content in (("a", LATER), ("b", FIRST)):
        land(settings, f"products/{name}", content)
        load_new_files(settings)
        transform(settings)

    assert query(settings, LATEST) == [
        ("p1", "20260101120000", "C"),
        ("p2", "7", "other"),
    ]
    assert verify(settings).problems == ()


def test_each_reference_record_is_a_version_a_repeat_or_rejected(
    settings: Settings, land: Land, query: Query
) -> None:
    land(settings, "products/a", FIRST)
    load_new_files(settings)
    transform(settings)
    land(settings, "products/b", LATER)
    load_new_files(settings)
    transform(settings)

    assert query(
        settings,
        "select line_number, kept_line_number, is_content_different"
        " from analytics.duplicate_events order by load_id, line_number",
    ) == [(3, 1, False), (3, 2, True)]
    assert query(
        settings,
        "select line_number, rejected_column, rejected_reason"
        " from analytics.rejected_events order by 1",
    ) == [
        (4, "event_time", "is not a whole number of at most 15 digits"),
        (5, "entity_id", "is missing"),
    ]
    assert [
        (one.reference_rows, one.duplicates, one.rejected_events, one.events)
        for one in verify(settings).loads
    ] == [(2, 1, 2, 0), (2, 1, 0, 0)]


@pytest.mark.long
def test_full_refresh_of_reference_records_is_what_the_increments_made(
    settings: Settings, land: Land, query: Query
) -> None:
    history = "select * from analytics.reference_history order by load_id, line_number"
    for name, content in (("a", FIRST), ("b", LATER)):
        land(settings, f"products/{name}", content)
        load_new_files(settings)
        transform(settings)
    before = query(settings, history)

    transform(settings, full_refresh=True)

    assert query(settings, history) == before
    assert len(before) == 4


def test_event_field_of_a_reference_record_is_an_attribute_of_it(
    settings: Settings, land: Land, query: Query
) -> None:
    land(settings, "products/a", FIRST)
    load_new_files(settings)
    transform(settings)

    assert query(
        settings, "select attributes from analytics.reference_latest order by entity_id"
    ) == [({"brand": "A", "country": "DE"},), ({"brand": "B"},)]


def test_event_without_a_time_has_its_files_and_says_so(
    settings: Settings, land: Land, query: Query
) -> None:
    path = land(
        settings, "views/a", "event_type,event_time\nseen,\nseen,2025-01-01T00:00:00Z\n"
    )
    land(settings, "views/b", "event_type,user_id\nseen,ada\n")
    load_new_files(settings)
    transform(settings)

    modified = path.stat().st_mtime
    assert query(
        settings,
        "select extract(epoch from event_time)::float, has_file_time"
        " from analytics.events order by load_id, line_number",
    ) == [(modified, True), (1735689600.0, False), (modified, True)]


def test_attribute_that_is_not_of_its_type_sets_its_record_aside(
    settings: Settings, land: Land, query: Query
) -> None:
    land(
        settings,
        "views/a",
        "event_type,price,seen,day\n"
        "seen,12.50,true,2025-01-31\n"
        "seen,,,\n"
        "seen,NaN,true,2025-01-31\n"
        "seen,1,maybe,2025-01-31\n"
        "seen,1,f,today\n"
        f"seen,{'9' * 15_000},,\n"
        f"seen,{'9' * 140_000},,\n",
    )
    load_new_files(settings)
    transform(settings)

    assert query(
        settings,
        "select line_number, rejected_column, rejected_value, rejected_reason"
        " from analytics.rejected_events order by 1",
    ) == [
        (4, "attributes.price", "NaN", "is not of type numeric"),
        (5, "attributes.seen", "maybe", "is not of type boolean"),
        (6, "attributes.day", "today", "is not of type date"),
        (8, "attributes.price", "9" * 140_000, "is not of type numeric"),
    ]
    total = "select (sum(price) - 12.5)::text from analytics.views"
    assert query(settings, total) == [("9" * 15_000 + ".00",)]


def test_identity_all_tells_events_apart_by_their_attributes_too(
    settings: Settings, land: Land, query: Query
) -> None:
    settings.feeds.write_text(
        "taps:\n  files: taps/*\n  format: json_lines\n  identity: all\n"
    )
    event = '"tenant_id":"a","event_time":"2025-01-01T00:00:00Z","user_id":"ada"'
    land(
        settings,
        "taps/a",
        f'{{{event},"x":1,"y":2}}\n{{{event},"y":2,"x":1}}\n{{{event},"x":2}}\n',
    )
    load_new_files(settings)
    transform(settings)

    assert query(settings, "select line_number from analytics.events order by 1") == [
        (1,),
        (3,),
    ]
