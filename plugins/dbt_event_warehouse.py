"""Gets the warehouse ready when `dbt` is called directly.

dbt imports modules named dbt_* and initializes their plugins before it connects.
"""

from dbt.plugins.manager import dbtPlugin


class ReadyWarehouse(dbtPlugin):
    """Ensures that Postgres, embedded or external, runs and has its schema."""

    def initialize(self) -> None:
        """Start and migrate the warehouse, but only for this project's dbt.

        Also refuses a WAREHOUSE_DSN that dbt's profile would read differently.
        """
        if self.project_name != "event_warehouse":
            return
        from event_warehouse.settings import read_settings
        from event_warehouse.setup import ensure_warehouse

        ensure_warehouse(read_settings())


plugins = [ReadyWarehouse]
