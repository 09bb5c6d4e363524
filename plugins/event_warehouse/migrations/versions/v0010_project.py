"""Which version of the dbt project the views are of."""

from event_warehouse.migrations.statements import execute_file

revision = "v0010_project"
down_revision = "v0009_lifecycle"


def upgrade() -> None:
    execute_file(__file__)
