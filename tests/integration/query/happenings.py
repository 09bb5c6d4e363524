"""The events that the tests ask about."""

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

Event = dict[str, Any]

FEEDS = """
happenings:
  files: happenings/*
  format: json_lines
  fields: {tenant_id: tenant, event_time: at}
  identity: [event_id]
"""
FIRST_DAY = datetime(2025, 3, 29, tzinfo=UTC)
"""The clocks of Berlin go forward on the next."""
DAYS = 3
COUNT = 500


def some_events(*, seed: int) -> list[Event]:
    """The same for the same seed; some lack fields, some values look like others."""
    chance = random.Random(seed)
    return [_event(chance, number) for number in range(COUNT)]


def _event(chance: random.Random, number: int) -> Event:
    seconds = chance.choice([0, 60, 300, 3600, 0.5]) * chance.randrange(10_000)
    event: Event = {
        "tenant": chance.choice(["apex", "apex", "apex", "zeta"]),
        "event_id": f"e{number}",
        "at": (FIRST_DAY + timedelta(seconds=seconds % (DAYS * 86_400))).isoformat(),
    }
    fields: dict[str, list[Any]] = {
        "event_type": ["view", "edit", "buy", "Buy"],
        "country": ["DE", "FR", "Österreich"],
        "browser": ["Firefox", "it's"],
        "user_id": ["ada", "bob", "kim", "10", "9"],
        "entity_id": ["p1", "p2", "p3"],
        "device_id": ["d1", "d2", "d3", "d4"],
        "session_id": ["s1", "s2"],
        "platform": ["web", "ios"],
        "sample_rate": [1, 2, 10],
        "price": [1, 2.5, "2.5", "10", "1e1", "-3", "NaN", "", True, "a lot"],
        "path": ["/foo", "/foo/bar", "/", "50%_off", "C:\\"],
        "status": ["200", 404, "503", 500],
        "actor": [
            {"login": "ada", "roles": ["admin", "dev"]},
            {"login": None},
            {"login": {"x": 1}},
            {"first.name": "Ada"},
            "ada",
        ],
        "event_count": [7],
    }
    for name, values in fields.items():
        if chance.random() < 0.7:
            event[name] = chance.choice(values)
    return event


def lines(events: Sequence[Event]) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)
