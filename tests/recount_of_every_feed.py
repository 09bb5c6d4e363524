"""What each feed's files hold, counted by code that knows none of the package's own."""

import csv
import gzip
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]
import zstandard

Record = dict[str, Any]
Found = tuple[bytes, Record | None]
"""A record as it is written, and as it is read, if it can be."""

MOST_BYTES = 1_000
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ISO_8601 = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?", re.ASCII
)
WHOLE = re.compile("-?[0-9]+")
DECIMAL = re.compile("-?[0-9]+([.][0-9]+)?")


@dataclass(frozen=True)
class Counts:
    """What becomes of a feed's records."""

    records: int
    rejected_lines: int
    rejected: int
    duplicates: int
    kept: int
    """Events, or versions of what a reference feed tells of."""


@dataclass(frozen=True)
class Shape:
    """How a feed's records are read and told apart."""

    read: Callable[[bytes], Iterator[Found]]
    time: str
    identity: tuple[str, ...]
    tenant: str | None = None
    rate: str = "sample_rate"
    keys: tuple[str, ...] = ()
    """Fields that may be so many bytes long."""
    required: tuple[str, ...] = ()
    is_epoch: bool = False
    may_lack_time: bool = False
    types: tuple[tuple[str, Callable[[object], bool]], ...] = ()


# Records --------------------------------------------------------------------------


def csv_records(content: bytes) -> Iterator[Found]:
    """A record is a line, or two if a quoted field has the line end."""
    header, *lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    names = csv_fields(header)
    assert names
    assert lines.pop() == b""
    while lines:
        line = lines.pop(0)
        fields = csv_fields(line)
        if fields is None and lines:
            longer = line + b"\n" + lines[0]
            if fields := csv_fields(longer):
                line = longer
                del lines[0]
        is_whole = fields is not None and len(fields) == len(names)
        yield line, dict(zip(names, fields or [], strict=True)) if is_whole else None


def csv_fields(text: bytes) -> list[str] | None:
    if b"\0" in text:
        return None
    lines = io.StringIO(text.rstrip(b"\r").decode("utf-8", "replace"), newline="")
    try:
        text.decode()
        rows = list(csv.reader(lines, strict=True))
    except (csv.Error, UnicodeDecodeError):
        return None
    return rows[0] if len(rows) == 1 else None


def lines_of_json(content: bytes) -> Iterator[Found]:
    for line in content.split(b"\n"):
        if line:
            yield line, json_object(line)


def objects_of_json(content: bytes) -> Iterator[Found]:
    """From the first bracket of an object to its last; strings may hold brackets."""
    depth, start, in_string, is_escaped = 0, 0, False, False
    for at, character in enumerate(content):
        if in_string:
            in_string = is_escaped or character != ord('"')
            is_escaped = character == ord("\\") and not is_escaped
        elif character == ord('"'):
            in_string = True
        elif character == ord("{"):
            start = start if depth else at
            depth += 1
        elif character == ord("}"):
            depth -= 1
            if depth == 0:
                text = content[start : at + 1]
                yield text, json_object(text)
    if depth:
        yield content[start:], None


def json_object(text: bytes) -> Record | None:
    try:
        value = json.loads(text.decode(), parse_float=str, parse_int=str)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def records_of(path: Path, shape: Shape) -> list[Found]:
    """The file's records in their order."""
    content = path.read_bytes()
    if path.suffix == ".parquet":
        return [(b"", record) for record in pq.read_table(path).to_pylist()]
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    elif content.startswith(ZSTD_MAGIC):
        content = zstandard.ZstdDecompressor().decompressobj().decompress(content)
    return list(shape.read(content))


# What is read of them -------------------------------------------------------------


