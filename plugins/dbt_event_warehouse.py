"""Has the warehouse ready for `dbt` when it is called by itself.

dbt imports the modules that are named dbt_* and makes their plugins before it connects.
"""

from dbt.plugins.manager import dbtPlugin


class ReadyWarehouse(dbtPlugin):
    """The embedded Postgres runs, or another is named, and its schema is made."""

    def initialize(self) -> None:
        """Start and migrate what this project's dbt works on; other projects' is not.

        Here too WAREHOUSE_DSN is refused if the profile would read it otherwise.
        """
        if self.project_name != "event_warehouse":
            return
        from event_warehouse.settings import read_settings
        from event_warehouse.setup import ensure_warehouse

        ensure_warehouse(read_settings())


plugins = [ReadyWarehouse]
