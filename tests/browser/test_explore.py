"""Explore: a question by autocompletion, its numbers, and what is behind them."""

import csv
import json
import re
from urllib.parse import quote

import psycopg
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.explorer import (
    Explorer,
    answered,
    chart_values,
    choose,
    copied,
    fragment,
    saved,
    suggestions,
    table_of,
)


def test_question_built_by_autocompletion_shows_what_the_api_answers(
    page: Page, explorer: Explorer
) -> None:
    choose(page, "Event type of Series A", "prod", "product_view")
    choose(page, "Break down by", "coun", "country")
    page.get_by_label("Buckets").select_option("day")
    answer = answered(page)
    expect(answer.get_by_role("heading")).to_have_text(
        "Events of shop: product_view by country"
    )
    views = {"type": "eq", "key": "event_type", "value": "product_view"}
    rows = explorer.ask(
        {
            "bucket": "day",
            "breakdown": {"keys": ["country"]},
            "data": [{"name": "views", "filters": [views]}],
        }
    )["rows"]
    counted = {(one["bucket_start"][:10], one["country"]): one for one in rows}
    assert len(counted) == 3
    head, *body = table_of(answer)
    groups = head[1:]
    assert sorted(groups) == ["(none)", "DE", "FR"]
    shown = {
        (day, None if group == "(none)" else group): int(number)
        for day, (_, *numbers) in zip(["2025-06-01", "2025-06-02"], body, strict=True)
        for group, number in zip(groups, numbers, strict=True)
    }
    assert {key: number for key, number in shown.items() if number} == {
        key: one["event_count"] for key, one in counted.items()
    }
    assert shown["2025-06-01", "DE"] == 3
    said = chart_values(answer)
    assert "DE, 1 Jun 2025: 3" in said
    assert "(none), 2 Jun 2025: 1" in said
    assert len(said) == len(shown)


def test_distinct_values_of_the_range_are_not_the_sum_of_its_buckets(
    page: Page,
) -> None:
    page.get_by_label("What is counted of Series A").select_option("unique")
    choose(page, "Key that is counted of Series A", "country", "country")
    page.get_by_label("Buckets").select_option("hour")
    answer = answered(page)
    # 1 June has DE and FR at ten, DE at eleven.
    expect(answer.get_by_label("Totals")).to_contain_text("2 distinct country")


def test_period_before_stands_beside_the_numbers(
    page: Page, explorer: Explorer
) -> None:
    explorer.open(
        page,
        "#/explore?tenant=shop&range=custom&start=2025-06-02T00:00&end=2025-06-03T00:00"
        "&bucket=day",
    )
    page.get_by_label("Compare with the period before").check()
    head, row = table_of(answered(page))
    assert head[1:] == ["All events", "All events, before"]
    assert row == ["2 Jun 2025", "2", "8"]
    expect(page.get_by_label("Totals")).to_contain_text("\N{MINUS SIGN}75.0 %")
    assert chart_values(answered(page)) == ["All events, 2 Jun 2025: 2"]
    page.get_by_label("Chart").select_option("bar")
    assert chart_values(answered(page)) == ["All events, 2 Jun 2025: 2"]
    expect(answered(page).locator(".chart path[stroke-dasharray]")).to_have_count(1)


def test_hour_that_is_there_twice_counts_the_events_of_both(
    open_page: OpenPage, explorer: Explorer
) -> None:
    page = open_page(timezone_id="Europe/Berlin")
    explorer.sign_in(
        page,
        "#/explore?tenant=night&range=custom&start=2024-10-26T22:00"
        "&end=2024-10-27T23:00&bucket=hour&zone=Europe/Berlin",
    )
    answer = answered(page)
    expect(answer.get_by_label("Totals")).to_contain_text("2 events")
    counted = [row[1] for row in table_of(answer)[1:] if row[1] != "0"]
    assert counted == ["2"]


def test_groups_that_are_shown_have_what_they_had_before(
    page: Page, explorer: Explorer
) -> None:
    asked = "#/explore?tenant=shop&range=custom&compare=1"
    # In the hour before there were more red ones.
    explorer.open(
        page,
        f"{asked}&start=2025-06-01T11:00&end=2025-06-01T12:00&bucket=hour"
        "&by=item_colour_id&top=1",
    )
    head, row = table_of(answered(page))
    assert (head[1:], row[1:]) == (["blue", "blue, before"], ["2", "1"])
    # And what has no country is a group, too.
    explorer.open(
        page,
        f"{asked}&start=2025-06-01T11:00&end=2025-06-02T12:00&bucket=day"
        "&by=country&top=2",
    )
    totals = page.get_by_label("Totals")
    expect(totals).to_contain_text("(none)2 events")
    expect(totals).to_contain_text("DE2 events \N{MINUS SIGN}50.0 %")


