"""g3: a file cut into many small ones, against the file as it is."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.measured import (
    Measured,
    Row,
    WrongAnswer,
    measure,
    measure_pairs,
    median_seconds,
)
from benchmarks.warehouse import empty, load, raw_events

FEWER = 10
"""How many times smaller the files of the second measurement are."""


def small_files(bench: Bench) -> Iterator[Row]:
    """g3, and the same with files so small that the cost per file is nearly all."""
    for events, must, goal in (
        (bench.events, "5x", "1.5x"),
        (bench.events // FEWER, "", ""),
    ):
        whole = bench.file_of(events)
        parts = cut(whole, bench.small_files)
        yield _compared(bench, parts, whole, events, must, goal)


def cut(whole: Path, count: int) -> Path:
    """A folder with the file's lines in at most `count` files, each with the header."""
    folder = whole.with_suffix(f".{count}")
    folder.mkdir(exist_ok=True)
    with open(whole, "rb") as stream:
        total = sum(1 for _ in stream) - 1
        stream.seek(0)
        header = next(stream)
        number = 0
        while lines := list(islice(stream, -(-total // count))):
            part = folder / f"{number:05}.csv"
            part.write_bytes(header + b"".join(lines))
            number += 1
    return folder


def _compared(
    bench: Bench, parts: Path, whole: Path, events: int, must: str, goal: str
) -> Row:
    answers: set[object] = set()
    pairs = measure_pairs(
        bench.pairs,
        ours=lambda: _loaded(bench, parts, answers),
        other=lambda: _loaded(bench, whole, answers),
    )
    if len(answers) != 1:
        raise WrongAnswer(f"the small files gave other rows than the whole: {answers}")
    many, one = median_seconds(pairs.ours), median_seconds(pairs.others)
    more = (many - one) / bench.small_files * 1000
    wal = [side[-1].wal_bytes / events for side in (pairs.ours, pairs.others)]
    return Row(
        "g3",
        f"{bench.small_files:,} files of {events // bench.small_files:,} events; "
        "against one file of the same",
        f"{1 / pairs.speed:.1f}x its time",
        must,
        goal,
        f"{many:.1f} against {one:.1f} s, {more:.1f} ms more a file; "
        f"pairs {1 / pairs.speeds[-1]:.1f} to {1 / pairs.speeds[0]:.1f}; "
        f"WAL {wal[0]:.0f} against {wal[1]:.0f} bytes/row",
    )


def _loaded(bench: Bench, source: Path, answers: set[object]) -> Measured:
    empty(bench.settings)
    measured = measure(bench.settings.dsn, lambda: load(bench.settings, source))
    answers.add(raw_events(bench.settings))
    return measured
