"""Overview: whether the warehouse is well."""

import csv
import json
import re
from datetime import UTC, datetime, timedelta

import psycopg
from playwright.sync_api import Locator, Page, expect

from event_warehouse.access.keys import Scope
from tests.browser.conftest import OpenPage
from tests.browser.explorer import Explorer, copied, saved


def tile(page: Page, name: str) -> Locator:
    return page.locator(".tile").filter(has=page.get_by_text(name, exact=True))


def test_overview_shows_the_numbers_of_the_statistics(
    page: Page, explorer: Explorer
) -> None:
    page.get_by_role("link", name="Overview").click()
    stats = explorer.get("/stats")
    assert (stats["event_count"], stats["rejected_event_count"]) == (13, 1)
    expect(tile(page, "Events")).to_contain_text("13")
    expect(tile(page, "Accounting")).to_contain_text("adds up")
    feeds = page.get_by_role("region", name="What each feed has had")
    row = feeds.get_by_role("row", name=re.compile("tracked_events"))
    cells = row.get_by_role("cell").all_inner_texts()
    assert cells[:8] == ["✓ balanced", "1", "0", "0", "15", "13", "1", "1"]
    # At ten on 1 June there are six of the shop's and another's.
    chart = page.get_by_label(re.compile("^events by hour.*the highest is 7"))
    expect(chart.locator("svg")).to_be_visible()


def test_rejected_lines_and_events_stand_by_reason_with_examples(page: Page) -> None:
    page.get_by_role("link", name="Overview").click()
    reasons = page.get_by_role("region", name=re.compile("Lines that can't be split"))
    rows = reasons.locator("tbody tr")
    expect(rows).to_have_count(2)
    event = rows.filter(has_text="event_time is not ISO 8601")
    expect(event).to_contain_text("the-day-before events.jsonl, line 11")
    line = rows.filter(has_text='{"event_id": "broken')
    expect(line).to_contain_text("events.jsonl, line 15")


def test_each_part_has_an_address_a_call_its_sql_and_an_export(
    page: Page, open_page: OpenPage, explorer: Explorer
) -> None:
    page.get_by_role("link", name="Overview").click()
    files = page.get_by_role("region", name="Files and where their records are")
    files.get_by_label("Status").select_option("balanced")
    expect(files.locator("tbody tr")).to_have_count(1)
    (row,) = csv.DictReader(saved(page, files, "CSV").splitlines())
    assert (row["record_count"], row["event_count"]) == ("15", "13")
    (load,) = explorer.run(copied(files, "API call"))["loads"]
    assert load["uri"] == row["uri"]
    with psycopg.connect(explorer.settings.dsn) as connection:
        (counted,) = connection.execute(copied(files, "SQL").encode()).fetchall()
    assert counted[:3] == (load["load_id"], load["feed"], load["uri"])
    assert json.loads(saved(page, files, "JSON")) == [load]
    for name, path in [
        ("Take along: state", "/stats"),
        ("Events and arrivals", "/stats/activity"),
        ("Feeds", "/stats"),
        ("Rejected", "/stats/rejections"),
    ]:
        part = page.get_by_role("group" if "Take" in name else "region", name=name)
        answer = json.loads(saved(page, part, "JSON"))
        asked = explorer.get(path)
        assert {**answer, "elapsed_ms": 0} == {**asked, "elapsed_ms": 0}
        assert len(saved(page, part, "CSV").splitlines()) > 1


def test_that_nothing_is_loaded_is_said_with_what_to_do(
    open_page: OpenPage, explorer: Explorer
) -> None:
    page = open_page()
    explorer.sign_in(page, "#/overview")
    expect(tile(page, "Newest load")).to_contain_text("UTC")
    said = page.get_by_text("Nothing has been loaded for")
    expect(said).to_have_count(0)
    page.clock.set_fixed_time(datetime.now(UTC) + timedelta(days=3, minutes=5))
    page.reload()
    expect(said).to_have_text("Nothing has been loaded for 3 days.")
    expect(page.get_by_role("main")).to_contain_text("make up starts it")


def test_runs_are_in_airflow(page: Page, explorer: Explorer) -> None:
    page.get_by_role("link", name="Overview").click()
    runs = page.get_by_role("link", name="Runs of apply_new_events")
    port = explorer.settings.airflow_port
    expect(runs).to_have_attribute(
        "href", f"http://127.0.0.1:{port}/dags/apply_new_events/runs"
    )


def test_tenant_sees_their_own_only(open_page: OpenPage, explorer: Explorer) -> None:
    page = open_page()
    explorer.sign_in(page, "#/overview", explorer.key("other"))
    expect(tile(page, "Events")).to_contain_text("Events1each")
    expect(page.get_by_text("Files and where their records are")).to_have_count(0)
    expect(page.get_by_text("Nothing is rejected.")).to_be_visible()
    page.get_by_role("link", name="Explore").click()
    expect(page.get_by_label("Tenant")).to_have_count(0)
    expect(page.get_by_label("Totals")).to_contain_text("1 events")


def test_key_without_the_right_to_statistics_says_which_it_takes(
    open_page: OpenPage, explorer: Explorer
) -> None:
    page = open_page()
    explorer.sign_in(page, "#/overview", explorer.key("shop", Scope.QUERY_READ))
    expect(page.get_by_role("main")).to_contain_text("scope stats:read")
