"""How many events a customer sent in each hour (UTC) of a range."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from psycopg import AsyncConnection

from event_warehouse.accept.errors import Fault, InvalidRequest
from event_warehouse.database import load_statements
from event_warehouse.moments import read_moment
from event_warehouse.tenant_names import problem_of_tenant

STATEMENTS = load_statements("event_warehouse.answers", "buckets")
TABLES = {
    "hours": "marts.tenant_events_hourly",
    "hours_of_type": "marts.event_types_hourly",
}
HOUR = timedelta(hours=1)
DEFAULT_LIMIT = 1_000
MAX_LIMIT = 10_000
PARAMETERS = ("start", "end", "event_type", "fill", "limit")
ISO_8601 = re.compile(
    r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d([.,]\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)?)?",
    re.ASCII,
)
PLUS_READ_AS_SPACE = re.compile(r"(T[^ ]+) (\d\d(:?\d\d)?)")
"""What a query string makes of a `+` that is not escaped."""

Bucket = tuple[datetime, int]


@dataclass(frozen=True)
class BucketQuestion:
    """Whose hours are asked for, and which: those that start in [first, end)."""

    customer_id: str
    first: datetime
    end: datetime
    event_type: str | None = None
    is_filled: bool = False
    """Whether hours without events are listed, too, as 0."""
    limit: int = DEFAULT_LIMIT
    """Of the buckets of one answer."""

    @property
    def statement(self) -> str:
        """The one that answers it."""
        return "hours" if self.event_type is None else "hours_of_type"

    @property
    def table(self) -> str:
        """What that reads."""
        return TABLES[self.statement]

    @property
    def before(self) -> datetime:
        """Where it ends to look: one hour more than is answered tells of the next."""
        longest = (self.limit + 1) * HOUR
        if not self.is_filled or self.end - self.first <= longest:
            return self.end
        return self.first + longest


@dataclass(frozen=True)
class Page:
    """Buckets by their hour, ascending, and where the next page starts, if any."""

    buckets: Sequence[Bucket]
    next_start: datetime | None


def read_question(
    customer_id: str, parameters: Sequence[tuple[str, str]]
) -> BucketQuestion:
    """What is asked by a query's parameters; raises InvalidRequest with every fault."""
    faults = list(_faults_of_names(customer_id, parameters))
    given = dict(parameters)
    start, end = (_moment(given, name, faults) for name in ("start", "end"))
    if start and end and end <= start:
        faults.append(Fault("is not after start", "end"))
    event_type = given.get("event_type")
    # As long as a tenant's name, at most.
    if event_type is not None and (reason := problem_of_tenant(event_type)):
        faults.append(Fault(reason, "event_type"))
    if given.get("fill", "zero") != "zero":
        faults.append(Fault("must be zero, or left out", "fill"))
    limit = _limit(given, faults)
    if faults or start is None or end is None:
        raise InvalidRequest("These are no buckets to ask for.", faults)
    first = start.replace(minute=0, second=0, microsecond=0)
    return BucketQuestion(customer_id, first, end, event_type, "fill" in given, limit)


async def read_buckets(connection: AsyncConnection, question: BucketQuestion) -> Page:
    """The first page of the answer, from what is counted already; reads only."""
    cursor = await connection.execute(
        STATEMENTS[question.statement],
        {
            "customer_id": question.customer_id,
            "event_type": question.event_type,
            "first": question.first,
            "before": question.before,
            "rows": question.limit + 1,
        },
    )
    rows: list[Bucket] = await cursor.fetchall()
    buckets = list(_filled(question, dict(rows))) if question.is_filled else rows
    if len(buckets) <= question.limit:
        return Page(buckets, None)
    return Page(buckets[: question.limit], buckets[question.limit][0])


def _filled(
    question: BucketQuestion, counts: Mapping[datetime, int]
) -> Iterator[Bucket]:
    for number in range(ceil((question.before - question.first) / HOUR)):
        hour = question.first + number * HOUR
        yield hour, counts.get(hour, 0)


def _faults_of_names(
    customer_id: str, parameters: Sequence[tuple[str, str]]
) -> Iterator[Fault]:
    if reason := problem_of_tenant(customer_id):
        yield Fault(reason, "customer_id")
    names = [name for name, _ in parameters]
    for name in dict.fromkeys(names):
        if name not in PARAMETERS:
            yield Fault(f"is not one of {', '.join(PARAMETERS)}", name)
        elif names.count(name) > 1:
            yield Fault("is given more than once", name)


def _moment(
    given: Mapping[str, str], name: str, faults: list[Fault]
) -> datetime | None:
    if name not in given:
        faults.append(Fault("is missing", name))
        return None
    text = PLUS_READ_AS_SPACE.sub(r"\1+\2", given[name])
    try:
        if not ISO_8601.fullmatch(text):
            raise ValueError
        return read_moment(text)
    except ValueError:
        faults.append(
            Fault("is no time in ISO 8601, such as 2025-01-31T12:00:00+01:00", name)
        )
        return None


def _limit(given: Mapping[str, str], faults: list[Fault]) -> int:
    text = given.get("limit", str(DEFAULT_LIMIT))
    if re.fullmatch("[0-9]{1,5}", text) and 1 <= int(text) <= MAX_LIMIT:
        return int(text)
    faults.append(Fault(f"must be a number from 1 to {MAX_LIMIT:,}", "limit"))
    return DEFAULT_LIMIT
