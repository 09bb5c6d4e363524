"""The service, put together."""

from fastapi import FastAPI

from event_warehouse.accept.limits import Limits
from event_warehouse.api import events, health, keys, query
from event_warehouse.api.access_log import AccessLog
from event_warehouse.api.openapi import describe_questions
from event_warehouse.api.problems import answer_with_problems
from event_warehouse.api.services import lifespan_of
from event_warehouse.settings import Settings

DEFAULT_TENANT = "default"


def create_app(
    settings: Settings, *, tenant: str = DEFAULT_TENANT, limits: Limits | None = None
) -> FastAPI:
    """The app; it opens its files when it starts and closes them when it ends."""
    app = FastAPI(
        title="Event Warehouse",
        lifespan=lifespan_of(settings, tenant=tenant, limits=limits or Limits()),
        # The pages load their scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.add_middleware(AccessLog)
    answer_with_problems(app)
    query.answer_invalid_queries(app)
    app.include_router(events.router)
    app.include_router(health.router)
    app.include_router(keys.router)
    app.include_router(query.router)
    describe_questions(app)
    return app
