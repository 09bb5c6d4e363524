"""Values that can't be kept are set aside, and no other record with them."""

import secrets

from event_warehouse.reports.accounting import verify
from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform
from tests.fixture_types import Query
from tests.integration.transform.records import OTHER_FIELDS
from tests.integration.transform.tables import assert_tells
from tests.integration.transform.visits import Deliver, visit


def test_attributes_that_postgres_can_t_store_are_rejected_and_no_other_line(
    settings: Settings, deliver: Deliver, query: Query
) -> None:
    bad = [
        r'{"n":"\u0000"}',
        r'{"\u0000":1}',
        '{"n":1e400000}',
        '{"n":[{"m":-1e999999}]}',
    ]
    good = [
        '{"n":1e-16000}',
        '{"n":123456789012345678901234567890.5}',
        '{"n":' + "[" * 450 + "]" * 450 + "}",
        '{"n":{"a":1,"a":2}}',
        '{"":""}',
    ]
    start = '{"tenant":"acme","at":"2025-01-01T10:00:00Z","event_id":"%d",'
    lines = [start % n + one[1:] + "\n" for n, one in enumerate([*bad, *good])]
    deliver([("a.json", "".join(lines))])

    transform(settings)

    rejected = query(
        settings,
        "select rejected_value, rejected_reason from analytics.rejected_events"
        " order by line_number",
    )
    assert rejected == [(one, "is not JSON that Postgres can store") for one in bad]
    kept = "select event_id from analytics.events order by line_number"
    assert query(settings, kept) == [(str(n),) for n in range(4, 9)]


def test_sample_rate_that_is_no_whole_number_above_0_is_rejected(
    settings: Settings, deliver: Deliver, query: Query
) -> None:
    wrong = ["0", "-1", "1.0", "1e3", " 1", "01", "1000000000", "one"]
    right = ["1", "999999999", ""]
    rates = enumerate([*wrong, *right])
    lines = [visit(event_id=n, sample_rate=rate) for n, rate in rates]
    deliver([("a.json", "".join(lines))])

    transform(settings)

    rejected = query(
        settings,
        "select rejected_column, rejected_value from analytics.rejected_events"
        " order by line_number",
    )
    assert rejected == [("sample_rate", rate) for rate in wrong]
    kept = "select sample_rate from analytics.events order by line_number"
    assert query(settings, kept) == [(1,), (999_999_999,), (1,)]


def test_value_too_long_for_an_index_is_rejected_and_no_other_record(
    settings: Settings, deliver: Deliver, query: Query
) -> None:
    columns = {
        "tenant": "tenant_id",
        **{field: field for field in OTHER_FIELDS if field != "event_id"},
    }
    # Random, so that Postgres can't make it short by compression.
    giants = {field: secrets.token_hex(50_000) for field in columns}
    # Of two bytes each.
    longest, too_long = "é" * 500, "é" * 501
    # No index has an event's id.
    event_id = secrets.token_hex(50_000)
    kept = [
        visit(event_id="first"),
        visit(event_id=event_id),
        *(visit(event_id=field, **{field: longest}) for field in columns),
    ]
    rejected = [
        *(visit(event_id=field, **{field: one}) for field, one in giants.items()),
        visit(user_id=too_long),
    ]
    deliver([("a.json", "".join([*kept, *rejected]))])

    transform(settings)

    assert query(
        settings,
        "select rejected_column, rejected_value, rejected_reason"
        " from analytics.rejected_events order by line_number",
    ) == [
        (column, value, "is longer than 1000 bytes")
        for column, value in [
            *((columns[field], giant) for field, giant in giants.items()),
            ("user_id", too_long),
        ]
    ]
    ids = "select event_id from analytics.events order by line_number"
    assert query(settings, ids) == [(one,) for one in ("first", event_id, *columns)]
    assert verify(settings).problems == ()


def test_nothing_that_arrives_as_data_is_taken_for_sql_or_jinja(
    settings: Settings, deliver: Deliver, query: Query
) -> None:
    awkward = ["'; drop table raw.loads; --", "{{ this }}", "%s", "$1", "\\", "\x1f"]
    lines = [
        visit(event_id=n, event_type=one, user_id=one, country=one)
        for n, one in enumerate(awkward)
    ]
    deliver([("a.json", "".join(lines))])

    transform(settings)

    found = query(settings, "select user_id from analytics.dim_users order by user_key")
    assert sorted(found) == sorted((one,) for one in awkward)
    assert_tells(settings, [("a.json", "".join(lines))])
