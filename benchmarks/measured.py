"""Results of measurements: of one side, of two sides in pairs, a row of the table."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psycopg


class NotMeasured(Exception):
    """There is no figure; the message says why."""


class WrongAnswer(NotMeasured):
    """The two sides differ, or one did not do its work, so its time means nothing."""


@dataclass(frozen=True)
class Measured:
    """One side of one run."""

    seconds: float
    wal_bytes: int


@dataclass(frozen=True)
class Row:
    """A row of the table that is printed."""

    id: str
    what: str
    figure: str = ""
    must: str = ""
    goal: str = ""
    measured: str = ""


def measure(dsn: str, work: Callable[[], object]) -> Measured:
    """How long the work took, and how much WAL the server wrote meanwhile."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        before = connection.execute("select pg_current_wal_lsn()").fetchone()
        start = time.perf_counter()
        work()
        seconds = time.perf_counter() - start
        wal = connection.execute(
            "select pg_current_wal_lsn() - %s", (before[0] if before else None,)
        ).fetchone()
    return Measured(seconds, int(wal[0]) if wal else 0)


@dataclass(frozen=True)
class Pairs:
    """The two sides of a comparison; the two of a pair are measured back to back."""

    ours: Sequence[Measured]
    others: Sequence[Measured]

    @property
    def speeds(self) -> list[float]:
        """Our speed as a multiple of the other side's, per pair, ascending."""
        pairs = zip(self.ours, self.others, strict=True)
        return sorted(other.seconds / our.seconds for our, other in pairs)

    @property
    def speed(self) -> float:
        """The median of the pairs."""
        return statistics.median(self.speeds)

    def told(self, rows: int) -> str:
        """Both sides' rates and WAL, and the spread of the pairs."""
        ours, others = rate(self.ours, rows), rate(self.others, rows)
        wal = [side[-1].wal_bytes / rows for side in (self.ours, self.others)]
        return (
            f"{ours:.0f} against {others:.0f} krow/s; pairs {self.speeds[0]:.2f} to "
            f"{self.speeds[-1]:.2f}; WAL {wal[0]:.0f} against {wal[1]:.0f} bytes/row"
        )


def measure_pairs(
    count: int, *, ours: Callable[[], Measured], other: Callable[[], Measured]
) -> Pairs:
    """Measures the sides in turn, so that a slow spell of the machine affects both."""
    both = [(other(), ours()) for _ in range(count)]
    return Pairs([our for _, our in both], [other for other, _ in both])


def rate(side: Sequence[Measured], rows: int) -> float:
    """Thousands of rows per second in the median run."""
    return rows / median_seconds(side) / 1000


def median_seconds(side: Sequence[Measured]) -> float:
    """The median time of one side's runs."""
    return statistics.median([run.seconds for run in side])
