"""The events of a CSV file in the other formats that are loaded."""

import gzip
import json
import shutil
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
from pyarrow import csv, parquet

EVENTS_A_WRITE = 100_000
WRITTEN_BY_GZIP = 6
"""The default level of the command gzip."""
PYARROWS_ROWS_A_GROUP = 1024 * 1024
"""The default of pyarrow and pandas."""


def write_gzip(file: Path, *, level: int = WRITTEN_BY_GZIP) -> Path:
    """The compressed file, next to the original."""
    packed = file.with_name(file.name + ".gz")
    with open(file, "rb") as stream, gzip.open(packed, "wb", level) as packing:
        shutil.copyfileobj(stream, packing, 1024 * 1024)
    return packed


def write_json_lines(file: Path) -> Path:
    """One object per line; the sample rate is a number, all else are strings."""
    written = file.with_suffix(".jsonl")
    with open(written, "w") as stream:
        stream.writelines(_objects(file))
    return written


def write_json(file: Path) -> Path:
    """Objects with nothing in between, as delivery streams write them."""
    written = file.with_suffix(".json")
    with open(written, "w") as stream:
        stream.writelines(lines.replace("\n", "") for lines in _objects(file))
    return written


def _objects(file: Path) -> Iterator[str]:
    for frame in pd.read_csv(file, chunksize=EVENTS_A_WRITE):
        yield frame.to_json(orient="records", lines=True)


def write_with_attributes(file: Path) -> tuple[Path, Path]:
    """The events with members that are no event fields, as JSON lines and as CSV.

    The CSV has these as JSON in a column, which is how they are loaded.
    """
    lines, table = file.with_suffix(".more.jsonl"), file.with_suffix(".more.csv")
    frame = pd.read_csv(file)
    more = [_attributes(number) for number in range(len(frame))]
    frame.assign(attributes=more).to_csv(table, index=False)
    with open(lines, "w") as stream:
        for line, attributes in zip(chain(*_lines(file)), more, strict=True):
            stream.write(f"{line[:-1]},{attributes[1:]}\n")
    return lines, table


def _lines(file: Path) -> Iterator[Sequence[str]]:
    return (lines.splitlines() for lines in _objects(file))


def _attributes(number: int) -> str:
    title = f'{number % 100} " screen'
    attributes = {"title": title, "price": number / 4, "tags": ["new", "sale"]}
    return json.dumps(attributes, separators=(",", ":"))


def write_parquet(file: Path, *, rows_a_group: int = PYARROWS_ROWS_A_GROUP) -> Path:
    """The events as columns."""
    written = file.with_suffix(".parquet")
    # As text, so that the same is loaded as from the other formats.
    as_text = csv.ConvertOptions(column_types={"timestamp": pa.string()})
    table = csv.read_csv(file, convert_options=as_text)
    parquet.write_table(table, written, row_group_size=rows_a_group)
    return written
