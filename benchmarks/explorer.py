"""x1: how fast the explorer page appears, and how fast a question becomes a chart.

Measured in Chromium with the page's own clock: from the change of the address, which a
link or a choice in the form makes, until the chart's SVG is in the document.
"""

import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import psycopg
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.bench import Bench
from benchmarks.measured import NotMeasured, Row, WrongAnswer
from benchmarks.shop import filled_shop
from event_warehouse.access.key_store import create_key
from event_warehouse.access.keys import Scope
from event_warehouse.explorer.chart_library import ensure_chart_library
from event_warehouse.processes.environment import warehouse_environment
from event_warehouse.settings import Settings

START_SECONDS = 60.0
TIMES = 5
"""How often each is measured; the median is the figure."""

PAINTED = """() => {
    const [paint] = performance.getEntriesByName("first-contentful-paint");
    return paint ? paint.startTime : null;
}"""
CHARTED = """async (address) => {
    document.querySelector("main").dataset.old = "1";
    const start = performance.now();
    location.hash = address;
    const isThere = () =>
        document.querySelector("main:not([data-old]) .answer .chart svg");
    const failed = () => document.querySelector("main:not([data-old]) .problem");
    while (!isThere()) {
        if (failed()) return { problem: failed().textContent };
        await new Promise(requestAnimationFrame);
    }
    const drawn = performance.now() - start;
    const said = document.querySelector(".freshness").innerText.replaceAll("\\n", " ");
    return { drawn, said };
}"""


def explorer(bench: Bench) -> Iterator[Row]:
    """x1: first paint, cold and warm; questions from rollups and from events."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise NotMeasured(
            "Chromium is not installed; on Debian: apt-get install chromium"
        )
    filled_shop(bench)
    ensure_chart_library(bench.settings.home)
    key = create_key(bench.settings, tenant=None, scopes=list(Scope))
    with (
        _serving(bench.settings, bench.folder) as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )
        yield _paints(browser, url)
        page = _signed_in(browser, url, key)
        for what, address in _questions(bench.settings):
            yield _charts(page, what, address)
        browser.close()


def _questions(settings: Settings) -> Sequence[tuple[str, str]]:
    """Questions about the tenant with the most events, over all of its days."""
    tenant, first, last = _largest(settings)
    days = {
        "tenant": tenant,
        "range": "custom",
        "start": f"{first:%Y-%m-%dT%H:%M}",
        "end": f"{last + timedelta(days=1):%Y-%m-%dT%H:%M}",
    }

    def address(**members: str) -> str:
        return f"#/explore?{urlencode({**days, **members})}"

    distinct = '[{"measure": "unique", "key": "user_id"}]'
    filtered = '[{"filters": [["entity_id", "prefix", "p-1"]]}]'
    return [
        ("all events by day", address(bucket="day")),
        ("by hour and country", address(bucket="hour", by="country")),
        ("distinct users by day", address(bucket="day", series=distinct)),
        (
            "a filter that no rollup has, by hour",
            address(bucket="hour", series=filtered),
        ),
    ]


def _largest(settings: Settings) -> tuple[str, date, date]:
    """The tenant with the most events, and their first and last day."""
    with psycopg.connect(settings.dsn) as connection:
        row = connection.execute(
            "select tenant_id, min(event_date), max(event_date)"
            " from marts.tenant_events_daily group by tenant_id"
            " order by sum(event_count) desc limit 1"
        ).fetchone()
    if row is None:
        raise WrongAnswer("there are no events")
    return row


def _paints(browser: Browser, url: str) -> Row:
    cold: list[float] = []
    warm: list[float] = []
    for _ in range(TIMES):
        context = browser.new_context()
        page = context.new_page()
        for times in (cold, warm):
            page.goto(url)
            page.wait_for_selector(".sign-in")
            page.wait_for_function(PAINTED)
            times.append(page.evaluate(PAINTED))
        context.close()
    told = (
        f"{min(cold):.0f} to {max(cold):.0f} ms with nothing kept; "
        f"{statistics.median(warm):.0f} ms when it was seen before"
    )
    figure = f"{statistics.median(cold):.0f} ms"
    return Row("x1", "first paint of the explorer page", figure, "", "", told)


def _signed_in(browser: Browser, url: str, key: str) -> Page:
    page = browser.new_context().new_page()
    page.set_default_timeout(120_000)
    page.goto(f"{url}/#/overview")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector("main svg")
    return page


def _charts(page: Page, what: str, address: str) -> Row:
    times, said = [], ""
    for _ in range(TIMES):
        page.evaluate("location.hash = '#/overview'")
        page.wait_for_selector("main .overview svg")
        result: Mapping[str, Any] = page.evaluate(CHARTED, address)
        if "problem" in result:
            raise WrongAnswer(f"{what}: {result['problem']}")
        times.append(result["drawn"])
        said = result["said"]
    told = (
        f"{min(times):.0f} to {max(times):.0f} ms; last: {said[said.index('from ') :]}"
    )
    return Row(
        "x1",
        f"question to chart: {what}",
        f"{statistics.median(times):.0f} ms",
        "",
        "",
        told,
    )


@contextmanager
def _serving(settings: Settings, folder: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    program = [str(Path(sys.executable).with_name("warehouse")), "serve"]
    with open(folder / "serve.log", "wb") as log:
        process = subprocess.Popen(
            [*program, "--port", str(port)],
            env=warehouse_environment(settings),
            stderr=log,
        )
    try:
        _wait(url := f"http://127.0.0.1:{port}", process)
        yield url
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/health").json()["has_postgres"]:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise NotMeasured("the service did not start")
