"""Assembles the service."""

from pathlib import Path

from fastapi import FastAPI

from event_warehouse.accept.limits import Limits
from event_warehouse.api import (
    buckets,
    event_details,
    events,
    explorer,
    health,
    keys,
    metrics,
    overview,
    query,
    session,
    stats,
)
from event_warehouse.api.access_log import AccessLog
from event_warehouse.api.openapi import describe_questions
from event_warehouse.api.problems import answer_with_problems
from event_warehouse.api.services import lifespan_of
from event_warehouse.api.turns import QueryLimits
from event_warehouse.settings import Settings

DEFAULT_TENANT = "default"


def create_app(
    settings: Settings,
    *,
    tenant: str = DEFAULT_TENANT,
    limits: Limits | None = None,
    query_limits: QueryLimits | None = None,
    metrics_folder: Path | None = None,
) -> FastAPI:
    """The app, which opens its files at startup and closes them at shutdown.

    With several processes, each keeps its counts in `metrics_folder`.
    """
    app = FastAPI(
        title="Event Warehouse",
        lifespan=lifespan_of(
            settings,
            tenant=tenant,
            limits=limits or Limits(),
            query_limits=query_limits or QueryLimits(),
        ),
        # FastAPI's documentation pages load their scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.metrics_folder = metrics_folder
    app.add_middleware(AccessLog)
    answer_with_problems(app)
    query.answer_invalid_queries(app)
    for module in (
        events,
        buckets,
        keys,
        query,
        event_details,
        stats,
        overview,
        session,
        health,
        metrics,
        explorer,
    ):
        app.include_router(module.router)
    describe_questions(app)
    return app
