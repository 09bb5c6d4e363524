"""Signing in, and what the page is allowed to do."""

from playwright.sync_api import Browser, Page, expect

from event_warehouse.access.key_store import revoke_key
from event_warehouse.access.keys import id_of
from tests.browser.conftest import OpenPage
from tests.browser.explorer import Explorer, answered


def test_wrong_key_is_refused_with_what_to_do(
    open_page: OpenPage, explorer: Explorer
) -> None:
    page = open_page()
    explorer.open(page)
    field = page.get_by_label("API key")
    expect(field).to_be_focused()
    field.fill("ew_wrong")
    field.press("Enter")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("This key is not known, or no longer.")
    expect(alert).to_contain_text("warehouse keys list")
    field.fill(explorer.operator)
    field.press("Enter")
    expect(page.get_by_role("navigation")).to_be_visible()


def test_key_that_is_revoked_meanwhile_asks_to_sign_in_again(
    open_page: OpenPage, explorer: Explorer
) -> None:
    page, key = open_page(), explorer.key("shop")
    explorer.sign_in(page, "#/explore", key)
    answered(page)
    revoke_key(explorer.settings, id_of(key) or "")
    again = page.get_by_role("button", name="Ask again")
    while again.is_visible():
        again.click()
        page.wait_for_timeout(300)
    expect(page.get_by_role("alert")).to_contain_text("This key is not known")
    expect(page.get_by_label("API key")).to_be_visible()


def test_signing_out_forgets_the_key(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    page.reload()
    expect(page.get_by_label("API key")).to_be_visible()
    assert page.evaluate("Object.keys(sessionStorage)") == []


def test_page_runs_no_code_but_its_own(browser: Browser, explorer: Explorer) -> None:
    page = browser.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    explorer.open(page)
    page.evaluate("setTimeout('document.title = `of text`')")
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "document.title = 'inline'";
            document.body.append(script);
        }"""
    )
    page.wait_for_function("() => true")
    assert page.title() == "Event Warehouse"
    assert len([one for one in refused if "Content Security Policy" in one]) == 2
    page.context.close()
