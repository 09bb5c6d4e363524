"""What dbt makes of raw, held against a recount of the files that knows no dbt."""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg import sql

from event_warehouse import embedded
from event_warehouse.accounting import verify
from event_warehouse.errors import ServiceError
from event_warehouse.load.files import load_new_files
from event_warehouse.settings import Settings
from event_warehouse.transform import transform

Land = Callable[..., Path]
Query = Callable[..., list[tuple[object, ...]]]
Rows = list[tuple[Any, ...]]

FEEDS = """
visits:
  files: visits/*
  format: json_lines
  fields: {tenant_id: tenant, event_time: at}
  identity: [event_id]
notes:
  files: notes/*
  format: json_lines
  fields: {tenant_id: tenant, event_time: at}
pulses:
  files: pulses/*
  format: json_lines
  fields: {tenant_id: {constant: lab}, event_time: at}
  time_format: epoch_seconds
"""

FIRST = r"""
{"tenant":"acme","event_id":"1","event_type":"view","at":"2025-01-01T10:00:00Z","user_id":"ada","entity_id":"p1","country":"DE","browser":"Firefox","page":"/a"}
{"tenant":"acme","event_id":"2","event_type":"view","at":"2025-01-01T10:04:59.999999Z","user_id":"bob","entity_id":"p1","country":"DE"}
{"tenant":"acme","event_id":"3","event_type":"edit","at":"2025-01-01T10:05:00Z","user_id":"ada","entity_id":"p2","sample_rate":10}
{"tenant":"acme","event_id":"1","event_type":"view","at":"2025-01-01T10:00:00Z","user_id":"ada","entity_id":"p1","country":"DE","browser":"Firefox","page":"/a"}
{"tenant":"acme","event_id":"1","event_type":"view","at":"2025-01-01T11:00:00+01:00","user_id":"eve","entity_id":"p1","country":"DE","browser":"Firefox","page":"/a"}
{"tenant":"acme","event_id":"1","event_type":"view","at":"2025-01-01T10:00:01Z","user_id":"ada"}
{"tenant":"zeta","event_id":"1","event_type":"view","at":"2025-01-01T10:00:00Z","user_id":"ada"}
{"tenant":"acme","event_type":"view","at":"2025-01-01T10:00:00Z"}
{"tenant":"acme","event_id":"4","at":"now"}
{"tenant":"acme","event_id":"5","at":"infinity"}
{"tenant":"acme","event_id":"6","at":"01/02/2025"}
{"tenant":"acme","event_id":"7","at":"2025-13-01T00:00:00Z"}
{"tenant":"acme","event_id":"8","at":"2099-01-01T00:00:00Z"}
{"tenant":"acme","event_id":"9"}
{"event_id":"10","at":"2025-01-01T10:00:00Z"}
{"tenant":"acme","event_id":"11","at":"2025-01-01T10:00:00Z","sample_rate":"0"}
{"tenant":"acme","event_id":"12","at":"2025-01-01T10:00:00Z","sample_rate":2.5}
{"tenant":"acme","event_id":"13","at":"2025-01-01T10:00:00Z","page":"a\u0000b"}
not json
{"tenant":"","event_id":"14","at":"1969-12-31T23:59:59Z"}
"""
SECOND = r"""
{"tenant":"acme","event_id":"3","event_type":"edit","at":"2025-01-01T10:05:00Z","user_id":"ada","entity_id":"p2","sample_rate":10}
{"tenant":"acme","event_id":"2","event_type":"view","at":"2025-01-01T10:04:59.999999Z","user_id":"bob","entity_id":"p1","country":"FR"}
{"tenant":"acme","event_id":"20","event_type":"view","at":"2024-02-29T23:59:59Z","user_id":"bob","entity_id":"p1","country":"FR","sample_rate":3}
{"tenant":"acme","event_id":"21","event_type":"view","at":"2025-01-01T10:00:30Z","user_id":"bob","entity_id":"p2","country":"DE","browser":"Firefox"}
{"tenant":"zeta","event_id":"22","event_type":"edit","at":"2025-01-02T00:00:00+02:00","user_id":"kim","entity_id":"p1"}
"""
THIRD = r"""
{"tenant":"acme","event_id":"20","event_type":"view","at":"2024-02-29T23:59:59Z","user_id":"bob","entity_id":"p1","country":"FR","sample_rate":3}
{"tenant":"acme","event_id":"30","event_type":"edit","at":"2024-02-29T23:55:00Z","user_id":"kim","entity_id":"p3"}
{"tenant":"zeta","event_id":"31","event_type":"view","at":"2025-01-01T10:59:59Z","user_id":"ada","entity_id":"p9","page":"/z"}
{"tenant":"acme","event_id":"1","event_type":"view","at":"2025-01-01T10:00:00Z","user_id":"ada","entity_id":"p1","country":"DE","browser":"Firefox","page":"/b"}
"""

