"""Functions that a dashboard calls: the last minutes, days or devices of a tenant."""

from event_warehouse.migrations.statements import execute_file

revision = "v0006_dashboards"
down_revision = "v0005_rebuilds"


def upgrade() -> None:
    execute_file(__file__)
