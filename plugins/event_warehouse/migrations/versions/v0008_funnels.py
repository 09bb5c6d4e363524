"""Funnels: the declared ones, and the functions that count any."""

from event_warehouse.migrations.statements import execute_file

revision = "v0008_funnels"
down_revision = "v0007_access"


def upgrade() -> None:
    execute_file(__file__)
