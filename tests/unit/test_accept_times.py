from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_warehouse.accept.times import TimeFault, read_time

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)


def read(written: str | float) -> str:
    return read_time(written, now=NOW)


def fault(written: str | float) -> str:
    with pytest.raises(TimeFault) as raised:
        read(written)
    return str(raised.value)


@pytest.mark.parametrize(
    "written",
    [
        "2025-06-01T11:00:00Z",
        "2025-06-01T11:00:00.123456789+02:00",
        "2025-06-01 11:00",
        "2025-06-01T11:00:00+0530",
        "2025-06-01T03:00:00-08",
        "1970-01-01T00:00:00Z",
        "1970-01-01T01:00:00+01:00",
    ],
)
def test_iso_time_stays_as_it_was_written(written: str) -> None:
    assert read(written) == written


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (10000000000, "1970-04-26T17:46:40.000Z"),
        (1748775600123, "2025-06-01T11:00:00.123Z"),
        (1748775600123.0, "2025-06-01T11:00:00.123Z"),
        (1748775600123.5, "2025-06-01T11:00:00.123500Z"),
        ("1748775600123", "2025-06-01T11:00:00.123Z"),
    ],
)
def test_milliseconds_since_1970_become_iso_time(
    written: str | float, text: str
) -> None:
    assert read(written) == text


@given(st.integers(10_000_000_000, 1_748_779_200_000))
def test_no_millisecond_is_lost(milliseconds: int) -> None:
    time = datetime.fromisoformat(read(milliseconds))

    assert time.microsecond // 1000 == milliseconds % 1000
    assert int(time.replace(microsecond=0).timestamp()) == milliseconds // 1000


def test_time_without_an_offset_is_utc() -> None:
    assert read("2025-06-01T13:00:00") == "2025-06-01T13:00:00"
    assert fault("2025-06-01T13:00:01") == "is more than an hour from now"


@pytest.mark.parametrize(
    "written", ["2025-06-01T13:00:00Z", "2025-06-01T08:00:00-05:00", 1748782800000]
)
def test_clock_may_be_an_hour_ahead(written: str | float) -> None:
    assert read(written)


@pytest.mark.parametrize(
    "written", ["2025-06-01T13:00:00.001Z", "2025-06-01T13:00:00-00:01", 1748782800001]
)
def test_clock_further_ahead_is_refused(written: str | float) -> None:
    assert fault(written) == "is more than an hour from now"


@pytest.mark.parametrize("written", ["1969-12-31T23:59:59Z", "1970-01-01T00:00:00+01"])
def test_time_before_1970_is_refused(written: str) -> None:
    assert fault(written) == "is before 1970"


@pytest.mark.parametrize(
    "written",
    [
        "2025-02-29T00:00:00Z",
        "2025-13-01T00:00:00Z",
        "2025-06-01T25:00:00Z",
        "2025-06-01T11:60:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
    ],
)
def test_time_that_never_was_is_refused(written: str) -> None:
    assert fault(written) == "is not a valid time"
