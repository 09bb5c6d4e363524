"""From when on the tables that answers come from have all events."""

from event_warehouse.migrations.statements import execute_file

revision = "v0013_horizons"
down_revision = "v0012_sessions_accounted"


def upgrade() -> None:
    execute_file(__file__)
