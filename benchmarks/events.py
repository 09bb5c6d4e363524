"""Events for the benchmarks: a CSV of which every column is an event field."""

from pathlib import Path

import numpy as np
import pandas as pd

HEADER = (
    "customer_id,event_type,transaction_id,timestamp,user_id,entity_id,session_id,"
    "device_id,country,browser,platform,environment,service,sample_rate"
)
ROWS_A_WRITE = 100_000


def write_events(file: Path, *, events: int, days: int = 1, seed: int = 1) -> None:
    """`events` distinct events of eight tenants over `days`, in the order of time.

    About 125 bytes a line; users, entities, sessions and devices are zipf-like or as
    many as a shop of that size has.
    """
    random = np.random.default_rng(seed)
    start = np.datetime64("2026-11-01T00:00:00.000", "ms")
    span = days * 86_400_000
    with open(file, "w") as stream:
        stream.write(HEADER + "\n")
        for first in range(0, events, ROWS_A_WRITE):
            count = min(ROWS_A_WRITE, events - first)
            place = (first + np.arange(count)) / events
            times = start + (place * span).astype("timedelta64[ms]")
            users = (random.pareto(1.2, count) * 300).astype(int) % 50_000
            frame = pd.DataFrame(
                {
                    "tenant": np.char.add(
                        "tenant-", (random.pareto(1, count).astype(int) % 8).astype(str)
                    ),
                    "type": random.choice(
                        [
                            "page_view",
                            "product_view",
                            "search",
                            "add_to_cart",
                            "checkout",
                            "purchase",
                        ],
                        count,
                        p=[0.45, 0.25, 0.12, 0.1, 0.05, 0.03],
                    ),
                    "id": np.char.add("t", (first + np.arange(count)).astype(str)),
                    "time": np.char.add(np.datetime_as_string(times), "Z"),
                    "user": np.char.add("user-", users.astype(str)),
                    "entity": np.char.add(
                        "p-",
                        ((random.pareto(1, count) * 20).astype(int) % 5_000).astype(
                            str
                        ),
                    ),
                    "session": np.char.add(
                        "s-", (users * 3 + random.integers(0, 3, count)).astype(str)
                    ),
                    "device": np.char.add(
                        "d-", (users * 2 + random.integers(0, 2, count)).astype(str)
                    ),
                    "country": random.choice(
                        ["DE", "US", "GB", "FR", "IN", "BR"], count
                    ),
                    "browser": random.choice(
                        ["chrome", "safari", "firefox", "edge"],
                        count,
                        p=[0.6, 0.2, 0.1, 0.1],
                    ),
                    "platform": "web",
                    "environment": "production",
                    "service": "shop",
                    "rate": 1,
                }
            )
            frame.to_csv(stream, header=False, index=False)
