"""Roles, raw and the ledgers."""

from event_warehouse.migrations.statements import execute_file

revision = "v0001_raw_and_ledger"
down_revision = None


def upgrade() -> None:
    execute_file(__file__)
