"""Each kind of bad record in each format: it is rejected, and nothing else is."""

from dataclasses import replace

import pytest

from event_warehouse.load.files import LoadSummary, load_new_files
from event_warehouse.reports.accounting import verify
from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform
from tests.fixture_types import Land, Query
from tests.format_corpus import FEEDS, FORMATS, TIME, Case, cases_of

NAME = "(select uri from raw.loads where loads.load_id = kept.load_id)"
ROWS = f"""
    select {NAME}, line_number, tenant_id, event_id, event_time, attributes
    from raw.events_raw as kept order by load_id, line_number
"""
REJECTED = f"""
    select {NAME}, line_number, reason, line, byte_count
    from raw.rejected_lines as kept order by load_id, line_number
"""
LOADS = """
    select uri, record_count, row_count, rejected_line_count
    from raw.loads where status = 'loaded'
"""


def by_file(rows: list[tuple[object, ...]]) -> dict[str, list[tuple[object, ...]]]:
    """The rows of each file, by its address."""
    found: dict[str, list[tuple[object, ...]]] = {}
    for uri, *rest in rows:
        found.setdefault(str(uri), []).append(tuple(rest))
    return found


def land_cases(settings: Settings, land: Land, form: str) -> dict[str, Case]:
    """The files of a form, by their addresses."""
    return {
        land(settings, f"{form}/{case.name}", case.content).as_uri(): case
        for case in cases_of(form)
    }


def with_feeds(settings: Settings) -> Settings:
    """The warehouse with a feed for each form."""
    feeds = settings.home / "feeds.yml"
    feeds.write_text(FEEDS)
    return replace(settings, feeds=feeds)


@pytest.mark.parametrize("form", FORMATS)
def test_exactly_the_bad_records_are_rejected_and_all_others_arrive(
    warehouse: Settings, land: Land, query: Query, form: str
) -> None:
    settings = with_feeds(warehouse)
    cases = land_cases(settings, land, form)

    summary = load_new_files(settings)

    assert summary == LoadSummary(
        loaded=len(cases),
        rows=sum(len(case.rows) for case in cases.values()),
        rejected_lines=sum(len(case.rejected) for case in cases.values()),
    )
    rows, rejected = by_file(query(settings, ROWS)), by_file(query(settings, REJECTED))
    loads = by_file(query(settings, LOADS))
    for uri, case in cases.items():
        good, bad = len(case.rows), len(case.rejected)
        assert rows[uri] == list(case.rows), case.name
        assert loads[uri] == [(good + bad, good, bad)], case.name
        assert_rejected(rejected.get(uri, []), case)


def assert_rejected(found: list[tuple[object, ...]], case: Case) -> None:
    """The reason is compared as far as it is not the words of a library."""
    cut = [
        (number, str(reason)[: len(expected)], line, byte_count)
        for (number, reason, line, byte_count), (_, expected, *_) in zip(
            found, case.rejected, strict=True
        )
    ]
    assert cut == list(case.rejected), case.name


def test_accounting_holds_over_the_whole_corpus(
    built_warehouse: Settings, land: Land, query: Query
) -> None:
    settings = with_feeds(built_warehouse)
    files = [land_cases(settings, land, form).values() for form in FORMATS]
    cases = [case for some in files for case in some]
    load_new_files(settings)

    transform(settings)

    accounting = verify(settings)
    assert accounting.problems == ()
    assert [load.is_pending for load in accounting.loads] == [False] * len(cases)
    # The cast sets aside what has no time.
    times = [at for case in cases for _, _, _, at, _ in case.rows]
    counts = "select count(*) from analytics.events"
    assert query(settings, counts) == [(times.count(TIME),)]
