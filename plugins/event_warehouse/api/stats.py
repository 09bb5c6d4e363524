"""How many events there are, and the state of each feed."""

import time
from dataclasses import asdict
from datetime import UTC, datetime

from fastapi import APIRouter, Response

from event_warehouse.answers.asked import Asked
from event_warehouse.answers.stats import (
    WarehouseStats,
    read_tenant,
    read_warehouse,
)
from event_warehouse.api.answers import (
    OnlyShowSql,
    about_answer,
    json_answer,
    told_sql,
)
from event_warehouse.api.callers import MaySeeStats
from event_warehouse.api.services import AppServices

router = APIRouter()


@router.get("/stats")
async def get_stats(
    caller: MaySeeStats, services: AppServices, show_sql: OnlyShowSql
) -> Response:
    """Counts for the key's tenant; with an operator's key, for the whole warehouse."""
    started, now = time.perf_counter(), datetime.now(UTC)
    content: dict[str, object]
    async with services.reading(caller) as connection:
        fresh = services.freshness.of(caller.tenant)
        asked = Asked(connection)
        if caller.tenant is None:
            content = _told(await read_warehouse(asked, now=now))
        else:
            content = asdict(await read_tenant(asked, caller.tenant, now=now))
    about = about_answer(fresh, started=started)
    return json_answer({**content, **about, **told_sql(asked, is_asked=show_sql)})


def _told(stats: WarehouseStats) -> dict[str, object]:
    counted = ("event_count", "rejected_event_count", "duplicate_event_count")
    return {
        **{term: stats.total(term) for term in counted},
        "records_per_second": stats.records_per_second,
        "lag_seconds": stats.lag_seconds,
        "is_balanced": stats.is_balanced,
        "feeds": [asdict(feed) for feed in stats.feeds],
    }
