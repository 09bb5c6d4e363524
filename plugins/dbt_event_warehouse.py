"""Starts the embedded Postgres for `dbt` when it is called by itself.

dbt imports the modules that are named dbt_* and makes their plugins before it connects.
"""

import os

from dbt.plugins.manager import dbtPlugin


class EmbeddedWarehouse(dbtPlugin):
    """Has the warehouse ready, where dbt is not told of another one."""

    def initialize(self) -> None:
        """Start and migrate the embedded warehouse if this project's dbt needs it."""
        if self.project_name != "event_warehouse" or os.environ.get("WAREHOUSE_DSN"):
            return
        from event_warehouse.settings import read_settings
        from event_warehouse.setup import ensure_warehouse

        ensure_warehouse(read_settings())


plugins = [EmbeddedWarehouse]
