"""By keyboard, on a phone, at 200 %, in the dark; and what axe finds."""

import pytest
from axe_playwright_python.sync_playwright import (  # type: ignore[import-untyped]
    Axe,
)
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.explorer import Explorer, answered, suggestions

VIEWS = {
    "explore": "#/explore?tenant=shop&by=country&bucket=day&compare=1",
    "funnel": "#/funnel?tenant=shop&by=country",
    "overview": "#/overview",
}


def settled(page: Page) -> None:
    """Nothing is being asked any more, and what is asked for is drawn."""
    expect(page.locator(".spinner")).to_have_count(0)
    expect(page.locator("svg").first).to_be_visible()


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_wrong_in_light_and_dark(
    open_page: OpenPage, explorer: Explorer, view: str
) -> None:
    page = open_page(color_scheme="light")
    explorer.sign_in(page, VIEWS[view])
    for other in ("Dark", "Light"):
        settled(page)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        page.get_by_role("button", name=other).click()


def test_axe_finds_nothing_wrong_with_the_sign_in_the_events_and_an_open_list(
    open_page: OpenPage, explorer: Explorer
) -> None:
    page = open_page()
    explorer.open(page, VIEWS["explore"])
    expect(page.get_by_label("API key")).to_be_visible()
    assert Axe().run(page).violations_count == 0
    explorer.sign_in(page, VIEWS["explore"])
    settled(page)
    page.get_by_role("combobox", name="Event type of Series A").click()
    expect(suggestions(page).first).to_be_visible()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    answered(page).get_by_role("button", name="events of DE, 1 Jun").click()
    expect(page.get_by_role("dialog").get_by_role("listitem").first).to_be_visible()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_wider_than_a_phone_or_a_screen_at_200_percent(
    open_page: OpenPage, explorer: Explorer, view: str
) -> None:
    page = open_page(viewport={"width": 360, "height": 740})
    explorer.sign_in(page, VIEWS[view])
    # A screen of 1,280 has 640 of these at 200 %.
    for width in (360, 640):
        page.set_viewport_size({"width": width, "height": 740})
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_question_is_asked_and_its_events_are_reached_by_keyboard_alone(
    open_page: OpenPage, explorer: Explorer
) -> None:
    page = open_page()
    explorer.open(page, "#/explore?tenant=shop&bucket=day")
    keyboard = page.keyboard
    expect(page.get_by_label("API key")).to_be_focused()
    keyboard.type(explorer.operator)
    keyboard.press("Enter")
    answered(page)

    def tab_to(name: str, role: str) -> None:
        for _ in range(60):
            keyboard.press("Tab")
            target = page.get_by_role(role, name=name, exact=True)  # type: ignore[arg-type]
            if target.first.evaluate("each => each === document.activeElement"):
                return
        raise AssertionError(f"no {role} {name} is reached")

    tab_to("Event type of Series A", "combobox")
    keyboard.type("sig")
    option = suggestions(page)
    expect(option).to_have_count(1)
    keyboard.press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")
    keyboard.press("Enter")
    expect(page.get_by_label("Totals")).to_contain_text("sign_up1 events")
    tab_to("1: events of sign_up, 2 Jun 2025", "button")
    keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("listitem")).to_have_count(1)
    keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_theme_is_what_the_system_says_until_it_is_chosen(
    open_page: OpenPage, explorer: Explorer
) -> None:
    page = open_page(color_scheme="dark")
    explorer.sign_in(page, VIEWS["explore"])
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(15, 19, 25)"
    chart = answered(page).locator(".chart")
    expect(chart).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="Light").click()
    assert page.evaluate(ground) == "rgb(246, 247, 249)"
    expect(chart).to_have_attribute("data-theme", "light")
