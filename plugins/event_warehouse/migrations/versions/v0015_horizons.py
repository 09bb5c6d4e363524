"""From when on the tables that answers come from have all events."""

from event_warehouse.migrations.statements import execute_file

revision = "v0015_horizons"
down_revision = "v0014_months_without_types"


def upgrade() -> None:
    execute_file(__file__)
