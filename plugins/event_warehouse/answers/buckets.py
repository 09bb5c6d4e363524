"""How many events a customer sent in each hour (UTC) of a range."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from psycopg import AsyncConnection

from event_warehouse.database import load_statements
from event_warehouse.query.query_string import QueryString
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

Bucket = tuple[datetime, int]


@dataclass(frozen=True)
class BucketQuestion:
    """A customer, and the hours asked for: those that start in [first, end)."""

    customer_id: str
    first: datetime
    end: datetime
    event_type: str | None = None
    is_filled: bool = False
    """Whether hours without events are listed as 0."""
    limit: int = DEFAULT_LIMIT
    """The most buckets in one answer."""

    @property
    def statement(self) -> str:
        """The name of the statement that answers it."""
        return "hours" if self.event_type is None else "hours_of_type"

    @property
    def table(self) -> str:
        """The table that the statement reads."""
        return TABLES[self.statement]

    @property
    def before(self) -> datetime:
        """Where reading ends: one hour past the limit tells whether more follow."""
        longest = (self.limit + 1) * HOUR
        if not self.is_filled or self.end - self.first <= longest:
            return self.end
        return self.first + longest


@dataclass(frozen=True)
class Page:
    """Buckets by hour, ascending, and where the next page starts, if there is one."""

    buckets: Sequence[Bucket]
    next_start: datetime | None


def read_question(
    customer_id: str, parameters: Sequence[tuple[str, str]]
) -> BucketQuestion:
    """The question in the query parameters; raises InvalidQuery with every fault."""
    given = QueryString(parameters, PARAMETERS)
    if reason := problem_of_tenant(customer_id):
        given.refuse("customer_id", reason)
    start, end = _moment(given, "start"), _moment(given, "end")
    if start and end and end <= start:
        given.refuse("end", "is not after start")
    # The rules for a tenant's name hold for an event type, too.
    event_type = given.text("event_type", problem_of_tenant)
    fill = given.one_of("fill", ["zero"])
    limit = given.number("limit", MAX_LIMIT)
    if given.faults or start is None or end is None:
        raise given.invalid()
    return BucketQuestion(
        customer_id,
        first=start.replace(minute=0, second=0, microsecond=0),
        end=end,
        event_type=event_type,
        is_filled=fill is not None,
        limit=limit or DEFAULT_LIMIT,
    )


def _moment(given: QueryString, name: str) -> datetime | None:
    if name not in given:
        given.refuse(name, "is missing")
    return given.moment(name)


async def read_buckets(connection: AsyncConnection, question: BucketQuestion) -> Page:
    """The first page of the answer, from hourly counts; reads only."""
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
