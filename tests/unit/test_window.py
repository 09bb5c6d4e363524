"""One function says which window a run is for."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from event_warehouse.errors import WindowError
from event_warehouse.window import Window, days_of, resolve_window

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)
DAY = timedelta(days=1)
UNSET = {"start": None, "end": None, "feed": "gharchive"}


def test_parameters_go_before_partition_and_interval() -> None:
    window = resolve_window(
        params={"start": "2026-11-01", "end": "2026-11-08"},
        partition_date=MIDNIGHT,
        interval=(MIDNIGHT, NOON),
    )
    assert window == Window(
        datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 8, tzinfo=UTC)
    )


def test_partition_goes_before_interval_and_is_a_day() -> None:
    window = resolve_window(
        params=UNSET, partition_date=MIDNIGHT, interval=(NOON, NOON + DAY)
    )
    assert window == Window(MIDNIGHT, MIDNIGHT + DAY)


def test_interval_is_the_window_when_nothing_else_is_said() -> None:
    window = resolve_window(params=UNSET, interval=(MIDNIGHT, MIDNIGHT + DAY))
    assert window == Window(MIDNIGHT, MIDNIGHT + DAY)


def test_offset_is_turned_into_utc() -> None:
    berlin = timezone(timedelta(hours=1))
    start = datetime(2026, 11, 20, tzinfo=berlin)
    window = resolve_window(params={}, interval=(start, start + DAY))
    assert window.start.isoformat() == "2026-11-19T23:00:00+00:00"
    asked = {"start": "2026-11-20T00:00:00+01:00", "end": "2026-11-20T06:00:00"}
    window = resolve_window(params=asked)
    assert window.start.isoformat() == "2026-11-19T23:00:00+00:00"
    assert window.end.isoformat() == "2026-11-20T06:00:00+00:00"


@pytest.mark.parametrize(
    ("params", "interval", "reason"),
    [
        ({}, (None, None), "neither the parameters start and end"),
        ({}, (NOON, NOON), "neither the parameters start and end"),
        ({}, (NOON, None), "neither the parameters start and end"),
        ({}, (NOON, MIDNIGHT), "ends at 2026-11-20 00:00:00.*, not after"),
        ({"start": "2026-11-01"}, (MIDNIGHT, NOON), "end is missing"),
        ({"end": "2026-11-01"}, (MIDNIGHT, NOON), "start is missing"),
        ({"start": "2026-11-01", "end": "2026-11-01"}, (None, None), "not after"),
        ({"start": "yesterday", "end": "2026-11-01"}, (None, None), "'yesterday'"),
    ],
)
def test_run_without_a_window_is_refused_with_the_reason(
    params: dict[str, object],
    interval: tuple[datetime | None, datetime | None],
    reason: str,
) -> None:
    with pytest.raises(WindowError, match=reason):
        resolve_window(params=params, interval=interval)


def test_days_are_those_that_the_window_touches() -> None:
    assert days_of(Window(MIDNIGHT, MIDNIGHT + DAY)) == (
        date(2026, 11, 20),
        date(2026, 11, 21),
    )
    assert days_of(Window(NOON, NOON + DAY)) == (date(2026, 11, 20), date(2026, 11, 22))
