"""Rejected lines that are read again after their feed's declaration was mended."""

from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from event_warehouse.load.files import load_new_files
from event_warehouse.load.replay import (
    LINES_AT_ONCE,
    ReplaySummary,
    replay_rejected_lines,
)
from event_warehouse.reports.accounting import verify
from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform
from tests.fixture_types import Land, Query

CSV = """
visits:
  files: visits/*
  format: csv
  fields: {tenant_id: tenant, event_time: at}
  identity: [event_id]
  strip_nul: %s
"""
JSON = CSV.replace("format: csv", "format: json_lines")
CSV_LINES = b"""\
tenant,event_id,at,page
acme,1,2025-01-01T10:00:00Z,/a
acme,2,2025-01-01T10:01:00Z,/b\0c
acme,3,2025-01-01T10:02:00Z
acme,4,2025-01-01T10:03:00Z,\0
"""
JSON_LINES = b"""\
{"tenant":"acme","event_id":"1","at":"2025-01-01T10:00:00Z","page":"/a"}
{"tenant":"acme","event_id":"2","at":"2025-01-01T10:01:00Z","page":"/b\0c"}
no json
{"tenant":"acme","event_id":"4","at":"2025-01-01T10:03:00Z","page":"\0"}
"""
FORMATS = pytest.mark.parametrize(
    ("declaration", "content"),
    [(CSV, CSV_LINES), (JSON, JSON_LINES)],
    ids=["csv", "json"],
)
ROWS = """
    select raw.line_number, raw.event_id, raw.attributes, original.load_id
    from raw.events_raw as raw
    inner join raw.loads as loads using (load_id)
    left join raw.loads as original on loads.replays_load_id = original.load_id
    order by raw.line_number
"""


def declare(settings: Settings, declaration: str, *, strips: bool) -> Settings:
    settings.feeds.write_text(declaration % ("true" if strips else "false"))
    return settings


@pytest.fixture
def settings(warehouse: Settings, tmp_path: Path) -> Settings:
    return replace(warehouse, feeds=tmp_path / "feeds.yml")


@FORMATS
def test_what_the_mended_declaration_reads_becomes_rows_of_the_original_lines(
    settings: Settings, land: Land, query: Query, declaration: str, content: bytes
) -> None:
    declare(settings, declaration, strips=False)
    land(settings, "visits/a", content)
    assert load_new_files(settings).rejected_lines == 3

    declare(settings, declaration, strips=True)
    assert replay_rejected_lines(settings) == ReplaySummary(2, 1)

    first = 2 if declaration is CSV else 1
    load_id = query(settings, "select min(load_id) from raw.loads")[0][0]
    assert query(settings, ROWS) == [
        (first, "1", '{"page":"/a"}', None),
        (first + 1, "2", '{"page":"/bc"}', load_id),
        (first + 3, "4", '{"page":""}' if declaration is JSON else None, load_id),
    ]


def test_file_whose_header_is_not_of_the_feed_any_more_is_left_and_the_others_are_not(
    settings: Settings, land: Land, query: Query, caplog: pytest.LogCaptureFixture
) -> None:
    declare(settings, CSV, strips=False)
    path = land(settings, "visits/a.csv", CSV_LINES)
    load_new_files(settings)
    renamed = CSV.replace("at}", "stamp}")
    declare(settings, renamed, strips=False)
    land(settings, "visits/b.csv", CSV_LINES.replace(b",at,", b",stamp,"))
    assert load_new_files(settings).rejected_lines == 3
    declare(settings, renamed, strips=True)

    assert replay_rejected_lines(settings) == ReplaySummary(2, 4)

    assert query(
        settings,
        "select load_id, count(*) from raw.rejected_lines where replayed_by is null"
        " group by 1 order by 1",
    ) == [(1, 3), (2, 1)]
    assert f"{path.as_uri()} was replayed: line 1, the header, has no" in caplog.text