def test_number_leads_to_its_events_and_an_event_to_its_file_and_line(
    page: Page,
) -> None:
    choose(page, "Event type of Series A", "add", "add_to_cart")
    page.get_by_label("Buckets").select_option("day")
    answered(page).get_by_role("button", name="4: events of add_to_cart").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("4 shown, newest first; these are all")).to_be_visible()
    events = dialog.get_by_role("listitem")
    expect(events).to_have_count(4)
    expect(events.first).to_contain_text("2025-06-01 11:02:00")
    events.first.locator("summary").click()
    expect(events.first).to_contain_text("tracked_events/events.jsonl, line 8")
    expect(events.first).to_contain_text('"item_colour_id": "blue"')
    events.first.get_by_role("link", name="its accounting").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    files = page.get_by_role("region", name=re.compile("Records ="))
    expect(files.locator("tbody tr")).to_have_count(1)
    expect(files).to_contain_text("balanced")


def test_point_of_the_chart_leads_to_its_events(page: Page) -> None:
    page.get_by_label("Buckets").select_option("day")
    answer = answered(page)
    answer.locator('svg [aria-label="All events, 2 Jun 2025: 2"]').click()
    expect(page.get_by_role("dialog").get_by_role("listitem")).to_have_count(2)


def test_events_have_an_address_a_call_their_sql_and_an_export(
    page: Page, open_page: OpenPage, explorer: Explorer
) -> None:
    explorer.open(page, "#/explore?tenant=shop&bucket=day&by=item_colour_id")
    answered(page).get_by_role("button", name="events of blue, 1 Jun").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("listitem")).to_have_count(3)
    happened = ["e7", "e6", "e3"]
    events = json.loads(saved(page, dialog, "JSON"))
    assert [one["event_id"] for one in events] == happened
    head, *lines = csv.reader(saved(page, dialog, "CSV").splitlines())
    assert [line[head.index("event_id")] for line in lines] == happened
    called = explorer.run(copied(dialog, "API call"))["events"]
    assert [one["event_id"] for one in called] == happened
    with psycopg.connect(explorer.settings.dsn) as connection:
        rows = connection.execute(copied(dialog, "SQL").encode()).fetchall()
    assert [row[1] for row in rows] == happened

    other = open_page()
    explorer.sign_in(other, fragment(page))
    expect(other.get_by_role("dialog").get_by_role("listitem")).to_have_count(3)
    other.keyboard.press("Escape")
    expect(other).not_to_have_url(re.compile("events="))
    # Going back leads to what the list lay upon, which has not gone.
    answer = answered(page)
    answer.evaluate("answer => answer.dataset.same = 'yes'")
    page.go_back()
    expect(dialog).to_have_count(0)
    expect(answer).to_have_attribute("data-same", "yes")


def test_answer_that_takes_too_long_leads_to_a_shorter_range(
    page: Page, explorer: Explorer
) -> None:
    answered(page)

    def refuse(route: Route) -> None:
        # As the service does after ten seconds.
        title = {"title": "Gateway Timeout", "status": 504, "detail": "It took long."}
        route.fulfill(status=504, json=title, content_type="application/problem+json")

    page.route("**/query", refuse)
    page.get_by_label("Range").select_option("90d")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Take a shorter range")
    page.unroute("**/query")
    alert.get_by_role("button", name="Ask for the last 22 days").click()
    expect(page.get_by_label("Range")).to_have_value("custom")
    expect(page.get_by_label("Answer", exact=True)).to_contain_text("No events match.")


def test_tenant_that_is_not_among_the_first_is_found_by_how_it_begins(
    page: Page, explorer: Explorer
) -> None:
    def leave_out(route: Route) -> None:
        session = route.fetch().json()
        few = [one for one in session["tenants"] if one["tenant_id"] == "shop"]
        route.fulfill(json={**session, "tenants": few, "is_cut_off": True})

    page.route("**/session", leave_out)
    page.reload()
    answered(page)
    # All are shown until something is typed, also beside one that is chosen.
    page.get_by_role("combobox", name="Tenant").click()
    expect(suggestions(page)).to_have_text(["shop 10", "night 2", "other 1"])
    choose(page, "Tenant", "ni", "night")
    # Its events are older than what is asked for of others.
    expect(page.get_by_label("Range")).to_have_value("all")
    expect(answered(page).get_by_label("Totals")).to_contain_text("2 events")
    assert "tenant=night" in page.url


