"""The service, put together."""

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
    """The app; it opens its files when it starts and closes them when it ends.

    In the folder, if one is given, each of several processes keeps its counts.
    """
    app = FastAPI(
        title="Event Warehouse",
        lifespan=lifespan_of(
            settings,
            tenant=tenant,
            limits=limits or Limits(),
            query_limits=query_limits or QueryLimits(),
        ),
        # The pages load their scripts from elsewhere.
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
