"""Events for the benchmarks: a CSV in which every column is an event field."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

HEADER = (
    "customer_id,event_type,transaction_id,timestamp,user_id,entity_id,session_id,"
    "device_id,country,browser,platform,environment,service,sample_rate"
)
ROWS_A_WRITE = 100_000
DAY_MS = 86_400_000
START = np.datetime64("2026-11-01T00:00:00.000", "ms")
TYPES = {
    "page_view": 0.45,
    "product_view": 0.25,
    "search": 0.12,
    "add_to_cart": 0.1,
    "checkout": 0.05,
    "purchase": 0.03,
}
COUNTRIES = ["DE", "US", "GB", "FR", "IN", "BR"]
BROWSERS = {"chrome": 0.6, "safari": 0.2, "firefox": 0.1, "edge": 0.1}

Array = npt.NDArray[Any]


def write_events(file: Path, *, events: int, days: int = 1, seed: int = 1) -> None:
    """`events` distinct events of eight tenants over `days`, in order of time.

    About 125 bytes per line; users, entities, sessions and devices are Zipf-like or as
    many as a shop of that size has.
    """
    random = np.random.default_rng(seed)
    with open(file, "w") as stream:
        stream.write(HEADER + "\n")
        for first in range(0, events, ROWS_A_WRITE):
            numbers = np.arange(first, min(first + ROWS_A_WRITE, events))
            times = START + (numbers / events * (days * DAY_MS)).astype("m8[ms]")
            frame = _events(random, numbers, times)
            frame.to_csv(stream, header=False, index=False)


def _events(random: np.random.Generator, numbers: Array, times: Array) -> pd.DataFrame:
    """An event for each number, its columns in the header's order."""
    count = len(numbers)
    users = _zipf(random, count, power=1.2, scale=300, most=50_000)
    return pd.DataFrame(
        {
            "tenant": _named("tenant-", _zipf(random, count, most=8)),
            "type": _drawn(random, TYPES, count),
            "id": _named("t", numbers),
            "time": np.char.add(np.datetime_as_string(times), "Z"),
            "user": _named("user-", users),
            "entity": _named("p-", _zipf(random, count, scale=20, most=5_000)),
            "session": _named("s-", users * 3 + random.integers(0, 3, count)),
            "device": _named("d-", users * 2 + random.integers(0, 2, count)),
            "country": random.choice(COUNTRIES, count),
            "browser": _drawn(random, BROWSERS, count),
            "platform": "web",
            "environment": "production",
            "service": "shop",
            "rate": 1,
        }
    )


def _zipf(
    random: np.random.Generator,
    count: int,
    *,
    power: float = 1,
    scale: int = 1,
    most: int,
) -> Array:
    """Numbers from 0 to below `most`; lower ones are more frequent."""
    drawn: Array = (random.pareto(power, count) * scale).astype(int) % most
    return drawn


def _drawn(
    random: np.random.Generator, shares: Mapping[str, float], count: int
) -> Array:
    return random.choice(list(shares), count, p=list(shares.values()))


def _named(prefix: str, numbers: Array) -> Array:
    return np.char.add(prefix, numbers.astype(str))
