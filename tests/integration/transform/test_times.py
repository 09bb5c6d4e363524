"""Which texts and numbers are a time, and which one."""

import json
from datetime import UTC, datetime, timedelta

from event_warehouse.load.files import load_new_files
from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform
from tests.fixture_types import Land, Query
from tests.integration.transform.visits import Deliver, visit


def test_time_is_kept_in_utc_whatever_its_offset_and_precision(
    settings: Settings, deliver: Deliver, query: Query
) -> None:
    times = {
        "2025-01-01T10:00:00Z": "2025-01-01 10:00:00",
        "2025-01-01 10:00:00": "2025-01-01 10:00:00",
        "2025-01-01T10:00": "2025-01-01 10:00:00",
        "2025-01-01T10:00:00.1": "2025-01-01 10:00:00.1",
        "2025-01-01T10:00:00.123456Z": "2025-01-01 10:00:00.123456",
        "2025-01-01T10:00:00+05:30": "2025-01-01 04:30:00",
        "2025-01-01T10:00:00-0330": "2025-01-01 13:30:00",
        "2025-01-01T00:30:00.123+01": "2024-12-31 23:30:00.123",
        "2024-02-29T23:59:59.999999Z": "2024-02-29 23:59:59.999999",
        "2016-12-31T23:59:60Z": "2017-01-01 00:00:00",
        "1970-01-01T00:00:00Z": "1970-01-01 00:00:00",
    }
    lines = [visit(event_id=n, at=at) for n, at in enumerate(times)]
    deliver([("a.json", "".join(lines))])

    transform(settings)

    found = query(
        settings,
        "select (event_time at time zone 'UTC')::text from analytics.events"
        " order by line_number",
    )
    assert found == [(time,) for time in times.values()]


def test_what_is_no_time_is_rejected_with_its_text_and_reason(
    settings: Settings, deliver: Deliver, query: Query
) -> None:
    reasons = {
        "now": "is not ISO 8601",
        "today": "is not ISO 8601",
        "infinity": "is not ISO 8601",
        "-infinity": "is not ISO 8601",
        "epoch": "is not ISO 8601",
        "01/02/2025": "is not ISO 8601",
        "2025-01-01": "is not ISO 8601",
        "1735725600": "is not ISO 8601",
        "Wed Jan 1 10:00:00 2025": "is not ISO 8601",
        " 2025-01-01T10:00:00Z": "is not ISO 8601",
        "2025-01-01T10:00:00Z\n": "is not ISO 8601",
        "2025-01-01T10:00:00 Europe/Berlin": "is not ISO 8601",
        "2025-01-01T10:00:00 BC": "is not ISO 8601",
        "2025-13-01T10:00:00Z": "is not a valid time",
        "2025-02-29T10:00:00Z": "is not a valid time",
        "2025-01-01T25:00:00Z": "is not a valid time",
        "2025-01-01T10:00:00+99:00": "is not a valid time",
        "0000-01-01T00:00:00Z": "is not a valid time",
        "1969-12-31T23:59:59.999999Z": "is outside the times the feed allows",
        "1970-01-01T00:00:00+00:01": "is outside the times the feed allows",
        "9999-12-31T23:59:59Z": "is outside the times the feed allows",
    }
    lines = [visit(event_id=n, at=at) for n, at in enumerate(reasons)]
    deliver([("a.json", "".join(lines))])

    transform(settings)

    found = query(
        settings,
        "select rejected_value, rejected_reason, rejected_column"
        " from analytics.rejected_events order by line_number",
    )
    assert found == [(at, why, "event_time") for at, why in reasons.items()]
    assert query(settings, "select from analytics.events") == []


def test_text_with_the_punctuation_of_iso_8601_alone_is_rejected(
    settings: Settings, deliver: Deliver, query: Query
) -> None:
    # Postgres takes each of the first six for a time.
    wrong = [
        "2025-01-02T03:04:-5",
        "2025-01-02T03:04:C5.12,",
        "2025-01-02T03:04:0A-03:6,",
        "2025-01-02T\t3:04:05",
        "2025-01-03T03:p4:05",
        "2025-01-03T03:04:05.123Z5Z",
        "２０２５-01-01T10:00:00Z",  # noqa: RUF001
    ]
    lines = [visit(event_id=n, at=at) for n, at in enumerate(wrong)]
    deliver([("a.json", "".join(lines))])

    transform(settings)

    found = query(
        settings,
        "select rejected_value, rejected_reason from analytics.rejected_events"
        " order by line_number",
    )
    assert found == [(at, "is not ISO 8601") for at in wrong]


def test_time_up_to_an_hour_ahead_of_arrival_is_taken(
    settings: Settings, deliver: Deliver, query: Query
) -> None:
    now = datetime.now(UTC)
    soon, later = now + timedelta(minutes=55), now + timedelta(minutes=65)
    lines = [visit(event_id=n, at=at.isoformat()) for n, at in enumerate([soon, later])]
    deliver([("a.json", "".join(lines))])

    transform(settings)

    assert query(settings, "select event_id from analytics.events") == [("0",)]
    assert query(settings, "select rejected_value from analytics.rejected_events") == [
        (later.isoformat(),)
    ]


def test_number_of_seconds_is_a_time_where_its_feed_says_so(
    settings: Settings, land: Land, query: Query
) -> None:
    times = [1735725600, 1735725600.25, 0, "1735725600"]
    wrong = {
        "2025-01-01T10:00:00Z": "is not a number of epoch seconds",
        "1e9": "is not a number of epoch seconds",
        "": "is missing",
        "-1": "is outside the times the feed allows",
        "1735725600000": "is outside the times the feed allows",
    }
    lines = [json.dumps({"at": at}) + "\n" for at in [*times, *wrong]]
    land(settings, "pulses/a.json", "".join(lines))
    load_new_files(settings)

    transform(settings)

    found = query(
        settings,
        "select (event_time at time zone 'UTC')::text from analytics.events"
        " order by line_number",
    )
    assert found == [
        ("2025-01-01 10:00:00",),
        ("2025-01-01 10:00:00.25",),
        ("1970-01-01 00:00:00",),
        ("2025-01-01 10:00:00",),
    ]
    reasons = query(
        settings,
        "select rejected_reason from analytics.rejected_events order by line_number",
    )
    assert reasons == [(reason,) for reason in wrong.values()]


def test_number_beyond_the_times_that_postgres_knows_is_rejected(
    settings: Settings, land: Land, query: Query
) -> None:
    numbers = ["99999999999999", "-99999999999999", "1735725600"]
    lines = [json.dumps({"at": at}) + "\n" for at in numbers]
    land(settings, "pulses/a.json", "".join(lines))
    load_new_files(settings)

    transform(settings)

    assert query(settings, "select line_number from analytics.events") == [(3,)]
    rejected = "select rejected_value from analytics.rejected_events order by 1 desc"
    assert query(settings, rejected) == [(at,) for at in numbers[:2]]
