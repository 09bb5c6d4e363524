"""The Airflow pool that keeps loaders from crowding the database."""

from event_warehouse.local_airflow.api import sign_in
from event_warehouse.settings import Settings

LOADERS = "warehouse_loaders"
SLOTS = 2
"""Two loaders keep two cores busy, one reading and one in Postgres each."""


def ensure_pool(settings: Settings) -> bool:
    """True if the pool had to be created; a size that an operator set is kept."""
    api = sign_in(settings)
    if api.find(f"/api/v2/pools/{LOADERS}") is not None:
        return False
    pool = {"name": LOADERS, "slots": SLOTS, "description": "Tasks that load files"}
    api.post("/api/v2/pools", pool)
    return True
