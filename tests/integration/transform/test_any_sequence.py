"""Whatever happens in whatever order, tables are what a recount of the files says."""

import json
import os
import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta

import pytest

from event_warehouse.settings import Settings
from event_warehouse.transform.rebuild import rebuild
from event_warehouse.transform.recast import recast_rejected_events
from event_warehouse.transform.run import transform
from tests.integration.transform.sessions import transformer
from tests.integration.transform.tables import assert_tells
from tests.integration.transform.visits import Deliver

SEQUENCES = int(os.environ.get("WAREHOUSE_TEST_SEQUENCES", "20"))
"""How many make test-long takes; make test takes one."""
STEPS = 8
DAYS = [date(2024, 2, 28), date(2024, 2, 29), date(2024, 12, 31), date(2025, 1, 1)]
BROKEN = ["not json\n", '{"tenant":"acme","at":"now"}\n', '{"at":"2025-01-01"}\n']
BROKEN_PRODUCTS = ["not json\n", '{"tenant":"acme","code":"p1","version":"v1"}\n']


class Sequence:
    """Steps that a random choice takes, and the files that they have delivered."""

    def __init__(self, settings: Settings, deliver: Deliver, seed: int) -> None:
        self.settings = settings
        self.deliver = deliver
        self.chance = random.Random(seed)
        self.files: list[tuple[str, str]] = []
        self.taken: list[str] = []

    def take(self) -> None:
        steps: Mapping[Callable[[], None], int] = {
            self.load: 4,
            self.load_products: 1,
            self.load_again: 1,
            self.transform: 3,
            self.kill_a_transform: 2,
            self.rebuild: 2,
            self.recast: 1,
            self.refresh: 1,
        }
        (step,) = self.chance.choices([*steps], [*steps.values()])
        self.taken.append(step.__name__)
        step()

    def load(self) -> None:
        self._load("visits/", self._line, lines=self.chance.randint(1, 40))

    def load_products(self) -> None:
        self._load("products/", self._product, lines=self.chance.randint(1, 10))

    def load_again(self) -> None:
        name, content = self.chance.choice(self.files)
        folder, _, _ = name.partition("/")
        self.deliver([(f"{folder}/again-{len(self.taken)}.json", content)])

    def transform(self) -> None:
        transform(self.settings)

    def kill_a_transform(self) -> None:
        with transformer(self.settings) as process:
            time.sleep(self.chance.uniform(1, 6))
            process.kill()
            process.wait(30)

    def rebuild(self) -> None:
        days = self.chance.sample(DAYS, 2)
        tenant = self.chance.choice(["acme", "zeta", None])
        stretches = [(day, day + timedelta(days=1)) for day in days]
        rebuild(self.settings, stretches, tenant_id=tenant)

    def recast(self) -> None:
        recast_rejected_events(self.settings, all_of_them=True)

    def refresh(self) -> None:
        transform(self.settings, full_refresh=True)

    def _load(self, folder: str, line: Callable[[], str], *, lines: int) -> None:
        name = f"{folder}{len(self.files)}.json"
        content = "".join(line() for _ in range(lines))
        known = {file for path, file in self.files if path.startswith(folder)}
        if content not in known:
            self.files.append((name, content))
        self.deliver([(name, content)])

    def _line(self) -> str:
        if self.chance.random() < 0.1:
            return self.chance.choice(BROKEN)
        chance = self.chance
        at = datetime.combine(chance.choice(DAYS), datetime.min.time(), UTC)
        at += timedelta(minutes=chance.choice([0, 4, 5, 59, 60, 1439]))
        event = {
            "tenant": chance.choice(["acme", "zeta"]),
            "event_id": str(chance.randint(1, 5)),
            "at": at.isoformat(),
            "event_type": chance.choice(["view", "edit", None]),
            "user_id": chance.choice(["ada", "bob", None]),
            "entity_id": chance.choice(["p1", "p2", None]),
            "country": chance.choice(["DE", None]),
            "browser": chance.choice(["Firefox", None]),
            "device_id": chance.choice(["phone", "tv", None]),
            "session_id": chance.choice(["s1", "s2", None]),
            "sample_rate": chance.choice([1, 10]),
        }
        if page := chance.choice(["/a", "/b", None]):
            event["page"] = page
        return json.dumps(event) + "\n"

    def _product(self) -> str:
        if self.chance.random() < 0.1:
            return self.chance.choice(BROKEN_PRODUCTS)
        product = {
            "tenant": self.chance.choice(["acme", "zeta"]),
            "code": self.chance.choice(["p1", "p2", "p3"]),
            "version": self.chance.randint(1, 4),
            "brand": self.chance.choice(["A", "B"]),
        }
        if country := self.chance.choice(["DE", "FR", None]):
            product["country"] = country
        return json.dumps(product) + "\n"


@pytest.mark.parametrize(
    "seed",
    [
        0,
        *(pytest.param(one, marks=pytest.mark.long) for one in range(1, SEQUENCES + 1)),
    ],
)
def test_any_sequence_of_steps_ends_in_what_a_recount_of_the_files_says(
    settings: Settings, deliver: Deliver, seed: int
) -> None:
    sequence = Sequence(settings, deliver, seed)
    sequence.load()

    for _ in range(STEPS):
        sequence.take()
    transform(settings)

    try:
        assert_tells(settings, sequence.files)
    except AssertionError as error:
        error.add_note(f"steps: {', '.join(sequence.taken)}")
        raise
