"""Months of entities are counted without event types."""

from event_warehouse.migrations.statements import execute_file

revision = "v0014_months_without_types"
down_revision = "v0013_deleted_values"


def upgrade() -> None:
    execute_file(__file__)