def is_castable(record: Record, shape: Shape, path: Path) -> bool:
    needed = [*shape.required, *([shape.tenant] if shape.tenant else [])]
    if any(field(record, name) in (None, "") for name in needed):
        return False
    if any(len(str(field(record, key)).encode()) > MOST_BYTES for key in shape.keys):
        return False
    rate = field(record, shape.rate)
    if rate not in (None, "") and not re.fullmatch("[1-9][0-9]{0,8}", str(rate)):
        return False
    for name, is_of_type in shape.types:
        value = record.get(name)
        if value not in (None, "") and not is_of_type(value):
            return False
    time = time_of(record, shape, path)
    return time is not None and datetime(1970, 1, 1, tzinfo=UTC) <= time < datetime.now(
        UTC
    )


def time_of(record: Record, shape: Shape, path: Path) -> datetime | None:
    """None if it is none."""
    value = field(record, shape.time)
    if isinstance(value, datetime):
        return value
    if value in (None, ""):
        return changed(path) if shape.may_lack_time else None
    if shape.is_epoch:
        is_number = WHOLE.fullmatch(str(value))
        return datetime.fromtimestamp(int(value), UTC) if is_number else None
    if not ISO_8601.fullmatch(str(value)):
        return None
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def changed(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def field(record: Record, path: str) -> Any:
    """What a path such as actor.login leads to."""
    value: Any = record
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def identity_of(record: Record, shape: Shape, path: Path) -> tuple[object, ...]:
    tenant = field(record, shape.tenant) if shape.tenant else None
    values = [
        json.dumps(record, sort_keys=True) if name == "*" else field(record, name)
        for name in shape.identity
    ]
    return tenant, time_of(record, shape, path), *values


def is_whole_number(value: object) -> bool:
    return WHOLE.fullmatch(str(value)) is not None


def is_number(value: object) -> bool:
    return DECIMAL.fullmatch(str(value)) is not None


def is_json(value: object) -> bool:
    if isinstance(value, str):
        try:
            json.loads(value)
        except ValueError:
            return False
    return True


SHAPES = {
    "customer_events": Shape(
        csv_records, "timestamp", ("event_type", "transaction_id"), tenant="customer_id"
    ),
    "product_updates": Shape(
        objects_of_json,
        "timestamp",
        ("code", "rev"),
        is_epoch=True,
        types=(("diffs", is_json),),
    ),
    "products": Shape(
        objects_of_json,
        "last_modified_t",
        ("code",),
        required=("code",),
        is_epoch=True,
    ),
    "app_events": Shape(
        objects_of_json,
        "created_at",
        ("*",),
        types=(
            ("app_id", is_whole_number),
            ("publisher_id", is_whole_number),
            ("lat", is_number),
            ("lon", is_number),
            ("extra_info", is_json),
        ),
    ),
    "api_events": Shape(
        lines_of_json, "ts", ("event_id",), tenant="tenant_id", rate="samplerate"
    ),
    "tracked_events": Shape(
        lines_of_json,
        "event_time",
        ("event_id",),
        tenant="tenant_id",
        keys=("user_id",),
    ),
    "clickstream": Shape(
        csv_records,
        "event_time",
        (),
        tenant="customer_id",
        keys=("session_id",),
        may_lack_time=True,
    ),
    "gharchive": Shape(lines_of_json, "created_at", ("id",), keys=("repo.name",)),
}


def castable_records(paths: Sequence[Path], feed: str) -> Iterator[tuple[Path, Record]]:
    """The records that become events or references, or repeat one, with their file."""
    shape = SHAPES[feed]
    for path in paths:
        for _, record in records_of(path, shape):
            if record is not None and is_castable(record, shape, path):
                yield path, record


def recount(paths: Sequence[Path], feed: str) -> Counts:
    """What becomes of the records of a feed's files."""
    shape = SHAPES[feed]
    found = [record for path in paths for _, record in records_of(path, shape)]
    castable = [*castable_records(paths, feed)]
    kept = len(castable)
    if shape.identity:
        kept = len({identity_of(one, shape, path) for path, one in castable})
    return Counts(
        records=len(found),
        rejected_lines=found.count(None),
        rejected=len(found) - found.count(None) - len(castable),
        duplicates=len(castable) - kept,
        kept=kept,
    )
