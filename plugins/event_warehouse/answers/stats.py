"""How many events there are, how fast they arrive, and the state of each feed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from event_warehouse.answers.asked import Asked
from event_warehouse.database import load_statements

STATEMENTS = load_statements("event_warehouse.answers", "stats")
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class TenantStats:
    """The numbers that a tenant may see."""

    tenant_id: str
    event_count: int
    first_date: date | None
    last_date: date | None
    last_hour_event_count: int
    """By event time, in the hour before the request."""


@dataclass(frozen=True)
class FeedStats:
    """The state of a feed; rows count once their file has been applied."""

    feed: str
    file_count: int
    pending_file_count: int
    failed_file_count: int
    unbalanced_file_count: int
    record_count: int
    rejected_line_count: int
    event_count: int
    reference_row_count: int
    rejected_event_count: int
    duplicate_event_count: int
    last_hour_record_count: int
    """Of the files that arrived in the hour before the request."""
    newest_load_at: datetime | None
    oldest_pending_at: datetime | None


@dataclass(frozen=True)
class WarehouseStats:
    """The numbers that an operator may see."""

    asked_at: datetime
    feeds: Sequence[FeedStats]

    def total(self, term: str) -> int:
        """The sum of one of the counts over all feeds."""
        return sum(getattr(feed, term) for feed in self.feeds)

    @property
    def records_per_second(self) -> float:
        """Loaded in the last hour, on average."""
        return self.total("last_hour_record_count") / HOUR.total_seconds()

    @property
    def lag_seconds(self) -> float:
        """How long the oldest pending file has waited to be applied; 0 if none."""
        waiting = [one.oldest_pending_at for one in self.feeds if one.oldest_pending_at]
        return max(0.0, (self.asked_at - min(waiting, default=self.asked_at)) / SECOND)

    @property
    def is_balanced(self) -> bool:
        """True if every applied file adds up and none has failed."""
        return not self.total("unbalanced_file_count") and not self.total(
            "failed_file_count"
        )


SECOND = timedelta(seconds=1)


async def read_tenant(asked: Asked, tenant: str, *, now: datetime) -> TenantStats:
    """The numbers of one tenant; reads only."""
    (counted,) = await asked.rows(STATEMENTS, "tenant", tenant_id=tenant)
    (recent,) = await asked.rows(
        STATEMENTS, "tenant_last_hour", tenant_id=tenant, now=now
    )
    return TenantStats(tenant, **counted, last_hour_event_count=recent["event_count"])


async def read_warehouse(asked: Asked, *, now: datetime) -> WarehouseStats:
    """The numbers of all tenants together; reads only."""
    feeds = await asked.rows(STATEMENTS, "feeds", now=now)
    return WarehouseStats(now, [FeedStats(**feed) for feed in feeds])
