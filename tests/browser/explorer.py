"""What tests do with the explorer page, in the words of who uses it."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator, Page, expect

from event_warehouse.settings import Settings
from tests.api_server import Server

DAYS = {"start": "2025-06-01", "end": "2025-06-03"}


@dataclass(frozen=True)
class Explorer:
    """A service with its page."""

    server: Server
    settings: Settings
    operator: str
    """A key for all tenants."""
    key: Callable[..., str]
    """A new key: key(tenant, *scopes)."""

    def open(self, page: Page, address: str = "") -> None:
        page.goto(f"{self.server.url}/{address}")

    def sign_in(self, page: Page, address: str = "", key: str | None = None) -> None:
        """Opens the address and signs in, and waits for the frame of a view."""
        self.open(page, address)
        page.get_by_label("API key").fill(key or self.operator)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("navigation")).to_be_visible()

    def ask(self, body: dict[str, Any], tenant: str = "shop") -> dict[str, Any]:
        """What the API answers."""
        response = self.server.client.post(
            f"{self.server.url}/query",
            json={**DAYS, **body},
            headers=self._headers(tenant),
        )
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def get(self, path: str, **parameters: str) -> dict[str, Any]:
        response = self.server.client.get(
            self.server.url + path, params=parameters, headers=self._headers("shop")
        )
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def _headers(self, tenant: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.operator}", "event-tenant": tenant}

    def run(self, call: str) -> Any:
        """What a copied call answers, run as it stands in a shell that has a key."""
        done = subprocess.run(
            ["bash", "-c", f"{call} --silent --show-error"],
            env={"PATH": os.defpath, "WAREHOUSE_API_KEY": self.operator},
            capture_output=True,
            check=True,
            timeout=20,
        )
        return json.loads(done.stdout)


def copied(part: Locator, name: str) -> str:
    """The text that one of the buttons of what there is to take along shows."""
    part.get_by_role("button", name=name, exact=True).click()
    return part.get_by_label(name, exact=True).locator("visible=true").inner_text()


def saved(page: Page, part: Locator, name: str) -> str:
    """The text of the file that one of those buttons saves."""
    with page.expect_download() as started:
        part.get_by_role("button", name=name, exact=True).click()
    return started.value.path().read_text()


def fragment(page: Page) -> str:
    """Of the page's address, as who shares it hands it on."""
    return "#" + page.url.partition("#")[2]


def answered(page: Page) -> Locator:
    """The answer, once it is there and nothing more is being asked."""
    result = page.get_by_label("Answer", exact=True)
    expect(result).to_have_attribute("aria-busy", "false")
    expect(result.locator(".answer")).to_be_visible()
    return result


def table_of(answer: Locator) -> list[list[str]]:
    """The texts of the answer's table, its head first."""
    rows = answer.locator("table tr")
    expect(rows.first).to_be_visible()
    texts: list[list[str]] = rows.evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent.trim()))"
    )
    return texts


def chart_values(answer: Locator) -> list[str]:
    """What the chart's points or bars say to those who can't see them."""
    marks = answer.locator("svg .role-mark [role=graphics-symbol][aria-label]")
    expect(marks.first).to_be_attached()
    labels: list[str] = marks.evaluate_all(
        "marks => marks.map(mark => mark.getAttribute('aria-label'))"
    )
    return labels


def suggestions(page: Page) -> Locator:
    """The options of the list that is open; those of a `select` are no such."""
    return page.locator("[role=listbox]:visible [role=option]")


def choose(page: Page, label: str, typed: str, option: str) -> None:
    """Types into a combobox and takes a suggestion by keyboard."""
    field = page.get_by_role("combobox", name=label, exact=True)
    field.click()
    field.fill(typed)
    wanted = suggestions(page).filter(has_text=option).first
    expect(wanted).to_be_visible()
    while wanted.get_attribute("aria-selected") != "true":
        field.press("ArrowDown")
    field.press("Enter")
    expect(field).to_have_value(option)
