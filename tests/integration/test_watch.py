"""`warehouse run --watch` does the 5-minute DAG's work until it is stopped."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from event_warehouse.settings import Settings
from tests.fixture_types import Land, Query
from tests.waiting import wait_until
from tests.webhook import Webhook, listening

HEADER = "customer_id,event_type,transaction_id,timestamp\n"
LINE = "acme,buy,t1,2026-11-20T10:00:00Z\n"
SECONDS = 120.0
Watching = subprocess.Popen[str]


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with listening() as webhook:
        yield webhook


@pytest.fixture
def settings(built_warehouse: Settings) -> Settings:
    """A warehouse whose feeds are a file of the test's own."""
    feeds = built_warehouse.home / "feeds.yml"
    shutil.copy(built_warehouse.feeds, feeds)
    return replace(built_warehouse, feeds=feeds)


@pytest.fixture
def watching(settings: Settings, webhook: Webhook) -> Iterator[Watching]:
    """The command, watching the warehouse's landing folder."""
    settings.landing.mkdir(parents=True)
    process = subprocess.Popen(
        [
            str(Path(sys.executable).with_name("warehouse")),
            *("run", "--watch", "--every", "0.2"),
        ],
        env={
            "PATH": "/usr/bin:/bin",
            "WAREHOUSE_HOME": str(settings.home),
            "WAREHOUSE_DSN": settings.dsn,
            "WAREHOUSE_FEEDS": str(settings.feeds),
            "WAREHOUSE_ALERT_WEBHOOK_URL": webhook.url,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        yield process
        process.kill()


def count(query: Query, settings: Settings) -> object:
    counted = "select sum(event_count)::int from marts.tenant_events_5min"
    return query(settings, counted)[0][0]


def test_files_show_in_the_rollup_and_sigterm_ends_it_well(
    settings: Settings, watching: Watching, land: Land, query: Query
) -> None:
    for number in (1, 2):
        content = f"{HEADER}acme,buy,t{number},2026-11-20T10:00:00Z\n"
        land(settings, f"customer_events/{number}.csv", content)
        wait_until(
            lambda wanted=number: count(query, settings) == wanted,  # type: ignore[misc]
            seconds=SECONDS,
        )

    watching.send_signal(signal.SIGTERM)
    output, _ = watching.communicate(timeout=SECONDS)

    assert watching.returncode == 0, output
    assert output.count("loaded 1 file (1 row, 0 rejected lines)") == 2


def test_what_fails_is_told_once_and_work_goes_on_when_it_is_mended(
    settings: Settings,
    watching: Watching,
    webhook: Webhook,
    land: Land,
    query: Query,
) -> None:
    feeds = settings.feeds
    right = feeds.read_text()
    feeds.write_text("customer_events: {files: 7}")
    wait_until(lambda: bool(webhook.messages), seconds=SECONDS)
    land(settings, "customer_events/1.csv", f"{HEADER}{LINE}")
    with psycopg.connect(settings.dsn) as connection:
        connection.execute("select raw.ensure_partition()")
        connection.execute("insert into raw.events_raw values (4711, 1)")
    feeds.write_text(right)
    wait_until(lambda: count(query, settings) == 1, seconds=SECONDS)

    message = webhook.messages[0]
    assert message["what"] == "warehouse run --watch"
    assert "feeds.yml" in message["error"]
    wait_until(lambda: len(webhook.messages) == 2, seconds=SECONDS)
    assert "1 raw rows belong to no load" in webhook.messages[1]["error"]

    land(settings, "customer_events/bad.csv", '{"id": 1}\n')
    wait_until(lambda: len(webhook.messages) == 3, seconds=SECONDS)
    assert "1 file could not be loaded" in webhook.messages[2]["error"]
