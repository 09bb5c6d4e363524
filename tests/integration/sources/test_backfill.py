"""Files of a day that were missed are found again, as the DAG repair_days does it."""

from dataclasses import replace
from pathlib import Path

import pytest

from event_warehouse.load.files import LoadSummary, load_new_files
from event_warehouse.load.plan import plan_shares
from event_warehouse.settings import Settings
from event_warehouse.transform.rebuild import rebuild
from event_warehouse.transform.run import transform
from event_warehouse.window import days_of, resolve_window
from tests.fixture_types import Query
from tests.integration.sources.web_server import Page, WebServer
from tests.s3_server import S3Server

FEEDS = """
streamed:
  files: streamed/{{year:04}}/{{month:02}}/{{day:02}}/*
  format: json_lines
hourly:
  files: hourly/*
  url: {web}/{{year:04}}-{{month:02}}-{{day:02}}-{{hour}}.json
  format: json_lines
"""
DAY = resolve_window(params={"start": "2025-01-05", "end": "2025-01-06"})
DAILY = "select event_date::text, event_count::int from marts.tenant_events_daily"


def events(name: str, count: int, *, day: str = "2025-01-05") -> str:
    return "".join(
        f'{{"tenant_id":"acme","event_id":"{name}-{number}","event_type":"view",'
        f'"event_time":"{day}T10:00:00Z"}}\n'
        for number in range(count)
    )


@pytest.fixture
def settings(
    built_warehouse: Settings,
    s3: S3Server,
    bucket: str,
    web: WebServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    """A warehouse with a bucket of date prefixes and a web server of hourly files."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    feeds = tmp_path / "feeds.yml"
    feeds.write_text(FEEDS.format(web=web.url))
    return replace(built_warehouse, bucket=f"s3://{bucket}/in", feeds=feeds)


def load_missed(settings: Settings, *, feed: str | None = None) -> list[LoadSummary]:
    """As the tasks find and load: the web is asked for a feed that is named."""
    from_web = feed is not None
    shares = plan_shares(settings, feed=feed, window=DAY, from_web=from_web)
    return [
        load_new_files(settings, feed=feed, window=DAY, from_web=from_web, share=share)
        for share in shares
    ]


def test_missed_files_of_a_bucket_and_of_the_web_come_into_the_day_s_mart(
    settings: Settings, s3: S3Server, bucket: str, web: WebServer, query: Query
) -> None:
    s3.fill(bucket, ["in/streamed/2025/01/05/a"], events("a", 2))
    load_new_files(settings)
    transform(settings)
    assert query(settings, DAILY) == [("2025-01-05", 2)]
    other_day = events("other", 9, day="2025-01-20")
    s3.fill(bucket, ["in/streamed/2025/01/20/other"], other_day)
    s3.fill(bucket, ["in/streamed/2025/01/05/late"], events("late", 3))
    web.pages["/2025-01-05-9.json"] = Page(events("nine", 4).encode())
    web.pages["/2025-01-05-23.json"] = Page(events("last", 1).encode(), etag='"2"')
    web.pages["/2025-01-20-9.json"] = Page(other_day.encode(), etag='"3"')

    # The bucket's other file was loaded before, and the web was not to be asked.
    assert load_missed(settings) == [LoadSummary(1, already_loaded=1, rows=3)]
    assert web.requests == []
    assert load_missed(settings, feed="hourly") == [LoadSummary(2, rows=5)]
    transform(settings)
    rebuild(settings, [days_of(DAY)])

    assert query(settings, DAILY) == [("2025-01-05", 2 + 3 + 4 + 1)]
    assert load_missed(settings) == load_missed(settings, feed="hourly") == []


def test_hour_that_is_published_late_is_found_by_the_next_backfill(
    settings: Settings, web: WebServer
) -> None:
    web.pages["/2025-01-05-9.json"] = Page(events("nine", 4).encode())
    assert load_missed(settings, feed="hourly") == [LoadSummary(1, rows=4)]
    web.pages["/2025-01-05-10.json"] = Page(events("ten", 2).encode(), etag='"2"')

    assert load_missed(settings, feed="hourly") == [
        LoadSummary(1, already_loaded=1, rows=2)
    ]
