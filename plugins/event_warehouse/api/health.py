"""Whether the service can do its work."""

from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryFile

from fastapi import APIRouter

from event_warehouse.accept.acceptance import FEED
from event_warehouse.api.problems import Problem
from event_warehouse.api.services import AppServices

router = APIRouter()


@router.get("/health")
def get_health(services: AppServices) -> dict[str, object]:
    """Say that the service runs and that the landing folder is writable."""
    if not _is_writable(services.settings.landing / FEED):
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "The landing folder can't be written to; the service's log says why.",
            members={"landing_is_writable": False},
        )
    return {"status": "ok", "landing_is_writable": True}


def _is_writable(folder: Path) -> bool:
    """Tried, because permissions say nothing of a full disk."""
    try:
        with TemporaryFile(dir=folder, prefix=".health-") as probe:
            probe.write(b"ok")
            probe.flush()
    except OSError:
        return False
    return True
