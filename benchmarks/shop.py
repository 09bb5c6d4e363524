"""A shop of many days: its events in files as they arrive, and its products."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.bench import Bench
from benchmarks.events import COUNTRIES, START, write_events
from benchmarks.measured import WrongAnswer
from benchmarks.small_files import cut
from benchmarks.warehouse import ask, empty, load
from event_warehouse.reports.accounting import verify
from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform

FEEDS = Path(__file__).with_name("shop.yml")
EVENTS_FEED = "shop_events"
TENANTS = 8
ENTITIES = 5_000
"""Per tenant, as in the events."""
OWNERS = 200
BRANDS = 1_000
UNKNOWN_SHARE = 0.05
"""The share of entities without reference data; their events count all the same."""
DAYS = 90
EVENTS_A_STEP = 1_000_000


@dataclass(frozen=True)
class Shop:
    """A warehouse with all of the shop's data, and the files that it came in."""

    settings: Settings
    events: Path
    products: Path


def filled_shop(bench: Bench) -> Shop:
    """The shop with all events of DAYS days, applied in steps, and the products.

    Measurements that only read share one shop, as filling it takes the longest.
    """
    settings = settings_of_shop(bench.settings)
    events = shop_events(bench, events=bench.events, days=DAYS)
    products = bench.folder / "products.csv"
    if not products.exists():
        write_products(products)
    parts = files_of(events, -(-bench.events // EVENTS_A_STEP))
    uris = sorted(path.as_uri() for path in (*parts, products))
    if ask(settings, "select array_agg(uri order by uri) from raw.loads") != uris:
        empty(settings)
        apply(settings, parts)
        apply(settings, [products], "products")
        check_accounting(settings, bench.events)
    return Shop(settings, events, products)


def settings_of_shop(settings: Settings) -> Settings:
    """The settings of the same warehouse, with the shop's feeds."""
    return replace(settings, feeds=FEEDS)


def shop_events(bench: Bench, *, events: int, days: int) -> Path:
    """This many events over this many days, in order of time."""
    file = bench.folder / f"shop-{events}-{days}.csv"
    if not file.exists():
        write_events(file, events=events, days=days)
    return file


def files_of(whole: Path, count: int) -> list[Path]:
    """The same events in at most `count` files, in order of time."""
    return sorted(cut(whole, count).iterdir())


def write_products(file: Path, *, seed: int = 1) -> None:
    """Name, owner, brand and one to three countries of nearly all entities."""
    random = np.random.default_rng(seed)
    tenants, entities = np.divmod(np.arange(TENANTS * ENTITIES), ENTITIES)
    count = len(entities)
    # Consecutive in the list, so that no country comes twice.
    first = random.integers(0, len(COUNTRIES), count)
    several = random.integers(1, 4, count)
    countries = pd.Series(COUNTRIES).to_numpy()[
        (first[:, None] + np.arange(3)) % len(COUNTRIES)
    ]
    frame = pd.DataFrame(
        {
            "tenant_id": np.char.add("tenant-", tenants.astype(str)),
            "entity_id": np.char.add("p-", entities.astype(str)),
            "modified": f"{START}Z",
            "product_name": np.char.add("Product ", entities.astype(str)),
            "owner": np.char.add(
                "owner-", random.integers(0, OWNERS, count).astype(str)
            ),
            "brand": np.char.add(
                "brand-", random.integers(0, BRANDS, count).astype(str)
            ),
            "countries": [
                ",".join(names[:number])
                for names, number in zip(countries, several, strict=True)
            ],
        }
    )
    known = random.random(count) >= UNKNOWN_SHARE
    frame[known].to_csv(file, index=False)


def apply(settings: Settings, files: Iterable[Path], feed: str = EVENTS_FEED) -> None:
    """Loads each file and applies it to every model before the next."""
    for file in files:
        load(settings, file, feed)
        transform(settings)


def check_accounting(settings: Settings, events: int) -> None:
    """Raises WrongAnswer unless these are the warehouse's events."""
    accounting = verify(settings)
    taken = sum(load.events for load in accounting.loads)
    if accounting.problems or taken != events:
        raise WrongAnswer(f"{taken} of {events} events: {accounting.problems}")
