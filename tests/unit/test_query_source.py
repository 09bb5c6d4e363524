"""Which table a series is answered from, where some have lost what has expired."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from event_warehouse.query.body import Series, read_query
from event_warehouse.query.expired import Horizons
from event_warehouse.query.series import choose

JANUARY = read_query(
    b'{"start": "2025-01-01", "end": "2025-02-01", "data": [{"name": "all"}]}'
)


def at(month: int) -> datetime:
    return datetime(2025, month, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("horizons", "table"),
    [
        ({}, "marts.tenant_events_daily"),
        ({"events": at(2)}, "marts.tenant_events_daily"),
        ({"tenant_events_daily": at(1)}, "marts.tenant_events_daily"),
        # A table that was made after the expiry, and the next that was there before.
        (
            {"tenant_events_daily": at(2), "tenant_events_hourly": at(2)},
            "marts.event_types_hourly",
        ),
    ],
)
def test_smallest_table_that_has_the_whole_range_is_asked(
    horizons: Mapping[str, datetime], table: str
) -> None:
    choice = choose(Series("all"), JANUARY, [], Horizons(horizons))

    assert choice.source.table == table
