"""The UI in a real browser: signing in, the DAGs, a backfill, the link to the page."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from event_warehouse.local_airflow.api import AirflowApi
from event_warehouse.local_airflow.services import how_to_sign_in
from event_warehouse.settings import PROJECT, Settings
from tests.waiting import wait_until

DAGS = sorted(file.stem for file in (PROJECT / "dags").glob("*.py"))
CHROMIUM = shutil.which("chromium")
PATIENCE_MS = 60_000
SCREENSHOTS = os.environ.get("WAREHOUSE_TEST_SCREENSHOTS")
pytestmark = [
    pytest.mark.airflow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on the PATH"),
]


@pytest.fixture(scope="module")
def page(running: Settings) -> Iterator[Page]:
    """A browser that has signed in."""
    ui = how_to_sign_in(running)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        page.goto(ui.url)
        page.get_by_label("Username").fill(ui.user)
        page.get_by_label("Password").fill(ui.password)
        page.get_by_role("button", name="Sign in").click()
        # What is asked for meanwhile would be broken off.
        expect(page.get_by_label("Password")).to_have_count(0)
        page.wait_for_load_state("networkidle")
        yield page
        browser.close()


def picture(page: Page, name: str) -> None:
    """Kept only where somebody asks for it, such as for the docs."""
    if SCREENSHOTS:
        # Animations at their end: dialogs fade in.
        path = Path(SCREENSHOTS) / f"{name}.png"
        page.screenshot(path=path, animations="disabled")


def test_dags_are_listed_without_import_errors(page: Page, running: Settings) -> None:
    page.goto(f"{how_to_sign_in(running).url}/dags")
    for dag in DAGS:
        expect(page.get_by_role("link", name=dag, exact=True).first).to_be_visible()
    expect(page.get_by_text("Dag Import Errors")).to_have_count(0)
    picture(page, "airflow-dags")


@pytest.mark.parametrize("dag", DAGS)
def test_operators_page_of_a_dag_is_shown(
    page: Page, running: Settings, dag: str
) -> None:
    page.goto(f"{how_to_sign_in(running).url}/dags/{dag}")
    page.get_by_role("button", name="Dag Docs").first.click()
    expect(page.get_by_text("When it fails")).to_be_visible()
    expect(page.get_by_text("How to rerun")).to_be_visible()
    picture(page, f"airflow-{dag}")


def test_backfill_is_started_in_the_ui(
    page: Page, running: Settings, api: AirflowApi
) -> None:
    page.goto(f"{how_to_sign_in(running).url}/dags/repair_days")
    page.get_by_role("button", name="Trigger").first.click()
    # The page behind it has the word, too, once there were backfills.
    form = page.get_by_role("dialog")
    form.get_by_text("Backfill", exact=True).first.click()
    first_and_last = form.get_by_test_id("datetime-input")
    for number in (0, 1):
        # It opens a calendar, and closes it.
        first_and_last.nth(number).click()
        page.get_by_placeholder("YYYY/MM/DD").fill("2025/02/01")
        first_and_last.nth(number).click()
    picture(page, "airflow-backfill")
    form.get_by_role("button", name="Run Backfill").click()

    path = "/api/v2/dags/repair_days/dagRuns?run_type=backfill&limit=100"

    def days() -> list[str]:
        """Of the UI's runs, the first moment of the day that each is of."""
        starts = [run["data_interval_start"] for run in api.get(path)["dag_runs"]]
        return [start for start in starts if start.startswith("2025-02")]

    wait_until(lambda: bool(days()), seconds=PATIENCE_MS / 1000)
    assert days() == ["2025-02-01T00:00:00Z"]


def test_browse_menu_opens_the_warehouse_s_page_in_a_tab(
    page: Page, running: Settings
) -> None:
    page.goto(how_to_sign_in(running).url)
    page.get_by_role("button", name="Browse").click()
    link = page.get_by_role("menuitem", name="Event Warehouse")
    picture(page, "airflow-link")

    expect(link).to_have_attribute("href", f"http://127.0.0.1:{running.api_port}/")
    with page.expect_popup():
        link.click()
