"""Metrics for Prometheus: the service's requests and the state of the warehouse."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from event_warehouse.answers.asked import Asked
from event_warehouse.answers.stats import WarehouseStats, read_warehouse
from event_warehouse.api.callers import MaySeeStats, require_operator
from event_warehouse.api.problems import Problem
from event_warehouse.api.services import AppServices

METHODS = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
FEED_GAUGES = {
    "event_count": "Events taken in.",
    "rejected_event_count": "Records that can't be cast, open.",
    "duplicate_event_count": "Repeats of events.",
    "rejected_line_count": "Lines that can't be split into fields, open.",
    "pending_file_count": "Files that are loaded and not yet taken in.",
    "failed_file_count": "Files that could not be loaded.",
    "unbalanced_file_count": "Files whose records are not all accounted for.",
}

router = APIRouter()
requests = CollectorRegistry()
request_count = Counter(
    "event_warehouse_requests",
    "Answers given.",
    ["method", "route", "status"],
    registry=requests,
)
request_seconds = Histogram(
    "event_warehouse_request_seconds",
    "How long answers took.",
    ["method", "route"],
    registry=requests,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count one more answer."""
    # A label value for each method that clients make up would be kept for ever.
    method = method if method in METHODS else "other"
    request_count.labels(method, route, str(status)).inc()
    request_seconds.labels(method, route).observe(seconds)


class _Warehouse(Collector):
    """The warehouse's numbers; if it is down, only that it is."""

    def __init__(self, stats: WarehouseStats | None) -> None:
        self._stats = stats

    def collect(self) -> Iterator[GaugeMetricFamily]:
        stats = self._stats
        prefix = "event_warehouse"
        up = "Whether the warehouse could be asked."
        yield GaugeMetricFamily(f"{prefix}_up", up, value=stats is not None)
        if stats is None:
            return
        yield GaugeMetricFamily(
            f"{prefix}_lag_seconds",
            "For how long the oldest loaded file has waited to be taken in.",
            value=stats.lag_seconds,
        )
        for term, told in FEED_GAUGES.items():
            gauge = GaugeMetricFamily(f"{prefix}_feed_{term}", told, labels=["feed"])
            for feed in stats.feeds:
                gauge.add_metric([feed.feed], getattr(feed, term))
            yield gauge


@router.get("/metrics")
async def get_metrics(
    request: Request, caller: MaySeeStats, services: AppServices
) -> Response:
    """Metrics in Prometheus's text format; needs an operator's key."""
    require_operator(caller)
    try:
        async with services.reading(caller) as connection:
            stats = await read_warehouse(Asked(connection), now=datetime.now(UTC))
    except Problem:
        stats = None
    warehouse = CollectorRegistry()
    warehouse.register(_Warehouse(stats))
    text = generate_latest(_all_processes(request)) + generate_latest(warehouse)
    return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)


def _all_processes(request: Request) -> CollectorRegistry:
    """Any of several server processes may be asked, and reports for all of them."""
    folder: Path | None = request.app.state.metrics_folder
    if folder is None:
        return requests
    together = CollectorRegistry()
    MultiProcessCollector(together, path=str(folder))  # type: ignore[no-untyped-call]
    return together