Files = Sequence[tuple[str, str]]
ALL: Files = [("a.json", FIRST), ("b.json", SECOND), ("c.json", THIRD)]


# The recount ----------------------------------------------------------------------

OTHER_FIELDS = ["event_id", "event_type", "user_id", "entity_id", "country", "browser"]
COLUMNS = {"tenant", "at", "sample_rate", *OTHER_FIELDS}
ISO_8601 = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?", re.ASCII
)


class Event(NamedTuple):
    file: str
    line: int
    tenant: str
    time: datetime
    sample_rate: int
    fields: tuple[str | None, ...]
    attributes: dict[str, Any] | None

    def field(self, name: str) -> str | None:
        return self.fields[OTHER_FIELDS.index(name)]

    @property
    def identity(self) -> tuple[Any, ...]:
        return self.tenant, self.time, self.field("event_id")

    @property
    def content(self) -> tuple[Any, ...]:
        return self.sample_rate, self.fields, self.attributes


def text_of(value: object) -> str | None:
    return None if value in (None, "") else str(value)


def problem_of(record: dict[str, Any]) -> tuple[str, str | None, str] | None:
    """(column, value, reason) of the first thing that is wrong with a record."""
    if text_of(record.get("tenant")) is None:
        return "tenant_id", None, "is missing"
    at = text_of(record.get("at"))
    if at is None:
        return "event_time", at, "is missing"
    if not ISO_8601.fullmatch(at):
        return "event_time", at, "is not ISO 8601"
    try:
        time = as_utc(at)
    except ValueError:
        return "event_time", at, "is no such time"
    if not datetime(1970, 1, 1) <= time <= datetime.now() + timedelta(hours=1):
        return "event_time", at, "is outside the times the feed allows"
    rate = text_of(record.get("sample_rate"))
    if rate is not None and not re.fullmatch("[1-9][0-9]{0,8}", rate):
        return "sample_rate", rate, "is not a whole number above 0"
    attributes = attributes_of(record)
    if "\0" in json.dumps(attributes).replace("\\u0000", "\0"):
        value = json.dumps(attributes, separators=(",", ":"))
        return "attributes", value, "is not JSON that Postgres can store"
    return None


