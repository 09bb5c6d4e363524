"""What others own in dbt's schemas is left to them."""

from event_warehouse.migrations.statements import execute_file

revision = "v0016_relations_of_others"
down_revision = "v0015_horizons"


def upgrade() -> None:
    execute_file(__file__)