@FORMATS
def test_replay_of_what_was_replayed_does_nothing(
    settings: Settings, land: Land, query: Query, declaration: str, content: bytes
) -> None:
    declare(settings, declaration, strips=False)
    land(settings, "visits/a", content)
    load_new_files(settings)
    declare(settings, declaration, strips=True)
    replay_rejected_lines(settings)
    before = query(settings, ROWS)

    assert replay_rejected_lines(settings) == ReplaySummary(0, 1)
    assert query(settings, ROWS) == before


def test_original_bytes_of_replayed_lines_are_kept_twice_over(
    settings: Settings, land: Land, query: Query
) -> None:
    declare(settings, JSON, strips=False)
    land(settings, "visits/a", JSON_LINES)
    load_new_files(settings)
    declare(settings, JSON, strips=True)
    replay_rejected_lines(settings)

    lines = JSON_LINES.splitlines()
    assert query(
        settings,
        "select line_number, line from raw.rejected_lines"
        " where replayed_by is not null order by 1",
    ) == [(2, lines[1]), (4, lines[3])]
    assert query(
        settings, "select line_number, line from raw.stripped_lines order by 1"
    ) == [(2, lines[1]), (4, lines[3])]


def test_two_replays_at_once_take_each_line_once(
    settings: Settings, land: Land, query: Query
) -> None:
    declare(settings, JSON, strips=False)
    land(settings, "visits/a", JSON_LINES)
    load_new_files(settings)
    declare(settings, JSON, strips=True)

    replays = [Thread(target=replay_rejected_lines, args=[settings]) for _ in range(4)]
    for one in replays:
        one.start()
    for one in replays:
        one.join()

    assert [row[0] for row in query(settings, ROWS)] == [1, 2, 4]


def test_replayed_lines_become_events_and_the_accounting_holds(
    built_warehouse: Settings, tmp_path: Path, land: Land, query: Query
) -> None:
    settings = replace(built_warehouse, feeds=tmp_path / "feeds.yml")
    declare(settings, JSON, strips=False)
    land(settings, "visits/a", JSON_LINES)
    load_new_files(settings)
    transform(settings)
    declare(settings, JSON, strips=True)
    replay_rejected_lines(settings)
    transform(settings)

    accounting = verify(settings)
    assert accounting.problems == ()
    assert [
        (one.records, one.rejected_lines, one.raw_rows, one.events)
        for one in accounting.loads
    ] == [(2, 1, 1, 1), (2, 0, 2, 2)]
    assert query(
        settings,
        "select record_count - replayed_line_count, rejected_line_count, raw_row_count,"
        " event_count from marts.accounting order by load_id",
    ) == [(2, 1, 1, 1), (2, 0, 2, 2)]
    assert query(
        settings, "select sum(event_count)::int from analytics.rollup_events_1hr"
    ) == [(3,)]
    assert query(settings, "select kind from ledger.applies order by apply_id") == [
        ("load",),
        ("replay",),
    ]


def test_lines_of_which_more_are_rejected_than_are_held_at_once_keep_their_numbers(
    settings: Settings, land: Land, query: Query
) -> None:
    declare(settings, CSV, strips=False)
    good = "acme,{n},2025-01-01T10:00:00Z,/p{n}\n"
    kinds = (good.replace("/p", "/\0p"), 'acme,{n},2025-01-01T10:00:00Z,"/\0,\n,p"\n')
    # Of those that strip_nul mends some span two lines; every hundredth stays bad.
    lines = [
        "acme,x\n" if n % 100 == 0 else kinds[n % 50 == 1].format(n=n)
        for n in range(2 * LINES_AT_ONCE)
    ]
    header = "tenant,event_id,at,page\n"
    land(settings, "visits/a", header + good.format(n="first") + "".join(lines))
    load_new_files(settings)
    declare(settings, CSV, strips=True)

    summary = replay_rejected_lines(settings)

    assert summary == ReplaySummary(len(lines) * 99 // 100, len(lines) // 100)
    numbers = query(
        settings,
        """
        select raw.line_number, raw.event_id
        from raw.events_raw as raw
        inner join raw.loads as loads using (load_id)
        where loads.replays_load_id is not null
        order by raw.line_number
        """,
    )
    expected, number = [], 3
    for n, line in enumerate(lines):
        if n % 100:
            expected.append((number, str(n)))
        number += line.count("\n")
    assert numbers == expected
