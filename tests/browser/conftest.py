"""A warehouse with a shop's events, its service, and a real Chromium to look at it."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from event_warehouse.access.key_store import create_key
from event_warehouse.access.keys import Scope
from event_warehouse.explorer.chart_library import ensure_chart_library
from event_warehouse.settings import Settings
from tests.api_server import servers
from tests.browser.explorer import Explorer
from tests.filled_warehouse import filled_warehouse

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
WAIT_MS = 15_000

# user, event type, colour, time, country
HAPPENED = [
    ("u1", "product_view", "red", "2025-06-01T10:00:00Z", "DE"),
    ("u1", "add_to_cart", "red", "2025-06-01T10:05:00Z", "DE"),
    ("u2", "product_view", "red", "2025-06-01T10:10:00Z", "FR"),
    ("u2", "add_to_cart", "blue", "2025-06-01T10:20:00Z", "FR"),
    ("u3", "add_to_cart", "red", "2025-06-01T10:00:00Z", "DE"),
    ("u3", "product_view", "red", "2025-06-01T10:30:00Z", "DE"),
    ("u4", "product_view", "blue", "2025-06-01T11:00:00Z", "DE"),
    ("u4", "add_to_cart", "blue", "2025-06-01T11:02:00Z", "DE"),
    ("u5", "product_view", "green", "2025-06-02T09:00:00Z", None),
    ("u5", "sign_up", "green", "2025-06-02T09:30:00Z", None),
]


def _lines() -> str:
    events = [
        {
            "tenant_id": "shop",
            "event_id": f"e{number}",
            "event_type": event_type,
            "event_time": event_time,
            "user_id": user,
            "country": country,
            "item_colour_id": colour,
        }
        for number, (user, event_type, colour, event_time, country) in enumerate(
            HAPPENED
        )
    ]
    bad_time = {**events[0], "event_id": "bad", "event_time": "the-day-before"}
    other = {**events[0], "tenant_id": "other", "event_type": "secret-launch"}
    # Both at two o'clock in Berlin, where summer time ends between them.
    night = [
        {**other, "tenant_id": "night", "event_id": event_id, "event_time": event_time}
        for event_id, event_time in [
            ("summer", "2024-10-27T00:30:00Z"),
            ("winter", "2024-10-27T01:30:00Z"),
        ]
    ]
    lines = [json.dumps(one) for one in [*events, bad_time, other, *night]]
    return "\n".join([*lines, '{"event_id": "broken'])


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is. Without it these tests are skipped, and say so; where
    CI_REQUIRES_BROWSER is set they fail."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        reason = (
            "the tests of the page need Chromium; on Debian: apt-get install chromium"
        )
        if os.environ.get("CI_REQUIRES_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def explored_warehouse(
    chromium: str,
    cluster: Settings,
    built_home: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Settings]:
    """A warehouse with events that every model has taken in."""
    home = tmp_path_factory.mktemp("explored")
    with filled_warehouse(
        cluster,
        built_home,
        home,
        database="explored",
        file="tracked_events/events.jsonl",
        text=_lines(),
    ) as settings:
        yield settings


@pytest.fixture(scope="session")
def explorer(explored_warehouse: Settings) -> Iterator[Explorer]:
    """The service of that warehouse, and keys to it."""
    settings = explored_warehouse
    ensure_chart_library(settings.home)
    starts = servers(
        settings.home,
        {"WAREHOUSE_DSN": settings.dsn, "WAREHOUSE_API_DSN": settings.api_dsn},
    )
    server = next(starts)()

    def key(tenant: str | None, *scopes: Scope) -> str:
        return create_key(settings, tenant=tenant, scopes=scopes or list(Scope))

    yield Explorer(server, settings, key(None), key)
    starts.close()


# Not for the session: its event loop would be in the way of other files' own.
@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One process for all tests; each has a context of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )
        yield browser
        browser.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens pages in contexts of their own. What one of them logs as an error, such as
    a breach of its policy, fails the test."""
    errors: list[str] = []
    contexts = []

    def note(message: ConsoleMessage) -> None:
        # An answer that is a problem is logged by the browser itself.
        if message.type == "error" and "the server responded with" not in message.text:
            errors.append(message.text)

    def open_one(**options: object) -> Page:
        context = browser.new_context(accept_downloads=True, **options)  # type: ignore[arg-type]
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def page(open_page: OpenPage, explorer: Explorer) -> Page:
    """The page, signed in as an operator, at the events of the shop."""
    page = open_page()
    explorer.sign_in(page, "#/explore?tenant=shop")
    return page
