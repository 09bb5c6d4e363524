"""How events are written: turns codes into CSV lines, some of them flawed."""

from binascii import hexlify
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import Final, TextIO

import numpy as np
import pandas as pd

from event_warehouse.sample import vocabulary as words
from event_warehouse.sample.visits import MINUTE_MS, Array

COLUMNS: Final = (
    "customer_id",
    "event_type",
    "transaction_id",
    "timestamp",
    "user_id",
    "entity_id",
    "session_id",
    "device_id",
    "country",
    "browser",
    "platform",
    "environment",
    "service",
    "sample_rate",
    "page",
    "amount",
    "currency",
)
TIMESTAMP: Final = COLUMNS.index("timestamp")
SAMPLE_RATE: Final = COLUMNS.index("sample_rate")
PAGE: Final = COLUMNS.index("page")

# No other column's text has a character that CSV needs quotes for.
QUOTED_PAGES: Final = [
    '"' + page.replace('"', '""') + '"' if set(page) & set(',"\n') else page
    for page in words.PAGES
]

# How many rows are turned into text at a time; bounds memory, not the file's size.
SLICE: Final = 5_000


class Flaw(IntEnum):
    """What is wrong with a line: up to NUL it can't be read, after that not be cast."""

    NONE = 0
    TOO_FEW_FIELDS = 1
    TOO_MANY_FIELDS = 2
    OPEN_QUOTE = 3
    NOT_UTF8 = 4
    NUL = 5
    WORD_AS_TIME = 6
    IMPOSSIBLE_TIME = 7
    NOW_AS_TIME = 8
    WORD_AS_SAMPLE_RATE = 9


BROKEN: Final = [flaw for flaw in Flaw if Flaw.NONE < flaw <= Flaw.NUL]
UNCASTABLE: Final = {
    Flaw.WORD_AS_TIME: (TIMESTAMP, "not-a-time"),
    Flaw.IMPOSSIBLE_TIME: (TIMESTAMP, "2026-13-45T00:00:00Z"),
    Flaw.NOW_AS_TIME: (TIMESTAMP, "now"),
    Flaw.WORD_AS_SAMPLE_RATE: (SAMPLE_RATE, "lots"),
}


def write_lines(file: TextIO, events: pd.DataFrame) -> None:
    """The header and a line per event; bytes that are not UTF-8 as surrogates."""
    file.write(",".join(COLUMNS) + "\n")
    for first in range(0, len(events), SLICE):
        part = events.iloc[first : first + SLICE]
        records = _records(part)
        lines = [",".join(record) for record in records]
        flaws = part["flaw"].to_numpy()
        for place in np.flatnonzero(flaws).tolist():
            lines[place] = ",".join(_flawed(records[place], Flaw(flaws[place])))
        file.write("\n".join([*lines, ""]))


def _flawed(record: Sequence[str], flaw: Flaw) -> list[str]:
    if flaw in UNCASTABLE:
        column, text = UNCASTABLE[flaw]
        return [*record[:column], text, *record[column + 1 :]]
    head, tail = record[:PAGE], record[PAGE + 1 :]
    match flaw:
        case Flaw.TOO_FEW_FIELDS:
            return [*head[:6]]
        case Flaw.TOO_MANY_FIELDS:
            return [*head, "/", *tail, "one", "more"]
        case Flaw.OPEN_QUOTE:
            return [*head, '"/search?q=15 inch', *tail]
        case Flaw.NOT_UTF8:
            return [*head, "/caf\udce9", *tail]
        case _:
            return [*head, "/\0", *tail]


def _records(events: pd.DataFrame) -> list[tuple[str, ...]]:
    codes = {str(name): column.to_numpy() for name, column in events.items()}
    has_amount = codes["quantity"] >= 0
    amount = codes["product"].astype(np.int64) * len(words.QUANTITIES)
    amount = np.where(has_amount, amount + codes["quantity"], -1)
    currency = np.where(has_amount, codes["tenant"], -1)
    columns: dict[str, list[str]] = {
        "customer_id": _texts(words.TENANTS, codes["tenant"]),
        "event_type": _texts(words.EVENT_TYPES, codes["kind"]),
        "transaction_id": _keys(codes["transaction"]),
        "timestamp": list(_timestamps(codes["time"], codes["clock"])),
        "user_id": [f"user-{n}" if n >= 0 else "" for n in codes["user"].tolist()],
        "entity_id": _texts(words.PRODUCTS, codes["product"]),
        "session_id": _keys(codes["session"]),
        "device_id": _keys(codes["device"]),
        "country": _texts(words.COUNTRIES, codes["country"]),
        "browser": _texts(words.BROWSERS, codes["browser"]),
        "platform": _texts(words.PLATFORMS, codes["platform"]),
        "environment": _texts(words.ENVIRONMENTS, codes["environment"]),
        "service": _texts(words.SERVICES, codes["service"]),
        "sample_rate": _texts(words.SAMPLE_RATES, codes["sample_rate"]),
        "page": _texts(QUOTED_PAGES, codes["page"]),
        "amount": _texts(words.AMOUNTS, amount),
        "currency": _texts(words.CURRENCIES, currency),
    }
    return list(zip(*(columns[name] for name in COLUMNS), strict=True))


def _texts(texts: Iterable[str], codes: Array) -> list[str]:
    # The code for missing is -1, hence the empty text at the end.
    return list(np.array([*texts, ""], dtype=object)[codes])


def _keys(keys: Array) -> list[str]:
    digits = hexlify(keys.astype(">u8").tobytes()).decode()
    return [
        digits[16 * place : 16 * place + 16] if is_known else ""
        for place, is_known in enumerate((keys != 0).tolist())
    ]


def _timestamps(times: Array, clock: Array) -> Iterator[str]:
    offsets, kept, suffixes = zip(*words.CLOCKS, strict=True)
    local = times + np.array(offsets)[clock] * MINUTE_MS
    texts = np.datetime_as_string(local.astype("datetime64[ms]")).tolist()
    for text, code in zip(texts, clock.tolist(), strict=True):
        yield text[: kept[code]] + suffixes[code]
