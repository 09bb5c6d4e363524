"""Who may read what: tenants' roles, row-level security, API keys, limits."""

from event_warehouse.migrations.statements import execute_file

revision = "v0007_access"
down_revision = "v0006_dashboards"


def upgrade() -> None:
    execute_file(__file__)
