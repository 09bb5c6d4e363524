"""How many events there are, and how it goes."""

import time
from dataclasses import asdict
from datetime import UTC, datetime

from fastapi import APIRouter, Response

from event_warehouse.answers.stats import (
    WarehouseStats,
    read_tenant,
    read_warehouse,
)
from event_warehouse.api.answers import ShowSql, about_answer, json_answer, told_sql
from event_warehouse.api.callers import MaySeeStats
from event_warehouse.api.services import AppServices
from event_warehouse.query.parameters import Shown

router = APIRouter()


@router.get("/stats")
async def get_stats(
    caller: MaySeeStats, services: AppServices, show_sql: ShowSql = False
) -> Response:
    """Of the key's tenant; of an operator's, of the whole warehouse."""
    started, now = time.perf_counter(), datetime.now(UTC)
    shown: list[Shown] = []
    content: dict[str, object]
    async with services.reading(caller) as connection:
        fresh = services.freshness.of(caller.tenant)
        if caller.tenant is None:
            content = _told(await read_warehouse(connection, now=now, shown=shown))
        else:
            stats = await read_tenant(connection, caller.tenant, now=now, shown=shown)
            content = asdict(stats)
    about = about_answer(fresh, started=started)
    return json_answer({**content, **about, **told_sql(shown, is_asked=show_sql)})


def _told(stats: WarehouseStats) -> dict[str, object]:
    counted = ("event_count", "rejected_event_count", "duplicate_event_count")
    return {
        **{term: stats.total(term) for term in counted},
        "records_per_second": stats.records_per_second,
        "lag_seconds": stats.lag_seconds,
        "is_balanced": stats.is_balanced,
        "feeds": [asdict(feed) for feed in stats.feeds],
    }