def test_wrong_regular_expression_leads_to_its_filter(page: Page) -> None:
    page.get_by_role("button", name="Add a filter to Series A").click()
    choose(page, "Key of filter 1 of Series A", "coun", "country")
    page.get_by_label("Condition of filter 1 of Series A").select_option("regex")
    value = page.get_by_role("combobox", name="Value of filter 1 of Series A")
    value.fill("(")
    value.press("Tab")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("has a group that is not closed")
    expect(value).to_have_attribute("aria-invalid", "true")
    alert.get_by_role("button", name="Value of filter 1 of Series A").click()
    expect(value).to_be_focused()
    value.fill("^D")
    value.press("Enter")
    expect(answered(page).get_by_label("Totals")).to_contain_text("6 events")


def test_nothing_found_says_what_to_do(page: Page) -> None:
    field = page.get_by_role("combobox", name="Event type of Series A")
    field.fill("no_such_type")
    field.press("Enter")
    page.get_by_label("Range").select_option("24h")
    result = page.get_by_label("Answer", exact=True)
    expect(result).to_contain_text("No events match.")
    expect(result).to_contain_text("There are 10 from 2025-06-01 to 2025-06-02")
    field.fill("")
    field.press("Enter")
    result.get_by_role("button", name="ask for all of them").click()
    expect(answered(page).get_by_label("Totals")).to_contain_text("10 events")


def test_freshness_and_rejected_events_stand_beside_the_numbers(page: Page) -> None:
    line = answered(page).locator(".freshness")
    expect(line).to_contain_text("Newest file taken in")
    line.get_by_role("link", name="1 rejected").click()
    expect(page.get_by_label("Rejected", exact=True)).to_contain_text("the-day-before")


def test_what_is_exported_is_what_is_shown(page: Page, explorer: Explorer) -> None:
    page.get_by_label("Buckets").select_option("day")
    answer = answered(page)
    with page.expect_download() as started:
        answer.get_by_role("button", name="CSV").click()
    _, *lines = started.value.path().read_text().splitlines()
    assert [line.split(",")[-1] for line in lines] == ["8", "2"]
    with page.expect_download() as started:
        answer.get_by_role("button", name="JSON").click()
    rows = json.loads(started.value.path().read_text())["rows"]
    assert [row["event_count"] for row in rows] == [8, 2]
    answer.get_by_role("button", name="API call").click()
    call = answer.get_by_label("API call", exact=True)
    expect(call).to_contain_text("Bearer $WAREHOUSE_API_KEY")
    expect(call).not_to_contain_text(explorer.operator)
    answer.get_by_role("button", name="SQL").click()
    statement = answer.get_by_label("SQL", exact=True).inner_text()
    with psycopg.connect(explorer.settings.dsn) as connection:
        counted = connection.execute(statement.encode()).fetchall()
    assert [row[2] for row in counted] == [8, 2]


def test_address_shows_the_same_to_another_and_holds_no_key(
    page: Page, open_page: OpenPage, explorer: Explorer
) -> None:
    choose(page, "Event type of Series A", "add", "add_to_cart")
    choose(page, "Break down by", "item", "item_colour_id")
    page.get_by_label("Chart").select_option("bar")
    shown = table_of(answered(page))
    assert len(shown[0]) == 3
    assert explorer.operator not in page.url
    other = open_page()
    explorer.sign_in(other, fragment(page))
    assert table_of(answered(other)) == shown
    page.go_back()
    expect(page.get_by_label("Chart")).to_have_value("line")


def test_values_are_suggested_where_their_types_are_not_known(
    page: Page, explorer: Explorer
) -> None:
    series = json.dumps(
        [{"type": "product_view", "filters": [["user_id", "eq", ""]]}],
        separators=(",", ":"),
    )
    explorer.open(page, f"#/explore?tenant=shop&series={quote(series)}")
    page.get_by_role("combobox", name=re.compile("^Value of")).click()
    expect(suggestions(page).first).to_have_text("u1")
    legend = page.locator(".suggestions-legend:visible")
    expect(legend).to_have_text("By name; their events are not counted.")
    page.get_by_role("combobox", name="Event type of Series A").click()
    expect(suggestions(page).first).to_have_text("product_view 5")
    expect(legend).to_have_text("Numbers are events.")


def test_field_says_below_it_that_nothing_is_known(page: Page) -> None:
    answered(page)
    field = page.get_by_role("combobox", name="Event type of Series A", exact=True)
    field.click()
    field.fill("zz")
    said = page.get_by_text("Nothing known begins like this.")
    # What is for screen readers only has a pixel, and is visible to Playwright.
    expect(said).to_have_css("position", "absolute")
    box, above = said.bounding_box(), field.bounding_box()
    assert box is not None
    assert above is not None
    assert box["height"] > 10
    assert box["y"] >= above["y"] + above["height"]
    field.press("Tab")
    expect(said).to_have_count(0)


def test_all_events_are_those_that_there_are_by_now(page: Page) -> None:
    answered(page)
    expect(page.get_by_label("Range")).to_have_value("all")
    with page.expect_response("**/session"):
        page.get_by_role("button", name="Ask again").click()
    answered(page)
