"""Whether the service can do its work."""

import logging
from http import HTTPStatus

from fastapi import APIRouter

from event_warehouse.api.problems import Problem
from event_warehouse.api.services import AppServices

router = APIRouter()
logger = logging.getLogger(__name__)


# Some load balancers check with HEAD.
@router.head("/health", include_in_schema=False)
@router.get("/health")
def get_health(services: AppServices) -> dict[str, object]:
    """Report whether the service can store events.

    Without Postgres it still accepts events, so it is healthy.
    """
    has_postgres = services.upkeep.has_postgres
    if problem := services.acceptance.problem():
        logger.error("events can't be stored: %s", problem)
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "Events can't be stored now; the service's log says why.",
            members={"landing_is_writable": False, "has_postgres": has_postgres},
        )
    return {"status": "ok", "landing_is_writable": True, "has_postgres": has_postgres}
