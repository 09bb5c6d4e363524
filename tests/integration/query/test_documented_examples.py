"""What README.md and docs/asking.md send gets the answers that they print."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path
from string import Template
from typing import Any

import httpx
import pytest

from event_warehouse.access.key_store import create_key
from event_warehouse.access.keys import Scope
from event_warehouse.load.files import load_new_files
from event_warehouse.settings import PROJECT, Settings
from event_warehouse.transform.run import transform
from tests.api_server import Server
from tests.conftest import NO_JSON, NO_LOG_FILE
from tests.waiting import wait_until

ADDRESS = "http://127.0.0.1:8000"
"""Where the pages say that the service is."""
NEVER_THE_SAME = {"newest_load_at", "elapsed_ms"}
MAKE_KEY = re.compile(r"keys create --tenant (\w+)(?: --scope ([\w:]+))?")
TAKE_IN = "warehouse load && warehouse transform"


@dataclass(frozen=True)
class Example:
    """A command, and what is printed below it."""

    command: str
    printed: str


def examples(page: Path) -> list[Example]:
    """Of the page's blocks about requests."""
    blocks = re.findall(r"^```\n(\$.*?)^```$", page.read_text(), re.M | re.S)
    return [
        example
        for block in blocks
        if "$ curl" in block or TAKE_IN in block
        for example in _examples_of(block)
    ]


def _examples_of(block: str) -> Iterator[Example]:
    for text in re.split(r"^\$ ", block, flags=re.M)[1:]:
        lines = text.splitlines()
        length = next(n for n in range(1, len(lines) + 1) if _is_whole(lines[:n]))
        yield Example("\n".join(lines[:length]), "\n".join(lines[length:]))


def _is_whole(lines: list[str]) -> bool:
    """Whether every quote is closed."""
    try:
        shlex.split("\n".join(lines))
    except ValueError:
        return False
    return True


class Reader:
    """Somebody who does what the page says, from its top to its end."""

    def __init__(self, server: Server, settings: Settings, operator: str) -> None:
        self._server = server
        self._settings = settings
        self._operator = operator
        self._variables = {"TODAY": f"{datetime.now(UTC):%Y-%m-%d}"}
        self._before: list[str] = []

    def follow(self, command: str) -> httpx.Response | None:
        """The answer, if it is a request."""
        if command.startswith("curl "):
            return self._send(command)
        if made := MAKE_KEY.search(command):
            scopes = [Scope(made[2])] if made[2] else list(Scope)
            key = create_key(self._settings, tenant=made[1], scopes=scopes)
            self._variables["KEY"] = key
        elif command.startswith("export KEY=ew_..."):
            self._variables["KEY"] = self._operator
        elif TAKE_IN in command:
            self._take_in()
        else:
            assert command == "TODAY=$(date -u +%F)"
        return None

    def _send(self, command: str) -> httpx.Response:
        given = [self._filled_in(word) for word in shlex.split(command)[1:]]
        if "..." in given:
            # They stand for the head and the address of the request before.
            given = [*self._before, *given[given.index("...") + 1 :]]
        *words, url = sorted(given, key=lambda word: word.startswith(ADDRESS))
        options = list(pairwise(words))
        headers = dict(value.split(": ") for name, value in options if name == "-H")
        body = next((value for name, value in options if name == "-d"), None)
        self._before = [word for word in given if word not in ("-d", body)]
        return self._server.client.request(
            "GET" if body is None else "POST",
            url.replace(ADDRESS, self._server.url),
            headers=headers,
            content=body,
        )

    def _filled_in(self, word: str) -> str:
        return Template(word).safe_substitute(self._variables)

    def _take_in(self) -> None:
        folder = self._settings.landing / "api_events"
        wait_until(lambda: any(folder.rglob("[!.]*.jsonl")), seconds=30)
        load_new_files(replace(self._settings, settle_seconds=0))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(*NO_LOG_FILE)
            patch.setenv(*NO_JSON)
            transform(self._settings)
        wait_until(self._is_fresh)

    def _is_fresh(self) -> bool:
        """How fresh answers are is asked every other second."""
        signed_in = {"authorization": f"Bearer {self._variables['KEY']}"}
        url = f"{self._server.url}/stats"
        answer = self._server.client.get(url, headers=signed_in)
        if answer.status_code != HTTPStatus.OK:
            return False
        return bool(answer.json()["freshness"]["pending_events"] == 0)


@pytest.fixture
def reader(server: Server, asked: Settings, operator: str) -> Reader:
    return Reader(server, asked, operator)


def said(text: str) -> Any:
    """The text, or the JSON that it is, without what is never the same."""
    if not text.startswith("{"):
        return text.strip()
    return json.loads(text, object_pairs_hook=_with_the_same)


def _with_the_same(members: list[tuple[str, Any]]) -> Mapping[str, Any]:
    return {name: "..." if name in NEVER_THE_SAME else value for name, value in members}


def test_page_on_asking_prints_what_comes_out(reader: Reader) -> None:
    answered = 0
    for example in examples(PROJECT / "docs" / "asking.md"):
        answer = reader.follow(example.command)
        if answer is not None:
            answered += 1
            assert said(answer.text) == said(example.printed), example.command

    assert answered == 7


def test_readme_sends_what_it_says_and_asks_in_the_form_that_it_prints(
    reader: Reader,
) -> None:
    sent, refused, asked = [
        (answer, example.printed)
        for example in examples(PROJECT / "README.md")
        if (answer := reader.follow(example.command)) is not None
    ]

    for answer, printed in (sent, refused):
        assert said(answer.text) == said(printed)
    # How many there are is the sample's to say, which ends with the hour it is made in.
    answer, printed = asked
    got, expected = said(answer.text), said(printed)
    assert list(got) == list(expected)
    assert list(got["freshness"]) == list(expected["freshness"])
    assert (answer.status_code, got["customer_id"]) == (200, expected["customer_id"])
    assert all(list(one) == ["ts_start_of_hour", "count"] for one in got["buckets"])
