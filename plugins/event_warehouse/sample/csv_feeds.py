"""Feeds of CSV: columns in any order, quoted, compressed, and the same as Parquet."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Final

import pyarrow as pa  # type: ignore[import-untyped]

from event_warehouse.sample import vocabulary as words
from event_warehouse.sample.packed import gzipped, to_csv, to_parquet, zstd
from event_warehouse.sample.scene import Record, SampleFile, Scene, named

CUSTOMER_COLUMNS: Final = (
    "customer_id",
    "event_type",
    "transaction_id",
    "timestamp",
    "user_id",
    "session_id",
    "country",
    "browser",
    "page",
    "amount",
)
CLICK_COLUMNS: Final = (
    "customer_id",
    "event_type",
    "country",
    "browser",
    "device_id",
    "session_id",
)
CUSTOMER_TYPES: Final = dict.fromkeys(CUSTOMER_COLUMNS, pa.string()) | {
    "timestamp": pa.timestamp("us", "UTC"),
    "amount": pa.decimal128(10, 2),
}
CLICK_TYPES: Final = dict.fromkeys(CLICK_COLUMNS, pa.string()) | {
    "event_time": pa.timestamp("ms", "UTC"),
}
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
TOO_LONG: Final = "x" * 1_001
"""An event field may have at most a thousand bytes."""

Damage = Callable[[bytes], bytes]
"""Makes a line unreadable; takes a line without quotes."""


def customer_events(scene: Scene) -> list[SampleFile]:
    """Half a day per file: from a spreadsheet, appended, with a new column, typed."""
    slots = scene.slots(4, timedelta(hours=12))
    files = [[_customer_event(scene, time) for time in slot.times] for slot in slots]
    for event in files[2]:
        event["campaign"] = scene.sometimes("spring", 0.3)
    scene.add_repeats(files)
    event = files[0][0]
    spoilt = [
        event | {"timestamp": "yesterday"},
        event | {"customer_id": None},
        event | {"timestamp": "2999-12-31T23:59:59Z"},
    ]
    scene.add_in_turn(files[:3], spoilt)
    typed = to_parquet(files[3], CUSTOMER_TYPES)
    first, second, third = (
        [_with_written_time(scene, event) for event in file] for file in files[:3]
    )
    spreadsheet = _csv(scene, first, CUSTOMER_COLUMNS, _without_last_field, end="\r\n")
    appended = _csv(scene, second, CUSTOMER_COLUMNS[::-1], _with_nul)
    widened = _csv(scene, third, ("campaign", *CUSTOMER_COLUMNS), _in_latin_1)
    half = len(appended) // 2
    return named(
        slots,
        {
            "events-{:%Y-%m-%dT%H}.csv": BYTE_ORDER_MARK + b"".join(spreadsheet),
            "events-{:%Y-%m-%dT%H}.csv.gz": gzipped(
                b"".join(appended[:half]), b"".join(appended[half:])
            ),
            "events-{:%Y-%m-%dT%H}.csv.zst": zstd(b"".join(widened)),
            "events-{:%Y-%m-%dT%H}.parquet": typed,
        },
    )


def _customer_event(scene: Scene, time: datetime) -> Record:
    person = scene.person()
    is_purchase = scene.random.random() < 0.1
    pages = words.ODD_PAGES if scene.random.random() < 0.05 else words.PLAIN_PAGES
    return {
        "customer_id": person.tenant,
        "event_type": "purchase" if is_purchase else "page_view",
        "transaction_id": scene.hex(16),
        # Whole seconds, so that a repeat in another time format is the same moment.
        "timestamp": time.replace(microsecond=0),
        "user_id": scene.sometimes(person.user),
        "session_id": person.session,
        "country": scene.sometimes(person.country),
        "browser": person.browser,
        "page": scene.random.choice(pages),
        "amount": Decimal(scene.random.choice(words.AMOUNTS)) if is_purchase else None,
    }


def _with_written_time(scene: Scene, event: Record) -> Record:
    time = event["timestamp"]
    if not isinstance(time, datetime):
        return event
    clocks, shares = [*words.CLOCKS], [*words.CLOCKS.values()]
    ((minutes, kept, suffix),) = scene.random.choices(clocks, shares)
    local = time.astimezone(timezone(timedelta(minutes=minutes)))
    text = local.replace(tzinfo=None).isoformat(timespec="milliseconds")
    return event | {"timestamp": text[:kept] + suffix}


def clickstream(scene: Scene) -> list[SampleFile]:
    """Six hours per file: with times, without, with some, and typed."""
    slots = scene.slots(4, timedelta(hours=6))
    files = [[_click(scene, time) for time in slot.times] for slot in slots]
    click = files[0][0]
    spoilt = [
        click | {"event_time": "15/01/2025 10:00"},
        click | {"customer_id": None},
        click | {"session_id": TOO_LONG},
    ]
    scene.add_in_turn(files[:3], spoilt)
    with_time = ("event_time", *CLICK_COLUMNS)
    timed = _csv(scene, files[0], with_time, _without_last_field)
    untimed = _csv(scene, files[1], CLICK_COLUMNS, _with_nul)
    third = [
        click | {"event_time": scene.sometimes(click["event_time"], 0.8)}
        for click in files[2]
    ]
    partly_timed = _csv(scene, third, (*CLICK_COLUMNS, "event_time"), _in_latin_1)
    return named(
        slots,
        {
            "clicks-{:%Y-%m-%dT%H}.csv": b"".join(timed),
            "clicks-{:%Y-%m-%dT%H}.csv.gz": gzipped(b"".join(untimed)),
            "clicks-{:%Y-%m-%dT%H}.csv.zst": zstd(b"".join(partly_timed)),
            "clicks-{:%Y-%m-%dT%H}.parquet": to_parquet(files[3], CLICK_TYPES),
        },
    )


def _click(scene: Scene, time: datetime) -> Record:
    person = scene.person()
    return {
        "customer_id": person.tenant,
        "event_type": scene.random.choice(["view", "view", "click", "scroll"]),
        "event_time": time,
        "country": person.country,
        "browser": scene.sometimes(person.browser),
        "device_id": person.device,
        "session_id": person.session,
    }


# Lines ----------------------------------------------------------------------------


def _csv(
    scene: Scene,
    records: Sequence[Record],
    columns: Sequence[str],
    damage: Damage,
    *,
    end: str = "\n",
) -> list[bytes]:
    """The header, then the records with a damaged one among them."""
    header, *lines = to_csv(records, columns, end)
    whole = next(line for line in lines if b'"' not in line)
    scene.insert(lines, damage(whole))
    return [header, *lines]


def _without_last_field(line: bytes) -> bytes:
    kept, _, last = line.rpartition(b",")
    return kept + last[len(last.rstrip(b"\r\n")) :]


def _with_nul(line: bytes) -> bytes:
    return line.replace(b",", b"\0,", 1)


def _in_latin_1(line: bytes) -> bytes:
    return line.replace(b",", b" caf\xe9,", 1)