def as_utc(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time


def attributes_of(record: dict[str, Any]) -> dict[str, Any] | None:
    return {k: v for k, v in record.items() if k not in COLUMNS} or None


def event_of(file: str, line: int, record: dict[str, Any]) -> Event:
    return Event(
        file,
        line,
        record["tenant"],
        as_utc(record["at"]),
        int(record.get("sample_rate", 1)),
        tuple(text_of(record.get(field)) for field in OTHER_FIELDS),
        attributes_of(record),
    )


def recount(files: Files) -> dict[str, Rows]:
    """What every table must hold once these files are loaded in this order."""
    kept: dict[tuple[Any, ...], Event] = {}
    rejected: Rows = []
    duplicates: Rows = []
    accounts: Rows = []
    for file, content in files:
        counts: Counter[str] = Counter()
        for line, text in enumerate(content.split("\n"), 1):
            if not text:
                continue
            counts["records"] += 1
            try:
                record = json.loads(text)
            except ValueError:
                counts["rejected lines"] += 1
                continue
            if problem := problem_of(record):
                counts["rejected"] += 1
                tenant = text_of(record.get("tenant"))
                rejected.append((file, line, tenant, *problem))
                continue
            event = event_of(file, line, record)
            first = kept.setdefault(event.identity, event)
            if first is event:
                counts["events"] += 1
                continue
            counts["duplicates"] += 1
            is_different = event.content != first.content
            duplicates.append((file, line, first.file, first.line, is_different))
        raw = counts["records"] - counts["rejected lines"]
        accounts.append(
            (
                file,
                "balanced",
                counts["records"],
                counts["rejected lines"],
                raw,
                counts["events"],
                counts["rejected"],
                counts["duplicates"],
            )
        )
    return {
        "events": in_order(tuple(event) for event in kept.values()),
        "rejected_events": in_order(rejected),
        "duplicate_events": in_order(duplicates),
        "accounting": in_order(accounts),
        **aggregates(list(kept.values())),
    }


def aggregates(events: Sequence[Event]) -> dict[str, Rows]:
    fact: Counter[tuple[Any, ...]] = Counter()
    five: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
    hour: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
    tenant_hour: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
    for event in events:
        day, start = event.time.date(), event.time.replace(second=0, microsecond=0)
        start5, start60 = (
            start.replace(minute=start.minute // 5 * 5),
            start.replace(minute=0),
        )
        who = (
            event.field("entity_id"),
            event.field("event_type"),
            event.field("user_id"),
        )
        what = event.field("event_type"), event.field("country"), event.field("browser")
        fact[(event.tenant, day, *who)] += 1
        for table, key in (
            (five, (event.tenant, start5, *what)),
            (hour, (event.tenant, start60, *what)),
            (tenant_hour, (event.tenant, start60)),
        ):
            table[key][0] += 1
            table[key][1] += event.sample_rate
    return {
        "fct_entity_activity_daily": in_order((*k, n) for k, n in fact.items()),
        "rollup_events_5min": in_order((*k, *n) for k, n in five.items()),
        "rollup_events_1hr": in_order((*k, *n) for k, n in hour.items()),
        "tenant_events_hourly": in_order((*k, *n) for k, n in tenant_hour.items()),
        "most_active_entities_daily": most_active(events, "entity_id"),
        "most_active_users_daily": most_active(events, "user_id"),
    }


def most_active(events: Sequence[Event], field: str) -> Rows:
    days: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    for event in events:
        if name := event.field(field):
            days[event.tenant, event.time.date()][name] += 1
    return in_order(
        (*day, rank, name, count)
        for day, counter in days.items()
        for rank, (name, count) in enumerate(
            sorted(counter.items(), key=lambda one: (-one[1], one[0])), 1
        )
    )


def in_order(rows: Any) -> Rows:
    return sorted(map(tuple, rows), key=repr)


# The tables, by their natural keys --------------------------------------------------

FILE = "regexp_replace({}.uri, '.*/', '')"
ROLLUP = """
    select tenant_id, {bucket} at time zone 'UTC', event_type, country, browser,
        event_count, weighted_count
    from analytics.{table}
    left join analytics.dim_event_types using (event_type_key)
    left join analytics.dim_countries using (country_key)
    left join analytics.dim_browsers using (browser_key)
"""
TABLES = {
    "events": f"""
        select {FILE.format("loads")}, line_number, tenant_id,
            event_time at time zone 'UTC', sample_rate,
            array[event_id, event_type, user_id, entity_id, country, browser],
            attributes
        from analytics.events inner join raw.loads using (load_id)
    """,
    "rejected_events": f"""
        select {FILE.format("loads")}, line_number, tenant_id,
            rejected_column, rejected_value, rejected_reason
        from analytics.rejected_events inner join raw.loads using (load_id)
    """,
    "duplicate_events": f"""
        select {FILE.format("loads")}, line_number,
            {FILE.format("kept")}, kept_line_number, is_content_different
        from analytics.duplicate_events
        inner join raw.loads using (load_id)
        inner join raw.loads as kept on kept.load_id = kept_load_id
    """,
    "accounting": f"""
        select {FILE.format("accounting")}, status, record_count,
            rejected_line_count, raw_row_count, event_count, rejected_event_count,
            duplicate_event_count
        from marts.accounting
    """,
    "fct_entity_activity_daily": """
        select fact.tenant_id, event_date, entity_id, event_type, user_id, event_count
        from analytics.fct_entity_activity_daily as fact
        left join analytics.dim_entities using (entity_key)
        left join analytics.dim_event_types using (event_type_key)
        left join analytics.dim_users using (user_key)
    """,
    "rollup_events_5min": ROLLUP.format(
        bucket="event_5min", table="rollup_events_5min"
    ),
    "rollup_events_1hr": ROLLUP.format(bucket="event_hour", table="rollup_events_1hr"),
    "tenant_events_hourly": """
        select tenant_id, event_hour at time zone 'UTC', event_count, weighted_count
        from marts.tenant_events_hourly
    """,
    "most_active_entities_daily": """
        select tenant_id, event_date, activity_rank, entity_id, event_count
        from marts.most_active_entities_daily
    """,
    "most_active_users_daily": """
        select tenant_id, event_date, activity_rank, user_id, event_count
        from marts.most_active_users_daily
    """,
}


def contents(settings: Settings) -> dict[str, Rows]:
    with psycopg.connect(settings.dsn) as connection:
        found = {
            table: connection.execute(sql.SQL(text)).fetchall()
            for table, text in TABLES.items()
        }
    found["events"] = [(*row[:5], tuple(row[5]), row[6]) for row in found["events"]]
    return {table: in_order(rows) for table, rows in found.items()}


def assert_tells(settings: Settings, files: Files) -> None:
    """Every table is what the recount of the files says, and nothing is unaccounted."""
    found, expected = contents(settings), recount(files)
    for table, rows in expected.items():
        assert found[table] == rows, table
    assert verify(settings).problems == ()


# The warehouse ----------------------------------------------------------------------


@pytest.fixture
def settings(built_warehouse: Settings) -> Settings:
    """A warehouse with this module's feeds."""
    feeds = built_warehouse.home / "feeds.yml"
    feeds.write_text(FEEDS)
    return replace(built_warehouse, feeds=feeds)


@pytest.fixture
def deliver(settings: Settings, land: Land) -> Callable[[Files], None]:
    """Lands files of the visits feed and loads them, in their order."""

    def write(files: Files) -> None:
        for name, content in files:
            land(settings, f"visits/{name}", content)
            load_new_files(settings)

    return write


Deliver = Callable[[Files], None]


def visit(**fields: object) -> str:
    record = {"tenant": "acme", "event_id": "1", "at": "2025-01-01T10:00:00Z"}
    return json.dumps({**record, **fields}) + "\n"


# The whole ----------------------------------------------------------------------------


def test_all_files_at_once_are_what_a_recount_says(
    settings: Settings, deliver: Deliver
) -> None:
    deliver(ALL)

    transform(settings)

    assert_tells(settings, ALL)


def test_file_by_file_is_what_a_recount_says_and_a_full_refresh_changes_nothing(
    settings: Settings, deliver: Deliver
) -> None:
    for count in (1, 2, 3):
        deliver(ALL[count - 1 : count])
        transform(settings)
        assert_tells(settings, ALL[:count])

    transform(settings, full_refresh=True)

    assert_tells(settings, ALL)


def test_order_of_files_decides_which_repeat_is_kept_and_no_count(
    settings: Settings, deliver: Deliver
) -> None:
    backwards = ALL[::-1]
    deliver(backwards)

    transform(settings)

    assert_tells(settings, backwards)
    forwards = recount(ALL)
    assert (
        contents(settings)["tenant_events_hourly"] == (forwards["tenant_events_hourly"])
    )


def test_running_again_with_nothing_new_touches_no_row(
    settings: Settings, deliver: Deliver, query: Query
) -> None:
    deliver(ALL)
    transform(settings)
    before = {table: versions(settings, table) for table in VERSIONED}

    transform(settings)

    assert {table: versions(settings, table) for table in VERSIONED} == before


def test_empty_warehouse_is_transformed_to_empty_tables(settings: Settings) -> None:
    transform(settings)

    assert all(rows == [] for rows in contents(settings).values())


# Late data ----------------------------------------------------------------------------

VERSIONED = {
    "analytics.events": "load_id, line_number",
    "analytics.rejected_events": "load_id, line_number",
    "analytics.duplicate_events": "load_id, line_number",
    "analytics.fct_entity_activity_daily": (
        "tenant_id, event_date::text, entity_key, event_type_key, user_key"
    ),
    "analytics.rollup_events_5min": "tenant_id, (event_5min at time zone 'UTC')::text",
    "analytics.rollup_events_1hr": "tenant_id, (event_hour at time zone 'UTC')::text",
    "marts.tenant_events_hourly": "tenant_id, (event_hour at time zone 'UTC')::text",
    "marts.most_active_entities_daily": "tenant_id, event_date::text",
    "marts.most_active_users_daily": "tenant_id, event_date::text",
}


def versions(settings: Settings, table: str) -> set[tuple[Any, ...]]:
    """Each row's key with the transaction that wrote it."""
    with psycopg.connect(settings.dsn) as connection:
        query = f"select {VERSIONED[table]}, xmin::text, ctid::text from {table}"
        return set(connection.execute(sql.SQL(query)).fetchall())


def test_late_event_changes_the_rows_of_its_own_bucket_and_tenant_only(
    settings: Settings, deliver: Deliver
) -> None:
    deliver(ALL)
    transform(settings)
    before = {table: versions(settings, table) for table in VERSIONED}
    late = visit(
        event_id="99",
        event_type="view",
        at="2025-01-01T10:04:00Z",
        user_id="ada",
        entity_id="p1",
        country="DE",
        browser="Firefox",
    )
    deliver([("late.json", late)])

    transform(settings)

    changed = {
        table: {key[:2] for key in before[table] ^ versions(settings, table)}
        for table in VERSIONED
    }
    assert changed == {
        "analytics.events": {(4, 1)},
        "analytics.rejected_events": set(),
        "analytics.duplicate_events": set(),
        "analytics.fct_entity_activity_daily": {("acme", "2025-01-01")},
        "analytics.rollup_events_5min": {("acme", "2025-01-01 10:00:00")},
        "analytics.rollup_events_1hr": {("acme", "2025-01-01 10:00:00")},
        "marts.tenant_events_hourly": {("acme", "2025-01-01 10:00:00")},
        "marts.most_active_entities_daily": {("acme", "2025-01-01")},
        "marts.most_active_users_daily": {("acme", "2025-01-01")},
    }
    assert_tells(settings, [*ALL, ("late.json", late)])


def test_late_event_of_a_month_never_seen_gets_a_partition(
    settings: Settings, deliver: Deliver, query: Query
) -> None:
    deliver([("a.json", visit(at="1999-12-31T23:59:59Z"))])

    transform(settings)

    where = "select tableoid::regclass::text from analytics.events"
    assert query(settings, where) == [("analytics.events_1999_12",)]


# Times --------------------------------------------------------------------------------


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
        "2025-13-01T10:00:00Z": "is no such time",
        "2025-02-29T10:00:00Z": "is no such time",
        "2025-01-01T25:00:00Z": "is no such time",
        "2025-01-01T10:00:00+99:00": "is no such time",
        "0000-01-01T00:00:00Z": "is no such time",
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
    # Postgres takes each of the first five for a time.
    wrong = [
        "2025-01-02T03:04:-5",
        "2025-01-02T03:04:C5.12,",
        "2025-01-02T03:04:0A-03:6,",
        "2025-01-02T\t3:04:05",
        "2025-01-03T03:p4:05",
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


# Values -------------------------------------------------------------------------------


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
        '{"n":' + "[" * 900 + "]" * 900 + "}",
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


@pytest.mark.parametrize(
    "fields",
    [
        ["tenant", "event_id"],
        ["event_type", "user_id", "entity_id", "country", "browser"],
    ],
)
def test_value_too_long_for_an_index_does_not_stop_the_others(
    settings: Settings, deliver: Deliver, query: Query, fields: list[str]
) -> None:
    # Random, so that Postgres can't make it short by compression.
    giants = [visit(**{field: secrets.token_hex(50_000)}) for field in fields]
    deliver([("a.json", visit(event_id="2") + "".join(giants))])

    transform(settings)

    kept = query(settings, "select event_id from analytics.events")
    assert ("2",) in kept
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


# Identity -----------------------------------------------------------------------------


def test_feed_without_an_identity_keeps_every_record(
    settings: Settings, land: Land, query: Query
) -> None:
    land(settings, "notes/a.json", visit() * 3)
    load_new_files(settings)

    transform(settings)

    assert query(settings, "select count(*) from analytics.events") == [(3,)]
    assert query(settings, "select from analytics.duplicate_events") == []


def test_same_event_of_two_feeds_is_two_events(
    settings: Settings, deliver: Deliver, land: Land, query: Query
) -> None:
    feeds = FEEDS + FEEDS.replace("visits", "calls").partition("notes:")[0]
    settings.feeds.write_text(feeds)
    land(settings, "calls/a.json", visit())
    deliver([("a.json", visit())])

    transform(settings)

    assert query(settings, "select count(*) from analytics.events") == [(2,)]
    assert query(settings, "select from analytics.duplicate_events") == []


def test_missing_and_empty_id_are_the_same_identity(
    settings: Settings, deliver: Deliver
) -> None:
    files = [("a.json", visit(event_id=None) + visit(event_id="")), ("b.json", visit())]
    deliver(files)

    transform(settings)

    assert_tells(settings, files)
    assert len(contents(settings)["events"]) == 2


def test_repeat_of_a_repeat_points_at_the_first(
    settings: Settings, deliver: Deliver
) -> None:
    files = [
        ("a.json", visit(page="/a") + visit(page="/b")),
        ("b.json", visit(page="/b") + visit(page="/a")),
    ]
    for one in files:
        deliver([one])
        transform(settings)

    assert contents(settings)["duplicate_events"] == [
        ("a.json", 2, "a.json", 1, True),
        ("b.json", 1, "a.json", 1, True),
        ("b.json", 2, "a.json", 1, False),
    ]


# Concurrency, kills and crashes -------------------------------------------------------

TRANSFORMER = """
from event_warehouse.settings import read_settings
from event_warehouse.transform import transform
transform(read_settings())
"""


@contextmanager
def transformer(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """A process that transforms; it does not outlive the block."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "WAREHOUSE_HOME": str(settings.home),
        "WAREHOUSE_DSN": settings.dsn,
    }
    with subprocess.Popen(
        [sys.executable, "-c", TRANSFORMER],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def held(settings: Settings, table: str) -> Iterator[None]:
    """Nobody else can write to the table; all can read it."""
    connection = psycopg.connect(settings.dsn)
    try:
        connection.execute(sql.SQL(f"lock table {table} in exclusive mode"))
        yield
    finally:
        connection.close()


def wait_for_waiter(settings: Settings, table: str) -> None:
    """Returns when another session waits for the table."""
    waiting = "select from pg_locks where not granted and relation = %s::regclass"
    with psycopg.connect(settings.dsn, autocommit=True) as connection:
        for _ in range(3_000):
            if connection.execute(waiting, (table,)).rowcount:
                return
            time.sleep(0.01)
    pytest.fail(f"nobody came to {table}")


def test_load_that_commits_after_one_with_a_higher_id_is_not_skipped(
    settings: Settings, deliver: Deliver, land: Land, query: Query
) -> None:
    slow = land(settings, "slow/a.json", visit(event_id="1") + "not json\n")
    with ThreadPoolExecutor(1) as pool:
        with held(settings, "raw.rejected_lines"):
            loading = pool.submit(
                load_new_files, settings, source=str(slow), feed="visits"
            )
            wait_for_waiter(settings, "raw.rejected_lines")
            deliver([("b.json", visit(event_id="2"))])
            transform(settings)
            assert query(settings, "select event_id from analytics.events") == [("2",)]
        assert loading.result(30).loaded == 1

    transform(settings)

    assert_tells(
        settings,
        [
            ("b.json", visit(event_id="2")),
            ("a.json", visit(event_id="1") + "not json\n"),
        ],
    )
    ids = query(settings, "select load_id from raw.loads order by finished_at")
    assert ids == [(2,), (1,)]


def test_two_transforms_at_once_are_one(settings: Settings, deliver: Deliver) -> None:
    deliver(ALL)
    with transformer(settings) as other:
        transform(settings)
        assert other.wait(60) == 0

    assert_tells(settings, ALL)


@pytest.mark.parametrize(
    "table",
    [
        "ledger.batches",
        "analytics.events",
        "analytics.rollup_events_5min",
    ],
)
def test_transform_killed_as_it_comes_to_a_table_is_made_good_by_the_next(
    settings: Settings, deliver: Deliver, table: str
) -> None:
    deliver(ALL[:1])
    transform(settings)
    deliver(ALL[1:])
    with transformer(settings) as process:
        with held(settings, table):
            wait_for_waiter(settings, table)
            process.kill()
        assert process.wait(30) == -signal.SIGKILL

    transform(settings)

    assert_tells(settings, ALL)


def test_transform_killed_at_random_moments_is_made_good_by_the_next(
    settings: Settings, deliver: Deliver
) -> None:
    deliver(ALL)
    for milliseconds in (50, 200, 500):
        with transformer(settings) as process:
            wait_for_dbt(settings)
            time.sleep(milliseconds / 1000)
            process.kill()

    transform(settings)

    assert_tells(settings, ALL)


def wait_for_dbt(settings: Settings) -> None:
    """Returns when dbt is connected."""
    sessions = "select from pg_stat_activity where application_name = 'dbt'"
    with psycopg.connect(settings.dsn, autocommit=True) as connection:
        for _ in range(3_000):
            if connection.execute(sessions).rowcount:
                return
            time.sleep(0.01)
    pytest.fail("dbt did not connect")


def crash(cluster: Settings) -> None:
    """Kill Postgres, all of it at once, and start it again."""
    lines = (cluster.home / "postgres" / "postmaster.pid").read_text().split()
    server = int(lines[0])
    os.kill(server, signal.SIGKILL)
    for _ in range(100):
        try:
            os.kill(server, 0)
        except ProcessLookupError:
            break
        time.sleep(0.1)
    for _ in range(100):
        try:
            embedded.ensure_running(cluster)
        except ServiceError:
            # Some process of the old server has not yet seen that it is gone.
            time.sleep(0.1)
        else:
            return
    pytest.fail("Postgres does not start again")


def test_crash_of_postgres_between_the_batch_and_events_loses_nothing(
    cluster: Settings, settings: Settings, deliver: Deliver, query: Query
) -> None:
    deliver(ALL[:1])
    transform(settings)
    deliver(ALL[1:])
    held_rows = "select count(*) > 0 from analytics.int_event_batch"
    held_applies = "select model from ledger.batches where not isempty(applies)"
    with transformer(settings) as process:
        with held(settings, "analytics.events"):
            wait_for_waiter(settings, "analytics.events")
            assert query(settings, held_rows) == [(True,)]
            assert ("int_event_batch",) in query(settings, held_applies)
            crash(cluster)
        assert process.wait(60) != 0
    assert query(settings, held_rows) == [(False,)]
    assert query(settings, held_applies) == []

    transform(settings)

    assert_tells(settings, ALL)


def test_crash_of_postgres_during_a_load_leaves_the_loads_before_it(
    cluster: Settings, settings: Settings, deliver: Deliver, land: Land
) -> None:
    deliver(ALL[:2])
    late = land(settings, "slow/c.json", THIRD + "not json\n")
    with ThreadPoolExecutor(1) as pool:
        with held(settings, "raw.rejected_lines"):
            loading = pool.submit(
                load_new_files, settings, source=str(late), feed="visits"
            )
            wait_for_waiter(settings, "raw.rejected_lines")
            crash(cluster)
        assert loading.exception(30) is not None

    transform(settings)
    assert_tells(settings, ALL[:2])
    load_new_files(settings, source=str(late), feed="visits")
    transform(settings)

    assert_tells(settings, [*ALL[:2], ("c.json", THIRD + "not json\n")])
