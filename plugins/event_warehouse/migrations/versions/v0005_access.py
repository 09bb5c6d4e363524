"""Who may read what: tenants' roles, row-level security, API keys, limits."""

from event_warehouse.migrations.statements import execute_file

revision = "v0005_access"
down_revision = "v0004_recasts"


def upgrade() -> None:
    execute_file(__file__)
